//! Rows in the database.

use base::{AccountId, Instant, OfficeId, Redacted, Role, SessionId};
use db::{DbError, Row, Sealed, Tx, Value, params};

use crate::rules::{self, Lifetime, Throttle, ThrottleKey};
use crate::{Account, AccountState, CodeHash, LoginName, NewAccount, PasswordHash, Session, TokenHash};

pub(crate) use requests::{
    asked_by, delete_request, ended, expired_requests, forget_ended, put_ended, put_request, requests, second_at,
    set_second_at,
};

mod requests;

/// The seeds of authenticators: of accounts, and those offered at an enrolment.
pub(crate) const SEED: Sealed = Sealed { table: "signin_account", id: "id", column: "totp_secret" };
pub(crate) const OFFERED_SEED: Sealed = Sealed { table: "signin_enrolment", id: "account_id", column: "totp_secret" };

const INSERT_ACCOUNTS: &str = "INSERT INTO signin_account
    (id, login, role, office_id, person_id, display_name, state, password_hash, totp_secret, totp_step, created_at, changed_at)";
const ACCOUNT: &str = "SELECT id, login, role, office_id, person_id, display_name, state, created_at, changed_at
    FROM signin_account WHERE id = $1";
const ACCOUNT_NAMED: &str = "SELECT id, login, role, office_id, person_id, display_name, state, created_at, changed_at
    FROM signin_account WHERE login = $1";
const ACCOUNTS_AFTER: &str = "SELECT id, login, role, office_id, person_id, display_name, state, created_at, changed_at
    FROM signin_account WHERE login > $1 ORDER BY login LIMIT $2";
const ACCOUNTS_OF_ROLE: &str =
    "SELECT id, login, role, office_id, person_id, display_name, state, created_at, changed_at
    FROM signin_account WHERE role = $1 AND state = 'active' ORDER BY login LIMIT $2";
const REVISE: &str =
    "UPDATE signin_account SET role = $2, office_id = $3, display_name = $4, changed_at = $5 WHERE id = $1";
const SET_STATE: &str = "UPDATE signin_account SET state = $2, changed_at = $3 WHERE id = $1";
const SECRET: &str = "SELECT password_hash, totp_secret, totp_step FROM signin_account WHERE id = $1";
const SET_SECRET: &str = "UPDATE signin_account
    SET password_hash = $2, totp_secret = $3, totp_step = $4, changed_at = $5 WHERE id = $1";
const SET_STEP: &str = "UPDATE signin_account SET totp_step = $2 WHERE id = $1";

const PUT_ENROLMENT: &str = "INSERT INTO signin_enrolment (account_id, code_hash, totp_secret, tries, expires_at)
    VALUES ($1, $2, NULL, 0, $3)";
const ENROLMENT: &str = "SELECT account_id, totp_secret, tries, expires_at FROM signin_enrolment WHERE code_hash = $1";
const SET_ENROLMENT_TOTP: &str = "UPDATE signin_enrolment SET totp_secret = $2 WHERE account_id = $1";
const COUNT_ENROLMENT_TRY: &str = "UPDATE signin_enrolment SET tries = tries + 1 WHERE account_id = $1";
const DELETE_ENROLMENT: &str = "DELETE FROM signin_enrolment WHERE account_id = $1";

const DELETE_RECOVERY: &str = "DELETE FROM signin_recovery WHERE account_id = $1";
const INSERT_RECOVERY: &str = "INSERT INTO signin_recovery (account_id, code_hash)";
const SPEND_RECOVERY: &str = "UPDATE signin_recovery SET used_at = $3
    WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL";
const RECOVERY_LEFT: &str = "SELECT COUNT(*) FROM signin_recovery WHERE account_id = $1 AND used_at IS NULL";

const PUT_PENDING: &str =
    "INSERT INTO signin_pending (token_hash, account_id, tries, expires_at) VALUES ($1, $2, 0, $3)";
const PENDING: &str = "SELECT account_id, tries, expires_at FROM signin_pending WHERE token_hash = $1";
const COUNT_PENDING_TRY: &str = "UPDATE signin_pending SET tries = tries + 1 WHERE token_hash = $1";
const DELETE_PENDING: &str = "DELETE FROM signin_pending WHERE token_hash = $1";
const KEEP_PENDING: &str = "DELETE FROM signin_pending WHERE account_id = $1 AND token_hash NOT IN
    (SELECT token_hash FROM signin_pending WHERE account_id = $1 ORDER BY expires_at DESC LIMIT $2)";

