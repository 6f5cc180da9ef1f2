//! A dwelling (住まい): where it is, how one gets in. How to get in is told only to those who may have to.

use access::{AccessError, Act, Shown};
use base::wareki::Date;
use base::{Ctx, HomeId, PersonId, Redacted};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{
    Dwelling, EntryMethod, FieldError, Form, Line, PeopleError, PeopleRefusal, PostalCode, Provenance, Revision,
    Source, Text, history, rules, search, store,
};

/// A home. `entry` and `entry_note` are unknown and blank where the reader may not see them (`entry_shown`), the
/// layout note likewise (`layout_shown`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Home {
    pub id: HomeId,
    /// Seven digits, or blank.
    pub postal: Redacted<String>,
    /// 全国地方公共団体コード without its check digit: 5 digits.
    pub city_code: String,
    /// 都道府県 and 市区町村.
    pub city: String,
    /// 大字・町丁目.
    pub town: String,
    /// 番地.
    pub line: Redacted<String>,
    /// 建物・部屋.
    pub building: Redacted<String>,
    /// Degrees, WGS 84.
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    /// 日常生活圏域: decides the support centre.
    pub area: String,
    /// 町内会・自治会.
    pub neighbourhood: String,
    pub dwelling: Dwelling,
    /// 普段いる場所, 寝室の位置, 間取り.
    pub layout_note: Redacted<String>,
    pub layout_shown: bool,
    pub entry: EntryMethod,
    pub entry_note: Redacted<String>,
    pub entry_shown: bool,
    pub provenance: Provenance,
    pub version: i64,
}

impl Home {
    /// The address in one line, as on an envelope, without the postal code.
    pub fn address(&self) -> Redacted<String> {
        Redacted::new(rules::in_one_line(&self.city, &self.town, self.line.expose(), self.building.expose()))
    }
}

/// What is entered about a home, at first and in corrections.
#[derive(Clone, Debug)]
pub struct HomeFacts {
    pub postal: Option<PostalCode>,
    /// Five digits; the form takes six and drops the check digit.
    pub city_code: String,
    pub city: Line,
    pub town: Line,
    pub line: Line,
    pub building: Line,
    /// Latitude and longitude in degrees.
    pub position: Option<(f64, f64)>,
    pub area: Line,
    pub neighbourhood: Line,
    pub dwelling: Dwelling,
    pub layout_note: Text,
    pub entry: EntryMethod,
    pub entry_note: Text,
    pub source: Source,
    pub confirmed_on: Option<Date>,
}

impl HomeFacts {
    /// Fields `postal city_code city town line building lat lon area neighbourhood dwelling layout_note entry
    /// entry_note home_source home_confirmed_on`.
    pub fn parse(form: &Form, today: Date) -> Result<HomeFacts, Vec<FieldError>> {
        let mut reading = Reading::of(form);
        let read = HomeFacts::read(&mut reading, today);
        reading.finish(read)
    }

    pub(crate) fn read(r: &mut Reading<'_>, today: Date) -> Option<HomeFacts> {
        let (postal, city_code) = (r.postal("postal"), r.city_code("city_code"));
        let (city, town, line) = (r.line("city", "市区町村"), r.line("town", "町名"), r.line("line", "番地"));
        let (building, area) = (r.any_line("building"), r.any_line("area"));
        let neighbourhood = r.any_line("neighbourhood");
        // The bounds of Japan, with its remotest islands: 国土地理院「日本の東西南北端点の経度緯度」.
        let (lat, lon) = (r.degrees("lat", "緯度", 20.0, 46.0), r.degrees("lon", "経度", 122.0, 154.0));
        if let (Some(lat), Some(lon)) = (lat, lon)
            && lat.is_some() != lon.is_some()
        {
            r.wrong("lat", "緯度と経度は両方入力するか、両方空けてください。");
        }
        let dwelling = r.word_or("dwelling", "住居", Dwelling::Unknown);
        let layout_note = r.any_text("layout_note");
        let (entry, entry_note) = (r.word_or("entry", "入室方法", EntryMethod::Unknown), r.any_text("entry_note"));
        let source = r.word_or("home_source", "住まいの情報の出どころ", Source::Oneself);
        let confirmed_on = r.past_date("home_confirmed_on", "確認日", today);
        Some(HomeFacts {
            postal: postal?,
            city_code: city_code?,
            city: city?,
            town: town?,
            line: line?,
            building: building?,
            position: lat?.zip(lon?),
            area: area?,
            neighbourhood: neighbourhood?,
            dwelling: dwelling?,
            layout_note: layout_note?,
            entry: entry?,
            entry_note: entry_note?,
            source: source?,
            confirmed_on: confirmed_on?,
        })
    }
}

/// Registers a home in which nobody is registered yet: by those whose duty is the whole register.
pub fn register_home(ctx: &Ctx, tx: &mut dyn Tx, facts: &HomeFacts) -> Result<HomeId, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let id = insert(ctx, tx, facts)?;
    audit::done(ctx, tx, Verb::RegisterHome, charged, "identity")?;
    outbox::push(tx, ctx.now, &Event::HomeRegistered { home: id })?;
    Ok(id)
}

