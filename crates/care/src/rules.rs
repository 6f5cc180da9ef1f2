//! What a note must be, who may read it, and whose answer is still owed. Pure.

use base::{Ctx, Instant, Purpose, Role, StaffId, limits};
use thiserror::Error;
use uuid::Uuid;

use crate::{Addressee, Correction, NewNote, NoteState, Visibility};

/// A rule said no; shown to the user, with what to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NoteRefusal {
    #[error("件名を入力してください。")]
    NoSubject,
    #[error("件名は{}文字以内で入力してください。", limits::LINE_CHARS)]
    SubjectTooLong,
    #[error("本文を入力してください。")]
    NoBody,
    #[error("本文は{}文字以内で入力してください。分けて書くこともできます。", limits::TEXT_CHARS)]
    BodyTooLong,
    #[error("宛先を1つ以上選んでください。")]
    NoAddressee,
    #[error("宛先の方は、この方のケアチームに参加していません。チームに参加している方を選んでください。")]
    NotInTeam,
    #[error("宛先には、医師・訪問看護師・薬剤師・ケアマネジャー・訪問介護員のいずれかの職種を選んでください。")]
    NotAProfession,
    #[error("医療職のみの記事は、医師・訪問看護師・薬剤師以外を宛先にできません。公開範囲か宛先を変えてください。")]
    HiddenFromAddressee,
    #[error("返信期限には、これから先の日時を入力してください。")]
    ReplyByPast,
    #[error("訂正・取消の理由を入力してください。")]
    NoReason,
    #[error("訂正・取消ができるのは、記事を書いた方だけです。返信でお知らせください。")]
    NotAuthor,
    #[error("この記事は取り消されています。必要な場合は新しい記事を書いてください。")]
    Withdrawn,
    #[error("記事が見つかりません。連絡帳を開き直してください。")]
    NoSuchNote,
}

impl form::Rule for NoteRefusal {
    fn kind(&self) -> form::Kind {
        use NoteRefusal as R;
        match self {
            R::NoSuchNote => form::Kind::NotThere,
            R::NoSubject
            | R::SubjectTooLong
            | R::NoBody
            | R::BodyTooLong
            | R::NoAddressee
            | R::NotInTeam
            | R::NotAProfession
            | R::HiddenFromAddressee
            | R::ReplyByPast
            | R::NoReason => form::Kind::Unfit,
            _ => form::Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        use NoteRefusal as R;
        match self {
            R::NoSubject | R::SubjectTooLong => Some("subject"),
            R::NoBody | R::BodyTooLong => Some("body"),
            R::NoAddressee | R::NotInTeam | R::NotAProfession | R::HiddenFromAddressee => Some("to"),
            R::ReplyByPast => Some("reply_by"),
            R::NoReason => Some("reason"),
            _ => None,
        }
    }
}

/// The professions a note can be addressed to.
pub const PROFESSIONS: [Role; 5] = [Role::Doctor, Role::Nurse, Role::Pharmacist, Role::CareManager, Role::CareWorker];

pub fn check_new(note: &NewNote, team: &[(StaffId, Role)], now: Instant) -> Result<(), NoteRefusal> {
    check_text(note.subject.expose(), note.body.expose())?;
    check_reply_by(note.reply_by, now)?;
    if note.addressees.is_empty() {
        return Err(NoteRefusal::NoAddressee);
    }
    note.addressees.iter().try_for_each(|to| check_addressee(*to, note.visibility, team))
}

fn check_addressee(to: Addressee, visibility: Visibility, team: &[(StaffId, Role)]) -> Result<(), NoteRefusal> {
    let role = match to {
        Addressee::Team => return Ok(()),
        Addressee::Staff(staff) => team.iter().find(|(id, _)| *id == staff).ok_or(NoteRefusal::NotInTeam)?.1,
        Addressee::Profession(role) if PROFESSIONS.contains(&role) => role,
        Addressee::Profession(_) => return Err(NoteRefusal::NotAProfession),
    };
    if may_read(visibility, reads_medical(role), false) { Ok(()) } else { Err(NoteRefusal::HiddenFromAddressee) }
}

pub fn check_correction(c: &Correction, author: Uuid, state: NoteState, ctx: &Ctx) -> Result<(), NoteRefusal> {
    check_change(author, state, c.reason.expose(), ctx)?;
    check_text(c.subject.expose(), c.body.expose())?;
    check_reply_by(c.reply_by, ctx.now)
}

/// Whether a note may be corrected or withdrawn: by its author, with a reason, once only withdrawn.
pub fn check_change(author: Uuid, state: NoteState, reason: &str, ctx: &Ctx) -> Result<(), NoteRefusal> {
    if state == NoteState::Withdrawn {
        return Err(NoteRefusal::Withdrawn);
    }
    if author != ctx.actor.id {
        return Err(NoteRefusal::NotAuthor);
    }
    if reason.trim().is_empty() {
        return Err(NoteRefusal::NoReason);
    }
    check_body(reason)
}

pub fn check_reply(state: NoteState, body: &str) -> Result<(), NoteRefusal> {
    if state == NoteState::Withdrawn {
        return Err(NoteRefusal::Withdrawn);
    }
    check_body(body)
}

fn check_text(subject: &str, body: &str) -> Result<(), NoteRefusal> {
    if subject.trim().is_empty() {
        return Err(NoteRefusal::NoSubject);
    }
    if subject.chars().count() > limits::LINE_CHARS {
        return Err(NoteRefusal::SubjectTooLong);
    }
    check_body(body)
}

fn check_body(body: &str) -> Result<(), NoteRefusal> {
    if body.trim().is_empty() {
        return Err(NoteRefusal::NoBody);
    }
    if body.chars().count() > limits::TEXT_CHARS {
        return Err(NoteRefusal::BodyTooLong);
    }
    Ok(())
}

fn check_reply_by(reply_by: Option<Instant>, now: Instant) -> Result<(), NoteRefusal> {
    match reply_by {
        Some(limit) if limit <= now => Err(NoteRefusal::ReplyByPast),
        _ => Ok(()),
    }
}

/// Whether somebody who may see the notebook may read a note of this visibility; `medical`: the policies let them read
/// what is for the medical professions.
pub fn may_read(visibility: Visibility, medical: bool, author: bool) -> bool {
    match visibility {
        Visibility::Team => true,
        Visibility::Medical => author || medical,
    }
}

/// Whether the policies let a team member of this role read what is for the medical professions.
fn reads_medical(role: Role) -> bool {
    access::would(role, Purpose::Care, access::Act::SeeMedicalNotes, access::Ground::CareTeam)
}

/// Whether one of those addressed still owes an answer: each named person one of their own, each profession one from
/// its midst, the whole team one from anybody but the author.
pub fn awaited(addressees: &[Addressee], author: Uuid, replies: &[(Uuid, Role)]) -> bool {
    addressees.iter().any(|to| match to {
        Addressee::Staff(staff) => !replies.iter().any(|(by, _)| *by == staff.0),
        Addressee::Profession(role) => !replies.iter().any(|(_, r)| r == role),
        Addressee::Team => !replies.iter().any(|(by, _)| *by != author),
    })
}
