//! Dates as people write them: with eras and without, in kanji, copied from a list or from a page of this program. One
//! reading for forms and for the search.

use unicode_normalization::UnicodeNormalization;

use crate::kana::is_dash;
use crate::letters::is_unseen;
use crate::wareki::{Date, FIRST_YEAR, era_prefix};

/// Why what was typed is no date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoDate {
    Unreadable,
    /// Year, month or day is missing.
    Incomplete,
    /// A year of one or two digits, or 元年, without its era.
    NoEra,
    /// A year before any era we count.
    TooEarly,
    /// The year is written twice, and not the same.
    TwoYears,
    NotInCalendar {
        month: u32,
        day: u32,
    },
    /// The day is not one of the era that was typed (`昭和元年1月1日`) but this.
    OtherEra {
        typed: String,
        is: Date,
    },
}

/// More than any date is long.
const LONGEST: usize = 40;
/// Years have four digits.
const LAST_YEAR: i32 = 9999;

impl Date {
    /// Reads `1938-04-01`, `1938/4/1`, `19380401`, `昭和13年4月1日`, `昭和十三年四月一日`, `昭13.4.1`, `S13.4.1`, `S130401` and
    /// `昭和13年（1938年）4月1日`, in any width, with blanks, 生 or a day of the week behind it. An era counts from its first
    /// day to the day before the next: `昭和元年1月1日` and `昭和64年2月1日` were days of other eras and are refused, for the
    /// writer erred in the era or in the year, and only the writer knows which.
    pub fn read(text: &str) -> Result<Date, NoDate> {
        let text = plain(text)?;
        let (era, rest) = match era_prefix(&text) {
            Some((name, first, rest)) => (Some((name, first)), rest),
            None => (None, text.strip_prefix("西暦").unwrap_or(&text)),
        };
        let mut rest = rest.trim_start_matches(is_separator).to_owned();
        if rest.starts_with('元') {
            rest.replace_range(..'元'.len_utf8(), "1");
            if era.is_none() {
                return Err(NoDate::NoEra);
            }
        }
        let beside = year_beside(&mut rest)?;
        let [year, month, day] = numbers(&rest, era.is_some())?;
        let full = match era {
            Some((_, first)) => first - 1 + year as i32,
            None if year < 1000 => return Err(NoDate::NoEra),
            None if (year as i32) < FIRST_YEAR => return Err(NoDate::TooEarly),
            None => year as i32,
        };
        if full > LAST_YEAR || era.is_some() && year == 0 {
            return Err(NoDate::Unreadable);
        }
        if beside.is_some_and(|beside| beside != full) {
            return Err(NoDate::TwoYears);
        }
        let read = Date::new(full, month as u8, day as u8).ok_or(NoDate::NotInCalendar { month, day })?;
        match era {
            Some((name, _)) if !read.wareki().starts_with(name) => {
                let year = if year == 1 { "元".to_owned() } else { year.to_string() };
                Err(NoDate::OtherEra { typed: format!("{name}{year}年{month}月{day}日"), is: read })
            }
            _ => Ok(read),
        }
    }

    /// As [`Date::read`], for whom the reason is nothing.
    pub fn parse(text: &str) -> Option<Date> {
        Date::read(text).ok()
    }
}

/// One form of each character, kanji numbers as digits, a blank between digits as a dot and no other, nothing behind the
/// day.
fn plain(typed: &str) -> Result<String, NoDate> {
    let seen: String = typed.trim().nfkc().filter(|c| !is_unseen(*c)).take(LONGEST + 1).collect();
    if seen.chars().count() > LONGEST {
        return Err(NoDate::Unreadable);
    }
    let mut text = seen.to_uppercase();
    for born in ["生まれ", "生れ", "うまれ", "生"] {
        if let Some(before) = text.strip_suffix(born) {
            text.truncate(before.len());
            break;
        }
    }
    let text = without_weekday(text.trim_end());
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if c.is_whitespace() {
            let between = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            if between(plain.chars().last()) && between(letters.peek().copied()) {
                plain.push('.');
            }
        } else if numeral(c).is_some() {
            let mut run = vec![c];
            while let Some(more) = letters.next_if(|c| numeral(*c).is_some()) {
                run.push(more);
            }
            plain.push_str(&in_digits(&run));
        } else {
            plain.push(c);
        }
    }
    Ok(plain)
}

/// `(日)`, `(日曜日)` behind the day say nothing that the calendar does not say.
fn without_weekday(text: &str) -> &str {
    let inner = text.strip_suffix(')').and_then(|t| t.rsplit_once('('));
    let Some((before, weekday)) = inner else { return text };
    let mut letters = weekday.chars();
    let known = letters.next().is_some_and(|c| "月火水木金土日".contains(c));
    if known && matches!(letters.as_str(), "" | "曜" | "曜日") { before.trim_end() } else { text }
}

