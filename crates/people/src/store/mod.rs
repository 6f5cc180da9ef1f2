//! SQL of the register: one file per table or two, each with its constants first.

pub mod consents;
pub mod contacts;
pub mod heads;
pub mod homes;
pub mod medical;
pub mod offices;
pub mod residents;
pub mod search;
pub mod staff;
pub mod teams;
pub mod versions;

use base::Redacted;
use db::{DbError, Row, Tx, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Provenance, Source};

/// A value as JSON text. Our own nouns always serialise.
pub fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A column that holds JSON.
fn read_json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| DbError::Shape { column, wanted: std::any::type_name::<T>() })
}

/// What a statement that ends with `WHERE id = $1` gives for each of many ids, without those that cannot be read.
fn by_ids<T: Copy + Into<Value>, N>(
    tx: &mut dyn Tx,
    list: &'static str,
    one: &str,
    ids: &[T],
    read: impl Fn(&Row) -> Result<N, DbError>,
) -> Result<Vec<N>, DbError> {
    tx.list_among(list, &one.replace("= $1", "{among}"), &[], ids, read)
}

fn redacted(row: &Row, column: usize) -> Result<Redacted<String>, DbError> {
    Ok(Redacted::new(row.get(column)?))
}

/// A text column in which blank means none.
fn unless_blank<T>(row: &Row, column: usize, make: impl Fn(String) -> T) -> Result<Option<T>, DbError> {
    let text: String = row.get(column)?;
    Ok((!text.is_empty()).then(|| make(text)))
}

fn or_blank(text: Option<&str>) -> Value {
    Value::from(text.unwrap_or_default())
}

/// The columns `source, entered_by, entered_at, confirmed_on` from `first` on.
fn provenance(row: &Row, first: usize) -> Result<Provenance, DbError> {
    Ok(Provenance {
        source: row.word(first, Source::from_key)?,
        entered_by: row.get(first + 1)?,
        entered_at: row.get(first + 2)?,
        confirmed_on: row.get(first + 3)?,
    })
}
