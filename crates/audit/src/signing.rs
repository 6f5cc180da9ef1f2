//! What may be signed. Nothing is signed over a chain that no longer holds what was signed before, nor over an epoch
//! that nobody signed; and an epoch is signed where it continues a moment that the file of heads tells of.

use std::collections::{BTreeMap, HashSet};

use base::{Ctx, Instant};
use db::{DbError, Tx};

use crate::action::Verb;
use crate::chain::{GENESIS, Hash};
use crate::heads::{ChainId, End, Head, HeadKey, Says, Statement, end_of, next_line};
use crate::scan::{Scan, Seen, Stop, ids, scan, walk};
use crate::verify::{Epoch, Finding, UNKNOWN, path, quote};
use crate::{Means, done, store};

/// What the signing program remembers of the file: its end, and what was signed of each chain. Small, however long the
/// file is.
#[derive(Clone, Debug, Default)]
pub struct Tip {
    pub end: End,
    last: BTreeMap<ChainId, (i64, Hash)>,
    epochs: HashSet<(Hash, i64, Hash)>,
}

impl Tip {
    /// Of the lines and the statements that they make.
    pub fn of(text: &str, statements: &[Statement]) -> Tip {
        let mut tip = Tip { end: end_of(text), ..Tip::default() };
        path(statements).into_iter().for_each(|statement| tip.take(statement));
        tip
    }

    /// Remembers a further line.
    pub fn take(&mut self, statement: &Statement) {
        let head = &statement.head;
        self.last.insert(statement.chain, (head.seq, head.hash));
        if let (Says::Epoch { .. }, Some(chain)) = (statement.says, statement.chain) {
            self.epochs.insert((chain, head.seq, head.hash));
        }
    }
}

/// The newest row of every chain that grew since its last head; or why nothing may be signed.
pub fn to_sign(tx: &mut dyn Tx, tip: &Tip, now: Instant) -> Result<Result<Vec<(Hash, Head)>, Finding>, DbError> {
    match grown(tx, tip, now) {
        Ok(heads) => Ok(Ok(heads)),
        Err(Stop::Found { finding, .. }) => Ok(Err(finding)),
        Err(Stop::Db(error)) => Err(error),
    }
}

fn grown(tx: &mut dyn Tx, tip: &Tip, now: Instant) -> Result<Vec<(Hash, Head)>, Stop> {
    let ids = ids(tx)?;
    for (id, (seq, hash)) in &tip.last {
        let chain = ids.get(id).copied().unwrap_or(0);
        let finding = match store::hash_at(tx, chain, *seq)? {
            Some(stored) if stored == *hash => continue,
            Some(_) => Finding::Rewritten { seq: *seq },
            None => Finding::Truncated { seq: *seq },
        };
        return Err(Stop::Found { chain, finding });
    }
    let first = ids.get(&None).copied();
    let chains: Vec<(Hash, i64)> = ids.into_iter().filter_map(|(id, chain)| Some((id?, chain))).collect();
    for epoch in store::epochs(tx)? {
        let id = chains.iter().find(|(_, chain)| *chain == epoch.chain).map(|(id, _)| *id);
        if !id.is_some_and(|id| tip.epochs.contains(&(id, epoch.seq, epoch.hash))) {
            return Err(Stop::Found { chain: epoch.chain, finding: Finding::UnsignedEpoch { seq: epoch.seq } });
        }
    }
    let mut heads = Vec::new();
    for (id, chain) in chains {
        let nameless = || tip.last.get(&None).filter(|_| first == Some(chain));
        let last = tip.last.get(&Some(id)).or_else(nameless).copied().unwrap_or((0, GENESIS));
        let (seq, hash) = walk(tx, chain, last, &mut |_, _, _| Ok(()))?;
        if seq > last.0 {
            heads.push((id, Head { seq, at: now, hash }));
        }
    }
    Ok(heads)
}

/// The lines for these heads, behind `end`.
pub fn head_lines(key: &HeadKey, end: &End, heads: &[(Hash, Head)]) -> (Vec<String>, Vec<Statement>) {
    let (mut lines, mut statements, mut end) = (Vec::new(), Vec::new(), end.clone());
    for (chain, head) in heads {
        let (line, statement) = next_line(key, &end, chain, head, Says::Head);
        end = End { n: statement.n, sum: statement.sum, length: 0 };
        lines.push(line);
        statements.push(statement);
    }
    (lines, statements)
}

/// Epochs that wait for their signature, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub epochs: Vec<(Hash, Head)>,
    /// The line of the file that the chains continue; 0: none.
    pub parent: usize,
    /// Whether the chains hold all that the file's last line says.
    pub current: bool,
    /// Why the chains are no moment that the file tells of. To be signed only by somebody who looked.
    pub conflict: Option<Finding>,
}

/// What would have to be signed before the program signs heads again.
pub fn waiting(tx: &mut dyn Tx, statements: &[Statement]) -> Result<Result<Waiting, Finding>, DbError> {
    match find_waiting(tx, statements) {
        Ok(waiting) => Ok(Ok(waiting)),
        Err(Stop::Found { finding, .. }) => Ok(Err(finding)),
        Err(Stop::Db(error)) => Err(error),
    }
}

