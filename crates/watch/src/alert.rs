//! What the watch says: alerts of two levels, each with its rule and a reason in plain Japanese, and how each ended.

use access::{Act, Shown};
use audit::{Basis, Means};
use base::{AlertId, Ctx, DeviceId, HomeId, Instant, PersonId};
use db::{Tx, outbox};

use crate::event::Event;
use crate::store::alert as store;
use crate::store::home;
use crate::verbs::Verb;
use crate::{Answer, Answered, WatchError, WatchRefusal, contract};

pub use crate::rhythm::Level;

use base::words;

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
        Wbgt = "wbgt", "暑さ指数（推定）が高い";
        Button = "button", "呼び出しボタン";
        /// Answered so when asked whether all is well.
        CallWanted = "call_wanted", "電話がほしい";
        FeelsUnwell = "feels_unwell", "体調が悪い";
        /// The question of every day, at the hour that the person chose.
        DailyCall = "daily_call", "毎日の声かけ";
    }
}

impl Rule {
    /// Whether it is silent about a person who is announced to be away.
    pub const fn heeds_absence(self) -> bool {
        matches!(self, Rule::Inactivity | Rule::InactivityFixed | Rule::DailyCall)
    }

    /// Whether the person calls for help.
    pub const fn is_call_for_help(self) -> bool {
        matches!(self, Rule::Button | Rule::FeelsUnwell)
    }

    /// Whether the person, or a relative, asks for something.
    pub const fn is_wish(self) -> bool {
        matches!(self, Rule::Button | Rule::CallWanted | Rule::FeelsUnwell)
    }

    /// Whether it says what was answered or measured: right by itself, whether or not somebody needs help.
    const fn is_fact(self) -> bool {
        matches!(self, Rule::CallWanted | Rule::FeelsUnwell | Rule::TooHot | Rule::TooCold | Rule::Wbgt)
    }

    /// Whether an alert of this rule that ended so was needless. `None` where it was neither that nor needed.
    pub const fn was_false(self, cause: Cause) -> Option<bool> {
        match cause.was_false() {
            Some(true) if self.is_fact() && !cause.was_mistaken() => None,
            other => other,
        }
    }

    /// The same of a question or notice that ended by itself, or by this answer; `None` for an old one is unknown.
    pub(crate) const fn was_needless(self, answer: Option<Answer>) -> bool {
        let wished = matches!(answer, Some(Answer::CallMe | Answer::Unwell));
        !wished && !self.is_fact() && !matches!(self, Rule::DailyCall)
    }

    /// How a notice ended without anybody's doing.
    const fn cleared(self) -> &'static str {
        match self {
            Rule::TooHot | Rule::TooCold => "室温が戻り終了",
            Rule::Wbgt => "暑さ指数（推定）が下がり終了",
            Rule::LeftOpen => "閉まって終了",
            _ => AlertState::Cleared.ja(),
        }
    }
}

words! {
    /// What became of an alert.
    AlertState {
        Standing = "standing", "対応中";
        /// A notice that ended because the home gave a sign of life, or the condition passed.
        Cleared = "cleared", "動きがあり終了";
        /// A notice that the resident or a relative answered.
        Answered = "answered", "お返事あり";
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
        /// Whoever asked for a call, or felt unwell, was spoken with, and what they wanted is done.
        RequestSettled = "request_settled", "本人の用件に対応した";
        WasOut = "was_out", "外出していた";
        UnknownAbsence = "unknown_absence", "入院・不在登録漏れ";
        DeviceFault = "device_fault", "機器不良";
        LineFault = "line_fault", "通信不良";
        FamilySawWell = "family_saw_well", "家族確認・無事";
        VisitSawWell = "visit_saw_well", "訪問確認・無事";
        Unwell = "unwell", "体調不良→受診";
        Ambulance = "ambulance", "救急要請";
        FoundDead = "found_dead", "死亡発見";
        FalseAlarm = "false_alarm", "誤報（ペット他）";
        Unconfirmed = "unconfirmed", "確認不能";
    }
}

impl Cause {
    /// Whether an absence announced beforehand would have prevented it.
    pub const fn was_unannounced(self) -> bool {
        matches!(self, Cause::WasOut | Cause::UnknownAbsence)
    }

