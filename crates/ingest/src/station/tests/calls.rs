//! Calls for help as they really come: kept by a broker, late, without a time, with a wrong one, in any order. None that
//! was acknowledged is dropped.

use base::{Instant, Span};
use people::testing::system;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use watch::{Arrival, Defect, Level, Rule, Signal, Why};

use super::houses::{OPEN, World, at, silent_home};
use crate::payload::{Origin, Parsed, read_publish};
use crate::{Delivery, Receipt};

fn press(w: &World) -> Arrival {
    w.arrival(0, "button", Signal::Button)
}

fn calls(w: &World) -> Vec<watch::Alert> {
    w.alerts_of(0, Rule::Button, Level::Alert)
}

// shows: 6.1.1 a press that waited is an alert that says so
#[test]
fn a_press_that_waited_for_hours_is_told_and_says_so() {
    let mut w = silent_home();
    let early = w.now - Span::hours(3) - Span::minutes(20);
    w.deliver(vec![Arrival { occurred_at: Some(early), ..press(&w) }]).unwrap();
    let told = calls(&w);
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("3時間前"), "{}", told[0].reason);
    assert!(told[0].reason.contains("押されたと、いま伝えてきました"), "{}", told[0].reason);
    w.now = w.now + Span::minutes(1);
    let days = Arrival { occurred_at: Some(w.now - Span::days(3)), ..press(&w) };
    w.deliver(vec![days]).unwrap();
    assert!(calls(&w)[1].reason.contains("3日前"), "{}", calls(&w)[1].reason);
}

// shows: 6.1.1 an earlier press that arrives after a later one is a call of its own
#[test]
fn a_press_is_no_repetition_of_one_that_came_after_it() {
    let mut w = silent_home();
    w.say(0, "button", Signal::Button);
    w.deliver(vec![Arrival { occurred_at: Some(w.now - Span::minutes(50)), ..press(&w) }]).unwrap();
    assert_eq!(calls(&w).len(), 2);
    // Within a minute of the one that was told it is the same call, on either side.
    w.deliver(vec![Arrival { occurred_at: Some(w.now - Span::seconds(40)), ..press(&w) }]).unwrap();
    assert_eq!(calls(&w).len(), 2);
}

// shows: 6.1.1 whoever presses again and again is not kept quiet by their own presses
#[test]
fn a_chain_of_presses_is_told_again_after_a_minute() {
    let mut w = silent_home();
    for _ in 0..6 {
        w.say(0, "button", Signal::Button);
        w.now = w.now + Span::seconds(50);
    }
    assert_eq!(calls(&w).len(), 3, "at 0, 100 and 200 seconds");
}

// shows: 6.1.2 a retained message whose own time is fresh is news, one without a time is an old state
#[test]
fn what_a_broker_kept_counts_by_its_own_time() {
    let mut w = silent_home();
    let kept = |arrival: Arrival| Arrival { retained: true, ..arrival };
    let (door, help) = (kept(w.arrival(0, "fridge", OPEN)), kept(press(&w)));
    assert_eq!(w.deliver(vec![door.clone(), help]), Ok(Receipt { stored: 2, ..Receipt::default() }));
    assert_eq!(calls(&w).len(), 1);
    w.pass_for(Span::minutes(3));
    assert_eq!(w.device(0, "fridge").sign_at, door.occurred_at);
    // The same again, as a broker hands it over at every connection.
    w.deliver(vec![kept(Arrival { received_at: w.now, ..door })]).unwrap();
    let untimed = kept(Arrival { occurred_at: None, ..press(&w) });
    assert_eq!(w.deliver(vec![untimed]), Ok(Receipt { refused: 1, ..Receipt::default() }));
    assert_eq!(calls(&w).len(), 1, "a press is known already that explains it");
    w.pass_for(Span::minutes(3));
    assert_eq!(w.device(0, "fridge").counters.duplicates, 1);
    let unused = w.unused(0);
    assert_eq!(unused.len(), 1);
    assert_eq!((unused[0].serial.as_str(), unused[0].why), ("button", Defect::OldState));
}

// shows: 6.1.1 a call of which nobody knows when it came is told, once
#[test]
fn a_kept_press_that_nothing_explains_is_told() {
    let mut w = silent_home();
    let kept = Arrival { retained: true, occurred_at: None, ..press(&w) };
    w.deliver(vec![kept.clone()]).unwrap();
    assert_eq!(calls(&w).len(), 1);
    assert!(calls(&w)[0].reason.contains("押された時刻は分かりません"));
    w.pass_for(Span::hours(2));
    w.deliver(vec![Arrival { received_at: w.now, ..kept }]).unwrap();
    assert_eq!(calls(&w).len(), 1);
}

