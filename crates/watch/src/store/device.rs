//! Gateways, devices, and serials that nobody assigned yet.

use base::{DeviceId, GatewayId, HomeId, Instant, Span};
use db::{DbError, Row, Tx, Value, params};

use crate::clock::GatewayClock;
use crate::live::hear::Counted;
use crate::{Counters, Device, DeviceFault, DeviceKind, Gateway, LineCause, UnknownDevice};

/// Unknown serials kept for one gateway: a chattering neighbour must not fill the table.
const MOST_UNKNOWN: i64 = 50;

const NEXT_GATEWAY: &str = "SELECT COALESCE(MAX(no), 0) + 1 FROM watch_gateway";
const INSERT_GATEWAY: &str = "INSERT INTO watch_gateway (no, id, home_no, name, carrier, secret, registered_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const ROTATE: &str = "UPDATE watch_gateway SET secret = $2, rotated_at = $3 WHERE id = $1 AND revoked_at IS NULL";
const REVOKE: &str = "UPDATE watch_gateway SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const OF_NAME: &str = "SELECT id, secret FROM watch_gateway WHERE name = $1 AND revoked_at IS NULL";
const OF_ID: &str = "SELECT id, secret FROM watch_gateway WHERE id = $1 AND revoked_at IS NULL";
const OF_SECRET: &str = "SELECT id, secret FROM watch_gateway WHERE secret = $1 AND revoked_at IS NULL";
const GATEWAY_COLUMNS: &str =
    "g.id, h.home_id, g.name, g.carrier, g.registered_at, g.rotated_at, g.revoked_at, g.heard_at,
    g.no, g.home_no, g.radio_down_at, h.area,
    (SELECT MAX(f.cause) FROM watch_line_fault f WHERE f.gateway_no = g.no AND f.ended_at IS NULL),
    g.clock";
const GATEWAY_FROM: &str = "FROM watch_gateway g JOIN watch_home h ON h.no = g.home_no";
const NAME_TAKEN: &str = "SELECT COUNT(*) FROM watch_gateway WHERE name = $1";

const NEXT_DEVICE: &str = "SELECT COALESCE(MAX(no), 0) + 1 FROM watch_device";
const INSERT_DEVICE: &str =
    "INSERT INTO watch_device (no, id, gateway_no, home_no, serial, kind, place, assigned_at, test_from,
    test_until, online, duplicates, late, reordered, repeated, retained, wrong_clock)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, TRUE, 0, 0, 0, 0, 0, 0)";
const SERIAL_USED: &str =
    "SELECT COUNT(*) FROM watch_device WHERE gateway_no = $1 AND serial = $2 AND retired_at IS NULL";
const HOMES_BEHIND: &str = "SELECT DISTINCT h.home_id FROM watch_device d JOIN watch_home h ON h.no = d.home_no
    WHERE d.gateway_no = $1 AND d.retired_at IS NULL ORDER BY h.home_id";
const RENAME: &str = "UPDATE watch_device SET serial = $2 WHERE id = $1 AND retired_at IS NULL";
const RETIRE: &str = "UPDATE watch_device SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL";
const RETIRE_OF_GATEWAY: &str = "UPDATE watch_device SET retired_at = $2 WHERE gateway_no = $1 AND retired_at IS NULL";
const TEST: &str = "UPDATE watch_device SET test_from = $2, test_until = $3 WHERE id = $1 AND retired_at IS NULL";
const DEVICE_COLUMNS: &str =
    "d.id, h.home_id, g.id, d.serial, d.kind, d.place, d.assigned_at, d.retired_at, d.test_until,
    d.heard_at, d.sign_at, d.battery, d.link_quality, d.online, d.duplicates, d.late,
    d.reordered, d.repeated, d.retained, d.wrong_clock, d.no, d.home_no, d.test_from, d.gateway_no,
    d.battery_low, d.tampered, d.millivolts, d.warmth, d.fault, d.fault_at, d.clears_after, d.faulty";
const DEVICE_FROM: &str =
    "FROM watch_device d JOIN watch_gateway g ON g.no = d.gateway_no JOIN watch_home h ON h.no = d.home_no";
const COUNT: &str =
    "UPDATE watch_device SET duplicates = duplicates + $2, late = late + $3, reordered = reordered + $4,
    repeated = repeated + $5, retained = retained + $6, wrong_clock = wrong_clock + $7, faulty = faulty + $8 WHERE no = $1";
const HEARD: &str = "UPDATE watch_device SET heard_at = v.column2, sign_at = v.column3, battery = v.column4,
    link_quality = v.column5, online = v.column6, battery_low = v.column7, tampered = v.column8, millivolts = v.column9,
    warmth = v.column10, fault = v.column11, fault_at = v.column12, clears_after = v.column13";
