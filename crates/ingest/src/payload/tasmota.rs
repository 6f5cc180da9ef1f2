//! Tasmota's topics: `tele/<topic>/SENSOR` and `LWT`, `stat/<topic>/RESULT` and the topics of its rules; and the Zigbee
//! devices behind a bridge of it.
//!
//! Sources: https://tasmota.github.io/docs/MQTT/, /Buttons-and-Switches/, /PIR-Motion-Sensors/, /Zigbee/

use serde_json::{Map, Value};
use watch::{Defect, Signal};

use super::loose::Loose;
use super::mending::read_or_mend;
use super::{
    Origin, Parsed, contact, defect_of, entity, humidity, motion, part, pressed, reach, serial, temperature, voltage,
};

/// Commands of a remote control, by their cluster: on/off, level, scenes, colour, and those of alarm panels.
const PRESSES: [&str; 5] = ["0006!", "0008!", "0005!", "0300!", "0501!"];
/// What else the change of an alarm zone may mean.
const ZONES: [&str; 7] = ["Contact", "Occupancy", "Fire", "Water", "CO", "Vibration", "GlassBreak"];

type Fields = Map<String, Value>;

/// One message of one box.
#[derive(Clone, Copy)]
struct Message<'a> {
    origin: &'a Origin,
    /// The box's `%topic%`.
    name: &'a str,
    sent: &'a [u8],
}

/// Reads one message, if its topic is Tasmota's.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) -> bool {
    let Some((prefix @ ("tele" | "stat"), rest)) = topic.split_once('/') else { return false };
    let Some((name, leaf)) = rest.rsplit_once('/') else { return false };
    let Some(name) = serial(name) else {
        into.reject(origin, 1, None, Defect::BadDevice, payload);
        return true;
    };
    let message = Message { origin, name: &name, sent: payload };
    let known = match (prefix, leaf) {
        ("tele", "LWT") => into.take(origin, &name, &[reach(payload)], Ok(None), payload),
        ("tele", "SENSOR") | (_, "RESULT") => read_object(message, leaf == "SENSOR", into),
        ("stat", leaf) if leaf.starts_with("BUTTON") || leaf.starts_with("SWITCH") => read_action(message, leaf, into),
        // A rule publishes a sensor under its name (`PIR1 ON`); a relay is `POWER`.
        ("stat", leaf) if entity::is_named(leaf) && !leaf.starts_with("POWER") => {
            let said = entity::two_states(leaf, &Loose::plain(payload));
            message.say(leaf, &[said], into)
        }
        _ => false,
    };
    into.ignored += u32::from(!known);
    true
}

/// Older versions tell a press under the button's own topic.
fn read_action(message: Message, leaf: &str, into: &mut Parsed) -> bool {
    let Ok(fields) = serde_json::from_slice::<Fields>(message.sent) else {
        return message.act(leaf, &Loose::plain(message.sent), into);
    };
    let said = ["ACTION", "Action", "STATE"].into_iter().find(|name| fields.contains_key(*name));
    message.act(leaf, &Loose::of(&fields, said.unwrap_or_default()), into)
}

fn read_object(message: Message, telemetry: bool, into: &mut Parsed) -> bool {
    let mut known = false;
    let mut read = |text: &[u8], into: &mut Parsed| {
        let fields: Fields = serde_json::from_slice(text)?;
        known = fields
            .iter()
            .fold(false, |known, (key, value)| known | message.read_member(key, value, &fields, telemetry, into));
        Ok(())
    };
    let why = match read_or_mend(message.sent, |text| read(text, into)) {
        Ok(()) if known || !telemetry => return known,
        Ok(()) => Defect::NothingKnown,
        Err(error) => defect_of(&error, message.sent),
    };
    into.reject(message.origin, 1, Some(message.name.to_owned()), why, message.sent);
    true
}