const PUT_SESSION: &str = "INSERT INTO signin_session
    (id, token_hash, account_id, device, started_at, last_seen_at, idle, ends_at) VALUES ($1, $2, $3, $4, $5, $5, $6, $7)";
const KEEP_SESSIONS: &str = "DELETE FROM signin_session WHERE account_id = $1 AND id NOT IN
    (SELECT id FROM signin_session WHERE account_id = $1 ORDER BY last_seen_at DESC, id DESC LIMIT $2) RETURNING id";
const BY_TOKEN: &str = "SELECT s.id, s.account_id, s.device, s.started_at, s.last_seen_at, s.idle, s.ends_at,
        a.id, a.login, a.role, a.office_id, a.person_id, a.display_name, a.state, a.created_at, a.changed_at
    FROM signin_session s JOIN signin_account a ON a.id = s.account_id
    WHERE s.token_hash = $1 AND a.state <> 'suspended'";
const OF_ACCOUNT: &str = "SELECT s.id, s.account_id, s.device, s.started_at, s.last_seen_at, s.idle, s.ends_at,
        a.id, a.login, a.role, a.office_id, a.person_id, a.display_name, a.state, a.created_at, a.changed_at
    FROM signin_session s JOIN signin_account a ON a.id = s.account_id
    WHERE s.account_id = $1 AND a.state <> 'suspended' ORDER BY s.last_seen_at DESC, s.id DESC";
const TOUCH: &str = "UPDATE signin_session SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
const DELETE_SESSION: &str = "DELETE FROM signin_session WHERE id = $1 AND account_id = $2";
const DELETE_OTHERS: &str = "DELETE FROM signin_session WHERE account_id = $1 AND id <> $2";
const EXPIRED: &str = "SELECT id, account_id FROM signin_session
    WHERE ends_at <= $1 OR last_seen_at + idle <= $1 ORDER BY id LIMIT $2";

const PUT_DEVICE: &str = "INSERT INTO signin_device (token_hash, account_id, until_at) VALUES ($1, $2, $3)";
const KEEP_DEVICES: &str = "DELETE FROM signin_device WHERE account_id = $1 AND token_hash NOT IN
    (SELECT token_hash FROM signin_device WHERE account_id = $1 ORDER BY until_at DESC LIMIT $2)";
const KNOWS_DEVICE: &str =
    "SELECT COUNT(*) FROM signin_device WHERE token_hash = $1 AND account_id = $2 AND until_at > $3";

const THROTTLE: &str = "SELECT failures, last_at, blocked_until FROM signin_throttle WHERE throttle_key = $1";
const PUT_THROTTLE: &str = "INSERT INTO signin_throttle (throttle_key, failures, last_at, blocked_until)
    VALUES ($1, $2, $3, $4) ON CONFLICT (throttle_key) DO UPDATE
    SET failures = excluded.failures, last_at = excluded.last_at, blocked_until = excluded.blocked_until";
const CLEAR_THROTTLE: &str = "DELETE FROM signin_throttle WHERE throttle_key = $1";

/// What [`crate::suspend_account`] and a re-issue take away at once.
const FORGET_ACCOUNT: [&str; 4] = [
    "DELETE FROM signin_session WHERE account_id = $1",
    "DELETE FROM signin_pending WHERE account_id = $1",
    "DELETE FROM signin_device WHERE account_id = $1",
    "DELETE FROM signin_enrolment WHERE account_id = $1",
];
const FORGET_EXPIRED: [&str; 3] = [
    "DELETE FROM signin_pending WHERE expires_at <= $1",
    "DELETE FROM signin_device WHERE until_at <= $1",
    "DELETE FROM signin_enrolment WHERE expires_at <= $1",
];
const FORGET_THROTTLES: &str = "DELETE FROM signin_throttle WHERE last_at <= $1";

/// What opens an account.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub password: Option<PasswordHash>,
    pub totp: Option<Redacted<[u8; 20]>>,
    /// The last step of the second factor that opened anything.
    pub totp_step: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Enrolment {
    pub account: AccountId,
    pub totp: Option<Redacted<[u8; 20]>>,
    pub tries: u32,
    pub expires_at: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub account: AccountId,
    pub tries: u32,
    pub expires_at: Instant,
}

