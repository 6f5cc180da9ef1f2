//! 利用者: the accounts of staff, relatives and residents. Role, office and name come from the register; a clerk types
//! the login name only, and hands over a one-time code.

use access::{Act, Witnesses};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::{AccountId, Ctx, PersonId, Redacted, Role};
use db::Tx;
use maud::{Markup, html};
use page::components::{Field, Table, empty, link_button, submit, too_many};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Site, draw};
use page::visitor::{Seen, Visitor};
use signin::{Account, EndedRequest, LoginName, NewAccount, Request, SecondAsked};
use uuid::Uuid;

use super::account_acts::{issued, issued_page};
use super::account_pages::{Subject, account_page, decided, ended_panel, new_account, requests_panel, state_chip};
use super::second::{Confirmed, SECOND, confirmed};
use super::{Asked, OFFICE, Two, again, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/accounts", OFFICE, list),
        Door::search("/accounts/search", OFFICE, search),
        Door::look("/accounts/new/{subject}/{id}", OFFICE, new_page),
        Door::command("/accounts/new/{subject}/{id}", OFFICE, create),
        Door::look("/accounts/{account}", OFFICE, one),
    ]
}

const ROWS: usize = base::limits::LIST_ROWS;
/// Accounts one search reads through; a region has some thousands.
const MOST_READ: usize = 20_000;

struct Listed {
    accounts: Vec<(Account, String)>,
    more: bool,
    /// What waits for a second administrator, with the name of who asked.
    requests: Vec<(Request, String)>,
    /// What became of the reader's own.
    ended: Vec<EndedRequest>,
    asked: SecondAsked,
}

/// Pages go on behind an account's id: a login name, often somebody's name, has no place in an address.
async fn list(State(site): State<Site>, visitor: Visitor, frame: Frame, query: Asked) -> Result<Markup, Problem> {
    let after = asked(&query, "after").parse::<AccountId>().ok();
    listing(&site, &visitor, &frame, (after, asked(&query, "done")), &Draft::default()).await
}

pub(super) async fn listing(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    (after, done): (Option<AccountId>, &str),
    draft: &Draft,
) -> Result<Markup, Problem> {
    let listed = visitor
        .look(site, Look::Accounts, move |ctx, tx| {
            let after = after.map(|id| signin::find_account(tx, id)).transpose()?;
            let mut accounts = signin::accounts(ctx, tx, after.as_ref().map(|a| &a.login), ROWS + 1)?;
            let more = accounts.len() > ROWS;
            accounts.truncate(ROWS);
            let mut seen = Witnesses::default();
            let accounts = listed(ctx, tx, accounts, &mut seen)?;
            let (requests, asked) = (waiting(ctx, tx)?, signin::second_asked(ctx, tx)?);
            let ended = signin::ended_requests(ctx, tx)?;
            Ok(Seen::of(Listed { accounts, more, requests, ended, asked }, seen))
        })
        .await?;
    let reader = visitor.session.account;
    let first = after.map(|_| "/accounts".to_owned());
    let next = listed.accounts.last().filter(|_| listed.more).map(|(a, _)| format!("/accounts?after={}", a.id));
    Ok(frame.page("利用者").body(html! {
        (draft.summary())
        (decided(done))
        (requests_panel(frame, reader, &listed.requests, &listed.asked, draft))
        (ended_panel(frame, &listed.ended))
        (search_form(""))
        @if listed.accounts.is_empty() {
            (empty("利用者はまだ登録されていません", "職員や連絡先のページから登録してください。"))
        } @else {
            (accounts_table(&listed))
            nav.pager aria-label="ページ送り" {
                @if let Some(first) = &first { a.btn href=(first) { "はじめから" } }
                span { "ログイン名の順" }
                @if let Some(next) = &next { a.btn href=(next) rel="next" { "次へ" } }
            }
        }
    }))
}

