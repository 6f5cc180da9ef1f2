//! A table's name begins with its crate's, and SQL names tables of its own crate only. Read from the text: a string with
//! `FROM`, `JOIN`, `INTO`, `UPDATE` or `TABLE` before a small word names a table. Tests may look into any table there is.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{File, Finding, problem};

/// Made by the engines' own code before any migration runs, so that no migration can rename them.
const BEFORE_MIGRATIONS: &[&str] = &["migration", "writer_turn"];
const KEYWORDS: &[&str] = &["FROM", "JOIN", "INTO", "UPDATE", "TABLE"];
/// Catalogues of the engines, which only `db` may name (and the check of the layers sees to that).
const CATALOGUES: &[&str] = &["pg_", "pragma_", "sqlite_", "information_schema"];

pub fn findings(files: &[File]) -> Vec<Finding> {
    let tables = tables(files);
    let mut found: Vec<Finding> = tables
        .iter()
        .filter(|(table, owner)| !table.starts_with(&format!("{owner}_")))
        .map(|(table, owner)| problem(format!("crates/{owner}: the table {table} does not carry its crate")))
        .collect();
    // What tables were called before is named where migrations are tested.
    let read = |file: &&File| !file.path.starts_with("xtask") && !file.path.ends_with("migrate.rs");
    for file in files.iter().filter(|file| file.has_extension(&["rs"])).filter(read) {
        let Some(text) = &file.text else { continue };
        let made: BTreeSet<&str> = named(text).filter(|it| it.0 == "TABLE").map(|it| it.1).collect();
        for (_, table, at) in named(text) {
            let catalogue = CATALOGUES.iter().any(|beginning| table.starts_with(beginning));
            if made.contains(table) || catalogue || BEFORE_MIGRATIONS.contains(&table) || is_named_here(text, table) {
                continue;
            }
            let why = match tables.get(table) {
                None => "there is no such table",
                Some(owner) if is_product(file) && crate_of(file).as_ref() != Some(owner) => "is another crate's",
                Some(_) => continue,
            };
            let line = text[..at].matches('\n').count() + 1;
            found.push(problem(format!("{}:{line}: {table}: {why}", file.path.display())));
        }
    }
    found
}

/// Every table that the migrations leave, with the crate that has it.
fn tables(files: &[File]) -> BTreeMap<String, String> {
    let mut scripts: Vec<&File> =
        files.iter().filter(|file| file.has_extension(&["sql"]) && file.path.starts_with("crates")).collect();
    // `schema.sql` is every crate's first migration; those after it begin with their number.
    scripts.sort_by_key(|file| (!file.path.ends_with("schema.sql"), file.path.clone()));
    let mut tables = BTreeMap::new();
    for script in scripts {
        let (Some(text), Some(owner)) = (&script.text, crate_of(script)) else { continue };
        let code: String =
            text.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
        for statement in code.split(';') {
            let words: Vec<&str> =
                statement.split(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                ["CREATE", "TABLE", "IF", "NOT", "EXISTS", table, ..] | ["CREATE", "TABLE", table, ..] => {
                    tables.insert((*table).to_owned(), owner.clone());
                }
                ["ALTER", "TABLE", table, "RENAME", "TO", new] => {
                    tables.remove(*table);
                    tables.insert((*new).to_owned(), owner.clone());
                }
                ["DROP", "TABLE", "IF", "EXISTS", table] | ["DROP", "TABLE", table] => {
                    tables.remove(*table);
                }
                _ => {}
            }
        }
    }
    tables
}

/// Keyword, the word after it, and where it stands.
fn named(text: &str) -> impl Iterator<Item = (&'static str, &str, usize)> {
    KEYWORDS.iter().flat_map(move |keyword| {
        text.match_indices(keyword).filter_map(move |(at, _)| {
            let rest = &text[at + keyword.len()..];
            let alone = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let name = rest.trim_start_matches([' ', '\n', '\\']);
            let end = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
            (alone && name.len() < rest.len() && end > 0).then_some((*keyword, &name[..end], at))
        })
    })
}

/// A part of the statement that it names itself: `WITH standing AS (…)`.
fn is_named_here(text: &str, table: &str) -> bool {
    [" AS (", " AS MATERIALIZED ("].iter().any(|after| text.contains(&format!("{table}{after}")))
}

fn crate_of(file: &File) -> Option<String> {
    let inside = file.path.strip_prefix("crates").ok()?;
    Some(inside.components().next()?.as_os_str().to_str()?.to_owned())
}

/// Not a test, by the names of files that tests have here.
fn is_product(file: &File) -> bool {
    let path = file.path.to_string_lossy();
    path.starts_with("crates/") && path.contains("/src/") && !path.contains("test") && !path.contains("/household/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    // shows: 5.6.7 table names carry their crate, and SQL is read for foreign tables
    #[test]
    fn foreign_old_and_unnamed_tables_are_found_and_ones_own_are_not() {
        let files = [
            file(
                "crates/care/src/schema.sql",
                "-- a note\nCREATE TABLE note (\n id BYTEA PRIMARY KEY);\nCREATE TABLE care_read (n BIGINT);",
            ),
            file("crates/care/src/002.sql", "ALTER TABLE note RENAME TO care_note;\n"),
            file("crates/watch/src/schema.sql", "CREATE TABLE climate (n BIGINT);"),
            file("crates/care/src/store.rs", "const A: &str = \"SELECT 1 FROM care_note JOIN\n care_read ON TRUE\";"),
            file("crates/care/src/lists.rs", "const A: &str = \"SELECT 1 FROM note\";"),
            file("crates/web/src/x.rs", "const A: &str = \"DELETE FROM care_note\";"),
            file(
                "crates/web/src/tests.rs",
                "\"SELECT 1 FROM care_note\"; \"CREATE TABLE mine (n)\"; \"SELECT 1 FROM mine\";",
            ),
            file("crates/care/src/with.rs", "\"WITH open AS (SELECT 1) SELECT 1 FROM open\""),
        ];
        let found: Vec<String> = findings(&files).into_iter().map(|finding| finding.text).collect();
        assert_eq!(
            found,
            [
                "crates/watch: the table climate does not carry its crate",
                "crates/care/src/lists.rs:1: note: there is no such table",
                "crates/web/src/x.rs:1: care_note: is another crate's",
            ]
        );
    }
}
