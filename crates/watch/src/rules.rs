//! Pure decisions of the watch's commands: what an absence may be, which hours it covers, how often a rule was wrong.

use base::{Instant, Span};

use crate::store::alert::Told;
use crate::{Absence, AbsenceReason, AlertState, NewAbsence, RuleRate, WatchRefusal, Weekly};

/// Stretches one absence is cut into at most; a weekly one has seven a week.
const MOST_STRETCHES: usize = 64;

/// Whether an absence may be entered at `now`.
pub(crate) fn check_absence(new: &NewAbsence, now: Instant) -> Result<(), WatchRefusal> {
    if new.until <= new.from || new.until <= now {
        return Err(WatchRefusal::BadPeriod);
    }
    let longest = new.reason.longest();
    if new.until - new.from > longest {
        return Err(WatchRefusal::TooLong { reason: new.reason.ja(), days: longest.0 / Span::days(1).0 });
    }
    let fits = |w: Weekly| (1..128).contains(&w.weekdays) && w.from_minute < w.until_minute && w.until_minute <= 1440;
    match (new.reason, new.weekly) {
        (AbsenceReason::DayService, None) => Err(WatchRefusal::BadWeekly),
        (_, Some(weekly)) if !fits(weekly) => Err(WatchRefusal::BadWeekly),
        _ => Ok(()),
    }
}

/// The stretches of an absence that touch [from, until), in order. A cancelled one ended when it was cancelled.
pub(crate) fn stretches(absence: &Absence, from: Instant, until: Instant) -> Vec<(Instant, Instant)> {
    let end = absence.cancelled_at.map_or(absence.until, |at| at.min(absence.until));
    let clip = |a: Instant, b: Instant| (a.max(absence.from), b.min(end));
    let touches = |(a, b): &(Instant, Instant)| a < b && *a < until && *b > from;
    let Some(weekly) = absence.weekly else {
        return Some(clip(absence.from, end)).filter(touches).into_iter().collect();
    };
    let first = from.max(absence.from).wall_day();
    let last = until.min(end).wall_day();
    (first..=last)
        .filter(|day| weekly.weekdays >> weekday(*day) & 1 == 1)
        .map(|day| {
            let midnight = Instant::from_wall_day(day);
            let minute = |m: u16| midnight + Span::minutes(i64::from(m));
            clip(minute(weekly.from_minute), minute(weekly.until_minute))
        })
        .filter(touches)
        .take(MOST_STRETCHES)
        .collect()
}

/// Monday 0 to Sunday 6; 1970-01-01 was a Thursday.
fn weekday(wall_day: i64) -> u8 {
    (wall_day + 3).rem_euclid(7) as u8
}

