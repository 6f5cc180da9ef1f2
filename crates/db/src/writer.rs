//! The one writer: takes commands from two bounded queues, runs each so that it can be undone by itself, commits them
//! together, and only then answers. Commands of people and readings come first; bulk has its turn when none of them waits, in slices after
//! each of which it is asked anew who waits.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use base::limits;
use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::{oneshot, watch};

use crate::counted::Counted;
use crate::lanes::{Lanes, Next};
use crate::postgres_engine::Postgres;
use crate::postgres_line::Begin;
use crate::postgres_rights;
use crate::postgres_silence::Silence;
use crate::postgres_wire::Server;
use crate::readable::UnreadableRows;
use crate::space::Disk;
use crate::sqlite_engine::Sqlite;
use crate::{DbConfig, DbError, Keys, Tx};

/// How often a command is run anew when concurrent transactions keep winning.
const REPLAYS: usize = 5;
/// What a piece of bulk may take.
pub(crate) const SLICE: Duration = Duration::from_millis(limits::COMMIT_WAIT_MS);
/// How often it is said of one kind of bulk that its pieces take longer.
const TOLD_AGAIN: Duration = Duration::from_secs(60);
/// How long commands are answered with a fault at once after the database could not be reached.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

pub(crate) enum Connection {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Connection {
    pub(crate) fn open_writer(config: &DbConfig, silence: &Silence, wait: Duration) -> Result<Connection, DbError> {
        Ok(match config {
            DbConfig::Sqlite { file, durability } => {
                Connection::Sqlite(Box::new(Sqlite::open_writer(file, *durability, wait)?))
            }
            DbConfig::Postgres { url, ca, .. } => {
                let mut engine = Box::new(Postgres::connect(&Server::at(url, ca).heeding(silence))?);
                // Before it waits for anybody: waiting would not mend it.
                if config.is_narrow() {
                    postgres_rights::require_narrow(engine.as_mut())?;
                }
                engine.become_writer(wait)?;
                Connection::Postgres(engine)
            }
        })
    }

    pub(crate) fn open_reader(config: &DbConfig, silence: &Silence, keys: &Arc<Keys>) -> Result<Connection, DbError> {
        let mut connection = match config {
            DbConfig::Sqlite { file, .. } => Connection::Sqlite(Box::new(Sqlite::open_reader(file)?)),
            DbConfig::Postgres { url, ca, .. } => {
                Connection::Postgres(Box::new(Postgres::open_reader(&Server::at(url, ca).heeding(silence))?))
            }
        };
        connection.give(keys);
        Ok(connection)
    }

    /// From here on this is the writer of the database: whoever was it before writes nothing more.
    pub(crate) fn take_turn(&mut self) -> Result<(), DbError> {
        match self {
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(engine) => engine.take_turn(),
        }
    }

    /// From now on it seals and opens with these.
    pub(crate) fn give(&mut self, keys: &Arc<Keys>) {
        match self {
            Connection::Sqlite(engine) => engine.keys = keys.clone(),
            Connection::Postgres(engine) => engine.keys = keys.clone(),
        }
    }

    pub(crate) fn tx(&mut self) -> &mut dyn Tx {
        match self {
            Connection::Sqlite(engine) => engine.as_mut(),
            Connection::Postgres(engine) => engine.as_mut(),
        }
    }

    pub(crate) fn count_in(&mut self, counted: &Arc<Counted>) {
        match self {
            Connection::Sqlite(engine) => engine.counted = counted.clone(),
            Connection::Postgres(engine) => engine.counted = counted.clone(),
        }
    }

    /// Notes unreadable rows where the program's other connections do.
    pub(crate) fn note_in(&mut self, rows: &Arc<UnreadableRows>) {
        match self {
            Connection::Sqlite(engine) => engine.unreadable = rows.clone(),
            Connection::Postgres(engine) => engine.unreadable = rows.clone(),
        }
    }

