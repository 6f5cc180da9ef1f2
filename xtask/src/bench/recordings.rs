//! A long reading file for `tsunagari watch replay`: recordings of real homes repeated as different homes,
//! or, where there are none, homes that open their doors by a plain pseudo-random rule.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

const HEADER: &str = "home_id,timestamp,sensor_id,kind,room,value";

/// Writes at least `rows` rows; each home's are together and in order of time. Returns the number written.
pub fn write(recordings: &Path, file: &Path, rows: u64) -> Result<u64> {
    let mut homes = read_all(recordings)?;
    if homes.is_empty() {
        eprintln!("no recordings at {}: synthetic homes instead", recordings.display());
        homes = (0..20).map(synthetic).collect();
    }
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "{HEADER}")?;
    let (mut written, mut home) = (0, 0_u64);
    while written < rows {
        for recording in &homes {
            home += 1;
            for row in recording {
                writeln!(out, "home{home:06},{row}")?;
            }
            written += recording.len() as u64;
        }
    }
    out.flush()?;
    Ok(written)
}

/// One home: rows without the home's name (`timestamp,sensor_id,kind,room,value`).
type Recording = Vec<String>;

fn read_all(folder: &Path) -> Result<Vec<Recording>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".csv.gz"));
    files.sort();
    files.iter().map(|path| read(path)).filter(|home| !matches!(home, Ok(rows) if rows.is_empty())).collect()
}

fn read(path: &Path) -> Result<Recording> {
    let mut gzip = Command::new("gzip").arg("-dc").arg(path).stdout(Stdio::piped()).spawn().context("gzip")?;
    let text = BufReader::new(gzip.stdout.take().context("gzip without output")?);
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        rows.extend(translate(&line?));
    }
    ensure!(gzip.wait()?.success(), "gzip cannot read {}", path.display());
    // The recordings are sorted but for a few homes of several sensors; the time is the first field of a row here.
    rows.sort();
    Ok(with_heartbeats(rows))
}

/// The recordings' many kinds are folded into those of the replay; what is none of them is left out.
fn translate(line: &str) -> Option<String> {
    let mut fields = line.split(',').skip(1);
    let (time, sensor, kind, room) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let kind = match kind {
        "door" => "entrance",
        "fridge" | "kitchen_proxy" => "fridge",
        "bathroom_door" | "bathroom_proxy" | "flush" => "bathroom",
        "motion" | "activity" | "activity_burst" | "pressure" => "motion",
        "contact_other" | "appliance" | "light" => "contact",
        _ => return None,
    };
    let seconds = time.get(..19)?.replace(' ', "T");
    Some(format!("{seconds},{sensor},{kind},{room},1"))
}

/// A gateway that is alive says so every hour, on the hour.
fn with_heartbeats(rows: Recording) -> Recording {
    let mut all = Vec::with_capacity(rows.len() * 5 / 4);
    let mut hour = String::new();
    for row in rows {
        if row[..13] != *hour {
            row[..13].clone_into(&mut hour);
            all.push(format!("{hour}:00:00,gateway,heartbeat,,1"));
        }
        all.push(row);
    }
    all
}

/// Four weeks of a home that lives from 6 to 22 o'clock, about 20 openings an hour.
fn synthetic(home: u64) -> Recording {
    let mut state = home.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut rows = Vec::new();
    for (day, hour) in (1..=28).flat_map(|day| (0..24).map(move |hour| (day, hour))) {
        rows.push(format!("2026-02-{day:02}T{hour:02}:00:00,gateway,heartbeat,,1"));
        for minute in (0..60).step_by(3).filter(|_| (6..22).contains(&hour)) {
            let (sensor, room) = [("entrance", "玄関"), ("fridge", "台所"), ("bathroom", "浴室")][next(3) as usize];
            let second = 1 + next(59);
            rows.push(format!("2026-02-{day:02}T{hour:02}:{minute:02}:{second:02},{sensor},{sensor},{room},1"));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_translated_or_left_out() {
        let row = translate("casas_al,2011-06-15 00:06:32.834414,D002,door,Entrance,OPEN");
        assert_eq!(row.as_deref(), Some("2011-06-15T00:06:32,D002,entrance,Entrance,1"));
        assert_eq!(translate("uci799,2011-06-15T00:06:32,T1,temperature,Hall,21.5"), None);
        assert_eq!(translate("cut,off"), None);
    }

    #[test]
    fn every_hour_with_life_begins_with_a_heartbeat() {
        let rows = ["2011-06-15T00:06:32,a", "2011-06-15T00:07:32,a", "2011-06-15T01:07:32,a"].map(str::to_owned);
        let all = with_heartbeats(rows.to_vec());
        assert_eq!(all.len(), 5);
        assert!(all[0].starts_with("2011-06-15T00:00:00,gateway") && all[3].starts_with("2011-06-15T01:00:00,gateway"));
    }

    #[test]
    fn without_recordings_homes_are_made_up_in_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.csv");
        let written = write(&folder.path().join("none"), &file, 1000).unwrap();
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(text.lines().count() as u64, written + 1);
        let first: Vec<&str> = text.lines().filter(|line| line.starts_with("home000001,")).collect();
        assert!(first.is_sorted());
    }
}
