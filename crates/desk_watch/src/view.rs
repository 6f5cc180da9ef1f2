//! A home's page: what was beside what is usual, room by room, climate, alerts and how often they were needless.

use access::Witnesses;
use axum::extract::State;
use base::{HomeId, Instant, Role, Span};
use maud::{Markup, html};
use page::components::{
    Band, BandTone, Cell, Curve, DayActivity, Icon, RasterRow, State as Tone, StoryEntry, Table, activity_raster, chip,
    curve, empty, ja_day, ja_moment, length, notice, since, story,
};
use page::frame::Frame;
use page::named::Named;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use parts::head::head_of;
use parts::home::{absence_words, lane_label};
use watch::{Alert, AlertState, Asked, DayView, Device, HomeView, Level, QUARTERS, Rule, RuleRate, Settings};

use crate::adaptation;
use crate::upkeep::mark;
use crate::verbs::Look;

struct Sheet {
    view: HomeView,
    /// `None` for those who see the activity without the identity.
    head: Option<Head>,
    may_announce: bool,
    may_set: bool,
    /// Relatives and the resident need no counts of devices and false alarms.
    upkeep: bool,
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
) -> Result<Markup, Problem> {
    let role = visitor.role();
    let upkeep = !matches!(role, Role::Family | Role::Resident);
    let sheet = visitor
        .look(&site, Look::Home, move |ctx, tx| {
            let mut seen = Witnesses::default();
            super::known_or_watched(ctx, tx, home)?;
            let view = seen.take(watch::home_view(ctx, tx, home, ctx.now)?);
            let person = view.person;
            let sees = |tx: &mut dyn db::Tx, act| access::may(ctx, tx, act, person);
            let head = sees(tx, access::Act::SeeIdentity).then(|| head_of(ctx, tx, person, &mut seen)).transpose()?;
            let may_announce = sees(tx, access::Act::EnterAbsence);
            let may_set = super::SETTERS.contains(&role) && sees(tx, access::Act::SetWatch);
            let sheet = Sheet { view, head, may_announce, may_set, upkeep };
            Ok(Seen::of(sheet, seen))
        })
        .await?;
    Ok(frame.page("この住まいの、いつもと最近").body(body(&sheet, frame.now)))
}

fn body(sheet: &Sheet, now: Instant) -> Markup {
    let view = &sheet.view;
    html! {
        @if let Some(head) = &sheet.head { (head.large()) }
        (state_of(view, now))
        @if sheet.upkeep { p { "ご本人への確認：" (asking(&view.settings)) } }
        @if sheet.may_announce || sheet.may_set {
            div.buttons {
                @if sheet.may_announce { a.btn href={ "/homes/" (view.home) "/absences" } { span { "不在の予定" } } }
                @if sheet.may_set { a.btn href=(page::address::watch_settings(view.home)) { span { "この住まいの見守りの設定" } } }
            }
        }
        section.stack {
            h2 { "直近24時間" }
            (activity_raster("day", "部屋ごとの動き（直近24時間）と、いつもの様子", &[last_day(&view.days, &view.usual.active, now)]))
            p.soft { (usual_words(view)) }
        }
        section.stack {
            h2 { "7日間" }
            (activity_raster("week", "部屋ごとの動き（7日間）", &week(view, now)))
        }
        section.stack { h2 { "室温と湿度" } (climate(view, now)) }
        @if view.days.iter().any(|day| !day.meters.is_empty()) {
            section.stack { h2 { "電気と水道" } p.soft { "電気は30分ごと、水道は1時間か30分ごとに使った量です。" } (super::meter::curves(view, now)) }
        }
        section.stack { h2 { "アラートと通知" } (alerts(&view.alerts, now)) }
        @if sheet.upkeep {
            section.stack { h2 { "機器" } (devices(&view.devices, view, now)) }
            section.stack { h2 { "誤報の割合" } (rates(view)) }
        }
        section.stack {
            h2 { "不在の予定" }
            @if view.absences.is_empty() { p { "登録されている予定はありません。" } }
            ul { @for absence in &view.absences { li { (absence_words(absence, now)) } } }
        }
    }
}