    /// Whether each statement is a journey to a server.
    pub(crate) fn is_far(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    /// A server, to be asked what several readings want to know.
    pub(crate) fn far(&mut self) -> Option<&mut Postgres> {
        match self {
            Connection::Sqlite(_) => None,
            Connection::Postgres(engine) => Some(engine),
        }
    }

    /// Whether a transaction is open on a server.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Connection::Postgres(engine) if engine.is_open())
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Connection::Postgres(engine) if engine.is_closed())
    }

    /// Whether the line to a server was cut because something took too long there.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self, Connection::Postgres(engine) if engine.is_overdue())
    }

    fn begin(&mut self, bulk: bool) -> Result<(), DbError> {
        self.tx().forget_broken();
        match self {
            Connection::Sqlite(engine) => engine.script("BEGIN IMMEDIATE"),
            Connection::Postgres(engine) => {
                engine.begin(if bulk { Begin::WritingBulk } else { Begin::Writing });
                Ok(())
            }
        }
    }

    pub(crate) fn begin_reading(&mut self, begin: Begin) -> Result<(), DbError> {
        self.tx().forget_broken();
        match self {
            Connection::Sqlite(engine) => engine.script("BEGIN"),
            Connection::Postgres(engine) => {
                engine.begin(begin);
                Ok(())
            }
        }
    }

    /// The number by which a server can be asked how the open transaction ended.
    fn transaction(&self) -> Option<String> {
        match self {
            Connection::Sqlite(_) => None,
            Connection::Postgres(engine) => engine.transaction(),
        }
    }

    /// Whether the outbox grew since the last call.
    fn take_announced(&mut self) -> bool {
        match self {
            Connection::Sqlite(engine) => std::mem::take(&mut engine.announced),
            Connection::Postgres(engine) => std::mem::take(&mut engine.announced),
        }
    }
}

/// What stands around a command, so that what it did can be undone without its neighbours'.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    Savepoint,
    /// Nothing: most commands succeed, and on a server two journeys are spared for each. Where one fails that changed
    /// something, the whole transaction begins again, with savepoints.
    Hope,
}

/// Why a transaction did not come to its end.
pub(crate) enum Stop {
    Broken(DbError),
    /// A command failed that has to be undone, and there is no savepoint.
    Undo,
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Stop {
        Stop::Broken(error)
    }
}

/// A command as the writer sees it: runs (perhaps again), then answers once.
pub(crate) trait Command: Send {
    /// Of bulk: what it is, for the record of how long its pieces take.
    fn bulk(&self) -> Option<&'static str>;
    fn run(&mut self, tx: &mut dyn Tx, around: Around) -> Result<(), Stop>;
    fn fail(&mut self, error: DbError);
    fn answer(self: Box<Self>);
}

struct Job<T, E, F, R> {
    bulk: Option<&'static str>,
    work: F,
    refused: Option<R>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F, R> Command for Job<T, E, F, R>
where
    T: Send,
    E: From<DbError> + Send,
    F: Fn(&mut dyn Tx) -> Result<T, E> + Send,
    R: Fn(&mut dyn Tx, &E) -> Result<(), DbError> + Send,
{
    fn bulk(&self) -> Option<&'static str> {
        self.bulk
    }

