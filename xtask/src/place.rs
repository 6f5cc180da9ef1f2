//! Where the repository, the build output and cargo are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Above this the incremental part of the build output is thrown away, bytes.
const TARGET_BYTES: u64 = 25 * 1024 * 1024 * 1024;

pub struct Place {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Build output; outside the checkout unless `CARGO_TARGET_DIR` says otherwise.
    pub target: PathBuf,
    cargo: OsString,
}

impl Place {
    pub fn find() -> Result<Place> {
        let root = root()?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => {
                let home = std::env::var_os("HOME").context("neither CARGO_TARGET_DIR nor HOME is set")?;
                Path::new(&home).join(".cache/tsunagari/target")
            }
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Place { root, target, cargo })
    }

    /// A cargo call in the workspace that writes to the same build output as this one.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        // What the outer cargo says of this workshop's own package; build scripts that look at it (ring's does) would
        // run again, and with them half of the tree be built again.
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"].iter().any(|own| name_text.starts_with(own)) {
                command.env_remove(&name);
            }
        }
        command
    }

    /// What `cargo metadata` says about the workspace and all its dependencies.
    pub fn metadata(&self) -> Result<serde_json::Value> {
        let output = self
            .cargo()
            .args(["metadata", "--format-version", "1", "--locked"])
            .output()
            .context("cargo metadata does not start")?;
        anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The program as the debug build leaves it.
    pub fn debug_binary(&self) -> PathBuf {
        self.target.join("debug/tsunagari")
    }

    /// The program as the release build leaves it.
    pub fn release_binary(&self) -> PathBuf {
        self.target.join("release/tsunagari")
    }

    /// Keeps build output that survives between runs from filling the disk. Returns a warning when it stays too large.
    pub fn trim_target(&self) -> Option<String> {
        if folder_bytes(&self.target) <= TARGET_BYTES {
            return None;
        }
        let _ = std::fs::remove_dir_all(self.target.join("debug/incremental"));
        let bytes = folder_bytes(&self.target);
        let gigabytes = bytes / (1024 * 1024 * 1024);
        (bytes > TARGET_BYTES)
            .then(|| format!("{} holds {gigabytes} GB; remove it when convenient", self.target.display()))
    }
}

/// True where a person is not watching and nothing may be left out.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn root() -> Result<PathBuf> {
    // Asked at run time: build output is shared between checkouts, so a path compiled in may be another checkout's.
    if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR")
        && let Some(root) = Path::new(&folder).parent()
        && root.join("xtask/Cargo.toml").exists()
    {
        return Ok(root.to_path_buf());
    }
    let here = std::env::current_dir()?;
    here.ancestors()
        .find(|folder| folder.join("xtask/Cargo.toml").exists())
        .map(Path::to_path_buf)
        .context("run this inside the repository")
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
