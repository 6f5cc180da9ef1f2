//! The settings of the watch, for the region and for one home: a blank field means as in the level above.

use access::Witnesses;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::{HomeId, Role};
use maud::{Markup, html};
use page::components::{Field, State as Tone, link_button, notice, submit};
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::Form;
use watch::trial::{Questions, try_home};
use watch::{Asked, Changes, NightDoor, Settings};

use super::{Dwelling, adaptation, desk_tabs, trial};
use crate::verbs::Look;

const REGION: &str = "/watch-settings";
const SAVED: &str = "done=saved";

pub async fn region_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    query: RawQuery,
) -> Result<Markup, Problem> {
    let changes = site.db().read(|tx| Ok::<_, Problem>(watch::changes_of(tx, None)?)).await?;
    region(&site, &frame, &visitor, &on_record(&changes), saved(&query, "すべての住まいに、いまから使われます。")).await
}

/// `told` stands above the form: that it was saved, or what was tried.
pub(crate) async fn region(
    site: &Site,
    frame: &Frame,
    visitor: &Visitor,
    draft: &Draft,
    told: Markup,
) -> Result<Markup, Problem> {
    let now = frame.now;
    let read = move |tx: &mut dyn db::Tx| {
        let (changes, known) = (watch::changes_of(tx, None)?, watch::adaptation(tx, now)?);
        Ok::<_, Problem>((changes, known, Questions::of_region(tx, now)?))
    };
    let (changes, known, questions) = site.db().read(read).await?;
    Ok(frame.page("地域の見守りをどう設定しますか").body(html! {
        @if visitor.role() == Role::Administrator { (desk_tabs("/watch-settings")) }
        p { "すべての住まいに使われます。住まいごとに変えることもできます。空欄は標準の値です。" }
        (draft.summary())
        (told)
        (adaptation::shown(&known, &changes.over(&Settings::default()), now))
        (trial::questions(questions))
        (form(draft, REGION, &Settings::default(), "標準のとおり"))
    }))
}

/// After a redirect that follows a saving.
fn saved(query: &RawQuery, words: &str) -> Markup {
    html! {
        @if query.0.as_deref() == Some(SAVED) { (notice(Tone::Confirmed, "保存しました", html! { p { (words) } })) }
    }
}

pub async fn set_region(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(typed): Posted,
) -> Result<Response, Problem> {
    let draft = Draft::typed(typed.clone());
    let draft = match read(&typed) {
        Err((field, why)) => draft.wrong_field(field, why),
        Ok(changes) => {
            let set = visitor
                .command(&site, watch::Verb::SetRegion, move |ctx, tx| Ok(watch::set_region(ctx, tx, &changes)?))
                .await;
            match set {
                Ok(()) => return Ok(Redirect::to(&format!("{REGION}?{SAVED}")).into_response()),
                Err(Problem::Refused(why)) => draft.refused(why),
                Err(other) => return Err(other),
            }
        }
    };
    let page = region(&site, &frame, &visitor, &draft, html! {}).await?;
    Ok((draft.status(), page).into_response())
}

pub async fn home_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    query: RawQuery,
) -> Result<Markup, Problem> {
    let told = saved(&query, "この住まいに、いまから使われます。");
    shown(&site, &visitor, &frame, home, Shown { told, ..Shown::default() }).await
}

/// What a home's page of settings shows beside what is on record.
#[derive(Default)]
pub(crate) struct Shown {
    /// What was typed, instead of what is on record.
    pub draft: Option<Draft>,
    pub tried: Option<Changes>,
    pub told: Markup,
}

