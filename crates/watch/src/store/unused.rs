//! What came in and could not be used.

use std::collections::HashMap;

use base::{GatewayId, HomeId, Instant, Redacted};
use db::{DbError, Row, Tx, params};

use crate::{Defect, Unused};

/// Kinds of it kept for one gateway; then the oldest makes room.
const MOST: i64 = 100;

const AGAIN: &str = "UPDATE watch_unused SET seen = seen + $4, last_at = $5, example = $6
    WHERE gateway_no = $1 AND serial = $2 AND why = $3";
const COUNT: &str = "SELECT COUNT(*) FROM watch_unused WHERE gateway_no = $1";
const OLDEST: &str = "SELECT serial, why FROM watch_unused WHERE gateway_no = $1 ORDER BY last_at, serial, why LIMIT 1";
const DROP: &str = "DELETE FROM watch_unused WHERE gateway_no = $1 AND serial = $2 AND why = $3";
const NEW: &str = "INSERT INTO watch_unused (gateway_no, serial, why, seen, last_at, example)
    VALUES ($1, $2, $3, $4, $5, $6)";
const COLUMNS: &str = "u.serial, u.why, u.seen, u.last_at, u.example";
const SUMS: &str = "SELECT g.id, CAST(SUM(u.seen) AS BIGINT) FROM watch_unused u
    JOIN watch_gateway g ON g.no = u.gateway_no WHERE g.revoked_at IS NULL GROUP BY g.id";

pub(crate) fn note(tx: &mut dyn Tx, gateway: u32, unused: &Unused) -> Result<(), DbError> {
    let Unused { serial, why, seen, last_at, example } = unused;
    // PostgreSQL keeps no NUL in a text, and a broken payload may well hold one.
    let example = example.expose().replace('\0', "\u{fffd}");
    let row = params![gateway, serial, why.key(), *seen, *last_at, example];
    if tx.execute(AGAIN, row)? > 0 {
        return Ok(());
    }
    if tx.scalar::<i64>(COUNT, params![gateway])? >= MOST
        && let Some(oldest) = tx.first(OLDEST, params![gateway])?
    {
        tx.tell(DROP, params![gateway, oldest.get::<String>(0)?, oldest.get::<String>(1)?])?;
    }
    tx.tell(NEW, row)
}

/// Of one gateway, the newest first; of one of its devices, where one is named.
pub(crate) fn of_gateway(tx: &mut dyn Tx, gateway: u32, serial: Option<&str>) -> Result<Vec<Unused>, DbError> {
    let mut sql = format!("SELECT {COLUMNS} FROM watch_unused u WHERE u.gateway_no = $1");
    let mut values = params![gateway].to_vec();
    if let Some(serial) = serial {
        sql += " AND u.serial = $2";
        values.push(serial.into());
    }
    sql += " ORDER BY u.last_at DESC, u.serial, u.why";
    let rows = tx.query(&sql, &values)?;
    Ok(rows.iter().map(|row| read(row, 0)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Of all gateways in use since then, with the gateway's id and home, the newest first, at most `limit`.
pub(crate) fn since(tx: &mut dyn Tx, from: Instant, limit: usize) -> Result<Vec<(GatewayId, HomeId, Unused)>, DbError> {
    let sql = format!(
        "SELECT g.id, h.home_id, {COLUMNS} FROM watch_unused u JOIN watch_gateway g ON g.no = u.gateway_no
        JOIN watch_home h ON h.no = g.home_no WHERE g.revoked_at IS NULL AND u.last_at >= $1
        ORDER BY u.last_at DESC, u.gateway_no, u.serial, u.why LIMIT $2"
    );
    let mut found = Vec::new();
    for row in tx.query(&sql, params![from, limit])? {
        if let Some(unused) = read(&row, 2)? {
            found.push((row.get(0)?, row.get(1)?, unused));
        }
    }
    Ok(found)
}

/// How many messages of each gateway in use were not used.
pub(crate) fn sums(tx: &mut dyn Tx) -> Result<HashMap<GatewayId, i64>, DbError> {
    tx.query(SUMS, &[])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What is unused of a word that this version does not know is for the keeper's eye; no list is lost for it.
fn read(row: &Row, first: usize) -> Result<Option<Unused>, DbError> {
    let Ok(why) = row.word(first + 1, Defect::from_key) else { return Ok(None) };
    Ok(Some(Unused {
        serial: row.get(first)?,
        why,
        seen: row.get(first + 2)?,
        last_at: row.get(first + 3)?,
        example: Redacted::new(row.get::<String>(first + 4)?),
    }))
}
