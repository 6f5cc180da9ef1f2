//! Our own payload: one object per reading, a list of them, or one per line. `docs/readings.md` and its JSON Schema
//! say the same for those who write gateways; a test reads every example of that page through this file.

use base::limits;
use serde::Deserialize;
use serde_json::value::RawValue;
use watch::{Defect, Signal};

use super::loose::Loose;
use super::mending::{items, read_or_mend, without_bom};
use super::{Origin, Parsed, defect_of, serial};

#[derive(Deserialize)]
struct Reading<'a> {
    #[serde(borrow, default)]
    device: Loose<'a>,
    #[serde(borrow, default)]
    at: Loose<'a>,
    #[serde(borrow, default)]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    value: Loose<'a>,
}

/// Reads one object or a list of objects.
pub fn read_document(origin: &Origin, payload: &[u8], into: &mut Parsed) {
    let payload = without_bom(payload);
    match payload.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => read_list(origin, payload, into),
        _ => read_one(origin, payload, 1, into),
    }
}

/// Reads one object per line (NDJSON); empty lines are skipped, places are line numbers.
pub fn read_lines(origin: &Origin, payload: &[u8], into: &mut Parsed) {
    for (line, place) in payload.split(|byte| *byte == b'\n').zip(1u32..) {
        // A file that was put together from several has such a mark before more than one line.
        let line = without_bom(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if into.arrivals.len() + into.rejected.len() >= limits::READINGS_PER_COMMIT {
            return into.reject(origin, place, None, Defect::TooLarge, line);
        }
        read_one(origin, line, place, into);
    }
}

fn read_list(origin: &Origin, payload: &[u8], into: &mut Parsed) {
    let whole: Result<Vec<&RawValue>, _> = serde_json::from_slice(payload);
    let apart = match &whole {
        Ok(readings) => readings.iter().map(|reading| reading.get().as_bytes()).collect(),
        // One item that is no JSON costs itself.
        Err(_) => items(payload).unwrap_or_default(),
    };
    match whole {
        Err(error) if apart.len() < 2 => into.reject(origin, 1, None, defect_of(&error, payload), payload),
        _ if apart.len() > limits::READINGS_PER_COMMIT => {
            into.reject(origin, 1, None, Defect::TooLarge, payload);
        }
        _ => apart.into_iter().zip(1u32..).for_each(|(reading, place)| read_one(origin, reading, place, into)),
    }
}

fn read_one(origin: &Origin, payload: &[u8], place: u32, into: &mut Parsed) {
    // A list would be taken for the fields of an object in their order, which nobody documented.
    if payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return into.reject(origin, place, None, Defect::WrongForm, payload);
    }
    if let Err(error) = read_or_mend(payload, |text| read_object(origin, text, payload, place, into)) {
        into.reject(origin, place, None, defect_of(&error, payload), payload);
    }
}

/// `sent` is what stands in the gateway's list of what could not be used.
fn read_object(
    origin: &Origin,
    payload: &[u8],
    sent: &[u8],
    place: u32,
    into: &mut Parsed,
) -> Result<(), serde_json::Error> {
    let reading: Reading = serde_json::from_slice(payload)?;
    let named = match &reading.device {
        Loose::Text(text) => serial(text),
        _ => None,
    };
    let named = named.as_deref();
    match device(&reading, named).and_then(|device| Ok((device, signal(&reading)?))) {
        Ok((device, signal)) => match reading.at.time() {
            Ok(at) => into.arrive(origin, device, signal, at),
            // It came, and that is known.
            Err(why) => {
                into.arrive(origin, device, signal, None);
                into.reject(origin, place, named.map(str::to_owned), why, sent);
            }
        },
        Err(why) => into.reject(origin, place, named.map(str::to_owned), why, sent),
    }
    Ok(())
}

/// The device's name; only a heartbeat may do without, and then speaks for the gateway.
fn device<'r>(reading: &Reading, named: Option<&'r str>) -> Result<&'r str, Defect> {
    let heartbeat = matches!(&reading.kind, Loose::Text(kind) if kind == "heartbeat");
    match (&reading.device, named) {
        (_, Some(name)) => Ok(name),
        (Loose::Nothing, None) if heartbeat => Ok(""),
        (Loose::Nothing, None) => Err(Defect::NoDevice),
        _ => Err(Defect::BadDevice),
    }
}

fn signal(reading: &Reading) -> Result<Signal, Defect> {
    let kind = match &reading.kind {
        Loose::Text(kind) => kind.as_ref(),
        Loose::Nothing => return Err(Defect::NoKind),
        _ => return Err(Defect::UnknownKind),
    };
    let value = &reading.value;
    Ok(match kind {
        // No booleans: half the world's sensors say true for a closed door, the other half for an open one.
        "contact" => match value {
            Loose::Text(text) if text == "open" => Signal::Contact { open: true },
            Loose::Text(text) if text == "closed" => Signal::Contact { open: false },
            Loose::Nothing => return Err(Defect::NoValue),
            _ => return Err(Defect::BadValue),
        },
        "motion" => match value.flag() {
            Ok(true) => Signal::Motion,
            Ok(false) => Signal::MotionCleared,
            Err(Defect::NoValue) if matches!(value, Loose::Nothing) => Signal::Motion,
            Err(why) => return Err(why),
        },
        "presence" => Signal::Presence(value.flag()?),
        "distance" => Signal::Distance(value.measure(0.0, 100.0)?),
        "battery_low" => Signal::BatteryLow(value.flag()?),
        "tamper" => Signal::Tampered(value.flag()?),
        "temperature" => Signal::Temperature(value.measure(-100.0, 200.0)?),
        "humidity" => Signal::Humidity(value.measure(0.0, 100.0)?),
        "battery" => Signal::Battery(value.whole(100)?),
        "link_quality" => Signal::LinkQuality(value.whole(255)?),
        "energy_wh" => Signal::Energy(value.measure(0.0, watch::MOST_WH)?),
        "water_l" => Signal::Water(value.measure(0.0, watch::MOST_LITRES)?),
        "light" => Signal::Light(value.flag()?),
        "button" => Signal::Button,
        "heartbeat" => Signal::Heartbeat,
        "device_online" => Signal::DeviceOnline(value.flag()?),
        _ => return Err(Defect::UnknownKind),
    })
}
