//! Electricity by the half hour, water, lamps: what of it is somebody who lives there, and what is only a home.

use base::{Instant, Span};
use watch::{Arrival, DeviceFault, DeviceKind, Signal, Why};

use super::houses::World;

/// A home whose doors say nothing: what is known of it comes from its meter.
fn metered() -> World {
    let mut w = World::new(1, "2026-11-01T00:00");
    w.assign(0, "meter", DeviceKind::Power);
    w
}

/// What a refrigerator and standing devices draw in a half hour, Wh.
fn ground(half: usize) -> f32 {
    55.0 + (half * 7919 % 37) as f32
}

/// A day with a kettle in the morning, a lunch and a dinner, none of them by the clock.
fn lived(day: i64, half: usize) -> f32 {
    let swing = (day.rem_euclid(3)) as usize;
    let cooks = [(13 + swing, 190.0), (24 + swing, 300.0), (36 + swing, 420.0), (37 + swing, 380.0)];
    ground(half) + cooks.iter().filter(|(at, _)| *at == half).map(|(_, wh)| wh).sum::<f32>()
}

/// The half hours of one day, each a minute after it is over.
fn half_hours(w: &mut World, halves: std::ops::Range<usize>, draws: impl Fn(usize) -> f32) {
    let midnight = midnight(w);
    for half in halves {
        let end = midnight + Span::minutes(30 * (half as i64 + 1));
        w.pass(end + Span::minutes(1));
        say_then(w, "meter", Signal::Energy(draws(half)), end);
    }
}

fn say_then(w: &mut World, serial: &str, said: Signal, then: Instant) {
    let arrival = Arrival { occurred_at: Some(then), ..w.arrival(0, serial, said) };
    assert_eq!(w.deliver(vec![arrival]).expect("stored").stored, 1);
}

fn midnight(w: &World) -> Instant {
    Instant::from_wall_day(w.now.wall_day())
}

fn lived_days(w: &mut World, days: usize) {
    for _ in 0..days {
        let day = w.now.wall_day();
        half_hours(w, 0..48, |half| lived(day, half));
    }
}

fn sign_at(w: &mut World, serial: &str) -> Option<Instant> {
    // Its row is written with the home's next save.
    w.pass_for(Span::minutes(2));
    w.device(0, serial).sign_at
}

// shows: 6.4.2 a home with a smart meter alone: a kettle is a sign of life as of its half hour, a day of base load is told
#[test]
fn a_kettle_is_a_sign_of_life_and_a_day_of_base_load_is_told() {
    let mut w = metered();
    w.without_notices(0);
    lived_days(&mut w, 16);
    let known = w.alerts(0).len();
    let day = w.now.wall_day();
    half_hours(&mut w, 0..20, |half| lived(day, half));
    let rose = midnight(&w) + Span::minutes(30 * (13 + day.rem_euclid(3)));
    assert_eq!(sign_at(&mut w, "meter"), Some(rose));
    w.crash();
    half_hours(&mut w, 20..48, |half| lived(day, half));
    assert!(sign_at(&mut w, "meter") > Some(rose + Span::hours(10)), "what was learned outlives a crash");
    assert_eq!(w.alerts(0).len(), known, "{:?}", w.alerts(0));
    for _ in 0..2 {
        half_hours(&mut w, 0..48, ground);
    }
    let told = w.alerts(0);
    assert_eq!(told.len(), known + 1, "{told:?}");
    assert!(told[known].reason.contains("電気・水道の使用を最後に"), "{}", told[0].reason);
}

