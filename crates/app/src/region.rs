//! A region at work: everything that runs beside the pages, started in order and stopped in order.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use admission::{Deadlines, Rooms};
use anyhow::Context;
use base::{Clock, Redacted};
use db::{Db, DbError, Space, outbox};
use ingest::station::{self, Board, Station};
use ingest::{Authenticate, Ways, inlet, mqtt};
use notify::Adapters;
use page::renewals;
use page::site::{Site, Warning, random};
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use watch::live::OnAlert;

use crate::heads::{Signer, Trouble};
use crate::rounds::{self, repeat, system};
use crate::{ops, postman, security_log};

/// Signals that may wait for the station.
const SIGNALS: usize = 8192;
/// How long the station may be silent before every page says that the watch stands still.
const STATION_SILENT: base::Span = base::Span::seconds(30);
/// How long station or clockwork may fail before the heartbeat is withheld and the alarm outside rings.
const CLOCKWORK_SILENT: base::Span = base::Span::minutes(2);

/// What a region is started with.
pub struct Setup {
    pub site: Site,
    pub clock: Clock,
    pub mqtt: Option<(SocketAddr, Option<Arc<ServerConfig>>)>,
    pub operations: SocketAddr,
    pub rooms: Rooms,
    /// Proxies, whose connections are bounded in all only.
    pub trusted: Arc<[IpAddr]>,
    pub folder: PathBuf,
    pub adapters: Adapters,
    pub heartbeat_url: Option<String>,
    pub emergency_recipient: Option<String>,
    /// A station that is already at work; `None`: one is opened.
    pub station: Option<Station>,
    /// How many times as fast as ours the clock runs: what is late is late by our time.
    pub speed: u16,
}

/// A running region.
pub struct Region {
    pub ways: Ways,
    pub mqtt: Option<Arc<mqtt::Listener>>,
    pub operations: SocketAddr,
    station: std::thread::JoinHandle<std::io::Result<()>>,
    rounds: tokio::task::JoinSet<()>,
    signer: Arc<Signer>,
    site: Site,
    _disk: Disk,
}

/// Starts station, listeners and rounds.
pub async fn start(setup: Setup) -> anyhow::Result<Region> {
    let Setup { site, clock, mqtt, operations, folder, adapters, heartbeat_url, emergency_recipient, station, .. } =
        setup;
    let (rooms, trusted, speed) = (setup.rooms, setup.trusted, i64::from(setup.speed));
    std::fs::create_dir_all(&folder).with_context(|| format!("{} を作れません", folder.display()))?;
    let db = site.db().clone();
    let figures = ops::metrics()?;
    let (inlet, deliveries) = inlet::open();
    let (signals, told) = mpsc::channel(SIGNALS);
    let board = Arc::new(Board::default());
    let conf = station::Conf::new(u128::from_be_bytes(random()));
    let conf = station::Conf { waits_for_bulk: false, sleep_after: times(conf.sleep_after, speed), ..conf };
    let no_room = conf.no_room.clone();
    let station = match station {
        Some(station) => station.with_conf(conf),
        None => open_station(&db, conf, clock()).await?,
    };
    let station = spawn_station(station, deliveries, told, &clock, &board)?;
    let ways = Ways { inlet, authenticate: authenticate(db.clone()), clock: clock.clone() };
    let mqtt = match mqtt {
        Some((bind, tls)) => {
            let settings = mqtt::Settings { bind, tls, room: rooms.gateways, trusted };
            Some(Arc::new(mqtt::listen(settings, ways.clone()).await?))
        }
        None => None,
    };
    let mut rounds = tokio::task::JoinSet::new();
    let ops_socket = tokio::net::TcpListener::bind(operations)
        .await
        .with_context(|| format!("運用の {operations} を待ち受けられません"))?;
    let operations = ops_socket.local_addr()?;
    let ops_router = ops::router(db.clone(), board.clone(), clock.clone(), figures, speed);
    let way = admission::http::Way {
        listener: ops_socket,
        room: rooms.operations,
        requests: rooms.inquiries,
        tls: None,
        trusted: Arc::new([]),
        deadlines: Deadlines::USUAL,
    };
    rounds.spawn(admission::http::serve(way, ops_router, std::future::pending()));
    spawn_dispatcher(&mut rounds, &site, &clock, signals, mqtt.clone());
    let disk = spawn_disk(&db, no_room)?;
    db.people_wait();
    let signer = spawn_records(&mut rounds, &site, &clock, &folder);
    let worked_at = Arc::new(AtomicI64::new(clock().0));
    spawn_clockwork(
        &mut rounds,
        &site,
        &clock,
        (&board, times(STATION_SILENT, speed)),
        signer.trouble.clone(),
        &worked_at,
    );
    security_log::spawn(&mut rounds, &site, &folder)?;
    let (notify_clock, notify_db) = (clock.clone(), db.clone());
    rounds.spawn(async move {
        notify::run(notify_db, Arc::new(adapters), move || system("notify", &notify_clock)).await;
    });
    if let Some(url) = heartbeat_url {
        // A redirect would carry the address, which is a secret of its own, to wherever it leads.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let clock = clock.clone();
        rounds.spawn(async move {
            // A program that lives and no longer watches over limits and alerts must not tell the outside that all is well.
            let beat = || async {
                let still = clock() - base::Instant(worked_at.load(Ordering::Relaxed));
                anyhow::ensure!(
                    still < times(CLOCKWORK_SILENT, speed),
                    "the clockwork stands still; the heartbeat is withheld"
                );
                rounds::heartbeat(&client, &url).await
            };
            repeat("heartbeat", Duration::from_secs(60), beat).await;
        });
    }
    if let Some(recipient) = emergency_recipient {
        let (site, clock) = (site.clone(), clock.clone());
        rounds.spawn(async move {
            let write = || crate::emergency::write(&site, &clock, &recipient, &folder);
            repeat("emergency list", Duration::from_secs(3600), write).await;
        });
    }
    Ok(Region { site, ways, mqtt, operations, station, rounds, signer, _disk: disk })
}

