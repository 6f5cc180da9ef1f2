//! The way of a case from an alert to its end, as pure rules: one table of steps with their limits, and one `match`
//! from (state, command, time) to the next state.
//!
//! Time alone never moves a case: when a limit is over, the next in line is told and the state stays what it was.

use base::{Instant, Span};
use serde::{Deserialize, Serialize};

use crate::case::CaseAlert;
use crate::settings::Settings;
use crate::{CallOutcome, Cause, Condition, Help, How, Refusal, Rung, Step, VisitState};

/// Where a case stands, with what the next decision needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum State {
    Detected,
    Taken,
    /// `tries` that count, the last of them at `last_try`.
    CallingResident {
        tries: u8,
        last_try: Instant,
    },
    CallingContacts,
    /// A visit is needed or asked for; `accepted` when somebody agreed to go.
    VisitRequested {
        accepted: bool,
    },
    OnTheWay,
    Arrived,
    NobodyAnswers {
        asked: Option<Help>,
    },
    Reported {
        condition: Condition,
        how: How,
    },
    Ambulance,
    Consultation {
        answered: bool,
        condition: Condition,
        how: How,
    },
    Resolved {
        cause: Cause,
    },
    Reviewed {
        cause: Cause,
    },
}

/// What somebody does to a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    Take,
    /// `contacts`: how many can still be called afterwards.
    CallResident {
        outcome: CallOutcome,
        contacts: u8,
    },
    /// `left`: contacts not tried yet, this one not among them.
    CallContact {
        outcome: CallOutcome,
        left: u8,
    },
    /// Somebody called us; `learned` where they knew how the resident is.
    IncomingCall {
        learned: Option<(Condition, How)>,
    },
    RequestVisit,
    AcceptVisit,
    /// `others`: how far the farthest of the other open visits is.
    DeclineVisit {
        others: Option<VisitState>,
    },
    Depart,
    Arrive,
    Report {
        condition: Condition,
        how: How,
    },
    AskHelp(Help),
    CallAmbulance,
    Consult,
    Answer,
    Close(Cause),
    Review,
    /// A further alert of the same home; `urgent` for the emergency button.
    Join {
        urgent: bool,
    },
}

/// When the next thing must have happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// The limit that runs goes on.
    Keep,
    /// This limit, unless an earlier one runs.
    AtLatest(Instant),
    At(Instant),
    /// Nothing is due any more: the case is closed.
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    pub state: State,
    pub due: Due,
    /// Not before this moment is the next try worth anything.
    pub wait_until: Option<Instant>,
}

/// One line of the table of steps.
pub struct Row {
    pub step: Step,
    /// What stands in the documentation beside the limit.
    pub limit: fn(&Settings) -> Span,
    /// What the one in charge is told to do.
    pub next: &'static str,
    /// Who is told first when the limit is over; `None` for a closed case.
    pub first_told: Option<Rung>,
}

/// The table: every step once.
pub const TABLE: &[Row] = &[
    row(Step::Detected, |s| s.take, "受付してください。", Rung::ShiftLead),
    row(Step::Taken, |s| s.first_call, "本人に電話してください。", Rung::ShiftLead),
    row(Step::CallingResident, |s| s.retry_interval, "間隔をおいて、もう一度本人に電話してください。", Rung::ShiftLead),
    row(Step::CallingContacts, |s| s.contact_call, "連絡先に順番に電話してください。", Rung::ShiftLead),
    row(Step::VisitRequested, |s| s.visit_answer, "訪問を依頼し、向かう方を決めてください。", Rung::ShiftLead),
    row(
        Step::OnTheWay,
        |s| s.travel,
        "到着の連絡を待っています。遅れたら訪問する方に電話してください。",
        Rung::ShiftLead,
    ),
    row(Step::Arrived, |s| s.report, "報告を待っています。遅れたら訪問した方に電話してください。", Rung::ShiftLead),
    row(Step::NobodyAnswers, |s| s.ask_help, "鍵保管者、警察、消防の順に開扉を依頼してください。", Rung::CareManager),
    row(Step::Reported, |s| s.decide, "解消するか、医療相談・救急要請に進んでください。", Rung::CareManager),
    row(Step::Ambulance, |s| s.ambulance, "搬送先を確認し、家族に伝えてから解消してください。", Rung::CareManager),
    row(Step::Consultation, |s| s.consultation, "医師の回答を確認してください。", Rung::CareManager),
    Row {
        step: Step::Resolved, limit: |_| Span::ZERO, next: "振り返りを記録してください。", first_told: None
    },
    Row { step: Step::Reviewed, limit: |_| Span::ZERO, next: "することはありません。", first_told: None },
];

const fn row(step: Step, limit: fn(&Settings) -> Span, next: &'static str, first: Rung) -> Row {
    Row { step, limit, next, first_told: Some(first) }
}

