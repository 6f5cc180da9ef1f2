//! 契約: from when until when a home is watched, for whom. Without the person's consent nothing is collected or shown.

use access::{Act, Shown};
use audit::{Basis, Means};
use base::{Actor, Ctx, HomeId, PersonId, Purpose};
use db::{Tx, outbox};
use people::ConsentScope;

use crate::event::Event;
use crate::store::{alert, home, state};
use crate::verbs::Verb;
use crate::{AlertState, Level, WatchError, WatchRefusal};

pub use crate::store::home::Contract;

/// Begins the watch of `person` in `home`. Wants the person's consent on record.
pub fn begin_contract(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, person: PersonId) -> Result<Contract, WatchError> {
    let witness = access::require(ctx, tx, Act::ManageDevices, person)?;
    let own = system(ctx);
    if !people::residents_of_home(&own, tx, home)?.contains(&person) {
        return Err(WatchRefusal::LivesElsewhere.into());
    }
    if !people::consent_state(tx, person, ConsentScope::Watch)?.allows() {
        return Err(WatchRefusal::NoConsent.into());
    }
    if home::contract_of_home(tx, home)?.is_some() {
        return Err(WatchRefusal::ContractRuns.into());
    }
    let no = enrol(ctx, tx, home)?;
    let contract = Contract { id: ctx.id(), home, person, begun_at: ctx.now, ended_at: None, end_reason: None };
    home::begin(tx, no, &contract)?;
    audit::done(ctx, tx, Verb::BeginContract, &witness, "watch")?;
    changed(ctx, tx, home)?;
    Ok(contract)
}

/// Ends the watch of a home: collection and views stop, what was learned of it is deleted. Readings stay for as long
/// as records are kept.
pub fn end_contract(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, reason: &str) -> Result<(), WatchError> {
    let contract = home::contract_of_home(tx, home)?.ok_or(WatchRefusal::NoContract)?;
    let witness = access::require(ctx, tx, Act::ManageDevices, contract.person)?;
    end(ctx, tx, &contract, reason, Basis::from(&witness))
}

/// Ends every contract of a person whose consent no longer stands or who lives elsewhere now. For the command that
/// withdraws a consent, in its own transaction, and for whoever hears of such an end afterwards; whoever may end what
/// the contract rests on may end this.
pub fn stop_without_ground(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), WatchError> {
    let consents = people::consent_state(tx, person, ConsentScope::Watch)?.allows();
    let program = Basis::Means(Means::Program, Some(person));
    for contract in home::contracts_of_person(tx, person)?.into_iter().filter(|c| c.ended_at.is_none()) {
        let lives_there = people::residents_of_home(&system(ctx), tx, contract.home)?.contains(&person);
        match (consents, lives_there) {
            (true, true) => {}
            (false, _) => end(ctx, tx, &contract, "同意の終了", program)?,
            (true, false) => end(ctx, tx, &contract, "転居・死亡", program)?,
        }
    }
    Ok(())
}

/// Whose watch runs without a consent: to be ended by [`stop_without_ground`] before anything is collected.
pub fn without_ground(tx: &mut dyn Tx) -> Result<Vec<PersonId>, WatchError> {
    let mut persons = Vec::new();
    for person in home::watched_persons(tx)? {
        if !crate::live::consents(tx, person)? {
            persons.push(person);
        }
    }
    Ok(persons)
}

/// The contracts of a person, newest first.
pub fn contracts(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<Contract>>, WatchError> {
    let witness = either(ctx, tx, [Act::ManageDevices, Act::SeeWatch], person)?;
    Ok(witness.shows(home::contracts_of_person(tx, person)?))
}

/// The running contract of a home: whom the watch there is for. It gives ids only and asks nobody's leave.
pub fn contract_of_home(tx: &mut dyn Tx, home: HomeId) -> Result<Option<Contract>, WatchError> {
    Ok(home::contract_of_home(tx, home)?)
}

fn end(ctx: &Ctx, tx: &mut dyn Tx, contract: &Contract, reason: &str, on: Basis<'_>) -> Result<(), WatchError> {
    home::end(tx, contract.id, ctx.now, reason)?;
    if let Some(no) = home::no_of(tx, contract.home)? {
        state::forget(tx, no)?;
        // A case that is open goes on; a question that nobody may ask any more does not.
        for open in alert::standing_of_home(tx, no)?.iter().filter(|a| a.level == Level::Notice) {
            alert::end(tx, open.id, AlertState::Cleared, ctx.now)?;
        }
    }
    audit::done(ctx, tx, Verb::EndContract, on, "watch")?;
    changed(ctx, tx, contract.home)
}

/// The number of a home, with its area as the register says it now.
pub(crate) fn enrol(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<u32, WatchError> {
    let known = people::home(&system(ctx), tx, home)?;
    Ok(home::enrol(tx, home, &known.area)?)
}

/// Whom a command about a home concerns: the person of its contract, or else who lives there.
pub(crate) fn subject(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<PersonId, WatchError> {
    if let Some(contract) = home::contract_of_home(tx, home)? {
        return Ok(contract.person);
    }
    let residents = people::residents_of_home(&system(ctx), tx, home)?;
    Ok(residents.first().copied().ok_or(WatchRefusal::NobodyLivesThere)?)
}

/// That one of two acts is allowed, the first before the second.
pub(crate) fn either(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    acts: [Act; 2],
    person: PersonId,
) -> Result<access::Witness, access::AccessError> {
    match access::require(ctx, tx, acts[0], person) {
        Ok(witness) => Ok(witness),
        Err(_) => access::require(ctx, tx, acts[1], person),
    }
}

/// Tells the station that what it holds of this home is no longer true.
pub(crate) fn changed(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<(), WatchError> {
    let person = home::contract_of_home(tx, home)?.map(|contract| contract.person);
    Ok(outbox::push(tx, ctx.now, &Event::HomeChanged { home, person })?)
}

/// For what the watch itself must know of the register, whoever asks.
fn system(ctx: &Ctx) -> Ctx {
    Ctx::new(Actor::system("watch"), Purpose::Operation, ctx.now, ctx.request)
}
