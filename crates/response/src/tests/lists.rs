//! What the desks see: queue, wallboard, callers, the family.

use base::wareki::Date;
use people::PhoneNumber;

use super::*;

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

#[test]
fn the_queue_is_ordered_by_what_is_due_and_says_who_has_it() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    let Listed { rows, total, .. } = r.read(r.operator(), queue).unwrap().into_value();
    assert_eq!(total, 1);
    assert_eq!((rows[0].name.expose().as_str(), rows[0].town.as_str()), ("髙橋 みほん", "見本町一丁目"));
    assert_eq!((rows[0].holder_name.is_none(), rows[0].overdue), (true, false));
    assert_eq!(rows[0].next_words, "受付してください。");
    r.take(case);
    let Listed { rows, .. } = r.read(r.wait(10).second_operator(), queue).unwrap().into_value();
    assert_eq!(rows[0].holder_name.as_ref().map(|n| n.expose().as_str()), Some("受付 一郎"));
    assert!(rows[0].overdue);
    let Listed { rows, .. } = r.read(r.care_manager(), queue).unwrap().into_value();
    assert_eq!(rows.len(), 1, "the care manager sees the cases of her people");
    assert!(denied(r.read(r.city(), queue)) || r.read(r.city(), queue).unwrap().rows.is_empty());
}

#[test]
fn a_list_that_is_cut_says_how_many_there_are() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    let counted = |others: i64| {
        r.test.db.write_blocking(move |tx| {
            let made: i64 = tx.scalar("SELECT COUNT(*) FROM response_case", &[])?;
            for n in made..=others {
                let id = Uuid::from_u128(n as u128);
                tx.execute(
                    "INSERT INTO response_case (id, number, home_id, person_id, rule, reason, urgent, state, step,
                     opened_at, due_at, escalate_at, closing_text) SELECT $1, $2, home_id, person_id, rule, reason, urgent,
                     state, step, opened_at, due_at, escalate_at, closing_text FROM response_case WHERE id = $3",
                    db::params![id, n + 1, case],
                )?;
            }
            Ok::<_, db::DbError>(())
        })
        .unwrap();
        let listed = r.read(r.operator(), queue).unwrap().into_value();
        (listed.rows.len(), listed.total)
    };
    assert_eq!(counted(48), (49, 49));
    assert_eq!(counted(49), (50, 50));
    assert_eq!(counted(53), (50, 54));
}

#[test]
fn the_sheet_holds_what_the_operator_needs_and_no_more() {
    let r = Region::new();
    let (case, s) = (r.alert(Rule::Inactivity).id, r.s);
    r.take(case);
    let sheet = r.read(r.operator(), move |c, tx| case_sheet(c, tx, case)).unwrap();
    assert_eq!(sheet.next, NextAct::CallResident);
    assert_eq!(sheet.person.phones.len(), 2);
    assert!(sheet.home.entry_shown && sheet.person.risks_shown);
    let order: Vec<ContactId> = sheet.contacts.iter().map(|c| c.contact.id).collect();
    assert_eq!(order, [s.daughter, s.son]);
    assert_eq!(key_holders(&sheet).iter().map(|c| c.id).collect::<Vec<_>>(), [s.son]);
    let asked: Vec<Visitor> = sheet.visitors.iter().map(|v| v.visitor).collect();
    for visitor in [Visitor::Staff(s.care_manager), Visitor::Staff(s.nurse), Visitor::Office(s.support_centre)] {
        assert!(asked.contains(&visitor), "{visitor:?} can be asked");
    }
    assert!(!asked.contains(&Visitor::Staff(s.doctor)), "the doctor is consulted, not sent to the door");
    let person = s.person;
    let medical = r.read(r.operator(), move |c, tx| Ok(people::medical_summary(c, tx, person)?));
    assert!(denied(medical));
    let notes = r.read(r.operator(), move |c, tx| Ok(care::notes(c, tx, person, None)?));
    assert!(denied(notes));
}

#[test]
fn who_calls_back_within_two_days_is_found_and_nobody_else() {
    let r = Region::new();
    let case = r.answered_case().id;
    assert!(!r.may_see(r.operator()));
    let daughter = || phone("090-0000-0002");
    let strange = r.read(r.wait(60).operator(), |c, tx| match_caller(c, tx, &phone("090-0000-0099"))).unwrap();
    assert!(strange.is_empty());
    let found = r.read(r.operator(), move |c, tx| match_caller(c, tx, &daughter())).unwrap();
    assert_eq!(
        found.iter().map(|m| (m.case.id, m.caller.who)).collect::<Vec<_>>(),
        [(case, Callee::Contact(r.s.daughter))]
    );
    assert!(!r.may_see(r.operator()), "finding alone opens nothing");

    let wrong = r.write(r.operator(), move |c, tx| {
        record_incoming_call(c, tx, case, &phone("090-0000-0099"), CallOutcome::Well, words(""))
    });
    assert_eq!(refusal(wrong), Refusal::NoCaseForNumber);
    let recorded = r.write(r.operator(), move |c, tx| {
        record_incoming_call(c, tx, case, &daughter(), CallOutcome::Well, words("折り返し"))
    });
    assert!(!recorded.unwrap().open(), "its end stays its end");
    assert!(r.may_see(r.operator()), "while they speak, the operator sees the case");
    assert!(!r.may_see(r.wait(31).operator()));
    assert!(r.read(r.wait(48 * 60).operator(), move |c, tx| match_caller(c, tx, &daughter())).unwrap().is_empty());
}

