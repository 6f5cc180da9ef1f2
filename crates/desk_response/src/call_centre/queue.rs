//! 対応一覧: who is next. Rows are ordered by their limit; the list swaps itself when something changed and holds links
//! only, so that nothing a finger is about to press jumps away.

use access::Witnesses;
use axum::extract::State;
use base::wareki::Date;
use base::{Ctx, Instant, Span};
use db::Tx;
use maud::{Markup, html};
use page::components::{
    Figure, State as Tone, Table, chip, due, empty, figures, length, notice, since, sound_button, tel_button, too_many,
};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::CityOf;
use response::{Case, CaseAlert, Condition, Listed, QueueRow, Step, UnreadableCase, Wallboard};
use watch::Rule;

use crate::verbs::Look;

/// A limit is near from here on.
pub(crate) const NEAR: Span = Span::minutes(2);

/// Rows beside a case; the whole list is one touch away.
const BESIDE: usize = 8;

pub(crate) struct Queue {
    pub rows: Vec<QueueRow>,
    pub all: usize,
    pub unreadable: Vec<UnreadableCase>,
    /// Alerts whose case could not be opened.
    pub without_case: usize,
    of_cities: Vec<CityOf>,
    pub board: Wallboard,
    pub me: uuid::Uuid,
    /// Somebody waits to be taken among those not in `rows`.
    alarm: bool,
}

/// The queue and the day's figures, with everybody on it.
pub(crate) fn read(ctx: &Ctx, tx: &mut dyn Tx, seen: &mut Witnesses) -> Result<Queue, Problem> {
    let today = Date::of(ctx.now);
    tx.ahead(&[&|tx| drop(watch::unanswered_count(tx)), &|tx| drop(response::wallboard(ctx, tx, today))]);
    let Listed { rows, total: all, unreadable } = seen.take(response::queue(ctx, tx)?);
    let without_case = watch::unanswered_count(tx)?;
    let of_cities = if without_case == 0 {
        vec![]
    } else {
        let persons = watch::unanswered_persons(tx)?;
        people::cities_of(tx, &persons)?
    };
    let board = response::wallboard(ctx, tx, today)?;
    Ok(Queue { rows, all, unreadable, without_case, of_cities, board, me: ctx.actor.id, alarm: false })
}

/// The beginning of the queue, for the side of a case: who is not shown is not in the look either.
pub(crate) fn read_beside(ctx: &Ctx, tx: &mut dyn Tx, seen: &mut Witnesses) -> Result<Queue, Problem> {
    let mut read_here = Witnesses::default();
    let mut queue = read(ctx, tx, &mut read_here)?;
    queue.alarm = queue.rows.iter().skip(BESIDE).any(untaken);
    queue.rows.truncate(BESIDE);
    let unreadable = |person| queue.unreadable.iter().any(|case| case.person == Some(person));
    read_here.retain(|person| queue.rows.iter().any(|row| row.case.person == person) || unreadable(person));
    seen.extend(read_here.into_vec());
    Ok(queue)
}

async fn look(site: &Site, visitor: &Visitor) -> Result<Queue, Problem> {
    let look = |ctx: &Ctx, tx: &mut dyn Tx| {
        let mut seen = Witnesses::default();
        let queue = read(ctx, tx, &mut seen)?;
        Ok(Seen::of(queue, seen))
    };
    visitor.look(site, Look::Queue, look).await
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    query: axum::extract::RawQuery,
) -> Result<Markup, Problem> {
    let queue = look(&site, &visitor).await?;
    let closed = query.0.as_deref() == Some("done=closed");
    Ok(frame.page("次に対応する方").live("/live/cases", 20).body(html! {
        @if closed {
            (notice(Tone::Confirmed, "案件を解消しました", html! { p { "見守りは再開しています。" a href="/reviews" { "振り返りを記録する" } } }))
        }
        div.buttons { (sound_button()) a.btn.is-small href="/incoming" { span { "着信を番号で探す" } } }
        (wide(&queue, frame.now))
    }))
}

pub async fn fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    Ok(wide(&look(&site, &visitor).await?, frame.now))
}

pub async fn aside_fragment(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let look = |ctx: &Ctx, tx: &mut dyn Tx| {
        let mut seen = Witnesses::default();
        let queue = read_beside(ctx, tx, &mut seen)?;
        Ok(Seen::of(queue, seen))
    };
    let queue = visitor.look(&site, Look::Queue, look).await?;
    Ok(narrow(&queue, None, frame.now))
}

