//! 監査: who looked at whom and who did what, newest first. The list of everything names residents only as those who
//! acted; the page about one resident is about them. Both are looks at whom they name. What the rows cannot hold (names, values) is not in them.

use std::collections::BTreeMap;

use access::{Act, Witnesses};
use audit::{Book, Outcome, Recorded};
use axum::Extension;
use axum::extract::State;
use base::wareki::Date;
use base::{AccountId, OfficeId, PersonId, Redacted, Role, StaffId};
use db::Tx;
use maud::{Markup, html};
use page::components::{Field, State as Tone, Table, at, chip, empty, link_button, pager, submit, too_many};
use page::door::{Door, Who};
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use people::{Found, Home, Resident};
use signin::Account;
use uuid::Uuid;

use super::heads::found_line;
use super::looks_words::{ground, items};
use super::{Asked, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    let auditor = Who::Roles(&[Role::Auditor]);
    vec![
        Door::look("/audit", auditor, newest),
        Door::search("/audit/search", auditor, search),
        Door::look("/audit/persons/{person}", auditor, about),
    ]
}

const ROWS: usize = base::limits::LIST_ROWS;

/// A row with whoever acted by name.
struct Line {
    row: Recorded,
    who: String,
    office: String,
    /// The resident who acted, or whose relative did.
    about: Option<PersonId>,
    /// Whose account was touched, where it was another's; and the resident whom that names.
    touched: Option<(String, Option<PersonId>)>,
}

/// Everybody whom these lines name or whose relative they name, each once.
fn named(lines: &[Line]) -> Vec<PersonId> {
    let mut persons: Vec<PersonId> = Vec::new();
    let touched = |line: &Line| line.touched.as_ref().and_then(|(_, about)| *about);
    for person in lines.iter().flat_map(|line| line.about.into_iter().chain(touched(line))) {
        if !persons.contains(&person) {
            persons.push(person);
        }
    }
    persons
}

/// Rows older than the one named in the address, with one more than a page to know whether there is a next.
fn from_of(query: &Asked) -> i64 {
    asked(query, "before").parse().unwrap_or(i64::MAX)
}

async fn newest(
    State(site): State<Site>,
    Extension(book): Extension<Book>,
    visitor: Visitor,
    frame: Frame,
    query: Asked,
) -> Result<Markup, Problem> {
    let from = from_of(&query);
    let lines = visitor
        .look(&site, Look::Audit, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let rows = audit::before(tx, from, ROWS + 1)?;
            let lines = lines(tx, rows)?;
            seen.extend(access::require_each(ctx, tx, &[Act::SeeIdentity, Act::SeeLooks], &[], &named(&lines))?);
            Ok(Seen::of(lines, seen))
        })
        .await?;
    Ok(frame.page("だれが、いつ、何を見たか").body(html! {
        (search_form(""))
        @if lines.is_empty() { (empty("記録はまだありません", "")) } @else { (rows_table(&frame, book, &lines, true)) }
        (pages("/audit", &lines, from))
    }))
}

fn search_form(query: &str) -> Markup {
    html! {
        form.stack.card method="post" action="/audit/search" role="search" {
            (Field::search("q", "対象者の氏名・フリガナ・電話・対象者番号").value(query)
                .hint("一人の方について、だれが見たかを調べます。検索したことも記録されます。"))
            (submit("探す"))
        }
    }
}

/// Pages by the number of the last row shown: rows are only ever added.
fn pages(base: &str, lines: &[Line], from: i64) -> Markup {
    let next = lines.get(ROWS - 1).filter(|_| lines.len() > ROWS).map(|l| format!("{base}?before={}", l.row.place));
    let first = (from != i64::MAX).then_some(base);
    pager(first, next.as_deref(), if first.is_some() { "「前へ」で最新に戻ります" } else { "新しい順" })
}

