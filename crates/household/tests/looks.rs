//! Who looked at whom, and why they might: each page stands in the record with the ground on which the wall let it be
//! shown, and a page that was refused with the person it was about.

use audit::{Outcome, Recorded};
use household::{Answer, Browser, Region};
use watch::Rule;

fn last(region: &Region) -> Recorded {
    region.audited().pop().expect("a row")
}

/// The row of a page that showed the resident.
#[track_caller]
fn seen(region: &Region, who: &Browser, path: &str, ground: &str, items: &[&str]) {
    region.get(who, path).is(200);
    let row = last(region);
    assert!(row.is_look() && row.outcome == Outcome::Done, "{path}: {row:?}");
    assert_eq!(row.role, who.role, "{path}");
    assert!(row.persons.contains(&region.s.person), "{path}: {row:?}");
    assert_eq!(row.ground, ground, "{path} as {:?}", who.role);
    for item in items {
        assert!(row.items.split(' ').any(|known| known == *item), "{path}: {item} is not among {}", row.items);
    }
}

fn visit_of(page: &Answer) -> String {
    let id = page.body.split("/visits/").find_map(|rest| rest.split('/').next()?.parse::<base::VisitId>().ok());
    id.expect("a visit was asked for").to_string()
}

// shows: 5.3.1 the audit row takes person, items and ground from the wall's witness, whoever looks and at what
#[test]
fn each_look_stands_with_the_ground_on_which_it_was_allowed() {
    let region = Region::new();
    let (person, home) = (region.s.person, region.s.home);
    let (office, city, doctor) = (region.administrator(), region.city(), region.doctor());
    let family = region.relative(region.s.daughter);
    seen(&region, &office, &format!("/register/{person}"), "duty", &["identity", "entry", "risks"]);
    seen(&region, &city, &format!("/register/{person}"), "city", &["identity"]);
    seen(&region, &doctor, &format!("/people/{person}"), "care_team", &["identity", "medical", "notes"]);
    seen(&region, &family, "/family", "family_alerts family_watch", &["identity", "alert", "watch"]);
    seen(&region, &region.resident(), "/me", "own", &["identity", "watch"]);
    seen(&region, &region.auditor(), &format!("/audit/persons/{person}"), "duty", &["identity", "looks"]);
    seen(&region, &doctor, &format!("/homes/{home}"), "care_team", &["watch"]);

    let case = format!("/cases/{}", region.alert(Rule::Inactivity));
    let operator = region.operator();
    seen(&region, &operator, "/cases", "case", &["identity", "case"]);
    seen(&region, &operator, &case, "case", &["identity", "contacts", "entry", "case"]);
    seen(&region, &region.care_manager(), &case, "care_team", &["identity", "case"]);
    region.step(&operator, &format!("{case}/taking"), &[]);
    let centre = region.support_centre();
    let visitor = format!("office:{}", region.s.support_centre);
    let asked = region.step(&operator, &format!("{case}/visits"), &[("visitor", visitor.as_str()), ("note-visit", "")]);
    // Nothing of it is past its limit: whoever was asked to go knows the home by the visit.
    seen(&region, &centre, &format!("/visits/{}", visit_of(&asked)), "visit", &["identity", "case"]);
    region.wait(24 * 60).escalate();
    seen(&region, &region.city(), "/overdue", "city", &["identity", "alert"]);
}

// shows: 5.3.2 a refused look names the person refused
#[test]
fn a_look_that_was_refused_names_whom_it_was_about() {
    let region = Region::new();
    let case = format!("/cases/{}", region.alert(Rule::Inactivity));
    let stranger_to_them = region.relative(region.s.son);
    region.get(&region.support_centre(), &case).is(403);
    let row = last(&region);
    assert_eq!((row.outcome, row.persons.as_slice()), (Outcome::Refused, [region.s.person].as_slice()), "{row:?}");
    region.get(&stranger_to_them, &format!("/homes/{}", region.s.home)).is(403);
    let row = last(&region);
    assert_eq!((row.outcome, row.persons.as_slice()), (Outcome::Refused, [region.s.person].as_slice()), "{row:?}");
}

