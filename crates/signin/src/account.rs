//! Accounts: created, re-issued, suspended, reinstated and revised by an administrator, each with its audit row.

use access::Charged;
use audit::Basis;
use base::{AccountId, Ctx, Instant, OfficeId, PersonId, Redacted, Role, StaffId};
use db::{DbError, Tx, marks, outbox};
use people::StaffState;

use crate::confirming::require_fresh;
use crate::event::Event;
use crate::request::{self, RequestedAct, Settled};
use crate::store::{self, Secret};
use crate::verbs::Verb;
use crate::{
    Account, AccountState, Code, CodeHash, LoginName, NewAccount, Secrets, SigninError, SigninRefusal, rules, session,
};

/// Creates an account that waits for its owner, and gives the one-time code to hand over: valid 72 hours, shown once.
/// One of an administrator or auditor is asked for, and made by another administrator.
pub fn create_account(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    new: &NewAccount,
    secrets: &Secrets,
) -> Result<Settled<Code>, SigninError> {
    rules::administers(ctx)?;
    require_fresh(ctx, tx)?;
    if request::needs_two(ctx, new.role) {
        let name = free(tx, new)?;
        return request::ask(
            ctx,
            tx,
            RequestedAct::Create,
            &NewAccount { display_name: name.into(), ..new.clone() },
            None,
        );
    }
    create(ctx, tx, new, Verb::CreateAccount, secrets).map(Settled::Done)
}

pub(crate) fn create(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    new: &NewAccount,
    verb: Verb,
    secrets: &Secrets,
) -> Result<Code, SigninError> {
    let charged = rules::administers(ctx)?;
    insert(ctx, tx, new)?;
    let code = issue(ctx, tx, new.id, secrets)?;
    record(ctx, tx, verb, charged, new.id, new.person)?;
    tell(ctx, tx, new.id, AccountChange::Created)?;
    Ok(code)
}

/// An administrator's account from the command line, where nobody is signed in; the first one comes from here. Whoever
/// runs the machine stands for the second administrator, and the record has a verb of its own for it.
pub fn create_administrator(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: AccountId,
    login: LoginName,
    display_name: Redacted<String>,
    office: Option<OfficeId>,
    secrets: &Secrets,
) -> Result<Code, SigninError> {
    if ctx.actor.role != Role::System {
        return Err(SigninRefusal::NotAdministrator.into());
    }
    let new = NewAccount { id, login, role: Role::Administrator, office, person: None, display_name };
    create(ctx, tx, &new, Verb::CreateAdministrator, secrets)
}

/// Takes password, second factor, recovery codes and sessions away and gives a new one-time code: for whoever lost
/// them. A suspended account is reinstated first.
pub fn reissue_account(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: AccountId,
    secrets: &Secrets,
) -> Result<Settled<Code>, SigninError> {
    let account = others(ctx, tx, id)?;
    reissuable(tx, &account)?;
    if request::needs_two(ctx, account.role) {
        return request::ask_again(ctx, tx, RequestedAct::Reissue, &account);
    }
    reissue(ctx, tx, &account, secrets).map(Settled::Done)
}

pub(crate) fn reissue(ctx: &Ctx, tx: &mut dyn Tx, account: &Account, secrets: &Secrets) -> Result<Code, SigninError> {
    let charged = rules::administers(ctx)?;
    reissuable(tx, account)?;
    let code = issue(ctx, tx, account.id, secrets)?;
    record(ctx, tx, Verb::ReissueAccount, charged, account.id, account.person)?;
    tell(ctx, tx, account.id, AccountChange::Reissued)?;
    Ok(code)
}

fn reissuable(tx: &mut dyn Tx, account: &Account) -> Result<(), SigninError> {
    if account.state == AccountState::Suspended {
        return Err(SigninRefusal::AccountSuspended.into());
    }
    works_here(tx, account.id)
}

/// Closes an account and ends its sessions at once.
pub fn suspend_account(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId) -> Result<Settled<()>, SigninError> {
    let account = others(ctx, tx, id)?;
    if account.state != AccountState::Suspended && request::needs_two(ctx, account.role) {
        return request::ask_again(ctx, tx, RequestedAct::Suspend, &account);
    }
    suspend(ctx, tx, &account).map(Settled::Done)
}

