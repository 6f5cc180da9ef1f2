//! Readings that wait for a reader, the first first. Who takes one takes along those that most likely ask the same; and
//! while such are under way, others like them gather.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::limits;

use crate::DbError;

pub(crate) struct Waiting<T> {
    state: Mutex<State<T>>,
    there: Condvar,
    /// Readers that may be at readings alike at a time.
    alike: usize,
}

struct State<T> {
    reads: VecDeque<(T, Option<u64>)>,
    /// How many readers are at readings like these, and since when the last of them.
    under_way: HashMap<u64, (usize, Instant)>,
    /// Readers that look again at what gathers.
    watchers: usize,
    closed: bool,
}

/// So long at most others gather behind a reader.
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// Somebody is at readings of a kind, until this is dropped.
pub(crate) struct Turn<T> {
    waiting: Arc<Waiting<T>>,
    like: Option<u64>,
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        let Some(like) = self.like else { return };
        let mut state = self.waiting.state();
        if let Some((count, _)) = state.under_way.get_mut(&like) {
            *count -= 1;
            if *count == 0 {
                state.under_way.remove(&like);
            }
        }
        // Whoever ends a turn takes again at once; if it is their last, who watches does.
    }
}

/// What came of waiting.
pub(crate) enum Taken<T> {
    /// One at least.
    Reads(Vec<T>, Turn<T>),
    Nothing,
    /// There will be no more.
    Closed,
}

