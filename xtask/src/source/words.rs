//! Text that must not be in the repository: paths of one machine, unfinished code, and a clone's own list of words.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::source::{File, Finding, problem};

/// The lines of this file, kept beside the clone's other private settings, may not occur in any tracked file.
const PRIVATE_LIST: &str = "info/words-to-avoid";

// In two pieces, so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimple", "mented!(")];
const MACHINE_PATHS: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("../.lib", "rary")];

pub fn findings(root: &Path, files: &[File]) -> Result<Vec<Finding>> {
    let mut avoided: Vec<String> = MACHINE_PATHS.iter().map(|word| (*word).to_owned()).collect();
    avoided.extend(private_words(root));
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.is_vendored()) {
        let Some(text) = &file.text else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = avoided.iter().find(|word| contains(line, word)) {
                found.push(problem(format!("{}:{}: says '{word}'", file.path.display(), number + 1)));
            }
            if file.has_extension(&["rs"])
                && let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word))
            {
                found.push(problem(format!("{}:{}: unfinished: {word})", file.path.display(), number + 1)));
            }
        }
        if file.path.ends_with("package-lock.json") && text.contains("\"resolved\"") {
            let path = file.path.display();
            found.push(problem(format!(
                "{path}: names the host it was made from (npm's omit-lockfile-registry-resolved)"
            )));
        }
    }
    Ok(found)
}

/// Words are found whatever their case, but not inside a longer word; paths are found as they stand.
fn contains(line: &str, word: &str) -> bool {
    if word.contains('/') {
        // The same letters in the middle of a longer path are no path of a machine.
        return line
            .match_indices(word)
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.'));
    }
    let (line, word) = (line.to_lowercase(), word.to_lowercase());
    line.match_indices(&word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = line[at + word.len()..].chars().next().is_some_and(char::is_alphanumeric);
        !before && !after
    })
}

/// Empty where this clone has no such list.
fn private_words(root: &Path) -> Vec<String> {
    let Some(list) = private_list(root) else { return Vec::new() };
    let text = fs::read_to_string(list).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn private_list(root: &Path) -> Option<PathBuf> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "rev-parse", "--git-common-dir"])
        .current_dir(root)
        .output()
        .ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(root.join(folder.trim()).join(PRIVATE_LIST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_and_urls_are_not() {
        let word = MACHINE_PATHS[1];
        assert!(contains(&format!("see {word}main"), word));
        assert!(contains(&format!("(`{word}main`)"), word));
        assert!(!contains(&format!("https://example.org/net{}", &word[1..]), word));
        assert!(!contains(&format!("https://example.org{word}a"), word));
    }

    #[test]
    fn words_are_found_in_any_case_but_whole() {
        assert!(contains("The Cat sat", "cat"));
        assert!(!contains("concatenate", "cat"));
    }

    #[test]
    fn unfinished_code_and_a_lock_with_a_host_are_found() {
        let code = File { path: "src/a.rs".into(), text: Some(format!("fn a() {{ {}) }}", UNFINISHED[0])) };
        let lock = File { path: "a/package-lock.json".into(), text: Some("{\"resolved\": \"x\"}".to_owned()) };
        let found = findings(Path::new("."), &[code, lock]).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
