//! The rhythm against its golden recording, against arbitrary input, in the life of a home, and its sentences.

use std::path::Path;

use base::Span;
use proptest::prelude::*;

use super::*;
use crate::replay;

/// Recordings outside the repository; absent on a fresh checkout, required where `CI=true`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/watch-golden");

#[test]
fn the_golden_recording_raises_what_the_specification_says() {
    let folder = Path::new(GOLDEN);
    if !folder.exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{GOLDEN} is absent");
        eprintln!("not run: {GOLDEN} is absent");
        return;
    }
    let mut raised = Vec::new();
    let input = replay::open(&folder.join("golden_in.csv")).unwrap();
    replay::run(input, &mut raised, &replay::Options { model: Model::OneTail, ..Default::default() }).unwrap();
    let expected = std::fs::read_to_string(folder.join("golden_out.jsonl")).unwrap();
    let (raised, expected) = (alerts(std::str::from_utf8(&raised).unwrap()), alerts(&expected));
    assert_eq!(raised.len(), expected.len(), "{raised:?}");
    for (ours, theirs) in raised.iter().zip(&expected) {
        assert_eq!((&ours.1, &ours.2), (&theirs.1, &theirs.2));
        assert!((ours.0 - theirs.0).as_seconds().abs() <= 60, "{ours:?} {theirs:?}");
    }
}

fn alerts(lines: &str) -> Vec<(Instant, String, String)> {
    let word = |alert: &serde_json::Value, key: &str| alert[key].as_str().unwrap().to_owned();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|alert| (Instant::parse(&word(&alert, "raised_at")).unwrap(), word(&alert, "level"), word(&alert, "rule")))
        .collect()
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// The day of a made-up resident, minutes later by `late`: up at seven, breakfast, shopping, lunch, supper, bed.
const DAY_OF_A_HOME: [(&str, Sign); 10] = [
    ("06:50", Sign::Toilet),
    ("07:10", Sign::Fridge),
    ("08:40", Sign::Toilet),
    ("10:00", Sign::Entrance),
    ("11:20", Sign::Entrance),
    ("11:40", Sign::Fridge),
    ("14:10", Sign::Toilet),
    ("17:20", Sign::Fridge),
    ("19:30", Sign::Bathroom),
    ("21:30", Sign::Toilet),
];

/// A home lived in from 2026-01-01 on, until the evening of January `days`.
fn home(days: i64) -> Rhythm {
    let mut rhythm = Rhythm::new();
    for day in 1..=days {
        let late = Span::minutes(day * 7 % 20);
        for (time, sign) in DAY_OF_A_HOME {
            rhythm.observe(at(&format!("2026-01-{day:02}T{time}")) + late, sign);
        }
    }
    rhythm
}

fn due(rhythm: &Rhythm) -> Due {
    rhythm.next(&Settings::default()).unwrap()
}

fn alert(rhythm: &Rhythm) -> Instant {
    rhythm.deadline(Level::Alert, 30.0, Span::hours(24)).unwrap()
}

#[test]
fn a_home_is_asked_once_and_then_reported_once() {
    let mut rhythm = home(20);
    let notice = due(&rhythm);
    assert_eq!((notice.level, notice.rule), (Level::Notice, Rule::InactivityNotice));
    rhythm.told(Level::Notice);
    let alert = due(&rhythm);
    assert_eq!((alert.level, alert.rule), (Level::Alert, Rule::InactivityAlert));
    assert!(notice.at < alert.at);
    rhythm.told(Level::Alert);
    assert_eq!(rhythm.next(&Settings::default()), None);
    rhythm.observe(alert.at + Span::hours(1), Sign::Fridge);
    assert_eq!(due(&rhythm).level, Level::Notice);
}

