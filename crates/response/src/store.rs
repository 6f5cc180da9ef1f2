//! The tables of cases.

use base::{AlertId, CaseId, ContactId, HomeId, Instant, NoteId, PersonId, PhotoId, Redacted, Role, VisitId};
use db::{DbError, Row, Sealed, Tx, Value, params};
use uuid::Uuid;
use watch::{Cause, Rule};

use crate::case::{CaseAlert, Happening};
use crate::stored;
use crate::{Call, CallOutcome, Callee, Case, Condition, Photo, Rung, Step, StepRow, Visit, VisitState, Visitor};

const CASE: &str = "SELECT id, number, home_id, person_id, rule, reason, urgent, state, opened_at, centre_id, taken_at,
    holder_id, held_since, due_at, escalate_at, told, wait_until, reached_at, closed_at, closed_by, cause, closing_text
    FROM response_case";
const INSERT_CASE: &str =
    "INSERT INTO response_case (id, number, home_id, person_id, rule, reason, urgent, state, step,
    opened_at, centre_id, due_at, escalate_at, closing_text)
    SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '' FROM response_case";
const SAVE_CASE: &str = "UPDATE response_case SET urgent = $2, state = $3, step = $4, taken_at = $5, holder_id = $6,
    held_since = $7, due_at = $8, escalate_at = $9, told = $10, wait_until = $11, reached_at = $12, closed_at = $13,
    closed_by = $14, cause = $15, closing_text = $16 WHERE id = $1";
const OPEN_OF_HOME: &str = "WHERE home_id = $1 AND closed_at IS NULL ORDER BY opened_at LIMIT 1";
const ESCALATE_DUE: &str = "WHERE escalate_at <= $1 ORDER BY escalate_at, id LIMIT $2";
const PUT_OFF: &str = "UPDATE response_case SET escalate_at = $2 WHERE id = $1";
const NEXT_WAKE: &str = "SELECT MIN(escalate_at) FROM response_case";
const SINCE: &str = "WHERE closed_at IS NULL OR closed_at >= $1 ORDER BY opened_at DESC LIMIT $2";
const INSERT_ALERT: &str =
    "INSERT INTO response_alert (alert_id, case_id, at, rule, reason) VALUES ($1, $2, $3, $4, $5)";
const ALERTS: &str = "SELECT alert_id, at, rule, reason FROM response_alert WHERE case_id = $1 ORDER BY at, alert_id";
const CASE_OF_ALERT: &str = "WHERE id = (SELECT case_id FROM response_alert WHERE alert_id = $1)";
const INSERT_STEP: &str = "INSERT INTO response_step (case_id, seq, at, by_id, by_role, what, step, detail)
    SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4, $5, $6, $7 FROM response_step WHERE case_id = $1";
const STEPS: &str = "SELECT seq, at, by_id, by_role, what, step, detail FROM response_step
    WHERE case_id = $1 ORDER BY seq DESC LIMIT $2";
const INSERT_CALL: &str = "INSERT INTO response_call (id, case_id, at, by_id, incoming, contact_id, outcome, note)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const CALLS: &str = "SELECT id, at, by_id, incoming, contact_id, outcome, note FROM response_call
    WHERE case_id = $1 ORDER BY at DESC, id DESC LIMIT 200";
const INSERT_VISIT: &str = "INSERT INTO response_visit (id, case_id, person_id, visitor_kind, visitor_id, state, note,
    asked_by, asked_at, report) VALUES ($1, $2, $3, $4, $5, 'requested', $6, $7, $8, '')";
const SAVE_VISIT: &str = "UPDATE response_visit SET state = $2, answered_at = $3, departed_at = $4, arrived_at = $5,
    reported_at = $6, reported_by = $7, condition = $8, report = $9, goes_id = $10 WHERE id = $1";
const VISIT: &str = "SELECT id, case_id, person_id, visitor_kind, visitor_id, state, note, asked_by, asked_at,
    answered_at, departed_at, arrived_at, reported_at, reported_by, condition, report, goes_id
    FROM response_visit";
/// What one sees on a photo.
pub const PIXELS: Sealed = Sealed { table: "response_photo", id: "id", column: "jpeg" };

