//! An evening in some homes: what is sent, what was acknowledged, and what must be there after the power is back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use base::{Actor, CaseId, Ctx, Instant, OfficeId, Purpose, RequestId, Role, Span, StaffId};
use db::{Db, DbConfig, DbError, Durability, Tx, params};
use ingest::station::{Conf, Station};
use stories::region::{delivery, on_alert};
use stories::{Region, at};
use town::equip::{Equipped, serial};
use town::plan::Size;
use uuid::Uuid;
use watch::{Arrival, Signal};
use web::MIGRATIONS;

use crate::disk::Image;

const BEGIN: &str = "2026-11-22T18:00";
/// Looks of the station, twenty seconds apart.
const LOOKS: i64 = 12;
/// In every so many looks one button is pressed.
const PRESSES: i64 = 3;

const READINGS: &str = "SELECT d.serial, r.occurred_at FROM watch_reading r JOIN watch_device d ON d.no = r.device_no";
const ALERTS: &str = "SELECT a.due_at, c.case_id FROM watch_alert a LEFT JOIN response_alert c ON c.alert_id = a.id
    WHERE a.rule = 'button'";
const OPEN_CASES: &str = "SELECT id FROM response_case WHERE holder_id IS NULL ORDER BY number";
const TAKEN: &str = "SELECT case_id FROM response_step WHERE what = 'taken'";

/// A sensor's name and the moment of its reading.
type Heard = (String, Instant);

/// What was acknowledged, or seen by a reader, before the power went.
#[derive(Default, Debug)]
pub struct Known {
    readings: Vec<Heard>,
    presses: Vec<Instant>,
    taken: Vec<CaseId>,
    heads: Vec<i64>,
}

impl Known {
    /// Nothing was left unanswered.
    pub fn is_whole(&self) -> bool {
        self.presses.len() as i64 == LOOKS / PRESSES && self.taken.len() == self.presses.len()
    }
}

/// A region as it stood before, to be laid on each disk anew.
pub struct Evening {
    content: Vec<u8>,
    homes: Vec<Equipped>,
    operator: (StaffId, OfficeId),
}

fn open(file: &Path, durability: Durability) -> Result<Db, DbError> {
    Db::open(DbConfig::Sqlite { file: file.to_owned(), durability }, MIGRATIONS)
}

fn station(db: &Db, salt: u128) -> Option<Station> {
    Station::open(db.clone(), Arc::new(on_alert), Conf::new(salt << 64), at(BEGIN)).ok()
}

impl Evening {
    pub fn new() -> Evening {
        let region = Region::new(7, Size { residents: 10, staff: 60 }, at(BEGIN));
        let DbConfig::Sqlite { file, .. } = region.test.db.config().clone() else { panic!("about SQLite only") };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join("copy.db");
        let connection = rusqlite::Connection::open(file).expect("the region's file");
        connection.execute("VACUUM INTO $1", [copy.to_str().expect("a plain path")]).expect("a copy");
        let content = std::fs::read(copy).expect("the copy");
        let (homes, operator) = (region.homes.clone(), region.staff_of(Role::Operator, 0));
        Evening { content, homes, operator }
    }

    pub fn files(&self, name: &str) -> Image {
        BTreeMap::from([(name.to_owned(), self.content.clone())])
    }

    /// From the start of the program until the evening or the power is over.
    pub fn live(&self, file: &Path, durability: Durability) -> Known {
        let mut known = Known::default();
        let Ok(db) = open(file, durability) else { return known };
        let Some(mut station) = station(&db, 1) else { return known };
        for look in 0..LOOKS {
            let all = self.hear(&mut station, look, &mut known);
            let pressed = look % PRESSES == 0;
            if !all || (pressed && !self.take_a_case(&db, look, &mut known)) {
                break;
            }
            if let Ok((seq, _)) = db.read_blocking(audit::head) {
                known.heads.push(seq);
            }
        }
        known
    }

    /// One look of the station at what the homes send. `false`: something was not acknowledged.
    fn hear(&self, station: &mut Station, look: i64, known: &mut Known) -> bool {
        let sent = self.sent_at(look);
        let (deliveries, answers): (Vec<_>, Vec<_>) = sent.iter().cloned().map(delivery).unzip();
        station.step(moment(look), deliveries, &[]);
        let mut all = true;
        for (arrivals, mut answer) in sent.into_iter().zip(answers) {
            if !matches!(answer.try_recv(), Ok(Ok(_))) {
                all = false;
                continue;
            }
            for arrival in arrivals {
                let heard = (arrival.serial.clone(), arrival.occurred_at.expect("all are dated"));
                if matches!(arrival.signal, Signal::Button) {
                    known.presses.push(heard.1);
                }
                known.readings.push(heard);
            }
        }
        all
    }

    /// What each home's gateway sends before one look: the fridge, and in one home now and then a call for help.
    fn sent_at(&self, look: i64) -> Vec<Vec<Arrival>> {
        let send = |(n, home): (usize, &Equipped)| {
            let arrival = |key: &str, signal: Signal, seconds: i64| Arrival {
                gateway: home.gateway,
                serial: serial(home.resident, key),
                signal,
                occurred_at: Some(moment(look) - Span::seconds(seconds)),
                received_at: moment(look),
                retained: false,
            };
            let mut sent = vec![arrival("fridge", Signal::Contact { open: look % 2 == 0 }, 3 + n as i64)];
            if look % PRESSES == 0 && n as i64 == look / PRESSES {
                sent.push(arrival("button", Signal::Button, 2));
            }
            sent
        };
        self.homes.iter().enumerate().map(send).collect()
    }

