//! One home in memory: what is fixed until somebody changes it, and the state that readings and timers move.

use std::sync::Arc;

use base::{AbsenceId, AlertId, DeviceId, HomeId, Instant, PersonId};
use uuid::Uuid;

use super::meter::Meter;
pub(crate) use crate::codec::NEVER;
use crate::codec::{Damaged, Reader, Writer};
use crate::day::DayLog;
use crate::rhythm::Rhythm;
use crate::settings::Settings;
use crate::{DeviceFault, DeviceKind, Level, Rule};

const VERSION: u8 = 3;

/// A moment to the second, in half the room of an exact one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Second(u32);

impl Second {
    pub const NEVER: Second = Second(0);

    pub fn at(self) -> Instant {
        if self == Second::NEVER { NEVER } else { Instant(i64::from(self.0) * 1_000_000) }
    }
}

/// Nothing that a home says happened before 1970, and none of it after 2106.
impl From<Instant> for Second {
    fn from(at: Instant) -> Second {
        Second(at.unix_seconds().clamp(0, i64::from(u32::MAX)) as u32)
    }
}

/// What verbs set: devices, contract, absences, settings. Replaced as a whole when one of them changes.
pub(crate) struct HomeFixed {
    pub no: u32,
    pub id: HomeId,
    /// The person of the running contract, while consent stands. `None`: nothing is collected.
    pub person: Option<PersonId>,
    pub begun_at: Instant,
    /// The gateway that stands in it; 0: none. Its devices may speak through others too.
    pub gateway: u32,
    pub devices: Box<[DeviceFixed]>,
    /// (device, from, until) of walk tests.
    pub tests: Box<[(u32, Instant, Instant)]>,
    pub absences: Box<[Away]>,
    pub settings: Arc<Settings>,
}

pub(crate) struct DeviceFixed {
    pub no: u32,
    pub gateway: u32,
    pub id: DeviceId,
    pub kind: DeviceKind,
    pub serial: Box<str>,
    pub place: Arc<str>,
}

/// One stretch of an announced absence.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Away {
    pub absence: AbsenceId,
    pub from: Instant,
    pub until: Instant,
}

/// What readings and timers move. Saved as bytes, all but `days` and `due`.
#[derive(Clone)]
pub(crate) struct HomeState {
    pub rhythm: Rhythm,
    /// Which levels were told in the running silence: [notice, alert].
    pub told: [bool; 2],
    pub devices: Vec<DeviceState>,
    /// Alerts and notices that a sign of life or a change of condition still concerns.
    pub standing: Vec<Standing>,
    /// An entrance opened at night and nothing was heard inside since.
    pub night_door: Option<Instant>,
    /// The last night that was told, as the wall day of its evening.
    pub night_told: i32,
    /// The last activity noted in an absence. Rare, like a fault; kept apart so that every home is small.
    pub activity: Option<Box<(AbsenceId, Instant)>>,
    /// The device that alone gave signs of life lately, and since which minute.
    pub alone: (u32, i32),
    /// Of those who are asked every day.
    pub daily: Option<Box<DailyCall>>,
    /// When somebody last made sure that the person is well.
    pub reassured_at: Option<Instant>,
    /// The beginning of the contract under which all this was learned.
    pub watched_since: Instant,
    /// Heard since the last save, to be added to the stored days.
    pub days: Vec<(i32, DayLog)>,
    /// The next inactivity deadline, kept until something changes it.
    pub due: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(crate) struct DailyCall {
    /// The last day whose question is decided, as its wall day.
    pub day: i32,
    /// When the question that stands was asked.
    pub asked: Option<Instant>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct DeviceState {
    pub no: u32,
    /// Open, or occupied; `None` until first heard.
    pub open: Option<bool>,
    /// This motion sensor says when motion ended, so that a motion said twice is one.
    pub clears: bool,
    pub left_open_told: bool,
    pub online: bool,
    pub battery: Option<u8>,
    pub link: Option<u8>,
    /// The newest `occurred_at` stored of it: what lies after cannot be a duplicate.
    pub last_at: Instant,
    pub changed_at: Instant,
    pub heard_at: Second,
    pub sign_at: Second,
    pub climate: Option<Box<RoomClimate>>,
    /// The minute of its last movement (the lowest bits of its number), and how many it reported in it.
    pub minute: u16,
    pub in_minute: u8,
    pub rare: Option<Box<Rare>>,
    /// Something of it may have changed since its row was written.
    pub unsaved: bool,
}

/// What few devices say, or was found out about them. Kept apart so that every home is small.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Rare {
    /// Seconds after which a motion sensor says that motion ended; 0: not known.
    pub clears_after: u16,
    pub fault: Option<DeviceFault>,
    pub fault_at: Second,
    /// Metres to whoever is present.
    pub distance: Option<f32>,
    pub battery_low: Option<bool>,
    pub tampered: Option<bool>,
    pub millivolts: Option<u16>,
    /// Of its own case, degrees Celsius.
    pub warmth: Option<i16>,
    /// Of a meter.
    pub meter: Option<Box<Meter>>,
}

/// How warm and damp a room is, and for how long it has been beyond which limit.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RoomClimate {
    pub temperature: Option<(Second, f32)>,
    pub humidity: Option<(Second, f32)>,
    /// By rule (hot, cold, WBGT) and level; [`Second::NEVER`] while within.
    pub since: [[Second; 2]; 3],
    pub told: [[bool; 2]; 3],
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Standing {
    pub alert: AlertId,
    pub rule: Rule,
    pub level: Level,
    /// 0: the home as a whole.
    pub device: u32,
    pub raised_at: Instant,
}

impl HomeFixed {
    /// Whether this happened in a walk test of the device.
    pub fn was_tested(&self, device: u32, at: Instant) -> bool {
        self.tests.iter().any(|(no, from, until)| *no == device && (*from..*until).contains(&at))
    }

