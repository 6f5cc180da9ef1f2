//! Recordings as they come: in turns, packed, in other encodings, with clocks that are wrong.

use super::*;
use crate::live::decide::stored_code;
use crate::live::hear::{Code, Reading, take};
use crate::live::home::{DeviceFixed, HomeFixed, HomeState, NEVER};
use crate::{Arrival, DeviceKind, Signal};

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
        (
            "h,2026-01-05T21:00:00,f,fridge,,1\nh,yesterday,f,fridge,,1\n",
            "記録の3行目: 「yesterday」は時刻として読めません",
        ),
        ("h,2026-02-30T21:00:00,f,fridge,,1\n", "記録の2行目"),
        ("h,2026-02-03T25:00:00,f,fridge,,1\n", "記録の2行目"),
        ("h,2026-01-05T21:00:00,f,fridge\n", "記録の2行目: 列が6つではなく4つあります"),
        (",2026-01-05T21:00:00,f,fridge,,1\n", "記録の2行目: home_id が空"),
    ] {
        let error = play(rows).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let error = run("home,time\n".as_bytes(), Vec::new(), &Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("記録の1行目: 列は home_id,"), "{error}");
    assert!(run("".as_bytes(), Vec::new(), &Options::default()).is_err());
}

#[test]
fn a_file_in_another_encoding_is_refused_by_its_first_bad_row() {
    let shift_jis = [HEADER.as_bytes(), b"\x89\xc6,2026-01-05T21:00:00,f,fridge,,1\n"].concat();
    let error = run(shift_jis.as_slice(), Vec::new(), &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "記録の2行目: home_id が空か、UTF-8 ではありません");
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = run(utf16.as_slice(), Vec::new(), &Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("記録の1行目: 列は home_id,"), "{error}");
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

/// Inputs from the field, outside the repository; absent on a fresh checkout, required where `CI=true`.
const FIELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/field");

fn field(name: &str) -> Option<String> {
    let file = Path::new(FIELD).join(name);
    if !file.exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{FIELD} is absent");
        return None;
    }
    Some(std::fs::read_to_string(file).unwrap())
}

fn play_all(text: &str, options: &Options) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = run(text.as_bytes(), &mut out, options).unwrap();
    (summary, String::from_utf8(out).unwrap())
}

// shows: 6.2.8 off, false, unavailable and a state repeated are no life in a recording either (the field's F13)
#[test]
fn what_ends_a_motion_or_says_a_state_again_is_no_life() {
    let Some(without) = field("F13_b1_ha_off.csv") else { return };
    // The same home without the rows that were taken for life: those in the silence at the end.
    let bare: String = without.lines().filter(|row| !row.ends_with(",off")).map(|row| format!("{row}\n")).collect();
    let (_, told) = play_all(&bare, &Options::default());
    assert!(told.contains("\"level\":\"alert\""), "{told}");
    for name in ["F13_b1_ha_off.csv", "F13_b2_false.csv", "F13_b3_unavailable.csv", "F13_d1_door_repeat.csv"] {
        let (summary, out) = play_all(&field(name).unwrap(), &Options::default());
        assert_eq!(out, told, "{name}");
        assert_eq!(summary.signs, 290, "{name}: the motions");
    }
}

// shows: 6.2.4 in a recording, one row of 2036 spoils nothing after it (the field's F14)
#[test]
fn one_row_of_2036_is_left_out_and_named() {
    let Some(spoilt) = field("F14_one_row_of_2036.csv") else { return };
    let clean: String = spoilt.lines().filter(|row| !row.contains("2036")).map(|row| format!("{row}\n")).collect();
    let (_, told) = play_all(&clean, &Options::default());
    assert!(told.contains("\"level\":\"alert\""), "{told}");
    for sort in [false, true] {
        let (summary, out) = play_all(&spoilt, &Options { sort, ..Options::default() });
        assert_eq!(out, told);
        assert_eq!((summary.wrong_clock, summary.first_wrong), (1, Some(501)));
    }
}

#[test]
fn a_long_outage_is_no_wrong_clock() {
    let day = |day: u32| {
        let row = |hour: u32| format!("h,2026-01-{day:02}T{hour:02}:00:00,f,fridge,,1\n");
        (7..22).map(row).collect::<String>()
    };
    let (summary, out) = play(&(day(5) + &day(9) + &day(10) + &day(11))).unwrap();
    assert_eq!((summary.wrong_clock, summary.signs), (0, 60));
    assert!(out.contains("2026-01-06"), "the silence of those days is told: {out}");
    let (summary, _) = play(&(day(5) + "h,2026-01-09T07:00:00,f,fridge,,1\n")).unwrap();
    assert_eq!((summary.wrong_clock, summary.signs, summary.alerts), (0, 16, 1), "at the end of a recording too");
}

// shows: 6.2.8 rows out of order are refused with their line, or put in order where that is asked
#[test]
fn rows_out_of_order_are_refused_or_sorted() {
    let (morning, noon) = ("h,2026-01-05T07:00:00,f,fridge,,1\n", "h,2026-01-05T12:00:00,d,door,,1\n");
    let error = play(&format!("{noon}{morning}")).unwrap_err().to_string();
    assert!(error.starts_with("記録の3行目: 2026-01-05T07:00:00 が、同じ家の 2026-01-05T12:00:00 より後"), "{error}");
    let sort = Options { sort: true, ..Options::default() };
    let later = "h,2026-01-06T12:30:00,g,heartbeat,,1\n";
    let told = |rows: &str| play_all(&(HEADER.to_owned() + rows), &sort).1;
    assert_eq!(told(&format!("{noon}{later}{morning}")), told(&format!("{morning}{noon}{later}")));
}

