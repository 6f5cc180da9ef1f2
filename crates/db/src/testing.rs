//! A fresh database for one test: SQLite in a temporary folder, or, with `TSUNAGARI_TEST_POSTGRES` naming a server
//! (`host=127.0.0.1 port=… user=…`, a superuser), a new PostgreSQL database. Each set of migrations is applied once and
//! copied for every test that wants it: once a process on SQLite, once a server on PostgreSQL. There the tables are those
//! of one role, and tests run under another, as the program does: whoever tampers does it by [`TestDb::tamper`].
//!
//! Nobody else may ask for that variable: whoever asks here leaves a mark, and a test program without a mark needs no
//! second run on the other engine.

mod way;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use base::hex;
use sha2::{Digest, Sha256};

use crate::postgres_engine::Postgres;
use crate::postgres_silence::Silence;
use crate::postgres_wire::Server;
use crate::writer::Connection;
use crate::{Db, DbConfig, DbError, Durability, KeySource, Keys, Migration, Tx, Value, migrate};

pub use way::{Way, fresh_behind_a_way};

const SERVER: &str = "TSUNAGARI_TEST_POSTGRES";
/// A file that takes one line from every test program that asked for a database.
const ASKED: &str = "TSUNAGARI_TEST_ASKED";
/// Whose the tables are on a server, and under whom tests run.
pub const OWNER: &str = "tsunagari_test_owner";
pub const ROLE: &str = "tsunagari_test";
/// Order is by bytes on both engines.
const LIKE_SQLITE: &str = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'";

/// Held by the one test process that makes something for all of them.
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_lock(5709)";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A database and what must be cleared away with it. Keep it as long as the `Db` is used.
pub struct TestDb {
    pub db: Db,
    folder: Option<PathBuf>,
}

impl TestDb {
    /// Takes over what [`fresh_config`] gave, for clearing away.
    pub fn of(db: Db, folder: Option<PathBuf>) -> TestDb {
        TestDb { db, folder }
    }

    /// Changes what the program cannot: as whoever owns the tables.
    pub fn tamper(&self, sql: &str, params: &[Value]) {
        let (sql, params) = (sql.to_owned(), params.to_vec());
        let done = match self.db.config() {
            DbConfig::Sqlite { .. } => self.db.write_blocking(move |tx| tx.execute(&sql, &params)).map(drop),
            server => as_owner(server, |tx| tx.execute(&sql, &params).map(drop)),
        };
        done.expect("the owner changes what it likes");
    }
}

/// Works in a database on a server as whoever owns its tables, beside the program that writes to it.
pub fn as_owner<T>(config: &DbConfig, work: impl FnOnce(&mut dyn Tx) -> Result<T, DbError>) -> Result<T, DbError> {
    let DbConfig::Postgres { url, ca, .. } = owned(config) else {
        return Err(DbError::Engine("a file has no owner beside its writer".into()));
    };
    let mut engine = Postgres::connect(&Server::at(&url, &ca))?;
    engine.script("BEGIN")?;
    let done = work(&mut engine)?;
    engine.script("COMMIT")?;
    Ok(done)
}

/// What somebody types at a server who holds the address of a database there, whosever it is.
pub fn typed(config: &DbConfig, sql: &str) -> Result<(), DbError> {
    let DbConfig::Postgres { url, ca, .. } = config else {
        return Err(DbError::Engine("a file is not typed at".into()));
    };
    Postgres::connect(&Server::at(url, ca))?.script(sql)
}

/// The same place for somebody else of that server.
pub fn seen_by(config: &DbConfig, role: &str) -> DbConfig {
    let mut config = config.clone();
    if let DbConfig::Postgres { url, .. } = &mut config {
        *url = speaking_as(url, role);
    }
    config
}

/// The same place for the server's administrator.
pub fn seen_by_superuser(config: &DbConfig) -> DbConfig {
    let mut config = config.clone();
    if let (DbConfig::Postgres { url, .. }, Some(server)) = (&mut config, server())
        && let Some((_, name)) = url.rsplit_once("dbname=")
    {
        *url = format!("{server} dbname={name}");
    }
    config
}

