//! 連絡先: whom to call, in order; added, corrected, moved up and down, taken out.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::wareki::Date;
use base::{ContactId, PersonId};
use maud::{Markup, html};
use page::components::{Action, Table, empty, guarded_when, link_button, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{Contact, ContactFacts, Home, Resident, Revision};
use signin::{Account, SecondAsked};

use super::account_pages::{Subject, account_panel};
use super::heads::{Part, person_pages};
use super::new_resident::keeps;
use super::resident_fields::{contact_fields, contact_on_record};
use super::second::{Confirmed, SECOND, confirmed, second_field};
use super::{OFFICE, READERS, Two};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/register/{person}/contacts", READERS, list),
        Door::look("/register/{person}/contacts/new", OFFICE, new_page),
        Door::command("/register/{person}/contacts", OFFICE, add),
        Door::command("/register/{person}/contacts/order", OFFICE, reorder),
        Door::look("/register/{person}/contacts/{contact}", OFFICE, edit_page),
        Door::command("/register/{person}/contacts/{contact}", OFFICE, revise),
        Door::command("/register/{person}/contacts/{contact}/removal", OFFICE, remove),
    ]
}

/// The field for a code in the form that removes.
const REMOVAL: &str = "totp-removal";

struct Known {
    resident: Resident,
    home: Home,
    contacts: Vec<Contact>,
    /// Of the one contact the page is about.
    account: Option<Account>,
    asked: SecondAsked,
}

async fn known(site: &Site, visitor: &Visitor, person: PersonId, one: Option<ContactId>) -> Result<Known, Problem> {
    visitor
        .look(site, Look::RegisterContacts, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home = seen.take(people::home_of(ctx, tx, person)?);
            let contacts = seen.take(people::contacts(ctx, tx, person)?);
            if one.is_some_and(|id| !contacts.iter().any(|c| c.id == id)) {
                return Err(Problem::NotFound);
            }
            let account = one.and_then(|id| signin::find_account(tx, id.0.into()).ok());
            let asked = signin::second_asked(ctx, tx)?;
            Ok(Seen::of(Known { resident, home, contacts, account, asked }, seen))
        })
        .await
}

async fn list(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let known = known(&site, &visitor, person, None).await?;
    Ok(list_page(&frame, &visitor, &known))
}

fn list_page(frame: &Frame, visitor: &Visitor, known: &Known) -> Markup {
    let keeps = keeps(visitor);
    let base = format!("/register/{}/contacts", known.resident.id);
    frame.page("連絡先").body(html! {
        (person_pages(&known.resident, &known.home, Date::of(frame.now), Part::Contacts))
        @if known.contacts.is_empty() {
            (empty("連絡先がまだありません", "ご本人が応答しないときに電話する方を登録してください。いまは訪問依頼へ直接進みます。"))
        } @else {
            p.soft { "上から順に電話します。" }
            (contact_table(known, &base, keeps))
        }
        @if keeps { (link_button(&format!("{base}/new"), "連絡先を追加")) }
    })
}

fn contact_table(known: &Known, base: &str, keeps: bool) -> Markup {
    let headings: &[&str] = if keeps {
        &["順", "氏名・続柄", "電話・メール", "役割・連絡のつく時間", "順番を変える"]
    } else {
        &["順", "氏名・続柄", "電話・メール", "役割・連絡のつく時間"]
    };
    let mut table = Table::new("連絡先の一覧", headings);
    for (index, contact) in known.contacts.iter().enumerate() {
        let mut cells =
            vec![html! { (contact.order) }, name_cell(contact, base, keeps), reach_cell(contact), duty_cell(contact)];
        if keeps {
            cells.push(order_cell(&known.contacts, index, base));
        }
        table = table.row(cells);
    }
    html! { (table) }
}

fn name_cell(contact: &Contact, base: &str, keeps: bool) -> Markup {
    html! {
        @if keeps { a href={ (base) "/" (contact.id) } { (contact.name.expose()) } } @else { (contact.name.expose()) }
        " （" (contact.relation.ja()) @if contact.lives_with { "・同居" } "）"
    }
}

