//! The databases that benches measure on: a file, or PostgreSQL on a server of this run over TLS.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::postgres::Server;
use crate::postgres_tls::{OWNER, ROLE};
use crate::tools;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// One database.
#[derive(Clone)]
pub enum Base {
    File(PathBuf),
    Server { address: String, authority: PathBuf },
}

impl Base {
    /// Its lines of a configuration.
    pub fn config(&self) -> String {
        match self {
            Base::File(file) => format!("[database]\nsqlite = {file:?}\n"),
            Base::Server { address, authority } => format!("[database]\npostgres = {address:?}\nca = {authority:?}\n"),
        }
    }

    /// `None` for a file.
    pub fn address(&self) -> Option<&str> {
        match self {
            Base::File(_) => None,
            Base::Server { address, .. } => Some(address),
        }
    }

    /// As an argument: the file's name or the address.
    pub fn word(&self) -> Result<&str> {
        match self {
            Base::File(file) => file.to_str().context("a temporary folder whose name is not UTF-8"),
            Base::Server { address, .. } => Ok(address),
        }
    }

    /// Whose word a program must believe that is told of no authority (`SSL_CERT_FILE`).
    pub fn authority(&self) -> Option<&Path> {
        match self {
            Base::File(_) => None,
            Base::Server { authority, .. } => Some(authority),
        }
    }
}

/// The server of one run.
pub struct Databases {
    bin: PathBuf,
    server: Server,
}

impl Databases {
    pub fn start() -> Result<Databases> {
        let bin = tools::postgres_bin().context("PostgreSQL (Debian's package postgresql) is missing")?;
        let server = Server::of_a_region(&bin)?;
        Ok(Databases { bin, server })
    }

    /// A new database, empty or as another one is.
    pub fn create(&self, name: &str, template: Option<&str>) -> Result<Base> {
        self.server.create(&self.bin, name, ROLE, template)?;
        Ok(self.named(name))
    }

    /// A new database as a region has it, whose program owns nothing: as the program says it, and as its owner does.
    pub fn create_parted(&self, name: &str) -> Result<(Base, Base)> {
        self.server.create(&self.bin, name, OWNER, None)?;
        Ok((self.named(name), self.said_by(OWNER, name)))
    }

    pub fn named(&self, name: &str) -> Base {
        self.said_by(ROLE, name)
    }

    fn said_by(&self, role: &str, name: &str) -> Base {
        Base::Server { address: self.server.address(role, name), authority: self.server.authority() }
    }
}
