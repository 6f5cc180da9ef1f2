//! A gateway reports by HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use base::{Actor, Clock, Ctx, Instant, Purpose, Redacted, RequestId};
use db::testing::{TestDb, fresh};
use notify::{AttemptState, DeliveryOutcome, LinkSeed, NewMessage, Recipient, Topic, Way};
use serde_json::json;
use uuid::Uuid;

use super::*;

const TOKEN: &str = "a-token-that-the-gateway-alone-knows";

struct House {
    runtime: tokio::runtime::Runtime,
    router: Router,
    message: base::MessageId,
    attempt: AttemptId,
    test: TestDb,
}

fn now() -> Instant {
    Instant::parse("2026-11-22T08:00").expect("a moment")
}

fn own(n: u128) -> Ctx {
    Ctx::new(Actor::system("test"), Purpose::Operation, now(), RequestId(Uuid::from_u128(n)))
}

impl House {
    /// An SMS that the gateway has accepted; a mail would be next.
    fn new() -> House {
        let test = fresh(&[audit::MIGRATIONS, access::MIGRATIONS, notify::MIGRATIONS]);
        let to = Recipient {
            id: Uuid::from_u128(5),
            mail: Some("kazoku@example.jp".to_owned().into()),
            phone: Some("090-0000-1234".to_owned().into()),
        };
        let new =
            NewMessage { to, person: None, topic: Topic::DeliveryTest, ways: vec![Way::Sms, Way::Mail], link: None };
        let (message, attempt) = test
            .db
            .write_blocking(move |tx| {
                let message = notify::send(&own(1), tx, &new)?;
                let sms = notify::due(&own(2), tx, &LinkSeed::from_bytes([1; 32]), 9)?.remove(0);
                notify::record_outcome(&own(3), tx, &sms, DeliveryOutcome::Accepted)?;
                Ok::<_, DbError>((message, sms.attempt))
            })
            .expect("is accepted");
        let clock: Clock = Arc::new(now);
        let router = routes(Desk::new(test.db.clone(), clock, &Redacted::new(TOKEN.to_owned())));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        House { runtime, router, message, attempt, test }
    }

    fn post(&self, token: &str, kind: &str, body: String) -> (u16, String) {
        use tower::ServiceExt;
        let request = Request::post(PATH)
            .header(header::AUTHORIZATION, token)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .expect("a request");
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            if status >= 400 {
                assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
            }
            let body = axum::body::to_bytes(answer.into_body(), 9999).await.expect("a body");
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }

    fn report(&self, reference: &str, report: &str) -> u16 {
        let body = json!({ "reference": reference, "report": report, "carrier": "x" }).to_string();
        self.post(&format!("Bearer {TOKEN}"), "application/json; charset=utf-8", body).0
    }

    fn states(&self) -> Vec<AttemptState> {
        let message = self.message;
        let receipts = self.test.db.read_blocking(move |tx| notify::receipts(tx, message)).expect("receipts");
        receipts.into_iter().map(|r| r.state).collect()
    }

    fn rows(&self) -> usize {
        self.test.db.read_blocking(|tx| audit::newest(tx, 100)).expect("the chain").len()
    }
}

#[test]
fn a_failed_report_queues_the_next_way_at_once_and_only_once() {
    let house = House::new();
    let reference = house.attempt.to_string();
    assert_eq!(house.states(), [AttemptState::Sent, AttemptState::Waiting]);
    assert_eq!(house.report(&reference, "failed"), 204);
    assert_eq!(house.states(), [AttemptState::Failed, AttemptState::Queued]);
    let rows = house.rows();
    assert_eq!(house.report(&reference, "failed"), 204, "a gateway may report twice");
    assert_eq!((house.states(), house.rows()), (vec![AttemptState::Failed, AttemptState::Queued], rows));
    let due =
        house.test.db.write_blocking(|tx| notify::due(&own(9), tx, &LinkSeed::from_bytes([2; 32]), 9)).expect("due");
    assert_eq!(due.iter().map(|d| d.way).collect::<Vec<_>>(), [Way::Mail], "the moment itself has not moved on");
}

#[test]
fn a_read_report_ends_the_message() {
    let house = House::new();
    assert_eq!(house.report(&house.attempt.to_string(), "read"), 204);
    assert_eq!(house.states(), [AttemptState::Read, AttemptState::Unneeded]);
}

#[test]
fn errors_are_problem_details_and_change_nothing() {
    let house = House::new();
    let reference = house.attempt.to_string();
    let body = json!({ "reference": reference, "report": "failed" }).to_string();
    let rows = house.rows();
    let json = "application/json";
    for (token, kind, body, status, word) in [
        ("Bearer wrong", json, body.as_str(), 401, "not-authorized"),
        ("", json, body.as_str(), 401, "not-authorized"),
        (&format!("Basic {TOKEN}"), json, body.as_str(), 401, "not-authorized"),
        (&format!("Bearer {TOKEN}"), "text/plain", body.as_str(), 415, "not-json"),
        (&format!("Bearer {TOKEN}"), json, "{", 400, "not-a-report"),
        (&format!("Bearer {TOKEN}"), json, "[]", 400, "not-a-report"),
        (&format!("Bearer {TOKEN}"), json, &body.replace("failed", "lost"), 422, "unknown-report"),
        (&format!("Bearer {TOKEN}"), json, &body.replace(&reference, "x"), 404, "unknown-reference"),
        (&format!("Bearer {TOKEN}"), json, &body.replace(&reference, &"0".repeat(32)), 404, "unknown-reference"),
        (&format!("Bearer {TOKEN}"), json, &format!("\"{}\"", "x".repeat(9000)), 413, "too-large"),
    ] {
        let (got, told) = house.post(token, kind, body.to_owned());
        assert_eq!(got, status, "{word}: {told}");
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(told["type"], format!("urn:tsunagari:problem:{word}"));
        assert_eq!(told["status"], status);
    }
    assert_eq!(house.states(), [AttemptState::Sent, AttemptState::Waiting]);
    assert_eq!(house.rows(), rows);
}

#[test]
fn a_key_counts_however_it_is_written_and_no_other_word_costs_the_report() {
    let answer = |key: &str| {
        let report = format!(r#"{{"reference":"a","report":"read","key":{key}}}"#);
        serde_json::from_str::<Report>(&report).expect("a report").answer()
    };
    for key in [r#""3""#, "3", r#"" 3 ""#] {
        assert_eq!(answer(key), Some(Answer::Unwell), "{key}");
    }
    for none in ["null", "33", "\"\"", "3.5", "true", "[3]", r#"{"n":3}"#] {
        assert_eq!(answer(none), None, "{none}");
    }
}
