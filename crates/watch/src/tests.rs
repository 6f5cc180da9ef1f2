//! Who may set up, change and see the watch, as the office, the family and the city meet it.

use base::{Actor, Ctx, Instant, Purpose, RequestId, Role, Span};
use db::testing::{TestDb, fresh};
use people::testing::{Sample, acting, sample, system};
use uuid::Uuid;

use crate::*;

struct Desk {
    test: TestDb,
    people: Sample,
    now: Instant,
    requests: u128,
}

impl Desk {
    fn new() -> Desk {
        let now = Instant::parse("2026-11-22T10:00").expect("a time");
        let test = fresh(&[people::testing::MIGRATIONS, &[MIGRATIONS]].concat());
        let people = test.db.write_blocking(move |tx| sample(&system(now, 1 << 64), tx)).expect("a household");
        Desk { test, people, now, requests: 1 }
    }

    fn run<T: Send + 'static>(
        &mut self,
        actor: &Ctx,
        verb: impl Fn(&Ctx, &mut dyn db::Tx) -> Result<T, WatchError> + Send + 'static,
    ) -> Result<T, WatchError> {
        self.requests += 1;
        let request = RequestId(Uuid::from_u128(self.requests << 64));
        let ctx = Ctx::new(actor.actor.clone(), actor.purpose, self.now, request);
        self.test.db.write_blocking(move |tx| verb(&ctx, tx))
    }

    fn office(&self) -> Ctx {
        acting(Role::Administrator, self.people.administrator, self.people.city, Purpose::Registration, self.now, 0)
    }

    fn operator(&self) -> Ctx {
        let p = &self.people;
        acting(Role::Operator, p.operator, p.call_centre, Purpose::WatchResponse, self.now, 0)
    }

    fn daughter(&self) -> Ctx {
        let id = self.people.daughter.0;
        let actor =
            Actor { role: Role::Family, id, office: None, person: Some(self.people.person), device: "test".into() };
        Ctx::new(actor, Purpose::FamilyView, self.now, RequestId(Uuid::nil()))
    }

    /// Contract, gateway and a fridge contact, as the office sets them up.
    fn installed(&mut self) -> (Gateway, Device) {
        let (office, p) = (self.office(), self.people);
        self.run(&office, move |ctx, tx| begin_contract(ctx, tx, p.home, p.person)).expect("a contract");
        let new = NewGateway { home: p.home, name: "gw-mihon".into(), carrier: "見本光".into() };
        let gateway = self.run(&office, move |ctx, tx| register_gateway(ctx, tx, &new, [7; 32])).expect("a gateway");
        let (id, home) = (gateway.id, p.home);
        let device = self
            .run(&office, move |ctx, tx| {
                let (serial, place) = ("0x01".into(), "台所".into());
                assign_device(ctx, tx, &NewDevice { gateway: id, home, serial, kind: DeviceKind::Fridge, place })
            })
            .expect("a device");
        (gateway, device)
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, WatchError>) -> WatchRefusal {
    match outcome {
        Err(WatchError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn denied<T: std::fmt::Debug>(outcome: Result<T, WatchError>) {
    assert!(matches!(outcome, Err(WatchError::Access(_))), "{outcome:?}");
}

#[test]
fn a_home_is_equipped_once_and_by_the_office_only() {
    let mut desk = Desk::new();
    let p = desk.people;
    let (operator, office) = (desk.operator(), desk.office());
    denied(desk.run(&operator, move |ctx, tx| begin_contract(ctx, tx, p.home, p.person)));
    let (gateway, _) = desk.installed();
    assert_eq!(
        refused(desk.run(&office, move |c, tx| begin_contract(c, tx, p.home, p.person))),
        WatchRefusal::ContractRuns
    );
    let name = |name: &str| NewGateway { home: p.home, name: name.into(), carrier: String::new() };
    for (name, why) in [
        (name("gw-mihon"), WatchRefusal::GatewayNameTaken),
        (name("二台目"), WatchRefusal::BadGatewayName),
        (name("gw-2"), WatchRefusal::GatewayInUse),
    ] {
        assert_eq!(refused(desk.run(&office, move |c, tx| register_gateway(c, tx, &name, [8; 32]))), why);
    }
    let (id, home) = (gateway.id, p.home);
    let again = move |ctx: &Ctx, tx: &mut dyn db::Tx| {
        let (serial, place) = ("0x01".into(), "玄関".into());
        assign_device(ctx, tx, &NewDevice { gateway: id, home, serial, kind: DeviceKind::Entrance, place })
    };
    assert_eq!(refused(desk.run(&office, again)), WatchRefusal::SerialInUse);
    denied(desk.run(&operator, again));
}

#[test]
fn a_gateway_signs_in_with_what_it_was_given_last() {
    let mut desk = Desk::new();
    let (gateway, _) = desk.installed();
    let (office, id) = (desk.office(), gateway.id);
    let signs_in = |desk: &Desk, name: &str, secret: u8| {
        let name = name.to_owned();
        desk.test.db.read_blocking(move |tx| authenticate(tx, &name, [secret; 32])).expect("a read") == Some(id)
    };
    assert!(signs_in(&desk, "gw-mihon", 7) && signs_in(&desk, "", 7) && signs_in(&desk, &id.to_string(), 7));
    assert!(!signs_in(&desk, "gw-mihon", 8) && !signs_in(&desk, "gw-other", 7));
    desk.run(&office, move |ctx, tx| rotate_gateway(ctx, tx, id, [9; 32])).expect("a new credential");
    assert!(!signs_in(&desk, "gw-mihon", 7) && signs_in(&desk, "gw-mihon", 9));
    desk.run(&office, move |ctx, tx| revoke_gateway(ctx, tx, id)).expect("revoked");
    assert!(!signs_in(&desk, "gw-mihon", 9) && !signs_in(&desk, "", 9));
    assert_eq!(
        refused(desk.run(&office, move |ctx, tx| rotate_gateway(ctx, tx, id, [1; 32]))),
        WatchRefusal::NoGateway
    );
}

#[test]
fn no_watch_without_consent_and_none_after_it() {
    let mut desk = Desk::new();
    let (office, p) = (desk.office(), desk.people);
    desk.installed();
    let purposes = system(desk.now, 0);
    desk.run(&purposes, move |ctx, tx| {
        let all = people::consents(ctx, tx, p.person)?;
        let watch = all.iter().find(|c| c.scope == people::ConsentScope::Watch).expect("a consent").id;
        let line = people::testing::line;
        people::withdraw_consent(ctx, tx, p.person, watch, &people::Withdrawal { by: line("本人"), reason: line("") })?;
        stop_without_ground(ctx, tx, p.person)
    })
    .expect("withdrawn");
    let view = desk.run(&purposes, move |ctx, tx| home_view(ctx, tx, p.home, ctx.now).map(drop));
    assert_eq!(refused(view), WatchRefusal::NoContract);
    assert_eq!(
        refused(desk.run(&office, move |c, tx| begin_contract(c, tx, p.home, p.person))),
        WatchRefusal::NoConsent
    );
}

#[test]
fn the_family_enters_an_absence_and_the_others_are_told() {
    let mut desk = Desk::new();
    desk.installed();
    let (daughter, operator, p, now) = (desk.daughter(), desk.operator(), desk.people, desk.now);
    let trip = NewAbsence { reason: AbsenceReason::Trip, from: now, until: now + Span::days(3), weekly: None };
    denied(desk.run(&operator, move |ctx, tx| enter_absence(ctx, tx, p.home, trip)));
    let entered = desk.run(&daughter, move |ctx, tx| enter_absence(ctx, tx, p.home, trip)).expect("entered");
    let events = desk.test.db.read_blocking(|tx| db::outbox::after(tx, 0, 1000)).expect("events");
    assert!(events.iter().any(|e| e.topic == "watch.absence_by_family"));
    let long = NewAbsence { until: now + Span::days(20), ..trip };
    let too_long = WatchRefusal::TooLong { reason: "旅行・帰省", days: 14 };
    assert_eq!(refused(desk.run(&daughter, move |ctx, tx| enter_absence(ctx, tx, p.home, long))), too_long);
    desk.run(&daughter, move |ctx, tx| cancel_absence(ctx, tx, entered.id)).expect("taken back");
    assert_eq!(desk.run(&daughter, move |ctx, tx| absences(ctx, tx, p.home)).expect("a list"), []);
    assert_eq!(
        refused(desk.run(&daughter, move |ctx, tx| cancel_absence(ctx, tx, entered.id))),
        WatchRefusal::NoAbsence
    );
}

#[test]
fn the_week_is_seen_by_the_team_and_the_family_and_by_nobody_else() {
    let mut desk = Desk::new();
    desk.installed();
    let (p, now) = (desk.people, desk.now);
    let nurse = acting(Role::Nurse, p.nurse, p.nursing, Purpose::Care, now, 0);
    let city = acting(Role::CityOfficer, p.city_officer, p.city, Purpose::CityDuty, now, 0);
    let (daughter, operator, office) = (desk.daughter(), desk.operator(), desk.office());
    let see = move |ctx: &Ctx, tx: &mut dyn db::Tx| home_view(ctx, tx, p.home, ctx.now).map(drop);
    for who in [&nurse, &daughter] {
        desk.run(who, see).expect("a view");
    }
    for who in [&city, &operator, &office] {
        denied(desk.run(who, see));
    }
    // An open case lets the call centre in.
    desk.run(&system(now, 0), move |ctx, tx| {
        let (holder, source) = (p.call_centre.0, Uuid::from_u128(9));
        let grant = access::Grant {
            person: p.person,
            holder,
            ground: access::Ground::Case,
            source,
            until: access::FOREVER,
            items: access::Items::All,
        };
        Ok(access::grant(ctx, tx, grant)?)
    })
    .expect("a grant");
    desk.run(&operator, move |ctx, tx| recent_activity(ctx, tx, p.home, ctx.now).map(drop)).expect("the last day");
}

#[test]
fn settings_belong_to_the_office_and_stay_within_their_ranges() {
    let mut desk = Desk::new();
    desk.installed();
    let (office, operator, p) = (desk.office(), desk.operator(), desk.people);
    let changes = |days: f32| Changes { alert_days: Some(days), ..Changes::default() };
    let region = move |days: f32| move |ctx: &Ctx, tx: &mut dyn db::Tx| set_region(ctx, tx, &changes(days));
    denied(desk.run(&operator, region(60.0)));
    assert!(matches!(refused(desk.run(&office, region(0.0))), WatchRefusal::Setting { .. }));
    desk.run(&office, region(60.0)).expect("set");
    let in_force = desk.run(&office, move |_, tx| settings_of(tx, p.home)).expect("settings");
    assert_eq!(in_force.rhythm.alert_days, 60.0);
}

/// A home that gave a sign of life just now, and had these ends of silences in the last days.
fn lived(desk: &mut Desk, causes: &[Cause]) {
    let (p, now, causes) = (desk.people, desk.now, causes.to_vec());
    desk.run(&system(now, 0), move |ctx, tx| {
        tx.execute("UPDATE watch_device SET sign_at = $1", db::params![ctx.now])?;
        let no = crate::store::home::no_of(tx, p.home)?.expect("a home");
        for (n, cause) in causes.iter().enumerate() {
            let at = ctx.now - Span::days(2) - Span::minutes(n as i64);
            let alert = Alert {
                id: ctx.id(),
                home: p.home,
                person: p.person,
                level: Level::Alert,
                rule: Rule::Inactivity,
                device: None,
                due_at: at,
                raised_at: at,
                reason: String::new(),
                state: AlertState::Standing,
                sign_at: None,
                ended_at: None,
                cause: None,
                answer: None,
            };
            crate::store::alert::insert(tx, &alert, no, None)?;
            crate::store::alert::close(tx, alert.id, *cause, at)?;
        }
        Ok(())
    })
    .expect("lived");
}

/// What the program does once in a while.
fn measured(desk: &mut Desk) -> Option<Measured> {
    let program = system(desk.now, 0);
    desk.run(&program, |ctx, tx| {
        let measured = measure(tx, ctx.now)?;
        for _ in 0..2 {
            measured.iter().try_for_each(|measured| adapt(ctx, tx, measured))?;
        }
        Ok(measured)
    })
    .expect("measured")
}

fn told(desk: &Desk) -> (usize, usize) {
    let told = desk.test.db.read_blocking(|tx| {
        let events = db::outbox::after(tx, 0, 1000)?.into_iter().filter(|e| e.topic == "watch.region_changed").count();
        let rows = audit::newest(tx, 1000)?.into_iter().filter(|row| row.action == "watch.adapt_limit").count();
        Ok::<_, db::DbError>((events, rows))
    });
    told.expect("reads")
}

// shows: 6.4.4 before 30 days the population's figure counts; then false alarms make the watch slower, a little each week
#[test]
fn a_region_with_too_many_false_alarms_is_judged_later_week_by_week() {
    let mut desk = Desk::new();
    desk.installed();
    desk.now = desk.now + Span::days(30);
    lived(&mut desk, &[Cause::WasOut; 9]);
    assert_eq!(measured(&mut desk), None, "30 days are over at ten o'clock, and whole days are measured");
    desk.now = desk.now + Span::days(1);
    let first = measured(&mut desk).expect("a measurement");
    assert_eq!((first.false_alarms, first.percent, told(&desk)), (9, 105, (1, 1)));
    assert!((30.5..31.0).contains(&first.home_days), "{first:?}");
    assert!((first.expected - first.home_days / 30.0).abs() < 1e-6, "{first:?}");
    assert_eq!(measured(&mut desk), None, "not every day");
    desk.now = desk.now + Span::days(7);
    lived(
        &mut desk,
        &[
            Cause::AnsweredWell,
            Cause::RequestSettled,
            Cause::DeviceFault,
            Cause::LineFault,
            Cause::Unconfirmed,
            Cause::Ambulance,
        ],
    );
    let second = measured(&mut desk).expect("a measurement");
    assert_eq!((second.false_alarms, second.percent, told(&desk)), (1, 110, (2, 2)), "{second:?}");
    assert!((second.expected - 7.0 / 31.5).abs() < 1e-4, "what the limit in force meant: {second:?}");
    let now = desk.now;
    let known = desk.test.db.read_blocking(move |tx| adaptation(tx, now)).expect("reads");
    let lately = known.lately.expect("two measurements");
    assert_eq!((known.percent, lately.false_alarms, lately.from), (110, 10, first.from));
    let (p, in_force) = (desk.people, |desk: &Desk, home| desk.test.db.read_blocking(move |tx| settings_of(tx, home)));
    assert_eq!(in_force(&desk, p.home).expect("reads").rhythm.alert_days, 30.0, "what was asked stays");
}

// shows: 6.4.4 true alarms never make the watch slower; what homes wish for themselves is what they asked
#[test]
fn true_alarms_never_make_it_slower_and_a_wish_of_its_own_counts_as_asked() {
    let after = |causes: &[Cause], own: Changes| {
        let mut desk = Desk::new();
        desk.installed();
        let (office, p) = (desk.office(), desk.people);
        desk.run(&office, move |ctx, tx| set_home(ctx, tx, p.home, &own)).expect("set");
        desk.now = desk.now + Span::days(40);
        lived(&mut desk, causes);
        measured(&mut desk).expect("a measurement")
    };
    let quiet = after(&[], Changes::default());
    let true_ones = after(&[Cause::Ambulance, Cause::Unwell, Cause::FoundDead], Changes::default());
    assert_eq!((quiet.percent, true_ones.percent), (95, 95));
    let patient = after(&[], Changes { alert_days: Some(90.0), ..Changes::default() });
    assert!((patient.expected * 3.0 - quiet.expected).abs() < 1e-6, "{patient:?}");
    let by_hours = after(&[], Changes { fixed_hours: Some(12), ..Changes::default() });
    assert_eq!((by_hours.home_days, by_hours.percent), (0.0, 100), "no learned rhythm, nothing to measure it by");
}

// shows: 6.4.4 a region may hold the limit at what it asked, and lets it go again
#[test]
fn a_region_may_hold_what_it_asked() {
    let mut desk = Desk::new();
    desk.installed();
    let office = desk.office();
    let week = |desk: &mut Desk, adapts: bool| {
        let held = Changes { adapts: Some(adapts), ..Changes::default() };
        desk.run(&office, move |ctx, tx| set_region(ctx, tx, &held)).expect("set");
        desk.now = desk.now + Span::days(40);
        lived(desk, &[Cause::WasOut; 9]);
        measured(desk).expect("a measurement").percent
    };
    assert_eq!([true, true, false, true].map(|adapts| week(&mut desk, adapts)), [105, 110, 100, 105]);
}

#[test]
fn devices_that_need_somebody_are_on_a_list() {
    let mut desk = Desk::new();
    let (_, fridge) = desk.installed();
    let (office, operator) = (desk.office(), desk.operator());
    denied(desk.run(&operator, devices_needing_care));
    assert_eq!(desk.run(&office, devices_needing_care).expect("a list"), []);
    desk.now = desk.now + Span::days(8);
    let silent = desk.run(&office, devices_needing_care).expect("a list");
    assert_eq!(silent.len(), 1);
    assert_eq!((silent[0].device.as_ref().map(|d| d.id), silent[0].why), (Some(fridge.id), Why::Silent(None)));
    desk.run(&office, move |ctx, tx| retire_device(ctx, tx, fridge.id)).expect("taken down");
    let without = desk.run(&office, devices_needing_care).expect("a list");
    assert_eq!(without.iter().map(|n| n.why).collect::<Vec<_>>(), [Why::NoDevices]);
}

#[test]
fn a_button_that_nobody_pressed_needs_nobody() {
    let mut desk = Desk::new();
    let (gateway, fridge) = desk.installed();
    let (office, id, home) = (desk.office(), gateway.id, desk.people.home);
    desk.run(&office, move |ctx, tx| {
        let (serial, place) = ("0x09".into(), "居間".into());
        assign_device(ctx, tx, &NewDevice { gateway: id, home, serial, kind: DeviceKind::Button, place })
    })
    .expect("a button");
    desk.now = desk.now + Span::days(30);
    let needs = desk.run(&office, devices_needing_care).expect("a list");
    assert_eq!(needs.iter().map(|n| n.device.as_ref().map(|d| d.id)).collect::<Vec<_>>(), [Some(fridge.id)]);
}

#[test]
fn every_gateway_stands_on_the_list_of_lines() {
    let mut desk = Desk::new();
    let (gateway, _) = desk.installed();
    let (office, operator) = (desk.office(), desk.operator());
    denied(desk.run(&operator, |ctx, tx| gateway_lines(ctx, tx, 0, 50)));
    let (lines, all) = desk.run(&office, |ctx, tx| gateway_lines(ctx, tx, 0, 50)).expect("a list").into_value();
    assert_eq!(all, 1);
    let line = &lines[0];
    assert_eq!((line.gateway.id, line.devices, line.battery, line.down_since), (gateway.id, 1, None, None));
    assert_eq!(desk.run(&office, |ctx, tx| gateway_lines(ctx, tx, 1, 50)).expect("a list"), (vec![], 1));
    let id = gateway.id;
    desk.run(&office, move |ctx, tx| revoke_gateway(ctx, tx, id)).expect("taken out of use");
    assert_eq!(desk.run(&office, |ctx, tx| gateway_lines(ctx, tx, 0, 50)).expect("a list"), (vec![], 0));
}

#[test]
fn a_reading_that_came_before_is_left_out_and_none_for_want_of_a_number() {
    let desk = Desk::new();
    let reading = |seq: i64, device: i64| db::params![seq, device, 1, None::<f64>, 1000, 1000].to_vec();
    let put = |row: Vec<db::Value>| {
        desk.test.db.write_blocking(move |tx| crate::store::state::insert_readings(tx, std::slice::from_ref(&row)))
    };
    assert_eq!(put(reading(1, 7)).expect("the first"), 1);
    assert_eq!(put(reading(1, 7)).expect("the same again"), 0);
    assert_eq!(put(reading(2, 7)).expect("the same under another number"), 0);
    put(reading(1, 8)).expect_err("another reading may not vanish because its number is taken");
    assert_eq!(put(reading(2, 8)).expect("it comes with a number of its own"), 1);
}
