//! How many statements a database was given, and how many journeys to its server they took. Cheap enough to count
//! always; a page that asks once for each of its rows is found by these numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The writer's apart from those of all readers.
#[derive(Debug, Default)]
pub(crate) struct Both {
    pub(crate) writer: Arc<Counted>,
    pub(crate) readers: Arc<Counted>,
}

#[derive(Debug, Default)]
pub(crate) struct Counted {
    statements: AtomicU64,
    journeys: AtomicU64,
    together: AtomicU64,
}

impl Counted {
    /// Statements with their values; not what begins and ends transactions.
    pub(crate) fn statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// One message to a server and the wait for its answer.
    pub(crate) fn journey(&self) {
        self.journeys.fetch_add(1, Ordering::Relaxed);
    }

    /// Readings of which several were answered by one statement.
    pub(crate) fn together(&self, readings: usize) {
        self.together.fetch_add(readings as u64, Ordering::Relaxed);
    }

    pub(crate) fn answered_together(&self) -> u64 {
        self.together.load(Ordering::Relaxed)
    }

    pub(crate) fn both(&self) -> (u64, u64) {
        (self.statements.load(Ordering::Relaxed), self.journeys.load(Ordering::Relaxed))
    }
}
