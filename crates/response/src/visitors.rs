//! Whom a case offers to be asked for a visit, beside the contacts: the team that visits, the support centre of the area,
//! the commissioners of the city.

use base::{Ctx, PersonId};
use db::Tx;
use people::{OfficeKind, TeamPart};

use crate::{Case, ResponseError, Visitor};

/// Read in the program's own name: whoever works the case learns from it only whom to ask.
pub(crate) fn team_who_visit(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
) -> Result<Vec<people::TeamMember>, ResponseError> {
    let mut team = people::team(&own(ctx), tx, person)?.into_value();
    team.retain(|m| matches!(m.part, TeamPart::CareManager | TeamPart::Nurse | TeamPart::CareWorker));
    Ok(team)
}

fn own(ctx: &Ctx) -> Ctx {
    Ctx::new(base::Actor::system("response"), ctx.purpose, ctx.now, ctx.request)
}

/// The support centre of the home's area and the commissioners of its city.
pub(crate) fn offices_who_visit(tx: &mut dyn Tx, home: &people::Home) -> Result<Vec<people::Office>, ResponseError> {
    let centre = people::support_centre(tx, &home.area)?.map(|id| people::office(tx, id)).transpose()?;
    let mut offices: Vec<people::Office> = centre.into_iter().collect();
    let commissioners = people::offices(tx, Some(OfficeKind::Commissioners))?;
    offices.extend(commissioners.into_iter().filter(|o| o.city_code == home.city_code));
    Ok(offices)
}

/// Whether the visitor is one of those whom the sheet offers: nobody else has a door for it, nor any ground to know the
/// person.
pub(crate) fn offers(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, visitor: Visitor) -> Result<bool, ResponseError> {
    Ok(match visitor {
        // Whoever names the contact looks among those of this person.
        Visitor::Contact(_) => true,
        Visitor::Staff(id) => team_who_visit(ctx, tx, case.person)?.iter().any(|member| member.staff == id),
        Visitor::Office(id) => {
            let home = people::home_of(&own(ctx), tx, case.person)?.into_value();
            offices_who_visit(tx, &home)?.iter().any(|office| office.id == id)
        }
    })
}
