//! The walk of all doors: every route of the site, tried as nobody, as every role, from our own page and somebody else's,
//! with ids that exist and ids that do not. The list is the router's own: a new door is walked from the day it is hung.

use std::collections::{BTreeMap, BTreeSet};

use base::{AlertId, Instant, NoteId, Purpose, Redacted, Role, Span};
use care::{Addressee, Importance, NewNote, NoteKind, Visibility};
use page::door::{Door, Leads, Who};
use people::TeamPart;
use stories::{Answer, Browser, Region, at, without_nonces};
use town::plan::Size;
use uuid::Uuid;
use watch::{AbsenceReason, NewAbsence};

/// Doors that open to anybody, each for a reason: they show no person, and what they do is decided by a secret that is
/// brought along (a password, a code, a link's token), or is the demonstration's own.
const FOR_ANYONE: &[&str] = &[
    "/",
    "/signin",
    "/signin/second",
    "/enrol",
    "/enrol/factors",
    "/l/{token}",
    "/demo",
    "/demo/mail",
    "/demo/enter/{account}",
];

/// The demonstration's start page lists whom one may become; its town is fictional, and the page hangs there only.
const OF_THE_DEMONSTRATION: &str = "/demo";

/// Pages that need to be told in their address what they are about.
const ASKED: &[(&str, &str)] = &[("/register/{person}/consents/new", "?scope=watch")];

/// What may stand on the chain beside the one row of a look: that a note is read is a receipt, which its writer waits for.
const RECEIPTS: &[&str] = &["care.mark_read"];

/// Items of the walk that are a person's; all of them are the first home's.
const OF_A_PERSON: &str = "cases visits photos people register notes homes absences gateways devices notices";

/// To be mended, and then taken from this list: pages whose row does not list everybody whom they show.
const UNLISTED: &[&str] = &[];

/// Every role that can have an account.
const ROLES: &[Role] = &[
    Role::Doctor,
    Role::Nurse,
    Role::Pharmacist,
    Role::CareManager,
    Role::CareWorker,
    Role::Operator,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Commissioner,
    Role::Administrator,
    Role::Auditor,
    Role::Family,
    Role::Resident,
];

/// A town in which something of everything exists, and somebody of each role who has to do with it.
struct Town {
    region: Region,
    people: BTreeMap<Role, Uuid>,
    /// Ids by the name of the parameter and the word before it in the path.
    ids: BTreeMap<&'static str, Vec<String>>,
    /// Names of residents and what they are called by on the chain.
    names: Vec<(String, base::PersonId)>,
    findings: Vec<String>,
}

