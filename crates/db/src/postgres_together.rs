//! Several questions as one statement: each gives its rows as an array of rows, which the server hands over with their
//! types. And what several readers ask at the same time, as one statement for all of them.

use std::error::Error;
use std::fmt::Write;

use tokio_postgres::types::{FromSql, Kind, Type};

use crate::postgres_line::Param;
use crate::{DbError, Question, Row, Value};

type Fault = Box<dyn Error + Sync + Send>;

/// The statement that asks all that was added, in the order of the adding.
#[derive(Default)]
pub(crate) struct AllInOne {
    sql: String,
    params: usize,
}

impl AllInOne {
    /// A question that takes so many values, which follow those of the questions before it.
    pub(crate) fn add(&mut self, question: &str, params: usize) {
        self.sql.push_str(if self.sql.is_empty() { "SELECT ARRAY(SELECT q FROM (" } else { ", ARRAY(SELECT q FROM (" });
        put_places(&mut self.sql, question, |sql, place| sql.push_str(&format!("${}", place + self.params)));
        self.sql.push_str(") q)");
        self.params += params;
    }

    /// The values that it takes.
    pub(crate) fn add_question<'a>(&mut self, question: &'a Question) -> Vec<Param<'a>> {
        let values = question.values();
        self.add(&question.worded(), values.len());
        values
    }

    pub(crate) fn sql(self) -> String {
        self.sql
    }
}

/// The answers that a row holds from this column on, one in each.
pub(crate) fn answers_in(row: &tokio_postgres::Row, from: usize) -> Result<Vec<Vec<Row>>, DbError> {
    (from..row.len()).map(|n| Ok(row.try_get::<_, Rows>(n)?.0)).collect()
}

/// What `all` asks, asked for several at once: a row of answers for each, behind its place among them. Each value is an
/// array with one for each, in the order of `types`; a value that is a list is the same for all of them, and stands
/// behind the arrays.
pub(crate) fn for_each(all: &str, types: &[Type]) -> String {
    let is_list = |ty: &Type| matches!(ty.kind(), Kind::Array(_));
    let columns: Vec<usize> = (0..types.len()).filter(|n| !is_list(&types[*n])).collect();
    let mut lists = columns.len();
    let places: Vec<String> = (types.iter().enumerate())
        .map(|(n, ty)| {
            if is_list(ty) {
                lists += 1;
                format!("${lists}")
            } else {
                format!("asker.v{n}")
            }
        })
        .collect();
    let mut sql = String::from("SELECT asker.place, ");
    put_places(&mut sql, all.trim_start_matches("SELECT "), |sql, place| {
        match place.checked_sub(1).and_then(|n| places.get(n)) {
            Some(named) => sql.push_str(named),
            None => sql.push_str(&format!("${place}")),
        }
    });
    let arrays: Vec<String> = columns.iter().zip(1..).map(|(n, at)| format!("${at}::{}[]", types[*n].name())).collect();
    let names: Vec<String> = columns.iter().map(|n| format!("v{n}")).collect();
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let _ = write!(sql, " FROM UNNEST({arrays}) WITH ORDINALITY AS asker ({names}, place)");
    sql
}

/// Copies a question, with something else at each place of a value (`$1`, `$2` …).
fn put_places(sql: &mut String, question: &str, put: impl Fn(&mut String, usize)) {
    let mut parts = question.split('$');
    sql.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match part[..digits].parse::<usize>() {
            Ok(place) => put(sql, place),
            Err(_) => sql.push('$'),
        }
        sql.push_str(&part[digits..]);
    }
}

/// An array of rows (`record[]`) in PostgreSQL's binary form, as `array_send` and `record_send` write it: the number of
/// dimensions, whether there are nulls, the type, then of each dimension its length and where it begins; then of each
/// row its length, the number of its columns, and of each its type, its length (-1: null) and its bytes.
struct Rows(Vec<Row>);

impl<'a> FromSql<'a> for Rows {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Rows, Fault> {
        let mut from = Bytes(raw);
        let (dimensions, _nulls, _type) = (from.int()?, from.int()?, from.int()?);
        if dimensions == 0 {
            return Ok(Rows(vec![]));
        }
        let (count, _begins) = (usize::try_from(from.int()?)?, from.int()?);
        let mut rows = Vec::with_capacity(count.min(raw.len()));
        for _ in 0..count {
            let _length = from.int()?;
            let columns = usize::try_from(from.int()?)?;
            let mut row = Vec::with_capacity(columns.min(raw.len()));
            for _ in 0..columns {
                row.push(from.value()?);
            }
            rows.push(Row(row));
        }
        Ok(Rows(rows))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::RECORD_ARRAY
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("the rows end too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32, Fault> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    fn value(&mut self) -> Result<Value, Fault> {
        let oid = u32::from_be_bytes(self.take(4)?.try_into()?);
        let ty = Type::from_oid(oid).ok_or_else(|| format!("the port does not carry the type {oid}"))?;
        match self.int()? {
            -1 => Value::from_sql_null(&ty),
            length => Value::from_sql(&ty, self.take(usize::try_from(length)?)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_takes_its_values_behind_those_before_it() {
        let mut all = AllInOne::default();
        all.add("SELECT value FROM db_mark WHERE value = $1 AND name IN ($2,$12)", 12);
        all.add("SELECT $1, '$', $2", 2);
        assert_eq!(
            all.sql(),
            "SELECT ARRAY(SELECT q FROM (SELECT value FROM db_mark WHERE value = $1 AND name IN ($2,$12)) q), \
             ARRAY(SELECT q FROM (SELECT $13, '$', $14) q)"
        );
    }

    #[test]
    fn rows_that_are_cut_short_are_an_error() {
        let whole: Vec<u8> =
            [1, 0, 2249, 1, 1, 20, 1, 20, 8, 0, 7].into_iter().flat_map(|n: i32| n.to_be_bytes()).collect();
        let rows = Rows::from_sql(&Type::RECORD_ARRAY, &whole).unwrap().0;
        assert_eq!(rows.iter().map(Row::values).collect::<Vec<_>>(), [[Value::Int(7)]]);
        for cut in 1..whole.len() {
            assert!(Rows::from_sql(&Type::RECORD_ARRAY, &whole[..cut]).is_err(), "{cut}");
        }
    }
}