pub(crate) fn insert_accounts(
    tx: &mut dyn Tx,
    new: &[NewAccount],
    state: AccountState,
    now: Instant,
) -> Result<(), DbError> {
    let row = |a: &NewAccount| -> Vec<Value> {
        params![
            a.id,
            a.login.as_str(),
            a.role.key(),
            a.office,
            a.person,
            a.display_name.expose(),
            state.key(),
            None::<String>,
            None::<Vec<u8>>,
            0i64,
            now,
            now
        ]
        .to_vec()
    };
    let rows: Vec<Vec<Value>> = new.iter().map(row).collect();
    tx.insert_rows(INSERT_ACCOUNTS, 12, &rows, "").map(drop)
}

pub(crate) fn account(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>, DbError> {
    tx.first(ACCOUNT, params![id])?.map(|r| account_at(&r, 0)).transpose()
}

/// Each once, however often its id is given.
pub(crate) fn accounts_of(tx: &mut dyn Tx, ids: &[AccountId]) -> Result<Vec<Account>, DbError> {
    let mut distinct = ids.to_vec();
    distinct.sort();
    distinct.dedup();
    tx.among(&ACCOUNT.replace("= $1", "{among}"), &[], &distinct)?.iter().map(|row| account_at(row, 0)).collect()
}

pub(crate) fn account_named(tx: &mut dyn Tx, login: &LoginName) -> Result<Option<Account>, DbError> {
    tx.first(ACCOUNT_NAMED, params![login.as_str()])?.map(|r| account_at(&r, 0)).transpose()
}

pub(crate) fn accounts_after(tx: &mut dyn Tx, after: &str, limit: usize) -> Result<Vec<Account>, DbError> {
    tx.list("account", ACCOUNTS_AFTER, params![after, limit], |r| account_at(r, 0))
}

pub(crate) fn accounts_of_role(tx: &mut dyn Tx, role: Role, limit: usize) -> Result<Vec<Account>, DbError> {
    tx.list("account", ACCOUNTS_OF_ROLE, params![role.key(), limit], |r| account_at(r, 0))
}

pub(crate) fn revise(
    tx: &mut dyn Tx,
    id: AccountId,
    role: Role,
    office: Option<OfficeId>,
    name: &str,
    now: Instant,
) -> Result<(), DbError> {
    tx.tell(REVISE, params![id, role.key(), office, name, now])
}

pub(crate) fn set_state(tx: &mut dyn Tx, id: AccountId, state: AccountState, now: Instant) -> Result<(), DbError> {
    tx.tell(SET_STATE, params![id, state.key(), now])
}

pub(crate) fn secret(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Secret>, DbError> {
    let Some(row) = tx.first(SECRET, params![id])? else { return Ok(None) };
    let password = row.get::<Option<String>>(0)?.map(|h| PasswordHash(h.into()));
    Ok(Some(Secret { password, totp: totp_at(tx, &SEED, id, &row, 1)?, totp_step: row.get(2)? }))
}

pub(crate) fn set_secret(tx: &mut dyn Tx, id: AccountId, secret: &Secret, now: Instant) -> Result<(), DbError> {
    let password = secret.password.as_ref().map(|p| p.0.expose().clone());
    let totp = secret.totp.as_ref().map(|t| tx.seal(&SEED, id.0.as_bytes(), t.expose())).transpose()?;
    tx.tell(SET_SECRET, params![id, password, totp, secret.totp_step, now])
}

pub(crate) fn set_totp_step(tx: &mut dyn Tx, id: AccountId, step: i64) -> Result<(), DbError> {
    tx.tell(SET_STEP, params![id, step])
}

pub(crate) fn put_enrolment(tx: &mut dyn Tx, id: AccountId, code: &CodeHash, until: Instant) -> Result<(), DbError> {
    tx.tell(PUT_ENROLMENT, params![id, code.0, until])
}

pub(crate) fn enrolment(tx: &mut dyn Tx, code: &CodeHash) -> Result<Option<Enrolment>, DbError> {
    let Some(row) = tx.first(ENROLMENT, params![code.0])? else { return Ok(None) };
    let account = row.get(0)?;
    let totp = totp_at(tx, &OFFERED_SEED, account, &row, 1)?;
    Ok(Some(Enrolment { account, totp, tries: row.get(2)?, expires_at: row.get(3)? }))
}

pub(crate) fn set_enrolment_totp(tx: &mut dyn Tx, id: AccountId, totp: &[u8; 20]) -> Result<(), DbError> {
    let sealed = tx.seal(&OFFERED_SEED, id.0.as_bytes(), totp)?;
    tx.tell(SET_ENROLMENT_TOTP, params![id, sealed])
}

pub(crate) fn count_enrolment_try(tx: &mut dyn Tx, id: AccountId) -> Result<(), DbError> {
    tx.tell(COUNT_ENROLMENT_TRY, params![id])
}

pub(crate) fn delete_enrolment(tx: &mut dyn Tx, id: AccountId) -> Result<(), DbError> {
    tx.tell(DELETE_ENROLMENT, params![id])
}

/// Replaces all recovery codes of the account.
pub(crate) fn put_recovery(tx: &mut dyn Tx, id: AccountId, codes: &[CodeHash]) -> Result<(), DbError> {
    tx.execute(DELETE_RECOVERY, params![id])?;
    let rows: Vec<Vec<Value>> = codes.iter().map(|c| params![id, c.0].to_vec()).collect();
    tx.insert_rows(INSERT_RECOVERY, 2, &rows, "").map(drop)
}

/// Whether the code was there and unused; it is used now.
pub(crate) fn spend_recovery(tx: &mut dyn Tx, id: AccountId, code: &CodeHash, now: Instant) -> Result<bool, DbError> {
    Ok(tx.execute(SPEND_RECOVERY, params![id, code.0, now])? == 1)
}

pub(crate) fn recovery_left(tx: &mut dyn Tx, id: AccountId) -> Result<usize, DbError> {
    tx.scalar(RECOVERY_LEFT, params![id])
}

/// Gives how many of the account's oldest had to end for it.
pub(crate) fn put_pending(tx: &mut dyn Tx, token: &TokenHash, id: AccountId, until: Instant) -> Result<u64, DbError> {
    tx.execute(PUT_PENDING, params![token.0, id, until])?;
    tx.execute(KEEP_PENDING, params![id, rules::PENDING_PER_ACCOUNT])
}

pub(crate) fn pending(tx: &mut dyn Tx, token: &TokenHash) -> Result<Option<Pending>, DbError> {
    let Some(row) = tx.first(PENDING, params![token.0])? else { return Ok(None) };
    Ok(Some(Pending { account: row.get(0)?, tries: row.get(1)?, expires_at: row.get(2)? }))
}

pub(crate) fn count_pending_try(tx: &mut dyn Tx, token: &TokenHash) -> Result<(), DbError> {
    tx.tell(COUNT_PENDING_TRY, params![token.0])
}

pub(crate) fn delete_pending(tx: &mut dyn Tx, token: &TokenHash) -> Result<(), DbError> {
    tx.tell(DELETE_PENDING, params![token.0])
}

/// Gives which of the account's oldest sessions had to end for it.
pub(crate) fn put_session(
    tx: &mut dyn Tx,
    s: &Session,
    token: &TokenHash,
    lifetime: Lifetime,
) -> Result<Vec<SessionId>, DbError> {
    let row = params![s.id, token.0, s.account, s.device.as_str(), s.started_at, lifetime.idle.0, s.absolute_end];
    tx.execute(PUT_SESSION, row)?;
    tx.query(KEEP_SESSIONS, params![s.account, rules::SESSIONS_PER_ACCOUNT])?.iter().map(|r| r.get(0)).collect()
}

pub(crate) fn session_by_token(tx: &mut dyn Tx, token: &TokenHash) -> Result<Option<Session>, DbError> {
    tx.first(BY_TOKEN, params![token.0])?.map(|r| session_of(&r)).transpose()
}

pub(crate) fn sessions_of(tx: &mut dyn Tx, id: AccountId) -> Result<Vec<Session>, DbError> {
    tx.list("account", OF_ACCOUNT, params![id], session_of)
}

pub(crate) fn touch(tx: &mut dyn Tx, id: SessionId, now: Instant) -> Result<(), DbError> {
    tx.tell(TOUCH, params![id, now])
}

pub(crate) fn delete_session(tx: &mut dyn Tx, id: SessionId, account: AccountId) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE_SESSION, params![id, account])? == 1)
}

