//! One signed-in connection: publishes become deliveries, answered deliveries become PUBACKs and PUBRECs, in order.
//!
//! The publishes that lie in the receive buffer together go to the station as one delivery, and the answers to all
//! deliveries that are answered go out in one write. While too much waits, nothing more is read, so that TCP slows the
//! sender down.

use std::time::Duration;

use base::{GatewayId, limits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until, timeout};
use watch::{Defect, LineCause, Signal};

use super::flight::{Batch, Flight};
use super::frame::{self, Owed, Violation};
use super::lines::{Farewell, Ticket};
use super::once::{Known, Unreleased};
use super::protocol::{Protocol, Said};
use crate::Clock;
use crate::inlet::{DeliveryError, Inlet};
use crate::payload::{self, Origin};

/// Bytes asked of the socket at a time.
pub(super) const READ_BYTES: usize = 8 * 1024;
/// How long a client may leave our acknowledgements unread.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// How much of an oversized message is looked at, for the device's page.
const OVERSIZED_HEAD: usize = 4 * 1024;

/// So often at most a PINGREQ is passed on as a sign of the line.
const KEPT_EVERY: Duration = Duration::from_secs(5 * 60);

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// DISCONNECT, perhaps with the wish to publish the Will.
    Goodbye { with_will: bool },
    /// The line broke, or fell silent for longer than the keep alive allows.
    Lost,
    /// The client broke the protocol.
    Violation(LineCause),
    /// Another line of the same client began.
    TakenOver,
    /// The station could not store; the client is to send again.
    NotStored,
    /// We ended it.
    Told,
}

pub(super) struct Session {
    pub protocol: Protocol,
    pub ticket: Ticket,
    pub once: OwnedMutexGuard<Unreleased>,
    pub gateway: GatewayId,
    pub inlet: Inlet,
    pub clock: Clock,
    /// The topic of the box itself, where the client is one (see [`payload::own_topic`]).
    pub own_topic: Option<String>,
    /// Silence after which the line counts as lost.
    pub patience: Duration,
    /// Received and not yet read.
    pub buffer: Vec<u8>,
    /// To be written; begins with the CONNACK.
    pub out: Vec<u8>,
    pub state: State,
}

/// What changes while a session runs.
#[derive(Default)]
pub(super) struct State {
    batch: Batch,
    flight: Flight,
    /// Bytes of an oversized message still to be thrown away, and the id under which it is acknowledged then.
    skipping: usize,
    skipped: Option<Owed>,
    /// When a PINGREQ was passed on.
    kept_at: Option<Instant>,
    /// Whole packets may lie in the buffer still.
    more: bool,
    ended: Option<End>,
}

impl Session {
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> End {
        let origin = self.origin();
        let inlet = self.inlet.clone();
        self.state.batch.parsed.arrive(&origin, "", Signal::LineUp, None);
        self.state.more = true;
        let mut heard = Instant::now();
        let timer = sleep_until(heard + self.patience);
        tokio::pin!(timer);
        loop {
            self.turn();
            if !self.write(stream).await {
                return End::Lost;
            }
            let (may_read, gathered) = (self.may_read(), !self.state.batch.is_empty());
            match self.state.ended {
                Some(end) if !gathered => return end,
                None if may_read && self.state.more => continue,
                _ => {}
            }
            self.buffer.reserve(READ_BYTES);
            tokio::select! {
                farewell = &mut self.ticket.farewell => {
                    let farewell = farewell.unwrap_or(Farewell::Stopping);
                    self.protocol.part(reason(farewell), &mut self.out);
                    self.write(stream).await;
                    return if farewell == Farewell::TakenOver { End::TakenOver } else { End::Told };
                }
                () = self.state.flight.first_answered() => {}
                room = inlet.wait_for_room(), if gathered => match room {
                    Ok(room) => self.state.flight.push(self.state.batch.hand_over(room, self.gateway)),
                    Err(error) => self.give_up(error),
                },
                read = stream.read_buf(&mut self.buffer), if may_read => match read {
                    Ok(0) | Err(_) => return End::Lost,
                    Ok(_) => {
                        heard = Instant::now();
                        self.state.more = true;
                    }
                },
                () = &mut timer => {
                    if may_read && heard.elapsed() >= self.patience {
                        self.protocol.part(Violation::KeepAliveTimeout, &mut self.out);
                        self.write(stream).await;
                        return End::Lost;
                    }
                    // What we did not read for our own slowness is no silence of the client.
                    let since = if may_read { heard } else { Instant::now() };
                    timer.as_mut().reset(since + self.patience);
                }
            }
        }
    }

