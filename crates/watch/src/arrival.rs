//! What a gateway brought in, already in the watch's own words: the nouns that the ways in hand over.
//!
//! It knows no wire format, no table and no rule: whether an arrival is a sign of life, late, doubled or from an
//! unknown device is decided by the watch.

use base::{GatewayId, Instant, Redacted};

use crate::LineCause;

/// Longest serial (the sender's own name of a device), characters.
pub const SERIAL_CHARS: usize = 64;
/// Most electricity of a half hour, Wh: a home's main switch carries 60 A at 200 V, which makes 6,000.
pub const MOST_WH: f32 = 30_000.0;
/// Most water of an interval, litres.
pub const MOST_LITRES: f32 = 5_000.0;
/// How much of a payload that could not be read is kept for the device's page, characters.
pub const PAYLOAD_CHARS: usize = 500;

/// One value that one device sent, or one sign of the line to its gateway.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    pub gateway: GatewayId,
    /// The device as its gateway calls it (friendly name, IEEE address), 1 to [`SERIAL_CHARS`] characters without
    /// control characters; empty where the gateway itself is meant (line, heartbeat).
    pub serial: String,
    pub signal: Signal,
    /// What the sender claims; may be 1970 or tomorrow. `None`: the sender named no time.
    pub occurred_at: Option<Instant>,
    /// Our clock, when the bytes came in.
    pub received_at: Instant,
    /// MQTT's retain flag: without a time of its own, the state of some earlier time and no news.
    pub retained: bool,
}

/// What was sent, parsed: `f32` values are finite.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Signal {
    Contact {
        open: bool,
    },
    Motion,
    MotionCleared,
    /// Whether a presence sensor (mmWave) sees somebody.
    Presence(bool),
    /// To whoever is present, metres, 0 to 100.
    Distance(f32),
    /// Degrees Celsius, -100 to 200.
    Temperature(f32),
    /// Relative humidity, percent, 0 to 100.
    Humidity(f32),
    /// Charge left, percent, 0 to 100.
    Battery(u8),
    /// The device says itself that its battery is low.
    BatteryLow(bool),
    /// The device was opened or taken from its place.
    Tampered(bool),
    /// Of the battery, millivolts.
    Voltage(u16),
    /// Of the device's own case, degrees Celsius: no room's.
    DeviceTemperature(i16),
    /// Zigbee link quality, 0 (none) to 255.
    LinkQuality(u8),
    /// Electricity of the half hour that ends then, Wh, 0 to 30,000.
    Energy(f32),
    /// Water of the interval that ends then, litres, 0 to 5,000.
    Water(f32),
    /// Whether a lamp, or what hangs on a plug, is switched on.
    Light(bool),
    /// A press, whatever the kind of press.
    Button,
    /// The gateway (serial empty) or a device says that it is alive.
    Heartbeat,
    /// Availability of one device as its gateway sees it; of the gateway's radio where the serial is empty.
    DeviceOnline(bool),
    /// The connection ended without a goodbye, or the gateway's Will was published.
    LineLost,
    /// The gateway signed in: no proof yet that anything it says gets through.
    LineUp,
    /// The gateway answered for its line, as MQTT's PINGREQ does.
    LineKept,
    /// A connection was broken off for a reason that lies with the gateway and not with the line.
    LineBroken(LineCause),
}

impl Signal {
    /// Whether it may be somebody who moves, or calls for help.
    pub fn is_life_or_call(self) -> bool {
        Signal::life_or_call(self.key()).is_some()
    }

    /// Of a stored word (see [`Signal::key`]): whether it is a call for help, or else a sign of life; `None` for neither.
    pub fn life_or_call(key: &str) -> Option<bool> {
        match key {
            "button" => Some(true),
            "contact" | "motion" | "presence" => Some(false),
            _ => None,
        }
    }

    /// What a device that said so has told, by its key; blank for what belongs to the line.
    pub fn ja(key: &str) -> &'static str {
        match key {
            "contact" => "開閉",
            "motion" | "motion_cleared" => "人の動き（人感）",
            "presence" | "distance" => "在室（電波式）",
            "temperature" | "humidity" => "温度・湿度",
            "button" => "呼び出しボタン",
            "energy_wh" => "電力量",
            "water_l" => "水道の使用量",
            "light" => "照明",
            "battery" | "battery_low" | "voltage" => "電池の残り",
            "tamper" => "取り外しの検知",
            "device_temperature" => "機器の温度",
            "link_quality" => "電波の強さ",
            _ => "",
        }
    }

    /// The word stored in tables and written in our own payload.
    pub const fn key(self) -> &'static str {
        match self {
            Signal::Contact { .. } => "contact",
            Signal::Motion => "motion",
            Signal::MotionCleared => "motion_cleared",
            Signal::Presence(_) => "presence",
            Signal::Distance(_) => "distance",
            Signal::BatteryLow(_) => "battery_low",
            Signal::Tampered(_) => "tamper",
            Signal::Voltage(_) => "voltage",
            Signal::DeviceTemperature(_) => "device_temperature",
            Signal::Temperature(_) => "temperature",
            Signal::Humidity(_) => "humidity",
            Signal::Battery(_) => "battery",
            Signal::LinkQuality(_) => "link_quality",
            Signal::Energy(_) => "energy_wh",
            Signal::Water(_) => "water_l",
            Signal::Light(_) => "light",
            Signal::Button => "button",
            Signal::Heartbeat => "heartbeat",
            Signal::DeviceOnline(_) => "device_online",
            Signal::LineLost => "line_lost",
            Signal::LineUp => "line_up",
            Signal::LineKept => "line_kept",
            Signal::LineBroken(_) => "line_broken",
        }
    }
}

