//! Writes one decision in one transaction, with the alerts' cases: readings, alerts, faults, counters, saved states.

use audit::{Basis, Means};
use base::{Actor, Ctx, Instant, Purpose, RequestId};
use db::{DbError, Tx, outbox};
use serde_json::json;

use super::decision::{How, NewAlert, NewFault, Save, Writes};
use crate::store::{absence, alert, device, history, state};
use crate::verbs::Verb;
use crate::{Alert, AlertState, Level};

/// What is done with an alert of the call centre's level in the transaction that writes it: `response::open_case`.
/// A named type, so that the watch need not know who responds.
pub type OnAlert = dyn Fn(&Ctx, &mut dyn Tx, &Alert) -> Result<(), DbError> + Send + Sync;

/// Stores a decision. Running it again with the same `request` writes the same rows.
pub fn commit(request: RequestId, tx: &mut dyn Tx, writes: &Writes, on_alert: &OnAlert) -> Result<(), DbError> {
    let ctx = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, writes.now, request);
    let stored = state::insert_readings(tx, &writes.rows)?;
    if stored != writes.rows.len() as u64 {
        tracing::warn!(rows = writes.rows.len(), stored, "readings taken for new were stored already");
    }
    for (no, counters) in &writes.counts {
        device::count(tx, *no, counters)?;
    }
    for (no, gateway, malformed) in &writes.bad {
        device::note_bad(tx, *no, *gateway, malformed)?;
    }
    for ((gateway, serial), unknown) in &writes.unknown {
        device::note_unknown(tx, *gateway, serial, unknown.seen, unknown.said, unknown.at)?;
    }
    for (absence, at) in &writes.activities {
        absence::note_activity(tx, *absence, *at)?;
        outbox::push(tx, ctx.now, "watch.activity_while_absent", &json!({ "absence": absence }))?;
    }
    for (gateway, heard_at, radio_down) in &writes.lines {
        device::note_gateway_heard(tx, *gateway, *heard_at, *radio_down)?;
    }
    write_line(&ctx, tx, writes)?;
    write_endings(&ctx, tx, writes)?;
    for new in &writes.alerts {
        write_alert(&ctx, tx, new, on_alert)?;
    }
    for save in &writes.saves {
        write_save(&ctx, tx, save, writes.last_seq)?;
    }
    for home in &writes.forgotten {
        state::forget(tx, *home)?;
    }
    match writes.floor {
        Some(floor) => state::set_floor(tx, floor),
        None => Ok(()),
    }
}

fn write_alert(ctx: &Ctx, tx: &mut dyn Tx, new: &NewAlert, on_alert: &OnAlert) -> Result<(), DbError> {
    let a = &new.alert;
    alert::insert(tx, a, new.home, new.device)?;
    audit::done(ctx, tx, Verb::RaiseAlert, Basis::Means(Means::Program, Some(a.person)), a.rule.key())?;
    let body =
        json!({ "alert": a.id, "home": a.home, "person": a.person, "level": a.level.key(), "rule": a.rule.key() });
    outbox::push(tx, ctx.now, "watch.alert_raised", &body)?;
    match a.level {
        Level::Alert => on_alert(ctx, tx, a),
        Level::Notice => Ok(()),
    }
}

fn write_endings(ctx: &Ctx, tx: &mut dyn Tx, writes: &Writes) -> Result<(), DbError> {
    for ending in &writes.endings {
        match ending.how {
            How::Cleared => alert::end(tx, ending.alert, AlertState::Cleared, ctx.now)?,
            How::Escalated => alert::end(tx, ending.alert, AlertState::Raised, ctx.now)?,
            How::SignAfter(at) => alert::note_sign(tx, ending.alert, at)?,
        }
        outbox::push(tx, ctx.now, "watch.alert_changed", &json!({ "alert": ending.alert }))?;
    }
    Ok(())
}

fn write_line(ctx: &Ctx, tx: &mut dyn Tx, writes: &Writes) -> Result<(), DbError> {
    for outage in &writes.outages {
        history::insert_outage(tx, outage.id, outage.shared.key(), &outage.name, outage.began_at, ctx.now)?;
        outbox::push(tx, ctx.now, "watch.outage", &json!({ "outage": outage.id }))?;
    }
    for NewFault { id, home, gateway, began_at, outage } in &writes.faults {
        history::insert_fault(tx, *id, *home, *gateway, *began_at, ctx.now, *outage)?;
        if outage.is_none() {
            outbox::push(tx, ctx.now, "watch.line_fault", &json!({ "fault": id }))?;
        }
    }
    for (fault, outage) in &writes.joined {
        history::join_outage(tx, *fault, *outage)?;
    }
    for (fault, _) in &writes.faults_ended {
        history::end_fault(tx, *fault, ctx.now)?;
        outbox::push(tx, ctx.now, "watch.line_back", &json!({ "fault": fault }))?;
    }
    for outage in &writes.outages_ended {
        history::end_outage(tx, *outage, ctx.now)?;
    }
    Ok(())
}

fn write_save(ctx: &Ctx, tx: &mut dyn Tx, save: &Save, upto_seq: i64) -> Result<(), DbError> {
    state::save(tx, save.home, &save.body, upto_seq, ctx.now)?;
    let today = ctx.now.wall_day() as i32;
    for (day, log) in save.days.iter().filter(|(_, log)| !log.is_empty()) {
        history::add_to_day(tx, save.home, *day, log)?;
        if *day < today {
            history::derive_day(tx, save.home, *day)?;
        }
    }
    for d in &save.devices {
        let heard = |at: Instant| (at != super::NEVER).then_some(at);
        device::note_heard(tx, d.no, heard(d.heard_at), heard(d.sign_at), d.battery, d.link, d.online)?;
    }
    Ok(())
}
