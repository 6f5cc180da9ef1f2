//! 通信断: a gateway that fell silent is a fault of the line, never of the person, and stands here until it is heard.

use access::Witnesses;
use axum::extract::State;
use base::{Instant, Role};
use maud::{Markup, html};
use page::components::{State as Tone, chip, empty, since, too_many};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use watch::LineTrouble;

use super::gateway::never_through;
use super::{Dwelling, desk_tabs};
use crate::verbs::Look;

struct Lines {
    troubles: Vec<LineTrouble>,
    dwellings: Vec<Dwelling>,
    homes: usize,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let lines = look(&site, &visitor).await?;
    let keeper = visitor.role() == Role::Administrator;
    Ok(frame.page("どの住まいの通信が途絶えていますか").live("/live/register", 60).body(html! {
        @if keeper { (desk_tabs("/lines")) } @else { p { a href="/gateways/all" { "すべてのゲートウェイ" } } }
        (list(&lines, keeper, frame.now))
    }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let lines = look(&site, &visitor).await?;
    Ok(list(&lines, visitor.role() == Role::Administrator, frame.now))
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Lines, Problem> {
    visitor
        .look(site, Look::Lines, |ctx, tx| {
            let mut seen = Witnesses::default();
            let troubles = seen.take(watch::line_faults(ctx, tx)?);
            let homes: Vec<base::HomeId> = troubles.iter().flat_map(homes_of).collect();
            let shown: Vec<base::HomeId> = homes.iter().copied().take(base::limits::LIST_ROWS).collect();
            let dwellings = Dwelling::read_all(ctx, tx, &shown, &mut seen)?;
            Ok(Seen::of(Lines { troubles, dwellings, homes: homes.len() }, seen))
        })
        .await
}

fn homes_of(trouble: &LineTrouble) -> Vec<base::HomeId> {
    match trouble {
        LineTrouble::Outage { homes, .. } => homes.clone(),
        LineTrouble::Fault { home, .. } => vec![*home],
    }
}

fn list(lines: &Lines, keeper: bool, now: Instant) -> Markup {
    html! {
        div.stack #lines hx-get="/lines/list" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this" {
            @if lines.troubles.is_empty() {
                (empty("通信断の住まいはありません", "ゲートウェイの通信が途絶えると、ここに現れます。"))
            }
            @for trouble in &lines.troubles { article.card.stack { (card(trouble, lines, keeper, now)) } }
            @if lines.dwellings.len() < lines.homes {
                (too_many(lines.dwellings.len(), lines.homes, "復旧すると、続きが表示されます。"))
            }
            p.soft { "通信断の間、この住まいの様子は「不明」です。長引くときは、電話か訪問で確かめてください。" }
        }
    }
}

fn card(trouble: &LineTrouble, lines: &Lines, keeper: bool, now: Instant) -> Markup {
    let dwelling = |home: &base::HomeId| lines.dwellings.iter().find(|d| d.home == *home);
    let row = |d: &Dwelling| {
        html! {
            @if keeper { a href={ "/homes/" (d.home) "/devices" } { (d.words()) } } @else { (d.words()) }
            span.soft { "　" (d.address.expose()) }
        }
    };
    html! {
        @match trouble {
            LineTrouble::Outage { shared, name, began_at, homes, .. } => {
                p { (chip(Tone::NearLimit, "一斉の通信断")) " " (homes.len()) "軒　" (since(*began_at, now)) }
                h2 {
                    @match shared { watch::live::Shared::Area => "圏域", watch::live::Shared::Carrier => "回線" } "：" (name)
                }
                p { "停電や回線の障害が考えられます。住まいごとの異変としては数えません。" }
                details { summary { "住まいの一覧" } ul { @for home in homes { @if let Some(d) = dwelling(home) { li { (row(d)) } } } } }
            },
            LineTrouble::Fault { home, began_at, noticed_at, cause, .. } => {
                p { (chip(Tone::Unknown, "通信断")) " " (since(*began_at, now)) }
                @if let Some(d) = dwelling(home) { h2 { (row(d)) } }
                @if let Some(cause) = cause { (never_through(*cause)) }
                p.soft { "気づいた時刻 " (since(*noticed_at, now)) }
            },
        }
    }
}
