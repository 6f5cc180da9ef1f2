//! One message, many ways: the desk's screen, e-mail, SMS, telephone; each attempt with its receipt.
//!
//! It knows whom (a uuid), on what topic, by which ways in which order, and what became of each attempt. It refuses to
//! know who somebody is: addresses are handed over with the message, kept only while they may still be needed, and
//! nothing that leaves the desk names a person, in the subject neither; texts come from a fixed catalogue ([`Topic`]).
//! A link in a message is a random token, kept as SHA-256, made afresh for each attempt; it opens a page without a name
//! and acts once.
//!
//! The screen is served at once and beside all else. The outside ways are taken one after the other: one that fails is
//! tried again after 2, 5 and 10 s, then the next is taken, within 60 s of the first failure. When all failed, the
//! message stands on a list until somebody settles it. A gateway that reports has the last word on what it accepted: a
//! failure, or no report in time, leads to the next way.
//!
//! Addresses live in the database only while an attempt may still need them.
//!
//! Outside the transaction, [`run`] (or: [`due`], [`deliver`], [`record_outcome`]) carries the queue out. SMS and
//! telephone go through an HTTP gateway; `docs/gateway.md` says what it must understand.

mod carry;
mod compose;
mod deliver;
mod event;
mod inbox;
mod letters;
mod link;
mod report;
pub mod rules;
mod send;
mod store;
#[cfg(test)]
mod tests;
mod undelivered;
mod verbs;

use access::AccessError;
use base::{AlertId, CaseId, Instant, MessageId, NoteId, PersonId, Redacted, VisitId};
use db::{DbError, Migration};
use thiserror::Error;
use uuid::Uuid;

pub use carry::{due, record_outcome, run};
pub use compose::{Text, compose};
pub use deliver::{AdapterError, Adapters, GatewayConfig, SmtpConfig, SmtpTls, check_gateway, check_mail, deliver};
pub use event::Event;
pub use inbox::{InboxItem, give_up_before, inbox, mark_read, messages, receipts, receipts_of, tidy, unread};
pub use letters::{Letter, letters};
pub use link::{LinkHash, LinkPeek, LinkSeed, LinkUse, link_is_for, peek_link, use_link};
pub use report::{GatewayReport, Reported, question_of, record_report};
pub use send::send;
pub use undelivered::{Undeliverable, settle_undeliverable, undeliverable};
pub use verbs::Verb;

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "notify/001", sql: include_str!("schema.sql") },
    Migration { name: "notify/002", sql: include_str!("superseded.sql") },
];

base::words! {
    /// By what a message travels.
    Way {
        Screen = "screen", "画面";
        Mail = "mail", "メール";
        Sms = "sms", "SMS";
        Phone = "phone", "自動音声電話";
    }
}

base::words! {
    /// What a message is about; its Japanese is what a signed-in recipient reads.
    Topic {
        /// A gentle question to resident or family: is all well?
        NoticeAsked = "notice_asked", "お変わりないかの確認をお願いします。";
        AlertRaised = "alert_raised", "アラートが発生しました。";
        CaseTaken = "case_taken", "コールセンターが対応を始めました。";
        AmbulanceCalled = "ambulance_called", "救急車の出動を要請しました。";
        CaseClosed = "case_closed", "対応が終了しました。";
        CaseOverdue = "case_overdue", "対応の期限を過ぎた案件があります。";
        VisitRequested = "visit_requested", "訪問の依頼があります。";
        ConsultationAsked = "consultation_asked", "医療相談の依頼があります。";
        NoteWaiting = "note_waiting", "連絡帳にお返事をお待ちしている記事があります。";
        AbsenceEntered = "absence_entered", "不在予定が登録されました。";
        GatewaySilent = "gateway_silent", "ゲートウェイからの通信が途絶えています。";
        AccountCreated = "account_created", "あなたの利用者登録が行われました。";
        AccountReissued = "account_reissued", "あなたの初回設定コードが再発行され、これまでのパスワードは使えなくなりました。心当たりがないときは、すぐに事務局に連絡してください。";
        AccountSuspended = "account_suspended", "あなたの利用者登録が停止されました。心当たりがないときは、事務局に連絡してください。";
        AccountReinstated = "account_reinstated", "あなたの利用者登録の停止が解除されました。";
        AccountRequestWaits = "account_request_waits", "事務局・監査の利用者の手続きが、承認を待っています。「利用者」の「承認を待っている手続き」を確認してください。";
        AccountRequestApproved = "account_request_approved", "依頼した利用者の手続きが承認されました。";
        AccountRequestDeclined = "account_request_declined", "依頼した利用者の手続きは承認されませんでした。";
        AccountRequestEnded = "account_request_ended", "依頼した利用者の手続きは、承認されないまま期限が過ぎるなどして終了しました。必要なときは、もう一度依頼してください。";
        DeliveryTest = "delivery_test", "配信の試験です。";
    }
}

impl Topic {
    /// Urgent ones overtake the others in the queue.
    pub const fn urgent(self) -> bool {
        matches!(
            self,
            Topic::NoticeAsked
                | Topic::AlertRaised
                | Topic::AmbulanceCalled
                | Topic::CaseOverdue
                | Topic::VisitRequested
        )
    }

    /// About what two administrators decide.
    pub const fn of_account_request(self) -> bool {
        use Topic::{AccountRequestApproved, AccountRequestDeclined, AccountRequestEnded, AccountRequestWaits};
        matches!(self, AccountRequestWaits | AccountRequestApproved | AccountRequestDeclined | AccountRequestEnded)
    }
}

