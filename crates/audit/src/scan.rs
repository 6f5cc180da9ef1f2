//! Reads every row of every chain once and keeps what the signed heads speak of. It knows rows and hashes; what a
//! difference means is said in `verify` and `epoch`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use base::PersonId;
use db::{DbError, Row, Tx, params};
use uuid::Uuid;

use crate::action::Verb;
use crate::chain::{Columns, GENESIS, Hash, hash};
use crate::heads::{ChainId, Statement};
use crate::store;
use crate::verify::{Epoch, Finding};

const PAGE: usize = 5000;

/// Why a scan ended early: the first row that is not what was written, or a database that cannot be read.
pub enum Stop {
    Found { chain: i64, finding: Finding },
    Db(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Stop {
        Stop::Db(error)
    }
}

/// One chain as it stands in the database.
pub struct Seen {
    pub number: i64,
    pub id: Hash,
    pub rows: i64,
    pub end: Hash,
}

/// What a scan gives.
pub struct Scan {
    pub chains: Vec<Seen>,
    pub epochs: Vec<Epoch>,
    /// Hash and place of the rows that a statement names.
    named: HashMap<(i64, i64), (Hash, i64)>,
    ids: BTreeMap<ChainId, i64>,
    index: Index,
}

impl Scan {
    /// Whether the index by person is what the rows say.
    pub fn compare_index(&self, tx: &mut dyn Tx) -> Result<(), Stop> {
        self.index.compare(tx)
    }

    /// The number of the chain that a statement speaks of.
    pub fn number(&self, chain: ChainId) -> Option<i64> {
        self.ids.get(&chain).copied()
    }

    /// Whether the row that a statement names stands with the hash that it names.
    pub fn holds(&self, statement: &Statement) -> bool {
        self.named(statement).is_some_and(|(hash, _)| hash == statement.head.hash)
    }

    /// Hash and place of the row that a statement names.
    pub fn named(&self, statement: &Statement) -> Option<(Hash, i64)> {
        self.named.get(&(self.number(statement.chain)?, statement.head.seq)).copied()
    }
}

/// The chains by the name the outside world has for them; the first one is also that of nameless lines.
pub fn ids(tx: &mut dyn Tx) -> Result<BTreeMap<ChainId, i64>, Stop> {
    let mut ids = BTreeMap::new();
    for chain in store::chains(tx)? {
        let Some(id) = store::hash_at(tx, chain, 1)? else {
            return Err(Stop::Found { chain, finding: Finding::Missing { seq: 1 } });
        };
        ids.entry(None).or_insert(chain);
        if ids.insert(Some(id), chain).is_some() {
            return Err(Stop::Found { chain, finding: Finding::Unsigned });
        }
    }
    Ok(ids)
}

/// Reads all rows.
pub fn scan(tx: &mut dyn Tx, statements: &[Statement]) -> Result<Scan, Stop> {
    let ids = ids(tx)?;
    let wanted: HashSet<(i64, i64)> =
        statements.iter().filter_map(|s| Some((*ids.get(&s.chain)?, s.head.seq))).collect();
    let index = Index::upto(store::indexed(tx)?);
    let mut scan = Scan { chains: Vec::new(), epochs: Vec::new(), named: HashMap::new(), ids, index };
    let chains: Vec<(Hash, i64)> = scan.ids.iter().filter_map(|(id, n)| Some(((*id)?, *n))).collect();
    for (id, number) in chains {
        let mut place = 0;
        let (rows, end) = walk(tx, number, (0, GENESIS), &mut |row, seq, hash| {
            let (action, at): (String, i64) = (row.get(8)?, row.get(14)?);
            if at <= place {
                return Err(Stop::Found { chain: number, finding: Finding::Misplaced { seq } });
            }
            place = at;
            if action == Verb::BeginEpoch.key() {
                scan.epochs.push(Epoch { chain: number, seq, hash, quote: row.get(10)?, at: row.get(1)? });
            }
            if wanted.contains(&(number, seq)) {
                scan.named.insert((number, seq), (hash, place));
            }
            scan.index.row(place, &row.get::<String>(9)?);
            Ok(())
        })?;
        scan.chains.push(Seen { number, id, rows, end });
    }
    scan.chains.sort_by_key(|seen| seen.number);
    Ok(scan)
}

/// Follows a chain behind the row `from` to its end, checking each hash. Gives the last row's number and hash.
pub fn walk(
    tx: &mut dyn Tx,
    chain: i64,
    from: (i64, Hash),
    take: &mut dyn FnMut(&Row, i64, Hash) -> Result<(), Stop>,
) -> Result<(i64, Hash), Stop> {
    let (mut last, mut previous) = from;
    loop {
        let rows = tx.query(store::RAW, params![chain, last, PAGE])?;
        for row in &rows {
            let seq: i64 = row.get(0)?;
            if seq != last + 1 {
                return Err(Stop::Found { chain, finding: Finding::Missing { seq: last + 1 } });
            }
            // A column of another type than it was written with is an altered one.
            let stored: Hash = row.get(13).unwrap_or(GENESIS);
            if !hash_of(&previous, row).is_ok_and(|hash| hash == stored) {
                return Err(Stop::Found { chain, finding: Finding::Altered { seq } });
            }
            take(row, seq, stored)?;
            (last, previous) = (seq, stored);
        }
        if rows.len() < PAGE {
            return Ok((last, previous));
        }
    }
}

fn hash_of(previous: &Hash, row: &Row) -> Result<Hash, DbError> {
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

/// The index by person, compared with the rows by count and sum, because neither fits into memory. The sums are keyed
/// anew by each process, so that nobody can make an index that adds up to the same.
struct Index {
    upto: i64,
    newest: i64,
    keys: [RandomState; 2],
    of_rows: Sum,
}

#[derive(Default, PartialEq)]
struct Sum {
    count: u64,
    sums: [u64; 2],
}

impl Index {
    fn upto(upto: i64) -> Index {
        Index { upto, newest: 0, keys: [RandomState::new(), RandomState::new()], of_rows: Sum::default() }
    }

    fn row(&mut self, place: i64, persons: &str) {
        self.newest = self.newest.max(place);
        if place <= self.upto {
            let persons: HashSet<PersonId> = store::split(persons).into_iter().collect();
            persons.into_iter().for_each(|person| add(&self.keys, &mut self.of_rows, person.0, place));
        }
    }

    fn compare(&self, tx: &mut dyn Tx) -> Result<(), Stop> {
        let mut filed = Sum::default();
        tx.each(store::FILED, &[], &mut |row| {
            add(&self.keys, &mut filed, row.get(0)?, row.get(1)?);
            Ok(())
        })?;
        if filed == self.of_rows && self.upto <= self.newest {
            return Ok(());
        }
        Err(Stop::Found { chain: 0, finding: Finding::Index })
    }
}

fn add(keys: &[RandomState; 2], sum: &mut Sum, person: Uuid, place: i64) {
    sum.count += 1;
    for (sum, key) in sum.sums.iter_mut().zip(keys) {
        *sum = sum.wrapping_add(key.hash_one((person, place)));
    }
}
