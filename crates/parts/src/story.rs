//! The story of a case so far, as whoever works on it reads it.

use base::{Instant, Role};
use maud::{Markup, html};
use page::components::{Icon, State as Tone, StoryEntry, story};
use response::StepRow;

/// Newest first.
pub fn told(steps: &[StepRow], now: Instant) -> Markup {
    let names: Vec<String> = steps.iter().map(who).collect();
    let entries: Vec<StoryEntry> = steps
        .iter()
        .zip(&names)
        .map(|(s, who)| StoryEntry {
            at: s.at,
            title: s.what.ja(),
            who,
            body: html! { @if !s.detail.expose().is_empty() { p { (s.detail.expose()) } } },
            icon: picture(s.what).0,
            state: picture(s.what).1,
        })
        .collect();
    story(&entries, now)
}

/// 「コールセンター 見本 一郎」; relatives by their role only, the program as 「自動」.
fn who(step: &StepRow) -> String {
    match step.role {
        Role::System => "自動".to_owned(),
        role => format!("{} {}", role.ja(), step.by_name.expose()).trim_end().to_owned(),
    }
}

fn picture(what: response::Happening) -> (Icon, Tone) {
    use response::Happening as H;
    match what {
        H::Opened | H::Joined => (Icon::Bell, Tone::NeededNow),
        H::Taken | H::HandedOver | H::TakenOver | H::Released => (Icon::Person, Tone::InProgress),
        H::CalledResident | H::CalledContact | H::Incoming => (Icon::Phone, Tone::InProgress),
        H::VisitRequested | H::VisitAccepted | H::Departed => (Icon::Walk, Tone::InProgress),
        H::VisitDeclined => (Icon::Cross, Tone::NearLimit),
        H::Arrived => (Icon::Door, Tone::InProgress),
        H::Reported | H::Photographed => (Icon::Note, Tone::InProgress),
        H::HelpAsked => (Icon::Key, Tone::NearLimit),
        H::Ambulance => (Icon::Ambulance, Tone::NeededNow),
        H::Consulted => (Icon::Stethoscope, Tone::InProgress),
        H::Answered => (Icon::Chat, Tone::InProgress),
        H::Escalated => (Icon::Clock, Tone::NearLimit),
        H::Closed => (Icon::Check, Tone::Confirmed),
        H::Reviewed => (Icon::Eye, Tone::Done),
    }
}
