use base::Ctx;
use base::limits::LIST_ROWS;
use db::{DbError, Tx, params};
use uuid::Uuid;

use super::redacted;
use crate::Version;

const INSERT: &str = "INSERT INTO people_version (subject_id, kind, version, at, by_id, reason, snapshot)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const OF: &str = "SELECT version, at, by_id, reason, snapshot FROM people_version WHERE subject_id = $1 AND kind = $2
    ORDER BY version DESC LIMIT $3";

pub fn insert(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    subject: Uuid,
    kind: &str,
    version: i64,
    reason: &str,
    snapshot: &str,
) -> Result<(), DbError> {
    tx.tell(INSERT, params![subject, kind, version, ctx.now, ctx.actor.id, reason, snapshot])
}

pub fn of(tx: &mut dyn Tx, subject: Uuid, kind: &str) -> Result<Vec<Version>, DbError> {
    let rows = tx.query(OF, params![subject, kind, LIST_ROWS])?;
    rows.iter()
        .map(|r| {
            Ok(Version {
                version: r.get(0)?,
                at: r.get(1)?,
                by: r.get(2)?,
                reason: redacted(r, 3)?,
                snapshot: redacted(r, 4)?,
            })
        })
        .collect()
}
