//! What was: days of a home, daily values, faults of the line and outages.

use std::collections::BTreeMap;

use base::{Instant, PersonId};
use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

use crate::daily::{Daily, derive};
use crate::day::DayLog;
use crate::live::{NewFault, Shared};
use crate::{DeviceKind, LineCause};

const DAYS: &str = "SELECT day, body FROM watch_home_day WHERE home_no = $1 AND day >= $2 AND day <= $3 ORDER BY day";
const DAY_OF: &str = "SELECT home_no, body FROM watch_home_day WHERE day = $1 AND home_no {among}";
const PUT_DAYS: &str = "INSERT INTO watch_home_day (home_no, day, body)";
const PUT_BEFORE: &str = "ON CONFLICT (home_no, day) DO UPDATE SET body = excluded.body";
const KINDS: &str = "SELECT home_no, no, kind FROM watch_device WHERE home_no {among}";
const DAILY_WIDTH: usize = 19;
const PUT_DAILY: &str =
    "INSERT INTO watch_home_daily (home_no, day, signs, entrance, fridge, bathroom, toilet, medicine, motion,
    first_sign, last_sign, longest_silence, night_signs, temperature_min, temperature_mean, temperature_max,
    humidity_mean, wbgt_max, missing_share)";
const PUT_DAILY_BEFORE: &str =
    "ON CONFLICT (home_no, day) DO UPDATE SET signs = excluded.signs, entrance = excluded.entrance,
    fridge = excluded.fridge, bathroom = excluded.bathroom, toilet = excluded.toilet, medicine = excluded.medicine,
    motion = excluded.motion, first_sign = excluded.first_sign, last_sign = excluded.last_sign,
    longest_silence = excluded.longest_silence, night_signs = excluded.night_signs,
    temperature_min = excluded.temperature_min, temperature_mean = excluded.temperature_mean,
    temperature_max = excluded.temperature_max, humidity_mean = excluded.humidity_mean, wbgt_max = excluded.wbgt_max,
    missing_share = excluded.missing_share";
const DAILY: &str = "SELECT day, signs, entrance, fridge, bathroom, toilet, medicine, motion, first_sign, last_sign,
    longest_silence, night_signs, temperature_min, temperature_mean, temperature_max, humidity_mean, wbgt_max,
    missing_share FROM watch_home_daily WHERE home_no = $1 AND day >= $2 AND day <= $3 ORDER BY day";
const WATCHED_ON: &str = "SELECT DISTINCT home_no FROM watch_contract
    WHERE home_no > $1 AND begun_at < $2 AND (ended_at IS NULL OR ended_at > $3) ORDER BY home_no LIMIT $4";
const INSERT_FAULT: &str =
    "INSERT INTO watch_line_fault (id, home_no, gateway_no, began_at, noticed_at, ended_at, outage_id, cause)
    VALUES ($1, $2, $3, $4, $5, NULL, $6, $7)";
const NAME_CAUSE: &str = "UPDATE watch_line_fault SET cause = $2 WHERE id = $1";
const WHOSE_FAULT: &str = "SELECT c.person_id FROM watch_line_fault f
    JOIN watch_contract c ON c.home_no = f.home_no AND c.ended_at IS NULL WHERE f.id = $1";
const JOIN_OUTAGE: &str = "UPDATE watch_line_fault SET outage_id = $2 WHERE id = $1";
const END_FAULT: &str = "UPDATE watch_line_fault SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
const END_FAULTS_OF_GATEWAY: &str =
    "UPDATE watch_line_fault SET ended_at = $2 WHERE gateway_no = $1 AND ended_at IS NULL";
const INSERT_OUTAGE: &str = "INSERT INTO watch_line_outage (id, shared, name, began_at, noticed_at, ended_at)
    VALUES ($1, $2, $3, $4, $5, NULL)";
const END_OUTAGE: &str = "UPDATE watch_line_outage SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
const OPEN_FAULTS: &str =
    "SELECT id, gateway_no, began_at, outage_id, cause FROM watch_line_fault WHERE ended_at IS NULL";
const OPEN_OUTAGES: &str = "SELECT id, shared, name, began_at FROM watch_line_outage WHERE ended_at IS NULL";
const FAULTS_OF_HOMES: &str = "SELECT own.home_no, f.began_at, f.ended_at FROM
    (SELECT home_no, gateway_no FROM watch_device WHERE home_no {among}
    UNION SELECT home_no, no FROM watch_gateway WHERE home_no {among}) own
    JOIN watch_line_fault f ON f.gateway_no = own.gateway_no
    WHERE f.began_at < $2 AND (f.ended_at IS NULL OR f.ended_at > $1) ORDER BY f.began_at";

