//! The case as the desk sees it: the minimum sheet of the person, who was tried, what is next.

use access::{Act, Shown, Witnesses};
use base::{CaseId, ContactId, Ctx, Instant, Redacted, StaffId};
use db::Tx;
use people::Contact;
use watch::Rule;

use crate::case::CaseAlert;
use crate::moving::{load, name_of};
use crate::rules::{State, causes_of};
use crate::settings::settings;
use crate::visitors::{offices_who_visit, team_who_visit};
use crate::{
    Call, CallOutcome, Callee, Case, Cause, Condition, Help, ResponseError, StepRow, Visit, Visitor, store, views,
    visits,
};

/// What the one big button says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NextAct {
    Take,
    CallResident,
    CallContact(ContactId),
    RequestVisit,
    /// Somebody was asked, or is on the way: wait, then ring them.
    WaitVisit,
    AskHelp(Help),
    WaitHelp(Help),
    /// Ill: ambulance or doctor.
    Decide,
    FollowAmbulance,
    WaitAnswer,
    Close,
    Review,
    Nothing,
}

/// A contact with what was tried.
#[derive(Clone, Debug)]
pub struct ContactTried {
    pub contact: Contact,
    /// The newest outgoing call.
    pub last: Option<(CallOutcome, Instant)>,
    pub tries: usize,
}

/// Somebody who can be asked to visit.
#[derive(Clone, Debug)]
pub struct VisitorChoice {
    pub visitor: Visitor,
    /// 続柄 or office, and the name.
    pub label: Redacted<String>,
    /// Digits; empty where none is known.
    pub phone: Redacted<String>,
    pub asked: bool,
}

/// Everything one case needs on the screen. No diagnosis, nothing of the notebook.
#[derive(Clone, Debug)]
pub struct CaseSheet {
    pub case: Case,
    pub alerts: Vec<CaseAlert>,
    pub person: people::Resident,
    pub home: people::Home,
    pub contacts: Vec<ContactTried>,
    pub calls: Vec<Call>,
    pub resident_tries: usize,
    pub visits: Vec<(Visit, Redacted<String>)>,
    pub visitors: Vec<VisitorChoice>,
    /// What visitors photographed, oldest first.
    pub photos: Vec<crate::Photo>,
    /// Newest first.
    pub story: Vec<StepRow>,
    pub holder_name: Option<Redacted<String>>,
    pub next: NextAct,
    pub next_words: &'static str,
    /// With what the case may end now, the likeliest first; empty while nothing is known.
    pub causes: Vec<Cause>,
    pub script: Vec<String>,
}

