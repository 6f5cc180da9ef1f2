//! The four long steps: all tests and all stories in a browser, on either engine. What they wait for is mostly time
//! itself, so all of it goes into one queue, of which as many are taken at a time as was asked for; what took longest in
//! the last run begins first. Each is shown when it has ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::programs::Program;
use crate::run::{self, Outcome};
use crate::steps::Workbench;
use crate::summary::Line;
use crate::tally::{self, Tally};
use crate::test::Ended;
use crate::tools;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Tests,
    Stories,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Suite {
    pub kind: Kind,
    pub engine: Engine,
}

/// Longer than this and something hangs.
const LIMIT: Duration = Duration::from_secs(45 * 60);
const LONG_LIMIT: Duration = Duration::from_secs(8 * 60 * 60);
/// One file of browser stories, milliseconds.
const STORY_LIMIT_MS: u64 = 10 * 60 * 1000;
/// A story that begins its reason with these words is told on the first engine only.
const ONE_ENGINE: &str = "// One engine is enough:";
/// And one that begins it so, on the second only: it needs a database that can be away from the program.
const SERVER_ONLY: &str = "// It needs a server:";

/// What one place at the queue takes: a program of tests, or a file of stories.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    name: String,
    what: What,
    /// One after the other; a program that asked the first for no database is not run on the second.
    on: Vec<Engine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Program(Program),
    File(PathBuf),
}

/// What a suite came to.
#[derive(Default)]
struct Sum {
    took: Duration,
    tally: Tally,
    /// Programs that need no database.
    left: Vec<String>,
}

/// What has ended so far.
struct Book {
    sums: BTreeMap<Suite, Sum>,
    /// How long each run took, in this and in earlier runs, seconds.
    took: BTreeMap<String, f64>,
}

/// Runs these suites together; a line for each, with the time that its parts took one by one.
pub fn run(bench: &mut Workbench, suites: &[(&'static str, Suite)]) -> Result<Vec<Line>> {
    let (mut obstacles, mut able) = (BTreeMap::new(), Vec::new());
    for (_, suite) in suites {
        match obstacle(bench, *suite)? {
            Some(reason) => drop(obstacles.insert(*suite, reason)),
            None => able.push(*suite),
        }
    }
    let times = bench.place.target.join("test-times.json");
    let took = fs::read(&times).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let mut jobs = jobs(bench, &able)?;
    longest_first(&mut jobs, &took);
    let book = Mutex::new(Book { sums: BTreeMap::new(), took });
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..bench.jobs {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(bench, job, began, &book);
                }
            });
        }
    });
    let Book { mut sums, took } = book.into_inner().unwrap_or_else(PoisonError::into_inner);
    fs::write(&times, serde_json::to_vec_pretty(&took)?)?;
    Ok(suites
        .iter()
        .map(|(step, suite)| match obstacles.remove(suite) {
            Some(reason) => Line { step, took: Duration::ZERO, ended: Ended::CannotRun(reason) },
            None => line(step, sums.remove(suite).unwrap_or_default()),
        })
        .collect())
}

fn line(step: &'static str, mut sum: Sum) -> Line {
    if !sum.left.is_empty() {
        sum.left.sort_unstable();
        println!("\n{step}: ask for no database, and are not run again: {}", sum.left.join(", "));
    }
    if sum.tally.passed == 0 && sum.tally.failed == 0 {
        sum.tally += &tally::one(Some("ran, but reported no test".to_owned()));
    }
    Line { step, took: sum.took, ended: Ended::Ran(sum.tally) }
}

fn obstacle(bench: &mut Workbench, suite: Suite) -> Result<Option<String>> {
    if bench.stale {
        return Ok(Some("the program and its tests were not built".to_owned()));
    }
    if suite.kind == Kind::Stories
        && let Some(reason) = tools::browser_obstacle(bench.place)
    {
        return Ok(Some(reason));
    }
    if suite.engine == Engine::Postgres && !bench.start_server()? {
        return Ok(Some("PostgreSQL is missing".to_owned()));
    }
    Ok(None)
}

