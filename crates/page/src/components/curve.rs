//! Temperature, humidity and other measures over a day or a week: a line with bands where a limit lies, gaps where
//! nothing was measured, and the same as a table. Also bars and the line that fits into a row of a list.

use base::{Instant, Span};
use maud::{Markup, html};

use super::time;

const HEIGHT: f64 = 160.0;
/// The line is drawn on this many columns at most; between them it shows the least and the greatest.
const COLUMNS: usize = 336;

/// A stretch of values with a meaning: 「暑い（31℃以上）」.
#[derive(Clone, Debug)]
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub label: String,
    pub tone: BandTone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BandTone {
    Hot,
    Cold,
    Good,
}

#[derive(Clone, Debug)]
pub struct Curve<'a> {
    /// Unique on the page.
    pub id: &'a str,
    /// 「居間の温度（24時間）」
    pub title: &'a str,
    /// 「℃」「％」
    pub unit: &'a str,
    pub from: Instant,
    pub until: Instant,
    /// In the order of time; those outside `from..until` are left out.
    pub points: &'a [(Instant, f64)],
    /// The least range of values shown; wider where values lie outside.
    pub range: (f64, f64),
    pub bands: &'a [Band],
    /// Two measurements further apart than this are not joined.
    pub gap: Span,
}

pub fn curve(curve: &Curve) -> Markup {
    let points: Vec<(Instant, f64)> = curve
        .points
        .iter()
        .copied()
        .filter(|(at, value)| *at >= curve.from && *at <= curve.until && value.is_finite())
        .collect();
    let scale = Scale::of(curve, &points);
    html! {
        figure.chart.curve id=(curve.id) {
            figcaption { (curve.title) }
            @if points.is_empty() {
                p.chart-empty { "この期間の計測はありません。" }
            } @else {
                div.curve-plot {
                    (value_axis(&scale, curve.unit))
                    (plot(curve, &points, &scale))
                }
                (legend(curve.bands))
                details.chart-table { summary { "表で見る" } (as_table(curve, &points)) }
            }
        }
    }
}

fn plot(curve: &Curve, points: &[(Instant, f64)], scale: &Scale) -> Markup {
    let (title, desc) = (format!("{}-t", curve.id), format!("{}-d", curve.id));
    html! {
        svg.curve-area width="100%" height="184" role="img" aria-labelledby={ (title) " " (desc) } {
            title id=(title) { (curve.title) }
            desc id=(desc) { (in_words(curve, points)) }
            @for band in curve.bands {
                @let (top, bottom) = (scale.y(band.to), scale.y(band.from));
                @if bottom - top > 0.5 {
                    rect class={ "band " (band.tone.class()) } y=(format!("{top:.1}")) width="100%" height=(format!("{:.1}", bottom - top)) {}
                }
            }
            @for step in &scale.steps {
                @let y = format!("{:.1}", scale.y(*step));
                line.curve-grid x1="0" x2="100%" y1=(y) y2=(y) {}
            }
            @for (x, label, anchor, fine) in ticks(curve) {
                line.curve-tick x1=(x) x2=(x) y1="0" y2="160" {}
                text.curve-time.is-fine[fine] x=(x) y="178" text-anchor=(anchor) { (label) }
            }
            // Only this inner drawing is stretched; its line keeps its width.
            svg width="100%" height="160" viewBox="0 0 1000 160" preserveAspectRatio="none" {
                @for part in parts(curve, points, scale) { polyline.curve-line points=(part) {} }
            }
        }
    }
}

fn value_axis(scale: &Scale, unit: &str) -> Markup {
    html! {
        svg.curve-values width="52" height="184" aria-hidden="true" {
            @for step in &scale.steps {
                text x="46" y=(format!("{:.1}", (scale.y(*step) + 5.0).clamp(12.0, HEIGHT))) text-anchor="end" { (tidy(*step)) (unit) }
            }
        }
    }
}

fn legend(bands: &[Band]) -> Markup {
    html! {
        @if !bands.is_empty() {
            div.legend {
                @for band in bands {
                    span { svg width="20" height="14" aria-hidden="true" { rect class={ "band " (band.tone.class()) } width="20" height="14" {} } (band.label) }
                }
            }
        }
    }
}