const HEARD_TYPES: &[&str] = &[
    "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN", "BOOLEAN", "BOOLEAN", "BIGINT", "BIGINT", "TEXT",
    "BIGINT", "BIGINT",
];
const GATEWAYS_HEARD: &str = "UPDATE watch_gateway SET heard_at = v.column2, radio_down_at = v.column3,
    clock = v.column4";
const GATEWAYS_HEARD_TYPES: &[&str] = &["BIGINT", "BIGINT", "BIGINT", "BYTEA"];
const UNKNOWN_AGAIN: &str =
    "UPDATE watch_unknown_device SET last_at = $3, seen = seen + $4 WHERE gateway_no = $1 AND serial = $2";
const UNKNOWN_SAID: &str = "UPDATE watch_unknown_device SET said = $3 WHERE gateway_no = $1 AND serial = $2";
const UNKNOWN_COUNT: &str = "SELECT COUNT(*) FROM watch_unknown_device WHERE gateway_no = $1";
const UNKNOWN_NEW: &str = "INSERT INTO watch_unknown_device (gateway_no, serial, first_at, last_at, seen, said)
    VALUES ($1, $2, $3, $3, $4, $5)";
const UNKNOWN_GONE: &str = "DELETE FROM watch_unknown_device WHERE gateway_no = $1 AND serial = $2";
const INBOX: &str =
    "SELECT g.id, h.home_id, u.serial, u.first_at, u.last_at, u.seen, u.said FROM watch_unknown_device u
    JOIN watch_gateway g ON g.no = u.gateway_no JOIN watch_home h ON h.no = g.home_no WHERE g.revoked_at IS NULL";

/// A gateway with its numbers.
pub(crate) struct GatewayRow {
    pub no: u32,
    pub home: u32,
    pub area: String,
    pub radio_down_at: Option<Instant>,
    pub clock: Option<Box<GatewayClock>>,
    pub gateway: Gateway,
}

/// A device with its numbers.
pub(crate) struct DeviceRow {
    pub no: u32,
    pub home: u32,
    pub gateway: u32,
    pub test: (Instant, Instant),
    pub device: Device,
}

pub(crate) fn insert_gateway(tx: &mut dyn Tx, home: u32, g: &Gateway, secret: [u8; 32]) -> Result<u32, DbError> {
    let no: u32 = tx.scalar(NEXT_GATEWAY, &[])?;
    tx.execute(INSERT_GATEWAY, params![no, g.id, home, &g.name, &g.carrier, secret, g.registered_at])?;
    Ok(no)
}

pub(crate) fn name_is_taken(tx: &mut dyn Tx, name: &str) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(NAME_TAKEN, params![name])? > 0)
}

pub(crate) fn rotate(tx: &mut dyn Tx, gateway: GatewayId, secret: [u8; 32], at: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(ROTATE, params![gateway, secret, at])? > 0)
}

pub(crate) fn revoke(tx: &mut dyn Tx, gateway: GatewayId, at: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(REVOKE, params![gateway, at])? > 0)
}

/// The gateway that signs in with this name (or id), or, where a way in carries none, by its secret alone.
pub(crate) fn of_credential(
    tx: &mut dyn Tx,
    name: &str,
    secret: [u8; 32],
) -> Result<Option<(GatewayId, [u8; 32])>, DbError> {
    let row = match (name.is_empty(), name.parse::<GatewayId>()) {
        (true, _) => tx.first(OF_SECRET, params![secret])?,
        (false, Ok(id)) => tx.first(OF_ID, params![id])?,
        (false, Err(_)) => tx.first(OF_NAME, params![name])?,
    };
    row.map(|r| Ok((r.get(0)?, r.get(1)?))).transpose()
}

pub(crate) fn gateway(tx: &mut dyn Tx, gateway: GatewayId) -> Result<Option<GatewayRow>, DbError> {
    let sql = format!("SELECT {GATEWAY_COLUMNS} {GATEWAY_FROM} WHERE g.id = $1");
    tx.first(&sql, params![gateway])?.as_ref().map(read_gateway).transpose()
}

