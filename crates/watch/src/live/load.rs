//! From the database into memory: everything at the start, one home when a command changed it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use base::{HomeId, Instant, Span};
use db::{DbError, Tx};
use people::ConsentScope;

use super::hear::{Code, Reading, take};
use super::home::{Away, DeviceFixed, Fault, HomeFixed, HomeState, NEVER};
use super::{Home, Key, Live, OpenFault, OpenOutage, Shared, Unsaved};
use crate::WatchError;
use crate::rules::stretches;
use crate::settings::Settings;
use crate::store::{absence, alert, device, history, home, state};

/// Readings replayed in one go.
const PAGE: usize = 20_000;
/// So far ahead absences are handed to the rhythm; the station looks again long before.
const AHEAD: Span = Span::days(2);
/// Stretches handed over at a time: the rhythm keeps four, one of them for the absence that ended last.
const STRETCHES: usize = 3;
/// A room that was looked after is told again after this time, if it is still beyond its limit.
const REARM: Span = Span::hours(2);

/// What commands have set for one home, read anew.
pub struct Fresh {
    fixed: HomeFixed,
    standing: HashSet<base::AlertId>,
}

/// Which of these readings are stored already.
pub fn known(tx: &mut dyn Tx, keys: &[Key]) -> Result<HashSet<Key>, DbError> {
    state::known(tx, keys)
}

/// One home as commands have set it; `None` if the watch does not know it.
pub fn read_home(tx: &mut dyn Tx, id: HomeId, now: Instant) -> Result<Option<Fresh>, WatchError> {
    let Some(no) = home::no_of(tx, id)? else { return Ok(None) };
    Ok(read(tx, Some(no), now)?.pop())
}

/// All homes as commands have set them.
pub fn read_homes(tx: &mut dyn Tx, now: Instant) -> Result<Vec<Fresh>, WatchError> {
    read(tx, None, now)
}

fn read(tx: &mut dyn Tx, only: Option<u32>, now: Instant) -> Result<Vec<Fresh>, WatchError> {
    let region = home::changes(tx, Some(home::REGION))?
        .pop()
        .map_or_else(Settings::default, |(_, c)| c.over(&Settings::default()));
    let region = Arc::new(region);
    let mut own: HashMap<u32, _> = home::changes(tx, only)?.into_iter().collect();
    let mut words: HashSet<Arc<str>> = HashSet::new();
    let mut gateways: HashMap<u32, device::GatewayRow> =
        device::gateways(tx, only)?.into_iter().map(|g| (g.home, g)).collect();
    let mut devices: HashMap<u32, Vec<DeviceFixed>> = HashMap::new();
    for row in device::devices(tx, only)? {
        let d = row.device;
        let place = shared(&mut words, &d.place);
        let test = Some(row.test).filter(|test| test.0 < test.1).map(Box::new);
        let fixed = DeviceFixed { no: row.no, id: d.id, kind: d.kind, serial: d.serial.into(), place, test };
        devices.entry(row.home).or_default().push(fixed);
    }
    let mut absences: HashMap<u32, Vec<Away>> = HashMap::new();
    for (no, absence) in absence::ahead(tx, only, now - Span::days(1))? {
        let (from, until) = (now - Span::days(1), now + AHEAD);
        let away = |(from, until)| Away { absence: absence.id, from, until };
        absences.entry(no).or_default().extend(stretches(&absence, from, until).into_iter().map(away));
    }
    let standing: HashSet<base::AlertId> = match only {
        Some(no) => alert::standing_of_home(tx, no)?.into_iter().map(|a| a.id).collect(),
        None => alert::standing(tx)?.into_iter().collect(),
    };
    let mut all = Vec::new();
    for row in home::homes(tx, only)? {
        let gateway = gateways.remove(&row.no);
        let mut away = absences.remove(&row.no).unwrap_or_default();
        away.sort_unstable_by_key(|a| (a.from, a.until));
        let person = match row.person {
            Some(person) if people::consent_state(tx, person, ConsentScope::Watch)?.allows() => Some(person),
            _ => None,
        };
        let fixed = HomeFixed {
            no: row.no,
            id: row.id,
            person,
            begun_at: row.begun_at.unwrap_or(now),
            area: shared(&mut words, &row.area),
            carrier: shared(&mut words, gateway.as_ref().map_or("", |g| &g.gateway.carrier)),
            gateway: gateway.as_ref().map(|g| (g.no, g.gateway.id)),
            registered_at: gateway.as_ref().map_or(now, |g| g.gateway.registered_at),
            devices: devices.remove(&row.no).unwrap_or_default().into(),
            absences: away.into(),
            settings: own.remove(&row.no).map_or_else(|| region.clone(), |c: crate::Changes| Arc::new(c.over(&region))),
            reassured_at: row.reassured_at,
        };
        all.push(Fresh { fixed, standing: standing.clone() });
    }
    Ok(all)
}

