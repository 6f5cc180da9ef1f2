//! What is so, as word, shape and colour together; never colour alone. Red is kept for what a person must do now.

use maud::{Markup, html};

use super::icon::{Icon, icon};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// A person must act now.
    NeededNow,
    /// A limit is near.
    NearLimit,
    /// Somebody is at it.
    InProgress,
    /// Somebody confirmed it: the only filled green.
    Confirmed,
    /// Concluded from data, confirmed by nobody: outlined.
    Estimated,
    /// Nothing is known. Never shown as well.
    Unknown,
    /// Ended, or not asked for: without weight.
    Done,
}

impl State {
    pub const ALL: &'static [State] = &[
        State::NeededNow,
        State::NearLimit,
        State::InProgress,
        State::Confirmed,
        State::Estimated,
        State::Unknown,
        State::Done,
    ];

    pub fn class(self) -> &'static str {
        match self {
            State::NeededNow => "is-needed",
            State::NearLimit => "is-limit",
            State::InProgress => "is-going",
            State::Confirmed => "is-confirmed",
            State::Estimated => "is-estimated",
            State::Unknown => "is-unknown",
            State::Done => "is-done",
        }
    }

    fn shape(self) -> Icon {
        match self {
            State::NeededNow => Icon::Warning,
            State::NearLimit => Icon::Clock,
            State::InProgress => Icon::Arrow,
            State::Confirmed | State::Done => Icon::Check,
            State::Estimated => Icon::Eye,
            State::Unknown => Icon::Question,
        }
    }
}

/// `chip(State::NeededNow, "未受付")`. Say the word of the field; the shape and colour follow from the state.
pub fn chip(state: State, word: &str) -> Markup {
    html! { span class={ "chip " (state.class()) } { (icon(state.shape())) span { (word) } } }
}