// shows: 6.4.2 a water heater by night, an air conditioner that runs and a rice cooker on its timer are no life
#[test]
fn what_a_home_does_by_itself_is_no_life() {
    let mut w = metered();
    w.without_notices(0);
    let timer = |half: usize| if half == 11 { 210.0 } else { 0.0 };
    for _ in 0..14 {
        let day = w.now.wall_day();
        half_hours(&mut w, 0..48, |half| lived(day, half) + timer(half));
    }
    let (last, known) = (sign_at(&mut w, "meter").expect("somebody lived here"), w.alerts(0).len());
    let heater = |half: usize| if (2..10).contains(&half) { 700.0 } else { 0.0 };
    let cooler = |half: usize| if (20..44).contains(&half) { 230.0 + (half * 31 % 60) as f32 } else { 0.0 };
    for _ in 0..2 {
        half_hours(&mut w, 0..48, |half| ground(half) + timer(half) + heater(half) + cooler(half));
    }
    assert_eq!(sign_at(&mut w, "meter"), Some(last));
    assert_eq!(w.alerts(0).len(), known + 1, "{:?}", w.alerts(0));
}

// shows: 6.4.2 a half hour that comes 20 minutes late counts as of then and ends nothing; one of yesterday is history
#[test]
fn a_half_hour_that_was_delayed_counts_as_of_then() {
    let mut w = metered();
    w.without_notices(0);
    lived_days(&mut w, 16);
    let known = w.alerts(0).len();
    let of_now = |w: &World| (w.now - midnight(w)).as_minutes() as usize / 30;
    // Nobody uses anything until that is told, and then until the forenoon.
    while w.alerts(0).len() == known || !(7..20).contains(&w.now.local().hour) {
        let half = of_now(&w);
        half_hours(&mut w, half..half + 1, ground);
    }
    let before = sign_at(&mut w, "meter").expect("it counted before");
    let half = of_now(&w);
    half_hours(&mut w, half..half + 1, |_| 400.0);
    let used = midnight(&w) + Span::minutes(30 * half as i64);
    w.pass(used + Span::minutes(80));
    say_then(&mut w, "meter", Signal::Energy(60.0), used + Span::hours(1));
    assert_eq!(sign_at(&mut w, "meter"), Some(used));
    assert!(used > before);
    assert_eq!(w.device(0, "meter").counters.late, 1);
    let told = w.alerts(0);
    assert_eq!(told.len(), known + 1, "{told:?}");
    assert_eq!((told[known].state, told[known].sign_at), (watch::AlertState::Standing, None));
    say_then(&mut w, "meter", Signal::Energy(900.0), used - Span::hours(30) + Span::seconds(7));
    assert_eq!((sign_at(&mut w, "meter"), w.alerts(0).len()), (Some(used), known + 1));
}

// shows: 6.4.2 a use that began before an alert was raised ends nothing of it, though it is told at once
#[test]
fn a_use_that_began_before_an_alert_ends_nothing() {
    let mut w = metered();
    w.without_notices(0);
    lived_days(&mut w, 10);
    let home = w.houses[0].home;
    let changes = watch::Changes { fixed_hours: Some(5), notices: Some(false), ..watch::Changes::default() };
    w.command(move |ctx, tx| watch::set_home(ctx, tx, home, &changes));
    let day = w.now.wall_day();
    let rise = 13 + day.rem_euclid(3) as usize;
    half_hours(&mut w, 0..rise + 9, |half| lived(day, half).min(250.0));
    let known = w.alerts(0).len();
    half_hours(&mut w, rise + 9..rise + 11, |half| if half == rise + 9 { 450.0 } else { 60.0 });
    let used = midnight(&w) + Span::minutes(30 * (rise as i64 + 9));
    assert_eq!(sign_at(&mut w, "meter"), Some(used));
    let told = w.alerts(0);
    assert_eq!(told.len(), known + 1, "{told:?}");
    assert!(told[known].raised_at > used && told[known].sign_at.is_none(), "{told:?}");
    assert_eq!(told[known].state, watch::AlertState::Standing);
}

