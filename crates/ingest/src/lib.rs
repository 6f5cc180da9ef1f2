//! The ways in for sensor readings: MQTT and HTTP, both leading through one bounded queue to the station that stores.
//!
//! It knows wire formats and acknowledgements; what a reading means is decided by `watch`.

use std::pin::Pin;
use std::sync::Arc;

use base::{GatewayId, Redacted};

pub mod http;
pub mod inlet;
pub mod mqtt;
pub mod payload;
pub mod station;

pub use inlet::{Answer, Delivery, DeliveryError, Inlet, Receipt, Room};

/// Whose credential this is: (gateway's id or name, credential). The name is empty where the way in carries none
/// (HTTP's bearer token); the credential alone must then identify the gateway. `None`: nobody's, or revoked.
pub type Authenticate =
    Arc<dyn Fn(String, Redacted<Vec<u8>>) -> Pin<Box<dyn Future<Output = Option<GatewayId>> + Send>> + Send + Sync>;

/// The clock that `app` injects; it stamps `received_at`.
pub use base::Clock;

/// What every way in needs.
#[derive(Clone)]
pub struct Ways {
    pub inlet: Inlet,
    pub authenticate: Authenticate,
    pub clock: Clock,
}

/// Counts what came in, before anybody knows whether it is new; no label names a gateway or a device.
fn count(parsed: &payload::Parsed, way: &'static str) {
    metrics::counter!("ingest_arrivals_total", "way" => way).increment(parsed.arrivals.len() as u64);
    if parsed.ignored > 0 {
        metrics::counter!("ingest_ignored_total", "way" => way).increment(u64::from(parsed.ignored));
    }
    for rejected in &parsed.rejected {
        metrics::counter!("ingest_malformed_total", "way" => way, "why" => rejected.malformed.why.key()).increment(1);
    }
}
