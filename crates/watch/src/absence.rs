//! Announced absences: they silence inactivity and nothing else, have a longest length, and end by themselves.

use base::{AbsenceId, HomeId, Instant, PersonId, Role, Span};

use crate::alert::words;

words! {
    AbsenceReason {
        Outing = "outing", "外出";
        Trip = "trip", "旅行・帰省";
        Hospital = "hospital", "入院";
        ShortStay = "short_stay", "ショートステイ";
        DayService = "day_service", "デイサービス";
    }
}

impl AbsenceReason {
    /// The longest an absence of this reason may last before it must be entered anew, so that a forgotten one does
    /// not silence the watch for ever. Chosen, not taken from a rule; [to verify] with each city.
    pub const fn longest(self) -> Span {
        Span::days(match self {
            AbsenceReason::Outing => 1,
            AbsenceReason::Trip => 14,
            AbsenceReason::ShortStay => 30,
            AbsenceReason::Hospital => 90,
            AbsenceReason::DayService => 366,
        })
    }
}

/// An announced absence.
#[derive(Clone, PartialEq, Debug)]
pub struct Absence {
    pub id: AbsenceId,
    pub home: HomeId,
    pub person: PersonId,
    pub reason: AbsenceReason,
    pub from: Instant,
    pub until: Instant,
    /// Only these hours of these weekdays between `from` and `until`; `None`: all the time.
    pub weekly: Option<Weekly>,
    /// Who entered it.
    pub entered_role: Role,
    pub entered_at: Instant,
    pub cancelled_at: Option<Instant>,
    /// The first sign of life in the meantime, and how many.
    pub activity_at: Option<Instant>,
    pub activity_count: i64,
}

/// Certain hours of certain weekdays on Japanese clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weekly {
    /// Bit 0 is Monday, bit 6 Sunday.
    pub weekdays: u8,
    /// Minutes from midnight; `until_minute` is later and at most 1440.
    pub from_minute: u16,
    pub until_minute: u16,
}
