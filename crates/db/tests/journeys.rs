//! How often a command and a look travel to a server and back. With a server each journey costs more than the statement
//! it carries, so their number is part of the promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use db::{DbError, Migration, Tx, Value, params, testing};

const TABLES: &[Migration] = &[Migration {
    name: "test/001",
    sql: "CREATE TABLE tally (n BIGINT PRIMARY KEY, word TEXT, at BIGINT, ok BOOLEAN, raw BYTEA, share DOUBLE PRECISION)",
}];
const PUT: &str = "INSERT INTO tally (n, word) VALUES ($1, 'a')";
const ALL: &str = "SELECT n FROM tally ORDER BY n";

fn put(n: i64) -> impl Fn(&mut dyn Tx) -> Result<(), DbError> {
    move |tx| tx.execute(PUT, params![n]).map(drop)
}

fn all(tx: &mut dyn Tx) -> Result<Vec<i64>, DbError> {
    tx.query(ALL, &[])?.iter().map(|row| row.get(0)).collect()
}

// shows: 5.7.3 PostgreSQL: few round trips for each command and each look
#[test]
fn a_command_of_one_statement_takes_two_journeys_and_a_look_one() {
    let region = testing::fresh(&[TABLES]);
    // Every reader prepares the statement once.
    for n in 0..40 {
        region.db.write_blocking(put(n)).unwrap();
        region.db.read_blocking(all).unwrap();
    }
    let (statements, before) = region.db.counted_by_the_writer();
    for n in 40..60 {
        region.db.write_blocking(put(n)).unwrap();
    }
    let (after, written) = region.db.counted_by_the_writer();
    let written = written - before;
    assert_eq!(after - statements, 20);
    let by_readers = || region.db.counted().1 - region.db.counted_by_the_writer().1;
    let before = by_readers();
    for _ in 0..20 {
        region.db.read_blocking(all).unwrap();
    }
    let read = by_readers() - before;
    if testing::on_postgres() {
        assert_eq!(written, 2 * 20, "journeys for 20 commands: the statement with its begin, commit");
        assert!(read <= 2 * 20, "{read} journeys for 20 looks: the statement with its begin, and at times the end");
    } else {
        assert_eq!((written, read), (0, 0));
    }
}

// shows: 5.7.3 a look of one question goes without a transaction; of several, all are answered of one moment
#[test]
fn a_brief_reading_begins_anew_in_a_transaction_where_one_question_is_not_enough() {
    let region = testing::fresh(&[TABLES]);
    region.db.write_blocking(put(0)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let far = testing::on_postgres();
    let one = runtime.block_on(region.db.read_brief("test", Some(vec![]), all));
    assert_eq!((one.outcome.unwrap(), one.questions), (vec![0], u32::from(far)));

    // Between its two questions somebody writes; it may take the first refusal for an empty answer.
    let (db, runs) = (region.db.clone(), std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0)));
    let counted = runs.clone();
    let twice = move |tx: &mut dyn Tx| {
        let run = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        let first = all(tx)?;
        let (db, writes) = (db.clone(), put(run));
        std::thread::spawn(move || db.write_blocking(writes)).join().unwrap()?;
        Ok::<_, DbError>((first, all(tx).unwrap_or_default()))
    };
    let both = runtime.block_on(region.db.read_brief("test", Some(vec![]), twice));
    let (first, second) = both.outcome.unwrap();
    assert_eq!(first, second, "both of one moment");
    assert_eq!((runs.load(std::sync::atomic::Ordering::SeqCst), both.questions), if far { (2, 2) } else { (1, 0) });

    // After it the connections are as before.
    let again = runtime.block_on(region.db.read_brief("test", Some(vec![]), all));
    assert_eq!(again.outcome.unwrap(), region.db.read_blocking(all).unwrap());
    let wrong = |tx: &mut dyn Tx| tx.query("SELECT nothing_there", &[]).map(drop);
    assert!(runtime.block_on(region.db.read_brief("test", Some(vec![]), wrong)).outcome.is_err());
    for foreseen in [Some(vec![]), None, Some(vec![])] {
        assert!(runtime.block_on(region.db.read_brief("test", foreseen, all)).outcome.is_ok());
    }
}

