//! What a page will ask of a server once it knows the first answers: most likely what the same page asked its reader's
//! last time. It is then asked at once, in one journey (see [`db::Db::read_brief`]). A guess decides nothing: where the
//! page asks something else, it begins anew.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Instant, SessionId, limits};
use db::{Guess, Question, Value};

/// The surer it is, the longer it takes to think otherwise.
const SURE: i8 = 8;
/// What one wrong guess weighs against right ones: the look was begun in vain.
const IN_VAIN: i8 = 3;

/// Readings that ask the same wait for each other: not for one like this.
const SLOW: Duration = Duration::from_millis(100);

/// By reader, look and address. Two that share a key would only guess wrongly.
#[derive(Default)]
pub(crate) struct Foresight(Mutex<HashMap<u64, Known>>);

struct Known {
    later: Vec<Asked>,
    at: Instant,
    sure: i8,
}

/// A question, of whatever moment it is asked.
#[derive(PartialEq)]
struct Asked {
    sql: String,
    params: Vec<Param>,
    items: Option<Vec<Value>>,
}

#[derive(Clone, PartialEq)]
enum Param {
    Same(Value),
    /// So long after the time of the look, in microseconds.
    After(i64),
}

impl Param {
    /// A time may move with the looks or not: which, their second one shows.
    fn of(value: Value, now: Instant, before: Option<(&Param, Instant)>) -> Param {
        let Value::Int(time) = value else { return Param::Same(value) };
        let after = time.wrapping_sub(now.0);
        match before {
            Some((Param::After(known), _)) if *known == after => Param::After(after),
            Some((Param::Same(Value::Int(was)), then)) if *was != time && was.wrapping_sub(then.0) == after => {
                Param::After(after)
            }
            _ if after == 0 => Param::After(0),
            _ => Param::Same(value),
        }
    }

    fn at(&self, now: Instant) -> Value {
        match self {
            Param::Same(value) => value.clone(),
            Param::After(after) => Value::Int(now.0.wrapping_add(*after)),
        }
    }
}

impl Asked {
    fn of(Question { sql, params, items }: Question, now: Instant, before: Option<(&Asked, Instant)>) -> Asked {
        let before = before.filter(|(before, _)| before.sql == sql);
        let param =
            |(n, value)| Param::of(value, now, before.and_then(|(asked, then)| Some((asked.params.get(n)?, then))));
        Asked { sql, params: params.into_iter().enumerate().map(param).collect(), items }
    }

    fn at(&self, now: Instant) -> Question {
        let params = self.params.iter().map(|param| param.at(now)).collect();
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
        Some(known.later.iter().map(|asked| asked.at(now)).collect())
    }

    /// Takes in what a look asked after its first question.
    pub(crate) fn learn(&self, key: u64, now: Instant, guess: Guess, later: Vec<Question>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&key);
        let of_before = |n: usize| before.and_then(|known| Some((known.later.get(n)?, known.at)));
        let later: Vec<Asked> =
            later.into_iter().enumerate().map(|(n, question)| Asked::of(question, now, of_before(n))).collect();
        let sum = |of: fn(&Asked) -> usize| later.iter().map(of).sum::<usize>();
        if sum(Asked::values) > limits::VALUES_FORESEEN || sum(|asked| asked.sql.len()) > limits::WORDS_FORESEEN {
            all.remove(&key);
            return;
        }
        if all.len() >= limits::LOOKS_FORESEEN
            && !all.contains_key(&key)
            && let Some(any) = all.keys().next().copied()
        {
            all.remove(&any);
        }
        let known = all.entry(key).or_insert(Known { later: vec![], at: now, sure: 0 });
        let more = match guess {
            Guess::Right(took) if took > SLOW => -2 * SURE,
            Guess::Right(_) => 1,
            Guess::Wrong => -IN_VAIN,
            Guess::None if known.sure < 0 => i8::from(known.later == later),
            Guess::None => 0,
        };
        *known = Known { later, at: now, sure: (known.sure + more).clamp(-SURE, SURE) };
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
        foresight.learn(1, later, Guess::Right(SLOW), vec![]);
        assert_eq!(foresight.recall(1, later), Some(vec![]), "what was not needed is not asked again");
    }

    #[test]
    fn a_time_that_moves_with_the_looks_is_told_from_one_that_stays() {
        let (foresight, looks) = (Foresight::default(), [10_000, 20_000, 70_000].map(Instant));
        let asked = |now: Instant| vec![question("SELECT $1, $2", &[(now.0 - 4_000).into(), 5_000.into()])];
        foresight.learn(1, looks[0], Guess::None, asked(looks[0]));
        assert_ne!(foresight.recall(1, looks[1]), Some(asked(looks[1])));
        foresight.learn(1, looks[1], Guess::None, asked(looks[1]));
        assert_eq!(foresight.recall(1, looks[2]), Some(asked(looks[2])));
        foresight.learn(1, looks[2], Guess::Right(SLOW), asked(looks[2]));
        assert_eq!(foresight.recall(1, looks[0]), Some(asked(looks[0])));
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
        (0..100).for_each(|_| foresight.learn(1, now, Guess::Right(SLOW), of(20)));
        foresight.learn(1, now, Guess::Wrong, of(21));
        assert_eq!(foresight.recall(1, now), Some(of(21)), "once is no habit");
        foresight.learn(1, now, Guess::Right(2 * SLOW), of(21));
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
        foresight.learn(last, now, Guess::Right(SLOW), vec![question("SELECT", &many)]);
        assert!(foresight.recall(last, now).is_none());
        foresight.learn(last, now, Guess::None, vec![question(&"-".repeat(limits::WORDS_FORESEEN + 1), &[])]);
        assert!(foresight.recall(last, now).is_none());
    }
}
