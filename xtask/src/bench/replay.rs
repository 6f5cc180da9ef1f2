//! Rows a second through `tsunagari watch replay`, process start and CSV reading included.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::bench::figure::{Better, Figure, median};
use crate::bench::{Setting, recordings};

const ROWS: u64 = 6_000_000;
const QUICK_ROWS: u64 = 1_000_000;
const ROUNDS: usize = 5;

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let folder = &setting.folder;
    let input = folder.join("readings.csv");
    let rows = recordings::write(&setting.recordings, &input, if setting.quick { QUICK_ROWS } else { ROWS })?;
    let bytes = std::fs::metadata(&input)?.len();
    eprintln!("{rows} rows, {} MB", bytes / 1_000_000);

    let mut rates = Vec::new();
    for round in 1..=ROUNDS {
        let began = Instant::now();
        let alerts = replay(setting, &input, &folder.join("alerts.jsonl"))?;
        let rate = rows as f64 / began.elapsed().as_secs_f64();
        eprintln!("round {round}: {rate:.0} rows/s, {alerts} alerts");
        // A program that reads nothing would be very fast.
        ensure!(alerts > 0, "no alert in {rows} rows: the rows were not understood");
        rates.push(rate);
    }
    let value = median(rates);
    Ok(vec![Figure { bench: "replay", metric: "rows_per_s", value, target: Some(1_000_000.0), better: Better::Higher }])
}

fn replay(setting: &Setting, input: &Path, output: &Path) -> Result<usize> {
    let status = Command::new(&setting.program)
        .args(["watch", "replay"])
        .arg(input)
        .stdin(Stdio::null())
        .stdout(File::create(output)?)
        .status()
        .with_context(|| format!("{} does not start", setting.program.display()))?;
    ensure!(status.success(), "watch replay: {status}");
    Ok(std::fs::read_to_string(output)?.lines().filter(|line| line.starts_with('{')).count())
}