impl State {
    pub const fn step(&self) -> Step {
        match self {
            State::Detected => Step::Detected,
            State::Taken => Step::Taken,
            State::CallingResident { .. } => Step::CallingResident,
            State::CallingContacts => Step::CallingContacts,
            State::VisitRequested { .. } => Step::VisitRequested,
            State::OnTheWay => Step::OnTheWay,
            State::Arrived => Step::Arrived,
            State::NobodyAnswers { .. } => Step::NobodyAnswers,
            State::Reported { .. } => Step::Reported,
            State::Ambulance => Step::Ambulance,
            State::Consultation { .. } => Step::Consultation,
            State::Resolved { .. } => Step::Resolved,
            State::Reviewed { .. } => Step::Reviewed,
        }
    }

    pub const fn open(&self) -> bool {
        !matches!(self, State::Resolved { .. } | State::Reviewed { .. })
    }

    /// Its line of the table.
    pub fn row(&self) -> &'static Row {
        let step = self.step();
        TABLE.iter().find(|r| r.step == step).expect("every step has its line; a test proves it")
    }

    /// How long a case may stay here before the next in line is told.
    pub fn limit(&self, s: &Settings) -> Span {
        match self {
            State::VisitRequested { accepted: true } => s.depart,
            State::NobodyAnswers { asked: Some(Help::KeyHolder) } => s.key_holder,
            State::NobodyAnswers { asked: Some(Help::Police) } => s.police,
            State::NobodyAnswers { asked: Some(Help::Fire) } => s.fire,
            State::Consultation { answered: true, .. } => s.decide,
            State::CallingResident { .. } => Span(s.retry_interval.0 + s.first_call.0),
            other => (other.row().limit)(s),
        }
    }

    /// What the one in charge is told to do now.
    pub fn next_step(&self) -> &'static str {
        match self {
            State::VisitRequested { accepted: true } => "訪問する方の出発を待っています。遅れたら電話してください。",
            State::NobodyAnswers { asked: None } => "鍵保管者に開扉を依頼してください。いない場合は警察に依頼します。",
            State::NobodyAnswers { asked: Some(Help::KeyHolder) } => {
                "鍵保管者の到着を待っています。来られない場合は警察に依頼してください。"
            }
            State::NobodyAnswers { asked: Some(Help::Police) } => {
                "警察の確認を待っています。開扉できない場合は消防に依頼してください。"
            }
            State::NobodyAnswers { asked: Some(Help::Fire) } => "消防の確認を待っています。結果を記録してください。",
            State::Reported { condition: Condition::Unwell, .. } => {
                "救急車が必要か確かめ、必要がなければ医療相談に進んでください。"
            }
            State::Reported { condition: Condition::Absent, .. } => "外出先を連絡先に確かめてから解消してください。",
            State::Reported { condition: Condition::Well, .. } => "結果を選んで解消してください。",
            State::Consultation { answered: true, .. } => "医師の回答に沿って対応し、解消してください。",
            other => other.row().next,
        }
    }
}

