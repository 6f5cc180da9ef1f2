//! The record of every command and every look at a person: append-only, hash-chained, its heads signed and kept
//! outside the database.
//!
//! It knows who did what about whom, never what was seen: no name, no value, no text a user typed.

mod action;
mod basis;
mod chain;
#[cfg(test)]
mod forgeries;
mod heads;
mod scan;
mod signing;
mod store;
#[cfg(test)]
mod tests;
mod verify;

use base::{Ctx, Instant, OfficeId, PersonId, Purpose, Role};
use db::{DbError, Migration, Tx};

pub use action::{Action, Book, Verb};
pub use basis::{Basis, Means};
pub use chain::Hash;
pub use heads::{
    ChainId, End, Head, HeadError, HeadKey, Says, Statement, append_lines, end_of, next_line, parse_heads,
};
pub use signing::{
    Tip, Waiting, begin_chain, begin_epoch, epoch_lines, fits, head_lines, note_signed, signed, to_sign, waiting,
};
pub use verify::{Finding, Report, verify};

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "audit/001", sql: include_str!("schema.sql") },
    Migration { name: "audit/002", sql: include_str!("chains.sql") },
    Migration { name: "audit/append-only", sql: include_str!("append_only.sql") },
];

/// How the recorded act ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Done,
    /// A rule or the access wall said no.
    Refused,
    /// A fault of ours stopped it.
    Failed,
}

impl Outcome {
    pub const fn key(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }

    pub fn from_key(key: &str) -> Option<Outcome> {
        [Outcome::Done, Outcome::Refused, Outcome::Failed].into_iter().find(|o| o.key() == key)
    }
}

/// What is to be recorded; who, when and for what purpose come from [`Ctx`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub action: Action,
    /// Everybody the act showed or touched; a list page names all of its rows.
    pub persons: &'a [PersonId],
    /// Which items were shown or changed, as words of the access matrix (`identity contacts`).
    pub items: &'a str,
    /// On what ground access was allowed (`care_team`, `case`), or why it was not.
    pub ground: &'a str,
    pub outcome: Outcome,
}

/// A recorded row as reviewers and residents read it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The row's place among all rows of the database, whatever their chains: lists go by it.
    pub place: i64,
    /// Its number in its chain.
    pub seq: i64,
    pub at: Instant,
    pub role: Role,
    pub actor_id: uuid::Uuid,
    pub office: Option<OfficeId>,
    pub purpose: Purpose,
    pub action: String,
    pub persons: Vec<PersonId>,
    pub items: String,
    pub ground: String,
    pub outcome: Outcome,
}

impl Recorded {
    /// Whether it tells of a page that was opened; all else is a command.
    pub fn is_look(&self) -> bool {
        self.action.starts_with("look.")
    }
}

/// Records that a command was carried out: `items` are what it changed, persons and ground come from what it rests on.
/// Persons known on different grounds stand in a row each; gives the newest.
pub fn done<'a>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: impl Into<Action>,
    on: impl Into<Basis<'a>>,
    items: &str,
) -> Result<i64, DbError> {
    write(ctx, tx, action.into(), on.into(), Some(items))
}

/// Records that something was shown: persons, items and grounds are those that the wall let through.
pub fn looked<'a>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: impl Into<Action>,
    on: impl Into<Basis<'a>>,
) -> Result<i64, DbError> {
    write(ctx, tx, action.into(), on.into(), None)
}

/// Records that an open page showed the same again so often, by itself: what it showed stands in rows of its opening.
pub fn renewed(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: impl Into<Action>,
    shown: &[access::Witness],
    times: u64,
) -> Result<(), DbError> {
    let action = action.into();
    for group in Basis::from(shown).groups(None) {
        let items = format!("{} {RENEWED}{times}", group.items);
        let (persons, ground) = (&group.persons, &group.ground);
        store::append(ctx, tx, Entry { action, persons, items: &items, ground, outcome: Outcome::Done })?;
    }
    Ok(())
}

/// Before the number of times that an open page renewed itself, among a row's items.
pub const RENEWED: &str = "renewed:";

fn write(ctx: &Ctx, tx: &mut dyn Tx, action: Action, on: Basis<'_>, items: Option<&str>) -> Result<i64, DbError> {
    let mut newest = 0;
    for group in on.groups(items) {
        let entry = Entry {
            action,
            persons: &group.persons,
            items: &group.items,
            ground: &group.ground,
            outcome: Outcome::Done,
        };
        newest = store::append(ctx, tx, entry)?;
    }
    Ok(newest)
}

/// Records that a command or a look was refused; `why` is a rule's or the wall's name, never what was typed.
pub fn refused(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: impl Into<Action>,
    persons: &[PersonId],
    why: &str,
) -> Result<i64, DbError> {
    store::append(ctx, tx, Entry { action: action.into(), persons, items: "", ground: why, outcome: Outcome::Refused })
}

/// As [`refused`], where no person's record was meant: `items` name what was (an account).
pub fn refused_about(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: impl Into<Action>,
    items: &str,
    why: &str,
) -> Result<i64, DbError> {
    store::append(ctx, tx, Entry { action: action.into(), persons: &[], items, ground: why, outcome: Outcome::Refused })
}

/// The newest rows about one person, newest first. Rows of the last moments may not be indexed yet.
pub fn about(tx: &mut dyn Tx, person: PersonId, limit: usize) -> Result<Vec<Recorded>, DbError> {
    store::about_before(tx, person, i64::MAX, limit)
}

/// The newest rows of all, newest first.
pub fn newest(tx: &mut dyn Tx, limit: usize) -> Result<Vec<Recorded>, DbError> {
    store::before(tx, i64::MAX, limit)
}

/// Rows before a place, newest first: the next page of a list.
pub fn before(tx: &mut dyn Tx, place: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    store::before(tx, place, limit)
}

/// Rows about one person before a place, newest first.
pub fn about_before(tx: &mut dyn Tx, person: PersonId, place: i64, limit: usize) -> Result<Vec<Recorded>, DbError> {
    store::about_before(tx, person, place, limit)
}

/// How often an action ended so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub action: String,
    /// The word that is stored: a tally counts also what no list can show.
    pub outcome: String,
    /// One for each ground of a request.
    pub rows: i64,
    pub requests: i64,
}

/// What an office's year came to, in figures without persons.
pub fn tally(tx: &mut dyn Tx) -> Result<Vec<Count>, DbError> {
    store::tally(tx)
}

/// Number and hash of the newest row of the chain that is written to; zero where it is empty.
pub fn head(tx: &mut dyn Tx) -> Result<(i64, Hash), DbError> {
    store::head(tx)
}

/// The number of a row that was written over this connection and is no longer there as it was written, if there is one:
/// somebody else writes to the record. For the writer's connection, which sees every row.
pub fn torn(tx: &mut dyn Tx) -> Result<Option<i64>, DbError> {
    store::torn(tx)
}

/// Files rows by person until `limit` places are filed, whether of one person each or of many; says whether more wait.
pub fn index_persons(tx: &mut dyn Tx, limit: usize) -> Result<bool, DbError> {
    store::index_persons(tx, limit)
}
