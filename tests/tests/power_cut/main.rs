//! The power goes while homes are heard, buttons pressed and cases worked. The disk beneath SQLite forgets what was not
//! synced (the layer of `crates/db/tests/power_cut`), the watch starts again from what is left, and the gateways send
//! again what nobody acknowledged.
//!
//! `TSUNAGARI_SEED=n` runs one cut again.

#![allow(unsafe_code)] // Only `vfs.rs`: SQLite calls the layer beneath it through C.

#[path = "../../../crates/db/tests/power_cut/disk.rs"]
mod disk;
mod evening;
#[path = "../../../crates/db/tests/power_cut/vfs.rs"]
mod vfs;

use std::path::Path;
use std::time::Duration;

use db::Durability;
use disk::{Disk, Unsynced};
use evening::{Evening, Known};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vfs::Mounted;

const CUTS: u64 = 500;
/// Enough to see that the test can fail.
const CUTS_WITHOUT_SYNC: u64 = 60;
const NAME: &str = "region.db";
const READY_WITHIN: Duration = Duration::from_secs(2);

struct Cut {
    seed: u64,
    known: Known,
    lost: Vec<String>,
    broken: Vec<String>,
    ready: Duration,
}

fn cut(evening: &Evening, seed: u64, operations: u64, durability: Durability, folder: &Path) -> Cut {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let disk = Mounted::new(Disk::holding(&evening.files(NAME), Some(random.random_range(1..=operations))));
    let known = evening.live(&disk.file(NAME), durability);
    disk.disk.wait_until_closed();
    disk.disk.cut();
    let fate = [Unsynced::Gone, Unsynced::Prefix, Unsynced::Scattered][random.random_range(0..3)];
    for (name, content) in disk.disk.image(fate, &mut random) {
        std::fs::write(folder.join(format!("{seed}-{name}")), content).expect("room for the image");
    }
    let file = folder.join(format!("{seed}-{NAME}"));
    let (mut lost, mut broken) = (Vec::new(), Vec::new());
    let ready = evening.examine(&file, &known, &mut lost, &mut broken);
    for end in ["", "-wal", "-shm", "-writer"] {
        let _ = std::fs::remove_file(folder.join(format!("{seed}-{NAME}{end}")));
    }
    Cut { seed, known, lost, broken, ready }
}

fn cuts(durability: Durability, count: u64) -> Vec<Cut> {
    let evening = Evening::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = Mounted::new(Disk::holding(&evening.files(NAME), None));
    let known = evening.live(&whole.file(NAME), durability);
    whole.disk.wait_until_closed();
    let (operations, syncs) = (whole.disk.operations(), whole.disk.syncs());
    assert!(!whole.disk.is_dark() && known.is_whole(), "the uncut run: {known:?}");
    eprintln!("an uncut evening: {operations} operations, {syncs} syncs");
    let seeds = match std::env::var("TSUNAGARI_SEED") {
        Ok(seed) => vec![seed.parse().expect("TSUNAGARI_SEED is a number")],
        Err(_) => (1..=count).collect(),
    };
    seeds.into_iter().map(|seed| cut(&evening, seed, operations, durability, folder.path())).collect()
}

/// This is about the file under SQLite; a database server syncs its own.
fn concerns_this_engine() -> bool {
    !db::testing::on_postgres()
}

#[test]
fn a_power_cut_loses_no_reading_no_alert_and_no_step_of_a_case() {
    if !concerns_this_engine() {
        return;
    }
    let cuts = cuts(Durability::Full, CUTS);
    for cut in &cuts {
        assert!(cut.broken.is_empty(), "seed {}: broken: {:#?}", cut.seed, cut.broken);
        assert!(cut.lost.is_empty(), "seed {}: lost: {:#?}", cut.seed, cut.lost);
        assert!(cut.ready < READY_WITHIN, "seed {}: ready after {:?}", cut.seed, cut.ready);
    }
    let early = cuts.iter().filter(|cut| !cut.known.is_whole()).count();
    let slowest = cuts.iter().map(|cut| cut.ready).max().unwrap_or_default();
    eprintln!("{} cuts, {early} before the end of the evening; ready after {slowest:?} at most", cuts.len());
    assert!(cuts.len() == 1 || early * 4 > cuts.len() * 3, "only {early} cuts came before the end");
}

#[test]
fn without_the_sync_at_each_commit_the_same_evening_loses_what_was_acknowledged() {
    if !concerns_this_engine() {
        return;
    }
    let cuts = cuts(Durability::Normal, CUTS_WITHOUT_SYNC);
    let losing = cuts.iter().filter(|cut| !cut.lost.is_empty()).count();
    eprintln!("{losing} of {} cuts lost what was acknowledged", cuts.len());
    assert!(losing > 0, "no cut showed the missing sync");
}