// shows: 6.4.2 half hours that always come a day late are yesterday's, and no slow clock
#[test]
fn half_hours_of_yesterday_are_no_life_of_today() {
    let mut w = metered();
    w.without_notices(0);
    for _ in 0..12 {
        let begin = midnight(&w);
        for half in 0..48 {
            w.pass(begin + Span::minutes(30 * (half as i64 + 1)));
            let then = w.now - Span::days(1);
            say_then(&mut w, "meter", Signal::Energy(lived(then.wall_day(), half)), then);
        }
    }
    let seen = sign_at(&mut w, "meter").expect("they count as of then");
    assert!(w.now - seen > Span::hours(24), "{seen}");
    let (told, known) = (w.alerts(0), w.alerts(0).len());
    assert!(told.iter().all(|alert| alert.sign_at.is_none()), "{told:?}");
    w.pass_for(Span::hours(24));
    assert!(w.alerts(0).len() >= known.max(1), "its silence is told");
}

// shows: 6.4.2 a lamp that is switched is life; one that comes back, or says its state again, is none
#[test]
fn a_lamp_is_life_when_it_is_switched() {
    let mut w = World::new(1, "2026-11-01T09:00");
    w.assign(0, "lamp", DeviceKind::Light);
    w.assign(0, "plug", DeviceKind::Contact);
    w.say(0, "lamp", Signal::Light(false));
    w.pass_for(Span::minutes(5));
    w.say(0, "lamp", Signal::Light(true));
    let lit = w.now;
    assert_eq!(sign_at(&mut w, "lamp"), Some(lit));
    let stored = w.test.db.read_blocking(watch::readings_stored).expect("a count");
    for _ in 0..5 {
        w.pass_for(Span::minutes(5));
        w.say(0, "lamp", Signal::Light(true));
    }
    assert_eq!(w.test.db.read_blocking(watch::readings_stored).expect("a count"), stored, "a state again is no row");
    w.say(0, "lamp", Signal::DeviceOnline(false));
    w.pass_for(Span::minutes(30));
    w.say(0, "lamp", Signal::DeviceOnline(true));
    w.say(0, "lamp", Signal::Light(false));
    assert_eq!(sign_at(&mut w, "lamp"), Some(lit), "the power came back, and nobody switched it");
    w.say(0, "lamp", Signal::Light(true));
    assert!(sign_at(&mut w, "lamp") > Some(lit));
    for on in [false, true, false] {
        w.say(0, "plug", Signal::Light(on));
        w.pass_for(Span::minutes(3));
    }
    assert_eq!(sign_at(&mut w, "plug"), None, "a plug is no door");
}

// shows: 6.4.2 water is life where more is used than before; what flows on for a day is a leak, and says nothing more
#[test]
fn water_is_life_and_a_leak_is_none() {
    let mut w = World::new(1, "2026-11-01T00:00");
    w.assign(0, "water", DeviceKind::Water);
    let hour = |w: &mut World, litres: f32| {
        let end = w.now + Span::hours(1);
        w.pass(end);
        say_then(w, "water", Signal::Water(litres), end);
        end - Span::hours(1)
    };
    for litres in [0.0, 0.0, 1.0, 0.0] {
        hour(&mut w, litres);
    }
    let rose = hour(&mut w, 14.0);
    hour(&mut w, 9.0);
    w.pass_for(Span::minutes(2));
    assert_eq!(w.device(0, "water").sign_at, Some(rose));
    hour(&mut w, 0.0);
    let opened = hour(&mut w, 300.0);
    for _ in 0..22 {
        let litres = 300.0 + (w.now.wall_day() % 2) as f32;
        hour(&mut w, litres);
    }
    assert_eq!(w.device(0, "water").sign_at, Some(opened), "it was opened once");
    for _ in 0..3 {
        hour(&mut w, 301.0);
    }
    assert!(w.needs().contains(&Why::Faulty(DeviceFault::Flows)), "{:?}", w.needs());
    hour(&mut w, 400.0);
    hour(&mut w, 0.0);
    let back = hour(&mut w, 12.0);
    w.pass_for(Span::minutes(2));
    assert_eq!(w.device(0, "water").fault, None);
    assert_eq!(w.device(0, "water").sign_at, Some(back));
}
