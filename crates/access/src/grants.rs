//! Grants: that a member of staff, a relative or an office knows a person, on what ground, since when and until when.
//! `source_id` is the team membership, case, visit or consent behind it; ending that ends its grants.

use base::{Ctx, GrantId, Instant, PersonId, limits};
use db::{DbError, Tx, Value, params};
use uuid::Uuid;

use crate::Ground;

/// The end of a grant that has none yet.
pub const FOREVER: Instant = Instant(i64::MAX);

/// A grant to be made. `holder` is a staff member's, a contact's or an office's id.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    pub person: PersonId,
    pub holder: Uuid,
    pub ground: Ground,
    pub source: Uuid,
    pub until: Instant,
}

const INSERT: &str = "INSERT INTO access_grant (id, person_id, holder_id, ground, source_id, valid_from, valid_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const OPEN: &str = "SELECT COUNT(*) FROM access_grant
    WHERE person_id = $1 AND holder_id = $2 AND ground = $3 AND source_id = $4 AND valid_until > $5";
const END_SOURCE: &str = "UPDATE access_grant SET valid_until = $2 WHERE source_id = $1 AND valid_until > $2";
const END_HOLDER: &str =
    "UPDATE access_grant SET valid_until = $3 WHERE source_id = $1 AND holder_id = $2 AND valid_until > $3";
const END_ALL_OF: &str = "UPDATE access_grant SET valid_until = $2 WHERE holder_id = $1 AND valid_until > $2";
const END_PERSON: &str = "UPDATE access_grant SET valid_until = $2 WHERE person_id = $1 AND valid_until > $2";
const GROUNDS: &str = "SELECT DISTINCT ground FROM access_grant
    WHERE person_id = $1 AND holder_id IN ($2, $3) AND valid_from <= $4 AND valid_until > $4 ORDER BY ground";
const HOLDERS: &str = "SELECT DISTINCT holder_id FROM access_grant
    WHERE person_id = $1 AND ground = $2 AND valid_from <= $3 AND valid_until > $3 ORDER BY holder_id";
const KNOWERS: &str = "SELECT person_id, holder_id, ground FROM access_grant WHERE valid_until >= $1 AND person_id IN";
const OF_HOLDER: &str = "SELECT DISTINCT person_id FROM access_grant
    WHERE holder_id = $1 AND ground = $2 AND valid_from <= $3 AND valid_until > $3 ORDER BY person_id LIMIT $4";

/// Makes a grant from now on; the same grant again changes nothing.
pub fn grant(ctx: &Ctx, tx: &mut dyn Tx, g: Grant) -> Result<(), DbError> {
    let open: i64 = tx.scalar(OPEN, params![g.person, g.holder, g.ground.key(), g.source, ctx.now])?;
    if open > 0 {
        return Ok(());
    }
    let id: GrantId = ctx.id();
    tx.execute(INSERT, params![id, g.person, g.holder, g.ground.key(), g.source, ctx.now, g.until]).map(drop)
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

/// Ends everything anybody has about this person, whatever it came from, from now on: the record is closed.
pub fn revoke_person(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), DbError> {
    tx.execute(END_PERSON, params![person, ctx.now]).map(drop)
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

/// Somebody who knows a person on a ground: staff, a contact or an office.
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
    for some in persons.chunks(limits::ROWS_PER_STATEMENT) {
        let places: Vec<String> = (2..2 + some.len()).map(|n| format!("${n}")).collect();
        let mut values: Vec<Value> = vec![since.into()];
        values.extend(some.iter().map(|person| Value::from(*person)));
        for row in tx.query(&format!("{KNOWERS} ({})", places.join(", ")), &values)? {
            if let Some(ground) = Ground::from_key(&row.get::<String>(2)?) {
                found.push(Knower { person: row.get(0)?, holder: row.get(1)?, ground });
            }
        }
    }
    Ok(found)
}

/// The grounds on which the actor, or the actor's office, knows this person now.
pub(crate) fn grounds(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Vec<Ground>, DbError> {
    let office = ctx.actor.office.map_or(ctx.actor.id, |o| o.0);
    let values = params![person, ctx.actor.id, office, ctx.now];
    // A ground that cannot be read opens nothing; the others still do.
    tx.list("access_grant", GROUNDS, values, |r| r.word(0, Ground::from_key))
}
