//! `demo`: a fictional town that lives while one watches, on loopback only. It runs the region as `serve` does; what
//! differs is the town, the start page by which one becomes anybody, and mail that goes into a folder.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admission::Rooms;
use anyhow::{Context, bail};
use base::{Clock, Instant, Span};
use clap::Args;
use db::{Db, DbConfig, DbError, KeySource, marks};
use notify::Adapters;
use page::site::{Mode, Mqtt, Reach, Site, random};
use tokio::net::TcpSocket;
use town::build::{Town, Wanted};
use town::plan::Size;

use crate::region::{self, Setup};
use crate::{headers, heads, living, memory, say, secrets, serve, words};

/// Connections that may wait to be accepted: as many as a listener of the runtime has.
const BACKLOG: u32 = 1024;

#[derive(Args)]
pub struct Options {
    /// 待ち受けるポート(0 なら空きを使います)
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// 町のデータを置くフォルダ
    #[arg(long, default_value = "data/demo")]
    data: PathBuf,
    /// 対象者の人数
    #[arg(long, default_value_t = 1500)]
    residents: usize,
    /// 職員の人数
    #[arg(long, default_value_t = 750)]
    staff: usize,
    /// 町の種(同じ種と同じ --now からは同じ町ができます)
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 町の時計のはじまり(例 2026-11-22T10:00)。省くと今です
    #[arg(long)]
    now: Option<String>,
    /// 町の時計が進む速さ(1 がふつう。60 なら1週間が2時間48分で過ぎます)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=240))]
    speed: u16,
    /// ゲートウェイの MQTT を待ち受けるポート(0 なら空きを使います)
    #[arg(long, default_value_t = 0)]
    mqtt_port: u16,
    /// 運用のポート(/healthz /readyz /metrics。0 なら空きを使います)
    #[arg(long, default_value_t = 0)]
    ops_port: u16,
    /// 埋め込みのデータベースの代わりに使う PostgreSQL
    #[arg(long)]
    database: Option<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    crate::log::as_text();
    serve::install_tls_provider();
    let rooms = serve::rooms()?;
    if options.residents == 0 || options.residents > 200_000 || options.staff < 60 || options.staff > 20_000 {
        bail!("--residents は1から200000、--staff は60から20000までにしてください");
    }
    let begin = options.now.as_deref().map(beginning).transpose()?;
    let config = match &options.database {
        Some(url) => DbConfig::postgres(url).as_owner(),
        None => DbConfig::sqlite(options.data.join("town.db")),
    };
    config.check().context("--database")?;
    let ports = Ports::take(options)?;
    std::fs::create_dir_all(&options.data).with_context(|| format!("{} を作れません", options.data.display()))?;
    refuse_files_of_another(&options.data, &config)?;
    let keys = || KeySource::File { file: options.data.join("operations").join(words::SECRETS), fresh: random() };
    let db = crate::config::open(config.clone(), keys(), crate::config::BRIEFLY)?;
    refuse_a_real_region(&db)?;
    secrets::settle(&db)?;
    let wanted = Wanted { seed: options.seed, size: Size { residents: options.residents, staff: options.staff } };
    // A town of a given moment is built as of that moment, and its clock runs from when it stands.
    let building = || begin.unwrap_or_else(crate::now);
    let mut town = town::build::town(&db, wanted, &building, Arc::new(response::on_alert), &show_progress)?;
    drop(db);
    if town.made != wanted {
        let Wanted { seed, size } = town.made;
        say(&format!(
            "  {} にある町を続けます(対象者{}人、職員{}人、種{seed})。--residents・--staff・--seed の町を新しくつくるには、--data に別のフォルダを指定してください。",
            options.data.display(),
            size.residents,
            size.staff
        ))?;
    }
    // Half a year in an hour fills every cache of the connections; whoever lives in the town begins without them.
    if town.played > Span::days(1) {
        town.station = town.station.reopened(|| crate::config::open(config, keys(), db::PREDECESSOR))?;
        memory::give_back();
    }
    let db = town.station.db().clone();
    let clock = clock(begin, options.speed);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(open(options, ports, db, clock, town, rooms))
}

/// The ports, held from the start, so that nobody waits for a town and then learns that its port is taken. Nothing
/// listens on them until the town stands.
struct Ports {
    pages: TcpSocket,
    others: Vec<TcpSocket>,
}

impl Ports {
    fn take(options: &Options) -> anyhow::Result<Ports> {
        let take = |name: &str, port: u16| {
            let socket = TcpSocket::new_v4().and_then(|socket| {
                socket.set_reuseaddr(true)?;
                socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
                Ok(socket)
            });
            socket.with_context(|| {
                format!(
                    "ポート {port} を待ち受けられません。{name} で別のポートを指定してください(0 なら空きを使います)"
                )
            })
        };
        let pages = take("--port", options.port)?;
        let others = vec![take("--mqtt-port", options.mqtt_port)?, take("--ops-port", options.ops_port)?];
        Ok(Ports { pages, others })
    }
}

