//! Stories over the whole product: a fictional town on a fresh database, visited through its router as a browser without
//! a script would, and lived in through the station as its gateways would.
//!
//! What is shared by the stories stands here; each story is a file under `tests/`.

pub mod browser;
pub mod fate;
pub mod month;
pub mod region;
pub mod staff;

pub use browser::{Answer, Browser};
pub use region::{Region, at};

/// A page without what differs each time it is made.
pub fn without_nonces(page: &str) -> String {
    let mut parts = page.split("nonce=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, rest| page + rest.split_once('"').map_or(rest, |(_, after)| after))
}
