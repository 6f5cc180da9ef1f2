//! 読み取れない案件: a case whose row this program cannot read (a newer program wrote it, or it is damaged). It is shown
//! with what is left of it, and it goes to the city; the cases beside it go on.

use access::{Act, Grant, Ground, Items, Shown, Witnesses, scope};
use base::{CaseId, Ctx, Instant, PersonId, Redacted};
use db::{Row, Tx, outbox};
use people::PhoneNumber;

use crate::event::Event;
use crate::moving::not_readable;
use crate::settings::settings;
use crate::verbs::Verb;
use crate::{ResponseError, Rung, store, telling};

/// What is left of a case.
#[derive(Clone, PartialEq, Debug)]
pub struct UnreadableCase {
    pub id: CaseId,
    pub number: Option<i64>,
    pub person: Option<PersonId>,
    pub opened_at: Option<Instant>,
    /// Of its person, as far as that can be read: what somebody needs who calls or goes there without the case.
    pub name: Redacted<String>,
    pub phones: Vec<PhoneNumber>,
    pub address: Redacted<String>,
}

/// The open cases this actor may know of that cannot be read.
pub fn unreadable_cases(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<UnreadableCase>>, ResponseError> {
    let (within, values) = scope(ctx, Act::SeeAlert)?.filter("response_case.person_id", 1);
    let (_, rows) =
        store::sifted(tx, &format!("WHERE closed_at IS NULL AND {within} ORDER BY opened_at, id"), &values)?;
    Ok(shown(ctx, tx, &rows))
}

/// What can be shown of such rows.
pub(crate) fn shown(ctx: &Ctx, tx: &mut dyn Tx, rows: &[Row]) -> Shown<Vec<UnreadableCase>> {
    let mut seen = Witnesses::default();
    let cases = rows.iter().filter_map(|row| left_of(ctx, tx, row, &mut seen)).collect();
    Shown::new(cases, seen.into_vec())
}

fn left_of(ctx: &Ctx, tx: &mut dyn Tx, row: &Row, seen: &mut Witnesses) -> Option<UnreadableCase> {
    let (id, number, person, opened_at) = store::remains(row)?;
    if let Some(person) = person {
        seen.extend(access::require(ctx, tx, Act::SeeAlert, person));
    }
    let resident = person.and_then(|person| people::resident(ctx, tx, person).ok()).map(|it| seen.take(it));
    let home = person.and_then(|person| people::home_of(ctx, tx, person).ok()).map(|it| seen.take(it));
    let (name, phones) = resident.map_or_else(|| (not_readable(), vec![]), |resident| (resident.name, resident.phones));
    let address = home.map_or_else(not_readable, |home| home.address());
    Some(UnreadableCase { id, number, person, opened_at, name, phones, address })
}

/// Tells the city of a case that nobody can work here, and when it is told again. Writes nothing but that moment into
/// the case: what cannot be read must not be overwritten.
pub(crate) fn to_the_city(ctx: &Ctx, tx: &mut dyn Tx, row: &Row) -> Result<(), ResponseError> {
    let Some((id, _, person, _)) = store::remains(row) else { return Ok(()) };
    let again_at = ctx.now + settings(tx)?.rung;
    store::put_off(tx, id, again_at)?;
    let Some(person) = person else { return Ok(()) };
    let home = tx.apart(|tx| people::home_of(ctx, tx, person))?.ok();
    let city = home.map(|home| people::city_office(tx, &home.city_code)).transpose()?.flatten();
    let recipient = city.map(|office| office.0);
    store::insert_told(tx, id, ctx.now, Rung::City, recipient)?;
    let witness = access::require(ctx, tx, Act::WorkCase, person)?;
    audit::done(ctx, tx, Verb::Escalate, &witness, "case")?;
    outbox::push(tx, ctx.now, &Event::Unreadable { case: id, person, rung: Rung::City, recipient })?;
    if let Some(holder) = recipient {
        access::grant(
            ctx,
            tx,
            Grant {
                person,
                holder,
                ground: Ground::Escalation,
                source: id.0,
                until: access::FOREVER,
                items: Items::All,
            },
        )?;
        telling::city_of_unreadable(ctx, tx, id, person, holder)?;
    }
    Ok(())
}