pub(crate) fn insert(ctx: &Ctx, tx: &mut dyn Tx, facts: &HomeFacts) -> Result<HomeId, PeopleError> {
    let home = of_facts(ctx, ctx.id(), 1, facts);
    store::homes::insert(tx, &home)?;
    history::keep(ctx, tx, home.id.0, history::HOME, 1, "", &home)?;
    Ok(home.id)
}

/// Corrects a home for all who live there.
pub fn revise_home(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    home: HomeId,
    facts: &HomeFacts,
    revision: &Revision,
) -> Result<Home, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let before = store::homes::get(tx, home)?.ok_or(PeopleRefusal::NoHome)?;
    rules::revisable(before.version, revision)?;
    let after = of_facts(ctx, home, before.version + 1, facts);
    store::homes::update(tx, &after)?;
    history::keep(ctx, tx, home.0, history::HOME, after.version, revision.reason.expose(), &after)?;
    let residents = store::residents::of_home(tx, home)?;
    for person in &residents {
        search::index(tx, *person)?;
    }
    // Of those who died or moved away too: their record is read by the city in which they lived.
    for person in store::residents::ever_of_home(tx, home)? {
        access::settle_person(tx, person, &after.city_code)?;
    }
    match access::require_each(ctx, tx, &[Act::Register], &[], &residents)?.as_slice() {
        [] => audit::done(ctx, tx, Verb::ReviseHome, charged, "identity entry")?,
        witnesses => audit::done(ctx, tx, Verb::ReviseHome, witnesses, "identity entry")?,
    };
    outbox::push(tx, ctx.now, &Event::HomeRevised { home })?;
    Ok(after)
}

/// The home, as far as the actor may see it through any one of its residents.
pub fn home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Home>, PeopleError> {
    let residents = store::residents::of_home(tx, home)?;
    let witnesses = access::require_each(ctx, tx, &[Act::SeeIdentity], &INSIDE, &residents)?;
    let keeper = crate::keeper(ctx).is_ok();
    if witnesses.is_empty() && !keeper {
        return Err(AccessError::Denied { act: Act::SeeIdentity, person: residents.first().copied() }.into());
    }
    let may = |act: Act| keeper || witnesses.iter().any(|w| w.has(act));
    let (entry, layout) = (may(Act::SeeEntry), may(Act::SeeRisks));
    Ok(Shown::new(hidden(load(tx, home)?, entry, layout), witnesses))
}

/// What of a home not everybody sees who may know where it is.
pub(crate) const INSIDE: [Act; 2] = [Act::SeeEntry, Act::SeeRisks];

/// The home in which this person lives.
pub fn home_of(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Home>, PeopleError> {
    let witness = access::require_some(ctx, tx, &[Act::SeeIdentity], &INSIDE, person)?;
    let home = store::homes::of_person(tx, person)?.ok_or(PeopleRefusal::NoPerson)?;
    let (entry, layout) = (witness.has(Act::SeeEntry), witness.has(Act::SeeRisks));
    Ok(witness.shows(hidden(home, entry, layout)))
}

/// Who lives in the home (hospital and facility included, moved out and dead not), as far as the actor may know.
pub fn residents_of_home(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Vec<PersonId>>, PeopleError> {
    let residents = store::residents::of_home(tx, home)?;
    let witnesses = access::require_each(ctx, tx, &[Act::SeeIdentity], &[], &residents)?;
    if witnesses.is_empty() && !residents.is_empty() {
        return Err(AccessError::Denied { act: Act::SeeIdentity, person: residents.first().copied() }.into());
    }
    Ok(Shown::new(witnesses.iter().map(access::Witness::person).collect(), witnesses))
}

fn load(tx: &mut dyn Tx, home: HomeId) -> Result<Home, PeopleError> {
    Ok(store::homes::get(tx, home)?.ok_or(PeopleRefusal::NoHome)?)
}

pub(crate) fn hidden(mut home: Home, entry: bool, layout: bool) -> Home {
    home.entry_shown = entry;
    home.layout_shown = layout;
    if !entry {
        home.entry = EntryMethod::Unknown;
        home.entry_note = Redacted::default();
    }
    if !layout {
        home.layout_note = Redacted::default();
    }
    home
}

fn of_facts(ctx: &Ctx, id: HomeId, version: i64, facts: &HomeFacts) -> Home {
    Home {
        id,
        postal: facts.postal.as_ref().map(PostalCode::redacted).unwrap_or_default(),
        city_code: facts.city_code.clone(),
        city: facts.city.expose().to_owned(),
        town: facts.town.expose().to_owned(),
        line: facts.line.redacted(),
        building: facts.building.redacted(),
        lat: facts.position.map(|p| p.0),
        lon: facts.position.map(|p| p.1),
        area: facts.area.expose().to_owned(),
        neighbourhood: facts.neighbourhood.expose().to_owned(),
        dwelling: facts.dwelling,
        layout_note: facts.layout_note.redacted(),
        layout_shown: true,
        entry: facts.entry,
        entry_note: facts.entry_note.redacted(),
        entry_shown: true,
        provenance: Provenance::now(ctx, facts.source, facts.confirmed_on),
        version,
    }
}
