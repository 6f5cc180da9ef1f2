//! The rooms as they stand: who is in, who is known, who was told to give way. What is decided here is decided by
//! `rules`; this only keeps count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use base::limits;
use metrics::{counter, gauge};
use tokio::sync::Notify;

use crate::rules::{self, Bounds, Newcomer, Plan, Refusal, Stranger, Verdict};
use crate::{Origin, TooFew};

/// The rooms of one program. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    pub plan: Plan,
    /// Connections to pages and HTTP readings.
    pub site: Room,
    /// Connections of MQTT.
    pub gateways: Room,
    /// Connections to the operations address.
    pub operations: Room,
    /// Requests under way to pages and HTTP readings.
    pub requests: Room,
    /// The same at the operations address.
    pub inquiries: Room,
}

impl Rooms {
    /// Rooms for a process with so many descriptors.
    pub fn open(descriptors: u64) -> Result<Rooms, TooFew> {
        let plan = rules::plan(descriptors)?;
        let familiar = Familiar::default();
        let room = |name, bounds| Room::new(name, bounds, familiar.clone());
        Ok(Rooms {
            plan,
            site: room("site", plan.site),
            gateways: room("gateways", plan.gateways),
            operations: room("operations", plan.operations),
            requests: room("requests", Bounds::requests()),
            inquiries: room("inquiries", Bounds::all_alike(limits::OPERATIONS_CONNECTIONS)),
        })
    }
}

/// Bounded places for connections or requests. Cheap to clone.
#[derive(Clone)]
pub struct Room(Arc<Inner>);

struct Inner {
    name: &'static str,
    bounds: Bounds,
    table: Mutex<Table>,
    familiar: Familiar,
}

#[derive(Default)]
struct Table {
    strangers: Vec<Arc<Life>>,
    known: usize,
    identities: HashMap<u128, usize>,
}

/// One connection or request while it is here.
struct Life {
    /// `None`: a trusted proxy, who speaks for many.
    origin: Option<Origin>,
    familiar: AtomicBool,
    /// Milliseconds of [`millis`] at its last byte.
    heard_at: AtomicU64,
    /// Answers we are working on.
    busy: AtomicUsize,
    gives_way: AtomicBool,
    told: Notify,
}

/// A place in a room; dropping it gives it back.
pub struct Place {
    room: Room,
    life: Arc<Life>,
    standing: Mutex<Standing>,
    known: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Stranger,
    Known(Option<u128>),
}

impl Room {
    pub fn new(name: &'static str, bounds: Bounds, familiar: Familiar) -> Room {
        Room(Arc::new(Inner { name, bounds, table: Mutex::default(), familiar }))
    }

    /// A place for somebody from this address, at once or never. Whoever gives way for it is told.
    pub fn enter(&self, ip: IpAddr) -> Result<Place, Refusal> {
        let origin = Origin::of(ip);
        let new = Newcomer { origin, familiar: self.0.familiar.knows(origin) };
        let life = Life::new(Some(origin), new.familiar);
        let mut table = self.table();
        let now = millis();
        let verdict = rules::decide(&new, table.strangers.iter().map(|life| life.seen(now)), &self.0.bounds);
        let leaving = match verdict {
            Verdict::Welcome => None,
            Verdict::InPlaceOf(at) => Some(table.strangers.swap_remove(at)),
            Verdict::Refused(why) => {
                self.refused(why);
                return Err(why);
            }
        };
        table.strangers.push(life.clone());
        drop(table);
        match leaving {
            Some(leaving) => self.dismiss(&leaving),
            None => self.gauge(false).increment(1.0),
        }
        Ok(self.place(life, Standing::Stranger))
    }

    /// A place for a proxy that is trusted: its connections are bounded in all, never by its address.
    pub fn enter_trusted(&self) -> Result<Place, Refusal> {
        let mut table = self.table();
        if table.known.saturating_add(table.strangers.len()) >= self.0.bounds.places() {
            self.refused(Refusal::Full);
            return Err(Refusal::Full);
        }
        table.known += 1;
        drop(table);
        self.gauge(true).increment(1.0);
        Ok(self.place(Life::new(None, true), Standing::Known(None)))
    }

    /// Tells the stranger that has been silent longest to go, whoever it is: the machine is out of descriptors.
    pub(crate) fn relieve(&self) -> bool {
        let mut table = self.table();
        let now = millis();
        let longest = table.strangers.iter().enumerate().max_by_key(|(_, life)| life.seen(now).silent);
        let Some((at, _)) = longest else { return false };
        let leaving = table.strangers.swap_remove(at);
        drop(table);
        self.gauge(false).decrement(1.0);
        self.dismiss(&leaving);
        true
    }

    /// Connections that this room can hold at once.
    pub fn places(&self) -> usize {
        self.0.bounds.places()
    }

    /// Strangers and known ones at this moment.
    pub fn count(&self) -> (usize, usize) {
        let table = self.table();
        (table.strangers.len(), table.known)
    }

    /// Counts somebody who was not let in, or whose time was over.
    pub fn count_refused(&self, why: &'static str) {
        counter!("admission_refused_total", "room" => self.0.name, "why" => why).increment(1);
    }

