use base::{Instant, Span};
use watch::{AbsenceReason, AlertState, Arrival, Cause, Level, NewAbsence, Rule, Signal};

use super::houses::{CLOSED, OPEN, World, at, silent_home};
use crate::Receipt;

#[test]
fn silence_is_told_once_at_each_level_with_its_reason() {
    let mut w = silent_home();
    assert_eq!(w.alerts(0), []);
    w.pass_for(Span::hours(40));
    let (notices, alerts) =
        (w.alerts_of(0, Rule::Inactivity, Level::Notice), w.alerts_of(0, Rule::Inactivity, Level::Alert));
    assert_eq!((notices.len(), alerts.len()), (1, 1), "{:?}", w.alerts(0));
    assert_eq!(notices[0].state, AlertState::Raised);
    assert_eq!(alerts[0].state, AlertState::Standing);
    assert!(alerts[0].reason.contains("冷蔵庫") && alerts[0].reason.contains("この家で"), "{}", alerts[0].reason);
    assert!(alerts[0].raised_at - alerts[0].due_at < Span::minutes(12));
    assert!(notices[0].due_at < alerts[0].due_at);
}

#[test]
fn a_sign_of_life_ends_the_question_and_is_noted_beside_the_alert() {
    let mut w = silent_home();
    while w.alerts_of(0, Rule::Inactivity, Level::Notice).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    w.use_door(0, "fridge");
    assert_eq!(w.alerts(0)[0].state, AlertState::Cleared);
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    w.pass_for(Span::minutes(30));
    w.use_door(0, "entrance");
    let alert = w.alerts_of(0, Rule::Inactivity, Level::Alert).remove(0);
    assert_eq!((alert.state, alert.sign_at), (AlertState::Standing, Some(w.now)));
}

#[test]
fn an_answered_question_and_a_reassured_home_are_armed_anew() {
    let mut w = silent_home();
    while w.alerts_of(0, Rule::Inactivity, Level::Notice).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    let notice = w.alerts(0)[0].id;
    w.command(move |ctx, tx| {
        watch::answer_notice(ctx, tx, notice, &watch::Reply::on_page(ctx, watch::Answer::Well), &|_, _, _| Ok(()))
    });
    let answered = w.now;
    assert_eq!(w.alerts(0)[0].state, AlertState::Answered);
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    let first = w.alerts_of(0, Rule::Inactivity, Level::Alert).remove(0);
    assert!(first.due_at - answered >= Span::hours(2) && first.reason.contains("無事を確認"), "{first:?}");
    let home = w.houses[0].home;
    w.command(move |ctx, tx| {
        watch::close_alert(ctx, tx, first.id, Cause::AnsweredWell)?;
        watch::reassure(ctx, tx, home, ctx.now)
    });
    let reassured = w.now;
    w.pass_for(Span::minutes(90));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
    w.pass_for(Span::hours(26));
    let alerts = w.alerts_of(0, Rule::Inactivity, Level::Alert);
    assert_eq!(alerts.len(), 2);
    assert!(alerts[1].due_at > reassured + Span::hours(2));
    assert_eq!((alerts[0].state, alerts[0].cause), (AlertState::Closed, Some(Cause::AnsweredWell)));
}

#[test]
fn an_absence_silences_inactivity_and_nothing_else_and_ends_by_itself() {
    let mut w = silent_home();
    let (home, from) = (w.houses[0].home, w.now);
    let until = from + Span::days(3);
    let new = NewAbsence { reason: AbsenceReason::Trip, from, until, weekly: None };
    let absence = w.command(move |ctx, tx| watch::enter_absence(ctx, tx, home, new));
    w.pass_for(Span::days(2));
    assert_eq!(w.alerts(0), []);
    w.say(0, "button", Signal::Button);
    assert_eq!(w.alerts_of(0, Rule::Button, Level::Alert).len(), 1);
    w.use_door(0, "entrance");
    let noted = w.command(move |ctx, tx| watch::absence(ctx, tx, absence.id));
    assert_eq!((noted.activity_at, noted.activity_count), (Some(w.now), 1));
    w.pass(until + Span::hours(30));
    let alerts = w.alerts_of(0, Rule::Inactivity, Level::Alert);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].due_at > until + Span::hours(2), "silence counts from the end of the absence");
}

