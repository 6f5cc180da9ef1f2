//! Gateways whose clock is wrong: by how much is learned, corrected and told, and what was only kept for a while is not
//! taken for it.

use base::{Instant, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use watch::{Arrival, ClockError, FAST_CLOCK, Level, Rule, Signal, Why};

use super::houses::{CLOSED, OPEN, World, at};
use crate::Receipt;

const SLOW: Span = Span::minutes(20);
const ZONE: Span = Span::hours(9);

/// A home whose fridge is closed.
fn home() -> World {
    let mut w = World::new(1, "2026-11-15T09:00");
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(5));
    w
}

/// What is said by a clock that is slow by so much.
fn by(w: &World, slow_by: Span, serial: &str, said: Signal) -> Arrival {
    Arrival { occurred_at: Some(w.now - slow_by), ..w.arrival(0, serial, said) }
}

fn say(w: &mut World, slow_by: Span, serial: &str, said: Signal) -> Receipt {
    w.deliver(vec![by(w, slow_by, serial, said)]).expect("stored")
}

/// The room's warmth, told every five minutes for so long.
fn measure(w: &mut World, slow_by: Span, minutes: i64, degrees: f32) {
    for _ in 0..minutes / 5 {
        say(w, slow_by, "air", Signal::Temperature(degrees));
        w.pass_for(Span::minutes(5));
    }
}

fn error(w: &World) -> Option<ClockError> {
    let (home, now) = (w.houses[0].home, w.now);
    let read = w.test.db.read_blocking(move |tx| watch::gateways_of_home(&people::testing::system(now, 1), tx, home));
    read.expect("a gateway").into_value()[0].clock
}

fn words(w: &World) -> Option<String> {
    error(w).map(|error| error.ja())
}

fn hot(w: &World) -> Vec<watch::Alert> {
    w.alerts_of(0, Rule::TooHot, Level::Alert)
}

fn calls(w: &World) -> Vec<watch::Alert> {
    w.alerts_of(0, Rule::Button, Level::Alert)
}

// shows: 6.2.4 a room of 39 degrees reported 20 minutes late by a slow clock is told, as are the door and the call beside it
#[test]
fn a_room_whose_gateway_is_twenty_minutes_behind_is_told() {
    let mut w = home();
    measure(&mut w, SLOW, 30, 24.0);
    assert_eq!(words(&w), None, "half an hour may still be chance");
    measure(&mut w, SLOW, 15, 24.0);
    assert_eq!(words(&w).as_deref(), Some("時計が20分遅れています"));
    assert!(w.needs().contains(&Why::Clock(error(&w).expect("an error"))));

    let began = w.now;
    measure(&mut w, SLOW, 25, 39.0);
    let told = hot(&w);
    assert_eq!(told.len(), 1);
    assert!(told[0].raised_at - began <= Span::minutes(15), "{:?}", told[0]);
    let t = told[0].raised_at.local();
    assert!(told[0].reason.contains(&format!("（{}時{:02}分 39.0℃", t.hour, t.minute)), "{}", told[0].reason);

    say(&mut w, SLOW, "fridge", OPEN);
    let opened = w.now;
    w.pass_for(Span::minutes(3));
    assert_eq!(w.device(0, "fridge").sign_at, Some(opened), "it moved just now");
    say(&mut w, SLOW, "button", Signal::Button);
    assert_eq!((calls(&w).len(), calls(&w)[0].due_at), (1, w.now));
}

// shows: 6.2.4 Japanese time written as if it were UTC, and UTC as if it were Japanese time, are a wrong zone
#[test]
fn a_zone_that_is_set_wrongly_is_named_and_corrected() {
    for slow_by in [Span(-ZONE.0), ZONE] {
        let mut w = home();
        measure(&mut w, slow_by, 45, 24.0);
        assert_eq!(words(&w).as_deref(), Some("時差の設定が9時間ずれています"));
        measure(&mut w, slow_by, 25, 39.0);
        assert_eq!(hot(&w).len(), 1);

        let waited = w.now - Span::hours(3);
        let press = Arrival { occurred_at: Some(waited - slow_by), ..w.arrival(0, "button", Signal::Button) };
        w.deliver(vec![press.clone()]).expect("stored");
        assert_eq!(calls(&w)[0].due_at, waited);
        assert!(calls(&w)[0].reason.contains("3時間前"), "{}", calls(&w)[0].reason);
        w.now = w.now + Span::minutes(2);
        let again = Arrival { received_at: w.now, ..press };
        assert_eq!(w.deliver(vec![again]), Ok(Receipt { duplicates: 1, ..Receipt::default() }));
    }
}

