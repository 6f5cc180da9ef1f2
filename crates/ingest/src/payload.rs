//! What gateways write, read into arrivals: our own JSON, and the topics of makers as they publish by default
//! (`docs/readings.md`).
//!
//! Pure: bytes in, arrivals and defects out, never a panic. It refuses to know whether a time is plausible, a state
//! is news or a device is known; that is the watch's to judge.

mod entity;
mod esphome;
mod loose;
mod mending;
mod own;
mod shelly;
mod statestream;
mod tasmota;
mod zigbee;

use std::borrow::Cow;

use base::{GatewayId, Instant};
use watch::{Arrival, Defect, Malformed, SERIAL_CHARS, Signal};

use loose::Loose;
use mending::without_bom;

pub use own::{read_document, read_lines};

/// The topic of our own payload.
pub const READINGS_TOPIC: &str = "tsunagari/v1/readings";

/// By whom, when and how a message came in.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub gateway: GatewayId,
    pub received_at: Instant,
    /// MQTT's retain flag.
    pub retained: bool,
}

/// What was read so far; one `Parsed` gathers many messages.
#[derive(Default, Debug)]
pub struct Parsed {
    pub arrivals: Vec<Arrival>,
    pub rejected: Vec<Rejected>,
    /// Messages that are nobody's readings and no mistake either (housekeeping, values that are neither life nor call).
    pub ignored: u32,
}

/// A reading that could not be read, and its place in the document: the line of NDJSON, or which reading of a list,
/// counted from 1.
#[derive(Debug)]
pub struct Rejected {
    pub place: u32,
    pub malformed: Malformed,
}

/// Reads one published message, whatever its topic. A topic says by its shape whose it is; where two makers could mean
/// it, the first of this order does.
pub fn read_publish(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) {
    if topic == READINGS_TOPIC {
        return read_document(origin, payload, into);
    }
    let payload = without_bom(payload);
    // An empty message only deletes a retained one.
    if is_housekeeping(topic) || payload.is_empty() {
        into.ignored += 1;
        return;
    }
    let read = zigbee::read(origin, topic, payload, into)
        || tasmota::read(origin, topic, payload, into)
        || statestream::read(origin, topic, payload, into)
        || shelly::read(origin, topic, payload, into)
        || esphome::read(origin, topic, payload, into);
    if !read {
        let seen = [topic.as_bytes(), b" ", payload].concat();
        into.reject(origin, 1, None, Defect::ForeignTopic, &seen);
    }
}

/// Whether a topic carries readings; what does not may be thrown away unread when it is too large.
pub fn carries_readings(topic: &str) -> bool {
    !is_housekeeping(topic)
}

/// Under which topic a client publishes if it is the box itself and no broker: the one its Will lies in. What such a
/// client marks as retained is to be kept by brokers and was kept by none, so it is news.
pub fn own_topic(will: &str) -> Option<&str> {
    will.rsplit_once('/').map(|(own, _)| own).filter(|own| !own.is_empty() && !own.starts_with('$'))
}

/// Nobody's readings and no mistake: what a bridge tells of itself under `$SYS` (a sign of the line, which the connection
/// itself shows better), what describes devices to Home Assistant, commands and their answers, logs.
fn is_housekeeping(topic: &str) -> bool {
    const UNDER: [&str; 6] =
        ["$SYS/", "cmnd/", "tasmota/discovery/", "esphome/discover/", "shellies/announce", "shellies/command"];
    const ENDING: [&str; 2] = ["/debug", "/debug/log"];
    match topic.split_once('/') {
        Some(("zigbee2mqtt", rest)) => {
            let asks = |verb: &str| rest.ends_with(&verb[..4]) || rest.contains(verb);
            rest.starts_with("bridge/") && rest != "bridge/state" || asks("/set/") || asks("/get/")
        }
        Some(("homeassistant", rest)) => rest == "status" || rest.ends_with("/config"),
        _ => {
            UNDER.iter().any(|start| topic.starts_with(start))
                || ENDING.iter().any(|end| topic.ends_with(end))
                || topic.ends_with("/rpc") && !topic.ends_with("/events/rpc")
        }
    }
}

