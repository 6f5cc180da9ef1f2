//! The two steps of signing in, and the door that exists in a fictional region only.

use audit::Means;
use base::{AccountId, Ctx, Instant, SessionId};
use db::{DbError, Tx};

use crate::account::{self, item};
use crate::rules::{self, ACCOUNT_ALLOWANCE, ADDRESS_ALLOWANCE, Allowance, ThrottleKey};
use crate::verbs::Verb;
use crate::{
    Account, AccountState, Address, CodeHash, PasswordHash, Proof, Secrets, Session, SigninError, Strangers, Token,
    TokenHash, fictional, hashing, second_factor, session, store,
};

/// An attempt that was counted and now waits for its password to be compared.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub(crate) account: Option<AccountId>,
    stored: PasswordHash,
    counter: ThrottleKey,
}

impl Attempt {
    /// Whether there is an account to which the attempt counts. Without one nothing is ever written.
    pub fn is_known(&self) -> bool {
        self.account.is_some()
    }

    /// What to compare the typed password with, by `verify_password`, outside the writer.
    pub fn stored_hash(&self) -> &PasswordHash {
        &self.stored
    }
}

#[derive(Clone, Debug)]
pub enum PasswordStep {
    Compare(Attempt),
    /// Too many failures; nothing is compared until then, for an account that exists and one that does not.
    Wait {
        until: Instant,
    },
}

#[derive(Clone, Debug)]
pub enum PasswordAnswer {
    /// The password was right: now the second factor, with this token, within five minutes.
    Next { pending: Token },
    /// Wrong password, no such account, suspended or not yet enrolled: nobody learns which.
    Wrong,
}

/// The second step: what was typed.
#[derive(Clone)]
pub enum SecondFactor {
    Totp(String),
    Recovery(String),
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SecondFactor::Totp(_) => "Totp([…])",
            SecondFactor::Recovery(_) => "Recovery([…])",
        })
    }
}

#[derive(Clone, Debug)]
pub enum SecondAnswer {
    Entered(Box<Entered>),
    Wrong,
    /// Begin again with the password: five minutes are over, or five codes were wrong.
    Expired,
    Wait {
        until: Instant,
    },
}

/// A session that has just begun. Both tokens are for cookies and are not kept.
#[derive(Clone, Debug)]
pub struct Entered {
    pub session: Session,
    pub token: Token,
    /// Lets the same browser count its own failures apart from strangers'; lives 180 days.
    pub device: Token,
}

/// Somebody wants to sign in: the first look, which writes nothing. The attempt counts against the address, and against
/// a name that is nobody's, in memory, until the answer is known, so that many guesses at the same moment count as many.
/// `None`: there is such an account; go on with [`begin_signin`].
pub fn knock(
    tx: &mut dyn Tx,
    strangers: &Strangers,
    login: &str,
    address: &Address,
    now: Instant,
) -> Result<Option<PasswordStep>, DbError> {
    let (from, name) = (ThrottleKey::address(address), ThrottleKey::login(login));
    if let Some(until) = strangers.wait(&from, now) {
        return Ok(Some(PasswordStep::Wait { until }));
    }
    let known = open_account(tx, login)?.is_some();
    if let Some(until) = strangers.wait(&name, now).filter(|_| !known) {
        return Ok(Some(PasswordStep::Wait { until }));
    }
    strangers.count(from, ADDRESS_ALLOWANCE, now);
    if known {
        return Ok(None);
    }
    strangers.count(name, ACCOUNT_ALLOWANCE, now);
    Ok(Some(PasswordStep::Compare(Attempt { account: None, stored: hashing::nobody(), counter: name })))
}

/// Counts the attempt as a failure of the account until [`finish_password`] knows better. `device` is the token of an
/// earlier sign-in on this browser, if it has one.
pub fn begin_signin(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    login: &str,
    device: Option<&TokenHash>,
) -> Result<PasswordStep, DbError> {
    let Some(account) = open_account(tx, login)? else {
        // It was closed a moment ago.
        let counter = ThrottleKey::login(login);
        return Ok(PasswordStep::Compare(Attempt { account: None, stored: hashing::nobody(), counter }));
    };
    let counter = counter(ctx, tx, login, &account, device)?;
    if let Some(until) = rules::blocked(store::throttle(tx, &counter)?.as_ref(), ctx.now) {
        return Ok(PasswordStep::Wait { until });
    }
    fail(ctx, tx, &counter, ACCOUNT_ALLOWANCE)?;
    let stored = store::secret(tx, account.id)?.and_then(|s| s.password).unwrap_or_else(hashing::nobody);
    Ok(PasswordStep::Compare(Attempt { account: Some(account.id), stored, counter }))
}

