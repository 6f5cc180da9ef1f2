//! A server is away for seconds: it is begun anew, or a cable is pulled. Who reads is told to wait, who wrote is told the
//! truth about what became of it, and nobody is sent to sign in.

use std::time::{Duration, Instant as Clock};

use base::{Role, Span, limits};
use db::testing::{fresh, fresh_behind_a_way, on_postgres, take_away};
use db::{DbError, marks};
use stories::region::delivery;
use stories::{Browser, Region, at};
use town::equip::BUTTON;
use town::plan::Size;
use watch::Arrival;
use web::MIGRATIONS;

/// An operator, and the page of a case that waits for them.
fn with_a_case(region: &Region) -> (Browser, String) {
    region.wait(Span::days(1));
    region.press(0);
    let operator = region.enter_as(region.staff_of(Role::Operator, 0).0.0);
    let list = region.get(&operator, "/cases");
    let case =
        list.is(200).body.split("href=\"/cases/").nth(1).and_then(|rest| rest.split('"').next()).expect("a case");
    let page = format!("/cases/{case}");
    region.get(&operator, &page).is(200);
    (operator, page)
}

#[test]
fn while_the_database_is_away_nobody_is_sent_away_and_nothing_is_said_to_be_recorded() {
    if !on_postgres() {
        eprintln!("skipped: an embedded database is never away");
        return;
    }
    let region = Region::new(11, Size { residents: 12, staff: 10 }, at("2026-10-05T09:00"));
    let (operator, page) = with_a_case(&region);

    take_away(region.test.db.config(), true);
    for address in ["/cases", &page, "/people?q=%E3%81%82"] {
        let answer = region.get(&operator, address);
        answer.is(503).shows("1分ほど待って").shows("もう一度開く").shows(&format!("href=\"{address}\""));
        answer.hides("サインインへ").hides("記録はされていません");
    }
    // Not even a house of somebody else's can be linked to from here.
    region.get(&operator, "//evil.example/cases").hides("href=\"//evil.example");
    let sent = region.post(&operator, &format!("{page}/taking"), &[]);
    sent.is(503).shows("記録はされていません").shows("お急ぎのときは、電話で").hides("サインインへ");

    take_away(region.test.db.config(), false);
    let deadline = Clock::now() + Duration::from_secs(20);
    while region.get(&operator, "/cases").status != 200 {
        assert!(Clock::now() < deadline, "it does not come back");
    }
    region.get(&operator, &page).is(200);
    while region.post(&operator, &format!("{page}/taking"), &[]).status == 503 {
        assert!(Clock::now() < deadline, "nothing can be written");
    }
}

/// How long anybody waits for a server that answers nothing: about ten seconds, on a machine that does much else.
const AT_MOST: Duration = Duration::from_secs(14);

