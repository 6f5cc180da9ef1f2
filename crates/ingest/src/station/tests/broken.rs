//! Gateways that connect and whose messages never get through.

use base::{Instant, Span};
use watch::{LineCause, LineTrouble, Signal};

use super::houses::{OPEN, World};

/// What stands on the list of lines in trouble: since when, and why.
fn faults(w: &mut World) -> Vec<(Instant, Option<LineCause>)> {
    let troubles = w.command(|ctx, tx| Ok(watch::line_faults(ctx, tx)?.into_value()));
    let told = |trouble| match trouble {
        LineTrouble::Fault { began_at, cause, .. } => (began_at, cause),
        outage @ LineTrouble::Outage { .. } => panic!("{outage:?}"),
    };
    troubles.into_iter().map(told).collect()
}

/// A home whose door was just used and whose gateway says nothing by itself.
fn world(homes: usize) -> (World, Instant) {
    let mut w = World::new(homes, "2026-11-01T12:00");
    w.alive.clear();
    for house in 0..homes {
        w.use_door(house, "fridge");
    }
    let heard = w.now;
    (w, heard)
}

/// A connection that says nothing which could be stored and is broken off.
fn break_off(w: &mut World, house: usize, cause: LineCause) {
    w.say(house, "", Signal::LineUp);
    w.now = w.now + Span::seconds(10);
    let end = [Signal::LineBroken(cause), Signal::LineLost].map(|signal| w.arrival(house, "", signal));
    w.deliver(end.into()).expect("stored");
}

fn heard_at(w: &World, house: usize) -> Option<Instant> {
    let home = w.houses[house].home;
    let all =
        w.test.db.read_blocking(move |tx| watch::gateways_of_home(&people::testing::system(Instant(0), 1), tx, home));
    all.expect("a list").into_value()[0].heard_at
}

// shows: 6.2.6 a gateway whose messages never get through is a line fault at once, with its cause, and not heard just now
#[test]
fn a_line_that_breaks_again_and_again_is_a_fault_with_its_cause() {
    let (mut w, heard) = world(4);
    w.pass_for(Span::minutes(5));
    for _ in 0..2 {
        (0..4).for_each(|house| break_off(&mut w, house, LineCause::TooLarge));
    }
    assert_eq!(faults(&mut w), []);
    (0..4).for_each(|house| break_off(&mut w, house, LineCause::TooLarge));
    assert_eq!(faults(&mut w), [(heard, Some(LineCause::TooLarge)); 4], "four homes of one area, and no outage");
    w.say(0, "", Signal::LineUp);
    w.say(0, "", Signal::LineKept);
    assert_eq!(faults(&mut w).len(), 4, "it stands, and nothing got through");
    w.pass_for(Span::minutes(2));
    assert_eq!(heard_at(&w, 1), Some(heard), "to connect is not to be heard");
    // It is set right.
    w.use_door(0, "fridge");
    assert_eq!(faults(&mut w).len(), 3);
    // Of another, that has nothing to say, the line stands for a while without being broken off.
    w.say(1, "", Signal::LineUp);
    w.pass_for(Span::minutes(11));
    w.say(1, "", Signal::LineKept);
    assert_eq!(faults(&mut w).len(), 2);
}

// shows: 6.2.6 a healthy gateway that reconnects now and then (bad radio) is not told
#[test]
fn a_gateway_with_bad_radio_is_no_fault() {
    let (mut w, _) = world(1);
    for n in 0..200 {
        w.say(0, "", Signal::LineUp);
        w.pass_for(Span::minutes(1));
        w.say(0, "", Signal::LineKept);
        w.pass_for(Span::minutes(1));
        w.say(0, "", Signal::LineLost);
        w.pass_for(Span::minutes(n % 5));
        assert_eq!(faults(&mut w), [], "{n}");
    }
    // It takes its own line over, and a message is damaged now and then; in between things get through.
    for n in 0..20 {
        break_off(&mut w, 0, [LineCause::Rival, LineCause::BadForm][n % 2]);
        w.pass_for(Span::minutes(1));
        break_off(&mut w, 0, LineCause::Rival);
        w.use_door(0, "fridge");
        assert_eq!(faults(&mut w), [], "{n}");
    }
    for n in 0..20 {
        w.pass_for(Span::minutes(6));
        break_off(&mut w, 0, LineCause::Rival);
        w.say(0, "", Signal::LineUp);
        w.pass_for(Span::minutes(1));
        w.say(0, "", Signal::LineKept);
        assert_eq!(faults(&mut w), [], "{n}");
    }
}

#[test]
fn a_fault_of_silence_learns_its_cause_and_keeps_it_over_a_restart() {
    let (mut w, heard) = world(1);
    w.pass_for(Span::hours(3));
    assert_eq!(faults(&mut w), [(heard, None)]);
    (0..3).for_each(|_| break_off(&mut w, 0, LineCause::BadForm));
    assert_eq!(faults(&mut w), [(heard, Some(LineCause::BadForm))]);
    w.crash();
    (0..3).for_each(|_| break_off(&mut w, 0, LineCause::Rival));
    assert_eq!(faults(&mut w), [(heard, Some(LineCause::Rival))]);
    w.crash();
    w.say(0, "fridge", OPEN);
    assert_eq!(faults(&mut w), []);
}

#[test]
fn a_gateway_that_only_connects_is_silent_and_its_will_is_no_word_of_it() {
    let (mut w, heard) = world(1);
    for _ in 0..3 * 60 {
        w.say(0, "", Signal::LineUp);
        w.pass_for(Span::seconds(30));
        let will = w.arrival(0, "fridge", Signal::DeviceOnline(false));
        let lost = w.arrival(0, "", Signal::LineLost);
        w.deliver(vec![will, lost]).expect("stored");
        w.pass_for(Span::seconds(30));
    }
    assert_eq!(faults(&mut w), [(heard, None)]);
}
