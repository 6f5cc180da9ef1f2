//! What the commands of one transaction may tell those after them, so that none need ask the database again: the head of
//! a chain, for instance. It is forgotten with the transaction and at every rollback, whole or in part.

use std::collections::HashMap;

use crate::Value;

#[derive(Debug, Default)]
pub(crate) struct Memo(HashMap<&'static str, Vec<Value>>);

impl Memo {
    pub(crate) fn remember(&mut self, what: &'static str, values: Vec<Value>) {
        self.0.insert(what, values);
    }

    pub(crate) fn recall(&self, what: &str) -> Option<&[Value]> {
        self.0.get(what).map(Vec::as_slice)
    }

    /// To be called with every script, before it runs.
    pub(crate) fn heed(&mut self, script: &str) {
        if ["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| script.starts_with(word)) {
            self.0.clear();
        }
    }
}
