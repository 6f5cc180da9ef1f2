//! Many at once: what a list shows of each person, home, member of staff and office, in one statement however many rows
//! the list has. The reader's reach is decided once for the whole list; who is beyond it is not among the answers.

use std::collections::{BTreeMap, BTreeSet};

use access::{AccessError, Act};
use base::wareki::Date;
use base::{Ctx, HomeId, OfficeId, PersonId, Redacted, StaffId};
use db::Tx;

use crate::{Home, PeopleError, PeopleRefusal, Resident, Sex, home, resident, store};

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
        self.0.get(&person).ok_or_else(|| AccessError::Denied { act: Act::SeeIdentity }.into())
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
pub fn heads(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<Heads, PeopleError> {
    let Some(persons) = distinct(persons) else { return Ok(Heads::default()) };
    let scope = access::scope(ctx, Act::SeeIdentity)?;
    by_id(store::heads::persons(tx, &scope, &persons)?)
}

/// Those whose identity the actor may see among all who live in these homes.
pub fn heads_of_homes(ctx: &Ctx, tx: &mut dyn Tx, homes: &[HomeId]) -> Result<Heads, PeopleError> {
    let Some(homes) = distinct(homes) else { return Ok(Heads::default()) };
    let scope = access::scope(ctx, Act::SeeIdentity)?;
    by_id(store::heads::of_homes(tx, &scope, &homes)?)
}

/// These persons with their homes, each as far as the actor may see it; without those whom the actor may
/// not identify and those who cannot be read.
pub fn households(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    persons: &[PersonId],
) -> Result<BTreeMap<PersonId, (Resident, Home)>, PeopleError> {
    let known: Vec<PersonId> = access::which(ctx, tx, Act::SeeIdentity, persons).into_iter().collect();
    let risks = access::which(ctx, tx, Act::SeeRisks, &known);
    let entries = access::which(ctx, tx, Act::SeeEntry, &known);
    let residents = store::residents::all(tx, &known)?;
    let homes: Vec<HomeId> = distinct(&residents.iter().map(|r| r.home).collect::<Vec<_>>()).unwrap_or_default();
    let homes: BTreeMap<HomeId, Home> = store::homes::all(tx, &homes)?.into_iter().map(|h| (h.id, h)).collect();
    let mut found = BTreeMap::new();
    for resident in residents {
        let person = resident.id;
        // One home that cannot be read takes nobody else off the list.
        let Some(home) = homes.get(&resident.home).cloned() else { continue };
        let home = home::hidden(home, entries.contains(&person), risks.contains(&person));
        found.insert(person, (resident::hidden(resident, risks.contains(&person)), home));
    }
    Ok(found)
}

/// The names of members of staff; one that does not exist has none.
pub fn staff_names(tx: &mut dyn Tx, staff: &[StaffId]) -> Result<BTreeMap<StaffId, Redacted<String>>, PeopleError> {
    let Some(staff) = distinct(staff) else { return Ok(BTreeMap::new()) };
    Ok(store::heads::staff(tx, &staff)?)
}

/// The names of offices; one that does not exist has none.
pub fn office_names(tx: &mut dyn Tx, offices: &[OfficeId]) -> Result<BTreeMap<OfficeId, String>, PeopleError> {
    let Some(offices) = distinct(offices) else { return Ok(BTreeMap::new()) };
    Ok(store::heads::offices(tx, &offices)?)
}

/// The name of one of them, where there must be one.
pub fn named(names: &BTreeMap<StaffId, Redacted<String>>, staff: StaffId) -> Result<Redacted<String>, PeopleError> {
    Ok(names.get(&staff).cloned().ok_or(PeopleRefusal::NoStaff)?)
}

fn by_id(found: Vec<PersonHead>) -> Result<Heads, PeopleError> {
    Ok(Heads(found.into_iter().map(|head| (head.id, head)).collect()))
}

/// Each once; none where there is nothing to ask.
fn distinct<T: Copy + Ord>(ids: &[T]) -> Option<Vec<T>> {
    let all: BTreeSet<T> = ids.iter().copied().collect();
    (!all.is_empty()).then(|| all.into_iter().collect())
}