#[test]
fn an_absence_taken_back_no_longer_silences() {
    let mut w = silent_home();
    let (home, from) = (w.houses[0].home, w.now);
    let new = NewAbsence { reason: AbsenceReason::Hospital, from, until: from + Span::days(20), weekly: None };
    let absence = w.command(move |ctx, tx| watch::enter_absence(ctx, tx, home, new));
    w.pass_for(Span::days(2));
    assert_eq!(w.alerts(0), []);
    w.command(move |ctx, tx| watch::cancel_absence(ctx, tx, absence.id));
    w.pass_for(Span::hours(26));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
}

#[test]
fn only_news_is_a_sign_of_life() {
    let mut w = silent_home();
    let last = w.device(0, "fridge").sign_at;
    w.pass_for(Span::hours(2));
    w.say(0, "fridge", CLOSED); // The state it has already.
    w.say(0, "air", Signal::Temperature(21.0));
    w.say(0, "fridge", Signal::Battery(80));
    w.say(0, "fridge", Signal::LinkQuality(90));
    let retained = Arrival { retained: true, occurred_at: None, ..w.arrival(0, "fridge", OPEN) };
    assert_eq!(w.deliver(vec![retained]), Ok(Receipt { refused: 1, ..Receipt::default() }));
    w.pass_for(Span::minutes(3));
    let fridge = w.device(0, "fridge");
    assert_eq!(fridge.sign_at, last);
    assert_eq!((fridge.counters.repeated, fridge.counters.retained), (1, 1));
    assert_eq!((fridge.battery, fridge.link_quality), (Some(80), Some(90)));
    w.pass_for(Span::hours(26));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
}

#[test]
fn what_is_sent_twice_counts_once() {
    let mut w = silent_home();
    let (a, b) = (w.arrival(0, "fridge", OPEN), w.arrival(0, "air", Signal::Temperature(20.0)));
    let all = vec![a.clone(), b.clone(), a.clone()];
    assert_eq!(w.deliver(all.clone()), Ok(Receipt { stored: 2, duplicates: 1, refused: 0 }));
    w.pass_for(Span::minutes(1));
    let again = all.iter().map(|x| Arrival { received_at: w.now, ..x.clone() }).collect();
    assert_eq!(w.deliver(again), Ok(Receipt { stored: 0, duplicates: 3, refused: 0 }));
    w.pass_for(Span::minutes(2));
    assert_eq!(w.device(0, "fridge").counters.duplicates, 3);
}

#[test]
fn what_is_counted_of_a_device_is_written_with_its_home_and_outlives_a_crash() {
    let mut w = silent_home();
    let before = w.device(0, "fridge").counters;
    for _ in 0..3 {
        w.pass_for(Span::seconds(5));
        w.say(0, "fridge", CLOSED); // The state it has already.
    }
    assert_eq!(w.device(0, "fridge").counters, before, "a device that chatters costs no row each time");
    w.crash();
    w.pass_for(Span::minutes(2));
    assert_eq!(w.device(0, "fridge").counters.repeated, before.repeated + 3);
    w.crash();
    w.pass_for(Span::minutes(2));
    assert_eq!(w.device(0, "fridge").counters.repeated, before.repeated + 3, "and nothing is counted twice");
}

