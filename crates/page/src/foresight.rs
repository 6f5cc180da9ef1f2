//! What a page will ask of a server once it knows the first answers: most likely what the same page asked its reader's
//! last time. It is then asked at once, in one journey (see [`db::Db::read_brief`]). A guess decides nothing: where the
//! page asks something else, it begins anew.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Instant, SessionId, Span, limits};
use db::{Guess, Question, Value};

/// The surer it is, the longer it takes to think otherwise.
const SURE: i8 = 8;
/// What one wrong guess weighs against right ones: the look was begun in vain.
const IN_VAIN: i8 = 3;

/// Readings that ask the same wait for each other: not for one like this.
const SLOW: Duration = Duration::from_millis(100);

/// What nobody came back to for so long is let go: its session may long be over.
const KEPT_FOR: Span = Span::minutes(30);
const LET_GO_EVERY: Span = Span::minutes(1);

#[derive(Default)]
pub(crate) struct Foresight(Mutex<State>);

#[derive(Default)]
struct State {
    /// Where there is no more room, whoever has most of it makes some: who opens thousands of addresses forgets their own.
    sessions: HashMap<SessionId, HashMap<Look, Known>>,
    looks: usize,
    let_go_at: Option<Instant>,
}

/// Look and address. Two that share a number would only guess wrongly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Look(u64);

impl Look {
    pub(crate) fn of(look: &'static str, path: &str) -> Look {
        let mut hasher = DefaultHasher::new();
        (look, path).hash(&mut hasher);
        Look(hasher.finish())
    }
}

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

impl Foresight {
    /// `None` where nobody can tell.
    pub(crate) fn recall(&self, session: SessionId, look: Look, now: Instant) -> Option<Vec<Question>> {
        let state = self.state();
        let known = state.sessions.get(&session)?.get(&look).filter(|known| known.sure >= 0)?;
        Some(known.later.iter().map(|asked| asked.at(now)).collect())
    }

