//! What the port promises, on whichever engine is under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base::Instant;
use uuid::Uuid;

use crate::testing::{fresh, fresh_config, owned};
use crate::{Db, DbError, Migration, Tx, marks, outbox, params};

crate::events! {
    Told {
        Alert = "watch.alert" { alert: String };
    }
}

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
fn a_part_that_fails_takes_nothing_with_it_and_leaves_nothing() {
    let region = fresh(&[NOTES]);
    region
        .db
        .write_blocking(|tx| {
            tx.execute(INSERT, params![1i64, "before"])?;
            let failed: Result<(), DbError> = tx.apart(|tx| {
                tx.execute(INSERT, params![2i64, "half"])?;
                let inner: Result<u64, DbError> = tx.apart(|tx| tx.execute(INSERT, params![1i64, "twice"]))?;
                assert!(matches!(inner, Err(DbError::Constraint(_))), "{inner:?}");
                tx.execute("INSERT INTO db_mark (no_such_column) VALUES (1)", &[]).map(drop)
            })?;
            assert!(failed.is_err());
            let panicked: Result<(), DbError> = tx.apart(|tx| {
                tx.execute(INSERT, params![3i64, "half"])?;
                panic!("a part of a test")
            })?;
            assert!(matches!(panicked, Err(DbError::Panicked)));
            // One that made light of its own failure has failed all the same where the engine says so.
            let _: Result<(), DbError> = tx.apart(|tx| {
                let _ = tx.execute("INSERT INTO db_mark (no_such_column) VALUES (1)", &[]);
                Ok(())
            })?;
            tx.apart(|tx| tx.execute(INSERT, params![4i64, "after"]))?.map(drop)
        })
        .unwrap();
    let words: Vec<String> = region
        .db
        .read_blocking(|tx| {
            tx.query("SELECT word FROM jotting ORDER BY n", &[])?
                .iter()
                .map(|r| r.get(0))
                .collect::<Result<_, DbError>>()
        })
        .unwrap();
    assert_eq!(words, ["before", "after"]);
}

#[test]
fn a_transaction_that_is_lost_inside_a_part_is_run_again_as_a_whole() {
    let region = fresh(&[NOTES]);
    if matches!(region.db.config(), crate::DbConfig::Sqlite { .. }) {
        return; // Only a server says in the middle of a transaction that it was lost to another.
    }
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    region
        .db
        .write_blocking(move |tx| {
            tx.execute(INSERT, params![1i64, "once"])?;
            let part: Result<(), DbError> = tx.apart(|tx| {
                if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                    let _ = tx.script("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$");
                }
                Ok(())
            })?;
            part
        })
        .unwrap();
    assert_eq!((runs.load(Ordering::Relaxed), region.db.read_blocking(count).unwrap()), (2, 1));
}

