//! みまもり: devices at a home, what they say, the home's rhythm, and when its silence becomes remarkable.
//!
//! It knows homes, devices, readings, alerts and absences; it knows no call, no visit and no message: what happens
//! after an alert is `response`'s. Whatever decides is a pure function of what was heard and the time given.

mod absence;
mod adaptation;
mod alert;
mod answer;
mod arrival;
pub mod climate;
mod clock;
mod codec;
mod contract;
mod daily;
mod day;
mod device;
mod event;
mod half_hours;
pub mod live;
pub mod replay;
pub mod rhythm;
mod rules;
mod settings;
mod store;
#[cfg(test)]
mod tests;
pub mod trial;
mod unanswered;
mod upkeep;
mod verbs;
mod view;
mod words;

use db::{DbError, Migration};
use thiserror::Error;

pub use absence::{
    Absence, AbsenceReason, BY_TELEPHONE, NewAbsence, Weekly, absence, absences, cancel_absence, enter_absence,
};
pub use adaptation::{AS_ASKED, Adaptation, BOUNDS, Lately, Measured, adapt, adaptation, measure};
pub use alert::{Alert, AlertState, Cause, Level, Rule, alert, all_standing, close_alert, reassure, standing_alerts};
pub use answer::{Answer, AnswerWay, Answered, Reply, answer_notice, answered_by};
pub use arrival::*;
pub use clock::{ClockError, FAST_CLOCK};
pub use contract::{
    Contract, begin_contract, contract_of_home, contracts, end_contract, stop_without_ground, without_ground,
};
pub use daily::Daily;
pub use day::{Climate, DayLog, HALF_HOURS, Metered, QUARTERS, Use};
pub use device::*;
pub use event::Event;
pub use half_hours::{Taken, Unfit, enter_half_hours};
pub use settings::{
    Asked, Changes, NightDoor, Settings, changes_of, region_settings, set_home, set_region, settings_of,
};
pub use unanswered::{
    AGAIN, TRIED_AT_ONCE, take_up_again, unanswered, unanswered_count, unanswered_due, unanswered_persons,
};
pub use upkeep::*;
pub use verbs::Verb;
pub use view::*;

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "watch/001", sql: include_str!("schema.sql") },
    Migration { name: "watch/002", sql: include_str!("schema_unanswered.sql") },
    Migration { name: "watch/003", sql: include_str!("names.sql") },
    Migration { name: "watch/004", sql: include_str!("schema_gateway_home.sql") },
    Migration { name: "watch/005", sql: include_str!("schema_unused.sql") },
    Migration { name: "watch/006", sql: include_str!("schema_condition.sql") },
    Migration { name: "watch/007", sql: include_str!("schema_line_cause.sql") },
    Migration { name: "watch/008", sql: include_str!("schema_clock.sql") },
    Migration { name: "watch/009", sql: include_str!("schema_adaptation.sql") },
    Migration { name: "watch/010", sql: include_str!("schema_answer.sql") },
];

