//! Recordings as they come: in turns, packed, in other encodings, with clocks that are wrong.

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
