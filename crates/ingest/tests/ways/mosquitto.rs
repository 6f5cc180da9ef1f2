//! Mosquitto's own programs as gateways: its client, and its broker as a bridge.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use watch::Signal;

use crate::client::{Client, Connect, V3};
use crate::station::{Mood, PASSWORD, Station, listener_at, open};

/// Where a program of Mosquitto is installed. Without it the test cannot run: it says so, and fails in CI.
fn program(name: &str, test: &str) -> Option<PathBuf> {
    let found =
        ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin", "/opt/homebrew/bin"]
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.exists());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{test} needs {name}: install mosquitto and mosquitto-clients"
        );
        eprintln!("NOT RUN: {test} needs {name} (install mosquitto and mosquitto-clients)");
    }
    found
}

async fn publish(client: &Path, at: SocketAddr, options: &[&str], topic: &str, message: &str) -> bool {
    let mut command = Command::new(client);
    command.args(["-h", "127.0.0.1", "-p", &at.port().to_string(), "-t", topic, "-m", message]).args(options);
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).status().unwrap().success()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquittos_client_publishes_in_every_version_and_quality() {
    let Some(client) = program("mosquitto_pub", "mosquittos_client_publishes_in_every_version_and_quality") else {
        return;
    };
    let (listener, station) = open().await;
    let mut sent = 0u8;
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        for quality in ["0", "1", "2"] {
            sent += 1;
            let options = ["-u", "gw-1", "-P", PASSWORD, "-V", version, "-q", quality];
            let message = format!(r#"{{"battery":{sent}}}"#);
            assert!(
                publish(&client, listener.address(), &options, "zigbee2mqtt/fridge", &message).await,
                "{version} {quality}"
            );
            station.heard(Signal::Battery(sent)).await;
        }
    }
    assert!(
        !publish(&client, listener.address(), &["-u", "gw-1", "-P", "wrong", "-q", "1"], "zigbee2mqtt/x", "{}").await
    );
    assert!(!station.signals().contains(&Signal::LineLost));
}

/// A broker of its own for one test; ended when dropped.
struct Broker {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn bridge(program: &Path, to: SocketAddr, version: &str, quality: u8) -> Broker {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let lines = [
        format!("listener {} 127.0.0.1", address.port()),
        "allow_anonymous true".to_owned(),
        "persistence false".to_owned(),
        "connection tsunagari".to_owned(),
        format!("address {to}"),
        format!("bridge_protocol_version {version}"),
        "remote_username gw-1".to_owned(),
        format!("remote_password {PASSWORD}"),
        "remote_clientid gw-1".to_owned(),
        "cleansession false".to_owned(),
        "restart_timeout 1".to_owned(),
        format!("topic zigbee2mqtt/# out {quality}"),
    ];
    let file = folder.path().join("mosquitto.conf");
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let process = Command::new(program)
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Broker { process: process.unwrap(), address, _folder: folder }
}

/// The client waits until the broker listens.
async fn publish_locally(client: &Path, broker: &Broker, topic: &str, message: &str) {
    let begun = std::time::Instant::now();
    while !publish(client, broker.address, &["-q", "2"], topic, message).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "the local broker did not start");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mosquitto_bridge_connects_as_it_is() {
    let test = "a_mosquitto_bridge_connects_as_it_is";
    let (Some(broker), Some(client)) = (program("mosquitto", test), program("mosquitto_pub", test)) else { return };
    for version in ["mqttv311", "mqttv50", "mqttv31"] {
        let (listener, station) = open().await;
        let local = bridge(&broker, listener.address(), version, 1);
        station.heard(Signal::LineUp).await;
        publish_locally(&client, &local, "zigbee2mqtt/玄関", r#"{"contact":false,"battery":87}"#).await;
        station.heard(Signal::Contact { open: true }).await;
        station.heard(Signal::Battery(87)).await;
        assert_eq!(station.arrivals()[1].serial, "玄関");
        assert!(station.malformed().is_empty(), "{version}: the bridge's own messages are no readings");
        drop(local);
        station.heard(Signal::LineLost).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bridge_could_not_deliver_while_we_were_away_comes_afterwards() {
    let test = "what_a_bridge_could_not_deliver_while_we_were_away_comes_afterwards";
    let (Some(broker), Some(client)) = (program("mosquitto", test), program("mosquitto_pub", test)) else { return };
    for version in ["mqttv311", "mqttv50"] {
        let (station, inlet) = Station::start();
        let listener = listener_at("127.0.0.1:0".parse().unwrap(), inlet.clone()).await;
        let address = listener.address();
        let local = bridge(&broker, address, version, 1);
        station.heard(Signal::LineUp).await;
        listener.stop().await;
        for charge in 1..=20u8 {
            publish_locally(&client, &local, "zigbee2mqtt/fridge", &format!(r#"{{"battery":{charge}}}"#)).await;
        }
        let _back = listener_at(address, inlet).await;
        station
            .until("all that was held back", |station| {
                (1..=20).all(|charge| station.signals().contains(&Signal::Battery(charge)))
            })
            .await;
    }
}

// shows: 6.2.6 a stock bridge with QoS 2 (F06): each message is stored once, over one line and over a lost one
#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_of_quality_2_brings_each_message_once() {
    let test = "a_bridge_of_quality_2_brings_each_message_once";
    let (Some(broker), Some(client)) = (program("mosquitto", test), program("mosquitto_pub", test)) else { return };
    for version in ["mqttv311", "mqttv50"] {
        let (listener, station) = open().await;
        let local = bridge(&broker, listener.address(), version, 2);
        station.heard(Signal::LineUp).await;
        publish_locally(&client, &local, "zigbee2mqtt/living", r#"{"occupancy":true}"#).await;
        station.heard(Signal::Motion).await;
        for charge in 1..=40u8 {
            if charge == 20 {
                // The commit is done, the PUBREC is not: the line breaks, and the bridge says it again.
                station.until("all before", |station| station.signals().contains(&Signal::Battery(19))).await;
                station.be(Mood::Hold);
            }
            publish_locally(&client, &local, "zigbee2mqtt/living", &format!(r#"{{"battery":{charge}}}"#)).await;
            if charge == 20 {
                station.until("the message", |station| station.held() > 0).await;
                let before = ups(&station);
                let mut rival = Client::dial(listener.address()).await;
                rival.send(&Connect { client: "gw-1", clean: false, ..V3 }.bytes()).await;
                station.be(Mood::Store);
                station.release(0);
                station.until("the bridge is back", |station| ups(station) >= before + 2).await;
            }
        }
        station.until("the last", |station| station.signals().contains(&Signal::Battery(40))).await;
        for charge in 1..=40 {
            let times = station.signals().iter().filter(|signal| **signal == Signal::Battery(charge)).count();
            assert_eq!(times, 1, "{version}: {charge}");
        }
        assert_eq!(station.signals().iter().filter(|signal| **signal == Signal::Motion).count(), 1);
        assert_eq!(ups(&station), 3, "{version}: no line is begun without need");
    }
}

/// How often a gateway signed in.
fn ups(station: &Station) -> usize {
    station.signals().iter().filter(|signal| **signal == Signal::LineUp).count()
}
