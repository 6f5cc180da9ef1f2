//! 状況板: the day's figures large enough to be read across a room. It shows no person.

use axum::extract::State;
use base::Instant;
use base::wareki::Date;
use maud::{Markup, html};
use response::{MARK_60, MARK_180, Wallboard};

use super::queue::percent;
use crate::components::{Figure, State as Tone, figures, ja_date, notice};
use crate::frame::Frame;
use crate::problem::Problem;
use crate::site::Site;
use crate::visitor::Visitor;

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let board = read(&site, &visitor).await?;
    Ok(frame.page("状況板").live("/live/cases", 20).body(html! {
        (shown(&board, frame.now))
        p.soft { "受付の目標：60秒以内 97.5%、180秒以内 99%。まだ60秒（180秒）たっていない案件は割合に入れていません。" }
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

fn shown(board: &Wallboard, now: Instant) -> Markup {
    let count =
        |label, n: usize, tone: Option<Tone>, href| Figure { label, value: n.to_string(), hint: "", href, state: tone };
    let share = |label, value: Option<f64>, mark: f64, hint| Figure {
        label,
        value: percent(value),
        hint,
        href: None,
        state: value.map(|v| if v < mark { Tone::NearLimit } else { Tone::Confirmed }),
    };
    html! {
        section #board.board hx-get="/wallboard/fragment" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="状況板" aria-live="polite" {
            h2 { "いま" }
            (figures("いま", &[
                count("受付待ち", board.waiting, (board.waiting > 0).then_some(Tone::NeededNow), None),
                count("対応中", board.open, None, None),
                count("期限超過", board.overdue, (board.overdue > 0).then_some(Tone::NeededNow), Some("/overdue")),
            ]))
            h2 { "きょう " span.soft { (ja_date(now)) } }
            (figures("きょう", &[
                share("60秒以内の受付", board.within_60, MARK_60, "目標 97.5%"),
                share("180秒以内の受付", board.within_180, MARK_180, "目標 99%"),
                count("検知", board.opened, None, None),
                count("うち解消", board.closed, None, None),
            ]))
            @if board.opened == 0 {
                (notice(Tone::Unknown, "きょうの案件はまだありません", html! { p { "割合は、最初の案件から計算します。" } }))
            }
        }
    }
}
