use base::{ContactId, Instant, PersonId};
use db::{DbError, Row, Tx, Value, params};

use super::{json, or_blank, provenance, read_json, redacted, unless_blank};
use crate::{Contact, Relation};

/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, person_id, position, name, kana, relation, phones, email, address, roles, lives_with, \
             reachable, minutes_away, accepted_on, source, entered_by, entered_at, confirmed_on, version
             FROM people_contact ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO people_contact (id, person_id, position, name, kana, relation, phones, email, address, roles,
    lives_with, reachable, minutes_away, accepted_on, source, entered_by, entered_at, confirmed_on, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
const UPDATE: &str =
    "UPDATE people_contact SET person_id = $2, position = $3, name = $4, kana = $5, relation = $6, phones = $7,
    email = $8, address = $9, roles = $10, lives_with = $11, reachable = $12, minutes_away = $13, accepted_on = $14,
    source = $15, entered_by = $16, entered_at = $17, confirmed_on = $18, version = $19 WHERE id = $1";
const GET: &str = select!("WHERE id = $1 AND ended_at IS NULL");
const OF: &str = select!("WHERE person_id = $1 AND ended_at IS NULL ORDER BY position, id");
const PERSON_OF: &str = "SELECT person_id FROM people_contact WHERE id = $1";
const PLACE: &str = "UPDATE people_contact SET position = $2 WHERE id = $1";
const END: &str = "UPDATE people_contact SET ended_at = $3, version = $2 WHERE id = $1";

pub fn insert(tx: &mut dyn Tx, contact: &Contact) -> Result<(), DbError> {
    tx.tell(INSERT, &columns(contact))
}

pub fn update(tx: &mut dyn Tx, contact: &Contact) -> Result<(), DbError> {
    tx.tell(UPDATE, &columns(contact))
}

/// A contact that was not taken out of the list.
pub fn get(tx: &mut dyn Tx, contact: ContactId) -> Result<Option<Contact>, DbError> {
    tx.first(GET, params![contact])?.as_ref().map(row_contact).transpose()
}

/// Those of these that were not taken out of their lists, in no order.
pub fn all(tx: &mut dyn Tx, contacts: &[ContactId]) -> Result<Vec<Contact>, DbError> {
    super::by_ids(tx, "people_contact", GET, contacts, row_contact)
}

/// Whose contact this is or was.
pub fn person_of(tx: &mut dyn Tx, contact: ContactId) -> Result<Option<PersonId>, DbError> {
    tx.first(PERSON_OF, params![contact])?.map(|r| r.get(0)).transpose()
}

pub fn of(tx: &mut dyn Tx, person: PersonId) -> Result<Vec<Contact>, DbError> {
    tx.list("people_contact", OF, params![person], row_contact)
}

pub fn place(tx: &mut dyn Tx, contact: ContactId, position: u16) -> Result<(), DbError> {
    tx.tell(PLACE, params![contact, position])
}

pub fn end(tx: &mut dyn Tx, contact: ContactId, version: i64, at: Instant) -> Result<(), DbError> {
    tx.tell(END, params![contact, version, at])
}

fn columns(c: &Contact) -> Vec<Value> {
    params![
        c.id,
        c.person,
        c.order,
        c.name.expose(),
        c.kana.expose(),
        c.relation.key(),
        json(&c.phones),
        or_blank(c.email.as_ref().map(|e| e.expose().as_str())),
        c.address.expose(),
        json(&c.roles),
        c.lives_with,
        c.reachable.as_str(),
        c.minutes_away,
        c.accepted_on,
        c.provenance.source.key(),
        c.provenance.entered_by,
        c.provenance.entered_at,
        c.provenance.confirmed_on,
        c.version
    ]
    .to_vec()
}

fn row_contact(row: &Row) -> Result<Contact, DbError> {
    Ok(Contact {
        id: row.get(0)?,
        person: row.get(1)?,
        order: row.get(2)?,
        name: redacted(row, 3)?,
        kana: redacted(row, 4)?,
        relation: row.word(5, Relation::from_key)?,
        phones: read_json(row, 6)?,
        email: unless_blank(row, 7, base::Redacted::new)?,
        address: redacted(row, 8)?,
        roles: read_json(row, 9)?,
        lives_with: row.get(10)?,
        reachable: row.get(11)?,
        minutes_away: row.get(12)?,
        accepted_on: row.get(13)?,
        provenance: provenance(row, 14)?,
        version: row.get(18)?,
    })
}
