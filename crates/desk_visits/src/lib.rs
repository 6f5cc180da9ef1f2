//! 訪問: for whoever is asked to go, on a telephone, in the rain. Where, why, how to get in, what to report; each by one
//! touch. It knows no diagnosis and nothing of a person whose case is over.

mod photos;
mod places;
mod steps;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_photos;
mod verbs;
mod visit;

use base::{Role, limits};
use page::door::{Door, Who};
use response::Verb;

pub use verbs::Look;

/// Who can be asked to visit, and who sees the requests of their own people.
const VISITOR_ROLES: Who = Who::Roles(&[
    Role::CareManager,
    Role::Nurse,
    Role::CareWorker,
    Role::Doctor,
    Role::Commissioner,
    Role::SupportCentre,
    Role::Family,
]);
/// The call centre writes down what a visitor without an account says on the telephone.
const REPORT_ROLES: Who = Who::Roles(&[
    Role::CareManager,
    Role::Nurse,
    Role::CareWorker,
    Role::Doctor,
    Role::Commissioner,
    Role::SupportCentre,
    Role::Family,
    Role::Operator,
]);

/// Whoever may ever see a case or a visit; whose, `access` decides.
const PHOTO_ROLES: Who = Who::Roles(&[
    Role::Operator,
    Role::CareManager,
    Role::Nurse,
    Role::CareWorker,
    Role::Doctor,
    Role::Pharmacist,
    Role::Commissioner,
    Role::SupportCentre,
    Role::CityOfficer,
    Role::Family,
]);

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/visits", VISITOR_ROLES, visit::list),
        Door::look("/visits/fragment", VISITOR_ROLES, visit::list_fragment).renewing(),
        Door::look("/visits/{id}", VISITOR_ROLES, visit::visit),
        Door::look("/visits/{id}/fragment", VISITOR_ROLES, visit::fragment).renewing(),
        Door::command("/visits/{id}/acceptance", REPORT_ROLES, steps::touch(Verb::AcceptVisit, response::accept_visit)),
        Door::command("/visits/{id}/refusal", REPORT_ROLES, steps::decline),
        Door::command("/visits/{id}/departure", REPORT_ROLES, steps::touch(Verb::OnTheWay, response::on_the_way)),
        Door::command("/visits/{id}/substitution", REPORT_ROLES, steps::touch(Verb::OnTheWay, response::go_instead)),
        Door::command("/visits/{id}/arrival", REPORT_ROLES, steps::touch(Verb::Arrived, response::arrived)),
        Door::command("/visits/{id}/report", REPORT_ROLES, steps::report),
        Door::command("/visits/{id}/photos", VISITOR_ROLES, photos::attach).taking(limits::PHOTO_FORM_BYTES),
        Door::look("/photos/{id}", PHOTO_ROLES, photos::show),
    ]
}