    /// The gateways through which this home is heard, each once.
    pub fn gateways(&self) -> impl Iterator<Item = u32> {
        let own = Some(self.gateway).filter(|no| *no != 0);
        let first = |(n, d): (usize, &DeviceFixed)| {
            let seen = d.gateway == self.gateway || self.devices[..n].iter().any(|before| before.gateway == d.gateway);
            (!seen).then_some(d.gateway)
        };
        own.into_iter().chain(self.devices.iter().enumerate().filter_map(first))
    }

    /// Bytes on the heap, its own included.
    pub fn bytes(&self) -> usize {
        let serials: usize = self.devices.iter().map(|d| d.serial.len()).sum();
        size_of::<HomeFixed>()
            + size_of_val(&*self.devices)
            + serials
            + size_of_val(&*self.absences)
            + size_of_val(&*self.tests)
            + 16
    }
}

impl HomeState {
    /// Bytes on the heap, without those of the value itself.
    pub fn heap_bytes(&self) -> usize {
        let climates = self.devices.iter().filter(|d| d.climate.is_some()).count();
        self.devices.capacity() * size_of::<DeviceState>()
            + climates * size_of::<RoomClimate>()
            + self.devices.iter().filter(|d| d.rare.is_some()).count() * size_of::<Rare>()
            + self.devices.iter().filter(|d| d.meter().is_some()).count() * size_of::<Meter>()
            + usize::from(self.daily.is_some()) * size_of::<DailyCall>()
            + usize::from(self.activity.is_some()) * size_of::<(AbsenceId, Instant)>()
            + self.standing.capacity() * size_of::<Standing>()
            + self.days.capacity() * size_of::<(i32, DayLog)>()
            + self.days.iter().map(|(_, log)| log.heap_bytes()).sum::<usize>()
    }

    pub fn new() -> HomeState {
        HomeState {
            rhythm: Rhythm::new(),
            told: [false; 2],
            devices: Vec::new(),
            standing: Vec::new(),
            night_door: None,
            night_told: 0,
            activity: None,
            alone: (0, 0),
            daily: None,
            reassured_at: None,
            watched_since: NEVER,
            days: Vec::new(),
            due: None,
        }
    }

    /// The newest sign of life, to the second.
    pub fn last_sign(&self) -> Option<Instant> {
        self.rhythm.last_sign().map(|(at, _)| at)
    }

    /// To be changed, and therefore to be saved.
    pub fn device(&mut self, no: u32) -> &mut DeviceState {
        let at = self.device_at(no);
        &mut self.devices[at]
    }

    /// Where this device stands in the list; to be changed, and therefore to be saved.
    pub fn device_at(&mut self, no: u32) -> usize {
        let at = match self.devices.iter().position(|d| d.no == no) {
            Some(at) => at,
            None => {
                self.devices.reserve_exact(1);
                self.devices.push(DeviceState::new(no));
                self.devices.len() - 1
            }
        };
        self.devices[at].unsaved = true;
        at
    }

