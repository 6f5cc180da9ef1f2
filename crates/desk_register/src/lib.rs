//! The office of the network (事務局): the register of residents with their homes, contacts, teams and consents;
//! offices and staff; accounts; and, for auditors and the residents themselves, who looked at whom. It shows no
//! diagnosis and no note: the policies give this office none.

mod account_acts;
mod account_pages;
mod accounts;
mod consent_parts;
mod consent_words;
mod consents;
mod contacts;
mod heads;
mod history;
mod looks;
mod looks_words;
mod new_resident;
mod offices;
mod person;
mod register;
mod resident_fields;
mod revise;
mod second;
mod staff;
mod team;
#[cfg(test)]
mod tests;
mod verbs;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base::Role;
use maud::Markup;
use page::door::{Door, Who};
use page::draft::Draft;
use page::problem::Problem;
use std::str::FromStr;

pub use verbs::Look;

/// Who keeps the register.
const OFFICE: Who = Who::Roles(&[Role::Administrator]);
/// Who reads it: the city too, as far as the policies show it anything.
const READERS: Who = Who::Roles(&[Role::Administrator, Role::CityOfficer]);

pub fn doors() -> Vec<Door> {
    let mut doors = register::doors();
    doors.extend(new_resident::doors());
    doors.extend(person::doors());
    doors.extend(revise::doors());
    doors.extend(contacts::doors());
    doors.extend(team::doors());
    doors.extend(consents::doors());
    doors.extend(history::doors());
    doors.extend(offices::doors());
    doors.extend(staff::doors());
    doors.extend(accounts::doors());
    doors.extend(account_acts::doors());
    doors.extend(looks::doors());
    doors
}

/// The form again, with what is wrong.
fn again(draft: &Draft, page: Markup) -> Response {
    (draft.status(), page).into_response()
}

/// Two ids of an address, as [`page::named::Named`] reads one.
struct Two<A, B>(A, B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Two<A, B> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        let mut texts = params.iter().map(|(_, text)| text);
        let (a, b) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        let read = a.parse().ok().zip(b.parse().ok());
        read.map(|(a, b)| Two(a, b)).ok_or(Problem::NotFound)
    }
}

/// The pairs of an address's query; what is not there is blank.
type Asked = axum::extract::Query<Vec<(String, String)>>;

fn asked<'a>(query: &'a Asked, name: &str) -> &'a str {
    query.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}