/// A digit of a kanji number, or what it is multiplied by; 大字 as in a 戸籍 too.
fn numeral(c: char) -> Option<(u32, bool)> {
    if let Some(digit) = "〇一二三四五六七八九".chars().position(|n| n == c) {
        return Some((digit as u32, false));
    }
    Some(match c {
        '零' | '○' => (0, false),
        '壱' => (1, false),
        '弐' => (2, false),
        '参' => (3, false),
        '十' | '拾' => (10, true),
        '百' => (100, true),
        '千' => (1000, true),
        _ => return None,
    })
}

/// 二十八 is 28, 一九四五 is 1945.
fn in_digits(run: &[char]) -> String {
    let parts: Vec<(u32, bool)> = run.iter().filter_map(|c| numeral(*c)).collect();
    if parts.iter().all(|(_, times)| !times) {
        return parts.iter().map(|(digit, _)| digit.to_string()).collect();
    }
    let (mut sum, mut digits) = (0u32, 0u32);
    for (value, times) in parts {
        if times {
            sum = sum.saturating_add(digits.max(1).saturating_mul(value));
            digits = 0;
        } else {
            digits = digits.saturating_mul(10).saturating_add(value);
        }
    }
    sum.saturating_add(digits).to_string()
}

/// Takes `(1938年)` or `(昭和13年)` behind the year out of the text: the program's own pages write both.
fn year_beside(rest: &mut String) -> Result<Option<i32>, NoDate> {
    let (Some(from), Some(to)) = (rest.find('('), rest.find(')')) else { return Ok(None) };
    let inner = rest.get(from + 1..to).ok_or(NoDate::Unreadable)?;
    let (before_first, digits) = match era_prefix(inner) {
        Some((_, first, digits)) => (first - 1, digits),
        None => (0, inner),
    };
    let digits = digits.strip_suffix('年').unwrap_or(digits);
    let digits = if digits == "元" { "1" } else { digits };
    let year = number(digits, 4).ok_or(NoDate::Unreadable)?;
    rest.replace_range(from..=to, "");
    Ok(Some(before_first + year as i32))
}

fn numbers(rest: &str, era: bool) -> Result<[u32; 3], NoDate> {
    let numbers: Vec<&str> = rest.split(|c: char| !c.is_ascii_digit()).filter(|s| !s.is_empty()).collect();
    let gaps: Vec<&str> = rest.split(|c: char| c.is_ascii_digit()).filter(|s| !s.is_empty()).collect();
    let units = ["年", "月", "日"];
    let known = |(gap, unit): (&&str, &str)| {
        let after = gap.strip_prefix(unit).unwrap_or(gap);
        after.chars().all(is_separator) && (unit == "日" || after.chars().count() < 2)
    };
    let begins = rest.starts_with(|c: char| c.is_ascii_digit());
    if !begins || numbers.len() > 3 || gaps.len() > numbers.len() || !gaps.iter().zip(units).all(known) {
        return Err(NoDate::Unreadable);
    }
    let parts = match numbers[..] {
        [all] if gaps.is_empty() && era && all.len() == 6 => [&all[..2], &all[2..4], &all[4..]],
        [all] if gaps.is_empty() && !era && all.len() == 8 => [&all[..4], &all[4..6], &all[6..]],
        [all] if gaps.is_empty() && !era && all.len() == 6 => return Err(NoDate::NoEra),
        [year, month, day] => [year, month, day],
        _ => return Err(NoDate::Incomplete),
    };
    let read = || Some([number(parts[0], 4)?, number(parts[1], 2)?, number(parts[2], 2)?]);
    read().ok_or(NoDate::Unreadable)
}

