//! A disk that fills up, on a real small file system: bulk is refused first, commands go on from the reserve, at last
//! they are refused too; nothing acknowledged is lost, and all of it comes back without a restart.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use base::limits::{DISK_LOW_BYTES, DISK_RESERVE_BYTES, DISK_SPENT_BYTES};
use db::{Db, DbConfig, DbError, Migration, Space, params};

/// Room enough for the reserve to be made and for bulk beside it.
const DISK_BYTES: u64 = DISK_RESERVE_BYTES + 3 * DISK_LOW_BYTES;
const TABLES: &[Migration] =
    &[Migration { name: "test/001", sql: "CREATE TABLE jotting (n BIGINT PRIMARY KEY, word TEXT NOT NULL)" }];
const INSERT: &str = "INSERT INTO jotting (n, word) VALUES ($1, $2)";
/// Bytes of one row.
const ROW: usize = 100_000;

/// A file system in memory, unmounted at the end.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None where this machine does not let us mount one, which is said by name.
    fn mount(test: &str) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk { folder });
        }
        let line = format!("{test}: needs the right to mount a small file system");
        eprintln!("not run: {line}");
        if let Some(list) = std::env::var_os("TSUNAGARI_SKIPPED") {
            let mut list = OpenOptions::new().append(true).create(true).open(list).expect("the list can be written");
            writeln!(list, "{line}").expect("the list can be written");
        }
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path()).expect("the small disk is there");
        stat.f_bavail * stat.f_frsize
    }

    /// Takes all room but `rest` bytes. Each call makes one more file.
    fn fill_up_to(&self, rest: u64) -> PathBuf {
        let name = (0..).map(|n| self.path().join(format!("ballast-{n}"))).find(|name| !name.exists());
        let name = name.expect("a free name");
        let ballast = File::create(&name).expect("room for a name");
        if let Some(bytes) = self.free().checked_sub(rest).filter(|bytes| *bytes > 0) {
            rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, bytes).expect("room for ballast");
        }
        name
    }

    fn empty(&self) {
        for entry in std::fs::read_dir(self.path()).expect("the small disk is there").flatten() {
            if entry.file_name().to_string_lossy().starts_with("ballast") {
                std::fs::remove_file(entry.path()).expect("ballast goes");
            }
        }
    }

    fn has_reserve(&self) -> bool {
        self.path().join("reserve").exists()
    }

    fn open(&self) -> Db {
        Db::open(DbConfig::sqlite(self.path().join("region.db")), &[TABLES]).expect("the region opens")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the threads of a dropped database may still be closing their files.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// This is about the file of the embedded engine; a server watches its own disk.
fn concerns_this_engine() -> bool {
    !db::testing::on_postgres()
}

fn jot(db: &Db, n: i64) -> Result<u64, DbError> {
    db.write_blocking(move |tx| tx.execute(INSERT, params![n, "j".repeat(ROW)]))
}

fn jot_in_bulk(db: &Db, n: i64) -> Result<u64, DbError> {
    db.write_bulk_blocking("rows", move |tx| tx.execute(INSERT, params![n, "b".repeat(ROW)]))
}

fn jottings(db: &Db) -> Vec<i64> {
    let rows = db.read_blocking(|tx| tx.query("SELECT n FROM jotting ORDER BY n", &[])).expect("reading goes on");
    rows.iter().map(|row| row.get(0).expect("a number")).collect()
}

#[test]
fn a_disk_fills_up_step_by_step_and_recovers_without_a_restart() {
    if !concerns_this_engine() {
        return;
    }
    let Some(disk) = SmallDisk::mount("a_disk_fills_up_step_by_step_and_recovers_without_a_restart") else { return };
    let db = disk.open();
    assert_eq!(db.measure_space(), Space::Ample);
    assert!(disk.has_reserve(), "the reserve is made in good times");
    let mut acknowledged = vec![0, 1];
    jot(&db, 0).unwrap();
    jot_in_bulk(&db, 1).unwrap();

    // Room gets low: bulk is refused, commands go on.
    disk.fill_up_to(DISK_LOW_BYTES / 2);
    assert_eq!(db.measure_space(), Space::Low);
    assert!(matches!(jot_in_bulk(&db, 2), Err(DbError::Full)));
    jot(&db, 3).unwrap();
    acknowledged.push(3);
    assert!(disk.has_reserve(), "there is still room beside the reserve");

    // Nothing is left at all, and nobody has measured since: a command releases the reserve and goes on.
    disk.fill_up_to(0);
    for n in 4..40 {
        jot(&db, n).unwrap();
        acknowledged.push(n);
    }
    assert!(!disk.has_reserve(), "commands go on from the reserve");
    assert_eq!(db.space(), Space::Low);
    assert!(matches!(jot_in_bulk(&db, 2), Err(DbError::Full)));

    // The reserve is used up too.
    disk.fill_up_to(DISK_SPENT_BYTES / 2);
    assert_eq!(db.measure_space(), Space::Spent, "looks are to be refused");
    disk.fill_up_to(0);
    let mut refused = Vec::new();
    for n in 40..200 {
        match jot(&db, n) {
            Ok(_) => acknowledged.push(n),
            Err(DbError::Full) => refused.push(n),
            Err(other) => panic!("command {n}: {other}"),
        }
    }
    assert!(refused.len() > 100, "only {} commands were refused", refused.len());
    assert_eq!(db.measure_space(), Space::Spent);
    assert_eq!(jottings(&db), acknowledged, "reading goes on, and nothing acknowledged is lost");

    // Somebody makes room: all of it comes back, the reserve too.
    disk.empty();
    assert_eq!(db.measure_space(), Space::Ample);
    assert!(disk.has_reserve());
    for n in refused {
        jot(&db, n).unwrap();
        acknowledged.push(n);
    }
    jot_in_bulk(&db, 2).unwrap();
    acknowledged.push(2);
    acknowledged.sort_unstable();
    assert_eq!(jottings(&db), acknowledged);
    let said: String = db.read_blocking(|tx| tx.scalar("PRAGMA integrity_check", &[])).unwrap();
    assert_eq!(said, "ok");
}

#[test]
fn a_region_opens_on_a_full_disk_from_its_reserve() {
    if !concerns_this_engine() {
        return;
    }
    let Some(disk) = SmallDisk::mount("a_region_opens_on_a_full_disk_from_its_reserve") else { return };
    let db = disk.open();
    jot(&db, 1).unwrap();
    drop(db);
    wait_until_closed(&disk);
    disk.fill_up_to(0);
    let db = disk.open();
    jot(&db, 2).unwrap();
    assert_eq!(jottings(&db), [1, 2]);
    assert!(matches!(jot_in_bulk(&db, 3), Err(DbError::Full)));
}

#[test]
fn bulk_that_waited_while_room_got_low_is_refused() {
    if !concerns_this_engine() {
        return;
    }
    let Some(disk) = SmallDisk::mount("bulk_that_waited_while_room_got_low_is_refused") else { return };
    let db = disk.open();
    let (started, running) = mpsc::channel::<()>();
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let holder = std::thread::spawn({
        let db = db.clone();
        move || {
            db.write_blocking(move |_| {
                let _ = started.send(());
                let _ = gate.lock().map(|gate| gate.recv());
                Ok::<_, DbError>(())
            })
        }
    });
    running.recv().expect("the writer is held");
    let (about_to_ask, asked) = mpsc::channel::<()>();
    let bulk = std::thread::spawn({
        let db = db.clone();
        move || {
            drop(about_to_ask);
            db.write_bulk_blocking("rows", |tx| tx.execute(INSERT, params![1i64, "b"]))
        }
    });
    // From here on the bulk waits for the writer, or at worst is about to ask; it must be refused in both cases.
    let _ = asked.recv();
    disk.fill_up_to(DISK_LOW_BYTES / 2);
    assert_eq!(db.measure_space(), Space::Low);
    drop(release);
    holder.join().unwrap().unwrap();
    assert!(matches!(bulk.join().unwrap(), Err(DbError::Full)));
    assert!(jottings(&db).is_empty());
}

/// This process holds no file of the region any more. Its log may be left: where two connections close in the same
/// moment, neither is the last one that takes it away.
fn wait_until_closed(disk: &SmallDisk) {
    let held = || {
        let held = std::fs::read_dir("/proc/self/fd").expect("the open files").flatten();
        held.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|to| to.starts_with(disk.path()))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while held() {
        assert!(std::time::Instant::now() < deadline, "the region does not close");
        std::thread::yield_now();
    }
}
