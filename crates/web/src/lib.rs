//! Pages and routes: the only crate that writes HTML.

pub mod assets;
pub mod components;
pub mod layout;
