//! What a movement that a device reports is worth: a change, the same state again, or nothing because the device is out
//! of order. Pure; the same for the live watch and for recordings.

use base::{Instant, Span};

use super::hear::{Code, Reading};
use super::home::{DeviceState, NEVER, Rare, Second};
use crate::{DeviceFault, Signal};

/// A contact or motion that says more than this in a minute is loose or broken, unless a region sets otherwise: nobody
/// opens a door so often.
pub(crate) const MOST_A_MINUTE: u8 = 20;
/// After its last chatter a device is believed again when it was quiet for so long.
const TRUSTED_AFTER: Span = Span::hours(24);
/// A sensor that sees motion, or somebody present, for so long without a break is stuck, [to verify] in the field.
const ENDLESS: Span = Span::hours(4);
/// Longest time after which a motion sensor says that motion ended.
const LONGEST_CLEARING: Span = Span::minutes(30);
/// Somebody who is seen at another distance than before, metres, has moved.
const STIRRING: f32 = 0.2;
/// While one device alone speaks for so long, and others that are heard say nothing, it is that one which errs.
const ALONE: Span = Span::hours(24);
/// A device that speaks alone does so again within this time, or it begins anew.
const ALONE_AGAIN: Span = Span::hours(6);
/// Others are heard if their gateway or they themselves said anything within this time.
const HEARD: Span = Span::hours(26);
/// Others that must contradict.
const WITNESSES: usize = 2;

/// What a reading of a movement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// Somebody moved.
    Moved,
    /// The state it had already.
    Repeats,
    /// The first word of it, or of a time before what is known.
    Nothing,
}

/// What a movement is worth, and whether the device that tells of it is out of order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub news: News,
    pub errs: bool,
    /// Whether the device is believed otherwise than before.
    pub trust_changed: bool,
}

impl Verdict {
    pub fn is_sign(self) -> bool {
        self.news == News::Moved && !self.errs
    }
}

/// Takes a reading of the home's `at`-th device beside what the others say. `gives_signs`: whether the device of this
/// number tells of life at all; `alone`: see [`is_contradicted`]; `state`: whether the reading tells one, as all devices
/// of our own do, or each of its words is somebody who moved, as in recordings that keep no states; `chatter`: words of a
/// minute that are too many.
pub(crate) fn weigh(
    devices: &mut [DeviceState],
    alone: &mut (u32, i32),
    at: usize,
    gives_signs: impl Fn(u32) -> bool,
    r: &Reading,
    state: bool,
    chatter: u8,
) -> Verdict {
    let known = &mut devices[at];
    let before = known.fault();
    let news = if state { follow(known, r) } else { News::Moved };
    let mut errs = is_out_of_order(known, r, news, chatter);
    if !errs && news == News::Moved && is_contradicted(devices, alone, at, gives_signs, r.occurred_at) {
        devices[at].err(DeviceFault::Contradicted, r.occurred_at);
        errs = true;
    }
    Verdict { news, errs, trust_changed: devices[at].fault() != before }
}

/// Keeps open, closed, occupied, present.
pub(crate) fn follow(known: &mut DeviceState, r: &Reading) -> News {
    if r.code == Code::Distance {
        return stir(known, r.value);
    }
    let on = matches!(r.code, Code::Opened | Code::Motion | Code::Present);
    if r.occurred_at < known.changed_at {
        // It was news then. Where the state is heard only now, nobody knows whether it had changed.
        let news = r.code == Code::Opened || r.code == Code::Motion && !known.clears;
        return if news { News::Moved } else { News::Nothing };
    }
    let before = known.open.replace(on);
    if r.code == Code::MotionCleared {
        learn_clearing(known, before, r.occurred_at);
    }
    if before != Some(on) {
        known.changed_at = r.occurred_at;
        // A door that we hear of late may have been closed since.
        known.left_open_told = r.is_late();
    }
    let changed = before.is_some_and(|was| was != on);
    match r.code {
        Code::Motion if !known.clears || before != Some(true) => News::Moved,
        Code::Motion if moves_still(known, r.occurred_at) => News::Moved,
        Code::Motion => News::Repeats,
        Code::MotionCleared => {
            if before == Some(false) {
                News::Repeats
            } else {
                News::Nothing
            }
        }
        _ if changed => News::Moved,
        _ if before == Some(on) => News::Repeats,
        _ => News::Nothing,
    }
}

/// A sensor that would have said by now that motion ended, and says motion again, has seen it again.
fn moves_still(known: &DeviceState, at: Instant) -> bool {
    let clears_after = known.rare.as_ref().map_or(0, |rare| rare.clears_after);
    clears_after > 0 && at - known.sign_at.at().max(known.changed_at) >= Span::seconds(i64::from(clears_after))
}

/// The shortest time from motion to its end is the sensor's own: whoever moves in between makes it longer.
fn learn_clearing(known: &mut DeviceState, before: Option<bool>, at: Instant) {
    known.clears = true;
    let took = at - known.changed_at;
    if before != Some(true) || took > LONGEST_CLEARING || took < Span::seconds(1) {
        return;
    }
    let took = took.as_seconds() as u16;
    let rare = known.rare.get_or_insert_default();
    if rare.clears_after == 0 || took < rare.clears_after {
        rare.clears_after = took;
    }
}

fn stir(known: &mut DeviceState, distance: f32) -> News {
    let before = known.rare.get_or_insert_default().distance.replace(distance);
    match before {
        Some(before) if (before - distance).abs() >= STIRRING => News::Moved,
        Some(_) => News::Repeats,
        None => News::Nothing,
    }
}