// shows: 5.7.3 what several readers ask at the same moment is one statement, and each is answered their own
#[test]
fn readings_that_ask_the_same_at_the_same_moment_are_answered_together_and_each_by_itself() {
    const MANY: i64 = 200;
    const ONE: &str =
        "SELECT n, word, at, ok, raw, share FROM tally WHERE (n = $1 OR word = $2) AND at <= $3 ORDER BY n";
    const LISTED: &str = "SELECT n FROM tally WHERE n {among} AND n >= $1 ORDER BY n";
    const SHARE: &str = "SELECT 100 / (n - $1) FROM tally WHERE n = 7";
    let region = testing::fresh(&[TABLES]);
    let row = |n: i64| {
        params![n, (n % 3 != 0).then(|| format!("語{n} $1")), n * 7, n % 2 == 0, vec![n as u8, 255], n as f64 / 8.0]
            .to_vec()
    };
    let rows: Vec<_> = (0..MANY).map(row).collect();
    let head = "INSERT INTO tally (n, word, at, ok, raw, share)";
    region.db.write_blocking(move |tx| tx.insert_rows(head, 6, &rows, "")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let list = [1i64, 5, 9, 33, 77, 120];
    let read = move |n: i64| {
        move |tx: &mut dyn Tx| {
            let word: Value = if n % 3 == 0 { Value::Null } else { format!("語{n} $1").into() };
            tx.ahead(&[&|tx| drop(tx.among(LISTED, params![n], &list))]);
            let one = tx.query(ONE, params![n, word, MANY * 7])?;
            let listed = tx.among(LISTED, params![n], &list)?;
            // It cannot be foreseen, for some.
            let more = if n % 50 == 49 { tx.query(ONE, params![n, Value::Null, n * 7])?.len() } else { 0 };
            let hundredth = tx.query(SHARE, params![n])?;
            Ok::<_, DbError>((one, listed.len(), more, hundredth))
        }
    };
    let share = |n: i64| db::Question { sql: SHARE.into(), params: params![n].to_vec(), items: None };
    let by_readers = || region.db.counted().1 - region.db.counted_by_the_writer().1;
    let round = || {
        let all = (0..MANY).map(|n| region.db.read_brief("test", Some(vec![share(n)]), read(n)));
        runtime.block_on(futures_util::future::join_all(all))
    };
    // Each reader prepares the statements when it first comes to them.
    let (mut answers, mut journeys) = (vec![], u64::MAX);
    for _ in 0..50 {
        let before = by_readers();
        answers = round();
        journeys = journeys.min(by_readers() - before);
    }
    for (n, read) in (0..MANY).zip(answers) {
        if n == 7 {
            assert_eq!(read.outcome.is_err(), testing::on_postgres(), "a server divides nothing by zero");
            continue;
        }
        let (one, listed, more, hundredth) = read.outcome.unwrap();
        assert_eq!(one.len(), 1);
        let columns =
            (one[0].get::<i64>(0), one[0].get::<Option<String>>(1), one[0].get::<i64>(2), one[0].get::<bool>(3));
        let columns = (columns.0.unwrap(), columns.1.unwrap(), columns.2.unwrap(), columns.3.unwrap());
        assert_eq!(columns, (n, (n % 3 != 0).then(|| format!("語{n} $1")), n * 7, n % 2 == 0));
        assert_eq!((one[0].get(4).unwrap(), one[0].get(5).unwrap()), (vec![n as u8, 255], n as f64 / 8.0));
        assert_eq!((listed, more), (list.iter().filter(|item| **item >= n).count(), usize::from(n % 50 == 49)), "{n}");
        assert_eq!(hundredth[0].get::<i64>(0).unwrap(), 100 / (7 - n), "{n}");
        let later = if !testing::on_postgres() {
            0
        } else if n % 50 == 49 {
            2
        } else {
            1
        };
        assert_eq!(read.later.len(), later, "{n}");
    }
    match testing::on_postgres() {
        true => assert!(journeys < MANY as u64 / 2, "{journeys} journeys"),
        false => assert_eq!(journeys, 0),
    }
}

// shows: 5.7.3 what a reading asks twice is foreseen twice
#[test]
fn a_reading_that_asks_the_same_again_needs_one_journey_once_that_is_foreseen() {
    const FROM: &str = "SELECT n FROM tally WHERE n >= $1 ORDER BY n";
    let region = testing::fresh(&[TABLES]);
    (0..5).for_each(|n| region.db.write_blocking(put(n)).unwrap());
    let from = |tx: &mut dyn Tx, n: i64| tx.query(FROM, params![n]).map(|rows| rows.len());
    let read = move |tx: &mut dyn Tx| {
        tx.ahead(&[&|tx| drop(from(tx, 1)), &|tx| drop(from(tx, 2))]);
        Ok::<_, DbError>([from(tx, 1)?, from(tx, 2)?, from(tx, 1)?, from(tx, 3)?, from(tx, 3)?, from(tx, 2)?])
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut foreseen = None;
    for round in 0..4 {
        let brief = runtime.block_on(region.db.read_brief("test", foreseen, read));
        assert_eq!(brief.outcome.unwrap(), [4, 3, 4, 2, 2, 3]);
        if testing::on_postgres() {
            assert_eq!(brief.questions, if round == 0 { 5 } else { 1 }, "{round}");
            assert_eq!(brief.later.len(), 4, "{round}");
        }
        foreseen = Some(brief.later);
    }
}

// shows: 5.7.3 several questions are one statement, whatever their answers hold
#[test]
fn what_is_asked_ahead_comes_back_as_if_it_were_asked_by_itself() {
    let region = testing::fresh(&[TABLES]);
    let put = "INSERT INTO tally (n, word, at, ok, raw, share) VALUES ($1, $2, $3, $4, $5, $6)";
    for n in 0i64..60 {
        let word: Value = if n % 3 == 0 { Value::Null } else { format!("語{n} $1 {{\"'\\,}}").into() };
        let row = params![n, word, n * 7, n % 2 == 0, vec![n as u8, 0, 255], n as f64 / 8.0].to_vec();
        region.db.write_blocking(move |tx| tx.execute(put, &row)).unwrap();
    }
    const SOME: &str =
        "SELECT n, word, at, ok, raw, share FROM tally WHERE n >= $1 AND n < $2 ORDER BY n DESC LIMIT $3";
    let some = |tx: &mut dyn Tx, from: i64| tx.query(SOME, params![from, 50, 40]);
    let shown = |rows: Vec<db::Row>| rows.iter().map(|row| format!("{:?}", row.values())).collect::<Vec<_>>();
    let alone: Vec<_> = [0, 10, 49, 60]
        .map(|from| shown(region.db.read_blocking(move |tx| tx.query(SOME, params![from, 50, 40])).unwrap()))
        .into();
    // Of this reading alone: those before it end when they like.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let together = region.db.read_brief("test", None, move |tx| {
        tx.ahead(&[&|tx| drop(some(tx, 10)), &|tx| drop(some(tx, 49)), &|tx| drop(some(tx, 60))]);
        Ok::<_, DbError>([some(tx, 0)?, some(tx, 10)?, some(tx, 49)?, some(tx, 60)?])
    });
    let together = runtime.block_on(together);
    assert_eq!(together.questions, u32::from(testing::on_postgres()), "one journey for all four");
    let together: Vec<_> = together.outcome.unwrap().map(shown).into();
    assert_eq!(together, alone);
}

