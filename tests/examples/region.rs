//! Writes the region that `cargo xtask bench ingest` measures in, before the program starts on it, and what a bench
//! holds the program against. A database is a file's name or a PostgreSQL server's address:
//! `region make DATABASE HOMES ROWS` settles the flats and stores readings of the past month;
//! `region count DATABASE` says how many readings are stored;
//! `region looks DATABASE PEOPLE SECONDS` says how many audit rows of a look were written a second, and the p99 in ms,
//! when so many people look all the time and nothing is read or drawn.

mod flats;

use std::time::{Duration, Instant as Moment};

use base::{Actor, Ctx, Instant, OfficeId, PersonId, Purpose, RequestId, Role, Span};
use db::{Db, DbConfig, DbError, Value};
use uuid::Uuid;
use web::MIGRATIONS;

use crate::flats::{Fault, settle};

const ROWS_PER_COMMIT: i64 = 50_000;
/// The flats' devices are numbered from 1; each row of the past month is another moment of one of them. The code is a
/// door's that opened.
const FILL: &str = "WITH RECURSIVE s AS (
      SELECT CAST($1 AS BIGINT) AS n UNION ALL SELECT n + 1 FROM s WHERE n < CAST($2 AS BIGINT))
    INSERT INTO watch_reading (seq, device_no, code, value, occurred_at, received_at)
    SELECT n, 1 + n % CAST($3 AS BIGINT), 1, 1.0, CAST($4 AS BIGINT) + n * CAST($5 AS BIGINT),
      CAST($4 AS BIGINT) + n * CAST($5 AS BIGINT)
    FROM s";

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", database, homes, rows] => make(database, homes.parse()?, rows.parse()?),
        ["count", database] => {
            println!("{}", open(database)?.read_blocking(watch::readings_stored)?);
            Ok(())
        }
        ["looks", database, people, seconds] => {
            let (rate, p99) = looks(database, people.parse()?, Duration::from_secs_f64(seconds.parse()?))?;
            println!("{rate:.1} {p99:.3}");
            Ok(())
        }
        _ => Err("region make DATABASE HOMES ROWS, region count DATABASE, region looks DATABASE PEOPLE SECONDS".into()),
    }
}

fn open(database: &str) -> Result<Db, Fault> {
    let config = match database.contains("host=") {
        true => DbConfig::postgres(database).as_owner(),
        false => DbConfig::sqlite(database),
    };
    Ok(Db::open(config, MIGRATIONS)?)
}

fn make(database: &str, homes: usize, rows: i64) -> Result<(), Fault> {
    let db = open(database)?;
    let now = now()?;
    settle(&db, homes, now)?;
    let devices = db.read_blocking(|tx| tx.scalar::<i64>("SELECT COUNT(*) FROM watch_device", &[]))?;
    let (began, step) = (now - Span::days(30), Span::days(30).0 / rows.max(1));
    let mut first = 1;
    while first <= rows {
        let last = (first + ROWS_PER_COMMIT - 1).min(rows);
        db.write_blocking(move |tx| {
            let values = [first, last, devices, began.0, step].map(Value::from);
            tx.execute(FILL, &values)?;
            // The watch has seen them all: nothing is to be read again at the start.
            db::marks::set(tx, "watch.floor", &last.to_string())?;
            Ok::<_, DbError>(())
        })?;
        first = last + 1;
    }
    Ok(())
}

fn now() -> Result<Instant, Fault> {
    Ok(Instant(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_micros())?))
}

/// The row that a page leaves, and nothing else of the page. The word of its outcome is another, so that no ground has
/// to be made up for somebody who does not look.
fn looks(database: &str, people: u64, time: Duration) -> Result<(f64, f64), Fault> {
    let db = open(database)?;
    let action = web::verbs::BOOK.find("look.person").ok_or("a look at a person")?;
    let (began, at) = (Moment::now(), now()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut took = runtime.block_on(async {
        let mut looking = tokio::task::JoinSet::new();
        for n in 0..people {
            let db = db.clone();
            looking.spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < time {
                    let moment = Moment::now();
                    let id = Uuid::from_u64_pair(n + 1, took.len() as u64);
                    let (office, device) = (Some(OfficeId(Uuid::from_u64_pair(n, 0))), id.to_string());
                    let actor = Actor { role: Role::Doctor, id, office, person: None, device };
                    let ctx = Ctx::new(actor, Purpose::Care, at, RequestId(id));
                    db.write(move |tx| audit::refused(&ctx, tx, action, &[PersonId(id)], "care_team")).await?;
                    took.push(moment.elapsed());
                }
                Ok::<_, DbError>(took)
            });
        }
        let mut all = Vec::new();
        while let Some(took) = looking.join_next().await {
            all.extend(took??);
        }
        Ok::<_, Fault>(all)
    })?;
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let p99 = took.get((took.len() * 99).div_ceil(100).max(1) - 1).copied().unwrap_or_default();
    Ok((rate, p99.as_secs_f64() * 1000.0))
}