/// What is stored of these days of homes; of a day without anything, nothing.
pub(crate) fn days_at(tx: &mut dyn Tx, wanted: &[(u32, i32)]) -> Result<BTreeMap<(u32, i32), DayLog>, DbError> {
    let mut by_day: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (home, day) in wanted {
        by_day.entry(*day).or_default().push(*home);
    }
    let mut found = BTreeMap::new();
    for (day, homes) in by_day {
        for row in tx.among(DAY_OF, params![day], &homes)? {
            found.insert((row.get(0)?, day), read_log(&row.get::<Vec<u8>>(1)?)?);
        }
    }
    Ok(found)
}

pub(crate) fn put_days(tx: &mut dyn Tx, days: &BTreeMap<(u32, i32), DayLog>) -> Result<(), DbError> {
    if days.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Value>> =
        days.iter().map(|((home, day), log)| params![*home, *day, log.encode()].to_vec()).collect();
    tx.insert_rows(PUT_DAYS, 3, &rows, PUT_BEFORE).map(drop)
}

/// The stored days from `first` to `last`, days without anything left out.
pub(crate) fn days_of(tx: &mut dyn Tx, home: u32, first: i32, last: i32) -> Result<Vec<(i32, DayLog)>, DbError> {
    tx.query(DAYS, params![home, first, last])?
        .iter()
        .map(|r| Ok((r.get(0)?, read_log(&r.get::<Vec<u8>>(1)?)?)))
        .collect()
}

fn read_log(bytes: &[u8]) -> Result<DayLog, DbError> {
    DayLog::decode(bytes).map_err(|_| DbError::Shape { column: 0, wanted: "DayLog" })
}

