//! The test programs that cargo builds: which there are, and running them, some at a time. Run by ourselves and not by
//! `cargo test`, because a program that asks for no database need not run again on the other engine, and because one
//! that waits leaves its processor to another. Knows nothing of what they test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::run::{self, Outcome};

/// One test program as cargo left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// `db`, or `app::serve` for the tests beside a crate.
    pub name: String,
    pub path: PathBuf,
    /// The folder of its package, in which cargo would run it.
    folder: PathBuf,
}

/// The programs named in `--message-format=json`. Those beside a crate come first: they take longest, and what is short
/// fills the gaps at the end.
pub fn programs(messages: &str) -> Vec<Program> {
    let mut found: Vec<(bool, Program)> = messages
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["profile"]["test"] == true)
        .filter_map(|message| program(&message))
        .collect();
    found.sort_by(|(beside, a), (other, b)| other.cmp(beside).then_with(|| a.name.cmp(&b.name)));
    found.into_iter().map(|(_, program)| program).collect()
}

fn program(message: &Value) -> Option<(bool, Program)> {
    let path = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let target = message["target"]["name"].as_str()?;
    let beside = message["target"]["kind"][0] == "test";
    let package = folder.file_name()?.to_str()?;
    let name = if beside { format!("{package}::{target}") } else { target.to_owned() };
    Some((beside, Program { name, path, folder }))
}

/// Runs them, `at_once` at a time, each shown when it has ended; `prepare` gives each its surroundings.
pub fn run(
    programs: &[Program],
    at_once: usize,
    limit: Duration,
    prepare: &(dyn Fn(&mut Command) + Sync),
) -> Result<Outcome> {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let ended: Mutex<Vec<(String, Result<Outcome>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let mut command = Command::new(&program.path);
                    command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
                    prepare(&mut command);
                    let outcome = run::quietly(&mut command, limit.saturating_sub(began.elapsed()));
                    let text = outcome.as_ref().map_or("", |outcome| &outcome.text);
                    println!("\n-- {} ({:.1} s)\n{text}", program.name, started.elapsed().as_secs_f64());
                    ended
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((program.name.clone(), outcome));
                }
            });
        }
    });
    let mut all = Outcome { ok: true, text: String::new(), complaint: None };
    for (name, outcome) in ended.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        let outcome = outcome?;
        all.ok &= outcome.ok;
        all.text.push_str(&outcome.text);
        all.complaint = all.complaint.or(outcome.complaint.map(|complaint| format!("{name}: {complaint}")));
    }
    Ok(all)
}

/// Those that asked for a database, by the list they left. Without a list nobody knows, and all are to run.
pub fn that_asked(programs: &[Program], list: Option<&str>) -> Vec<Program> {
    let Some(list) = list else { return programs.to_vec() };
    let asked: BTreeSet<&Path> = list.lines().map(Path::new).collect();
    programs.iter().filter(|program| asked.contains(program.path.as_path())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = concat!(
        "   Compiling db v0.1.0\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/db/Cargo.toml\",\"target\":{\"kind\":[\"lib\"],\"name\":\"db\"},\"profile\":{\"test\":false},\"executable\":null}\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/db/Cargo.toml\",\"target\":{\"kind\":[\"lib\"],\"name\":\"db\"},\"profile\":{\"test\":true},\"executable\":\"/t/db-1\"}\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/app/Cargo.toml\",\"target\":{\"kind\":[\"test\"],\"name\":\"serve\"},\"profile\":{\"test\":true},\"executable\":\"/t/serve-1\"}\n",
        "{\"reason\":\"build-finished\",\"success\":true}\n"
    );

    #[test]
    fn test_programs_are_read_from_what_cargo_says_and_long_ones_come_first() {
        let found = programs(MESSAGES);
        assert_eq!(found.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["app::serve", "db"]);
        assert_eq!(found[1].folder, Path::new("/h/crates/db"));
    }

    // shows: 5.6.10 what needs no database is run once
    #[test]
    fn who_asked_for_no_database_is_not_run_again_and_without_a_list_everybody_is() {
        let found = programs(MESSAGES);
        assert_eq!(that_asked(&found, Some("/t/db-1\n/t/db-1\n")), [found[1].clone()]);
        assert_eq!(that_asked(&found, Some("")), []);
        assert_eq!(that_asked(&found, None), found);
    }

    #[test]
    fn one_failing_program_fails_them_all_and_all_are_run() {
        let program = |name: &str, path: &str| Program { name: name.into(), path: path.into(), folder: "/".into() };
        let two = [program("bad", "/bin/false"), program("good", "/bin/true")];
        let outcome = run(&two, 2, Duration::from_secs(60), &|_| {}).unwrap();
        assert!(!outcome.ok);
        assert!(outcome.complaint.is_some_and(|complaint| complaint.starts_with("bad: ")));
        assert!(run(&two[1..], 2, Duration::from_secs(60), &|_| {}).unwrap().ok);
    }
}