#[derive(Debug, Error)]
pub enum WatchError {
    #[error(transparent)]
    Refused(#[from] WatchRefusal),
    #[error(transparent)]
    Access(#[from] access::AccessError),
    #[error(transparent)]
    People(#[from] people::PeopleError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(WatchError { Access, People, Db });

/// A rule that said no, in words for the user.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WatchRefusal {
    #[error("該当する住まいが見つかりません。一覧から選び直してください。")]
    NoHome,
    #[error("この住まいには登録された方がいません。先に台帳へ登録してください。")]
    NobodyLivesThere,
    #[error("この方は、この住まいに登録されていません。住所をご確認ください。")]
    LivesElsewhere,
    #[error("見守りの同意が記録されていません。同意を記録してから、見守りを始めてください。")]
    NoConsent,
    #[error("この住まいの見守りはすでに始まっています。")]
    ContractRuns,
    #[error("この住まいの見守りは行われていません。")]
    NoContract,
    #[error("該当するゲートウェイが見つからないか、すでに停止されています。画面を開き直してください。")]
    NoGateway,
    #[error("この住まいには使用中のゲートウェイがあります。交換する場合は、先に今のゲートウェイを停止してください。")]
    GatewayInUse,
    #[error("その名前のゲートウェイはすでにあります。別の名前を付けてください。")]
    GatewayNameTaken,
    #[error("名前は半角の英数字と - _ . で、1文字以上64文字以内で入力してください。")]
    BadGatewayName,
    #[error("該当する機器が見つからないか、すでに取り外されています。画面を開き直してください。")]
    NoDevice,
    #[error("その機器番号は、このゲートウェイにすでに登録されています。")]
    SerialInUse,
    #[error("{0}を入力してください（120文字以内）。")]
    BadLine(&'static str),
    #[error("取り付け確認は1分から240分までです。時間を選び直してください。")]
    BadTestLength,
    #[error("{field}は{range}の範囲で入力してください。")]
    Setting { at: &'static str, field: &'static str, range: &'static str },
    #[error("毎日この時刻に尋ねるには、尋ねかたで「電話」か「メール・SMS」を選んでください。")]
    DailyWithoutWay,
    #[error("毎日尋ねる時刻は、尋ねない時間（住まいで決めていないときは地域の設定）の外にしてください。")]
    DailyInQuietHours,
    #[error(
        "毎日尋ねる時刻を決めた住まいのうち{homes}軒で、尋ねられなくなります。先にその住まいの設定で、尋ねかたと時刻を直してください。"
    )]
    DailyOfHomes { at: &'static str, homes: usize },
    #[error("30分ごとの電力量は、使用中の電力量計にだけ取り込めます。")]
    NoMeter,
    #[error("{line}行目：{why}。")]
    Table { line: u64, why: Unfit },
    #[error("終わりの日時は、始まりより後、かつ現在より後にしてください。")]
    BadPeriod,
    #[error("{reason}の不在予定は{days}日までです。続く場合は、あらためて入力してください。")]
    TooLong { reason: &'static str, days: i64 },
    #[error("曜日と時間帯を選んでください。")]
    BadWeekly,
    #[error("不在予定は、ひとつの住まいに{0}件までです。不要な予定を取り消してから入力してください。")]
    TooManyAbsences(usize),
    #[error("該当する不在予定が見つからないか、すでに終わっています。画面を開き直してください。")]
    NoAbsence,
    #[error("該当する通知が見つかりません。画面を開き直してください。")]
    NoAlert,
    #[error("この通知にはすでに対応済みです。ありがとうございました。")]
    AlreadyEnded,
    #[error(
        "コールセンターが対応中のアラートは、この操作では終了できません。ご無事の場合は、お電話でお知らせください。"
    )]
    NotANotice,
}

impl form::Rule for WatchRefusal {
    fn kind(&self) -> form::Kind {
        use WatchRefusal as R;
        match self {
            R::NoHome | R::NoAlert | R::NoDevice | R::NoGateway | R::NoAbsence => form::Kind::NotThere,
            R::BadGatewayName
            | R::BadLine(_)
            | R::BadTestLength
            | R::Setting { .. }
            | R::DailyWithoutWay
            | R::DailyInQuietHours
            | R::Table { .. }
            | R::BadPeriod
            | R::TooLong { .. }
            | R::BadWeekly => form::Kind::Unfit,
            _ => form::Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        use WatchRefusal as R;
        match self {
            R::BadGatewayName | R::GatewayNameTaken => Some("name"),
            R::BadPeriod | R::TooLong { .. } => Some("until"),
            R::BadWeekly => Some("weekday"),
            R::Setting { at, .. } | R::DailyOfHomes { at, .. } => Some(at),
            R::DailyWithoutWay => Some("asked"),
            R::DailyInQuietHours => Some("daily"),
            _ => None,
        }
    }
}
