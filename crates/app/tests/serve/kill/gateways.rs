//! Gateways as good ones behave: each keeps what it said until it was acknowledged, in order, and says it again on the
//! next line. Each keeps its own log of what was acknowledged. Every second one speaks with QoS 2.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, PubAck, PubRec, QoS};
use serde_json::json;
use town::equip::{BUTTON, CLIMATE, serial};

use crate::harness::{Place, Town, now};

/// Messages of one gateway that wait for their acknowledgement.
const WINDOW: usize = 4;
/// The watch takes a second press within a minute for the same call for help.
const PRESS_APART_MS: i64 = 61_000;
/// A press that waited for two hours is told otherwise.
/// The first reading is so old, and each next one so much newer.
const KEPT_MS: i64 = 12 * 3600 * 1000;
const APART_MS: i64 = 4_000;
const FIRST_PRESS_MS_AGO: i64 = 100 * 60_000;

/// One reading as the database must hold it: serial, code, milliseconds since 1970.
pub type Said = (String, i64, i64);

pub const OPENED: i64 = 1;
const CLOSED: i64 = 2;
pub const MOTION: i64 = 3;
const TEMPERATURE: i64 = 5;
const HUMIDITY: i64 = 6;
pub const PRESSED: i64 = 8;

#[derive(Clone, Debug)]
struct Message {
    said: Vec<Said>,
    payload: String,
    /// The line's number for it, while it waits on a line.
    number: Option<u16>,
}

#[derive(Default)]
pub struct Log {
    pub acknowledged: Vec<Said>,
    /// Messages said again because a line ended before their acknowledgement came.
    pub repeated: usize,
    finished: bool,
}

/// All of them at work.
pub struct Gateways {
    logs: Vec<Arc<Mutex<Log>>>,
    acknowledgements: Arc<AtomicU64>,
    finishing: Arc<AtomicBool>,
    // Ends the gateways when it is dropped.
    _runtime: tokio::runtime::Runtime,
}

impl Gateways {
    pub fn begin(place: &Place, town: &Town, seed: u64) -> Gateways {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let (acknowledgements, finishing) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut logs = Vec::new();
        for n in 0..town.homes.len() {
            let log = Arc::new(Mutex::new(Log::default()));
            logs.push(log.clone());
            let (name, secret) = town.credential(n);
            let mut options = MqttOptions::new(&name, place.mqtt.ip().to_string(), place.mqtt.port());
            options.set_credentials(&name, secret).set_keep_alive(Duration::from_secs(30));
            let gateway = Gateway {
                options,
                quality: [QoS::AtLeastOnce, QoS::ExactlyOnce][n % 2],
                mind: Mind::new(seed, town.homes[n].resident),
                waiting: VecDeque::new(),
                log,
                acknowledgements: acknowledgements.clone(),
                finishing: finishing.clone(),
            };
            runtime.spawn(gateway.live());
        }
        Gateways { logs, acknowledgements, finishing, _runtime: runtime }
    }

    /// Acknowledgements so far.
    pub fn acknowledgements(&self) -> u64 {
        self.acknowledgements.load(Ordering::SeqCst)
    }

    /// Everything acknowledged so far, by home.
    pub fn acknowledged(&self) -> Vec<Vec<Said>> {
        self.logs.iter().map(|log| log.lock().expect("never poisoned").acknowledged.clone()).collect()
    }

    pub fn repeated(&self) -> usize {
        self.logs.iter().map(|log| log.lock().expect("never poisoned").repeated).sum()
    }

    /// From now on only what still waits is said; whether all of it was acknowledged.
    pub fn finish(&self) -> bool {
        self.finishing.store(true, Ordering::SeqCst);
        self.logs.iter().all(|log| log.lock().expect("never poisoned").finished)
    }
}

struct Gateway {
    options: MqttOptions,
    quality: QoS,
    mind: Mind,
    waiting: VecDeque<Message>,
    log: Arc<Mutex<Log>>,
    acknowledgements: Arc<AtomicU64>,
    finishing: Arc<AtomicBool>,
}

impl Gateway {
    async fn live(mut self) {
        while !self.line().await {
            // The line broke. What is not acknowledged is said again, first of all and in the same order.
            for message in &mut self.waiting {
                let said = message.number.take();
                self.log.lock().expect("never poisoned").repeated += usize::from(said.is_some());
            }
            tokio::time::sleep(Duration::from_millis(self.mind.rng.random_range(5..60))).await;
        }
        self.log.lock().expect("never poisoned").finished = true;
    }