fn jobs(bench: &Workbench, suites: &[Suite]) -> Result<Vec<Job>> {
    let on = |kind: Kind| suites.iter().filter(move |suite| suite.kind == kind).map(|suite| suite.engine);
    let mut jobs = Vec::new();
    for engine in on(Kind::Stories) {
        jobs.extend(stories(&bench.place.root, engine)?.into_iter().map(|file| Job {
            name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            what: What::File(file),
            on: vec![engine],
        }));
    }
    let mut engines: Vec<Engine> = on(Kind::Tests).collect();
    engines.sort_unstable();
    if !engines.is_empty() {
        jobs.extend(bench.programs.iter().map(|program| Job {
            name: program.name.clone(),
            what: What::Program(program.clone()),
            on: engines.clone(),
        }));
    }
    Ok(jobs)
}

fn stories(root: &Path, engine: Engine) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("tests/browser"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .filter(|path| !fs::read_to_string(path).is_ok_and(|story| is_left_out(&story, engine)))
        .collect();
    files.sort();
    Ok(files)
}

fn is_left_out(story: &str, engine: Engine) -> bool {
    story.contains(match engine {
        Engine::Sqlite => SERVER_ONLY,
        Engine::Postgres => ONE_ENGINE,
    })
}

/// What was never run may be the longest.
fn longest_first(jobs: &mut [Job], known: &BTreeMap<String, f64>) {
    let expected = |job: &Job| -> f64 {
        job.on.iter().map(|engine| known.get(&run_name(job, *engine)).copied().unwrap_or(f64::INFINITY)).sum()
    };
    jobs.sort_by(|a, b| expected(b).total_cmp(&expected(a)));
}

fn run_name(job: &Job, engine: Engine) -> String {
    format!("{} {engine:?}", job.name)
}

/// One job on each of its engines.
fn work(bench: &Workbench, job: &Job, began: Instant, book: &Mutex<Book>) {
    let kind = if matches!(job.what, What::Program(_)) { Kind::Tests } else { Kind::Stories };
    let mut goes_on = true;
    for engine in &job.on {
        let (suite, name) = (Suite { kind, engine: *engine }, run_name(job, *engine));
        if !goes_on {
            locked(book).leave_out(suite, name, job.name.clone());
            continue;
        }
        let ran = run_once(bench, job, suite, &name, began);
        goes_on = ran.goes_on;
        println!("\n-- {name} ({:.1} s)\n{}", ran.took.as_secs_f64(), ran.text);
        locked(book).enter(suite, name, &ran);
    }
}

/// What one run came to.
struct Ran {
    took: Duration,
    text: String,
    tally: Tally,
    /// It is to be run on the next engine too.
    goes_on: bool,
}

fn run_once(bench: &Workbench, job: &Job, suite: Suite, name: &str, began: Instant) -> Ran {
    let started = Instant::now();
    let limit = if bench.long { LONG_LIMIT } else { LIMIT }.saturating_sub(began.elapsed());
    let told = Told::in_folder(&bench.scratch.path().join(name.replace([' ', ':'], "-")));
    let ended = told.and_then(|told| Ok((run::quietly(&mut command(bench, &job.what, suite, &told), limit)?, told)));
    let took = started.elapsed();
    match ended {
        Ok((outcome, told)) => {
            let goes_on = suite.kind == Kind::Stories || told.asked_for_a_database();
            Ran { took, text: outcome.text.clone(), tally: told.count(suite.kind, &job.name, outcome), goes_on }
        }
        Err(error) => Ran { took, text: String::new(), tally: tally::one(Some(format!("{error:#}"))), goes_on: true },
    }
}

fn locked(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    fn enter(&mut self, suite: Suite, run: String, ran: &Ran) {
        self.took.insert(run, ran.took.as_secs_f64());
        let sum = self.sums.entry(suite).or_default();
        sum.took += ran.took;
        sum.tally += &ran.tally;
    }

    fn leave_out(&mut self, suite: Suite, run: String, job: String) {
        self.took.insert(run, 0.0);
        self.sums.entry(suite).or_default().left.push(job);
    }
}

/// What a run leaves besides its words.
struct Told {
    /// A test that finds it cannot run appends a line `name: reason`; a pass that tested nothing is then not counted.
    skipped: PathBuf,
    /// Not empty if it asked for a database.
    asked: PathBuf,
}

impl Told {
    fn in_folder(folder: &Path) -> Result<Told> {
        fs::create_dir_all(folder)?;
        let told = Told { skipped: folder.join("skipped"), asked: folder.join("asked") };
        fs::write(&told.skipped, "")?;
        fs::write(&told.asked, "")?;
        Ok(told)
    }