/// What can be said at once. A lost line says that nothing is known.
fn state_of(view: &HomeView, now: Instant) -> Markup {
    let standing = view.alerts.iter().find(|a| a.state == AlertState::Standing);
    html! {
        @if let Some(alert) = standing {
            (notice(if alert.level == Level::Alert { Tone::NeededNow } else { Tone::NearLimit }, alert.rule.ja(), html! {
                p { (alert.reason) } p.soft { (since(alert.raised_at, now)) }
            }))
        }
        @if let Some(down) = view.line_down_since {
            (notice(Tone::Unknown, "通信断のため、いまの様子は分かりません", html! {
                p { "ゲートウェイから" (ja_moment(down, now)) "より通信がありません。斜線の時間帯は「動きなし」ではなく「不明」です。" }
            }))
        }
        @match view.last_sign {
            Some(last) => p.lead { "最後の動き " (since(last, now)) @if view.usual.seems_out { "　外出中と思われます（推定）" } },
            None => p.lead { "まだ動きの記録がありません。" },
        }
    }
}

/// How the person is asked whether all is well, and when.
fn asking(settings: &Settings) -> String {
    let clock = |minute: u16| format!("{}:{:02}", minute / 60, minute % 60);
    let when = match (settings.daily_call(), settings.notices) {
        _ if settings.asked == Asked::Off => return Asked::Off.ja().to_owned(),
        (None, false) => return "尋ねない（動きがないときの確認の通知は送らない設定です）".to_owned(),
        (None, true) => "動きがないとき".to_owned(),
        (Some(minute), true) => format!("毎日{}と、動きがないとき", clock(minute)),
        (Some(minute), false) => format!("毎日{}", clock(minute)),
    };
    let (from, until) = settings.question.quiet;
    format!("{}（{when}）。尋ねない時間は{}から{}まで", settings.asked.ja(), clock(from), clock(until))
}

fn usual_words(view: &HomeView) -> String {
    if view.usual.days < 7.0 {
        return format!("学習{:.0}日目です。いつもの様子は、ほかの住まいの平均から補っています。", view.usual.days);
    }
    format!("いつもの様子は、この住まいの{:.0}日分の記録によります。", view.usual.days)
}

/// One cell: unknown beats quiet, the future beats both.
fn cell(day: &DayView, count: u16, quarter: usize, now: Instant) -> Cell {
    let at = Instant::from_wall_day(i64::from(day.date.0)) + Span::minutes(15 * quarter as i64);
    match count {
        _ if at > now => Cell::Future,
        0 if day.missing[quarter] => Cell::Gap,
        0 => Cell::Quiet,
        1..=2 => Cell::Active(1),
        3..=6 => Cell::Active(2),
        _ => Cell::Active(3),
    }
}

/// The last 24 hours end with the present hour; below all rooms stands what is usual.
fn last_day(days: &[DayView], usual_day: &[f32; 48], now: Instant) -> DayActivity {
    let first_hour = (now.local().hour + 1) % 24;
    let shift = usize::from(first_hour) * 4;
    let (Some(today), before) = (days.last(), days.iter().rev().nth(1)) else {
        return DayActivity { label: "直近24時間".into(), first_hour, rows: vec![], silence: None };
    };
    // With a beginning at midnight the whole row is today's.
    let of = |slot: usize| {
        let quarter = (slot + shift) % QUARTERS;
        let day = if shift > 0 && slot < QUARTERS - shift { before.unwrap_or(today) } else { today };
        (day, quarter)
    };
    let mut usual = [0.0; 48];
    for (slot, chance) in usual.iter_mut().enumerate() {
        *chance = usual_day[(slot + usize::from(first_hour) * 2) % 48];
    }
    let mut rows: Vec<RasterRow> = Vec::new();
    let mut all = [Cell::Quiet; QUARTERS];
    for lane in &today.lanes {
        let mut cells = [Cell::Quiet; QUARTERS];
        for (slot, shown) in cells.iter_mut().enumerate() {
            let (day, quarter) = of(slot);
            let count = day.lanes.iter().find(|l| l.device == lane.device).map_or(0, |l| l.counts[quarter]);
            *shown = cell(day, count, quarter, now);
            if lane.kind.sign().is_some() {
                all[slot] = stronger(all[slot], *shown);
            }
        }
        rows.push(RasterRow { label: lane_label(lane.kind, &lane.place), cells, usual: None });
    }
    rows.insert(0, RasterRow { label: "すべて".into(), cells: all, usual: Some(usual) });
    DayActivity { label: "直近24時間".into(), first_hour, rows, silence: None }
}

