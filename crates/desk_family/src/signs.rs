//! Today's signs of life in words. Nothing heard is never called well: a lost line says that nothing is known.

use base::{Instant, Span};
use maud::{Markup, html};
use page::components::{State, ja_moment, length, notice, since};
use watch::{DayView, RecentActivity};

pub fn signs(activity: &RecentActivity, now: Instant) -> Markup {
    let (tone, title, words) = said(activity, now);
    html! {
        (notice(tone, &title, html! {
            @for line in &words { p { (line) } }
            @if let Some(last) = activity.last_sign { p.soft { "いちばん新しい動き " (since(last, now)) } }
        }))
    }
}

fn said(activity: &RecentActivity, now: Instant) -> (State, String, Vec<String>) {
    let mut words = Vec::new();
    if let Some(away) = &activity.away {
        words.push(format!("{}の予定です（{}まで）。", away.reason.ja(), ja_moment(away.until, now)));
    }
    if let Some(since) = activity.line_down_since {
        words.push(format!("見守りの機器と{}から通信できていません。", ja_moment(since, now)));
        words.push("ご様子が変わったという意味ではありません。通信の復旧を確認しています。".to_owned());
        return (State::Unknown, "いまの様子は分かりません".to_owned(), words);
    }
    words.extend(climate(activity));
    let Some(first) = activity.days.last().and_then(first_sign) else {
        words.insert(0, "きょうは、まだ動きの記録がありません。".to_owned());
        return (State::Unknown, "きょうの動きはまだありません".to_owned(), words);
    };
    words.insert(0, format!("きょうは{}ごろから動きがあります。", clock(first)));
    if let Some((kind, place)) = &activity.last_place {
        let place = if place.is_empty() { kind.ja() } else { place };
        words.insert(1, format!("いちばん新しい動きは{place}です。"));
    }
    let title = match activity.last_sign {
        Some(last) if now - last < Span::hours(1) => "いま、動きがあります".to_owned(),
        Some(last) => format!("{}前に動きがありました", length(now - last)),
        None => "きょうの動きがあります".to_owned(),
    };
    (State::Estimated, title, words)
}

/// The quarter hour of the first sign of life of a day.
fn first_sign(day: &DayView) -> Option<usize> {
    let alive = day.lanes.iter().filter(|lane| lane.kind.sign().is_some());
    alive.filter_map(|lane| lane.counts.iter().position(|count| *count > 0)).min()
}

fn clock(quarter: usize) -> String {
    let (hour, minute) = (quarter / 4, quarter % 4 * 15);
    if minute == 0 { format!("{hour}時") } else { format!("{hour}時{minute}分") }
}

fn climate(activity: &RecentActivity) -> Vec<String> {
    let room = |(place, degrees, percent): &(String, Option<f32>, Option<f32>)| {
        let parts = [degrees.map(|d| format!("{d:.0}℃")), percent.map(|p| format!("湿度{p:.0}％"))];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{place}は{}です。", parts.join("、"))
    };
    activity.climate.iter().map(room).collect()
}
