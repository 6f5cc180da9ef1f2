//! THE next step: one card with one filled button, and after a call or visit its outcome with one touch.

use base::Instant;
use maud::{Markup, html};
use page::components::{Action, Choice, Icon, State as Tone, chip, choice_grid, due, ja_time, notice, tel_button};
use page::typed::Typed;
use parts::case::closure_form;
use parts::visit::conditions;
use people::{Contact, PhoneNumber};
use response::{CallOutcome, Help, How, NextAct, State};

use super::case::Desk;
use super::sections;

/// The card on top of the case.
pub(crate) fn card(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let case = &desk.sheet.case;
    html! {
        section.card.next aria-labelledby="next-title" {
            h2 id="next-title" { "次にすること" }
            @if !case.open() {
                p { "この案件は解消済みです。" @if let Some(cause) = case.cause { "結果：" strong { (cause.ja()) } } }
                @if !case.closing_text.expose().is_empty() { p { (case.closing_text.expose()) } }
                @if case.state.step() == response::Step::Resolved { p.soft { "振り返りは、コールセンターか市の「振り返り」の一覧で記録します。" } }
            } @else if desk.may.desk {
                p.lead { (desk.sheet.next_words) }
                (act(desk, typed, now))
            } @else {
                (not_mine(desk, typed))
            }
        }
    }
}

/// Nobody has it: the button takes it. Somebody has it: says who, and how to take over. Whoever is responsible outside
/// the call centre finds what is theirs to decide first.
fn not_mine(desk: &Desk, typed: &Typed) -> Markup {
    let (case, sheet) = (&desk.sheet.case, &desk.sheet);
    let url = format!("/cases/{}/taking", case.id);
    html! {
        @if desk.may.outcome && case.taken_at.is_some() { (outcome_of_others(desk, typed)) }
        @match (&sheet.holder_name, desk.may.take) {
            (None, true) => {
                p.lead { "まだ担当がいません。" @if desk.role == base::Role::Operator { "受け付けると、あなたの担当になります。" } }
                (Action::post(&url, "受け付ける").primary())
            },
            (None, false) => { p { "まだ担当がいません。" } },
            (Some(name), may_take) => {
                p { strong { (name.expose()) "さんが担当しています。" } }
                @if !desk.may.outcome { p { "いまの段階の案内：" (sheet.next_words) } }
                @if may_take { (sections::take_over(case, typed)) }
            },
        }
    }
}

/// What whoever is responsible outside the call centre decides, whoever has the case at the telephone.
fn outcome_of_others(desk: &Desk, typed: &Typed) -> Markup {
    html! {
        @match desk.sheet.next {
            NextAct::RequestVisit => { p.lead { (desk.sheet.next_words) } (sections::visit_form(desk, typed)) },
            NextAct::Decide | NextAct::Close | NextAct::FollowAmbulance | NextAct::WaitAnswer => {
                p.lead { (desk.sheet.next_words) }
                (ending(desk, typed))
            },
            _ => { p { "いまの段階の案内：" (desk.sheet.next_words) } },
        }
    }
}

fn act(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    html! {
        @match sheet.next {
            NextAct::Take => { (Action::post(&format!("/cases/{}/taking", sheet.case.id), "受け付ける").primary()) },
            NextAct::CallResident => { (call_resident(desk, typed, now)) },
            NextAct::CallContact(id) => {
                @if let Some(contact) = sheet.contacts.iter().find(|c| c.contact.id == id) {
                    (call_contact(desk, &contact.contact, typed))
                }
            },
            NextAct::RequestVisit => { (sections::visit_form(desk, typed)) },
            NextAct::WaitVisit => { (sections::visits_under_way(desk, now)) },
            NextAct::AskHelp(_) | NextAct::WaitHelp(_) => { (help(desk, typed, now)) },
            NextAct::Decide | NextAct::Close | NextAct::FollowAmbulance | NextAct::WaitAnswer => { (ending(desk, typed)) },
            NextAct::Review | NextAct::Nothing => {},
        }
    }
}

fn call_resident(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    let wait = sheet.case.wait_until.filter(|t| *t > now);
    let tries = match sheet.case.state {
        State::CallingResident { tries, .. } => tries,
        _ => 0,
    };
    html! {
        @if let Some(until) = wait {
            (notice(Tone::NearLimit, "少し間をおいてください", html! {
                p { "次の電話は " (ja_time(until)) " 以降に（" (due(until, now, base::Span::minutes(1))) "）。続けてかけた電話は1回に数えません。" }
            }))
        }
        (numbers("本人に電話", &sheet.person.phones))
        @if tries > 0 { p.soft { "これまでに" (tries) "回、応答がありませんでした。" } }
        (outcomes(&format!("/cases/{}/calls", sheet.case.id), "resident", false, "note", typed))
    }
}

fn call_contact(desk: &Desk, contact: &Contact, typed: &Typed) -> Markup {
    let label = format!("{} {}さんに電話", contact.relation.ja(), contact.name.expose());
    let to = contact.id.to_string();
    html! {
        (numbers(&label, &contact.phones))
        @if !contact.reachable.is_empty() { p { "連絡可能時間帯：" (contact.reachable) } }
        (outcomes(&format!("/cases/{}/calls", desk.sheet.case.id), &to, true, "note", typed))
    }
}

