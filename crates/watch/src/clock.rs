//! The clock of a gateway, as far as it shows in what it claims and in when that came in. Pure.
//!
//! A living line brings everything within seconds, so that what is claimed lags behind our own clock by nearly the same
//! time again and again: that is the clock's error. What was kept while a line was down comes with lags that shrink.
//! Why these rules: docs/adr/0038.

use base::{Instant, Span};

use crate::Arrival;
use crate::codec::{Damaged, NEVER, Reader, Writer};
use crate::words::amount;

/// A clock may be fast by this much; beyond it, or before 2020, the time of arrival counts.
pub const FAST_CLOCK: Span = Span::minutes(10);
/// 2020-01-01T00:00+09:00: no gateway of ours is older.
const OLDEST: Instant = Instant(1_577_804_400_000_000);
/// Seconds by which the delays of a living line differ. Who lags behind by less is on time.
const JITTER: i32 = 90;
/// Seconds by which a clock must be slow to be corrected. One that is fast by less than [`FAST_CLOCK`] is believed.
const LEAST: i32 = 180;
/// A lag that so many moments agree on, each a while after the one before and over some time, is the clock's error.
const MOMENTS: u8 = 8;
const APART: Span = Span::minutes(1);
const SPREAD: Span = Span::minutes(20);
/// So many moments on time show that a clock is right: what was kept for just as long as the clock is fast passes in one.
const RIGHT: u8 = 2;
/// A clock that is fast by more shows no zone (2036): what it says counts as of its arrival.
const FURTHEST_AHEAD: Span = Span::days(2);
/// So long after a clock was put right, nothing comes again that it said before.
const SENT_AGAIN: Span = Span::days(7);
/// Zones lie on the hour or half an hour beside it, and none is further from ours than 14 hours.
const HALF_HOUR: i64 = 1800;
const ZONES: std::ops::RangeInclusive<i64> = 2..=28;

/// By how much the times of a gateway are corrected, and since when.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClockError {
    /// Negative: it is fast.
    pub slow_by: Span,
    pub since: Instant,
}

/// What is known of a clock that is wrong, or may be. A clock that was never seen to be has none of this.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct GatewayClock {
    /// Seconds added to what it claims; whole ones, so that a time told in seconds stays one. 0: it is right, or not
    /// known yet.
    slow_by: i32,
    since: Instant,
    /// What was added until the last turn, which was then, by this clock and by ours.
    before: i32,
    turned: Instant,
    turned_at: Instant,
    run: Run,
}

/// Messages in a row that agree on their lag, seconds.
#[derive(Clone, PartialEq, Debug)]
struct Run {
    low: i32,
    high: i32,
    moments: u8,
    first_at: Instant,
    last_at: Instant,
}

/// When something happened, as far as its sender's clock can be believed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Moment {
    pub at: Instant,
    /// Nobody can know it by the sender's clock: it is the time of arrival.
    pub wrong: bool,
    /// By the sender's clock alone, corrected by nothing.
    pub plain: Instant,
    /// It may be stored as of then, when the clock was thought of otherwise.
    pub stored_as: Option<Instant>,
    /// Where the clock may have turned since: when a call for help is likely to have come.
    pub doubtful_call: Option<Instant>,
}

fn is_on_time(lag: i32) -> bool {
    (-FAST_CLOCK.as_seconds() as i32..JITTER).contains(&lag)
}

fn believed(claimed: Instant, received: Instant) -> (Instant, bool) {
    let wrong = claimed < OLDEST || claimed > received + FAST_CLOCK;
    (if wrong { received } else { claimed }, wrong)
}

/// When an arrival happened, by the clock of its gateway.
pub(crate) fn moment(clock: Option<&GatewayClock>, arrival: &Arrival) -> Moment {
    let received = arrival.received_at;
    let Some(claimed) = arrival.occurred_at else {
        return Moment { at: received, wrong: false, plain: received, stored_as: None, doubtful_call: None };
    };
    let (plain, wrong) = believed(claimed, received);
    match clock.filter(|_| claimed >= OLDEST) {
        None => Moment { at: plain, wrong, plain, stored_as: None, doubtful_call: None },
        Some(clock) => clock.moment(claimed, received),
    }
}

