//! What one connection has gathered and what it has handed over, and the acknowledgements that hang on it.

use std::collections::VecDeque;

use base::{GatewayId, limits};
use metrics::counter;

use super::frame::Owed;
use super::once::Unreleased;
use crate::inlet::{Answer, DeliveryError, Room};
use crate::payload::Parsed;

/// Deliveries of one connection that may wait for the station at a time.
const DELIVERIES_WAITING: usize = 8;
/// Arrivals after which a delivery is full and the rest of the receive buffer waits for the next.
const ARRIVALS_PER_DELIVERY: usize = 1000;

/// The publishes read since the last delivery.
#[derive(Default)]
pub(super) struct Batch {
    pub parsed: Parsed,
    /// What is to be answered once this is stored.
    pub acks: Vec<Owed>,
    pub publishes: u64,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.parsed.is_empty() && self.acks.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.parsed.arrivals.len() >= ARRIVALS_PER_DELIVERY || self.acks.len() >= limits::MQTT_IN_FLIGHT
    }

    /// Whether there is anything for the station; acknowledgements alone need nobody's leave.
    pub(super) fn has_readings(&self) -> bool {
        !self.parsed.is_empty()
    }

    /// Puts everything gathered into the queue's free place.
    pub(super) fn hand_over(&mut self, room: Room, gateway: GatewayId) -> (Outcome, Vec<Owed>) {
        self.count();
        let parsed = std::mem::take(&mut self.parsed);
        let malformed = parsed.rejected.into_iter().map(|rejected| rejected.malformed).collect();
        (Outcome::Pending(room.fill(gateway, parsed.arrivals, malformed)), std::mem::take(&mut self.acks))
    }

    /// Takes the acknowledgements of messages that held nothing to store.
    pub(super) fn acknowledge_only(&mut self) -> (Outcome, Vec<Owed>) {
        self.count();
        self.parsed.ignored = 0;
        (Outcome::Known(Ok(())), std::mem::take(&mut self.acks))
    }

    fn count(&mut self) {
        counter!("ingest_mqtt_publishes_total").increment(std::mem::take(&mut self.publishes));
        crate::count(&self.parsed, "mqtt");
    }
}

/// The fate of a delivery.
pub(super) enum Outcome {
    Pending(Answer),
    Known(Result<(), DeliveryError>),
}

/// Deliveries on their way, in the order of their publishes.
#[derive(Default)]
pub(super) struct Flight {
    waiting: VecDeque<(Outcome, Vec<Owed>)>,
    publishes: usize,
}

impl Flight {
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= DELIVERIES_WAITING || self.publishes >= limits::MQTT_IN_FLIGHT
    }

    pub(super) fn push(&mut self, (outcome, acks): (Outcome, Vec<Owed>)) {
        self.publishes += acks.len();
        self.waiting.push_back((outcome, acks));
    }

    /// Writes the answers to everything stored at the front of the queue. An error means that publishes that wait for
    /// an acknowledgement were not stored; QoS 0 has nobody to tell.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>, once: &mut Unreleased) -> Result<(), DeliveryError> {
        while let Some((outcome, acks)) = self.waiting.front_mut() {
            let stored = match outcome {
                Outcome::Known(stored) => *stored,
                Outcome::Pending(answer) => match answer.now() {
                    Some(answer) => answer.map(drop),
                    None => return Ok(()),
                },
            };
            if let Err(error) = stored {
                counter!("ingest_deliveries_failed_total", "why" => error.key()).increment(1);
                if !acks.is_empty() {
                    return Err(error);
                }
            }
            self.publishes -= acks.len();
            out.extend(acks.iter().flat_map(|owed| owed.bytes()));
            note_receipts(acks, once);
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Waits until the first delivery is answered; for ever where none is on its way.
    pub(super) async fn first_answered(&mut self) {
        match self.waiting.front_mut() {
            Some((outcome @ Outcome::Pending(_), _)) => {
                let Outcome::Pending(answer) = outcome else { return };
                *outcome = Outcome::Known(answer.await.map(drop));
            }
            Some((Outcome::Known(_), _)) => {}
            None => std::future::pending().await,
        }
    }

    /// The line has ended. What is on its way may be stored all the same: the client's next line is to know it.
    pub(super) async fn end(&mut self, once: &mut Unreleased) {
        for (outcome, acks) in std::mem::take(&mut self.waiting) {
            if !acks.iter().any(|owed| matches!(owed, Owed::Receipt(_))) {
                continue;
            }
            let stored = match outcome {
                Outcome::Known(stored) => stored,
                Outcome::Pending(answer) => answer.await.map(drop),
            };
            if stored.is_ok() {
                note_receipts(&acks, once);
            }
        }
        once.forget_waiting();
    }
}

fn note_receipts(acks: &[Owed], once: &mut Unreleased) {
    for owed in acks {
        if let Owed::Receipt(id) = owed {
            once.stored(*id);
        }
    }
}
