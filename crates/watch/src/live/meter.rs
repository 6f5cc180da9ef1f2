//! What a meter tells of life: electricity by the half hour, water by the interval. Pure; the same for the live watch
//! and for recordings.
//!
//! A meter sees a home and no person: a refrigerator, a water heater by night and an air conditioner draw as much while
//! somebody lies on the floor. So a load is no life, and neither is one that rose and stays. Life is what was used and is
//! over: a kettle, a microwave, a meal. What comes in the same half hour of nearly every day may be a timer and counts as
//! little. docs/adr/0039-power-and-water.md says why, and what each number still needs.

use base::{Instant, Span};

use super::hear::{Code, Reading};
use super::home::{DeviceState, NEVER};
use super::movement::{MOST_A_MINUTE, News, Verdict, weigh};
use crate::DeviceFault;
use crate::codec::{Damaged, Reader, Writer};

const HALF_HOUR: Span = Span::minutes(30);
const HALF_HOURS: usize = 48;
/// A peak stands above so many half hours before it.
const BEFORE: usize = 6;
/// A peak lasts two half hours at most: one use often lies across their border.
const WIDEST: usize = 2;
const KEPT: usize = BEFORE + WIDEST;
const UNKNOWN: u16 = u16::MAX;
/// The least rise of a peak, Wh: above the defrosting of a refrigerator, below a kettle with a lamp [to verify].
const LEAST: u16 = 120;
/// A rise must be so many times what changes from one half hour to the next by night anyway: many meters count tenths of
/// a kWh, and what stands then changes by 100 Wh all night.
const TIMES_SPREAD: f32 = 1.8;
/// From 23 to 5 o'clock water heaters run, and what is used by night is little [to verify].
const NIGHT: (usize, usize) = (46, 10);
/// Before so many days nobody knows what of a home is a timer.
const LEARNING: u8 = 7;
/// Days that the shares of half hours look back.
const MEMORY: u8 = 14;
/// A half hour with a peak on nine of ten days, of 255.
const TIMER: u8 = 230;
/// Of water: a use is at least so much more than in the interval before, tenths of a litre, and a tenth of that.
const LEAST_WATER: u16 = 20;
/// An interval of water longer than this names no moment.
const LONGEST_INTERVAL: Span = Span::hours(2);
/// Water that flows for so long without an end is a leak or a tap.
const LEAK: Span = Span::hours(24);

/// What is remembered of one meter.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Meter {
    /// The end of the newest interval.
    at: Instant,
    /// What was used in the intervals up to then, newest first: Wh, or tenths of a litre.
    recent: [u16; KEPT],
    /// Three of four changes from one half hour of the night to the next are smaller, Wh.
    spread: f32,
    /// Share of days with a peak in each half hour, 255 for all.
    peaks: [u8; HALF_HOURS],
    /// Half hours of `day` that had a peak.
    today: u64,
    day: i32,
    days: u8,
    /// Since when every interval had some water; [`NEVER`] while none flows.
    flows_since: Instant,
}

/// Takes one interval of the home's `at`-th device in. Gives when the use of which it tells began, and what that is worth
/// beside what the others say (see [`weigh`]).
pub(crate) fn weigh_use(
    devices: &mut [DeviceState],
    alone: &mut (u32, i32),
    at: usize,
    gives_signs: impl Fn(u32) -> bool,
    r: &Reading,
) -> (Instant, Verdict) {
    let before = devices[at].fault();
    let began = read(&mut devices[at], r);
    let mut verdict = Verdict { news: News::Nothing, errs: false, trust_changed: false };
    if let Some(began) = began {
        let then = Reading { occurred_at: began, ..*r };
        verdict = weigh(devices, alone, at, gives_signs, &then, false, MOST_A_MINUTE);
    }
    verdict.trust_changed = devices[at].fault() != before;
    (began.unwrap_or(r.occurred_at), verdict)
}

