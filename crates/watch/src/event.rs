//! What the watch tells the rest of the house, with the commit in which it happened.

use base::{AbsenceId, AlertId, GatewayId, HomeId, PersonId};
use uuid::Uuid;

use crate::{Level, Rule};

db::events! {
    Event {
        /// An alert or a notice was stored.
        AlertRaised = "watch.alert_raised" {
            alert: AlertId, home: HomeId, person: PersonId, level: Level, rule: Rule,
        };
        /// It was answered, cleared, escalated or closed, or a sign came after it.
        AlertChanged = "watch.alert_changed" { alert: AlertId, person: Option<PersonId> };
        /// Somebody made sure that the person is well.
        Reassured = "watch.reassured" { home: HomeId };
        AbsenceEntered = "watch.absence_entered" { absence: AbsenceId, home: HomeId, person: PersonId };
        /// By a relative: it silences the watch, and so the person and the care manager are told.
        AbsenceByFamily = "watch.absence_by_family" { absence: AbsenceId, home: HomeId, person: PersonId };
        AbsenceCancelled = "watch.absence_cancelled" { absence: AbsenceId, home: HomeId, person: PersonId };
        ActivityWhileAbsent = "watch.activity_while_absent" { absence: AbsenceId, person: Option<PersonId> };
        /// One line fell silent. The lines of an outage are told once, as the outage.
        LineFault = "watch.line_fault" { fault: Uuid, person: Option<PersonId> };
        LineBack = "watch.line_back" { fault: Uuid, person: Option<PersonId> };
        /// Lines of an area or a carrier fell silent together.
        Outage = "watch.outage" { outage: Uuid };
        /// The settings of all homes changed, or the limits that follow from them.
        RegionChanged = "watch.region_changed" {};
        /// Devices, contract, absences, settings or an alert of this home changed.
        HomeChanged = "watch.home_changed" { home: HomeId, person: Option<PersonId> };
        /// A gateway's credential was changed or ended: its connections are to be closed.
        GatewayCredential = "watch.gateway_credential" { gateway: GatewayId, home: HomeId };
    }
}
