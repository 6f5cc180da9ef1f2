//! What the commands of one transaction may tell those after them, so that none need ask the database again: the head of
//! a chain, for instance. It is forgotten with the transaction and at every rollback, whole or in part.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// One thing of each type.
#[derive(Debug, Default)]
pub struct Memo(HashMap<TypeId, Box<dyn Any + Send>>);

impl Memo {
    pub fn remember<T: Any + Send>(&mut self, what: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(what));
    }

    pub fn recall<T: Any>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// To be called with every script, before it runs.
    pub(crate) fn heed(&mut self, script: &str) {
        if ["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| script.starts_with(word)) {
            self.0.clear();
        }
    }
}
