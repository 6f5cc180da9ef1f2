//! The professional's day: what is new for me, what I owe, the people of my teams and their notebooks.

mod list;
mod note;
mod note_card;
mod person;
#[cfg(test)]
mod tests;
mod today;
mod verbs;
mod writing;

use base::Role;
use page::door::{Door, Who};

pub use verbs::Look;

/// Those who share the notebook.
pub const TEAM: &[Role] = &[Role::Doctor, Role::Nurse, Role::Pharmacist, Role::CareManager, Role::CareWorker];

/// The team, and the city's office, which reads the register without the notebook.
const READERS: &[Role] =
    &[Role::Doctor, Role::Nurse, Role::Pharmacist, Role::CareManager, Role::CareWorker, Role::CityOfficer];

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/today", Who::Roles(TEAM), today::page),
        Door::look("/today/lists", Who::Roles(TEAM), today::fragment).renewing(),
        Door::look("/people", Who::Roles(READERS), list::page),
        Door::search("/people/search", Who::Roles(READERS), list::search),
        Door::look("/people/{id}", Who::Roles(READERS), person::page),
        Door::look("/people/{id}/notes/new", Who::Roles(TEAM), writing::page),
        Door::command("/people/{id}/notes", Who::Roles(TEAM), writing::write),
        Door::look("/notes/{id}", Who::Roles(TEAM), note::page),
        Door::command("/notes/{id}/replies", Who::Roles(TEAM), note::reply),
        Door::command("/notes/{id}/reactions", Who::Roles(TEAM), note::react),
        Door::look("/notes/{id}/versions", Who::Roles(TEAM), note::versions),
        Door::command("/notes/{id}/corrections", Who::Roles(TEAM), note::correct),
        Door::command("/notes/{id}/withdrawal", Who::Roles(TEAM), note::withdraw),
    ]
}
