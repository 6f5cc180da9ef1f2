//! Lists that one bad row cannot empty. A row that does not hold what its reader expects (a word of a newer version, a
//! damaged text) is left out, noted with its list and id, and told to a person; the rows beside it are read.
//!
//! For lists that somebody looks at or works through. Where a row decides what is allowed, or one thing is asked for by
//! its id, an unreadable row stays an error.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant as Clock};

use uuid::Uuid;

use crate::{DbError, Row, Tx, Value};

/// How long a row is told of after it was last met.
const TOLD_FOR: Duration = Duration::from_secs(3600);
/// Rows that are told of at a time.
const MOST: usize = 1000;

/// A row that could not be read. Holds no content, for it may be about a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unreadable {
    pub list: &'static str,
    /// The row's first column where that is an id or a number.
    pub id: String,
    pub column: usize,
    /// Whatever else the row names by an id, whichever column that stands in: among it may be the person it is about.
    pub names: Vec<Uuid>,
}

/// Every unreadable row that was met lately.
#[derive(Default)]
pub(crate) struct UnreadableRows(Mutex<BTreeMap<Unreadable, Clock>>);

impl UnreadableRows {
    pub(crate) fn note(&self, row: Unreadable) {
        let Ok(mut known) = self.0.lock() else { return };
        if known.len() >= MOST && !known.contains_key(&row) {
            return;
        }
        let (list, column) = (row.list, row.column);
        if known.insert(row, Clock::now()).is_none() {
            // Without the id, which may stand for a person.
            tracing::error!(list, column, "a row cannot be read; it is left out of its list");
        }
    }

    pub(crate) fn lately(&self) -> Vec<Unreadable> {
        let Ok(mut known) = self.0.lock() else { return Vec::new() };
        known.retain(|_, met| met.elapsed() < TOLD_FOR);
        known.keys().cloned().collect()
    }
}

impl dyn Tx + '_ {
    /// The rows of `list` that can be read; the others are noted.
    pub fn list<T>(
        &mut self,
        list: &'static str,
        sql: &str,
        params: &[Value],
        read: impl Fn(&Row) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        Ok(self.sift(list, sql, params, read)?.0)
    }

    /// As [`Self::list`], with the rows that cannot be read as they are, for a list that shows what is left of them.
    pub fn sift<T>(
        &mut self,
        list: &'static str,
        sql: &str,
        params: &[Value],
        read: impl Fn(&Row) -> Result<T, DbError>,
    ) -> Result<(Vec<T>, Vec<Row>), DbError> {
        let rows = self.query(sql, params)?;
        self.readable(list, rows, read)
    }

    pub(crate) fn readable<T>(
        &mut self,
        list: &'static str,
        rows: Vec<Row>,
        read: impl Fn(&Row) -> Result<T, DbError>,
    ) -> Result<(Vec<T>, Vec<Row>), DbError> {
        let (mut good, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match read(&row) {
                Ok(one) => good.push(one),
                Err(DbError::Shape { column, .. }) => {
                    self.note_unreadable(Unreadable { list, id: id_of(&row), column, names: named(&row) });
                    bad.push(row);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((good, bad))
    }
}

fn id_of(row: &Row) -> String {
    match row.values().first() {
        Some(Value::Blob(bytes)) => Uuid::from_slice(bytes).map_or("?".into(), |id| id.simple().to_string()),
        Some(Value::Int(number)) => number.to_string(),
        _ => "?".into(),
    }
}

fn named(row: &Row) -> Vec<Uuid> {
    let id = |value: &Value| match value {
        Value::Blob(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    };
    row.values().iter().filter_map(id).collect()
}
