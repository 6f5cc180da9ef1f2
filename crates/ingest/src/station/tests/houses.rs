//! Fictional homes with their devices, and a clock that only the test moves.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use base::{Ctx, GatewayId, HomeId, Instant, PersonId, Span};
use db::testing::{TestDb, fresh};
use people::testing::{RESIDENT_FIELDS, form, line, system};
use people::{ConsentScope, NewConsent, NewResident};
use watch::live::SAVE_AFTER;
use watch::{Alert, Arrival, Changes, Device, DeviceKind, Level, NewDevice, NewGateway, Rule, Signal as Said};

use crate::station::{Conf, Signal, Station, Step};
use crate::{Delivery, DeliveryError, Receipt};

/// A home with a contact at entrance and fridge, a climate sensor and a button.
#[derive(Clone, Copy, Debug)]
pub struct House {
    pub home: HomeId,
    pub person: PersonId,
    pub gateway: GatewayId,
}

pub struct World {
    pub test: TestDb,
    pub station: Station,
    pub now: Instant,
    pub houses: Vec<House>,
    /// Gateways that send a heartbeat every ten minutes.
    pub alive: Vec<GatewayId>,
    /// How long its homes wait for their save.
    save_after: Span,
    /// Whose case cannot be opened.
    pub poison: Arc<Mutex<Option<PersonId>>>,
    requests: u128,
    seen_events: i64,
}

pub const OPEN: Said = Said::Contact { open: true };
pub const CLOSED: Said = Said::Contact { open: false };

pub fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a time in a test")
}

fn open(test: &TestDb, salt: u128, now: Instant, save_after: Span, poison: &Arc<Mutex<Option<PersonId>>>) -> Station {
    let conf = Conf { sleep_after: Span::minutes(5), save_after, ..Conf::new(salt << 64) };
    let poison = poison.clone();
    let on_alert = move |_: &Ctx, tx: &mut dyn db::Tx, alert: &Alert| {
        let person = *poison.lock().expect("a lock");
        if person == Some(alert.person) {
            db::marks::set(tx, "half a case", "written")?;
            assert!(alert.rule != Rule::Button, "a responder that panics");
            tx.execute("INSERT INTO db_mark (no_such_column) VALUES (1)", &[])?;
        }
        Ok(())
    };
    Station::open(test.db.clone(), Arc::new(on_alert), conf, now).expect("the station opens")
}

impl World {
    /// `homes` houses in `見本圏域`, all of one carrier, watched from `now` on.
    pub fn new(homes: usize, now: &str) -> World {
        World::with(homes, now, |_| ("見本圏域".to_owned(), "見本通信".to_owned()))
    }

    pub fn with(homes: usize, now: &str, placed: impl Fn(usize) -> (String, String)) -> World {
        let now = at(now);
        let test = fresh(&[people::testing::MIGRATIONS, &[watch::MIGRATIONS]].concat());
        let mut requests = 0;
        let houses = (0..homes)
            .map(|n| {
                let (area, carrier) = placed(n);
                requests += 1;
                let request = requests;
                test.db
                    .write_blocking(move |tx| {
                        let ctx = system(now, request << 32);
                        Ok::<_, watch::WatchError>(build(&ctx, tx, n, &area, &carrier))
                    })
                    .expect("a house is built")
            })
            .collect::<Vec<_>>();
        let poison = Arc::default();
        let save_after = SAVE_AFTER;
        let station = open(&test, 1, now, save_after, &poison);
        let alive = houses.iter().map(|h| h.gateway).collect();
        World { test, station, now, houses, alive, save_after, poison, requests, seen_events: 0 }
    }

    /// The same world, whose homes wait this long for their save.
    pub fn saved_after(mut self, time: Span) -> World {
        self.save_after = time;
        self.station = open(&self.test, 2, self.now, time, &self.poison);
        self
    }

