use base::OfficeId;
use db::{DbError, Row, Tx, Value, params};

use super::{or_blank, unless_blank};
use crate::{Email, Office, OfficeKind, PhoneNumber};

/// Offices one region may list; one region has some hundreds.
pub const MAX_OFFICES: usize = 2000;

/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, phone, fax, email, address, city_code, responsible, pledged_on, entered_by, \
             entered_at, version FROM people_office ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO people_office (id, name, kind, phone, fax, email, address, city_code, responsible, pledged_on,
    entered_by, entered_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const UPDATE: &str =
    "UPDATE people_office SET name = $2, kind = $3, phone = $4, fax = $5, email = $6, address = $7, city_code = $8,
    responsible = $9, pledged_on = $10, entered_by = $11, entered_at = $12, version = $13 WHERE id = $1";
const GET: &str = select!("WHERE id = $1");
const ALL: &str = select!("ORDER BY name, id LIMIT $1");
const OF_KIND: &str = select!("WHERE kind = $1 ORDER BY name, id LIMIT $2");
const FIRST_OF_KIND: &str = "SELECT id FROM people_office WHERE kind = $1 ORDER BY id LIMIT 1";
const OF_CITY: &str = "SELECT id FROM people_office WHERE kind = $1 AND city_code = $2 ORDER BY id LIMIT 1";
const OF_AREA: &str =
    "SELECT o.id FROM people_office_area a JOIN people_office o ON o.id = a.office_id WHERE o.kind = $1 AND a.area = $2
    ORDER BY o.id LIMIT 1";
const AREAS: &str = "SELECT area FROM people_office_area WHERE office_id = $1 ORDER BY area";
const CLEAR_AREAS: &str = "DELETE FROM people_office_area WHERE office_id = $1";
const ADD_AREA: &str = "INSERT INTO people_office_area (area, office_id) VALUES ($1, $2)";

pub fn insert(tx: &mut dyn Tx, office: &Office) -> Result<(), DbError> {
    tx.execute(INSERT, &columns(office))?;
    put_areas(tx, office)
}

pub fn update(tx: &mut dyn Tx, office: &Office) -> Result<(), DbError> {
    tx.execute(UPDATE, &columns(office))?;
    tx.execute(CLEAR_AREAS, params![office.id])?;
    put_areas(tx, office)
}

pub fn get(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Office>, DbError> {
    let Some(row) = tx.first(GET, params![office])? else { return Ok(None) };
    row_office(tx, &row).map(Some)
}

pub fn list(tx: &mut dyn Tx, kind: Option<OfficeKind>) -> Result<Vec<Office>, DbError> {
    let rows = match kind {
        Some(kind) => tx.query(OF_KIND, params![kind.key(), MAX_OFFICES])?,
        None => tx.query(ALL, params![MAX_OFFICES])?,
    };
    readable(tx, &rows)
}

/// These, in no order.
pub fn all(tx: &mut dyn Tx, offices: &[OfficeId]) -> Result<Vec<Office>, DbError> {
    let rows = tx.among(&GET.replace("= $1", "{among}"), &[], offices)?;
    readable(tx, &rows)
}

fn readable(tx: &mut dyn Tx, rows: &[Row]) -> Result<Vec<Office>, DbError> {
    let mut offices = Vec::with_capacity(rows.len());
    for row in rows {
        match row_office(tx, row) {
            Ok(office) => offices.push(office),
            Err(DbError::Shape { column, .. }) => {
                let id = row.get::<OfficeId>(0).map_or_else(|_| "?".to_owned(), |id| id.to_string());
                tx.note_unreadable(db::Unreadable { list: "people_office", id, column, names: vec![] });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(offices)
}

pub fn first_of_kind(tx: &mut dyn Tx, kind: OfficeKind) -> Result<Option<OfficeId>, DbError> {
    tx.first(FIRST_OF_KIND, params![kind.key()])?.map(|r| r.get(0)).transpose()
}

pub fn of_city(tx: &mut dyn Tx, kind: OfficeKind, city_code: &str) -> Result<Option<OfficeId>, DbError> {
    tx.first(OF_CITY, params![kind.key(), city_code])?.map(|r| r.get(0)).transpose()
}

pub fn of_area(tx: &mut dyn Tx, kind: OfficeKind, area: &str) -> Result<Option<OfficeId>, DbError> {
    tx.first(OF_AREA, params![kind.key(), area])?.map(|r| r.get(0)).transpose()
}

fn put_areas(tx: &mut dyn Tx, office: &Office) -> Result<(), DbError> {
    for area in &office.areas {
        tx.execute(ADD_AREA, params![area.as_str(), office.id])?;
    }
    Ok(())
}

fn columns(o: &Office) -> Vec<Value> {
    params![
        o.id,
        o.name.as_str(),
        o.kind.key(),
        or_blank(o.phone.as_ref().map(PhoneNumber::expose)),
        or_blank(o.fax.as_ref().map(PhoneNumber::expose)),
        or_blank(o.email.as_ref().map(Email::expose)),
        o.address.as_str(),
        o.city_code.as_str(),
        o.responsible.as_str(),
        o.pledged_on,
        o.entered_by,
        o.entered_at,
        o.version
    ]
    .to_vec()
}

/// Only support centres have areas, so only they cost a second query.
fn row_office(tx: &mut dyn Tx, row: &Row) -> Result<Office, DbError> {
    let (id, kind) = (row.get(0)?, row.word(2, OfficeKind::from_key)?);
    let areas = match kind {
        OfficeKind::SupportCentre => {
            tx.query(AREAS, params![id])?.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?
        }
        _ => vec![],
    };
    Ok(Office {
        id,
        name: row.get(1)?,
        kind,
        phone: unless_blank(row, 3, PhoneNumber::stored)?,
        fax: unless_blank(row, 4, PhoneNumber::stored)?,
        email: unless_blank(row, 5, Email::stored)?,
        address: row.get(6)?,
        city_code: row.get(7)?,
        areas,
        responsible: row.get(8)?,
        pledged_on: row.get(9)?,
        entered_by: row.get(10)?,
        entered_at: row.get(11)?,
        version: row.get(12)?,
    })
}
