//! watch

mod arrival;
pub use arrival::*;

pub mod replay;
pub mod rhythm;
