//! What a signed-in recipient was sent, what of it is unread, and what became of a message.

use std::collections::BTreeMap;

use audit::{Basis, Means};
use base::{Actor, Ctx, Instant, MessageId, PersonId, Role};
use db::{DbError, Tx, outbox};
use uuid::Uuid;

use crate::event::Event;
use crate::verbs::Verb;
use crate::{LinkPurpose, NotifyError, NotifyRefusal, Receipt, Topic, rules, store};

/// One message on the screen; its text is [`Topic::ja`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InboxItem {
    pub message: MessageId,
    /// The actor, or the actor's office.
    pub recipient: Uuid,
    pub topic: Topic,
    pub person: Option<PersonId>,
    /// Where it leads.
    pub purpose: Option<LinkPurpose>,
    pub at: Instant,
    pub read_at: Option<Instant>,
}

/// Whose messages an actor reads beside their own: those of the office they work in. Who looks at its record for it
/// works on none of them, and reads none away.
fn office_of(actor: &Actor) -> Uuid {
    let office = actor.office.filter(|_| actor.role != Role::Auditor);
    office.map_or(actor.id, |office| office.0)
}

/// Unread messages to the actor or the actor's office, newest first, one page.
pub fn inbox(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<InboxItem>, DbError> {
    store::unread(tx, ctx.actor.id, office_of(&ctx.actor), rules::INBOX_ROWS)
}

/// What was sent to the actor or the actor's office, by whichever way, newest first, one page; and how many there are.
pub fn messages(ctx: &Ctx, tx: &mut dyn Tx) -> Result<(Vec<InboxItem>, usize), DbError> {
    store::messages(tx, ctx.actor.id, office_of(&ctx.actor), rules::INBOX_ROWS)
}

/// How many are unread, [`rules::UNREAD_COUNTED`] at most. Asked with every page.
pub fn unread(tx: &mut dyn Tx, reader: &Actor) -> Result<usize, DbError> {
    store::count_unread(tx, reader.id, office_of(reader))
}

/// The actor has read it; ways that were still to be taken are not. Outbox: `notify.screen`, so that the count beside
/// 「通知」 follows.
pub fn mark_read(ctx: &Ctx, tx: &mut dyn Tx, id: MessageId) -> Result<InboxItem, NotifyError> {
    let item = store::message(tx, id)?.filter(|m| is_for(ctx, m.recipient)).ok_or(NotifyRefusal::MessageUnknown)?;
    if item.read_at.is_some() {
        return Ok(item);
    }
    store::read(tx, id, ctx.now)?;
    audit::done(ctx, tx, Verb::MarkRead, Basis::Means(Means::Recipient, item.person), "message")?;
    outbox::push(tx, ctx.now, &Event::Screen { message: id, recipient: item.recipient })?;
    Ok(InboxItem { read_at: Some(ctx.now), ..item })
}

/// Whether a message to this recipient is the actor's own, or that of the actor's office.
pub(crate) fn is_for(ctx: &Ctx, recipient: Uuid) -> bool {
    recipient == ctx.actor.id || recipient == office_of(&ctx.actor)
}

/// What became of each attempt, in the order in which the ways are taken, the screen last.
pub fn receipts(tx: &mut dyn Tx, id: MessageId) -> Result<Vec<Receipt>, DbError> {
    store::receipts(tx, id)
}

/// The same of many messages: what became of each.
pub fn receipts_of(tx: &mut dyn Tx, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Vec<Receipt>>, DbError> {
    store::receipts_of(tx, ids)
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

pub(crate) fn known(tx: &mut dyn Tx, id: MessageId) -> Result<(Uuid, Option<PersonId>), NotifyError> {
    match store::whom(tx, id) {
        Err(DbError::NoRow) => Err(NotifyRefusal::MessageUnknown.into()),
        other => Ok(other?),
    }
}
