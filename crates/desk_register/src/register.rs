//! The list of residents and the search for one. A search is posted: what was typed stays out of addresses and logs.

use axum::extract::State;
use base::Role;
use base::wareki::Date;
use maud::{Markup, html};
use page::components::{Action, Field, Table, empty, link_button, pager, submit};
use page::door::Door;
use page::frame::Frame;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use people::Found;

use super::heads::{found_line, life_chip};
use super::{Asked, READERS, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![Door::look("/register", READERS, list), Door::search("/register/search", READERS, search)]
}

async fn list(State(site): State<Site>, visitor: Visitor, frame: Frame, query: Asked) -> Result<Markup, Problem> {
    let page = asked(&query, "page").parse().unwrap_or(0);
    let found = find(&site, &visitor, "", page).await?;
    Ok(register_page(&frame, &visitor, "", &found))
}

async fn search(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Markup, Problem> {
    let page = form.one("page").parse().unwrap_or(0);
    let found = find(&site, &visitor, form.one("q"), page).await?;
    Ok(register_page(&frame, &visitor, form.one("q"), &found))
}

/// A look: everybody on the page of the list is in the audit row.
async fn find(site: &Site, visitor: &Visitor, query: &str, page: usize) -> Result<Found, Problem> {
    let query = query.to_owned();
    visitor.look(site, Look::Register, move |ctx, tx| Ok(people::search(ctx, tx, &query, page)?.into())).await
}

fn register_page(frame: &Frame, visitor: &Visitor, query: &str, found: &Found) -> Markup {
    let keeps = visitor.role() == Role::Administrator;
    frame.page("対象者を探す").body(html! {
        form.stack.card method="post" action="/register/search" role="search" {
            (Field::search("q", "氏名・フリガナ・電話・住所・生年月日・対象者番号").value(query)
                .hint("空白で区切ると、すべてに当てはまる方を探します。例：たかはし 見本町"))
            (submit("探す"))
        }
        @if keeps { (link_button("/register/new", "新しい対象者を登録")) }
        (results(frame, query, found))
    })
}

fn results(frame: &Frame, query: &str, found: &Found) -> Markup {
    let today = Date::of(frame.now);
    if found.persons.is_empty() {
        return match (query, found.page) {
            ("", 0) => empty("登録されている方はまだいません", "「新しい対象者を登録」から始めてください。"),
            (_, 0) => empty(
                "当てはまる方は見つかりません",
                found.why_nobody.as_deref().unwrap_or("文字を減らすか、フリガナや電話番号でもお試しください。"),
            ),
            _ => empty("このページに表示する方はいません", "前のページに戻ってください。"),
        };
    }
    let mut table = Table::new("対象者の一覧", &["氏名", "世帯", "状態", "日常生活圏域", "対象者番号"]);
    for person in &found.persons {
        table = table.row(vec![
            found_line(person, today, &format!("/register/{}", person.id)),
            html! { (person.household.ja()) },
            life_chip(person.life),
            html! { (person.area) },
            html! { span.number { (person.number) } },
        ]);
    }
    html! {
        (table)
        @if query.is_empty() {
            @let before = found.page.checked_sub(1).map(|p| format!("/register?page={p}"));
            @let after = found.more.then(|| format!("/register?page={}", found.page + 1));
            (pager(before.as_deref(), after.as_deref(), &format!("{}ページ", found.page + 1)))
        } @else {
            (search_pager(query, found))
        }
    }
}

/// Pages of a search are posted like the search itself.
fn search_pager(query: &str, found: &Found) -> Markup {
    let page = |n: usize, label: &'static str| {
        let n = n.to_string();
        html! { (Action::post("/register/search", label).hidden("q", query).hidden("page", &n)) }
    };
    html! {
        @if found.page > 0 || found.more {
            nav.pager aria-label="ページ送り" {
                @if let Some(before) = found.page.checked_sub(1) { (page(before, "前へ")) }
                span { (found.page + 1) "ページ" }
                @if found.more { (page(found.page + 1, "次へ")) }
            }
        }
    }
}
