//! The database behind a small port: one SQL text, two engines, one writer with group commit, N readers.
//!
//! A command is a re-runnable closure. It runs in a savepoint of a transaction shared with its neighbours, and its
//! caller is answered only after that transaction is durable. This crate knows no table but its own three
//! (`migration`, `db_outbox`, `db_mark`) and is the only one that names an engine.

mod ahead;
mod apart;
mod bulk;
mod config;
mod counted;
pub mod dump;
mod error;
#[cfg(test)]
mod lane_tests;
mod lanes;
mod listed;
pub mod marks;
mod memo;
mod migrate;
pub mod outbox;
mod postgres_engine;
mod postgres_gathered;
mod postgres_line;
mod postgres_pulse;
mod postgres_rights;
mod postgres_silence;
mod postgres_together;
mod postgres_values;
mod postgres_wire;
mod readable;
mod reader;
mod reader_queue;
pub mod seal;
mod space;
mod sqlite_engine;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod value;
pub mod whole;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use ahead::{Question, Reading};
pub use bulk::next_piece;
pub use config::{DbConfig, Durability, Rights};
pub use error::DbError;
pub use memo::Memo;
pub use migrate::{Migration, migrate_by_owner};
pub use postgres_silence::Away;
pub use postgres_wire::AddressRefusal;
pub use readable::Unreadable;
pub use reader::{Brief, Guess};
pub use seal::{KeySource, Keys, Sealed};
pub use space::Space;
pub use value::{FromValue, Row, Value};

/// Parameters of a statement: `params![id, name, now]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

/// How long a writer waits for the one before it to end: longer than a program that was asked to stop takes for it.
pub const PREDECESSOR: Duration = Duration::from_secs(30);

/// So long nobody is told that it waits: one that has just ended is still closing its files.
const UNREMARKED: Duration = Duration::from_secs(1);

/// Which engine holds the data. Only `db` decides anything by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An open transaction. Placeholders are `$1`, `$2`, … on both engines.
pub trait Tx {
    /// Runs one statement and gives the number of rows it changed.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError>;
    /// Runs one statement and gives its rows.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError>;
    /// Runs one statement and hands each of its rows over as it comes, for answers too long to hold.
    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError>;
    /// `INSERT … VALUES` for many rows, in as few statements as the engine takes. `head` ends before `VALUES`, `tail`
    /// follows it (such as `ON CONFLICT DO NOTHING`); each row has `width` values. Gives the number of rows changed.
    fn insert_rows(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError>;
    /// The same for rows taken for new, with what `tail` says where one is there all the same: a server does not look for
    /// each of them first.
    fn insert_new_rows(&mut self, head: &str, width: usize, rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError> {
        self.insert_rows(head, width, rows, tail)
    }
    /// This will be asked for soon: a server is asked for it together with the next thing, in one journey. It changes no
    /// answer. See [`Reading`].
    fn expect(&mut self, question: Question);
    /// Runs a statement whose outcome nobody asks for. On a server it travels with the next one; where it is refused, that
    /// one fails.
    fn tell(&mut self, sql: &str, params: &[Value]) -> Result<(), DbError>;
    /// Inserts a row of which no statement of this command asks whether it is there. Otherwise as
    /// [`Self::tell`]; several become one statement.
    fn add_row(&mut self, head: &str, row: Vec<Value>) -> Result<(), DbError>;
    /// Changes many rows by their key, in as few statements as the engine takes. `head` ends before `FROM`, `tail` begins
    /// with `WHERE`; both call the values of a row `v.column1`, `v.column2`, …, which are of these types of SQL. No key may
    /// stand there twice. Gives the number of rows changed.
    fn update_rows(&mut self, head: &str, types: &[&str], rows: &[Vec<Value>], tail: &str) -> Result<u64, DbError>;
    /// One statement of [`Tx::among`](#method.among), of a bounded number of items.
    fn query_among(&mut self, sql: &str, params: &[Value], items: Vec<Value>) -> Result<Vec<Row>, DbError>;
    /// Runs several statements without parameters (migrations, savepoints).
    fn script(&mut self, sql: &str) -> Result<(), DbError>;
    fn engine(&self) -> Engine;
    /// With which values are sealed and opened ([`seal`]).
    fn keys(&self) -> &Keys;
    /// What made this transaction unusable (lost to a concurrent one, a full disk), if anything did since it began.
    fn broken(&self) -> Option<DbError>;
    /// A new transaction begins: what broke the one before is over.
    fn forget_broken(&mut self);
    /// Notes a row that cannot be read: see [`Unreadable`].
    fn note_unreadable(&mut self, row: Unreadable);
    /// Notes that the outbox grew, so that listeners are woken after the commit.
    fn announce(&mut self);
    /// How many statements of this connection may have changed something, or failed: what did neither need not be undone.
    fn touched(&self) -> u64;
    /// How many statements failed, or ended the transaction beneath a command. After one of them a server undoes all of
    /// the transaction at its commit, without a word: what was answered well would not be there.
    fn failed(&self) -> u64;
    /// What this connection ran since the two counts were so was undone, its failures with it: they are so again.
    fn undone(&mut self, touched: u64, failed: u64);
    /// What is known in this transaction; forgotten at its end and at every rollback.
    fn memo(&self) -> &Memo;
    fn memo_mut(&mut self) -> &mut Memo;
}

impl dyn Tx + '_ {
    /// The first row, if there is one.
    pub fn first(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// The first column of the only row, such as a count.
    pub fn scalar<T: FromValue>(&mut self, sql: &str, params: &[Value]) -> Result<T, DbError> {
        self.first(sql, params)?.ok_or(DbError::NoRow)?.get(0)
    }

    /// Has a server look at what its tables hold, after much was written at once: until then it plans by guesses, and a
    /// table that stays empty it never looks at by itself. Does nothing beside a file, or to tables of another role.
    pub fn gather_statistics(&mut self) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => self.script("ANALYZE"),
        }
    }
}

