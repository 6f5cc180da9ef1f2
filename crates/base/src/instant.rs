//! A moment in microseconds UTC, and its Japanese wall time. The region lies in Japan, whose clock has stood at
//! UTC+9 without summer time since 1952, so wall time is a constant offset and needs no zone database.

use std::fmt;

const SECOND: i64 = 1_000_000;
const JST_OFFSET: i64 = 9 * 3600 * SECOND;

/// A moment: microseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Instant(pub i64);

/// Where the edge reads the time; the system clock in `serve`, a town's clock in a simulation.
pub type Clock = std::sync::Arc<dyn Fn() -> Instant + Send + Sync>;

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, serde::Serialize, serde::Deserialize)]
pub struct Span(pub i64);

impl Span {
    pub const ZERO: Span = Span(0);
    /// How far apart, whichever came first.
    pub const fn abs(self) -> Span {
        Span(self.0.saturating_abs())
    }
    pub const fn millis(n: i64) -> Span {
        Span(n * 1000)
    }
    pub const fn seconds(n: i64) -> Span {
        Span(n * SECOND)
    }
    pub const fn minutes(n: i64) -> Span {
        Span(n * 60 * SECOND)
    }
    pub const fn hours(n: i64) -> Span {
        Span(n * 3600 * SECOND)
    }
    pub const fn days(n: i64) -> Span {
        Span(n * 86_400 * SECOND)
    }
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }
    pub const fn as_minutes(self) -> i64 {
        self.0.div_euclid(60 * SECOND)
    }
}

