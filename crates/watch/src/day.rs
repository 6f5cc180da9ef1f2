//! One day of one home in quarter hours: how often each device was used, and how warm and damp the rooms were.
//!
//! Two logs of the same day add up to one, so that the station keeps only what was heard since it last stored and
//! adds it to the stored log. It knows devices by number and nothing of what they mean.

use crate::climate;
use crate::codec::{Damaged, Reader, Writer};

pub const QUARTERS: usize = 96;
const VERSION: u8 = 1;
/// Devices and quarters of one day are bounded; a device that chatters only counts higher.
const MOST_CELLS: usize = 64 * QUARTERS;

/// What one day held. Seconds count from midnight on Japanese clocks.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct DayLog {
    /// Uses in order of (device, quarter).
    uses: Vec<Use>,
    climate: Vec<Climate>,
    pub signs: u32,
    /// Signs between 23 and 5 o'clock.
    pub night_signs: u32,
    pub first_sign: Option<u32>,
    pub last_sign: Option<u32>,
    /// The longest time without a sign that ended on this day, counted from midnight at most.
    pub longest_silence: u32,
}

/// How often a device was used in a quarter hour: openings of a door, motions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Use {
    pub device: u32,
    pub quarter: u8,
    pub count: u16,
}

/// What a device measured in a quarter hour, hundredths of a degree and of a percent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Climate {
    pub device: u32,
    pub quarter: u8,
    temperatures: u16,
    temperature_sum: i32,
    temperature_min: i16,
    temperature_max: i16,
    humidities: u16,
    humidity_sum: i32,
}

impl Climate {
    fn new(device: u32, quarter: u8) -> Climate {
        Climate {
            device,
            quarter,
            temperatures: 0,
            temperature_sum: 0,
            temperature_min: i16::MAX,
            temperature_max: i16::MIN,
            humidities: 0,
            humidity_sum: 0,
        }
    }

    /// (minimum, mean, maximum) in degrees Celsius.
    pub fn temperature(&self) -> Option<(f32, f32, f32)> {
        let n = f32::from(self.temperatures);
        let mean = self.temperature_sum as f32 / 100.0 / n;
        (self.temperatures > 0)
            .then(|| (f32::from(self.temperature_min) / 100.0, mean, f32::from(self.temperature_max) / 100.0))
    }

    /// Mean, percent.
    pub fn humidity(&self) -> Option<f32> {
        (self.humidities > 0).then(|| self.humidity_sum as f32 / 100.0 / f32::from(self.humidities))
    }

    /// 推定: from the means of the quarter hour.
    pub fn wbgt(&self) -> Option<f32> {
        Some(climate::indoor_wbgt(self.temperature()?.1, self.humidity()?))
    }

    fn add(&mut self, other: &Climate) {
        self.temperatures = self.temperatures.saturating_add(other.temperatures);
        self.temperature_sum = self.temperature_sum.saturating_add(other.temperature_sum);
        self.temperature_min = self.temperature_min.min(other.temperature_min);
        self.temperature_max = self.temperature_max.max(other.temperature_max);
        self.humidities = self.humidities.saturating_add(other.humidities);
        self.humidity_sum = self.humidity_sum.saturating_add(other.humidity_sum);
    }
}

/// The quarter hour of a second of the day.
pub fn quarter(second: u32) -> u8 {
    (second / 900).min(95) as u8
}

