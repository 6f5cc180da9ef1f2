//! A resident (対象者): who it is, where they live, what whoever calls must know.

use access::{Act, Shown};
use base::wareki::Date;
use base::{Ctx, HomeId, Instant, PersonId, Redacted};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::home::HomeFacts;
use crate::verbs::Verb;
use crate::{
    Email, FieldError, Form, Household, Kana, LifeStatus, Mark, Name, PeopleError, PeopleRefusal, PhoneNumber,
    Provenance, Revision, Sex, Source, Text, history, home, resident_number, rules, search, store,
};

/// A resident as the register holds them. Risk notes and the marks of body and mind are blank where the reader may not
/// see them; `risks_shown` says which of the two it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resident {
    pub id: PersonId,
    /// Eight digits, the last a check digit.
    pub number: String,
    pub name: Redacted<String>,
    pub kana: Redacted<String>,
    pub birth: Date,
    pub sex: Sex,
    pub home: HomeId,
    /// In the order in which to call.
    pub phones: Vec<PhoneNumber>,
    pub fax: Option<PhoneNumber>,
    pub email: Option<Redacted<String>>,
    pub household: Household,
    pub marks: Vec<Mark>,
    pub risk_notes: Redacted<String>,
    pub risks_shown: bool,
    pub life: LifeStatus,
    pub life_since: Date,
    pub provenance: Provenance,
    pub version: i64,
}

impl Resident {
    pub fn age_on(&self, today: Date) -> i32 {
        self.birth.age_on(today)
    }
}

/// What is entered about a resident, at first and in corrections.
#[derive(Clone, Debug)]
pub struct ResidentFacts {
    pub name: Name,
    pub kana: Kana,
    pub birth: Date,
    pub sex: Sex,
    pub phones: Vec<PhoneNumber>,
    pub fax: Option<PhoneNumber>,
    pub email: Option<Email>,
    pub household: Household,
    pub marks: Vec<Mark>,
    pub risk_notes: Text,
    pub source: Source,
    pub confirmed_on: Option<Date>,
}

/// Where a new resident lives: in a home that is known (a spouse lives there), or in a new one.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one stands in a form at a time, never many in a list")]
pub enum HomeChoice {
    Known(HomeId),
    New(HomeFacts),
}

#[derive(Clone, Debug)]
pub struct NewResident {
    pub facts: ResidentFacts,
    pub home: HomeChoice,
    pub life: LifeStatus,
    /// The clerk saw the others of the same reading and birthday and says that this is somebody else.
    pub not_duplicate: bool,
}

impl ResidentFacts {
    /// Fields `name kana birth sex phone(×5) fax email household mark(×n) risk_notes source confirmed_on`.
    pub fn parse(form: &Form, today: Date) -> Result<ResidentFacts, Vec<FieldError>> {
        let mut reading = Reading::of(form);
        let read = ResidentFacts::read(&mut reading, today);
        reading.finish(read)
    }

    fn read(r: &mut Reading<'_>, today: Date) -> Option<ResidentFacts> {
        let (name, kana) = (r.name("name", "氏名"), r.kana("kana", "フリガナ"));
        let birth = r.date("birth", "生年月日");
        if let Some(fault) = birth.and_then(|b| rules::birth_fault(b, today)) {
            r.wrong("birth", fault);
        }
        let (sex, household) = (r.word_or("sex", "性別", Sex::Unknown), r.word("household", "世帯区分"));
        let (phones, fax, email) = (r.phones("phone"), r.phone("fax"), r.email("email"));
        let (marks, risk_notes) = (r.ticked_words("mark", "留意の印"), r.any_text("risk_notes"));
        let source = r.word_or("source", "情報の出どころ", Source::Oneself);
        let confirmed_on = r.past_date("confirmed_on", "確認日", today);
        Some(ResidentFacts {
            name: name?,
            kana: kana?,
            birth: birth?,
            sex: sex?,
            phones: phones?,
            fax: fax?,
            email: email?,
            household: household?,
            marks: marks?,
            risk_notes: risk_notes?,
            source: source?,
            confirmed_on: confirmed_on?,
        })
    }
}

