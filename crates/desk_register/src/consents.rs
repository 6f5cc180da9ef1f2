//! 同意: what the resident said yes or no to, scope by scope, with what happens on each; recorded and withdrawn.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::wareki::Date;
use base::{ConsentId, PersonId};
use maud::{Markup, html};
use page::components::{State as Tone, definitions, link_button, notice, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use people::{
    Consent, ConsentScope, ConsentState, Contact, Home, NewConsent, ObtainedBy, Office, Relation, Resident,
    UnreadableConsent, Withdrawal,
};

use super::consent_parts::{day_example, shared_with, sharing_fields, state_chip, story, unreadable_chip, when};
use super::consent_words::meaning;
use super::heads::{Part, person_pages};
use super::new_resident::keeps;
use super::{Asked, OFFICE, READERS, Two, again, asked};
use crate::verbs::Look;

pub fn doors() -> Vec<Door> {
    vec![
        Door::look("/register/{person}/consents", READERS, list),
        Door::look("/register/{person}/consents/new", OFFICE, new_page),
        Door::command("/register/{person}/consents", OFFICE, record),
        Door::look("/register/{person}/consents/{consent}/withdrawal", OFFICE, withdrawal_page),
        Door::command("/register/{person}/consents/{consent}/withdrawal", OFFICE, withdraw),
    ]
}

pub struct Known {
    resident: Resident,
    home: Home,
    contacts: Vec<Contact>,
    /// Newest first.
    pub consents: Vec<Consent>,
    /// More of them, that cannot be read.
    pub unreadable: Vec<UnreadableConsent>,
    pub offices: Vec<Office>,
}

impl Known {
    /// Every scope that can be asked for, the ones of daily work first.
    fn scopes(&self) -> Vec<ConsentScope> {
        let mut scopes = vec![ConsentScope::Watch, ConsentScope::CareSharing];
        for contact in &self.contacts {
            scopes.extend([ConsentScope::FamilyAlerts(contact.id), ConsentScope::FamilyWatch(contact.id)]);
        }
        scopes.extend(ConsentScope::GENERAL.iter().filter(|s| !scopes.contains(s)).copied().collect::<Vec<_>>());
        scopes
    }

    /// What is recorded last about the scope cannot be read.
    fn lost(&self, scope: ConsentScope) -> bool {
        let newest = self.newest(scope).map(|c| c.recorded_at);
        let is_newer =
            |damaged: &UnreadableConsent| damaged.recorded_at.zip(newest).is_none_or(|(at, known)| at >= known);
        self.unreadable.iter().any(|damaged| damaged.scope.is_none_or(|s| s == scope) && is_newer(damaged))
    }

    fn newest(&self, scope: ConsentScope) -> Option<&Consent> {
        self.consents.iter().find(|c| c.scope == scope)
    }

    pub fn contact_name(&self, scope: ConsentScope) -> Option<String> {
        let contact = self.contacts.iter().find(|c| Some(c.id) == scope.contact())?;
        Some(format!("{}（{}）", contact.name.expose(), contact.relation.ja()))
    }
}

async fn known(site: &Site, visitor: &Visitor, person: PersonId) -> Result<Known, Problem> {
    known_with(site, visitor, person, |_| true).await
}

/// Refused, and recorded so, where what the page is to be about is not there.
async fn known_with<F>(site: &Site, visitor: &Visitor, person: PersonId, is_there: F) -> Result<Known, Problem>
where
    F: Fn(&Known) -> bool + Send + 'static,
{
    visitor
        .look(site, Look::RegisterConsents, move |ctx, tx| {
            let mut seen = Witnesses::default();
            let resident = seen.take(people::resident(ctx, tx, person)?);
            let home = seen.take(people::home_of(ctx, tx, person)?);
            let contacts = seen.take(people::contacts(ctx, tx, person)?);
            let consents = seen.take(people::consents(ctx, tx, person)?);
            let offices = people::offices(tx, None)?;
            let unreadable = people::unreadable_consents(ctx, tx, person)?;
            let known = Known { resident, home, contacts, consents, unreadable, offices };
            if !is_there(&known) {
                return Err(Problem::NotFound);
            }
            Ok(Seen::of(known, seen))
        })
        .await
}

/// Said where nobody can know what stands.
const LOST: &str = "記録を読み取れないため、同意があるかどうかを確かめられません。システム管理者に連絡してください。\
    ご本人が断っているとき、同意をやめるときは、「不同意」または「拒否申出」として記録できます。";
/// States in which the person answered.
const ANSWERED: &str = "同意・不同意・拒否申出では必須";

async fn list(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
) -> Result<Markup, Problem> {
    let known = known(&site, &visitor, person).await?;
    let keeps = keeps(&visitor);
    Ok(frame.page("同意の状態").body(html! {
        (person_pages(&known.resident, &known.home, Date::of(frame.now), Part::Consents))
        @if !known.unreadable.is_empty() {
            (notice(Tone::NeededNow, "読み取れない同意の記録があります", html! {
                p { (known.unreadable.len()) "件あります。記録し直す前に、システム管理者に連絡してください。" }
            }))
        }
        p.soft { "同意が「同意」でない範囲の情報は、集めることも見せることもありません。" }
        @for scope in known.scopes() { (scope_card(&known, scope, keeps)) }
        section.stack {
            h2 { "これまでの記録" }
            (story(&frame, &known))
        }
    }))
}

fn scope_card(known: &Known, scope: ConsentScope, keeps: bool) -> Markup {
    let lost = known.lost(scope);
    let newest = known.newest(scope).filter(|_| !lost);
    let state = newest.map_or(ConsentState::NotObtained, |c| c.state);
    let base = format!("/register/{}/consents", known.resident.id);
    html! {
        section.card.stack {
            h2 { (scope.ja()) @if let Some(name) = known.contact_name(scope) { "：" (name) } }
            @if lost {
                p { (unreadable_chip()) }
                p { (LOST) }
            } @else {
                p { (state_chip(state)) @if let Some(consent) = newest { " " (when(consent)) } }
                @if let Some(with) = newest.and_then(|c| shared_with(c, &known.offices)) { p { "共有先：" (with) } }
                p.soft { (if state.allows() { meaning(scope).given } else { meaning(scope).ended_or_not_yet(state) }) }
            }
            @if keeps {
                div.buttons {
                    @if let Some(consent) = newest.filter(|c| c.state == ConsentState::Given && c.ended_at.is_none()) {
                        (link_button(&format!("{base}/{}/withdrawal", consent.id), "撤回を記録する"))
                    }
                    @let contact = scope.contact().map(|c| format!("&contact={c}")).unwrap_or_default();
                    (link_button(&format!("{base}/new?scope={}{contact}", scope.key()), if state.allows() { "取り直しを記録する" } else { "同意・不同意を記録する" }))
                }
            }
        }
    }
}

impl super::consent_words::Meaning {
    /// Why nothing is shown or collected now.
    fn ended_or_not_yet(&self, state: ConsentState) -> &'static str {
        match state {
            ConsentState::Withdrawn | ConsentState::Expired => "同意が終わっているため、行っていません。",
            ConsentState::Declined | ConsentState::OptedOut => "ご本人の意思により、行っていません。",
            _ => "まだ同意をいただいていないため、行っていません。",
        }
    }
}

