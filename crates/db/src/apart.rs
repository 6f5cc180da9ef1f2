//! A part of a transaction that may fail without the rest.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{DbError, Tx};

impl dyn Tx + '_ {
    /// Runs `work` in a savepoint of its own: where it fails (or panics), what it wrote is gone, what was written before
    /// stays, and its own answer is the inner one. The outer error says that the transaction itself can no longer be
    /// used; it must be handed on, and the writer runs the command again.
    pub fn apart<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<Result<T, E>, DbError> {
        let (touched, failed) = (self.touched(), self.failed());
        self.script("SAVEPOINT apart")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|_| Err(E::from(DbError::Panicked)));
        // Also where the work made light of it: what was written before is gone.
        if let Some(broken) = self.broken() {
            return Err(broken);
        }
        // A statement that failed unheeded leaves nothing that a server would keep: then the whole part failed.
        let outcome = match outcome {
            Ok(made) => self.script("RELEASE SAVEPOINT apart").map(|()| made).map_err(E::from),
            not_made => not_made,
        };
        if let Some(broken) = self.broken() {
            return Err(broken);
        }
        if outcome.is_err() {
            self.script("ROLLBACK TO SAVEPOINT apart; RELEASE SAVEPOINT apart")?;
            self.undone(touched, failed);
        }
        Ok(outcome)
    }
}
