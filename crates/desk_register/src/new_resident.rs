//! One plain form registers a resident, the home and the first person to call. Before it is stored, those of the same
//! reading and birthday are shown: the clerk says whether this is somebody else.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::wareki::Date;
use base::{ContactId, HomeId, PersonId, Role};
use maud::{Markup, html};
use page::components::{State as Tone, ja_date_both, link_button, notice, submit, yes_field};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{ContactFacts, FieldError, Form, Home, NewResident, Resident};

use super::resident_fields::{contact_fields, home_fields, resident_fields};
use super::{Asked, OFFICE, again, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![Door::look("/register/new", OFFICE, new_page), Door::command("/register", OFFICE, register)]
}

/// What parts the first contact's fields from the resident's.
const CONTACT: &str = "contact_";

/// Somebody registered whom the new one may be.
struct Alike {
    resident: Resident,
    address: String,
}

async fn new_page(State(site): State<Site>, visitor: Visitor, frame: Frame, query: Asked) -> Result<Markup, Problem> {
    let shared = shared_home(&site, &visitor, asked(&query, "home").parse().ok()).await?;
    let today = Date::of(frame.now).wareki();
    let draft = Draft::on_record(vec![("confirmed_on", today.clone()), ("home_confirmed_on", today)]);
    Ok(page(&frame, &draft, shared.as_ref(), &[]))
}

/// The home of somebody who is registered already, where the new resident lives in the same.
async fn shared_home(site: &Site, visitor: &Visitor, home: Option<HomeId>) -> Result<Option<Home>, Problem> {
    visitor
        .look(site, Look::NewResident, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let Some(id) = home else { return Ok(Seen::of(None, seen)) };
            Ok(Seen::of(Some(seen.take(people::home(ctx, tx, id)?)), seen))
        })
        .await
}

fn page(frame: &Frame, draft: &Draft, shared: Option<&Home>, alike: &[Alike]) -> Markup {
    frame.page("新しい対象者の登録").body(html! {
        (draft.summary())
        form.stack method="post" action="/register" {
            @if !alike.is_empty() { (same_person(alike)) }
            section.card.stack { h2 { "ご本人" } (resident_fields(draft)) }
            section.card.stack {
                h2 { "住まい" }
                @if let Some(home) = shared {
                    input type="hidden" name="home" value=(home.id);
                    p { "登録済みの住まいに同居：" (home.address().expose()) }
                    (link_button("/register/new", "別の住まいとして登録する"))
                } @else {
                    (home_fields(draft))
                }
            }
            section.card.stack {
                h2 { "最初の連絡先" }
                p.soft { "ご本人が応答しないとき、最初に電話する方です。いま決まっていなければ、すべて空けたまま登録できます。" }
                (contact_fields(draft, CONTACT))
            }
            (submit("登録する"))
        }
    })
}

fn same_person(alike: &[Alike]) -> Markup {
    notice(
        Tone::NearLimit,
        "同じ方がすでに登録されていませんか",
        html! {
            p { "フリガナと生年月日が同じ方が" (alike.len()) "名登録されています。" }
            ul {
                @for one in alike {
                    li {
                        a href={ "/register/" (one.resident.id) } { (one.resident.name.expose()) }
                        "（" (ja_date_both(one.resident.birth)) "生、" (one.address) "、対象者番号 " (one.resident.number) "）"
                    }
                }
            }
            (yes_field("not_duplicate", "いずれとも別の方であることを確認しました", false))
        },
    )
}

async fn register(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let today = Date::of(frame.now);
    let contact = first_contact(&form, today);
    let new = NewResident::parse(&form, today);
    let home = form.one("home").parse().ok();
    let (new, contact) = match (new, contact) {
        (Ok(new), Ok(contact)) => (new, contact),
        (new, contact) => {
            let draft = Draft::typed(form)
                .wrong(new.err().unwrap_or_default())
                .wrong_in(CONTACT, contact.err().unwrap_or_default());
            let shared = shared_home(&site, &visitor, home).await?;
            return Ok(again(&draft, page(&frame, &draft, shared.as_ref(), &[])));
        }
    };
    if !new.not_duplicate {
        let alike = alike(&site, &visitor, &new).await?;
        if !alike.is_empty() {
            let shared = shared_home(&site, &visitor, home).await?;
            let draft = Draft::typed(form);
            return Ok(again(&draft, page(&frame, &draft, shared.as_ref(), &alike)));
        }
    }
    let stored = visitor.command(&site, people::Verb::RegisterResident, move |ctx, tx| {
        let person = people::register_resident(ctx, tx, &new)?;
        let first = contact.as_ref().map(|facts| people::add_contact(ctx, tx, person, facts)).transpose()?;
        Ok::<(PersonId, Option<ContactId>), Problem>((person, first))
    });
    match stored.await {
        Ok((person, _)) => Ok(Redirect::to(&format!("/register/{person}")).into_response()),
        Err(Problem::Refused(why)) => {
            let shared = shared_home(&site, &visitor, home).await?;
            let draft = Draft::typed(form).refused(why);
            Ok(again(&draft, page(&frame, &draft, shared.as_ref(), &[])))
        }
        Err(other) => Err(other),
    }
}

/// Those of the same reading and birthday; showing them is a look at them.
async fn alike(site: &Site, visitor: &Visitor, new: &NewResident) -> Result<Vec<Alike>, Problem> {
    let (kana, birth) = (new.facts.kana.clone(), new.facts.birth);
    visitor
        .look(site, Look::Duplicates, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let persons = people::duplicates(ctx, tx, &kana, birth)?;
            let mut found = Vec::new();
            for person in &persons {
                let resident = seen.take(people::resident(ctx, tx, *person)?);
                let address = seen.take(people::home_of(ctx, tx, *person)?).address().expose().clone();
                found.push(Alike { resident, address });
            }
            Ok(Seen::of(found, seen))
        })
        .await
}

/// The first contact, if anything was entered about one.
fn first_contact(form: &Form, today: Date) -> Result<Option<ContactFacts>, Vec<FieldError>> {
    let own = form.pairs().iter().filter_map(|(field, value)| Some((field.strip_prefix(CONTACT)?, value)));
    let own: Vec<(String, String)> = own.map(|(field, value)| (field.to_owned(), value.clone())).collect();
    // The source is a list whose first entry is always sent.
    let entered = own.iter().any(|(field, value)| field != "source" && !value.trim().is_empty());
    if entered { ContactFacts::parse(&Form::new(own), today).map(Some) } else { Ok(None) }
}

/// Whether the visitor keeps the register, and is shown its buttons.
pub fn keeps(visitor: &Visitor) -> bool {
    visitor.role() == Role::Administrator
}
