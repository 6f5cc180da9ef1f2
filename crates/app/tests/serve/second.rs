//! Beside a region at work: who only reads is let in, who would write is told what to do, and a successor waits.

use base::Span;

use crate::harness::{Place, Town, ago, until};

const WAITS: &str = "waiting for it to end";

fn region() -> Place {
    let place = Place::new();
    Town::settle(&place, 4, 2, ago(Span::hours(1)));
    place
}

#[test]
fn whoever_would_write_beside_a_region_at_work_is_told_what_to_do() {
    let place = region();
    let mut serving = place.serve();
    let create: &[&str] = &["admin", "create", "--login", "second", "--name", "見本 花子", "--kana", "ミホン ハナコ"];
    let file = place.folder.path().join("region.backup");
    let file = file.to_str().expect("a plain path");
    let kept = ["backup", file];
    for readers in [&["audit", "verify"][..], &kept] {
        let output = place.program(readers).env("TSUNAGARI_PASSPHRASE", "a phrase for this test").output();
        assert!(output.expect("it runs").status.success(), "{readers:?} reads and is let in");
    }
    for writes in [create, &["restore", file]] {
        let output = place.program(writes).env("TSUNAGARI_PASSPHRASE", "a phrase for this test").output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("そちらを止めてから"), "{writes:?}: {said}");
    }
    assert!(serving.is_running(), "the region took no notice");
    assert!(serving.stop());
    place.must_run(create);
}

// shows: 5.6.11 the handler of TERM comes before anything listens
#[test]
fn a_stop_in_the_first_moment_ends_the_region_and_does_not_kill_it() {
    let place = region();
    for round in 0..6 {
        let mut serving = place.begin();
        // What listens first, and what is asked whether the region is ready.
        let first = if round % 2 == 0 { place.web } else { place.operations };
        until("it listens", || {
            assert!(serving.is_running(), "{}", serving.words());
            std::net::TcpStream::connect(first).is_ok()
        });
        assert!(serving.stop(), "round {round}: killed");
    }
    assert!(place.run(&["audit", "verify"]).status.success());
}

// shows: 5.6.11 a successor waits until the region before it has ended
#[test]
fn a_successor_waits_until_the_region_before_it_has_ended() {
    let place = region();
    let mut first = place.serve();
    let mut second = place.begin();
    until("the second one waits", || second.words().contains(WAITS));
    assert!(second.is_running());
    assert!(first.stop());
    second.wait_until_ready();
    assert!(second.stop());
}
