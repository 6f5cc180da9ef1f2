//! Announced absences: they silence inactivity and nothing else, have a longest length, and end by themselves.

use access::{Act, Shown};
use base::{AbsenceId, Ctx, HomeId, Instant, PersonId, Role, Span};
use db::{Tx, outbox};

use crate::event::Event;
use crate::store::absence as store;
use crate::store::home;
use crate::verbs::Verb;
use crate::{WatchError, WatchRefusal, contract, rules};
use base::words;

words! {
    AbsenceReason {
        Outing = "outing", "外出";
        Trip = "trip", "旅行・帰省";
        Hospital = "hospital", "入院";
        ShortStay = "short_stay", "ショートステイ";
        DayService = "day_service", "デイサービス";
    }
}

impl AbsenceReason {
    /// The longest an absence of this reason may last before it must be entered anew, so that a forgotten one does
    /// not silence the watch for ever. Chosen, not taken from a rule; [to verify] with each city.
    pub const fn longest(self) -> Span {
        Span::days(match self {
            AbsenceReason::Outing => 1,
            AbsenceReason::Trip => 14,
            AbsenceReason::ShortStay => 30,
            AbsenceReason::Hospital => 90,
            AbsenceReason::DayService => 366,
        })
    }
}

/// An announced absence.
#[derive(Clone, PartialEq, Debug)]
pub struct Absence {
    pub id: AbsenceId,
    pub home: HomeId,
    pub person: PersonId,
    pub reason: AbsenceReason,
    pub from: Instant,
    pub until: Instant,
    /// Only these hours of these weekdays between `from` and `until`; `None`: all the time.
    pub weekly: Option<Weekly>,
    /// Who entered it.
    pub entered_role: Role,
    pub entered_at: Instant,
    pub cancelled_at: Option<Instant>,
    /// The first sign of life in the meantime, and how many.
    pub activity_at: Option<Instant>,
    pub activity_count: i64,
}

/// Certain hours of certain weekdays on Japanese clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weekly {
    /// Bit 0 is Monday, bit 6 Sunday.
    pub weekdays: u8,
    /// Minutes from midnight; `until_minute` is later and at most 1440.
    pub from_minute: u16,
    pub until_minute: u16,
}

/// What is entered about an absence.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NewAbsence {
    pub reason: AbsenceReason,
    pub from: Instant,
    pub until: Instant,
    pub weekly: Option<Weekly>,
}

/// The device of an actor who called and is known by the number alone.
pub const BY_TELEPHONE: &str = "telephone";

/// Absences of one home that may lie ahead at a time.
const MOST_AHEAD: usize = 30;

/// Enters an absence of the person watched in `home`: by the person, a relative or staff. One that a relative enters is
/// told to the person and the care manager (`watch.absence_by_family`), because it silences the watch.
pub fn enter_absence(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, new: NewAbsence) -> Result<Absence, WatchError> {
    let contract = contract::contract_of_home(tx, home)?.ok_or(WatchRefusal::NoContract)?;
    let witness = access::require(ctx, tx, Act::EnterAbsence, contract.person)?;
    rules::check_absence(&new, ctx.now)?;
    let ahead = store::of_home(tx, home, ctx.now, MOST_AHEAD + 1)?;
    if ahead.iter().filter(|a| a.cancelled_at.is_none()).count() >= MOST_AHEAD {
        return Err(WatchRefusal::TooManyAbsences(MOST_AHEAD).into());
    }
    let absence = Absence {
        id: ctx.id(),
        home,
        person: contract.person,
        reason: new.reason,
        from: new.from,
        until: new.until,
        weekly: new.weekly,
        entered_role: ctx.actor.role,
        entered_at: ctx.now,
        cancelled_at: None,
        activity_at: None,
        activity_count: 0,
    };
    let no = home::no_of(tx, home)?.ok_or(WatchRefusal::NoHome)?;
    store::insert(tx, no, &absence, ctx.actor.id)?;
    audit::done(ctx, tx, Verb::EnterAbsence, &witness, new.reason.key())?;
    let (id, person) = (absence.id, contract.person);
    outbox::push(tx, ctx.now, &Event::AbsenceEntered { absence: id, home, person })?;
    // Whoever telephones may be somebody else.
    if ctx.actor.role == Role::Family || ctx.actor.device == BY_TELEPHONE {
        outbox::push(tx, ctx.now, &Event::AbsenceByFamily { absence: id, home, person })?;
    }
    contract::changed(ctx, tx, home)?;
    Ok(absence)
}

/// Takes an absence back, or ends one that has begun.
pub fn cancel_absence(ctx: &Ctx, tx: &mut dyn Tx, absence: AbsenceId) -> Result<(), WatchError> {
    let found = store::one(tx, absence)?.ok_or(WatchRefusal::NoAbsence)?;
    let witness = access::require(ctx, tx, Act::EnterAbsence, found.person)?;
    if found.until <= ctx.now || !store::cancel(tx, absence, ctx.now)? {
        return Err(WatchRefusal::NoAbsence.into());
    }
    audit::done(ctx, tx, Verb::CancelAbsence, &witness, found.reason.key())?;
    let cancelled = Event::AbsenceCancelled { absence, home: found.home, person: found.person };
    outbox::push(tx, ctx.now, &cancelled)?;
    contract::changed(ctx, tx, found.home)
}

/// One absence, for those who may enter or see it.
pub fn absence(ctx: &Ctx, tx: &mut dyn Tx, absence: AbsenceId) -> Result<Shown<Absence>, WatchError> {
    let found = store::one(tx, absence)?.ok_or(WatchRefusal::NoAbsence)?;
    let witness = contract::either(ctx, tx, [Act::EnterAbsence, Act::SeeWatch], found.person)?;
    Ok(witness.shows(found))
}

/// Absences of a home that run or lie ahead, in order of their beginning.
pub fn absences(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Vec<Absence>>, WatchError> {
    let Some(contract) = contract::contract_of_home(tx, home)? else { return Ok(Shown::new(vec![], vec![])) };
    let witness = contract::either(ctx, tx, [Act::EnterAbsence, Act::SeeWatch], contract.person)?;
    let all = store::of_home(tx, home, ctx.now, 2 * MOST_AHEAD)?;
    Ok(witness.shows(all.into_iter().filter(|a| a.cancelled_at.is_none()).collect()))
}
