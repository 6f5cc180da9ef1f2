//! From the moment a deadline is over to the moment an operator's screen shows it: sixty deadlines within one second,
//! while gateways bring 5,000 readings a second, in a browser that listens with its own EventSource.
//!
//! The deadlines are real ones and the clock is the machine's: for this bench the night lasts all day, and an entrance
//! that opens at night is an alert if nobody is heard inside during the next quarter of an hour. The gateways tell of
//! entrances that opened almost that long ago, as a gateway does whose line was slow.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bench::Setting;
use crate::bench::alert_to_screen_load::{Gateway, Load};
use crate::bench::figure::{Better, Figure};
use crate::bench::http::{Line, enter, first_of_role};
use crate::bench::probe::free_port;
use crate::bench::town;

/// Deadlines that must reach the screen.
const DEADLINES: usize = 60;
/// Some more are sent: in a town that lives, somebody may be heard in a home meanwhile.
const SENT: usize = 66;
const WAIT_MS: u64 = 15 * 60 * 1000;
/// From the sending of the openings to the first deadline.
const LEAD: Duration = Duration::from_secs(6);
const PER_SECOND: usize = 5000;
const CONNECTIONS: usize = 200;
/// The first home that sends the load, and the first with a deadline; the town's own story plays before them.
const LOADED: usize = 100;
const OPENED: usize = 400;
/// A line that just came back is given half a minute to bring what its gateway kept; until then no deadline is told.
const WARM_UP: Duration = Duration::from_secs(27);
const START_LIMIT: Duration = Duration::from_secs(60);
const SHOWN_LIMIT: Duration = Duration::from_secs(30);
const SCREEN: &str = include_str!("alert_to_screen.mjs");

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let town = town::copy(setting, "alert-to-screen")?;
    let log = setting.folder.join("alert-to-screen.log");
    let mqtt = free_port()?;
    let mut server = town.start(&setting.program, &["--mqtt-port", &mqtt.to_string()], &log)?;
    server.await_answer("/", START_LIMIT).with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let operator = runtime.block_on(night_all_day(server.port))?;
    let mut screen = Screen::open(&setting.folder, server.port, &operator)?;
    let (due, load) = runtime.block_on(play(mqtt))?;
    let seen = screen.close()?;
    eprintln!("{} readings acknowledged at {:.0}/s", load.acknowledged, load.rate);
    ensure!(load.rate >= PER_SECOND as f64 * 0.95, "the load was {:.0} readings/s only", load.rate);
    server.stop(Duration::from_secs(30))?;
    figures(&due, &seen)
}

/// Sets the region's night; gives the operator's account.
async fn night_all_day(port: u16) -> Result<String> {
    let mut line = Line::open(port).await?;
    let officer = first_of_role(&mut line, port, "市 高齢福祉").await?;
    let officer = enter(&mut line, port, &officer).await?;
    let form = "night_from=00%3A00&night_until=23%3A59&night_door=alert";
    let answer = line.ask(&officer.post("/watch-settings", form)).await?;
    ensure!(answer.status == 303, "the region's night cannot be set: {}", answer.body);
    first_of_role(&mut line, port, "コールセンター").await
}

/// Sends the load and in the midst of it the openings; gives the moments (ms) at which they are due.
async fn play(mqtt: u16) -> Result<(Vec<f64>, Load)> {
    let load = tokio::spawn(Load::run(mqtt, LOADED, CONNECTIONS, PER_SECOND, WARM_UP + LEAD + Duration::from_secs(6)));
    let mut gateways = Vec::new();
    for n in 0..SENT {
        gateways.push((OPENED + n, Gateway::connect(mqtt, OPENED + n).await?));
    }
    sleep(WARM_UP).await;
    let first_due = now_ms() + u64::try_from(LEAD.as_millis())?;
    let due: Vec<u64> = (0..SENT as u64).map(|n| first_due + n * 1000 / SENT as u64).collect();
    let mut sending = JoinSet::new();
    for (due, (home, mut gateway)) in due.iter().copied().zip(gateways) {
        sending.spawn(async move {
            let at = due - WAIT_MS;
            let text = format!(r#"{{"device":"demo-{home:04}-entrance","kind":"contact","value":"open","at":{at}}}"#);
            gateway.publish(&text).await?;
            gateway.acknowledged().await?;
            Ok::<_, anyhow::Error>(gateway)
        });
    }
    // A gateway that left its line would be a fault of the line, and a deadline waits for its end.
    let mut on_the_line = Vec::new();
    while let Some(sent) = timeout(LEAD, sending.join_next()).await.context("the openings were not acknowledged")? {
        on_the_line.push(sent??);
    }
    let load = load.await??;
    drop(on_the_line);
    Ok((due.into_iter().map(|ms| ms as f64).collect(), load))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The browser with the queue open, driven by a script of node.
struct Screen {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Screen {
    fn open(folder: &Path, port: u16, operator: &str) -> Result<Screen> {
        let script = folder.join("screen.mjs");
        std::fs::write(&script, SCREEN)?;
        let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser/");
        if !browser.join("node_modules").exists() {
            let installed = Command::new("npm").arg("ci").current_dir(&browser).status()?;
            ensure!(installed.success(), "npm ci failed");
        }
        let mut command = Command::new("node");
        command.arg(script).arg(browser).args([&port.to_string(), operator]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("node does not start")?;
        let output = BufReader::new(child.stdout.take().context("node without an output")?);
        let mut screen = Screen { child, output };
        let mut ready = String::new();
        screen.output.read_line(&mut ready)?;
        ensure!(ready.trim() == "ready", "the browser did not open the queue: {ready}");
        Ok(screen)
    }

    /// Waits until enough was shown, or long enough; gives what the page noted.
    fn close(&mut self) -> Result<Value> {
        let limit = SHOWN_LIMIT.as_millis();
        writeln!(self.child.stdin.take().context("node without an input")?, "{DEADLINES} {limit}")?;
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events carry no names, and the list shows its first fifty and counts the rest. So the n-th case on the
/// screen is held against the n-th deadline.
fn figures(due: &[f64], seen: &Value) -> Result<Vec<Figure>> {
    let shown: Vec<f64> =
        seen["shown"].as_array().into_iter().flatten().filter_map(Value::as_f64).filter(|at| *at >= due[0]).collect();
    if shown.len() < DEADLINES {
        bail!("{} of {DEADLINES} deadlines reached the screen", shown.len());
    }
    let mut late: Vec<f64> = shown.iter().zip(due).map(|(at, due)| at - due).collect();
    late.sort_by(f64::total_cmp);
    let value = late[(late.len() * 99).div_ceil(100) - 1];
    eprintln!("{} deadlines shown, median {:.0} ms, p99 {value:.0} ms", late.len(), late[late.len() / 2]);
    let (bench, metric, target) = ("alert-to-screen", "p99_ms", Some(2000.0));
    Ok(vec![Figure { bench, metric, value, target, better: Better::Lower }])
}