/// How often each rule spoke in `days` days, and how often nobody needed help.
pub(crate) fn rates(ends: &[Told], days: f64) -> Vec<RuleRate> {
    let mut rates: Vec<RuleRate> = Vec::new();
    for (level, rule, state, cause, answer) in ends {
        let was_false = match state {
            AlertState::Cleared | AlertState::Answered => rule.was_needless(*answer).then_some(true),
            AlertState::Raised | AlertState::Standing => None,
            AlertState::Closed => cause.and_then(|cause| rule.was_false(cause)),
        };
        let at = match rates.iter().position(|r| r.level == *level && r.rule == *rule) {
            Some(at) => at,
            None => {
                rates.push(RuleRate {
                    level: *level,
                    rule: *rule,
                    raised: 0,
                    false_alarms: 0,
                    real: 0,
                    per_30_days: 0.0,
                });
                rates.len() - 1
            }
        };
        let rate = &mut rates[at];
        rate.raised += 1;
        rate.false_alarms += u32::from(was_false == Some(true));
        rate.real += u32::from(was_false == Some(false));
        rate.per_30_days = f64::from(rate.false_alarms) * 30.0 / days.max(1.0);
    }
    rates.sort_by_key(|r| (r.rule, r.level));
    rates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Cause, Level, Rule};
    use base::{AbsenceId, HomeId, PersonId, Role};

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn entered(reason: AbsenceReason, from: &str, until: &str, weekly: Option<Weekly>) -> Absence {
        Absence {
            id: AbsenceId(Default::default()),
            home: HomeId(Default::default()),
            person: PersonId(Default::default()),
            reason,
            from: at(from),
            until: at(until),
            weekly,
            entered_role: Role::Family,
            entered_at: at(from),
            cancelled_at: None,
            activity_at: None,
            activity_count: 0,
        }
    }

    #[test]
    fn day_service_covers_its_hours_on_its_days() {
        // 2026-11-23 is a Monday.
        let weekly = Weekly { weekdays: 0b0000_0101, from_minute: 9 * 60, until_minute: 16 * 60 };
        let absence = entered(AbsenceReason::DayService, "2026-11-01", "2027-03-31", Some(weekly));
        let covered = stretches(&absence, at("2026-11-22"), at("2026-11-27"));
        let expected = [("2026-11-23T09:00", "2026-11-23T16:00"), ("2026-11-25T09:00", "2026-11-25T16:00")];
        assert_eq!(covered, expected.map(|(a, b)| (at(a), at(b))));
    }

    #[test]
    fn a_cancelled_absence_covers_nothing_afterwards() {
        let mut absence = entered(AbsenceReason::Trip, "2026-11-20", "2026-11-30", None);
        absence.cancelled_at = Some(at("2026-11-22T10:00"));
        let all = |a: &Absence| stretches(a, at("2026-11-01"), at("2026-12-31"));
        assert_eq!(all(&absence), [(at("2026-11-20"), at("2026-11-22T10:00"))]);
        absence.cancelled_at = Some(at("2026-11-19"));
        assert_eq!(all(&absence), []);
    }

    #[test]
    fn an_absence_has_an_end_within_its_longest_length() {
        let now = at("2026-11-22T10:00");
        let new = |reason, from: &str, until: &str, weekly| {
            check_absence(&NewAbsence { reason, from: at(from), until: at(until), weekly }, now)
        };
        assert_eq!(new(AbsenceReason::Outing, "2026-11-22T09:00", "2026-11-22T20:00", None), Ok(()));
        assert!(new(AbsenceReason::Outing, "2026-11-22T09:00", "2026-11-24T20:00", None).is_err());
        assert!(new(AbsenceReason::Trip, "2026-11-20", "2026-11-21", None).is_err());
        assert!(new(AbsenceReason::DayService, "2026-11-22", "2026-12-22", None).is_err());
        let never = Weekly { weekdays: 0, from_minute: 0, until_minute: 60 };
        assert!(new(AbsenceReason::DayService, "2026-11-22", "2026-12-22", Some(never)).is_err());
    }

    #[test]
    fn a_rule_is_wrong_where_nobody_needed_help() {
        let ends = [
            (Level::Alert, Rule::Inactivity, AlertState::Closed, Some(Cause::WasOut), None),
            (Level::Alert, Rule::Inactivity, AlertState::Closed, Some(Cause::Ambulance), None),
            (Level::Alert, Rule::Inactivity, AlertState::Closed, Some(Cause::Unconfirmed), None),
            (Level::Notice, Rule::Inactivity, AlertState::Answered, None, None),
        ];
        let rates = rates(&ends, 60.0);
        assert_eq!(rates.len(), 2);
        let alerts = rates.iter().find(|r| r.level == Level::Alert).unwrap();
        assert_eq!((alerts.raised, alerts.false_alarms, alerts.real, alerts.per_30_days), (3, 1, 1, 0.5));
    }

    #[test]
    fn what_somebody_asked_for_or_a_room_that_was_measured_is_no_false_alarm() {
        let (call, unwell) = (Some(Answer::CallMe), Some(Answer::Unwell));
        let well = (Level::Notice, Rule::Inactivity, AlertState::Answered, None, Some(Answer::Well));
        let ends = [
            (Level::Notice, Rule::DailyCall, AlertState::Answered, None, unwell),
            (Level::Notice, Rule::DailyCall, AlertState::Cleared, None, None),
            (Level::Notice, Rule::Inactivity, AlertState::Answered, None, call),
            (Level::Alert, Rule::CallWanted, AlertState::Closed, Some(Cause::AnsweredWell), call),
            (Level::Alert, Rule::Inactivity, AlertState::Closed, Some(Cause::RequestSettled), None),
            (Level::Alert, Rule::Button, AlertState::Closed, Some(Cause::RequestSettled), None),
            (Level::Notice, Rule::TooCold, AlertState::Cleared, None, None),
            (Level::Alert, Rule::TooCold, AlertState::Closed, Some(Cause::AnsweredWell), None),
        ];
        for rate in rates(&ends, 30.0) {
            assert_eq!((rate.false_alarms, rate.real), (0, 0), "{rate:?}");
        }
        let wrong = [
            well,
            (Level::Alert, Rule::TooCold, AlertState::Closed, Some(Cause::DeviceFault), None),
            (Level::Alert, Rule::CallWanted, AlertState::Closed, Some(Cause::FalseAlarm), call),
            (Level::Alert, Rule::DailyCall, AlertState::Closed, Some(Cause::AnsweredWell), None),
        ];
        for rate in rates(&wrong, 30.0) {
            assert_eq!((rate.false_alarms, rate.real), (1, 0), "{rate:?}");
        }
        let ill = [(Level::Alert, Rule::FeelsUnwell, AlertState::Closed, Some(Cause::Unwell), unwell)];
        assert_eq!(rates(&ill, 30.0)[0].real, 1);
    }
}
