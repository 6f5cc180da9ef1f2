//! Links from one Markdown file to another file of the repository lead somewhere.

use std::path::{Component, Path, PathBuf};

use crate::source::{File, Finding, problem};

pub fn findings(root: &Path, files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["md"]) && !file.is_vendored()) {
        let Some(text) = &file.text else { continue };
        for (number, target) in links(text) {
            let Some(path) = resolve(&file.path, &target) else {
                found.push(problem(format!("{}:{number}: {target} leads out of the repository", file.path.display())));
                continue;
            };
            if !root.join(path).exists() {
                found.push(problem(format!("{}:{number}: {target} is not there", file.path.display())));
            }
        }
    }
    found
}

/// Line and target of each link to a file; not those to the web or within the page, and none in code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Between backticks at odd places stands code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ', '#']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The target's path from the root, or nothing if it climbs above it.
fn resolve(from: &Path, target: &str) -> Option<PathBuf> {
    let mut path = if target.starts_with('/') { PathBuf::new() } else { from.parent()?.to_path_buf() };
    for component in Path::new(target).components() {
        match component {
            Component::ParentDir if !path.pop() => return None,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_others_left_alone() {
        let text = "[a](b.md#top) ![p](../i/p.png \"t\") [w](https://example.org/x) [h](#here) `[c](d.md)`\n```\n[e](f)\n```\n";
        assert_eq!(links(text), [(1, "b.md".to_owned()), (1, "../i/p.png".to_owned())]);
    }

    #[test]
    fn a_target_is_seen_from_its_file() {
        assert_eq!(resolve(Path::new("docs/adr/1.md"), "../status.md"), Some("docs/status.md".into()));
        assert_eq!(resolve(Path::new("README.md"), "docs/status.md"), Some("docs/status.md".into()));
        assert_eq!(resolve(Path::new("README.md"), "../shared/data"), None);
    }
}
