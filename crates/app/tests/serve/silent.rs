//! The program while its server answers nothing, as when it is paused or packets are swallowed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant as Clock};

use db::testing::Way;

use crate::client::Client;
use crate::harness::{Place, until};

/// What a line of the log says, and not when.
fn said(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["level"] != "INFO").then(|| format!("{} {}", line["target"], line["fields"]))
}

// shows: 5.5.5 while a server answers nothing `/readyz` says so within seconds, and the log stays short
#[test]
fn while_the_server_is_silent_the_program_says_that_it_is_not_ready_and_its_log_stays_short() {
    let mut place = Place::bare();
    let Some(way) = Way::to(&place.database) else {
        eprintln!("skipped: an embedded database is never away");
        return;
    };
    place.database = way.config.clone();
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", "");
    let mut serving = place.serve();
    let mut operations = Client::new(format!("http://{}", place.operations));
    let before = serving.words().lines().count();
    way.shut();
    let began = Clock::now();
    let answer = operations.get("/readyz").expect("an answer");
    assert!(answer.status == 503 && answer.body.contains("not ready"), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());

    until("the lines to the server are cut", || serving.words().contains("the database server is silent"));
    // By then every round has failed many times, also those that wait longest.
    let rounds = |operations: &mut Client| {
        let figures = operations.get("/metrics").expect("figures").body;
        let count = figures.lines().find_map(|line| line.strip_prefix("clockwork_rounds_total "));
        count.expect("rounds are counted").parse::<u64>().expect("a number")
    };
    let first = rounds(&mut operations);
    until("twenty seconds of failing", || rounds(&mut operations) >= first + 20);
    assert_eq!(operations.get("/readyz").expect("an answer").status, 503);
    let words = serving.words();
    let lines: Vec<String> = words.lines().skip(before).filter_map(said).collect();
    let kinds: BTreeSet<&String> = lines.iter().collect();
    let minutes = 1 + usize::try_from(began.elapsed().as_secs() / 60).expect("a few");
    assert!(lines.len() <= minutes * kinds.len(), "something is said twice within a minute: {words}");
    assert!((2..40).contains(&kinds.len()), "{} kinds of lines: {words}", kinds.len());

    way.open();
    let opened = Clock::now();
    serving.wait_until_ready();
    assert!(opened.elapsed() < Duration::from_secs(20), "{:?}", opened.elapsed());
    until("it is said", || serving.words().contains("the database server answers again"));
    assert!(serving.stop(), "it ends well");
}
