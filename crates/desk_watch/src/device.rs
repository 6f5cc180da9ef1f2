//! One device: how well it speaks, the walk test at its installation, its end.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{DeviceId, Instant, Span};
use maud::{Markup, html};
use page::components::{
    Action, State as Tone, chip, definitions, due, guarded, ja_moment, link_button, notice, radio_field, refusal,
    since, submit,
};
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::{Seen, Visitor};
use watch::{Device, DeviceKind, Gateway, NewDevice, Unused};

use super::Dwelling;
use super::gateway::unused_list;
use super::upkeep::inbox_page;
use super::view::battery;
use crate::verbs::Look;

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<DeviceId>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, id, html! {}).await
}

/// The device's page; `told`: what became of a command, or why it was refused.
pub async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: DeviceId,
    told: Markup,
) -> Result<Markup, Problem> {
    let (device, gateway, unused, dwelling) = visitor
        .look(site, Look::Device, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let (device, gateway) = seen.take(watch::device_page(ctx, tx, id)?);
            let unused = seen.take(watch::unused_messages(ctx, tx, gateway.id, Some(&device.serial))?);
            let dwelling = Dwelling::read(ctx, tx, device.home, &mut seen)?;
            Ok(Seen::of((device, gateway, unused, dwelling), seen))
        })
        .await?;
    Ok(frame.page("この機器は、正しく働いていますか").body(html! {
        h2 { (dwelling.words()) "　" (device.place) "（" (device.kind.ja()) "）" }
        (told)
        @if let Some((fault, at)) = device.fault {
            (notice(Tone::NeededNow, "故障の疑いがあります", html! {
                p { (fault.ja()) "。" (ja_moment(at, frame.now)) "から、この機器の動きは見守りに数えていません。" }
                p { "取り付けを確かめ、下の「取り付け確認」で動かしてください。動作を確かめると、また数えます。" }
            }))
        }
        @if device.tampered == Some(true) { (notice(Tone::NearLimit, "機器が外されたか、開けられています", html! {})) }
        @if let Some(warmth) = device.warmth { (notice(Tone::NearLimit, &format!("機器の温度が{warmth}℃です"), html! {})) }
        (facts(&device, &gateway, frame.now))
        @if device.retired_at.is_none() { (test(&device, frame.now)) }
        @if device.retired_at.is_none() && device.kind == DeviceKind::Power { (super::meter::form(id)) }
        (counters(&device, &unused, frame.now))
        @if device.retired_at.is_none() {
            (guarded("取り外した", "この機器の登録が終わります。受信した記録は残ります。",
                html! { (Action::post(&format!("/devices/{id}/retirement"), "登録を終える").danger()) }))
        }
        (link_button(&format!("/homes/{}/devices", device.home), "住まいの機器へ戻る"))
    }))
}

fn facts(device: &Device, gateway: &Gateway, now: Instant) -> Markup {
    definitions(&[
        ("機器番号", html! { code { (device.serial) } }),
        ("ゲートウェイ", html! { code { (gateway.name) } }),
        ("登録", html! { (ja_moment(device.assigned_at, now)) }),
        (
            "状態",
            match (device.retired_at, device.online) {
                (Some(at), _) => html! { (chip(Tone::Done, "取り外し済み")) " " (ja_moment(at, now)) },
                (None, true) => chip(Tone::InProgress, "使用中"),
                (None, false) => chip(Tone::NeededNow, "応答なし"),
            },
        ),
        (
            "電池",
            html! {
                (battery(device.battery))
                @if device.battery_low == Some(true) { " " (chip(Tone::NearLimit, "機器が「電池少」と伝えています")) }
                @if let Some(millivolts) = device.millivolts { " " (format!("{:.2}", f32::from(millivolts) / 1000.0)) "V" }
            },
        ),
        ("電波の強さ", html! { @if let Some(link) = device.link_quality { (link) "／255" } }),
        ("最後の通信", html! { @if let Some(at) = device.heard_at { (since(at, now)) } }),
        (
            "動きがやんだと伝えるまで",
            html! { @if let Some(after) = device.clears_after { (after.as_seconds()) "秒（この機器の通信から）" } },
        ),
        ("最後の動き", html! { @if let Some(at) = device.sign_at { (since(at, now)) } }),
    ])
}

