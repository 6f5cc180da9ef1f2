//! Visits: who is asked to go, whether they go, what they found.

use access::{Act, FOREVER, Grant, Ground, Items, Shown, Witnesses};
use base::{CaseId, Ctx, PersonId, Redacted, Span, StaffId, VisitId};
use db::{Tx, Value};
use uuid::Uuid;

use crate::case::Happening;
use crate::duty::Hold;
use crate::event::Event;
use crate::moving::{Moving, action, hold, load, name_of, not_readable, text, with_note};
use crate::rules::{Command, State};
use crate::{Case, Condition, How, Refusal, ResponseError, Visit, VisitState, Visitor, store, telling, visitors};

/// Visits that one case can ask for.
const VISITS: usize = 50;
/// How long a visitor still finds a visit that is over.
const STAYS_LISTED: Span = Span::hours(24);

/// 訪問依頼: asks somebody to go, and lets them see what they need for it until the case ends or they decline.
/// Several may be asked at a time. Outbox: `response.visit_requested`.
pub fn request_visit(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    visitor: Visitor,
    note: Redacted<String>,
) -> Result<Visit, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    hold(ctx, tx, &m.case, Hold::Outcome)?;
    let name = name_of_visitor(ctx, tx, &m.case, visitor)?;
    if !visitors::offers(ctx, tx, &m.case, visitor)? {
        return Err(Refusal::NoSuchVisitor.into());
    }
    let asked = store::visits_of(tx, case)?;
    if asked.iter().any(|v| v.visitor == visitor && v.state.open()) {
        return Err(Refusal::VisitorAlreadyAsked.into());
    }
    if asked.len() >= VISITS {
        return Err(Refusal::TooManyVisits.into());
    }
    m.decide(ctx, tx, Command::RequestVisit)?;
    let note = text(&note)?;
    let visit = Visit {
        id: ctx.id(),
        case,
        person: m.case.person,
        visitor,
        state: VisitState::Requested,
        note: Redacted::new(note.clone()),
        asked_by: ctx.actor.id,
        asked_at: ctx.now,
        goes: None,
        answered_at: None,
        departed_at: None,
        arrived_at: None,
        reported_at: None,
        reported_by: None,
        condition: None,
        report: Redacted::new(String::new()),
    };
    store::insert_visit(tx, &visit)?;
    let (person, holder) = (visit.person, visitor.uuid());
    let grant = Grant { person, holder, ground: Ground::Visit, source: visit.id.0, until: FOREVER, items: Items::All };
    access::grant(ctx, tx, grant)?;
    m.keep(ctx, tx, Happening::VisitRequested, &with_note(&name, &note))?;
    tell_visitor(ctx, tx, &m.case, &visit)?;
    Ok(visit)
}

/// The message to the visitor, and `response.visit_asked` with `{visit, case, person, visitor, kind}` for their screen.
fn tell_visitor(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, visit: &Visit) -> Result<(), ResponseError> {
    telling::visitor(ctx, tx, case, visit)?;
    let event = Event::VisitAsked {
        visit: visit.id,
        case: visit.case,
        person: visit.person,
        visitor: visit.visitor.uuid(),
        kind: visit.visitor.kind().to_owned(),
    };
    Ok(db::outbox::push(tx, ctx.now, &event)?)
}

/// How the story calls the visitor: the relation of a contact, the office of staff; no name of a relative.
fn name_of_visitor(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, visitor: Visitor) -> Result<String, ResponseError> {
    match visitor {
        Visitor::Contact(id) => {
            let contacts = people::contacts(ctx, tx, case.person)?;
            let contact = contacts.iter().find(|c| c.id == id).ok_or(Refusal::NoSuchVisitor)?;
            Ok(contact.relation.ja().to_owned())
        }
        Visitor::Staff(id) => {
            let staff = people::staff(tx, id)?;
            if staff.state != people::StaffState::Active {
                return Err(Refusal::NoSuchVisitor.into());
            }
            let office = people::office(tx, staff.office)?;
            Ok(format!("{} {}", office.name, staff.name.expose()))
        }
        Visitor::Office(id) => Ok(people::office(tx, id)?.name),
    }
}

