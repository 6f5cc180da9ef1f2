//! みまもり: devices at a home, what they say, the home's rhythm, and when its silence becomes remarkable.
//!
//! It knows homes, devices, readings, alerts and absences; it knows no call, no visit and no message: what happens
//! after an alert is `response`'s. Whatever decides is a pure function of what was heard and the time given.

mod absence;
mod alert;
mod arrival;
mod device;
pub mod replay;
pub mod rhythm;

use db::Migration;

pub use absence::{Absence, AbsenceReason, Weekly};
pub use alert::{Alert, AlertState, Cause, Level, Rule};
pub use arrival::*;
pub use device::{BadPayload, Counters, Device, DeviceKind, Gateway, UnknownDevice};

pub const MIGRATIONS: &[Migration] = &[Migration { name: "watch/001", sql: include_str!("schema.sql") }];
