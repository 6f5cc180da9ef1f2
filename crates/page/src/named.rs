//! The id in an address. One that cannot be read leads nowhere, as one that names nothing does.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::problem::Problem;

/// The only id of a path: `/people/{id}`.
pub struct Named<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        let text = params.iter().next().map(|(_, text)| text.to_owned()).ok_or(Problem::NotFound)?;
        text.parse().map(Named).map_err(|_| Problem::NotFound)
    }
}

/// An id from an address; whatever else stands there leads nowhere.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}