pub(crate) fn suspend(ctx: &Ctx, tx: &mut dyn Tx, account: &Account) -> Result<(), SigninError> {
    let charged = rules::administers(ctx)?;
    store::set_state(tx, account.id, AccountState::Suspended, ctx.now)?;
    end_everything(ctx, tx, account.id)?;
    record(ctx, tx, Verb::SuspendAccount, charged, account.id, account.person)?;
    if account.state != AccountState::Suspended {
        tell(ctx, tx, account.id, AccountChange::Suspended)?;
    }
    Ok(())
}

/// Opens a suspended account again: with what its owner had set, or waiting as before.
pub fn reinstate_account(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId) -> Result<Settled<()>, SigninError> {
    let account = others(ctx, tx, id)?;
    if account.state == AccountState::Suspended && request::needs_two(ctx, account.role) {
        works_here(tx, id)?;
        return request::ask_again(ctx, tx, RequestedAct::Reinstate, &account);
    }
    reinstate(ctx, tx, &account).map(Settled::Done)
}

pub(crate) fn reinstate(ctx: &Ctx, tx: &mut dyn Tx, account: &Account) -> Result<(), SigninError> {
    let charged = rules::administers(ctx)?;
    let id = account.id;
    works_here(tx, id)?;
    if account.state == AccountState::Suspended {
        let enrolled = store::secret(tx, id)?.is_some_and(|s| s.password.is_some());
        let state = if enrolled { AccountState::Active } else { AccountState::Invited };
        store::set_state(tx, id, state, ctx.now)?;
        tell(ctx, tx, id, AccountChange::Reinstated)?;
    }
    record(ctx, tx, Verb::ReinstateAccount, charged, id, account.person)
}

/// Somebody else's account, before an administrator who showed the second factor touches it.
fn others(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId) -> Result<Account, SigninError> {
    rules::administers(ctx)?;
    rules::not_own(ctx, id)?;
    let account = find_account(tx, id)?;
    require_fresh(ctx, tx)?;
    Ok(account)
}

base::words! {
    /// What the owner of an account is told that somebody else did to it.
    AccountChange {
        Created = "created", "登録";
        Reissued = "reissued", "再発行";
        Suspended = "suspended", "停止";
        Reinstated = "reinstated", "停止の解除";
    }
}

/// Whoever carries messages tells the owner.
fn tell(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId, change: AccountChange) -> Result<(), SigninError> {
    Ok(outbox::push(tx, ctx.now, &Event::AccountChanged { account: id, change })?)
}

/// Changes role, office or the name shown. A change of role or office ends the sessions: rights are read once per
/// session.
pub fn revise_account(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: AccountId,
    role: Role,
    office: Option<OfficeId>,
    display_name: &Redacted<String>,
) -> Result<Account, SigninError> {
    let charged = rules::administers(ctx)?;
    rules::may_have_account(role)?;
    let name = rules::display_name(display_name.expose())?;
    let before = find_account(tx, id)?;
    let rights_change = before.role != role || before.office != office;
    if before.role != role && (request::needs_two(ctx, role) || request::needs_two(ctx, before.role)) {
        return Err(SigninRefusal::RoleNeedsTwo.into());
    }
    if rights_change {
        rules::not_own(ctx, id)?;
        end_everything(ctx, tx, id)?;
    }
    store::revise(tx, id, role, office, &name, ctx.now)?;
    record(ctx, tx, Verb::ReviseAccount, charged, id, before.person)?;
    find_account(tx, id)
}

pub fn find_account(tx: &mut dyn Tx, id: AccountId) -> Result<Account, SigninError> {
    store::account(tx, id)?.ok_or_else(|| SigninRefusal::AccountUnknown.into())
}

/// By the name one signs in with; for the command line.
pub fn find_account_named(tx: &mut dyn Tx, login: &LoginName) -> Result<Account, SigninError> {
    store::account_named(tx, login)?.ok_or_else(|| SigninRefusal::AccountUnknown.into())
}

/// Those of these accounts that there are, in no order.
pub fn find_accounts(tx: &mut dyn Tx, ids: &[AccountId]) -> Result<Vec<Account>, SigninError> {
    Ok(store::accounts_of(tx, ids)?)
}