fn find_waiting(tx: &mut dyn Tx, statements: &[Statement]) -> Result<Waiting, Stop> {
    let scan = scan(tx, statements)?;
    scan.compare_index(tx)?;
    let parent = parent(&scan, statements);
    let continued = path(&statements[..parent]);
    let signed = |epoch: &&Epoch| {
        let of_it = |s: &&&Statement| s.says != Says::Head && s.head.seq == epoch.seq;
        continued.iter().filter(of_it).any(|s| scan.number(s.chain) == Some(epoch.chain))
    };
    let epochs: Vec<&Epoch> = scan.epochs.iter().filter(|e| !signed(e)).collect();
    let conflict = conflict(&scan, statements, parent, &epochs);
    let id = |chain: i64| scan.chains.iter().find(|seen| seen.number == chain).map_or(GENESIS, |seen| seen.id);
    let named = |e: &&Epoch| (id(e.chain), Head { seq: e.seq, at: e.at, hash: e.hash });
    let epochs = epochs.iter().map(named).collect();
    Ok(Waiting { epochs, parent, current: parent == statements.len(), conflict })
}

/// The newest line all of whose claims, and those of the lines it continues, stand in the chains.
fn parent(scan: &Scan, statements: &[Statement]) -> usize {
    let mut stands = vec![true];
    for statement in statements {
        let above = stands.get(statement.parent()).copied().unwrap_or(false);
        stands.push(above && scan.holds(statement));
    }
    stands.iter().rposition(|stands| *stands).unwrap_or(0)
}

/// A backup is a moment of its region's past: it ends before the next head that was signed after it. Rows where that
/// head should be, with another hash, were never this region's.
fn conflict(scan: &Scan, statements: &[Statement], parent: usize, epochs: &[&Epoch]) -> Option<Finding> {
    let next = statements.iter().filter(|s| s.says == Says::Head && s.parent() == parent);
    let before = |number: i64| epochs.iter().filter(|e| e.chain == number).map(|e| e.seq - 1).min();
    for statement in next {
        let Some(seen) = scan.chains.iter().find(|seen| scan.number(statement.chain) == Some(seen.number)) else {
            continue;
        };
        let rows = before(seen.number).unwrap_or(seen.rows);
        if statement.head.seq <= rows && !scan.holds(statement) {
            return Some(Finding::Rewritten { seq: statement.head.seq });
        }
    }
    // Nor was a chain of which no head was ever signed, where heads were.
    let named = |number: i64| statements.iter().any(|s| scan.number(s.chain) == Some(number));
    let nameless = |seen: &&Seen| !named(seen.number) && before(seen.number).unwrap_or(seen.rows) > 0;
    if !statements.is_empty() && scan.chains.iter().any(|seen| nameless(&seen)) {
        return Some(Finding::Unsigned);
    }
    let known: HashSet<String> = statements.iter().map(|s| quote(s.head.seq, &s.head.hash)).collect();
    let misquoted = epochs.iter().find(|e| e.quote != UNKNOWN && !known.contains(&e.quote));
    misquoted.map(|e| Finding::Misquoted { seq: e.seq })
}

/// The lines for epochs that waited, behind `end`. `despite`: the signer looked and signs in spite of a conflict.
pub fn epoch_lines(key: &HeadKey, end: &End, waiting: &Waiting, despite: bool) -> (Vec<String>, Vec<Statement>) {
    let (mut lines, mut statements) = (Vec::new(), Vec::new());
    let (mut end, mut parent) = (end.clone(), waiting.parent);
    for (chain, head) in &waiting.epochs {
        let (line, statement) = next_line(key, &end, chain, head, Says::Epoch { parent, despite });
        end = End { n: statement.n, sum: statement.sum, length: 0 };
        parent = statement.n;
        lines.push(line);
        statements.push(statement);
    }
    (lines, statements)
}

/// Begins a new epoch: a row that quotes the newest head known from outside, so that an older backup does not look like
/// a truncation. It is worth nothing until it is signed.
pub fn begin_epoch(ctx: &Ctx, tx: &mut dyn Tx, statements: &[Statement]) -> Result<i64, DbError> {
    let own = store::own_chain(tx)?;
    let id = store::hash_at(tx, own, 1)?;
    let first = store::chains(tx)?.first() == Some(&own);
    let of_own = |s: &&Statement| s.chain.map_or(first, |chain| Some(chain) == id);
    let last = statements.iter().rfind(of_own);
    let quoted = last.map_or_else(|| UNKNOWN.to_owned(), |s| quote(s.head.seq, &s.head.hash));
    done(ctx, tx, Verb::BeginEpoch, Means::Restore, &quoted)
}

/// Begins a chain of this database's own beside those it holds: for a second writer, a laptop that takes over, a tablet
/// without a line. Its first row quotes the newest one of the chain that was written to before.
pub fn begin_chain(ctx: &Ctx, tx: &mut dyn Tx) -> Result<(), DbError> {
    let (seq, hash) = store::head(tx)?;
    store::own_new_chain(tx)?;
    done(ctx, tx, Verb::BeginChain, Means::Program, &quote(seq, &hash)).map(drop)
}

/// The number of the last line that was signed, and the hash over the file up to it, as the database remembers them: a
/// hint, so that a file which was removed or cut is noticed.
pub fn signed(tx: &mut dyn Tx) -> Result<Option<(usize, Hash)>, DbError> {
    store::signed(tx)
}

pub fn note_signed(tx: &mut dyn Tx, n: usize, sum: &Hash) -> Result<(), DbError> {
    store::note_signed(tx, n, sum)
}

/// Whether the file holds the line that the database remembers.
pub fn fits(remembered: Option<(usize, Hash)>, statements: &[Statement]) -> bool {
    remembered.is_none_or(|(n, sum)| n.checked_sub(1).and_then(|i| statements.get(i)).is_some_and(|s| s.sum == sum))
}
