//! 市と地域包括支援センター: what is overdue and what is asked of them, the operator's script and the limits, what was
//! learned from closed cases.

mod left_out;
mod overdue;
mod review;
mod script;
#[cfg(test)]
mod tests;

use base::Role;
use page::door::{Door, Who};

const OVERDUE_ROLES: Who = Who::Roles(&[Role::CityOfficer, Role::SupportCentre, Role::Operator, Role::CareManager]);
const SETTING_ROLES: Who = Who::Roles(&[Role::CityOfficer, Role::Administrator]);
const REVIEW_ROLES: Who = Who::Roles(&[Role::Operator, Role::CityOfficer]);

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/overdue", OVERDUE_ROLES, overdue::page),
        Door::look("/overdue/fragment", OVERDUE_ROLES, overdue::fragment).renewing(),
        Door::plain("/watch-script", SETTING_ROLES, script::page),
        Door::command("/watch-script", SETTING_ROLES, script::save),
        Door::plain("/reviews", REVIEW_ROLES, review::page),
        Door::command("/cases/{id}/review", REVIEW_ROLES, review::record),
    ]
}
