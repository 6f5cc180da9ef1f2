//! Says whether the chains are what was written, and names the first thing that is not.

use std::collections::HashSet;

use base::{Instant, hex};
use db::{DbError, Tx};

use crate::chain::{GENESIS, Hash};
use crate::heads::{Says, Statement};
use crate::scan::{Scan, Stop, scan};
use crate::store;

/// What the row of an epoch quotes where no head was known.
pub const UNKNOWN: &str = "unknown";

/// What is wrong, and at which row of its chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The row's columns do not give its hash: it was edited, or moved from another place.
    Altered { seq: i64 },
    /// A row is missing between its neighbours.
    Missing { seq: i64 },
    /// The rows would be shown in another order than they were written in.
    Misplaced { seq: i64 },
    /// A signed head names a row that is no longer there: the end was cut.
    Truncated { seq: i64 },
    /// The row stands, but with another hash than its signed head had: the chain was written anew.
    Rewritten { seq: i64 },
    /// An epoch that nobody signed: invented, or not signed yet.
    UnsignedEpoch { seq: i64 },
    /// An epoch that quotes a head which was never signed.
    Misquoted { seq: i64 },
    /// A chain of which no head was ever signed, among others of which some were.
    Unsigned,
    /// The index by person is not what the rows say: looks would be missing from a person's list, or invented.
    Index,
}

/// A row that begins an epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epoch {
    pub chain: i64,
    pub seq: i64,
    pub hash: Hash,
    /// `seq:hash` of the newest head that was known, or [`UNKNOWN`].
    pub quote: String,
    pub at: Instant,
}

/// The outcome of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Of all chains.
    pub rows: i64,
    pub chains: usize,
    /// The newest row's hash of the chain that is written to.
    pub head: Hash,
    pub heads_checked: usize,
    /// Restores that the chains themselves tell of.
    pub epochs: usize,
    /// Those of them that quote no head, for none was known.
    pub unquoted: usize,
    /// Those that somebody signed although the chains show no moment of the past.
    pub despite: usize,
    pub finding: Option<Finding>,
    /// The number of the chain of the finding; 0 where it is of none.
    pub chain: i64,
}

/// Verifies the chains by themselves and against the statements of a file kept elsewhere (already checked by
/// [`crate::parse_heads`]). Lines of a branch that an epoch left are not held against the chains.
pub fn verify(tx: &mut dyn Tx, statements: &[Statement]) -> Result<Report, DbError> {
    let mut report = Report {
        rows: 0,
        chains: 0,
        head: GENESIS,
        heads_checked: 0,
        epochs: 0,
        unquoted: 0,
        despite: 0,
        finding: None,
        chain: 0,
    };
    match check(tx, statements, &mut report) {
        Ok(()) => {}
        Err(Stop::Found { chain, finding }) => (report.finding, report.chain) = (Some(finding), chain),
        Err(Stop::Db(error)) => return Err(error),
    }
    Ok(report)
}

fn check(tx: &mut dyn Tx, statements: &[Statement], report: &mut Report) -> Result<(), Stop> {
    let own = store::own_chain(tx)?;
    let scan = scan(tx, statements)?;
    report.rows = scan.chains.iter().map(|seen| seen.rows).sum();
    report.chains = scan.chains.len();
    report.epochs = scan.epochs.len();
    report.head = scan.chains.iter().find(|seen| seen.number == own).map_or(GENESIS, |seen| seen.end);
    let path = path(statements);
    for statement in &path {
        report.heads_checked += 1;
        holds(&scan, statement)?;
    }
    if statements.is_empty() {
        return scan.compare_index(tx);
    }
    epochs_are_signed(&scan, statements, &path, report)?;
    for seen in &scan.chains {
        if !path.iter().any(|s| scan.number(s.chain) == Some(seen.number)) {
            return Err(Stop::Found { chain: seen.number, finding: Finding::Unsigned });
        }
    }
    scan.compare_index(tx)?;
    // Rows are filed before their head is signed; a backup may be older than that, until heads are signed again.
    let filed = store::indexed(tx)?;
    let epoch = path.iter().rfind(|s| s.says != Says::Head).map_or(0, |s| s.n);
    let unfiled = path.iter().filter(|s| s.chain.is_some() && s.n > epoch);
    if unfiled.filter_map(|s| scan.named(s)).any(|(_, place)| place > filed) {
        return Err(Stop::Found { chain: 0, finding: Finding::Index });
    }
    Ok(())
}

/// The statements that lead to the last one: all but those of lost branches, oldest first.
pub fn path(statements: &[Statement]) -> Vec<&Statement> {
    let mut path = Vec::new();
    let mut next = statements.len();
    // A parent stands above its line, so this ends.
    while let Some(statement) = next.checked_sub(1).and_then(|i| statements.get(i)) {
        path.push(statement);
        next = statement.parent();
    }
    path.reverse();
    path
}

fn holds(scan: &Scan, statement: &Statement) -> Result<(), Stop> {
    if scan.holds(statement) {
        return Ok(());
    }
    let chain = scan.number(statement.chain).unwrap_or(0);
    let rows = scan.chains.iter().find(|seen| seen.number == chain).map_or(0, |seen| seen.rows);
    let finding = match scan.named(statement) {
        Some(_) => Finding::Rewritten { seq: statement.head.seq },
        None => Finding::Truncated { seq: rows + 1 },
    };
    Err(Stop::Found { chain, finding })
}

/// Each epoch of the chains stands in the file, and quotes a head that stands above it.
fn epochs_are_signed(
    scan: &Scan,
    statements: &[Statement],
    path: &[&Statement],
    report: &mut Report,
) -> Result<(), Stop> {
    let mut known: HashSet<(i64, String)> = HashSet::new();
    let mut quotes = statements.iter().peekable();
    let signed = path.iter().filter(|s| s.says != Says::Head);
    let mut vouched: HashSet<(i64, i64)> = HashSet::new();
    for line in signed {
        let chain = scan.number(line.chain).unwrap_or(0);
        while let Some(above) = quotes.next_if(|s| s.n < line.n) {
            known.insert((scan.number(above.chain).unwrap_or(0), quote(above.head.seq, &above.head.hash)));
        }
        let Some(epoch) = scan.epochs.iter().find(|e| (e.chain, e.seq) == (chain, line.head.seq)) else { continue };
        vouched.insert((chain, epoch.seq));
        let despite = matches!(line.says, Says::Epoch { despite: true, .. });
        report.despite += usize::from(despite);
        if epoch.quote == UNKNOWN {
            report.unquoted += 1;
        } else if !despite && !known.contains(&(chain, epoch.quote.clone())) {
            return Err(Stop::Found { chain, finding: Finding::Misquoted { seq: epoch.seq } });
        }
    }
    match scan.epochs.iter().find(|e| !vouched.contains(&(e.chain, e.seq))) {
        Some(epoch) => Err(Stop::Found { chain: epoch.chain, finding: Finding::UnsignedEpoch { seq: epoch.seq } }),
        None => Ok(()),
    }
}

/// How an epoch's row names a head.
pub fn quote(seq: i64, hash: &Hash) -> String {
    format!("{seq}:{}", hex(hash))
}
