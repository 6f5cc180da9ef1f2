//! What happens when somebody moves away, dies, or goes to hospital: the register says so, and a closed record takes
//! the team's access and the consents with it.

use access::Act;
use base::wareki::Date;
use base::{Ctx, PersonId};
use db::{Tx, outbox};
use serde_json::json;

use crate::verbs::Verb;
use crate::{LifeStatus, Line, PeopleError, PeopleRefusal, Resident, consent, resident, store, team};

/// Records where in life the person is now. 転出 and 死亡 end team memberships and consents at once (grants too); a
/// correction back does not revive them: they are asked for anew.
pub fn set_life(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    life: LifeStatus,
    since: Date,
    reason: &Line,
) -> Result<Resident, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    let mut after = resident::load(tx, person)?;
    resident::not_future(ctx.now, since)?;
    if reason.is_blank() && (life.closed() || after.life.closed()) {
        return Err(PeopleRefusal::NoReason.into());
    }
    let closes = life.closed() && !after.life.closed();
    after.life = life;
    after.life_since = since;
    after.version += 1;
    resident::keep(ctx, tx, &after, reason.expose())?;
    if closes {
        close(ctx, tx, person)?;
    }
    audit::done(ctx, tx, Verb::SetLife, &witness, "identity")?;
    outbox::push(
        tx,
        ctx.now,
        "people.life_changed",
        &json!({ "person": person, "home": after.home, "life": life.key() }),
    )?;
    Ok(after)
}

fn close(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), PeopleError> {
    for member in store::teams::open_of(tx, person)? {
        team::end(ctx, tx, &member)?;
    }
    consent::end_all(ctx, tx, person, "登録の終了")
}
