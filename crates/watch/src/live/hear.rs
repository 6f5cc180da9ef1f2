//! What one stored reading does to its home. A pure function of the state and the reading, so that replaying the
//! readings after a crash gives the state that was lost.
//!
//! Only a change of a contact or a motion is a sign of life. What comes late moves the rhythm's clock (it is true that
//! the person was well then), but it ends no alert, arms none anew and is measured against no limit.

use base::{AbsenceId, AlertId, Instant, Span};

pub(crate) use super::code::Code;
use super::home::{HomeFixed, HomeState, NEVER, RoomClimate, Second};
use super::meter::weigh_use;
use super::movement::{News, follow, weigh};
use super::{BUTTON_LATE, LATE};
use crate::climate::{HeatBand, indoor_wbgt};
use crate::rhythm::Heard;
use crate::words::{at_clock, lasting, long_ago};
use crate::{DeviceKind, Level, Rule};

/// A room that leaves its limit by less, in degrees, has not left it: sensors waver so much.
const WAVER: f32 = 0.3;

/// Presses within this time are one call.
const AGAIN: Span = Span::minutes(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub code: Code,
    pub value: f32,
    pub occurred_at: Instant,
    pub received_at: Instant,
    /// Whether anybody knows that it happened then.
    pub timed: bool,
}

impl Reading {
    pub(super) fn is_late(&self) -> bool {
        self.received_at - self.occurred_at > LATE
    }
}

/// What a reading or a timer asks of the rest of the system.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Effect {
    Raise {
        rule: Rule,
        level: Level,
        device: u32,
        due: Instant,
        reason: String,
    },
    /// A notice ended by itself: a sign of life, or the condition passed.
    Clear(AlertId),
    /// A notice whose silence is now told as an alert.
    Escalate(AlertId),
    /// The first sign of life after an alert.
    SignAfter(AlertId, Instant),
    Activity(AbsenceId, Instant),
    Count {
        device: u32,
        what: Anomaly,
    },
    /// To be read on the pages at once: a device is believed otherwise than before, or somebody stands beside it.
    Save,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Anomaly {
    Duplicate,
    Late,
    Reordered,
    Repeated,
    Retained,
    WrongClock,
    /// Said by a device that is out of order.
    Faulty,
}

/// How often each happened of a device since its home was saved, in the order of [`Anomaly`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counted(pub [u16; 7]);

impl Counted {
    pub fn count(&mut self, what: Anomaly) {
        self.add(what as usize, 1);
    }

    pub fn add_all(&mut self, more: Counted) {
        more.0.into_iter().enumerate().for_each(|(what, n)| self.add(what, n));
    }

    fn add(&mut self, what: usize, n: u16) {
        self.0[what] = self.0[what].saturating_add(n);
    }
}

/// Moves the home's state by one reading of its `index`-th device.
pub(crate) fn take(home: &HomeFixed, state: &mut HomeState, index: usize, r: &Reading, effects: &mut Vec<Effect>) {
    let device = &home.devices[index];
    let known = state.device(device.no);
    let in_order = r.occurred_at >= known.last_at;
    known.last_at = known.last_at.max(r.occurred_at);
    known.heard_at = known.heard_at.at().max(r.received_at).into();
    let count = |what| Effect::Count { device: device.no, what };
    if r.is_late() {
        effects.push(count(Anomaly::Late));
    } else if !in_order {
        effects.push(count(Anomaly::Reordered));
    }
    if home.was_tested(device.no, r.occurred_at) {
        // Whoever hung it looks whether it was heard.
        effects.push(Effect::Save);
        let known = state.device(device.no);
        if r.code.is_movement() {
            follow(known, r);
        }
        known.believe();
        return;
    }
    match r.code {
        _ if r.code.is_movement() => move_about(home, state, index, r, in_order, effects),
        Code::Temperature | Code::Humidity => measure(home, state, index, r, in_order, effects),
        Code::Battery => state.device(device.no).battery = Some(r.value as u8),
        Code::Button => press(state, device.no, &device.place, r, effects),
        Code::Energy | Code::Water => meter(home, state, index, r, effects),
        _ => {}
    }
}

