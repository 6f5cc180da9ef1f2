//! A page with 45 rows asks the database as often as one with five. Every page that hangs without an id in its address is
//! opened by somebody of each role in a small town and in a large one; statements are counted at the port.

use std::collections::BTreeMap;

use base::{PersonId, Role, Span};
use notify::{NewMessage, Recipient, Topic, Way};
use page::door::{Leads, Who};
use stories::{Browser, Region, at};
use town::places::Address;
use town::plan::Size;
use uuid::Uuid;

/// A page of the larger town may ask this many times more: whole further blocks of a statement's rows, a banner.
const SLACK: u64 = 4;

/// To be mended, and then taken from this list: pages that still ask once for each of their rows.
const GROWING: &[&str] = &[];

const ROLES: &[Role] = &[
    Role::Doctor,
    Role::Nurse,
    Role::CareManager,
    Role::Operator,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Commissioner,
    Role::Administrator,
    Role::Auditor,
    Role::Family,
    Role::Resident,
];

/// A town in which the buttons of so many homes were pressed a while ago, and nobody has come yet.
fn town(residents: usize, staff: usize, pressed: usize) -> Region {
    let region = Region::new(7, Size { residents, staff }, at("2026-10-05T09:00"));
    region.wait(Span::days(1));
    for home in 0..pressed.min(region.homes.len()) {
        region.press(home);
    }
    region.wait(Span::minutes(30));
    reach_nobody(&region, pressed);
    region
}

/// So many messages that nobody can be sent: to residents, to their relatives, to those who work for them.
fn reach_nobody(region: &Region, many: usize) {
    let recipients: Vec<(Uuid, PersonId)> = region
        .homes
        .iter()
        .take(many)
        .enumerate()
        .map(|(n, home)| {
            let relative = home.settled.first_contact.map_or(home.settled.person.0, |contact| contact.0);
            let to = [home.settled.person.0, relative, region.staff_numbered(n).0.0][n % 3];
            (to, home.settled.person)
        })
        .collect();
    let ctx = people::testing::system(region.now(), 1 << 100);
    let sent = region.test.db.write_blocking(move |tx| {
        for (id, person) in &recipients {
            let to = Recipient { id: *id, mail: None, phone: None };
            let (topic, ways) = (Topic::NoticeAsked, vec![Way::Sms]);
            notify::send(&ctx, tx, &NewMessage { to, person: Some(*person), topic, ways, link: None })?;
        }
        Ok::<_, notify::NotifyError>(())
    });
    sent.expect("is written");
}

/// Of each role somebody with as many residents as anybody has.
fn people(region: &Region) -> BTreeMap<Role, Uuid> {
    let plan = &region.plan;
    let city = |n: usize| plan.offices[plan.staff[n].office].city_code.as_str();
    let answers = |n: usize, home: &Address| plan.staff[n].role == Role::CityOfficer && home.city.code == city(n);
    let teams = |n: usize| {
        let known = plan.residents.iter().filter(|r| r.team.iter().any(|(m, _)| *m == n) || answers(n, &r.address));
        known.count()
    };
    let mut found: BTreeMap<Role, Uuid> = BTreeMap::new();
    for role in ROLES {
        let of_role = (0..region.plan.staff.len()).filter(|n| region.plan.staff[*n].role == *role);
        if let Some(n) = of_role.max_by_key(|n| teams(*n)) {
            found.insert(*role, region.staff_numbered(n).0.0);
        }
    }
    let home = region.homes[0].settled;
    found.insert(Role::Resident, home.person.0);
    found.insert(Role::Family, home.first_contact.expect("a relative").0);
    found
}

/// Status, statements and length of a page, opened the second time.
fn open(region: &Region, who: &Browser, path: &str) -> (u16, u64, usize) {
    region.get(who, path);
    let before = region.test.db.counted().0;
    let answer = region.get(who, path);
    (answer.status.as_u16(), region.test.db.counted().0 - before, answer.body.len())
}

// shows: 5.6.5 lists read what they show in a handful of statements, whatever their length
#[test]
fn no_page_asks_more_often_because_it_has_more_rows() {
    let (small, large) = (town(12, 60, 5), town(120, 200, 45));
    assert!(large.homes.len() >= 45, "{} homes with sensors", large.homes.len());
    let (mut findings, mut grown, mut opened) = (Vec::new(), 0, 0);
    let (few, many) = (people(&small), people(&large));
    for role in ROLES.iter().filter(|role| few.contains_key(role) && many.contains_key(role)) {
        let (a, b) = (small.enter_as(few[role]), large.enter_as(many[role]));
        for door in web::router::doors(&small.site) {
            let admitted = match door.who {
                Who::Anyone | Who::SignedIn => true,
                Who::Roles(roles) => roles.contains(role),
            };
            if door.method != "GET" || !admitted || door.leads == Leads::Command || door.path.contains('{') {
                continue;
            }
            let (status, asked, length) = open(&small, &a, door.path);
            let (other, asked_more, longer) = open(&large, &b, door.path);
            if status != 200 || other != 200 {
                continue;
            }
            opened += 1;
            if *role == Role::Administrator && door.path == "/messages/undelivered" {
                assert!(longer > length * 3, "{length} bytes, then {longer}: few messages reached nobody");
            }
            grown += usize::from(longer > length * 3 / 2);
            if asked_more > asked + SLACK && !GROWING.contains(&door.path) {
                findings.push(format!("{} as {}: {asked} statements, then {asked_more}", door.path, role.key()));
            }
        }
    }
    assert!(findings.is_empty(), "{} of {opened} pages:\n{}", findings.len(), findings.join("\n"));
    assert!(opened > 60 && grown > 10, "{opened} pages opened, {grown} of them longer");
}

