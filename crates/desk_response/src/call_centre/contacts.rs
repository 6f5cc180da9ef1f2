//! Everybody who can be called, in their order, with what was tried: a tel button each, and the outcome behind one more
//! touch for calls out of turn.

use base::Instant;
use maud::{Markup, html};
use page::components::{State as Tone, at, chip, tel_button};
use page::typed::Typed;
use response::{CallOutcome, ContactTried, NextAct};

use super::case::Desk;
use super::next;

pub(crate) fn list(desk: &Desk, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    html! {
        section.card aria-labelledby="contacts-title" {
            h2 id="contacts-title" { "連絡先（順番）" }
            (resident(desk))
            @if sheet.contacts.is_empty() { p { "連絡先の登録がありません。担当ケアマネジャーか地域包括支援センターに連絡してください。" } }
            ol.contacts {
                @for (index, tried) in sheet.contacts.iter().enumerate() { li { (one(desk, tried, index, now)) } }
            }
        }
    }
}

fn resident(desk: &Desk) -> Markup {
    let sheet = &desk.sheet;
    let next = desk.may.desk && sheet.next == NextAct::CallResident;
    html! {
        div.contact {
            p { strong { "本人" } @if sheet.resident_tries > 0 { " " span.soft { "電話 " (sheet.resident_tries) "回" } } }
            // In its turn the number is the filled button above; twice would be one choice too many.
            @if !next {
                div.buttons {
                    @for phone in &sheet.person.phones { (tel_button("本人", &phone.shown(), false)) }
                    @if sheet.person.phones.is_empty() { span.unknown { "電話番号なし" } }
                }
                @if desk.may.desk { (record(desk, "resident", false, "note-resident", "本人")) }
            } @else { p.soft { "↑ 次に電話する方です" } }
        }
    }
}

fn one(desk: &Desk, tried: &ContactTried, index: usize, now: Instant) -> Markup {
    let contact = &tried.contact;
    let next = desk.may.desk && desk.sheet.next == NextAct::CallContact(contact.id);
    let roles: Vec<&str> = contact.roles.iter().map(|r| r.ja()).collect();
    let facts = [
        (!roles.is_empty()).then(|| roles.join("・")),
        contact.minutes_away.map(|m| format!("到着まで約{m}分")),
        contact.lives_with.then(|| "同居".to_owned()),
        (!contact.reachable.is_empty()).then(|| contact.reachable.clone()),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let name = format!("{} {}", contact.relation.ja(), contact.name.expose());
    html! {
        div.contact {
            p { strong { (name) } " " (last(tried, now)) }
            @if !facts.is_empty() { p.soft { (facts.join("　")) } }
            @if !next {
                div.buttons {
                    @for phone in &contact.phones { (tel_button(contact.relation.ja(), &phone.shown(), false)) }
                    @if contact.phones.is_empty() { span.unknown { "電話番号なし" } }
                }
                @if desk.may.desk && !contact.phones.is_empty() {
                    (record(desk, &contact.id.to_string(), true, &format!("note-{index}"), &name))
                }
            } @else { p.soft { "↑ 次に電話する方です" } }
        }
    }
}

fn record(desk: &Desk, to: &str, contact: bool, note: &str, name: &str) -> Markup {
    html! {
        details.no-print {
            summary { (name) "との電話を記録する" }
            (next::outcomes(&format!("/cases/{}/calls", desk.sheet.case.id), to, contact, note, &Typed::default()))
        }
    }
}

fn last(tried: &ContactTried, now: Instant) -> Markup {
    html! {
        @match tried.last {
            None => { span.soft { "未架電" } },
            Some((outcome, when)) => {
                (chip(tone(outcome), outcome.ja())) " " (at(when, now))
                @if tried.tries > 1 { " " span.soft { "計" (tried.tries) "回" } }
            },
        }
    }
}

fn tone(outcome: CallOutcome) -> Tone {
    match outcome {
        CallOutcome::Well => Tone::Confirmed,
        CallOutcome::Unwell => Tone::NeededNow,
        CallOutcome::Unsure | CallOutcome::WrongNumber => Tone::NearLimit,
        CallOutcome::NotThere | CallOutcome::Voicemail | CallOutcome::Busy => Tone::Unknown,
    }
}
