//! What a gateway sees of the MQTT listener.

use base::Instant;
use ingest::DeliveryError;
use ingest::payload::READINGS_TOPIC;
use proptest::prelude::*;
use watch::{Defect, Signal};

use crate::client::{Client, Connect, V3, V5, packet, publish, publish_with, reading};
use crate::station::{Mood, NOW, gateway, open};

#[tokio::test]
async fn a_puback_comes_after_the_commit_and_in_order() {
    for version in [V3, V5] {
        let (listener, station) = open().await;
        let mut client = Client::connect(listener.address(), version).await;
        station.heard(Signal::LineUp).await;
        station.be(Mood::Hold);
        for id in [7, 8] {
            client.publish(READINGS_TOPIC, &reading(id), id).await;
            station.until("the publish", |station| station.held() == usize::from(id) - 6).await;
        }
        client.expect_silence().await;
        station.release(1);
        client.expect_silence().await;
        station.release(0);
        client.expect_puback(7).await;
        client.expect_puback(8).await;
        let arrivals = station.arrivals();
        assert!(arrivals.iter().all(|arrival| arrival.gateway == gateway(1) && arrival.received_at == NOW));
    }
}

#[tokio::test]
async fn thousands_in_flight_arrive_once_and_in_order_however_the_bytes_are_cut() {
    for (version, chunk) in [(V3, 1_000_000), (V3, 1447), (V5, 61)] {
        let (listener, station) = open().await;
        let mut client = Client::connect(listener.address(), version.clone()).await;
        let mut bytes = vec![];
        for id in 1..=5000u16 {
            bytes.extend(publish(version.level, READINGS_TOPIC, &reading(id), id));
        }
        let (mut from, mut to) = (vec![], bytes.chunks(chunk));
        // Both directions at once: a client that only writes would wait for ever behind a server that only answers.
        while from.len() < 5000 {
            if let Some(piece) = to.next() {
                client.send(piece).await;
            }
            if to.len() == 0 {
                from.push(client.receive().await.expect("a PUBACK"));
            }
        }
        let ids: Vec<u16> = from.iter().map(|puback| u16::from_be_bytes([puback[2], puback[3]])).collect();
        assert_eq!(ids, (1..=5000).collect::<Vec<u16>>());
        let values: Vec<Signal> = station.signals().into_iter().filter(|signal| *signal != Signal::LineUp).collect();
        let expected: Vec<Signal> =
            (1..=5000u16).map(|n| Signal::Temperature((f64::from(f32::from(n) / 1000.0)) as f32)).collect();
        assert_eq!(values, expected);
        if chunk == 1_000_000 {
            assert!(station.deliveries() < 1000, "publishes are not gathered: {} deliveries", station.deliveries());
        }
    }
}

#[tokio::test]
async fn what_was_not_stored_is_not_acknowledged_and_the_line_is_closed() {
    for (error, code) in [(DeliveryError::Full, 0x97), (DeliveryError::Busy, 0x89), (DeliveryError::Fault, 0x83)] {
        let (listener, station) = open().await;
        let mut old = Client::connect(listener.address(), V3).await;
        let mut new = Client::connect(listener.address(), Connect { client: "hub-5", ..V5 }).await;
        station.until("both lines", |station| station.signals().len() == 2).await;
        station.be(Mood::Fail(error));
        old.publish(READINGS_TOPIC, &reading(1), 1).await;
        old.expect_closed().await;
        new.publish(READINGS_TOPIC, &reading(1), 1).await;
        let bye = new.receive().await.expect("a DISCONNECT with its reason");
        assert_eq!((bye[0], bye[2]), (0xe0, code));
        new.expect_closed().await;
        station.be(Mood::Store);
        let mut again = Client::connect(listener.address(), V3).await;
        again.publish(READINGS_TOPIC, &reading(1), 1).await;
        again.expect_puback(1).await;
        assert!(!station.signals().contains(&Signal::LineLost), "our own trouble is no loss of the line");
    }
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why() {
    let (listener, station) = open().await;
    for (connect, code) in [
        (Connect { password: "wrong", ..V3 }, 5),
        (Connect { user: "nobody", ..V3 }, 5),
        (Connect { password: "wrong", ..V5 }, 0x87),
        (Connect { level: 6, ..V3 }, 1),
        (Connect { client: "", clean: false, ..V3 }, 2),
    ] {
        let mut client = Client::dial(listener.address()).await;
        let connack = client.try_connect(&connect).await.expect("a CONNACK");
        assert_eq!((connack[0], connack[3]), (0x20, code));
        client.expect_closed().await;
    }
    for first in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &publish(4, READINGS_TOPIC, b"{}", 1),
        &[0x10, 0xff, 0xff, 0xff, 0x7f],
        &[0xff; 9],
    ] {
        let mut client = Client::dial(listener.address()).await;
        client.send(first).await;
        client.expect_closed().await;
    }
    assert!(station.arrivals().is_empty());
}