/// Whether a statement only reads, by its first word.
pub(crate) fn only_reads(sql: &str) -> bool {
    sql.trim_start().starts_with("SELECT")
}

/// The handle everything else holds: cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    /// None where the database was opened for reading only.
    writer: Option<writer::Writer>,
    readers: reader::Readers,
    config: DbConfig,
    committed: tokio::sync::watch::Receiver<u64>,
    counted: counted::Both,
    disk: Arc<space::Disk>,
    superseded: Arc<AtomicBool>,
    unreadable: Arc<readable::UnreadableRows>,
    /// Whether the server answers; nobody asks for whoever only reads beside the program, for that may take its time.
    _pulse: Option<postgres_pulse::Pulse>,
    silence: postgres_silence::Silence,
}

impl Db {
    /// As [`Db::open_within`], with the patience for a predecessor that is about to end, and without keys.
    pub fn open(config: DbConfig, migrations: &[&[Migration]]) -> Result<Db, DbError> {
        Db::open_within(PREDECESSOR, config, KeySource::None, migrations)
    }

    /// Opens (and creates) the database, brings it forward by `migrations`, starts the writer and the readers. On a
    /// server only the owner of the tables brings forward; a running program finds them as it needs them, or
    /// [`DbError::Behind`]. [`DbError::Occupied`] where another process is still the writer after `wait`,
    /// [`DbError::KeyMissing`] where the keys are not those that the database needs, [`DbError::Mighty`] where the role
    /// could rewrite the past; none of them changes anything.
    pub fn open_within(
        wait: Duration,
        config: DbConfig,
        keys: KeySource,
        migrations: &[&[Migration]],
    ) -> Result<Db, DbError> {
        // First, because a full disk has no room even for opening until the reserve is released.
        let disk = Arc::new(space::Disk::of(&config));
        disk.measure();
        let (pulse, silence) = postgres_pulse::Pulse::feel(&config)?;
        let mut connection = match writer::Connection::open_writer(&config, &silence, wait.min(UNREMARKED)) {
            Err(DbError::Occupied) if wait > UNREMARKED => {
                tracing::warn!("another process writes to this database; waiting for it to end");
                writer::Connection::open_writer(&config, &silence, wait - UNREMARKED)?
            }
            opened => opened?,
        };
        if config.is_narrow() {
            migrate::require_current(connection.tx(), migrations)?;
        }
        let lasting = matches!(keys, KeySource::File { .. });
        let keys = Arc::new(seal::keys_for(connection.tx(), keys)?);
        connection.give(&keys);
        if !config.is_narrow() {
            migrate::bring_forward(&mut connection, migrations)?;
        }
        connection.take_turn()?;
        if lasting {
            seal::note(connection.tx())?;
        }
        let counted = counted::Both::default();
        connection.count_in(&counted.writer);
        let (committed_tx, committed) = tokio::sync::watch::channel(0);
        let superseded = Arc::new(AtomicBool::new(false));
        let unreadable = Arc::default();
        connection.note_in(&unreadable);
        let shared = writer::Shared {
            config: config.clone(),
            silence: silence.clone(),
            keys: keys.clone(),
            disk: disk.clone(),
            superseded: superseded.clone(),
            counted: counted.writer.clone(),
            unreadable: unreadable.clone(),
        };
        let writer = Some(writer::Writer::start(connection, shared, committed_tx)?);
        let readers = reader::Readers::start(&config, &silence, &keys, &counted.readers, &unreadable)?;
        let pulse = Some(pulse);
        let inner =
            Inner { writer, readers, config, committed, counted, disk, superseded, unreadable, _pulse: pulse, silence };
        Ok(Db { inner: Arc::new(inner) })
    }