/// A week by day, a day by three hours: least, mean, greatest.
fn as_table(curve: &Curve, points: &[(Instant, f64)]) -> Markup {
    let step = if is_short(curve) { Span::hours(3) } else { Span::days(1) };
    let mut rows = Vec::new();
    let mut from = curve.from;
    while from < curve.until {
        let values: Vec<f64> = points.iter().filter(|(at, _)| *at >= from && *at < from + step).map(|p| p.1).collect();
        rows.push((if is_short(curve) { time::ja_time(from) } else { time::ja_day(from) }, Spread::of(&values)));
        from = from + step;
    }
    html! {
        table.mini {
            caption { (curve.title) }
            thead { tr { th scope="col" { @if is_short(curve) { "時刻から" } @else { "日" } }
                th scope="col" { "最低" } th scope="col" { "平均" } th scope="col" { "最高" } } }
            tbody { @for (label, spread) in rows {
                tr { th scope="row" { (label) }
                    @match spread {
                        Some(s) => { @for value in [s.least, s.mean, s.greatest] { td { (format!("{value:.1}")) (curve.unit) } } },
                        None => { td colspan="3" { "計測なし" } },
                    }
                }
            } }
        }
    }
}

fn in_words(curve: &Curve, points: &[(Instant, f64)]) -> String {
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    match (Spread::of(&values), points.last()) {
        (Some(s), Some((_, last))) => {
            let unit = curve.unit;
            format!(
                "最低 {:.1}{unit}、最高 {:.1}{unit}、平均 {:.1}{unit}、最後の値 {last:.1}{unit}。",
                s.least, s.greatest, s.mean
            )
        }
        _ => "計測はありません。".to_owned(),
    }
}

impl BandTone {
    fn class(self) -> &'static str {
        match self {
            BandTone::Hot => "is-hot",
            BandTone::Cold => "is-cold",
            BandTone::Good => "is-good",
        }
    }
}

struct Spread {
    least: f64,
    mean: f64,
    greatest: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Spread> {
        let first = *values.first()?;
        Some(Spread {
            least: values.iter().copied().fold(first, f64::min),
            greatest: values.iter().copied().fold(first, f64::max),
            mean: values.iter().sum::<f64>() / values.len() as f64,
        })
    }
}

struct Scale {
    least: f64,
    greatest: f64,
    steps: Vec<f64>,
}

impl Scale {
    fn of(curve: &Curve, points: &[(Instant, f64)]) -> Scale {
        let low = points.iter().map(|p| p.1).fold(curve.range.0, f64::min);
        let high = points.iter().map(|p| p.1).fold(curve.range.1, f64::max).max(low + 1.0);
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0]
            .into_iter()
            .find(|s| (high - low) / s <= 5.0)
            .unwrap_or(10_000.0);
        let (least, greatest) = ((low / step).floor() * step, (high / step).ceil() * step);
        let count = ((greatest - least) / step).round() as usize;
        Scale { least, greatest, steps: (0..=count.min(12)).map(|n| least + n as f64 * step).collect() }
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.least) / (self.greatest - self.least);
        (HEIGHT - share * HEIGHT).clamp(0.0, HEIGHT)
    }
}

/// The line in pieces, parted where nothing was measured; on a crowded day each column shows its least and greatest.
fn parts(curve: &Curve, points: &[(Instant, f64)], scale: &Scale) -> Vec<String> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut before: Option<Instant> = None;
    for (at, value) in points {
        if before.is_none_or(|before| *at - before > curve.gap) {
            parts.push(Vec::new());
        }
        before = Some(*at);
        if let Some(part) = parts.last_mut() {
            part.push((share(curve, *at) * 1000.0, scale.y(*value)));
        }
    }
    parts
        .iter()
        .map(|part| thinned(part).iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" "))
        .collect()
}

fn thinned(part: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if part.len() == 1 {
        // A single measurement is a short dash, or nothing would be seen of it.
        return vec![(part[0].0 - 2.0, part[0].1), (part[0].0 + 2.0, part[0].1)];
    }
    if part.len() <= 2 * COLUMNS {
        return part.to_vec();
    }
    let column = |x: f64| (x * COLUMNS as f64 / 1000.0) as i64;
    let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let mut out = Vec::with_capacity(2 * COLUMNS);
    for chunk in part.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let (low, high) = (chunk.iter().min_by(by_height), chunk.iter().max_by(by_height));
        let mut both: Vec<_> = [low, high].into_iter().flatten().copied().collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        out.extend(both);
    }
    out
}

/// (position, words, anchor, whether a narrow screen leaves it out)
fn ticks(curve: &Curve) -> Vec<(String, String, &'static str, bool)> {
    let (step, wide) = if is_short(curve) { (Span::hours(3), Span::hours(6)) } else { (Span::days(1), Span::days(2)) };
    let mut ticks = Vec::new();
    let mut at = curve.from;
    while at <= curve.until {
        let t = at.local();
        let last = at == curve.until;
        let label = match is_short(curve) {
            true if last && t.hour == 0 => "24時".to_owned(),
            true => t.hour.to_string(),
            false => format!("{}/{}", t.month, t.day),
        };
        let anchor = if at == curve.from {
            "start"
        } else if last {
            "end"
        } else {
            "middle"
        };
        let fine = (at - curve.from).0 % wide.0 != 0;
        ticks.push((format!("{:.3}%", share(curve, at) * 100.0), label, anchor, fine));
        at = at + step;
    }
    ticks
}

