//! What happens where something is full, and on which addresses plain text may be spoken.

use std::sync::Arc;

use base::limits;
use ingest::mqtt::{ListenError, Settings, listen};
use ingest::payload::READINGS_TOPIC;
use ingest::{DeliveryError, inlet};
use tokio::net::TcpStream;
use watch::Signal;

use crate::client::{Client, V3, reading};
use crate::station::{Station, gateway, listener_at, room, ways};

#[tokio::test]
async fn a_full_queue_slows_a_publisher_down_and_loses_nothing() {
    let (inlet, mut deliveries) = inlet::open();
    let mut waiting = vec![];
    for _ in 0..limits::INGEST_QUEUE {
        waiting.push(inlet.offer(gateway(9), vec![], vec![]).unwrap());
    }
    assert_eq!(inlet.offer(gateway(9), vec![], vec![]).unwrap_err(), DeliveryError::Busy);
    assert_eq!(inlet.waiting(), (limits::INGEST_QUEUE, limits::INGEST_QUEUE));
    let listener = listener_at("127.0.0.1:0".parse().unwrap(), inlet).await;
    let mut client = Client::connect(listener.address(), V3).await;
    for id in 1..=50 {
        client.publish(READINGS_TOPIC, &reading(id), id).await;
    }
    // Only now does somebody attend to the queue.
    for _ in 0..limits::INGEST_QUEUE {
        drop(deliveries.recv().await);
    }
    let station = Station::attend(deliveries);
    for id in 1..=50 {
        client.expect_puback(id).await;
    }
    assert_eq!(station.signals().len(), 51);
}

#[tokio::test]
async fn a_station_that_is_gone_is_a_fault_and_no_acknowledgement() {
    let (inlet, deliveries) = inlet::open();
    let listener = listener_at("127.0.0.1:0".parse().unwrap(), inlet).await;
    drop(deliveries);
    let mut client = Client::dial(listener.address()).await;
    client.try_connect(&V3).await;
    client.expect_closed().await;
}

#[tokio::test]
async fn plain_text_is_spoken_on_loopback_only() {
    let (_station, inlet) = Station::start();
    let plain = Settings { bind: "0.0.0.0:0".parse().unwrap(), tls: None, room: room(), trusted: Arc::new([]) };
    assert!(matches!(listen(plain, ways(inlet.clone())).await, Err(ListenError::PlainOffLoopback(_))));
}

#[tokio::test]
async fn over_tls_it_is_the_same_protocol_and_plain_text_is_not_understood() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (station, inlet) = Station::start();
    let settings = Settings {
        bind: "127.0.0.1:0".parse().unwrap(),
        tls: Some(Arc::new(server)),
        room: room(),
        trusted: Arc::new([]),
    };
    let listener = listen(settings, ways(inlet)).await.unwrap();

    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let tcp = TcpStream::connect(listener.address()).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let mut client = Client::over(tls, 4);
    assert_eq!(client.try_connect(&V3).await.unwrap()[3], 0);
    client.publish(READINGS_TOPIC, &reading(3), 1).await;
    client.expect_puback(1).await;
    station.heard(Signal::Temperature(0.003)).await;

    let mut plain = Client::dial(listener.address()).await;
    plain.send(&V3.bytes()).await;
    let answer = plain.receive().await;
    assert!(answer.is_none_or(|bytes| bytes[0] != 0x20), "a plain CONNECT was accepted");
}
