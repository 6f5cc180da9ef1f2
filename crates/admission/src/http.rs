//! HTTP/1 and HTTP/2, plainly or over TLS, with every deadline. It knows connections and requests; what is asked for is
//! the service's.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base::limits;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

pub use crate::body::{BoxError, Broken, Paced, Taken};
use crate::caller::{Exchange, seat, told};
use crate::deadlines::judge;
use crate::line::{Line, Watched};
use crate::{Accepting, Caller, Deadlines, Place, Room};

/// How long answers under way may take after the program was asked to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// A connection is looked at this often at least: what begins to be late meanwhile is noticed then.
const LOOK: Duration = Duration::from_secs(2);

/// One way in.
pub struct Way {
    pub listener: TcpListener,
    pub room: Room,
    /// For requests on connections that are not known.
    pub requests: Room,
    pub tls: Option<Arc<ServerConfig>>,
    /// Proxies whose word on the client's address is believed.
    pub trusted: Arc<[IpAddr]>,
    pub deadlines: Deadlines,
}

struct House<S> {
    service: S,
    requests: Room,
    trusted: Arc<[IpAddr]>,
    deadlines: Deadlines,
    tls: Option<TlsAcceptor>,
}

/// Answers until `stop` resolves, and then for a few seconds what is under way. Every request carries a [`Caller`].
pub async fn serve<S, B>(way: Way, service: S, stop: impl Future<Output = ()>)
where
    S: Service<Request<Paced>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Way { listener, room, requests, tls, trusted, deadlines } = way;
    let tls = tls.map(|config| TlsAcceptor::from(speaking_http(config)));
    let house = Arc::new(House { service, requests, trusted: trusted.clone(), deadlines, tls });
    let mut accepting = Accepting::new(listener, room, trusted);
    let (stopping, hears) = watch::channel(false);
    // Nothing is ever sent: the channel closes when the last connection has ended.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            accepted = accepting.next() => accepted,
            () = &mut stop => break,
        };
        let (house, hears, alive) = (house.clone(), hears.clone(), alive.clone());
        tokio::spawn(async move {
            attend(&house, stream, peer.ip(), place, hears).await;
            drop(alive);
        });
    }
    drop(accepting);
    let _ = stopping.send(true);
    drop(alive);
    let _ = timeout(LAST_ANSWERS, ended.recv()).await;
}

fn speaking_http(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn attend<S, B>(house: &Arc<House<S>>, stream: TcpStream, peer: IpAddr, place: Place, stop: watch::Receiver<bool>)
where
    S: Service<Request<Paced>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let line = Line::new(place);
    let stream = Watched::new(stream, line.clone());
    let Some(tls) = &house.tls else { return converse(house, stream, peer, &line, stop).await };
    let shaken = tokio::select! {
        shaken = timeout(house.deadlines.handshake, tls.accept(stream)) => shaken,
        () = line.place.gives_way() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            line.shook_hands();
            line.shows(stream.get_ref().1.peer_certificates().unwrap_or_default());
            converse(house, stream, peer, &line, stop).await;
        }
        Ok(Err(_)) => line.place.room().count_refused("handshake"),
        Err(_) => line.place.room().count_refused("late_handshake"),
    }
}

/// Serves one connection until it ends, is late, gives way, or the program stops.
async fn converse<S, B, IO>(
    house: &Arc<House<S>>,
    stream: IO,
    peer: IpAddr,
    line: &Arc<Line>,
    mut stop: watch::Receiver<bool>,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Paced>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let builder = builder();
    let answering = service_fn(|request: Request<Incoming>| {
        let (house, line) = (house.clone(), line.clone());
        async move { Ok::<_, Infallible>(answer(&house, line, peer, request).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answering));
    let mut stopping = false;
    let mut left = house.deadlines.head;
    loop {
        tokio::select! {
            // What ends a connection from outside is no trouble of ours.
            _ = connection.as_mut() => return,
            () = line.place.gives_way() => return,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(left.min(LOOK)) => match judge(&line.seen(), &house.deadlines) {
                Ok(rest) => left = rest,
                Err(late) => return line.place.room().count_refused(late.key()),
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Times are ours, see `deadlines`.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(limits::HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_header_list_size(limits::HEAD_BYTES as u32)
        .max_send_buf_size(limits::HTTP2_SEND_BYTES)
        // A live page may be silent for long; a browser that is gone is noticed all the same.
        .keep_alive_interval(limits::UNREAD_WAIT)
        .keep_alive_timeout(limits::UNREAD_WAIT);
    builder
}

async fn answer<S, B>(house: &House<S>, line: Arc<Line>, peer: IpAddr, request: Request<Incoming>) -> Response<Taken>
where
    S: Service<Request<Paced>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let peer = peer.to_canonical();
    let trusted = house.trusted.contains(&peer);
    let told = if trusted { told(request.headers()) } else { None };
    let seated = seat(&house.requests, &line, told, peer, trusted);
    let refused = seated.is_err();
    let http2 = request.version() == Version::HTTP_2;
    let place = seated.unwrap_or_default();
    let exchange = Arc::new(Exchange::begin(line, place, told.unwrap_or(peer), trusted, http2));
    if refused {
        return busy(exchange);
    }
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Caller { exchange: exchange.clone() });
    let body = Paced::new(body, exchange.clone(), house.deadlines);
    let mut service = house.service.clone();
    if let Err(never) = std::future::poll_fn(|cx| service.poll_ready(cx)).await {
        match never {}
    }
    let response = match service.call(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    exchange.answered();
    response.map(|body| Taken::new(body.map_err(Into::into).boxed_unsync(), exchange))
}

/// Too many requests of strangers are under way, from this address or in all.
fn busy(exchange: Arc<Exchange>) -> Response<Taken> {
    let words = "ただいま混み合っています。少し待ってから、もう一度お試しください。\n";
    let body = Full::new(Bytes::from_static(words.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(Taken::new(body, exchange));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
