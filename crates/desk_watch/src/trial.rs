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
use watch::Changes;
use watch::trial::{DAYS, HOMES, Played, Questions, Trial, try_region};

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
        Err((field, why)) => return region_again(&site, &frame, &visitor, &draft.wrong_field(field, why)).await,
    };
    let tried = visitor
        .look(&site, Look::SettingsTried, move |ctx, tx| {
            let (trial, charged) = try_region(ctx, tx, &changes)?;
            Ok(Seen::by(trial, charged, "watch"))
        })
        .await;
    match tried {
        Ok(tried) => Ok(settings::region(&site, &frame, &visitor, &draft, shown(&tried)).await?.into_response()),
        Err(Problem::Refused(why)) => region_again(&site, &frame, &visitor, &draft.refused(why)).await,
        Err(other) => Err(other),
    }
}

async fn region_again(site: &Site, frame: &Frame, visitor: &Visitor, draft: &Draft) -> Result<Response, Problem> {
    let page = settings::region(site, frame, visitor, draft, html! {}).await?;
    Ok((draft.status(), page).into_response())
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
        Ok(changes) => match settings::shown(&site, &visitor, &frame, home, tried(&draft, Some(changes))).await {
            Ok(page) => return Ok(page.into_response()),
            Err(Problem::Refused(why)) => draft.refused(why),
            Err(other) => return Err(other),
        },
    };
    let status = draft.status();
    let page = settings::shown(&site, &visitor, &frame, home, tried(&draft, None)).await?;
    Ok((status, page).into_response())
}

fn tried(draft: &Draft, tried: Option<Changes>) -> settings::Shown {
    settings::Shown { draft: Some(draft.clone()), tried, ..settings::Shown::default() }
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
            @if trial.asks { (answers(trial.questions)) }
            p.soft {
                (format!("{}軒、のべ{:.0}日の記録（最大{DAYS}日、{HOMES}軒まで）で試した結果です。設定はまだ変わっていません。", trial.homes, trial.days))
                "実績に合わせた調整と、毎日の声かけは含めず、目安のとおりに判定しています。"
                "お返事のある質問では、15分でお返事があったものとしています。動きが止まった場合は、記録の途中で止まったと仮定して計算しています。"
            }
        }
    }
}

/// What became of the questions of the region, for the page of its settings.
pub fn questions(questions: Questions) -> Markup {
    html! {
        @if questions.all() > 0 {
            section.card.stack id="questions" {
                h2 { "ご本人への質問の実績" }
                p { (format!(
                    "過去{DAYS}日：お返事のあった質問 {}件、お返事がなくアラートになった質問 {}件",
                    questions.answered, questions.unanswered
                )) }
                p.soft { "尋ねる設定の住まいで、動きがなく尋ねた質問です。動きがあって終わった質問と毎日の声かけは数えません。" }
            }
        }
    }
}

/// Alerts hang on who answers: the share that was played stands beside the figures.
fn answers(questions: Questions) -> Markup {
    let words = match questions.all() {
        0 => "質問へのお返事の実績がまだないため、すべての質問にお返事があるものとしました。お返事がなければ、質問はそのままアラートになります。アラートは、この回数より多くなります。".to_owned(),
        all => format!(
            "過去{DAYS}日の質問{all}回（動きがあって終わった質問を除く）のうち、お返事があったのは{}回です。同じ割合でお返事があり、なければアラートになるものとしました。",
            questions.answered
        ),
    };
    notice(Tone::NearLimit, "アラートの回数は、質問へのお返事によって変わります", html! { p { (words) } })
}

fn times(trial: &Trial, count: impl Fn(&Played) -> u32, per_days: f64) -> [String; 2] {
    [&trial.now, &trial.tried]
        .map(|played| format!("{:.1}回", f64::from(count(played)) / trial.days.max(1.0) * per_days))
}

fn delays(trial: &Trial, share: f64) -> [String; 2] {
    let words = |span: Span| format!("{:.1}時間", span.as_minutes() as f64 / 60.0);
    [&trial.now, &trial.tried].map(|played| played.within(share).map_or_else(|| "—".to_owned(), words))
}
