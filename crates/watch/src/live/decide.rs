//! From a batch of arrivals and the time to one decision: rows to store, alerts to raise, states to take over.

mod clock;
mod lines;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use base::{Actor, AlertId, Ctx, DeviceId, Instant, Purpose, RequestId, Span};

use super::decision::{Bundle, Decision, Ending, HeardLine, How, NewAlert, Outcome, Save, Unknown, Writes};
use super::hear::{Anomaly, Code, Counted, Effect, Reading, take};
use super::home::{DeviceState, HomeFixed, HomeState, NEVER, Standing};
use super::line::Line;
use super::{Home, Key, Live, SAVES, due};
use crate::clock::moment;
use crate::{Alert, AlertState, Arrival, Defect, DeviceKind, Malformed, Signal, Unused};

/// Words of one second that come within this time of each other were said in their order, not twice.
const BOUNCE: Span = Span::seconds(3);

/// How long the word of a device that nobody registered is told beside a silence.
const STRANGER_LATELY: Span = Span::hours(24);

/// The stored code and value of an arrival; `None` for what moves counters and the line only.
pub(crate) fn stored_code(arrival: &Arrival) -> Option<(Code, f32)> {
    Some(match arrival.signal {
        Signal::Contact { open: true } => (Code::Opened, 0.0),
        Signal::Contact { open: false } => (Code::Closed, 0.0),
        Signal::Motion => (Code::Motion, 0.0),
        Signal::MotionCleared => (Code::MotionCleared, 0.0),
        Signal::Temperature(t) => (Code::Temperature, t),
        Signal::Humidity(h) => (Code::Humidity, h),
        Signal::Battery(b) => (Code::Battery, f32::from(b)),
        Signal::Button => (Code::Button, 0.0),
        Signal::Presence(true) => (Code::Present, 0.0),
        Signal::Presence(false) => (Code::Absent, 0.0),
        Signal::Distance(metres) => (Code::Distance, metres),
        Signal::Energy(wh) => (Code::Energy, wh),
        Signal::Water(litres) => (Code::Water, litres),
        Signal::Light(true) => (Code::Lit, 0.0),
        Signal::Light(false) => (Code::Unlit, 0.0),
        _ => return None,
    })
}

/// One decision in the making: copies of the homes it touches, and what is to be written.
struct Draft<'a> {
    live: &'a Live,
    ctx: Ctx,
    known: &'a HashSet<Key>,
    seen: HashSet<Key>,
    must_save: BTreeSet<u32>,
    changed: HashMap<u32, HomeState>,
    lines: HashMap<u32, Line>,
    line_wakes: HashMap<u32, Option<Instant>>,
    waits: HashMap<u32, bool>,
    wakes: HashMap<u32, Option<Instant>>,
    outcomes: Vec<Outcome>,
    /// By device.
    counts: HashMap<u32, Counted>,
    /// What is being taken in was left by a gateway for the end of its line.
    is_will: bool,
    out: Writes,
}

pub(super) fn decide(
    live: &Live,
    request: RequestId,
    now: Instant,
    bundles: &[Bundle<'_>],
    known: &HashSet<Key>,
    timers: usize,
) -> Decision {
    let ctx = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, now, request);
    let out = Writes { now, first_seq: live.last_seq + 1, last_seq: live.last_seq, ..Writes::default() };
    let mut draft = Draft {
        live,
        ctx,
        known,
        seen: HashSet::new(),
        must_save: BTreeSet::new(),
        changed: HashMap::new(),
        lines: HashMap::new(),
        line_wakes: HashMap::new(),
        waits: HashMap::new(),
        wakes: HashMap::new(),
        outcomes: Vec::with_capacity(bundles.len()),
        counts: HashMap::new(),
        is_will: false,
        out,
    };
    draft.out.faults_ended = live.orphaned.clone();
    for bundle in bundles {
        draft.receive(bundle);
    }
    draft.look_at_timers(timers);
    draft.group_faults();
    draft.save();
    let Draft { changed, lines, line_wakes, waits, wakes, outcomes, counts, out, .. } = draft;
    Decision { writes: Arc::new(out), changed, lines, line_wakes, waits, wakes, outcomes, counts }
}

