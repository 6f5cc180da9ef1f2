//! Pages a second, with fifty people of the town's care teams signed in. Each asks for the next page as soon as the
//! last one has come; every body is searched for the name of its person, and afterwards the audit chain must hold
//! the look of each answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use crate::bench::Setting;
use crate::bench::database::Base;
use crate::bench::figure::{Better, Figure, median};
use crate::bench::ingest::asked;
use crate::bench::pages_users::{Kind, User, gather, gather_for};
use crate::bench::probe::{Running, await_rest, fsync};
use crate::bench::town::{self, Town};

const USERS: usize = 50;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(6);
const QUICK_ROUND: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(4);
const START_LIMIT: Duration = Duration::from_secs(60);
const REST_LIMIT: Duration = Duration::from_secs(300);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const FSYNCS: usize = 300;
/// PostgreSQL's figure of SQLite's at least, in percent.
const HALF: f64 = 50.0;

const KINDS: [Kind; 5] = [Kind::Page, Kind::List, Kind::Day, Kind::Queue, Kind::Register];
/// Of each kind what SQLite does, what PostgreSQL does, and that in percent of this.
const NAMES: [[&str; 3]; 5] = [
    ["pages_per_s", "postgres_pages_per_s", "postgres_pages_percent"],
    ["lists_per_s", "postgres_lists_per_s", "postgres_lists_percent"],
    ["day_per_s", "postgres_day_per_s", "postgres_day_percent"],
    ["queue_per_s", "postgres_queue_per_s", "postgres_queue_percent"],
    ["register_per_s", "postgres_register_per_s", "postgres_register_percent"],
];

pub fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let town = town::copy(setting, "pages")?;
    let fsync_ms = fsync(&town.data, FSYNCS)?;
    let sqlite = measure(setting, &town)?;
    let figure = |metric, value, target, better| Figure { bench: "pages", metric, value, target, better };
    let (higher, lower) = (Better::Higher, Better::Lower);
    let mut figures = vec![
        figure("pages_per_s", sqlite.rate(0), Some(1500.0), higher),
        figure("lists_per_s", sqlite.rate(1), Some(500.0), higher),
        figure("p99_ms", sqlite.p99(0), Some(50.0), lower),
        figure("lists_p99_ms", sqlite.p99(1), None, lower),
        figure("fsync_ms", fsync_ms, None, lower),
    ];
    figures.extend((2..KINDS.len()).map(|kind| figure(NAMES[kind][0], sqlite.rate(kind), None, higher)));
    if setting.is_first() {
        let bare = bare_looks(setting, &Base::File(setting.folder.join("looks.db")))?;
        figures.push(figure("bare_looks_per_s", bare, None, higher));
        figures.push(figure("pages_percent_of_bare_looks", sqlite.rate(0) / bare * 100.0, None, higher));
    }
    if setting.on_postgres() {
        let postgres = measure(setting, &town::copy_on_server(setting, "pages")?)?;
        for (kind, [_, rate, percent]) in NAMES.into_iter().enumerate() {
            figures.push(figure(rate, postgres.rate(kind), None, higher));
            figures.push(figure(percent, postgres.rate(kind) / sqlite.rate(kind) * 100.0, Some(HALF), higher));
        }
        figures.push(figure("postgres_p99_ms", postgres.p99(0), None, lower));
        let bare = bare_looks(setting, &setting.databases()?.create("looks", None)?)?;
        figures.push(figure("postgres_bare_looks_per_s", bare, None, higher));
    }
    Ok(figures)
}

/// How often a second as many people leave the row of a look, with nothing read or drawn.
fn bare_looks(setting: &Setting, base: &Base) -> Result<f64> {
    let mut rates = Vec::new();
    for n in 1..=3 {
        let seconds = if setting.quick { "1" } else { "6" };
        let said = asked(&setting.maker, base, &["looks", base.word()?, &USERS.to_string(), seconds])?;
        let (rate, p99) = said.trim().split_once(' ').context("the looks say no figures")?;
        eprintln!("bare looks {n}: {rate}/s, p99 {p99} ms");
        rates.push(rate.parse()?);
    }
    Ok(median(rates))
}

/// Of each kind its rounds.
struct Measured(Vec<Vec<(f64, Asked)>>);

impl Measured {
    fn rate(&self, kind: usize) -> f64 {
        median(self.0[kind].iter().map(|(rate, _)| *rate).collect())
    }

    fn p99(&self, kind: usize) -> f64 {
        median(self.0[kind].iter().map(|(_, asked)| asked.percentile(99.0)).collect())
    }
}

fn measure(setting: &Setting, town: &Town) -> Result<Measured> {
    let log = setting.folder.join("pages.log");
    let mut server = town.start(&setting.program, &[], &log)?;
    let took = server.await_answer("/", START_LIMIT).with_context(|| std::fs::read_to_string(&log).unwrap_or_default());
    eprintln!("the town answers after {} ms", took?.as_millis());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let team = runtime.block_on(gather(server.port, USERS))?;
    let mut audited = Audit::open(setting, town)?;
    let mut measured = Vec::new();
    for kind in KINDS {
        let users = match kind {
            Kind::Page | Kind::List => team.clone(),
            _ => runtime.block_on(gather_for(server.port, kind, USERS))?,
        };
        // What is filed by person belongs to the pages that were looked at, not to those that come next.
        let rested = await_rest(REST_LIMIT)?;
        eprintln!("{kind:?}: what was before it kept the machine for {} s", rested.as_secs());
        runtime.block_on(round(&users, kind, WARM_UP))?;
        audited.expect_none_missing(None)?;
        let rounds = rounds(setting, &runtime, &server, &users, kind)?;
        let responses = rounds.iter().map(|(_, asked)| asked.took.len()).sum();
        audited.expect_none_missing(Some(responses))?;
        measured.push(rounds);
    }
    server.stop(STOP_LIMIT)?;
    audited.verify()?;
    Ok(Measured(measured))
}

fn rounds(
    setting: &Setting,
    runtime: &tokio::runtime::Runtime,
    server: &Running,
    users: &[User],
    kind: Kind,
) -> Result<Vec<(f64, Asked)>> {
    let mut rounds = Vec::new();
    for n in 1..=ROUNDS {
        let time = if setting.quick { QUICK_ROUND } else { ROUND };
        let (processor, began) = (server.processor()?, Instant::now());
        let mut asked = runtime.block_on(round(users, kind, time))?;
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
    Ok(rounds)
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
    fn open<'a>(setting: &'a Setting, town: &Town) -> Result<Audit<'a>> {
        use std::os::unix::fs::PermissionsExt;
        let config = town.data.join("audit.toml");
        let text = format!(
            "{}[web]\ntrusted_proxies = [\"127.0.0.1\"]\n[operations]\nfolder = {:?}\n",
            town.base.config(),
            town.data.join("operations")
        );
        std::fs::write(&config, text)?;
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600))?;
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
        // An earlier version, which left one row a look, does not count requests.
        let counted = |row: &BTreeMap<String, serde_json::Value>| row.get("requests").unwrap_or(&row["rows"]).as_u64();
        for line in text.lines() {
            let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(line)?;
            if row["action"].as_str().is_some_and(|action| action.starts_with("look.")) {
                looks += counted(&row).context("no count")?;
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
