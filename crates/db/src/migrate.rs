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

pub(crate) const OWN: &[Migration] = &[
    Migration { name: "db/001", sql: include_str!("schema.sql") },
    Migration { name: "db/002", sql: include_str!("schema_002.sql") },
];

const CREATE_MIGRATION: &str = "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, text_length BIGINT NOT NULL, applied_at BIGINT NOT NULL)";
const APPLIED: &str = "SELECT name, text_length FROM migration";
const INSERT: &str = "INSERT INTO migration (name, text_length, applied_at) VALUES ($1, $2, $3)";

/// Applies what is missing, in order. A database that holds a migration unknown here is of a newer version and is
/// left untouched.
pub(crate) fn bring_forward(connection: &mut Connection, sets: &[&[Migration]]) -> Result<(), DbError> {
    forward(connection, &[&[OWN], sets].concat())
}

fn forward(connection: &mut Connection, sets: &[&[Migration]]) -> Result<(), DbError> {
    let tx = connection.tx();
    tx.script("BEGIN")?;
    let outcome = apply(tx, sets);
    tx.script(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome
}

fn apply(tx: &mut dyn Tx, sets: &[&[Migration]]) -> Result<(), DbError> {
    tx.script(CREATE_MIGRATION)?;
    let known: Vec<&Migration> = sets.iter().copied().flatten().collect();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{TestDb, fresh_config};
    use crate::{Db, marks, outbox};

    crate::events! {
        Told {
            Again = "test.again" { n: i64 };
        }
    }

    // shows: 5.6.7 table names carry their crate, and existing databases go on
    #[test]
    fn a_database_of_the_first_tables_goes_on_with_its_events_and_its_marks() {
        let (config, folder) = fresh_config().unwrap();
        let mut connection = Connection::open_writer(&config, Duration::ZERO).unwrap();
        forward(&mut connection, &[&OWN[..1]]).unwrap();
        let tx = connection.tx();
        tx.script("BEGIN").unwrap();
        tx.script("INSERT INTO outbox (seq, at, topic, body) VALUES (41, 1000, 'test.happened', '{}')").unwrap();
        tx.script("INSERT INTO mark (name, value) VALUES ('fictional', 'yes')").unwrap();
        tx.script("COMMIT").unwrap();
        drop(connection);

        let region = TestDb::of(Db::open(config, &[]).unwrap(), folder);
        region.db.write_blocking(|tx| outbox::push(tx, Instant(2000), &Told::Again { n: 1 })).unwrap();
        let events = region.db.read_blocking(|tx| outbox::after(tx, 0, 10)).unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [41, 42]);
        assert_eq!(region.db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL)).unwrap().as_deref(), Some("yes"));
    }
}
