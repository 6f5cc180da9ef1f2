//! The line to a home: heard, silent, faulty, and what several lines that fell silent together have in common.
//!
//! A line that is silent says nothing about the person: it holds the deadlines of inactivity and has a timer and a
//! list of its own.

use base::{Instant, Span};

use uuid::Uuid;

use super::SETTLE;
use super::home::NEVER;

/// A gateway silent for longer may have kept readings that follow when it is heard again.
const QUIET: Span = Span::minutes(10);
/// Lines that fell silent within this time of each other may be one outage.
pub(super) const TOGETHER: Span = Span::minutes(15);
/// So many homes of one area make an outage.
pub(super) const OUTAGE_HOMES: usize = 3;
/// A carrier with many homes always has a few that fail by themselves: a hundredth of them at least.
pub(super) const CARRIER_SHARE: usize = 100;

/// The line to one gateway.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Line {
    pub heard_at: Instant,
    /// When it was heard again after a quiet time: what its gateway had kept follows within [`SETTLE`].
    pub back_at: Instant,
    /// A connection that watches itself (MQTT keep-alive) stands. Never survives our own restart.
    pub connected: bool,
    /// The gateway itself says that its radio is down.
    pub radio_down: Option<Instant>,
    pub fault: Option<Box<Fault>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Fault {
    pub id: Uuid,
    pub began_at: Instant,
}

impl Line {
    pub fn new(heard_at: Instant) -> Line {
        Line { heard_at, back_at: NEVER, connected: false, radio_down: None, fault: None }
    }

    /// Something came through. `woke_at`: our own start or awakening.
    pub fn hear(&mut self, at: Instant, woke_at: Instant) {
        if self.heard_at < woke_at || at - self.heard_at > QUIET {
            self.back_at = self.back_at.max(at);
        }
        self.heard_at = self.heard_at.max(at);
    }

    pub fn up(&mut self, at: Instant, woke_at: Instant) {
        self.hear(at, woke_at);
        self.back_at = self.back_at.max(at);
        self.connected = true;
    }

    /// A connection that watches itself stands, and the radio behind it works.
    pub fn is_alive(&self) -> bool {
        self.connected && self.radio_down.is_none()
    }

    /// Whether a deadline may be told now: the gateway was heard after it (or stands connected), and what it may have
    /// kept has had time to follow. The moment from which it may, where only that time is missing.
    pub fn may_tell(&self, due: Instant, woke_at: Instant) -> Option<Instant> {
        if self.fault.is_some() || self.radio_down.is_some() {
            return None;
        }
        let heard = self.connected || self.heard_at >= due.max(woke_at);
        // A connection that stood before the machine slept may be dead without our knowing.
        let checked = if self.heard_at < woke_at { woke_at + Span::minutes(3) } else { woke_at };
        heard.then(|| checked.max(self.back_at + SETTLE))
    }

    /// When the silence of this line is a fault, unless it is heard before.
    pub fn fault_due(&self, woke_at: Instant, after: Span) -> Option<Instant> {
        if self.fault.is_some() || self.is_alive() {
            return None;
        }
        let silent_since = self.radio_down.unwrap_or(self.heard_at);
        Some(silent_since.max(woke_at) + after)
    }

    /// Since when it has been silent, as far as anybody knows.
    pub fn silent_since(&self) -> Instant {
        self.radio_down.map_or(self.heard_at, |down| down.min(self.heard_at))
    }

    /// Whether it counts among the lines that fell silent around `began`.
    pub fn fell_silent_around(&self, began: Instant) -> bool {
        let since = self.fault.as_ref().map_or_else(|| self.silent_since(), |f| f.began_at);
        !self.is_alive() && (since - began).0.abs() <= TOGETHER.0
    }

    /// Ends the fault, if there is one and its cause is gone.
    pub fn come_back(&mut self) -> Option<Uuid> {
        if self.radio_down.is_some() {
            return None;
        }
        self.fault.take().map(|fault| fault.id)
    }
}