fn waiting(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<(Request, String)>, Problem> {
    let requests = signin::account_requests(ctx, tx)?;
    let ids: Vec<AccountId> = requests.iter().map(|request| request.asked_by).collect();
    let askers = signin::find_accounts(tx, &ids)?;
    let name = |id: AccountId| askers.iter().find(|a| a.id == id).map(|a| a.display_name.expose().clone());
    let with_asker = |request: Request| {
        let asker = name(request.asked_by).unwrap_or_default();
        (request, asker)
    };
    Ok(requests.into_iter().map(with_asker).collect())
}

async fn search(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Markup, Problem> {
    let wanted = form.one("q").to_owned();
    let query = wanted.clone();
    let listed = visitor
        .look(&site, Look::Accounts, move |ctx, tx| {
            let mut accounts = matching(ctx, tx, &query)?;
            let more = accounts.len() > ROWS;
            accounts.truncate(ROWS);
            let mut seen = Witnesses::default();
            let accounts = listed(ctx, tx, accounts, &mut seen)?;
            Ok(Seen::of(
                Listed { accounts, more, requests: vec![], ended: vec![], asked: SecondAsked::default() },
                seen,
            ))
        })
        .await?;
    Ok(frame.page("利用者").body(html! {
        (search_form(&wanted))
        @if listed.accounts.is_empty() {
            (empty("当てはまる利用者は見つかりません", "氏名の一部かログイン名の一部でお試しください。"))
        } @else {
            @if listed.more { (too_many(ROWS, ROWS + 1, "文字を足して絞り込んでください。")) }
            (accounts_table(&listed))
        }
        (link_button("/accounts", "すべての利用者を表示"))
    }))
}

/// Whose name or login holds what was typed, 旧字 and width folded; one more than a page shows.
fn matching(ctx: &Ctx, tx: &mut dyn Tx, typed: &str) -> Result<Vec<Account>, Problem> {
    let wanted = base::kana::fold(typed);
    // Signs alone are in no name, and no text at all is in every one.
    if wanted.is_empty() && !typed.is_empty() {
        return Ok(vec![]);
    }
    let (mut found, mut read, mut after): (Vec<Account>, usize, Option<LoginName>) = (vec![], 0, None);
    loop {
        let page = signin::accounts(ctx, tx, after.as_ref(), ROWS * 4)?;
        read += page.len();
        after = page.last().map(|a| a.login.clone());
        let full = page.len() == ROWS * 4;
        let holds = |a: &Account| {
            base::kana::fold(a.display_name.expose()).contains(&wanted)
                || base::kana::fold(a.login.as_str()).contains(&wanted)
        };
        found.extend(page.into_iter().filter(holds));
        if !full || found.len() > ROWS || read >= MOST_READ {
            found.truncate(ROWS + 1);
            return Ok(found);
        }
    }
}

/// Relatives' and residents' own accounts say who is a resident: they stand in the audit row.
fn listed(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    accounts: Vec<Account>,
    seen: &mut Witnesses,
) -> Result<Vec<(Account, String)>, Problem> {
    let persons: Vec<PersonId> = accounts.iter().filter_map(person_of).collect();
    seen.extend(access::require_each(ctx, tx, &[Act::SeeIdentity], &[], &persons)?);
    let offices: Vec<base::OfficeId> = accounts.iter().filter_map(|account| account.office).collect();
    let names = people::office_heads(tx, &offices)?;
    let name = |account: &Account| {
        let office = account.office.and_then(|office| names.get(&office));
        office.map_or(String::new(), |office| office.name.clone())
    };
    let with_office = |account: Account| {
        let office = name(&account);
        (account, office)
    };
    Ok(accounts.into_iter().map(with_office).collect())
}

fn person_of(account: &Account) -> Option<PersonId> {
    match account.role {
        Role::Resident => Some(PersonId(account.id.0)),
        _ => account.person,
    }
}

fn office_name(tx: &mut dyn Tx, account: &Account) -> Result<String, Problem> {
    Ok(match account.office {
        Some(id) => people::office(tx, id)?.name,
        None => String::new(),
    })
}

fn search_form(query: &str) -> Markup {
    html! {
        form.stack.card method="post" action="/accounts/search" role="search" {
            (Field::search("q", "氏名またはログイン名").value(query))
            (submit("探す"))
        }
    }
}

fn accounts_table(listed: &Listed) -> Markup {
    let mut table = Table::new("利用者の一覧", &["お名前", "役割", "事業所", "ログイン名", "状態"]);
    for (account, office) in &listed.accounts {
        table = table.row(vec![
            html! { a href={ "/accounts/" (account.id) } { (account.display_name.expose()) } },
            html! { (account.role.ja()) },
            html! { (office) },
            html! { (account.login.as_str()) },
            state_chip(account.state),
        ]);
    }
    html! { (table) }
}

async fn one(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<AccountId>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, id, &Draft::default()).await
}

pub(super) async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: AccountId,
    draft: &Draft,
) -> Result<Markup, Problem> {
    let (account, office, owner, requests, asked) = visitor
        .look(site, Look::Account, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let account = signin::find_account(tx, id)?;
            let office = office_name(tx, &account)?;
            let persons: Vec<PersonId> = person_of(&account).into_iter().collect();
            seen.extend(access::require_each(ctx, tx, &[Act::SeeIdentity], &[], &persons)?);
            let owner = owner_page(&account);
            let mut requests = waiting(ctx, tx)?;
            requests.retain(|(request, _)| request.account == id);
            let asked = signin::second_asked(ctx, tx)?;
            Ok(Seen::of((account, office, owner, requests, asked), seen))
        })
        .await?;
    let office = Some(office.as_str()).filter(|o| !o.is_empty());
    let waiting = requests_panel(frame, visitor.session.account, &requests, &asked, draft);
    let waiting = (!requests.is_empty()).then_some(waiting);
    Ok(account_page(frame, &account, (office, owner.as_deref()), waiting, (&asked, draft)))
}

