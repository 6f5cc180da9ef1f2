//! What the register tells the rest of the house, with the commit in which it happened.

use base::{ConsentId, ContactId, HomeId, OfficeId, PersonId, StaffId};
use uuid::Uuid;

use crate::{ConsentState, LifeStatus, StaffState};

db::events! {
    Event {
        ResidentRegistered = "people.resident_registered" { person: PersonId, home: HomeId };
        ResidentRevised = "people.resident_revised" { person: PersonId };
        /// Somebody died or moved away, or it was an error.
        LifeChanged = "people.life_changed" { person: PersonId, home: HomeId, life: LifeStatus };
        MedicalRevised = "people.medical_revised" { person: PersonId };
        HomeRegistered = "people.home_registered" { home: HomeId };
        HomeRevised = "people.home_revised" { home: HomeId };
        /// A resident lives in another home now.
        HomeChanged = "people.home_changed" { person: PersonId, from: HomeId, to: HomeId };
        ContactsChanged = "people.contacts_changed" { person: PersonId };
        ContactRemoved = "people.contact_removed" { person: PersonId, contact: ContactId };
        /// `scope` is the key of a [`ConsentScope`](crate::ConsentScope), `contact` whom it is about, if anybody.
        ConsentGiven = "people.consent_given" {
            consent: ConsentId, person: PersonId, scope: String, contact: Option<ContactId>, state: ConsentState,
        };
        ConsentWithdrawn = "people.consent_withdrawn" {
            consent: ConsentId, person: PersonId, scope: String, contact: Option<ContactId>, state: ConsentState,
        };
        TeamJoined = "people.team_joined" { person: PersonId, staff: StaffId, membership: Uuid };
        TeamLeft = "people.team_left" { person: PersonId, staff: StaffId, membership: Uuid };
        OfficeRegistered = "people.office_registered" { office: OfficeId };
        OfficeRevised = "people.office_revised" { office: OfficeId };
        StaffRegistered = "people.staff_registered" { staff: StaffId };
        StaffRevised = "people.staff_revised" { staff: StaffId };
        StaffStateChanged = "people.staff_state_changed" { staff: StaffId, state: StaffState };
    }
}
