use base::{HomeId, PersonId};
use db::{DbError, Row, Tx, Value, params};

use super::{provenance, redacted};
use crate::{Dwelling, EntryMethod, Home};

const INSERT: &str =
    "INSERT INTO people_home (id, postal, city_code, city, town, line, building, lat, lon, area, neighbourhood,
    dwelling, layout_note, entry, entry_note, source, entered_by, entered_at, confirmed_on, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
const UPDATE: &str =
    "UPDATE people_home SET postal = $2, city_code = $3, city = $4, town = $5, line = $6, building = $7, lat = $8,
    lon = $9, area = $10, neighbourhood = $11, dwelling = $12, layout_note = $13, entry = $14, entry_note = $15,
    source = $16, entered_by = $17, entered_at = $18, confirmed_on = $19, version = $20 WHERE id = $1";
/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, postal, city_code, city, town, line, building, lat, lon, area, neighbourhood, dwelling, \
             layout_note, entry, entry_note, source, entered_by, entered_at, confirmed_on, version FROM people_home ",
            $rest
        )
    };
}

const GET: &str = select!("WHERE id = $1");
const OF_PERSON: &str = select!("WHERE id = (SELECT home_id FROM people_resident WHERE id = $1)");

pub fn insert(tx: &mut dyn Tx, home: &Home) -> Result<(), DbError> {
    tx.tell(INSERT, &columns(home))
}

pub fn update(tx: &mut dyn Tx, home: &Home) -> Result<(), DbError> {
    tx.tell(UPDATE, &columns(home))
}

pub fn get(tx: &mut dyn Tx, home: HomeId) -> Result<Option<Home>, DbError> {
    tx.first(GET, params![home])?.as_ref().map(row_home).transpose()
}

/// Where this person lives.
pub fn of_person(tx: &mut dyn Tx, person: PersonId) -> Result<Option<Home>, DbError> {
    tx.first(OF_PERSON, params![person])?.as_ref().map(row_home).transpose()
}

/// These homes, in no order.
pub fn all(tx: &mut dyn Tx, homes: &[HomeId]) -> Result<Vec<Home>, DbError> {
    super::by_ids(tx, "people_home", GET, homes, row_home)
}

fn columns(h: &Home) -> Vec<Value> {
    params![
        h.id,
        h.postal.expose(),
        h.city_code.as_str(),
        h.city.as_str(),
        h.town.as_str(),
        h.line.expose(),
        h.building.expose(),
        h.lat,
        h.lon,
        h.area.as_str(),
        h.neighbourhood.as_str(),
        h.dwelling.key(),
        h.layout_note.expose(),
        h.entry.key(),
        h.entry_note.expose(),
        h.provenance.source.key(),
        h.provenance.entered_by,
        h.provenance.entered_at,
        h.provenance.confirmed_on,
        h.version
    ]
    .to_vec()
}

fn row_home(row: &Row) -> Result<Home, DbError> {
    Ok(Home {
        id: row.get(0)?,
        postal: redacted(row, 1)?,
        city_code: row.get(2)?,
        city: row.get(3)?,
        town: row.get(4)?,
        line: redacted(row, 5)?,
        building: redacted(row, 6)?,
        lat: row.get(7)?,
        lon: row.get(8)?,
        area: row.get(9)?,
        neighbourhood: row.get(10)?,
        dwelling: row.word(11, Dwelling::from_key)?,
        layout_note: redacted(row, 12)?,
        layout_shown: true,
        entry: row.word(13, EntryMethod::from_key)?,
        entry_note: redacted(row, 14)?,
        entry_shown: true,
        provenance: provenance(row, 15)?,
        version: row.get(19)?,
    })
}
