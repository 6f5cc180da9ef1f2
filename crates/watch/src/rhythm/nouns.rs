//! The words in which a rhythm is spoken to and answers.

use base::{Instant, Span};

/// What a sign of life came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    Entrance,
    Fridge,
    Bathroom,
    Toilet,
    Medicine,
    Motion,
    /// Any other door, drawer or appliance.
    Contact,
    /// Electricity or water was used, or a lamp was switched. No habit is named by it.
    Usage,
}

impl Sign {
    pub const ALL: [Sign; 8] = [
        Sign::Entrance,
        Sign::Fridge,
        Sign::Bathroom,
        Sign::Toilet,
        Sign::Medicine,
        Sign::Motion,
        Sign::Contact,
        Sign::Usage,
    ];

    pub const fn key(self) -> &'static str {
        match self {
            Sign::Entrance => "entrance",
            Sign::Fridge => "fridge",
            Sign::Bathroom => "bathroom",
            Sign::Toilet => "toilet",
            Sign::Medicine => "medicine",
            Sign::Motion => "motion",
            Sign::Contact => "contact",
            Sign::Usage => "usage",
        }
    }

    pub fn from_key(key: &str) -> Option<Sign> {
        Sign::ALL.into_iter().find(|sign| sign.key() == key)
    }
}

/// How loudly a silence is told: a gentle question first, then the call centre.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Notice,
    Alert,
}

impl Level {
    pub const fn key(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Alert => "alert",
        }
    }
}

/// How the limit is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The improbability of the silence against one limit from all past silences: the specification's model, kept to
    /// be measured against (its golden recording is a test).
    OneTail,
    /// Silences at home and silences after going out have a limit each, so that a journey does not make the watch
    /// slow at home; and telling before a long quiet time is worth more than in the middle of the day.
    #[default]
    TwoTails,
}

/// Which rule spoke.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    InactivityNotice,
    InactivityAlert,
    /// X hours without a sign, where a city set that instead.
    InactivityFixed,
    /// The notice as a question to the person.
    InactivityQuestion,
    /// The question had no answer.
    InactivityUnanswered,
}

impl Rule {
    pub const fn key(self) -> &'static str {
        match self {
            Rule::InactivityNotice => "inactivity_notice",
            Rule::InactivityAlert => "inactivity_alert",
            Rule::InactivityFixed => "inactivity_fixed",
            Rule::InactivityQuestion => "inactivity_question",
            Rule::InactivityUnanswered => "inactivity_unanswered",
        }
    }
}

/// What a region or a home sets.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Days that may pass between two false alerts of one home; 1 to 3650.
    pub alert_days: f32,
    /// The same for notices.
    pub notice_days: f32,
    /// No silence stays untold longer than this.
    pub cap: Span,
    /// X hours without a sign instead of the learned rhythm.
    pub fixed: Option<Span>,
    /// The notice is a question to the person.
    #[serde(default)]
    pub ask: Option<Ask>,
}

/// How a person is asked whether all is well.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Ask {
    /// Days that may pass between two questions that were not needed; 1 to 3650.
    pub days: f32,
    /// After so long without an answer the question is an alert.
    pub wait: Span,
    /// Nobody is asked from the first until before the second of these, minutes of the day; a question waits until then.
    pub quiet: (u16, u16),
}

impl Ask {
    /// A question not needed in half a week, half an hour for the answer, none from 22:00 to 6:30.
    pub const USUAL: Ask = Ask { days: 3.5, wait: Span::minutes(30), quiet: (22 * 60, 6 * 60 + 30) };
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { alert_days: 30.0, notice_days: 7.0, cap: Span::hours(24), fixed: None, ask: None }
    }
}

/// A moment at which the silence is to be told, unless a sign of life comes first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Due {
    pub at: Instant,
    pub level: Level,
    pub rule: Rule,
}

/// What became of a sign that was told to [`super::Rhythm::observe`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It ended the silence.
    New,
    /// Not later than the last sign: late, reordered or doubled. It arms nothing and clears nothing.
    Late,
    /// No time that a calendar has.
    Impossible,
}
