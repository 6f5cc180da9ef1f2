//! A database has one writer. A second one waits for the first to end, and not for ever; readers come and go beside it.
//! A writer that lost its server and finds that another had its turn writes nothing more.

use std::time::{Duration, Instant};

use db::{Db, DbConfig, DbError, KeySource, Migration, params, testing};

const TABLES: &[Migration] = &[Migration { name: "test/001", sql: "CREATE TABLE note (n BIGINT NOT NULL)" }];
const SOON: Duration = Duration::from_millis(100);
/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

fn place() -> (DbConfig, Folder) {
    let (config, folder) = testing::prepared_config(&[TABLES]).expect("a database server for tests");
    (config, Folder(folder))
}

struct Folder(Option<std::path::PathBuf>);

impl Drop for Folder {
    fn drop(&mut self) {
        self.0.iter().for_each(|folder| drop(std::fs::remove_dir_all(folder)));
    }
}

fn note(db: &Db, n: i64) -> Result<(), DbError> {
    db.write_blocking(move |tx| tx.execute("INSERT INTO note (n) VALUES ($1)", params![n]).map(drop))
}

fn notes(db: &Db) -> Vec<i64> {
    let rows = db.read_blocking(|tx| tx.query("SELECT n FROM note ORDER BY n", &[])).expect("notes");
    rows.iter().map(|row| row.get(0).expect("a number")).collect()
}

#[test]
fn a_second_writer_is_told_and_readers_are_not() {
    let (config, _folder) = place();
    let first = Db::open(config.clone(), &[TABLES]).unwrap();
    let second = Db::open_within(SOON, config.clone(), KeySource::None, &[TABLES]);
    assert!(matches!(second, Err(DbError::Occupied)), "{:?}", second.err());
    let beside = Db::open_for_reading(config).unwrap();
    note(&first, 1).unwrap();
    assert_eq!(notes(&beside), [1]);
}

#[test]
fn a_second_writer_begins_when_the_first_has_ended() {
    let (config, _folder) = place();
    let first = Db::open(config.clone(), &[TABLES]).unwrap();
    note(&first, 1).unwrap();
    let second = std::thread::spawn(move || Db::open_within(PATIENCE, config, KeySource::None, &[TABLES]));
    note(&first, 2).unwrap();
    drop(first);
    let second = second.join().unwrap().expect("the second has its turn");
    note(&second, 3).unwrap();
    assert_eq!(notes(&second), [1, 2, 3]);
}

#[test]
fn a_writer_that_comes_back_after_another_writes_nothing_more() {
    let (config, _folder) = place();
    let DbConfig::Postgres { url, .. } = config.clone() else {
        return; // A file is never lost to a process that has it open.
    };
    let first = Db::open(config.clone(), &[TABLES]).unwrap();
    note(&first, 1).unwrap();
    let mut admin = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    let waits = std::thread::spawn(move || Db::open_within(PATIENCE, config, KeySource::None, &[TABLES]));
    let deadline = Instant::now() + PATIENCE;
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while admin.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(Instant::now() < deadline, "nobody waits");
    }
    // The server ends the first writer's session, as after a line that was dead for a while.
    admin
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[],
        )
        .unwrap();
    let second = waits.join().unwrap().expect("the second has its turn");
    note(&second, 2).unwrap();
    assert!(matches!(note(&first, 3), Err(DbError::Gone(_))), "the lock is the second's");
    assert!(!first.superseded(), "it cannot know yet");
    drop(second);
    let refused = loop {
        match note(&first, 4) {
            Err(DbError::Gone(_)) => assert!(Instant::now() < deadline, "it does not come back"),
            other => break other,
        }
    };
    assert!(matches!(refused, Err(DbError::Superseded)), "{refused:?}");
    assert!(first.superseded());
    assert!(matches!(note(&first, 5), Err(DbError::Superseded)), "nor later");
    assert_eq!(notes(&first), [1, 2]);
}