/// Gateways in use, of one home or of all.
pub(crate) fn gateways(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<GatewayRow>, DbError> {
    let sql = format!("SELECT {GATEWAY_COLUMNS} {GATEWAY_FROM} WHERE g.revoked_at IS NULL");
    of_home(tx, "watch_gateway", sql, "g", home, read_gateway)
}

/// Gateways in use through which a home is heard: the one that stands in it, and those of its devices.
pub(crate) fn gateways_serving(tx: &mut dyn Tx, home: u32) -> Result<Vec<GatewayRow>, DbError> {
    let sql = format!(
        "SELECT {GATEWAY_COLUMNS} {GATEWAY_FROM} WHERE g.revoked_at IS NULL AND g.no IN \
         (SELECT no FROM watch_gateway WHERE home_no = $1 \
         UNION SELECT gateway_no FROM watch_device WHERE home_no = $1 AND retired_at IS NULL) ORDER BY g.no"
    );
    tx.list("watch_gateway", &sql, params![home], read_gateway)
}

fn of_home<T>(
    tx: &mut dyn Tx,
    list: &'static str,
    mut sql: String,
    table: &str,
    home: Option<u32>,
    read: impl Fn(&Row) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let mut values = Vec::new();
    if let Some(no) = home {
        sql += &format!(" AND {table}.home_no = $1");
        values.push(Value::from(no));
    }
    sql += &format!(" ORDER BY {table}.no");
    tx.list(list, &sql, &values, read)
}

fn read_gateway(row: &Row) -> Result<GatewayRow, DbError> {
    let cause: Option<String> = row.get(12)?;
    let clock: Option<Vec<u8>> = row.get(13)?;
    // A damaged one is learned anew, within half an hour.
    let clock = clock.and_then(|bytes| GatewayClock::decode(&bytes).ok());
    let gateway = Gateway {
        id: row.get(0)?,
        home: row.get(1)?,
        name: row.get(2)?,
        carrier: row.get(3)?,
        registered_at: row.get(4)?,
        rotated_at: row.get(5)?,
        revoked_at: row.get(6)?,
        heard_at: row.get(7)?,
        cause: cause.and_then(|key| LineCause::from_key(&key)),
        clock: clock.as_ref().and_then(GatewayClock::error),
    };
    let [no, home] = [row.get(8)?, row.get(9)?];
    let (radio_down_at, area, clock) = (row.get(10)?, row.get(11)?, clock.map(Box::new));
    Ok(GatewayRow { no, home, area, radio_down_at, clock, gateway })
}

pub(crate) fn insert_device(tx: &mut dyn Tx, gateway: u32, home: u32, d: &Device) -> Result<(), DbError> {
    let no: u32 = tx.scalar(NEXT_DEVICE, &[])?;
    let never = crate::live::NEVER;
    tx.execute(
        INSERT_DEVICE,
        params![no, d.id, gateway, home, &d.serial, d.kind.key(), &d.place, d.assigned_at, never],
    )?;
    tx.tell(UNKNOWN_GONE, params![gateway, &d.serial])
}

pub(crate) fn serial_is_used(tx: &mut dyn Tx, gateway: u32, serial: &str) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(SERIAL_USED, params![gateway, serial])? > 0)
}

/// The homes whose devices speak through a gateway.
pub(crate) fn homes_behind(tx: &mut dyn Tx, gateway: u32) -> Result<Vec<HomeId>, DbError> {
    tx.query(HOMES_BEHIND, params![gateway])?.iter().map(|r| r.get(0)).collect()
}

pub(crate) fn retire(tx: &mut dyn Tx, device: DeviceId, at: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(RETIRE, params![device, at])? > 0)
}

/// Under another serial, which is unknown no more.
pub(crate) fn rename(tx: &mut dyn Tx, gateway: u32, device: DeviceId, serial: &str) -> Result<(), DbError> {
    tx.execute(RENAME, params![device, serial])?;
    tx.tell(UNKNOWN_GONE, params![gateway, serial])
}

pub(crate) fn retire_of_gateway(tx: &mut dyn Tx, gateway: u32, at: Instant) -> Result<(), DbError> {
    tx.tell(RETIRE_OF_GATEWAY, params![gateway, at])
}

pub(crate) fn start_test(tx: &mut dyn Tx, device: DeviceId, from: Instant, until: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(TEST, params![device, from, until])? > 0)
}

pub(crate) fn device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<DeviceRow>, DbError> {
    let sql = format!("SELECT {DEVICE_COLUMNS} {DEVICE_FROM} WHERE d.id = $1");
    tx.first(&sql, params![device])?.as_ref().map(read_device).transpose()
}