    /// Runs a verb as the program itself and tells the station what its events mean.
    pub fn command<T: Send + 'static>(
        &mut self,
        verb: impl Fn(&Ctx, &mut dyn db::Tx) -> Result<T, watch::WatchError> + Send + 'static,
    ) -> T {
        self.requests += 1;
        let (now, request) = (self.now, self.requests);
        let made = self.test.db.write_blocking(move |tx| verb(&system(now, request << 32), tx)).expect("a verb");
        self.hear_events();
        made
    }

    /// What the dispatcher does: the outbox, read on, becomes signals.
    pub fn hear_events(&mut self) {
        let after = self.seen_events;
        let events = self.test.db.read_blocking(move |tx| db::outbox::after(tx, after, 10_000)).expect("events");
        self.seen_events = events.last().map_or(after, |e| e.seq);
        let signals: Vec<Signal> = events.iter().filter_map(Signal::of).collect();
        self.station.step(self.now, Vec::new(), &signals);
    }

    pub fn arrival(&self, house: usize, serial: &str, said: Said) -> Arrival {
        Arrival {
            gateway: self.houses[house].gateway,
            serial: serial.to_owned(),
            signal: said,
            occurred_at: Some(self.now),
            received_at: self.now,
            retained: false,
        }
    }

    pub fn deliver(&mut self, arrivals: Vec<Arrival>) -> Result<Receipt, DeliveryError> {
        let gateway = arrivals[0].gateway;
        let (done, mut answer) = tokio::sync::oneshot::channel();
        let delivery = Delivery { gateway, arrivals, malformed: Vec::new(), done };
        self.station.step(self.now, vec![delivery], &[]);
        answer.try_recv().expect("each delivery is answered within its step")
    }

    pub fn say(&mut self, house: usize, serial: &str, said: Said) -> Receipt {
        self.deliver(vec![self.arrival(house, serial, said)]).expect("stored")
    }

    /// A door opened and closed ten seconds later.
    pub fn use_door(&mut self, house: usize, serial: &str) {
        let opened = self.arrival(house, serial, OPEN);
        let closed = Arrival { signal: CLOSED, occurred_at: Some(self.now + Span::seconds(10)), ..opened.clone() };
        self.deliver(vec![opened, closed]).expect("stored");
    }

    /// Lets time pass minute by minute; living gateways are heard every ten minutes.
    pub fn pass(&mut self, until: Instant) -> Step {
        let mut all = Step::default();
        while self.now < until {
            self.now = (self.now + Span::minutes(1)).min(until);
            let beat = self.now.unix_seconds() / 60 % 10 == 0;
            let mut answers = Vec::new();
            let mut deliveries = Vec::new();
            for gateway in self.alive.iter().filter(|_| beat) {
                let (done, answer) = tokio::sync::oneshot::channel();
                let arrival = Arrival {
                    gateway: *gateway,
                    serial: String::new(),
                    signal: Said::Heartbeat,
                    occurred_at: None,
                    received_at: self.now,
                    retained: false,
                };
                deliveries.push(Delivery { gateway: *gateway, arrivals: vec![arrival], malformed: Vec::new(), done });
                answers.push(answer);
            }
            let step = self.station.step(self.now, deliveries, &[]);
            all.alerts += step.alerts;
            all.stored += step.stored;
            all.failed += step.failed;
            assert!(step.failed == 0 || self.poison.lock().expect("a lock").is_some(), "a commit failed");
        }
        all
    }

    pub fn pass_for(&mut self, span: Span) -> Step {
        self.pass(self.now + span)
    }

    /// A week of a quiet, regular life: fridge at 7, 12 and 18, entrance at 10 and 11, fridge at 21.
    pub fn live_days(&mut self, house: usize, days: i64) {
        for _ in 0..days {
            let midnight = Instant::from_wall_day(self.now.wall_day() + 1);
            for (hour, door) in
                [(7, "fridge"), (10, "entrance"), (11, "entrance"), (12, "fridge"), (18, "fridge"), (21, "fridge")]
            {
                self.pass(midnight + Span::hours(hour) + Span::minutes((midnight.wall_day() % 7) * 3));
                self.use_door(house, door);
            }
        }
    }

    /// Dies without a word and starts again from what is in the database.
    pub fn crash(&mut self) {
        self.requests += 1;
        self.station = open(&self.test, self.requests + 1000, self.now, self.save_after, &self.poison);
    }

    pub fn alerts(&self, house: usize) -> Vec<Alert> {
        let (home, now) = (self.houses[house].home, self.now);
        let view =
            self.test.db.read_blocking(move |tx| watch::home_view(&system(now, 1), tx, home, now)).expect("a view");
        let mut alerts = view.into_value().alerts;
        alerts.reverse();
        alerts
    }

    pub fn alerts_of(&self, house: usize, rule: Rule, level: Level) -> Vec<Alert> {
        self.alerts(house).into_iter().filter(|a| a.rule == rule && a.level == level).collect()
    }

    pub fn without_case(&self) -> usize {
        self.test.db.read_blocking(watch::unanswered_count).expect("a count")
    }

    pub fn device(&self, house: usize, serial: &str) -> Device {
        let (home, now) = (self.houses[house].home, self.now);
        let all =
            self.test.db.read_blocking(move |tx| watch::devices_of_home(&system(now, 1), tx, home)).expect("devices");
        all.into_value().into_iter().find(|d| d.serial == serial).expect("the device")
    }

    /// Another device is hung up in the home.
    pub fn assign(&mut self, house: usize, serial: &'static str, kind: DeviceKind) {
        let House { home, gateway, .. } = self.houses[house];
        self.command(move |ctx, tx| {
            let new = NewDevice { gateway, home, serial: serial.into(), kind, place: "居間".into() };
            watch::assign_device(ctx, tx, &new)
        });
    }

    /// What stands on the list of devices that need somebody.
    pub fn needs(&self) -> Vec<watch::Why> {
        let now = self.now;
        let needs = self.test.db.read_blocking(move |tx| watch::devices_needing_care(&system(now, 1), tx));
        needs.expect("a list").into_value().into_iter().map(|need| need.why).collect()
    }

    /// What came through its gateway and could not be used.
    pub fn unused(&self, house: usize) -> Vec<watch::Unused> {
        let (gateway, now) = (self.houses[house].gateway, self.now);
        let all = self.test.db.read_blocking(move |tx| watch::unused_messages(&system(now, 1), tx, gateway, None));
        all.expect("a list").into_value()
    }

    pub fn no_room(&self) -> Arc<AtomicBool> {
        self.station.conf.no_room.clone()
    }

    /// No gentle questions: for stories about the call centre's level only.
    pub fn without_notices(&mut self, house: usize) {
        self.notices(house, false);
    }

    pub fn with_notices(&mut self, house: usize) {
        self.notices(house, true);
    }

    fn notices(&mut self, house: usize, notices: bool) {
        let home = self.houses[house].home;
        let changes = Changes { notices: Some(notices), ..Changes::default() };
        self.command(move |ctx, tx| watch::set_home(ctx, tx, home, &changes));
    }
}

