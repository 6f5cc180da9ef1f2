//! 台帳: residents with their homes and contacts, offices and staff, care teams, consents, the medical summary in
//! brief, and the search that finds a person.
//!
//! It knows who somebody is and who may know it: a team membership or a family consent opens grants, their end closes
//! them at once. It refuses to know what is measured in a home, what is written in the notebook, and who signs in.

mod consent;
mod contact;
mod event;
mod heads;
mod history;
mod home;
mod life;
mod medical;
mod number;
mod office;
mod resident;
mod rules;
mod scope;
mod search;
mod staff;
mod store;
mod team;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod verbs;
mod words;

use base::wareki::Date;
use base::{Ctx, Instant, PersonId};
use db::{DbError, Migration};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

pub use consent::{
    Consent, NewConsent, UnreadableConsent, Withdrawal, consent_state, consents, expire_consents, record_consent,
    unreadable_consents, withdraw_consent,
};
pub use contact::{
    Contact, ContactFacts, add_contact, contact, contacts, relation_to, remove_contact, reorder_contacts,
    revise_contact,
};
pub use event::Event;
pub use form::{Email, FieldError, Form, Kana, Line, Name, PhoneNumber, PostalCode, Text};
pub use heads::{
    CityOf, Heads, Households, OfficeHead, PersonHead, cities_of, contacts_of_ids, heads, heads_of_homes, households,
    named, office_heads, residents_among, staff_names, staff_of_ids,
};
pub use history::{Kept, Version, versions};
pub use home::{Home, HomeFacts, home, home_of, register_home, residents_of_home, revise_home};
pub use life::set_life;
pub use medical::{MedicalFacts, MedicalSummary, medical_summary, revise_medical};
pub use number::{is_resident_number, resident_number};
pub use office::{
    Office, OfficeFacts, call_centre, city_office, office, offices, register_office, revise_office, support_centre,
};
pub use resident::{
    HomeChoice, NewResident, Resident, ResidentFacts, confirm_resident, duplicates, move_home, register_resident,
    resident, revise_resident,
};
pub use rules::{consent_states, usual_profession};
pub use scope::ConsentScope;
pub use search::{Found, FoundPerson, file_anew, persons_by_phone, search};
pub use staff::{
    NewStaff, Reach, Staff, StaffFacts, reach, register_staff, revise_staff, set_staff_state, staff, staff_of_office,
    staff_state,
};
pub use team::{Colleague, TeamMember, colleagues, join_team, leave_team, team};
pub use verbs::Verb;
pub use words::*;

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "people/001", sql: include_str!("schema.sql") },
    // Tells `access` of those who were registered before it knew cities.
    Migration { name: "people/002", sql: include_str!("schema_cities.sql") },
    Migration { name: "people/append-only", sql: include_str!("append_only.sql") },
    Migration { name: "people/003", sql: include_str!("names.sql") },
];

/// Where a fact comes from, who entered it, and when it was last confirmed (確認日).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Provenance {
    pub source: Source,
    /// The account that entered it; nil for the program itself.
    pub entered_by: Uuid,
    pub entered_at: Instant,
    pub confirmed_on: Option<Date>,
}

/// What a correction must bring: the version its author saw, and why. Without the first, two clerks would overwrite
/// each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    pub seen: i64,
    pub reason: Line,
}

impl Revision {
    /// Fields `version` and `reason`.
    pub fn parse(form: &Form) -> Result<Revision, Vec<FieldError>> {
        let mut reading = form::Reading::of(form);
        let seen = reading.id("version", "版");
        let reason = reading.line("reason", "変更の理由");
        let read = (|| Some(Revision { seen: seen?, reason: reason? }))();
        reading.finish(read)
    }
}

