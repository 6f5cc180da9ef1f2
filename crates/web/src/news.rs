//! What each committed event means for the screens: which channels hear it, and about whom. A new event does not
//! compile until it stands here.

use access::Knower;
use base::PersonId;
use db::outbox;
use db::{DbError, Tx};
use watch::Level;

use page::live::{Channel, Happened, Whom};

/// What screens must know of these events, and who knows their persons: read once for all screens, however many.
pub type News = (Vec<Happened>, Vec<Knower>);

/// Whoever knew a person when the earliest of these happened is told: also whose grant ended with it, or the screen of
/// a case that was just closed would show it open.
pub fn news(tx: &mut dyn Tx, events: &[outbox::Event]) -> Result<News, DbError> {
    let happened: Vec<Happened> = events.iter().filter_map(happened).collect();
    let mut persons: Vec<PersonId> = happened.iter().filter_map(|h| whose(h.whom)).collect();
    persons.sort_unstable();
    persons.dedup();
    let since = events.iter().map(|event| event.at).min().unwrap_or_default();
    let knowers = access::knowers(tx, &persons, since)?;
    Ok((happened, knowers))
}

fn whose(whom: Whom) -> Option<PersonId> {
    match whom {
        Whom::Of(person) | Whom::InNeed(person) => Some(person),
        Whom::All | Whom::Messages(_) => None,
    }
}

/// `None` for what no screen shows, and for what a former version told and nobody reads any more.
pub fn happened(event: &outbox::Event) -> Option<Happened> {
    if let Some(event) = watch::Event::of(event) {
        return of_watch(&event);
    }
    if let Some(event) = response::Event::of(event) {
        return Some(of_response(&event));
    }
    if let Some(event) = care::Event::of(event) {
        return Some(of_care(&event));
    }
    if let Some(event) = people::Event::of(event) {
        return Some(of_people(&event));
    }
    if signin::Event::of(event).is_some() {
        // No screen shows a session, and who is told of an account gets a message.
        return None;
    }
    match notify::Event::of(event)? {
        notify::Event::Screen { recipient, .. } => on(&[], Whom::Messages(recipient)).into(),
        // Read on a page that does not listen.
        notify::Event::Undeliverable { .. } => None,
    }
}

const fn on(channels: &'static [Channel], whom: Whom) -> Happened {
    Happened { channels, whom }
}

/// An event of a former version may not name its person: then everybody on the channel asks.
fn of(person: Option<PersonId>) -> Whom {
    person.map_or(Whom::All, Whom::Of)
}

fn of_watch(event: &watch::Event) -> Option<Happened> {
    use watch::Event::*;
    const ALERTS: &[Channel] = &[Channel::Cases, Channel::Family];
    const HOMES: &[Channel] = &[Channel::Family, Channel::Register];
    Some(match *event {
        AlertRaised { person, level: Level::Alert, .. } => on(ALERTS, Whom::InNeed(person)),
        AlertRaised { person, level: Level::Notice, .. } => on(ALERTS, Whom::Of(person)),
        AlertChanged { person, .. } => on(ALERTS, of(person)),
        AbsenceEntered { person, .. } | AbsenceByFamily { person, .. } | AbsenceCancelled { person, .. } => {
            on(&[Channel::Family], Whom::Of(person))
        }
        ActivityWhileAbsent { person, .. } => on(&[Channel::Family], of(person)),
        LineFault { person, .. } | LineBack { person, .. } | HomeChanged { person, .. } => on(HOMES, of(person)),
        Outage { .. } => on(HOMES, Whom::All),
        RegionChanged {} | GatewayCredential { .. } => on(&[Channel::Register], Whom::All),
        // The end of the case, in the same commit, is what screens show.
        Reassured { .. } => return None,
    })
}

fn of_response(event: &response::Event) -> Happened {
    use response::Event::*;
    const CASES: &[Channel] = &[Channel::Cases, Channel::Notebook, Channel::Family];
    match *event {
        CaseOpened { person, .. }
        | AlertJoined { person, .. }
        | Escalated { person, .. }
        | Unreadable { person, .. } => on(CASES, Whom::InNeed(person)),
        Taken { person, .. }
        | HandedOver { person, .. }
        | TakenOver { person, .. }
        | Released { person, .. }
        | CallRecorded { person, .. }
        | IncomingCallRecorded { person, .. }
        | VisitRequested { person, .. }
        | VisitAccepted { person, .. }
        | VisitDeclined { person, .. }
        | OnTheWay { person, .. }
        | Arrived { person, .. }
        | VisitReported { person, .. }
        | PhotosAttached { person, .. }
        | HelpAsked { person, .. }
        | AmbulanceCalled { person, .. }
        | Consulted { person, .. }
        | ConsultationAnswered { person, .. }
        | Closed { person, .. }
        | Reviewed { person, .. }
        | VisitAsked { person, .. } => on(CASES, Whom::Of(person)),
        SettingsChanged {} => on(&[Channel::Cases], Whom::All),
    }
}

fn of_care(event: &care::Event) -> Happened {
    use care::Event::*;
    match *event {
        NoteWritten { person, .. }
        | NoteCorrected { person, .. }
        | NoteWithdrawn { person, .. }
        | NoteAnswered { person, .. }
        | NoteRead { person, .. }
        | NoteAcknowledged { person, .. } => on(&[Channel::Notebook], Whom::Of(person)),
    }
}

fn of_people(event: &people::Event) -> Happened {
    use people::Event::*;
    const REGISTER: &[Channel] = &[Channel::Register];
    match *event {
        ResidentRegistered { person, .. }
        | ResidentRevised { person }
        | MedicalRevised { person }
        | ContactsChanged { person }
        | ContactRemoved { person, .. }
        | HomeChanged { person, .. } => on(REGISTER, Whom::Of(person)),
        ConsentGiven { person, .. } | ConsentWithdrawn { person, .. } => {
            on(&[Channel::Register, Channel::Family], Whom::Of(person))
        }
        TeamJoined { person, .. } | TeamLeft { person, .. } => {
            on(&[Channel::Register, Channel::Notebook], Whom::Of(person))
        }
        LifeChanged { person, .. } => on(Channel::ALL, Whom::Of(person)),
        HomeRegistered { .. }
        | HomeRevised { .. }
        | OfficeRegistered { .. }
        | OfficeRevised { .. }
        | StaffRegistered { .. }
        | StaffRevised { .. }
        | StaffStateChanged { .. } => on(REGISTER, Whom::All),
    }
}
