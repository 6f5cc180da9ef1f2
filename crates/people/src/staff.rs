//! 職員: who works where, as what, and whether they still do. Suspending and retiring take every grant at once.

use base::wareki::Date;
use base::{Ctx, Instant, OfficeId, Redacted, Role, StaffId};
use db::{Tx, outbox};
use form::Reading;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::verbs::Verb;
use crate::{
    Email, FieldError, Form, Kana, Line, Name, PeopleError, PeopleRefusal, PhoneNumber, Profession, Revision,
    StaffState, history, office, rules, store, team,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Staff {
    /// The id of the account too.
    pub id: StaffId,
    pub office: OfficeId,
    pub name: Redacted<String>,
    pub kana: Redacted<String>,
    pub role: Role,
    pub profession: Profession,
    /// 資格番号
    pub qualification: String,
    pub phone: Option<PhoneNumber>,
    pub email: Option<Email>,
    pub state: StaffState,
    /// 研修修了日
    pub trained_on: Option<Date>,
    pub entered_by: Uuid,
    pub entered_at: Instant,
    pub version: i64,
}

/// What is entered about a member of staff, at first and in corrections.
#[derive(Clone, Debug)]
pub struct StaffFacts {
    pub name: Name,
    pub kana: Kana,
    pub profession: Profession,
    pub qualification: Line,
    pub phone: Option<PhoneNumber>,
    pub email: Option<Email>,
    pub trained_on: Option<Date>,
}

/// Office and role stay for good: what somebody may see hangs on them. Who changes either is registered anew.
#[derive(Clone, Debug)]
pub struct NewStaff {
    pub office: OfficeId,
    pub role: Role,
    /// 申請中 or 有効.
    pub active: bool,
    pub facts: StaffFacts,
}

impl StaffFacts {
    /// Fields `name kana profession qualification phone email trained_on`.
    pub fn parse(form: &Form, today: Date) -> Result<StaffFacts, Vec<FieldError>> {
        let mut reading = Reading::of(form);
        let read = StaffFacts::read(&mut reading, today, Profession::Clerk);
        reading.finish(read)
    }

    fn read(r: &mut Reading<'_>, today: Date, usual: Profession) -> Option<StaffFacts> {
        let (name, kana) = (r.name("name", "氏名"), r.kana("kana", "フリガナ"));
        let profession = r.word_or("profession", "職種", usual);
        let (qualification, phone, email) = (r.any_line("qualification"), r.phone("phone"), r.email("email"));
        let trained_on = r.past_date("trained_on", "研修修了日", today);
        Some(StaffFacts {
            name: name?,
            kana: kana?,
            profession: profession?,
            qualification: qualification?,
            phone: phone?,
            email: email?,
            trained_on: trained_on?,
        })
    }
}

impl NewStaff {
    /// The fields of [`StaffFacts::parse`], `office`, `role` and `active` (a checkbox; without it 申請中).
    pub fn parse(form: &Form, today: Date) -> Result<NewStaff, Vec<FieldError>> {
        let mut r = Reading::of(form);
        let office = r.id("office", "事業所");
        let role = Role::from_key(form.one("role")).filter(|role| rules::is_staff_role(*role));
        if role.is_none() {
            r.wrong("role", "区分を選んでください。");
        }
        let facts = StaffFacts::read(&mut r, today, role.map_or(Profession::Clerk, rules::usual_profession));
        let read = (|| Some(NewStaff { office: office?, role: role?, active: form.ticked("active"), facts: facts? }))();
        r.finish(read)
    }
}

/// Registers a member of staff; the account, under the same id, is opened by whoever signs people in.
pub fn register_staff(ctx: &Ctx, tx: &mut dyn Tx, new: &NewStaff) -> Result<StaffId, PeopleError> {
    let charged = crate::keeper(ctx)?;
    rules::role_fits(new.role, office::office(tx, new.office)?.kind)?;
    let state = if new.active { StaffState::Active } else { StaffState::Applied };
    let staff = of_facts(ctx, (ctx.id(), new.office, new.role, state, 1), &new.facts);
    store::staff::insert(tx, &staff)?;
    history::keep(ctx, tx, staff.id.0, history::STAFF, 1, "", &staff)?;
    audit::done(ctx, tx, Verb::RegisterStaff, charged, "staff")?;
    outbox::push(tx, ctx.now, &Event::StaffRegistered { staff: staff.id })?;
    Ok(staff.id)
}

pub fn revise_staff(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    staff: StaffId,
    facts: &StaffFacts,
    revision: &Revision,
) -> Result<Staff, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let before = self::staff(tx, staff)?;
    rules::revisable(before.version, revision)?;
    let after = of_facts(ctx, (staff, before.office, before.role, before.state, before.version + 1), facts);
    keep(ctx, tx, &after, revision.reason.expose())?;
    audit::done(ctx, tx, Verb::ReviseStaff, charged, "staff")?;
    outbox::push(tx, ctx.now, &Event::StaffRevised { staff })?;
    Ok(after)
}

