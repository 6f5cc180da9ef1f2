//! What a reader may do with a case, and whom they can turn to: asked by the pages that draw the buttons, answered by
//! the rules that the verbs obey. A button that is not offered here would only be refused.

use access::{Act, Shown};
use base::{Ctx, PersonId, StaffId};
use db::Tx;
use people::{Staff, StaffState, TeamPart};
use uuid::Uuid;

use crate::duty::{Hold, may_act};
use crate::{Case, ResponseError};

/// What the reader may do with this person and this case.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct May {
    /// The case is theirs: calls, requests, help.
    pub desk: bool,
    /// Ends and outcomes: of the holder, and of whoever is responsible outside the call centre.
    pub outcome: bool,
    pub take: bool,
    pub close: bool,
    pub consult: bool,
    pub answer: bool,
    /// What doctors were asked and answered.
    pub read: bool,
}

pub fn may(ctx: &Ctx, tx: &mut dyn Tx, case: &Case) -> May {
    let mut may = |act| access::may(ctx, tx, act, case.person);
    if !case.open() {
        return May::default();
    }
    let held = held(may(Act::DecideCase), ctx.actor.id, case.holder);
    let works = may(Act::WorkCase);
    let outcome = works && held.outcome;
    May {
        desk: works && held.desk,
        outcome,
        take: works && held.take,
        close: outcome && may(Act::CloseCase),
        consult: outcome && may(Act::WriteNote),
        answer: may(Act::AnswerNote),
        read: works && may(Act::SeeNotes),
    }
}

/// What whoever holds the case leaves to this reader.
fn held(decides: bool, me: Uuid, holder: Option<StaffId>) -> May {
    let lets = |hold| may_act(hold, decides && hold == Hold::Outcome, me, holder).is_ok();
    let mine = holder.is_some_and(|h| h.0 == me);
    May { desk: mine && lets(Hold::Desk), outcome: lets(Hold::Outcome), take: !mine, ..May::default() }
}

/// Those to whom the reader can hand a case over.
pub fn colleagues(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<Staff>, ResponseError> {
    let Some(office) = ctx.actor.office else { return Ok(vec![]) };
    let staff = people::staff_of_office(tx, office)?;
    Ok(staff.into_iter().filter(|s| is_colleague(ctx, s)).collect())
}

/// Works in the same office at the same, now.
pub(crate) fn is_colleague(ctx: &Ctx, staff: &Staff) -> bool {
    Some(staff.office) == ctx.actor.office
        && staff.role == ctx.actor.role
        && staff.state == StaffState::Active
        && staff.id.0 != ctx.actor.id
}

/// The doctors of the team who can be asked, the attending one first.
pub fn doctors_to_ask(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
) -> Result<Shown<Vec<(TeamPart, Staff)>>, ResponseError> {
    let (mut team, witnesses) = people::team(ctx, tx, person)?.into_parts();
    team.retain(|member| matches!(member.part, TeamPart::AttendingDoctor | TeamPart::Doctor));
    let known = people::colleagues(tx, &team)?.into_iter().map(|known| (known.member.part, known.staff));
    let mut doctors: Vec<(TeamPart, Staff)> = known.collect();
    doctors.sort_by_key(|(part, _)| *part != TeamPart::AttendingDoctor);
    Ok(Shown::new(doctors, witnesses))
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.6.1 what a page may offer is asked of the capability
    #[test]
    fn what_is_offered_follows_the_holder_and_who_decides() {
        let me = Uuid::from_u128(1);
        let (mine, other) = (Some(StaffId(me)), Some(StaffId(Uuid::from_u128(2))));
        for (decides, holder, desk, outcome, take) in [
            (false, None, false, false, true),
            (false, mine, true, true, false),
            (false, other, false, false, true),
            (true, None, false, true, true),
            (true, mine, true, true, false),
            (true, other, false, true, true),
        ] {
            let expected = May { desk, outcome, take, ..May::default() };
            assert_eq!(held(decides, me, holder), expected, "{decides} {holder:?}");
        }
    }
}
