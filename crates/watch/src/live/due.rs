//! What becomes due when time passes without a word: silence, doors left open, a door at night. Pure.

mod daily;

use base::{Instant, Span};

use super::hear::{Effect, escalate, night_of};
use super::home::{HomeFixed, HomeState};
use crate::rhythm::{Due, Rule as Spoken};
use crate::words::{at_clock, lasting};
use crate::{DeviceKind, Level, Rule};

/// After an entrance opened at night, the time in which somebody should be heard inside again.
const NIGHT_WAIT: Span = Span::minutes(15);
/// A silence told later than this after its deadline is described as of now.
const TOLD_LATE: Span = Span::minutes(5);

/// Nothing can be due before this moment. Cheap; to be asked after every reading.
pub(super) fn earliest(home: &HomeFixed, state: &HomeState) -> Option<Instant> {
    home.person?;
    let counts = !state.rhythm.is_held() || state.rhythm.awaits_answer();
    let silence = state.due.or_else(|| state.rhythm.earliest()).filter(|_| counts);
    let silence = if state.last_sign().is_none() { first_sign_due(home, state) } else { silence };
    let night = state.night_door.map(|opened| opened + NIGHT_WAIT);
    let daily = daily::due(home, state);
    [silence, night, daily, left_open(home, state).map(|(_, due)| due).min()].into_iter().flatten().min()
}

/// From when a deadline may be told, as far as the home's lines go; `None`: a line must be heard first.
pub(super) type MayTell<'a> = dyn Fn(Instant) -> Option<Instant> + 'a;

/// Tells what is due at `now`; gives the moment to look again.
pub(super) fn tell(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    may_tell: &MayTell<'_>,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    home.person?;
    let wakes = [
        tell_silence(home, state, now, may_tell, effects),
        daily::tell(home, state, now, effects),
        tell_night_door(home, state, now, may_tell, effects),
        tell_left_open(home, state, now, may_tell, effects),
    ];
    wakes.into_iter().flatten().min()
}

fn tell_silence(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    may_tell: &MayTell<'_>,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    if state.last_sign().is_none() {
        return tell_never_heard(home, state, now, may_tell, effects);
    }
    loop {
        let due = state.rhythm.next(&home.settings.rhythm)?;
        let alert_is_due = || {
            let rhythm = &home.settings.rhythm;
            let alert = state.rhythm.deadline(Level::Alert, rhythm.silent_alert_days(), rhythm.cap);
            alert.is_some_and(|at| at <= now)
        };
        let skipped = due.level == Level::Notice && (!home.settings.notices || alert_is_due());
        if skipped {
            state.rhythm.told(Level::Notice);
            continue;
        }
        state.due = Some(due.at);
        if due.at > now {
            return Some(due.at);
        }
        // That nobody answered is known whatever becomes of the line to the home.
        let from = if due.rule == Spoken::InactivityUnanswered { now } else { may_tell(due.at)? };
        // A gateway that comes back at night wakes nobody with a question.
        let may_ask = home.settings.rhythm.ask.filter(|_| due.rule == Spoken::InactivityQuestion);
        let from = may_ask.map_or(from, |ask| ask.not_before(from.max(now)));
        if from > now {
            return Some(from);
        }
        let rule = if due.rule == Spoken::InactivityFixed { Rule::InactivityFixed } else { Rule::Inactivity };
        // Told long after it was due (the gateway came back only now), the words must hold at the moment they are read.
        let read_at = if now - due.at > TOLD_LATE { now } else { due.at };
        let mut reason = state.rhythm.reason(&Due { at: read_at, ..due });
        let is_faulty = |no: u32| state.devices.iter().any(|d| d.no == no && d.fault().is_some());
        for device in home.devices.iter().filter(|d| is_faulty(d.no)) {
            reason += &format!("{}の機器は故障の疑いがあり、動きに数えていません。", device.place);
        }
        say(state, rule, due.level, 0, due.at, reason, effects);
        // An answer is awaited from the moment of asking.
        state.rhythm.told_of(&Due { at: now.max(due.at), ..due });
        state.told[due.level as usize] = true;
    }
}