impl Message<'_> {
    /// One member of a message; `false` where it is nothing that we know.
    fn read_member(&self, key: &str, value: &Value, whole: &Fields, telemetry: bool, into: &mut Parsed) -> bool {
        match value {
            Value::Object(devices) if key == "ZbReceived" => {
                let read = |(key, value): (&String, &Value)| match value {
                    Value::Object(fields) => self.read_zigbee(key, fields, whole, into),
                    _ => false,
                };
                devices.iter().map(read).fold(false, |known, one| known | one)
            }
            Value::Object(fields) if fields.contains_key("Action") => self.act(key, &Loose::of(fields, "Action"), into),
            Value::Object(fields) if telemetry => self.read_sensor(key, fields, whole, into),
            // A switch is called as its owner likes; units and the state of relays are the other words that stand here.
            Value::String(word) if telemetry && ["ON", "OFF"].contains(&word.as_str()) && !key.starts_with("POWER") => {
                let said = entity::two_states(&format!("{} {key}", self.name), &Loose::Text(word.into()));
                self.say_of(key, &[said], whole, into)
            }
            _ => false,
        }
    }

    fn read_sensor(&self, key: &str, fields: &Fields, whole: &Fields, into: &mut Parsed) -> bool {
        // The chip's own temperature is no room's.
        if key.starts_with("ESP32") {
            return false;
        }
        let said = [
            fahrenheit(temperature(&Loose::of(fields, "Temperature")), whole),
            humidity(&Loose::of(fields, "Humidity")),
            Loose::of(fields, "Battery").whole(100).map(Signal::Battery),
            // Radars that say how far somebody is, and never that nobody is there.
            if key.starts_with("LD24") { Err(Defect::UnknownKind) } else { Err(Defect::NoValue) },
        ];
        self.say_of(key, &said, whole, into)
    }

    /// A press, or a switch that says which way it went.
    fn act(&self, key: &str, action: &Loose, into: &mut Parsed) -> bool {
        let key = &key.to_ascii_lowercase();
        let said = match key.starts_with("button") {
            true if matches!(action, Loose::Text(word) if word == "CLEAR") => Err(Defect::NoValue),
            true => pressed(action),
            false => entity::two_states(&format!("{} {key}", self.name), action),
        };
        // As telemetry writes it: `Button1`, `Switch1`.
        let key = key.char_indices().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c });
        self.say(&key.collect::<String>(), &[said], into)
    }

    fn read_zigbee(&self, key: &str, fields: &Fields, whole: &Fields, into: &mut Parsed) -> bool {
        let name = |of: &str| fields.get(of).and_then(Value::as_str).filter(|name| !name.is_empty());
        // The short address changes when a device joins again.
        let key = name("Name").unwrap_or(if key.starts_with("0x") { name("IEEEAddr").unwrap_or(key) } else { key });
        let commanded = fields.keys().any(|key| PRESSES.iter().any(|press| key.starts_with(press)));
        let zone = fields.keys().any(|key| key.starts_with("0500!") || key.starts_with("ZoneStatusChange"));
        let unread = zone && !ZONES.iter().any(|zone| fields.contains_key(*zone));
        let either = |one: &str, other: &str| match Loose::of(fields, one) {
            Loose::Nothing => Loose::of(fields, other),
            said => said,
        };
        let said = [
            Loose::of(fields, "Contact").flag().map(contact),
            Loose::of(fields, "Occupancy").flag().map(motion),
            if commanded { Ok(Signal::Button) } else { pressed(&either("Click", "Action")) },
            if unread { Err(Defect::UnknownKind) } else { Err(Defect::NoValue) },
            temperature(&Loose::of(fields, "Temperature")),
            humidity(&Loose::of(fields, "Humidity")),
            either("BatteryPercentage", "Battery").whole(100).map(Signal::Battery),
            voltage(&either("BatteryVoltage", "Voltage")),
            Loose::of(fields, "LinkQuality").whole(255).map(Signal::LinkQuality),
        ];
        // With `SetOption89` the short address stands in the topic too.
        let is_address = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bridge = match self.name.rsplit_once('/') {
            Some((bridge, last)) if is_address(last) => bridge,
            _ => self.name,
        };
        Message { name: bridge, ..*self }.say_of(key, &said, whole, into)
    }

    fn say(&self, key: &str, said: &[Result<Signal, Defect>], into: &mut Parsed) -> bool {
        self.say_of(key, said, &Fields::default(), into)
    }

    /// `Time` is wall time of a zone that nobody set, and a box keeps nothing for later: its messages are as of their
    /// arrival, except where a broker kept one.
    fn say_of(&self, key: &str, said: &[Result<Signal, Defect>], whole: &Fields, into: &mut Parsed) -> bool {
        let when = if self.origin.retained { Loose::of(whole, "Time").time() } else { Ok(None) };
        match serial(&part(self.name, key)) {
            Some(serial) => into.take(self.origin, &serial, said, when, self.sent),
            None => {
                into.reject(self.origin, 1, None, Defect::BadDevice, self.sent);
                true
            }
        }
    }
}

fn fahrenheit(said: Result<Signal, Defect>, whole: &Fields) -> Result<Signal, Defect> {
    match said {
        Ok(Signal::Temperature(degrees)) if matches!(Loose::of(whole, "TempUnit"), Loose::Text(unit) if unit == "F") => {
            Ok(Signal::Temperature((degrees - 32.0) / 1.8))
        }
        said => said,
    }
}
