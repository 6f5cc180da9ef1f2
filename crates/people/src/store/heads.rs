//! Names for lists: each query takes many ids.

use std::collections::{BTreeMap, BTreeSet};

use base::{HomeId, OfficeId, PersonId, Redacted, StaffId};
use db::{DbError, Row, Tx, Value};

use super::{redacted, unless_blank};
use crate::{OfficeHead, PersonHead, PhoneNumber, Sex};

const PERSONS: &str =
    "SELECT r.id, r.number, r.name, r.kana, r.birth, r.sex, r.home_id, h.town, h.city, h.line, h.building
    FROM people_resident r JOIN people_home h ON h.id = r.home_id WHERE ";
const RESIDENTS: &str = "SELECT id FROM people_resident WHERE id {among}";
const STAFF: &str = "SELECT id, name FROM people_staff WHERE id {among}";
const OFFICES: &str = "SELECT id, name, phone FROM people_office WHERE id {among}";

const CITIES: &str = "SELECT r.id, h.city, o.name, o.phone
    FROM people_resident r JOIN people_home h ON h.id = r.home_id LEFT JOIN people_office o ON o.id = (
        SELECT own.id FROM people_office own WHERE own.kind = 'city_elderly' AND own.city_code = h.city_code
        ORDER BY own.id LIMIT 1)
    WHERE r.id {among}";

/// Those of these ids that are residents'.
pub fn residents(tx: &mut dyn Tx, ids: &[PersonId]) -> Result<BTreeSet<PersonId>, DbError> {
    tx.among(RESIDENTS, &[], ids)?.iter().map(|row| row.get(0)).collect()
}

pub fn persons(tx: &mut dyn Tx, ids: &[PersonId]) -> Result<Vec<PersonHead>, DbError> {
    within(tx, "r.id", ids)
}

/// Those who live there, by whatever state of life their home is kept for.
pub fn of_homes(tx: &mut dyn Tx, ids: &[HomeId]) -> Result<Vec<PersonHead>, DbError> {
    within(tx, "r.life NOT IN ('moved_out', 'dead') AND r.home_id", ids)
}

pub fn staff(tx: &mut dyn Tx, ids: &[StaffId]) -> Result<BTreeMap<StaffId, Redacted<String>>, DbError> {
    tx.among(STAFF, &[], ids)?.iter().map(|row| Ok((row.get(0)?, redacted(row, 1)?))).collect()
}

pub fn offices(tx: &mut dyn Tx, ids: &[OfficeId]) -> Result<BTreeMap<OfficeId, OfficeHead>, DbError> {
    Ok(tx.list_among("people_office", OFFICES, &[], ids, office)?.into_iter().collect())
}

fn office(row: &Row) -> Result<(OfficeId, OfficeHead), DbError> {
    Ok((row.get(0)?, OfficeHead { name: row.get(1)?, phone: unless_blank(row, 2, PhoneNumber::stored)? }))
}

pub fn cities(tx: &mut dyn Tx, ids: &[PersonId]) -> Result<BTreeMap<PersonId, (String, Option<OfficeHead>)>, DbError> {
    Ok(tx.list_among("people_resident", CITIES, &[], ids, city)?.into_iter().collect())
}

fn city(row: &Row) -> Result<(PersonId, (String, Option<OfficeHead>)), DbError> {
    let office = match row.get::<Option<String>>(2)? {
        Some(name) => Some(OfficeHead { name, phone: unless_blank(row, 3, PhoneNumber::stored)? }),
        None => None,
    };
    Ok((row.get(0)?, (row.get(1)?, office)))
}

fn within<T: Copy + Into<Value>>(tx: &mut dyn Tx, column: &str, ids: &[T]) -> Result<Vec<PersonHead>, DbError> {
    tx.list_among("people_resident", &format!("{PERSONS}{column} {{among}}"), &[], ids, head)
}

fn head(row: &Row) -> Result<PersonHead, DbError> {
    let (city, line, building): (String, String, String) = (row.get(8)?, row.get(9)?, row.get(10)?);
    let town: String = row.get(7)?;
    Ok(PersonHead {
        id: row.get(0)?,
        number: row.get(1)?,
        name: redacted(row, 2)?,
        kana: redacted(row, 3)?,
        birth: row.get(4)?,
        sex: row.word(5, Sex::from_key)?,
        home: row.get(6)?,
        address: Redacted::new(crate::rules::in_one_line(&city, &town, &line, &building)),
        town,
    })
}
