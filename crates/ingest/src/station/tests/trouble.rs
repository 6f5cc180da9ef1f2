use std::sync::atomic::Ordering;

use base::Span;
use watch::{Level, Rule, Signal};

use super::houses::{OPEN, World, at};
use crate::{DeliveryError, Receipt};

// shows: 5.4.1 an alert is stored whatever happens to its case; no neighbour is lost for it
#[test]
fn one_home_whose_case_cannot_be_opened_stops_no_other() {
    let mut w = World::new(3, "2026-11-01T21:00");
    for house in 0..3 {
        w.without_notices(house);
        w.use_door(house, "fridge");
        w.pass_for(Span::minutes(1));
        w.use_door(house, "fridge");
    }
    *w.poison.lock().unwrap() = Some(w.houses[1].person);
    let step = w.pass_for(Span::hours(25));
    assert_eq!(step.failed, 0, "the commit of the others never knew of it");
    let told = |w: &World, house| w.alerts_of(house, Rule::Inactivity, Level::Alert).len();
    assert_eq!([told(&w, 0), told(&w, 1), told(&w, 2)], [1, 1, 1], "an alert is stored whatever becomes of its case");
    assert_eq!(w.without_case(), 1);
    assert_eq!(w.say(0, "air", Signal::Temperature(20.0)).stored, 1, "readings go on");
    assert_eq!(w.say(1, "button", Signal::Button).stored, 1, "and so does the home itself");
    assert_eq!((w.alerts_of(1, Rule::Button, Level::Alert).len(), w.without_case()), (1, 2));
}

// shows: 5.4.1 the responder runs in a savepoint of its own
#[test]
fn a_responder_that_panics_or_writes_half_takes_nothing_with_it() {
    let mut w = World::new(2, "2026-11-01T21:00");
    *w.poison.lock().unwrap() = Some(w.houses[0].person);
    let mut both = vec![w.arrival(0, "button", Signal::Button)];
    both.push(watch::Arrival { gateway: w.houses[1].gateway, ..w.arrival(1, "button", Signal::Button) });
    assert_eq!(w.deliver(both).unwrap().stored, 2);
    assert_eq!(w.without_case(), 1);
    for house in 0..2 {
        assert_eq!(w.alerts_of(house, Rule::Button, Level::Alert).len(), 1);
    }
    let halves = w.test.db.read_blocking(|tx| db::marks::get(tx, "half a case")).unwrap();
    assert_eq!(halves, None, "what the responder wrote before it failed is gone");
}

// shows: 5.5.5 what a server brings to its end late stops the watch for one delivery, and not until its next start
#[test]
fn a_commit_that_appears_after_the_watch_was_read_anew_stops_nothing() {
    let mut w = World::new(2, "2026-11-01T21:00");
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(2));
    // What hung at the server is there now: a reading under the number that is next.
    let at = w.now;
    let late = "INSERT INTO watch_reading (seq, device_no, code, value, occurred_at, received_at)
        SELECT MAX(seq) + 1, MIN(device_no), 2, NULL, $1, $1 FROM watch_reading";
    w.test.db.write_blocking(move |tx| tx.execute(late, &[at.into()])).unwrap();
    let press = vec![w.arrival(1, "button", Signal::Button)];
    assert_eq!(w.deliver(press.clone()), Err(DeliveryError::Fault), "it is not acknowledged");
    w.pass_for(Span::minutes(1));
    assert_eq!(w.deliver(press).unwrap().stored, 1, "the gateway brings it again");
    assert_eq!(w.alerts_of(1, Rule::Button, Level::Alert).len(), 1);
}

#[test]
fn without_room_readings_are_refused_and_the_watch_goes_on() {
    let mut w = World::new(1, "2026-11-01T21:00");
    w.without_notices(0);
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(1));
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(2));
    let no_room = w.no_room();
    no_room.store(true, Ordering::Relaxed);
    w.alive.clear();
    let before = w.test.db.read_blocking(watch::readings_stored).unwrap();
    while w.now < at("2026-11-02T22:00") {
        w.pass_for(Span::minutes(30));
        let arrivals = vec![w.arrival(0, "air", Signal::Temperature(20.0))];
        assert_eq!(w.deliver(arrivals), Err(DeliveryError::Full));
    }
    assert_eq!(w.test.db.read_blocking(watch::readings_stored).unwrap(), before);
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1, "the line was heard, so silence is silence");
    no_room.store(false, Ordering::Relaxed);
    assert_eq!(w.say(0, "fridge", OPEN), Receipt { stored: 1, ..Receipt::default() });
}

/// The answer to one commit is lost: the senders are told to send again, and the watch no longer trusts its memory.
fn lose_answer(w: &mut World, arrivals: Vec<watch::Arrival>) {
    w.station.lose_answer = true;
    assert_eq!(w.deliver(arrivals), Err(DeliveryError::Fault));
}

#[test]
fn after_a_commit_whose_end_nobody_knows_nothing_is_doubled_and_nothing_is_lost() {
    let mut w = World::new(1, "2026-11-01T21:00");
    w.without_notices(0);
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(1));
    let before = w.test.db.read_blocking(watch::readings_stored).unwrap();
    let press = vec![w.arrival(0, "button", Signal::Button)];
    lose_answer(&mut w, press.clone());
    let again = w.deliver(press).unwrap();
    assert_eq!(again, Receipt { duplicates: 1, ..Receipt::default() }, "it had been stored");
    assert_eq!(w.alerts_of(0, Rule::Button, Level::Alert).len(), 1, "one call for help is told once");
    w.pass_for(Span::minutes(1));
    assert_eq!(w.say(0, "air", Signal::Temperature(20.0)).stored, 1);
    assert_eq!(w.test.db.read_blocking(watch::readings_stored).unwrap(), before + 2, "what is acknowledged is stored");
}

#[test]
fn a_line_that_stands_is_still_known_to_stand_after_a_lost_answer() {
    let mut w = World::new(1, "2026-11-01T21:00");
    w.without_notices(0);
    w.use_door(0, "fridge");
    w.pass_for(Span::minutes(1));
    w.use_door(0, "fridge");
    let mut up = w.arrival(0, "", Signal::LineUp);
    up.occurred_at = None;
    w.deliver(vec![up]).unwrap();
    // From now on its gateway says nothing of itself: the connection speaks for it.
    w.alive.clear();
    w.pass_for(Span::hours(1));
    let warmth = vec![w.arrival(0, "air", Signal::Temperature(20.0))];
    lose_answer(&mut w, warmth);
    w.pass_for(Span::hours(24));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1, "silence is told, for the line stands");
}

#[test]
fn a_home_takes_less_than_two_kilobytes_of_memory() {
    let mut w = World::new(40, "2026-11-01T12:00");
    for round in 0..60 {
        for house in 0..40 {
            match round % 3 {
                0 => w.use_door(house, "fridge"),
                1 => drop(w.say(house, "air", Signal::Temperature(20.0))),
                _ => drop(w.say(house, "air", Signal::Humidity(50.0))),
            }
        }
        w.pass_for(Span::minutes(7));
    }
    let bytes = w.station.live().bytes_per_home();
    assert!(bytes < 2000, "{bytes}");
}
