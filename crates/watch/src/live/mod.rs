//! All homes in memory, owned by one loop: takes what gateways brought and what time passed, and decides what is to be
//! written. Deciding changes nothing; only [`Live::apply`], after the commit, does. So a lost commit costs nothing, and
//! whatever was acknowledged is in the database.
//!
//! What a home remembers is saved at most once a minute ([`SAVE_AFTER`]) with the number of the last reading it stands
//! for. Whatever a timer or a command changed is saved with the commit that changed it, so that the stored state plus
//! the readings after it give the lost state again.

mod code;
mod commit;
pub(crate) mod decide;
mod decision;
mod due;
mod gateway;
mod group;
pub(crate) mod hear;
pub(crate) mod home;
mod line;
mod load;
pub(crate) mod meter;
pub(crate) mod movement;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use base::{GatewayId, HomeId, Instant, RequestId, Span};
use uuid::Uuid;

pub use commit::{OnAlert, commit};
pub(crate) use decision::NewFault;
pub use decision::{Bundle, Decision, Outcome, Writes};
use gateway::Gateway;
use hear::Counted;
pub(crate) use home::NEVER;
use home::{HomeFixed, HomeState};
use line::Line;
pub(crate) use load::consents;
pub use load::{Fresh, known, last_seq, load, read_home, read_homes};

use crate::Arrival;
use crate::clock::{self, Moment};
use crate::day::DayLog;
use crate::store::history;

/// A reading that took longer than this to reach us is late: it fires and clears nothing.
pub const LATE: Span = Span::minutes(15);
/// A press of the button that waited longer than this in a gateway says so.
pub const BUTTON_LATE: Span = Span::hours(2);
/// What a gateway kept while we did not hear it follows within this time.
pub const SETTLE: Span = Span::seconds(30);
/// A changed home is saved after this time, where nothing else is said.
pub const SAVE_AFTER: Span = Span::minutes(1);
/// Homes saved in one decision.
const SAVES: usize = 400;
/// Bytes of one entry of a sorted queue, with its share of nodes that are two thirds full.
const QUEUED: usize = 28;
/// Homes whose timers are looked at in one decision.
pub const TIMERS: usize = 1000;

/// The memory of the watch.
pub struct Live {
    homes: HashMap<u32, Box<Home>>,
    gateways: HashMap<u32, Box<Gateway>>,
    gateway_nos: HashMap<GatewayId, u32>,
    /// Homes by the moment at which something may become due.
    queue: BTreeSet<(Instant, u32)>,
    /// Gateways by the moment at which their silence becomes a fault.
    line_queue: BTreeSet<(Instant, u32)>,
    /// By gateway: homes with a deadline that waits until it is heard.
    waiting: HashMap<u32, BTreeSet<u32>>,
    /// Faults of gateways behind which nobody is watched any more: (fault, gateway), to be ended.
    orphaned: Vec<(Uuid, u32)>,
    /// Homes changed since their last save: when, which, and the first reading that the saved state lacks.
    unsaved: VecDeque<Unsaved>,
    /// Homes that a command changed: to be saved with the next commit.
    to_save: BTreeSet<u32>,
    /// Homes whose contract ended: what was learned of them is to be deleted with the next commit.
    forgotten: BTreeSet<u32>,
    /// By gateway: when a device that nobody registered last told of life there.
    strangers: HashMap<u32, Instant>,
    /// By device: what was counted since its home was saved.
    counts: HashMap<u32, Counted>,
    open_faults: HashMap<Uuid, OpenFault>,
    open_outages: HashMap<Uuid, OpenOutage>,
    last_seq: i64,
    woke_at: Instant,
    stamp: u64,
    save_after: Span,
}

struct Home {
    fixed: Arc<HomeFixed>,
    state: HomeState,
    wake: Option<Instant>,
    /// The stamp of its entry in `unsaved`; 0: saved.
    unsaved: u64,
}

#[derive(Clone, Copy, Debug)]
struct Unsaved {
    since: Instant,
    home: u32,
    first_seq: i64,
    stamp: u64,
}

#[derive(Clone, Debug)]
struct OpenFault {
    gateway: u32,
    began_at: Instant,
    outage: Option<Uuid>,
}

