//! The one writer: takes commands from a bounded queue, runs each in a savepoint, commits them together, and only
//! then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use base::limits;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::{oneshot, watch};

use crate::counted::Counted;
use crate::postgres_engine::Postgres;
use crate::postgres_wire::Server;
use crate::space::Disk;
use crate::sqlite_engine::Sqlite;
use crate::{DbConfig, DbError, Keys, Tx};

/// How often a command is run anew when concurrent transactions keep winning.
const REPLAYS: usize = 5;
/// How long commands are answered with a fault at once after the database could not be reached.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

pub(crate) enum Connection {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Connection {
    pub(crate) fn open_writer(config: &DbConfig, wait: Duration) -> Result<Connection, DbError> {
        Ok(match config {
            DbConfig::Sqlite { file, durability } => {
                Connection::Sqlite(Box::new(Sqlite::open_writer(file, *durability, wait)?))
            }
            DbConfig::Postgres { url, ca } => {
                Connection::Postgres(Box::new(Postgres::open_writer(&Server::at(url, ca), wait)?))
            }
        })
    }

    pub(crate) fn open_reader(config: &DbConfig, keys: &Arc<Keys>) -> Result<Connection, DbError> {
        let mut connection = match config {
            DbConfig::Sqlite { file, .. } => Connection::Sqlite(Box::new(Sqlite::open_reader(file)?)),
            DbConfig::Postgres { url, ca } => {
                Connection::Postgres(Box::new(Postgres::open_reader(&Server::at(url, ca))?))
            }
        };
        connection.give(keys);
        Ok(connection)
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

    /// Whether each statement is a journey to a server.
    pub(crate) fn is_far(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Connection::Postgres(engine) if engine.is_closed())
    }