fn move_about(
    home: &HomeFixed,
    state: &mut HomeState,
    index: usize,
    r: &Reading,
    in_order: bool,
    effects: &mut Vec<Effect>,
) {
    let device = &home.devices[index];
    let Some(sign) = device.kind.sign().filter(|_| r.code.suits(device.kind)) else { return };
    let count = |what| Effect::Count { device: device.no, what };
    let at = state.device_at(device.no);
    let gives_signs = |no: u32| home.devices.iter().any(|d| d.no == no && d.kind.sign().is_some());
    let verdict = weigh(&mut state.devices, &mut state.alone, at, gives_signs, r, true, home.settings.chatter);
    if verdict.trust_changed {
        effects.push(Effect::Save);
    }
    match verdict.news {
        News::Moved if verdict.errs => effects.push(count(Anomaly::Faulty)),
        News::Repeats if in_order => effects.push(count(Anomaly::Repeated)),
        _ => {}
    }
    if r.code == Code::Closed && verdict.news == News::Moved {
        close(state, device.no, effects);
    }
    if !verdict.is_sign() {
        return;
    }
    if r.code != Code::Closed && r.code != Code::Absent {
        state.day(r.occurred_at.wall_day()).used(device.no, second(r.occurred_at));
        watch_night(home, state, device.kind, r);
    }
    let known = state.device(device.no);
    known.sign_at = r.occurred_at.max(known.sign_at.at()).into();
    live_sign(home, state, sign, r.occurred_at, r.is_late(), effects);
}

/// A meter tells of an interval that is over. Somebody lived when the use began, which is the least that is known.
fn meter(home: &HomeFixed, state: &mut HomeState, index: usize, r: &Reading, effects: &mut Vec<Effect>) {
    let device = &home.devices[index];
    let Some(sign) = device.kind.sign().filter(|_| r.code.suits(device.kind)) else { return };
    let within = r.occurred_at - Span::seconds(1);
    state.day(within.wall_day()).metered(device.no, second(within), r.value);
    let at = state.device_at(device.no);
    let gives_signs = |no: u32| home.devices.iter().any(|d| d.no == no && d.kind.sign().is_some());
    let (began, verdict) = weigh_use(&mut state.devices, &mut state.alone, at, gives_signs, r);
    if verdict.trust_changed {
        effects.push(Effect::Save);
    }
    if verdict.news == News::Moved && verdict.errs {
        effects.push(Effect::Count { device: device.no, what: Anomaly::Faulty });
    }
    if !verdict.is_sign() {
        return;
    }
    state.day(began.wall_day()).used(device.no, second(began));
    let known = state.device(device.no);
    known.sign_at = began.max(known.sign_at.at()).into();
    // It ends nothing that was told after the use began.
    let told_since = state.standing.iter().any(|s| is_of_silence(s.rule) && s.raised_at > began);
    live_sign(home, state, sign, began, r.is_late() || told_since, effects);
}

/// A door that was told as left open is closed.
fn close(state: &mut HomeState, device: u32, effects: &mut Vec<Effect>) {
    end_standing(state, effects, |rule, of| rule == Rule::LeftOpen && of == device);
}

fn live_sign(
    home: &HomeFixed,
    state: &mut HomeState,
    sign: crate::rhythm::Sign,
    at: Instant,
    is_late: bool,
    effects: &mut Vec<Effect>,
) {
    let last = state.last_sign();
    let newest = last.is_none_or(|last| at > last);
    let silence = last.filter(|_| newest).map(|last| (at - last).as_seconds().clamp(0, 86_400) as u32);
    state.day(at.wall_day()).sign(second(at), silence);
    note_activity(home, state, at, effects);
    let told = state.told;
    if state.rhythm.observe(at, sign) == Heard::New {
        state.due = None;
    }
    if is_late {
        for (level, _) in [Level::Notice, Level::Alert].into_iter().zip(told).filter(|(_, told)| *told) {
            state.rhythm.told(level);
        }
        return;
    }
    if newest {
        state.told = [false; 2];
        answer_silence(state, at, effects);
    }
}

fn is_of_silence(rule: Rule) -> bool {
    matches!(rule, Rule::Inactivity | Rule::InactivityFixed | Rule::NightDoor | Rule::DailyCall)
}

/// A sign of life ends the gentle question of a silence, and is told beside an alert that stands.
fn answer_silence(state: &mut HomeState, at: Instant, effects: &mut Vec<Effect>) {
    state.standing.retain(|s| {
        let answered = is_of_silence(s.rule) && at >= s.raised_at;
        match (answered, s.level) {
            (false, _) => {}
            (true, Level::Notice) => effects.push(Effect::Clear(s.alert)),
            (true, Level::Alert) => effects.push(Effect::SignAfter(s.alert, at)),
        }
        !answered
    });
}

