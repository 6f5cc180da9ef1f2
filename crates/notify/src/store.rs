//! Rows in the database.

mod lists;

use base::{Instant, MessageId, PersonId, Span};
use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

pub(crate) use lists::{count_unread, message, messages, receipts, receipts_of, undeliverable, unread};

use crate::{AttemptId, AttemptState, LinkHash, LinkPurpose, LinkUse, NewMessage, Topic, Way, rules};

const INSERT_MESSAGE: &str = "INSERT INTO notify_message
    (id, recipient_id, person_id, topic, purpose, target_id, link_expires_at, on_screen, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const SUPERSEDE: &str = "UPDATE notify_message SET superseded_at = $5
    WHERE recipient_id = $1 AND target_id = $2 AND topic = $3 AND purpose = $4
    AND on_screen = 1 AND read_at IS NULL AND superseded_at IS NULL";
const WHOM: &str = "SELECT recipient_id, person_id FROM notify_message WHERE id = $1";
const IS_READ: &str = "SELECT COUNT(*) FROM notify_message WHERE id = $1 AND read_at IS NOT NULL";
const SET_READ: &str = "UPDATE notify_message SET read_at = $2 WHERE id = $1 AND read_at IS NULL";
const READ_SCREEN: &str = "UPDATE notify_attempt SET state = 'read', read_at = $2 WHERE message_id = $1 AND way = 'screen' AND state = 'sent'";
const DROP_REST: &str = "UPDATE notify_attempt SET state = 'unneeded', address = ''
    WHERE message_id = $1 AND state IN ('waiting', 'queued')";
const SET_UNDELIVERABLE: &str = "UPDATE notify_message SET undeliverable_at = $2 WHERE id = $1";
const SET_DELIVERABLE: &str = "UPDATE notify_message SET undeliverable_at = NULL WHERE id = $1";
const SETTLE: &str = "UPDATE notify_message SET settled_at = $2
    WHERE id = $1 AND undeliverable_at IS NOT NULL AND settled_at IS NULL";

const INSERT_ATTEMPT: &str = "INSERT INTO notify_attempt
    (id, message_id, way, rank, state, urgency, address, tries, due_at, leased, queued_at, sent_at, failed_at, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, $9, $10, $11, $12)";
const ATTEMPT: &str = "SELECT a.id, a.message_id, a.way, m.topic, a.state, a.address, a.tries, a.leased,
        a.first_failed_at, m.purpose, a.report_by, a.error
    FROM notify_attempt a JOIN notify_message m ON m.id = a.message_id WHERE a.id = $1";
/// `due_at` is when the attempt may be leased, and while it is leased, when the lease ends.
const DUE: &str = "SELECT a.id, a.message_id, a.way, m.topic, a.state, a.address, a.tries, a.leased,
        a.first_failed_at, m.purpose, a.report_by, a.error
    FROM notify_attempt a JOIN notify_message m ON m.id = a.message_id
    WHERE a.state = 'queued' AND a.leased = $1 AND a.due_at <= $2 ORDER BY a.urgency, a.due_at, a.id LIMIT $3";
const ANYTHING_DUE: &str = "SELECT COUNT(*) FROM (SELECT id FROM notify_attempt
    WHERE state = 'queued' AND due_at <= $1 LIMIT 1) AS first_due";
const PUT_OFF: &str =
    "UPDATE notify_attempt SET due_at = $2, report_by = CASE WHEN report_by IS NULL THEN NULL ELSE $2 END
    WHERE id = $1";
const QUEUE_LENGTH: &str = "SELECT COUNT(*) FROM notify_attempt WHERE state = 'queued'";
const UNREPORTED: &str = "SELECT a.id, a.message_id, a.way, m.topic, a.state, a.address, a.tries, a.leased,
        a.first_failed_at, m.purpose, a.report_by, a.error
    FROM notify_attempt a JOIN notify_message m ON m.id = a.message_id
    WHERE a.report_by IS NOT NULL AND a.report_by <= $1 ORDER BY a.report_by, a.id LIMIT $2";
const ANYTHING_UNREPORTED: &str = "SELECT COUNT(*) FROM (SELECT id FROM notify_attempt
    WHERE report_by IS NOT NULL AND report_by <= $1 LIMIT 1) AS first_unreported";
const FORGET_REPORT: &str = "UPDATE notify_attempt SET report_by = NULL WHERE id = $1";
const FORGET_REPORTS: &str =
    "UPDATE notify_attempt SET report_by = NULL WHERE message_id = $1 AND report_by IS NOT NULL";
const LEASE: &str = "UPDATE notify_attempt SET leased = 1, due_at = $2, tries = tries + 1 WHERE id = $1";
const SET_RETRY: &str =
    "UPDATE notify_attempt SET leased = 0, due_at = $2, first_failed_at = $3, error = $4 WHERE id = $1";
