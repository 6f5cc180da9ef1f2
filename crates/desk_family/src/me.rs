//! わたしの見守り: is everything all right, and what do they know about me?

use access::{Shown, Witnesses};
use audit::{Outcome, Recorded};
use axum::extract::State;
use base::{Ctx, Instant, OfficeId, PersonId, Purpose, Redacted, Role, Span, StaffId};
use db::Tx;
use maud::{Markup, html};
use page::components::{State as Tone, Table, at, chip, empty, link_button, tel_button};
use page::frame::Frame;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{Consent, Contact};
use response::FamilyCase;
use std::collections::BTreeMap;
use uuid::Uuid;
use watch::{Absence, Alert, Level, RecentActivity};

use super::{absences, past, questions, signs, standing};
use crate::verbs::Look;

/// 「今月」: the last 31 days, so that the first of a month is not an empty page.
const MONTH: Span = Span::days(31);
/// Rows of the record read for one month; beyond it the oldest are left out and the page says so.
const LOOKS: usize = 2000;

struct Me {
    home: base::HomeId,
    notices: Vec<Alert>,
    cases: Vec<FamilyCase>,
    /// The call centre's, while an alert is open.
    number: Option<String>,
    /// `None` while nothing is watched.
    activity: Option<RecentActivity>,
    absences: Vec<Absence>,
    contacts: Vec<Contact>,
    consents: Vec<Consent>,
    /// Records of consents that cannot be read.
    unreadable: usize,
}

pub async fn page(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let me = visitor
        .look(&site, Look::Me, |ctx, tx| {
            let mut seen = Witnesses::default();
            let person = ctx.actor.person.ok_or(Problem::Denied(None))?;
            let me = read(ctx, tx, person, &mut seen)?;
            Ok(Seen::of(me, seen))
        })
        .await?;
    Ok(frame.page("わたしの見守り").live("/live/family", 300).body(body(&me, frame.now)))
}

fn read(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, seen: &mut Witnesses) -> Result<Me, Problem> {
    let home = seen.take(people::resident(ctx, tx, person)?).home;
    let watched = seen.take(watch::contracts(ctx, tx, person)?).iter().any(|c| c.ended_at.is_none() && c.home == home);
    // What cannot be read is no yes; the page says that it cannot.
    let consents = people::as_far_as_readable(people::consent_state(tx, person, people::ConsentScope::Watch))?;
    let consents = consents.is_some_and(people::ConsentState::allows);
    let activity = (watched && consents).then(|| watch::recent_activity(ctx, tx, home, ctx.now)).transpose()?;
    let activity = activity.map(|a| seen.take(a));
    let standing = seen.take(watch::standing_alerts(ctx, tx, home)?);
    let cases = seen.take(response::family_view(ctx, tx, person)?);
    let is_open = cases.iter().any(|case| case.ended.is_none());
    let number = if is_open { parts::call_centre::number(tx)? } else { None };
    Ok(Me {
        home,
        notices: standing.into_iter().filter(|a| a.level == Level::Notice && a.person == person).collect(),
        cases,
        number,
        activity,
        absences: seen.take(watch::absences(ctx, tx, home)?),
        contacts: seen.take(people::contacts(ctx, tx, person)?),
        consents: newest(seen.take(people::consents(ctx, tx, person)?)),
        unreadable: people::unreadable_consents(ctx, tx, person)?.len(),
    })
}

/// The newest answer about each scope counts; the list comes newest first.
fn newest(all: Vec<Consent>) -> Vec<Consent> {
    let mut newest: Vec<Consent> = Vec::new();
    for consent in all {
        if !newest.iter().any(|known| known.scope == consent.scope) {
            newest.push(consent);
        }
    }
    newest.sort_by_key(|c| c.scope);
    newest
}

fn body(me: &Me, now: Instant) -> Markup {
    html! {
        (open_alert(me, now))
        (questions(&me.notices, None, now))
        section.stack {
            h2 { "きょうの様子" }
            @match &me.activity {
                Some(activity) => (signs::signs(activity, now)),
                None => (empty("見守りは行われていません", "見守りを始めるには、担当の方にご相談ください。")),
            }
        }
        @if me.activity.is_some() { (absences(&me.absences, &me.cases, me.home, now)) }
        @if me.cases.iter().any(|case| case.ended.is_some()) { section.stack { h2 { "アラート" } (past(&me.cases, now)) } }
        section.card.stack {
            h2 { "わたしの連絡先（電話をかける順）" }
            @if me.contacts.is_empty() { p { "登録されていません。" } }
            ol.stack { @for contact in &me.contacts { li {
                (contact.relation.ja()) " " (contact.name.expose())
                @for phone in &contact.phones { br; (tel_button("電話", &phone.shown(), false)) }
            } } }
        }
        section.card.stack {
            h2 { "わたしの情報を見た人" }
            p { "この1か月に、だれが何のために見たかを確かめられます。" }
            (link_button("/me/looks", "見た人を確かめる"))
        }
        section.card.stack {
            h2 { "わたしの同意" }
            @if me.unreadable > 0 { p { strong { "読み取れない記録が" (me.unreadable) "件あります。" } "事務局で確かめています。" } }
            @else if me.consents.is_empty() { p { "記録はまだありません。" } }
            ul.plain.stack { @for consent in &me.consents { li { (consent_line(consent, &me.contacts)) } } }
            p.soft { "同意はいつでも撤回できます。担当の方か事務局にお申し出ください。" }
        }
    }
}

