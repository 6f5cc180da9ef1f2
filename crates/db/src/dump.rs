//! The whole database as text lines, the same for both engines: what a backup holds, and what a restore reads.
//!
//! The first line says which migrations and tables there are, then each row is one line, and the last line counts
//! the rows and gives the SHA-256 of all before it. A file without a right last line is refused before anything is
//! touched; a file of one engine can be loaded into the other.

use std::io::{BufRead, Write};

use base::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as B64;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{DbError, Engine, Row, Tx, Value};

#[derive(Debug, Error)]
pub enum DumpError {
    #[error("ファイルが壊れているか、途中で切れています({0})")]
    Damaged(&'static str),
    #[error(
        "ほかの版の tsunagari で作られたバックアップです({0})。作った版で復元し、そのあとで新しい版に進めてください"
    )]
    OtherSchema(String),
    #[error("データベースにはすでに記録があります(表 {0})。空のデータベースに復元してください")]
    NotEmpty(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    migrations: Vec<String>,
    tables: Vec<Table>,
}

#[derive(Serialize, Deserialize)]
struct Table {
    name: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Tail {
    rows: u64,
    sha256: String,
}

const SQLITE_TABLES: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
const POSTGRES_TABLES: &str = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'writer_turn' ORDER BY 1";
const SQLITE_COLUMNS: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
const POSTGRES_COLUMNS: &str = "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";

const SQLITE_NEEDED: &str = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)";
const POSTGRES_NEEDED: &str = "SELECT DISTINCT CAST(needed.relname AS TEXT) FROM pg_constraint
    JOIN pg_class one ON one.oid = conrelid JOIN pg_class needed ON needed.oid = confrelid
    WHERE contype = 'f' AND one.relname = $1 AND one.relnamespace = CAST(current_schema() AS regnamespace)";

/// The table that migrations themselves fill; its rows are compared, not copied.
const MIGRATION: &str = "migration";

/// Writes everything this transaction sees. Gives the number of rows.
pub fn write(tx: &mut dyn Tx, out: &mut dyn Write) -> Result<u64, DumpError> {
    let tables = tables(tx)?;
    let mut out = Hashing { out, hash: Sha256::new() };
    let head = Head { format: 1, migrations: migrations(tx)?, tables };
    out.line(&serde_json::to_string(&head).map_err(std::io::Error::other)?)?;
    let mut rows = 0u64;
    for (n, table) in head.tables.iter().enumerate() {
        let sql = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
        let mut failed: Option<std::io::Error> = None;
        tx.each(&sql, &[], &mut |row| {
            rows += 1;
            out.line(&encode(n, &row)).map_err(|e| {
                let text = e.to_string();
                failed = Some(e);
                DbError::Engine(text)
            })
        })
        .map_err(|e| failed.take().map_or(DumpError::Db(e), DumpError::Io))?;
    }
    let tail = Tail { rows, sha256: hex(&out.hash.clone().finalize()) };
    out.line(&serde_json::to_string(&tail).map_err(std::io::Error::other)?)?;
    out.out.flush()?;
    Ok(rows)
}

/// Reads the whole file and checks its end. Gives the number of rows. Touches no database.
pub fn check(input: &mut dyn BufRead) -> Result<u64, DumpError> {
    let mut rows = 0;
    read(
        input,
        |_| Ok(()),
        |_, _, _| {
            rows += 1;
            Ok(())
        },
    )?;
    Ok(rows)
}

/// Loads a file that [`check`] accepted into a database with the same migrations and no rows.
pub fn load(tx: &mut dyn Tx, input: &mut dyn BufRead) -> Result<u64, DumpError> {
    let mut filled = 0u64;
    let mut waiting: Vec<Vec<Value>> = Vec::new();
    let mut current: Option<usize> = None;
    let mut heads: Vec<String> = Vec::new();
    let tx = std::cell::RefCell::new(tx);
    let tables = read(
        input,
        |head| {
            let mut tx = tx.borrow_mut();
            let here = migrations(*tx)?;
            if here != head.migrations {
                return Err(DumpError::OtherSchema(head.migrations.join(", ")));
            }
            for table in &head.tables {
                let count: i64 = tx.scalar(&format!("SELECT COUNT(*) FROM {}", table.name), &[])?;
                if count > 0 {
                    return Err(DumpError::NotEmpty(table.name.clone()));
                }
            }
            Ok(())
        },
        |head, n, values| {
            if heads.is_empty() {
                heads =
                    head.tables.iter().map(|t| format!("INSERT INTO {} ({})", t.name, t.columns.join(", "))).collect();
            }
            if current != Some(n) || waiting.len() >= base::limits::ROWS_PER_STATEMENT {
                flush(*tx.borrow_mut(), &heads, current, &mut waiting)?;
                current = Some(n);
            }
            waiting.push(values);
            filled += 1;
            Ok(())
        },
    );
    tables?;
    flush(*tx.borrow_mut(), &heads, current, &mut waiting)?;
    tx.borrow_mut().gather_statistics()?;
    Ok(filled)
}

