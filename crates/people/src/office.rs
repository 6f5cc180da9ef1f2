//! 事業所: clinics, care offices, the call centre, the city's departments. What an office is and how it is reached is
//! open to everybody who works here; there is no person in it.

use base::wareki::Date;
use base::{Ctx, Instant, OfficeId, kana};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::verbs::Verb;
use crate::{
    Email, FieldError, Form, Line, OfficeKind, PeopleError, PeopleRefusal, PhoneNumber, Revision, history, rules, store,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Office {
    pub id: OfficeId,
    pub name: String,
    pub kind: OfficeKind,
    pub phone: Option<PhoneNumber>,
    pub fax: Option<PhoneNumber>,
    pub email: Option<Email>,
    pub address: String,
    /// Five digits, or blank: the city an office of the city works for.
    pub city_code: String,
    /// 日常生活圏域 a support centre answers for.
    pub areas: Vec<String>,
    /// 施設責任者
    pub responsible: String,
    /// 誓約書日
    pub pledged_on: Option<Date>,
    pub entered_by: Uuid,
    pub entered_at: Instant,
    pub version: i64,
}

#[derive(Clone, Debug)]
pub struct OfficeFacts {
    pub name: Line,
    pub kind: OfficeKind,
    pub phone: Option<PhoneNumber>,
    pub fax: Option<PhoneNumber>,
    pub email: Option<Email>,
    pub address: Line,
    pub city_code: String,
    pub areas: Vec<Line>,
    pub responsible: Line,
    pub pledged_on: Option<Date>,
}

impl OfficeFacts {
    /// Fields `name kind phone fax email address city_code areas (one a line) responsible pledged_on`. An office of
    /// the city and the commissioners name their city, a support centre its areas: by these a case finds them.
    pub fn parse(form: &Form, today: Date) -> Result<OfficeFacts, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let (name, kind) = (r.line("name", "事業所名"), r.word::<OfficeKind>("kind", "種別"));
        let (phone, fax, email) = (r.phone("phone"), r.phone("fax"), r.email("email"));
        let (address, responsible) = (r.any_line("address"), r.any_line("responsible"));
        let (city_code, areas) = (r.any_city_code("city_code"), r.lines("areas"));
        let pledged_on = r.past_date("pledged_on", "誓約書日", today);
        if kind.is_some_and(OfficeKind::serves_a_city) && city_code.as_deref() == Some("") {
            r.wrong("city_code", "市の部署と民生委員には市区町村コードが必要です。");
        }
        if kind == Some(OfficeKind::SupportCentre) && areas.as_ref().is_some_and(Vec::is_empty) {
            r.wrong("areas", "担当する日常生活圏域を入力してください。");
        }
        let read = (|| {
            Some(OfficeFacts {
                name: name?,
                kind: kind?,
                phone: phone?,
                fax: fax?,
                email: email?,
                address: address?,
                city_code: city_code?,
                areas: areas?,
                responsible: responsible?,
                pledged_on: pledged_on?,
            })
        })();
        r.finish(read)
    }

    /// The least an office needs; for tests and the town.
    pub fn named(name: Line, kind: OfficeKind) -> OfficeFacts {
        OfficeFacts {
            name,
            kind,
            phone: None,
            fax: None,
            email: None,
            address: Line::blank(),
            city_code: String::new(),
            areas: vec![],
            responsible: Line::blank(),
            pledged_on: None,
        }
    }
}

pub fn register_office(ctx: &Ctx, tx: &mut dyn Tx, facts: &OfficeFacts) -> Result<OfficeId, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let office = of_facts(ctx, ctx.id(), 1, facts);
    refuse_namesake(tx, &office)?;
    store::offices::insert(tx, &office)?;
    settle(tx, &office)?;
    history::keep(ctx, tx, office.id.0, history::OFFICE, 1, "", &office)?;
    audit::done(ctx, tx, Verb::RegisterOffice, charged, "office")?;
    outbox::push(tx, ctx.now, &Event::OfficeRegistered { office: office.id })?;
    Ok(office.id)
}