    /// One line from its beginning to its end; whether there is nothing more to say.
    async fn line(&mut self) -> bool {
        // A client of its own for each line, so that this log alone decides what is said again.
        let (client, mut line) = AsyncClient::new(self.options.clone(), 2 * WINDOW);
        line.network_options.set_connection_timeout(5);
        let mut unnumbered = 0;
        loop {
            match line.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    for message in &self.waiting {
                        publish(&client, self.quality, message);
                    }
                }
                Ok(Event::Outgoing(Outgoing::Publish(number))) => {
                    self.waiting[unnumbered].number = Some(number);
                    unnumbered += 1;
                    continue;
                }
                Ok(Event::Incoming(
                    Packet::PubAck(PubAck { pkid: number }) | Packet::PubRec(PubRec { pkid: number }),
                )) => {
                    let place = self.waiting.iter().position(|m| m.number == Some(number)).expect("it was sent");
                    let message = self.waiting.remove(place).expect("it stands there");
                    unnumbered -= 1;
                    self.log.lock().expect("never poisoned").acknowledged.extend(message.said);
                    self.acknowledgements.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(self.mind.rng.random_range(0..15))).await;
                }
                Ok(_) => continue,
                Err(_) => return false,
            }
            while self.waiting.len() < WINDOW && !self.finishing.load(Ordering::SeqCst) {
                let message = self.mind.say();
                publish(&client, self.quality, &message);
                self.waiting.push_back(message);
            }
            if self.waiting.is_empty() {
                return true;
            }
        }
    }
}

fn publish(client: &AsyncClient, quality: QoS, message: &Message) {
    let payload = message.payload.clone();
    client.try_publish("tsunagari/v1/readings", quality, false, payload).expect("there is room for a window");
}

/// What happens in one home.
struct Mind {
    rng: ChaCha8Rng,
    home: usize,
    last_ms: i64,
    open: [bool; 2],
    press_ms: i64,
}

impl Mind {
    fn new(seed: u64, home: usize) -> Mind {
        let rng = ChaCha8Rng::seed_from_u64(seed ^ ((home as u64) << 32));
        Mind { rng, home, last_ms: 0, open: [false; 2], press_ms: now().0 / 1000 - FIRST_PRESS_MS_AGO }
    }

    fn say(&mut self) -> Message {
        let mut message = Message { said: vec![], payload: String::new(), number: None };
        let mut readings = Vec::new();
        // The first word of a door only tells how it stands, and is counted as no use of it.
        let first = self.last_ms == 0;
        for n in 0..if first { 2 } else { self.rng.random_range(1..=3) } {
            // What a gateway kept: no device speaks more often than a hand moves it, or it would be taken for a loose one.
            let began = now().0 / 1000 - KEPT_MS;
            self.last_ms = if self.last_ms == 0 { began } else { self.last_ms + APART_MS };
            let ms = self.last_ms;
            let (key, code, kind, value) = match if first { n } else { self.rng.random_range(0..6) } {
                door @ 0..2 => {
                    self.open[door] = !self.open[door] && !first;
                    let key = ["entrance", "fridge"][door];
                    match self.open[door] {
                        true => (key, OPENED, "contact", json!("open")),
                        false => (key, CLOSED, "contact", json!("closed")),
                    }
                }
                2 | 3 => ("living", MOTION, "motion", json!(true)),
                4 => (CLIMATE, TEMPERATURE, "temperature", json!(self.rng.random_range(18..24))),
                _ => (CLIMATE, HUMIDITY, "humidity", json!(self.rng.random_range(40..60))),
            };
            readings.push(json!({ "device": serial(self.home, key), "at": ms, "kind": kind, "value": value }));
            message.said.push((serial(self.home, key), code, ms));
        }
        if self.press_ms < now().0 / 1000 && self.rng.random_bool(0.1) {
            let button = serial(self.home, BUTTON);
            readings.push(json!({ "device": button, "at": self.press_ms, "kind": "button" }));
            message.said.push((button, PRESSED, self.press_ms));
            self.press_ms += PRESS_APART_MS;
        }
        message.payload = serde_json::Value::Array(readings).to_string();
        message
    }
}
