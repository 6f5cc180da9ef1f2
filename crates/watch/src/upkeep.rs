//! What the keepers of lines and devices see: faults and outages, devices that need somebody, one device's page.

use std::collections::{BTreeSet, HashMap, HashSet};

use access::{Act, Charge, Shown};
use base::{Ctx, DeviceId, GatewayId, HomeId, Instant, PersonId, Span};
use db::Tx;
use uuid::Uuid;

use crate::live::Shared;
use crate::store::{device, home, lists, unused};
use crate::{
    ClockError, Defect, Device, DeviceFault, DeviceKind, Gateway, LineCause, Unused, WatchError, WatchRefusal,
};

/// Percent at and below which a battery is low.
pub const LOW_BATTERY: u8 = 15;
/// A climate sensor or a meter silent for so long, or any device for [`SILENT_LONG`], needs somebody.
const SILENT: Span = Span::hours(24);
const SILENT_LONG: Span = Span::days(7);

/// Lines of the list of devices that need somebody.
const MOST_NEEDS: usize = 500;
/// Kinds of messages that were not used, of all gateways.
const MOST_UNUSED: usize = 2_000;

/// One line of the list of faults: an outage of several homes, or one home's line.
#[derive(Clone, PartialEq, Debug)]
pub enum LineTrouble {
    Outage { id: Uuid, shared: Shared, name: String, began_at: Instant, homes: Vec<HomeId> },
    Fault { id: Uuid, home: HomeId, began_at: Instant, noticed_at: Instant, cause: Option<LineCause> },
}

/// A device, or a home, that needs somebody.
#[derive(Clone, PartialEq, Debug)]
pub struct CareNeed {
    pub home: HomeId,
    /// `None`: the home has no gateway or no device that could give a sign of life, what came in came from none that is
    /// registered, or it is the gateway.
    pub device: Option<Device>,
    pub why: Why,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    LowBattery(u8),
    /// The device says so itself.
    BatteryLow,
    /// It is no sign of life any more.
    Faulty(DeviceFault),
    Tampered,
    /// Its gateway says so.
    Offline,
    /// Not heard since, or never.
    Silent(Option<Instant>),
    WrongClock,
    /// What it sent could not be used, and may have been a sign of life or a call for help.
    Unused(Defect),
    /// A device that nobody registered tells of life, or calls for help.
    Unregistered {
        calls: bool,
    },
    NoGateway,
    NoDevices,
    /// The times of its gateway are wrong, and corrected.
    Clock(ClockError),
}

/// The homes whose lines somebody may see.
struct Lines {
    /// All of them, those in which nobody is watched too.
    all: bool,
    persons: HashMap<HomeId, PersonId>,
}