impl Region {
    /// Takes nothing more in, lets the station save, ends the rounds and signs what was recorded until now.
    pub async fn stop(self) {
        let Region { site, ways, mqtt, station, mut rounds, signer, .. } = self;
        rounds.abort_all();
        while rounds.join_next().await.is_some() {}
        // The dispatcher, which held the other handle, has ended.
        if let Some(listener) = mqtt.and_then(Arc::into_inner) {
            listener.stop().await;
        }
        drop(ways);
        if let Err(error) = renewals::record_closed(&site, true).await {
            tracing::warn!(%error, "how often the open pages renewed themselves could not be recorded");
        }
        let ended = tokio::task::spawn_blocking(move || station.join());
        if tokio::time::timeout(Duration::from_secs(8), ended).await.is_err() {
            tracing::warn!("the station did not end in time; its tail is read again at the next start");
        }
        // What the rounds had sent before they ended is recorded first.
        let behind_all = site.db().write_bulk("stop", |_| Ok::<_, db::DbError>(()));
        let _ = tokio::time::timeout(Duration::from_secs(2), behind_all).await;
        let last = signer.clone();
        let signed = tokio::task::spawn_blocking(move || last.round());
        if !matches!(tokio::time::timeout(Duration::from_secs(4), signed).await, Ok(Ok(Ok(())))) {
            signer.give_up();
            tracing::warn!("the last rows of the record are signed at the next start");
        }
    }
}

async fn open_station(db: &Db, conf: station::Conf, now: base::Instant) -> anyhow::Result<Station> {
    let db = db.clone();
    Ok(tokio::task::spawn_blocking(move || Station::open(db, Arc::new(response::on_alert), conf, now)).await??)
}

fn spawn_station(
    station: Station,
    deliveries: mpsc::Receiver<ingest::Delivery>,
    signals: mpsc::Receiver<station::Signal>,
    clock: &Clock,
    board: &Arc<Board>,
) -> anyhow::Result<std::thread::JoinHandle<std::io::Result<()>>> {
    board.stepped_at.store(u64::try_from(clock().0).unwrap_or(0), Ordering::Relaxed);
    let (clock, board) = (clock.clone(), board.clone());
    let thread = std::thread::Builder::new().name("station".into());
    Ok(thread.spawn(move || station::run(station, deliveries, signals, &clock, &board))?)
}

