//! 状況板: the day's figures, on a wall to be read across a room and on a desk beside the work. It shows no person. Each
//! state is a word, a shape and a colour; what is a number is as large as the screen allows.

use axum::extract::State;
use base::wareki::Date;
use base::{Instant, Span};
use maud::{Markup, html};
use page::components::{State as Tone, chip, ja_date, since};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use response::{MARK_60, MARK_180, Wallboard};

use super::queue::percent;

/// Who waits longer than this waits too long on the wall.
const TOO_LONG: Span = Span::seconds(60);

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let board = read(&site, &visitor).await?;
    Ok(frame.page("状況板").heading_hidden().wall().live("/live/cases", 20).body(html! {
        div.wall {
            div.wall-head {
                p.wall-clock { span data-clock { (clock(frame.now)) } }
                p.wall-date { (ja_date(frame.now)) }
            }
            (shown(&board, frame.now))
            p.soft.wall-foot { "60秒（180秒）たっていない案件は、割合に入れていません。" }
        }
    }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(shown(&read(&site, &visitor).await?, frame.now))
}

async fn read(site: &Site, visitor: &Visitor) -> Result<Wallboard, Problem> {
    let ctx = visitor.ctx(site);
    let today = Date::of(ctx.now);
    site.db().read(move |tx| Ok::<_, Problem>(response::wallboard(&ctx, tx, today)?)).await
}

/// 「10:42」, kept going by the script.
fn clock(now: Instant) -> String {
    let local = now.local();
    format!("{:02}:{:02}", local.hour, local.minute)
}

/// What is so because of time alone (a limit that passed, a share) is no event: the board asks by itself, too.
fn shown(board: &Wallboard, now: Instant) -> Markup {
    html! {
        section #board.wall-board hx-get="/wallboard/fragment" hx-trigger="sse:changed, every 15s" hx-swap="outerHTML"
            hx-target="this" aria-label="状況板" {
            h2.sr-only { "いま" }
            ul.wall-now {
                (tile("受付待ち", &board.waiting.to_string(), waiting(board, now), html! {
                    @if let Some(at) = board.waiting_since { "最長 " (since(at, now)) }
                }))
                (tile("対応中", &in_hand(board).to_string(), open(board), html! {}))
                (tile("期限超過", &board.overdue.to_string(), overdue(board), html! {
                    @if board.overdue > 0 { a href="/overdue" { "一覧を開く" } }
                }))
            }
            h2.sr-only { "きょう" }
            ul.wall-day {
                (tile("60秒以内の受付", &percent(board.within_60), share(board.within_60, MARK_60), html! { "目標 97.5%" }))
                (tile("180秒以内の受付", &percent(board.within_180), share(board.within_180, MARK_180), html! { "目標 99%" }))
                (tile("きょうの検知", &board.opened.to_string(), None, html! {}))
                (tile("うち解消", &board.closed.to_string(), None, html! {}))
            }
        }
    }
}

type Told = Option<(Tone, &'static str)>;

fn waiting(board: &Wallboard, now: Instant) -> Told {
    Some(match board.waiting_since {
        None => (Tone::Confirmed, "待ちなし"),
        Some(at) if now - at > TOO_LONG => (Tone::NeededNow, "60秒超え・すぐ受付"),
        Some(_) => (Tone::NearLimit, "受付してください"),
    })
}

/// Open and taken: what waits stands beside it.
fn in_hand(board: &Wallboard) -> usize {
    board.open.saturating_sub(board.waiting)
}

fn open(board: &Wallboard) -> Told {
    Some(if in_hand(board) > 0 { (Tone::InProgress, "対応しています") } else { (Tone::Done, "案件なし") })
}

fn overdue(board: &Wallboard) -> Told {
    Some(if board.overdue > 0 {
        (Tone::NeededNow, "期限を過ぎています")
    } else {
        (Tone::Confirmed, "超過なし")
    })
}

fn share(value: Option<f64>, mark: f64) -> Told {
    Some(match value {
        None => (Tone::Unknown, "まだ計算できません"),
        Some(v) if v < mark => (Tone::NearLimit, "目標未達"),
        Some(_) => (Tone::Confirmed, "目標達成"),
    })
}

fn tile(label: &str, value: &str, told: Told, beside: Markup) -> Markup {
    html! {
        li class=[told.map(|(tone, _)| tone.class())] {
            span.wall-label { (label) }
            strong { (value) }
            span.wall-state {
                @if let Some((tone, words)) = told { (chip(tone, words)) }
                span.soft { (beside) }
            }
        }
    }
}
