//! Shelly's topics: of the first generation `shellies/<id>/…`, of all later ones `<id>/events/rpc`, `<id>/status/…` and
//! `<id>/online`.
//!
//! Sources: https://shelly-api-docs.shelly.cloud/gen1/, https://shelly-api-docs.shelly.cloud/gen2/

use base::Instant;
use serde_json::{Map, Value};
use watch::{Defect, Signal};

use super::loose::Loose;
use super::mending::read_or_mend;
use super::{
    Origin, Parsed, contact, defect_of, entity, humidity, motion, part, pressed, reach, serial, temperature, voltage,
};

type Fields = Map<String, Value>;
type Said = Result<Signal, Defect>;
type When = Result<Option<Instant>, Defect>;

/// Of the first generation, what is neither life nor call.
const MEASURES: [&str; 14] = [
    "lux",
    "illumination",
    "tilt",
    "vibration",
    "flood",
    "smoke",
    "gas",
    "charger",
    "error",
    "act_reasons",
    "ext_power",
    "self_test",
    "operation",
    "concentration",
];

/// Components of a later box itself, which have no number.
const SYSTEM: [&str; 12] =
    ["ble", "bthome", "cloud", "eth", "knx", "matter", "modbus", "mqtt", "sys", "ui", "wifi", "ws"];

/// Reads one message, if its topic has the shape of Shelly's.
pub(super) fn read(origin: &Origin, topic: &str, payload: &[u8], into: &mut Parsed) -> bool {
    let first = topic.strip_prefix("shellies/").and_then(|rest| rest.split_once('/'));
    let (name, rest) = match first {
        Some(named) => named,
        None => match later(topic, payload) {
            Some(named) => named,
            None => return false,
        },
    };
    let Some(name) = serial(name) else {
        into.reject(origin, 1, None, Defect::BadDevice, payload);
        return true;
    };
    let message = Message { origin, name: &name, sent: payload };
    match first {
        Some(_) => message.read_first(rest, into),
        None => message.read_later(rest, into),
    }
    true
}

/// The topics of the later generations begin with a name that is their owner's to choose.
fn later<'t>(topic: &'t str, payload: &[u8]) -> Option<(&'t str, &'t str)> {
    if let Some(name) = topic.strip_suffix("/events/rpc") {
        return Some((name, "events/rpc"));
    }
    if let Some(name) = topic.strip_suffix("/online") {
        return reach(payload).is_ok().then_some((name, "online"));
    }
    let (name, component) = topic.rsplit_once("/status/")?;
    let known = component.contains(':') || SYSTEM.contains(&component);
    (known && payload.trim_ascii_start().starts_with(b"{")).then_some((name, component))
}

/// One message of one box.
struct Message<'a> {
    origin: &'a Origin,
    name: &'a str,
    sent: &'a [u8],
}

