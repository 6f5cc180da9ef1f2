//! SQLite behind the port.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use crate::{DbError, Durability, Engine, Row, Tx, Value};

pub(crate) struct Sqlite {
    connection: Connection,
    pub(crate) announced: bool,
    broken: Option<DbError>,
}

impl Sqlite {
    pub(crate) fn open_writer(file: &Path, durability: Durability) -> Result<Sqlite, DbError> {
        let connection = Connection::open(file)?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
            Durability::Process => "OFF",
        };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON; \
             PRAGMA busy_timeout=10000; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000; \
             PRAGMA temp_store=MEMORY;"
        ))?;
        Ok(Sqlite::over(connection))
    }

    pub(crate) fn open_reader(file: &Path) -> Result<Sqlite, DbError> {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch(
            "PRAGMA query_only=ON; PRAGMA busy_timeout=10000; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY; \
             PRAGMA mmap_size=268435456;",
        )?;
        Ok(Sqlite::over(connection))
    }

    fn over(connection: Connection) -> Sqlite {
        connection.set_prepared_statement_cache_capacity(256);
        Sqlite { connection, announced: false, broken: None }
    }
}

/// `$1` is a named parameter to SQLite; `?1` is a numbered one, which may come in any order.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

impl Sqlite {
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        let mut statement = self.connection.prepare_cached(&numbered(sql))?;
        bind(&mut statement, params)?;
        Ok(statement.raw_execute()? as u64)
    }

    fn stream(
        &mut self,
        sql: &str,
        params: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let mut statement = self.connection.prepare_cached(&numbered(sql))?;
        bind(&mut statement, params)?;
        let width = statement.column_count();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next()? {
            let values = (0..width).map(|i| row.get_ref(i).map(owned)).collect::<Result<_, _>>()?;
            take(Row(values))?;
        }
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    /// Remembers an error after which this transaction is unusable.
    fn noted<T>(&mut self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &outcome
            && let Some(broken) = error.breaks()
        {
            self.broken = Some(broken);
        }
        outcome
    }
}

impl Tx for Sqlite {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        let outcome = self.run(sql, params);
        self.noted(outcome)
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let outcome = self.stream(sql, params, take);
        self.noted(outcome)
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let outcome = self.batch(sql);
        self.noted(outcome)
    }

    fn take_broken(&mut self) -> Option<DbError> {
        self.broken.take()
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn announce(&mut self) {
        self.announced = true;
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<(), DbError> {
    for (i, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(i + 1, value)?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Real(v) => ValueRef::Real(*v),
            Value::Bool(v) => ValueRef::Integer(i64::from(*v)),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Blob(v) => ValueRef::Blob(v),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Real(v) => Value::Real(v),
        ValueRef::Text(v) => Value::Text(String::from_utf8_lossy(v).into_owned()),
        ValueRef::Blob(v) => Value::Blob(v.to_vec()),
    }
}