fn read(known: &mut DeviceState, r: &Reading) -> Option<Instant> {
    let meter = known.rare.get_or_insert_default().meter.get_or_insert_with(|| Box::new(Meter::new()));
    // What comes after a later one has its place in the history alone.
    if r.occurred_at <= meter.at {
        return None;
    }
    if r.code == Code::Energy {
        return meter.take_power(r.value.round() as u16, r.occurred_at);
    }
    let began = meter.take_water((r.value * 10.0).round() as u16, r.occurred_at);
    let leaks = meter.flows_since != NEVER && r.occurred_at - meter.flows_since >= LEAK;
    match known.fault() {
        None if leaks => known.err(DeviceFault::Flows, r.occurred_at),
        Some(DeviceFault::Flows) if !leaks => known.believe(),
        _ => {}
    }
    began
}

impl Meter {
    fn new() -> Meter {
        Meter {
            at: NEVER,
            recent: [UNKNOWN; KEPT],
            spread: 0.0,
            peaks: [0; HALF_HOURS],
            today: 0,
            day: 0,
            days: 0,
            flows_since: NEVER,
        }
    }

    fn take_power(&mut self, wh: u16, at: Instant) -> Option<Instant> {
        self.turn_to_day((at - Span::seconds(1)).wall_day() as i32);
        let apart = if self.at == NEVER { KEPT as i64 } else { (at + Span::minutes(15) - self.at).0 / HALF_HOUR.0 };
        if apart < 1 {
            return None;
        }
        let missing = usize::try_from(apart - 1).map_or(KEPT, |n| n.min(KEPT));
        // Of a half hour that nobody heard of it is unknown whether it was one like this.
        for _ in 0..missing {
            self.push(UNKNOWN);
        }
        let peak = self.peak_before(wh);
        let last = self.recent[0];
        if last != UNKNOWN && slot(at - HALF_HOUR) < NIGHT.1 {
            self.learn_spread(f32::from(wh.abs_diff(last)));
        }
        self.push(wh);
        self.at = at;
        let began = at - Span(HALF_HOUR.0 * (peak? as i64 + 1));
        let slot = slot(began);
        self.today |= 1 << slot;
        let asleep = slot >= NIGHT.0 || slot < NIGHT.1;
        (self.days >= LEARNING && !asleep && self.peaks[slot] < TIMER).then_some(began)
    }

    /// How many half hours wide the peak is that ends with this one; `None`: there is none.
    fn peak_before(&self, wh: u16) -> Option<usize> {
        let threshold = LEAST.max((self.spread * TIMES_SPREAD) as u16);
        (1..=WIDEST).find(|&width| {
            let (peak, before) = (&self.recent[..width], &self.recent[width..width + BEFORE]);
            let highest = |of: &[u16]| of.iter().copied().max().unwrap_or(UNKNOWN);
            let (first, top, ground) = (peak[width - 1], highest(peak), highest(before));
            // A gap in the time before could hide any load.
            if top == UNKNOWN || ground == UNKNOWN || first < ground.saturating_add(threshold) {
                return false;
            }
            let half = first - (first - ground) / 2;
            // Above half its height all along, and below it now.
            peak.iter().all(|wh| *wh > half) && wh <= half
        })
    }

    fn push(&mut self, wh: u16) {
        self.recent.rotate_right(1);
        self.recent[0] = wh;
    }

    /// Goes three steps up where a change is larger, one down where it is smaller: rests where three of four are smaller.
    fn learn_spread(&mut self, change: f32) {
        let step = (self.spread / 20.0).max(1.0);
        self.spread = if change > self.spread { self.spread + 3.0 * step } else { (self.spread - step).max(0.0) };
    }

    fn turn_to_day(&mut self, day: i32) {
        if day == self.day {
            return;
        }
        if self.day != 0 {
            self.days = self.days.saturating_add(1);
            let weight = 1.0 / f32::from(self.days.min(MEMORY));
            for (slot, share) in self.peaks.iter_mut().enumerate() {
                let seen = f32::from(u8::from(self.today >> slot & 1 == 1)) * 255.0;
                *share = (f32::from(*share) + (seen - f32::from(*share)) * weight).round() as u8;
            }
        }
        (self.day, self.today) = (day, 0);
    }

