//! From the database into memory: everything at the start, one home when a command changed it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use base::{HomeId, Instant, Span};
use db::{DbError, Tx};
use people::ConsentScope;

use super::gateway::Gateway;
use super::hear::{Code, Counted, Effect, Reading, take};
use super::home::{Away, DeviceFixed, HomeFixed, HomeState, NEVER};
use super::line::{Fault, Line};
use super::{Home, Key, Live, OpenFault, OpenOutage, SAVE_AFTER, Unsaved};
use crate::rules::stretches;
use crate::settings::region_settings;
use crate::store::{absence, alert, device, history, home, state};
use crate::{WatchError, adaptation};

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
    reassured_at: Option<Instant>,
    standing: HashSet<base::AlertId>,
    /// The person turned out to have been away then.
    away_at: Option<Instant>,
    /// Gateways in use through which the home is heard.
    gateways: Vec<device::GatewayRow>,
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
    let region = region_settings(tx)?;
    let percent = adaptation::percent(tx)?;
    let judged = Arc::new(region.clone().adapted(percent));
    let mut changes: HashMap<u32, _> = home::changes(tx, only)?.into_iter().collect();
    let mut words: HashSet<Arc<str>> = HashSet::new();
    let gateways = match only {
        Some(no) => device::gateways_serving(tx, no)?,
        None => device::gateways(tx, None)?,
    };
    let mut devices: HashMap<u32, Vec<DeviceFixed>> = HashMap::new();
    let mut tests: HashMap<u32, Vec<(u32, Instant, Instant)>> = HashMap::new();
    for row in device::devices(tx, only)? {
        let d = row.device;
        let place = shared(&mut words, &d.place);
        if row.test.0 < row.test.1 {
            tests.entry(row.home).or_default().push((row.no, row.test.0, row.test.1));
        }
        let (no, gateway, serial) = (row.no, row.gateway, base::kana::spelled(&d.serial).into());
        let fixed = DeviceFixed { no, gateway, id: d.id, kind: d.kind, serial, place };
        devices.entry(row.home).or_default().push(fixed);
    }
    let mut absences: HashMap<u32, Vec<Away>> = HashMap::new();
    for (no, absence) in absence::ahead(tx, only, now - Span::days(1))? {
        let (from, until) = (now - Span::days(1), now + AHEAD);
        let away = |(from, until)| Away { absence: absence.id, from, until };
        absences.entry(no).or_default().extend(stretches(&absence, from, until).into_iter().map(away));
    }
    let mut standing: HashMap<u32, HashSet<base::AlertId>> = HashMap::new();
    for (no, alert) in alert::standing(tx, only)? {
        standing.entry(no).or_default().insert(alert);
    }
    let away: HashMap<u32, Instant> = alert::found_away(tx, only)?.into_iter().collect();
    let standing_in: HashMap<u32, u32> = gateways.iter().map(|g| (g.home, g.no)).collect();
    let mut all = Vec::new();
    for row in home::homes(tx, only)? {
        let own: Option<u32> = standing_in.get(&row.no).copied();
        let mut announced = absences.remove(&row.no).unwrap_or_default();
        announced.sort_unstable_by_key(|a| (a.from, a.until));
        let person = match row.person {
            Some(person) if consents(tx, person)? => Some(person),
            _ => None,
        };
        let fixed = HomeFixed {
            no: row.no,
            id: row.id,
            person,
            begun_at: row.begun_at.unwrap_or(now),
            gateway: own.unwrap_or(0),
            devices: devices.remove(&row.no).unwrap_or_default().into(),
            tests: tests.remove(&row.no).unwrap_or_default().into(),
            absences: announced.into(),
            settings: changes
                .remove(&row.no)
                .map_or_else(|| judged.clone(), |c: crate::Changes| Arc::new(c.over(&region).adapted(percent))),
        };
        let standing = standing.get(&row.no).cloned().unwrap_or_default();
        let away_at = away.get(&row.no).copied();
        all.push(Fresh { fixed, reassured_at: row.reassured_at, standing, away_at, gateways: Vec::new() });
    }
    match (only, &mut all[..]) {
        (Some(_), [one]) => one.gateways = gateways,
        // Of all homes, each gateway is told once, with the home in which it stands.
        _ => {
            let mut by_home: HashMap<u32, Vec<device::GatewayRow>> = HashMap::new();
            gateways.into_iter().for_each(|g| by_home.entry(g.home).or_default().push(g));
            for one in &mut all {
                one.gateways = by_home.remove(&one.fixed.no).unwrap_or_default();
            }
        }
    }
    Ok(all)
}

