//! `POST /gateway/v1/reports`: what the gateway for SMS and telephone learns after it accepted an attempt
//! (`docs/gateway.md`). What a report means is `notify`'s.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base::{Ctx, Purpose};
use db::DbError;
use notify::{AttemptId, GatewayReport, LinkPurpose, Reported};
use response::ResponseError;
use serde::Deserialize;
use watch::{Answer, AnswerWay, Reply};

use crate::message_gateway::{BODY, Desk, Told, not_stored, problem};
use crate::rounds::system;

pub const PATH: &str = "/gateway/v1/reports";

/// One report. Fields of the gateway's own beside these are not read.
#[derive(Deserialize)]
struct Report {
    reference: String,
    report: String,
    /// What was pressed in a call that asks.
    #[serde(default)]
    key: serde_json::Value,
}

impl Report {
    /// Many write a key as a number.
    fn answer(&self) -> Option<Answer> {
        match &self.key {
            serde_json::Value::String(key) => Answer::from_digit(key.trim()),
            serde_json::Value::Number(key) => Answer::from_digit(&key.to_string()),
            _ => None,
        }
    }
}

pub fn routes(desk: Desk) -> Router {
    Router::new().route(PATH, post(receive)).layer(DefaultBodyLimit::max(BODY)).with_state(desk)
}

async fn receive(State(desk): State<Desk>, Told(body): Told) -> Response {
    let Ok(report) = serde_json::from_slice::<Report>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "not-a-report",
            "reference and report are missing, or this is not JSON",
        );
    };
    let Some(word) = GatewayReport::from_key(&report.report) else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "unknown-report", "report is delivered, read or failed");
    };
    let Ok(attempt) = report.reference.parse::<AttemptId>() else {
        return unknown();
    };
    let ctx = system("gateway", &desk.clock);
    let answer = report.answer();
    match desk.db.write(move |tx| record(&ctx, tx, attempt, word, answer)).await {
        Ok(Reported::Noted | Reported::Known) => StatusCode::NO_CONTENT.into_response(),
        Ok(Reported::Unknown) => unknown(),
        Err(error) => not_stored(&error),
    }
}

/// Who was asked and pressed no key has not answered, whoever or whatever took the call: they are called again. A key counts
/// also where its report comes a second time, late, or beside a word that says otherwise.
fn record(
    ctx: &Ctx,
    tx: &mut dyn db::Tx,
    attempt: AttemptId,
    word: GatewayReport,
    answer: Option<Answer>,
) -> Result<Reported, DbError> {
    let Some(question) = notify::question_of(tx, attempt)? else {
        return notify::record_report(ctx, tx, attempt, word);
    };
    let Some(answer) = answer else {
        return notify::record_report(ctx, tx, attempt, GatewayReport::Failed);
    };
    let reported = notify::record_report(ctx, tx, attempt, GatewayReport::Read)?;
    let LinkPurpose::AnswerNotice { alert } = question.purpose else { return Ok(reported) };
    let request = base::RequestId(ctx.id::<uuid::Uuid>());
    let bearer = Ctx::new(question.actor(), Purpose::WatchResponse, ctx.now, request);
    let reply = Reply { answer, from: question.recipient, way: AnswerWay::Key };
    match response::answer_notice(&bearer, tx, alert, &reply) {
        Ok(()) => Ok(reported),
        Err(ResponseError::Db(error)) => Err(error),
        // The question is over: answered before, an alert already, or nobody is watched there any more.
        Err(other) => {
            tracing::info!(answer = answer.key(), why = %other, "an answer by telephone moved nothing");
            Ok(reported)
        }
    }
}

fn unknown() -> Response {
    problem(StatusCode::NOT_FOUND, "unknown-reference", "no attempt has this reference; old ones are forgotten")
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;
