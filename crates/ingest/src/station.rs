//! The one loop that owns the live watch: takes what the ways in bring, asks the watch to decide, writes one command,
//! waits for the commit, takes the new state over, and only then answers.
//!
//! [`Station::step`] is the whole of it, synchronous and without a clock, so that a simulated month runs as fast as it
//! computes; [`run`] is a thread around it. It knows no rule of the watch and no protocol of a gateway.

mod closing;
mod signal;
#[cfg(test)]
mod tests;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Actor, Ctx, HomeId, Instant, PersonId, Purpose, RequestId, Span, limits};
use db::{Db, DbError};
use tokio::sync::oneshot::Receiver;
use uuid::Uuid;
use watch::live::{Bundle, Decision, Live, OnAlert, SAVE_AFTER, TIMERS};
use watch::{Arrival, WatchError};

use crate::{Delivery, DeliveryError, Receipt};

pub use signal::Signal;
pub use thread::{Board, run};

/// How long single homes are looked at one by one after a commit failed for a reason of its own.
const CAREFUL: Span = Span::minutes(10);
/// A home whose alert cannot be written is tried again after this time.
const AGAIN: Span = Span::minutes(1);
/// How often absences that depend on the day are looked up.
const ABSENCES: Span = Span::hours(3);
/// Rounds of timers in one step; what is left comes with the next.
const ROUNDS: usize = 50;

/// What the station is told once.
#[derive(Clone)]
pub struct Conf {
    /// Random bits of this run, from which the ids of its alerts are drawn.
    pub salt: u128,
    /// A step that comes later than this after the one before means that the machine slept or its clock jumped.
    pub sleep_after: Span,
    /// Whether a step waits for the bulk it sent. A town whose past is played does, for nobody else is there; at work the
    /// next step looks again, because readings must not stand behind what stands behind them.
    pub waits_for_bulk: bool,
    /// How long what a home remembers may wait for its save; its readings are stored at once in any case.
    pub save_after: Span,
    /// While set, readings are refused as [`DeliveryError::Full`]; timers, alerts and lines go on.
    pub no_room: Arc<AtomicBool>,
}

impl Conf {
    pub fn new(salt: u128) -> Conf {
        Conf {
            salt,
            sleep_after: Span::minutes(2),
            waits_for_bulk: true,
            save_after: SAVE_AFTER,
            no_room: Arc::default(),
        }
    }
}

/// What one step came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Step {
    pub stored: u64,
    pub alerts: u64,
    /// Commits that failed; what they held was answered with an error or is tried again.
    pub failed: u64,
}

pub struct Station {
    db: Db,
    live: Live,
    on_alert: Arc<OnAlert>,
    conf: Conf,
    requests: u128,
    last_step: Instant,
    careful_until: Instant,
    absences_at: Instant,
    /// The day being closed and the last home done.
    closing: Option<(i32, u32)>,
    /// The piece of it that is under way.
    piece: Option<Receiver<Result<closing::Piece, DbError>>>,
    homes_at_once: usize,
    closed: i32,
    /// What is in memory may not be what is in the database; nothing is decided from it before it was read anew.
    doubtful: bool,
    /// The next commit goes through and its answer is lost.
    #[cfg(test)]
    lose_answer: bool,
}

impl Station {
    /// Loads the watch. Nothing that came due while nobody ran is told before gateways are heard.
    pub fn open(db: Db, on_alert: Arc<OnAlert>, conf: Conf, now: Instant) -> Result<Station, WatchError> {
        let mut drawn = 0;
        for person in db.read_blocking(watch::without_ground)? {
            drawn += 1;
            let request = RequestId(Uuid::from_u128(conf.salt ^ drawn));
            let ended = db.write_blocking(move |tx| {
                let ctx = Ctx::new(Actor::system("watch"), Purpose::Operation, now, request);
                watch::stop_without_ground(&ctx, tx, person)
            });
            // Without a consent the home is not watched anyway; for one that cannot be ended the others do not wait.
            if let Err(error) = ended {
                tracing::error!(%error, "a watch without its ground could not be ended at the start");
            }
        }
        let (mut live, closed) = db.read_blocking(move |tx| {
            let closed = db::marks::get(tx, closing::CLOSED_DAY)?.and_then(|day| day.parse().ok());
            Ok::<_, WatchError>((watch::live::load(tx, now)?, closed))
        })?;
        live.save_after(conf.save_after);
        tracing::info!(homes = live.homes(), watched = live.watched(), "the watch is loaded");
        Ok(Station {
            db,
            live,
            on_alert,
            conf,
            requests: drawn,
            last_step: now,
            careful_until: Instant(i64::MIN),
            absences_at: now + ABSENCES,
            closing: None,
            piece: None,
            homes_at_once: closing::FIRST_PIECE,
            closed: closed.unwrap_or(now.wall_day() as i32 - 1),
            doubtful: false,
            #[cfg(test)]
            lose_answer: false,
        })
    }

