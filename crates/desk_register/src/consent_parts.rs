//! What a consent's page shows of one recording, and the fields of sharing.

use base::Instant;
use base::wareki::Date;
use maud::{Markup, html};
use page::components::{State as Tone, Table, at, chip};
use page::draft::Draft;
use page::frame::Frame;
use people::{Consent, ConsentScope, ConsentState, Manner, Office, UnreadableConsent};

use super::consents::Known;

pub fn when(consent: &Consent) -> Markup {
    html! {
        @if let Some(on) = consent.obtained_on { (on.wareki()) "に" }
        @if let Some(by) = consent.obtained_by { (by.ja()) }
        @if let Some(until) = consent.expires_on { "（有効期限 " (until.wareki()) "）" }
    }
}

pub fn state_chip(state: ConsentState) -> Markup {
    let tone = match state {
        ConsentState::Given | ConsentState::NotNeeded => Tone::Confirmed,
        ConsentState::Explained => Tone::InProgress,
        ConsentState::NotObtained | ConsentState::NoAnswer => Tone::Unknown,
        ConsentState::Declined | ConsentState::OptedOut | ConsentState::Withdrawn | ConsentState::Expired => Tone::Done,
    };
    chip(tone, state.ja())
}

pub fn unreadable_chip() -> Markup {
    chip(Tone::NeededNow, "読み取れません")
}

/// A day of this year as it may be typed.
pub fn day_example(now: Instant) -> String {
    let year = Date::of(now).civil().0;
    let day = Date::new(year, 4, 1).unwrap_or(Date::of(now));
    format!("例：{}、{day}", day.wareki())
}

/// With whom is shared, where the recording opens, or opened, that.
pub fn shared_with(consent: &Consent, offices: &[Office]) -> Option<String> {
    use ConsentState::{Expired, Given, NotNeeded, Withdrawn};
    if consent.scope != ConsentScope::CareSharing || !matches!(consent.state, Given | NotNeeded | Withdrawn | Expired) {
        return None;
    }
    let name = |id| offices.iter().find(|o| o.id == id).map_or("登録にない事業所", |o| o.name.as_str());
    let named: Vec<&str> = consent.offices.iter().map(|id| name(*id)).collect();
    let with = match consent.manner {
        Manner::Blanket | Manner::PerPerson => "すべての事業所".to_owned(),
        Manner::OfficeList | Manner::PerOffice if named.is_empty() => "共有先なし".to_owned(),
        Manner::OfficeList | Manner::PerOffice => named.join("、"),
    };
    Some(format!("{}（{with}）", consent.manner.ja()))
}

/// With whom: everybody in the team, or the offices on the list only.
pub fn sharing_fields(all: &[Office], draft: &Draft) -> Markup {
    let offices: Vec<(String, String)> = all.iter().map(|o| (o.id.to_string(), o.name.clone())).collect();
    let offices: Vec<(&str, &str)> = offices.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let manners = [
        (Manner::Blanket.key(), "一括：ケアチームに加わるすべての事業所と共有します。これから加わる事業所も含みます。"),
        (Manner::OfficeList.key(), "施設リスト：一覧をお示しして、まとめて同意をいただいた事業所とだけ共有します。"),
        (Manner::PerOffice.key(), "施設個別：事業所ごとに、一つずつ同意をいただいた事業所とだけ共有します。"),
    ];
    html! {
        (draft.radio("manner", "共有先の決め方", &manners).required_for("同意・条例により不要では必須"))
        details open[!draft.values("office").is_empty() || draft.error("office").is_some()] {
            summary { "共有先の事業所を選ぶ（施設リスト・施設個別の場合）" }
            (draft.checks("office", "共有先の事業所", &offices).required_for("施設リスト・施設個別では必須"))
        }
    }
}

pub fn story(frame: &Frame, known: &Known) -> Markup {
    if known.consents.is_empty() && known.unreadable.is_empty() {
        return page::components::empty(
            "同意の記録はまだありません",
            "説明と同意を行ったら、上の各範囲から記録してください。",
        );
    }
    let headings = ["記録日時", "範囲", "状態", "説明した方・署名した方", "終了"];
    let readable = known.consents.iter().map(|c| (Some(c.recorded_at), row(frame, known, c)));
    let damaged = known.unreadable.iter().map(|u| (u.recorded_at, damaged_row(frame, known, u)));
    let mut rows: Vec<(Option<Instant>, Vec<Markup>)> = damaged.chain(readable).collect();
    // Newest first; what does not even say its time stands above all.
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(at.unwrap_or(Instant(i64::MAX))));
    let table = rows.into_iter().fold(Table::new("同意の記録", &headings), |table, (_, row)| table.row(row));
    html! { (table) }
}

fn scope_cell(known: &Known, scope: ConsentScope) -> Markup {
    html! { (scope.ja()) @if let Some(name) = known.contact_name(scope) { "：" (name) } }
}

fn damaged_row(frame: &Frame, known: &Known, damaged: &UnreadableConsent) -> Vec<Markup> {
    let unknown = || html! { span.soft { "読み取れません" } };
    vec![
        damaged.recorded_at.map_or_else(unknown, |at_| at(at_, frame.now)),
        damaged.scope.map_or_else(unknown, |scope| scope_cell(known, scope)),
        unreadable_chip(),
        unknown(),
        html! {},
    ]
}

fn row(frame: &Frame, known: &Known, consent: &Consent) -> Vec<Markup> {
    vec![
        at(consent.recorded_at, frame.now),
        scope_cell(known, consent.scope),
        html! {
            (state_chip(consent.state)) " " (when(consent))
            @if let Some(with) = shared_with(consent, &known.offices) { br; "共有先：" (with) }
        },
        html! {
            (consent.explained_by.expose())
            @if !consent.signed_by.expose().is_empty() {
                "／" (consent.signed_by.expose())
                @if let Some(relation) = consent.signer_relation { "（" (relation.ja()) "）" }
            }
        },
        html! {
            @if let Some(ended) = consent.ended_at { (at(ended, frame.now)) " " (consent.end_reason.expose())
                @if !consent.ended_by.expose().is_empty() { "（申し出：" (consent.ended_by.expose()) "）" } }
        },
    ]
}
