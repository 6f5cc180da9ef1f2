//! 実績に合わせた調整: the days of the budget that was asked, and the days by which silence is judged so that it is met. The
//! region's homes are measured together, since one alone has too few alarms to tell anything by.
//!
//! It knows how many alarms were false and how many were meant; it knows no home and no silence. Why so, and what else
//! was considered: docs/adr/0040-the-limit-adapts.md.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use audit::{Basis, Means};
use base::{Ctx, Instant, Span};
use db::{Tx, outbox};

use crate::event::Event;
use crate::settings::{Changes, Settings, region_settings};
use crate::store::{adaptation as store, home};
use crate::verbs::Verb;
use crate::{Cause, WatchError};

/// The population's figure counts until the first home has been watched for so long.
const FIRST: Span = Span::days(30);
/// Where more is there when a region is first measured, it is measured for so long.
const LOOKED_BACK: Span = Span::days(90);
/// Between two measurements.
const EVERY: Span = Span::days(7);
/// What was measured counts half after so many days.
const HALF_LIFE: f64 = 90.0;
/// Measurements that are looked at: two years of them.
const KEPT: usize = 104;
/// The population's figure weighs as much as so many false alarms that came as they were meant.
const PRIOR: f64 = 6.0;
/// The factor changes by so much at most at a time, and not at all where it would change by less than [`STILL`].
const STEP: f64 = 0.05;
const STILL: f64 = 0.03;
/// Silence is judged by at least and at most so many percent of the days that were asked.
pub const BOUNDS: (u16, u16) = (50, 300);
/// As it was asked.
pub const AS_ASKED: u16 = 100;

/// What was measured of the region in [from, until), and what follows from it.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    pub from: Instant,
    pub until: Instant,
    /// Days of homes that were heard and judged by the learned rhythm, all together.
    pub home_days: f64,
    /// False alarms that the limit in force meant to have in these days.
    pub expected: f64,
    pub false_alarms: u32,
    /// Percent of the days that were asked, in force from `until` on.
    pub percent: u16,
}

/// What a page says of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Adaptation {
    pub percent: u16,
    /// What was measured lately, from when until when; `None` before the first time.
    pub lately: Option<Lately>,
}

/// The measurements of some three months together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lately {
    pub from: Instant,
    pub until: Instant,
    pub home_days: f64,
    pub false_alarms: u32,
}

/// Measures the region if it is time; whoever asks puts the outcome in force with [`adapt`]. It reads all contracts and
/// alerts and changes nothing.
pub fn measure(tx: &mut dyn Tx, now: Instant) -> Result<Option<Measured>, WatchError> {
    let past = store::newest(tx, KEPT)?;
    let until = Instant::from_wall_day(now.wall_day());
    let (from, wait) = match past.first() {
        Some(last) => (last.until, EVERY),
        None => match store::first_begun(tx)? {
            Some(begun) => (begun.max(until - LOOKED_BACK), FIRST),
            None => return Ok(None),
        },
    };
    if until - from < wait {
        return Ok(None);
    }
    let present = past.first().map_or(AS_ASKED, |last| last.percent);
    let region = region_settings(tx)?;
    let own: HashMap<u32, Changes> = home::changes(tx, None)?.into_iter().collect();
    let (mut home_days, mut expected) = (0.0, 0.0);
    for (no, begun, ended) in store::heard(tx, from, until)? {
        let settings = own.get(&no).map_or_else(|| region.clone(), |changes| changes.over(&region));
        if settings.rhythm.fixed.is_none() {
            let days = (ended.unwrap_or(until).min(until) - begun.max(from)).as_seconds() as f64 / 86_400.0;
            home_days += days;
            expected += days / f64::from(settings.adapted(present).rhythm.alert_days);
        }
    }
    let causes = store::causes(tx, from, until)?;
    let false_alarms = causes.iter().filter(|(cause, _)| cause.was_too_early()).map(|(_, times)| times).sum();
    let mut measured = Measured { from, until, home_days, expected, false_alarms, percent: AS_ASKED };
    if region.adapts {
        measured.percent = next(&past, &measured, present);
    }
    Ok(Some(measured))
}

