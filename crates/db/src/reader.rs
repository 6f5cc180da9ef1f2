//! Reader threads, each with one read-only connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use base::limits;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::counted::Counted;
use crate::postgres_engine::Begin;
use crate::readable::UnreadableRows;
use crate::writer::Connection;
use crate::{DbConfig, DbError, Keys, Tx};

type Read = Box<dyn FnOnce(Result<&mut dyn Tx, DbError>) + Send>;

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
        for n in 0..limits::READERS {
            let mut reader = Reader {
                connection: Connection::open_reader(config, keys)?,
                config: config.clone(),
                keys: keys.clone(),
                counted: counted.clone(),
                unreadable: unreadable.clone(),
                open: false,
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
        let read: Read = Box::new(move |tx| {
            let outcome = match tx {
                Ok(tx) => catch_unwind(AssertUnwindSafe(|| f(tx))).unwrap_or_else(|_| Err(E::from(DbError::Panicked))),
                Err(error) => Err(E::from(error)),
            };
            let _ = reply.send(outcome);
        });
        match self.queue.try_send(read) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(DbError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(DbError::Gone("the readers have stopped".into())),
        }
    }
}

/// How long a transaction on a server may stay open behind its read, in case another read ends and begins in one journey.
const LINGER: Duration = Duration::from_millis(50);

struct Reader {
    connection: Connection,
    config: DbConfig,
    keys: Arc<Keys>,
    counted: Arc<Counted>,
    unreadable: Arc<UnreadableRows>,
    /// A read was answered, and its transaction has not ended yet.
    open: bool,
}

impl Reader {
    /// What this connection has in common with the program's others.
    fn share(&mut self) {
        self.connection.count_in(&self.counted);
        self.connection.note_in(&self.unreadable);
    }

    fn serve(&mut self, reads: &Receiver<Read>) {
        loop {
            let read = if self.open {
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
            match self.begin() {
                Ok(()) => {
                    read(Ok(self.connection.tx()));
                    self.open = true;
                    // An open transaction would keep the embedded engine's log from being begun anew.
                    if !self.connection.is_far() {
                        self.end();
                    }
                }
                Err(error) => read(Err(error)),
            }
        }
    }

    fn end(&mut self) {
        self.open = false;
        if let Err(error) = self.connection.tx().script("COMMIT") {
            let _ = self.connection.tx().script("ROLLBACK");
            tracing::warn!(%error, "a read transaction did not end well");
        }
    }

    /// Begins a transaction, on a new connection where the old one turns out to be gone.
    fn begin(&mut self) -> Result<(), DbError> {
        let begin = if std::mem::take(&mut self.open) { Begin::ReadingOn } else { Begin::Reading };
        if !self.connection.is_closed() {
            return self.connection.begin_reading(begin);
        }
        self.connection = Connection::open_reader(&self.config, &self.keys)?;
        self.share();
        self.connection.begin_reading(Begin::Reading)
    }
}
