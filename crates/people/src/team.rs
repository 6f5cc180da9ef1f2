//! ケアチーム: who works together for one resident. A membership opens a `care_team` grant, as far and as long as the
//! resident consents to sharing (医療介護共有); its end closes it at once.

use std::collections::{BTreeMap, BTreeSet};

use access::{Act, FOREVER, Grant, Ground, Items, Shown};
use base::{Ctx, Instant, OfficeId, PersonId, StaffId};
use db::{Tx, outbox};
use uuid::Uuid;

use crate::event::Event;
use crate::store::consents::Kept;
use crate::verbs::Verb;
use crate::{
    Consent, ConsentScope, ConsentState, Manner, Office, PeopleError, PeopleRefusal, Staff, StaffState, TeamPart,
    resident, rules, store,
};

/// Members one team may have.
pub const MAX_MEMBERS: usize = 60;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TeamMember {
    /// The source of the grants.
    pub membership: Uuid,
    pub person: PersonId,
    pub staff: StaffId,
    pub part: TeamPart,
    pub since: Instant,
    pub invited_by: Uuid,
}

/// Takes a member of staff into the team. Refused while the resident's consent to sharing ([`ConsentScope::CareSharing`])
/// is not on record, or does not reach that office; while the staff is not active; in a part that is not theirs.
pub fn join_team(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    staff: StaffId,
    part: TeamPart,
) -> Result<TeamMember, PeopleError> {
    let witness = access::require(ctx, tx, Act::Register, person)?;
    resident::load_open(tx, person)?;
    let joining = store::staff::get(tx, staff)?.ok_or(PeopleRefusal::NoStaff)?;
    if joining.state != StaffState::Active {
        return Err(PeopleRefusal::StaffNotActive(joining.state).into());
    }
    rules::part_fits(part, joining.role)?;
    let consent = match store::consents::newest(tx, person, ConsentScope::CareSharing)? {
        Kept::Read(consent) if consent.state.allows() => consent,
        Kept::Read(consent) => return Err(PeopleRefusal::SharingNotConsented(consent.state).into()),
        Kept::None => return Err(PeopleRefusal::SharingNotConsented(ConsentState::NotObtained).into()),
        Kept::Unreadable(_) => return Err(PeopleRefusal::SharingUnreadable.into()),
    };
    if !reaches(&consent, joining.office) {
        return Err(PeopleRefusal::OfficeNotConsented.into());
    }
    let members = store::teams::open_of(tx, person)?;
    if members.iter().any(|m| m.staff == staff && m.part == part) {
        return Err(PeopleRefusal::AlreadyOnTeam.into());
    }
    if members.len() >= MAX_MEMBERS {
        return Err(PeopleRefusal::TeamFull(MAX_MEMBERS).into());
    }
    let member = TeamMember { membership: ctx.id(), person, staff, part, since: ctx.now, invited_by: ctx.actor.id };
    store::teams::insert(tx, &member)?;
    open(ctx, tx, &member, &consent)?;
    audit::done(ctx, tx, Verb::JoinTeam, &witness, "team")?;
    let TeamMember { person, staff, membership, .. } = member;
    outbox::push(tx, ctx.now, &Event::TeamJoined { person, staff, membership })?;
    Ok(member)
}

/// Ends a membership and the access that came from it, now.
pub fn leave_team(ctx: &Ctx, tx: &mut dyn Tx, membership: Uuid) -> Result<(), PeopleError> {
    let Some(member) = store::teams::get_open(tx, membership)? else {
        crate::keeper(ctx)?;
        return Err(PeopleRefusal::NoMembership.into());
    };
    let witness = access::require(ctx, tx, Act::Register, member.person)?;
    end(ctx, tx, &member)?;
    audit::done(ctx, tx, Verb::LeaveTeam, &witness, "team")?;
    Ok(())
}

