//! What is read of the notebook: a person's notes, what is new, what is owed. Nothing here writes; the page that shows
//! it records the look.

use std::collections::HashMap;

use access::{Act, Shown, Witness, require_some, scope};
use base::{CaseId, Ctx, NoteId, PersonId, Redacted, Role, Span, StaffId, limits};
use db::{Tx, Value};
use uuid::Uuid;

use crate::store::{Head, Said};
use crate::{Addressee, CareError, Cursor, Note, NotePage, NoteRefusal, Read, Reply, Version, Writer, rules, store};

/// Older unread notes are read in the person's notebook, not in the list of what is new.
const NEW_WITHIN: Span = Span::days(30);

/// The notes about one person, newest first, after `older` (from the page before).
pub fn notes(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    older: Option<Cursor>,
) -> Result<Shown<NotePage>, CareError> {
    let witness = require_some(ctx, tx, &[Act::SeeNotes], &[Act::SeeMedicalNotes], person)?;
    let mut values = vec![Value::from(person)];
    let mut condition = format!("WHERE n.person_id = $1 AND {}", readable(ctx, &mut values));
    if let Some(cursor) = older {
        let (at, id) = (push(&mut values, cursor.written_at), push(&mut values, cursor.id));
        condition.push_str(&format!(" AND (n.written_at < {at} OR (n.written_at = {at} AND n.id < {id}))"));
    }
    let limit = push(&mut values, limits::LIST_ROWS + 1);
    condition.push_str(&format!(" ORDER BY n.written_at DESC, n.id DESC LIMIT {limit}"));
    let mut rows = store::listed(tx, &condition, &values)?;
    let more = rows.len() > limits::LIST_ROWS;
    rows.truncate(limits::LIST_ROWS);
    let older = rows.last().filter(|_| more).map(|(h, _)| Cursor { written_at: h.written_at, id: h.id });
    Ok(witness.shows(NotePage { notes: dressed(ctx, tx, rows)?, older }))
}

/// One note with everything that followed it.
pub fn note(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId) -> Result<Shown<Note>, CareError> {
    let (head, witness) = visible_head(ctx, tx, note)?;
    let said = store::newest_version(tx, note)?;
    let note = dressed(ctx, tx, vec![(head, said)])?.pop().ok_or(NoteRefusal::NoSuchNote)?;
    Ok(witness.shows(note))
}

/// All versions of a note, newest first.
pub fn versions(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId) -> Result<Shown<Vec<Version>>, CareError> {
    let (head, witness) = visible_head(ctx, tx, note)?;
    let mut names = Names::default();
    let rows = store::versions(tx, note)?;
    let versions: Result<Vec<Version>, CareError> = rows
        .into_iter()
        .map(|v| {
            Ok(Version {
                version: v.version,
                at: v.at,
                by: names.writer(tx, v.by, head.author_role)?,
                state: v.state,
                subject: v.said.subject,
                body: v.said.body,
                importance: v.said.importance,
                reply_by: v.said.reply_by,
                reason: v.reason,
            })
        })
        .collect();
    Ok(witness.shows(versions?))
}

/// The notes of a case, oldest first; of a person whose notebook the actor may see.
pub fn notes_of_case(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    case: CaseId,
) -> Result<Shown<Vec<Note>>, CareError> {
    let witness = require_some(ctx, tx, &[Act::SeeNotes], &[Act::SeeMedicalNotes], person)?;
    let mut values = vec![Value::from(case), Value::from(person)];
    let readable = readable(ctx, &mut values);
    let limit = push(&mut values, limits::LIST_ROWS);
    let condition =
        format!("WHERE n.case_id = $1 AND n.person_id = $2 AND {readable} ORDER BY n.written_at, n.id LIMIT {limit}");
    let rows = store::listed(tx, &condition, &values)?;
    Ok(witness.shows(dressed(ctx, tx, rows)?))
}

