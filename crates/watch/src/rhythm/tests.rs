//! The rhythm against its golden vector, against arbitrary input, and its sentences.

use std::path::Path;

use super::*;
use crate::replay;

/// Recordings outside the repository; absent on a fresh checkout, required where `CI=true`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/watch-golden");

#[test]
fn the_golden_recording_raises_what_the_specification_says() {
    let folder = Path::new(GOLDEN);
    if !folder.exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{GOLDEN} is absent");
        eprintln!("not run: {GOLDEN} is absent");
        return;
    }
    let mut raised = Vec::new();
    let input = replay::open(&folder.join("golden_in.csv")).unwrap();
    replay::run(input, &mut raised, &replay::Options { model: Model::OneTail, ..Default::default() }).unwrap();
    let expected = std::fs::read_to_string(folder.join("golden_out.jsonl")).unwrap();
    let (raised, expected) = (alerts(std::str::from_utf8(&raised).unwrap()), alerts(&expected));
    assert_eq!(raised.len(), expected.len(), "{raised:?}");
    for (ours, theirs) in raised.iter().zip(&expected) {
        assert_eq!((&ours.1, &ours.2), (&theirs.1, &theirs.2));
        assert!((ours.0 - theirs.0).as_seconds().abs() <= 60, "{ours:?} {theirs:?}");
    }
}

fn alerts(lines: &str) -> Vec<(Instant, String, String)> {
    let word = |alert: &serde_json::Value, key: &str| alert[key].as_str().unwrap().to_owned();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|alert| (Instant::parse(&word(&alert, "raised_at")).unwrap(), word(&alert, "level"), word(&alert, "rule")))
        .collect()
}