impl GatewayClock {
    /// Takes in what a gateway claimed just now. That a clock is right is the rule and leaves nothing.
    pub fn hear(known: &mut Option<Box<GatewayClock>>, claimed: Instant, received: Instant) {
        let lag = received - claimed;
        if claimed < OLDEST || lag < Span(-FURTHEST_AHEAD.0) {
            return;
        }
        let Ok(lag) = i32::try_from(lag.as_seconds()) else { return };
        if is_on_time(lag) && known.as_ref().is_none_or(|clock| clock.is_over(received)) {
            *known = None;
            return;
        }
        let clock = known.get_or_insert_with(|| Box::new(GatewayClock::new(lag, received)));
        clock.run.follow(lag, received);
        clock.judge(lag, claimed, received);
    }

    fn new(lag: i32, received: Instant) -> GatewayClock {
        let run = Run::begin(lag, received);
        GatewayClock { slow_by: 0, since: NEVER, before: 0, turned: NEVER, turned_at: NEVER, run }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.slow_by == 0 && self.turned_at + SENT_AGAIN < now
    }

    pub fn error(&self) -> Option<ClockError> {
        let slow_by = Span::seconds(i64::from(self.slow_by));
        (self.slow_by != 0).then_some(ClockError { slow_by, since: self.since })
    }

    fn judge(&mut self, lag: i32, claimed: Instant, received: Instant) {
        let slow_by = match () {
            () if self.run.is_right() => 0,
            () if self.run.lasts() => self.run.error(),
            // Corrected, it would lie in the future.
            () if lag < self.slow_by - JITTER => 0,
            () => return,
        };
        let by = (slow_by - self.slow_by).abs();
        // A clock that drifts is followed before its messages seem to come from the future.
        if by <= JITTER / 2 {
            return;
        }
        if by > LEAST || self.slow_by == 0 {
            self.since = received;
        }
        (self.before, self.slow_by) = (self.slow_by, slow_by);
        (self.turned, self.turned_at) = (claimed, received);
    }

    fn moment(&self, claimed: Instant, received: Instant) -> Moment {
        let [corrected, as_before] = [self.slow_by, self.before].map(|by| claimed + Span::seconds(i64::from(by)));
        let (plain, plain_wrong) = believed(claimed, received);
        let (at, wrong) = match believed(corrected, received) {
            // A broker kept it, so that it was no word on the clock, but it was said by one that is right.
            (_, true) => (plain, plain_wrong),
            known => known,
        };
        let fresh = (received - corrected).abs() <= Span::seconds(i64::from(JITTER));
        // A clock that was set back claims the same times once more: what is fresh by a right one is no repetition.
        let said_before = if fresh { self.slow_by != 0 && claimed <= self.turned } else { as_before <= self.turned_at };
        let doubtful = !fresh && self.turned_at != NEVER;
        // That it waited for just as long as the clock was fast is less likely than that the clock is right by now.
        let call = if self.slow_by < 0 && !plain_wrong { plain } else { at };
        let stored_as = said_before.then_some(as_before);
        Moment { at, wrong, plain, stored_as, doubtful_call: doubtful.then_some(call) }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer(Vec::with_capacity(57));
        w.i32(self.slow_by).i32(self.before);
        w.i64(self.since.0).i64(self.turned.0).i64(self.turned_at.0);
        let run = &self.run;
        w.i32(run.low).i32(run.high).u8(run.moments).i64(run.first_at.0).i64(run.last_at.0);
        w.0
    }

    pub fn decode(bytes: &[u8]) -> Result<GatewayClock, Damaged> {
        let mut r = Reader(bytes);
        let (slow_by, before) = (r.i32()?, r.i32()?);
        let [since, turned, turned_at] = [Instant(r.i64()?), Instant(r.i64()?), Instant(r.i64()?)];
        let (low, high, moments) = (r.i32()?, r.i32()?, r.u8()?);
        let run = Run { low, high, moments, first_at: Instant(r.i64()?), last_at: Instant(r.i64()?) };
        r.end()?;
        Ok(GatewayClock { slow_by, since, before, turned, turned_at, run })
    }
}

