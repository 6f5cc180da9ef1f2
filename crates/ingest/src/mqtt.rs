//! The way in by MQTT 3.1.1 and 5: a listener for gateways (and Mosquitto bridges) that publish; nobody is ever
//! delivered anything. PUBACK and PUBREC go out when the station has committed.
//!
//! It knows sockets, TLS and who is connected; how many may be is `admission`'s. What a message means is `payload`'s, what becomes of it the station's.

mod flight;
mod frame;
mod lines;
mod once;
mod protocol;
mod session;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admission::{Accepting, Place, Room};
use base::{GatewayId, limits};
use metrics::{counter, gauge};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use watch::{LineCause, Signal};

use crate::Ways;
use crate::payload::{self, Origin, Parsed};
use lines::{Lines, Ticket};
use once::Unreleased;
use protocol::{Hello, OWN_KEEP_ALIVE, Protocol, Refusal, Said, UNKNOWN_VERSION, Will};
use session::{End, READ_BYTES, Session};

/// From the end of the handshake to the accepted CONNECT.
const CONNECT_WAIT: Duration = limits::HEAD_WAIT;
/// A client whose readings could not be stored is let go only after this, so that a thousand gateways do not come back
/// at once and again.
const NOT_STORED_PAUSE: Duration = Duration::from_secs(1);
/// How long a stop waits for the connections to end.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(1);

pub struct Settings {
    pub bind: SocketAddr,
    /// Without TLS only a loopback address may be bound.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub room: Room,
    /// Proxies that hand lines on: bounded in all only.
    pub trusted: Arc<[IpAddr]>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("MQTT without TLS may listen on a loopback address only, and {0} is none: configure a certificate")]
    PlainOffLoopback(SocketAddr),
    #[error("MQTT cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
}

/// A running listener; dropping it stops accepting, [`Listener::stop`] also ends its connections.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    lines: Arc<Lines>,
    accepting: JoinHandle<()>,
    /// Says nothing, and closes when the last connection has ended.
    ended: mpsc::Receiver<()>,
}

struct Door {
    ways: Ways,
    lines: Arc<Lines>,
    tls: Option<TlsAcceptor>,
    nameless: AtomicU64,
}

/// Starts to listen. Must be called within a tokio runtime.
pub async fn listen(settings: Settings, ways: Ways) -> Result<Listener, ListenError> {
    if settings.tls.is_none() && !settings.bind.ip().is_loopback() {
        return Err(ListenError::PlainOffLoopback(settings.bind));
    }
    let failed = |source| ListenError::Bind { address: settings.bind, source };
    let socket = TcpListener::bind(settings.bind).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let lines = Arc::new(Lines::default());
    let (alive, ended) = mpsc::channel(1);
    let door =
        Door { ways, lines: lines.clone(), tls: settings.tls.map(TlsAcceptor::from), nameless: AtomicU64::new(0) };
    let accepting = Accepting::new(socket, settings.room, settings.trusted);
    let accepting = tokio::spawn(accept(accepting, Arc::new(door), alive));
    Ok(Listener { address, lines, accepting, ended })
}

impl Listener {
    /// Where it listens: tells the port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gateways' connections that are signed in.
    pub fn connections(&self) -> usize {
        self.lines.open()
    }

    /// Ends every connection of a gateway: its credential was revoked or rotated.
    pub fn dismiss(&self, gateway: GatewayId) {
        self.lines.dismiss(gateway);
    }

