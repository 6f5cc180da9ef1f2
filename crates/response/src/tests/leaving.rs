//! Access that came from a case, a visit or an escalation ends with the person's death or move and with the staff member's
//! leaving; a visit is its visitor's and nobody else's.

use people::{LifeStatus, StaffState};

use super::*;

fn records(r: &Region, life: LifeStatus) {
    let (person, since) = (r.s.person, base::wareki::Date::of(r.now()));
    let reason = people::testing::line("市への届け出による");
    r.write(r.program(), move |c, tx| Ok(people::set_life(c, tx, person, life, since, &reason)?)).unwrap();
}

/// Whether the case's person is open to somebody on the ground of a case, a visit or an escalation.
fn may_open(r: &Region, ctx: Ctx) -> bool {
    let person = r.s.person;
    r.test.db.read_blocking(move |tx| Ok::<_, DbError>(access::may(&ctx, tx, Act::SeeCase, person))).unwrap()
}

fn visit_of(r: &Region, case: CaseId, visitor: Visitor) -> Visit {
    r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words(""))).unwrap()
}

// shows: 5.3.7 grants from a case, a visit or an escalation end with the person's death or move
#[test]
fn a_death_or_a_move_ends_what_a_case_a_visit_and_an_escalation_opened_and_the_city_ends_the_case() {
    for life in [LifeStatus::Dead, LifeStatus::MovedOut] {
        let r = Region::new();
        let case = r.alert(Rule::Inactivity).id;
        r.take(case);
        visit_of(&r, case, Visitor::Contact(r.s.son));
        for _ in 0..6 {
            r.wait(30);
            r.write(r.program(), escalate_due).unwrap();
        }
        assert!(may_open(&r, r.operator()) && may_open(&r, r.support_centre()) && may_open(&r, r.relative(r.s.son)));
        records(&r, life);
        for ctx in [r.operator(), r.support_centre(), r.relative(r.s.son), r.city(), r.care_manager()] {
            let role = ctx.actor.role;
            assert!(!may_open(&r, ctx), "{life:?} {role:?}");
        }
        r.wait(30);
        let told = r.write(r.program(), escalate_due).unwrap();
        assert_eq!(told[0].told, Some(Rung::City), "an open case is not forgotten with the record");
        assert!(may_open(&r, r.city()), "the city brings it to its end");
        assert!(!may_open(&r, r.operator()) && !may_open(&r, r.support_centre()));
    }
}

// shows: 5.3.7 grants from a visit end with the staff member's leaving
#[test]
fn who_leaves_takes_no_visit_along_and_is_asked_for_none() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    let nurse = r.s.nurse;
    let visit = visit_of(&r, case, Visitor::Staff(nurse));
    let nursing = acting(Role::Nurse, nurse, r.s.nursing, Purpose::Care, r.now(), r.request());
    let sees = |r: &Region| {
        let ctx = Ctx::new(nursing.actor.clone(), Purpose::Care, r.now(), RequestId(Uuid::from_u128(r.request())));
        r.read(ctx, move |c, tx| visit_sheet(c, tx, visit.id)).is_ok()
    };
    assert!(sees(&r));
    let reason = people::testing::line("退職");
    let leave = move |c: &Ctx, tx: &mut dyn Tx| {
        people::set_staff_state(c, tx, nurse, StaffState::Retired, &reason)?;
        Ok(())
    };
    r.write(r.program(), leave).unwrap();
    assert!(!sees(&r));
    let other = r.alert(Rule::Inactivity).id;
    let asked = r.write(r.operator(), move |c, tx| request_visit(c, tx, other, Visitor::Staff(nurse), words("")));
    assert_eq!(refusal(asked), Refusal::NoSuchVisitor);
}

// shows: 5.3.7 whose visit it is, is checked everywhere
#[test]
fn a_visitor_sees_the_visit_asked_of_them_and_nobody_elses() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    let (son, daughter) = (r.s.son, r.s.daughter);
    let (sons, daughters) = (visit_of(&r, case, Visitor::Contact(son)), visit_of(&r, case, Visitor::Contact(daughter)));
    assert!(r.read(r.relative(son), move |c, tx| visit_sheet(c, tx, sons.id)).is_ok());
    let (sheet, accept) = (daughters.id, daughters.id);
    assert_eq!(refusal(r.read(r.relative(son), move |c, tx| visit_sheet(c, tx, sheet))), Refusal::NotYourVisit);
    assert_eq!(refusal(r.write(r.relative(son), move |c, tx| accept_visit(c, tx, accept))), Refusal::NotYourVisit);
    assert!(
        r.read(r.operator(), move |c, tx| visit_sheet(c, tx, sheet)).is_ok(),
        "who works the case sees all of them"
    );
}