pub(super) fn end_standing(state: &mut HomeState, effects: &mut Vec<Effect>, concerned: impl Fn(Rule, u32) -> bool) {
    state.standing.retain(|s| {
        let over = concerned(s.rule, s.device);
        if over && s.level == Level::Notice {
            effects.push(Effect::Clear(s.alert));
        }
        !over
    });
}

/// Once an hour at most: that somebody moves in a home whose person is announced to be away.
fn note_activity(home: &HomeFixed, state: &mut HomeState, at: Instant, effects: &mut Vec<Effect>) {
    let Some(away) = home.absences.iter().find(|a| (a.from..a.until).contains(&at)) else { return };
    let noted = state.activity.as_ref().is_some_and(|a| a.0 == away.absence && at - a.1 < Span::hours(1));
    if !noted {
        state.activity = Some(Box::new((away.absence, at)));
        effects.push(Effect::Activity(away.absence, at));
    }
}

fn watch_night(home: &HomeFixed, state: &mut HomeState, kind: DeviceKind, r: &Reading) {
    if kind != DeviceKind::Entrance {
        if state.night_door.is_some_and(|opened| r.occurred_at >= opened) {
            state.night_door = None;
        }
        return;
    }
    let (from, until) = home.settings.night;
    let minute = (r.occurred_at.wall_seconds().rem_euclid(86_400) / 60) as u16;
    let in_night = if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until };
    let told = state.night_told == night_of(r.occurred_at);
    if in_night && !told && !r.is_late() && home.settings.night_door.is_some() && state.night_door.is_none() {
        state.night_door = Some(r.occurred_at);
    }
}

/// The wall day on whose evening this night began.
pub(super) fn night_of(at: Instant) -> i32 {
    (at - Span::hours(12)).wall_day() as i32
}

/// Measured from the press that was told, so that no chain of presses keeps the next ones quiet.
pub(super) fn is_same_call(told: Instant, pressed: Instant) -> bool {
    told != NEVER && (pressed - told).abs() < AGAIN
}

fn press(state: &mut HomeState, device: u32, place: &str, r: &Reading, effects: &mut Vec<Effect>) {
    let pressed = r.occurred_at;
    let known = state.device(device);
    let told = known.changed_at;
    if is_same_call(told, pressed) {
        return;
    }
    known.changed_at = told.max(pressed);
    let (clock, ago) = (at_clock(pressed, r.received_at), r.received_at - pressed);
    let reason = match r.timed {
        false => format!(
            "{place}の呼び出しボタンが押されたと、保存されていた通知が伝えてきました。押された時刻は分かりません。"
        ),
        // A call for help that waited in a gateway is still a call for help.
        true if ago > BUTTON_LATE => {
            format!("{place}の呼び出しボタンが{}前（{clock}）に押されたと、いま伝えてきました。", long_ago(ago))
        }
        true => format!("{clock}に{place}の呼び出しボタンが押されました。"),
    };
    effects.push(Effect::Raise { rule: Rule::Button, level: Level::Alert, device, due: pressed, reason });
}

fn measure(
    home: &HomeFixed,
    state: &mut HomeState,
    index: usize,
    r: &Reading,
    in_order: bool,
    effects: &mut Vec<Effect>,
) {
    let device = &home.devices[index];
    if device.kind != DeviceKind::Climate {
        return;
    }
    let (day, of_day) = (r.occurred_at.wall_day(), second(r.occurred_at));
    match r.code {
        Code::Temperature => state.day(day).temperature(device.no, of_day, r.value),
        _ => state.day(day).humidity(device.no, of_day, r.value),
    }
    if !in_order || r.is_late() {
        return;
    }
    let climate = state.device(device.no).climate.get_or_insert_default();
    let slot = if r.code == Code::Temperature { &mut climate.temperature } else { &mut climate.humidity };
    *slot = Some((r.occurred_at.into(), r.value));
    let (raised, over) = judge(home, climate, &device.place, r.occurred_at);
    for (rule, level, reason, since) in raised {
        if level == Level::Alert {
            escalate(state, rule, device.no, effects);
        }
        effects.push(Effect::Raise { rule, level, device: device.no, due: since, reason });
    }
    for rule in over {
        end_standing(state, effects, |of, no| of == rule && no == device.no);
    }
}

