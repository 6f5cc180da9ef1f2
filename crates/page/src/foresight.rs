//! What a page will ask of a server once it knows the first answers: most likely what the same page asked its reader's
//! last time. It is then asked at once, in one journey (see [`db::Db::read_brief`]). A guess decides nothing: where the
//! page asks something else, it begins anew.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Instant, SessionId, limits};
use db::{Question, Value};

/// The surer it is, the longer it takes to think otherwise.
const SURE: i8 = 8;
/// What one wrong guess weighs against right ones: the look was begun in vain.
const IN_VAIN: i8 = 3;

/// Readings that ask the same wait for each other: not for one like this.
const SLOW: Duration = Duration::from_millis(100);

/// What came of a guess.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    None,
    Right,
    Wrong,
    /// Right or not: it was of no use.
    Slow,
}

impl Guess {
    pub(crate) fn of(guessed: bool, questions: u32, took: Duration) -> Guess {
        match (guessed, questions) {
            _ if took > SLOW => Guess::Slow,
            (false, _) => Guess::None,
            (true, 1) => Guess::Right,
            (true, _) => Guess::Wrong,
        }
    }
}

/// By reader, look and address. Two that share a key would only guess wrongly.
#[derive(Default)]
pub(crate) struct Foresight(Mutex<HashMap<u64, Known>>);

struct Known {
    later: Vec<Asked>,
    sure: i8,
}

/// A question, of whatever moment it is asked.
#[derive(PartialEq)]
struct Asked {
    sql: String,
    /// None: the time of the look.
    params: Vec<Option<Value>>,
    items: Option<Vec<Value>>,
}

impl Asked {
    fn of(Question { sql, params, items }: Question, now: &Value) -> Asked {
        let params = params.into_iter().map(|value| Some(value).filter(|value| value != now)).collect();
        Asked { sql, params, items }
    }

    fn at(&self, now: &Value) -> Question {
        let params = self.params.iter().map(|value| value.as_ref().unwrap_or(now).clone()).collect();
        Question { sql: self.sql.clone(), params, items: self.items.clone() }
    }

    fn values(&self) -> usize {
        self.params.len() + self.items.as_ref().map_or(0, Vec::len)
    }
}

pub(crate) fn key(session: SessionId, look: &'static str, path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (session, look, path).hash(&mut hasher);
    hasher.finish()
}

impl Foresight {
    /// `None` where nobody can tell.
    pub(crate) fn recall(&self, key: u64, now: Instant) -> Option<Vec<Question>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&key).filter(|known| known.sure >= 0)?;
        Some(known.later.iter().map(|asked| asked.at(&now.into())).collect())
    }

    /// Takes in what a look asked after its first question.
    pub(crate) fn learn(&self, key: u64, now: Instant, guess: Guess, later: Vec<Question>) {
        let later: Vec<Asked> = later.into_iter().map(|question| Asked::of(question, &now.into())).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if later.iter().map(Asked::values).sum::<usize>() > limits::VALUES_FORESEEN {
            all.remove(&key);
            return;
        }
        if all.len() >= limits::LOOKS_FORESEEN
            && !all.contains_key(&key)
            && let Some(any) = all.keys().next().copied()
        {
            all.remove(&any);
        }
        let known = all.entry(key).or_insert(Known { later: vec![], sure: 0 });
        let more = match guess {
            Guess::Right => 1,
            Guess::Wrong => -IN_VAIN,
            Guess::Slow => -2 * SURE,
            Guess::None if known.sure < 0 => i8::from(known.later == later),
            Guess::None => 0,
        };
        *known = Known { later, sure: (known.sure + more).clamp(-SURE, SURE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(sql: &str, params: &[Value]) -> Question {
        Question { sql: sql.into(), params: params.to_vec(), items: None }
    }

    #[test]
    fn what_was_asked_the_last_time_is_foreseen_at_any_time() {
        let (foresight, first, later) = (Foresight::default(), Instant(1_000), Instant(7_000));
        let asked = |now: Instant| vec![question("SELECT $1, $2", &[now.into(), 5.into()])];
        assert!(foresight.recall(1, first).is_none());
        foresight.learn(1, first, Guess::None, asked(first));
        assert_eq!(foresight.recall(1, later), Some(asked(later)));
        assert!(foresight.recall(2, later).is_none());
        foresight.learn(1, later, Guess::Right, vec![]);
        assert_eq!(foresight.recall(1, later), Some(vec![]), "what was not needed is not asked again");
    }

    #[test]
    fn who_guessed_wrongly_thinks_again_before_guessing() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        let of = |n: i64| vec![question("SELECT $1", &[n.into()])];
        foresight.learn(1, now, Guess::None, of(1));
        foresight.learn(1, now, Guess::Wrong, of(2));
        assert!(foresight.recall(1, now).is_none());
        (3..20).for_each(|n| foresight.learn(1, now, Guess::None, of(n)));
        assert!(foresight.recall(1, now).is_none(), "it is something else each time");
        (0..4).for_each(|_| foresight.learn(1, now, Guess::None, of(20)));
        assert!(foresight.recall(1, now).is_some());
        (0..100).for_each(|_| foresight.learn(1, now, Guess::Right, of(20)));
        foresight.learn(1, now, Guess::Wrong, of(21));
        assert_eq!(foresight.recall(1, now), Some(of(21)), "once is no habit");
        foresight.learn(1, now, Guess::of(true, 1, 2 * SLOW), of(21));
        assert!(foresight.recall(1, now).is_none(), "nobody waits for a slow one");
    }

    #[test]
    fn memory_is_bounded() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        (0..2 * limits::LOOKS_FORESEEN as u64).for_each(|key| foresight.learn(key, now, Guess::None, vec![]));
        assert_eq!(foresight.0.lock().unwrap().len(), limits::LOOKS_FORESEEN);
        let many = vec![Value::from(0); limits::VALUES_FORESEEN + 1];
        let last = 2 * limits::LOOKS_FORESEEN as u64 - 1;
        assert!(foresight.recall(last, now).is_some());
        foresight.learn(last, now, Guess::Right, vec![question("SELECT", &many)]);
        assert!(foresight.recall(last, now).is_none());
    }
}
