//! The list of requests, and the one visit: address first, then why, the way in, one button for the next step, the
//! report, and the ambulance always at the bottom.

use access::Witnesses;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use base::wareki::Date;
use base::{Ctx, Instant, StaffId, VisitId};
use db::Tx;
use form::Refusal;
use maud::{Markup, html};
use page::address;
use page::components::{
    Action, Field, State as Tone, chip, choice_grid, due, empty, error_summary, link_button, map_link, notice, refusal,
    since, tel_button,
};
use page::frame::Frame;
use page::live::Channel;
use page::named::id;
use page::problem::Problem;
use page::site::Site;
use page::typed::Typed;
use page::visitor::{Seen, Visitor};
use parts::case::{ambulance_form, closure_form, consult_form, doctors};
use parts::head::Head;
use parts::home::way_in;
use parts::story::told;
use parts::visit::{conditions, tone};
use response::{Cause, Condition, State as CaseState, VisitRow, VisitSheet, VisitState};

use super::photos;
use crate::verbs::Look;

pub async fn list(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let rows = read_list(&site, &visitor).await?;
    Ok(frame.page("訪問の依頼").live(channel(&visitor), 30).body(rows_shown(&rows, frame.now)))
}

/// Where a visitor hears of visits.
fn channel(visitor: &Visitor) -> &'static str {
    let heard = Channel::of(visitor.role());
    if heard.contains(&Channel::Notebook) { Channel::Notebook.path() } else { Channel::Family.path() }
}

pub async fn list_fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(rows_shown(&read_list(&site, &visitor).await?, frame.now))
}

async fn read_list(site: &Site, visitor: &Visitor) -> Result<Vec<VisitRow>, Problem> {
    visitor.look(site, Look::Visits, |ctx, tx| Ok(response::visits_for(ctx, tx)?.into())).await
}

fn rows_shown(rows: &[VisitRow], now: Instant) -> Markup {
    html! {
        section #visits.stack hx-get="/visits/fragment" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="訪問の依頼" aria-live="polite" {
            @if rows.is_empty() { (empty("いま訪問の依頼はありません", "依頼が入ると、この画面に表示されます。")) }
            @for row in rows {
                div.card {
                    p { (chip(tone(row.visit.state), row.visit.state.ja())) " "
                        @if row.visit.state == VisitState::Requested { @if let Some(at) = row.case.as_ref().and_then(|case| case.due_at) { "返事の期限 " (due(at, now, base::Span::minutes(5))) } } }
                    @if let Some(colleague) = &row.colleague { p { (colleague.expose()) "さんが引き受けています" } }
                    p.lead { strong { (row.address.expose()) } }
                    p { (row.name.expose()) "さん　" span.soft { "依頼 " (since(row.visit.asked_at, now)) } }
                    @match &row.case {
                        Some(case) => {
                            p { (case.reason) }
                            (link_button(&format!("/visits/{}", row.visit.id), "開く"))
                        },
                        None => p { strong { "案件の記録を読み取れません。依頼は続いています。" } " 様子の報告は、電話でコールセンターにお願いします。" },
                    }
                }
            }
        }
    }
}

/// One visit with what its reader may do beyond reporting.
struct Door {
    sheet: VisitSheet,
    head: Head,
    doctors: Option<Vec<(StaffId, String)>>,
    /// What doctors were asked about this case and answered, for those who share the notebook; newest first.
    questions: Vec<care::Note>,
    causes: Vec<Cause>,
    case_page: bool,
}

pub async fn visit(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Path(visit): Path<String>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, id(&visit)?, &Typed::default()).await
}

/// The page again, with what was typed and why it did not go.
pub(crate) async fn again(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    visit: VisitId,
    typed: Typed,
) -> Result<Response, Problem> {
    let status = typed.status();
    match shown(site, visitor, frame, visit, &typed).await {
        Ok(page) => Ok((status, page).into_response()),
        Err(problem) => match typed.wrong() {
            Some(why) if why.field.is_none() => Err(Problem::Refused(why.clone())),
            _ => Err(problem),
        },
    }
}

async fn shown(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    visit: VisitId,
    typed: &Typed,
) -> Result<Markup, Problem> {
    let door = visitor
        .look(site, Look::Visit, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let door = read(ctx, tx, visit, &mut seen)?;
            Ok(Seen::of(door, seen))
        })
        .await?;
    Ok(frame.page("訪問").heading_hidden().listens(channel(visitor)).body(body(&door, typed, frame.now)))
}

