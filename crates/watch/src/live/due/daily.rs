//! 毎日の声かけ: a question at the hour that a person chose. Silence is what is followed up.

use base::{Instant, Span};

use super::{Effect, HomeFixed, HomeState, say};
use crate::rhythm::Ask;
use crate::{Level, Rule};

/// What is next: the end of waiting for an answer, or the day's question.
pub(super) fn due(home: &HomeFixed, state: &HomeState) -> Option<Instant> {
    let minute = home.settings.daily?;
    match state.daily.1.filter(|_| stands(state)) {
        Some(asked) => Some(asked + home.settings.question.wait),
        None => Some(at(minute, state.daily.0 + 1).max(at(minute, home.begun_at.wall_day() as i32))),
    }
}

pub(super) fn tell(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    let minute = home.settings.daily?;
    let today = now.wall_day() as i32;
    if state.daily.1.is_some() && !stands(state) {
        state.daily.1 = None;
    }
    if let Some(asked) = state.daily.1 {
        let over = asked + home.settings.question.wait;
        if over > now {
            return Some(over);
        }
        state.daily.1 = None;
        let reason = "毎日の声かけに、お返事がありません。".to_owned();
        say(state, Rule::DailyCall, Level::Alert, 0, over, reason, effects);
    }
    if state.daily.0 == 0 {
        // Whoever is asked every day from now on is asked at the next such hour.
        state.daily.0 = if at(minute, today) <= now { today } else { today - 1 };
    }
    let next = at(minute, state.daily.0 + 1);
    if next > now {
        return Some(next);
    }
    state.daily.0 = today;
    let away = home.absences.iter().any(|a| (a.from..a.until).contains(&now));
    // After hours in which nothing ran: not at night, and not when the next question is near.
    if away || home.settings.question.is_quiet(now) {
        return Some(at(minute, today + 1));
    }
    state.daily.1 = Some(now);
    say(state, Rule::DailyCall, Level::Notice, 0, next, "毎日の声かけの時刻です。".to_owned(), effects);
    Some(now + home.settings.question.wait)
}

/// Whether the question has not ended by an answer or a sign of life.
fn stands(state: &HomeState) -> bool {
    state.standing.iter().any(|s| s.rule == Rule::DailyCall && s.level == Level::Notice)
}

fn at(minute: u16, day: i32) -> Instant {
    Instant::from_wall_day(i64::from(day)) + Span::minutes(i64::from(minute))
}

impl Ask {
    fn is_quiet(&self, at: Instant) -> bool {
        self.not_before(at) > at
    }
}
