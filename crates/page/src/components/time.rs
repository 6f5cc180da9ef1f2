//! Moments, limits and dates as the user reads them. Knows `base::Instant` and `base::wareki`, no clock: `now` comes in.
//! The script keeps the same words moving; without it they stand as they were when the page was made.

use base::wareki::Date;
use base::{Instant, Span};
use maud::{Markup, html};

const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];

/// 「令和8年11月22日（日）」
pub fn ja_date(moment: Instant) -> String {
    format!("{}（{}）", Date::of(moment).wareki(), weekday(moment.wall_day()))
}

/// 「令和8年（2026年）11月22日」: both calendars, for papers and forms where the field writes so.
pub fn ja_date_both(date: Date) -> String {
    let (year, _, _) = date.civil();
    date.wareki().replacen('年', &format!("年（{year}年）"), 1)
}

/// 「11月22日（日）」: within the current year of work.
pub fn ja_day(moment: Instant) -> String {
    let t = moment.local();
    format!("{}月{}日（{}）", t.month, t.day, weekday(moment.wall_day()))
}

/// A sentence whose 「2月30日」 no line of a narrow screen breaks.
pub fn whole_dates(words: &str) -> Markup {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let date = |text: &str| -> Option<usize> {
        let month = digits(text);
        let rest = text[month..].strip_prefix('月')?;
        let day = digits(rest);
        let is_day = month > 0 && day > 0 && rest[day..].starts_with('日');
        is_day.then(|| month + '月'.len_utf8() + day + '日'.len_utf8())
    };
    let starts = |at: usize| !words[..at].ends_with(|c: char| c.is_ascii_digit());
    let found = words.char_indices().find_map(|(at, _)| Some((at, date(&words[at..]).filter(|_| starts(at))?)));
    html! {
        @match found {
            Some((at, length)) => {
                (words[..at]) span.whole { (words[at..at + length]) } (whole_dates(&words[at + length..]))
            },
            None => (words),
        }
    }
}

/// 「10:42」
pub fn ja_time(moment: Instant) -> String {
    let t = moment.local();
    format!("{}:{:02}", t.hour, t.minute)
}

/// 「10:42」 today, 「きのう 10:42」, 「あす 10:42」, else 「11月20日（金）10:42」.
pub fn ja_moment(moment: Instant, now: Instant) -> String {
    let time = ja_time(moment);
    match moment.wall_day() - now.wall_day() {
        0 => time,
        -1 => format!("きのう {time}"),
        1 => format!("あす {time}"),
        _ => format!("{}{time}", ja_day(moment)),
    }
}

/// 「38秒」「38分」「3時間10分」「2日5時間」; a negative span as zero.
pub fn length(span: Span) -> String {
    let seconds = span.as_seconds().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..=59 => format!("{seconds}秒"),
        60..=3599 => format!("{minutes}分"),
        3600..=86_399 if minutes % 60 == 0 => format!("{hours}時間"),
        3600..=86_399 => format!("{hours}時間{}分", minutes % 60),
        _ if hours % 24 == 0 => format!("{}日", hours / 24),
        _ => format!("{}日{}時間", hours / 24, hours % 24),
    }
}

/// 「38分前（10:42）」, growing live.
pub fn since(moment: Instant, now: Instant) -> Markup {
    let past = now - moment;
    let words = if past < Span::minutes(1) { "たった今".to_owned() } else { format!("{}前", length(past)) };
    html! {
        time.when datetime=(iso(moment)) {
            span data-since=(moment.unix_seconds()) { (words) } "（" (ja_moment(moment, now)) "）"
        }
    }
}

/// A limit: 「あと12分」, live, near from `near` before it, 「3分超過」 after it. The moment itself stands in `datetime`
/// and, for the eye, in the title of the row that shows it.
pub fn due(limit: Instant, now: Instant, near: Span) -> Markup {
    let left = limit - now;
    let (class, words) = match left {
        left if left < Span::ZERO => ("due is-over", format!("{}超過", length(now - limit))),
        left if left <= near => ("due is-near", format!("あと{}", length(left))),
        left => ("due", format!("あと{}", length(left))),
    };
    html! {
        time class=(class) datetime=(iso(limit)) data-due=(limit.unix_seconds()) data-near=(near.as_seconds()) { (words) }
    }
}

/// 「10:42」 (with its day when not today) that does not move.
pub fn at(moment: Instant, now: Instant) -> Markup {
    html! { time.when datetime=(iso(moment)) { (ja_moment(moment, now)) } }
}

/// 「更新 10:42:05」; the script moves it whenever something live arrived.
pub fn updated(now: Instant) -> Markup {
    let t = now.local();
    html! { span.updated { "更新 " span data-updated { (format!("{}:{:02}:{:02}", t.hour, t.minute, t.second)) } } }
}

fn weekday(wall_day: i64) -> &'static str {
    // 1970-01-01 was a Thursday.
    WEEKDAYS[(wall_day + 4).rem_euclid(7) as usize]
}

fn iso(moment: Instant) -> String {
    format!("{moment}+09:00")
}

/// A moment as a field of a form holds it: `2026-11-22T10:42`.
pub fn local(moment: Instant) -> String {
    moment.to_string().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Instant {
        Instant::parse(text).expect("a moment")
    }

    #[test]
    fn dates_are_written_as_the_field_writes_them() {
        assert_eq!(ja_date(t("2026-11-22T10:42")), "令和8年11月22日（日）");
        assert_eq!(
            whole_dates("12月は、2月30日と11月3日<1>").0,
            "12月は、<span class=\"whole\">2月30日</span>と<span class=\"whole\">11月3日</span>&lt;1&gt;"
        );
        assert_eq!(ja_date_both(Date::parse("1938-04-01").unwrap()), "昭和13年（1938年）4月1日");
        assert_eq!(ja_moment(t("2026-11-21T23:59"), t("2026-11-22T00:01")), "きのう 23:59");
        assert_eq!(ja_moment(t("2026-11-20T09:05"), t("2026-11-22T00:01")), "11月20日（金）9:05");
    }

    #[test]
    fn lengths_and_limits_speak_in_two_units_at_most() {
        for (seconds, words) in
            [(-5, "0秒"), (59, "59秒"), (60, "1分"), (3600, "1時間"), (11_400, "3時間10分"), (190_800, "2日5時間")]
        {
            assert_eq!(length(Span::seconds(seconds)), words);
        }
        let (limit, near) = (t("2026-11-22T10:42"), Span::minutes(5));
        assert!(due(limit, t("2026-11-22T10:30"), near).0.contains("\"due\""));
        assert!(due(limit, t("2026-11-22T10:40"), near).0.contains("is-near"));
        assert!(due(limit, t("2026-11-22T10:45"), near).0.contains("3分超過"));
        assert!(since(t("2026-11-22T10:42"), t("2026-11-22T11:20")).0.contains("38分前</span>（10:42）"));
    }
}
