use base::PersonId;
use db::{DbError, Row, Tx, params};

use super::{json, provenance, read_json};
use crate::{CareLevel, MedicalSummary, Source};

const PUT: &str =
    "INSERT INTO people_medical_summary (person_id, diagnoses, allergies, care_level, certified_on, valid_from,
    valid_until, source, entered_by, entered_at, confirmed_on, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (person_id) DO UPDATE SET diagnoses = excluded.diagnoses, allergies = excluded.allergies,
    care_level = excluded.care_level, certified_on = excluded.certified_on, valid_from = excluded.valid_from,
    valid_until = excluded.valid_until, source = excluded.source, entered_by = excluded.entered_by,
    entered_at = excluded.entered_at, confirmed_on = excluded.confirmed_on, version = excluded.version";
const GET: &str =
    "SELECT person_id, diagnoses, allergies, care_level, certified_on, valid_from, valid_until, source, entered_by,
    entered_at, confirmed_on, version FROM people_medical_summary WHERE person_id = $1";

pub fn put(tx: &mut dyn Tx, m: &MedicalSummary) -> Result<(), DbError> {
    let p = m.provenance.as_ref();
    let values = params![
        m.person,
        json(&m.diagnoses),
        json(&m.allergies),
        m.care_level.map(CareLevel::key),
        m.certified_on,
        m.valid_from,
        m.valid_until,
        p.map_or(Source::Other, |p| p.source).key(),
        p.map(|p| p.entered_by),
        p.map(|p| p.entered_at),
        p.and_then(|p| p.confirmed_on),
        m.version
    ];
    tx.tell(PUT, values)
}

pub fn get(tx: &mut dyn Tx, person: PersonId) -> Result<Option<MedicalSummary>, DbError> {
    tx.first(GET, params![person])?.as_ref().map(summary).transpose()
}

fn summary(row: &Row) -> Result<MedicalSummary, DbError> {
    let care_level: Option<String> = row.get(3)?;
    Ok(MedicalSummary {
        person: row.get(0)?,
        diagnoses: read_json(row, 1)?,
        allergies: read_json(row, 2)?,
        care_level: care_level.as_deref().and_then(CareLevel::from_key),
        certified_on: row.get(4)?,
        valid_from: row.get(5)?,
        valid_until: row.get(6)?,
        provenance: Some(provenance(row, 7)?),
        version: row.get(11)?,
    })
}
