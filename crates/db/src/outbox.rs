//! Events that leave with the commit that caused them. A body holds ids only, as JSON; never a name or a number.

use base::Instant;

use crate::{DbError, Tx, params};

/// One event, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub seq: i64,
    pub at: Instant,
    pub topic: String,
    pub body: String,
}

const PUSH: &str = "INSERT INTO outbox (seq, at, topic, body)
    SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM outbox";
const AFTER: &str = "SELECT seq, at, topic, body FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2";
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM outbox";
/// The newest row always stays, so that sequence numbers never start again.
const PRUNE: &str = "DELETE FROM outbox WHERE at < $1 AND seq < (SELECT MAX(seq) FROM outbox)";

pub fn push(tx: &mut dyn Tx, at: Instant, topic: &str, body: &serde_json::Value) -> Result<(), DbError> {
    tx.execute(PUSH, params![at, topic, body.to_string()])?;
    tx.announce();
    Ok(())
}

/// The events after `seq`, oldest first, at most `limit`.
pub fn after(tx: &mut dyn Tx, seq: i64, limit: usize) -> Result<Vec<Event>, DbError> {
    let rows = tx.query(AFTER, params![seq, limit])?;
    rows.iter().map(|r| Ok(Event { seq: r.get(0)?, at: r.get(1)?, topic: r.get(2)?, body: r.get(3)? })).collect()
}

pub fn last_seq(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(LAST, &[])
}

/// Forgets events older than `before`; every listener reads within seconds.
pub fn prune(tx: &mut dyn Tx, before: Instant) -> Result<u64, DbError> {
    tx.execute(PRUNE, params![before])
}
