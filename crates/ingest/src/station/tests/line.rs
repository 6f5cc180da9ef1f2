use base::Span;
use watch::{Arrival, Level, LineTrouble, Rule, Signal};

use super::houses::{OPEN, World, at};

fn troubles(w: &mut World) -> Vec<LineTrouble> {
    w.command(|ctx, tx| Ok(watch::line_faults(ctx, tx)?.into_value()))
}

/// `homes` homes that lived for ten days.
fn lived(homes: usize, placed: impl Fn(usize) -> (String, String)) -> World {
    let mut w = World::with(homes, "2026-11-01T12:00", placed);
    for day in 2..12 {
        for hour in [7, 10, 12, 15, 18, 21] {
            w.pass(at(&format!("2026-11-{day:02}T{hour:02}:03")));
            for house in 0..homes {
                w.use_door(house, if hour == 10 { "entrance" } else { "fridge" });
            }
        }
    }
    w
}

#[test]
fn a_dead_gateway_is_a_fault_of_the_line_and_never_of_the_person() {
    let mut w = lived(1, |_| ("圏域".into(), "通信".into()));
    let gateway = w.houses[0].gateway;
    w.alive.clear();
    w.pass_for(Span::days(2));
    assert_eq!(w.alerts(0), []);
    let standing = troubles(&mut w);
    assert!(matches!(&standing[..], [LineTrouble::Fault { home, .. }] if *home == w.houses[0].home), "{standing:?}");
    w.alive.push(gateway);
    w.pass_for(Span::minutes(10));
    assert_eq!(troubles(&mut w), []);
    w.pass_for(Span::minutes(60));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 0, "the outage is no silence");
    w.pass_for(Span::hours(26));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
}

#[test]
fn a_deadline_waits_for_a_line_that_is_not_heard() {
    let mut w = lived(1, |_| ("圏域".into(), "通信".into()));
    w.without_notices(0);
    let due = w.station.next_moment();
    assert!(due.is_some());
    w.pass(at("2026-11-12T05:00"));
    assert_eq!(w.alerts(0), []);
    // The line dies before the deadline, for less than its fault timer, and comes back with what it had kept.
    let gateway = w.alive.remove(0);
    w.pass_for(Span::minutes(110));
    assert_eq!(w.alerts(0), []);
    let kept = Arrival { occurred_at: Some(w.now - Span::minutes(20)), ..w.arrival(0, "fridge", OPEN) };
    w.say(0, "", Signal::Heartbeat);
    w.deliver(vec![kept]).unwrap();
    w.alive.push(gateway);
    w.pass_for(Span::minutes(40));
    assert_eq!(w.alerts(0), []);
}

#[test]
fn homes_of_one_area_that_fall_silent_together_are_one_outage() {
    let mut w = lived(6, |n| (if n < 4 { "東圏域" } else { "西圏域" }.to_owned(), format!("通信{n}")));
    let dark: Vec<_> = w.houses.iter().take(4).map(|h| h.gateway).collect();
    w.alive.retain(|g| !dark.contains(g));
    w.pass_for(Span::hours(3));
    let standing = troubles(&mut w);
    assert_eq!(standing.len(), 1, "{standing:?}");
    let LineTrouble::Outage { name, homes, .. } = &standing[0] else { panic!("{standing:?}") };
    assert_eq!((name.as_str(), homes.len()), ("東圏域", 4));
    w.alive.extend(dark);
    w.pass_for(Span::minutes(20));
    assert_eq!(troubles(&mut w), []);
    assert!((0..4).all(|n| w.alerts(n).is_empty()));
}

#[test]
fn homes_of_one_carrier_are_one_outage_too() {
    let mut w = lived(5, |n| (format!("圏域{n}"), "見本通信".into()));
    w.alive.truncate(1);
    w.pass_for(Span::hours(3));
    let standing = troubles(&mut w);
    assert!(matches!(&standing[..], [LineTrouble::Outage { homes, .. }] if homes.len() == 4), "{standing:?}");
}

#[test]
fn two_homes_are_no_outage() {
    let mut w = lived(4, |_| ("圏域".into(), "通信".into()));
    w.alive.truncate(2);
    w.pass_for(Span::hours(3));
    let standing = troubles(&mut w);
    assert_eq!(standing.len(), 2);
    assert!(standing.iter().all(|t| matches!(t, LineTrouble::Fault { .. })));
}

#[test]
fn a_connection_that_watches_itself_needs_no_heartbeat() {
    let mut w = lived(1, |_| ("圏域".into(), "通信".into()));
    w.alive.clear();
    w.say(0, "", Signal::LineUp);
    w.pass_for(Span::hours(26));
    assert_eq!(troubles(&mut w), []);
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
    w.say(0, "", Signal::LineLost);
    w.pass_for(Span::hours(3));
    assert_eq!(troubles(&mut w).len(), 1);
}

#[test]
fn one_gateway_may_serve_a_whole_house() {
    let mut w = lived(3, |n| (format!("圏域{n}"), format!("通信{n}")));
    // The third home's own gateway is replaced by the first home's, which serves both from now on.
    let (own, shared, home) = (w.houses[2].gateway, w.houses[0].gateway, w.houses[2].home);
    w.alive.retain(|g| *g != own);
    w.command(move |ctx, tx| watch::revoke_gateway(ctx, tx, own));
    for (serial, kind) in [("301-fridge", watch::DeviceKind::Fridge), ("301-door", watch::DeviceKind::Entrance)] {
        let new = watch::NewDevice { gateway: shared, home, serial: serial.into(), kind, place: "三〇一".into() };
        w.command(move |ctx, tx| watch::assign_device(ctx, tx, &new));
    }
    w.houses[2].gateway = shared;
    w.pass_for(Span::minutes(1));
    assert_eq!(w.say(2, "301-fridge", OPEN), crate::Receipt { stored: 1, ..Default::default() });
    assert_eq!(w.say(0, "fridge", OPEN).stored, 1);
    assert_eq!(w.say(2, "302-fridge", OPEN).refused, 1);
    w.pass_for(Span::minutes(2));
    w.say(2, "301-fridge", Signal::Contact { open: false });
    w.say(0, "fridge", Signal::Contact { open: false });
    w.crash();
    w.pass_for(Span::minutes(30));
    // It dies: one fault, and neither home is taken for silent.
    w.alive.retain(|g| *g != shared);
    w.pass_for(Span::hours(30));
    assert_eq!(troubles(&mut w).len(), 1);
    assert!(w.alerts(0).is_empty() && w.alerts(2).is_empty());
    w.alive.push(shared);
    w.pass_for(Span::hours(26));
    assert_eq!(troubles(&mut w), []);
    for house in [0, 2] {
        assert_eq!(w.alerts_of(house, Rule::Inactivity, Level::Alert).len(), 1, "{house}");
    }
}