async fn new_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    query: Asked,
) -> Result<Markup, Problem> {
    let draft = Draft::on_record(vec![
        ("scope", asked(&query, "scope").to_owned()),
        ("contact", asked(&query, "contact").to_owned()),
    ]);
    let known = known_for(&site, &visitor, person, &draft).await?;
    form_page(&frame, &known, &draft)
}

/// What the form of this draft needs, if its scope can be asked of this person.
async fn known_for(site: &Site, visitor: &Visitor, person: PersonId, draft: &Draft) -> Result<Known, Problem> {
    let scope = scope_of(draft);
    known_with(site, visitor, person, move |known| scope.is_some_and(|s| known.scopes().contains(&s))).await
}

fn scope_of(draft: &Draft) -> Option<ConsentScope> {
    ConsentScope::from_key(draft.value("scope"), draft.value("contact").parse().ok())
}

fn form_page(frame: &Frame, known: &Known, draft: &Draft) -> Result<Markup, Problem> {
    let scope = scope_of(draft).ok_or(Problem::NotFound)?;
    let base = format!("/register/{}/consents", known.resident.id);
    let states: Vec<(&str, &str)> = people::consent_states(scope).iter().map(|s| (s.key(), s.ja())).collect();
    let title = scope.ja();
    let days = day_example(frame.now);
    let obtained = format!("答えをいただいた日。{days}");
    let expires = format!("期限がなければ空けてください。この日の終わりまで有効です。{days}");
    Ok(frame.page("同意の記録").body(html! {
        (person_pages(&known.resident, &known.home, Date::of(frame.now), Part::Consents))
        (draft.summary())
        @if known.lost(scope) { (notice(Tone::NeededNow, "この範囲に、読み取れない同意の記録があります", html! { p { (LOST) } })) }
        h2 { (title) @if let Some(name) = known.contact_name(scope) { "：" (name) } }
        (definitions(&[
            ("同意すると", html! { (meaning(scope).given) }),
            ("撤回すると", html! { (meaning(scope).ended) }),
        ]))
        form.stack.card method="post" action=(base) {
            input type="hidden" name="scope" value=(scope.key());
            @if let Some(contact) = scope.contact() { input type="hidden" name="contact" value=(contact); }
            (draft.radio("state", "記録する状態", &states).required())
            (draft.text("explained_by", "説明した方").required_for("同意・不同意・説明済では必須"))
            (draft.date("explained_on", "説明日").hint(&days).required_for("説明済では必須"))
            (draft.select("obtained_by", "取得方法", &options!(ObtainedBy), Some("選んでください")).required_for(ANSWERED))
            (draft.date("obtained_on", "取得日").hint(&obtained).required_for(ANSWERED))
            (draft.text("signed_by", "署名した方（口頭の場合は答えた方）").required_for(ANSWERED))
            (draft.select("signer_relation", "署名した方の続柄", &options!(Relation), Some("選んでください")).required_for(ANSWERED))
            (draft.text("proxy_reason", "ご本人以外が署名した理由").required_for("ご本人以外では必須"))
            (draft.date("expires_on", "有効期限").hint(&expires))
            @if scope == ConsentScope::CareSharing { (sharing_fields(&known.offices, draft)) }
            @if states.iter().any(|(key, _)| *key == ConsentState::NotNeeded.key()) {
                (draft.text("legal_basis", "根拠となる条文").required_for("条例により不要では必須"))
            }
            (submit("記録する"))
        }
        (link_button(&base, "やめる"))
    }))
}

