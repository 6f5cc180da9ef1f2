//! Checks on the source that no compiler makes. Each returns findings; this file collects and prints them.

mod addresses;
mod assets;
mod circles;
mod layers;
mod links;
mod records;
mod shape;
mod tables;
mod unused;
mod verbs;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place::{Place, in_ci};
use crate::status;

/// Something to mend. A warning does not fail the run.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub warning: bool,
    pub text: String,
}

pub fn problem(text: impl Into<String>) -> Finding {
    Finding { warning: false, text: text.into() }
}

pub fn warning(text: impl Into<String>) -> Finding {
    Finding { warning: true, text: text.into() }
}

/// One file of the repository: its path from the root, and its text if it is text.
pub struct File {
    pub path: PathBuf,
    pub text: Option<String>,
}

impl File {
    pub fn has_extension(&self, wanted: &[&str]) -> bool {
        self.path.extension().and_then(|extension| extension.to_str()).is_some_and(|it| wanted.contains(&it))
    }

    /// Files that came from elsewhere keep the shape and the words they came with.
    pub fn is_vendored(&self) -> bool {
        self.path.starts_with("assets/vendor")
    }
}

pub fn run(place: &Place) -> Result<bool> {
    let findings = findings(place)?;
    print(&findings);
    Ok(findings.iter().all(|finding| finding.warning))
}

pub fn findings(place: &Place) -> Result<Vec<Finding>> {
    let files = files(&place.root)?;
    let mut found = shape::findings(&files);
    found.extend(words::findings(&place.root, &files)?);
    found.extend(layers::findings(&place.metadata()?)?);
    found.extend(layers::engine_findings(&files));
    found.extend(verbs::findings(&files));
    found.extend(addresses::findings(&files));
    found.extend(links::findings(&place.root, &files));
    found.extend(assets::findings(&place.root, &files)?);
    found.extend(records::findings(&place.root));
    found.extend(circles::findings(&files));
    found.extend(tables::findings(&files));
    found.extend(unused::dependency_findings(&files));
    found.extend(unused::testing_findings(&files));
    // Beside much work at once the page is written last; a run that nobody watches wants it written.
    let of_status = status::findings(&files).into_iter();
    found.extend(of_status.map(|finding| Finding { warning: !in_ci(), ..finding }));
    Ok(found)
}

pub fn print(findings: &[Finding]) {
    for finding in findings {
        println!("{} {}", if finding.warning { "warning:" } else { "error:" }, finding.text);
    }
    let warnings = findings.iter().filter(|finding| finding.warning).count();
    println!("source: {} errors, {warnings} warnings", findings.len() - warnings);
}

/// Tracked files and those that are about to be: not yet added, but not ignored either.
pub fn files(root: &Path) -> Result<Vec<File>> {
    let output = Command::new("git")
        // A checkout made by another account is still ours to read.
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ])
        .current_dir(root)
        .output()
        .context("git does not start")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("a file name that is not UTF-8")?;
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        // A file removed but not yet committed is still listed.
        .filter_map(|name| Some((name, std::fs::read(root.join(name)).ok()?)))
        .map(|(name, bytes)| File { path: PathBuf::from(name), text: String::from_utf8(bytes).ok() })
        .collect())
}
