//! The rhythm of one home: how it usually lives by time of day, what was heard last, and from these the moment at
//! which its silence becomes remarkable. A pure value: it holds no clock, no id and no person, and knows neither
//! devices nor alerts; the caller tells it what happened and asks for the next moment to look.
//!
//! The model adds up, in 15-minute steps, how improbable it is that this home shows no sign at this time of day, and
//! compares the sum with a limit set by the home's own past silences (peaks over threshold), so that the one setting
//! is how many days may pass between false alarms. Figures and alternatives: docs/adr/0003-inactivity-model.md.

mod bytes;
mod habit;
mod nouns;
mod prior;
mod reason;
mod score;
#[cfg(test)]
mod tests;

use base::Instant;

pub use bytes::DamagedRhythm;
use habit::FirstUses;
pub use nouns::{Ask, Due, Heard, Level, Model, Rule, Settings, Sign};
use prior::BINS;

const HALF_HOURS: usize = 48;
const DAY: i64 = 86_400;
const STEP: i64 = 900;
/// Steps of one silence that are looked at: 24 hours.
const STEPS: usize = 96;
/// Silences shorter than this count nowhere, seconds.
const SHORT: i64 = 1800;
/// A sign this soon after the entrance still counts as going out, seconds.
const EXIT: i64 = 60;
/// Half-life of what the home's own limit remembers, days.
const MEMORY: f64 = 60.0;
/// Scores above this shape the home's own limit.
const HIGH: f32 = 2.5;
/// One score teaches at most this much: a trip of days must not deafen the watch.
const HIGHEST: f32 = 15.0;
/// Times outside 1970 to 9999 are no times.
const LATEST: Instant = Instant(253_402_300_799_000_000);

/// Announced absences that one home keeps at a time.
pub const EXCUSES: usize = 4;

/// All that is remembered of one home. Times are seconds of Japanese wall time, because habits follow the wall clock.
#[derive(Clone, PartialEq, Debug)]
pub struct Rhythm {
    model: Model,
    /// Steps of silence seen, and those that ended with a sign: [out][elapsed class][pair of hours].
    at_risk: [[[f32; BINS]; 2]; 2],
    ended: [[[f32; BINS]; 2]; 2],
    /// Share of days with a sign in each half-hour.
    active: [f32; HALF_HOURS],
    /// Half-hours of the current day that had a sign.
    today: u64,
    /// Past scores above [`HIGH`] by [out]: how many, their summed excess; and the days they came from; all fading.
    high: [f32; 2],
    excess: [f32; 2],
    days: f32,
    first_uses: FirstUses,
    last: Option<Last>,
    last_entrance: Option<i64>,
    day: i32,
    first_day: i32,
    days_learned: u16,
    /// Bit 0: notice told in this silence; bit 1: alert.
    told: u8,
    /// The person was asked so many seconds after the last sign and has not answered yet; 0: not asked.
    asked: u32,
    /// The running silence contains an outage, an absence or nothing certain: it teaches nothing.
    unsure: bool,
    /// The current day had an outage or an absence: it teaches no habit.
    patchy: bool,
    /// The gateway has been silent since then.
    held: Option<i64>,
    /// Announced absences, [from, to), in their order: [`EXCUSES`] at most. Most homes have none.
    excused: Vec<(i64, i64)>,
}

/// The last sign of life.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Last {
    at: i64,
    sign: Sign,
    /// The person seems to have gone out: the entrance was the last sign, or just before it.
    out: bool,
    /// Silence counts from here: the sign itself, later where the person was known to be well or the line was down.
    since: i64,
    /// When somebody made sure in this silence that the person is well.
    reassured: Option<i64>,
}

impl Default for Rhythm {
    fn default() -> Rhythm {
        Rhythm::new()
    }
}

impl Rhythm {
    /// A home of which nothing is known.
    pub fn new() -> Rhythm {
        Rhythm::with_model(Model::default())
    }

    pub fn with_model(model: Model) -> Rhythm {
        Rhythm {
            model,
            at_risk: Default::default(),
            ended: Default::default(),
            active: prior::ACTIVE,
            today: 0,
            high: [0.0; 2],
            excess: [0.0; 2],
            days: 0.0,
            first_uses: FirstUses::new(),
            last: None,
            last_entrance: None,
            day: 0,
            first_day: 0,
            days_learned: 0,
            told: 0,
            asked: 0,
            unsure: false,
            patchy: false,
            held: None,
            excused: Vec::new(),
        }
    }

