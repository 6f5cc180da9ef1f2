//! Whether 2,048 screens and 5,000 readings a second leave the queues half empty: `screens [seconds]`. A region in one
//! process: the station stores what comes, one press a second opens a case, now and then a whole area falls silent and
//! every relative's screen is told. Each screen that is told waits its moment, as the browser does, and then looks: a
//! decision, a read, an audit row. Printed and judged is the longest each queue ever was.

mod flats;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant as Clock};

use access::{Act, FOREVER, Grant, Ground, Items};
use base::{Actor, Ctx, GatewayId, Instant, PersonId, Purpose, RequestId, Role, limits};
use db::{Db, DbConfig, outbox};
use futures_util::StreamExt;
use ingest::inlet::{self, Inlet};
use ingest::station::{self, Board, Conf, Station};
use page::live::{Channel, Live};
use tokio::sync::mpsc;
use uuid::Uuid;
use watch::{Arrival, Signal};

use crate::flats::{Fault, TOGETHER, settle};

const HOMES: usize = 1_000;
/// Screens of the call centre; all others are relatives'.
const OPERATORS: usize = limits::LIVE_SCREENS - limits::LIVE_SCREENS_OF_STAFF;
const READINGS: usize = 5_000;
/// Readings of one delivery, as an MQTT connection hands them over.
const AT_ONCE: usize = 20;
const CENTRE: Uuid = Uuid::from_u128(0xCE);

audit::verbs! {
    /// What these screens do.
    Look of "閲覧" {
        Bench = "look.bench", "計測";
    }
}

#[derive(Default)]
struct Figures {
    writer: AtomicU64,
    readers: AtomicU64,
    station: AtomicU64,
    told: AtomicU64,
    looked: AtomicU64,
    refused: AtomicU64,
    readings: AtomicU64,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Fault> {
    let seconds = std::env::args().nth(1).map(|text| text.parse()).transpose()?.unwrap_or(20);
    let folder = tempfile::tempdir()?;
    let db = Db::open(DbConfig::sqlite(folder.path().join("region.db")), web::MIGRATIONS)?;
    let gateways = settle(&db, HOMES, now())?;
    let persons = known(&db)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = Arc::new(Figures::default());
    let began = Clock::now();
    runtime.block_on(evening(&db, gateways, persons, &figures, Duration::from_secs(seconds)))?;
    let took = began.elapsed().as_secs_f64();
    let most = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        r#"{{"screens":{},"readings_per_s":{:.0},"told":{},"looks":{},"refused":{},"writer_most":{},"readers_most":{},"station_most":{}}}"#,
        limits::LIVE_SCREENS,
        most(&figures.readings) as f64 / took,
        most(&figures.told),
        most(&figures.looked),
        most(&figures.refused),
        most(&figures.writer),
        most(&figures.readers),
        most(&figures.station),
    );
    let queues = [
        ("writer", most(&figures.writer), limits::WRITER_QUEUE),
        ("readers", most(&figures.readers), limits::READER_QUEUE),
        ("station", most(&figures.station), limits::INGEST_QUEUE),
    ];
    for (queue, longest, room) in queues {
        if longest * 2 > room as u64 {
            return Err(format!("the queue of the {queue} was {longest} long of {room}").into());
        }
    }
    if most(&figures.refused) > 0 || most(&figures.looked) == 0 {
        return Err("looks were refused, or there were none".into());
    }
    Ok(())
}

fn now() -> Instant {
    Instant(std::time::UNIX_EPOCH.elapsed().map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(0)))
}

fn ctx(role: Role, id: Uuid, office: Option<Uuid>) -> Ctx {
    let purpose = match role {
        Role::Family => Purpose::FamilyView,
        Role::Operator => Purpose::WatchResponse,
        _ => Purpose::Operation,
    };
    let actor = Actor { role, id, office: office.map(Into::into), person: None, device: "bench".to_owned() };
    Ctx::new(actor, purpose, now(), RequestId(Uuid::now_v7()))
}

/// Everybody of the region; one or two relatives know each.
fn known(db: &Db) -> Result<Vec<PersonId>, Fault> {
    let system = ctx(Role::System, Uuid::nil(), None);
    let persons = db.write_blocking(move |tx| {
        let rows = tx.query("SELECT person_id FROM watch_contract ORDER BY home_no", &[])?;
        let persons = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<PersonId>, _>>()?;
        for n in 0..limits::LIVE_SCREENS - OPERATORS {
            let (person, holder) = (persons[n % persons.len()], relative(n));
            for ground in [Ground::FamilyAlerts, Ground::FamilyWatch] {
                access::grant(
                    &system,
                    tx,
                    Grant { person, holder, ground, source: holder, until: FOREVER, items: Items::All },
                )?;
            }
        }
        Ok::<_, db::DbError>(persons)
    })?;
    Ok(persons)
}

fn relative(n: usize) -> Uuid {
    Uuid::from_u128(0x1_0000 + n as u128)
}

