//! The closing of a day: the daily values of every home, some time after midnight. It is bulk: it goes behind people and
//! readings, the station's own among them.

use std::time::{Duration, Instant as Clock};

use base::{Instant, Span};
use db::{DbError, Tx};
use tokio::sync::oneshot::error::TryRecvError;

use super::Station;

/// After midnight, the daily values wait for the last saves of the day.
const DAY_CLOSES: Span = Span::minutes(10);
/// Homes of the first piece; the next ones follow what the machine does in less than a slice.
pub(super) const FIRST_PIECE: usize = 10;
/// Homes of a piece where nobody else is there to wait for it.
const BIG_PIECE: usize = 200;
/// The last day that was closed.
pub(super) const CLOSED_DAY: &str = "watch.closed_day";

impl Station {
    /// Some time after midnight, the daily values of the day that ended, a few homes at a time, behind everybody else.
    pub(super) fn close_day(&mut self, now: Instant) {
        let over = (now - DAY_CLOSES).wall_day() as i32 - 1;
        if self.closing.is_none() && self.closed < over {
            self.closing = Some(((self.closed + 1).max(over - 7), 0));
        }
        let Some((day, after)) = self.closing else { return };
        let homes = if self.conf.waits_for_bulk { BIG_PIECE } else { self.homes_at_once };
        let mut sent = match self.piece.take() {
            Some(under_way) => under_way,
            None => match self.db.send_bulk("day closing", move |tx| close_some(tx, day, after, homes)) {
                Ok(sent) => sent,
                Err(error) => return tracing::error!(%error, "daily values could not be written"),
            },
        };
        let done = match self.conf.waits_for_bulk {
            true => sent.blocking_recv().ok(),
            false => match sent.try_recv() {
                Ok(done) => Some(done),
                Err(TryRecvError::Empty) => return self.piece = Some(sent),
                Err(TryRecvError::Closed) => None,
            },
        };
        match done.unwrap_or(Err(DbError::Panicked)) {
            Ok(Piece { last, took }) => {
                self.homes_at_once = db::next_piece(self.homes_at_once, took);
                match last {
                    Some(last) => self.closing = Some((day, last)),
                    None => (self.closing, self.closed) = (None, day),
                }
            }
            Err(error) => tracing::error!(%error, "daily values could not be written"),
        }
    }
}

/// What came of one piece.
pub(super) struct Piece {
    /// The last home done; `None` when the day is closed.
    last: Option<u32>,
    took: Duration,
}

fn close_some(tx: &mut dyn Tx, day: i32, after: u32, homes: usize) -> Result<Piece, DbError> {
    let began = Clock::now();
    let last = watch::live::close_day(tx, day, after, homes)?;
    if last.is_none() {
        db::marks::set(tx, CLOSED_DAY, &day.to_string())?;
    }
    Ok(Piece { last, took: began.elapsed() })
}
