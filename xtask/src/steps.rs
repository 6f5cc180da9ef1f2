//! The steps of `cargo xtask test`, and what they share: the place, the options, the private database server.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::licences;
use crate::place::Place;
use crate::postgres::Server;
use crate::run::{self, Outcome, Scratch};
use crate::source;
use crate::suite::{self, Program};
use crate::tally::{self, Tally};
use crate::test::{Ended, Options};
use crate::tools;

pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    /// Needs the program itself or its tests, so `build` comes before it.
    pub needs_program: bool,
    pub run: fn(&mut Workbench) -> Result<Ended>,
}

const fn step(name: &'static str, about: &'static str, run: fn(&mut Workbench) -> Result<Ended>) -> Step {
    Step { name, about, needs_program: false, run }
}

const fn story(name: &'static str, about: &'static str, run: fn(&mut Workbench) -> Result<Ended>) -> Step {
    Step { name, about, needs_program: true, run }
}

pub const ALL: &[Step] = &[
    step("tools", "what the tests need from the machine", look_for_tools),
    step("source", "the source itself", check_source),
    step("format", "cargo fmt", check_format),
    step("clippy", "cargo clippy, warnings are errors", check_clippy),
    step("licences", "licences, sources and TLS of the dependencies", check_licences),
    step("build", "the program and all its tests, once for both engines", build),
    story("test-sqlite", "all tests, on SQLite", |bench| cargo_test(bench, Engine::Sqlite)),
    story("test-postgres", "tests that ask for a database, on PostgreSQL", |bench| cargo_test(bench, Engine::Postgres)),
    story("browser-sqlite", "stories in a browser, on SQLite", |bench| browser_test(bench, Engine::Sqlite)),
    story("browser-postgres", "stories about data in a browser, on PostgreSQL", |bench| {
        browser_test(bench, Engine::Postgres)
    }),
];

/// One run's workbench. Dropping it stops the database server.
pub struct Workbench<'a> {
    place: &'a Place,
    long: bool,
    jobs: usize,
    scratch: Scratch,
    server: Option<Server>,
    /// The test programs, once they are built.
    programs: Vec<Program>,
    /// The build failed, so the program in the folder is an older one and proves nothing.
    stale: bool,
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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// Longer than this and something hangs.
const CHECK_LIMIT: Duration = Duration::from_secs(30 * 60);
const TEST_LIMIT: Duration = Duration::from_secs(45 * 60);
const LONG_LIMIT: Duration = Duration::from_secs(8 * 60 * 60);
/// One browser story, milliseconds.
const STORY_LIMIT_MS: u64 = 5 * 60 * 1000;

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
    bench.programs = suite::programs(&outcome.text);
    Ok(Ended::Ran(tally::one(complaint(outcome))))
}

/// All tests on the first engine; on the second those of programs that asked for a database.
fn cargo_test(bench: &mut Workbench, engine: Engine) -> Result<Ended> {
    if bench.stale {
        return Ok(Ended::CannotRun("the tests were not built".to_owned()));
    }
    let mut surroundings = Command::new("true");
    if let Some(reason) = prepare(bench, &mut surroundings, engine)? {
        return Ok(Ended::CannotRun(reason));
    }
    let asked = bench.asked_list();
    let programs = match engine {
        Engine::Sqlite => {
            std::fs::write(&asked, "")?;
            surroundings.env("TSUNAGARI_TEST_ASKED", &asked);
            bench.programs.clone()
        }
        Engine::Postgres => suite::that_asked(&bench.programs, std::fs::read_to_string(&asked).ok().as_deref()),
    };
    let left: Vec<&str> =
        bench.programs.iter().filter(|it| !programs.contains(it)).map(|it| it.name.as_str()).collect();
    if !left.is_empty() {
        println!("ask for no database, and are not run again: {}", left.join(", "));
    }
    let give = |command: &mut Command| {
        for (name, value) in surroundings.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    };
    let outcome = suite::run(&programs, bench.jobs, limit(bench), &give)?;
    finish(bench, outcome, tally::cargo)
}