/// The state machine. Gives the state after the command, or why it cannot be.
pub fn next(state: State, command: Command, now: Instant, s: &Settings) -> Result<Transition, Refusal> {
    use Command as C;
    use State as S;
    let to = |state: S| Ok(Transition { state, due: Due::At(now + state.limit(s)), wait_until: None });
    let stay = || Ok(Transition { state, due: Due::Keep, wait_until: None });
    let end = |state: S| Ok(Transition { state, due: Due::Never, wait_until: None });
    match (state, command) {
        // Closed: only the review and calls that still come in.
        (S::Resolved { cause }, C::Review) => end(S::Reviewed { cause }),
        (S::Reviewed { .. }, C::Review) => Err(Refusal::AlreadyReviewed),
        (S::Resolved { .. } | S::Reviewed { .. }, C::IncomingCall { .. }) => end(state),
        (S::Resolved { .. } | S::Reviewed { .. }, _) => Err(Refusal::Closed),
        (_, C::Review) => Err(Refusal::NotClosedYet),

        // Whatever the step.
        (_, C::Join { urgent: true }) => Ok(Transition { state, due: Due::AtLatest(now + s.take), wait_until: None }),
        (_, C::Join { urgent: false }) => stay(),
        (S::Ambulance, C::CallAmbulance) => Err(Refusal::AmbulanceAlready),
        (_, C::CallAmbulance) => to(S::Ambulance),
        (_, C::IncomingCall { learned: None }) => stay(),
        (_, C::IncomingCall { learned: Some((condition, how)) }) => learned(state, condition, how, now, s),

        // Untaken.
        (S::Detected, C::Take) => to(S::Taken),
        (S::Detected, _) => Err(Refusal::TakeFirst),
        (_, C::Take) => to(state),

        // Calls.
        (_, C::CallResident { outcome: CallOutcome::Unsure, .. }) => Err(Refusal::OnlyForContacts),
        (_, C::CallResident { outcome: CallOutcome::Well, .. }) => {
            learned(state, Condition::Well, How::Resident, now, s)
        }
        (_, C::CallResident { outcome: CallOutcome::Unwell, .. }) => {
            learned(state, Condition::Unwell, How::Resident, now, s)
        }
        (S::Taken | S::CallingResident { .. }, C::CallResident { outcome, contacts }) => {
            missed_try(state, outcome, contacts, now, s)
        }
        (_, C::CallResident { .. }) => stay(),
        (_, C::CallContact { outcome: CallOutcome::Well, .. }) => learned(state, Condition::Well, How::Contact, now, s),
        (_, C::CallContact { outcome: CallOutcome::Unwell, .. }) => {
            learned(state, Condition::Unwell, How::Contact, now, s)
        }
        (S::Taken | S::CallingResident { .. } | S::CallingContacts, C::CallContact { left: 0, .. }) => {
            to(S::VisitRequested { accepted: false })
        }
        (S::Taken | S::CallingResident { .. } | S::CallingContacts, C::CallContact { .. }) => to(S::CallingContacts),
        (_, C::CallContact { .. }) => stay(),

        // Visits. A second visitor never sets back what the first one has reached.
        (S::Taken | S::CallingResident { .. } | S::CallingContacts | S::Reported { .. }, C::RequestVisit) => {
            to(S::VisitRequested { accepted: false })
        }
        (S::VisitRequested { accepted: false }, C::RequestVisit) => to(state),
        (_, C::RequestVisit) => stay(),
        (S::VisitRequested { accepted: false }, C::AcceptVisit) => to(S::VisitRequested { accepted: true }),
        (_, C::AcceptVisit) => stay(),
        (S::VisitRequested { .. } | S::OnTheWay, C::DeclineVisit { others }) => match others {
            Some(VisitState::Arrived) => stay_or(state, S::Arrived, now, s),
            Some(VisitState::OnTheWay) => stay_or(state, S::OnTheWay, now, s),
            Some(VisitState::Accepted) => stay_or(state, S::VisitRequested { accepted: true }, now, s),
            _ => to(S::VisitRequested { accepted: false }),
        },
        (_, C::DeclineVisit { .. }) => stay(),
        (S::VisitRequested { .. }, C::Depart) => to(S::OnTheWay),
        (_, C::Depart) => stay(),
        (S::VisitRequested { .. } | S::OnTheWay, C::Arrive) => to(S::Arrived),
        (_, C::Arrive) => stay(),
        (_, C::Report { condition, how }) => learned(state, condition, how, now, s),

        // A door that stays shut.
        (
            S::CallingContacts
            | S::VisitRequested { .. }
            | S::OnTheWay
            | S::Arrived
            | S::NobodyAnswers { .. }
            | S::Reported { .. },
            C::AskHelp(help),
        ) => to(S::NobodyAnswers { asked: Some(help) }),
        (S::Ambulance, C::AskHelp(_)) => stay(),
        (_, C::AskHelp(_)) => Err(Refusal::HelpTooEarly),

        // The doctor.
        (S::Reported { condition, how } | S::Consultation { condition, how, .. }, C::Consult) => {
            to(S::Consultation { answered: false, condition, how })
        }
        (_, C::Consult) => Err(Refusal::ReportFirst),
        (S::Consultation { condition, how, .. }, C::Answer) => to(S::Consultation { answered: true, condition, how }),
        (_, C::Answer) => stay(),

        // The end.
        (S::Consultation { answered: false, .. }, C::Close(_)) => Err(Refusal::AnswerFirst),
        (_, C::Close(cause)) if causes(&state).contains(&cause) => end(S::Resolved { cause }),
        (_, C::Close(_)) if causes(&state).is_empty() => Err(Refusal::NotKnownYet),
        (_, C::Close(_)) => Err(Refusal::CauseDoesNotFit),
    }
}

/// A try to reach the resident that failed. Tries within the interval are kept in the story and do not count, so that
/// three calls in one minute are not taken for three tries.
fn missed_try(
    state: State,
    outcome: CallOutcome,
    contacts: u8,
    now: Instant,
    s: &Settings,
) -> Result<Transition, Refusal> {
    let (tries, last) = match state {
        State::CallingResident { tries, last_try } => (tries, Some(last_try)),
        _ => (0, None),
    };
    let wrong = outcome == CallOutcome::WrongNumber;
    let too_soon = last.is_some_and(|last| now < last + s.retry_interval);
    if too_soon && !wrong {
        let wait_until = last.map(|last| last + s.retry_interval);
        return Ok(Transition { state, due: Due::Keep, wait_until });
    }
    let tries = tries.saturating_add(1);
    if tries < s.tries {
        let state = State::CallingResident { tries, last_try: now };
        let wait_until = Some(now + s.retry_interval);
        return Ok(Transition { state, due: Due::At(now + state.limit(s)), wait_until });
    }
    let state = if contacts > 0 { State::CallingContacts } else { State::VisitRequested { accepted: false } };
    Ok(Transition { state, due: Due::At(now + state.limit(s)), wait_until: None })
}

