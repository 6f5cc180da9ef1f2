//! How a case begins, and what happens when nobody moves it on: the two verbs of the program itself.

use access::{Act, FOREVER, Grant, Ground, Items, Shown};
use base::{AlertId, CaseId, Ctx, Instant, OfficeId, PersonId, Redacted, Span};
use db::{DbError, Tx, outbox};
use notify::Topic;
use people::TeamPart;
use uuid::Uuid;
use watch::{Alert, Level, Reply};

use crate::case::Happening;
use crate::duty::next_rung;
use crate::event::Event;
use crate::moving::{self, Moving, push};
use crate::rules::Command;
use crate::settings::settings;
use crate::verbs::Verb;
use crate::{Case, ResponseError, Rung, State, store, telling, unreadable};

/// Cases whose limit is over that one call of [`escalate_due`] works; the rest wait for the next call.
const ESCALATIONS: usize = 200;
/// When a case of which nobody could be told is tried again.
const AGAIN: Span = Span::minutes(1);

/// The case of an alert: the home's open one, else a new one, in the transaction that stores the alert. `None` for a
/// `notice`, which is a question and no case. The same alert again changes nothing. Outbox: `response.case_opened`, or
/// `response.alert_joined`.
pub fn open_case(ctx: &Ctx, tx: &mut dyn Tx, alert: &Alert) -> Result<Option<Case>, ResponseError> {
    let witness = access::require(ctx, tx, Act::WorkCase, alert.person)?;
    if alert.level == Level::Notice {
        return Ok(None);
    }
    if let Some(known) = store::case_of_alert(tx, alert.id)? {
        return Ok(Some(known));
    }
    if let Some(open) = store::open_of_home(tx, alert.home)? {
        return join(ctx, tx, Moving { case: open, witness }, alert).map(Some);
    }
    let (centre, held_on) = first_office(ctx, tx, alert.person)?;
    // Of the alert, also where its case opens later because it could not be opened then: nobody's time begins anew.
    let due = alert.raised_at + State::Detected.limit(&settings(tx)?);
    let case = Case {
        id: ctx.id(),
        number: 0,
        home: alert.home,
        person: alert.person,
        rule: alert.rule,
        reason: alert.reason.clone(),
        urgent: alert.rule.is_call_for_help(),
        state: State::Detected,
        opened_at: alert.raised_at,
        centre,
        taken_at: None,
        holder: None,
        held_since: None,
        due_at: Some(due),
        escalate_at: Some(due),
        told: None,
        wait_until: None,
        reached_at: None,
        closed_at: None,
        closed_by: None,
        cause: None,
        closing_text: Redacted::new(String::new()),
    };
    store::insert_case(tx, &case)?;
    store::insert_alert(tx, case.id, alert)?;
    if let Some(office) = centre {
        let grant = Grant {
            person: case.person,
            holder: office.0,
            ground: held_on,
            source: case.id.0,
            until: FOREVER,
            items: Items::All,
        };
        access::grant(ctx, tx, grant)?;
    }
    store::insert_step(tx, ctx, &case, Happening::Opened, &case.reason)?;
    audit::done(ctx, tx, Verb::OpenCase, &witness, "case")?;
    push(ctx, tx, &case, Happening::Opened)?;
    // The call centre acts on the case; a message that cannot be written must not take the case with it.
    if let Err(error) = tx.apart(|tx| telling::family(ctx, tx, &case, Topic::AlertRaised))? {
        tracing::error!(%error, "the family could not be told of an alert");
    }
    Ok(store::case(tx, case.id)?)
}

/// The case of an alert in the transaction that stores it: for the watch, which does not know who responds.
pub fn on_alert(ctx: &Ctx, tx: &mut dyn Tx, alert: &Alert) -> Result<(), DbError> {
    match open_case(ctx, tx, alert) {
        Ok(_) => Ok(()),
        Err(ResponseError::Db(error)) => Err(error),
        Err(other) => Err(DbError::Engine(other.to_string())),
    }
}

/// An answer to the watch's question; who wants to be called or feels unwell has a case at once.
pub fn answer_notice(ctx: &Ctx, tx: &mut dyn Tx, notice: AlertId, reply: &Reply) -> Result<(), ResponseError> {
    Ok(watch::answer_notice(ctx, tx, notice, reply, &on_alert)?)
}

/// A second alert of a home whose case is open. The emergency button brings the limit forward.
fn join(ctx: &Ctx, tx: &mut dyn Tx, mut moving: Moving, alert: &Alert) -> Result<Case, ResponseError> {
    let urgent = alert.rule.is_call_for_help();
    moving.case.urgent |= urgent;
    moving.decide(ctx, tx, Command::Join { urgent })?;
    store::insert_alert(tx, moving.case.id, alert)?;
    moving.keep(ctx, tx, Happening::Joined, &alert.reason)?;
    Ok(moving.case)
}

/// Who works it first: the call centre by the case; where there is none, the support centre of the area or the city.
fn first_office(ctx: &Ctx, tx: &mut dyn Tx, person: PersonId) -> Result<(Option<OfficeId>, Ground), ResponseError> {
    if let Some(centre) = people::call_centre(tx)? {
        return Ok((Some(centre), Ground::Case));
    }
    let home = people::home_of(ctx, tx, person)?;
    let stands_in = match people::support_centre(tx, &home.area)? {
        Some(office) => Some(office),
        None => people::city_office(tx, &home.city_code)?,
    };
    Ok((stands_in, Ground::Escalation))
}

