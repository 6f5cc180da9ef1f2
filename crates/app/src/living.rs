//! The living town: its gateways speak in real time, through the real way in. Each keeps its line, as gateways at the
//! mains do, and publishes with QoS 1.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use base::{Clock, Instant, Span};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use town::equip::{Equipped, credential};
use town::history;
use town::plan::Plan;
use town::story::{CUT_OFF, Story};
use watch::{Arrival, Signal};

/// Between two gateways that come on the line after a start.
const APART: Duration = Duration::from_millis(15);
/// After this time the failing gateway of the story is mended.
const MENDED_AFTER: Span = Span::minutes(12);
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Messages that may wait for one gateway's line.
const WAITING: usize = 64;

/// What lives.
pub struct Life {
    pub plan: &'static Plan,
    pub homes: Vec<Equipped>,
    pub story: Story,
    /// How many times as fast as ours its clock runs.
    pub speed: u16,
}

/// Lets the town live until the program ends.
pub async fn live(life: Life, clock: Clock, mqtt: SocketAddr) {
    let mut lines: HashMap<usize, mpsc::Sender<Vec<Arrival>>> = HashMap::new();
    let mut gateways = tokio::task::JoinSet::new();
    for (n, home) in life.homes.iter().enumerate() {
        let (line, messages) = mpsc::channel(WAITING);
        lines.insert(home.resident, line);
        let mended = (home.resident == CUT_OFF)
            .then(|| until(life.story.now + MENDED_AFTER, clock(), MENDED) / u32::from(life.speed));
        let begin = mended.unwrap_or(APART * u32::try_from(n).unwrap_or(0));
        gateways.spawn(gateway(home.clone(), life.plan.seed, mqtt, begin, messages));
    }
    let mut ahead: BTreeMap<(Instant, usize), Vec<Arrival>> = BTreeMap::new();
    let mut planned = life.story.now.wall_day() - 1;
    let mut after = life.story.now;
    loop {
        // A day is planned an hour before it begins.
        while planned < (clock() + Span::hours(1)).wall_day() {
            planned += 1;
            plan_day(&life, planned, after, &mut ahead);
            after = Instant::from_wall_day(planned + 1);
        }
        let now = clock();
        while let Some(entry) = ahead.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((_, resident), arrivals) = entry.remove_entry();
            // A line whose messages pile up is broken; what does not fit is lost, as in a gateway's own memory.
            if let Some(Err(_)) = lines.get(&resident).map(|line| line.try_send(arrivals)) {
                tracing::warn!("an invented gateway has no room for what its sensors say");
            }
        }
        let next = ahead.first_key_value().map(|((at, _), _)| until(*at, clock(), Duration::from_secs(30)));
        tokio::time::sleep(next.unwrap_or(Duration::from_secs(1)) / u32::from(life.speed)).await;
    }
}

/// The failing gateway comes back at the latest after this.
const MENDED: Duration = Duration::from_secs(3600);

/// One gateway: comes on the line, and says what its sensors say.
async fn gateway(
    home: Equipped,
    seed: u64,
    mqtt: SocketAddr,
    begin: Duration,
    mut messages: mpsc::Receiver<Vec<Arrival>>,
) {
    tokio::time::sleep(begin).await;
    let mut options = MqttOptions::new(&home.gateway_name, mqtt.ip().to_string(), mqtt.port());
    let secret = base::hex(&credential(seed, home.resident));
    options.set_credentials(&home.gateway_name, secret);
    options.set_keep_alive(Duration::from_secs(120));
    let (client, mut line) = AsyncClient::new(options, WAITING);
    let keep_line = async {
        loop {
            if let Err(error) = line.poll().await {
                tracing::debug!(%error, "an invented gateway lost its line");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    };
    let speak = async {
        while let Some(arrivals) = messages.recv().await {
            let payload = Json::Array(arrivals.iter().map(written).collect()).to_string();
            if client.publish("tsunagari/v1/readings", QoS::AtLeastOnce, false, payload).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = keep_line => {}
        () = speak => {}
    }
}

fn plan_day(town: &Life, day: i64, after: Instant, ahead: &mut BTreeMap<(Instant, usize), Vec<Arrival>>) {
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

/// Our own payload (`docs/readings.md`).
fn written(arrival: &Arrival) -> Json {
    let (kind, value) = match arrival.signal {
        Signal::Contact { open } => ("contact", json!(if open { "open" } else { "closed" })),
        Signal::Motion => ("motion", json!(true)),
        Signal::Temperature(v) => ("temperature", json!(v)),
        Signal::Humidity(v) => ("humidity", json!(v)),
        Signal::Energy(v) => ("energy_wh", json!(v)),
        Signal::Water(v) => ("water_l", json!(v)),
        Signal::Light(on) => ("light", json!(if on { "on" } else { "off" })),
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

fn until(at: Instant, now: Instant, most: Duration) -> Duration {
    Duration::from_micros(u64::try_from((at - now).0).unwrap_or(0)).min(most)
}
