//! Reads the whole chain and names the first row that is not what was written.

use std::collections::BTreeMap;

use db::{DbError, Tx, params};

use crate::action::Verb;
use crate::chain::{Columns, GENESIS, Hash, hash};
use crate::heads::Head;
use crate::store::RAW;

const PAGE: usize = 5000;

/// What is wrong, and at which row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The row's columns do not give its hash: it was edited, or moved from another place.
    Altered { seq: i64 },
    /// A row is missing between its neighbours.
    Missing { seq: i64 },
    /// A signed head names a row that is no longer there: the end was cut.
    Truncated { seq: i64 },
    /// The row stands, but with another hash than its signed head had: the chain was written anew.
    Rewritten { seq: i64 },
}

/// The outcome of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub rows: i64,
    pub head: Hash,
    pub heads_checked: usize,
    /// Restores that the chain itself tells of.
    pub epochs: usize,
    pub finding: Option<Finding>,
}

/// Verifies the chain by itself and against heads that were kept elsewhere (their signatures already checked).
/// Heads of rows that an epoch replaced, signed before it began, are those of a lost branch and are not held against the
/// chain.
pub fn verify(tx: &mut dyn Tx, heads: &[Head]) -> Result<Report, DbError> {
    let mut wanted: BTreeMap<i64, Vec<&Head>> = BTreeMap::new();
    for head in heads {
        wanted.entry(head.seq).or_default().push(head);
    }
    let mut report = Report { rows: 0, head: GENESIS, heads_checked: 0, epochs: 0, finding: None };
    // Where each began, the row it quotes, and when.
    let mut epochs: Vec<(i64, i64, i64)> = Vec::new();
    let mut hashes: BTreeMap<i64, Hash> = BTreeMap::new();
    loop {
        let rows = tx.query(RAW, params![report.rows, PAGE])?;
        for row in &rows {
            let seq: i64 = row.get(0)?;
            if seq != report.rows + 1 {
                report.finding = Some(Finding::Missing { seq: report.rows + 1 });
                return Ok(report);
            }
            let stored: Hash = row.get(13)?;
            let action: String = row.get(8)?;
            let items: String = row.get(10)?;
            if hash_of(&report.head, row)? != stored {
                report.finding = Some(Finding::Altered { seq });
                return Ok(report);
            }
            if action == Verb::BeginEpoch.key() {
                let quoted = items.split(':').next().and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
                epochs.push((seq, quoted, row.get(1)?));
            }
            if wanted.contains_key(&seq) {
                hashes.insert(seq, stored);
            }
            report.rows = seq;
            report.head = stored;
        }
        if rows.len() < PAGE {
            break;
        }
    }
    report.epochs = epochs.len();
    for (seq, heads) in wanted {
        for head in heads {
            // A head lies on a lost branch if an epoch began at or before its row, quotes at least its row, and is
            // younger: what was signed after the restore is the new branch's own.
            let lost = epochs.iter().any(|(began, quoted, at)| *began <= seq && seq <= *quoted && head.at.0 < *at);
            report.heads_checked += 1;
            match hashes.get(&seq) {
                Some(stored) if *stored == head.hash => {}
                _ if lost => {}
                Some(_) => report.finding = Some(Finding::Rewritten { seq }),
                None => report.finding = Some(Finding::Truncated { seq: report.rows + 1 }),
            }
            if report.finding.is_some() {
                return Ok(report);
            }
        }
    }
    Ok(report)
}

fn hash_of(previous: &Hash, row: &db::Row) -> Result<Hash, DbError> {
    let (actor, office): (Vec<u8>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
    let request: Vec<u8> = row.get(6)?;
    let text = |column| row.get::<String>(column);
    let columns = Columns {
        seq: row.get(0)?,
        at: row.get(1)?,
        role: &text(2)?,
        actor_id: &actor,
        office_id: office.as_deref(),
        device: &text(5)?,
        request_id: &request,
        purpose: &text(7)?,
        action: &text(8)?,
        persons: &text(9)?,
        items: &text(10)?,
        ground: &text(11)?,
        outcome: &text(12)?,
    };
    Ok(hash(previous, &columns))
}
