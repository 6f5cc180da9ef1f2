//! The day of a home as a picture: 24 hours by room, what was above what is usual, and where nothing was heard. Drawn
//! by ourselves as SVG: prints, needs no script, and says the same as a table. It knows no device and no database.
//!
//! Widths are percentages, so lines and words keep their size from a phone to paper.

use maud::{Markup, html};

/// Cells of a day: a quarter of an hour each.
pub const SLOTS: usize = 96;
/// Half hours of what is usual.
pub const USUAL_SLOTS: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cell {
    /// Heard from the home, nothing happened here.
    #[default]
    Quiet,
    /// Signs of life: 1 few, 2 some, 3 many (more counts as 3).
    Active(u8),
    /// Nothing was heard from the home: unknown, not quiet.
    Gap,
    /// Not yet.
    Future,
}

#[derive(Clone, Debug)]
pub struct RasterRow {
    /// 「冷蔵庫」
    pub label: String,
    pub cells: [Cell; SLOTS],
    /// How probable a sign of life is here in each half hour, 0 to 1, beginning with the same hour as `cells`.
    pub usual: Option<[f32; USUAL_SLOTS]>,
}

#[derive(Clone, Debug)]
pub struct DayActivity {
    /// 「11月22日（日）」 or 「直近24時間」
    pub label: String,
    /// The hour on the clock at which the row begins: 0 for a calendar day.
    pub first_hour: u8,
    pub rows: Vec<RasterRow>,
    /// The silence to look at: from and to, in slots.
    pub silence: Option<(usize, usize)>,
}

/// `id` is unique on the page; `title` says whose home in which time, without a name.
pub fn activity_raster(id: &str, title: &str, days: &[DayActivity]) -> Markup {
    let hatch = format!("{id}-hatch");
    html! {
        figure.chart.raster id=(id) {
            figcaption { (title) }
            (legend(days, &hatch))
            @for (index, day) in days.iter().enumerate() {
                (drawn_day(day, &hatch, index))
            }
            details.chart-table {
                summary { "表で見る" }
                @for day in days { (as_table(day)) }
            }
        }
    }
}

fn drawn_day(day: &DayActivity, hatch: &str, index: usize) -> Markup {
    html! {
        div.raster-day {
            p.raster-date { (day.label) }
            @for (place, row) in day.rows.iter().enumerate() {
                div.raster-row {
                    span.raster-label { (row.label) }
                    (strip(row, day, hatch, &format!("{hatch}-{index}-{place}")))
                }
            }
            div.raster-row aria-hidden="true" { span.raster-label {} (axis(day.first_hour)) }
        }
    }
}

fn strip(row: &RasterRow, day: &DayActivity, hatch: &str, id: &str) -> Markup {
    let height = if row.usual.is_some() { "36" } else { "22" };
    html! {
        svg.raster-strip.has-usual[row.usual.is_some()] width="100%" height=(height) role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { (day.label) " " (row.label) }
            desc id={ (id) "-d" } { (in_words(row, day.first_hour)) }
            rect.raster-ground width="100%" height="22" {}
            @for (from, to, cell) in runs(&row.cells) {
                @match cell {
                    Cell::Quiet => {},
                    Cell::Active(strength) => {
                        rect class={ "raster-active is-" (strength.clamp(1, 3)) } x=(percent(from, SLOTS)) y="2"
                            width=(percent(to - from, SLOTS)) height="18" {}
                    },
                    Cell::Gap => {
                        rect.raster-gap x=(percent(from, SLOTS)) width=(percent(to - from, SLOTS)) height="22"
                            fill={ "url(#" (hatch) ")" } {}
                    },
                    Cell::Future => {
                        rect.raster-future x=(percent(from, SLOTS)) width=(percent(to - from, SLOTS)) height="22" {}
                    },
                }
            }
            @if let Some((from, to)) = day.silence.filter(|(from, to)| from < to && *to <= SLOTS) {
                rect.raster-silence x=(percent(from, SLOTS)) y="1" width=(percent(to - from, SLOTS)) height="20" {}
            }
            @if let Some(usual) = &row.usual {
                @for (slot, chance) in usual.iter().enumerate().filter(|(_, chance)| **chance >= 0.05) {
                    rect class={ "raster-usual is-" (grade(*chance)) } x=(percent(slot, USUAL_SLOTS)) y="25"
                        width=(percent(1, USUAL_SLOTS)) height="10" {}
                }
                line.raster-floor x1="0" x2="100%" y1="35.5" y2="35.5" {}
            }
            @for hour in [6, 12, 18] {
                line.raster-grid x1=(percent(hour, 24)) x2=(percent(hour, 24)) y1="0" y2=(height) {}
            }
        }
    }
}

/// The clock under the strips: every third hour on wide screens, every sixth on a phone.
fn axis(first_hour: u8) -> Markup {
    html! {
        svg.raster-axis width="100%" height="18" {
            @for step in (0..=24usize).step_by(3) {
                @let anchor = match step { 0 => "start", 24 => "end", _ => "middle" };
                text class=[(step % 6 != 0).then_some("is-fine")] x=(percent(step, 24)) y="14" text-anchor=(anchor) {
                    (clock_hour(first_hour, step)) @if step == 24 { "時" }
                }
            }
        }
    }
}

