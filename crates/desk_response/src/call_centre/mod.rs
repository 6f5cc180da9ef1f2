//! コールセンター: the queue, one case and all its steps, callers, the wallboard. It knows how a case looks and which
//! button posts where; what may be done and what comes next is `response`'s.

pub(crate) mod case;
pub(crate) mod contacts;
mod incoming;
pub(crate) mod next;
pub(crate) mod queue;
mod recent;
pub(crate) mod sections;
mod steps;
#[cfg(test)]
mod tests;
mod wallboard;

use base::Role;
use page::door::{Door, Who};
use people::Form;

/// Who can meet a case at all; whether this one, `access` decides by its grants.
const CASE_ROLES: Who =
    Who::Roles(&[Role::Operator, Role::CareManager, Role::Nurse, Role::Doctor, Role::SupportCentre, Role::CityOfficer]);
const QUEUE_ROLES: Who = Who::Roles(&[Role::Operator]);
const BOARD_ROLES: Who = Who::Roles(&[Role::Operator, Role::CityOfficer, Role::SupportCentre]);

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/cases", QUEUE_ROLES, queue::page),
        Door::look("/cases/fragment", QUEUE_ROLES, queue::fragment).renewing(),
        Door::look("/cases/aside", QUEUE_ROLES, queue::aside_fragment).renewing(),
        Door::look("/cases/{id}", CASE_ROLES, case::page),
        Door::look("/cases/{id}/fragment", CASE_ROLES, case::fragment).renewing(),
        Door::command("/cases/{id}/taking", CASE_ROLES, steps::take),
        Door::command("/cases/{id}/handover", CASE_ROLES, steps::hand_over),
        Door::command("/cases/{id}/takeover", CASE_ROLES, steps::take_over),
        Door::command("/cases/{id}/release", CASE_ROLES, steps::release),
        Door::command("/cases/{id}/calls", CASE_ROLES, steps::call),
        Door::command("/cases/{id}/incoming-calls", QUEUE_ROLES, incoming::record),
        Door::command("/cases/{id}/visits", CASE_ROLES, steps::request_visit),
        Door::command("/cases/{id}/help", CASE_ROLES, steps::ask_help),
        Door::command("/cases/{id}/help-reports", CASE_ROLES, steps::report_help),
        Door::command("/cases/{id}/ambulance", ANY_WORKER, steps::ambulance),
        Door::command("/cases/{id}/consultations", CASE_ROLES, steps::consult),
        Door::command("/cases/{id}/answers", CASE_ROLES, steps::answer),
        Door::command("/cases/{id}/closure", CASE_ROLES, steps::close),
        Door::plain("/incoming", QUEUE_ROLES, incoming::page),
        Door::search("/incoming", QUEUE_ROLES, incoming::search),
        Door::plain("/wallboard", BOARD_ROLES, wallboard::page),
        Door::plain("/wallboard/fragment", BOARD_ROLES, wallboard::fragment).renewing(),
    ]
}

/// Whoever stands at the door may find that an ambulance is needed.
pub(crate) const ANY_WORKER: Who = Who::Roles(&[
    Role::Operator,
    Role::CareManager,
    Role::CareWorker,
    Role::Nurse,
    Role::Doctor,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Commissioner,
    Role::Family,
]);

/// The note of a form; several forms of one page name theirs differently, so that every label finds its own field.
fn note_of(form: &Form) -> base::Redacted<String> {
    let note = form.pairs().iter().find(|(field, text)| field.starts_with("note") && !text.trim().is_empty());
    base::Redacted::new(note.map_or(String::new(), |(_, text)| text.trim().to_owned()))
}