    /// Waits for what is on its way, so that the client's next line knows what of QoS 2 was stored.
    pub(super) async fn settle(&mut self) {
        self.state.flight.end(&mut self.once).await;
    }

    fn may_read(&self) -> bool {
        self.state.ended.is_none() && self.state.batch.is_empty() && !self.state.flight.is_full()
    }

    fn origin(&self) -> Origin {
        Origin { gateway: self.gateway, received_at: (self.clock)(), retained: false }
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self) {
        if let Err(error) = self.state.flight.settle(&mut self.out, &mut self.once) {
            return self.give_up(error);
        }
        if self.may_read() {
            self.take_packets();
        }
        if self.state.batch.is_empty() {
            return;
        }
        if !self.state.batch.has_readings() {
            let idle = self.state.batch.acknowledge_only();
            self.state.flight.push(idle);
            if let Err(error) = self.state.flight.settle(&mut self.out, &mut self.once) {
                self.give_up(error);
            }
        } else if let Ok(room) = self.inlet.room() {
            self.state.flight.push(self.state.batch.hand_over(room, self.gateway));
        }
    }

    /// Nothing more of this connection is acknowledged. MQTT 5 could say so in a PUBACK, but then the client would
    /// have to forget the message (MQTT-4.4.0-2); over a new connection it sends it again.
    fn give_up(&mut self, error: DeliveryError) {
        self.protocol.part(
            match error {
                DeliveryError::Full => Violation::QuotaExceeded,
                DeliveryError::Busy => Violation::ServerBusy,
                DeliveryError::Fault => Violation::ImplementationSpecificError,
            },
            &mut self.out,
        );
        self.state.batch = Batch::default();
        self.state.ended = Some(End::NotStored);
    }

    fn violate(&mut self, why: Violation) {
        self.protocol.part(why, &mut self.out);
        let cause = if why == Violation::PacketTooLarge { LineCause::TooLarge } else { LineCause::BadForm };
        self.state.ended = Some(End::Violation(cause));
    }

    /// Reads whole packets from the buffer until it holds none, the batch is full or the session ends.
    fn take_packets(&mut self) {
        let origin = self.origin();
        let mut at = 0;
        self.state.more = false;
        while self.state.ended.is_none() {
            if self.state.batch.is_full() {
                self.state.more = true;
                break;
            }
            if self.state.skipping > 0 {
                let skipped = self.state.skipping.min(self.buffer.len() - at);
                at += skipped;
                self.state.skipping -= skipped;
                if self.state.skipping > 0 {
                    break;
                }
                self.state.batch.acks.extend(self.state.skipped.take());
            }
            match self.take_packet(&origin, at) {
                Ok(Some(length)) => at += length,
                Ok(None) => break,
                Err(why) => self.violate(why),
            }
        }
        self.buffer.drain(..at);
    }

