//! What a signed-in recipient has not read, what became of a message, and what nobody could be told.

use base::{Ctx, Instant, MessageId, PersonId};
use db::{DbError, Tx};
use uuid::Uuid;

use crate::{LinkPurpose, NotifyError, NotifyRefusal, Receipt, Topic, rules, store};

/// One message on the screen; its text is [`Topic::ja`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InboxItem {
    pub message: MessageId,
    pub topic: Topic,
    pub person: Option<PersonId>,
    /// Where it leads.
    pub purpose: Option<LinkPurpose>,
    pub at: Instant,
}

/// A message that no outside way could deliver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Undeliverable {
    pub message: MessageId,
    pub recipient: Uuid,
    pub person: Option<PersonId>,
    pub topic: Topic,
    pub since: Instant,
}

/// Unread messages to the actor or the actor's office, newest first, one page.
pub fn inbox(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<InboxItem>, DbError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    store::unread(tx, ctx.actor.id, office, rules::INBOX_ROWS)
}

/// How many are unread.
pub fn unread(ctx: &Ctx, tx: &mut dyn Tx) -> Result<usize, DbError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    store::count_unread(tx, ctx.actor.id, office)
}

/// The actor has read it; ways that were still to be taken are not.
pub fn mark_read(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId) -> Result<(), NotifyError> {
    let (recipient, person) = known(tx, id)?;
    let own = recipient == ctx.actor.id || ctx.actor.office.is_some_and(|o| o.0 == recipient);
    if !own {
        return Err(NotifyRefusal::MessageUnknown.into());
    }
    if store::is_read(tx, id)? {
        return Ok(());
    }
    store::read(tx, id, ctx.now)?;
    audit::done(ctx, tx, "notify.mark_read", person.as_slice(), "message", "own")?;
    Ok(())
}

/// What became of each attempt, in the order in which the ways are taken, the screen last.
pub fn receipts(tx: &mut dyn Tx, id: MessageId) -> Result<Vec<Receipt>, DbError> {
    store::receipts(tx, id)
}

/// What could not be delivered and nobody has settled, oldest first.
pub fn undeliverable(ctx: &Ctx, tx: &mut dyn Tx, limit: usize) -> Result<Vec<Undeliverable>, NotifyError> {
    if !rules::minds_undeliverable(ctx) {
        return Err(NotifyRefusal::NotForYou.into());
    }
    Ok(store::undeliverable(tx, limit.min(base::limits::LIST_ROWS))?)
}

/// Somebody told the recipient by other means.
pub fn settle_undeliverable(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId) -> Result<(), NotifyError> {
    if !rules::minds_undeliverable(ctx) {
        return Err(NotifyRefusal::NotForYou.into());
    }
    let (_, person) = known(tx, id)?;
    store::settle(tx, id, ctx.now)?;
    audit::done(ctx, tx, "notify.settle_undeliverable", person.as_slice(), "message", "duty")?;
    Ok(())
}

/// Forgets addresses that are not needed any more and messages that are old, but none that waits to be settled. To be
/// called every hour; gives how many messages were forgotten.
pub fn tidy(tx: &mut dyn Tx, now: Instant) -> Result<u64, DbError> {
    store::forget_addresses(tx, now - rules::KEEP_ADDRESSES)?;
    store::forget_messages(tx, now - rules::KEEP)
}

/// Gives up what was to be sent before this moment: news of a past that was played, which nobody waits for. Only for the
/// builder of a fictional town.
pub fn give_up_before(tx: &mut dyn Tx, moment: Instant) -> Result<u64, DbError> {
    if db::marks::get(tx, db::marks::FICTIONAL)?.is_none() {
        return Ok(0);
    }
    store::give_up_before(tx, moment)
}

fn known(tx: &mut dyn Tx, id: MessageId) -> Result<(Uuid, Option<PersonId>), NotifyError> {
    match store::whom(tx, id) {
        Err(DbError::NoRow) => Err(NotifyRefusal::MessageUnknown.into()),
        other => Ok(other?),
    }
}