const VISIT_IDS: &str = "SELECT id FROM response_visit WHERE case_id = $1";
const INSERT_PHOTO: &str = "INSERT INTO response_photo (id, visit_id, case_id, person_id, at, by_id, caption, width,
    height, jpeg) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const PHOTOS: &str = "SELECT id, visit_id, case_id, person_id, at, by_id, caption, width, height FROM response_photo
    WHERE case_id = $1 ORDER BY at, id LIMIT 200";
const PHOTO: &str = "SELECT id, visit_id, case_id, person_id, at, by_id, caption, width, height, jpeg
    FROM response_photo WHERE id = $1";
const VISIT_PERSON: &str = "SELECT person_id FROM response_visit WHERE id = $1";
const PHOTO_PERSON: &str = "SELECT person_id FROM response_photo WHERE id = $1";
const INSERT_TOLD: &str = "INSERT INTO response_told (case_id, at, rung, recipient_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";
const TOLD: &str = "SELECT DISTINCT recipient_id FROM response_told
    WHERE case_id = $1 AND recipient_id IS NOT NULL ORDER BY recipient_id";
const INSERT_CONSULTATION: &str = "INSERT INTO response_consultation (note_id, case_id, doctor_id, at, reply_by)
    VALUES ($1, $2, $3, $4, $5)";
const CONSULTATION: &str = "SELECT note_id, case_id, doctor_id, at, reply_by, answered_at FROM response_consultation";
const ANSWERED: &str = "UPDATE response_consultation SET answered_at = $2 WHERE note_id = $1 AND answered_at IS NULL";
const INSERT_REVIEW: &str = "INSERT INTO response_review (case_id, at, by_id, false_alarm, note, proposal)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// What was asked of a doctor in a case.
#[derive(Clone, Copy, Debug)]
pub struct Consultation {
    pub note: NoteId,
    pub case: CaseId,
    pub doctor: base::StaffId,
    pub at: Instant,
    pub reply_by: Instant,
    pub answered_at: Option<Instant>,
}

pub fn insert_case(tx: &mut dyn Tx, c: &Case) -> Result<(), DbError> {
    tx.tell(
        INSERT_CASE,
        params![
            c.id,
            c.home,
            c.person,
            c.rule.key(),
            &c.reason,
            c.urgent,
            stored::text(&c.state),
            c.state.step().key(),
            c.opened_at,
            c.centre,
            c.due_at,
            c.escalate_at
        ],
    )
}

pub fn save_case(tx: &mut dyn Tx, c: &Case) -> Result<(), DbError> {
    let changed = tx.execute(
        SAVE_CASE,
        params![
            c.id,
            c.urgent,
            stored::text(&c.state),
            c.state.step().key(),
            c.taken_at,
            c.holder,
            c.held_since,
            c.due_at,
            c.escalate_at,
            c.told.map(Rung::key),
            c.wait_until,
            c.reached_at,
            c.closed_at,
            c.closed_by,
            c.cause.map(Cause::key),
            c.closing_text.expose()
        ],
    )?;
    if changed == 1 { Ok(()) } else { Err(DbError::NoRow) }
}

pub fn case(tx: &mut dyn Tx, id: CaseId) -> Result<Option<Case>, DbError> {
    one_case(tx, "WHERE id = $1", params![id])
}

pub fn open_of_home(tx: &mut dyn Tx, home: HomeId) -> Result<Option<Case>, DbError> {
    Ok(cases(tx, OPEN_OF_HOME, params![home])?.pop())
}

pub fn case_of_alert(tx: &mut dyn Tx, alert: AlertId) -> Result<Option<Case>, DbError> {
    one_case(tx, CASE_OF_ALERT, params![alert])
}

/// The cases whose next in line is to be told by now, and those among them that cannot be read.
pub fn due_for_escalation(tx: &mut dyn Tx, now: Instant, limit: usize) -> Result<(Vec<Case>, Vec<Row>), DbError> {
    sifted(tx, ESCALATE_DUE, params![now, limit])
}

/// When the next in line is told of a case, and nothing else of it.
pub fn put_off(tx: &mut dyn Tx, case: CaseId, until: Instant) -> Result<(), DbError> {
    tx.tell(PUT_OFF, params![case, until])
}