pub(crate) async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    home: HomeId,
    Shown { draft, tried, told }: Shown,
) -> Result<Markup, Problem> {
    let (dwelling, changes, region, tried) = visitor
        .look(site, Look::HomeSettings, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let dwelling = Dwelling::read(ctx, tx, home, &mut seen)?;
            let region = watch::region_settings(tx)?;
            let changes = watch::changes_of(tx, Some(home))?;
            let tried = tried.as_ref().map(|tried| try_home(ctx, tx, home, tried)).transpose()?;
            let tried = tried.map(|tried| seen.take(tried));
            Ok(Seen::of((dwelling, changes, region, tried), seen))
        })
        .await?;
    let draft = draft.unwrap_or_else(|| on_record(&changes));
    Ok(frame.page("この住まいの見守りをどう設定しますか").body(html! {
        h2 { (dwelling.words()) }
        p { "空欄は地域の設定のとおりです。" }
        (draft.summary())
        (told)
        @if let Some(tried) = &tried { (trial::shown(tried)) }
        (form(&draft, &format!("/homes/{home}/watch-settings"), &region, "地域の設定のとおり"))
        @if visitor.role() == Role::Administrator { (link_button(&format!("/homes/{home}/devices"), "住まいの機器へ戻る")) }
    }))
}

pub async fn set_home(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(typed): Posted,
) -> Result<Response, Problem> {
    let draft = Draft::typed(typed.clone());
    let draft = match read(&typed) {
        Err((field, why)) => draft.wrong_field(field, why),
        Ok(changes) => {
            let set = visitor
                .command(&site, watch::Verb::SetHome, move |ctx, tx| Ok(watch::set_home(ctx, tx, home, &changes)?))
                .await;
            match set {
                Ok(()) => return Ok(Redirect::to(&format!("/homes/{home}/watch-settings?{SAVED}")).into_response()),
                Err(Problem::Refused(why)) => draft.refused(why),
                Err(other) => return Err(other),
            }
        }
    };
    let status = draft.status();
    let page = shown(&site, &visitor, &frame, home, Shown { draft: Some(draft), ..Shown::default() }).await?;
    Ok((status, page).into_response())
}

fn on_record(c: &Changes) -> Draft {
    fn word<T: ToString>(value: Option<T>) -> String {
        value.map(|v| v.to_string()).unwrap_or_default()
    }
    let on_off = |value: Option<bool>| word(value.map(|on| if on { "on" } else { "off" }));
    let pair = |values: Option<[f32; 2]>, n: usize| word(values.map(|v| v[n]));
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let night_door = match c.night_door {
        None => "",
        Some(NightDoor::Off) => "off",
        Some(NightDoor::Notice) => "notice",
        Some(NightDoor::Alert) => "alert",
    };
    Draft::on_record(vec![
        ("alert_days", word(c.alert_days)),
        ("notice_days", word(c.notice_days)),
        ("cap_hours", word(c.cap_hours)),
        ("fixed_hours", word(c.fixed_hours)),
        ("adapts", on_off(c.adapts)),
        ("notices", on_off(c.notices)),
        ("asked", c.asked.map_or("", Asked::key).to_owned()),
        ("question_days", word(c.question_days)),
        ("daily", c.daily.map(clock).unwrap_or_default()),
        ("quiet_from", c.quiet.map(|n| clock(n.0)).unwrap_or_default()),
        ("quiet_until", c.quiet.map(|n| clock(n.1)).unwrap_or_default()),
        ("night_from", c.night.map(|n| clock(n.0)).unwrap_or_default()),
        ("night_until", c.night.map(|n| clock(n.1)).unwrap_or_default()),
        ("night_door", night_door.to_owned()),
        ("entrance_minutes", word(c.left_open_entrance_minutes)),
        ("fridge_minutes", word(c.left_open_fridge_minutes)),
        ("hot_notice", pair(c.hot, 0)),
        ("hot_alert", pair(c.hot, 1)),
        ("cold_notice", pair(c.cold, 0)),
        ("cold_alert", pair(c.cold, 1)),
        ("wbgt_notice", pair(c.wbgt, 0)),
        ("wbgt_alert", pair(c.wbgt, 1)),
        ("climate_minutes", word(c.climate_minutes)),
        ("chatter", word(c.chatter)),
        ("line_fault_minutes", word(c.line_fault_minutes)),
    ])
}

type Wrong = (&'static str, &'static str);

