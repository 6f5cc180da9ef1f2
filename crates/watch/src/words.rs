//! Times as the reasons of alerts say them: 「きのう21時10分」「15分間」「1時間20分」.

use base::{Instant, Span};

/// The moment as a person would say it at `now`: 「14時05分」「きのう21時10分」「11月3日8時00分」.
pub(crate) fn at_clock(at: Instant, now: Instant) -> String {
    let t = at.local();
    let day = match now.wall_day() - at.wall_day() {
        ..=0 => String::new(),
        1 => "きのう".to_owned(),
        2 => "おととい".to_owned(),
        _ => format!("{}月{}日", t.month, t.day),
    };
    format!("{day}{}時{:02}分", t.hour, t.minute)
}

/// For how long, beside 「続けて」 or 「開いたまま」: 「45分間」「2時間」「1時間20分」; less than a minute as 「1分間」.
pub(crate) fn lasting(span: Span) -> String {
    let all = span.as_minutes().max(1);
    match (all / 60, all % 60) {
        (0, m) => format!("{m}分間"),
        (h, 0) => format!("{h}時間"),
        (h, m) => format!("{h}時間{m}分"),
    }
}

/// How long ago, beside 「前」: 「3時間」「2日」; in whole hours and days.
pub(crate) fn long_ago(span: Span) -> String {
    match span.as_minutes() / 60 {
        hours if hours < 48 => format!("{hours}時間"),
        hours => format!("{}日", hours / 24),
    }
}

/// How much, by itself: 「20分」「9時間」「5時間30分」「3日」; to the nearest minute, from two days on to the day.
pub(crate) fn amount(span: Span) -> String {
    let all = (span.as_seconds() + 30) / 60;
    match (all / 60, all % 60) {
        (0, m) => format!("{m}分"),
        (h, _) if h >= 48 => format!("{}日", h / 24),
        (h, 0) => format!("{h}時間"),
        (h, m) => format!("{h}時間{m}分"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_is_said_as_one_says_it() {
        let words = [(0, "1分間"), (15, "15分間"), (60, "1時間"), (80, "1時間20分"), (1440, "24時間")];
        for (span, said) in words {
            assert_eq!(lasting(Span::minutes(span)), said);
        }
    }
}
