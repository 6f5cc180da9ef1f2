//! What else can be done with a case, each closed until it is needed: visits, a shut door, the ambulance, the doctor,
//! passing the case on; and what the operator asks.

use base::Instant;
use maud::{Markup, html};
use page::address;
use page::components::{
    Action, Choice, Field, Icon, at, chip, choice_grid, map_link, radio_field, select_field, submit, tel_button,
};
use page::typed::Typed;
use parts::case::{ambulance_form, consult_form};
use parts::home::way_in;
use parts::visit::{self, conditions};
use response::{Case, Help, NextAct, VisitState, key_holders};

use super::case::Desk;
use super::next;

/// In the order in which an operator reaches for them.
pub(crate) fn all(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    let primary = |acts: &[NextAct]| acts.contains(&sheet.next);
    let helping = matches!(sheet.next, NextAct::AskHelp(_) | NextAct::WaitHelp(_));
    let visiting = (desk.may.desk || desk.may.outcome) && primary(&[NextAct::RequestVisit]);
    // The card on top has these already.
    let deciding = desk.may.outcome && sheet.next == NextAct::Decide;
    let ending =
        desk.may.outcome && primary(&[NextAct::Decide, NextAct::Close, NextAct::FollowAmbulance, NextAct::WaitAnswer]);
    html! {
        (script(desk))
        (place(desk))
        @if desk.may.outcome && sheet.case.taken_at.is_some() {
            section.card aria-labelledby="more-title" {
                h2 id="more-title" { "ほかの対応" }
                @if !visiting && (!deciding || desk.may.consult) {
                    details open[typed.error("visitor").is_some()] { summary { "訪問を依頼する" } (visit_form(desk, typed)) }
                }
                @if desk.may.desk && !helping {
                    details { summary { "開扉を依頼する（鍵保管者・警察・消防）" } (help_form(desk, typed)) }
                }
                @if desk.may.consult && !deciding {
                    details open[typed.error("question").is_some()] { summary { "医療相談をする" } (consult(desk, typed)) }
                }
                @if desk.may.close && !ending && !sheet.causes.is_empty() {
                    details open[typed.error("cause").is_some()] { summary { "解消する" } (next::closure(desk, typed, true)) }
                }
                @if !deciding { (ambulance(desk, typed)) }
            }
        } @else if desk.may.take && sheet.case.taken_at.is_some() { (ambulance(desk, typed)) }
        @if !sheet.visits.is_empty() && !primary(&[NextAct::WaitVisit]) {
            section.card { h2 { "訪問" } (visits_under_way(desk, now)) }
        }
        @if desk.may.desk { (pass_on(desk, typed)) }
    }
}

/// What the operator asks, in the city's own words.
fn script(desk: &Desk) -> Markup {
    html! {
        @if !desk.sheet.script.is_empty() && desk.sheet.case.open() {
            section.card aria-labelledby="script-title" {
                h2 id="script-title" { "お聞きすること" }
                ol.numbered { @for line in &desk.sheet.script { li { (line) } } }
            }
        }
    }
}

/// Where, how to get in, what to mind.
fn place(desk: &Desk) -> Markup {
    let sheet = &desk.sheet;
    let keys = key_holders(sheet);
    let position = sheet.home.lat.zip(sheet.home.lon);
    html! {
        section.card aria-labelledby="place-title" {
            h2 id="place-title" { "住まいと留意点" }
            p { (map_link(sheet.home.address().expose(), position)) }
            (way_in(&sheet.person, &sheet.home, &keys))
        }
    }
}

/// 訪問依頼: everybody who can go, whoever was asked already marked.
pub(crate) fn visit_form(desk: &Desk, typed: &Typed) -> Markup {
    let sheet = &desk.sheet;
    let free: Vec<(String, &str)> = sheet
        .visitors
        .iter()
        .filter(|v| !v.asked)
        .map(|v| (super::steps::visitor_key(v.visitor), v.label.expose().as_str()))
        .collect();
    let options: Vec<(&str, &str)> = free.iter().map(|(key, label)| (key.as_str(), *label)).collect();
    html! {
        @if options.is_empty() {
            p { "依頼できる方には、すでに全員依頼しています。" }
        } @else {
            form.stack method="post" action={ (address::case(sheet.case.id)) "/visits" } {
                (radio_field("visitor", "訪問を依頼する方", &options, typed.value("visitor"), typed.error("visitor")))
                (Field::area("note-visit", "伝えること", 2).value(typed.value("note-visit")))
                (submit("訪問を依頼する"))
            }
        }
        (numbers_of_visitors(desk))
    }
}

/// The numbers of everybody who can go or has gone.
pub(crate) fn numbers_of_visitors(desk: &Desk) -> Markup {
    let phones = desk.sheet.visitors.iter().filter(|v| !v.phone.expose().is_empty());
    html! {
        details {
            summary { "訪問する方・関係者の電話番号" }
            div.buttons { @for v in phones { (tel_button(v.label.expose(), &spoken(v.phone.expose()), false)) } }
        }
    }
}

/// Hyphens where the area code is known.
fn spoken(digits: &str) -> String {
    people::PhoneNumber::parse(digits).map_or(digits.to_owned(), |p| p.shown())
}

