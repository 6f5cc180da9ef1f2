//! ゲートウェイの一覧: every gateway in use, whether its line is up, when it was heard, what hangs behind it.

use access::Witnesses;
use axum::extract::{Query, State};
use base::{Instant, Role, Span};
use maud::{Markup, html};
use page::components::{State as Tone, Table, chip, empty, pager, since};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use watch::GatewayLine;

use super::{Dwelling, desk_tabs};
use crate::verbs::Look;

const HEADINGS: [&str; 5] = ["回線", "住まい", "ゲートウェイ", "最後の通信", "機器と電池"];
/// Unheard for so long, a gateway is no longer called connected; when its line counts as down, the settings say.
const QUIET: Span = Span::hours(1);
const ROWS: usize = base::limits::LIST_ROWS;

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Markup, Problem> {
    let asked = query.iter().find(|(name, _)| name == "page").and_then(|(_, n)| n.parse::<usize>().ok());
    let page = asked.unwrap_or(1).clamp(1, 100_000);
    let (lines, all) = visitor
        .look(&site, Look::Gateways, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let (lines, all) = seen.take(watch::gateway_lines(ctx, tx, (page - 1) * ROWS, ROWS)?);
            let homes: Vec<base::HomeId> = lines.iter().map(|line| line.gateway.home).collect();
            let dwellings = Dwelling::read_all(ctx, tx, &homes, &mut seen)?;
            let rows: Vec<(GatewayLine, Dwelling)> = lines.into_iter().zip(dwellings).collect();
            Ok(Seen::of((rows, all), seen))
        })
        .await?;
    let keeper = visitor.role() == Role::Administrator;
    let at = |n: usize| format!("/gateways/all?page={n}");
    let (before, after) = ((page > 1).then(|| at(page - 1)), (page * ROWS < all).then(|| at(page + 1)));
    Ok(frame.page("すべてのゲートウェイは、つながっていますか").body(html! {
        @if keeper { (desk_tabs("/gateways/all")) } @else { p { a href="/lines" { "通信断の一覧へ" } } }
        @if lines.is_empty() { (empty("使用中のゲートウェイはありません", "住まいの機器の画面から登録すると、ここに並びます。")) }
        @else {
            p.soft { "使用中 " (all) "台。通信断、最後の通信が古いものの順です。" }
            (table(&lines, keeper, frame.now))
        }
        (pager(before.as_deref(), after.as_deref(), &format!("{page}ページ目")))
    }))
}

fn table(lines: &[(GatewayLine, Dwelling)], keeper: bool, now: Instant) -> Table<'static> {
    let mut table = Table::new("使用中のゲートウェイ", &HEADINGS);
    for (line, dwelling) in lines {
        let gateway = &line.gateway;
        table = table.row(vec![
            state(line, now),
            html! {
                @if keeper { a href={ "/homes/" (gateway.home) "/devices" } { (dwelling.words()) } } @else { (dwelling.words()) }
                br; span.soft { (dwelling.address.expose()) }
            },
            html! { code { (gateway.name) } @if !gateway.carrier.is_empty() { br; span.soft { (gateway.carrier) } } },
            html! { @match gateway.heard_at { Some(at) => { (since(at, now)) }, None => { "まだありません" } } },
            behind(line),
        ]);
    }
    table
}

fn state(line: &GatewayLine, now: Instant) -> Markup {
    html! {
        @match (line.down_since, line.gateway.heard_at) {
            (Some(since_when), _) => { (chip(Tone::NeededNow, "通信断")) " " (since(since_when, now)) },
            (None, None) => { (chip(Tone::Unknown, "一度も通信がない")) },
            (None, Some(at)) if now - at > QUIET => { (chip(Tone::NearLimit, "しばらく通信なし")) },
            (None, Some(_)) => { (chip(Tone::Confirmed, "通信中")) },
        }
        @if let Some(cause) = line.gateway.cause { br; (cause.ja()) }
        @if let Some(error) = line.gateway.clock { br; (error.ja()) "（補正中）" }
        @if line.unused > 0 { br; span.soft { "使えなかった通信 " (line.unused) "件" } }
    }
}

fn behind(line: &GatewayLine) -> Markup {
    html! {
        (line.devices) "台"
        @match line.battery {
            Some(percent) if percent <= watch::LOW_BATTERY => { " " (chip(Tone::NearLimit, &format!("電池の残り最低{percent}％"))) },
            Some(percent) => { br; span.soft { "電池の残り最低" (percent) "％" } },
            None => {},
        }
    }
}