fn browser_test(bench: &mut Workbench, engine: Engine) -> Result<Ended> {
    if bench.stale {
        return Ok(Ended::CannotRun("the program was not built".to_owned()));
    }
    if let Some(reason) = tools::browser_obstacle(bench.place) {
        return Ok(Ended::CannotRun(reason));
    }
    let files = stories(bench.place, engine)?;
    if files.is_empty() {
        return Ok(Ended::CannotRun("tests/browser holds no story yet (*.test.mjs)".to_owned()));
    }
    let mut command = Command::new("node");
    command.current_dir(&bench.place.root).args(["--test", "--test-reporter=spec"]);
    command.arg(format!("--test-concurrency={}", bench.jobs));
    if !bench.long {
        command.arg(format!("--test-timeout={STORY_LIMIT_MS}"));
    }
    command.args(&files);
    if let Some(reason) = prepare(bench, &mut command, engine)? {
        return Ok(Ended::CannotRun(reason));
    }
    let pictures =
        bench.place.target.join("pictures").join(if engine == Engine::Sqlite { "sqlite" } else { "postgres" });
    if std::env::var_os("TSUNAGARI_PICTURES").is_none() {
        command.env("TSUNAGARI_PICTURES", pictures);
    }
    let outcome = run::run(&mut command, limit(bench))?;
    finish(bench, outcome, tally::node)
}

/// What every test may ask of its surroundings. Returns why it cannot have it.
fn prepare(bench: &mut Workbench, command: &mut Command, engine: Engine) -> Result<Option<String>> {
    command.env("CARGO_BUILD_JOBS", bench.jobs.to_string()).env("RUST_TEST_THREADS", bench.jobs.to_string());
    command.env("TSUNAGARI_BIN", bench.place.debug_binary()).env("TSUNAGARI_SKIPPED", bench.skipped_list());
    if bench.stale {
        command.env_remove("TSUNAGARI_BIN");
    }
    command.env_remove("TSUNAGARI_LONG").env_remove("TSUNAGARI_TEST_POSTGRES").env_remove("TSUNAGARI_TEST_ASKED");
    if bench.long {
        command.env("TSUNAGARI_LONG", "1");
    }
    command.env("PATH", tools::wide_path());
    std::fs::write(bench.skipped_list(), "")?;
    if engine == Engine::Sqlite {
        return Ok(None);
    }
    if bench.server.is_none() {
        let Some(bin) = tools::postgres_bin() else { return Ok(Some("PostgreSQL is missing".to_owned())) };
        bench.server = Some(Server::start(&bin)?);
    }
    command.envs(bench.server.iter().map(|server| ("TSUNAGARI_TEST_POSTGRES", server.connection())));
    Ok(None)
}

fn finish(bench: &Workbench, outcome: Outcome, read: fn(&str) -> Tally) -> Result<Ended> {
    let mut tally = read(&outcome.text);
    tally::count_left_out(&mut tally, &std::fs::read_to_string(bench.skipped_list())?);
    // A runner that fell over, or never ran, has counted no failure of its own.
    if outcome.ok && tally.passed == 0 {
        tally += &tally::one(Some("ran, but reported no test".to_owned()));
    } else if !outcome.ok && tally.failed == 0 {
        tally += &tally::one(complaint(outcome));
    }
    Ok(Ended::Ran(tally))
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

fn limit(bench: &Workbench) -> Duration {
    if bench.long { LONG_LIMIT } else { TEST_LIMIT }
}

/// A story that begins its reason with these words is told on the first engine only.
const ONE_ENGINE: &str = "// One engine is enough:";

fn stories(place: &Place, engine: Engine) -> Result<Vec<PathBuf>> {
    let folder = place.root.join("tests/browser");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .filter(|path| {
            engine == Engine::Sqlite || !std::fs::read_to_string(path).is_ok_and(|it| it.contains(ONE_ENGINE))
        })
        .collect();
    files.sort();
    Ok(files)
}

impl Workbench<'_> {
    /// A test that finds it cannot run appends a line `name: reason` here; a pass that tested nothing is then not counted.
    fn skipped_list(&self) -> PathBuf {
        self.scratch.path().join("skipped")
    }

    /// Test programs that asked for a database leave a line here.
    fn asked_list(&self) -> PathBuf {
        self.scratch.path().join("asked")
    }
}