// shows: 5.5.5 a server that is paused, or packets that are swallowed, keep nobody waiting; what is said of a form is true
#[test]
fn a_server_that_answers_nothing_keeps_nobody_waiting_and_what_is_said_of_each_command_is_true() {
    let Some((test, way)) = fresh_behind_a_way(MIGRATIONS) else {
        eprintln!("skipped: an embedded database is never away");
        return;
    };
    let region = Region::on(test, 11, Size { residents: 12, staff: 10 }, at("2026-10-05T09:00"));
    let (operator, page) = with_a_case(&region);
    let mut station = region.station(5, Span::hours(1));
    let pressed = || {
        let (gateway, serial) = (region.homes[1].gateway, town::equip::serial(region.homes[1].resident, BUTTON));
        let (now, signal) = (region.now(), watch::Signal::Button);
        let arrival = Arrival { gateway, serial, signal, occurred_at: Some(now), received_at: now, retained: false };
        delivery(vec![arrival])
    };

    // The server falls silent while a command is under way, with others waiting behind that.
    let (db, began) = (region.test.db.clone(), Clock::now());
    let (asked, silent) = (db.clone(), way.clone());
    let command = move |name: String, falls_silent: bool| {
        let (db, way) = (asked.clone(), silent.clone());
        std::thread::spawn(move || {
            let own = name.clone();
            let outcome = db.write_blocking(move |tx| {
                let times = marks::get(tx, &own)?.map_or(0, |times| times.len());
                marks::set(tx, &own, &"x".repeat(times + 1))?;
                falls_silent.then(|| way.shut());
                Ok::<_, DbError>(())
            });
            (name, outcome)
        })
    };
    let mut commands = vec![command("under way".into(), true)];
    while !way.is_shut() {
        std::thread::yield_now();
    }
    commands.extend((0..20).map(|n| command(format!("waiting {n}"), false)));
    let (sent, told) = pressed();
    station.step(region.now(), vec![sent], &[]);
    told.blocking_recv().expect("answered").expect_err("no reading is acknowledged before it is stored");
    let form = region.post(&operator, &format!("{page}/taking"), &[]);
    form.is(503).shows("記録はされていません").shows("お急ぎのときは、電話で");
    for address in ["/cases", &page] {
        region.get(&operator, address).is(503).shows("1分ほど待って");
    }
    let outcomes: Vec<_> = commands.into_iter().map(|command| command.join().expect("it comes back")).collect();
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
    let unsure = |outcome: &Result<(), DbError>| matches!(outcome, Err(DbError::Unknown(_)));
    assert!(outcomes.iter().all(|(_, outcome)| unsure(outcome) || matches!(outcome, Err(DbError::Gone(_)))));

    // It goes on, and with it what was on its way.
    way.open();
    let deadline = Clock::now() + Duration::from_secs(20);
    while region.get(&operator, "/cases").status != 200 {
        assert!(Clock::now() < deadline, "it does not come back");
    }
    while db.write_blocking(|tx| marks::set(tx, "again", "written")).is_err() {
        assert!(Clock::now() < deadline, "nothing can be written");
    }
    for (name, outcome) in &outcomes {
        let own = name.clone();
        let times = db.read_blocking(move |tx| marks::get(tx, &own)).expect("read").map_or(0, |times| times.len());
        assert!(times <= usize::from(unsure(outcome)), "{name}, {outcome:?}: recorded {times} times");
    }
    let history = region.get(&operator, &page);
    history.is(200).shows(&format!("action=\"{page}/taking\""));
    region.post(&operator, &format!("{page}/taking"), &[]).is(303);
    let (sent, told) = pressed();
    let step = station.step(region.now(), vec![sent], &[]);
    let receipt = told.blocking_recv().expect("answered").expect("the gateway sends again");
    assert_eq!((step.stored, receipt.stored + receipt.duplicates), (1, 1));
}

#[test]
fn of_a_commit_that_is_under_way_when_the_server_falls_silent_nobody_says_that_it_was_not_recorded() {
    let Some((test, way)) = fresh_behind_a_way(MIGRATIONS) else {
        eprintln!("skipped: an embedded database is never away");
        return;
    };
    let silent = way.clone();
    // Nothing else waits, so that the commit is what comes next.
    let outcome = test.db.write_blocking(move |tx| {
        marks::set(tx, "under way", "recorded")?;
        silent.shut();
        Ok::<_, DbError>(())
    });
    assert!(matches!(outcome, Err(DbError::Unknown(_))), "{outcome:?}");
    way.open();
    let deadline = Clock::now() + Duration::from_secs(20);
    while test.db.write_blocking(|tx| marks::set(tx, "afterwards", "recorded")).is_err() {
        assert!(Clock::now() < deadline, "nothing can be written");
    }
    // The commit was on its way: here it comes.
    let recorded = test.db.read_blocking(|tx| marks::get(tx, "under way")).expect("read");
    assert_eq!(recorded.as_deref(), Some("recorded"));
}

#[test]
fn a_statement_that_takes_its_time_is_not_taken_for_silence() {
    if !on_postgres() {
        eprintln!("skipped: an embedded database is never away");
        return;
    }
    let test = fresh(MIGRATIONS);
    let seconds = limits::SERVER_SILENCE.as_secs() + 3;
    let long = format!("SELECT 1 FROM pg_sleep({seconds})");
    let (db, own) = (test.db.clone(), long.clone());
    let read = std::thread::spawn(move || db.read_blocking(move |tx| tx.query(&own, &[])).map(|rows| rows.len()));
    let written = test.db.write_blocking(move |tx| {
        tx.query(&long, &[])?;
        marks::set(tx, "long", "written")
    });
    written.expect("it is written");
    assert_eq!(read.join().expect("it comes back").expect("it is read"), 1);
}
