//! A home on any desk: how to get in, when nobody will be there, what a sensor is called.

use base::Instant;
use maud::{Markup, html};
use page::components::{definitions, ja_moment, tel_button};
use watch::Absence;

/// The days of the week as a form posts them, Monday first.
pub const WEEKDAYS: [(&str, &str); 7] =
    [("0", "月"), ("1", "火"), ("2", "水"), ("3", "木"), ("4", "金"), ("5", "土"), ("6", "日")];

/// How to get in and what to mind, as the register gave it to this reader.
pub fn way_in(person: &people::Resident, home: &people::Home, keys: &[&people::Contact]) -> Markup {
    let words = |text: &str| html! { @if !text.is_empty() { span.pre { (text) } } };
    let mut facts: Vec<(&str, Markup)> = Vec::new();
    if home.entry_shown {
        facts.push((
            "入室方法",
            html! { (home.entry.ja()) @if !home.entry_note.expose().is_empty() { "：" (home.entry_note.expose()) } },
        ));
        facts.push(("鍵保管者", html! { @if keys.is_empty() { "登録なし" } @for key in keys {
            p { (key.relation.ja()) " " (key.name.expose()) @if let Some(m) = key.minutes_away { "（約" (m) "分）" } }
            div.buttons { @for phone in &key.phones { (tel_button("鍵保管者", &phone.shown(), false)) } }
        } }));
    }
    if person.risks_shown {
        facts.push(("留意点", words(person.risk_notes.expose())));
    }
    if home.layout_shown {
        facts.push(("間取り・居場所", words(home.layout_note.expose())));
    }
    definitions(&facts)
}

/// 「外出　きょう 9:00 から あす 18:00 まで」
pub fn absence_words(absence: &Absence, now: Instant) -> String {
    let (from, until) = (ja_moment(absence.from, now), ja_moment(absence.until, now));
    let hours = absence.weekly.map(|w| {
        let days: String =
            WEEKDAYS.iter().enumerate().filter(|(n, _)| w.weekdays >> n & 1 == 1).map(|(_, (_, word))| *word).collect();
        format!("　毎週{days} {}〜{}", clock(w.from_minute), clock(w.until_minute))
    });
    format!("{}　{from} から {until} まで{}", absence.reason.ja(), hours.unwrap_or_default())
}

fn clock(minute: u16) -> String {
    format!("{}:{:02}", minute / 60, minute % 60)
}

/// Short enough for the edge of a picture: the thing for what has one of its kind, else the room.
pub fn lane_label(kind: watch::DeviceKind, place: &str) -> String {
    use watch::DeviceKind as K;
    match kind {
        K::Button => "ボタン".to_owned(),
        K::Power => "電気".to_owned(),
        K::Water => "水道".to_owned(),
        K::Motion | K::Contact | K::Light if !place.is_empty() => place.to_owned(),
        _ => kind.ja().trim_end_matches("の開閉").to_owned(),
    }
}
