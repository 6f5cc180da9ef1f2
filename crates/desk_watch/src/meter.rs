//! What the meters of a home counted, by half hour: on the home's page; and what its power company hands out, taken in on
//! the meter's page.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::response::{IntoResponse, Response};
use base::limits::FORM_BYTES;
use base::{DeviceId, Instant, Span};
use maud::{Markup, html};
use page::components::{Curve, State as Tone, curve, empty, notice, refusal, submit};
use page::frame::Frame;
use page::named::Named;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::Visitor;
use watch::{DeviceKind, HomeView, MeterDay, Taken};

use super::device::shown;

pub fn curves(view: &HomeView, now: Instant) -> Markup {
    let mut meters: Vec<(DeviceId, DeviceKind, String)> = Vec::new();
    for meter in view.days.iter().flat_map(|day| &day.meters) {
        if !meters.iter().any(|(id, ..)| *id == meter.device) {
            meters.push((meter.device, meter.kind, meter.place.clone()));
        }
    }
    html! {
        @for (n, (device, kind, place)) in meters.iter().enumerate() {
            @let points = points(view, *device);
            @let (what, unit, most) = if *kind == DeviceKind::Power { ("電気", "Wh", 500.0) } else { ("水道", "L", 60.0) };
            @if points.is_empty() { (empty(&format!("{place}の{what}の記録はまだありません"), "")) } @else {
                @for (part, from, words) in [("day", now - Span::days(1), "24時間"), ("week", now - Span::days(7), "7日間")] {
                    (curve(&Curve {
                        id: &format!("meter-{n}-{part}"), title: &format!("{place}の{what}（{words}）"), unit, from, until: now,
                        points: &points, range: (0.0, most), bands: &[], gap: Span::hours(2),
                    }))
                }
            }
        }
    }
}

/// Each half hour at its beginning.
fn points(view: &HomeView, device: DeviceId) -> Vec<(Instant, f64)> {
    let mut points = Vec::new();
    for day in &view.days {
        let Some(meter) = day.meters.iter().find(|m| m.device == device) else { continue };
        let midnight = Instant::from_wall_day(i64::from(day.date.0));
        points.extend(of_day(meter).map(|(half_hour, amount)| (midnight + Span::minutes(30 * half_hour), amount)));
    }
    points
}

fn of_day(meter: &MeterDay) -> impl Iterator<Item = (i64, f64)> {
    meter.amounts.iter().zip(0..).filter_map(|(amount, half_hour)| amount.map(|n| (half_hour, f64::from(n))))
}

pub fn form(meter: DeviceId) -> Markup {
    html! {
        section.card.stack {
            h2 { "電力会社の30分ごとの記録" }
            p { "電力会社の会員ページから保存した表（CSV、単位kWh）を取り込みます。様子の振り返りに使い、アラートには使いません。" }
            form.stack method="post" action={ "/devices/" (meter) "/half-hours" } enctype="multipart/form-data" {
                div.field {
                    label.field-label for="table" { "表のファイル" }
                    p.field-hint { "1行に1日分（48個）、または30分ごとに1行の表。256KBまで。" }
                    input.input id="table" name="table" type="file" accept=".csv,text/csv" required;
                }
                (submit("取り込む"))
            }
            p.soft { "太陽光発電・蓄電池・電気自動車の充電がある住まいでは、電気の増減を生活の動きと取り違えます。電力量計を登録しないでください。" }
        }
    }
}

pub async fn enter(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(meter): Named<DeviceId>,
    request: Request,
) -> Result<Response, Problem> {
    let table = file(request).await?;
    let taken = visitor.command(&site, watch::Verb::EnterHalfHours, move |ctx, tx| {
        Ok(watch::enter_half_hours(ctx, tx, meter, &table)?)
    });
    let (status, told) = match taken.await {
        Ok(taken) => (axum::http::StatusCode::OK, told(taken)),
        Err(Problem::Refused(why)) => (status_of(why.kind), refusal(&why.words, &[])),
        Err(other) => return Err(other),
    };
    let page = shown(&site, &visitor, &frame, meter, told).await?;
    Ok((status, page).into_response())
}

fn told(taken: Taken) -> Markup {
    let title = format!("30分ごとの記録を{}件取り込みました", taken.new);
    notice(
        Tone::Done,
        &title,
        html! {
            @if taken.known > 0 { p { (taken.known) "件は、すでに記録があるため取り込みませんでした。" } }
            @if taken.outside > 0 { p { (taken.outside) "件は、見守りを始める前、または先の時刻のため取り込みませんでした。" } }
        },
    )
}

/// The one file of the form. The whole form first: what is read while it arrives can be taken for one that was cut.
async fn file(request: Request) -> Result<Vec<u8>, Problem> {
    const NO_FORM: Problem =
        Problem::Unreadable("フォームの形式ではない内容が送られました。画面のフォームから送信してください。");
    let (parts, body) = request.into_parts();
    let whole = to_bytes(body, FORM_BYTES).await.map_err(|_| Problem::TooLarge)?;
    let request = Request::from_parts(parts, Body::from(whole));
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| NO_FORM)?;
    while let Some(part) = form.next_field().await.map_err(|_| NO_FORM)? {
        if part.name() == Some("table") {
            return Ok(part.bytes().await.map_err(|_| NO_FORM)?.to_vec());
        }
    }
    Err(NO_FORM)
}
