//! Who may come in: accounts, the two steps of signing in (password, then a second factor), enrolment by a one-time
//! code, sessions and their ends.
//!
//! It knows no table of people: an account's id is the uuid of the staff member, contact or resident it belongs to, and
//! whoever creates one hands over role, office and the name to show. It draws no randomness inside a command
//! ([`Secrets`] are drawn at the edge), hashes no password inside the writer, and never says whether an account exists.
//!
//! Signing in, as the edge does it:
//! 1. read [`knock`]: whether the address must wait, and whether there is such an account; nothing is written for a
//!    stranger ([`Strangers`] remembers them in memory, and says what may stand in the audit chain);
//! 2. write [`begin_signin`]: counts the attempt against the account, gives the hash to compare with;
//! 3. on one of the [`Hashers`]: [`verify_password`], with nobody's hash where there is no account;
//! 4. write [`finish_password`]: a pending token that lives five minutes, or `Wrong`;
//! 5. write [`finish_second`]: the session and its token, for the cookie;
//! 6. on each request, read [`session`]; when [`Session::wants_touch`], write [`touch`].
//!
//! A wrong answer is `Ok` of an enum, not an error: its counter must be stored.

mod account;
mod confirming;
mod enrolment;
mod entering;
mod event;
mod fictional;
pub mod hashing;
mod own;
pub mod password;
mod request;
pub mod rules;
pub mod second_factor;
mod secret;
mod session;
mod store;
mod strangers;
#[cfg(test)]
mod tests;
mod verbs;

use base::{AccountId, Actor, Instant, OfficeId, PersonId, Redacted, Role};
use db::{DbError, Migration, Sealed};
use thiserror::Error;

pub use account::{
    AccountChange, accounts, create_account, create_administrator, create_fictional_accounts, find_account,
    find_account_named, find_accounts, reinstate_account, reissue_account, revise_account, suspend_account,
};
pub use confirming::{SecondAsked, SecondShown, second_asked, show_second};
pub use enrolment::{
    EnrolmentAnswer, EnrolmentView, FinishAnswer, begin_enrolment, enrolment, finish_enrolment, opens,
};
pub use entering::{
    Attempt, Entered, PasswordAnswer, PasswordStep, SecondAnswer, SecondFactor, begin_signin, enter_as,
    finish_password, finish_second, knock,
};
pub use event::Event;
pub use fictional::{featured_accounts, fictional_accounts};
pub use hashing::{Hashers, Memory, PasswordHash, Proof, hash_password, verify_password};
pub use own::{PasswordChange, Renewal, change_password, recovery_codes_left, renew_recovery_codes};
pub use password::{NewPassword, OwnWords};
pub use request::{
    EndedRequest, Request, RequestChange, RequestedAct, Settled, account_requests, administrators, approve_request,
    decline_request, ended_requests, two_decide,
};
pub use rules::{Address, ThrottleKey};
pub use second_factor::TotpSetup;
pub use secret::{Code, CodeHash, Secrets, Token, TokenHash};
pub use session::{Session, end_others, end_session, own_sessions, session, sign_out, tidy, touch};
pub use strangers::{Incident, Strangers, Threshold, record_stranger};
pub use verbs::Verb;

/// What the database holds sealed.
pub const SEALED: &[Sealed] = &[store::SEED, store::OFFERED_SEED];

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "signin/001", sql: include_str!("schema.sql") },
    Migration { name: "signin/002", sql: include_str!("002.sql") },
    Migration { name: "signin/003", sql: include_str!("003.sql") },
];

/// Where an account stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountState {
    /// Waits for its owner to set password and second factor.
    Invited,
    Active,
    /// Opens nothing until an administrator reinstates it.
    Suspended,
}

impl AccountState {
    pub const fn key(self) -> &'static str {
        match self {
            AccountState::Invited => "invited",
            AccountState::Active => "active",
            AccountState::Suspended => "suspended",
        }
    }

    pub const fn ja(self) -> &'static str {
        match self {
            AccountState::Invited => "登録待ち",
            AccountState::Active => "利用中",
            AccountState::Suspended => "停止中",
        }
    }

    pub fn from_key(key: &str) -> Option<AccountState> {
        [AccountState::Invited, AccountState::Active, AccountState::Suspended].into_iter().find(|s| s.key() == key)
    }
}

/// The name one signs in with: 3 to 64 of `a-z 0-9 . _ - @`, folded to lower case and half width. Often a person's
/// name, so it stays out of logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginName(String);

impl LoginName {
    pub fn parse(typed: &str) -> Result<LoginName, SigninRefusal> {
        let folded = rules::fold_login(typed);
        let fits = (3..=64).contains(&folded.len())
            && folded.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b));
        if fits { Ok(LoginName(folded)) } else { Err(SigninRefusal::LoginMalformed) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LoginName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginName([…])")
    }
}

/// An account to be created. `id` is the uuid of its subject: staff member, contact or resident.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub id: AccountId,
    pub login: LoginName,
    pub role: Role,
    pub office: Option<OfficeId>,
    /// Of a family account: the resident it belongs to. A resident's own account needs none.
    pub person: Option<PersonId>,
    pub display_name: Redacted<String>,
}