// shows: 5.3.2 a refusal at a door that is not the role's, or by a rule, names whom the address is about
#[test]
fn a_refusal_at_the_door_and_one_by_a_rule_name_whom_the_address_is_about() {
    let region = Region::new();
    let case = region.alert(Rule::Inactivity);
    let (person, home) = (region.s.person, region.s.home);
    let operator = region.operator();
    for path in [format!("/register/{person}"), format!("/homes/{home}/devices"), format!("/audit/persons/{person}")] {
        region.get(&operator, &path).is(403);
        let row = last(&region);
        assert_eq!((row.ground.as_str(), row.persons.as_slice()), ("door", [person].as_slice()), "{path}: {row:?}");
    }
    region.get(&region.relative(region.s.son), &format!("/cases/{case}")).is(403);
    assert_eq!(last(&region).persons, [person]);
    // Nobody took the case yet, so nobody can give it back.
    region.post(&operator, &format!("/cases/{case}/release"), &[("note", "交代")]);
    let rows = region.audited();
    let row = rows.iter().rfind(|row| row.outcome == Outcome::Refused).expect("the refused command");
    assert_eq!((row.action.as_str(), row.persons.as_slice()), ("response.release", [person].as_slice()), "{row:?}");
    // However the address is spelt, and whichever of a person's things it names.
    let spelt = |id: uuid::Uuid| id.simple().to_string().replacen('0', "%30", 1);
    region.get(&operator, &format!("/register/{}", spelt(person.0))).is(403);
    assert_eq!(last(&region).persons, [person], "spelt otherwise");
    for path in [format!("/accounts/{person}"), format!("/accounts/new/contact/{}", region.s.daughter)] {
        region.get(&operator, &path).is(403);
        assert_eq!(last(&region).persons, [person], "{path}");
    }
    region.get(&operator, "/register/%ff").is(404);
    // What is not there is about nobody.
    region.get(&operator, &format!("/register/{}", uuid::Uuid::from_u128(99).simple())).is(403);
    assert!(last(&region).persons.is_empty());
}

/// Rows of one page, oldest first: persons, items, outcome.
fn rows_of(region: &Region, action: &str) -> Vec<(String, Outcome)> {
    let rows = region.audited().into_iter().filter(|row| row.action == action);
    rows.map(|row| (row.items, row.outcome)).collect()
}

// shows: 5.3.3 renewals of a page are one row with their count; they keep no session awake
#[test]
fn a_page_that_renews_itself_is_one_look_and_one_count() {
    let region = Region::new();
    let case = region.alert(Rule::Inactivity);
    let operator = region.operator();
    let part = format!("/cases/{case}/fragment");
    region.get(&operator, &format!("/cases/{case}")).is(200);
    for _ in 0..7 {
        region.wait(1).get(&operator, &part).is(200);
    }
    assert_eq!(rows_of(&region, "look.case").len(), 1, "only the opening so far");
    region.close_pages();
    assert_eq!(rows_of(&region, "look.case").len(), 1, "the page is open");
    region.wait(6);
    region.close_pages();
    let rows = rows_of(&region, "look.case");
    assert!(rows.len() == 2 && rows[1].0.ends_with("renewed:7"), "{rows:?}");
    region.close_pages();
    assert_eq!(rows_of(&region, "look.case").len(), 2, "told once");
    // What comes after the page was closed, or was never opened, is a look.
    region.get(&operator, &part).is(200);
    assert_eq!(rows_of(&region, "look.case_part").len(), 1);
    region.get(&region.city(), "/overdue/fragment").is(200);
    assert_eq!(rows_of(&region, "look.overdue").len(), 1, "nobody opened that page");
}

