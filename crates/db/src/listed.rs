//! Many rows in few statements: lists of things asked for, rows inserted, rows changed by their key. How each engine
//! is told so that it plans few statements and takes few journeys stands here and in the engines.

use std::fmt::Write;

use base::limits::ROWS_PER_STATEMENT;

use crate::{DbError, Row, Tx, Value};

/// Where in a statement the items stand that it asks for: `… WHERE id {among} ORDER BY id`.
const AMONG: &str = "{among}";

impl dyn Tx + '_ {
    /// What a statement with `{among}` gives for all of these items, in a bounded number of them at a time.
    pub fn among<T: Copy + Into<Value>>(
        &mut self,
        sql: &str,
        values: &[Value],
        items: &[T],
    ) -> Result<Vec<Row>, DbError> {
        debug_assert!(sql.contains(AMONG), "nothing says where the items stand: {sql}");
        let mut rows = Vec::new();
        for some in items.chunks(ROWS_PER_STATEMENT) {
            let items: Vec<Value> = some.iter().map(|item| (*item).into()).collect();
            rows.append(&mut self.query_among(sql, values, items)?);
        }
        Ok(rows)
    }

    /// As [`Self::among`], those that can be read: see [`Self::list`].
    pub fn list_among<T: Copy + Into<Value>, N>(
        &mut self,
        list: &'static str,
        sql: &str,
        values: &[Value],
        items: &[T],
        read: impl Fn(&Row) -> Result<N, DbError>,
    ) -> Result<Vec<N>, DbError> {
        let rows = self.among(sql, values, items)?;
        Ok(self.readable(list, rows, read)?.0)
    }
}

/// So many items have a place each on a server too: it then plans for their number, where for a list it assumes ten, and
/// looked through everything a call centre may see for one person.
pub(crate) const FEW: usize = 4;

/// The statement with one place for all items.
pub(crate) fn among_one(sql: &str, place: usize) -> String {
    sql.replace(AMONG, &format!("= ANY(${place})"))
}

/// The statement with a place for each item, which join the values that are there already. The last one stands there as
/// often as makes a power of two: a statement of each length would be planned for each length.
pub(crate) fn among_each(sql: &str, values: &[Value], items: Vec<Value>) -> (String, Vec<Value>) {
    let (from, count) = (values.len(), items.len());
    let mut all = values.to_vec();
    all.extend(items);
    if let Some(last) = all.last().filter(|_| count > 0).cloned() {
        all.resize(from + count.next_power_of_two(), last);
    }
    let places: Vec<String> = (from + 1..=all.len()).map(|n| format!("${n}")).collect();
    (sql.replace(AMONG, &format!("IN ({})", places.join(","))), all)
}

/// Splits a list into pieces of 2ⁿ, the longest first: a statement over each piece is then one of a few, which are
/// prepared once, and not another for every length there is.
pub(crate) fn in_powers<T>(mut list: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let len = list.len().min(most);
        let (piece, rest) = list.split_at(if len == 0 { 0 } else { 1 << len.ilog2() });
        list = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// `($1,$2),($3,$4)` for two rows of two columns.
pub(crate) fn placeholders(rows: usize, width: usize) -> String {
    let mut text = String::with_capacity(rows * width * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { "," };
            let _ = write!(text, "{comma}${}", row * width + column + 1);
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_many_lengths_are_few_statements_and_ask_for_nothing_else() {
        let asked = |count: i64| {
            let items: Vec<Value> = (1..=count).map(Value::from).collect();
            let (sql, mut values) = among_each("x {among} y", &[Value::from("before")], items.clone());
            let mut distinct = values.split_off(1);
            distinct.dedup();
            assert_eq!(distinct, items);
            sql
        };
        assert_eq!(asked(1), "x IN ($2) y");
        assert_eq!(asked(3), "x IN ($2,$3,$4,$5) y");
        let lists: std::collections::BTreeSet<String> = (1..=200).map(asked).collect();
        assert_eq!(lists.len(), 9);
    }
}
