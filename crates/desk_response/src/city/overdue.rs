//! 期限超過: cases whose limit is over, with what is asked of the reader. The city sees all; the others those they know.

use access::{Act, Witnesses};
use axum::extract::State;
use base::{CaseId, Ctx, Instant, Redacted, Role};
use db::Tx;
use maud::{Markup, html};
use page::components::{State as Tone, Table, empty, notice, since, sound_button, tel_button, too_many};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{CityOf, as_far_as_readable};
use response::{Listed, QueueRow, Step, UnreadableCase, not_readable};
use watch::Alert;

use super::left_out::{self, LeftOut};
use crate::call_centre::queue;
use crate::verbs::Look;

struct Overdue {
    rows: Vec<QueueRow>,
    all: usize,
    /// The cases whose page the reader may open.
    open: Vec<CaseId>,
    unreadable: Vec<UnreadableCase>,
    without_case: Vec<WithoutCase>,
    /// How many alerts without a case there are, whether the reader may know of whom or not.
    all_without_case: usize,
    /// The cities of those that are not in the list.
    of_cities: Vec<CityOf>,
    left_out: LeftOut,
    role: Role,
}

/// An alert whose case could not be opened, with what the register can say of its person.
struct WithoutCase {
    alert: Alert,
    name: Redacted<String>,
    phones: Vec<String>,
    address: String,
}

fn without_case(ctx: &Ctx, tx: &mut dyn Tx, seen: &mut Witnesses) -> Result<Vec<WithoutCase>, Problem> {
    let mut list = Vec::new();
    for alert in seen.take(watch::unanswered(ctx, tx)?) {
        // The register itself may be what cannot be read; the alert stands here all the same.
        let resident = as_far_as_readable(people::resident(ctx, tx, alert.person))?.map(|it| seen.take(it));
        let home = as_far_as_readable(people::home_of(ctx, tx, alert.person))?.map(|it| seen.take(it));
        let address = home.map(|home| home.address().into_exposed());
        let phones = resident.iter().flat_map(|r| &r.phones).map(|p| p.shown()).collect();
        let name = resident.map_or_else(not_readable, |r| r.name);
        list.push(WithoutCase { alert, name, phones, address: address.unwrap_or_default() });
    }
    Ok(list)
}

