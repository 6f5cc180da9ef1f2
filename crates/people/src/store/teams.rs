use base::{Instant, PersonId, StaffId};
use db::{DbError, Row, Tx, params};
use uuid::Uuid;

use crate::{TeamMember, TeamPart};

/// All columns, in the order in which a row is read.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, person_id, staff_id, part, since, invited_by FROM people_team_member ", $rest)
    };
}

const INSERT: &str =
    "INSERT INTO people_team_member (id, person_id, staff_id, part, since, invited_by) VALUES ($1, $2, $3, $4, $5, $6)";
const END: &str = "UPDATE people_team_member SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
const GET_OPEN: &str = select!("WHERE id = $1 AND ended_at IS NULL");
const OPEN_OF: &str = select!("WHERE person_id = $1 AND ended_at IS NULL ORDER BY since, id");
const OPEN_OF_STAFF: &str = select!("WHERE staff_id = $1 AND ended_at IS NULL ORDER BY since, id");

pub fn insert(tx: &mut dyn Tx, m: &TeamMember) -> Result<(), DbError> {
    tx.tell(INSERT, params![m.membership, m.person, m.staff, m.part.key(), m.since, m.invited_by])
}

pub fn end(tx: &mut dyn Tx, membership: Uuid, at: Instant) -> Result<(), DbError> {
    tx.tell(END, params![membership, at])
}

pub fn get_open(tx: &mut dyn Tx, membership: Uuid) -> Result<Option<TeamMember>, DbError> {
    tx.first(GET_OPEN, params![membership])?.as_ref().map(member).transpose()
}

pub fn open_of(tx: &mut dyn Tx, person: PersonId) -> Result<Vec<TeamMember>, DbError> {
    tx.list("care_team", OPEN_OF, params![person], member)
}

pub fn open_of_staff(tx: &mut dyn Tx, staff: StaffId) -> Result<Vec<TeamMember>, DbError> {
    tx.list("care_team", OPEN_OF_STAFF, params![staff], member)
}

fn member(row: &Row) -> Result<TeamMember, DbError> {
    Ok(TeamMember {
        membership: row.get(0)?,
        person: row.get(1)?,
        staff: row.get(2)?,
        part: row.word(3, TeamPart::from_key)?,
        since: row.get(4)?,
        invited_by: row.get(5)?,
    })
}
