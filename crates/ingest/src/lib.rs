//! The ways in for sensor readings: MQTT and HTTP, both leading through one bounded queue to the station that stores.
//!
//! It knows wire formats and acknowledgements; what a reading means is decided by `watch`.

pub mod inlet;
pub mod payload;

pub use inlet::{Answer, Delivery, DeliveryError, Inlet, Receipt};
