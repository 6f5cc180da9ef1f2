//! Writes one decision in one transaction, with the alerts' cases: readings, alerts, faults, counters, saved states.

use base::{Actor, Ctx, Instant, Purpose, RequestId};
use db::{DbError, Tx, outbox, params};

use super::decision::{How, Save, Writes};
use crate::event::Event;
use crate::store::{absence, alert, device, history, state, unused};
use crate::{Alert, AlertState, unanswered};

/// What is done with an alert of the call centre's level in the transaction that writes it: `response::open_case`.
/// A named type, so that the watch need not know who responds. Where it fails the alert is stored all the same:
/// `watch::unanswered`.
pub type OnAlert = dyn Fn(&Ctx, &mut dyn Tx, &Alert) -> Result<(), DbError> + Send + Sync;

/// Stores a decision. Running it again with the same `request` writes the same rows.
pub fn commit(request: RequestId, tx: &mut dyn Tx, writes: &Writes, on_alert: &OnAlert) -> Result<(), DbError> {
    let ctx = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, writes.now, request);
    let stored = state::insert_readings(tx, &writes.rows)?;
    if stored != writes.rows.len() as u64 {
        tracing::warn!(rows = writes.rows.len(), stored, "readings taken for new were stored already");
    }
    for (no, counters) in &writes.counts {
        device::count(tx, *no, *counters)?;
    }
    for ((gateway, ..), unused) in &writes.unused {
        unused::note(tx, *gateway, unused)?;
    }
    for ((gateway, serial), unknown) in &writes.unknown {
        device::note_unknown(tx, *gateway, serial, unknown.seen, unknown.said, unknown.at)?;
    }
    for (absence, at) in &writes.activities {
        absence::note_activity(tx, *absence, *at)?;
        let person = absence::whose(tx, *absence)?;
        outbox::push(tx, ctx.now, &Event::ActivityWhileAbsent { absence: *absence, person })?;
    }
    let lines = writes.lines.iter().map(|l| params![l.gateway, l.at, l.radio_down, l.clock.clone()].to_vec());
    device::note_gateways_heard(tx, &lines.collect::<Vec<_>>())?;
    write_line(&ctx, tx, writes)?;
    write_endings(&ctx, tx, writes)?;
    for new in &writes.alerts {
        unanswered::raise(&ctx, tx, new.home, new.device, &new.alert, on_alert)?;
    }
    write_saves(&ctx, tx, &writes.saves, writes.last_seq)?;
    for home in &writes.forgotten {
        state::forget(tx, *home)?;
    }
    match writes.floor {
        Some(floor) => state::set_floor(tx, floor),
        None => Ok(()),
    }
}

fn write_endings(ctx: &Ctx, tx: &mut dyn Tx, writes: &Writes) -> Result<(), DbError> {
    for ending in &writes.endings {
        match ending.how {
            How::Cleared => alert::end(tx, ending.alert, AlertState::Cleared, ctx.now)?,
            How::Escalated => alert::end(tx, ending.alert, AlertState::Raised, ctx.now)?,
            How::SignAfter(at) => alert::note_sign(tx, ending.alert, at)?,
        }
        let person = alert::whose(tx, ending.alert)?;
        outbox::push(tx, ctx.now, &Event::AlertChanged { alert: ending.alert, person })?;
    }
    Ok(())
}

fn write_line(ctx: &Ctx, tx: &mut dyn Tx, writes: &Writes) -> Result<(), DbError> {
    for outage in &writes.outages {
        history::insert_outage(tx, outage.id, outage.shared.key(), &outage.name, outage.began_at, ctx.now)?;
        outbox::push(tx, ctx.now, &Event::Outage { outage: outage.id })?;
    }
    for fault in &writes.faults {
        history::insert_fault(tx, fault, ctx.now)?;
        if fault.outage.is_none() {
            let person = history::whose_fault(tx, fault.id)?;
            outbox::push(tx, ctx.now, &Event::LineFault { fault: fault.id, person })?;
        }
    }
    for (fault, cause) in &writes.causes {
        history::name_cause(tx, *fault, *cause)?;
    }
    for (fault, outage) in &writes.joined {
        history::join_outage(tx, *fault, *outage)?;
    }
    for (fault, _) in &writes.faults_ended {
        history::end_fault(tx, *fault, ctx.now)?;
        let person = history::whose_fault(tx, *fault)?;
        outbox::push(tx, ctx.now, &Event::LineBack { fault: *fault, person })?;
    }
    for outage in &writes.outages_ended {
        history::end_outage(tx, *outage, ctx.now)?;
    }
    Ok(())
}

/// All homes whose state is saved with this commit, in a few statements: on a server each is a journey, and there may be
/// hundreds of homes.
fn write_saves(ctx: &Ctx, tx: &mut dyn Tx, saves: &[Save], upto_seq: i64) -> Result<(), DbError> {
    state::save(tx, saves.iter().map(|save| (save.home, save.body.as_slice())), upto_seq, ctx.now)?;
    let heard_days = |save: &Save| -> Vec<(u32, i32)> {
        save.days.iter().filter(|(_, log)| !log.is_empty()).map(|(day, _)| (save.home, *day)).collect()
    };
    let mut days = history::days_at(tx, &saves.iter().flat_map(heard_days).collect::<Vec<_>>())?;
    for save in saves {
        for (day, log) in save.days.iter().filter(|(_, log)| !log.is_empty()) {
            days.entry((save.home, *day)).or_default().add(log);
        }
    }
    history::put_days(tx, &days)?;
    let today = ctx.now.wall_day() as i32;
    let over = days.iter().filter(|((_, day), _)| *day < today).map(|((home, day), log)| (*home, *day, log));
    history::derive_days(tx, over)?;
    let heard = |at: Instant| (at != super::NEVER).then_some(at);
    let devices = saves.iter().flat_map(|save| &save.devices);
    let rows = devices.map(|d| {
        let rare = d.rare.as_deref().cloned().unwrap_or_default();
        let fault = d.fault().map(|fault| fault.key());
        let clears_after = (rare.clears_after > 0).then_some(i64::from(rare.clears_after));
        let (low, tampered) = (rare.battery_low, rare.tampered);
        let mut row =
            params![d.no, heard(d.heard_at.at()), heard(d.sign_at.at()), d.battery, d.link, d.online].to_vec();
        let (millivolts, warmth) = (rare.millivolts.map(i64::from), rare.warmth.map(i64::from));
        row.extend_from_slice(params![low, tampered, millivolts, warmth]);
        row.extend_from_slice(params![fault, fault.map(|_| rare.fault_at.at()), clears_after]);
        row
    });
    device::note_heard(tx, &rows.collect::<Vec<_>>())
}