    /// More than in the interval before: what only flows on was begun by somebody, once.
    fn take_water(&mut self, tenths: u16, at: Instant) -> Option<Instant> {
        let (since, before) = (self.at, self.recent[0]);
        self.push(tenths);
        self.at = at;
        match (tenths, self.flows_since) {
            (0, _) => self.flows_since = NEVER,
            (_, NEVER) => self.flows_since = at,
            _ => {}
        }
        let enough = before != UNKNOWN && tenths >= before.saturating_add(LEAST_WATER + before / 10);
        (enough && since != NEVER && at - since <= LONGEST_INTERVAL).then_some(since)
    }

    pub fn encode(&self, w: &mut Writer) {
        w.i64(self.at.0).f32(self.spread).i64(self.flows_since.0);
        for n in &self.recent {
            w.u16(*n);
        }
        for n in &self.peaks {
            w.u8(*n);
        }
        w.u32((self.today >> 32) as u32).u32(self.today as u32).i32(self.day).u8(self.days);
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Meter, Damaged> {
        let mut meter =
            Meter { at: Instant(r.i64()?), spread: r.f32()?, flows_since: Instant(r.i64()?), ..Meter::new() };
        for n in &mut meter.recent {
            *n = r.u16()?;
        }
        for n in &mut meter.peaks {
            *n = r.u8()?;
        }
        meter.today = u64::from(r.u32()?) << 32 | u64::from(r.u32()?);
        (meter.day, meter.days) = (r.i32()?, r.u8()?);
        Ok(meter)
    }
}

fn slot(at: Instant) -> usize {
    (at.wall_seconds().rem_euclid(86_400) / 1800) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(loads: impl IntoIterator<Item = u16>) -> Vec<Instant> {
        let mut meter = Meter::new();
        let mut at = Instant::parse("2026-11-01T00:00").expect("a moment");
        let mut began = Vec::new();
        for wh in loads {
            at = at + HALF_HOUR;
            began.extend(meter.take_power(wh, at));
        }
        began
    }

    #[test]
    fn a_use_counts_from_its_beginning_after_a_week_and_not_by_night() {
        let days = |half: usize, wide: usize, wh: u16| {
            let at = move |n: usize| {
                let swing = n / 48 % 3;
                (half + swing..half + swing + wide).contains(&(n % 48))
            };
            taken((0..48 * 10).map(move |n| if at(n) { wh } else { 60 }))
        };
        let first = |began: Vec<Instant>| began.first().map(Instant::to_string);
        assert_eq!(first(days(13, 1, 250)).as_deref(), Some("2026-11-08T07:00:00"), "the first week teaches only");
        assert_eq!(days(13, 2, 250).len(), 3);
        assert_eq!(days(13, 3, 250).len(), 0, "what stays is no use that is over");
        assert_eq!(days(13, 1, 150).len(), 0, "a refrigerator that defrosts");
        assert_eq!(days(3, 1, 800).len(), 0, "by night");
    }

    #[test]
    fn a_meter_that_counts_tenths_of_a_kwh_tells_of_a_meal_and_of_nothing_else() {
        let told = |meal: u32| {
            let mut total = 0;
            let counted = (0..48 * 12).map(move |n: usize| {
                let before = total / 100;
                total += if n % 48 == 36 + n / 48 % 3 { 57 + meal } else { 57 };
                ((total / 100 - before) * 100) as u16
            });
            taken(counted).len()
        };
        assert_eq!((told(0), told(350)), (0, 5));
    }

    proptest::proptest! {
        // shows: 6.4.2 whatever a home draws for an hour and a half or longer is no life, however much it is
        #[test]
        fn a_load_that_stays_is_no_life(
            loads in proptest::collection::vec((0..6_000u16, 3..20usize), 60..90),
            noise in proptest::collection::vec(0..55u16, 97),
        ) {
            let loads = loads.into_iter().flat_map(|(wh, long)| std::iter::repeat_n(wh, long)).enumerate();
            let began = taken(loads.map(|(n, wh)| wh + noise[n % 97]));
            proptest::prop_assert_eq!(began, Vec::<Instant>::new());
        }
    }
}