    /// `Err` only where the transaction itself can no longer be used.
    fn run(&mut self, tx: &mut dyn Tx, around: Around) -> Result<(), Stop> {
        let outcome = guarded(tx, around, |tx| (self.work)(tx))?;
        if let (Err(error), Some(refused)) = (&outcome, &self.refused)
            && let Err(cause) = guarded(tx, around, |tx| refused(tx, error))?
        {
            tracing::error!(%cause, "the audit row of a refusal could not be written");
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn fail(&mut self, error: DbError) {
        self.outcome = Some(Err(E::from(error)));
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            let _ = self.reply.send(outcome);
        }
    }
}

/// Runs `work`, and undoes what it did where it failed (or panicked).
fn guarded<T, E: From<DbError>>(
    tx: &mut dyn Tx,
    around: Around,
    work: impl FnOnce(&mut dyn Tx) -> Result<T, E>,
) -> Result<Result<T, E>, Stop> {
    if around == Around::Savepoint {
        return Ok(tx.apart(work)?);
    }
    let (touched, failed) = (tx.touched(), tx.failed());
    let outcome = catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| Err(E::from(DbError::Panicked)));
    // Both also where the command made light of it: what it did before is gone.
    if let Some(broken) = tx.broken() {
        return Err(Stop::Broken(broken));
    }
    if tx.failed() != failed || (outcome.is_err() && tx.touched() != touched) {
        return Err(Stop::Undo);
    }
    Ok(outcome)
}

/// What the writer shares with the handle.
pub(crate) struct Shared {
    pub(crate) config: DbConfig,
    pub(crate) silence: Silence,
    pub(crate) keys: Arc<Keys>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) superseded: Arc<AtomicBool>,
    pub(crate) counted: Arc<Counted>,
    pub(crate) unreadable: Arc<UnreadableRows>,
}

pub(crate) struct Writer {
    first: Sender<Box<dyn Command>>,
    bulk: Sender<Box<dyn Command>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        shared: Shared,
        committed: watch::Sender<u64>,
    ) -> Result<Writer, DbError> {
        let (first, commands) = bounded(limits::WRITER_QUEUE);
        let (bulk, pieces) = bounded(limits::BULK_QUEUE);
        let (unreachable, told) = (None, HashMap::new());
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                let passed_over = 0;
                let (woken, lanes) = (false, Lanes { commands, pieces, passed_over });
                Loop { connection, shared, lanes, committed, woken, unreachable, told }.run();
            })
            .map_err(|e| DbError::Engine(e.to_string()))?;
        Ok(Writer { first, bulk })
    }

    pub(crate) fn waiting(&self) -> usize {
        self.first.len() + self.bulk.len()
    }

    pub(crate) fn submit<T, E, F, R>(
        &self,
        bulk: Option<&'static str>,
        work: F,
        refused: Option<R>,
    ) -> Result<oneshot::Receiver<Result<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        R: Fn(&mut dyn Tx, &E) -> Result<(), DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Command> = Box::new(Job { bulk, work, refused, outcome: None, reply });
        let lane = if bulk.is_some() { &self.bulk } else { &self.first };
        match lane.try_send(job) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(DbError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(DbError::Gone("the writer has stopped".into())),
        }
    }
}

struct Loop {
    connection: Connection,
    shared: Shared,
    lanes: Lanes,
    committed: watch::Sender<u64>,
    /// Whether something committed since listeners were last woken added events.
    woken: bool,
    /// When the database could last not be reached.
    unreachable: Option<Clock>,
    /// When it was last said of a kind of bulk that its pieces are too long.
    told: HashMap<&'static str, Clock>,
}

impl Loop {
    fn run(mut self) {
        loop {
            // Whether the database is back is tried also while nobody wants anything of it.
            let first = match self.lanes.next(self.unreachable.map(|_| RECONNECT_PAUSE)) {
                Next::Command(first) => first,
                Next::Nothing => {
                    self.reconnect();
                    self.tell();
                    continue;
                }
                Next::Closed => return,
            };
            let batch = match self.first_pass(first) {
                Ok(batch) => batch,
                Err((mut batch, error)) if self.is_final(&error) => {
                    if matches!(error, DbError::Unknown(_)) {
                        tracing::error!(%error, commands = batch.len(), "nobody can be told how a commit ended");
                    }
                    batch.iter_mut().for_each(|command| command.fail(error.clone()));
                    batch
                }
                Err((batch, error)) => {
                    tracing::warn!(%error, commands = batch.len(), "a commit was lost; its commands run one by one");
                    batch.into_iter().map(|command| self.alone(command)).collect()
                }
            };
            batch.into_iter().for_each(Command::answer);
            self.tell();
            if std::mem::take(&mut self.woken) {
                self.committed.send_modify(|n| *n += 1);
            }
            if let Connection::Sqlite(engine) = &mut self.connection
                && let Err(error) = engine.shorten_log()
            {
                tracing::warn!(%error, "the write-ahead log could not be shortened");
            }
        }
    }