/// The live part: asks whether this reader may still see the visit, and says so where it went on without them. What is
/// being typed stays.
pub async fn fragment(
    State(site): State<Site>,
    visitor: Visitor,
    Path(visit): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Markup, Problem> {
    let visit: VisitId = id(&visit)?;
    let seen = query.as_deref().and_then(|q| q.strip_prefix("seen=")).map(str::to_owned);
    let sheet =
        visitor.look(&site, Look::VisitPart, move |ctx, tx| Ok(response::visit_sheet(ctx, tx, visit)?.into())).await?;
    Ok(still(&sheet, &seen.unwrap_or_else(|| stands(&sheet))))
}

/// How the visit stands for its reader, as the page that shows it says it again when it asks for news.
fn stands(sheet: &VisitSheet) -> String {
    let colleague = if sheet.colleague.is_some() { ".colleague" } else { "" };
    format!("{}{colleague}", sheet.visit.state.key())
}

/// Nothing while the page shows what is; a right may also end without a word to whoever lost it, so it asks by itself.
fn still(sheet: &VisitSheet, seen: &str) -> Markup {
    let (visit, stands) = (&sheet.visit, stands(sheet));
    html! {
        div #visit-now aria-live="polite" hx-get={ "/visits/" (visit.id) "/fragment?seen=" (seen) }
            hx-trigger="sse:changed, every 30s" hx-swap="outerHTML" hx-target="this" {
            @if stands != seen {
                @if let Some(colleague) = sheet.colleague.as_ref().filter(|_| visit.state.open()) {
                    @let instead = if was_mine(seen) { "代わりに" } else { "" };
                    @let title = match visit.state {
                        VisitState::OnTheWay => format!("{}さんが{instead}向かっています", colleague.expose()),
                        _ => format!("{}さんが{instead}引き受けています", colleague.expose()),
                    };
                    (notice(Tone::NearLimit, &title, html! { p { "報告は引き受けた方が行います。" } (renew(visit.id)) }))
                } @else { p { (chip(tone(visit.state), visit.state.ja())) " " (renew(visit.id)) } }
            }
        }
        // What the page still offers would be refused.
        @if stands != seen {
            @if sheet.colleague.is_some() { div #visit-report hx-swap-oob="true" {} }
            (next_touch(sheet, true))
        }
    }
}

fn renew(visit: VisitId) -> Markup {
    html! { a.btn.is-small href=(address::visit(visit)) { span { "新しい動きがあります。画面を更新" } } }
}

/// Whether the page of a reader who had said that they go, as it said it in `seen`.
fn was_mine(seen: &str) -> bool {
    [VisitState::Accepted, VisitState::OnTheWay, VisitState::Arrived].iter().any(|state| state.key() == seen)
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, visit: VisitId, seen: &mut Witnesses) -> Result<Door, Problem> {
    let sheet = seen.take(response::visit_sheet(ctx, tx, visit)?);
    let (case, person) = (&sheet.case, sheet.visit.person);
    let may = response::may(ctx, tx, case);
    let doctors = if may.consult { Some(doctors(ctx, tx, person, seen)?) } else { None };
    let mut questions = Vec::new();
    if may.read {
        for note in response::consultation_notes(ctx, tx, case.id)? {
            questions.push(seen.take(care::note(ctx, tx, note)?));
        }
    }
    Ok(Door {
        head: Head::of(&sheet.person, &sheet.home, Date::of(ctx.now)),
        doctors,
        questions,
        causes: if may.close { response::causes_now(tx, case)? } else { vec![] },
        case_page: may.outcome,
        sheet,
    })
}

fn body(door: &Door, typed: &Typed, now: Instant) -> Markup {
    let sheet = &door.sheet;
    let (visit, home) = (&sheet.visit, &sheet.home);
    let position = home.lat.zip(home.lon);
    html! {
        div.stack.visit {
            (still(sheet, &stands(sheet)))
            @if let Some(colleague) = sheet.colleague.as_ref().filter(|_| visit.state.open()) {
                (notice(Tone::InProgress, &format!("{}さんが引き受けています", colleague.expose()), html! {
                    @if visit.state == VisitState::Arrived { p { "到着しています。報告は引き受けた方が行います。" } }
                    @else { p { "報告は引き受けた方が行います。代わりに行くときは「代わりに向かいます」を押してください。" } }
                }))
            }
            p.lead { strong { (map_link(home.address().expose(), position)) } }
            (door.head.large())
            (wrong(typed))
            section.card aria-label="依頼" {
                p { (chip(tone(visit.state), visit.state.ja())) " " span.soft { "依頼 " (since(visit.asked_at, now)) } }
                p.lead { (sheet.case.reason) }
                @if !visit.note.expose().is_empty() { p { "伝言：" strong { (visit.note.expose()) } } }
                p.soft { "受付番号 " (sheet.case.number) "　検知 " (since(sheet.case.opened_at, now)) }
            }
            section.card aria-labelledby="way-in" {
                h2 id="way-in" { "入り方と留意点" }
                (way_in(&sheet.person, home, &keys(sheet)))
            }
            @let open = visit.state.open() && sheet.case.open();
            div #visit-report { @if open && sheet.colleague.is_none() { (report(door, typed)) } }
            @if !open { (reported(door)) }
            (pictures(door, typed, now))
            @if sheet.case.open() { (afterwards(door, typed, now)) }
            (people_to_call(door))
            (so_far(door, now))
            @if sheet.case.open() { (ambulance_form(&sheet.case, typed, &visit.id.to_string())) (what_to_say(door)) }
            (next_touch(sheet, false))
        }
    }
}

fn wrong(typed: &Typed) -> Markup {
    html! {
        @match typed.wrong() {
            Some(Refusal { field: Some(field), words, .. }) => { (error_summary(&[(field, words)])) },
            Some(why) => { (refusal(&why.words, &[("/visits", "訪問の一覧へ")])) },
            None => {},
        }
    }
}

fn keys(sheet: &VisitSheet) -> Vec<&people::Contact> {
    sheet.contacts.iter().filter(|c| c.has(people::ContactRole::KeyHolder)).collect()
}

/// The one button of the moment, within the thumb's reach; `oob`: in the place of the one the open page has.
fn next_touch(sheet: &VisitSheet, oob: bool) -> Markup {
    let oob = oob.then_some("true");
    match touches(sheet) {
        Some(buttons) => html! { div.action-bar #visit-touch hx-swap-oob=[oob] { (buttons) } },
        None => html! { div #visit-touch hx-swap-oob=[oob] {} },
    }
}

fn touches(sheet: &VisitSheet) -> Option<Markup> {
    let visit = &sheet.visit;
    let step = |step: &str, label: &'static str| {
        let url = format!("/visits/{}/{step}", visit.id);
        match step {
            "acceptance" | "substitution" => html! { (Action::post(&url, label)) },
            _ => html! { (Action::post(&url, label).primary()) },
        }
    };
    if !sheet.case.open() {
        return None;
    }
    if sheet.colleague.is_some() {
        let open = visit.state.open() && visit.state != VisitState::Arrived;
        return open.then(|| step("substitution", "代わりに向かいます"));
    }
    match visit.state {
        VisitState::Requested => Some(html! {
            (step("departure", "向かいます"))
            (step("acceptance", "承諾（あとで出発）"))
        }),
        VisitState::Accepted => Some(step("departure", "向かいます")),
        VisitState::OnTheWay => Some(step("arrival", "着きました")),
        VisitState::Arrived => Some(html! { a.btn.is-primary href="#report" { span { "様子を報告する" } } }),
        _ => None,
    }
}

/// Four large answers, the words with them. May come before 「着きました」.
fn report(door: &Door, typed: &Typed) -> Markup {
    let visit = &door.sheet.visit;
    let url = format!("/visits/{}/report", visit.id);
    html! {
        section.card #report aria-labelledby="report-title" {
            h2 id="report-title" { "様子の報告" }
            @if let Some(error) = typed.error("condition") { p.field-error id="condition" { (error) } }
            @if !typed.value("text").is_empty() { p.soft { "入力していた内容：" (typed.value("text")) } }
            (choice_grid(&url, "condition", "ご本人の様子を押すと報告されます", &conditions(), Some("text"), &[]))
            @if door.sheet.mine { p.soft { "写真は、報告したあとに送れます。" } }
            @if door.sheet.mine && visit.state != VisitState::Arrived {
                details {
                    summary { "行けません（辞退）" }
                    form.stack method="post" action={ "/visits/" (visit.id) "/refusal" } {
                        (Field::text("reason", "理由").value(typed.value("reason")))
                        button.btn type="submit" { span { "辞退する" small { "次の方に依頼します。この画面は見られなくなります" } } }
                    }
                }
            }
        }
    }
}

fn reported(door: &Door) -> Markup {
    let visit = &door.sheet.visit;
    html! {
        @if let Some(condition) = visit.condition {
            (notice(Tone::Confirmed, "報告しました", html! {
                p { strong { (condition.ja()) } @if !visit.report.expose().is_empty() { "：" (visit.report.expose()) } }
            }))
        } @else { (notice(Tone::Done, visit.state.ja(), html! { p { "この訪問は終わっています。" } })) }
    }
}

/// What was photographed, and room for more while the case is open.
fn pictures(door: &Door, typed: &Typed, now: Instant) -> Markup {
    let (visit, kept) = (&door.sheet.visit, &door.sheet.photos);
    let sends = door.sheet.mine && visit.state == VisitState::Reported && door.sheet.case.open();
    html! {
        @if sends || !kept.is_empty() {
            section.card.stack #photos aria-labelledby="photos-title" {
                h2 id="photos-title" { "訪問の写真" @if !kept.is_empty() { "（" (kept.len()) "枚）" } }
                (parts::photo::shown(&kept.iter().collect::<Vec<_>>(), now))
                @if sends { (photos::form(visit.id, kept.len(), typed)) }
            }
        }
    }
}

/// After the report: the doctor where somebody is ill, the end where it may be ended, else who goes on.
fn afterwards(door: &Door, typed: &Typed, now: Instant) -> Markup {
    let (sheet, case) = (&door.sheet, &door.sheet.case);
    if !matches!(case.state, CaseState::Reported { .. } | CaseState::Consultation { .. } | CaseState::Ambulance) {
        return html! {};
    }
    let question = match typed.value("question") {
        "" => question(door),
        typed => typed.to_owned(),
    };
    let waiting = matches!(case.state, CaseState::Consultation { answered: false, .. });
    let ill = matches!(case.state, CaseState::Reported { condition: Condition::Unwell, .. });
    html! {
        section.card aria-labelledby="after-title" {
            h2 id="after-title" { "このあと" }
            p.lead { (case.state.next_step()) @if let Some(at) = case.due_at { " " (due(at, now, base::Span::minutes(5))) } }
            @for note in &door.questions { (answers(note, now)) }
            @if let Some(doctors) = &door.doctors {
                @if waiting { p { "医師の回答を待っています。回答はこの画面と連絡帳に届きます。" } }
                @else if ill { (consult_form(case, doctors, typed, &question, &sheet.visit.id.to_string())) }
                @else {
                    details open[typed.error("question").is_some()] {
                        summary { "医療相談をする" }
                        (consult_form(case, doctors, typed, &question, &sheet.visit.id.to_string()))
                    }
                }
            }
            @if !door.causes.is_empty() {
                @if ill { details { summary { "対応が終わったら解消する" } (closure_form(case, &door.causes, typed)) } }
                @else { (closure_form(case, &door.causes, typed)) }
            }
            @if door.doctors.is_none() { p { "あとはコールセンターと担当ケアマネジャーが引き継ぎます。ありがとうございました。" } }
            @if door.case_page { p { a href=(address::case(case.id)) { "案件の全体を見る" } } }
        }
    }
}

/// The doctor's words where the visitor decides what to do next, and the way to the whole conversation.
fn answers(note: &care::Note, now: Instant) -> Markup {
    html! {
        @for reply in &note.replies {
            (notice(Tone::Confirmed, &format!("{}の回答", reply.by.role.ja()), html! {
                p { strong.pre { (reply.body.expose()) } }
                p.soft { (reply.by.name.expose()) "　" (since(reply.at, now)) }
            }))
        }
        p { a href=(address::note(note.id)) { "連絡帳の相談を開く" } }
    }
}

/// The report as the beginning of the question to the doctor.
fn question(door: &Door) -> String {
    let visit = &door.sheet.visit;
    let condition = visit.condition.map_or("", Condition::ja);
    let text = visit.report.expose();
    format!("【訪問の報告】{condition}{}{text}\n【ご相談】", if text.is_empty() { "" } else { "。" })
}

fn people_to_call(door: &Door) -> Markup {
    html! {
        section.card aria-labelledby="call-title" {
            h2 id="call-title" { "電話" }
            @for phone in &door.sheet.person.phones { (tel_button("本人", &phone.shown(), false)) " " }
            @for contact in &door.sheet.contacts {
                p { (contact.relation.ja()) " " (contact.name.expose()) }
                div.buttons { @for phone in &contact.phones { (tel_button(contact.relation.ja(), &phone.shown(), false)) } }
            }
        }
    }
}

fn so_far(door: &Door, now: Instant) -> Markup {
    html! { details { summary { "これまでの経過" } (told(&door.sheet.story, now)) } }
}

/// What the 119 operator asks, with the answers the page knows.
fn what_to_say(door: &Door) -> Markup {
    let sheet = &door.sheet;
    html! {
        section.card aria-labelledby="say-119" {
            h2 id="say-119" { "119番で伝えること" }
            ol.numbered {
                li { "「救急です」" }
                li { "住所：" strong { (sheet.home.address().expose()) } }
                li { (sheet.person.name.expose()) "さん、" (sheet.person.birth.wareki()) "生まれ" }
                li { "意識があるか、息をしているか、いつからどこが悪いか" }
                li { "あなたの名前と、かけている電話番号" }
            }
        }
    }
}
