//! nginx, Apache and HAProxy as Debian's packages configure them, with the site that `docs/operations.md` shows: on a
//! free port of this machine, ended with the test.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Place, free_port, until};

/// The name under which the page's site answers.
pub const NAME: &str = "tsunagari.example.jp";
/// The proxies' patience with a line on which nothing comes, in seconds, in place of their usual fifty and more: just
/// above what the program promises, so that a story need not last longer than that.
const PATIENCE: u64 = 14;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Nginx,
    Apache,
    HaProxy,
}

impl Kind {
    /// Its heading in the page, and its program.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Nginx => ("nginx", "nginx"),
            Kind::Apache => ("Apache", "apache2"),
            Kind::HaProxy => ("HAProxy", "haproxy"),
        }
    }

    /// The site as the page shows it: the first block below its heading.
    pub fn site(self) -> String {
        let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md"));
        let page = page.expect("the page").replace("\r\n", "\n");
        let below = page.split_once(&format!("\n### {}\n", self.names().0)).expect("its heading").1;
        below.split("```\n").nth(1).expect("its site").to_owned()
    }

    /// Where the program is installed. Without it the story cannot run: it says so, and fails in CI.
    pub fn installed(self, test: &str) -> Option<PathBuf> {
        let name = self.names().1;
        let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|program| program.exists());
        if found.is_none() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{test} needs {name}: apt-get install {name}");
            eprintln!("NOT RUN: {test} needs {name}: apt-get install {name}");
            if let Some(list) = std::env::var_os("TSUNAGARI_SKIPPED") {
                let list = fs::OpenOptions::new().append(true).create(true).open(list);
                writeln!(list.expect("the list"), "{test}: needs {name}").expect("the list can be written");
            }
        }
        found
    }

    /// How long it waits on a silent line as Debian ships it, in seconds.
    pub fn usual_patience(self) -> u64 {
        match self {
            // Its own default; the package's file says nothing of it.
            Kind::Nginx => 60,
            Kind::Apache => told(&shipped("/etc/apache2/apache2.conf"), "Timeout"),
            Kind::HaProxy => told(&shipped("/etc/haproxy/haproxy.cfg"), "timeout server") / 1000,
        }
    }
}

