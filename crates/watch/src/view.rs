//! What the pages show: a home's week, its devices, faults of lines, devices that need somebody. Reading changes nothing.

use access::{Act, Shown, Witness};
use base::wareki::Date;
use base::{Ctx, DeviceId, HomeId, Instant, PersonId, Span};
use db::Tx;
use people::ConsentScope;

use crate::daily::Daily;
use crate::day::{DayLog, QUARTERS};
use crate::rhythm::Rhythm;
use crate::store::device::DeviceRow;
use crate::store::{absence, alert, device, history, home, state};
use crate::verbs::Verb;
use crate::{
    Absence, Alert, Contract, Device, DeviceKind, Gateway, Level, Rule, Settings, WatchError, WatchRefusal, adaptation,
    rules, settings_of,
};

/// Days that a home's page shows.
const WEEK: i32 = 7;
/// The record of false alarms looks back so far.
const RECORD: Span = Span::days(180);
const ALERTS: usize = 50;
/// A home's page. At most a minute behind while the program runs.
#[derive(Clone, Debug)]
pub struct HomeView {
    pub home: HomeId,
    pub person: PersonId,
    pub contract: Contract,
    pub now: Instant,
    /// Oldest first, today last.
    pub days: Vec<DayView>,
    pub usual: Usual,
    pub last_sign: Option<Instant>,
    pub gateway: Option<Gateway>,
    /// The line is faulty since then.
    pub line_down_since: Option<Instant>,
    pub devices: Vec<Device>,
    pub absences: Vec<Absence>,
    /// Newest first.
    pub alerts: Vec<Alert>,
    pub rates: Vec<RuleRate>,
    /// Days over which `rates` were counted.
    pub rates_days: f64,
    pub settings: Settings,
    /// Silence is judged by so many percent of the days in the settings.
    pub percent: u16,
}

/// One day in quarter hours.
#[derive(Clone, Debug)]
pub struct DayView {
    pub date: Date,
    /// One for each device that was used, by place.
    pub lanes: Vec<Lane>,
    pub climate: Vec<RoomDay>,
    /// Quarter hours in which the line was faulty: unknown, not quiet.
    pub missing: [bool; QUARTERS],
    pub signs: u32,
}

/// How often one device was used in each quarter hour.
#[derive(Clone, Debug)]
pub struct Lane {
    pub device: DeviceId,
    pub kind: DeviceKind,
    pub place: String,
    pub counts: [u16; QUARTERS],
}

/// One room's climate by quarter hour; `None`: nothing measured.
#[derive(Clone, Debug)]
pub struct RoomDay {
    pub device: DeviceId,
    pub place: String,
    /// Degrees Celsius: minimum, mean, maximum.
    pub temperature: [Option<(f32, f32, f32)>; QUARTERS],
    /// Percent.
    pub humidity: [Option<f32>; QUARTERS],
    /// 推定, degrees.
    pub wbgt: [Option<f32>; QUARTERS],
}

/// What is usual in this home.
#[derive(Clone, Debug)]
pub struct Usual {
    /// Share of days with a sign in each half-hour of the day; presumed from other homes while young.
    pub active: [f32; 48],
    /// Days it was learned from.
    pub days: f32,
    /// The last sign looks like going out.
    pub seems_out: bool,
}

/// How often a rule spoke in a home, and how often nobody needed help.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RuleRate {
    pub level: Level,
    pub rule: Rule,
    pub raised: u32,
    pub false_alarms: u32,
    /// Somebody did need help.
    pub real: u32,
    /// Measured false alarms per 30 days.
    pub per_30_days: f64,
}

/// What an operator reads out: the last day in brief.
#[derive(Clone, Debug)]
pub struct RecentActivity {
    pub last_sign: Option<Instant>,
    /// The device of the last sign.
    pub last_place: Option<(DeviceKind, String)>,
    /// Yesterday and today.
    pub days: Vec<DayView>,
    pub usual: Usual,
    /// Newest measured climate: place, degrees, percent.
    pub climate: Vec<(String, Option<f32>, Option<f32>)>,
    pub line_down_since: Option<Instant>,
    /// An announced absence that runs now.
    pub away: Option<Absence>,
}

