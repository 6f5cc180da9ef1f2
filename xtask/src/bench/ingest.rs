//! Readings over MQTT into a region at work: 200 connections, QoS 1, 10,000 homes, 10 million readings there before,
//! the detector on, one alert a second, every commit synced. A connection keeps a few publishes in flight and sends the
//! next for each acknowledgement, so that the rate is what the region takes and the delay is what a gateway waits.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::bench::Setting;
use crate::bench::database::Base;
use crate::bench::figure::{Better, Figure};
use crate::bench::probe::{free_port, get, value};
use crate::bench::publisher::{Flood, Sent};
use crate::run::{Group, signal_group};

const CONNECTIONS: usize = 200;
/// Publishes a connection keeps in flight.
const IN_FLIGHT: usize = 4;
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let folder = setting.folder.join("ingest");
    fs::create_dir_all(&folder)?;
    let file = Base::File(folder.join("region.db"));
    let sqlite = measure(setting, &file, &file, &folder)?;
    let figure = |metric, value, target, better| Figure { bench: "ingest", metric, value, target, better };
    let mut measured = vec![
        figure("readings_per_s", sqlite.rate, Some(20_000.0), Better::Higher),
        figure("ack_p99_ms", sqlite.p99, Some(50.0), Better::Lower),
        figure("bytes_per_home", sqlite.bytes, Some(2_000.0), Better::Lower),
    ];
    let mut of_mosquitto = None;
    match Broker::start(&folder)? {
        Some(peer) => {
            let (flood, began) = (flood(setting, peer.port), Instant::now());
            let sent = Flood { time: flood.time / 3, ..flood }.run()?;
            let rate = sent.acknowledged as f64 / began.elapsed().as_secs_f64();
            measured.push(figure("mosquitto_publishes_per_s", rate, None, Better::Higher));
            measured.push(figure("percent_of_mosquitto", sqlite.rate / rate * 100.0, Some(100.0), Better::Higher));
            of_mosquitto = Some(rate);
        }
        None => eprintln!("the peer is not measured: mosquitto is not installed"),
    }
    if setting.on_postgres() {
        let folder = setting.folder.join("ingest-postgres");
        fs::create_dir_all(&folder)?;
        let (base, owner) = setting.databases()?.create_parted("ingest")?;
        let postgres = measure(setting, &base, &owner, &folder)?;
        measured.extend([
            figure("postgres_readings_per_s", postgres.rate, None, Better::Higher),
            figure("postgres_ack_p99_ms", postgres.p99, None, Better::Lower),
            figure("postgres_percent", postgres.rate / sqlite.rate * 100.0, None, Better::Higher),
        ]);
        let share = of_mosquitto.map(|rate| postgres.rate / rate * 100.0);
        measured.extend(share.map(|share| figure("postgres_percent_of_mosquitto", share, None, Better::Higher)));
    }
    Ok(measured)
}

/// What a region on one database came to.
struct Measured {
    rate: f64,
    p99: f64,
    bytes: f64,
}

/// Homes, readings there before, and seconds.
fn size(setting: &Setting) -> (usize, u64, u64) {
    if setting.quick { (1_000, 100_000, 5) } else { (10_000, 10_000_000, 60) }
}

fn flood(setting: &Setting, port: u16) -> Flood {
    let (homes, _, seconds) = size(setting);
    let connections = homes.div_ceil(50).min(CONNECTIONS);
    Flood { port, connections, in_flight: IN_FLIGHT, time: Duration::from_secs(seconds) }
}

/// `owner` says the same database for whoever owns its tables.
fn measure(setting: &Setting, base: &Base, owner: &Base, folder: &Path) -> Result<Measured> {
    // `TSUNAGARI_BENCH_REGION` names a region's file made before, to be copied.
    let ((homes, rows, _), began) = (size(setting), Instant::now());
    let kept = std::env::var_os("TSUNAGARI_BENCH_REGION").filter(|_| setting.is_first());
    match (kept, base) {
        (Some(kept), Base::File(file)) => drop(fs::copy(kept, file)?),
        _ => drop(asked(&setting.maker, owner, &["make", owner.word()?, &homes.to_string(), &rows.to_string()])?),
    }
    eprintln!("{homes} homes and {rows} readings there after {:.0} s", began.elapsed().as_secs_f64());
    let mut region = Region::start(&setting.program, folder, base, owner)?;
    region.await_ready()?;
    let (flood, began) = (flood(setting, region.mqtt), Instant::now());
    let sent = flood.run()?;
    let elapsed = began.elapsed().as_secs_f64();
    let figures = region.metrics()?;
    region.stop()?;
    let stored = asked(&setting.maker, owner, &["count", owner.word()?])?.trim().parse::<u64>()? - rows;
    check(&sent, stored, &figures)?;
    Ok(Measured {
        rate: sent.acknowledged as f64 / elapsed,
        p99: sent.waited(0.99).as_secs_f64() * 1000.0,
        bytes: value(&figures, "watch_bytes_per_home")?,
    })
}

