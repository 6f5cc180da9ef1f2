//! 案件: the way from an alert to its end. Calls, visits, help at a shut door, the doctor's answer, the closure.
//!
//! It knows who must do what by when, and who is told when a limit is over. It refuses to know how an alert comes about
//! (`watch`), who somebody is beyond an id (`people`), how a message travels (`notify`, driven by the outbox), and what
//! a page looks like. Every open case has a limit and stands on somebody's list; time alone never moves one.

mod board;
mod case;
mod desk;
mod duty;
mod ending;
mod event;
mod moving;
mod offers;
mod opening;
mod photo;
mod picture;
pub mod rules;
mod settings;
mod sheet;
mod store;
mod stored;
pub mod table;
mod telling;
mod unreadable;
mod verbs;
mod views;
mod visitors;
mod visits;
mod words;

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;

use access::AccessError;
use base::Redacted;
use care::CareError;
use db::{DbError, Migration, Sealed};
use people::PeopleError;
use thiserror::Error;
use watch::WatchError;

pub use board::{MARK_60, MARK_180, RuleKpi, Wallboard, kpis, share_taken, wallboard};
pub use case::{Call, Callee, Case, CaseAlert, Happening, StepRow, Visit, Visitor};
pub use desk::{
    Caller, CallerMatch, NewCall, ask_help, call_ambulance, hand_over, match_caller, record_call, record_incoming_call,
    release, take, take_over,
};
pub use ending::{
    Review, ToReview, answer_consultation, causes_now, close, consult, consultation_notes, note_answered, review,
    to_review,
};
pub use event::Event;
pub use moving::not_readable;
pub use offers::{May, colleagues, doctors_to_ask, may};
pub use opening::{answer_notice, anything_due, escalate_due, next_wake, on_alert, open_case};
pub use photo::{Photo, attach_photos, may_attach_photos, person_of_photo, photo, photos_of_case};
pub use picture::{NotAPicture, Picture};
pub use rules::{INCOMING_WINDOW, State};
pub use settings::{SCRIPT_LINES, Settings, set_settings, settings, settings_history};
pub use sheet::{CaseSheet, ContactTried, NextAct, VisitorChoice, case_sheet, key_holders, next_act};
pub use unreadable::{UnreadableCase, unreadable_cases};
pub use verbs::Verb;
pub use views::{
    FamilyCase, Listed, QueueRow, cases_of, family_view, find_case, lists_of, open_cases, overdue, overdue_count,
    overdue_known, queue, story,
};
pub use visits::{
    VisitReport, VisitRow, VisitSheet, accept_visit, arrived, decline_visit, go_instead, on_the_way, person_of_visit,
    report_help, report_visit, request_visit, visit_sheet, visits_for,
};
pub use watch::Cause;
pub use words::{CallOutcome, Condition, FalseAlarmReason, Help, How, Rung, Step, VisitState};

/// What the database holds sealed.
pub const SEALED: &[Sealed] = &[store::PIXELS];

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "response/001", sql: include_str!("schema.sql") },
    Migration { name: "response/append-only", sql: include_str!("append_only.sql") },
    Migration { name: "response/002", sql: include_str!("schema_visit_goes.sql") },
];

