//! Gateways: a random 256-bit credential is shown once, on the page that answers the command, and kept as its SHA-256.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::{GatewayId, HomeId, Instant, Redacted};
use maud::{Markup, html};
use page::components::{Action, State as Tone, definitions, guarded, ja_moment, link_button, notice, since, submit};
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::{Mqtt, Reach, Site, random};
use page::visitor::Visitor;
use sha2::{Digest, Sha256};
use watch::{ClockError, Gateway, LineCause, NewGateway, Unused};

use super::contract::{answered, shown};

/// 256 random bits; what is entered into the gateway spells them in 64 hexadecimal digits.
struct Credential(Redacted<[u8; 32]>);

impl Credential {
    fn draw() -> Credential {
        Credential(Redacted::new(random()))
    }

    /// What the register keeps.
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }

    fn digits(&self) -> String {
        base::hex(self.0.expose())
    }
}

pub fn register_form(home: HomeId, draft: &Draft) -> Markup {
    html! {
        (draft.summary())
        form.stack method="post" action={ "/homes/" (home) "/gateways" } {
            (draft.text("name", "名前").hint("半角の英数字と - _ .。機器に入力する利用者名になります。例：gw-0123").required())
            (draft.text("carrier", "回線の種類").hint("例：光（〇〇ネット）、LTE（〇〇モバイル）。同じ回線の一斉断を見分けるために使います。"))
            (submit("ゲートウェイを登録する"))
        }
    }
}

/// What came in and could not be used, each kind with its last example.
pub fn unused_list(unused: &[Unused], named: bool, now: Instant) -> Markup {
    html! {
        ul.stack {
            @for one in unused {
                li {
                    @if named && !one.serial.is_empty() { code { (one.serial) } " " }
                    (one.why.ja()) "（" (one.seen) "件、最後 " (ja_moment(one.last_at, now)) "）"
                    pre { code { (one.example.expose()) } }
                }
            }
        }
    }
}

/// Of a gateway that connects: why nothing of it gets through, and what to do.
pub fn never_through(cause: LineCause) -> Markup {
    notice(
        Tone::NeededNow,
        "接続はできますが、通知が届いていません",
        html! { p { (cause.ja()) "。" (cause.advice()) } },
    )
}

/// Of a gateway whose clock is wrong: by how much, what is done about it, and what to do.
fn corrected(error: &ClockError, now: Instant) -> Markup {
    notice(
        Tone::NearLimit,
        "ゲートウェイの時刻がずれています",
        html! {
            p { (error.ja()) "。" (ja_moment(error.since, now)) "から、検知の時刻を補正して見守りを続けています。" }
            p { "ゲートウェイの時計・タイムゾーンの設定を確認してください。時刻が正しくなると、補正は自動で終わります。" }
        },
    )
}

pub fn gateway_card(gateway: &Gateway, unused: &[Unused], now: Instant) -> Markup {
    let home = gateway.home.to_string();
    html! {
        (definitions(&[
            ("名前", html! { code { (gateway.name) } }),
            ("回線", html! { (gateway.carrier) }),
            ("登録", html! { (ja_moment(gateway.registered_at, now)) }),
            ("最後の通信", html! { @match gateway.heard_at { Some(at) => (since(at, now)), None => "まだありません" } }),
        ]))
        @if let Some(cause) = gateway.cause { (never_through(cause)) }
        @if let Some(error) = &gateway.clock { (corrected(error, now)) }
        @if !unused.is_empty() {
            details {
                summary { "使えなかった通信 " (unused.iter().map(|u| u.seen).sum::<i64>()) "件" }
                (unused_list(unused, true, now))
            }
        }
        (guarded("認証情報を作り直す", "いまの認証情報はすぐに使えなくなります。新しいものを機器に入力してください。",
            html! { (Action::post(&format!("/gateways/{}/credential", gateway.id), "作り直す").danger().hidden("home", &home)) }))
        (guarded("ゲートウェイを停止する", "このゲートウェイと、つながっている機器の登録が終わります。",
            html! { (Action::post(&format!("/gateways/{}/revocation", gateway.id), "停止する").danger().hidden("home", &home)) }))
    }
}

