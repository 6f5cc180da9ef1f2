//! What the commands of one transaction may tell those after them, so that none need ask the database again: the head of
//! a chain, for instance. It is forgotten with the transaction and at every rollback, whole or in part. What is to be
//! known beyond its commit is kept apart.

use std::any::{Any, TypeId};
use std::collections::HashMap;

type OfEachType = HashMap<TypeId, Box<dyn Any + Send>>;

/// One thing of each type.
#[derive(Debug, Default)]
pub struct Memo {
    now: OfEachType,
    /// Kept once this transaction is committed.
    to_keep: OfEachType,
    kept: OfEachType,
    /// A part of this transaction was undone, and what is kept may have told of it.
    undone: bool,
    noted: OfEachType,
}

impl Memo {
    pub fn remember<T: Any + Send>(&mut self, what: T) {
        self.now.insert(TypeId::of::<T>(), Box::new(what));
    }

    pub fn recall<T: Any>(&self) -> Option<&T> {
        get(&self.now)
    }

    /// As the last committed transaction left it, for as long as this connection lasts.
    pub fn keep<T: Any + Send>(&mut self, what: T) {
        self.to_keep.insert(TypeId::of::<T>(), Box::new(what));
    }

    /// What was kept before this transaction; nothing where that is not certain, or this one has changed it.
    pub fn kept<T: Any>(&self) -> Option<&T> {
        let changed = self.undone || self.to_keep.contains_key(&TypeId::of::<T>());
        get(&self.kept).filter(|_| !changed)
    }

    /// Whatever becomes of this transaction, for as long as this connection lasts.
    pub fn note<T: Any + Send>(&mut self, what: T) {
        self.noted.insert(TypeId::of::<T>(), Box::new(what));
    }

    pub fn noted<T: Any>(&self) -> Option<&T> {
        get(&self.noted)
    }

    /// To be called with every script, before it runs.
    pub(crate) fn heed(&mut self, script: &str) {
        if ["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| script.starts_with(word)) {
            self.now.clear();
        }
        if script.starts_with("BEGIN") || script.starts_with("ROLLBACK") {
            self.to_keep.clear();
            self.undone = script.starts_with("ROLLBACK TO");
        }
    }

    /// To be called with every script, after it ran.
    pub(crate) fn ran(&mut self, script: &str, well: bool) {
        if !script.starts_with("COMMIT") {
            return;
        }
        if self.undone || !well {
            self.kept.clear();
        }
        let to_keep = std::mem::take(&mut self.to_keep);
        if well {
            self.kept.extend(to_keep);
        }
        self.undone = false;
    }
}

fn get<T: Any>(known: &OfEachType) -> Option<&T> {
    known.get(&TypeId::of::<T>())?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(memo: &mut Memo, script: &str, well: bool) {
        memo.heed(script);
        memo.ran(script, well);
    }

    #[test]
    fn what_is_kept_is_what_was_committed() {
        let mut memo = Memo::default();
        run(&mut memo, "BEGIN", true);
        memo.keep(1);
        assert_eq!(memo.kept::<i32>(), None, "not before the commit");
        run(&mut memo, "COMMIT", true);
        assert_eq!(memo.kept(), Some(&1));

        run(&mut memo, "BEGIN", true);
        run(&mut memo, "COMMIT", true);
        assert_eq!(memo.kept(), Some(&1), "a transaction that keeps nothing changes nothing");

        run(&mut memo, "BEGIN", true);
        memo.keep(2);
        assert_eq!(memo.kept::<i32>(), None, "this transaction has another");
        run(&mut memo, "ROLLBACK", true);
        assert_eq!(memo.kept(), Some(&1));

        run(&mut memo, "BEGIN", true);
        memo.keep(2);
        run(&mut memo, "ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command", true);
        assert_eq!(memo.kept::<i32>(), None, "what was said before the part that was undone stands in the transaction");
        memo.keep(3);
        run(&mut memo, "COMMIT", true);
        assert_eq!(memo.kept(), Some(&3), "said again after a part was undone");

        run(&mut memo, "BEGIN", true);
        memo.keep(4);
        run(&mut memo, "ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command", true);
        run(&mut memo, "COMMIT", true);
        assert_eq!(memo.kept::<i32>(), None, "what was undone is not known");

        run(&mut memo, "BEGIN", true);
        memo.keep(5);
        run(&mut memo, "COMMIT", false);
        assert_eq!(memo.kept::<i32>(), None, "nor what a commit came to that was not answered well");
    }

    #[test]
    fn what_is_noted_outlives_every_transaction() {
        let mut memo = Memo::default();
        run(&mut memo, "BEGIN", true);
        memo.note("seen");
        run(&mut memo, "ROLLBACK", true);
        run(&mut memo, "BEGIN", true);
        run(&mut memo, "COMMIT", false);
        assert_eq!(memo.noted(), Some(&"seen"));
    }
}
