//! The workshop: runs every test there is, measures, and reads the source for what a compiler does not see.
//! Knows the tools around the product (cargo, Debian, node, PostgreSQL); knows nothing of the product but its command line.

// A command for people: what it finds out goes to the terminal.
#![allow(clippy::print_stdout)]

mod bench;
mod licences;
mod place;
mod postgres;
mod postgres_tls;
mod programs;
mod run;
mod source;
mod spdx;
mod status;
mod steps;
mod suites;
mod summary;
mod tally;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::place::Place;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tests, benches and checks of Tsunagari")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test there is, on both engines and in a browser
    Test(test::Options),
    /// Measure; one JSON line per figure on standard output
    Bench(bench::Options),
    /// Check the source itself: sizes, words, dependencies, links, vendored files
    CheckSource,
    /// Write docs/status.md from the requirements and the tags beside the tests
    Status,
}

fn main() -> ExitCode {
    run::end_children_on_signal();
    match perform(Cli::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<bool> {
    let place = Place::find()?;
    match task {
        Task::Test(options) => test::run(&place, &options),
        Task::Bench(options) => bench::run(&place, &options),
        Task::CheckSource => source::run(&place),
        Task::Status => status::write(&place),
    }
}