fn reach_cell(contact: &Contact) -> Markup {
    html! {
        @for phone in &contact.phones { span.number { (phone.shown()) } br; }
        @if let Some(email) = &contact.email { (email.expose()) }
    }
}

fn duty_cell(contact: &Contact) -> Markup {
    let roles: Vec<&str> = contact.roles.iter().map(|r| r.ja()).collect();
    html! {
        (roles.join("、"))
        @if !contact.reachable.is_empty() || contact.minutes_away.is_some() {
            br; span.soft { (contact.reachable) @if let Some(m) = contact.minutes_away { " 約" (m) "分で到着" } }
        }
    }
}

/// Moving one up or down posts the whole order: what the clerk saw is what becomes so, or nothing.
fn order_cell(contacts: &[Contact], index: usize, base: &str) -> Markup {
    let url = format!("{base}/order");
    let swapped = |with: usize, label: &'static str| {
        let mut order: Vec<String> = contacts.iter().map(|c| c.id.to_string()).collect();
        order.swap(index, with);
        let order = order.join(" ");
        html! { (Action::post(&url, label).hidden("order", &order)) }
    };
    html! {
        div.buttons {
            @if let Some(above) = index.checked_sub(1) { (swapped(above, "上へ")) }
            @if index + 1 < contacts.len() { (swapped(index + 1, "下へ")) }
        }
    }
}

async fn new_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let known = known(&site, &visitor, person, None).await?;
    let draft = Draft::on_record(vec![("confirmed_on", Date::of(frame.now).wareki())]);
    Ok(form_page(&frame, &known, None, &draft))
}

async fn edit_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(person, contact): Two<PersonId, ContactId>,
) -> Result<Markup, Problem> {
    let known = known(&site, &visitor, person, Some(contact)).await?;
    let on_record = known.contacts.iter().find(|c| c.id == contact).ok_or(Problem::NotFound)?;
    let draft = contact_on_record(on_record);
    Ok(form_page(&frame, &known, Some(contact), &draft))
}

fn form_page(frame: &Frame, known: &Known, contact: Option<ContactId>, draft: &Draft) -> Markup {
    let base = format!("/register/{}/contacts", known.resident.id);
    let url = contact.map_or(base.clone(), |id| format!("{base}/{id}"));
    frame.page(if contact.is_some() { "連絡先の訂正" } else { "連絡先の追加" }).body(html! {
        (person_pages(&known.resident, &known.home, Date::of(frame.now), Part::Contacts))
        (draft.summary())
        form.stack.card method="post" action=(url) {
            (contact_fields(draft, ""))
            @if contact.is_some() { (draft.revision()) }
            (submit("登録する"))
        }
        (link_button(&base, "やめる"))
        @if let Some(id) = contact {
            section.stack {
                h2 { "この方の利用者登録" }
                (account_panel(Subject::Contact, id.0, known.account.as_ref()))
            }
            (removal(&url, known, draft))
        }
    })
}

fn removal(url: &str, known: &Known, draft: &Draft) -> Markup {
    let again = draft.error(REMOVAL).is_some();
    let reason = if again { draft.value("reason") } else { "" };
    let form = html! {
        form.stack method="post" action={ (url) "/removal" } {
            input type="hidden" name="version" value=(draft.value("version"));
            (page::components::Field::text("reason", "削除の理由").id("removal-reason").value(reason).required())
            @if known.account.is_some() { (second_field(&known.asked, REMOVAL, draft)) }
            button.btn.is-danger type="submit" { "連絡先から削除する" }
        }
    };
    guarded_when(
        again,
        "この連絡先を削除する",
        "この方には電話がかからなくなり、この方への開示の同意と閲覧もその場で終わります。",
        form,
    )
}

