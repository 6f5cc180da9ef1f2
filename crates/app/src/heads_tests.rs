use std::sync::Arc;
use std::time::Duration;

use base::{Actor, Ctx, Instant, PersonId, Purpose, RequestId};
use uuid::Uuid;

use crate::heads::{HEADS, Signer};

// shows: 5.2.2 a stop waits no longer than it says, however much is to be filed before the last signature
#[test]
fn a_program_that_ends_gives_up_the_last_signature_and_the_next_one_makes_it() {
    let region = db::testing::fresh(web::MIGRATIONS);
    let folder = tempfile::tempdir().expect("a folder");
    let now = Instant::parse("2026-11-28T10:00").expect("a moment");
    let many = crate::rounds::FILED_AT_ONCE as u128 * 3;
    let looks = region.db.write_blocking(move |tx| {
        for n in 1..=many {
            let ctx = Ctx::new(Actor::system("test"), Purpose::Operation, now, RequestId(Uuid::from_u128(n)));
            let means = audit::Basis::Means(audit::Means::Program, Some(PersonId(Uuid::from_u128(n))));
            audit::done(&ctx, tx, audit::Verb::RotateKeys, means, "keys")?;
        }
        Ok::<_, db::DbError>(())
    });
    looks.expect("rows");
    let signer = || Signer::new(folder.path(), region.db.clone(), Arc::new(move || now));
    let ending = signer();
    ending.give_up();
    ending.round().expect_err("it does not wait until all is filed");
    assert!(!folder.path().join(HEADS).exists(), "nothing was signed");
    signer().round().expect("the next start");
    assert!(folder.path().join(HEADS).exists());
}

// shows: 5.2.2 what was written and is gone before its signature is not signed over, in the next program neither
#[test]
fn a_row_that_vanished_before_its_signature_stops_the_signing_until_somebody_looked() {
    let region = db::testing::fresh(web::MIGRATIONS);
    let folder = tempfile::tempdir().expect("a folder");
    let now = Instant::parse("2026-11-28T10:00").expect("a moment");
    let write = |n: u128| {
        let ctx = Ctx::new(Actor::system("test"), Purpose::Operation, now, RequestId(Uuid::from_u128(n)));
        let means = audit::Basis::Means(audit::Means::Program, None);
        let done = region.db.write_blocking(move |tx| audit::done(&ctx, tx, audit::Verb::RotateKeys, means, "keys"));
        done.expect("a row");
    };
    let signer = || Signer::new(folder.path(), region.db.clone(), Arc::new(move || now));
    let signing = signer();
    write(1);
    signing.round().expect("all is there");
    write(2);
    write(3);
    region.tamper("DELETE FROM audit_row WHERE seq = (SELECT MAX(seq) FROM audit_row)", &[]);
    let before = std::fs::read(folder.path().join(HEADS)).expect("heads");
    for signer in [signing, signer()] {
        write(4);
        let said = format!("{:#}", signer.round().expect_err("a row is gone"));
        assert!(said.contains("3行目が、データベースから消えたか書き換えられています"), "{said}");
        assert!(signer.trouble.reason().is_some());
    }
    assert_eq!(std::fs::read(folder.path().join(HEADS)).expect("heads"), before, "nothing is signed over it");
}

// shows: 5.2.2 a database that is away for a moment is no reason to say that nothing is signed; one that stays away is
#[test]
fn a_database_that_is_away_for_minutes_is_told_in_words_and_not_before() {
    let (region, folder) = (db::testing::fresh(web::MIGRATIONS), tempfile::tempdir().expect("a folder"));
    let now = Instant::parse("2026-11-28T10:00").expect("a moment");
    let reader = db::Db::open_for_reading(region.db.config().clone()).expect("opens");
    // Who opened it for reading has no writer: to the signer the database is gone.
    let signer = Signer::new(folder.path(), reader, Arc::new(move || now));
    let began = std::time::Instant::now();
    for (seconds, told) in [(0, false), (60, false), (240, false), (300, true), (360, true)] {
        signer.round_at(began + Duration::from_secs(seconds)).expect_err("nothing can be written");
        assert_eq!(signer.trouble.reason().is_some(), told, "after {seconds} s");
    }
    let words = signer.trouble.reason().expect("a reason");
    assert!(words.contains("データベースに5分以上つながりません") && words.contains("確かめてください"), "{words}");
    assert!(!words.contains("Gone") && !words.contains("connection"), "{words}");

    // What was found is told at once, and for as long as nobody can look again.
    let signer = Signer::new(folder.path(), region.db.clone(), Arc::new(move || now));
    std::fs::write(folder.path().join("audit-heads.torn"), "記録した3行目が消えています\n").expect("a finding");
    signer.round_at(began).expect_err("a finding");
    assert!(signer.trouble.reason().expect("a reason").contains("3行目"));
    std::fs::remove_file(folder.path().join("audit-heads.torn")).expect("somebody looked");
    signer.round_at(began).expect("it goes on");
    assert_eq!(signer.trouble.reason(), None);

    let row = region.db.write_blocking(move |tx| {
        let ctx = Ctx::new(Actor::system("test"), Purpose::Operation, now, RequestId(Uuid::from_u128(1)));
        audit::done(&ctx, tx, audit::Verb::RotateKeys, audit::Basis::Means(audit::Means::Program, None), "keys")
    });
    row.expect("a row");
    signer.round_at(began).expect("it is signed");
    // The page names the file; where it lies is for whoever reads the log.
    std::fs::write(folder.path().join(HEADS), "").expect("somebody empties the heads");
    let error = signer.round_at(began).expect_err("the heads are gone");
    let (logged, shown) = (format!("{error:#}"), signer.trouble.reason().expect("a reason"));
    let place = folder.path().to_str().expect("a plain path");
    assert!(logged.contains(place), "{logged}");
    assert!(shown.contains(HEADS) && !shown.contains(place), "{shown}");
}
