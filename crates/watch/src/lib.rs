//! watch

mod arrival;
pub use arrival::*;