/// The team as it is now, oldest member first.
pub fn team(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<TeamMember>>, PeopleError> {
    let witness = access::require(ctx, tx, Act::SeeContacts, person)?;
    Ok(witness.shows(store::teams::open_of(tx, person)?))
}

/// A member of a team with who they are and where they work.
#[derive(Clone, Debug)]
pub struct Colleague {
    pub member: TeamMember,
    pub staff: Staff,
    pub office: Office,
}

/// Who the members of a team are, in their order, in two statements however many they are. Whoever cannot be read is
/// left out.
pub fn colleagues(tx: &mut dyn Tx, team: &[TeamMember]) -> Result<Vec<Colleague>, PeopleError> {
    let ids: Vec<StaffId> = team.iter().map(|member| member.staff).collect();
    let staff: BTreeMap<StaffId, Staff> = store::staff::all(tx, &ids)?.into_iter().map(|s| (s.id, s)).collect();
    let ids: BTreeSet<OfficeId> = staff.values().map(|staff| staff.office).collect();
    let offices = store::offices::all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let offices: BTreeMap<OfficeId, Office> = offices.into_iter().map(|office| (office.id, office)).collect();
    let known = |member: &TeamMember| {
        let staff = staff.get(&member.staff)?.clone();
        let office = offices.get(&staff.office)?.clone();
        Some(Colleague { member: member.clone(), staff, office })
    };
    Ok(team.iter().filter_map(known).collect())
}

/// Opens the grants of all memberships that `consent` reaches.
pub(crate) fn reopen_for_consent(ctx: &Ctx, tx: &mut dyn Tx, consent: &Consent) -> Result<(), PeopleError> {
    for member in store::teams::open_of(tx, consent.person)? {
        let staff = store::staff::get(tx, member.staff)?.ok_or(PeopleRefusal::NoStaff)?;
        if staff.state == StaffState::Active && reaches(consent, staff.office) {
            open(ctx, tx, &member, consent)?;
        }
    }
    Ok(())
}

/// Closes the grants of all memberships; the memberships stay and the page says 共有停止.
pub(crate) fn close_for_consent(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(), PeopleError> {
    for member in store::teams::open_of(tx, person)? {
        access::revoke_source(ctx, tx, member.membership)?;
    }
    Ok(())
}

pub(crate) fn reopen_for_staff(ctx: &Ctx, tx: &mut dyn Tx, staff: &Staff) -> Result<(), PeopleError> {
    for member in store::teams::open_of_staff(tx, staff.id)? {
        let consent = store::consents::newest(tx, member.person, ConsentScope::CareSharing)?;
        if let Some(consent) = consent.read().filter(|c| c.state.allows() && reaches(c, staff.office)) {
            open(ctx, tx, &member, consent)?;
        }
    }
    Ok(())
}

pub(crate) fn end_for_staff(ctx: &Ctx, tx: &mut dyn Tx, staff: StaffId) -> Result<(), PeopleError> {
    for member in store::teams::open_of_staff(tx, staff)? {
        end(ctx, tx, &member)?;
    }
    Ok(())
}

pub(crate) fn end(ctx: &Ctx, tx: &mut dyn Tx, member: &TeamMember) -> Result<(), PeopleError> {
    store::teams::end(tx, member.membership, ctx.now)?;
    access::revoke_source(ctx, tx, member.membership)?;
    let TeamMember { person, staff, membership, .. } = *member;
    Ok(outbox::push(tx, ctx.now, &Event::TeamLeft { person, staff, membership })?)
}

fn open(ctx: &Ctx, tx: &mut dyn Tx, member: &TeamMember, consent: &Consent) -> Result<(), PeopleError> {
    let grant = Grant {
        person: member.person,
        holder: member.staff.0,
        ground: Ground::CareTeam,
        source: member.membership,
        until: consent.until().unwrap_or(FOREVER),
        items: Items::All,
    };
    Ok(access::grant(ctx, tx, grant)?)
}

/// A consent by list or by office reaches the offices it names; every other one reaches all. 個人個別 is none that can be
/// recorded any more, for nothing here asks about a single member of staff; where it stands, it reaches all.
fn reaches(consent: &Consent, office: OfficeId) -> bool {
    match consent.manner {
        Manner::OfficeList | Manner::PerOffice => consent.offices.contains(&office),
        Manner::Blanket | Manner::PerPerson => true,
    }
}
