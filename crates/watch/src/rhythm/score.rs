//! From a rhythm to the moment at which silence becomes remarkable. Pure; about a microsecond per silence.

use base::{Instant, Span};

use super::prior::{ENDING, TAIL_ALL, TAILS, TailPrior};
use super::{
    Ask, BINS, DAY, Due, HALF_HOURS, HIGH, Level, Model, Rhythm, Rule, STEP, STEPS, Settings, bin, elapsed_class,
    half_hour,
};

/// The prior's chances weigh as much as this many steps of the home's own.
const PRIOR_STEPS: f32 = 5.0;
/// The habit of the half-hour weighs this much beside the chance by hour and elapsed time.
const HABIT: f64 = 0.25;
/// How often, and how far, a home goes above [`HIGH`] is presumed as if this many days and such silences had been seen.
const PRIOR_DAYS: f64 = 30.0;
const PRIOR_COUNT: f64 = 15.0;
/// A young home is told more cautiously: the budget counts (1 + 5 / (1 + days)) fold.
const CAUTION: f64 = 5.0;
/// No silence shorter than this is ever told.
const SHORTEST_NOTICE: i64 = 3600;
const SHORTEST_ALERT: i64 = 7200;
/// Looking ahead for [`waiting`] may go beyond the 24 hours that are scored.
const AHEAD: usize = STEPS + 56;
/// How much surer one wants to become by waiting.
const SURER: f64 = 0.5;
/// Bounds and unit of that time, hours.
const SHORTEST_WAIT: f64 = 0.5;
const LONGEST_WAIT: f64 = 12.0;
const UNIT: f64 = 2.0;
/// Silences below two hours are first judged by a bound, seconds.
const SHORT_ENOUGH: i64 = 7200;

/// How remarkable a silence has become at each quarter of an hour from 0 to 24 hours; never falls.
pub(super) struct Course([f64; STEPS + 1]);

/// The home's own limit as a tail: how many scores a day pass [`HIGH`], and the mean by which they do.
pub(super) struct Tail {
    rate: f64,
    excess: f64,
    caution: f64,
    /// Tails that share the budget.
    shares: f64,
}

impl Tail {
    pub fn of(rhythm: &Rhythm, out: bool) -> Tail {
        let sum = |both: [f32; 2]| f64::from(both[0]) + f64::from(both[1]);
        let (high, excess, prior, shares) = match rhythm.model {
            Model::OneTail => (sum(rhythm.high), sum(rhythm.excess), TAIL_ALL, 1.0),
            Model::TwoTails => {
                let i = usize::from(out);
                (f64::from(rhythm.high[i]), f64::from(rhythm.excess[i]), TAILS[i], 2.0)
            }
        };
        let TailPrior { rate, excess: mean } = prior;
        let days = f64::from(rhythm.days);
        Tail {
            rate: (high + PRIOR_DAYS * rate) / (days + PRIOR_DAYS),
            excess: (excess + PRIOR_COUNT * mean) / (high + PRIOR_COUNT),
            caution: 1.0 + CAUTION / (1.0 + days),
            shares,
        }
    }

    /// The score that is passed once in `budget` days, all tails together.
    fn limit(&self, budget: f32) -> f64 {
        let times = self.rate * f64::from(budget.clamp(1.0, 3650.0)) * self.shares * self.caution;
        f64::from(HIGH) + self.excess * times.ln().max(0.0)
    }

    /// Days between two silences as remarkable as this score.
    pub fn days_between(&self, score: f64) -> f64 {
        ((score - f64::from(HIGH)) / self.excess).exp() / self.rate / self.shares
    }
}

impl Rhythm {
    /// The moment at which this level is due if nothing more is heard; `None` while nothing was ever heard or the
    /// gateway is silent. Always later than the last sign of life. Depends on the past only, so a caller may keep it
    /// for as long as the rhythm is not changed.
    pub fn deadline(&self, level: Level, budget_days: f32, cap: Span) -> Option<Instant> {
        self.learned(&mut None, level, budget_days, cap)
    }

    /// X hours without a sign, under the same holds and absences; at least one hour.
    pub fn fixed_deadline(&self, wait: Span) -> Option<Instant> {
        self.start_anew(|start, _| start + wait.as_seconds().max(SHORTEST_NOTICE))
    }

