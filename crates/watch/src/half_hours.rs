//! Electricity by the half hour as power companies hand it out to their customers, a day or more afterwards: a table of
//! text. It is for looking back: it is no reading, moves no rhythm and ends no alert.
//!
//! The companies' tables differ, and none of them is a standard [to verify]. Two forms are read: a line a day with 48 values, and
//! a line a half hour; kWh; the words around them in any encoding, because only digits are read.

use std::collections::BTreeMap;

use access::Act;
use base::wareki::Date;
use base::{Ctx, DeviceId, Instant, Span};
use db::Tx;
use thiserror::Error;

use crate::day::HALF_HOURS;
use crate::store::{device, history};
use crate::verbs::Verb;
use crate::{DeviceKind, MOST_WH, WatchError, WatchRefusal, contract};

/// A year and a month of half hours.
const MOST: usize = 400 * HALF_HOURS;
const DAY_MINUTES: u16 = 24 * 60;

/// What is wrong with a line of such a table.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    #[error("年月日がありません。1行に1日分（48個）、または30分ごとに1行の表にしてください")]
    NoDate,
    #[error("年月日が暦にありません")]
    BadDate,
    #[error("時刻が30分ごとの時刻ではありません")]
    BadTime,
    #[error("1日分の値が48個（30分ごと）ではありません")]
    NotADay,
    #[error("値が数字ではありません")]
    NotANumber,
    #[error("30分の値が0から30kWhの範囲にありません。単位がkWhの表かどうかご確認ください")]
    OutOfRange,
    #[error("一度に取り込めるのは400日分までです。分けて取り込んでください")]
    TooLong,
    #[error("表として読み取れません。CSV形式（カンマ区切り）で保存し直してください")]
    NoTable,
}

/// What became of the half hours of a table.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Taken {
    pub new: usize,
    /// Known already, by whichever way.
    pub known: usize,
    /// Before the watch began, or not yet over: not kept.
    pub outside: usize,
}

/// Keeps the half hours of a table with the days of the meter's home. What is known already stays as it is.
pub fn enter_half_hours(ctx: &Ctx, tx: &mut dyn Tx, meter: DeviceId, table: &[u8]) -> Result<Taken, WatchError> {
    let row = device::device(tx, meter)?.ok_or(WatchRefusal::NoDevice)?;
    let person = contract::subject(ctx, tx, row.device.home)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    if row.device.kind != DeviceKind::Power || row.device.retired_at.is_some() {
        return Err(WatchRefusal::NoMeter.into());
    }
    let running = contract::contract_of_home(tx, row.device.home)?.ok_or(WatchRefusal::NoContract)?;
    if !crate::live::consents(tx, running.person)? {
        return Err(WatchRefusal::NoConsent.into());
    }
    let table = read(table).map_err(|(line, why)| WatchRefusal::Table { line, why })?;
    let mut by_day: BTreeMap<i32, Vec<(u32, f32)>> = BTreeMap::new();
    let mut taken = Taken::default();
    for (began, wh) in table {
        if began < running.begun_at || began + Span::minutes(30) > ctx.now {
            taken.outside += 1;
            continue;
        }
        let second = began.wall_seconds().rem_euclid(86_400) as u32;
        by_day.entry(began.wall_day() as i32).or_default().push((second, wh));
    }
    let wanted: Vec<(u32, i32)> = by_day.keys().map(|day| (row.home, *day)).collect();
    let mut days = history::days_at(tx, &wanted)?;
    for (day, counts) in by_day {
        let log = days.entry((row.home, day)).or_default();
        for (second, wh) in counts {
            let half_hour = (second / 1800) as u8;
            if log.meters().iter().any(|m| (m.device, m.half_hour) == (row.no, half_hour)) {
                taken.known += 1;
            } else {
                log.metered(row.no, second, wh);
                taken.new += 1;
            }
        }
    }
    history::put_days(tx, &days)?;
    audit::done(ctx, tx, Verb::EnterHalfHours, &witness, "devices")?;
    Ok(taken)
}

type Wrong = (u64, Unfit);

fn bare(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell).trim_ascii()
}

/// When each half hour began, and its Wh. Of one that stands there twice, the first.
fn read(table: &[u8]) -> Result<BTreeMap<Instant, f32>, Wrong> {
    let table = table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table);
    if table.contains(&0) {
        return Err((1, Unfit::NoTable));
    }
    let mut found = Found::default();
    // No value of such a table holds a comma or a line break.
    for (row, line) in table.split(|byte| *byte == b'\n').zip(1..) {
        let cells: Vec<&[u8]> = row.split(|byte| *byte == b',').map(bare).collect();
        found.take(&cells).map_err(|why| (line, why))?;
        if found.days.len() * HALF_HOURS + found.times.len() > MOST {
            return Err((line, Unfit::TooLong));
        }
    }
    if found.days.is_empty() && found.times.is_empty() {
        return Err((1, Unfit::NoDate));
    }
    Ok(found.counts())
}

