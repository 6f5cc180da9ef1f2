use base::{Instant, Span};
use proptest::prelude::*;
use watch::live::SAVE_AFTER;
use watch::{Arrival, Level, Rule, Signal};

use super::houses::{OPEN, World, at, silent_home};

/// What an alert is, apart from its id, the moment it was said and the words of that moment.
type Said = (usize, Rule, Level, Instant);
/// When it was said, and in which words: told late, they name the minute they are read at.
type Words = (Instant, String);

fn all_alerts(w: &World) -> Vec<(Said, Words)> {
    let mut all: Vec<(Said, Words)> = (0..w.houses.len())
        .flat_map(|n| w.alerts(n).into_iter().map(move |a| ((n, a.rule, a.level, a.due_at), (a.raised_at, a.reason))))
        .collect();
    all.sort();
    all
}

/// What three homes lived through: their alerts, how many readings are stored, the signs of life counted in each.
struct Life {
    alerts: Vec<(Said, Words)>,
    stored: i64,
    signs: Vec<u32>,
}

impl Life {
    fn said(&self) -> Vec<Said> {
        self.alerts.iter().map(|(said, _)| *said).collect()
    }
}

/// A small generator, so that the same seed lives the same life.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Eight days of three homes: doors, heat, duplicates, late messages, a silence in the end; dies where told to.
fn live(seed: u64, save_after: Span, mut dies: impl FnMut(&mut Dice) -> bool) -> Life {
    let mut w = World::new(3, "2026-11-01T12:00").saved_after(save_after);
    let (mut life, mut fate) = (Dice(seed), Dice(seed ^ 0xDEAD));
    let mut last: Option<Arrival> = None;
    while w.now < at("2026-11-09T12:00") {
        // Never within the minute after a heartbeat, in which a deadline may be waiting to be told.
        let wait = life.roll(50) as i64 + 1;
        let next = w.now + Span::minutes(wait);
        w.pass(if next.unix_seconds() / 60 % 10 == 0 { next + Span::minutes(2) } else { next });
        let hour = w.now.local().hour;
        let silent = w.now > at("2026-11-08T09:00");
        let house = life.roll(3) as usize;
        let roll = life.roll(10);
        match roll {
            0..=5 if !silent && (6..22).contains(&hour) => {
                w.use_door(house, if roll < 2 { "entrance" } else { "fridge" })
            }
            6 => {
                let degrees = 25.0 + life.roll(12) as f32;
                w.say(house, "air", Signal::Temperature(degrees));
            }
            7 => {
                if let Some(again) = last.take() {
                    let _ = w.deliver(vec![Arrival { received_at: w.now, ..again }]);
                }
            }
            8 if !silent => {
                let early = w.now - Span::minutes(life.roll(300) as i64);
                let late = Arrival { occurred_at: Some(early), ..w.arrival(house, "fridge", OPEN) };
                last = Some(late.clone());
                w.deliver(vec![late]).unwrap();
            }
            _ => {}
        }
        if dies(&mut fate) {
            w.crash();
        }
    }
    let stored = w.test.db.read_blocking(watch::readings_stored).unwrap();
    w.pass_for(Span::minutes(3));
    w.station.finish(w.now);
    let (homes, now) = (w.houses.clone(), w.now);
    let signs = w.test.db.read_blocking(move |tx| {
        let ctx = people::testing::system(now, 1);
        let views = homes.iter().map(|h| watch::home_view(&ctx, tx, h.home, now));
        views.map(|v| Ok(v?.days.iter().map(|d| d.signs).sum())).collect::<Result<Vec<u32>, watch::WatchError>>()
    });
    Life { alerts: all_alerts(&w), stored, signs: signs.unwrap() }
}

/// A life takes a minute on a server, where each statement is a journey; what is proved hangs on no engine.
fn lives() -> u32 {
    if db::testing::on_postgres() { 2 } else { 6 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: lives(), ..ProptestConfig::default() })]

    /// Kill it where you like, however long it waited to save: the alerts are the same, each once, and every reading
    /// counts once.
    #[test]
    fn a_life_with_deaths_is_told_like_one_without(seed in any::<u64>()) {
        let undisturbed = live(seed, SAVE_AFTER, |_| false);
        let rarely_saved = [SAVE_AFTER, Span::hours(1)][(seed % 2) as usize];
        let dying = live(seed, rarely_saved, |fate| fate.roll(12) == 0);
        prop_assert!(!undisturbed.alerts.is_empty(), "seed {seed}");
        prop_assert_eq!(undisturbed.said(), dying.said(), "seed {}", seed);
        prop_assert_eq!((undisturbed.stored, undisturbed.signs), (dying.stored, dying.signs), "seed {}", seed);
        for ((_, (at, words)), (_, (then, others))) in undisturbed.alerts.into_iter().zip(dying.alerts) {
            // A death lets the line settle anew, which takes half a minute and no more.
            prop_assert!(then - at <= Span::minutes(1), "seed {seed}: said at {at:?} and at {then:?}");
            prop_assert!(then != at || words == others, "seed {seed}: {words} and {others}");
        }
    }
}

#[test]
fn deadlines_that_passed_while_nobody_ran_wait_for_the_gateway() {
    let mut w = silent_home();
    w.without_notices(0);
    let gateway = w.alive.remove(0);
    w.now = w.now + Span::hours(20);
    w.crash();
    w.pass_for(Span::minutes(90));
    assert_eq!(w.alerts(0), [], "nothing was heard yet");
    // The gateway had kept the morning for us: it comes right after the line is up.
    w.say(0, "", Signal::LineUp);
    let kept = Arrival { occurred_at: Some(w.now - Span::minutes(100)), ..w.arrival(0, "fridge", OPEN) };
    w.deliver(vec![kept]).unwrap();
    w.alive.push(gateway);
    w.pass_for(Span::minutes(15));
    assert_eq!(w.alerts(0), []);
}

#[test]
fn a_silence_that_came_due_while_nobody_ran_is_told_when_the_gateway_is_heard() {
    let mut w = silent_home();
    w.without_notices(0);
    w.now = w.now + Span::hours(30);
    w.crash();
    w.say(0, "", Signal::LineUp);
    w.pass_for(Span::minutes(2));
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
}

#[test]
fn a_clock_that_jumps_is_a_sleep() {
    let mut w = silent_home();
    w.alive.clear();
    w.now = w.now + Span::hours(30);
    w.pass_for(Span::minutes(100));
    assert_eq!(w.alerts(0), []);
    w.pass_for(Span::minutes(40));
    let standing = w.command(|ctx, tx| watch::line_faults(ctx, tx));
    assert_eq!(standing.len(), 1, "its timer runs from the awakening");
    assert_eq!(w.alerts(0), []);
}

#[test]
fn a_standing_alert_neither_vanishes_nor_doubles() {
    let mut w = silent_home();
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    for _ in 0..5 {
        w.crash();
        w.pass_for(Span::hours(1));
    }
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert).len(), 1);
    w.use_door(0, "fridge");
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert)[0].sign_at, Some(w.now));
}
