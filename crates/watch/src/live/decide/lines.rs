//! What a decision does about lines: heard, lost, faulty, grouped into outages.

use base::Instant;
use uuid::Uuid;

use super::Draft;
use crate::live::decision::NewFault;
use crate::live::group::{Grouping, group};
use crate::live::home::HomeFixed;
use crate::live::line::{Fault, Line};
use crate::{Arrival, LineCause, Signal};

impl Draft<'_> {
    /// The copy of a line that this decision works on.
    pub(super) fn line(&mut self, gateway: u32) -> &mut Line {
        self.lines.entry(gateway).or_insert_with(|| self.live.gateways[&gateway].line.clone())
    }

    pub(super) fn hear_gateway(&mut self, gateway: u32, arrival: &Arrival) {
        let at = arrival.received_at;
        let line = self.line(gateway);
        match arrival.signal {
            Signal::LineLost => line.connected = false,
            Signal::LineUp => line.up(at),
            Signal::LineKept if line.keep(at) => self.come_back(gateway, at),
            Signal::LineKept => {}
            Signal::LineBroken(cause) => self.break_off(gateway, cause, at),
            Signal::DeviceOnline(online) => {
                line.radio_down = (!online).then(|| line.radio_down.unwrap_or(at));
                self.hear_line(gateway, at);
            }
            _ => self.hear_line(gateway, at),
        }
    }

    /// Something of a gateway came through. What comes with the end of a line is its Will, which was said when it began.
    pub(super) fn hear_line(&mut self, gateway: u32, at: Instant) {
        if self.is_will {
            return;
        }
        let woke_at = self.live.woke_at;
        self.line(gateway).hear(at, woke_at);
        self.come_back(gateway, at);
    }

    /// A fault that stands learns its cause; a new one is found by the line's timer, which is due at once.
    fn break_off(&mut self, gateway: u32, cause: LineCause, at: Instant) {
        let line = self.line(gateway);
        line.break_off(cause, at);
        let barred = line.barred_by();
        let Some(fault) = line.fault.as_mut().filter(|fault| barred.is_some() && fault.cause != barred) else { return };
        fault.cause = barred;
        let id = fault.id;
        self.out.causes.push((id, cause));
    }

    fn come_back(&mut self, gateway: u32, at: Instant) {
        let Some(fault) = self.line(gateway).come_back() else { return };
        self.out.faults_ended.push((fault, gateway));
        for &no in self.live.gateways[&gateway].homes() {
            let fixed = self.home(no).fixed.clone();
            if fixed.gateways().any(|other| self.line_of(other).is_some_and(|line| line.fault.is_some())) {
                continue;
            }
            let state = self.state(no);
            state.rhythm.resume(at);
            state.due = None;
            self.must_save.insert(no);
        }
    }

    pub(super) fn line_of(&self, gateway: u32) -> Option<&Line> {
        self.lines.get(&gateway).or_else(|| self.live.gateways.get(&gateway).map(|g| &g.line))
    }

    /// From when a deadline of a home may be told; `None`: one of its gateways must be heard first.
    pub(super) fn may_tell(&self, fixed: &HomeFixed, due: Instant) -> Option<Instant> {
        let mut from = None;
        for gateway in fixed.gateways() {
            let this = self.line_of(gateway)?.may_tell(due, self.live.woke_at)?;
            from = from.max(Some(this));
        }
        from
    }

    pub(super) fn find_fault(&mut self, no: u32) {
        let gateway = &self.live.gateways[&no];
        let line = self.line(no).clone();
        let due = self.live.fault_due(gateway, &line);
        self.line_wakes.insert(no, due.filter(|at| *at > self.out.now));
        if due.is_none_or(|at| at > self.out.now) {
            return;
        }
        let (began_at, cause) = (line.silent_since(), line.barred_by());
        let id: Uuid = self.ctx.id();
        self.line(no).fault = Some(Box::new(Fault { id, began_at, cause }));
        self.out.faults.push(NewFault { id, home: gateway.home, gateway: no, began_at, outage: None, cause });
        for &home in gateway.homes() {
            let state = self.state(home);
            state.rhythm.hold(began_at);
            state.due = None;
            self.must_save.insert(home);
        }
    }

    pub(super) fn group_faults(&mut self) {
        if self.out.faults.is_empty() && self.out.faults_ended.is_empty() {
            return;
        }
        let Grouping { outages, joined, new_joined, ended } =
            group(self.live, &self.ctx, &self.lines, &self.out.faults, &self.out.faults_ended);
        for fault in &mut self.out.faults {
            fault.outage = new_joined.get(&fault.id).copied();
        }
        self.out.outages = outages;
        self.out.joined = joined;
        self.out.outages_ended = ended;
    }
}
