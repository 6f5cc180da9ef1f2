//! A private PostgreSQL server for one run: its own folder, a free port on the loopback, gone at the end.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::run::{Group, Scratch, signal_group};
use crate::{postgres_tls, tools};

/// Connections: four test processes at a time, each with a writer and readers for every test thread.
const CONNECTIONS: u32 = 600;
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// A test database is thrown away, so nothing of it has to reach the disk.
const UNKEPT: [&str; 6] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
];
/// The operating system's account that Debian's packages make.
const ACCOUNT: &str = "postgres";

/// What a server stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Tests: its databases are thrown away, so nothing of them has to reach the disk.
    Passing,
    /// A region's: as Debian sets it up, what was committed is on the disk; spoken to over TLS only.
    Region,
}

pub struct Server {
    port: u16,
    child: Child,
    /// Dropped after the child was asked to stop, and before the folder goes.
    group: Option<Group>,
    folder: Scratch,
}

impl Server {
    /// `bin` is the folder of `initdb` and `postgres`. A superuser's rights are put down first: PostgreSQL refuses them.
    pub fn start(bin: &Path) -> Result<Server> {
        Server::of(Kind::Passing, bin)
    }

    /// One as a region has it, to be measured: over TLS, with a password proven to the certificate.
    pub fn of_a_region(bin: &Path) -> Result<Server> {
        let server = Server::of(Kind::Region, bin)?;
        for role in [postgres_tls::ROLE, postgres_tls::OWNER] {
            server.say(bin, &format!("CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{}'", postgres_tls::PASSWORD))?;
        }
        Ok(server)
    }

    fn of(kind: Kind, bin: &Path) -> Result<Server> {
        let folder = Scratch::new(if kind == Kind::Region { "postgres_tls" } else { "postgres" })?;
        let unprivileged = Unprivileged::find()?;
        if let Some(owner) = &unprivileged.account {
            chown(folder.path(), Some(owner.uid), Some(owner.gid))?;
        }
        let data = folder.path().join("data");
        let output = unprivileged
            .command(&bin.join("initdb"), folder.path())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .context("initdb does not start")?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        if kind == Kind::Region {
            let owner = unprivileged.account.as_ref().map(|account| (account.uid, account.gid));
            postgres_tls::equip(folder.path(), &data, owner)?;
        }
        // Between asking for a free port and taking it another process may be faster.
        let mut last = String::new();
        for _ in 0..3 {
            let port = free_port()?;
            let (mut child, group) = spawn(kind, &unprivileged, bin, (folder.path(), &data), port)?;
            match await_ready(&mut child, bin, port) {
                Ok(()) => return Ok(Server { port, child, group: Some(group), folder }),
                Err(error) => last = format!("{error:#}\n{}", tail(&folder.path().join("log"))),
            }
        }
        bail!("PostgreSQL does not start: {last}")
    }

    /// For `TSUNAGARI_TEST_POSTGRES`: a server without a database name.
    pub fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres", self.port)
    }

    /// A new database of a region's server that belongs to this role, empty or as another one is.
    pub fn create(&self, bin: &Path, name: &str, owner: &str, template: Option<&str>) -> Result<()> {
        let like = template.map_or(String::new(), |template| format!(" TEMPLATE {template}"));
        self.say(bin, &format!("CREATE DATABASE {name} OWNER {owner}{like}"))
    }

    /// A database of a region's server, as this role says it.
    pub fn address(&self, role: &str, database: &str) -> String {
        postgres_tls::address(self.port, role, database)
    }

    /// The authority that vouches for a region's server.
    pub fn authority(&self) -> PathBuf {
        postgres_tls::authority(self.folder.path())
    }

    /// Says something as the server's owner, through the socket.
    fn say(&self, bin: &Path, sql: &str) -> Result<()> {
        let output = Command::new(bin.join("psql"))
            .args(["-q", "-U", "postgres", "-d", "postgres", "-p", &self.port.to_string(), "-c", sql, "-h"])
            .arg(self.folder.path())
            .output()
            .context("psql does not start")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it ends the sessions that tests left open.
        signal_group(self.child.id(), "INT");
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.group = None;
        let _ = self.child.wait();
    }
}

struct Account {
    uid: u32,
    gid: u32,
}

/// How a program is started that refuses to run as root, and that must not outlive this process.
struct Unprivileged {
    account: Option<Account>,
    setpriv: PathBuf,
}

