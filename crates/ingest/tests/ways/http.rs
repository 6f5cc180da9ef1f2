//! What a gateway sees of `POST /ingest/v1/readings`.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use base::limits;
use http_body_util::BodyExt;
use ingest::DeliveryError;
use ingest::http::{PATH, routes};
use serde_json::{Value, json};
use tower::ServiceExt;
use watch::{Defect, Signal};

use crate::station::{Mood, PASSWORD, Station, ways};

const MOTION: &str = r#"{"device":"living-room","at":"2026-11-22T10:42:05+09:00","kind":"motion"}"#;

struct Desk {
    station: Station,
    router: axum::Router,
}

fn desk() -> Desk {
    let (station, inlet) = Station::start();
    Desk { station, router: routes(ways(inlet)) }
}

impl Desk {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Response<()>, Value) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (parts.status, Response::from_parts(parts, ()), value)
    }

    async fn post(&self, kind: &str, body: impl Into<Body>) -> (StatusCode, Response<()>, Value) {
        let mut request = Request::post(PATH).header("authorization", format!("Bearer {PASSWORD}"));
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        self.send(request.body(body.into()).unwrap()).await
    }
}

#[tokio::test]
async fn an_object_a_list_and_lines_are_all_stored() {
    let desk = desk();
    for (kind, body, count) in [
        ("application/json", MOTION.to_owned(), 1),
        ("application/json; charset=utf-8", format!("[{MOTION},{MOTION}]"), 2),
        ("application/x-ndjson", format!("{MOTION}\n{MOTION}\n"), 2),
        ("", format!("{MOTION}\n{MOTION}"), 2),
        ("", format!(" {} ", MOTION.replace(',', ",\n")), 1),
        ("application/json", "[]".to_owned(), 0),
    ] {
        let (status, _, told) = desk.post(kind, body.clone()).await;
        assert_eq!(status, 200, "{kind} {body}");
        assert_eq!(told, json!({"stored": count, "duplicates": 0, "refused": 0, "rejected": []}), "{kind} {body}");
    }
    assert_eq!(desk.station.signals(), [Signal::Motion; 8]);
}

#[tokio::test]
async fn the_good_ones_of_a_batch_are_stored_and_the_bad_ones_named_by_line() {
    let desk = desk();
    let body = format!("{MOTION}\n{{\"device\":\"a\",\"kind\":\"wind\"}}\n\nnonsense\n{MOTION}");
    let (status, _, told) = desk.post("application/x-ndjson", body).await;
    assert_eq!(status, 200);
    assert_eq!(told["stored"], 2);
    assert_eq!(told["rejected"], json!([{"line": 2, "why": "unknown_kind"}, {"line": 4, "why": "not_json"}]));
    assert_eq!(desk.station.defects(), [Defect::UnknownKind, Defect::NotJson]);
}

#[tokio::test]
async fn errors_are_problem_details() {
    let desk = desk();
    let too_many = format!("{MOTION}\n").repeat(limits::READINGS_PER_COMMIT + 1);
    for (kind, body, status, problem) in [
        ("application/json", "{".to_owned(), 400, "not-json"),
        ("application/json", String::new(), 400, "not-json"),
        ("application/json", r#"[{"device":"a"}]"#.to_owned(), 422, "no-reading"),
        ("application/x-ndjson", "a\nb\n".to_owned(), 422, "no-reading"),
        ("text/plain", MOTION.to_owned(), 415, "unsupported-type"),
        ("application/json", " ".repeat(limits::READING_POST_BYTES + 1), 413, "too-large"),
        ("application/x-ndjson", too_many, 413, "too-large"),
    ] {
        let (got, response, details) = desk.post(kind, body).await;
        assert_eq!(got, status, "{kind}: {details}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(details["type"], format!("urn:tsunagari:problem:{problem}"));
        assert_eq!(details["status"], status);
        assert!(details["title"].is_string() && details["detail"].is_string());
    }
    assert!(desk.station.arrivals().is_empty(), "nothing half done");
    let (_, _, details) = desk.post("application/json", r#"[{"device":"a"},7]"#).await;
    assert_eq!(details["rejected"], json!([{"line": 1, "why": "no_kind"}, {"line": 2, "why": "wrong_form"}]));
}

#[tokio::test]
async fn nobody_posts_without_the_gateways_credential() {
    let desk = desk();
    for authorization in [None, Some("Bearer wrong"), Some("Basic Z3c6eA=="), Some("Bearer")] {
        let mut request = Request::post(PATH).header("content-type", "application/json");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let (status, response, details) = desk.send(request.body(MOTION.into()).unwrap()).await;
        assert_eq!(status, 401);
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(details["type"], "urn:tsunagari:problem:not-authorized");
    }
    assert!(desk.station.arrivals().is_empty());
}

#[tokio::test]
async fn compressed_bodies_are_refused_in_words() {
    let desk = desk();
    let request =
        Request::post(PATH).header("authorization", format!("Bearer {PASSWORD}")).header("content-encoding", "gzip");
    let (status, ..) = desk.send(request.body("x".into()).unwrap()).await;
    assert_eq!(status, 415);
}

#[tokio::test]
async fn what_cannot_be_stored_is_to_be_sent_again() {
    let desk = desk();
    for (error, problem) in
        [(DeliveryError::Full, "no-room"), (DeliveryError::Busy, "busy"), (DeliveryError::Fault, "fault")]
    {
        desk.station.be(Mood::Fail(error));
        let (status, response, details) = desk.post("application/json", MOTION).await;
        assert_eq!(status, 503);
        assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
        assert_eq!(details["type"], format!("urn:tsunagari:problem:{problem}"));
    }
}

#[tokio::test]
async fn a_gateway_posts_only_so_many_documents_at_once() {
    let desk = desk();
    desk.station.be(Mood::Hold);
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..limits::POSTS_PER_GATEWAY {
        let request =
            Request::post(PATH).header("authorization", format!("Bearer {PASSWORD}")).body(Body::from(MOTION)).unwrap();
        posts.spawn(desk.router.clone().oneshot(request));
    }
    desk.station.until("all posts at the station", |station| station.held() == limits::POSTS_PER_GATEWAY).await;
    let (status, response, _) = desk.post("application/json", MOTION).await;
    assert_eq!(status, 429);
    assert_eq!(response.headers()["retry-after"], "1");
    for _ in 0..limits::POSTS_PER_GATEWAY {
        desk.station.release(0);
    }
    while let Some(answer) = posts.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    desk.station.be(Mood::Store);
    assert_eq!(desk.post("application/json", MOTION).await.0, 200);
}
