//! The call-centre desk: taking a case and passing it on, calls out and in, help at a shut door, the ambulance.

use access::{Act, Grant, Ground, Items, Shown, Witness, Witnesses};
use base::{CaseId, ContactId, Ctx, Instant, Redacted, Span, StaffId};
use care::NoteKind;
use db::Tx;
use notify::Topic;
use people::{Contact, PeopleError, PhoneNumber, Relation, as_far_as_readable};

use crate::case::Happening;
use crate::duty::Hold;
use crate::moving::{Moving, hold, load, load_by, name_of, text, with_note};
use crate::offers::is_colleague;
use crate::rules::{Command, INCOMING_WINDOW, takes_incoming};
use crate::{Call, CallOutcome, Callee, Case, Condition, Help, How, Refusal, ResponseError, store, telling};

/// How long a closed case is open to the call centre again after a call about it came in.
const CALL_BACK: Span = Span::minutes(30);
/// Cases of the last 48 hours among which a caller is looked for.
const CALLERS: usize = 500;

/// 受付. Refused with the holder's name when somebody else has it.
pub fn take(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    match m.case.holder {
        Some(holder) if holder.0 == ctx.actor.id => return Err(Refusal::AlreadyYours.into()),
        Some(holder) => return Err(Refusal::HeldBy(name_of(tx, holder)?).into()),
        None => {}
    }
    m.decide(ctx, tx, Command::Take)?;
    held_by(&mut m.case, StaffId(ctx.actor.id), ctx.now);
    m.keep(ctx, tx, Happening::Taken, "")?;
    if m.case.taken_at == Some(ctx.now) {
        telling::family(ctx, tx, &m.case, Topic::CaseTaken)?;
    }
    Ok(m.case)
}

/// 引き継ぎ: to a colleague of the same office, by the one who has it.
pub fn hand_over(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    to: StaffId,
    note: Redacted<String>,
) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    mine(ctx, &m.case)?;
    let colleague = people::staff(tx, to)?;
    if !is_colleague(ctx, &colleague) {
        return Err(Refusal::NotColleague.into());
    }
    m.decide(ctx, tx, Command::Take)?;
    held_by(&mut m.case, to, ctx.now);
    let detail = with_note(&format!("{}さんへ", colleague.name.expose()), &text(&note)?);
    m.keep(ctx, tx, Happening::HandedOver, &detail)?;
    Ok(m.case)
}

/// 担当を替わる: takes a case that somebody else has, with a reason that stands in the story.
pub fn take_over(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, reason: Redacted<String>) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    if m.case.holder.is_some_and(|h| h.0 == ctx.actor.id) {
        return Err(Refusal::AlreadyYours.into());
    }
    let reason = text(&reason)?;
    if reason.is_empty() {
        return Err(Refusal::NoReason.into());
    }
    m.decide(ctx, tx, Command::Take)?;
    let from = m.case.holder.map(|h| name_of(tx, h)).transpose()?;
    held_by(&mut m.case, StaffId(ctx.actor.id), ctx.now);
    let head = from.map_or("担当なしから".to_owned(), |name| format!("{}さんから", name.expose()));
    m.keep(ctx, tx, Happening::TakenOver, &with_note(&head, &reason))?;
    Ok(m.case)
}

/// 担当を離れる: the case waits to be taken again, and soon.
pub fn release(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, note: Redacted<String>) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    mine(ctx, &m.case)?;
    // The same rule as for an urgent alert: the limit of taking runs, unless an earlier one does.
    m.decide(ctx, tx, Command::Join { urgent: true })?;
    (m.case.holder, m.case.held_since) = (None, None);
    m.keep(ctx, tx, Happening::Released, &text(&note)?)?;
    Ok(m.case)
}

fn held_by(case: &mut Case, staff: StaffId, now: Instant) {
    case.taken_at.get_or_insert(now);
    (case.holder, case.held_since) = (Some(staff), Some(now));
}