const SET_FAILED: &str = "UPDATE notify_attempt SET state = 'failed', leased = 0, failed_at = $2, first_failed_at = $3,
    error = $4, report_by = NULL, address = '' WHERE id = $1";
const SET_SENT: &str =
    "UPDATE notify_attempt SET state = 'sent', leased = 0, sent_at = $2, report_by = $3, address = ''
    WHERE id = $1";
const SET_ATTEMPT_READ: &str =
    "UPDATE notify_attempt SET state = 'read', leased = 0, read_at = $2, report_by = NULL, address = '' WHERE id = $1";
const FIRST_WAITING: &str =
    "SELECT id, way FROM notify_attempt WHERE message_id = $1 AND state = 'waiting' ORDER BY rank LIMIT 1";
const STILL_GOING: &str = "SELECT COUNT(*) FROM notify_attempt
    WHERE message_id = $1 AND way <> 'screen' AND state IN ('queued', 'sent', 'read', 'unneeded')";
const QUEUE: &str = "UPDATE notify_attempt SET state = 'queued', queued_at = $2, due_at = $3 WHERE id = $1";

const INSERT_LINK: &str = "INSERT INTO notify_link (token_hash, message_id, attempt_id) VALUES ($1, $2, $3)
    ON CONFLICT (token_hash) DO NOTHING";
const LINK: &str = "SELECT m.id, m.recipient_id, m.person_id, m.topic, m.purpose, m.target_id, m.link_expires_at,
        m.link_used_at, l.attempt_id
    FROM notify_link l JOIN notify_message m ON m.id = l.message_id WHERE l.token_hash = $1 AND m.purpose IS NOT NULL";
const ASKED: &str = "SELECT recipient_id, person_id, purpose, target_id FROM notify_message
    WHERE id = $1 AND purpose IS NOT NULL";
const SPEND_LINK: &str = "UPDATE notify_message SET link_used_at = $2 WHERE id = $1";

const FORGET_ADDRESSES: &str = "UPDATE notify_attempt SET address = '', state = 'unneeded'
    WHERE state = 'waiting' AND message_id IN (SELECT id FROM notify_message WHERE created_at < $1)";
const FORGET_MESSAGES: [&str; 2] = [
    "DELETE FROM notify_attempt WHERE message_id IN (SELECT id FROM notify_message
        WHERE created_at < $1 AND (undeliverable_at IS NULL OR settled_at IS NOT NULL))",
    "DELETE FROM notify_link WHERE message_id IN (SELECT id FROM notify_message
        WHERE created_at < $1 AND (undeliverable_at IS NULL OR settled_at IS NOT NULL))",
];
const FORGET: &str =
    "DELETE FROM notify_message WHERE created_at < $1 AND (undeliverable_at IS NULL OR settled_at IS NOT NULL)";

pub(crate) struct NewAttempt<'a> {
    pub id: AttemptId,
    pub message: MessageId,
    pub way: Way,
    pub rank: usize,
    pub state: AttemptState,
    pub urgent: bool,
    pub address: &'a str,
    pub error: Option<&'static str>,
}

pub(crate) struct AttemptRow {
    pub id: AttemptId,
    pub message: MessageId,
    pub way: Way,
    pub topic: Topic,
    pub state: AttemptState,
    pub address: String,
    pub tries: u32,
    pub leased: bool,
    pub first_failed_at: Option<Instant>,
    pub has_link: bool,
    /// A gateway has yet to report.
    pub report_awaited: bool,
    pub error: Option<String>,
}

pub(crate) struct Link {
    pub message: MessageId,
    pub recipient: Uuid,
    pub person: Option<PersonId>,
    pub topic: Topic,
    pub purpose: LinkPurpose,
    pub expires_at: Instant,
    pub used_at: Option<Instant>,
    pub attempt: AttemptId,
}

pub(crate) fn insert_message(
    tx: &mut dyn Tx,
    id: MessageId,
    new: &NewMessage,
    on_screen: bool,
    expires: Instant,
    now: Instant,
) -> Result<(), DbError> {
    let (purpose, target) = (new.link.map(LinkPurpose::key), new.link.map(LinkPurpose::target));
    let row = params![id, new.to.id, new.person, new.topic.key(), purpose, target, expires, i64::from(on_screen), now];
    tx.tell(INSERT_MESSAGE, row)
}

/// What the recipient has not read about the same thing leaves the screen: what comes now says as much.
pub(crate) fn supersede(tx: &mut dyn Tx, new: &NewMessage, now: Instant) -> Result<(), DbError> {
    let Some(link) = new.link else { return Ok(()) };
    tx.tell(SUPERSEDE, params![new.to.id, link.target(), new.topic.key(), link.key(), now])
}