/// 返事を待たれている: notes whose answer is awaited from this actor, the nearest limit first.
pub fn waiting_for(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<Note>>, CareError> {
    let (within, mut values) = scope(ctx, Act::SeeNotes)?.filter_all("n.person_id", 1);
    let readable = readable(ctx, &mut values);
    let me = push(&mut values, ctx.actor.id);
    let my_target = push(&mut values, StaffId(ctx.actor.id).to_string());
    let my_role = push(&mut values, ctx.actor.role.key());
    let limit = push(&mut values, limits::LIST_ROWS);
    let condition = format!(
        "WHERE v.reply_by IS NOT NULL AND n.state <> 'withdrawn' AND n.author_id <> {me} AND {within} AND {readable}
         AND EXISTS (SELECT 1 FROM care_note_addressee a WHERE a.note_id = n.id AND (
            (a.kind = 'staff' AND a.target = {my_target} AND NOT EXISTS
                (SELECT 1 FROM care_note_reply r WHERE r.note_id = n.id AND r.by_id = {me}))
            OR (a.kind = 'profession' AND a.target = {my_role} AND NOT EXISTS
                (SELECT 1 FROM care_note_reply r WHERE r.note_id = n.id AND r.by_role = {my_role}))
            OR (a.kind = 'team' AND NOT EXISTS
                (SELECT 1 FROM care_note_reply r WHERE r.note_id = n.id AND r.by_id <> n.author_id))))
         ORDER BY v.reply_by, n.id LIMIT {limit}"
    );
    let rows = store::listed(tx, &condition, &values)?;
    witnessed(ctx, tx, rows)
}

/// 新しい記事: notes of the last 30 days that this actor has not read, the newest first.
pub fn new_for(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<Note>>, CareError> {
    let (within, mut values) = scope(ctx, Act::SeeNotes)?.filter_all("n.person_id", 1);
    let readable = readable(ctx, &mut values);
    let me = push(&mut values, ctx.actor.id);
    let since = push(&mut values, ctx.now - NEW_WITHIN);
    let limit = push(&mut values, limits::LIST_ROWS);
    let condition = format!(
        "WHERE n.written_at >= {since} AND n.state <> 'withdrawn' AND n.author_id <> {me} AND {within} AND {readable}
         AND NOT EXISTS (SELECT 1 FROM care_note_read r WHERE r.note_id = n.id AND r.reader_id = {me})
         ORDER BY n.written_at DESC, n.id DESC LIMIT {limit}"
    );
    let rows = store::listed(tx, &condition, &values)?;
    witnessed(ctx, tx, rows)
}

fn visible_head(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId) -> Result<(Head, Witness), CareError> {
    let head = store::head(tx, note)?.ok_or(NoteRefusal::NoSuchNote)?;
    let witness = require_some(ctx, tx, &[Act::SeeNotes], &[Act::SeeMedicalNotes], head.person)?;
    if !rules::may_read(head.visibility, witness.has(Act::SeeMedicalNotes), head.author == ctx.actor.id) {
        return Err(NoteRefusal::NoSuchNote.into());
    }
    Ok((head, witness))
}

/// The condition under which the actor's profession may read a note.
fn readable(ctx: &Ctx, values: &mut Vec<Value>) -> String {
    let author = push(values, ctx.actor.id);
    let Ok(medical) = scope(ctx, Act::SeeMedicalNotes) else {
        return format!("(n.visibility = 'team' OR n.author_id = {author})");
    };
    let (within, more) = medical.filter("n.person_id", values.len() + 1);
    values.extend(more);
    format!("(n.visibility = 'team' OR n.author_id = {author} OR {within})")
}

/// Notes of several persons, with the witnesses of those whom the wall lets through one by one.
fn witnessed(ctx: &Ctx, tx: &mut dyn Tx, rows: Vec<(Head, Said)>) -> Result<Shown<Vec<Note>>, CareError> {
    let acts: (&[Act], &[Act]) = (&[Act::SeeNotes], &[Act::SeeMedicalNotes]);
    let (rows, witnesses) = access::shown_rows(ctx, tx, acts, rows, |(head, _)| head.person)?.into_parts();
    Ok(Shown::new(dressed(ctx, tx, rows)?, witnesses))
}

/// Adds a parameter and gives its placeholder.
fn push(values: &mut Vec<Value>, value: impl Into<Value>) -> String {
    values.push(value.into());
    format!("${}", values.len())
}

/// Names of staff, each looked up once for a list.
#[derive(Default)]
struct Names(HashMap<Uuid, Redacted<String>>);

impl Names {
    /// All of a page in one statement; one that is missing is looked up, and refused, when it is asked for.
    fn of_all(tx: &mut dyn Tx, ids: impl Iterator<Item = Uuid>) -> Result<Names, CareError> {
        let staff: Vec<StaffId> = ids.filter(|id| !id.is_nil()).map(StaffId).collect();
        Ok(Names(people::staff_names(tx, &staff)?.into_iter().map(|(id, name)| (id.0, name)).collect()))
    }

    fn of(&mut self, tx: &mut dyn Tx, id: Uuid) -> Result<Redacted<String>, CareError> {
        if id.is_nil() {
            return Ok(Redacted::new(String::new()));
        }
        if let Some(name) = self.0.get(&id) {
            return Ok(name.clone());
        }
        let name = people::staff(tx, StaffId(id))?.name;
        self.0.insert(id, name.clone());
        Ok(name)
    }

    fn writer(&mut self, tx: &mut dyn Tx, id: Uuid, role: Role) -> Result<Writer, CareError> {
        Ok(Writer { id, role, name: self.of(tx, id)? })
    }

    fn addressee(&mut self, tx: &mut dyn Tx, to: Addressee) -> Result<(Addressee, Redacted<String>), CareError> {
        let name = match to {
            Addressee::Team => Redacted::new("全員".to_owned()),
            Addressee::Profession(role) => Redacted::new(role.ja().to_owned()),
            Addressee::Staff(staff) => self.of(tx, staff.0)?,
        };
        Ok((to, name))
    }
}

/// Notes with all that hangs on them, in the order given: four queries a page, however many notes it has.
fn dressed(ctx: &Ctx, tx: &mut dyn Tx, rows: Vec<(Head, Said)>) -> Result<Vec<Note>, CareError> {
    let ids: Vec<NoteId> = rows.iter().map(|(h, _)| h.id).collect();
    let addressees = store::addressees(tx, &ids)?;
    let replies = store::replies(tx, &ids)?;
    let reads = store::reads(tx, &ids)?;
    let reactions = store::reactions(tx, &ids)?;
    let mut names = Names::of_all(
        tx,
        rows.iter()
            .map(|(head, _)| head.author)
            .chain(replies.iter().map(|r| r.by))
            .chain(reads.iter().map(|r| r.by))
            .chain(reactions.iter().map(|r| r.by))
            .chain(
                addressees
                    .iter()
                    .filter_map(|(_, to)| if let Addressee::Staff(staff) = to { Some(staff.0) } else { None }),
            ),
    )?;
    let mut notes = Vec::with_capacity(rows.len());
    for (head, said) in rows {
        let to: Vec<Addressee> = addressees.iter().filter(|(n, _)| *n == head.id).map(|(_, a)| *a).collect();
        let answered: Vec<(Uuid, Role)> =
            replies.iter().filter(|r| r.note == head.id).map(|r| (r.by, r.role)).collect();
        let live = head.state != crate::NoteState::Withdrawn && said.reply_by.is_some();
        let mut note = Note {
            id: head.id,
            person: head.person,
            kind: head.kind,
            subject: said.subject,
            body: said.body,
            importance: said.importance,
            reply_by: said.reply_by,
            visibility: head.visibility,
            case: head.case,
            author: names.writer(tx, head.author, head.author_role)?,
            written_at: head.written_at,
            state: head.state,
            version: head.version,
            awaited: live && rules::awaited(&to, head.author, &answered),
            addressees: vec![],
            replies: vec![],
            reads: vec![],
            reactions: vec![],
            read_by_me: head.author == ctx.actor.id || reads.iter().any(|r| r.note == head.id && r.by == ctx.actor.id),
        };
        for to in to {
            note.addressees.push(names.addressee(tx, to)?);
        }
        for r in replies.iter().filter(|r| r.note == head.id) {
            let by = names.writer(tx, r.by, r.role)?;
            note.replies.push(Reply { id: r.id, by, at: r.at, body: r.body.clone() });
        }
        for r in reads.iter().filter(|r| r.note == head.id) {
            note.reads.push(Read { by: names.writer(tx, r.by, r.role)?, at: r.at, version: r.version });
        }
        for r in reactions.iter().filter(|r| r.note == head.id) {
            note.reactions.push((names.writer(tx, r.by, r.role)?, r.reaction, r.at));
        }
        notes.push(note);
    }
    Ok(notes)
}
