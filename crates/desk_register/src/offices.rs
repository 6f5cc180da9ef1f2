//! 事業所: the list, one office with its staff, and the form. No resident is on these pages.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::OfficeId;
use base::wareki::Date;
use maud::{Markup, html};
use page::components::{State as Tone, Table, chip, definitions, empty, link_button, pager, select_field, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use people::{Office, OfficeFacts, OfficeKind, Revision, Staff, StaffState};

use super::resident_fields::day;
use super::{Asked, OFFICE, again, asked};

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/offices", OFFICE, list),
        Door::plain("/offices/new", OFFICE, new_page),
        Door::command("/offices", OFFICE, register),
        Door::plain("/offices/{office}", OFFICE, office_page),
        Door::plain("/offices/{office}/edit", OFFICE, edit_page),
        Door::command("/offices/{office}", OFFICE, revise),
    ]
}

async fn list(State(site): State<Site>, frame: Frame, query: Asked) -> Result<Markup, Problem> {
    let kind = OfficeKind::from_key(asked(&query, "kind"));
    let page: usize = asked(&query, "page").parse().unwrap_or(0);
    let offices = site.db().read(move |tx| people::offices(tx, kind)).await?;
    let first = page.saturating_mul(base::limits::LIST_ROWS);
    let shown: Vec<&Office> = offices.iter().skip(first).take(base::limits::LIST_ROWS).collect();
    let address = |page: usize| format!("/offices?kind={}&page={page}", kind.map_or("", OfficeKind::key));
    let before = page.checked_sub(1).map(address);
    let after = (first + shown.len() < offices.len()).then(|| address(page + 1));
    let mut kinds = vec![("", "すべての種別")];
    kinds.extend(options!(OfficeKind));
    Ok(frame.page("事業所と職員").body(html! {
        form.stack.card method="get" action="/offices" {
            (select_field("kind", "種別", &kinds, kind.map_or("", OfficeKind::key), None))
            (submit("表示する"))
        }
        (link_button("/offices/new", "新しい事業所を登録"))
        @if shown.is_empty() {
            (empty("この種別の事業所はまだ登録されていません", "「新しい事業所を登録」から登録してください。"))
        } @else {
            (offices_table(&shown))
            (pager(before.as_deref(), after.as_deref(), &format!("{}件中 {}〜{}件目", offices.len(), first + 1, first + shown.len())))
        }
    }))
}

fn offices_table(offices: &[&Office]) -> Markup {
    let mut table = Table::new("事業所の一覧", &["事業所名", "種別", "電話", "施設責任者"]);
    for office in offices {
        table = table.row(vec![
            html! { a href={ "/offices/" (office.id) } { (office.name) } },
            html! { (office.kind.ja()) },
            html! { (office.phone.as_ref().map(|p| p.shown()).unwrap_or_default()) },
            html! { (office.responsible) },
        ]);
    }
    html! { (table) }
}

async fn office_page(State(site): State<Site>, frame: Frame, Named(id): Named<OfficeId>) -> Result<Markup, Problem> {
    let found = site
        .db()
        .read(move |tx| Ok::<_, people::PeopleError>((people::office(tx, id)?, people::staff_of_office(tx, id)?)));
    let (office, staff) = found.await?;
    Ok(frame.page(&office.name).body(html! {
        (definitions(&facts(&office)))
        (link_button(&format!("/offices/{id}/edit"), "訂正する"))
        section.stack {
            h2 { "職員" }
            @if staff.is_empty() { (empty("職員はまだ登録されていません", "「職員を登録」から登録してください。")) }
            @else { (staff_table(&staff)) }
            (link_button(&format!("/offices/{id}/staff/new"), "職員を登録"))
        }
        (link_button("/offices", "事業所の一覧へ"))
    }))
}

fn facts(o: &Office) -> Vec<(&'static str, Markup)> {
    let mut facts = vec![
        ("種別", html! { (o.kind.ja()) }),
        ("電話", or_unset(o.phone.as_ref().map(|p| p.shown()).unwrap_or_default())),
        ("FAX", html! { (o.fax.as_ref().map_or(String::from("なし"), |p| p.shown())) }),
        ("メール", html! { (o.email.as_ref().map_or("なし", |e| e.expose())) }),
        ("所在地", or_unset(o.address.clone())),
        ("施設責任者", or_unset(o.responsible.clone())),
        ("誓約書日", or_unset(day(o.pledged_on))),
    ];
    if !o.city_code.is_empty() {
        facts.push(("市区町村コード", html! { (o.city_code) }));
    }
    if !o.areas.is_empty() {
        facts.push(("担当する日常生活圏域", html! { (o.areas.join("、")) }));
    }
    facts
}

/// Not unknown to anybody, only not entered.
pub fn or_unset(text: String) -> Markup {
    html! { @if text.is_empty() { span.soft { "未登録" } } @else { (text) } }
}

