//! The hash of a row covers its predecessor's hash and every column, each with its length, so that no two different
//! rows have the same bytes.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// The hash before the first row.
pub const GENESIS: Hash = [0; 32];

/// The columns of a row in the order in which they are hashed.
pub struct Columns<'a> {
    pub seq: i64,
    pub at: i64,
    pub role: &'a str,
    pub actor_id: &'a [u8],
    pub office_id: Option<&'a [u8]>,
    pub device: &'a str,
    pub request_id: &'a [u8],
    pub purpose: &'a str,
    pub action: &'a str,
    pub persons: &'a str,
    pub items: &'a str,
    pub ground: &'a str,
    pub outcome: &'a str,
}

pub fn hash(previous: &Hash, row: &Columns<'_>) -> Hash {
    let mut h = Sha256::new();
    h.update(previous);
    h.update(row.seq.to_be_bytes());
    h.update(row.at.to_be_bytes());
    let columns: [&[u8]; 11] = [
        row.role.as_bytes(),
        row.actor_id,
        row.office_id.unwrap_or_default(),
        row.device.as_bytes(),
        row.request_id,
        row.purpose.as_bytes(),
        row.action.as_bytes(),
        row.persons.as_bytes(),
        row.items.as_bytes(),
        row.ground.as_bytes(),
        row.outcome.as_bytes(),
    ];
    for column in columns {
        h.update((column.len() as u64).to_be_bytes());
        h.update(column);
    }
    h.finalize().into()
}