async fn evening(
    db: &Db,
    gateways: Vec<GatewayId>,
    persons: Vec<PersonId>,
    figures: &Arc<Figures>,
    time: Duration,
) -> Result<(), Fault> {
    let live = Live::new();
    let (inlet, deliveries) = inlet::open();
    let (_signals, told) = mpsc::channel(16);
    let station = {
        let db = db.clone();
        let on_alert = |ctx: &Ctx, tx: &mut dyn db::Tx, alert: &watch::Alert| {
            let opened = response::open_case(ctx, tx, alert);
            opened.map(drop).map_err(|error| db::DbError::Engine(error.to_string()))
        };
        tokio::task::spawn_blocking(move || Station::open(db, Arc::new(on_alert), Conf::new(1), now())).await??
    };
    let board = Arc::new(Board::default());
    let clock: base::Clock = Arc::new(now);
    let stepping = std::thread::spawn(move || station::run(station, deliveries, told, &clock, &board));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..limits::LIVE_SCREENS {
        tasks.spawn(screen(db.clone(), live.clone(), n, persons.clone(), figures.clone()));
    }
    tasks.spawn(dispatcher(db.clone(), live));
    tasks.spawn(sampler(db.clone(), inlet.clone(), figures.clone()));
    let over = Arc::new(AtomicBool::new(false));
    let silence = {
        let (db, over) = (db.clone(), over.clone());
        async move {
            while !over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_secs(5)).await;
                let outage = watch::Event::Outage { outage: Uuid::now_v7() };
                let _ = db.write(move |tx| outbox::push(tx, now(), &outage)).await;
            }
        }
    };
    tasks.spawn(silence);
    feed(&inlet, &gateways, figures, time).await?;
    over.store(true, Ordering::Relaxed);
    tasks.shutdown().await;
    drop(inlet);
    stepping.join().map_err(|_| "the station panicked")??;
    Ok(())
}

/// 5,000 readings a second, one of them a press each second; whoever finds the queue full has failed.
async fn feed(inlet: &Inlet, gateways: &[GatewayId], figures: &Figures, time: Duration) -> Result<(), Fault> {
    let deliveries = READINGS / AT_ONCE;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / deliveries as u32);
    let began = Clock::now();
    let mut n = 0;
    while began.elapsed() < time {
        ticks.tick().await;
        let gateway = gateways[n % gateways.len()];
        let press = n % deliveries == 0;
        let arrivals: Vec<Arrival> = (0..AT_ONCE).map(|k| reading(gateway, n * AT_ONCE + k, press && k == 0)).collect();
        drop(inlet.offer(gateway, arrivals, Vec::new())?);
        figures.readings.fetch_add(AT_ONCE as u64, Ordering::Relaxed);
        n += 1;
    }
    Ok(())
}

fn reading(gateway: GatewayId, n: usize, press: bool) -> Arrival {
    let flat = n % TOGETHER;
    let (serial, signal) = match n % 3 {
        _ if press => (format!("{}-button", n / READINGS % 10), Signal::Button),
        0 => (format!("{flat}-fridge"), Signal::Contact { open: n.is_multiple_of(2) }),
        1 => (format!("{flat}-motion"), Signal::Motion),
        _ => (format!("{flat}-air"), Signal::Temperature(20.0 + (n % 7) as f32)),
    };
    let received_at = now();
    Arrival { gateway, serial, signal, occurred_at: Some(received_at), received_at, retained: false }
}

async fn dispatcher(db: Db, live: Live) {
    let mut committed = db.committed();
    let mut seq = db.read(outbox::last_seq).await.expect("the outbox");
    loop {
        let read = db.read(move |tx| {
            let events = outbox::after(tx, seq, 500)?;
            let last = events.last().map(|event| event.seq);
            Ok::<_, db::DbError>((last, web::news::news(tx, &events)?))
        });
        match read.await.expect("the outbox") {
            (Some(last), (happened, knowers)) => {
                seq = last;
                live.tell(&happened, &knowers);
            }
            (None, _) => {
                if committed.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn screen(db: Db, live: Live, n: usize, persons: Vec<PersonId>, figures: Arc<Figures>) {
    let (channel, reader) = match n.checked_sub(OPERATORS) {
        None => (Channel::Cases, ctx(Role::Operator, Uuid::from_u128(1 + n as u128), Some(CENTRE))),
        Some(n) if n < limits::LIVE_SCREENS_OF_FAMILIES => (Channel::Family, ctx(Role::Family, relative(n), None)),
        Some(n) => (Channel::Notebook, ctx(Role::CareManager, relative(n), None)),
    };
    let person = n.checked_sub(OPERATORS).map(|n| persons[n % persons.len()]);
    let mut words = Box::pin(live.words(channel, &reader, FOREVER).expect("a seat"));
    let mut drawn = n as u64;
    while let Some((_, spread)) = words.next().await {
        figures.told.fetch_add(1, Ordering::Relaxed);
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((drawn >> 33) % u64::from(spread.max(1)))).await;
        match look(&db, &reader, person).await {
            Ok(()) => figures.looked.fetch_add(1, Ordering::Relaxed),
            Err(_) => figures.refused.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// What a page does for one look, without drawing it.
async fn look(db: &Db, reader: &Ctx, person: Option<PersonId>) -> Result<(), db::DbError> {
    let reading = Ctx::new(reader.actor.clone(), reader.purpose, now(), RequestId(Uuid::now_v7()));
    let recording = reading.clone();
    let seen = db.read(move |tx| {
        let persons = person.as_slice();
        let seen = access::require_each(&reading, tx, &[Act::SeeAlert], &[], persons);
        if let Some(person) = person {
            tx.query("SELECT id, state, reason FROM watch_alert WHERE person_id = $1 LIMIT 50", db::params![person])?;
        }
        seen.map_err(|e| db::DbError::Engine(e.to_string()))
    });
    let seen = seen.await?;
    db.write(move |tx| audit::looked(&recording, tx, Look::Bench, &seen)).await.map(drop)
}

async fn sampler(db: Db, inlet: Inlet, figures: Arc<Figures>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    loop {
        ticks.tick().await;
        let (writer, readers) = db.waiting();
        figures.writer.fetch_max(writer as u64, Ordering::Relaxed);
        figures.readers.fetch_max(readers as u64, Ordering::Relaxed);
        figures.station.fetch_max(inlet.waiting().0 as u64, Ordering::Relaxed);
    }
}
