//! Stories of homes in virtual time: what is told, once, with its reason, and what never is.

mod broken;
mod calls;
mod clocks;
mod faults;
mod houses;
mod known;
mod line;
mod makers;
mod meters;
mod questions;
mod restart;
mod stories;
mod trouble;
