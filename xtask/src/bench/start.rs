//! How long the demo town takes to be built on either engine and what its program then holds; how long a town that
//! stands takes from the start of the process to the first page, and what is held then: a region starts a thousand times
//! and is founded once.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Setting;
use crate::bench::database::Engine;
use crate::bench::figure::{Better, Figure, median};
use crate::bench::town::{self, Building};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const ROUNDS: usize = 5;
/// Memory after building, of what a second start holds, in percent.
const GIVEN_BACK: f64 = 120.0;

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let building = town::build(setting, Engine::Sqlite)?;
    let (ready, memory) = again(setting, Engine::Sqlite)?;
    let figure = |metric, value, target| Figure { bench: "start", metric, value, target, better: Better::Lower };
    let (seconds, held) = in_figures(building);
    let mut figures = vec![
        figure("ready_ms", ready, Some(1000.0)),
        figure("rss_mb", memory, Some(200.0)),
        figure("town_built_s", seconds, None),
        figure("rss_after_building_mb", held, None),
        figure("rss_after_building_percent", held / memory * 100.0, Some(GIVEN_BACK)),
    ];
    if setting.on_postgres() {
        let building = town::build(setting, Engine::Postgres)?;
        let (ready, memory) = again(setting, Engine::Postgres)?;
        let (seconds, held) = in_figures(building);
        figures.extend([
            figure("postgres_town_built_s", seconds, Some(150.0)),
            figure("postgres_ready_ms", ready, None),
            figure("postgres_rss_mb", memory, None),
            figure("postgres_rss_after_building_mb", held, None),
        ]);
    }
    Ok(figures)
}

fn in_figures(building: Building) -> (f64, f64) {
    (building.took.as_secs_f64(), building.held as f64 / 1e6)
}

/// Milliseconds until it answers, and MB held: medians of some starts.
fn again(setting: &Setting, engine: Engine) -> Result<(f64, f64)> {
    let town = town::built(setting, engine)?;
    let log = setting.folder.join("start.log");
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for round in 1..=if setting.quick { 1 } else { ROUNDS } {
        let mut running = town.start(&setting.program, &[], &log)?;
        let took = running.await_answer("/", START_LIMIT);
        let took = took.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        let bytes = running.watch_memory(if setting.quick { Duration::from_secs(2) } else { town::WATCHED })?;
        running.stop(STOP_LIMIT)?;
        ready.push(took.as_secs_f64() * 1000.0);
        memory.push(bytes as f64 / 1e6);
        eprintln!("{engine:?}, start {round}: ready after {} ms, {} MB", took.as_millis(), bytes / 1_000_000);
    }
    Ok((median(ready), median(memory)))
}
