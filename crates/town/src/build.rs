//! Builds the town in an empty database, or picks one up where it was left.

use std::sync::Arc;

use base::wareki::Date;
use base::{GatewayId, HomeId, Instant, PersonId, Span};
use db::{Db, marks};
use ingest::station::{Conf, Signal, Station};
use serde::{Deserialize, Serialize};
use watch::live::OnAlert;

use crate::TownError;
use crate::equip::{self, Equipped};
use crate::history;
use crate::plan::{Plan, Size, plan};
use crate::settle::{self, Settled};
use crate::story::Story;

/// The mark under which the town remembers how it was made.
const TOWN: &str = "town";
/// And until when its days were played.
const PLAYED: &str = "town.played";

#[derive(Serialize, Deserialize)]
struct Made {
    seed: u64,
    now: Instant,
    residents: usize,
    staff: usize,
    homes: Vec<(usize, PersonId, HomeId, GatewayId)>,
}

/// A town that stands, with what its living needs.
pub struct Town {
    pub plan: &'static Plan,
    pub homes: Vec<Equipped>,
    pub story: Story,
    /// The station that played the past: it knows every gateway's last word, which one that starts anew would not trust.
    pub station: Station,
    /// How much of the past was played to come here.
    pub played: Span,
    /// What it was made as, which may be long ago.
    pub made: Wanted,
}

/// What is asked for when there is no town yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub seed: u64,
    pub size: Size,
}

/// The town in this database, brought to the moment that `clock` gives at the end: building takes minutes, and the
/// story's moments lie seconds ahead. The plan lives as long as the program.
pub fn town(
    db: &Db,
    wanted: Wanted,
    clock: &dyn Fn() -> Instant,
    on_alert: Arc<OnAlert>,
    progress: &dyn Fn(&str, f64),
) -> Result<Town, TownError> {
    let known = db.read_blocking(|tx| marks::get(tx, TOWN))?;
    let made: Made = match known {
        Some(text) => serde_json::from_str(&text).map_err(|e| TownError::Plan(e.to_string()))?,
        None => make(db, wanted, clock(), progress)?,
    };
    let size = Size { residents: made.residents, staff: made.staff };
    let plan: &'static Plan = Box::leak(Box::new(plan(made.seed, size, Date::of(made.now))));
    let homes: Vec<Equipped> = made.homes.into_iter().map(equipped).collect();
    let played: Option<Instant> =
        db.read_blocking(|tx| marks::get(tx, PLAYED))?.and_then(|text| text.parse().ok()).map(Instant);
    let now = clock();
    let from = played.unwrap_or(Instant(i64::MIN)).max(now - Span::days(history::MONTH));
    // The station of the past is another than the one that will run: it begins where the past does, its steps are long,
    // which is no sleep, and nobody looks at its homes yet.
    let conf = Conf { sleep_after: Span::hours(24), save_after: Span::hours(1), ..Conf::new(u128::from(made.seed)) };
    let mut station = Station::open(db.clone(), on_alert, conf, from)?;
    let yesterday = (now - Span::days(1)).max(from);
    history::play(db, &mut station, plan, &homes, None, (from, yesterday), progress)?;
    let now = clock();
    let known = homes.iter().find(|h| h.resident == crate::story::SILENT);
    let known = known.and_then(|h| station.live().rhythm(h.settled.home)).cloned().unwrap_or_default();
    let story = Story::arrange(plan, &homes, &known, (yesterday, now));
    if let Some(silent) = homes.iter().find(|h| h.resident == crate::story::SILENT) {
        let (home, changes) =
            (silent.settled.home, watch::Changes { fixed_hours: story.fixed_hours, ..Default::default() });
        let ctx = settle::moving_in(plan.seed, 7, 0, now);
        db.write_blocking(move |tx| watch::set_home(&ctx.clone(), tx, home, &changes).map_err(TownError::from))?;
    }
    station.step(yesterday, vec![], &[Signal::Region]);
    history::play(db, &mut station, plan, &homes, Some(&story), (yesterday, now), progress)?;
    station.finish(now);
    db.write_blocking(move |tx| {
        notify::give_up_before(tx, now)?;
        tx.gather_statistics()?;
        marks::set(tx, PLAYED, &now.0.to_string())
    })?;
    progress("できました", 1.0);
    Ok(Town { plan, homes, story, station, played: now - from, made: Wanted { seed: made.seed, size } })
}

fn make(db: &Db, wanted: Wanted, now: Instant, progress: &dyn Fn(&str, f64)) -> Result<Made, TownError> {
    let Wanted { seed, size } = wanted;
    let plan: &'static Plan = Box::leak(Box::new(plan(seed, size, Date::of(now))));
    let register = settle::settle(db, plan, now, progress)?;
    let homes = equip::equip(db, plan, &register, now - Span::days(history::MONTH), progress)?;
    crate::daily::hand_over(db, plan, &homes, now, progress)?;
    let homes = homes.iter().map(|h| (h.resident, h.settled.person, h.settled.home, h.gateway)).collect();
    let made = Made { seed, now, residents: size.residents, staff: size.staff, homes };
    let text = serde_json::to_string(&made).map_err(|e| TownError::Plan(e.to_string()))?;
    db.write_blocking(move |tx| marks::set(tx, TOWN, &text))?;
    Ok(made)
}

fn equipped((resident, person, home, gateway): (usize, PersonId, HomeId, GatewayId)) -> Equipped {
    let settled = Settled { person, home, first_contact: None };
    Equipped { resident, settled, gateway, gateway_name: equip::gateway_name(resident) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the town's database as a line. A server keeps rows in whatever order, and the last line sums it up.
    fn written(seed: u64) -> Vec<String> {
        let sets = [
            audit::MIGRATIONS,
            access::MIGRATIONS,
            people::MIGRATIONS,
            signin::MIGRATIONS,
            notify::MIGRATIONS,
            watch::MIGRATIONS,
            response::MIGRATIONS,
        ];
        let region = db::testing::fresh(&sets);
        let now = Instant::parse("2026-11-22T10:00").unwrap();
        let wanted = Wanted { seed, size: Size { residents: 12, staff: 60 } };
        town(&region.db, wanted, &|| now, Arc::new(|_, _, _| Ok(())), &|_, _| {}).unwrap();
        let dumped = region.db.read_blocking(|tx| {
            assert!(watch::readings_stored(tx)? > 1_000, "the month was played");
            let mut out = Vec::new();
            db::dump::write(tx, &mut out).map_err(|e| db::DbError::Engine(e.to_string()))?;
            Ok::<_, db::DbError>(out)
        });
        let dumped = String::from_utf8(dumped.unwrap()).unwrap();
        let mut rows: Vec<String> = dumped.lines().map(str::to_owned).collect();
        rows.pop();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn the_same_seed_and_moment_make_the_same_town_its_month_of_readings_included() {
        let (town, again) = (written(1), written(1));
        assert_eq!(town.iter().zip(&again).find(|(one, other)| one != other), None, "two towns of one seed differ");
        assert_eq!(town.len(), again.len());
        assert!(town != written(2));
    }
}
