//! Which crate may lean on which, and who alone may name a database engine, HTML, a form or a PDF.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::source::{File, Finding, problem};

/// From the ground up. A crate depends on crates of lower floors only, never on one of its own floor.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["db", "linkage", "admission"],
    &["access"],
    &["audit"],
    &["form"],
    &["people"],
    &["care", "wishes", "watch", "notify", "signin"],
    &["response", "emergency", "disaster", "insight"],
    &["exchange", "print", "ingest"],
    &["town"],
    &["page"],
    &["parts"],
    &["desk"],
    &["web"],
    // What only tests use of the whole site stands beside the program, so that nothing of the product can lean on it.
    &["app", "household"],
    &["stories", "xtask"],
];

/// Crates that lean on fewer than their floor allows.
const NARROW: &[(&str, &[&str])] = &[
    ("linkage", &["base"]),
    ("admission", &["base"]),
    ("form", &["base", "db", "access"]),
    ("page", &["base", "admission", "db", "audit", "access", "form", "signin"]),
    ("xtask", &[]),
];

/// Libraries that one part of the house keeps to itself.
const KEEPERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["db"]),
    ("libsqlite3-sys", &["db"]),
    ("postgres", &["db"]),
    ("tokio-postgres", &["db"]),
    ("maud", &["page", "parts", "desk"]),
    ("axum", &["ingest", "page", "desk", "web", "household", "app"]),
    ("hyper", &["admission"]),
    ("hyper-util", &["admission"]),
    ("cedar-policy", &["access"]),
    ("typst", &["print"]),
    ("clap", &["app", "xtask"]),
];

/// Names of an engine in code. `app` may: its configuration chooses one.
const ENGINE_WORDS: &[&str] = &["rusqlite", "tokio_postgres", "postgres::", "sqlite_master", "pg_catalog", "PRAGMA "];

pub fn findings(metadata: &Value) -> Result<Vec<Finding>> {
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    let mut found = Vec::new();
    // Only our own packages come from a folder and not from a registry.
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or("?");
        let Some(own) = floor(name) else {
            found.push(problem(format!("crate {name}: stands on no floor of the house (xtask: layers.rs)")));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // What a crate's own tests use does not reach the product.
            if dependency["kind"] == "dev" {
                continue;
            }
            let on = dependency["name"].as_str().unwrap_or("?");
            found.extend(judge(name, own, on).map(problem));
        }
    }
    Ok(found)
}

/// Engines named in the code of crates that must not know which one they run on.
pub fn engine_findings(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates") && file.has_extension(&["rs", "sql"])) {
        if file.path.starts_with("crates/db") || file.path.starts_with("crates/app") {
            continue;
        }
        for (number, line) in file.text.iter().flat_map(|text| text.lines()).enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if let Some(word) = ENGINE_WORDS.iter().find(|word| code.contains(**word)) {
                let path = file.path.display();
                found.push(problem(format!("{path}:{}: names an engine ({}); only db does", number + 1, word.trim())));
            }
        }
    }
    found
}

fn judge(name: &str, own: usize, on: &str) -> Option<String> {
    if let Some((_, keepers)) = KEEPERS.iter().find(|(library, _)| *library == on)
        && !keepers.contains(&place(name))
        && name != "stories"
    {
        return Some(format!("crate {name} uses {on}; only {} may", keepers.join(", ")));
    }
    let other = floor(on)?;
    if let Some((_, allowed)) = NARROW.iter().find(|(narrow, _)| *narrow == name)
        && !allowed.contains(&on)
    {
        return Some(format!("crate {name} depends on {on}; it may only on: {}", allowed.join(", ")));
    }
    (other >= own).then(|| format!("crate {name} depends on {on}, which stands no lower"))
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&place(name)))
}

/// All desks stand side by side, so that none can lean on another.
fn place(name: &str) -> &str {
    if name.starts_with("desk_") { "desk" } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(name: &str, on: &str, kind: Option<&str>) -> usize {
        let package = json!({"name": name, "source": null, "dependencies": [{"name": on, "kind": kind}]});
        let library = json!({"name": "serde", "source": "registry", "dependencies": [{"name": "web"}]});
        findings(&json!({"packages": [package, library]})).unwrap().len()
    }

    #[test]
    fn dependencies_go_down() {
        for (name, on, expected) in [
            ("people", "audit", 0),
            ("app", "base", 0),
            ("web", "response", 0),
            ("stories", "app", 0),
            ("audit", "people", 1),
            ("access", "audit", 1),
            ("base", "db", 1),
            ("care", "watch", 1),
            ("watch", "response", 1),
            ("linkage", "base", 0),
            ("linkage", "db", 1),
            ("people", "serde", 0),
            ("people", "rusqlite", 1),
            ("db", "rusqlite", 0),
            ("care", "maud", 1),
            ("people", "form", 0),
            ("form", "people", 1),
            ("page", "signin", 0),
            ("page", "people", 1),
            ("parts", "response", 0),
            ("desk_care", "parts", 0),
            ("desk_care", "maud", 0),
            ("desk_care", "desk_watch", 1),
            ("desk_care", "household", 1),
            ("parts", "axum", 1),
            ("web", "maud", 1),
            ("parts", "desk_care", 1),
            ("web", "desk_care", 0),
            ("stories", "postgres", 0),
            ("basement", "base", 1),
        ] {
            assert_eq!(judged(name, on, None), expected, "{name} -> {on}");
        }
    }

    #[test]
    fn what_only_tests_use_is_free() {
        assert_eq!(judged("watch", "town", Some("dev")), 0);
        assert_eq!(judged("watch", "town", Some("build")), 1);
    }

    #[test]
    fn engines_are_named_in_db_only() {
        let sql = |path: &str, text: &str| File { path: path.into(), text: Some(text.to_owned()) };
        let files = [
            sql("crates/db/src/lib.rs", "use rusqlite::Connection;"),
            sql("crates/care/src/store.rs", "let _ = 1; // rusqlite would do"),
            sql("crates/care/src/tests.rs", "let rows = \"PRAGMA page_count\";"),
        ];
        assert_eq!(engine_findings(&files).len(), 1);
    }
}
