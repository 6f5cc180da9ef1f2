//! The person is asked: by telephone, every day, and what other settings would have done.

use base::Span;
use watch::{AlertState, Changes, Level, Rule};

use super::houses::{World, silent_home};

/// A home whose person is asked by telephone, with its first question under way.
fn asked_home() -> World {
    let mut w = silent_home();
    let home = w.houses[0].home;
    let asked = watch::Changes { asked: Some(watch::Asked::Call), ..watch::Changes::default() };
    w.command(move |ctx, tx| watch::set_home(ctx, tx, home, &asked));
    while w.alerts_of(0, Rule::Inactivity, Level::Notice).is_empty() {
        w.pass_for(Span::minutes(1));
    }
    w
}

// shows: 6.3.1 a question that is not answered in half an hour is an alert that says so
#[test]
fn no_answer_is_an_alert_also_where_the_line_is_down() {
    for line_is_down in [false, true] {
        let mut w = asked_home();
        if line_is_down {
            w.alive.clear();
        }
        w.pass_for(Span::minutes(29));
        assert!(w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty());
        w.pass_for(Span::minutes(2));
        let alert = w.alerts_of(0, Rule::Inactivity, Level::Alert).remove(0);
        assert!(alert.reason.contains("お尋ねしましたが、お返事がありません"), "{}", alert.reason);
        assert_eq!(w.alerts(0)[0].state, AlertState::Raised);
    }
}

// shows: 6.3.1 an answer is a sign of life: nobody is called about, and the person is asked again later
#[test]
fn an_answer_lets_the_silence_begin_anew() {
    let mut w = asked_home();
    let notice = w.alerts(0)[0].id;
    w.pass_for(Span::minutes(20));
    w.command(move |ctx, tx| {
        watch::answer_notice(ctx, tx, notice, &watch::Reply::on_page(ctx, watch::Answer::Well), &|_, _, _| Ok(()))
    });
    let answered = w.now;
    w.pass_for(Span::minutes(55));
    assert!(w.alerts_of(0, Rule::Inactivity, Level::Alert).is_empty());
    while w.alerts_of(0, Rule::Inactivity, Level::Notice).len() == 1 {
        w.pass_for(Span::minutes(5));
        assert!(w.now - answered < Span::hours(24), "the person is asked again");
    }
    let minute = w.now.wall_seconds().rem_euclid(86_400) / 60;
    assert!((6 * 60 + 30..22 * 60 + 5).contains(&minute), "not in the quiet hours: {}", w.now);
}

// shows: 6.3.2 a call every day at the hour that a person without sensors chose; silence is what is followed up
#[test]
fn who_is_called_every_day_and_does_not_answer_is_followed_up() {
    let mut w = World::new(1, "2026-11-01T12:00");
    let home = w.houses[0].home;
    let asked = Some(watch::Asked::Call);
    let ten = watch::Changes { daily: Some(10 * 60), asked, notices: Some(false), ..watch::Changes::default() };
    w.command(move |ctx, tx| watch::set_home(ctx, tx, home, &ten));
    let asked = |w: &World| w.alerts_of(0, Rule::DailyCall, Level::Notice);
    let followed = |w: &World| w.alerts_of(0, Rule::DailyCall, Level::Alert);
    w.pass_for(Span::hours(21));
    assert!(asked(&w).is_empty(), "the hour of the day it was set is over");
    w.pass_for(Span::minutes(65));
    let question = asked(&w).remove(0);
    w.command(move |ctx, tx| {
        watch::answer_notice(ctx, tx, question.id, &watch::Reply::on_page(ctx, watch::Answer::Well), &|_, _, _| Ok(()))
    });
    w.pass_for(Span::hours(2));
    assert!(followed(&w).is_empty());
    // The next day nobody answers; on the third the person is announced to be away.
    w.pass_for(Span::hours(22));
    assert_eq!(asked(&w).len(), 2);
    w.pass_for(Span::minutes(31));
    assert_eq!(followed(&w).len(), 1);
    let reason = followed(&w).remove(0).reason;
    assert_eq!(reason, "10時00分の声かけ（自動音声の電話）に、お返事がありません。");
    assert_eq!(asked(&w)[0].state_words(), "お返事あり");
    let (from, until) = (w.now + Span::hours(20), w.now + Span::hours(30));
    let away = watch::NewAbsence { reason: watch::AbsenceReason::Trip, from, until, weekly: None };
    w.command(move |ctx, tx| watch::enter_absence(ctx, tx, home, away));
    w.pass_for(Span::hours(24));
    assert_eq!((asked(&w).len(), followed(&w).len()), (2, 1));
    w.pass_for(Span::hours(24));
    assert_eq!((asked(&w).len(), followed(&w).len()), (3, 2));
}

