//! Lists and stories: the queue, what is overdue, what the family sees. Nothing here writes; the page that shows it
//! records the look.

use access::{Act, Shown, Witnesses, require, scope};
use base::{CaseId, Ctx, Instant, PersonId, Redacted, Role, Span, StaffId, limits};
use db::{Tx, Value};
use uuid::Uuid;

use crate::moving::{load, not_readable};
use crate::{Case, Cause, ResponseError, StepRow, UnreadableCase, store, unreadable};

/// Lines of a story at most; a case that has more is read in the audit.
const STORY: usize = 300;
/// How far back the family sees.
const FAMILY_SEES: Span = Span::days(90);

/// One line of the queue.
#[derive(Clone, Debug)]
pub struct QueueRow {
    pub case: Case,
    pub name: Redacted<String>,
    pub town: String,
    pub holder_name: Option<Redacted<String>>,
    pub overdue: bool,
    pub next_words: &'static str,
}

/// A list of cases, at most [`limits::LIST_ROWS`].
#[derive(Clone, Debug)]
pub struct Listed {
    pub rows: Vec<QueueRow>,
    /// How many there are, whether shown or not.
    pub total: usize,
    /// Those within the same limit that cannot be read.
    pub unreadable: Vec<UnreadableCase>,
}

/// The open cases this actor may see, by limit, the most urgent first.
pub fn queue(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Listed>, ResponseError> {
    let (within, values) = scope(ctx, Act::SeeCase)?.filter("response_case.person_id", 1);
    let condition = format!("WHERE closed_at IS NULL AND {within}");
    listed(ctx, tx, Act::SeeCase, &condition, values)
}

/// Every open case this actor may see, the most urgent first, however many there are: for the list on paper.
pub fn open_cases(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<Case>>, ResponseError> {
    let (within, values) = scope(ctx, Act::SeeCase)?.filter("response_case.person_id", 1);
    let sql = format!("WHERE closed_at IS NULL AND {within} ORDER BY due_at, opened_at, id");
    let cases = store::cases(tx, &sql, &values)?;
    Ok(access::shown_rows(ctx, tx, (&[Act::SeeCase], &[]), cases, |case| case.person)?)
}

/// Open cases whose limit is over, for whoever answers for them: those they know.
pub fn overdue(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Listed>, ResponseError> {
    let (within, mut values) = scope(ctx, Act::SeeOverdue)?.filter("response_case.person_id", 1);
    values.push(ctx.now.into());
    let condition = format!("WHERE closed_at IS NULL AND {within} AND due_at <= ${}", values.len());
    listed(ctx, tx, Act::SeeOverdue, &condition, values)
}

/// How many open cases are past their limit, for a banner: a number without persons.
pub fn overdue_count(tx: &mut dyn Tx, now: Instant) -> Result<usize, ResponseError> {
    Ok(tx.scalar("SELECT COUNT(*) FROM response_case WHERE due_at <= $1", db::params![now])?)
}

/// As [`overdue_count`], of those only whom this actor may know.
pub fn overdue_known(ctx: &Ctx, tx: &mut dyn Tx) -> Result<usize, ResponseError> {
    let Ok(scope) = scope(ctx, Act::SeeOverdue) else { return Ok(0) };
    let (within, mut values) = scope.filter("response_case.person_id", 2);
    values.insert(0, ctx.now.into());
    let sql = format!("SELECT COUNT(*) FROM response_case WHERE due_at <= $1 AND {within}");
    Ok(tx.scalar(&sql, &values)?)
}

fn listed(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    act: Act,
    condition: &str,
    mut values: Vec<Value>,
) -> Result<Shown<Listed>, ResponseError> {
    let counted = values.clone();
    values.push(limits::LIST_ROWS.into());
    let sql = format!("{condition} ORDER BY due_at, opened_at, id LIMIT ${}", values.len());
    let (cases, unreadable) = store::sifted(tx, &sql, &values)?;
    let total = match cases.len() + unreadable.len() {
        all if all < limits::LIST_ROWS => all,
        _ => tx.scalar(&format!("SELECT COUNT(*) FROM response_case {condition}"), &counted)?,
    };
    let mut seen = Witnesses::default();
    let cases = seen.take(access::shown_rows(ctx, tx, (&[act], &[]), cases, |case| case.person)?);
    let persons: Vec<PersonId> = cases.iter().map(|case| case.person).collect();
    let holders: Vec<StaffId> = cases.iter().filter_map(|case| case.holder).collect();
    tx.ahead(&[&|tx| drop(people::staff_names(tx, &holders))]);
    let (heads, names) = (seen.take(people::heads(ctx, tx, &persons)?), people::staff_names(tx, &holders)?);
    // A register that cannot be read hides no case: the line says so in the place of the name.
    let row = |case: Case| {
        let head = heads.get(case.person);
        QueueRow {
            name: head.map_or_else(not_readable, |head| head.name.clone()),
            town: head.map_or_else(String::new, |head| head.town.clone()),
            holder_name: case.holder.map(|holder| names.get(&holder).cloned().unwrap_or_else(not_readable)),
            overdue: case.overdue(ctx.now),
            next_words: case.next_words(),
            case,
        }
    };
    let rows = cases.into_iter().map(row).collect();
    let unreadable = seen.take(unreadable::shown(ctx, tx, &unreadable));
    Ok(Shown::new(Listed { rows, total, unreadable }, seen.into_vec()))
}

/// One case, for pages that need no sheet.
pub fn find_case(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Shown<Case>, ResponseError> {
    let m = load(ctx, tx, case, Act::SeeCase)?;
    Ok(m.witness.shows(m.case))
}

/// The cases of a person, newest first.
pub fn cases_of(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<Case>>, ResponseError> {
    let witness = require(ctx, tx, Act::SeeCase, person)?;
    let condition = "WHERE person_id = $1 ORDER BY opened_at DESC, id DESC LIMIT $2";
    Ok(witness.shows(store::cases(tx, condition, db::params![person, limits::LIST_ROWS])?))
}

/// The story of a case, newest first. Staff are named; relatives and the program are not.
pub fn story(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Shown<Vec<StepRow>>, ResponseError> {
    let witness = load(ctx, tx, case, Act::SeeCase)?.witness;
    let mut rows = store::steps(tx, case, STORY)?;
    let of_staff = |row: &StepRow| !row.by.is_nil() && !matches!(row.role, Role::Family | Role::Resident | Role::Link);
    let staff: Vec<StaffId> = rows.iter().filter(|row| of_staff(row)).map(|row| StaffId(row.by)).collect();
    let names = people::staff_names(tx, &staff)?;
    for row in rows.iter_mut().filter(|row| of_staff(row)) {
        row.by_name = names.get(&StaffId(row.by)).cloned().unwrap_or_else(not_readable);
    }
    Ok(witness.shows(rows))
}

/// Whose list an open case stands on: its holder, the office that works it, everybody who was told. Never empty: the
/// city's list of overdue cases (nil) stands behind all others.
pub fn lists_of(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId) -> Result<Vec<Uuid>, ResponseError> {
    let case = load(ctx, tx, case, Act::SeeAlert)?.case;
    if !case.open() {
        return Ok(vec![]);
    }
    let mut lists: Vec<Uuid> = case.holder.map(|h| h.0).into_iter().chain(case.centre.map(|o| o.0)).collect();
    lists.extend(store::told(tx, case.id)?);
    lists.push(Uuid::nil());
    Ok(lists)
}

/// What a relative learns of a case.
#[derive(Clone, Debug)]
pub struct FamilyCase {
    pub id: CaseId,
    pub opened_at: Instant,
    pub reason: String,
    pub urgent: bool,
    pub taken_at: Option<Instant>,
    /// Somebody is being asked to visit, or is on the way.
    pub visiting: bool,
    pub ended: Option<(Instant, Cause)>,
    /// An absence announced beforehand would have prevented it.
    pub avoidable: bool,
    /// The same in a sentence.
    pub words: String,
}

/// The alerts about their own relative of the last 90 days, newest first: that there was one, that it was taken, how it
/// ended.
pub fn family_view(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<FamilyCase>>, ResponseError> {
    let witness = require(ctx, tx, Act::SeeAlert, person)?;
    let condition = "WHERE person_id = $1 AND opened_at >= $2 ORDER BY opened_at DESC, id DESC LIMIT $3";
    let since = ctx.now - FAMILY_SEES;
    let (cases, unreadable) = store::sifted(tx, condition, db::params![person, since, limits::LIST_ROWS])?;
    let mut told: Vec<FamilyCase> = cases.into_iter().map(told_to_family).collect();
    if !unreadable.is_empty() {
        // Of one that is over nothing need be said; silence about one that is not would be taken for well-being.
        let open = store::sifted(tx, "WHERE person_id = $1 AND closed_at IS NULL", db::params![person])?.1;
        told.extend(open.iter().filter_map(|row| unreadable_to_family(row, ctx.now)));
        told.sort_by_key(|case| std::cmp::Reverse((case.opened_at, case.id)));
    }
    Ok(witness.shows(told))
}

fn unreadable_to_family(row: &db::Row, now: Instant) -> Option<FamilyCase> {
    let (id, _, _, opened_at) = store::remains(row)?;
    Some(FamilyCase {
        id,
        opened_at: opened_at.unwrap_or(now),
        reason: "内容をこの画面に表示できません。".to_owned(),
        urgent: true,
        taken_at: None,
        visiting: false,
        ended: None,
        avoidable: false,
        words: "状況を確認しています。コールセンターにお電話でお尋ねください。".to_owned(),
    })
}

fn told_to_family(case: Case) -> FamilyCase {
    use crate::State as S;
    let visiting = matches!(case.state, S::VisitRequested { .. } | S::OnTheWay | S::Arrived | S::NobodyAnswers { .. });
    let ended = case.closed_at.zip(case.cause);
    let words = match (&case.state, ended) {
        // What a person tells is not told by a page first.
        (_, Some((_, Cause::FoundDead))) => "対応が終わりました。担当者からお電話でご連絡します。".to_owned(),
        (_, Some((_, cause))) => format!("対応が終わりました（{}）。", cause.ja()),
        (S::Detected, _) => "コールセンターが確認を始めるところです。".to_owned(),
        (S::Taken | S::CallingResident { .. }, _) => "コールセンターがご本人に電話で確認しています。".to_owned(),
        (S::CallingContacts, _) => "ご本人に電話がつながらないため、連絡先に順に電話しています。".to_owned(),
        (S::Ambulance, _) => "救急車を要請しました。電話でご連絡します。".to_owned(),
        (S::Reported { .. } | S::Consultation { .. }, _) => "ご本人の様子が確認され、対応を続けています。".to_owned(),
        _ => "訪問して確認するため、手配しています。".to_owned(),
    };
    FamilyCase {
        id: case.id,
        opened_at: case.opened_at,
        reason: case.reason,
        urgent: case.urgent,
        taken_at: case.taken_at,
        visiting,
        ended,
        avoidable: case.rule.heeds_absence() && case.cause.is_some_and(Cause::was_unannounced),
        words,
    }
}