/// An account as administrators see it: no secret among it.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    pub login: LoginName,
    pub role: Role,
    pub office: Option<OfficeId>,
    pub person: Option<PersonId>,
    pub display_name: Redacted<String>,
    pub state: AccountState,
    pub created_at: Instant,
    pub changed_at: Instant,
}

impl Account {
    /// This account acting; `device` is a word for the terminal, never personal.
    pub fn actor(&self, device: &str) -> Actor {
        let own = (self.role == Role::Resident).then_some(PersonId(self.id.0));
        Actor {
            role: self.role,
            id: self.id.0,
            office: self.office,
            person: own.or(self.person),
            device: device.to_owned(),
        }
    }
}

/// Who acts before anybody signed in; for the `Ctx` of the sign-in and enrolment pages.
pub fn visitor() -> Actor {
    Actor::system("signin")
}

#[derive(Debug, Error)]
pub enum SigninError {
    #[error(transparent)]
    Refused(#[from] SigninRefusal),
    #[error(transparent)]
    Fault(#[from] SigninFault),
    #[error(transparent)]
    People(#[from] people::PeopleError),
    #[error(transparent)]
    Db(#[from] DbError),
}

form::fails!(SigninError { Fault, People, Db });

/// A rule said no; the text is for the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SigninRefusal {
    #[error("パスワードは8文字以上で設定してください。")]
    PasswordShort,
    #[error("パスワードは200文字以内で設定してください。")]
    PasswordLong,
    #[error(
        "このパスワードは推測されやすいため使えません。よく使われる語、お名前・ログイン名・地域や事業所の名前、同じ文字の繰り返しを避けてください。"
    )]
    PasswordGuessable,
    #[error("ただいま混み合っています。少し待ってから、もう一度お試しください。")]
    Busy,
    #[error("ログイン名は、半角の英小文字・数字・「.」「_」「-」「@」を使い、3文字以上64文字以内で入力してください。")]
    LoginMalformed,
    #[error("このログイン名は既に使われています。別のログイン名を入力してください。")]
    LoginTaken,
    #[error("この方の利用者登録は既にあります。再発行をご利用ください。")]
    AccountExists,
    #[error("表示名を120文字以内で入力してください。")]
    NameMalformed,
    #[error("この役割の利用者は登録できません。役割を選び直してください。")]
    RoleNotForAccounts,
    #[error("利用者の登録・変更は事務局の権限が必要です。事務局にご依頼ください。")]
    NotAdministrator,
    #[error("ご自身の再発行・停止・役割の変更はできません。別の事務局担当者にご依頼ください。")]
    OwnAccount,
    #[error("この利用者は登録されていません。一覧から選び直してください。")]
    AccountUnknown,
    #[error("台帳で「有効」の職員だけが利用できます。先に職員の状態を確かめ、退職した方は新しく登録してください。")]
    NotWorking,
    #[error("確認コードを入力してください。")]
    SecondFactorWanted,
    #[error("この利用者については、ほかの事務局担当者の承認を待っている手続きがあります。")]
    AlreadyAsked,
    #[error("承認を待っている手続きが多すぎます。先に、いまある手続きを承認するか取り下げてください。")]
    TooManyAsked,
    #[error("依頼の後に、この利用者の登録内容が変わりました。取り下げて、必要なら依頼し直してください。")]
    RequestOvertaken,
    #[error(
        "事務局・監査の利用者です。先に「利用者」の画面で停止を依頼し、ほかの事務局担当者の承認を受けてから、職員の状態を変えてください。"
    )]
    SuspendFirst,
    #[error("ご自身の依頼は承認できません。ほかの事務局担当者に承認を依頼してください。")]
    OwnRequest,
    #[error("この依頼は、処理が済んだか、期限が過ぎました。一覧を開き直してください。")]
    RequestUnknown,
    #[error("役割を事務局・監査に変えることはできません。新しく利用者登録をしてください。")]
    RoleNeedsTwo,
    #[error("この利用者は停止中です。先に停止を解除してください。")]
    AccountSuspended,
    #[error("このログインは既に終了しています。一覧を開き直してください。")]
    SessionUnknown,
    #[error("この操作はデモ環境でのみ使えます。")]
    OnlyFictional,
}

impl form::Rule for SigninRefusal {
    fn kind(&self) -> form::Kind {
        use SigninRefusal as R;
        match self {
            R::AccountUnknown | R::SessionUnknown => form::Kind::NotThere,
            R::PasswordShort
            | R::PasswordLong
            | R::PasswordGuessable
            | R::LoginMalformed
            | R::NameMalformed
            | R::SecondFactorWanted
            | R::RoleNotForAccounts => form::Kind::Unfit,
            _ => form::Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        use SigninRefusal as R;
        match self {
            R::PasswordShort | R::PasswordLong | R::PasswordGuessable => Some("password"),
            R::SecondFactorWanted => Some("totp"),
            R::LoginMalformed | R::LoginTaken | R::AccountExists => Some("login"),
            _ => None,
        }
    }
}

/// Something of ours failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SigninFault {
    #[error("the password could not be hashed")]
    Hash,
    #[error("the second factor could not be set up")]
    Totp,
}

impl form::Fails for SigninFault {
    fn failure(self) -> form::Failure {
        form::Failure::Fault(self.to_string())
    }
}
