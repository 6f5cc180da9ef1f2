use std::path::PathBuf;

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbConfig {
    /// One file, beside it `-wal` and `-shm`.
    Sqlite { file: PathBuf, durability: Durability },
    /// A libpq connection string (`host=… dbname=…`) or URL.
    Postgres { url: String },
}

/// When an answered command is on the disk. Everything but a throw-away town wants `Full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a power cut.
    Full,
    /// Survives a crash of the program; loses the commits since the last checkpoint at a power cut. Here only so that
    /// a test can show that `Full` is needed.
    Normal,
    /// Survives a crash of the program; a power cut may destroy the file. For throw-away data only.
    Process,
}

impl DbConfig {
    pub fn sqlite(file: impl Into<PathBuf>) -> DbConfig {
        DbConfig::Sqlite { file: file.into(), durability: Durability::Full }
    }
}
