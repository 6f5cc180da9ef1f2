//! ESPHome's topics: `<name>/<component>/<object id>/state`, and `<name>/status` as birth and Will.
//!
//! Sources: https://esphome.io/components/mqtt, https://esphome.io/components/event

use serde_json::{Map, Value};
use watch::{Defect, Signal};

use super::loose::Loose;
use super::{Origin, Parsed, entity, part, pressed, reach, serial};

/// What one box may have; only the first four say something of life.
const COMPONENTS: [&str; 24] = [
    "binary_sensor",
    "event",
    "sensor",
    "light",
    "alarm_control_panel",
    "button",
    "camera",
    "climate",
    "cover",
    "date",
    "datetime",
    "fan",
    "lock",
    "media_player",
    "number",
    "select",
    "siren",
    "switch",
    "text",
    "text_sensor",
    "time",
    "update",
    "valve",
    "water_heater",
];

/// Reads one message, if its topic has the shape of ESPHome's.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) -> bool {
    if let Some(name) = topic.strip_suffix("/status") {
        let Ok(reach @ Signal::DeviceOnline(_)) = reach(payload) else { return false };
        match serial(name) {
            Some(name) => into.arrive(origin, &name, reach, None),
            None => into.reject(origin, 1, None, Defect::BadDevice, payload),
        }
        return true;
    }
    let Some((name, component, rest)) = split(topic) else { return false };
    let Some(object) = rest.strip_suffix("/state").filter(|_| COMPONENTS[..4].contains(&component)) else {
        into.ignored += 1;
        return true;
    };
    match serial(&part(name, object)) {
        Some(serial) => read_entity(origin, (component, object), &serial, payload, into),
        None => into.reject(origin, 1, None, Defect::BadDevice, payload),
    }
    true
}

/// The topic's prefix, which may hold slashes, a component, and what follows it.
fn split(topic: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(slash) = topic[from..].find('/') {
        let (name, rest) = (&topic[..from + slash], &topic[from + slash + 1..]);
        if let Some((component, rest)) = rest.split_once('/')
            && COMPONENTS.contains(&component)
            && rest.contains('/')
        {
            return Some((name, component, rest));
        }
        from += slash + 1;
    }
    None
}

/// One state of one entity: `kind` is its domain and its name.
pub(super) fn read_entity(origin: &Origin, kind: (&str, &str), serial: &str, payload: &[u8], into: &mut Parsed) {
    let value = Loose::plain(payload);
    match kind {
        ("binary_sensor", name) => into.take_alone(origin, serial, entity::two_states(name, &value), payload),
        ("sensor", name) => into.take_alone(origin, serial, entity::measure(name, &value), payload),
        ("light", _) => into.take_alone(origin, serial, light(&value, payload), payload),
        _ => read_event(origin, serial, &value, payload, into),
    }
}

/// ESPHome writes a lamp's state in an object, Home Assistant as a word.
fn light(value: &Loose, payload: &[u8]) -> Result<Signal, Defect> {
    if !matches!(value, Loose::Structure) {
        return value.flag().map(Signal::Light);
    }
    let object: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
    Loose::of(&object, "state").flag().map(Signal::Light)
}

/// ESPHome writes the event's type in an object; Home Assistant only the time of the last event.
fn read_event(origin: &Origin, serial: &str, value: &Loose, payload: &[u8], into: &mut Parsed) {
    let (said, when) = match (value, value.time()) {
        (Loose::Structure, _) => {
            let object: Map<String, Value> = serde_json::from_slice(payload).unwrap_or_default();
            let said = match object.contains_key("event_type") {
                true => pressed(&Loose::of(&object, "event_type")),
                false => Err(Defect::WrongForm),
            };
            (said, Ok(None))
        }
        (_, Ok(None)) => (Err(Defect::NoValue), Ok(None)),
        (_, Ok(when)) => (Ok(Signal::Button), Ok(when)),
        (_, Err(_)) => (pressed(value), Ok(None)),
    };
    if !into.take(origin, serial, &[said], when, payload) {
        into.ignored += 1;
    }
}
