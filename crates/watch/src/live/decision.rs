//! What a decision is: everything one commit writes, and what memory takes over after it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use base::{AbsenceId, AlertId, Instant};
use db::Value;
use uuid::Uuid;

use super::hear::Counted;
use super::home::{DeviceState, HomeState};
use super::line::Line;
use super::{Live, OpenFault, OpenOutage, Shared, Unsaved};
use crate::day::DayLog;
use crate::{Alert, Arrival, Defect, LineCause, Malformed, Signal, Unused};

/// What one delivery brought.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    pub arrivals: &'a [Arrival],
    pub malformed: &'a [Malformed],
}

/// What became of one delivery's arrivals; the three add up to their number.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Outcome {
    pub stored: u32,
    pub duplicates: u32,
    pub refused: u32,
}

/// What one commit writes and, apart from it, what memory takes over afterwards: a command may have to run anew, so
/// what it writes is shared with the writer's thread.
pub struct Decision {
    pub writes: Arc<Writes>,
    pub(super) changed: HashMap<u32, HomeState>,
    pub(super) lines: HashMap<u32, Line>,
    /// When to look at a line again, for those that were looked at.
    pub(super) line_wakes: HashMap<u32, Option<Instant>>,
    /// Homes whose deadline waits for a line to be heard, of those that were looked at.
    pub(super) waits: HashMap<u32, bool>,
    pub(super) wakes: HashMap<u32, Option<Instant>>,
    pub(super) outcomes: Vec<Outcome>,
    /// By device: what is to be written later, with its home.
    pub(super) counts: HashMap<u32, Counted>,
}

/// Everything one commit writes.
#[derive(Default)]
pub struct Writes {
    pub(super) now: Instant,
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    pub(super) alerts: Vec<NewAlert>,
    pub(super) endings: Vec<Ending>,
    pub(super) counts: BTreeMap<u32, Counted>,
    /// By gateway, device and reason.
    pub(super) unused: BTreeMap<(u32, String, Defect), Unused>,
    pub(super) unknown: BTreeMap<(u32, String), Unknown>,
    pub(super) activities: Vec<(AbsenceId, Instant)>,
    pub(super) faults: Vec<NewFault>,
    /// Faults known before whose cause became known.
    pub(super) causes: Vec<(Uuid, LineCause)>,
    /// (fault, gateway).
    pub(super) faults_ended: Vec<(Uuid, u32)>,
    pub(super) lines: Vec<HeardLine>,
    pub(super) outages: Vec<NewOutage>,
    /// Faults known before that turned out to belong to an outage.
    pub(super) joined: Vec<(Uuid, Uuid)>,
    pub(super) outages_ended: Vec<Uuid>,
    pub(super) saves: Vec<Save>,
    pub(super) forgotten: Vec<u32>,
    pub(super) floor: Option<i64>,
}

pub(super) struct NewAlert {
    pub alert: Alert,
    pub home: u32,
    pub device: Option<u32>,
}

pub(super) struct Ending {
    pub alert: AlertId,
    pub how: How,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum How {
    Cleared,
    Escalated,
    SignAfter(Instant),
}

#[derive(Clone, Debug)]
pub(super) struct Unknown {
    pub seen: i64,
    pub said: &'static str,
    pub at: Instant,
}

pub(crate) struct NewFault {
    pub id: Uuid,
    pub home: u32,
    pub gateway: u32,
    pub began_at: Instant,
    pub outage: Option<Uuid>,
    pub cause: Option<LineCause>,
}

/// When a gateway was heard, since when its radio is down, and what is known of its clock.
pub(super) struct HeardLine {
    pub gateway: u32,
    pub at: Instant,
    pub radio_down: Option<Instant>,
    pub clock: Option<Vec<u8>>,
}

pub(super) struct NewOutage {
    pub id: Uuid,
    pub shared: Shared,
    pub name: Arc<str>,
    pub began_at: Instant,
}

pub(super) struct Save {
    pub home: u32,
    pub body: Vec<u8>,
    pub days: Vec<(i32, DayLog)>,
    pub devices: Vec<DeviceState>,
}

impl Decision {
    /// One for each bundle, in order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

impl Writes {
    /// Nothing to write: no commit is needed, only [`Live::apply`].
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.alerts.is_empty()
            && self.endings.is_empty()
            && self.counts.is_empty()
            && self.unused.is_empty()
            && self.unknown.is_empty()
            && self.activities.is_empty()
            && self.faults.is_empty()
            && self.causes.is_empty()
            && self.faults_ended.is_empty()
            && self.lines.is_empty()
            && self.saves.is_empty()
            && self.forgotten.is_empty()
    }

    pub fn rows_to_store(&self) -> usize {
        self.rows.len()
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().map(|a| &a.alert)
    }
}

/// Puts the copies in the place of what they were made from.
pub(super) fn apply(live: &mut Live, decision: Decision) {
    let Decision { writes, changed, lines, line_wakes, waits, wakes, counts, .. } = decision;
    live.last_seq = writes.last_seq;
    apply_faults(live, &writes);
    let of_life = |said: &str| Signal::life_or_call(said).is_some();
    for ((gateway, _), unknown) in writes.unknown.iter().filter(|(_, unknown)| of_life(unknown.said)) {
        live.strangers.insert(*gateway, unknown.at);
    }
    for device in writes.counts.keys() {
        live.counts.remove(device);
    }
    for (device, counted) in counts {
        live.counts.entry(device).or_default().add_all(counted);
    }
    for no in &writes.forgotten {
        live.forgotten.remove(no);
        live.to_save.remove(no);
    }
    let saved: HashSet<u32> = writes.saves.iter().map(|s| s.home).collect();
    for (no, state) in changed {
        let Some(home) = live.homes.get_mut(&no) else { continue };
        home.state = state;
        if saved.contains(&no) || home.fixed.person.is_none() {
            home.unsaved = 0;
            live.to_save.remove(&no);
        } else if home.unsaved == 0 {
            live.stamp += 1;
            home.unsaved = live.stamp;
            let entry = Unsaved { since: writes.now, home: no, first_seq: writes.first_seq, stamp: live.stamp };
            live.unsaved.push_back(entry);
        }
        match wakes.get(&no) {
            Some(&exact) => live.set_wake(no, exact),
            None => live.wake_sooner(no),
        }
    }
    for (home, waits) in waits {
        live.note_waiting(home, waits);
    }
    for (no, line) in lines {
        live.take_line(no, line, line_wakes.get(&no).copied(), &writes);
    }
    while let Some(front) = live.unsaved.front() {
        if live.homes.get(&front.home).is_some_and(|h| h.unsaved == front.stamp) {
            break;
        }
        live.unsaved.pop_front();
    }
}

fn apply_faults(live: &mut Live, writes: &Writes) {
    for fault in &writes.faults {
        let open = OpenFault { gateway: fault.gateway, began_at: fault.began_at, outage: fault.outage };
        live.open_faults.insert(fault.id, open);
    }
    for outage in &writes.outages {
        let open = OpenOutage { shared: outage.shared, name: outage.name.clone(), began_at: outage.began_at };
        live.open_outages.insert(outage.id, open);
    }
    for (fault, outage) in &writes.joined {
        if let Some(open) = live.open_faults.get_mut(fault) {
            open.outage = Some(*outage);
        }
    }
    for (fault, _) in &writes.faults_ended {
        live.open_faults.remove(fault);
        live.orphaned.retain(|(id, _)| id != fault);
    }
    for outage in &writes.outages_ended {
        live.open_outages.remove(outage);
    }
}