/// The same place for whoever owns its tables.
pub fn owned(config: &DbConfig) -> DbConfig {
    seen_by(config, OWNER).as_owner()
}

/// Takes a database on a server away from everybody, or gives it back; a file cannot be.
pub fn take_away(config: &DbConfig, away: bool) {
    let (DbConfig::Postgres { url, .. }, Some(server)) = (config, server()) else { return };
    let (_, name) = url.rsplit_once("dbname=").expect("its name");
    administer(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !away)).expect("shut or opened");
    if away {
        let whoever = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        administer(&server, &whoever).expect("everybody is sent away");
    }
}

/// Somebody else's session at the server, in which this was said and nothing is ended.
pub fn hold(config: &DbConfig, sql: &str) -> postgres::Client {
    let DbConfig::Postgres { url, .. } = seen_by_superuser(config) else { panic!("a file has no sessions") };
    let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("a session");
    client.batch_execute(sql).expect("it is said");
    client
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        } else if let DbConfig::Postgres { url, .. } = self.db.config()
            && let (Some(server), Some((_, name))) = (server(), url.rsplit_once("dbname="))
        {
            let _ = administer(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// Whether the engine under test is a PostgreSQL server.
pub fn on_postgres() -> bool {
    server().is_some()
}

/// The place of a fresh, empty database, on the engine under test. On a server it is its owner's to bring forward.
pub fn fresh_config() -> Result<(DbConfig, Option<PathBuf>), DbError> {
    let name = new_name();
    match server() {
        Some(server) => {
            require_roles(&server)?;
            administer(&server, &format!("DROP DATABASE IF EXISTS {name}"))?;
            administer(&server, &format!("CREATE DATABASE {name} OWNER {OWNER} {LIKE_SQLITE}"))?;
            Ok((place(&server, &name), None))
        }
        None => {
            let folder = new_folder(&name)?;
            Ok((embedded(&folder), Some(folder)))
        }
    }
}

/// The place of a fresh database with these migrations applied.
pub fn prepared_config(migrations: &[&[Migration]]) -> Result<(DbConfig, Option<PathBuf>), DbError> {
    copy(migrations)
}

/// The keys of every region under test.
pub fn keys() -> Keys {
    Keys::of_seed([0x5E; 32])
}

/// A fresh database with these migrations applied.
pub fn fresh(migrations: &[&[Migration]]) -> TestDb {
    open(copy(migrations).expect("a database server for tests"), migrations)
}

/// The same for whoever owns the tables: to forge what the program cannot.
pub fn fresh_owned(migrations: &[&[Migration]]) -> TestDb {
    let (config, folder) = copy(migrations).expect("a database server for tests");
    open((owned(&config), folder), migrations)
}

fn open((config, folder): (DbConfig, Option<PathBuf>), migrations: &[&[Migration]]) -> TestDb {
    let db = Db::open_within(crate::PREDECESSOR, config, KeySource::Given(keys()), migrations);
    let db = db.expect("a fresh database opens");
    TestDb { db, folder }
}

fn copy(migrations: &[&[Migration]]) -> Result<(DbConfig, Option<PathBuf>), DbError> {
    let name = new_name();
    let Some(server) = server() else {
        let folder = new_folder(&name)?;
        let template = template_file(migrations)?;
        std::fs::write(folder.join("region.db"), &*template).map_err(broken)?;
        return Ok((embedded(&folder), Some(folder)));
    };
    let template = template_database(&server, migrations)?;
    administer(&server, &format!("DROP DATABASE IF EXISTS {name}"))?;
    administer(&server, &format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}"))?;
    Ok((place(&server, &name), None))
}

/// The bytes of a database file with these migrations applied.
fn template_file(migrations: &[&[Migration]]) -> Result<Arc<Vec<u8>>, DbError> {
    static MADE: Mutex<Option<HashMap<String, Arc<Vec<u8>>>>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    let key = key(migrations);
    if let Some(bytes) = made.get(&key) {
        return Ok(bytes.clone());
    }
    let folder = new_folder(&new_name())?;
    let config = embedded(&folder);
    // The connection is closed at the end of this statement, and the log with it: the file is then the whole database.
    migrate::bring_forward(&mut Connection::open_writer(&config, &Silence::default(), Duration::ZERO)?, migrations)?;
    let bytes = Arc::new(std::fs::read(folder.join("region.db")).map_err(broken)?);
    let _ = std::fs::remove_dir_all(folder);
    made.insert(key, bytes.clone());
    Ok(bytes)
}

/// The name of a database with these migrations applied, to be copied only. Made once on each server, by whichever test
/// process comes first; the others wait for it.
fn template_database(server: &str, migrations: &[&[Migration]]) -> Result<String, DbError> {
    static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("tsunagari_template_{}", key(migrations));
    if made.contains(&name) {
        return Ok(name);
    }
    require_roles(server)?;
    let mut admin = client(server)?;
    admin.batch_execute(ONE_AT_A_TIME)?;
    if admin.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])?.is_none() {
        // Under another name until it is whole, so that a process that ends half-way leaves no half template.
        let half = format!("{name}_half");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)"))?;
        admin.batch_execute(&format!("CREATE DATABASE {half} OWNER {OWNER} {LIKE_SQLITE}"))?;
        let program = place(server, &half);
        migrate::migrate_by_owner(owned(&program), &program, Duration::ZERO, migrations)?;
        admin.batch_execute(&format!("ALTER DATABASE {half} RENAME TO {name}"))?;
    }
    made.push(name.clone());
    Ok(name)
}

