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
