//! Whose a case is: who may act while somebody holds it, and who is told when its limit is over. Pure.

use base::StaffId;
use uuid::Uuid;

use crate::{Rung, State};

/// What a command needs of the one who holds the case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// Two people at this would get in each other's way: calls, requests, help.
    Desk,
    /// The end of a case, the consultation: of whoever is responsible, but never past an operator who has it.
    Outcome,
    /// Must never wait for anybody: an ambulance, what a visitor found.
    Free,
}

/// Whether the holder of the case lets this actor act. A case that nobody holds must be taken first by whoever works
/// at the desk. `decides`: whoever is responsible for the person, whoever holds the case; and the program itself.
pub fn may_act(hold: Hold, decides: bool, me: Uuid, holder: Option<StaffId>) -> Result<(), Blocked> {
    let mine = holder.is_some_and(|h| h.0 == me);
    match holder {
        _ if mine || hold == Hold::Free || decides => Ok(()),
        Some(holder) => Err(Blocked::HeldBy(holder)),
        None => Err(Blocked::TakeFirst),
    }
}

/// Why the holder does not let somebody act; the verb adds the holder's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocked {
    HeldBy(StaffId),
    TakeFirst,
}

/// Who is told next when the limit of a step is over, given who was told last and who exists. The top is told again
/// and again; the city is told even if nobody was named for it, because its list shows every overdue case.
pub fn next_rung(state: &State, told: Option<Rung>, exists: impl Fn(Rung) -> bool) -> Option<Rung> {
    let first = state.row().first_told?;
    let from = told.map_or(first, |last| above(last).max(first));
    Some(Rung::ALL.iter().copied().filter(|r| *r >= from).find(|r| exists(*r)).unwrap_or(Rung::City))
}

fn above(rung: Rung) -> Rung {
    Rung::ALL.iter().copied().find(|r| *r > rung).unwrap_or(Rung::City)
}