#[derive(Default)]
struct Found {
    /// The columns of a head that names half hours, in its order, and whether it names their ends.
    columns: Vec<usize>,
    days: Vec<(i32, Vec<Option<f32>>)>,
    /// Day, minute, whether both ends were named, value.
    times: Vec<(i32, u16, bool, f32)>,
}

impl Found {
    fn take(&mut self, cells: &[&[u8]]) -> Result<(), Unfit> {
        let Some((at, day, rest)) = cells.iter().enumerate().find_map(|(n, cell)| date(cell).map(|(d, r)| (n, d, r)))
        else {
            let columns: Vec<usize> = (0..cells.len()).filter(|n| time(cells[*n]).is_some()).collect();
            return match self.days.is_empty() && self.times.is_empty() {
                true if columns.len() == HALF_HOURS => {
                    self.columns = columns;
                    Ok(())
                }
                // What stands above a table is its head.
                true => Ok(()),
                false if cells.iter().all(|cell| cell.is_empty()) => Ok(()),
                false => Err(Unfit::NoDate),
            };
        };
        let after = &cells[at + 1..];
        let nothing_yet = self.days.is_empty() && self.times.is_empty();
        if nothing_yet && time(&rest).is_none() && after.iter().all(|cell| cell.is_empty()) {
            // The head may say for which days the table is, and when it was made.
            return Ok(());
        }
        let day = day.ok_or(Unfit::BadDate)?;
        if let Some(told) = time(&rest) {
            return self.take_time(day, told, after);
        }
        let named = after.iter().position(|cell| time(cell).is_some());
        if let Some((n, told)) = named.and_then(|n| Some((n, time(after[n])?))) {
            return self.take_time(day, told, &after[n + 1..]);
        }
        let values: Vec<&[u8]> = match self.columns.is_empty() {
            true if after.len() == HALF_HOURS => after.to_vec(),
            true => return Err(Unfit::NotADay),
            false => {
                self.columns.iter().map(|n| cells.get(*n).copied().ok_or(Unfit::NotADay)).collect::<Result<_, _>>()?
            }
        };
        self.days.push((day, values.into_iter().map(value).collect::<Result<_, _>>()?));
        Ok(())
    }

    fn take_time(&mut self, day: i32, (minute, both): (u16, bool), after: &[&[u8]]) -> Result<(), Unfit> {
        if minute % 30 != 0 || minute > DAY_MINUTES {
            return Err(Unfit::BadTime);
        }
        // The second end of the half hour may stand in a column of its own.
        let both = both || after.first().is_some_and(|cell| time(cell).is_some());
        let cell = after.iter().find(|cell| time(cell).is_none()).ok_or(Unfit::NotANumber)?;
        if let Some(wh) = value(cell)? {
            self.times.push((day, minute, both, wh));
        }
        Ok(())
    }

    fn counts(self) -> BTreeMap<Instant, f32> {
        let mut counts = BTreeMap::new();
        let mut keep = |day: i32, minute: i64, wh: f32| {
            counts.entry(Instant::from_wall_day(i64::from(day)) + Span::minutes(minute)).or_insert(wh);
        };
        for (day, values) in &self.days {
            for (n, wh) in values.iter().enumerate() {
                wh.iter().for_each(|wh| keep(*day, n as i64 * 30, *wh));
            }
        }
        // A table that knows 24:00 names each half hour by its end.
        let ends = self.times.iter().any(|(_, minute, both, _)| *minute == DAY_MINUTES && !both);
        for (day, minute, both, wh) in &self.times {
            let before = if ends && !both { 30 } else { 0 };
            keep(*day, i64::from(*minute) - before, *wh);
        }
        counts
    }
}

/// The numbers of a cell, and what follows the first three of them.
fn numbers(cell: &[u8]) -> Vec<u32> {
    let digits = cell.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).collect()
}

