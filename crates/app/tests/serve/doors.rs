//! Which database a command takes, and who may knock: `serve` for people, `demo` for a fictional town on this machine
//! only.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base::Instant;
use base::wareki::Date;
use db::{Db, DbConfig, marks};
use people::{Line, OfficeFacts, OfficeKind};
use town::plan::{Size, plan};

use crate::harness::{PATIENCE, Place, free_port, now, until};
use crate::raw;

/// Runs a command that must end by itself and badly; gives what it said.
#[track_caller]
pub fn refused(mut command: Command) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let deadline = std::time::Instant::now() + PATIENCE;
    while child.try_wait().expect("it can be waited for").is_none() {
        if std::time::Instant::now() > deadline {
            let _ = child.kill();
            let said = child.wait_with_output().map(|out| String::from_utf8_lossy(&out.stderr).into_owned());
            panic!("{command:?} did not refuse: {said:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("its last words");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// A demonstration at work. Dropping it kills it.
struct Demo {
    child: Child,
    address: SocketAddr,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn demo_command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsunagari"));
    command.arg("demo").args(arguments).current_dir(place.folder.path()).stdin(Stdio::null());
    if let DbConfig::Postgres { url, .. } = &db::testing::owned(&place.database) {
        command.args(["--database", url]);
    }
    command
}

/// Where a demonstration with this data folder keeps its town.
fn town_of(place: &Place, data: &Path) -> DbConfig {
    match &place.database {
        DbConfig::Sqlite { .. } => DbConfig::sqlite(data.join("town.db")),
        postgres => postgres.clone(),
    }
}

impl Demo {
    /// Starts a small town and waits until its start page stands.
    fn start(place: &Place, data: &Path, seed: &str, begin: &str) -> Demo {
        Demo::start_at_speed(place, data, seed, begin, "1")
    }

    fn start_at_speed(place: &Place, data: &Path, seed: &str, begin: &str, speed: &str) -> Demo {
        let port = free_port();
        let (text, data) = (port.to_string(), data.to_str().expect("a plain path"));
        let options = ["--port", &text, "--data", data, "--seed", seed, "--now", begin, "--speed", speed];
        let mut command = demo_command(place, &[&options[..], &["--residents", "12", "--staff", "61"]].concat());
        let said = std::fs::File::create(place.folder.path().join("demo.log")).expect("a log");
        let child = command.stdout(Stdio::null()).stderr(said).spawn().expect("the program starts");
        let mut demo = Demo { child, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        until("the town stands", || {
            let ended = demo.child.try_wait().expect("it can be waited for");
            let log = place.folder.path().join("demo.log");
            assert!(ended.is_none(), "{}", std::fs::read_to_string(log).unwrap_or_default());
            std::net::TcpStream::connect(demo.address).is_ok()
        });
        demo
    }

    /// Asks it to stop, as a service manager does: it ends, and well.
    #[track_caller]
    fn must_end_when_asked(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill");
        assert!(asked.success(), "it can be asked");
        let mut ended = None;
        until("the demonstration ends", || {
            ended = self.child.try_wait().expect("it can be waited for");
            ended.is_some()
        });
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    }

    fn ask(&self, host: &str) -> raw::Reply {
        let head = format!("GET /demo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        raw::as_it_stands(self.address, head.as_bytes())
    }
}

/// The town's time that a page tells, in seconds.
fn told(page: &raw::Reply) -> i64 {
    let told = page.body.split("data-now=\"").nth(1).and_then(|rest| rest.split('"').next()?.parse().ok());
    told.expect("the page tells its time")
}

/// The names of everybody in this town.
fn names(town: DbConfig) -> BTreeSet<String> {
    let db = Db::open_for_reading(town).expect("the town is there");
    let names = db.read_blocking(|tx| {
        let rows = tx.query("SELECT name FROM people_resident", &[])?;
        rows.iter().map(|row| row.get::<String>(0)).collect::<Result<_, _>>()
    });
    names.expect("the names")
}

#[test]
fn serve_refuses_a_fictional_town() {
    let place = Place::new();
    place.open().write_blocking(|tx| marks::set(tx, marks::FICTIONAL, "1")).expect("the mark");
    let said = refused(place.program(&["serve"]));
    assert!(said.contains("架空") && said.contains("demo"), "{said}");
}

#[test]
fn demo_refuses_a_region_of_real_people_and_leaves_it_alone() {
    let place = Place::new();
    let data = place.folder.path().join("demo");
    std::fs::create_dir(&data).expect("a folder");
    let db = Db::open(town_of(&place, &data), web::MIGRATIONS).expect("the database opens");
    let office = OfficeFacts::named(Line::parse("本物の事務局").expect("a line"), OfficeKind::Association);
    let ctx = people::testing::system(now(), 1);
    db.write_blocking(move |tx| people::register_office(&ctx, tx, &office)).expect("an office");
    drop(db);
    let said = refused(demo_command(&place, &["--port", "0", "--data", data.to_str().expect("a plain path")]));
    assert!(said.contains("「架空」の印がありません"), "{said}");
    assert_eq!(names(town_of(&place, &data)).len(), 0);
}

// shows: 5.6.11 the handler of TERM comes before anything listens, in the demonstration too
#[test]
fn the_demonstration_obeys_its_options_and_answers_this_machine_only() {
    let place = Place::bare();
    let data = place.folder.path().join("here");
    let begin = "2026-11-20T14:30";
    let mut demo = Demo::start(&place, &data, "3", begin);

    let host = demo.address.to_string();
    let page = demo.ask(&host);
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(demo.ask(&format!("localhost:{}", demo.address.port())).status, 200);
    for foreign in ["tsunagari.example.jp", "127.0.0.1", "evil.example:80", "192.0.2.1:8080", ""] {
        let answer = demo.ask(foreign);
        assert!(matches!(answer.status, 400 | 421), "{foreign}: {}", answer.status);
        assert!(!answer.body.contains("架空"), "{foreign}: {}", answer.body);
    }
    let listening = listeners(demo.child.id());
    assert!(listening.len() >= 3, "pages, gateways, operations: {listening:?}");
    assert!(listening.iter().all(|at| at.ip().is_loopback()), "{listening:?}");
    assert!(listening.contains(&demo.address), "{listening:?}");

    // The town's clock runs from the moment that was asked for.
    let begin = Instant::parse(begin).expect("a moment");
    let since = told(&page) - begin.unix_seconds();
    assert!((0..600).contains(&since), "{since} s after the beginning");

    let size = Size { residents: 12, staff: 61 };
    let of_seed = |seed: u64| -> BTreeSet<String> {
        plan(seed, size, Date::of(begin)).residents.into_iter().map(|r| r.name.kanji.replace('　', " ")).collect()
    };
    assert_eq!(names(town_of(&place, &data)), of_seed(3));
    assert_ne!(of_seed(3), of_seed(4), "another seed is another town");
    let staff = Db::open_for_reading(town_of(&place, &data)).expect("the town is there");
    assert_eq!(
        staff.read_blocking(|tx| tx.scalar::<i64>("SELECT COUNT(*) FROM people_staff", &[])).expect("a count"),
        61
    );
    assert!(data.join("mail").is_dir() && data.join("operations").is_dir(), "everything lies in the data folder");
    demo.child.kill().expect("it ends");
    demo.child.wait().expect("it ended");

    // What stands is taken up again, whatever else is asked for.
    let mut again = Demo::start(&place, &data, "4", "2026-11-20T15:00");
    assert_eq!(again.ask(&again.address.to_string()).status, 200);
    assert_eq!(names(town_of(&place, &data)), of_seed(3));
    again.must_end_when_asked();

    // Its clock may run faster, and nobody takes that for standing still.
    let mut fast = Demo::start_at_speed(&place, &data, "4", "2026-11-20T15:00", "240");
    let (began, first) = (std::time::Instant::now(), told(&fast.ask(&fast.address.to_string())));
    until("an hour has gone by", || told(&fast.ask(&fast.address.to_string())) - first >= 3600);
    let took = began.elapsed().as_secs_f64();
    assert!(took > 10.0, "an hour in {took} s is faster than 240 times");
    assert!(!fast.ask(&fast.address.to_string()).body.contains("見守りの回線が切れています"), "the watch steps");
    fast.must_end_when_asked();

    // Another town does not begin beside the signed record of this one.
    let told = match &place.database {
        DbConfig::Sqlite { .. } => {
            let kept = data.join("town.kept");
            std::fs::rename(data.join("town.db"), &kept).expect("the town is put away");
            let told = refused(demo_command(&place, &["--port", "0", "--data", data.to_str().expect("a plain path")]));
            std::fs::rename(kept, data.join("town.db")).expect("the town is back");
            told
        }
        DbConfig::Postgres { .. } => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tsunagari"));
            let (empty, _) = db::testing::fresh_config().expect("a database");
            let DbConfig::Postgres { url, .. } = &db::testing::owned(&empty) else { panic!("another engine") };
            command.args(["demo", "--port", "0", "--database", url, "--data"]).arg(&data).stdin(Stdio::null());
            refused(command)
        }
    };
    assert!(told.contains("ほかのデータベースにつくった町"), "{told}");

    // A stop in the first moment is heard too.
    Demo::start(&place, &data, "4", "2026-11-20T15:00").must_end_when_asked();
}

/// The addresses on which a process of this machine waits for connections.
fn listeners(process: u32) -> Vec<SocketAddr> {
    let sockets: BTreeSet<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .expect("its open files")
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter_map(|to| Some(to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = Vec::new();
    for (table, words) in [("tcp", 1), ("tcp6", 4)] {
        let text = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // 0A: waiting for connections.
            if columns.len() > 9 && columns[3] == "0A" && sockets.contains(columns[9]) {
                found.push(address(columns[1], words).expect("an address"));
            }
        }
    }
    found
}

/// An address as the kernel writes it: words of four bytes in the machine's order, and the port.
fn address(text: &str, words: usize) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |n: usize| Some(u32::from_str_radix(ip.get(8 * n..8 * n + 8)?, 16).ok()?.to_ne_bytes());
    let bytes: Vec<u8> = (0..words).map(word).collect::<Option<Vec<_>>>()?.concat();
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => v4.into(),
        Err(_) => <[u8; 16]>::try_from(bytes.as_slice()).ok()?.into(),
    };
    Some(SocketAddr::new(ip, port))
}