    /// Reads the packet at `at` and says its length; `None` where it has not wholly arrived.
    fn take_packet(&mut self, origin: &Origin, at: usize) -> Result<Option<usize>, Violation> {
        let rest = &self.buffer[at..];
        let Some((header, total)) = frame::measure(rest)? else { return Ok(None) };
        let publish = rest[0] >> 4 == 3;
        if total > limits::READING_BYTES {
            if !publish || total > limits::MQTT_SWALLOWED_BYTES {
                return Err(Violation::PacketTooLarge);
            }
            return self.begin_skipping(origin, at, header, total);
        }
        let Some(packet) = rest.get(..total) else { return Ok(None) };
        if publish {
            let body = &packet[header..];
            let head = frame::head(packet[0], body)?.ok_or(Violation::MalformedPacket)?;
            let payload = frame::payload_of(&head, body, self.protocol.v5)?;
            let owed = match head.id {
                Some(id) if head.once => match self.once.receive(id, &head, payload)? {
                    Known::New => Some(Owed::Receipt(id)),
                    Known::Waiting => return Ok(Some(total)),
                    Known::Stored => {
                        self.state.batch.acks.push(Owed::Receipt(id));
                        return Ok(Some(total));
                    }
                },
                id => id.map(Owed::Acknowledgement),
            };
            let under = |own: &String| head.topic.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/'));
            let own = self.own_topic.as_ref().is_some_and(under);
            let origin = Origin { retained: head.retained && !own, ..*origin };
            payload::read_publish(&origin, head.topic, payload, &mut self.state.batch.parsed);
            self.state.batch.acks.extend(owed);
            self.state.batch.publishes += 1;
            return Ok(Some(total));
        }
        match self.protocol.read(packet, &mut self.out) {
            Said::Nothing => {}
            Said::Ping if self.state.kept_at.is_none_or(|at| at.elapsed() >= KEPT_EVERY) => {
                self.state.kept_at = Some(Instant::now());
                self.state.batch.parsed.arrive(origin, "", Signal::LineKept, None);
            }
            Said::Ping => {}
            Said::Release(id) => {
                let known = self.once.release(id)?;
                frame::pubcomp(id, known, self.protocol.v5, &mut self.out);
            }
            Said::Disconnect { with_will } => self.state.ended = Some(End::Goodbye { with_will }),
            // A second CONNECT is one too.
            Said::Wrong | Said::Connect(_) => self.state.ended = Some(End::Violation(LineCause::BadForm)),
        }
        Ok(Some(total))
    }

    /// An oversized message is noted, thrown away as it comes in and then acknowledged, so that a gateway does not
    /// send it for ever and nothing behind it waits. (Zigbee2MQTT's list of its devices is such a one.)
    fn begin_skipping(
        &mut self,
        origin: &Origin,
        at: usize,
        header: usize,
        total: usize,
    ) -> Result<Option<usize>, Violation> {
        let rest = &self.buffer[at..];
        let body = &rest[header..rest.len().min(OVERSIZED_HEAD)];
        let Some(head) = frame::head(rest[0], body)? else { return Ok(None) };
        let owed = match head.id {
            Some(id) if head.once => {
                self.once.receive(id, &head, &[])?;
                Some(Owed::Receipt(id))
            }
            id => id.map(Owed::Acknowledgement),
        };
        let parsed = &mut self.state.batch.parsed;
        if payload::carries_readings(head.topic) {
            parsed.reject(origin, 1, None, Defect::TooLarge, &body[head.length..]);
        } else {
            parsed.ignored += 1;
        }
        self.state.batch.publishes += 1;
        self.state.skipped = owed;
        self.state.skipping = total;
        Ok(Some(0))
    }

    /// Writes what there is to write; `false` where nobody takes it.
    async fn write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> bool {
        if self.out.is_empty() {
            return true;
        }
        let all = async {
            stream.write_all(&self.out).await?;
            stream.flush().await
        };
        let written = matches!(timeout(WRITE_WAIT, all).await, Ok(Ok(())));
        self.out.clear();
        written
    }
}

fn reason(farewell: Farewell) -> Violation {
    match farewell {
        Farewell::TakenOver | Farewell::Crowded => Violation::SessionTakenOver,
        Farewell::Revoked => Violation::NotAuthorized,
        Farewell::Stopping => Violation::ServerShuttingDown,
    }
}