/// Areas, carriers and rooms repeat from home to home; each is kept once.
fn shared(words: &mut HashSet<Arc<str>>, word: &str) -> Arc<str> {
    if let Some(known) = words.get(word) {
        return known.clone();
    }
    let new: Arc<str> = word.into();
    words.insert(new.clone());
    new
}

/// Loads the saved states, replays the readings they lack, and takes in what commands have set meanwhile. `now` counts
/// as our awakening: nothing is told before gateways are heard.
pub fn load(tx: &mut dyn Tx, now: Instant) -> Result<Live, WatchError> {
    let mut live = Live {
        homes: HashMap::new(),
        by_id: HashMap::new(),
        gateways: HashMap::new(),
        queue: BTreeSet::new(),
        unsaved: VecDeque::new(),
        to_save: BTreeSet::new(),
        forgotten: BTreeSet::new(),
        open_faults: HashMap::new(),
        open_outages: HashMap::new(),
        last_seq: state::last_seq(tx)?,
        woke_at: now,
        stamp: 0,
    };
    let mut fresh = read(tx, None, now)?;
    let mut saved: HashMap<u32, (HomeState, i64)> = HashMap::new();
    for row in state::states(tx)? {
        match HomeState::decode(&row.body) {
            Ok(state) => drop(saved.insert(row.home, (state, row.upto_seq))),
            Err(_) => tracing::error!(home = row.home, "the saved state of a home is damaged; it learns anew"),
        }
    }
    // What was learned under an earlier contract ended with it.
    let begun: HashMap<u32, Instant> =
        fresh.iter().filter(|f| f.fixed.person.is_some()).map(|f| (f.fixed.no, f.fixed.begun_at)).collect();
    saved.retain(|no, (state, _)| begun.get(no).is_some_and(|begun| state.watched_since == *begun));
    for Fresh { fixed, .. } in &fresh {
        let (state, _) = saved.entry(fixed.no).or_insert_with(|| (HomeState::new(fixed.registered_at), 0));
        state.watched_since = fixed.begun_at;
    }
    let floor = state::floor(tx)?;
    let behind = replay(tx, floor, &fresh, &mut saved)?;
    faults(tx, &mut live, &mut saved)?;
    for one in fresh.drain(..) {
        let no = one.fixed.no;
        let Some((state, _)) = saved.remove(&no) else { continue };
        let mut unsaved = 0;
        if behind.contains(&no) && one.fixed.person.is_some() {
            live.stamp += 1;
            unsaved = live.stamp;
            live.unsaved.push_back(Unsaved { since: now, home: no, first_seq: floor + 1, stamp: unsaved });
        }
        live.settle(one, state, unsaved, now);
    }
    Ok(live)
}

/// Takes the readings after the saved states, in the order in which they were stored; gives the homes they moved.
fn replay(
    tx: &mut dyn Tx,
    floor: i64,
    fresh: &[Fresh],
    saved: &mut HashMap<u32, (HomeState, i64)>,
) -> Result<HashSet<u32>, WatchError> {
    let mut moved = HashSet::new();
    let mut place: HashMap<u32, (usize, usize)> = HashMap::new();
    for (at, one) in fresh.iter().enumerate() {
        place.extend(one.fixed.devices.iter().enumerate().map(|(index, d)| (d.no, (at, index))));
    }
    let mut after = floor;
    let mut effects = Vec::new();
    loop {
        let page = state::tail(tx, after, PAGE)?;
        for row in &page {
            after = row.get(0)?;
            let Some(&(at, index)) = place.get(&row.get::<u32>(1)?) else { continue };
            let fixed = &fresh[at].fixed;
            let Some((state, upto)) = saved.get_mut(&fixed.no) else { continue };
            let Some(code) = Code::from_number(row.get(2)?) else { continue };
            let (occurred_at, received_at): (Instant, Instant) = (row.get(4)?, row.get(5)?);
            if after <= *upto || received_at < fixed.begun_at {
                continue;
            }
            let value = row.get::<Option<f64>>(3)?.unwrap_or_default() as f32;
            state.line.hear(received_at, NEVER);
            state.device(fixed.devices[index].no).online = true;
            take(fixed, state, index, &Reading { code, value, occurred_at, received_at }, &mut effects);
            // What a reading asked for was written in the commit that stored it.
            effects.clear();
            moved.insert(fixed.no);
        }
        if page.len() < PAGE {
            return Ok(moved);
        }
    }
}

