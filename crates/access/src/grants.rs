//! Grants: that a member of staff, a relative or an office knows a person, on what ground, since when and until when.
//! `source_id` is the team membership, case, visit or consent behind it; ending that ends its grants. Beside them, in
//! which city a person lives and for which city an office works.

use std::collections::BTreeMap;

use base::{Ctx, GrantId, Instant, OfficeId, PersonId};
use db::{DbError, Row, Tx, params};
use uuid::Uuid;

use crate::{Act, Ground};

/// The end of a grant that has none yet.
pub const FOREVER: Instant = Instant(i64::MAX);

/// A person `p` is in the charge of an office `o`: it works for their city, or none answers for that city, and then each
/// is in charge, so that nobody falls between two cities.
macro_rules! own_city {
    () => {
        "(p.city = o.city OR NOT EXISTS (SELECT 1 FROM access_office_city e WHERE e.city = p.city AND e.answers))"
    };
}
pub(crate) use own_city;

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
const END_PERSON: &str = "UPDATE access_grant SET valid_until = $2 WHERE person_id = $1 AND valid_until > $2";
const GRANTS: &str = "SELECT DISTINCT person_id, ground, items FROM access_grant
    WHERE holder_id IN ($1, $2) AND valid_from <= $3 AND valid_until > $3 AND person_id {among}
    ORDER BY person_id, ground, items";
/// Where these persons live, and whether the office is in charge of them.
const CITIES: &str = concat!(
    "SELECT p.person_id, p.city, (SELECT COUNT(*) FROM access_office_city o WHERE o.office_id = $1 AND ",
    own_city!(),
    ") FROM access_person_city p WHERE p.person_id {among}"
);
const CITY_OFFICES: &str = concat!(
    "SELECT p.person_id, o.office_id FROM access_person_city p JOIN access_office_city o ON ",
    own_city!(),
    " WHERE p.person_id {among}"
);
const INHABITED: &str = "SELECT person_id FROM access_person_city WHERE city = $1 LIMIT 1";
const SETTLE_PERSON: &str = "INSERT INTO access_person_city (person_id, city) VALUES ($1, $2)
    ON CONFLICT (person_id) DO UPDATE SET city = excluded.city";
const UNSETTLE_PERSON: &str = "DELETE FROM access_person_city WHERE person_id = $1";
const SETTLE_OFFICE: &str = "INSERT INTO access_office_city (office_id, city, answers) VALUES ($1, $2, $3)
    ON CONFLICT (office_id) DO UPDATE SET city = excluded.city, answers = excluded.answers";
const UNSETTLE_OFFICE: &str = "DELETE FROM access_office_city WHERE office_id = $1";
const HOLDERS: &str = "SELECT DISTINCT holder_id FROM access_grant
    WHERE person_id = $1 AND ground = $2 AND valid_from <= $3 AND valid_until > $3 ORDER BY holder_id";
const KNOWERS: &str =
    "SELECT person_id, holder_id, ground FROM access_grant WHERE valid_until >= $1 AND person_id {among}";
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
    tx.tell(INSERT, params![id, g.person, g.holder, g.ground.key(), g.source, ctx.now, g.until, items.as_str()])
}

/// Ends every grant that comes from `source`, from now on.
pub fn revoke_source(ctx: &Ctx, tx: &mut dyn Tx, source: Uuid) -> Result<(), DbError> {
    tx.tell(END_SOURCE, params![source, ctx.now])
}

/// Ends what `holder` has from `source`, from now on.
pub fn revoke_from(ctx: &Ctx, tx: &mut dyn Tx, source: Uuid, holder: Uuid) -> Result<(), DbError> {
    tx.tell(END_HOLDER, params![source, holder, ctx.now])
}

/// Ends everything `holder` has, whatever it came from, from now on: the holder left.
pub fn revoke_holder(ctx: &Ctx, tx: &mut dyn Tx, holder: Uuid) -> Result<(), DbError> {
    tx.tell(END_ALL_OF, params![holder, ctx.now])
}

/// Ends everything anybody has about this person, whatever it came from, from now on: the record is closed.
pub fn revoke_person(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), DbError> {
    tx.tell(END_PERSON, params![person, ctx.now])
}