/// Devices in use, of one home or of all.
pub(crate) fn devices(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<DeviceRow>, DbError> {
    let sql = format!("SELECT {DEVICE_COLUMNS} {DEVICE_FROM} WHERE d.retired_at IS NULL");
    of_home(tx, "watch_device", sql, "d", home, read_device)
}

/// Devices of a home, retired ones too: the raster of last week may show them.
pub(crate) fn all_devices(tx: &mut dyn Tx, home: u32) -> Result<Vec<DeviceRow>, DbError> {
    let sql = format!("SELECT {DEVICE_COLUMNS} {DEVICE_FROM} WHERE d.home_no = $1 ORDER BY d.no");
    tx.list("watch_device", &sql, params![home], read_device)
}

fn read_device(row: &Row) -> Result<DeviceRow, DbError> {
    let counters = Counters {
        duplicates: row.get(14)?,
        late: row.get(15)?,
        reordered: row.get(16)?,
        repeated: row.get(17)?,
        retained: row.get(18)?,
        wrong_clock: row.get(19)?,
        faulty: row.get(31)?,
    };
    let test_until: Instant = row.get(8)?;
    let fault: Option<String> = row.get(28)?;
    let fault = fault.and_then(|key| DeviceFault::from_key(&key));
    let device = Device {
        id: row.get(0)?,
        home: row.get(1)?,
        gateway: row.get(2)?,
        serial: row.get(3)?,
        kind: row.word(4, DeviceKind::from_key)?,
        place: row.get(5)?,
        assigned_at: row.get(6)?,
        retired_at: row.get(7)?,
        test_until: (test_until != crate::live::NEVER).then_some(test_until),
        heard_at: row.get(9)?,
        sign_at: row.get(10)?,
        battery: row.get(11)?,
        link_quality: row.get(12)?,
        online: row.get(13)?,
        battery_low: row.get(24)?,
        tampered: row.get(25)?,
        millivolts: row.get::<Option<i64>>(26)?.and_then(|n| u16::try_from(n).ok()),
        warmth: row.get::<Option<i64>>(27)?.and_then(|n| i16::try_from(n).ok()),
        fault: fault.zip(row.get(29)?),
        clears_after: row.get::<Option<i64>>(30)?.map(Span::seconds),
        counters,
    };
    Ok(DeviceRow {
        no: row.get(20)?,
        home: row.get(21)?,
        gateway: row.get(23)?,
        test: (row.get(22)?, test_until),
        device,
    })
}

pub(crate) fn count(tx: &mut dyn Tx, device: u32, counted: Counted) -> Result<(), DbError> {
    let row: Vec<Value> = std::iter::once(device.into()).chain(counted.0.map(|n| i64::from(n).into())).collect();
    tx.tell(COUNT, &row)
}

/// Rows of device, last heard, last sign, battery, link, whether it is online, and its condition: see [`HEARD`].
pub(crate) fn note_heard(tx: &mut dyn Tx, rows: &[Vec<Value>]) -> Result<(), DbError> {
    tx.update_rows(HEARD, HEARD_TYPES, rows, "WHERE watch_device.no = v.column1").map(drop)
}

/// Rows of gateway, last heard, since when its radio has been down, and its clock.
pub(crate) fn note_gateways_heard(tx: &mut dyn Tx, rows: &[Vec<Value>]) -> Result<(), DbError> {
    tx.update_rows(GATEWAYS_HEARD, GATEWAYS_HEARD_TYPES, rows, "WHERE watch_gateway.no = v.column1").map(drop)
}

pub(crate) fn note_unknown(
    tx: &mut dyn Tx,
    gateway: u32,
    serial: &str,
    seen: i64,
    said: &str,
    at: Instant,
) -> Result<(), DbError> {
    if tx.execute(UNKNOWN_AGAIN, params![gateway, serial, at, seen])? > 0 {
        // That it once moved or called is not forgotten for what it said since.
        return match crate::Signal::life_or_call(said) {
            Some(_) => tx.tell(UNKNOWN_SAID, params![gateway, serial, said]),
            None => Ok(()),
        };
    }
    if tx.scalar::<i64>(UNKNOWN_COUNT, params![gateway])? >= MOST_UNKNOWN {
        return Ok(());
    }
    tx.tell(UNKNOWN_NEW, params![gateway, serial, at, seen, said])
}

/// Unassigned serials of a home, or of all homes, newest first, at most `limit`.
pub(crate) fn inbox(tx: &mut dyn Tx, home: Option<HomeId>, limit: usize) -> Result<Vec<UnknownDevice>, DbError> {
    let mut sql = INBOX.to_owned();
    let mut values = vec![Value::from(limit)];
    if let Some(home) = home {
        sql += " AND h.home_id = $2";
        values.push(home.into());
    }
    sql += " ORDER BY u.last_at DESC, u.serial LIMIT $1";
    let read = |r: &Row| {
        Ok(UnknownDevice {
            gateway: r.get(0)?,
            home: r.get(1)?,
            serial: r.get(2)?,
            first_at: r.get(3)?,
            last_at: r.get(4)?,
            seen: r.get(5)?,
            said: r.get(6)?,
            instead_of: None,
        })
    };
    tx.query(&sql, &values)?.iter().map(read).collect()
}
