use base::limits::LIST_ROWS;
use base::wareki::Date;
use base::{ConsentId, ContactId, Instant, PersonId};
use db::{DbError, Row, Tx, params};
use uuid::Uuid;

use super::{json, read_json, redacted};
use crate::{Consent, ConsentScope, ConsentState, Manner, ObtainedBy, Relation, UnreadableConsent};

/// What stands in the register about one thing asked for.
pub enum Kept {
    None,
    Read(Box<Consent>),
    Unreadable(UnreadableConsent),
}

impl Kept {
    pub fn read(&self) -> Option<&Consent> {
        match self {
            Kept::Read(consent) => Some(consent),
            _ => None,
        }
    }

    pub fn unreadable(&self) -> Option<UnreadableConsent> {
        match self {
            Kept::Unreadable(damaged) => Some(*damaged),
            _ => None,
        }
    }

    fn of(row: Option<&Row>) -> Result<Kept, DbError> {
        let Some(row) = row else { return Ok(Kept::None) };
        match row_consent(row) {
            Ok(consent) => Ok(Kept::Read(Box::new(consent))),
            Err(DbError::Shape { .. }) => Ok(Kept::Unreadable(damaged(row)?)),
            Err(error) => Err(error),
        }
    }
}

/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, person_id, scope, subject_id, state, manner, offices, obtained_by, explained_by, \
             explained_on, obtained_on, expires_on, signed_by, signer_relation, proxy_reason, legal_basis, \
             recorded_by, recorded_at, ended_at, end_reason, ended_by FROM people_consent ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO people_consent (id, serial, person_id, scope, subject_id, state, manner, offices,
    obtained_by, explained_by, explained_on, obtained_on, expires_on, signed_by, signer_relation, proxy_reason,
    legal_basis, recorded_by, recorded_at, end_reason, ended_by)
    SELECT $1, COALESCE(MAX(serial), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, '', ''
    FROM people_consent";
const END: &str = "UPDATE people_consent SET state = $2, ended_at = $3, end_reason = $4, ended_by = $5 WHERE id = $1";
const END_UNREADABLE: &str = "UPDATE people_consent SET ended_at = $2, end_reason = $3 WHERE id = $1";
const GET: &str = select!("WHERE id = $1 AND person_id = $2");
/// What the person said last, whatever was noted since: that it was explained anew, that a letter did not come back.
const LAST_SAID: &str = select!(
    "WHERE person_id = $1 AND scope = $2 AND subject_id = $3 AND state NOT IN ('explained', 'no_answer') ORDER BY serial DESC LIMIT 1"
);
const NEWEST: &str = select!("WHERE person_id = $1 AND scope = $2 AND subject_id = $3 ORDER BY serial DESC LIMIT 1");
const OF: &str = select!("WHERE person_id = $1 ORDER BY serial DESC LIMIT $2");
const OPEN_OF: &str = select!("WHERE person_id = $1 AND ended_at IS NULL ORDER BY serial");
const OVER: &str = select!(
    "WHERE expires_on IS NOT NULL AND expires_on < $1 AND ended_at IS NULL AND state IN ('given', 'not_needed') ORDER BY serial LIMIT $2"
);

/// Recordings shown of one person: some years of all scopes.
const MAX_SHOWN: usize = 4 * LIST_ROWS;

pub fn insert(tx: &mut dyn Tx, c: &Consent) -> Result<(), DbError> {
    let values = params![
        c.id,
        c.person,
        c.scope.key(),
        subject(c.person, c.scope),
        c.state.key(),
        c.manner.key(),
        json(&c.offices),
        c.obtained_by.map(ObtainedBy::key),
        c.explained_by.expose(),
        c.explained_on,
        c.obtained_on,
        c.expires_on,
        c.signed_by.expose(),
        c.signer_relation.map_or("", Relation::key),
        c.proxy_reason.expose(),
        c.legal_basis.as_str(),
        c.recorded_by,
        c.recorded_at
    ];
    tx.tell(INSERT, values)
}

pub fn end(
    tx: &mut dyn Tx,
    consent: ConsentId,
    state: ConsentState,
    at: Instant,
    reason: &str,
    by: &str,
) -> Result<(), DbError> {
    tx.tell(END, params![consent, state.key(), at, reason, by])
}

/// Leaves what it says as it is.
pub fn end_unreadable(tx: &mut dyn Tx, consent: ConsentId, at: Instant, reason: &str) -> Result<(), DbError> {
    tx.tell(END_UNREADABLE, params![consent, at, reason])
}

pub fn get(tx: &mut dyn Tx, person: PersonId, consent: ConsentId) -> Result<Kept, DbError> {
    Kept::of(tx.first(GET, params![consent, person])?.as_ref())
}

pub fn newest(tx: &mut dyn Tx, person: PersonId, scope: ConsentScope) -> Result<Kept, DbError> {
    Kept::of(tx.first(NEWEST, params![person, scope.key(), subject(person, scope)])?.as_ref())
}

pub fn last_said(tx: &mut dyn Tx, person: PersonId, scope: ConsentScope) -> Result<Kept, DbError> {
    Kept::of(tx.first(LAST_SAID, params![person, scope.key(), subject(person, scope)])?.as_ref())
}

/// As [`newest`], an error where it cannot be read.
pub fn newest_readable(tx: &mut dyn Tx, person: PersonId, scope: ConsentScope) -> Result<Option<Consent>, DbError> {
    tx.first(NEWEST, params![person, scope.key(), subject(person, scope)])?.as_ref().map(row_consent).transpose()
}

pub fn of(tx: &mut dyn Tx, person: PersonId) -> Result<Vec<Consent>, DbError> {
    tx.list("people_consent", OF, params![person, MAX_SHOWN], row_consent)
}

/// The rows about this person that cannot be read, newest first.
pub fn unreadable_of(tx: &mut dyn Tx, person: PersonId) -> Result<Vec<UnreadableConsent>, DbError> {
    tx.sift("people_consent", OF, params![person, MAX_SHOWN], row_consent)?.1.iter().map(damaged).collect()
}

/// Those that did not end, and those of them that cannot be read.
pub fn open_of(tx: &mut dyn Tx, person: PersonId) -> Result<(Vec<Consent>, Vec<UnreadableConsent>), DbError> {
    let (open, rows) = tx.sift("people_consent", OPEN_OF, params![person], row_consent)?;
    Ok((open, rows.iter().map(damaged).collect::<Result<_, _>>()?))
}

/// Those in force whose last day is before `today`, oldest first.
pub fn over(tx: &mut dyn Tx, today: Date) -> Result<Vec<Consent>, DbError> {
    tx.list("people_consent", OVER, params![today, LIST_ROWS], row_consent)
}

fn subject(person: PersonId, scope: ConsentScope) -> Uuid {
    scope.contact().map_or(person.0, |contact| contact.0)
}

fn damaged(row: &Row) -> Result<UnreadableConsent, DbError> {
    let subject = row.get::<Uuid>(3).ok().map(ContactId);
    let scope = row.get::<String>(2).ok().and_then(|key| ConsentScope::from_key(&key, subject));
    Ok(UnreadableConsent { id: row.get(0)?, scope, recorded_at: row.get(17).ok() })
}

fn row_consent(row: &Row) -> Result<Consent, DbError> {
    let subject: Uuid = row.get(3)?;
    let obtained_by: Option<String> = row.get(7)?;
    Ok(Consent {
        id: row.get(0)?,
        person: row.get(1)?,
        scope: row.word(2, |key| ConsentScope::from_key(key, Some(ContactId(subject))))?,
        state: row.word(4, ConsentState::from_key)?,
        manner: row.word(5, Manner::from_key)?,
        offices: read_json(row, 6)?,
        obtained_by: obtained_by.as_deref().and_then(ObtainedBy::from_key),
        explained_by: redacted(row, 8)?,
        explained_on: row.get(9)?,
        obtained_on: row.get(10)?,
        expires_on: row.get(11)?,
        signed_by: redacted(row, 12)?,
        signer_relation: row
            .word(13, |key| if key.is_empty() { Some(None) } else { Relation::from_key(key).map(Some) })?,
        proxy_reason: redacted(row, 14)?,
        legal_basis: row.get(15)?,
        recorded_by: row.get(16)?,
        recorded_at: row.get(17)?,
        ended_at: row.get(18)?,
        end_reason: redacted(row, 19)?,
        ended_by: redacted(row, 20)?,
    })
}
