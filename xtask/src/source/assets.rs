//! Vendored files are what `assets/README.md` says they are: each with its SHA-256.

use std::fs;
use std::path::Path;

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::source::{File, Finding, problem};

const LIST: &str = "assets/README.md";

pub fn findings(root: &Path, files: &[File]) -> Result<Vec<Finding>> {
    let Ok(list) = fs::read_to_string(root.join(LIST)) else {
        return Ok(files.iter().filter(|file| wants_a_line(file)).map(|file| unlisted(&file.path)).collect());
    };
    let mut found = Vec::new();
    let mut listed = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let words: Vec<&str> = words(line).collect();
        let Some(expected) = words.iter().find(|word| is_digest(word)) else { continue };
        let path = words
            .iter()
            .flat_map(|word| [format!("assets/{word}"), format!("assets/vendor/{word}"), (*word).to_owned()])
            .find(|path| root.join(path).is_file());
        let Some(path) = path else {
            found.push(problem(format!("{LIST}:{}: a SHA-256 of no file that is there", number + 1)));
            continue;
        };
        if digest(&fs::read(root.join(&path))?) != expected.to_lowercase() {
            found.push(problem(format!("{path}: is not the file that {LIST} describes")));
        }
        listed.push(path);
    }
    let wanting = files.iter().filter(|file| wants_a_line(file));
    let unlisted_files = wanting.filter(|file| !listed.iter().any(|path| Path::new(path) == file.path));
    found.extend(unlisted_files.map(|file| unlisted(&file.path)));
    Ok(found)
}

/// Licence texts travel with what they license and need no line of their own.
fn wants_a_line(file: &File) -> bool {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    let is_licence = ["LICENSE", "LICENCE", "COPYING", "OFL"].iter().any(|word| name.contains(word));
    file.is_vendored() && !is_licence
}

fn unlisted(path: &Path) -> Finding {
    problem(format!("{}: vendored, but {LIST} has no SHA-256 of it", path.display()))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "|`()[]<>,".contains(c)).filter(|word| !word.is_empty())
}

fn is_digest(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_and_an_unlisted_one_are_found() {
        let root = tempfile::tempdir().unwrap();
        let vendor = root.path().join("assets/vendor");
        fs::create_dir_all(&vendor).unwrap();
        for name in ["same.js", "changed.js", "new.js"] {
            fs::write(vendor.join(name), name).unwrap();
        }
        let list = format!(
            "| file | SHA-256 |\n|---|---|\n| `vendor/same.js` | {} |\n| [changed](vendor/changed.js) | `{}` |\n",
            digest(b"same.js"),
            digest(b"as it was")
        );
        fs::write(root.path().join(LIST), list).unwrap();
        let files = ["same.js", "changed.js", "new.js"]
            .map(|name| File { path: Path::new("assets/vendor").join(name), text: None });
        let found: Vec<String> =
            findings(root.path(), &files).unwrap().into_iter().map(|finding| finding.text).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("changed.js") && found[1].contains("new.js"));
    }
}
