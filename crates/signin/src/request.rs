//! 承認待ち: accounts of administrators and auditors need two. What one administrator asks for, another one carries out
//! within three days; nobody carries out what they asked for themselves, nor what is about their own account. A request
//! dies with the rights of whoever asked, and is refused where the account is not what it was when asked about. The other
//! administrators are told that something waits, and whoever asked what became of it.
//!
//! A region with one administrator has the command line, where whoever runs the machine is the second.

use audit::Means;
use base::{AccountId, Ctx, Instant, OfficeId, Redacted, Role, StaffId};
use db::{DbError, Tx, outbox};
use uuid::Uuid;

use crate::account::{self, item};
use crate::confirming::require_fresh;
use crate::verbs::Verb;
use crate::{
    Account, AccountState, Code, Event, LoginName, NewAccount, Secrets, SigninError, SigninRefusal, rules, store,
};

base::words! {
    /// What is asked for.
    RequestedAct {
        Create = "create", "利用者の登録";
        Reissue = "reissue", "初回設定コードの再発行";
        Suspend = "suspend", "停止";
        Reinstate = "reinstate", "停止の解除";
    }
}

base::words! {
    /// What became of a request.
    RequestChange {
        Asked = "asked", "承認待ち";
        Approved = "approved", "承認";
        Declined = "declined", "却下";
        /// Nobody agreed in time, or whoever asked may no longer ask.
        Ended = "ended", "承認されずに終了";
    }
}

/// What waits for a second administrator.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: Uuid,
    pub act: RequestedAct,
    pub account: AccountId,
    pub login: LoginName,
    pub role: Role,
    pub office: Option<OfficeId>,
    pub display_name: Redacted<String>,
    /// Of an account that was there when it was asked.
    pub state: Option<AccountState>,
    pub asked_by: AccountId,
    pub asked_at: Instant,
    pub expires_at: Instant,
}

/// What became of a request, for whoever asked.
#[derive(Clone, Debug)]
pub struct EndedRequest {
    pub act: RequestedAct,
    pub login: LoginName,
    pub display_name: Redacted<String>,
    pub change: RequestChange,
    pub at: Instant,
}

/// What became of an act that may need two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled<T> {
    Done(T),
    /// Another administrator is to carry it out.
    Asked,
}

/// Whether accounts of this role need a second administrator.
pub fn two_decide(role: Role) -> bool {
    matches!(role, Role::Administrator | Role::Auditor)
}

/// Whether somebody else has to agree; not where the machine acts.
pub(crate) fn needs_two(ctx: &Ctx, role: Role) -> bool {
    ctx.actor.role != Role::System && two_decide(role)
}

pub(crate) fn ask<T>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    act: RequestedAct,
    of: &NewAccount,
    state: Option<AccountState>,
) -> Result<Settled<T>, SigninError> {
    end_expired(ctx, tx)?;
    let open = store::requests(tx, ctx.now)?;
    if open.iter().any(|open| open.account == of.id) {
        return Err(SigninRefusal::AlreadyAsked.into());
    }
    if open.len() >= rules::REQUESTS_WAITING {
        return Err(SigninRefusal::TooManyAsked.into());
    }
    let request = Request {
        id: ctx.id(),
        act,
        account: of.id,
        login: of.login.clone(),
        role: of.role,
        office: of.office,
        display_name: of.display_name.clone(),
        state,
        asked_by: AccountId(ctx.actor.id),
        asked_at: ctx.now,
        expires_at: ctx.now + rules::REQUEST_VALID,
    };
    store::put_request(tx, &request)?;
    record(ctx, tx, Verb::AskForAccount, &request)?;
    tell(ctx, tx, &request, RequestChange::Asked)?;
    Ok(Settled::Asked)
}

/// About an account that is there already.
pub(crate) fn ask_again<T>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    act: RequestedAct,
    account: &Account,
) -> Result<Settled<T>, SigninError> {
    let Account { id, login, role, office, person, display_name, state, .. } = account.clone();
    ask(ctx, tx, act, &NewAccount { id, login, role, office, person, display_name }, Some(state))
}