#[test]
fn a_known_morning_is_missed_sooner_than_an_unknown_one_and_a_larger_budget_waits_longer() {
    let (mut young, mut known) = (Rhythm::new(), home(20));
    young.observe(at("2026-01-20T21:31"), Sign::Toilet);
    known.observe(at("2026-01-20T22:00"), Sign::Toilet);
    assert!(alert(&known) < alert(&young), "{:?} {:?}", alert(&known), alert(&young));
    let patient = known.deadline(Level::Alert, 90.0, Span::hours(24)).unwrap();
    assert!(patient > alert(&known));
    assert_eq!(known.deadline(Level::Alert, 3650.0, Span::hours(12)), Some(at("2026-01-21T10:00")));
}

#[test]
fn a_fixed_rule_counts_hours_and_nothing_else() {
    let rhythm = home(20);
    let settings = Settings { fixed: Some(Span::hours(8)), ..Settings::default() };
    let (last, _) = rhythm.last_sign().unwrap();
    let due = rhythm.next(&settings).unwrap();
    assert_eq!((due.at, due.level, due.rule), (last + Span::hours(8), Level::Alert, Rule::InactivityFixed));
}

#[test]
fn a_journey_does_not_make_the_watch_slow_at_home() {
    let mut stayed = home(20);
    let mut travelled = home(14);
    for back in ["2026-01-17T15:00", "2026-01-20T21:40"] {
        travelled.observe(at(back) - Span::minutes(200), Sign::Fridge);
    }
    stayed.observe(at("2026-01-20T21:55"), Sign::Toilet);
    travelled.observe(at("2026-01-20T21:55"), Sign::Toilet);
    let slower = alert(&travelled) - alert(&stayed);
    assert!(slower < Span::hours(4), "{slower:?}");
}

#[test]
fn an_outage_of_the_gateway_holds_the_deadline_and_is_not_learned() {
    let mut rhythm = home(20);
    let (last, _) = rhythm.last_sign().unwrap();
    let (from, to) = (last + Span::hours(2), last + Span::hours(13));
    rhythm.hold(from);
    assert!(rhythm.is_held() && rhythm.next(&Settings::default()).is_none());
    rhythm.resume(to);
    assert!(due(&rhythm).at > to, "the hours of the outage do not count");
    let before = rhythm.clone();
    rhythm.observe(to + Span::hours(1), Sign::Fridge);
    assert_eq!((rhythm.at_risk, rhythm.high, rhythm.days), (before.at_risk, before.high, before.days));
}

#[test]
fn an_announced_absence_silences_until_its_end_and_is_not_learned() {
    let mut rhythm = home(20);
    let (from, to) = (at("2026-01-21T11:00"), at("2026-01-23T17:00"));
    rhythm.excuse(from, to);
    assert!(due(&rhythm).at < from, "the morning before it is still watched");
    rhythm.observe(at("2026-01-21T08:30"), Sign::Entrance);
    assert!(due(&rhythm).at >= to + Span::hours(1));
    assert_eq!(due(&rhythm).at, rhythm.clone().next(&Settings::default()).unwrap().at);
    let mut cut = rhythm.clone();
    cut.end_excuses(at("2026-01-21T12:00"));
    assert_eq!(cut.excused.last(), Some(&(from.wall_seconds(), from.wall_seconds() + 3600)));
    assert!(due(&cut).at < due(&rhythm).at);
    let before = rhythm.clone();
    rhythm.observe(to, Sign::Entrance);
    assert_eq!((rhythm.at_risk, rhythm.high, rhythm.days), (before.at_risk, before.high, before.days));
}

#[test]
fn closing_a_case_as_safe_arms_anew_without_being_learned() {
    let mut rhythm = home(20);
    rhythm.told(Level::Notice);
    rhythm.told(Level::Alert);
    let closed = at("2026-01-21T11:00");
    let before = rhythm.clone();
    rhythm.reassured(closed);
    assert!(due(&rhythm).at >= closed + Span::hours(1));
    assert_eq!((rhythm.at_risk, rhythm.active, rhythm.days), (before.at_risk, before.active, before.days));
    assert_eq!(rhythm.last_sign(), before.last_sign());
}

#[test]
fn a_late_word_from_the_door_shows_that_the_person_went_out() {
    let mut rhythm = home(20);
    let (last, _) = rhythm.last_sign().unwrap();
    assert!(!rhythm.seems_out());
    assert_eq!(rhythm.observe(last - Span::seconds(20), Sign::Entrance), Heard::Late);
    assert!(rhythm.seems_out());
    assert_eq!(rhythm.last_sign().unwrap().0, last);
}

