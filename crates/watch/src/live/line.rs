//! The line to a home: heard, silent, faulty, and what several lines that fell silent together have in common.
//!
//! Heard is what was stored, and a gateway that answers for its line. To connect proves nothing: one that is broken off
//! again and again, with nothing stored in between, is a fault whose cause is known.
//!
//! A line that is silent says nothing about the person: it holds the deadlines of inactivity and has a timer and a
//! list of its own.

use base::{Instant, Span};

use uuid::Uuid;

use super::SETTLE;
use super::home::NEVER;
use crate::LineCause;
use crate::clock::GatewayClock;

/// A gateway silent for longer may have kept readings that follow when it is heard again.
const QUIET: Span = Span::minutes(10);
/// Lines that fell silent within this time of each other may be one outage.
pub(super) const TOGETHER: Span = Span::minutes(15);
/// So many homes of one area make an outage.
pub(super) const OUTAGE_HOMES: usize = 3;
/// A carrier with many homes always has a few that fail by themselves: a hundredth of them at least.
pub(super) const CARRIER_SHARE: usize = 100;

/// So often broken off within [`BREAKS_WITHIN`], and nothing stored in between: nothing of this gateway gets through. Two
/// clients with one name do it every few seconds, and so does one that sends again what broke its connection.
const BREAKS: u8 = 3;
/// As long as this without a further break, the line is believed again.
const BREAKS_WITHIN: Span = Span::minutes(10);

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
    /// Broken off for a reason of the gateway's since anything of it was stored.
    pub broken: Option<Box<Broken>>,
    /// Its gateway's clock, while that is wrong or may be.
    pub clock: Option<Box<GatewayClock>>,
}

/// How often a line was broken off, and why the last time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Broken {
    pub cause: LineCause,
    pub times: u8,
    pub first_at: Instant,
    pub last_at: Instant,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Fault {
    pub id: Uuid,
    pub began_at: Instant,
    pub cause: Option<LineCause>,
}

impl Line {
    pub fn new(heard_at: Instant) -> Line {
        Line { heard_at, back_at: NEVER, connected: false, radio_down: None, fault: None, broken: None, clock: None }
    }

    /// Something came through. `woke_at`: our own start or awakening.
    pub fn hear(&mut self, at: Instant, woke_at: Instant) {
        self.broken = None;
        if self.heard_at < woke_at || at - self.heard_at > QUIET {
            self.back_at = self.back_at.max(at);
        }
        self.heard_at = self.heard_at.max(at);
    }

    /// It signed in. What it had kept may follow.
    pub fn up(&mut self, at: Instant) {
        self.back_at = self.back_at.max(at);
        self.connected = true;
    }

    /// The gateway answered for its line; whether that is believed.
    pub fn keep(&mut self, at: Instant) -> bool {
        if self.barred_by().is_some() && self.broken.as_ref().is_some_and(|b| at - b.last_at <= BREAKS_WITHIN) {
            return false;
        }
        self.broken = self.broken.take().filter(|b| at - b.last_at <= BREAKS_WITHIN);
        self.heard_at = self.heard_at.max(at);
        true
    }

    /// A connection was broken off for a reason of the gateway's.
    pub fn break_off(&mut self, cause: LineCause, at: Instant) {
        let goes_on = |b: &Broken| match b.times {
            BREAKS.. => at - b.last_at <= BREAKS_WITHIN,
            _ => at - b.first_at <= BREAKS_WITHIN,
        };
        let before = self.broken.take().filter(|b| goes_on(b));
        let (times, first_at) = before.map_or((0, at), |b| (b.times, b.first_at));
        self.broken = Some(Box::new(Broken { cause, times: (times + 1).min(BREAKS), first_at, last_at: at }));
    }

    /// Why nothing of it gets through, if that is so.
    pub fn barred_by(&self) -> Option<LineCause> {
        self.broken.as_ref().filter(|b| b.times >= BREAKS).map(|b| b.cause)
    }

    /// A connection that watches itself stands, things get through it, and the radio behind it works.
    pub fn is_alive(&self) -> bool {
        self.connected && self.radio_down.is_none() && self.barred_by().is_none()
    }

    /// Whether a deadline may be told now: the gateway was heard after it (or stands connected), and what it may have
    /// kept has had time to follow. The moment from which it may, where only that time is missing.
    pub fn may_tell(&self, due: Instant, woke_at: Instant) -> Option<Instant> {
        if self.fault.is_some() || self.radio_down.is_some() || self.barred_by().is_some() {
            return None;
        }
        let heard = self.connected || self.heard_at >= due.max(woke_at);
        // A connection that stood before the machine slept may be dead without our knowing.
        let checked = if self.heard_at.max(self.back_at) < woke_at { woke_at + Span::minutes(3) } else { woke_at };
        heard.then(|| checked.max(self.back_at + SETTLE))
    }

    /// When the silence of this line is a fault, unless it is heard before.
    pub fn fault_due(&self, woke_at: Instant, after: Span) -> Option<Instant> {
        if self.fault.is_some() || self.is_alive() {
            return None;
        }
        if let Some(broken) = self.broken.as_ref().filter(|_| self.barred_by().is_some()) {
            return Some(broken.last_at);
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
        !self.is_alive() && !self.has_cause() && (since - began).0.abs() <= TOGETHER.0
    }

    /// Whether it is known why nothing gets through: then it shares its trouble with no other line.
    pub fn has_cause(&self) -> bool {
        self.barred_by().is_some() || self.fault.as_ref().is_some_and(|fault| fault.cause.is_some())
    }

    /// Ends the fault, if there is one and its cause is gone.
    pub fn come_back(&mut self) -> Option<Uuid> {
        if self.radio_down.is_some() {
            return None;
        }
        self.fault.take().map(|fault| fault.id)
    }
}