/// Tells the next in line of every case whose limit is over, and sets when the one after is told. The step does not
/// change. Run by the program's timer with `ctx.now` as the time; gives the cases it worked, at most 200 a call.
/// Outbox: `response.escalated` with `{case, person, rung, recipient}`.
pub fn escalate_due(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Vec<Case>, ResponseError> {
    let mut worked = Vec::new();
    let (cases, unreadable) = store::due_for_escalation(tx, ctx.now, ESCALATIONS)?;
    for row in unreadable {
        if let Err(error) = tx.apart(|tx| unreadable::to_the_city(ctx, tx, &row))? {
            tracing::error!(%error, "the city could not be told of a case that cannot be read");
            put_off(ctx, tx, store::remains(&row).map(|(id, ..)| id))?;
        }
    }
    for case in cases {
        let id = case.id;
        let told = tx.apart(|tx| {
            let witness = access::require(ctx, tx, Act::WorkCase, case.person)?;
            escalate(ctx, tx, Moving { case, witness })
        })?;
        match told {
            Ok(case) => worked.push(case),
            Err(error) => {
                tracing::error!(%error, "the next in line could not be told of a case");
                put_off(ctx, tx, Some(id))?;
            }
        }
    }
    Ok(worked)
}

/// One case that fails holds up no other; it is tried again, and stays on the list of overdue ones.
fn put_off(ctx: &Ctx, tx: &mut dyn Tx, case: Option<CaseId>) -> Result<(), ResponseError> {
    case.map_or(Ok(()), |case| Ok(store::put_off(tx, case, ctx.now + AGAIN)?))
}

fn escalate(ctx: &Ctx, tx: &mut dyn Tx, mut moving: Moving) -> Result<Case, ResponseError> {
    let ladder = ladder(ctx, tx, &moving.case)?;
    let case = &mut moving.case;
    let exists = |rung| ladder.iter().any(|(r, _)| *r == rung);
    let rung = next_rung(&case.state, case.told, exists).unwrap_or(Rung::City);
    let recipient = ladder.iter().find(|(r, _)| *r == rung).map(|(_, id)| *id);
    case.told = Some(rung);
    case.escalate_at = Some(ctx.now + settings(tx)?.rung);
    if let (Rung::SupportCentre | Rung::City, Some(holder)) = (rung, recipient) {
        let grant = Grant {
            person: case.person,
            holder,
            ground: Ground::Escalation,
            source: case.id.0,
            until: FOREVER,
            items: Items::All,
        };
        access::grant(ctx, tx, grant)?;
    }
    store::insert_told(tx, case.id, ctx.now, rung, recipient)?;
    store::save_case(tx, case)?;
    let detail = match recipient {
        Some(_) => format!("「{}」の期限を過ぎたため、{}に伝えました。", case.state.step().ja(), rung.ja()),
        None => format!(
            "「{}」の期限を過ぎましたが、伝える相手（{}）が登録されていません。事務局にお知らせください。",
            case.state.step().ja(),
            rung.ja()
        ),
    };
    store::insert_step(tx, ctx, case, Happening::Escalated, &detail)?;
    audit::done(ctx, tx, Verb::Escalate, &moving.witness, "case")?;
    let (person, home, step) = (case.person, case.home, case.state.step());
    let event = Event::Escalated { case: case.id, person, home, step, rung: Some(rung), recipient };
    outbox::push(tx, ctx.now, &event)?;
    if let Some(recipient) = recipient {
        telling::next_in_line(ctx, tx, case, rung, recipient)?;
    }
    Ok(moving.case)
}

/// Who exists on the way up, with the staff or office id that is told.
fn ladder(ctx: &Ctx, tx: &mut dyn Tx, case: &Case) -> Result<Vec<(Rung, Uuid)>, ResponseError> {
    // Whoever cannot be learned is left out; the others are told.
    let home = tx.apart(|tx| people::home_of(ctx, tx, case.person))?.ok();
    let team = tx.apart(|tx| people::team(ctx, tx, case.person))?.map(Shown::into_value).unwrap_or_default();
    let mut ladder = Vec::new();
    if let Some(centre) = people::call_centre(tx)? {
        ladder.push((Rung::ShiftLead, centre.0));
    }
    if let Some(member) = team.iter().find(|m| m.part == TeamPart::CareManager) {
        ladder.push((Rung::CareManager, member.staff.0));
    }
    let Some(home) = home else { return Ok(ladder) };
    let closed = tx.apart(|tx| people::resident(ctx, tx, case.person))?.is_ok_and(|r| r.life.closed());
    if closed {
        // The record is closed and nobody else may know the person any more; the city brings the case to its end.
        let city = people::city_office(tx, &home.city_code)?;
        return Ok(city.map(|office| (Rung::City, office.0)).into_iter().collect());
    }
    if let Some(office) = people::support_centre(tx, &home.area)? {
        ladder.push((Rung::SupportCentre, office.0));
    }
    if let Some(office) = people::city_office(tx, &home.city_code)? {
        ladder.push((Rung::City, office.0));
    }
    Ok(ladder)
}

/// Whether [`escalate_due`] has something to do now: for a reader, so that the writer is not woken for nothing.
pub fn anything_due(tx: &mut dyn Tx, now: Instant) -> Result<bool, ResponseError> {
    Ok(next_wake(tx)?.is_some_and(|wake| wake <= now))
}

/// When [`escalate_due`] has something to do next; `None` while nothing is open.
pub fn next_wake(tx: &mut dyn Tx) -> Result<Option<Instant>, ResponseError> {
    Ok(store::next_wake(tx)?)
}

/// Ends every access that came from a case.
pub(crate) fn end_access(ctx: &Ctx, tx: &mut dyn Tx, moving: &moving::Moving) -> Result<(), ResponseError> {
    let case = &moving.case;
    access::revoke_source(ctx, tx, case.id.0)?;
    for visit in store::visit_ids(tx, case.id)? {
        access::revoke_source(ctx, tx, visit.0)?;
    }
    Ok(())
}