impl Lines {
    fn of(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Lines, WatchError> {
        let all = access::charge(ctx, Charge::KeepDevices).is_ok();
        let persons = lists::persons_of_homes(tx, &access::scope(ctx, Act::SeeLines)?)?;
        Ok(Lines { all, persons })
    }

    fn holds(&self, home: HomeId) -> bool {
        self.all || self.persons.contains_key(&home)
    }

    /// `value` with the witnesses of those who are watched in these homes.
    fn shown<T>(
        &self,
        ctx: &Ctx,
        tx: &mut dyn Tx,
        value: T,
        homes: impl Iterator<Item = HomeId>,
    ) -> Result<Shown<T>, WatchError> {
        let persons: Vec<PersonId> = homes.filter_map(|home| self.persons.get(&home).copied()).collect();
        Ok(Shown::new(value, access::require_each(ctx, tx, &[Act::SeeLines], &[], &persons)?))
    }
}

/// The faults that stand, each outage once with those of its homes that the reader may know, newest first. Ids only; for
/// the desk that keeps the lines.
pub fn line_faults(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<LineTrouble>>, WatchError> {
    let lines = Lines::of(ctx, tx)?;
    let mut troubles = Vec::new();
    for trouble in lists::line_troubles(tx)? {
        match trouble {
            LineTrouble::Outage { id, shared, name, began_at, mut homes } => {
                homes.retain(|home| lines.holds(*home));
                if !homes.is_empty() {
                    troubles.push(LineTrouble::Outage { id, shared, name, began_at, homes });
                }
            }
            LineTrouble::Fault { home, .. } if !lines.holds(home) => {}
            fault => troubles.push(fault),
        }
    }
    let homes: Vec<HomeId> = troubles.iter().flat_map(|t| t.homes().to_vec()).collect();
    lines.shown(ctx, tx, troubles, homes.into_iter())
}

impl LineTrouble {
    pub fn homes(&self) -> &[HomeId] {
        match self {
            LineTrouble::Outage { homes, .. } => homes,
            LineTrouble::Fault { home, .. } => std::slice::from_ref(home),
        }
    }
}

/// A gateway in use and what is known of its line.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayLine {
    pub gateway: Gateway,
    /// Its line is down since then.
    pub down_since: Option<Instant>,
    /// Devices in use that speak through it.
    pub devices: usize,
    /// The lowest battery among them, in percent.
    pub battery: Option<u8>,
    /// Messages that came through it and could not be used.
    pub unused: i64,
}

/// Every gateway in use, those whose line is down first, then the longest unheard; at most `limit` after the first
/// `skip`, and how many there are. For the desk that keeps the lines.
pub fn gateway_lines(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    skip: usize,
    limit: usize,
) -> Result<Shown<(Vec<GatewayLine>, usize)>, WatchError> {
    let seen = Lines::of(ctx, tx)?;
    let mut down: HashMap<HomeId, Instant> = HashMap::new();
    for trouble in lists::line_troubles(tx)? {
        match trouble {
            LineTrouble::Outage { began_at, homes, .. } => down.extend(homes.into_iter().map(|home| (home, began_at))),
            LineTrouble::Fault { home, began_at, .. } => drop(down.insert(home, began_at)),
        }
    }
    let mut behind: HashMap<GatewayId, (usize, Option<u8>)> = HashMap::new();
    for device in device::devices(tx, None)?.into_iter().map(|row| row.device).filter(|d| d.retired_at.is_none()) {
        let (devices, battery) = behind.entry(device.gateway).or_default();
        *devices += 1;
        *battery = match (*battery, device.battery) {
            (Some(lowest), Some(percent)) => Some(lowest.min(percent)),
            (known, told) => known.or(told),
        };
    }
    let mut unused = unused::sums(tx)?;
    let in_use = device::gateways(tx, None)?.into_iter().map(|row| row.gateway).filter(|g| g.revoked_at.is_none());
    let in_use = in_use.filter(|gateway| seen.holds(gateway.home));
    let mut lines: Vec<GatewayLine> = in_use
        .map(|gateway| {
            let (devices, battery) = behind.remove(&gateway.id).unwrap_or_default();
            let unused = unused.remove(&gateway.id).unwrap_or_default();
            GatewayLine { down_since: down.get(&gateway.home).copied(), devices, battery, unused, gateway }
        })
        .collect();
    lines.sort_by_key(|l| (l.down_since.is_none(), l.gateway.heard_at, l.gateway.id));
    let all = lines.len();
    let page: Vec<GatewayLine> = lines.into_iter().skip(skip).take(limit).collect();
    let homes: Vec<HomeId> = page.iter().map(|line| line.gateway.home).collect();
    seen.shown(ctx, tx, (page, all), homes.into_iter())
}

/// Devices with a low battery, silent, offline, with a wrong clock or messages that could not be used, those that nobody
/// registered and that tell of life, homes without any, and gateways whose times are corrected.
pub fn devices_needing_care(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<CareNeed>>, WatchError> {
    access::charge(ctx, Charge::KeepDevices)?;
    let lines = Lines::of(ctx, tx)?;
    let watched = lists::watched_homes(tx)?;
    let mut devices: HashMap<u32, Vec<Device>> = HashMap::new();
    let mut registered: HashSet<Named> = HashSet::new();
    for row in device::devices(tx, None)? {
        registered.insert(named(&row.device));
        devices.entry(row.home).or_default().push(row.device);
    }
    let gateways = device::gateways(tx, None)?;
    let standing: HashSet<u32> = gateways.iter().map(|row| row.home).collect();
    let mut unusable = Unusable::read(tx, &registered, ctx.now)?;
    let mut needs = Vec::new();
    for (no, home) in watched {
        let here = devices.remove(&no).unwrap_or_default();
        if !standing.contains(&no) && here.is_empty() {
            needs.push(CareNeed { home, device: None, why: Why::NoGateway });
        }
        if !here.iter().any(|d| d.kind.sign().is_some()) {
            needs.push(CareNeed { home, device: None, why: Why::NoDevices });
        }
        for device in here {
            let of_it = unusable.of(&device);
            if let Some(why) = why_care(&device, ctx.now).or(of_it) {
                needs.push(CareNeed { home, device: Some(device), why });
            }
        }
        // What is of no device that is registered, each kind of it once.
        needs.extend(unusable.rest_of(home).map(|why| CareNeed { home, device: None, why }));
        if needs.len() >= MOST_NEEDS {
            break;
        }
    }
    // Last, for the watch goes on by corrected times.
    let erring = gateways.iter().map(|row| &row.gateway).filter(|gateway| lines.holds(gateway.home));
    let erring = erring.filter_map(|gateway| Some((gateway.home, gateway.clock?)));
    needs.extend(erring.map(|(home, error)| CareNeed { home, device: None, why: Why::Clock(error) }));
    let homes: Vec<HomeId> = needs.iter().map(|need| need.home).collect();
    lines.shown(ctx, tx, needs, homes.into_iter())
}

/// One device's page.
pub fn device_page(ctx: &Ctx, tx: &mut dyn Tx, device: DeviceId) -> Result<Shown<(Device, Gateway)>, WatchError> {
    let row = device::device(tx, device)?.ok_or(WatchRefusal::NoDevice)?;
    let person = crate::contract::subject(ctx, tx, row.device.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    let gateway = device::gateway(tx, row.device.gateway)?.ok_or(WatchRefusal::NoGateway)?.gateway;
    Ok(witness.shows((row.device, gateway)))
}

/// The devices of a home, for those who keep them or may see the watch.
pub fn devices_of_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Vec<Device>>, WatchError> {
    let person = crate::contract::subject(ctx, tx, home)?;
    let witness = crate::contract::either(ctx, tx, [Act::ManageDevices, Act::SeeWatch], person)?;
    let Some(no) = home::no_of(tx, home)? else { return Ok(witness.shows(vec![])) };
    Ok(witness.shows(device::devices(tx, Some(no))?.into_iter().map(|row| row.device).collect()))
}

/// What is to be done about this device, as far as it tells by itself.
pub fn why_care(d: &Device, now: Instant) -> Option<Why> {
    let measures = matches!(d.kind, DeviceKind::Climate | DeviceKind::Power | DeviceKind::Water);
    let limit = if measures { SILENT } else { SILENT_LONG };
    let heard = d.heard_at.unwrap_or(d.assigned_at);
    match d {
        Device { fault: Some((fault, _)), .. } => Some(Why::Faulty(*fault)),
        d if d.battery.is_some_and(|b| b <= LOW_BATTERY) => d.battery.map(Why::LowBattery),
        d if d.battery_low == Some(true) => Some(Why::BatteryLow),
        d if d.tampered == Some(true) => Some(Why::Tampered),
        d if !d.online => Some(Why::Offline),
        // A button speaks when it is pressed: that it is silent says nothing.
        d if d.kind != DeviceKind::Button && now - heard > limit => Some(Why::Silent(d.heard_at)),
        d if d.counters.wrong_clock > 10 => Some(Why::WrongClock),
        _ => None,
    }
}

/// A gateway, and what it calls one of its devices.
type Named = (GatewayId, String);

fn named(device: &Device) -> Named {
    (device.gateway, base::kana::spelled(&device.serial).into_owned())
}

/// What came in within a day, was acknowledged and not used, though it may have been life or a call for help.
struct Unusable {
    of_device: HashMap<Named, Defect>,
    of_home: HashMap<HomeId, BTreeSet<Why>>,
}

impl Unusable {
    fn read(tx: &mut dyn Tx, registered: &HashSet<Named>, now: Instant) -> Result<Unusable, WatchError> {
        let (mut of_device, mut of_home) = (HashMap::new(), HashMap::<HomeId, BTreeSet<Why>>::new());
        for (gateway, home, unused) in unused::since(tx, now - SILENT, MOST_UNUSED)? {
            if unused.why.is_a_note() {
                continue;
            }
            let device = (gateway, unused.serial);
            if registered.contains(&device) {
                of_device.entry(device).or_insert(unused.why);
            } else if unused.why != Defect::NothingKnown {
                // A lamp or a plug that nobody registered says nothing of life.
                of_home.entry(home).or_default().insert(Why::Unused(unused.why));
            }
        }
        for unknown in device::inbox(tx, None, MOST_UNUSED)?.into_iter().filter(|u| now - u.last_at < SILENT) {
            if let Some(calls) = crate::Signal::life_or_call(&unknown.said) {
                of_home.entry(unknown.home).or_default().insert(Why::Unregistered { calls });
            }
        }
        Ok(Unusable { of_device, of_home })
    }

    fn of(&self, device: &Device) -> Option<Why> {
        self.of_device.get(&named(device)).map(|why| Why::Unused(*why))
    }

    fn rest_of(&mut self, home: HomeId) -> impl Iterator<Item = Why> {
        self.of_home.remove(&home).unwrap_or_default().into_iter()
    }
}

/// What came through a gateway of a home and could not be used, the newest first: of one of its devices, or all.
pub fn unused_messages(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    gateway: GatewayId,
    serial: Option<&str>,
) -> Result<Shown<Vec<Unused>>, WatchError> {
    let row = device::gateway(tx, gateway)?.ok_or(WatchRefusal::NoGateway)?;
    let person = crate::contract::subject(ctx, tx, row.gateway.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    let serial = serial.map(base::kana::spelled);
    Ok(witness.shows(unused::of_gateway(tx, row.no, serial.as_deref())?))
}
