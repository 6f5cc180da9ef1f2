//! The town moves in: every office, person and consent goes through the same verbs that a clerk's form uses.

use base::wareki::Date;
use base::{
    AccountId, Actor, ContactId, Ctx, HomeId, Instant, OfficeId, PersonId, Purpose, Redacted, RequestId, Role, Span,
    StaffId,
};
use db::{Db, Tx, marks};
use people::*;
use serde_json::json;
use signin::{LoginName, NewAccount};
use uuid::Uuid;

use crate::TownError;
use crate::plan::{OfficePlan, Plan, ResidentPlan};

/// Households written in one commit.
const TOGETHER: usize = 50;

/// Who lives in a home, by the numbers the plan knows them under.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    pub person: PersonId,
    pub home: HomeId,
    pub first_contact: Option<ContactId>,
}

pub struct Register {
    pub offices: Vec<OfficeId>,
    pub staff: Vec<StaffId>,
    pub residents: Vec<Settled>,
}

/// The circumstances of the `n`th act of moving in. The ids follow from seed and number: the same town again.
pub fn moving_in(seed: u64, what: u64, n: usize, now: Instant) -> Ctx {
    let request = (u128::from(seed) << 64) ^ (u128::from(what) << 48) ^ (n as u128);
    Ctx::new(Actor::system("town"), Purpose::Registration, now, RequestId(Uuid::from_u128(request)))
}

/// Writes the plan as it was half a year before `now`, when the watch began. `progress` hears words and a share of 1.
pub fn settle(db: &Db, plan: &'static Plan, now: Instant, progress: &dyn Fn(&str, f64)) -> Result<Register, TownError> {
    let then = now - Span::days(183);
    progress("事業所と職員", 0.0);
    let (offices, staff) = db.write_blocking(move |tx| {
        if marks::get(tx, marks::FICTIONAL)?.is_none() {
            marks::set(tx, marks::FICTIONAL, "yes")?;
        }
        let ctx = moving_in(plan.seed, 1, 0, then);
        let offices = plan.offices.iter().map(|o| open_office(&ctx, tx, o)).collect::<Result<Vec<_>, _>>()?;
        let mut staff = Vec::new();
        for (n, s) in plan.staff.iter().enumerate() {
            staff.push(hire(&moving_in(plan.seed, 2, n, then), tx, offices[s.office], s)?);
        }
        Ok::<_, TownError>((offices, staff))
    })?;
    let mut residents = Vec::new();
    let total = plan.residents.len();
    for first in (0..total).step_by(TOGETHER) {
        progress("対象者", first as f64 / total as f64);
        let (offices, staff) = (offices.clone(), staff.clone());
        residents.extend(db.write_blocking(move |tx| {
            let some = plan.residents.iter().enumerate().skip(first).take(TOGETHER);
            some.map(|(n, r)| house(plan, n, r, then, tx, &offices, &staff)).collect::<Result<Vec<_>, _>>()
        })?);
    }
    let register = Register { offices, staff, residents };
    open_accounts(db, plan, &register, now)?;
    Ok(register)
}

fn line(text: &str) -> Result<Line, TownError> {
    Line::parse(text).map_err(TownError::Plan)
}

fn open_office(ctx: &Ctx, tx: &mut dyn Tx, plan: &OfficePlan) -> Result<OfficeId, TownError> {
    let facts = OfficeFacts {
        name: line(&plan.name)?,
        kind: plan.kind,
        phone: Some(PhoneNumber::parse(&plan.phone).map_err(TownError::Plan)?),
        fax: None,
        email: None,
        address: line(&plan.address)?,
        city_code: plan.city_code.clone(),
        areas: plan.areas.iter().map(|a| line(a)).collect::<Result<_, _>>()?,
        responsible: line("見本 責任者")?,
        pledged_on: Some(Date::of(ctx.now)),
    };
    Ok(register_office(ctx, tx, &facts)?)
}

