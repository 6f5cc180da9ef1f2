//! Announced absences.

use base::{AbsenceId, HomeId, Instant, PersonId, Role};
use db::{DbError, Row, Tx, Value, params};

use crate::{Absence, AbsenceReason, Weekly};

const WHOSE: &str = "SELECT person_id FROM watch_absence WHERE id = $1";
const COLUMNS: &str = "b.id, h.home_id, b.person_id, b.reason, b.from_at, b.until_at, b.weekdays, b.from_minute,
    b.until_minute, b.entered_role, b.entered_at, b.cancelled_at, b.activity_at, b.activity_count";
const FROM: &str = "FROM watch_absence b JOIN watch_home h ON h.no = b.home_no";
const INSERT: &str =
    "INSERT INTO watch_absence (id, home_no, person_id, reason, from_at, until_at, weekdays, from_minute,
    until_minute, entered_by, entered_role, entered_at, cancelled_at, activity_at, activity_count)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, NULL, 0)";
/// An absence that has begun ends now; one still to come never was.
const CANCEL: &str = "UPDATE watch_absence SET cancelled_at = $2 WHERE id = $1 AND cancelled_at IS NULL";
const NOTE: &str =
    "UPDATE watch_absence SET activity_at = COALESCE(activity_at, $2), activity_count = activity_count + 1
    WHERE id = $1";

pub(crate) fn insert(tx: &mut dyn Tx, home: u32, a: &Absence, by: uuid::Uuid) -> Result<(), DbError> {
    let (weekdays, from, until) = a.weekly.map_or((0, 0, 0), |w| (w.weekdays, w.from_minute, w.until_minute));
    let row = params![
        a.id,
        home,
        a.person,
        a.reason.key(),
        a.from,
        a.until,
        weekdays,
        from,
        until,
        by,
        a.entered_role.key(),
        a.entered_at
    ];
    tx.tell(INSERT, row)
}

pub(crate) fn cancel(tx: &mut dyn Tx, absence: AbsenceId, at: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(CANCEL, params![absence, at])? > 0)
}

pub(crate) fn note_activity(tx: &mut dyn Tx, absence: AbsenceId, at: Instant) -> Result<(), DbError> {
    tx.tell(NOTE, params![absence, at])
}

/// Whom it is about, and nothing else that would have to be read.
pub(crate) fn whose(tx: &mut dyn Tx, absence: AbsenceId) -> Result<Option<PersonId>, DbError> {
    tx.first(WHOSE, params![absence])?.map(|r| r.get(0)).transpose()
}

pub(crate) fn one(tx: &mut dyn Tx, absence: AbsenceId) -> Result<Option<Absence>, DbError> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE b.id = $1");
    tx.first(&sql, params![absence])?.as_ref().map(read).transpose()
}

/// Absences of a home that end after `since`, those that were cancelled too, in order of their beginning.
pub(crate) fn of_home(tx: &mut dyn Tx, home: HomeId, since: Instant, limit: usize) -> Result<Vec<Absence>, DbError> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE h.home_id = $1 AND b.until_at > $2 ORDER BY b.from_at LIMIT $3");
    tx.list("watch_absence", &sql, params![home, since, limit], read)
}

/// Every absence that matters after `now`, by home number; of one home, or of all.
pub(crate) fn ahead(tx: &mut dyn Tx, home: Option<u32>, now: Instant) -> Result<Vec<(u32, Absence)>, DbError> {
    let mut sql = format!("SELECT {COLUMNS}, b.home_no {FROM} WHERE b.until_at > $1");
    let mut values = vec![Value::from(now)];
    if let Some(no) = home {
        sql += " AND b.home_no = $2";
        values.push(no.into());
    }
    tx.list("watch_absence", &sql, &values, |r| Ok((r.get(14)?, read(r)?)))
}

fn read(row: &Row) -> Result<Absence, DbError> {
    let weekdays: u8 = row.get(6)?;
    let weekly = Weekly { weekdays, from_minute: row.get(7)?, until_minute: row.get(8)? };
    Ok(Absence {
        id: row.get(0)?,
        home: row.get(1)?,
        person: row.get(2)?,
        reason: row.word(3, AbsenceReason::from_key)?,
        from: row.get(4)?,
        until: row.get(5)?,
        weekly: (weekdays != 0).then_some(weekly),
        entered_role: row.word(9, Role::from_key)?,
        entered_at: row.get(10)?,
        cancelled_at: row.get(11)?,
        activity_at: row.get(12)?,
        activity_count: row.get(13)?,
    })
}