fn words(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

/// The number in the plan of somebody on a resident's team.
fn of_team(region: &Region, home: usize, part: TeamPart) -> Option<usize> {
    region.plan.residents[home].team.iter().find(|(_, p)| *p == part).map(|(n, _)| *n)
}

impl Town {
    fn new() -> Town {
        let region = Region::new(7, Size { residents: 20, staff: 90 }, at("2026-10-05T09:00"));
        region.wait(Span::days(1));
        let mut town = Town { region, people: BTreeMap::new(), ids: BTreeMap::new(), names: vec![], findings: vec![] };
        town.furnish();
        town
    }

    /// A case with a visit of the first home, opened by its button; a gentle question; a note; an absence.
    fn furnish(&mut self) {
        let region = &self.region;
        let home = region.homes[0].clone();
        let person = home.settled.person;
        let family = home.settled.first_contact.expect("a relative");
        let member = |part| region.staff_numbered(of_team(region, 0, part).expect("on the team of the story's home"));
        let (manager, doctor, nurse) =
            (member(TeamPart::CareManager), member(TeamPart::AttendingDoctor), member(TeamPart::Nurse));
        let operator = region.staff_of(Role::Operator, 0);
        let alert = press(region, 0);
        let case = {
            let own = region.program();
            region
                .read(own, move |ctx, tx| response::cases_of(ctx, tx, person))
                .expect("a case")
                .into_value()
                .remove(0)
                .id
        };
        let desk = || region.acting(Role::Operator, operator, Purpose::WatchResponse);
        region.write(desk(), move |ctx, tx| response::take(ctx, tx, case)).expect("taken");
        let support = {
            let own = region.program();
            let area = region.plan.residents[0].address.area;
            region.read(own, move |_, tx| people::support_centre(tx, area)).expect("offices").expect("a support centre")
        };
        let commissioners = region.staff_of(Role::Commissioner, 0);
        let (worker, _) = member(TeamPart::CareWorker);
        let mut visits = Vec::new();
        for visitor in [
            response::Visitor::Staff(manager.0),
            response::Visitor::Staff(worker),
            response::Visitor::Contact(family),
            response::Visitor::Office(support),
            response::Visitor::Office(commissioners.1),
        ] {
            let visit = region
                .write(desk(), move |ctx, tx| response::request_visit(ctx, tx, case, visitor, words("")))
                .expect("asked");
            visits.push(visit.id.to_string());
        }
        let photo = self.photo(visits[0].parse().expect("a visit"), manager);
        let region = &self.region;
        let note = self.note(manager, doctor.0);
        let new = NewAbsence {
            reason: AbsenceReason::Trip,
            from: region.now() + Span::days(3),
            until: region.now() + Span::days(5),
            weekly: None,
        };
        let absence = region
            .write(region.resident(person), move |ctx, tx| watch::enter_absence(ctx, tx, home.settled.home, new))
            .expect("entered");
        let (device, consent, membership) = {
            let own = region.program();
            region
                .read(own, move |ctx, tx| {
                    let device = watch::devices_of_home(ctx, tx, home.settled.home)?.into_value().remove(0).id;
                    let consent = people::consents(ctx, tx, person)?.into_value().remove(0).id;
                    Ok::<_, watch::WatchError>((
                        device,
                        consent,
                        people::team(ctx, tx, person)?.into_value().remove(0).membership,
                    ))
                })
                .expect("what belongs to the home")
        };
        let inbox = region.read(region.relative(family.0, person), notify::inbox).expect("an inbox");
        let message = inbox.first().expect("the relative was asked to visit").message;
        let spare = region.staff_of(Role::Pharmacist, 1);
        self.people = BTreeMap::from([
            (Role::Doctor, doctor.0.0),
            (Role::Nurse, nurse.0.0),
            (Role::Pharmacist, member(TeamPart::Pharmacist).0.0),
            (Role::CareManager, manager.0.0),
            (Role::CareWorker, worker.0),
            (Role::Operator, operator.0.0),
            (Role::SupportCentre, self.staff_in(support.0)),
            (Role::CityOfficer, region.staff_of(Role::CityOfficer, 0).0.0),
            (Role::Commissioner, commissioners.0.0),
            (Role::Administrator, region.staff_of(Role::Administrator, 0).0.0),
            (Role::Auditor, region.staff_of(Role::Auditor, 0).0.0),
            (Role::Family, family.0),
            (Role::Resident, person.0),
        ]);
        let one = |id: String| vec![id];
        self.ids = BTreeMap::from([
            ("cases", one(case.to_string())),
            ("visits", visits),
            ("photos", one(photo.to_string())),
            ("people", one(person.to_string())),
            ("person", one(person.to_string())),
            ("notes", one(note.to_string())),
            ("messages", one(message.to_string())),
            ("homes", one(home.settled.home.to_string())),
            ("absences", one(absence.id.to_string())),
            ("gateways", one(home.gateway.to_string())),
            ("devices", one(device.to_string())),
            ("notices", one(alert.to_string())),
            ("office", one(spare.1.to_string())),
            ("staff", one(spare.0.to_string())),
            ("account", one(spare.0.to_string())),
            ("contact", one(family.to_string())),
            ("consent", one(consent.to_string())),
            ("membership", one(membership.simple().to_string())),
            ("subject", one("staff".into())),
            ("new/{subject}", one(spare.0.to_string())),
            ("channel", one("cases".into())),
            ("session", one(Uuid::from_u128(1).simple().to_string())),
            ("token", one("no-such-token".into())),
            ("request", one(Uuid::from_u128(1).simple().to_string())),
        ]);
        let residents = region.plan.residents.iter().zip(&region.register.residents);
        let named: Vec<(String, base::PersonId)> = residents.map(|(r, s)| (r.name.kanji.clone(), s.person)).collect();
        let others: BTreeSet<&String> = region
            .plan
            .staff
            .iter()
            .map(|s| &s.name.kanji)
            .chain(region.plan.residents.iter().flat_map(|r| r.contacts.iter().map(|c| &c.name.kanji)))
            .collect();
        let unmistakable = |name: &String| {
            named.iter().filter(|(n, _)| n.contains(name.as_str())).count() == 1 && !others.contains(name)
        };
        self.names = named.iter().filter(|(n, _)| unmistakable(n)).cloned().collect();
        assert!(self.names.len() > 10 && self.names.iter().any(|(_, p)| *p == person));
    }

    fn staff_in(&self, office: Uuid) -> Uuid {
        let offices = &self.region.register.offices;
        let n =
            self.region.plan.staff.iter().position(|s| offices[s.office].0 == office).expect("somebody works there");
        self.region.register.staff[n].0
    }

    fn note(&self, manager: (base::StaffId, base::OfficeId), doctor: base::StaffId) -> NoteId {
        let person = self.region.homes[0].settled.person;
        let new = NewNote {
            person,
            kind: NoteKind::Consultation,
            subject: words("見本のご相談"),
            body: words("ご意見をお願いします。"),
            addressees: vec![Addressee::Staff(doctor)],
            importance: Importance::Normal,
            reply_by: None,
            visibility: Visibility::Team,
            case: None,
        };
        let ctx = self.region.acting(Role::CareManager, manager, Purpose::Care);
        self.region.write(ctx, move |ctx, tx| care::write_note(ctx, tx, new.clone())).expect("a note")
    }

    /// The care manager went, found somebody ill, and sent a photo: eight pixels, as a browser would send them.
    fn photo(&self, visit: base::VisitId, manager: (base::StaffId, base::OfficeId)) -> base::PhotoId {
        const PNG: &[u8] =
            b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x08\x00\x00\x00\x01\
            \x08\x02\x00\x00\x00\x6c\x62\x78\x14\x00\x00\x00\x0d\x49\x44\x41\x54\x78\x9c\x63\xe0\x12\x91\xc3\
            \x8a\x00\x16\xe9\x01\xe1\x0b\x94\xbf\x35\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";
        let picture = response::Picture::read(PNG).expect("a picture");
        let ctx = || self.region.acting(Role::CareManager, manager, Purpose::Care);
        let report = response::VisitReport { condition: response::Condition::Unwell, text: words("") };
        let sent = move |ctx: &base::Ctx, tx: &mut dyn db::Tx| {
            response::report_visit(ctx, tx, visit, report.clone())?;
            response::attach_photos(ctx, tx, visit, std::slice::from_ref(&picture), &words("見本"))
        };
        self.region.write(ctx(), sent).expect("a photo").remove(0).id
    }

    /// Of each role whose people are known by a relation, somebody without any to the first home.
    fn strangers(&self) -> BTreeMap<Role, Uuid> {
        let (region, mut strangers) = (&self.region, BTreeMap::new());
        let known: Vec<Uuid> = self.people.values().copied().collect();
        let office_of = |id: Uuid| {
            let n = region.register.staff.iter().position(|s| s.0 == id)?;
            Some(region.staff_numbered(n).1)
        };
        let offices: Vec<base::OfficeId> = known.iter().filter_map(|id| office_of(*id)).collect();
        for role in [Role::Doctor, Role::Nurse, Role::Pharmacist, Role::CareManager, Role::CareWorker] {
            let team = |n: usize| region.plan.residents[0].team.iter().any(|(member, _)| *member == n);
            let of_role = (0..region.plan.staff.len()).filter(|n| region.plan.staff[*n].role == role && !team(*n));
            let mut others = of_role.map(|n| region.staff_numbered(n)).filter(|(_, office)| !offices.contains(office));
            strangers.insert(role, others.next().expect("somebody else of the role").0.0);
        }
        let other = region.homes[1].settled;
        strangers.insert(Role::Family, other.first_contact.expect("a relative").0);
        strangers.insert(Role::Resident, other.person.0);
        strangers
    }

    /// A second later each time: who has too many sessions loses the oldest.
    fn enter(&self, role: Role) -> Browser {
        self.region.wait(Span::seconds(1));
        self.region.enter_as(self.people[&role])
    }

    /// The path with its parameters filled: by ids that exist, or by ids that do not.
    fn path(&self, door: &Door, real: bool) -> Vec<String> {
        let mut paths = vec![String::new()];
        let mut before = "";
        for part in door.path.split('/').skip(1) {
            let filled = match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                None => vec![part.to_owned()],
                Some("subject" | "channel") => self.ids[&part[1..part.len() - 1]].clone(),
                Some(_) if !real => {
                    vec![Uuid::from_u128(0x0190_dead_beef_7000_8000_0000_0000_0001).simple().to_string()]
                }
                Some(name) => {
                    let under = if before == "{subject}" { "new/{subject}" } else { before };
                    let known = self.ids.get(name).or_else(|| self.ids.get(under));
                    known.unwrap_or_else(|| panic!("{}: give the walk an id for {{{name}}}", door.path)).clone()
                }
            };
            before = part;
            paths = paths.iter().flat_map(|p| filled.iter().map(move |f| format!("{p}/{f}"))).collect();
        }
        let asked = ASKED.iter().find(|(path, _)| *path == door.path).map_or("", |(_, query)| query);
        paths.into_iter().map(|p| format!("{p}{asked}")).collect()
    }

    fn ask(&self, door: &Door, who: &Browser, path: &str) -> Answer {
        match door.method.as_str() {
            "GET" => self.region.get(who, path),
            "POST" if door.leads == Leads::Look => {
                let resident = &self.region.plan.residents[0];
                self.region.post(who, path, &[("q", &resident.name.kana), ("number", &resident.phones[0])])
            }
            "POST" => self.region.post(who, path, &[]),
            other => panic!("{}: the walk does not know {other}", door.path),
        }
    }

    fn find(&mut self, door: &Door, role: Option<Role>, what: String) {
        self.findings.push(format!("{} {} as {}: {what}", door.method, door.path, role.map_or("nobody", Role::key)));
    }

    #[track_caller]
    fn nothing_found(self) {
        assert!(self.findings.is_empty(), "{} findings:\n{}", self.findings.len(), self.findings.join("\n"));
    }
}

