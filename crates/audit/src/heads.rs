//! Signed heads, one JSON line a minute in a file outside the database: a chain alone cannot show that its end was
//! cut or that all of it was written anew. What happened since the last head (a minute at most) is unprotected.

use std::io::Write;
use std::path::Path;

use base::{Instant, hex, unhex};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chain::Hash;

/// The newest row of the chain at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    pub seq: i64,
    pub at: Instant,
    pub hash: Hash,
}

#[derive(Debug, Error)]
pub enum HeadError {
    #[error("line {line} of the heads is not a head")]
    Malformed { line: usize },
    #[error("line {line} of the heads is not signed by the expected key")]
    Signature { line: usize },
    #[error("the file holds no key of 64 hexadecimal digits")]
    Key,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The key that signs heads. Its file belongs elsewhere than the database's backup.
pub struct HeadKey(SigningKey);

impl HeadKey {
    pub fn from_seed(seed: [u8; 32]) -> HeadKey {
        HeadKey(SigningKey::from_bytes(&seed))
    }

    /// Reads the key from `file`, or makes the file (readable by its owner only) from `fresh` randomness.
    pub fn load_or_create(file: &Path, fresh: [u8; 32]) -> Result<HeadKey, HeadError> {
        if file.exists() {
            let text = std::fs::read_to_string(file)?;
            return unhex(text.trim()).map(HeadKey::from_seed).ok_or(HeadError::Key);
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(file)?;
        writeln!(out, "{}", hex(&fresh))?;
        out.sync_all()?;
        Ok(HeadKey::from_seed(fresh))
    }

    /// The public half, 64 hexadecimal digits: enough to verify, not enough to sign.
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    seq: i64,
    at: i64,
    hash: String,
    signature: String,
}

fn signed_bytes(head: &Head) -> Vec<u8> {
    format!("tsunagari audit head {} {} {}", head.seq, head.at.0, hex(&head.hash)).into_bytes()
}

/// One signed line, without its line end.
pub fn head_line(key: &HeadKey, head: &Head) -> String {
    let signature = hex(&key.0.sign(&signed_bytes(head)).to_bytes());
    let line = Line { seq: head.seq, at: head.at.0, hash: hex(&head.hash), signature };
    serde_json::to_string(&line).unwrap_or_default()
}

/// Appends one signed line and waits until it is on the disk.
pub fn append_head(file: &Path, key: &HeadKey, head: &Head) -> Result<(), HeadError> {
    let mut out = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    writeln!(out, "{}", head_line(key, head))?;
    Ok(out.sync_data()?)
}

/// Reads heads and checks each signature against the public key (64 hexadecimal digits).
pub fn parse_heads(text: &str, public: &str) -> Result<Vec<Head>, HeadError> {
    let key = unhex(public.trim()).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).ok_or(HeadError::Key)?;
    let lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    lines
        .map(|(i, text)| {
            let malformed = HeadError::Malformed { line: i + 1 };
            let Ok(line) = serde_json::from_str::<Line>(text) else { return Err(malformed) };
            let (Some(hash), Some(signature)) = (unhex(&line.hash), unhex::<64>(&line.signature)) else {
                return Err(malformed);
            };
            let head = Head { seq: line.seq, at: Instant(line.at), hash };
            key.verify(&signed_bytes(&head), &Signature::from_bytes(&signature))
                .map_err(|_| HeadError::Signature { line: i + 1 })?;
            Ok(head)
        })
        .collect()
}
