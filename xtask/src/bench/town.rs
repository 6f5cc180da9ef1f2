//! The demo town that several benches measure in. It is built once a run, or taken from the folder that
//! `TSUNAGARI_BENCH_TOWN` names; each bench works on a copy, so that none finds what another left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Setting;
use crate::bench::probe::Running;

const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A copy of the town for the bench of this name.
pub fn copy(setting: &Setting, bench: &str) -> Result<PathBuf> {
    let kept = match std::env::var_os("TSUNAGARI_BENCH_TOWN") {
        Some(kept) => PathBuf::from(kept),
        None => built(setting)?,
    };
    let own = setting.scratch.path().join(bench);
    copy_folder(&kept, &own).with_context(|| format!("{} cannot be copied", kept.display()))?;
    Ok(own)
}

fn built(setting: &Setting) -> Result<PathBuf> {
    let town = setting.scratch.path().join("town-as-built");
    if town.exists() {
        return Ok(town);
    }
    let log = setting.scratch.path().join("town.log");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let data = town.to_str().context("a temporary folder whose name is not UTF-8")?;
    let mut first = Running::start(&setting.program, &["demo", "--data", data], &log)?;
    let took = first.await_answer("/", BUILD_LIMIT).with_context(said)?;
    first.stop(STOP_LIMIT)?;
    eprintln!("town built in {:.1} s", took.as_secs_f64());
    Ok(town)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