// shows: 5.4.3 one unreadable row empties no list, and it is reported by its id
#[test]
fn a_row_that_cannot_be_read_is_left_out_of_its_list_and_told() {
    let region = fresh(&[NOTES]);
    for (n, word) in [(1i64, "12"), (2, "zwölf"), (3, "7")] {
        region.db.write_blocking(move |tx| tx.execute(INSERT, params![n, word])).unwrap();
    }
    let read = |tx: &mut dyn Tx| {
        tx.list("jotting", "SELECT n, word FROM jotting ORDER BY n", &[], |r| r.word(1, |w| w.parse::<u32>().ok()))
    };
    assert_eq!(region.db.read_blocking(read).unwrap(), [12, 7]);
    region.db.write_blocking(move |tx| read(tx).map(drop)).unwrap();
    let told = crate::Unreadable { list: "jotting", id: "2".into(), column: 1, names: vec![] };
    assert_eq!(region.db.unreadable(), [told], "by whichever connection it was met, and once");
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
fn rows_taken_for_new_are_put_in_beside_one_that_was_there_all_the_same() {
    let region = fresh(&[NOTES]);
    let put = |tx: &mut dyn Tx, from: i64, until: i64| {
        let rows: Vec<_> = (from..until).map(|n| vec![n.into(), format!("from {from}").into()]).collect();
        tx.insert_new_rows("INSERT INTO jotting (n, word)", 2, &rows, "ON CONFLICT (n) DO NOTHING")
    };
    let counts = region.db.write_blocking(move |tx| {
        tx.execute(INSERT, params![1i64, "before"])?;
        let counts = [put(tx, 10, 400)?, put(tx, 399, 900)?, put(tx, 390, 402)?];
        tx.execute(INSERT, params![2i64, "after"]).map(|_| counts)
    });
    assert_eq!(counts.unwrap(), [390, 500, 0]);
    let spoilt = region.db.write_blocking(move |tx| {
        put(tx, 900, 910)?;
        put(tx, 905, 920)?;
        tx.execute(INSERT, params![1i64, "again"])
    });
    assert!(matches!(spoilt, Err(DbError::Constraint(_))), "{spoilt:?}");
    let told_before = region.db.write_blocking(move |tx| {
        tx.add_row("INSERT INTO jotting (n, word)", vec![2i64.into(), "told".into()])?;
        put(tx, 950, 960)
    });
    assert!(matches!(told_before, Err(DbError::Constraint(_))), "{told_before:?}");
    let kept = region
        .db
        .read_blocking(|tx| tx.query("SELECT MIN(n), MAX(n), COUNT(*), COUNT(DISTINCT word) FROM jotting", &[]));
    let kept: Vec<i64> = (0..4).map(|n| kept.as_ref().unwrap()[0].get(n).unwrap()).collect();
    assert_eq!(kept, [1, 899, 892, 4]);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let (config, _folder) = fresh_config().unwrap();
    let config = owned(&config);
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
    region.db.write_blocking(|tx| outbox::push(tx, Instant(5), &Told::Alert { alert: "x".to_owned() })).unwrap();
    let events = region.db.read_blocking(|tx| outbox::after(tx, 0, 10)).unwrap();
    assert_eq!((events.len(), events[0].seq, events[0].topic.as_str()), (1, 1, "watch.alert"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while *woken.borrow() == before {
        assert!(std::time::Instant::now() < deadline, "nobody was woken");
        std::thread::yield_now();
    }
    region.db.write_blocking(|tx| outbox::prune(tx, Instant(1000), 100)).unwrap();
    assert_eq!(region.db.read_blocking(outbox::last_seq).unwrap(), 1, "the newest row keeps the count");
}

#[test]
fn a_mark_is_kept() {
    let region = fresh(&[]);
    region.db.write_blocking(|tx| marks::set(tx, marks::FICTIONAL, "yes")).unwrap();
    assert_eq!(region.db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL)).unwrap().as_deref(), Some("yes"));
}

#[test]
fn a_refusal_that_panics_is_not_the_end_of_the_writer() {
    let region = fresh(&[NOTES]);
    let db = region.db.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome: Result<(), DbError> =
        runtime.block_on(db.write_or(|_| Err(DbError::NoRow), |_, _| panic!("on purpose")));
    assert!(matches!(outcome, Err(DbError::NoRow)), "{outcome:?}");
    region.db.write_blocking(|tx| tx.execute(INSERT, params![5i64, "五"])).unwrap();
    assert_eq!(region.db.read_blocking(count).unwrap(), 1);
}

/// Keeps the writer busy until the sender is dropped, so that what is sent meanwhile shares one transaction.
fn hold(db: &Db) -> std::sync::mpsc::Sender<()> {
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let (started, running) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let db = db.clone();
    std::thread::spawn(move || {
        db.write_blocking(move |_| {
            let _ = started.send(());
            let _ = gate.lock().unwrap().recv();
            Ok::<_, DbError>(())
        })
    });
    running.recv().unwrap();
    release
}

#[test]
fn listeners_are_woken_even_where_a_neighbour_of_the_event_fails() {
    let region = fresh(&[NOTES]);
    let woken = region.db.committed();
    let before = *woken.borrow();
    let gate = hold(&region.db);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (event, neighbour) = runtime.block_on(async {
        let push = region.db.write(|tx| outbox::push(tx, Instant(5), &Told::Alert { alert: "x".to_owned() }));
        let destroyer = region.db.write(|tx| {
            tx.script("ROLLBACK")?;
            Ok::<_, DbError>(())
        });
        let release = async { drop(gate) };
        let (event, neighbour, ()) = tokio::join!(push, destroyer, release);
        (event, neighbour)
    });
    event.unwrap();
    assert!(neighbour.is_err());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while *woken.borrow() == before {
        assert!(std::time::Instant::now() < deadline, "nobody was woken for the event");
        std::thread::yield_now();
    }
}

#[test]
fn a_command_that_ignores_a_full_disk_is_not_half_done() {
    let region = fresh(&[NOTES]);
    let pages =
        |tx: &mut dyn Tx| tx.engine() == crate::Engine::Sqlite && tx.query("PRAGMA max_page_count = 40", &[]).is_ok();
    if !region.db.write_blocking(move |tx| Ok::<_, DbError>(pages(tx))).unwrap() {
        return; // The page limit is SQLite's; a server refuses every later statement by itself.
    }
    let outcome: Result<u64, DbError> = region.db.write_blocking(|tx| {
        tx.execute(INSERT, params![1i64, "before"])?;
        let _ = tx.execute(INSERT, params![2i64, "長".repeat(200_000)]);
        tx.execute(INSERT, params![3i64, "after"])
    });
    assert!(matches!(outcome, Err(DbError::Full)), "{outcome:?}");
    assert_eq!(region.db.read_blocking(count).unwrap(), 0, "part of the command stayed");
}

#[test]
fn the_log_stays_short_while_somebody_always_reads() {
    let region = fresh(&[NOTES]);
    let crate::DbConfig::Sqlite { file, .. } = region.db.config().clone() else {
        return; // A server keeps its log in its own way.
    };
    let mut log = file.into_os_string();
    log.push("-wal");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    // Each reader begins its next transaction while the others are in the midst of theirs.
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (db, stop) = (region.db.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let read = db.read_blocking(|tx| {
                        count(tx)?;
                        std::thread::sleep(std::time::Duration::from_millis(5));
                        count(tx)
                    });
                    read.unwrap();
                }
            })
        })
        .collect();
    // A file that shrinks was emptied on purpose: the engine by itself only begins it anew at its full length.
    let (mut longest, mut shrank) = (0, false);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(120);
    for n in 0i64.. {
        let size = if longest < 80 << 20 { 100_000 } else { 100 };
        region.db.write_blocking(move |tx| tx.execute(INSERT, params![n, "長".repeat(size)])).unwrap();
        let length = std::fs::metadata(&log).map_or(0, |log| log.len());
        shrank |= length < longest;
        longest = longest.max(length);
        if shrank || std::time::Instant::now() > patience {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(shrank, "the log grew to {} MB and was never emptied", longest >> 20);
}

#[test]
fn a_server_that_ended_its_connections_is_asked_again() {
    let region = fresh(&[NOTES]);
    let crate::DbConfig::Postgres { url, .. } = region.db.config().clone() else {
        return; // A file has no connections to end.
    };
    let mut admin = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    // A role may end its own sessions.
    admin
        .query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
            &[],
        )
        .unwrap();
    region.db.write_blocking(|tx| tx.execute(INSERT, params![6i64, "六"])).unwrap();
    for _ in 0..2 * base::limits::READERS {
        assert_eq!(region.db.read_blocking(count).unwrap(), 1);
    }
}

#[test]
fn a_full_server_is_remembered_until_a_commit_goes_through() {
    let region = fresh(&[NOTES]);
    if region.db.read_blocking(|tx| Ok::<_, DbError>(tx.engine())).unwrap() == crate::Engine::Sqlite {
        return; // The room beside a file is measured, not remembered.
    }
    let outcome: Result<(), DbError> = region
        .db
        .write_blocking(|tx| tx.script("DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"));
    assert!(matches!(outcome, Err(DbError::Full)), "{outcome:?}");
    assert_eq!(region.db.space(), crate::Space::Low);
    region.db.write_blocking(|tx| tx.execute(INSERT, params![7i64, "七"])).unwrap();
    assert_eq!(region.db.space(), crate::Space::Ample);
}
