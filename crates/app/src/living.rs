//! The living town: its gateways speak in real time, through the real way in. Each event is a connection of its own
//! (connect, publish with QoS 1, wait for the acknowledgement, say goodbye), as battery-sparing gateways do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Instant, Span};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;
use town::build::Town;
use town::equip::{Equipped, credential};
use town::history;
use town::story::{CUT_OFF, Story};
use watch::{Arrival, Signal};

/// Gateways that speak at the same moment.
const AT_ONCE: usize = 32;
/// After this time the failing gateway of the story is mended.
const MENDED_AFTER: Span = Span::minutes(12);
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets the town live until the program ends.
pub async fn live(town: Town, clock: Clock, mqtt: SocketAddr) {
    let town = Arc::new(town);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut ahead: BTreeMap<(Instant, usize), Vec<Arrival>> = BTreeMap::new();
    let mut planned = town.story.now.wall_day() - 1;
    let mut after = town.story.now;
    loop {
        // A day is planned an hour before it begins.
        while planned < (clock() + Span::hours(1)).wall_day() {
            planned += 1;
            plan_day(&town, planned, after, &mut ahead);
            after = Instant::from_wall_day(planned + 1);
        }
        let now = clock();
        while let Some(entry) = ahead.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, resident), arrivals) = entry.remove_entry();
            let Some(home) = town.homes.iter().find(|h| h.resident == resident).cloned() else { continue };
            let (seed, places) = (town.plan.seed, places.clone());
            tokio::spawn(async move {
                let Ok(_place) = places.acquire_owned().await else { return };
                if let Err(error) = speak(&home, seed, mqtt, &arrivals).await {
                    tracing::warn!(%error, "an invented gateway was not heard");
                }
            });
        }
        let next = ahead.first_key_value().map_or(Duration::from_secs(1), |((at, _), _)| until(*at, clock()));
        tokio::time::sleep(next).await;
    }
}

fn plan_day(town: &Town, day: i64, after: Instant, ahead: &mut BTreeMap<(Instant, usize), Vec<Arrival>>) {
    for home in &town.homes {
        for arrival in history::arrivals(town.plan, home, day) {
            if arrival.received_at >= after && happens(&town.story, home, &arrival) {
                ahead.entry((arrival.received_at, home.resident)).or_default().push(arrival);
            }
        }
    }
    for arrival in town.story.added(&town.homes) {
        let at = arrival.received_at;
        let Some(home) = town.homes.iter().find(|h| h.gateway == arrival.gateway) else { continue };
        if at >= after && at.wall_day() == day {
            ahead.entry((at, home.resident)).or_default().push(arrival);
        }
    }
}

/// After the story's hour everything lives on as usual; the silent home speaks again the next day.
fn happens(story: &Story, home: &Equipped, arrival: &Arrival) -> bool {
    let at = arrival.received_at;
    if home.resident == CUT_OFF && at > story.now + MENDED_AFTER {
        return true;
    }
    at > story.now + Span::hours(20) || story.keeps(home, arrival)
}

async fn speak(home: &Equipped, seed: u64, mqtt: SocketAddr, arrivals: &[Arrival]) -> anyhow::Result<()> {
    let mut options = MqttOptions::new(&home.gateway_name, mqtt.ip().to_string(), mqtt.port());
    let secret: String = credential(seed, home.resident).iter().map(|b| format!("{b:02x}")).collect();
    options.set_credentials(&home.gateway_name, secret);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut line) = AsyncClient::new(options, 10);
    let payload = Json::Array(arrivals.iter().map(written).collect()).to_string();
    client.publish("tsunagari/v1/readings", QoS::AtLeastOnce, false, payload).await?;
    let heard = async {
        loop {
            match line.poll().await? {
                Event::Incoming(Packet::PubAck(_)) => client.disconnect().await?,
                Event::Outgoing(rumqttc::Outgoing::Disconnect) => return Ok::<_, anyhow::Error>(()),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await?
}

/// Our own payload (`docs/readings.md`).
fn written(arrival: &Arrival) -> Json {
    let (kind, value) = match arrival.signal {
        Signal::Contact { open } => ("contact", json!(if open { "open" } else { "closed" })),
        Signal::Motion => ("motion", json!(true)),
        Signal::Temperature(v) => ("temperature", json!(v)),
        Signal::Humidity(v) => ("humidity", json!(v)),
        _ => ("heartbeat", Json::Null),
    };
    let mut reading = json!({ "kind": kind, "at": format!("{}+09:00", arrival.received_at) });
    if !arrival.serial.is_empty() {
        reading["device"] = json!(arrival.serial);
    }
    if !value.is_null() {
        reading["value"] = value;
    }
    reading
}

fn until(at: Instant, now: Instant) -> Duration {
    Duration::from_micros(u64::try_from((at - now).0).unwrap_or(0)).min(Duration::from_secs(30))
}