async fn record(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(person): Named<PersonId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let today = Date::of(frame.now);
    let new = match NewConsent::parse(&form, today, None) {
        Ok(new) => new,
        Err(errors) => {
            let draft = Draft::typed(form.clone());
            let known = known_for(&site, &visitor, person, &draft).await?;
            // With all that is wrong: what the person's age refuses too.
            let draft =
                draft.wrong(NewConsent::parse(&form, today, Some(known.resident.birth)).err().unwrap_or(errors));
            return Ok(again(&draft, form_page(&frame, &known, &draft)?));
        }
    };
    let done = visitor.command(&site, people::Verb::RecordConsent, move |ctx, tx| {
        Ok(people::record_consent(ctx, tx, person, &new).map(drop)?)
    });
    match done.await {
        Ok(()) => Ok(Redirect::to(&format!("/register/{person}/consents")).into_response()),
        Err(Problem::Refused(why)) => {
            let draft = Draft::typed(form).refused(why);
            let known = known_for(&site, &visitor, person, &draft).await?;
            Ok(again(&draft, form_page(&frame, &known, &draft)?))
        }
        Err(other) => Err(other),
    }
}

async fn withdrawal_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(person, consent): Two<PersonId, ConsentId>,
) -> Result<Markup, Problem> {
    let known = known_with(&site, &visitor, person, move |k| k.consents.iter().any(|c| c.id == consent)).await?;
    withdrawal_form(&frame, &known, consent, &Draft::default())
}

fn withdrawal_form(frame: &Frame, known: &Known, consent: ConsentId, draft: &Draft) -> Result<Markup, Problem> {
    let found = known.consents.iter().find(|c| c.id == consent).ok_or(Problem::NotFound)?;
    let base = format!("/register/{}/consents", known.resident.id);
    Ok(frame.page("同意の撤回").body(html! {
        (person_pages(&known.resident, &known.home, Date::of(frame.now), Part::Consents))
        (draft.summary())
        (notice(Tone::NearLimit, found.scope.ja(), html! {
            @if let Some(name) = known.contact_name(found.scope) { p { (name) } }
            p { "撤回すると：" (meaning(found.scope).ended) }
        }))
        form.stack.card method="post" action={ (base) "/" (consent) "/withdrawal" } {
            p { "記録するとその場で効力が生じ、取り消せません。あらためて同意をいただいたときは、新しい同意として記録してください。" }
            (draft.text("withdrawn_by", "撤回を申し出た方").required())
            (draft.text("reason", "理由").hint("伺った場合だけ入力してください。理由がなくても撤回できます。"))
            button.btn.is-danger type="submit" { "撤回を記録する" }
        }
        (link_button(&base, "やめる"))
    }))
}

async fn withdraw(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Two(person, consent): Two<PersonId, ConsentId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let withdrawal = match Withdrawal::parse(&form) {
        Ok(withdrawal) => withdrawal,
        Err(errors) => {
            let known =
                known_with(&site, &visitor, person, move |k| k.consents.iter().any(|c| c.id == consent)).await?;
            let draft = Draft::typed(form).wrong(errors);
            return Ok(again(&draft, withdrawal_form(&frame, &known, consent, &draft)?));
        }
    };
    visitor
        .command(&site, people::Verb::WithdrawConsent, move |ctx, tx| {
            Ok(people::withdraw_consent(ctx, tx, person, consent, &withdrawal)?)
        })
        .await?;
    Ok(Redirect::to(&format!("/register/{person}/consents")).into_response())
}
