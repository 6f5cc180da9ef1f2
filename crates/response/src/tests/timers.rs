//! What happens when nobody does anything.

use proptest::prelude::*;

use super::*;
use crate::{Condition, Help, VisitReport, Visitor};

#[test]
fn an_alert_nobody_takes_reaches_the_city_and_stays_there() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity);
    assert_eq!(r.read(r.program(), |_, tx| next_wake(tx)).unwrap(), Some(r.now() + Span::minutes(3)));
    let escalate = |r: &Region| r.write(r.program(), escalate_due).unwrap();
    assert!(escalate(r.wait(2)).is_empty(), "nothing is told before the limit");
    assert!(!r.may_see(r.support_centre()), "the support centre knows nobody yet");
    let mut told = Vec::new();
    for _ in 0..6 {
        let wake = r.read(r.program(), |_, tx| next_wake(tx)).unwrap().unwrap();
        r.minute.set((wake - start()).as_minutes());
        told.extend(escalate(&r).into_iter().map(|c| c.told.unwrap()));
    }
    use Rung::*;
    assert_eq!(told, [ShiftLead, CareManager, SupportCentre, City, City, City]);
    assert!(r.may_see(r.support_centre()), "who was told may act");
    for ctx in [r.city(), r.support_centre(), r.operator(), r.care_manager()] {
        let role = ctx.actor.role;
        let Listed { rows, total, .. } = r.read(ctx, overdue).unwrap().into_value();
        assert_eq!((rows.len(), total), (1, 1), "{role:?} has it on the list");
        assert_eq!(rows[0].case.state, State::Detected, "time never moves a case");
        assert_eq!(rows[0].case.due_at, case.due_at);
    }
    let daughter = r.s.daughter;
    assert!(denied(r.read(r.relative(daughter), overdue)));
    let on = r.read(r.program(), move |c, tx| lists_of(c, tx, case.id)).unwrap();
    for list in [r.s.call_centre.0, r.s.care_manager.0, r.s.support_centre.0, r.s.city.0] {
        assert!(on.contains(&list));
    }
    let escalations = r.topics().iter().filter(|t| *t == "response.escalated").count();
    assert_eq!(escalations, told.len());

    let city =
        r.write(r.city(), move |c, tx| take_over(c, tx, case.id, words("コールセンターにつながらないため"))).unwrap();
    assert_eq!((city.told, city.state), (None, State::Taken), "who works a case starts the ladder anew");
}

#[test]
fn a_region_without_a_call_centre_has_the_support_centre_work_its_cases() {
    let r = Region::new();
    let centre = r.s.call_centre;
    r.test
        .db
        .write_blocking(move |tx| {
            tx.tell("UPDATE people_office SET kind = 'welfare_council' WHERE id = $1", db::params![centre])
        })
        .unwrap();
    let case = r.alert(Rule::Inactivity);
    assert_eq!(case.centre, Some(r.s.support_centre));
    r.write(r.support_centre(), move |c, tx| take(c, tx, case.id)).unwrap();
    assert!(!r.may_see(r.operator()));
}

#[test]
fn a_notice_is_a_question_and_no_case() {
    let r = Region::new();
    let ctx = r.program();
    let mut alert = any_alert(&r, &ctx);
    alert.level = Level::Notice;
    assert_eq!(r.write(ctx, move |c, tx| open_case(c, tx, &alert)).unwrap(), None);
    assert!(r.topics().is_empty());
}

#[test]
fn the_same_alert_again_is_the_same_case() {
    let r = Region::new();
    let ctx = r.program();
    let alert = any_alert(&r, &ctx);
    let (a, b) = (alert.clone(), alert);
    let first = r.write(ctx, move |c, tx| open_case(c, tx, &a)).unwrap();
    let second = r.write(r.wait(5).program(), move |c, tx| open_case(c, tx, &b)).unwrap();
    assert_eq!(first, second);
    assert_eq!(r.topics(), ["response.case_opened"]);
}

fn any_alert(r: &Region, ctx: &Ctx) -> Alert {
    Alert {
        id: ctx.id(),
        home: r.s.home,
        person: r.s.person,
        level: Level::Alert,
        rule: Rule::TooHot,
        device: None,
        due_at: r.now(),
        raised_at: r.now(),
        reason: "居間が33度です。".into(),
        state: AlertState::Standing,
        sign_at: None,
        ended_at: None,
        cause: None,
        answer: None,
    }
}

#[test]
fn a_region_sets_its_own_limits_and_script() {
    let r = Region::new();
    let mut own =
        Settings {
            take: Span::minutes(1), script: vec!["お変わりありませんか。".into()], ..Settings::default()
        };
    let wanted = own.clone();
    let refused = r.write(r.operator(), move |c, tx| set_settings(c, tx, wanted.clone()));
    assert_eq!(refusal(refused), Refusal::SettingsNotYours);
    let wanted = own.clone();
    r.write(r.city(), move |c, tx| set_settings(c, tx, wanted.clone())).unwrap();
    let case = r.alert(Rule::Inactivity);
    assert_eq!(case.due_at, Some(r.now() + Span::minutes(1)));
    let sheet = r.read(r.operator(), move |c, tx| case_sheet(c, tx, case.id)).unwrap();
    assert_eq!(sheet.script, own.script);
    own.take = Span::days(3);
    assert_eq!(refusal(r.write(r.city(), move |c, tx| set_settings(c, tx, own.clone()))), Refusal::LimitOutOfRange);
    assert_eq!(r.read(r.city(), |_, tx| Ok(settings_history(tx)?)).unwrap().len(), 1);
}