/// Agrees to go. Of an office, whoever agrees is the one who goes.
pub fn accept_visit(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<Visit, ResponseError> {
    let (mut m, mut v) = under_way(ctx, tx, visit)?;
    if v.state != VisitState::Requested {
        return again(ctx, tx, &m, v, Happening::VisitAccepted);
    }
    m.decide(ctx, tx, Command::AcceptVisit)?;
    v.goes = v.goes.or(one_of_the_office(ctx, &v));
    (v.state, v.answered_at) = (VisitState::Accepted, Some(ctx.now));
    keep(ctx, tx, &m, v, Happening::VisitAccepted, "")
}

/// Cannot go, or turned back: what the visitor could see closes at once, and the next one is asked.
pub fn decline_visit(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    visit: VisitId,
    reason: Redacted<String>,
) -> Result<Visit, ResponseError> {
    let (mut m, mut v) = under_way(ctx, tx, visit)?;
    let others = store::visits_of(tx, v.case)?;
    let others = others.iter().filter(|o| o.id != v.id && o.state.open()).map(|o| o.state).max();
    let reason = text(&reason)?;
    m.decide(ctx, tx, Command::DeclineVisit { others })?;
    (v.state, v.answered_at) = (VisitState::Declined, Some(ctx.now));
    let v = keep(ctx, tx, &m, v, Happening::VisitDeclined, &reason)?;
    access::revoke_source(ctx, tx, v.id.0)?;
    Ok(v)
}

/// 向かう; counts as agreeing where that was not said before.
pub fn on_the_way(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<Visit, ResponseError> {
    let (m, v) = under_way(ctx, tx, visit)?;
    sets_out(ctx, tx, m, v)
}

/// 代わりに向かう: a colleague of the same office sets out in the place of whoever agreed before, and the story says so.
pub fn go_instead(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<Visit, ResponseError> {
    let (m, v) = asked_and_open(ctx, tx, visit)?;
    let Some(colleague) = colleague_who_goes(ctx, &v) else { return sets_out(ctx, tx, m, v) };
    let name = name_of(tx, colleague)?;
    if v.state == VisitState::Arrived {
        return Err(Refusal::ColleagueIsThere(name).into());
    }
    departs(ctx, tx, m, v, &format!("{}さんの代わりに", name.expose()))
}

fn sets_out(ctx: &Ctx, tx: &mut dyn Tx, m: Moving, v: Visit) -> Result<Visit, ResponseError> {
    if matches!(v.state, VisitState::OnTheWay | VisitState::Arrived) {
        return again(ctx, tx, &m, v, Happening::Departed);
    }
    departs(ctx, tx, m, v, "")
}

fn departs(ctx: &Ctx, tx: &mut dyn Tx, mut m: Moving, mut v: Visit, detail: &str) -> Result<Visit, ResponseError> {
    m.decide(ctx, tx, Command::Depart)?;
    v.goes = one_of_the_office(ctx, &v).or(v.goes);
    v.answered_at.get_or_insert(ctx.now);
    (v.state, v.departed_at) = (VisitState::OnTheWay, Some(ctx.now));
    keep(ctx, tx, &m, v, Happening::Departed, detail)
}

/// 現着.
pub fn arrived(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<Visit, ResponseError> {
    let (mut m, mut v) = under_way(ctx, tx, visit)?;
    if v.state == VisitState::Arrived {
        return again(ctx, tx, &m, v, Happening::Arrived);
    }
    m.decide(ctx, tx, Command::Arrive)?;
    v.goes = v.goes.or(one_of_the_office(ctx, &v));
    v.answered_at.get_or_insert(ctx.now);
    (v.state, v.arrived_at) = (VisitState::Arrived, Some(ctx.now));
    keep(ctx, tx, &m, v, Happening::Arrived, "")
}

/// What a visitor found.
#[derive(Clone, Debug)]
pub struct VisitReport {
    pub condition: Condition,
    pub text: Redacted<String>,
}

/// 報告. May come without 「着きました」 before it: nobody on a doorstep is made to press buttons in order.
pub fn report_visit(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId, report: VisitReport) -> Result<Visit, ResponseError> {
    let (mut m, mut v) = under_way(ctx, tx, visit)?;
    let words = text(&report.text)?;
    m.decide(ctx, tx, Command::Report { condition: report.condition, how: How::Visitor })?;
    v.goes = v.goes.or(one_of_the_office(ctx, &v));
    v.answered_at.get_or_insert(ctx.now);
    v.arrived_at.get_or_insert(ctx.now);
    (v.state, v.reported_at, v.reported_by) = (VisitState::Reported, Some(ctx.now), Some(ctx.actor.id));
    (v.condition, v.report) = (Some(report.condition), Redacted::new(words.clone()));
    keep(ctx, tx, &m, v, Happening::Reported, &with_note(report.condition.ja(), &words))
}

/// The answer of a key holder, the police or the fire brigade, written down by whoever works the case.
pub fn report_help(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, report: VisitReport) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    hold(ctx, tx, &m.case, Hold::Outcome)?;
    if !matches!(m.case.state, State::NobodyAnswers { asked: Some(_) } | State::Ambulance) {
        return Err(Refusal::HelpTooEarly.into());
    }
    let words = text(&report.text)?;
    m.decide(ctx, tx, Command::Report { condition: report.condition, how: How::Helper })?;
    let head = format!("鍵保管者・警察・消防から {}", report.condition.ja());
    m.keep(ctx, tx, Happening::Reported, &with_note(&head, &words))?;
    Ok(m.case)
}

/// The visit and its case, if the actor is the one who was asked, belongs to the office that was, or works the case
/// (an operator writes down what a neighbour without an account says on the telephone).
fn under_way(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<(Moving, Visit), ResponseError> {
    let (m, v) = asked_and_open(ctx, tx, visit)?;
    not_of_a_colleague(ctx, tx, &m, &v)?;
    Ok((m, v))
}

/// The same, whoever of the office goes.
fn asked_and_open(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<(Moving, Visit), ResponseError> {
    let v = store::visit(tx, visit)?.ok_or(Refusal::NoSuchVisit)?;
    let m = load(ctx, tx, v.case, Act::ReportVisit)?;
    let mine = asked_of(ctx, &v);
    if !mine && m.witness.ground() == Ground::Visit {
        return Err(Refusal::NotYourVisit.into());
    }
    if !mine {
        hold(ctx, tx, &m.case, Hold::Outcome)?;
    }
    if !m.case.open() {
        return Err(Refusal::Closed.into());
    }
    if !v.state.open() {
        return Err(Refusal::VisitOver(v.state).into());
    }
    Ok((m, v))
}

fn keep(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    m: &Moving,
    v: Visit,
    what: Happening,
    detail: &str,
) -> Result<Visit, ResponseError> {
    store::save_visit(tx, &v)?;
    m.keep(ctx, tx, what, detail)?;
    Ok(v)
}

/// A button pressed twice, or after the one that follows it: nothing changes, and the record knows of it.
fn again(ctx: &Ctx, tx: &mut dyn Tx, m: &Moving, v: Visit, what: Happening) -> Result<Visit, ResponseError> {
    audit::done(ctx, tx, action(what), &m.witness, "case")?;
    Ok(v)
}

/// Ends the visits that a closed case does not need any more.
pub(crate) fn cancel_open(tx: &mut dyn Tx, case: CaseId) -> Result<(), ResponseError> {
    for mut visit in store::visits_of(tx, case)? {
        if visit.state.open() {
            visit.state = VisitState::Cancelled;
            store::save_visit(tx, &visit)?;
        }
    }
    Ok(())
}

/// One line of a visitor's list: where and why, in a line.
#[derive(Clone, Debug)]
pub struct VisitRow {
    pub visit: Visit,
    /// Nothing where it cannot be read: the visit is asked for all the same.
    pub case: Option<Case>,
    pub name: Redacted<String>,
    pub address: Redacted<String>,
    /// The colleague of the actor who goes.
    pub colleague: Option<Redacted<String>>,
}

/// The visits asked of this actor or the actor's office: the open ones by age, then those reported in the last day
/// while the case is open.
pub fn visits_for(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<VisitRow>>, ResponseError> {
    let (within, scoped) = access::scope(ctx, Act::ReportVisit)?.filter("response_visit.person_id", 5);
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    let mut values: Vec<Value> =
        vec![ctx.actor.id.into(), office.into(), (ctx.now - STAYS_LISTED).into(), base::limits::LIST_ROWS.into()];
    values.extend(scoped);
    let condition = format!(
        "WHERE visitor_id IN ($1, $2) AND {within} AND (state IN ('requested', 'accepted', 'on_the_way', 'arrived')
        OR (state = 'reported' AND reported_at >= $3))
        ORDER BY CASE WHEN state = 'reported' THEN 1 ELSE 0 END, asked_at, id LIMIT $4"
    );
    let mut seen = Witnesses::default();
    let visits = store::visits(tx, &condition, &values)?;
    let visits = seen.take(access::shown_rows(ctx, tx, (&[Act::ReportVisit], &[]), visits, |visit| visit.person)?);
    let cases = store::cases_by_id(tx, &visits.iter().map(|visit| visit.case).collect::<Vec<_>>())?;
    let persons: Vec<PersonId> = visits.iter().map(|visit| visit.person).collect();
    let heads = seen.take(people::heads(ctx, tx, &persons)?);
    let going: Vec<StaffId> = visits.iter().filter_map(|visit| colleague_who_goes(ctx, visit)).collect();
    let names = people::staff_names(tx, &going)?;
    let mut rows = Vec::new();
    for visit in visits {
        let case = cases.iter().find(|case| case.id == visit.case);
        if case.is_some_and(|case| !case.open()) {
            continue;
        }
        let head = heads.get(visit.person);
        let name = head.map_or_else(not_readable, |head| head.name.clone());
        let address = head.map_or_else(not_readable, |head| head.address.clone());
        let colleague = colleague_who_goes(ctx, &visit).map(|c| names.get(&c).cloned().unwrap_or_else(not_readable));
        rows.push(VisitRow { name, address, colleague, case: case.cloned(), visit });
    }
    Ok(Shown::new(rows, seen.into_vec()))
}

/// Everything a visitor needs on the doorstep.
#[derive(Clone, Debug)]
pub struct VisitSheet {
    pub visit: Visit,
    pub case: Case,
    pub person: people::Resident,
    pub home: people::Home,
    /// Contacts in their order: who has the key stands among them with that role.
    pub contacts: Vec<people::Contact>,
    /// When somebody last spoke for this case, and what was done so far, newest first.
    pub story: Vec<crate::StepRow>,
    /// Of this visit, oldest first.
    pub photos: Vec<crate::Photo>,
    /// Asked of the actor or their office, and no colleague goes.
    pub mine: bool,
    /// The colleague of the actor who goes.
    pub colleague: Option<Redacted<String>>,
}

/// Whom a visit is to: for the record of a refusal, never for an answer.
pub fn person_of_visit(tx: &mut dyn Tx, visit: VisitId) -> Result<Option<PersonId>, ResponseError> {
    Ok(store::person_of_visit(tx, visit)?)
}

/// 訪問の画面: address, reason, risks, the way in. Never diagnoses.
pub fn visit_sheet(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId) -> Result<Shown<VisitSheet>, ResponseError> {
    let (m, visit) = {
        let v = store::visit(tx, visit)?.ok_or(Refusal::NoSuchVisit)?;
        (load(ctx, tx, v.case, Act::ReportVisit)?, v)
    };
    // Who knows the person by a visit of their own knows that visit, and nobody else's.
    if m.witness.ground() == Ground::Visit && !asked_of(ctx, &visit) {
        return Err(Refusal::NotYourVisit.into());
    }
    let mut seen = Witnesses::default();
    seen.extend([m.witness]);
    let person = seen.take(people::resident(ctx, tx, visit.person)?);
    let home = seen.take(people::home_of(ctx, tx, visit.person)?);
    let contacts = seen.take(people::contacts(ctx, tx, visit.person)?);
    let story = seen.take(crate::views::story(ctx, tx, visit.case)?);
    let mut photos = store::photos(tx, visit.case)?;
    photos.retain(|p| p.visit == visit.id);
    let colleague = colleague_who_goes(ctx, &visit).map(|colleague| name_of(tx, colleague)).transpose()?;
    let mine = asked_of(ctx, &visit) && colleague.is_none();
    let sheet = VisitSheet { visit, case: m.case, person, home, contacts, story, photos, mine, colleague };
    Ok(Shown::new(sheet, seen.into_vec()))
}

/// Whether the actor, or the actor's office, is the one who was asked to go.
pub(crate) fn asked_of(ctx: &Ctx, visit: &Visit) -> bool {
    let asked = visit.visitor.uuid();
    asked == ctx.actor.id || ctx.actor.office.is_some_and(|o| o.0 == asked)
}

/// The actor, where the visit was asked of their office and not of somebody by name.
fn one_of_the_office(ctx: &Ctx, visit: &Visit) -> Option<Uuid> {
    (matches!(visit.visitor, Visitor::Office(_)) && asked_of(ctx, visit)).then_some(ctx.actor.id)
}

/// The colleague of the actor who goes already.
pub(crate) fn colleague_who_goes(ctx: &Ctx, visit: &Visit) -> Option<StaffId> {
    one_of_the_office(ctx, visit)?;
    visit.goes.filter(|who| *who != ctx.actor.id).map(StaffId)
}

/// Nobody answers, arrives or reports in the place of a colleague who goes, but whoever decides the case: they write
/// down what was said on the telephone.
fn not_of_a_colleague(ctx: &Ctx, tx: &mut dyn Tx, m: &Moving, visit: &Visit) -> Result<(), ResponseError> {
    match colleague_who_goes(ctx, visit) {
        Some(colleague) if hold(ctx, tx, &m.case, Hold::Outcome).is_err() => {
            Err(Refusal::ColleagueGoes(name_of(tx, colleague)?).into())
        }
        _ => Ok(()),
    }
}

pub(crate) fn holds_key(contact: &people::Contact) -> bool {
    contact.has(people::ContactRole::KeyHolder)
}