/// Recipient and person of a message; [`DbError::NoRow`] where there is none.
pub(crate) fn whom(tx: &mut dyn Tx, id: MessageId) -> Result<(Uuid, Option<PersonId>), DbError> {
    let row = tx.first(WHOM, params![id])?.ok_or(DbError::NoRow)?;
    Ok((row.get(0)?, row.get(1)?))
}

pub(crate) fn is_read(tx: &mut dyn Tx, id: MessageId) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(IS_READ, params![id])? > 0)
}

/// The message reached its reader: what was still to be tried is dropped.
pub(crate) fn read(tx: &mut dyn Tx, id: MessageId, now: Instant) -> Result<(), DbError> {
    tx.execute(SET_READ, params![id, now])?;
    tx.execute(READ_SCREEN, params![id, now])?;
    tx.execute(FORGET_REPORTS, params![id])?;
    tx.tell(DROP_REST, params![id])
}

pub(crate) fn set_undeliverable(tx: &mut dyn Tx, id: MessageId, now: Instant) -> Result<(), DbError> {
    tx.tell(SET_UNDELIVERABLE, params![id, now])
}

/// Whether it stood on the list until now.
pub(crate) fn settle(tx: &mut dyn Tx, id: MessageId, now: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(SETTLE, params![id, now])? > 0)
}

pub(crate) fn insert_attempt(tx: &mut dyn Tx, a: &NewAttempt<'_>, now: Instant) -> Result<(), DbError> {
    let at = |state| (a.state == state).then_some(now);
    let queued = (a.way == Way::Screen).then_some(now);
    let row = params![
        a.id.0,
        a.message,
        a.way.key(),
        a.rank,
        a.state.key(),
        i64::from(!a.urgent),
        a.address,
        now,
        queued,
        at(AttemptState::Sent),
        at(AttemptState::Failed),
        a.error
    ];
    tx.tell(INSERT_ATTEMPT, row)
}

/// To whom a message went, and what its link or key is good for.
pub(crate) fn asked(tx: &mut dyn Tx, message: MessageId) -> Result<Option<LinkUse>, DbError> {
    let Some(row) = tx.first(ASKED, params![message])? else { return Ok(None) };
    let target: Uuid = row.get(3)?;
    let purpose = row.word(2, |key| LinkPurpose::from_parts(key, target))?;
    Ok(Some(LinkUse { message, recipient: row.get(0)?, person: row.get(1)?, purpose }))
}

pub(crate) fn attempt(tx: &mut dyn Tx, id: AttemptId) -> Result<Option<AttemptRow>, DbError> {
    tx.first(ATTEMPT, params![id.0])?.map(|r| attempt_of(&r)).transpose()
}

/// Attempts that can be read. One that cannot is looked at again in a while, or it would stand at the head of the queue.
fn readable(tx: &mut dyn Tx, sql: &str, values: &[Value], now: Instant) -> Result<Vec<AttemptRow>, DbError> {
    let (attempts, bad) = tx.sift("notify_attempt", sql, values, attempt_of)?;
    for row in bad {
        tx.execute(PUT_OFF, params![row.get::<Uuid>(0)?, now + Span::minutes(10)])?;
    }
    Ok(attempts)
}

pub(crate) fn due(tx: &mut dyn Tx, now: Instant, limit: usize) -> Result<Vec<AttemptRow>, DbError> {
    readable(tx, DUE, params![0i64, now, limit], now)
}

/// Leased, and the lease is over.
pub(crate) fn lost(tx: &mut dyn Tx, now: Instant, limit: usize) -> Result<Vec<AttemptRow>, DbError> {
    readable(tx, DUE, params![1i64, now, limit], now)
}

/// Accepted by a gateway that did not report in time.
pub(crate) fn unreported(tx: &mut dyn Tx, now: Instant, limit: usize) -> Result<Vec<AttemptRow>, DbError> {
    readable(tx, UNREPORTED, params![now, limit], now)
}

pub(crate) fn anything_due(tx: &mut dyn Tx, now: Instant) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(ANYTHING_DUE, params![now])? > 0 || tx.scalar::<i64>(ANYTHING_UNREPORTED, params![now])? > 0)
}

pub(crate) fn queue_length(tx: &mut dyn Tx) -> Result<usize, DbError> {
    tx.scalar(QUEUE_LENGTH, &[])
}

pub(crate) fn lease(tx: &mut dyn Tx, id: AttemptId, until: Instant) -> Result<(), DbError> {
    tx.tell(LEASE, params![id.0, until])
}

pub(crate) fn set_retry(tx: &mut dyn Tx, id: AttemptId, at: Instant, first: Instant, why: &str) -> Result<(), DbError> {
    tx.tell(SET_RETRY, params![id.0, at, first, why])
}