pub(crate) fn delete_other_sessions(tx: &mut dyn Tx, account: AccountId, keep: SessionId) -> Result<u64, DbError> {
    tx.execute(DELETE_OTHERS, params![account, keep])
}

pub(crate) fn expired_sessions(
    tx: &mut dyn Tx,
    now: Instant,
    limit: usize,
) -> Result<Vec<(SessionId, AccountId)>, DbError> {
    tx.query(EXPIRED, params![now, limit])?.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

pub(crate) fn put_device(tx: &mut dyn Tx, token: &TokenHash, id: AccountId, until: Instant) -> Result<(), DbError> {
    tx.execute(PUT_DEVICE, params![token.0, id, until])?;
    tx.tell(KEEP_DEVICES, params![id, rules::DEVICES_PER_ACCOUNT])
}

pub(crate) fn knows_device(tx: &mut dyn Tx, id: AccountId, token: &TokenHash, now: Instant) -> Result<bool, DbError> {
    Ok(tx.scalar::<i64>(KNOWS_DEVICE, params![token.0, id, now])? > 0)
}

pub(crate) fn throttle(tx: &mut dyn Tx, key: &ThrottleKey) -> Result<Option<Throttle>, DbError> {
    let Some(row) = tx.first(THROTTLE, params![key.0])? else { return Ok(None) };
    Ok(Some(Throttle { failures: row.get(0)?, last: row.get(1)?, blocked_until: row.get(2)? }))
}

pub(crate) fn put_throttle(tx: &mut dyn Tx, key: &ThrottleKey, t: &Throttle) -> Result<(), DbError> {
    tx.tell(PUT_THROTTLE, params![key.0, t.failures, t.last, t.blocked_until])
}

pub(crate) fn clear_throttle(tx: &mut dyn Tx, key: &ThrottleKey) -> Result<(), DbError> {
    tx.tell(CLEAR_THROTTLE, params![key.0])
}

pub(crate) fn forget_account(tx: &mut dyn Tx, id: AccountId) -> Result<(), DbError> {
    FORGET_ACCOUNT.iter().try_for_each(|sql| tx.tell(sql, params![id]))
}

pub(crate) fn forget_expired(tx: &mut dyn Tx, now: Instant, failures_before: Instant) -> Result<(), DbError> {
    FORGET_EXPIRED.iter().try_for_each(|sql| tx.tell(sql, params![now]))?;
    tx.tell(FORGET_THROTTLES, params![failures_before])
}

fn account_at(row: &Row, from: usize) -> Result<Account, DbError> {
    Ok(Account {
        id: row.get(from)?,
        login: row.word(from + 1, |text| LoginName::parse(text).ok())?,
        role: row.word(from + 2, Role::from_key)?,
        office: row.get(from + 3)?,
        person: row.get(from + 4)?,
        display_name: row.get::<String>(from + 5)?.into(),
        state: row.word(from + 6, AccountState::from_key)?,
        created_at: row.get(from + 7)?,
        changed_at: row.get(from + 8)?,
    })
}

fn session_of(row: &Row) -> Result<Session, DbError> {
    let id: SessionId = row.get(0)?;
    let account = account_at(row, 7)?;
    let last_seen_at: Instant = row.get(4)?;
    Ok(Session {
        id,
        account: account.id,
        actor: account.actor(&id.to_string()),
        display_name: account.display_name,
        device: row.get(2)?,
        started_at: row.get(3)?,
        last_seen_at,
        idle_end: last_seen_at + base::Span(row.get(5)?),
        absolute_end: row.get(6)?,
    })
}

fn totp_at(
    tx: &mut dyn Tx,
    at: &Sealed,
    id: AccountId,
    row: &Row,
    column: usize,
) -> Result<Option<Redacted<[u8; 20]>>, DbError> {
    let Some(stored) = row.get::<Option<Vec<u8>>>(column)? else { return Ok(None) };
    let bytes = tx.unseal(at, id.0.as_bytes(), &stored)?;
    let secret: [u8; 20] = bytes.try_into().map_err(|_| DbError::Shape { column, wanted: "20 bytes" })?;
    Ok(Some(Redacted::new(secret)))
}
