//! Grants: that a member of staff, a relative or an office knows a person, on what ground, since when and until when.
//! `source_id` is the team membership, case, visit or consent behind it; ending that ends its grants. Beside them, in
//! which city a person lives and for which city an office works.

use std::collections::BTreeMap;

use base::{Ctx, GrantId, Instant, OfficeId, PersonId};
use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

use crate::{Act, Ground};

/// The end of a grant that has none yet.
pub const FOREVER: Instant = Instant(i64::MAX);
/// Persons asked about in one statement.
const PER_STATEMENT: usize = base::limits::ROWS_PER_STATEMENT;

/// What a grant opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Items<'a> {
    /// All that the policies allow on its ground.
    All,
    /// Of that, these acts only.
    Only(&'a [Act]),
}

/// A grant to be made. `holder` is a staff member's, a contact's or an office's id.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    pub person: PersonId,
    pub holder: Uuid,
    pub ground: Ground,
    pub source: Uuid,
    pub until: Instant,
    pub items: Items<'a>,
}

const INSERT: &str =
    "INSERT INTO access_grant (id, person_id, holder_id, ground, source_id, valid_from, valid_until, items)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const OPEN: &str = "SELECT COUNT(*) FROM access_grant
    WHERE person_id = $1 AND holder_id = $2 AND ground = $3 AND source_id = $4 AND items = $5 AND valid_until > $6";
const END_SOURCE: &str = "UPDATE access_grant SET valid_until = $2 WHERE source_id = $1 AND valid_until > $2";
const END_HOLDER: &str =
    "UPDATE access_grant SET valid_until = $3 WHERE source_id = $1 AND holder_id = $2 AND valid_until > $3";
const END_ALL_OF: &str = "UPDATE access_grant SET valid_until = $2 WHERE holder_id = $1 AND valid_until > $2";
const GRANTS: &str = "SELECT DISTINCT person_id, ground, items FROM access_grant
    WHERE holder_id IN ($1, $2) AND valid_from <= $3 AND valid_until > $3 AND person_id IN";
const GRANTS_ORDER: &str = "ORDER BY person_id, ground, items";
const CITIES: &str = "SELECT subject_id, city FROM access_city WHERE subject_id IN";
const SETTLE: &str = "INSERT INTO access_city (subject_id, city) VALUES ($1, $2)
    ON CONFLICT (subject_id) DO UPDATE SET city = excluded.city";
const UNSETTLE: &str = "DELETE FROM access_city WHERE subject_id = $1";
const HOLDERS: &str = "SELECT DISTINCT holder_id FROM access_grant
    WHERE person_id = $1 AND ground = $2 AND valid_from <= $3 AND valid_until > $3 ORDER BY holder_id";
const OF_HOLDER: &str = "SELECT DISTINCT person_id FROM access_grant
    WHERE holder_id = $1 AND ground = $2 AND valid_from <= $3 AND valid_until > $3 ORDER BY person_id LIMIT $4";

/// Makes a grant from now on; the same grant again changes nothing.
pub fn grant(ctx: &Ctx, tx: &mut dyn Tx, g: Grant<'_>) -> Result<(), DbError> {
    let items = g.items.stored();
    let same = params![g.person, g.holder, g.ground.key(), g.source, items.as_str(), ctx.now];
    if tx.scalar::<i64>(OPEN, same)? > 0 {
        return Ok(());
    }
    let id: GrantId = ctx.id();
    tx.execute(INSERT, params![id, g.person, g.holder, g.ground.key(), g.source, ctx.now, g.until, items.as_str()])
        .map(drop)
}

/// Ends every grant that comes from `source`, from now on.
pub fn revoke_source(ctx: &Ctx, tx: &mut dyn Tx, source: Uuid) -> Result<(), DbError> {
    tx.execute(END_SOURCE, params![source, ctx.now]).map(drop)
}

/// Ends what `holder` has from `source`, from now on.
pub fn revoke_from(ctx: &Ctx, tx: &mut dyn Tx, source: Uuid, holder: Uuid) -> Result<(), DbError> {
    tx.execute(END_HOLDER, params![source, holder, ctx.now]).map(drop)
}

/// Ends everything `holder` has, whatever it came from, from now on: the holder left.
pub fn revoke_holder(ctx: &Ctx, tx: &mut dyn Tx, holder: Uuid) -> Result<(), DbError> {
    tx.execute(END_ALL_OF, params![holder, ctx.now]).map(drop)
}