pub async fn register(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let credential = Credential::draw();
    let (new, secret) = (
        NewGateway { home, name: form.one("name").to_owned(), carrier: form.one("carrier").to_owned() },
        credential.hash(),
    );
    let registered = visitor
        .command(&site, watch::Verb::RegisterGateway, move |ctx, tx| {
            Ok(watch::register_gateway(ctx, tx, &new, secret)?)
        })
        .await;
    match registered {
        Ok(gateway) => Ok(once(&site, &frame, &gateway.name, home, &credential).into_response()),
        Err(Problem::Refused(why)) => {
            let draft = Draft::typed(form).refused(why);
            let page = shown(&site, &visitor, &frame, home, None, &draft).await?;
            Ok((draft.status(), page).into_response())
        }
        Err(other) => Err(other),
    }
}

pub async fn rotate(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<GatewayId>,
    Posted(form): Posted,
) -> Result<Markup, Problem> {
    let home = home_in(&form)?;
    let credential = Credential::draw();
    let secret = credential.hash();
    let name = visitor
        .command(&site, watch::Verb::RotateGateway, move |ctx, tx| {
            watch::rotate_gateway(ctx, tx, id, secret)?;
            let here = watch::gateways_of_home(ctx, tx, home)?.into_value();
            here.into_iter().find(|g| g.id == id).map(|g| g.name).ok_or(Problem::NotFound)
        })
        .await?;
    Ok(once(&site, &frame, &name, home, &credential))
}

/// The only page that ever shows the credential.
fn once(site: &Site, frame: &Frame, name: &str, home: HomeId, credential: &Credential) -> Markup {
    let secret = credential.digits();
    frame.page("この認証情報を機器に入力してください").body(html! {
        (notice(Tone::NearLimit, "この画面でだけ表示されます", html! {
            p { "画面を閉じると二度と表示できません。入力を終えてから閉じてください。失くしたときは作り直せます。" }
        }))
        div.card {
            (definitions(&[
                ("利用者名", html! { code { (name) } }),
                ("パスワード・トークン", html! { code { (secret) } }),
            ]))
        }
        h2 { "入力のしかた" }
        ol.stack {
            li { "MQTT（Zigbee2MQTT・Mosquitto など）：" (broker(site.reach())) }
            li { "HTTPS：" code { "POST " (site.reach().map_or("", |reach| &reach.pages)) "/ingest/v1/readings" } " に、ヘッダー " code { "Authorization: Bearer （トークン）" } " を付けて送ります。" }
            li { "電源を入れて数分すると、つながった機器が「未登録の機器」に現れます。場所と種類を登録してください。" }
        }
        (link_button(&format!("/homes/{home}/devices"), "入力を終えました"))
    })
}

/// Where to connect, and what to enter.
fn broker(reach: Option<&Reach>) -> Markup {
    let mqtt = reach.map(|reach| &reach.mqtt);
    html! {
        @match mqtt {
            Some(Mqtt::Off) => "この地域では受け付けていません。",
            Some(Mqtt::At { address, tls }) => {
                "サーバーのアドレスは " code { (address) } @if *tls { "（TLS）" } @else { "（TLS なし）" } "です。"
            },
            Some(Mqtt::Hidden) | None => "サーバーのアドレスは、事務局の設定（[mqtt] listen）をご確認ください。",
        }
        @if mqtt != Some(&Mqtt::Off) { "利用者名とパスワードに上の2つを入力します。" }
    }
}

pub async fn revoke(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<GatewayId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let home = home_in(&form)?;
    let revoked = visitor
        .command(&site, watch::Verb::RevokeGateway, move |ctx, tx| Ok(watch::revoke_gateway(ctx, tx, id)?))
        .await;
    answered(&site, &visitor, &frame, home, revoked).await
}

/// The home whose page the form stood on.
fn home_in(form: &people::Form) -> Result<HomeId, Problem> {
    form.one("home").parse().map_err(|_| Problem::Unreadable("住まいの画面を開き直してください。"))
}
