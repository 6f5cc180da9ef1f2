//! Plays a recording through the same detector that watches live homes, without a database. It reads rows in order
//! and knows at each row only what came before; time passes with the rows, heartbeats included.
//!
//! Input: CSV with the header `home_id,timestamp,sensor_id,kind,room,value`; each home sorted by time; local wall time.
//! Output: one JSON object a line for each notice and alert.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use base::Instant;
use flate2::read::MultiGzDecoder;

use crate::rhythm::{Due, Heard, Level, Model, Rhythm, Settings, Sign};

/// Bytes read at a time.
const BUFFER: usize = 1 << 20;
/// Homes of one recording; each costs about a kilobyte.
const MOST_HOMES: usize = 1_000_000;
const COLUMNS: [&str; 6] = ["home_id", "timestamp", "sensor_id", "kind", "room", "value"];

/// How the recording is to be judged.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Options {
    pub settings: Settings,
    pub model: Model,
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
    /// Rows of kinds that are no sign of life; they only let time pass.
    pub other: u64,
    pub notices: u64,
    pub alerts: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the recording cannot be read")]
    Read(#[source] io::Error),
    #[error("the alerts cannot be written")]
    Write(#[source] io::Error),
    #[error("line {line}: {what}")]
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
        return Err(bad(1, "the file is empty; the first line names the columns"));
    }
    check_header(&record)?;
    let mut player = Player::new(output, *options);
    while read(&mut reader, &mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        player.play(&record).map_err(|problem| match problem {
            Problem::Row(what) => ReplayError::Row { line, what },
            Problem::Write(error) => ReplayError::Write(error),
        })?;
    }
    player.finish()
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
        false => Err(bad(1, &format!("the columns must be {}", COLUMNS.join(",")))),
    }
}

fn bad(line: u64, what: &str) -> ReplayError {
    ReplayError::Row { line, what: what.to_owned() }
}

enum Problem {
    Row(String),
    Write(io::Error),
}

struct Player<W: Write> {
    output: io::BufWriter<W>,
    options: Options,
    homes: Vec<Home>,
    by_name: HashMap<Box<[u8]>, usize>,
    current: usize,
    clock: Clock,
    summary: Summary,
}

struct Home {
    name: Box<[u8]>,
    rhythm: Rhythm,
    pending: Pending,
}

/// What the running silence has ahead. Deadlines are computed only once time has passed the earliest possible one.
enum Pending {
    NotBefore(Instant),
    Due(Due),
    Nothing,
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
        }
    }

    fn play(&mut self, record: &csv::ByteRecord) -> Result<(), Problem> {
        if record.len() != COLUMNS.len() {
            return Err(Problem::Row(format!("{} columns instead of {}", record.len(), COLUMNS.len())));
        }
        let (home, time, kind, value) = (&record[0], &record[1], &record[3], &record[5]);
        let now = self.clock.read(time).ok_or_else(|| {
            Problem::Row(format!("'{}' is no time such as 2026-11-22T10:42:05", String::from_utf8_lossy(time)))
        })?;
        self.turn_to_home(home)?;
        self.summary.rows += 1;
        self.pass_time(now)?;
        match sign_of(kind, value) {
            Some(sign) => self.hear(now, sign),
            None => self.summary.other += 1,
        }
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
            return Err(Problem::Row("home_id is empty or no UTF-8".to_owned()));
        }
        if self.homes.len() == MOST_HOMES {
            return Err(Problem::Row(format!("more than {MOST_HOMES} homes")));
        }
        self.current = self.homes.len();
        self.by_name.insert(name.into(), self.current);
        self.homes.push(Home {
            name: name.into(),
            rhythm: Rhythm::with_model(self.options.model),
            pending: Pending::Nothing,
        });
        self.summary.homes += 1;
        Ok(())
    }

    /// Raises all that has become due up to and including `now`.
    fn pass_time(&mut self, now: Instant) -> Result<(), Problem> {
        let home = &mut self.homes[self.current];
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
                    match due.level {
                        Level::Notice => self.summary.notices += 1,
                        Level::Alert => self.summary.alerts += 1,
                    }
                    home.rhythm.told(due.level);
                    home.pending = home.rhythm.next(&self.options.settings).map_or(Pending::Nothing, Pending::Due);
                }
            }
        }
    }

    fn hear(&mut self, now: Instant, sign: Sign) {
        let home = &mut self.homes[self.current];
        match home.rhythm.observe(now, sign) {
            Heard::New => self.summary.signs += 1,
            Heard::Late | Heard::Impossible => self.summary.late += 1,
        }
        // A late sign too may show that the person went out.
        home.pending = home.rhythm.earliest().map_or(Pending::Nothing, Pending::NotBefore);
    }

    fn finish(mut self) -> Result<Summary, ReplayError> {
        self.output.flush().map_err(ReplayError::Write)?;
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
        level: due.level.key(),
        rule: due.rule.key(),
        reason: home.rhythm.reason(due),
    };
    serde_json::to_writer(&mut *output, &line)?;
    output.write_all(b"\n")
}

