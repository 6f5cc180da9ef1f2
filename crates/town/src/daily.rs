//! The five months before the month that is played as readings: their daily values only, derived from the same days
//! that the persons would have lived, as another system might have handed them over.

use base::Instant;
use db::Db;
use watch::{Daily, DeviceKind};

use crate::TownError;
use crate::equip::{Equipped, SPOTS};
use crate::history::{MONTH, life_seed};
use crate::life::{self, Sign};
use crate::plan::Plan;
use crate::settle::moving_in;

/// How far back daily values go.
pub const HALF_YEAR: i64 = 183;
/// Homes written in one commit.
const TOGETHER: usize = 20;
/// Signs between these hours count as by night.
const NIGHT: (u32, u32) = (5, 23);

/// Writes the days from half a year to a month before `now`.
pub fn hand_over(
    db: &Db,
    plan: &'static Plan,
    homes: &[Equipped],
    now: Instant,
    progress: &dyn Fn(&str, f64),
) -> Result<(), TownError> {
    let today = now.wall_day();
    for (n, some) in homes.chunks(TOGETHER).enumerate() {
        progress("半年分の日ごとの値", (n * TOGETHER) as f64 / homes.len() as f64);
        let days: Vec<_> = some
            .iter()
            .map(|home| {
                (home.settled.home, (today - HALF_YEAR..today - MONTH).map(|day| derive(plan, home, day)).collect())
            })
            .collect::<Vec<(_, Vec<Daily>)>>();
        db.write_blocking(move |tx| {
            for (i, (home, days)) in days.iter().enumerate() {
                watch::record_daily(&moving_in(plan.seed, 9, n * TOGETHER + i, now), tx, *home, days)?;
            }
            Ok::<_, TownError>(())
        })?;
    }
    Ok(())
}

fn derive(plan: &Plan, home: &Equipped, day: i64) -> Daily {
    let events = life::day(&plan.residents[home.resident].habits, life_seed(plan, home.resident), day);
    let midnight = Instant::from_wall_day(day);
    let second = |at: Instant| u32::try_from((at - midnight).as_seconds()).unwrap_or(0);
    let signs: Vec<u32> =
        events.iter().filter(|e| !matches!(e.sign, Sign::Climate { .. })).map(|e| second(e.at)).collect();
    let mut uses: Vec<(DeviceKind, u32)> = SPOTS.iter().map(|(_, _, kind, _)| (*kind, 0)).collect();
    for event in events.iter().filter(|e| !matches!(e.sign, Sign::Climate { .. })) {
        if let Some(at) = SPOTS.iter().position(|(spot, ..)| *spot == event.spot) {
            uses[at].1 += 1;
        }
    }
    let edges = std::iter::once(0).chain(signs.iter().copied()).chain(std::iter::once(86_400));
    let longest = edges.clone().zip(edges.skip(1)).map(|(a, b)| b.saturating_sub(a)).max().unwrap_or(86_400);
    let climate: Vec<(f32, f32)> = events
        .iter()
        .filter_map(|e| match e.sign {
            Sign::Climate { temperature, humidity } => Some((temperature, humidity)),
            _ => None,
        })
        .collect();
    let mean = |of: fn(&(f32, f32)) -> f32| climate.iter().map(of).sum::<f32>() / climate.len().max(1) as f32;
    let lowest = climate.iter().map(|c| c.0).fold(f32::INFINITY, f32::min);
    let highest = climate.iter().map(|c| c.0).fold(f32::NEG_INFINITY, f32::max);
    Daily {
        day: i32::try_from(day).unwrap_or(0),
        signs: u32::try_from(signs.len()).unwrap_or(0),
        uses,
        first_sign: signs.first().copied(),
        last_sign: signs.last().copied(),
        longest_silence: longest,
        night_signs: signs.iter().filter(|s| **s < NIGHT.0 * 3600 || **s >= NIGHT.1 * 3600).count() as u32,
        temperature: Some((lowest, mean(|c| c.0), highest)),
        humidity: Some(mean(|c| c.1)),
        wbgt_max: climate.iter().map(|(t, h)| watch::climate::indoor_wbgt(*t, *h)).reduce(f32::max),
        missing_share: 0.0,
    }
}