impl Parsed {
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty() && self.rejected.is_empty()
    }

    pub(crate) fn reject(&mut self, origin: &Origin, place: u32, serial: Option<String>, why: Defect, payload: &[u8]) {
        let malformed = Malformed::new(origin.gateway, serial, why, payload, origin.received_at);
        self.rejected.push(Rejected { place, malformed });
    }

    pub(crate) fn arrive(&mut self, origin: &Origin, serial: &str, signal: Signal, occurred_at: Option<Instant>) {
        self.arrivals.push(Arrival {
            gateway: origin.gateway,
            serial: serial.to_owned(),
            signal,
            occurred_at,
            received_at: origin.received_at,
            retained: origin.retained,
        });
    }

    /// Takes what one message says of one device, `sent` as it came: a value that cannot be read costs itself and no other,
    /// and a time that cannot be read only itself. `false` where nothing is said that we know.
    fn take(
        &mut self,
        origin: &Origin,
        serial: &str,
        said: &[Result<Signal, Defect>],
        when: Result<Option<Instant>, Defect>,
        sent: &[u8],
    ) -> bool {
        let (at, mut wrong) = match when {
            Ok(at) => (at, None),
            Err(why) => (None, Some(why)),
        };
        let mut known = false;
        for signal in said {
            match signal {
                Ok(signal) => self.arrive(origin, serial, *signal, at),
                Err(Defect::NoValue) => continue,
                Err(why) => wrong = Some(*why),
            }
            known = true;
        }
        if let Some(why) = wrong {
            self.reject(origin, 1, Some(serial.to_owned()), why, sent);
        }
        known || wrong.is_some()
    }

    /// The same for a message that is about nothing else, where to say nothing is as good as no message.
    fn take_alone(&mut self, origin: &Origin, serial: &str, said: Result<Signal, Defect>, sent: &[u8]) {
        if !self.take(origin, serial, &[said], Ok(None), sent) {
            self.ignored += 1;
        }
    }
}

/// A device's name as it may be kept: one device is one, however its name is typed. `None` where it is empty, too long or
/// carries control characters.
fn serial(text: &str) -> Option<Cow<'_, str>> {
    let fits =
        |text: &str| !text.is_empty() && text.chars().count() <= SERIAL_CHARS && !text.chars().any(char::is_control);
    Some(base::kana::spelled(text)).filter(|text| fits(text))
}

/// A part of a box, where one box has several sensors.
fn part(of: &str, name: &str) -> String {
    format!("{of}/{name}")
}

/// What a box says of its own reach: `online` and `offline`, `true` and `false`, in any letters.
fn reach(payload: &[u8]) -> Result<Signal, Defect> {
    match &Loose::plain(payload) {
        Loose::Text(word) if word.eq_ignore_ascii_case("online") => Ok(Signal::DeviceOnline(true)),
        Loose::Text(word) if word.eq_ignore_ascii_case("offline") => Ok(Signal::DeviceOnline(false)),
        Loose::Number(_) => Err(Defect::BadValue),
        said => said.flag().map(Signal::DeviceOnline),
    }
}

/// Of the battery: sensors say millivolts or volts, and what lies between is a plug's mains.
fn voltage(said: &Loose) -> Result<Signal, Defect> {
    match said.measure(0.0, 60_000.0)? {
        volts if volts <= 30.0 => Ok(Signal::Voltage((volts * 1000.0).round() as u16)),
        mains if mains < 1000.0 => Err(Defect::NoValue),
        millivolts => Ok(Signal::Voltage(millivolts.round() as u16)),
    }
}

/// Whatever names a kind of press; nobody's call for help is refused for its word. Some senders say that there is none
/// after each press.
fn pressed(said: &Loose) -> Result<Signal, Defect> {
    match said {
        Loose::Nothing | Loose::Flag(false) => Err(Defect::NoValue),
        Loose::Text(text) if ["", "none", "null"].contains(&text.trim().to_ascii_lowercase().as_str()) => {
            Err(Defect::NoValue)
        }
        _ => Ok(Signal::Button),
    }
}

fn temperature(said: &Loose) -> Result<Signal, Defect> {
    said.measure(-100.0, 200.0).map(Signal::Temperature)
}

fn humidity(said: &Loose) -> Result<Signal, Defect> {
    said.measure(0.0, 100.0).map(Signal::Humidity)
}

fn contact(open: bool) -> Signal {
    Signal::Contact { open }
}

fn motion(seen: bool) -> Signal {
    if seen { Signal::Motion } else { Signal::MotionCleared }
}

/// Why a whole JSON text was refused.
fn defect_of(error: &serde_json::Error, payload: &[u8]) -> Defect {
    if std::str::from_utf8(payload).is_err() {
        return Defect::NotText;
    }
    match error.classify() {
        serde_json::error::Category::Data => Defect::WrongForm,
        _ => Defect::NotJson,
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
