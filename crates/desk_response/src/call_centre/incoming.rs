//! 着信: whose number is it? Finds the cases of the last 48 hours in which a caller's number is known, and records the
//! call. The number goes by POST and stands in no address.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::CaseId;
use form::Refusal;
use maud::{Markup, html};
use page::components::{Choice, Field, State as Tone, chip, choice_grid, empty, error_summary, since, submit};
use page::frame::Frame;
use page::named::id;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::Visitor;
use people::PhoneNumber;
use response::{CallOutcome, CallerMatch};

use super::case::again;
use super::{next, note_of};
use crate::verbs::Look;

pub async fn page(frame: Frame) -> Markup {
    frame.page("かけてきた方の番号は").body(form("", None))
}

fn form(typed: &str, error: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error { (error_summary(&[("number", error)])) }
        form.stack.card method="post" action="/incoming" {
            (Field::tel("number", "電話番号").value(typed).error(error).required().autofocus()
                .hint("48時間以内の案件から、本人と連絡先の番号を探します。"))
            (submit("探す"))
        }
    }
}

pub async fn search(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(posted): Posted,
) -> Result<Response, Problem> {
    let typed = posted.one("number");
    let number = match PhoneNumber::parse(typed) {
        Ok(number) => number,
        Err(why) => {
            let body = frame.page("かけてきた方の番号は").body(form(typed, Some(&why)));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response());
        }
    };
    let wanted = number.clone();
    let found =
        visitor.look(&site, Look::Caller, move |ctx, tx| Ok(response::match_caller(ctx, tx, &wanted)?.into())).await?;
    let body = html! {
        (form(&number.shown(), None))
        @if found.is_empty() {
            (empty("この番号の方の案件は、48時間以内にはありません", "お名前とご用件を伺い、一覧の案件と照らし合わせてください。対象者でない場合は、市の窓口をご案内ください。"))
        }
        @for (index, caller) in found.iter().enumerate() { (one(caller, &number, index, &frame)) }
    };
    Ok(frame.page("かけてきた方の番号は").body(body).into_response())
}

fn one(found: &CallerMatch, number: &PhoneNumber, index: usize, frame: &Frame) -> Markup {
    let case = &found.case;
    let heard = [CallOutcome::Well, CallOutcome::Unwell, CallOutcome::Unsure];
    let choices: Vec<Choice> = heard.iter().map(|o| next::choice(*o)).collect();
    let shown = number.shown();
    html! {
        section.card {
            h2 { (found.caller.relation.ja()) " " (found.caller.name.expose()) "さん" }
            p { "対象者 " strong { (found.resident.expose()) } "さん　受付番号 " (case.number) "　"
                (chip(if case.open() { Tone::InProgress } else { Tone::Done }, case.state.step().ja())) }
            p { (case.reason) " " span.soft { "検知 " (since(case.opened_at, frame.now)) } }
            @if case.open() { p { a href={ "/cases/" (case.id) } { "案件を開く" } } }
            (choice_grid(&format!("/cases/{}/incoming-calls", case.id), "outcome", "本人の様子", &choices,
                Some(&format!("note-{index}")), &[("number", &shown)]))
        }
    }
}

pub async fn record(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let case: CaseId = id(&case)?;
    let number = PhoneNumber::parse(form.one("number")).map_err(|why| Problem::Refused(Refusal::at("number", why)))?;
    let Some(outcome) = CallOutcome::from_key(form.one("outcome")) else {
        return Err(Problem::Refused(Refusal::at("outcome", "本人の様子を選んでください。")));
    };
    let note = note_of(&form);
    let done = visitor
        .command(&site, response::Verb::RecordIncomingCall, move |ctx, tx| {
            Ok(response::record_incoming_call(ctx, tx, case, &number, outcome, note.clone())?)
        })
        .await;
    match done {
        Ok(_) => Ok(Redirect::to(&format!("/cases/{case}")).into_response()),
        Err(Problem::Refused(why)) => again(&site, &visitor, &frame, case, Typed::new(form, why)).await,
        Err(other) => Err(other),
    }
}