/// A home's page. Refused where the watch does not run or the person no longer consents.
pub fn home_view(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, now: Instant) -> Result<Shown<HomeView>, WatchError> {
    let (no, contract, witness) = watched(ctx, tx, home)?;
    let today = now.wall_day() as i32;
    let (first, since) = (today - WEEK + 1, contract.begun_at.max(now - RECORD));
    let rates_days = (now - since).as_seconds() as f64 / 86_400.0;
    tx.ahead(&[
        &|tx| drop(Memory::of(tx, no, &contract)),
        &|tx| drop(history::days_of(tx, no, first, today)),
        &|tx| drop(history::faults_of_home(tx, no, Instant::from_wall_day(i64::from(first)), now)),
        &|tx| drop(device::gateways_serving(tx, no)),
        &|tx| drop(line_down(tx, no, now)),
        &|tx| drop(absence::of_home(tx, home, now - Span::days(i64::from(WEEK)), 100)),
        &|tx| drop(alert::of_home(tx, no, contract.begun_at, ALERTS)),
        &|tx| drop(alert::ends(tx, no, since)),
        &|tx| drop(settings_of(tx, home)),
        &|tx| drop(adaptation::percent(tx)),
    ]);
    let rows = device::all_devices(tx, no)?;
    let memory = Memory::of(tx, no, &contract)?;
    let settings = settings_of(tx, home)?;
    Ok(witness.shows(HomeView {
        home,
        person: contract.person,
        now,
        days: days(tx, no, &rows, first, today, now)?,
        usual: memory.usual(),
        last_sign: rows.iter().filter_map(|d| d.device.sign_at).max().max(memory.last_sign()),
        gateway: device::gateways_serving(tx, no)?.pop().map(|row| row.gateway),
        line_down_since: line_down(tx, no, now)?,
        devices: in_use(rows),
        absences: absence::of_home(tx, home, now - Span::days(i64::from(WEEK)), 100)?,
        alerts: alert::of_home(tx, no, contract.begun_at, ALERTS)?,
        rates: rules::rates(&alert::ends(tx, no, since)?, rates_days),
        rates_days,
        percent: settings.judged_by(adaptation::percent(tx)?),
        settings,
        contract,
    }))
}

/// The last day of a home, for the sheet of an open case.
pub fn recent_activity(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    home: HomeId,
    now: Instant,
) -> Result<Shown<RecentActivity>, WatchError> {
    let (no, contract, witness) = watched(ctx, tx, home)?;
    let rows = device::all_devices(tx, no)?;
    let today = now.wall_day() as i32;
    let memory = Memory::of(tx, no, &contract)?;
    let last = rows.iter().filter(|d| d.device.sign_at.is_some()).max_by_key(|d| d.device.sign_at);
    let covers = |a: &Absence| rules::stretches(a, now, now + Span::seconds(1)).iter().any(|(from, _)| *from <= now);
    let days = days(tx, no, &rows, today - 1, today, now)?;
    Ok(witness.shows(RecentActivity {
        last_sign: last.and_then(|d| d.device.sign_at).max(memory.last_sign()),
        last_place: last.map(|d| (d.device.kind, d.device.place.clone())),
        climate: newest_climate(&days),
        days,
        usual: memory.usual(),
        line_down_since: line_down(tx, no, now)?,
        away: absence::of_home(tx, home, now, 100)?.into_iter().find(covers),
    }))
}

/// Daily values of a home, oldest first, both days included.
pub fn daily_values(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    home: HomeId,
    first: Date,
    last: Date,
) -> Result<Shown<Vec<Daily>>, WatchError> {
    let (no, _, witness) = watched(ctx, tx, home)?;
    Ok(witness.shows(history::daily(tx, no, first.0, last.0)?))
}

