//! What nobody could be told by any way, for those who can call instead: each sees the messages about people whom they
//! may see anyway, and those about nobody.

use access::{Act, Charge, Charged, Shown};
use audit::Basis;
use base::{Ctx, Instant, MessageId, PersonId};
use db::Tx;
use uuid::Uuid;

use crate::verbs::Verb;
use crate::{LinkPurpose, NotifyError, NotifyRefusal, Topic, inbox, store};

/// A message that no outside way could deliver and that was not read on a screen either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Undeliverable {
    pub message: MessageId,
    pub recipient: Uuid,
    pub person: Option<PersonId>,
    pub topic: Topic,
    /// What it was to lead to.
    pub purpose: Option<LinkPurpose>,
    pub sent_at: Instant,
    pub since: Instant,
}

/// What could not be delivered and nobody has read or settled, newest first, at most `limit`, and how many there are.
pub fn undeliverable(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    limit: usize,
) -> Result<Shown<(Vec<Undeliverable>, usize)>, NotifyError> {
    mind(ctx)?;
    let (condition, seen) = access::scope(ctx, Act::SeeUndelivered)?.filter("notify_message.person_id", 1);
    let (rows, all) = store::undeliverable(tx, &condition, seen, limit.min(base::limits::LIST_ROWS))?;
    let persons: Vec<PersonId> = rows.iter().filter_map(|row| row.person).collect();
    let witnesses = access::require_each(ctx, tx, &[Act::SeeUndelivered], &[], &persons)?;
    Ok(Shown::new((rows, all), witnesses))
}

/// Somebody told the recipient by other means.
pub fn settle_undeliverable(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId) -> Result<(), NotifyError> {
    let charged = mind(ctx)?;
    let (_, person) = inbox::known(tx, id)?;
    // One about somebody else is answered like one that does not exist.
    let witness = person.map(|person| access::require(ctx, tx, Act::SeeUndelivered, person)).transpose();
    let Ok(witness) = witness else { return Err(NotifyRefusal::MessageUnknown.into()) };
    let on = witness.as_ref().map_or(Basis::Charge(charged, None), Basis::from);
    if !store::settle(tx, id, ctx.now)? {
        return Err(NotifyRefusal::Settled.into());
    }
    audit::done(ctx, tx, Verb::SettleUndeliverable, on, "message")?;
    Ok(())
}

fn mind(ctx: &Ctx) -> Result<Charged, NotifyRefusal> {
    access::charge(ctx, Charge::MindMessages).map_err(|_| NotifyRefusal::NotForYou)
}
