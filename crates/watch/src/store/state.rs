//! Readings and saved states.

use std::collections::HashSet;

use base::Instant;
use db::{DbError, Row, Tx, Value, params};

use crate::live::Key;

const INSERT_READINGS: &str = "INSERT INTO watch_reading (seq, device_no, code, value, occurred_at, received_at)";
const LAST_SEQ: &str = "SELECT COALESCE(MAX(seq), 0) FROM watch_reading";
const TAIL: &str = "SELECT r.seq, r.device_no, r.code, r.value, r.occurred_at, r.received_at FROM watch_reading r
    WHERE r.seq > $1 ORDER BY r.seq LIMIT $2";
const SAVE: &str = "INSERT INTO watch_state (home_no, body, upto_seq, saved_at)";
const SAVED_BEFORE: &str = "ON CONFLICT (home_no) DO UPDATE SET body = excluded.body, upto_seq = excluded.upto_seq, saved_at = excluded.saved_at";
const STATES: &str = "SELECT home_no, body, upto_seq FROM watch_state ORDER BY home_no";
const STATE: &str = "SELECT home_no, body, upto_seq FROM watch_state WHERE home_no = $1";
const FORGET: &str = "DELETE FROM watch_state WHERE home_no = $1";
const COUNT: &str = "SELECT COUNT(*) FROM watch_reading";
/// Every reading after this one may be missing in a saved state.
const FLOOR: &str = "watch.floor";
/// Keys asked for in one statement.
const KEYS: usize = 50;

pub(crate) fn insert_readings(tx: &mut dyn Tx, rows: &[Vec<Value>]) -> Result<u64, DbError> {
    tx.insert_new_rows(INSERT_READINGS, 6, rows, "ON CONFLICT (occurred_at, device_no, code) DO NOTHING")
}

/// Which of these readings are stored.
pub(crate) fn known(tx: &mut dyn Tx, keys: &[Key]) -> Result<HashSet<Key>, DbError> {
    let mut found = HashSet::new();
    for chunk in keys.chunks(KEYS) {
        let mut sql = String::from("SELECT occurred_at, device_no, code FROM watch_reading WHERE ");
        let mut values = Vec::with_capacity(chunk.len() * 3);
        for (n, (at, device, code)) in chunk.iter().enumerate() {
            let or = if n == 0 { "" } else { " OR " };
            let first = n * 3 + 1;
            sql += &format!("{or}(occurred_at = ${first} AND device_no = ${} AND code = ${})", first + 1, first + 2);
            values.extend([Value::from(*at), Value::from(*device), Value::from(*code)]);
        }
        for row in tx.query(&sql, &values)? {
            found.insert((row.get(0)?, row.get(1)?, row.get(2)?));
        }
    }
    Ok(found)
}

pub(crate) fn last_seq(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(LAST_SEQ, &[])
}

pub(crate) fn tail(tx: &mut dyn Tx, after: i64, limit: usize) -> Result<Vec<Row>, DbError> {
    tx.query(TAIL, params![after, limit])
}

/// The states of these homes, each of which stands there once.
pub(crate) fn save<'a>(
    tx: &mut dyn Tx,
    states: impl Iterator<Item = (u32, &'a [u8])>,
    upto_seq: i64,
    now: Instant,
) -> Result<(), DbError> {
    let rows: Vec<Vec<Value>> = states.map(|(home, body)| params![home, body, upto_seq, now].to_vec()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.insert_rows(SAVE, 4, &rows, SAVED_BEFORE).map(drop)
}

/// A saved state and the last reading in it.
pub(crate) struct Saved {
    pub home: u32,
    pub body: Vec<u8>,
    pub upto_seq: i64,
}

pub(crate) fn states(tx: &mut dyn Tx) -> Result<Vec<Saved>, DbError> {
    let read = |r: &Row| Ok(Saved { home: r.get(0)?, body: r.get(1)?, upto_seq: r.get(2)? });
    tx.list("watch_state", STATES, &[], read)
}

pub(crate) fn state(tx: &mut dyn Tx, home: u32) -> Result<Option<Vec<u8>>, DbError> {
    tx.first(STATE, params![home])?.map(|r| r.get(1)).transpose()
}

pub(crate) fn forget(tx: &mut dyn Tx, home: u32) -> Result<(), DbError> {
    tx.tell(FORGET, params![home])
}

pub(crate) fn floor(tx: &mut dyn Tx) -> Result<i64, DbError> {
    Ok(db::marks::get(tx, FLOOR)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

pub(crate) fn set_floor(tx: &mut dyn Tx, floor: i64) -> Result<(), DbError> {
    db::marks::set(tx, FLOOR, &floor.to_string())
}

pub(crate) fn count(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(COUNT, &[])
}
