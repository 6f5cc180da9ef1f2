use std::path::PathBuf;

use crate::postgres_wire::{Address, AddressRefusal};

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbConfig {
    /// One file, beside it `-wal` and `-shm`.
    Sqlite { file: PathBuf, durability: Durability },
    /// A libpq connection string (`host=… dbname=…`) or URL, and the only authority that may vouch for the server;
    /// without one, those of the machine.
    Postgres { url: String, ca: Option<PathBuf>, rights: Rights },
}

/// What whoever opens a database on a server is there to do. A file knows no such difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Rows only, and to some tables nothing but further rows. A role that could do more is refused.
    Narrow,
    /// The tables are its own, and it brings them forward by itself: for a fictional town, on which nobody relies.
    Owner,
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

    pub fn postgres(url: impl Into<String>) -> DbConfig {
        DbConfig::Postgres { url: url.into(), ca: None, rights: Rights::Narrow }
    }

    /// The same place for whoever owns the tables.
    pub fn as_owner(mut self) -> DbConfig {
        if let DbConfig::Postgres { rights, .. } = &mut self {
            *rights = Rights::Owner;
        }
        self
    }

    pub(crate) fn is_narrow(&self) -> bool {
        matches!(self, DbConfig::Postgres { rights: Rights::Narrow, .. })
    }

    /// As whom the server is asked, where the address says it.
    pub fn role(&self) -> Option<String> {
        let DbConfig::Postgres { url, ca, .. } = self else { return None };
        Address::parse(url, ca.as_deref()).ok()?.role().map(str::to_owned)
    }

    /// Whether the way to the data is safe; asked when a configuration is read, and again at each connection.
    pub fn check(&self) -> Result<(), AddressRefusal> {
        match self {
            DbConfig::Sqlite { .. } => Ok(()),
            DbConfig::Postgres { url, ca, .. } => Address::parse(url, ca.as_deref()).map(drop),
        }
    }

    /// Where the data lies, in words without a secret.
    pub fn shown(&self) -> String {
        match self {
            DbConfig::Sqlite { file, .. } => file.display().to_string(),
            DbConfig::Postgres { url, ca, .. } => match Address::parse(url, ca.as_deref()) {
                Ok(line) => line.shown(),
                Err(refusal) => refusal.to_string(),
            },
        }
    }
}