/// A new town beside the signed heads of another would be told that its record was cut.
fn refuse_files_of_another(data: &Path, config: &DbConfig) -> anyhow::Result<()> {
    if !data.join("operations").join(heads::HEADS).exists() || stands(config) {
        return Ok(());
    }
    bail!(
        "{} には、ほかのデータベースにつくった町の鍵と署名が残っています。何も変更していません。--data に別のフォルダを指定してください",
        data.display()
    )
}

/// Whether a town stands there. Of a server that does not answer, opening it says what is wrong.
fn stands(config: &DbConfig) -> bool {
    if let DbConfig::Sqlite { file, .. } = config {
        return file.exists();
    }
    let mark = |tx: &mut dyn db::Tx| marks::get(tx, marks::FICTIONAL);
    match Db::open_for_reading(config.clone()).and_then(|db| db.read_blocking(mark)) {
        Ok(mark) => mark.is_some(),
        Err(error) => matches!(error, DbError::Gone(_)),
    }
}

/// A database without the mark must be empty, or somebody's real people would be shown to anybody.
fn refuse_a_real_region(db: &Db) -> anyhow::Result<()> {
    let (mark, people) = db.read_blocking(|tx| {
        let mark = marks::get(tx, marks::FICTIONAL)?;
        let offices = people::offices(tx, None).map(|o| o.len()).map_err(|e| db::DbError::Engine(e.to_string()))?;
        Ok::<_, db::DbError>((mark, offices))
    })?;
    if mark.is_none() && people > 0 {
        bail!("このデータベースには「架空」の印がありません。demo では使えません");
    }
    Ok(())
}

async fn open(options: &Options, ports: Ports, db: Db, clock: Clock, town: Town, rooms: Rooms) -> anyhow::Result<()> {
    let mut stop = serve::Stop::listen()?;
    let socket =
        ports.pages.listen(BACKLOG).with_context(|| format!("ポート {} を待ち受けられません", options.port))?;
    let port = socket.local_addr()?.port();
    let hosts = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let site = Site::new(db, clock.clone(), Mode::Demo, hosts, "つながり市・あさひ野市（架空）".into());
    let letters = options.data.join("mail");
    site.letters_lie_in(letters.clone());
    let life = living::Life { plan: town.plan, homes: town.homes, story: town.story, speed: options.speed };
    let setup = Setup {
        site: site.clone(),
        clock: clock.clone(),
        mqtt: Some((SocketAddr::from(([127, 0, 0, 1], options.mqtt_port)), None)),
        operations: SocketAddr::from(([127, 0, 0, 1], options.ops_port)),
        rooms: rooms.clone(),
        trusted: Arc::new([]),
        folder: options.data.join("operations"),
        adapters: Adapters::folder(&letters, &format!("http://127.0.0.1:{port}/l/"))?,
        heartbeat_url: None,
        emergency_recipient: None,
        station: Some(town.station),
        speed: options.speed,
    };
    drop(ports.others);
    let region = region::start(setup).await?;
    let mqtt = region.mqtt.as_ref().map(|listener| listener.address()).context("MQTT")?;
    let broker = Mqtt::At { address: mqtt.to_string(), tls: false };
    site.is_reached_at(Reach { pages: format!("http://127.0.0.1:{port}"), mqtt: broker });
    let router = headers::on_every_answer(serve::pages(&site, &region), headers::Strict::No);
    let living = tokio::spawn(living::live(life, clock, mqtt));
    say(&format!(
        "\n  つながり デモ(架空の町)\n\n  画面      http://127.0.0.1:{port}/\n  運用      http://{}/readyz\n  MQTT      {mqtt}\n  送信メール {}\n\n  \
         はじめの画面で、コールセンター・ケアマネジャー・医師・家族などになれます。\n  \
         2分のうちに、静かすぎる家が見つかり、ゲートウェイが途絶え、部屋が暑くなりすぎます。\n  止めるには Ctrl-C を押してください。\n",
        region.operations,
        letters.display()
    ))?;
    let way = serve::way(socket, &rooms, None, Arc::new([]));
    admission::http::serve(way, router, async move { stop.asked().await }).await;
    living.abort();
    region.stop().await;
    Ok(())
}

fn beginning(text: &str) -> anyhow::Result<Instant> {
    Instant::parse(text).with_context(|| format!("--now {text} は日時ではありません(例 2026-11-22T10:00)"))
}

/// The system's clock, or one that begins at the given moment or runs so many times as fast.
fn clock(begin: Option<Instant>, speed: u16) -> Clock {
    let begin = match begin {
        None if speed == 1 => return Arc::new(crate::now),
        begin => begin.unwrap_or_else(crate::now),
    };
    let began = std::time::Instant::now();
    Arc::new(move || {
        let micros = began.elapsed().as_micros() * u128::from(speed);
        begin + Span(i64::try_from(micros).unwrap_or(i64::MAX))
    })
}

fn show_progress(what: &str, share: f64) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r  町をつくっています… {what} {:.0}%\u{1b}[K", share * 100.0);
    if share >= 1.0 {
        let _ = writeln!(out);
    }
    let _ = out.flush();
}
