//! きょう: what is new for me, and what do I owe? Answers that are awaited, visits, notes I have not read.

use access::Witnesses;
use axum::extract::State;
use base::wareki::Date;
use base::{Ctx, Instant, PersonId, Span};
use care::Note;
use db::Tx;
use maud::{Markup, html};
use page::address;
use page::components::{Field, State as Tone, chip, due, empty, since, submit};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use response::VisitRow;
use std::collections::BTreeMap;

use super::note_card::chips;
use crate::verbs::Look;

/// A limit this near is shown in amber.
const NEAR: Span = Span::minutes(30);

struct Day {
    waiting: Vec<Note>,
    visits: Vec<VisitRow>,
    new: Vec<Note>,
    heads: BTreeMap<PersonId, Head>,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let day = look(&site, &visitor).await?;
    Ok(frame.page("新しいことと、お返事を待たれていること").live("/live/notebook", 120).body(html! {
        @if frame.renews() {
            // What is typed here would be gone with the next loading.
            p { a href="/people" { "担当の方を探す" } }
        } @else {
            form.card method="post" action="/people/search" role="search" {
                (Field::search("q", "担当の方を探す").hint("氏名・カナ・電話番号・住所・生年月日の一部"))
                (submit("探す"))
            }
        }
        (lists(&day, frame.now))
    }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let day = look(&site, &visitor).await?;
    Ok(lists(&day, frame.now))
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Day, Problem> {
    visitor
        .look(site, Look::Today, |ctx, tx| {
            let mut seen = Witnesses::default();
            let day = read(ctx, tx, &mut seen)?;
            Ok(Seen::of(day, seen))
        })
        .await
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, seen: &mut Witnesses) -> Result<Day, Problem> {
    tx.ahead(&[&|tx| drop(care::new_for(ctx, tx)), &|tx| drop(response::visits_for(ctx, tx))]);
    let waiting = seen.take(care::waiting_for(ctx, tx)?);
    let owed = |note: &Note| waiting.iter().any(|w| w.id == note.id);
    let new: Vec<Note> = seen.take(care::new_for(ctx, tx)?).into_iter().filter(|n| !owed(n)).collect();
    let persons: Vec<PersonId> = waiting.iter().chain(&new).map(|note| note.person).collect();
    let today = Date::of(ctx.now);
    let households = seen.take(people::households(ctx, tx, &persons)?);
    let heads =
        households.iter().map(|(person, (resident, home))| (*person, Head::of(resident, home, today))).collect();
    // A pharmacist is never sent to a door.
    let goes = access::scope(ctx, access::Act::ReportVisit).is_ok();
    let visits = if goes { seen.take(response::visits_for(ctx, tx)?) } else { Vec::new() };
    Ok(Day { waiting, visits, new, heads })
}

fn lists(day: &Day, now: Instant) -> Markup {
    html! {
        div.stack #today hx-get="/today/lists" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this" {
            @if !day.visits.is_empty() { (visits(day, now)) }
            section.stack aria-labelledby="waiting" {
                h2 #waiting { "返事を待たれている（" (day.waiting.len()) "件）" }
                @if day.waiting.is_empty() {
                    (empty("お返事を待たれている記事はありません", ""))
                }
                @for note in &day.waiting { (line(day, note, now)) }
            }
            @if day.visits.is_empty() { (visits(day, now)) }
            section.stack aria-labelledby="new-notes" {
                h2 #new-notes { "新しい記事（" (day.new.len()) "件）" }
                @if day.new.is_empty() {
                    (empty("新しい記事はありません", "読んだ記事は、担当の方の連絡帳にあります。"))
                }
                @for note in &day.new { (line(day, note, now)) }
            }
        }
    }
}

/// Somebody waits at a door: before all that may be read sitting down.
fn visits(day: &Day, now: Instant) -> Markup {
    html! {
        section.stack aria-labelledby="visits" {
            h2 #visits { "訪問する方（" (day.visits.len()) "件）" }
            @if day.visits.is_empty() { (empty("頼まれている訪問はありません", "")) }
            @for visit in &day.visits { (visit_line(visit, now)) }
        }
    }
}

fn line(day: &Day, note: &Note, now: Instant) -> Markup {
    html! {
        article.card {
            p {
                (chips(note))
                @if let Some(limit) = note.reply_by.filter(|_| note.awaited) { " " (due(limit, now, NEAR)) }
            }
            p.lead { a href={ "/notes/" (note.id) } { (note.subject.expose()) } }
            @if let Some(head) = day.heads.get(&note.person) { p { (head.line(Some(&format!("/people/{}", note.person)))) } }
            p.soft { (note.author.role.ja()) " " (note.author.name.expose()) "　" (since(note.written_at, now)) }
        }
    }
}

fn visit_line(row: &VisitRow, now: Instant) -> Markup {
    let state = if row.visit.state == response::VisitState::Requested { Tone::NeededNow } else { Tone::InProgress };
    html! {
        article.card {
            p { (chip(state, row.visit.state.ja())) }
            p.lead { a href=(address::visit(row.visit.id)) { (row.name.expose()) } }
            p { (row.address.expose()) }
            p.soft { @if let Some(case) = &row.case { (case.reason) } @else { "案件の記録を読み取れません" } "　" (since(row.visit.asked_at, now)) }
        }
    }
}