    pub fn day(&mut self, day: i64) -> &mut DayLog {
        let day = day as i32;
        let at = match self.days.iter().position(|(d, _)| *d == day) {
            Some(at) => at,
            None => {
                self.days.reserve_exact(1);
                self.days.push((day, DayLog::default()));
                self.days.len() - 1
            }
        };
        &mut self.days[at].1
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer(Vec::with_capacity(1400));
        let time = |t: Option<Instant>| t.unwrap_or(NEVER).0;
        w.u8(VERSION).bytes(&self.rhythm.encode());
        w.u8(flags(&self.told));
        w.i64(time(self.night_door)).i32(self.night_told);
        w.i64(self.activity.as_ref().map_or(NEVER, |a| a.1).0);
        id(&mut w, self.activity.as_ref().map_or(Uuid::nil(), |a| a.0.0));
        w.i64(time(self.reassured_at)).i64(self.watched_since.0);
        w.u32(self.alone.0).i32(self.alone.1);
        let daily = self.daily.as_deref().copied().unwrap_or_default();
        w.i32(daily.day).i64(time(daily.asked));
        w.u16(self.devices.len() as u16);
        self.devices.iter().for_each(|d| d.encode(&mut w));
        w.u16(self.standing.len() as u16);
        for s in &self.standing {
            id(&mut w, s.alert.0);
            w.u8(s.rule as u8).u8(s.level as u8).u32(s.device).i64(s.raised_at.0);
        }
        w.0
    }

    pub fn decode(bytes: &[u8]) -> Result<HomeState, Damaged> {
        let mut r = Reader(bytes);
        let version = r.u8()?;
        if !(1..=VERSION).contains(&version) {
            return Err(Damaged);
        }
        let rhythm = Rhythm::decode(r.bytes()?).map_err(|_| Damaged)?;
        let told = read_flags(r.u8()?);
        let night_door = read_time(&mut r)?;
        let night_told = r.i32()?;
        let (noted, absence) = (read_time(&mut r)?, read_id(&mut r)?);
        let mut state = HomeState::new();
        (state.reassured_at, state.watched_since) = (read_time(&mut r)?, Instant(r.i64()?));
        if version > 1 {
            state.alone = (r.u32()?, r.i32()?);
        }
        if version > 2 {
            let daily = DailyCall { day: r.i32()?, asked: read_time(&mut r)? };
            state.daily = (daily != DailyCall::default()).then(|| Box::new(daily));
        }
        for _ in 0..r.u16()? {
            state.devices.push(DeviceState::decode(&mut r, version)?);
        }
        for _ in 0..r.u16()? {
            let alert = AlertId(read_id(&mut r)?);
            let rule = *Rule::ALL.get(usize::from(r.u8()?)).ok_or(Damaged)?;
            let level = if r.u8()? == Level::Notice as u8 { Level::Notice } else { Level::Alert };
            state.standing.push(Standing { alert, rule, level, device: r.u32()?, raised_at: Instant(r.i64()?) });
        }
        r.end()?;
        let activity = noted.map(|at| Box::new((AbsenceId(absence), at)));
        Ok(HomeState { rhythm, told, night_door, night_told, activity, ..state })
    }
}

impl DeviceState {
    pub fn new(no: u32) -> DeviceState {
        DeviceState {
            no,
            open: None,
            clears: false,
            left_open_told: false,
            online: true,
            battery: None,
            link: None,
            last_at: NEVER,
            changed_at: NEVER,
            heard_at: Second::NEVER,
            sign_at: Second::NEVER,
            climate: None,
            minute: 0,
            in_minute: 0,
            rare: None,
            unsaved: false,
        }
    }

    fn meter(&self) -> Option<&Meter> {
        self.rare.as_ref().and_then(|rare| rare.meter.as_deref())
    }