fn shipped(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn told(file: &str, setting: &str) -> u64 {
    let mut said = file.lines().filter_map(|line| line.trim().strip_prefix(setting));
    said.find_map(|value| value.trim().parse().ok()).expect("the setting is there")
}

/// One of them at work. Dropping it ends it.
pub struct Proxy {
    process: Child,
    pub address: SocketAddr,
}

impl Proxy {
    /// Before the program at `place`, whose folder holds the certificate.
    pub fn start(kind: Kind, program: &Path, place: &Place) -> Proxy {
        let folder = place.folder.path().join("proxy");
        fs::create_dir(&folder).expect("a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let site = here(&kind.site(), place, address);
        let mut command = match kind {
            Kind::Nginx => nginx(program, &folder, &site),
            Kind::Apache => apache(program, &folder, &site, address),
            Kind::HaProxy => haproxy(program, &folder, &site),
        };
        let log = fs::File::create(folder.join("said")).expect("a log");
        command.current_dir(&folder).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("the log")).stderr(log);
        let mut proxy = Proxy { process: command.spawn().expect("it starts"), address };
        until("the proxy listens", || {
            let ended = proxy.process.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "{}", fs::read_to_string(folder.join("said")).unwrap_or_default());
            TcpStream::connect(address).is_ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked, not killed: it has children of its own to end.
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The page's site on this machine: where it listens, whom it asks, and its certificate.
fn here(site: &str, place: &Place, address: SocketAddr) -> String {
    let folder = place.folder.path().display();
    let mut site = site.to_owned();
    for (usual, here) in [
        ("listen 443 ", format!("listen {address} ")),
        ("bind :443 ", format!("bind {address} ")),
        ("<VirtualHost *:443>", format!("<VirtualHost {address}>")),
        ("127.0.0.1:8080", place.web.to_string()),
        ("/etc/tsunagari/fullchain.pem", format!("{folder}/chain.pem")),
        ("/etc/tsunagari/privkey.pem", format!("{folder}/key.pem")),
        ("/etc/haproxy/tsunagari.pem", format!("{folder}/both.pem")),
    ] {
        site = site.replace(usual, &here);
    }
    assert!(!site.contains("/etc/") && !site.contains("443 "), "the story knows all of the site: {site}");
    site
}

/// It ends also where this process is killed outright.
fn ended_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=TERM", "--"]).arg(program);
    command
}

fn put(file: PathBuf, text: &str) {
    fs::write(file, text).expect("the file is written");
}

/// Its own folders in place of the system's; as root it stays root, whose folders they are.
fn nginx(program: &Path, folder: &Path, site: &str) -> Command {
    let at = folder.display();
    let mut text = shipped("/etc/nginx/nginx.conf").replace("user www-data;", "user root;");
    for (theirs, ours) in [
        ("/run/nginx.pid", "nginx.pid"),
        ("/var/log/nginx/", ""),
        ("/etc/nginx/conf.d/", "conf.d/"),
        ("/etc/nginx/sites-enabled/", "sites-enabled/"),
    ] {
        text = text.replace(theirs, &format!("{at}/{ours}"));
    }
    put(folder.join("nginx.conf"), &text);
    for name in ["conf.d", "sites-enabled"] {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    let bodies = format!("client_body_temp_path {at}/bodies;\nproxy_temp_path {at}/answers;\n");
    put(folder.join("conf.d/here.conf"), &format!("{bodies}proxy_read_timeout {PATIENCE}s;\n"));
    put(folder.join("sites-enabled/tsunagari"), site);
    let mut command = ended_with_us(program);
    command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
    command.args(["-g", "daemon off;"]);
    command
}

/// A copy of Debian's folder; its modules are switched on by the command that the page names.
fn apache(program: &Path, folder: &Path, site: &str, address: SocketAddr) -> Command {
    let home = folder.join("apache2");
    let copied = Command::new("cp").arg("-a").arg("/etc/apache2").arg(&home).status().expect("cp");
    assert!(copied.success(), "Apache's folder is copied");
    let text = shipped("/etc/apache2/apache2.conf");
    let usual = format!("Timeout {}\n", Kind::Apache.usual_patience());
    assert!(text.contains(&usual), "its usual patience");
    put(home.join("apache2.conf"), &text.replace(&usual, &format!("Timeout {PATIENCE}\n")));
    put(home.join("ports.conf"), &format!("Listen {address}\n"));
    put(home.join("sites-available/tsunagari.conf"), site);
    let _ = fs::remove_file(home.join("sites-enabled/000-default.conf"));
    for (switch, what) in [("a2enmod", &["proxy_http", "ssl", "http2"][..]), ("a2ensite", &["tsunagari"])] {
        let done = Command::new(format!("/usr/sbin/{switch}")).args(what).env("APACHE_CONFDIR", &home).output();
        let done = done.expect("Debian's switch");
        assert!(done.status.success(), "{switch}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let mut command = ended_with_us(program);
    command.arg("-d").arg(&home).arg("-f").arg(home.join("apache2.conf")).arg("-DFOREGROUND");
    command.env("APACHE_RUN_USER", "www-data").env("APACHE_RUN_GROUP", "www-data");
    command.env("APACHE_PID_FILE", folder.join("apache2.pid"));
    for variable in ["APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR"] {
        command.env(variable, folder);
    }
    command
}

/// Without what only the system's own may do: its log, its account, its cage, its socket.
fn haproxy(program: &Path, folder: &Path, site: &str) -> Command {
    let systems = ["chroot", "stats", "user", "group", "daemon"];
    let shipped = shipped("/etc/haproxy/haproxy.cfg");
    let kept = shipped.lines().filter(|line| !systems.iter().any(|word| line.trim_start().starts_with(word)));
    let mut text: String = kept.map(|line| format!("{line}\n")).collect();
    for side in ["client", "server"] {
        text.push_str(&format!("\ttimeout {side} {PATIENCE}s\n"));
    }
    put(folder.join("haproxy.cfg"), &format!("{text}\n{site}"));
    let mut command = ended_with_us(program);
    command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg"));
    command
}