fn mine(ctx: &Ctx, case: &Case) -> Result<(), Refusal> {
    if !case.open() {
        return Err(Refusal::Closed);
    }
    if case.holder.is_some_and(|h| h.0 == ctx.actor.id) { Ok(()) } else { Err(Refusal::NotHolder) }
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct NewCall {
    pub to: Callee,
    pub outcome: CallOutcome,
    pub note: Redacted<String>,
}

/// Records a call; the rules say what is next.
pub fn record_call(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, call: NewCall) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    hold(ctx, tx, &m.case, Hold::Desk)?;
    let note = text(&call.note)?;
    let contacts = people::contacts(ctx, tx, m.case.person)?;
    let left = untried(tx, &m.case, &contacts, call.to)?;
    let (command, what, who) = match call.to {
        Callee::Resident => {
            let command = Command::CallResident { outcome: call.outcome, contacts: left };
            (command, Happening::CalledResident, "本人".to_owned())
        }
        Callee::Contact(id) => {
            let contact = contacts.iter().find(|c| c.id == id).ok_or(Refusal::NoSuchContact)?;
            let command = Command::CallContact { outcome: call.outcome, left };
            (command, Happening::CalledContact, contact.relation.ja().to_owned())
        }
    };
    m.decide(ctx, tx, command)?;
    keep_call(ctx, tx, &m.case, call.to, call.outcome, &note, false)?;
    m.keep(ctx, tx, what, &with_note(&format!("{who} {}", call.outcome.ja()), &note))?;
    Ok(m.case)
}

/// How many contacts with a telephone were not tried yet, the one just called not among them.
fn untried(tx: &mut dyn Tx, case: &Case, contacts: &[Contact], now_called: Callee) -> Result<u8, ResponseError> {
    let calls = store::calls(tx, case.id)?;
    let tried = |id: ContactId| {
        now_called == Callee::Contact(id) || calls.iter().any(|c| !c.incoming && c.who == Callee::Contact(id))
    };
    let left = contacts.iter().filter(|c| !c.phones.is_empty() && !tried(c.id)).count();
    Ok(u8::try_from(left).unwrap_or(u8::MAX))
}

fn keep_call(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: &Case,
    who: Callee,
    outcome: CallOutcome,
    note: &str,
    incoming: bool,
) -> Result<(), ResponseError> {
    let note = Redacted::new(note.to_owned());
    let call = Call { id: ctx.id(), at: ctx.now, by: ctx.actor.id, incoming, who, outcome, note };
    Ok(store::insert_call(tx, case.id, &call)?)
}

/// Who a number belongs to.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Callee,
    pub name: Redacted<String>,
    /// 続柄; 本人 for the resident.
    pub relation: Relation,
}

/// A case in which a caller's number is known.
#[derive(Clone, Debug)]
pub struct CallerMatch {
    pub case: Case,
    pub resident: Redacted<String>,
    pub caller: Caller,
}

/// Finds the cases of the last 48 hours, open or closed, in which this number is the resident's or a contact's, newest
/// first. The program does the comparing; an operator learns of nobody whose number did not call, and of a closed case
/// only when the own office worked it.
pub fn match_caller(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    number: &PhoneNumber,
) -> Result<Shown<Vec<CallerMatch>>, ResponseError> {
    access::scope(ctx, Act::WorkCase)?;
    let mut seen = Witnesses::default();
    let cases = store::open_or_closed_since(tx, ctx.now - INCOMING_WINDOW, CALLERS)?;
    let mut found = Vec::new();
    for case in cases {
        let Some(witness) = known_to(ctx, tx, &case) else { continue };
        // One record that cannot be read keeps nobody else's call from being matched.
        if let Some((resident, caller)) = as_far_as_readable(caller_of(ctx, tx, &case, number))?.flatten() {
            seen.extend([witness]);
            found.push(CallerMatch { case, resident, caller });
        }
    }
    Ok(Shown::new(found, seen.into_vec()))
}

/// Whether a caller's case may be shown to this actor: an open one by its grant, a closed one to the office that
/// worked it.
fn known_to(ctx: &Ctx, tx: &mut dyn Tx, case: &Case) -> Option<Witness> {
    let works = access::require(ctx, tx, Act::WorkCase, case.person).ok();
    if case.open() { works } else { works.or_else(|| worked_here(ctx, tx, case)) }
}

/// For the office that worked a closed case, as long as it looks back at it.
fn worked_here(ctx: &Ctx, tx: &mut dyn Tx, case: &Case) -> Option<Witness> {
    let here = case.centre.is_some() && case.centre == ctx.actor.office;
    access::require(ctx, tx, Act::ReviewCase, case.person).ok().filter(|_| here)
}

