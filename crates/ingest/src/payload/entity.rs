//! What the name of a sensor says it watches, where its maker sends a bare `ON` or a bare number: ESPHome, Home
//! Assistant, the switches of Tasmota and Shelly. All of them give a sensor's kind a word of its name by default
//! (`front_door_contact`, `living_room_temperature`).
//!
//! `ON` means what Home Assistant's device classes mean by it: open, movement, somebody there, pressed.

use watch::{Defect, Signal};

use super::loose::Loose;
use super::{contact, humidity, motion, pressed, temperature, voltage};

#[derive(Clone, Copy, PartialEq)]
enum Watches {
    Contact,
    Motion,
    Presence,
    Press,
    Tamper,
    BatteryLow,
    /// Perhaps life, and nothing that we can read: a bell is rung by whoever comes.
    Unread,
    /// Neither life nor call.
    Else,
}

const WATCHES: &[(Watches, &[&str])] = &[
    (
        Watches::Contact,
        &[
            "door",
            "doors",
            "window",
            "contact",
            "opening",
            "opened",
            "open",
            "reed",
            "fridge",
            "refrigerator",
            "drawer",
            "cabinet",
            "lid",
            "gate",
        ],
    ),
    (Watches::Motion, &["motion", "pir", "movement", "occupancy", "occupied"]),
    (Watches::Presence, &["presence", "present", "target", "mmwave", "radar", "somebody", "someone"]),
    (Watches::Press, &["button", "help", "emergency", "sos", "panic", "call", "pendant", "press", "pressed"]),
    (Watches::Unread, &["lock", "locked", "bell", "doorbell", "vibration", "vibrating", "sound", "noise", "tilt"]),
    (Watches::Tamper, &["tamper", "tampered"]),
    (Watches::BatteryLow, &["battery"]),
    (
        Watches::Else,
        &[
            "status",
            "online",
            "connected",
            "connection",
            "connectivity",
            "update",
            "problem",
            "fault",
            "charging",
            "charger",
            "plugged",
            "plug",
            "power",
            "running",
            "smoke",
            "gas",
            "co",
            "leak",
            "water",
            "flood",
            "moisture",
            "wet",
            "rain",
            "heat",
            "cold",
            "light",
            "dark",
            "safety",
        ],
    ),
];

/// In a name whose letters are not Latin, or that is written in one.
const WITHIN: &[(Watches, &[&str])] = &[
    (Watches::Unread, &["ドアホン", "チャイム", "インターホン", "施錠", "振動", "doorbell", "lock"]),
    (Watches::Press, &["ボタン", "呼び出し", "呼出", "緊急", "非常", "button"]),
    (Watches::Motion, &["人感", "動体", "モーション", "motion", "occupancy"]),
    (Watches::Presence, &["在室", "在床", "presence"]),
    (Watches::Contact, &["ドア", "扉", "戸", "窓", "開閉", "冷蔵庫", "引き出し", "door", "window", "contact"]),
];

/// Words that make another measure of a temperature, a humidity or a battery.
const OTHERWISE: [&str; 23] = [
    "target",
    "setpoint",
    "set",
    "dew",
    "dewpoint",
    "apparent",
    "feels",
    "absolute",
    "soil",
    "cpu",
    "chip",
    "core",
    "internal",
    "esp",
    "esp32",
    "processor",
    "board",
    "device",
    "forecast",
    "calibration",
    "offset",
    "type",
    "state",
];

/// Whether the name says at all what is watched.
pub(super) fn is_named(name: &str) -> bool {
    watches(name).is_some()
}

