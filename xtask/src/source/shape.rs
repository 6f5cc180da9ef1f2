//! How long files and functions are, and that every crate says what it is.

use crate::source::{File, Finding, problem, warning};

const LINES: usize = 400;
const LINES_AT_MOST: usize = 600;
const FUNCTION_LINES: usize = 70;

pub fn findings(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.is_vendored()) {
        let (Some(text), path) = (&file.text, file.path.display()) else { continue };
        let lines = text.lines().count();
        if file.has_extension(&["rs", "mjs", "js", "css", "sh", "py"]) {
            if lines > LINES_AT_MOST {
                found.push(problem(format!("{path}: {lines} lines, at most {LINES_AT_MOST}")));
            } else if lines > LINES {
                found.push(warning(format!("{path}: {lines} lines, better {LINES}")));
            }
        }
        if file.has_extension(&["rs"]) {
            found.extend(long_functions(text).into_iter().map(|(line, length)| {
                warning(format!("{path}:{line}: a function of {length} lines, better {FUNCTION_LINES}"))
            }));
        }
        if file.path.ends_with("src/lib.rs") && !text.starts_with("//!") {
            found.push(problem(format!("{path}: does not begin with what it knows (//!)")));
        }
    }
    found
}

/// Line and length of each function that is too long. Relies on rustfmt: a function ends at the brace below its `fn`.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let header = code.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("async ");
        if !header.starts_with("fn ") {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let Some(length) = lines[start..].iter().position(|line| *line == end) else { continue };
        if length + 1 > FUNCTION_LINES {
            found.push((start + 1, length + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_functions_are_found_and_short_ones_are_not() {
        let body = "    let x = 1;\n".repeat(80);
        let text = format!("fn short() {{\n}}\n\npub fn long() {{\n{body}}}\n");
        assert_eq!(long_functions(&text), [(4, 82)]);
    }

    #[test]
    fn a_crate_that_does_not_say_what_it_is_is_found() {
        let file = File { path: "crates/a/src/lib.rs".into(), text: Some("use b;\n".to_owned()) };
        assert_eq!(findings(&[file]).len(), 1);
    }
}
