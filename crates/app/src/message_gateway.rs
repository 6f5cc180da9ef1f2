//! The gateway for SMS and telephone at our door: its own token, one short JSON object a request, errors as problem details
//! (RFC 9457). What it tells is judged elsewhere.

use admission::Caller;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{Clock, Redacted};
use db::{Db, DbError};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Bytes of a request: a few short words.
pub const BODY: usize = 4096;

#[derive(Clone)]
pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    /// Only this much of the token is kept; comparing hashes tells nothing of how much of a guess was right.
    token: [u8; 32],
}

impl Desk {
    pub fn new(db: Db, clock: Clock, token: &Redacted<String>) -> Desk {
        Desk { db, clock, token: Sha256::digest(token.expose().as_bytes()).into() }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
        given.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer")
                && <[u8; 32]>::from(Sha256::digest(token.trim().as_bytes())) == self.token
        })
    }
}

/// The body of the one gateway's request, in JSON; else what it is told instead.
pub struct Told(pub Bytes);

impl FromRequest<Desk> for Told {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Desk) -> Result<Told, Response> {
        let headers = request.headers();
        if !desk.knows(headers) {
            let mut answer =
                problem(StatusCode::UNAUTHORIZED, "not-authorized", "the report token is missing or wrong");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(answer);
        }
        if let Some(caller) = request.extensions().get::<Caller>() {
            // There is one gateway for messages.
            caller.know(1);
        }
        let is_json = is_json(headers);
        let Ok(body) = Bytes::from_request(request, desk).await else {
            return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "send one short JSON object"));
        };
        if !is_json {
            return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "send application/json"));
        }
        Ok(Told(body))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json"))
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