    /// What is to be told next in this silence, and when; `None` if all was told, or nothing can be.
    pub fn next(&self, settings: &Settings) -> Option<Due> {
        if self.was_told(Level::Alert) {
            return None;
        }
        if let Some(wait) = settings.fixed {
            return Some(Due { at: self.fixed_deadline(wait)?, level: Level::Alert, rule: Rule::InactivityFixed });
        }
        let mut course = None;
        let alert = self.learned(&mut course, Level::Alert, settings.silent_alert_days(), settings.cap);
        let alert = alert.map(|at| Due { at, level: Level::Alert, rule: Rule::InactivityAlert });
        if self.was_told(Level::Notice) {
            // A question waits for its answer whatever becomes of the line to the home.
            let unanswered = settings.ask.zip(self.asked_at()).map(|(ask, asked)| {
                let at = Instant::from_wall_seconds(asked) + ask.wait;
                Due { at, level: Level::Alert, rule: Rule::InactivityUnanswered }
            });
            // Whoever is announced to be away meanwhile is not expected to answer.
            let unanswered = unanswered.filter(|due| !self.is_away(due.at));
            return alert.into_iter().chain(unanswered).min_by_key(|due| due.at);
        }
        let alert = alert?;
        let budget = settings.ask.map_or(settings.notice_days, |ask| ask.days);
        let at = self.learned(&mut course, Level::Notice, budget, settings.cap)?;
        let notice = match settings.ask {
            Some(ask) => Due { at: ask.not_before(at), level: Level::Notice, rule: Rule::InactivityQuestion },
            None => Due { at, level: Level::Notice, rule: Rule::InactivityNotice },
        };
        Some(if notice.at < alert.at { notice } else { alert })
    }

    fn is_away(&self, at: Instant) -> bool {
        super::wall(at).is_some_and(|at| self.excused.iter().any(|(from, to)| (*from..*to).contains(&at)))
    }

    /// Nothing is due before this moment, whatever the settings: a caller need not ask for deadlines earlier.
    pub fn earliest(&self) -> Option<Instant> {
        self.last.map(|last| Instant::from_wall_seconds(last.since + SHORTEST_NOTICE))
    }

    /// Keeps in `known` the course from the start last asked for: both levels usually share it.
    fn learned(&self, known: &mut Option<(i64, Course)>, level: Level, budget: f32, cap: Span) -> Option<Instant> {
        self.start_anew(|start, out| {
            if known.as_ref().is_none_or(|(from, _)| *from != start) {
                *known = Some((start, Course::of(self, start, out)));
            }
            let passed = known.as_ref().and_then(|(_, course)| course.passes(Tail::of(self, out).limit(budget)));
            start + within(passed, level, cap)
        })
    }

