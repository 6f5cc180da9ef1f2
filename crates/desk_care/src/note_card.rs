//! One note as its readers see it: what it is, who wrote it, what followed, and the answer in place.

use base::{Instant, Redacted, Role};
use care::{Note, NoteKind, NoteState, Reaction, Reply};
use maud::{Markup, html};
use page::components::{Action, Field, Icon, State, at, buttons, chip, due, icon, radio_field, since, submit};
use people::Form;

/// Limits this near are shown in amber.
const NEAR: base::Span = base::Span::minutes(30);

/// Where a note stands: in the timeline of a person, or on its own page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Timeline,
    OwnPage,
}

/// Kind, importance, state.
pub fn chips(note: &Note) -> Markup {
    let kind = match note.kind {
        NoteKind::Urgent => State::NeededNow,
        NoteKind::Consultation | NoteKind::Request if note.awaited => State::InProgress,
        _ => State::Done,
    };
    html! {
        (chip(kind, note.kind.ja()))
        @match note.importance {
            care::Importance::Normal => {},
            care::Importance::Important => { " " (chip(State::NearLimit, note.importance.ja())) },
            care::Importance::Urgent => { " " (chip(State::NeededNow, note.importance.ja())) },
        }
        @if note.visibility == care::Visibility::Medical { " " (chip(State::Done, note.visibility.ja())) }
        @if note.state != NoteState::Confirmed { " " (chip(State::Done, note.state.ja())) }
    }
}

/// An unread note in the timeline shows its subject only: to read it is to open it, and that is what 既読 says.
pub fn note_card(note: &Note, place: Place, me: Role, now: Instant, typed: &Form) -> Markup {
    let opened = place == Place::OwnPage || note.read_by_me;
    html! {
        article.card.stack id={ "note-" (note.id) } aria-labelledby={ "subject-" (note.id) } {
            p {
                (chips(note))
                @if !note.read_by_me { " " (chip(State::InProgress, "未読")) }
                @if let Some(limit) = note.reply_by.filter(|_| note.awaited) { " 返信期限 " (due(limit, now, NEAR)) }
            }
            h3.lead id={ "subject-" (note.id) } {
                @if place == Place::Timeline { a href={ "/notes/" (note.id) } { (note.subject.expose()) } }
                @else { (note.subject.expose()) }
            }
            p.soft {
                (profession(note.author.role)) " " (note.author.name.expose()) "　" (since(note.written_at, now))
                br; "宛先：" (addressees(note))
            }
            @if opened {
                @if note.state == NoteState::Withdrawn { s { (lines(&note.body)) } } @else { (lines(&note.body)) }
                (replies(&note.replies, now))
                (followed(note))
                @if note.state != NoteState::Withdrawn { (answer(note, place, me, typed)) }
            } @else {
                p { a.btn href={ "/notes/" (note.id) } { span { "開いて読む" } } }
            }
        }
    }
}

fn addressees(note: &Note) -> String {
    note.addressees.iter().map(|(_, name)| name.expose().as_str()).collect::<Vec<_>>().join("、")
}

/// The mark of a profession, always beside its word.
pub fn profession(role: Role) -> Markup {
    let mark = match role {
        Role::Doctor => Icon::Stethoscope,
        Role::Nurse => Icon::Temperature,
        Role::Pharmacist => Icon::Note,
        Role::CareManager => Icon::Calendar,
        Role::CareWorker => Icon::Walk,
        Role::System => Icon::Bell,
        _ => Icon::Person,
    };
    html! { span.mark { (icon(mark)) (role.ja()) } }
}

/// Text as it was typed, line by line.
pub fn lines(text: &Redacted<String>) -> Markup {
    html! {
        p { @for (index, line) in text.expose().lines().enumerate() { @if index > 0 { br; } (line) } }
    }
}

fn replies(replies: &[Reply], now: Instant) -> Markup {
    html! {
        @if !replies.is_empty() {
            ol.story aria-label="返信" {
                @for reply in replies {
                    li.story-entry.is-going {
                        span.story-mark { (icon(Icon::Chat)) }
                        div {
                            p.story-head {
                                strong { (reply.by.role.ja()) " " (reply.by.name.expose()) } " " (at(reply.at, now))
                            }
                            div.story-body { (lines(&reply.body)) }
                        }
                    }
                }
            }
        }
    }
}

/// Who reacted and who has read, each in one line.
fn followed(note: &Note) -> Markup {
    let reacted: Vec<String> =
        note.reactions.iter().map(|(by, reaction, _)| format!("{}（{}）", reaction.ja(), by.name.expose())).collect();
    let read: Vec<&str> = note.reads.iter().map(|r| r.by.name.expose().as_str()).collect();
    html! {
        @if !reacted.is_empty() { p { "反応：" (reacted.join("、")) } }
        p.soft { @if read.is_empty() { "まだ誰も読んでいません。" } @else { "既読：" (read.join("、")) } }
    }
}

fn answer(note: &Note, place: Place, me: Role, typed: &Form) -> Markup {
    html! {
        @if place == Place::OwnPage {
            (answer_form(note, me, typed))
        } @else {
            details { summary { "返信・反応" } (answer_form(note, me, typed)) }
        }
    }
}

/// Open, choose a phrase, send: three touches. The phrase goes before whatever is typed; without a script as well.
fn answer_form(note: &Note, me: Role, typed: &Form) -> Markup {
    let (replies, reactions) = (format!("/notes/{}/replies", note.id), format!("/notes/{}/reactions", note.id));
    let body = format!("body-{}", note.id);
    let phrases: Vec<(&str, &str)> = phrases(note.kind, me).iter().map(|p| (*p, *p)).collect();
    html! {
        div.stack {
            form.stack method="post" action=(replies) {
                (radio_field("phrase", "よく使う返事", &phrases, typed.one("phrase"), None))
                (Field::area("body", "返信", 3).id(&body).value(typed.one("body")).hint("返事を選んで送るか、文章を入力してください。両方でもかまいません。"))
                (submit("返信を送る"))
            }
            @if note.kind != NoteKind::Consultation || !note.awaited {
                (buttons(html! {
                    @for reaction in Reaction::ALL {
                        (Action::post(&reactions, reaction.ja()).hidden("kind", reaction.key()).icon(Icon::Check))
                    }
                }))
            }
        }
    }
}

/// What is answered most often. A doctor's answers to a consultation are those of the field.
pub fn phrases(kind: NoteKind, me: Role) -> &'static [&'static str] {
    match (kind, me) {
        (NoteKind::Consultation | NoteKind::Urgent, Role::Doctor) => &[
            "様子をみてください。",
            "往診します。",
            "外来を受診してください。",
            "救急受診してください。",
            "電話で詳しく教えてください。",
        ],
        _ => &["承知しました。", "対応します。", "確認して、あらためて連絡します。"],
    }
}