impl NewResident {
    /// The fields of [`ResidentFacts::parse`], `life`, `not_duplicate`, and either `home` (an id) or those of
    /// [`HomeFacts::parse`].
    pub fn parse(form: &Form, today: Date) -> Result<NewResident, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let facts = ResidentFacts::read(&mut r, today);
        let home = match r.any_id::<HomeId>("home", "住まい") {
            Some(Some(known)) => Some(HomeChoice::Known(known)),
            Some(None) => HomeFacts::read(&mut r, today).map(HomeChoice::New),
            None => None,
        };
        let life = r.word_or("life", "生存状態", LifeStatus::AtHome);
        if life.is_some_and(LifeStatus::closed) {
            r.wrong("life", "転出または死亡の方は新しく登録できません。");
        }
        let not_duplicate = form.ticked("not_duplicate");
        let read = (|| Some(NewResident { facts: facts?, home: home?, life: life?, not_duplicate }))();
        r.finish(read)
    }
}

/// Registers a resident and, where it is new, the home. Refuses where somebody of the same reading and birthday is
/// registered, until the clerk confirms that it is somebody else.
pub fn register_resident(ctx: &Ctx, tx: &mut dyn Tx, new: &NewResident) -> Result<PersonId, PeopleError> {
    let id: PersonId = ctx.id();
    let witness = access::require(ctx, tx, Act::Register, id)?;
    let same = store::residents::same(tx, &new.facts.kana, new.facts.birth)?;
    if !same.is_empty() && !new.not_duplicate {
        return Err(PeopleRefusal::MaybeDuplicate(same).into());
    }
    let home = home_for(ctx, tx, id, &new.home)?;
    let serial = store::residents::next_serial(tx)?;
    let today = Date::of(ctx.now);
    let blank = Resident {
        id,
        number: resident_number(serial),
        name: Redacted::default(),
        kana: Redacted::default(),
        birth: today,
        sex: Sex::Unknown,
        home,
        phones: vec![],
        fax: None,
        email: None,
        household: Household::Alone,
        marks: vec![],
        risk_notes: Redacted::default(),
        risks_shown: true,
        life: new.life,
        life_since: today,
        provenance: Provenance::now(ctx, Source::Other, None),
        version: 1,
    };
    let resident = with_facts(ctx, blank, &new.facts);
    store::residents::insert(tx, serial, &resident)?;
    history::keep(ctx, tx, id.0, history::RESIDENT, 1, "", &resident)?;
    search::index(tx, id)?;
    if serial == 1 {
        search::begin(tx)?;
    }
    audit::done(ctx, tx, Verb::RegisterResident, &witness, "identity")?;
    outbox::push(tx, ctx.now, &Event::ResidentRegistered { person: id, home })?;
    Ok(id)
}

/// The home somebody is to live in from now on, and with it the city whose duty they are.
fn home_for(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, choice: &HomeChoice) -> Result<HomeId, PeopleError> {
    let (home, city) = match choice {
        HomeChoice::Known(home) => {
            let known = store::homes::get(tx, *home)?.ok_or(PeopleRefusal::NoHome)?;
            (known.id, known.city_code)
        }
        HomeChoice::New(facts) => (home::insert(ctx, tx, facts)?, facts.city_code.clone()),
    };
    access::settle_person(tx, person, &city)?;
    Ok(home)
}

/// Those registered under the same folded reading and date of birth: a warning, not a proof.
pub fn duplicates(ctx: &Ctx, tx: &mut dyn Tx, kana: &Kana, birth: Date) -> Result<Vec<PersonId>, PeopleError> {
    crate::keeper(ctx)?;
    Ok(store::residents::same(tx, kana, birth)?)
}

/// Corrects what is known of a resident: a new version with its reason; the former stays in the history.
pub fn revise_resident(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    facts: &ResidentFacts,
    revision: &Revision,
) -> Result<Resident, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    let before = load(tx, person)?;
    rules::revisable(before.version, revision)?;
    let mut after = with_facts(ctx, before, facts);
    after.version += 1;
    keep(ctx, tx, &after, revision.reason.expose())?;
    search::index(tx, person)?;
    audit::done(ctx, tx, Verb::ReviseResident, &witness, "identity")?;
    outbox::push(tx, ctx.now, &Event::ResidentRevised { person })?;
    Ok(after)
}