#[test]
fn a_wrong_clock_is_counted_and_our_own_counts() {
    let mut w = silent_home();
    for claimed in ["1970-01-01T00:00", "2026-11-30T00:00"] {
        let wrong = Arrival { occurred_at: Some(at(claimed)), ..w.arrival(0, "fridge", OPEN) };
        w.deliver(vec![wrong]).unwrap();
        w.pass_for(Span::minutes(1));
        w.say(0, "fridge", CLOSED);
        w.pass_for(Span::minutes(1));
    }
    let fridge = w.device(0, "fridge");
    assert_eq!(fridge.counters.wrong_clock, 2);
    w.pass_for(Span::minutes(2));
    let sign = w.device(0, "fridge").sign_at.unwrap();
    assert!(w.now - sign < Span::minutes(10));
}

#[test]
fn what_comes_late_neither_fires_nor_clears() {
    let mut w = silent_home();
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    let seen = w.alerts(0).len();
    let early = w.now - Span::hours(3);
    let late = Arrival { occurred_at: Some(early), ..w.arrival(0, "fridge", OPEN) };
    w.deliver(vec![late]).unwrap();
    let hot = Arrival { occurred_at: Some(early), ..w.arrival(0, "air", Signal::Temperature(40.0)) };
    w.deliver(vec![hot]).unwrap();
    w.pass_for(Span::hours(1));
    let alerts = w.alerts(0);
    assert_eq!(alerts.len(), seen, "{alerts:?}");
    assert_eq!((alerts[seen - 1].state, alerts[seen - 1].sign_at), (AlertState::Standing, None));
    assert_eq!(w.device(0, "fridge").counters.late, 1);
}

#[test]
fn a_walk_test_raises_nothing() {
    let mut w = silent_home();
    for serial in ["entrance", "fridge", "button", "air"] {
        let device = w.device(0, serial).id;
        w.command(move |ctx, tx| watch::start_walk_test(ctx, tx, device, Span::minutes(60)));
    }
    let last = w.device(0, "fridge").sign_at;
    w.say(0, "button", Signal::Button);
    w.say(0, "fridge", OPEN);
    assert_eq!(w.device(0, "fridge").heard_at, Some(w.now), "whoever hung it sees at once that it is heard");
    for _ in 0..20 {
        w.say(0, "air", Signal::Temperature(45.0));
        w.pass_for(Span::minutes(2));
    }
    assert_eq!(w.alerts(0), []);
    assert_eq!(w.device(0, "fridge").sign_at, last);
    w.pass_for(Span::minutes(30));
    w.say(0, "button", Signal::Button);
    assert_eq!(w.alerts_of(0, Rule::Button, Level::Alert).len(), 1);
}

#[test]
fn a_hot_room_is_told_gently_then_loudly_and_once() {
    let mut w = silent_home();
    w.pass(at("2026-11-15T23:00"));
    for minute in 0..60 {
        w.say(0, "air", Signal::Temperature(if minute < 25 { 31.5 } else { 34.0 }));
        w.pass_for(Span::minutes(1));
    }
    let hot = |level| w.alerts_of(0, Rule::TooHot, level);
    assert_eq!((hot(Level::Notice).len(), hot(Level::Alert).len()), (1, 1));
    assert_eq!(hot(Level::Notice)[0].state, AlertState::Raised);
    let reason = &hot(Level::Alert)[0].reason;
    assert!(reason.contains("居間の室温") && reason.contains("34.0℃"), "{reason}");
}

#[test]
fn a_room_that_came_back_from_its_limit_was_not_beyond_it_all_the_time() {
    let mut w = silent_home();
    w.pass(at("2026-11-15T23:00"));
    let hot = |w: &World, level| w.alerts_of(0, Rule::TooHot, level);
    let measure = |w: &mut World, degrees: &[f32]| {
        for degrees in degrees {
            w.say(0, "air", Signal::Temperature(*degrees));
            w.pass_for(Span::minutes(5));
        }
    };
    // Once at the limit, and then below it: never for a quarter of an hour beyond it.
    measure(&mut w, &[31.0, 30.2, 30.2, 30.2, 30.2, 30.2]);
    assert!(hot(&w, Level::Notice).is_empty());
    // A sensor that wavers stands at what it wavers about; what is told is true when it is told.
    measure(&mut w, &[31.1, 30.9, 31.0, 30.9, 30.9]);
    assert!(hot(&w, Level::Notice).is_empty(), "just now it is not 31 degrees");
    measure(&mut w, &[31.0]);
    assert_eq!(hot(&w, Level::Notice).len(), 1);
    assert!(hot(&w, Level::Notice)[0].reason.contains("31.0℃"));
}

