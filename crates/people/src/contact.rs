//! 連絡先: whom the resident named to be called, in order. A relative's account carries the contact's id, and sees
//! what the resident consented to, item by item.

use access::{Act, Shown, Witness};
use base::wareki::Date;
use base::{ContactId, Ctx, PersonId, Redacted};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::verbs::Verb;
use crate::{
    ContactRole, Email, FieldError, Form, Kana, Line, Name, PeopleError, PeopleRefusal, PhoneNumber, Provenance,
    Relation, Revision, Source, consent, history, resident, rules, search, store,
};

/// Contacts one person may have; more than anybody calls in an hour.
pub const MAX_CONTACTS: usize = 12;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contact {
    pub id: ContactId,
    pub person: PersonId,
    /// 連絡順, from 1.
    pub order: u16,
    pub name: Redacted<String>,
    pub kana: Redacted<String>,
    pub relation: Relation,
    pub phones: Vec<PhoneNumber>,
    pub email: Option<Redacted<String>>,
    pub address: Redacted<String>,
    pub roles: Vec<ContactRole>,
    /// 同居
    pub lives_with: bool,
    /// 連絡可能時間帯, in words.
    pub reachable: String,
    /// 到着目安, minutes.
    pub minutes_away: Option<u16>,
    /// 承諾日 of neighbour helpers and emergency contacts.
    pub accepted_on: Option<Date>,
    pub provenance: Provenance,
    pub version: i64,
}

impl Contact {
    pub fn has(&self, role: ContactRole) -> bool {
        self.roles.contains(&role)
    }
}

/// What is entered about a contact, at first and in corrections.
#[derive(Clone, Debug)]
pub struct ContactFacts {
    pub name: Name,
    pub kana: Option<Kana>,
    pub relation: Relation,
    pub phones: Vec<PhoneNumber>,
    pub email: Option<Email>,
    pub address: Line,
    pub roles: Vec<ContactRole>,
    pub lives_with: bool,
    pub reachable: Line,
    pub minutes_away: Option<u16>,
    pub accepted_on: Option<Date>,
    pub source: Source,
    pub confirmed_on: Option<Date>,
}

impl ContactFacts {
    /// Fields `name kana relation phone(×5) email address role(×n) lives_with reachable minutes_away accepted_on source
    /// confirmed_on`. One telephone number or a mail address is needed, or nobody can be reached.
    pub fn parse(form: &Form, today: Date) -> Result<ContactFacts, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let name = r.name("name", "氏名");
        let kana = if form.one("kana").is_empty() { Some(None) } else { r.kana("kana", "フリガナ").map(Some) };
        let relation: Option<Relation> = r.word("relation", "続柄");
        if relation == Some(Relation::Oneself) {
            r.wrong("relation", "ご本人は連絡先にできません。続柄を選び直してください。");
        }
        let (phones, email) = (r.phones("phone"), r.email("email"));
        if phones.as_ref().is_some_and(Vec::is_empty) && email == Some(None) {
            r.wrong("phone", "電話番号かメールアドレスのどちらかを入力してください。");
        }
        let (address, reachable) = (r.any_line("address"), r.any_line("reachable"));
        let roles = r.ticked_words("role", "役割");
        let minutes_away = r.number("minutes_away", "到着目安（分）", 1440);
        let accepted_on = r.past_date("accepted_on", "承諾日", today);
        let source = r.word_or("source", "情報の出どころ", Source::Oneself);
        let confirmed_on = r.past_date("confirmed_on", "確認日", today);
        let read = (|| {
            Some(ContactFacts {
                name: name?,
                kana: kana?,
                relation: relation?,
                phones: phones?,
                email: email?,
                address: address?,
                roles: roles?,
                lives_with: form.ticked("lives_with"),
                reachable: reachable?,
                minutes_away: minutes_away?,
                accepted_on: accepted_on?,
                source: source?,
                confirmed_on: confirmed_on?,
            })
        })();
        r.finish(read)
    }
}

/// Adds a contact at the end of the order.
pub fn add_contact(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    facts: &ContactFacts,
) -> Result<ContactId, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    resident::load_open(tx, person)?;
    let existing = store::contacts::of(tx, person)?;
    if existing.len() >= MAX_CONTACTS {
        return Err(PeopleRefusal::TooManyContacts(MAX_CONTACTS).into());
    }
    let order = existing.last().map_or(1, |c| c.order + 1);
    let contact = of_facts(ctx, ctx.id(), person, order, 1, facts);
    store::contacts::insert(tx, &contact)?;
    history::keep(ctx, tx, contact.id.0, history::CONTACT, 1, "", &contact)?;
    changed(ctx, tx, Verb::AddContact, &witness)?;
    Ok(contact.id)
}