/// What becomes of a case when somebody knows how the resident is. An ambulance on its way or a doctor who was asked
/// stay the next step; a door that nobody opened outweighs an earlier word that all is well.
fn learned(state: State, condition: Condition, how: How, now: Instant, s: &Settings) -> Result<Transition, Refusal> {
    let state = match (state, condition) {
        (State::Ambulance, _) => return Ok(Transition { state, due: Due::Keep, wait_until: None }),
        (State::NobodyAnswers { asked: Some(_) }, Condition::NoAnswer) => {
            return Ok(Transition { state, due: Due::Keep, wait_until: None });
        }
        // What a relative believes does not make somebody well who was found ill.
        (State::Reported { condition: Condition::Unwell, .. }, Condition::Well | Condition::Absent)
        | (State::Consultation { condition: Condition::Unwell, .. }, Condition::Well | Condition::Absent)
            if how == How::Contact =>
        {
            return Ok(Transition { state, due: Due::Keep, wait_until: None });
        }
        (_, Condition::NoAnswer) => State::NobodyAnswers { asked: None },
        (State::Consultation { answered, .. }, _) => {
            let state = State::Consultation { answered, condition, how };
            return Ok(Transition { state, due: Due::Keep, wait_until: None });
        }
        _ => State::Reported { condition, how },
    };
    Ok(Transition { state, due: Due::At(now + state.limit(s)), wait_until: None })
}

/// Stays with the running limit where the target is the state itself.
fn stay_or(state: State, target: State, now: Instant, s: &Settings) -> Result<Transition, Refusal> {
    let due = if state == target { Due::Keep } else { Due::At(now + target.limit(s)) };
    Ok(Transition { state: target, due, wait_until: None })
}

/// With which causes a case may end in this state, the likeliest first. A cause that says "safe" needs somebody who
/// saw or heard the person.
pub fn causes(state: &State) -> &'static [Cause] {
    use Cause::*;
    match state {
        State::Reported { condition, how } => match (condition, how) {
            (Condition::Well, How::Resident) => {
                &[AnsweredWell, RequestSettled, WasOut, UnknownAbsence, DeviceFault, LineFault, FalseAlarm]
            }
            (Condition::Well, How::Contact) => {
                &[FamilySawWell, RequestSettled, WasOut, UnknownAbsence, DeviceFault, LineFault, FalseAlarm]
            }
            (Condition::Well, How::Visitor | How::Helper) => {
                &[VisitSawWell, RequestSettled, WasOut, UnknownAbsence, DeviceFault, LineFault, FalseAlarm]
            }
            (Condition::Absent, _) => &[WasOut, UnknownAbsence],
            (Condition::Unwell, _) => &[Unwell, FoundDead],
            (Condition::NoAnswer, _) => &[],
        },
        State::Consultation { answered: true, condition, how } => match (condition, how) {
            (Condition::Absent, _) => &[WasOut, UnknownAbsence],
            (_, How::Resident) => &[Unwell, AnsweredWell, RequestSettled],
            (_, How::Contact) => &[Unwell, FamilySawWell],
            (_, How::Visitor | How::Helper) => &[Unwell, VisitSawWell],
        },
        State::Ambulance => &[Ambulance, Unwell, FoundDead],
        State::NobodyAnswers { asked: Some(Help::Police | Help::Fire) } => &[Unconfirmed, FoundDead],
        _ => &[],
    }
}

/// The same for a case of these alerts: a request is settled only where somebody asked for something, and comes first there.
pub fn causes_of(state: &State, alerts: &[CaseAlert]) -> Vec<Cause> {
    let wished = alerts.iter().any(|alert| alert.rule.is_wish());
    let mut fit = causes(state).to_vec();
    fit.retain(|cause| wished || *cause != Cause::RequestSettled);
    if matches!(state, State::Reported { .. }) {
        fit.sort_by_key(|cause| *cause != Cause::RequestSettled);
    }
    fit
}

/// How long after its end a case can still be found by the number of a caller.
pub const INCOMING_WINDOW: Span = Span::hours(48);

/// Whether a case is found by a caller's number at this time.
pub fn takes_incoming(closed_at: Option<Instant>, now: Instant) -> bool {
    closed_at.is_none_or(|end| now <= end + INCOMING_WINDOW)
}