fn number(digits: &str, longest: usize) -> Option<u32> {
    let fits = (1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '.' | ',' | '、' | '・' | '·') || is_dash(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_birthday_is_read_however_it_is_written() {
        for typed in [
            "昭和20年10月28日",
            "昭和２０年１０月２８日生",
            "昭和20年10月28日 生まれ",
            "昭和 20 年 10 月 28 日",
            "昭和　二十年　十月　二十八日生れ",
            "昭和弐拾年拾月弐拾八日",
            "㍼20年10月28日",
            "昭20/10/28",
            "S20.10.28",
            "S．２０．１０．２８",
            "s20 10 28",
            "s20-10-28",
            "S20‐10−28",
            "S20ー10ー28",
            "S201028",
            "昭和20年（1945年）10月28日",
            "1945年（昭和20年）10月28日(日)",
            "19451028",
            "１９４５１０２８",
            "1945-10-28",
            "1945/10/28",
            "1945.10.28.",
            "1945. 10. 28",
            "1945,10,28",
            "1945、10、28",
            "１９４５・１０・２８",
            "1945･10･28",
            "1945年10月28日（日曜日）",
            "西暦1945年10月28日",
            "一九四五年一〇月二八日",
            "千九百四十五年十月二十八日",
            "\u{200b}1945\u{200b}-10-28\u{feff}",
        ] {
            assert_eq!(Date::read(typed).map(|d| d.to_string()).as_deref(), Ok("1945-10-28"), "{typed}");
        }
        assert_eq!(Date::read("令和元年五月一日").unwrap().to_string(), "2019-05-01");
        assert_eq!(Date::read("平元年1月8日").unwrap().to_string(), "1989-01-08");
    }

    #[test]
    fn what_is_no_date_says_why() {
        let other = |typed: &str, is: &str| NoDate::OtherEra { typed: typed.into(), is: Date::parse(is).unwrap() };
        for (typed, why) in [
            ("昭和20年2月30日", NoDate::NotInCalendar { month: 2, day: 30 }),
            ("19450230", NoDate::NotInCalendar { month: 2, day: 30 }),
            ("昭和20年13月1日", NoDate::NotInCalendar { month: 13, day: 1 }),
            ("20.10.28", NoDate::NoEra),
            ("201028", NoDate::NoEra),
            ("元年5月1日", NoDate::NoEra),
            ("0020-10-28", NoDate::NoEra),
            ("1867-12-31", NoDate::TooEarly),
            ("昭和20年10月", NoDate::Incomplete),
            ("昭和20年(1946年)10月28日", NoDate::TwoYears),
            ("昭和元年1月1日", other("昭和元年1月1日", "1926-01-01")),
            ("昭和元年12月24日", other("昭和元年12月24日", "1926-12-24")),
            ("昭和64年1月8日", other("昭和64年1月8日", "1989-01-08")),
            ("平成元年1月7日", other("平成元年1月7日", "1989-01-07")),
            ("平成31年5月1日", other("平成31年5月1日", "2019-05-01")),
            ("大正元年7月29日", other("大正元年7月29日", "1912-07-29")),
            ("明治元年10月22日", other("明治元年10月22日", "1868-10-22")),
            ("昭和0年1月1日", NoDate::Unreadable),
            ("昭.1.1", NoDate::Incomplete),
            ("昭和2147483647年1月1日", NoDate::Unreadable),
            ("1945年月10日28", NoDate::Unreadable),
            ("0561-00-2003", NoDate::Unreadable),
            ("昭和町1-2-3", NoDate::Unreadable),
            ("きのう", NoDate::Unreadable),
            ("", NoDate::Unreadable),
        ] {
            assert_eq!(Date::read(typed), Err(why), "{typed}");
        }
    }

    fn in_kanji(n: i32) -> String {
        let digit = |n: i32| "〇一二三四五六七八九".chars().nth(n as usize).unwrap();
        match (n / 10, n % 10) {
            (0, one) => digit(one).to_string(),
            (ten, one) => {
                let ten = if ten > 1 { digit(ten).to_string() } else { String::new() };
                format!("{ten}十{}", if one > 0 { digit(one).to_string() } else { String::new() })
            }
        }
    }

    fn wide(text: &str) -> String {
        text.chars().map(|c| if c.is_ascii_digit() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c }).collect()
    }

    proptest! {
        #[test]
        fn every_way_of_writing_a_day_reads_as_that_day(day in -37_255..=47_846i32) {
            let date = Date(day);
            let (y, m, d) = date.civil();
            prop_assert!((1868..=2100).contains(&y));
            let mut ways = vec![date.to_string(), format!("{y}{m:02}{d:02}"), date.wareki()];
            for between in ["/", ".", "-", ",", "、", "・", " ", "−", "ー"] {
                ways.push(format!("{y}{between}{m}{between}{d}"));
            }
            if let Some(era) = date.wareki().split_inclusive('年').next().filter(|e| !e.starts_with('1')) {
                let name: String = era.chars().take(2).collect();
                let of_era = era.trim_start_matches(&name).trim_end_matches('年').replace('元', "1").parse::<i32>().unwrap();
                let letter = ["明治M", "大正T", "昭和S", "平成H", "令和R"].iter().find_map(|e| e.strip_prefix(&name)).unwrap();
                let first: String = name.chars().take(1).collect();
                for era in [name.as_str(), first.as_str(), letter, &letter.to_lowercase()] {
                    ways.push(format!("{era}{of_era}.{m}.{d}"));
                    ways.push(format!("{era} {of_era}/{m:02}/{d:02} 生"));
                    if of_era < 100 {
                        ways.push(format!("{era}{of_era:02}{m:02}{d:02}"));
                        ways.push(format!("{era}{}年{}月{}日生まれ", in_kanji(of_era), in_kanji(m.into()), in_kanji(d.into())));
                    }
                }
                ways.push(format!("{name} {of_era} 年 {m} 月 {d} 日"));
                ways.push(format!("{name}{of_era}年（{y}年）{m}月{d}日"));
            }
            for way in ways {
                prop_assert_eq!(Date::read(&way), Ok(date), "{}", way);
                prop_assert_eq!(Date::read(&wide(&way)), Ok(date), "{}", way);
            }
        }

        #[test]
        fn nothing_that_is_typed_breaks_the_reading(
            text in "(\\PC|[0-9０-９〇一二十百千元年月日()（）./・ -]|昭和|令|S|生){0,20}",
            any in any::<String>(),
        ) {
            for text in [text, any] {
                if let Ok(date) = Date::read(&text) {
                    prop_assert_eq!(Date::read(&date.wareki()), Ok(date));
                    prop_assert_eq!(Date::read(&date.to_string()), Ok(date));
                }
            }
        }
    }
}
