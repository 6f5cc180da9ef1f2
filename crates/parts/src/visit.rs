//! A visit on any desk: how far it is, and what its visitor can answer.

use page::components::{Choice, Icon, State as Tone};
use response::{Condition, VisitState};

pub fn tone(state: VisitState) -> Tone {
    match state {
        VisitState::Requested => Tone::NearLimit,
        VisitState::Accepted | VisitState::OnTheWay | VisitState::Arrived => Tone::InProgress,
        VisitState::Reported => Tone::Confirmed,
        VisitState::Declined | VisitState::Cancelled => Tone::Done,
    }
}

/// The four answers of whoever looked.
pub fn conditions() -> Vec<Choice<'static>> {
    let of = |c: Condition, icon, hint, grave| Choice { value: c.key(), label: c.ja(), hint, icon, grave };
    vec![
        of(Condition::Well, Icon::Check, "会えた・話せた", false),
        of(Condition::Unwell, Icon::Warning, "手当てや受診が必要", true),
        of(Condition::Absent, Icon::Walk, "家にいないと確かめた", false),
        of(Condition::NoAnswer, Icon::Door, "中にいるか分からない", true),
    ]
}
