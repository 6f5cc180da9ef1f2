//! Dates and times as people type them, and why what was typed is none, in their words.

use base::wareki::Date;
use base::{Instant, NoDate};
use unicode_normalization::UnicodeNormalization;

const EXAMPLE: &str = "「昭和13年4月1日」「S13.4.1」「1938\u{2011}04\u{2011}01」のように入力してください。";

/// A date as clerks type it ([`Date::read`]); the error says why it is none.
pub fn read_date(typed: &str) -> Result<Date, String> {
    Date::read(typed).map_err(|why| words(&why))
}

/// Why what was sought as a date is none; `None` for what is more likely a name, a telephone number or an address.
pub fn almost_date(typed: &str) -> Option<String> {
    let why = Date::read(typed).err()?;
    let digits_alone = base::kana::half_width_digits(typed.trim()).bytes().all(|b| b.is_ascii_digit());
    let meant = match &why {
        NoDate::Unreadable => false,
        NoDate::Incomplete => typed.contains('年'),
        NoDate::NoEra | NoDate::TooEarly => !digits_alone,
        NoDate::TwoYears | NoDate::NotInCalendar { .. } | NoDate::OtherEra { .. } => true,
    };
    meant.then(|| words(&why))
}

fn words(why: &NoDate) -> String {
    match why {
        NoDate::Unreadable => format!("日付を読み取れません。{EXAMPLE}"),
        NoDate::Incomplete => format!("年・月・日をそろえて入力してください。{EXAMPLE}"),
        NoDate::NoEra => format!("年は、元号をつけるか、西暦4桁で入力してください。{EXAMPLE}"),
        NoDate::TooEarly => "1868年（明治元年）より前の日付は入力できません。".to_owned(),
        NoDate::TwoYears => "元号の年と西暦の年が合いません。日付をご確認ください。".to_owned(),
        NoDate::NotInCalendar { month, day } => {
            format!("{month}月{day}日はその年の暦にありません。日付をご確認ください。")
        }
        NoDate::OtherEra { typed, is } => format!("{typed}はありません。{}ではありませんか。", is.wareki()),
    }
}

/// `9:30`, `9時30分`, `９時半`, `午後3時` as minutes from midnight.
pub fn read_time(typed: &str) -> Option<u16> {
    let text: String = typed.nfkc().filter(|c| !c.is_whitespace()).collect();
    let (afternoon, clock) = match (text.strip_prefix("午前"), text.strip_prefix("午後")) {
        (Some(clock), _) => (Some(false), clock),
        (_, Some(clock)) => (Some(true), clock),
        _ => (None, text.as_str()),
    };
    let (hour, minute) = clock.split_once([':', '時'])?;
    let minute = match minute.strip_suffix('分').unwrap_or(minute) {
        "" if clock.ends_with('時') => 0,
        "半" => 30,
        minute => number(minute)?,
    };
    let hour = match (afternoon, number(hour)?) {
        (Some(false), 12) => 0,
        (Some(true), hour) if hour < 12 => hour + 12,
        (_, hour) => hour,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn number(text: &str) -> Option<u16> {
    let fits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// A day and its time, as a browser's own field sends them (`2026-11-22T10:42`) or typed: a date as [`read_date`] takes
/// it, then a time as [`read_time`] does. `label` begins the error.
pub fn read_moment(typed: &str, label: &str) -> Result<Instant, String> {
    let example = "例：2026-11-22 10:30、令和8年11月22日 10時30分";
    if let Some(moment) = Some(typed).filter(|t| t.contains(':')).and_then(Instant::parse) {
        return Ok(moment);
    }
    let text: String = typed.nfkc().take(80).collect();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let times = text.char_indices().filter_map(|(at, first)| {
        let (day, time) = text.split_at(at);
        let whole = !(is_digit(Some(first)) && is_digit(day.chars().last()));
        read_time(time).filter(|_| whole).map(|minute| (day, minute))
    });
    let Some((day, minute)) = times.into_iter().next() else {
        return Err(format!("{label}は、日付と時刻を入力してください。{example}"));
    };
    let day = day.trim().trim_end_matches(['T', 't']);
    if day.is_empty() {
        return Err(format!("{label}は、日付も入力してください。{example}"));
    }
    let date = read_date(day).map_err(|why| format!("{label}：{why}"))?;
    Ok(Instant::from_wall_seconds(i64::from(date.0) * 86_400 + i64::from(minute) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_date_is_said_in_words() {
        for (typed, why) in [
            ("20.10.28", "元号をつける"),
            ("45/10/28", "元号をつける"),
            ("大15.12.30", "大正15年12月30日はありません。昭和元年12月30日ではありませんか"),
            ("昭和元年1月1日", "昭和元年1月1日はありません。大正15年1月1日ではありませんか"),
            ("平成31年5月1日", "令和元年5月1日ではありませんか"),
            ("昭20.2.30", "2月30日はその年の暦にありません"),
            ("昭20.10", "年・月・日をそろえて"),
            ("1867-12-31", "1868年"),
            ("昭和20年（1946年）1月1日", "合いません"),
            ("きのう", "日付を読み取れません"),
        ] {
            let said = read_date(typed).unwrap_err();
            assert!(said.contains(why), "{typed}: {said}");
        }
    }

    #[test]
    fn only_what_was_meant_as_a_date_is_said_to_be_none() {
        for meant in ["昭和20年2月30日", "19450230", "20.10.28", "昭和元年1月1日", "昭和 20 年 10 月"] {
            assert!(almost_date(meant).is_some(), "{meant}");
        }
        for other in ["", "髙橋", "弥生", "0561-00-2003", "00000013", "2003", "昭和町", "一丁目", "1945-10-28", "平 三"]
        {
            assert_eq!(almost_date(other), None, "{other}");
        }
    }

    #[test]
    fn times_and_moments_are_read_in_every_hand() {
        for typed in ["9:30", "09:30", "９：３０", "9時30分", "９時半", "午前9時30分", " 9 : 30 "] {
            assert_eq!(read_time(typed), Some(9 * 60 + 30), "{typed}");
        }
        assert_eq!(read_time("午後3時"), Some(15 * 60));
        assert_eq!(read_time("午後0時5分"), Some(12 * 60 + 5));
        assert_eq!(read_time("午前12時5分"), Some(5));
        for none in ["", "24:00", "9:60", "9", "930", "-9:30", "+9:30", "午後25時", "9:"] {
            assert_eq!(read_time(none), None, "{none}");
        }
        let meant = Instant::parse("2026-11-22T15:05").unwrap();
        for typed in [
            "2026-11-22T15:05",
            "2026-11-22T15:05:00",
            "２０２６－１１－２２　１５：０５",
            "2026/11/22 15:05",
            "20261122 15:05",
            "令和8年11月22日 15時5分",
            "令和８年１１月２２日午後３時０５分",
            "令和8年11月22日(日) 15:05",
            "R8.11.22 午後3時5分",
        ] {
            assert_eq!(read_moment(typed, "戻る日時"), Ok(meant), "{typed}");
        }
        for (typed, why) in [
            ("令和8年11月22日", "時刻"),
            ("2026-11-22", "時刻"),
            ("", "戻る日時は、日付と時刻"),
            ("15:05", "日付も"),
            ("令和8年2月30日 10:00", "暦にありません"),
            ("11/22 10:00", "年・月・日"),
            ("あした10時", "読み取れません"),
        ] {
            let said = read_moment(typed, "戻る日時").unwrap_err();
            assert!(said.contains(why), "{typed}: {said}");
        }
    }
}