/// A watched home of which nothing was ever heard is unknown, never well.
fn first_sign_due(home: &HomeFixed, state: &HomeState) -> Option<Instant> {
    let hears = home.devices.iter().any(|d| d.kind.sign().is_some());
    (hears && !state.told[1])
        .then(|| state.reassured_at.unwrap_or(home.begun_at).max(home.begun_at) + home.settings.rhythm.cap)
}

fn tell_never_heard(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    may_tell: &MayTell<'_>,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    let due = first_sign_due(home, state)?;
    if due > now {
        return Some(due);
    }
    if home.absences.iter().any(|a| (a.from..a.until).contains(&now)) {
        return Some(now + Span::hours(1));
    }
    let from = may_tell(due)?;
    if from > now {
        return Some(from);
    }
    let long = lasting(home.settings.rhythm.cap);
    let mut reason = format!("見守りを始めてから{long}、一度も動きがありません。機器の取り付けもご確認ください。");
    if home.devices.iter().any(|d| d.kind == DeviceKind::Power) {
        reason += "電力量計は、登録してから7日間は家の使い方を学習するため、動きに数えません。";
    }
    state.told[1] = true;
    say(state, Rule::InactivityFixed, Level::Alert, 0, due, reason, effects);
    None
}

fn tell_night_door(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    may_tell: &MayTell<'_>,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    let opened = state.night_door?;
    let due = opened + NIGHT_WAIT;
    if due > now {
        return Some(due);
    }
    let from = may_tell(due)?;
    if from > now {
        return Some(from);
    }
    state.night_door = None;
    state.night_told = night_of(opened);
    let level = home.settings.night_door?;
    let clock = at_clock(opened, now);
    let reason = format!("{clock}に玄関が開き、その後{}、家の中の動きがありません。", lasting(NIGHT_WAIT));
    say(state, Rule::NightDoor, level, 0, due, reason, effects);
    None
}

fn tell_left_open(
    home: &HomeFixed,
    state: &mut HomeState,
    now: Instant,
    may_tell: &MayTell<'_>,
    effects: &mut Vec<Effect>,
) -> Option<Instant> {
    let open: Vec<(usize, Instant)> = left_open(home, state).collect();
    let mut again = None;
    for (index, due) in open {
        let device = &home.devices[index];
        let from = if due > now { Some(due) } else { may_tell(due) };
        let Some(from) = from else { continue };
        if from > now {
            again = Some(again.map_or(from, |at: Instant| at.min(from)));
            continue;
        }
        let known = state.device(device.no);
        known.left_open_told = true;
        let (since, what) = (known.changed_at, if device.kind == DeviceKind::Fridge { "冷蔵庫" } else { "玄関" });
        let reason = format!("{what}が{}から{}、開いたままです。", at_clock(since, now), lasting(now - since));
        say(state, Rule::LeftOpen, Level::Notice, device.no, due, reason, effects);
    }
    again
}

/// Doors that stand open and were not told yet, with the moment they are due.
fn left_open<'a>(home: &'a HomeFixed, state: &'a HomeState) -> impl Iterator<Item = (usize, Instant)> + 'a {
    home.devices.iter().enumerate().filter_map(|(index, device)| {
        let wait = match device.kind {
            DeviceKind::Entrance => home.settings.left_open_entrance,
            DeviceKind::Fridge => home.settings.left_open_fridge,
            _ => return None,
        };
        let known = state.devices.iter().find(|d| d.no == device.no)?;
        let waits = known.open == Some(true) && !known.left_open_told && home.settings.notices;
        // In a walk test doors are opened on purpose.
        let tested = home.was_tested(device.no, known.changed_at);
        (waits && !tested).then(|| (index, known.changed_at + wait))
    })
}

fn say(
    state: &mut HomeState,
    rule: Rule,
    level: Level,
    device: u32,
    due: Instant,
    reason: String,
    effects: &mut Vec<Effect>,
) {
    if level == Level::Alert {
        escalate(state, rule, device, effects);
        if rule == Rule::InactivityFixed {
            escalate(state, Rule::Inactivity, device, effects);
        }
    }
    effects.push(Effect::Raise { rule, level, device, due, reason });
}
