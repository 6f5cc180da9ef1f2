//! `cargo xtask bench`: figures against their targets. Standard output gets one JSON line per figure and nothing else;
//! progress and the table go to standard error. Each bench is one file here and one line in `ALL`.

mod alert_to_screen;
mod alert_to_screen_load;
mod figure;
mod http;
mod ingest;
mod pages;
mod pages_users;
mod probe;
mod publisher;
mod recordings;
mod replay;
mod start;
mod town;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::bench::figure::Figure;
use crate::place::Place;
use crate::run::Scratch;

#[derive(Args)]
pub struct Options {
    /// Which bench, or `all`
    #[arg(value_name = "NAME")]
    name: String,
    /// Smaller and shorter: to see that a bench works, not to publish its figures
    #[arg(long)]
    quick: bool,
}

/// One bench and what it measures.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Setting) -> Result<Vec<Figure>>,
}

const ALL: &[Bench] = &[
    Bench { name: "ingest", about: "readings over MQTT into a region at work", run: ingest::run },
    Bench {
        name: "alert-to-screen",
        about: "sixty deadlines to a browser during 5,000 readings/s",
        run: alert_to_screen::run,
    },
    Bench { name: "replay", about: "recordings through the detector, without a database", run: replay::run },
    Bench {
        name: "pages",
        about: "pages of fifty signed-in users, each with its look in the audit chain",
        run: pages::run,
    },
    Bench { name: "start", about: "the demo town: from the start of the process to the first page", run: start::run },
];

/// Measurements that are promised and have no bench yet. `all` names them and fails.
const NOT_WRITTEN: &[&str] = &[];

/// What every bench gets.
pub struct Setting {
    /// The program under test, built with `--release` unless `TSUNAGARI_BIN` names another.
    pub program: PathBuf,
    /// Writes a region of many homes (`tests/examples/region.rs`).
    pub maker: PathBuf,
    /// Recordings of real homes; absent on most machines.
    pub recordings: PathBuf,
    /// A folder on a real disk for databases and big files; removed afterwards.
    pub scratch: Scratch,
    pub quick: bool,
}

pub fn run(place: &Place, options: &Options) -> Result<bool> {
    let chosen: Vec<&Bench> = ALL.iter().filter(|bench| options.name == "all" || options.name == bench.name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|bench| bench.name).collect();
        let unwritten = if NOT_WRITTEN.contains(&options.name.as_str()) { "is not written yet" } else { "is no bench" };
        bail!("{} {unwritten}; there are: {}, all", options.name, names.join(", "));
    }
    if cfg!(debug_assertions) {
        return run_optimised(place, options);
    }
    let (program, maker) = build(place)?;
    let recordings = place.root.join("../shared/data/sensors");
    let setting = Setting { program, maker, recordings, scratch: Scratch::new("bench")?, quick: options.quick };
    let mut figures = Vec::new();
    let mut failed = Vec::new();
    for bench in chosen {
        eprintln!("== {}: {}", bench.name, bench.about);
        match (bench.run)(&setting) {
            Ok(measured) => {
                measured.iter().for_each(|figure| println!("{}", figure.json()));
                figure::keep(&place.target, bench.name, &measured)?;
                figures.extend(measured);
            }
            Err(error) => {
                eprintln!("{}: {error:#}", bench.name);
                failed.push(bench.name);
            }
        }
    }
    eprint!("{}", figure::table(&figures));
    if options.name == "all" && !NOT_WRITTEN.is_empty() {
        eprintln!("not measured, because not written yet: {}", NOT_WRITTEN.join(", "));
        failed.extend(NOT_WRITTEN);
    }
    if options.quick {
        eprintln!("measured with --quick: these figures say that it works, not how fast it is");
    }
    Ok(failed.is_empty())
}

/// A load generator in a debug build would measure itself, so the workshop is built optimised and called again.
fn run_optimised(place: &Place, options: &Options) -> Result<bool> {
    let built = place.cargo().args(["build", "--release", "--locked", "--quiet", "--package", "xtask"]).status()?;
    ensure!(built.success(), "the release build of xtask failed");
    let mut again = Command::new(place.target.join("release/xtask"));
    again.args(["bench", &options.name]).args(options.quick.then_some("--quick")).current_dir(&place.root);
    again.env("CARGO_TARGET_DIR", &place.target);
    Ok(again.status().context("the release build of xtask does not start")?.success())
}

/// The program and the maker of regions, built together, so that both share what they are built from.
fn build(place: &Place) -> Result<(PathBuf, PathBuf)> {
    let named = std::env::var_os("TSUNAGARI_BIN");
    eprintln!("building with --release");
    let mut cargo = place.cargo();
    cargo.args(["build", "--release", "--locked", "--package", "stories", "--example", "region"]);
    if named.is_none() {
        cargo.args(["--package", "app", "--bin", "tsunagari"]);
    }
    ensure!(cargo.status()?.success(), "the release build failed");
    let maker = place.target.join("release/examples/region");
    Ok((named.map_or_else(|| place.release_binary(), PathBuf::from), maker))
}
