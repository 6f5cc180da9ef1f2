//! Alerts.

use base::{AlertId, Instant, PersonId};
use db::{DbError, Row, Tx, Value, params};
use people::Relation;

use crate::{Alert, AlertState, Answer, AnswerWay, Answered, Cause, Level, Rule};

const WHOSE: &str = "SELECT person_id FROM watch_alert WHERE id = $1";
const COLUMNS: &str = "a.id, a.home_id, a.person_id, a.level, a.rule, d.id, a.due_at, a.raised_at, a.reason, a.state,
    a.sign_at, a.ended_at, a.cause, a.answer, a.answer_from, a.answer_relation, a.answer_way";
const FROM: &str = "FROM watch_alert a LEFT JOIN watch_device d ON d.no = a.device_no";
const INSERT: &str =
    "INSERT INTO watch_alert (id, home_no, home_id, person_id, level, rule, device_no, due_at, raised_at, reason,
    state, sign_at, ended_at, cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, NULL)";
const END: &str = "UPDATE watch_alert SET state = $2, ended_at = $3 WHERE id = $1 AND state = 'standing'";
const CLOSE: &str = "UPDATE watch_alert SET state = 'closed', ended_at = $2, cause = $3 WHERE id = $1";
const ANSWER: &str = "UPDATE watch_alert SET answer = $2, answer_from = $3, answer_relation = $4, answer_way = $5
    WHERE id = $1";
const ANSWER_OF: &str = "SELECT answer, answer_from, answer_relation, answer_way FROM watch_alert WHERE id = $1";
const SIGN: &str = "UPDATE watch_alert SET sign_at = $2 WHERE id = $1 AND sign_at IS NULL";
const HOME_NO: &str = "SELECT home_no FROM watch_alert WHERE id = $1";
const STANDING: &str = "SELECT home_no, id FROM watch_alert WHERE state = 'standing'";
// The causes of `Cause::was_unannounced`.
const FOUND_AWAY: &str = "SELECT home_no, MAX(raised_at) FROM watch_alert
    WHERE state = 'closed' AND cause IN ('was_out', 'unknown_absence')";
const ENDED: &str = "SELECT level, rule, state, cause, answer FROM watch_alert
    WHERE home_no = $1 AND raised_at >= $2";
const QUESTIONS: &str = "SELECT home_no, state, COUNT(*) FROM watch_alert WHERE raised_at >= $1 AND level = 'notice'
    AND rule = 'inactivity' AND state IN ('answered', 'raised') GROUP BY home_no, state";

pub(crate) fn insert(tx: &mut dyn Tx, a: &Alert, home: u32, device: Option<u32>) -> Result<(), DbError> {
    let row = params![
        a.id,
        home,
        a.home,
        a.person,
        a.level.key(),
        a.rule.key(),
        device,
        a.due_at,
        a.raised_at,
        &a.reason,
        a.state.key()
    ];
    tx.tell(INSERT, row)?;
    a.answer.map_or(Ok(()), |said| note_answer(tx, a.id, &said))
}

pub(crate) fn end(tx: &mut dyn Tx, alert: AlertId, state: AlertState, at: Instant) -> Result<(), DbError> {
    tx.tell(END, params![alert, state.key(), at])
}

pub(crate) fn close(tx: &mut dyn Tx, alert: AlertId, cause: Cause, at: Instant) -> Result<(), DbError> {
    tx.tell(CLOSE, params![alert, at, cause.key()])
}

pub(crate) fn note_answer(tx: &mut dyn Tx, alert: AlertId, said: &Answered) -> Result<(), DbError> {
    let relation = said.relation.map(Relation::key);
    tx.tell(ANSWER, params![alert, said.answer.key(), said.from, relation, said.way.key()])
}

/// Who answered, and nothing else that would have to be read.
pub(crate) fn answer_of(tx: &mut dyn Tx, alert: AlertId) -> Result<Option<Answered>, DbError> {
    tx.first(ANSWER_OF, params![alert])?.map_or(Ok(None), |row| answered(&row, 0))
}

pub(crate) fn note_sign(tx: &mut dyn Tx, alert: AlertId, at: Instant) -> Result<(), DbError> {
    tx.tell(SIGN, params![alert, at])
}

/// Whom it is about, and nothing else that would have to be read.
pub(crate) fn whose(tx: &mut dyn Tx, alert: AlertId) -> Result<Option<PersonId>, DbError> {
    tx.first(WHOSE, params![alert])?.map(|r| r.get(0)).transpose()
}

pub(crate) fn one(tx: &mut dyn Tx, alert: AlertId) -> Result<Option<Alert>, DbError> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE a.id = $1");
    tx.first(&sql, params![alert])?.as_ref().map(read).transpose()
}

pub(crate) fn home_no(tx: &mut dyn Tx, alert: AlertId) -> Result<u32, DbError> {
    tx.scalar(HOME_NO, params![alert])
}

