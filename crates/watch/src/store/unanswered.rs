//! Alerts that nobody took up yet.

use base::{AlertId, Instant, PersonId};
use db::{DbError, Tx, Value, params};

use super::alert;
use crate::Alert;

const INSERT: &str = "INSERT INTO watch_unanswered (alert_id, since, tries, again_at) VALUES ($1, $2, 1, $3)";
const TRIED: &str = "UPDATE watch_unanswered SET tries = tries + 1, again_at = $2 WHERE alert_id = $1";
const GONE: &str = "DELETE FROM watch_unanswered WHERE alert_id = $1";
const DUE: &str = "SELECT alert_id FROM watch_unanswered WHERE again_at <= $1 ORDER BY again_at, alert_id LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) FROM watch_unanswered";
const PERSONS: &str = "SELECT a.person_id FROM watch_unanswered u JOIN watch_alert a ON a.id = u.alert_id
    ORDER BY a.raised_at, a.id LIMIT $1";
const KNOWN: &str = "SELECT COUNT(*) FROM watch_unanswered WHERE alert_id = $1";

pub(crate) fn insert(tx: &mut dyn Tx, alert: AlertId, since: Instant, again_at: Instant) -> Result<(), DbError> {
    tx.tell(INSERT, params![alert, since, again_at])
}

pub(crate) fn tried(tx: &mut dyn Tx, alert: AlertId, again_at: Instant) -> Result<(), DbError> {
    tx.tell(TRIED, params![alert, again_at])
}

pub(crate) fn remove(tx: &mut dyn Tx, alert: AlertId) -> Result<(), DbError> {
    tx.tell(GONE, params![alert])
}

pub(crate) fn due(tx: &mut dyn Tx, now: Instant, limit: usize) -> Result<Vec<AlertId>, DbError> {
    tx.query(DUE, params![now, limit])?.iter().map(|r| r.get(0)).collect()
}

pub(crate) fn count(tx: &mut dyn Tx) -> Result<usize, DbError> {
    tx.scalar(COUNT, &[])
}

pub(crate) fn persons(tx: &mut dyn Tx, limit: usize) -> Result<Vec<PersonId>, DbError> {
    tx.query(PERSONS, params![limit])?.iter().map(|r| r.get(0)).collect()
}

pub(crate) fn waits(tx: &mut dyn Tx, alert: AlertId) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(KNOWN, params![alert])? > 0)
}

/// The oldest of them, within a condition on `a.person_id` whose values come first.
pub(crate) fn list(tx: &mut dyn Tx, within: &str, mut values: Vec<Value>, limit: usize) -> Result<Vec<Alert>, DbError> {
    values.push(limit.into());
    alert::unanswered(tx, within, &values)
}