    /// The same station under another configuration: the one that played a town's past lives on into its present.
    pub fn with_conf(mut self, conf: Conf) -> Station {
        self.live.save_after(conf.save_after);
        Station { conf, requests: 0, ..self }
    }

    /// The same station on a database that is opened anew once nobody else has this one: what its connections hold is
    /// given back with them.
    pub fn reopened<E>(self, open: impl FnOnce() -> Result<Db, E>) -> Result<Station, E> {
        drop(self.db);
        Ok(Station { db: open()?, ..self })
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn live(&self) -> &Live {
        &self.live
    }

    /// When the next step is due if nothing arrives before; never, if nothing waits.
    pub fn next_moment(&self) -> Option<Instant> {
        self.live.next_moment()
    }

    /// Everything that is to be done at `now`. Each delivery is answered before this returns.
    pub fn step(&mut self, now: Instant, deliveries: Vec<Delivery>, signals: &[Signal]) -> Step {
        let mut step = Step::default();
        if now - self.last_step > self.conf.sleep_after {
            tracing::warn!(seconds = (now - self.last_step).as_seconds(), "time was lost; deadlines wait for gateways");
            self.live.wake(now);
        }
        self.last_step = now;
        self.take_in(now, signals);
        if self.doubtful {
            self.read_anew(now);
        }
        for batch in self.batches(now, deliveries) {
            self.receive(now, batch, &mut step);
        }
        self.tell_due(now, &mut step);
        self.close_day(now);
        step
    }

    /// Saves what every home remembers, so that the next start has nothing to replay: the last step, and the last of a
    /// town's past.
    pub fn finish(&mut self, now: Instant) {
        self.live.save_all();
        self.tell_due(now, &mut Step::default());
    }

    fn take_in(&mut self, now: Instant, signals: &[Signal]) {
        let mut homes: Vec<HomeId> = Vec::new();
        let mut all = false;
        for signal in signals {
            match signal {
                Signal::Home(home) => homes.push(*home),
                Signal::Region => all = true,
                Signal::Person(person) => homes.extend(self.stop_without_ground(now, *person)),
            }
        }
        if now >= self.absences_at {
            self.absences_at = now + ABSENCES;
            homes.extend(self.live.with_absences());
        }
        homes.sort_unstable();
        homes.dedup();
        let read = self.db.read_blocking(move |tx| {
            if all {
                return watch::live::read_homes(tx, now);
            }
            let mut fresh = Vec::with_capacity(homes.len());
            for home in homes {
                fresh.extend(watch::live::read_home(tx, home, now)?);
            }
            Ok::<_, WatchError>(fresh)
        });
        match read {
            Ok(fresh) => fresh.into_iter().for_each(|home| self.live.refresh(home, now)),
            Err(error) => {
                tracing::error!(%error, "what changed about a home could not be read");
                self.doubtful = true;
            }
        }
    }

    /// Throws the memory away for what the database holds, as a start does. What is known of the lines is kept: it is
    /// about the connections of this process, and no commit can have changed it. Read in the writer's turn: a reader would
    /// not see a commit that still waits at its server, and the writer waits for its end.
    fn read_anew(&mut self, now: Instant) {
        match self.db.write_blocking(move |tx| watch::live::load(tx, now)) {
            Ok(fresh) => {
                self.live.replace(fresh);
                self.doubtful = false;
                tracing::warn!(homes = self.live.homes(), "the watch was read anew");
            }
            Err(error) => tracing::error!(%error, "the watch cannot be read anew"),
        }
    }

    fn stop_without_ground(&mut self, now: Instant, person: PersonId) -> Vec<HomeId> {
        let homes = self.live.homes_of(person);
        if homes.is_empty() {
            return homes;
        }
        let request = self.request();
        let ended = self.db.write_blocking(move |tx| {
            let ctx = Ctx::new(Actor::system("watch"), Purpose::Operation, now, request);
            watch::stop_without_ground(&ctx, tx, person)
        });
        if let Err(error) = ended {
            tracing::error!(%error, "a watch without its ground could not be ended");
        }
        homes
    }

    /// Deliveries in commits of bounded size; in careful times each alone, so that one cannot spoil the others.
    fn batches(&self, now: Instant, deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
        let most = if now < self.careful_until { 0 } else { limits::READINGS_PER_COMMIT };
        let mut batches: Vec<Vec<Delivery>> = Vec::new();
        let mut readings = usize::MAX;
        for delivery in deliveries {
            let more = delivery.arrivals.len();
            if readings.saturating_add(more) > most {
                batches.push(Vec::new());
                readings = 0;
            }
            readings += more;
            if let Some(batch) = batches.last_mut() {
                batch.push(delivery);
            }
        }
        batches
    }

    fn receive(&mut self, now: Instant, mut batch: Vec<Delivery>, step: &mut Step) {
        let refusing = self.conf.no_room.load(Ordering::Relaxed);
        if refusing {
            batch.iter_mut().for_each(only_the_line);
        }
        let timers = if now < self.careful_until { 0 } else { TIMERS };
        match self.commit(now, &batch, timers) {
            Ok(decision) => {
                self.count(&decision, step);
                let outcomes = decision.outcomes().to_vec();
                self.live.apply(decision);
                for (delivery, o) in batch.into_iter().zip(outcomes) {
                    let receipt = Receipt { stored: o.stored, duplicates: o.duplicates, refused: o.refused };
                    let answer = if refusing { Err(DeliveryError::Full) } else { Ok(receipt) };
                    let _ = delivery.done.send(answer);
                }
            }
            Err(error) => {
                let told = self.failed(now, &error, step);
                for delivery in batch {
                    let _ = delivery.done.send(Err(told));
                }
            }
        }
    }

    /// What became due, and saves that are owed.
    fn tell_due(&mut self, now: Instant, step: &mut Step) {
        for _ in 0..ROUNDS {
            if self.live.next_moment().is_none_or(|at| at > now) && !self.live.owes_save() {
                return;
            }
            let careful = now < self.careful_until;
            match self.commit(now, &[], if careful { 1 } else { TIMERS }) {
                Ok(decision) => {
                    self.count(&decision, step);
                    self.live.apply(decision);
                }
                Err(error) => {
                    self.failed(now, &error, step);
                    if !careful {
                        return;
                    }
                    self.live.postpone(now + AGAIN);
                }
            }
        }
    }

    fn commit(&mut self, now: Instant, batch: &[Delivery], timers: usize) -> Result<Decision, DbError> {
        if self.doubtful {
            return Err(DbError::Gone("the watch is read anew first".into()));
        }
        let bundles: Vec<Bundle<'_>> =
            batch.iter().map(|d| Bundle { arrivals: &d.arrivals, malformed: &d.malformed }).collect();
        let suspects = self.live.suspects(&bundles);
        let known = match suspects.is_empty() {
            true => Default::default(),
            false => self.db.read_blocking(move |tx| watch::live::known(tx, &suspects))?,
        };
        let (drawn, request) = (self.request(), self.request());
        let decision = self.live.decide(drawn, now, &bundles, &known, timers);
        if decision.writes.is_empty() {
            return Ok(decision);
        }
        let (writes, on_alert) = (decision.writes.clone(), self.on_alert.clone());
        self.db.write_blocking(move |tx| watch::live::commit(request, tx, &writes, &*on_alert))?;
        #[cfg(test)]
        if std::mem::take(&mut self.lose_answer) {
            return Err(DbError::Unknown("a test took the answer away".into()));
        }
        Ok(decision)
    }

    fn count(&self, decision: &Decision, step: &mut Step) {
        let (stored, alerts) = (decision.writes.rows_to_store() as u64, decision.writes.alerts().count() as u64);
        step.stored += stored;
        step.alerts += alerts;
        metrics::counter!("watch_readings_stored_total").increment(stored);
        metrics::counter!("watch_alerts_total").increment(alerts);
    }

    /// What senders are told. A fault that is not the database's as a whole begins a careful time.
    fn failed(&mut self, now: Instant, error: &DbError, step: &mut Step) -> DeliveryError {
        step.failed += 1;
        metrics::counter!("watch_commits_failed_total").increment(1);
        tracing::error!(%error, "a commit of the watch failed");
        match error {
            DbError::Full => DeliveryError::Full,
            DbError::Busy => DeliveryError::Busy,
            DbError::Lost | DbError::Gone(_) | DbError::Occupied | DbError::Superseded => DeliveryError::Fault,
            // Stored or not: the senders send again, and what was stored is then known as such.
            DbError::Unknown(_) => {
                self.doubtful = true;
                DeliveryError::Fault
            }
            _ => {
                self.careful_until = now + CAREFUL;
                self.doubtful |= self.is_behind();
                DeliveryError::Fault
            }
        }
    }

    /// Whether the database holds readings that this memory does not know.
    fn is_behind(&self) -> bool {
        self.db.read_blocking(watch::live::last_seq).is_ok_and(|last| last > self.live.last_seq())
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(Uuid::from_u128(self.conf.salt ^ self.requests))
    }
}

/// With no room for readings, the line to the gateway is still heard, or it would be taken for dead.
fn only_the_line(delivery: &mut Delivery) {
    let heard = delivery.arrivals.iter().map(|a| a.received_at).max();
    delivery.arrivals.retain(|a| a.serial.is_empty());
    delivery.malformed.clear();
    let line = |received_at| Arrival {
        gateway: delivery.gateway,
        serial: String::new(),
        signal: watch::Signal::Heartbeat,
        occurred_at: None,
        received_at,
        retained: false,
    };
    let lost = delivery.arrivals.iter().any(|a| a.signal == watch::Signal::LineLost);
    delivery.arrivals.extend(heard.filter(|_| !lost).map(line));
}