fn staff_table(staff: &[Staff]) -> Markup {
    let mut table = Table::new("職員の一覧", &["氏名", "職種", "区分", "状態"]);
    for member in staff {
        table = table.row(vec![
            html! { a href={ "/staff/" (member.id) } { (member.name.expose()) } },
            html! { (member.profession.ja()) },
            html! { (member.role.ja()) },
            staff_state(member.state),
        ]);
    }
    html! { (table) }
}

pub fn staff_state(state: StaffState) -> Markup {
    let tone = match state {
        // The ordinary state needs no colour.
        StaffState::Active => return html! { (state.ja()) },
        StaffState::Applied => Tone::InProgress,
        StaffState::Suspended => Tone::NearLimit,
        StaffState::Retired => Tone::Done,
    };
    chip(tone, state.ja())
}

async fn new_page(frame: Frame) -> Markup {
    form_page(&frame, None, &Draft::default())
}

async fn edit_page(State(site): State<Site>, frame: Frame, Named(id): Named<OfficeId>) -> Result<Markup, Problem> {
    let o = site.db().read(move |tx| people::office(tx, id)).await?;
    let mut pairs = vec![
        ("name", o.name.clone()),
        ("kind", o.kind.key().to_owned()),
        ("address", o.address.clone()),
        ("city_code", o.city_code.clone()),
        ("areas", o.areas.join("\n")),
        ("responsible", o.responsible.clone()),
        ("pledged_on", day(o.pledged_on)),
        ("version", o.version.to_string()),
    ];
    pairs.extend(o.phone.iter().map(|p| ("phone", p.shown())));
    pairs.extend(o.fax.iter().map(|p| ("fax", p.shown())));
    pairs.extend(o.email.iter().map(|e| ("email", e.expose().to_owned())));
    Ok(form_page(&frame, Some(id), &Draft::on_record(pairs)))
}

fn form_page(frame: &Frame, office: Option<OfficeId>, draft: &Draft) -> Markup {
    let url = office.map_or("/offices".to_owned(), |id| format!("/offices/{id}"));
    let kind = OfficeKind::from_key(draft.value("kind"));
    frame.page(if office.is_some() { "事業所の訂正" } else { "新しい事業所の登録" }).body(html! {
        (draft.summary())
        form.stack.card method="post" action=(url) {
            (draft.text("name", "事業所名").required())
            @match (office, kind) {
                // What its staff may see hangs on the kind: it stays.
                (Some(_), Some(kind)) => {
                    input type="hidden" name="kind" value=(kind.key());
                    p { "種別：" (kind.ja()) span.soft { "（変えられません。種別が違う場合は、新しく登録してください）" } }
                },
                _ => (draft.select("kind", "種別", &options!(OfficeKind), Some("選んでください")).required()),
            }
            (draft.tel("phone", "電話番号"))
            (draft.tel("fax", "FAX番号"))
            (draft.email("email", "メールアドレス"))
            (draft.text("address", "所在地"))
            (draft.number("city_code", "市区町村コード").hint("期限を過ぎた案件や訪問の依頼は、この市の担当に届きます。").required_for("市の部署・民生委員では必須"))
            (draft.area("areas", "担当する日常生活圏域", 3).hint("1行に一つずつ入力してください。").required_for("地域包括支援センターでは必須"))
            (draft.text("responsible", "施設責任者"))
            (draft.date("pledged_on", "誓約書日").hint("情報の取り扱いについての誓約書をいただいた日"))
            @if office.is_some() { (draft.revision()) }
            (submit("登録する"))
        }
        (link_button(&url, "やめる"))
    })
}

async fn register(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = match OfficeFacts::parse(&form, Date::of(frame.now)) {
        Ok(facts) => facts,
        Err(errors) => return Ok(form_again(&frame, None, Draft::typed(form).wrong(errors))),
    };
    let done = visitor
        .command(&site, people::Verb::RegisterOffice, move |ctx, tx| Ok(people::register_office(ctx, tx, &facts)?))
        .await;
    match done {
        Ok(id) => Ok(Redirect::to(&format!("/offices/{id}")).into_response()),
        Err(Problem::Refused(why)) => Ok(form_again(&frame, None, Draft::typed(form).refused(why))),
        Err(other) => Err(other),
    }
}

async fn revise(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<OfficeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = OfficeFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match (facts, Revision::parse(&form)) {
        (Ok(facts), Ok(revision)) => (facts, revision),
        (facts, revision) => {
            let draft = Draft::typed(form).wrong(facts.err().unwrap_or_default());
            let draft = draft.wrong(revision.err().unwrap_or_default());
            return Ok(form_again(&frame, Some(id), draft));
        }
    };
    let done = visitor
        .command(&site, people::Verb::ReviseOffice, move |ctx, tx| {
            Ok(people::revise_office(ctx, tx, id, &facts, &revision).map(drop)?)
        })
        .await;
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/offices/{id}")).into_response()),
        Err(Problem::Refused(why)) => Ok(form_again(&frame, Some(id), Draft::typed(form).refused(why))),
        Err(other) => Err(other),
    }
}

fn form_again(frame: &Frame, id: Option<OfficeId>, draft: Draft) -> Response {
    again(&draft, form_page(frame, id, &draft))
}