pub(crate) fn read(form: &Form) -> Result<Changes, Wrong> {
    let digits = |field: &str| base::kana::half_width_digits(form.one(field));
    let whole = |field: &'static str| match digits(field).as_str() {
        "" => Ok(None),
        typed => typed.parse::<u16>().map(Some).map_err(|_| (field, "整数で入力してください。")),
    };
    let number = |field: &'static str| match digits(field).as_str() {
        "" => Ok(None),
        typed => typed.parse::<f32>().map(Some).map_err(|_| (field, "数字で入力してください。")),
    };
    let pair = |first: &'static str, second: &'static str| match (number(first)?, number(second)?) {
        (None, None) => Ok(None),
        (Some(a), Some(b)) => Ok(Some([a, b])),
        (None, _) => Err((first, "通知とアラートの両方を入力してください。")),
        (_, None) => Err((second, "通知とアラートの両方を入力してください。")),
    };
    Ok(Changes {
        alert_days: number("alert_days")?,
        notice_days: number("notice_days")?,
        cap_hours: whole("cap_hours")?,
        fixed_hours: whole("fixed_hours")?,
        adapts: on_off(form, "adapts"),
        notices: on_off(form, "notices"),
        asked: Asked::from_key(form.one("asked")),
        question_days: number("question_days")?,
        daily: match form.one("daily") {
            "" => None,
            typed => Some(form::read_time(typed).ok_or(("daily", "時刻を入力してください。例：10:00"))?),
        },
        quiet: hours(form, "quiet_from", "quiet_until")?,
        night: hours(form, "night_from", "night_until")?,
        night_door: match form.one("night_door") {
            "off" => Some(NightDoor::Off),
            "notice" => Some(NightDoor::Notice),
            "alert" => Some(NightDoor::Alert),
            _ => None,
        },
        left_open_entrance_minutes: whole("entrance_minutes")?,
        left_open_fridge_minutes: whole("fridge_minutes")?,
        hot: pair("hot_notice", "hot_alert")?,
        cold: pair("cold_notice", "cold_alert")?,
        wbgt: pair("wbgt_notice", "wbgt_alert")?,
        climate_minutes: whole("climate_minutes")?,
        chatter: whole("chatter")?.map(|n| u8::try_from(n).unwrap_or(u8::MAX)),
        line_fault_minutes: whole("line_fault_minutes")?,
    })
}

