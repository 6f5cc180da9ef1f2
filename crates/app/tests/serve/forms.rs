//! More than is taken: a clear word and nothing half done, over a real line, where a sender is still sending when the
//! answer is already known.

use crate::harness::Place;
use crate::raw::{form, plainly};

const FIVE_MEGABYTES: usize = 5 * 1024 * 1024;

#[test]
fn five_megabytes_of_text_get_a_page_that_says_what_to_do() {
    let place = Place::new();
    let mut serving = place.serve();
    let mut body = b"login=jimu1&password=".to_vec();
    body.resize(FIVE_MEGABYTES, b'a');
    for path in ["/signin", "/enrol", "/enrol/factors"] {
        let answer = plainly(place.web, &form(path), &body);
        assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        assert!(
            answer.body.contains("送信内容が大きすぎます") && answer.body.contains("<html lang=\"ja\""),
            "{}",
            answer.body
        );
    }
    let small = plainly(place.web, &form("/signin"), b"login=jimu1&password=aaaa");
    assert_eq!(small.status, 422, "{}", small.body);
    assert!(serving.is_running());
}

#[test]
fn five_megabytes_of_readings_get_a_problem_that_a_machine_reads() {
    let place = Place::new();
    let town = crate::harness::Town::settle(&place, 1, 2, crate::harness::ago(base::Span::hours(3)));
    let _serving = place.serve();
    let (_, secret) = town.credential(0);
    let head = |token: &str| {
        format!("POST /ingest/v1/readings HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}")
    };
    let mut body = b"[".to_vec();
    body.resize(FIVE_MEGABYTES, b' ');
    let answer = plainly(place.web, &head(&secret), &body);
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(answer.says("application/problem+json") && answer.body.contains("\"status\":413"), "{}", answer.body);
    let small = plainly(place.web, &head(&secret), br#"{"kind":"heartbeat"}"#);
    assert_eq!(small.status, 200, "{}", small.body);
    // A stranger is not listened to for as long.
    let stranger = plainly(place.web, &head(&"0".repeat(64)), b"[]");
    assert_eq!(stranger.status, 401, "{}", stranger.body);
}