/// Puts in force what was measured. The program's own act; doing it again changes nothing.
pub fn adapt(ctx: &Ctx, tx: &mut dyn Tx, measured: &Measured) -> Result<(), WatchError> {
    let last = store::newest(tx, 1)?.pop();
    if last.as_ref().is_some_and(|last| last.until >= measured.until) {
        return Ok(());
    }
    store::insert(tx, measured)?;
    if measured.percent == last.map_or(AS_ASKED, |last| last.percent) {
        return Ok(());
    }
    audit::done(ctx, tx, Verb::AdaptLimit, Basis::Means(Means::Program, None), "watch")?;
    Ok(outbox::push(tx, ctx.now, &Event::RegionChanged {})?)
}

/// How the region is judged, and by what it was measured. Numbers only; asks nobody's leave.
pub fn adaptation(tx: &mut dyn Tx, now: Instant) -> Result<Adaptation, WatchError> {
    let past = store::newest(tx, KEPT)?;
    let since = now - LOOKED_BACK;
    let lately = past.iter().filter(|m| m.until > since).fold(None, |known: Option<Lately>, m| {
        let known = known.unwrap_or(Lately { from: m.from, until: m.until, home_days: 0.0, false_alarms: 0 });
        let (home_days, false_alarms) = (known.home_days + m.home_days, known.false_alarms + m.false_alarms);
        Some(Lately { from: m.from, until: known.until, home_days, false_alarms })
    });
    Ok(Adaptation { percent: past.first().map_or(AS_ASKED, |last| last.percent), lately })
}

/// Percent of the days that were asked.
pub(crate) fn percent(tx: &mut dyn Tx) -> Result<u16, WatchError> {
    Ok(store::newest(tx, 1)?.pop().map_or(AS_ASKED, |last| last.percent))
}

impl Settings {
    /// With the limits of the learned rhythm as the region's measurements want them.
    pub(crate) fn adapted(mut self, percent: u16) -> Settings {
        if self.adapts {
            let factor = f32::from(percent) / f32::from(AS_ASKED);
            self.rhythm.alert_days *= factor;
            // A question without an answer is an alarm as well; but nobody is asked more often than was wished.
            if let Some(ask) = &mut self.rhythm.ask {
                ask.days *= factor.max(1.0);
            }
        }
        self
    }

    /// Percent of the asked days by which this home is judged.
    pub(crate) fn judged_by(&self, percent: u16) -> u16 {
        if self.adapts && self.rhythm.fixed.is_none() { percent } else { AS_ASKED }
    }
}

impl Cause {
    /// Whether the silence was told too early: the home was heard rightly, and nobody needed help. A longer limit mends
    /// neither a device nor a line.
    pub const fn was_too_early(self) -> bool {
        matches!(self.was_false(), Some(true)) && !matches!(self, Cause::DeviceFault | Cause::LineFault)
    }
}

/// The factor after `measured`, in percent. The rate of false alarms falls as the days rise by which silence is judged, so
/// that the days at which it is as asked follow from what came against what was meant, whatever was in force meanwhile.
pub(crate) fn next(past: &[Measured], measured: &Measured, present: u16) -> u16 {
    let (mut came, mut meant) = (PRIOR, PRIOR);
    for m in past.iter().chain([measured]) {
        let age = (measured.until - m.until).as_seconds() as f64 / 86_400.0;
        let weight = 0.5_f64.powf(age / HALF_LIFE);
        came += weight * f64::from(m.false_alarms);
        meant += weight * m.expected;
    }
    let (present, (lowest, highest)) = (f64::from(present), BOUNDS);
    let wanted = f64::from(AS_ASKED) * came / meant;
    let wanted = wanted.clamp(f64::from(lowest), f64::from(highest));
    if (wanted - present).abs() < STILL * present {
        return present as u16;
    }
    let step = STEP * present;
    // Whole percents, and no more than the step.
    let next = if wanted > present { wanted.min(present + step).floor() } else { wanted.max(present - step).ceil() };
    next as u16
}
