//! 同意: what the resident agreed to, scope by scope, with who explained it, how it was obtained and who signed. An
//! answer opens what hangs on it (family grants, the team's grants); its end closes that in the same transaction.

use access::{Act, Charge, FOREVER, Grant, Ground, Items, Shown};
use base::wareki::Date;
use base::{ConsentId, ContactId, Ctx, Instant, OfficeId, PersonId, Redacted};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::store::consents::Kept;
use crate::verbs::Verb;
use crate::{
    ConsentScope, ConsentState, FieldError, Form, Line, Manner, ObtainedBy, PeopleError, PeopleRefusal, Relation,
    resident, rules, store, team,
};

/// A recording that stands in the register and cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct UnreadableConsent {
    pub id: ConsentId,
    pub scope: Option<ConsentScope>,
    pub recorded_at: Option<Instant>,
}

/// One recording of an answer. The newest about a scope counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Consent {
    pub id: ConsentId,
    pub person: PersonId,
    pub scope: ConsentScope,
    pub state: ConsentState,
    /// With whom is shared, where the scope is [`ConsentScope::CareSharing`]; elsewhere it says nothing.
    pub manner: Manner,
    /// The offices it reaches, where the manner names them.
    pub offices: Vec<OfficeId>,
    pub obtained_by: Option<ObtainedBy>,
    pub explained_by: Redacted<String>,
    pub explained_on: Option<Date>,
    pub obtained_on: Option<Date>,
    /// The last day on which it holds.
    pub expires_on: Option<Date>,
    pub signed_by: Redacted<String>,
    /// Of whoever signed or answered; none where nobody did.
    pub signer_relation: Option<Relation>,
    pub proxy_reason: Redacted<String>,
    pub legal_basis: String,
    pub recorded_by: Uuid,
    pub recorded_at: Instant,
    /// When it was withdrawn, expired, or was followed by another answer.
    pub ended_at: Option<Instant>,
    pub end_reason: Redacted<String>,
    /// Who withdrew it, as told.
    pub ended_by: Redacted<String>,
}

impl Consent {
    /// The moment after its last day.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.expires_on.map(|last| Instant::from_wall_day(i64::from(last.0) + 1))
    }
}

/// What is entered when an answer, or the lack of one, is recorded.
#[derive(Clone, Debug)]
pub struct NewConsent {
    pub scope: ConsentScope,
    pub state: ConsentState,
    /// With whom is shared; only where a yes about sharing is recorded.
    pub manner: Option<Manner>,
    pub offices: Vec<OfficeId>,
    pub obtained_by: Option<ObtainedBy>,
    pub explained_by: Line,
    pub explained_on: Option<Date>,
    pub obtained_on: Option<Date>,
    pub expires_on: Option<Date>,
    pub signed_by: Line,
    pub signer_relation: Option<Relation>,
    pub proxy_reason: Line,
    pub legal_basis: Line,
}

/// Who asked for the withdrawal, and why (may be blank: nobody owes a reason).
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub by: Line,
    pub reason: Line,
}