/// In which city (five digits) a person lives, told by whoever keeps the register.
pub fn settle_person(tx: &mut dyn Tx, person: PersonId, city: &str) -> Result<(), DbError> {
    settle(tx, person.0, city)
}

/// For which city an office works; blank: for none, or for the region.
pub fn settle_office(tx: &mut dyn Tx, office: OfficeId, city: &str) -> Result<(), DbError> {
    settle(tx, office.0, city)
}

fn settle(tx: &mut dyn Tx, subject: Uuid, city: &str) -> Result<(), DbError> {
    match city {
        "" => tx.execute(UNSETTLE, params![subject]).map(drop),
        city => tx.execute(SETTLE, params![subject, city]).map(drop),
    }
}

/// Who knows this person on this ground now: staff, contacts and offices.
pub fn holders(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, ground: Ground) -> Result<Vec<Uuid>, DbError> {
    tx.query(HOLDERS, params![person, ground.key(), ctx.now])?.iter().map(|r| r.get(0)).collect()
}

/// Whom this holder knows on this ground now, at most `limit`.
pub fn grants_of(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    holder: Uuid,
    ground: Ground,
    limit: usize,
) -> Result<Vec<PersonId>, DbError> {
    tx.query(OF_HOLDER, params![holder, ground.key(), ctx.now, limit])?.iter().map(|r| r.get(0)).collect()
}

/// What the database knows of one reader and one person.
#[derive(Clone, Default, Debug)]
pub(crate) struct Acquaintance {
    /// Where the person lives.
    pub city: Option<String>,
    /// The reader's office works for that city.
    pub own_city: bool,
    pub grants: Vec<(Ground, Stored)>,
}

/// The items of a grant as they are stored: blank for all, else words between blanks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stored(String);

impl Stored {
    pub fn opens(&self, act: Act) -> bool {
        self.0.is_empty() || self.0.contains(&format!(" {} ", act.key()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Items<'_> {
    fn stored(self) -> Stored {
        match self {
            Items::All => Stored(String::new()),
            Items::Only(acts) => Stored(acts.iter().fold(" ".to_owned(), |text, act| text + act.key() + " ")),
        }
    }
}

pub(crate) fn known(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Acquaintance, DbError> {
    Ok(known_of(ctx, tx, &[person])?.remove(&person).unwrap_or_default())
}

pub(crate) fn known_of(ctx: &Ctx, tx: &mut dyn Tx, persons: &[PersonId]) -> Result<BTreeMap<PersonId, Acquaintance>, DbError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    let mut all: BTreeMap<PersonId, Acquaintance> = BTreeMap::new();
    let mut own: Option<String> = None;
    for some in persons.chunks(PER_STATEMENT) {
        let subjects: Vec<Uuid> = some.iter().map(|p| p.0).chain([office]).collect();
        let (list, values) = listed(&subjects, vec![]);
        for row in tx.query(&format!("{CITIES} ({list})"), &values)? {
            let (subject, city): (Uuid, String) = (row.get(0)?, row.get(1)?);
            match subject == office {
                true => own = Some(city),
                false => all.entry(PersonId(subject)).or_default().city = Some(city),
            }
        }
        let first = vec![ctx.actor.id.into(), office.into(), ctx.now.into()];
        let (list, values) = listed(&subjects[..some.len()], first);
        for row in tx.query(&format!("{GRANTS} ({list}) {GRANTS_ORDER}"), &values)? {
            let (person, ground, items) = granted(&row)?;
            all.entry(person).or_default().grants.extend(ground.is_granted().then_some((ground, items)));
        }
    }
    for known in all.values_mut() {
        known.own_city = known.city.is_some() && known.city == own;
    }
    Ok(all)
}

fn granted(row: &Row) -> Result<(PersonId, Ground, Stored), DbError> {
    Ok((row.get(0)?, row.word(1, Ground::from_key)?, Stored(row.get(2)?)))
}

/// `$n, $n+1, …` for these subjects, behind the values that are there already.
fn listed(subjects: &[Uuid], mut values: Vec<Value>) -> (String, Vec<Value>) {
    let from = values.len() + 1;
    let places: Vec<String> = (from..from + subjects.len()).map(|n| format!("${n}")).collect();
    values.extend(subjects.iter().map(|s| Value::from(*s)));
    (places.join(", "), values)
}
