//! What becomes known afterwards: that the person was away, and how often the region's alarms were false.

use base::Span;
use watch::rhythm::Rhythm;
use watch::{AbsenceReason, AlertState, Cause, Changes, Level, NewAbsence, Rule};

use super::houses::{World, silent_home};

fn rhythm(w: &World) -> Rhythm {
    w.station.live().rhythm(w.houses[0].home).expect("it is known").clone()
}

/// Passes time until the silence is an alert.
fn until_alert(w: &mut World) -> watch::Alert {
    while w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty() {
        w.pass_for(Span::minutes(10));
    }
    w.alerts_of(0, Rule::Inactivity, Level::Alert).remove(0)
}

/// The case is closed, and closing it as safe counts as a sign of life.
fn closed(w: &mut World, alert: &watch::Alert, cause: Cause) {
    let (home, alert) = (alert.home, alert.id);
    w.command(move |ctx, tx| {
        watch::close_alert(ctx, tx, alert, cause)?;
        watch::reassure(ctx, tx, home, ctx.now)
    });
}

// shows: 6.4.1 an absence that is known teaches nothing: announced beforehand, or found out by the case before the return
#[test]
fn a_known_absence_teaches_nothing() {
    /// Days learned from a silence that ended in an alert and then with the person's return.
    fn learned(w: &mut World, cause: Cause, dies: bool) -> f32 {
        let before = rhythm(w).days_known();
        let alert = until_alert(w);
        closed(w, &alert, cause);
        w.pass_for(Span::minutes(50));
        if dies {
            w.crash();
            w.pass_for(Span::minutes(11));
        }
        w.use_door(0, "fridge");
        rhythm(w).days_known() - before
    }
    let was_home = learned(&mut silent_home(), Cause::AnsweredWell, false);
    assert!(was_home > 0.2, "a silence at home is learned: {was_home} days");
    for (cause, dies) in [(Cause::WasOut, false), (Cause::WasOut, true), (Cause::UnknownAbsence, false)] {
        let learned = learned(&mut silent_home(), cause, dies);
        assert!(learned < 0.01, "{cause:?}: {learned} days");
    }
    let mut w = silent_home();
    let (home, from, before) = (w.houses[0].home, w.now, rhythm(&w).days_known());
    let trip = NewAbsence { reason: AbsenceReason::Trip, from, until: from + Span::days(2), weekly: None };
    w.command(move |ctx, tx| watch::enter_absence(ctx, tx, home, trip));
    w.pass_for(Span::days(2));
    w.use_door(0, "entrance");
    assert!(rhythm(&w).days_known() - before < 0.01, "an announced absence is not learned");
    assert_eq!(w.alerts(0), [], "and is no alert");
}

#[test]
fn a_silence_after_the_return_is_learned_again() {
    let mut w = silent_home();
    let alert = until_alert(&mut w);
    w.use_door(0, "fridge");
    let back = rhythm(&w).days_known();
    closed(&mut w, &alert, Cause::WasOut);
    w.pass_for(Span::hours(5));
    w.use_door(0, "fridge");
    assert!(rhythm(&w).days_known() > back + 0.1, "what was found out concerns the silence before");
    assert_eq!(w.alerts_of(0, Rule::Inactivity, Level::Alert)[0].state, AlertState::Closed);
}

// shows: 6.4.4 the limit in force is what the region measured, also after a restart, and what was asked where it is held
#[test]
fn homes_are_judged_by_what_the_region_measured() {
    const MEASURED: &str =
        "INSERT INTO watch_adaptation (until_at, from_at, home_days, expected, false_alarms, percent)
        VALUES ($1, $1, 3000.0, 50.0, 150, 300)";
    for (held, days) in [(false, 90.0), (true, 30.0)] {
        let mut w = silent_home();
        let now = w.now;
        w.test.db.write_blocking(move |tx| tx.execute(MEASURED, db::params![now])).expect("was measured");
        let changes = Changes { adapts: held.then_some(false), ..Changes::default() };
        w.command(move |ctx, tx| watch::set_region(ctx, tx, &changes));
        if !held {
            w.crash();
        }
        let cap = Span::hours(24);
        let (asked, slowest) =
            (rhythm(&w).deadline(Level::Alert, 30.0, cap), rhythm(&w).deadline(Level::Alert, 90.0, cap));
        assert!(asked < slowest, "three times the days are later");
        let due = rhythm(&w).deadline(Level::Alert, days, cap);
        assert_eq!(Some(until_alert(&mut w).due_at), due, "held: {held}");
    }
}