/// Records that somebody checked today that all of it still holds.
pub fn confirm_resident(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, source: Source) -> Result<Resident, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    let mut resident = load(tx, person)?;
    resident.provenance = Provenance::now(ctx, source, Some(Date::of(ctx.now)));
    resident.version += 1;
    keep(ctx, tx, &resident, "確認")?;
    audit::done(ctx, tx, Verb::ConfirmResident, &witness, "identity")?;
    outbox::push(tx, ctx.now, &Event::ResidentRevised { person })?;
    Ok(resident)
}

/// The resident as far as the actor may see them.
pub fn resident(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Resident>, PeopleError> {
    let witness = access::require_some(ctx, tx, &[Act::SeeIdentity], &[Act::SeeRisks], person)?;
    let (resident, risks) = (load(tx, person)?, witness.has(Act::SeeRisks));
    Ok(witness.shows(hidden(resident, risks)))
}

/// As far as the reader may see it.
pub(crate) fn hidden(mut resident: Resident, risks: bool) -> Resident {
    if !risks {
        resident.risks_shown = false;
        resident.risk_notes = Redacted::default();
        resident.marks.retain(|m| !m.is_risk());
    }
    resident
}

pub(crate) fn load(tx: &mut dyn Tx, person: PersonId) -> Result<Resident, PeopleError> {
    Ok(store::residents::get(tx, person)?.ok_or(PeopleRefusal::NoPerson)?)
}

/// Records that a resident now lives in another home (転居 within the region).
pub fn move_home(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    to: &HomeChoice,
    revision: &Revision,
) -> Result<Resident, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    let mut after = load_open(tx, person)?;
    rules::revisable(after.version, revision)?;
    let from = after.home;
    after.home = home_for(ctx, tx, person, to)?;
    after.version += 1;
    keep(ctx, tx, &after, revision.reason.expose())?;
    search::index(tx, person)?;
    audit::done(ctx, tx, Verb::MoveHome, &witness, "identity")?;
    outbox::push(tx, ctx.now, &Event::HomeChanged { person, from, to: after.home })?;
    Ok(after)
}

/// Refuses where the record is closed: nothing opens for somebody who moved away or died.
pub(crate) fn load_open(tx: &mut dyn Tx, person: PersonId) -> Result<Resident, PeopleError> {
    let resident = load(tx, person)?;
    if resident.life.closed() { Err(PeopleRefusal::Closed.into()) } else { Ok(resident) }
}

/// Stores a new state of the record and keeps it in the history.
pub(crate) fn keep(ctx: &Ctx, tx: &mut dyn Tx, after: &Resident, reason: &str) -> Result<(), PeopleError> {
    store::residents::update(tx, after)?;
    history::keep(ctx, tx, after.id.0, history::RESIDENT, after.version, reason, after)
}

fn with_facts(ctx: &Ctx, before: Resident, facts: &ResidentFacts) -> Resident {
    let mut marks = facts.marks.clone();
    if facts.household == Household::Alone && !marks.contains(&Mark::LivesAlone) {
        marks.insert(0, Mark::LivesAlone);
    }
    Resident {
        name: facts.name.redacted(),
        kana: facts.kana.redacted(),
        birth: facts.birth,
        sex: facts.sex,
        phones: facts.phones.clone(),
        fax: facts.fax.clone(),
        email: facts.email.as_ref().map(Email::redacted),
        household: facts.household,
        marks,
        risk_notes: facts.risk_notes.redacted(),
        provenance: Provenance::now(ctx, facts.source, facts.confirmed_on),
        ..before
    }
}

/// Whether `day` is not after today.
pub(crate) fn not_future(now: Instant, day: Date) -> Result<(), PeopleRefusal> {
    if day > Date::of(now) { Err(PeopleRefusal::FutureDate) } else { Ok(()) }
}
