//! Where a request came from, for the throttle of sign-ins. Kept as a hash only; never logged.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::problem::Problem;

/// Set by the listener where a trusted proxy told the client's address.
#[derive(Clone, Copy, Debug)]
pub struct ToldByProxy(pub IpAddr);

/// The client's address: the proxy's word where the proxy is trusted, else the connection's other end.
pub struct ClientAddress(pub signin::Address);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let told = parts.extensions.get::<ToldByProxy>().map(|t| t.0);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
        // Without either the request came from within the program (tests): all such share one throttle.
        let ip = told.or(peer).unwrap_or(IpAddr::from([127, 0, 0, 1]));
        Ok(ClientAddress(signin::Address::of(ip)))
    }
}