#[test]
fn a_cold_room_is_told_gently_then_loudly_and_its_warmth_is_no_sign_of_life() {
    let mut w = silent_home();
    w.pass(at("2026-11-15T23:00"));
    for minute in 0..60 {
        w.say(0, "air", Signal::Temperature(if minute < 25 { 9.0 } else { 4.0 }));
        w.pass_for(Span::minutes(1));
    }
    let cold = |w: &World, level| w.alerts_of(0, Rule::TooCold, level);
    assert_eq!((cold(&w, Level::Notice).len(), cold(&w, Level::Alert).len()), (1, 1));
    let reason = cold(&w, Level::Alert)[0].reason.clone();
    assert!(reason.contains("居間の室温") && reason.contains("4.0℃"), "{reason}");
    w.say(0, "air", Signal::Temperature(19.0));
    w.pass_for(Span::minutes(1));
    assert_ne!(cold(&w, Level::Alert)[0].sign_at, Some(w.now), "warmth is no sign of life");
}

#[test]
fn damp_heat_is_told_as_an_estimate() {
    let mut w = silent_home();
    for _ in 0..20 {
        w.say(0, "air", Signal::Temperature(30.5));
        w.say(0, "air", Signal::Humidity(85.0));
        w.pass_for(Span::minutes(1));
    }
    let told = w.alerts_of(0, Rule::Wbgt, Level::Notice);
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("推定") && told[0].reason.contains("厳重警戒"), "{}", told[0].reason);
    w.say(0, "air", Signal::Temperature(26.0));
    assert_eq!(w.alerts_of(0, Rule::Wbgt, Level::Notice)[0].state_words(), "暑さ指数（推定）が下がり終了");
}

#[test]
fn doors_left_open_and_doors_at_night() {
    let mut w = silent_home();
    w.say(0, "fridge", OPEN);
    w.pass_for(Span::minutes(35));
    let open = w.alerts_of(0, Rule::LeftOpen, Level::Notice);
    assert_eq!(open.len(), 1);
    assert!(open[0].reason.starts_with("冷蔵庫が"), "{}", open[0].reason);
    w.say(0, "fridge", CLOSED);
    assert_eq!(w.alerts_of(0, Rule::LeftOpen, Level::Notice)[0].state_words(), "閉まって終了");
    w.pass(Instant::from_wall_day(w.now.wall_day() + 1) + Span::minutes(134));
    w.use_door(0, "entrance");
    w.pass_for(Span::minutes(30));
    let night = w.alerts_of(0, Rule::NightDoor, Level::Notice);
    assert_eq!(night.len(), 1);
    assert!(night[0].reason.starts_with("2時14分に玄関が開き"), "{}", night[0].reason);
    w.use_door(0, "fridge");
    assert_eq!(w.alerts_of(0, Rule::NightDoor, Level::Notice)[0].state, AlertState::Cleared);
}

#[test]
fn the_fixed_rule_of_a_city_stands_in_for_the_learned_one() {
    let mut w = silent_home();
    let home = w.houses[0].home;
    let changes = watch::Changes { fixed_hours: Some(20), ..watch::Changes::default() };
    w.command(move |ctx, tx| watch::set_region(ctx, tx, &changes));
    let last = w.device(0, "fridge").sign_at;
    w.pass_for(Span::hours(22));
    let alerts = w.alerts(0);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].rule, alerts[0].level), (Rule::InactivityFixed, Level::Alert));
    let silent_for = alerts[0].due_at - last.unwrap_or(alerts[0].due_at);
    assert!((Span::hours(19)..=Span::hours(21)).contains(&silent_for), "{silent_for:?} {home}");
}

