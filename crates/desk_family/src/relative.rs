//! The relative's page. What the resident did not consent to, or no longer does, is not read at all.

use access::{Act, Witnesses};
use axum::extract::State;
use base::{Ctx, HomeId, Instant, Redacted};
use db::Tx;
use maud::{Markup, html};
use page::components::{State as Tone, empty, notice};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use response::FamilyCase;
use watch::{Absence, Alert, Level, RecentActivity};

use super::{absences, alerts, questions, signs};
use crate::verbs::Look;

#[derive(Default)]
struct Sheet {
    name: Option<Redacted<String>>,
    home: Option<HomeId>,
    notices: Vec<Alert>,
    /// `None`: the resident has not consented to this.
    cases: Option<Vec<FamilyCase>>,
    activity: Option<RecentActivity>,
    absences: Option<Vec<Absence>>,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let sheet = look(&site, &visitor).await?;
    Ok(frame.page("ご家族は、いまどうしていますか").live("/live/family", 120).body(body(&sheet, frame.now)))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(body(&look(&site, &visitor).await?, frame.now))
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Sheet, Problem> {
    visitor
        .look(site, Look::Family, |ctx, tx| {
            let mut seen = Witnesses::default();
            let person = ctx.actor.person.ok_or(Problem::Denied(None))?;
            let sheet = read(ctx, tx, person, &mut seen)?;
            Ok(Seen::of(sheet, seen))
        })
        .await
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, person: base::PersonId, seen: &mut Witnesses) -> Result<Sheet, Problem> {
    let mut sheet = Sheet::default();
    if access::may(ctx, tx, Act::SeeAlert, person) {
        let resident = seen.take(people::resident(ctx, tx, person)?);
        sheet.name = Some(resident.name.clone());
        sheet.home = Some(resident.home);
        sheet.cases = Some(seen.take(response::family_view(ctx, tx, person)?));
        let standing = seen.take(watch::standing_alerts(ctx, tx, resident.home)?);
        sheet.notices = standing.into_iter().filter(|a| a.level == Level::Notice && a.person == person).collect();
        sheet.absences = Some(seen.take(watch::absences(ctx, tx, resident.home)?));
    }
    if access::may(ctx, tx, Act::SeeWatch, person) {
        let running = seen.take(watch::contracts(ctx, tx, person)?).into_iter().find(|c| c.ended_at.is_none());
        if let Some(contract) = running {
            sheet.activity = Some(seen.take(watch::recent_activity(ctx, tx, contract.home, ctx.now)?));
        }
    }
    Ok(sheet)
}

fn body(sheet: &Sheet, now: Instant) -> Markup {
    html! {
        div.stack #family hx-get="/family/now" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this" {
            @if let Some(name) = &sheet.name { h2 { (name.expose()) " さん" } }
            @if sheet.cases.is_none() && sheet.activity.is_none() {
                (notice(Tone::Unknown, "いま、ご覧いただける情報はありません", html! {
                    p { "ご本人の同意がある間だけ、アラートや見守りの様子をお見せしています。" }
                    p { "ご不明な点は、担当のケアマネジャーか事務局にお尋ねください。" }
                }))
            }
            (questions(&sheet.notices, Some(sheet.name.as_ref().map_or("ご家族", |name| name.expose())), now))
            @if let Some(cases) = &sheet.cases {
                section.stack {
                    h2 { "アラート" }
                    @if !cases.iter().any(|c| c.ended.is_none()) { (empty("いま対応中のアラートはありません", "")) }
                    (alerts(cases, now))
                }
            }
            @if let Some(activity) = &sheet.activity {
                section.stack { h2 { "きょうの様子" } (signs::signs(activity, now)) }
            }
            @if let (Some(home), Some(list)) = (sheet.home, &sheet.absences) { (absences(list, sheet.cases.as_deref().unwrap_or_default(), home, now)) }
        }
    }
}