/// Accounts in the order of their login names, from behind `after`; for administrators.
pub fn accounts(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    after: Option<&LoginName>,
    limit: usize,
) -> Result<Vec<Account>, SigninError> {
    rules::administers(ctx)?;
    let limit = limit.min(base::limits::LIST_ROWS * 4);
    Ok(store::accounts_after(tx, after.map_or("", LoginName::as_str), limit)?)
}

/// Accounts of invented people, without any password: only `enter_as` opens them, only in a database marked fictional.
pub fn create_fictional_accounts(ctx: &Ctx, tx: &mut dyn Tx, new: &[NewAccount]) -> Result<(), SigninError> {
    only_fictional(tx)?;
    let charged = rules::administers(ctx)?;
    for account in new {
        rules::may_have_account(account.role)?;
    }
    store::insert_accounts(tx, new, AccountState::Active, ctx.now)?;
    audit::done(ctx, tx, Verb::CreateFictionalAccounts, charged, &format!("accounts:{}", new.len()))?;
    Ok(())
}

pub(crate) fn only_fictional(tx: &mut dyn Tx) -> Result<(), SigninError> {
    match marks::get(tx, marks::FICTIONAL)? {
        Some(_) => Ok(()),
        None => Err(SigninRefusal::OnlyFictional.into()),
    }
}

fn insert(ctx: &Ctx, tx: &mut dyn Tx, new: &NewAccount) -> Result<(), SigninError> {
    let name = free(tx, new)?;
    let new = NewAccount { display_name: name.into(), ..new.clone() };
    store::insert_accounts(tx, &[new], AccountState::Invited, ctx.now)?;
    Ok(())
}

/// Whether there may be such an account; gives the name to show.
fn free(tx: &mut dyn Tx, new: &NewAccount) -> Result<String, SigninError> {
    rules::may_have_account(new.role)?;
    let name = rules::display_name(new.display_name.expose())?;
    works_here(tx, new.id)?;
    if store::account(tx, new.id)?.is_some() {
        return Err(SigninRefusal::AccountExists.into());
    }
    if store::account_named(tx, &new.login)?.is_some() {
        return Err(SigninRefusal::LoginTaken.into());
    }
    Ok(name)
}

/// Refuses an account to whoever stands in the register of staff and does not work here now. The id of an account is that
/// of the member of staff it is for; who never was one (a relative, the first administrator) is not asked about.
fn works_here(tx: &mut dyn Tx, id: AccountId) -> Result<(), SigninError> {
    match people::staff_state(tx, StaffId(id.0))? {
        None | Some(StaffState::Active) => Ok(()),
        Some(StaffState::Applied | StaffState::Suspended | StaffState::Retired) => {
            Err(SigninRefusal::NotWorking.into())
        }
    }
}

/// A fresh one-time code; whatever opened the account before opens it no more.
fn issue(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId, secrets: &Secrets) -> Result<Code, DbError> {
    let code = secrets.code("enrolment");
    store::set_secret(tx, id, &Secret { password: None, totp: None, totp_step: 0 }, ctx.now)?;
    store::set_state(tx, id, AccountState::Invited, ctx.now)?;
    store::put_recovery(tx, id, &[])?;
    end_everything(ctx, tx, id)?;
    let until: Instant = ctx.now + rules::ENROLMENT_VALID;
    store::put_enrolment(tx, id, &CodeHash::of(code.expose()), until)?;
    Ok(code)
}

/// Sessions, half-finished sign-ins, known devices and unused enrolment codes.
fn end_everything(ctx: &Ctx, tx: &mut dyn Tx, id: AccountId) -> Result<(), DbError> {
    request::end_of(ctx, tx, id)?;
    store::forget_account(tx, id)?;
    session::tell_ended(ctx, tx, id, session::Ended::All)
}

fn record(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    action: Verb,
    charged: Charged,
    id: AccountId,
    person: Option<PersonId>,
) -> Result<(), SigninError> {
    audit::done(ctx, tx, action, Basis::Charge(charged, person), &item(id))?;
    Ok(())
}

/// How an audit row names an account.
pub(crate) fn item(id: AccountId) -> String {
    format!("account:{id}")
}