// shows: 6.2.4 what was kept while a line was down, at once or drop by drop, is late and no clock that is slow
#[test]
fn three_hours_that_were_kept_are_no_slow_clock() {
    for apart in [Span::ZERO, Span::seconds(20), Span::minutes(1)] {
        let mut w = home();
        measure(&mut w, Span::ZERO, 30, 24.0);
        let kept: Vec<Arrival> =
            (0..36).map(|n| by(&w, Span(-n * Span::minutes(5).0), "air", Signal::Temperature(39.0))).collect();
        w.pass_for(Span::hours(3));
        for arrival in kept {
            w.deliver(vec![Arrival { received_at: w.now, ..arrival }]).expect("stored");
            assert_eq!(error(&w), None);
            w.pass(w.now + apart);
        }
        measure(&mut w, Span::ZERO, 10, 24.0);
        assert_eq!(error(&w), None);
        assert!(w.device(0, "air").counters.late >= 20, "it was late, as it is without any of this");
    }
}

// shows: 6.2.4 a clock that is put right is believed again within two messages, and nothing is counted twice or lost for it
#[test]
fn a_clock_is_put_right_in_the_middle() {
    for slow_by in [SLOW, ZONE, Span(-ZONE.0)] {
        let mut w = home();
        let early = [by(&w, slow_by, "button", Signal::Button), by(&w, slow_by, "fridge", OPEN)];
        w.deliver(early.to_vec()).expect("stored");
        measure(&mut w, slow_by, 60, 24.0);
        assert!(error(&w).is_some());
        let again = |w: &mut World, before: &[Arrival]| {
            let now = w.now;
            let said = before.iter().map(|a| Arrival { received_at: now, ..a.clone() }).collect();
            w.deliver(said).expect("acknowledged").duplicates
        };
        if slow_by > Span::ZERO {
            // A time in the future was taken as that of its arrival, and cannot be known again.
            assert_eq!(again(&mut w, &early), 2, "said before it was learned");
            assert_eq!(calls(&w).len(), 1);
        }
        let wrong = [by(&w, slow_by, "button", Signal::Button), by(&w, slow_by, "fridge", CLOSED)];
        w.deliver(wrong.to_vec()).expect("stored");
        w.pass_for(Span::minutes(2));
        let told = calls(&w).len();

        // Somebody sets the clock.
        measure(&mut w, Span::ZERO, 10, 24.0);
        assert_eq!(error(&w), None);
        assert_eq!(again(&mut w, &wrong), 2, "said by the clock as it was");
        assert_eq!(calls(&w).len(), told);
        say(&mut w, Span::ZERO, "button", Signal::Button);
        assert_eq!((calls(&w).len(), calls(&w)[told].due_at), (told + 1, w.now));
        measure(&mut w, Span::ZERO, 25, 39.0);
        assert_eq!(hot(&w).len(), 1);
        assert_eq!(error(&w), None);
    }
}

#[test]
fn what_is_sent_again_while_a_clock_is_learned_is_known() {
    let mut w = home();
    measure(&mut w, SLOW, 30, 24.0);
    say(&mut w, SLOW, "air", Signal::Temperature(24.0));
    w.pass_for(Span::seconds(30));
    let said = vec![by(&w, SLOW, "button", Signal::Button), by(&w, SLOW, "fridge", OPEN)];
    w.deliver(said.clone()).expect("stored");
    assert_eq!(error(&w), None);
    w.pass_for(Span::minutes(1));
    say(&mut w, SLOW, "air", Signal::Temperature(24.0));
    assert!(error(&w).is_some());
    w.pass_for(Span::seconds(10));
    let again = said.into_iter().map(|a| Arrival { received_at: w.now, ..a }).collect();
    assert_eq!(w.deliver(again), Ok(Receipt { duplicates: 2, ..Receipt::default() }));
    assert_eq!(calls(&w).len(), 1);
}

/// A sensor that measures to the second says at three in the afternoon what its clock said at six in the morning.
#[test]
fn the_times_a_fast_clock_said_before_are_new_by_a_right_one() {
    let fast = Span(-ZONE.0);
    let mut w = home();
    measure(&mut w, fast, 10 * 60, 24.0);
    assert!(error(&w).is_some());
    measure(&mut w, Span::ZERO, 10, 24.0);
    assert_eq!(error(&w), None);
    measure(&mut w, Span::ZERO, 25, 39.0);
    assert_eq!(hot(&w).len(), 1);
    assert!(w.device(0, "air").counters.duplicates <= 1, "{:?}", w.device(0, "air").counters);
}

// shows: 6.2.4 a call that comes with the first word of a clock that was put right, or goes wrong again, is told
#[test]
fn a_call_is_told_whatever_its_clock_was_just_before() {
    for slow_by in [SLOW, ZONE, Span(-ZONE.0)] {
        let mut w = home();
        measure(&mut w, slow_by, 60, 24.0);
        say(&mut w, slow_by, "button", Signal::Button);
        // By the clock as it was, the next call is of the very moment of this one.
        w.pass_for(slow_by.abs());
        w.pass_for(Span::seconds(20));
        say(&mut w, Span::ZERO, "button", Signal::Button);
        assert_eq!((calls(&w).len(), calls(&w)[1].due_at), (2, w.now), "{slow_by:?}");
        // And once more, by a clock that went wrong again.
        w.pass_for(SLOW);
        w.pass_for(Span::seconds(20));
        say(&mut w, SLOW, "button", Signal::Button);
        assert_eq!(calls(&w).len(), 3, "{slow_by:?}");
    }
}

