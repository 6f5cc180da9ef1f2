//! `serve`: a region at work. Speaks TLS, or plainly to proxies that the configuration trusts by address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use admission::http::Way;
use admission::{Caller, Deadlines, Rooms};
use anyhow::{Context, bail};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use base::{Clock, Redacted};
use db::{Db, marks};
use notify::Adapters;
use page::site::{Mode, Site, new_request};
use rustls::server::danger::ClientCertVerifier;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::client_certificates::Authority;
use crate::config::{self, ClientCertificates, Config};
use crate::headers::{self, Strict};
use crate::message_gateway::Desk;
use crate::region::{self, Region, Setup};
use crate::{calls, reports, say, secrets, tls};

/// Runs until the machine asks it to stop.
pub fn run(config: &Config) -> anyhow::Result<()> {
    crate::log::as_json();
    install_tls_provider();
    let rooms = rooms()?;
    if let Some(rules) = rules(config)? {
        access::install(rules)?;
    }
    let db = config.open(db::PREDECESSOR)?;
    no_town(&db)?;
    secrets::settle(&db)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config, db, rooms))
}

/// The region's own policies, where it has some.
fn rules(config: &Config) -> anyhow::Result<Option<access::Rules>> {
    let Some(folder) = &config.policies else { return Ok(None) };
    let rules = access::Rules::from_folder(folder);
    rules.map(Some).with_context(|| format!("設定の policies = \"{}\" を使えません", folder.display()))
}

fn no_town(db: &Db) -> anyhow::Result<()> {
    match db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL))? {
        Some(_) => bail!("このデータベースは架空の町のものです。serve では使えません(demo を使ってください)"),
        None => Ok(()),
    }
}

async fn serve(config: &Config, db: Db, rooms: Rooms) -> anyhow::Result<()> {
    let clock: Clock = Arc::new(crate::now);
    let mut stop = Stop::listen()?;
    // First of all, so that whoever finds the region ready can also knock.
    let listener = listen(config.web.listen).await.context("[web] listen")?;
    let site = Site::new(db, clock.clone(), Mode::Serve, config.web.known_hosts()?, config.region.clone());
    site.is_reached_at(config.reach()?);
    let trusted: Arc<[IpAddr]> = config.web.trusted_proxies.iter().map(IpAddr::to_canonical).collect();
    let asking = config.web.client_certificates.as_ref().map(|wanted| demand(&site, wanted)).transpose()?;
    let tls = config.web.tls.as_ref().map(|files| tls::server_config(files, asking)).transpose()?;
    let mqtt_tls = config.mqtt.tls.as_ref().map(|files| tls::server_config(files, None)).transpose()?;
    let reporting = clock.clone();
    let setup = Setup {
        site: site.clone(),
        clock,
        mqtt: config.mqtt.enabled.then_some((config.mqtt.listen, mqtt_tls)),
        operations: config.operations.listen,
        rooms: rooms.clone(),
        trusted: trusted.clone(),
        folder: config.operations.folder.clone(),
        adapters: Adapters::new(
            config.mail.as_ref(),
            config.messages.as_ref(),
            &format!("{}/l/", config.web.address()),
        )?,
        heartbeat_url: config.operations.heartbeat_url.clone(),
        emergency_recipient: config.operations.emergency_recipient.clone(),
        station: None,
        speed: 1,
    };
    let region = region::start(setup).await?;
    let mut router = pages(&site, &region);
    if let Some(token) = config.messages.as_ref().and_then(|m| m.report_token.as_ref()) {
        let desk = Desk::new(site.db().clone(), reporting, token);
        router = router.merge(reports::routes(desk.clone())).merge(calls::routes(desk));
    }
    let router = router.layer(middleware::from_fn_with_state(config.web.tls.is_some(), only_through_proxy));
    let strict = if config.web.hsts_subdomains { Strict::Below } else { Strict::ThisName };
    let router = headers::on_every_answer(router, strict);
    tracing::info!(address = %config.web.listen, tls = tls.is_some(), "the site answers");
    let db = site.db().clone();
    let stopping = async move {
        tokio::select! { () = stop.asked() => {}, () = superseded(db) => {} }
    };
    admission::http::serve(way(listener, &rooms, tls, trusted), router, stopping).await;
    region.stop().await;
    if site.db().superseded() {
        bail!("ほかの tsunagari がこのデータベースに書き込んだため、終了しました。もう一度起動してください");
    }
    Ok(())
}

/// From the start on some desks and roles need a certificate; gives what asks for one in the handshake.
fn demand(site: &Site, wanted: &ClientCertificates) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let authority = Authority::open(wanted)?;
    let asking = authority.asking();
    site.demands(authority.demand(wanted));
    tracing::info!(desks = ?wanted.desks, roles = ?wanted.roles, "client certificates are asked for");
    Ok(asking)
}

/// Resolves when another process has become the writer: what this one remembers is no longer so. Whoever keeps the
/// program running starts it again.
async fn superseded(db: Db) {
    let mut looks = tokio::time::interval(std::time::Duration::from_secs(1));
    while !db.superseded() {
        looks.tick().await;
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} を待ち受けられません"))
}

