//! Every dependency has its line in `docs/adr/` saying what it replaces.

use std::fs;
use std::path::Path;

use crate::source::{Finding, problem};

pub fn findings(root: &Path) -> Vec<Finding> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let records: String = fs::read_dir(root.join("docs/adr"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .collect();
    outside_libraries(&manifest)
        .filter(|library| !is_recorded(library, &records))
        .map(|library| problem(format!("Cargo.toml: no record in docs/adr says what {library} replaces")))
        .collect()
}

/// The names of `[workspace.dependencies]` but our own crates.
fn outside_libraries(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.contains("path ="))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}

/// In the first column of a table, alone or with others.
fn is_recorded(library: &str, records: &str) -> bool {
    records
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.split('|').next())
        .flat_map(|column| column.split([',', ' ']))
        .any(|name| name == library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_without_a_line_is_found() {
        let manifest = "[workspace.dependencies]\nbase = { path = \"crates/base\" }\n\nmaud = \"0.27\"\ncsv = \"1\"\n[profile.dev]\ndebug = 1\n";
        let names: Vec<&str> = outside_libraries(manifest).collect();
        assert_eq!(names, ["maud", "csv"]);
        let records = "| library | instead of |\n|---|---|\n| serde, maud | csv files |\n";
        assert!(is_recorded("maud", records));
        assert!(!is_recorded("csv", records));
    }
}