/// Writes the daily values of these homes' days, which are over. Doing it again gives the same rows.
pub(crate) fn derive_days<'a>(
    tx: &mut dyn Tx,
    days: impl IntoIterator<Item = (u32, i32, &'a DayLog)>,
) -> Result<(), DbError> {
    let mut by_day: BTreeMap<i32, BTreeMap<u32, &DayLog>> = BTreeMap::new();
    for (home, day, log) in days {
        by_day.entry(day).or_default().insert(home, log);
    }
    for (day, logs) in by_day {
        let homes: Vec<u32> = logs.keys().copied().collect();
        let mut kinds: BTreeMap<u32, Vec<(u32, DeviceKind)>> = BTreeMap::new();
        for row in tx.among(KINDS, &[], &homes)? {
            let kind = (row.get(1)?, row.word(2, DeviceKind::from_key)?);
            kinds.entry(row.get(0)?).or_default().push(kind);
        }
        let (from, until) = (Instant::from_wall_day(i64::from(day)), Instant::from_wall_day(i64::from(day) + 1));
        let mut missing = faults_of_homes(tx, &homes, from, until)?;
        let rows = logs.into_iter().map(|(home, log)| {
            let (kinds, missing) = (kinds.remove(&home).unwrap_or_default(), missing.remove(&home).unwrap_or_default());
            daily_row(home, &derive(day, log, &kinds, &missing))
        });
        put_rows(tx, &rows.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Days of one home; of one that stands there twice, the last.
pub(crate) fn put_daily(tx: &mut dyn Tx, home: u32, days: &[Daily]) -> Result<(), DbError> {
    let once: BTreeMap<i32, &Daily> = days.iter().map(|day| (day.day, day)).collect();
    put_rows(tx, &once.values().map(|day| daily_row(home, day)).collect::<Vec<_>>())
}

fn put_rows(tx: &mut dyn Tx, rows: &[Vec<Value>]) -> Result<(), DbError> {
    tx.insert_rows(PUT_DAILY, DAILY_WIDTH, rows, PUT_DAILY_BEFORE).map(drop)
}

fn daily_row(home: u32, d: &Daily) -> Vec<Value> {
    let of = |kind: DeviceKind| d.uses_of(kind);
    let (t, real) = (d.temperature, f64::from);
    params![
        home,
        d.day,
        d.signs,
        of(DeviceKind::Entrance),
        of(DeviceKind::Fridge),
        of(DeviceKind::Bathroom),
        of(DeviceKind::Toilet),
        of(DeviceKind::Medicine),
        of(DeviceKind::Motion),
        d.first_sign,
        d.last_sign,
        d.longest_silence,
        d.night_signs,
        t.map(|t| real(t.0)),
        t.map(|t| real(t.1)),
        t.map(|t| real(t.2)),
        d.humidity.map(real),
        d.wbgt_max.map(real),
        real(d.missing_share)
    ]
    .to_vec()
}

pub(crate) fn daily(tx: &mut dyn Tx, home: u32, first: i32, last: i32) -> Result<Vec<Daily>, DbError> {
    tx.list("watch_home_daily", DAILY, params![home, first, last], daily_of)
}

fn daily_of(row: &Row) -> Result<Daily, DbError> {
    use DeviceKind::*;
    let mut uses = Vec::with_capacity(6);
    for (n, kind) in [Entrance, Fridge, Bathroom, Toilet, Medicine, Motion].into_iter().enumerate() {
        uses.push((kind, row.get::<u32>(2 + n)?));
    }
    let real = |n: usize| Ok::<_, DbError>(row.get::<Option<f64>>(n)?.map(|v| v as f32));
    let temperature = match (real(12)?, real(13)?, real(14)?) {
        (Some(min), Some(mean), Some(max)) => Some((min, mean, max)),
        _ => None,
    };
    Ok(Daily {
        day: row.get(0)?,
        signs: row.get(1)?,
        uses,
        first_sign: row.get(8)?,
        last_sign: row.get(9)?,
        longest_silence: row.get(10)?,
        night_signs: row.get(11)?,
        temperature,
        humidity: real(15)?,
        wbgt_max: real(16)?,
        missing_share: row.get::<f64>(17)? as f32,
    })
}

/// Homes under contract on a day, after `home`, in order.
pub(crate) fn watched_on(tx: &mut dyn Tx, day: i32, after: u32, limit: usize) -> Result<Vec<u32>, DbError> {
    let (from, until) = (Instant::from_wall_day(i64::from(day)), Instant::from_wall_day(i64::from(day) + 1));
    tx.query(WATCHED_ON, params![after, until, from, limit])?.iter().map(|r| r.get(0)).collect()
}

pub(crate) fn insert_fault(tx: &mut dyn Tx, fault: &NewFault, noticed_at: Instant) -> Result<(), DbError> {
    let &NewFault { id, home, gateway, began_at, outage, cause } = fault;
    tx.tell(INSERT_FAULT, params![id, home, gateway, began_at, noticed_at, outage, cause.map(LineCause::key)])
}

/// A fault that stood before turns out to have this cause.
pub(crate) fn name_cause(tx: &mut dyn Tx, fault: Uuid, cause: LineCause) -> Result<(), DbError> {
    tx.tell(NAME_CAUSE, params![fault, cause.key()])
}

/// Whose home fell silent, if anybody is watched there.
pub(crate) fn whose_fault(tx: &mut dyn Tx, fault: Uuid) -> Result<Option<PersonId>, DbError> {
    tx.first(WHOSE_FAULT, params![fault])?.map(|r| r.get(0)).transpose()
}

pub(crate) fn join_outage(tx: &mut dyn Tx, fault: Uuid, outage: Uuid) -> Result<(), DbError> {
    tx.tell(JOIN_OUTAGE, params![fault, outage])
}

pub(crate) fn end_fault(tx: &mut dyn Tx, fault: Uuid, at: Instant) -> Result<(), DbError> {
    tx.tell(END_FAULT, params![fault, at])
}

pub(crate) fn end_faults_of_gateway(tx: &mut dyn Tx, gateway: u32, at: Instant) -> Result<(), DbError> {
    tx.tell(END_FAULTS_OF_GATEWAY, params![gateway, at])
}

pub(crate) fn insert_outage(
    tx: &mut dyn Tx,
    id: Uuid,
    shared: &str,
    name: &str,
    began_at: Instant,
    noticed_at: Instant,
) -> Result<(), DbError> {
    tx.tell(INSERT_OUTAGE, params![id, shared, name, began_at, noticed_at])
}

pub(crate) fn end_outage(tx: &mut dyn Tx, outage: Uuid, at: Instant) -> Result<(), DbError> {
    tx.tell(END_OUTAGE, params![outage, at])
}

/// (fault, gateway, began, outage, cause).
pub(crate) type Standing = (Uuid, u32, Instant, Option<Uuid>, Option<LineCause>);

/// Every fault that stands.
pub(crate) fn open_faults(tx: &mut dyn Tx) -> Result<Vec<Standing>, DbError> {
    let cause = |key: Option<String>| key.and_then(|key| LineCause::from_key(&key));
    let read = |r: &Row| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, cause(r.get(4)?)));
    tx.query(OPEN_FAULTS, &[])?.iter().map(read).collect()
}

/// (outage, shared, name, began) of every outage that stands.
pub(crate) fn open_outages(tx: &mut dyn Tx) -> Result<Vec<(Uuid, Shared, String, Instant)>, DbError> {
    let read = |r: &Row| Ok((r.get(0)?, r.word(1, Shared::from_key)?, r.get(2)?, r.get(3)?));
    tx.list("watch_line_outage", OPEN_OUTAGES, &[], read)
}

/// When a line was faulty, from when until when; no end: it still is.
pub(crate) type Fault = (Instant, Option<Instant>);

pub(crate) fn faults_of_home(tx: &mut dyn Tx, home: u32, from: Instant, until: Instant) -> Result<Vec<Fault>, DbError> {
    Ok(faults_of_homes(tx, &[home], from, until)?.remove(&home).unwrap_or_default())
}

/// Of each of these homes when its line was faulty between two moments, oldest first.
pub(crate) fn faults_of_homes(
    tx: &mut dyn Tx,
    homes: &[u32],
    from: Instant,
    until: Instant,
) -> Result<BTreeMap<u32, Vec<Fault>>, DbError> {
    let mut found: BTreeMap<u32, Vec<Fault>> = BTreeMap::new();
    for row in tx.among(FAULTS_OF_HOMES, params![from, until], homes)? {
        found.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    Ok(found)
}
