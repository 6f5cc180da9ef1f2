//! Lists over all homes: lines in trouble, homes under watch.

use std::collections::HashMap;

use base::{HomeId, Instant, PersonId};
use db::{DbError, Tx};
use uuid::Uuid;

use super::history;
use crate::LineCause;
use crate::upkeep::LineTrouble;

const FAULTS: &str = "SELECT f.id, h.home_id, f.began_at, f.noticed_at, f.outage_id, f.cause FROM watch_line_fault f
    JOIN watch_home h ON h.no = f.home_no WHERE f.ended_at IS NULL ORDER BY f.noticed_at DESC, f.id";
const WATCHED: &str = "SELECT h.no, h.home_id FROM watch_home h JOIN watch_contract c ON c.home_no = h.no
    WHERE c.ended_at IS NULL ORDER BY h.no";

const PERSONS_OF_HOMES: &str =
    "SELECT h.home_id, c.person_id FROM watch_contract c JOIN watch_home h ON h.no = c.home_no
    WHERE c.ended_at IS NULL";

pub(crate) fn line_troubles(tx: &mut dyn Tx) -> Result<Vec<LineTrouble>, DbError> {
    let mut troubles = Vec::new();
    let mut members: Vec<(Uuid, HomeId)> = Vec::new();
    let mut alone = Vec::new();
    for row in tx.query(FAULTS, &[])? {
        let home: HomeId = row.get(1)?;
        match row.get::<Option<Uuid>>(4)? {
            Some(outage) => members.push((outage, home)),
            None => {
                let (began_at, noticed_at): (Instant, Instant) = (row.get(2)?, row.get(3)?);
                let cause = row.get::<Option<String>>(5)?.and_then(|key| LineCause::from_key(&key));
                alone.push(LineTrouble::Fault { id: row.get(0)?, home, began_at, noticed_at, cause });
            }
        }
    }
    for (id, shared, name, began_at) in history::open_outages(tx)? {
        let homes: Vec<HomeId> = members.iter().filter(|(outage, _)| *outage == id).map(|(_, home)| *home).collect();
        if homes.is_empty() {
            continue; // Its gateways were taken out of use while it lasted.
        }
        troubles.push(LineTrouble::Outage { id, shared, name, began_at, homes });
    }
    troubles.extend(alone);
    Ok(troubles)
}

pub(crate) fn watched_homes(tx: &mut dyn Tx) -> Result<Vec<(u32, HomeId)>, DbError> {
    tx.query(WATCHED, &[])?.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Who is watched in which home, within reach.
pub(crate) fn persons_of_homes(tx: &mut dyn Tx, scope: &access::Scope) -> Result<HashMap<HomeId, PersonId>, DbError> {
    let (within, values) = scope.filter_all("c.person_id", 1);
    let rows = tx.query(&format!("{PERSONS_OF_HOMES} AND {within}"), &values)?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