/// Where the register shows the owner.
fn owner_page(account: &Account) -> Option<String> {
    match (account.role, account.person) {
        (Role::Resident, _) => Some(format!("/register/{}", account.id)),
        (Role::Family, Some(person)) => Some(format!("/register/{person}/contacts/{}", account.id)),
        (Role::Family, None) => None,
        _ => Some(format!("/staff/{}", account.id)),
    }
}

/// Who an account would belong to, as the register has it.
struct Owner {
    name: Redacted<String>,
    role: Role,
    office: Option<base::OfficeId>,
    person: Option<PersonId>,
    asked: SecondAsked,
}

fn owner(ctx: &Ctx, tx: &mut dyn Tx, subject: Subject, id: Uuid, seen: &mut Witnesses) -> Result<Owner, Problem> {
    let asked = signin::second_asked(ctx, tx)?;
    Ok(match subject {
        Subject::Staff => {
            let staff = people::staff(tx, id.into())?;
            Owner { name: staff.name, role: staff.role, office: Some(staff.office), person: None, asked }
        }
        Subject::Contact => {
            let contact = seen.take(people::contact(ctx, tx, id.into())?);
            Owner { name: contact.name, role: Role::Family, office: None, person: Some(contact.person), asked }
        }
        Subject::Resident => {
            let resident = seen.take(people::resident(ctx, tx, id.into())?);
            Owner { name: resident.name, role: Role::Resident, office: None, person: None, asked }
        }
    })
}

async fn look_at_owner(site: &Site, visitor: &Visitor, subject: Subject, id: Uuid) -> Result<Owner, Problem> {
    visitor
        .look(site, Look::NewAccount, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let owner = owner(ctx, tx, subject, id, &mut seen)?;
            Ok(Seen::of(owner, seen))
        })
        .await
}

async fn new_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(subject, id): Two<String, Uuid>,
) -> Result<Markup, Problem> {
    let subject = Subject::from_key(&subject).ok_or(Problem::NotFound)?;
    let owner = look_at_owner(&site, &visitor, subject, id).await?;
    Ok(creation_form(&frame, subject, id, &owner, &Draft::default()))
}

fn creation_form(frame: &Frame, subject: Subject, id: Uuid, owner: &Owner, draft: &Draft) -> Markup {
    let url = format!("/accounts/new/{}/{}", subject.key(), id.simple());
    new_account(frame, &url, (owner.name.expose(), owner.role), &owner.asked, draft)
}

async fn create(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(subject, id): Two<String, Uuid>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let subject = Subject::from_key(&subject).ok_or(Problem::NotFound)?;
    let login = LoginName::parse(form.one("login"));
    let draft = Draft::typed(form);
    let login = match login {
        Ok(login) => login,
        Err(why) => {
            let owner = look_at_owner(&site, &visitor, subject, id).await?;
            let draft = draft.wrong_field("login", why.to_string());
            return Ok(again(&draft, creation_form(&frame, subject, id, &owner, &draft)));
        }
    };
    let secrets = draw()?;
    let typed = draft.value(SECOND).to_owned();
    let created = confirmed(&site, &visitor, signin::Verb::CreateAccount, &typed, move |ctx, tx| {
        let Owner { name, role, office, person, .. } = owner(ctx, tx, subject, id, &mut Witnesses::default())?;
        let new = NewAccount { id: id.into(), login: login.clone(), role, office, person, display_name: name };
        let settled = signin::create_account(ctx, tx, &new, &secrets)?;
        issued(tx, id.into(), settled)
    });
    let draft = match created.await {
        Ok(Confirmed::Done(done)) => return Ok(issued_page(&frame, done).into_response()),
        Ok(Confirmed::Again(words)) => draft.wrong_field(SECOND, words),
        Err(Problem::Refused(why)) => draft.refused(why),
        Err(other) => return Err(other),
    };
    let owner = look_at_owner(&site, &visitor, subject, id).await?;
    Ok(again(&draft, creation_form(&frame, subject, id, &owner, &draft)))
}
