//! The town's story: of three homes the last hours are arranged so that within the first two minutes of watching a
//! silence comes due, a gateway fails, and a room grows too hot. Nothing is invented for the screen: the signs are
//! left out or added, and the watch comes to its own conclusion.

use base::{Instant, Span};
use watch::rhythm::{Level, Rhythm, Settings, Sign};
use watch::{Arrival, Signal};

use crate::equip::{CLIMATE, Equipped, serial};
use crate::history;
use crate::plan::Plan;
pub use crate::plan::{CUT_OFF, HOT, SILENT};

/// How far beyond `now` the three are to come due.
const SILENCE_DUE: Span = Span::seconds(45);
/// The learned deadline is taken if it lies between these, looked for in steps of half a minute.
const SOONEST: Span = Span::seconds(20);
const LATEST: Span = Span::seconds(80);
const STEP: Span = Span::seconds(30);
const LINE_DUE: Span = Span::seconds(60);
const HEAT_DUE: Span = Span::seconds(80);
/// The watch's own waits ([`watch::Settings`]), which the arrangement counts back from.
const TEMPERATURE: f32 = 34.0;

/// Where the learned rhythm would not speak at this hour of the night, the silent home has the fixed rule of a city.
const FIXED_HOURS: u16 = 6;

/// What is left out and added before `now`.
#[derive(Clone, Debug)]
pub struct Story {
    pub now: Instant,
    /// The fixed rule of the silent home, hours; `None`: its learned rhythm.
    pub fixed_hours: Option<u16>,
    /// The silent home's signs end here, …
    silent_after: Instant,
    /// … with one last sign at this moment.
    last_sign: Instant,
    cut_after: Instant,
    hot_from: Instant,
}

impl Story {
    /// Arranges the last hours before `now`, from what the watch had learned of the silent home by `from`.
    pub fn arrange(plan: &Plan, homes: &[Equipped], known: &Rhythm, (from, now): (Instant, Instant)) -> Story {
        let settings = watch::Settings::default();
        let silent = homes.iter().find(|h| h.resident == SILENT);
        let learned = silent.and_then(|h| last_sign(plan, h, known, (from, now), &settings.rhythm));
        let by_rule = now + SILENCE_DUE - Span::hours(i64::from(FIXED_HOURS));
        let (silent_after, last_sign) = learned.unwrap_or((by_rule - Span::minutes(1), by_rule));
        Story {
            now,
            fixed_hours: learned.is_none().then_some(FIXED_HOURS),
            silent_after,
            last_sign,
            cut_after: now + LINE_DUE - settings.line_fault,
            hot_from: whole_second(now + HEAT_DUE - settings.climate_after),
        }
    }

    /// Whether this arrival happened in the story.
    pub fn keeps(&self, home: &Equipped, arrival: &Arrival) -> bool {
        let at = arrival.received_at;
        match home.resident {
            SILENT => at <= self.silent_after || !is_sign(&arrival.signal),
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
                added.push(Arrival { serial, ..word(home, signal, at) });
            }
        };
        add(SILENT, "living", Signal::Motion, self.last_sign);
        add(CUT_OFF, "", Signal::Heartbeat, self.cut_after);
        let until = self.now + Span::minutes(40);
        let mut at = self.hot_from;
        while at < until {
            add(HOT, CLIMATE, Signal::Temperature(TEMPERATURE), at);
            add(HOT, CLIMATE, Signal::Humidity(48.0), at);
            at = at + Span::minutes(5);
        }
        self.troubles(homes, &mut added);
        added.sort_by_key(|a| a.received_at);
        added
    }

    /// What the keeper of the devices finds on a list of any morning: a loose magnet, a battery, a box that nobody
    /// registered, and what a broker kept of a time nobody knows.
    fn troubles(&self, homes: &[Equipped], added: &mut Vec<Arrival>) {
        let home = |n: usize| homes.iter().find(|h| h.resident == n);
        if let Some(home) = home(LOOSE) {
            let began = self.now - Span::hours(5);
            for n in 0..60 {
                let signal = Signal::Contact { open: n % 2 == 0 };
                let serial = serial(LOOSE, "bathroom");
                added.push(Arrival { serial, ..word(home, signal, began + Span::seconds(n)) });
            }
        }
        if let Some(home) = home(WEAK) {
            let serial = serial(WEAK, "entrance");
            added.push(Arrival { serial, ..word(home, Signal::BatteryLow(true), self.now - Span::hours(20)) });
        }
        if let Some(home) = home(UNREGISTERED) {
            let box_of_its_own = || "0x00158d00demo0001".to_owned();
            for minutes in [400, 320, 45] {
                let at = self.now - Span::minutes(minutes);
                let moved = Signal::Contact { open: minutes != 320 };
                added.push(Arrival { serial: box_of_its_own(), ..word(home, moved, at) });
            }
            let kept = word(home, Signal::Motion, self.now - Span::hours(7));
            added.push(Arrival { serial: serial(UNREGISTERED, "living"), occurred_at: None, retained: true, ..kept });
        }
    }
}

