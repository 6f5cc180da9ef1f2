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
    connection: Option<Connection>,
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
        if let Some(connection) = &mut self.connection {
            connection.count_in(&self.counted);
            connection.note_in(&self.unreadable);
        }
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
                Ok(connection) => {
                    read(Ok(connection.tx()));
                    // An open transaction would keep the embedded engine's log from being begun anew.
                    let far = connection.is_far();
                    self.open = true;
                    if !far {
                        self.end();
                    }
                }
                Err(error) => read(Err(error)),
            }
        }
    }

    fn end(&mut self) {
        self.open = false;
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = connection.tx().script("COMMIT") {
            let _ = connection.tx().script("ROLLBACK");
            tracing::warn!(%error, "a read transaction did not end well");
        }
    }

    /// Begins a transaction, on a new connection where there is none or the old one turns out to be gone.
    fn begin(&mut self) -> Result<&mut Connection, DbError> {
        let mut begin = if std::mem::take(&mut self.open) { Begin::ReadingOn } else { Begin::Reading };
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            self.connection = Some(Connection::open_reader(&self.config, &self.keys)?);
            self.share();
            begin = Begin::Reading;
        }
        let connection = self.connection.as_mut().ok_or_else(|| DbError::Gone("there is no connection".into()))?;
        connection.begin_reading(begin)?;
        Ok(connection)
    }
}
