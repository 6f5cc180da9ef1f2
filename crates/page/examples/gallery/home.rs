//! A fictional home as pictures: its day, its week, its warmth.

use base::{Instant, Span};
use maud::html;
use page::components::*;
use page::layout::Banner;

use crate::{framed, now, some_marks, somebody};

/// A fictional home: a breakfast, a noon and an evening in each room, quieter towards the end of the list.
fn room(label: &str, shift: usize, busy: u8, silent_from: usize, gap: std::ops::Range<usize>) -> RasterRow {
    let mut cells = [Cell::Quiet; SLOTS];
    let mut usual = [0.02f32; USUAL_SLOTS];
    for (slot, cell) in cells.iter_mut().enumerate() {
        let hour = (slot + shift) / 4 % 24;
        let meal = [7, 12, 18].iter().map(|m| (m - hour as i32).abs()).min().unwrap_or(9);
        usual[slot / 2] = match meal {
            0 => 0.8,
            1 => 0.45,
            2 => 0.12,
            _ => 0.02,
        } * f32::from(busy)
            / 3.0;
        let lively = (slot * 7 + shift * 3) % 5;
        *cell = match (gap.contains(&slot), slot >= silent_from) {
            (true, _) => Cell::Gap,
            (_, true) => Cell::Quiet,
            _ if meal == 0 && lively < 4 => Cell::Active(busy),
            _ if meal == 1 && lively < 2 => Cell::Active(1),
            _ => Cell::Quiet,
        };
    }
    RasterRow { label: label.to_owned(), cells, usual: Some(usual) }
}

pub fn last_day() -> DayActivity {
    let rows = [("冷蔵庫", 3, 0), ("玄関", 1, 2), ("浴室", 2, 5), ("トイレ", 3, 1)]
        .map(|(label, busy, shift)| room(label, 44 + shift, busy, 40, 0..0));
    DayActivity { label: "直近24時間".into(), first_hour: 11, rows: rows.to_vec(), silence: Some((40, 95)) }
}

fn week() -> Vec<DayActivity> {
    (0..7)
        .map(|day| {
            let gap = if day == 3 { 30..52 } else { 0..0 };
            let silent = if day == 6 { 24 } else { SLOTS };
            let mut rows = vec![
                room("冷蔵庫", day, 3, silent, gap.clone()),
                room("玄関", day + 2, 1, silent, gap.clone()),
                room("浴室", day + 5, 2, silent, gap),
            ];
            for row in &mut rows {
                row.usual = None;
                if day == 6 {
                    row.cells[43..].fill(Cell::Future);
                }
            }
            let at = now() - Span::days(6 - day as i64);
            DayActivity { label: ja_day(at), first_hour: 0, rows, silence: None }
        })
        .collect()
}

pub fn pictures() -> String {
    let midnight = Instant::from_wall_day(now().wall_day());
    let wave = |minutes: i64| (minutes as f64 / 1440.0 * std::f64::consts::TAU - 2.2).sin();
    let day: Vec<_> = (0..128)
        .filter(|n| !(40..52).contains(n))
        .map(|n| (midnight + Span::minutes(n * 5), 26.5 + 6.0 * wave(n * 5)))
        .collect();
    let week_points: Vec<_> =
        (0..2000).map(|n| (midnight - Span::days(6) + Span::minutes(n * 5), 55.0 + 14.0 * wave(n * 5))).collect();
    let heat = [
        Band { from: 31.0, to: 60.0, label: "暑い（31℃以上）".into(), tone: BandTone::Hot },
        Band { from: -20.0, to: 10.0, label: "寒い（10℃以下）".into(), tone: BandTone::Cold },
    ];
    let one = Curve {
        id: "temp",
        title: "居間の温度（きょう）",
        unit: "℃",
        from: midnight,
        until: midnight + Span::days(1),
        points: &day,
        range: (8.0, 33.0),
        bands: &heat,
        gap: Span::minutes(30),
    };
    let moist =
        [Band { from: 40.0, to: 60.0, label: "すごしやすい（40〜60％）".into(), tone: BandTone::Good }];
    let other = Curve {
        id: "moist",
        title: "居間の湿度（7日間）",
        unit: "％",
        from: midnight - Span::days(6),
        points: &week_points,
        range: (20.0, 90.0),
        bands: &moist,
        ..one.clone()
    };
    let none = Curve { id: "none", title: "寝室の温度（きょう）", points: &[], ..one.clone() };
    let body = html! {
        (person_head(&somebody(&some_marks())))
        (activity_raster("day", "直近24時間の動きと、いつもの様子", &[last_day()]))
        (activity_raster("week", "7日間の動き", &week()))
        (curve(&one)) (curve(&other)) (curve(&none))
        section.card { h2 { "誤報の割合" } (bars("規則ごとの誤報（30日あたり）", &[("無活動", 0.8, "0.8回".into()), ("室温", 0.2, "0.2回".into()), ("受信なし", 1.6, "1.6回".into())])) }
        section.card { h2 { "7日間の変化" } p { (sparkline(&[9.0, 8.0, 9.0, 7.0, 5.0, 4.0, 3.0], "冷蔵庫の開閉が減っています")) } }
    };
    framed("暮らしの様子", vec![Banner::FictionalDemo], None, body)
}
