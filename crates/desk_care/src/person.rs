//! One person: head, medical summary, team, contacts, and the notebook, newest first.

use access::Witnesses;
use axum::extract::{Query, State};
use base::wareki::Date;
use base::{Ctx, Instant, NoteId, PersonId};
use care::{Cursor, NotePage};
use db::Tx;
use maud::{Markup, html};
use page::address;
use page::components::{definitions, empty, ja_date_both, link_button, tel_button};
use page::frame::Frame;
use page::named::Named;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use people::{Colleague, Contact, Form, MedicalSummary};
use serde::Deserialize;

use super::TEAM;
use super::note_card::{Place, note_card, profession};
use crate::verbs::Look;

/// Where the page of notes before this one ended: microseconds and the note's id, nothing about a person.
#[derive(Deserialize)]
pub struct Before {
    at: Option<i64>,
    note: Option<String>,
}

impl Before {
    fn cursor(&self) -> Option<Cursor> {
        let id: NoteId = self.note.as_deref()?.parse().ok()?;
        Some(Cursor { written_at: Instant(self.at?), id })
    }
}

struct Sheet {
    head: Head,
    home: people::Home,
    phones: Vec<people::PhoneNumber>,
    risk_notes: Option<base::Redacted<String>>,
    team: Vec<Colleague>,
    contacts: Vec<Contact>,
    medical: Option<MedicalSummary>,
    notes: Option<NotePage>,
    /// Whether the home is watched, and this reader may see it.
    watch: bool,
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Query(before): Query<Before>,
) -> Result<Markup, Problem> {
    let cursor = before.cursor();
    let in_team = TEAM.contains(&visitor.role());
    let sheet = visitor
        .look(&site, Look::Person, move |ctx, tx| {
            let mut seen = Witnesses::default();
            Ok(Seen::of(read(ctx, tx, person, cursor, &mut seen)?, seen))
        })
        .await?;
    let title = if in_team { "連絡帳" } else { "対象者の情報" };
    Ok(frame.page(title).body(body(&sheet, person, &visitor, &frame, cursor.is_some())))
}

fn read(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    cursor: Option<Cursor>,
    seen: &mut Witnesses,
) -> Result<Sheet, Problem> {
    // First, so that what is asked ahead knows what this reader knows.
    access::require(ctx, tx, access::Act::SeeIdentity, person)?;
    tx.ahead(&[
        &|tx| drop(people::home_of(ctx, tx, person)),
        &|tx| drop(people::team(ctx, tx, person)),
        &|tx| drop(people::medical_summary(ctx, tx, person)),
        &|tx| drop(care::notes(ctx, tx, person, cursor)),
        &|tx| drop(people::contacts(ctx, tx, person)),
    ]);
    let resident = seen.take(people::resident(ctx, tx, person)?);
    let home = seen.take(people::home_of(ctx, tx, person)?);
    let team = seen.take(people::team(ctx, tx, person)?);
    tx.ahead(&[&|tx| drop(watch::contract_of_home(tx, home.id))]);
    let team = people::colleagues(tx, &team)?;
    let sees = |tx: &mut dyn Tx, act| access::may(ctx, tx, act, person);
    let medical = sees(tx, access::Act::SeeMedical)
        .then(|| people::medical_summary(ctx, tx, person))
        .transpose()?
        .map(|m| seen.take(m));
    let notes = sees(tx, access::Act::SeeNotes)
        .then(|| care::notes(ctx, tx, person, cursor))
        .transpose()?
        .map(|n| seen.take(n));
    Ok(Sheet {
        head: Head::of(&resident, &home, Date::of(ctx.now)),
        phones: resident.phones.clone(),
        risk_notes: resident.risks_shown.then(|| resident.risk_notes.clone()),
        contacts: seen.take(people::contacts(ctx, tx, person)?),
        watch: sees(tx, access::Act::SeeWatch) && watch::contract_of_home(tx, home.id)?.is_some(),
        home,
        team,
        medical,
        notes,
    })
}