/// Somebody presses the button of a home: the alert that comes of it.
fn press(region: &Region, home: usize) -> AlertId {
    region.press(home);
    let id = region.homes[home].settled.home;
    let standing = region.read(region.program(), move |ctx, tx| watch::standing_alerts(ctx, tx, id)).expect("alerts");
    standing.first().expect("the button raises an alert at once").id
}

fn admits(who: Who, role: Role) -> bool {
    match who {
        Who::Anyone | Who::SignedIn => true,
        Who::Roles(roles) => roles.contains(&role),
    }
}

#[test]
fn every_door_has_its_rule() {
    let town = Town::new();
    let mut seen = BTreeSet::new();
    for door in web::router::doors(&town.region.site) {
        assert!(seen.insert((door.method.to_string(), door.path)), "{} {} hangs twice", door.method, door.path);
        match door.who {
            Who::Anyone => {
                assert!(FOR_ANYONE.contains(&door.path), "{} {} is open to anybody", door.method, door.path);
                assert_ne!(door.leads, Leads::Look, "{} shows persons to anybody", door.path);
            }
            Who::SignedIn => assert_ne!(door.leads, Leads::Look, "{} shows persons to any role", door.path),
            Who::Roles(roles) => {
                assert!(!roles.is_empty(), "{} is for nobody", door.path);
                assert!(roles.iter().all(|r| ROLES.contains(r)), "{}: {roles:?}", door.path);
            }
        }
        assert!(door.method == "GET" || door.method == "POST");
        assert!(door.leads != Leads::Command || door.method == "POST", "{} changes something by GET", door.path);
    }
    assert!(seen.len() > 60, "the list of doors is short: {}", seen.len());
}

