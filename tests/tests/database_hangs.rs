//! A database server lives, says that it is there, and does not come to an end: another session holds a lock, or the
//! standby is lost without which nothing is committed. Nobody waits for it without a word, and what is said is true.

use std::time::{Duration, Instant as Clock};

use base::{Role, Span};
use db::testing::{TestDb, fresh, hold, on_postgres};
use db::{DbError, marks};
use stories::{Region, at};
use town::plan::Size;
use web::MIGRATIONS;

/// How long anybody waits: about seven seconds, on a machine that does much else.
const AT_MOST: Duration = Duration::from_secs(12);

fn until_written(test: &TestDb) {
    let deadline = Clock::now() + Duration::from_secs(20);
    while test.db.write_blocking(|tx| marks::set(tx, "again", "written")).is_err() {
        assert!(Clock::now() < deadline, "nothing can be written");
    }
}

// shows: 5.5.5 a server that lives and does not come to an end keeps nobody waiting, and nobody waits again before it does
#[test]
fn while_another_session_holds_the_record_a_form_is_told_so_and_the_next_one_at_once() {
    if !on_postgres() {
        eprintln!("skipped: nobody else locks an embedded database for long");
        return;
    }
    let region = Region::new(11, Size { residents: 12, staff: 10 }, at("2026-10-05T09:00"));
    region.test.db.people_wait();
    region.wait(Span::days(1));
    region.press(0);
    let operator = region.enter_as(region.staff_of(Role::Operator, 0).0.0);
    let list = region.get(&operator, "/cases");
    let case = list.body.split("href=\"/cases/").nth(1).and_then(|rest| rest.split('"').next()).expect("a case");
    let page = format!("/cases/{case}");
    region.get(&operator, &page).is(200);

    let mut held = hold(region.test.db.config(), "BEGIN; LOCK TABLE audit_row IN EXCLUSIVE MODE");
    let began = Clock::now();
    let sent = region.post_on(&page, &operator, &format!("{page}/taking"), &[]);
    sent.is(503).hides("サインインへ").shows(&format!("href=\"{page}\"")).shows("前の画面へ戻る");
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
    let began = Clock::now();
    for _ in 0..10 {
        region.post(&operator, &format!("{page}/taking"), &[]).is(503).shows("記録はされていません");
    }
    assert!(began.elapsed() < Duration::from_secs(4), "each waits for itself: {:?}", began.elapsed());

    held.batch_execute("ROLLBACK").expect("it lets go");
    until_written(&region.test);
    // Whether the first one was recorded after all is what the page of the case says.
    region.get(&operator, &page).is(200);
}

/// A commit that waits for somebody else, as it does for a standby that is lost.
fn commits_wait(test: &TestDb) {
    test.tamper(
        "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN
            WHILE NOT pg_try_advisory_xact_lock(77) LOOP PERFORM pg_sleep(0.02); END LOOP;
            RETURN NULL;
         END $$",
        &[],
    );
    test.tamper(
        "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT OR UPDATE ON db_mark
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()",
        &[],
    );
}

// shows: 5.5.5 of a commit that does not come to an end nobody says that it was recorded or was not; bulk is no exception
#[test]
fn of_a_commit_that_hangs_nobody_can_know_and_screens_are_told_until_commits_succeed() {
    if !on_postgres() {
        eprintln!("skipped: an embedded database waits for nobody at a commit");
        return;
    }
    let test = fresh(MIGRATIONS);
    commits_wait(&test);
    test.db.people_wait();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut away = test.db.away();
    let becomes = |away: &mut db::Away, is| {
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(15), away.becomes(is)).await.is_ok() })
    };
    for bulk in [false, true] {
        let mut held = hold(test.db.config(), "SELECT pg_advisory_lock(77)");
        let began = Clock::now();
        let name = if bulk { "a piece" } else { "a command" };
        let write = move |tx: &mut dyn db::Tx| marks::set(tx, name, "recorded");
        let outcome = match bulk {
            true => test.db.write_bulk_blocking("piece", write),
            false => test.db.write_blocking(write),
        };
        assert!(matches!(outcome, Err(DbError::Unknown(_))), "{outcome:?}");
        assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
        assert!(becomes(&mut away, true), "the screens are told");
        let next = test.db.write_blocking(|tx| marks::set(tx, "next", "recorded"));
        assert!(matches!(next, Err(DbError::Gone(_))), "{next:?}");
        // Nobody sends anything, and all the same it is found out that it goes again.
        held.batch_execute("SELECT pg_advisory_unlock(77)").expect("it lets go");
        assert!(becomes(&mut away, false), "the screens are told that it is back");
        until_written(&test);
        let both = test.db.read_blocking(move |tx| Ok::<_, DbError>((marks::get(tx, name)?, marks::get(tx, "next")?)));
        assert_eq!(both.expect("read"), (Some("recorded".to_owned()), None), "the commit came after all");
    }
}

// shows: 5.5.5 a look that takes too long is given up, and once only
#[test]
fn a_look_that_hangs_is_given_up() {
    if !on_postgres() {
        eprintln!("skipped: an embedded database keeps no reader waiting");
        return;
    }
    let test = fresh(MIGRATIONS);
    test.db.people_wait();
    let mut held = hold(test.db.config(), "BEGIN; LOCK TABLE db_mark IN ACCESS EXCLUSIVE MODE");
    let began = Clock::now();
    let read = test.db.read_blocking(|tx| marks::get(tx, "a mark"));
    assert!(matches!(read, Err(DbError::Gone(_))), "{read:?}");
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
    held.batch_execute("ROLLBACK").expect("it lets go");
    assert_eq!(test.db.read_blocking(|tx| marks::get(tx, "a mark")).expect("read"), None);
}

// shows: 5.5.5 bulk takes the time that it takes; where it waits for somebody's lock, it makes way
#[test]
fn bulk_takes_its_time_and_keeps_nobody_waiting_for_a_lock() {
    if !on_postgres() {
        eprintln!("skipped: nobody else locks an embedded database for long");
        return;
    }
    let test = fresh(MIGRATIONS);
    test.db.people_wait();
    let long = format!("SELECT 1 FROM pg_sleep({})", base::limits::SERVER_SILENCE.as_secs() + 2);
    let slept = test.db.write_bulk_blocking("long", move |tx| Ok::<_, DbError>(tx.query(&long, &[])?.len()));
    assert_eq!(slept.expect("it is not cut"), 1);
    let _held = hold(test.db.config(), "BEGIN; LOCK TABLE db_mark IN ACCESS EXCLUSIVE MODE");
    let began = Clock::now();
    let piece = test.db.write_bulk_blocking("piece", |tx| marks::set(tx, "a mark", "written"));
    assert!(matches!(piece, Err(DbError::Occupied)), "{piece:?}");
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
}
