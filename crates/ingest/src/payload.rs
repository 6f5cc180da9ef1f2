//! What gateways write, read into arrivals: our own JSON (`docs/readings.md`) and Zigbee2MQTT's topics.
//!
//! Pure: bytes in, arrivals and defects out, never a panic. It refuses to know whether a time is plausible, a state
//! is news or a device is known; that is the watch's to judge.

mod loose;
mod mending;
mod own;
mod zigbee;

use std::borrow::Cow;

use base::{GatewayId, Instant};
use watch::{Arrival, Defect, Malformed, SERIAL_CHARS, Signal};

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
    /// Messages that are nobody's readings and no mistake either (`$SYS`, Zigbee2MQTT's own housekeeping).
    pub ignored: u32,
}

/// A reading that could not be read, and its place in the document: the line of NDJSON, or which reading of a list,
/// counted from 1.
#[derive(Debug)]
pub struct Rejected {
    pub place: u32,
    pub malformed: Malformed,
}

/// Reads one published message, whatever its topic.
pub fn read_publish(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) {
    if topic == READINGS_TOPIC {
        return read_document(origin, payload, into);
    }
    if let Some(rest) = topic.strip_prefix("zigbee2mqtt/") {
        return zigbee::read(origin, rest, payload, into);
    }
    // A bridge tells its own state under $SYS: a sign of the line, which the connection itself shows better.
    if topic.starts_with("$SYS/") {
        into.ignored += 1;
        return;
    }
    let mut seen = Vec::with_capacity(topic.len() + 1 + payload.len());
    seen.extend_from_slice(topic.as_bytes());
    seen.push(b' ');
    seen.extend_from_slice(payload);
    into.reject(origin, 1, None, Defect::ForeignTopic, &seen);
}

/// Whether a topic carries readings; what does not may be thrown away unread when it is too large.
pub fn carries_readings(topic: &str) -> bool {
    !topic.starts_with("$SYS/") && !topic.starts_with("zigbee2mqtt/bridge/")
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
}

/// A device's name as it may be kept: one device is one, however its name is typed. `None` where it is empty, too long or
/// carries control characters.
fn serial(text: &str) -> Option<Cow<'_, str>> {
    let fits =
        |text: &str| !text.is_empty() && text.chars().count() <= SERIAL_CHARS && !text.chars().any(char::is_control);
    Some(base::kana::spelled(text)).filter(|text| fits(text))
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
mod tests;
