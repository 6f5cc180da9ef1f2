//! 質問と期限: what the operator asks, and how long each step may take, as the city sets them. Cases that run keep the
//! limits they were given.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::Span;
use maud::{Markup, html};
use page::components::{Field, State as Tone, at, error_summary, notice, refusal, submit};
use page::frame::Frame;
use page::posted::Posted;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::Visitor;
use people::Form;
use response::{SCRIPT_LINES, Settings};

/// A limit as the page shows it: field, words, where it stands in the settings.
struct Limit {
    field: &'static str,
    label: &'static str,
    of: fn(&mut Settings) -> &mut Span,
}

const fn limit(field: &'static str, label: &'static str, of: fn(&mut Settings) -> &mut Span) -> Limit {
    Limit { field, label, of }
}

const LIMITS: &[Limit] = &[
    limit("take", "検知から受付まで", |s| &mut s.take),
    limit("first_call", "受付から最初の電話まで", |s| &mut s.first_call),
    limit("retry_interval", "本人への電話の間隔", |s| &mut s.retry_interval),
    limit("contact_call", "連絡先1人あたり", |s| &mut s.contact_call),
    limit("visit_answer", "訪問依頼の返事まで", |s| &mut s.visit_answer),
    limit("depart", "承諾から出発まで", |s| &mut s.depart),
    limit("travel", "出発から到着まで", |s| &mut s.travel),
    limit("report", "到着から報告まで", |s| &mut s.report),
    limit("ask_help", "応答なしから開扉の依頼まで", |s| &mut s.ask_help),
    limit("key_holder", "鍵保管者の到着まで", |s| &mut s.key_holder),
    limit("police", "警察の確認まで", |s| &mut s.police),
    limit("fire", "消防の確認まで", |s| &mut s.fire),
    limit("decide", "結果から解消・医療相談まで", |s| &mut s.decide),
    limit("ambulance", "救急要請から搬送先の確認まで", |s| &mut s.ambulance),
    limit("consultation", "医師の回答まで", |s| &mut s.consultation),
    limit("rung", "期限超過の連絡を次の方に回すまで", |s| &mut s.rung),
];

pub async fn page(State(site): State<Site>, frame: Frame, query: axum::extract::RawQuery) -> Result<Markup, Problem> {
    let (settings, history) = read(&site).await?;
    let saved = query.0.as_deref() == Some("done=saved");
    let newest = history.first().map(|(version, when, _)| (*version, *when));
    Ok(frame.page("電話でお聞きすることと期限").body(html! {
        @if saved { (notice(Tone::Confirmed, "保存しました", html! { p { "これから始まる段階から使われます。" } })) }
        @if let Some((version, when)) = newest { p.soft { "第" (version) "版　" (at(when, frame.now)) " に変更" } }
        (form(&shown(&settings), &[]))
    }))
}

async fn read(site: &Site) -> Result<(Settings, Vec<(u32, base::Instant, uuid::Uuid)>), Problem> {
    site.db().read(|tx| Ok::<_, Problem>((response::settings(tx)?, response::settings_history(tx)?))).await
}

/// The settings as the fields of the form hold them.
fn shown(settings: &Settings) -> Form {
    let mut settings = settings.clone();
    let mut pairs = vec![
        ("script".to_owned(), settings.script.join("\n")),
        ("tries".to_owned(), settings.tries.to_string()),
        ("tries_urgent".to_owned(), settings.tries_urgent.to_string()),
    ];
    pairs.extend(LIMITS.iter().map(|l| (l.field.to_owned(), minutes((l.of)(&mut settings)))));
    Form::new(pairs)
}

/// 「3」 or 「0.5」
fn minutes(span: &Span) -> String {
    let seconds = span.as_seconds();
    if seconds % 60 == 0 { (seconds / 60).to_string() } else { format!("{}", seconds as f64 / 60.0) }
}

