//! A station that keeps what it is given in memory and answers as it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::{GatewayId, Instant};
use ingest::mqtt::{Listener, Settings, listen};
use ingest::{Delivery, DeliveryError, Inlet, Receipt, Ways, inlet};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use watch::{Arrival, Defect, Malformed, Signal};

pub const PASSWORD: &str = "correct-horse-battery-staple";
pub const NOW: Instant = Instant(1_795_311_725_000_000);

/// What the station does with the next deliveries.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Store,
    /// Keeps the answers back until [`Station::release`].
    Hold,
    Fail(DeliveryError),
}

#[derive(Clone)]
pub struct Station(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    mood: Mood,
    arrivals: Vec<Arrival>,
    malformed: Vec<Malformed>,
    deliveries: usize,
    held: VecDeque<Delivery>,
}

pub fn gateway(n: u128) -> GatewayId {
    GatewayId(uuid::Uuid::from_u128(n))
}

/// Gateways are called `gw-1`, `gw-2`, …; all have the same credential here. HTTP names none: that is gateway 1.
pub fn ways(inlet: Inlet) -> Ways {
    Ways {
        inlet,
        authenticate: Arc::new(|name, password| {
            let known = password.expose() == PASSWORD.as_bytes();
            let number = if name.is_empty() { Some(1) } else { name.strip_prefix("gw-").and_then(|n| n.parse().ok()) };
            Box::pin(async move { number.filter(|_| known).map(gateway) })
        }),
        clock: Arc::new(|| NOW),
    }
}

impl Station {
    /// A running station and the way to it.
    pub fn start() -> (Station, Inlet) {
        let (inlet, deliveries) = inlet::open();
        (Station::attend(deliveries), inlet)
    }

    pub fn attend(mut deliveries: Receiver<Delivery>) -> Station {
        let state =
            State { mood: Mood::Store, arrivals: vec![], malformed: vec![], deliveries: 0, held: VecDeque::new() };
        let station = Station(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new() }));
        let inner = station.0.clone();
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.recv().await {
                inner.state.lock().unwrap().take(delivery);
                inner.changed.notify_waiters();
            }
        });
        station
    }

    pub fn be(&self, mood: Mood) {
        self.0.state.lock().unwrap().mood = mood;
    }

    /// Stores the held delivery at `at` and answers it.
    pub fn release(&self, at: usize) {
        let mut state = self.0.state.lock().unwrap();
        let delivery = state.held.remove(at).expect("a held delivery");
        state.store(delivery);
        self.0.changed.notify_waiters();
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.0.state.lock().unwrap().arrivals.clone()
    }

    pub fn malformed(&self) -> Vec<Malformed> {
        self.0.state.lock().unwrap().malformed.clone()
    }

    pub fn defects(&self) -> Vec<Defect> {
        self.malformed().iter().map(|malformed| malformed.why).collect()
    }

    pub fn signals(&self) -> Vec<Signal> {
        self.arrivals().iter().map(|arrival| arrival.signal).collect()
    }

    pub fn deliveries(&self) -> usize {
        self.0.state.lock().unwrap().deliveries
    }

    pub fn held(&self) -> usize {
        self.0.state.lock().unwrap().held.len()
    }

    /// Waits until the station is as described.
    pub async fn until(&self, what: &str, seen: impl Fn(&Station) -> bool) {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if seen(self) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), waiting).await.is_err() {
            panic!("waited in vain for: {what}; have {:?} {:?}", self.signals(), self.defects());
        }
    }

    pub async fn heard(&self, signal: Signal) {
        self.until(&format!("{signal:?}"), |station| station.signals().contains(&signal)).await;
    }
}

impl State {
    fn take(&mut self, delivery: Delivery) {
        self.deliveries += 1;
        match self.mood {
            Mood::Store => self.store(delivery),
            Mood::Hold => self.held.push_back(delivery),
            Mood::Fail(error) => drop(delivery.done.send(Err(error))),
        }
    }

    fn store(&mut self, delivery: Delivery) {
        let receipt = Receipt { stored: delivery.arrivals.len() as u32, duplicates: 0, refused: 0 };
        self.arrivals.extend(delivery.arrivals);
        self.malformed.extend(delivery.malformed);
        let _ = delivery.done.send(Ok(receipt));
    }
}

/// A plain listener on a free loopback port, with its station.
pub async fn open() -> (Listener, Station) {
    let (station, inlet) = Station::start();
    (listener_at("127.0.0.1:0".parse().unwrap(), inlet).await, station)
}

/// Places as on a machine with 1,024 descriptors.
pub fn room() -> admission::Room {
    admission::Rooms::open(1_024).expect("enough descriptors").gateways
}

pub async fn listener_at(bind: SocketAddr, inlet: Inlet) -> Listener {
    listen(Settings { bind, tls: None, room: room(), trusted: Arc::new([]) }, ways(inlet)).await.unwrap()
}