/// Activates, suspends or retires. Suspended: every grant ends at once, memberships wait. Active again: the grants of
/// open memberships come back as far as the residents' consents still reach. Retired: memberships end too. The event
/// `people.staff_state_changed` tells signin to end sessions.
pub fn set_staff_state(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    staff: StaffId,
    state: StaffState,
    reason: &Line,
) -> Result<Staff, PeopleError> {
    let charged = crate::keeper(ctx)?;
    let mut after = self::staff(tx, staff)?;
    rules::staff_state_change(after.state, state)?;
    if reason.is_blank() && state != StaffState::Active {
        return Err(PeopleRefusal::NoReason.into());
    }
    after.state = state;
    after.version += 1;
    keep(ctx, tx, &after, reason.expose())?;
    match state {
        StaffState::Active => team::reopen_for_staff(ctx, tx, &after)?,
        StaffState::Retired => {
            team::end_for_staff(ctx, tx, staff)?;
            access::revoke_holder(ctx, tx, staff.0)?;
        }
        StaffState::Suspended | StaffState::Applied => access::revoke_holder(ctx, tx, staff.0)?,
    }
    audit::done(ctx, tx, Verb::SetStaffState, charged, state.key())?;
    outbox::push(tx, ctx.now, &Event::StaffStateChanged { staff, state })?;
    Ok(after)
}

pub fn staff(tx: &mut dyn Tx, staff: StaffId) -> Result<Staff, PeopleError> {
    Ok(store::staff::get(tx, staff)?.ok_or(PeopleRefusal::NoStaff)?)
}

/// Where somebody stands in the register as a member of staff; `None` for whoever never was one.
pub fn staff_state(tx: &mut dyn Tx, staff: StaffId) -> Result<Option<StaffState>, PeopleError> {
    Ok(store::staff::get(tx, staff)?.map(|staff| staff.state))
}

/// The staff of an office by reading, retired ones last; at most [`store::staff::MAX_STAFF`].
pub fn staff_of_office(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<Staff>, PeopleError> {
    Ok(store::staff::of_office(tx, office)?)
}

/// Where a message to somebody goes: for delivery, never for a page.
#[derive(Clone, Debug)]
pub struct Reach {
    pub name: Redacted<String>,
    pub phones: Vec<PhoneNumber>,
    pub fax: Option<PhoneNumber>,
    pub email: Option<Redacted<String>>,
}

/// How to reach a member of staff, a contact, a resident or an office by their id; `None` for nobody, for staff who do
/// not work here now, and for those whose record is closed.
pub fn reach(tx: &mut dyn Tx, subject: Uuid) -> Result<Option<Reach>, PeopleError> {
    if let Some(s) = store::staff::get(tx, StaffId(subject))? {
        let working = s.state == StaffState::Active;
        let email = s.email.as_ref().map(Email::redacted);
        return Ok(working.then(|| Reach { name: s.name, phones: s.phone.into_iter().collect(), fax: None, email }));
    }
    if let Some(c) = store::contacts::get(tx, subject.into())? {
        return Ok(Some(Reach { name: c.name, phones: c.phones, fax: None, email: c.email }));
    }
    if let Some(r) = store::residents::get(tx, subject.into())? {
        let open = !r.life.closed();
        return Ok(open.then_some(Reach { name: r.name, phones: r.phones, fax: r.fax, email: r.email }));
    }
    let office = store::offices::get(tx, subject.into())?;
    Ok(office.map(|o| {
        let email = o.email.as_ref().map(Email::redacted);
        Reach { name: Redacted::new(o.name), phones: o.phone.into_iter().collect(), fax: o.fax, email }
    }))
}

fn keep(ctx: &Ctx, tx: &mut dyn Tx, after: &Staff, reason: &str) -> Result<(), PeopleError> {
    store::staff::update(tx, after)?;
    history::keep(ctx, tx, after.id.0, history::STAFF, after.version, reason, after)
}

fn of_facts(ctx: &Ctx, head: (StaffId, OfficeId, Role, StaffState, i64), facts: &StaffFacts) -> Staff {
    let (id, office, role, state, version) = head;
    Staff {
        id,
        office,
        name: facts.name.redacted(),
        kana: facts.kana.redacted(),
        role,
        profession: facts.profession,
        qualification: facts.qualification.expose().to_owned(),
        phone: facts.phone.clone(),
        email: facts.email.clone(),
        state,
        trained_on: facts.trained_on,
        entered_by: ctx.actor.id,
        entered_at: ctx.now,
        version,
    }
}