/// Figures and the table of all open cases.
fn wide(queue: &Queue, now: Instant) -> Markup {
    let headings = ["期限", "氏名", "理由", "段階", "担当"];
    let mut table = Table::new("対応中の案件（期限の順）", &headings);
    for row in &queue.rows {
        let cells = vec![
            limit(row, now),
            html! { a.person-name href={ "/cases/" (row.case.id) } { (row.name.expose()) } div.soft { (row.town) } },
            html! { (reason(row)) div.soft { "検知 " (since(row.case.opened_at, now)) } },
            html! { (step(&row.case, now)) div { (row.next_words) } },
            holder(row, queue.me),
        ];
        table = if untaken(row) { table.alarm_row(cells) } else { table.row(cells) };
    }
    html! {
        section #queue.stack hx-get="/cases/fragment" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="対応一覧" aria-live="polite" {
            (strip(queue))
            (in_trouble(queue, now))
            @if queue.rows.is_empty() && queue.unreadable.is_empty() && queue.without_case == 0 {
                (empty("いま対応が必要な方はいません", "新しいアラートが入ると、この一覧に自動で表示され、音が鳴ります。"))
            } @else {
                @if !queue.rows.is_empty() { (table) }
                @if queue.all > queue.rows.len() + queue.unreadable.len() {
                    (too_many(queue.rows.len(), queue.all, "期限の早い順です。解消すると次が表示されます。"))
                }
            }
        }
    }
}

/// What nobody can work here and nobody may overlook: cases that cannot be read, alerts that have no case.
fn in_trouble(queue: &Queue, now: Instant) -> Markup {
    html! {
        @if queue.without_case > 0 {
            div data-alarm { (notice(Tone::NeededNow, "案件を開けないアラートがあります", html! {
                p { (queue.without_case) "件。市の「期限超過」の一覧に氏名と理由が表示されています。市に電話し、安否の確認を決めてください。" a href="/overdue" { "一覧を開く" } }
                (cities(&queue.of_cities))
            })) }
        }
        (unreadable(&queue.unreadable, now))
    }
}

/// The cities with the telephone of the office that is to act.
pub(crate) fn cities(cities: &[CityOf]) -> Markup {
    html! {
        @for one in cities {
            p {
                (one.city) " " (one.count) "件"
                @if let Some(office) = &one.office { "（" (office.name) "）" }
            }
            @for phone in one.office.iter().filter_map(|office| office.phone.as_ref()) {
                div.buttons { (tel_button(&format!("{}に電話", one.city), &phone.shown(), false)) }
            }
        }
    }
}

/// 「読み取れない案件」, with what is left of each.
pub(crate) fn unreadable(cases: &[UnreadableCase], now: Instant) -> Markup {
    html! {
        @for case in cases {
            div data-alarm { (notice(Tone::NeededNow, "読み取れない案件", html! {
                p {
                    strong.person-name { (case.name.expose()) }
                    @if let Some(number) = case.number { "　受付番号 " (number) }
                    @if let Some(at) = case.opened_at { "　検知 " (since(at, now)) }
                }
                div.buttons { @for phone in &case.phones { (tel_button("本人に電話", &phone.shown(), true)) } }
                p.soft { (case.address.expose()) }
                p { "この案件は画面で進められません。市に伝わっています。電話か訪問で本人の安否を確認し、システム管理者に連絡してください。" }
            })) }
        }
    }
}

/// The same beside a case: cards, the one that is open marked.
pub(crate) fn narrow(queue: &Queue, open: Option<base::CaseId>, now: Instant) -> Markup {
    html! {
        section #queue.queue.stack hx-get="/cases/aside" hx-trigger="sse:changed" hx-swap="outerHTML" hx-target="this"
            aria-label="対応一覧" {
            h2 { "対応一覧 " span.count { (queue.all) "件" } }
            (in_trouble(queue, now))
            @if queue.rows.is_empty() && queue.unreadable.is_empty() && queue.without_case == 0 { (empty("対応中の方はいません", "")) }
            ol {
                @for row in &queue.rows {
                    li class={ "card" @if untaken(row) { " is-needed" } } data-alarm[untaken(row)] {
                        p.queue-head { (limit(row, now)) (step(&row.case, now)) }
                        p { a.person-name href={ "/cases/" (row.case.id) } aria-current=[(open == Some(row.case.id)).then_some("page")] {
                            (row.name.expose())
                        } " " span.soft { (row.town) } }
                        p.queue-reason { (reason(row)) }
                        p.soft { (holder(row, queue.me)) }
                    }
                }
            }
            // The alarm goes on for those that are not shown here, too.
            @if queue.all > queue.rows.len() + queue.unreadable.len() {
                p data-alarm[queue.alarm] { a href="/cases" { "ほか" (queue.all - queue.rows.len()) "件を見る" } }
            }
        }
    }
}

