//! Migrations go forward only. Each has a name and a text that never changes once it was applied anywhere.

use base::Instant;

use crate::writer::Connection;
use crate::{DbError, Engine, Tx, params};

/// One step of the schema: `people/001`. The text is written once for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

pub(crate) const OWN: &[Migration] = &[Migration { name: "db/001", sql: include_str!("schema.sql") }];

const CREATE_MIGRATION: &str = "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, text_length BIGINT NOT NULL, applied_at BIGINT NOT NULL)";
const APPLIED: &str = "SELECT name, text_length FROM migration";
const INSERT: &str = "INSERT INTO migration (name, text_length, applied_at) VALUES ($1, $2, $3)";

/// Applies what is missing, in order. A database that holds a migration unknown here is of a newer version and is
/// left untouched.
pub(crate) fn bring_forward(connection: &mut Connection, sets: &[&[Migration]]) -> Result<(), DbError> {
    let tx = connection.tx();
    tx.script("BEGIN")?;
    let outcome = apply(tx, sets);
    tx.script(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome
}

fn apply(tx: &mut dyn Tx, sets: &[&[Migration]]) -> Result<(), DbError> {
    tx.script(CREATE_MIGRATION)?;
    let known: Vec<&Migration> = OWN.iter().chain(sets.iter().copied().flatten()).collect();
    let mut applied = Vec::new();
    for row in tx.query(APPLIED, &[])? {
        let (name, length): (String, i64) = (row.get(0)?, row.get(1)?);
        match known.iter().find(|m| m.name == name) {
            None => return Err(DbError::Newer(name)),
            Some(m) if m.sql.len() as i64 != length => return Err(DbError::Altered(name)),
            Some(_) => applied.push(name),
        }
    }
    for migration in known.iter().filter(|m| !applied.iter().any(|name| name == m.name)) {
        tx.script(&in_dialect(tx.engine(), migration.sql))?;
        let now = Instant(0); // The moment a schema was applied matters to nobody; rules stay free of the clock.
        tx.execute(INSERT, params![migration.name, migration.sql.len(), now])?;
    }
    Ok(())
}

/// SQLite keeps a table in the order of its integer key only if the type is spelt `INTEGER`.
fn in_dialect(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Sqlite => sql.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"),
        Engine::Postgres => sql.to_owned(),
    }
}