/// The newest alerts of a home raised since `since`, newest first.
pub(crate) fn of_home(tx: &mut dyn Tx, home: u32, since: Instant, limit: usize) -> Result<Vec<Alert>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE a.home_no = $1 AND a.raised_at >= $2 ORDER BY a.raised_at DESC LIMIT $3"
    );
    tx.list("watch_alert", &sql, params![home, since, limit], read)
}

pub(crate) fn standing_of_home(tx: &mut dyn Tx, home: u32) -> Result<Vec<Alert>, DbError> {
    let sql =
        format!("SELECT {COLUMNS} {FROM} WHERE a.home_no = $1 AND a.state = 'standing' ORDER BY a.raised_at DESC");
    tx.list("watch_alert", &sql, params![home], read)
}

/// Every alert and notice that stands, oldest first.
pub(crate) fn standing_of_all(tx: &mut dyn Tx) -> Result<Vec<Alert>, DbError> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE a.state = 'standing' ORDER BY a.raised_at, a.id");
    tx.list("watch_alert", &sql, &[], read)
}

/// Alerts that nobody took up, oldest first, within a condition; the last of the values is the limit.
pub(crate) fn unanswered(tx: &mut dyn Tx, within: &str, values: &[Value]) -> Result<Vec<Alert>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} JOIN watch_unanswered u ON u.alert_id = a.id WHERE {within} \
         ORDER BY a.raised_at, a.id LIMIT ${}",
        values.len()
    );
    tx.list("watch_alert", &sql, values, read)
}

/// (home, alert) of all alerts that stand, of one home or of all.
pub(crate) fn standing(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<(u32, AlertId)>, DbError> {
    let rows = match home {
        Some(no) => tx.query(&format!("{STANDING} AND home_no = $1"), params![no])?,
        None => tx.query(STANDING, &[])?,
    };
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// When the newest alert of a home was raised of which its case found out that the person was away; of one home or of all.
pub(crate) fn found_away(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<(u32, Instant)>, DbError> {
    let rows = match home {
        Some(no) => tx.query(&format!("{FOUND_AWAY} AND home_no = $1 GROUP BY home_no"), params![no])?,
        None => tx.query(&format!("{FOUND_AWAY} GROUP BY home_no"), &[])?,
    };
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// How many notices of silence in each home were answered, and how many became alerts.
pub(crate) fn questions(tx: &mut dyn Tx, since: Instant) -> Result<Vec<(u32, AlertState, u32)>, DbError> {
    let read = |r: &Row| Ok((r.get(0)?, r.word(1, AlertState::from_key)?, r.get(2)?));
    tx.list("watch_alert", QUESTIONS, params![since], read)
}

/// What was told, and how it ended.
pub(crate) type Told = (Level, Rule, AlertState, Option<Cause>, Option<Answer>);

/// How the home's alerts since `since` ended.
pub(crate) fn ends(tx: &mut dyn Tx, home: u32, since: Instant) -> Result<Vec<Told>, DbError> {
    let read = |r: &Row| {
        let (rule, state) = (r.word(1, Rule::from_key)?, r.word(2, AlertState::from_key)?);
        Ok((level(r, 0)?, rule, state, cause(r, 3)?, maybe(r, 4, Answer::from_key)?))
    };
    tx.list("watch_alert", ENDED, params![home, since], read)
}

fn read(row: &Row) -> Result<Alert, DbError> {
    Ok(Alert {
        id: row.get(0)?,
        home: row.get(1)?,
        person: row.get(2)?,
        level: level(row, 3)?,
        rule: row.word(4, Rule::from_key)?,
        device: row.get(5)?,
        due_at: row.get(6)?,
        raised_at: row.get(7)?,
        reason: row.get(8)?,
        state: row.word(9, AlertState::from_key)?,
        sign_at: row.get(10)?,
        ended_at: row.get(11)?,
        cause: cause(row, 12)?,
        answer: answered(row, 13)?,
    })
}

/// Four columns; NULL in those of a row from before they were there.
fn answered(row: &Row, column: usize) -> Result<Option<Answered>, DbError> {
    let Some(answer) = maybe(row, column, Answer::from_key)? else { return Ok(None) };
    Ok(Some(Answered {
        answer,
        from: row.get(column + 1)?,
        relation: maybe(row, column + 2, Relation::from_key)?,
        way: row.word(column + 3, AnswerWay::from_key)?,
    }))
}

fn level(row: &Row, column: usize) -> Result<Level, DbError> {
    row.word(column, |key| [Level::Notice, Level::Alert].into_iter().find(|l| l.key() == key))
}

fn cause(row: &Row, column: usize) -> Result<Option<Cause>, DbError> {
    maybe(row, column, Cause::from_key)
}

fn maybe<T>(row: &Row, column: usize, word: impl Fn(&str) -> Option<T>) -> Result<Option<T>, DbError> {
    match row.get::<Option<String>>(column)? {
        None => Ok(None),
        Some(_) => row.word(column, word).map(Some),
    }
}