// shows: 5.3.3 what belongs to no page that is open is a look, and its refusal a refusal, whatever the address says of itself
#[test]
fn an_address_that_calls_itself_a_renewal_is_believed_of_open_pages_only() {
    let region = Region::new();
    let daughter = region.relative(region.s.daughter);
    region.get(&daughter, "/family").is(200);
    let home = format!("/homes/{}", region.s.home);
    region.get(&daughter, &format!("{home}?renew=20")).is(200);
    assert_eq!(rows_of(&region, "look.home").len(), 1, "opened for the first time");
    region.get(&daughter, &format!("{home}?renew=20")).is(200);
    assert_eq!(rows_of(&region, "look.home").len(), 1, "now it is open");
    let case = region.alert(Rule::Inactivity);
    let operator = region.operator();
    region.get(&operator, &format!("/cases/{case}")).is(200);
    let notes = format!("/people/{}?renew=20", region.s.person);
    region.get(&operator, &notes).is(403);
    assert_eq!(last(&region).outcome, Outcome::Refused);
}

// shows: 5.3.3 a renewal that shows more than the page did is a look
#[test]
fn a_renewal_that_shows_more_than_was_recorded_is_a_look() {
    let region = Region::new();
    let operator = region.operator();
    region.get(&operator, "/cases").is(200);
    let before = rows_of(&region, "look.queue").len();
    region.get(&operator, "/cases/fragment").is(200);
    assert_eq!(rows_of(&region, "look.queue").len(), before, "nobody was shown, nobody is");
    region.alert(Rule::Inactivity);
    region.get(&operator, "/cases/fragment").is(200);
    assert_eq!(rows_of(&region, "look.queue").len(), before + 1, "somebody appeared");
    region.get(&operator, "/cases/fragment").is(200);
    assert_eq!(rows_of(&region, "look.queue").len(), before + 1);
}

// shows: 5.3.3 renewals keep no session awake
#[test]
fn a_page_left_open_keeps_no_session_awake() {
    let region = Region::new();
    let nurse = region.nurse();
    region.get(&nurse, "/today").is(200);
    let mut awake = 0;
    while region.wait(2).get(&nurse, "/today/lists").status == 200 {
        awake += 2;
        assert!(awake < 40, "the page keeps its reader signed in");
    }
    assert!(awake >= 26, "half an hour without the reader, not {awake} minutes");
}

// shows: 5.3.4 a page that is open when its right ends says so, and its reader is not refused
#[test]
fn a_page_open_when_its_right_ends_says_so_and_accuses_nobody() {
    let region = Region::new();
    let case = region.alert(Rule::Inactivity);
    let (operator, colleague) = (region.operator(), region.second_operator());
    region.get(&colleague, &format!("/cases/{case}?renew=30")).is(200);
    region.step(&operator, &format!("/cases/{case}/taking"), &[]);
    let call = [("to", "resident"), ("outcome", "well"), ("note", "元気とのこと")];
    region.step(&operator, &format!("/cases/{case}/calls"), &call);
    let closure = [("cause", "answered_well"), ("closing", "元気とのこと。")];
    region.post(&operator, &format!("/cases/{case}/closure"), &closure).is(303);
    let refused = |region: &Region| region.audited().iter().filter(|row| row.outcome == Outcome::Refused).count();
    let before = refused(&region);
    for who in [&operator, &colleague] {
        let told = region.get(who, &format!("/cases/{case}/fragment"));
        told.is(200).hides("髙橋");
        assert_eq!(told.headers.get("hx-redirect").and_then(|to| to.to_str().ok()), Some("/ended"));
        assert_eq!(region.get(who, &format!("/cases/{case}?renew=30")).is(303).location, "/ended");
        region.get(who, "/ended").is(200).shows("表示を終わりました").well_formed();
    }
    assert_eq!(refused(&region), before, "nobody is accused of a look");
    region.get(&colleague, &format!("/cases/{case}")).is(403);
    assert_eq!(refused(&region), before + 1, "who opens it anew is refused");
}
