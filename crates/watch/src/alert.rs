//! What the watch says: alerts of two levels, each with its rule and a reason in plain Japanese, and how each ended.

use base::{AlertId, DeviceId, HomeId, Instant, PersonId};

pub use crate::rhythm::Level;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $key:literal, $ja:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word stored in tables.
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            /// The word the user reads.
            pub const fn ja(self) -> &'static str {
                match self { $($name::$variant => $ja),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Which rule spoke. Line faults and low batteries are no alerts: they stand on lists of their own.
    Rule {
        /// The silence is remarkable for this home at this time of day.
        Inactivity = "inactivity", "動きがない";
        /// X hours without a sign, where a city set that instead, or the cap of the learned rule.
        InactivityFixed = "inactivity_fixed", "決められた時間、動きがない";
        NightDoor = "night_door", "夜間の玄関";
        LeftOpen = "left_open", "開けたまま";
        TooHot = "too_hot", "室温が高い";
        TooCold = "too_cold", "室温が低い";
        /// Estimated from temperature and humidity; always labelled 推定.
        Wbgt = "wbgt", "暑さ指数(推定)が高い";
        Button = "button", "呼び出しボタン";
    }
}

words! {
    /// What became of an alert.
    AlertState {
        Standing = "standing", "対応中";
        /// A notice that ended because the home gave a sign of life, or the condition passed.
        Cleared = "cleared", "動きがあり終了";
        /// A notice that the resident or a relative answered.
        Answered = "answered", "「大丈夫です」の返事";
        /// A notice that became an alert of the same silence.
        Raised = "raised", "アラートへ移行";
        /// Closed with its cause, with the case it belonged to.
        Closed = "closed", "終了";
    }
}

words! {
    /// Why an alert came about, as found out afterwards (results of domain section 7.9).
    Cause {
        AnsweredWell = "answered_well", "本人応答・無事";
        WasOut = "was_out", "外出していた";
        UnknownAbsence = "unknown_absence", "入院・不在登録漏れ";
        DeviceFault = "device_fault", "機器不良";
        LineFault = "line_fault", "通信不良";
        FamilySawWell = "family_saw_well", "家族確認・無事";
        VisitSawWell = "visit_saw_well", "訪問確認・無事";
        Unwell = "unwell", "体調不良→受診";
        Ambulance = "ambulance", "救急要請";
        FoundDead = "found_dead", "死亡発見";
        FalseAlarm = "false_alarm", "誤報(ペット他)";
        Unconfirmed = "unconfirmed", "確認不能";
    }
}

impl Cause {
    /// Whether nobody needed help. `None` where that was never found out.
    pub const fn was_false(self) -> Option<bool> {
        match self {
            Cause::Unwell | Cause::Ambulance | Cause::FoundDead => Some(false),
            Cause::Unconfirmed => None,
            _ => Some(true),
        }
    }
}

/// One alert of one home. `reason` is a sentence or several of Japanese, without any name.
#[derive(Clone, PartialEq, Debug)]
pub struct Alert {
    pub id: AlertId,
    pub home: HomeId,
    pub person: PersonId,
    pub level: Level,
    pub rule: Rule,
    /// The device that spoke; `None` for the home as a whole.
    pub device: Option<DeviceId>,
    /// The moment the rule named; it may lie before `raised_at` where the line had to be heard first.
    pub due_at: Instant,
    pub raised_at: Instant,
    pub reason: String,
    pub state: AlertState,
    /// The first sign of life after `raised_at`.
    pub sign_at: Option<Instant>,
    pub ended_at: Option<Instant>,
    pub cause: Option<Cause>,
}
