//! QoS 2 as a gateway sees it: what it says is stored once, whatever happens to the line.

use base::limits;
use ingest::DeliveryError;
use ingest::payload::READINGS_TOPIC;
use watch::Signal;

use crate::client::{Client, Connect, V3, V5, publish_with, reading};
use crate::station::{Mood, open};

const SAID: u8 = 0x34;
const SAID_AGAIN: u8 = 0x3c;

impl Client {
    async fn say(&mut self, first: u8, n: u16, id: u16) {
        let bytes = publish_with(self.level, first, READINGS_TOPIC, &reading(n), id);
        self.send(&bytes).await;
    }

    async fn release(&mut self, id: u16) -> Option<Vec<u8>> {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x62, 2, high, low]).await;
        self.receive().await
    }

    async fn expect_pubrec(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        assert_eq!(self.receive().await, Some(vec![0x50, 2, high, low]), "PUBREC of {id}");
    }
}

fn temperatures(signals: &[Signal]) -> usize {
    signals.iter().filter(|signal| matches!(signal, Signal::Temperature(_))).count()
}

// shows: 6.2.6 QoS 2 is taken in MQTT 3.1.1 and 5: stored once, received after the commit, released
#[tokio::test]
async fn a_publish_of_quality_2_is_stored_once_and_received_after_the_commit() {
    for version in [V3, V5] {
        let (listener, station) = open().await;
        let mut client = Client::connect(listener.address(), version.clone()).await;
        station.heard(Signal::LineUp).await;
        station.be(Mood::Hold);
        client.say(SAID, 7, 7).await;
        station.until("the publish", |station| station.held() == 1).await;
        client.say(SAID_AGAIN, 7, 7).await;
        client.expect_silence().await;
        station.be(Mood::Store);
        while station.held() > 0 {
            station.release(0);
        }
        client.expect_pubrec(7).await;
        client.say(SAID_AGAIN, 7, 7).await;
        client.expect_pubrec(7).await;
        assert_eq!(temperatures(&station.signals()), 1);
        assert_eq!(client.release(7).await, Some(vec![0x70, 2, 0, 7]));
        let unknown = if version.level == 5 { vec![0x70, 3, 0, 7, 0x92] } else { vec![0x70, 2, 0, 7] };
        assert_eq!(client.release(7).await, Some(unknown), "released already");
        client.say(SAID, 7, 7).await;
        client.expect_pubrec(7).await;
        assert_eq!(temperatures(&station.signals()), 2, "the id is free for the next message");
    }
}

// shows: 6.2.6 what was on its way when the line broke is stored once, though it is said again on the next line
#[tokio::test]
async fn a_kept_session_knows_what_the_line_before_had_brought() {
    for version in [V3, V5] {
        let (listener, station) = open().await;
        let kept = Connect { clean: false, ..version };
        let mut first = Client::connect(listener.address(), kept.clone()).await;
        station.heard(Signal::LineUp).await;
        first.say(SAID, 1, 1).await;
        first.expect_pubrec(1).await;
        station.be(Mood::Hold);
        first.say(SAID, 2, 2).await;
        station.until("the publish", |station| station.held() == 1).await;
        // The line breaks before its PUBREC, and the client is back before the commit.
        let mut second = Client::dial(listener.address()).await;
        let (connack, ()) = tokio::join!(second.try_connect(&kept), async {
            first.until_closed().await;
            station.be(Mood::Store);
            station.release(0);
        });
        assert_eq!(connack.map(|bytes| bytes[2]), Some(1), "its session is there");
        second.say(SAID_AGAIN, 2, 2).await;
        second.expect_pubrec(2).await;
        assert_eq!(second.release(1).await, Some(vec![0x70, 2, 0, 1]));
        assert_eq!(second.release(2).await, Some(vec![0x70, 2, 0, 2]));
        assert_eq!(temperatures(&station.signals()), 2);
    }
}

// shows: 6.2.6 what was not stored is not received, and is stored when it is said again
#[tokio::test]
async fn what_could_not_be_stored_is_new_on_the_next_line() {
    let (listener, station) = open().await;
    let kept = Connect { clean: false, ..V3 };
    let mut first = Client::connect(listener.address(), kept.clone()).await;
    station.heard(Signal::LineUp).await;
    station.be(Mood::Fail(DeliveryError::Busy));
    first.say(SAID, 1, 1).await;
    first.expect_closed().await;
    station.be(Mood::Store);
    let mut second = Client::connect(listener.address(), kept).await;
    second.say(SAID_AGAIN, 1, 1).await;
    second.expect_pubrec(1).await;
    assert_eq!(temperatures(&station.signals()), 1);
}

#[tokio::test]
async fn a_client_that_forgot_its_session_loses_nothing() {
    let (listener, station) = open().await;
    let kept = Connect { clean: false, ..V3 };
    let mut first = Client::connect(listener.address(), kept.clone()).await;
    first.say(SAID, 1, 1).await;
    first.expect_pubrec(1).await;
    drop(first);
    // It was restarted without its memory, begins anew with id 1, and even loses its line once.
    let mut second = Client::connect(listener.address(), kept).await;
    second.say(SAID, 1, 1).await;
    second.expect_pubrec(1).await;
    second.say(SAID_AGAIN, 3, 1).await;
    second.expect_pubrec(1).await;
    assert_eq!(temperatures(&station.signals()), 3);
}

#[tokio::test]
async fn quality_2_is_offered_and_bounded() {
    let (listener, _station) = open().await;
    let mut client = Client::dial(listener.address()).await;
    let connack = client.try_connect(&V5).await.unwrap();
    assert!(!connack[5..].windows(2).any(|pair| pair[0] == 0x24), "no lower maximum QoS is announced: {connack:?}");
    assert!(connack[5..].windows(3).any(|three| three == [0x21, 0x04, 0x00]), "receive maximum 1024: {connack:?}");
    for id in 1..=limits::MQTT_UNRELEASED as u16 {
        client.say(SAID, id, id).await;
        client.expect_pubrec(id).await;
    }
    client.say(SAID, 1, 5000).await;
    assert_eq!(client.receive().await.map(|bye| (bye[0], bye[2])), Some((0xe0, 0x93)), "receive maximum exceeded");
    client.expect_closed().await;
    let mut early = Client::connect(listener.address(), Connect { client: "other", ..V5 }).await;
    early.send(&[0x62, 2, 0, 9]).await;
    assert_eq!(early.receive().await, Some(vec![0x70, 3, 0, 9, 0x92]), "never heard of");
}
