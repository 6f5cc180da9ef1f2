//! Pages and routes: the only crate that writes HTML.

pub mod address;
mod admin;
pub mod assets;
mod care;
pub mod components;
pub mod door;
mod draft;
pub mod frame;
mod guard;
mod head;
pub mod layout;
pub mod live;
mod named;
pub mod posted;
pub mod problem;
pub mod router;
mod signing;
pub mod site;
pub mod visitor;
