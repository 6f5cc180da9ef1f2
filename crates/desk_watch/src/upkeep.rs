//! The keepers' two lists: what needs somebody's hand, and what spoke without being known. Both end when worked.

use access::Witnesses;
use axum::extract::State;
use base::{HomeId, Instant};
use maud::{Markup, html};
use page::components::{Action, Field, State as Tone, Table, chip, empty, ja_moment, notice, since, submit};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use watch::{CareNeed, Device, DeviceKind, UnknownDevice, Why};

use super::{Dwelling, desk_tabs};
use crate::verbs::Look;

/// Homes shown on one page; the list says when there are more.
const HOMES: usize = base::limits::LIST_ROWS;

pub async fn needs(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let (needs, dwellings) = visitor
        .look(&site, Look::DeviceNeeds, |ctx, tx| {
            let mut seen = Witnesses::default();
            let needs = seen.take(watch::devices_needing_care(ctx, tx)?);
            let dwellings = dwellings(ctx, tx, needs.iter().map(|n| n.home), &mut seen)?;
            Ok(Seen::of((needs, dwellings), seen))
        })
        .await?;
    let shown = needs.iter().filter(|n| dwellings.iter().any(|d| d.home == n.home)).count();
    let mut table = Table::new("手当てが必要な機器", &["住まい", "機器", "理由"]);
    for need in &needs {
        let Some(dwelling) = dwellings.iter().find(|d| d.home == need.home) else { continue };
        table = table.row(vec![
            html! { a href={ "/homes/" (need.home) "/devices" } { (dwelling.words()) } },
            device_words(need),
            why(need.why, frame.now),
        ]);
    }
    Ok(frame.page("どの機器に手当てが必要ですか").live("/live/register", 300).body(html! {
        (desk_tabs("/gateways"))
        @if needs.is_empty() {
            (empty("手当てが必要な機器はありません", "電池の残りが少ない、通信がないなどの機器がここに並びます。"))
        } @else { (table) }
        @if shown < needs.len() {
            (page::components::too_many(shown, needs.len(), "手当てを終えると、続きが表示されます。"))
        }
        p.soft { "住まいの機器とゲートウェイは、台帳の住まいから登録します。" }
    }))
}

/// The homes of a list, each once, as far as one page goes.
fn dwellings(
    ctx: &base::Ctx,
    tx: &mut dyn db::Tx,
    homes: impl Iterator<Item = HomeId>,
    seen: &mut Witnesses,
) -> Result<Vec<Dwelling>, Problem> {
    let mut each: Vec<HomeId> = Vec::new();
    for home in homes {
        if each.len() < HOMES && !each.contains(&home) {
            each.push(home);
        }
    }
    Dwelling::read_all(ctx, tx, &each, seen)
}

fn device_words(need: &CareNeed) -> Markup {
    html! {
        @match &need.device {
            Some(device) => a href={ "/devices/" (device.id) } { (device.place) "（" (device.kind.ja()) "）" },
            None => "—",
        }
    }
}

/// Beside a device's place in a list: what is wrong with it. Its battery has a column of its own.
pub fn mark(device: &Device, now: Instant) -> Markup {
    let care = watch::why_care(device, now).filter(|care| !matches!(care, Why::LowBattery(_)));
    html! { @if let Some(care) = care { br; (why(care, now)) } }
}

fn why(why: Why, now: Instant) -> Markup {
    match why {
        Why::LowBattery(percent) => chip(Tone::NearLimit, &format!("電池の残り{percent}％")),
        Why::BatteryLow => chip(Tone::NearLimit, "電池が少ない"),
        Why::Faulty(fault) => html! { (chip(Tone::NeededNow, "故障の疑い")) " " (fault.ja()) },
        Why::Tampered => chip(Tone::NearLimit, "機器が外された・開けられた"),
        Why::Offline => chip(Tone::NeededNow, "応答なし"),
        Why::Silent(Some(at)) => html! { (chip(Tone::Unknown, "通信なし")) " 最後 " (since(at, now)) },
        Why::Silent(None) => chip(Tone::Unknown, "一度も通信がない"),
        Why::WrongClock => chip(Tone::NearLimit, "時計が狂っている"),
        Why::Unused(defect) => html! { (chip(Tone::NearLimit, "使えなかった通信がある")) " " (defect.ja()) },
        Why::Unregistered { calls: true } => chip(Tone::NeededNow, "登録していない機器から呼び出し"),
        Why::Unregistered { calls: false } => chip(Tone::NearLimit, "登録していない機器に動き"),
        Why::NoGateway => chip(Tone::NeededNow, "ゲートウェイがない"),
        Why::NoDevices => chip(Tone::NeededNow, "動きを知る機器がない"),
        Why::Clock(error) => {
            html! { (chip(Tone::NearLimit, "ゲートウェイの時刻のずれ")) " " (error.ja()) "（補正中）" }
        }
    }
}