/// The visits of the case: who, how far, and what the operator writes down for somebody without an account.
pub(crate) fn visits_under_way(desk: &Desk, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    html! {
        @for (index, (visit, label)) in sheet.visits.iter().enumerate() {
            @let choice = sheet.visitors.iter().find(|v| v.visitor == visit.visitor);
            div.contact {
                p { strong { (label.expose()) } " " (chip(visit::tone(visit.state), visit.state.ja())) " " span.soft { "依頼 " (at(visit.asked_at, now)) } }
                @if let Some(condition) = visit.condition {
                    p { "報告：" strong { (condition.ja()) } " " (visit.report.expose()) }
                }
                (parts::photo::shown(&sheet.photos.iter().filter(|p| p.visit == visit.id).collect::<Vec<_>>(), now))
                @if visit.state.open() {
                    @if let Some(phone) = choice.map(|c| c.phone.expose()).filter(|p| !p.is_empty()) {
                        div.buttons { (tel_button("訪問する方に電話", &spoken(phone), false)) }
                    }
                    @if desk.may.desk { (told_by_phone(visit, index)) }
                }
            }
        }
    }
}

fn told_by_phone(visit: &response::Visit, index: usize) -> Markup {
    let url = |step: &str| format!("{}/{step}", address::visit(visit.id));
    html! {
        details.no-print {
            summary { "電話で聞いたことを記録する" }
            div.buttons {
                @if visit.state == VisitState::Requested { (Action::post(&url("acceptance"), "承諾")) }
                @if matches!(visit.state, VisitState::Requested | VisitState::Accepted) { (Action::post(&url("departure"), "向かっている")) }
                @if visit.state != VisitState::Arrived { (Action::post(&url("arrival"), "着いた")) }
                (Action::post(&url("refusal"), "辞退・行けなくなった"))
            }
            (choice_grid(&url("report"), "condition", "訪問の結果", &conditions(), Some(&format!("text-{index}")), &[]))
        }
    }
}

/// Key holder, police, fire brigade: numbers to ring, and the button that says it was done.
pub(crate) fn help_form(desk: &Desk, typed: &Typed) -> Markup {
    let sheet = &desk.sheet;
    let keys = key_holders(sheet);
    let choices: Vec<Choice> = Help::ALL
        .iter()
        .map(|help| {
            let icon = if *help == Help::KeyHolder { Icon::Key } else { Icon::Phone };
            Choice { value: help.key(), label: help.ja(), hint: "に依頼した", icon, grave: false }
        })
        .collect();
    html! {
        div.buttons {
            @for key in &keys { @for phone in &key.phones {
                (tel_button(&format!("鍵保管者 {}", key.name.expose()), &phone.shown(), false))
            } }
            @for (label, number) in Help::ALL.iter().filter_map(|h| next::help_numbers(*h)) { (tel_button(label, number, false)) }
        }
        @if keys.is_empty() { p.soft { "鍵保管者の登録はありません。警察に依頼してください。" } }
        @if let Some(error) = typed.error("help") { p.field-error id="help" { (error) } }
        (choice_grid(&format!("/cases/{}/help", sheet.case.id), "help", "依頼した相手を押してください", &choices, Some("note-help"), &[]))
    }
}

/// 救急要請: the number first, then the record of when and by whom.
pub(crate) fn ambulance(desk: &Desk, typed: &Typed) -> Markup {
    ambulance_form(&desk.sheet.case, typed, "")
}

/// 医療相談: a question to a doctor of the team, as an urgent note in the resident's notebook.
pub(crate) fn consult(desk: &Desk, typed: &Typed) -> Markup {
    consult_form(&desk.sheet.case, &desk.doctors, typed, typed.value("question"), "")
}

/// The doctor's answer, or what the doctor said on the telephone.
pub(crate) fn answer(desk: &Desk, typed: &Typed) -> Markup {
    let label = if desk.role == base::Role::Doctor { "回答" } else { "電話で得た回答" };
    html! {
        form.stack method="post" action={ "/cases/" (desk.sheet.case.id) "/answers" } {
            (Field::area("answer", label, 4).value(typed.value("answer")).error(typed.error("answer")).required())
            (submit("回答を記録する"))
        }
    }
}

/// 引き継ぎ and 担当を離れる.
fn pass_on(desk: &Desk, typed: &Typed) -> Markup {
    let case = &desk.sheet.case;
    let keys: Vec<String> = desk.colleagues.iter().map(|(id, _)| id.to_string()).collect();
    let options: Vec<(&str, &str)> =
        keys.iter().zip(&desk.colleagues).map(|(k, (_, name))| (k.as_str(), name.as_str())).collect();
    html! {
        details.card open[typed.error("to").is_some()] {
            summary { "引き継ぐ・担当を離れる" }
            @if !options.is_empty() {
                form.stack method="post" action={ "/cases/" (case.id) "/handover" } {
                    (select_field("to", "引き継ぐ相手", &options, typed.value("to"), typed.error("to")))
                    (Field::area("note-handover", "申し送り", 2).value(typed.value("note-handover")))
                    button.btn type="submit" { span { "引き継ぐ" } }
                }
            }
            form.stack method="post" action={ "/cases/" (case.id) "/release" } {
                (Field::area("note-release", "担当を離れる理由", 2))
                button.btn type="submit" { span { "担当を離れる" small { "受付待ちに戻ります" } } }
            }
        }
    }
}

/// 担当を替わる: of somebody else, with a reason that stands in the story.
pub(crate) fn take_over(case: &Case, typed: &Typed) -> Markup {
    html! {
        details open[typed.error("reason").is_some()] {
            summary { "担当を替わる" }
            form.stack method="post" action={ "/cases/" (case.id) "/takeover" } {
                (Field::text("reason", "替わる理由").value(typed.value("reason")).error(typed.error("reason")).required())
                button.btn type="submit" { span { "担当を替わる" } }
            }
        }
    }
}