    fn asked_for_a_database(&self) -> bool {
        // Who cannot tell is run again.
        fs::read(&self.asked).map_or(true, |list| !list.is_empty())
    }

    fn count(&self, kind: Kind, name: &str, outcome: Outcome) -> Tally {
        let mut tally = if kind == Kind::Tests { tally::cargo(&outcome.text) } else { tally::node(&outcome.text) };
        tally::count_left_out(&mut tally, &fs::read_to_string(&self.skipped).unwrap_or_default());
        // A runner that fell over has counted no failure of its own.
        if !outcome.ok && tally.failed == 0 {
            tally += &tally::one(Some(format!("{name}: {}", outcome.complaint.unwrap_or_default())));
        }
        tally
    }
}

/// What every test may ask of its surroundings.
fn command(bench: &Workbench, what: &What, suite: Suite, told: &Told) -> Command {
    let mut command = match what {
        What::Program(program) => program.command(),
        What::File(file) => {
            let mut node = Command::new("node");
            node.current_dir(&bench.place.root).args(["--test", "--test-reporter=spec"]);
            if !bench.long {
                node.arg(format!("--test-timeout={STORY_LIMIT_MS}"));
            }
            node.arg(file);
            node
        }
    };
    command.env("CARGO_BUILD_JOBS", bench.jobs.to_string()).env("RUST_TEST_THREADS", bench.jobs.to_string());
    command.env("TSUNAGARI_BIN", bench.place.debug_binary()).env("PATH", tools::wide_path());
    command.env("TSUNAGARI_SKIPPED", &told.skipped).env("TSUNAGARI_TEST_ASKED", &told.asked);
    command.env_remove("TSUNAGARI_LONG").env_remove("TSUNAGARI_TEST_POSTGRES");
    if bench.long {
        command.env("TSUNAGARI_LONG", "1");
    }
    let server = bench.server.as_ref().filter(|_| suite.engine == Engine::Postgres);
    command.envs(server.map(|server| ("TSUNAGARI_TEST_POSTGRES", server.connection())));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        Job { name: name.into(), what: What::File(name.into()), on: vec![Engine::Sqlite, Engine::Postgres] }
    }

    #[test]
    fn what_is_not_known_begins_first_and_then_what_took_longest_on_both_engines() {
        let mut jobs = [job("short"), job("long"), job("new")];
        let times = [("short Sqlite", 3.0), ("short Postgres", 4.0), ("long Sqlite", 1.0), ("long Postgres", 9.0)];
        longest_first(&mut jobs, &times.map(|(name, seconds)| (name.to_owned(), seconds)).into());
        assert_eq!(jobs.map(|job| job.name), ["new", "long", "short"]);
    }

    #[test]
    fn a_story_is_told_where_it_can_be() {
        let left_out = |story: &str| [Engine::Sqlite, Engine::Postgres].map(|engine| is_left_out(story, engine));
        assert_eq!(left_out("// A story.\n"), [false, false]);
        assert_eq!(left_out("// A page.\n// One engine is enough: it draws the same.\n"), [false, true]);
        assert_eq!(left_out("// A page.\n// It needs a server: nothing else goes away.\n"), [true, false]);
    }

    // shows: 5.6.10 what needs no database is run once
    #[test]
    fn who_asked_for_no_database_is_not_run_again_and_who_cannot_tell_is() {
        let folder = tempfile::tempdir().unwrap();
        let told = Told::in_folder(folder.path()).unwrap();
        assert!(!told.asked_for_a_database());
        fs::write(&told.asked, "/t/db-1\n").unwrap();
        assert!(told.asked_for_a_database());
        fs::remove_file(&told.asked).unwrap();
        assert!(told.asked_for_a_database());
    }

    #[test]
    fn a_program_that_fell_over_is_a_failure_and_a_pass_that_tested_nothing_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let told = Told::in_folder(folder.path()).unwrap();
        let ended = |ok: bool, text: &str| Outcome { ok, text: text.into(), complaint: Some("signal 9".into()) };
        let fell = told.count(Kind::Tests, "db", ended(false, ""));
        assert_eq!(fell.failures, ["db: signal 9"]);
        fs::write(&told.skipped, "replay: no recordings\n").unwrap();
        let passed = told.count(Kind::Stories, "story", ended(true, "ℹ pass 1\n"));
        assert_eq!((passed.passed, passed.skipped, passed.failed), (0, 1, 0));
    }
}
