//! The way in by HTTPS: `POST /ingest/v1/readings`, JSON or NDJSON, one bearer token per gateway, errors as problem
//! details (RFC 9457). The answer comes after the commit.
//!
//! It knows HTTP; what a document means is `payload`'s, what becomes of it the station's. `docs/readings.md` is its
//! description for gateway builders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::Caller;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use base::{GatewayId, Redacted, limits};
use http_body_util::BodyExt;
use metrics::counter;
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::timeout;
use watch::Defect;

use crate::Ways;
use crate::inlet::{DeliveryError, Receipt};
use crate::payload::{self, Origin, Parsed, Rejected};

/// The path of the route.
pub const PATH: &str = "/ingest/v1/readings";

/// How long a gateway may take to send its document.
const BODY_WAIT: Duration = Duration::from_secs(30);
/// How long the station may take to store it.
const STORE_WAIT: Duration = Duration::from_secs(30);

/// The route for gateways. It authenticates by itself: no session, no cookie, nothing else may lie on this path.
pub fn routes(ways: Ways) -> Router {
    let desk = Desk { ways, posting: Arc::default() };
    Router::new().route(PATH, post(receive)).with_state(desk)
}

#[derive(Clone)]
struct Desk {
    ways: Ways,
    posting: Arc<Mutex<HashMap<GatewayId, usize>>>,
}

/// The answer to a post of which something could be read.
#[derive(Serialize)]
struct Told {
    stored: u32,
    duplicates: u32,
    refused: u32,
    rejected: Vec<Bad>,
    /// Readings that were taken otherwise than they were meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    noted: Vec<Bad>,
}

/// One reading that could not be read.
#[derive(Serialize)]
struct Bad {
    line: u32,
    why: &'static str,
}

/// Problem details.
#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Bad>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

async fn receive(
    State(desk): State<Desk>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = match take_in(&desk, caller.as_deref(), &headers, body).await {
        Ok(told) => axum::Json(told).into_response(),
        Err(problem) => problem.into_response(),
    };
    counter!("ingest_http_posts_total", "status" => answer.status().as_u16().to_string()).increment(1);
    answer
}

async fn take_in(desk: &Desk, caller: Option<&Caller>, headers: &HeaderMap, body: Body) -> Result<Told, Problem> {
    let token = bearer(headers).ok_or_else(not_authorized)?;
    let gateway = (desk.ways.authenticate)(String::new(), token).await.ok_or_else(not_authorized)?;
    if let Some(caller) = caller {
        caller.know(gateway.0.as_u128());
    }
    let _place = Posting::begin(desk, gateway).ok_or_else(|| {
        problem(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "this gateway posts too many documents at once")
            .retry(1)
    })?;
    let form = form_of(headers)?;
    let body = read_body(headers, body).await?;
    let origin = Origin { gateway, received_at: (desk.ways.clock)(), retained: false };
    let mut parsed = Parsed::default();
    if form == Form::Lines || looks_like_lines(&body) {
        payload::read_lines(&origin, &body, &mut parsed);
    } else {
        payload::read_document(&origin, &body, &mut parsed);
    }
    crate::count(&parsed, "http");
    store(desk, gateway, parsed).await
}

/// Hands the readings over and waits for the commit. What could not be read goes with them, to be shown on the
/// device's page.
async fn store(desk: &Desk, gateway: GatewayId, mut parsed: Parsed) -> Result<Told, Problem> {
    let (noted, rejected): (Vec<_>, Vec<_>) = parsed.rejected.iter().partition(|r| r.malformed.why.is_a_note());
    let all = |bad: Vec<&Rejected>| bad.into_iter().map(Bad::of).collect::<Vec<Bad>>();
    let (noted, rejected) = (all(noted), all(rejected));
    let refusal = whole_refusal(&parsed, rejected.len());
    if refusal.is_some() {
        parsed.arrivals.clear();
    }
    if parsed.is_empty() {
        return Ok(Told { stored: 0, duplicates: 0, refused: 0, rejected, noted });
    }
    let malformed = parsed.rejected.into_iter().map(|rejected| rejected.malformed).collect();
    let answer = desk.ways.inlet.offer(gateway, parsed.arrivals, malformed);
    if let Some(mut problem) = refusal {
        if problem.status == 422 {
            problem.rejected = rejected;
        }
        return Err(problem);
    }
    let answer = match answer {
        Ok(answer) => timeout(STORE_WAIT, answer).await.unwrap_or(Err(DeliveryError::Fault)),
        Err(error) => Err(error),
    };
    let Receipt { stored, duplicates, refused } = answer.map_err(not_stored)?;
    Ok(Told { stored, duplicates, refused, rejected, noted })
}

