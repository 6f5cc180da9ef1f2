//! 実績に合わせた調整: what the region measured of false alarms, and how silence is judged since.

use base::Instant;
use maud::{Markup, html};
use page::components::ja_day;
use watch::{AS_ASKED, Adaptation, BOUNDS, Lately, Settings};

/// How silence is judged, and why, in a sentence; nothing where it is judged as asked.
pub fn words(percent: u16) -> Option<String> {
    let (why, how) = match percent {
        AS_ASKED => return None,
        less if less < AS_ASKED => ("少ない", "早く"),
        _ => ("多い", "遅く"),
    };
    let times = times(percent);
    Some(format!(
        "目安のとおりに判定すると、この地域の誤ったアラートは目安より{why}ため、判定を少し{how}しています（目安の日数を{times}倍として判定）。"
    ))
}

/// For the page of the region's settings.
pub fn shown(adaptation: &Adaptation, settings: &Settings, now: Instant) -> Markup {
    let now_words = match words(adaptation.percent) {
        _ if settings.rhythm.fixed.is_some() => "決められた時間で知らせる設定のため、調整していません。".to_owned(),
        _ if !settings.adapts => "調整しない設定です。目安のとおりに判定しています。".to_owned(),
        None => "目安のとおりに判定しています。".to_owned(),
        Some(words) => words,
    };
    let (lowest, highest) = (times(BOUNDS.0), times(BOUNDS.1));
    html! {
        section.card.stack id="adaptation" {
            h2 { "誤ったアラートの実績と調整" }
            p { "目安：1軒につき" (format!("{:.0}", settings.rhythm.alert_days)) "日に1回まで" }
            p { "この地域の実績：" (measured(adaptation.lately.as_ref(), now)) }
            p { "いまの調整：" (now_words) }
            p.soft {
                "実績は週に1回まとめ、判定の日数を1回に5％まで、目安の" (lowest) "倍から" (highest) "倍の間で見直します。"
                "外出や不在登録漏れなど、無事だったアラートを誤りと数えます。機器・通信の不良と確認不能は数えません。"
            }
        }
    }
}

fn measured(lately: Option<&Lately>, now: Instant) -> String {
    let Some(m) = lately else {
        return "見守りを始めて30日たつとまとめます。それまでは標準の判定です。".to_owned();
    };
    let (from, until) = (ja_day(m.from), ja_day(m.until));
    let per = match m.false_alarms {
        0 => String::new(),
        n => format!("、1軒につき{:.0}日に1回", m.home_days / f64::from(n)),
    };
    let days = (now - m.from).as_seconds() / 86_400;
    format!("過去{days}日（{from}から{until}の前日まで）で{}件（のべ{:.0}日{per}）", m.false_alarms, m.home_days)
}

fn times(percent: u16) -> String {
    let text = format!("{:.2}", f32::from(percent) / f32::from(AS_ASKED));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
