//! The town's story: of three homes the last hours are arranged so that within the first two minutes of watching a
//! silence comes due, a gateway fails, and a room grows too hot. Nothing is invented for the screen: the signs are
//! left out or added, and the watch comes to its own conclusion.

use base::{Instant, Span};
use watch::rhythm::{Level, Rhythm, Settings, Sign};
use watch::{Arrival, Signal};

use crate::equip::{CLIMATE, Equipped, serial};
use crate::history;
use crate::plan::Plan;

/// The silent home, the home with the failing gateway, the hot home: the first three of the plan.
pub const SILENT: usize = 0;
pub const CUT_OFF: usize = 1;
pub const HOT: usize = 2;

/// How far beyond `now` the three are to come due.
const SILENCE_DUE: Span = Span::seconds(45);
const LINE_DUE: Span = Span::seconds(70);
const HEAT_DUE: Span = Span::seconds(95);
/// The watch's own waits ([`watch::Settings`]), which the arrangement counts back from.
const TEMPERATURE: f32 = 34.0;

/// What is left out and added before `now`.
#[derive(Clone, Debug)]
pub struct Story {
    pub now: Instant,
    /// The silent home's signs end here, …
    silent_after: Option<Instant>,
    /// … with one last sign at this moment.
    last_sign: Option<Instant>,
    cut_after: Instant,
    hot_from: Instant,
}

impl Story {
    /// Arranges the last hours before `now`. The silence is left to chance where no moment of the last day gives the
    /// wanted deadline, which a test shows to be rare.
    pub fn arrange(plan: &Plan, homes: &[Equipped], now: Instant) -> Story {
        let settings = watch::Settings::default();
        let silence =
            homes.iter().find(|h| h.resident == SILENT).and_then(|h| last_sign(plan, h, now, &settings.rhythm));
        Story {
            now,
            silent_after: silence.map(|(after, _)| after),
            last_sign: silence.map(|(_, at)| at),
            cut_after: now + LINE_DUE - settings.line_fault,
            hot_from: now + HEAT_DUE - settings.climate_after,
        }
    }

    pub fn has_silence(&self) -> bool {
        self.last_sign.is_some()
    }

    /// Whether this arrival happened in the story.
    pub fn keeps(&self, home: &Equipped, arrival: &Arrival) -> bool {
        let at = arrival.received_at;
        match home.resident {
            SILENT => match self.silent_after {
                Some(after) => at <= after || !is_sign(&arrival.signal),
                None => true,
            },
            CUT_OFF => at <= self.cut_after,
            HOT => at < self.hot_from || !matches!(arrival.signal, Signal::Temperature(_) | Signal::Humidity(_)),
            _ => true,
        }
    }

    /// What is added: the silent home's last sign, the last word of the failing gateway, the rising temperature. In
    /// order of time; those after `now` are for the living town.
    pub fn added(&self, homes: &[Equipped]) -> Vec<Arrival> {
        let mut added = Vec::new();
        let mut add = |n: usize, key: &str, signal: Signal, at: Instant| {
            if let Some(home) = homes.iter().find(|h| h.resident == n) {
                let serial = if key.is_empty() { String::new() } else { serial(n, key) };
                let gateway = home.gateway;
                added.push(Arrival {
                    gateway,
                    serial,
                    signal,
                    occurred_at: Some(at),
                    received_at: at,
                    retained: false,
                });
            }
        };
        if let Some(at) = self.last_sign {
            add(SILENT, "living", Signal::Motion, at);
        }
        add(CUT_OFF, "", Signal::Heartbeat, self.cut_after);
        let until = self.now + Span::minutes(40);
        let mut at = self.hot_from;
        while at < until {
            add(HOT, CLIMATE, Signal::Temperature(TEMPERATURE), at);
            add(HOT, CLIMATE, Signal::Humidity(48.0), at);
            at = at + Span::minutes(5);
        }
        added.sort_by_key(|a| a.received_at);
        added
    }
}

fn is_sign(signal: &Signal) -> bool {
    matches!(signal, Signal::Contact { .. } | Signal::Motion)
}

/// The moment after which the home falls silent, and the moment of its last sign, such that the alert of the learned
/// rhythm comes due at `now` + [`SILENCE_DUE`].
fn last_sign(plan: &Plan, home: &Equipped, now: Instant, settings: &Settings) -> Option<(Instant, Instant)> {
    let wanted = now + SILENCE_DUE;
    let mut rhythm = Rhythm::new();
    let mut candidates: Vec<(Instant, Rhythm, Instant)> = Vec::new();
    let first = now.wall_day() - history::MONTH;
    for day in first..=now.wall_day() {
        let signs: Vec<(Instant, Sign)> =
            history::arrivals(plan, home, day).iter().filter_map(|a| Some((a.received_at, sign_of(a)?))).collect();
        for (n, (at, sign)) in signs.iter().enumerate().filter(|(_, (at, _))| *at < now) {
            rhythm.observe(*at, *sign);
            let next = signs.get(n + 1).map_or(now, |(next, _)| *next);
            if now - *at < Span::hours(23) {
                candidates.push((*at, rhythm.clone(), next.min(now)));
            }
        }
    }
    candidates.iter().rev().find_map(|(after, rhythm, next)| {
        let due = |at: Instant| {
            let mut with = rhythm.clone();
            with.observe(at, Sign::Motion);
            with.deadline(Level::Alert, settings.alert_days, settings.cap)
        };
        let (mut low, mut high) = (*after + Span::seconds(1), *next - Span::seconds(1));
        if low >= high || due(low)? > wanted || due(high)? < wanted {
            return None;
        }
        while high - low > Span::seconds(1) {
            let middle = low + Span((high - low).0 / 2);
            if due(middle)? <= wanted { low = middle } else { high = middle }
        }
        let found = due(low)?;
        let near = (found - wanted).0.abs() <= Span::seconds(40).0 && found > now + Span::seconds(10);
        near.then_some((*after, low))
    })
}

fn sign_of(arrival: &Arrival) -> Option<Sign> {
    if !is_sign(&arrival.signal) {
        return None;
    }
    let key = arrival.serial.rsplit('-').next()?;
    Some(match key {
        "entrance" => Sign::Entrance,
        "fridge" => Sign::Fridge,
        "bathroom" => Sign::Bathroom,
        "toilet" => Sign::Toilet,
        _ => Sign::Motion,
    })
}
