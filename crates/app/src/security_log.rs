//! The security log: what strangers did, one line of JSON each, in two files of bounded length beside the signed heads.
//! It holds no login and no address, but hashes under a key of this region, so that one who comes again is recognised
//! and nobody is named. A flood writes over older lines and fills no disk.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use base::limits::SECURITY_LOG_BYTES;
use page::site::{Site, random};
use serde_json::json;
use signin::Incident;

use crate::rounds::repeat;

/// The key of the hashes, in the operations folder.
pub const KEY: &str = "security-log.key";
pub const FILE: &str = "security-log.jsonl";
/// What was in the file before; replaced when that is full again.
pub const FORMER: &str = "security-log.former.jsonl";

/// Gives the region's key to what is noted, and writes it down every few seconds.
pub fn spawn(rounds: &mut tokio::task::JoinSet<()>, site: &Site, folder: &Path) -> anyhow::Result<()> {
    site.strangers().use_key(load_or_create(&folder.join(KEY))?);
    let (site, folder) = (site.clone(), folder.to_owned());
    rounds.spawn(async move {
        let write = || async {
            let (incidents, lost) = site.strangers().drain();
            if incidents.is_empty() && lost == 0 {
                return Ok(());
            }
            let folder = folder.clone();
            tokio::task::spawn_blocking(move || append(&folder, &incidents, lost, SECURITY_LOG_BYTES)).await?
        };
        repeat("security log", Duration::from_secs(5), write).await;
    });
    Ok(())
}

fn load_or_create(file: &PathBuf) -> anyhow::Result<[u8; 32]> {
    if let Ok(text) = std::fs::read_to_string(file) {
        return base::unhex(text.trim()).with_context(|| format!("{} は鍵として読めません", file.display()));
    }
    let key = random();
    db::whole::create(file, format!("{}\n", base::hex(&key)).as_bytes())
        .with_context(|| format!("{} を作れません", file.display()))?;
    Ok(key)
}

fn append(folder: &Path, incidents: &[Incident], lost: u64, most: u64) -> anyhow::Result<()> {
    let mut text = String::new();
    for incident in incidents {
        text.push_str(&line(incident).to_string());
        text.push('\n');
    }
    if lost > 0 {
        text.push_str(&json!({ "lost": lost }).to_string());
        text.push('\n');
    }
    let file = folder.join(FILE);
    if std::fs::metadata(&file).is_ok_and(|m| m.len() + text.len() as u64 > most) {
        std::fs::rename(&file, folder.join(FORMER))?;
    }
    Ok(private().append(true).create(true).open(&file)?.write_all(text.as_bytes())?)
}

fn line(incident: &Incident) -> serde_json::Value {
    let hex = |hash: &Option<[u8; 8]>| hash.as_ref().map(|h| base::hex(h));
    json!({
        "at": incident.at.unix_seconds(),
        "door": incident.threshold.key(),
        "what": incident.what,
        "login": hex(&incident.login),
        "address": hex(&incident.address),
    })
}

/// For its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use base::Instant;
    use signin::Threshold;

    use super::*;

    // shows: 5.1.4 a bounded security log with keyed hashes of login and address
    #[test]
    fn the_log_is_two_files_of_bounded_length_and_its_key_stays() {
        let folder = tempfile::tempdir().unwrap();
        let key = load_or_create(&folder.path().join(KEY)).unwrap();
        assert_eq!(load_or_create(&folder.path().join(KEY)).unwrap(), key);
        let incident = Incident {
            at: Instant::from_unix_seconds(1_800_000_000),
            threshold: Threshold::Signin,
            what: "wrong",
            login: Some([0xab; 8]),
            address: Some([0xcd; 8]),
        };
        let most = 10_000;
        for _ in 0..100 {
            append(folder.path(), &vec![incident.clone(); 10], 3, most).unwrap();
        }
        let length = |file: &str| std::fs::metadata(folder.path().join(file)).unwrap().len();
        assert!(length(FILE) <= most && length(FORMER) <= most && length(FORMER) > most / 2);
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.contains("\"login\":\"abababababababab\"") && text.contains("{\"lost\":3}"), "{text}");
    }
}
