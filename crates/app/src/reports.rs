//! `POST /gateway/v1/reports`: what the gateway for SMS and telephone learns after it accepted an attempt
//! (`docs/gateway.md`). It knows HTTP and the gateway's own token; what a report means is `notify`'s. Errors are problem
//! details (RFC 9457).

use admission::Caller;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use base::{Clock, Ctx, Purpose, Redacted};
use db::{Db, DbError};
use notify::{AttemptId, GatewayReport, LinkPurpose, Reported};
use response::ResponseError;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use watch::Answer;

use crate::calls;
use crate::rounds::system;

pub const PATH: &str = "/gateway/v1/reports";
/// A report is two short words.
const BODY: usize = 4096;

#[derive(Clone)]
pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    /// Only this much of the token is kept; comparing hashes tells nothing of how much of a guess was right.
    token: [u8; 32],
}

/// One report. Fields of the gateway's own beside these are not read.
#[derive(Deserialize)]
struct Report {
    reference: String,
    report: String,
    /// What was pressed in a call that asks.
    #[serde(default)]
    key: Option<String>,
}

/// The routes, for the gateway that knows this token.
pub fn routes(db: Db, clock: Clock, token: &Redacted<String>) -> Router {
    let desk = Desk { db, clock, token: Sha256::digest(token.expose().as_bytes()).into() };
    Router::new()
        .route(PATH, post(receive))
        .route(calls::PATH, post(calls::receive))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(desk)
}

async fn receive(
    State(desk): State<Desk>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let body = match desk.admit(caller, &headers, body) {
        Ok(body) => body,
        Err(refused) => return refused,
    };
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
    let answer = report.key.as_deref().and_then(Answer::from_digit);
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
    match response::answer_notice(&bearer, tx, alert, answer) {
        Ok(()) => Ok(reported),
        Err(ResponseError::Db(error)) => Err(error),
        // The question is over: answered before, an alert already, or nobody is watched there any more.
        Err(other) => {
            tracing::info!(answer = answer.key(), why = %other, "an answer by telephone moved nothing");
            Ok(reported)
        }
    }
}

impl Desk {
    /// The body of the one gateway's request in JSON, or what it is told instead.
    pub fn admit(
        &self,
        caller: Option<Extension<Caller>>,
        headers: &HeaderMap,
        body: Result<Bytes, axum::extract::rejection::BytesRejection>,
    ) -> Result<Bytes, Response> {
        if !self.knows(headers) {
            let mut answer =
                problem(StatusCode::UNAUTHORIZED, "not-authorized", "the report token is missing or wrong");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(answer);
        }
        if let Some(caller) = caller {
            // There is one gateway for messages.
            caller.know(1);
        }
        let Ok(body) = body else {
            return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "send one short JSON object"));
        };
        if !is_json(headers) {
            return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "send application/json"));
        }
        Ok(body)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
        given.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer")
                && <[u8; 32]>::from(Sha256::digest(token.trim().as_bytes())) == self.token
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json"))
}

fn unknown() -> Response {
    problem(StatusCode::NOT_FOUND, "unknown-reference", "no attempt has this reference; old ones are forgotten")
}

pub fn not_stored(error: &DbError) -> Response {
    tracing::error!(%error, "what a gateway told could not be stored");
    let busy = matches!(error, DbError::Busy | DbError::Full);
    let status = if busy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    let mut answer = problem(status, "not-stored", "send it again later");
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

pub fn problem(status: StatusCode, kind: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("urn:tsunagari:problem:{kind}"),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;
