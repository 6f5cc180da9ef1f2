//! 業務フロー: from an alert to its end.

use super::*;
use crate::{Condition, Help, Review, VisitReport, Visitor};

#[test]
fn a_door_that_did_not_open_ends_with_the_doctors_answer() {
    let r = Region::new();
    let s = r.s;
    assert!(!r.may_see(r.operator()), "before the alert the call centre knows nobody");
    let case = r.alert(Rule::Inactivity).id;
    assert!(r.may_see(r.operator()));
    r.wait(1).take(case);
    for outcome in [CallOutcome::NotThere, CallOutcome::Voicemail, CallOutcome::NotThere] {
        r.call(case, Callee::Resident, outcome);
        r.wait(5);
    }
    let sheet = r.read(r.operator(), move |c, tx| case_sheet(c, tx, case)).unwrap();
    assert_eq!(sheet.next, NextAct::CallContact(s.daughter), "the daughter stands first");
    r.call(case, Callee::Contact(s.daughter), CallOutcome::NotThere);
    let last = r.call(case, Callee::Contact(s.son), CallOutcome::Unsure);
    assert_eq!(last.state.step(), Step::VisitRequested);

    let visitor = Visitor::Staff(s.care_manager);
    let visit =
        r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words("在宅か確認"))).unwrap().id;
    r.write(r.wait(2).care_manager(), move |c, tx| accept_visit(c, tx, visit)).unwrap();
    r.write(r.wait(3).care_manager(), move |c, tx| on_the_way(c, tx, visit)).unwrap();
    r.write(r.wait(20).care_manager(), move |c, tx| arrived(c, tx, visit)).unwrap();
    let report = VisitReport { condition: Condition::Unwell, text: words("熱があり、ふらつく。") };
    r.write(r.wait(10).care_manager(), move |c, tx| report_visit(c, tx, visit, report.clone())).unwrap();

    let doctor = s.doctor;
    let note = r
        .write(r.wait(2).care_manager(), move |c, tx| consult(c, tx, case, doctor, words("受診が必要でしょうか。")))
        .unwrap();
    let refused = r.close_as(r.care_manager(), case, Cause::Unwell);
    assert_eq!(refusal(refused), Refusal::AnswerFirst);
    let owed = r.read(r.doctor(), |c, tx| Ok(care::waiting_for(c, tx)?)).unwrap();
    assert_eq!(owed.iter().map(|n| (n.id, n.case)).collect::<Vec<_>>(), [(note, Some(case))]);
    assert_eq!(owed[0].importance, care::Importance::Urgent);
    r.write(r.wait(15).doctor(), move |c, tx| answer_consultation(c, tx, case, words("午後に往診します。"))).unwrap();
    let closed = r.close_as(r.wait(5).care_manager(), case, Cause::Unwell).unwrap();
    assert_eq!((closed.state, closed.due_at), (State::Resolved { cause: Cause::Unwell }, None));
    assert!(!r.may_see(r.operator()), "the end of the case closes the person to the call centre");

    let story = r.read(r.wait(1).care_manager(), move |c, tx| story(c, tx, case)).unwrap();
    let happened: Vec<&str> = story.iter().rev().map(|row| row.what.key()).collect();
    assert_eq!(
        happened,
        [
            "opened",
            "taken",
            "called_resident",
            "called_resident",
            "called_resident",
            "called_contact",
            "called_contact",
            "visit_requested",
            "visit_accepted",
            "departed",
            "arrived",
            "reported",
            "consulted",
            "answered",
            "closed"
        ]
    );
    assert_eq!(story[1].by_name.expose(), "医師 見本");
    assert_every_step_is_audited(&r, case);
}

fn assert_every_step_is_audited(r: &Region, case: CaseId) {
    let steps = r.read(r.care_manager(), move |c, tx| story(c, tx, case)).unwrap().len();
    let rows = r.test.db.read_blocking(|tx| audit::newest(tx, 200)).unwrap();
    let mine: Vec<_> = rows.iter().filter(|row| row.action.starts_with("response.")).collect();
    assert_eq!(mine.len(), steps);
    assert!(mine.iter().all(|row| row.persons == [r.s.person]));
    let report = r.test.db.read_blocking(|tx| audit::verify(tx, &[])).unwrap();
    assert_eq!(report.finding, None);
    let events = r.topics().into_iter().filter(|t| t != "response.visit_asked").count();
    assert_eq!(events, steps, "every step leaves an event");
}