    /// A sign of life: it ends the running silence, which is learned, and begins the next one.
    pub fn observe(&mut self, at: Instant, sign: Sign) -> Heard {
        let Some(t) = wall(at) else { return Heard::Impossible };
        if self.last.is_some_and(|last| t <= last.at) {
            self.observe_late(t, sign);
            return Heard::Late;
        }
        if let Some(last) = self.last {
            self.learn_silence(last, t);
        }
        self.turn_to_day(t.div_euclid(DAY) as i32);
        self.today |= 1 << half_hour(t);
        self.first_uses.used(sign, t.rem_euclid(DAY));
        if sign == Sign::Entrance {
            self.last_entrance = Some(t);
        }
        let out = self.last_entrance.is_some_and(|entrance| t - entrance <= EXIT);
        self.last = Some(Last { at: t, sign, out, since: t, reassured: None });
        (self.told, self.asked) = (0, 0);
        self.unsure = false;
        self.held = None;
        Heard::New
    }

    /// When something was last heard.
    pub fn last_sign(&self) -> Option<(Instant, Sign)> {
        self.last.map(|last| (Instant::from_wall_seconds(last.at), last.sign))
    }

    /// Whether the last sign looks like going out.
    pub fn seems_out(&self) -> bool {
        self.last.is_some_and(|last| last.out)
    }

    /// Days that the limit of this home has been learned from (fading).
    pub fn days_known(&self) -> f32 {
        self.days
    }

    /// Share of days with a sign in each half-hour of the day, presumed where little is known yet.
    pub fn usual_day(&self) -> &[f32; 48] {
        &self.active
    }

    /// Somebody made sure that the person is well (a case closed as safe, an answered question): silence counts anew
    /// from then, and both levels may be told again. It is not learned as a sign from the home.
    pub fn reassured(&mut self, at: Instant) {
        let Some(t) = wall(at) else { return };
        let Some(last) = self.last.as_mut() else { return };
        if t <= last.since {
            return;
        }
        last.since = t;
        last.reassured = Some(t);
        (self.told, self.asked) = (0, 0);
    }

    /// The person turned out to have been away at `at`: the silence in which that was teaches nothing.
    pub fn turned_out_away(&mut self, at: Instant) {
        if self.last.zip(wall(at)).is_some_and(|(last, t)| last.at < t) {
            self.unsure = true;
        }
    }

    /// The gateway fell silent at `at`: no deadline until [`Rhythm::resume`] or a sign of life.
    pub fn hold(&mut self, at: Instant) {
        if let (Some(t), None) = (wall(at), self.held) {
            self.held = Some(t);
        }
    }

    /// The gateway is heard again: the outage is added to the running silence's start, and that silence and the day
    /// teach nothing, because nobody knows what went unheard.
    pub fn resume(&mut self, at: Instant) {
        let Some(began) = self.held.take() else { return };
        let (Some(t), Some(last)) = (wall(at), self.last.as_mut()) else { return };
        let blind = t - began.max(last.since);
        if blind <= 0 {
            return;
        }
        last.since += blind;
        self.unsure = true;
        self.patchy = true;
    }

    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The person is announced to be away from `from` until before `to`: no silence is told in between, silence counts
    /// anew from the end, and nothing is learned from it. The absence that ends first makes room for a fifth one.
    pub fn excuse(&mut self, from: Instant, to: Instant) {
        let (Some(from), Some(to)) = (wall(from), wall(to)) else { return };
        if to <= from || self.excused.contains(&(from, to)) {
            return;
        }
        if self.excused.len() < EXCUSES {
            self.excused.reserve_exact(1);
            self.excused.push((from, to));
        } else if let Some(place) = self.excused.iter_mut().min_by_key(|(_, to)| *to) {
            *place = (from, to);
        }
        self.excused.sort_unstable();
    }

    /// An absence ended early or was taken back: nothing is excused from `at` on.
    pub fn end_excuses(&mut self, at: Instant) {
        let Some(t) = wall(at) else { return };
        self.excused.iter_mut().for_each(|(_, to)| *to = (*to).min(t));
        self.excused.retain(|(from, to)| from < to);
    }

    /// Notes that a level was told, so that it is told once per silence.
    pub fn told(&mut self, level: Level) {
        self.told |= level_bit(level);
    }