async fn again(
    frame: &Frame,
    visitor: &Visitor,
    (person, contact): (PersonId, Option<ContactId>),
    draft: Draft,
) -> Result<Response, Problem> {
    let known = known(&frame.site, visitor, person, contact).await?;
    Ok(super::again(&draft, form_page(frame, &known, contact, &draft)))
}

/// The page as it is on record, with the reason that was typed and what is wrong with the code.
async fn shown_again(
    frame: &Frame,
    visitor: &Visitor,
    (person, contact): (PersonId, ContactId),
    (reason, words): (String, String),
) -> Result<Response, Problem> {
    let known = known(&frame.site, visitor, person, Some(contact)).await?;
    let on_record = known.contacts.iter().find(|c| c.id == contact).ok_or(Problem::NotFound)?;
    let draft = contact_on_record(on_record).and("reason", reason).wrong_field(REMOVAL, words);
    Ok(super::again(&draft, form_page(frame, &known, Some(contact), &draft)))
}

fn back(person: PersonId) -> Response {
    Redirect::to(&format!("/register/{person}/contacts")).into_response()
}

async fn add(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = match ContactFacts::parse(&form, Date::of(frame.now)) {
        Ok(facts) => facts,
        Err(errors) => return again(&frame, &visitor, (person, None), Draft::typed(form).wrong(errors)).await,
    };
    let done = visitor
        .command(&site, people::Verb::AddContact, move |ctx, tx| Ok(people::add_contact(ctx, tx, person, &facts)?))
        .await;
    match done {
        Ok(_) => Ok(back(person)),
        Err(Problem::Refused(why)) => again(&frame, &visitor, (person, None), Draft::typed(form).refused(why)).await,
        Err(other) => Err(other),
    }
}

async fn revise(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(person, contact): Two<PersonId, ContactId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let facts = ContactFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match (facts, Revision::parse(&form)) {
        (Ok(facts), Ok(revision)) => (facts, revision),
        (facts, revision) => {
            let draft = Draft::typed(form).wrong(facts.err().unwrap_or_default());
            let draft = draft.wrong(revision.err().unwrap_or_default());
            return again(&frame, &visitor, (person, Some(contact)), draft).await;
        }
    };
    let done = visitor
        .command(&site, people::Verb::ReviseContact, move |ctx, tx| {
            Ok(people::revise_contact(ctx, tx, contact, &facts, &revision).map(drop)?)
        })
        .await;
    match done {
        Ok(()) => Ok(back(person)),
        Err(Problem::Refused(why)) => {
            again(&frame, &visitor, (person, Some(contact)), Draft::typed(form).refused(why)).await
        }
        Err(other) => Err(other),
    }
}

async fn remove(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(person, contact): Two<PersonId, ContactId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let wrong = |_| Problem::Refused(form::Refusal::at("reason", "削除の理由を入力してください。"));
    let revision = Revision::parse(&form).map_err(wrong)?;
    let done = confirmed(&site, &visitor, people::Verb::RemoveContact, form.one(SECOND), move |ctx, tx| {
        people::remove_contact(ctx, tx, contact, &revision)?;
        // Their account, if they have one, opens nothing any more.
        match signin::find_account(tx, contact.0.into()) {
            Ok(account) => Ok(signin::suspend_account(ctx, tx, account.id).map(drop)?),
            Err(_) => Ok(()),
        }
    });
    match done.await? {
        Confirmed::Done(()) => Ok(back(person)),
        Confirmed::Again(words) => {
            let reason = form.one("reason").to_owned();
            shown_again(&frame, &visitor, (person, contact), (reason, words)).await
        }
    }
}

async fn reorder(
    State(site): State<Site>,
    visitor: Visitor,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let order: Vec<ContactId> = form.one("order").split(' ').filter_map(|id| id.parse().ok()).collect();
    visitor
        .command(&site, people::Verb::ReorderContacts, move |ctx, tx| {
            Ok(people::reorder_contacts(ctx, tx, person, &order)?)
        })
        .await?;
    Ok(back(person))
}