pub fn next_wake(tx: &mut dyn Tx) -> Result<Option<Instant>, DbError> {
    tx.scalar(NEXT_WAKE, &[])
}

/// Cases that are open or were closed since then, newest first.
pub fn open_or_closed_since(tx: &mut dyn Tx, since: Instant, limit: usize) -> Result<Vec<Case>, DbError> {
    cases(tx, SINCE, params![since, limit])
}

/// Cases under a condition (which ends with its order and limit); those that cannot be read are left out and noted.
pub fn cases(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<Vec<Case>, DbError> {
    Ok(sifted(tx, condition, values)?.0)
}

/// As [`cases`], with the rows that cannot be read.
pub fn sifted(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<(Vec<Case>, Vec<Row>), DbError> {
    tx.sift("response_case", &format!("{CASE} {condition}"), values, case_row)
}

/// One case that is asked for: an unreadable one is a fault, not a case that does not exist.
fn one_case(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<Option<Case>, DbError> {
    tx.first(&format!("{CASE} {condition}"), values)?.as_ref().map(case_row).transpose()
}

/// What is left of a row that cannot be read: the case, its number, its person, when it was opened.
#[allow(clippy::type_complexity)]
pub fn remains(r: &Row) -> Option<(CaseId, Option<i64>, Option<PersonId>, Option<Instant>)> {
    Some((r.get(0).ok()?, r.get(1).ok(), r.get(3).ok(), r.get(8).ok()))
}

fn case_row(r: &Row) -> Result<Case, DbError> {
    Ok(Case {
        id: r.get(0)?,
        number: r.get(1)?,
        home: r.get(2)?,
        person: r.get(3)?,
        rule: r.word(4, Rule::from_key)?,
        reason: r.get(5)?,
        urgent: r.get(6)?,
        state: r.word(7, stored::state)?,
        opened_at: r.get(8)?,
        centre: r.get(9)?,
        taken_at: r.get(10)?,
        holder: r.get(11)?,
        held_since: r.get(12)?,
        due_at: r.get(13)?,
        escalate_at: r.get(14)?,
        told: optional_word(r, 15, Rung::from_key)?,
        wait_until: r.get(16)?,
        reached_at: r.get(17)?,
        closed_at: r.get(18)?,
        closed_by: r.get(19)?,
        cause: optional_word(r, 20, Cause::from_key)?,
        closing_text: Redacted::new(r.get(21)?),
    })
}

fn optional_word<T>(r: &Row, column: usize, from_key: impl Fn(&str) -> Option<T>) -> Result<Option<T>, DbError> {
    match r.get::<Option<String>>(column)? {
        None => Ok(None),
        Some(_) => r.word(column, from_key).map(Some),
    }
}

pub fn insert_alert(tx: &mut dyn Tx, case: CaseId, alert: &watch::Alert) -> Result<(), DbError> {
    let (rule, reason) = (alert.rule.key(), &alert.reason);
    tx.tell(INSERT_ALERT, params![alert.id, case, alert.raised_at, rule, reason])
}

pub fn alerts(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<CaseAlert>, DbError> {
    let read =
        |r: &Row| Ok(CaseAlert { id: r.get(0)?, at: r.get(1)?, rule: r.word(2, Rule::from_key)?, reason: r.get(3)? });
    tx.list("response_alert", ALERTS, params![case], read)
}

pub fn insert_step(
    tx: &mut dyn Tx,
    ctx: &base::Ctx,
    case: &Case,
    what: Happening,
    detail: &str,
) -> Result<(), DbError> {
    let (by, role) = (ctx.actor.id, ctx.actor.role.key());
    let step = case.state.step().key();
    tx.tell(INSERT_STEP, params![case.id, ctx.now, by, role, what.key(), step, detail])
}

/// The story, newest first; names are filled in by the view.
pub fn steps(tx: &mut dyn Tx, case: CaseId, limit: usize) -> Result<Vec<StepRow>, DbError> {
    let read = |r: &Row| {
        Ok(StepRow {
            seq: r.get(0)?,
            at: r.get(1)?,
            by: r.get(2)?,
            role: r.word(3, Role::from_key)?,
            by_name: Redacted::new(String::new()),
            what: r.word(4, Happening::from_key)?,
            step: r.word(5, Step::from_key)?,
            detail: Redacted::new(r.get(6)?),
        })
    };
    tx.list("response_step", STEPS, params![case, limit], read)
}

pub fn insert_call(tx: &mut dyn Tx, case: CaseId, c: &Call) -> Result<(), DbError> {
    let contact = match c.who {
        Callee::Resident => None,
        Callee::Contact(id) => Some(id),
    };
    tx.tell(INSERT_CALL, params![c.id, case, c.at, c.by, c.incoming, contact, c.outcome.key(), c.note.expose()])
}

/// The calls of a case, newest first, at most 200.
pub fn calls(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Call>, DbError> {
    let read = |r: &Row| {
        Ok(Call {
            id: r.get(0)?,
            at: r.get(1)?,
            by: r.get(2)?,
            incoming: r.get(3)?,
            who: r.get::<Option<ContactId>>(4)?.map_or(Callee::Resident, Callee::Contact),
            outcome: r.word(5, CallOutcome::from_key)?,
            note: Redacted::new(r.get(6)?),
        })
    };
    tx.list("response_call", CALLS, params![case], read)
}

pub fn insert_visit(tx: &mut dyn Tx, v: &Visit) -> Result<(), DbError> {
    let (kind, visitor) = (v.visitor.kind(), v.visitor.uuid());
    tx.tell(INSERT_VISIT, params![v.id, v.case, v.person, kind, visitor, v.note.expose(), v.asked_by, v.asked_at])
}

pub fn save_visit(tx: &mut dyn Tx, v: &Visit) -> Result<(), DbError> {
    tx.tell(
        SAVE_VISIT,
        params![
            v.id,
            v.state.key(),
            v.answered_at,
            v.departed_at,
            v.arrived_at,
            v.reported_at,
            v.reported_by,
            v.condition.map(Condition::key),
            v.report.expose(),
            v.goes
        ],
    )
}

pub fn visit(tx: &mut dyn Tx, id: VisitId) -> Result<Option<Visit>, DbError> {
    tx.first(&format!("{VISIT} WHERE id = $1"), params![id])?.as_ref().map(visit_row).transpose()
}

pub fn person_of_visit(tx: &mut dyn Tx, id: VisitId) -> Result<Option<PersonId>, DbError> {
    tx.first(VISIT_PERSON, params![id])?.map(|row| row.get(0)).transpose()
}

/// The visits of a case, oldest first.
pub fn visits_of(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Visit>, DbError> {
    visits(tx, "WHERE case_id = $1 ORDER BY asked_at, id LIMIT 100", params![case])
}

/// These cases, in no order.
pub fn cases_by_id(tx: &mut dyn Tx, ids: &[CaseId]) -> Result<Vec<Case>, DbError> {
    tx.list_among("response_case", &format!("{CASE} WHERE id {{among}}"), &[], ids, case_row)
}

/// The ids of all visits of a case, for what must happen to each whether or not it can be read.
pub fn visit_ids(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<VisitId>, DbError> {
    tx.query(VISIT_IDS, params![case])?.iter().map(|r| r.get(0)).collect()
}

/// Visits under a condition (which ends with its order and limit).
pub fn visits(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<Vec<Visit>, DbError> {
    tx.list("response_visit", &format!("{VISIT} {condition}"), values, visit_row)
}

fn visit_row(r: &Row) -> Result<Visit, DbError> {
    let kind: String = r.get(3)?;
    let visitor = Visitor::from_parts(&kind, r.get(4)?).ok_or(DbError::Shape { column: 3, wanted: "Visitor" })?;
    Ok(Visit {
        id: r.get(0)?,
        case: r.get(1)?,
        person: r.get::<PersonId>(2)?,
        visitor,
        state: r.word(5, VisitState::from_key)?,
        note: Redacted::new(r.get(6)?),
        asked_by: r.get(7)?,
        asked_at: r.get(8)?,
        answered_at: r.get(9)?,
        departed_at: r.get(10)?,
        arrived_at: r.get(11)?,
        reported_at: r.get(12)?,
        reported_by: r.get(13)?,
        condition: optional_word(r, 14, Condition::from_key)?,
        report: Redacted::new(r.get(15)?),
        goes: r.get(16)?,
    })
}

pub fn insert_photo(tx: &mut dyn Tx, p: &Photo, jpeg: &[u8]) -> Result<(), DbError> {
    let (width, height) = (i64::from(p.width), i64::from(p.height));
    let sealed = tx.seal(&PIXELS, p.id.0.as_bytes(), jpeg)?;
    let values = params![p.id, p.visit, p.case, p.person, p.at, p.by, p.caption.expose(), width, height, sealed];
    tx.tell(INSERT_PHOTO, values)
}

/// The photos of a case without their pixels, oldest first: 50 visits have at most 150.
pub fn photos(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Photo>, DbError> {
    tx.list("response_photo", PHOTOS, params![case], photo_row)
}

pub fn person_of_photo(tx: &mut dyn Tx, id: PhotoId) -> Result<Option<PersonId>, DbError> {
    tx.first(PHOTO_PERSON, params![id])?.map(|row| row.get(0)).transpose()
}

pub fn photo(tx: &mut dyn Tx, id: PhotoId) -> Result<Option<(Photo, Vec<u8>)>, DbError> {
    let Some(row) = tx.first(PHOTO, params![id])? else { return Ok(None) };
    let stored: Vec<u8> = row.get(9)?;
    Ok(Some((photo_row(&row)?, tx.unseal(&PIXELS, id.0.as_bytes(), &stored)?)))
}

fn photo_row(r: &Row) -> Result<Photo, DbError> {
    let side = |column| {
        let pixels: i64 = r.get(column)?;
        u32::try_from(pixels).map_err(|_| DbError::Shape { column, wanted: "pixels" })
    };
    Ok(Photo {
        id: r.get(0)?,
        visit: r.get(1)?,
        case: r.get(2)?,
        person: r.get(3)?,
        at: r.get(4)?,
        by: r.get(5)?,
        caption: Redacted::new(r.get(6)?),
        width: side(7)?,
        height: side(8)?,
    })
}

pub fn insert_told(tx: &mut dyn Tx, case: CaseId, at: Instant, rung: Rung, to: Option<Uuid>) -> Result<(), DbError> {
    tx.tell(INSERT_TOLD, params![case, at, rung.key(), to])
}

/// Everybody who was told about this case.
pub fn told(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Uuid>, DbError> {
    tx.query(TOLD, params![case])?.iter().map(|r| r.get(0)).collect()
}

pub fn insert_consultation(tx: &mut dyn Tx, c: &Consultation) -> Result<(), DbError> {
    tx.tell(INSERT_CONSULTATION, params![c.note, c.case, c.doctor, c.at, c.reply_by])
}

pub fn consultation_of_note(tx: &mut dyn Tx, note: NoteId) -> Result<Option<Consultation>, DbError> {
    Ok(consultations(tx, "WHERE note_id = $1", params![note])?.pop())
}

/// The consultations of a case, newest first.
pub fn consultations_of(tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Consultation>, DbError> {
    consultations(tx, "WHERE case_id = $1 ORDER BY at DESC, note_id DESC LIMIT 50", params![case])
}

fn consultations(tx: &mut dyn Tx, condition: &str, values: &[Value]) -> Result<Vec<Consultation>, DbError> {
    let rows = tx.query(&format!("{CONSULTATION} {condition}"), values)?;
    rows.iter()
        .map(|r| {
            Ok(Consultation {
                note: r.get(0)?,
                case: r.get(1)?,
                doctor: r.get(2)?,
                at: r.get(3)?,
                reply_by: r.get(4)?,
                answered_at: r.get(5)?,
            })
        })
        .collect()
}

/// Gives 0 when it was answered before.
pub fn answer(tx: &mut dyn Tx, note: NoteId, at: Instant) -> Result<u64, DbError> {
    tx.execute(ANSWERED, params![note, at])
}

pub fn insert_review(tx: &mut dyn Tx, case: CaseId, ctx: &base::Ctx, r: &crate::Review) -> Result<(), DbError> {
    let reason = r.false_alarm.map(crate::FalseAlarmReason::key);
    let (note, proposal) = (r.note.expose(), r.proposal.expose());
    tx.tell(INSERT_REVIEW, params![case, ctx.now, ctx.actor.id, reason, note, proposal])
}
