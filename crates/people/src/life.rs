//! What happens when somebody moves away, dies, or goes to hospital: the register says so, and a closed record takes
//! the team's access and the consents with it.

use access::Act;
use base::wareki::Date;
use base::{Ctx, PersonId};
use db::{Tx, outbox};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{LifeStatus, Line, PeopleError, PeopleRefusal, Resident, consent, resident, store, team};

/// Records where in life the person is now. 転出 and 死亡 end team memberships, consents and every grant at once, those
/// of cases and visits too; a correction back does not revive them: they are asked for anew.
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
    outbox::push(tx, ctx.now, &Event::LifeChanged { person, home: after.home, life })?;
    Ok(after)
}

fn close(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), PeopleError> {
    for member in store::teams::open_of(tx, person)? {
        team::end(ctx, tx, &member)?;
    }
    consent::end_all(ctx, tx, person, "登録の終了")?;
    // Also what came from a case, a visit or an escalation. A case that is still open goes to the city.
    Ok(access::revoke_person(ctx, tx, person)?)
}
