//! ケアチーム: who works together for one resident. Joining opens the record to them, leaving closes it at once.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::wareki::Date;
use base::{OfficeId, PersonId, StaffId};
use maud::{Markup, html};
use page::components::{Action, State as Tone, Table, chip, empty, guarded, ja_date, link_button, notice, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{Colleague, ConsentScope, ConsentState, Home, Office, Resident, Staff, StaffState, TeamPart};
use uuid::Uuid;

use super::heads::{Part, person_pages};
use super::new_resident::keeps;
use super::{Asked, OFFICE, READERS, Two, again, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/register/{person}/team", READERS, list),
        Door::look("/register/{person}/team/new", OFFICE, new_page),
        Door::command("/register/{person}/team", OFFICE, join),
        Door::command("/register/{person}/team/{membership}/end", OFFICE, leave),
    ]
}

struct Team {
    resident: Resident,
    home: Home,
    members: Vec<Colleague>,
    /// `None`: the record of it cannot be read.
    sharing: Option<ConsentState>,
    offices: Vec<Office>,
    /// Of the office that was chosen.
    candidates: Vec<Staff>,
}

async fn team(site: &Site, visitor: &Visitor, person: PersonId, office: Option<OfficeId>) -> Result<Team, Problem> {
    visitor
        .look(site, Look::RegisterTeam, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home = seen.take(people::home_of(ctx, tx, person)?);
            let members = seen.take(people::team(ctx, tx, person)?);
            let members = people::colleagues(tx, &members)?;
            let sharing = people::as_far_as_readable(people::consent_state(tx, person, ConsentScope::CareSharing))?;
            let offices = people::offices(tx, None)?;
            let candidates = match office {
                Some(office) => people::staff_of_office(tx, office)?,
                None => vec![],
            };
            let team = Team { resident, home, members, sharing, offices, candidates };
            Ok(Seen::of(team, seen))
        })
        .await
}

async fn list(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let team = team(&site, &visitor, person, None).await?;
    let keeps = keeps(&visitor);
    Ok(frame.page("ケアチーム").body(html! {
        (person_pages(&team.resident, &team.home, Date::of(frame.now), Part::Team))
        (sharing(&team))
        @if team.members.is_empty() {
            (empty("ケアチームの職員はまだいません", "主治医や担当ケアマネジャーを加えると、連絡帳と見守りを共有できます。"))
        } @else {
            (members_table(&team, keeps))
        }
        @if keeps && team.sharing.is_some_and(ConsentState::allows) {
            (link_button(&format!("/register/{person}/team/new"), "職員を加える"))
        }
    }))
}

fn sharing(team: &Team) -> Markup {
    let consents = format!("/register/{}/consents", team.resident.id);
    html! {
        @match team.sharing {
            None => (notice(Tone::NeededNow, "情報共有の同意の記録を読み取れません", html! {
                p { "同意があるかどうかを確かめられないため、職員を加えられません。システム管理者に連絡してください。" }
                (link_button(&consents, "同意を確かめる"))
            })),
            Some(state) if !state.allows() => (notice(Tone::NearLimit, "情報共有の同意がありません", html! {
                p { "「医療・介護の情報共有」の状態は「" (state.ja()) "」です。同意が記録されるまで、ケアチームの職員はこの方の情報を見られません。" }
                (link_button(&consents, "同意を確かめる"))
            })),
            Some(_) => {},
        }
    }
}

fn members_table(team: &Team, keeps: bool) -> Markup {
    let headings: &[&str] = if keeps {
        &["役割", "氏名", "事業所", "開始", "終了する"]
    } else {
        &["役割", "氏名", "事業所", "開始"]
    };
    let mut table = Table::new("ケアチームの職員", headings);
    for Colleague { member, staff, office } in &team.members {
        let mut cells = vec![
            html! { (member.part.ja()) },
            html! { (staff.name.expose()) @if staff.state != StaffState::Active { " " (chip(Tone::Unknown, staff.state.ja())) } },
            html! { (office.name) },
            html! { (ja_date(member.since)) },
        ];
        if keeps {
            let url = format!("/register/{}/team/{}/end", team.resident.id, member.membership.simple());
            let form = html! { (Action::post(&url, "チームから外す").danger()) };
            cells.push(guarded("外す", "この職員は、この方の情報をすぐに見られなくなります。", form));
        }
        table = table.row(cells);
    }
    html! { (table) }
}