/// The same for the same migrations, whoever asks.
fn key(migrations: &[&[Migration]]) -> String {
    let mut hash = Sha256::new();
    hash.update(ROLE);
    for migration in migrate::OWN.iter().chain(migrations.iter().copied().flatten()) {
        hash.update(migration.name);
        hash.update([0]);
        hash.update(migration.sql);
        hash.update([0]);
    }
    hex(&hash.finalize()[..12])
}

/// The server under test. Asking leaves this program's mark.
fn server() -> Option<String> {
    static MARK: Once = Once::new();
    MARK.call_once(|| {
        let (Some(list), Ok(program)) = (std::env::var_os(ASKED), std::env::current_exe()) else { return };
        let line = format!("{}\n", program.display());
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(list)
            .and_then(|mut f| f.write_all(line.as_bytes()));
        written.expect("the list of those who asked for a database");
    });
    std::env::var(SERVER).ok()
}

/// A database under test, for the role of a running program.
fn place(server: &str, name: &str) -> DbConfig {
    DbConfig::postgres(format!("{} dbname={name}", speaking_as(server, ROLE)))
}

/// The same address for somebody else.
fn speaking_as(address: &str, role: &str) -> String {
    let user = format!("user={role}");
    let words = address.split_whitespace().filter(|word| !word.starts_with("user="));
    std::iter::once(user.as_str()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Makes both roles, once on each server.
fn require_roles(server: &str) -> Result<(), DbError> {
    static MADE: Mutex<bool> = Mutex::new(false);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !*made {
        let mut admin = client(server)?;
        admin.batch_execute(ONE_AT_A_TIME)?;
        for role in [OWNER, ROLE] {
            if admin.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&role])?.is_none() {
                admin.batch_execute(&format!("CREATE ROLE {role} LOGIN"))?;
            }
        }
        *made = true;
    }
    Ok(())
}

fn client(server: &str) -> Result<postgres::Client, DbError> {
    postgres::Client::connect(&format!("{server} dbname=postgres"), postgres::NoTls)
        .map_err(|e| DbError::Gone(e.to_string()))
}

fn administer(server: &str, sql: &str) -> Result<(), DbError> {
    Ok(client(server)?.batch_execute(sql)?)
}

fn new_name() -> String {
    format!("tsunagari_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn new_folder(name: &str) -> Result<PathBuf, DbError> {
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).map_err(broken)?;
    Ok(folder)
}

fn embedded(folder: &Path) -> DbConfig {
    DbConfig::Sqlite { file: folder.join("region.db"), durability: Durability::Process }
}

fn broken(error: std::io::Error) -> DbError {
    DbError::Engine(error.to_string())
}
