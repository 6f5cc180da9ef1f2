//! State and event: what repeats a state, what chatters, what never ends, and what others contradict.

use base::Span;
use watch::{Arrival, DeviceFault, Level, Rule, Signal, Why};

use super::houses::{CLOSED, OPEN, World, silent_home};
use crate::payload::{Origin, Parsed, read_publish};

/// What the door of a home says through Zigbee2MQTT; the fridge's contact stands for any sensor of signs.
fn say(w: &mut World, topic: &str, payload: &str) {
    let origin = Origin { gateway: w.houses[0].gateway, received_at: w.now, retained: false };
    let mut parsed = Parsed::default();
    read_publish(&origin, &format!("zigbee2mqtt/{topic}"), payload.as_bytes(), &mut parsed);
    assert!(parsed.rejected.is_empty(), "{parsed:?}");
    w.deliver(parsed.arrivals).expect("stored");
}

// shows: 6.2.1 a motion said again after the sensor's own clearing time is motion again (the field's F04)
#[test]
fn a_sensor_that_goes_on_seeing_motion_reports_it_again() {
    let mut w = silent_home();
    w.assign(0, "living", watch::DeviceKind::Motion);
    for seen in [true, false, true] {
        say(&mut w, "living", &format!(r#"{{"occupancy":{seen}}}"#));
        w.pass_for(Span::minutes(1));
    }
    for _ in 0..11 {
        say(&mut w, "living", r#"{"occupancy":true,"illuminance":31}"#);
        w.pass_for(Span::minutes(1));
    }
    w.pass_for(Span::minutes(3));
    let living = w.device(0, "living");
    assert!(w.now - living.sign_at.expect("it moved") <= Span::minutes(4), "{living:?}");
    assert_eq!(living.clears_after, Some(Span::minutes(1)), "learned, and on its page");
    assert_eq!(living.counters.repeated, 0);
}

// shows: 6.2.1 presence is life while it changes or its distance moves, and nothing while it stands (the field's F09)
#[test]
fn presence_is_life_while_it_changes_or_stirs() {
    let mut w = silent_home();
    w.assign(0, "radar", watch::DeviceKind::Presence);
    say(&mut w, "radar", r#"{"presence":false,"linkquality":61}"#);
    w.pass_for(Span::minutes(10));
    say(&mut w, "radar", r#"{"presence":true,"target_distance":1.2,"linkquality":61}"#);
    w.pass_for(Span::minutes(2));
    let came = w.device(0, "radar").sign_at.expect("somebody came");
    for _ in 0..20 {
        say(&mut w, "radar", r#"{"presence":true,"target_distance":1.25}"#);
        w.pass_for(Span::minutes(3));
    }
    assert_eq!(w.device(0, "radar").sign_at, Some(came), "nobody stirs");
    say(&mut w, "radar", r#"{"presence":true,"target_distance":2.5}"#);
    w.pass_for(Span::minutes(2));
    assert!(w.device(0, "radar").sign_at > Some(came));
    for _ in 0..30 {
        say(&mut w, "radar", r#"{"presence":true,"target_distance":2.5}"#);
        w.pass_for(Span::minutes(10));
    }
    assert_eq!(w.device(0, "radar").fault.map(|(fault, _)| fault), Some(DeviceFault::NeverEnds));
}

// shows: 6.2.5 a device that was renamed is proposed as the same one, and its home's silence says so (the field's F07)
#[test]
fn a_renamed_device_is_proposed_as_the_same_one_with_one_touch() {
    let mut w = silent_home();
    w.assign(0, "living", watch::DeviceKind::Motion);
    say(&mut w, "living", r#"{"occupancy":true}"#);
    w.pass_for(Span::minutes(5));
    let home = w.houses[0].home;
    let unknown =
        |w: &mut World| w.command(move |ctx, tx| Ok(watch::inbox(ctx, tx, Some(home))?.into_value())).remove(0);
    say(&mut w, "居間の人感", r#"{"occupancy":true}"#);
    w.pass_for(Span::hours(3));
    assert!(unknown(&mut w).instead_of.is_none(), "a room may be quiet for some hours: nothing is proposed yet");
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        say(&mut w, "居間の人感", r#"{"occupancy":true}"#);
        w.pass_for(Span::minutes(20));
    }
    let reason = &w.alerts_of(0, Rule::Inactivity, Level::Alert)[0].reason;
    assert!(reason.contains("機器の名前が変わった可能性があります"), "{reason}");
    assert!(w.needs().contains(&Why::Unregistered { calls: false }));
    let unknown = unknown(&mut w);
    assert_eq!(unknown.said, "motion");
    let known = unknown.instead_of.expect("one motion sensor vanished");
    assert_eq!((known.serial.as_str(), unknown.serial.as_str()), ("living", "居間の人感"));
    let (id, serial) = (known.id, unknown.serial);
    w.command(move |ctx, tx| watch::rename_device(ctx, tx, id, &serial));
    say(&mut w, "居間の人感", r#"{"occupancy":true}"#);
    w.pass_for(Span::minutes(3));
    let living = w.device(0, "居間の人感");
    assert!(living.id == id && w.now - living.sign_at.expect("it moved") < Span::minutes(5));
    assert!(w.command(move |ctx, tx| Ok(watch::inbox(ctx, tx, Some(home))?.into_value())).is_empty());
}

// shows: 6.2.2 a bounce within a second, told in whole seconds, keeps its last state (the field's F05)
#[test]
fn a_door_that_bounces_within_a_second_is_as_it_was_last() {
    let door = |w: &mut World, second: base::Instant, closed: bool| {
        let said = format!(r#"{{"contact":{closed},"last_seen":"{second}+09:00"}}"#);
        say(w, "entrance", &said);
    };
    let mut w = silent_home();
    let second = base::Instant::from_unix_seconds(w.now.unix_seconds());
    for (ago, closed) in [(20, true), (10, false), (0, true), (0, false), (0, true)] {
        door(&mut w, second - Span::seconds(ago), closed);
    }
    w.pass_for(Span::hours(2));
    assert_eq!(w.device(0, "entrance").counters.duplicates, 0);
    assert!(w.alerts_of(0, Rule::LeftOpen, Level::Notice).is_empty(), "the door is closed");
    // What was told already, and comes again after its line was lost, is a repetition and moves nothing.
    let moved = w.device(0, "entrance").sign_at;
    for closed in [true, false] {
        door(&mut w, second, closed);
    }
    w.pass_for(Span::hours(2));
    assert_eq!((w.device(0, "entrance").counters.duplicates, w.device(0, "entrance").sign_at), (2, moved));
    assert!(w.alerts_of(0, Rule::LeftOpen, Level::Notice).is_empty(), "it is still closed");
    // In one message nobody needs a time: the order is the list's.
    let all =
        [CLOSED, OPEN, CLOSED, OPEN].map(|signal| Arrival { occurred_at: None, ..w.arrival(0, "entrance", signal) });
    w.deliver(all.to_vec()).expect("stored");
    w.pass_for(Span::hours(2));
    assert_eq!(w.alerts_of(0, Rule::LeftOpen, Level::Notice).len(), 1, "it stands open");
}

// shows: 6.2.2 a device that says that its battery is low, or that it was opened, is on the care list (the field's F10)
#[test]
fn what_a_device_says_of_itself_is_told_to_its_keeper() {
    let mut w = silent_home();
    say(&mut w, "fridge", r#"{"contact":true,"battery_low":true,"voltage":2200,"linkquality":80}"#);
    say(&mut w, "entrance", r#"{"contact":true,"battery":100,"tamper":true,"device_temperature":24}"#);
    w.pass_for(Span::minutes(3));
    let fridge = w.device(0, "fridge");
    assert_eq!((fridge.battery_low, fridge.millivolts), (Some(true), Some(2200)));
    assert_eq!((w.device(0, "entrance").tampered, w.device(0, "entrance").warmth), (Some(true), None));
    let whys = w.needs();
    assert!(whys.contains(&Why::BatteryLow) && whys.contains(&Why::Tampered), "{whys:?}");
}

// shows: 6.2.3 a loose contact is a fault of the device, told, and no sign of life (the field's F11)
#[test]
fn a_loose_magnet_keeps_no_silence_away() {
    let mut w = silent_home();
    let chatter = |w: &mut World| {
        let all = (0..2000).map(|n| {
            let occurred_at = Some(w.now + Span::millis(10 * n));
            Arrival { occurred_at, ..w.arrival(0, "entrance", if n % 2 == 0 { CLOSED } else { OPEN }) }
        });
        w.deliver(all.collect()).expect("stored");
    };
    let began = w.now;
    chatter(&mut w);
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(20));
        chatter(&mut w);
        assert!(w.now - began < Span::hours(26), "nobody is told");
    }
    let entrance = w.device(0, "entrance");
    assert_eq!(entrance.fault.map(|(fault, _)| fault), Some(DeviceFault::Chatters));
    assert!(entrance.sign_at.expect("the first of them") - began < Span::minutes(1));
    assert!(w.needs().contains(&Why::Faulty(DeviceFault::Chatters)));
    let reason = &w.alerts_of(0, Rule::Inactivity, Level::Alert)[0].reason;
    assert!(reason.contains("故障の疑い"), "{reason}");
    // Whoever has mended it moves it in a walk test, and it is believed again.
    let device = entrance.id;
    w.command(move |ctx, tx| watch::start_walk_test(ctx, tx, device, Span::minutes(15)));
    w.pass_for(Span::minutes(2));
    w.use_door(0, "entrance");
    w.pass_for(Span::minutes(20));
    w.use_door(0, "entrance");
    w.pass_for(Span::minutes(3));
    let entrance = w.device(0, "entrance");
    assert_eq!(entrance.fault, None);
    assert!(w.now - entrance.sign_at.expect("it moved") < Span::minutes(5));
}

// shows: 6.2.3 how often a device may speak in a minute is the region's setting
#[test]
fn a_region_says_how_often_a_door_may_move_in_a_minute() {
    let mut w = silent_home();
    w.command(|ctx, tx| watch::set_region(ctx, tx, &watch::Changes { chatter: Some(5), ..watch::Changes::default() }));
    let moves = |w: &mut World| {
        let said = (0..8).map(|n| {
            let occurred_at = Some(w.now + Span::seconds(n));
            Arrival { occurred_at, ..w.arrival(0, "entrance", if n % 2 == 0 { OPEN } else { CLOSED }) }
        });
        w.deliver(said.collect()).expect("stored");
        w.pass_for(Span::minutes(3));
    };
    moves(&mut w);
    assert_eq!(w.device(0, "entrance").fault.map(|(fault, _)| fault), Some(DeviceFault::Chatters));
    w.command(|ctx, tx| watch::set_region(ctx, tx, &watch::Changes::default()));
    w.pass_for(Span::hours(25));
    moves(&mut w);
    assert_eq!(w.device(0, "entrance").fault, None);
}

// shows: 6.2.3 a device that alone tells of life for a day, while others that are heard tell of none, is believed no more
#[test]
fn a_device_that_all_others_contradict_is_no_sign_of_life() {
    let mut w = silent_home();
    w.assign(0, "living", watch::DeviceKind::Motion);
    let began = w.now;
    while w.now - began < Span::hours(27) {
        w.say(0, "living", Signal::Motion);
        for door in ["entrance", "fridge"] {
            w.say(0, door, Signal::LinkQuality(80));
        }
        w.pass_for(Span::minutes(30));
    }
    assert_eq!(w.device(0, "living").fault.map(|(fault, _)| fault), Some(DeviceFault::Contradicted));
    w.use_door(0, "fridge");
    w.say(0, "living", Signal::Motion);
    w.pass_for(Span::minutes(3));
    assert_eq!(w.device(0, "living").fault, None, "another one tells of life as well");
}