/// Whether the device is out of order by this reading, or was before: what it says is then no sign of life.
fn is_out_of_order(known: &mut DeviceState, r: &Reading, news: News, chatter: u8) -> bool {
    let minute = r.occurred_at.unix_seconds().div_euclid(60) as u16;
    let counts = matches!(r.code, Code::Opened | Code::Closed | Code::Motion);
    if known.minute != minute {
        (known.minute, known.in_minute) = (minute, 0);
    }
    known.in_minute = known.in_minute.saturating_add(u8::from(counts));
    let on = matches!(r.code, Code::Motion | Code::Present) && known.open == Some(true);
    let stuck = on && (known.clears || r.code == Code::Present) && r.occurred_at - known.still_since() > ENDLESS;
    let found = match () {
        () if known.in_minute > chatter => Some(DeviceFault::Chatters),
        () if stuck => Some(DeviceFault::NeverEnds),
        () => None,
    };
    if let Some(fault) = found {
        known.err(fault, r.occurred_at);
        return true;
    }
    let over = match known.fault() {
        None => return false,
        Some(DeviceFault::Chatters) => r.occurred_at - known.fault_at() > TRUSTED_AFTER,
        Some(DeviceFault::NeverEnds) => known.open != Some(true) || r.code == Code::Distance && news == News::Moved,
        // Another device's word ends it.
        Some(DeviceFault::Contradicted) => false,
    };
    if over {
        known.believe();
    }
    !over
}

/// A sign of life by one device: whether it has spoken alone (which, and since which minute) for a day while others,
/// which are heard, said nothing.
fn is_contradicted(
    devices: &mut [DeviceState],
    alone: &mut (u32, i32),
    index: usize,
    gives_signs: impl Fn(u32) -> bool,
    at: Instant,
) -> bool {
    let minute = |at: Instant| at.unix_seconds().div_euclid(60) as i32;
    let (device, last) = (devices[index].no, devices[index].sign_at.at());
    let (speaker, since) = *alone;
    if speaker != device || last == NEVER || at - last > ALONE_AGAIN {
        // Whoever else speaks is believed, and so is the one that was not.
        for other in devices.iter_mut().filter(|d| d.no != device) {
            if other.fault() == Some(DeviceFault::Contradicted) {
                other.believe();
                other.unsaved = true;
            }
        }
        *alone = (device, minute(at));
        return false;
    }
    if minute(at) - since < ALONE.as_minutes() as i32 {
        return false;
    }
    let witness = |d: &&DeviceState| d.online && d.sign_at != Second::NEVER && at - d.heard_at.at() < HEARD;
    let silent = devices.iter().filter(|d| d.no != device && gives_signs(d.no)).filter(witness);
    silent.count() >= WITNESSES
}

impl DeviceState {
    /// Since when nothing changed of what it sees.
    fn still_since(&self) -> Instant {
        let stirred = self.rare.as_ref().is_some_and(|rare| rare.distance.is_some());
        if stirred { self.changed_at.max(self.sign_at.at()) } else { self.changed_at }
    }

    /// Whether this is another state or value than the one known last. A press is no state.
    pub(super) fn differs(&self, code: Code, value: f32) -> bool {
        let climate = self.climate.as_ref();
        let other = |known: Option<(Second, f32)>| known.is_some_and(|(_, known)| known != value);
        match code {
            Code::Opened | Code::Motion | Code::Present => self.open == Some(false),
            Code::Closed | Code::MotionCleared | Code::Absent => self.open == Some(true),
            Code::Temperature => other(climate.and_then(|c| c.temperature)),
            Code::Humidity => other(climate.and_then(|c| c.humidity)),
            Code::Distance => self.rare.as_ref().and_then(|r| r.distance).is_some_and(|known| known != value),
            Code::Battery => self.battery.is_some_and(|known| f32::from(known) != value),
            Code::Button => false,
        }
    }

    pub fn fault(&self) -> Option<DeviceFault> {
        self.rare.as_ref().and_then(|rare| rare.fault)
    }

    pub fn fault_at(&self) -> Instant {
        self.rare.as_ref().map_or(NEVER, |rare| rare.fault_at.at())
    }

    pub(super) fn err(&mut self, fault: DeviceFault, at: Instant) {
        let rare: &mut Rare = self.rare.get_or_insert_default();
        (rare.fault, rare.fault_at) = (Some(fault), at.into());
    }

    /// What it says of itself. Nearly every device says its voltage and its warmth with each message: they are kept where
    /// they tell something that nothing else does.
    pub(super) fn note_condition(&mut self, signal: Signal) {
        let (by_voltage, unusual) = (self.battery.is_none(), |degrees: i16| !(-10..50).contains(&degrees));
        match (signal, &mut self.rare) {
            (Signal::BatteryLow(low), rare) => rare.get_or_insert_default().battery_low = Some(low),
            (Signal::Tampered(tampered), rare) => rare.get_or_insert_default().tampered = Some(tampered),
            (Signal::Voltage(n), rare) if by_voltage => rare.get_or_insert_default().millivolts = Some(n),
            (Signal::Voltage(_), Some(rare)) => rare.millivolts = None,
            (Signal::DeviceTemperature(n), rare) if unusual(n) => rare.get_or_insert_default().warmth = Some(n),
            (Signal::DeviceTemperature(_), Some(rare)) => rare.warmth = None,
            _ => {}
        }
    }

    /// It works again.
    pub fn believe(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.fault = None;
        }
    }
}