    /// Whether nothing is gained by running the commands again at once: what hung would hang again.
    fn is_final(&self, error: &DbError) -> bool {
        matches!(error, DbError::Unknown(_) | DbError::Occupied) || self.connection.is_overdue()
    }

    fn tell(&self) {
        if self.shared.silence.tell_unwritten(self.unreachable.is_some()) && self.unreachable.is_none() {
            tracing::warn!("the database takes what is written again");
        }
    }

    /// Runs `first` and what else is waiting in one transaction.
    #[allow(clippy::type_complexity)]
    fn first_pass(
        &mut self,
        first: Box<dyn Command>,
    ) -> Result<Vec<Box<dyn Command>>, (Vec<Box<dyn Command>>, DbError)> {
        let mut batch = vec![first];
        let around = if self.connection.is_far() { Around::Hope } else { Around::Savepoint };
        let mut outcome = self.fill(&mut batch, around);
        if matches!(outcome, Err(Stop::Undo)) {
            self.abandon();
            outcome = self.again(&mut batch);
        }
        let outcome = match outcome {
            Ok(()) => self.commit(),
            Err(Stop::Broken(error)) => Err(error),
            Err(Stop::Undo) => Err(DbError::Lost),
        };
        match outcome {
            Ok(()) => Ok(batch),
            Err(error) => {
                self.abandon();
                Err((batch, error))
            }
        }
    }

    /// Begins a transaction and runs what is waiting in one lane in it, until nothing waits or it has become long.
    fn fill(&mut self, batch: &mut Vec<Box<dyn Command>>, around: Around) -> Result<(), Stop> {
        let bulk = batch[0].bulk().is_some();
        let began = Clock::now();
        self.connection.begin(bulk)?;
        let mut next = 0;
        loop {
            self.run_one(&mut *batch[next], around)?;
            next += 1;
            let full = batch.len() >= limits::COMMANDS_PER_COMMIT
                || began.elapsed() >= Duration::from_millis(limits::COMMIT_WAIT_MS);
            if full {
                return Ok(());
            }
            match self.lanes.more(bulk) {
                Some(command) => batch.push(command),
                None => return Ok(()),
            }
        }
    }

    /// Runs the same commands in a new transaction, each so that it can be undone by itself.
    fn again(&mut self, batch: &mut [Box<dyn Command>]) -> Result<(), Stop> {
        self.connection.begin(batch.first().is_some_and(|command| command.bulk().is_some()))?;
        batch.iter_mut().try_for_each(|command| self.run_one(&mut **command, Around::Savepoint))
    }

    /// A piece of bulk is measured: whoever cuts its pieces too long keeps people waiting.
    fn run_one(&mut self, command: &mut dyn Command, around: Around) -> Result<(), Stop> {
        let Some(what) = command.bulk() else { return command.run(self.connection.tx(), around) };
        let began = Clock::now();
        let outcome = command.run(self.connection.tx(), around);
        let took = began.elapsed();
        metrics::histogram!("db_bulk_slice_seconds", "what" => what).record(took.as_secs_f64());
        if took > SLICE && self.told.get(what).is_none_or(|last| last.elapsed() > TOLD_AGAIN) {
            self.told.insert(what, Clock::now());
            let ms = took.as_millis() as u64;
            tracing::warn!(what, ms, "a piece of bulk took longer than its slice");
        }
        outcome
    }