fn hire(ctx: &Ctx, tx: &mut dyn Tx, office: OfficeId, plan: &crate::plan::StaffPlan) -> Result<StaffId, TownError> {
    let facts = StaffFacts {
        name: Name::parse(&plan.name.kanji).map_err(TownError::Plan)?,
        kana: Kana::parse(&plan.name.kana).map_err(TownError::Plan)?,
        profession: usual_profession(plan.role),
        qualification: Line::blank(),
        phone: None,
        email: None,
        trained_on: Some(Date::of(ctx.now)),
    };
    Ok(register_staff(ctx, tx, &NewStaff { office, role: plan.role, active: true, facts })?)
}

fn house(
    plan: &Plan,
    n: usize,
    r: &ResidentPlan,
    then: Instant,
    tx: &mut dyn Tx,
    offices: &[OfficeId],
    staff: &[StaffId],
) -> Result<Settled, TownError> {
    let ctx = moving_in(plan.seed, 3, n, then);
    let today = Date::of(then);
    let watched = n < plan.size.watched();
    let person = register_resident(&ctx, tx, &new_resident(r, watched, today)?)?;
    let home = resident(&ctx, tx, person)?.home;
    let mut first_contact = None;
    for contact in &r.contacts {
        let id = add_contact(&ctx, tx, person, &contact_facts(contact, today)?)?;
        first_contact = first_contact.or(Some(id));
    }
    let mut scopes = vec![ConsentScope::CareSharing];
    if watched {
        scopes.push(ConsentScope::Watch);
        if let Some(contact) = first_contact {
            scopes.extend([ConsentScope::FamilyAlerts(contact), ConsentScope::FamilyWatch(contact)]);
        }
    }
    for scope in scopes {
        let consent = NewConsent::given(scope, today, line("見本 説明者")?, line(&r.name.kanji)?);
        record_consent(&ctx, tx, person, &consent)?;
    }
    for (member, part) in &r.team {
        join_team(&ctx, tx, person, staff[*member], *part)?;
    }
    if let Some((doctor, _)) = r.team.iter().find(|(_, part)| *part == TeamPart::AttendingDoctor) {
        let office = offices[plan.staff[*doctor].office];
        let actor = Actor {
            role: Role::Doctor,
            id: staff[*doctor].0,
            office: Some(office),
            person: None,
            device: "town".into(),
        };
        let by_doctor = Ctx::new(actor, Purpose::Care, then, moving_in(plan.seed, 4, n, then).request);
        revise_medical(&by_doctor, tx, person, &medical(r, today)?, &Revision { seen: 0, reason: line("初回登録")? })?;
    }
    Ok(Settled { person, home, first_contact })
}

fn new_resident(r: &ResidentPlan, watched: bool, today: Date) -> Result<NewResident, TownError> {
    let phones =
        r.phones.iter().map(|p| PhoneNumber::parse(p).map_err(TownError::Plan)).collect::<Result<Vec<_>, _>>()?;
    let facts = ResidentFacts {
        name: Name::parse(&r.name.kanji).map_err(TownError::Plan)?,
        kana: Kana::parse(&r.name.kana).map_err(TownError::Plan)?,
        birth: r.birth,
        sex: if r.female { Sex::Female } else { Sex::Male },
        phones,
        fax: None,
        email: None,
        household: if watched { Household::Alone } else { Household::ElderlyOnly },
        marks: r.marks.clone(),
        risk_notes: Text::parse(r.risk_notes).map_err(TownError::Plan)?,
        source: Source::Oneself,
        confirmed_on: Some(today),
    };
    let a = &r.address;
    let entry_note = match r.entry {
        EntryMethod::KeyBox => "玄関右のキーボックス。番号はコールセンターにあります。",
        EntryMethod::KeyKept => "事業所で鍵を預かっています。",
        EntryMethod::NeighbourHelper => "お隣の協力員が鍵をお持ちです。",
        _ => "",
    };
    let home = HomeFacts {
        postal: Some(PostalCode::parse(a.city.postal).map_err(TownError::Plan)?),
        city_code: a.city.code.to_owned(),
        city: line(a.city.name)?,
        town: line(a.town)?,
        line: line(&a.line)?,
        building: if a.building.is_empty() { Line::blank() } else { line(&a.building)? },
        position: Some(a.position),
        area: line(a.area)?,
        neighbourhood: Line::blank(),
        dwelling: if a.building.is_empty() { Dwelling::House } else { Dwelling::ApartmentStairs },
        layout_note: Text::blank(),
        entry: r.entry,
        entry_note: Text::parse(entry_note).map_err(TownError::Plan)?,
        source: Source::Oneself,
        confirmed_on: Some(today),
    };
    // Invented people may share a reading and a birthday by chance.
    Ok(NewResident { facts, home: HomeChoice::New(home), life: LifeStatus::AtHome, not_duplicate: true })
}

