//! One JSON value read without insisting on its type, so that a wrong one is named instead of spoiling its message.

use std::borrow::Cow;
use std::fmt;

use base::Instant;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use watch::Defect;

/// The last moment a four-digit year can name, seconds: 9999-12-31T23:59:59.999Z.
const LAST_SECOND: f64 = 253_402_300_799.999;
/// What is less than this counts seconds since 1970 (it would be early 1973 in milliseconds), what is less than its
/// thousandfold milliseconds, what is more microseconds.
const FEWEST_MILLIS: f64 = 1e11;
/// What stands for "nothing known" where a number or a time is meant.
const NOTHING_KNOWN: [&str; 7] = ["", "n/a", "none", "null", "nan", "unknown", "unavailable"];

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

impl<'a> Loose<'a> {
    /// A payload that is one value and no object: `ON`, `"on"`, `21.4`, `true`.
    pub(super) fn plain(payload: &'a [u8]) -> Loose<'a> {
        let payload = payload.trim_ascii();
        serde_json::from_slice(payload).unwrap_or_else(|_| Loose::Text(String::from_utf8_lossy(payload)))
    }

    /// One member of an object.
    pub(super) fn of(object: &'a Map<String, Value>, name: &str) -> Loose<'a> {
        match object.get(name) {
            None | Some(Value::Null) => Loose::Nothing,
            Some(Value::Bool(flag)) => Loose::Flag(*flag),
            Some(Value::Number(n)) => n.as_f64().map_or(Loose::Structure, Loose::Number),
            Some(Value::String(text)) => Loose::Text(Cow::Borrowed(text)),
            Some(Value::Array(_) | Value::Object(_)) => Loose::Structure,
        }
    }

    /// `None` where nothing is said.
    pub(super) fn said(&self) -> Option<&Self> {
        match self {
            Loose::Nothing => None,
            Loose::Text(text) if NOTHING_KNOWN.iter().any(|word| text.trim().eq_ignore_ascii_case(word)) => None,
            said => Some(said),
        }
    }

    /// A number, also where it stands in quotation marks.
    fn number(&self) -> Option<f64> {
        match self {
            Loose::Number(n) => Some(*n),
            Loose::Text(text) => text.trim().replacen(',', ".", 1).parse().ok().filter(|n: &f64| n.is_finite()),
            _ => None,
        }
    }

    /// A finite measure within what such a sensor can show.
    pub(super) fn measure(&self, least: f32, most: f32) -> Result<f32, Defect> {
        let said = self.said().ok_or(Defect::NoValue)?;
        let within = said.number().filter(|n| (f64::from(least)..=f64::from(most)).contains(n));
        within.map(|n| n as f32).ok_or(Defect::BadValue)
    }

    pub(super) fn whole(&self, most: u8) -> Result<u8, Defect> {
        self.measure(0.0, f32::from(most)).map(|n| n.round() as u8)
    }

    pub(super) fn flag(&self) -> Result<bool, Defect> {
        match self.said().ok_or(Defect::NoValue)? {
            Loose::Flag(flag) => Ok(*flag),
            Loose::Number(n) if *n == 0.0 || *n == 1.0 => Ok(*n == 1.0),
            Loose::Text(text) if ["true", "on"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(true),
            Loose::Text(text) if ["false", "off"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(false),
            _ => Err(Defect::BadValue),
        }
    }

    /// ISO 8601 (with offset, or Japanese wall time), or seconds, milliseconds or microseconds since 1970; `Ok(None)` where
    /// no time is given.
    pub(super) fn time(&self) -> Result<Option<Instant>, Defect> {
        if let Loose::Text(text) = self
            && text.contains(['T', 't', ' '])
            && let Some(at) = Instant::parse(text)
        {
            return Ok(Some(at));
        }
        let Some(said) = self.said() else { return Ok(None) };
        if let Some(n) = said.number() {
            let seconds = match n {
                n if n < FEWEST_MILLIS => n,
                n if n < FEWEST_MILLIS * 1e3 => n / 1e3,
                n => n / 1e6,
            };
            let known = (0.0..=LAST_SECOND).contains(&seconds);
            return known.then_some(Some(Instant((seconds * 1e6).round() as i64))).ok_or(Defect::BadTime);
        }
        Err(Defect::BadTime)
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
