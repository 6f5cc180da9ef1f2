//! 毎日の声かけ: a question at the hour that a person chose. Silence is what is followed up.

use base::{Instant, Span};

use super::{Effect, HomeFixed, HomeState, say};
use crate::live::home::DailyCall;
use crate::words::at_clock;
use crate::{Asked, Level, Rule};

/// What is next: the end of waiting for an answer, or the day's question.
pub(super) fn due(home: &HomeFixed, state: &HomeState) -> Option<Instant> {
    let minute = home.settings.daily_call()?;
    let daily = state.daily.as_deref().copied().unwrap_or_default();
    match daily.asked.filter(|_| stands(state)) {
        Some(asked) => Some(asked + home.settings.question.wait),
        // With which day it begins is decided at once.
        None if daily.day == 0 => Some(home.begun_at),
        None => Some(at(minute, daily.day + 1)),
    }
}

pub(super) fn tell(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    let minute = home.settings.daily_call()?;
    let mut daily = state.daily.as_deref().copied().unwrap_or_default();
    daily.asked = daily.asked.filter(|_| stands(state));
    let wake = tell_at(home, state, &mut daily, minute, now, effects);
    state.daily = Some(Box::new(daily));
    Some(wake)
}

/// Gives the moment to look again.
fn tell_at(
    home: &HomeFixed,
    state: &mut HomeState,
    daily: &mut DailyCall,
    minute: u16,
    now: Instant,
    effects: &mut Vec<Effect>,
) -> Instant {
    let today = now.wall_day() as i32;
    if let Some(asked) = daily.asked {
        let over = asked + home.settings.question.wait;
        if over > now {
            return over;
        }
        daily.asked = None;
        let reason = unanswered(home, asked, now);
        say(state, Rule::DailyCall, Level::Alert, 0, over, reason, effects);
    }
    if daily.day == 0 {
        // Whoever is asked every day from now on is asked at the next such hour.
        daily.day = if at(minute, today) <= now { today } else { today - 1 };
    }
    let next = at(minute, daily.day + 1);
    if next > now {
        return next;
    }
    daily.day = today;
    let away = home.absences.iter().any(|a| (a.from..a.until).contains(&now));
    // After hours in which nothing ran: not at night, and not when the next question is near.
    if away || home.settings.question.is_quiet(now) {
        return at(minute, today + 1);
    }
    daily.asked = Some(now);
    say(state, Rule::DailyCall, Level::Notice, 0, next, "毎日の声かけの時刻です。".to_owned(), effects);
    now + home.settings.question.wait
}

fn unanswered(home: &HomeFixed, asked: Instant, now: Instant) -> String {
    let way = if home.settings.asked == Asked::Message { "メール・SMS" } else { "自動音声の電話" };
    format!("{}の声かけ（{way}）に、お返事がありません。", at_clock(asked, now))
}

/// Whether the question has not ended by an answer or a sign of life.
fn stands(state: &HomeState) -> bool {
    state.standing.iter().any(|s| s.rule == Rule::DailyCall && s.level == Level::Notice)
}

fn at(minute: u16, day: i32) -> Instant {
    Instant::from_wall_day(i64::from(day)) + Span::minutes(i64::from(minute))
}