fn contact_facts(c: &crate::plan::ContactPlan, today: Date) -> Result<ContactFacts, TownError> {
    Ok(ContactFacts {
        name: Name::parse(&c.name.kanji).map_err(TownError::Plan)?,
        kana: Some(Kana::parse(&c.name.kana).map_err(TownError::Plan)?),
        relation: c.relation,
        phones: vec![PhoneNumber::parse(&c.phone).map_err(TownError::Plan)?],
        email: None,
        address: Line::blank(),
        roles: c.roles.clone(),
        lives_with: false,
        reachable: line("いつでも")?,
        minutes_away: Some(c.minutes_away),
        accepted_on: Some(today),
        source: Source::Oneself,
        confirmed_on: Some(today),
    })
}

fn medical(r: &ResidentPlan, today: Date) -> Result<MedicalFacts, TownError> {
    Ok(MedicalFacts {
        diagnoses: r.diagnoses.iter().map(|d| line(d)).collect::<Result<_, _>>()?,
        allergies: vec![line("なし")?],
        care_level: Some(r.care_level),
        certified_on: Some(today),
        valid_from: Some(today),
        valid_until: None,
        source: Source::Medical,
        confirmed_on: Some(today),
    })
}

/// Accounts without passwords for everybody who can be tried out; the first of each role stand on the start page.
fn open_accounts(db: &Db, plan: &'static Plan, register: &Register, now: Instant) -> Result<(), TownError> {
    let mut new: Vec<NewAccount> = Vec::new();
    let login =
        |kind: &str, n: usize| LoginName::parse(&format!("{kind}{n:04}")).map_err(|e| TownError::Plan(e.to_string()));
    for (n, (staff, id)) in plan.staff.iter().zip(&register.staff).enumerate() {
        new.push(NewAccount {
            id: AccountId(id.0),
            login: login("staff", n + 1)?,
            role: staff.role,
            office: Some(register.offices[staff.office]),
            person: None,
            display_name: Redacted::new(staff.name.kanji.clone()),
        });
    }
    let watched = plan.residents.iter().zip(&register.residents).take(plan.size.watched());
    for (n, (resident, settled)) in watched.enumerate() {
        new.push(NewAccount {
            id: AccountId(settled.person.0),
            login: login("resident", n + 1)?,
            role: Role::Resident,
            office: None,
            person: None,
            display_name: Redacted::new(resident.name.kanji.clone()),
        });
        if let (Some(contact), Some(facts)) = (settled.first_contact, resident.contacts.first()) {
            new.push(NewAccount {
                id: AccountId(contact.0),
                login: login("family", n + 1)?,
                role: Role::Family,
                office: None,
                person: Some(settled.person),
                display_name: Redacted::new(facts.name.kanji.clone()),
            });
        }
    }
    let featured = featured(plan, register);
    for (n, some) in new.chunks(500).map(<[_]>::to_vec).enumerate() {
        let ctx = moving_in(plan.seed, 5, n, now);
        db.write_blocking(move |tx| signin::create_fictional_accounts(&ctx, tx, &some).map_err(TownError::from))?;
    }
    db.write_blocking(move |tx| marks::set(tx, "demo.featured", &featured).map_err(TownError::from))
}

