//! 「この設定だったら」: what the settings typed into the form would have done in the last weeks, beside today's.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::{HomeId, Span};
use maud::{Markup, html};
use page::components::{State as Tone, Table, notice};
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use watch::trial::{DAYS, HOMES, Played, Trial, try_region};

use super::settings;
use crate::verbs::Look;

pub async fn region(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(typed): Posted,
) -> Result<Response, Problem> {
    let draft = Draft::typed(typed.clone());
    let changes = match settings::read(&typed) {
        Ok(changes) => changes,
        Err((field, why)) => return Ok(region_again(&frame, &visitor, &draft.wrong_field(field, why))),
    };
    let tried = visitor
        .look(&site, Look::SettingsTried, move |ctx, tx| {
            let (trial, charged) = try_region(ctx, tx, &changes)?;
            Ok(Seen::by(trial, charged, "watch"))
        })
        .await;
    match tried {
        Ok(tried) => Ok(settings::region(&frame, &visitor, &draft, shown(&tried)).into_response()),
        Err(Problem::Refused(why)) => Ok(region_again(&frame, &visitor, &draft.refused(why))),
        Err(other) => Err(other),
    }
}

fn region_again(frame: &Frame, visitor: &Visitor, draft: &Draft) -> Response {
    (draft.status(), settings::region(frame, visitor, draft, html! {})).into_response()
}

pub async fn home(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(typed): Posted,
) -> Result<Response, Problem> {
    let draft = Draft::typed(typed.clone());
    let draft = match settings::read(&typed) {
        Err((field, why)) => draft.wrong_field(field, why),
        Ok(changes) => match settings::shown(&site, &visitor, &frame, home, Some(draft.clone()), Some(changes)).await {
            Ok(page) => return Ok(page.into_response()),
            Err(Problem::Refused(why)) => draft.refused(why),
            Err(other) => return Err(other),
        },
    };
    let status = draft.status();
    let page = settings::shown(&site, &visitor, &frame, home, Some(draft), None).await?;
    Ok((status, page).into_response())
}

/// Both settings side by side.
pub fn shown(trial: &Trial) -> Markup {
    if trial.homes == 0 {
        return notice(
            Tone::Unknown,
            "まだ試せません",
            html! {
                p { "記録が8日分以上たまると、試すことができます。" }
            },
        );
    }
    let rows = [
        ("アラート（1軒30日あたり）", times(trial, |p| p.alerts, 30.0)),
        ("アラートの前の通知・質問（1軒1週あたり）", times(trial, |p| p.questions, 7.0)),
        ("動きが止まってからアラートまで（半数がこの時間以内）", delays(trial, 0.5)),
        ("動きが止まってからアラートまで（10回に9回がこの時間以内）", delays(trial, 0.9)),
    ];
    let mut table = Table::new("この設定だったら", &["", "いまの設定", "この設定"]);
    for (what, [now, tried]) in rows {
        table = table.row(vec![html! { (what) }, html! { (now) }, html! { (tried) }]);
    }
    html! {
        section.card.stack id="trial" {
            h2 { "この設定だったら" }
            (table)
            p.soft {
                (format!("{}軒、のべ{:.0}日の記録（最大{DAYS}日、{HOMES}軒まで）で試した結果です。設定はまだ変わっていません。", trial.homes, trial.days))
                "実績に合わせた調整は含めず、目安のとおりに判定しています。"
                "質問には15分でお返事があったものとしています。動きが止まった場合は、記録の途中で止まったと仮定して計算しています。"
            }
        }
    }
}

fn times(trial: &Trial, count: impl Fn(&Played) -> u32, per_days: f64) -> [String; 2] {
    [&trial.now, &trial.tried]
        .map(|played| format!("{:.1}回", f64::from(count(played)) / trial.days.max(1.0) * per_days))
}

fn delays(trial: &Trial, share: f64) -> [String; 2] {
    let words = |span: Span| format!("{:.1}時間", span.as_minutes() as f64 / 60.0);
    [&trial.now, &trial.tried].map(|played| played.within(share).map_or_else(|| "—".to_owned(), words))
}
