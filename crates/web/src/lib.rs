//! All desks of the site behind one router, and every table that a region stores.

mod about;
pub mod news;
#[cfg(test)]
mod refusals;
pub mod router;
pub mod verbs;

use db::Migration;

/// Everything a region stores: every table of every capability, in the order of their dependencies.
pub const MIGRATIONS: &[&[Migration]] = &[
    audit::MIGRATIONS,
    access::MIGRATIONS,
    people::MIGRATIONS,
    signin::MIGRATIONS,
    care::MIGRATIONS,
    notify::MIGRATIONS,
    watch::MIGRATIONS,
    response::MIGRATIONS,
];
