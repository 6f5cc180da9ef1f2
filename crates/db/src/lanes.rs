//! Two lanes lead to the writer: commands of people and readings first, bulk behind them.

use crossbeam_channel::Receiver;

use crate::writer::Command;

/// Commits of the first lane after which bulk that waits has a slice all the same.
const COMMITS_BEFORE_BULK: usize = 16;

/// The two ways to the writer.
pub(crate) struct Lanes {
    pub(crate) commands: Receiver<Box<dyn Command>>,
    pub(crate) pieces: Receiver<Box<dyn Command>>,
    /// Commits of the first lane since a piece of bulk had its turn while one waited.
    pub(crate) passed_over: usize,
}

impl Lanes {
    /// What begins the next commit; `None` when the program ends.
    pub(crate) fn next(&mut self) -> Option<Box<dyn Command>> {
        // Behind everybody, and never forgotten: where somebody always waits, bulk has a slice now and then.
        if self.passed_over < COMMITS_BEFORE_BULK
            && let Ok(command) = self.commands.try_recv()
        {
            self.passed_over = if self.pieces.is_empty() { 0 } else { self.passed_over + 1 };
            return Some(command);
        }
        self.passed_over = 0;
        if let Ok(piece) = self.pieces.try_recv() {
            return Some(piece);
        }
        crossbeam_channel::select! {
            recv(self.commands) -> command => command.ok(),
            recv(self.pieces) -> piece => piece.ok(),
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
