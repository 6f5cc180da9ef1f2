//! From a rhythm to the moment at which silence becomes remarkable. Pure; costs at most 96 steps per silence.

use base::{Instant, Span};

use super::prior::ENDING;
use super::{Due, HALF_HOURS, HIGH, Level, Rhythm, Rule, STEP, STEPS, Settings, bin, elapsed_class, half_hour};

/// The prior's chances weigh as much as this many steps of the home's own.
const PRIOR_STEPS: f32 = 5.0;
/// The habit of the half-hour weighs this much beside the chance by hour and elapsed time.
const HABIT: f64 = 0.25;
/// How often, and how far, a home goes above [`HIGH`] is presumed from other homes: 1.31 times a day by 1.43, as if 30
/// days and 15 such silences had been seen.
const PRIOR_RATE: f64 = 1.31;
const PRIOR_DAYS: f64 = 30.0;
const PRIOR_EXCESS: f64 = 1.43;
const PRIOR_COUNT: f64 = 15.0;
/// A young home is told more cautiously: the budget counts (1 + 5 / (1 + days)) fold.
const CAUTION: f64 = 5.0;
/// No silence shorter than this is ever told.
const SHORTEST_NOTICE: i64 = 3600;
const SHORTEST_ALERT: i64 = 7200;

/// The home's own limit as a tail: how many scores a day pass [`HIGH`], and the mean by which they do.
pub(super) struct Tail {
    pub rate: f64,
    pub excess: f64,
    caution: f64,
}

impl Tail {
    pub fn of(rhythm: &Rhythm) -> Tail {
        let (high, days) = (f64::from(rhythm.high), f64::from(rhythm.days));
        Tail {
            rate: (high + PRIOR_DAYS * PRIOR_RATE) / (days + PRIOR_DAYS),
            excess: (f64::from(rhythm.excess) + PRIOR_COUNT * PRIOR_EXCESS) / (high + PRIOR_COUNT),
            caution: 1.0 + CAUTION / (1.0 + days),
        }
    }

    /// The score that is passed once in `budget` days.
    fn limit(&self, budget: f32) -> f64 {
        let times = self.rate * f64::from(budget.clamp(1.0, 3650.0)) * self.caution;
        f64::from(HIGH) + self.excess * times.ln().max(0.0)
    }

    /// Days between two silences as remarkable as this score.
    pub fn days_between(&self, score: f64) -> f64 {
        ((score - f64::from(HIGH)) / self.excess).exp() / self.rate
    }
}

impl Rhythm {
    /// The moment at which this level is due if nothing more is heard; `None` while nothing was ever heard or the
    /// gateway is silent. Always later than the last sign of life. Depends on the past only, so a caller may keep it
    /// for as long as the rhythm is not changed.
    pub fn deadline(&self, level: Level, budget_days: f32, cap: Span) -> Option<Instant> {
        self.from_start(|start, out| start + learned_wait(self, start, out, level, budget_days, cap))
    }

    /// X hours without a sign, under the same holds and absences.
    pub fn fixed_deadline(&self, wait: Span) -> Option<Instant> {
        self.from_start(|start, _| start + wait.as_seconds().max(SHORTEST_NOTICE))
    }

    /// What is to be told next in this silence, and when; `None` if all was told, or nothing can be.
    pub fn next(&self, settings: &Settings) -> Option<Due> {
        if self.was_told(Level::Alert) {
            return None;
        }
        if let Some(wait) = settings.fixed {
            return Some(Due { at: self.fixed_deadline(wait)?, level: Level::Alert, rule: Rule::InactivityFixed });
        }
        let alert = self.deadline(Level::Alert, settings.alert_days, settings.cap)?;
        let alert = Due { at: alert, level: Level::Alert, rule: Rule::InactivityAlert };
        if self.was_told(Level::Notice) {
            return Some(alert);
        }
        let notice = self.deadline(Level::Notice, settings.notice_days, settings.cap)?;
        let notice = Due { at: notice, level: Level::Notice, rule: Rule::InactivityNotice };
        Some(if notice.at < alert.at { notice } else { alert })
    }

    /// Nothing is due before this moment, whatever the settings: a caller need not ask for deadlines earlier.
    pub fn earliest(&self) -> Option<Instant> {
        self.last.map(|last| Instant::from_wall_seconds(last.since + SHORTEST_NOTICE))
    }

    /// Applies holds and absences: an absence that begins before the deadline moves the start to its end.
    fn from_start(&self, due: impl Fn(i64, bool) -> i64) -> Option<Instant> {
        let last = self.last.filter(|_| self.held.is_none())?;
        let mut start = last.since;
        let mut at = due(start, last.out);
        for &(from, to) in &self.excused {
            if start < to && from < at {
                start = to;
                at = due(start, last.out);
            }
        }
        Some(Instant::from_wall_seconds(at))
    }
}

/// How remarkable a silence of `length` seconds from `start` is.
pub(super) fn of_silence(rhythm: &Rhythm, start: i64, out: bool, length: i64) -> f64 {
    let whole = (length / STEP) as usize;
    let full: f64 = (0..whole.min(STEPS)).map(|k| step(rhythm, start, out, k)).sum();
    if whole >= STEPS {
        return full;
    }
    full + step(rhythm, start, out, whole) * (length % STEP) as f64 / STEP as f64
}

/// Seconds from `start` until the score passes the limit, between the shortest wait and the cap.
fn learned_wait(rhythm: &Rhythm, start: i64, out: bool, level: Level, budget: f32, cap: Span) -> i64 {
    let limit = Tail::of(rhythm).limit(budget);
    let shortest = match level {
        Level::Notice => SHORTEST_NOTICE,
        Level::Alert => SHORTEST_ALERT,
    };
    let longest = cap.as_seconds().clamp(shortest, STEPS as i64 * STEP);
    let mut score = 0.0;
    for k in 0..STEPS {
        let more = step(rhythm, start, out, k);
        if score + more > limit {
            let wait = (k as f64 + (limit - score) / more) * STEP as f64;
            return (wait.ceil() as i64).clamp(shortest, longest);
        }
        score += more;
    }
    longest
}

/// What the `k`-th quarter of an hour of silence adds: little at times when this home is usually quiet.
fn step(rhythm: &Rhythm, start: i64, out: bool, k: usize) -> f64 {
    if k < 2 {
        return 0.0;
    }
    let wall = start + k as i64 * STEP;
    let (out, class, bin) = (usize::from(out), elapsed_class(k), bin(wall));
    let chance = (rhythm.ended[out][class][bin] + PRIOR_STEPS * ENDING[out][class][bin])
        / (rhythm.at_risk[out][class][bin] + PRIOR_STEPS);
    let chance = f64::from(chance).clamp(1e-4, 0.95);
    let q = half_hour(wall);
    let near = |offset: usize| f64::from(rhythm.active[(q + offset) % HALF_HOURS]);
    let active = (0.25 * near(HALF_HOURS - 1) + 0.5 * near(0) + 0.25 * near(1)).min(0.95);
    -(1.0 - chance).ln() - HABIT * (1.0 - active).ln()
}