/// While it runs nothing the device says counts as life or raises anything.
fn test(device: &Device, now: Instant) -> Markup {
    let url = format!("/devices/{}", device.id);
    html! {
        section.card.stack {
            h2 { "取り付け確認" }
            @match device.test_until.filter(|until| *until > now) {
                Some(until) => {
                    (notice(Tone::InProgress, "取り付け確認中です", html! {
                        p { "機器を動かして、上の「最後の通信」が新しくなることを確かめてください。" (due(until, now, Span::ZERO)) }
                        p { "この間の通信では、動きとして数えず、アラートも出しません。" }
                    }))
                    (link_button(&url, "表示を新しくする"))
                    (Action::post(&format!("{url}/walk-test-end"), "確認を終える"))
                },
                None => {
                    form.stack method="post" action={ (url) "/walk-test" } {
                        (radio_field("minutes", "確認する時間", &[("15", "15分"), ("30", "30分"), ("60", "1時間"), ("240", "4時間")], "30", None))
                        (submit("取り付け確認を始める"))
                    }
                },
            }
        }
    }
}

fn counters(device: &Device, unused: &[Unused], now: Instant) -> Markup {
    let c = &device.counters;
    let count = |n: i64| html! { (n) "件" };
    html! {
        section.card.stack {
            h2 { "登録してからの通信の異常" }
            (definitions(&[
                ("重複", count(c.duplicates)),
                ("おくれて届いた", count(c.late)),
                ("順序が逆", count(c.reordered)),
                ("同じ状態のくり返し", count(c.repeated)),
                ("保存された古い通知", count(c.retained)),
                ("時計の狂い", count(c.wrong_clock)),
                ("故障の疑いの間の動き", count(c.faulty)),
            ]))
            @if !unused.is_empty() {
                h3 { "使えなかった通信" }
                (unused_list(unused, false, now))
            }
        }
    }
}

pub async fn assign(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let unreadable = |_| Problem::Unreadable("機器の一覧を開き直してください。");
    let gateway = form.one("gateway").parse().map_err(unreadable)?;
    // Blank where the device hangs in the home of its gateway, as nearly all do.
    let home = form.one("home").parse().ok();
    let (serial, place) = (form.one("serial").to_owned(), form.one("place").to_owned());
    let Some(kind) = DeviceKind::from_key(form.one("kind")) else {
        let page = inbox_page(&site, &visitor, &frame, Some("種類を選んでから登録してください。")).await?;
        return Ok((status_of(form::Kind::Unfit), page).into_response());
    };
    let assigned = visitor
        .command(&site, watch::Verb::AssignDevice, move |ctx, tx| {
            let home = home.map_or_else(|| watch::home_of_gateway(tx, gateway), Ok)?;
            let (serial, place) = (serial.clone(), place.clone());
            Ok(watch::assign_device(ctx, tx, &NewDevice { gateway, home, serial, kind, place })?)
        })
        .await;
    match assigned {
        Ok(_) if form.one("back") == "/devices" => Ok(Redirect::to("/devices").into_response()),
        Ok(device) => Ok(Redirect::to(&format!("/homes/{}/devices", device.home)).into_response()),
        Err(Problem::Refused(why)) => {
            let page = inbox_page(&site, &visitor, &frame, Some(&why.words)).await?;
            Ok((status_of(why.kind), page).into_response())
        }
        Err(other) => Err(other),
    }
}

pub async fn start_test(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<DeviceId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let length = Span::minutes(form.one("minutes").parse().unwrap_or(0).clamp(0, 10_000));
    let started = visitor
        .command(&site, watch::Verb::StartWalkTest, move |ctx, tx| Ok(watch::start_walk_test(ctx, tx, id, length)?))
        .await;
    answered(&site, &visitor, &frame, id, started.map(drop)).await
}

pub async fn end_test(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<DeviceId>,
    Posted(_): Posted,
) -> Result<Response, Problem> {
    let ended =
        visitor.command(&site, watch::Verb::EndWalkTest, move |ctx, tx| Ok(watch::end_walk_test(ctx, tx, id)?)).await;
    answered(&site, &visitor, &frame, id, ended).await
}

/// The box spoke under another name.
pub async fn rename(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<DeviceId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let serial = form.one("serial").to_owned();
    let renamed = visitor
        .command(&site, watch::Verb::RenameDevice, move |ctx, tx| Ok(watch::rename_device(ctx, tx, id, &serial)?));
    let renamed = renamed.await;
    answered(&site, &visitor, &frame, id, renamed).await
}

pub async fn retire(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<DeviceId>,
    Posted(_): Posted,
) -> Result<Response, Problem> {
    let retired =
        visitor.command(&site, watch::Verb::RetireDevice, move |ctx, tx| Ok(watch::retire_device(ctx, tx, id)?)).await;
    answered(&site, &visitor, &frame, id, retired).await
}

async fn answered(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: DeviceId,
    outcome: Result<(), Problem>,
) -> Result<Response, Problem> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/devices/{id}")).into_response()),
        Err(Problem::Refused(why)) => {
            let page = shown(site, visitor, frame, id, refusal(&why.words, &[])).await?;
            Ok((status_of(why.kind), page).into_response())
        }
        Err(other) => Err(other),
    }
}
