//! Short deadlines over real sockets: what ends a connection, and what does not.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;
use crate::deadlines::Pace;
use crate::rules::Bounds;
use crate::{Familiar, Refusal};

const SHORT: Duration = Duration::from_millis(200);
const PACE: Pace = Pace { pause: SHORT, total: Duration::from_millis(600) };
const DEADLINES: Deadlines = Deadlines {
    handshake: SHORT,
    head: SHORT,
    body: PACE,
    body_of_known: PACE,
    idle: SHORT,
    idle_of_known: Duration::from_secs(60),
    unread: SHORT,
    age: Duration::from_secs(2),
};

struct Running {
    address: SocketAddr,
    room: Room,
    requests: Room,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

/// A service that knows whoever says so in its path, and answers with what it read.
async fn running(trusted: &[IpAddr], requests: Bounds, deadlines: Deadlines) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bounds = Bounds { known: 8, per_identity: 8, ..Bounds::all_alike(8) };
    let room = Room::new("test", bounds, Familiar::default());
    let requests = Room::new("requests", requests, Familiar::default());
    let way =
        Way { listener, room: room.clone(), requests: requests.clone(), tls: None, trusted: trusted.into(), deadlines };
    let service = tower::service_fn(|request: Request<Paced>| async move {
        let caller = request.extensions().get::<Caller>().expect("a caller").clone();
        match request.uri().path() {
            "/known" => caller.know(1),
            // Longer than a stranger may live.
            "/known-and-long" => {
                caller.know(1);
                sleep(DEADLINES.age * 3).await;
            }
            "/large" => {
                return Ok(Response::new(Full::new(Bytes::from(vec![b'.'; 64 * 1024 * 1024]))));
            }
            _ => {}
        }
        let words = match request.into_body().collect().await {
            Ok(body) => format!("read {} bytes", body.to_bytes().len()),
            Err(why) => format!("broken: {why}"),
        };
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(words))))
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(way, service, async move {
        let _ = stopped.await;
    }));
    Running { address, room, requests, stop: Some(stop), ended }
}

/// Sends this and reads to the end of the connection.
async fn said(address: SocketAddr, pieces: &[&str]) -> String {
    let mut line = TcpStream::connect(address).await.unwrap();
    for piece in pieces {
        // It may be closed in the middle of it.
        let _ = line.write_all(piece.as_bytes()).await;
        let _ = line.flush().await;
        tokio::task::yield_now().await;
    }
    let mut heard = Vec::new();
    let _ = line.read_to_end(&mut heard).await;
    String::from_utf8_lossy(&heard).into_owned()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// shows: 5.1.1 a deadline for the request's head, for its body, for idleness
#[tokio::test]
async fn whatever_stays_half_is_ended() {
    let running = running(&[], Bounds::requests(), DEADLINES).await;
    for half in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n", "PRI * HTTP/2.0\r\n"] {
        assert_eq!(said(running.address, &[half]).await, "", "{half}");
    }
    let answer = said(running.address, &["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]).await;
    assert!(answer.contains("broken: the body came too slowly"), "{answer}");
    // An idle connection is ended, and one on which a further head was begun.
    for further in ["", "GET / HTTP"] {
        let answer = said(running.address, &[GET, further]).await;
        assert_eq!(answer.matches("read 0 bytes").count(), 1, "{answer}");
    }
    // The other end is closed a moment before its place is given back.
    while running.room.count() != (0, 0) || running.requests.count() != (0, 0) {
        tokio::task::yield_now().await;
    }
}

// shows: 5.1.1 live lines of those known are not cut by the deadlines
#[tokio::test]
async fn a_long_answer_to_somebody_known_is_not_cut() {
    let running = running(&[], Bounds::requests(), DEADLINES).await;
    let answer = said(running.address, &["GET /known-and-long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]).await;
    assert!(answer.contains("read 0 bytes"), "{answer}");
}

#[tokio::test]
async fn whoever_is_known_may_rest_and_a_half_head_of_theirs_is_ended_all_the_same() {
    let running = running(&[], Bounds::requests(), DEADLINES).await;
    let mut line = TcpStream::connect(running.address).await.unwrap();
    line.write_all(GET.replace("GET /", "GET /known").as_bytes()).await.unwrap();
    let mut heard = vec![0; 16];
    line.read_exact(&mut heard).await.unwrap();
    assert_eq!(running.room.count(), (0, 1));
    line.write_all(b"GET / HT").await.unwrap();
    let mut rest = Vec::new();
    let _ = line.read_to_end(&mut rest).await;
    while running.room.count() != (0, 0) {
        tokio::task::yield_now().await;
    }
}

// shows: 5.1.1 a client that does not read its answer is ended
#[tokio::test]
async fn whoever_does_not_read_is_ended() {
    let running = running(&[], Bounds::requests(), DEADLINES).await;
    let mut line = TcpStream::connect(running.address).await.unwrap();
    line.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while running.room.count() == (0, 0) {
        tokio::task::yield_now().await;
    }
    // Ends where the connection is cut; a test that hangs here has found a fault.
    while running.room.count() != (0, 0) {
        sleep(Duration::from_millis(10)).await;
    }
    let mut heard = Vec::new();
    let _ = line.read_to_end(&mut heard).await;
    assert!(heard.len() < 64 * 1024 * 1024, "{}", heard.len());
}

// shows: 5.1.1 behind a proxy, requests in flight are bounded by the address the proxy tells
#[tokio::test]
async fn behind_a_proxy_each_told_address_has_its_own_bound() {
    let bounds = Bounds { per_address: 2, ..Bounds::strangers(16) };
    let running = running(&[IpAddr::from([127, 0, 0, 1])], bounds, Deadlines::USUAL).await;
    let post = |told: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {told}\r\nContent-Length: 2\r\n\r\n"
        )
    };
    let mut held = Vec::new();
    for n in 1..=2 {
        let mut line = TcpStream::connect(running.address).await.unwrap();
        line.write_all(post("203.0.113.9").as_bytes()).await.unwrap();
        while running.requests.count().0 < n {
            tokio::task::yield_now().await;
        }
        held.push(line);
    }
    // Refused, or in place of one that has been silent for a while.
    let answer = said(running.address, &[&post("203.0.113.9"), "ab"]).await;
    assert!(answer.contains(" 503 ") || answer.contains("read 2 bytes"), "{answer}");
    assert!(running.requests.count().0 <= 2);
    assert!(said(running.address, &[&post("203.0.113.10"), "ab"]).await.contains("read 2 bytes"));
    assert_eq!(running.room.count().0, 0, "no proxy is a stranger");
}

#[test]
fn a_refusal_is_counted_by_its_reason() {
    assert_eq!([Refusal::Address, Refusal::Network, Refusal::Full].map(Refusal::key), ["address", "network", "full"]);
}

#[tokio::test]
async fn a_stop_lets_an_answer_under_way_go_out() {
    let mut running = running(&[], Bounds::requests(), Deadlines::USUAL).await;
    let mut line = TcpStream::connect(running.address).await.unwrap();
    line.write_all(b"POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na").await.unwrap();
    while running.room.count() != (0, 1) {
        tokio::task::yield_now().await;
    }
    running.stop.take().unwrap().send(()).unwrap();
    line.write_all(b"b").await.unwrap();
    let mut heard = String::new();
    line.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains("read 2 bytes"), "{heard}");
    running.ended.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}
