//! The notebook's tables.

use base::{CaseId, Ctx, Instant, NoteId, PersonId, Redacted, Role, StaffId};
use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

use crate::{Addressee, Correction, Importance, NewNote, NoteKind, NoteState, Reaction, Visibility};

/// A note without its text.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: NoteId,
    pub person: PersonId,
    pub kind: NoteKind,
    pub visibility: Visibility,
    pub case: Option<CaseId>,
    pub author: Uuid,
    pub author_role: Role,
    pub written_at: Instant,
    pub state: NoteState,
    pub version: u32,
}

/// What a version says.
pub struct Said {
    pub subject: Redacted<String>,
    pub body: Redacted<String>,
    pub importance: Importance,
    pub reply_by: Option<Instant>,
}

pub struct VersionRow {
    pub version: u32,
    pub at: Instant,
    pub by: Uuid,
    pub state: NoteState,
    pub said: Said,
    pub reason: Redacted<String>,
}

pub struct ReplyRow {
    pub note: NoteId,
    pub id: Uuid,
    pub at: Instant,
    pub by: Uuid,
    pub role: Role,
    pub body: Redacted<String>,
}

pub struct ReadRow {
    pub note: NoteId,
    pub by: Uuid,
    pub role: Role,
    pub at: Instant,
    pub version: u32,
}

pub struct ReactionRow {
    pub note: NoteId,
    pub by: Uuid,
    pub role: Role,
    pub reaction: Reaction,
    pub at: Instant,
}

const INSERT_NOTE: &str = "INSERT INTO care_note
    (id, person_id, kind, visibility, case_id, author_id, author_role, written_at, state, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'confirmed', 1)";