base::words! {
    /// Where an attempt stands.
    AttemptState {
        /// Its turn comes when an earlier way fails.
        Waiting = "waiting", "待機";
        Queued = "queued", "送信待ち";
        Sent = "sent", "送信済み";
        Failed = "failed", "送信できず";
        Read = "read", "確認済み";
        /// Another way reached the recipient first.
        Unneeded = "unneeded", "送信不要";
    }
}

/// What the link in a message is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkPurpose {
    /// 「大丈夫です」 to a notice; never ends an alert.
    AnswerNotice {
        alert: AlertId,
    },
    OpenCase {
        case: CaseId,
    },
    VisitRequest {
        visit: VisitId,
    },
    OpenNote {
        note: NoteId,
    },
}

impl LinkPurpose {
    pub const fn key(self) -> &'static str {
        match self {
            LinkPurpose::AnswerNotice { .. } => "answer_notice",
            LinkPurpose::OpenCase { .. } => "open_case",
            LinkPurpose::VisitRequest { .. } => "visit_request",
            LinkPurpose::OpenNote { .. } => "open_note",
        }
    }

    pub const fn target(self) -> Uuid {
        match self {
            LinkPurpose::AnswerNotice { alert } => alert.0,
            LinkPurpose::OpenCase { case } => case.0,
            LinkPurpose::VisitRequest { visit } => visit.0,
            LinkPurpose::OpenNote { note } => note.0,
        }
    }

    /// Whether the button may act for its bearer without a sign-in; the others only show the way to one.
    pub const fn acts_nameless(self) -> bool {
        matches!(self, LinkPurpose::AnswerNotice { .. })
    }

    pub(crate) fn from_parts(key: &str, target: Uuid) -> Option<LinkPurpose> {
        Some(match key {
            "answer_notice" => LinkPurpose::AnswerNotice { alert: AlertId(target) },
            "open_case" => LinkPurpose::OpenCase { case: CaseId(target) },
            "visit_request" => LinkPurpose::VisitRequest { visit: VisitId(target) },
            "open_note" => LinkPurpose::OpenNote { note: NoteId(target) },
            _ => return None,
        })
    }
}

/// Whom a message goes to: the uuid of a staff member, contact, resident or office, and the addresses of this moment.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub id: Uuid,
    pub mail: Option<Redacted<String>>,
    /// For SMS and telephone.
    pub phone: Option<Redacted<String>>,
}

impl Recipient {
    /// Somebody who is reached on the screen only.
    pub const fn on_screen(id: Uuid) -> Recipient {
        Recipient { id, mail: None, phone: None }
    }
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub to: Recipient,
    /// About whom; for the audit row and for what the link may do.
    pub person: Option<PersonId>,
    pub topic: Topic,
    /// In order of preference. `Screen` is served at once wherever it stands.
    pub ways: Vec<Way>,
    pub link: Option<LinkPurpose>,
}

/// One attempt to deliver one message by one way; the `reference` a gateway gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub Uuid);

impl From<Uuid> for AttemptId {
    fn from(id: Uuid) -> Self {
        AttemptId(id)
    }
}

impl std::fmt::Display for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl std::fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

impl std::str::FromStr for AttemptId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// An attempt leased for delivery, with everything the adapter needs.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub attempt: AttemptId,
    pub message: MessageId,
    pub way: Way,
    pub topic: Topic,
    pub address: Redacted<String>,
    /// The link's token for this very try; none is stored.
    pub link: Option<Redacted<String>>,
    /// Counts this try, from 1.
    pub tries: u32,
}

/// How a delivery went. The reason is a word of ours, never what a server said: that may quote an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    Sent,
    /// A gateway took it and will report what became of it.
    Accepted,
    /// Worth another try: no line, a busy server.
    Failed {
        why: &'static str,
    },
    /// Will fail again: a refused address, a way that is not set up.
    Refused {
        why: &'static str,
    },
}

/// What became of one attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub attempt: AttemptId,
    pub way: Way,
    pub state: AttemptState,
    pub tries: u32,
    pub queued_at: Option<Instant>,
    pub sent_at: Option<Instant>,
    pub failed_at: Option<Instant>,
    pub read_at: Option<Instant>,
    /// A word of ours for the last failure; [`rules::failure_ja`] says it to people.
    pub error: Option<String>,
}

#[derive(Debug, Error)]
pub enum NotifyError {
    #[error(transparent)]
    Refused(#[from] NotifyRefusal),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(NotifyError { Access, Db });

/// A rule said no; the text is for the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotifyRefusal {
    #[error("このリンクは無効です。お知らせに記載のリンクを、途中で切れていないか確かめて、もう一度開いてください。")]
    LinkUnknown,
    #[error("このリンクは既に使用されています。ご確認ありがとうございました。")]
    LinkUsed,
    #[error("このリンクの有効期限が過ぎています。お困りのことがあれば、コールセンターまたは担当者へお電話ください。")]
    LinkExpired,
    #[error("このお知らせは見つかりません。一覧を開き直してください。")]
    MessageUnknown,
    #[error("このお知らせは、すでに対応済みです。一覧を開き直してください。")]
    Settled,
    #[error("この一覧を見る権限がありません。必要な場合は事務局にご相談ください。")]
    NotForYou,
}

impl form::Rule for NotifyRefusal {
    fn kind(&self) -> form::Kind {
        form::Kind::Conflict
    }
}