    fn begin(&mut self) -> Result<(), DbError> {
        self.tx().take_broken();
        match self {
            Connection::Sqlite(engine) => engine.script("BEGIN IMMEDIATE"),
            Connection::Postgres(engine) => engine.begin(),
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
enum Around {
    Savepoint,
    /// Nothing: most commands succeed, and on a server two journeys are spared for each. Where one fails that changed
    /// something, the whole transaction begins again, with savepoints.
    Hope,
}

/// Why a transaction did not come to its end.
enum Stop {
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
trait Command: Send {
    fn run(&mut self, tx: &mut dyn Tx, around: Around) -> Result<(), Stop>;
    fn fail(&mut self, error: DbError);
    fn answer(self: Box<Self>);
}

struct Job<T, E, F, R> {
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
    /// `Err` only where the transaction itself can no longer be used.
    fn run(&mut self, tx: &mut dyn Tx, around: Around) -> Result<(), Stop> {
        let outcome = guarded(tx, around, |tx| {
            catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
        })?;
        if let (Err(error), Some(refused)) = (&outcome, &self.refused) {
            let recorded = guarded(tx, around, |tx| {
                catch_unwind(AssertUnwindSafe(|| refused(tx, error))).unwrap_or(Err(DbError::Panicked))
            })?;
            if let Err(cause) = recorded {
                tracing::error!(%cause, "the audit row of a refusal could not be written");
            }
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

/// Runs `work`, and undoes what it did where it failed.
fn guarded<T, E>(
    tx: &mut dyn Tx,
    around: Around,
    work: impl FnOnce(&mut dyn Tx) -> Result<T, E>,
) -> Result<Result<T, E>, Stop> {
    let (before, failures) = (tx.touched(), tx.failed());
    if around == Around::Savepoint {
        tx.script("SAVEPOINT command")?;
    }
    let outcome = work(tx);
    // Also where the command made light of it: what it did before is gone.
    if let Some(broken) = tx.take_broken() {
        return Err(Stop::Broken(broken));
    }
    match (around, &outcome) {
        (Around::Savepoint, Ok(_)) => tx.script("RELEASE SAVEPOINT command")?,
        (Around::Savepoint, Err(_)) => tx.script("ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command")?,
        // Also where the command made light of it.
        (Around::Hope, _) if tx.failed() != failures => return Err(Stop::Undo),
        (Around::Hope, Err(_)) if tx.touched() != before => return Err(Stop::Undo),
        (Around::Hope, _) => {}
    }
    Ok(outcome)
}

/// What the writer shares with the handle.
pub(crate) struct Shared {
    pub(crate) config: DbConfig,
    pub(crate) keys: Arc<Keys>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) superseded: Arc<AtomicBool>,
    pub(crate) counted: Arc<Counted>,
}

pub(crate) struct Writer {
    queue: Sender<Box<dyn Command>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        shared: Shared,
        committed: watch::Sender<u64>,
    ) -> Result<Writer, DbError> {
        let (queue, commands) = bounded(limits::WRITER_QUEUE);
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || Loop { connection, shared, commands, committed, woken: false, unreachable: None }.run())
            .map_err(|e| DbError::Engine(e.to_string()))?;
        Ok(Writer { queue })
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn submit<T, E, F, R>(
        &self,
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
        let job: Box<dyn Command> = Box::new(Job { work, refused, outcome: None, reply });
        match self.queue.try_send(job) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(DbError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(DbError::Gone("the writer has stopped".into())),
        }
    }
}

struct Loop {
    connection: Connection,
    shared: Shared,
    commands: Receiver<Box<dyn Command>>,
    committed: watch::Sender<u64>,
    /// Whether something committed since listeners were last woken added events.
    woken: bool,
    /// When the database could last not be reached.
    unreachable: Option<Clock>,
}

impl Loop {
    fn run(mut self) {
        while let Ok(first) = self.commands.recv() {
            let batch = match self.first_pass(first) {
                Ok(batch) => batch,
                Err((mut batch, error @ DbError::Unknown(_))) => {
                    tracing::error!(%error, commands = batch.len(), "nobody can be told how a commit ended");
                    batch.iter_mut().for_each(|command| command.fail(error.clone()));
                    batch
                }
                Err((batch, error)) => {
                    tracing::warn!(%error, commands = batch.len(), "a commit was lost; its commands run one by one");
                    batch.into_iter().map(|command| self.alone(command)).collect()
                }
            };
            batch.into_iter().for_each(Command::answer);
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

    /// Begins a transaction and runs what is waiting in it, until nothing waits or it has become long.
    fn fill(&mut self, batch: &mut Vec<Box<dyn Command>>, around: Around) -> Result<(), Stop> {
        let began = Clock::now();
        self.connection.begin()?;
        let mut next = 0;
        loop {
            batch[next].run(self.connection.tx(), around)?;
            next += 1;
            let full = batch.len() >= limits::COMMANDS_PER_COMMIT
                || began.elapsed() >= Duration::from_millis(limits::COMMIT_WAIT_MS);
            match self.commands.try_recv() {
                Ok(command) if !full => batch.push(command),
                Ok(command) => {
                    batch.push(command);
                    return batch[next].run(self.connection.tx(), around);
                }
                Err(_) => return Ok(()),
            }
        }
    }

    /// Runs the same commands in a new transaction, each so that it can be undone by itself.
    fn again(&mut self, batch: &mut [Box<dyn Command>]) -> Result<(), Stop> {
        self.connection.begin()?;
        batch.iter_mut().try_for_each(|command| command.run(self.connection.tx(), Around::Savepoint))
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
                    let again = match error {
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
        let rolled_back = self.connection.tx().script("ROLLBACK");
        self.connection.take_announced();
        if rolled_back.is_err() && self.connection.is_closed() {
            self.reconnect();
        }
    }

    fn reconnect(&mut self) {
        let (DbConfig::Postgres { url, ca }, Connection::Postgres(before)) = (&self.shared.config, &self.connection)
        else {
            return;
        };
        if self.shared.superseded.load(Ordering::Relaxed) {
            return;
        }
        if self.unreachable.is_some_and(|last| last.elapsed() < RECONNECT_PAUSE) {
            return;
        }
        self.unreachable = match Postgres::reopen_writer(&Server::at(url, ca), before.turn()) {
            Ok(fresh) => {
                self.connection = Connection::Postgres(Box::new(fresh));
                self.connection.give(&self.shared.keys);
                self.connection.count_in(&self.shared.counted);
                None
            }
            Err(DbError::Superseded) => {
                tracing::error!("another process has become the writer; nothing is written any more");
                self.shared.superseded.store(true, Ordering::Relaxed);
                None
            }
            Err(error) => {
                tracing::error!(%error, "the database cannot be reached");
                Some(Clock::now())
            }
        };
    }
}