/// The people of the story, as the start page lists them: `[{"account": …, "label": …}]`.
fn featured(plan: &Plan, register: &Register) -> String {
    let mut list: Vec<serde_json::Value> = Vec::new();
    let mut add = |id: Uuid, label: &str| list.push(json!({ "account": id.simple().to_string(), "label": label }));
    let first = |role: Role| plan.staff.iter().position(|s| s.role == role).map(|n| register.staff[n].0);
    if let Some(id) = first(Role::Operator) {
        add(id, "アラートを受け、電話し、訪問を頼む");
    }
    if let Some((resident, settled)) = plan.residents.first().zip(register.residents.first()) {
        let member = |part: TeamPart| resident.team.iter().find(|(_, p)| *p == part).map(|(n, _)| register.staff[*n].0);
        for (part, label) in [
            (TeamPart::CareManager, "訪問し、様子を報告し、医師に相談する"),
            (TeamPart::AttendingDoctor, "相談に答える"),
            (TeamPart::Nurse, "連絡帳を読み、書く"),
        ] {
            if let Some(id) = member(part) {
                add(id, label);
            }
        }
        if let Some(contact) = settled.first_contact {
            add(contact.0, "離れて暮らす家族の見守りを見る");
        }
        add(settled.person.0, "自分の見守りと、だれが見たかを確かめる");
    }
    // The city in which the line fails, or its officer would see nothing of the story.
    let city = plan.residents.get(crate::plan::CUT_OFF).map(|resident| resident.address.city.code);
    let officer = plan.staff.iter().position(|staff| {
        staff.role == Role::CityOfficer && city.is_none_or(|code| plan.offices[staff.office].city_code == code)
    });
    if let Some(id) = officer.map(|n| register.staff[n].0).or_else(|| first(Role::CityOfficer)) {
        add(id, "期限を過ぎた案件と、全体の状況を見る");
    }
    for (role, label) in [
        (Role::SupportCentre, "圏域の期限超過と訪問依頼に応じる"),
        (Role::Administrator, "対象者・職員・機器を登録する"),
        (Role::Auditor, "だれが何を見たかを調べる"),
    ] {
        if let Some(id) = first(role) {
            add(id, label);
        }
    }
    serde_json::Value::Array(list).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Size, plan};

    fn town(seed: u64) -> (db::testing::TestDb, Register) {
        let sets = [audit::MIGRATIONS, access::MIGRATIONS, people::MIGRATIONS, signin::MIGRATIONS];
        let region = db::testing::fresh(&sets);
        let now = Instant::parse("2026-11-22T09:00").unwrap();
        let plan: &'static Plan = Box::leak(Box::new(plan(seed, Size { residents: 20, staff: 60 }, Date::of(now))));
        let register = settle(&region.db, plan, now, &|_, _| {}).unwrap();
        (region, register)
    }

    /// Everything but the audit rows' and accounts' order is the same text again.
    fn dump(region: &db::testing::TestDb) -> Vec<u8> {
        let read = |tx: &mut dyn Tx| {
            let mut out = Vec::new();
            db::dump::write(tx, &mut out).map_err(|e| db::DbError::Engine(e.to_string()))?;
            Ok::<_, db::DbError>(out)
        };
        region.db.read_blocking(read).unwrap()
    }

    #[test]
    fn the_same_seed_and_moment_settle_the_same_town_to_the_last_byte() {
        let (a, register) = town(3);
        assert_eq!(register.residents.len(), 20);
        assert!(dump(&a) == dump(&town(3).0));
        assert!(dump(&a) != dump(&town(4).0));
    }

    #[test]
    fn the_town_is_marked_fictional_and_its_chain_of_records_holds() {
        let (region, _) = town(5);
        let mark = region.db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL)).unwrap();
        assert!(mark.is_some());
        assert_eq!(region.db.read_blocking(|tx| audit::verify(tx, &[])).unwrap().finding, None);
    }
}
