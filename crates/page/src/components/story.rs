//! What happened so far, newest first, and how far a case has come.

use base::Instant;
use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::state::State;
use super::time;

#[derive(Clone, Debug)]
pub struct StoryEntry<'a> {
    pub at: Instant,
    /// 「本人に電話」
    pub title: &'a str,
    /// Who did it, as the reader may know them: 「コールセンター 見本 一郎」.
    pub who: &'a str,
    pub body: Markup,
    pub icon: Icon,
    pub state: State,
}

/// The caller sorts: newest first. It is announced when it grows.
pub fn story(entries: &[StoryEntry], now: Instant) -> Markup {
    html! {
        ol.story {
            @for entry in entries {
                li class={ "story-entry " (entry.state.class()) } {
                    span.story-mark { (icon(entry.icon)) }
                    div {
                        p.story-head {
                            strong { (entry.title) } " " (time::at(entry.at, now))
                            @if !entry.who.is_empty() { span.story-who { (entry.who) } }
                        }
                        @if !entry.body.0.is_empty() { div.story-body { (entry.body) } }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepState {
    Passed,
    Current,
    ToCome,
}

#[derive(Clone, Debug)]
pub struct Step<'a> {
    pub label: &'a str,
    pub state: StepState,
    /// 「10:42」 or the limit; short.
    pub note: String,
}

/// 検知 → 受付 → 本人に電話 → … as far as it has come.
pub fn steps(label: &str, steps: &[Step]) -> Markup {
    html! {
        ol.steps aria-label=(label) {
            @for step in steps {
                @let (class, word) = match step.state {
                    StepState::Passed => ("is-passed", "済"),
                    StepState::Current => ("is-current", "いま"),
                    StepState::ToCome => ("is-to-come", "これから"),
                };
                li class=(class) aria-current=[(step.state == StepState::Current).then_some("step")] {
                    span.step-label { (step.label) span.sr-only { "（" (word) "）" } }
                    @if !step.note.is_empty() { small { (step.note) } }
                }
            }
        }
    }
}