impl Message<'_> {
    fn read_first(&self, rest: &str, into: &mut Parsed) {
        let value = Loose::plain(self.sent);
        let said = match rest {
            "online" => reach(self.sent),
            "status" => return self.read_object(into, |message, fields, into| message.read_motion(fields, into)),
            "sensor/state" => state(&value),
            "sensor/motion" => value.flag().map(motion),
            "sensor/temperature" => temperature(&value),
            "sensor/humidity" => humidity(&value),
            "sensor/battery" => value.whole(100).map(Signal::Battery),
            "temperature" => value.measure(-100.0, 200.0).map(|t| Signal::DeviceTemperature(t.round() as i16)),
            _ if rest.starts_with("ext_temperature/") => return self.say(rest, &[temperature(&value)], Ok(None), into),
            _ if rest.starts_with("ext_humidity/") => return self.say(rest, &[humidity(&value)], Ok(None), into),
            _ if rest.starts_with("input_event/") => return self.read_press(rest, &value, into),
            _ => match rest.strip_prefix("sensor/") {
                Some(measure) if !MEASURES.contains(&measure) => Err(Defect::NothingKnown),
                _ => Err(Defect::NoValue),
            },
        };
        into.take_alone(self.origin, self.name, said, self.sent);
    }

    /// A box on the mains repeats its last press with every update, for ever (`update_period`), so that only the button
    /// that sleeps, and whatever its owner named otherwise, is believed.
    fn read_press(&self, rest: &str, value: &Loose, into: &mut Parsed) {
        let repeats = self.name.starts_with("shelly") && !self.name.starts_with("shellybutton1");
        let said = match serde_json::from_slice::<Fields>(self.sent) {
            Ok(fields) => pressed(&Loose::of(&fields, "event")),
            Err(_) => pressed(value),
        };
        let said = if repeats { said.and(Err(Defect::UnknownKind)) } else { said };
        match rest {
            "input_event/0" if !repeats => into.take_alone(self.origin, self.name, said, self.sent),
            _ => self.say(&rest.replace("input_event/", "input:"), &[said], Ok(None), into),
        }
    }

    /// Shelly Motion: the time is that of the last movement.
    fn read_motion(&self, fields: &Fields, into: &mut Parsed) {
        let moved = Loose::of(fields, "motion").flag();
        let when = if moved == Ok(true) { clock(&Loose::of(fields, "timestamp")) } else { Ok(None) };
        let said = [moved.map(motion), Loose::of(fields, "bat").whole(100).map(Signal::Battery)];
        if !into.take(self.origin, self.name, &said, when, self.sent) {
            into.ignored += 1;
        }
    }

    fn read_later(&self, rest: &str, into: &mut Parsed) {
        match rest {
            "online" => into.take_alone(self.origin, self.name, reach(self.sent), self.sent),
            "events/rpc" => self.read_object(into, |message, fields, into| message.read_notice(fields, into)),
            component => self.read_object(into, |message, fields, into| {
                if !message.read_component(component, fields, Ok(None), into) {
                    into.ignored += 1;
                }
            }),
        }
    }

    fn read_object(&self, into: &mut Parsed, read: impl Fn(&Self, &Fields, &mut Parsed)) {
        let whole = read_or_mend(self.sent, |text| {
            read(self, &serde_json::from_slice(text)?, into);
            Ok(())
        });
        if let Err(error) = whole {
            into.reject(self.origin, 1, Some(self.name.to_owned()), defect_of(&error, self.sent), self.sent);
        }
    }

    /// `NotifyStatus`, `NotifyFullStatus` and `NotifyEvent`.
    fn read_notice(&self, fields: &Fields, into: &mut Parsed) {
        let Some(Value::Object(params)) = fields.get("params") else {
            return into.reject(self.origin, 1, Some(self.name.to_owned()), Defect::WrongForm, self.sent);
        };
        let when = clock(&Loose::of(params, "ts"));
        let mut known = false;
        for (key, value) in params {
            match value {
                Value::Object(status) => known |= self.read_component(key, status, when, into),
                Value::Array(events) if key == "events" => {
                    for event in events.iter().filter_map(Value::as_object) {
                        known |= self.read_event(event, when, into);
                    }
                }
                _ => {}
            }
        }
        if !known {
            into.ignored += 1;
        }
    }

    fn read_component(&self, key: &str, status: &Fields, when: When, into: &mut Parsed) -> bool {
        let of = |name: &str| Loose::of(status, name);
        let said: [Said; 2] = match key.split(':').next().unwrap_or_default() {
            "temperature" => [temperature(&of("tC")), Err(Defect::NoValue)],
            "humidity" => [humidity(&of("rh")), Err(Defect::NoValue)],
            "devicepower" => {
                let Some(Value::Object(battery)) = status.get("battery") else { return false };
                [Loose::of(battery, "percent").whole(100).map(Signal::Battery), voltage(&Loose::of(battery, "V"))]
            }
            "presencezone" => {
                let seen = if status.contains_key("value") { of("value") } else { of("state") };
                [seen.flag().map(Signal::Presence), Err(Defect::NoValue)]
            }
            // A switch on the wall, or a reed: only its owner's name for the box can tell.
            "input" if entity::is_named(self.name) => {
                [entity::two_states(self.name, &of("state")), Err(Defect::NoValue)]
            }
            "input" => [of("state").flag().and(Err(Defect::NothingKnown)), Err(Defect::NoValue)],
            "light" => [of("output").flag().map(Signal::Light), Err(Defect::NoValue)],
            "bthomedevice" => [of("battery").whole(100).map(Signal::Battery), Err(Defect::NoValue)],
            // Whether it is a window or movement stands in its configuration alone.
            "bthomesensor" => {
                let unknown = matches!(of("value"), Loose::Flag(_));
                [if unknown { Err(Defect::UnknownKind) } else { Err(Defect::NoValue) }, Err(Defect::NoValue)]
            }
            _ => return false,
        };
        let when = if status.contains_key("last_updated_ts") { clock(&of("last_updated_ts")) } else { when };
        match key {
            "temperature:0" | "humidity:0" | "devicepower:0" => {
                into.take(self.origin, self.name, &said, when, self.sent)
            }
            _ => self.part(key, &said, when, into),
        }
    }

    fn read_event(&self, event: &Fields, when: When, into: &mut Parsed) -> bool {
        let when = if event.contains_key("ts") { clock(&Loose::of(event, "ts")) } else { when };
        if let Some(Value::Object(data)) = event.get("data")
            && let Some(address) = data.get("address").and_then(Value::as_str)
        {
            return self.read_bthome(address, data, when, into);
        }
        let (Some(component), Some(what)) = (text(event, "component"), text(event, "event")) else { return false };
        let is_press = what.ends_with("_push") || what.ends_with("_press") || what == "btn_down";
        is_press && self.part(component, &[Ok(Signal::Button)], when, into)
    }

    /// A BLU device as the maker's script `ble-shelly-blu` hands it on.
    fn read_bthome(&self, address: &str, data: &Fields, when: When, into: &mut Parsed) -> bool {
        let of = |name: &str| Loose::of(data, name);
        let pressed = match data.get("button") {
            Some(Value::Number(n)) => n.as_f64().is_some_and(|n| n > 0.0),
            Some(Value::Array(buttons)) => buttons.iter().any(|n| n.as_f64().is_some_and(|n| n > 0.0)),
            _ => false,
        };
        let said = [
            of("window").flag().map(contact),
            of("motion").flag().map(motion),
            if pressed { Ok(Signal::Button) } else { Err(Defect::NoValue) },
            temperature(&of("temperature")),
            humidity(&of("humidity")),
            of("battery").whole(100).map(Signal::Battery),
        ];
        match serial(address) {
            Some(address) => into.take(self.origin, &address, &said, when, self.sent),
            None => {
                into.reject(self.origin, 1, None, Defect::BadDevice, self.sent);
                true
            }
        }
    }

    fn say(&self, key: &str, said: &[Said], when: When, into: &mut Parsed) {
        if !self.part(key, said, when, into) {
            into.ignored += 1;
        }
    }

    fn part(&self, key: &str, said: &[Said], when: When, into: &mut Parsed) -> bool {
        match serial(&part(self.name, key)) {
            Some(serial) => into.take(self.origin, &serial, said, when, self.sent),
            None => {
                into.reject(self.origin, 1, None, Defect::BadDevice, self.sent);
                true
            }
        }
    }
}

/// Of Door/Window.
fn state(value: &Loose) -> Said {
    match value.said() {
        None => Err(Defect::NoValue),
        Some(Loose::Text(word)) if word == "open" => Ok(contact(true)),
        Some(Loose::Text(word)) if word == "close" => Ok(contact(false)),
        Some(_) => Err(Defect::BadValue),
    }
}

/// Seconds since 1970, or since the box was switched on where it has not asked for the time yet; those say nothing.
fn clock(said: &Loose) -> When {
    match said {
        Loose::Number(seconds) if *seconds < 1e9 => Ok(None),
        said => said.time(),
    }
}

fn text<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name).and_then(Value::as_str)
}
