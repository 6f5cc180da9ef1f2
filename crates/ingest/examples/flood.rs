//! How many publishes a second the MQTT way in takes without any storage behind it: 200 connections that keep a
//! window of publishes in flight, a station that answers every 5 ms, as a commit would. Both sides share the machine.
//!
//! `cargo run --release -p ingest --example flood -- [connections] [in flight per connection] [seconds]`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ingest::mqtt::{Settings, listen};
use ingest::payload::READINGS_TOPIC;
use ingest::{Receipt, Ways, inlet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[allow(clippy::print_stdout)]
#[tokio::main(worker_threads = 2)]
async fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (connections, window, seconds) = (number(0, 200), number(1, 10) as u16, number(2, 10));
    let (inlet, mut deliveries) = inlet::open();
    let stored = Arc::new(AtomicU64::new(0));
    let count = stored.clone();
    tokio::spawn(async move {
        let mut commit = tokio::time::interval(Duration::from_millis(5));
        let mut batch = vec![];
        loop {
            commit.tick().await;
            while let Ok(delivery) = deliveries.try_recv() {
                batch.push(delivery);
            }
            for delivery in batch.drain(..) {
                assert!(delivery.malformed.is_empty(), "the flood is not understood");
                count.fetch_add(delivery.arrivals.len() as u64, Ordering::Relaxed);
                let _ =
                    delivery.done.send(Ok(Receipt { stored: delivery.arrivals.len() as u32, ..Receipt::default() }));
            }
        }
    });
    let gateway = "00000000000000000000000000000001".parse().expect("an id");
    let ways = Ways {
        inlet,
        authenticate: Arc::new(move |_, _| Box::pin(async move { Some(gateway) })),
        clock: Arc::new(|| base::Instant(0)),
    };
    let room = admission::Rooms::open(admission::raise().1).expect("enough descriptors").gateways;
    let bind = "127.0.0.1:0".parse().expect("an address");
    let settings = Settings { bind, tls: None, room, trusted: Arc::new([]) };
    let listener = listen(settings, ways).await.expect("a listener");
    let begun = Instant::now();
    let (acknowledged, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + Duration::from_secs(seconds));
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..connections {
        clients.spawn(publish(listener.address(), n, window, until, acknowledged.clone()));
    }
    clients.join_all().await;
    let elapsed = begun.elapsed().as_secs_f64();
    let rate = |count: &AtomicU64| (count.load(Ordering::Relaxed) as f64 / elapsed) as u64;
    println!(
        "{connections} connections, {window} in flight each: {} publishes/s acknowledged, {} readings/s handed over",
        rate(&acknowledged),
        rate(&stored)
    );
}

/// Sends a window of publishes, then one more for every PUBACK.
async fn publish(address: std::net::SocketAddr, n: u64, window: u16, until: Instant, acknowledged: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut connect = b"\x10\x00\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06".to_vec();
    connect.extend(format!("c{n:05}").bytes());
    connect.extend(b"\x00\x01g\x00\x01p");
    connect[1] = connect.len() as u8 - 2;
    stream.write_all(&connect).await.expect("a CONNECT");
    stream.read_exact(&mut [0u8; 4]).await.expect("a CONNACK");
    let (mut id, mut out, mut input, mut open) = (0u16, vec![], vec![0u8; 4096], 0u16);
    let mut rest = 0;
    while Instant::now() < until {
        while open < window {
            id = id.checked_add(1).unwrap_or(1);
            let body = format!(
                r#"{{"device":"sensor-{n}-{}","at":{},"kind":"contact","value":"open"}}"#,
                id % 50,
                1_795_311_725_000u64 + u64::from(id)
            );
            let length = 2 + READINGS_TOPIC.len() + 2 + body.len();
            out.extend([0x32, length as u8 & 0x7f | 0x80, (length >> 7) as u8, 0, READINGS_TOPIC.len() as u8]);
            out.extend(READINGS_TOPIC.bytes());
            out.extend(id.to_be_bytes());
            out.extend(body.bytes());
            open += 1;
        }
        stream.write_all(&out).await.expect("a publish");
        out.clear();
        rest += stream.read(&mut input).await.expect("a PUBACK");
        open -= (rest / 4) as u16;
        acknowledged.fetch_add((rest / 4) as u64, Ordering::Relaxed);
        rest %= 4;
    }
}
