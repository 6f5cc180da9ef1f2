//! The file of heads, outside the database: one signed statement a line, each over all lines before it. A chain alone
//! cannot show that its end was cut or that all of it was written anew. What happened since the last head (a minute at
//! most) is unprotected.
//!
//! This module knows the lines and their signatures, and no database. Lines of an earlier version bear neither number
//! nor chain; they speak of the first chain and stand before all others.

use std::io::{Read, Seek, Write};
use std::path::Path;

use base::{Instant, hex, unhex};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::chain::Hash;

/// The newest row of a chain at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    pub seq: i64,
    pub at: Instant,
    pub hash: Hash,
}

/// A chain as the world outside its database names it: by the hash of its first row, which no other chain has.
/// `None` in lines of an earlier version: the first chain of the database.
pub type ChainId = Option<Hash>;

/// What a line of the file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// The chain's newest row was this one.
    Head,
    /// An epoch begins with this row. The chains are what they were at the line `parent` (0: before the first); the
    /// lines between are of a branch that was lost. `despite`: somebody who looked signed although the chains do not
    /// show a moment that the file tells of.
    Epoch { parent: usize, despite: bool },
}

/// One signed line: what its signer saw in a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The number of the line, from 1.
    pub n: usize,
    pub chain: ChainId,
    pub head: Head,
    pub says: Says,
    /// The hash over the file up to and with this line.
    pub sum: Hash,
}

impl Statement {
    /// The line whose state of the chains this one continues; 0: none.
    pub fn parent(&self) -> usize {
        match self.says {
            Says::Head => self.n - 1,
            Says::Epoch { parent, .. } => parent,
        }
    }
}

#[derive(Debug, Error)]
pub enum HeadError {
    #[error("line {line} of the heads is not a head")]
    Malformed { line: usize },
    #[error("line {line} of the heads is not signed by the expected key")]
    Signature { line: usize },
    #[error("line {line} of the heads does not follow the one before it: lines were removed, added or exchanged")]
    Order { line: usize },
    #[error("the file of heads has changed while it was written to")]
    Changed,
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
        db::whole::create(file, format!("{}\n", hex(&fresh)).as_bytes())?;
        Ok(HeadKey::from_seed(fresh))
    }

    /// The public half, 64 hexadecimal digits: enough to verify, not enough to sign.
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
    seq: i64,
    at: i64,
    hash: String,
    /// Only of an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    despite: bool,
    /// The hash over all lines before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    signature: String,
}

/// What the signature of a line covers: every field, and through `before` every line above.
fn signed_bytes(line: &Line) -> Vec<u8> {
    let Line { n, chain, seq, at, hash, parent, despite, before, .. } = line;
    match (n, chain, before) {
        (Some(n), Some(chain), Some(before)) => {
            let says = parent.map_or_else(|| "head".to_owned(), |parent| format!("epoch {parent} {despite}"));
            format!("tsunagari audit line {n} {says} {chain} {seq} {at} {hash} {before}").into_bytes()
        }
        _ => format!("tsunagari audit head {seq} {at} {hash}").into_bytes(),
    }
}

fn sum_with(before: &Hash, line: &str) -> Hash {
    Sha256::new().chain_update(before).chain_update(line.as_bytes()).finalize().into()
}

/// The end of a file of heads: what the next line must follow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct End {
    pub n: usize,
    pub sum: Hash,
    /// Bytes up to and with the last whole line.
    pub length: u64,
}

/// One further line and the statement it makes, without its line end.
pub fn next_line(key: &HeadKey, end: &End, chain: &Hash, head: &Head, says: Says) -> (String, Statement) {
    let n = end.n + 1;
    let (parent, despite) = match says {
        Says::Head => (None, false),
        Says::Epoch { parent, despite } => (Some(parent), despite),
    };
    let (chain_text, before) = (Some(hex(chain)), Some(hex(&end.sum)));
    let (seq, at, hash) = (head.seq, head.at.0, hex(&head.hash));
    let mut line =
        Line { n: Some(n), chain: chain_text, seq, at, hash, parent, despite, before, signature: String::new() };
    line.signature = hex(&key.0.sign(&signed_bytes(&line)).to_bytes());
    let text = serde_json::to_string(&line).unwrap_or_default();
    let sum = sum_with(&end.sum, &text);
    (text, Statement { n, chain: Some(*chain), head: head.clone(), says, sum })
}