#[test]
fn a_relative_who_calls_before_anybody_took_it_is_heard() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    let heard = r
        .write(r.wait(1).operator(), move |c, tx| {
            record_incoming_call(c, tx, case, &phone("090-0000-0002"), CallOutcome::Well, words("一緒にいる"))
        })
        .unwrap();
    assert_eq!(heard.holder, Some(r.s.operator), "who speaks with the caller has the case");
    assert_eq!(heard.state, State::Reported { condition: Condition::Well, how: How::Contact });
    r.close_as(r.operator(), case, Cause::FamilySawWell).unwrap();
}

#[test]
fn the_family_sees_the_alert_that_it_was_taken_and_the_end() {
    let r = Region::new();
    let (person, daughter, son) = (r.s.person, r.s.daughter, r.s.son);
    let case = r.alert(Rule::Inactivity).id;
    let view = move |r: &Region| r.read(r.relative(daughter), move |c, tx| family_view(c, tx, person)).unwrap();
    assert_eq!(view(&r)[0].words, "コールセンターが確認を始めるところです。");
    r.wait(1).take(case);
    assert_eq!(view(&r)[0].taken_at, Some(r.now()));
    r.call(case, Callee::Resident, CallOutcome::Well);
    r.close_as(r.wait(2).operator(), case, Cause::AnsweredWell).unwrap();
    let seen = view(&r);
    assert_eq!(seen[0].ended, Some((r.now(), Cause::AnsweredWell)));
    assert_eq!(seen[0].words, "対応が終わりました（本人応答・無事）。");
    assert!(denied(r.read(r.relative(son), move |c, tx| family_view(c, tx, person))), "the son was given no consent");
    assert!(denied(r.read(r.relative(daughter), move |c, tx| story(c, tx, case))), "the story is not the family's");
}

#[test]
fn the_wallboard_counts_the_marks() {
    let r = Region::new();
    let day = Date::of(start());
    let board = |r: &Region| r.read(r.operator(), move |c, tx| wallboard(c, tx, day)).unwrap();
    assert_eq!((board(&r).open, board(&r).within_60), (0, None));
    let case = r.alert(Rule::Inactivity).id;
    assert_eq!((board(&r).waiting, board(&r).open, board(&r).within_60), (1, 1, None));
    r.wait(2).take(case);
    let now = board(&r);
    assert_eq!((now.waiting, now.open, now.mine, now.overdue), (0, 1, 1, 0));
    assert_eq!((now.within_60, now.within_180), (Some(0.0), Some(1.0)), "taken after 120 s");
    assert_eq!(board(r.wait(60)).overdue, 1);
    let person = r.s.daughter;
    assert_eq!(refusal(r.read(r.relative(person), move |c, tx| wallboard(c, tx, day))), Refusal::NotYourBoard);
}

#[test]
fn each_rule_answers_for_its_false_alarms() {
    let r = Region::new();
    r.answered_case();
    let second = r.wait(60).alert(Rule::TooHot).id;
    r.take(second);
    r.call(second, Callee::Resident, CallOutcome::Unwell);
    r.close_as(r.wait(10).operator(), second, Cause::Unwell).unwrap();
    let day = Date::of(start());
    let figures = r.read(r.city(), move |c, tx| kpis(c, tx, day, day)).unwrap();
    let of = |rule: Rule| *figures.iter().find(|k| k.rule == rule).unwrap();
    let (silence, heat) = (of(Rule::Inactivity), of(Rule::TooHot));
    assert_eq!((silence.false_alarms, silence.first_contact), (Some(1.0), Some(1.0)));
    assert_eq!((heat.false_alarms, heat.first_contact), (Some(0.0), Some(0.0)));
    assert_eq!(silence.median_closed, Some(Span::minutes(3)));
    assert_eq!(figures.len(), 2, "rules without cases are left out");
}

#[test]
fn a_share_counts_nobody_who_still_waits_within_the_mark() {
    let opened = start();
    let (late, early) = (Some(opened + Span::seconds(90)), Some(opened + Span::seconds(30)));
    let times = [(opened, late), (opened, early), (opened + Span::minutes(9), None), (opened, None)];
    let now = opened + Span::minutes(9) + Span::seconds(30);
    assert_eq!(share_taken(&times, Span::seconds(60), now), Some(1.0 / 3.0));
}
