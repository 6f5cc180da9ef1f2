//! Pages a second, with fifty people of the town's care teams signed in. Each asks for the next page as soon as the
//! last one has come; every body is searched for the name of its person, and afterwards the audit chain must hold
//! exactly one look for each answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use crate::bench::Setting;
use crate::bench::figure::{Better, Figure, median};
use crate::bench::pages_users::{Kind, User, gather};
use crate::bench::probe::{Running, fsync};
use crate::bench::town;

const USERS: usize = 50;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(6);
const QUICK_ROUND: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(4);
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const FSYNCS: usize = 300;

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let data = town::copy(setting, "pages")?;
    let log = setting.scratch.path().join("pages.log");
    let folder = data.to_str().context("a temporary folder whose name is not UTF-8")?;
    let fsync_ms = fsync(&data, FSYNCS)?;
    let mut server = Running::start(&setting.program, &["demo", "--data", folder], &log)?;
    let took = server.await_answer("/", START_LIMIT).with_context(|| std::fs::read_to_string(&log).unwrap_or_default());
    eprintln!("the town answers after {} ms; fsync {fsync_ms:.2} ms", took?.as_millis());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let users = runtime.block_on(gather(server.port, USERS))?;
    let mut audited = Audit::open(setting, &data)?;
    let mut measured = Vec::new();
    for kind in [Kind::Page, Kind::List] {
        runtime.block_on(round(&users, kind, WARM_UP))?;
        audited.expect_none_missing(None)?;
        let mut rounds = Vec::new();
        for n in 1..=ROUNDS {
            let time = if setting.quick { QUICK_ROUND } else { ROUND };
            let (processor, began) = (server.processor()?, Instant::now());
            let mut asked = runtime.block_on(round(&users, kind, time))?;
            let (seconds, used) = (began.elapsed().as_secs_f64(), server.processor()? - processor);
            asked.took.sort_unstable();
            let (count, rate) = (asked.took.len(), asked.took.len() as f64 / seconds);
            let each = used.as_secs_f64() * 1e6 / count as f64;
            eprintln!(
                "{kind:?} {n}: {rate:.0}/s, median {:.1} ms, p99 {:.1} ms, {:.0} kB a body, {each:.0} µs of processor",
                asked.percentile(50.0),
                asked.percentile(99.0),
                asked.bytes as f64 / count as f64 / 1000.0,
            );
            rounds.push((rate, asked));
        }
        let responses = rounds.iter().map(|(_, asked)| asked.took.len()).sum();
        audited.expect_none_missing(Some(responses))?;
        measured.push(rounds);
    }
    server.stop(STOP_LIMIT)?;
    audited.verify()?;
    Ok(figures(&measured, fsync_ms))
}

fn figures(measured: &[Vec<(f64, Asked)>], fsync_ms: f64) -> Vec<Figure> {
    let rate = |kind: usize| median(measured[kind].iter().map(|(rate, _)| *rate).collect());
    let p99 = |kind: usize| median(measured[kind].iter().map(|(_, asked)| asked.percentile(99.0)).collect());
    let figure = |metric, value, target, better| Figure { bench: "pages", metric, value, target, better };
    vec![
        figure("pages_per_s", rate(0), Some(1500.0), Better::Higher),
        figure("lists_per_s", rate(1), Some(500.0), Better::Higher),
        figure("p99_ms", p99(0), Some(50.0), Better::Lower),
        figure("lists_p99_ms", p99(1), None, Better::Lower),
        figure("fsync_ms", fsync_ms, None, Better::Lower),
    ]
}

/// What one round came to.
#[derive(Default)]
struct Asked {
    /// Microseconds from the first byte sent to the last received.
    took: Vec<u32>,
    bytes: u64,
}

impl Asked {
    /// Milliseconds; the answers are sorted.
    fn percentile(&self, share: f64) -> f64 {
        let at = ((self.took.len() as f64 * share / 100.0).ceil() as usize).clamp(1, self.took.len().max(1)) - 1;
        self.took.get(at).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Everybody asks, each for one thing after the other, for this long.
async fn round(users: &[User], kind: Kind, time: Duration) -> Result<Asked> {
    let until = Instant::now() + time;
    let mut asking = JoinSet::new();
    for user in users {
        asking.spawn(ask(user.clone(), kind, until));
    }
    let mut all = Asked::default();
    while let Some(asked) = asking.join_next().await {
        let asked = asked??;
        all.took.extend(asked.took);
        all.bytes += asked.bytes;
    }
    Ok(all)
}

async fn ask(user: User, kind: Kind, until: Instant) -> Result<Asked> {
    let mut line = user.line().await?;
    let mut asked = Asked::default();
    let mut draw = user.draws(kind);
    while Instant::now() < until {
        let wanted = draw();
        let began = Instant::now();
        let answer = line.ask(&wanted.request).await?;
        asked.took.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        let body = answer.page()?;
        ensure!(body.contains(&wanted.holds), "a body without its person: {}", wanted.path);
        asked.bytes += body.len() as u64;
    }
    Ok(asked)
}

/// Counts the looks in the audit chain of the town, through the program's own command.
struct Audit<'a> {
    program: &'a Path,
    config: std::path::PathBuf,
    looks: u64,
}

impl Audit<'_> {
    fn open<'a>(setting: &'a Setting, data: &Path) -> Result<Audit<'a>> {
        let config = data.join("audit.toml");
        let text = format!(
            "[database]\nsqlite = {:?}\n[web]\ntrusted_proxies = [\"127.0.0.1\"]\n[operations]\nfolder = {:?}\n",
            data.join("town.db"),
            data
        );
        std::fs::write(&config, text)?;
        let mut audit = Audit { program: &setting.program, config, looks: 0 };
        audit.looks = audit.count()?;
        Ok(audit)
    }

    /// The looks since the last call are as many as the responses, if that is asked.
    fn expect_none_missing(&mut self, responses: Option<usize>) -> Result<()> {
        let (before, now) = (self.looks, self.count()?);
        self.looks = now;
        let Some(responses) = responses else { return Ok(()) };
        let added = now - before;
        ensure!(added == responses as u64, "{responses} responses and {added} looks in the audit chain");
        eprintln!("{responses} responses, {added} looks in the audit chain");
        Ok(())
    }

    fn count(&self) -> Result<u64> {
        let text = self.say("tally")?;
        let mut looks = 0;
        for line in text.lines() {
            let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(line)?;
            if row["action"].as_str().is_some_and(|action| action.starts_with("look.")) {
                looks += row["rows"].as_u64().context("rows")?;
            }
        }
        Ok(looks)
    }

    fn verify(&self) -> Result<()> {
        eprint!("{}", self.say("verify")?);
        Ok(())
    }

    fn say(&self, command: &str) -> Result<String> {
        let said = Command::new(self.program).args(["audit", command, "--config"]).arg(&self.config).output()?;
        if !said.status.success() {
            bail!("audit {command}: {}", String::from_utf8_lossy(&said.stderr));
        }
        Ok(String::from_utf8(said.stdout)?)
    }
}