async fn new_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    query: Asked,
) -> Result<Markup, Problem> {
    let team = team(&site, &visitor, person, asked(&query, "office").parse().ok()).await?;
    let draft = Draft::on_record(vec![("office", asked(&query, "office").to_owned())]);
    Ok(form_page(&frame, &team, &draft))
}

/// In two steps, so that it works without a script: the office, then its staff.
fn form_page(frame: &Frame, team: &Team, draft: &Draft) -> Markup {
    let base = format!("/register/{}/team", team.resident.id);
    let offices: Vec<(String, String)> =
        team.offices.iter().map(|o| (o.id.to_string(), format!("{}（{}）", o.name, o.kind.ja()))).collect();
    let offices: Vec<(&str, &str)> = offices.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let active = |s: &&Staff| s.state == StaffState::Active;
    let staff: Vec<(String, String)> = team
        .candidates
        .iter()
        .filter(active)
        .map(|s| (s.id.to_string(), format!("{}（{}）", s.name.expose(), s.profession.ja())))
        .collect();
    let staff: Vec<(&str, &str)> = staff.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    frame.page("ケアチームに職員を加える").body(html! {
        (person_pages(&team.resident, &team.home, Date::of(frame.now), Part::Team))
        (draft.summary())
        (sharing(team))
        form.stack.card method="get" action={ (base) "/new" } {
            h2 { "1. 事業所を選ぶ" }
            (draft.select("office", "事業所", &offices, Some("選んでください")))
            (submit("職員を表示する"))
        }
        @if !draft.value("office").is_empty() {
            form.stack.card method="post" action=(base) {
                h2 { "2. 職員と役割を選ぶ" }
                @if staff.is_empty() {
                    (empty("加えられる職員がいません", "この事業所には有効な職員が登録されていません。"))
                } @else {
                    input type="hidden" name="office" value=(draft.value("office"));
                    (draft.radio("staff", "職員", &staff))
                    (draft.radio("part", "この方のチームでの役割", &options!(TeamPart)))
                    p.soft { "加えた職員は、この方の連絡帳・医療情報の要約・見守りの様子を見られるようになります。" }
                    (submit("チームに加える"))
                }
            }
        }
        (link_button(&base, "ケアチームに戻る"))
    })
}

async fn join(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let (staff, part) = (form.one("staff").parse::<StaffId>().ok(), TeamPart::from_key(form.one("part")));
    let office = form.one("office").parse().ok();
    let mut draft = Draft::typed(form);
    if staff.is_none() {
        draft = draft.wrong_field("staff", "職員を選んでください。");
    }
    if part.is_none() {
        draft = draft.wrong_field("part", "役割を選んでください。");
    }
    if let (Some(staff), Some(part)) = (staff, part) {
        let done = visitor.command(&site, people::Verb::JoinTeam, move |ctx, tx| {
            Ok(people::join_team(ctx, tx, person, staff, part).map(drop)?)
        });
        match done.await {
            Ok(()) => return Ok(Redirect::to(&format!("/register/{person}/team")).into_response()),
            Err(Problem::Refused(why)) => draft = draft.refused(why),
            Err(other) => return Err(other),
        }
    }
    let team = team(&site, &visitor, person, office).await?;
    Ok(again(&draft, form_page(&frame, &team, &draft)))
}

async fn leave(
    State(site): State<Site>,
    visitor: Visitor,
    Two(person, membership): Two<PersonId, Uuid>,
) -> Result<Redirect, Problem> {
    visitor
        .command(&site, people::Verb::LeaveTeam, move |ctx, tx| Ok(people::leave_team(ctx, tx, membership)?))
        .await?;
    Ok(Redirect::to(&format!("/register/{person}/team")))
}
