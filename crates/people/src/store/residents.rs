use base::wareki::Date;
use base::{HomeId, PersonId, kana};
use db::{DbError, Row, Tx, Value, params};

use super::{json, or_blank, provenance, read_json, redacted, unless_blank};
use crate::{Household, Kana, LifeStatus, PhoneNumber, Resident, Sex};

const INSERT: &str =
    "INSERT INTO people_resident (serial, id, number, name, kana, kana_folded, birth, sex, home_id, phones, fax, email,
    household, marks, risk_notes, life, life_since, source, entered_by, entered_at, confirmed_on, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";
const UPDATE: &str =
    "UPDATE people_resident SET number = $2, name = $3, kana = $4, kana_folded = $5, birth = $6, sex = $7, home_id = $8,
    phones = $9, fax = $10, email = $11, household = $12, marks = $13, risk_notes = $14, life = $15, life_since = $16,
    source = $17, entered_by = $18, entered_at = $19, confirmed_on = $20, version = $21 WHERE id = $1";
const GET: &str =
    "SELECT id, number, name, kana, birth, sex, home_id, phones, fax, email, household, marks, risk_notes, life,
    life_since, source, entered_by, entered_at, confirmed_on, version FROM people_resident WHERE id = $1";
const SAME: &str = "SELECT id FROM people_resident WHERE kana_folded = $1 AND birth = $2 ORDER BY serial LIMIT 20";
const NEXT: &str = "SELECT COALESCE(MAX(serial), 0) + 1 FROM people_resident";
const EVER_OF_HOME: &str = "SELECT id FROM people_resident WHERE home_id = $1 ORDER BY serial LIMIT 1000";
const OF_HOME: &str =
    "SELECT id FROM people_resident WHERE home_id = $1 AND life NOT IN ('moved_out', 'dead') ORDER BY serial LIMIT 100";

const AFTER: &str = "SELECT serial, id FROM people_resident WHERE serial > $1 ORDER BY serial LIMIT $2";
const FOLD: &str = "UPDATE people_resident SET kana_folded = $2 WHERE id = $1";

/// The next residents by their running number.
pub fn after(tx: &mut dyn Tx, serial: i64, limit: usize) -> Result<Vec<(i64, PersonId)>, DbError> {
    tx.query(AFTER, params![serial, limit])?.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// The reading as lists are ordered and duplicates found by it.
pub fn fold_anew(tx: &mut dyn Tx, person: PersonId) -> Result<(), DbError> {
    let Some(found) = get(tx, person)? else { return Ok(()) };
    tx.tell(FOLD, params![person, kana::fold(found.kana.expose())])
}

/// Everybody whose record names this home, the closed ones too.
pub fn ever_of_home(tx: &mut dyn Tx, home: HomeId) -> Result<Vec<PersonId>, DbError> {
    tx.query(EVER_OF_HOME, params![home])?.iter().map(|r| r.get(0)).collect()
}

pub fn insert(tx: &mut dyn Tx, serial: i64, resident: &Resident) -> Result<(), DbError> {
    let mut values = vec![Value::from(serial)];
    values.extend(columns(resident));
    tx.tell(INSERT, &values)
}

pub fn update(tx: &mut dyn Tx, resident: &Resident) -> Result<(), DbError> {
    tx.tell(UPDATE, &columns(resident))
}

pub fn get(tx: &mut dyn Tx, person: PersonId) -> Result<Option<Resident>, DbError> {
    tx.first(GET, params![person])?.as_ref().map(resident).transpose()
}

pub fn same(tx: &mut dyn Tx, kana: &Kana, birth: Date) -> Result<Vec<PersonId>, DbError> {
    tx.query(SAME, params![kana::fold(kana.expose()), birth])?.iter().map(|r| r.get(0)).collect()
}

/// Running numbers come from the one writer, so the largest one plus one is free.
pub fn next_serial(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(NEXT, &[])
}

pub fn of_home(tx: &mut dyn Tx, home: HomeId) -> Result<Vec<PersonId>, DbError> {
    tx.query(OF_HOME, params![home])?.iter().map(|r| r.get(0)).collect()
}

/// These residents, in no order.
pub fn all(tx: &mut dyn Tx, persons: &[PersonId]) -> Result<Vec<Resident>, DbError> {
    super::by_ids(tx, "people_resident", GET, persons, resident)
}

fn columns(r: &Resident) -> Vec<Value> {
    params![
        r.id,
        r.number.as_str(),
        r.name.expose(),
        r.kana.expose(),
        kana::fold(r.kana.expose()),
        r.birth,
        r.sex.key(),
        r.home,
        json(&r.phones),
        or_blank(r.fax.as_ref().map(PhoneNumber::expose)),
        or_blank(r.email.as_ref().map(|e| e.expose().as_str())),
        r.household.key(),
        json(&r.marks),
        r.risk_notes.expose(),
        r.life.key(),
        r.life_since,
        r.provenance.source.key(),
        r.provenance.entered_by,
        r.provenance.entered_at,
        r.provenance.confirmed_on,
        r.version
    ]
    .to_vec()
}

fn resident(row: &Row) -> Result<Resident, DbError> {
    Ok(Resident {
        id: row.get(0)?,
        number: row.get(1)?,
        name: redacted(row, 2)?,
        kana: redacted(row, 3)?,
        birth: row.get(4)?,
        sex: row.word(5, Sex::from_key)?,
        home: row.get(6)?,
        phones: read_json(row, 7)?,
        fax: unless_blank(row, 8, PhoneNumber::stored)?,
        email: unless_blank(row, 9, base::Redacted::new)?,
        household: row.word(10, Household::from_key)?,
        marks: read_json(row, 11)?,
        risk_notes: redacted(row, 12)?,
        risks_shown: true,
        life: row.word(13, LifeStatus::from_key)?,
        life_since: row.get(14)?,
        provenance: provenance(row, 15)?,
        version: row.get(19)?,
    })
}