    /// Accepts nobody more, tells every client, and waits a few seconds until they are gone.
    pub async fn stop(mut self) {
        self.accepting.abort();
        self.lines.dismiss_all();
        let _ = timeout(STOP_WAIT, self.ended.recv()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(mut accepting: Accepting, door: Arc<Door>, alive: mpsc::Sender<()>) {
    loop {
        let (stream, _, place) = accepting.next().await;
        let (door, alive) = (door.clone(), alive.clone());
        tokio::spawn(async move {
            gauge!("ingest_mqtt_connections").increment(1.0);
            attend(stream, &door, &place).await;
            gauge!("ingest_mqtt_connections").decrement(1.0);
            drop(alive);
        });
    }
}

fn refused(why: &'static str) {
    counter!("ingest_mqtt_refused_total", "why" => why).increment(1);
}

async fn attend(stream: TcpStream, door: &Door, place: &Place) {
    let Some(tls) = &door.tls else { return serve(stream, door, place).await };
    let shaken = tokio::select! {
        shaken = timeout(limits::HANDSHAKE_WAIT, tls.accept(stream)) => shaken,
        () = place.gives_way() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            place.heard();
            serve(stream, door, place).await;
        }
        _ => refused("tls"),
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, door: &Door, place: &Place) {
    let mut out = vec![];
    let greeted = tokio::select! {
        greeted = timeout(CONNECT_WAIT, greet(&mut stream, door, place, &mut out)) => greeted,
        () = place.gives_way() => return,
    };
    let guest = match greeted {
        Ok(Ok(guest)) => guest,
        Ok(Err(why)) => {
            refused(why);
            let _ = timeout(LINGER, linger(&mut stream, &out)).await;
            return;
        }
        Err(_) => return refused("slow"),
    };
    let Guest { hello, gateway, ticket, once, protocol, buffer } = guest;
    let keep_alive = if hello.keep_alive == 0 { OWN_KEEP_ALIVE } else { hello.keep_alive };
    let mut session = Session {
        protocol,
        ticket,
        once,
        gateway,
        inlet: door.ways.inlet.clone(),
        clock: door.ways.clock.clone(),
        own_topic: hello.will.as_ref().and_then(|will| payload::own_topic(&will.topic)).map(str::to_owned),
        patience: Duration::from_secs(u64::from(keep_alive)) * 3 / 2,
        buffer,
        out,
        state: Default::default(),
    };
    let end = session.run(&mut stream).await;
    if end == End::NotStored {
        sleep(NOT_STORED_PAUSE).await;
    }
    let _ = timeout(LINGER, stream.shutdown()).await;
    session.settle().await;
    drop(session);
    let cause = match end {
        End::Violation(cause) => Some(cause),
        // Whose radio failed is not there any more to close its old line; another client of the same name is.
        End::TakenOver => {
            let closed = timeout(LINGER, until_closed(&mut stream)).await;
            matches!(closed, Ok(Ok(()))).then_some(LineCause::Rival)
        }
        _ => None,
    };
    drop(stream);
    mourn(door, gateway, end, cause, hello.will).await;
}

/// A client that was let in.
struct Guest {
    hello: Hello,
    gateway: GatewayId,
    ticket: Ticket,
    once: OwnedMutexGuard<Unreleased>,
    protocol: Protocol,
    /// What came in behind the CONNECT.
    buffer: Vec<u8>,
}

/// Reads the CONNECT and decides; `out` holds the CONNACK. Errors name the reason for the counter.
async fn greet<S: AsyncRead + Unpin>(
    stream: &mut S,
    door: &Door,
    place: &Place,
    out: &mut Vec<u8>,
) -> Result<Guest, &'static str> {
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let length = loop {
        match frame::measure(&buffer) {
            // Nothing but a CONNECT may come first, and nobody unknown may fill our memory.
            Ok(Some((_, total))) if buffer[0] >> 4 != 1 || total > limits::READING_BYTES => return Err("no_connect"),
            Ok(Some((_, total))) if buffer.len() >= total => break total,
            Err(_) => return Err("no_connect"),
            Ok(_) => {}
        }
        if stream.read_buf(&mut buffer).await.map_or(0, |n| n) == 0 {
            return Err("no_connect");
        }
        place.heard();
    };
    // From here on it waits for us.
    let _working = place.working();
    let packet = protocol::normalise(&buffer[..length]);
    buffer.drain(..length);
    let mut protocol = Protocol::new();
    let Some(packet) = packet else {
        out.extend_from_slice(&UNKNOWN_VERSION);
        return Err("version");
    };
    let Said::Connect(mut hello) = protocol.read(&packet, out) else { return Err("no_connect") };
    if hello.enhanced {
        protocol.refuse(Refusal::Enhanced, out);
        return Err("authentication");
    }
    let nameless = hello.client.is_empty();
    if nameless && !protocol.v5 && !hello.clean {
        protocol.refuse(Refusal::ClientId, out);
        return Err("client_id");
    }
    let name = hello.user.take().unwrap_or_default();
    let Some(gateway) = (door.ways.authenticate)(name, std::mem::take(&mut hello.password)).await else {
        protocol.refuse(Refusal::NotAuthorized, out);
        return Err("authentication");
    };
    if !place.know(gateway.0.as_u128()) {
        protocol.refuse(Refusal::Full, out);
        return Err("too_many");
    }
    if nameless {
        hello.client = format!("nameless-{}", door.nameless.fetch_add(1, Ordering::Relaxed));
    }
    let ticket = door.lines.enter(gateway, &hello.client, hello.clean);
    let once = ticket.session.clone().lock_owned().await;
    protocol.accept(&hello, nameless, ticket.session_present, out);
    Ok(Guest { hello: *hello, gateway, ticket, once, protocol, buffer })
}

/// Tells a refused client why, and waits until it has gone: a socket closed over unread bytes would be reset, and the
/// reason lost on the way.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, out: &[u8]) -> std::io::Result<()> {
    stream.write_all(out).await?;
    stream.shutdown().await?;
    until_closed(stream).await
}

/// Waits until the client has closed its side.
async fn until_closed<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<()> {
    let mut rest = [0u8; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Hands over what the end of a line means: the Will, why the gateway is to blame for it, and that the gateway is gone if
/// this was its last connection.
async fn mourn(door: &Door, gateway: GatewayId, end: End, cause: Option<LineCause>, will: Option<Will>) {
    let lost = matches!(end, End::Lost | End::Violation(_));
    let will = will.filter(|_| lost || end == (End::Goodbye { with_will: true }));
    if !lost && will.is_none() && cause.is_none() {
        return;
    }
    let origin = Origin { gateway, received_at: (door.ways.clock)(), retained: false };
    let mut parsed = Parsed::default();
    if let Some(will) = will {
        let origin = Origin { retained: will.retained, ..origin };
        payload::read_publish(&origin, &will.topic, will.payload.expose(), &mut parsed);
    }
    let Ok(Ok(room)) = timeout(CONNECT_WAIT, door.ways.inlet.wait_for_room()).await else { return };
    door.lines.see(gateway, |here| {
        if let Some(cause) = cause {
            parsed.arrive(&origin, "", Signal::LineBroken(cause), None);
        }
        if lost && !here {
            parsed.arrive(&origin, "", Signal::LineLost, None);
            counter!("ingest_mqtt_lines_lost_total").increment(1);
        }
        if parsed.is_empty() {
            return;
        }
        crate::count(&parsed, "mqtt");
        let malformed = parsed.rejected.into_iter().map(|rejected| rejected.malformed).collect();
        // Nobody waits for the answer: the sender is gone.
        drop(room.fill(gateway, parsed.arrivals, malformed));
    });
}
