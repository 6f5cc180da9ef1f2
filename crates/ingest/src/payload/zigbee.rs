//! Zigbee2MQTT's topics under `zigbee2mqtt/`, as its sensors send them: the state of a device, its availability, the
//! bridge's own state. Everything else under `bridge/` is housekeeping and ignored.
//!
//! Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html

use serde::Deserialize;
use watch::{Defect, Signal};

use super::loose::Loose;
use super::mending::{read_or_mend, without_bom};
use super::{Origin, Parsed, defect_of, serial};

/// What of a device's state is read; some sensors send a dozen more.
#[derive(Deserialize)]
struct State<'a> {
    /// `true`: the two halves touch, so the door is closed.
    #[serde(borrow, default)]
    contact: Loose<'a>,
    #[serde(borrow, default)]
    occupancy: Loose<'a>,
    /// mmWave: somebody is there, moving or not.
    #[serde(borrow, default)]
    presence: Loose<'a>,
    #[serde(borrow, default)]
    target_distance: Loose<'a>,
    #[serde(borrow, default)]
    battery_low: Loose<'a>,
    #[serde(borrow, default)]
    tamper: Loose<'a>,
    #[serde(borrow, default)]
    voltage: Loose<'a>,
    #[serde(borrow, default)]
    device_temperature: Loose<'a>,
    #[serde(borrow, default)]
    action: Loose<'a>,
    #[serde(borrow, default)]
    temperature: Loose<'a>,
    #[serde(borrow, default)]
    humidity: Loose<'a>,
    #[serde(borrow, default)]
    battery: Loose<'a>,
    #[serde(borrow, default)]
    linkquality: Loose<'a>,
    #[serde(borrow, default)]
    last_seen: Loose<'a>,
}

#[derive(Deserialize)]
struct Availability<'a> {
    #[serde(borrow, default)]
    state: Loose<'a>,
}

/// Reads one message; `topic` is what follows `zigbee2mqtt/`.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) {
    let payload = without_bom(payload);
    // An empty message only deletes a retained one.
    if payload.is_empty() {
        into.ignored += 1;
        return;
    }
    if topic == "bridge/state" {
        return read_availability(origin, "", payload, into);
    }
    if topic.starts_with("bridge/") || topic.ends_with("/set") || topic.ends_with("/get") {
        into.ignored += 1;
        return;
    }
    // A friendly name may itself hold slashes.
    let (name, availability) = match topic.strip_suffix("/availability") {
        Some(name) => (name, true),
        None => (topic, false),
    };
    let Some(name) = serial(name) else {
        return into.reject(origin, 1, None, Defect::BadDevice, payload);
    };
    let name = name.as_ref();
    if availability {
        return read_availability(origin, name, payload, into);
    }
    read_state(origin, name, payload, into);
}

fn read_availability(origin: &Origin, name: &str, payload: &[u8], into: &mut Parsed) {
    let online = match payload.trim_ascii() {
        b"online" => Some(true),
        b"offline" => Some(false),
        text => serde_json::from_slice::<Availability>(text).ok().and_then(|a| match a.state {
            Loose::Text(state) if state == "online" => Some(true),
            Loose::Text(state) if state == "offline" => Some(false),
            _ => None,
        }),
    };
    match online {
        Some(online) => into.arrive(origin, name, Signal::DeviceOnline(online), None),
        None => into.reject(origin, 1, (!name.is_empty()).then(|| name.to_owned()), Defect::BadValue, payload),
    }
}

fn read_state(origin: &Origin, name: &str, payload: &[u8], into: &mut Parsed) {
    let refuse = |into: &mut Parsed, why| into.reject(origin, 1, Some(name.to_owned()), why, payload);
    if payload.trim_ascii_start().first() == Some(&b'[') {
        return refuse(into, Defect::WrongForm);
    }
    if let Err(error) = read_or_mend(payload, |text| read_fields(origin, name, text, payload, into)) {
        refuse(into, defect_of(&error, payload));
    }
}

/// `sent` is what stands in the gateway's list of what could not be used.
fn read_fields(
    origin: &Origin,
    name: &str,
    payload: &[u8],
    sent: &[u8],
    into: &mut Parsed,
) -> Result<(), serde_json::Error> {
    let state: State = serde_json::from_slice(payload)?;
    // A time that cannot be read costs itself: the message came, and that is known.
    let (at, bad_time) = match state.last_seen.time() {
        Ok(at) => (at, None),
        Err(why) => (None, Some(why)),
    };
    let signals = [
        state.contact.flag().map(|touching| Signal::Contact { open: !touching }),
        state.occupancy.flag().map(|seen| if seen { Signal::Motion } else { Signal::MotionCleared }),
        state.presence.flag().map(Signal::Presence),
        state.target_distance.measure(0.0, 100.0).map(Signal::Distance),
        pressed(&state.action),
        state.temperature.measure(-100.0, 200.0).map(Signal::Temperature),
        state.humidity.measure(0.0, 100.0).map(Signal::Humidity),
        state.battery.whole(100).map(Signal::Battery),
        state.battery_low.flag().map(Signal::BatteryLow),
        state.tamper.flag().map(Signal::Tampered),
        state.voltage.measure(0.0, 60_000.0).map(|v| Signal::Voltage(v.round() as u16)),
        state.device_temperature.measure(-100.0, 200.0).map(|t| Signal::DeviceTemperature(t.round() as i16)),
        state.linkquality.whole(255).map(Signal::LinkQuality),
    ];
    // One bad field costs itself and no other.
    let (mut known, mut wrong) = (false, bad_time);
    for signal in signals {
        match signal {
            Ok(signal) => into.arrive(origin, name, signal, at),
            Err(Defect::NoValue) => continue,
            Err(why) => wrong = Some(why),
        }
        known = true;
    }
    match wrong {
        Some(why) => into.reject(origin, 1, Some(name.to_owned()), why, sent),
        None if !known => into.reject(origin, 1, Some(name.to_owned()), Defect::NothingKnown, sent),
        None => {}
    }
    Ok(())
}

/// Older versions send an empty action after each press; newer ones may send none. Whatever else stands there names the
/// kind of press: nobody's call for help is refused for its word.
fn pressed(action: &Loose) -> Result<Signal, Defect> {
    match action {
        Loose::Nothing | Loose::Flag(false) => Err(Defect::NoValue),
        Loose::Text(text) if ["", "none", "null"].contains(&text.trim().to_ascii_lowercase().as_str()) => {
            Err(Defect::NoValue)
        }
        _ => Ok(Signal::Button),
    }
}
