//! Plays a recording through the same detector that watches live homes, without a database. It reads rows in order
//! and knows at each row only what came before; time passes with the rows, heartbeats included.
//!
//! Input: CSV with the header `home_id,timestamp,sensor_id,kind,room,value`; each home in order of time; local wall
//! time. A row is judged as a reading of the live watch is (`live::movement`, `live::meter`). Beside the sensors' kinds,
//! `energy_wh` and `water_l` (docs/readings.md): `answer` (the resident said that all is well), `away` (announced to be
//! away; the value is the planned end) and `back`.
//! Output: one JSON object a line for each notice, question and alert.

mod home;
mod row;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use base::Instant;
use flate2::read::MultiGzDecoder;

use home::{Home, Pending, Turn};
use row::{Clock, Row, said};

use crate::rhythm::{Due, Level, Model, Rhythm, Rule, Settings};

/// Bytes read at a time.
const BUFFER: usize = 1 << 20;
/// Homes of one recording; each costs about a kilobyte.
const MOST_HOMES: usize = 1_000_000;
/// Rows that are sorted in memory; each costs 48 bytes.
const MOST_SORTED: usize = 50_000_000;
const COLUMNS: [&str; 6] = ["home_id", "timestamp", "sensor_id", "kind", "room", "value"];

/// How the recording is to be judged.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Options {
    pub settings: Settings,
    pub model: Model,
    /// Rows out of order are put in order first, by home; else they are refused.
    pub sort: bool,
}

/// What was played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    pub rows: u64,
    pub homes: u64,
    /// Rows that were signs of life and ended a silence.
    pub signs: u64,
    /// Signs not later than their home's last one.
    pub late: u64,
    /// Rows that are no sign of life: other kinds, states repeated, devices out of order. They only let time pass.
    pub other: u64,
    /// Rows far ahead of all others of their home, which were left out; and the first line of these.
    pub wrong_clock: u64,
    pub first_wrong: Option<u64>,
    pub questions: u64,
    pub notices: u64,
    pub alerts: u64,
}

impl Summary {
    fn disbelieve(&mut self, line: u64) {
        self.wrong_clock += 1;
        self.first_wrong = Some(self.first_wrong.map_or(line, |first| first.min(line)));
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("記録を読めません")]
    Read(#[source] io::Error),
    #[error("アラートを書き出せません")]
    Write(#[source] io::Error),
    #[error("記録の{line}行目: {what}")]
    Row { line: u64, what: String },
}

/// Opens a recording: a file, or `-` for standard input; gzip is recognised by its first bytes, not by its name.
pub fn open(path: &Path) -> Result<Box<dyn Read>, ReplayError> {
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(ReplayError::Read)?),
    };
    unpack(source).map_err(ReplayError::Read)
}

fn unpack(mut source: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut begin = Vec::with_capacity(2);
    source.by_ref().take(2).read_to_end(&mut begin)?;
    let packed = begin == [0x1f, 0x8b];
    let whole = io::Cursor::new(begin).chain(source);
    match packed {
        true => Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole)))),
        false => Ok(Box::new(whole)),
    }
}

/// Plays every row of `input` and writes what is raised to `output` as it becomes due.
pub fn run(input: impl Read, output: impl Write, options: &Options) -> Result<Summary, ReplayError> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).buffer_capacity(BUFFER).flexible(true).from_reader(input);
    let mut record = csv::ByteRecord::new();
    if !read(&mut reader, &mut record)? {
        return Err(bad(1, "空のファイルです。1行目には列の名前を書きます"));
    }
    check_header(&record)?;
    let mut player = Player::new(output, *options);
    while read(&mut reader, &mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        player.take(&record, line).map_err(|problem| problem.at(line))?;
    }
    player.finish().map_err(|problem| problem.at(0))
}

fn read(reader: &mut csv::Reader<impl Read>, record: &mut csv::ByteRecord) -> Result<bool, ReplayError> {
    reader.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => ReplayError::Read(error),
        other => ReplayError::Read(io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}"))),
    })
}

fn check_header(record: &csv::ByteRecord) -> Result<(), ReplayError> {
    let first = record.get(0).map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name));
    let names = first.into_iter().chain(record.iter().skip(1));
    match names.eq(COLUMNS.map(str::as_bytes)) {
        true => Ok(()),
        false => Err(bad(1, &format!("列は {} にしてください", COLUMNS.join(",")))),
    }
}

fn bad(line: u64, what: &str) -> ReplayError {
    ReplayError::Row { line, what: what.to_owned() }
}

enum Problem {
    Row(String),
    Write(io::Error),
}

impl Problem {
    fn at(self, line: u64) -> ReplayError {
        match self {
            Problem::Row(what) => ReplayError::Row { line, what },
            Problem::Write(error) => ReplayError::Write(error),
        }
    }
}

struct Player<W: Write> {
    output: io::BufWriter<W>,
    options: Options,
    homes: Vec<Home>,
    by_name: HashMap<Box<[u8]>, usize>,
    current: usize,
    clock: Clock,
    summary: Summary,
    /// All rows, where they are to be sorted first: (home, row).
    unsorted: Vec<(u32, Row)>,
}

impl<W: Write> Player<W> {
    fn new(output: W, options: Options) -> Player<W> {
        Player {
            output: io::BufWriter::with_capacity(BUFFER, output),
            options,
            homes: Vec::new(),
            by_name: HashMap::new(),
            current: 0,
            clock: Clock::default(),
            summary: Summary::default(),
            unsorted: Vec::new(),
        }
    }