async fn search(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Markup, Problem> {
    let query = form.one("q").to_owned();
    let wanted = query.clone();
    let found: Found =
        visitor.look(&site, Look::AuditSearch, move |ctx, tx| Ok(people::search(ctx, tx, &wanted, 0)?.into())).await?;
    let mut table = Table::new("見つかった対象者", &["氏名", "対象者番号", "記録"]);
    for person in &found.persons {
        let href = format!("/audit/persons/{}", person.id);
        table = table.row(vec![
            found_line(person, Date::of(frame.now), &href),
            html! { (person.number) },
            html! { (link_button(&href, "記録を見る")) },
        ]);
    }
    Ok(frame.page("どの方の記録を調べますか").body(html! {
        (search_form(&query))
        @if found.persons.is_empty() { (empty("当てはまる方は見つかりません", found.why_nobody.as_deref().unwrap_or("文字を減らすか、フリガナでもお試しください。"))) }
        @else { (table) }
        @if found.more { (too_many(ROWS, ROWS + 1, "文字を足して絞り込んでください。")) }
        (link_button("/audit", "すべての記録へ"))
    }))
}

async fn about(
    State(site): State<Site>,
    Extension(book): Extension<Book>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    query: Asked,
) -> Result<Markup, Problem> {
    let from = from_of(&query);
    let (resident, home, lines) = visitor
        .look(&site, Look::AuditPerson, move |ctx, tx| {
            let mut seen = Witnesses::default();
            seen.extend([access::require(ctx, tx, Act::SeeLooks, person)?]);
            let (resident, home): (Resident, Home) =
                (seen.take(people::resident(ctx, tx, person)?), seen.take(people::home_of(ctx, tx, person)?));
            let rows = audit::about_before(tx, person, from, ROWS + 1)?;
            let lines = lines(tx, rows)?;
            seen.extend(access::require_each(ctx, tx, &[Act::SeeIdentity, Act::SeeLooks], &[], &named(&lines))?);
            Ok(Seen::of((resident, home, lines), seen))
        })
        .await?;
    let base = format!("/audit/persons/{person}");
    Ok(frame.page("この方の情報を、だれが見たか").body(html! {
        (Head::of(&resident, &home, Date::of(frame.now)).large())
        p.soft { "いま行われた操作は、並ぶまでに数秒かかることがあります。" }
        @if lines.is_empty() { (empty("この方についての記録はまだありません", "")) } @else { (rows_table(&frame, book, &lines, false)) }
        (pages(&base, &lines, from))
        (link_button("/audit", "すべての記録へ"))
    }))
}

fn rows_table(frame: &Frame, book: Book, lines: &[Line], with_persons: bool) -> Markup {
    let all = ["日時", "だれが", "何をしたか", "目的・根拠", "対象者"];
    let headings = if with_persons { &all[..] } else { &all[..4] };
    let mut table = Table::new("閲覧・操作の記録", headings);
    for line in lines.iter().take(ROWS) {
        let row = &line.row;
        let mut cells = vec![
            at(row.at, frame.now),
            html! { (line.who) " （" (row.role.ja()) "）" @if !line.office.is_empty() { br; span.soft { (line.office) } } },
            act_cell(book, line),
            html! { (row.purpose.ja()) br; span.soft { (ground(&row.ground)) @if row.ground.is_empty() { "対象者なし" } } },
        ];
        if with_persons {
            cells.push(persons(&row.persons));
        }
        table = table.row(cells);
    }
    html! { (table) }
}

/// What was done, with its items; that it was carried out goes without saying.
fn act_cell(book: Book, line: &Line) -> Markup {
    let row = &line.row;
    let items = items(&row.items);
    html! {
        (book.words(&row.action))
        @match row.outcome {
            Outcome::Done => {},
            Outcome::Refused => { " " (chip(Tone::NearLimit, "拒否")) },
            Outcome::Failed => { " " (chip(Tone::Unknown, "失敗")) },
        }
        @match &line.touched {
            Some((whose, _)) => { br; span.soft { "対象の利用者 " (whose) } },
            None if !items.is_empty() => { br; span.soft { (items) } },
            None => {},
        }
    }
}

/// One resident leads to the page about them; of a list only the number is told.
fn persons(persons: &[PersonId]) -> Markup {
    html! {
        @match persons {
            [] => "なし",
            [one] => { a href={ "/audit/persons/" (one) } { "1名" } },
            many => { (many.len()) "名" },
        }
    }
}

fn lines(tx: &mut dyn Tx, rows: Vec<Recorded>) -> Result<Vec<Line>, Problem> {
    let actors = rows.iter().map(|row| row.actor_id).filter(|id| !id.is_nil());
    let ids: Vec<Uuid> = actors.chain(rows.iter().filter_map(touched)).collect();
    let offices: Vec<OfficeId> = rows.iter().filter_map(|row| row.office).collect();
    let whose = Whose {
        staff: people::staff_names(tx, &ids.iter().map(|id| StaffId(*id)).collect::<Vec<_>>())?,
        accounts: signin::find_accounts(tx, &ids.iter().map(|id| AccountId(*id)).collect::<Vec<_>>())?,
    };
    let offices = people::office_heads(tx, &offices)?;
    let line = |row: Recorded| {
        let who = if row.actor_id.is_nil() { "システム".to_owned() } else { whose.name(row.actor_id) };
        // A resident acts as themselves; a relative has an account about one.
        let about = match row.role {
            Role::Resident => Some(PersonId(row.actor_id)),
            Role::Family => whose.account(row.actor_id).and_then(|account| account.person),
            _ => None,
        };
        let touched = touched(&row).filter(|id| *id != row.actor_id).map(|id| whose.told(id));
        let office = row.office.and_then(|office| offices.get(&office)).map_or(String::new(), |head| head.name.clone());
        Line { row, who, office, about, touched }
    };
    Ok(rows.into_iter().map(line).collect())
}

/// The account that a row is about.
fn touched(row: &Recorded) -> Option<Uuid> {
    row.items.split_whitespace().find_map(|item| item.strip_prefix("account:")?.parse().ok())
}

/// Who acted and whose accounts were touched, read in two statements.
struct Whose {
    staff: BTreeMap<StaffId, Redacted<String>>,
    accounts: Vec<Account>,
}

impl Whose {
    fn account(&self, id: Uuid) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id.0 == id)
    }

    /// Of the register for staff, else of the account.
    fn name(&self, id: Uuid) -> String {
        let of_account = || self.account(id).map(|account| &account.display_name);
        let name = self.staff.get(&StaffId(id)).or_else(of_account);
        name.map_or_else(|| "登録のない利用者".to_owned(), |name| name.expose().clone())
    }

    /// Name and login name, and the resident whom they name.
    fn told(&self, id: Uuid) -> (String, Option<PersonId>) {
        let Some(account) = self.account(id) else { return (self.name(id), None) };
        let about = if account.role == Role::Resident { Some(PersonId(id)) } else { account.person };
        (format!("{}（ログイン名 {}）", self.name(id), account.login.as_str()), about)
    }
}

/// The name of whoever acted: of the register for staff, else of the account; the program is called itself.
pub fn name_of_actor(tx: &mut dyn Tx, actor: Uuid) -> Result<String, Problem> {
    if actor.is_nil() {
        return Ok("システム".to_owned());
    }
    if let Ok(staff) = people::staff(tx, actor.into()) {
        return Ok(staff.name.expose().clone());
    }
    match signin::find_account(tx, actor.into()) {
        Ok(account) => Ok(account.display_name.expose().clone()),
        Err(_) => Ok("登録のない利用者".to_owned()),
    }
}
