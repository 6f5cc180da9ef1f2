//! The folder that stands in for mail server and gateway, read back: what would have left the house, newest first.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Way;

/// One message that was written into the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub way: Way,
    pub to: String,
    /// Mails have one.
    pub subject: String,
    pub text: String,
    /// How long ago it was written, by the clock of the machine.
    pub age: Duration,
}

/// The newest `limit` letters, and how many lie in the folder. What cannot be read is left out; a folder that is not
/// there is empty.
pub fn letters(folder: &Path, limit: usize) -> (Vec<Letter>, usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return (Vec::new(), 0) };
    let mut files: Vec<(SystemTime, std::path::PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .filter(|(_, path)| path.extension().is_some_and(|e| e == "eml" || e == "txt"))
        .collect();
    // The name begins with the attempt's id, which grows with time.
    files.sort_by(|a, b| b.cmp(a));
    let now = SystemTime::now();
    let read = |(at, path): &(SystemTime, std::path::PathBuf)| {
        let text = std::fs::read_to_string(path).ok()?.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n")?;
        let age = now.duration_since(*at).unwrap_or_default();
        let to = field(head, "To")?.to_owned();
        match field(head, "Way").and_then(Way::from_key) {
            Some(way) => Some(Letter { way, to, subject: String::new(), text: body.trim().to_owned(), age }),
            None => Some(Letter { way: Way::Mail, to, subject: subject(head), text: decoded(head, body)?, age }),
        }
    };
    (files.iter().take(limit).filter_map(read).collect(), files.len())
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Our mails are written in base 64.
fn decoded(head: &str, body: &str) -> Option<String> {
    if field(head, "Content-Transfer-Encoding") != Some("base64") {
        return Some(body.trim().to_owned());
    }
    let joined: String = body.split_whitespace().collect();
    Some(String::from_utf8(STANDARD.decode(joined).ok()?).ok()?.trim().to_owned())
}

/// Encoded words (RFC 2047) over several lines, as our own mails have them.
fn subject(head: &str) -> String {
    let Some((_, rest)) = head.split_once("Subject:") else { return String::new() };
    let lines = rest.lines().enumerate().take_while(|(n, line)| *n == 0 || line.starts_with([' ', '\t']));
    let words: Vec<&str> = lines.flat_map(|(_, line)| line.split_whitespace()).collect();
    let plain = |word: &str| {
        let inner = word.strip_prefix("=?utf-8?b?").and_then(|w| w.strip_suffix("?="));
        inner.and_then(|w| STANDARD.decode(w).ok()).unwrap_or_else(|| word.as_bytes().to_vec())
    };
    String::from_utf8_lossy(&words.into_iter().flat_map(plain).collect::<Vec<u8>>()).into_owned()
}