    /// The same of what [`Rhythm::next`] said; a question begins to wait for its answer.
    pub fn told_of(&mut self, due: &Due) {
        self.told(due.level);
        if due.rule == Rule::InactivityQuestion {
            self.set_asked(wall(due.at));
        }
    }

    /// Whether the person was asked in this silence and has not answered.
    pub fn awaits_answer(&self) -> bool {
        self.asked != 0
    }

    fn asked_at(&self) -> Option<i64> {
        self.last.filter(|_| self.asked != 0).map(|last| last.at + i64::from(self.asked))
    }

    fn set_asked(&mut self, at: Option<i64>) {
        let after = at.zip(self.last).map(|(at, last)| (at - last.at).max(1));
        self.asked = after.map_or(0, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    }

    fn was_told(&self, level: Level) -> bool {
        self.told & level_bit(level) != 0
    }

    /// A late sign changes the picture of its day and may show that the last sign was a going out; no more.
    fn observe_late(&mut self, t: i64, sign: Sign) {
        let Some(last) = self.last.as_mut() else { return };
        if t.div_euclid(DAY) == i64::from(self.day) {
            self.today |= 1 << half_hour(t);
            self.first_uses.used(sign, t.rem_euclid(DAY));
        }
        if sign == Sign::Entrance {
            self.last_entrance = Some(self.last_entrance.map_or(t, |known| known.max(t)));
            last.out |= last.at - t <= EXIT;
        }
    }

    fn learn_silence(&mut self, last: Last, t: i64) {
        if self.unsure || self.held.is_some() || self.is_excused(last.at, t) {
            self.patchy = true;
            return;
        }
        let length = t - last.at;
        if length >= SHORT {
            let score = score::high_score(self, last.at, last.out, length);
            self.count_steps(last, length);
            if let Some(score) = score {
                self.high[usize::from(last.out)] += 1.0;
                self.excess[usize::from(last.out)] += score.min(HIGHEST) - HIGH;
            }
        }
        let days = length as f64 / DAY as f64;
        let fading = 0.5_f64.powf(days / MEMORY);
        for value in self.high.iter_mut().chain(&mut self.excess) {
            *value = (f64::from(*value) * fading) as f32;
        }
        self.days = (f64::from(self.days) * fading + days) as f32;
    }

    fn count_steps(&mut self, last: Last, length: i64) {
        let reached = (length / STEP) as usize + 1;
        let out = usize::from(last.out);
        for k in 2..reached.min(STEPS) {
            let (class, bin) = (elapsed_class(k), bin(last.at + k as i64 * STEP));
            self.at_risk[out][class][bin] += 1.0;
            if k + 1 == reached {
                self.ended[out][class][bin] += 1.0;
            }
        }
    }

    fn is_excused(&self, from: i64, to: i64) -> bool {
        self.excused.iter().any(|&(begin, end)| begin < to && from < end)
    }

    /// A new day closes the one before. Days without any sign never reach this and so teach no habit.
    fn turn_to_day(&mut self, day: i32) {
        if self.last.is_none() {
            (self.day, self.first_day) = (day, day);
        }
        if day == self.day {
            return;
        }
        // The first day is half a day: the device was hung up in the middle of it.
        if self.day != self.first_day && !self.patchy {
            self.days_learned = self.days_learned.saturating_add(1);
            let weight = 1.0 / f32::from(self.days_learned.saturating_add(3).min(60));
            for (q, share) in self.active.iter_mut().enumerate() {
                let seen = f32::from(self.today >> q & 1 == 1);
                *share += (seen - *share) * weight;
            }
            self.first_uses.close_day();
        }
        self.first_uses.open_day();
        self.today = 0;
        self.patchy = false;
        self.day = day;
    }
}

/// Wall seconds of a moment between 1970 and 9999.
fn wall(at: Instant) -> Option<i64> {
    (Instant(0)..=LATEST).contains(&at).then(|| at.wall_seconds())
}

fn half_hour(wall: i64) -> usize {
    (wall.rem_euclid(DAY) / 1800) as usize
}

fn bin(wall: i64) -> usize {
    (wall.rem_euclid(DAY) / 7200) as usize
}

fn elapsed_class(step: usize) -> usize {
    usize::from(step >= 4)
}

fn level_bit(level: Level) -> u8 {
    match level {
        Level::Notice => 1,
        Level::Alert => 2,
    }
}
