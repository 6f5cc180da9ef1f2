//! Pages and routes: the only crate that writes HTML.

pub mod address;
mod admin;
pub mod assets;
mod call_centre;
mod care;
mod city;
pub mod components;
pub mod door;
mod draft;
mod family;
pub mod frame;
mod guard;
mod head;
mod home;
pub mod layout;
mod link;
pub mod live;
mod messages;
mod named;
pub mod posted;
pub mod problem;
pub mod router;
mod signing;
pub mod site;
#[cfg(test)]
mod testing;
pub mod visitor;
mod visits;
