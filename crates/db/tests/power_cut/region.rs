//! A small region under load, and what must be true of it after the power is back.

use std::path::Path;

use base::{Actor, Ctx, Instant, PersonId, Purpose, RequestId};
use db::{Db, DbConfig, DbError, Durability, Migration, Tx, outbox, params};
use tokio::task::JoinSet;
use uuid::Uuid;

audit::verbs! {
    /// What this region does.
    Verb of "試験" {
        Store = "test.store", "保存";
        Refuse = "test.refused", "拒否";
    }
}

db::events! {
    Told {
        Alarm = "test.alarm" { id: i64 };
    }
}

/// Desks that send commands at the same time.
const DESKS: i64 = 12;
/// Commands of one desk between two starts of the program, one after the other.
const STEPS: i64 = 4;
/// Pages after which the engine moves its log into the main file; low, so that the cuts hit that too.
const CHECKPOINT: &str = "PRAGMA wal_autocheckpoint = 40";

pub const TABLES: &[Migration] = &[Migration {
    name: "test/001",
    sql: "CREATE TABLE stored (id BIGINT PRIMARY KEY, desk BIGINT NOT NULL, word TEXT NOT NULL);
          CREATE TABLE tally (desk BIGINT PRIMARY KEY, n BIGINT NOT NULL);
          CREATE TABLE alarm (id BIGINT PRIMARY KEY);",
}];
const STORE: &str = "INSERT INTO stored (id, desk, word) VALUES ($1, $2, $3)";
const COUNT_UP: &str = "INSERT INTO tally (desk, n) VALUES ($1, 1) ON CONFLICT (desk) DO UPDATE SET n = tally.n + 1";
const RAISE: &str = "INSERT INTO alarm (id) VALUES ($1)";

/// What was acknowledged, or seen by a reader, before the power went.
#[derive(Default, Debug)]
pub struct Known {
    stored: Vec<i64>,
    refused: Vec<i64>,
    heads: Vec<audit::Head>,
    last_event: i64,
}

impl Known {
    pub fn commands(&self) -> usize {
        self.stored.len() + self.refused.len()
    }
}

/// What is wrong with a region after the cut.
#[derive(Default, Debug)]
pub struct Damage {
    /// Acknowledged, and gone.
    pub lost: Vec<String>,
    /// Half done, twice done, or unreadable.
    pub broken: Vec<String>,
}

#[derive(Debug)]
enum Stop {
    /// A rule said no: an answer like any other.
    Refused,
    Db,
}

impl From<DbError> for Stop {
    fn from(_: DbError) -> Stop {
        Stop::Db
    }
}

fn migrations() -> [&'static [Migration]; 2] {
    [audit::MIGRATIONS, TABLES]
}

/// Runs the program from its start until its work is done or the power is gone.
pub fn live(file: &Path, durability: Durability, life: i64, known: &mut Known) {
    let Ok(db) = Db::open(DbConfig::Sqlite { file: file.to_owned(), durability }, &migrations()) else { return };
    if db.write_blocking(|tx| tx.query(CHECKPOINT, &[])).is_err() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(async {
        let mut desks = JoinSet::new();
        for desk in 0..DESKS {
            desks.spawn(work_at(desk, life, db.clone()));
        }
        while let Some(seen) = desks.join_next().await {
            let seen = seen.expect("a desk does not panic");
            known.stored.extend(seen.stored);
            known.refused.extend(seen.refused);
            known.heads.extend(seen.heads);
            known.last_event = known.last_event.max(seen.last_event);
        }
    });
}

async fn work_at(desk: i64, life: i64, db: Db) -> Known {
    let mut known = Known::default();
    for step in 0..STEPS {
        let id = life * 10_000 + desk * 100 + step;
        match db.write_or(move |tx| command(tx, id, desk), move |tx, _| refusal(tx, id)).await {
            Ok(()) => known.stored.push(id),
            Err(Stop::Refused) => known.refused.push(id),
            Err(Stop::Db) => break,
        }
        let seen = db.read(|tx| Ok::<_, DbError>((audit::head(tx)?, outbox::last_seq(tx)?))).await;
        if let Ok(((seq, hash), event)) = seen {
            known.heads.push(audit::Head { seq, at: Instant(0), hash });
            known.last_event = known.last_event.max(event);
        }
    }
    known
}

fn context(id: i64) -> Ctx {
    let request = RequestId(Uuid::from_u128(id as u128));
    Ctx::new(Actor::system("test"), Purpose::Operation, Instant(id * 1_000_000), request)
}

fn raises_alarm(id: i64) -> bool {
    id % 4 == 0
}

fn command(tx: &mut dyn Tx, id: i64, desk: i64) -> Result<(), Stop> {
    tx.execute(STORE, params![id, desk, "見".repeat(100 + (id % 7) as usize * 150)])?;
    tx.execute(COUNT_UP, params![desk])?;
    audit::done(
        &context(id),
        tx,
        Verb::Store,
        audit::Basis::Means(audit::Means::Program, Some(PersonId(Uuid::from_u128(1)))),
        &id.to_string(),
    )?;
    if raises_alarm(id) {
        tx.execute(RAISE, params![id])?;
        outbox::push(tx, Instant(id), &Told::Alarm { id })?;
    }
    if id % 7 == 3 { Err(Stop::Refused) } else { Ok(()) }
}

fn refusal(tx: &mut dyn Tx, id: i64) -> Result<(), DbError> {
    audit::refused(&context(id), tx, Verb::Refuse, &[], &id.to_string()).map(drop)
}