/// The sheet of a case.
pub fn case_sheet(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Shown<CaseSheet>, ResponseError> {
    let m = load(ctx, tx, case, Act::SeeCase)?;
    let (case, mut seen) = (m.case, Witnesses::default());
    seen.extend([m.witness]);
    let person = seen.take(people::resident(ctx, tx, case.person)?);
    let home = seen.take(people::home_of(ctx, tx, case.person)?);
    let calls = store::calls(tx, case.id)?;
    let contacts: Vec<ContactTried> =
        seen.take(people::contacts(ctx, tx, case.person)?).into_iter().map(|c| tried(c, &calls)).collect();
    let asked = store::visits_of(tx, case.id)?;
    let visitors = choices(ctx, tx, &case, &home, &contacts, &asked)?;
    let alerts = store::alerts(tx, case.id)?;
    let asker = asker(tx, &alerts, &contacts)?;
    let next_contact = contacts.iter().find(|c| c.tries == 0 && !c.contact.phones.is_empty()).map(|c| c.contact.id);
    let calling = matches!(case.state, State::Taken | State::CallingResident { .. } | State::CallingContacts);
    let (next, next_words) = match asker.filter(|_| calling) {
        Some(contact) => (NextAct::CallContact(contact), crate::case::CALL_WHO_ANSWERED),
        None => (next_act(&case.state, next_contact, !person.phones.is_empty()), case.state.next_step()),
    };
    let causes = causes_of(&case.state, &alerts);
    let label = |v: &Visit| visitors.iter().find(|c| c.visitor == v.visitor).map(|c| c.label.clone());
    let going = people::staff_names(tx, &asked.iter().filter_map(|v| v.goes.map(StaffId)).collect::<Vec<_>>())?;
    let named = |v: &Visit| {
        let whom = label(v).unwrap_or_else(|| Redacted::new("訪問する方".to_owned()));
        match v.goes.and_then(|goes| going.get(&StaffId(goes))) {
            Some(goes) => Redacted::new(format!("{} {}さん", whom.expose(), goes.expose())),
            None => whom,
        }
    };
    let visits = asked.iter().map(|v| (v.clone(), named(v))).collect();
    let sheet = CaseSheet {
        alerts,
        resident_tries: calls.iter().filter(|c| !c.incoming && c.who == Callee::Resident).count(),
        visits,
        visitors,
        photos: store::photos(tx, case.id)?,
        story: seen.take(views::story(ctx, tx, case.id)?),
        holder_name: case.holder.map(|h| name_of(tx, h)).transpose()?,
        next,
        next_words,
        causes,
        script: settings(tx)?.script,
        person,
        home,
        contacts,
        calls,
        case,
    };
    Ok(Shown::new(sheet, seen.into_vec()))
}

/// The contact who asked for this call, where the newest who did was not the person and was not called yet.
fn asker(tx: &mut dyn Tx, alerts: &[CaseAlert], contacts: &[ContactTried]) -> Result<Option<ContactId>, ResponseError> {
    let asked = alerts.iter().filter(|a| matches!(a.rule, Rule::CallWanted | Rule::FeelsUnwell)).max_by_key(|a| a.at);
    let Some(asked) = asked else { return Ok(None) };
    let Some(said) = watch::answered_by(tx, asked.id)? else { return Ok(None) };
    let theirs = contacts.iter().find(|c| c.contact.id.0 == said.from && c.tries == 0 && !c.contact.phones.is_empty());
    Ok(theirs.map(|c| c.contact.id))
}

fn tried(contact: Contact, calls: &[Call]) -> ContactTried {
    let mine: Vec<&Call> = calls.iter().filter(|c| !c.incoming && c.who == Callee::Contact(contact.id)).collect();
    ContactTried { last: mine.first().map(|c| (c.outcome, c.at)), tries: mine.len(), contact }
}

/// What to do now. Pure; where a resident has no telephone or no contact is left, the next way is taken.
pub fn next_act(state: &State, next_contact: Option<ContactId>, has_phone: bool) -> NextAct {
    let after_resident = next_contact.map_or(NextAct::RequestVisit, NextAct::CallContact);
    match state {
        State::Detected => NextAct::Take,
        State::Taken | State::CallingResident { .. } if has_phone => NextAct::CallResident,
        State::Taken | State::CallingResident { .. } | State::CallingContacts => after_resident,
        State::VisitRequested { accepted: false } => NextAct::RequestVisit,
        State::VisitRequested { accepted: true } | State::OnTheWay | State::Arrived => NextAct::WaitVisit,
        State::NobodyAnswers { asked: None } => NextAct::AskHelp(Help::KeyHolder),
        State::NobodyAnswers { asked: Some(help) } => NextAct::WaitHelp(*help),
        State::Reported { condition: Condition::Unwell, .. } => NextAct::Decide,
        State::Reported { .. } => NextAct::Close,
        State::Ambulance => NextAct::FollowAmbulance,
        State::Consultation { answered: false, .. } => NextAct::WaitAnswer,
        State::Consultation { answered: true, .. } => NextAct::Close,
        State::Resolved { .. } => NextAct::Review,
        State::Reviewed { .. } => NextAct::Nothing,
    }
}

/// Who can be asked to go: contacts in their order, the care manager and the others of the team who visit, the support
/// centre, the commissioners of the city. The team is read in the program's own name: whoever works the case learns
/// from it only whom to ask.
fn choices(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: &Case,
    home: &people::Home,
    contacts: &[ContactTried],
    asked: &[Visit],
) -> Result<Vec<VisitorChoice>, ResponseError> {
    let is_asked = |visitor: Visitor| asked.iter().any(|v| v.visitor == visitor && v.state.open());
    let mut found: Vec<VisitorChoice> = Vec::new();
    for c in contacts {
        let visitor = Visitor::Contact(c.contact.id);
        let label = format!("{} {}", c.contact.relation.ja(), c.contact.name.expose());
        let phone = c.contact.phones.first().map_or(String::new(), |p| p.expose().to_owned());
        found.push(choice(visitor, label, phone, is_asked(visitor)));
    }
    let team = team_who_visit(ctx, tx, case.person)?;
    for people::Colleague { member, staff, office } in people::colleagues(tx, &team)? {
        let visitor = Visitor::Staff(member.staff);
        let label = format!("{} {}（{}）", member.part.ja(), staff.name.expose(), office.name);
        let phone = staff.phone.as_ref().or(office.phone.as_ref()).map_or(String::new(), |p| p.expose().to_owned());
        found.push(choice(visitor, label, phone, is_asked(visitor)));
    }
    for office in offices_who_visit(tx, home)? {
        let visitor = Visitor::Office(office.id);
        let phone = office.phone.as_ref().map_or(String::new(), |p| p.expose().to_owned());
        found.push(choice(visitor, office.name, phone, is_asked(visitor)));
    }
    Ok(found)
}

fn choice(visitor: Visitor, label: String, phone: String, asked: bool) -> VisitorChoice {
    VisitorChoice { visitor, label: Redacted::new(label), phone: Redacted::new(phone), asked }
}

/// The contacts who hold a key, in their order.
pub fn key_holders(sheet: &CaseSheet) -> Vec<&Contact> {
    sheet.contacts.iter().map(|c| &c.contact).filter(|c| visits::holds_key(c)).collect()
}