impl Unprivileged {
    fn find() -> Result<Unprivileged> {
        let setpriv = tools::on_path("setpriv").context("setpriv (Debian's util-linux) is missing")?;
        let account = if tools::is_root() { Some(account(ACCOUNT)?) } else { None };
        Ok(Unprivileged { account, setpriv })
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(&self.setpriv);
        if let Some(account) = &self.account {
            command.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid));
            command.arg("--clear-groups");
        }
        // Even when this process is killed outright, the server gets its signal to stop.
        command.arg("--pdeathsig=INT").arg("--").arg(program);
        command.current_dir(folder).env("LC_ALL", "C").env("HOME", folder).stdin(Stdio::null());
        command
    }
}

fn account(name: &str) -> Result<Account> {
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    for line in accounts.lines() {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            continue;
        }
        let mut number =
            |field| -> Result<u32> { Ok(fields.nth(field).context("a short line in /etc/passwd")?.parse()?) };
        return Ok(Account { uid: number(1)?, gid: number(0)? });
    }
    bail!("no account {name} on this machine; Debian's package postgresql makes it")
}

fn spawn(
    kind: Kind,
    user: &Unprivileged,
    bin: &Path,
    (folder, data): (&Path, &Path),
    port: u16,
) -> Result<(Child, Group)> {
    let log = File::create(folder.join("log"))?;
    let mut command = user.command(&bin.join("postgres"), folder);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        format!("max_connections={CONNECTIONS}"),
        "timezone=UTC".to_owned(),
    ];
    match kind {
        Kind::Passing => settings.extend(UNKEPT.map(str::to_owned)),
        Kind::Region => settings.extend(postgres_tls::settings(folder)),
    }
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command.stdout(log.try_clone()?).stderr(log).process_group(0);
    let child = command.spawn().context("postgres does not start")?;
    let group = Group::of(&child);
    Ok((child, group))
}

fn await_ready(child: &mut Child, bin: &Path, port: u16) -> Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            bail!("the server ended: {status}");
        }
        let ready = Command::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string()])
            .status()
            .context("pg_isready does not start")?;
        if ready.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("not ready after {} s", START_LIMIT.as_secs())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.7.2 PostgreSQL over TLS beside it
    #[test]
    fn a_regions_server_speaks_over_tls_only_and_keeps_what_it_is_told() {
        let Some(bin) = tools::postgres_bin() else {
            return tools::skip("postgres::a_regions_server_speaks_over_tls_only", "PostgreSQL is missing");
        };
        let server = Server::of_a_region(&bin).unwrap();
        server.create(&bin, "town", postgres_tls::ROLE, None).unwrap();
        let address = server.address(postgres_tls::ROLE, "town");
        let ask = |address: &str, sql: &str| {
            let mut psql = Command::new("psql");
            psql.env("PGSSLROOTCERT", server.authority()).args(["-At", "-d", address, "-c", sql]).output().unwrap()
        };
        let checked = address.replace("sslmode=require", "sslmode=verify-full");
        let lines = "SELECT ssl, current_setting('fsync') FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        assert_eq!(String::from_utf8_lossy(&ask(&checked, lines).stdout).trim(), "t|on");
        assert!(!ask(&address.replace("sslmode=require", "sslmode=disable"), "SELECT 1").status.success());

        assert!(ask(&checked, "CREATE TABLE tally (n BIGINT)").status.success());
        server.create(&bin, "copied", postgres_tls::ROLE, Some("town")).unwrap();
        assert!(ask(&server.address(postgres_tls::ROLE, "copied"), "SELECT n FROM tally").status.success());
    }

    #[test]
    fn a_server_comes_and_leaves_nothing_behind() {
        let Some(bin) = tools::postgres_bin() else {
            return tools::skip("postgres::a_server_comes_and_leaves_nothing_behind", "PostgreSQL is missing");
        };
        let server = Server::start(&bin).unwrap();
        let connection = server.connection();
        let answer =
            Command::new("psql").args(["-At", "-d", &connection, "-c", "SHOW max_connections"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), CONNECTIONS.to_string());
        let folder = server.folder.path().to_path_buf();
        assert!(folder.join("data").exists());

        drop(server);

        assert!(!folder.exists());
        let gone = Command::new(bin.join("pg_isready")).args(["-q", "-d", &connection]).status().unwrap();
        assert!(!gone.success());
    }
}
