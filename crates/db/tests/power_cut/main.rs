//! What `kill -9` cannot show: a missing fsync. A layer beneath SQLite drops everything that was not synced when the
//! power goes, at a random operation of a random run, and the region is opened again from what is left.
//!
//! `TSUNAGARI_SEED=n` runs one cut again. Commands run on threads of their own, so a seed fixes where the power goes
//! and what survives, not the order of the commands.

#![allow(unsafe_code)] // Only `vfs.rs`: SQLite calls the layer beneath it through C.

mod disk;
mod region;
mod vfs;

use std::path::Path;
use std::time::{Duration, Instant};

use db::Durability;
use disk::{Disk, Image, Unsynced};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use region::{Damage, Known};
use vfs::Mounted;

const CUTS: u64 = 500;
const NAME: &str = "region.db";
const READY_WITHIN: Duration = Duration::from_secs(2);

/// This is about the file under SQLite; a database server syncs its own.
fn concerns_this_engine() -> bool {
    !db::testing::on_postgres()
}

struct Cut {
    seed: u64,
    known: Known,
    damage: Damage,
    /// Whether the power went before the work was done.
    early: bool,
    ready: Duration,
}

/// Two starts of the program with work in between, until the power goes.
fn run(disk: &Mounted, durability: Durability) -> Known {
    let mut known = Known::default();
    for life in 0..2 {
        if disk.disk.is_dark() {
            break;
        }
        region::live(&disk.file(NAME), durability, life, &mut known);
        disk.disk.wait_until_closed();
    }
    known
}

fn cut(seed: u64, operations: u64, durability: Durability, folder: &Path) -> Cut {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Runs differ in length, so that the last cuts may come after the work.
    let at = random.random_range(1..=operations);
    let disk = Mounted::new(Disk::holding(&Image::new(), Some(at)));
    let known = run(&disk, durability);
    let early = disk.disk.is_dark();
    disk.disk.cut();
    let fate = [Unsynced::Gone, Unsynced::Prefix, Unsynced::Scattered][random.random_range(0..3)];
    // One folder for all: the first database opened in it makes the reserve of 64 MB beside it.
    for (name, content) in disk.disk.image(fate, &mut random) {
        std::fs::write(folder.join(format!("{seed}-{name}")), content).expect("room for the image");
    }
    let began = Instant::now();
    let damage = region::examine(&folder.join(format!("{seed}-{NAME}")), &known);
    Cut { seed, known, damage, early, ready: began.elapsed() }
}

fn cuts(durability: Durability) -> Vec<Cut> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // How many commands share a commit is a matter of the moment: the shortest of some runs, or most cuts come too late.
    let uncut = || {
        let whole = Mounted::new(Disk::holding(&Image::new(), None));
        let known = run(&whole, durability);
        assert!(known.commands() > 90, "the uncut run did {} commands", known.commands());
        let operations = whole.disk.operations();
        eprintln!("an uncut run: {} commands, {operations} operations, {} syncs", known.commands(), whole.disk.syncs());
        operations
    };
    let operations = (0..5).map(|_| uncut()).min().expect("some runs");
    let seeds = match std::env::var("TSUNAGARI_SEED") {
        Ok(seed) => vec![seed.parse().expect("TSUNAGARI_SEED is a number")],
        Err(_) => (1..=CUTS).collect(),
    };
    seeds.into_iter().map(|seed| cut(seed, operations, durability, folder.path())).collect()
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    if !concerns_this_engine() {
        return;
    }
    let cuts = cuts(Durability::Full);
    for cut in &cuts {
        let Damage { lost, broken } = &cut.damage;
        assert!(broken.is_empty(), "seed {}: broken: {broken:#?}", cut.seed);
        assert!(lost.is_empty(), "seed {}: lost: {lost:#?}", cut.seed);
        assert!(cut.ready < READY_WITHIN, "seed {}: ready after {:?}", cut.seed, cut.ready);
    }
    let early = cuts.iter().filter(|cut| cut.early).count();
    let acknowledged: usize = cuts.iter().map(|cut| cut.known.commands()).sum();
    eprintln!("{} cuts, {early} before the end of the work, {acknowledged} acknowledged commands", cuts.len());
    assert!(cuts.len() == 1 || early * 5 > cuts.len() * 4, "only {early} cuts came before the end of the work");
}

/// The test above can fail: without the sync at each commit, acknowledged commands vanish, as the engine's manual
/// says; what is left is still whole.
#[test]
fn without_the_sync_at_each_commit_the_same_cuts_lose_acknowledged_commands() {
    if !concerns_this_engine() {
        return;
    }
    let cuts = cuts(Durability::Normal);
    for cut in &cuts {
        assert!(cut.damage.broken.is_empty(), "seed {}: {:#?}", cut.seed, cut.damage.broken);
    }
    let losing = cuts.iter().filter(|cut| !cut.damage.lost.is_empty()).count();
    eprintln!("{losing} of {} cuts lost acknowledged commands", cuts.len());
    assert!(losing > 0, "no cut showed the missing sync");
}