/// What waits, the oldest first; for administrators.
pub fn account_requests(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<Request>, SigninError> {
    rules::administers(ctx)?;
    Ok(store::requests(tx, ctx.now)?)
}

/// What became of the reader's own requests in the last month, the newest first; but not of those they took back.
pub fn ended_requests(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<EndedRequest>, SigninError> {
    rules::administers(ctx)?;
    Ok(store::ended(tx, AccountId(ctx.actor.id), ctx.now - rules::ENDED_KEPT)?)
}

/// Carries out what another administrator asked for; gives the account and, where there is one, its one-time code.
pub fn approve_request(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    id: Uuid,
    secrets: &Secrets,
) -> Result<(Account, Option<Code>), SigninError> {
    let request = open(ctx, tx, id)?;
    if request.asked_by.0 == ctx.actor.id {
        return Err(SigninRefusal::OwnRequest.into());
    }
    rules::not_own(ctx, request.account)?;
    require_fresh(ctx, tx)?;
    let before = as_it_was(tx, &request)?;
    store::delete_request(tx, id)?;
    record(ctx, tx, Verb::ApproveRequest, &request)?;
    tell(ctx, tx, &request, RequestChange::Approved)?;
    let code = carry_out(ctx, tx, &request, before, secrets)?;
    Ok((account::find_account(tx, request.account)?, code))
}

fn carry_out(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    request: &Request,
    account: Option<Account>,
    secrets: &Secrets,
) -> Result<Option<Code>, SigninError> {
    match (request.act, account) {
        (RequestedAct::Create, None) => {
            let Request { account: id, login, role, office, display_name, .. } = request.clone();
            let new = NewAccount { id, login, role, office, person: None, display_name };
            account::create(ctx, tx, &new, Verb::CreateAccount, secrets).map(Some)
        }
        (RequestedAct::Reissue, Some(account)) => account::reissue(ctx, tx, &account, secrets).map(Some),
        (RequestedAct::Suspend, Some(account)) => account::suspend(ctx, tx, &account).map(|()| None),
        (RequestedAct::Reinstate, Some(account)) => account::reinstate(ctx, tx, &account).map(|()| None),
        _ => Err(SigninRefusal::RequestOvertaken.into()),
    }
}

/// The account, if it and its owner's entry in the register are what they were when it was asked: whoever agrees must
/// not agree to something else than was asked.
fn as_it_was(tx: &mut dyn Tx, request: &Request) -> Result<Option<Account>, SigninError> {
    let asker = store::account(tx, request.asked_by)?;
    if !asker.is_some_and(|a| a.role == Role::Administrator && a.state == AccountState::Active) {
        return Err(SigninRefusal::RequestUnknown.into());
    }
    let account = store::account(tx, request.account)?;
    let same = match &account {
        Some(a) => {
            (Some(a.state), a.role, a.office, &a.login, &a.display_name)
                == (request.state, request.role, request.office, &request.login, &request.display_name)
        }
        None => request.state.is_none() && registered_as(tx, request)?,
    };
    if same { Ok(account) } else { Err(SigninRefusal::RequestOvertaken.into()) }
}

fn registered_as(tx: &mut dyn Tx, request: &Request) -> Result<bool, SigninError> {
    let id = StaffId(request.account.0);
    if people::staff_state(tx, id)?.is_none() {
        return Ok(true);
    }
    let staff = people::staff(tx, id)?;
    Ok((staff.role, Some(staff.office), &staff.name) == (request.role, request.office, &request.display_name))
}

/// Takes a request back or turns it down: whoever asked may, and any other administrator who shows the second factor,
/// but nobody what is about themselves. Gives what was asked.
pub fn decline_request(ctx: &Ctx, tx: &mut dyn Tx, id: Uuid) -> Result<Request, SigninError> {
    let request = open(ctx, tx, id)?;
    rules::not_own(ctx, request.account)?;
    store::delete_request(tx, id)?;
    if request.asked_by.0 == ctx.actor.id {
        record(ctx, tx, Verb::WithdrawRequest, &request)?;
        return Ok(request);
    }
    require_fresh(ctx, tx)?;
    tell(ctx, tx, &request, RequestChange::Declined)?;
    record(ctx, tx, Verb::DeclineRequest, &request)?;
    Ok(request)
}

/// Ends what nobody agreed to in time.
pub(crate) fn end_expired(ctx: &Ctx, tx: &mut dyn Tx) -> Result<(), DbError> {
    store::expired_requests(tx, ctx.now)?.iter().try_for_each(|request| end(ctx, tx, request, Means::Time))
}

/// Ends what was asked by somebody who may no longer ask.
pub(crate) fn end_of(ctx: &Ctx, tx: &mut dyn Tx, asker: AccountId) -> Result<(), DbError> {
    store::asked_by(tx, asker)?.iter().try_for_each(|request| end(ctx, tx, request, Means::Program))
}

fn end(ctx: &Ctx, tx: &mut dyn Tx, request: &Request, means: Means) -> Result<(), DbError> {
    store::delete_request(tx, request.id)?;
    audit::done(ctx, tx, Verb::EndRequest, means, &items(request))?;
    tell(ctx, tx, request, RequestChange::Ended)
}

fn tell(ctx: &Ctx, tx: &mut dyn Tx, request: &Request, change: RequestChange) -> Result<(), DbError> {
    let Request { account, asked_by, .. } = *request;
    if change != RequestChange::Asked {
        store::put_ended(tx, request, change, ctx.now)?;
    }
    outbox::push(tx, ctx.now, &Event::RequestChanged { account, asked_by, change })
}

fn items(request: &Request) -> String {
    format!("{} {}", item(request.account), request.act.key())
}

/// Whom something waits for: the administrators whose account is open, in the order of their login names.
pub fn administrators(tx: &mut dyn Tx) -> Result<Vec<AccountId>, DbError> {
    let open = store::accounts_of_role(tx, Role::Administrator, rules::ADMINISTRATORS_TOLD)?;
    Ok(open.into_iter().map(|account| account.id).collect())
}

fn open(ctx: &Ctx, tx: &mut dyn Tx, id: Uuid) -> Result<Request, SigninError> {
    rules::administers(ctx)?;
    let open = store::requests(tx, ctx.now)?;
    open.into_iter().find(|request| request.id == id).ok_or_else(|| SigninRefusal::RequestUnknown.into())
}

fn record(ctx: &Ctx, tx: &mut dyn Tx, verb: Verb, request: &Request) -> Result<(), SigninError> {
    audit::done(ctx, tx, verb, rules::administers(ctx)?, &items(request))?;
    Ok(())
}
