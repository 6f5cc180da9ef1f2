//! Rows in the database. Nothing here changes or deletes one.

use base::{Ctx, PersonId, Purpose, Role, hex, unhex};
use db::{DbError, Row, Tx, Value, marks, params};

use crate::chain::{Columns, GENESIS, Hash, hash};
use crate::verify::Epoch;
use crate::{Count, Entry, Outcome, Recorded};

/// The chain this database writes to.
macro_rules! own {
    () => {
        "COALESCE((SELECT chain_id FROM audit_own ORDER BY n DESC LIMIT 1), 1)"
    };
}
/// A row as it is read to be shown.
macro_rules! shown {
    () => {
        "r.place, r.seq, r.at, r.role, r.actor_id, r.office_id, r.purpose, r.action, r.persons, r.items, r.ground, r.outcome"
    };
}

const HEAD: &str = concat!(
    "SELECT chain_id, seq, hash, (SELECT MAX(place) FROM audit_row) FROM audit_row WHERE chain_id = ",
    own!(),
    " ORDER BY seq DESC LIMIT 1"
);
const EMPTY_HEAD: &str = concat!("SELECT ", own!(), ", (SELECT COALESCE(MAX(place), 0) FROM audit_row)");
const APPEND: &str = "INSERT INTO audit_row
    (place, chain_id, seq, at, role, actor_id, office_id, device, request_id, purpose, action, persons, items, ground,
    outcome, hash)";
const CHAIN_AFTER: &str = "SELECT MIN(chain_id) FROM audit_row WHERE chain_id > $1";
const OWN: &str = "INSERT INTO audit_own (n, chain_id) SELECT COALESCE(MAX(n), 0) + 1, $1 FROM audit_own";
const ABOUT: &str = concat!(
    "SELECT ",
    shown!(),
    " FROM audit_person p JOIN audit_row r ON r.place = p.place
    WHERE p.person_id = $1 AND p.place < $2 ORDER BY p.place DESC LIMIT $3"
);
const BEFORE: &str =
    concat!("SELECT ", shown!(), " FROM audit_row r WHERE r.place < $1 ORDER BY r.place DESC LIMIT $2");
const UNINDEXED: &str = "SELECT place, persons FROM audit_row WHERE place > $1 ORDER BY place LIMIT $2";
const TALLY: &str = "SELECT action, outcome, COUNT(*), COUNT(DISTINCT request_id) FROM audit_row
    GROUP BY action, outcome ORDER BY action, outcome";
const EPOCHS: &str =
    "SELECT chain_id, seq, hash, items, at FROM audit_row WHERE action = 'audit.epoch' ORDER BY chain_id, seq";
const HASH_AT: &str = "SELECT hash FROM audit_row WHERE chain_id = $1 AND seq = $2";
/// What is hashed of a row, its hash, and its place.
pub(crate) const RAW: &str = "SELECT seq, at, role, actor_id, office_id, device, request_id, purpose, action, persons, items, ground, outcome, hash, place
    FROM audit_row WHERE chain_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
pub(crate) const FILED: &str = "SELECT person_id, place FROM audit_person";

const INDEXED: &str = "audit.indexed";
const SIGNED: &str = "audit.signed";

/// Where the next row goes; the first row of a transaction asks, those behind it know it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct End {
    chain: i64,
    seq: i64,
    hash: Hash,
    place: i64,
}

fn end(tx: &mut dyn Tx) -> Result<End, DbError> {
    if let Some(row) = tx.first(HEAD, &[])? {
        return Ok(End { chain: row.get(0)?, seq: row.get(1)?, hash: row.get(2)?, place: row.get(3)? });
    }
    let row = tx.first(EMPTY_HEAD, &[])?.ok_or(DbError::NoRow)?;
    Ok(End { chain: row.get(0)?, seq: 0, hash: GENESIS, place: row.get(1)? })
}

/// A row that this program wrote, was told to be committed, and did not find again.
struct Torn {
    seq: i64,
}

