//! What a case tells the rest of the house, with the commit in which it happened. `step` is the step reached.

use base::{CaseId, HomeId, PersonId, VisitId};
use uuid::Uuid;

use crate::case::Happening;
use crate::{Case, Rung, Step};

db::events! {
    Event {
        CaseOpened = "response.case_opened" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        AlertJoined = "response.alert_joined" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Taken = "response.taken" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        HandedOver = "response.handed_over" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        TakenOver = "response.taken_over" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Released = "response.released" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        CallRecorded = "response.call_recorded" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        IncomingCallRecorded = "response.incoming_call_recorded" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        VisitRequested = "response.visit_requested" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        VisitAccepted = "response.visit_accepted" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        VisitDeclined = "response.visit_declined" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        OnTheWay = "response.on_the_way" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Arrived = "response.arrived" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        VisitReported = "response.visit_reported" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        PhotosAttached = "response.photos_attached" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        HelpAsked = "response.help_asked" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        AmbulanceCalled = "response.ambulance_called" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Consulted = "response.consulted" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        ConsultationAnswered = "response.consultation_answered" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Closed = "response.closed" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        Reviewed = "response.reviewed" { case: CaseId, person: PersonId, home: HomeId, step: Step };
        /// The limit is over: who was told, and who that is.
        Escalated = "response.escalated" {
            case: CaseId, person: PersonId, home: HomeId, step: Step, rung: Option<Rung>, recipient: Option<Uuid>,
        };
        /// A case that cannot be read went to the city.
        Unreadable = "response.unreadable" { case: CaseId, person: PersonId, rung: Rung, recipient: Option<Uuid> };
        /// To the one who is asked to go; `kind` says which register the visitor stands in.
        VisitAsked = "response.visit_asked" {
            visit: VisitId, case: CaseId, person: PersonId, visitor: Uuid, kind: String,
        };
        /// Limits and questions of the city changed.
        SettingsChanged = "response.settings_changed" {};
    }
}

impl Event {
    /// What a line of the story is to the rest of the house.
    pub(crate) fn of_case(of: &Case, what: Happening) -> Event {
        let (case, person, home, step) = (of.id, of.person, of.home, of.state.step());
        match what {
            Happening::Opened => Event::CaseOpened { case, person, home, step },
            Happening::Joined => Event::AlertJoined { case, person, home, step },
            Happening::Taken => Event::Taken { case, person, home, step },
            Happening::HandedOver => Event::HandedOver { case, person, home, step },
            Happening::TakenOver => Event::TakenOver { case, person, home, step },
            Happening::Released => Event::Released { case, person, home, step },
            Happening::CalledResident | Happening::CalledContact => Event::CallRecorded { case, person, home, step },
            Happening::Incoming => Event::IncomingCallRecorded { case, person, home, step },
            Happening::VisitRequested => Event::VisitRequested { case, person, home, step },
            Happening::VisitAccepted => Event::VisitAccepted { case, person, home, step },
            Happening::VisitDeclined => Event::VisitDeclined { case, person, home, step },
            Happening::Departed => Event::OnTheWay { case, person, home, step },
            Happening::Arrived => Event::Arrived { case, person, home, step },
            Happening::Reported => Event::VisitReported { case, person, home, step },
            Happening::Photographed => Event::PhotosAttached { case, person, home, step },
            Happening::HelpAsked => Event::HelpAsked { case, person, home, step },
            Happening::Ambulance => Event::AmbulanceCalled { case, person, home, step },
            Happening::Consulted => Event::Consulted { case, person, home, step },
            Happening::Answered => Event::ConsultationAnswered { case, person, home, step },
            Happening::Closed => Event::Closed { case, person, home, step },
            Happening::Reviewed => Event::Reviewed { case, person, home, step },
            Happening::Escalated => Event::Escalated { case, person, home, step, rung: of.told, recipient: None },
        }
    }
}
