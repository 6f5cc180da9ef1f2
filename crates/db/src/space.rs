//! A disk that fills up: a reserve, allocated in good times beside the embedded database, keeps the record of what
//! matters going. While space is low, bulk (readings, imports, files) is refused; audit, case steps, timers and sign-in
//! go on, at last from the released reserve; when that is spent too, even looks are refused. All of it recovers by
//! itself when space returns.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use base::limits::{DISK_LOW_BYTES, DISK_RESERVE_BYTES, DISK_SPENT_BYTES};

use crate::DbConfig;

/// How much room there is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Space {
    Ample,
    /// Bulk is refused.
    Low,
    /// The reserve is used up: looks are refused too.
    Spent,
}

/// Watches the disk of an embedded database; for a database server it only remembers that the server's disk was full.
pub(crate) struct Disk {
    folder: Option<PathBuf>,
    state: AtomicU8,
    /// Held while the reserve is made or released.
    reserve: Mutex<()>,
}

impl Disk {
    pub(crate) fn of(config: &DbConfig) -> Disk {
        let folder = match config {
            DbConfig::Sqlite { file, .. } => {
                Some(file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned())
            }
            DbConfig::Postgres { .. } => None,
        };
        Disk { folder, state: AtomicU8::new(0), reserve: Mutex::new(()) }
    }

    pub(crate) fn space(&self) -> Space {
        match self.state.load(Ordering::Relaxed) {
            0 => Space::Ample,
            1 => Space::Low,
            _ => Space::Spent,
        }
    }

    /// Measures anew. To be called every second.
    pub(crate) fn measure(&self) -> Space {
        let Some(folder) = &self.folder else { return self.space() };
        let _making = self.reserve.lock();
        let file = reserve_file(folder);
        let Some(free) = free_bytes(folder) else { return self.space() };
        let state = judge(free, file.exists());
        match state {
            Space::Ample if !file.exists() => {
                if let Err(error) = allocate(&file, DISK_RESERVE_BYTES) {
                    tracing::warn!(%error, "the reserve on the disk cannot be made");
                    let _ = std::fs::remove_file(&file);
                }
            }
            Space::Low if free < DISK_SPENT_BYTES => release(&file),
            _ => {}
        }
        self.set(state)
    }

    /// The engine said that the disk is full: releases the reserve. Whether there is room again.
    pub(crate) fn engine_is_full(&self) -> bool {
        let Some(folder) = &self.folder else {
            self.set(Space::Low);
            return false;
        };
        let _releasing = self.reserve.lock();
        let file = reserve_file(folder);
        if file.exists() {
            release(&file);
            self.set(Space::Low);
            return true;
        }
        self.set(Space::Spent);
        false
    }

    /// A commit went through, so a server's disk has room again.
    pub(crate) fn committed(&self) {
        if self.folder.is_none() && self.space() != Space::Ample {
            self.set(Space::Ample);
        }
    }

    fn set(&self, state: Space) -> Space {
        let before = self.state.swap(state as u8, Ordering::Relaxed);
        if before != state as u8 {
            tracing::warn!(?state, "room on the disk");
        }
        state
    }
}

/// What the free bytes mean. The reserve is made again only when bulk would not eat it at once.
fn judge(free: u64, has_reserve: bool) -> Space {
    let comfortable = if has_reserve { DISK_LOW_BYTES } else { DISK_RESERVE_BYTES + 2 * DISK_LOW_BYTES };
    match free {
        _ if free >= comfortable => Space::Ample,
        _ if has_reserve || free >= DISK_SPENT_BYTES => Space::Low,
        _ => Space::Spent,
    }
}

fn reserve_file(folder: &Path) -> PathBuf {
    folder.join("reserve")
}

fn release(file: &Path) {
    match std::fs::remove_file(file) {
        Ok(()) => tracing::warn!("the reserve on the disk was released"),
        Err(error) => tracing::error!(%error, "the reserve on the disk cannot be released"),
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn allocate(file: &Path, bytes: u64) -> std::io::Result<()> {
    let reserve = OpenOptions::new().write(true).create(true).truncate(true).open(file)?;
    rustix::fs::fallocate(&reserve, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
    reserve.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_runs_out_and_returns_step_by_step() {
        let (low, reserve, spent) = (DISK_LOW_BYTES, DISK_RESERVE_BYTES, DISK_SPENT_BYTES);
        for (free, has_reserve, state) in [
            (10 * reserve, true, Space::Ample),
            (low - 1, true, Space::Low),
            (0, true, Space::Low),
            (reserve / 2, false, Space::Low),
            (spent - 1, false, Space::Spent),
            (reserve + low, false, Space::Low),
            (reserve + 2 * low, false, Space::Ample),
        ] {
            assert_eq!(judge(free, has_reserve), state, "{free} bytes, reserve: {has_reserve}");
        }
    }
}
