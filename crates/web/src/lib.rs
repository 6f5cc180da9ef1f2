//! All desks of the site behind one router.

mod admin;
mod call_centre;
mod care;
mod city;
mod family;
mod head;
mod home;
mod link;
mod messages;
pub mod router;
mod signing;
#[cfg(test)]
mod testing;
mod visits;

use db::Migration;

pub use page::{
    assets, client, components, door, draft, frame, guard, layout, live, named, options, posted, problem, site, visitor,
};

/// Everything a region stores: every table of every capability, in the order of their dependencies.
pub const MIGRATIONS: &[&[Migration]] = &[
    audit::MIGRATIONS,
    access::MIGRATIONS,
    people::MIGRATIONS,
    signin::MIGRATIONS,
    ::care::MIGRATIONS,
    notify::MIGRATIONS,
    watch::MIGRATIONS,
    response::MIGRATIONS,
];