fn is_short(curve: &Curve) -> bool {
    curve.until - curve.from <= Span::hours(36)
}

fn share(curve: &Curve, at: Instant) -> f64 {
    (at - curve.from).0 as f64 / (curve.until - curve.from).0.max(1) as f64
}

fn tidy(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A few numbers as bars: (label, value, words for the value). A table to the ear.
pub fn bars(title: &str, rows: &[(&str, f64, String)]) -> Markup {
    let most = rows.iter().map(|row| row.1).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    html! {
        table.bars {
            caption { (title) }
            tbody { @for (label, value, words) in rows {
                tr {
                    th scope="row" { (label) }
                    td { svg width="100%" height="16" aria-hidden="true" {
                        rect.bar width=(format!("{:.1}%", (value / most * 100.0).clamp(0.0, 100.0))) height="16" {}
                    } }
                    td.bar-value { (words) }
                }
            } }
        }
    }
}

/// The course of a number in a row of a list; `words` say what is seen: 「7日間で減っています」.
pub fn sparkline(values: &[f64], words: &str) -> Markup {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let (least, most) =
        (finite.iter().copied().fold(f64::MAX, f64::min), finite.iter().copied().fold(f64::MIN, f64::max));
    let width = (most - least).max(f64::MIN_POSITIVE);
    let x = |index: usize| 2.0 + 96.0 * index as f64 / (finite.len().max(2) - 1) as f64;
    let y = |value: f64| 22.0 - 18.0 * (value - least) / width;
    let points: Vec<String> = finite.iter().enumerate().map(|(i, v)| format!("{:.1},{:.1}", x(i), y(*v))).collect();
    html! {
        span.spark {
            @if let Some(last) = finite.last() {
                svg viewBox="0 0 104 26" width="104" height="26" aria-hidden="true" {
                    polyline.curve-line points=(points.join(" ")) {}
                    circle.spark-end cx=(format!("{:.1}", x(finite.len() - 1))) cy=(format!("{:.1}", y(*last))) r="3" {}
                }
            }
            span { (words) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn midnight() -> Instant {
        Instant::parse("2026-11-22").expect("a day")
    }

    fn drawn(points: &[(Instant, f64)], hours: i64) -> String {
        let from = midnight();
        let bands = [Band { from: 31.0, to: 60.0, label: "暑い".into(), tone: BandTone::Hot }];
        let until = from + Span::hours(hours);
        let (range, gap) = ((15.0, 32.0), Span::hours(1));
        curve(&Curve { id: "c", title: "居間の温度", unit: "℃", from, until, points, range, bands: &bands, gap }).0
    }

    #[test]
    fn a_gap_parts_the_line_and_the_table_says_so() {
        let at = |h| midnight() + Span::hours(h);
        let points = [(at(1), 20.0), (at(2), 21.0), (at(9), 25.0), (at(10), 24.0), (at(90), 5.0), (at(11), f64::NAN)];
        let out = drawn(&points, 24);
        assert_eq!(out.matches("<polyline").count(), 2, "{out}");
        assert!(out.contains("最低 20.0℃、最高 25.0℃"), "{out}");
        assert!(out.contains("計測なし") && !out.contains("NaN"), "{out}");
        assert!(drawn(&[], 24).contains("計測はありません"));
    }

    #[test]
    fn a_crowded_week_stays_a_small_picture_and_keeps_its_extremes() {
        let points: Vec<_> =
            (0..10_080).map(|m| (midnight() + Span::minutes(m), if m == 5000 { 40.0 } else { 20.0 })).collect();
        let out = drawn(&points, 168);
        assert!(out.len() < 30_000, "{}", out.len());
        assert!(out.contains("最高 40.0℃"));
        assert!(
            thinned(&points.iter().enumerate().map(|(i, p)| (i as f64 / 10.08, p.1)).collect::<Vec<_>>())
                .iter()
                .any(|p| p.1 == 40.0)
        );
    }

    #[test]
    fn strange_numbers_draw_nothing_strange() {
        for values in [&[][..], &[1.0], &[f64::INFINITY, 2.0, 2.0]] {
            let out = sparkline(values, "変わりありません").0;
            assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
        }
        assert!(!bars("回数", &[("月", 0.0, "0回".into())]).0.contains("NaN"));
    }
}
