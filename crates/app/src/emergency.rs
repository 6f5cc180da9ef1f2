//! The emergency list: open cases, homes with alerts or notices, and whom to call, on paper for the hour in which nothing works.
//! Written every hour as a printable page, encrypted for one recipient, into the operations folder.

use std::path::Path;

use anyhow::Context;
use base::Clock;
use base::wareki::Date;
use page::problem::Problem;
use page::site::Site;
use people::as_far_as_readable;

use crate::backup::encrypt_for;
use crate::rounds::system;

/// The file's name in the operations folder; the newest list replaces the one before.
pub const FILE: &str = "emergency-list.html.age";

struct Row {
    number: String,
    name: String,
    address: String,
    phones: String,
    reason: String,
    step: &'static str,
    contacts: Vec<String>,
}

/// Reads, renders, encrypts and replaces the file in one go: a reader never finds half a list.
pub async fn write(site: &Site, clock: &Clock, recipient: &str, folder: &Path) -> anyhow::Result<()> {
    let ctx = system("emergency list", clock);
    let recording = ctx.clone();
    let (rows, seen) = site.db().read(move |tx| rows(&ctx, tx)).await.map_err(|p| anyhow::anyhow!("{p:?}"))?;
    site.db().write(move |tx| audit::looked(&recording, tx, web::verbs::Look::EmergencyList, &seen)).await?;
    let page = render(&rows, clock());
    let (recipient, file) = (recipient.to_owned(), folder.join(FILE));
    tokio::task::spawn_blocking(move || {
        let sealed = encrypt_for(&recipient, page.as_bytes())?;
        db::whole::replace(&file, &sealed).with_context(|| format!("{} を書けません", file.display()))
    })
    .await?
}

/// What is asked of the reader where nobody works a case.
const CHECK_NOW: &str = "案件がありません。至急、安否を確認してください";

/// The open cases, the most urgent first, then those that cannot be read, then the homes with an alert or a notice that
/// has no case. A register that cannot be read takes nobody off the list.
fn rows(ctx: &base::Ctx, tx: &mut dyn db::Tx) -> Result<(Vec<Row>, Vec<access::Witness>), Problem> {
    let (mut rows, mut seen) = (Vec::new(), access::Witnesses::default());
    let mut persons = Vec::new();
    for case in seen.take(response::open_cases(ctx, tx)?) {
        let (number, step) = (case.number.to_string(), case.state.next_step());
        rows.push(row(ctx, tx, case.person, number, case.reason, step, &mut seen)?);
        persons.push(case.person);
    }
    for case in seen.take(response::unreadable_cases(ctx, tx)?) {
        let Some(person) = case.person.filter(|person| !persons.contains(person)) else { continue };
        let number = case.number.map_or_else(|| "不明".to_owned(), |number| number.to_string());
        rows.push(row(ctx, tx, person, number, "読み取れない案件".to_owned(), CHECK_NOW, &mut seen)?);
        persons.push(person);
    }
    for alert in seen.take(watch::all_standing(ctx, tx)?) {
        if persons.contains(&alert.person) {
            continue;
        }
        let number = "案件なし".to_owned();
        let step = match alert.level {
            watch::Level::Notice => "本人・家族の返事を待っています",
            watch::Level::Alert => CHECK_NOW,
        };
        rows.push(row(ctx, tx, alert.person, number, alert.reason, step, &mut seen)?);
        persons.push(alert.person);
    }
    Ok((rows, seen.into_vec()))
}

fn row(
    ctx: &base::Ctx,
    tx: &mut dyn db::Tx,
    person: base::PersonId,
    number: String,
    reason: String,
    step: &'static str,
    seen: &mut access::Witnesses,
) -> Result<Row, Problem> {
    let resident = as_far_as_readable(people::resident(ctx, tx, person))?.map(|it| seen.take(it));
    let home = as_far_as_readable(people::home_of(ctx, tx, person))?.map(|it| seen.take(it));
    let shown =
        |phones: &[people::PhoneNumber]| phones.iter().map(people::PhoneNumber::shown).collect::<Vec<_>>().join("、");
    let contacts = as_far_as_readable(people::contacts(ctx, tx, person))?.map(|it| seen.take(it)).unwrap_or_default();
    Ok(Row {
        number,
        name: resident.as_ref().map_or_else(
            || format!("台帳を読み取れません（{person}）"),
            |r| format!("{}（{}）", r.name.expose(), r.kana.expose()),
        ),
        address: home.map(|home| home.address().into_exposed()).unwrap_or_default(),
        phones: resident.map(|r| shown(&r.phones)).unwrap_or_default(),
        reason,
        step,
        contacts: contacts
            .iter()
            .map(|c| format!("{}（{}）{}", c.name.expose(), c.relation.ja(), shown(&c.phones)))
            .collect(),
    })
}

fn render(rows: &[Row], now: base::Instant) -> String {
    let t = now.local();
    let mut page = format!(
        "<!DOCTYPE html><html lang=\"ja\"><meta charset=\"utf-8\"><title>緊急時対応リスト</title>\
         <style>body{{font-family:sans-serif;font-size:12pt}}table{{border-collapse:collapse;width:100%}}\
         th,td{{border:1px solid;padding:4px;vertical-align:top;text-align:left}}tr{{break-inside:avoid}}</style>\
         <h1>緊急時対応リスト</h1><p>{} {}時{:02}分現在。対応中の案件と、お知らせの出ている住まい、あわせて{}件。取扱注意・用済み後は裁断してください。</p>\
         <table><tr><th>番号<th>氏名・住所・電話<th>検知の理由・いまの段階<th>連絡先（順）</tr>",
        Date::of(now).wareki(),
        t.hour,
        t.minute,
        rows.len()
    );
    for row in rows {
        let contacts: Vec<String> = row.contacts.iter().map(|c| escape(c)).collect();
        page.push_str(&format!(
            "<tr><td>{}<td>{}<br>{}<br>{}<td>{}<br>{}<td>{}</tr>",
            escape(&row.number),
            escape(&row.name),
            escape(&row.address),
            escape(&row.phones),
            escape(&row.reason),
            escape(row.step),
            contacts.join("<br>")
        ));
    }
    page.push_str("</table></html>");
    page
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
