//! What nobody could be told by any way, for those who can call instead: each sees the messages about people whom they
//! may see anyway, and those about nobody.

use access::Act;
use base::{Ctx, Instant, MessageId, PersonId};
use db::Tx;
use uuid::Uuid;

use crate::verbs::Verb;
use crate::{LinkPurpose, NotifyError, NotifyRefusal, Topic, inbox, rules, store};

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
pub fn undeliverable(ctx: &Ctx, tx: &mut dyn Tx, limit: usize) -> Result<(Vec<Undeliverable>, usize), NotifyError> {
    if !rules::minds_undeliverable(ctx) {
        return Err(NotifyRefusal::NotForYou.into());
    }
    let (condition, seen) = access::scope(ctx, Act::SeeIdentity)?.filter("person_id", 1);
    Ok(store::undeliverable(tx, &condition, seen, limit.min(base::limits::LIST_ROWS))?)
}

/// Somebody told the recipient by other means.
pub fn settle_undeliverable(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId) -> Result<(), NotifyError> {
    if !rules::minds_undeliverable(ctx) {
        return Err(NotifyRefusal::NotForYou.into());
    }
    let (_, person) = inbox::known(tx, id)?;
    // One about somebody else is answered like one that does not exist.
    if person.is_some_and(|person| !access::may(ctx, tx, Act::SeeIdentity, person)) {
        return Err(NotifyRefusal::MessageUnknown.into());
    }
    if !store::settle(tx, id, ctx.now)? {
        return Err(NotifyRefusal::Settled.into());
    }
    audit::done(ctx, tx, Verb::SettleUndeliverable, person.as_slice(), "message", "duty")?;
    Ok(())
}
