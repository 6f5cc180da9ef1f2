//! `serve`: a region at work. Speaks TLS, or plainly to proxies that the configuration trusts by address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base::{Clock, Redacted};
use db::{Db, marks};
use notify::Adapters;
use page::client::ToldByProxy;
use page::site::{Mode, Site, new_request};
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config};
use crate::region::{self, Region, Setup};
use crate::{reports, say, tls};

/// Runs until the machine asks it to stop.
pub fn run(config: &Config) -> anyhow::Result<()> {
    log_as_json();
    install_tls_provider();
    if let Some(folder) = &config.policies {
        access::install(access::Policies::from_folder(folder)?)?;
    }
    let db = config.open(db::PREDECESSOR)?;
    if db.read_blocking(|tx| marks::get(tx, marks::FICTIONAL))?.is_some() {
        bail!("このデータベースは架空の町のものです。serve では使えません(demo を使ってください)");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config, db))
}

async fn serve(config: &Config, db: Db) -> anyhow::Result<()> {
    let clock: Clock = Arc::new(crate::now);
    // First of all, so that whoever finds the region ready can also knock.
    let listener = listen(config.web.listen).await?;
    let site = Site::new(db, clock.clone(), Mode::Serve, config.web.known_hosts()?, config.region.clone());
    let mqtt_tls = config.mqtt.tls.as_ref().map(tls::server_config).transpose()?;
    let reporting = clock.clone();
    let setup = Setup {
        site: site.clone(),
        clock,
        mqtt: config.mqtt.enabled.then_some((config.mqtt.listen, mqtt_tls)),
        operations: config.operations.listen,
        folder: config.operations.folder.clone(),
        adapters: Adapters::new(
            config.mail.as_ref(),
            config.messages.as_ref(),
            &format!("{}/l/", config.web.address()),
        )?,
        heartbeat_url: config.operations.heartbeat_url.clone(),
        emergency_recipient: config.operations.emergency_recipient.clone(),
        station: None,
    };
    let region = region::start(setup).await?;
    let mut router = pages(&site, &region);
    if let Some(token) = config.messages.as_ref().and_then(|m| m.report_token.as_ref()) {
        router = router.merge(reports::routes(site.db().clone(), reporting, token));
    }
    let router = router.layer(middleware::from_fn_with_state(Proxies::of(config), through_proxy));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let handle = axum_server::Handle::new();
    let (stopping, db) = (handle.clone(), site.db().clone());
    tokio::spawn(async move {
        tokio::select! { () = asked_to_stop() => {}, () = superseded(db) => {} }
        stopping.graceful_shutdown(Some(std::time::Duration::from_secs(5)));
    });
    tracing::info!(address = %config.web.listen, tls = config.web.tls.is_some(), "the site answers");
    match &config.web.tls {
        Some(files) => {
            let tls = axum_server::tls_rustls::RustlsConfig::from_config(with_http(tls::server_config(files)?));
            axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(service).await?;
        }
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await?,
    }
    region.stop().await;
    if site.db().superseded() {
        bail!("ほかの tsunagari がこのデータベースに書き込んだため、終了しました。もう一度起動してください");
    }
    Ok(())
}

/// Resolves when another process has become the writer: what this one remembers is no longer so. Whoever keeps the
/// program running starts it again.
async fn superseded(db: Db) {
    let mut looks = tokio::time::interval(std::time::Duration::from_secs(1));
    while !db.superseded() {
        looks.tick().await;
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let listener = tokio::net::TcpListener::bind(address).await;
    Ok(listener.with_context(|| format!("{address} を待ち受けられません"))?.into_std()?)
}

/// The pages and the way in for readings.
pub fn pages(site: &Site, region: &Region) -> Router {
    web::router::router(site).merge(ingest::http::routes(region.ways.clone()))
}

fn with_http(config: Arc<rustls::ServerConfig>) -> Arc<rustls::ServerConfig> {
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Resolves on ctrl-c or a service manager's TERM.
pub async fn asked_to_stop() {
    let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(term) => term,
        Err(error) => {
            tracing::error!(%error, "TERM cannot be heard");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

#[derive(Clone)]
struct Proxies {
    trusted: Arc<[IpAddr]>,
    tls: bool,
}

impl Proxies {
    fn of(config: &Config) -> Proxies {
        Proxies { trusted: config.web.trusted_proxies.clone().into(), tls: config.web.tls.is_some() }
    }
}

/// Without TLS of our own only trusted proxies are answered; what they say of the client's address is believed, the
/// last hop first, and nobody else's word is.
async fn through_proxy(
    State(proxies): State<Proxies>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let trusted = proxies.trusted.contains(&peer.ip().to_canonical());
    if !proxies.tls && !trusted {
        return (StatusCode::FORBIDDEN, "this address is served through its proxy only\n").into_response();
    }
    if trusted {
        // The proxy's own word is the last: some append to the client's header, others add one of their own below it.
        let told = request.headers().get_all("x-forwarded-for").iter().next_back().and_then(|v| v.to_str().ok());
        let client = told.and_then(|list| list.rsplit(',').next()).and_then(|ip| ip.trim().parse().ok());
        request.extensions_mut().insert(ToldByProxy(client.unwrap_or(peer.ip())));
    }
    next.run(request).await
}

pub fn install_tls_provider() {
    // A second call in one process finds the same provider installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn log_as_json() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// The first administrator, and the office if there is none: prints the one-time code with which they enrol.
pub fn create_administrator(config: &Config, login: &str, name: &str, kana: &str, office: &str) -> anyhow::Result<()> {
    let db = config.open(config::BRIEFLY)?;
    let login = signin::LoginName::parse(login)?;
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
    let secrets = signin::Secrets::draw().context("乱数を得られません")?;
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
    let code = code.map_err(|problem| match problem {
        page::problem::Problem::Refused(why) => anyhow::anyhow!(why),
        other => anyhow::anyhow!("{other:?}"),
    })?;
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
