//! Many at once: what a list shows of each person, home, member of staff and office, in one statement however many rows
//! the list has. Who the wall does not let the reader see is not among the answers.

use std::collections::{BTreeMap, BTreeSet};

use access::{AccessError, Act, Shown, Witness};
use base::wareki::Date;
use base::{ContactId, Ctx, HomeId, OfficeId, PersonId, Redacted, StaffId};
use db::Tx;

use crate::{Contact, Home, PeopleError, PeopleRefusal, PhoneNumber, Resident, Sex, Staff, home, resident, store};

/// Enough to name a person in a row and to say where they live.
#[derive(Clone, Debug)]
pub struct PersonHead {
    pub id: PersonId,
    pub number: String,
    pub name: Redacted<String>,
    pub kana: Redacted<String>,
    pub birth: Date,
    pub sex: Sex,
    pub home: HomeId,
    pub town: String,
    /// In one line, as on an envelope.
    pub address: Redacted<String>,
}

/// The persons of a list.
#[derive(Clone, Debug, Default)]
pub struct Heads(BTreeMap<PersonId, PersonHead>);

impl Heads {
    /// Refused as a look at this one person would be, where the reader's reach does not hold them.
    pub fn of(&self, person: PersonId) -> Result<&PersonHead, PeopleError> {
        self.0.get(&person).ok_or_else(|| AccessError::Denied { act: Act::SeeIdentity, person: Some(person) }.into())
    }

    /// The same, where a row without its person is still a row.
    pub fn get(&self, person: PersonId) -> Option<&PersonHead> {
        self.0.get(&person)
    }

    /// Who lives in a home, of those asked for, in the order of their ids.
    pub fn in_home(&self, home: HomeId) -> impl Iterator<Item = &PersonHead> {
        self.0.values().filter(move |head| head.home == home)
    }
}