fn strip(queue: &Queue) -> Markup {
    let b = &queue.board;
    let share = b.within_60;
    let share_state = share.filter(|s| *s < response::MARK_60).map(|_| Tone::NearLimit);
    let overdue = (b.overdue > 0).then_some(Tone::NeededNow);
    figures(
        "きょうの状況",
        &[
            Figure {
                label: "受付待ち",
                value: b.waiting.to_string(),
                hint: "",
                href: None,
                state: (b.waiting > 0).then_some(Tone::NeededNow),
            },
            Figure {
                label: "60秒以内の受付",
                value: percent(share),
                hint: "目標 97.5%",
                href: Some("/wallboard"),
                state: share_state,
            },
            Figure {
                label: "期限超過",
                value: b.overdue.to_string(),
                hint: "",
                href: Some("/overdue"),
                state: overdue,
            },
            Figure { label: "自分の担当", value: b.mine.to_string(), hint: "", href: None, state: None },
        ],
    )
}

/// 「97.5%」; a dash for the ear and the eye where nothing was counted yet.
pub(crate) fn percent(share: Option<f64>) -> String {
    // Rounded down: 97.49 is below the mark of 97.5 and must not look as if it were not.
    share.map_or("－".to_owned(), |s| {
        let tenths = (s * 1000.0 + 1e-9).floor() as i64;
        if tenths % 10 == 0 { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
    })
}

pub(crate) fn untaken(row: &QueueRow) -> bool {
    row.case.holder.is_none()
}

/// The limit, or when to try again where that comes first.
pub(crate) fn limit(row: &QueueRow, now: Instant) -> Markup {
    html! {
        @match row.case.due_at {
            Some(at) => { (due(at, now, NEAR)) },
            None => { span.soft { "期限なし" } },
        }
    }
}

fn reason(row: &QueueRow) -> Markup {
    html! { (urgency(&row.case, &[])) (row.case.reason) }
}

/// What makes a case urgent, in red: its own rule, or that of an alert that joined it.
pub(crate) fn urgency(case: &Case, joined: &[CaseAlert]) -> Markup {
    let calls = |rule: &Rule| rule.is_call_for_help();
    let rule = std::iter::once(case.rule).chain(joined.iter().map(|alert| alert.rule)).find(calls);
    html! { @if case.urgent { (chip(Tone::NeededNow, rule.map_or("急ぎの呼び出し", Rule::ja))) " " } }
}

/// The step as a chip; red only where a person must act and nobody does.
pub(crate) fn step(case: &Case, now: Instant) -> Markup {
    let state = &case.state;
    let ill = matches!(state, response::State::Reported { condition: Condition::Unwell, .. });
    let tone = match state.step() {
        Step::Detected => Tone::NeededNow,
        _ if case.overdue(now) || ill => Tone::NeededNow,
        Step::Ambulance | Step::NobodyAnswers => Tone::NeededNow,
        Step::Reported => Tone::NearLimit,
        Step::Resolved | Step::Reviewed => Tone::Done,
        _ => Tone::InProgress,
    };
    let wait = case.wait_until.filter(|t| *t > now);
    html! {
        (chip(tone, state.step().ja()))
        @if let Some(until) = wait { " " span.soft { "次の架電まで" (length(until - now)) } }
    }
}

fn holder(row: &QueueRow, me: uuid::Uuid) -> Markup {
    html! {
        @match (&row.case.holder, &row.holder_name) {
            (Some(id), _) if id.0 == me => { strong { "自分" } },
            (Some(_), Some(name)) => { (name.expose()) },
            _ => { (chip(Tone::NeededNow, "担当なし")) },
        }
    }
}
