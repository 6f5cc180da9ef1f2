//! One case, home or setting that cannot be read, and what goes on beside it.

use base::PersonId;
use people::NewResident;
use people::testing::{RESIDENT_FIELDS, form};

use super::*;

/// A second household with an open case.
fn neighbour(r: &Region) -> (PersonId, Case) {
    let fields: Vec<(&str, &str)> = RESIDENT_FIELDS
        .iter()
        .map(|(field, value)| match *field {
            "name" => (*field, "見本 となり"),
            "kana" => (*field, "みほん となり"),
            "birth" => (*field, "昭和10年4月1日"),
            "line" => (*field, "9-9"),
            _ => (*field, *value),
        })
        .collect();
    let today = base::wareki::Date::of(r.now());
    let new = NewResident::parse(&form(&fields), today).unwrap();
    let person = r.write(r.program(), move |c, tx| Ok(people::register_resident(c, tx, &new)?)).unwrap();
    let home = r.read(r.program(), move |c, tx| Ok(people::home_of(c, tx, person)?.id)).unwrap();
    let ctx = r.program();
    let mut alert = any_alert(r, &ctx);
    (alert.home, alert.person) = (home, person);
    let case = r.write(ctx, move |c, tx| open_case(c, tx, &alert)).unwrap().unwrap();
    (person, case)
}

fn any_alert(r: &Region, ctx: &Ctx) -> Alert {
    Alert {
        id: ctx.id(),
        home: r.s.home,
        person: r.s.person,
        level: Level::Alert,
        rule: Rule::Inactivity,
        device: None,
        due_at: r.now(),
        raised_at: r.now(),
        reason: "動きがありません。".into(),
        state: AlertState::Standing,
        sign_at: None,
        ended_at: None,
        cause: None,
        answer: None,
    }
}

fn damage(r: &Region, sql: &'static str, id: impl Into<db::Value>) {
    let id = id.into();
    r.test.db.write_blocking(move |tx| tx.tell(sql, std::slice::from_ref(&id))).unwrap();
}

const OF_A_NEWER_PROGRAM: &str = r#"UPDATE response_case SET state = '{"v":99,"step":"detected"}' WHERE id = $1"#;

// shows: 5.4.3 one unreadable case does not empty the queue, is shown with its person and goes to the city
#[test]
fn a_case_that_cannot_be_read_stands_in_the_queue_with_its_person_and_goes_to_the_city() {
    let r = Region::new();
    let bad = r.alert(Rule::Button).id;
    let (_, good) = neighbour(&r);
    damage(&r, OF_A_NEWER_PROGRAM, bad);
    let listed = r.read(r.operator(), queue).unwrap();
    assert_eq!((listed.rows.len(), listed.total, listed.unreadable.len()), (1, 2, 1));
    assert_eq!(listed.rows[0].case.id, good.id);
    let shown = &listed.unreadable[0];
    assert_eq!((shown.id, shown.number, shown.person), (bad, Some(1), Some(r.s.person)));
    assert_eq!(shown.name.expose(), "髙橋 みほん");
    let phones: Vec<String> = shown.phones.iter().map(|phone| phone.shown()).collect();
    assert_eq!(phones, ["0561-00-1234", "090-0000-0001"], "whoever works without the case has somebody to call");
    assert!(shown.address.expose().contains("見本町"), "and somewhere to go: {:?}", shown.address.expose());
    assert_eq!(r.read(r.city(), unreadable_cases).unwrap().len(), 1, "the city has it before any limit is over");
    r.wait(4);
    let worked = r.write(r.program(), escalate_due).unwrap();
    assert_eq!(worked.iter().map(|c| c.id).collect::<Vec<_>>(), [good.id], "the timers of the others go on");
    assert!(r.topics().contains(&"response.unreadable".to_owned()));
    let (city, person) = (r.city(), r.s.person);
    let opens = r.read(city, move |c, tx| Ok(access::may(c, tx, Act::SeeCase, person))).unwrap();
    assert!(opens, "whom nobody can work here the city may open");
    let wake = r.read(r.program(), |_, tx| next_wake(tx)).unwrap().unwrap();
    assert!(wake > r.now(), "it is told again after a while, not at once");
    assert_eq!(r.test.db.unreadable().iter().map(|u| u.list).collect::<Vec<_>>(), ["response_case"]);
}

