//! `cargo xtask bench`: figures against their targets. Standard output gets one JSON line per figure and nothing else;
//! progress and the table go to standard error. Each bench is one file here and one line in `ALL`.

mod alert_to_screen;
mod alert_to_screen_load;
mod database;
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
mod week;
mod week_desks;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::bench::database::{Databases, Engine};
use crate::bench::figure::Figure;
use crate::bench::town::Building;
use crate::place::Place;
use crate::run::Scratch;
use crate::tools;

#[derive(Args)]
pub struct Options {
    /// Which bench, or `all`
    #[arg(value_name = "NAME")]
    name: String,
    /// Smaller and shorter: to see that a bench works, not to publish its figures
    #[arg(long)]
    quick: bool,
    /// Of `week`: how many times as fast as ours the town's clock runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=240))]
    speed: u16,
    /// Another version of the program, as its release build left it, to be measured in the same run
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
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
    Bench { name: WEEK, about: "memory of the demo town over a week, desks looking", run: week::run },
];

/// Takes hours and is therefore none of `all`.
const WEEK: &str = "week";

/// What every bench gets.
pub struct Setting {
    /// The program under test, built with `--release` unless `TSUNAGARI_BIN` names another.
    pub program: PathBuf,
    /// Writes a region of many homes (`tests/examples/region.rs`), of the same version.
    pub maker: PathBuf,
    /// `--beside`: of an earlier version, which may not know what this one does.
    beside: bool,
    /// Recordings of real homes; absent on most machines.
    pub recordings: PathBuf,
    /// A folder on a real disk for databases and big files; removed afterwards.
    pub folder: PathBuf,
    pub quick: bool,
    /// Of `week`.
    pub speed: u16,
    /// The towns that this program has built.
    pub built: RefCell<BTreeMap<Engine, Building>>,
    databases: OnceCell<Databases>,
}

impl Setting {
    fn new(place: &Place, options: &Options, scratch: &Scratch, beside: Option<&Path>) -> Result<Setting> {
        let (program, maker) = match beside {
            Some(program) => (program.to_owned(), maker_beside(program)),
            None => build(place)?,
        };
        ensure!(program.exists(), "{} is not there", program.display());
        let folder = scratch.path().join(if beside.is_some() { "beside" } else { "here" });
        std::fs::create_dir_all(&folder)?;
        Ok(Setting {
            program,
            maker,
            beside: beside.is_some(),
            recordings: place.root.join("../shared/data/sensors"),
            folder,
            quick: options.quick,
            speed: options.speed,
            built: RefCell::default(),
            databases: OnceCell::new(),
        })
    }

    /// Whether this is the version that the run is about.
    pub fn is_first(&self) -> bool {
        !self.beside
    }

    /// The PostgreSQL server of this run, started when first asked for.
    pub fn databases(&self) -> Result<&Databases> {
        if self.databases.get().is_none() {
            let _ = self.databases.set(Databases::start()?);
        }
        self.databases.get().context("a server of databases")
    }

    /// Whether PostgreSQL is measured: not where it is not installed, nor of an earlier version, which may not speak TLS.
    pub fn on_postgres(&self) -> bool {
        self.is_first() && tools::postgres_bin().is_some()
    }
}

pub fn run(place: &Place, options: &Options) -> Result<bool> {
    let wanted = |bench: &&Bench| options.name == bench.name || options.name == "all" && bench.name != WEEK;
    let chosen: Vec<&Bench> = ALL.iter().filter(wanted).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|bench| bench.name).collect();
        bail!("{} is no bench; there are: {}, all", options.name, names.join(", "));
    }
    if cfg!(debug_assertions) {
        return run_optimised(place, options);
    }
    let scratch = Scratch::new("bench")?;
    let setting = Setting::new(place, options, &scratch, None)?;
    let other =
        options.beside.as_deref().map(|other| Setting::new(place, options, &scratch, Some(other))).transpose()?;
    let (mut figures, mut others, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for bench in chosen {
        eprintln!("== {}: {}", bench.name, bench.about);
        // The other version first: what the machine keeps from it is no help to the one that is judged.
        if let Some(other) = &other {
            eprintln!("-- {}", other.program.display());
            match (bench.run)(other) {
                Ok(measured) => others.extend(measured),
                Err(error) => eprintln!("{} of the other version: {error:#}", bench.name),
            }
            eprintln!("-- {}", setting.program.display());
        }
        match (bench.run)(&setting) {
            Ok(measured) => {
                measured.iter().for_each(|figure| println!("{}", figure.json(figure::of(&others, figure))));
                figure::keep(&place.target, bench.name, &measured, &others)?;
                figures.extend(measured);
            }
            Err(error) => {
                eprintln!("{}: {error:#}", bench.name);
                failed.push(bench.name);
            }
        }
    }
    eprint!("{}", figure::table(&figures, &others));
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
    again.args(["bench", &options.name, "--speed", &options.speed.to_string()]);
    if let Some(beside) = &options.beside {
        again.arg("--beside").arg(std::path::absolute(beside)?);
    }
    again.args(options.quick.then_some("--quick")).current_dir(&place.root);
    again.env("CARGO_TARGET_DIR", &place.target);
    Ok(again.status().context("the release build of xtask does not start")?.success())
}

/// The program and the maker of regions, built together, so that both share what they are built from. Another program's
/// maker lies where cargo leaves it, beside it.
fn build(place: &Place) -> Result<(PathBuf, PathBuf)> {
    if let Some(named) = std::env::var_os("TSUNAGARI_BIN").map(PathBuf::from) {
        let maker = maker_beside(&named);
        return Ok((named, maker));
    }
    eprintln!("building with --release");
    let mut cargo = place.cargo();
    cargo.args(["build", "--release", "--locked", "--package", "stories", "--example", "region"]);
    cargo.args(["--package", "app", "--bin", "tsunagari"]);
    ensure!(cargo.status()?.success(), "the release build failed");
    Ok((place.release_binary(), maker_beside(&place.release_binary())))
}

fn maker_beside(program: &Path) -> PathBuf {
    program.with_file_name("examples").join("region")
}