pub fn revise_contact(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    contact: ContactId,
    facts: &ContactFacts,
    revision: &Revision,
) -> Result<Contact, PeopleError> {
    let (before, witness) = load(ctx, tx, contact, Act::Register)?;
    rules::revisable(before.version, revision)?;
    let after = of_facts(ctx, contact, before.person, before.order, before.version + 1, facts);
    store::contacts::update(tx, &after)?;
    history::keep(ctx, tx, contact.0, history::CONTACT, after.version, revision.reason.expose(), &after)?;
    changed(ctx, tx, Verb::ReviseContact, &witness)?;
    Ok(after)
}

/// Takes a contact out of the list: nobody calls them any more, and what they were allowed to see ends at once.
pub fn remove_contact(ctx: &Ctx, tx: &mut dyn Tx, contact: ContactId, revision: &Revision) -> Result<(), PeopleError> {
    let (before, witness) = load(ctx, tx, contact, Act::Register)?;
    rules::revisable(before.version, revision)?;
    store::contacts::end(tx, contact, before.version + 1, ctx.now)?;
    history::keep(ctx, tx, contact.0, history::CONTACT, before.version + 1, revision.reason.expose(), &before)?;
    consent::end_of_contact(ctx, tx, before.person, contact)?;
    access::revoke_holder(ctx, tx, contact.0)?;
    outbox::push(tx, ctx.now, &Event::ContactRemoved { person: before.person, contact })?;
    changed(ctx, tx, Verb::RemoveContact, &witness)
}

/// Sets the order in which to call: all present contacts, each once.
pub fn reorder_contacts(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, order: &[ContactId]) -> Result<(), PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    let existing = store::contacts::of(tx, person)?;
    let mut wanted: Vec<ContactId> = order.to_vec();
    wanted.sort_unstable();
    let mut present: Vec<ContactId> = existing.iter().map(|c| c.id).collect();
    present.sort_unstable();
    if wanted != present {
        return Err(PeopleRefusal::OrderMismatch.into());
    }
    for (position, contact) in (1u16..).zip(order) {
        store::contacts::place(tx, *contact, position)?;
    }
    changed(ctx, tx, Verb::ReorderContacts, &witness)
}

/// The contacts in the order in which to call them.
pub fn contacts(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<Contact>>, PeopleError> {
    let witness = access::require(ctx, tx, Act::SeeContacts, person)?;
    Ok(witness.shows(store::contacts::of(tx, person)?))
}

/// One contact: for those who may see the person's contacts, and for the contact's own account.
pub fn contact(ctx: &Ctx, tx: &mut dyn Tx, contact: ContactId) -> Result<Shown<Contact>, PeopleError> {
    if ctx.actor.id == contact.0 {
        return Ok(Shown::new(store::contacts::get(tx, contact)?.ok_or(PeopleRefusal::NoContact)?, vec![]));
    }
    let (found, witness) = load(ctx, tx, contact, Act::SeeContacts)?;
    Ok(witness.shows(found))
}

/// What somebody is to a person: the person, or one of the contacts. For the program, which writes down who answered.
pub fn relation_to(tx: &mut dyn Tx, person: PersonId, subject: uuid::Uuid) -> Result<Option<Relation>, PeopleError> {
    if subject == person.0 {
        return Ok(Some(Relation::Oneself));
    }
    let contact = store::contacts::get(tx, subject.into())?.filter(|contact| contact.person == person);
    Ok(contact.map(|contact| contact.relation))
}

/// Loads a contact and asks for the right in one, so that a refusal does not tell whether the contact exists.
fn load(ctx: &Ctx, tx: &mut dyn Tx, contact: ContactId, act: Act) -> Result<(Contact, Witness), PeopleError> {
    let Some(found) = store::contacts::get(tx, contact)? else {
        crate::keeper(ctx)?;
        return Err(PeopleRefusal::NoContact.into());
    };
    let witness = access::require(ctx, tx, act, found.person)?;
    Ok((found, witness))
}

fn changed(ctx: &Ctx, tx: &mut dyn Tx, action: Verb, witness: &Witness) -> Result<(), PeopleError> {
    let person = witness.person();
    search::index(tx, person)?;
    audit::done(ctx, tx, action, witness, "contacts")?;
    Ok(outbox::push(tx, ctx.now, &Event::ContactsChanged { person })?)
}

fn of_facts(ctx: &Ctx, id: ContactId, person: PersonId, order: u16, version: i64, facts: &ContactFacts) -> Contact {
    Contact {
        id,
        person,
        order,
        name: facts.name.redacted(),
        kana: facts.kana.as_ref().map(Kana::redacted).unwrap_or_default(),
        relation: facts.relation,
        phones: facts.phones.clone(),
        email: facts.email.as_ref().map(Email::redacted),
        address: facts.address.redacted(),
        roles: facts.roles.clone(),
        lives_with: facts.lives_with,
        reachable: facts.reachable.expose().to_owned(),
        minutes_away: facts.minutes_away,
        accepted_on: facts.accepted_on,
        provenance: Provenance::now(ctx, facts.source, facts.confirmed_on),
        version,
    }
}