fn body(sheet: &Sheet, person: PersonId, visitor: &Visitor, frame: &Frame, older: bool) -> Markup {
    html! {
        (sheet.head.large())
        @if let Some(notes) = &sheet.notes {
            div.buttons {
                a.btn.is-primary href={ "/people/" (person) "/notes/new" } { "連絡帳に書く" }
                @if sheet.watch { a.btn href=(address::home(sheet.home.id)) { span { "見守りの様子" } } }
                @if older { a.btn href={ "/people/" (person) } { span { "新しい記事へ" } } }
            }
            div.columns {
                (facts(sheet))
                (timeline(notes, person, visitor, frame))
            }
        } @else {
            (facts(sheet))
        }
    }
}

fn timeline(notes: &NotePage, person: PersonId, visitor: &Visitor, frame: &Frame) -> Markup {
    let unread = notes.notes.iter().filter(|n| !n.read_by_me).count();
    let nothing = Form::default();
    html! {
        section.stack aria-labelledby="notes" {
            h2 #notes { "連絡帳" }
            @if unread > 0 { p role="status" { strong { "未読が" (unread) "件あります。" } } }
            @if notes.notes.is_empty() { (empty("まだ記事はありません", "「連絡帳に書く」から最初の記事を書いてください。")) }
            @for note in &notes.notes { (note_card(note, Place::Timeline, visitor.role(), frame.now, &nothing)) }
            @if let Some(next) = notes.older {
                (link_button(&format!("/people/{person}?at={}&note={}", next.written_at.0, next.id), "前の記事を見る"))
            }
        }
    }
}

fn facts(sheet: &Sheet) -> Markup {
    html! {
        div.stack {
            @if let Some(risks) = sheet.risk_notes.as_ref().filter(|r| !r.expose().is_empty()) {
                section.card { h2 { "気をつけること" } p { (risks.expose()) } }
            }
            @if let Some(medical) = &sheet.medical { (medical_card(medical)) }
            // Beside a notebook these are looked up when needed; without one they are what the page is for.
            details.card open[sheet.notes.is_none()] {
                summary { "ケアチーム・連絡先・住まい" }
                (around(sheet))
            }
        }
    }
}

fn around(sheet: &Sheet) -> Markup {
    html! {
        div.stack {
            section {
                h2 { "ケアチーム" }
                @if sheet.team.is_empty() { p { "登録されたチームはありません。" } }
                ul.plain.stack { @for Colleague { member, staff, office } in &sheet.team { li {
                    (profession(staff.role)) " " (member.part.ja()) br;
                    (staff.name.expose()) span.soft { "（" (office.name) "）" }
                    @if let Some(phone) = &staff.phone { br; (tel_button("電話", &phone.shown(), false)) }
                } } }
            }
            section {
                h2 { "連絡先（連絡する順）" }
                @if sheet.contacts.is_empty() { p { "登録された連絡先はありません。" } }
                ol.stack { @for contact in &sheet.contacts { li { (contact_lines(contact)) } } }
            }
            section {
                h2 { "住まい" }
                p { (sheet.home.address().expose()) }
                @if sheet.home.entry_shown {
                    p { "入室方法：" (sheet.home.entry.ja()) " " (sheet.home.entry_note.expose()) }
                }
                @for phone in &sheet.phones { p { (tel_button("本人に電話", &phone.shown(), false)) } }
            }
        }
    }
}

fn contact_lines(contact: &Contact) -> Markup {
    let roles: Vec<&str> = contact.roles.iter().map(|r| r.ja()).collect();
    html! {
        (contact.relation.ja()) " " (contact.name.expose())
        @if !roles.is_empty() { span.soft { "　" (roles.join("・")) } }
        @for phone in &contact.phones { br; (tel_button("電話", &phone.shown(), false)) }
    }
}

fn medical_card(medical: &MedicalSummary) -> Markup {
    let list = |lines: &[base::Redacted<String>]| {
        html! {
            @if !lines.is_empty() { ul { @for line in lines { li { (line.expose()) } } } }
        }
    };
    let confirmed = medical.provenance.as_ref().and_then(|p| p.confirmed_on);
    html! {
        section.card {
            h2 { "医療の要約" }
            (definitions(&[
                ("主な病名", list(&medical.diagnoses)),
                ("アレルギー", list(&medical.allergies)),
                ("要介護度", html! { @if let Some(level) = medical.care_level { (level.ja()) } }),
                ("認定の有効期間", html! { @if let Some(until) = medical.valid_until { (until.wareki()) "まで" } }),
                ("確認日", html! { @if let Some(on) = confirmed { (ja_date_both(on)) } }),
            ]))
        }
    }
}