fn flush(
    tx: &mut dyn Tx,
    heads: &[String],
    table: Option<usize>,
    waiting: &mut Vec<Vec<Value>>,
) -> Result<(), DumpError> {
    if let (Some(n), Some(first)) = (table, waiting.first()) {
        tx.insert_rows(&heads[n], first.len(), waiting, "")?;
    }
    waiting.clear();
    Ok(())
}

fn read(
    input: &mut dyn BufRead,
    begin: impl FnOnce(&Head) -> Result<(), DumpError>,
    mut row: impl FnMut(&Head, usize, Vec<Value>) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    let mut hash = Sha256::new();
    let mut line = String::new();
    let mut next = |line: &mut String| -> Result<bool, DumpError> {
        line.clear();
        let n = input.read_line(line)?;
        Ok(n > 0 && line.ends_with('\n'))
    };
    if !next(&mut line)? {
        return Err(DumpError::Damaged("1行目がありません"));
    }
    let head: Head =
        serde_json::from_str(&line).map_err(|_| DumpError::Damaged("1行目がバックアップの形ではありません"))?;
    hash.update(line.as_bytes());
    begin(&head)?;
    let mut rows = 0u64;
    while next(&mut line)? {
        if line.starts_with('{') {
            let tail: Tail = serde_json::from_str(&line)
                .map_err(|_| DumpError::Damaged("最後の行がバックアップの形ではありません"))?;
            if tail.rows != rows || tail.sha256 != hex(&hash.finalize()) {
                return Err(DumpError::Damaged("行の数か内容が最後の行と合いません"));
            }
            return Ok(());
        }
        hash.update(line.as_bytes());
        let (n, values) = decode(&line).ok_or(DumpError::Damaged("読み取れない行があります"))?;
        if head.tables.get(n).is_none_or(|t| t.columns.len() != values.len()) {
            return Err(DumpError::Damaged("表に合わない行があります"));
        }
        row(&head, n, values)?;
        rows += 1;
    }
    Err(DumpError::Damaged("終わりの行がありません"))
}

struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Hashing<'_> {
    fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.hash.update(text.as_bytes());
        self.hash.update(b"\n");
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")
    }
}

/// A row as a JSON array: its table's number, then its values; bytes as `{"b": base64}`.
fn encode(table: usize, row: &Row) -> String {
    let values = row.values().iter().map(|value| match value {
        Value::Null => Json::Null,
        Value::Int(v) => Json::from(*v),
        // Bits, because a decimal text need not come back as the same number.
        Value::Real(v) => serde_json::json!({ "r": v.to_bits() }),
        Value::Bool(v) => Json::from(i64::from(*v)),
        Value::Text(v) => Json::from(v.as_str()),
        Value::Blob(v) => serde_json::json!({ "b": B64.encode(v) }),
    });
    Json::Array(std::iter::once(Json::from(table)).chain(values).collect()).to_string()
}

fn decode(line: &str) -> Option<(usize, Vec<Value>)> {
    let Json::Array(items) = serde_json::from_str(line).ok()? else { return None };
    let mut items = items.into_iter();
    let table = usize::try_from(items.next()?.as_u64()?).ok()?;
    let values = items.map(|item| {
        Some(match item {
            Json::Null => Value::Null,
            Json::Number(n) => Value::Int(n.as_i64()?),
            Json::String(text) => Value::Text(text),
            Json::Object(map) => match (map.get("b"), map.get("r")) {
                (Some(Json::String(text)), None) => Value::Blob(B64.decode(text).ok()?),
                (None, Some(bits)) => Value::Real(f64::from_bits(bits.as_u64()?)),
                _ => return None,
            },
            _ => return None,
        })
    });
    Some((table, values.collect::<Option<Vec<_>>>()?))
}

fn migrations(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    tx.query("SELECT name FROM migration ORDER BY name", &[])?.iter().map(|r| r.get(0)).collect()
}