impl DayLog {
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.climate.is_empty() && self.signs == 0
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.uses.capacity() * size_of::<Use>() + self.climate.capacity() * size_of::<Climate>()
    }

    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    pub fn climate(&self) -> &[Climate] {
        &self.climate
    }

    /// A sign of life; `silence` is how long it had been quiet, if it was the newest sign.
    pub fn sign(&mut self, second: u32, silence: Option<u32>) {
        self.signs = self.signs.saturating_add(1);
        self.night_signs = self.night_signs.saturating_add(u32::from(!(5 * 3600..23 * 3600).contains(&second)));
        self.first_sign = Some(self.first_sign.map_or(second, |first| first.min(second)));
        self.last_sign = Some(self.last_sign.map_or(second, |last| last.max(second)));
        self.longest_silence = self.longest_silence.max(silence.unwrap_or(0).min(second));
    }

    pub fn used(&mut self, device: u32, second: u32) {
        self.add_use(Use { device, quarter: quarter(second), count: 1 });
    }

    pub fn temperature(&mut self, device: u32, second: u32, degrees: f32) {
        let hundredths = (degrees * 100.0).round().clamp(-32_000.0, 32_000.0) as i16;
        self.add_climate(&Climate {
            temperatures: 1,
            temperature_sum: i32::from(hundredths),
            temperature_min: hundredths,
            temperature_max: hundredths,
            ..Climate::new(device, quarter(second))
        });
    }

    pub fn humidity(&mut self, device: u32, second: u32, percent: f32) {
        let hundredths = (percent * 100.0).round().clamp(0.0, 10_000.0) as i32;
        self.add_climate(&Climate { humidities: 1, humidity_sum: hundredths, ..Climate::new(device, quarter(second)) });
    }

    pub fn add(&mut self, other: &DayLog) {
        other.uses.iter().for_each(|u| self.add_use(*u));
        other.climate.iter().for_each(|c| self.add_climate(c));
        self.signs = self.signs.saturating_add(other.signs);
        self.night_signs = self.night_signs.saturating_add(other.night_signs);
        self.first_sign = self.first_sign.into_iter().chain(other.first_sign).min();
        self.last_sign = self.last_sign.into_iter().chain(other.last_sign).max();
        self.longest_silence = self.longest_silence.max(other.longest_silence);
    }

    fn add_use(&mut self, new: Use) {
        match self.uses.binary_search_by_key(&(new.device, new.quarter), |u| (u.device, u.quarter)) {
            Ok(at) => self.uses[at].count = self.uses[at].count.saturating_add(new.count),
            Err(at) if self.uses.len() < MOST_CELLS => {
                self.uses.reserve_exact(1);
                self.uses.insert(at, new);
            }
            Err(_) => {}
        }
    }

    fn add_climate(&mut self, new: &Climate) {
        match self.climate.binary_search_by_key(&(new.device, new.quarter), |c| (c.device, c.quarter)) {
            Ok(at) => self.climate[at].add(new),
            Err(at) if self.climate.len() < MOST_CELLS => {
                self.climate.reserve_exact(1);
                self.climate.insert(at, *new);
            }
            Err(_) => {}
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer(Vec::with_capacity(40 + self.uses.len() * 7 + self.climate.len() * 21));
        let second = |s: Option<u32>| s.unwrap_or(u32::MAX);
        w.u8(VERSION).u32(self.signs).u32(self.night_signs).u32(second(self.first_sign)).u32(second(self.last_sign));
        w.u32(self.longest_silence).u16(self.uses.len() as u16).u16(self.climate.len() as u16);
        for u in &self.uses {
            w.u32(u.device).u8(u.quarter).u16(u.count);
        }
        for c in &self.climate {
            w.u32(c.device).u8(c.quarter).u16(c.temperatures).i32(c.temperature_sum);
            w.i16(c.temperature_min).i16(c.temperature_max).u16(c.humidities).i32(c.humidity_sum);
        }
        w.0
    }

    pub fn decode(bytes: &[u8]) -> Result<DayLog, Damaged> {
        let mut r = Reader(bytes);
        if r.u8()? != VERSION {
            return Err(Damaged);
        }
        let second = |s: u32| (s != u32::MAX).then_some(s);
        let mut log = DayLog {
            signs: r.u32()?,
            night_signs: r.u32()?,
            first_sign: second(r.u32()?),
            last_sign: second(r.u32()?),
            longest_silence: r.u32()?,
            ..DayLog::default()
        };
        let (uses, climate) = (r.u16()?, r.u16()?);
        for _ in 0..uses {
            log.uses.push(Use { device: r.u32()?, quarter: r.u8()?, count: r.u16()? });
        }
        for _ in 0..climate {
            log.climate.push(Climate {
                device: r.u32()?,
                quarter: r.u8()?,
                temperatures: r.u16()?,
                temperature_sum: r.i32()?,
                temperature_min: r.i16()?,
                temperature_max: r.i16()?,
                humidities: r.u16()?,
                humidity_sum: r.i32()?,
            });
        }
        let quarters = log.uses.iter().map(|u| u.quarter).chain(log.climate.iter().map(|c| c.quarter));
        if quarters.into_iter().any(|q| usize::from(q) >= QUARTERS) {
            return Err(Damaged);
        }
        r.end().map(|()| log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log() -> impl Strategy<Value = DayLog> {
        proptest::collection::vec((0u32..4, 0u32..86_400, 0u8..4, -10.0f32..40.0), 0..60).prop_map(|events| {
            let mut log = DayLog::default();
            for (device, second, what, value) in events {
                match what {
                    0 => log.used(device, second),
                    1 => log.temperature(device, second, value),
                    2 => log.humidity(device, second, value.abs()),
                    _ => log.sign(second, Some(device * 5000)),
                }
            }
            log
        })
    }

    proptest! {
        #[test]
        fn a_log_reads_back_and_parts_add_up_in_any_order(a in log(), b in log()) {
            prop_assert_eq!(&DayLog::decode(&a.encode()).unwrap(), &a);
            let (mut ab, mut ba) = (a.clone(), b.clone());
            ab.add(&b);
            ba.add(&a);
            prop_assert_eq!(ab, ba);
        }

        #[test]
        fn no_bytes_are_taken_for_a_log_by_accident(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(log) = DayLog::decode(&bytes) {
                prop_assert_eq!(log.encode(), bytes);
            }
        }
    }
}