// shows: 5.4.3 the family is never told that all is well because a case cannot be read
#[test]
fn the_family_of_a_case_that_cannot_be_read_is_told_that_there_is_one() {
    let r = Region::new();
    let (person, daughter) = (r.s.person, r.s.daughter);
    let view = move |r: &Region| r.read(r.relative(daughter), move |c, tx| family_view(c, tx, person)).unwrap();
    let over = r.alert(Rule::Inactivity).id;
    r.take(over);
    r.call(over, Callee::Resident, CallOutcome::Well);
    r.close_as(r.wait(2).operator(), over, Cause::AnsweredWell).unwrap();
    let open = r.wait(1).alert(Rule::Button).id;
    damage(&r, OF_A_NEWER_PROGRAM, over);
    damage(&r, OF_A_NEWER_PROGRAM, open);
    let seen = view(&r);
    assert_eq!(seen.iter().map(|case| (case.id, case.ended)).collect::<Vec<_>>(), [(open, None)]);
    assert!(seen[0].words.contains("コールセンターにお電話"), "{}", seen[0].words);
}

// shows: 5.4.3 no alert is lost for an unreadable case of the same home
#[test]
fn a_new_alert_of_a_home_whose_open_case_cannot_be_read_opens_another() {
    let r = Region::new();
    let bad = r.alert(Rule::Inactivity).id;
    damage(&r, OF_A_NEWER_PROGRAM, bad);
    let good = r.alert(Rule::Button);
    assert_ne!(good.id, bad);
    assert_eq!(r.take(good.id).state, State::Taken);
}

// shows: 5.4.3 escalation timers go on when one record cannot be read
#[test]
fn a_register_that_cannot_be_read_hides_no_case_and_holds_up_no_timer() {
    let r = Region::new();
    let bad = r.alert(Rule::Inactivity);
    let (_, good) = neighbour(&r);
    damage(&r, "UPDATE people_resident SET sex = 'lost' WHERE id = $1", r.s.person);
    damage(&r, "UPDATE people_home SET dwelling = 'lost' WHERE id = $1", r.s.home);
    let listed = r.read(r.operator(), queue).unwrap();
    assert_eq!(listed.rows.len(), 2);
    let row = listed.rows.iter().find(|row| row.case.id == bad.id).unwrap();
    assert_eq!(row.name.expose(), "（台帳を読み取れません）");
    r.wait(4);
    let worked: Vec<CaseId> = r.write(r.program(), escalate_due).unwrap().iter().map(|c| c.id).collect();
    assert!(worked.contains(&bad.id) && worked.contains(&good.id));
}

#[test]
fn settings_that_cannot_be_read_leave_the_ones_before_in_force() {
    let r = Region::new();
    let own = Settings { take: Span::minutes(1), ..Settings::default() };
    r.write(r.city(), move |c, tx| set_settings(c, tx, own.clone())).unwrap();
    r.write(r.city(), |c, tx| set_settings(c, tx, Settings::default())).unwrap();
    damage(&r, "UPDATE response_setting SET body = '{damaged' WHERE version = $1", 2i64);
    let case = r.alert(Rule::Inactivity);
    assert_eq!(case.due_at, Some(r.now() + Span::minutes(1)));
}

#[test]
fn an_alert_that_had_to_wait_opens_its_case_with_its_own_time_and_is_told_on_at_once() {
    let r = Region::new();
    let pressed = r.now();
    let ctx = r.program();
    let alert = any_alert(&r, &ctx);
    let case = r.write(r.wait(20).program(), move |c, tx| open_case(c, tx, &alert)).unwrap().unwrap();
    assert_eq!((case.opened_at, case.due_at), (pressed, Some(pressed + Span::minutes(3))));
    assert_eq!(r.write(r.program(), escalate_due).unwrap().len(), 1);
}
