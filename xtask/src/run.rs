//! Child processes: shown as they speak, kept as text, limited in time, and ended with everything they started.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// How one command ended.
pub struct Outcome {
    pub ok: bool,
    /// Both its outputs, in the order they came.
    pub text: String,
    /// Why it is not ok, when its exit code alone does not say.
    pub complaint: Option<String>,
}

/// What of a command's two outputs is shown while it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Both,
    Errors,
    Nothing,
}

/// Runs a command without input, shows what it says, and ends it (and its children) at the limit.
pub fn run(command: &mut Command, limit: Duration) -> Result<Outcome> {
    perform(command, limit, Shown::Both)
}

/// The same, where the first output is for a machine to read.
pub fn read(command: &mut Command, limit: Duration) -> Result<Outcome> {
    perform(command, limit, Shown::Errors)
}

/// The same, and shows nothing: several run at a time, and their words would mingle.
pub fn quietly(command: &mut Command, limit: Duration) -> Result<Outcome> {
    perform(command, limit, Shown::Nothing)
}

fn perform(command: &mut Command, limit: Duration, shown: Shown) -> Result<Outcome> {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().with_context(|| format!("{name} does not start"))?;
    let group = Group::of(&child);

    let text = Arc::new(Mutex::new(String::new()));
    let (silent, heard_all) = mpsc::channel::<()>();
    if let Some(pipe) = child.stdout.take() {
        listen(pipe, &text, &silent, shown == Shown::Both);
    }
    if let Some(pipe) = child.stderr.take() {
        listen(pipe, &text, &silent, shown != Shown::Nothing);
    }
    drop(silent);

    let (tell, ended) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait()));
    let (ok, complaint) = match ended.recv_timeout(limit) {
        Ok(status) => {
            let status = status?;
            (status.success(), (!status.success()).then(|| format!("{name}: {status}")))
        }
        Err(RecvTimeoutError::Timeout) => (false, Some(format!("{name}: ended after {} s", limit.as_secs()))),
        Err(RecvTimeoutError::Disconnected) => (false, Some(format!("{name}: lost"))),
    };
    // Whatever the command left running in its group would hold the pipes open.
    drop(group);
    while heard_all.recv_timeout(Duration::from_secs(5)) == Ok(()) {}
    let text = lock(&text).clone();
    Ok(Outcome { ok, text, complaint })
}

/// A process group that is killed when this goes out of scope, or when the run is interrupted.
pub struct Group(u32);

impl Group {
    /// The group of a child that was spawned with `process_group(0)`.
    pub fn of(child: &Child) -> Group {
        lock(&GROUPS).insert(child.id());
        Group(child.id())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        signal_group(self.0, "KILL");
        lock(&GROUPS).remove(&self.0);
    }
}

/// A folder that is removed when this goes out of scope, or when the run is interrupted.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder `tsunagari-<what>-<process id>` among the temporary ones. Those that ended processes left are removed.
    pub fn new(what: &str) -> Result<Scratch> {
        let all = std::env::temp_dir();
        let prefix = format!("tsunagari-{what}-");
        for entry in std::fs::read_dir(&all)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(owner) = name.strip_prefix(&prefix).and_then(|rest| rest.parse::<u32>().ok()) else { continue };
            if !Path::new(&format!("/proc/{owner}")).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let folder = all.join(format!("{prefix}{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        lock(&FOLDERS).insert(folder.clone());
        Ok(Scratch(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        lock(&FOLDERS).remove(&self.0);
    }
}

/// Sends a signal (`INT`, `TERM`, `KILL`) to a whole process group. A group that has already ended is no error.
pub fn signal_group(group: u32, signal: &str) {
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", signal, &group.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// On ctrl-c or SIGTERM: ends every child, removes every temporary folder, and leaves with the usual 130.
pub fn end_children_on_signal() {
    thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return std::future::pending().await;
            };
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        for group in lock(&GROUPS).iter() {
            signal_group(*group, "KILL");
        }
        for folder in lock(&FOLDERS).iter() {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(130);
    });
}

static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn listen(pipe: impl Read + Send + 'static, text: &Arc<Mutex<String>>, silent: &mpsc::Sender<()>, show: bool) {
    let (text, silent) = (Arc::clone(text), silent.clone());
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let said = String::from_utf8_lossy(&line);
            if show {
                let _ = std::io::stdout().lock().write_all(said.as_bytes());
            }
            lock(&text).push_str(&said);
            line.clear();
        }
        let _ = silent.send(());
    });
}

/// A panicking thread must not keep the others from cleaning up.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
