//! Where a request came from, for the throttle of sign-ins. Kept as a hash only; never logged.

use std::net::IpAddr;

use admission::Caller;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::problem::Problem;

/// The client's address: the proxy's word where the proxy is trusted, else the connection's other end.
pub struct ClientAddress(pub signin::Address);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without a caller the request came from within the program (tests): all such share one throttle.
        let ip = parts.extensions.get::<Caller>().map_or(IpAddr::from([127, 0, 0, 1]), Caller::address);
        Ok(ClientAddress(signin::Address::of(ip)))
    }
}
