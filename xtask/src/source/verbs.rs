//! Every act and every event is typed once: in a list of its own crate (`verbs!`, `events!`), and nowhere else in the
//! product. Tests may spell a key: they say what must stay readable in databases that exist.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{File, Finding, problem};

/// How a list begins, and of what it is one: an act and an event may share a key, two acts may not.
const LISTS: &[(&str, Kind)] = &[
    ("audit::verbs! {", Kind::Acts),
    ("crate::verbs! {", Kind::Acts),
    ("db::events! {", Kind::Events),
    ("crate::events! {", Kind::Events),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Acts,
    Events,
}

/// Number and text of a line, and the list it stands in.
type Line<'a> = (usize, &'a str, Option<Kind>);

/// What only the macros may call, and where they stand.
const MAKERS: &[(&str, &str)] =
    &[("Action::listed(", "crates/audit/src/action.rs"), ("News::listed(", "crates/db/src/outbox.rs")];

pub fn findings(files: &[File]) -> Vec<Finding> {
    let sources: Vec<(String, Vec<Line<'_>>)> = files.iter().filter_map(product).collect();
    let mut found = Vec::new();
    let mut listed: BTreeMap<(&str, Kind), String> = BTreeMap::new();
    for (path, lines) in &sources {
        for (number, line, kind) in lines {
            let Some(kind) = kind else { continue };
            let Some(key) = line.split_once(" = \"").and_then(|(_, rest)| rest.split('"').next()) else { continue };
            let place = format!("{path}:{number}");
            let own = path.split('/').nth(1).unwrap_or_default();
            if !key.strip_prefix(own).or(key.strip_prefix("look")).is_some_and(|rest| rest.starts_with('.')) {
                found.push(problem(format!("{place}: {key} does not begin with the name of its crate")));
            }
            if let Some(other) = listed.insert((key, *kind), place.clone()) {
                found.push(problem(format!("{place}: {key} stands in {other} already")));
            }
        }
    }
    let keys: BTreeSet<&str> = listed.keys().map(|(key, _)| *key).collect();
    for (path, lines) in &sources {
        for (number, line, _) in lines.iter().filter(|(.., list)| list.is_none()) {
            let code = line.split("//").next().unwrap_or_default();
            for literal in code.split('"').skip(1).step_by(2).filter(|text| keys.contains(text)) {
                found.push(problem(format!("{path}:{number}: {literal} is typed again; take it from its list")));
            }
            for (maker, home) in MAKERS {
                if code.contains(maker) && path != home {
                    found.push(problem(format!("{path}:{number}: {maker}…) is for the lists alone")));
                }
            }
        }
    }
    found
}

/// The lines of a crate's product code.
fn product(file: &File) -> Option<(String, Vec<Line<'_>>)> {
    let path = file.path.to_str()?.replace('\\', "/");
    let name = path.rsplit('/').next()?;
    let tests = path.contains("/tests/") || name.contains("tests") || name == "testing.rs";
    if tests || !path.starts_with("crates/") || !path.contains("/src/") || !name.ends_with(".rs") {
        return None;
    }
    let text = file.text.as_deref()?;
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let mut list: Option<(Kind, String)> = None;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if let Some((_, kind)) = LISTS.iter().find(|(begins, _)| *begins == code) {
            list = Some((*kind, format!("{}}}", &line[..line.len() - code.len()])));
        } else if list.as_ref().is_some_and(|(_, end)| end == line) {
            list = None;
        }
        lines.push((number + 1, line, list.as_ref().map(|(kind, _)| *kind)));
    }
    Some((path, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    const LIST: &str = "audit::verbs! {\n    Verb of \"見守り\" {\n        Set = \"watch.set\", \"変更\";\n    }\n}\n";

    // shows: 5.6.2 no topic or action is typed twice
    #[test]
    fn what_is_typed_again_is_found_and_what_stands_once_is_not() {
        let list = || file("crates/watch/src/verbs.rs", LIST);
        assert_eq!(findings(&[list()]), []);
        let tested = "fn a() {}\n#[cfg(test)]\nmod tests {\n    const K: &str = \"watch.set\";\n}\n";
        let fine = [list(), file("crates/watch/src/a.rs", tested), file("crates/watch/src/tests.rs", "\"watch.set\"")];
        assert_eq!(findings(&fine), []);
        let again = file("crates/web/src/a.rs", "push(tx, \"watch.set\");\nlet a = Action::listed(k, p, j);\n");
        assert_eq!(findings(&[list(), again]).len(), 2);
        assert_eq!(findings(&[list(), file("crates/care/src/verbs.rs", LIST)]).len(), 2, "twice, and not its own");
    }
}
