//! Looks at a running program from outside: does it answer, and how much memory does it hold.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::figure::median;
use crate::run::{Group, signal_group};

/// For so long the machine must have used less than a fifth of a processor: longer than any round of the program waits
/// that files or cleans up. Its database may be another program.
const REST: Duration = Duration::from_secs(5);

/// Waits until next to nothing is done on this machine, for so long at most; says how long that was.
pub fn await_rest(limit: Duration) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let (before, from) = (busy()?, Instant::now());
        sleep(REST);
        if busy()? - before < from.elapsed() / 5 {
            return Ok(from - began);
        }
        ensure!(began.elapsed() < limit, "the machine is still busy after {} s", limit.as_secs());
    }
}

/// Time that all processors have worked so far.
fn busy() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
    // User, nice, system, idle, waiting for the disk, interrupts of two kinds; 100 ticks a second as below.
    let [user, nice, system, _idle, _waiting, hard, soft, ..] = ticks[..] else { bail!("no processor time") };
    Ok(Duration::from_millis((user + nice + system + hard + soft) * 10))
}

/// A server of ours that is ended with this value.
pub struct Running {
    child: Child,
    group: Option<Group>,
    pub port: u16,
    pub began: Instant,
}

impl Running {
    /// Starts the program with `arguments` and `--port` of a free port, believing `authority`. What it says goes into
    /// `log`.
    pub fn start(program: &Path, arguments: &[&str], authority: Option<&Path>, log: &Path) -> Result<Running> {
        let port = free_port()?;
        let log = File::create(log)?;
        let mut command = Command::new(program);
        command.args(arguments).args(["--port", &port.to_string()]).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.envs(authority.map(|file| ("SSL_CERT_FILE", file)));
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("{} does not start", program.display()))?;
        let group = Some(Group::of(&child));
        Ok(Running { child, group, port, began })
    }

    /// Time from the start of the process to the first good answer of `GET path`.
    pub fn await_answer(&mut self, path: &str, limit: Duration) -> Result<Duration> {
        while self.began.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended: {status}");
            }
            if answers(self.port, path) {
                return Ok(self.began.elapsed());
            }
            sleep(Duration::from_millis(2));
        }
        bail!("no good answer of GET {path} within {} s", limit.as_secs())
    }

    /// The most memory held (resident set, bytes) while watching for `time`.
    pub fn watch_memory(&self, time: Duration) -> Result<u64> {
        let until = Instant::now() + time;
        let mut most = 0;
        while Instant::now() < until {
            most = most.max(self.held()?.resident);
            sleep(Duration::from_millis(100));
        }
        Ok(most)
    }

    /// What it holds now.
    pub fn held(&self) -> Result<Held> {
        held(self.child.id())
    }

    /// Processor time the program has used so far, in user and kernel.
    pub fn processor(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold blanks: state is field 3, user and system time are 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |n: usize| fields.get(n - 3).and_then(|f| f.parse::<u64>().ok()).context("no processor time");
        // 100 ticks a second on every Linux we build for.
        Ok(Duration::from_millis((ticks(14)? + ticks(15)?) * 10))
    }

    /// Asks the program to end and waits for it, so that the next start finds its data closed.
    pub fn stop(mut self, limit: Duration) -> Result<()> {
        signal_group(self.child.id(), "TERM");
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("the program does not end within {} s of SIGTERM", limit.as_secs())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group = None;
        let _ = self.child.wait();
    }
}

/// A page or a redirect to one; refused connections and errors are no answer.
fn answers(port: u16, path: &str) -> bool {
    let second = Duration::from_secs(1);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, second) else { return false };
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    if stream.set_read_timeout(Some(second)).is_err() || stream.write_all(request.as_bytes()).is_err() {
        return false;
    }
    let mut head = [0_u8; 12];
    stream.read_exact(&mut head).is_ok() && head.starts_with(b"HTTP/1.") && matches!(head[9], b'2' | b'3')
}

/// Memory of a process, bytes: all that lies in memory, and what of it is no file's.
pub struct Held {
    pub resident: u64,
    pub own: u64,
}

fn held(process: u32) -> Result<Held> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let bytes = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    };
    Ok(Held { resident: bytes("VmRSS:")?, own: bytes("RssAnon:")? })
}

/// What an address of this machine answers, head and body.
pub fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// One figure of the metrics page.
pub fn value(figures: &str, name: &str) -> Result<f64> {
    let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no {name} among the metrics"))?.parse()?)
}

/// Milliseconds that the disk under `folder` takes to make a page of a log durable: the median of `times`.
pub fn fsync(folder: &Path, times: usize) -> Result<f64> {
    let path = folder.join("fsync");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        file.write_all(&[1; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(&path)?;
    Ok(median(took))
}

/// A port that is free now, on this machine only.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
