//! How an invented person lives: when they rise, eat, go out and sleep, and so which doors move and how warm the rooms
//! are. One day is a function of the person's habits, the day and a seed; the same town has the same days.

use base::{Instant, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Where a sensor hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Spot {
    Entrance,
    Fridge,
    Bathroom,
    Toilet,
    Living,
}

/// Something a sensor noticed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Sign {
    /// A door opened, and closed again `for_seconds` later.
    Opened {
        for_seconds: u16,
    },
    Motion,
    /// °C and % of the living room.
    Climate {
        temperature: f32,
        humidity: f32,
    },
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Event {
    pub at: Instant,
    pub spot: Spot,
    pub sign: Sign,
}

/// A person's way of living. Hours of the day as fractions.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub rise: f64,
    pub sleep: f64,
    /// Outings per week.
    pub outings: f64,
    /// Days of the week (0 = Thursday 1970-01-01) at day service.
    pub day_service: [bool; 7],
    /// Visits to the toilet by night.
    pub night_rises: f64,
    /// How far from the outside the living room's temperature stays, 0 (well kept) to 1 (as outside).
    pub draughty: f64,
    pub restless: f64,
}

impl Habits {
    pub fn invent(rng: &mut impl Rng) -> Habits {
        let mut day_service = [false; 7];
        if rng.random_bool(0.35) {
            let first = rng.random_range(0..7);
            day_service[first] = true;
            day_service[(first + 3) % 7] = rng.random_bool(0.7);
        }
        Habits {
            rise: rng.random_range(5.0..7.5),
            sleep: rng.random_range(20.0..23.0),
            outings: rng.random_range(1.0..6.0),
            day_service,
            night_rises: rng.random_range(0.3..2.5),
            draughty: rng.random_range(0.1..0.7),
            restless: rng.random_range(0.1..0.5),
        }
    }
}

/// All signs of one day, in order of time.
pub fn day(habits: &Habits, seed: u64, day: i64) -> Vec<Event> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (day as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let midnight = Instant::from_wall_day(day);
    let mut d = Day { rng: &mut rng, midnight, events: Vec::with_capacity(120), restless: habits.restless };
    let rise = habits.rise + d.swing(0.5);
    let sleep = (habits.sleep + d.swing(0.6)).min(23.8);
    for _ in 0..d.about(habits.night_rises) {
        let hour = d.rng.random_range(0.2..rise.max(1.0) - 0.3);
        d.open(Spot::Toilet, hour);
    }
    d.open(Spot::Toilet, rise);
    d.open(Spot::Bathroom, rise + 0.15);
    d.kitchen(rise + 0.4, 3);
    d.meal(12.0, 3);
    let away = outing(&mut d, habits, day);
    d.meal(18.0, 4);
    let bath = sleep - 1.3;
    d.open(Spot::Bathroom, bath);
    d.open(Spot::Bathroom, bath + 0.5);
    d.open(Spot::Toilet, sleep - 0.1);
    let mut hour = rise + 1.0;
    while hour < sleep {
        let spot = if d.rng.random_bool(0.6) { Spot::Living } else { Spot::Toilet };
        match spot {
            Spot::Living => d.push(Spot::Living, hour, Sign::Motion),
            other => d.open(other, hour),
        }
        hour += d.rng.random_range(0.25..1.1);
    }
    let mut events = d.events;
    if let Some((from, to)) = away {
        let hours = |h: f64| midnight + Span::seconds((h * 3600.0) as i64);
        events.retain(|e| e.at <= hours(from) || e.at >= hours(to));
    }
    climate(habits, seed, day, &mut events);
    events.sort_by_key(|e| (e.at, e.spot));
    events
}