impl Draft<'_> {
    fn home(&self, no: u32) -> &Home {
        &self.live.homes[&no]
    }

    /// The copy of a home's state that this decision works on.
    fn state(&mut self, no: u32) -> &mut HomeState {
        self.changed.entry(no).or_insert_with(|| self.live.homes[&no].state.clone())
    }

    fn receive(&mut self, bundle: &Bundle<'_>) {
        let mut outcome = Outcome::default();
        let ends = |a: &Arrival| matches!(a.signal, Signal::LineLost | Signal::LineBroken(_));
        self.is_will = bundle.arrivals.iter().any(ends);
        for arrival in bundle.arrivals {
            match self.arrive(arrival) {
                Fate::Stored => outcome.stored += 1,
                Fate::Duplicate => outcome.duplicates += 1,
                Fate::Refused => outcome.refused += 1,
            }
        }
        for malformed in bundle.malformed {
            self.note_unused(malformed);
        }
        self.outcomes.push(outcome);
    }

    fn note_unused(&mut self, malformed: &Malformed) {
        let Some(&gateway) = self.live.gateway_nos.get(&malformed.gateway) else { return };
        let serial = malformed.serial.clone().unwrap_or_default();
        let seen = self.out.unused.get(&(gateway, serial.clone(), malformed.why)).map_or(0, |known| known.seen);
        let (why, last_at, example) = (malformed.why, malformed.received_at, malformed.payload.clone());
        let unused = Unused { serial: serial.clone(), why, seen: seen + 1, last_at, example };
        self.out.unused.insert((gateway, serial, why), unused);
    }

    fn arrive(&mut self, arrival: &Arrival) -> Fate {
        let Some(&gateway) = self.live.gateway_nos.get(&arrival.gateway) else { return Fate::Refused };
        self.hear_clock(gateway, arrival);
        if arrival.serial.is_empty() {
            self.hear_gateway(gateway, arrival);
            return Fate::Stored;
        }
        self.hear_line(gateway, arrival.received_at);
        let Some((no, index)) = self.live.find(gateway, &arrival.serial) else {
            if self.hear_parts(gateway, arrival) {
                return Fate::Stored;
            }
            let key = (gateway, arrival.serial.clone());
            let entry = self.out.unknown.entry(key).or_insert(Unknown { seen: 0, said: "", at: arrival.received_at });
            // Of all that one message says, what tells best which box it is.
            let keeps = Signal::life_or_call(entry.said).is_some() && !arrival.signal.is_life_or_call();
            let said = if keeps { entry.said } else { arrival.signal.key() };
            *entry = Unknown { seen: entry.seen + 1, said, at: arrival.received_at };
            return Fate::Refused;
        };
        let fixed = self.home(no).fixed.clone();
        if fixed.person.is_none() {
            return Fate::Refused;
        }
        match stored_code(arrival) {
            Some((code, value)) if code.suits(fixed.devices[index].kind) || !code.is_usage() => {
                self.hear_reading(no, &fixed, index, arrival, code, value)
            }
            _ => self.hear_condition(no, &fixed, index, arrival),
        }
    }

    /// Whether a box can be reached is said of all its sensors at once, which have its name before theirs.
    fn hear_parts(&mut self, gateway: u32, arrival: &Arrival) -> bool {
        if !matches!(arrival.signal, Signal::DeviceOnline(_)) {
            return false;
        }
        let parts = self.live.parts(gateway, &arrival.serial);
        for (no, index) in &parts {
            let fixed = self.home(*no).fixed.clone();
            if fixed.person.is_some() {
                self.hear_condition(*no, &fixed, *index, arrival);
            }
        }
        !parts.is_empty()
    }

    /// Battery and link as such, availability: kept with the device, no row of their own.
    fn hear_condition(&mut self, no: u32, fixed: &HomeFixed, index: usize, arrival: &Arrival) -> Fate {
        let device = self.state(no).device(fixed.devices[index].no);
        device.heard_at = device.heard_at.at().max(arrival.received_at).into();
        match arrival.signal {
            Signal::LinkQuality(q) => device.link = Some(q),
            Signal::DeviceOnline(online) => {
                device.online = online;
                // A lamp that comes back says how it burns, and nobody has switched it.
                if fixed.devices[index].kind == DeviceKind::Light && !online {
                    device.open = None;
                }
            }
            signal => {
                device.online = true;
                device.note_condition(signal);
            }
        }
        Fate::Stored
    }

    fn hear_reading(
        &mut self,
        no: u32,
        fixed: &HomeFixed,
        index: usize,
        arrival: &Arrival,
        code: Code,
        value: f32,
    ) -> Fate {
        let (device, gateway) = (fixed.devices[index].no, fixed.devices[index].gateway);
        let moment = moment(self.line(gateway).clock.as_deref(), arrival);
        let timed = !arrival.retained || !moment.wrong && arrival.occurred_at.is_some();
        if !timed && !self.is_first_press(no, device, code) {
            return self.keep_no_old_state(no, device, arrival);
        }
        let known_battery = self.state(no).device(device).battery.map(f32::from);
        if code == Code::Battery && known_battery == Some(value) {
            return Fate::Stored;
        }
        let mut occurred_at = match code {
            Code::Button => self.call_at(no, fixed, device, &moment, arrival.received_at),
            _ => moment.at,
        };
        // A plug says how it is switched with each of its measurements.
        let known = self.state(no).device(device);
        if code.is_light() && known.open == Some(code == Code::Lit) && occurred_at >= known.changed_at {
            known.heard_at = known.heard_at.at().max(arrival.received_at).into();
            known.online = true;
            return Fate::Stored;
        }
        let told = |draft: &Self, at| draft.is_told((at, device, code as u8));
        if moment.stored_as.is_some_and(|then| told(self, then)) {
            self.count(no, device, Anomaly::Duplicate);
            return Fate::Duplicate;
        }
        if told(self, occurred_at) {
            let Some(after) = bounce(self.state(no).device(device), arrival, occurred_at, code, value) else {
                self.count(no, device, Anomaly::Duplicate);
                return Fate::Duplicate;
            };
            occurred_at = after;
        }
        self.seen.insert((occurred_at, device, code as u8));
        if moment.wrong {
            self.count(no, device, Anomaly::WrongClock);
        }
        let reading = Reading { code, value, occurred_at, received_at: arrival.received_at, timed };
        self.out.last_seq += 1;
        let stored = code.has_value().then(|| f64::from(value));
        let seq = self.out.last_seq;
        let row = [
            seq.into(),
            device.into(),
            (code as i64).into(),
            stored.into(),
            occurred_at.into(),
            arrival.received_at.into(),
        ];
        self.out.rows.push(Vec::from(row));
        self.line(gateway).radio_down = None; // What was measured came by radio.
        let mut effects = Vec::new();
        let state = self.state(no);
        state.device(device).online = true;
        take(fixed, state, index, &reading, &mut effects);
        self.carry_out(no, effects);
        Fate::Stored
    }

    /// A call for help of which nobody knows when it came, from a device that never called before: nothing that we know
    /// explains it, so it is none that was told already.
    fn is_first_press(&mut self, no: u32, device: u32, code: Code) -> bool {
        code == Code::Button && self.state(no).device(device).changed_at == NEVER
    }

    /// What a broker kept of a time nobody knows is no news; what could have been a sign of life is for the keeper's eye.
    fn keep_no_old_state(&mut self, no: u32, device: u32, arrival: &Arrival) -> Fate {
        self.count(no, device, Anomaly::Retained);
        if arrival.signal.is_life_or_call() {
            let (serial, said) = (Some(arrival.serial.clone()), arrival.signal.key().as_bytes());
            let Arrival { gateway, received_at, .. } = *arrival;
            self.note_unused(&Malformed::new(gateway, serial, Defect::OldState, said, received_at));
        }
        Fate::Refused
    }

    fn look_at_timers(&mut self, most: usize) {
        let now = self.out.now;
        let lines: Vec<u32> =
            self.live.line_queue.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, no)| *no).collect();
        lines.into_iter().for_each(|gateway| self.find_fault(gateway));
        let mut due: BTreeSet<u32> =
            self.live.queue.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, no)| *no).collect();
        for (no, state) in self.changed.iter().filter(|_| most > 1) {
            let fixed = &self.live.homes[no].fixed;
            if due::earliest(fixed, state).is_some_and(|at| at <= now) {
                due.insert(*no);
            }
        }
        for no in due {
            let fixed = self.home(no).fixed.clone();
            let mut state = self.state(no).clone();
            let waits = Cell::new(false);
            let may_tell = |due: Instant| {
                let from = self.may_tell(&fixed, due);
                waits.set(waits.get() || from.is_none());
                from
            };
            let mut effects = Vec::new();
            let wake = due::tell(&fixed, &mut state, now, &may_tell, &mut effects);
            self.waits.insert(no, waits.get());
            self.changed.insert(no, state);
            self.wakes.insert(no, wake);
            self.carry_out(no, effects);
        }
    }

    fn carry_out(&mut self, no: u32, effects: Vec<Effect>) {
        for effect in effects {
            if !matches!(effect, Effect::Count { .. } | Effect::Activity(..)) {
                self.must_save.insert(no);
            }
            let ending = |alert, how| Ending { alert, how };
            match effect {
                Effect::Clear(alert) => self.out.endings.push(ending(alert, How::Cleared)),
                Effect::Escalate(alert) => self.out.endings.push(ending(alert, How::Escalated)),
                Effect::SignAfter(alert, at) => self.out.endings.push(ending(alert, How::SignAfter(at))),
                Effect::Activity(absence, at) => self.out.activities.push((absence, at)),
                Effect::Count { device, what } => self.count(no, device, what),
                // Saved with this commit, as everything is that is more than a count.
                Effect::Save => {}
                Effect::Raise { rule, level, device, due, reason } => self.raise(no, rule, level, device, due, reason),
            }
        }
    }

    /// Whether somebody moves in this home by the word of a device that nobody registered.
    fn hears_a_stranger(&self, fixed: &HomeFixed) -> bool {
        let lately = |at: &Instant| self.out.now - *at < STRANGER_LATELY;
        fixed.gateways().any(|gateway| self.live.strangers.get(&gateway).is_some_and(lately))
    }

    fn raise(
        &mut self,
        no: u32,
        rule: crate::Rule,
        level: crate::Level,
        device: u32,
        due_at: Instant,
        mut reason: String,
    ) {
        let fixed = self.home(no).fixed.clone();
        if rule == crate::Rule::Inactivity && self.hears_a_stranger(&fixed) {
            reason += "登録していない機器には動きがあります。機器の名前が変わった可能性があります。";
        }
        let Some(person) = fixed.person else { return };
        let (id, raised_at): (AlertId, Instant) = (self.ctx.id(), self.out.now);
        let named: Option<DeviceId> = fixed.devices.iter().find(|d| d.no == device).map(|d| d.id);
        self.state(no).standing.push(Standing { alert: id, rule, level, device, raised_at });
        let alert = Alert {
            id,
            home: fixed.id,
            person,
            level,
            rule,
            device: named,
            due_at,
            raised_at,
            reason,
            state: AlertState::Standing,
            sign_at: None,
            ended_at: None,
            cause: None,
            answer: None,
        };
        self.out.alerts.push(NewAlert { alert, home: no, device: (device != 0).then_some(device) });
    }

    /// Written with the home's state, so that a device that chatters costs no row each time.
    fn count(&mut self, no: u32, device: u32, what: Anomaly) {
        self.state(no);
        self.counts.entry(device).or_default().count(what);
    }

    /// Saves what must be saved with this commit, and what has waited long enough.
    fn save(&mut self) {
        let now = self.out.now;
        for (no, line) in &self.lines {
            let known = &self.live.gateways[no];
            // Readings and what is known of the clock by which they are stored go together.
            if line.clock != known.line.clock || known.saved_at + self.live.save_after <= now {
                let clock = line.clock.as_ref().map(|clock| clock.encode());
                let (gateway, at, radio_down) = (*no, line.heard_at, line.radio_down);
                self.out.lines.push(HeardLine { gateway, at, radio_down, clock });
            }
        }
        let mut saves = std::mem::take(&mut self.must_save);
        self.out.forgotten = self.live.forgotten.iter().copied().collect();
        saves.extend(self.live.to_save.iter().take(SAVES));
        for entry in &self.live.unsaved {
            if entry.since + self.live.save_after > now || saves.len() >= SAVES {
                break;
            }
            if self.home(entry.home).unsaved == entry.stamp {
                saves.insert(entry.home);
            }
        }
        saves.retain(|no| self.home(*no).fixed.person.is_some());
        if saves.is_empty() {
            return;
        }
        for &no in &saves {
            let fixed = self.home(no).fixed.clone();
            let state = self.state(no);
            let days = std::mem::take(&mut state.days);
            let body = state.encode();
            let known = |d: &DeviceState| d.unsaved && fixed.devices.iter().any(|f| f.no == d.no);
            let devices = state.devices.iter().filter(|d| known(d)).cloned().collect();
            state.devices.iter_mut().for_each(|d| d.unsaved = false);
            for device in &fixed.devices {
                let counted = [self.counts.remove(&device.no), self.live.counts.get(&device.no).copied()];
                for counted in counted.into_iter().flatten() {
                    self.out.counts.entry(device.no).or_default().add_all(counted);
                }
            }
            self.out.saves.push(Save { home: no, body, days, devices });
        }
        let still_unsaved =
            self.live.unsaved.iter().find(|u| {
                !saves.contains(&u.home) && self.live.homes.get(&u.home).is_some_and(|h| h.unsaved == u.stamp)
            });
        let others_changed = self.changed.keys().any(|no| !saves.contains(no));
        self.out.floor = Some(match still_unsaved {
            Some(entry) => entry.first_seq - 1,
            None if others_changed => self.out.first_seq - 1,
            None => self.out.last_seq,
        });
    }
}

/// When it happened, of a state that bears the time of one told before: a device that tells whole seconds, or none, and
/// was another way in between. The same words delivered again after a lost line come later, or say what is known.
fn bounce(known: &DeviceState, arrival: &Arrival, at: Instant, code: Code, value: f32) -> Option<Instant> {
    let coarse = arrival.occurred_at.is_none() || at.0 % 1_000_000 == 0;
    let at_once = arrival.received_at - known.heard_at.at() < BOUNCE && known.last_at - at < Span::seconds(1);
    (coarse && at_once && known.differs(code, value)).then_some(known.last_at + Span(1))
}

enum Fate {
    Stored,
    Duplicate,
    Refused,
}