/// Whether the watch rests on a consent. A consent that cannot be read is no withdrawal: the contract began with one and
/// a withdrawal ends it, so the home stays watched and the damage is told.
pub(crate) fn consents(tx: &mut dyn Tx, person: base::PersonId) -> Result<bool, WatchError> {
    match people::consent_state(tx, person, ConsentScope::Watch) {
        Ok(state) => Ok(state.allows()),
        Err(people::PeopleError::Db(DbError::Shape { column, .. })) => {
            tx.note_unreadable(db::Unreadable {
                list: "people_consent",
                id: person.to_string(),
                column,
                names: vec![person.0],
            });
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
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

/// The number of the newest reading stored.
pub fn last_seq(tx: &mut dyn Tx) -> Result<i64, WatchError> {
    Ok(state::last_seq(tx)?)
}

/// Loads the saved states, replays the readings they lack, and takes in what commands have set meanwhile. `now` counts
/// as our awakening: nothing is told before gateways are heard.
pub fn load(tx: &mut dyn Tx, now: Instant) -> Result<Live, WatchError> {
    let mut live = Live {
        homes: HashMap::new(),
        gateways: HashMap::new(),
        gateway_nos: HashMap::new(),
        queue: BTreeSet::new(),
        line_queue: BTreeSet::new(),
        waiting: HashMap::new(),
        orphaned: Vec::new(),
        strangers: HashMap::new(),
        counts: HashMap::new(),
        unsaved: VecDeque::new(),
        to_save: BTreeSet::new(),
        forgotten: BTreeSet::new(),
        open_faults: HashMap::new(),
        open_outages: HashMap::new(),
        last_seq: state::last_seq(tx)?,
        woke_at: now,
        stamp: 0,
        save_after: SAVE_AFTER,
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
        let (state, _) = saved.entry(fixed.no).or_insert_with(|| (HomeState::new(), 0));
        state.watched_since = fixed.begun_at;
    }
    let floor = state::floor(tx)?;
    let behind = replay(tx, floor, &fresh, &mut saved, &mut live.counts)?;
    for one in fresh.drain(..) {
        let no = one.fixed.no;
        let Some((state, _)) = saved.remove(&no) else { continue };
        let mut unsaved = 0;
        if behind.contains(&no) && one.fixed.person.is_some() {
            live.stamp += 1;
            unsaved = live.stamp;
            live.unsaved.push_back(Unsaved { since: now, home: no, first_seq: floor + 1, stamp: unsaved });
        }
        for row in &one.gateways {
            live.take_gateway(row);
        }
        live.settle(one, state, unsaved, now);
    }
    live.link_all();
    faults(tx, &mut live)?;
    live.wake(now);
    Ok(live)
}

/// Takes the readings after the saved states, in the order in which they were stored; gives the homes they moved.
fn replay(
    tx: &mut dyn Tx,
    floor: i64,
    fresh: &[Fresh],
    saved: &mut HashMap<u32, (HomeState, i64)>,
    counts: &mut HashMap<u32, Counted>,
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
            state.device(fixed.devices[index].no).online = true;
            take(fixed, state, index, &Reading { code, value, occurred_at, received_at, timed: true }, &mut effects);
            // What a reading asked for was written in the commit that stored it; what is counted waits for the state.
            for effect in effects.drain(..) {
                if let Effect::Count { device, what } = effect {
                    counts.entry(device).or_default().count(what);
                }
            }
            moved.insert(fixed.no);
        }
        if page.len() < PAGE {
            return Ok(moved);
        }
    }
}

fn faults(tx: &mut dyn Tx, live: &mut Live) -> Result<(), WatchError> {
    for (id, gateway, began_at, outage, cause) in history::open_faults(tx)? {
        live.open_faults.insert(id, OpenFault { gateway, began_at, outage });
        match live.gateways.get_mut(&gateway) {
            Some(gateway) => gateway.line.fault = Some(Box::new(Fault { id, began_at, cause })),
            None => live.orphaned.push((id, gateway)),
        }
    }
    for (id, shared, name, began_at) in history::open_outages(tx)? {
        live.open_outages.insert(id, OpenOutage { shared, name: name.into(), began_at });
    }
    Ok(())
}

impl Live {
    /// Takes in what a command changed about a home. The change is saved with the next commit.
    pub fn refresh(&mut self, fresh: Fresh, now: Instant) {
        let (no, person) = (fresh.fixed.no, fresh.fixed.person);
        let (mut unsaved, mut state) = (0, HomeState::new());
        let mut touched: BTreeSet<u32> = fresh.gateways.iter().map(|row| row.no).collect();
        if let Some(old) = self.homes.remove(&no) {
            if let Some(at) = old.wake {
                self.queue.remove(&(at, no));
            }
            for gateway in old.fixed.gateways() {
                touched.insert(gateway);
                if let Some(homes) = self.waiting.get_mut(&gateway) {
                    homes.remove(&no);
                }
            }
            (unsaved, state) = (old.unsaved, old.state);
        }
        if person.is_none() || state.watched_since != fresh.fixed.begun_at {
            // Another contract, or none: what was learned of the home ends with the old one.
            state = HomeState::new();
            state.watched_since = fresh.fixed.begun_at;
        }
        if person.is_none() {
            self.forgotten.insert(no);
        }
        let in_use: BTreeSet<u32> = fresh.gateways.iter().map(|row| row.no).collect();
        self.drop_gateways(no, &in_use);
        for row in &fresh.gateways {
            self.take_gateway(row);
        }
        self.settle(fresh, state, unsaved, now);
        self.to_save.insert(no);
        for gateway in touched {
            self.link(gateway);
        }
    }

    /// Gateways that stood in a home and are in use no longer.
    fn drop_gateways(&mut self, home: u32, in_use: &BTreeSet<u32>) {
        let gone: Vec<u32> =
            self.gateways.values().filter(|g| g.home == home && !in_use.contains(&g.no)).map(|g| g.no).collect();
        for no in gone {
            self.set_line_wake(no, None);
            self.waiting.remove(&no);
            self.open_faults.retain(|_, fault| fault.gateway != no);
            if let Some(gateway) = self.gateways.remove(&no) {
                self.gateway_nos.remove(&gateway.id);
            }
        }
    }

    fn take_gateway(&mut self, row: &device::GatewayRow) {
        self.gateway_nos.insert(row.gateway.id, row.no);
        let new = || {
            let mut line = Line::new(row.gateway.heard_at.unwrap_or(row.gateway.registered_at));
            line.radio_down = row.radio_down_at;
            line.clock = row.clock.clone();
            Box::new(Gateway {
                no: row.no,
                id: row.gateway.id,
                home: row.home,
                area: row.area.as_str().into(),
                carrier: row.gateway.carrier.as_str().into(),
                line,
                wake: None,
                saved_at: NEVER,
                index: None,
            })
        };
        let gateway = self.gateways.entry(row.no).or_insert_with(new);
        if *gateway.area != *row.area {
            gateway.area = row.area.as_str().into();
        }
    }

    /// Notes which homes speak through a gateway, and whether its line still matters.
    fn link(&mut self, no: u32) {
        let Some(mut gateway) = self.gateways.remove(&no) else { return };
        gateway.link(self.homes.values().map(|h| &*h.fixed));
        if !self.is_watched(&gateway)
            && let Some(fault) = gateway.line.fault.take()
        {
            self.orphaned.push((fault.id, no));
        }
        self.gateways.insert(no, gateway);
        self.plan_line(no);
    }

    fn link_all(&mut self) {
        let mut behind: HashMap<u32, Vec<u32>> = HashMap::new();
        for home in self.homes.values() {
            home.fixed.gateways().for_each(|gateway| behind.entry(gateway).or_default().push(home.fixed.no));
        }
        let mut words: HashSet<Arc<str>> = HashSet::new();
        for gateway in self.gateways.values_mut() {
            let homes = behind.remove(&gateway.no).unwrap_or_default();
            gateway.link(homes.iter().filter_map(|no| self.homes.get(no)).map(|h| &*h.fixed));
            gateway.area = shared(&mut words, &gateway.area);
            gateway.carrier = shared(&mut words, &gateway.carrier);
        }
    }

    /// Puts a home in its place, its state brought into line with what commands have set.
    fn settle(&mut self, fresh: Fresh, mut state: HomeState, unsaved: u64, now: Instant) {
        let Fresh { fixed, reassured_at, standing, away_at, .. } = fresh;
        state.devices.retain(|d| fixed.devices.iter().any(|f| f.no == d.no));
        state.standing.retain(|s| standing.contains(&s.alert));
        state.rhythm.end_excuses(now);
        let ahead = fixed.absences.iter().filter(|a| a.until > now && a.from < now + AHEAD);
        ahead.take(STRETCHES).for_each(|a| state.rhythm.excuse(a.from, a.until));
        if let Some(at) = away_at {
            state.rhythm.turned_out_away(at);
        }
        if let Some(at) = reassured_at.filter(|at| state.reassured_at.is_none_or(|known| *at > known)) {
            state.reassure(at);
        }
        state.due = None;
        // Somebody may just have registered it.
        for gateway in fixed.gateways() {
            self.strangers.remove(&gateway);
        }
        let no = fixed.no;
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
        if self.last_sign().is_none_or(|last| at > last) {
            self.told = [false; 2];
        }
        for climate in self.devices.iter_mut().filter_map(|d| d.climate.as_mut()) {
            for (since, told) in climate.since.iter_mut().flatten().zip(climate.told.iter_mut().flatten()) {
                if *told {
                    (*since, *told) = ((at + REARM).into(), false);
                }
            }
        }
    }
}
