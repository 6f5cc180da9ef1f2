//! An address names its desk: the beginning of one is typed by the desk whose door it is, and by `page`, which leads
//! from desk to desk. The list of doors is read from the desks themselves.

use std::collections::BTreeMap;

use crate::source::{File, Finding, problem};

pub fn findings(files: &[File]) -> Vec<Finding> {
    let rooms: Vec<(&str, &File, &str)> = files.iter().filter_map(product_code).collect();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (desk, file, text) in &rooms {
        for first in text.split("Door::").skip(1).filter_map(door) {
            let owner = owners.entry(first).or_insert(desk);
            if owner != desk {
                found.push(problem(format!("{}: {first} is a door of {owner} already", file.path.display())));
            }
        }
    }
    for (desk, file, text) in &rooms {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.contains("Door::")) {
            for typed in literals(line).filter_map(first_part) {
                if let Some(owner) = owners.get(typed).filter(|owner| *owner != desk) {
                    let place = format!("{}:{}", file.path.display(), number + 1);
                    found.push(problem(format!("{place}: types {typed}, an address of {owner}; page::address has it")));
                }
            }
        }
    }
    found
}

/// What a desk, or `parts`, is made of: its name, the file, and its text without tests.
fn product_code(file: &File) -> Option<(&str, &File, &str)> {
    let path = file.path.to_str()?.strip_prefix("crates/")?;
    let (name, inner) = path.split_once("/src/")?;
    let of_a_desk = name.starts_with("desk_") || name == "parts";
    if !of_a_desk || !path.ends_with(".rs") || inner.rsplit('/').next()?.starts_with("tests") {
        return None;
    }
    let text = file.text.as_deref()?;
    // A line of the module's list (`mod tests;`) is no end of the code.
    let end = text.match_indices("#[cfg(test)]\nmod ").find(|(at, _)| {
        let line = text[*at..].lines().nth(1).unwrap_or_default();
        line.ends_with('{')
    });
    Some((name, file, end.map_or(text, |(at, _)| &text[..at])))
}

/// What stands in quotes, but for what markup appends to an address: `(address::case(id)) "/visits"`.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    let pieces: Vec<&str> = line.split('"').collect();
    let appended = |n: usize| pieces[n - 1].trim_end().ends_with(')');
    (1..pieces.len()).step_by(2).filter(|n| !appended(*n)).map(|n| pieces[n]).collect::<Vec<_>>().into_iter()
}

/// The first part of the path of `look("/cases/{id}", …)`.
fn door(after: &str) -> Option<&str> {
    let (_, arguments) = after.split_once('(')?;
    first_part(arguments.trim_start().strip_prefix('"')?.split('"').next()?)
}

/// `/cases` of `/cases/{id}?renew=20`; nothing of the root, and nothing of what is appended to an address.
fn first_part(address: &str) -> Option<&str> {
    let rest = address.strip_prefix('/')?;
    let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
    let whole = rest[end..].is_empty() || rest[end..].starts_with(['/', '?', '#']);
    (end > 0 && whole).then(|| &address[..end + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: Some(text.to_owned()) }
    }

    // shows: 5.6.1 an address names its desk
    #[test]
    fn a_desk_types_no_address_of_another() {
        let doors =
            "#[cfg(test)]\nmod tests;\nDoor::look(\"/cases/{id}\", WHO, page),\nDoor::plain(\n    \"/incoming\", WHO)";
        let cases = file("crates/desk_response/src/lib.rs", doors);
        let own = file("crates/desk_response/src/case.rs", "format!(\"/cases/{id}/calls\"); (case) \"/visits\"");
        let test = file("crates/desk_visits/src/tests.rs", "get(\"/cases/7\")");
        let unit =
            file("crates/desk_visits/src/visit.rs", "let a = 1;\n#[cfg(test)]\nmod tests {\n    \"/cases/7\"\n}");
        let page = file("crates/page/src/address.rs", "format!(\"/cases/{id}\")");
        let longer =
            file("crates/desk_visits/src/list.rs", "format!(\"/casework/{id}\"); \"/\"; \"/\" (id) \"/calls\"");
        let clean = [cases, own, test, unit, page, longer];
        assert_eq!(findings(&clean), vec![]);
        let mut typed: Vec<File> = clean.into_iter().collect();
        typed.push(file("crates/desk_visits/src/steps.rs", "a href={ \"/cases/\" (id) }\nto(\"/incoming?now\")"));
        typed.push(file("crates/parts/src/case.rs", "action={ \"/cases/\" (id) \"/closure\" }"));
        assert_eq!(findings(&typed).len(), 3);
        typed.push(file("crates/desk_visits/src/lib.rs", "Door::look(\"/cases\", WHO, list)"));
        assert!(findings(&typed).iter().any(|f| f.text.contains("already")));
    }
}