// shows: 6.4.3 a trial plays questions as they were answered: who never answered has alerts, not none
#[test]
fn who_never_answered_is_not_promised_that_nothing_is_told() {
    let mut w = asked_home();
    let home = w.houses[0].home;
    let often = Changes { asked: Some(watch::Asked::Call), question_days: Some(1.0), ..Changes::default() };
    let trial = |w: &World| {
        let (ctx, often) = (people::testing::system(w.now, 9), often.clone());
        let trial = w.test.db.read_blocking(move |tx| watch::trial::try_home(&ctx, tx, home, &often));
        trial.expect("is tried").into_value()
    };
    let before = trial(&w);
    assert!(before.asks && before.questions.all() == 0, "{before:?}");
    w.pass_for(Span::minutes(31));
    let after = trial(&w);
    assert_eq!((after.questions.answered, after.questions.unanswered), (0, 1));
    assert!(after.tried.alerts > before.tried.alerts, "{before:?} {after:?}");
}

// shows: 6.3.2 an hour that is still ahead on the day it was set, even that of the home's first day, is kept
#[test]
fn who_chooses_an_hour_of_this_very_day_is_called_today() {
    let mut w = World::new(1, "2026-11-01T12:00");
    let home = w.houses[0].home;
    let soon = Changes { daily: Some(12 * 60 + 30), asked: Some(watch::Asked::Call), ..Changes::default() };
    w.command(move |ctx, tx| watch::set_home(ctx, tx, home, &soon));
    w.pass_for(Span::minutes(29));
    assert!(w.alerts_of(0, Rule::DailyCall, Level::Notice).is_empty());
    w.pass_for(Span::minutes(2));
    assert_eq!(w.alerts_of(0, Rule::DailyCall, Level::Notice).len(), 1);
}

// shows: 6.4.3 a home's own days are played with other settings before they are chosen
#[test]
fn a_setting_is_tried_on_the_days_that_were_lived() {
    let w = silent_home();
    let (home, now) = (w.houses[0].home, w.now);
    let try_with = |changes: Changes| {
        let ctx = people::testing::system(now, 9);
        w.test
            .db
            .read_blocking(move |tx| watch::trial::try_home(&ctx, tx, home, &changes))
            .expect("is tried")
            .into_value()
    };
    let same = try_with(Changes::default());
    assert_eq!((same.homes, same.now.clone()), (1, same.tried.clone()), "what is tried is what is set");
    assert!(same.days > 5.0 && same.now.within(0.5) > Some(Span::hours(2)), "{same:?}");
    let hasty = try_with(Changes { cap_hours: Some(3), ..Changes::default() });
    assert!(hasty.tried.alerts > hasty.now.alerts, "each night is longer than three hours: {hasty:?}");
    assert!(hasty.tried.within(0.9) < hasty.now.within(0.9));
    let asked = try_with(Changes { asked: Some(watch::Asked::Call), question_days: Some(1.0), ..Changes::default() });
    assert!(asked.tried.within(0.9) < asked.now.within(0.9) && asked.tried.alerts <= asked.now.alerts, "{asked:?}");
    let ctx = people::testing::system(now, 10);
    let region = Changes { cap_hours: Some(3), ..Changes::default() };
    let all = w.test.db.read_blocking(move |tx| watch::trial::try_region(&ctx, tx, &region)).expect("is tried").0;
    assert_eq!((all.homes, all.tried.alerts), (1, hasty.tried.alerts));
    assert_eq!(w.test.db.read_blocking(|tx| watch::changes_of(tx, None)).expect("reads"), Changes::default());
}