/// A peer for scale: Mosquitto takes the same publishes from the same publishers, stores nothing and decides nothing.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    /// `None` where it is not installed.
    fn start(folder: &Path) -> Result<Option<Broker>> {
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program else { return Ok(None) };
        let (path, port) = (folder.join("mosquitto.conf"), free_port()?);
        fs::write(&path, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Broker { child: command.spawn()?, port };
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(Instant::now() < until, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(broker))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was acknowledged is stored, once; every press of a button became an alert.
fn check(sent: &Sent, stored: u64, figures: &str) -> Result<()> {
    let alerts = value(figures, "watch_alerts_total")?;
    eprintln!(
        "{} readings acknowledged, {stored} stored, {} presses, {alerts} alerts; half within {:.1} ms, the last after {:.1} ms",
        sent.acknowledged,
        sent.presses,
        sent.waited(0.5).as_secs_f64() * 1000.0,
        sent.waited(1.0).as_secs_f64() * 1000.0
    );
    ensure!(stored == sent.acknowledged, "{} readings acknowledged, {stored} stored", sent.acknowledged);
    ensure!(alerts >= sent.presses as f64, "{} presses, {alerts} alerts", sent.presses);
    Ok(())
}

/// What the maker of regions, or another helper beside the program, says.
pub fn asked(program: &Path, base: &Base, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).envs(base.authority().map(|file| ("SSL_CERT_FILE", file)));
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{} {}: {}", program.display(), arguments[0], output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// `serve`, plain behind a proxy on this machine.
struct Region {
    child: Child,
    group: Option<Group>,
    mqtt: u16,
    operations: u16,
    log: PathBuf,
}

impl Region {
    fn start(program: &Path, folder: &Path, base: &Base, owner: &Base) -> Result<Region> {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::process::CommandExt;
        // A region's files are nobody else's, or it does not start.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let (web, mqtt, operations) = (free_port()?, free_port()?, free_port()?);
        let config = format!(
            "region = \"見本地域\"\n{}[web]\nlisten = \"127.0.0.1:{web}\"\n\
             hosts = [\"localhost\"]\ntrusted_proxies = [\"127.0.0.1\"]\n[mqtt]\nlisten = \"127.0.0.1:{mqtt}\"\n\
             [operations]\nlisten = \"127.0.0.1:{operations}\"\nfolder = {:?}\n",
            base.config(),
            folder.join("operations")
        );
        let (path, log) = (folder.join("config.toml"), folder.join("serve.log"));
        fs::write(&path, config)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        if let (Some(address), Some(authority)) = (owner.address(), owner.authority()) {
            let mut command = Command::new(program);
            command.args(["migrate", "--config"]).arg(&path).env("TSUNAGARI_DATABASE_OWNER", address);
            let migrated = command.env("SSL_CERT_FILE", authority).output()?;
            ensure!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        }
        let said = fs::File::create(&log)?;
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(&path).process_group(0);
        let child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()?;
        let group = Some(Group::of(&child));
        Ok(Region { child, group, mqtt, operations, log })
    }

    fn await_ready(&mut self) -> Result<()> {
        let until = Instant::now() + START_LIMIT;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                bail!("the region ended: {status}\n{}", fs::read_to_string(&self.log)?);
            }
            if self.asked("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the region is not ready within {} s", START_LIMIT.as_secs())
    }

    fn metrics(&self) -> Result<String> {
        self.asked("/metrics")
    }

    fn asked(&self, path: &str) -> Result<String> {
        get(self.operations, path)
    }

    fn stop(mut self) -> Result<()> {
        signal_group(self.child.id(), "TERM");
        let until = Instant::now() + STOP_LIMIT;
        while Instant::now() < until {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the region does not end within {} s of SIGTERM", STOP_LIMIT.as_secs())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.group = None;
        let _ = self.child.wait();
    }
}