#[test]
fn a_call_that_is_answered_ends_the_case() {
    let r = Region::new();
    let closed = r.answered_case();
    assert_eq!(closed.cause, Some(Cause::AnsweredWell));
    assert_eq!(closed.taken_at, Some(start() + Span::minutes(1)));
    assert!(r.read(r.program(), queue).unwrap().rows.is_empty());
    let home = r.s.home;
    let standing = r.read(r.program(), move |c, tx| Ok(watch::standing_alerts(c, tx, home)?)).unwrap();
    assert!(standing.is_empty(), "its alert ended with it");
    let events = r.test.db.read_blocking(|tx| db::outbox::after(tx, 0, 10_000)).unwrap();
    let armed = events.iter().filter(|e| e.topic == "watch.reassured").count();
    assert_eq!(armed, 1, "a safe end counts as a sign of life");
}

#[test]
fn an_end_that_is_not_safe_is_no_sign_of_life() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    r.close_as(r.operator(), case, Cause::Unwell).unwrap();
    let events = r.test.db.read_blocking(|tx| db::outbox::after(tx, 0, 10_000)).unwrap();
    assert!(!events.iter().any(|e| e.topic == "watch.reassured"));
}

#[test]
fn everybody_who_must_know_gets_a_message() {
    let r = Region::new();
    let (s, case) = (r.s, r.alert(Rule::Inactivity).id);
    let told = |who: Ctx| {
        let items = r.read(who, |c, tx| Ok(notify::inbox(c, tx)?)).unwrap();
        items.into_iter().map(|m| m.topic).collect::<Vec<_>>()
    };
    use notify::Topic as T;
    assert_eq!(told(r.relative(s.daughter)), [T::AlertRaised]);
    assert!(told(r.relative(s.son)).is_empty(), "the son was given no consent");
    r.wait(1).take(case);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    let visitor = Visitor::Contact(s.son);
    r.write(r.wait(1).operator(), move |c, tx| request_visit(c, tx, case, visitor, words(""))).unwrap();
    assert_eq!(told(r.relative(s.son)), [T::VisitRequested]);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    r.write(r.wait(1).care_manager(), move |c, tx| consult(c, tx, case, s.doctor, words("相談"))).unwrap();
    assert_eq!(told(r.doctor()), [T::ConsultationAsked]);
    r.write(r.wait(61).program(), escalate_due).unwrap();
    assert_eq!(told(r.care_manager()), [T::CaseOverdue]);
    r.write(r.doctor(), move |c, tx| answer_consultation(c, tx, case, words("往診します。"))).unwrap();
    r.close_as(r.wait(1).care_manager(), case, Cause::Unwell).unwrap();
    let mut all = told(r.relative(s.daughter));
    all.sort();
    assert_eq!(all, [T::AlertRaised, T::CaseTaken, T::CaseClosed]);
}

#[test]
fn the_second_operator_sees_who_has_it() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    let untaken = r.write(r.operator(), move |c, tx| {
        record_call(c, tx, case, NewCall { to: Callee::Resident, outcome: CallOutcome::Busy, note: words("") })
    });
    assert_eq!(refusal(untaken), Refusal::TakeFirst);
    r.take(case);
    let second = refusal(r.write(r.second_operator(), move |c, tx| take(c, tx, case)));
    assert_eq!(second, Refusal::HeldBy(words("受付 一郎")));
    assert!(second.to_string().starts_with("この案件は受付 一郎さんが担当しています。"));
    let call = r.write(r.second_operator(), move |c, tx| {
        record_call(c, tx, case, NewCall { to: Callee::Resident, outcome: CallOutcome::Busy, note: words("") })
    });
    assert_eq!(refusal(call), Refusal::HeldBy(words("受付 一郎")));
    assert_eq!(refusal(r.close_as(r.second_operator(), case, Cause::WasOut)), Refusal::HeldBy(words("受付 一郎")));

    let silent = r.write(r.second_operator(), move |c, tx| take_over(c, tx, case, words(" ")));
    assert_eq!(refusal(silent), Refusal::NoReason);
    let over = r.write(r.second_operator(), move |c, tx| take_over(c, tx, case, words("休憩のため"))).unwrap();
    assert_eq!(over.holder, Some(r.s.second_operator));
    let back = r.s.operator;
    r.write(r.second_operator(), move |c, tx| hand_over(c, tx, case, back, words("折り返し待ち"))).unwrap();
    let manager = r.s.care_manager;
    let wrong = r.write(r.operator(), move |c, tx| hand_over(c, tx, case, manager, words("")));
    assert_eq!(refusal(wrong), Refusal::NotColleague);
    let free = r.write(r.operator(), move |c, tx| release(c, tx, case, words(""))).unwrap();
    assert_eq!((free.holder, free.state), (None, State::Taken));
    assert!(free.due_at.is_some_and(|due| due <= r.now() + Span::minutes(3)), "it waits to be taken, and soon");
    r.write(r.second_operator(), move |c, tx| take(c, tx, case)).unwrap();
}

