use base::{OfficeId, Role, StaffId};
use db::{DbError, Row, Tx, Value, params};

use super::{or_blank, redacted, unless_blank};
use crate::{Email, PhoneNumber, Profession, Staff, StaffState};

/// Staff one office may list.
pub const MAX_STAFF: usize = 500;

/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, office_id, name, kana, role, profession, qualification, phone, email, state, trained_on, \
             entered_by, entered_at, version FROM people_staff ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO people_staff (id, office_id, name, kana, role, profession, qualification, phone, email, state,
    trained_on, entered_by, entered_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const UPDATE: &str = "UPDATE people_staff SET office_id = $2, name = $3, kana = $4, role = $5, profession = $6,
    qualification = $7, phone = $8, email = $9, state = $10, trained_on = $11, entered_by = $12, entered_at = $13,
    version = $14 WHERE id = $1";
const GET: &str = select!("WHERE id = $1");
const OF_OFFICE: &str =
    select!("WHERE office_id = $1 ORDER BY CASE WHEN state = 'retired' THEN 1 ELSE 0 END, kana, id LIMIT $2");

pub fn insert(tx: &mut dyn Tx, staff: &Staff) -> Result<(), DbError> {
    tx.tell(INSERT, &columns(staff))
}

pub fn update(tx: &mut dyn Tx, staff: &Staff) -> Result<(), DbError> {
    tx.tell(UPDATE, &columns(staff))
}

pub fn get(tx: &mut dyn Tx, staff: StaffId) -> Result<Option<Staff>, DbError> {
    tx.first(GET, params![staff])?.as_ref().map(row_staff).transpose()
}

/// These, in no order.
pub fn all(tx: &mut dyn Tx, staff: &[StaffId]) -> Result<Vec<Staff>, DbError> {
    super::by_ids(tx, "people_staff", GET, staff, row_staff)
}

pub fn of_office(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<Staff>, DbError> {
    tx.list("people_staff", OF_OFFICE, params![office, MAX_STAFF], row_staff)
}

fn columns(s: &Staff) -> Vec<Value> {
    params![
        s.id,
        s.office,
        s.name.expose(),
        s.kana.expose(),
        s.role.key(),
        s.profession.key(),
        s.qualification.as_str(),
        or_blank(s.phone.as_ref().map(PhoneNumber::expose)),
        or_blank(s.email.as_ref().map(Email::expose)),
        s.state.key(),
        s.trained_on,
        s.entered_by,
        s.entered_at,
        s.version
    ]
    .to_vec()
}

fn row_staff(row: &Row) -> Result<Staff, DbError> {
    Ok(Staff {
        id: row.get(0)?,
        office: row.get(1)?,
        name: redacted(row, 2)?,
        kana: redacted(row, 3)?,
        role: row.word(4, Role::from_key)?,
        profession: row.word(5, Profession::from_key)?,
        qualification: row.get(6)?,
        phone: unless_blank(row, 7, PhoneNumber::stored)?,
        email: unless_blank(row, 8, Email::stored)?,
        state: row.word(9, StaffState::from_key)?,
        trained_on: row.get(10)?,
        entered_by: row.get(11)?,
        entered_at: row.get(12)?,
        version: row.get(13)?,
    })
}