#[test]
fn a_home_never_heard_is_told_as_unknown() {
    let mut w = World::new(1, "2026-11-01T12:00");
    w.pass_for(Span::hours(25));
    let alerts = w.alerts(0);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].reason.contains("一度も動きがありません"), "{}", alerts[0].reason);
}

#[test]
fn without_consent_nothing_is_collected_or_shown() {
    let mut w = silent_home();
    let (home, person, now) = (w.houses[0].home, w.houses[0].person, w.now);
    w.command(move |ctx, tx| {
        let consent = people::consents(ctx, tx, person)?[0].id;
        let line = people::testing::line;
        people::withdraw_consent(ctx, tx, person, consent, &people::Withdrawal { by: line("本人"), reason: line("") })?;
        Ok(())
    });
    assert_eq!(w.say(0, "fridge", OPEN), Receipt { refused: 1, ..Receipt::default() });
    w.pass_for(Span::days(2));
    let view = w.test.db.read_blocking(move |tx| watch::home_view(&people::testing::system(now, 1), tx, home, now));
    assert!(matches!(view, Err(watch::WatchError::Refused(watch::WatchRefusal::NoContract))), "{view:?}");
}

#[test]
fn an_unknown_device_waits_in_the_inbox_and_stops_nothing() {
    let mut w = silent_home();
    let stray = w.arrival(0, "0x00aa", OPEN);
    let known = w.arrival(0, "fridge", OPEN);
    assert_eq!(w.deliver(vec![stray, known]), Ok(Receipt { stored: 1, duplicates: 0, refused: 1 }));
    let home = w.houses[0].home;
    let inbox = w.command(move |ctx, tx| watch::inbox(ctx, tx, Some(home)));
    assert_eq!((inbox.len(), inbox[0].serial.as_str(), inbox[0].said.as_str()), (1, "0x00aa", "contact"));
    let new = watch::NewDevice {
        gateway: w.houses[0].gateway,
        home,
        serial: "0x00aa".into(),
        kind: watch::DeviceKind::Toilet,
        place: "トイレ".into(),
    };
    w.command(move |ctx, tx| watch::assign_device(ctx, tx, &new));
    assert_eq!(w.say(0, "0x00aa", CLOSED).stored, 1);
    assert!(w.command(move |ctx, tx| watch::inbox(ctx, tx, Some(home))).is_empty());
}

#[test]
fn the_week_of_a_home_is_drawn_and_its_days_are_summed_up() {
    let mut w = silent_home();
    w.pass_for(Span::hours(5));
    let (home, now) = (w.houses[0].home, w.now);
    let ctx = people::testing::system(now, 1);
    let (view, daily) = w
        .test
        .db
        .read_blocking(move |tx| {
            let today = base::wareki::Date::of(now);
            let week =
                watch::daily_values(&ctx, tx, home, base::wareki::Date(today.0 - 5), base::wareki::Date(today.0 - 1))?;
            Ok::<_, watch::WatchError>((watch::home_view(&ctx, tx, home, now)?, week))
        })
        .unwrap();
    assert_eq!(view.days.len(), 7);
    let fridge = view.days[3].lanes.iter().find(|l| l.place == "台所").unwrap();
    assert_eq!(fridge.counts.iter().sum::<u16>(), 4);
    assert!(view.usual.days > 7.0 && view.usual.active[14] > 0.4, "{:?}", view.usual);
    assert_eq!(daily.len(), 5);
    assert!(daily.iter().all(|d| d.uses_of(watch::DeviceKind::Entrance) == 2 && d.signs == 12), "{daily:?}");
}