/// Before anything else. No button ends an alert: whoever is well says so on the telephone.
fn open_alert(me: &Me, now: Instant) -> Markup {
    html! {
        @if me.cases.iter().any(|case| case.ended.is_none()) {
            section.stack {
                (standing(&me.cases, now))
                p { "大丈夫なときも、お電話でお知らせください。急な病気やけがのときは、119番に電話してください。" }
                (parts::call_centre::button(me.number.as_deref()))
            }
        }
    }
}

fn consent_line(consent: &Consent, contacts: &[Contact]) -> Markup {
    let tone = if consent.state.allows() { Tone::Confirmed } else { Tone::Done };
    let relative = consent.scope.contact().and_then(|id| contacts.iter().find(|c| c.id == id));
    html! {
        (chip(tone, consent.state.ja())) " " (consent.scope.ja())
        @if let Some(contact) = relative { "：" (contact.name.expose()) " さん" }
        @if let Some(on) = consent.obtained_on { " " span.soft.whole { (on.wareki()) } }
    }
}

/// One who looked: how often, and the last time.
struct Looker {
    who: Redacted<String>,
    office: String,
    purpose: Purpose,
    times: usize,
    last: Instant,
}

struct Looks {
    lookers: Vec<Looker>,
    cut: bool,
}

pub async fn looks(State(site): State<Site>, visitor: Visitor, frame: Frame) -> Result<Markup, Problem> {
    let looks = visitor
        .look(&site, Look::MyLooks, |ctx, tx| {
            let person = ctx.actor.person.ok_or(Problem::Denied(None))?;
            Ok(lookers(ctx, tx, person)?.into())
        })
        .await?;
    let mut table = Table::new("わたしの情報を見た人", &["見た人", "所属", "目的", "回数", "最後に見た時刻"]);
    for looker in &looks.lookers {
        table = table.row(vec![
            html! { (looker.who.expose()) },
            html! { (looker.office) },
            html! { (looker.purpose.ja()) },
            html! { (looker.times) "回" },
            at(looker.last, frame.now),
        ]);
    }
    Ok(frame.page("この1か月に、だれがわたしの情報を見ましたか").body(html! {
        @if looks.lookers.is_empty() {
            (empty("この1か月に、あなたの情報を見た人はいません", "記録は数分おくれて表示されることがあります。"))
        } @else { (table) }
        @if looks.cut { p.soft { "記録が多いため、新しいものから表示しています。" } }
        p.soft { "身に覚えのない閲覧があるときは、事務局にお尋ねください。" }
        (link_button("/me", "わたしの見守りへ戻る"))
    }))
}

fn lookers(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Looks>, Problem> {
    let witness = access::require(ctx, tx, access::Act::SeeLooks, person)?;
    let rows = audit::about(tx, person, LOOKS)?;
    let cut = rows.len() == LOOKS;
    let own = |row: &Recorded| row.actor_id == ctx.actor.id;
    let seen = |row: &Recorded| row.is_look() && row.outcome == Outcome::Done;
    let mut found: BTreeMap<(Uuid, Purpose), Looker> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.at >= ctx.now - MONTH && seen(r) && !own(r)) {
        if let Some(looker) = found.get_mut(&(row.actor_id, row.purpose)) {
            looker.times += 1;
            continue;
        }
        let (who, office) = name_of(ctx, tx, row)?;
        let looker = Looker { who, office, purpose: row.purpose, times: 1, last: row.at };
        found.insert((row.actor_id, row.purpose), looker);
    }
    let mut lookers: Vec<Looker> = found.into_values().collect();
    lookers.sort_by_key(|l| std::cmp::Reverse(l.last));
    Ok(witness.shows(Looks { lookers, cut }))
}

/// Name and office of whoever stands in a row; a relative by name, the program as itself.
fn name_of(ctx: &Ctx, tx: &mut dyn Tx, row: &Recorded) -> Result<(Redacted<String>, String), Problem> {
    let office = |tx: &mut dyn Tx, id: Option<OfficeId>| -> Result<String, Problem> {
        Ok(id.map(|id| people::office(tx, id)).transpose()?.map_or(String::new(), |o| o.name))
    };
    match row.role {
        Role::System | Role::Gateway | Role::Link => Ok((Redacted::new(row.role.ja().to_owned()), String::new())),
        Role::Family => {
            let known = people::contact(ctx, tx, base::ContactId(row.actor_id));
            let name = known.map_or_else(|_| Redacted::new("家族".to_owned()), |c| c.name.clone());
            Ok((name, Role::Family.ja().to_owned()))
        }
        role => {
            let staff = people::staff(tx, StaffId(row.actor_id));
            let name = staff.map_or_else(|_| String::new(), |s| format!("{} ", s.name.expose()));
            Ok((Redacted::new(format!("{name}（{}）", role.ja())), office(tx, row.office)?))
        }
    }
}
