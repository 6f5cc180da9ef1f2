//! 担当の方: those within the reader's reach, all or by a piece of name, reading, telephone, address or birthday.

use axum::extract::State;
use base::wareki::Date;
use maud::{Markup, html};
use page::components::{Field, PersonHead, empty, person_line, submit};
use page::frame::Frame;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use people::{Found, FoundPerson};

use super::TEAM;
use crate::verbs::Look;

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    found(&site, &visitor, &frame, String::new(), 0).await
}

pub async fn search(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Markup, Problem> {
    let page = form.one("page").parse().unwrap_or(0);
    found(&site, &visitor, &frame, form.one("q").to_owned(), page).await
}

async fn found(site: &Site, visitor: &Visitor, frame: &Frame, query: String, page: usize) -> Result<Markup, Problem> {
    let asked = query.clone();
    let found =
        visitor.look(site, Look::People, move |ctx, tx| Ok(people::search(ctx, tx, &asked, page)?.into())).await?;
    let title = if TEAM.contains(&visitor.role()) {
        "どの方の連絡帳を開きますか"
    } else {
        "どの方を確認しますか"
    };
    Ok(frame.page(title).body(body(&found, &query, Date::of(frame.now))))
}

fn body(found: &Found, query: &str, today: Date) -> Markup {
    html! {
        form.card method="post" action="/people/search" role="search" {
            (Field::search("q", "氏名・カナ・電話番号・住所・生年月日").value(query))
            (submit("探す"))
        }
        @if found.persons.is_empty() {
            @if query.is_empty() {
                (empty("担当の方はまだいません", "ケアチームへの参加は事務局が登録します。"))
            } @else {
                @let otherwise = "文字を減らすか、カナで探してください。担当でない方は表示されません。";
                (empty("見つかりませんでした", found.why_nobody.as_deref().unwrap_or(otherwise)))
            }
        }
        ul.plain.stack {
            @for person in &found.persons { li.card { (row(person, today)) } }
        }
        @if found.page > 0 || found.more {
            nav.pager aria-label="ページ送り" {
                @if found.page > 0 { (turn(query, found.page - 1, "前へ")) }
                span { (found.page + 1) "ページ目" }
                @if found.more { (turn(query, found.page + 1, "次へ")) }
            }
        }
    }
}

fn row(person: &FoundPerson, today: Date) -> Markup {
    let marks = match person.household {
        people::Household::Alone => vec![page::components::Mark::alone()],
        _ => vec![],
    };
    let head = PersonHead {
        name: person.name.expose(),
        kana: person.kana.expose(),
        age: Some(person.birth.age_on(today)),
        sex: person.sex.ja(),
        born: Some(person.birth),
        town: &person.town,
        marks: &marks,
        href: Some(&format!("/people/{}", person.id)),
    };
    html! {
        (person_line(&head))
        @if person.life != people::LifeStatus::AtHome { " " span.soft { (person.life.ja()) } }
    }
}

/// A page of a search is turned by post as well: what was typed stays out of the address.
fn turn(query: &str, page: usize, label: &str) -> Markup {
    html! {
        form method="post" action="/people/search" {
            input type="hidden" name="q" value=(query);
            input type="hidden" name="page" value=(page);
            button.btn type="submit" { (label) }
        }
    }
}