    /// Whether the device or somebody's hand was mistaken, and not only the watch.
    const fn was_mistaken(self) -> bool {
        matches!(self, Cause::DeviceFault | Cause::LineFault | Cause::FalseAlarm)
    }

    /// Whether somebody made sure that the person is well.
    pub const fn is_safe(self) -> bool {
        matches!(self.was_false(), Some(true)) || matches!(self, Cause::RequestSettled)
    }

    /// Whether nobody needed help. `None` where that was never found out, or the person asked for something.
    pub const fn was_false(self) -> Option<bool> {
        match self {
            Cause::Unwell | Cause::Ambulance | Cause::FoundDead => Some(false),
            Cause::Unconfirmed | Cause::RequestSettled => None,
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
    /// Who answered the question, or asked by an answer for what this alert is about.
    pub answer: Option<Answered>,
}

impl Alert {
    /// What became of it, in the words of its level and rule.
    pub const fn state_words(&self) -> &'static str {
        match (self.state, self.level) {
            (AlertState::Standing, Level::Notice) => "お返事待ち",
            (AlertState::Cleared, _) => self.rule.cleared(),
            (state, _) => state.ja(),
        }
    }
}

/// One alert, for those who may know of it.
pub fn alert(ctx: &Ctx, tx: &mut dyn Tx, alert: AlertId) -> Result<Shown<Alert>, WatchError> {
    let found = store::one(tx, alert)?.ok_or(WatchRefusal::NoAlert)?;
    let witness = access::require(ctx, tx, Act::SeeAlert, found.person)?;
    Ok(witness.shows(found))
}

/// The alerts and notices of a home that stand, newest first.
pub fn standing_alerts(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId) -> Result<Shown<Vec<Alert>>, WatchError> {
    let Some(no) = home::no_of(tx, home)? else { return Ok(Shown::new(vec![], vec![])) };
    let all = store::standing_of_home(tx, no)?;
    let Some(first) = all.first() else { return Ok(Shown::new(all, vec![])) };
    let witness = access::require(ctx, tx, Act::SeeAlert, first.person)?;
    Ok(witness.shows(all))
}

/// Every alert and notice that stands and that this actor may see, oldest first: for the list on paper.
pub fn all_standing(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<Alert>>, WatchError> {
    let all = store::standing_of_all(tx)?;
    known_of(ctx, tx, all)
}

/// Those of these alerts that the wall lets this actor see.
pub(crate) fn known_of(ctx: &Ctx, tx: &mut dyn Tx, all: Vec<Alert>) -> Result<Shown<Vec<Alert>>, WatchError> {
    Ok(access::shown_rows(ctx, tx, (&[Act::SeeAlert], &[]), all, |alert| alert.person)?)
}

/// Closes an alert with the cause that its case found out. For the command that closes the case, which has asked for
/// leave; the cause feeds the false-alarm record of the rule and the home.
pub fn close_alert(ctx: &Ctx, tx: &mut dyn Tx, alert: AlertId, cause: Cause) -> Result<(), WatchError> {
    let found = store::one(tx, alert)?.ok_or(WatchRefusal::NoAlert)?;
    store::close(tx, alert, cause, ctx.now)?;
    audit::done(ctx, tx, Verb::CloseAlert, Basis::Means(Means::Program, Some(found.person)), cause.key())?;
    outbox::push(tx, ctx.now, &Event::AlertChanged { alert, person: Some(found.person) })?;
    contract::changed(ctx, tx, found.home)
}

/// Somebody made sure at `at` that the person is well (a case closed as safe): that counts as a sign of life, and the
/// watch is armed anew. For the command that closes the case, which has asked for leave.
pub fn reassure(ctx: &Ctx, tx: &mut dyn Tx, home: HomeId, at: Instant) -> Result<(), WatchError> {
    let Some(no) = home::no_of(tx, home)? else { return Err(WatchRefusal::NoHome.into()) };
    home::reassure(tx, no, at.min(ctx.now))?;
    outbox::push(tx, ctx.now, &Event::Reassured { home })?;
    contract::changed(ctx, tx, home)
}
