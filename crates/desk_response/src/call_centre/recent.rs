//! The last 24 hours of a home beside what is usual: what an operator reads before the first call.

use access::Witnesses;
use base::{Ctx, Instant, Span};
use db::Tx;
use maud::{Markup, html};
use page::components::{
    Cell, DayActivity, RasterRow, SLOTS, State as Tone, USUAL_SLOTS, activity_raster, chip, ja_moment, since,
};
use page::problem::Problem;
use parts::home::lane_label;
use response::Case;
use watch::{RecentActivity, WatchError};

/// What there is to see of the last day.
pub(crate) enum Recent {
    Shown(Box<RecentActivity>),
    /// The watch of this home does not run: no contract, or the consent was withdrawn.
    NotWatched,
    /// The reader's role does not see the activity of a home.
    NotYours,
}

pub(crate) fn recent(ctx: &Ctx, tx: &mut dyn Tx, case: &Case, seen: &mut Witnesses) -> Result<Recent, Problem> {
    match watch::recent_activity(ctx, tx, case.home, ctx.now) {
        Ok(activity) => Ok(Recent::Shown(Box::new(seen.take(activity)))),
        Err(WatchError::Refused(_)) => Ok(Recent::NotWatched),
        Err(WatchError::Access(access::AccessError::Denied { .. })) => Ok(Recent::NotYours),
        Err(other) => Err(other.into()),
    }
}

pub(crate) fn shown(recent: &Recent, now: Instant) -> Markup {
    html! {
        @match recent {
            Recent::Shown(activity) => { (raster(activity, now)) },
            Recent::NotWatched | Recent::NotYours => {},
        }
    }
}

pub(crate) fn last_sign(recent: &Recent, now: Instant) -> Markup {
    html! {
        @match recent {
            Recent::Shown(activity) => { (words(activity, now)) },
            Recent::NotWatched => { p.soft { "この住まいの見守りは、いま動いていません（契約か同意がありません）。" } },
            Recent::NotYours => {},
        }
    }
}

/// The last sign, and everything that would explain a silence.
fn words(a: &RecentActivity, now: Instant) -> Markup {
    html! {
        p {
            "最後の動き "
            @match a.last_sign {
                Some(at) => { strong { (since(at, now)) } },
                None => { span.unknown { "まだありません" } },
            }
            @if let Some((kind, place)) = &a.last_place { " " (if place.is_empty() { kind.ja() } else { place }) }
            @for (place, degrees, percent) in &a.climate {
                "　" (place) " "
                @if let Some(t) = degrees { (format!("{t:.1}℃")) }
                @if let Some(h) = percent { (format!(" {h:.0}%")) }
            }
        }
        @if let Some(from) = a.line_down_since {
            p { (chip(Tone::Unknown, "通信断")) " " (ja_moment(from, now)) "から通信がありません。動きがないことは、無事も異常も意味しません。" }
        }
        @if let Some(absence) = &a.away {
            p { (chip(Tone::Estimated, "不在予定")) " " (absence.reason.ja()) }
        }
        @if a.usual.seems_out { p { (chip(Tone::Estimated, "外出中の可能性（推定）")) } }
    }
}

fn raster(a: &RecentActivity, now: Instant) -> Markup {
    activity_raster("recent", "直近24時間の動き（下の細い帯：いつもの動き）", &[day(a, now)])
}

/// 24 hours up to the end of this hour, so that the axis begins on a full hour.
fn day(a: &RecentActivity, now: Instant) -> DayActivity {
    let from = Instant::from_wall_seconds(now.wall_seconds().div_euclid(3600) * 3600) - Span::hours(23);
    let slot_of = |t: Instant| ((t - from).0.max(0) / Span::minutes(15).0) as usize;
    let last = slot_of(now).min(SLOTS - 1);
    let first_hour = from.local().hour;
    // Where in the two days of quarter hours a slot of the picture lies.
    let days_in = a.days.first().map_or(0, |d| from.wall_day() - i64::from(d.date.0)).max(0) as usize;
    let place = |slot: usize| days_in * SLOTS + usize::from(first_hour) * 4 + slot;
    let missing = |slot: usize| {
        let at = place(slot);
        a.days.get(at / SLOTS).is_some_and(|d| d.missing[at % SLOTS])
    };
    let cell = |slot: usize, count: u16| match count {
        _ if slot > last => Cell::Future,
        0 if missing(slot) => Cell::Gap,
        0 => Cell::Quiet,
        n => Cell::Active(n.min(3) as u8),
    };
    let lanes = a.days.last().map_or(&[][..], |d| &d.lanes);
    let count = |device: Option<base::DeviceId>, slot: usize| -> u16 {
        let Some(day) = a.days.get(place(slot) / SLOTS) else { return 0 };
        let of = day.lanes.iter().filter(|l| device.is_none_or(|d| d == l.device));
        of.map(|l| l.counts[place(slot) % SLOTS]).fold(0, u16::saturating_add)
    };
    let row = |label: String, device, usual| RasterRow {
        label,
        cells: std::array::from_fn(|slot| cell(slot, count(device, slot))),
        usual,
    };
    let usual: [f32; USUAL_SLOTS] =
        std::array::from_fn(|half| a.usual.active[(usize::from(first_hour) * 2 + half) % USUAL_SLOTS]);
    let mut rows = vec![row("家全体".to_owned(), None, Some(usual))];
    rows.extend(lanes.iter().map(|lane| row(lane_label(lane.kind, &lane.place), Some(lane.device), None)));
    let silence = a.last_sign.map(|s| (if s < from { 0 } else { slot_of(s) + 1 }, last)).filter(|(s, e)| s + 1 < *e);
    DayActivity { label: "直近24時間".to_owned(), first_hour, rows, silence }
}
