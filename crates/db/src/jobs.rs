//! Work to be done after a commit, at least once: enqueued in the command's own transaction, leased by a runner,
//! retried with backoff, parked for a person when it keeps failing.

use base::{Instant, JobId, Span, limits};

use crate::{DbError, Tx, params};

/// A job as its runner gets it; `attempts` counts this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub body: String,
    pub attempts: u32,
}

const ENQUEUE: &str = "INSERT INTO job (id, kind, body, run_at, leased_until, attempts, last_error, parked)
    VALUES ($1, $2, $3, $4, NULL, 0, NULL, FALSE)";
const DUE: &str = "SELECT id, kind, body, attempts FROM job
    WHERE run_at <= $1 AND parked = FALSE AND (leased_until IS NULL OR leased_until <= $1) ORDER BY run_at LIMIT $2";
const LEASE: &str = "UPDATE job SET leased_until = $2, attempts = attempts + 1 WHERE id = $1";
const FINISH: &str = "DELETE FROM job WHERE id = $1";
const RETRY: &str = "UPDATE job SET leased_until = NULL, run_at = $2, last_error = $3, parked = $4 WHERE id = $1";
const PARKED: &str = "SELECT COUNT(*) FROM job WHERE parked = TRUE";

pub fn enqueue(
    tx: &mut dyn Tx,
    id: JobId,
    kind: &str,
    body: &serde_json::Value,
    run_at: Instant,
) -> Result<(), DbError> {
    tx.execute(ENQUEUE, params![id, kind, body.to_string(), run_at])?;
    tx.announce();
    Ok(())
}

/// Takes up to `limit` due jobs for `lease`; a runner that dies gives them back when the lease ends.
pub fn lease(tx: &mut dyn Tx, now: Instant, lease: Span, limit: usize) -> Result<Vec<Job>, DbError> {
    let mut jobs = Vec::new();
    for row in tx.query(DUE, params![now, limit])? {
        let id: JobId = row.get(0)?;
        tx.execute(LEASE, params![id, now + lease])?;
        jobs.push(Job { id, kind: row.get(1)?, body: row.get(2)?, attempts: row.get::<u32>(3)? + 1 });
    }
    Ok(jobs)
}

pub fn finish(tx: &mut dyn Tx, id: JobId) -> Result<(), DbError> {
    tx.execute(FINISH, params![id]).map(drop)
}

/// Puts a failed job back: after 2, 4, 8 … seconds, an hour at most; parked after [`limits::JOB_ATTEMPTS`] attempts.
/// `error` must not name a person.
pub fn fail(tx: &mut dyn Tx, now: Instant, job: &Job, error: &str) -> Result<(), DbError> {
    let wait = Span::seconds(2i64.saturating_pow(job.attempts.min(12)).min(3600));
    let parked = job.attempts >= limits::JOB_ATTEMPTS;
    tx.execute(RETRY, params![job.id, now + wait, error, parked]).map(drop)
}

/// Jobs that wait for a person.
pub fn parked(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(PARKED, &[])
}
