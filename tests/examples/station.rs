//! How many readings a second the station stores by itself, without any protocol in front of it: `station [homes]
//! [seconds]`. Homes of fifty share a gateway; every reading is new; the disk is synced at each commit.

mod flats;

use std::sync::Arc;
use std::time::Instant as Clock;

use base::{GatewayId, Instant, Span};
use db::{Db, DbConfig};
use ingest::Delivery;
use ingest::station::{Conf, Station};
use watch::{Arrival, Signal};

use crate::flats::{Fault, TOGETHER, settle};

/// Readings of one delivery, as an MQTT connection hands them over.
const AT_ONCE: usize = 20;

fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let homes = arguments.next().transpose()?.unwrap_or(10_000);
    let seconds = arguments.next().transpose()?.unwrap_or(10) as u64;
    let folder = tempfile::tempdir()?;
    let migrations = [people::testing::MIGRATIONS, &[watch::MIGRATIONS]].concat();
    let db = Db::open(DbConfig::sqlite(folder.path().join("region.db")), &migrations)?;
    let mut now = Instant::parse("2026-11-22T10:00").ok_or("a time")?;
    let gateways = settle(&db, homes, now)?;
    let mut station = Station::open(db, Arc::new(|_, _, _| Ok(())), Conf::new(1), now)?;
    let (began, mut stored, mut slowest, mut steps) = (Clock::now(), 0, 0, 0_u64);
    let mut round = 0;
    while began.elapsed().as_secs() < seconds {
        // What arrives while a step runs waits for the next, as in life: here, as much as one commit takes.
        let (mut deliveries, mut answers) = (Vec::new(), Vec::new());
        for n in 0..base::limits::READINGS_PER_COMMIT / AT_ONCE {
            let (done, answer) = tokio::sync::oneshot::channel();
            let gateway = gateways[(round + n) % gateways.len()];
            let home = (round + n) / gateways.len() * AT_ONCE;
            let arrivals = (0..AT_ONCE).map(|k| reading(gateway, (home + k) % TOGETHER, now, round + n)).collect();
            deliveries.push(Delivery { gateway, arrivals, malformed: Vec::new(), done });
            answers.push(answer);
        }
        round += deliveries.len();
        let step = Clock::now();
        stored += station.step(now, deliveries, &[]).stored;
        slowest = slowest.max(step.elapsed().as_millis());
        steps += 1;
        for mut answer in answers {
            answer.try_recv()??;
        }
        now = now + Span::millis(200);
    }
    let rate = stored as f64 / began.elapsed().as_secs_f64();
    let bytes = station.live().bytes_per_home();
    eprintln!("{homes} homes: {rate:.0} readings/s in {steps} commits, the slowest {slowest} ms, {bytes} bytes a home");
    Ok(())
}

fn reading(gateway: GatewayId, home: usize, now: Instant, n: usize) -> Arrival {
    let (serial, signal) = match n % 3 {
        0 => (format!("{home}-fridge"), Signal::Contact { open: (n / 3).is_multiple_of(2) }),
        1 => (format!("{home}-motion"), Signal::Motion),
        _ => (format!("{home}-air"), Signal::Temperature(20.0 + (n % 7) as f32)),
    };
    let occurred_at = Some(now + Span(n as i64 % 200_000));
    Arrival { gateway, serial, signal, occurred_at, received_at: now, retained: false }
}
