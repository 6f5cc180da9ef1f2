//! What the port promises, on whichever engine is under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base::{Instant, JobId, Span};
use uuid::Uuid;

use crate::testing::{fresh, fresh_config};
use crate::{Db, DbError, Migration, Tx, jobs, marks, outbox, params};

const NOTES: &[Migration] =
    &[Migration { name: "test/001", sql: "CREATE TABLE jotting (n BIGINT PRIMARY KEY, word TEXT NOT NULL)" }];
const INSERT: &str = "INSERT INTO jotting (n, word) VALUES ($1, $2)";

fn count(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar("SELECT COUNT(*) FROM jotting", &[])
}

#[test]
fn an_answered_command_is_seen_by_readers() {
    let region = fresh(&[NOTES]);
    region.db.write_blocking(|tx| tx.execute(INSERT, params![1i64, "一"])).unwrap();
    assert_eq!(region.db.read_blocking(count).unwrap(), 1);
}

#[test]
fn a_refused_command_leaves_nothing_but_its_refusal_and_does_not_touch_its_neighbours() {
    let region = fresh(&[NOTES]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let outcomes: Vec<bool> = runtime.block_on(async {
        let tasks: Vec<_> = (0..200i64)
            .map(|n| {
                let db = region.db.clone();
                tokio::spawn(async move {
                    db.write_or(
                        move |tx| {
                            tx.execute(INSERT, params![n, "tried"])?;
                            if n % 3 == 0 { Err(DbError::NoRow) } else { Ok(()) }
                        },
                        move |tx, _| tx.execute(INSERT, params![1000 + n, "refused"]).map(drop),
                    )
                    .await
                    .is_ok()
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    });
    let (tried, refused) = region
        .db
        .read_blocking(|tx| {
            let of = "SELECT COUNT(*) FROM jotting WHERE word = $1";
            Ok::<(i64, i64), DbError>((tx.scalar(of, params!["tried"])?, tx.scalar(of, params!["refused"])?))
        })
        .unwrap();
    let succeeded = outcomes.iter().filter(|ok| **ok).count() as i64;
    assert_eq!((tried, refused), (succeeded, 200 - succeeded));
    assert_eq!(succeeded, 133);
}

#[test]
fn a_command_that_panics_is_a_fault_and_the_writer_goes_on() {
    let region = fresh(&[NOTES]);
    let outcome: Result<(), DbError> = region.db.write_blocking(|_| panic!("on purpose"));
    assert!(matches!(outcome, Err(DbError::Panicked)));
    region.db.write_blocking(|tx| tx.execute(INSERT, params![2i64, "二"])).unwrap();
    assert_eq!(region.db.read_blocking(count).unwrap(), 1);
}

#[test]
fn a_lost_transaction_is_run_again() {
    let region = fresh(&[NOTES]);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    region
        .db
        .write_blocking(move |tx| {
            tx.execute(INSERT, params![3i64, "三"])?;
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                // What a serialisation failure looks like: the transaction is gone beneath the command.
                tx.script("ROLLBACK")?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(region.db.read_blocking(count).unwrap(), 1);
}

#[test]
fn a_command_that_loses_against_another_transaction_is_run_again() {
    let region = fresh(&[NOTES]);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let outcome: Result<(), DbError> = region.db.write_blocking(move |tx| {
        tx.execute(INSERT, params![4i64, "四"])?;
        if counted.fetch_add(1, Ordering::SeqCst) < 2 && tx.engine() == crate::Engine::Postgres {
            // The server's own word for a lost transaction.
            tx.script("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")?;
        }
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(region.db.read_blocking(count).unwrap(), 1);
}

#[test]
fn a_full_disk_refuses_what_is_too_much_and_loses_nothing() {
    let region = fresh(&[NOTES]);
    let pages =
        |tx: &mut dyn Tx| tx.engine() == crate::Engine::Sqlite && tx.query("PRAGMA max_page_count = 40", &[]).is_ok();
    if !region.db.write_blocking(move |tx| Ok::<_, DbError>(pages(tx))).unwrap() {
        return; // A server's disk cannot be limited from here; the page limit is SQLite's.
    }
    let word = "長".repeat(1000);
    let mut stored = 0;
    let full = loop {
        let (n, word) = (stored, word.clone());
        match region.db.write_blocking(move |tx| tx.execute(INSERT, params![n, &word])) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "the limit never came");
    };
    assert!(matches!(full, DbError::Full), "{full}");
    assert_eq!(region.db.read_blocking(count).unwrap(), stored);
    region.db.write_blocking(|tx| tx.query("PRAGMA max_page_count = 1000000", &[])).unwrap();
    region.db.write_blocking(move |tx| tx.execute(INSERT, params![stored, "again"])).unwrap();
}

#[test]
fn readers_cannot_write() {
    let region = fresh(&[NOTES]);
    assert!(region.db.read_blocking(|tx| tx.execute(INSERT, params![1i64, "x"])).is_err());
}

#[test]
fn every_type_comes_back_as_it_went() {
    let region = fresh(&[&[Migration {
        name: "test/types",
        sql: "CREATE TABLE kinds (a BIGINT, b TEXT, c BYTEA, d BOOLEAN, e DOUBLE PRECISION)",
    }]]);
    let id = Uuid::from_u128(42);
    let row = region
        .db
        .write_blocking(move |tx| {
            let none: Option<i64> = None;
            tx.execute(
                "INSERT INTO kinds (e, d, c, b, a) VALUES ($5, $4, $3, $2, $1)",
                params![-7i64, "髙﨑𠮷", id, true, 0.5],
            )?;
            tx.execute("INSERT INTO kinds (a, d) VALUES ($1, $2)", params![none, false])?;
            tx.query("SELECT a, b, c, d, e FROM kinds ORDER BY d DESC", &[])
        })
        .unwrap();
    assert_eq!(row[0].get::<i64>(0).unwrap(), -7);
    assert_eq!(row[0].get::<String>(1).unwrap(), "髙﨑𠮷");
    assert_eq!(row[0].get::<Uuid>(2).unwrap(), id);
    assert!(row[0].get::<bool>(3).unwrap());
    assert_eq!(row[0].get::<f64>(4).unwrap(), 0.5);
    assert_eq!(row[1].get::<Option<i64>>(0).unwrap(), None);
    assert!(matches!(row[1].get::<i64>(0), Err(DbError::Shape { .. })));
}

#[test]
fn many_rows_go_in_few_statements() {
    let region = fresh(&[NOTES]);
    let changed = region
        .db
        .write_blocking(|tx| {
            let rows: Vec<_> = (0..450i64).map(|n| vec![(n % 400).into(), "語".into()]).collect();
            tx.insert_rows("INSERT INTO jotting (n, word)", 2, &rows, "ON CONFLICT DO NOTHING")
        })
        .unwrap();
    assert_eq!(changed, 400);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let (config, _folder) = fresh_config().unwrap();
    drop(Db::open(config.clone(), &[NOTES]).unwrap());
    let outcome = open_when_free(&config, &[]);
    assert!(matches!(outcome, Err(DbError::Newer(name)) if name == "test/001"));
    let altered: &[Migration] = &[Migration { name: "test/001", sql: "CREATE TABLE other (n BIGINT)" }];
    assert!(matches!(open_when_free(&config, &[altered]), Err(DbError::Altered(_))));
}

/// Opens once the threads of the dropped handle have let go of the writer's lock.
fn open_when_free(config: &crate::DbConfig, migrations: &[&[Migration]]) -> Result<(), DbError> {
    Db::open(config.clone(), migrations).map(drop)
}

#[test]
fn listeners_are_woken_after_a_commit_that_added_events() {
    let region = fresh(&[NOTES]);
    let woken = region.db.committed();
    let before = *woken.borrow();
    region
        .db
        .write_blocking(|tx| outbox::push(tx, Instant(5), "watch.alert", &serde_json::json!({"alert": "x"})))
        .unwrap();
    let events = region.db.read_blocking(|tx| outbox::after(tx, 0, 10)).unwrap();
    assert_eq!((events.len(), events[0].seq, events[0].topic.as_str()), (1, 1, "watch.alert"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while *woken.borrow() == before {
        assert!(std::time::Instant::now() < deadline, "nobody was woken");
        std::thread::yield_now();
    }
    region.db.write_blocking(|tx| outbox::prune(tx, Instant(1000))).unwrap();
    assert_eq!(region.db.read_blocking(outbox::last_seq).unwrap(), 1, "the newest row keeps the count");
}

#[test]
fn a_job_is_leased_once_retried_later_and_parked_in_the_end() {
    let region = fresh(&[]);
    let id = JobId(Uuid::from_u128(1));
    let mut now = Instant::from_unix_seconds(1000);
    region.db.write_blocking(move |tx| jobs::enqueue(tx, id, "mail", &serde_json::json!({}), now)).unwrap();
    let lease = |now: Instant| region.db.write_blocking(move |tx| jobs::lease(tx, now, Span::minutes(1), 10)).unwrap();
    for attempt in 1..=base::limits::JOB_ATTEMPTS {
        let job = lease(now).pop().expect("the job is due");
        assert_eq!(job.attempts, attempt);
        assert!(lease(now).is_empty(), "a leased job is nobody else's");
        region.db.write_blocking(move |tx| jobs::fail(tx, now, &job, "no line")).unwrap();
        now = now + Span::hours(2);
    }
    assert!(lease(now).is_empty());
    assert_eq!(region.db.read_blocking(jobs::parked).unwrap(), 1);
}

#[test]
fn a_mark_is_kept() {
    let region = fresh(&[]);
    region.db.write_blocking(|tx| marks::set(tx, marks::FICTIONAL, "yes")).unwrap();
    assert_eq!(region.db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL)).unwrap().as_deref(), Some("yes"));
}
