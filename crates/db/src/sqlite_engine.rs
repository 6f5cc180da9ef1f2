//! SQLite behind the port.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use base::limits::ROWS_PER_STATEMENT;
use rusqlite::config::DbConfig as Switch;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use crate::counted::Counted;
use crate::listed::{among_each, in_powers, placeholders};
use crate::memo::Memo;
use crate::readable::{Unreadable, UnreadableRows};
use crate::{DbError, Durability, Engine, Keys, Question, Row, Tx, Value, only_reads};

/// Bytes of the write-ahead log above which the writer makes readers let go of it.
const LOG_BYTES: u64 = 64 * 1024 * 1024;
/// How long the writer waits for them, and how long until it tries again.
const LOG_WAIT: Duration = Duration::from_millis(200);
const LOG_PAUSE: Duration = Duration::from_secs(5);
/// Statements that begin and end every transaction and command; they are prepared once like all others.
const AROUND_COMMANDS: &[&str] = &["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "SAVEPOINT apart", "RELEASE SAVEPOINT apart"];
/// How long a statement waits for another process.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// How often a second writer looks whether the first one has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) struct Sqlite {
    connection: Connection,
    /// The write-ahead log, and when to look at it again.
    log: PathBuf,
    log_due: Clock,
    pub(crate) keys: Arc<Keys>,
    pub(crate) announced: bool,
    /// Shared by all connections of one program.
    pub(crate) unreadable: Arc<UnreadableRows>,
    broken: Option<DbError>,
    touched: u64,
    memo: Memo,
    pub(crate) counted: Arc<Counted>,
    /// The writer's lock, let go after the connection above is closed.
    _turn: Option<File>,
}