/// So much of our time, on a clock that runs so many times as fast.
fn times(span: base::Span, speed: i64) -> base::Span {
    base::Span(span.0 * speed)
}

/// Gateways by name and credential; where the way in carries no name, by the credential alone.
fn authenticate(db: Db) -> Authenticate {
    Arc::new(move |name: String, credential: Redacted<Vec<u8>>| {
        let db = db.clone();
        Box::pin(async move {
            let secret = secret_of(credential.expose())?;
            match db.read(move |tx| watch::authenticate(tx, &name, secret)).await {
                Ok(gateway) => gateway,
                Err(error) => {
                    tracing::error!(%error, "a gateway could not be checked");
                    None
                }
            }
        })
    })
}

/// The hash the register keeps: of the 32 bytes that a credential spells in 64 hexadecimal digits.
fn secret_of(credential: &[u8]) -> Option<[u8; 32]> {
    let bytes = base::unhex::<32>(std::str::from_utf8(credential).ok()?.trim())?;
    Some(Sha256::digest(bytes).into())
}

/// Committed events go to the screens, and apart from them to the station and the listeners: what cannot be said to a
/// screen holds up no home. The postman reads them by himself.
fn spawn_dispatcher(
    rounds: &mut tokio::task::JoinSet<()>,
    site: &Site,
    clock: &Clock,
    signals: mpsc::Sender<station::Signal>,
    mqtt: Option<Arc<mqtt::Listener>>,
) {
    let (live, db) = (site.live().clone(), site.db().clone());
    rounds.spawn(postman::run(db.clone(), clock.clone()));
    let told = rounds::dispatch(db.clone(), web::news::news, move |(happened, knowers)| {
        live.tell(&happened, &knowers);
    });
    rounds.spawn(ended("events are no longer handed to screens", told));
    rounds.spawn(tell_screens_of_the_database(site.clone()));
    let lines = site.live().clone();
    let take = move |events: Vec<outbox::Event>| {
        for event in &events {
            if let Some(signin::Event::Ended { account, session, but }) = signin::Event::of(event) {
                lines.close(account, session, but);
            }
            hand_on(event, &signals, &mqtt);
        }
    };
    let told = rounds::dispatch(db, |_, events| Ok(events.to_vec()), take);
    rounds.spawn(ended("events are no longer handed on", told));
}

/// Screens stay open while the database is away, and nothing that they show is true any more.
async fn tell_screens_of_the_database(site: Site) {
    let mut database = site.db().away();
    loop {
        database.becomes(true).await;
        site.live().tell_away(true);
        database.becomes(false).await;
        site.live().tell_away(false);
    }
}

async fn ended(what: &'static str, told: impl Future<Output = Result<(), DbError>>) {
    if let Err(error) = told.await {
        tracing::error!(%error, "{what}");
    }
}

fn hand_on(event: &outbox::Event, signals: &mpsc::Sender<station::Signal>, mqtt: &Option<Arc<mqtt::Listener>>) {
    if let Some(signal) = station::Signal::of(event)
        && signals.try_send(signal).is_err()
    {
        tracing::error!("the station cannot be told of a change; it reads everything anew");
        let _ = signals.try_send(station::Signal::Region);
    }
    if let (Some(listener), Some(watch::Event::GatewayCredential { gateway, .. })) = (mqtt, watch::Event::of(event)) {
        listener.dismiss(gateway);
    }
}

/// Measures the room on the disk by the second, on a thread of its own: a disk that hangs holds up nothing else.
fn spawn_disk(db: &Db, no_room: Arc<std::sync::atomic::AtomicBool>) -> anyhow::Result<Disk> {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let db = db.clone();
    let measure = move || {
        while stopped.recv_timeout(Duration::from_secs(1)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            no_room.store(db.measure_space() != Space::Ample, Ordering::Relaxed);
        }
    };
    std::thread::Builder::new().name("disk".into()).spawn(measure)?;
    Ok(Disk { _stop: stop })
}

/// The thread that measures; it ends when this is dropped.
struct Disk {
    _stop: std::sync::mpsc::Sender<()>,
}

