//! What events of the rest of the system mean for the station; most mean nothing.

use base::{HomeId, PersonId};
use db::outbox;
use uuid::Uuid;

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
        let body: serde_json::Value = serde_json::from_str(&event.body).ok()?;
        let id = |field: &str| body.get(field)?.as_str()?.parse::<Uuid>().ok();
        match event.topic.as_str() {
            "watch.home_changed" | "people.home_revised" => id("home").map(|id| Signal::Home(HomeId(id))),
            "watch.region_changed" => Some(Signal::Region),
            "people.consent_given" | "people.consent_withdrawn" | "people.home_changed" | "people.life_changed" => {
                id("person").map(|id| Signal::Person(PersonId(id)))
            }
            _ => None,
        }
    }
}