/// Compares in the program's own name, because the operator may not yet see the numbers.
fn caller_of(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: &Case,
    number: &PhoneNumber,
) -> Result<Option<(Redacted<String>, Caller)>, PeopleError> {
    let own = Ctx::new(base::Actor::system("response"), ctx.purpose, ctx.now, ctx.request);
    let resident = people::resident(&own, tx, case.person)?.into_value();
    if resident.phones.contains(number) {
        let caller = Caller { who: Callee::Resident, name: resident.name.clone(), relation: Relation::Oneself };
        return Ok(Some((resident.name, caller)));
    }
    let contacts = people::contacts(&own, tx, case.person)?.into_value();
    let contact = contacts.into_iter().find(|c| c.phones.contains(number));
    Ok(contact.map(|c| {
        let caller = Caller { who: Callee::Contact(c.id), name: c.name, relation: c.relation };
        (resident.name, caller)
    }))
}

/// Records a call that came in about a case of the last 48 hours, found by the caller's number. A closed case is open
/// to the call centre again for 30 minutes, so that the operator can answer; its end stays its end.
pub fn record_incoming_call(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    number: &PhoneNumber,
    outcome: CallOutcome,
    note: Redacted<String>,
) -> Result<Case, ResponseError> {
    let case = store::case(tx, case)?.ok_or(Refusal::NoSuchCase)?;
    access::scope(ctx, Act::WorkCase)?;
    let matched = if takes_incoming(case.closed_at, ctx.now) { caller_of(ctx, tx, &case, number)? } else { None };
    let Some((_, caller)) = matched else { return Err(Refusal::NoCaseForNumber.into()) };
    if !case.open() && worked_here(ctx, tx, &case).is_some() {
        let until = ctx.now + CALL_BACK;
        let holder = case.centre.map_or(ctx.actor.id, |o| o.0);
        access::grant(
            ctx,
            tx,
            Grant { person: case.person, holder, ground: Ground::Case, source: case.id.0, until, items: Items::All },
        )?;
    }
    let witness = access::require(ctx, tx, Act::WorkCase, case.person)?;
    let mut m = Moving { case, witness };
    let note = text(&note)?;
    let how = if caller.who == Callee::Resident { How::Resident } else { How::Contact };
    // Somebody who calls us has answered; what remains open is whether they know.
    let (outcome, learned) = match outcome {
        CallOutcome::Well => (outcome, Some((Condition::Well, how))),
        CallOutcome::Unwell => (outcome, Some((Condition::Unwell, how))),
        _ => (CallOutcome::Unsure, None),
    };
    if m.case.open() && m.case.holder.is_none() {
        // Whoever speaks with somebody about a case that nobody has, has it.
        m.decide(ctx, tx, Command::Take)?;
        held_by(&mut m.case, StaffId(ctx.actor.id), ctx.now);
    }
    m.decide(ctx, tx, Command::IncomingCall { learned })?;
    keep_call(ctx, tx, &m.case, caller.who, outcome, &note, true)?;
    let detail = with_note(&format!("{}から {}", caller.relation.ja(), outcome.ja()), &note);
    m.keep(ctx, tx, Happening::Incoming, &detail)?;
    Ok(m.case)
}

/// Asks key holder, police or fire brigade to get the door open.
pub fn ask_help(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    help: Help,
    note: Redacted<String>,
) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    hold(ctx, tx, &m.case, Hold::Desk)?;
    let note = text(&note)?;
    m.decide(ctx, tx, Command::AskHelp(help))?;
    m.keep(ctx, tx, Happening::HelpAsked, &with_note(help.ja(), &note))?;
    Ok(m.case)
}

/// 救急要請: records when 119 was called and by whom. Everybody who works the case or visits may; nobody has to hold it.
pub fn call_ambulance(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    at: Instant,
    by: Redacted<String>,
    note: Redacted<String>,
) -> Result<Case, ResponseError> {
    let mut m = load_by(ctx, tx, case, &[Act::WorkCase, Act::ReportVisit])?;
    if at > ctx.now || at < m.case.opened_at - Span::hours(1) {
        return Err(Refusal::AmbulanceTime.into());
    }
    let (by, note) = (text(&by)?, text(&note)?);
    if by.is_empty() {
        return Err(Refusal::NoText.into());
    }
    m.decide(ctx, tx, Command::CallAmbulance)?;
    let t = at.local();
    let head = format!("{}時{:02}分に{by}が119番に通報", t.hour, t.minute);
    let words = with_note(&head, &note);
    m.keep(ctx, tx, Happening::Ambulance, &words)?;
    telling::team(ctx, tx, &m.case, NoteKind::Urgent, &words)?;
    telling::family_of_ambulance(ctx, tx, &m.case)?;
    Ok(m.case)
}
