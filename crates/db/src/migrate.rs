//! Migrations go forward only. Each has a name and a text that never changes once it was applied anywhere.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Instant;

use crate::postgres_engine::CREATE_TURNS;
use crate::postgres_silence::Silence;
use crate::writer::Connection;
use crate::{DbConfig, DbError, Engine, Tx, params, postgres_rights};

/// One step of the schema: `people/001`. The text is written once for both engines. A line `-- append-only: a, b` names
/// tables to which a running program may only add rows; renamed by a line `ALTER TABLE a RENAME TO c;` they stay so.
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
const APPEND_ONLY: &str = "-- append-only:";
const THERE: &str = "SELECT COUNT(*) FROM pg_class WHERE relname = 'migration' AND relkind = 'r'
    AND relnamespace = CAST(current_schema() AS regnamespace) AND has_table_privilege(oid, 'SELECT')";
/// Which database of which server this is.
const PLACE: &str = "SELECT CAST(oid AS TEXT) || ' ' || CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS TEXT)
    FROM pg_database WHERE datname = current_database()";
const APPLIED: &str = "SELECT name, text_length FROM migration";
const INSERT: &str = "INSERT INTO migration (name, text_length, applied_at) VALUES ($1, $2, $3)";

/// Applies what is missing, in order. A database that holds a migration unknown here is of a newer version and is
/// left untouched.
pub(crate) fn bring_forward(connection: &mut Connection, sets: &[&[Migration]]) -> Result<(), DbError> {
    forward(connection, &[&[OWN], sets].concat())
}

fn forward(connection: &mut Connection, sets: &[&[Migration]]) -> Result<(), DbError> {
    in_one(connection, |tx| apply(tx, sets)).map(drop)
}

fn in_one<T>(connection: &mut Connection, work: impl FnOnce(&mut dyn Tx) -> Result<T, DbError>) -> Result<T, DbError> {
    let tx = connection.tx();
    tx.script("BEGIN")?;
    let outcome = work(tx);
    tx.script(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome
}

/// Brings a server's database forward as the owner of its tables, and gives the role under which `program` runs what it
/// needs and no more. Gives how many migrations it applied. [`DbError::NoRole`] and [`DbError::Mighty`] where that role is
/// not there or could undo it, [`DbError::Elsewhere`] where the program's address leads to another database; nothing is
/// changed then.
pub fn migrate_by_owner(
    owner: DbConfig,
    program: &DbConfig,
    wait: Duration,
    sets: &[&[Migration]],
) -> Result<usize, DbError> {
    let role = program.role().ok_or_else(|| DbError::NoRole(String::new()))?;
    let mut connection = Connection::open_writer(&owner.as_owner(), &Silence::default(), wait)?;
    let all = [&[OWN], sets].concat();
    let applied = in_one(&mut connection, |tx| {
        let applied = apply(tx, &all)?;
        postgres_rights::grant(tx, &role, &append_only(&all))?;
        // What a role was given in another region's database, nobody would find there.
        let place: String = tx.scalar(PLACE, &[])?;
        if Connection::open_reader(program, &Silence::default(), &Arc::default())?.tx().scalar::<String>(PLACE, &[])?
            != place
        {
            return Err(DbError::Elsewhere);
        }
        Ok(applied)
    })?;
    // Not within: a server that tidies a table just then waits for what was granted on it, and this would wait for that.
    connection.tx().gather_statistics()?;
    // A program that lost its connection before this does not go on as if it knew the tables.
    connection.take_turn()?;
    require_current(Connection::open_reader(program, &Silence::default(), &Arc::default())?.tx(), sets)?;
    Ok(applied)
}

/// What a running program asks on a server before anything else: that the owner applied all it knows, and nothing more.
pub(crate) fn require_current(tx: &mut dyn Tx, sets: &[&[Migration]]) -> Result<(), DbError> {
    let sets = [&[OWN], sets].concat();
    if !is_there(tx)? {
        return Err(DbError::Behind(OWN[0].name.to_owned()));
    }
    if let Some(first) = missing(tx, &sets)?.first() {
        return Err(DbError::Behind(first.name.to_owned()));
    }
    postgres_rights::require_granted(tx, &append_only(&sets))
}

/// Whether any migration was applied to a database on a server that this role may read.
fn is_there(tx: &mut dyn Tx) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(THERE, &[])? > 0)
}

/// By the names that the tables have after the last migration.
fn append_only<'a>(sets: &[&'a [Migration]]) -> BTreeSet<&'a str> {
    let mut tables = BTreeSet::new();
    for line in sets.iter().copied().flatten().flat_map(|migration| migration.sql.lines()) {
        if let Some(names) = line.strip_prefix(APPEND_ONLY) {
            tables.extend(names.split(',').map(str::trim));
        } else if let Some((old, new)) = renamed(line)
            && tables.remove(old)
        {
            tables.insert(new);
        }
    }
    tables
}

/// The old and the new name.
fn renamed(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("ALTER TABLE ")?.strip_suffix(';')?.split_once(" RENAME TO ")
}

/// Applies what is missing, and gives how many that were.
fn apply(tx: &mut dyn Tx, sets: &[&[Migration]]) -> Result<usize, DbError> {
    tx.script(CREATE_MIGRATION)?;
    if tx.engine() == Engine::Postgres {
        tx.script(CREATE_TURNS)?;
    }
    let missing = missing(tx, sets)?;
    for migration in &missing {
        tx.script(&in_dialect(tx.engine(), migration.sql))?;
        let now = Instant(0); // The moment a schema was applied matters to nobody; rules stay free of the clock.
        tx.execute(INSERT, params![migration.name, migration.sql.len(), now])?;
    }
    Ok(missing.len())
}

/// What was not applied yet, in order.
fn missing<'a>(tx: &mut dyn Tx, sets: &[&'a [Migration]]) -> Result<Vec<&'a Migration>, DbError> {
    let known: Vec<&Migration> = sets.iter().copied().flatten().collect();
    let mut missing = known.clone();
    for row in tx.query(APPLIED, &[])? {
        let (name, length): (String, i64) = (row.get(0)?, row.get(1)?);
        match known.iter().find(|m| m.name == name) {
            None => return Err(DbError::Newer(name)),
            Some(m) if m.sql.len() as i64 != length => return Err(DbError::Altered(name)),
            Some(_) => missing.retain(|m| m.name != name),
        }
    }
    Ok(missing)
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
    use crate::testing::{TestDb, fresh_config, owned};
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
        let config = owned(&config);
        let mut connection = Connection::open_writer(&config, &Silence::default(), Duration::ZERO).unwrap();
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

    // shows: 5.2.5 a table of the record is only added to under its new name too
    #[test]
    fn a_table_that_may_only_be_added_to_stays_so_under_another_name() {
        let sql = "-- append-only: said, done";
        let first = Migration { name: "test/append-only", sql };
        let sql =
            "ALTER TABLE said RENAME COLUMN a TO b;\nALTER TABLE said RENAME TO test_said;\nALTER TABLE x RENAME TO y;";
        let second = Migration { name: "test/002", sql };
        assert_eq!(append_only(&[&[first], &[second]]), BTreeSet::from(["done", "test_said"]));
    }
}
