//! `cargo xtask status`: makes docs/status.md from the promises in docs/requirements and the tags beside the tests
//! (`// shows: 5.1.2 …`). Knows no promise and no test by name; what no test carries is said as plainly as what one does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::Result;

use crate::place::Place;
use crate::source::{self, File, Finding, problem};

pub const PAGE: &str = "docs/status.md";
const PROMISES: &str = "docs/requirements";
const TAG: &str = "// shows:";
/// Words shorter than this say little about what a line is about.
const TELLING: usize = 5;

/// One line of docs/requirements.
#[derive(Debug, Default, PartialEq, Eq)]
struct Promise {
    id: String,
    text: String,
    /// What is missing or in doubt though a test may carry the line.
    missing: String,
    /// What was measured, and what to know though nothing of the line is missing.
    known: String,
}

/// One tag: the number it names (of a line, or of a section), its words, and the test below it.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    id: String,
    words: String,
    test: String,
}

/// Writes the page.
pub fn write(place: &Place) -> Result<bool> {
    std::fs::write(place.root.join(PAGE), page(&source::files(&place.root)?))?;
    println!("{PAGE} is written");
    Ok(true)
}

/// An error where the page is not what the tags say.
pub fn findings(files: &[File]) -> Vec<Finding> {
    let written =
        files.iter().find(|file| file.path == std::path::Path::new(PAGE)).and_then(|file| file.text.as_deref());
    if written == Some(page(files).as_str()) {
        return Vec::new();
    }
    vec![problem(format!("{PAGE}: is not what the tests' tags say; cargo xtask status writes it"))]
}

/// The whole page.
pub fn page(files: &[File]) -> String {
    let mut promises: Vec<(&File, Vec<Promise>)> = files
        .iter()
        .filter(|file| file.path.starts_with(PROMISES) && file.has_extension(&["md"]))
        .map(|file| (file, promises_of(file.text.as_deref().unwrap_or(""))))
        .collect();
    promises.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let mut tags: Vec<Tag> = files.iter().flat_map(tags_of).collect();
    tags.sort_by(|a, b| (&a.test, &a.id, &a.words).cmp(&(&b.test, &b.id, &b.words)));
    let (mut shown, unmatched) = matched(promises.iter().flat_map(|(_, lines)| lines), &tags);

    let mut page = String::from(
        "# What is there, and what is missing\n\nMade by `cargo xtask status` from the lines of [requirements](requirements/) and the tags beside the tests; not to be edited by hand. \
         What to know before relying on it, and the first piece of work line by line: [status-first-piece.md](status-first-piece.md). Figures: [performance.md](performance.md).\n",
    );
    let all: usize = promises.iter().map(|(_, lines)| lines.len()).sum();
    let open: Vec<&Promise> =
        promises.iter().flat_map(|(_, lines)| lines).filter(|line| !shown.contains_key(line.id.as_str())).collect();
    let _ = match open.len() {
        0 => writeln!(page, "\nEach of the {all} lines has a test that names it."),
        n => writeln!(page, "\n{} of {all} lines are shown by a test that names them. Without one:\n", all - n),
    };
    for line in &open {
        let _ = writeln!(page, "- {} {}", line.id, line.text);
    }
    let missing: Vec<&str> =
        promises.iter().flat_map(|(_, lines)| lines).filter(|it| !it.missing.is_empty()).map(|it| &*it.id).collect();
    let _ = match missing.len() {
        0 => writeln!(page, "\nNothing of a line is known to be missing."),
        _ => writeln!(page, "\nSomething is missing all the same, as said beside them, in {}.", missing.join(", ")),
    };
    for (file, lines) in &promises {
        let text = file.text.as_deref().unwrap_or("");
        for heading in text.lines().filter_map(|line| line.strip_prefix("## ")) {
            let section = heading.split(' ').next().unwrap_or("");
            let _ = write!(
                page,
                "\n## {heading}\n\n| line | shown by | missing | measured, or to know |\n|---|---|---|---|\n"
            );
            for line in lines.iter().filter(|line| is_in(&line.id, section)) {
                let tests = shown.remove(line.id.as_str()).unwrap_or_default();
                let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
                let by = if tests.is_empty() { "**no test**".to_owned() } else { tests.join(", ") };
                let cell = |text: &str| text.replace('|', "\\|");
                let (text, missing, known) = (cell(&line.text), cell(&line.missing), cell(&line.known));
                let _ = writeln!(page, "| {} {text} | {by} | {missing} | {known} |", line.id);
            }
        }
    }
    if !unmatched.is_empty() {
        page.push_str("\n## Tests that show something of a section, but no line of it by name\n\n");
        for tag in unmatched {
            let _ = writeln!(page, "- {} {}: `{}`", tag.id, tag.words, tag.test);
        }
    }
    page
}

