//! Rows in the database. Nothing here changes or deletes one.

use base::{Ctx, PersonId, Purpose, Role};
use db::{DbError, Row, Tx, Value, marks, params};

use crate::chain::{Columns, GENESIS, Hash, hash};
use crate::{Entry, Outcome, Recorded};

const HEAD: &str = "SELECT seq, hash FROM audit_row ORDER BY seq DESC LIMIT 1";
const APPEND: &str = "INSERT INTO audit_row
    (seq, at, role, actor_id, office_id, device, request_id, purpose, action, persons, items, ground, outcome, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const ABOUT: &str =
    "SELECT r.seq, r.at, r.role, r.actor_id, r.office_id, r.purpose, r.action, r.persons, r.items, r.ground, r.outcome
    FROM audit_person p JOIN audit_row r ON r.seq = p.seq WHERE p.person_id = $1 ORDER BY p.seq DESC LIMIT $2";
const NEWEST: &str = "SELECT seq, at, role, actor_id, office_id, purpose, action, persons, items, ground, outcome
    FROM audit_row ORDER BY seq DESC LIMIT $1";
const BEFORE: &str = "SELECT seq, at, role, actor_id, office_id, purpose, action, persons, items, ground, outcome
    FROM audit_row WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
const ABOUT_BEFORE: &str =
    "SELECT r.seq, r.at, r.role, r.actor_id, r.office_id, r.purpose, r.action, r.persons, r.items, r.ground, r.outcome
    FROM audit_person p JOIN audit_row r ON r.seq = p.seq
    WHERE p.person_id = $1 AND p.seq < $2 ORDER BY p.seq DESC LIMIT $3";
const UNINDEXED: &str = "SELECT seq, persons FROM audit_row WHERE seq > $1 ORDER BY seq LIMIT $2";
const TALLY: &str = "SELECT action, outcome, COUNT(*) FROM audit_row GROUP BY action, outcome ORDER BY action, outcome";
pub(crate) const RAW: &str = "SELECT seq, at, role, actor_id, office_id, device, request_id, purpose, action, persons, items, ground, outcome, hash
    FROM audit_row WHERE seq > $1 ORDER BY seq LIMIT $2";

const INDEXED: &str = "audit.indexed";

pub fn append(ctx: &Ctx, tx: &mut dyn Tx, entry: Entry<'_>) -> Result<i64, DbError> {
    let (last, previous) = head(tx)?;
    let seq = last + 1;
    let actor = &ctx.actor;
    let office = actor.office.map(|o| *o.0.as_bytes());
    let persons = join(entry.persons);
    let row = Columns {
        seq,
        at: ctx.now.0,
        role: actor.role.key(),
        actor_id: actor.id.as_bytes(),
        office_id: office.as_ref().map(|o| o.as_slice()),
        device: &actor.device,
        request_id: ctx.request.0.as_bytes(),
        purpose: ctx.purpose.key(),
        action: entry.action.key(),
        persons: &persons,
        items: entry.items,
        ground: entry.ground,
        outcome: entry.outcome.key(),
    };
    let hash = hash(&previous, &row);
    tx.execute(
        APPEND,
        params![
            seq,
            ctx.now,
            row.role,
            actor.id,
            actor.office,
            row.device,
            ctx.request,
            row.purpose,
            row.action,
            row.persons,
            row.items,
            row.ground,
            row.outcome,
            hash
        ],
    )?;
    Ok(seq)
}

pub fn head(tx: &mut dyn Tx) -> Result<(i64, Hash), DbError> {
    match tx.first(HEAD, &[])? {
        Some(row) => Ok((row.get(0)?, row.get(1)?)),
        None => Ok((0, GENESIS)),
    }
}

pub fn about(tx: &mut dyn Tx, person: PersonId, limit: usize) -> Result<Vec<Recorded>, DbError> {
    tx.query(ABOUT, params![person, limit])?.iter().map(recorded).collect()
}

pub fn newest(tx: &mut dyn Tx, limit: usize) -> Result<Vec<Recorded>, DbError> {
    tx.query(NEWEST, params![limit])?.iter().map(recorded).collect()
}

pub fn before(tx: &mut dyn Tx, seq: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    tx.query(BEFORE, params![seq, limit])?.iter().map(recorded).collect()
}

pub fn about_before(tx: &mut dyn Tx, person: PersonId, seq: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    tx.query(ABOUT_BEFORE, params![person, seq, limit])?.iter().map(recorded).collect()
}

pub fn tally(tx: &mut dyn Tx) -> Result<Vec<(String, Outcome, i64)>, DbError> {
    let rows = tx.query(TALLY, &[])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.word(1, Outcome::from_key)?, row.get(2)?))).collect()
}

pub fn index_persons(tx: &mut dyn Tx, limit: usize) -> Result<bool, DbError> {
    let from: i64 = marks::get(tx, INDEXED)?.and_then(|text| text.parse().ok()).unwrap_or(0);
    let rows = tx.query(UNINDEXED, params![from, limit])?;
    let mut upto = from;
    let mut filed: Vec<Vec<Value>> = Vec::new();
    for row in &rows {
        if filed.len() >= limit {
            break;
        }
        upto = row.get(0)?;
        filed.extend(split(&row.get::<String>(1)?).into_iter().map(|p| vec![p.into(), upto.into()]));
    }
    if upto == from {
        return Ok(false);
    }
    tx.insert_rows("INSERT INTO audit_person (person_id, seq)", 2, &filed, "ON CONFLICT DO NOTHING")?;
    marks::set(tx, INDEXED, &upto.to_string())?;
    Ok(filed.len() >= limit || rows.len() == limit)
}

fn recorded(row: &Row) -> Result<Recorded, DbError> {
    Ok(Recorded {
        seq: row.get(0)?,
        at: row.get(1)?,
        role: row.word(2, Role::from_key)?,
        actor_id: row.get(3)?,
        office: row.get(4)?,
        purpose: row.word(5, Purpose::from_key)?,
        action: row.get(6)?,
        persons: split(&row.get::<String>(7)?),
        items: row.get(8)?,
        ground: row.get(9)?,
        outcome: row.word(10, Outcome::from_key)?,
    })
}

fn join(persons: &[PersonId]) -> String {
    let ids: Vec<String> = persons.iter().map(PersonId::to_string).collect();
    ids.join(" ")
}

fn split(persons: &str) -> Vec<PersonId> {
    persons.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}
