//! The nouns of a case: what is stored, as its readers get it.

use base::{AlertId, CallId, CaseId, ContactId, HomeId, Instant, OfficeId, PersonId, Redacted, Role, StaffId, VisitId};
use uuid::Uuid;
use watch::{Cause, Rule};

use crate::{CallOutcome, Condition, Rung, State, VisitState};
use base::words;

/// One case of one home. Holds no name: who the person is comes from `people`.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    pub id: CaseId,
    /// 受付番号: counts up in the region, spoken on the telephone.
    pub number: i64,
    pub home: HomeId,
    pub person: PersonId,
    /// The rule and the reason of the alert that opened it.
    pub rule: Rule,
    pub reason: String,
    /// The emergency button was pressed, or somebody feels unwell.
    pub urgent: bool,
    pub state: State,
    pub opened_at: Instant,
    /// The office that works it first: the call centre, or whoever stands in for a region without one.
    pub centre: Option<OfficeId>,
    /// When somebody took it for the first time.
    pub taken_at: Option<Instant>,
    pub holder: Option<StaffId>,
    pub held_since: Option<Instant>,
    /// The limit of the step; `None` only when closed.
    pub due_at: Option<Instant>,
    /// When the next in line is told; later than `due_at` once somebody was told.
    pub escalate_at: Option<Instant>,
    /// Who was told last that this limit is over.
    pub told: Option<Rung>,
    /// Before this moment another try is not worth much.
    pub wait_until: Option<Instant>,
    /// When somebody first saw or heard the person in this case.
    pub reached_at: Option<Instant>,
    pub closed_at: Option<Instant>,
    pub closed_by: Option<Uuid>,
    pub cause: Option<Cause>,
    pub closing_text: Redacted<String>,
}

/// Somebody asked for a call, or feels unwell.
pub(crate) const CALL_WHO_ANSWERED: &str = "お返事をくださった方に電話してください。";

impl Case {
    pub fn open(&self) -> bool {
        self.state.open()
    }

    /// What the one in charge is told to do now, where only the case is known.
    pub fn next_words(&self) -> &'static str {
        let answered = matches!(self.rule, Rule::CallWanted | Rule::FeelsUnwell);
        match self.state {
            State::Taken if answered => CALL_WHO_ANSWERED,
            _ => self.state.next_step(),
        }
    }

    pub fn overdue(&self, now: Instant) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

/// An alert that belongs to a case.
#[derive(Clone, Debug)]
pub struct CaseAlert {
    pub id: AlertId,
    pub at: Instant,
    pub rule: Rule,
    pub reason: String,
}

words! {
    /// What happened in a case: the words of its story.
    Happening {
        Opened = "opened", "検知";
        Joined = "joined", "同じ住まいのアラート";
        Taken = "taken", "受付";
        HandedOver = "handed_over", "引き継ぎ";
        TakenOver = "taken_over", "担当を替わる";
        Released = "released", "担当を離れる";
        CalledResident = "called_resident", "本人に架電";
        CalledContact = "called_contact", "連絡先に架電";
        Incoming = "incoming", "着信";
        VisitRequested = "visit_requested", "訪問依頼";
        VisitAccepted = "visit_accepted", "訪問を承諾";
        VisitDeclined = "visit_declined", "訪問を辞退";
        Departed = "departed", "向かう";
        Arrived = "arrived", "現着";
        Reported = "reported", "報告";
        Photographed = "photographed", "写真";
        HelpAsked = "help_asked", "開扉の依頼";
        Ambulance = "ambulance", "救急要請";
        Consulted = "consulted", "医療相談";
        Answered = "answered", "医師の回答";
        Escalated = "escalated", "期限超過の連絡";
        Closed = "closed", "解消";
        Reviewed = "reviewed", "振り返り";
    }
}

/// One line of the story.
#[derive(Clone, Debug)]
pub struct StepRow {
    pub seq: i64,
    pub at: Instant,
    pub by: Uuid,
    pub role: Role,
    /// Empty for the program itself and for relatives.
    pub by_name: Redacted<String>,
    pub what: Happening,
    /// The step reached.
    pub step: crate::Step,
    pub detail: Redacted<String>,
}

/// To whom a call went, or from whom it came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Callee {
    Resident,
    Contact(ContactId),
}

#[derive(Clone, Debug)]
pub struct Call {
    pub id: CallId,
    pub at: Instant,
    pub by: Uuid,
    pub incoming: bool,
    pub who: Callee,
    pub outcome: CallOutcome,
    pub note: Redacted<String>,
}

/// Who is asked to go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Visitor {
    Contact(ContactId),
    Staff(StaffId),
    /// Whoever of the office is free: a provider, the commissioners, the support centre.
    Office(OfficeId),
}

impl Visitor {
    pub fn uuid(self) -> Uuid {
        match self {
            Visitor::Contact(id) => id.0,
            Visitor::Staff(id) => id.0,
            Visitor::Office(id) => id.0,
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Visitor::Contact(_) => "contact",
            Visitor::Staff(_) => "staff",
            Visitor::Office(_) => "office",
        }
    }

    pub(crate) fn from_parts(kind: &str, id: Uuid) -> Option<Visitor> {
        match kind {
            "contact" => Some(Visitor::Contact(ContactId(id))),
            "staff" => Some(Visitor::Staff(StaffId(id))),
            "office" => Some(Visitor::Office(OfficeId(id))),
            _ => None,
        }
    }
}

/// One request to visit, and how far it has come.
#[derive(Clone, Debug)]
pub struct Visit {
    pub id: VisitId,
    pub case: CaseId,
    pub person: PersonId,
    pub visitor: Visitor,
    pub state: VisitState,
    pub note: Redacted<String>,
    pub asked_by: Uuid,
    pub asked_at: Instant,
    /// Who of the office that was asked agreed to go, or set out in a colleague's place.
    pub goes: Option<Uuid>,
    pub answered_at: Option<Instant>,
    pub departed_at: Option<Instant>,
    pub arrived_at: Option<Instant>,
    pub reported_at: Option<Instant>,
    pub reported_by: Option<Uuid>,
    pub condition: Option<Condition>,
    pub report: Redacted<String>,
}