impl Sqlite {
    /// Waits until no other process writes to this file, for this long at most.
    pub(crate) fn open_writer(file: &Path, durability: Durability, wait: Duration) -> Result<Sqlite, DbError> {
        let turn = take_turn(file, wait)?;
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_WAIT)?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
            Durability::Process => "OFF",
        };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON; \
             PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;"
        ))?;
        Ok(Sqlite { _turn: Some(turn), ..Sqlite::over(connection, file)? })
    }

    pub(crate) fn open_reader(file: &Path) -> Result<Sqlite, DbError> {
        // One thread has the connection to itself, so that the engine need not lock it at every step.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        // A reader's cache is void with each commit of the writer: a large one is only filled and thrown away, and a file
        // that is mapped is mapped anew after each, which costs a quarter of a page (docs/performance.md).
        connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;")?;
        Sqlite::over(connection, file)
    }

    fn over(connection: Connection, file: &Path) -> Result<Sqlite, DbError> {
        connection.set_prepared_statement_cache_capacity(256);
        // Otherwise the engine plans most statements anew for each set of values, which costs more than running them.
        connection.set_db_config(Switch::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let log = beside(file, "-wal");
        Ok(Sqlite {
            connection,
            log,
            log_due: Clock::now(),
            keys: Arc::default(),
            announced: false,
            unreadable: Arc::default(),
            broken: None,
            touched: 0,
            memo: Memo::default(),
            counted: Arc::default(),
            _turn: None,
        })
    }

    /// Empties a log that grew long. By itself the engine begins it anew only at a moment when nobody reads, and where
    /// somebody always reads that moment never comes. New readers already read past the log while this waits for the
    /// old ones; one that takes its time (a backup) is not waited for.
    pub(crate) fn shorten_log(&mut self) -> Result<(), DbError> {
        let now = Clock::now();
        let long = std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES);
        if !long || now < self.log_due {
            return Ok(());
        }
        self.log_due = now + LOG_PAUSE;
        self.connection.busy_timeout(LOG_WAIT)?;
        let busy: Result<i64, _> = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        self.connection.busy_timeout(BUSY_WAIT)?;
        if busy? == 0 {
            self.log_due = now;
        }
        Ok(())
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Locks a file beside the database: the engine's own locks last for one transaction each, and two writers would take
/// turns with them, each with a memory that lacks what the other wrote. The system lets go of the lock with the process,
/// however that ends. It is a file of its own because closing any handle of the database would drop the engine's locks.
fn take_turn(file: &Path, wait: Duration) -> Result<File, DbError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull => DbError::Full,
        _ => DbError::Engine(format!("the lock beside the database: {error}")),
    };
    let turn = File::options().create(true).append(true).open(beside(file, "-writer")).map_err(failed)?;
    let deadline = Clock::now() + wait;
    loop {
        match turn.try_lock() {
            Ok(()) => return Ok(turn),
            Err(TryLockError::WouldBlock) if Clock::now() >= deadline => return Err(DbError::Occupied),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
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

    /// In statements of [`ROWS_PER_STATEMENT`] rows at most: this engine bounds the number of values.
    fn in_pieces(&mut self, rows: &[Vec<Value>], sql: impl Fn(usize) -> String) -> Result<u64, DbError> {
        let mut changed = 0;
        for piece in in_powers(rows, ROWS_PER_STATEMENT) {
            changed += self.execute(&sql(piece.len()), &piece.concat())?;
        }
        Ok(changed)
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        if AROUND_COMMANDS.contains(&sql) {
            return Ok(self.connection.prepare_cached(sql)?.raw_execute().map(drop)?);
        }
        Ok(self.connection.execute_batch(sql)?)
    }

    /// Remembers an error after which this transaction is unusable. After some (a full disk, a failed write) the
    /// engine has rolled all of it back by itself.
    fn noted<T>(&mut self, outcome: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &outcome {
            let gone = || self.connection.is_autocommit().then(|| DbError::Engine(error.to_string()));
            self.broken = error.breaks().or_else(gone).or(self.broken.take());
        }
        outcome
    }

    /// Refuses statements that would otherwise each be a transaction of their own.
    fn whole(&self) -> Result<(), DbError> {
        self.broken.clone().map_or(Ok(()), Err)
    }
}

impl Tx for Sqlite {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.whole()?;
        self.counted.statement();
        self.touched += 1;
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
        self.whole()?;
        self.counted.statement();
        let outcome = self.stream(sql, params, take);
        self.touched += u64::from(outcome.is_err() || !only_reads(sql));
        self.noted(outcome)
    }

    fn insert_rows(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        self.in_pieces(rows, |values| format!("{head} VALUES {} {tail}", placeholders(values, width)))
    }

    fn expect(&mut self, _: Question) {}

    fn tell(&mut self, sql: &str, params: &[Value]) -> Result<(), DbError> {
        self.execute(sql, params).map(drop)
    }

    fn add_row(&mut self, head: &str, row: Vec<Value>) -> Result<(), DbError> {
        self.execute(&format!("{head} VALUES {}", placeholders(1, row.len())), &row).map(drop)
    }

    fn update_rows(&mut self, head: &str, types: &[&str], rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        self.in_pieces(rows, |values| format!("{head} FROM (VALUES {}) AS v {tail}", placeholders(values, types.len())))
    }

    fn query_among(&mut self, sql: &str, params: &[Value], items: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (sql, values) = among_each(sql, params, items);
        self.query(&sql, &values)
    }

    fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.memo.heed(sql);
        let outcome = self.batch(sql);
        self.memo.ran(sql, outcome.is_ok());
        self.noted(outcome)
    }

    fn broken(&self) -> Option<DbError> {
        self.broken.clone()
    }

    fn forget_broken(&mut self) {
        self.broken = None;
    }

    fn note_unreadable(&mut self, row: Unreadable) {
        self.unreadable.note(row);
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn announce(&mut self) {
        self.announced = true;
    }

    fn touched(&self) -> u64 {
        self.touched
    }

    /// This engine's commands stand in savepoints, whose release fails where the transaction is gone.
    fn failed(&self) -> u64 {
        0
    }

    fn undone(&mut self, touched: u64, _: u64) {
        self.touched = touched;
    }

    fn memo(&self) -> &Memo {
        &self.memo
    }

    fn memo_mut(&mut self) -> &mut Memo {
        &mut self.memo
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
