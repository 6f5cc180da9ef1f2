//! One note with everything that followed it. To open it is to have read it: the receipt is written with the look.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Instant, NoteId, Redacted};
use care::{Correction, Importance, Note, NoteState, Reaction, Version};
use maud::{Markup, html};
use page::components::local;
use page::components::{
    Field, Icon, State as Tone, StoryEntry, at, guarded, link_button, notice, radio_field, story, submit,
};
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::{Problem, status_of};
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::head::Head;
use parts::head::head_of;
use people::Form;
use response::Photo;

use super::note_card::{Place, lines, note_card, phrases};
use super::writing::importances;
use crate::verbs::Look;

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
) -> Result<Markup, Problem> {
    let (note, head, photos) = look(&site, &visitor, id).await?;
    if !note.read_by_me {
        visitor.command(&site, care::Verb::MarkRead, move |ctx, tx| Ok(care::mark_read(ctx, tx, id)?)).await?;
    }
    Ok(draw(&frame, &visitor, &note, &head, &photos, &Form::default(), None))
}

async fn look(site: &Site, visitor: &Visitor, id: NoteId) -> Result<(Note, Head, Vec<Photo>), Problem> {
    visitor
        .look(site, Look::Note, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let note = seen.take(care::note(ctx, tx, id)?);
            let head = head_of(ctx, tx, note.person, &mut seen)?;
            let person = note.person;
            // What the visitor photographed, for whoever may see the case that the question came from.
            let photos = match note.case {
                Some(case) if access::may(ctx, tx, access::Act::SeeCase, person) => {
                    seen.take(response::photos_of_case(ctx, tx, case)?)
                }
                _ => vec![],
            };
            Ok(Seen::of((note, head, photos), seen))
        })
        .await
}

fn draw(
    frame: &Frame,
    visitor: &Visitor,
    note: &Note,
    head: &Head,
    photos: &[Photo],
    typed: &Form,
    wrong: Option<&str>,
) -> Markup {
    let title = if note.awaited { "この記事にどう答えますか" } else { "記事" };
    let (person, me) = (format!("/people/{}", note.person), visitor.role());
    let mine = note.author.id == visitor.actor().id && note.state != NoteState::Withdrawn;
    frame.page(title).body(html! {
        (head.large())
        @if let Some(words) = wrong { (notice(Tone::NeededNow, "送信できませんでした", html! { p { (words) } })) }
        (parts::photo::shown(&photos.iter().collect::<Vec<_>>(), frame.now))
        (note_card(note, Place::OwnPage, me, frame.now, typed))
        @if note.version > 1 { p { a href={ "/notes/" (note.id) "/versions" } { "前の版を見る（" (note.version) "版目）" } } }
        @if mine { (change(note, typed)) }
        (link_button(&person, "連絡帳へ戻る"))
    })
}

/// The author may correct or strike; both keep what was written.
fn change(note: &Note, typed: &Form) -> Markup {
    let (correct, strike) = (format!("/notes/{}/corrections", note.id), format!("/notes/{}/withdrawal", note.id));
    // Only a correction has a subject: its form is shown again with what was typed.
    let again = typed.pairs().iter().any(|(field, _)| field == "subject");
    let limit = note.reply_by.map(local).unwrap_or_default();
    let or = |field: &str, stored: &str| if again { typed.one(field).to_owned() } else { stored.to_owned() };
    let (subject, body) = (or("subject", note.subject.expose()), or("body", note.body.expose()));
    let (importance, limit) = (or("importance", note.importance.key()), or("reply_by", &limit));
    html! {
        details open[again] {
            summary { "この記事を訂正する" }
            form.stack.card method="post" action=(correct) {
                (Field::text("subject", "件名").id("correct-subject").value(&subject).required())
                (Field::area("body", "本文", 6).id("correct-body").value(&body).required())
                (radio_field("importance", "重要度", &importances(), &importance, None))
                (Field::moment("reply_by", "返信期限").id("correct-reply-by").value(&limit))
                (Field::text("reason", "訂正の理由").id("correct-reason").value(if again { typed.one("reason") } else { "" }).required())
                (submit("訂正する"))
            }
        }
        (guarded(
            "この記事を取り消す",
            "取り消した記事は線を引いて残り、返信はできなくなります。",
            html! {
                form.stack method="post" action=(strike) {
                    (Field::text("reason", "取消の理由").id("strike-reason").required())
                    button.btn.is-danger type="submit" { "取り消す" }
                }
            },
        ))
    }
}

