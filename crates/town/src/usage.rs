//! What an invented home uses: electricity by the half hour, water by the hour, a lamp. It follows from what the doors of
//! the same day say, so that who cooks has the refrigerator open.

use base::{Instant, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use watch::Signal;

use crate::life::{Event, Spot};

/// What one of its meters says on a day, each at its moment.
pub(crate) fn day(key: &str, seed: u64, day: i64, events: &[Event]) -> Vec<(Instant, Signal)> {
    let rng = ChaCha8Rng::seed_from_u64(seed.rotate_left(29) ^ day as u64);
    let midnight = Instant::from_wall_day(day);
    match key {
        "power" => power(rng, midnight, events),
        "water" => water(rng, midnight, events),
        _ => lamp(midnight, events),
    }
}

fn within(events: &[Event], from: Instant, until: Instant) -> impl Iterator<Item = &Event> {
    events.iter().filter(move |event| (from..until).contains(&event.at))
}

/// Refrigerator and standing devices, and a kettle or a meal where somebody is in the kitchen.
fn power(mut rng: ChaCha8Rng, midnight: Instant, events: &[Event]) -> Vec<(Instant, Signal)> {
    let half = Span::minutes(30);
    let mut counted = Vec::with_capacity(48);
    let mut from = midnight;
    while counted.len() < 48 {
        let cooks = within(events, from, from + half).any(|event| event.spot == Spot::Fridge);
        let ground = rng.random_range(50..85);
        let used = if cooks { rng.random_range(150..380) } else { 0 };
        from = from + half;
        counted.push((from, Signal::Energy((ground + used) as f32)));
    }
    counted
}

fn water(mut rng: ChaCha8Rng, midnight: Instant, events: &[Event]) -> Vec<(Instant, Signal)> {
    let litres = |spot: Spot| match spot {
        Spot::Toilet => 6,
        Spot::Bathroom => 40,
        Spot::Fridge => 4,
        Spot::Entrance | Spot::Living => 0,
    };
    let hours = (0..24).map(|hour| midnight + Span::hours(hour));
    hours
        .map(|from| {
            let until = from + Span::hours(1);
            let used: i32 = within(events, from, until).map(|event| litres(event.spot)).sum();
            let more = if used > 0 { rng.random_range(0..5) } else { 0 };
            (until, Signal::Water((used + more) as f32))
        })
        .collect()
}

/// Switched on when somebody moves after five in the afternoon, and off with the last movement of the day.
fn lamp(midnight: Instant, events: &[Event]) -> Vec<(Instant, Signal)> {
    let mut evening = events.iter().filter(|e| e.at >= midnight + Span::hours(17) && is_move(e)).map(|e| e.at);
    match (evening.next(), evening.next_back()) {
        (Some(on), Some(off)) => vec![(on, Signal::Light(true)), (off, Signal::Light(false))],
        _ => Vec::new(),
    }
}

fn is_move(event: &Event) -> bool {
    !matches!(event.sign, crate::life::Sign::Climate { .. })
}
