//! An alert is never lost: the station, the responder and the clockwork together, where a case cannot be opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::{Clock, Ctx, Instant, Span};
use db::params;
use db::testing::{TestDb, fresh};
use ingest::Delivery;
use ingest::station::{Conf, Station};
use page::site::{Mode, Site};
use people::testing::{Sample, sample, system};
use watch::{Arrival, DeviceKind, NewDevice, NewGateway, Signal};
use web::MIGRATIONS;

use crate::rounds;
use response::on_alert;

struct Town {
    s: Sample,
    site: Site,
    clock: Clock,
    now: Arc<AtomicI64>,
    gateway: base::GatewayId,
    station: Station,
    runtime: tokio::runtime::Runtime,
    test: TestDb,
}

impl Town {
    /// One household with a button, in a region without a call centre: the area's support centre works its cases.
    fn new() -> Town {
        let test = fresh(MIGRATIONS);
        let start = Instant::parse("2026-11-22T10:00").expect("a moment");
        let settled = test.db.write_blocking(move |tx| {
            let s = sample(&system(start, 1), tx)?;
            tx.execute("UPDATE people_office SET kind = 'welfare_council' WHERE id = $1", params![s.call_centre])?;
            let gateway = NewGateway { home: s.home, name: "gw".into(), carrier: "見本通信".into() };
            let gateway = watch::register_gateway(&system(start, 2), tx, &gateway, [7; 32])?.id;
            for (n, (serial, kind)) in
                [("button", DeviceKind::Button), ("air", DeviceKind::Climate)].into_iter().enumerate()
            {
                let new = NewDevice { gateway, home: s.home, serial: serial.into(), kind, place: "居間".into() };
                watch::assign_device(&system(start, 3 + n as u128), tx, &new)?;
            }
            watch::begin_contract(&system(start, 9), tx, s.home, s.person)?;
            Ok::<_, watch::WatchError>((s, gateway))
        });
        let (s, gateway) = settled.expect("the sample moves in");
        let now = Arc::new(AtomicI64::new(start.0));
        let ticking = now.clone();
        let clock: Clock = Arc::new(move || Instant(ticking.load(Ordering::Relaxed)));
        let site = Site::new(test.db.clone(), clock.clone(), Mode::Demo, vec![], "見本市".to_owned());
        let station = Station::open(test.db.clone(), Arc::new(on_alert), Conf::new(1 << 64), start).expect("a station");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Town { s, site, clock, now, gateway, station, runtime, test }
    }

    fn now(&self) -> Instant {
        (self.clock)()
    }

    fn pass(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::Relaxed);
    }

    /// Somebody presses the button, and a reading of the room comes with it.
    fn press(&mut self) -> ingest::Receipt {
        let now = self.now();
        let arrival = |serial: &str, signal| Arrival {
            gateway: self.gateway,
            serial: serial.into(),
            signal,
            occurred_at: Some(now),
            received_at: now,
            retained: false,
        };
        let arrivals = vec![arrival("button", Signal::Button), arrival("air", Signal::Temperature(20.0))];
        let (done, mut answer) = tokio::sync::oneshot::channel();
        let delivery = Delivery { gateway: self.gateway, arrivals, malformed: Vec::new(), done };
        self.station.step(now, vec![delivery], &[]);
        answer.try_recv().expect("is answered in its step").expect("is acknowledged")
    }

    fn sql(&self, sql: &'static str, id: impl Into<db::Value>) {
        let id = id.into();
        self.test.db.write_blocking(move |tx| tx.tell(sql, std::slice::from_ref(&id))).expect("a statement");
    }

    fn clockwork(&self) -> usize {
        let on_alert: Arc<watch::live::OnAlert> = Arc::new(on_alert);
        self.runtime.block_on(rounds::answer_again(&self.site, &self.clock, &on_alert)).expect("a round").0
    }

    fn cases(&self) -> Vec<response::Case> {
        let (ctx, person): (Ctx, _) = (system(self.now(), 77), self.s.person);
        self.test.db.read_blocking(move |tx| response::cases_of(&ctx, tx, person)).expect("cases").into_value()
    }
}

// shows: 5.4.1 an alert is stored whatever happens to its case; it is tried again, and opens with the alert's own time
#[test]
fn a_press_for_help_is_stored_even_where_its_case_cannot_open_and_gets_it_when_the_cause_is_gone() {
    let mut town = Town::new();
    let home = town.s.home;
    // The home's row lost what says whose city and area it is in.
    town.sql("UPDATE people_home SET dwelling = 'lost' WHERE id = $1", home);
    let pressed_at = town.now();
    let receipt = town.press();
    assert_eq!((receipt.stored, receipt.refused), (2, 0), "press and reading are acknowledged");
    assert_eq!(town.clockwork(), 1, "the alert is stored and stands without a case");
    assert_eq!(town.cases(), []);
    town.pass(Span::minutes(2));
    assert_eq!(town.clockwork(), 1, "the cause is not gone");
    assert_eq!(town.clockwork(), 1, "tried at a bounded pace");
    town.sql("UPDATE people_home SET dwelling = 'house' WHERE id = $1", home);
    town.pass(Span::minutes(2));
    assert_eq!(town.clockwork(), 0);
    let cases = town.cases();
    assert_eq!(cases.len(), 1);
    assert_eq!((cases[0].opened_at, cases[0].urgent), (pressed_at, true), "nobody's time begins anew");
    assert!(cases[0].overdue(town.now()), "whoever waited is overdue and told on at once");
    assert_eq!(town.clockwork(), 0, "and once is enough");
    assert_eq!(town.cases().len(), 1);
}

// shows: 5.4.3 one unreadable home does not stop the start
#[test]
fn a_home_with_damaged_settings_starts_with_the_others_and_is_told() {
    let mut town = Town::new();
    town.press();
    let home = town.s.home;
    let sql = "INSERT INTO watch_setting (home_no, body) SELECT no, '{damaged' FROM watch_home WHERE home_id = $1";
    town.sql(sql, home);
    let station = Station::open(town.test.db.clone(), Arc::new(on_alert), Conf::new(2 << 64), town.now());
    assert_eq!(station.expect("the station opens").live().watched(), 1, "under the region's settings");
    let told: Vec<&str> = town.test.db.unreadable().iter().map(|row| row.list).collect();
    assert_eq!(told, ["watch_setting"]);
}

// shows: 5.4.3 one unreadable consent does not stop the start
#[test]
fn a_consent_that_cannot_be_read_stops_neither_the_start_nor_the_watch() {
    let town = Town::new();
    town.sql("UPDATE people_consent SET state = 'lost' WHERE person_id = $1", town.s.person);
    let station = Station::open(town.test.db.clone(), Arc::new(on_alert), Conf::new(2 << 64), town.now());
    assert_eq!(station.expect("the station opens").live().watched(), 1);
    assert!(town.test.db.unreadable().iter().any(|row| row.list == "people_consent"));
}
