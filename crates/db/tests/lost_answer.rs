//! A server commits, and the line breaks before it can say so. The command must be neither lost nor done twice, and
//! where nobody can know, the caller is told just that.
//!
//! A relay between us and the server cuts the line at a commit, before or after the server got it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use db::{Db, DbConfig, DbError, Migration, Tx, outbox, params, testing};

db::events! {
    Told {
        Counted = "test.counted" {};
    }
}

const TABLES: &[Migration] =
    &[Migration { name: "test/001", sql: "CREATE TABLE tally (n BIGINT NOT NULL); INSERT INTO tally (n) VALUES (0)" }];
const COMMIT: &[u8] = b"COMMIT\0";

/// What the relay does at the next commit.
const PASS: u8 = 0;
/// The server never hears of it.
const CUT_BEFORE: u8 = 1;
/// The server's answer never arrives.
const CUT_AFTER: u8 = 2;
/// Nor does any later connection.
const CUT_FOR_GOOD: u8 = 3;

struct Relay {
    port: u16,
    plan: Arc<AtomicU8>,
    /// Both ends of every line, for the cut.
    lines: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn to(server: String) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let relay = Relay { port, plan: Arc::default(), lines: Arc::default() };
        let (plan, lines) = (relay.plan.clone(), relay.lines.clone());
        std::thread::spawn(move || {
            for ours in listener.incoming().flatten() {
                if plan.load(Ordering::SeqCst) == CUT_FOR_GOOD {
                    continue;
                }
                let Ok(theirs) = TcpStream::connect(&server) else { continue };
                carry(&ours, &theirs, plan.clone());
                lines.lock().expect("never poisoned").extend([ours, theirs]);
            }
        });
        relay
    }

    fn plan(&self, plan: u8) {
        self.plan.store(plan, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for line in self.lines.lock().expect("never poisoned").iter() {
            let _ = line.shutdown(Shutdown::Both);
        }
    }
}

/// Carries bytes both ways until the plan says otherwise.
fn carry(ours: &TcpStream, theirs: &TcpStream, plan: Arc<AtomicU8>) {
    let committing = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ends = || (ours.try_clone().expect("a line"), theirs.try_clone().expect("a line"));
    let cut = |ours: &TcpStream, theirs: &TcpStream| {
        let _ = ours.shutdown(Shutdown::Both);
        let _ = theirs.shutdown(Shutdown::Both);
    };
    let ((mut from, mut to), flag, orders) = (ends(), committing.clone(), plan.clone());
    std::thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            if bytes[..n].ends_with(COMMIT) {
                match orders.load(Ordering::SeqCst) {
                    PASS => {}
                    CUT_BEFORE => {
                        orders.store(PASS, Ordering::SeqCst);
                        break;
                    }
                    _ => flag.store(true, Ordering::SeqCst),
                }
            }
            if to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        cut(&from, &to);
    });
    let ((mut to, mut from), flag) = (ends(), committing);
    std::thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            if flag.load(Ordering::SeqCst) {
                let _ = plan.compare_exchange(CUT_AFTER, PASS, Ordering::SeqCst, Ordering::SeqCst);
                break;
            }
            if to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        cut(&to, &from);
    });
}

/// A fresh region whose writer speaks through a relay, and one that does not, to look. None on the embedded engine,
/// whose commit has no line that could break.
fn region() -> Option<(Relay, Db, Db)> {
    if !testing::on_postgres() {
        return None;
    }
    let (config, _) = testing::prepared_config(&[TABLES]).expect("a database server for tests");
    let DbConfig::Postgres { url, .. } = &config else { return None };
    let of = |key: &str| url.split_whitespace().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
    let server = format!("{}:{}", of("host=").expect("a host"), of("port=").unwrap_or("5432".into()));
    let relay = Relay::to(server);
    let rest: Vec<&str> =
        url.split_whitespace().filter(|word| !word.starts_with("host=") && !word.starts_with("port=")).collect();
    let relayed = format!("host=127.0.0.1 port={} {}", relay.port, rest.join(" "));
    let db = Db::open(DbConfig::postgres(relayed), &[TABLES]).expect("a fresh region opens");
    let look = Db::open_for_reading(config).expect("a fresh region can be read");
    Some((relay, db, look))
}

fn count_up(db: &Db) -> Result<(), DbError> {
    db.write_blocking(|tx| {
        tx.execute("UPDATE tally SET n = n + 1", params![])?;
        outbox::push(tx, base::Instant(1), &Told::Counted {})
    })
}

fn tally(look: &Db) -> i64 {
    look.read_blocking(|tx| tx.scalar("SELECT n FROM tally", &[])).expect("the tally is readable")
}

#[test]
fn a_commit_that_never_reached_the_server_is_done_again() {
    let Some((relay, db, look)) = region() else { return };
    relay.plan(CUT_BEFORE);
    count_up(&db).unwrap();
    assert_eq!(relay.plan.load(Ordering::SeqCst), PASS, "the line was cut");
    assert_eq!(tally(&look), 1);
}

#[test]
fn a_commit_whose_answer_was_lost_is_not_done_twice() {
    let Some((relay, db, look)) = region() else { return };
    let woken = db.committed();
    let before = *woken.borrow();
    relay.plan(CUT_AFTER);
    count_up(&db).unwrap();
    assert_eq!(relay.plan.load(Ordering::SeqCst), PASS, "the line was cut");
    assert_eq!(tally(&look), 1);
    let deadline = Instant::now() + Duration::from_secs(5);
    while *woken.borrow() == before {
        assert!(Instant::now() < deadline, "nobody was woken");
        std::thread::yield_now();
    }
    count_up(&db).unwrap();
    assert_eq!(tally(&look), 2);
}

#[test]
fn what_was_only_told_is_not_done_twice_either() {
    let Some((relay, db, look)) = region() else { return };
    let tell = |times: usize| {
        let told = move |tx: &mut dyn Tx| (0..times).try_for_each(|_| tx.tell("UPDATE tally SET n = n + 1", &[]));
        db.write_blocking(told).unwrap();
    };
    // Its statement is known to the server.
    tell(1);
    relay.plan(CUT_AFTER);
    tell(1);
    assert_eq!(relay.plan.load(Ordering::SeqCst), PASS, "the line was cut");
    assert_eq!(tally(&look), 2);
    // More than may wait.
    tell(1000);
    assert_eq!(tally(&look), 1002);
}

#[test]
fn where_nobody_can_know_the_caller_is_told_so() {
    let Some((relay, db, look)) = region() else { return };
    relay.plan(CUT_FOR_GOOD);
    let outcome = count_up(&db);
    assert!(matches!(outcome, Err(DbError::Unknown(_))), "{outcome:?}");
    assert_eq!(tally(&look), 1, "the server had committed");
    relay.plan(PASS);
    // For a moment every command is answered at once that the database is not there; then it is again.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = count_up(&db) {
        assert!(matches!(error, DbError::Gone(_)), "{error}");
        assert!(Instant::now() < deadline, "it does not come back");
        std::thread::yield_now();
    }
    assert_eq!(tally(&look), 2);
}
