//! A new note: what it is, to whom it speaks, until when an answer is wanted.

use std::collections::BTreeSet;

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{NoteId, PersonId, Redacted, Role, StaffId};
use care::{Addressee, Importance, NewNote, NoteKind, Visibility};
use form::{Form, Refusal};
use maud::{Markup, html};
use page::components::{Field, check_field, error_summary, link_button, radio_field, select_field, submit};
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use parts::head::head_of;
use people::Staff;

use super::TEAM;
use super::note::moment;
use crate::verbs::Look;

/// Whom the form is about and to whom it can speak: (value of the field, words).
struct Sheet {
    head: Head,
    to: Vec<(String, String)>,
}

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let sheet = look(&site, &visitor, person).await?;
    let blank = Form::from(&[("kind", "plain"), ("importance", "normal"), ("visibility", "team"), ("to", "team")][..]);
    Ok(draw(&frame, person, &sheet, &blank, None))
}

async fn look(site: &Site, visitor: &Visitor, person: PersonId) -> Result<Sheet, Problem> {
    visitor
        .look(site, Look::NewNote, move |ctx, tx| {
            let mut seen = Witnesses::default();
            access::require(ctx, tx, access::Act::WriteNote, person)?;
            let mut to = vec![("team".to_owned(), "全員".to_owned())];
            let me = StaffId(ctx.actor.id);
            let mut team = seen.take(people::team(ctx, tx, person)?);
            // Somebody may have two parts in a team.
            let mut once = BTreeSet::from([me]);
            team.retain(|member| once.insert(member.staff));
            let members = people::colleagues(tx, &team)?;
            let present = |role: &&Role| members.iter().any(|known| known.staff.role == **role);
            to.extend(
                TEAM.iter().filter(present).map(|r| (format!("role:{}", r.key()), format!("{}（職種の全員）", r.ja()))),
            );
            let named = |s: &Staff| (format!("staff:{}", s.id), format!("{} {}", s.role.ja(), s.name.expose()));
            to.extend(members.iter().map(|known| named(&known.staff)));
            let head = head_of(ctx, tx, person, &mut seen)?;
            Ok(Seen::of(Sheet { head, to }, seen))
        })
        .await
}

pub async fn write(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let outcome = match read(person, &form) {
        Err((field, why)) => Err(Refusal::at(field, why)),
        Ok(note) => {
            let written: Result<NoteId, Problem> = visitor
                .command(&site, care::Verb::WriteNote, move |ctx, tx| Ok(care::write_note(ctx, tx, note.clone())?))
                .await;
            match written {
                Ok(id) => Ok(id),
                Err(Problem::Refused(why)) => Err(why),
                Err(other) => return Err(other),
            }
        }
    };
    match outcome {
        Ok(_) => Ok(Redirect::to(&format!("/people/{person}")).into_response()),
        Err(why) => {
            let sheet = look(&site, &visitor, person).await?;
            let page = draw(&frame, person, &sheet, &form, Some((why.field.unwrap_or("subject"), &why.words)));
            Ok((status_of(why.kind), page).into_response())
        }
    }
}

fn read(person: PersonId, form: &Form) -> Result<NewNote, (&'static str, String)> {
    let text = |field: &str| Redacted::new(form.one(field).to_owned());
    let wrong = |field: &'static str, why: &str| (field, why.to_owned());
    let addressees: Option<Vec<Addressee>> = form.all("to").map(addressee).collect();
    Ok(NewNote {
        person,
        kind: NoteKind::from_key(form.one("kind")).ok_or_else(|| wrong("kind", "種別を選んでください。"))?,
        subject: text("subject"),
        body: text("body"),
        addressees: addressees.ok_or_else(|| wrong("to", "宛先を選び直してください。"))?,
        importance: Importance::from_key(form.one("importance"))
            .ok_or_else(|| wrong("importance", "重要度を選んでください。"))?,
        reply_by: moment(form.one("reply_by")).map_err(|why| ("reply_by", why))?,
        visibility: Visibility::from_key(form.one("visibility"))
            .ok_or_else(|| wrong("visibility", "公開範囲を選んでください。"))?,
        case: None,
    })
}

fn addressee(value: &str) -> Option<Addressee> {
    match value.split_once(':') {
        None => (value == "team").then_some(Addressee::Team),
        Some(("role", key)) => Role::from_key(key).map(Addressee::Profession),
        Some(("staff", id)) => id.parse().ok().map(Addressee::Staff),
        Some(_) => None,
    }
}

pub fn importances() -> Vec<(&'static str, &'static str)> {
    Importance::ALL.iter().map(|i| (i.key(), i.ja())).collect()
}

fn draw(frame: &Frame, person: PersonId, sheet: &Sheet, form: &Form, wrong: Option<(&'static str, &str)>) -> Markup {
    let kinds: Vec<_> = NoteKind::ALL.iter().filter(|k| **k != NoteKind::Watch).map(|k| (k.key(), k.ja())).collect();
    let scopes: Vec<_> = Visibility::ALL.iter().map(|v| (v.key(), v.ja())).collect();
    let to: Vec<(&str, &str)> = sheet.to.iter().map(|(value, words)| (value.as_str(), words.as_str())).collect();
    let chosen: Vec<&str> = form.all("to").collect();
    let error = |field: &str| wrong.filter(|(f, _)| *f == field).map(|(_, why)| why);
    frame.page("何を伝えますか").body(html! {
        (sheet.head.large())
        (error_summary(&wrong.into_iter().collect::<Vec<_>>()))
        form.stack.card method="post" action={ "/people/" (person) "/notes" } {
            (select_field("kind", "種別", &kinds, form.one("kind"), error("kind")))
            (Field::text("subject", "件名").value(form.one("subject")).required().error(error("subject")))
            (Field::area("body", "本文", 6).value(form.one("body")).required().error(error("body")))
            (check_field("to", "宛先", &to, &chosen, error("to")))
            (radio_field("importance", "重要度", &importances(), form.one("importance"), error("importance")))
            (Field::moment("reply_by", "返信期限").value(form.one("reply_by")).error(error("reply_by"))
                .hint("返事がほしいときだけ入力してください。"))
            (radio_field("visibility", "公開範囲", &scopes, form.one("visibility"), error("visibility")))
            (submit("連絡帳に書く"))
        }
        (link_button(&format!("/people/{person}"), "書かずに戻る"))
    })
}