/// A rule said no; shown to the user, with what to do next.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    #[error("案件が見つかりません。一覧を開き直してください。")]
    NoSuchCase,
    #[error("訪問依頼が見つかりません。一覧を開き直してください。")]
    NoSuchVisit,
    #[error("写真が見つかりません。画面を開き直してください。")]
    NoSuchPhoto,
    #[error("この案件は解消済みです。新しく記録できるのは、着信と振り返りだけです。")]
    Closed,
    #[error("解消してから振り返りを記録してください。")]
    NotClosedYet,
    #[error("この案件の振り返りは記録済みです。")]
    AlreadyReviewed,
    #[error("まだ受付されていません。先に「受付」を押してください。")]
    TakeFirst,
    /// Names the holder to colleagues; nothing of it goes to a log or an audit row.
    #[error("この案件は{}さんが担当しています。引き継ぐときは理由を入力して「担当を替わる」を押してください。", .0.expose())]
    HeldBy(Redacted<String>),
    #[error("あなたはこの案件の担当ではありません。一覧を開き直してください。")]
    NotHolder,
    #[error("すでにあなたが担当しています。")]
    AlreadyYours,
    #[error("担当を替わる理由を入力してください。")]
    NoReason,
    #[error("引き継ぐ相手は、同じ事業所の有効な職員から選んでください。")]
    NotColleague,
    #[error(
        "この結果は連絡先への電話でだけ選べます。本人の様子がいつもと違うときは「応答・体調不良」を選んでください。"
    )]
    OnlyForContacts,
    #[error("この連絡先は登録から外れています。画面を開き直してください。")]
    NoSuchContact,
    #[error("救急要請はすでに記録されています。")]
    AmbulanceAlready,
    #[error("救急要請の時刻を確かめてください。検知の1時間前から現在までの時刻を入力できます。")]
    AmbulanceTime,
    #[error(
        "開扉の依頼は、家族への連絡か訪問依頼の後に記録できます。命の危険があるときは「救急要請」を押してください。"
    )]
    HelpTooEarly,
    #[error("電話か訪問の結果を記録してから、医療相談に進んでください。")]
    ReportFirst,
    #[error("医師の回答を待っています。電話で回答を得たときは、その内容を回答として記録してから解消してください。")]
    AnswerFirst,
    #[error("本人の無事や様子がまだ確かめられていません。電話か訪問の結果を記録してから解消してください。")]
    NotKnownYet,
    #[error("この結果は、記録された電話や訪問の内容と合いません。結果を選び直すか、内容を確かめてください。")]
    CauseDoesNotFit,
    #[error("医療相談の宛先は、この方のケアチームの医師から選んでください。")]
    NotTheDoctor,
    #[error("この訪問依頼は終わっています（{}）。", .0.ja())]
    VisitOver(VisitState),
    #[error("この訪問はあなたへの依頼ではありません。")]
    NotYourVisit,
    /// Names the one who goes to colleagues of the same office; nothing of it goes to a log or an audit row.
    #[error("この訪問は{}さんが引き受けています。代わりに行くときは「代わりに向かいます」を押してください。", .0.expose())]
    ColleagueGoes(Redacted<String>),
    #[error("{}さんが到着しています。様子は、報告を待つかコールセンターに確かめてください。", .0.expose())]
    ColleagueIsThere(Redacted<String>),
    #[error("写真は、訪問した{}さんが送れます。", .0.expose())]
    PhotosOfWhoWent(Redacted<String>),
    #[error("この方・事業所には、すでに訪問を依頼しています。")]
    VisitorAlreadyAsked,
    #[error("1つの案件で依頼できる訪問は50件までです。警察か消防への依頼をご検討ください。")]
    TooManyVisits,
    #[error("写真は、様子を報告したあとに送れます。先に「様子の報告」を押してください。")]
    PhotosAfterReport,
    #[error("1回の訪問で送れる写真は{}枚までです。", base::limits::PHOTOS_PER_VISIT)]
    TooManyPhotos,
    #[error("写真を選んでから送信してください。")]
    NoPhoto,
    #[error("訪問を依頼する方を選び直してください。")]
    NoSuchVisitor,
    #[error("文章は4000文字以内で入力してください。")]
    TextTooLong,
    #[error("内容を入力してください。")]
    NoText,
    #[error("電話番号を確かめてください。48時間以内の案件に、この番号の方は見つかりません。")]
    NoCaseForNumber,
    #[error("期限は30秒から24時間までの間で設定してください。")]
    LimitOutOfRange,
    #[error("架電の回数は1回から5回までの間で設定してください。")]
    TriesOutOfRange,
    #[error("質問は20行まで、1行は120文字までで入力してください。空の行は消してください。")]
    ScriptTooLong,
    #[error("設定を変えられるのは、市の担当者と事務局だけです。")]
    SettingsNotYours,
    #[error("この画面を見る権限がありません。必要な場合は事務局にご相談ください。")]
    NotYourBoard,
}

impl form::Rule for Refusal {
    fn kind(&self) -> form::Kind {
        use Refusal as R;
        match self {
            R::NoSuchCase | R::NoSuchVisit | R::NoSuchPhoto => form::Kind::NotThere,
            R::NoReason
            | R::NotColleague
            | R::OnlyForContacts
            | R::AmbulanceTime
            | R::CauseDoesNotFit
            | R::NotTheDoctor
            | R::NoPhoto
            | R::TooManyPhotos
            | R::NoSuchVisitor
            | R::TextTooLong
            | R::NoText
            | R::LimitOutOfRange
            | R::TriesOutOfRange
            | R::ScriptTooLong => form::Kind::Unfit,
            _ => form::Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        use Refusal as R;
        match self {
            R::NoReason => Some("reason"),
            R::NotColleague => Some("to"),
            R::OnlyForContacts => Some("outcome"),
            R::AmbulanceTime => Some("at"),
            R::CauseDoesNotFit => Some("cause"),
            R::NotTheDoctor => Some("doctor"),
            R::NoSuchVisitor | R::VisitorAlreadyAsked => Some("visitor"),
            _ => None,
        }
    }
}

#[derive(Debug, Error)]
pub enum ResponseError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Care(#[from] CareError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(ResponseError { Access, People, Care, Watch, Db });