    /// The operator takes the oldest case that nobody has.
    fn take_a_case(&self, db: &Db, look: i64, known: &mut Known) -> bool {
        let (staff, office) = self.operator;
        let done = db.write_blocking(move |tx| {
            let actor =
                Actor { role: Role::Operator, id: staff.0, office: Some(office), person: None, device: "story".into() };
            let request = RequestId(Uuid::from_u128((0xE << 112) | look as u128));
            let ctx = Ctx::new(actor, Purpose::WatchResponse, moment(look), request);
            let case: CaseId = tx.first(OPEN_CASES, &[])?.ok_or(DbError::NoRow)?.get(0)?;
            response::take(&ctx, tx, case)?;
            Ok::<_, response::ResponseError>(case)
        });
        known.taken.extend(done.as_ref().ok());
        done.is_ok()
    }

    /// The region as it starts after the power is back, how long that took, and what it lost; then every gateway sends
    /// all of the evening again, and everything must count once.
    pub fn examine(&self, file: &Path, known: &Known, lost: &mut Vec<String>, broken: &mut Vec<String>) -> Duration {
        let began = Clock::now();
        let opened = open(file, Durability::Process).ok().and_then(|db| Some((station(&db, 2)?, db)));
        let ready = began.elapsed();
        let Some((mut station, db)) = opened else {
            broken.push("does not open".to_owned());
            return ready;
        };
        let found = db.read_blocking(Found::load).expect("the tables are readable");
        found.misses(known, lost);
        found.is_sound(broken);
        for look in 0..LOOKS {
            if !self.hear(&mut station, look, &mut Known::default()) {
                broken.push(format!("what was sent again at look {look} is not taken"));
            }
        }
        station.finish(moment(LOOKS));
        let after = db.read_blocking(Found::load).expect("the tables are readable");
        after.is_sound(broken);
        let sent: usize = (0..LOOKS).flat_map(|look| self.sent_at(look)).map(|of_home| of_home.len()).sum();
        if after.readings.len() != sent {
            broken.push(format!("{} readings of {sent} after all were sent again", after.readings.len()));
        }
        if after.alerts.len() as i64 != LOOKS / PRESSES {
            broken.push(format!("{} calls for help instead of {}", after.alerts.len(), LOOKS / PRESSES));
        }
        self.counts_once(&db, broken);
        ready
    }

    /// What the pages draw counts each change of the fridge once.
    fn counts_once(&self, db: &Db, broken: &mut Vec<String>) {
        for (n, home) in self.homes.iter().enumerate() {
            let id = home.settled.home;
            let signs = db.read_blocking(move |tx| {
                let ctx = Ctx::new(Actor::system("story"), Purpose::Operation, moment(LOOKS), RequestId(Uuid::nil()));
                let view = watch::home_view(&ctx, tx, id, moment(LOOKS))?;
                Ok::<u32, watch::WatchError>(view.days.iter().map(|day| day.signs).sum())
            });
            // The first state of a contact is no change.
            let expected = LOOKS as u32 - 1;
            match signs {
                Ok(signs) if signs == expected => {}
                other => broken.push(format!("home {n} counts {other:?} signs of life instead of {expected}")),
            }
        }
    }
}

fn moment(look: i64) -> Instant {
    at(BEGIN) + Span::seconds(60 + 20 * look)
}

struct Found {
    readings: Vec<Heard>,
    /// When each button was pressed, and the case of it.
    alerts: Vec<(Instant, Option<CaseId>)>,
    taken: Vec<CaseId>,
    last_row: i64,
    chain: audit::Report,
}

impl Found {
    fn load(tx: &mut dyn Tx) -> Result<Found, DbError> {
        let pairs = tx.query(READINGS, &[])?.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect::<Result<_, DbError>>();
        let alerts = tx.query(ALERTS, &[])?.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect::<Result<_, DbError>>();
        let taken = tx.query(TAKEN, params![])?.iter().map(|r| r.get(0)).collect::<Result<_, DbError>>();
        let (last_row, chain) = (audit::head(tx)?.0, audit::verify(tx, &[])?);
        Ok(Found { readings: pairs?, alerts: alerts?, taken: taken?, last_row, chain })
    }

    fn misses(&self, known: &Known, lost: &mut Vec<String>) {
        for heard in known.readings.iter().filter(|heard| !self.readings.contains(heard)) {
            lost.push(format!("reading {heard:?}"));
        }
        for press in known.presses.iter().filter(|press| !self.alerts.iter().any(|(at, _)| at == *press)) {
            lost.push(format!("the call for help of {press:?}"));
        }
        for case in known.taken.iter().filter(|case| !self.taken.contains(case)) {
            lost.push(format!("that case {case:?} was taken"));
        }
        if let Some(head) = known.heads.iter().max().filter(|head| **head > self.last_row) {
            lost.push(format!("audit row {head} as a reader saw it"));
        }
    }

    fn is_sound(&self, broken: &mut Vec<String>) {
        if let Some(finding) = &self.chain.finding {
            broken.push(format!("audit chain: {finding:?}"));
        }
        if self.alerts.iter().any(|(_, case)| case.is_none()) {
            broken.push(format!("a call for help without a case: {:?}", self.alerts));
        }
        let mut once = self.readings.clone();
        once.sort();
        once.dedup();
        if once.len() != self.readings.len() {
            broken.push("a reading is stored twice".to_owned());
        }
    }
}