impl<T> Waiting<T> {
    pub(crate) fn new() -> Arc<Waiting<T>> {
        // Each keeps a processor here and one of the server's busy; beyond them, asking together is faster.
        let alike = std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1));
        let state = State { reads: VecDeque::new(), under_way: HashMap::new(), watchers: 0, closed: false };
        Arc::new(Waiting { state: Mutex::new(state), there: Condvar::new(), alike })
    }

    pub(crate) fn len(&self) -> usize {
        self.state().reads.len()
    }

    /// `like`: the same as of those that most likely ask the same.
    pub(crate) fn put(&self, read: T, like: Option<u64>) -> Result<(), DbError> {
        let mut state = self.state();
        if state.closed {
            return Err(DbError::Gone("the readers have stopped".into()));
        }
        if state.reads.len() >= limits::READER_QUEUE {
            return Err(DbError::Busy);
        }
        state.reads.push_back((read, like));
        // What gathers is taken by the reader who is at readings like it, or by one who watches.
        if state.watchers == 0 || !self.is_busy(&state, like) {
            self.there.notify_one();
        }
        Ok(())
    }

    /// Waits for so long, or until there is something.
    pub(crate) fn take(self: &Arc<Waiting<T>>, wait: Option<Duration>) -> Taken<T> {
        let until = wait.map(|wait| Instant::now() + wait);
        let mut state = self.state();
        loop {
            if let Some((reads, like)) = self.next(&mut state) {
                self.wake_another(&state);
                return Taken::Reads(reads, Turn { waiting: self.clone(), like });
            }
            if state.closed && state.reads.is_empty() {
                return Taken::Closed;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Taken::Nothing;
            }
            // What gathers is looked at again, whoever is at it.
            let watches = !state.reads.is_empty();
            state.watchers += usize::from(watches);
            state = match left.into_iter().chain(watches.then_some(GATHERED_FOR)).min() {
                None => self.there.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.there.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.watchers -= usize::from(watches);
        }
    }

    /// Puts readings back that are to be run each by itself, before all others and whatever waits.
    pub(crate) fn give_back(&self, reads: Vec<T>) {
        if reads.is_empty() {
            return;
        }
        let mut state = self.state();
        reads.into_iter().rev().for_each(|read| state.reads.push_front((read, None)));
        self.there.notify_all();
    }

    /// What waits is still taken.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.there.notify_all();
    }

    /// Whether enough readers are at readings like these. One that a server does not answer keeps nobody waiting.
    fn is_busy(&self, state: &State<T>, like: Option<u64>) -> bool {
        let at_it = like.and_then(|like| state.under_way.get(&like));
        at_it.is_some_and(|(count, since)| *count >= self.alike && since.elapsed() < GATHERED_FOR)
    }

    /// Whoever takes something sees to it that somebody looks after the rest.
    fn wake_another(&self, state: &State<T>) {
        let mut rest = state.reads.iter();
        if state.closed {
            self.there.notify_all();
        } else if state.watchers == 0 && rest.len() > 0 || rest.any(|(_, like)| !self.is_busy(state, *like)) {
            self.there.notify_one();
        }
    }

    fn next(&self, state: &mut State<T>) -> Option<(Vec<T>, Option<u64>)> {
        let first = state.reads.iter().position(|(_, like)| !self.is_busy(state, *like))?;
        let (read, like) = state.reads.remove(first)?;
        let mut taken = vec![read];
        let Some(kind) = like else { return Some((taken, None)) };
        let (count, since) = state.under_way.entry(kind).or_insert((0, Instant::now()));
        (*count, *since) = (*count + 1, Instant::now());
        while taken.len() < limits::READ_TOGETHER
            && let Some(at) = state.reads.iter().position(|(_, other)| *other == like)
        {
            taken.extend(state.reads.remove(at).map(|(read, _)| read));
        }
        Some((taken, like))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<T>(waiting: &Arc<Waiting<T>>, wait: Option<Duration>) -> Option<Vec<T>> {
        match waiting.take(wait) {
            Taken::Reads(reads, _) => Some(reads),
            Taken::Nothing | Taken::Closed => None,
        }
    }

    /// As many readers as may be at readings alike are at these.
    fn busy_with(waiting: &Arc<Waiting<usize>>, like: u64) -> Vec<Taken<usize>> {
        let reader = |n| {
            waiting.put(n, Some(like)).unwrap();
            waiting.take(None)
        };
        (0..waiting.alike).map(reader).collect()
    }

    #[test]
    fn who_asks_the_same_is_taken_along_and_nobody_else() {
        let waiting = Waiting::new();
        for (read, like) in [(1, Some(7)), (2, None), (3, Some(8)), (4, Some(7)), (5, None), (6, Some(7))] {
            waiting.put(read, like).unwrap();
        }
        let mut all = Vec::new();
        while let Some(reads) = taken(&waiting, Some(Duration::ZERO)) {
            all.push(reads);
        }
        assert_eq!(all, [vec![1, 4, 6], vec![2], vec![3], vec![5]]);
        (0..=limits::READ_TOGETHER).for_each(|n| waiting.put(n, Some(7)).unwrap());
        assert_eq!(taken(&waiting, None).unwrap().len(), limits::READ_TOGETHER);
        assert_eq!(waiting.len(), 1);
    }

    #[test]
    fn readings_gather_while_others_like_them_are_under_way() {
        let waiting = Waiting::new();
        let mut under_way = busy_with(&waiting, 7);
        waiting.put(100, Some(7)).unwrap();
        waiting.put(101, Some(8)).unwrap();
        waiting.put(102, Some(7)).unwrap();
        waiting.put(103, None).unwrap();
        assert_eq!(taken(&waiting, None), Some(vec![101]));
        assert_eq!(taken(&waiting, None), Some(vec![103]));
        assert_eq!(taken(&waiting, Some(Duration::ZERO)), None);
        under_way.pop();
        assert_eq!(taken(&waiting, None), Some(vec![100, 102]));
    }

    #[test]
    fn nobody_waits_for_long_behind_a_reader_that_is_not_answered() {
        let waiting = Waiting::new();
        let _under_way = busy_with(&waiting, 7);
        waiting.put(100, Some(7)).unwrap();
        let began = Instant::now();
        assert_eq!(taken(&waiting, None), Some(vec![100]));
        assert!(began.elapsed() >= GATHERED_FOR / 2, "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_given_back_comes_before_all_others_and_each_by_itself() {
        let waiting = Waiting::new();
        (3..=limits::READER_QUEUE + 2).for_each(|n| waiting.put(n, Some(7)).unwrap());
        waiting.give_back(vec![1, 2]);
        assert_eq!([taken(&waiting, None), taken(&waiting, None)], [Some(vec![1]), Some(vec![2])]);
        assert_eq!(taken(&waiting, None).unwrap()[0], 3);
    }

    #[test]
    fn what_is_too_much_is_refused_and_what_waited_at_the_end_is_taken() {
        let waiting = Waiting::new();
        (0..limits::READER_QUEUE).for_each(|n| waiting.put(n, None).unwrap());
        assert!(matches!(waiting.put(0, None), Err(DbError::Busy)));
        waiting.close();
        assert!(matches!(waiting.put(0, None), Err(DbError::Gone(_))));
        (0..limits::READER_QUEUE).for_each(|n| assert_eq!(taken(&waiting, None), Some(vec![n])));
        assert!(matches!(waiting.take(None), Taken::Closed));
    }

    #[test]
    fn who_waits_is_woken() {
        let waiting = Waiting::new();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| taken(&waiting, None));
            waiting.put(1, None).unwrap();
            assert_eq!(waiter.join().unwrap(), Some(vec![1]));
            let waiter = scope.spawn(|| taken(&waiting, None));
            waiting.close();
            assert_eq!(waiter.join().unwrap(), None);
        });
    }
}