/// Homes whose devices need somebody.
const LOOSE: usize = 11;
const WEAK: usize = 12;
const UNREGISTERED: usize = 13;

fn word(home: &Equipped, signal: Signal, at: Instant) -> Arrival {
    Arrival {
        gateway: home.gateway,
        serial: String::new(),
        signal,
        occurred_at: Some(at),
        received_at: at,
        retained: false,
    }
}

/// A gateway tells the time of a reading less exactly than our clock: the last of these would come a fraction too early
/// after the first, and the next one five minutes later.
fn whole_second(at: Instant) -> Instant {
    Instant(at.0 - at.0.rem_euclid(1_000_000))
}

fn is_sign(signal: &Signal) -> bool {
    matches!(signal, Signal::Contact { .. } | Signal::Motion)
}

/// The moment after which the home falls silent, and the moment of its last sign, such that the alert of the learned
/// rhythm comes due at `now` + [`SILENCE_DUE`].
fn last_sign(
    plan: &Plan,
    home: &Equipped,
    known: &Rhythm,
    (from, now): (Instant, Instant),
    settings: &Settings,
) -> Option<(Instant, Instant)> {
    let mut rhythm = known.clone();
    let mut candidates: Vec<(Instant, Rhythm, Instant)> = Vec::new();
    let signs: Vec<(Instant, Sign)> = (from.wall_day()..=now.wall_day())
        .flat_map(|day| history::arrivals(plan, home, day))
        .filter_map(|a| Some((a.received_at, sign_of(&a)?)))
        .filter(|(at, _)| (from..now).contains(at))
        .collect();
    for (n, (at, sign)) in signs.iter().enumerate() {
        rhythm.observe(*at, *sign);
        let next = signs.get(n + 1).map_or(now, |(next, _)| *next);
        candidates.push((*at, rhythm.clone(), next));
    }
    candidates.iter().rev().find_map(|(after, rhythm, next)| {
        let due = |at: Instant| {
            let mut with = rhythm.clone();
            with.observe(at, Sign::Motion);
            with.deadline(Level::Alert, settings.alert_days, settings.cap)
        };
        // A step at a time: the deadline may leap over the night, so that halving would miss it.
        let mut at = *after + STEP;
        while at < *next {
            let found = due(at)?;
            if found > now + SOONEST && found < now + LATEST {
                return Some((*after, at));
            }
            at = at + STEP;
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Size, plan};
    use crate::settle::Settled;
    use base::wareki::Date;
    use base::{GatewayId, HomeId, PersonId};
    use uuid::Uuid;

    // A gateway tells whole milliseconds; the story began at a fraction of one and came five minutes late.
    #[test]
    fn the_room_is_hot_for_long_enough_at_the_promised_moment_whenever_the_story_begins() {
        let began = Instant::parse("2026-11-22T00:00").unwrap();
        let plan = plan(1, Size { residents: 5, staff: 60 }, Date::of(began));
        let after = watch::Settings::default().climate_after;
        for odd in [0, 1, 499_999, 500_000, 999_999, 61_234_567] {
            let now = Instant(began.0 + odd);
            let story = Story::arrange(&plan, &[], &Rhythm::new(), (now - Span::days(1), now));
            let as_told = Instant((story.hot_from + after).0 / 1_000_000 * 1_000_000);
            assert!(as_told - story.hot_from >= after && as_told - now <= HEAT_DUE, "{odd}");
            assert!(as_told - now > Span(HEAT_DUE.0 - 1_000_000), "{odd}");
        }
    }

    #[test]
    fn by_day_the_silence_is_mostly_one_that_the_learned_rhythm_finds() {
        let midnight = Instant::parse("2026-11-22T00:00").unwrap();
        let plan = plan(1, Size { residents: 5, staff: 60 }, Date::of(midnight));
        let nobody = Settled { person: PersonId(Uuid::nil()), home: HomeId(Uuid::nil()), first_contact: None };
        let home =
            Equipped { resident: SILENT, settled: nobody, gateway: GatewayId(Uuid::nil()), gateway_name: "g".into() };
        let learned = |hour: i64| {
            let now = midnight + Span::hours(hour) + Span::minutes(7);
            let from = now - Span::days(1);
            let mut known = Rhythm::new();
            for day in from.wall_day() - history::MONTH..=from.wall_day() {
                let signs = history::arrivals(&plan, &home, day);
                let signs = signs.iter().filter_map(|a| Some((a.received_at, sign_of(a)?)));
                for (at, sign) in signs.filter(|(at, _)| *at < from) {
                    known.observe(at, sign);
                }
            }
            Story::arrange(&plan, std::slice::from_ref(&home), &known, (from, now)).fixed_hours.is_none()
        };
        let hours: Vec<i64> = (0..24).filter(|h| learned(*h)).collect();
        assert!((8..20).filter(|h| hours.contains(h)).count() > 6, "only at {hours:?}");
    }
}
