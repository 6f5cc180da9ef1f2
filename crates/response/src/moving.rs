//! What every verb does around the state machine: load, ask who holds the case, decide, store, audit, tell.

use access::{Act, Witness};
use base::{CaseId, Ctx, Redacted, Role, StaffId, limits};
use db::{Tx, outbox};
use people::as_far_as_readable;

use crate::case::Happening;
use crate::duty::{Blocked, Hold, may_act};
use crate::event::Event;
use crate::rules::{Command, Due, State, next};
use crate::settings::settings;
use crate::verbs::Verb;
use crate::{Case, Refusal, ResponseError, store};

/// A case under way through a verb.
pub struct Moving {
    pub case: Case,
    pub witness: Witness,
}

/// The case, if the actor may do this with its person.
pub fn load(ctx: &Ctx, tx: &mut dyn Tx, id: CaseId, act: Act) -> Result<Moving, ResponseError> {
    let case = store::case(tx, id)?.ok_or(Refusal::NoSuchCase)?;
    let witness = access::require(ctx, tx, act, case.person)?;
    Ok(Moving { case, witness })
}

/// The case, if the actor may do one of these with its person.
pub fn load_by(ctx: &Ctx, tx: &mut dyn Tx, id: CaseId, acts: &[Act]) -> Result<Moving, ResponseError> {
    let case = store::case(tx, id)?.ok_or(Refusal::NoSuchCase)?;
    let mut denied = None;
    for act in acts {
        match access::require(ctx, tx, *act, case.person) {
            Ok(witness) => return Ok(Moving { case, witness }),
            Err(no) => denied = Some(no),
        }
    }
    Err(denied.map_or(Refusal::NoSuchCase.into(), ResponseError::from))
}

/// Refuses where somebody else has the case; the refusal names them.
pub fn hold(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, hold: Hold) -> Result<(), ResponseError> {
    if !case.open() {
        return Ok(());
    }
    let program = ctx.actor.role == Role::System;
    let decides = hold == Hold::Outcome && access::may(ctx, tx, Act::DecideCase, case.person);
    match may_act(hold, decides || program, ctx.actor.id, case.holder) {
        Ok(()) => Ok(()),
        Err(Blocked::TakeFirst) => Err(Refusal::TakeFirst.into()),
        Err(Blocked::HeldBy(holder)) => Err(Refusal::HeldBy(name_of(tx, holder)?).into()),
    }
}

pub fn name_of(tx: &mut dyn Tx, staff: StaffId) -> Result<Redacted<String>, ResponseError> {
    Ok(as_far_as_readable(people::staff(tx, staff))?.map_or_else(not_readable, |staff| staff.name))
}

/// What stands in the place of a name that cannot be read.
pub fn not_readable() -> Redacted<String> {
    Redacted::new("（台帳を読み取れません）".to_owned())
}

impl Moving {
    /// Asks the rules and sets the case to what they say; stores nothing yet.
    pub fn decide(&mut self, ctx: &Ctx, tx: &mut dyn Tx, command: Command) -> Result<(), ResponseError> {
        let settings = settings(tx)?.for_urgency(self.case.urgent);
        let t = next(self.case.state, command, ctx.now, &settings)?;
        let case = &mut self.case;
        if t.state != case.state || t.wait_until.is_some() {
            case.wait_until = t.wait_until;
        }
        if case.reached_at.is_none() && known(&t.state) {
            case.reached_at = Some(ctx.now);
        }
        case.state = t.state;
        match t.due {
            Due::Keep => {}
            Due::At(limit) => set_limit(case, limit),
            Due::AtLatest(limit) if case.due_at.is_some_and(|due| due <= limit) => {}
            Due::AtLatest(limit) => set_limit(case, limit),
            Due::Never => {
                (case.due_at, case.escalate_at, case.told, case.wait_until) = (None, None, None, None);
            }
        }
        Ok(())
    }

    /// Stores the case, its line of the story, the audit row and the event `response.{what}`, whose body is
    /// `{case, person, home, step}` as ids and words.
    pub fn keep(&self, ctx: &Ctx, tx: &mut dyn Tx, what: Happening, detail: &str) -> Result<(), ResponseError> {
        let case = &self.case;
        store::save_case(tx, case)?;
        store::insert_step(tx, ctx, case, what, detail)?;
        audit::done(ctx, tx, action(what), &self.witness, "case")?;
        push(ctx, tx, case, what)
    }
}

/// Writes the event of a case, in the transaction of what it tells.
pub fn push(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, what: Happening) -> Result<(), ResponseError> {
    Ok(outbox::push(tx, ctx.now, &Event::of_case(case, what))?)
}

fn set_limit(case: &mut Case, limit: base::Instant) {
    (case.due_at, case.escalate_at, case.told) = (Some(limit), Some(limit), None);
}

/// Whether somebody saw or heard the person.
fn known(state: &State) -> bool {
    matches!(state, State::Reported { .. } | State::Consultation { .. })
}

/// A free text of a command: trimmed, within the limit.
pub fn text(typed: &Redacted<String>) -> Result<String, Refusal> {
    let typed = typed.expose().trim();
    if typed.chars().count() > limits::TEXT_CHARS {
        return Err(Refusal::TextTooLong);
    }
    Ok(typed.to_owned())
}

/// `head` with the note after it, if there is one.
pub fn with_note(head: &str, note: &str) -> String {
    if note.is_empty() { head.to_owned() } else { format!("{head}：{note}") }
}

/// The verb in the audit.
pub fn action(what: Happening) -> Verb {
    match what {
        Happening::Opened => Verb::OpenCase,
        Happening::Joined => Verb::JoinAlert,
        Happening::Taken => Verb::Take,
        Happening::HandedOver => Verb::HandOver,
        Happening::TakenOver => Verb::TakeOver,
        Happening::Released => Verb::Release,
        Happening::CalledResident | Happening::CalledContact => Verb::RecordCall,
        Happening::Incoming => Verb::RecordIncomingCall,
        Happening::VisitRequested => Verb::RequestVisit,
        Happening::VisitAccepted => Verb::AcceptVisit,
        Happening::VisitDeclined => Verb::DeclineVisit,
        Happening::Departed => Verb::OnTheWay,
        Happening::Arrived => Verb::Arrived,
        Happening::Reported => Verb::ReportVisit,
        Happening::Photographed => Verb::AttachPhotos,
        Happening::HelpAsked => Verb::AskHelp,
        Happening::Ambulance => Verb::CallAmbulance,
        Happening::Consulted => Verb::Consult,
        Happening::Answered => Verb::AnswerConsultation,
        Happening::Escalated => Verb::Escalate,
        Happening::Closed => Verb::Close,
        Happening::Reviewed => Verb::Review,
    }
}