/// Openings after which each reader of a server has met what a page asks, and what it asks has shown itself.
const OPENINGS: usize = 60;

// shows: 5.7.3 a page that was open before is asked for in one journey, whatever it asks
#[test]
fn a_page_that_is_opened_again_is_asked_for_in_one_journey() {
    let region = town(30, 60, 3);
    let by_role = people(&region);
    let by_readers = || region.test.db.counted().1 - region.test.db.counted_by_the_writer().1;
    let (mut opened, mut findings) = (0, Vec::new());
    for (role, id) in &by_role {
        let who = region.enter_as(*id);
        for door in web::router::doors(&region.site) {
            if door.method != "GET" || door.leads != Leads::Look || door.path.contains('{') {
                continue;
            }
            let mut fewest = u64::MAX;
            for _ in 0..OPENINGS {
                let before = by_readers();
                if region.get(&who, door.path).status != 200 {
                    fewest = 0;
                }
                fewest = fewest.min(by_readers() - before);
                region.wait(Span::seconds(1));
                if fewest <= 1 {
                    break;
                }
            }
            opened += usize::from(fewest > 0);
            if fewest > 1 {
                findings.push(format!("{} as {}: {fewest} journeys", door.path, role.key()));
            }
        }
    }
    assert!(findings.is_empty(), "{} of {opened} pages:\n{}", findings.len(), findings.join("\n"));
    assert_eq!(opened > 40, db::testing::on_postgres(), "{opened} pages opened");
}

/// Sessions of one person that open a page at the same moment.
const AT_ONCE: usize = 6;

/// The page without what is another each time.
fn lasting(body: &str) -> String {
    body.split("nonce=\"").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect()
}

// shows: 5.7.3 a page that several ask for at the same moment is what each of them would have got alone
#[test]
fn a_page_that_is_answered_together_with_others_is_what_it_is_alone() {
    let region = town(30, 60, 3);
    let by_role = people(&region);
    let (mut opened, mut findings) = (0, Vec::new());
    for (role, id) in &by_role {
        let screens: Vec<Browser> = (0..AT_ONCE).map(|_| region.enter_as(*id)).collect();
        for door in web::router::doors(&region.site) {
            if door.method != "GET" || door.leads != Leads::Look || door.path.contains('{') {
                continue;
            }
            // They show their reader's own looks.
            if ["/audit", "/me", "/me/looks", "/sessions"].contains(&door.path) {
                continue;
            }
            let alone = region.get(&screens[0], door.path);
            if alone.status != 200 {
                continue;
            }
            opened += 1;
            let (alone, before) = (lasting(&alone.body), region.test.db.answered_together());
            let mut together = 0;
            for _ in 0..OPENINGS {
                let answers: Vec<_> = std::thread::scope(|scope| {
                    let (region, path) = (&region, door.path);
                    let opening = |who| scope.spawn(move || region.get(who, path));
                    let all: Vec<_> = screens.iter().map(opening).collect();
                    all.into_iter().map(|one| one.join().expect("is answered")).collect()
                });
                let same = answers.iter().all(|answer| lasting(&answer.body) == alone);
                together = region.test.db.answered_together() - before;
                if !same {
                    findings.push(format!("{} as {}: is not what it was", door.path, role.key()));
                }
                if !same || together > 0 || !db::testing::on_postgres() {
                    break;
                }
            }
            if (together > 0) != db::testing::on_postgres() {
                findings.push(format!("{} as {}: {together} answered together", door.path, role.key()));
            }
        }
    }
    assert!(findings.is_empty(), "{} of {opened} pages:\n{}", findings.len(), findings.join("\n"));
}

// shows: 5.7.3 what is asked ahead by habit hides nothing that is new
#[test]
fn a_page_that_is_opened_again_shows_what_has_happened_since() {
    let region = town(30, 60, 2);
    let operator = region.enter_as(people(&region)[&Role::Operator]);
    let rows = || region.get(&operator, "/cases").body.matches("class=\"person-name\"").count();
    for pressed in 2..6 {
        (0..6).for_each(|_| assert_eq!(rows(), pressed));
        region.press(pressed);
        assert_eq!(rows(), pressed + 1, "the next look shows it");
    }
}
