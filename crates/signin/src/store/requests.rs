//! Rows of what waits for a second administrator, and when a session showed its second factor.

use base::{AccountId, Instant, Role, SessionId};
use db::{DbError, Row, Tx, params};
use uuid::Uuid;

use crate::rules;
use crate::{AccountState, EndedRequest, LoginName, Request, RequestChange, RequestedAct};

const PUT_REQUEST: &str = "INSERT INTO signin_request
    (id, account_id, act, login, role, office_id, display_name, state, asked_by, asked_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
macro_rules! requests {
    ($which:literal) => {
        concat!(
            "SELECT id, account_id, act, login, role, office_id, display_name, state, asked_by, asked_at, expires_at
            FROM signin_request WHERE ",
            $which,
            " ORDER BY asked_at, id LIMIT $2"
        )
    };
}
const REQUESTS: &str = requests!("expires_at > $1");
const EXPIRED_REQUESTS: &str = requests!("expires_at <= $1");
const ASKED_BY: &str = requests!("asked_by = $1");
const DELETE_REQUEST: &str = "DELETE FROM signin_request WHERE id = $1";
const PUT_ENDED: &str = "INSERT INTO signin_request_ended
    (id, account_id, act, login, display_name, asked_by, change, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const ENDED: &str = "SELECT id, act, login, display_name, change, ended_at FROM signin_request_ended
    WHERE asked_by = $1 AND ended_at >= $2 ORDER BY ended_at DESC, id DESC LIMIT $3";
const FORGET_ENDED: &str = "DELETE FROM signin_request_ended WHERE ended_at < $1";
const SECOND_AT: &str = "SELECT second_at FROM signin_session WHERE id = $1 AND account_id = $2";
const SET_SECOND_AT: &str = "UPDATE signin_session SET second_at = $3 WHERE id = $1 AND account_id = $2";

pub(crate) fn put_request(tx: &mut dyn Tx, r: &Request) -> Result<(), DbError> {
    let (act, login, role) = (r.act.key(), r.login.as_str(), r.role.key());
    let (name, state) = (r.display_name.expose().as_str(), r.state.map(AccountState::key));
    let row = params![r.id, r.account, act, login, role, r.office, name, state, r.asked_by, r.asked_at, r.expires_at];
    tx.tell(PUT_REQUEST, row)
}

pub(crate) fn requests(tx: &mut dyn Tx, now: Instant) -> Result<Vec<Request>, DbError> {
    tx.query(REQUESTS, params![now, rules::REQUESTS_WAITING])?.iter().map(request_at).collect()
}

/// Those nobody agreed to in time.
pub(crate) fn expired_requests(tx: &mut dyn Tx, now: Instant) -> Result<Vec<Request>, DbError> {
    tx.query(EXPIRED_REQUESTS, params![now, rules::REQUESTS_WAITING])?.iter().map(request_at).collect()
}

pub(crate) fn asked_by(tx: &mut dyn Tx, asker: AccountId) -> Result<Vec<Request>, DbError> {
    tx.query(ASKED_BY, params![asker, rules::REQUESTS_WAITING])?.iter().map(request_at).collect()
}

pub(crate) fn delete_request(tx: &mut dyn Tx, id: Uuid) -> Result<(), DbError> {
    tx.tell(DELETE_REQUEST, params![id])
}

pub(crate) fn put_ended(tx: &mut dyn Tx, r: &Request, change: RequestChange, now: Instant) -> Result<(), DbError> {
    let (act, login, name) = (r.act.key(), r.login.as_str(), r.display_name.expose().as_str());
    tx.tell(PUT_ENDED, params![r.id, r.account, act, login, name, r.asked_by, change.key(), now])
}

/// What became of what somebody asked, the newest first.
pub(crate) fn ended(tx: &mut dyn Tx, asker: AccountId, since: Instant) -> Result<Vec<EndedRequest>, DbError> {
    tx.list("signin_request_ended", ENDED, params![asker, since, rules::ENDED_ROWS], |row| {
        Ok(EndedRequest {
            act: row.word(1, RequestedAct::from_key)?,
            login: row.word(2, |text| LoginName::parse(text).ok())?,
            display_name: row.get::<String>(3)?.into(),
            change: row.word(4, RequestChange::from_key)?,
            at: row.get(5)?,
        })
    })
}

pub(crate) fn forget_ended(tx: &mut dyn Tx, before: Instant) -> Result<(), DbError> {
    tx.tell(FORGET_ENDED, params![before])
}

pub(crate) fn second_at(tx: &mut dyn Tx, id: SessionId, account: AccountId) -> Result<Option<Instant>, DbError> {
    match tx.first(SECOND_AT, params![id, account])? {
        Some(row) => row.get(0),
        None => Ok(None),
    }
}

pub(crate) fn set_second_at(tx: &mut dyn Tx, id: SessionId, account: AccountId, now: Instant) -> Result<(), DbError> {
    tx.tell(SET_SECOND_AT, params![id, account, now])
}

fn request_at(row: &Row) -> Result<Request, DbError> {
    Ok(Request {
        id: row.get(0)?,
        account: row.get(1)?,
        act: row.word(2, RequestedAct::from_key)?,
        login: row.word(3, |text| LoginName::parse(text).ok())?,
        role: row.word(4, Role::from_key)?,
        office: row.get(5)?,
        display_name: row.get::<String>(6)?.into(),
        state: row.get::<Option<String>>(7)?.map(|_| row.word(7, AccountState::from_key)).transpose()?,
        asked_by: row.get(8)?,
        asked_at: row.get(9)?,
        expires_at: row.get(10)?,
    })
}
