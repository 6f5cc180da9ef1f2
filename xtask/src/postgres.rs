//! A private PostgreSQL server for one run: its own folder, a free port on the loopback, gone at the end.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::{Group, Scratch, signal_group};
use crate::tools;

/// Connections: two test processes at a time, each with a writer and readers for every test thread.
const CONNECTIONS: u32 = 300;
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// The operating system's account that Debian's packages make.
const ACCOUNT: &str = "postgres";

pub struct Server {
    port: u16,
    child: Child,
    /// Dropped after the child was asked to stop, and before the folder goes.
    group: Option<Group>,
    _folder: Scratch,
}

impl Server {
    /// `bin` is the folder of `initdb` and `postgres`. A superuser's rights are put down first: PostgreSQL refuses them.
    pub fn start(bin: &Path) -> Result<Server> {
        let folder = Scratch::new("postgres")?;
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
        // Between asking for a free port and taking it another process may be faster.
        let mut last = String::new();
        for _ in 0..3 {
            let port = free_port()?;
            let (mut child, group) = spawn(&unprivileged, bin, folder.path(), &data, port)?;
            match await_ready(&mut child, bin, port) {
                Ok(()) => return Ok(Server { port, child, group: Some(group), _folder: folder }),
                Err(error) => last = format!("{error:#}\n{}", tail(&folder.path().join("log"))),
            }
        }
        bail!("PostgreSQL does not start: {last}")
    }

    /// For `TSUNAGARI_TEST_POSTGRES`: a server without a database name.
    pub fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres", self.port)
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

fn spawn(user: &Unprivileged, bin: &Path, folder: &Path, data: &Path, port: u16) -> Result<(Child, Group)> {
    let log = File::create(folder.join("log"))?;
    let mut command = user.command(&bin.join("postgres"), folder);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        format!("max_connections={CONNECTIONS}"),
        // A test database is thrown away, so nothing of it has to reach the disk.
        "fsync=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "wal_level=minimal".to_owned(),
        "max_wal_senders=0".to_owned(),
        "autovacuum=off".to_owned(),
        "timezone=UTC".to_owned(),
    ] {
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

    #[test]
    fn a_server_comes_and_leaves_nothing_behind() {
        let Some(bin) = tools::postgres_bin() else {
            return tools::skip("postgres::a_server_comes_and_leaves_nothing_behind", "PostgreSQL is missing");
        };
        let server = Server::start(&bin).unwrap();
        let connection = server.connection();
        let answer =
            Command::new("psql").args(["-At", "-d", &connection, "-c", "SHOW max_connections"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "300");
        let folder = server._folder.path().to_path_buf();
        assert!(folder.join("data").exists());

        drop(server);

        assert!(!folder.exists());
        let gone = Command::new(bin.join("pg_isready")).args(["-q", "-d", &connection]).status().unwrap();
        assert!(!gone.success());
    }
}