/// Opens the region as after a power cut and holds it against what was known before.
pub fn examine(file: &Path, known: &Known) -> Damage {
    let mut damage = Damage::default();
    if let Err(finding) = integrity(file) {
        damage.broken.push(finding);
    }
    let config = DbConfig::Sqlite { file: file.to_owned(), durability: Durability::Process };
    let db = match Db::open(config, &migrations()) {
        Ok(db) => db,
        Err(error) => {
            damage.broken.push(format!("does not open: {error}"));
            return damage;
        }
    };
    let found = db.read_blocking(Found::load).expect("the tables are readable");
    found.compare(known, &mut damage);
    // It goes on where it was, and the chain with it.
    let goes_on = db.write_blocking(|tx| command(tx, 9_000_000, DESKS)).is_ok();
    let report = db.read_blocking(|tx| audit::verify(tx, &[])).expect("the chain is readable");
    if !goes_on || report.finding.is_some() {
        damage.broken.push(format!("does not go on: {report:?}"));
    }
    damage
}

/// SQLite's own check, through the plain layer beneath it.
fn integrity(file: &Path) -> Result<(), String> {
    let flags = rusqlite::OpenFlags::default();
    let connection = rusqlite::Connection::open_with_flags_and_vfs(file, flags, c"unix").map_err(|e| e.to_string())?;
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(|e| e.to_string())?;
    if said == "ok" { Ok(()) } else { Err(said) }
}

struct Found {
    stored: Vec<i64>,
    /// Desk, what its tally says, how many rows it has.
    tallies: Vec<(i64, i64, i64)>,
    alarms: Vec<i64>,
    events: Vec<i64>,
    last_event: i64,
    /// Ids named by audit rows of commands done and refused.
    done: Vec<i64>,
    refused: Vec<i64>,
    chain: audit::Report,
    heads: Vec<(i64, audit::Hash)>,
}

impl Found {
    fn load(tx: &mut dyn Tx) -> Result<Found, DbError> {
        let ids = |tx: &mut dyn Tx, sql: &str| -> Result<Vec<i64>, DbError> {
            tx.query(sql, &[])?.iter().map(|row| row.get(0)).collect()
        };
        let tallies = "SELECT t.desk, t.n, (SELECT COUNT(*) FROM stored s WHERE s.desk = t.desk) FROM tally t";
        let events = outbox::after(tx, 0, 100_000)?;
        let alarm_of = |event: &outbox::Event| -> Option<i64> {
            serde_json::from_str::<serde_json::Value>(&event.body).ok()?["id"].as_i64()
        };
        Ok(Found {
            stored: ids(tx, "SELECT id FROM stored ORDER BY id")?,
            tallies: tx
                .query(tallies, &[])?
                .iter()
                .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .collect::<Result<_, DbError>>()?,
            alarms: ids(tx, "SELECT id FROM alarm ORDER BY id")?,
            last_event: outbox::last_seq(tx)?,
            events: sorted(events.iter().filter_map(alarm_of).collect()),
            done: ids(tx, "SELECT CAST(items AS BIGINT) FROM audit_row WHERE action = 'test.store' ORDER BY 1")?,
            refused: ids(tx, "SELECT CAST(ground AS BIGINT) FROM audit_row WHERE action = 'test.refused' ORDER BY 1")?,
            chain: audit::verify(tx, &[])?,
            heads: tx
                .query("SELECT seq, hash FROM audit_row ORDER BY seq", &[])?
                .iter()
                .map(|row| Ok((row.get(0)?, row.get(1)?)))
                .collect::<Result<_, DbError>>()?,
        })
    }

    fn compare(&self, known: &Known, damage: &mut Damage) {
        for id in known.stored.iter().filter(|id| !self.stored.contains(id)) {
            damage.lost.push(format!("command {id}"));
        }
        for id in known.refused.iter().filter(|id| !self.refused.contains(id)) {
            damage.lost.push(format!("refusal {id}"));
        }
        for head in known.heads.iter().filter(|head| !self.heads.contains(&(head.seq, head.hash)) && head.seq > 0) {
            damage.lost.push(format!("audit row {} as a reader saw it", head.seq));
        }
        if self.last_event < known.last_event {
            damage.lost.push(format!("event {} as a reader saw it", known.last_event));
        }
        let mut broken = |what: String| damage.broken.push(what);
        if let Some(finding) = self.chain.finding {
            broken(format!("audit chain: {finding:?}"));
        }
        if self.done != self.stored {
            broken(format!("commands {:?}, but audit rows {:?}", self.stored, self.done));
        }
        if let Some(twice) = self.refused.windows(2).find(|pair| pair[0] == pair[1]) {
            broken(format!("refusal {} counted twice", twice[0]));
        }
        if let Some(both) = self.refused.iter().find(|id| self.stored.contains(id)) {
            broken(format!("command {both} refused and done"));
        }
        let due: Vec<i64> = self.stored.iter().copied().filter(|id| raises_alarm(*id)).collect();
        if self.alarms != due || self.events != due {
            broken(format!("alarms due {due:?}, found {:?}, announced {:?}", self.alarms, self.events));
        }
        let counted: i64 = self.tallies.iter().map(|(_, n, _)| n).sum();
        if counted != self.stored.len() as i64 || self.tallies.iter().any(|(_, n, rows)| n != rows) {
            broken(format!("desk, tally, rows: {:?}", self.tallies));
        }
    }
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}