#[test]
fn reasons_say_what_a_neighbour_would_say() {
    let until = |until: &str| {
        let mut rhythm = home(19);
        for (time, sign) in DAY_OF_A_HOME.into_iter().filter(|(time, _)| *time <= until) {
            rhythm.observe(at(&format!("2026-01-20T{time}")), sign);
        }
        rhythm
    };
    let told =
        |rhythm: &Rhythm, level: Level, rule: Rule, time: &str| rhythm.reason(&Due { at: at(time), level, rule });
    let (notice, alert) = (Rule::InactivityNotice, Rule::InactivityAlert);
    let mut young = Rhythm::new();
    young.observe(at("2026-01-20T17:42"), Sign::Fridge);
    let mut reassured = until("23:00");
    reassured.reassured(at("2026-01-21T08:05"));
    let cases = [
        (
            told(&until("07:00"), Level::Alert, alert, "2026-01-20T11:10"),
            "いつもは7時半ごろまでに冷蔵庫が開きますが、11時10分の時点でまだ開いていません。最後の動きは6時50分のトイレです。",
        ),
        (
            told(&until("23:00"), Level::Alert, alert, "2026-01-21T09:40"),
            "いつもは7時半ごろまでに冷蔵庫が開きますが、9時40分の時点でまだ開いていません。最後の動きはきのう21時半のトイレです。",
        ),
        (
            told(&until("10:00"), Level::Notice, notice, "2026-01-20T16:05"),
            "10時の玄関を最後に、6時間5分、動きがありません。",
        ),
        (
            told(&young, Level::Notice, notice, "2026-01-21T02:00"),
            "きのう17時42分の冷蔵庫を最後に、8時間18分、動きがありません。まだこの家のふだんを学習中です。",
        ),
        (
            told(&reassured, Level::Alert, alert, "2026-01-21T13:00"),
            "8時5分に無事を確認していますが、その後も動きがありません。",
        ),
        (
            told(&until("23:00"), Level::Alert, Rule::InactivityFixed, "2026-01-22T09:30"),
            "最後の動きはおととい21時半のトイレです。決められた時間、動きがないためお知らせします。",
        ),
    ];
    for (reason, says) in &cases {
        assert!(reason.contains(says), "{reason}\n{says}");
    }
    assert!(cases[2].0.contains("最後は玄関でした。外出中かもしれません。"), "{}", cases[2].0);
    assert!(cases[0].0.ends_with("静かなことは、これまでほとんどありません。"), "{}", cases[0].0);
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = home(20).encode();
    assert!(bytes.len() < 1000 && size_of::<Rhythm>() < 1000);
    assert_eq!(Rhythm::decode(&[]), Err(DamagedRhythm::Length(0)));
    assert_eq!(Rhythm::decode(&bytes[..200]), Err(DamagedRhythm::Length(200)));
    let mut nan = bytes.clone();
    nan[2..6].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(Rhythm::decode(&nan), Err(DamagedRhythm::Value));
    assert_eq!(Rhythm::decode(&[9; 800]), Err(DamagedRhythm::Version(9)));
}

/// One thing that can happen to a home.
#[derive(Clone, Debug)]
enum Happening {
    Sign(i64, usize),
    Reassured(i64),
    Hold(i64),
    Resume(i64),
    Excuse(i64, i64),
    EndExcuses(i64),
    Told(bool),
}

fn happening(times: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (times.clone(), 0..7usize).prop_map(|(t, s)| Happening::Sign(t, s)),
        1 => times.clone().prop_map(Happening::Reassured),
        1 => times.clone().prop_map(Happening::Hold),
        1 => times.clone().prop_map(Happening::Resume),
        1 => (times.clone(), times.clone()).prop_map(|(a, b)| Happening::Excuse(a, b)),
        1 => times.prop_map(Happening::EndExcuses),
        1 => any::<bool>().prop_map(Happening::Told),
    ]
}