const INSERT_VERSION: &str = "INSERT INTO care_note_version
    (note_id, version, at, by_id, state, subject, body, importance, reply_by, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const INSERT_ADDRESSEE: &str =
    "INSERT INTO care_note_addressee (note_id, kind, target) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const POINT: &str = "UPDATE care_note SET state = $2, version = $3 WHERE id = $1";
const INSERT_REPLY: &str =
    "INSERT INTO care_note_reply (id, note_id, at, by_id, by_role, body) VALUES ($1, $2, $3, $4, $5, $6)";
const INSERT_READ: &str = "INSERT INTO care_note_read (note_id, reader_id, reader_role, at, version)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (note_id, reader_id) DO NOTHING";
const INSERT_REACTION: &str = "INSERT INTO care_note_reaction (note_id, by_id, by_role, kind, at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (note_id, by_id, kind) DO NOTHING";
const HEAD: &str = "SELECT id, person_id, kind, visibility, case_id, author_id, author_role, written_at, state, version
    FROM care_note WHERE id = $1";
const VERSIONS: &str = "SELECT version, at, by_id, state, subject, body, importance, reply_by, reason
    FROM care_note_version WHERE note_id = $1 ORDER BY version DESC";
const LISTED: &str = "SELECT n.id, n.person_id, n.kind, n.visibility, n.case_id, n.author_id, n.author_role,
    n.written_at, n.state, n.version, v.subject, v.body, v.importance, v.reply_by
    FROM care_note n JOIN care_note_version v ON v.note_id = n.id AND v.version = n.version";

pub fn insert_note(ctx: &Ctx, tx: &mut dyn Tx, id: NoteId, note: &NewNote) -> Result<(), DbError> {
    let (by, role) = (ctx.actor.id, ctx.actor.role.key());
    tx.execute(
        INSERT_NOTE,
        params![id, note.person, note.kind.key(), note.visibility.key(), note.case, by, role, ctx.now],
    )?;
    let first = Correction {
        subject: note.subject.clone(),
        body: note.body.clone(),
        importance: note.importance,
        reply_by: note.reply_by,
        reason: Redacted::new(String::new()),
    };
    version_row(ctx, tx, id, 1, NoteState::Confirmed, &first)?;
    for to in &note.addressees {
        let (kind, target) = addressee_words(*to);
        tx.execute(INSERT_ADDRESSEE, params![id, kind, target])?;
    }
    Ok(())
}

pub fn insert_version(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    head: &Head,
    state: NoteState,
    said: &Correction,
) -> Result<(), DbError> {
    let version = head.version + 1;
    version_row(ctx, tx, head.id, version, state, said)?;
    tx.tell(POINT, params![head.id, state.key(), version])
}

fn version_row(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: NoteId,
    version: u32,
    state: NoteState,
    said: &Correction,
) -> Result<(), DbError> {
    let (subject, body, reason) = (said.subject.expose(), said.body.expose(), said.reason.expose());
    let importance = said.importance.key();
    tx.tell(
        INSERT_VERSION,
        params![id, version, ctx.now, ctx.actor.id, state.key(), subject, body, importance, said.reply_by, reason],
    )
}

pub fn insert_reply(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: Uuid,
    note: NoteId,
    body: &Redacted<String>,
) -> Result<(), DbError> {
    tx.tell(INSERT_REPLY, params![id, note, ctx.now, ctx.actor.id, ctx.actor.role.key(), body.expose()])
}

/// Gives 0 when it was read before.
pub fn insert_read(ctx: &Ctx, tx: &mut dyn Tx, head: &Head) -> Result<u64, DbError> {
    tx.execute(INSERT_READ, params![head.id, ctx.actor.id, ctx.actor.role.key(), ctx.now, head.version])
}

/// Gives 0 when this reaction stood already.
pub fn insert_reaction(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, reaction: Reaction) -> Result<u64, DbError> {
    tx.execute(INSERT_REACTION, params![note, ctx.actor.id, ctx.actor.role.key(), reaction.key(), ctx.now])
}

pub fn head(tx: &mut dyn Tx, note: NoteId) -> Result<Option<Head>, DbError> {
    tx.first(HEAD, params![note])?.map(|r| head_row(&r)).transpose()
}

pub fn newest_version(tx: &mut dyn Tx, note: NoteId) -> Result<Said, DbError> {
    let row = tx.first(&format!("{VERSIONS} LIMIT 1"), params![note])?.ok_or(DbError::NoRow)?;
    said(&row, 4)
}

pub fn versions(tx: &mut dyn Tx, note: NoteId) -> Result<Vec<VersionRow>, DbError> {
    let read = |r: &Row| {
        Ok(VersionRow {
            version: r.get(0)?,
            at: r.get(1)?,
            by: r.get(2)?,
            state: r.word(3, NoteState::from_key)?,
            said: said(r, 4)?,
            reason: Redacted::new(r.get(8)?),
        })
    };
    tx.list("care_note_version", VERSIONS, params![note], read)
}

/// Notes under a condition on `n` and `v` (which ends with its order and limit).
pub fn listed(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<Vec<(Head, Said)>, DbError> {
    tx.list("care_note", &format!("{LISTED} {condition}"), values, |r| Ok((head_row(r)?, said(r, 10)?)))
}

pub fn addressees(tx: &mut dyn Tx, notes: &[NoteId]) -> Result<Vec<(NoteId, Addressee)>, DbError> {
    let select = "SELECT note_id, kind, target FROM care_note_addressee";
    of_notes(tx, "care_note_addressee", select, "kind, target", notes, |r| Ok((r.get(0)?, addressee(r)?)))
}

pub fn replies(tx: &mut dyn Tx, notes: &[NoteId]) -> Result<Vec<ReplyRow>, DbError> {
    let read = |r: &Row| {
        Ok(ReplyRow {
            note: r.get(0)?,
            id: r.get(1)?,
            at: r.get(2)?,
            by: r.get(3)?,
            role: r.word(4, Role::from_key)?,
            body: Redacted::new(r.get(5)?),
        })
    };
    of_notes(
        tx,
        "care_note_reply",
        "SELECT note_id, id, at, by_id, by_role, body FROM care_note_reply",
        "at, id",
        notes,
        read,
    )
}

pub fn reads(tx: &mut dyn Tx, notes: &[NoteId]) -> Result<Vec<ReadRow>, DbError> {
    let read = |r: &Row| {
        Ok(ReadRow {
            note: r.get(0)?,
            by: r.get(1)?,
            role: r.word(2, Role::from_key)?,
            at: r.get(3)?,
            version: r.get(4)?,
        })
    };
    of_notes(
        tx,
        "care_note_read",
        "SELECT note_id, reader_id, reader_role, at, version FROM care_note_read",
        "at, reader_id",
        notes,
        read,
    )
}

pub fn reactions(tx: &mut dyn Tx, notes: &[NoteId]) -> Result<Vec<ReactionRow>, DbError> {
    let read = |r: &Row| {
        Ok(ReactionRow {
            note: r.get(0)?,
            by: r.get(1)?,
            role: r.word(2, Role::from_key)?,
            reaction: r.word(3, Reaction::from_key)?,
            at: r.get(4)?,
        })
    };
    of_notes(
        tx,
        "care_note_reaction",
        "SELECT note_id, by_id, by_role, kind, at FROM care_note_reaction",
        "at, by_id, kind",
        notes,
        read,
    )
}

fn of_notes<T>(
    tx: &mut dyn Tx,
    list: &'static str,
    select: &str,
    order: &str,
    notes: &[NoteId],
    read: impl Fn(&Row) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    tx.list_among(list, &format!("{select} WHERE note_id {{among}} ORDER BY {order}"), &[], notes, read)
}

fn head_row(r: &Row) -> Result<Head, DbError> {
    Ok(Head {
        id: r.get(0)?,
        person: r.get(1)?,
        kind: r.word(2, NoteKind::from_key)?,
        visibility: r.word(3, Visibility::from_key)?,
        case: r.get(4)?,
        author: r.get(5)?,
        author_role: r.word(6, Role::from_key)?,
        written_at: r.get(7)?,
        state: r.word(8, NoteState::from_key)?,
        version: r.get(9)?,
    })
}

fn said(r: &Row, from: usize) -> Result<Said, DbError> {
    Ok(Said {
        subject: Redacted::new(r.get(from)?),
        body: Redacted::new(r.get(from + 1)?),
        importance: r.word(from + 2, Importance::from_key)?,
        reply_by: r.get(from + 3)?,
    })
}

pub fn addressee_words(to: Addressee) -> (&'static str, String) {
    match to {
        Addressee::Team => ("team", String::new()),
        Addressee::Staff(staff) => ("staff", staff.to_string()),
        Addressee::Profession(role) => ("profession", role.key().to_owned()),
    }
}

fn addressee(r: &Row) -> Result<Addressee, DbError> {
    let (kind, target): (String, String) = (r.get(1)?, r.get(2)?);
    let wrong = DbError::Shape { column: 2, wanted: "Addressee" };
    match kind.as_str() {
        "team" => Ok(Addressee::Team),
        "staff" => target.parse::<StaffId>().map(Addressee::Staff).map_err(|_| wrong),
        _ => Role::from_key(&target).map(Addressee::Profession).ok_or(wrong),
    }
}