/// The end of the chain, as it must be if nobody else writes to the record: what was committed last by this connection.
fn own_end(tx: &mut dyn Tx) -> Result<End, DbError> {
    let found = end(tx)?;
    let missed = tx.memo().kept::<End>().filter(|kept| **kept != found).map(|kept| Torn { seq: kept.seq });
    if let Some(torn) = missed.filter(|_| tx.memo().noted::<Torn>().is_none()) {
        tx.memo_mut().note(torn);
    }
    Ok(found)
}

/// The first row that this program wrote and missed afterwards.
pub fn torn(tx: &mut dyn Tx) -> Result<Option<i64>, DbError> {
    own_end(tx)?;
    Ok(tx.memo().noted::<Torn>().map(|torn| torn.seq))
}

pub fn append(ctx: &Ctx, tx: &mut dyn Tx, entry: Entry<'_>) -> Result<i64, DbError> {
    let last = match tx.memo().recall::<End>() {
        Some(last) => *last,
        None => own_end(tx)?,
    };
    let (seq, place) = (last.seq + 1, last.place + 1);
    let actor = &ctx.actor;
    let office = actor.office.map(|o| *o.0.as_bytes());
    let persons = join(entry.persons);
    let row = Columns {
        seq,
        at: ctx.now.0,
        role: actor.role.key(),
        actor_id: actor.id.as_bytes(),
        office_id: office.as_ref().map(|o| o.as_slice()),
        device: &actor.device,
        request_id: ctx.request.0.as_bytes(),
        purpose: ctx.purpose.key(),
        action: entry.action.key(),
        persons: &persons,
        items: entry.items,
        ground: entry.ground,
        outcome: entry.outcome.key(),
    };
    let hash = hash(&last.hash, &row);
    tx.add_row(
        APPEND,
        params![
            place,
            last.chain,
            seq,
            ctx.now,
            row.role,
            actor.id,
            actor.office,
            row.device,
            ctx.request,
            row.purpose,
            row.action,
            row.persons,
            row.items,
            row.ground,
            row.outcome,
            hash
        ]
        .to_vec(),
    )?;
    let end = End { chain: last.chain, seq, hash, place };
    ends_at(tx, end);
    Ok(seq)
}

pub fn head(tx: &mut dyn Tx) -> Result<(i64, Hash), DbError> {
    let last = end(tx)?;
    Ok((last.seq, last.hash))
}

pub fn own_chain(tx: &mut dyn Tx) -> Result<i64, DbError> {
    Ok(end(tx)?.chain)
}

/// The numbers under which this database keeps its chains.
pub fn chains(tx: &mut dyn Tx) -> Result<Vec<i64>, DbError> {
    let mut chains = Vec::new();
    while let Some(next) = tx.scalar::<Option<i64>>(CHAIN_AFTER, params![chains.last().copied().unwrap_or(i64::MIN)])? {
        chains.push(next);
    }
    Ok(chains)
}

/// From now on this database writes to a chain of its own.
pub fn own_new_chain(tx: &mut dyn Tx) -> Result<(), DbError> {
    let last = chains(tx)?.last().copied().unwrap_or(0);
    tx.execute(OWN, params![last + 1])?;
    // What was remembered is the end of the chain before.
    let end = end(tx)?;
    ends_at(tx, end);
    Ok(())
}

/// Known to this transaction, and after its commit to those that follow.
fn ends_at(tx: &mut dyn Tx, end: End) {
    tx.memo_mut().remember(end);
    tx.memo_mut().keep(end);
}

pub fn hash_at(tx: &mut dyn Tx, chain: i64, seq: i64) -> Result<Option<Hash>, DbError> {
    tx.first(HASH_AT, params![chain, seq])?.map(|row| row.get(0)).transpose()
}

pub fn epochs(tx: &mut dyn Tx) -> Result<Vec<Epoch>, DbError> {
    let rows = tx.query(EPOCHS, &[])?;
    let epoch = |row: &Row| {
        Ok(Epoch { chain: row.get(0)?, seq: row.get(1)?, hash: row.get(2)?, quote: row.get(3)?, at: row.get(4)? })
    };
    rows.iter().map(epoch).collect()
}