/// A notice of the same rule ends in the alert.
pub(super) fn escalate(state: &mut HomeState, rule: Rule, device: u32, effects: &mut Vec<Effect>) {
    state.standing.retain(|s| {
        let ends = s.rule == rule && s.device == device && s.level == Level::Notice;
        if ends {
            effects.push(Effect::Escalate(s.alert));
        }
        !ends
    });
}

type Raised = Vec<(Rule, Level, String, Instant)>;

/// Compares a room with its limits: what is told now, and which rules are over. What was told is over a degree back, so
/// that a room on the limit is told once; what was not begins anew where the room comes back.
fn judge(home: &HomeFixed, c: &mut RoomClimate, place: &str, at: Instant) -> (Raised, Vec<Rule>) {
    let settings = &home.settings;
    let fresh = |v: Option<(Second, f32)>| v.filter(|(t, _)| at - t.at() <= Span::hours(2)).map(|(_, v)| v);
    let (temperature, humidity) = (fresh(c.temperature), fresh(c.humidity));
    let wbgt = temperature.zip(humidity).map(|(t, h)| indoor_wbgt(t, h));
    let rules = [
        (Rule::TooHot, temperature, settings.hot, 1.0),
        (Rule::TooCold, temperature, settings.cold, -1.0),
        (Rule::Wbgt, wbgt, settings.wbgt, 1.0),
    ];
    let (mut raised, mut over) = (Vec::new(), Vec::new());
    for (n, (rule, value, limits, upward)) in rules.into_iter().enumerate() {
        let Some(value) = value else { continue };
        let beyond = limits.map(|limit| (value - limit) * upward);
        for (l, beyond) in beyond.into_iter().enumerate() {
            if beyond <= -1.0 || beyond < -WAVER && !c.told[n][l] {
                (c.since[n][l], c.told[n][l]) = (Second::NEVER, false);
            } else if beyond >= 0.0 && c.since[n][l] == Second::NEVER {
                c.since[n][l] = at.into();
            }
        }
        if c.since[n] == [Second::NEVER; 2] {
            over.push(rule);
            continue;
        }
        let long = |since: Second| since != Second::NEVER && at - since.at() >= settings.climate_after;
        let due = |l: usize| beyond[l] >= 0.0 && long(c.since[n][l]) && !c.told[n][l];
        let level = match (due(1), due(0) && settings.notices && !c.told[n][1]) {
            (true, _) => Level::Alert,
            (false, true) => Level::Notice,
            (false, false) => continue,
        };
        let since = c.since[n][level as usize].at();
        c.told[n][level as usize] = true;
        c.told[n][0] = true;
        // Hot air and a high estimate are one heat: the second of them is not told at the same level.
        let twin = [Some(2), None, Some(0)][n];
        if twin.is_some_and(|twin: usize| c.told[twin][level as usize]) {
            continue;
        }
        let reason = say_climate(rule, place, value, limits[level as usize], since, at, temperature, humidity);
        raised.push((rule, level, reason, since + settings.climate_after));
    }
    (raised, over)
}

#[allow(clippy::too_many_arguments)] // One sentence needs them all and nothing else does.
fn say_climate(
    rule: Rule,
    place: &str,
    value: f32,
    limit: f32,
    since: Instant,
    at: Instant,
    t: Option<f32>,
    h: Option<f32>,
) -> String {
    let long = lasting(at - since);
    let damp = h.map_or_else(String::new, |h| format!("、湿度{h:.0}%"));
    let clock = at_clock(at, at);
    match rule {
        Rule::Wbgt => format!(
            "{place}の暑さ指数（推定）が{long}続けて{limit:.0}以上です（{clock} 推定{value:.1}「{}」、室温{:.1}℃{damp}）。",
            HeatBand::of(value).ja(),
            t.unwrap_or_default()
        ),
        Rule::TooCold => format!("{place}の室温が{long}続けて{limit:.0}℃以下です（{clock} {value:.1}℃{damp}）。"),
        _ => format!("{place}の室温が{long}続けて{limit:.0}℃以上です（{clock} {value:.1}℃{damp}）。"),
    }
}

fn second(at: Instant) -> u32 {
    at.wall_seconds().rem_euclid(86_400) as u32
}