#[test]
fn nobody_is_let_in_without_signing_in() {
    let mut town = Town::new();
    for door in web::router::doors(&town.region.site).into_iter().filter(|d| d.who != Who::Anyone) {
        for real in [true, false] {
            for path in town.path(&door, real) {
                let before = town.region.audit_rows();
                let answer = town.ask(&door, &Browser::nobody(), &path);
                if answer.status != 303 || answer.location != "/signin" {
                    town.find(&door, None, format!("{} {}", answer.status, answer.location));
                }
                if town.region.audit_rows() != before {
                    town.find(&door, None, "something was done".into());
                }
            }
        }
    }
    town.nothing_found();
}

#[test]
fn a_form_from_elsewhere_is_refused_at_every_door() {
    let mut town = Town::new();
    let browsers: BTreeMap<Role, Browser> = ROLES.iter().map(|r| (*r, town.enter(*r))).collect();
    for door in web::router::doors(&town.region.site).into_iter().filter(|d| d.method == "POST") {
        let path = town.path(&door, true).remove(0);
        let role = ROLES.iter().copied().find(|r| admits(door.who, *r)).expect("somebody may");
        for site in [Some("cross-site"), Some("same-site"), Some("none"), None] {
            let before = town.region.audit_rows();
            let answer = town.region.post_from_elsewhere(&browsers[&role], &path, site);
            if answer.status != 403 || town.region.audit_rows() != before {
                town.find(&door, Some(role), format!("{site:?}: {}", answer.status));
            }
        }
    }
    town.nothing_found();
}