#[test]
fn nobody_opens_the_door_and_the_police_looks() {
    let r = Region::new();
    let (case, son) = (r.alert(Rule::Inactivity).id, r.s.son);
    r.take(case);
    let early = r.write(r.operator(), move |c, tx| ask_help(c, tx, case, Help::Police, words("")));
    assert_eq!(refusal(early), Refusal::HelpTooEarly);
    let visitor = Visitor::Contact(son);
    let visit = r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words(""))).unwrap().id;
    let shut = VisitReport { condition: Condition::NoAnswer, text: words("呼んでも返事がない。") };
    r.write(r.wait(30).relative(son), move |c, tx| report_visit(c, tx, visit, shut.clone())).unwrap();
    assert_eq!(refusal(r.close_as(r.operator(), case, Cause::Unconfirmed)), Refusal::NotKnownYet);
    for help in [Help::KeyHolder, Help::Police] {
        r.write(r.wait(5).operator(), move |c, tx| ask_help(c, tx, case, help, words(""))).unwrap();
    }
    let due = r.read(r.operator(), move |c, tx| find_case(c, tx, case)).unwrap().due_at;
    assert_eq!(due, Some(r.now() + Span::minutes(60)), "the police has its own limit");
    assert_eq!(refusal(r.close_as(r.operator(), case, Cause::VisitSawWell)), Refusal::CauseDoesNotFit);
    let found = VisitReport { condition: Condition::Well, text: words("庭にいた。") };
    r.write(r.wait(20).operator(), move |c, tx| report_help(c, tx, case, found.clone())).unwrap();
    r.close_as(r.operator(), case, Cause::VisitSawWell).unwrap();
}

#[test]
fn an_ambulance_is_recorded_with_its_time_and_by_whom() {
    let r = Region::new();
    let case = r.alert(Rule::Button).id;
    assert!(r.read(r.operator(), move |c, tx| find_case(c, tx, case)).unwrap().urgent);
    r.take(case);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    let now = r.wait(2).now();
    let tomorrow = now + Span::days(1);
    let wrong = r.write(r.operator(), move |c, tx| call_ambulance(c, tx, case, tomorrow, words("受付"), words("")));
    assert_eq!(refusal(wrong), Refusal::AmbulanceTime);
    r.write(r.operator(), move |c, tx| call_ambulance(c, tx, case, now, words("オペレーター"), words("意識あり")))
        .unwrap();
    let story = r.read(r.operator(), move |c, tx| story(c, tx, case)).unwrap();
    assert_eq!(story[0].detail.expose(), "10時02分にオペレーターが119番に通報：意識あり");
    let again = r.write(r.operator(), move |c, tx| call_ambulance(c, tx, case, now, words("受付"), words("")));
    assert_eq!(refusal(again), Refusal::AmbulanceAlready);
    let person = r.s.person;
    let new = r.read(r.doctor(), move |c, tx| Ok(care::notes(c, tx, person, None)?)).unwrap().into_value().notes;
    assert_eq!((new.len(), new[0].importance), (1, care::Importance::Urgent), "the team learns of it at once");
    assert!(new[0].body.expose().starts_with("10時02分にオペレーターが119番に通報：意識あり"));
    r.close_as(r.operator(), case, Cause::Ambulance).unwrap();
}

#[test]
fn relatives_hear_of_an_ambulance_at_once_and_of_a_death_from_a_person() {
    let r = Region::new();
    let (s, case) = (r.s, r.alert(Rule::Button).id);
    let told = |contact| {
        let items = r.read(r.relative(contact), |c, tx| Ok(notify::inbox(c, tx)?)).unwrap();
        items.into_iter().map(|m| m.topic).collect::<Vec<_>>()
    };
    r.wait(1).take(case);
    r.wait(1).call(case, Callee::Resident, CallOutcome::Unwell);
    let now = r.wait(1).now();
    r.write(r.operator(), move |c, tx| call_ambulance(c, tx, case, now, words("オペレーター"), words(""))).unwrap();
    use notify::Topic as T;
    assert_eq!(told(s.daughter), [T::AmbulanceCalled, T::CaseTaken, T::AlertRaised]);
    assert!(told(s.son).is_empty(), "the son was given no consent");
    r.close_as(r.wait(1).operator(), case, Cause::FoundDead).unwrap();
    assert_eq!(told(s.daughter).len(), 3, "no machine tells of a death");
    let person = s.person;
    let seen = r.read(r.relative(s.daughter), move |c, tx| family_view(c, tx, person)).unwrap();
    assert_eq!(seen[0].words, "対応が終わりました。担当者からお電話でご連絡します。");
}

