//! A PostgreSQL server that speaks TLS, for one test: its own folder, a free port on the loopback, certificates of an
//! authority of its own, gone at the end.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub const PASSWORD: &str = "a password of the region";
const PATIENCE: Duration = Duration::from_secs(120);

/// Who signs the certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for this name, and its key.
    pub fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// Writes the authority's certificate where a configuration would name it.
    pub fn file(&self, folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, &self.pem).expect("the file is written");
        file
    }
}

pub struct Server {
    pub port: u16,
    pub folder: TempDir,
    child: Child,
}

impl Server {
    /// Roles `region` (SCRAM), `old` (md5) and `plain` (clear text) with the same password, for whom a line without
    /// TLS is refused, and `relayed` (SCRAM), for whom it is not.
    pub fn start(authority: &Authority, name: &str) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let owner = unprivileged();
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("others may pass");
        fs::create_dir(at("home")).expect("a folder");
        let (certificate, key) = authority.issue(name);
        fs::write(at("home/server.pem"), certificate.pem()).expect("the certificate");
        fs::write(at("home/server.key"), key.serialize_pem()).expect("the key");
        fs::set_permissions(at("home/server.key"), fs::Permissions::from_mode(0o600)).expect("its rights");
        fs::write(at("home/password"), PASSWORD).expect("the password");
        if let Some((user, group)) = owner {
            for file in ["home", "home/server.pem", "home/server.key", "home/password"] {
                chown(at(file), Some(user), Some(group)).expect("it is the server's");
            }
        }
        let bin = bin();
        let data = at("home/data");
        let mut initdb = as_user(owner, &bin.join("initdb"), &at("home"));
        initdb.args(["--username=region", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pwfile").arg(at("home/password")).arg("-D").arg(&data);
        let made = initdb.output().expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let hba = "hostssl all region all scram-sha-256\nhostssl all old all md5\nhostssl all plain all password\n\
                   host all relayed all scram-sha-256\nlocal all region trust\n";
        fs::write(data.join("pg_hba.conf"), hba).expect("the rules");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut postgres = as_user(owner, &bin.join("postgres"), &at("home"));
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", at("home").display()),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", at("home/server.pem").display()),
            format!("ssl_key_file={}", at("home/server.key").display()),
        ] {
            postgres.arg("-c").arg(setting);
        }
        let log = fs::File::create(at("log")).expect("a log");
        postgres.stdout(Stdio::null()).stderr(log);
        let mut server = Server { port, child: postgres.spawn().expect("postgres starts"), folder };
        server.await_and_fill();
        server
    }

    fn await_and_fill(&mut self) {
        let socket = self.folder.path().join("home");
        let address = format!("host={} port={} user=region dbname=postgres", socket.display(), self.port);
        let deadline = Instant::now() + PATIENCE;
        let mut client = loop {
            if let Ok(client) = postgres::Client::connect(&address, postgres::NoTls) {
                break client;
            }
            let ended = self.child.try_wait().expect("it can be waited for");
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "{log}");
            std::thread::sleep(Duration::from_millis(50));
        };
        let sql = format!(
            "CREATE ROLE relayed LOGIN SUPERUSER PASSWORD '{PASSWORD}';
             CREATE ROLE plain LOGIN SUPERUSER PASSWORD '{PASSWORD}';
             SET password_encryption = 'md5';
             CREATE ROLE old LOGIN SUPERUSER PASSWORD '{PASSWORD}'"
        );
        client.batch_execute(&sql).expect("the roles");
    }

    pub fn address(&self, user: &str) -> String {
        address(self.port, user)
    }
}

/// An address of this machine, under which TLS must be asked for, because without that word it would do without.
pub fn address(port: u16, user: &str) -> String {
    format!("host=127.0.0.1 port={port} user={user} password='{PASSWORD}' dbname=postgres sslmode=require")
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("Debian's package postgresql");
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|v| Some((v.file_name().to_str()?.parse().ok()?, v.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("Debian's package postgresql").1
}

/// PostgreSQL refuses to run as root; Debian's package makes an account for it.
fn unprivileged() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").expect("this process").uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("the accounts");
    let line = accounts.lines().find(|line| line.starts_with("postgres:")).expect("an account postgres");
    let numbers: Vec<u32> = line.split(':').filter_map(|field| field.parse().ok()).collect();
    Some((numbers[0], numbers[1]))
}

fn as_user(owner: Option<(u32, u32)>, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = owner {
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
    }
    // Even when this process is killed outright, the server gets its signal to stop.
    command.args(["--pdeathsig=INT", "--"]).arg(program);
    command.current_dir(folder).env("LC_ALL", "C").env("HOME", folder).stdin(Stdio::null());
    command
}

/// Listens once and gives what the first caller says, after `answer` to its wish for TLS.
pub fn overhear(answer: u8) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
    use std::io::Write;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    let heard = std::thread::spawn(move || {
        let (mut line, _) = listener.accept().expect("a caller");
        line.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let mut wish = [0; 8];
        line.read_exact(&mut wish).expect("a wish for TLS");
        line.write_all(&[answer]).expect("an answer");
        let mut heard = wish.to_vec();
        let _ = line.read_to_end(&mut heard);
        heard
    });
    (port, heard)
}

/// Ends TLS with a certificate of its own, and speaks plainly to the server behind it.
pub fn relay(authority: &Authority, name: &str, server: u16) -> u16 {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    let (certificate, key) = authority.issue(name);
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .expect("a certificate and its key");
    let config = std::sync::Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    std::thread::spawn(move || {
        for line in listener.incoming().flatten() {
            let config = config.clone();
            std::thread::spawn(move || carry(line, config, server));
        }
    });
    port
}

/// One question and one answer at a time, as a connection begins.
fn carry(mut line: TcpStream, config: std::sync::Arc<rustls::ServerConfig>, server: u16) -> Option<()> {
    use std::io::Write;
    let mut wish = [0; 8];
    line.read_exact(&mut wish).ok()?;
    line.write_all(b"S").ok()?;
    let connection = rustls::ServerConnection::new(config).ok()?;
    let mut ours = rustls::StreamOwned::new(connection, line);
    let mut theirs = TcpStream::connect(("127.0.0.1", server)).ok()?;
    let mut bytes = [0; 16_384];
    loop {
        let n = ours.read(&mut bytes).ok().filter(|n| *n > 0)?;
        theirs.write_all(&bytes[..n]).ok()?;
        let n = theirs.read(&mut bytes).ok().filter(|n| *n > 0)?;
        ours.write_all(&bytes[..n]).ok()?;
        ours.flush().ok()?;
    }
}