/// The contract's kinds, and the words that public recordings use for the same sensors. A contact tells of somebody
/// both when it opens and when it closes; a motion that ends is no sign of its own.
fn sign_of(kind: &[u8], value: &[u8]) -> Option<Sign> {
    match kind {
        b"heartbeat" => None,
        b"entrance" | b"door" => Some(Sign::Entrance),
        b"fridge" | b"kitchen_proxy" => Some(Sign::Fridge),
        b"bathroom" | b"bathroom_door" | b"bathroom_proxy" => Some(Sign::Bathroom),
        b"toilet" | b"flush" => Some(Sign::Toilet),
        b"medicine" => Some(Sign::Medicine),
        b"contact" | b"contact_other" | b"light" | b"appliance" => Some(Sign::Contact),
        b"motion" | b"activity" | b"activity_burst" | b"motion_hourly" | b"pressure" => {
            (!matches!(value, b"0" | b"0.0" | b"OFF")).then_some(Sign::Motion)
        }
        _ => None,
    }
}

/// Reads time stamps; remembers the date last read, because neighbouring rows share it.
#[derive(Default)]
struct Clock {
    date: [u8; 10],
    midnight: Option<Instant>,
}

impl Clock {
    fn read(&mut self, text: &[u8]) -> Option<Instant> {
        let (date, time) = text.split_first_chunk::<10>()?;
        let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = time else { return slow(text) };
        if !(rest.is_empty() || rest[0] == b'.' && rest[1..].iter().all(u8::is_ascii_digit)) {
            return slow(text);
        }
        if *date != self.date || self.midnight.is_none() {
            self.midnight = Some(Instant::parse(std::str::from_utf8(date).ok()?)?);
            self.date = *date;
        }
        let (hour, minute, second) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, two_digits(*s1, *s2)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(self.midnight? + base::Span::seconds(hour * 3600 + minute * 60 + second))
    }
}

fn slow(text: &[u8]) -> Option<Instant> {
    Instant::parse(std::str::from_utf8(text).ok()?)
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "home_id,timestamp,sensor_id,kind,room,value\n";

    fn play(rows: &str) -> Result<(Summary, String), ReplayError> {
        let mut out = Vec::new();
        let summary = run((HEADER.to_owned() + rows).as_bytes(), &mut out, &Options::default())?;
        Ok((summary, String::from_utf8(out).unwrap()))
    }

    #[test]
    fn a_silence_is_raised_when_time_passes_and_not_before() {
        let night = "h,2026-01-05T21:00:00,f,fridge,,1\n";
        assert_eq!(play(&format!("{night}h,2026-01-05T21:59:00,g,heartbeat,,1\n")).unwrap().1, "");
        let (summary, out) = play(&format!("{night}h,2026-01-06T22:00:00,g,heartbeat,,1\n")).unwrap();
        assert_eq!((summary.rows, summary.signs, summary.other, summary.notices, summary.alerts), (2, 1, 1, 1, 1));
        let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&first["home_id"], &first["level"], &first["rule"]),
            (&"h".into(), &"notice".into(), &"inactivity_notice".into())
        );
    }

    #[test]
    fn bad_rows_are_named_by_their_line() {
        for (rows, says) in [
            ("h,2026-01-05T21:00:00,f,fridge,,1\nh,yesterday,f,fridge,,1\n", "line 3: 'yesterday' is no time"),
            ("h,2026-02-30T21:00:00,f,fridge,,1\n", "line 2"),
            ("h,2026-02-03T25:00:00,f,fridge,,1\n", "line 2"),
            ("h,2026-01-05T21:00:00,f,fridge\n", "line 2: 4 columns instead of 6"),
            (",2026-01-05T21:00:00,f,fridge,,1\n", "line 2: home_id is empty"),
        ] {
            let error = play(rows).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let error = run("home,time\n".as_bytes(), Vec::new(), &Options::default()).unwrap_err();
        assert!(error.to_string().starts_with("line 1: the columns must be home_id,"), "{error}");
        assert!(run("".as_bytes(), Vec::new(), &Options::default()).is_err());
    }

    #[test]
    fn a_file_in_another_encoding_is_refused_by_its_first_bad_row() {
        let shift_jis = [HEADER.as_bytes(), b"\x89\xc6,2026-01-05T21:00:00,f,fridge,,1\n"].concat();
        let error = run(shift_jis.as_slice(), Vec::new(), &Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: home_id is empty or no UTF-8");
        let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = run(utf16.as_slice(), Vec::new(), &Options::default()).unwrap_err();
        assert!(error.to_string().starts_with("line 1: the columns must be home_id,"), "{error}");
    }

    #[test]
    fn homes_may_take_turns_and_a_packed_file_reads_the_same() {
        let rows = "a,2026-01-05T07:00:00.5,f,fridge,,1\nb,2026-01-05 07:00:01,f,door,,1\na,2026-01-06T09:00:00,g,heartbeat,,\n\
                    b,2026-01-06T09:00:00,g,heartbeat,,\na,2026-01-06T08:00:00,f,fridge,,1\n";
        let (summary, out) = play(rows).unwrap();
        assert_eq!((summary.homes, summary.alerts), (2, 2));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all((HEADER.to_owned() + rows).as_bytes()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), packed.finish().unwrap()).unwrap();
        let mut again = Vec::new();
        run(open(file.path()).unwrap(), &mut again, &Options::default()).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), out);
    }

    #[test]
    fn recordings_of_other_projects_speak_of_the_same_sensors() {
        assert_eq!(sign_of(b"flush", b"1"), Some(Sign::Toilet));
        assert_eq!(sign_of(b"motion", b"OFF"), None);
        assert_eq!(sign_of(b"door", b"0"), Some(Sign::Entrance));
        assert_eq!(sign_of(b"temperature", b"21.5"), None);
    }
}