fn form(typed: &Form, errors: &[(&'static str, String)]) -> Markup {
    let error = |field: &str| errors.iter().find(|(f, _)| *f == field).map(|(_, words)| words.as_str());
    let summary: Vec<(&str, &str)> = errors.iter().map(|(f, words)| (*f, words.as_str())).collect();
    let number = |field: &'static str, label: &'static str| {
        Field::number(field, label).value(typed.one(field)).error(error(field)).required()
    };
    html! {
        (error_summary(&summary))
        form.stack method="post" action="/watch-script" {
            section.card {
                h2 { "電話でお聞きすること" }
                (Field::area("script", "質問", 12).value(typed.one("script")).error(error("script"))
                    .hint("1行に1つ、聞く順に書きます。20行まで、1行は120文字までです。"))
            }
            section.card {
                h2 { "本人への電話の回数" }
                (number("tries", "通常（回）"))
                (number("tries_urgent", "呼び出しボタン・「体調が悪い」のとき（回）"))
            }
            section.card {
                h2 { "期限（分）" }
                p.soft { "過ぎると、主任、担当ケアマネジャー、地域包括支援センター、市の順に連絡します。0.5（30秒）から1440（24時間）まで。" }
                @for l in LIMITS { (number(l.field, l.label)) }
            }
            (submit("保存する"))
        }
    }
}

/// The settings of a posted form, or what is wrong with each field.
fn parse(form: &Form, now: &Settings) -> Result<Settings, Vec<(&'static str, String)>> {
    let mut new = now.clone();
    let mut errors = Vec::new();
    new.script = form.one("script").lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect();
    let long = |l: &String| l.chars().count() > base::limits::LINE_CHARS;
    if new.script.len() > SCRIPT_LINES || new.script.iter().any(long) {
        errors.push(("script", response::Refusal::ScriptTooLong.to_string()));
    }
    for (field, tries) in [("tries", &mut new.tries), ("tries_urgent", &mut new.tries_urgent)] {
        match base::kana::half_width_digits(form.one(field)).parse::<u8>() {
            Ok(n) if (1..=5).contains(&n) => *tries = n,
            _ => errors.push((field, "1から5までの数字で入力してください。".to_owned())),
        }
    }
    for l in LIMITS {
        match read_minutes(form.one(l.field)) {
            Some(span) => *(l.of)(&mut new) = span,
            None => errors.push((l.field, format!("{}は0.5から1440までの数字（分）で入力してください。", l.label))),
        }
    }
    if errors.is_empty() { Ok(new) } else { Err(errors) }
}

fn read_minutes(typed: &str) -> Option<Span> {
    let minutes: f64 = base::kana::half_width_digits(typed).replace('．', ".").parse().ok()?;
    (0.5..=1440.0).contains(&minutes).then(|| Span::seconds((minutes * 60.0).round() as i64))
}

pub async fn save(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(posted): Posted,
) -> Result<Response, Problem> {
    let (now, _) = read(&site).await?;
    let title = "電話でお聞きすることと期限";
    let new = match parse(&posted, &now) {
        Ok(new) => new,
        Err(errors) => {
            let body = frame.page(title).body(form(&posted, &errors));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response());
        }
    };
    let done = visitor
        .command(&site, response::Verb::SetSettings, move |ctx, tx| Ok(response::set_settings(ctx, tx, new.clone())?))
        .await;
    match done {
        Ok(()) => Ok(Redirect::to("/watch-script?done=saved").into_response()),
        Err(Problem::Refused(why)) => {
            let body = frame.page(title).body(html! { (refusal(&why.words, &[])) (form(&posted, &[])) });
            Ok((status_of(why.kind), body).into_response())
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_form_gives_back_the_settings_it_shows() {
        let now = Settings::default();
        assert_eq!(parse(&shown(&now), &now).expect("reads"), now);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let now = Settings::default();
        let long = "あ".repeat(121);
        let typed = Form::from(&[("script", long.as_str()), ("tries", "9"), ("take", "0.1"), ("travel", "二時間")][..]);
        let errors = parse(&typed, &now).expect_err("wrong");
        for field in ["script", "tries", "take", "travel", "police"] {
            assert!(errors.iter().any(|(f, _)| *f == field), "{field}");
        }
        assert_eq!(read_minutes("１．５"), Some(Span::seconds(90)));
    }
}
