//! What one day of a home comes to: counts by place, first and last sign, longest silence, climate, share unheard.

use base::Instant;

use crate::DeviceKind;
use crate::day::DayLog;

/// Daily values. Seconds count from midnight on Japanese clocks; degrees Celsius, percent.
#[derive(Clone, PartialEq, Debug)]
pub struct Daily {
    /// Wall day since 1970-01-01.
    pub day: i32,
    pub signs: u32,
    /// Openings of doors and motions, by kind.
    pub uses: Vec<(DeviceKind, u32)>,
    pub first_sign: Option<u32>,
    pub last_sign: Option<u32>,
    /// The longest stretch of this day without a sign, seconds.
    pub longest_silence: u32,
    /// Signs between 23 and 5 o'clock.
    pub night_signs: u32,
    /// Minimum, mean and maximum over all rooms.
    pub temperature: Option<(f32, f32, f32)>,
    pub humidity: Option<f32>,
    /// 推定: the highest quarter hour.
    pub wbgt_max: Option<f32>,
    /// Share of the day in which the line was faulty, 0 to 1.
    pub missing_share: f32,
}

impl Daily {
    pub fn uses_of(&self, kind: DeviceKind) -> u32 {
        self.uses.iter().filter(|(k, _)| *k == kind).map(|(_, n)| n).sum()
    }
}

/// Derives the values of `day` from its log, the kinds of the home's devices and the times its line was faulty.
pub(crate) fn derive(
    day: i32,
    log: &DayLog,
    kinds: &[(u32, DeviceKind)],
    faults: &[(Instant, Option<Instant>)],
) -> Daily {
    let mut uses: Vec<(DeviceKind, u32)> = Vec::new();
    for u in log.uses() {
        let Some((_, kind)) = kinds.iter().find(|(no, _)| *no == u.device) else { continue };
        match uses.iter_mut().find(|(k, _)| k == kind) {
            Some((_, n)) => *n += u32::from(u.count),
            None => uses.push((*kind, u32::from(u.count))),
        }
    }
    let last_silence = log.last_sign.map_or(86_400, |last| 86_400 - last.min(86_400));
    let temperatures: Vec<(f32, f32, f32)> = log.climate().iter().filter_map(|c| c.temperature()).collect();
    let mean = |values: &mut dyn Iterator<Item = f32>| {
        let (n, sum) = values.fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
        (n > 0.0).then(|| sum / n)
    };
    let temperature = mean(&mut temperatures.iter().map(|t| t.1)).map(|mean| {
        let lowest = temperatures.iter().map(|t| t.0).fold(f32::INFINITY, f32::min);
        (lowest, mean, temperatures.iter().map(|t| t.2).fold(f32::NEG_INFINITY, f32::max))
    });
    Daily {
        day,
        signs: log.signs,
        uses,
        first_sign: log.first_sign,
        last_sign: log.last_sign,
        longest_silence: log.longest_silence.max(last_silence),
        night_signs: log.night_signs,
        temperature,
        humidity: mean(&mut log.climate().iter().filter_map(|c| c.humidity())),
        wbgt_max: log.climate().iter().filter_map(|c| c.wbgt()).reduce(f32::max),
        missing_share: missing_share(day, faults),
    }
}

fn missing_share(day: i32, faults: &[(Instant, Option<Instant>)]) -> f32 {
    let (from, until) = (Instant::from_wall_day(i64::from(day)), Instant::from_wall_day(i64::from(day) + 1));
    let missing: i64 = faults
        .iter()
        .map(|(began, ended)| (ended.unwrap_or(until).min(until) - (*began).max(from)).as_seconds().max(0))
        .sum();
    (missing as f32 / 86_400.0).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_to_its_values() {
        let mut log = DayLog::default();
        for (second, device, gap) in
            [(7 * 3600, 1, Some(30_000)), (7 * 3600 + 60, 2, Some(60)), (20 * 3600, 1, Some(46_740))]
        {
            log.used(device, second);
            log.sign(second, gap);
        }
        log.temperature(3, 12 * 3600, 30.0);
        log.humidity(3, 12 * 3600, 70.0);
        log.temperature(3, 15 * 3600, 20.0);
        let noon = Instant::from_wall_seconds(12 * 3600);
        let kinds = [(1, DeviceKind::Fridge), (2, DeviceKind::Entrance), (3, DeviceKind::Climate)];
        let daily = derive(0, &log, &kinds, &[(noon, Some(noon + base::Span::hours(6)))]);
        assert_eq!(daily.uses_of(DeviceKind::Fridge), 2);
        assert_eq!((daily.first_sign, daily.last_sign), (Some(25_200), Some(72_000)));
        assert_eq!(daily.longest_silence, 46_740);
        assert_eq!(daily.temperature, Some((20.0, 25.0, 30.0)));
        assert!((26.0..28.0).contains(&daily.wbgt_max.unwrap()));
        assert_eq!(daily.missing_share, 0.25);
    }

    #[test]
    fn a_silent_day_is_one_long_silence() {
        let daily = derive(0, &DayLog::default(), &[], &[(Instant(i64::MIN / 2), None)]);
        assert_eq!((daily.longest_silence, daily.missing_share), (86_400, 1.0));
    }
}