#[tokio::test]
async fn a_bridge_mark_and_a_missing_client_id_are_no_obstacle() {
    let (listener, station) = open().await;
    let mut bridge = Client::connect(listener.address(), Connect { level: 0x84, ..V3 }).await;
    bridge.publish("zigbee2mqtt/玄関", br#"{"contact":false,"linkquality":80}"#, 1).await;
    bridge.expect_puback(1).await;
    station.heard(Signal::Contact { open: true }).await;
    let mut nameless = Client::dial(listener.address()).await;
    let connack = nameless.try_connect(&Connect { client: "", ..V5 }).await.unwrap();
    assert_eq!(connack[3], 0);
    assert!(String::from_utf8_lossy(&connack).contains("nameless-"), "the assigned id is told");
}

#[tokio::test]
async fn subscriptions_are_granted_and_nothing_is_delivered() {
    let (listener, station) = open().await;
    let mut client = Client::connect(listener.address(), V3).await;
    client.send(&packet(0x82, b"\x00\x05\x00\x01#\x02\x00\x03a/b\x00")).await;
    assert_eq!(client.receive().await, Some(vec![0x90, 4, 0, 5, 1, 0]));
    client.publish("a/b", b"hello", 0).await;
    client.publish(READINGS_TOPIC, &reading(1), 1).await;
    client.expect_puback(1).await;
    client.send(&packet(0xa2, b"\x00\x06\x00\x01#")).await;
    assert_eq!(client.receive().await, Some(vec![0xb0, 2, 0, 6]));
    client.expect_silence().await;
    assert_eq!(station.defects(), [Defect::ForeignTopic]);
    let mut new = Client::connect(listener.address(), Connect { client: "hub-5", ..V5 }).await;
    new.send(&packet(0x82, b"\x00\x05\x00\x00\x01#\x01")).await;
    assert_eq!(new.receive().await, Some(vec![0x90, 4, 0, 5, 0, 1]));
    new.send(&packet(0xa2, b"\x00\x06\x00\x00\x01#")).await;
    assert_eq!(new.receive().await, Some(vec![0xb0, 4, 0, 6, 0, 0]));
    new.expect_silence().await;
}

#[tokio::test]
async fn a_lost_line_is_told_with_its_will_and_a_goodbye_is_not() {
    let (listener, station) = open().await;
    let will = Some(("zigbee2mqtt/bridge/state", r#"{"state":"offline"}"#));
    let mut polite = Client::connect(listener.address(), Connect { will, ..V3 }).await;
    // A message of QoS 0 right before the goodbye is taken in, as Mosquitto's client sends it.
    let mut last = publish(4, READINGS_TOPIC, &reading(77), 0);
    last.extend([0xe0, 0]);
    polite.send(&last).await;
    polite.expect_closed().await;
    station.heard(Signal::Temperature(0.077)).await;

    let rude = Client::connect(listener.address(), Connect { will, ..V3 }).await;
    station.until("the second line", |station| station.signals().len() == 3).await;
    assert!(!station.signals().contains(&Signal::LineLost));
    drop(rude);
    station.heard(Signal::DeviceOnline(false)).await;
    assert_eq!(station.signals()[3..], [Signal::DeviceOnline(false), Signal::LineLost]);
    assert!(station.arrivals()[3..].iter().all(|arrival| arrival.serial.is_empty()));

    let mut new = Client::connect(listener.address(), Connect { will, ..V5 }).await;
    new.send(&[0xe0, 1, 4]).await;
    station.until("the will that MQTT 5 asked for", |station| station.signals().len() == 7).await;
    assert_eq!(station.signals()[5..], [Signal::LineUp, Signal::DeviceOnline(false)]);
}

// shows: 6.2.7 an ESPHome box and a Shelly speak over MQTT as they do by default, with a gateway's login
#[tokio::test]
async fn boxes_that_mark_all_they_say_as_retained_are_heard_as_of_now() {
    let (listener, station) = open().await;
    let retained = |topic: &str, payload: &str| publish_with(4, 0x31, topic, payload.as_bytes(), 0);
    let will = Some(("livingroom/status", "offline"));
    let esp = Connect { client: "livingroom-a4cf12f45301", clean: false, keep_alive: 15, will, ..V3 };
    let mut esp = Client::connect(listener.address(), esp).await;
    for (topic, payload) in [
        ("livingroom/status", "online"),
        ("homeassistant/binary_sensor/livingroom/front_door/config", r#"{"dev_cla":"door"}"#),
        ("livingroom/binary_sensor/front_door/state", "ON"),
        // Not its own: what it hands on of another box may be old.
        ("bedroom/binary_sensor/window/state", "ON"),
    ] {
        esp.send(&retained(topic, payload)).await;
    }
    let will = Some(("shellies/shellydw2-B88D99/online", "false"));
    let shelly = Connect { client: "shellydw2-B88D99", will, ..V3 };
    let mut shelly = Client::connect(listener.address(), shelly).await;
    shelly.send(&retained("shellies/shellydw2-B88D99/sensor/state", "close")).await;
    station.heard(Signal::Contact { open: false }).await;
    drop(esp);
    station.heard(Signal::DeviceOnline(false)).await;

    let heard = station.arrivals().into_iter().filter(|arrival| !arrival.serial.is_empty());
    let mut heard: Vec<_> = heard.map(|arrival| (arrival.serial, arrival.signal, arrival.retained)).collect();
    heard.sort_by(|one, other| one.0.cmp(&other.0));
    let wanted = [
        ("bedroom/window", Signal::Contact { open: true }, true),
        ("livingroom", Signal::DeviceOnline(true), false),
        ("livingroom", Signal::DeviceOnline(false), false),
        ("livingroom/front_door", Signal::Contact { open: true }, false),
        ("shellydw2-B88D99", Signal::Contact { open: false }, false),
    ];
    assert_eq!(heard, wanted.map(|(serial, signal, retained)| (serial.to_owned(), signal, retained)));
    assert!(station.defects().is_empty(), "{:?}", station.defects());
}

#[tokio::test]
async fn the_gateway_is_lost_only_with_its_last_line() {
    let (listener, station) = open().await;
    let first = Client::connect(listener.address(), V3).await;
    let mut second = Client::connect(listener.address(), Connect { client: "other", ..V3 }).await;
    station.until("both lines", |station| station.signals().len() == 2).await;
    drop(first);
    while listener.connections() > 1 {
        tokio::task::yield_now().await;
    }
    second.publish(READINGS_TOPIC, &reading(5), 1).await;
    second.expect_puback(1).await;
    assert!(!station.signals().contains(&Signal::LineLost));
    drop(second);
    station.heard(Signal::LineLost).await;
}

#[tokio::test]
async fn the_same_client_takes_over_and_finds_its_session() {
    let (listener, station) = open().await;
    let own = Connect { clean: false, ..V5 };
    let mut first = Client::dial(listener.address()).await;
    assert_eq!(first.try_connect(&own).await.unwrap()[2], 0, "no session yet");
    let mut foreign = Client::connect(listener.address(), Connect { user: "gw-2", ..own }).await;
    let mut second = Client::dial(listener.address()).await;
    assert_eq!(
        second.try_connect(&own).await.unwrap()[2],
        1,
        "a client that is told of no session forgets what it owes"
    );
    assert_eq!(first.receive().await.map(|bye| (bye[0], bye[2])), Some((0xe0, 0x8e)));
    first.expect_closed().await;
    foreign.expect_silence().await;
    second.expect_silence().await;
    assert!(!station.signals().contains(&Signal::LineLost));
}

#[tokio::test]
async fn a_client_that_falls_silent_is_lost_after_one_and_a_half_times_its_keep_alive() {
    let (listener, station) = open().await;
    let begun = std::time::Instant::now();
    let mut client = Client::connect(listener.address(), Connect { keep_alive: 1, ..V5 }).await;
    assert_eq!(client.receive().await.map(|bye| (bye[0], bye[2])), Some((0xe0, 0x8d)));
    assert!(begun.elapsed().as_millis() >= 1500);
    station.heard(Signal::LineLost).await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_acknowledged_and_stops_nothing() {
    for version in [V3, V5] {
        let (listener, station) = open().await;
        let mut client = Client::connect(listener.address(), version).await;
        let big = vec![b'x'; 300_000];
        for (id, (topic, payload)) in [
            (READINGS_TOPIC, &b"\xff\xfe"[..]),
            ("zigbee2mqtt/bridge/devices", &big),
            ("zigbee2mqtt/too big", &big),
            ("$SYS/broker/connection/hub/state", b"1"),
            (READINGS_TOPIC, br#"{"device":"fridge","kind":"motion"}"#),
        ]
        .into_iter()
        .enumerate()
        {
            client.publish(topic, payload, id as u16 + 1).await;
        }
        for id in 1..=5 {
            client.expect_puback(id).await;
        }
        assert_eq!(station.defects(), [Defect::NotText, Defect::TooLarge]);
        assert_eq!(station.malformed()[1].payload.expose().len(), watch::PAYLOAD_CHARS);
        assert_eq!(station.signals(), [Signal::LineUp, Signal::Motion]);
    }
}

#[tokio::test]
async fn retained_messages_and_claimed_times_are_kept_as_they_came() {
    let (listener, station) = open().await;
    let mut client = Client::connect(listener.address(), V3).await;
    let payload = br#"{"contact":true,"last_seen":"1970-01-01T00:00:05Z"}"#;
    client.send(&publish_with(4, 0x33, "zigbee2mqtt/fridge", payload, 9)).await;
    client.expect_puback(9).await;
    let arrival = &station.arrivals()[1];
    assert!(arrival.retained);
    assert_eq!((arrival.serial.as_str(), arrival.occurred_at), ("fridge", Some(Instant(5_000_000))));
}

#[tokio::test]
async fn a_dismissed_gateway_and_a_stop_end_the_lines() {
    let (listener, station) = open().await;
    let address = listener.address();
    let mut revoked = Client::connect(address, V5).await;
    let mut other = Client::connect(address, Connect { user: "gw-2", ..V5 }).await;
    listener.dismiss(gateway(1));
    assert_eq!(revoked.receive().await.map(|bye| (bye[0], bye[2])), Some((0xe0, 0x87)));
    other.expect_silence().await;
    let (bye, ()) = tokio::join!(other.receive(), listener.stop());
    assert_eq!(bye.map(|bye| (bye[0], bye[2])), Some((0xe0, 0x8b)));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(!station.signals().contains(&Signal::LineLost), "what we end ourselves is no loss");
}

#[test]
fn no_bytes_of_a_client_take_the_listener_down() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (listener, station) = runtime.block_on(open());
    let strategy = (
        any::<bool>(),
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..80)), 0..8),
        any::<bool>(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    runner
        .run(&strategy, |(v5, packets, framed)| {
            runtime.block_on(async {
                let mut client = Client::connect(listener.address(), if v5 { V5 } else { V3 }).await;
                let mut bytes = vec![];
                for (kind, body) in &packets {
                    if framed {
                        bytes.extend(packet(*kind, body));
                    } else {
                        bytes.extend(body);
                    }
                }
                client.send(&bytes).await;
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(listener.address(), Connect { client: "after", ..V3 }).await;
        client.publish(READINGS_TOPIC, &reading(4242), 1).await;
        client.expect_puback(1).await;
        station.heard(Signal::Temperature(4.242)).await;
    });
}