fn open_account(tx: &mut dyn Tx, login: &str) -> Result<Option<Account>, DbError> {
    let Some(name) = rules::maybe_login(login) else { return Ok(None) };
    Ok(store::account_named(tx, &name)?.filter(|a| a.state == AccountState::Active))
}

/// Ends the first step with the comparison's outcome.
pub fn finish_password(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    attempt: &Attempt,
    proof: &Proof,
    secrets: &Secrets,
) -> Result<PasswordAnswer, DbError> {
    let Some(account) = proven(tx, attempt, proof)? else {
        if let Some(known) = attempt.account {
            refused(ctx, tx, Verb::Password, &item(known), "wrong")?;
        }
        return Ok(PasswordAnswer::Wrong);
    };
    right(tx, attempt)?;
    let pending = secrets.token("pending");
    let ended = store::put_pending(tx, &pending.hash(), account.id, ctx.now + rules::PENDING_VALID)?;
    // Who has the password and never the second factor is a stranger still: five rows in five minutes say it all.
    if ended == 0 {
        let own = acting(ctx, &account, "signin");
        audit::done(&own, tx, Verb::Password, Means::Password, &item(account.id))?;
    }
    Ok(PasswordAnswer::Next { pending })
}

/// Ends the second step. `device` is what the owner will know the terminal by (「Windows・Chrome」).
pub fn finish_second(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    pending: &TokenHash,
    factor: &SecondFactor,
    device: &str,
    secrets: &Secrets,
) -> Result<SecondAnswer, DbError> {
    let Some(begun) = store::pending(tx, pending)?.filter(|p| p.expires_at > ctx.now) else {
        return Ok(SecondAnswer::Expired);
    };
    let Some(account) = store::account(tx, begun.account)?.filter(|a| a.state == AccountState::Active) else {
        return Ok(SecondAnswer::Expired);
    };
    match check_second(ctx, tx, account.id, factor)? {
        Checked::Wait { until } => Ok(SecondAnswer::Wait { until }),
        Checked::Wrong if begun.tries + 1 >= rules::PENDING_TRIES => {
            store::delete_pending(tx, pending)?;
            refused(ctx, tx, Verb::Enter, &item(account.id), "wrong_often")?;
            Ok(SecondAnswer::Expired)
        }
        Checked::Wrong => {
            store::count_pending_try(tx, pending)?;
            refused(ctx, tx, Verb::Enter, &item(account.id), "wrong")?;
            Ok(SecondAnswer::Wrong)
        }
        Checked::Right { means } => {
            store::delete_pending(tx, pending)?;
            enter(ctx, tx, &account, device, means, secrets).map(|e| SecondAnswer::Entered(Box::new(e)))
        }
    }
}

/// A session without password or second factor, for the demo's start page: only in a database marked fictional, and
/// only for an account that is not suspended.
pub fn enter_as(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: AccountId,
    device: &str,
    secrets: &Secrets,
) -> Result<Entered, SigninError> {
    account::only_fictional(tx)?;
    let account = account::find_account(tx, id)?;
    if account.state == AccountState::Suspended {
        return Err(crate::SigninRefusal::AccountSuspended.into());
    }
    fictional::invent_second(ctx, tx, &account, secrets)?;
    Ok(enter(ctx, tx, &account, device, Means::Fictional, secrets)?)
}

/// What a second factor came out as. A wrong one is counted already, a right one is spent.
pub(crate) enum Checked {
    Right { means: Means },
    Wrong,
    Wait { until: Instant },
}

pub(crate) fn check_second(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    account: AccountId,
    factor: &SecondFactor,
) -> Result<Checked, DbError> {
    let counter = ThrottleKey::second(account);
    if let Some(until) = rules::blocked(store::throttle(tx, &counter)?.as_ref(), ctx.now) {
        return Ok(Checked::Wait { until });
    }
    let means = match factor {
        SecondFactor::Totp(typed) => totp_right(ctx, tx, account, typed)?.then_some(Means::Totp),
        SecondFactor::Recovery(typed) => {
            store::spend_recovery(tx, account, &CodeHash::of(typed), ctx.now)?.then_some(Means::RecoveryCode)
        }
    };
    let Some(means) = means else {
        fail(ctx, tx, &counter, ACCOUNT_ALLOWANCE)?;
        return Ok(Checked::Wrong);
    };
    store::clear_throttle(tx, &counter)?;
    Ok(Checked::Right { means })
}

