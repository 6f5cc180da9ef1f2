//! The town's past: a month of days in each home as readings, brought in through the same
//! station that a living gateway speaks to. What the watch knows of each home is therefore what it learned, not what
//! somebody wrote down.

use base::{Instant, Span};
use db::Db;
use ingest::station::{self, Station};
use ingest::{Delivery, DeliveryError};
use tokio::sync::oneshot;
use watch::{Arrival, Signal};

use crate::TownError;
use crate::equip::{BUTTON, CLIMATE, Equipped, SPOTS, meters, serial};
use crate::life::{self, Event, Sign};
use crate::past::{self, PastOperator};
use crate::plan::{Plan, chance};
use crate::story::Story;
use crate::usage;

/// Days that are played as readings.
pub const MONTH: i64 = 30;

/// What a home's gateway would have sent for one day, in order of time, heartbeats among it.
pub fn arrivals(plan: &Plan, home: &Equipped, day: i64) -> Vec<Arrival> {
    let seed = life_seed(plan, home.resident);
    let events = life::day(&plan.residents[home.resident].habits, seed, day);
    let mut arrivals = Vec::with_capacity(events.len() * 2 + 24);
    for hour in 0..24 {
        // Gateways were switched on at different minutes.
        let minute = (home.resident * 7 % 60) as i64;
        let at = Instant::from_wall_day(day) + Span::hours(hour) + Span::minutes(minute);
        arrivals.push(arrival(home, String::new(), Signal::Heartbeat, at));
    }
    check_in(home, day, &mut arrivals);
    for (key, ..) in meters(home.resident) {
        let used = usage::day(key, seed, day, &events);
        arrivals.extend(used.into_iter().map(|(at, signal)| arrival(home, serial(home.resident, key), signal, at)));
    }
    for event in events {
        translate(home, event, &mut arrivals);
    }
    arrivals.sort_by_key(|a| a.received_at);
    arrivals
}

/// Once a day each device says how it is, also where nobody opens a door for weeks.
fn check_in(home: &Equipped, day: i64, out: &mut Vec<Arrival>) {
    let keys = SPOTS.iter().map(|(_, key, ..)| *key).chain([CLIMATE, BUTTON]);
    for (n, key) in keys.enumerate() {
        let odd = home.resident * 31 + n * 17;
        let at = Instant::from_wall_day(day) + Span::minutes((odd * 13 % 1440) as i64);
        let (link, battery) = (70 + (odd % 150) as u8, 48 + (odd * 7 % 53) as u8);
        out.push(arrival(home, serial(home.resident, key), Signal::LinkQuality(link), at));
        out.push(arrival(home, serial(home.resident, key), Signal::Battery(battery), at));
    }
}

/// The seed of one person's days.
pub fn life_seed(plan: &Plan, resident: usize) -> u64 {
    use rand::Rng;
    chance(plan.seed, "life", resident).random()
}

fn translate(home: &Equipped, event: Event, out: &mut Vec<Arrival>) {
    let key = SPOTS.iter().find(|(spot, ..)| *spot == event.spot).map_or(CLIMATE, |(_, key, ..)| key);
    let serial = |key: &str| serial(home.resident, key);
    match event.sign {
        Sign::Opened { for_seconds } => {
            let closed = event.at + Span::seconds(i64::from(for_seconds));
            out.push(arrival(home, serial(key), Signal::Contact { open: true }, event.at));
            out.push(arrival(home, serial(key), Signal::Contact { open: false }, closed));
        }
        Sign::Motion => out.push(arrival(home, serial(key), Signal::Motion, event.at)),
        Sign::Climate { temperature, humidity } => {
            out.push(arrival(home, serial(CLIMATE), Signal::Temperature(temperature), event.at));
            out.push(arrival(home, serial(CLIMATE), Signal::Humidity(humidity), event.at));
        }
    }
}

fn arrival(home: &Equipped, serial: String, signal: Signal, at: Instant) -> Arrival {
    Arrival { gateway: home.gateway, serial, signal, occurred_at: Some(at), received_at: at, retained: false }
}

/// Plays all homes over this period, as the story has it.
pub fn play(
    db: &Db,
    station: &mut Station,
    plan: &Plan,
    homes: &[Equipped],
    story: Option<&Story>,
    (from, until): (Instant, Instant),
    progress: &dyn Fn(&str, f64),
) -> Result<u64, TownError> {
    let operator = db.read_blocking(PastOperator::of)?;
    let mut worked = u64::try_from(from.unix_seconds()).unwrap_or(0) << 16;
    let mut armed: Vec<station::Signal> = Vec::new();
    let added = story.map(|s| s.added(homes)).unwrap_or_default();
    let days = from.wall_day()..=until.wall_day();
    let mut stored = 0;
    for day in days.clone() {
        progress("受信値", (day - days.start()) as f64 / (days.end() - days.start() + 1) as f64);
        let mut today: Vec<Arrival> = Vec::new();
        for home in homes {
            today.extend(arrivals(plan, home, day).into_iter().filter(|a| story.is_none_or(|s| s.keeps(home, a))));
        }
        today.extend(added.iter().filter(|a| a.received_at.wall_day() == day).cloned());
        today.retain(|a| a.received_at >= from && a.received_at < until);
        today.sort_by_key(|a| a.received_at);
        let mut rest = today.as_slice();
        while let Some(head) = rest.first() {
            // A quarter of an hour at a time: long enough to be quick, short enough for timers to come due in order.
            let end = (head.received_at + Span::minutes(15)).min(until);
            let n = rest.partition_point(|a| a.received_at < end);
            let (some, later) = rest.split_at(n);
            stored += step(station, some, end, &armed)?;
            armed.clear();
            if let Some(operator) = operator {
                let homes = past::work_off(db, plan.seed, operator, end, &mut worked)?;
                armed.extend(homes.into_iter().map(station::Signal::Home));
            }
            rest = later;
        }
    }
    Ok(stored)
}

/// One step of the station with what these gateways sent; every delivery must be taken.
fn step(station: &mut Station, some: &[Arrival], at: Instant, armed: &[station::Signal]) -> Result<u64, TownError> {
    let mut by_gateway: Vec<Vec<Arrival>> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for arrival in some {
        let n = *index.entry(arrival.gateway).or_insert_with(|| {
            by_gateway.push(Vec::new());
            by_gateway.len() - 1
        });
        by_gateway[n].push(arrival.clone());
    }
    let mut answers = Vec::with_capacity(by_gateway.len());
    let deliveries = by_gateway
        .into_iter()
        .map(|arrivals| {
            let (done, answer) = oneshot::channel();
            answers.push(answer);
            Delivery { gateway: arrivals[0].gateway, arrivals, malformed: vec![], done }
        })
        .collect();
    station.step(at, deliveries, armed);
    let mut stored = 0;
    for mut answer in answers {
        match answer.try_recv() {
            Ok(Ok(receipt)) => stored += u64::from(receipt.stored),
            Ok(Err(error)) => return Err(TownError::Station(error)),
            Err(_) => return Err(TownError::Station(DeliveryError::Fault)),
        }
    }
    Ok(stored)
}