impl NewConsent {
    /// Fields `scope contact state manner office(×n) obtained_by explained_by explained_on obtained_on expires_on
    /// signed_by signer_relation proxy_reason legal_basis`. With the person's `birth` no day may lie before it.
    pub fn parse(form: &Form, today: Date, birth: Option<Date>) -> Result<NewConsent, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let contact = r.any_id::<ContactId>("contact", "連絡先");
        let scope = contact.and_then(|contact| ConsentScope::from_key(form.one("scope"), contact));
        if scope.is_none() {
            r.wrong("scope", "同意の範囲（家族への開示は連絡先も）を選んでください。");
        }
        let (state, manner) = (r.word("state", "記録する状態"), r.any_word("manner", "共有先の決め方"));
        let offices = r.ids("office", "共有先の事業所");
        let (obtained_by, explained_by) = (r.any_word("obtained_by", "取得方法"), r.any_person("explained_by"));
        let (explained_on, obtained_on) = (r.any_date("explained_on", "説明日"), r.any_date("obtained_on", "取得日"));
        let (expires_on, signed_by) = (r.any_date("expires_on", "有効期限"), r.any_person("signed_by"));
        let signer_relation = r.any_word("signer_relation", "署名した方の続柄");
        let (proxy_reason, legal_basis) = (r.any_line("proxy_reason"), r.any_line("legal_basis"));
        // What cannot be read is as if blank here, so that the rules still say all else.
        let read = scope.zip(state).map(|(scope, state)| NewConsent {
            scope,
            state,
            manner: manner.flatten(),
            offices: offices.unwrap_or_default(),
            obtained_by: obtained_by.flatten(),
            explained_by: explained_by.unwrap_or_else(Line::blank),
            explained_on: explained_on.flatten(),
            obtained_on: obtained_on.flatten(),
            expires_on: expires_on.flatten(),
            signed_by: signed_by.unwrap_or_else(Line::blank),
            signer_relation: signer_relation.flatten(),
            proxy_reason: proxy_reason.unwrap_or_else(Line::blank),
            legal_basis: legal_basis.unwrap_or_else(Line::blank),
        });
        for (field, message) in read.iter().flat_map(|new| rules::consent_faults(new, today, birth)) {
            r.wrong_first(field, message);
        }
        r.finish(read)
    }

    /// A written yes of the person's own, to all offices, without an end.
    pub fn given(scope: ConsentScope, on: Date, explained_by: Line, signed_by: Line) -> NewConsent {
        NewConsent {
            scope,
            state: ConsentState::Given,
            manner: (scope == ConsentScope::CareSharing).then_some(Manner::Blanket),
            offices: vec![],
            obtained_by: Some(ObtainedBy::Written),
            explained_by,
            explained_on: Some(on),
            obtained_on: Some(on),
            expires_on: None,
            signed_by,
            signer_relation: Some(Relation::Oneself),
            proxy_reason: Line::blank(),
            legal_basis: Line::blank(),
        }
    }
}

impl Withdrawal {
    /// Fields `withdrawn_by` and `reason`.
    pub fn parse(form: &Form) -> Result<Withdrawal, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let (by, reason) = (r.any_person("withdrawn_by"), r.any_line("reason"));
        if by.as_ref().is_some_and(Line::is_blank) {
            r.wrong("withdrawn_by", "撤回を申し出た方を入力してください。");
        }
        let read = (|| Some(Withdrawal { by: by?, reason: reason? }))();
        r.finish(read)
    }
}

/// Records an answer. It follows the former one about the same scope, where [`rules::may_follow`] lets it; a yes opens
/// what hangs on it, anything else closes it, and a yes that turned into anything else is told as
/// `people.consent_withdrawn`.
pub fn record_consent(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    new: &NewConsent,
) -> Result<ConsentId, PeopleError> {
    let witness = access::require(ctx, tx, Act::RecordConsent, person)?;
    let birth = resident::load_open(tx, person)?.birth;
    if let Some((field, words)) = rules::consent_faults(new, Date::of(ctx.now), Some(birth)).first() {
        return Err(PeopleRefusal::ConsentIncomplete { field, words }.into());
    }
    if store::offices::all(tx, &new.offices)?.len() != new.offices.len() {
        let words = "選んだ事業所が登録されていません。一覧から選び直してください。";
        return Err(PeopleRefusal::ConsentIncomplete { field: "office", words }.into());
    }
    if let Some(contact) = new.scope.contact() {
        store::contacts::get(tx, contact)?.filter(|c| c.person == person).ok_or(PeopleRefusal::NoContact)?;
    }
    let former = store::consents::newest(tx, person, new.scope)?;
    let said = store::consents::last_said(tx, person, new.scope)?;
    let unreadable: Vec<UnreadableConsent> = [&former, &said].into_iter().filter_map(Kept::unreadable).collect();
    // Nobody knows whether a no stands there, so only another no may be put over it: a refusal never waits for a repair,
    // and a yes is not taken for one that lifts what the person had refused.
    if !unreadable.is_empty() && !new.state.is_no() {
        return Err(PeopleRefusal::ConsentUnreadable.into());
    }
    if let Some(said) = said.read().filter(|c| !rules::may_follow(c.state, new.state)) {
        return Err(PeopleRefusal::AnswerStands { answer: said.state, instead_of: new.state }.into());
    }
    let former = former.read();
    let consent = of_new(ctx, person, new);
    if let Some(former) = former.as_ref().filter(|c| c.ended_at.is_none()) {
        store::consents::end(tx, former.id, former.state, ctx.now, NEXT, "")?;
        close(ctx, tx, former.person, former.id, Some(former.scope))?;
    }
    for damaged in &unreadable {
        end_unreadable(ctx, tx, person, damaged, NEXT)?;
    }
    store::consents::insert(tx, &consent)?;
    if consent.state.allows() {
        open(ctx, tx, &consent)?;
        outbox::push(tx, ctx.now, &given(&consent))?;
    } else if !unreadable.is_empty() || former.is_some_and(|c| c.state.allows()) {
        told(ctx, tx, &consent)?;
    }
    audit::done(ctx, tx, Verb::RecordConsent, &witness, consent.scope.key())?;
    Ok(consent.id)
}