/// What somebody might do to a case, in any order.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Take(bool),
    Release,
    CallResident(CallOutcome),
    CallContact(bool, CallOutcome),
    Ask,
    Visit(u8),
    Report(Condition),
    Help(Help),
    Ambulance,
    Consult,
    Answer,
    Close(Cause),
    Alert,
    Wait(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let outcome = prop::sample::select(CallOutcome::ALL);
    prop_oneof![
        any::<bool>().prop_map(Deed::Take),
        Just(Deed::Release),
        outcome.clone().prop_map(Deed::CallResident),
        (any::<bool>(), outcome).prop_map(|(d, o)| Deed::CallContact(d, o)),
        Just(Deed::Ask),
        (0u8..4).prop_map(Deed::Visit),
        prop::sample::select(Condition::ALL).prop_map(Deed::Report),
        prop::sample::select(Help::ALL).prop_map(Deed::Help),
        Just(Deed::Ambulance),
        Just(Deed::Consult),
        Just(Deed::Answer),
        prop::sample::select(Cause::ALL).prop_map(Deed::Close),
        Just(Deed::Alert),
        (1i64..90).prop_map(Deed::Wait),
    ]
}

fn does(r: &Region, case: CaseId, deed: Deed) {
    let s = r.s;
    let visits = r.test.db.read_blocking(move |tx| crate::store::visits_of(tx, case)).unwrap();
    let visit = visits.last().map(|v| v.id);
    let _ = match deed {
        Deed::Take(true) => r.write(r.operator(), move |c, tx| take(c, tx, case)).map(drop),
        Deed::Take(false) => r.write(r.second_operator(), move |c, tx| take_over(c, tx, case, words("交代"))).map(drop),
        Deed::Release => r.write(r.operator(), move |c, tx| release(c, tx, case, words(""))).map(drop),
        Deed::CallResident(outcome) => r
            .write(r.operator(), move |c, tx| {
                record_call(c, tx, case, NewCall { to: Callee::Resident, outcome, note: words("") })
            })
            .map(drop),
        Deed::CallContact(daughter, outcome) => r
            .write(r.operator(), move |c, tx| {
                let to = Callee::Contact(if daughter { s.daughter } else { s.son });
                record_call(c, tx, case, NewCall { to, outcome, note: words("") })
            })
            .map(drop),
        Deed::Ask => r
            .write(r.operator(), move |c, tx| request_visit(c, tx, case, Visitor::Staff(s.care_manager), words("")))
            .map(drop),
        Deed::Visit(n) => match visit {
            None => Ok(()),
            Some(v) => r
                .write(r.care_manager(), move |c, tx| match n {
                    0 => accept_visit(c, tx, v),
                    1 => on_the_way(c, tx, v),
                    2 => arrived(c, tx, v),
                    _ => decline_visit(c, tx, v, words("")),
                })
                .map(drop),
        },
        Deed::Report(condition) => match visit {
            None => Ok(()),
            Some(v) => r
                .write(r.care_manager(), move |c, tx| {
                    report_visit(c, tx, v, VisitReport { condition, text: words("") })
                })
                .map(drop),
        },
        Deed::Help(help) => r.write(r.operator(), move |c, tx| ask_help(c, tx, case, help, words(""))).map(drop),
        Deed::Ambulance => {
            let now = r.now();
            r.write(r.care_manager(), move |c, tx| call_ambulance(c, tx, case, now, words("計画"), words(""))).map(drop)
        }
        Deed::Consult => {
            r.write(r.care_manager(), move |c, tx| consult(c, tx, case, s.doctor, words("相談"))).map(drop)
        }
        Deed::Answer => r.write(r.doctor(), move |c, tx| answer_consultation(c, tx, case, words("回答"))).map(drop),
        Deed::Close(cause) => r.close_as(r.care_manager(), case, cause).map(drop),
        Deed::Alert => {
            r.alert(Rule::Inactivity);
            Ok(())
        }
        Deed::Wait(minutes) => {
            r.wait(minutes);
            r.write(r.program(), escalate_due).map(drop)
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    /// Whatever people do or leave undone: every open case has a limit and a time at which the next in line is told,
    /// stands on a list, and is known to the call centre; a closed one is known to it no more.
    #[test]
    fn no_case_is_ever_forgotten(deeds in prop::collection::vec(deed(), 1..40)) {
        let r = Region::new();
        let person = r.s.person;
        let first = r.alert(Rule::Inactivity).id;
        for deed in deeds {
            does(&r, first, deed);
            let cases = r.read(r.program(), move |c, tx| cases_of(c, tx, person)).unwrap().into_value();
            let open: Vec<&Case> = cases.iter().filter(|c| c.open()).collect();
            prop_assert!(open.len() <= 1, "one open case of a home");
            for case in &cases {
                prop_assert_eq!(case.open(), case.due_at.is_some() && case.escalate_at.is_some());
                prop_assert_eq!(case.open(), case.closed_at.is_none());
            }
            for case in &open {
                let id = case.id;
                let lists = r.read(r.program(), move |c, tx| lists_of(c, tx, id)).unwrap();
                prop_assert!(lists.contains(&r.s.call_centre.0));
            }
            prop_assert_eq!(r.may_see(r.operator()), !open.is_empty());
            let due: Vec<bool> = open.iter().map(|c| c.escalate_at.is_some_and(|t| t <= r.now())).collect();
            let worked = r.write(r.program(), escalate_due).unwrap().len();
            prop_assert_eq!(worked, due.iter().filter(|d| **d).count());
        }
    }
}
