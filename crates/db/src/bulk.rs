//! Bulk: what the program does for itself (indexes, daily values, tidying) or takes in by the thousand. It goes behind
//! commands of people and readings, in pieces that are cut to take less than a slice each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Clock};

use tokio::sync::oneshot;

use crate::writer::SLICE;
use crate::{Db, DbError, Space, Tx};

/// Rows of the first piece.
const FIRST: usize = 50;
/// Rows of a piece at most, however fast the machine is.
const MOST: usize = 2000;

impl Db {
    /// As [`Db::write`], behind everybody else. `what` names it in metrics and in the log, where it takes longer than a
    /// slice.
    pub async fn write_bulk<T, E, F>(&self, what: &'static str, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        self.send_bulk(what, f)?.await.unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// Sends a piece of bulk and does not wait: for a thread that must not stand still behind everybody else.
    #[allow(clippy::type_complexity)]
    pub fn send_bulk<T, E, F>(&self, what: &'static str, f: F) -> Result<oneshot::Receiver<Result<T, E>>, DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        self.writer()?.submit(Some(what), f, None::<fn(&mut dyn Tx, &E) -> Result<(), DbError>>)
    }

    /// As [`Db::write_bulk`] on a thread of our own, for what fills the disk: refused while room is low, also where it
    /// got low while the command waited.
    pub fn write_bulk_blocking<T, E, F>(&self, what: &'static str, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        if self.space() != Space::Ample {
            return Err(E::from(DbError::Full));
        }
        let disk = self.inner.disk.clone();
        let answer = self.send_bulk(what, move |tx| match disk.space() {
            Space::Ample => f(tx),
            _ => Err(E::from(DbError::Full)),
        })?;
        answer.blocking_recv().unwrap_or_else(|_| Err(E::from(DbError::Panicked)))
    }

    /// Runs `piece` again and again, each in a command of its own, until it says that nothing more waits. It is told how
    /// many rows to take; the number follows what the machine does in less than a slice.
    pub async fn in_slices<E, F>(&self, what: &'static str, piece: F) -> Result<(), E>
    where
        E: From<DbError> + Send + 'static,
        F: Fn(&mut dyn Tx, usize) -> Result<bool, E> + Send + Sync + 'static,
    {
        let piece = Arc::new(piece);
        let mut rows = FIRST;
        loop {
            let (work, micros) = (piece.clone(), Arc::new(AtomicU64::new(0)));
            let measured = micros.clone();
            let more = self.write_bulk(what, move |tx| {
                let began = Clock::now();
                let more = work(tx, rows);
                measured.store(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
                more
            });
            if !more.await? {
                return Ok(());
            }
            rows = next_piece(rows, Duration::from_micros(micros.load(Ordering::Relaxed)));
        }
    }
}

/// Rows of the next piece after one of `rows` that took so long: half as many near the end of a slice, twice as many
/// where there is room for that.
pub fn next_piece(rows: usize, took: Duration) -> usize {
    match took {
        long if long > SLICE / 2 => (rows / 2).max(1),
        short if short < SLICE / 5 => (rows * 2).min(MOST),
        _ => rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.4.4 bulk runs in slices of at most 5 ms: pieces are cut to the machine
    #[test]
    fn pieces_shrink_near_the_end_of_a_slice_and_grow_while_there_is_room() {
        let took = |micros| Duration::from_micros(micros);
        assert_eq!(next_piece(400, took(4000)), 200);
        assert_eq!(next_piece(1, took(900_000)), 1, "never less than one row");
        assert_eq!(next_piece(400, took(1500)), 400);
        assert_eq!(next_piece(400, took(100)), 800);
        assert_eq!(next_piece(MOST, took(0)), MOST);
        // A machine on which a row takes 100 µs comes to rest below a slice.
        let mut rows = FIRST;
        for _ in 0..20 {
            rows = next_piece(rows, took(rows as u64 * 100));
        }
        assert!(took(rows as u64 * 100) <= SLICE, "{rows}");
    }
}