#[test]
fn whom_a_door_is_not_for_is_refused_and_recorded() {
    let mut town = Town::new();
    let browsers: BTreeMap<Role, Browser> = ROLES.iter().map(|r| (*r, town.enter(*r))).collect();
    let mut tried = 0;
    for door in web::router::doors(&town.region.site) {
        for role in ROLES.iter().copied().filter(|r| !admits(door.who, *r)) {
            let path = town.path(&door, true).remove(0);
            let before = town.region.audit_rows();
            let answer = town.ask(&door, &browsers[&role], &path);
            tried += 1;
            let rows = town.region.audited_since(before);
            let refused =
                |r: &audit::Recorded| r.outcome == audit::Outcome::Refused && r.role == role && r.action == door.path;
            if answer.status != 403 {
                town.find(&door, Some(role), format!("{} {}", answer.status, answer.location));
            }
            if rows.len() != 1 || !rows.iter().all(refused) {
                town.find(&door, Some(role), format!("rows {rows:?}"));
            }
            let person = town.region.homes[0].settled.person;
            let named: Vec<_> = rows.iter().flat_map(|row| row.persons.clone()).collect();
            let about = OF_A_PERSON.split(' ').any(|kind| door.path.starts_with(&format!("/{kind}/{{")));
            if if about { named[..] != [person] } else { named.iter().any(|it| *it != person) } {
                town.find(&door, Some(role), format!("names {named:?} instead of {person:?}"));
            }
            if let Some((name, _)) = town.names.iter().find(|(name, _)| answer.body.contains(name.as_str()))
                && role != Role::Resident
            {
                let name = name.clone();
                town.find(&door, Some(role), format!("the refusal names {name}"));
            }
        }
    }
    assert!(tried > 300, "{tried}");
    town.nothing_found();
}

/// The rows that a look left must be one, done, and list everybody whose name stands on the page.
fn judge_look(town: &mut Town, door: &Door, role: Role, answer: &Answer, rows: &[audit::Recorded]) -> bool {
    let status = answer.status.as_u16();
    if status >= 500 {
        town.find(door, Some(role), format!("{status}"));
        return false;
    }
    if status != 200 {
        let refused = rows.len() == 1 && rows[0].outcome == audit::Outcome::Refused;
        let on_form = status == 422 || status == 400;
        if !(refused || (on_form && rows.is_empty())) {
            town.find(door, Some(role), format!("{status} {} left rows {rows:?}", answer.location));
        }
        return false;
    }
    let looks: Vec<&audit::Recorded> = rows.iter().filter(|r| !RECEIPTS.contains(&r.action.as_str())).collect();
    if door.renews && looks.is_empty() {
        return true; // An open page of this session showed no less: counted, not looked.
    }
    let [row] = looks[..] else {
        town.find(door, Some(role), format!("200 left {} rows: {rows:?}", rows.len()));
        return true;
    };
    if !row.action.starts_with("look.") || row.outcome != audit::Outcome::Done || row.role != role {
        town.find(door, Some(role), format!("the row is {row:?}"));
    }
    // One's own name stands in the head of every page.
    let own = town.people[&role];
    let unlisted: Vec<String> = town
        .names
        .iter()
        .filter(|(name, person)| {
            person.0 != own && answer.body.contains(name.as_str()) && !row.persons.contains(person)
        })
        .map(|(name, _)| name.clone())
        .collect();
    if !unlisted.is_empty() && !UNLISTED.contains(&door.path) {
        town.find(door, Some(role), format!("shows {unlisted:?} but its row lists {} persons", row.persons.len()));
    }
    true
}