/// Whose alerts without a case the others are: each city with its telephone, and nobody's name.
fn cities_of_others(tx: &mut dyn Tx, shown: &[WithoutCase]) -> Result<Vec<CityOf>, Problem> {
    let mut others = watch::unanswered_persons(tx)?;
    others.retain(|person| shown.iter().all(|one| one.alert.person != *person));
    Ok(people::cities_of(tx, &others)?)
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let found = read(&site, &visitor).await?;
    let page = frame.page("期限を過ぎた案件");
    let page = if visitor.role() == Role::CareManager {
        page.live("/live/notebook", 30)
    } else {
        page.live("/live/cases", 30)
    };
    Ok(page.body(html! { div.buttons { (sound_button()) } (shown(&found, frame.now)) }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(shown(&read(&site, &visitor).await?, frame.now))
}

async fn read(site: &Site, visitor: &Visitor) -> Result<Overdue, Problem> {
    let left_out = if visitor.role() == Role::CityOfficer { site.db().unreadable() } else { Vec::new() };
    let look = move |ctx: &Ctx, tx: &mut dyn Tx| {
        let mut seen = Witnesses::default();
        let left_out = left_out::read(ctx, tx, &left_out, &mut seen)?;
        let Listed { rows, total: all, .. } = seen.take(response::overdue(ctx, tx)?);
        let unreadable = seen.take(response::unreadable_cases(ctx, tx)?);
        let without_case = without_case(ctx, tx, &mut seen)?;
        let all_without_case = watch::unanswered_count(tx)?;
        let of_cities = cities_of_others(tx, &without_case)?;
        let persons: Vec<_> = rows.iter().map(|r| r.case.person).collect();
        let known = access::which(ctx, tx, Act::SeeCase, &persons);
        let open = rows.iter().filter(|row| known.contains(&row.case.person)).map(|row| row.case.id).collect();
        let role = ctx.actor.role;
        let overdue =
            Overdue { rows, all, open, unreadable, without_case, all_without_case, of_cities, left_out, role };
        Ok(Seen::of(overdue, seen))
    };
    visitor.look(site, Look::Overdue, look).await
}

fn shown(found: &Overdue, now: Instant) -> Markup {
    let headings = ["超過", "氏名", "理由", "段階・担当", "お願いしたいこと"];
    let mut table = Table::new("期限を過ぎた案件（古い順）", &headings);
    for row in &found.rows {
        let opens = found.open.contains(&row.case.id);
        let cells = vec![
            queue::limit(row, now),
            html! {
                @if opens { a.person-name href={ "/cases/" (row.case.id) } { (row.name.expose()) } }
                @else { span.person-name { (row.name.expose()) } }
                div.soft { (row.town) "　受付番号 " (row.case.number) }
            },
            html! { (row.case.reason) div.soft { "検知 " (since(row.case.opened_at, now)) } },
            html! { (queue::step(&row.case, now)) div { "担当 " @match &row.holder_name { Some(name) => { (name.expose()) }, None => { "なし" } } } },
            html! { (asked(found.role, row)) @if !opens { div.soft { "まだ詳しい内容は開示されていません。コールセンターにお電話ください。" } } },
        ];
        table = if queue::untaken(row) { table.alarm_row(cells) } else { table.row(cells) };
    }
    html! {
        section #overdue hx-get="/overdue/fragment" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="期限を過ぎた案件" aria-live="polite" {
            (shown_without_case(&found.without_case, now))
            @if found.all_without_case > found.without_case.len() {
                (notice(Tone::NeededNow, "案件を開けないアラートがあります", html! {
                    @let others = found.all_without_case - found.without_case.len();
                    @if found.role == Role::CityOfficer {
                        p { "ほかの市の方のアラートが" (others) "件あります。氏名と理由は、お住まいの市の画面に表示されています。" }
                    } @else {
                        p { (others) "件あります。氏名と理由は、お住まいの市の画面に表示されています。市の高齢福祉担当に電話し、安否の確認を決めてください。" }
                    }
                    (queue::cities(&found.of_cities))
                }))
            }
            (queue::unreadable(&found.unreadable, now))
            @if found.rows.is_empty() {
                @if found.all_without_case == 0 && found.unreadable.is_empty() { (empty("期限を過ぎた案件はありません", "期限を過ぎた案件があると、この一覧に自動で表示されます。")) }
            } @else {
                (table)
                @if found.all > found.rows.len() { (too_many(found.rows.len(), found.all, "超過の長い順です。")) }
            }
            (left_out::shown(&found.left_out))
        }
    }
}

fn shown_without_case(list: &[WithoutCase], now: Instant) -> Markup {
    let mut table =
        Table::new("案件を開けないアラート（古い順）", &["検知", "氏名・電話・住所", "理由", "お願いしたいこと"]);
    for one in list {
        table = table.alarm_row(vec![
            html! { (since(one.alert.raised_at, now)) },
            html! {
                span.person-name { (one.name.expose()) }
                div.buttons { @for phone in &one.phones { (tel_button("本人", phone, false)) } }
                @if !one.address.is_empty() { div.soft { (one.address) } }
            },
            html! { (one.alert.rule.ja()) div.soft { (one.alert.reason) } },
            html! {
                "アラートは記録されていますが、案件を開けません。本人に電話し、出ないときは訪問を手配してください。"
                div.soft { "台帳の住所・市・日常生活圏域と、コールセンターの登録を確かめてください。原因がなくなると、案件は自動で開きます。" }
            },
        ]);
    }
    html! { @if !list.is_empty() { (table) } }
}

/// What the reader's own office can do about it: the call centre works it, the others make sure that somebody does.
fn asked(role: Role, row: &QueueRow) -> &'static str {
    let step = row.case.state.step();
    match (role, step) {
        (Role::Operator, _) => row.next_words,
        (_, Step::Detected) => "コールセンターに電話し、受付されない理由を確かめてください。",
        (_, _) if row.case.holder.is_none() => "コールセンターに電話し、担当を決めてもらってください。",
        (_, Step::Taken | Step::CallingResident | Step::CallingContacts) => {
            "コールセンターに状況を確かめ、訪問の手配を決めてください。"
        }
        (_, Step::VisitRequested) => "向かう方を決めてください。見つからないときは職員の訪問をご検討ください。",
        (_, Step::OnTheWay | Step::Arrived) => "訪問する方に電話し、様子を確かめてください。",
        (_, Step::NobodyAnswers) => "警察・消防への開扉の依頼と立ち会いを決めてください。",
        (_, Step::Reported | Step::Consultation) => {
            "担当ケアマネジャーに、医師への相談と今後の対応を確かめてください。"
        }
        (_, Step::Ambulance) => "搬送先と家族への連絡を確かめてください。",
        (_, Step::Resolved | Step::Reviewed) => "することはありません。",
    }
}
