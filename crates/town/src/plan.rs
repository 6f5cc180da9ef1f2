//! The town on paper: offices, staff and households, drawn from a seed before anything is written. Nothing here touches
//! a database, so that the same seed gives the same town on either engine.

use base::Role;
use base::wareki::Date;
use people::OfficeKind;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::life::Habits;
use crate::names::{self, FullName};
use crate::places::{self, Address, CITIES};

/// The silent home, the home with the failing gateway, the hot home: the first three of the plan.
pub const SILENT: usize = 0;
pub const CUT_OFF: usize = 1;
pub const HOT: usize = 2;

/// How large the town is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub residents: usize,
    pub staff: usize,
}

impl Size {
    /// Homes with sensors: two of five residents.
    pub fn watched(self) -> usize {
        self.residents * 2 / 5
    }
}

pub struct OfficePlan {
    pub name: String,
    pub kind: OfficeKind,
    pub city_code: String,
    pub areas: Vec<String>,
    pub phone: String,
    pub address: String,
}

pub struct StaffPlan {
    pub office: usize,
    pub role: Role,
    pub name: FullName,
}

pub struct ContactPlan {
    pub name: FullName,
    pub relation: people::Relation,
    pub roles: Vec<people::ContactRole>,
    pub phone: String,
    pub minutes_away: u16,
}

pub struct ResidentPlan {
    pub name: FullName,
    pub female: bool,
    pub birth: Date,
    pub address: Address,
    pub phones: Vec<String>,
    pub marks: Vec<people::Mark>,
    pub risk_notes: &'static str,
    pub entry: people::EntryMethod,
    pub contacts: Vec<ContactPlan>,
    pub diagnoses: Vec<&'static str>,
    pub care_level: people::CareLevel,
    pub habits: Habits,
    /// Indices into the staff: doctor, care manager, and perhaps nurse, care worker, pharmacist.
    pub team: Vec<(usize, people::TeamPart)>,
}

pub struct Plan {
    pub seed: u64,
    pub size: Size,
    pub offices: Vec<OfficePlan>,
    pub staff: Vec<StaffPlan>,
    /// The first [`Size::watched`] of them live alone with sensors.
    pub residents: Vec<ResidentPlan>,
}

