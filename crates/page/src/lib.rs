//! What every desk stands on: routes and their guards, the signed-in reader and their two ways to touch a record, the
//! frame around a page, forms as they stand, and the building blocks. Of the capabilities it knows only sign-in; what
//! else its frame shows (the office's name, what is unread) is handed in.

pub mod about;
pub mod address;
pub mod assets;
pub mod certificate;
pub mod client;
pub mod components;
pub mod door;
pub mod draft;
mod faults;
mod foresight;
pub mod frame;
pub mod guard;
mod lately;
pub mod layout;
pub mod live;
pub mod named;
pub mod posted;
pub mod problem;
pub mod renewals;
pub mod site;
mod standing;
pub mod stranger;
pub mod typed;
pub mod visitor;
