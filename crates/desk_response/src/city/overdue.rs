//! 期限超過: cases whose limit is over, with what is asked of the reader. The city sees all; the others those they know.

use access::{Act, Witnesses};
use axum::extract::State;
use base::{CaseId, Ctx, Instant, Role};
use db::Tx;
use maud::{Markup, html};
use page::components::{Table, empty, since, sound_button, too_many};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use response::{QueueRow, Step};

use crate::call_centre::queue;
use crate::verbs::Look;

struct Overdue {
    rows: Vec<QueueRow>,
    all: usize,
    /// The cases whose page the reader may open.
    open: Vec<CaseId>,
    role: Role,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let found = read(&site, &visitor).await?;
    let page = frame.page("期限を過ぎた案件");
    let page = if visitor.role() == Role::CareManager {
        page.live("/live/notebook", 30)
    } else {
        page.live("/live/cases", 30)
    };
    Ok(page.body(html! { div.buttons { (sound_button()) } (shown(&found, frame.now)) }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(shown(&read(&site, &visitor).await?, frame.now))
}

async fn read(site: &Site, visitor: &Visitor) -> Result<Overdue, Problem> {
    let look = |ctx: &Ctx, tx: &mut dyn Tx| {
        let mut seen = Witnesses::default();
        let (rows, all) = seen.take(response::overdue(ctx, tx)?);
        let mut open = Vec::new();
        for row in &rows {
            if access::may(ctx, tx, Act::SeeCase, row.case.person) {
                open.push(row.case.id);
            }
        }
        Ok(Seen::of(Overdue { rows, all, open, role: ctx.actor.role }, seen))
    };
    visitor.look(site, Look::Overdue, look).await
}

fn shown(found: &Overdue, now: Instant) -> Markup {
    let headings = ["超過", "氏名", "理由", "段階・担当", "お願いしたいこと"];
    let mut table = Table::new("期限を過ぎた案件（古い順）", &headings);
    for row in &found.rows {
        let opens = found.open.contains(&row.case.id);
        let cells = vec![
            queue::limit(row, now),
            html! {
                @if opens { a.person-name href={ "/cases/" (row.case.id) } { (row.name.expose()) } }
                @else { span.person-name { (row.name.expose()) } }
                div.soft { (row.town) "　受付番号 " (row.case.number) }
            },
            html! { (row.case.reason) div.soft { "検知 " (since(row.case.opened_at, now)) } },
            html! { (queue::step(&row.case, now)) div { "担当 " @match &row.holder_name { Some(name) => { (name.expose()) }, None => { "なし" } } } },
            html! { (asked(found.role, row)) @if !opens { div.soft { "まだ詳しい内容は開示されていません。コールセンターにお電話ください。" } } },
        ];
        table = if queue::untaken(row) { table.alarm_row(cells) } else { table.row(cells) };
    }
    html! {
        section #overdue hx-get="/overdue/fragment" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="期限を過ぎた案件" aria-live="polite" {
            @if found.rows.is_empty() {
                (empty("期限を過ぎた案件はありません", "期限を過ぎた案件があると、この一覧に自動で表示されます。"))
            } @else {
                (table)
                @if found.all > found.rows.len() { (too_many(found.rows.len(), found.all, "超過の長い順です。")) }
            }
        }
    }
}

/// What the reader's own office can do about it: the call centre works it, the others make sure that somebody does.
fn asked(role: Role, row: &QueueRow) -> &'static str {
    let step = row.case.state.step();
    match (role, step) {
        (Role::Operator, _) => row.next_words,
        (_, Step::Detected) => "コールセンターに電話し、受付されない理由を確かめてください。",
        (_, _) if row.case.holder.is_none() => "コールセンターに電話し、担当を決めてもらってください。",
        (_, Step::Taken | Step::CallingResident | Step::CallingContacts) => {
            "コールセンターに状況を確かめ、訪問の手配を決めてください。"
        }
        (_, Step::VisitRequested) => "向かう方を決めてください。見つからないときは職員の訪問をご検討ください。",
        (_, Step::OnTheWay | Step::Arrived) => "訪問する方に電話し、様子を確かめてください。",
        (_, Step::NobodyAnswers) => "警察・消防への開扉の依頼と立ち会いを決めてください。",
        (_, Step::Reported | Step::Consultation) => {
            "担当ケアマネジャーに、医師への相談と今後の対応を確かめてください。"
        }
        (_, Step::Ambulance) => "搬送先と家族への連絡を確かめてください。",
        (_, Step::Resolved | Step::Reviewed) => "することはありません。",
    }
}
