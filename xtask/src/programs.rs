//! The test programs that cargo builds. They are run by ourselves and not by `cargo test`, because one that asks for no
//! database need not run again on the other engine, and because one that waits leaves its processor to another. Knows
//! nothing of what they test.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One test program as cargo left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// `db`, or `app::serve` for the tests beside a crate.
    pub name: String,
    pub path: PathBuf,
    /// The folder of its package, in which cargo would run it.
    folder: PathBuf,
}

impl Program {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

/// The programs named in `--message-format=json`.
pub fn programs(messages: &str) -> Vec<Program> {
    messages
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["profile"]["test"] == true)
        .filter_map(|message| program(&message))
        .collect()
}

fn program(message: &Value) -> Option<Program> {
    let path = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let target = message["target"]["name"].as_str()?;
    let beside = message["target"]["kind"][0] == "test";
    let package = folder.file_name()?.to_str()?;
    let name = if beside { format!("{package}::{target}") } else { target.to_owned() };
    Some(Program { name, path, folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = concat!(
        "   Compiling db v0.1.0\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/db/Cargo.toml\",\"target\":{\"kind\":[\"lib\"],\"name\":\"db\"},\"profile\":{\"test\":false},\"executable\":null}\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/db/Cargo.toml\",\"target\":{\"kind\":[\"lib\"],\"name\":\"db\"},\"profile\":{\"test\":true},\"executable\":\"/t/db-1\"}\n",
        "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/h/crates/app/Cargo.toml\",\"target\":{\"kind\":[\"test\"],\"name\":\"serve\"},\"profile\":{\"test\":true},\"executable\":\"/t/serve-1\"}\n",
        "{\"reason\":\"build-finished\",\"success\":true}\n"
    );

    #[test]
    fn test_programs_are_read_from_what_cargo_says() {
        let found = programs(MESSAGES);
        assert_eq!(found.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["db", "app::serve"]);
        assert_eq!(found[0].folder, Path::new("/h/crates/db"));
    }
}