/// Why an answer ended that another one followed.
const NEXT: &str = "次の記録による";

/// Closes what may hang on a recording that cannot be read. Its words stay as they are.
fn end_unreadable(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    damaged: &UnreadableConsent,
    reason: &str,
) -> Result<(), PeopleError> {
    store::consents::end_unreadable(tx, damaged.id, ctx.now, reason)?;
    close(ctx, tx, person, damaged.id, damaged.scope)
}

/// Takes a consent of this person back: views and collection that hang on it end with this transaction.
pub fn withdraw_consent(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    consent: ConsentId,
    withdrawal: &Withdrawal,
) -> Result<(), PeopleError> {
    let witness = access::require(ctx, tx, Act::RecordConsent, person)?;
    let mut found = match store::consents::get(tx, person, consent)? {
        Kept::None => return Err(PeopleRefusal::NoConsent.into()),
        Kept::Unreadable(_) => return Err(PeopleRefusal::ConsentUnreadable.into()),
        Kept::Read(found) => *found,
    };
    if found.ended_at.is_some() || !found.state.allows() {
        return Err(PeopleRefusal::NotWithdrawable(found.state).into());
    }
    found.state = ConsentState::Withdrawn;
    let (reason, by) = (withdrawal.reason.expose(), withdrawal.by.expose());
    store::consents::end(tx, found.id, found.state, ctx.now, reason, by)?;
    close(ctx, tx, found.person, found.id, Some(found.scope))?;
    told(ctx, tx, &found)?;
    audit::done(ctx, tx, Verb::WithdrawConsent, &witness, found.scope.key())?;
    Ok(())
}

/// Ends the consents whose last day is over, at most [`base::limits::LIST_ROWS`] a call; gives how many. Their grants
/// ended by themselves; this says so in the record and tells those who collect. For the program's own timer.
pub fn expire_consents(ctx: &Ctx, tx: &mut dyn Tx) -> Result<usize, PeopleError> {
    access::charge(ctx, Charge::KeepConsents)?;
    let over = store::consents::over(tx, Date::of(ctx.now))?;
    for consent in &over {
        let witness = access::require(ctx, tx, Act::RecordConsent, consent.person)?;
        expire(ctx, tx, consent.clone(), "有効期限の経過")?;
        audit::done(ctx, tx, Verb::ExpireConsent, &witness, consent.scope.key())?;
    }
    Ok(over.len())
}

/// What is on record about a scope. It asks nobody's leave and gives no fact but the answer: every capability asks it
/// before it collects or shows. An end that has passed counts once [`expire_consents`] ran. Where the newest recording
/// cannot be read this is an error and no answer, see [`crate::as_far_as_readable`].
pub fn consent_state(tx: &mut dyn Tx, person: PersonId, scope: ConsentScope) -> Result<ConsentState, PeopleError> {
    Ok(store::consents::newest_readable(tx, person, scope)?.map_or(ConsentState::NotObtained, |c| c.state))
}