    /// Runs one command in a transaction of its own, a few times if concurrent ones win.
    fn alone(&mut self, mut command: Box<dyn Command>) -> Box<dyn Command> {
        let mut last = DbError::Lost;
        for _ in 0..REPLAYS {
            if self.shared.superseded.load(Ordering::Relaxed) {
                last = DbError::Superseded;
                break;
            }
            let run = match self.again(std::slice::from_mut(&mut command)) {
                Ok(()) => Ok(()),
                Err(Stop::Broken(error)) => Err(error),
                Err(Stop::Undo) => Err(DbError::Lost),
            };
            let outcome = run.and_then(|()| self.commit());
            match outcome {
                Ok(()) => return command,
                Err(error) => {
                    self.abandon();
                    let again = !self.is_final(&error)
                        && match error {
                            DbError::Lost | DbError::Gone(_) => true,
                            DbError::Full => self.shared.disk.engine_is_full(),
                            _ => false,
                        };
                    last = error;
                    if !again {
                        break;
                    }
                }
            }
        }
        command.fail(last);
        command
    }

    fn commit(&mut self) -> Result<(), DbError> {
        let announced = self.connection.take_announced();
        if let Err(error) = self.connection.tx().script("COMMIT") {
            self.ask_whether_committed(error)?;
        }
        self.woken |= announced;
        self.shared.disk.committed();
        Ok(())
    }

    /// A connection may be lost after the server committed and before it said so; running such commands again would
    /// do them twice. `Ok` where the server says that the commit happened.
    fn ask_whether_committed(&mut self, error: DbError) -> Result<(), DbError> {
        let DbError::Gone(cause) = &error else { return Err(error) };
        let Some(transaction) = self.connection.transaction() else { return Err(error) };
        // It may be committed there and not yet as safe as the server was told to make it, so that its word is not enough.
        if self.connection.is_overdue() {
            return Err(DbError::Unknown(cause.clone()));
        }
        self.unreachable = None;
        self.reconnect();
        let Connection::Postgres(engine) = &mut self.connection else { return Err(error) };
        match engine.was_committed(&transaction) {
            Ok(true) => Ok(()),
            Ok(false) => Err(error),
            Err(_) => Err(DbError::Unknown(cause.clone())),
        }
    }

    /// Leaves a broken transaction, and a broken connection for a new one.
    fn abandon(&mut self) {
        if self.connection.is_overdue() && self.unreachable.is_none() {
            self.unreachable = Some(Clock::now());
        }
        let rolled_back = self.connection.tx().script("ROLLBACK");
        self.connection.take_announced();
        if rolled_back.is_err() && self.connection.is_closed() {
            self.reconnect();
        }
    }

    fn reconnect(&mut self) {
        let (DbConfig::Postgres { url, ca, .. }, Connection::Postgres(before)) =
            (&self.shared.config, &self.connection)
        else {
            return;
        };
        if self.shared.superseded.load(Ordering::Relaxed) {
            return;
        }
        if self.unreachable.is_some_and(|last| last.elapsed() < RECONNECT_PAUSE) {
            return;
        }
        let server = Server::at(url, ca).heeding(&self.shared.silence);
        self.unreachable = match Postgres::reopen_writer(&server, before.turn(), before.is_overdue()) {
            Ok(fresh) => {
                self.connection = Connection::Postgres(Box::new(fresh));
                self.connection.give(&self.shared.keys);
                self.connection.count_in(&self.shared.counted);
                self.connection.note_in(&self.shared.unreadable);
                None
            }
            Err(DbError::Superseded) => {
                tracing::error!("another process has become the writer; nothing is written any more");
                self.shared.superseded.store(true, Ordering::Relaxed);
                None
            }
            Err(DbError::Occupied) if before.is_overdue() => {
                tracing::error!("what was cut hangs on at the server; until it has come to an end nothing is written");
                Some(Clock::now())
            }
            Err(error) => {
                tracing::error!(%error, "the database cannot be reached");
                Some(Clock::now())
            }
        };
    }
}