#[test]
fn a_command_that_failed_after_it_wrote_leaves_nothing_and_its_neighbours_stay() {
    let region = testing::fresh(&[TABLES]);
    let failing = |tx: &mut dyn Tx| {
        tx.execute(PUT, params![100])?;
        Err::<(), _>(DbError::NoRow)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcomes = runtime.block_on(async {
        let (a, b, c, d) = tokio::join!(
            region.db.write(put(1)),
            region.db.write_or(failing, |tx: &mut dyn Tx, _: &DbError| put(-100)(tx)),
            region.db.write(put(1)),
            region.db.write(put(2))
        );
        [a.is_ok(), b.is_ok(), c.is_ok(), d.is_ok()]
    });
    assert_eq!(outcomes, [true, false, false, true]);
    assert_eq!(region.db.read_blocking(all).unwrap(), [-100, 1, 2]);
}

#[test]
fn many_rows_go_in_one_statement_on_a_server_and_nothing_of_them_is_lost() {
    let region = testing::fresh(&[TABLES]);
    let row = |n: i64| -> Vec<Value> {
        let word = if n % 3 == 0 { Value::Null } else { format!("word {n} {{\"'\\,}}").into() };
        vec![n.into(), word, (n * 7).into(), (n % 2 == 0).into(), vec![n as u8, 0, 255].into(), (n as f64 / 8.0).into()]
    };
    let rows: Vec<Vec<Value>> = (0..9_000).map(row).collect();
    let (sent, before) = (rows.clone(), region.db.counted());
    let head = "INSERT INTO tally (n, word, at, ok, raw, share)";
    let insert = move |tx: &mut dyn Tx| tx.insert_rows(head, 6, &sent, "ON CONFLICT DO NOTHING");
    assert_eq!(region.db.write_blocking(insert.clone()).unwrap(), 9_000);
    let (_, journeys) = region.db.counted();
    assert!(journeys - before.1 <= 12, "{} journeys", journeys - before.1);
    assert_eq!(region.db.write_blocking(insert).unwrap(), 0, "all of them are there");
    let kept = region
        .db
        .read_blocking(|tx| tx.query("SELECT n, word, at, ok, raw, share FROM tally ORDER BY n", &[]))
        .unwrap();
    assert_eq!(kept.len(), 9_000);
    for n in [0i64, 1, 2, 3, 4_000, 8_999] {
        let row = &kept[n as usize];
        let word = (n % 3 != 0).then(|| format!("word {n} {{\"'\\,}}"));
        assert_eq!((row.get::<i64>(0).unwrap(), row.get::<Option<String>>(1).unwrap()), (n, word));
        assert_eq!((row.get::<i64>(2).unwrap(), row.get::<bool>(3).unwrap()), (n * 7, n % 2 == 0));
        assert_eq!(
            (row.get::<Vec<u8>>(4).unwrap(), row.get::<f64>(5).unwrap()),
            (vec![n as u8, 0, 255], n as f64 / 8.0)
        );
    }
}

#[test]
fn what_is_remembered_ends_with_the_transaction_and_with_every_rollback() {
    let region = testing::fresh(&[TABLES]);
    region
        .db
        .write_blocking(|tx| {
            tx.memo_mut().remember(7i64);
            assert_eq!(tx.memo().recall::<i64>(), Some(&7));
            tx.script("SAVEPOINT attempt")?;
            tx.memo_mut().remember(8i64);
            tx.script("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")?;
            assert_eq!(tx.memo().recall::<i64>(), None, "what stood there may be what was rolled back");
            tx.memo_mut().remember(9i64);
            Ok::<_, DbError>(())
        })
        .unwrap();
    let kept = region.db.write_blocking(|tx| Ok::<_, DbError>(tx.memo().recall::<i64>().is_some())).unwrap();
    assert!(!kept);
}

/// A server undoes the whole transaction at its commit where any statement of it failed, and reports no error.
#[test]
fn a_command_that_makes_light_of_a_failed_statement_takes_nobody_elses_work_with_it() {
    let region = testing::fresh(&[TABLES]);
    let careless = |tx: &mut dyn Tx| {
        tx.execute(PUT, params![7])?;
        let _ = tx.execute(PUT, params![7]);
        Ok::<_, DbError>(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (before, careless, after) = runtime
        .block_on(async { tokio::join!(region.db.write(put(1)), region.db.write(careless), region.db.write(put(2))) });
    before.unwrap();
    after.unwrap();
    let kept = region.db.read_blocking(all).unwrap();
    assert!(kept.contains(&1) && kept.contains(&2), "{kept:?}");
    assert_eq!(careless.is_ok(), kept.contains(&7), "what was answered well is there: {kept:?}");
}

// shows: 5.4.1 what fails in a part of its own is undone alone, also where commands stand in no savepoint
#[test]
fn a_part_that_failed_and_was_undone_lets_its_command_stand_at_the_first_run() {
    let region = testing::fresh(&[TABLES]);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let stands = move |tx: &mut dyn Tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        tx.execute(PUT, params![7])?;
        let part: Result<u64, DbError> = tx.apart(|tx| {
            tx.execute(PUT, params![8])?;
            tx.execute(PUT, params![7])
        })?;
        assert!(matches!(part, Err(DbError::Constraint(_))), "{part:?}");
        tx.execute(PUT, params![9]).map(drop)
    };
    region.db.write_blocking(stands).unwrap();
    assert_eq!((runs.swap(0, Ordering::Relaxed), region.db.read_blocking(all).unwrap()), (1, vec![7, 9]));
    // A failure outside of the part still undoes the whole command.
    let counted = runs.clone();
    let fails = move |tx: &mut dyn Tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        let part: Result<u64, DbError> = tx.apart(|tx| tx.execute(PUT, params![7]))?;
        assert!(part.is_err());
        tx.apart(|tx| tx.execute(PUT, params![10]))??;
        tx.execute(PUT, params![9]).map(drop)
    };
    assert!(matches!(region.db.write_blocking(fails), Err(DbError::Constraint(_))));
    assert_eq!(region.db.read_blocking(all).unwrap(), [7, 9]);
    let far = region.db.counted().1 > 0;
    assert_eq!(runs.load(Ordering::Relaxed), if far { 2 } else { 1 }, "run again with savepoints on a server");
}

// shows: 5.7.3 what no command must know at once travels with the next statement
#[test]
fn an_added_row_is_there_for_the_next_statement_and_gone_with_its_command() {
    let region = testing::fresh(&[TABLES]);
    let add = |tx: &mut dyn Tx, n: i64| tx.add_row("INSERT INTO tally (n, word)", params![n, "added"].to_vec());
    let seen = region.db.write_blocking(move |tx| {
        add(tx, 1)?;
        add(tx, 2)?;
        let before = all(tx)?;
        add(tx, 3)?;
        tx.script("SAVEPOINT attempt")?;
        add(tx, 4)?;
        tx.script("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")?;
        tx.add_row("INSERT INTO tally (n)", params![5].to_vec())?;
        Ok::<_, DbError>(before)
    });
    assert_eq!(seen.unwrap(), [1, 2]);
    let failing = move |tx: &mut dyn Tx| {
        add(tx, 6)?;
        Err::<(), _>(DbError::NoRow)
    };
    region.db.write_blocking(failing).unwrap_err();
    assert_eq!(region.db.read_blocking(all).unwrap(), [1, 2, 3, 5]);
}

#[test]
fn an_added_row_that_is_refused_fails_its_own_command_and_no_other() {
    let region = testing::fresh(&[TABLES]);
    let put_two = |n: i64| {
        move |tx: &mut dyn Tx| {
            tx.add_row("INSERT INTO tally (n)", params![n].to_vec())?;
            tx.add_row("INSERT INTO tally (n)", params![7].to_vec())
        }
    };
    region.db.write_blocking(put_two(1)).unwrap();
    let refused = region.db.write_blocking(put_two(2));
    assert!(matches!(refused, Err(DbError::Constraint(_))), "{refused:?}");
    region.db.write_blocking(put(3)).unwrap();
    assert_eq!(region.db.read_blocking(all).unwrap(), [1, 3, 7]);
}

// shows: 5.7.3 rows changed by their key in one statement
#[test]
fn rows_are_changed_by_their_key_whatever_they_hold() {
    let region = testing::fresh(&[TABLES]);
    for n in 0..300 {
        region.db.write_blocking(put(n)).unwrap();
    }
    let rows: Vec<Vec<Value>> = (100..400)
        .map(|n| params![n, (n % 2 == 0).then(|| format!("word {n}")), n % 3 == 0, f64::from(n) / 8.0].to_vec())
        .collect();
    let types = ["BIGINT", "TEXT", "BOOLEAN", "DOUBLE PRECISION"];
    let changed = region.db.write_blocking(move |tx| {
        let head = "UPDATE tally SET word = v.column2, ok = v.column3, share = v.column4";
        tx.update_rows(head, &types, &rows, "WHERE tally.n = v.column1")
    });
    assert_eq!(changed.unwrap(), 200, "of 300 keys a hundred stand nowhere");
    let kept = region.db.read_blocking(|tx| tx.query("SELECT n, word, ok, share FROM tally ORDER BY n", &[])).unwrap();
    for row in kept.iter().filter(|row| row.get::<i64>(0).unwrap() >= 100) {
        let n: i64 = row.get(0).unwrap();
        assert_eq!(row.get::<Option<String>>(1).unwrap(), (n % 2 == 0).then(|| format!("word {n}")));
        assert_eq!((row.get::<bool>(2).unwrap(), row.get::<f64>(3).unwrap()), (n % 3 == 0, n as f64 / 8.0));
    }
}

// shows: 5.7.3 what a page asks is asked in few journeys
#[test]
fn what_is_asked_ahead_comes_in_one_journey_and_is_what_would_have_been_read() {
    const FROM: &str = "SELECT n FROM tally WHERE n >= $1 ORDER BY n";
    const AMONG: &str = "SELECT n FROM tally WHERE n {among} ORDER BY n";
    let from = |tx: &mut dyn Tx, n: i64| -> Result<Vec<i64>, DbError> {
        tx.query(FROM, params![n])?.iter().map(|row| row.get(0)).collect()
    };
    // Few are asked for in other words than many.
    let (few, many) = ([4i64, 6, 99], [0i64, 2, 2, 5, 7, 98, 99]);
    let among = |tx: &mut dyn Tx, items: &[i64]| -> Result<Vec<i64>, DbError> {
        tx.among(AMONG, &[], items)?.iter().map(|row| row.get(0)).collect()
    };
    let page = move |tx: &mut dyn Tx| {
        tx.ahead(&[&|tx| drop(from(tx, 5)), &|tx| drop(from(tx, 7)), &|tx| drop(among(tx, &few)), &|tx| {
            drop(among(tx, &many))
        }]);
        let read = (all(tx)?.len(), from(tx, 5)?, among(tx, &few)?, among(tx, &many)?);
        Ok::<_, DbError>((read, from(tx, 7)?, from(tx, 7)?))
    };
    let region = testing::fresh(&[TABLES]);
    for n in 0..9 {
        region.db.write_blocking(put(n)).unwrap();
    }
    let expected = ((9, vec![5, 6, 7, 8], vec![4, 6], vec![0, 2, 5, 7]), vec![7, 8], vec![7, 8]);
    let twenty_pages = || {
        let before = region.db.counted().1;
        for _ in 0..20 {
            assert_eq!(region.db.read_blocking(page).unwrap(), expected);
        }
        region.db.counted().1 - before
    };
    // Each reader prepares the statements when it first comes to them, whenever that is.
    let mut journeys: Vec<u64> = Vec::new();
    while journeys.len() < 100 && journeys.last().is_none_or(|last| *last > 3 * 20) {
        journeys.push(twenty_pages());
    }
    match testing::on_postgres() {
        true => {
            let last = journeys.last().copied().unwrap_or(0);
            assert!((2 * 20..=3 * 20).contains(&last), "{journeys:?}: what was asked twice, and at times the end");
        }
        false => assert_eq!(journeys, [0]),
    }
    let written = region.db.write_blocking(move |tx| {
        tx.ahead(&[&|tx| drop(from(tx, 8))]);
        let before = all(tx)?.len();
        tx.execute(PUT, params![9])?;
        Ok::<_, DbError>((before, from(tx, 8)?))
    });
    assert_eq!(written.unwrap(), (9, vec![8, 9]), "what is written is seen, whatever was asked before it");
}

#[test]
fn a_look_whose_connection_dies_is_asked_once_more_and_not_for_ever() {
    let region = testing::fresh(&[TABLES]);
    region.db.write_blocking(put(0)).unwrap();
    if !testing::on_postgres() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for foreseen in [None, Some(vec![])] {
        for deaths in [1, 2, u32::MAX] {
            let runs = Arc::new(AtomicU32::new(0));
            let counted = runs.clone();
            let look = move |tx: &mut dyn Tx| {
                if counted.fetch_add(1, Ordering::SeqCst) < deaths {
                    tx.query("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
                }
                all(tx)
            };
            let answer = runtime.block_on(region.db.read_brief("test", foreseen.clone(), look));
            let runs = runs.load(Ordering::SeqCst);
            match deaths {
                1 => assert_eq!((answer.outcome.unwrap(), runs), (vec![0], 2)),
                _ => {
                    assert!(matches!(answer.outcome, Err(DbError::Gone(_))));
                    assert_eq!(runs, 2);
                }
            }
        }
    }
}
