//! Every state a record ever had. A verb that changes a record keeps the new state here too, with its reason, so that
//! a correction never hides what was confirmed before.

use access::{Act, Shown};
use base::{ContactId, Ctx, Instant, PersonId, Redacted};
use db::Tx;
use serde::Serialize;
use uuid::Uuid;

use crate::{PeopleError, PeopleRefusal, store};

/// Which record of a person is kept. A contact keeps its history after it was taken out of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Resident,
    Home,
    Contact(ContactId),
    Medical,
}

/// One state of a record. The snapshot is the record as JSON, for the page that compares.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i64,
    pub at: Instant,
    /// The account that made it; nil for the program itself.
    pub by: Uuid,
    pub reason: Redacted<String>,
    pub snapshot: Redacted<String>,
}

/// The states of a record of this person, newest first, at most [`base::limits::LIST_ROWS`]. A history shows all
/// fields, so it asks for the right to the most delicate one.
pub fn versions(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, kept: Kept) -> Result<Shown<Vec<Version>>, PeopleError> {
    let act = match kept {
        Kept::Resident => Act::SeeRisks,
        Kept::Home => Act::SeeEntry,
        Kept::Contact(_) => Act::SeeContacts,
        Kept::Medical => Act::SeeMedical,
    };
    let witness = access::require(ctx, tx, act, person)?;
    let (subject, kind) = match kept {
        Kept::Resident => (person.0, RESIDENT),
        Kept::Medical => (person.0, MEDICAL),
        Kept::Home => (store::residents::get(tx, person)?.ok_or(PeopleRefusal::NoPerson)?.home.0, HOME),
        Kept::Contact(contact) => {
            let whose = store::contacts::person_of(tx, contact)?.filter(|p| *p == person);
            whose.ok_or(PeopleRefusal::NoContact)?;
            (contact.0, CONTACT)
        }
    };
    Ok(witness.shows(store::versions::of(tx, subject, kind)?))
}

pub(crate) const RESIDENT: &str = "resident";
pub(crate) const HOME: &str = "home";
pub(crate) const CONTACT: &str = "contact";
pub(crate) const MEDICAL: &str = "medical";
pub(crate) const OFFICE: &str = "office";
pub(crate) const STAFF: &str = "staff";

/// Keeps the state a record has just taken.
pub(crate) fn keep<T: Serialize>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    subject: Uuid,
    kind: &str,
    version: i64,
    reason: &str,
    record: &T,
) -> Result<(), PeopleError> {
    Ok(store::versions::insert(ctx, tx, subject, kind, version, reason, &store::json(record))?)
}