pub async fn inbox(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    inbox_page(&site, &visitor, &frame, None).await
}

/// The inbox, with the sentence of a rule that said no.
pub async fn inbox_page(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    refused: Option<&str>,
) -> Result<Markup, Problem> {
    let (unknown, dwellings) = visitor
        .look(site, Look::UnknownDevices, |ctx, tx| {
            let mut seen = Witnesses::default();
            let unknown = seen.take(watch::inbox(ctx, tx, None)?);
            let dwellings = dwellings(ctx, tx, unknown.iter().map(|u| u.home), &mut seen)?;
            Ok(Seen::of((unknown, dwellings), seen))
        })
        .await?;
    Ok(frame.page("この機器は、どこにありますか").body(html! {
        (desk_tabs("/devices"))
        @if let Some(words) = refused { (page::components::refusal(words, &[])) }
        @if unknown.is_empty() {
            (empty("未登録の機器はありません", "登録されていない機器から通信があると、ここに現れます。"))
        }
        @for (n, device) in unknown.iter().enumerate() {
            @if let Some(dwelling) = dwellings.iter().find(|d| d.home == device.home) {
                div.card.stack {
                    h2 { a href={ "/homes/" (device.home) "/devices" } { (dwelling.words()) } }
                    (assign_form(device, n, "/devices", frame.now))
                }
            }
        }
    }))
}

/// The kind that the box itself names, where its word leaves no doubt. A contact may hang at any door: whoever hung it
/// says which, because a wrong one would be watched by the wrong rules.
fn told(said: &str) -> &'static str {
    match said {
        "motion" => DeviceKind::Motion.key(),
        "presence" => DeviceKind::Presence.key(),
        "temperature" | "humidity" => DeviceKind::Climate.key(),
        "energy_wh" => DeviceKind::Power.key(),
        "water_l" => DeviceKind::Water.key(),
        "light" => DeviceKind::Light.key(),
        "press" | "button" => DeviceKind::Button.key(),
        _ => "",
    }
}

/// The kind has to be chosen: none stands there by itself. Without an id, because a page may have many of them.
pub fn kind_field(said: &str) -> Markup {
    html! {
        label.field {
            span.field-label { "種類" }
            select.input.is-narrow name="kind" required {
                option value="" { "選んでください" }
                @for kind in DeviceKind::ALL { option value=(kind.key()) selected[kind.key() == told(said)] { (kind.ja()) } }
            }
        }
    }
}

/// One unknown serial with the form that gives it kind and place. `n` keeps the ids of a page apart.
pub fn assign_form(unknown: &UnknownDevice, n: usize, back: &str, now: Instant) -> Markup {
    let place = format!("place-{n}");
    let said = watch::Signal::ja(&unknown.said);
    html! {
        p { "機器番号 " code { (unknown.serial) } "　" (unknown.seen) "回の通信　最初 " (ja_moment(unknown.first_at, now))
            "　最後 " (since(unknown.last_at, now)) @if !said.is_empty() { "　最後に伝えた内容：" (said) } }
        @if let Some(device) = &unknown.instead_of {
            (notice(Tone::NearLimit, "機器の名前が変わった可能性があります", html! {
                p { "同じゲートウェイの「" (device.place) "（" (device.kind.ja()) "）」から"
                    @if let Some(at) = device.heard_at { "、" (since(at, now)) "を最後に" }
                    "通信がありません。この機器番号からは、最初 " (ja_moment(unknown.first_at, now)) "、最後 " (since(unknown.last_at, now))
                    "の通信で、種類は同じです。機器を確かめてから引き継いでください。" }
                (Action::post(&format!("/devices/{}/serial", device.id), "同じ機器として引き継ぐ").hidden("serial", &unknown.serial))
                p.soft { "取り付け場所と、これまでに学習した生活リズムはそのまま使います。別の機器の場合は、下で登録してください。" }
            }))
        }
        form.stack method="post" action="/devices" {
            input type="hidden" name="gateway" value=(unknown.gateway);
            input type="hidden" name="serial" value=(unknown.serial);
            input type="hidden" name="back" value=(back);
            (kind_field(&unknown.said))
            (Field::text("place", "取り付け場所").id(&place).hint("例：居間、寝室").required())
            (submit("登録する"))
        }
    }
}