impl std::ops::Add<Span> for Instant {
    type Output = Instant;
    fn add(self, span: Span) -> Instant {
        Instant(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Instant {
    type Output = Instant;
    fn sub(self, span: Span) -> Instant {
        Instant(self.0.saturating_sub(span.0))
    }
}

impl std::ops::Sub<Instant> for Instant {
    type Output = Span;
    fn sub(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// Year, month, day, hour, minute, second on a Japanese wall clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

impl Instant {
    pub const fn from_unix_seconds(seconds: i64) -> Instant {
        Instant(seconds * SECOND)
    }

    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Seconds of Japanese wall time since 1970-01-01T00:00 on that clock: for arithmetic by time of day.
    pub const fn wall_seconds(self) -> i64 {
        (self.0 + JST_OFFSET).div_euclid(SECOND)
    }

    /// Days of Japanese wall time since 1970-01-01.
    pub const fn wall_day(self) -> i64 {
        self.wall_seconds().div_euclid(86_400)
    }

    /// The midnight on Japanese clocks that begins this wall day.
    pub const fn from_wall_day(day: i64) -> Instant {
        Instant(day * 86_400 * SECOND - JST_OFFSET)
    }

    pub const fn from_wall_seconds(seconds: i64) -> Instant {
        Instant(seconds * SECOND - JST_OFFSET)
    }

    pub fn local(self) -> LocalTime {
        let seconds = self.wall_seconds();
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let rest = seconds.rem_euclid(86_400);
        LocalTime {
            year,
            month,
            day,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// A Japanese wall time as a moment; `None` for a date or time that no calendar has.
    pub fn from_local(t: LocalTime) -> Option<Instant> {
        // A year of five digits is a slip of the keyboard, and far ones would not fit in microseconds.
        let valid = (0..10_000).contains(&t.year) && t.hour < 24 && t.minute < 60 && t.second < 60;
        let day = days_from_civil(t.year, t.month, t.day)?;
        valid.then(|| {
            let of_day = i64::from(t.hour) * 3600 + i64::from(t.minute) * 60 + i64::from(t.second);
            Instant::from_wall_seconds(day * 86_400 + of_day)
        })
    }

    /// Reads `2026-11-22T10:42`, `2026-11-22T10:42:05[.fff]`, a blank for the `T`, or `2026-11-22`, as Japanese wall
    /// time; with a trailing `Z`, `+09:00`, `+0900` or `+09` as the moment it names. A comma before the fraction and small
    /// letters do as well (ISO 8601 and RFC 3339 allow them).
    pub fn parse(text: &str) -> Option<Instant> {
        let text = text.trim();
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, time),
            None => (text, "00:00"),
        };
        let mut parts = date.splitn(3, '-');
        let year = number(parts.next()?)?;
        let month = number(parts.next()?)?;
        let day = number(parts.next()?)?;
        let (clock, offset) = split_offset(time)?;
        let mut parts = clock.splitn(3, ':');
        let hour = number(parts.next()?)?;
        let minute = number(parts.next()?)?;
        let (second, micros) = match parts.next() {
            None => (0, 0),
            Some(s) => {
                let (whole, fraction) = s.split_once(['.', ',']).unwrap_or((s, "0"));
                if fraction.is_empty() {
                    return None;
                }
                let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
                (number(whole)?, number::<i64>(&digits)?)
            }
        };
        let local = Instant::from_local(LocalTime { year, month, day, hour, minute, second })?;
        let shift = offset.map_or(0, |seconds| JST_OFFSET - seconds * SECOND);
        Some(Instant(local.0 + shift + micros))
    }
}

/// Digits alone: a sign before them would be read too.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `10:42:05Z` as (`10:42:05`, 0 s east of UTC); no offset as `None`.
fn split_offset(time: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, None)) };
    let (clock, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits = &offset[1..];
    let (h, m) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let (h, m) = (number::<u8>(h)?, number::<u8>(m)?);
    (h < 24 && m < 60).then(|| (clock.trim_end(), Some(sign * (i64::from(h) * 3600 + i64::from(m) * 60))))
}

/// ISO 8601 Japanese wall time to the second, without offset: `2026-11-22T10:42:05`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.local();
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+09:00")
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date; `None` where no such date exists.
pub fn days_from_civil(year: i32, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = i64::from(month);
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
}

pub fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year as i32, month as u8, (doy - (153 * mp + 2) / 5 + 1) as u8)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wall_time_is_nine_hours_ahead() {
        assert_eq!(Instant(0).to_string(), "1970-01-01T09:00:00");
        assert_eq!(Instant::parse("2026-11-22T10:42Z"), Instant::parse("2026-11-22T19:42"));
        assert_eq!(Instant::parse("2026-11-22T10:42:05.5+09:00").unwrap().0 % SECOND, 500_000);
    }

    #[test]
    fn a_moment_is_the_same_however_clocks_write_it() {
        for text in [
            "2026-11-22T10:42:05.250+0900",
            "2026-11-22T10:42:05,25+09:00",
            "2026-11-22t01:42:05.25z",
            "2026-11-22 10:42:05.250000 +09:00",
            "2026-11-22T10:42:05.25+09",
            "2026-11-22T07:12:05.25+0530",
        ] {
            assert_eq!(Instant::parse(text), Instant::parse("2026-11-22T10:42:05.25"), "{text}");
        }
        for text in ["2026-11-22T10:42:05+090", "2026-11-22T10:42:05+09000", "2026-11-22T10:42:05+９時"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in ["999999999-01-01", "2026-11-22T10:42+9223372036854775807:00"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
        for text in ["2026-11-22T+3:00:00Z", "2026-11-22T10:42:05.-5", "+2026-11-22", "2026-11-22T10:42+-9:00"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
        for text in ["2025-02-29", "2026-13-01", "2026-04-31", "2026-11-22T24:00", "きのう", "", "2026"] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn civil_dates_round_trip(days in -200_000i64..200_000) {
            let (y, m, d) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(y, m, d), Some(days));
        }

        #[test]
        fn printing_then_reading_gives_the_same_second(seconds in 0i64..4_000_000_000) {
            let t = Instant::from_unix_seconds(seconds);
            prop_assert_eq!(Instant::parse(&t.to_string()), Some(t));
        }
    }
}