impl Run {
    fn begin(lag: i32, at: Instant) -> Run {
        Run { low: lag, high: lag, moments: 1, first_at: at, last_at: at }
    }

    /// What comes later than the others may have been delayed and is left out, for a while; what comes sooner, or on
    /// time, proves them wrong.
    fn follow(&mut self, lag: i32, at: Instant) {
        if (self.high - JITTER..=self.low + JITTER).contains(&lag) {
            (self.low, self.high) = (self.low.min(lag), self.high.max(lag));
            if at - self.last_at >= APART {
                (self.moments, self.last_at) = (self.moments.saturating_add(1), at);
            }
        } else if lag < self.low || is_on_time(lag) || at - self.last_at > SPREAD {
            *self = Run::begin(lag, at);
        }
    }

    fn is_right(&self) -> bool {
        is_on_time(self.low) && is_on_time(self.high) && self.moments >= RIGHT
    }

    fn lasts(&self) -> bool {
        self.moments >= MOMENTS && self.last_at - self.first_at >= SPREAD
    }

    /// The smallest lag is the one with the least delay in it.
    fn error(&self) -> i32 {
        let wrong = self.low >= LEAST || !is_on_time(self.high) && self.high < 0;
        if wrong { self.low } else { 0 }
    }
}

impl ClockError {
    /// What the keeper of the gateways reads: 「時計が20分遅れています」「時差の設定が9時間ずれています」.
    pub fn ja(&self) -> String {
        let (by, seconds) = (amount(self.slow_by.abs()), self.slow_by.abs().as_seconds());
        let halves = (seconds + HALF_HOUR / 2) / HALF_HOUR;
        if ZONES.contains(&halves) && (seconds - halves * HALF_HOUR).abs() <= i64::from(JITTER) {
            return format!("時差の設定が{by}ずれています");
        }
        format!("時計が{by}{}います", if self.slow_by > Span::ZERO { "遅れて" } else { "進んで" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Instant = Instant(1_795_921_200_000_000);

    /// What is known after messages that came so many seconds after noon, so many seconds after what they claim.
    fn known(messages: impl IntoIterator<Item = (i64, i64)>) -> Option<Box<GatewayClock>> {
        let mut clock = None;
        for (at, lag) in messages {
            let received = NOON + Span::seconds(at);
            GatewayClock::hear(&mut clock, received - Span::seconds(lag), received);
        }
        clock
    }

    fn error(messages: impl IntoIterator<Item = (i64, i64)>) -> Option<String> {
        known(messages)?.error().map(|error| error.ja())
    }

    /// One message in `every` seconds.
    fn steady(every: i64, until: i64, lag: impl Fn(i64) -> i64) -> impl Iterator<Item = (i64, i64)> {
        (0..until).step_by(every as usize).map(move |at| (at, lag(at)))
    }

    #[test]
    fn what_lags_behind_by_the_same_again_and_again_is_the_clocks_error() {
        let jitter = |at: i64| at / 60 * 7 % 60;
        for (lag, words) in [
            (1200, "時計が20分遅れています"),
            (-1200, "時計が20分進んでいます"),
            (3600 * 9, "時差の設定が9時間ずれています"),
            (-3600 * 9, "時差の設定が9時間ずれています"),
            (3600 * 5 + 1800, "時差の設定が5時間30分ずれています"),
            (3600 * 5, "時差の設定が5時間ずれています"),
            (3600 * 5 + 720, "時計が5時間12分遅れています"),
            (86_400 * 40, "時計が40日遅れています"),
        ] {
            let found = error(steady(240, 3600, |at| lag + jitter(at)));
            assert_eq!(found.as_deref(), Some(words), "{lag}");
        }
        let short = |until| error(steady(60, until, |_| 1200));
        assert_eq!((short(1200), short(1300).is_some()), (None, true), "twenty minutes of it");
        assert_eq!(error((0..200).map(|n| (n * 10 % 50, 1200))), None, "many words of one moment");
    }

    #[test]
    fn a_clock_that_is_right_or_nearly_so_leaves_nothing() {
        for lag in [0, 80, -300, -590] {
            assert_eq!(known(steady(60, 7200, |_| lag)), None, "{lag}");
        }
        assert_eq!(error(steady(60, 7200, |_| 150)), None);
        let once_late = known((0..30).map(|n| (n * 300, if n == 20 { 4000 } else { 2 })));
        assert_eq!(once_late, None, "a message that was late is forgotten with the next");
    }

    #[test]
    fn a_clock_of_1970_or_2036_is_not_learned() {
        assert_eq!(known(steady(60, 7200, |at| 1_795_921_200 + at)), None);
        assert_eq!(known(steady(60, 7200, |_| -86_400 * 3650)), None);
    }

    #[test]
    fn what_was_kept_while_the_line_was_down_is_no_error() {
        // Three hours of a message every five minutes, sent so many seconds apart, with new ones in between.
        for apart in [0, 1, 20, 60, 120, 240] {
            let kept = (0..36).map(|n| (n * apart, 10_800 - n * 300 + n * apart));
            for n in 1..=36 {
                assert_eq!(error(kept.clone().take(n)), None, "the first {n}, {apart} s apart");
            }
            let new = (0..36 * apart / 300 + 12).map(|n| (n * 300 + 1, 1));
            let mut both: Vec<(i64, i64)> = kept.chain(new).collect();
            both.sort_unstable();
            assert_eq!(known(both), None, "{apart} s apart");
        }
    }

    #[test]
    fn a_gateway_that_sends_by_the_half_hour_is_late_and_not_slow() {
        let batches = (0..20).flat_map(|batch| (0..6).map(move |n| (batch * 1800, 1790 - n * 300)));
        assert_eq!(error(batches), None);
    }

    #[test]
    fn two_clocks_behind_one_gateway_are_not_one_that_is_wrong() {
        for other in [-3600 * 9, 1200, 3600 * 9] {
            assert_eq!(error(steady(60, 36_000, |at| if at % 480 == 0 { 1 } else { other })), None, "{other}");
        }
    }

    #[test]
    fn a_slow_clock_that_is_put_right_is_believed_with_its_first_word() {
        let slow = || steady(60, 3600, |_| 1200);
        assert!(error(slow()).is_some());
        assert_eq!(error(slow().chain([(3660, 0)])), None);
        assert_eq!(error(slow().chain([(3660, 4000)])), error(slow()), "a late word says nothing");
    }

    #[test]
    fn a_fast_clock_that_is_put_right_is_believed_with_its_second_moment() {
        let fast = || steady(60, 3600, |_| -3600 * 9);
        assert!(error(fast()).is_some());
        let kept = (0..37).map(|n| (3660, 3600 * 3 - n * 1200));
        assert_eq!(error(fast().chain(kept)), error(fast()), "what it kept for nine hours is on time as it passes");
        assert_eq!(error(fast().chain([(3660, 1), (3720, 1)])), None);
    }

    #[test]
    fn a_clock_that_drifts_is_followed_without_a_gap() {
        for drift in [1, -1] {
            let lag = |at: i64| 1200 + drift * at / 600;
            let mut clock = None;
            let mut learned = false;
            for (at, lag) in steady(120, 86_400 * 5, lag) {
                let received = NOON + Span::seconds(at);
                GatewayClock::hear(&mut clock, received - Span::seconds(lag), received);
                let found = clock.as_ref().and_then(|c| c.error());
                learned |= found.is_some();
                let off = found.map_or(0, |found| lag - found.slow_by.as_seconds());
                assert!(!learned || found.is_some() && off.abs() <= 150, "after {at} s off by {off}");
            }
        }
    }

    #[test]
    fn what_is_known_survives_as_bytes() {
        let clock = known(steady(60, 3600, |_| 1200)).expect("it is slow");
        let bytes = clock.encode();
        assert_eq!(GatewayClock::decode(&bytes).as_ref(), Ok(&*clock));
        assert_eq!(GatewayClock::decode(&bytes[1..]), Err(Damaged));
    }
}