/// Tests by the id of the line they show. A tag that names a section shows the line of it with which it shares most
/// words, if it shares two.
fn matched<'a>(
    promises: impl Iterator<Item = &'a Promise> + Clone,
    tags: &'a [Tag],
) -> (BTreeMap<&'a str, BTreeSet<&'a str>>, Vec<&'a Tag>) {
    let (mut shown, mut unmatched) = (BTreeMap::<&str, BTreeSet<&str>>::new(), Vec::new());
    for tag in tags {
        let named = promises.clone().find(|line| line.id == tag.id);
        let nearest = || {
            let words = telling(&tag.words);
            let shared = |line: &Promise| telling(&line.text).intersection(&words).count();
            // The first of the best, so that the page is the same on every machine.
            let lines = promises.clone().filter(|line| is_in(&line.id, &tag.id));
            lines.rev_max_by_key(shared).filter(|line| shared(line) >= 2)
        };
        match named.or_else(nearest) {
            Some(line) => drop(shown.entry(&line.id).or_default().insert(&tag.test)),
            None => unmatched.push(tag),
        }
    }
    (shown, unmatched)
}

/// As `max_by_key`, but of several the first.
trait FirstMax: Iterator + Sized {
    fn rev_max_by_key<K: Ord>(self, key: impl Fn(Self::Item) -> K) -> Option<Self::Item>
    where
        Self::Item: Copy,
    {
        self.fold(None, |best: Option<Self::Item>, next| match best {
            Some(best) if key(best) >= key(next) => Some(best),
            _ => Some(next),
        })
    }
}

impl<I: Iterator> FirstMax for I {}

fn telling(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= TELLING)
        // A word in the plural is the same word.
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
        .collect()
}

