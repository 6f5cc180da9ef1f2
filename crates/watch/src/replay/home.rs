//! One home of a recording: its sensors, its rhythm, and the rows that wait until it is known whether their clock is
//! right.

use base::{Instant, Span};

use super::Summary;
use super::row::{Row, Said};
use crate::live::hear::Reading;
use crate::live::home::{DeviceState, NEVER};
use crate::live::movement::{MOST_A_MINUTE, weigh};
use crate::rhythm::{Due, Heard, Rhythm, Sign};

/// A row further ahead of its home's last one than this waits for those after it: either nothing was recorded for so
/// long, or its clock is wrong.
const AHEAD: Span = Span::hours(24);
/// So many rows that agree are believed.
const MOST_HELD: usize = 32;
/// Sensors of one home.
const MOST_SENSORS: usize = 1000;
/// An absence without an end.
const LONG: Span = Span::hours(24 * 366);

pub(super) struct Home {
    pub name: Box<[u8]>,
    pub rhythm: Rhythm,
    pub pending: Pending,
    sensors: Vec<Box<[u8]>>,
    current: usize,
    devices: Vec<DeviceState>,
    /// What the sensor of each device tells of; none: no life.
    signs: Vec<Option<Sign>>,
    alone: (u32, i32),
    last_at: Instant,
    held: Vec<Row>,
}

/// What the running silence has ahead. Deadlines are computed only once time has passed the earliest possible one.
pub(super) enum Pending {
    NotBefore(Instant),
    Due(Due),
    Nothing,
}

/// Which rows are to be played now.
pub(super) enum Turn {
    One,
    /// Those that waited, this one among them.
    Held(Vec<Row>),
    Wait,
}

impl Home {
    pub fn new(name: &[u8], rhythm: Rhythm) -> Home {
        Home {
            name: name.into(),
            rhythm,
            pending: Pending::Nothing,
            sensors: Vec::new(),
            current: 0,
            devices: Vec::new(),
            signs: Vec::new(),
            alone: (0, 0),
            last_at: NEVER,
            held: Vec::new(),
        }
    }

    /// The number of the sensor of this name; `None` if there are too many.
    pub fn sensor(&mut self, name: &[u8]) -> Option<u32> {
        if self.sensors.get(self.current).is_none_or(|known| **known != *name) {
            let found = self.sensors.iter().position(|known| **known == *name);
            self.current = match found {
                Some(at) => at,
                None if self.sensors.len() == MOST_SENSORS => return None,
                None => {
                    self.sensors.push(name.into());
                    self.devices.push(DeviceState::new(self.sensors.len() as u32));
                    self.signs.push(None);
                    self.sensors.len() - 1
                }
            };
        }
        Some(self.current as u32 + 1)
    }

    /// Whether the row's time can be: in order, and not far ahead of all that follows. `Err` names the time it precedes.
    pub fn order(&mut self, row: &Row, summary: &mut Summary) -> Result<Turn, Instant> {
        if let (Some(first), Some(newest)) = (self.held.first(), self.held.last()) {
            if (first.at..newest.at).contains(&row.at) {
                return Err(newest.at);
            }
            if row.at >= newest.at {
                self.held.push(*row);
                let enough = self.held.len() > MOST_HELD;
                return Ok(if enough { Turn::Held(self.release()) } else { Turn::Wait });
            }
            if row.at >= self.last_at {
                for wrong in self.held.drain(..) {
                    summary.disbelieve(wrong.line);
                }
            }
        }
        if row.at < self.last_at {
            return Err(self.last_at);
        }
        if self.last_at != NEVER && row.at - self.last_at > AHEAD {
            self.held.push(*row);
            return Ok(Turn::Wait);
        }
        self.last_at = row.at;
        Ok(Turn::One)
    }

    /// What still waits is believed.
    pub fn release(&mut self) -> Vec<Row> {
        let held = std::mem::take(&mut self.held);
        self.last_at = held.last().map_or(self.last_at, |row| row.at);
        held
    }

    /// What still waits lies after everything else of a recording that was sorted: nothing can confirm it.
    pub fn drop_held(&mut self, summary: &mut Summary) {
        self.held.drain(..).for_each(|row| summary.disbelieve(row.line));
    }

    pub fn hear(&mut self, row: &Row, summary: &mut Summary) {
        match row.said {
            Said::Movement { sign, code, state } => {
                let index = row.sensor as usize - 1;
                self.signs[index] = Some(sign);
                let device = &mut self.devices[index];
                device.heard_at = row.at.into();
                let reading = Reading { code, value: 0.0, occurred_at: row.at, received_at: row.at, timed: true };
                let signs = &self.signs;
                let gives_signs = |no: u32| signs[no as usize - 1].is_some();
                let verdict =
                    weigh(&mut self.devices, &mut self.alone, index, gives_signs, &reading, state, MOST_A_MINUTE);
                if !verdict.is_sign() {
                    summary.other += 1;
                    return;
                }
                self.devices[index].sign_at = row.at.into();
                match self.rhythm.observe(row.at, sign) {
                    Heard::New => summary.signs += 1,
                    Heard::Late | Heard::Impossible => summary.late += 1,
                }
            }
            Said::Answer => self.rhythm.reassured(row.at),
            Said::Away(until) => self.rhythm.excuse(row.at, if until > row.at { until } else { row.at + LONG }),
            Said::Back => self.rhythm.end_excuses(row.at),
            Said::Nothing => {
                summary.other += 1;
                return;
            }
        }
        // A late sign too may show that the person went out.
        self.pending = self.rhythm.earliest().map_or(Pending::Nothing, Pending::NotBefore);
    }
}
