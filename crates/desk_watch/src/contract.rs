//! What hangs in a home and since when it is watched: the keepers' page. It shows no activity.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{HomeId, PersonId};
use maud::{Markup, html};
use page::components::{Action, Field};
use page::components::{
    State as Tone, Table, chip, definitions, empty, guarded, ja_moment, link_button, notice, refusal, since, submit,
};
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::ConsentScope;
use watch::{Contract, Device, Gateway, UnknownDevice, Unused};

use super::Dwelling;
use super::gateway::{gateway_card, register_form};
use super::upkeep::{assign_form, mark};
use super::view::battery;
use crate::verbs::Look;

struct Sheet {
    dwelling: Dwelling,
    contract: Option<Contract>,
    /// Whether each resident's consent to the watch stands.
    /// `None`: the record of it cannot be read.
    consents: Vec<(PersonId, Option<people::ConsentState>)>,
    gateways: Vec<Gateway>,
    /// Of the gateway in use.
    unused: Vec<Unused>,
    devices: Vec<Device>,
    unknown: Vec<UnknownDevice>,
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, home, None, &Draft::default()).await
}

/// The page, with the sentence of a rule that said no and what was typed for a gateway.
pub async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    home: HomeId,
    refused: Option<&str>,
    draft: &Draft,
) -> Result<Markup, Problem> {
    let sheet = visitor
        .look(site, Look::DevicesOfHome, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let dwelling = Dwelling::read(ctx, tx, home, &mut seen)?;
            let persons = dwelling.persons();
            let mut consents = Vec::new();
            for person in &persons {
                let state = people::consent_state(tx, *person, ConsentScope::Watch);
                consents.push((*person, people::as_far_as_readable(state)?));
            }
            let gateways = seen.take(watch::gateways_of_home(ctx, tx, home)?);
            let unused = match gateways.iter().find(|g| g.revoked_at.is_none()) {
                Some(gateway) => seen.take(watch::unused_messages(ctx, tx, gateway.id, None)?),
                None => vec![],
            };
            let sheet = Sheet {
                contract: watch::contract_of_home(tx, home)?,
                gateways,
                unused,
                devices: seen.take(watch::devices_of_home(ctx, tx, home)?),
                unknown: seen.take(watch::inbox(ctx, tx, Some(home))?),
                dwelling,
                consents,
            };
            Ok(Seen::of(sheet, seen))
        })
        .await?;
    Ok(frame.page("この住まいの機器").body(body(&sheet, frame, refused, draft)))
}

fn body(sheet: &Sheet, frame: &Frame, refused: Option<&str>, draft: &Draft) -> Markup {
    let (home, now) = (sheet.dwelling.home, frame.now);
    let in_use = sheet.gateways.iter().find(|g| g.revoked_at.is_none());
    html! {
        h2 { (sheet.dwelling.words()) }
        p { (sheet.dwelling.address.expose()) }
        @if let Some(words) = refused { (refusal(words, &[])) }
        (contract(sheet, frame))
        section.card.stack {
            h2 { "ゲートウェイ" }
            @match in_use {
                Some(gateway) => (gateway_card(gateway, &sheet.unused, now)),
                None => (register_form(home, draft)),
            }
        }
        section.stack {
            h2 { "機器" }
            @if sheet.devices.is_empty() {
                (empty("登録された機器はありません", "機器の電源を入れると「未登録の機器」に現れます。"))
            } @else { (devices(&sheet.devices, now)) }
        }
        @if !sheet.unknown.is_empty() {
            section.stack {
                h2 { "未登録の機器" }
                @for (n, unknown) in sheet.unknown.iter().enumerate() {
                    div.card.stack { (assign_form(unknown, n, &format!("/homes/{home}/devices"), now)) }
                }
            }
        }
        (manual(in_use, home))
        div.buttons {
            (link_button(&format!("/homes/{home}/watch-settings"), "この住まいの見守りの設定"))
            (link_button(&format!("/homes/{home}/absences"), "不在の予定"))
        }
    }
}

