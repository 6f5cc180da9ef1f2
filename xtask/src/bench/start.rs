//! How long the demo town takes from the start of the process to its first page, and how much memory it then holds.
//! The town is built once, outside the measurement: a region starts a thousand times and is founded once.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Setting;
use crate::bench::figure::{Better, Figure, median};
use crate::bench::probe::Running;

const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const ROUNDS: usize = 5;

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let data = setting.scratch.path().join("town");
    let log = setting.scratch.path().join("start.log");
    let data = data.to_str().context("a temporary folder whose name is not UTF-8")?;
    let arguments = ["demo", "--data", data];
    let said = || std::fs::read_to_string(&log).unwrap_or_default();

    let mut first = Running::start(&setting.program, &arguments, &log)?;
    let took = first.await_answer("/", BUILD_LIMIT).with_context(said)?;
    eprintln!("town built in {:.1} s", took.as_secs_f64());
    first.stop(STOP_LIMIT)?;

    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for round in 1..=if setting.quick { 1 } else { ROUNDS } {
        let mut town = Running::start(&setting.program, &arguments, &log)?;
        let took = town.await_answer("/", START_LIMIT).with_context(said)?;
        let bytes = town.watch_memory(Duration::from_secs(if setting.quick { 2 } else { 10 }))?;
        town.stop(STOP_LIMIT)?;
        ready.push(took.as_secs_f64() * 1000.0);
        memory.push(bytes as f64 / 1_000_000.0);
        eprintln!("round {round}: ready after {} ms, {} MB", took.as_millis(), bytes / 1_000_000);
    }
    let figure = |metric, values, target| Figure {
        bench: "start",
        metric,
        value: median(values),
        target: Some(target),
        better: Better::Lower,
    };
    Ok(vec![figure("ready_ms", ready, 1000.0), figure("rss_mb", memory, 200.0)])
}