fn legend(days: &[DayActivity], hatch: &str) -> Markup {
    let usual = days.iter().any(|day| day.rows.iter().any(|row| row.usual.is_some()));
    let silence = days.iter().any(|day| day.silence.is_some());
    html! {
        div.legend aria-hidden="true" {
            // Every strip of this figure is hatched with this pattern.
            span { svg width="20" height="14" {
                defs { pattern id=(hatch) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="6" height="6" {}
                    rect.hatch-line width="2" height="6" {}
                } }
                rect.raster-gap width="20" height="14" fill={ "url(#" (hatch) ")" } {}
            } "受信なし（不明）" }
            span { svg width="20" height="14" {
                rect.raster-ground width="20" height="14" {}
                rect.raster-active.is-1 x="0" width="7" height="14" {}
                rect.raster-active.is-2 x="7" width="7" height="14" {}
                rect.raster-active.is-3 x="14" width="6" height="14" {}
            } "動き（濃いほど多い）" }
            @if usual {
                span { svg width="20" height="14" {
                    rect.raster-usual.is-1 y="4" width="7" height="10" {}
                    rect.raster-usual.is-2 x="7" y="4" width="7" height="10" {}
                    rect.raster-usual.is-3 x="14" y="4" width="6" height="10" {}
                } "いつもの様子" }
            }
            @if silence {
                span { svg width="20" height="14" { rect.raster-silence x="1" y="1" width="18" height="12" {} } "動きのない時間" }
            }
        }
    }
}

fn as_table(day: &DayActivity) -> Markup {
    html! {
        table.mini {
            caption { (day.label) }
            thead { tr { th scope="col" { "場所" } th scope="col" { "最初" } th scope="col" { "最後" }
                th scope="col" { "動きのあった時間" } th scope="col" { "受信なし" } } }
            tbody { @for row in &day.rows {
                @let sum = Summary::of(row, day.first_hour);
                tr { th scope="row" { (row.label) } td { (sum.first) } td { (sum.last) } td { (sum.active) } td { (sum.gap) } }
            } }
        }
    }
}

struct Summary {
    first: String,
    last: String,
    active: String,
    gap: String,
}

impl Summary {
    fn of(row: &RasterRow, first_hour: u8) -> Summary {
        let active = |cell: &Cell| matches!(cell, Cell::Active(_));
        let clock = |slot: Option<usize>| slot.map_or("なし".to_owned(), |slot| clock(first_hour, slot));
        Summary {
            first: clock(row.cells.iter().position(active)),
            last: clock(row.cells.iter().rposition(active)),
            active: quarters(row.cells.iter().filter(|cell| active(cell)).count()),
            gap: quarters(row.cells.iter().filter(|cell| **cell == Cell::Gap).count()),
        }
    }
}

fn in_words(row: &RasterRow, first_hour: u8) -> String {
    let sum = Summary::of(row, first_hour);
    format!(
        "最初の動き {}、最後の動き {}、動きのあった時間 {}、受信なし {}。",
        sum.first, sum.last, sum.active, sum.gap
    )
}

/// Neighbouring equal cells as one: (from, to, cell).
fn runs(cells: &[Cell; SLOTS]) -> Vec<(usize, usize, Cell)> {
    let mut runs: Vec<(usize, usize, Cell)> = Vec::new();
    for (slot, cell) in cells.iter().enumerate() {
        match runs.last_mut() {
            Some((_, to, last)) if *last == *cell => *to = slot + 1,
            _ => runs.push((slot, slot + 1, *cell)),
        }
    }
    runs
}

fn grade(chance: f32) -> u8 {
    match chance {
        c if c >= 0.6 => 3,
        c if c >= 0.25 => 2,
        _ => 1,
    }
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.3}%", part as f64 * 100.0 / whole as f64)
}

/// The hour under a tick; the end of a calendar day is 24, not 0.
fn clock_hour(first_hour: u8, step: usize) -> usize {
    match (usize::from(first_hour) + step) % 24 {
        0 if step == 24 => 24,
        hour => hour,
    }
}

fn clock(first_hour: u8, slot: usize) -> String {
    let minutes = (usize::from(first_hour) * 60 + slot * 24 * 60 / SLOTS) % (24 * 60);
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn quarters(count: usize) -> String {
    match (count / 4, count % 4 * 15) {
        (0, 0) => "なし".to_owned(),
        (0, minutes) => format!("{minutes}分"),
        (hours, 0) => format!("{hours}時間"),
        (hours, minutes) => format!("{hours}時間{minutes}分"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(cells: [Cell; SLOTS]) -> DayActivity {
        let row = RasterRow { label: "冷蔵庫".into(), cells, usual: Some([0.5; USUAL_SLOTS]) };
        DayActivity { label: "11月22日（日）".into(), first_hour: 6, rows: vec![row], silence: Some((40, 96)) }
    }

    #[test]
    fn the_picture_and_the_table_say_the_same() {
        let mut cells = [Cell::Quiet; SLOTS];
        cells[4] = Cell::Active(2);
        cells[8] = Cell::Active(9);
        cells[60..80].fill(Cell::Gap);
        let out = activity_raster("r", "直近24時間の動き", &[day(cells)]).0;
        assert!(out.contains("最初の動き 7:00、最後の動き 8:00、動きのあった時間 30分、受信なし 5時間。"), "{out}");
        assert!(out.contains("<td>7:00</td><td>8:00</td>") && out.contains("url(#r-hatch)"), "{out}");
        assert!(out.contains("raster-silence") && out.contains("いつもの様子"), "{out}");
    }

    #[test]
    fn runs_cover_every_slot_once() {
        let mut cells = [Cell::Quiet; SLOTS];
        cells[3] = Cell::Gap;
        cells[95] = Cell::Future;
        let runs = runs(&cells);
        assert_eq!(runs.iter().map(|(from, to, _)| to - from).sum::<usize>(), SLOTS);
        assert_eq!(runs.len(), 4);
    }
}
