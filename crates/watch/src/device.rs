//! Gateways and devices of a home: what they are, where they hang, how well they speak.

use base::{DeviceId, GatewayId, HomeId, Instant, Redacted};

use crate::alert::words;
use crate::rhythm::Sign;

words! {
    /// What a device watches. A door's kind is the place where it hangs, because that is what its opening means.
    DeviceKind {
        Entrance = "entrance", "玄関の開閉";
        Fridge = "fridge", "冷蔵庫の開閉";
        Bathroom = "bathroom", "浴室の開閉";
        Toilet = "toilet", "トイレの開閉";
        Medicine = "medicine", "薬箱の開閉";
        Contact = "contact", "その他の開閉";
        Motion = "motion", "人感";
        Climate = "climate", "温湿度";
        Button = "button", "呼び出しボタン";
    }
}

impl DeviceKind {
    /// What kind of sign of life it gives; `None` for those that give none.
    pub const fn sign(self) -> Option<Sign> {
        Some(match self {
            DeviceKind::Entrance => Sign::Entrance,
            DeviceKind::Fridge => Sign::Fridge,
            DeviceKind::Bathroom => Sign::Bathroom,
            DeviceKind::Toilet => Sign::Toilet,
            DeviceKind::Medicine => Sign::Medicine,
            DeviceKind::Contact => Sign::Contact,
            DeviceKind::Motion => Sign::Motion,
            DeviceKind::Climate | DeviceKind::Button => return None,
        })
    }
}

/// A gateway, without its credential.
#[derive(Clone, PartialEq, Debug)]
pub struct Gateway {
    pub id: GatewayId,
    pub home: HomeId,
    /// The user name with which it signs in.
    pub name: String,
    /// The carrier of its line; homes of one carrier that fall silent together are one outage.
    pub carrier: String,
    pub registered_at: Instant,
    pub rotated_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    /// At most a minute old while the program runs.
    pub heard_at: Option<Instant>,
    /// Messages that could not be read and named no known device.
    pub malformed: i64,
    pub bad: Option<BadPayload>,
}

/// A device at a home and how well it speaks. Counters are at most a minute old while the program runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    pub id: DeviceId,
    pub home: HomeId,
    pub gateway: GatewayId,
    pub serial: String,
    pub kind: DeviceKind,
    /// The room, in the words of who hung it up (居間, 寝室 …).
    pub place: String,
    pub assigned_at: Instant,
    pub retired_at: Option<Instant>,
    /// Until then nothing it says raises anything (walk test).
    pub test_until: Option<Instant>,
    pub heard_at: Option<Instant>,
    pub sign_at: Option<Instant>,
    /// Percent.
    pub battery: Option<u8>,
    /// 0 to 255.
    pub link_quality: Option<u8>,
    pub online: bool,
    pub counters: Counters,
    pub bad: Option<BadPayload>,
}

/// What was wrong with what a device sent, since it was assigned.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    pub duplicates: i64,
    pub late: i64,
    pub reordered: i64,
    /// The state it had already.
    pub repeated: i64,
    pub retained: i64,
    pub wrong_clock: i64,
    pub malformed: i64,
}

/// The last message that could not be read.
#[derive(Clone, PartialEq, Debug)]
pub struct BadPayload {
    pub at: Instant,
    pub why: crate::Defect,
    pub payload: Redacted<String>,
}

/// A serial that spoke through a gateway and that nobody assigned yet.
#[derive(Clone, PartialEq, Debug)]
pub struct UnknownDevice {
    pub gateway: GatewayId,
    pub home: HomeId,
    pub serial: String,
    pub first_at: Instant,
    pub last_at: Instant,
    pub seen: i64,
    /// The last kind of signal it sent (a key of [`crate::Signal`]): helps to tell which box it is.
    pub said: String,
}