/// Goes out for shopping, a walk or day service; nothing moves at home meanwhile.
fn outing(d: &mut Day<'_>, habits: &Habits, day: i64) -> Option<(f64, f64)> {
    let service = habits.day_service[day.rem_euclid(7) as usize];
    let (from, to) = if service {
        (8.9 + d.swing(0.15), 16.4 + d.swing(0.2))
    } else if d.rng.random_bool((habits.outings / 7.0).min(0.9)) {
        let from = d.rng.random_range(9.0..14.5);
        (from, from + d.rng.random_range(0.5..3.0))
    } else {
        return None;
    };
    d.open(Spot::Entrance, from);
    d.open(Spot::Entrance, to);
    Some((from + 0.01, to - 0.01))
}

struct Day<'a> {
    rng: &'a mut ChaCha8Rng,
    midnight: Instant,
    events: Vec<Event>,
    restless: f64,
}

impl Day<'_> {
    fn swing(&mut self, width: f64) -> f64 {
        self.rng.random_range(-width..width)
    }

    fn about(&mut self, mean: f64) -> usize {
        (mean + self.rng.random_range(0.0..1.0)).floor() as usize
    }

    fn push(&mut self, spot: Spot, hour: f64, sign: Sign) {
        let seconds = (hour.clamp(0.0, 23.99) * 3600.0) as i64 + self.rng.random_range(0..60);
        let jitter = Span(self.rng.random_range(0..1_000_000));
        self.events.push(Event { at: self.midnight + Span::seconds(seconds) + jitter, spot, sign });
    }

    fn open(&mut self, spot: Spot, hour: f64) {
        let for_seconds = self.rng.random_range(3..45);
        self.push(spot, hour, Sign::Opened { for_seconds });
    }

    /// A meal at about this hour, less exactly the more restless the person is.
    fn meal(&mut self, hour: f64, about: usize) {
        let swing = self.swing(0.5 + self.restless);
        self.kitchen(hour + swing, about);
    }

    fn kitchen(&mut self, hour: f64, about: usize) {
        for _ in 0..self.rng.random_range(1..=about) {
            let at = hour + self.rng.random_range(0.0..0.7);
            self.open(Spot::Fridge, at);
        }
    }
}

/// Temperature and humidity every half hour, by season, time of day and how draughty the house is.
fn climate(habits: &Habits, seed: u64, day: i64, events: &mut Vec<Event>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed.rotate_left(17) ^ day as u64);
    let year = (day as f64 - 205.0).rem_euclid(365.25) / 365.25 * std::f64::consts::TAU;
    let outside_mean = 16.0 + 12.0 * year.cos() + rng.random_range(-2.5..2.5);
    for half in 0..48i32 {
        let hour = f64::from(half) / 2.0;
        let outside = outside_mean + 4.0 * ((hour - 14.0) / 24.0 * std::f64::consts::TAU).cos();
        let kept = outside.clamp(18.0, 27.0);
        let temperature = kept + (outside - kept) * habits.draughty + rng.random_range(-0.3..0.3);
        let humidity = 55.0 + 15.0 * year.cos() + rng.random_range(-5.0..5.0);
        let at =
            Instant::from_wall_day(day) + Span::minutes(30 * i64::from(half)) + Span::seconds(rng.random_range(0..50));
        let sign = Sign::Climate {
            temperature: (temperature as f32 * 10.0).round() / 10.0,
            humidity: (humidity as f32).round().clamp(15.0, 95.0),
        };
        events.push(Event { at, spot: Spot::Living, sign });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_day_is_ordered_lies_within_itself_and_is_the_same_again(seed in any::<u64>(), n in 0i64..40_000) {
            let habits = Habits::invent(&mut ChaCha8Rng::seed_from_u64(seed));
            let events = day(&habits, seed, n);
            prop_assert!(events.windows(2).all(|w| w[0].at <= w[1].at));
            prop_assert!(events.iter().all(|e| e.at.wall_day() == n));
            let opened = events.iter().filter(|e| matches!(e.sign, Sign::Opened { .. })).count();
            prop_assert!(opened >= 4);
            prop_assert_eq!(day(&habits, seed, n), events);
        }
    }
}
