//! What events of the rest of the system mean for the station; most mean nothing.

use base::{HomeId, PersonId};
use db::outbox;

/// News from the rest of the system that changes what the station holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Devices, contract, absences, settings, or an alert of this home changed.
    Home(HomeId),
    /// The settings of all homes changed.
    Region,
    /// A consent of this person ended, or the person moved: what rested on it must stop.
    Person(PersonId),
}

impl Signal {
    /// What an event from the outbox means for the station; most mean nothing.
    pub fn of(event: &outbox::Event) -> Option<Signal> {
        match watch::Event::of(event) {
            Some(event) => Signal::of_watch(&event),
            None => Signal::of_people(&people::Event::of(event)?),
        }
    }

    fn of_watch(event: &watch::Event) -> Option<Signal> {
        use watch::Event::*;
        match *event {
            HomeChanged { home, .. } => Some(Signal::Home(home)),
            RegionChanged {} => Some(Signal::Region),
            // The station's own, or told by the `HomeChanged` beside it.
            AlertRaised { .. }
            | AlertChanged { .. }
            | Reassured { .. }
            | AbsenceEntered { .. }
            | AbsenceByFamily { .. }
            | AbsenceCancelled { .. }
            | ActivityWhileAbsent { .. }
            | LineFault { .. }
            | LineBack { .. }
            | Outage { .. }
            | GatewayCredential { .. } => None,
        }
    }

    fn of_people(event: &people::Event) -> Option<Signal> {
        use people::Event::*;
        match *event {
            HomeRevised { home } => Some(Signal::Home(home)),
            ConsentGiven { person, .. }
            | ConsentWithdrawn { person, .. }
            | HomeChanged { person, .. }
            | LifeChanged { person, .. } => Some(Signal::Person(person)),
            // Of these the station holds nothing.
            ResidentRegistered { .. }
            | ResidentRevised { .. }
            | MedicalRevised { .. }
            | HomeRegistered { .. }
            | ContactsChanged { .. }
            | ContactRemoved { .. }
            | TeamJoined { .. }
            | TeamLeft { .. }
            | OfficeRegistered { .. }
            | OfficeRevised { .. }
            | StaffRegistered { .. }
            | StaffRevised { .. }
            | StaffStateChanged { .. } => None,
        }
    }
}
