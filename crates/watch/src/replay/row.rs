//! One row of a recording in the watch's words: when, which sensor of which home, and what it said. Knows no rhythm.

use base::{Instant, Span};

use crate::live::hear::Code;
use crate::rhythm::Sign;
use crate::{MOST_LITRES, MOST_WH};

/// What a row says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Said {
    /// A sensor of this kind said its state, or (`state` is false) that somebody moved.
    Movement {
        sign: Sign,
        code: Code,
        state: bool,
    },
    /// A meter said what was used in the interval that ends now.
    Used {
        code: Code,
        amount: f32,
    },
    /// The resident said that all is well.
    Answer,
    /// The person is away from now until then.
    Away(Instant),
    Back,
    /// Nothing that is a sign of life: time passes.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Row {
    pub at: Instant,
    pub line: u64,
    /// The number of the sensor in its home, from 1.
    pub sensor: u32,
    pub said: Said,
}

/// The contract's kinds, and the words that public recordings use for the same sensors.
pub(super) fn said(kind: &[u8], value: &[u8], clock: &mut Clock) -> Option<Said> {
    let door = |sign| movement(sign, Code::Opened, Code::Closed, value);
    Some(match kind {
        b"answer" => Said::Answer,
        b"away" => Said::Away(clock.read(value)?),
        b"back" => Said::Back,
        b"entrance" | b"door" => door(Sign::Entrance),
        b"fridge" | b"kitchen_proxy" => door(Sign::Fridge),
        b"bathroom" | b"bathroom_door" | b"bathroom_proxy" => door(Sign::Bathroom),
        b"toilet" | b"flush" => door(Sign::Toilet),
        b"medicine" => door(Sign::Medicine),
        b"contact" | b"contact_other" | b"appliance" => door(Sign::Contact),
        b"light" => movement(Sign::Usage, Code::Lit, Code::Unlit, value),
        b"energy_wh" => used(Code::Energy, value, MOST_WH),
        b"water_l" => used(Code::Water, value, MOST_LITRES),
        b"presence" => movement(Sign::Motion, Code::Present, Code::Absent, value),
        b"motion" | b"activity" | b"activity_burst" | b"pressure" => {
            movement(Sign::Motion, Code::Motion, Code::MotionCleared, value)
        }
        // Counted by the hour: an hour without any is no state of the sensor.
        b"motion_hourly" if is_zero(value) => Said::Nothing,
        b"motion_hourly" => movement(Sign::Motion, Code::Motion, Code::MotionCleared, value),
        _ => Said::Nothing,
    })
}

/// A number that is not zero, or no word at all, is somebody who moved: recordings that say only that. A word is the
/// sensor's state, and what is none of its states (`unavailable`) says nothing.
fn movement(sign: Sign, on: Code, off: Code, value: &[u8]) -> Said {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
    let (code, state) = match value {
        b"" | b"1" => (on, false),
        _ if is_zero(value) || is(&["off", "closed", "close", "false", "clear"]) => (off, true),
        _ if is(&["on", "open", "opened", "true", "detected"]) => (on, true),
        _ if number(value).is_some_and(|n| n > 0.0) => (on, false),
        _ => return Said::Nothing,
    };
    Said::Movement { sign, code, state }
}

fn used(code: Code, value: &[u8], most: f32) -> Said {
    let amount = number(value).filter(|n| (0.0..=most).contains(n));
    amount.map_or(Said::Nothing, |amount| Said::Used { code, amount })
}

fn is_zero(value: &[u8]) -> bool {
    value == b"0" || number(value) == Some(0.0)
}

fn number(value: &[u8]) -> Option<f32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Reads time stamps; remembers the date last read, because neighbouring rows share it.
#[derive(Default)]
pub(super) struct Clock {
    date: [u8; 10],
    midnight: Option<Instant>,
}

impl Clock {
    pub fn read(&mut self, text: &[u8]) -> Option<Instant> {
        let (date, time) = text.split_first_chunk::<10>()?;
        let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = time else { return slow(text) };
        if !(rest.is_empty() || rest[0] == b'.' && rest[1..].iter().all(u8::is_ascii_digit)) {
            return slow(text);
        }
        if *date != self.date || self.midnight.is_none() {
            self.midnight = Some(Instant::parse(std::str::from_utf8(date).ok()?)?);
            self.date = *date;
        }
        let (hour, minute, second) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, two_digits(*s1, *s2)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(self.midnight? + Span::seconds(hour * 3600 + minute * 60 + second))
    }
}

fn slow(text: &[u8]) -> Option<Instant> {
    Instant::parse(std::str::from_utf8(text).ok()?)
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_of_other_projects_speak_of_the_same_sensors() {
        let said = |kind: &str, value: &str| said(kind.as_bytes(), value.as_bytes(), &mut Clock::default());
        let door = |sign, code, state| Some(Said::Movement { sign, code, state });
        assert_eq!(said("flush", "1"), door(Sign::Toilet, Code::Opened, false));
        assert_eq!(said("door", "CLOSE"), door(Sign::Entrance, Code::Closed, true));
        assert_eq!(said("fridge", "open"), door(Sign::Fridge, Code::Opened, true));
        for off in ["OFF", "off", "false", "False", "0", "0.0"] {
            assert_eq!(said("motion", off), door(Sign::Motion, Code::MotionCleared, true), "{off}");
        }
        for nothing in ["unavailable", "unknown", "NaN", "-1"] {
            assert_eq!(said("motion", nothing), Some(Said::Nothing), "{nothing}");
        }
        assert_eq!(said("motion_hourly", "0.0"), Some(Said::Nothing));
        assert_eq!(said("motion_hourly", "7.0"), door(Sign::Motion, Code::Motion, false));
        assert_eq!(said("temperature", "21.5"), Some(Said::Nothing));
        assert_eq!(said("away", "tomorrow"), None);
    }
}