/// A message that could not be read: counted, and shown on the device's page with its payload.
#[derive(Clone, PartialEq, Debug)]
pub struct Malformed {
    pub gateway: GatewayId,
    /// The device, where at least that could be read.
    pub serial: Option<String>,
    pub why: Defect,
    /// At most [`PAYLOAD_CHARS`] characters; what is no UTF-8 stands as U+FFFD.
    pub payload: Redacted<String>,
    pub received_at: Instant,
}

/// Why a message could not be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Defect {
    /// A topic that carries no readings.
    ForeignTopic,
    /// Bytes that are no UTF-8.
    NotText,
    /// Text that is no JSON.
    NotJson,
    /// JSON of another form than documented (an object, or a list of objects).
    WrongForm,
    NoDevice,
    /// Empty, too long, or with control characters.
    BadDevice,
    NoKind,
    UnknownKind,
    NoValue,
    /// A value of another type, or outside what such a sensor can measure.
    BadValue,
    /// A time that no clock shows (a wrong but readable time is the watch's to judge). The reading is taken all the same,
    /// as of its arrival.
    BadTime,
    /// A sensor's message in which nothing is said that we know.
    NothingKnown,
    /// A state that a broker kept, of a time nobody knows: no news.
    OldState,
    /// More readings or bytes than one message may carry.
    TooLarge,
}

impl Defect {
    pub const ALL: &'static [Defect] = &[
        Defect::ForeignTopic,
        Defect::NotText,
        Defect::NotJson,
        Defect::WrongForm,
        Defect::NoDevice,
        Defect::BadDevice,
        Defect::NoKind,
        Defect::UnknownKind,
        Defect::NoValue,
        Defect::BadValue,
        Defect::BadTime,
        Defect::NothingKnown,
        Defect::OldState,
        Defect::TooLarge,
    ];

    /// The word stored in tables, counters and problem details.
    pub const fn key(self) -> &'static str {
        match self {
            Defect::ForeignTopic => "foreign_topic",
            Defect::NotText => "not_text",
            Defect::NotJson => "not_json",
            Defect::WrongForm => "wrong_form",
            Defect::NoDevice => "no_device",
            Defect::BadDevice => "bad_device",
            Defect::NoKind => "no_kind",
            Defect::UnknownKind => "unknown_kind",
            Defect::NoValue => "no_value",
            Defect::BadValue => "bad_value",
            Defect::BadTime => "bad_time",
            Defect::NothingKnown => "nothing_known",
            Defect::OldState => "old_state",
            Defect::TooLarge => "too_large",
        }
    }

    /// Whether the reading was used all the same.
    pub const fn is_a_note(self) -> bool {
        matches!(self, Defect::BadTime)
    }

    pub fn from_key(key: &str) -> Option<Defect> {
        Defect::ALL.iter().copied().find(|defect| defect.key() == key)
    }

    /// What the staff reads on the device's page.
    pub const fn ja(self) -> &'static str {
        match self {
            Defect::ForeignTopic => "検知値ではないトピックです",
            Defect::NotText => "文字として読めません(UTF-8 ではありません)",
            Defect::NotJson => "JSON として読めません",
            Defect::WrongForm => "JSON の形が取り決めと異なります",
            Defect::NoDevice => "機器の名前がありません",
            Defect::BadDevice => "機器の名前が正しくありません",
            Defect::NoKind => "種類がありません",
            Defect::UnknownKind => "種類が取り決めにありません",
            Defect::NoValue => "値がありません",
            Defect::BadValue => "値が正しくないか、測れる範囲の外です",
            Defect::BadTime => "時刻として読めません。受け取った時刻で扱いました",
            Defect::NothingKnown => "読み取れる項目がありません",
            Defect::OldState => "保存されていた通知で、時刻がありません。今の動きとしては扱いません",
            Defect::TooLarge => "一度に送れる量を超えています",
        }
    }
}

impl Malformed {
    /// Keeps the beginning of the payload and no more.
    pub fn new(
        gateway: GatewayId,
        serial: Option<String>,
        why: Defect,
        payload: &[u8],
        received_at: Instant,
    ) -> Malformed {
        // Four bytes are the longest character, so what is cut here could not have been kept anyway.
        let head = &payload[..payload.len().min(PAYLOAD_CHARS * 4)];
        let text: String = String::from_utf8_lossy(head).chars().take(PAYLOAD_CHARS).collect();
        Malformed { gateway, serial, why, payload: Redacted::new(text), received_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_payload_keeps_its_beginning() {
        let id = GatewayId(Default::default());
        let kept = Malformed::new(id, None, Defect::NotJson, "戸".repeat(900).as_bytes(), Instant(0));
        assert_eq!(kept.payload.expose().chars().count(), PAYLOAD_CHARS);
        assert!(!format!("{kept:?}").contains('戸'));
        let broken = Malformed::new(id, None, Defect::NotText, &[0xff, b'a'], Instant(0));
        assert_eq!(broken.payload.expose(), "\u{fffd}a");
    }

    #[test]
    fn every_defect_has_its_own_key() {
        for defect in Defect::ALL {
            assert_eq!(Defect::from_key(defect.key()), Some(*defect));
        }
    }
}
