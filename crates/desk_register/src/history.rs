//! 変更履歴: every state the record of a resident and the home had, who made it, and why. What was changed is shown
//! field by field, so that a mistaken correction can be found.

use access::Witnesses;
use axum::extract::State;
use base::PersonId;
use base::wareki::Date;
use db::Tx;
use maud::{Markup, html};
use page::components::{Table, at, empty};
use page::door::Door;
use page::frame::Frame;
use page::named::Named;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{Home, Kept, Resident, Version};
use serde_json::Value;

use super::OFFICE;
use super::heads::{Part, person_pages};
use super::looks::name_of_actor;
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![Door::look("/register/{person}/history", OFFICE, page)]
}

struct Kind {
    title: &'static str,
    versions: Vec<(Version, String)>,
}

async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let (resident, home_now, kinds) = visitor
        .look(&site, Look::RegisterHistory, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home_now = seen.take(people::home_of(ctx, tx, person)?);
            let (own, home) = (
                seen.take(people::versions(ctx, tx, person, Kept::Resident)?),
                seen.take(people::versions(ctx, tx, person, Kept::Home)?),
            );
            let kinds = [
                Kind { title: "ご本人の情報", versions: named(tx, own)? },
                Kind { title: "住まいの情報", versions: named(tx, home)? },
            ];
            Ok(Seen::of((resident, home_now, kinds), seen))
        })
        .await?;
    Ok(history_page(&frame, &resident, &home_now, &kinds))
}

fn named(tx: &mut dyn Tx, versions: Vec<Version>) -> Result<Vec<(Version, String)>, Problem> {
    let mut named = Vec::new();
    for version in versions {
        let name = name_of_actor(tx, version.by)?;
        named.push((version, name));
    }
    Ok(named)
}

fn history_page(frame: &Frame, resident: &Resident, home: &Home, kinds: &[Kind]) -> Markup {
    frame.page("変更履歴").body(html! {
        (person_pages(resident, home, Date::of(frame.now), Part::History))
        @for kind in kinds {
            section.stack {
                h2 { (kind.title) }
                @if kind.versions.is_empty() { (empty("履歴はありません", "")) } @else { (versions_table(frame, kind)) }
            }
        }
    })
}

fn versions_table(frame: &Frame, kind: &Kind) -> Markup {
    let mut table = Table::new(kind.title, &["版", "日時", "登録した方", "理由", "変わった項目"]);
    for (index, (version, name)) in kind.versions.iter().enumerate() {
        let before = kind.versions.get(index + 1).map(|(v, _)| v);
        table = table.row(vec![
            html! { (version.version) },
            at(version.at, frame.now),
            html! { (name) },
            html! { (version.reason.expose()) },
            changes(before, version),
        ]);
    }
    html! { (table) }
}

/// The fields that differ, with what stood there and what stands there now.
fn changes(before: Option<&Version>, after: &Version) -> Markup {
    let Some(before) = before else { return html! { "はじめの登録" } };
    let (before, after) = (fields(before), fields(after));
    let named = FIELDS.iter().filter(|(key, _)| before.get(key) != after.get(key));
    let rows: Vec<(&str, String, String)> =
        named.map(|(key, label)| (*label, shown(key, before.get(*key)), shown(key, after.get(*key)))).collect();
    html! {
        @if rows.is_empty() { "確認日のみ" }
        ul { @for (label, was, is) in rows { li { (label) "：" (was) " → " (is) } } }
    }
}

fn fields(version: &Version) -> Value {
    serde_json::from_str(version.snapshot.expose()).unwrap_or_default()
}

/// Names of the fields of a kept record, as the forms call them.
const FIELDS: &[(&str, &str)] = &[
    ("name", "氏名"),
    ("kana", "フリガナ"),
    ("birth", "生年月日"),
    ("sex", "性別"),
    ("household", "世帯区分"),
    ("phones", "電話"),
    ("fax", "FAX"),
    ("email", "メール"),
    ("marks", "留意点"),
    ("risk_notes", "留意点の補足"),
    ("life", "状態"),
    ("life_since", "状態の始まり"),
    ("home", "住まい（転居）"),
    ("postal", "郵便番号"),
    ("city", "市区町村"),
    ("town", "町名"),
    ("line", "番地"),
    ("building", "建物"),
    ("area", "日常生活圏域"),
    ("neighbourhood", "町内会"),
    ("dwelling", "住居"),
    ("layout_note", "間取りなど"),
    ("entry", "入室方法"),
    ("entry_note", "入室方法の補足"),
    ("lat", "緯度"),
    ("lon", "経度"),
];

/// A home is told by its address on its own history, not by its id.
fn shown(key: &str, value: Option<&Value>) -> String {
    if key == "home" { "別の住まい".to_owned() } else { words(value) }
}

/// A kept value in words: the sets of the register by their Japanese word, dates in the era.
fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "なし".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "なし".to_owned(),
        Some(Value::String(text)) => word_of(text).unwrap_or(text.as_str()).to_owned(),
        Some(Value::Array(all)) if all.is_empty() => "なし".to_owned(),
        Some(Value::Array(all)) => all.iter().map(|v| words(Some(v))).collect::<Vec<_>>().join("、"),
        Some(Value::Number(days)) => {
            let date = days.as_i64().and_then(|d| i32::try_from(d).ok()).map(|d| Date(d).wareki());
            date.unwrap_or_else(|| days.to_string())
        }
        Some(other) => other.to_string(),
    }
}

fn word_of(key: &str) -> Option<&'static str> {
    people::Sex::from_key(key)
        .map(people::Sex::ja)
        .or_else(|| people::Household::from_key(key).map(people::Household::ja))
        .or_else(|| people::LifeStatus::from_key(key).map(people::LifeStatus::ja))
        .or_else(|| people::Mark::from_key(key).map(people::Mark::ja))
        .or_else(|| people::EntryMethod::from_key(key).map(people::EntryMethod::ja))
        .or_else(|| people::Dwelling::from_key(key).map(people::Dwelling::ja))
}
