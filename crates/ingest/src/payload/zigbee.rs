//! Zigbee2MQTT's topics under `zigbee2mqtt/`, as its sensors send them: the state of a device, its availability, the
//! bridge's own state, and single values where its output is `attribute`.
//!
//! Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html

use serde::Deserialize;
use watch::{Defect, Signal};

use super::loose::Loose;
use super::mending::read_or_mend;
use super::{Origin, Parsed, contact, defect_of, humidity, motion, pressed, serial, temperature, voltage};

/// Words of Tuya's radars for somebody who is there.
const SEEN: [&str; 6] = ["presence", "move", "moving", "large", "small", "static"];
/// Actions of Aqara's DJT11LM.
const UNPRESSED: [&str; 3] = ["vibration", "tilt", "drop"];

/// What of a device's state is read; some sensors send a dozen more.
#[derive(Deserialize, Default)]
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
    presence_state: Loose<'a>,
    #[serde(borrow, default)]
    motion_state: Loose<'a>,
    #[serde(borrow, default)]
    state: Loose<'a>,
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
    /// What an action was called before 2.0.
    #[serde(borrow, default)]
    click: Loose<'a>,
    /// Pendants and cords of the alarm system's profile: a call for help, without any action.
    #[serde(borrow, default)]
    sos: Loose<'a>,
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

/// Reads one message, if it is of Zigbee2MQTT.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) -> bool {
    let Some(topic) = topic.strip_prefix("zigbee2mqtt/") else { return false };
    if topic == "bridge/state" {
        read_availability(origin, "", payload, into);
        return true;
    }
    // A friendly name may itself hold slashes.
    let (name, rest) = match topic.rsplit_once('/') {
        Some((name, "availability")) => (name, Some("availability")),
        Some((name, attribute)) if is_attribute(attribute, payload) => (name, Some(attribute)),
        _ => (topic, None),
    };
    let Some(name) = serial(name) else {
        into.reject(origin, 1, None, Defect::BadDevice, payload);
        return true;
    };
    match rest {
        None => read_state(origin, &name, payload, into),
        Some("availability") => read_availability(origin, &name, payload, into),
        Some(attribute) => read_attribute(origin, &name, attribute, payload, into),
    }
    true
}

/// With `advanced.output: attribute` each value has a topic of its own, and is no object.
fn is_attribute(name: &str, payload: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    !matches!(payload.trim_ascii_start().first(), Some(b'{' | b'[') | None) && name.bytes().all(plain)
}

/// A value that we do not read is none of ours, while the device is known by those we do.
fn read_attribute(origin: &Origin, name: &str, attribute: &str, payload: &[u8], into: &mut Parsed) {
    let value = Loose::plain(payload);
    let mut state = State::default();
    let place = match attribute {
        "contact" => &mut state.contact,
        "occupancy" => &mut state.occupancy,
        "presence" => &mut state.presence,
        "state" => &mut state.state,
        "target_distance" => &mut state.target_distance,
        "battery_low" => &mut state.battery_low,
        "tamper" => &mut state.tamper,
        "voltage" => &mut state.voltage,
        "device_temperature" => &mut state.device_temperature,
        "action" => &mut state.action,
        "click" => &mut state.click,
        "sos" => &mut state.sos,
        "temperature" => &mut state.temperature,
        "humidity" => &mut state.humidity,
        "battery" => &mut state.battery,
        "linkquality" => &mut state.linkquality,
        _ => {
            into.ignored += 1;
            return;
        }
    };
    *place = value;
    if !into.take(origin, name, &state.signals(), Ok(None), payload) {
        into.ignored += 1;
    }
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
    if !into.take(origin, name, &state.signals(), state.last_seen.time(), sent) {
        into.reject(origin, 1, Some(name.to_owned()), Defect::NothingKnown, sent);
    }
    Ok(())
}

impl State<'_> {
    fn signals(&self) -> [Result<Signal, Defect>; 14] {
        [
            self.contact.flag().map(|touching| contact(!touching)),
            self.occupancy.flag().map(motion),
            self.presence(),
            self.target_distance.measure(0.0, 100.0).map(Signal::Distance),
            self.light(),
            self.pressed(),
            temperature(&self.temperature),
            humidity(&self.humidity),
            self.battery.whole(100).map(Signal::Battery),
            self.battery_low.flag().map(Signal::BatteryLow),
            self.tamper.flag().map(Signal::Tampered),
            voltage(&self.voltage),
            self.device_temperature.measure(-100.0, 200.0).map(|t| Signal::DeviceTemperature(t.round() as i16)),
            self.linkquality.whole(255).map(Signal::LinkQuality),
        ]
    }

    /// Some radars of Tuya say only by a word what they see.
    fn presence(&self) -> Result<Signal, Defect> {
        match self.presence.flag() {
            Err(Defect::NoValue) => {}
            said => return said.map(Signal::Presence),
        }
        for said in [&self.presence_state, &self.motion_state, &self.state] {
            match said {
                Loose::Text(word) if word == "none" => return Ok(Signal::Presence(false)),
                Loose::Text(word) if SEEN.contains(&word.as_ref()) => return Ok(Signal::Presence(true)),
                _ => {}
            }
        }
        Err(Defect::NoValue)
    }

    /// A lamp, a plug or a switch; blinds and locks have states of their own.
    fn light(&self) -> Result<Signal, Defect> {
        match &self.state {
            Loose::Text(word) if word == "ON" => Ok(Signal::Light(true)),
            Loose::Text(word) if word == "OFF" => Ok(Signal::Light(false)),
            _ => Err(Defect::NoValue),
        }
    }

    /// A sensor of vibration and the regions of a radar have actions too, which nobody pressed.
    fn pressed(&self) -> Result<Signal, Defect> {
        match self.sos.flag() {
            Ok(false) | Err(Defect::NoValue) => {}
            // Whatever else it says of it, somebody called.
            _ => return Ok(Signal::Button),
        }
        match &self.action {
            Loose::Text(word) if UNPRESSED.contains(&word.as_ref()) || word.starts_with("region_") => {
                Err(Defect::NoValue)
            }
            action => pressed(action).or_else(|_| pressed(&self.click)),
        }
    }
}
