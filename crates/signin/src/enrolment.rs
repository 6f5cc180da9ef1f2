//! Enrolment: with the one-time code from an administrator, the owner sets password and second factor and gets the
//! recovery codes.

use audit::Means;
use base::{Ctx, Instant, OfficeId, Redacted};
use db::{DbError, Tx};

use crate::account::item;
use crate::entering::{acting, refused};
use crate::rules;
use crate::store::{self, Secret};
use crate::verbs::Verb;
use crate::{
    Account, AccountState, Code, CodeHash, LoginName, PasswordHash, Secrets, SigninError, TotpSetup, second_factor,
};

/// What the owner sees after the code was right.
#[derive(Clone, Debug)]
pub struct EnrolmentView {
    pub login: LoginName,
    pub display_name: Redacted<String>,
    pub office: Option<OfficeId>,
    pub setup: TotpSetup,
    pub expires_at: Instant,
}

#[derive(Clone, Debug)]
pub enum EnrolmentAnswer {
    Open(Box<EnrolmentView>),
    /// No such code, or used, or its 72 hours are over.
    Unknown,
}

#[derive(Clone, Debug)]
pub enum FinishAnswer {
    /// Done. The recovery codes are shown now and never again.
    Done { recovery: Vec<Code> },
    /// The authenticator's code was wrong; the page is shown again.
    WrongCode,
    /// The enrolment code is spent or over.
    Unknown,
}

/// Whether a code would open anything: the first look, which writes nothing.
pub fn opens(tx: &mut dyn Tx, code: &CodeHash, now: Instant) -> Result<bool, DbError> {
    Ok(find(tx, code, now)?.is_some())
}

/// Opens the enrolment and draws the authenticator's secret. Opening it again draws another: whoever peeked before the
/// owner has a secret that opens nothing.
pub fn begin_enrolment(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    code: &CodeHash,
    issuer: &str,
    secrets: &Secrets,
) -> Result<EnrolmentAnswer, SigninError> {
    let Some((open, account)) = find(tx, code, ctx.now)? else { return Ok(EnrolmentAnswer::Unknown) };
    let totp = secrets.totp();
    store::set_enrolment_totp(tx, account.id, &totp)?;
    let own = acting(ctx, &account, "enrolment");
    audit::done(&own, tx, Verb::BeginEnrolment, Means::EnrolmentCode, &item(account.id))?;
    view(&account, &totp, issuer, open.expires_at).map(|v| EnrolmentAnswer::Open(Box::new(v)))
}

/// The page again, with the same secret: after a password that the rules refused, or a wrong code.
pub fn enrolment(
    tx: &mut dyn Tx,
    code: &CodeHash,
    issuer: &str,
    now: Instant,
) -> Result<Option<EnrolmentView>, SigninError> {
    let Some((open, account)) = find(tx, code, now)? else { return Ok(None) };
    let Some(totp) = open.totp else { return Ok(None) };
    view(&account, totp.expose(), issuer, open.expires_at).map(Some)
}

/// Sets password and second factor, if the authenticator shows the right code. The password was parsed and hashed
/// outside the writer.
pub fn finish_enrolment(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    code: &CodeHash,
    password: &PasswordHash,
    totp_typed: &str,
    secrets: &Secrets,
) -> Result<FinishAnswer, DbError> {
    let Some((open, account)) = find(tx, code, ctx.now)? else { return Ok(FinishAnswer::Unknown) };
    let Some(totp) = open.totp else { return Ok(FinishAnswer::Unknown) };
    let Some(step) = second_factor::check(totp.expose(), totp_typed, ctx.now, 0) else {
        refused(ctx, tx, Verb::FinishEnrolment, &item(account.id), "wrong")?;
        if open.tries + 1 >= rules::ENROLMENT_TRIES {
            store::delete_enrolment(tx, account.id)?;
            return Ok(FinishAnswer::Unknown);
        }
        store::count_enrolment_try(tx, account.id)?;
        return Ok(FinishAnswer::WrongCode);
    };
    store::delete_enrolment(tx, account.id)?;
    let secret = Secret { password: Some(password.clone()), totp: Some(totp), totp_step: step };
    store::set_secret(tx, account.id, &secret, ctx.now)?;
    store::set_state(tx, account.id, AccountState::Active, ctx.now)?;
    let recovery = new_recovery_codes(tx, account.id, secrets)?;
    let own = acting(ctx, &account, "enrolment");
    audit::done(&own, tx, Verb::FinishEnrolment, Means::EnrolmentCode, &item(account.id))?;
    Ok(FinishAnswer::Done { recovery })
}

/// Ten fresh recovery codes; the earlier ones open nothing any more.
pub(crate) fn new_recovery_codes(
    tx: &mut dyn Tx,
    account: base::AccountId,
    secrets: &Secrets,
) -> Result<Vec<Code>, DbError> {
    let codes: Vec<Code> = (0..rules::RECOVERY_CODES).map(|n| secrets.code(&format!("recovery {n}"))).collect();
    let hashes: Vec<CodeHash> = codes.iter().map(|c| CodeHash::of(c.expose())).collect();
    store::put_recovery(tx, account, &hashes)?;
    Ok(codes)
}

/// An enrolment that is still open, with its account. A suspended account's codes open nothing.
fn find(tx: &mut dyn Tx, code: &CodeHash, now: Instant) -> Result<Option<(store::Enrolment, Account)>, DbError> {
    let Some(open) = store::enrolment(tx, code)?.filter(|e| e.expires_at > now) else { return Ok(None) };
    let account = store::account(tx, open.account)?.filter(|a| a.state == AccountState::Invited);
    Ok(account.map(|a| (open, a)))
}

fn view(account: &Account, totp: &[u8; 20], issuer: &str, expires_at: Instant) -> Result<EnrolmentView, SigninError> {
    let setup = second_factor::setup(totp, issuer, &account.login)?;
    let Account { login, display_name, office, .. } = account.clone();
    Ok(EnrolmentView { login, display_name, office, setup, expires_at })
}