// shows: 6.2.4 what a broker kept is corrected too, and one call of a clock that was put right meanwhile is no old state
#[test]
fn a_kept_call_counts_by_the_clock_it_was_said_by() {
    for slow_by in [SLOW, ZONE, Span(-ZONE.0)] {
        let mut w = home();
        measure(&mut w, slow_by, 60, 24.0);
        say(&mut w, slow_by, "button", Signal::Button);
        for clock in [slow_by, Span::ZERO] {
            w.pass_for(Span::minutes(5));
            let kept = Arrival { retained: true, ..by(&w, clock, "button", Signal::Button) };
            let told = calls(&w).len();
            w.deliver(vec![kept]).expect("acknowledged");
            assert_eq!((calls(&w).len(), calls(&w)[told].due_at), (told + 1, w.now), "{slow_by:?} {clock:?}");
        }
    }
}

// shows: 6.2.4 what was learned of a clock survives a death, and what was about to be
#[test]
fn a_death_in_the_middle_changes_nothing() {
    let life = |deaths: &[i64]| {
        let mut w = home();
        for five in 0..24 {
            if deaths.contains(&five) {
                w.crash();
            }
            measure(&mut w, SLOW, 5, if five < 12 { 24.0 } else { 39.0 });
        }
        let told: Vec<(Instant, String)> = hot(&w).into_iter().map(|a| (a.raised_at, a.reason)).collect();
        assert_eq!(told.len(), 1);
        (error(&w), told)
    };
    let undisturbed = life(&[]);
    assert!(undisturbed.0.is_some());
    assert_eq!(life(&[3, 6]), undisturbed);
    assert_eq!(life(&[8, 9, 13]), undisturbed);
}

/// When it counts as pressed where nothing is corrected.
fn counts_as_of(arrival: &Arrival) -> Instant {
    let (from, until) = (at("2020-01-01T00:00"), arrival.received_at + FAST_CLOCK);
    arrival.occurred_at.filter(|at| (from..=until).contains(at)).unwrap_or(arrival.received_at)
}

// shows: 6.2.4 property: whatever a clock does, no call for help is lost for what is thought of it
#[test]
fn whatever_a_clock_says_every_call_is_told() {
    let seed = rand::random::<u64>();
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut w = World::new(1, "2026-11-01T12:00");
    let (mut slow_by, mut corrected, mut told) = (Span::ZERO, 0, Vec::<Instant>::new());
    let mut kept: Vec<Arrival> = Vec::new();
    for _ in 0..600 {
        w.now = w.now + Span(draw.random_range(20_000_000..300_000_000));
        match draw.random_range(0..60) {
            0 | 1 => {
                let other = Span::seconds(draw.random_range(-100_000..100_000));
                slow_by = [Span::ZERO, SLOW, Span(-SLOW.0), ZONE, Span(-ZONE.0), other][draw.random_range(0..6)];
            }
            2 => w.crash(),
            _ => {}
        }
        let jitter = Span::seconds(draw.random_range(0..30));
        let serial = ["air", "air", "fridge", "button"][draw.random_range(0..4)];
        let said = match serial {
            "air" => Signal::Temperature(20.0),
            "fridge" => [OPEN, CLOSED][draw.random_range(0..2)],
            _ => Signal::Button,
        };
        let retained = draw.random_range(0..6) == 0;
        let arrival = Arrival { retained, ..by(&w, Span(slow_by.0 + jitter.0), serial, said) };
        if draw.random_range(0..8) == 0 {
            kept.push(arrival);
            continue;
        }
        let mut all = vec![arrival];
        if draw.random_range(0..30) == 0 {
            all.splice(0..0, kept.drain(..).map(|a| Arrival { received_at: w.now, ..a }));
        }
        for arrival in all {
            let before = calls_of(&w).len();
            w.deliver(vec![arrival.clone()]).expect("acknowledged");
            let now = calls_of(&w);
            // What a broker kept of a time that is none is told only where nothing else explains it.
            let untimed = arrival.retained && arrival.occurred_at != Some(counts_as_of(&arrival));
            if arrival.signal == Signal::Button && now.len() == before && !untimed {
                let near = |at: &Instant| (*at - counts_as_of(&arrival)).abs() < Span::minutes(1);
                let lately = |at: &Instant| w.now - *at < Span::minutes(4);
                assert!(now.iter().any(near) || told.iter().any(lately), "seed {seed}: {arrival:?} was lost");
            }
            told.extend((before..now.len()).map(|_| w.now));
        }
        corrected += u32::from(error(&w).is_some());
    }
    assert!(told.len() > 60 && corrected > 20, "seed {seed}: {} calls, corrected {corrected} times", told.len());
}

/// As of when calls were told.
fn calls_of(w: &World) -> Vec<Instant> {
    let rule = Rule::Button.key();
    let read = w.test.db.read_blocking(move |tx| {
        let rows = tx.query("SELECT due_at FROM watch_alert WHERE rule = $1", &[rule.into()])?;
        rows.iter().map(|r| r.get(0)).collect::<Result<_, db::DbError>>()
    });
    read.expect("alerts")
}