fn happen(rhythm: &mut Rhythm, happening: &Happening) {
    match *happening {
        Happening::Sign(t, sign) => drop(rhythm.observe(Instant(t), Sign::ALL[sign])),
        Happening::Reassured(t) => rhythm.reassured(Instant(t)),
        Happening::Hold(t) => rhythm.hold(Instant(t)),
        Happening::Resume(t) => rhythm.resume(Instant(t)),
        Happening::Excuse(a, b) => rhythm.excuse(Instant(a), Instant(b)),
        Happening::EndExcuses(t) => rhythm.end_excuses(Instant(t)),
        Happening::Told(notice) => rhythm.told(if notice { Level::Notice } else { Level::Alert }),
    }
}

/// Months around 2026, and now and then any number a clock may claim.
fn times() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![
        20 => 1_767_200_000_000_000i64..1_772_000_000_000_000,
        1 => any::<i64>(),
        1 => Just(0),
        1 => Just(i64::MAX),
    ]
}

fn lived() -> impl Strategy<Value = Rhythm> {
    prop::collection::vec(happening(times()), 0..80).prop_map(|all| {
        let mut rhythm = Rhythm::new();
        all.iter().for_each(|one| happen(&mut rhythm, one));
        rhythm
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_a_rhythm(rhythm in lived(), budget in any::<f32>(), cap in any::<i64>()) {
        let (Some((last, _)), Some(due)) = (rhythm.last_sign(), rhythm.next(&Settings::default())) else {
            return Ok(());
        };
        prop_assert!(due.at > last);
        prop_assert!(due.at >= rhythm.earliest().unwrap());
        prop_assert!(!rhythm.reason(&due).is_empty());
        for level in [Level::Notice, Level::Alert] {
            prop_assert!(rhythm.deadline(level, budget, Span(cap)).unwrap() > last);
        }
    }

    #[test]
    fn bytes_bring_back_the_same_rhythm(rhythm in lived()) {
        prop_assert_eq!(Rhythm::decode(&rhythm.encode()), Ok(rhythm));
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..1000), whole in any::<bool>()) {
        if whole {
            bytes.resize(Rhythm::new().encode().len(), 0);
            bytes[0] = 1;
        }
        if let Ok(rhythm) = Rhythm::decode(&bytes) {
            rhythm.next(&Settings::default());
        }
    }

    #[test]
    fn a_doubled_sign_changes_nothing(mut rhythm in lived(), t in times(), sign in 0..7usize) {
        if rhythm.observe(Instant(t), Sign::ALL[sign]) != Heard::New {
            return Ok(());
        }
        rhythm.told(Level::Alert);
        let once = rhythm.clone();
        prop_assert_eq!(rhythm.observe(Instant(t), Sign::ALL[sign]), Heard::Late);
        prop_assert_eq!(rhythm, once);
    }

    #[test]
    fn what_comes_later_never_changes_what_was_due(
        times in prop::collection::vec(1_767_200_000i64..1_769_000_000, 2..60), cut in 1..59usize,
    ) {
        let mut times = times;
        times.sort_unstable();
        let rows = |times: &[i64]| times.iter().enumerate().fold(
            "home_id,timestamp,sensor_id,kind,room,value\n".to_owned(),
            |text, (i, t)| format!("{text}h,{},s,{},,1\n", Instant::from_unix_seconds(*t), Sign::ALL[i % 7].key()),
        );
        let played = |text: &str| {
            let mut out = Vec::new();
            replay::run(text.as_bytes(), &mut out, &replay::Options::default()).unwrap();
            String::from_utf8(out).unwrap()
        };
        let cut = cut.min(times.len() - 1);
        let (whole, part) = (played(&rows(&times)), played(&rows(&times[..cut])));
        prop_assert!(whole.starts_with(&part));
        let beat = format!("h,{},g,heartbeat,,1\n", Instant::from_unix_seconds(*times.last().unwrap()));
        prop_assert_eq!(played(&(rows(&times) + &beat + &beat)), whole);
    }
}
