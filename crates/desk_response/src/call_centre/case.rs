//! One case: why, where it stands, THE next step, everybody who can be called, the story. The part that changes by
//! itself (limit, holder, story) is swapped live; buttons and fields stay where they are until the page is loaded again.

use access::Witnesses;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use base::wareki::Date;
use base::{CaseId, Ctx, Instant, Redacted, Role, StaffId};
use db::Tx;
use form::Refusal;
use maud::{Markup, html};
use page::components::{State as Tone, chip, due, error_summary, refusal, since, sound_button};
use page::frame::Frame;
use page::named::id;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::{Seen, Visitor};
use parts::case::doctors;
use parts::head::Head;
use parts::story::told;
use response::{CaseSheet, May};

use super::queue::{self, NEAR, Queue};
use super::recent::{self, Recent};
use super::{contacts, next, sections};
use crate::verbs::Look;

/// A case with everything its page shows, and what this reader may do with it.
pub(crate) struct Desk {
    pub sheet: CaseSheet,
    pub head: Head,
    pub recent: Recent,
    /// Only for the call centre.
    pub queue: Option<Queue>,
    pub colleagues: Vec<(StaffId, String)>,
    /// Doctors of the team who can be asked, for those who may write into the notebook.
    pub doctors: Vec<(StaffId, String)>,
    /// Buttons that would only be refused are not shown.
    pub may: May,
    pub role: Role,
    pub me: uuid::Uuid,
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, id(&case)?, &Typed::default()).await
}

/// The page again, with what was typed and why it did not go.
pub(crate) async fn again(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    case: CaseId,
    typed: Typed,
) -> Result<Response, Problem> {
    let status = typed.status();
    match shown(site, visitor, frame, case, &typed).await {
        Ok(page) => Ok((status, page).into_response()),
        // The case is out of sight meanwhile (closed, declined); the rule's words still reach whoever asked.
        Err(problem) => match typed.wrong() {
            Some(why) if why.field.is_none() => Err(Problem::Refused(why.clone())),
            _ => Err(problem),
        },
    }
}

async fn shown(site: &Site, visitor: &Visitor, frame: &Frame, case: CaseId, typed: &Typed) -> Result<Markup, Problem> {
    let desk = visitor
        .look(site, Look::Case, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let desk = read(ctx, tx, case, &mut seen)?;
            Ok(Seen::of(desk, seen))
        })
        .await?;
    let body = body(&desk, typed, frame.now);
    let page = frame.page("案件の対応");
    Ok(match desk.queue {
        // A page with fields is never loaded again by itself: what is being typed would be lost.
        Some(_) => page.listens("/live/cases").body(body),
        None if matches!(desk.role, Role::CityOfficer | Role::SupportCentre) => page.listens("/live/cases").body(body),
        None => page.listens("/live/notebook").body(body),
    })
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, case: CaseId, seen: &mut Witnesses) -> Result<Desk, Problem> {
    let sheet = seen.take(response::case_sheet(ctx, tx, case)?);
    let (person, role) = (sheet.case.person, ctx.actor.role);
    let may = response::may(ctx, tx, &sheet.case);
    let queue = (role == Role::Operator).then(|| queue::read_beside(ctx, tx, seen)).transpose()?;
    let colleagues = if may.desk { response::colleagues(ctx, tx)? } else { vec![] };
    let colleagues = colleagues.into_iter().map(|s| (s.id, s.name.expose().clone())).collect();
    let doctors = if may.consult { doctors(ctx, tx, person, seen)? } else { vec![] };
    let desk = Desk {
        head: Head::of(&sheet.person, &sheet.home, Date::of(ctx.now)),
        recent: recent::recent(ctx, tx, &sheet.case, seen)?,
        queue,
        colleagues,
        doctors,
        may,
        role,
        me: ctx.actor.id,
        sheet,
    };
    Ok(desk)
}

fn body(desk: &Desk, typed: &Typed, now: Instant) -> Markup {
    let case = html! {
        div.stack {
            (desk.head.large())
            (why(desk, now))
            (moving_part(desk, now))
            (wrong(typed))
            (next::card(desk, typed, now))
            (recent::shown(&desk.recent, now))
            (contacts::list(desk, now))
            (sections::all(desk, typed, now))
            (story_part(&desk.sheet, now))
        }
    };
    match &desk.queue {
        Some(queue) => html! {
            a.back.only-narrow href="/cases" { "対応一覧へ戻る" }
            div.columns {
                div.only-wide.no-print { (sound_button()) (queue::narrow(queue, Some(desk.sheet.case.id), now)) }
                (case)
            }
        },
        None => case,
    }
}