/// 2026/11/22, 2026-11-22, 2026年11月22日, 20261122, and what follows in the same cell; the inner `None` is in no calendar.
fn date(cell: &[u8]) -> Option<(Option<i32>, Vec<u8>)> {
    let leading = cell.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (year, month, day, end) = match leading {
        8 => {
            let all: u32 = std::str::from_utf8(&cell[..8]).ok()?.parse().ok()?;
            (all / 10_000, all / 100 % 100, all % 100, 8)
        }
        4 => {
            let mut end = 0;
            for _ in 0..3 {
                end += cell[end..].iter().position(u8::is_ascii_digit)?;
                end += cell[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
            let all = numbers(&cell[..end]);
            (*all.first()?, *all.get(1)?, *all.get(2)?, end)
        }
        _ => return None,
    };
    if !(2000..=2100).contains(&year) {
        return None;
    }
    let (month, day) = (u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0));
    Some((Date::new(year as i32, month, day).map(|date| date.0), cell[end..].to_vec()))
}

/// 0:30, 00:30, 24:00, 0:00-0:30, 0時30分: the minute of the first, and whether there are two.
fn time(cell: &[u8]) -> Option<(u16, bool)> {
    // A decimal number has two numbers too.
    if cell.contains(&b'.') || cell.len() > 40 {
        return None;
    }
    match numbers(cell)[..] {
        [hour, minute] if hour <= 24 && minute < 60 => Some(((hour * 60 + minute) as u16, false)),
        [hour, minute, _, until] if hour <= 24 && minute < 60 && until < 60 => {
            Some(((hour * 60 + minute) as u16, true))
        }
        // With seconds.
        [hour, minute, 0] if hour <= 24 && minute < 60 => Some(((hour * 60 + minute) as u16, false)),
        _ => None,
    }
}

/// kWh as Wh; `None` where nothing was measured.
fn value(cell: &[u8]) -> Result<Option<f32>, Unfit> {
    if cell.is_empty() || cell == b"-" || cell == b"*" {
        return Ok(None);
    }
    let text = std::str::from_utf8(cell).map_err(|_| Unfit::NotANumber)?;
    let kwh: f32 = text.parse().map_err(|_| Unfit::NotANumber)?;
    let wh = kwh * 1000.0;
    (0.0..=MOST_WH).contains(&wh).then_some(Some(wh)).ok_or(Unfit::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a moment")
    }

    fn line_of_a_day(date: &str) -> String {
        let values: Vec<String> = (0..HALF_HOURS).map(|n| format!("0.{n:02}")).collect();
        format!("{date},{}\n", values.join(","))
    }

    // shows: 6.4.2 tables of power companies: a line a day or a line a half hour, in any encoding
    #[test]
    fn the_same_half_hour_is_read_from_every_form() {
        // 「年月日」 and 「使用量」 as Shift_JIS writes them.
        let head: &[u8] = b"\x94N\x8c\x8e\x93\xfa,\x8eg\x97p\x97\xca(kWh)\r\n";
        let forms: [Vec<u8>; 8] = [
            line_of_a_day("2026/11/22").into_bytes(),
            [b"2026/11/01-2026/11/30\r\n".as_slice(), head, line_of_a_day("20261122").as_bytes()].concat(),
            [b"\xef\xbb\xbf\"".as_slice(), "年月日\",値\n".as_bytes(), line_of_a_day("\"2026年11月22日\"").as_bytes()]
                .concat(),
            b"2026-11-22,13:00,0.26\n2026-11-22,13:30,0.27\n".to_vec(),
            b"2026/11/22 13:00,0.26\r\n".to_vec(),
            "2026/11/22,日,13:00～13:30,0.26\n".as_bytes().to_vec(),
            b"2026/11/22,13:00,13:30,0.26\n".to_vec(),
            b"2026/11/22,13:30,0.26\n2026/11/22,24:00,\n2026/11/22,24:00,0.47\n".to_vec(),
        ];
        for form in forms {
            let read = read(&form).unwrap_or_else(|why| panic!("{}: {why:?}", String::from_utf8_lossy(&form)));
            assert_eq!(read.get(&at("2026-11-22T13:00")), Some(&260.0), "{}", String::from_utf8_lossy(&form));
        }
        let heads: Vec<String> = (0..HALF_HOURS).map(|n| format!("{}:{:02}", n / 2, n % 2 * 30)).collect();
        let with_more = format!("日付,曜日,{},合計\n", heads.join(","))
            + &line_of_a_day("2026/11/22").replace("2026/11/22,", "2026/11/22,日,").replace('\n', ",11.3\n");
        assert_eq!(read(with_more.as_bytes()).expect("reads").len(), HALF_HOURS);
    }

    // shows: 6.4.2 a table that cannot be read names its line and is not taken in part
    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (table, line, why) in [
            ("", 1, Unfit::NoDate),
            ("年月日,値\n", 1, Unfit::NoDate),
            ("2026/11/22,13:00,0.26\n2026/11/31,13:00,0.26\n", 2, Unfit::BadDate),
            ("2026/11/22,13:10,0.26\n", 1, Unfit::BadTime),
            ("2026/11/22,0.26,0.3\n", 1, Unfit::NotADay),
            ("見出し\n2026/11/22,13:00,many\n", 2, Unfit::NotANumber),
            ("2026/11/22,13:00,260\n", 1, Unfit::OutOfRange),
            ("2026/11/22,13:00,-0.2\n", 1, Unfit::OutOfRange),
            ("2026/11/22,13:00,0.2\n\n合計,0.2\n", 3, Unfit::NoDate),
            ("2\u{0}0\u{0}", 1, Unfit::NoTable),
        ] {
            assert_eq!(read(table.as_bytes()).expect_err(table), (line, why), "{table}");
        }
        let year: String = (0..401).map(|_| line_of_a_day("2026/11/22")).collect();
        assert_eq!(read(year.as_bytes()), Err((401, Unfit::TooLong)));
    }
}