/// What a sensor says that knows two states.
pub(super) fn two_states(name: &str, value: &Loose) -> Result<Signal, Defect> {
    let on = value.flag();
    match watches(name) {
        Some(Watches::Else) => Err(Defect::NoValue),
        // A button may say by a word which kind of press it was.
        Some(Watches::Press) => match on {
            Ok(false) | Err(Defect::NoValue) => Err(Defect::NoValue),
            _ => pressed(value),
        },
        Some(Watches::Contact) => on.map(contact),
        Some(Watches::Motion) => on.map(motion),
        Some(Watches::Presence) => on.map(Signal::Presence),
        Some(Watches::Tamper) => on.map(Signal::Tampered),
        Some(Watches::BatteryLow) => on.map(Signal::BatteryLow),
        None | Some(Watches::Unread) => on.and(Err(Defect::UnknownKind)),
    }
}

/// What a sensor says that measures. A measure that we do not know is neither life nor call.
pub(super) fn measure(name: &str, value: &Loose) -> Result<Signal, Defect> {
    let name = name.to_ascii_lowercase();
    let has = |word: &str| words(&name).any(|w| w == word);
    if OTHERWISE.iter().any(|word| has(word)) {
        return Err(Defect::NoValue);
    }
    match words(&name).next_back().unwrap_or_default() {
        _ if has("voltage") => {
            if has("battery") {
                voltage(value)
            } else {
                Err(Defect::NoValue)
            }
        }
        _ if has("battery") || name.contains("電池") => value.whole(100).map(Signal::Battery),
        _ if has("temperature") || has("temp") || name.contains("温度") => temperature(value),
        _ if has("humidity") || name.contains("湿度") => humidity(value),
        "linkquality" | "lqi" => value.whole(255).map(Signal::LinkQuality),
        _ => Err(Defect::NoValue),
    }
}

/// The last word that is known decides: `front_door_battery` is no door.
fn watches(name: &str) -> Option<Watches> {
    let name = name.to_lowercase();
    let of_word = |word: &str| WATCHES.iter().find(|(_, known)| known.contains(&word)).map(|(watches, _)| *watches);
    if let Some(watches) = words(&name).rev().find_map(of_word) {
        return Some(watches);
    }
    let name = name.replace("indoor", "").replace("outdoor", "");
    WITHIN.iter().find(|(_, known)| known.iter().any(|word| name.contains(word))).map(|(watches, _)| *watches)
}

/// Words without the number that counts them: `pir2`, `door_1`.
fn words(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit())).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_known_word_of_a_name_decides() {
        let on = |name: &str| two_states(name, &Loose::Flag(true));
        for (name, said) in [
            ("front_door", Ok(contact(true))),
            ("door-1", Ok(contact(true))),
            ("FrontDoor", Ok(contact(true))),
            ("玄関ドア", Ok(contact(true))),
            ("hall_pir2", Ok(Signal::Motion)),
            ("front_door_motion", Ok(Signal::Motion)),
            ("front_door_battery", Ok(Signal::BatteryLow(true))),
            ("help_button_battery_low", Ok(Signal::BatteryLow(true))),
            ("bedroom_still_target", Ok(Signal::Presence(true))),
            ("トイレ人感", Ok(Signal::Motion)),
            ("呼び出しボタン", Ok(Signal::Button)),
            ("washing_machine_running", Err(Defect::NoValue)),
            ("doorbell", Err(Defect::UnknownKind)),
            ("FrontDoorLock", Err(Defect::UnknownKind)),
            ("front_door_vibration", Err(Defect::UnknownKind)),
            ("outdoor", Err(Defect::UnknownKind)),
            ("gpio4", Err(Defect::UnknownKind)),
            ("____", Err(Defect::UnknownKind)),
        ] {
            assert_eq!(on(name), said, "{name}");
        }
        assert_eq!(two_states("gpio4", &Loose::Text("unavailable".into())), Err(Defect::NoValue));
        assert_eq!(measure("cpu_temperature", &Loose::Number(61.0)), Err(Defect::NoValue));
        assert_eq!(measure("battery_voltage", &Loose::Number(2.9)), Ok(Signal::Voltage(2900)));
    }
}