/// The account of a proof that holds: matched, against the hash the account still has, and the account is open.
pub(crate) fn proven(tx: &mut dyn Tx, attempt: &Attempt, proof: &Proof) -> Result<Option<Account>, DbError> {
    let Some(id) = attempt.account.filter(|_| proof.matched) else { return Ok(None) };
    let current = store::secret(tx, id)?.and_then(|s| s.password);
    if current.as_ref() != Some(&proof.against) {
        return Ok(None);
    }
    Ok(store::account(tx, id)?.filter(|a| a.state == AccountState::Active))
}

/// Takes back what [`begin_signin`] counted. The address, in memory, keeps its earlier failures: signing in to one's own
/// account must not pay for guesses at others'.
pub(crate) fn right(tx: &mut dyn Tx, attempt: &Attempt) -> Result<(), DbError> {
    store::clear_throttle(tx, &attempt.counter)
}

/// Counts one failure; the row about a block is written when it begins, so that hammering on fills no disk.
pub(crate) fn fail(ctx: &Ctx, tx: &mut dyn Tx, key: &ThrottleKey, allowance: Allowance) -> Result<(), DbError> {
    let before = store::throttle(tx, key)?;
    let after = rules::count_failure(before.as_ref(), allowance, ctx.now);
    store::put_throttle(tx, key, &after)?;
    if after.blocked_until > ctx.now {
        refused(ctx, tx, Verb::Block, "", "throttle")?;
    }
    Ok(())
}

pub(crate) fn refused(ctx: &Ctx, tx: &mut dyn Tx, action: Verb, items: &str, why: &str) -> Result<(), DbError> {
    audit::refused_about(ctx, tx, action, items, why).map(drop)
}

/// The same command, as the account that has just shown who it is.
pub(crate) fn acting(ctx: &Ctx, account: &Account, device: &str) -> Ctx {
    Ctx::new(account.actor(device), ctx.purpose, ctx.now, ctx.request)
}

fn totp_right(ctx: &Ctx, tx: &mut dyn Tx, account: AccountId, typed: &str) -> Result<bool, DbError> {
    let Some(secret) = store::secret(tx, account)? else { return Ok(false) };
    let Some(totp) = secret.totp else { return Ok(false) };
    match second_factor::check(totp.expose(), typed, ctx.now, secret.totp_step) {
        Some(step) => store::set_totp_step(tx, account, step).map(|()| true),
        None => Ok(false),
    }
}

/// The device's own counter where the account is known on it, else the one of the name that was typed.
fn counter(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    login: &str,
    account: &Account,
    device: Option<&TokenHash>,
) -> Result<ThrottleKey, DbError> {
    if let Some(device) = device
        && store::knows_device(tx, account.id, device, ctx.now)?
    {
        return Ok(ThrottleKey::device(device));
    }
    Ok(ThrottleKey::login(login))
}

fn enter(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    account: &Account,
    device: &str,
    means: Means,
    secrets: &Secrets,
) -> Result<Entered, DbError> {
    let id: SessionId = ctx.id();
    let lifetime = rules::lifetime(account.role);
    let token = secrets.token("session");
    let known = secrets.token("device");
    let device: String = device.chars().filter(|c| !c.is_control()).take(base::limits::LINE_CHARS).collect();
    let session = Session {
        id,
        account: account.id,
        actor: account.actor(&id.to_string()),
        display_name: account.display_name.clone(),
        device,
        started_at: ctx.now,
        last_seen_at: ctx.now,
        idle_end: ctx.now + lifetime.idle,
        absolute_end: ctx.now + lifetime.absolute,
    };
    let pushed_out = store::put_session(tx, &session, &token.hash(), lifetime)?;
    for oldest in &pushed_out {
        session::tell_ended(ctx, tx, account.id, session::Ended::One(*oldest))?;
    }
    store::put_device(tx, &known.hash(), account.id, ctx.now + rules::DEVICE_KNOWN)?;
    let own = acting(ctx, account, &session.actor.device);
    audit::done(&own, tx, Verb::Enter, means, &item(account.id))?;
    if !pushed_out.is_empty() {
        audit::done(&own, tx, Verb::EndOldest, Means::Limit, &item(account.id))?;
    }
    Ok(Entered { session, token, device: known })
}