fn on_off(form: &Form, field: &str) -> Option<bool> {
    match form.one(field) {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn hours(form: &Form, from: &'static str, until: &'static str) -> Result<Option<(u16, u16)>, Wrong> {
    if form.one(from).is_empty() && form.one(until).is_empty() {
        return Ok(None);
    }
    let at = |field: &'static str| {
        form::read_time(form.one(field)).ok_or((field, "始まりと終わりの時刻を入力してください。例：23:00"))
    };
    Ok(Some((at(from)?, at(until)?)))
}

/// `above` is what holds where a field is blank; it stands in the hints.
fn form(draft: &Draft, action: &str, above: &Settings, as_above: &str) -> Markup {
    let clock = |minute: u16| format!("{}:{:02}", minute / 60, minute % 60);
    let hint = |value: String| format!("空欄のとき：{value}");
    let field = |name: &'static str, label: &'static str, value: String| {
        let hint = hint(value);
        html! { (draft.number(name, label).hint(&hint)) }
    };
    let door =
        above.night_door.map_or("何もしない", |l| if l == watch::Level::Alert { "アラート" } else { "通知" });
    let as_asked = format!("{as_above}（{}）", above.asked.ja());
    let asked: Vec<(&str, &str)> = [("", as_asked.as_str())].into_iter().chain(options!(Asked)).collect();
    let as_adapts = format!("{as_above}（{}）", if above.adapts { "する" } else { "しない" });
    let fixed =
        above.rhythm.fixed.map_or("学習した生活リズム".to_owned(), |s| format!("{}時間", s.as_minutes() / 60));
    html! {
        form.stack method="post" action=(action) {
            section.card.stack {
                h2 { "動きがないとき" }
                (field("alert_days", "誤ったアラートの目安（何日に1回まで）", format!("{:.0}日に1回", above.rhythm.alert_days)))
                (draft.radio("adapts", "誤ったアラートの実績に合わせて判定を調整", &[("", &as_adapts), ("on", "する"), ("off", "しない（目安のとおり）")]))
                (field("notice_days", "誤った通知の目安（何日に1回まで）", format!("{:.0}日に1回", above.rhythm.notice_days)))
                (field("cap_hours", "上限の時間（この時間動きがなければ必ず知らせる）", format!("{}時間", above.rhythm.cap.as_minutes() / 60)))
                (field("fixed_hours", "動きがない時間で知らせる（時間。0のときは学習した生活リズムで判断）", fixed))
                (draft.radio("notices", "アラートの前に、やさしい確認の通知を", &[("", as_above), ("on", "送る"), ("off", "送らない")]))
            }
            section.card.stack {
                h2 { "お変わりないかを本人に尋ねる" }
                p.soft { "30分のうちにお返事がないとき、アラートになります。電話は2回までかけます。電話で尋ねるには、電話の送信サービスの設定が必要です。" }
                p.soft { "本人に尋ねるときは、アラートを知らせることに同意のあるご家族にも、ご本人の様子をメール・SMSで尋ねます（毎日の声かけのときも）。" }
                (draft.radio("asked", "尋ねかた", &asked))
                @if action != REGION {
                    (draft.fill("daily", Field::time("daily", "毎日この時刻に尋ねる")).hint("ご本人が希望した時刻。尋ねかたが「尋ねない」のとき、尋ねない時間の中は選べません。空欄のときは、動きがないときだけ尋ねます。"))
                }
                (field("question_days", "不要だった質問の目安（何日に1回まで）", format!("{}日に1回", above.question.days)))
                (draft.fill("quiet_from", Field::time("quiet_from", "尋ねない時間の始まり")).hint(&hint(clock(above.question.quiet.0))))
                (draft.fill("quiet_until", Field::time("quiet_until", "尋ねない時間の終わり")).hint(&hint(clock(above.question.quiet.1))))
            }
            section.card.stack {
                h2 { "玄関・冷蔵庫" }
                (draft.fill("night_from", Field::time("night_from", "夜間の始まり")).hint(&hint(clock(above.night.0))))
                (draft.fill("night_until", Field::time("night_until", "夜間の終わり")).hint(&hint(clock(above.night.1))))
                (draft.radio("night_door", "夜間に玄関が開いたとき",
                    &[("", &format!("{as_above}（{door}）")), ("off", "何もしない"), ("notice", "通知"), ("alert", "アラート")]))
                (field("entrance_minutes", "玄関の開けたまま（分）", format!("{}分", above.left_open_entrance.as_minutes())))
                (field("fridge_minutes", "冷蔵庫の開けたまま（分）", format!("{}分", above.left_open_fridge.as_minutes())))
            }
            section.card.stack {
                h2 { "室温と暑さ指数（推定）" }
                (field("hot_notice", "暑い：通知（℃以上）", format!("{}℃", above.hot[0])))
                (field("hot_alert", "暑い：アラート（℃以上）", format!("{}℃", above.hot[1])))
                (field("cold_notice", "寒い：通知（℃以下）", format!("{}℃", above.cold[0])))
                (field("cold_alert", "寒い：アラート（℃以下）", format!("{}℃", above.cold[1])))
                (field("wbgt_notice", "暑さ指数：通知（以上）", format!("{}", above.wbgt[0])))
                (field("wbgt_alert", "暑さ指数：アラート（以上）", format!("{}", above.wbgt[1])))
                (field("climate_minutes", "続いたら知らせる時間（分）", format!("{}分", above.climate_after.as_minutes())))
            }
            section.card.stack {
                h2 { "機器と通信" }
                (field("chatter", "扉・人感が1分間にこの回数を超えて知らせたら、機器の故障とみなす（回）", format!("{}回", above.chatter)))
                (field("line_fault_minutes", "通信断とみなすまで（分）", format!("{}分", above.line_fault.as_minutes())))
            }
            div.buttons {
                (submit(if action == REGION { "すべての住まいの設定を保存する" } else { "設定を保存する" }))
                button.btn type="submit" formaction={ (action) "/trial" } { "この設定だったら（保存せずに試す）" }
            }
        }
    }
}
