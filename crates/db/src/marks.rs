//! Single facts about the database itself: that it is fictional, how far a listener has read.

use crate::{DbError, Tx, params};

/// The mark of a database whose people were invented; `demo` wants it, `serve` refuses it.
pub const FICTIONAL: &str = "fictional";

const GET: &str = "SELECT value FROM db_mark WHERE name = $1";
const SET: &str =
    "INSERT INTO db_mark (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<String>, DbError> {
    tx.first(GET, params![name])?.map(|row| row.get(0)).transpose()
}

pub fn set(tx: &mut dyn Tx, name: &str, value: &str) -> Result<(), DbError> {
    tx.execute(SET, params![name, value]).map(drop)
}
