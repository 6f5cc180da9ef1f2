//! The steps of `cargo xtask test`, and what they share: the place, the options, the private database server.

use std::time::Duration;

use anyhow::Result;

use crate::licences;
use crate::place::Place;
use crate::postgres::Server;
use crate::programs::{self, Program};
use crate::run::{self, Outcome, Scratch};
use crate::source;
use crate::suites::{Engine, Kind, Suite};
use crate::tally::{self, Tally};
use crate::test::{Ended, Options};
use crate::tools;

pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    pub work: Work,
}

pub enum Work {
    Alone(fn(&mut Workbench) -> Result<Ended>),
    /// Together with the other suites; needs the program itself or its tests, so `build` comes before it.
    Together(Suite),
}

const fn step(name: &'static str, about: &'static str, run: fn(&mut Workbench) -> Result<Ended>) -> Step {
    Step { name, about, work: Work::Alone(run) }
}

const fn suite(name: &'static str, about: &'static str, kind: Kind, engine: Engine) -> Step {
    Step { name, about, work: Work::Together(Suite { kind, engine }) }
}

pub const ALL: &[Step] = &[
    step("tools", "what the tests need from the machine", look_for_tools),
    step("source", "the source itself", check_source),
    step("format", "cargo fmt", check_format),
    step("clippy", "cargo clippy, warnings are errors", check_clippy),
    step("licences", "licences, sources and TLS of the dependencies", check_licences),
    step("build", "the program and all its tests, once for both engines", build),
    suite("test-sqlite", "all tests, on SQLite", Kind::Tests, Engine::Sqlite),
    suite("test-postgres", "tests that ask for a database, on PostgreSQL", Kind::Tests, Engine::Postgres),
    suite("browser-sqlite", "stories in a browser, on SQLite", Kind::Stories, Engine::Sqlite),
    suite("browser-postgres", "stories about data in a browser, on PostgreSQL", Kind::Stories, Engine::Postgres),
];

/// One run's workbench. Dropping it stops the database server.
pub struct Workbench<'a> {
    pub place: &'a Place,
    pub long: bool,
    pub jobs: usize,
    pub scratch: Scratch,
    pub server: Option<Server>,
    /// The test programs, once they are built.
    pub programs: Vec<Program>,
    /// The build failed, so the program in the folder is an older one and proves nothing.
    pub stale: bool,
}

impl<'a> Workbench<'a> {
    pub fn new(place: &'a Place, options: &Options) -> Result<Workbench<'a>> {
        Ok(Workbench {
            place,
            long: options.long,
            jobs: options.jobs.max(1),
            scratch: Scratch::new("test")?,
            server: None,
            programs: Vec::new(),
            stale: false,
        })
    }

    /// Starts the database server of this run, if it is not there yet; false where none is installed.
    pub fn start_server(&mut self) -> Result<bool> {
        if self.server.is_none() {
            let Some(bin) = tools::postgres_bin() else { return Ok(false) };
            self.server = Some(Server::start(&bin)?);
        }
        Ok(true)
    }
}

/// Longer than this and something hangs.
const CHECK_LIMIT: Duration = Duration::from_secs(30 * 60);

fn look_for_tools(bench: &mut Workbench) -> Result<Ended> {
    if tools::missing(bench.place).is_empty() {
        return Ok(Ended::Ran(tally::one(None)));
    }
    // What could not be installed is in the list below; why, stands above it.
    if tools::is_root()
        && let Err(error) = tools::install(bench.place)
    {
        println!("{error:#}");
    }
    let missing = tools::missing(bench.place);
    if missing.is_empty() {
        return Ok(Ended::Ran(tally::one(None)));
    }
    println!("Please install:");
    for line in &missing {
        println!("  {line}");
    }
    Ok(Ended::CannotRun(format!("missing: {}", missing.join("; "))))
}

fn check_source(bench: &mut Workbench) -> Result<Ended> {
    let findings = source::findings(bench.place)?;
    source::print(&findings);
    let errors: Vec<String> = findings.into_iter().filter(|it| !it.warning).map(|it| it.text).collect();
    Ok(Ended::Ran(of_list(errors)))
}

fn check_licences(bench: &mut Workbench) -> Result<Ended> {
    let problems = licences::problems(bench.place)?;
    for line in &problems {
        println!("error: {line}");
    }
    Ok(Ended::Ran(of_list(problems)))
}

fn check_format(bench: &mut Workbench) -> Result<Ended> {
    check(bench, &["fmt", "--all", "--check"])
}

/// Twice: with the tests, and the product as it is shipped, in which nothing that only tests use is turned on.
fn check_clippy(bench: &mut Workbench) -> Result<Ended> {
    let warnings = ["--locked", "--", "-D", "warnings"];
    let product = check(bench, &[&["clippy", "--package", "app"][..], &warnings].concat())?;
    let all = check(bench, &[&["clippy", "--workspace", "--all-targets"][..], &warnings].concat())?;
    let (Ended::Ran(mut tally), Ended::Ran(more)) = (product, all) else { unreachable!("clippy always runs") };
    tally += &more;
    Ok(Ended::Ran(tally))
}

/// One call for the program and for all tests: with two, crates that several of them use would be built twice, once
/// with each set of features.
fn build(bench: &mut Workbench) -> Result<Ended> {
    let mut command = bench.place.cargo();
    command.args(["test", "--workspace", "--no-run", "--locked", "--message-format=json-render-diagnostics"]);
    command.env("CARGO_BUILD_JOBS", bench.jobs.to_string());
    let outcome = run::read(&mut command, CHECK_LIMIT)?;
    bench.stale = !outcome.ok;
    bench.programs = programs::programs(&outcome.text);
    Ok(Ended::Ran(tally::one(complaint(outcome))))
}

fn check(bench: &Workbench, arguments: &[&str]) -> Result<Ended> {
    let mut command = bench.place.cargo();
    command.args(arguments).env("CARGO_BUILD_JOBS", bench.jobs.to_string());
    let outcome = run::run(&mut command, CHECK_LIMIT)?;
    Ok(Ended::Ran(tally::one(complaint(outcome))))
}

/// Why a command failed, with the first thing it called an error.
fn complaint(outcome: Outcome) -> Option<String> {
    let first = outcome.text.lines().find(|line| line.starts_with("error") || line.starts_with("Diff in "));
    outcome.complaint.map(|complaint| match first {
        Some(first) => format!("{complaint}; {first}"),
        None => complaint,
    })
}

fn of_list(problems: Vec<String>) -> Tally {
    if problems.is_empty() {
        return tally::one(None);
    }
    Tally { failed: problems.len() as u64, failures: problems, ..Tally::default() }
}