#[derive(Clone, Debug)]
struct OpenOutage {
    shared: Shared,
    name: Arc<str>,
    began_at: Instant,
}

/// What homes that fell silent together have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shared {
    Area,
    Carrier,
}

impl Shared {
    pub const fn key(self) -> &'static str {
        match self {
            Shared::Area => "area",
            Shared::Carrier => "carrier",
        }
    }
    pub fn from_key(key: &str) -> Option<Shared> {
        [Shared::Area, Shared::Carrier].into_iter().find(|s| s.key() == key)
    }
}

impl Live {
    /// Decides about one batch and about what became due by `now`, in at most `timers` homes. `known` are the suspects
    /// found stored already.
    pub fn decide(
        &self,
        request: RequestId,
        now: Instant,
        bundles: &[Bundle<'_>],
        known: &HashSet<Key>,
        timers: usize,
    ) -> Decision {
        decide::decide(self, request, now, bundles, known, timers)
    }

    /// The readings of a batch that may be stored already: not newer than the newest one of their device.
    pub fn suspects(&self, bundles: &[Bundle<'_>]) -> Vec<Key> {
        let arrivals = bundles.iter().flat_map(|b| b.arrivals);
        arrivals.flat_map(|a| self.suspects_of(a).into_iter().flatten()).collect()
    }

    /// As of every moment under which it may stand, whatever this batch tells of its gateway's clock.
    fn suspects_of(&self, arrival: &Arrival) -> Option<impl Iterator<Item = Key>> {
        let code = decide::stored_code(arrival)?.0;
        let gateway = self.gateways.get(self.gateway_nos.get(&arrival.gateway)?)?;
        let (no, index) = self.find(gateway.no, &arrival.serial)?;
        let home = &self.homes[&no];
        let device = home.fixed.devices[index].no;
        let newest = home.state.devices.iter().find(|d| d.no == device)?.last_at;
        let Moment { at, plain, stored_as, .. } = clock::moment(gateway.line.clock.as_deref(), arrival);
        let others = [Some(plain).filter(|plain| *plain != at), stored_as.filter(|then| *then != at && *then != plain)];
        let all = others.into_iter().flatten().chain([at]);
        Some(all.filter(move |at| *at <= newest).map(move |at| (at, device, code as u8)))
    }

    /// Takes over what was committed. Afterwards the deliveries may be answered.
    pub fn apply(&mut self, decision: Decision) {
        decision::apply(self, decision);
    }

    /// The machine slept, or its clock jumped: nothing is told before gateways are heard again.
    pub fn wake(&mut self, now: Instant) {
        self.woke_at = now;
        let homes: Vec<u32> = self.homes.keys().copied().collect();
        homes.into_iter().for_each(|no| self.plan(no));
        let gateways: Vec<u32> = self.gateways.keys().copied().collect();
        gateways.into_iter().for_each(|no| self.plan_line(no));
    }

    /// Puts off the timers that are due first: what they want to write cannot be written now.
    pub fn postpone(&mut self, until: Instant) {
        if let Some(&(_, home)) = self.queue.first() {
            self.set_wake(home, Some(until));
        }
    }

    /// A changed home is saved after this time from now on.
    pub fn save_after(&mut self, time: Span) {
        self.save_after = time;
    }

    /// Saves every changed home with the next commits: the program is about to stop.
    pub fn save_all(&mut self) {
        self.to_save.extend(self.unsaved.iter().map(|u| u.home));
    }

    /// Takes over a memory read anew from the database, after a commit of which nobody knows how it ended. Lines stay as
    /// they are known here: a connection that stands does not say so again. What was owed to the database still is.
    pub fn replace(&mut self, fresh: Live) {
        let old = std::mem::replace(self, fresh);
        self.save_after = old.save_after;
        for (no, known) in old.gateways {
            if let Some(gateway) = self.gateways.get_mut(&no) {
                let (fault, clock) = (gateway.line.fault.take(), gateway.line.clock.take());
                gateway.line = Line { fault, clock, ..known.line };
            }
        }
        self.to_save.extend(old.to_save.into_iter().filter(|no| self.homes.contains_key(no)));
        self.forgotten.extend(old.forgotten);
        self.wake(old.woke_at);
    }

    /// Homes under contract with this person.
    pub fn homes_of(&self, person: base::PersonId) -> Vec<HomeId> {
        self.homes.values().filter(|h| h.fixed.person == Some(person)).map(|h| h.fixed.id).collect()
    }

    /// What has been learned of a home; `None` where it is not known here.
    pub fn rhythm(&self, home: HomeId) -> Option<&crate::rhythm::Rhythm> {
        self.homes.values().find(|known| known.fixed.id == home).map(|known| &known.state.rhythm)
    }

    /// When the next timer or save is due.
    pub fn next_moment(&self) -> Option<Instant> {
        let timers = self.queue.first().into_iter().chain(self.line_queue.first()).map(|(at, _)| *at);
        let save = self.unsaved.front().map(|u| u.since + self.save_after);
        timers.chain(save).min()
    }

    /// Whether a commit is owed even without any delivery: a command changed a home.
    pub fn owes_save(&self) -> bool {
        !self.to_save.is_empty() || !self.forgotten.is_empty() || !self.orphaned.is_empty()
    }

    pub fn homes(&self) -> usize {
        self.homes.len()
    }

    /// Homes whose person is watched now.
    pub fn watched(&self) -> usize {
        self.homes.values().filter(|h| h.fixed.person.is_some()).count()
    }

    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Bytes held for one home on average, the indexes' share included: what `bytes_per_home` reports.
    pub fn bytes_per_home(&self) -> usize {
        let entry = |n: usize| n * 8 / 7 + 1;
        let indexes = size_of::<(u32, Box<Home>)>() * entry(self.homes.capacity())
            + size_of::<(GatewayId, u32)>() * entry(self.gateway_nos.capacity())
            + size_of::<(u32, Box<Gateway>)>() * entry(self.gateways.capacity())
            + self.gateways.values().map(|g| g.bytes()).sum::<usize>()
            + (self.queue.len() + self.line_queue.len()) * QUEUED
            + self.unsaved.capacity() * size_of::<Unsaved>()
            + size_of::<(u32, Counted)>() * entry(self.counts.capacity());
        let held: usize = self.homes.values().map(|h| size_of::<Home>() + h.fixed.bytes() + h.state.heap_bytes()).sum();
        (indexes + held) / self.homes.len().max(1)
    }

    /// The device of this serial behind a gateway: (home, index).
    fn find(&self, gateway: u32, serial: &str) -> Option<(u32, usize)> {
        self.gateways.get(&gateway)?.candidates(serial).find_map(|no| {
            let here = |d: &home::DeviceFixed| d.gateway == gateway && *d.serial == *serial;
            Some((no, self.homes.get(&no)?.fixed.devices.iter().position(here)?))
        })
    }

    /// The sensors of one box: (home, index).
    fn parts(&self, gateway: u32, of: &str) -> Vec<(u32, usize)> {
        let here = |d: &home::DeviceFixed| {
            d.gateway == gateway && d.serial.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'))
        };
        let homes = self.gateways.get(&gateway).map(|gateway| gateway.homes()).unwrap_or_default();
        let homes = homes.iter().filter_map(|no| Some((*no, self.homes.get(no)?)));
        homes
            .flat_map(|(no, home)| {
                let devices = home.fixed.devices.iter().enumerate();
                devices.filter(|(_, d)| here(d)).map(move |(index, _)| (no, index))
            })
            .collect()
    }

    /// Whether anybody is watched behind a gateway.
    fn is_watched(&self, gateway: &Gateway) -> bool {
        gateway.homes().iter().any(|no| self.homes.get(no).is_some_and(|h| h.fixed.person.is_some()))
    }

    /// When the silence of a gateway is a fault, unless it is heard before.
    fn fault_due(&self, gateway: &Gateway, line: &Line) -> Option<Instant> {
        let after = self.homes.get(&gateway.home)?.fixed.settings.line_fault;
        line.fault_due(self.woke_at, after).filter(|_| self.is_watched(gateway))
    }

    fn note_waiting(&mut self, home: u32, waits: bool) {
        let Some(fixed) = self.homes.get(&home).map(|h| h.fixed.clone()) else { return };
        for gateway in fixed.gateways() {
            if waits {
                self.waiting.entry(gateway).or_default().insert(home);
            } else if let Some(homes) = self.waiting.get_mut(&gateway) {
                homes.remove(&home);
            }
        }
    }

    /// Takes a line over. Homes that waited for it are looked at next.
    fn take_line(&mut self, no: u32, line: Line, looked_at: Option<Option<Instant>>, writes: &Writes) {
        let Some(gateway) = self.gateways.get_mut(&no) else { return };
        let heard = line.heard_at > gateway.line.heard_at || line.connected != gateway.line.connected;
        gateway.line = line;
        if writes.lines.iter().any(|written| written.gateway == no) {
            gateway.saved_at = writes.now;
        }
        if heard && let Some(homes) = self.waiting.remove(&no) {
            homes.into_iter().for_each(|home| self.set_wake(home, Some(writes.now)));
        }
        match looked_at {
            Some(exact) => self.set_line_wake(no, exact),
            None => {
                let gateway = &self.gateways[&no];
                let due = self.fault_due(gateway, &gateway.line);
                if due.is_some_and(|at| gateway.wake.is_none_or(|wake| at < wake)) {
                    self.set_line_wake(no, due);
                }
            }
        }
    }

    fn plan_line(&mut self, no: u32) {
        let Some(gateway) = self.gateways.get(&no) else { return };
        let due = self.fault_due(gateway, &gateway.line);
        self.set_line_wake(no, due);
    }

    fn set_line_wake(&mut self, no: u32, at: Option<Instant>) {
        let Some(gateway) = self.gateways.get_mut(&no) else { return };
        if gateway.wake == at {
            return;
        }
        if let Some(old) = gateway.wake {
            self.line_queue.remove(&(old, no));
        }
        gateway.wake = at;
        if let Some(at) = at {
            self.line_queue.insert((at, no));
        }
    }

    /// Looks at a home's timers at the earliest moment anything of it can be due.
    fn plan(&mut self, no: u32) {
        let Some(home) = self.homes.get(&no) else { return };
        let earliest = due::earliest(&home.fixed, &home.state);
        self.set_wake(no, earliest);
    }

    /// Looks at a home's timers earlier than planned, never later.
    fn wake_sooner(&mut self, no: u32) {
        let Some(home) = self.homes.get(&no) else { return };
        let earliest = due::earliest(&home.fixed, &home.state);
        if earliest.is_some_and(|at| home.wake.is_none_or(|wake| at < wake)) {
            self.set_wake(no, earliest);
        }
    }

    fn set_wake(&mut self, no: u32, at: Option<Instant>) {
        let Some(home) = self.homes.get_mut(&no) else { return };
        if home.wake == at {
            return;
        }
        if let Some(old) = home.wake {
            self.queue.remove(&(old, no));
        }
        home.wake = at;
        if let Some(at) = at {
            self.queue.insert((at, no));
        }
    }
}

/// What makes a reading the same one: moment, device, code.
pub type Key = (Instant, u32, u8);

/// The rhythm in a saved state, if it was learned under the contract that began then.
pub(crate) fn rhythm_of(body: &[u8], begun_at: Instant) -> Option<crate::rhythm::Rhythm> {
    HomeState::decode(body).ok().filter(|state| state.watched_since == begun_at).map(|state| state.rhythm)
}

/// Writes the daily values of `day` for homes after number `after`, at most `limit`; gives the last number, `None` when
/// all are done. To be repeated until then, some time after midnight; doing it again changes nothing.
pub fn close_day(tx: &mut dyn db::Tx, day: i32, after: u32, limit: usize) -> Result<Option<u32>, db::DbError> {
    let homes = history::watched_on(tx, day, after, limit)?;
    let wanted: Vec<(u32, i32)> = homes.iter().map(|home| (*home, day)).collect();
    let stored = history::days_at(tx, &wanted)?;
    let nothing = DayLog::default();
    history::derive_days(tx, wanted.iter().map(|at| (at.0, day, stored.get(at).unwrap_or(&nothing))))?;
    Ok(homes.last().copied().filter(|_| homes.len() == limit))
}
