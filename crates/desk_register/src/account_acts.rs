//! What is done to an account that is there, and what waits for a second administrator.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::AccountId;
use db::Tx;
use maud::Markup;
use signin::{Account, Code, Settled};
use uuid::Uuid;

use super::account_pages::{REINSTATE, REISSUE, SUSPEND, asked_page, code_page, request_field};
use super::accounts::{listing, shown};
use super::second::{Confirmed, SECOND, confirmed};
use super::{OFFICE, again};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, draw};
use page::visitor::Visitor;

pub fn doors() -> Vec<Door> {
    vec![
        Door::command("/accounts/requests/{request}/approval", OFFICE, approve),
        Door::command("/accounts/requests/{request}/refusal", OFFICE, decline),
        Door::command("/accounts/{account}/reissue", OFFICE, reissue),
        Door::command("/accounts/{account}/suspension", OFFICE, suspend),
        Door::command("/accounts/{account}/reinstatement", OFFICE, reinstate),
    ]
}

/// The account with its one-time code, or that somebody else is asked.
pub(super) type Issued = Settled<(Account, Code)>;

pub(super) fn issued(tx: &mut dyn Tx, id: AccountId, settled: Settled<Code>) -> Result<Issued, Problem> {
    Ok(match settled {
        Settled::Done(code) => Settled::Done((signin::find_account(tx, id)?, code)),
        Settled::Asked => Settled::Asked,
    })
}

pub(super) fn issued_page(frame: &Frame, issued: Issued) -> Markup {
    match issued {
        Settled::Done((account, code)) => code_page(frame, account.id, &account, &code),
        Settled::Asked => asked_page(frame),
    }
}

async fn reissue(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<AccountId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let secrets = draw()?;
    let done = confirmed(&site, &visitor, signin::Verb::ReissueAccount, form.one(SECOND), move |ctx, tx| {
        let settled = signin::reissue_account(ctx, tx, id, &secrets)?;
        issued(tx, id, settled)
    });
    match done.await? {
        Confirmed::Done(done) => Ok(issued_page(&frame, done).into_response()),
        Confirmed::Again(words) => shown_again(&site, &visitor, &frame, id, (REISSUE, words)).await,
    }
}

async fn suspend(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<AccountId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let done = confirmed(&site, &visitor, signin::Verb::SuspendAccount, form.one(SECOND), move |ctx, tx| {
        Ok(signin::suspend_account(ctx, tx, id)?)
    });
    changed(&site, &visitor, &frame, id, (SUSPEND, done.await?)).await
}

async fn reinstate(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<AccountId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let done = confirmed(&site, &visitor, signin::Verb::ReinstateAccount, form.one(SECOND), move |ctx, tx| {
        Ok(signin::reinstate_account(ctx, tx, id)?)
    });
    changed(&site, &visitor, &frame, id, (REINSTATE, done.await?)).await
}

/// Where an act without a code of its own leads, with the field of its form.
async fn changed(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: AccountId,
    (field, done): (&str, Confirmed<Settled<()>>),
) -> Result<Response, Problem> {
    match done {
        Confirmed::Done(Settled::Done(())) => Ok(Redirect::to(&format!("/accounts/{id}")).into_response()),
        Confirmed::Done(Settled::Asked) => Ok(asked_page(frame).into_response()),
        Confirmed::Again(words) => shown_again(site, visitor, frame, id, (field, words)).await,
    }
}

/// The account's page, with what is wrong with the code in one of its forms.
async fn shown_again(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: AccountId,
    (field, words): (&str, String),
) -> Result<Response, Problem> {
    let draft = Draft::default().wrong_field(field, words);
    let page = shown(site, visitor, frame, id, &draft).await?;
    Ok(again(&draft, page))
}

async fn approve(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(request): Named<Uuid>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let secrets = draw()?;
    let done = confirmed(&site, &visitor, signin::Verb::ApproveRequest, form.one(SECOND), move |ctx, tx| {
        Ok(signin::approve_request(ctx, tx, request, &secrets)?)
    });
    match done.await? {
        Confirmed::Done((account, Some(code))) => Ok(code_page(&frame, account.id, &account, &code).into_response()),
        Confirmed::Done((account, None)) => Ok(Redirect::to(&format!("/accounts/{}", account.id)).into_response()),
        Confirmed::Again(words) => listed_again(&site, &visitor, &frame, request, words).await,
    }
}

async fn decline(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(request): Named<Uuid>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let done = confirmed(&site, &visitor, signin::Verb::DeclineRequest, form.one(SECOND), move |ctx, tx| {
        Ok(signin::decline_request(ctx, tx, request)?)
    });
    match done.await? {
        Confirmed::Done(request) if request.asked_by == visitor.session.account => {
            Ok(Redirect::to("/accounts?done=withdrawn").into_response())
        }
        Confirmed::Done(_) => Ok(Redirect::to("/accounts?done=declined").into_response()),
        Confirmed::Again(words) => listed_again(&site, &visitor, &frame, request, words).await,
    }
}

/// The list, with what is wrong with the code in the form of one request.
async fn listed_again(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    request: Uuid,
    words: String,
) -> Result<Response, Problem> {
    let draft = Draft::default().wrong_field(&request_field(request), words);
    let page = listing(site, visitor, frame, (None, ""), &draft).await?;
    Ok(again(&draft, page))
}