/// In which city (five digits) a person lives, told by whoever keeps the register; blank: it is not known.
pub fn settle_person(tx: &mut dyn Tx, person: PersonId, city: &str) -> Result<(), DbError> {
    match city {
        "" => tx.tell(UNSETTLE_PERSON, params![person]),
        city => tx.tell(SETTLE_PERSON, params![person, city]),
    }
}

/// For which city an office works (blank: for none, or for the region), and whether alerts there are its to answer for.
pub fn settle_office(tx: &mut dyn Tx, office: OfficeId, city: &str, answers: bool) -> Result<(), DbError> {
    match city {
        "" => tx.tell(UNSETTLE_OFFICE, params![office]),
        city => tx.tell(SETTLE_OFFICE, params![office, city, answers]),
    }
}

/// Whether anybody lives in this city.
pub fn inhabited(tx: &mut dyn Tx, city: &str) -> Result<bool, DbError> {
    Ok(tx.first(INHABITED, params![city])?.is_some())
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

/// Somebody who knows a person on a ground: staff, a contact or an office (of the person's city, too).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Knower {
    pub person: PersonId,
    pub holder: Uuid,
    pub ground: Ground,
}

/// Who knows these persons, or knew them at `since`, in a handful of statements however many they are. For the screens
/// that are to ask anew, never for a decision: what they then see is decided as always. A ground that cannot be read
/// is nobody's.
pub fn knowers(tx: &mut dyn Tx, persons: &[PersonId], since: Instant) -> Result<Vec<Knower>, DbError> {
    let mut found = Vec::new();
    for row in tx.among(KNOWERS, params![since], persons)? {
        if let Some(ground) = Ground::from_key(&row.get::<String>(2)?) {
            found.push(Knower { person: row.get(0)?, holder: row.get(1)?, ground });
        }
    }
    for row in tx.among(CITY_OFFICES, &[], persons)? {
        found.push(Knower { person: row.get(0)?, holder: row.get(1)?, ground: Ground::City });
    }
    Ok(found)
}

/// What the database knows of one reader and one person.
#[derive(Clone, Default, Debug)]
pub(crate) struct Acquaintance {
    /// Where the person lives.
    pub city: Option<String>,
    /// The reader's office is in charge of those who live there.
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

/// What one reader knows, of the persons who were asked about. Every part of a page asks the wall for itself; this holds
/// until the transaction writes.
struct Known {
    written: u64,
    holders: (Uuid, Uuid),
    now: Instant,
    /// Where they live was asked, too.
    cities: bool,
    of: BTreeMap<PersonId, Acquaintance>,
}

/// What this reader knows of each of these persons; `cities`: whether it matters where they live.
pub(crate) fn known_of(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    persons: &[PersonId],
    cities: bool,
) -> Result<BTreeMap<PersonId, Acquaintance>, DbError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    let (written, holders) = (tx.touched(), (ctx.actor.id, office));
    let kept = tx.memo().recall::<Known>().filter(|kept| {
        (kept.written, kept.holders, kept.now) == (written, holders, ctx.now) && (kept.cities || !cities)
    });
    let one = |kept: &Known, person: &PersonId| Some((*person, kept.of.get(person)?.clone()));
    if let Some(all) = kept.and_then(|kept| persons.iter().map(|person| one(kept, person)).collect()) {
        return Ok(all);
    }
    let mut of: BTreeMap<PersonId, Acquaintance> =
        persons.iter().map(|person| (*person, Acquaintance::default())).collect();
    let lived_in = if cities { tx.among(CITIES, params![office], persons)? } else { vec![] };
    for row in lived_in {
        let known = of.entry(row.get(0)?).or_default();
        (known.city, known.own_city) = (Some(row.get(1)?), row.get::<i64>(2)? > 0);
    }
    // A ground that cannot be read opens nothing; the others still do.
    let asked = params![ctx.actor.id, office, ctx.now];
    for (person, ground, items) in tx.list_among("access_grant", GRANTS, asked, persons, granted)? {
        of.entry(person).or_default().grants.extend(ground.is_granted().then_some((ground, items)));
    }
    tx.memo_mut().remember(Known { written, holders, now: ctx.now, cities, of: of.clone() });
    Ok(of)
}

fn granted(row: &Row) -> Result<(PersonId, Ground, Stored), DbError> {
    Ok((row.get(0)?, row.word(1, Ground::from_key)?, Stored(row.get(2)?)))
}
