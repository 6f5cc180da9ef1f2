//! Corrections of a resident and the home, moving house, and where in life somebody is now: each is a new version with
//! its reason, and none overwrites what a colleague entered meanwhile.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::PersonId;
use base::wareki::Date;
use maud::{Markup, html};
use page::components::{State as Tone, link_button, notice, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{FieldError, Form, Home, HomeChoice, HomeFacts, LifeStatus, Line, Resident, ResidentFacts, Revision};

use super::OFFICE;
use super::heads::{Part, person_pages};
use super::resident_fields::{home_fields, home_on_record, resident_fields, resident_on_record};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/register/{person}/edit", OFFICE, edit_resident),
        Door::command("/register/{person}", OFFICE, revise_resident),
        Door::look("/register/{person}/home/edit", OFFICE, edit_home),
        Door::command("/register/{person}/home", OFFICE, revise_home),
        Door::look("/register/{person}/move", OFFICE, move_page),
        Door::command("/register/{person}/move", OFFICE, move_home),
        Door::look("/register/{person}/life", OFFICE, life_page),
        Door::command("/register/{person}/life", OFFICE, set_life),
    ]
}

/// What every page here shows above its form.
struct Subject {
    resident: Resident,
    home: Home,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Resident,
    Home,
    Move,
    Life,
}

async fn subject(site: &Site, visitor: &Visitor, person: PersonId) -> Result<Subject, Problem> {
    visitor
        .look(site, Look::RegisterForm, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home = seen.take(people::home_of(ctx, tx, person)?);
            Ok(Seen::of(Subject { resident, home }, seen))
        })
        .await
}

fn page(frame: &Frame, what: What, subject: &Subject, draft: &Draft) -> Markup {
    let person = subject.resident.id;
    let (title, end) = match what {
        What::Resident => ("ご本人の情報の訂正", ""),
        What::Home => ("住まいの情報の訂正", "/home"),
        What::Move => ("転居の登録", "/move"),
        What::Life => ("入院・入所・転出・死亡の登録", "/life"),
    };
    frame.page(title).body(html! {
        (person_pages(&subject.resident, &subject.home, Date::of(frame.now), Part::Facts))
        (draft.summary())
        form.stack.card method="post" action={ "/register/" (person) (end) } {
            @match what {
                What::Resident => (resident_fields(draft)),
                What::Home => {
                    p.soft { "この住まいに登録されているすべての方に反映されます。引っ越した場合は「転居を登録する」を使ってください。" }
                    (home_fields(draft))
                },
                What::Move => {
                    p { "いまの住まい：" (subject.home.address().expose()) }
                    p.soft { "前の住まいと機器の登録は残ります。見守り機器を移す場合は、機器の登録もご確認ください。" }
                    (home_fields(draft))
                },
                What::Life => (life_fields(draft)),
            }
            @if what == What::Life {
                (draft.text("reason", "理由・補足").hint("転出・死亡、およびその取り消しには必ず入力してください。"))
            } @else {
                (draft.revision())
            }
            (submit("登録する"))
        }
        (link_button(&format!("/register/{person}"), "やめる"))
    })
}

fn life_fields(draft: &Draft) -> Markup {
    html! {
        (draft.radio("life", "いまの状態", &options!(LifeStatus)))
        (draft.date("since", "いつから").required())
        (notice(Tone::NearLimit, "「転出」「死亡」にすると", html! {
            p { "ケアチームの閲覧、家族への開示、すべての同意がその場で終わります。あとで「在宅」に戻しても、同意とケアチームは戻りません。取り直しが必要です。" }
        }))
    }
}

async fn edit_resident(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let subject = subject(&site, &visitor, person).await?;
    let draft = resident_on_record(&subject.resident);
    Ok(page(&frame, What::Resident, &subject, &draft))
}

async fn edit_home(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let subject = subject(&site, &visitor, person).await?;
    let draft = home_on_record(&subject.home);
    Ok(page(&frame, What::Home, &subject, &draft))
}

async fn move_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let subject = subject(&site, &visitor, person).await?;
    let version = subject.resident.version.to_string();
    let draft = Draft::on_record(vec![("version", version), ("city", subject.home.city.clone())]);
    Ok(page(&frame, What::Move, &subject, &draft))
}