#[test]
fn a_look_leaves_one_row_and_a_page_without_persons_shows_none() {
    let mut town = Town::new();
    let browsers: BTreeMap<Role, Browser> = ROLES.iter().map(|r| (*r, town.enter(*r))).collect();
    for door in web::router::doors(&town.region.site).into_iter().filter(|d| d.leads != Leads::Command) {
        let mut opened = false;
        for role in ROLES.iter().copied().filter(|r| admits(door.who, *r)) {
            for path in town.path(&door, true) {
                let before = town.region.audit_rows();
                let answer = town.ask(&door, &browsers[&role], &path);
                let rows = town.region.audited_since(before);
                if door.leads == Leads::Look {
                    opened |= judge_look(&mut town, &door, role, &answer, &rows);
                    continue;
                }
                opened |= answer.status.as_u16() < 400;
                if answer.status.is_server_error() {
                    town.find(&door, Some(role), answer.status.to_string());
                }
                if door.path == OF_THE_DEMONSTRATION {
                    continue;
                }
                let own = town.people[&role];
                let shown = town.names.iter().find(|(n, p)| p.0 != own && answer.body.contains(n.as_str()));
                if let Some((name, _)) = shown.cloned() {
                    town.find(&door, Some(role), format!("a page without persons shows {name}"));
                }
            }
        }
        if !opened {
            town.find(&door, None, "opened for nobody, so the walk has shown nothing of it".into());
        }
    }
    town.nothing_found();
}

#[test]
fn an_id_that_does_not_exist_leads_nowhere() {
    let mut town = Town::new();
    let browsers: BTreeMap<Role, Browser> = ROLES.iter().map(|r| (*r, town.enter(*r))).collect();
    let with_ids = |d: &Door| d.path.contains('{') && !d.path.contains("{channel}") && d.who != Who::Anyone;
    for door in web::router::doors(&town.region.site).into_iter().filter(with_ids) {
        for role in ROLES.iter().copied().filter(|r| admits(door.who, *r)) {
            let path = town.path(&door, false).remove(0);
            let before = town.region.audit_rows();
            let answer = town.ask(&door, &browsers[&role], &path);
            if !answer.status.is_client_error() {
                town.find(&door, Some(role), format!("{} {}", answer.status, answer.location));
            }
            let rows = town.region.audited_since(before);
            if rows.iter().any(|r| r.outcome == audit::Outcome::Done) {
                town.find(&door, Some(role), format!("done {rows:?}"));
            }
        }
    }
    town.nothing_found();
}

/// Whoever has nothing to do with a record learns nothing from its address, not even that it is there.
#[test]
fn what_is_not_ones_own_is_answered_like_what_is_not_there() {
    let mut town = Town::new();
    let strangers = town.strangers();
    let browsers: BTreeMap<Role, Browser> = strangers.iter().map(|(r, id)| (*r, town.region.enter_as(*id))).collect();
    let mut compared = 0;
    let with_ids = |d: &Door| d.path.contains('{') && !d.path.contains("{channel}") && d.who != Who::Anyone;
    for door in web::router::doors(&town.region.site).into_iter().filter(with_ids) {
        for (role, browser) in browsers.iter().filter(|(r, _)| admits(door.who, **r)) {
            let unknown = town.path(&door, false).remove(0);
            let none = town.ask(&door, browser, &unknown);
            for path in town.path(&door, true) {
                let foreign = town.ask(&door, browser, &path);
                compared += 1;
                let told = |answer: &Answer, path: &str| without_nonces(&answer.body).replace(path, "");
                if foreign.status != none.status || told(&foreign, &path) != told(&none, &unknown) {
                    town.find(&door, Some(*role), format!("{} tells it from {}", foreign.status, none.status));
                }
                if door.method == "GET" && foreign.status != 403 {
                    town.find(&door, Some(*role), format!("opens to a stranger: {}", foreign.status));
                }
            }
        }
    }
    assert!(compared > 150, "{compared}");
    town.nothing_found();
}

#[test]
fn a_command_with_an_empty_form_never_breaks_and_never_acts_unrecorded() {
    let mut town = Town::new();
    let begun: Instant = town.region.now();
    for door in web::router::doors(&town.region.site).into_iter().filter(|d| d.leads == Leads::Command) {
        for role in ROLES.iter().copied().filter(|r| admits(door.who, *r)) {
            for path in town.path(&door, true) {
                // Some commands end one's own session.
                let browser = town.enter(role);
                let before = town.region.audit_rows();
                let answer = town.ask(&door, &browser, &path);
                let rows = town.region.audited_since(before);
                let status = answer.status.as_u16();
                if status >= 500 {
                    town.find(&door, Some(role), format!("{status}"));
                } else if rows.is_empty() && status < 400 && door.who != Who::Anyone {
                    town.find(&door, Some(role), format!("{status} {} and no row", answer.location));
                }
            }
        }
    }
    let report = town.region.test.db.read_blocking(|tx| audit::verify(tx, &[])).expect("the chain");
    assert_eq!(report.finding, None);
    assert!(town.region.now() >= begun);
    town.nothing_found();
}
