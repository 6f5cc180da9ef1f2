//! `cargo xtask test`: every step in its order, the suites together, each timed, all of them even when one fails.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::place::{Place, in_ci};
use crate::steps::{self, Step, Work, Workbench};
use crate::suites;
use crate::summary::{self, Line};
use crate::tally::Tally;

#[derive(Args)]
pub struct Options {
    /// Also the long rounds: sets TSUNAGARI_LONG=1
    #[arg(long)]
    pub long: bool,
    /// Run only these steps, or all whose name begins so (`test`, `browser`); can be given several times
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// Compilers at a time, test programs and browsers, and threads of each program
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub jobs: usize,
}

/// How a step ended.
pub enum Ended {
    Ran(Tally),
    /// Nothing was tested, for this reason.
    CannotRun(String),
}

/// True if nothing failed, and in CI also nothing was left out.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    let chosen = choose(&options.only)?;
    let mut bench = Workbench::new(place, options)?;
    let (mut lines, mut together) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for step in chosen {
        let work = match step.work {
            Work::Alone(work) => work,
            Work::Together(suite) => {
                together.push((step.name, suite));
                continue;
            }
        };
        println!("\n== {}: {}", step.name, step.about);
        let began = Instant::now();
        let ended = work(&mut bench).unwrap_or_else(|error| Ended::Ran(crate::tally::one(Some(format!("{error:#}")))));
        let line = Line { step: step.name, took: began.elapsed(), ended };
        println!("== {}: {} after {:.1} s", step.name, line.verdict(), line.took.as_secs_f64());
        lines.push(line);
    }
    if !together.is_empty() {
        println!("\n== {}", together.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
        lines.extend(suites::run(&mut bench, &together)?);
    }
    drop(bench);
    Ok(summary::print(&lines, start.elapsed(), in_ci(), place.trim_target()))
}

fn choose(only: &[String]) -> Result<Vec<&'static Step>> {
    if only.is_empty() {
        return Ok(steps::ALL.iter().collect());
    }
    for wanted in only {
        if !steps::ALL.iter().any(|step| step.name.starts_with(wanted.as_str())) {
            let names: Vec<&str> = steps::ALL.iter().map(|step| step.name).collect();
            bail!("no step {wanted}; there are: {}", names.join(", "));
        }
    }
    let is_chosen = |step: &&Step| only.iter().any(|wanted| step.name.starts_with(wanted.as_str()));
    let needs_program = steps::ALL.iter().filter(is_chosen).any(|step| matches!(step.work, Work::Together(_)));
    Ok(steps::ALL.iter().filter(|step| is_chosen(step) || (needs_program && step.name == "build")).collect())
}