/// Why nothing of a post can be stored, if so.
fn whole_refusal(parsed: &Parsed, rejected: usize) -> Option<Problem> {
    let has = |why: Defect| parsed.rejected.iter().any(|rejected| rejected.malformed.why == why);
    if has(Defect::TooLarge) {
        return Some(too_large());
    }
    if rejected == 0 || !parsed.arrivals.is_empty() {
        return None;
    }
    if rejected == 1 && (has(Defect::NotJson) || has(Defect::NotText)) {
        return Some(problem(StatusCode::BAD_REQUEST, "not-json", "the document is not JSON in UTF-8"));
    }
    Some(problem(StatusCode::UNPROCESSABLE_ENTITY, "no-reading", "none of the readings could be read"))
}

fn bearer(headers: &HeaderMap) -> Option<Redacted<Vec<u8>>> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Redacted::new(token.as_bytes().to_vec()))
}

#[derive(PartialEq)]
enum Form {
    Lines,
    /// JSON, or nothing said: the content decides.
    Open,
}

fn form_of(headers: &HeaderMap) -> Result<Form, Problem> {
    let unsupported = |detail| problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-type", detail);
    let encoding = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("send the document uncompressed"));
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(Form::Open) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" | "" => Ok(Form::Open),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Ok(Form::Lines)
        }
        _ => Err(unsupported("send application/json or application/x-ndjson")),
    }
}

/// Whether the first line is a whole object and another one follows.
fn looks_like_lines(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let Some(end) = body.iter().position(|byte| *byte == b'\n') else { return false };
    body.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(&body[..end]).is_ok()
}

async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let long = announced.is_some_and(|length| length > limits::READING_POST_BYTES);
    let read = async {
        if !long && let Ok(read) = axum::body::to_bytes(std::mem::take(&mut body), limits::READING_POST_BYTES).await {
            return Ok(read);
        }
        // Read to be thrown away, within bounds: a gateway that is cut off while it sends would never learn why.
        let mut seen = 0;
        while seen <= limits::SWALLOWED_POST_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            seen += frame.data_ref().map_or(0, Bytes::len);
        }
        Err(too_large())
    };
    match timeout(BODY_WAIT, read).await {
        Ok(answer) => answer,
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "too-slow", "the document did not arrive in time")),
    }
}

/// One of the posts of a gateway that are under way.
struct Posting<'d>(&'d Desk, GatewayId);

impl<'d> Posting<'d> {
    fn begin(desk: &'d Desk, gateway: GatewayId) -> Option<Posting<'d>> {
        let mut posting = desk.posting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = posting.entry(gateway).or_default();
        if *count >= limits::POSTS_PER_GATEWAY {
            return None;
        }
        *count += 1;
        Some(Posting(desk, gateway))
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        let mut posting = self.0.posting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = posting.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                posting.remove(&self.1);
            }
        }
    }
}

impl Bad {
    fn of(rejected: &Rejected) -> Bad {
        Bad { line: rejected.place, why: rejected.malformed.why.key() }
    }
}

fn problem(status: StatusCode, kind: &str, detail: &'static str) -> Problem {
    Problem {
        kind: format!("urn:tsunagari:problem:{kind}"),
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        rejected: vec![],
        retry_after: None,
    }
}

fn not_authorized() -> Problem {
    problem(StatusCode::UNAUTHORIZED, "not-authorized", "send Authorization: Bearer with this gateway's credential")
}

fn too_large() -> Problem {
    problem(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        "send at most 2 MiB and 4,000 readings; nothing of this post was stored",
    )
}

fn not_stored(error: DeliveryError) -> Problem {
    let (detail, wait) = match error {
        DeliveryError::Full => ("there is no room for readings at the moment; nothing of this post was stored", 60),
        DeliveryError::Busy => ("too many readings are waiting already; nothing of this post was stored", 5),
        DeliveryError::Fault => ("the readings could not be stored; send them again", 30),
    };
    counter!("ingest_deliveries_failed_total", "why" => error.key()).increment(1);
    problem(StatusCode::SERVICE_UNAVAILABLE, error.key(), detail).retry(wait)
}

impl Problem {
    fn retry(mut self, seconds: u32) -> Problem {
        self.retry_after = Some(seconds);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tsunagari\""));
        }
        response
    }
}