/// Every table, each after those to which its rows refer: in this order they are loaded.
fn tables(tx: &mut dyn Tx) -> Result<Vec<Table>, DbError> {
    let (list, columns, needed) = match tx.engine() {
        Engine::Sqlite => (SQLITE_TABLES, SQLITE_COLUMNS, SQLITE_NEEDED),
        Engine::Postgres => (POSTGRES_TABLES, POSTGRES_COLUMNS, POSTGRES_NEEDED),
    };
    let names: Vec<String> = tx.query(list, &[])?.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?;
    let mut waiting: Vec<(String, Vec<String>)> = Vec::new();
    for name in names.into_iter().filter(|n| n != MIGRATION) {
        let needs: Vec<String> =
            tx.query(needed, &[Value::from(&name)])?.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?;
        waiting.push((name.clone(), needs.into_iter().filter(|n| *n != name).collect()));
    }
    let mut tables: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let there = |n: &String| tables.iter().any(|t| t.name == *n);
        // Tables that refer to each other in a circle come by name; there are none.
        let next = waiting.iter().position(|(_, needs)| needs.iter().all(there)).unwrap_or(0);
        let (name, _) = waiting.remove(next);
        let columns = tx.query(columns, &[Value::from(&name)])?.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?;
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fresh;
    use crate::{Migration, params};

    const THINGS: &[Migration] = &[Migration {
        name: "test/things",
        sql: "CREATE TABLE thing (n BIGINT PRIMARY KEY, t TEXT, b BYTEA, f BOOLEAN, e DOUBLE PRECISION)",
    }];

    const FAMILY: &[Migration] = &[Migration {
        name: "test/family",
        sql: "CREATE TABLE a_mother (id BIGINT PRIMARY KEY);
              CREATE TABLE b_child (id BIGINT PRIMARY KEY, mother BIGINT NOT NULL REFERENCES a_mother (id));
              CREATE TABLE aa_grandchild (id BIGINT PRIMARY KEY, child BIGINT NOT NULL REFERENCES b_child (id))",
    }];

    #[test]
    fn rows_come_after_those_they_refer_to() {
        let region = fresh(&[FAMILY]);
        let dump = region.db.write_blocking(|tx| {
            tx.execute("INSERT INTO a_mother (id) VALUES (1)", &[])?;
            tx.execute("INSERT INTO b_child (id, mother) VALUES (2, 1)", &[])?;
            tx.execute("INSERT INTO aa_grandchild (id, child) VALUES (3, 2)", &[])?;
            let mut dump = Vec::new();
            write(tx, &mut dump).map_err(|e| DbError::Engine(e.to_string()))?;
            Ok::<_, DbError>(dump)
        });
        let (dump, second) = (dump.unwrap(), fresh(&[FAMILY]));
        let loaded = second
            .db
            .write_blocking(move |tx| load(tx, &mut dump.as_slice()).map_err(|e| DbError::Engine(e.to_string())));
        assert_eq!(loaded.unwrap(), 3);
    }

    fn filled() -> Vec<u8> {
        let region = fresh(&[THINGS]);
        region
            .db
            .write_blocking(|tx| {
                for n in 0..450i64 {
                    let sql = "INSERT INTO thing (n, t, b, f, e) VALUES ($1, $2, $3, $4, $5)";
                    tx.execute(sql, params![n, format!("髙\n\"{n}"), vec![n as u8; 3], n % 2 == 0, n as f64 / 7.0])?;
                }
                tx.execute("INSERT INTO thing (n) VALUES ($1)", params![-1i64]).map(drop)
            })
            .unwrap();
        let mut out = Vec::new();
        let mut out = region
            .db
            .read_blocking(move |tx| {
                write(tx, &mut out).map_err(|e| DbError::Engine(e.to_string()))?;
                Ok::<_, DbError>(out)
            })
            .unwrap();
        out.shrink_to_fit();
        out
    }

    fn load_into_fresh(bytes: Vec<u8>) -> Result<Vec<u8>, DbError> {
        let region = fresh(&[THINGS]);
        region.db.write_blocking(move |tx| {
            load(tx, &mut bytes.as_slice()).map(drop).map_err(|e| DbError::Engine(e.to_string()))
        })?;
        region.db.read_blocking(|tx| {
            let mut again = Vec::new();
            write(tx, &mut again).map_err(|e| DbError::Engine(e.to_string()))?;
            Ok(again)
        })
    }

    #[test]
    fn what_was_written_is_loaded_to_the_last_bit() {
        let first = filled();
        assert_eq!(check(&mut first.as_slice()).unwrap(), 451);
        let again = load_into_fresh(first.clone()).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(first).unwrap());
    }

    #[test]
    fn a_cut_or_changed_file_is_refused_before_anything_is_touched() {
        let whole = filled();
        for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
            assert!(check(&mut &whole[..cut]).is_err(), "cut at {cut}");
        }
        let text = String::from_utf8(whole).unwrap();
        let changed = text.replacen("\n[2,5,", "\n[2,6,", 1);
        assert!(changed != text);
        assert!(check(&mut changed.as_bytes()).is_err());
    }
}