fn wrong(typed: &Typed) -> Markup {
    html! {
        @match typed.wrong() {
            Some(Refusal { field: Some(field), words, .. }) => { (error_summary(&[(field, words)])) },
            Some(why) => { (refusal(&why.words, &[])) },
            None => {},
        }
    }
}

/// The reason in one sentence, and when the home last gave a sign. The picture of the day comes after the next step:
/// whoever must call now should not have to look for the button.
fn why(desk: &Desk, now: Instant) -> Markup {
    let case = &desk.sheet.case;
    let later: Vec<_> = desk.sheet.alerts.iter().filter(|a| a.at > case.opened_at).collect();
    html! {
        section.card aria-label="アラートの理由" {
            p.lead { (queue::urgency(case, &desk.sheet.alerts)) (case.reason) }
            p.soft { "受付番号 " (case.number) "　検知 " (since(case.opened_at, now)) "　" (case.rule.ja()) }
            @if let Some(alert) = later.last() {
                p { (chip(Tone::NearLimit, "追加のアラート")) " " (since(alert.at, now)) " " (alert.reason) }
                @if later.len() > 1 { p.soft { "ほかの追加のアラート" (later.len() - 1) "件は「これまでの経過」にあります。" } }
            }
            (recent::last_sign(&desk.recent, now))
        }
    }
}

/// Where it stands: step, limit, holder. Swapped live; it keeps its height, so that nothing below it jumps.
fn moving_part(desk: &Desk, now: Instant) -> Markup {
    let case = &desk.sheet.case;
    let newest = desk.sheet.story.first().map_or(0, |s| s.seq);
    html! {
        section #now.case-now aria-label="いまの状況" aria-live="polite"
            hx-get={ "/cases/" (case.id) "/fragment?seen=" (newest) } hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this" {
            (where_it_stands(&desk.sheet, desk.me, now))
        }
    }
}

fn where_it_stands(sheet: &CaseSheet, me: uuid::Uuid, now: Instant) -> Markup {
    let case = &sheet.case;
    html! {
        span { (queue::step(case, now)) }
        span { @match case.due_at { Some(at) => { "期限 " (due(at, now, NEAR)) }, None => { "期限なし" } } }
        span { "担当 " (holder(case.holder, sheet.holder_name.as_ref(), me)) }
    }
}

fn holder(holder: Option<StaffId>, name: Option<&Redacted<String>>, me: uuid::Uuid) -> Markup {
    html! {
        @match (holder, name) {
            (Some(id), _) if id.0 == me => { strong { "自分" } },
            (Some(_), Some(name)) => { strong { (name.expose()) } "さん" },
            _ => { strong { "なし" } },
        }
    }
}

/// The live part: limit and story. Where something new happened since the page was made, it says so and leaves the
/// loading to the reader.
pub async fn fragment(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(case): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Markup, Problem> {
    let case: CaseId = id(&case)?;
    let seen = query.as_deref().and_then(|q| q.strip_prefix("seen=")).and_then(|n| n.parse::<i64>().ok());
    let sheet =
        visitor.look(&site, Look::CasePart, move |ctx, tx| Ok(response::case_sheet(ctx, tx, case)?.into())).await?;
    let newest = sheet.story.first().map_or(0, |s| s.seq);
    let news = seen.is_some_and(|s| s < newest);
    let me = visitor.actor().id;
    Ok(html! {
        section #now.case-now aria-label="いまの状況" aria-live="polite"
            hx-get={ "/cases/" (case) "/fragment?seen=" (seen.unwrap_or(newest)) } hx-trigger="sse:changed"
            hx-swap="outerHTML" hx-target="this" {
            (where_it_stands(&sheet, me, frame.now))
            @if news { a.btn.is-small href={ "/cases/" (case) } { span { "新しい動きがあります。画面を更新" } } }
        }
        (story_swapped(&sheet, frame.now))
    })
}

fn story_part(sheet: &CaseSheet, now: Instant) -> Markup {
    html! { section #story-part.stack { (story_body(sheet, now)) } }
}

fn story_swapped(sheet: &CaseSheet, now: Instant) -> Markup {
    html! { section #story-part.stack hx-swap-oob="true" { (story_body(sheet, now)) } }
}

fn story_body(sheet: &CaseSheet, now: Instant) -> Markup {
    html! { h2 { "これまでの経過" } (told(&sheet.story, now)) }
}
