//! The verbs that add to the notebook. None of them changes what was confirmed.

use access::{Act, Witness, require};
use base::{Ctx, NoteId, PersonId, Redacted, Role, StaffId};
use db::{Tx, outbox};
use uuid::Uuid;

use crate::event::Event;
use crate::verbs::Verb;
use crate::{CareError, Correction, NewNote, NoteRefusal, NoteState, Reaction, rules, store};

/// Writes a confirmed note. Outbox: `care.note_written`.
pub fn write_note(ctx: &Ctx, tx: &mut dyn Tx, note: NewNote) -> Result<NoteId, CareError> {
    let witness = require(ctx, tx, Act::WriteNote, note.person)?;
    let team = team(ctx, tx, note.person)?;
    rules::check_new(&note, &team, ctx.now)?;
    let id: NoteId = ctx.id();
    store::insert_note(ctx, tx, id, &note)?;
    audit::done(ctx, tx, Verb::WriteNote, &witness, "notes")?;
    let (person, importance) = (note.person, note.importance);
    outbox::push(tx, ctx.now, &Event::NoteWritten { note: id, person, importance })?;
    Ok(id)
}

/// 訂正: a new version with its reason. Outbox: `care.note_corrected`.
pub fn correct_note(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, correction: Correction) -> Result<(), CareError> {
    let (head, witness) = open(ctx, tx, note, Act::WriteNote)?;
    rules::check_correction(&correction, head.author, head.state, ctx)?;
    store::insert_version(ctx, tx, &head, NoteState::Corrected, &correction)?;
    audit::done(ctx, tx, Verb::CorrectNote, &witness, "notes")?;
    let (person, case) = (head.person, head.case);
    Ok(outbox::push(tx, ctx.now, &Event::NoteCorrected { note, person, case })?)
}

/// 取消: what was written stays readable as a version; the note itself is struck. Outbox: `care.note_withdrawn`.
pub fn withdraw_note(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, reason: Redacted<String>) -> Result<(), CareError> {
    let (head, witness) = open(ctx, tx, note, Act::WriteNote)?;
    rules::check_change(head.author, head.state, reason.expose(), ctx)?;
    let last = store::newest_version(tx, note)?;
    let struck =
        Correction { subject: last.subject, body: last.body, importance: last.importance, reply_by: None, reason };
    store::insert_version(ctx, tx, &head, NoteState::Withdrawn, &struck)?;
    audit::done(ctx, tx, Verb::WithdrawNote, &witness, "notes")?;
    let (person, case) = (head.person, head.case);
    Ok(outbox::push(tx, ctx.now, &Event::NoteWithdrawn { note, person, case })?)
}

/// Answers a note; who answers has read it. Outbox: `care.note_answered`.
pub fn reply(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, body: Redacted<String>) -> Result<Uuid, CareError> {
    let (head, witness) = open(ctx, tx, note, Act::AnswerNote)?;
    rules::check_reply(head.state, body.expose())?;
    let id: Uuid = ctx.id();
    store::insert_reply(ctx, tx, id, note, &body)?;
    store::insert_read(ctx, tx, &head)?;
    audit::done(ctx, tx, Verb::Reply, &witness, "notes")?;
    let (person, case) = (head.person, head.case);
    outbox::push(tx, ctx.now, &Event::NoteAnswered { note, person, case })?;
    Ok(id)
}

/// 既読. Reading again changes nothing. Outbox, the first time: `care.note_read`.
pub fn mark_read(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId) -> Result<(), CareError> {
    let (head, witness) = open(ctx, tx, note, Act::SeeNotes)?;
    if store::insert_read(ctx, tx, &head)? == 0 {
        return Ok(());
    }
    audit::done(ctx, tx, Verb::MarkRead, &witness, "notes")?;
    let (person, case) = (head.person, head.case);
    Ok(outbox::push(tx, ctx.now, &Event::NoteRead { note, person, case })?)
}

/// 了解・確認しました・対応します; who reacts has read it. Outbox: `care.note_acknowledged`.
pub fn acknowledge(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, reaction: Reaction) -> Result<(), CareError> {
    let (head, witness) = open(ctx, tx, note, Act::AnswerNote)?;
    if head.state == NoteState::Withdrawn {
        return Err(NoteRefusal::Withdrawn.into());
    }
    store::insert_read(ctx, tx, &head)?;
    if store::insert_reaction(ctx, tx, note, reaction)? == 0 {
        return Ok(());
    }
    audit::done(ctx, tx, Verb::Acknowledge, &witness, "notes")?;
    let (person, case) = (head.person, head.case);
    Ok(outbox::push(tx, ctx.now, &Event::NoteAcknowledged { note, person, case })?)
}

/// The head of a note the actor may act on. A note hidden from the actor's profession is as if it did not exist.
fn open(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId, act: Act) -> Result<(store::Head, Witness), CareError> {
    let head = store::head(tx, note)?.ok_or(NoteRefusal::NoSuchNote)?;
    let witness = access::require_some(ctx, tx, &[act], &[Act::SeeMedicalNotes], head.person)?;
    if !rules::may_read(head.visibility, witness.has(Act::SeeMedicalNotes), head.author == ctx.actor.id) {
        return Err(NoteRefusal::NoSuchNote.into());
    }
    Ok((head, witness))
}

fn team(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Vec<(StaffId, Role)>, CareError> {
    let members = people::team(ctx, tx, person)?;
    Ok(people::colleagues(tx, &members)?.into_iter().map(|known| (known.staff.id, known.staff.role)).collect())
}
