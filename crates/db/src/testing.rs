//! A fresh database for one test: SQLite in a temporary folder, or, with `TSUNAGARI_TEST_POSTGRES` naming a server
//! (`host=127.0.0.1 port=… user=…`), a new PostgreSQL database.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Db, DbConfig, DbError, Durability, Migration};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A database and what must be cleared away with it. Keep it as long as the `Db` is used.
pub struct TestDb {
    pub db: Db,
    folder: Option<PathBuf>,
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The place of a fresh, empty database, on the engine under test.
pub fn fresh_config() -> Result<(DbConfig, Option<PathBuf>), DbError> {
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tsunagari_test_{}_{n}", std::process::id());
    match std::env::var("TSUNAGARI_TEST_POSTGRES") {
        Ok(server) => {
            let mut admin = postgres::Client::connect(&format!("{server} dbname=postgres"), postgres::NoTls)
                .map_err(|e| DbError::Gone(e.to_string()))?;
            admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}"))?;
            admin.batch_execute(&format!(
                "CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'"
            ))?;
            Ok((DbConfig::postgres(format!("{server} dbname={name}")), None))
        }
        Err(_) => {
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).map_err(|e| DbError::Engine(e.to_string()))?;
            let file = folder.join("region.db");
            Ok((DbConfig::Sqlite { file, durability: Durability::Process }, Some(folder)))
        }
    }
}

/// A fresh database with these migrations applied.
pub fn fresh(migrations: &[&[Migration]]) -> TestDb {
    let (config, folder) = fresh_config().expect("a database server for tests");
    let db = Db::open(config, migrations).expect("a fresh database opens");
    TestDb { db, folder }
}
