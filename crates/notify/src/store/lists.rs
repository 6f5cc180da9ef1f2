//! What pages read.

use std::collections::BTreeMap;

use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

use super::purpose_at;
use crate::rules;
use crate::{AttemptId, AttemptState, InboxItem, Receipt, Topic, Undeliverable, Way};
use base::MessageId;

/// Each followed by a condition on `person_id` in brackets.
const UNDELIVERABLE: &str =
    "SELECT id, recipient_id, person_id, topic, purpose, target_id, created_at, undeliverable_at
    FROM notify_message WHERE undeliverable_at IS NOT NULL AND settled_at IS NULL AND read_at IS NULL AND";
const COUNT_UNDELIVERABLE: &str = "SELECT COUNT(*) FROM notify_message
    WHERE undeliverable_at IS NOT NULL AND settled_at IS NULL AND read_at IS NULL AND";
const UNREAD: &str = "SELECT id, topic, person_id, purpose, target_id, created_at, read_at, recipient_id
    FROM notify_message
    WHERE recipient_id IN ($1, $2) AND on_screen = 1 AND read_at IS NULL AND superseded_at IS NULL
    ORDER BY created_at DESC, id DESC LIMIT $3";
const MESSAGES: &str = "SELECT id, topic, person_id, purpose, target_id, created_at, read_at, recipient_id
    FROM notify_message
    WHERE recipient_id IN ($1, $2) AND superseded_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $3";
const MESSAGE: &str = "SELECT id, topic, person_id, purpose, target_id, created_at, read_at, recipient_id
    FROM notify_message WHERE id = $1";
const COUNT_MESSAGES: &str =
    "SELECT COUNT(*) FROM notify_message WHERE recipient_id IN ($1, $2) AND superseded_at IS NULL";
const COUNT_UNREAD: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM notify_message
    WHERE recipient_id IN ($1, $2) AND on_screen = 1 AND read_at IS NULL AND superseded_at IS NULL LIMIT $3) AS unread";
const RECEIPTS: &str = "SELECT id, way, state, tries, queued_at, sent_at, failed_at, read_at, error FROM notify_attempt
    WHERE message_id = $1 ORDER BY rank";
const RECEIPTS_OF: &str =
    "SELECT id, way, state, tries, queued_at, sent_at, failed_at, read_at, error, message_id FROM notify_attempt
    WHERE message_id {among} ORDER BY message_id, rank";

/// `condition` is on `person_id`, its parameters numbered from 1.
pub(crate) fn undeliverable(
    tx: &mut dyn Tx,
    condition: &str,
    mut values: Vec<Value>,
    limit: usize,
) -> Result<(Vec<Undeliverable>, usize), DbError> {
    let count = format!("{COUNT_UNDELIVERABLE} (person_id IS NULL OR {condition})");
    let all = tx.scalar(&count, &values)?;
    let last = values.len() + 1;
    let list = format!(
        "{UNDELIVERABLE} (person_id IS NULL OR {condition}) ORDER BY undeliverable_at DESC, id DESC LIMIT ${last}"
    );
    values.push(limit.into());
    let one = |r: &Row| {
        Ok(Undeliverable {
            message: r.get(0)?,
            recipient: r.get(1)?,
            person: r.get(2)?,
            topic: r.word(3, Topic::from_key)?,
            purpose: purpose_at(r, 4)?,
            sent_at: r.get(6)?,
            since: r.get(7)?,
        })
    };
    let rows: Result<Vec<_>, DbError> = tx.list("notify_message", &list, &values, one);
    Ok((rows?, all))
}

pub(crate) fn unread(tx: &mut dyn Tx, recipient: Uuid, office: Uuid, limit: usize) -> Result<Vec<InboxItem>, DbError> {
    tx.list("notify_message", UNREAD, params![recipient, office, limit], item_of)
}

pub(crate) fn messages(
    tx: &mut dyn Tx,
    recipient: Uuid,
    office: Uuid,
    limit: usize,
) -> Result<(Vec<InboxItem>, usize), DbError> {
    let all = tx.scalar(COUNT_MESSAGES, params![recipient, office])?;
    let rows: Result<Vec<_>, DbError> = tx.list("notify_message", MESSAGES, params![recipient, office, limit], item_of);
    Ok((rows?, all))
}

fn item_of(r: &Row) -> Result<InboxItem, DbError> {
    Ok(InboxItem {
        message: r.get(0)?,
        topic: r.word(1, Topic::from_key)?,
        person: r.get(2)?,
        purpose: purpose_at(r, 3)?,
        at: r.get(5)?,
        read_at: r.get(6)?,
        recipient: r.get(7)?,
    })
}

pub(crate) fn message(tx: &mut dyn Tx, id: MessageId) -> Result<Option<InboxItem>, DbError> {
    tx.first(MESSAGE, params![id])?.map(|r| item_of(&r)).transpose()
}

pub(crate) fn count_unread(tx: &mut dyn Tx, recipient: Uuid, office: Uuid) -> Result<usize, DbError> {
    tx.scalar(COUNT_UNREAD, params![recipient, office, rules::UNREAD_COUNTED])
}

pub(crate) fn receipts(tx: &mut dyn Tx, id: MessageId) -> Result<Vec<Receipt>, DbError> {
    tx.list("notify_message", RECEIPTS, params![id], receipt)
}

/// Of many messages, those of each in their order.
pub(crate) fn receipts_of(tx: &mut dyn Tx, ids: &[MessageId]) -> Result<BTreeMap<MessageId, Vec<Receipt>>, DbError> {
    let mut found: BTreeMap<MessageId, Vec<Receipt>> = BTreeMap::new();
    for (message, one) in tx.list_among("notify_message", RECEIPTS_OF, &[], ids, |r| Ok((r.get(9)?, receipt(r)?)))? {
        found.entry(message).or_default().push(one);
    }
    Ok(found)
}

fn receipt(r: &Row) -> Result<Receipt, DbError> {
    Ok(Receipt {
        attempt: AttemptId(r.get(0)?),
        way: r.word(1, Way::from_key)?,
        state: r.word(2, AttemptState::from_key)?,
        tries: r.get(3)?,
        queued_at: r.get(4)?,
        sent_at: r.get(5)?,
        failed_at: r.get(6)?,
        read_at: r.get(7)?,
        error: r.get(8)?,
    })
}