/// All recordings about a person, newest first.
pub fn consents(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<Shown<Vec<Consent>>, PeopleError> {
    let witness = access::require(ctx, tx, Act::SeeConsents, person)?;
    Ok(witness.shows(store::consents::of(tx, person)?))
}

/// The records of this person's consents that cannot be read: what seems not to be obtained may stand there.
pub fn unreadable_consents(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
) -> Result<Vec<UnreadableConsent>, PeopleError> {
    access::require(ctx, tx, Act::SeeConsents, person)?;
    Ok(store::consents::unreadable_of(tx, person)?)
}

/// The record of a person is closed: every consent ends with it.
pub(crate) fn end_all(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId, reason: &str) -> Result<(), PeopleError> {
    end_where(ctx, tx, person, reason, |_| true)
}

/// The contact is no longer one: what they were allowed to see ends.
pub(crate) fn end_of_contact(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    contact: ContactId,
) -> Result<(), PeopleError> {
    end_where(ctx, tx, person, "連絡先の削除", |scope| scope.contact() == Some(contact))
}

fn end_where(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    reason: &str,
    matches: impl Fn(ConsentScope) -> bool,
) -> Result<(), PeopleError> {
    let (open, damaged) = store::consents::open_of(tx, person)?;
    for consent in open.into_iter().filter(|c| c.state.allows() && matches(c.scope)) {
        expire(ctx, tx, consent, reason)?;
    }
    for consent in damaged.iter().filter(|c| c.scope.is_none_or(&matches)) {
        end_unreadable(ctx, tx, person, consent, reason)?;
    }
    Ok(())
}

fn expire(ctx: &Ctx, tx: &mut dyn Tx, mut consent: Consent, reason: &str) -> Result<(), PeopleError> {
    // Ending the watch ends the family's consents with it; one of them may have been read before that.
    if store::consents::get(tx, consent.person, consent.id)?.read().is_none_or(|c| c.ended_at.is_some()) {
        return Ok(());
    }
    consent.state = ConsentState::Expired;
    store::consents::end(tx, consent.id, consent.state, ctx.now, reason, "")?;
    close(ctx, tx, consent.person, consent.id, Some(consent.scope))?;
    told(ctx, tx, &consent)
}

/// Opens the access that hangs on a yes.
fn open(ctx: &Ctx, tx: &mut dyn Tx, consent: &Consent) -> Result<(), PeopleError> {
    let (holder, ground) = match consent.scope {
        ConsentScope::FamilyAlerts(contact) => (contact.0, Ground::FamilyAlerts),
        ConsentScope::FamilyWatch(contact) => (contact.0, Ground::FamilyWatch),
        ConsentScope::CareSharing => return team::reopen_for_consent(ctx, tx, consent),
        _ => return Ok(()),
    };
    let until = consent.until().unwrap_or(FOREVER);
    Ok(access::grant(
        ctx,
        tx,
        Grant { person: consent.person, holder, ground, source: consent.id.0, until, items: Items::All },
    )?)
}

/// Closes the access that hung on a yes; of a scope that nobody can read, whatever it may have been.
fn close(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    consent: ConsentId,
    scope: Option<ConsentScope>,
) -> Result<(), PeopleError> {
    if scope.is_none_or(|scope| scope == ConsentScope::CareSharing) {
        team::close_for_consent(ctx, tx, person)?;
    }
    if scope != Some(ConsentScope::CareSharing) {
        access::revoke_source(ctx, tx, consent.0)?;
    }
    Ok(())
}

/// Tells that a yes is none any more. Without the watch there is nothing left that a family could be shown of it.
fn told(ctx: &Ctx, tx: &mut dyn Tx, consent: &Consent) -> Result<(), PeopleError> {
    outbox::push(tx, ctx.now, &withdrawn(consent))?;
    match consent.scope {
        ConsentScope::Watch => end_where(ctx, tx, consent.person, "見守りの同意の終了", ConsentScope::is_family),
        _ => Ok(()),
    }
}

fn given(consent: &Consent) -> Event {
    let Consent { id: consent, person, scope, state, .. } = *consent;
    Event::ConsentGiven { consent, person, scope: scope.key().to_owned(), contact: scope.contact(), state }
}

fn withdrawn(consent: &Consent) -> Event {
    let Consent { id: consent, person, scope, state, .. } = *consent;
    Event::ConsentWithdrawn { consent, person, scope: scope.key().to_owned(), contact: scope.contact(), state }
}

fn of_new(ctx: &Ctx, person: PersonId, new: &NewConsent) -> Consent {
    Consent {
        id: ctx.id(),
        person,
        scope: new.scope,
        state: new.state,
        manner: new.manner.filter(|_| new.state.allows()).unwrap_or(Manner::Blanket),
        offices: new.offices.clone(),
        obtained_by: new.obtained_by,
        explained_by: new.explained_by.redacted(),
        explained_on: new.explained_on,
        obtained_on: new.obtained_on,
        expires_on: new.expires_on,
        signed_by: new.signed_by.redacted(),
        signer_relation: new.signer_relation,
        proxy_reason: new.proxy_reason.redacted(),
        legal_basis: new.legal_basis.expose().to_owned(),
        recorded_by: ctx.actor.id,
        recorded_at: ctx.now,
        ended_at: None,
        end_reason: Redacted::default(),
        ended_by: Redacted::default(),
    }
}
