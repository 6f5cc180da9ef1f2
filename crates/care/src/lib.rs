//! 連絡帳: the notebook of a resident's care team. Notes with addressees, replies, read receipts and acknowledgements.
//!
//! It knows notes and who wrote, read and answered them. It refuses to know why somebody belongs to a team (`people`),
//! who may look (`access`), how a note reaches a telephone (`notify`), and what a case does with an answer
//! (`response`). Nothing confirmed is overwritten: a correction is a new version with a reason.

mod event;
mod lists;
mod rules;
mod store;
#[cfg(test)]
mod tests;
mod verbs;
mod writing;

use access::AccessError;
use base::words;
use base::{CaseId, Instant, NoteId, PersonId, Redacted, Role, StaffId};
use db::{DbError, Migration};
use people::PeopleError;
use thiserror::Error;
use uuid::Uuid;

pub use event::Event;
pub use lists::{new_for, note, notes, notes_of_case, versions, waiting_for};
pub use rules::NoteRefusal;
pub use verbs::Verb;
pub use writing::{acknowledge, correct_note, mark_read, reply, withdraw_note, write_note};

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "care/001", sql: include_str!("schema.sql") },
    Migration { name: "care/append-only", sql: include_str!("append_only.sql") },
    Migration { name: "care/002", sql: include_str!("names.sql") },
];

words! {
    /// What a note is (種別).
    NoteKind {
        Plain = "plain", "記事";
        Report = "report", "報告";
        Consultation = "consultation", "相談";
        Request = "request", "依頼";
        Message = "message", "連絡";
        HandOver = "hand_over", "申し送り";
        Urgent = "urgent", "緊急";
        Monitoring = "monitoring", "モニタリング";
        Watch = "watch", "センサー";
    }
}

words! {
    /// How soon it wants to be read (重要度).
    Importance {
        Normal = "normal", "通常";
        Important = "important", "重要";
        Urgent = "urgent", "至急";
    }
}

words! {
    /// Who of the team may read it (公開範囲).
    Visibility {
        Team = "team", "チーム";
        /// 医師・看護師・薬剤師 and the author.
        Medical = "medical", "医療職のみ";
    }
}

words! {
    /// 状態 of a note, and what each of its versions did.
    NoteState {
        Confirmed = "confirmed", "確定";
        Corrected = "corrected", "訂正";
        Withdrawn = "withdrawn", "取消";
    }
}

words! {
    /// A short answer by one touch (反応).
    Reaction {
        Understood = "understood", "了解";
        Checked = "checked", "確認しました";
        WillAct = "will_act", "対応します";
    }
}

/// To whom a note speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Addressee {
    /// 全員: everybody in the team.
    Team,
    Staff(StaffId),
    /// Everybody of one profession in the team.
    Profession(Role),
}

/// A note to be written.
#[derive(Clone, Debug)]
pub struct NewNote {
    pub person: PersonId,
    pub kind: NoteKind,
    pub subject: Redacted<String>,
    pub body: Redacted<String>,
    pub addressees: Vec<Addressee>,
    pub importance: Importance,
    /// 返信期限; `None` where no answer is asked for.
    pub reply_by: Option<Instant>,
    pub visibility: Visibility,
    pub case: Option<CaseId>,
}

/// A correction: the whole text anew, and why.
#[derive(Clone, Debug)]
pub struct Correction {
    pub subject: Redacted<String>,
    pub body: Redacted<String>,
    pub importance: Importance,
    pub reply_by: Option<Instant>,
    pub reason: Redacted<String>,
}

/// Somebody who wrote, read or answered. The name is empty for the program itself.
#[derive(Clone, Debug)]
pub struct Writer {
    pub id: Uuid,
    pub role: Role,
    pub name: Redacted<String>,
}

/// A note as its readers see it: the newest version, and what followed.
#[derive(Clone, Debug)]
pub struct Note {
    pub id: NoteId,
    pub person: PersonId,
    pub kind: NoteKind,
    pub subject: Redacted<String>,
    pub body: Redacted<String>,
    pub importance: Importance,
    pub reply_by: Option<Instant>,
    pub visibility: Visibility,
    pub case: Option<CaseId>,
    pub author: Writer,
    pub written_at: Instant,
    pub state: NoteState,
    /// 1 for the first; higher after corrections.
    pub version: u32,
    pub addressees: Vec<(Addressee, Redacted<String>)>,
    pub replies: Vec<Reply>,
    pub reads: Vec<Read>,
    pub reactions: Vec<(Writer, Reaction, Instant)>,
    /// Whether the one who asks has read it (its author has).
    pub read_by_me: bool,
    /// Whether an answer is still owed by one of those it speaks to.
    pub awaited: bool,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub id: Uuid,
    pub by: Writer,
    pub at: Instant,
    pub body: Redacted<String>,
}

/// 既読: who, when, and which version.
#[derive(Clone, Debug)]
pub struct Read {
    pub by: Writer,
    pub at: Instant,
    pub version: u32,
}

/// One version of a note, for those who ask what was changed.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: u32,
    pub at: Instant,
    pub by: Writer,
    pub state: NoteState,
    pub subject: Redacted<String>,
    pub body: Redacted<String>,
    pub importance: Importance,
    pub reply_by: Option<Instant>,
    pub reason: Redacted<String>,
}

/// A page of a list, newest first: at most [`base::limits::LIST_ROWS`] rows.
#[derive(Clone, Debug)]
pub struct NotePage {
    pub notes: Vec<Note>,
    /// Hand this to the next call to see older notes; `None` on the last page.
    pub older: Option<Cursor>,
}

/// Where a page ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub written_at: Instant,
    pub id: NoteId,
}

#[derive(Debug, Error)]
pub enum CareError {
    #[error(transparent)]
    Refused(#[from] NoteRefusal),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(CareError { Access, People, Db });