/// The first number is the filled button, the others stand beside it.
fn numbers(label: &str, phones: &[PhoneNumber]) -> Markup {
    html! {
        div.buttons {
            @for (index, phone) in phones.iter().enumerate() {
                (tel_button(if index == 0 { label } else { "別の番号" }, &phone.shown(), index == 0))
            }
        }
    }
}

/// The outcomes of a call as buttons. `to` is `resident` or a contact's id; `note` the name of the note's field.
pub(crate) fn outcomes(url: &str, to: &str, contact: bool, note: &str, typed: &Typed) -> Markup {
    let known = CallOutcome::ALL.iter().copied().filter(|o| contact || *o != CallOutcome::Unsure);
    let choices: Vec<Choice> = known.map(choice).collect();
    html! {
        @if let Some(error) = typed.error("outcome") { p.field-error id="outcome" { (error) } }
        (choice_grid(url, "outcome", "電話の結果を押してください", &choices, Some(note), &[("to", to)]))
    }
}

pub(crate) fn choice(outcome: CallOutcome) -> Choice<'static> {
    let icon = match outcome {
        CallOutcome::Well => Icon::Check,
        CallOutcome::Unwell => Icon::Warning,
        CallOutcome::Unsure => Icon::Question,
        CallOutcome::NotThere => Icon::Phone,
        CallOutcome::Voicemail => Icon::Sound,
        CallOutcome::Busy => Icon::Clock,
        CallOutcome::WrongNumber => Icon::Cross,
    };
    let grave = outcome == CallOutcome::Unwell;
    Choice { value: outcome.key(), label: outcome.ja(), hint: "", icon, grave }
}

/// A door that stays shut: who can open it, in the order in which they are asked, and what they found.
fn help(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let sheet = &desk.sheet;
    let asked = match sheet.case.state {
        State::NobodyAnswers { asked } => asked,
        _ => None,
    };
    html! {
        @if let Some(help) = asked { p { (chip(Tone::InProgress, help.ja())) " に依頼済み" } }
        (sections::help_form(desk, typed))
        @if asked.is_some() {
            h3 { "確認の結果" }
            (help_report(desk))
        } @else { (sections::visits_under_way(desk, now)) }
    }
}

fn help_report(desk: &Desk) -> Markup {
    let url = format!("/cases/{}/help-reports", desk.sheet.case.id);
    choice_grid(&url, "condition", "鍵保管者・警察・消防から聞いた様子", &conditions(), Some("note-found"), &[])
}

/// The result is known: doctor, ambulance, end.
fn ending(desk: &Desk, typed: &Typed) -> Markup {
    let ill = desk.sheet.next == NextAct::Decide;
    html! {
        @if ill {
            (notice(Tone::NeededNow, "体調不良です", html! {
                p { "意識がない、呼吸が苦しい、胸の痛み、ろれつが回らない、けいれん、大けがのときは、すぐに119番です。" }
            }))
            (sections::ambulance(desk, typed))
            @if desk.may.consult { (sections::consult(desk, typed)) }
            @else if visited(desk) {
                p { "救急車が要らないときは、担当ケアマネジャーが医師に相談します。進んでいないときは電話してください。" }
                (sections::numbers_of_visitors(desk))
                details open[typed.error("visitor").is_some()] { summary { "ほかの方にも訪問を依頼する" } (sections::visit_form(desk, typed)) }
            } @else {
                p { "救急車が要らないときは、担当ケアマネジャーに訪問を依頼してください。医療相談はケアマネジャーが医師に行います。" }
                (sections::visit_form(desk, typed))
            }
        }
        @if desk.sheet.next == NextAct::WaitAnswer && desk.may.answer { (sections::answer(desk, typed)) }
        @if desk.sheet.next == NextAct::WaitAnswer { }
        @else if desk.may.close { (closure(desk, typed, !ill)) }
        @else if !ill { p { "解消は、担当者か市・地域包括支援センターが行います。" } }
    }
}

/// Somebody stood before the person already.
fn visited(desk: &Desk) -> bool {
    matches!(desk.sheet.case.state, State::Reported { how: How::Visitor | How::Helper, .. })
}

/// The form that ends the case. Its causes are those that fit what is known, the likeliest chosen already only where
/// there is no other.
pub(crate) fn closure(desk: &Desk, typed: &Typed, open: bool) -> Markup {
    let causes = desk.sheet.causes.as_slice();
    html! {
        @if causes.is_empty() {
            p.soft { "本人の無事や様子が確かめられると、ここで解消できます。" }
        } @else if open {
            (closure_form(&desk.sheet.case, causes, typed))
        } @else {
            details { summary { "対応が終わったら解消する" } (closure_form(&desk.sheet.case, causes, typed)) }
        }
    }
}

/// Whom to ask next, with the numbers that everybody has.
pub(crate) fn help_numbers(help: Help) -> Option<(&'static str, &'static str)> {
    match help {
        Help::KeyHolder => None,
        Help::Police => Some(("警察に電話", "110")),
        Help::Fire => Some(("消防に電話", "119")),
    }
}