/// Appends lines behind `end` and waits until they are on the disk. What lies behind the last whole line (the line was
/// being written when the power failed) goes. Refused where the file does not end as `end` says.
pub fn append_lines(file: &Path, end: &mut End, lines: &[String]) -> Result<(), HeadError> {
    let mut out = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file)?;
    let mut behind = String::new();
    out.seek(std::io::SeekFrom::Start(end.length))?;
    out.read_to_string(&mut behind)?;
    if out.metadata()?.len() < end.length || behind.contains('\n') {
        return Err(HeadError::Changed);
    }
    out.set_len(end.length)?;
    out.seek(std::io::SeekFrom::Start(end.length))?;
    let mut next = end.clone();
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
        next = End { n: next.n + 1, sum: sum_with(&next.sum, line), length: next.length + line.len() as u64 + 1 };
    }
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    *end = next;
    Ok(())
}

/// Where these lines end.
pub fn end_of(text: &str) -> End {
    let mut end = End::default();
    for whole in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        end.length += whole.len() as u64;
        let line = whole.trim();
        if !line.is_empty() {
            end = End { n: end.n + 1, sum: sum_with(&end.sum, line), length: end.length };
        }
    }
    end
}

/// Reads the statements and checks them against the public key (64 hexadecimal digits): each line follows the one
/// before it, and the last signature covers them all. A last line without its end was never finished and says nothing.
pub fn parse_heads(text: &str, public: &str) -> Result<Vec<Statement>, HeadError> {
    let key = unhex(public.trim()).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).ok_or(HeadError::Key)?;
    let mut statements: Vec<Statement> = Vec::new();
    let mut last: Option<(usize, Line)> = None;
    let whole = text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n'));
    for (i, text) in whole.filter(|(_, line)| !line.trim().is_empty()) {
        let number = i + 1;
        let line: Line = serde_json::from_str(text).map_err(|_| HeadError::Malformed { line: number })?;
        let before = statements.last().map_or([0; 32], |s| s.sum);
        let n = statements.len() + 1;
        let statement = statement(&line, n, &before, text.trim()).ok_or(HeadError::Malformed { line: number })?;
        if line.n.is_none() {
            // Earlier lines were signed each by itself, and none may come after those that cover what is above them.
            if last.is_some() {
                return Err(HeadError::Order { line: number });
            }
            check_signature(&key, &line, number)?;
        } else {
            if line.n != Some(n) || line.before != Some(hex(&before)) {
                return Err(last_honest(&key, last, number));
            }
            last = Some((number, line));
        }
        statements.push(statement);
    }
    if let Some((number, line)) = last {
        check_signature(&key, &line, number)?;
    }
    Ok(statements)
}

/// A line that does not follow the one above it: one of the two is wrong, and a signature says which.
fn last_honest(key: &VerifyingKey, above: Option<(usize, Line)>, line: usize) -> HeadError {
    match above.map(|(number, above)| check_signature(key, &above, number)) {
        Some(Err(error)) => error,
        _ => HeadError::Order { line },
    }
}

fn check_signature(key: &VerifyingKey, line: &Line, number: usize) -> Result<(), HeadError> {
    let signature: [u8; 64] = unhex(&line.signature).ok_or(HeadError::Malformed { line: number })?;
    let signature = Signature::from_bytes(&signature);
    key.verify(&signed_bytes(line), &signature).map_err(|_| HeadError::Signature { line: number })
}

fn statement(line: &Line, n: usize, before: &Hash, text: &str) -> Option<Statement> {
    // Whatever a signature of the earlier kind does not cover must not be there.
    let chain = match (line.n, &line.chain) {
        (Some(_), Some(chain)) => Some(unhex(chain)?),
        (None, None) if line.parent.is_none() && line.before.is_none() && !line.despite => None,
        _ => return None,
    };
    let says = match line.parent {
        None => Says::Head,
        Some(parent) if parent < n => Says::Epoch { parent, despite: line.despite },
        Some(_) => return None,
    };
    let head = Head { seq: line.seq, at: Instant(line.at), hash: unhex(&line.hash)? };
    Some(Statement { n, chain, head, says, sum: sum_with(before, text) })
}