#[derive(Debug, Error)]
pub enum PeopleError {
    #[error(transparent)]
    Refused(#[from] PeopleRefusal),
    #[error(transparent)]
    Access(#[from] access::AccessError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(PeopleError { Access, Db });

/// `None` for what stands in the register and cannot be read, or does not stand there: for lists that must not lose their
/// other lines to it. Every other error stays one.
pub fn as_far_as_readable<T>(found: Result<T, PeopleError>) -> Result<Option<T>, PeopleError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(PeopleError::Db(DbError::Shape { .. }) | PeopleError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A rule that said no, in words for the user.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PeopleRefusal {
    #[error("該当する方が見つかりません。番号や氏名をもう一度ご確認ください。")]
    NoPerson,
    #[error("該当する住まいが見つかりません。一覧から選び直してください。")]
    NoHome,
    #[error("該当する連絡先が見つかりません。すでに削除された可能性があります。画面を開き直してください。")]
    NoContact,
    #[error("該当する事業所が見つかりません。一覧から選び直してください。")]
    NoOffice,
    #[error(
        "同じ名前・種別の事業所がすでに登録されています。別の事業所の場合は、地名や支店名を添えて見分けられる名前にしてください。"
    )]
    OfficeNamesake,
    /// Alerts of those who live there would be nobody's, and other cities would see them.
    #[error(
        "この市に住む対象者がいるため、市区町村コードを変えられません。先に、この市の高齢福祉の担当部署を別に登録してください。"
    )]
    CityWithoutOffice,
    #[error("該当する職員が見つかりません。一覧から選び直してください。")]
    NoStaff,
    #[error("該当する同意の記録が見つかりません。画面を開き直してください。")]
    NoConsent,
    #[error("該当するチーム参加の記録が見つかりません。すでに終了している可能性があります。画面を開き直してください。")]
    NoMembership,
    /// Others with the same folded reading and date of birth, so that the page can show them.
    #[error("フリガナと生年月日が同じ方がすでに{}名登録されています。同じ方でないことを確認のうえ、確認欄に印を付けて登録してください。", .0.len())]
    MaybeDuplicate(Vec<PersonId>),
    #[error(
        "ほかの方が先にこの内容を変更しました。最新の内容を開き、変更が必要か確認してからもう一度入力してください。"
    )]
    Stale,
    #[error("変更の理由を入力してください。")]
    NoReason,
    #[error("転出または死亡により登録が終了した方です。必要な場合は、先に生存状態を訂正してください。")]
    Closed,
    #[error("その日付は未来の日付です。日付をご確認ください。")]
    FutureDate,
    #[error("連絡先の並びが最新の一覧と一致しません。画面を開き直し、もう一度並べ替えてください。")]
    OrderMismatch,
    #[error("連絡先は{0}件までです。使わない連絡先を削除してから追加してください。")]
    TooManyContacts(usize),
    #[error("この職種区分は、この種別の事業所には登録できません。事業所または区分を選び直してください。")]
    RoleDoesNotFitOffice,
    #[error("この区分は職員として登録できません。区分を選び直してください。")]
    NotAStaffRole,
    #[error("職員の状態を「{}」から「{}」に変えることはできません。退職した方が戻るときは、新しく登録してください。", .from.ja(), .to.ja())]
    StaffStateChange { from: StaffState, to: StaffState },
    #[error("この職員は現在「{}」のため、チームに参加できません。有効な職員を選んでください。", .0.ja())]
    StaffNotActive(StaffState),
    #[error("「{}」は、この職員の職種では担当できません。役割を選び直してください。", .0.ja())]
    PartDoesNotFitRole(TeamPart),
    #[error("この職員は、すでに同じ役割でチームに参加しています。")]
    AlreadyOnTeam,
    #[error("ケアチームは{0}名までです。すでに担当でない方の参加を終了してから追加してください。")]
    TeamFull(usize),
    #[error("医療介護の情報共有について同意が記録されていません（いまの状態：{}）。先に同意を記録してください。", .0.ja())]
    SharingNotConsented(ConsentState),
    #[error(
        "医療介護の情報共有についての同意の記録を読み取れないため、チームに加えられません。システム管理者に連絡してください。"
    )]
    SharingUnreadable,
    #[error(
        "この事業所は、ご本人が同意した共有先に含まれていません。共有先を確認し、必要なら同意を取り直してください。"
    )]
    OfficeNotConsented,
    #[error("{words}")]
    ConsentIncomplete { field: &'static str, words: &'static str },
    #[error(
        "この範囲には読み取れない記録があり、断りの記録かもしれないため、この操作はできません。システム管理者に連絡してください。\
         ご本人が断っているとき、同意をやめるときは、「不同意」または「拒否申出」として記録できます。"
    )]
    ConsentUnreadable,
    #[error("{}", rules::answer_stands(*.answer, *.instead_of))]
    AnswerStands { answer: ConsentState, instead_of: ConsentState },
    #[error("この同意は「{}」のため撤回できません。いまの同意の状態を確認してください。", .0.ja())]
    NotWithdrawable(ConsentState),
    #[error("医療情報の要約は、チームの医師またはケアマネジャーが記入します。担当の方にご依頼ください。")]
    NotMedicalAuthor,
    #[error("認定の有効期間の終わりが始まりより前になっています。期間をご確認ください。")]
    CertificationPeriod,
}

impl form::Rule for PeopleRefusal {
    fn kind(&self) -> form::Kind {
        use PeopleRefusal as R;
        match self {
            R::NoPerson | R::NoHome | R::NoContact | R::NoOffice | R::NoStaff | R::NoConsent | R::NoMembership => {
                form::Kind::NotThere
            }
            R::NoReason
            | R::FutureDate
            | R::RoleDoesNotFitOffice
            | R::NotAStaffRole
            | R::PartDoesNotFitRole(_)
            | R::ConsentIncomplete { .. }
            | R::CertificationPeriod => form::Kind::Unfit,
            _ => form::Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        use PeopleRefusal as R;
        match self {
            R::NoReason => Some("reason"),
            R::OfficeNamesake => Some("name"),
            R::AnswerStands { .. } | R::ConsentUnreadable => Some("state"),
            R::ConsentIncomplete { field, .. } => Some(field),
            R::PartDoesNotFitRole(_) => Some("part"),
            _ => None,
        }
    }
}

/// For whoever keeps the register of the whole region: offices, staff, homes in which nobody lives yet.
pub(crate) fn keeper(ctx: &Ctx) -> Result<access::Charged, access::AccessError> {
    access::charge(ctx, access::Charge::KeepRegister)
}

impl Provenance {
    pub(crate) fn now(ctx: &Ctx, source: Source, confirmed_on: Option<Date>) -> Provenance {
        Provenance { source, entered_by: ctx.actor.id, entered_at: ctx.now, confirmed_on }
    }
}