/// Those of these persons whose identity the actor may see.
pub fn heads(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<Shown<Heads>, PeopleError> {
    let Some(persons) = distinct(persons) else { return Ok(Shown::new(Heads::default(), vec![])) };
    let witnesses = access::require_each(ctx, tx, &[Act::SeeIdentity], &[], &persons)?;
    let found = store::heads::persons(tx, &persons_of(&witnesses))?;
    Ok(by_id(found, witnesses))
}

/// Those whose identity the actor may see among all who live in these homes.
pub fn heads_of_homes(ctx: &Ctx, tx: &mut dyn Tx, homes: &[HomeId]) -> Result<Shown<Heads>, PeopleError> {
    let Some(homes) = distinct(homes) else { return Ok(Shown::new(Heads::default(), vec![])) };
    let found = store::heads::of_homes(tx, &homes)?;
    let persons: Vec<PersonId> = found.iter().map(|head| head.id).collect();
    let witnesses = access::require_each(ctx, tx, &[Act::SeeIdentity], &[], &persons)?;
    Ok(by_id(found, witnesses))
}

/// Whom of the residents these ids name, whether the actor may know them or not: for numbers, never for names.
pub fn residents_among(tx: &mut dyn Tx, ids: &[PersonId]) -> Result<BTreeSet<PersonId>, PeopleError> {
    let Some(ids) = distinct(ids) else { return Ok(BTreeSet::new()) };
    Ok(store::heads::residents(tx, &ids)?)
}

/// Residents with the homes in which they live.
pub type Households = BTreeMap<PersonId, (Resident, Home)>;

/// These persons with their homes, each as far as the actor may see it; without those whom the actor may
/// not identify and those who cannot be read.
pub fn households(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<Shown<Households>, PeopleError> {
    let Some(persons) = distinct(persons) else { return Ok(Shown::new(BTreeMap::new(), vec![])) };
    let witnesses = access::require_each(ctx, tx, &[Act::SeeIdentity], &home::INSIDE, &persons)?;
    let residents = store::residents::all(tx, &persons_of(&witnesses))?;
    let homes: Vec<HomeId> = distinct(&residents.iter().map(|r| r.home).collect::<Vec<_>>()).unwrap_or_default();
    let homes: BTreeMap<HomeId, Home> = store::homes::all(tx, &homes)?.into_iter().map(|h| (h.id, h)).collect();
    let witnessed: BTreeMap<PersonId, &Witness> = witnesses.iter().map(|w| (w.person(), w)).collect();
    let mut found = BTreeMap::new();
    for resident in residents {
        let person = resident.id;
        // One home that cannot be read takes nobody else off the list.
        let (Some(home), Some(witness)) = (homes.get(&resident.home).cloned(), witnessed.get(&person)) else {
            continue;
        };
        let (risks, entry) = (witness.has(Act::SeeRisks), witness.has(Act::SeeEntry));
        found.insert(person, (resident::hidden(resident, risks), home::hidden(home, entry, risks)));
    }
    let shown = witnesses.into_iter().filter(|witness| found.contains_key(&witness.person())).collect();
    Ok(Shown::new(found, shown))
}

fn persons_of(witnesses: &[Witness]) -> Vec<PersonId> {
    witnesses.iter().map(Witness::person).collect()
}

/// The names of members of staff; one that does not exist has none.
pub fn staff_names(tx: &mut dyn Tx, staff: &[StaffId]) -> Result<BTreeMap<StaffId, Redacted<String>>, PeopleError> {
    let Some(staff) = distinct(staff) else { return Ok(BTreeMap::new()) };
    Ok(store::heads::staff(tx, &staff)?)
}

/// An office as a row names it, and its telephone where one is known.
#[derive(Clone, Debug)]
pub struct OfficeHead {
    pub name: String,
    pub phone: Option<PhoneNumber>,
}

/// The heads of offices; one that does not exist, or cannot be read, has none.
pub fn office_heads(tx: &mut dyn Tx, offices: &[OfficeId]) -> Result<BTreeMap<OfficeId, OfficeHead>, PeopleError> {
    let Some(offices) = distinct(offices) else { return Ok(BTreeMap::new()) };
    Ok(store::heads::offices(tx, &offices)?)
}

/// A city, how many of the persons asked about live there, and the office that is its own.
#[derive(Clone, Debug)]
pub struct CityOf {
    pub city: String,
    pub count: usize,
    pub office: Option<OfficeHead>,
}

/// The cities of these persons in the order in which they come, one count for each time somebody is named; numbers
/// without persons. Somebody whose home cannot be read has none.
pub fn cities_of(tx: &mut dyn Tx, persons: &[PersonId]) -> Result<Vec<CityOf>, PeopleError> {
    let Some(distinct) = distinct(persons) else { return Ok(vec![]) };
    let known: BTreeMap<PersonId, (String, Option<OfficeHead>)> = store::heads::cities(tx, &distinct)?;
    let mut cities: Vec<CityOf> = Vec::new();
    for (city, office) in persons.iter().filter_map(|person| known.get(person)) {
        match cities.iter_mut().find(|it| it.city == *city) {
            Some(found) => found.count += 1,
            None => cities.push(CityOf { city: city.clone(), count: 1, office: office.clone() }),
        }
    }
    Ok(cities)
}

/// These members of staff; one that does not exist, or cannot be read, is not among them.
pub fn staff_of_ids(tx: &mut dyn Tx, staff: &[StaffId]) -> Result<BTreeMap<StaffId, Staff>, PeopleError> {
    let Some(staff) = distinct(staff) else { return Ok(BTreeMap::new()) };
    Ok(store::staff::all(tx, &staff)?.into_iter().map(|staff| (staff.id, staff)).collect())
}

/// These contacts, without those of persons whose contacts the actor may not see and those who are contacts no more.
pub fn contacts_of_ids(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    contacts: &[ContactId],
) -> Result<Shown<BTreeMap<ContactId, Contact>>, PeopleError> {
    let Some(contacts) = distinct(contacts) else { return Ok(Shown::new(BTreeMap::new(), vec![])) };
    let found = store::contacts::all(tx, &contacts)?;
    let Some(persons) = distinct(&found.iter().map(|c| c.person).collect::<Vec<_>>()) else {
        return Ok(Shown::new(BTreeMap::new(), vec![]));
    };
    let witnesses = access::require_each(ctx, tx, &[Act::SeeContacts], &[], &persons)?;
    let seen: BTreeSet<PersonId> = persons_of(&witnesses).into_iter().collect();
    let shown = found.into_iter().filter(|c| seen.contains(&c.person)).map(|c| (c.id, c)).collect();
    Ok(Shown::new(shown, witnesses))
}

/// The name of one of them, where there must be one.
pub fn named(names: &BTreeMap<StaffId, Redacted<String>>, staff: StaffId) -> Result<Redacted<String>, PeopleError> {
    Ok(names.get(&staff).cloned().ok_or(PeopleRefusal::NoStaff)?)
}

/// Those for whom there is a witness, and the witnesses of those who are there.
fn by_id(found: Vec<PersonHead>, mut witnesses: Vec<Witness>) -> Shown<Heads> {
    let witnessed: BTreeSet<PersonId> = witnesses.iter().map(Witness::person).collect();
    let heads: BTreeMap<PersonId, PersonHead> =
        found.into_iter().filter(|head| witnessed.contains(&head.id)).map(|head| (head.id, head)).collect();
    witnesses.retain(|witness| heads.contains_key(&witness.person()));
    Shown::new(Heads(heads), witnesses)
}

/// Each once; none where there is nothing to ask.
fn distinct<T: Copy + Ord>(ids: &[T]) -> Option<Vec<T>> {
    let all: BTreeSet<T> = ids.iter().copied().collect();
    (!all.is_empty()).then(|| all.into_iter().collect())
}