    /// Takes in what a look asked after its first question.
    pub(crate) fn learn(&self, session: SessionId, look: Look, now: Instant, guess: Guess, later: Vec<Question>) {
        let mut state = self.state();
        state.let_go(now);
        let before = state.sessions.get(&session).and_then(|looks| looks.get(&look));
        let of_before = |n: usize| before.and_then(|known| Some((known.later.get(n)?, known.at)));
        let later: Vec<Asked> =
            later.into_iter().enumerate().map(|(n, question)| Asked::of(question, now, of_before(n))).collect();
        let sum = |of: fn(&Asked) -> usize| later.iter().map(of).sum::<usize>();
        if sum(Asked::values) > limits::VALUES_FORESEEN || sum(|asked| asked.sql.len()) > limits::WORDS_FORESEEN {
            state.remove(session, Some(look));
            return;
        }
        if before.is_none() {
            state.make_room();
        }
        let looks = state.sessions.entry(session).or_default();
        let known = looks.entry(look).or_insert(Known { later: vec![], at: now, sure: 0 });
        let more = match guess {
            Guess::Right(took) if took > SLOW => -2 * SURE,
            Guess::Right(_) => 1,
            Guess::Wrong => -IN_VAIN,
            Guess::None if known.sure < 0 => i8::from(known.later == later),
            Guess::None => 0,
        };
        *known = Known { later, at: now, sure: (known.sure + more).clamp(-SURE, SURE) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Room for one more look of this reader, which is counted already when this ends.
    fn make_room(&mut self) {
        if self.looks >= limits::LOOKS_FORESEEN
            && let Some(most) = self.sessions.iter().max_by_key(|(_, looks)| looks.len()).map(|(most, _)| *most)
        {
            self.remove(most, None);
        }
        self.looks += 1;
    }

    /// This look of theirs, or any.
    fn remove(&mut self, session: SessionId, look: Option<Look>) {
        let Some(looks) = self.sessions.get_mut(&session) else { return };
        let removed = look.or_else(|| looks.keys().next().copied()).and_then(|look| looks.remove(&look));
        self.looks -= usize::from(removed.is_some());
        if looks.is_empty() {
            self.sessions.remove(&session);
        }
    }

    fn let_go(&mut self, now: Instant) {
        if self.let_go_at.is_some_and(|at| (at..at + LET_GO_EVERY).contains(&now)) {
            return;
        }
        self.let_go_at = Some(now);
        for looks in self.sessions.values_mut() {
            looks.retain(|_, known| (known.at..known.at + KEPT_FOR).contains(&now));
        }
        self.sessions.retain(|_, looks| !looks.is_empty());
        self.looks = self.sessions.values().map(HashMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: SessionId = SessionId(uuid::Uuid::from_u128(1));
    const LOOK: Look = Look(1);

    fn question(sql: &str, params: &[Value]) -> Question {
        Question { sql: sql.into(), params: params.to_vec(), items: None }
    }

    #[test]
    fn what_was_asked_the_last_time_is_foreseen_at_any_time() {
        let (foresight, first, later) = (Foresight::default(), Instant(1_000), Instant(7_000));
        let asked = |now: Instant| vec![question("SELECT $1, $2", &[now.into(), 5.into()])];
        assert!(foresight.recall(WHO, LOOK, first).is_none());
        foresight.learn(WHO, LOOK, first, Guess::None, asked(first));
        assert_eq!(foresight.recall(WHO, LOOK, later), Some(asked(later)));
        assert!(foresight.recall(WHO, Look(2), later).is_none());
        foresight.learn(WHO, LOOK, later, Guess::Right(SLOW), vec![]);
        assert_eq!(foresight.recall(WHO, LOOK, later), Some(vec![]), "what was not needed is not asked again");
    }

    #[test]
    fn a_time_that_moves_with_the_looks_is_told_from_one_that_stays() {
        let (foresight, looks) = (Foresight::default(), [10_000, 20_000, 70_000].map(Instant));
        let asked = |now: Instant| vec![question("SELECT $1, $2", &[(now.0 - 4_000).into(), 5_000.into()])];
        foresight.learn(WHO, LOOK, looks[0], Guess::None, asked(looks[0]));
        assert_ne!(foresight.recall(WHO, LOOK, looks[1]), Some(asked(looks[1])));
        foresight.learn(WHO, LOOK, looks[1], Guess::None, asked(looks[1]));
        assert_eq!(foresight.recall(WHO, LOOK, looks[2]), Some(asked(looks[2])));
        foresight.learn(WHO, LOOK, looks[2], Guess::Right(SLOW), asked(looks[2]));
        assert_eq!(foresight.recall(WHO, LOOK, looks[0]), Some(asked(looks[0])));
    }

    #[test]
    fn who_guessed_wrongly_thinks_again_before_guessing() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        let of = |n: i64| vec![question("SELECT $1", &[n.into()])];
        foresight.learn(WHO, LOOK, now, Guess::None, of(1));
        foresight.learn(WHO, LOOK, now, Guess::Wrong, of(2));
        assert!(foresight.recall(WHO, LOOK, now).is_none());
        (3..20).for_each(|n| foresight.learn(WHO, LOOK, now, Guess::None, of(n)));
        assert!(foresight.recall(WHO, LOOK, now).is_none(), "it is something else each time");
        (0..4).for_each(|_| foresight.learn(WHO, LOOK, now, Guess::None, of(20)));
        assert!(foresight.recall(WHO, LOOK, now).is_some());
        (0..100).for_each(|_| foresight.learn(WHO, LOOK, now, Guess::Right(SLOW), of(20)));
        foresight.learn(WHO, LOOK, now, Guess::Wrong, of(21));
        assert_eq!(foresight.recall(WHO, LOOK, now), Some(of(21)), "once is no habit");
        foresight.learn(WHO, LOOK, now, Guess::Right(2 * SLOW), of(21));
        assert!(foresight.recall(WHO, LOOK, now).is_none(), "nobody waits for a slow one");
    }

    #[test]
    fn memory_is_bounded_and_nobody_takes_anothers() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        let (other, all) = (SessionId(uuid::Uuid::from_u128(2)), limits::LOOKS_FORESEEN);
        (0..10).for_each(|n| foresight.learn(other, Look(n), now, Guess::None, vec![]));
        (0..2 * all as u64).for_each(|n| foresight.learn(WHO, Look(n), now, Guess::None, vec![]));
        assert_eq!(foresight.state().looks, all);
        assert!((0..10).all(|n| foresight.recall(other, Look(n), now).is_some()));
        for session in 3..all as u128 + 100 {
            foresight.learn(SessionId(uuid::Uuid::from_u128(session)), LOOK, now, Guess::None, vec![]);
        }
        let state = foresight.state();
        assert_eq!(state.looks, all);
        assert_eq!(state.looks, state.sessions.values().map(HashMap::len).sum::<usize>());
        assert!(state.sessions.get(&WHO).is_none_or(|looks| looks.len() < 10), "whoever has most makes room");
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        let many = vec![Value::from(0); limits::VALUES_FORESEEN + 1];
        for long in [question("SELECT", &many), question(&"-".repeat(limits::WORDS_FORESEEN + 1), &[])] {
            foresight.learn(WHO, LOOK, now, Guess::None, vec![]);
            assert!(foresight.recall(WHO, LOOK, now).is_some());
            foresight.learn(WHO, LOOK, now, Guess::Right(SLOW), vec![long]);
            assert!(foresight.recall(WHO, LOOK, now).is_none());
        }
        assert_eq!(foresight.state().looks, 0);
    }

    #[test]
    fn what_nobody_comes_back_to_is_let_go() {
        let (foresight, now) = (Foresight::default(), Instant(1_000));
        let other = SessionId(uuid::Uuid::from_u128(2));
        foresight.learn(WHO, LOOK, now, Guess::None, vec![]);
        foresight.learn(other, LOOK, now + KEPT_FOR - Span::seconds(1), Guess::None, vec![]);
        assert!(foresight.recall(WHO, LOOK, now).is_some());
        foresight.learn(other, LOOK, now + KEPT_FOR + LET_GO_EVERY, Guess::None, vec![]);
        assert!(foresight.recall(WHO, LOOK, now).is_none());
        assert_eq!(foresight.state().looks, 1);
    }
}
