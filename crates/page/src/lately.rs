//! What was looked up within the last minute, so that it is not asked for with each page. It decides nothing: whatever
//! matters, the database says.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::{Instant, Span};

/// What has changed since is known after this time.
const KNOWN_FOR: Span = Span::minutes(1);

/// Values by key, with the time at which each was learned; so many at most.
pub(crate) struct Lately<K, V> {
    known: Mutex<HashMap<K, (Instant, V)>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Lately<K, V> {
    pub(crate) fn new(most: usize) -> Lately<K, V> {
        Lately { known: Mutex::default(), most }
    }

    pub(crate) fn recall(&self, key: &K, now: Instant) -> Option<V> {
        self.known().get(key).filter(|(at, _)| fresh(*at, now)).map(|(_, value)| value.clone())
    }

    /// Takes in what was looked up just now.
    pub(crate) fn learn(&self, key: K, value: &V, now: Instant) {
        let mut known = self.known();
        if known.len() >= self.most && !known.contains_key(&key) {
            known.retain(|_, (at, _)| fresh(*at, now));
            if known.len() >= self.most {
                known.clear();
            }
        }
        known.insert(key, (now, value.clone()));
    }

    /// Takes in what was looked up just now, or was known already: what is known is not made to last by being used.
    pub(crate) fn learn_if_new(&self, key: K, value: &V, now: Instant) {
        if self.recall(&key, now).is_none() {
            self.learn(key, value, now);
        }
    }

    pub(crate) fn forget(&self, key: &K) {
        self.known().remove(key);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that went back is not trusted.
fn fresh(at: Instant, now: Instant) -> bool {
    (at..at + KNOWN_FOR).contains(&now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_for_a_minute_and_then_read_again() {
        let (names, began) = (Lately::new(10), Instant(0));
        let known = |at: i64| names.recall(&1, began + Span::seconds(at));
        assert_eq!(known(0), None);
        names.learn_if_new(1, &"見本訪問看護", began);
        assert_eq!(known(59), Some("見本訪問看護"));
        names.learn_if_new(1, &"another", began + Span::seconds(30));
        assert_eq!(known(59), Some("見本訪問看護"), "what is known is not made to last by being used");
        assert_eq!(known(60), None);
        assert_eq!(known(-1), None, "a clock that went back is not trusted");
        names.learn_if_new(1, &"見本訪問看護 本町", began + Span::seconds(61));
        assert_eq!(known(62), Some("見本訪問看護 本町"));
        names.forget(&1);
        assert_eq!(known(62), None);
    }

    #[test]
    fn no_more_are_known_than_there_is_room_for() {
        let (names, now) = (Lately::new(10), Instant(0));
        (0..100).for_each(|n| names.learn(n, &n, now + Span::seconds(n)));
        assert!(names.known().len() <= 10);
        assert_eq!(names.recall(&99, now + Span::seconds(99)), Some(99));
    }
}