pub(crate) fn set_failed(
    tx: &mut dyn Tx,
    id: AttemptId,
    now: Instant,
    first: Instant,
    why: &str,
) -> Result<(), DbError> {
    tx.tell(SET_FAILED, params![id.0, now, first, why])
}

/// A late success takes the message off the list of those that reached nobody.
pub(crate) fn set_sent(
    tx: &mut dyn Tx,
    id: AttemptId,
    message: MessageId,
    now: Instant,
    report_by: Option<Instant>,
) -> Result<(), DbError> {
    tx.execute(SET_SENT, params![id.0, now, report_by])?;
    tx.tell(SET_DELIVERABLE, params![message])
}

/// The report came.
pub(crate) fn forget_report(tx: &mut dyn Tx, id: AttemptId) -> Result<(), DbError> {
    tx.tell(FORGET_REPORT, params![id.0])
}

pub(crate) fn set_attempt_read(tx: &mut dyn Tx, id: AttemptId, now: Instant) -> Result<(), DbError> {
    tx.tell(SET_ATTEMPT_READ, params![id.0, now])
}

/// Queues the first way that waits; `false` when none is left and none is on its way.
pub(crate) fn take_next_way(
    tx: &mut dyn Tx,
    id: MessageId,
    failed: Option<Way>,
    now: Instant,
) -> Result<bool, DbError> {
    if tx.scalar::<i64>(STILL_GOING, params![id])? > 0 {
        return Ok(true);
    }
    let Some(row) = tx.first(FIRST_WAITING, params![id])? else { return Ok(false) };
    let next = row.word(1, Way::from_key)?;
    let due = now + failed.map_or(Span::ZERO, |failed| rules::next_way_after(failed, next));
    tx.execute(QUEUE, params![row.get::<Uuid>(0)?, now, due])?;
    Ok(true)
}

pub(crate) fn insert_link(
    tx: &mut dyn Tx,
    link: &LinkHash,
    message: MessageId,
    attempt: AttemptId,
) -> Result<(), DbError> {
    tx.tell(INSERT_LINK, params![link.0, message, attempt.0])
}

pub(crate) fn link(tx: &mut dyn Tx, link: &LinkHash) -> Result<Option<Link>, DbError> {
    let Some(r) = tx.first(LINK, params![link.0])? else { return Ok(None) };
    let purpose = purpose_at(&r, 4)?.ok_or(DbError::Shape { column: 4, wanted: "a purpose" })?;
    Ok(Some(Link {
        message: r.get(0)?,
        recipient: r.get(1)?,
        person: r.get(2)?,
        topic: r.word(3, Topic::from_key)?,
        purpose,
        expires_at: r.get(6)?,
        used_at: r.get(7)?,
        attempt: AttemptId(r.get(8)?),
    }))
}

pub(crate) fn spend_link(tx: &mut dyn Tx, message: MessageId, now: Instant) -> Result<(), DbError> {
    tx.tell(SPEND_LINK, params![message, now])
}

pub(crate) fn forget_addresses(tx: &mut dyn Tx, before: Instant) -> Result<(), DbError> {
    tx.tell(FORGET_ADDRESSES, params![before])
}

pub fn give_up_before(tx: &mut dyn Tx, moment: Instant) -> Result<u64, DbError> {
    const GIVE_UP: &str = "UPDATE notify_attempt SET state = 'unneeded', address = ''
        WHERE state IN ('queued', 'waiting') AND due_at < $1";
    tx.execute(GIVE_UP, params![moment])
}

pub(crate) fn forget_messages(tx: &mut dyn Tx, before: Instant) -> Result<u64, DbError> {
    FORGET_MESSAGES.iter().try_for_each(|sql| tx.tell(sql, params![before]))?;
    tx.execute(FORGET, params![before])
}

fn attempt_of(r: &Row) -> Result<AttemptRow, DbError> {
    Ok(AttemptRow {
        id: AttemptId(r.get(0)?),
        message: r.get(1)?,
        way: r.word(2, Way::from_key)?,
        topic: r.word(3, Topic::from_key)?,
        state: r.word(4, AttemptState::from_key)?,
        address: r.get(5)?,
        tries: r.get(6)?,
        leased: r.get::<i64>(7)? == 1,
        first_failed_at: r.get(8)?,
        has_link: r.get::<Option<String>>(9)?.is_some(),
        report_awaited: r.get::<Option<Instant>>(10)?.is_some(),
        error: r.get(11)?,
    })
}

fn purpose_at(r: &Row, column: usize) -> Result<Option<LinkPurpose>, DbError> {
    match (r.get::<Option<String>>(column)?, r.get::<Option<Uuid>>(column + 1)?) {
        (Some(key), Some(target)) => {
            LinkPurpose::from_parts(&key, target).map(Some).ok_or(DbError::Shape { column, wanted: "a purpose" })
        }
        _ => Ok(None),
    }
}
