//! Japanese eras (和暦) and ages. Era beginnings: 明治 1868-10-23 (civil use from 1873), 大正 1912-07-30,
//! 昭和 1926-12-25, 平成 1989-01-08 (政令第一号), 令和 2019-05-01 (政令第百四十三号).

use std::fmt;

use crate::Instant;
use crate::instant::{civil_from_days, days_from_civil};

/// A calendar date, days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Date(pub i32);

/// The first year of 明治, before which nobody on a register was born.
pub const FIRST_YEAR: i32 = 1868;

const ERAS: [(i32, u8, u8, &str); 5] = [
    (2019, 5, 1, "令和"),
    (1989, 1, 8, "平成"),
    (1926, 12, 25, "昭和"),
    (1912, 7, 30, "大正"),
    (FIRST_YEAR, 10, 23, "明治"),
];

impl Date {
    pub fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        days_from_civil(year, month, day).and_then(|d| i32::try_from(d).ok()).map(Date)
    }

    pub fn civil(self) -> (i32, u8, u8) {
        civil_from_days(i64::from(self.0))
    }

    pub fn of(moment: Instant) -> Date {
        Date(moment.wall_day() as i32)
    }

    /// `昭和13年4月1日`; before 明治 the plain year.
    pub fn wareki(self) -> String {
        let (y, m, d) = self.civil();
        match ERAS.iter().find(|(ey, em, ed, _)| (y, m, d) >= (*ey, *em, *ed)) {
            Some((ey, _, _, name)) if y == *ey => format!("{name}元年{m}月{d}日"),
            Some((ey, _, _, name)) => format!("{name}{}年{m}月{d}日", y - ey + 1),
            None => format!("{y}年{m}月{d}日"),
        }
    }

    /// Completed years on `today` as everyday speech counts them. (Law ages one a day earlier: 年齢計算ニ関スル法律.)
    pub fn age_on(self, today: Date) -> i32 {
        let ((by, bm, bd), (y, m, d)) = (self.civil(), today.civil());
        y - by - i32::from((m, d) < (bm, bd))
    }
}

/// The era named, its first year, and what follows.
pub(crate) fn era_prefix(text: &str) -> Option<(&'static str, i32, &str)> {
    ERAS.iter().zip(["R", "H", "S", "T", "M"]).find_map(|((year, _, _, name), letter)| {
        let mut ways = [*name, name.get(..3)?, letter].into_iter();
        Some((*name, *year, ways.find_map(|way| text.strip_prefix(way))?))
    })
}

/// ISO 8601: `1938-04-01`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.civil();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eras_change_on_their_days() {
        for (iso, ja) in [
            ("2019-04-30", "平成31年4月30日"),
            ("2019-05-01", "令和元年5月1日"),
            ("1989-01-07", "昭和64年1月7日"),
            ("1926-12-25", "昭和元年12月25日"),
            ("1912-07-29", "明治45年7月29日"),
        ] {
            assert_eq!(Date::parse(iso).unwrap().wareki(), ja);
            assert_eq!(Date::parse(ja), Date::parse(iso));
        }
        assert_eq!(Date::parse("S13.4.1"), Date::parse("1938-04-01"));
        assert_eq!(Date::parse("昭和13年4月1日"), Date::parse("1938/4/1"));
        assert_eq!(Date::parse("1938-02-30"), None);
    }

    #[test]
    fn a_birthday_adds_a_year() {
        let born = Date::parse("1938-04-01").unwrap();
        assert_eq!(born.age_on(Date::parse("2026-03-31").unwrap()), 87);
        assert_eq!(born.age_on(Date::parse("2026-04-01").unwrap()), 88);
    }
}