fn is_in(id: &str, section: &str) -> bool {
    id.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// Lines `- 5.1.2 words`, and below one `  missing: words` and `  known: words`.
fn promises_of(text: &str) -> Vec<Promise> {
    let mut found: Vec<Promise> = Vec::new();
    for line in text.lines() {
        if let Some((id, text)) = line.strip_prefix("- ").and_then(|rest| rest.split_once(' ')).filter(|it| is_id(it.0))
        {
            found.push(Promise { id: id.to_owned(), text: text.to_owned(), ..Promise::default() });
        } else if let (Some(words), Some(last)) = (line.strip_prefix("  missing: "), found.last_mut()) {
            last.missing = words.to_owned();
        } else if let (Some(words), Some(last)) = (line.strip_prefix("  known: "), found.last_mut()) {
            last.known = words.to_owned();
        }
    }
    found
}

fn is_id(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// The tags of a file, each with the next test below it.
fn tags_of(file: &File) -> Vec<Tag> {
    let Some(text) = file.text.as_deref().filter(|text| text.contains(TAG)) else { return Vec::new() };
    // Of this file's own tests only, whose words would otherwise be taken for tags.
    if !file.has_extension(&["rs", "mjs"]) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(said) = line.strip_prefix(TAG) else { continue };
        let (id, words) = said.trim().split_once(' ').unwrap_or((said.trim(), ""));
        let id = id.trim_end_matches(['.', ':', ',', ';']);
        let Some(name) = lines[at..].iter().find_map(|line| test_name(line)) else { continue };
        let test = format!("{}::{name}", place(file));
        if is_id(id) {
            found.push(Tag { id: id.to_owned(), words: words.trim().to_owned(), test });
        }
    }
    found
}

/// `fn a_press_is_stored() {` or `test('a press is stored', …`.
fn test_name(line: &str) -> Option<String> {
    let code = line.trim_start_matches("pub ").trim_start_matches("async ");
    if let Some(rest) = code.strip_prefix("fn ") {
        return Some(rest.split(['(', '<']).next()?.to_owned());
    }
    let rest = ["test(", "await t.test(", "t.test("].iter().find_map(|beginning| line.strip_prefix(beginning))?;
    let quote = rest.chars().next().filter(|c| "'\"`".contains(*c))?;
    Some(rest[1..].split(quote).next()?.to_owned())
}

/// `watch`, `app/serve`, `browser/silence`: where a test stands, briefly.
fn place(file: &File) -> String {
    let parts: Vec<&str> = file.path.iter().filter_map(|part| part.to_str()).collect();
    let stem = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
    match parts.as_slice() {
        ["crates", name, "src", ..] => (*name).to_owned(),
        ["crates", name, "tests", first, ..] => format!("{name}/{}", stem(first)),
        ["tests", "browser", .., last] => format!("browser/{}", stem(last)),
        ["tests", .., folder, "main.rs"] => (*folder).to_owned(),
        [.., last] if parts[0] == "tests" => stem(last),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    fn region() -> Vec<File> {
        // In two pieces, so that the words in these strings are no tags of this file.
        let tag = format!("//{}", " shows:");
        vec![
            file(
                "docs/requirements/ground.md",
                "# Ground\n\n## 5.1 Strangers\n\n- 5.1.1 Uploads take their permit late.\n  missing: one account may hold all.\n  known: six places.\n- 5.1.2 Passwords are hashed apart.\n- 5.1.3 Live lines have seats.\n",
            ),
            file(
                "crates/a/src/tests.rs",
                &format!("    {tag} 5.1.1 late\n    #[test]\n    fn an_upload_waits() {{}}\n"),
            ),
            file(
                "tests/browser/b.test.mjs",
                &format!("{tag} 5.1 passwords hashed on threads\ntest('two hundred', x);\n"),
            ),
            file("crates/app/tests/serve/c.rs", &format!("{tag} 5.1 something else\n#[test]\nfn odd() {{}}\n")),
        ]
    }

    // shows: 5.6.12 the page is made from tags beside the tests and lists what no test carries
    #[test]
    fn a_line_has_its_tests_and_one_without_is_named_as_such() {
        let page = page(&region());
        assert!(page.contains("2 of 3 lines"), "{page}");
        assert!(
            page.contains(
                "| 5.1.1 Uploads take their permit late. | `a::an_upload_waits` | one account may hold all. | six places. |"
            ),
            "{page}"
        );
        assert!(page.contains("| 5.1.2 Passwords are hashed apart. | `browser/b::two hundred` |  |  |"), "{page}");
        assert!(page.contains("| 5.1.3 Live lines have seats. | **no test** |  |  |"), "{page}");
        assert!(page.contains("Something is missing all the same, as said beside them, in 5.1.1."), "{page}");
        assert!(page.contains("- 5.1 something else: `app/serve::odd`"), "{page}");
    }

    #[test]
    fn a_page_that_is_not_what_the_tags_say_is_found() {
        let mut files = region();
        assert_eq!(findings(&files).len(), 1);
        files.push(file(PAGE, &page(&files)));
        assert_eq!(findings(&files), []);
    }
}
