//! Pages and routes: the only crate that writes HTML.

pub mod address;
pub mod assets;
pub mod components;
pub mod door;
pub mod frame;
mod guard;
pub mod layout;
pub mod live;
pub mod posted;
pub mod problem;
pub mod router;
mod signing;
pub mod site;
pub mod visitor;