/// What runs by the second: limits of cases, alerts without a case, whether the station steps, lines of sessions that
/// are over. It waits for the database alone, never for a thread that something else may fill: passwords and photos are
/// not its concern. Each of them goes on, and the warnings are told, when another one fails; that it fails is a warning
/// itself.
fn spawn_clockwork(
    rounds: &mut tokio::task::JoinSet<()>,
    site: &Site,
    clock: &Clock,
    (board, silent): (&Arc<Board>, base::Span),
    signing: Trouble,
    worked_at: &Arc<AtomicI64>,
) {
    let (lines, own_clock) = (site.clone(), clock.clone());
    rounds.spawn(async move {
        let close = || async {
            lines.live().close_over(own_clock());
            Ok(())
        };
        repeat("live lines", Duration::from_millis(500), close).await;
    });
    let pages = site.clone();
    rounds.spawn(async move {
        let record = || async { Ok(renewals::record_closed(&pages, false).await?) };
        repeat("open pages", Duration::from_secs(60), record).await;
    });
    let (site, clock, board, worked_at) = (site.clone(), clock.clone(), board.clone(), worked_at.clone());
    rounds.spawn(async move {
        let on_alert: Arc<OnAlert> = Arc::new(response::on_alert);
        let round = || async {
            let mut warnings = Vec::new();
            let stepped = base::Instant(i64::try_from(board.stepped_at.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
            if clock() - stepped > silent || board.stopped.load(Ordering::Relaxed) {
                warnings.push(Warning::WatchLineLost);
            }
            match rounds::answer_again(&site, &clock, &on_alert).await {
                Ok((0, _)) => {}
                Ok((count, cities)) => warnings.push(Warning::WithoutCase { count, cities }),
                Err(error) => warnings.push(round_failed("alerts without a case", &error)),
            }
            if site.space() != Space::Ample {
                let words = "保存する場所が残り少なくなっています。センサーの受信を止めています。システム管理者に連絡してください。";
                warnings.push(Warning::Words(words.into()));
            }
            warnings.extend(signing.reason().map(Warning::SigningStopped));
            match rounds::escalate(&site, &clock).await {
                Ok(0) => {}
                Ok(overdue) => warnings.push(Warning::Overdue(overdue)),
                Err(error) => warnings.push(round_failed("limits of cases", &error)),
            }
            match site.db().unreadable().len() {
                0 => {}
                rows => warnings.push(Warning::Unreadable(rows)),
            }
            let whole = !warnings.iter().any(|w| matches!(w, Warning::WatchLineLost | Warning::ClockworkFailed));
            if whole {
                worked_at.store(clock().0, Ordering::Relaxed);
            }
            site.warn(warnings);
            metrics::counter!("clockwork_rounds_total").increment(1);
            Ok(())
        };
        repeat("clockwork", Duration::from_secs(1), round).await;
    });
}

/// A timer that cannot do its work is told on every page: nobody may take its silence for quiet.
fn round_failed(round: &'static str, error: &anyhow::Error) -> Warning {
    tracing::error!(round, error = %format!("{error:#}"), "a part of the clockwork failed");
    Warning::ClockworkFailed
}

/// What keeps the records: signed heads, the index by person, what may be forgotten.
fn spawn_records(
    rounds: &mut tokio::task::JoinSet<()>,
    site: &Site,
    clock: &Clock,
    folder: &std::path::Path,
) -> Arc<Signer> {
    let signer = Arc::new(Signer::new(folder, site.db().clone(), clock.clone()));
    let own = signer.clone();
    rounds.spawn(async move {
        let sign = || {
            let signer = own.clone();
            async move { tokio::task::spawn_blocking(move || signer.round()).await? }
        };
        repeat("audit head", Duration::from_secs(60), sign).await;
    });
    let db = site.db().clone();
    rounds.spawn(async move { repeat("audit index", Duration::from_secs(2), || rounds::index_audit(&db)).await });
    let (db, own_clock) = (site.db().clone(), clock.clone());
    rounds.spawn(async move {
        repeat("tidying", Duration::from_secs(600), || rounds::tidy(&db, &own_clock)).await;
    });
    signer
}
