//! How a case ends: the doctor is asked and answers, the case is closed with its cause, and looked back at.

use access::{Act, Grant, Ground, Items};
use base::{CaseId, Ctx, Instant, NoteId, Redacted, Role, Span, StaffId, limits};
use care::{Addressee, Importance, NewNote, NoteKind, Visibility};
use db::Tx;
use notify::Topic;
use watch::{Cause, Rule};

use crate::case::Happening;
use crate::duty::Hold;
use crate::moving::{Moving, hold, load, load_by, text, with_note};
use crate::rules::{Command, causes_of};
use crate::settings::settings;
use crate::store::Consultation;
use crate::{Case, FalseAlarmReason, Refusal, ResponseError, opening, store, telling, visits};

/// Closed cases wait this long on the list of those to be looked back at.
const REVIEW_WITHIN: Span = Span::days(30);

/// 医療相談: writes an urgent note into the resident's notebook, addressed to a doctor of the team, and waits for the
/// answer. Needs the notebook, which the call centre does not have: the care manager asks.
pub fn consult(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    doctor: StaffId,
    question: Redacted<String>,
) -> Result<NoteId, ResponseError> {
    let mut m = load(ctx, tx, case, Act::WorkCase)?;
    hold(ctx, tx, &m.case, Hold::Outcome)?;
    if people::staff(tx, doctor)?.role != Role::Doctor {
        return Err(Refusal::NotTheDoctor.into());
    }
    let words = text(&question)?;
    m.decide(ctx, tx, Command::Consult)?;
    let reply_by = m.case.due_at.unwrap_or(ctx.now + settings(tx)?.consultation);
    let note = NewNote {
        person: m.case.person,
        kind: NoteKind::Consultation,
        subject: Redacted::new(format!("見守りの医療相談（受付番号{}）", m.case.number)),
        body: Redacted::new(words),
        addressees: vec![Addressee::Staff(doctor)],
        importance: Importance::Urgent,
        reply_by: Some(reply_by),
        visibility: Visibility::Team,
        case: Some(case),
    };
    let note = care::write_note(ctx, tx, note)?;
    store::insert_consultation(tx, &Consultation { note, case, doctor, at: ctx.now, reply_by, answered_at: None })?;
    m.keep(ctx, tx, Happening::Consulted, "連絡帳で医師に相談しました。")?;
    telling::doctor(ctx, tx, &m.case, doctor, note)?;
    Ok(note)
}

/// The doctor's answer, or an answer got by telephone and entered by the team: a reply in the notebook that moves the
/// case on. Answers the newest consultation without an answer.
pub fn answer_consultation(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    answer: Redacted<String>,
) -> Result<Case, ResponseError> {
    let m = load(ctx, tx, case, Act::AnswerNote)?;
    let asked = store::consultations_of(tx, case)?;
    let asked = asked.iter().find(|c| c.answered_at.is_none()).or(asked.first()).ok_or(Refusal::ReportFirst)?;
    care::reply(ctx, tx, asked.note, answer)?;
    answered(ctx, tx, m, asked)
}