    fn refused(&self, why: Refusal) {
        self.count_refused(why.key());
    }

    fn dismiss(&self, life: &Life) {
        self.count_refused("gave_way");
        life.gives_way.store(true, Ordering::Release);
        life.told.notify_one();
    }

    fn place(&self, life: Arc<Life>, standing: Standing) -> Place {
        let known = AtomicBool::new(standing != Standing::Stranger);
        Place { room: self.clone(), life, standing: Mutex::new(standing), known }
    }

    fn gauge(&self, known: bool) -> metrics::Gauge {
        gauge!("admission_present", "room" => self.0.name, "who" => if known { "known" } else { "strangers" })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is held.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Something came in on it.
    pub fn heard(&self) {
        self.life.heard_at.store(millis(), Ordering::Relaxed);
    }

    /// We work for it as long as this is held; meanwhile it does not give way.
    pub fn working(&self) -> Working<'_> {
        self.work(true);
        Working(self)
    }

    /// We begin (`true`) or end to work for it.
    pub(crate) fn work(&self, begins: bool) {
        match begins {
            true => self.life.busy.fetch_add(1, Ordering::Relaxed),
            false => self.life.busy.fetch_sub(1, Ordering::Relaxed),
        };
    }

    /// It belongs to a living session or to a gateway that showed its credential; `who` is the same number for the same
    /// one. Moves it to those known, where there is room and this one has not too many there already.
    pub fn know(&self, who: u128) -> bool {
        if let Some(origin) = self.life.origin {
            self.room.0.familiar.see(origin);
        }
        if self.is_known() {
            return true;
        }
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = &self.room.0.bounds;
        let mut table = self.room.table();
        let of_this_one = table.identities.get(&who).copied().unwrap_or_default();
        if table.known >= bounds.known || of_this_one >= bounds.per_identity || *standing != Standing::Stranger {
            return *standing != Standing::Stranger;
        }
        // Whoever was told to go a moment ago is no longer in the table.
        let Some(at) = table.strangers.iter().position(|life| Arc::ptr_eq(life, &self.life)) else { return false };
        table.strangers.swap_remove(at);
        table.known += 1;
        *table.identities.entry(who).or_default() += 1;
        *standing = Standing::Known(Some(who));
        self.known.store(true, Ordering::Release);
        self.room.gauge(false).decrement(1.0);
        self.room.gauge(true).increment(1.0);
        true
    }

    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    /// Resolves when it is to give way to somebody else. For one waiter at a time.
    pub async fn gives_way(&self) {
        while !self.life.gives_way.load(Ordering::Acquire) {
            self.life.told.notified().await;
        }
    }

    pub fn room(&self) -> &Room {
        &self.room
    }
}

/// Held while we work for whoever has a place.
pub struct Working<'p>(&'p Place);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.work(false);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let standing = *self.standing.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.room.table();
        match standing {
            Standing::Stranger => {
                let at = table.strangers.iter().position(|life| Arc::ptr_eq(life, &self.life));
                if let Some(at) = at {
                    table.strangers.swap_remove(at);
                    self.room.gauge(false).decrement(1.0);
                }
            }
            Standing::Known(who) => {
                table.known -= 1;
                self.room.gauge(true).decrement(1.0);
                if let Some(who) = who
                    && let Some(count) = table.identities.get_mut(&who)
                {
                    *count -= 1;
                    if *count == 0 {
                        table.identities.remove(&who);
                    }
                }
            }
        }
    }
}

impl Life {
    fn new(origin: Option<Origin>, familiar: bool) -> Arc<Life> {
        Arc::new(Life {
            origin,
            familiar: familiar.into(),
            heard_at: millis().into(),
            busy: 0.into(),
            gives_way: false.into(),
            told: Notify::new(),
        })
    }

    fn seen(&self, now: u64) -> Stranger {
        Stranger {
            // A trusted proxy never stands among the strangers.
            origin: self.origin.unwrap_or(Origin::V4(0)),
            familiar: self.familiar.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed) > 0,
            silent: Duration::from_millis(now.saturating_sub(self.heard_at.load(Ordering::Relaxed))),
        }
    }
}

/// Addresses at which a desk or a gateway was known within a day; shared by the rooms, forgotten with the process.
#[derive(Clone, Default)]
pub struct Familiar(Arc<Mutex<HashMap<Origin, u64>>>);

impl Familiar {
    fn knows(&self, origin: Origin) -> bool {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(&origin).is_some_and(|seen| millis() - seen <= limits::FAMILIAR_FOR.as_millis() as u64)
    }

    fn see(&self, origin: Origin) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= limits::FAMILIAR_ADDRESSES && !table.contains_key(&origin) {
            let oldest = table.iter().min_by_key(|(_, seen)| **seen).map(|(origin, _)| *origin);
            oldest.map(|origin| table.remove(&origin));
        }
        table.insert(origin, millis());
    }
}

/// Milliseconds since the first call in this process, never 0.
pub(crate) fn millis() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
