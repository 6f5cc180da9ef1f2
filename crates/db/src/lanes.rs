//! Two lanes lead to the writer: commands of people and readings first, bulk behind them.

use std::time::Duration;

use crossbeam_channel::{Receiver, after, never};

use crate::writer::Command;

/// Commits of the first lane after which bulk that waits has a slice all the same.
const COMMITS_BEFORE_BULK: usize = 16;

/// What comes next.
pub(crate) enum Next {
    Command(Box<dyn Command>),
    Nothing,
    /// The program ends.
    Closed,
}

/// The two ways to the writer.
pub(crate) struct Lanes {
    pub(crate) commands: Receiver<Box<dyn Command>>,
    pub(crate) pieces: Receiver<Box<dyn Command>>,
    /// Commits of the first lane since a piece of bulk had its turn while one waited.
    pub(crate) passed_over: usize,
}

impl Lanes {
    /// What begins the next commit, or nothing after so long.
    pub(crate) fn next(&mut self, wait: Option<Duration>) -> Next {
        // Behind everybody, and never forgotten: where somebody always waits, bulk has a slice now and then.
        if self.passed_over < COMMITS_BEFORE_BULK
            && let Ok(command) = self.commands.try_recv()
        {
            self.passed_over = if self.pieces.is_empty() { 0 } else { self.passed_over + 1 };
            return Next::Command(command);
        }
        self.passed_over = 0;
        if let Ok(piece) = self.pieces.try_recv() {
            return Next::Command(piece);
        }
        crossbeam_channel::select! {
            recv(self.commands) -> command => command.map_or(Next::Closed, Next::Command),
            recv(self.pieces) -> piece => piece.map_or(Next::Closed, Next::Command),
            recv(wait.map_or(never(), after)) -> _ => Next::Nothing,
        }
    }

    /// What else goes into a commit of that lane. A piece of bulk is followed by another one only while nobody waits.
    pub(crate) fn more(&self, bulk: bool) -> Option<Box<dyn Command>> {
        match bulk {
            false => self.commands.try_recv().ok(),
            true if self.commands.is_empty() => self.pieces.try_recv().ok(),
            true => None,
        }
    }
}