fn week(view: &HomeView, now: Instant) -> Vec<DayActivity> {
    let of_day = |day: &DayView| {
        let row = |lane: &watch::Lane| {
            let mut cells = [Cell::Quiet; QUARTERS];
            for (quarter, shown) in cells.iter_mut().enumerate() {
                *shown = cell(day, lane.counts[quarter], quarter, now);
            }
            RasterRow { label: lane_label(lane.kind, &lane.place), cells, usual: None }
        };
        let label = ja_day(Instant::from_wall_day(i64::from(day.date.0)));
        DayActivity { label, first_hour: 0, rows: day.lanes.iter().map(row).collect(), silence: None }
    };
    view.days.iter().rev().map(of_day).collect()
}

fn stronger(a: Cell, b: Cell) -> Cell {
    let rank = |cell: Cell| match cell {
        Cell::Quiet => 0,
        Cell::Gap => 1,
        Cell::Active(n) => 1 + n,
        Cell::Future => 9,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn climate(view: &HomeView, now: Instant) -> Markup {
    let mut rooms: Vec<(base::DeviceId, String)> = Vec::new();
    for room in view.days.iter().flat_map(|d| &d.climate) {
        if !rooms.iter().any(|(id, _)| *id == room.device) {
            rooms.push((room.device, room.place.clone()));
        }
    }
    let (hot, cold) = (f64::from(view.settings.hot[0]), f64::from(view.settings.cold[0]));
    let bands = [
        Band { from: hot, to: 60.0, label: format!("暑い（{hot:.0}℃以上）"), tone: BandTone::Hot },
        Band { from: -20.0, to: cold, label: format!("寒い（{cold:.0}℃以下）"), tone: BandTone::Cold },
    ];
    html! {
        @if rooms.is_empty() { (empty("温湿度計はありません", "")) }
        @for (n, (device, place)) in rooms.iter().enumerate() {
            @let degrees = points(view, *device, |room, q| room.temperature[q].map(|t| t.1));
            @let percent = points(view, *device, |room, q| room.humidity[q]);
            @for (part, from, words) in [("day", now - Span::days(1), "24時間"), ("week", now - Span::days(7), "7日間")] {
                (curve(&Curve {
                    id: &format!("temperature-{n}-{part}"), title: &format!("{place}の温度（{words}）"), unit: "℃", from, until: now,
                    points: &degrees, range: (15.0, 30.0), bands: &bands, gap: Span::hours(2),
                }))
            }
            (curve(&Curve {
                id: &format!("humidity-{n}"), title: &format!("{place}の湿度（24時間）"), unit: "％", from: now - Span::days(1),
                until: now, points: &percent, range: (30.0, 80.0), bands: &[], gap: Span::hours(2),
            }))
        }
    }
}

fn points(
    view: &HomeView,
    device: base::DeviceId,
    value: impl Fn(&watch::RoomDay, usize) -> Option<f32>,
) -> Vec<(Instant, f64)> {
    let mut points = Vec::new();
    for day in &view.days {
        let Some(room) = day.climate.iter().find(|r| r.device == device) else { continue };
        let midnight = Instant::from_wall_day(i64::from(day.date.0));
        for quarter in 0..QUARTERS {
            if let Some(v) = value(room, quarter) {
                points.push((midnight + Span::minutes(15 * quarter as i64), f64::from(v)));
            }
        }
    }
    points
}

fn devices(devices: &[Device], view: &HomeView, now: Instant) -> Markup {
    let mut table = Table::new("機器", &["場所", "種類", "電池", "最後の通信", "最後の動き"]);
    for device in devices {
        table = table.row(vec![
            html! { (device.place) (mark(device, now)) },
            html! { (device.kind.ja()) },
            battery(device.battery),
            html! { @match device.heard_at { Some(at) => (since(at, now)), None => "まだありません" } },
            html! { @if device.kind.sign().is_some() { @match device.sign_at { Some(at) => (since(at, now)), None => "まだありません" } } @else { "—" } },
        ]);
    }
    html! {
        @match view.gateway.as_ref().and_then(|g| g.heard_at) {
            Some(heard) => p { "ゲートウェイの最後の通信 " (since(heard, now)) },
            None => p { "ゲートウェイからの通信はまだありません。" },
        }
        @if devices.is_empty() { (empty("登録された機器はありません", "")) } @else { (table) }
    }
}

pub fn battery(percent: Option<u8>) -> Markup {
    html! {
        @match percent {
            Some(p) if p <= watch::LOW_BATTERY => (chip(Tone::NearLimit, &format!("残り少ない（{p}％）"))),
            Some(p) => { (p) "％" },
            None => "不明",
        }
    }
}

fn alerts(alerts: &[Alert], now: Instant) -> Markup {
    let titles: Vec<String> = alerts
        .iter()
        .map(|a| format!("{}：{}", if a.level == Level::Alert { "アラート" } else { "通知" }, a.rule.ja()))
        .collect();
    let entries: Vec<StoryEntry> = alerts.iter().zip(&titles).map(|(a, title)| entry(a, title, now)).collect();
    let avoidable: Vec<String> = alerts
        .iter()
        .filter(|a| a.level == Level::Alert && a.rule.heeds_absence())
        .filter(|a| a.cause.is_some_and(watch::Cause::was_unannounced))
        .map(|a| ja_moment(a.raised_at, now))
        .collect();
    html! {
        @if !avoidable.is_empty() {
            p { "不在の予定が登録されていれば防げたアラートが" (avoidable.len()) "件あります（" (avoidable.join("、")) "）。" }
        }
        @if entries.is_empty() { (empty("これまでアラートも通知もありません", "")) } @else { (story(&entries, now)) }
    }
}

fn entry<'a>(alert: &'a Alert, title: &'a str, now: Instant) -> StoryEntry<'a> {
    StoryEntry {
        at: alert.raised_at,
        title,
        who: "",
        body: html! {
            p { (alert.reason) }
            p.soft {
                (alert.state_words())
                @if let Some(said) = alert.answer { "：" (said.who()) "から「" (said.answer.ja()) "」（" (said.way.ja()) "）" }
                @if let Some(cause) = alert.cause { "：" (cause.ja()) }
                @if let Some(ended) = alert.ended_at { "　" (ja_moment(ended, now)) "（" (length(ended - alert.raised_at)) "後）" }
            }
        },
        icon: Icon::Bell,
        state: match (alert.state, alert.level) {
            (AlertState::Standing, Level::Alert) => Tone::NeededNow,
            (AlertState::Standing, Level::Notice) => Tone::NearLimit,
            _ => Tone::Done,
        },
    }
}

/// The measured rate of each rule beside what was set as its budget.
fn rates(view: &HomeView) -> Markup {
    let (rates, settings) = (&view.rates, &view.settings);
    let mut table = Table::new("誤報の割合", &["種類", "回数", "誤報", "必要だった", "30日あたりの誤報", "目安"]);
    for rate in rates {
        table = table.row(vec![
            html! { (if rate.level == Level::Alert { "アラート" } else { "通知" }) "：" (rate.rule.ja()) },
            html! { (rate.raised) "回" },
            html! { (rate.false_alarms) "回" },
            html! { (rate.real) "回" },
            html! { (format!("{:.1}", rate.per_30_days)) "回" },
            html! { (budget(rate, settings)) },
        ]);
    }
    html! {
        p.soft {
            (format!("過去{:.0}日間の実績です。", view.rates_days.max(0.0)))
            @if let Some(words) = adaptation::words(view.percent) { (words) }
        }
        @if rates.is_empty() { (empty("まだ数えるものがありません", "")) } @else { (table) }
    }
}

/// Only the learned rhythm has a budget; the other rules follow fixed limits.
fn budget(rate: &RuleRate, settings: &Settings) -> String {
    let days = match (rate.rule, rate.level) {
        (Rule::Inactivity, Level::Alert) => settings.rhythm.alert_days,
        (Rule::Inactivity, Level::Notice) => settings.rhythm.notice_days,
        _ => return "—".to_owned(),
    };
    format!("30日あたり{:.1}回まで", 30.0 / f64::from(days))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::wareki::Date;
    use watch::{DeviceKind, Lane};

    fn day(date: &str, missing_from: usize) -> DayView {
        let mut counts = [0; QUARTERS];
        // 11:00 of either day.
        counts[44] = 1;
        let (kind, place) = (DeviceKind::Fridge, "台所".to_owned());
        let lane = Lane { device: base::DeviceId(uuid::Uuid::nil()), kind, place, counts };
        let mut missing = [false; QUARTERS];
        missing[missing_from..].fill(true);
        let date = Date::parse(date).expect("a date");
        DayView { date, lanes: vec![lane], climate: vec![], meters: vec![], missing, signs: 1 }
    }

    #[test]
    fn a_cell_is_unknown_where_nothing_was_heard_and_blank_where_nothing_can_be() {
        let noon = Instant::parse("2026-11-22T12:00").expect("a moment");
        let today = day("2026-11-22", 45);
        assert_eq!(cell(&today, 0, 0, noon), Cell::Quiet);
        assert_eq!(cell(&today, 1, 44, noon), Cell::Active(1));
        assert_eq!(cell(&today, 0, 46, noon), Cell::Gap, "silence of the line is no silence of the person");
        assert_eq!(cell(&today, 0, 49, noon), Cell::Future);
        assert_eq!(stronger(Cell::Gap, Cell::Active(1)), Cell::Active(1));
    }

    #[test]
    fn the_last_24_hours_begin_yesterday_and_end_with_this_hour() {
        let now = Instant::parse("2026-11-22T10:30").expect("a moment");
        let days = [day("2026-11-21", QUARTERS), day("2026-11-22", QUARTERS)];
        let mut usual = [0.0; 48];
        usual[22] = 0.5;
        let shown = last_day(&days, &usual, now);
        assert_eq!(shown.first_hour, 11);
        for row in &shown.rows {
            assert_eq!(row.cells[0], Cell::Active(1), "11:00 of yesterday");
            assert_eq!(row.cells.iter().filter(|c| matches!(c, Cell::Active(_))).count(), 1, "not today's as well");
            assert_eq!(row.cells[95], Cell::Future, "10:45 of today is to come");
            assert_eq!(row.cells[93], Cell::Quiet, "10:15 of today is over");
        }
        assert_eq!(shown.rows[0].usual.expect("all rooms")[0], 0.5);
    }

    #[test]
    fn a_label_names_the_thing_or_the_room() {
        assert_eq!(lane_label(DeviceKind::Fridge, "台所"), "冷蔵庫");
        assert_eq!(lane_label(DeviceKind::Motion, "居間"), "居間");
        assert_eq!(lane_label(DeviceKind::Button, "居間"), "ボタン");
    }
}
