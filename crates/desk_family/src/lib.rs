//! What a relative and the resident see: calm words before anything else, and for the relative only what the resident
//! consented to, item by item.

mod me;
mod relative;
mod signs;
#[cfg(test)]
mod tests;
mod verbs;

use axum::extract::State;
use axum::response::Redirect;
use base::{AlertId, Instant, Role, Span};
use maud::{Markup, html};
use page::address;
use page::components::{Icon, State as Tone, StoryEntry, notice, since, story};
use page::door::{Door, Who};
use page::frame::home;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use parts::home::absence_words;
use parts::question::About;
use response::{Cause, FamilyCase};
use watch::{Absence, Alert, Reply};

pub use verbs::Look;

const BOTH: &[Role] = &[Role::Family, Role::Resident];

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/family", Who::Roles(&[Role::Family]), relative::page),
        Door::look("/family/now", Who::Roles(&[Role::Family]), relative::fragment).renewing(),
        Door::look("/me", Who::Roles(&[Role::Resident]), me::page),
        Door::look("/me/looks", Who::Roles(&[Role::Resident]), me::looks),
        Door::command("/notices/{id}/answer", Who::Roles(BOTH), answer),
    ]
}

async fn answer(
    State(site): State<Site>,
    visitor: Visitor,
    Named(alert): Named<AlertId>,
    Posted(form): Posted,
) -> Result<Redirect, Problem> {
    let answer = parts::question::answered(&form)?;
    visitor
        .command(&site, watch::Verb::AnswerNotice, move |ctx, tx| {
            Ok(response::answer_notice(ctx, tx, alert, &Reply::on_page(ctx, answer))?)
        })
        .await?;
    Ok(Redirect::to(home(Some(visitor.role()))))
}

/// Open questions, each with its buttons; a relative is told by name whom they are asked about.
fn questions(notices: &[Alert], of: Option<&str>, now: Instant) -> Markup {
    let about = if of.is_some() { About::Relative } else { About::Oneself };
    let title = of.map_or_else(|| about.title().to_owned(), |name| format!("{name} さんは、お変わりありませんか"));
    html! {
        @for alert in notices {
            @let url = format!("/notices/{}/answer", alert.id);
            (notice(Tone::NearLimit, &title, html! {
                p { (alert.reason) }
                p.soft { (since(alert.raised_at, now)) }
                (parts::question::whose(about))
                (parts::question::buttons(&url))
            }))
        }
    }
}

/// Alerts about the person: that there was one, that it was taken, how it ended.
fn alerts(cases: &[FamilyCase], now: Instant) -> Markup {
    html! { (standing(cases, now)) (past(cases, now)) }
}

fn standing(cases: &[FamilyCase], now: Instant) -> Markup {
    html! {
        @for case in cases.iter().filter(|case| case.ended.is_none()) {
            (notice(if case.taken_at.is_some() { Tone::InProgress } else { Tone::NearLimit }, "アラートがありました", html! {
                p.lead { (case.words) }
                p { (case.reason) }
                p.soft { "検知 " (since(case.opened_at, now)) }
                @if let Some(taken) = case.taken_at { p.soft { "受付 " (since(taken, now)) } }
            }))
        }
    }
}

fn past(cases: &[FamilyCase], now: Instant) -> Markup {
    let entries: Vec<StoryEntry> = cases.iter().filter_map(|case| told(case, now)).collect();
    html! {
        @if !entries.is_empty() {
            h3 { "これまでのアラート（90日間）" }
            (story(&entries, now))
        }
    }
}

fn told(case: &FamilyCase, now: Instant) -> Option<StoryEntry<'_>> {
    let (ended_at, cause) = case.ended?;
    Some(StoryEntry {
        at: case.opened_at,
        title: if cause == Cause::FoundDead { "担当者からお電話でご連絡します" } else { cause.ja() },
        who: "",
        body: html! {
            p { (case.reason) }
            p.soft { "終了 " (since(ended_at, now)) }
        },
        icon: Icon::Bell,
        state: Tone::Done,
    })
}

/// How long after an alert that an announcement would have prevented its reader is asked for the next one.
const LATELY: Span = Span::days(30);

/// Announced absences in a few lines, and the way to enter one.
fn absences(absences: &[Absence], cases: &[FamilyCase], home: base::HomeId, now: Instant) -> Markup {
    let was_away = cases.iter().filter(|case| case.avoidable).filter_map(|case| case.ended);
    let lately = was_away.map(|(at, _)| at).filter(|at| now - *at < LATELY).max();
    // Who has announced one since knows how.
    let lately = lately.filter(|at| absences.iter().all(|absence| absence.entered_at < *at));
    html! {
        section.card.stack {
            h2 { "不在の予定" }
            @if let Some(at) = lately {
                (notice(Tone::Estimated, "次のお出かけは、前もってお知らせください", html! {
                    p { (since(at, now)) "に終わったアラートは、ご不在の間のものでした。予定を登録しておくと、アラートになりません。" }
                }))
            }
            @if absences.is_empty() { p { "予定は登録されていません。" } }
            ul.stack { @for absence in absences { li { (absence_words(absence, now)) } } }
            div.buttons { a.btn.is-primary href=(address::absences(home)) { "出かけます・予定を変える" } }
            p.soft { "外出・旅行・入院・ショートステイの間は、動きがなくてもアラートを出しません。" }
        }
    }
}
