//! The steps of a visit, each one touch: agree, decline, set out, arrive, report.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::{Ctx, Redacted, Role, VisitId};
use db::Tx;
use form::{Form, Refusal};
use futures_util::future::BoxFuture;
use page::address;
use page::frame::Frame;
use page::named::id;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::Visitor;
use response::{Condition, ResponseError, Visit, VisitReport};

use super::visit::again;

type Verb = fn(&Ctx, &mut dyn Tx, VisitId) -> Result<Visit, ResponseError>;

/// A step that says nothing but itself.
pub fn touch(
    name: response::Verb,
    verb: Verb,
) -> impl Fn(State<Site>, Visitor, Frame, Path<String>) -> BoxFuture<'static, Result<Response, Problem>> + Clone {
    move |State(site), visitor, frame, Path(visit)| {
        Box::pin(async move {
            let visit: VisitId = id(&visit)?;
            let done = visitor.command(&site, name, move |ctx, tx| Ok(verb(ctx, tx, visit)?)).await;
            settle(&site, &visitor, &frame, visit, Form::default(), done, false).await
        })
    }
}

pub async fn decline(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(visit): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let visit: VisitId = id(&visit)?;
    let reason = Redacted::new(form.one("reason").to_owned());
    let done = visitor
        .command(&site, response::Verb::DeclineVisit, move |ctx, tx| {
            Ok(response::decline_visit(ctx, tx, visit, reason.clone())?)
        })
        .await;
    settle(&site, &visitor, &frame, visit, form, done, true).await
}

pub async fn report(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(visit): Path<String>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let visit: VisitId = id(&visit)?;
    let Some(condition) = Condition::from_key(form.one("condition")) else {
        let typed = Typed::new(form, Refusal::at("condition", "様子を選んでください。"));
        return again(&site, &visitor, &frame, visit, typed).await;
    };
    let text = form.pairs().iter().find(|(field, text)| field.starts_with("text") && !text.trim().is_empty());
    let text = Redacted::new(text.map_or(String::new(), |(_, text)| text.trim().to_owned()));
    let report = VisitReport { condition, text };
    let done = visitor
        .command(&site, response::Verb::ReportVisit, move |ctx, tx| {
            Ok(response::report_visit(ctx, tx, visit, report.clone())?)
        })
        .await;
    settle(&site, &visitor, &frame, visit, form, done, false).await
}

/// Leads back to where the button stood: the operator to the case, a visitor to the visit, and who cannot go to the
/// list, because the visit is out of sight then.
async fn settle(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    visit: VisitId,
    form: Form,
    done: Result<Visit, Problem>,
    gone: bool,
) -> Result<Response, Problem> {
    match done {
        Ok(done) if visitor.role() == Role::Operator => Ok(Redirect::to(&address::case(done.case)).into_response()),
        Ok(_) if gone => Ok(Redirect::to("/visits").into_response()),
        Ok(_) => Ok(Redirect::to(&format!("/visits/{visit}")).into_response()),
        Err(Problem::Refused(why)) => again(site, visitor, frame, visit, Typed::new(form, why)).await,
        Err(other) => Err(other),
    }
}
