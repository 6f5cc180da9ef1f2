//! Gateways that connect and whose messages never get through: the way in says whose fault it is.

use watch::{LineCause, Signal};

use crate::client::{Client, Connect, V3, V5, packet, publish_with, reading};
use crate::station::{Station, open};
use ingest::payload::READINGS_TOPIC;

fn broken(station: &Station) -> Vec<LineCause> {
    let cause = |signal| if let Signal::LineBroken(cause) = signal { Some(cause) } else { None };
    station.signals().into_iter().filter_map(cause).collect()
}

// shows: 6.2.6 two clients of one id that take each other over are known as such
#[tokio::test]
async fn two_clients_of_one_name_that_take_each_other_over_are_told() {
    let (listener, station) = open().await;
    let mut older = Client::connect(listener.address(), V3).await;
    for times in 1..=3 {
        let newer = Client::connect(listener.address(), V3).await;
        older.expect_closed().await;
        drop(std::mem::replace(&mut older, newer));
        station.until("the rival", |station| broken(station).len() == times).await;
    }
    assert_eq!(broken(&station), [LineCause::Rival; 3]);
    assert!(!station.signals().contains(&Signal::LineLost), "one of them is always there");
}

// shows: 6.2.6 a healthy gateway whose radio failed takes over its own dead line, and is no second device
#[tokio::test]
async fn a_gateway_whose_radio_failed_is_no_second_device() {
    let (listener, station) = open().await;
    let dead = Client::connect(listener.address(), V5).await;
    let mut back = Client::connect(listener.address(), V5).await;
    back.publish(READINGS_TOPIC, &reading(1), 1).await;
    back.expect_puback(1).await;
    listener.stop().await;
    assert_eq!(broken(&station), []);
    drop(dead);
}

// shows: 6.2.6 a message too large, or of a wrong form, ends the line with its cause
#[tokio::test]
async fn a_line_that_the_gateway_itself_breaks_ends_with_its_cause() {
    for (bytes, cause) in [
        (vec![0x32, 0x80, 0x80, 0x80, 0x08, 0, 1, b'a'], LineCause::TooLarge),
        (publish_with(4, 0x36, READINGS_TOPIC, &reading(1), 1), LineCause::BadForm),
        (publish_with(4, 0x32, "a/#", &reading(1), 1), LineCause::BadForm),
        (packet(0xf0, b""), LineCause::BadForm),
    ] {
        let (listener, station) = open().await;
        let will = Some(("zigbee2mqtt/bridge/state", "offline"));
        let mut client = Client::connect(listener.address(), Connect { will, ..V3 }).await;
        station.heard(Signal::LineUp).await;
        client.send(&bytes).await;
        client.expect_closed().await;
        station.heard(Signal::LineLost).await;
        let told = [Signal::DeviceOnline(false), Signal::LineBroken(cause), Signal::LineLost];
        assert_eq!(station.signals()[1..], told);
    }
}

#[tokio::test]
async fn a_gateway_that_asks_whether_we_are_there_keeps_its_line() {
    let (listener, station) = open().await;
    let mut client = Client::connect(listener.address(), V3).await;
    station.heard(Signal::LineUp).await;
    client.expect_silence().await;
    station.heard(Signal::LineKept).await;
    for _ in 0..5 {
        client.expect_silence().await;
    }
    client.publish(READINGS_TOPIC, &reading(1), 1).await;
    client.expect_puback(1).await;
    let kept = station.signals().into_iter().filter(|signal| *signal == Signal::LineKept).count();
    assert_eq!(kept, 1, "once in a while is enough");
}
