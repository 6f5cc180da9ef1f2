//! A rhythm as bytes for storing: one byte each for version and model, then every field in order, little-endian.

use super::habit::{FirstUses, KINDS};
use super::{EXCUSES, LATEST, Last, Model, Rhythm, Sign};

const VERSION: u8 = 2;
/// Without what is known of a question.
const BEFORE_QUESTIONS: u8 = 1;
const NONE: i64 = i64::MIN;
const FLOATS: usize = 48 + 48 + 48 + 5;
const LENGTH: usize = 2 + FLOATS * 4 + 8 + FirstUses::BYTES + 6 * 8 + 2 + 4 + 4 + 2 + 3 + EXCUSES * 16;

/// Bytes that are no rhythm of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DamagedRhythm {
    #[error("a stored rhythm has version {0}, this program reads version {VERSION}")]
    Version(u8),
    #[error("a stored rhythm has {0} bytes instead of {LENGTH}")]
    Length(usize),
    #[error("a stored rhythm holds a value that no rhythm has")]
    Value,
}

impl Rhythm {
    /// Bytes for storing; always the same number of them, below 1 kB.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH);
        out.extend([VERSION, self.model as u8]);
        let counts = self.at_risk.iter().chain(&self.ended).flatten().flatten();
        let rest = self.high.iter().chain(&self.excess).chain([&self.days]);
        for value in counts.chain(&self.active).chain(rest) {
            out.extend(value.to_le_bytes());
        }
        out.extend(self.today.to_le_bytes());
        out.extend(self.first_uses.today);
        out.extend(self.first_uses.before.iter().flatten());
        out.push(self.first_uses.known);
        let last =
            self.last.unwrap_or(Last { at: NONE, sign: Sign::Entrance, out: false, since: NONE, reassured: None });
        let times = [Some(last.at), Some(last.since), last.reassured, self.last_entrance, self.held];
        for time in times {
            out.extend(time.unwrap_or(NONE).to_le_bytes());
        }
        out.extend([last.sign as u8, u8::from(last.out)]);
        out.extend(self.day.to_le_bytes());
        out.extend(self.first_day.to_le_bytes());
        out.extend(self.days_learned.to_le_bytes());
        out.extend([self.told, u8::from(self.unsure), u8::from(self.patchy)]);
        out.extend(self.asked_at().unwrap_or(NONE).to_le_bytes());
        // As many places as there may be; those that are free come first.
        let free = std::iter::repeat_n(&(0, 0), EXCUSES - self.excused.len());
        for (from, to) in free.chain(&self.excused) {
            out.extend(from.to_le_bytes());
            out.extend(to.to_le_bytes());
        }
        out
    }

    /// Reads what [`Rhythm::encode`] wrote; anything else is refused, never guessed.
    pub fn decode(bytes: &[u8]) -> Result<Rhythm, DamagedRhythm> {
        let version = *bytes.first().ok_or(DamagedRhythm::Length(0))?;
        let length = match version {
            VERSION => LENGTH,
            BEFORE_QUESTIONS => LENGTH - 8,
            _ => return Err(DamagedRhythm::Version(version)),
        };
        if bytes.len() != length {
            return Err(DamagedRhythm::Length(bytes.len()));
        }
        Reader(&bytes[1..]).rhythm(version).ok_or(DamagedRhythm::Value)
    }
}

/// Takes fields from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn rhythm(&mut self, version: u8) -> Option<Rhythm> {
        let mut rhythm = match self.take()? {
            [0] => Rhythm::with_model(Model::OneTail),
            [1] => Rhythm::with_model(Model::TwoTails),
            _ => return None,
        };
        let Rhythm { at_risk, ended, active, high, excess, days, .. } = &mut rhythm;
        let counts = at_risk.iter_mut().chain(ended).flatten().flatten();
        for value in counts.chain(active).chain(high).chain(excess).chain([days]) {
            *value = f32::from_le_bytes(self.take()?);
            if !(value.is_finite() && *value >= 0.0) {
                return None;
            }
        }
        rhythm.today = u64::from_le_bytes(self.take()?);
        rhythm.first_uses = self.first_uses()?;
        let (at, since, reassured) = (self.time()?, self.time()?, self.time()?);
        (rhythm.last_entrance, rhythm.held) = (self.time()?, self.time()?);
        let [sign, out] = self.take()?;
        let sign = *Sign::ALL.get(usize::from(sign))?;
        rhythm.last = match (at, since) {
            (Some(at), Some(since)) => Some(Last { at, sign, out: flag(out)?, since, reassured }),
            (None, None) => None,
            _ => return None,
        };
        rhythm.day = i32::from_le_bytes(self.take()?);
        rhythm.first_day = i32::from_le_bytes(self.take()?);
        rhythm.days_learned = u16::from_le_bytes(self.take()?);
        let [told, unsure, patchy] = self.take()?;
        (rhythm.told, rhythm.unsure, rhythm.patchy) = (told, flag(unsure)?, flag(patchy)?);
        if version > BEFORE_QUESTIONS {
            let asked = self.time()?;
            rhythm.set_asked(asked);
        }
        for _ in 0..EXCUSES {
            let (from, to) = (self.time()??, self.time()??);
            if from < to {
                rhythm.excused.push((from, to));
            }
        }
        Some(rhythm)
    }

    fn first_uses(&mut self) -> Option<FirstUses> {
        let mut uses = FirstUses::new();
        uses.today = self.take::<KINDS>()?;
        for day in &mut uses.before {
            *day = self.take::<KINDS>()?;
        }
        [uses.known] = self.take()?;
        (usize::from(uses.known) <= uses.before.len()).then_some(uses)
    }

    /// The outer `None` is damage, the inner one a time that was not known.
    fn time(&mut self) -> Option<Option<i64>> {
        match i64::from_le_bytes(self.take()?) {
            NONE => Some(None),
            seconds if (0..=LATEST.wall_seconds() + super::DAY).contains(&seconds) => Some(Some(seconds)),
            _ => None,
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }
}

fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
