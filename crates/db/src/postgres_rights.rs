//! Who may do what in a database on a server. The tables are the owner's, who brings them forward; the running program's
//! role reads and writes rows, and to tables that nothing may be taken from it can only add. It refuses to run with
//! more: whoever breaks into the program, or into its machine, finds no way to rewrite the past there.
//!
//! One list says which tables those are: the lines `-- append-only: …` of the migrations ([`crate::Migration`]).

use std::collections::BTreeSet;

use crate::{DbError, Tx, Value, params};

/// What the running program may do with a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    /// New rows only.
    Append,
    Change,
}

/// Which migrations there were is written by the owner.
const MIGRATION: &str = "migration";

const SESSION: &str = "SELECT CAST(session_user AS TEXT)";
const KNOWN: &str = "SELECT COUNT(*) FROM pg_roles WHERE rolname = $1";
/// What a role could do, by itself or as a member of another, beyond what tables grant: the gravest first.
const POWERS: &str = r"WITH mine AS (SELECT oid, rolname, rolsuper, rolcreaterole, rolreplication FROM pg_roles
         WHERE pg_has_role(CAST($1 AS name), oid, 'MEMBER')),
    place AS (SELECT oid, nspname, nspowner FROM pg_namespace
         WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%')
    SELECT CAST(what AS TEXT) FROM (
        SELECT 1 AS n, 'SUPERUSER' AS what FROM mine WHERE rolsuper
        UNION ALL SELECT 2, 'CREATEROLE' FROM mine WHERE rolcreaterole
        UNION ALL SELECT 3, 'REPLICATION' FROM mine WHERE rolreplication
        UNION ALL SELECT 4, 'MEMBER OF ' || rolname FROM mine WHERE rolname IN
            ('pg_write_all_data', 'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program')
        UNION ALL SELECT 5, 'OWNER OF DATABASE ' || datname FROM pg_database JOIN mine ON mine.oid = datdba
            WHERE datname = current_database()
        UNION ALL SELECT 6, 'OWNER OF SCHEMA ' || nspname FROM place JOIN mine ON mine.oid = nspowner
        UNION ALL SELECT 7, 'OWNER OF ' || relname FROM pg_class JOIN place ON place.oid = relnamespace
            JOIN mine ON mine.oid = relowner
        UNION ALL SELECT 8, 'CREATE ON SCHEMA ' || nspname FROM place
            WHERE has_schema_privilege(CAST($1 AS name), place.oid, 'CREATE')
        UNION ALL SELECT 9, 'CREATE ON DATABASE ' || current_database()
            WHERE has_database_privilege(CAST($1 AS name), current_database(), 'CREATE')
    ) found ORDER BY n, what LIMIT 1";
const TABLES: &str = "SELECT CAST(relname AS TEXT) FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind IN ('r', 'p') ORDER BY 1";
/// Of each table: whether it can be read, added to, changed, taken from, and emptied or hung with triggers.
const GRANTED: &str = "SELECT CAST(relname AS TEXT), has_table_privilege(CAST($1 AS name), oid, 'SELECT'),
    has_table_privilege(CAST($1 AS name), oid, 'INSERT'), has_any_column_privilege(CAST($1 AS name), oid, 'UPDATE'),
    has_table_privilege(CAST($1 AS name), oid, 'DELETE'),
    has_table_privilege(CAST($1 AS name), oid, 'TRUNCATE, TRIGGER, REFERENCES') FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind IN ('r', 'p') ORDER BY 1";

fn use_of(table: &str, append_only: &BTreeSet<&str>) -> Use {
    match table {
        MIGRATION => Use::Read,
        table if append_only.contains(table) => Use::Append,
        _ => Use::Change,
    }
}

/// Gives a role what the running program needs in every table there is, and takes away whatever else it, or everybody,
/// was given. As the owner, in the transaction of the migrations.
pub(crate) fn grant(tx: &mut dyn Tx, role: &str, append_only: &BTreeSet<&str>) -> Result<(), DbError> {
    let tables: Vec<String> = tx.query(TABLES, &[])?.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    if let Some(unknown) = append_only.iter().find(|name| !tables.iter().any(|table| table == *name)) {
        return Err(DbError::Engine(format!("append-only, and there is no such table: {unknown}")));
    }
    if tx.scalar::<i64>(KNOWN, params![role])? == 0 {
        return Err(DbError::NoRole(role.to_owned()));
    }
    let to = quoted(role);
    let schema = quoted(&tx.scalar::<String>("SELECT CAST(current_schema() AS TEXT)", &[])?);
    let mut script = format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {to};
         REVOKE ALL ON SCHEMA {schema} FROM {to};
         REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;
         GRANT USAGE ON SCHEMA {schema} TO {to};"
    );
    for table in &tables {
        let rights = match use_of(table, append_only) {
            Use::Read => "SELECT",
            Use::Append => "SELECT, INSERT",
            Use::Change => "SELECT, INSERT, UPDATE, DELETE",
        };
        script.push_str(&format!("GRANT {rights} ON {} TO {to};", quoted(table)));
    }
    tx.script(&script)?;
    require_only_rows(tx, role)?;
    require_grants(tx, role, append_only)
}

/// Refuses to go on as somebody who owns a table or could come to own one.
pub(crate) fn require_narrow(tx: &mut dyn Tx) -> Result<(), DbError> {
    let role: String = tx.scalar(SESSION, &[])?;
    require_only_rows(tx, &role)
}

/// Refuses to go on where the grants are not those of [`grant`]: with too few it could not work, with more it could undo.
pub(crate) fn require_granted(tx: &mut dyn Tx, append_only: &BTreeSet<&str>) -> Result<(), DbError> {
    let role: String = tx.scalar(SESSION, &[])?;
    require_grants(tx, &role, append_only)
}

fn require_only_rows(tx: &mut dyn Tx, role: &str) -> Result<(), DbError> {
    match tx.first(POWERS, params![role])? {
        Some(row) => Err(DbError::Mighty { role: role.to_owned(), what: row.get(0)? }),
        None => Ok(()),
    }
}

fn require_grants(tx: &mut dyn Tx, role: &str, append_only: &BTreeSet<&str>) -> Result<(), DbError> {
    for row in tx.query(GRANTED, params![role])? {
        let table: String = row.get(0)?;
        let [read, add, change, take, more] =
            [1, 2, 3, 4, 5].map(|n| matches!(row.values().get(n), Some(Value::Bool(true))));
        let (adds, changes) = match use_of(&table, append_only) {
            Use::Read => (false, false),
            Use::Append => (true, false),
            Use::Change => (true, true),
        };
        let held =
            [("INSERT", add, adds), ("UPDATE", change, changes), ("DELETE", take, changes), ("TRUNCATE", more, false)];
        if let Some((right, ..)) = held.iter().find(|(_, is, should)| *is && !*should) {
            return Err(DbError::Mighty { role: role.to_owned(), what: format!("{right} ON {table}") });
        }
        if !read || held.iter().any(|(_, is, should)| *should && !*is) {
            return Err(DbError::Behind(table));
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
