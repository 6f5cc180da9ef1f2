//! Files of a crate lean on each other in one direction. Read from the text: `crate::name` and `use crate::{name, …}` in
//! product code say on which file of its crate a file leans; folders count as one. `lib.rs` is every file's.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{File, Finding, problem};

/// Older than this rule and still to be opened: files of these crates that lean on each other in a circle. Nothing may
/// be added.
const STILL_ROUND: &[(&str, &[&str])] = &[
    ("admission", &["body", "caller", "http"]),
    ("app", &["backup", "config", "emergency", "postman", "rounds", "secrets"]),
    ("audit", &["scan", "store", "verify"]),
    ("db", &["lanes", "writer"]),
    (
        "page",
        &[
            "certificate",
            "components",
            "frame",
            "guard",
            "layout",
            "live",
            "problem",
            "renewals",
            "site",
            "standing",
            "visitor",
        ],
    ),
    ("signin", &["account", "confirming", "entering", "fictional", "request", "session"]),
    ("town", &["history", "story"]),
    ("watch", &["alert", "contract", "live", "rules", "settings", "store", "unanswered", "upkeep"]),
];

/// On which files of its crate each file leans.
type Leaning = BTreeMap<String, BTreeSet<String>>;

pub fn findings(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (krate, leaning) in crates(files) {
        let round: BTreeSet<&String> = leaning.keys().filter(|file| reach(&leaning, file).contains(*file)).collect();
        let known = STILL_ROUND.iter().find(|(name, _)| *name == krate).map_or(&[][..], |(_, files)| files);
        let new: Vec<&str> = round.iter().map(|file| file.as_str()).filter(|file| !known.contains(file)).collect();
        if !new.is_empty() {
            found.push(problem(format!("crates/{krate}: {} lean on each other in a circle", new.join(", "))));
        }
        let opened = known.iter().filter(|file| !round.iter().any(|it| it == *file));
        found.extend(
            opened.map(|file| problem(format!("crates/{krate}: {file} is in no circle, and is listed as such"))),
        );
    }
    found
}

fn crates(files: &[File]) -> BTreeMap<String, Leaning> {
    let mut crates: BTreeMap<String, Leaning> = BTreeMap::new();
    for file in files.iter().filter(|file| file.has_extension(&["rs"])) {
        let parts: Vec<&str> = file.path.iter().filter_map(|part| part.to_str()).collect();
        let ["crates", krate, "src", first, ..] = parts[..] else { continue };
        let name = first.trim_end_matches(".rs");
        if matches!(name, "lib" | "main") || parts.iter().any(|part| part.contains("test")) {
            continue;
        }
        let product = file.text.as_deref().unwrap_or_default().split("#[cfg(test)]").next().unwrap_or_default();
        crates.entry(krate.to_owned()).or_default().entry(name.to_owned()).or_default().extend(named(product));
    }
    for leaning in crates.values_mut() {
        let there: BTreeSet<String> = leaning.keys().cloned().collect();
        for (file, on) in leaning.iter_mut() {
            on.retain(|name| there.contains(name) && name != file);
        }
    }
    crates
}

/// The first names behind `crate::`, each of a list in braces too.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => names.extend(word(rest)),
            Some(list) => {
                let (mut depth, mut begins) = (0usize, true);
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        letter if begins && !letter.is_whitespace() => {
                            names.extend(word(&list[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// All files that a file leans on, itself among them only where it stands in a circle.
fn reach(leaning: &Leaning, from: &str) -> BTreeSet<String> {
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = waiting.pop() {
        for on in leaning.get(&file).into_iter().flatten() {
            if reached.insert(on.clone()) {
                waiting.push(on.clone());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    // shows: 5.6.6 files of a crate that lean on each other in a circle are found, in people and notify none are left
    #[test]
    fn a_circle_is_found_and_a_line_is_none() {
        let line = [
            file("crates/people/src/home.rs", "use crate::{Line, rules, store};"),
            file("crates/people/src/store/homes.rs", "use crate::rules::x;\n#[cfg(test)] mod t { use crate::home; }"),
            file("crates/people/src/rules.rs", "use crate::Line;"),
            file("crates/people/src/tests/home.rs", "use crate::home;"),
        ];
        assert_eq!(findings(&line), []);
        let [home, _, rules, tests] = line;
        let back = file("crates/people/src/store/homes.rs", "fn f() { crate::home::g() }");
        let found = findings(&[home, back, rules, tests]);
        assert_eq!(found, [problem("crates/people: home, store lean on each other in a circle")]);
        let listed = [file("crates/town/src/history.rs", ""), file("crates/town/src/story.rs", "")];
        assert_eq!(findings(&listed).len(), 2, "what was opened leaves the list");
    }
}