pub fn signed(tx: &mut dyn Tx) -> Result<Option<(usize, Hash)>, DbError> {
    let text = marks::get(tx, SIGNED)?;
    Ok(text.map(|text| {
        let parsed = text.split_once(':').and_then(|(n, sum)| Some((n.parse().ok()?, unhex(sum)?)));
        // A mark that cannot be read says that heads were signed, and no file fits it.
        parsed.unwrap_or((usize::MAX, GENESIS))
    }))
}

pub fn note_signed(tx: &mut dyn Tx, n: usize, sum: &Hash) -> Result<(), DbError> {
    marks::set(tx, SIGNED, &format!("{n}:{}", hex(sum)))
}

/// Up to which place rows are filed by person.
pub fn indexed(tx: &mut dyn Tx) -> Result<i64, DbError> {
    Ok(marks::get(tx, INDEXED)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

pub fn about_before(tx: &mut dyn Tx, person: PersonId, place: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    readable(tx, place, limit, |tx, place, limit| tx.sift(LIST, ABOUT, params![person, place, limit], recorded))
}

pub fn before(tx: &mut dyn Tx, place: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    readable(tx, place, limit, |tx, place, limit| tx.sift(LIST, BEFORE, params![place, limit], recorded))
}

const LIST: &str = "audit_row";
type Sifted = Result<(Vec<Recorded>, Vec<Row>), DbError>;

/// As many rows as were asked for, if there are: those that cannot be read make no list look as if it ended there.
fn readable(
    tx: &mut dyn Tx,
    mut place: i64,
    limit: usize,
    ask: impl Fn(&mut dyn Tx, i64, usize) -> Sifted,
) -> Result<Vec<Recorded>, DbError> {
    let mut found = Vec::new();
    loop {
        let wanted = limit - found.len();
        let (rows, bad) = ask(tx, place, wanted)?;
        let may_go_on = !bad.is_empty() && rows.len() + bad.len() == wanted;
        let lowest = rows.iter().map(|row| row.place).chain(bad.iter().filter_map(|row| row.get(0).ok())).min();
        found.extend(rows);
        match lowest.filter(|lowest| may_go_on && *lowest < place) {
            Some(lowest) => place = lowest,
            None => return Ok(found),
        }
    }
}

pub fn tally(tx: &mut dyn Tx) -> Result<Vec<Count>, DbError> {
    let rows = tx.query(TALLY, &[])?;
    let counted =
        |row: &Row| Ok(Count { action: row.get(0)?, outcome: row.get(1)?, rows: row.get(2)?, requests: row.get(3)? });
    rows.iter().map(counted).collect()
}

pub fn index_persons(tx: &mut dyn Tx, limit: usize) -> Result<bool, DbError> {
    let from = indexed(tx)?;
    let rows = tx.query(UNINDEXED, params![from, limit])?;
    let mut upto = from;
    let mut filed: Vec<Vec<Value>> = Vec::new();
    for row in &rows {
        if filed.len() >= limit {
            break;
        }
        upto = row.get(0)?;
        filed.extend(split(&row.get::<String>(1)?).into_iter().map(|p| vec![p.into(), upto.into()]));
    }
    if upto == from {
        return Ok(false);
    }
    tx.insert_rows("INSERT INTO audit_person (person_id, place)", 2, &filed, "ON CONFLICT DO NOTHING")?;
    marks::set(tx, INDEXED, &upto.to_string())?;
    Ok(filed.len() >= limit || rows.len() == limit)
}

fn recorded(row: &Row) -> Result<Recorded, DbError> {
    Ok(Recorded {
        place: row.get(0)?,
        seq: row.get(1)?,
        at: row.get(2)?,
        role: row.word(3, Role::from_key)?,
        actor_id: row.get(4)?,
        office: row.get(5)?,
        purpose: row.word(6, Purpose::from_key)?,
        action: row.get(7)?,
        persons: split(&row.get::<String>(8)?),
        items: row.get(9)?,
        ground: row.get(10)?,
        outcome: row.word(11, Outcome::from_key)?,
    })
}

fn join(persons: &[PersonId]) -> String {
    let ids: Vec<String> = persons.iter().map(PersonId::to_string).collect();
    ids.join(" ")
}

pub(crate) fn split(persons: &str) -> Vec<PersonId> {
    persons.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}
