//! The query of a search is put together from these parts: its conditions are as many as its pieces.

use access::Scope;
use base::PersonId;
use base::limits::LIST_ROWS;
use base::wareki::Date;
use db::{DbError, Row, Tx, Value, params};

use super::redacted;
use crate::{FoundPerson, Household, LifeStatus, PhoneNumber, Sex};

const CLEAR_KEYS: &str = "DELETE FROM people_key WHERE person_id = $1";
const CLEAR_GRAMS: &str = "DELETE FROM people_gram WHERE person_id = $1";
const FILE_KEY: &str = "INSERT INTO people_key (person_id, kind, folded)";
const FILE_GRAM: &str = "INSERT INTO people_gram (gram, person_id)";
const PAGE: &str =
    "SELECT r.id, r.number, r.name, r.kana, r.birth, r.sex, r.household, r.life, r.home_id, h.town, h.area
    FROM people_resident r JOIN people_home h ON h.id = r.home_id WHERE ";
const BY_PHONE: &str =
    "SELECT DISTINCT k.person_id FROM people_key k WHERE k.folded = $1 AND k.kind IN ('phone', 'contact_phone') AND ";

/// Key kinds; a contact's number finds a caller, but no person in a search.
pub const CONTACT_PHONE: &str = "contact_phone";

/// One piece of a query.
pub enum Piece {
    /// Folded text that must occur in a key, and its pairs (or the one character).
    Text {
        folded: String,
        grams: Vec<String>,
    },
    Born(Date),
    BornOrText {
        born: Date,
        folded: String,
        grams: Vec<String>,
    },
}

pub fn file(tx: &mut dyn Tx, person: PersonId, keys: &[(&str, String)], grams: &[String]) -> Result<(), DbError> {
    tx.execute(CLEAR_KEYS, params![person])?;
    tx.execute(CLEAR_GRAMS, params![person])?;
    let keys: Vec<Vec<Value>> =
        keys.iter().map(|(kind, folded)| vec![person.into(), (*kind).into(), folded.into()]).collect();
    tx.insert_rows(FILE_KEY, 3, &keys, "")?;
    let grams: Vec<Vec<Value>> = grams.iter().map(|gram| vec![gram.into(), person.into()]).collect();
    tx.insert_rows(FILE_GRAM, 2, &grams, "")?;
    Ok(())
}

/// One row more than a page holds, so that the caller knows whether there are more.
pub fn page(tx: &mut dyn Tx, scope: &Scope, pieces: &[Piece], page: usize) -> Result<Vec<FoundPerson>, DbError> {
    let (mut sql, mut values) = scope.filter_all("r.id", 1);
    sql.insert_str(0, PAGE);
    for piece in pieces {
        condition(piece, &mut sql, &mut values);
    }
    let n = values.len();
    sql.push_str(&format!(" ORDER BY r.kana_folded, r.id LIMIT ${} OFFSET ${}", n + 1, n + 2));
    values.extend([Value::from(LIST_ROWS + 1), Value::from(page * LIST_ROWS)]);
    tx.list("people_resident", &sql, &values, found)
}

pub fn by_phone(tx: &mut dyn Tx, scope: &Scope, phone: &PhoneNumber) -> Result<Vec<PersonId>, DbError> {
    let (filter, scoped) = scope.filter("k.person_id", 2);
    let mut values = vec![Value::from(phone)];
    values.extend(scoped);
    let sql = format!("{BY_PHONE}{filter} ORDER BY k.person_id LIMIT {LIST_ROWS}");
    tx.query(&sql, &values)?.iter().map(|r| r.get(0)).collect()
}

fn condition(piece: &Piece, sql: &mut String, values: &mut Vec<Value>) {
    let mut next = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let one = match piece {
        Piece::Born(born) => format!("r.birth = {}", next((*born).into())),
        Piece::Text { folded, grams } => holds(folded, grams, next),
        Piece::BornOrText { born, folded, grams } => {
            let born = next((*born).into());
            format!("(r.birth = {born} OR {})", holds(folded, grams, next))
        }
    };
    sql.push_str(" AND ");
    sql.push_str(&one);
}

/// That a key holds the text.
fn holds(folded: &str, grams: &[String], mut next: impl FnMut(Value) -> String) -> String {
    if folded.chars().count() == 1 {
        let from = next(grams[0].as_str().into());
        let to = next(format!("{}\u{10ffff}", grams[0]).into());
        return format!("r.id IN (SELECT g.person_id FROM people_gram g WHERE g.gram >= {from} AND g.gram < {to})");
    }
    let list: Vec<String> = grams.iter().map(|gram| next(gram.as_str().into())).collect();
    let pattern = next(format!("%{}%", escaped(folded)).into());
    format!(
        "r.id IN (SELECT g.person_id FROM people_gram g WHERE g.gram IN ({}) GROUP BY g.person_id \
         HAVING COUNT(*) = {}) AND EXISTS (SELECT 1 FROM people_key k WHERE k.person_id = r.id \
         AND k.kind <> '{CONTACT_PHONE}' AND k.folded LIKE {pattern} ESCAPE '!')",
        list.join(", "),
        grams.len()
    )
}

/// A piece that may hold LIKE's own signs, taken literally.
fn escaped(folded: &str) -> String {
    folded.chars().flat_map(|c| matches!(c, '%' | '_' | '!').then_some('!').into_iter().chain([c])).collect()
}

fn found(row: &Row) -> Result<FoundPerson, DbError> {
    Ok(FoundPerson {
        id: row.get(0)?,
        number: row.get(1)?,
        name: redacted(row, 2)?,
        kana: redacted(row, 3)?,
        birth: row.get(4)?,
        sex: row.word(5, Sex::from_key)?,
        household: row.word(6, Household::from_key)?,
        life: row.word(7, LifeStatus::from_key)?,
        home: row.get(8)?,
        town: row.get(9)?,
        area: row.get(10)?,
    })
}