/// A stream of chance of its own for each thing, so that one more resident changes nobody else.
pub fn chance(seed: u64, what: &str, n: usize) -> ChaCha8Rng {
    let folded = what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    ChaCha8Rng::seed_from_u64(seed ^ folded ^ (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

pub fn plan(seed: u64, size: Size, today: Date) -> Plan {
    let offices = offices(seed, (size.staff / 3).max(14));
    let staff = staff(seed, size.staff, &offices);
    let by_role = |role: Role| -> Vec<usize> {
        staff.iter().enumerate().filter(|(_, s)| s.role == role).map(|(n, _)| n).collect()
    };
    let roles = [Role::Doctor, Role::CareManager, Role::Nurse, Role::CareWorker, Role::Pharmacist].map(by_role);
    let residents = (0..size.residents).map(|n| resident(seed, n, size, today, &roles)).collect();
    Plan { seed, size, offices, staff, residents }
}

/// What a region has, the ones a case needs first; then care offices and clinics in turn.
fn offices(seed: u64, wanted: usize) -> Vec<OfficePlan> {
    let mut kinds: Vec<(OfficeKind, String, Vec<String>, String)> = Vec::new();
    let at = |code: &str| code.to_owned();
    kinds.push((OfficeKind::CallCentre, "みまもりコールセンター".into(), vec![], String::new()));
    kinds.push((OfficeKind::Association, "つながりネットワーク事務局".into(), vec![], String::new()));
    for city in CITIES {
        kinds.push((OfficeKind::CityElderly, format!("{} 高齢福祉課", city.name), vec![], at(city.code)));
        kinds.push((OfficeKind::Commissioners, format!("{} 民生委員児童委員協議会", city.name), vec![], at(city.code)));
    }
    let mut areas: Vec<&str> = CITIES.iter().flat_map(|c| c.towns.iter().map(|t| t.1)).collect();
    areas.dedup();
    for area in areas {
        kinds.push((
            OfficeKind::SupportCentre,
            format!("{area}地域包括支援センター"),
            vec![area.to_owned()],
            String::new(),
        ));
    }
    let turn = [
        (OfficeKind::Clinic, "内科クリニック"),
        (OfficeKind::CareManagement, "居宅介護支援事業所"),
        (OfficeKind::Pharmacy, "薬局"),
        (OfficeKind::VisitingNurse, "訪問看護ステーション"),
        (OfficeKind::HomeHelp, "ヘルパーステーション"),
        (OfficeKind::Clinic, "医院"),
        (OfficeKind::DayService, "デイサービスセンター"),
        (OfficeKind::Dental, "歯科医院"),
        (OfficeKind::Hospital, "病院"),
    ];
    // A family's or a town's name before the kind of house; within a kind no two are alike.
    let fronts: Vec<&str> =
        names::FAMILY.iter().map(|f| f.0).chain(CITIES.iter().flat_map(|c| c.towns.iter().map(|t| t.0))).collect();
    for n in 0..wanted.saturating_sub(kinds.len()).min(fronts.len() * turn.len()) {
        let (of_kind, round) = (n % turn.len(), n / turn.len());
        let (kind, word) = turn[of_kind];
        let front = fronts[(round + of_kind * 11 + seed as usize % fronts.len()) % fronts.len()];
        let name = format!("{front}{word}");
        // Two families' names may be folded alike, and an office has no namesake.
        let folded = base::kana::fold(&name);
        if !kinds.iter().any(|(known, other, ..)| *known == kind && base::kana::fold(other) == folded) {
            kinds.push((kind, name, vec![], String::new()));
        }
    }
    let place = |(n, (kind, name, areas, city_code)): (usize, (OfficeKind, String, Vec<String>, String))| {
        let mut rng = chance(seed, "office", n);
        let a = places::address(&mut rng);
        let address = format!("{}{}{}", a.city.name, a.town, a.line);
        OfficePlan { name, kind, city_code, areas, phone: places::phone(&mut rng), address }
    };
    kinds.into_iter().enumerate().map(place).collect()
}

/// Who works where: the offices of a case are filled first, the rest in turn.
fn staff(seed: u64, wanted: usize, offices: &[OfficePlan]) -> Vec<StaffPlan> {
    let mut posts: Vec<(usize, Role)> = Vec::new();
    let crew = |kind: OfficeKind| -> &'static [Role] {
        use Role::*;
        match kind {
            OfficeKind::CallCentre => &[Operator, Operator, Operator, Operator, Operator, Operator, Operator, Operator],
            OfficeKind::Association => &[Administrator, Administrator, Auditor],
            OfficeKind::CityElderly => &[CityOfficer, CityOfficer, CityOfficer, Auditor],
            OfficeKind::Commissioners => &[Commissioner, Commissioner, Commissioner, Commissioner],
            OfficeKind::SupportCentre => &[SupportCentre, SupportCentre, SupportCentre],
            OfficeKind::Clinic | OfficeKind::Hospital => &[Doctor, Nurse, Nurse],
            OfficeKind::CareManagement => &[CareManager, CareManager, CareManager],
            OfficeKind::Pharmacy => &[Pharmacist, Pharmacist],
            OfficeKind::VisitingNurse => &[Nurse, Nurse, Nurse, Nurse],
            _ => &[CareWorker, CareWorker, CareWorker],
        }
    };
    let mut round = 0;
    while posts.len() < wanted {
        let before = posts.len();
        for (n, office) in offices.iter().enumerate() {
            if let Some(role) = crew(office.kind).get(round) {
                posts.push((n, *role));
            }
        }
        round += 1;
        if posts.len() == before {
            round = 0;
        }
    }
    posts.truncate(wanted);
    let named = |(n, (office, role)): (usize, (usize, Role))| {
        let mut rng = chance(seed, "staff", n);
        let female = rng.random_bool(if role == Role::Doctor { 0.3 } else { 0.7 });
        let family = names::family(&mut rng);
        StaffPlan { office, role, name: names::full(&mut rng, family, female, 1980) }
    };
    posts.into_iter().enumerate().map(named).collect()
}

/// Residents behind the first three share team members with them: they are who the demonstration's story is about.
const STORY: usize = 3;

fn resident(seed: u64, n: usize, size: Size, today: Date, roles: &[Vec<usize>; 5]) -> ResidentPlan {
    let mut rng = chance(seed, "resident", n);
    let female = rng.random_bool(0.68);
    let year = today.civil().0 - rng.random_range(72..97);
    let birth = Date::new(year, rng.random_range(1..=12), rng.random_range(1..=28)).unwrap_or(today);
    let family = names::family(&mut rng);
    let name = names::full(&mut rng, family, female, year);
    let watched = n < size.watched();
    let address = places::address(&mut rng);
    let mut phones = vec![places::phone(&mut rng)];
    if rng.random_bool(0.4) {
        phones.push(places::mobile(&mut rng));
    }
    let (marks, risk_notes) = marks(&mut rng, watched);
    let entry = [
        people::EntryMethod::KeyBox,
        people::EntryMethod::NeighbourHelper,
        people::EntryMethod::KeyKept,
        people::EntryMethod::None,
    ][rng.random_range(0..4)];
    let contacts = contacts(&mut rng, family);
    let diagnoses = diagnoses(&mut rng);
    let levels = people::CareLevel::ALL;
    let care_level = levels[rng.random_range(2..levels.len().min(9))];
    let team = team(&mut rng, if n < STORY { 0 } else { n }, n < STORY, roles);
    let habits = Habits::invent(&mut rng);
    ResidentPlan {
        name,
        female,
        birth,
        address,
        phones,
        marks,
        risk_notes,
        entry,
        contacts,
        diagnoses,
        care_level,
        habits,
        team,
    }
}

fn marks(rng: &mut impl Rng, alone: bool) -> (Vec<people::Mark>, &'static str) {
    let mut marks = if alone { vec![people::Mark::LivesAlone] } else { vec![] };
    let notes = match rng.random_range(0..8) {
        0 => {
            marks.push(people::Mark::HardOfHearing);
            "耳が遠いため、電話は長めに鳴らしてください。補聴器は右耳です。"
        }
        1 => {
            marks.push(people::Mark::Pet);
            "小型犬がいます。玄関を開けるときは飛び出しにご注意ください。"
        }
        2 => {
            marks.push(people::Mark::Oxygen);
            "在宅酸素をお使いです。火気に近づけないでください。"
        }
        3 => {
            marks.push(people::Mark::Wheelchair);
            "室内も車いすです。玄関に出るまで数分かかります。"
        }
        _ => "",
    };
    (marks, notes)
}

fn contacts(rng: &mut impl Rng, family: (&'static str, &'static str)) -> Vec<ContactPlan> {
    use people::{ContactRole as R, Relation as L};
    let child_female = rng.random_bool(0.55);
    let child_family = if child_female && rng.random_bool(0.6) { names::family(rng) } else { family };
    let mut contacts = vec![ContactPlan {
        name: names::full(rng, child_family, child_female, 1966),
        relation: if child_female { L::EldestDaughter } else { L::EldestSon },
        roles: vec![R::KeyPerson, R::Emergency],
        phone: places::mobile(rng),
        minutes_away: rng.random_range(10..120),
    }];
    if rng.random_bool(0.5) {
        let sibling = rng.random_bool(0.5);
        contacts.push(ContactPlan {
            name: names::full(rng, family, !sibling, 1970),
            relation: if sibling { L::Child } else { L::NephewNiece },
            roles: vec![R::Emergency],
            phone: places::mobile(rng),
            minutes_away: rng.random_range(30..300),
        });
    }
    if rng.random_bool(0.7) {
        let (neighbour, female) = (names::family(rng), rng.random_bool(0.5));
        contacts.push(ContactPlan {
            name: names::full(rng, neighbour, female, 1950),
            relation: L::Neighbour,
            roles: vec![R::NeighbourHelper, R::KeyHolder],
            phone: places::phone(rng),
            minutes_away: rng.random_range(1..10),
        });
    }
    contacts
}

fn diagnoses(rng: &mut impl Rng) -> Vec<&'static str> {
    const COMMON: &[&str] = &[
        "高血圧症",
        "２型糖尿病",
        "脂質異常症",
        "骨粗鬆症",
        "変形性膝関節症",
        "慢性心不全",
        "慢性腎臓病",
        "心房細動",
        "アルツハイマー型認知症",
        "慢性閉塞性肺疾患",
        "白内障",
        "腰部脊柱管狭窄症",
        "脳梗塞後遺症",
        "逆流性食道炎",
    ];
    let mut found: Vec<&'static str> =
        (0..rng.random_range(1..4)).map(|_| COMMON[rng.random_range(0..COMMON.len())]).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn team(rng: &mut impl Rng, n: usize, whole: bool, roles: &[Vec<usize>; 5]) -> Vec<(usize, people::TeamPart)> {
    use people::TeamPart as P;
    let parts =
        [(P::AttendingDoctor, 1.0), (P::CareManager, 1.0), (P::Nurse, 0.5), (P::CareWorker, 0.5), (P::Pharmacist, 0.3)];
    let mut team = Vec::new();
    for ((part, share), of_role) in parts.into_iter().zip(roles) {
        let joins = rng.random_bool(share) || whole;
        if joins && !of_role.is_empty() {
            team.push((of_role[n % of_role.len()], part));
        }
    }
    team
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_town_and_the_town_has_who_a_case_needs() {
        let today = Date::parse("2026-11-22").unwrap();
        let size = Size { residents: 60, staff: 60 };
        let (a, b) = (plan(7, size, today), plan(7, size, today));
        let words = |p: &Plan| {
            p.residents.iter().map(|r| format!("{}{}{}", r.name.kanji, r.birth, r.address.line)).collect::<Vec<_>>()
        };
        assert_eq!(words(&a), words(&b));
        assert_ne!(words(&a), words(&plan(8, size, today)));
        for role in [
            Role::Operator,
            Role::CareManager,
            Role::Doctor,
            Role::Nurse,
            Role::CityOfficer,
            Role::SupportCentre,
            Role::Administrator,
            Role::Auditor,
        ] {
            assert!(a.staff.iter().any(|s| s.role == role), "{role:?}");
        }
        let whole = plan(1, Size { residents: 1500, staff: 750 }, today);
        assert_eq!((whole.residents.len(), whole.staff.len()), (1500, 750));
        assert!((240..=260).contains(&whole.offices.len()));
        assert!(
            whole.residents.iter().any(|r| r.name.kanji.contains('髙'))
                && whole.residents.iter().any(|r| r.name.kanji.contains('﨑'))
        );
        let mut names: Vec<&str> = whole.offices.iter().map(|o| o.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), whole.offices.len(), "two offices with one name");
    }
}
