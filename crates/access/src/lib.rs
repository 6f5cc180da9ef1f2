//! Who may do what with whom: Cedar policies decide, grants say on what ground somebody knows a person.
//!
//! It knows no reason behind a grant (a team, a case, a consent): whoever opens a relation inserts the grant and ends
//! it. Whatever goes wrong, the answer is no.

mod grants;
mod policy;
mod scope;
#[cfg(test)]
mod tests;

use base::{Ctx, PersonId, Role};
use db::{DbError, Migration, Tx};
use thiserror::Error;

pub use grants::{
    FOREVER, Grant, Knower, grant, grants_of, holders, knowers, revoke_from, revoke_holder, revoke_person,
    revoke_source,
};
pub use policy::{Policies, PolicyError, install};
pub use scope::{Scope, scope, which};

pub const MIGRATIONS: &[Migration] = &[Migration { name: "access/001", sql: include_str!("schema.sql") }];

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $key:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What can be done with a person's record; the actions of the policies.
    Act {
        SeeIdentity = "SeeIdentity";
        SeeContacts = "SeeContacts";
        /// How to get into the home.
        SeeEntry = "SeeEntry";
        /// Risk notes: hearing, pets, stairs. No diagnoses.
        SeeRisks = "SeeRisks";
        SeeMedical = "SeeMedical";
        /// Activity, climate and devices of the home.
        SeeWatch = "SeeWatch";
        /// That there was an alert, that somebody took it, how it ended.
        SeeAlert = "SeeAlert";
        /// The whole story of a case.
        SeeCase = "SeeCase";
        SeeNotes = "SeeNotes";
        SeeConsents = "SeeConsents";
        /// Who looked at the person.
        SeeLooks = "SeeLooks";
        Register = "Register";
        RecordConsent = "RecordConsent";
        ManageDevices = "ManageDevices";
        /// Which homes' lines are down, and every gateway's.
        SeeLines = "SeeLines";
        /// How the watch is set, for the region and for a home.
        SetWatch = "SetWatch";
        EnterAbsence = "EnterAbsence";
        WorkCase = "WorkCase";
        ReportVisit = "ReportVisit";
        /// 「大丈夫です」 to a gentle question.
        AnswerNotice = "AnswerNotice";
        WriteNote = "WriteNote";
        AnswerNote = "AnswerNote";
        CloseCase = "CloseCase";
    }
}

words! {
    /// Why somebody knows a person.
    Ground {
        /// The duty of the office, for everybody in the region.
        Duty = "duty";
        /// The person is the one who asks.
        Own = "own";
        CareTeam = "care_team";
        Case = "case";
        Visit = "visit";
        Escalation = "escalation";
        /// The resident lets this relative know of alerts and their end.
        FamilyAlerts = "family_alerts";
        /// The resident lets this relative see the home's activity.
        FamilyWatch = "family_watch";
    }
}

#[derive(Debug, Error)]
pub enum AccessError {
    /// Says nothing of whether the person exists.
    #[error("この方の情報を見る権限、または操作する権限がありません。必要な場合は事務局にご相談ください。")]
    Denied { act: Act },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whether the actor may do this with this person, and on what ground. To be called first in every verb.
pub fn require(ctx: &Ctx, tx: &mut dyn Tx, act: Act, person: PersonId) -> Result<Ground, AccessError> {
    let mut grounds = vec![Ground::Duty];
    let own = matches!(ctx.actor.role, Role::Resident | Role::Link) && ctx.actor.person == Some(person);
    if own {
        grounds.push(Ground::Own);
    }
    if let Some(ground) = grounds.into_iter().find(|g| allowed(ctx, act, *g)) {
        return Ok(ground);
    }
    let granted = grants::grounds(ctx, tx, person)?;
    granted.into_iter().find(|g| allowed(ctx, act, *g)).ok_or(AccessError::Denied { act })
}

/// Whether the actor may do this with this person; a fault counts as no.
pub fn may(ctx: &Ctx, tx: &mut dyn Tx, act: Act, person: PersonId) -> bool {
    require(ctx, tx, act, person).is_ok()
}

fn allowed(ctx: &Ctx, act: Act, ground: Ground) -> bool {
    policy::installed().decide(ctx.actor.role, ctx.purpose, act, ground)
}