// shows: 6.1.4 what was acknowledged and not used stands at its gateway, and what may have been life or a call on the care list
#[test]
fn what_could_not_be_used_is_kept_for_the_keeper() {
    let mut w = silent_home();
    let origin = Origin { gateway: w.houses[0].gateway, received_at: w.now, retained: false };
    let mut parsed = Parsed::default();
    for (topic, payload) in [
        ("zigbee2mqtt/fridge", r#"{"contact":"ajar","linkquality":60}"#),
        ("zigbee2mqtt/fridge", r#"{"contact":"ajar","linkquality":61}"#),
        ("zigbee2mqtt/help2", r#"{"action":"single","linkquality":60}"#),
        ("zigbee2mqtt/lamp", r#"{"brightness":254}"#),
        ("knx/1/2/3", "1"),
        ("zigbee2mqtt/bridge/logging", r#"{"level":"info"}"#),
    ] {
        read_publish(&origin, topic, payload.as_bytes(), &mut parsed);
    }
    let malformed = parsed.rejected.into_iter().map(|rejected| rejected.malformed).collect();
    let (done, _answer) = tokio::sync::oneshot::channel();
    let delivery = Delivery { gateway: origin.gateway, arrivals: parsed.arrivals, malformed, done };
    w.station.step(w.now, vec![delivery], &[]);
    w.pass_for(Span::minutes(3));

    let kept: Vec<_> = w.unused(0).into_iter().map(|u| (u.serial, u.why, u.seen)).collect();
    let wanted = [("", Defect::ForeignTopic, 1), ("fridge", Defect::BadValue, 2), ("lamp", Defect::NothingKnown, 1)];
    assert_eq!(kept, wanted.map(|(serial, why, seen)| (serial.to_owned(), why, seen)));
    assert!(w.unused(0)[1].example.expose().contains("61"), "the last of them");
    let now = w.now;
    let needs = w.test.db.read_blocking(move |tx| watch::devices_needing_care(&system(now, 1), tx)).expect("a list");
    let whys: Vec<_> = needs.into_value().into_iter().map(|n| (n.device.map(|d| d.serial), n.why)).collect();
    for why in [
        (Some("fridge".to_owned()), Why::Unused(Defect::BadValue)),
        (None, Why::Unused(Defect::ForeignTopic)),
        (None, Why::Unregistered { calls: true }),
    ] {
        assert!(whys.contains(&why), "{why:?} in {whys:?}");
    }
    assert_eq!(whys.iter().filter(|(device, _)| device.is_none()).count(), 2, "a lamp needs nobody: {whys:?}");
}

/// When it counts as pressed (see `docs/readings.md`).
fn counts_as_of(arrival: &Arrival) -> Instant {
    let (from, until) = (at("2020-01-01T00:00"), arrival.received_at + watch::FAST_CLOCK);
    arrival.occurred_at.filter(|at| (from..=until).contains(at)).unwrap_or(arrival.received_at)
}

// shows: 6.5.2 property: whatever the flags, the times and the order, every press that was acknowledged has its alert or is a known repetition
#[test]
fn every_acknowledged_press_has_its_alert_or_is_a_known_repetition() {
    let seed = rand::random::<u64>();
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut w = World::new(1, "2026-11-01T12:00");
    let mut pressed: Vec<Arrival> = Vec::new();
    for _ in 0..150 {
        w.now = w.now + Span::seconds(draw.random_range(0..600));
        let mut all = Vec::new();
        for _ in 0..draw.random_range(1..4) {
            let occurred_at = match draw.random_range(0..8) {
                0 => None,
                1 => Some(Instant(draw.random_range(0..1_000_000_000_000))),
                2 => Some(w.now + Span::days(draw.random_range(1..4000))),
                3 => Some(w.now - Span::seconds(draw.random_range(0..400_000))),
                _ => Some(w.now - Span::seconds(draw.random_range(-60..200))),
            };
            let retained = draw.random_range(0..3) == 0;
            let signal = if draw.random_range(0..3) == 0 { OPEN } else { Signal::Button };
            let serial = if signal == OPEN { "fridge" } else { "button" };
            all.push(Arrival { occurred_at, retained, ..w.arrival(0, serial, signal) });
        }
        if let Some(again) = pressed.last().filter(|_| draw.random_range(0..4) == 0) {
            all.push(Arrival { received_at: w.now, ..again.clone() });
        }
        w.deliver(all.clone()).expect("acknowledged");
        pressed.extend(all.into_iter().filter(|a| a.signal == Signal::Button));
        if draw.random_range(0..20) == 0 {
            w.crash();
        }
    }
    let rule = Rule::Button.key();
    let told: Vec<Instant> = w
        .test
        .db
        .read_blocking(move |tx| {
            tx.query("SELECT due_at FROM watch_alert WHERE rule = $1", &[rule.into()])?
                .iter()
                .map(|r| r.get(0))
                .collect::<Result<_, db::DbError>>()
        })
        .expect("alerts");
    assert!(told.len() > 20, "{}", told.len());
    for (n, press) in pressed.iter().enumerate() {
        let at = counts_as_of(press);
        let is_told = told.iter().any(|told| (*told - at).abs() < Span::minutes(1));
        let untimed = press.retained && press.occurred_at != Some(at);
        assert!(is_told || untimed && n > 0, "seed {seed}: {press:?} came and nobody was told");
    }
}