/// Corrects an office. Its kind stays: what its staff may see hangs on it.
pub fn revise_office(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    office: OfficeId,
    facts: &OfficeFacts,
    revision: &Revision,
) -> Result<Office, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let before = self::office(tx, office)?;
    rules::revisable(before.version, revision)?;
    let after = Office { kind: before.kind, ..of_facts(ctx, office, before.version + 1, facts) };
    if after.name != before.name || after.city_code != before.city_code {
        refuse_namesake(tx, &after)?;
    }
    store::offices::update(tx, &after)?;
    settle(tx, &after)?;
    let left = &before.city_code;
    if before.kind == OfficeKind::CityElderly
        && *left != after.city_code
        && city_office(tx, left)?.is_none()
        && access::inhabited(tx, left)?
    {
        return Err(PeopleRefusal::CityWithoutOffice.into());
    }
    history::keep(ctx, tx, office.0, history::OFFICE, after.version, revision.reason.expose(), &after)?;
    audit::done(ctx, tx, Verb::ReviseOffice, charged, "office")?;
    outbox::push(tx, ctx.now, &Event::OfficeRevised { office })?;
    Ok(after)
}

/// Lists to choose from show the name and the kind: two offices that are one there would be taken for each other. Cities
/// name their departments alike.
fn refuse_namesake(tx: &mut dyn Tx, office: &Office) -> Result<(), PeopleError> {
    let name = kana::fold(&office.name);
    let same = |other: &Office| {
        other.id != office.id && other.city_code == office.city_code && kana::fold(&other.name) == name
    };
    match store::offices::list(tx, Some(office.kind))?.iter().any(same) {
        true => Err(PeopleRefusal::OfficeNamesake.into()),
        false => Ok(()),
    }
}

impl OfficeKind {
    /// Asked for the people of its own city only: without it, for nobody.
    const fn serves_a_city(self) -> bool {
        self.is_of_a_city() || matches!(self, OfficeKind::Commissioners)
    }

    /// A department of a city's administration.
    pub(crate) const fn is_of_a_city(self) -> bool {
        matches!(
            self,
            OfficeKind::CityElderly | OfficeKind::CityDisability | OfficeKind::CityDisaster | OfficeKind::CityHealth
        )
    }
}

/// Only the city's own offices work for the city; where another's premises stand says nothing.
fn settle(tx: &mut dyn Tx, office: &Office) -> Result<(), PeopleError> {
    let city = if office.kind.is_of_a_city() { office.city_code.as_str() } else { "" };
    Ok(access::settle_office(tx, office.id, city, office.kind == OfficeKind::CityElderly)?)
}

pub fn office(tx: &mut dyn Tx, office: OfficeId) -> Result<Office, PeopleError> {
    Ok(store::offices::get(tx, office)?.ok_or(PeopleRefusal::NoOffice)?)
}

/// The offices of one kind, or all, by name; at most [`store::offices::MAX_OFFICES`].
pub fn offices(tx: &mut dyn Tx, kind: Option<OfficeKind>) -> Result<Vec<Office>, PeopleError> {
    Ok(store::offices::list(tx, kind)?)
}

/// The region's call centre: the first that was registered.
pub fn call_centre(tx: &mut dyn Tx) -> Result<Option<OfficeId>, PeopleError> {
    Ok(store::offices::first_of_kind(tx, OfficeKind::CallCentre)?)
}

/// The city's department for the elderly.
pub fn city_office(tx: &mut dyn Tx, city_code: &str) -> Result<Option<OfficeId>, PeopleError> {
    Ok(store::offices::of_city(tx, OfficeKind::CityElderly, city_code)?)
}

/// The support centre that answers for a 日常生活圏域.
pub fn support_centre(tx: &mut dyn Tx, area: &str) -> Result<Option<OfficeId>, PeopleError> {
    Ok(store::offices::of_area(tx, OfficeKind::SupportCentre, area)?)
}

fn of_facts(ctx: &Ctx, id: OfficeId, version: i64, facts: &OfficeFacts) -> Office {
    let mut areas: Vec<String> = facts.areas.iter().map(|a| a.expose().to_owned()).collect();
    areas.sort();
    areas.dedup();
    Office {
        id,
        name: facts.name.expose().to_owned(),
        kind: facts.kind,
        phone: facts.phone.clone(),
        fax: facts.fax.clone(),
        email: facts.email.clone(),
        address: facts.address.expose().to_owned(),
        city_code: facts.city_code.clone(),
        areas,
        responsible: facts.responsible.expose().to_owned(),
        pledged_on: facts.pledged_on,
        entered_by: ctx.actor.id,
        entered_at: ctx.now,
        version,
    }
}
