//! 自分あて: what was sent to me or my office, by which ways, read and unread.

use std::collections::BTreeSet;

use access::Witnesses;
use axum::extract::State;
use base::{Ctx, Instant, PersonId, Redacted, Role};
use db::Tx;
use maud::{Markup, html};
use notify::{AttemptState, InboxItem, Receipt};
use page::components::{Action, State as Tone, Table, chip, empty, link_button, since, too_many};
use page::frame::{Frame, MESSAGES};
use page::live::Channel;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};

use super::{parts, way_of};
use crate::verbs::Look;

struct Mine {
    messages: Vec<Message>,
    all: usize,
    /// Messages that reached nobody and wait for this reader's office.
    stuck: usize,
    reader: Reader,
}

struct Reader {
    role: Role,
    id: uuid::Uuid,
}

struct Message {
    item: InboxItem,
    /// `None`: the message is about nobody else, or about somebody whom the reader may not see.
    name: Option<Redacted<String>>,
    ways: Vec<Receipt>,
    leads: Option<String>,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let mine = look(&site, &visitor).await?;
    let page = frame.page("あなたへの通知");
    let page = match Channel::of(mine.reader.role).first() {
        Some(channel) => page.live(channel.path(), 60),
        None => page,
    };
    Ok(page.body(html! {
        @if let Some(parts) = parts(mine.reader.role, MESSAGES, mine.stuck) { (parts) }
        (list(&mine, frame.now))
    }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(list(&look(&site, &visitor).await?, frame.now))
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Mine, Problem> {
    visitor
        .look(site, Look::Messages, |ctx, tx| {
            let mut seen = Witnesses::default();
            let (items, all) = notify::messages(ctx, tx)?;
            let stuck = match access::charge(ctx, access::Charge::MindMessages) {
                Ok(_) => seen.take(notify::undeliverable(ctx, tx, 1)?).1,
                Err(_) => 0,
            };
            let messages = read(ctx, tx, items, &mut seen)?;
            let reader = Reader { role: ctx.actor.role, id: ctx.actor.id };
            Ok(Seen::of(Mine { messages, all, stuck, reader }, seen))
        })
        .await
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, items: Vec<InboxItem>, seen: &mut Witnesses) -> Result<Vec<Message>, Problem> {
    let persons: Vec<_> = items.iter().filter_map(|item| item.person).collect();
    let heads = people::heads(ctx, tx, &persons)?;
    let known: BTreeSet<PersonId> = heads.witnesses().iter().map(access::Witness::person).collect();
    let heads = seen.take(heads);
    let mut ways = notify::receipts_of(tx, &items.iter().map(|item| item.message).collect::<Vec<_>>())?;
    let message = |item: InboxItem| {
        let other = item.person.filter(|person| ctx.actor.person != Some(*person) || ctx.actor.role == Role::Family);
        let name = other.and_then(|person| heads.get(person)).map(|head| head.name.clone());
        let leads = way_of(ctx, &item, item.person.is_none_or(|person| known.contains(&person)));
        Message { name, ways: ways.remove(&item.message).unwrap_or_default(), leads, item }
    };
    Ok(items.into_iter().map(message).collect())
}

fn list(mine: &Mine, now: Instant) -> Markup {
    html! {
        section #messages hx-get="/messages/list" hx-trigger="sse:messages" hx-swap="outerHTML" hx-target="this"
            aria-label="通知の一覧" {
            @if mine.messages.is_empty() {
                (empty("通知はありません", "あなたへのお知らせがあると、ここに新しい順に並びます。"))
            } @else {
                (table(mine, now))
                @if mine.all > mine.messages.len() {
                    (too_many(mine.messages.len(), mine.all, "新しい順です。90日を過ぎた通知は消えます。"))
                }
            }
        }
    }
}

fn table(mine: &Mine, now: Instant) -> Markup {
    let headings = ["内容", "届いた時刻", "送り方", "操作"];
    let mut table = Table::new("あなたへの通知（新しい順）", &headings);
    for message in &mine.messages {
        let unread = message.item.read_at.is_none();
        let office = message.item.recipient != mine.reader.id;
        let waiting = if message.item.topic.urgent() { Tone::NeededNow } else { Tone::InProgress };
        table = table.row(vec![
            html! {
                p { @if unread { (chip(waiting, "未読")) } @else { (chip(Tone::Done, "既読")) } " " strong { (message.item.topic.ja()) } }
                @if let Some(name) = &message.name { p { (name.expose()) " さんについて" } }
                @if office { p.soft { "事業所あて" } }
            },
            html! { (since(message.item.at, now)) @if let Some(read) = message.item.read_at { p.soft { "既読 " (since(read, now)) } } },
            ways(&message.ways),
            action(message, unread),
        ]);
    }
    html! { (table) }
}

/// The ways by which it came or was to come. The screen is this page.
fn ways(receipts: &[Receipt]) -> Markup {
    let outside = || receipts.iter().filter(|r| r.way != notify::Way::Screen);
    html! {
        @if outside().next().is_none() { "画面" }
        ul.plain {
            @for receipt in outside() {
                li { (receipt.way.ja()) "：" (receipt.state.ja())
                    @if receipt.state == AttemptState::Failed {
                        span.soft { "（" (notify::rules::failure_ja(receipt.error.as_deref().unwrap_or_default())) "）" }
                    }
                }
            }
        }
    }
}

fn action(message: &Message, unread: bool) -> Markup {
    let url = format!("/messages/{}/reading", message.item.message);
    html! {
        @match (&message.leads, unread) {
            (Some(_), true) => (Action::post(&url, "開く")),
            (None, true) => (Action::post(&url, "既読にする")),
            (Some(target), false) => (link_button(target, "開く")),
            (None, false) => span.soft { "—" },
        }
    }
}
