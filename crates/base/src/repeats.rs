//! What is said again and again is said once a minute, with how often it was left out: neither a stranger nor a server
//! that is away fills the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long the same is not said again.
const SAME_FOR: Duration = Duration::from_secs(60);
/// Kinds that are told apart at a time; of what is beyond them, the same stands for many.
pub const TOLD_APART: usize = 64;

struct Kind<T> {
    words: String,
    since: Instant,
    left_out: u64,
    told: T,
}

pub struct Repeats<T>(Mutex<Vec<Kind<T>>>);

impl<T> Default for Repeats<T> {
    fn default() -> Repeats<T> {
        Repeats(Mutex::new(Vec::new()))
    }
}

impl<T: Clone> Repeats<T> {
    /// Tells these words, where they were not told since a moment ago, with how often they were left out before; what the
    /// telling gave stays the same meanwhile. `else_as`: the words instead where there are too many kinds, one of a few.
    pub fn note(&self, words: &str, else_as: &str, now: Instant, tell: impl FnOnce(&str, u64) -> T) -> T {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |kind: &Kind<T>| now.saturating_duration_since(kind.since) >= SAME_FOR;
        let known = |kinds: &[Kind<T>], words: &str| kinds.iter().position(|kind| kind.words == words);
        let mut words = words;
        if known(&kinds, words).is_none() && kinds.len() >= TOLD_APART {
            // What was left out is kept in mind for as long as there is room.
            let old = kinds.iter().enumerate().filter(|(_, kind)| is_old(kind));
            match old.min_by_key(|(_, kind)| (kind.left_out > 0, kind.since)).map(|(n, _)| n) {
                Some(n) => drop(kinds.swap_remove(n)),
                None => words = else_as,
            }
        }
        let at = known(&kinds, words);
        if let Some(kind) = at.map(|n| &mut kinds[n])
            && !is_old(kind)
        {
            kind.left_out += 1;
            return kind.told.clone();
        }
        let left_out = at.map_or(0, |n| kinds.swap_remove(n).left_out);
        let told = tell(words, left_out);
        kinds.push(Kind { words: words.to_owned(), since: now, left_out: 0, told: told.clone() });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told, as it was told.
    #[derive(Default)]
    struct Log {
        repeats: Repeats<()>,
        lines: Vec<(String, u64)>,
    }

    impl Log {
        fn note(&mut self, began: Instant, seconds: u64, words: &str, else_as: &str) {
            let now = began + Duration::from_secs(seconds);
            let lines = &mut self.lines;
            self.repeats.note(words, else_as, now, |words, left_out| lines.push((words.to_owned(), left_out)));
        }
    }

    #[test]
    fn the_same_is_told_once_a_minute_with_what_was_left_out_whatever_was_told_between() {
        let (began, mut log) = (Instant::now(), Log::default());
        (0..60).for_each(|second| log.note(began, second, "away", "others"));
        log.note(began, 30, "full", "others");
        // The other kind is long past its minute by now, and neither has forgotten what it left out.
        log.note(began, 200, "full", "others");
        log.note(began, 201, "away", "others");
        let lines = [("away", 0), ("full", 0), ("full", 0), ("away", 59)];
        assert_eq!(log.lines, lines.map(|(words, left_out)| (words.to_owned(), left_out)));
    }

    #[test]
    fn a_thousand_kinds_take_no_room_and_silence_nobody_else() {
        let (began, mut log) = (Instant::now(), Log::default());
        (0..1_000).for_each(|n| log.note(began, 0, &format!("one {n}"), "one of many"));
        log.note(began, 1, "another", "another of many");
        assert_eq!(log.lines.len(), TOLD_APART + 2);
        assert_eq!(log.lines.last().expect("a line").0, "another of many");
        log.note(began, 61, "one 7", "one of many");
        log.note(began, 61, "one of many", "one of many");
        assert_eq!(log.lines.last().expect("a line").1, 1_000 - TOLD_APART as u64 - 1);
        assert!(log.repeats.0.lock().expect("kinds").len() <= TOLD_APART + 2);
    }
}
