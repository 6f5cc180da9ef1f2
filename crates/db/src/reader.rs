//! Reader threads, each with one read-only connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use base::limits;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::counted::Counted;
use crate::postgres_line::Begin;
use crate::readable::UnreadableRows;
use crate::writer::Connection;
use crate::{DbConfig, DbError, Keys, Tx};

type Run = dyn FnMut(Result<&mut Connection, DbError>, bool) -> bool + Send;

/// A reading, to be handed a connection on which it has begun. `brief`: without a transaction, if it can do with one
/// question; where it cannot, it says so by `false` and is handed another one.
struct Read {
    brief: bool,
    run: Box<Run>,
}

pub(crate) struct Readers {
    queue: Sender<Read>,
}

impl Readers {
    pub(crate) fn start(
        config: &DbConfig,
        keys: &Arc<Keys>,
        counted: &Arc<Counted>,
        unreadable: &Arc<UnreadableRows>,
    ) -> Result<Readers, DbError> {
        let (queue, reads) = bounded::<Read>(limits::READER_QUEUE);
        let far = matches!(config, DbConfig::Postgres { .. });
        let count = if far { limits::FAR_READERS } else { limits::READERS };
        for n in 0..count {
            // The others of a server connect when there is something for them to do.
            let at_once = n == 0 || !far;
            let mut reader = Reader {
                connection: at_once.then(|| Connection::open_reader(config, keys)).transpose()?,
                config: config.clone(),
                keys: keys.clone(),
                counted: counted.clone(),
                unreadable: unreadable.clone(),
            };
            reader.share();
            let reads = reads.clone();
            std::thread::Builder::new()
                .name(format!("reader-{n}"))
                .spawn(move || reader.serve(&reads))
                .map_err(|e| DbError::Engine(e.to_string()))?;
        }
        Ok(Readers { queue })
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn submit<T, E, F>(&self, f: F) -> Result<oneshot::Receiver<Result<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut once = Some((f, reply));
        let run = move |connection: Result<&mut Connection, DbError>, _| {
            if let Some((f, reply)) = once.take() {
                let _ = reply.send(match connection {
                    Ok(connection) => caught(|| f(connection.tx())),
                    Err(error) => Err(E::from(error)),
                });
            }
            true
        };
        self.enqueue(Read { brief: false, run: Box::new(run) })?;
        Ok(answer)
    }

    /// With how many questions it took.
    pub(crate) fn submit_brief<T, E, F>(&self, brief: bool, f: F) -> Result<oneshot::Receiver<Brief<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut reply = Some(reply);
        let run = move |connection: Result<&mut Connection, DbError>, brief| {
            let outcome = match connection {
                Ok(connection) => {
                    let outcome = caught(|| f(connection.tx()));
                    let questions = connection.questions();
                    // Whatever came of it: an error may have been taken for a "no".
                    if brief && questions > 1 {
                        return false;
                    }
                    (outcome, questions)
                }
                Err(error) => (Err(E::from(error)), 0),
            };
            if let Some(reply) = reply.take() {
                let _ = reply.send(outcome);
            }
            true
        };
        self.enqueue(Read { brief, run: Box::new(run) })?;
        Ok(answer)
    }

    fn enqueue(&self, read: Read) -> Result<(), DbError> {
        self.queue.try_send(read).map_err(|error| match error {
            TrySendError::Full(_) => DbError::Busy,
            TrySendError::Disconnected(_) => DbError::Gone("the readers have stopped".into()),
        })
    }
}

/// What came of a reading, and how many questions it took.
pub(crate) type Brief<T, E> = (Result<T, E>, u32);

fn caught<T, E: From<DbError>>(f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
}

/// How long a transaction on a server may stay open behind its read, in case another read ends and begins in one journey.
const LINGER: Duration = Duration::from_millis(50);

struct Reader {
    connection: Option<Connection>,
    config: DbConfig,
    keys: Arc<Keys>,
    counted: Arc<Counted>,
    unreadable: Arc<UnreadableRows>,
}

impl Reader {
    /// A read was answered by a server, and its transaction has not ended yet.
    fn lingers(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_open)
    }

    /// What this connection has in common with the program's others.
    fn share(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.count_in(&self.counted);
            connection.note_in(&self.unreadable);
        }
    }

    fn serve(&mut self, reads: &Receiver<Read>) {
        loop {
            let read = if self.lingers() {
                match reads.recv_timeout(LINGER) {
                    Ok(read) => read,
                    Err(RecvTimeoutError::Timeout) => {
                        self.end();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                let Ok(read) = reads.recv() else { return };
                read
            };
            self.run(read);
        }
    }

    fn run(&mut self, Read { brief, mut run }: Read) {
        let mut once = |begin: Begin| match self.begin(begin) {
            Ok(connection) => {
                let done = run(Ok(connection), begin == Begin::Alone);
                self.leave();
                done
            }
            Err(error) => run(Err(error), false),
        };
        if !brief || !once(Begin::Alone) {
            once(Begin::Reading);
        }
    }

    /// An open transaction would keep the embedded engine's log from being begun anew; on a server the next reading ends
    /// it in passing.
    fn leave(&mut self) {
        if self.connection.as_ref().is_some_and(|connection| !connection.is_far()) {
            self.end();
        }
    }

    fn end(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = connection.tx().script("COMMIT") {
            let _ = connection.tx().script("ROLLBACK");
            tracing::warn!(%error, "a read transaction did not end well");
        }
    }

    /// Begins, on a new connection where there is none or the old one turns out to be gone.
    fn begin(&mut self, begin: Begin) -> Result<&mut Connection, DbError> {
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            self.connection = Some(Connection::open_reader(&self.config, &self.keys)?);
            self.share();
        }
        let connection = self.connection.as_mut().ok_or_else(|| DbError::Gone("there is no connection".into()))?;
        connection.begin_reading(begin)?;
        Ok(connection)
    }
}