async fn life_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let subject = subject(&site, &visitor, person).await?;
    let today = Date::of(frame.now).wareki();
    let draft = Draft::on_record(vec![("life", subject.resident.life.key().into()), ("since", today)]);
    Ok(page(&frame, What::Life, &subject, &draft))
}

/// The form again: with what is wrong in its fields, or with the rule that refused it.
async fn again(
    frame: &Frame,
    visitor: &Visitor,
    what: What,
    person: PersonId,
    draft: Draft,
) -> Result<Response, Problem> {
    let subject = subject(&frame.site, visitor, person).await?;
    Ok(super::again(&draft, page(frame, what, &subject, &draft)))
}

/// Where a command led: back to the record, or to its form.
async fn told(
    frame: &Frame,
    visitor: &Visitor,
    what: What,
    person: PersonId,
    draft: Draft,
    outcome: Result<(), Problem>,
) -> Result<Response, Problem> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/register/{person}")).into_response()),
        Err(Problem::Refused(why)) => again(frame, visitor, what, person, draft.refused(why)).await,
        Err(other) => Err(other),
    }
}

/// The facts and why they are corrected; or the form once more, with what is wrong about either.
fn with_reason<T>(facts: Result<T, Vec<FieldError>>, form: &Form) -> Result<(T, Revision), Draft> {
    match (facts, Revision::parse(form)) {
        (Ok(facts), Ok(revision)) => Ok((facts, revision)),
        (facts, revision) => {
            let draft = Draft::typed(form.clone()).wrong(facts.err().unwrap_or_default());
            Err(draft.wrong(revision.err().unwrap_or_default()))
        }
    }
}

async fn revise_resident(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = ResidentFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match with_reason(facts, &form) {
        Ok(both) => both,
        Err(draft) => return again(&frame, &visitor, What::Resident, person, draft).await,
    };
    let done = visitor.command(&site, people::Verb::ReviseResident, move |ctx, tx| {
        Ok(people::revise_resident(ctx, tx, person, &facts, &revision).map(drop)?)
    });
    let outcome = done.await;
    told(&frame, &visitor, What::Resident, person, Draft::typed(form), outcome).await
}

async fn revise_home(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = HomeFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match with_reason(facts, &form) {
        Ok(both) => both,
        Err(draft) => return again(&frame, &visitor, What::Home, person, draft).await,
    };
    let done = visitor.command(&site, people::Verb::ReviseHome, move |ctx, tx| {
        let home = people::home_of(ctx, tx, person)?.id;
        Ok(people::revise_home(ctx, tx, home, &facts, &revision).map(drop)?)
    });
    let outcome = done.await;
    told(&frame, &visitor, What::Home, person, Draft::typed(form), outcome).await
}

async fn move_home(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = HomeFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match with_reason(facts, &form) {
        Ok(both) => both,
        Err(draft) => return again(&frame, &visitor, What::Move, person, draft).await,
    };
    let to = HomeChoice::New(facts);
    let done = visitor.command(&site, people::Verb::MoveHome, move |ctx, tx| {
        Ok(people::move_home(ctx, tx, person, &to, &revision).map(drop)?)
    });
    let outcome = done.await;
    told(&frame, &visitor, What::Move, person, Draft::typed(form), outcome).await
}

async fn set_life(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let life = LifeStatus::from_key(form.one("life"));
    let (since, reason) = (form::read_date(form.one("since")), Line::parse(form.one("reason")));
    let mut draft = Draft::typed(form);
    if life.is_none() {
        draft = draft.wrong_field("life", "いまの状態を選んでください。");
    }
    if let Err(words) = &since {
        draft = draft.wrong_field("since", words.clone());
    }
    if let Err(words) = &reason {
        draft = draft.wrong_field("reason", words.clone());
    }
    let (Some(life), Ok(since), Ok(reason)) = (life, since, reason) else {
        return again(&frame, &visitor, What::Life, person, draft).await;
    };
    let done = visitor.command(&site, people::Verb::SetLife, move |ctx, tx| {
        Ok(people::set_life(ctx, tx, person, life, since, &reason).map(drop)?)
    });
    let outcome = done.await;
    told(&frame, &visitor, What::Life, person, draft, outcome).await
}
