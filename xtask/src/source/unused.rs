//! Dependencies that nobody uses, and code for tests that would reach the product.

use std::path::Path;

use crate::source::{File, Finding, problem};

/// Who alone may ask for the server of the tests: whoever asks there leaves a mark, by which the second run is shortened.
const ASKED_IN: &[&str] = &["crates/db/src/testing.rs", "xtask/src/postgres.rs", "xtask/src/suites.rs"];
/// Macros of ours that derive for whoever calls them, and so use their `serde`.
const DERIVING: &[&str] = &["words! {", "events! {"];
/// Crates that only other crates' tests depend on; the check of the layers sees to that.
const FOR_TESTS: &[&str] = &["crates/household"];
// In two pieces, so that this file does not find itself.
const SERVER: &str = concat!("TSUNAGARI_TEST", "_POSTGRES");

/// Each crate named in a `Cargo.toml` occurs in some source file beside it.
pub fn dependency_findings(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for manifest in files.iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        let (Some(text), Some(folder)) = (&manifest.text, manifest.path.parent()) else { continue };
        let sources = || files.iter().filter(|file| file.path.starts_with(folder) && file.has_extension(&["rs"]));
        for name in dependencies(text) {
            let word = name.replace('-', "_");
            // These macros derive for whoever calls them.
            let used =
                |text: &String| names(text, &word) || (word == "serde" && DERIVING.iter().any(|it| text.contains(it)));
            if !sources().any(|file| file.text.as_ref().is_some_and(used)) {
                found.push(problem(format!("{}: nobody uses {name}", manifest.path.display())));
            }
        }
    }
    found
}

/// A module `testing` is no part of the product, and nothing outside tests turns it on.
pub fn testing_findings(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        let Some(text) = &file.text else { continue };
        let path = file.path.display();
        if file.has_extension(&["rs"]) && file.path.starts_with("crates") {
            found.extend(ungated(text).map(|line| {
                problem(format!(
                    "{path}:{line}: the product contains `testing`; #[cfg(any(test, feature = \"testing\"))]"
                ))
            }));
        }
        let manifest = file.path.starts_with("crates") && file.path.ends_with("Cargo.toml");
        if manifest && !FOR_TESTS.iter().any(|folder| file.path.starts_with(folder)) && turned_on(text) {
            found.push(problem(format!("{path}: only dev-dependencies may turn on `testing`")));
        }
        let may_ask = ASKED_IN.iter().any(|allowed| file.path == Path::new(allowed));
        if file.has_extension(&["rs"]) && !may_ask && text.contains(SERVER) {
            found.push(problem(format!("{path}: asks for {SERVER} by itself; db::testing does, and leaves a mark")));
        }
    }
    found
}

/// The names in every section of dependencies of a crate; not those that the workspace only offers.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.starts_with("[workspace");
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.']).next().unwrap_or("").trim();
            if !name.is_empty() && line.contains('=') {
                found.push(name);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the word stands in the code, not as a part of a longer one and not in a comment.
fn names(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(word)
            .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
    })
}

/// Lines that declare a module `testing` without a condition above them.
fn ungated(text: &str) -> impl Iterator<Item = usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = |line: &str| ["mod testing;", "pub mod testing;", "pub(crate) mod testing;"].contains(&line);
    let gated = |n: usize| n > 0 && lines[n - 1].starts_with("#[cfg(") && lines[n - 1].contains("test");
    let found: Vec<usize> = (0..lines.len()).filter(|n| declared(lines[*n]) && !gated(*n)).map(|n| n + 1).collect();
    found.into_iter()
}

fn turned_on(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let named = line.contains("\"testing\"") || line.contains("/testing\"");
        named && (section == "[dependencies]" || line.starts_with("default"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    // shows: 5.6.9 dependencies that nobody uses are found by a check
    #[test]
    fn a_dependency_that_nobody_names_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true\ntokio-rustls = \"1\"\n\
                        [dev-dependencies]\ndb = { workspace = true, features = [\"testing\"] }\n";
        let files = [
            file("crates/a/Cargo.toml", manifest),
            file("crates/a/src/lib.rs", "// serde would do\nuse tokio_rustls::TlsAcceptor;\n"),
            file("crates/a/tests/x.rs", "use db::Db;\n"),
            file("crates/b/src/lib.rs", "use serde::Serialize;\n"),
        ];
        let found: Vec<String> = dependency_findings(&files).into_iter().map(|finding| finding.text).collect();
        assert_eq!(found, ["crates/a/Cargo.toml: nobody uses serde"]);
    }

    // shows: 5.6.8 product code without test code
    #[test]
    fn code_for_tests_is_found_where_it_would_reach_the_product() {
        for (path, text, expected) in [
            ("crates/a/src/lib.rs", "mod rules;\npub mod testing;\n", 1),
            ("crates/a/src/lib.rs", "#[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n", 0),
            ("crates/a/Cargo.toml", "[dependencies]\ndb = { workspace = true, features = [\"testing\"] }\n", 1),
            ("crates/a/Cargo.toml", "[dev-dependencies]\ndb = { workspace = true, features = [\"testing\"] }\n", 0),
            ("crates/a/Cargo.toml", "[features]\ndefault = [\"testing\"]\n", 1),
            ("crates/a/tests/x.rs", &format!("std::env::var(\"{SERVER}\")"), 1),
            ("crates/db/src/testing.rs", &format!("std::env::var(\"{SERVER}\")"), 0),
        ] {
            assert_eq!(testing_findings(&[file(path, text)]).len(), expected, "{path}: {text}");
        }
    }
}
