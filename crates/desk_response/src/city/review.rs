//! 振り返り: closed cases that wait for a word on why the alarm came. It names nobody: the case is over.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::{CaseId, Instant, Redacted};
use form::{Form, Refusal};
use maud::{Markup, html};
use page::components::{State as Tone, at, chip, empty, error_summary, length, refusal, submit};
use page::frame::Frame;
use page::named::id;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::Visitor;
use response::{FalseAlarmReason, Review, ToReview};

/// The word for "the alarm was needed" in the form.
const NEEDED: &str = "needed";

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, None, &Typed::default()).await
}

async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    open: Option<CaseId>,
    typed: &Typed,
) -> Result<Markup, Problem> {
    let ctx = visitor.ctx(site);
    let cases = site.db().read(move |tx| Ok::<_, Problem>(response::to_review(&ctx, tx)?)).await?;
    Ok(frame.page("振り返りを待つ案件").body(html! {
        @match typed.wrong() {
            Some(Refusal { field: Some(_), words, .. }) => { (error_summary(&[("cases", words)])) },
            Some(why) => { (refusal(&why.words, &[])) },
            None => {},
        }
        p.soft { "解消から30日以内の案件です。誤報の理由は、見守りの精度の見直しに使います。" }
        @if cases.is_empty() { (empty("振り返りを待つ案件はありません", "")) }
        div.stack id="cases" {
            @for case in &cases { (one(case, open == Some(case.case), typed, frame.now)) }
        }
    }))
}

fn one(case: &ToReview, open: bool, typed: &Typed, now: Instant) -> Markup {
    let blank = Typed::default();
    let typed = if open { typed } else { &blank };
    let was_false = case.cause.was_false();
    let chosen = match (typed.value("false_alarm"), was_false) {
        ("", Some(false)) => NEEDED,
        ("", None) if case.cause == response::Cause::RequestSettled => NEEDED,
        (typed, _) => typed,
    };
    let words = [(NEEDED, "必要な通報だった")];
    let options = words.into_iter().chain(FalseAlarmReason::ALL.iter().map(|r| (r.key(), r.ja())));
    html! {
        details.card open[open] {
            summary {
                strong { "受付番号 " (case.number) } "　" (case.rule.ja()) "　"
                (chip(if was_false == Some(false) { Tone::NearLimit } else { Tone::Done }, case.cause.ja()))
            }
            p { (case.reason) }
            p.soft { "検知 " (at(case.opened_at, now)) "　解消まで " (length(case.closed_at - case.opened_at)) }
            form.stack method="post" action={ "/cases/" (case.case) "/review" } {
                fieldset.field {
                    legend.field-label { "アラートの理由は何でしたか" }
                    div.options {
                        @for (key, label) in options {
                            label.option {
                                input type="radio" name="false_alarm" value=(key) checked[chosen == key];
                                span { (label) }
                            }
                        }
                    }
                }
                (field(case.case, "note", "気づいたこと", typed))
                (field(case.case, "proposal", "見守り設定の見直し案", typed))
                (submit("記録する"))
            }
        }
    }
}

/// The same field stands in every card: its id carries the case.
fn field(case: CaseId, name: &str, label: &str, typed: &Typed) -> Markup {
    let id = format!("{name}-{case}");
    html! { (page::components::Field::area(name, label, 2).id(&id).value(typed.value(name))) }
}

pub async fn record(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let case: CaseId = id(&case)?;
    let false_alarm = match form.one("false_alarm") {
        NEEDED => None,
        key => match FalseAlarmReason::from_key(key) {
            Some(reason) => Some(reason),
            None => {
                return again(&site, &visitor, &frame, case, form, Refusal::at("cases", "理由を選んでください。"))
                    .await;
            }
        },
    };
    let text = |field| Redacted::new(form.one(field).to_owned());
    let review = Review { false_alarm, note: text("note"), proposal: text("proposal") };
    let done = visitor
        .command(&site, response::Verb::Review, move |ctx, tx| Ok(response::review(ctx, tx, case, review.clone())?))
        .await;
    match done {
        Ok(_) => Ok(Redirect::to("/reviews").into_response()),
        Err(Problem::Refused(why)) => again(&site, &visitor, &frame, case, form, why).await,
        Err(other) => Err(other),
    }
}

async fn again(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    case: CaseId,
    form: Form,
    wrong: Refusal,
) -> Result<Response, Problem> {
    let typed = Typed::new(form, wrong);
    let page = shown(site, visitor, frame, Some(case), &typed).await?;
    Ok((typed.status(), page).into_response())
}
