//! Writes the region that `cargo xtask bench ingest` measures in, before the program starts on it:
//! `region make FILE HOMES ROWS` settles the flats and stores readings of the past month;
//! `region count FILE` says how many readings are stored.

mod flats;

use std::path::Path;

use base::{Instant, Span};
use db::{Db, DbConfig, DbError, Value};
use web::MIGRATIONS;

use crate::flats::{Fault, settle};

const ROWS_PER_COMMIT: i64 = 50_000;
const INSERT: &str = "INSERT INTO reading (seq, device_no, code, value, occurred_at, received_at)";
/// A door that opened, as the watch codes it.
const OPENED: i64 = 1;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", file, homes, rows] => make(Path::new(file), homes.parse()?, rows.parse()?),
        ["count", file] => {
            let db = open(Path::new(file))?;
            println!("{}", db.read_blocking(watch::readings_stored)?);
            Ok(())
        }
        _ => Err("region make FILE HOMES ROWS, or region count FILE".into()),
    }
}

fn open(file: &Path) -> Result<Db, Fault> {
    Ok(Db::open(DbConfig::sqlite(file), MIGRATIONS)?)
}

/// The flats' devices are numbered from 1; each row of the past month is another moment of one of them.
fn make(file: &Path, homes: usize, rows: i64) -> Result<(), Fault> {
    let db = open(file)?;
    let now = Instant(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_micros())?);
    settle(&db, homes, now)?;
    let devices = db.read_blocking(|tx| tx.scalar::<i64>("SELECT COUNT(*) FROM device", &[]))?;
    let (began, step) = (now - Span::days(30), Span::days(30).0 / rows.max(1));
    let mut first = 1;
    while first <= rows {
        let last = (first + ROWS_PER_COMMIT - 1).min(rows);
        db.write_blocking(move |tx| {
            let of = |seq: i64| -> Vec<Value> {
                let at = Value::from(began.0 + seq * step);
                vec![seq.into(), (1 + seq % devices).into(), OPENED.into(), 1.0.into(), at.clone(), at]
            };
            let rows: Vec<Vec<Value>> = (first..=last).map(of).collect();
            tx.insert_rows(INSERT, 6, &rows, "")?;
            // The watch has seen them all: nothing is to be read again at the start.
            db::marks::set(tx, "watch.floor", &last.to_string())?;
            Ok::<_, DbError>(())
        })?;
        first = last + 1;
    }
    Ok(())
}