/// A home that lived a fortnight, without a question in its first days, and fell silent at nine in the evening.
pub fn silent_home() -> World {
    let mut w = World::new(1, "2026-11-01T12:00");
    w.without_notices(0);
    w.use_door(0, "entrance"); // The first state of a contact is no change.
    w.use_door(0, "fridge");
    w.live_days(0, 14);
    w.with_notices(0);
    w.pass_for(Span::minutes(5));
    w
}

fn build(ctx: &Ctx, tx: &mut dyn db::Tx, n: usize, area: &str, carrier: &str) -> House {
    let kana = format!("ミホン {}", ["アイ", "ウエ", "オカ", "キク", "ケコ", "サシ"][n % 6]);
    let birth = format!("{}-04-01", 1930 + n / 6);
    let fields: Vec<(&str, &str)> = RESIDENT_FIELDS
        .iter()
        .map(|(field, value)| match *field {
            "kana" => (*field, kana.as_str()),
            "birth" => (*field, birth.as_str()),
            "area" => (*field, area),
            _ => (*field, *value),
        })
        .collect();
    let today = base::wareki::Date::of(ctx.now);
    let new = NewResident::parse(&form(&fields), today).expect("a resident's form");
    let person = people::register_resident(ctx, tx, &new).expect("a resident");
    let consent = NewConsent::given(ConsentScope::Watch, today, line("計画 見本"), line("見本 本人"));
    people::record_consent(ctx, tx, person, &consent).expect("a consent");
    let home = people::home_of(ctx, tx, person).expect("a home").id;
    let gateway = NewGateway { home, name: format!("gw-{n}"), carrier: carrier.to_owned() };
    let secret = std::array::from_fn(|i| if i == 0 { n as u8 } else { 7 });
    let gateway = watch::register_gateway(ctx, tx, &gateway, secret).expect("a gateway").id;
    let devices = [
        ("entrance", DeviceKind::Entrance, "玄関"),
        ("fridge", DeviceKind::Fridge, "台所"),
        ("air", DeviceKind::Climate, "居間"),
        ("button", DeviceKind::Button, "寝室"),
    ];
    for (serial, kind, place) in devices {
        let new = NewDevice { gateway, home, serial: serial.into(), kind, place: place.into() };
        watch::assign_device(ctx, tx, &new).expect("a device");
    }
    watch::begin_contract(ctx, tx, home, person).expect("a contract");
    House { home, person, gateway }
}
