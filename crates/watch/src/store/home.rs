//! Watched homes, contracts, settings.

use base::{HomeId, Instant, PersonId};
use db::{DbError, Row, Tx, Value, params};
use uuid::Uuid;

use crate::settings::Changes;

const NO: &str = "SELECT no FROM watch_home WHERE home_id = $1";
const NEXT: &str = "SELECT COALESCE(MAX(no), 0) + 1 FROM watch_home";
const INSERT: &str = "INSERT INTO watch_home (no, home_id, area, reassured_at) VALUES ($1, $2, $3, NULL)";
const AREA: &str = "UPDATE watch_home SET area = $2 WHERE no = $1";
const REASSURE: &str = "UPDATE watch_home SET reassured_at = $2
    WHERE no = $1 AND (reassured_at IS NULL OR reassured_at < $2)";
const HOMES: &str = "SELECT h.no, h.home_id, h.reassured_at, c.person_id, c.begun_at
    FROM watch_home h LEFT JOIN watch_contract c ON c.home_no = h.no AND c.ended_at IS NULL WHERE 1 = 1";
const BEGIN: &str = "INSERT INTO watch_contract (id, home_no, person_id, begun_at, ended_at, end_reason)
    VALUES ($1, $2, $3, $4, NULL, NULL)";
const END: &str = "UPDATE watch_contract SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL";
const CONTRACT_COLUMNS: &str = "c.id, h.home_id, c.person_id, c.begun_at, c.ended_at, c.end_reason, c.home_no";
const CONTRACT_FROM: &str = "FROM watch_contract c JOIN watch_home h ON h.no = c.home_no";
const WATCHED: &str = "SELECT DISTINCT person_id FROM watch_contract WHERE ended_at IS NULL ORDER BY person_id";
const SETTINGS: &str = "SELECT home_no, body FROM watch_setting WHERE 1 = 1";
const SET: &str = "INSERT INTO watch_setting (home_no, body) VALUES ($1, $2)
    ON CONFLICT (home_no) DO UPDATE SET body = excluded.body";

/// The settings of all homes stand under this number.
pub(crate) const REGION: u32 = 0;

/// The watch of one person in one home.
#[derive(Clone, PartialEq, Debug)]
pub struct Contract {
    pub id: Uuid,
    pub home: HomeId,
    pub person: PersonId,
    pub begun_at: Instant,
    pub ended_at: Option<Instant>,
    pub end_reason: Option<String>,
}

pub(crate) struct HomeRow {
    pub no: u32,
    pub id: HomeId,
    pub reassured_at: Option<Instant>,
    /// Of the running contract.
    pub person: Option<PersonId>,
    pub begun_at: Option<Instant>,
}

pub(crate) fn no_of(tx: &mut dyn Tx, home: HomeId) -> Result<Option<u32>, DbError> {
    tx.first(NO, params![home])?.map(|r| r.get(0)).transpose()
}

/// The number of a home; a home seen for the first time gets one.
pub(crate) fn enrol(tx: &mut dyn Tx, home: HomeId, area: &str) -> Result<u32, DbError> {
    if let Some(no) = no_of(tx, home)? {
        tx.execute(AREA, params![no, area])?;
        return Ok(no);
    }
    let no: u32 = tx.scalar(NEXT, &[])?;
    tx.execute(INSERT, params![no, home, area])?;
    Ok(no)
}

pub(crate) fn reassure(tx: &mut dyn Tx, no: u32, at: Instant) -> Result<(), DbError> {
    tx.tell(REASSURE, params![no, at])
}

/// One home, or all.
pub(crate) fn homes(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<HomeRow>, DbError> {
    let (sql, values) = narrowed(HOMES, "h.no", home);
    let read = |r: &Row| {
        Ok(HomeRow { no: r.get(0)?, id: r.get(1)?, reassured_at: r.get(2)?, person: r.get(3)?, begun_at: r.get(4)? })
    };
    tx.list("watch_home", &sql, &values, read)
}

fn narrowed(sql: &str, column: &str, home: Option<u32>) -> (String, Vec<Value>) {
    match home {
        Some(no) => (format!("{sql} AND {column} = $1"), vec![no.into()]),
        None => (sql.to_owned(), vec![]),
    }
}

pub(crate) fn begin(tx: &mut dyn Tx, home: u32, c: &Contract) -> Result<(), DbError> {
    tx.tell(BEGIN, params![c.id, home, c.person, c.begun_at])
}

pub(crate) fn end(tx: &mut dyn Tx, contract: Uuid, at: Instant, reason: &str) -> Result<(), DbError> {
    tx.tell(END, params![contract, at, reason])
}

/// The running contract of a home.
pub(crate) fn contract_of_home(tx: &mut dyn Tx, home: HomeId) -> Result<Option<Contract>, DbError> {
    let sql = format!("SELECT {CONTRACT_COLUMNS} {CONTRACT_FROM} WHERE h.home_id = $1 AND c.ended_at IS NULL");
    tx.first(&sql, params![home])?.as_ref().map(read_contract).transpose()
}

/// Contracts of a person, newest first; running ones have no end.
pub(crate) fn contracts_of_person(tx: &mut dyn Tx, person: PersonId) -> Result<Vec<Contract>, DbError> {
    let sql =
        format!("SELECT {CONTRACT_COLUMNS} {CONTRACT_FROM} WHERE c.person_id = $1 ORDER BY c.begun_at DESC LIMIT 50");
    tx.query(&sql, params![person])?.iter().map(read_contract).collect()
}

/// Persons with a running contract.
pub(crate) fn watched_persons(tx: &mut dyn Tx) -> Result<Vec<PersonId>, DbError> {
    tx.query(WATCHED, &[])?.iter().map(|r| r.get(0)).collect()
}

fn read_contract(row: &Row) -> Result<Contract, DbError> {
    Ok(Contract {
        id: row.get(0)?,
        home: row.get(1)?,
        person: row.get(2)?,
        begun_at: row.get(3)?,
        ended_at: row.get(4)?,
        end_reason: row.get(5)?,
    })
}

/// The changes of the region (number [`REGION`]) and of homes; of one number, or of all.
pub(crate) fn changes(tx: &mut dyn Tx, home: Option<u32>) -> Result<Vec<(u32, Changes)>, DbError> {
    let (sql, values) = narrowed(SETTINGS, "home_no", home);
    let read = |r: &Row| {
        let body: String = r.get(1)?;
        let changes = serde_json::from_str(&body).map_err(|_| DbError::Shape { column: 1, wanted: "Changes" })?;
        Ok((r.get(0)?, changes))
    };
    tx.list("watch_setting", &sql, &values, read)
}

pub(crate) fn set(tx: &mut dyn Tx, no: u32, changes: &Changes) -> Result<(), DbError> {
    let body = serde_json::to_string(changes).map_err(|e| DbError::Engine(e.to_string()))?;
    tx.tell(SET, params![no, body])
}