fn faults(tx: &mut dyn Tx, live: &mut Live, saved: &mut HashMap<u32, (HomeState, i64)>) -> Result<(), WatchError> {
    for (_, (state, _)) in saved.iter_mut() {
        state.line.fault = None;
    }
    for (id, no, began_at, outage) in history::open_faults(tx)? {
        live.open_faults.insert(id, OpenFault { home: no, began_at, outage });
        if let Some((state, _)) = saved.get_mut(&no) {
            state.line.fault = Some(Box::new(Fault { id, began_at }));
        }
    }
    for (id, shared, name, began_at) in history::open_outages(tx)? {
        let shared = Shared::from_key(&shared).ok_or(DbError::Shape { column: 1, wanted: "Shared" })?;
        live.open_outages.insert(id, OpenOutage { shared, name: name.into(), began_at });
    }
    Ok(())
}

impl Live {
    /// Takes in what a command changed about a home. The change is saved with the next commit.
    pub fn refresh(&mut self, fresh: Fresh, now: Instant) {
        let (no, person) = (fresh.fixed.no, fresh.fixed.person);
        let mut unsaved = 0;
        let mut state = match self.homes.remove(&no) {
            Some(old) => {
                self.by_id.remove(&old.fixed.id);
                if let Some((_, gateway)) = old.fixed.gateway {
                    self.gateways.remove(&gateway);
                }
                if let Some(at) = old.wake {
                    self.queue.remove(&(at, no));
                }
                unsaved = old.unsaved;
                old.state
            }
            None => HomeState::new(now),
        };
        let same_contract = person.is_some() && state.watched_since == fresh.fixed.begun_at;
        if !same_contract {
            // Another contract, or none: what was learned of the home ends with the old one.
            let line = state.line.clone();
            state = HomeState { line, ..HomeState::new(now) };
            state.watched_since = fresh.fixed.begun_at;
        }
        if person.is_none() {
            self.forgotten.insert(no);
            if let Some(fault) = state.line.fault.take() {
                self.open_faults.remove(&fault.id);
            }
        }
        self.settle(fresh, state, unsaved, now);
        self.to_save.insert(no);
    }

    /// Puts a home in its place, its state brought into line with what commands have set.
    fn settle(&mut self, fresh: Fresh, mut state: HomeState, unsaved: u64, now: Instant) {
        let Fresh { fixed, standing } = fresh;
        state.devices.retain(|d| fixed.devices.iter().any(|f| f.no == d.no));
        state.standing.retain(|s| standing.contains(&s.alert));
        state.rhythm.end_excuses(now);
        let ahead = fixed.absences.iter().filter(|a| a.until > now && a.from < now + AHEAD);
        ahead.take(STRETCHES).for_each(|a| state.rhythm.excuse(a.from, a.until));
        if let Some(at) = fixed.reassured_at.filter(|at| state.reassured_at.is_none_or(|known| *at > known)) {
            state.reassure(at);
        }
        state.due = None;
        let no = fixed.no;
        self.by_id.insert(fixed.id, no);
        if let Some((_, gateway)) = fixed.gateway {
            self.gateways.insert(gateway, no);
        }
        self.homes.insert(no, Box::new(Home { fixed: Arc::new(fixed), state, wake: None, unsaved }));
        self.plan(no);
    }

    /// Homes whose absences change with the day: to be refreshed from time to time.
    pub fn with_absences(&self) -> Vec<HomeId> {
        self.homes.values().filter(|h| !h.fixed.absences.is_empty()).map(|h| h.fixed.id).collect()
    }
}

impl HomeState {
    /// Somebody made sure that the person is well: silence counts anew, and every rule may speak again.
    fn reassure(&mut self, at: Instant) {
        self.reassured_at = Some(at);
        self.rhythm.reassured(at);
        if self.last_sign.is_none_or(|last| at > last) {
            self.told = [false; 2];
        }
        for climate in self.devices.iter_mut().filter_map(|d| d.climate.as_mut()) {
            for (since, told) in climate.since.iter_mut().flatten().zip(climate.told.iter_mut().flatten()) {
                if *told {
                    (*since, *told) = (at + REARM, false);
                }
            }
        }
    }
}