    /// Opens an existing database beside the process that writes to it: backups, verification.
    pub fn open_for_reading(config: DbConfig) -> Result<Db, DbError> {
        let (counted, unreadable) = (counted::Both::default(), Arc::default());
        let silence = postgres_silence::Silence::default();
        let readers = reader::Readers::start(&config, &silence, &Arc::default(), &counted.readers, &unreadable)?;
        let (_, committed) = tokio::sync::watch::channel(0);
        let disk = Arc::new(space::Disk::of(&config));
        let superseded = Arc::default();
        let (writer, _pulse) = (None, None);
        let inner =
            Inner { writer, readers, config, committed, counted, disk, superseded, unreadable, _pulse, silence };
        Ok(Db { inner: Arc::new(inner) })
    }

    /// Commands that wait for the writer, and reads that wait for a reader: for figures.
    pub fn waiting(&self) -> (usize, usize) {
        (self.inner.writer.as_ref().map_or(0, writer::Writer::waiting), self.inner.readers.waiting())
    }

    fn writer(&self) -> Result<&writer::Writer, DbError> {
        self.inner.writer.as_ref().ok_or_else(|| DbError::Gone("opened for reading only".into()))
    }

    pub fn config(&self) -> &DbConfig {
        &self.inner.config
    }

    /// Whether another process became the writer while the server could not be reached. Nothing is written any more, and
    /// what was kept in memory is stale: the program must end and be started again.
    pub fn superseded(&self) -> bool {
        self.inner.superseded.load(Ordering::Relaxed)
    }

    /// Rows met within the last hour that could not be read and were left out of their lists.
    pub fn unreadable(&self) -> Vec<Unreadable> {
        self.inner.unreadable.lately()
    }

    /// From now on people wait for this program: what a server has not done after [`base::limits::SERVER_SILENCE`] is cut,
    /// but for bulk. Founding, restoring and bringing forward take their time before.
    pub fn people_wait(&self) {
        self.inner.silence.people_wait();
    }

    /// To be told when the database is away and when it is back.
    pub fn away(&self) -> Away {
        self.inner.silence.away()
    }

    /// How much room the disk has. Whoever takes in bulk or shows persons asks first.
    pub fn space(&self) -> Space {
        self.inner.disk.space()
    }

    /// Measures the room on the disk anew; to be called every second on a thread that may wait.
    pub fn measure_space(&self) -> Space {
        self.inner.disk.measure()
    }

    /// Sends a command to the writer; resolves after it is durable, or was refused.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let answer = self.writer()?.submit(None, f, None::<fn(&mut dyn Tx, &E) -> Result<(), DbError>>)?;
        answer.await.unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// As [`Db::write`]; when `f` refuses, `refused` runs after its savepoint was rolled back, in the same commit.
    pub async fn write_or<T, E, F, R>(&self, f: F, refused: R) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        R: Fn(&mut dyn Tx, &E) -> Result<(), DbError> + Send + 'static,
    {
        let answer = self.writer()?.submit(None, f, Some(refused))?;
        answer.await.unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// [`Db::write`] for threads of our own; never on a runtime's worker.
    pub fn write_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let answer = self.writer()?.submit(None, f, None::<fn(&mut dyn Tx, &E) -> Result<(), DbError>>)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// Runs `f` on a reader thread, in a read-only transaction that sees what is committed.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let answer = self.inner.readers.submit(f)?;
        answer.await.unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// As [`Db::read`], for a reading that may be run several times. Where it was `foreseen` what it asks after its first
    /// question, a server is asked all of it at once, without a transaction around it: one statement is of one moment by
    /// itself, and several readings of a `kind` that ask the same are answered together. A reading that asks something
    /// else begins anew, in a transaction. A file makes no difference.
    pub async fn read_brief<T, E, F>(&self, kind: &'static str, foreseen: Option<Vec<Question>>, f: F) -> Brief<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let foreseen = foreseen.filter(|_| matches!(self.inner.config, DbConfig::Postgres { .. }));
        match self.inner.readers.submit_brief(kind, foreseen, f) {
            Ok(answer) => answer.await.unwrap_or_else(|_| Brief::failed(DbError::Panicked)),
            Err(error) => Brief::failed(error),
        }
    }

    /// [`Db::read`] for threads of our own; never on a runtime's worker.
    pub fn read_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let answer = self.inner.readers.submit(f)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// How many statements this handle's connections ran so far, and how many journeys to a server they took (none
    /// with the embedded engine).
    pub fn counted(&self) -> (u64, u64) {
        let (writer, readers) = (self.inner.counted.writer.both(), self.inner.counted.readers.both());
        (writer.0 + readers.0, writer.1 + readers.1)
    }

    /// How many readings were answered by a statement that answered others as well.
    pub fn answered_together(&self) -> u64 {
        self.inner.counted.readers.answered_together()
    }

    /// As [`Db::counted`], of the writer alone: readers end their transactions when nobody asks any more.
    pub fn counted_by_the_writer(&self) -> (u64, u64) {
        self.inner.counted.writer.both()
    }

    /// Changes whenever a commit added outbox rows.
    pub fn committed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.committed.clone()
    }
}
