//! The bounded queue between the ways in (MQTT, HTTP) and the one station that stores.
//!
//! It knows how much may wait and what is told to the sender; it knows no protocol and no table. Nothing is
//! acknowledged to a gateway before [`Delivery::done`] has resolved to `Ok`.

use base::{GatewayId, limits};
use tokio::sync::{mpsc, oneshot};
use watch::{Arrival, Malformed};

/// What one gateway sent in one go, answered as one: all of it is stored, or none of it.
#[derive(Debug)]
pub struct Delivery {
    pub gateway: GatewayId,
    pub arrivals: Vec<Arrival>,
    pub malformed: Vec<Malformed>,
    /// Resolved by the station after its commit. Dropping it counts as [`DeliveryError::Fault`]. Sometimes nobody
    /// listens any more (a line that was lost), so that sending may fail and that is no error.
    pub done: oneshot::Sender<Result<Receipt, DeliveryError>>,
}

/// What became of the arrivals of one delivery; the three add up to their number.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Receipt {
    pub stored: u32,
    /// Known already: sent again by a gateway that did not see our acknowledgement.
    pub duplicates: u32,
    /// Understood but not kept, and sending again will not help (a device without consent, another gateway's device).
    pub refused: u32,
}

/// Why nothing of a delivery was stored. The gateway should send it again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The disk is nearly full; readings are refused while cases go on.
    #[error("there is no room to store readings at the moment")]
    Full,
    /// Too much is waiting already.
    #[error("too many readings are waiting to be stored")]
    Busy,
    #[error("the readings could not be stored")]
    Fault,
}

impl DeliveryError {
    /// The word in counters and problem details.
    pub const fn key(self) -> &'static str {
        match self {
            DeliveryError::Full => "no-room",
            DeliveryError::Busy => "busy",
            DeliveryError::Fault => "fault",
        }
    }
}

/// The senders' end of the queue; one copy per listener and connection.
#[derive(Clone, Debug)]
pub struct Inlet(mpsc::Sender<Delivery>);

/// The queue, bounded by [`limits::INGEST_QUEUE`] deliveries: one end for the listeners, one for the station.
pub fn open() -> (Inlet, mpsc::Receiver<Delivery>) {
    let (sender, receiver) = mpsc::channel(limits::INGEST_QUEUE);
    (Inlet(sender), receiver)
}

/// The answer to come for one delivery.
#[derive(Debug)]
pub struct Answer(oneshot::Receiver<Result<Receipt, DeliveryError>>);

/// A place in the queue, held until it is filled or dropped.
#[derive(Debug)]
pub struct Room<'q>(mpsc::Permit<'q, Delivery>);

impl Inlet {
    /// Puts a delivery into the queue at once, or says `Busy` (queue full) or `Fault` (no station any more).
    pub fn offer(
        &self,
        gateway: GatewayId,
        arrivals: Vec<Arrival>,
        malformed: Vec<Malformed>,
    ) -> Result<Answer, DeliveryError> {
        Ok(self.room()?.fill(gateway, arrivals, malformed))
    }

    /// A place in the queue, if there is one now.
    pub fn room(&self) -> Result<Room<'_>, DeliveryError> {
        match self.0.try_reserve() {
            Ok(permit) => Ok(Room(permit)),
            Err(mpsc::error::TrySendError::Full(())) => Err(DeliveryError::Busy),
            Err(mpsc::error::TrySendError::Closed(())) => Err(DeliveryError::Fault),
        }
    }

    /// Waits for a place in the queue: how a sender that cannot be told to come back is slowed down.
    pub async fn wait_for_room(&self) -> Result<Room<'_>, DeliveryError> {
        self.0.reserve().await.map(Room).map_err(|_| DeliveryError::Fault)
    }

    /// Deliveries that wait, and how many may: for the metrics page and for `/readyz`.
    pub fn waiting(&self) -> (usize, usize) {
        let most = self.0.max_capacity();
        (most - self.0.capacity(), most)
    }
}

impl Room<'_> {
    pub fn fill(self, gateway: GatewayId, arrivals: Vec<Arrival>, malformed: Vec<Malformed>) -> Answer {
        let (done, answer) = oneshot::channel();
        self.0.send(Delivery { gateway, arrivals, malformed, done });
        Answer(answer)
    }
}

impl Answer {
    /// The answer, if it is there already.
    pub fn now(&mut self) -> Option<Result<Receipt, DeliveryError>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(DeliveryError::Fault)),
        }
    }
}

impl Future for Answer {
    type Output = Result<Receipt, DeliveryError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(DeliveryError::Fault)))
    }
}