/// A device whose serial is known before it ever spoke.
fn manual(gateway: Option<&Gateway>, home: HomeId) -> Markup {
    html! {
        @if let Some(gateway) = gateway {
            details {
                summary { "機器番号を入力して登録する" }
                form.stack.card method="post" action="/devices" {
                    input type="hidden" name="gateway" value=(gateway.id);
                    input type="hidden" name="back" value={ "/homes/" (home) "/devices" };
                    (Field::text("serial", "機器番号").hint("機器の裏面かゲートウェイの画面に表示されています。").required())
                    (super::upkeep::kind_field(""))
                    (Field::text("place", "取り付け場所").hint("例：居間、寝室").required())
                    (submit("登録する"))
                }
            }
        }
    }
}

fn contract(sheet: &Sheet, frame: &Frame) -> Markup {
    let home = sheet.dwelling.home;
    let name = |id: PersonId| sheet.dwelling.residents.iter().find(|(p, _)| *p == id).map(|(_, n)| n.expose().as_str());
    html! {
        section.card.stack {
            h2 { "見守りの契約" }
            @match &sheet.contract {
                Some(contract) => {
                    (definitions(&[
                        ("見守る方", html! { (name(contract.person).unwrap_or("")) }),
                        ("開始", html! { (ja_moment(contract.begun_at, frame.now)) }),
                    ]))
                    (guarded(
                        "見守りを終了する",
                        "データの収集と表示が止まり、学習した生活リズムは消去されます。受信した記録は保存期間の間残ります。",
                        html! {
                            form.stack method="post" action={ "/homes/" (home) "/contract-end" } {
                                (Field::text("reason", "終了の理由").required())
                                button.btn.is-danger type="submit" { "終了する" }
                            }
                        },
                    ))
                },
                None => {
                    @for (person, consent) in &sheet.consents {
                        @let allows = consent.is_some_and(people::ConsentState::allows);
                        p { (name(*person).unwrap_or("")) " 様　見守りの同意 "
                            (chip(if allows { Tone::Confirmed } else { Tone::Unknown }, consent.map_or("読み取れません", people::ConsentState::ja))) }
                        @if allows {
                            (Action::post(&format!("/homes/{home}/contracts"), "見守りを始める").primary()
                                .hidden("person", &person.to_string()))
                        } @else {
                            (notice(Tone::NearLimit, "まだ始められません", html! {
                                p { "ご本人の同意を台帳に記録してから、見守りを始めてください。" }
                            }))
                        }
                    }
                },
            }
        }
    }
}

fn devices(devices: &[Device], now: base::Instant) -> Markup {
    let mut table = Table::new("機器", &["場所", "種類", "機器番号", "電池", "最後の通信", "取り付け確認"]);
    for device in devices {
        let testing = device.test_until.filter(|until| *until > now);
        table = table.row(vec![
            html! { a href={ "/devices/" (device.id) } { (device.place) } (mark(device, now)) },
            html! { (device.kind.ja()) },
            html! { code { (device.serial) } },
            battery(device.battery),
            html! { @match device.heard_at { Some(at) => (since(at, now)), None => "まだありません" } },
            html! { @match testing { Some(_) => (chip(Tone::InProgress, "確認中")), None => "—" } },
        ]);
    }
    html! { (table) }
}

pub async fn begin(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let person: PersonId =
        form.one("person").parse().map_err(|_| Problem::Unreadable("見守る方を選び直してください。"))?;
    let begun = visitor
        .command(&site, watch::Verb::BeginContract, move |ctx, tx| Ok(watch::begin_contract(ctx, tx, home, person)?))
        .await;
    answered(&site, &visitor, &frame, home, begun.map(drop)).await
}

pub async fn end(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let reason = form.one("reason").to_owned();
    let ended = if reason.is_empty() {
        Err(Problem::Refused(form::Refusal::at("reason", "終了の理由を入力してください。")))
    } else {
        visitor
            .command(&site, watch::Verb::EndContract, move |ctx, tx| Ok(watch::end_contract(ctx, tx, home, &reason)?))
            .await
    };
    answered(&site, &visitor, &frame, home, ended).await
}

/// Back to the home's devices; what a rule says no to is said there.
pub async fn answered(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    home: HomeId,
    outcome: Result<(), Problem>,
) -> Result<Response, Problem> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/homes/{home}/devices")).into_response()),
        Err(Problem::Refused(why)) => {
            let page = shown(site, visitor, frame, home, Some(&why.words), &Draft::default()).await?;
            Ok((status_of(why.kind), page).into_response())
        }
        Err(other) => Err(other),
    }
}
