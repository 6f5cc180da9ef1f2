//! What was measured of the region's false alarms, and what there is to measure.

use base::Instant;
use db::{DbError, Row, Tx, params};

use crate::Cause;
use crate::adaptation::Measured;

const INSERT: &str = "INSERT INTO watch_adaptation (until_at, from_at, home_days, expected, false_alarms, percent)
    VALUES ($1, $2, $3, $4, $5, $6)";
const NEWEST: &str = "SELECT until_at, from_at, home_days, expected, false_alarms, percent FROM watch_adaptation
    ORDER BY until_at DESC LIMIT $1";
const FIRST_BEGUN: &str = "SELECT MIN(begun_at) FROM watch_contract";
const HEARD: &str = "SELECT c.home_no, c.begun_at, c.ended_at FROM watch_contract c
    WHERE c.begun_at < $2 AND (c.ended_at IS NULL OR c.ended_at > $1)
    AND EXISTS (SELECT 1 FROM watch_device d WHERE d.home_no = c.home_no AND d.sign_at >= $1)
    ORDER BY c.home_no, c.begun_at";
const CAUSES: &str = "SELECT cause, COUNT(*) FROM watch_alert
    WHERE level = 'alert' AND rule = 'inactivity' AND state = 'closed' AND ended_at >= $1 AND ended_at < $2
    AND cause IS NOT NULL GROUP BY cause";

pub(crate) fn insert(tx: &mut dyn Tx, m: &Measured) -> Result<(), DbError> {
    tx.tell(INSERT, params![m.until, m.from, m.home_days, m.expected, m.false_alarms, m.percent])
}

/// Newest first.
pub(crate) fn newest(tx: &mut dyn Tx, limit: usize) -> Result<Vec<Measured>, DbError> {
    let read = |r: &Row| {
        Ok(Measured {
            until: r.get(0)?,
            from: r.get(1)?,
            home_days: r.get(2)?,
            expected: r.get(3)?,
            false_alarms: r.get(4)?,
            percent: r.get(5)?,
        })
    };
    tx.query(NEWEST, params![limit])?.iter().map(read).collect()
}

/// When the first home of the region began to be watched.
pub(crate) fn first_begun(tx: &mut dyn Tx) -> Result<Option<Instant>, DbError> {
    tx.scalar(FIRST_BEGUN, &[])
}

/// (home, begun, ended) of the contracts that ran between two moments in homes that gave a sign of life since.
pub(crate) type Heard = (u32, Instant, Option<Instant>);

pub(crate) fn heard(tx: &mut dyn Tx, from: Instant, until: Instant) -> Result<Vec<Heard>, DbError> {
    let rows = tx.query(HEARD, params![from, until])?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).collect()
}

/// How often the learned rhythm's alarms that ended between two moments had each cause.
pub(crate) fn causes(tx: &mut dyn Tx, from: Instant, until: Instant) -> Result<Vec<(Cause, u32)>, DbError> {
    tx.list("watch_alert", CAUSES, params![from, until], |r| Ok((r.word(0, Cause::from_key)?, r.get(1)?)))
}
