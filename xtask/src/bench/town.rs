//! The demo town that several benches measure in, on the embedded database or on a PostgreSQL server. It is built once a
//! run on each, or taken from the folder that `TSUNAGARI_BENCH_TOWN` names; each bench works on a copy, so that none
//! finds what another left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Setting;
use crate::bench::database::{Base, Engine};
use crate::bench::probe::Running;

const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// For so long the memory of a town that was just built is watched.
pub const WATCHED: Duration = Duration::from_secs(10);

/// A town in its folder and its database.
pub struct Town {
    pub data: PathBuf,
    pub base: Base,
}

/// What the building of a town came to.
#[derive(Clone, Copy)]
pub struct Building {
    pub took: Duration,
    /// The most that the program held while the town that it had built stood, bytes.
    pub held: u64,
}

impl Town {
    /// Starts the program on it.
    pub fn start(&self, program: &Path, more: &[&str], log: &Path) -> Result<Running> {
        let mut arguments = vec!["demo", "--data", text(&self.data)?];
        let address = self.base.address();
        if let Some(address) = &address {
            arguments.extend(["--database", address]);
        }
        arguments.extend(more);
        Running::start(program, &arguments, self.base.authority(), log)
    }
}

/// A copy of the town on the embedded database for the bench of this name.
pub fn copy(setting: &Setting, bench: &str) -> Result<Town> {
    let kept = match std::env::var_os("TSUNAGARI_BENCH_TOWN").filter(|_| setting.is_first()) {
        Some(kept) => PathBuf::from(kept),
        None => as_built(setting, Engine::Sqlite)?,
    };
    let data = setting.folder.join(bench);
    copy_folder(&kept, &data).with_context(|| format!("{} cannot be copied", kept.display()))?;
    Ok(Town { base: Base::File(data.join("town.db")), data })
}

/// The same on the server of this run.
pub fn copy_on_server(setting: &Setting, bench: &str) -> Result<Town> {
    let kept = as_built(setting, Engine::Postgres)?;
    let data = setting.folder.join(format!("{bench}-postgres"));
    copy_folder(&kept, &data)?;
    let base = setting.databases()?.create(&format!("{bench}_copy"), Some(BUILT))?;
    Ok(Town { base, data })
}

/// The server's name of the town that copies are made of.
const BUILT: &str = "town_as_built";

fn as_built(setting: &Setting, engine: Engine) -> Result<PathBuf> {
    build(setting, engine)?;
    Ok(folder(setting, engine))
}

fn folder(setting: &Setting, engine: Engine) -> PathBuf {
    setting.folder.join(match engine {
        Engine::Sqlite => BUILT.to_owned(),
        Engine::Postgres => format!("{BUILT}_postgres"),
    })
}

/// Builds the town, once for each engine.
pub fn build(setting: &Setting, engine: Engine) -> Result<Building> {
    if let Some(building) = setting.built.borrow().get(&engine) {
        return Ok(*building);
    }
    let data = folder(setting, engine);
    let base = match engine {
        Engine::Sqlite => Base::File(data.join("town.db")),
        Engine::Postgres => setting.databases()?.create(BUILT, None)?,
    };
    let log = setting.folder.join("town.log");
    let mut first = Town { data, base }.start(&setting.program, &[], &log)?;
    let took = first.await_answer("/", BUILD_LIMIT).with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
    let held = first.watch_memory(WATCHED)?;
    first.stop(STOP_LIMIT)?;
    eprintln!("town on {engine:?} built in {:.1} s, then {} MB", took.as_secs_f64(), held / 1_000_000);
    let building = Building { took, held };
    setting.built.borrow_mut().insert(engine, building);
    Ok(building)
}

/// What stands, to be started again.
pub fn built(setting: &Setting, engine: Engine) -> Result<Town> {
    let data = as_built(setting, engine)?;
    let base = match engine {
        Engine::Sqlite => Base::File(data.join("town.db")),
        Engine::Postgres => setting.databases()?.named(BUILT),
    };
    Ok(Town { data, base })
}

pub fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a temporary folder whose name is not UTF-8")
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    // As closed to others as it was.
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
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