/// Raises the limit of open files as far as the machine allows, and divides them.
pub fn rooms() -> anyhow::Result<Rooms> {
    let (found, now) = admission::raise();
    let rooms = Rooms::open(now).with_context(|| {
        let least = base::limits::DESCRIPTORS_LEAST;
        format!(
            "同時に開けるファイルと接続の上限が{now}しかありません(少なくとも{least}必要です)。\
             起動する前に ulimit -n 65536 を実行するか、systemd のユニットに LimitNOFILE=65536 と書いてください"
        )
    })?;
    let plan = &rooms.plan;
    tracing::info!(
        found,
        raised_to = now,
        kept = plan.own,
        site = plan.site.places(),
        site_strangers = plan.site.strangers,
        gateways = plan.gateways.places(),
        gateways_strangers = plan.gateways.strangers,
        operations = plan.operations.places(),
        "open files and connections"
    );
    Ok(rooms)
}

/// The way in for pages and readings.
pub fn way(
    listener: TcpListener,
    rooms: &Rooms,
    tls: Option<Arc<rustls::ServerConfig>>,
    trusted: Arc<[IpAddr]>,
) -> Way {
    let (room, requests) = (rooms.site.clone(), rooms.requests.clone());
    Way { listener, room, requests, tls, trusted, deadlines: Deadlines::USUAL }
}

/// The pages and the way in for readings.
pub fn pages(site: &Site, region: &Region) -> Router {
    web::router::router(site).merge(ingest::http::routes(region.ways.clone()))
}

/// Hears ctrl-c and a service manager's TERM from the moment it is made. It is made before anything listens, so that
/// nobody who finds us ready can end us without our noticing.
pub struct Stop {
    term: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Must be called within a runtime.
    pub fn listen() -> anyhow::Result<Stop> {
        let hear = |kind| signal(kind).context("停止の合図を受け取れません");
        Ok(Stop { term: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    /// Resolves when asked to stop, also where that was before this call.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Without TLS of our own only trusted proxies are answered.
async fn only_through_proxy(
    State(tls): State<bool>,
    caller: Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if !tls && !caller.is_trusted() {
        return (StatusCode::FORBIDDEN, "this address is served through its proxy only\n").into_response();
    }
    next.run(request).await
}

pub fn install_tls_provider() {
    // A second call in one process finds the same provider installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The first administrator, and the office if there is none: prints the one-time code with which they enrol.
pub fn create_administrator(config: &Config, login: &str, name: &str, kana: &str, office: &str) -> anyhow::Result<()> {
    // What cannot be entered is refused before a database or a key is made for it.
    let login = signin::LoginName::parse(login).context("--login")?;
    let parsed = |what: &str, error: String| anyhow::anyhow!("{what}: {error}");
    let facts = people::StaffFacts {
        name: people::Name::parse(name).map_err(|e| parsed("--name", e))?,
        kana: people::Kana::parse(kana).map_err(|e| parsed("--kana", e))?,
        profession: people::Profession::Clerk,
        qualification: people::Line::blank(),
        phone: None,
        email: None,
        trained_on: None,
    };
    let office_name = people::Line::parse(office).map_err(|e| parsed("--office", e))?;
    if office_name.expose().is_empty() {
        bail!("--office: 事業所の名称を入力してください。");
    }
    // A code that `serve` would let nobody use is none.
    rules(config)?;
    let secrets = signin::Secrets::draw().context("乱数を得られません")?;
    let db = config.open(config::BRIEFLY)?;
    no_town(&db)?;
    let ctx =
        base::Ctx::new(base::Actor::system("admin create"), base::Purpose::Registration, crate::now(), new_request());
    let code = db.write_blocking(move |tx| {
        let ctx = ctx.clone();
        let known = people::offices(tx, Some(people::OfficeKind::Association))?;
        let office = match known.iter().find(|o| o.name == office_name.expose()) {
            Some(office) => office.id,
            None => people::register_office(&ctx, tx, &association(&office_name))?,
        };
        let new = people::NewStaff { office, role: base::Role::Administrator, active: true, facts: facts.clone() };
        let staff = people::register_staff(&ctx, tx, &new)?;
        let display = Redacted::new(facts.name.expose().to_owned());
        let id = base::AccountId(staff.0);
        Ok::<_, page::problem::Problem>(signin::create_administrator(
            &ctx,
            tx,
            id,
            login.clone(),
            display,
            Some(office),
            &secrets,
        )?)
    });
    let code = code.map_err(crate::admin::in_words)?;
    say(&format!(
        "管理者を登録しました。初回設定コード(72時間有効、一度だけ): {}\n{}/enrol を開き、このコードでパスワードと認証アプリを設定してください。",
        code.expose(),
        config.web.address()
    ))
}

pub(crate) fn association(name: &people::Line) -> people::OfficeFacts {
    people::OfficeFacts {
        name: name.clone(),
        kind: people::OfficeKind::Association,
        phone: None,
        fax: None,
        email: None,
        address: people::Line::blank(),
        city_code: String::new(),
        areas: vec![],
        responsible: people::Line::blank(),
        pledged_on: None,
    }
}