/// What a rule says no to is said on the note's own page, with what was typed.
async fn answered<T>(
    site: &Site,
    visitor: &Visitor,
    frame: &Frame,
    id: NoteId,
    typed: &Form,
    outcome: Result<T, Problem>,
) -> Result<Response, Problem> {
    match outcome {
        Ok(_) => Ok(Redirect::to(&format!("/notes/{id}")).into_response()),
        Err(Problem::Refused(why)) => {
            let (note, head, photos) = look(site, visitor, id).await?;
            let page = draw(frame, visitor, &note, &head, &photos, typed, Some(&why.words));
            Ok((status_of(why.kind), page).into_response())
        }
        Err(other) => Err(other),
    }
}

pub async fn reply(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let body = Redacted::new(words_of(form.one("phrase"), form.one("body")));
    let outcome = visitor
        .command(&site, care::Verb::Reply, move |ctx, tx| {
            care::reply(ctx, tx, id, body.clone())?;
            // The answer to a consultation moves its case on.
            response::note_answered(ctx, tx, id)?;
            Ok(())
        })
        .await;
    answered(&site, &visitor, &frame, id, &form, outcome).await
}

/// The chosen phrase, if it is one of ours, before what was typed.
fn words_of(phrase: &str, typed: &str) -> String {
    let known = [care::NoteKind::Consultation, care::NoteKind::Plain]
        .into_iter()
        .flat_map(|kind| phrases(kind, base::Role::Doctor))
        .any(|p| *p == phrase);
    match (known, typed.is_empty()) {
        (true, true) => phrase.to_owned(),
        (true, false) => format!("{phrase}\n{typed}"),
        (false, _) => typed.to_owned(),
    }
}

pub async fn react(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let unknown = Problem::Unreadable("反応を選び直してください。");
    let reaction = Reaction::from_key(form.one("kind")).ok_or(unknown)?;
    let outcome = visitor
        .command(&site, care::Verb::Acknowledge, move |ctx, tx| Ok(care::acknowledge(ctx, tx, id, reaction)?))
        .await;
    answered(&site, &visitor, &frame, id, &form, outcome).await
}

pub async fn correct(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let outcome = match moment(form.one("reply_by")) {
        Err(why) => Err(Problem::Refused(form::Refusal::at("reply_by", why))),
        Ok(reply_by) => {
            let correction = Correction {
                subject: Redacted::new(form.one("subject").to_owned()),
                body: Redacted::new(form.one("body").to_owned()),
                importance: Importance::from_key(form.one("importance")).unwrap_or(Importance::Normal),
                reply_by,
                reason: Redacted::new(form.one("reason").to_owned()),
            };
            visitor
                .command(&site, care::Verb::CorrectNote, move |ctx, tx| {
                    Ok(care::correct_note(ctx, tx, id, correction.clone())?)
                })
                .await
        }
    };
    answered(&site, &visitor, &frame, id, &form, outcome).await
}

pub async fn withdraw(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let reason = Redacted::new(form.one("reason").to_owned());
    let outcome = visitor
        .command(&site, care::Verb::WithdrawNote, move |ctx, tx| Ok(care::withdraw_note(ctx, tx, id, reason.clone())?))
        .await;
    answered(&site, &visitor, &frame, id, &form, outcome).await
}

/// A moment to come as the form sends it; blank is none.
pub fn moment(typed: &str) -> Result<Option<Instant>, String> {
    if typed.is_empty() { Ok(None) } else { form::read_moment(typed, "返信期限").map(Some) }
}

pub async fn versions(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<NoteId>,
) -> Result<Markup, Problem> {
    let (versions, head, person) = visitor
        .look(&site, Look::NoteVersions, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let person = seen.take(care::note(ctx, tx, id)?).person;
            let versions = seen.take(care::versions(ctx, tx, id)?);
            let head = head_of(ctx, tx, person, &mut seen)?;
            Ok(Seen::of((versions, head, person), seen))
        })
        .await?;
    let titles: Vec<String> = versions.iter().map(|v| format!("{}版目（{}）", v.version, v.state.ja())).collect();
    let entries: Vec<StoryEntry> = versions.iter().zip(&titles).map(|(v, t)| version(v, t, frame.now)).collect();
    Ok(frame.page("この記事の版").body(html! {
        (head.large())
        (story(&entries, frame.now))
        div.buttons {
            (link_button(&format!("/notes/{id}"), "記事へ戻る"))
            (link_button(&format!("/people/{person}"), "連絡帳へ戻る"))
        }
    }))
}

fn version<'a>(version: &'a Version, title: &'a str, now: Instant) -> StoryEntry<'a> {
    StoryEntry {
        at: version.at,
        title,
        who: version.by.name.expose(),
        body: html! {
            @if !version.reason.expose().is_empty() { p { "理由：" (version.reason.expose()) } }
            p { strong { (version.subject.expose()) } }
            (lines(&version.body))
            @if let Some(limit) = version.reply_by { p.soft { "返信期限 " (at(limit, now)) } }
        },
        icon: Icon::Note,
        state: Tone::Done,
    }
}