    /// Applies holds and absences: an absence that begins before the deadline moves the start to its end.
    fn start_anew(&self, mut due: impl FnMut(i64, bool) -> i64) -> Option<Instant> {
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

impl Settings {
    /// Two ways lead to an alert where the person is asked: each has half of the false ones.
    pub fn silent_alert_days(&self) -> f32 {
        self.alert_days * if self.ask.is_some() { 2.0 } else { 1.0 }
    }
}

impl Ask {
    pub(crate) fn is_quiet(&self, at: Instant) -> bool {
        self.not_before(at) > at
    }

    /// `at`, or the end of the quiet hours in which it lies.
    pub(crate) fn not_before(&self, at: Instant) -> Instant {
        let (wall, (from, until)) = (at.wall_seconds(), self.quiet);
        let (from, until) = (i64::from(from) * 60, i64::from(until) * 60);
        let of_day = wall.rem_euclid(DAY);
        let is_quiet = if from <= until { (from..until).contains(&of_day) } else { of_day >= from || of_day < until };
        let wait = if is_quiet { (until - of_day).rem_euclid(DAY) } else { 0 };
        at + Span::seconds(wait)
    }
}

impl Course {
    pub fn of(rhythm: &Rhythm, start: i64, out: bool) -> Course {
        let sums = improbability(rhythm, start, out);
        let mut course = [0.0; STEPS + 1];
        let (mut highest, mut ahead) = (0.0_f64, 0);
        for k in 2..=STEPS {
            let score = match rhythm.model {
                Model::OneTail => sums[k],
                Model::TwoTails => sums[k] + waiting(&sums, k, &mut ahead),
            };
            highest = highest.max(score);
            course[k] = highest;
        }
        Course(course)
    }

    /// How remarkable a silence of `length` seconds is; 24 hours and more are the same.
    pub fn at(&self, length: i64) -> f64 {
        let whole = (length.max(0) / STEP) as usize;
        if whole >= STEPS {
            return self.0[STEPS];
        }
        let part = (length.max(0) % STEP) as f64 / STEP as f64;
        self.0[whole] + (self.0[whole + 1] - self.0[whole]) * part
    }

    /// Seconds of silence after which `limit` is passed.
    fn passes(&self, limit: f64) -> Option<i64> {
        let k = self.0.iter().position(|&score| score > limit)?.checked_sub(1)?;
        let part = (limit - self.0[k]) / (self.0[k + 1] - self.0[k]);
        Some(((k as f64 + part) * STEP as f64).ceil() as i64)
    }
}

/// Between the level's shortest wait and the cap.
fn within(passed: Option<i64>, level: Level, cap: Span) -> i64 {
    let shortest = match level {
        Level::Notice => SHORTEST_NOTICE,
        Level::Alert => SHORTEST_ALERT,
    };
    let longest = cap.as_seconds().clamp(shortest, STEPS as i64 * STEP);
    passed.unwrap_or(longest).clamp(shortest, longest)
}

/// The score of a silence that ended, if it is above [`HIGH`].
pub(super) fn high_score(rhythm: &Rhythm, start: i64, out: bool, length: i64) -> Option<f32> {
    // Most silences end long before; they need no table of the whole day.
    if length < SHORT_ENOUGH && bound(rhythm, start, out, length) < f64::from(HIGH) {
        return None;
    }
    let score = Course::of(rhythm, start, out).at(length) as f32;
    (score > HIGH).then_some(score)
}

/// No score of this silence is higher.
fn bound(rhythm: &Rhythm, start: i64, out: bool, length: i64) -> f64 {
    let sum: f64 = (2..=(length / STEP) as usize)
        .map(|k| {
            let wall = start + k as i64 * STEP;
            hazard(rhythm, usize::from(out), elapsed_class(k), bin(wall)) + habit(rhythm, half_hour(wall))
        })
        .sum();
    sum + (LONGEST_WAIT / UNIT).ln()
}

/// Minus the log of the chance that this home shows no sign so long, by quarters of an hour from `start`. The first
/// half hour adds nothing.
fn improbability(rhythm: &Rhythm, start: i64, out: bool) -> [f64; AHEAD + 1] {
    let hazards = hazards(rhythm, usize::from(out));
    let habits = habits(rhythm);
    let mut sums = [0.0; AHEAD + 1];
    for k in 2..AHEAD {
        let wall = start + k as i64 * STEP;
        sums[k + 1] = sums[k] + hazards[elapsed_class(k)][bin(wall)] + habits[half_hour(wall)];
    }
    sums
}

/// What a step adds by elapsed class and pair of hours.
fn hazards(rhythm: &Rhythm, out: usize) -> [[f64; BINS]; 2] {
    std::array::from_fn(|class| std::array::from_fn(|bin| hazard(rhythm, out, class, bin)))
}

/// What a step adds by half-hour of the day.
fn habits(rhythm: &Rhythm) -> [f64; HALF_HOURS] {
    std::array::from_fn(|q| habit(rhythm, q))
}

fn hazard(rhythm: &Rhythm, out: usize, class: usize, bin: usize) -> f64 {
    let ended = rhythm.ended[out][class][bin] + PRIOR_STEPS * ENDING[out][class][bin];
    let chance = f64::from(ended / (rhythm.at_risk[out][class][bin] + PRIOR_STEPS)).clamp(1e-4, 0.95);
    -(1.0 - chance).ln()
}

fn habit(rhythm: &Rhythm, q: usize) -> f64 {
    let near = |offset: usize| f64::from(rhythm.active[(q + offset) % HALF_HOURS]);
    let active = (0.25 * near(HALF_HOURS - 1) + 0.5 * near(0) + 0.25 * near(1)).min(0.95);
    -HABIT * (1.0 - active).ln()
}

/// What it is worth to tell now instead of waiting. Telling later costs the time until silence says more (long in the
/// evening, when the home falls silent anyway; short in the morning) and spares a share of false alarms. Setting the
/// derivative of the expected delay plus the price of a false alarm to zero gives a limit on the score plus the log of
/// that time. `ahead` moves on from step to step.
fn waiting(sums: &[f64; AHEAD + 1], k: usize, ahead: &mut usize) -> f64 {
    let surer = sums[k] + SURER;
    *ahead = (*ahead).max(k);
    while *ahead < AHEAD && sums[*ahead] < surer {
        *ahead += 1;
    }
    let mut steps = (*ahead - k) as f64;
    if *ahead > k && sums[*ahead] > sums[*ahead - 1] {
        steps -= ((sums[*ahead] - surer).max(0.0) / (sums[*ahead] - sums[*ahead - 1])).min(1.0);
    }
    let hours = steps * STEP as f64 / 3600.0;
    (hours.clamp(SHORTEST_WAIT, LONGEST_WAIT) / UNIT).ln()
}