#[test]
fn a_neighbour_who_declines_sees_nothing_more() {
    let r = Region::new();
    let (case, son) = (r.alert(Rule::Inactivity).id, r.s.son);
    r.take(case);
    assert!(!r.may_see(r.relative(son)), "the son was not asked yet");
    let visitor = Visitor::Contact(son);
    let visit = r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words(""))).unwrap().id;
    let twice = r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words("")));
    assert_eq!(refusal(twice), Refusal::VisitorAlreadyAsked);
    let listed = r.read(r.relative(son), visits_for).unwrap();
    assert_eq!(listed.iter().map(|v| v.visit.id).collect::<Vec<_>>(), [visit]);
    let sheet = r.read(r.relative(son), move |c, tx| visit_sheet(c, tx, visit)).unwrap();
    assert!(sheet.home.entry_shown && sheet.person.risks_shown);
    let daughter = r.s.daughter;
    assert!(denied(r.write(r.relative(daughter), move |c, tx| on_the_way(c, tx, visit))), "another relative may not");
    r.write(r.wait(1).relative(son), move |c, tx| decline_visit(c, tx, visit, words("仕事中のため"))).unwrap();
    assert!(!r.may_see(r.relative(son)));
    assert!(
        r.read(r.operator(), move |c, tx| find_case(c, tx, case)).unwrap().state
            == State::VisitRequested { accepted: false }
    );
}

#[test]
fn the_call_centre_cannot_write_into_the_notebook() {
    let r = Region::new();
    let (case, doctor) = (r.alert(Rule::Inactivity).id, r.s.doctor);
    r.take(case);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    assert!(denied(r.write(r.operator(), move |c, tx| consult(c, tx, case, doctor, words("相談")))));
    let nurse = r.s.nurse;
    let wrong = r.write(r.care_manager(), move |c, tx| consult(c, tx, case, nurse, words("相談")));
    assert_eq!(refusal(wrong), Refusal::NotTheDoctor);
}

#[test]
fn an_answer_in_the_notebook_moves_the_case_on() {
    let r = Region::new();
    let (case, doctor) = (r.alert(Rule::Inactivity).id, r.s.doctor);
    r.take(case);
    r.call(case, Callee::Resident, CallOutcome::Unwell);
    let note = r.write(r.care_manager(), move |c, tx| consult(c, tx, case, doctor, words("相談"))).unwrap();
    let moved = r.write(r.wait(3).doctor(), move |c, tx| {
        care::reply(c, tx, note, words("水分をとって様子を見てください。"))?;
        note_answered(c, tx, note)
    });
    assert!(matches!(moved.unwrap().unwrap().state, State::Consultation { answered: true, .. }));
    let again = r.write(r.wait(1).doctor(), move |c, tx| note_answered(c, tx, note)).unwrap().unwrap();
    assert!(matches!(again.state, State::Consultation { answered: true, .. }), "a second answer changes nothing");
    r.close_as(r.care_manager(), case, Cause::AnsweredWell).unwrap();
}

#[test]
fn a_closed_case_is_looked_back_at_by_the_call_centre_without_seeing_the_person() {
    let r = Region::new();
    let case = r.answered_case().id;
    assert!(denied(r.read(r.operator(), move |c, tx| case_sheet(c, tx, case))));
    let waiting = r.read(r.operator(), to_review).unwrap();
    assert_eq!(waiting.iter().map(|w| w.case).collect::<Vec<_>>(), [case]);
    let learned =
        Review {
            false_alarm: Some(FalseAlarmReason::LateRiser), note: words(""), proposal: words("1時間遅らせる")
        };
    let told = learned.clone();
    r.write(r.operator(), move |c, tx| review(c, tx, case, told.clone())).unwrap();
    assert!(r.read(r.operator(), to_review).unwrap().is_empty());
    let twice = r.write(r.operator(), move |c, tx| review(c, tx, case, learned.clone()));
    assert_eq!(refusal(twice), Refusal::AlreadyReviewed);
}

#[test]
fn a_second_alert_joins_the_open_case_and_the_button_brings_it_forward() {
    let r = Region::new();
    let first = r.alert(Rule::Inactivity);
    r.take(first.id);
    let manager = Visitor::Staff(r.s.care_manager);
    let visit = r.write(r.operator(), move |c, tx| request_visit(c, tx, first.id, manager, words(""))).unwrap().id;
    r.write(r.care_manager(), move |c, tx| on_the_way(c, tx, visit)).unwrap();
    let joined = r.wait(5).alert(Rule::Button);
    assert_eq!(joined.id, first.id);
    assert!(joined.urgent);
    assert_eq!(joined.state, State::OnTheWay, "an alert never sets a case back");
    assert_eq!(joined.due_at, Some(r.now() + Span::minutes(3)));
    let sheet = r.read(r.operator(), move |c, tx| case_sheet(c, tx, first.id)).unwrap();
    assert_eq!(sheet.alerts.len(), 2);
}