    fn take(&mut self, record: &csv::ByteRecord, line: u64) -> Result<(), Problem> {
        if record.len() != COLUMNS.len() {
            return Err(Problem::Row(format!("列が{}つではなく{}つあります", COLUMNS.len(), record.len())));
        }
        let (home, time, sensor, kind, value) = (&record[0], &record[1], &record[2], &record[3], &record[5]);
        let no_time = |text: &[u8]| {
            Problem::Row(format!("「{}」は時刻として読めません(例 2026-11-22T10:42:05)", String::from_utf8_lossy(text)))
        };
        let at = self.clock.read(time).ok_or_else(|| no_time(time))?;
        let said = said(kind, value, &mut self.clock).ok_or_else(|| no_time(value))?;
        self.turn_to_home(home)?;
        let sensor = self.homes[self.current].sensor(sensor);
        let sensor = sensor.ok_or_else(|| Problem::Row("一つの家のセンサーが多すぎます".to_owned()))?;
        self.summary.rows += 1;
        let row = Row { at, line, sensor, said };
        if !self.options.sort {
            return self.play(self.current, &row);
        }
        if self.unsorted.len() == MOST_SORTED {
            return Err(Problem::Row(format!("並べ替えられるのは{MOST_SORTED}行までです")));
        }
        self.unsorted.push((self.current as u32, row));
        Ok(())
    }

    fn turn_to_home(&mut self, name: &[u8]) -> Result<(), Problem> {
        if self.homes.get(self.current).is_some_and(|home| *home.name == *name) {
            return Ok(());
        }
        if let Some(&index) = self.by_name.get(name) {
            self.current = index;
            return Ok(());
        }
        if name.is_empty() || std::str::from_utf8(name).is_err() {
            return Err(Problem::Row("home_id が空か、UTF-8 ではありません".to_owned()));
        }
        if self.homes.len() == MOST_HOMES {
            return Err(Problem::Row(format!("家は{MOST_HOMES}軒までです")));
        }
        self.current = self.homes.len();
        self.by_name.insert(name.into(), self.current);
        self.homes.push(Home::new(name, Rhythm::with_model(self.options.model)));
        self.summary.homes += 1;
        Ok(())
    }

    fn play(&mut self, home: usize, row: &Row) -> Result<(), Problem> {
        let turn = self.homes[home].order(row, &mut self.summary).map_err(|after| {
            Problem::Row(format!(
                "{} が、同じ家の {after} より後にあります。--sort を付けると並べ替えて読みます",
                row.at
            ))
        })?;
        match turn {
            Turn::Wait => Ok(()),
            Turn::One => self.live(home, row),
            Turn::Held(rows) => rows.iter().try_for_each(|row| self.live(home, row)),
        }
    }

    fn live(&mut self, home: usize, row: &Row) -> Result<(), Problem> {
        self.pass_time(home, row.at)?;
        self.homes[home].hear(row, &mut self.summary);
        Ok(())
    }

    /// Raises all that has become due up to and including `now`.
    fn pass_time(&mut self, home: usize, now: Instant) -> Result<(), Problem> {
        let home = &mut self.homes[home];
        loop {
            match home.pending {
                Pending::Nothing => return Ok(()),
                Pending::NotBefore(at) if now < at => return Ok(()),
                Pending::NotBefore(_) => {
                    home.pending = home.rhythm.next(&self.options.settings).map_or(Pending::Nothing, Pending::Due);
                }
                Pending::Due(due) if now < due.at => return Ok(()),
                Pending::Due(due) => {
                    raise(&mut self.output, home, &due).map_err(Problem::Write)?;
                    match (due.rule, due.level) {
                        (Rule::InactivityQuestion, _) => self.summary.questions += 1,
                        (_, Level::Notice) => self.summary.notices += 1,
                        (_, Level::Alert) => self.summary.alerts += 1,
                    }
                    home.rhythm.told_of(&due);
                    home.pending = home.rhythm.next(&self.options.settings).map_or(Pending::Nothing, Pending::Due);
                }
            }
        }
    }

    fn finish(mut self) -> Result<Summary, Problem> {
        let mut rows = std::mem::take(&mut self.unsorted);
        rows.sort_by_key(|(home, row)| (*home, row.at));
        for (home, row) in &rows {
            self.play(*home as usize, row)?;
        }
        for home in 0..self.homes.len() {
            if self.options.sort {
                self.homes[home].drop_held(&mut self.summary);
            }
            let rows = self.homes[home].release();
            rows.iter().try_for_each(|row| self.live(home, row))?;
        }
        self.output.flush().map_err(Problem::Write)?;
        Ok(self.summary)
    }
}

#[derive(serde::Serialize)]
struct Line<'a> {
    home_id: &'a str,
    raised_at: String,
    level: &'a str,
    rule: &'a str,
    reason: String,
}

fn raise(output: &mut impl Write, home: &Home, due: &Due) -> io::Result<()> {
    let line = Line {
        home_id: std::str::from_utf8(&home.name).unwrap_or_default(),
        raised_at: due.at.to_string(),
        level: if due.rule == Rule::InactivityQuestion { "question" } else { due.level.key() },
        rule: due.rule.key(),
        reason: home.rhythm.reason(due),
    };
    serde_json::to_writer(&mut *output, &line)?;
    output.write_all(b"\n")
}
