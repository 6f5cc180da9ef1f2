//! Who may do what with whom: Cedar policies decide, grants say on what ground somebody knows a person.
//!
//! It knows no reason behind a grant (a team, a case, a consent): whoever opens a relation inserts the grant and ends
//! it. Whatever goes wrong, the answer is no.

mod grants;
mod policy;
mod scope;
#[cfg(test)]
mod tests;
mod witness;
mod words;

use base::PersonId;
use db::{DbError, Migration};
use thiserror::Error;

pub use grants::{
    FOREVER, Grant, Items, Knower, grant, grants_of, holders, inhabited, knowers, revoke_from, revoke_holder,
    revoke_person, revoke_source, settle_office, settle_person,
};
pub use policy::{Deed, Policies, PolicyError, Rules, install};
pub use scope::{Outline, Scope, scope};
pub use witness::{
    Charged, Shown, Witness, Witnesses, charge, may, require, require_all, require_each, require_some, shown_rows,
    which, would,
};
pub use words::{Act, Charge, Ground};

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "access/001", sql: include_str!("schema.sql") },
    Migration { name: "access/002", sql: include_str!("schema_002.sql") },
];

#[derive(Debug, Error)]
pub enum AccessError {
    /// Says nothing of whether the person exists. `person` is for the record, never for the page.
    #[error("この方の情報を見る権限、または操作する権限がありません。必要な場合は事務局にご相談ください。")]
    Denied { act: Act, person: Option<PersonId> },
    #[error("この操作を行う権限がありません。必要な場合は事務局にご相談ください。")]
    NotInCharge { charge: Charge },
    #[error(transparent)]
    Db(#[from] DbError),
}