    fn encode(&self, w: &mut Writer) {
        let open = self.open.map_or(2, u8::from);
        let has = [self.climate.is_some(), self.rare.is_some(), self.meter().is_some()];
        w.u32(self.no).u8(open).u8(flags(&[self.clears, self.left_open_told, self.online, has[0], has[1], has[2]]));
        w.i16(self.battery.map_or(-1, i16::from)).i16(self.link.map_or(-1, i16::from));
        for time in [self.last_at, self.changed_at, self.heard_at.at(), self.sign_at.at()] {
            w.i64(time.0);
        }
        w.u16(self.minute).u8(self.in_minute);
        if let Some(rare) = &self.rare {
            rare.encode(w);
        }
        if let Some(meter) = self.meter() {
            meter.encode(w);
        }
        let Some(c) = &self.climate else { return };
        for value in [c.temperature, c.humidity] {
            let (at, v) = value.unwrap_or((Second::NEVER, 0.0));
            w.i64(at.at().0).f32(v);
        }
        for since in c.since.iter().flatten() {
            w.i64(since.at().0);
        }
        for told in &c.told {
            w.u8(flags(told));
        }
    }

    fn decode(r: &mut Reader<'_>, version: u8) -> Result<DeviceState, Damaged> {
        let mut device = DeviceState::new(r.u32()?);
        device.open = match r.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
        let [clears, left_open_told, online, has_climate, is_rare, is_meter] = read_flags(r.u8()?);
        (device.clears, device.left_open_told, device.online) = (clears, left_open_told, online);
        device.battery = u8::try_from(r.i16()?).ok();
        device.link = u8::try_from(r.i16()?).ok();
        (device.last_at, device.changed_at) = (Instant(r.i64()?), Instant(r.i64()?));
        (device.heard_at, device.sign_at) = (Instant(r.i64()?).into(), Instant(r.i64()?).into());
        if version > 1 {
            (device.minute, device.in_minute) = (r.u16()?, r.u8()?);
        }
        if is_rare {
            device.rare = Some(Box::new(Rare::decode(r)?));
        }
        if is_meter {
            device.rare.get_or_insert_default().meter = Some(Box::new(Meter::decode(r)?));
        }
        if !has_climate {
            return Ok(device);
        }
        let mut climate = RoomClimate::default();
        for value in [&mut climate.temperature, &mut climate.humidity] {
            let (at, v) = (read_time(r)?, r.f32()?);
            *value = at.map(|at| (at.into(), v));
        }
        for since in climate.since.iter_mut().flatten() {
            *since = Instant(r.i64()?).into();
        }
        for told in &mut climate.told {
            *told = read_flags(r.u8()?);
        }
        device.climate = Some(Box::new(climate));
        Ok(device)
    }
}

impl Rare {
    fn encode(&self, w: &mut Writer) {
        let said = |flag: Option<bool>| flag.map_or(2, u8::from);
        w.u16(self.clears_after).u8(self.fault.map_or(u8::MAX, |fault| fault as u8)).i64(self.fault_at.at().0);
        w.f32(self.distance.unwrap_or(f32::NAN)).u8(said(self.battery_low)).u8(said(self.tampered));
        w.u16(self.millivolts.unwrap_or(u16::MAX)).i16(self.warmth.unwrap_or(i16::MIN));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Rare, Damaged> {
        let said = |byte: u8| (byte < 2).then_some(byte == 1);
        Ok(Rare {
            clears_after: r.u16()?,
            fault: DeviceFault::ALL.get(usize::from(r.u8()?)).copied(),
            fault_at: Instant(r.i64()?).into(),
            distance: Some(r.f32()?).filter(|metres| !metres.is_nan()),
            battery_low: said(r.u8()?),
            tampered: said(r.u8()?),
            millivolts: Some(r.u16()?).filter(|n| *n != u16::MAX),
            warmth: Some(r.i16()?).filter(|n| *n != i16::MIN),
            meter: None,
        })
    }
}

impl Default for RoomClimate {
    fn default() -> RoomClimate {
        RoomClimate { temperature: None, humidity: None, since: [[Second::NEVER; 2]; 3], told: [[false; 2]; 3] }
    }
}

fn flags<const N: usize>(bits: &[bool; N]) -> u8 {
    bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))
}

fn read_flags<const N: usize>(byte: u8) -> [bool; N] {
    std::array::from_fn(|n| byte >> n & 1 == 1)
}

fn id(w: &mut Writer, id: Uuid) {
    w.0.extend(id.as_bytes());
}

fn read_id(r: &mut Reader<'_>) -> Result<Uuid, Damaged> {
    let (front, rest) = r.0.split_first_chunk::<16>().ok_or(Damaged)?;
    r.0 = rest;
    Ok(Uuid::from_bytes(*front))
}

fn read_time(r: &mut Reader<'_>) -> Result<Option<Instant>, Damaged> {
    let at = Instant(r.i64()?);
    Ok((at != NEVER).then_some(at))
}