/// What a device of one of the kinds says, as a recording and as a gateway say it.
type Words = (&'static str, DeviceKind, [(&'static str, Signal); 2]);

const WORDS: [Words; 5] = [
    ("light", DeviceKind::Light, [("off", Signal::Light(false)), ("on", Signal::Light(true))]),
    ("entrance", DeviceKind::Entrance, DOOR),
    ("fridge", DeviceKind::Fridge, DOOR),
    ("motion", DeviceKind::Motion, [("off", Signal::MotionCleared), ("on", Signal::Motion)]),
    ("presence", DeviceKind::Presence, [("false", Signal::Presence(false)), ("true", Signal::Presence(true))]),
];
const DOOR: [(&str, Signal); 2] =
    [("closed", Signal::Contact { open: false }), ("open", Signal::Contact { open: true })];

fn watched_home() -> HomeFixed {
    let device = |(n, (_, kind, _)): (usize, &Words)| DeviceFixed {
        no: n as u32 + 1,
        gateway: 1,
        id: base::DeviceId(uuid::Uuid::from_u128(n as u128 + 1)),
        kind: *kind,
        serial: "".into(),
        place: "".into(),
    };
    HomeFixed {
        no: 1,
        id: base::HomeId(uuid::Uuid::from_u128(7)),
        person: None,
        begun_at: NEVER,
        gateway: 1,
        devices: WORDS.iter().enumerate().map(device).collect(),
        tests: Box::default(),
        absences: Box::default(),
        settings: std::sync::Arc::default(),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    // shows: 6.2.8 the same words in the same order are the same life, live and in a recording
    #[test]
    fn the_live_watch_and_a_recording_are_one_reading(
        said in proptest::collection::vec((0..WORDS.len(), 0..2usize, 0..10_000i64), 1..400)
    ) {
        let fixed = watched_home();
        let (mut live, mut played) = (HomeState::new(), Home::new(b"h", Rhythm::new()));
        let (mut at, mut summary) = (Instant::parse("2026-01-05T07:00:00").unwrap(), Summary::default());
        for (line, (device, word, gap)) in said.into_iter().enumerate() {
            // Some devices chatter, some are silent for hours.
            at = at + base::Span::seconds(if gap < 3_000 { gap % 7 } else { gap });
            let (kind, _, words) = WORDS[device];
            let (value, signal) = words[word];
            let arrival = Arrival {
                gateway: base::GatewayId(uuid::Uuid::nil()),
                serial: String::new(),
                signal,
                occurred_at: Some(at),
                received_at: at,
                retained: false,
            };
            let (code, value_told) = stored_code(&arrival).unwrap();
            let reading = Reading { code, value: value_told, occurred_at: at, received_at: at, timed: true };
            let mut effects = Vec::new();
            take(&fixed, &mut live, device, &reading, &mut effects);
            // The numbers of a recording's sensors follow their first word, those of a home its list.
            let sensor = played.sensor(kind.as_bytes()).unwrap();
            let said = said_of(kind, value);
            played.hear(&Row { at, line: line as u64, sensor, said }, &mut summary);
            proptest::prop_assert_eq!(live.rhythm.last_sign(), played.rhythm.last_sign());
        }
        proptest::prop_assert_eq!(&live.rhythm, &played.rhythm);
    }
}

/// A home with a meter of each kind, and nothing else.
fn metered_home() -> HomeFixed {
    let kinds = [DeviceKind::Power, DeviceKind::Water];
    let devices = watched_home().devices.into_iter().zip(kinds).map(|(device, kind)| DeviceFixed { kind, ..device });
    HomeFixed { devices: devices.collect(), ..watched_home() }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 40, ..Default::default() })]

    // shows: 6.4.2 what a meter counts is the same life, live and in a recording
    #[test]
    fn a_meter_tells_the_live_watch_and_a_recording_the_same(
        counted in proptest::collection::vec((0..8u16, 0..5u16, 0..30u8), 500..600)
    ) {
        let fixed = metered_home();
        let (mut live, mut played) = (HomeState::new(), Home::new(b"h", Rhythm::new()));
        let (mut at, mut summary) = (Instant::parse("2026-01-05T00:00:00").unwrap(), Summary::default());
        for (wh, litres, lost) in counted {
            at = at + base::Span::minutes(30);
            // Mostly what the home draws anyway; some half hours are lost.
            let wh = if wh == 0 { 400 } else { 60 + wh * 3 };
            for (device, kind, amount) in [(0, "energy_wh", wh), (1, "water_l", litres * litres * 2)] {
                if lost == device as u8 {
                    continue;
                }
                let code = if device == 0 { Code::Energy } else { Code::Water };
                let reading =
                    Reading { code, value: f32::from(amount), occurred_at: at, received_at: at, timed: true };
                take(&fixed, &mut live, device, &reading, &mut Vec::new());
                let sensor = played.sensor(kind.as_bytes()).unwrap();
                let said = said_of(kind, &amount.to_string());
                played.hear(&Row { at, line: 1, sensor, said }, &mut summary);
            }
            proptest::prop_assert_eq!(live.rhythm.last_sign(), played.rhythm.last_sign());
        }
        proptest::prop_assert_eq!(&live.rhythm, &played.rhythm);
        // A state that was saved goes on as if it had not been.
        let saved = HomeState::decode(&live.encode()).unwrap();
        proptest::prop_assert_eq!(saved.encode(), live.encode());
        proptest::prop_assert!(summary.signs > 0);
    }
}

fn said_of(kind: &str, value: &str) -> row::Said {
    said(kind.as_bytes(), value.as_bytes(), &mut Clock::default()).unwrap()
}
