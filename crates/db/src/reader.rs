//! Reader threads, each with one read-only connection.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base::limits;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::writer::Connection;
use crate::{DbConfig, DbError, Tx};

type Read = Box<dyn FnOnce(Result<&mut dyn Tx, DbError>) + Send>;

pub(crate) struct Readers {
    queue: Sender<Read>,
}

impl Readers {
    pub(crate) fn start(config: &DbConfig) -> Result<Readers, DbError> {
        let (queue, reads) = bounded::<Read>(limits::READER_QUEUE);
        for n in 0..limits::READERS {
            let connection = Connection::open_reader(config)?;
            let (config, reads) = (config.clone(), reads.clone());
            std::thread::Builder::new()
                .name(format!("reader-{n}"))
                .spawn(move || serve(connection, &config, &reads))
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

fn serve(mut connection: Connection, config: &DbConfig, reads: &Receiver<Read>) {
    while let Ok(read) = reads.recv() {
        match begin(&mut connection, config) {
            Ok(()) => {
                read(Ok(connection.tx()));
                if let Err(error) = connection.tx().script("COMMIT") {
                    let _ = connection.tx().script("ROLLBACK");
                    tracing::warn!(%error, "a read transaction did not end well");
                }
            }
            Err(error) => read(Err(error)),
        }
    }
}

/// Begins a transaction, on a new connection where the old one turns out to be gone.
fn begin(connection: &mut Connection, config: &DbConfig) -> Result<(), DbError> {
    connection.tx().take_broken();
    if !connection.is_closed() {
        match connection.tx().script("BEGIN") {
            Err(_) if connection.is_closed() => {}
            begun => return begun,
        }
    }
    *connection = Connection::open_reader(config)?;
    connection.tx().script("BEGIN")
}
