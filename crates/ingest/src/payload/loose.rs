//! One JSON value read without insisting on its type, so that a wrong one is named instead of spoiling its message.

use std::borrow::Cow;
use std::fmt;

use base::Instant;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use watch::Defect;

/// The last moment a four-digit year can name, milliseconds: 9999-12-31T23:59:59.999Z.
const LAST_MILLIS: f64 = 253_402_300_799_999.0;

#[derive(Default, Debug)]
pub(super) enum Loose<'a> {
    /// Absent or `null`.
    #[default]
    Nothing,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// An object or a list.
    Structure,
}

impl Loose<'_> {
    /// A finite measure within what such a sensor can show.
    pub(super) fn measure(&self, least: f32, most: f32) -> Result<f32, Defect> {
        match self {
            Loose::Number(n) if (f64::from(least)..=f64::from(most)).contains(n) => Ok(*n as f32),
            Loose::Nothing => Err(Defect::NoValue),
            _ => Err(Defect::BadValue),
        }
    }

    pub(super) fn whole(&self, most: u8) -> Result<u8, Defect> {
        self.measure(0.0, f32::from(most)).map(|n| n.round() as u8)
    }

    pub(super) fn flag(&self) -> Result<bool, Defect> {
        match self {
            Loose::Flag(flag) => Ok(*flag),
            Loose::Nothing => Err(Defect::NoValue),
            _ => Err(Defect::BadValue),
        }
    }

    /// ISO 8601 (with offset, or Japanese wall time) or milliseconds since 1970; `Ok(None)` where no time is given.
    pub(super) fn time(&self) -> Result<Option<Instant>, Defect> {
        match self {
            Loose::Nothing => Ok(None),
            Loose::Number(ms) if (0.0..=LAST_MILLIS).contains(ms) => Ok(Some(Instant((ms * 1000.0) as i64))),
            Loose::Text(text) if text.contains('T') || text.contains(' ') => {
                Instant::parse(text).map(Some).ok_or(Defect::BadTime)
            }
            _ => Err(Defect::BadTime),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Loose::Flag(flag))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
        Ok(Loose::Number(n as f64))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(n as f64))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Self::Value, E> {
        Ok(Loose::Number(n))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Structure)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Structure)
    }
}