/// The notes by which a doctor was asked about this case, newest first; what was answered stands in the notebook.
pub fn consultation_notes(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Vec<NoteId>, ResponseError> {
    let m = load(ctx, tx, case, Act::WorkCase)?;
    Ok(store::consultations_of(tx, m.case.id)?.into_iter().map(|c| c.note).collect())
}

/// Moves the case of a note on, after somebody answered the note in the notebook itself. `None` where the note belongs
/// to no consultation. To be called in the transaction of the reply.
pub fn note_answered(ctx: &Ctx, tx: &mut dyn Tx, note: NoteId) -> Result<Option<Case>, ResponseError> {
    let Some(asked) = store::consultation_of_note(tx, note)? else { return Ok(None) };
    let m = load(ctx, tx, asked.case, Act::AnswerNote)?;
    answered(ctx, tx, m, &asked).map(Some)
}

/// The first reply after the question counts, the doctor's own or one got by telephone and written down. A case that
/// closed meanwhile stays as it ended.
fn answered(ctx: &Ctx, tx: &mut dyn Tx, mut m: Moving, asked: &Consultation) -> Result<Case, ResponseError> {
    if !m.case.open() || store::answer(tx, asked.note, ctx.now)? == 0 {
        return Ok(m.case);
    }
    m.decide(ctx, tx, Command::Answer)?;
    m.keep(ctx, tx, Happening::Answered, "連絡帳に回答がありました。")?;
    Ok(m.case)
}

/// With which causes this case may end now, the likeliest first. For a page that shows the case already.
pub fn causes_now(tx: &mut dyn Tx, case: &Case) -> Result<Vec<Cause>, ResponseError> {
    Ok(causes_of(&case.state, &store::alerts(tx, case.id)?))
}

/// 解消: ends the case with its cause. All access that came from it ends, open visits are called off, its alerts are
/// closed with the cause; a safe end counts as a sign of life. Outbox: `response.closed`.
pub fn close(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    case: CaseId,
    cause: Cause,
    words: Redacted<String>,
) -> Result<Case, ResponseError> {
    let mut m = load(ctx, tx, case, Act::CloseCase)?;
    hold(ctx, tx, &m.case, Hold::Outcome)?;
    let words = text(&words)?;
    m.decide(ctx, tx, Command::Close(cause))?;
    let alerts = store::alerts(tx, case)?;
    if cause == Cause::RequestSettled && !alerts.iter().any(|alert| alert.rule.is_wish()) {
        return Err(Refusal::CauseDoesNotFit.into());
    }
    (m.case.closed_at, m.case.closed_by) = (Some(ctx.now), Some(ctx.actor.id));
    (m.case.cause, m.case.closing_text) = (Some(cause), Redacted::new(words.clone()));
    (m.case.holder, m.case.held_since) = (None, None);
    m.keep(ctx, tx, Happening::Closed, &with_note(cause.ja(), &words))?;
    visits::cancel_open(tx, case)?;
    opening::end_access(ctx, tx, &m)?;
    if let Some(centre) = m.case.centre {
        access::grant(ctx, tx, to_look_back(&m.case, centre.0, ctx.now + REVIEW_WITHIN))?;
    }
    for alert in alerts {
        watch::close_alert(ctx, tx, alert.id, cause)?;
    }
    if cause.is_safe() {
        watch::reassure(ctx, tx, m.case.home, ctx.now)?;
    } else {
        telling::team(
            ctx,
            tx,
            &m.case,
            NoteKind::Watch,
            &with_note(&format!("対応が終わりました（{}）", cause.ja()), &words),
        )?;
    }
    // A death is told by a person, never by a machine's text.
    if cause != Cause::FoundDead {
        telling::family(ctx, tx, &m.case, Topic::CaseClosed)?;
    }
    Ok(m.case)
}

/// The office that worked a case looks back at it for a while, and sees nothing else of the person.
fn to_look_back(case: &Case, holder: uuid::Uuid, until: Instant) -> Grant<'static> {
    let items = Items::Only(&[Act::ReviewCase]);
    Grant { person: case.person, holder, ground: Ground::Review, source: case.id.0, until, items }
}

/// 振り返り.
#[derive(Clone, Debug)]
pub struct Review {
    /// Why the alarm was needless; `None` where it was not.
    pub false_alarm: Option<FalseAlarmReason>,
    pub note: Redacted<String>,
    /// A proposal for the settings of this home; empty for none. Nothing changes by itself.
    pub proposal: Redacted<String>,
}

/// Records what was learned from a closed case. By the call centre that worked it (which no longer sees the person, and
/// need not), by the team, or by the city.
pub fn review(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, review: Review) -> Result<Case, ResponseError> {
    let mut m = for_review(ctx, tx, case)?;
    text(&review.note)?;
    text(&review.proposal)?;
    m.decide(ctx, tx, Command::Review)?;
    store::insert_review(tx, case, ctx, &review)?;
    let words =
        review.false_alarm.map_or("必要な通報でした。".to_owned(), |r| format!("誤報の理由：{}", r.ja()));
    m.keep(ctx, tx, Happening::Reviewed, &with_note(&words, review.note.expose().trim()))?;
    Ok(m.case)
}

fn for_review(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Moving, ResponseError> {
    let known = store::case(tx, case)?.ok_or(Refusal::NoSuchCase)?;
    load_by(ctx, tx, known.id, &[Act::ReviewCase, Act::WorkCase, Act::CloseCase])
}

/// A closed case that waits to be looked back at. It names nobody.
#[derive(Clone, Debug)]
pub struct ToReview {
    pub case: CaseId,
    pub number: i64,
    pub rule: Rule,
    pub reason: String,
    pub cause: Cause,
    pub opened_at: Instant,
    pub closed_at: Instant,
}

/// The closed cases of the last 30 days without a review: for the call centre those of the people whose cases it worked,
/// for the city those of the people who live there.
pub fn to_review(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<ToReview>, ResponseError> {
    let since = ctx.now - REVIEW_WITHIN;
    let scope = access::scope(ctx, Act::ReviewCase).map_err(|_| Refusal::NotYourBoard)?;
    let (within, more) = scope.filter("response_case.person_id", 3);
    let condition =
        format!("WHERE step = 'resolved' AND closed_at >= $1 AND {within} ORDER BY closed_at DESC, id LIMIT $2");
    let values: Vec<db::Value> = [since.into(), limits::LIST_ROWS.into()].into_iter().chain(more).collect();
    let rows = store::cases(tx, &condition, &values)?;
    let row = |c: Case| {
        let (cause, closed_at) = (c.cause?, c.closed_at?);
        let (number, rule, reason, opened_at) = (c.number, c.rule, c.reason, c.opened_at);
        Some(ToReview { case: c.id, number, rule, reason, cause, opened_at, closed_at })
    };
    Ok(rows.into_iter().filter_map(row).collect())
}