// shows: 5.3.7 whose visit it is, is checked everywhere: in the office that was asked, it is whose who goes
#[test]
fn a_colleague_answers_in_nobodys_place_and_goes_instead_by_saying_so() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    let visit = visit_of(&r, case, Visitor::Office(r.s.support_centre)).id;
    let (first, second) = (r.s.support_officer, r.s.second_support_officer);
    let taken = |by: StaffId| if by == first { "包括 見本" } else { "包括 二郎" };
    let refused = |r: &Region, ctx: fn(&Region) -> Ctx, by: StaffId| {
        let why = Refusal::ColleagueGoes(words(taken(by)));
        assert_eq!(refusal(r.write(ctx(r), move |c, tx| accept_visit(c, tx, visit))), why);
        assert_eq!(refusal(r.write(ctx(r), move |c, tx| decline_visit(c, tx, visit, words("")))), why);
        assert_eq!(refusal(r.write(ctx(r), move |c, tx| arrived(c, tx, visit))), why);
        let report = || VisitReport { condition: Condition::Well, text: words("") };
        assert_eq!(refusal(r.write(ctx(r), move |c, tx| report_visit(c, tx, visit, report()))), why);
    };

    let v = r.write(r.support_centre(), move |c, tx| accept_visit(c, tx, visit)).unwrap();
    assert_eq!(v.goes, Some(first.0));
    refused(&r, Region::second_support_officer, first);
    let list = r.read(r.second_support_officer(), visits_for).unwrap();
    assert_eq!(list[0].colleague.as_ref().map(|name| name.expose().clone()), Some("包括 見本".to_owned()));
    let sheet = r.read(r.second_support_officer(), move |c, tx| visit_sheet(c, tx, visit)).unwrap();
    assert!(!sheet.mine && sheet.colleague.is_some());

    r.write(r.support_centre(), move |c, tx| on_the_way(c, tx, visit)).unwrap();
    let stale = r.write(r.second_support_officer(), move |c, tx| on_the_way(c, tx, visit));
    assert_eq!(refusal(stale), Refusal::ColleagueGoes(words("包括 見本")), "a page of before takes nothing over");
    let v = r.write(r.second_support_officer(), move |c, tx| crate::go_instead(c, tx, visit)).unwrap();
    assert_eq!((v.goes, v.state), (Some(second.0), VisitState::OnTheWay));
    refused(&r, Region::support_centre, second);
    let story = r.read(r.operator(), move |c, tx| story(c, tx, case)).unwrap();
    assert!(story.iter().any(|step| step.detail.expose() == "包括 見本さんの代わりに"), "{story:?}");

    let v = r.write(r.operator(), move |c, tx| arrived(c, tx, visit)).unwrap();
    assert_eq!((v.goes, v.state), (Some(second.0), VisitState::Arrived), "the operator writes down a telephone call");
    let late = r.write(r.support_centre(), move |c, tx| crate::go_instead(c, tx, visit));
    assert_eq!(refusal(late), Refusal::ColleagueIsThere(words("包括 二郎")));
    let report = || VisitReport { condition: Condition::Well, text: words("") };
    r.write(r.second_support_officer(), move |c, tx| report_visit(c, tx, visit, report())).unwrap();
    let photos = r.write(r.support_centre(), move |c, tx| crate::may_attach_photos(c, tx, visit));
    assert_eq!(refusal(photos), Refusal::PhotosOfWhoWent(words("包括 二郎")));
    r.write(r.second_support_officer(), move |c, tx| crate::may_attach_photos(c, tx, visit)).unwrap();
}

// shows: 5.3.7 a visit is asked only of whom the case offers
#[test]
fn nobody_is_asked_to_visit_whom_the_case_does_not_offer() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    let others = [Visitor::Office(r.s.call_centre), Visitor::Office(r.s.clinic), Visitor::Staff(r.s.city_officer)];
    for visitor in others {
        let asked = r.write(r.operator(), move |c, tx| request_visit(c, tx, case, visitor, words("")));
        assert_eq!(refusal(asked), Refusal::NoSuchVisitor, "{visitor:?}");
    }
}

// shows: 5.4.3 a visit whose case cannot be read stays on its visitor's list
#[test]
fn who_is_on_the_way_is_not_told_that_there_is_no_visit_where_its_case_cannot_be_read() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity).id;
    r.take(case);
    visit_of(&r, case, Visitor::Office(r.s.support_centre));
    let damage = "UPDATE response_case SET state = '{\"v\":99}' WHERE id = $1";
    r.test.db.write_blocking(move |tx| tx.tell(damage, &[case.into()])).unwrap();
    let list = r.read(r.support_centre(), visits_for).unwrap();
    assert_eq!(list.iter().map(|row| row.case.is_none()).collect::<Vec<_>>(), [true]);
}