/// Takes over daily values from elsewhere (another system, a town made for a demonstration): days that this program did
/// not watch itself. For those whose duty is all devices.
pub fn record_daily(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, days: &[Daily]) -> Result<(), WatchError> {
    access::charge(ctx, access::Charge::KeepDevices)?;
    let no = home::no_of(tx, home)?.ok_or(WatchRefusal::NoHome)?;
    history::put_daily(tx, no, days)?;
    let person = crate::contract::subject(ctx, tx, home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    audit::done(ctx, tx, Verb::RecordDaily, &witness, "watch")?;
    Ok(())
}

/// All readings ever stored; for the bench and the metrics page, not for a screen.
pub fn readings_stored(tx: &mut dyn Tx) -> Result<i64, db::DbError> {
    state::count(tx)
}

/// The home's number and contract, if the watch runs, the person consents and the actor may see it.
fn watched(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<(u32, Contract, Witness), WatchError> {
    tx.ahead(&[&|tx| drop(home::no_of(tx, home))]);
    let contract = home::contract_of_home(tx, home)?.ok_or(WatchRefusal::NoContract)?;
    tx.ahead(&[&|tx| drop(people::consent_state(tx, contract.person, ConsentScope::Watch))]);
    let witness = access::require(ctx, tx, Act::SeeWatch, contract.person)?;
    if !people::consent_state(tx, contract.person, ConsentScope::Watch)?.allows() {
        return Err(WatchRefusal::NoConsent.into());
    }
    let no = home::no_of(tx, home)?.ok_or(WatchRefusal::NoHome)?;
    Ok((no, contract, witness))
}

fn in_use(rows: Vec<DeviceRow>) -> Vec<Device> {
    rows.into_iter().map(|row| row.device).filter(|d| d.retired_at.is_none()).collect()
}

fn line_down(tx: &mut dyn Tx, no: u32, now: Instant) -> Result<Option<Instant>, WatchError> {
    let faults = history::faults_of_home(tx, no, now, now + Span::seconds(1))?;
    Ok(faults.into_iter().find(|(_, ended)| ended.is_none()).map(|(began, _)| began))
}

fn days(
    tx: &mut dyn Tx,
    no: u32,
    rows: &[DeviceRow],
    first: i32,
    last: i32,
    now: Instant,
) -> Result<Vec<DayView>, WatchError> {
    let mut logs = history::days_of(tx, no, first, last)?;
    let from = Instant::from_wall_day(i64::from(first));
    let faults = history::faults_of_home(tx, no, from, now)?;
    let day = |day: i32| {
        let log = logs.iter_mut().find(|(d, _)| *d == day).map(|(_, log)| std::mem::take(log)).unwrap_or_default();
        day_view(day, &log, rows, &faults, now)
    };
    Ok((first..=last).map(day).collect())
}

fn day_view(
    day: i32,
    log: &DayLog,
    rows: &[DeviceRow],
    faults: &[(Instant, Option<Instant>)],
    now: Instant,
) -> DayView {
    let mut view = DayView {
        date: Date(day),
        lanes: Vec::new(),
        climate: Vec::new(),
        missing: [false; QUARTERS],
        signs: log.signs,
    };
    for row in rows.iter().filter(|r| r.device.retired_at.is_none() || log.uses().iter().any(|u| u.device == r.no)) {
        let d = &row.device;
        if d.kind == DeviceKind::Climate {
            let mut room = RoomDay {
                device: d.id,
                place: d.place.clone(),
                temperature: [None; QUARTERS],
                humidity: [None; QUARTERS],
                wbgt: [None; QUARTERS],
            };
            for cell in log.climate().iter().filter(|c| c.device == row.no) {
                let q = usize::from(cell.quarter);
                (room.temperature[q], room.humidity[q], room.wbgt[q]) =
                    (cell.temperature(), cell.humidity(), cell.wbgt());
            }
            view.climate.push(room);
            continue;
        }
        let mut lane = Lane { device: d.id, kind: d.kind, place: d.place.clone(), counts: [0; QUARTERS] };
        for cell in log.uses().iter().filter(|u| u.device == row.no) {
            lane.counts[usize::from(cell.quarter)] = cell.count;
        }
        view.lanes.push(lane);
    }
    view.lanes.sort_by(|a, b| (a.kind, &a.place).cmp(&(b.kind, &b.place)));
    let midnight = Instant::from_wall_day(i64::from(day));
    for (q, missing) in view.missing.iter_mut().enumerate() {
        let from = midnight + Span::minutes(15 * q as i64);
        let until = from + Span::minutes(15);
        *missing = faults.iter().any(|(began, ended)| *began < until && ended.unwrap_or(now) > from);
    }
    view
}

fn newest_climate(days: &[DayView]) -> Vec<(String, Option<f32>, Option<f32>)> {
    let Some(today) = days.last() else { return Vec::new() };
    let newest = |room: &RoomDay| {
        let temperature = room.temperature.iter().rev().flatten().next().map(|t| t.1);
        (room.place.clone(), temperature, room.humidity.iter().rev().flatten().next().copied())
    };
    today.climate.iter().map(newest).filter(|(_, t, h)| t.is_some() || h.is_some()).collect()
}

/// What the detector of a home remembers, as saved.
struct Memory(Rhythm);

impl Memory {
    fn of(tx: &mut dyn Tx, no: u32, contract: &Contract) -> Result<Memory, WatchError> {
        let saved = state::state(tx, no)?.and_then(|body| crate::live::rhythm_of(&body, contract.begun_at));
        Ok(Memory(saved.unwrap_or_default()))
    }

    fn usual(&self) -> Usual {
        Usual { active: *self.0.usual_day(), days: self.0.days_known(), seems_out: self.0.seems_out() }
    }

    fn last_sign(&self) -> Option<Instant> {
        self.0.last_sign().map(|(at, _)| at)
    }
}
