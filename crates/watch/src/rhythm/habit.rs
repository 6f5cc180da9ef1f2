//! When each kind of device is first used on a day, over the last two weeks: only to say a reason as a neighbour
//! would (「いつもは7時半ごろまでに冷蔵庫が開きますが…」). It decides nothing.

use super::Sign;

/// Days remembered.
const DAYS: usize = 14;
/// Days needed before a habit is spoken of.
const ENOUGH: usize = 7;
/// A use is noted to ten minutes.
const SLOT: i64 = 600;
/// Before four in the morning belongs to the night, not to a first use.
const NIGHT_ENDS: i64 = 4 * 3600;
const UNUSED: u8 = u8::MAX;

/// Kinds of sensors whose first use is remembered: all but [`Sign::Usage`], the last.
pub(super) const KINDS: usize = Sign::ALL.len() - 1;

/// First uses in slots of ten minutes from midnight, newest day first; [`UNUSED`] where there was none.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct FirstUses {
    pub today: [u8; KINDS],
    pub before: [[u8; KINDS]; DAYS],
    /// Days that `before` holds.
    pub known: u8,
}

/// A habit: on four of five days the first use lies before `by`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Habit {
    pub sign: Sign,
    /// Seconds from midnight, a whole half-hour.
    pub by: i64,
}

impl FirstUses {
    pub const BYTES: usize = KINDS * (DAYS + 1) + 1;

    pub fn new() -> FirstUses {
        FirstUses { today: [UNUSED; KINDS], before: [[UNUSED; KINDS]; DAYS], known: 0 }
    }

    pub fn used(&mut self, sign: Sign, of_day: i64) {
        if of_day >= NIGHT_ENDS
            && let Some(first) = self.today.get_mut(sign as usize)
        {
            *first = (*first).min((of_day / SLOT) as u8);
        }
    }

    pub fn close_day(&mut self) {
        self.before.rotate_right(1);
        self.before[0] = self.today;
        self.known = (self.known + 1).min(DAYS as u8);
    }

    pub fn open_day(&mut self) {
        self.today = [UNUSED; KINDS];
    }

    /// Of the devices not used yet on the day of which `seconds` have passed, the one whose habit was broken longest
    /// ago; at least half an hour ago. `fresh_day`: nothing at all was heard on that day.
    pub fn broken(&self, seconds: i64, fresh_day: bool) -> Option<Habit> {
        Sign::ALL[..KINDS]
            .iter()
            .copied()
            .filter(|&sign| fresh_day || self.today[sign as usize] == UNUSED)
            .filter_map(|sign| self.habit(sign))
            .filter(|habit| habit.by + 1800 <= seconds)
            .min_by_key(|habit| habit.by)
    }

    fn habit(&self, sign: Sign) -> Option<Habit> {
        let known = usize::from(self.known);
        if known < ENOUGH {
            return None;
        }
        let mut firsts: Vec<u8> = self.before[..known].iter().map(|day| day[sign as usize]).collect();
        firsts.sort_unstable();
        // The day at four fifths, counted from the earliest: unused days sort last.
        let usual = firsts[(known * 4).div_ceil(5) - 1];
        let by = ((i64::from(usual) + 1) * SLOT + 1799) / 1800 * 1800;
        (usual != UNUSED && by < 18 * 3600).then_some(Habit { sign, by })
    }
}
