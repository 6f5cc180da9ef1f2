//! Alerts without a case: stored, and yet nobody took them up, because what takes them up failed. Each stays here, and on
//! the list and the banner of those on duty, until it has been taken up; it is tried again at a bounded pace.

use access::{Act, Shown};
use audit::{Basis, Means};
use base::{Actor, AlertId, Ctx, Instant, PersonId, Purpose, RequestId, Span, limits};
use db::{DbError, Tx, outbox};

use crate::event::Event;
use crate::live::OnAlert;
use crate::store::{alert, unanswered as store};
use crate::verbs::Verb;
use crate::{Alert, Level, WatchError};

/// How long until an alert that nobody took up is tried again.
pub const AGAIN: Span = Span::seconds(30);
/// Alerts tried again in one round of the program.
pub const TRIED_AT_ONCE: usize = 50;

/// Stores an alert, tells of it, and has it taken up where it is the call centre's.
pub(crate) fn raise(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    home: u32,
    device: Option<u32>,
    a: &Alert,
    on_alert: &OnAlert,
) -> Result<(), DbError> {
    alert::insert(tx, a, home, device)?;
    audit::done(ctx, tx, Verb::RaiseAlert, Basis::Means(Means::Program, Some(a.person)), a.rule.key())?;
    let raised = Event::AlertRaised { alert: a.id, home: a.home, person: a.person, level: a.level, rule: a.rule };
    outbox::push(tx, ctx.now, &raised)?;
    match a.level {
        Level::Alert => take_up(ctx, tx, a, on_alert),
        Level::Notice => Ok(()),
    }
}

/// Takes up an alert in a part of the transaction of its own. Where that fails the alert is stored all the same and
/// stands among those without a case.
fn take_up(ctx: &Ctx, tx: &mut dyn Tx, alert: &Alert, on_alert: &OnAlert) -> Result<(), DbError> {
    if let Err(error) = tx.apart(|tx| on_alert(ctx, tx, alert))? {
        tracing::error!(%error, rule = alert.rule.key(), "an alert is stored and its case could not be opened");
        store::insert(tx, alert.id, ctx.now, ctx.now + AGAIN)?;
    }
    Ok(())
}

/// Tries again to take up an alert; `false` where that failed again.
pub fn take_up_again(
    request: RequestId,
    now: Instant,
    tx: &mut dyn Tx,
    id: AlertId,
    on_alert: &OnAlert,
) -> Result<bool, DbError> {
    let ctx = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, now, request);
    if !store::waits(tx, id)? {
        return Ok(true);
    }
    let taken_up = tx.apart(|tx| match alert::one(tx, id)? {
        Some(alert) => on_alert(&ctx, tx, &alert),
        None => Err(DbError::NoRow),
    })?;
    match taken_up {
        Ok(()) => store::remove(tx, id).map(|()| true),
        Err(error) => {
            tracing::error!(%error, "the case of a stored alert could not be opened this time either");
            store::tried(tx, id, now + AGAIN).map(|()| false)
        }
    }
}

/// Which of them are to be tried again by now, at most [`TRIED_AT_ONCE`].
pub fn unanswered_due(tx: &mut dyn Tx, now: Instant) -> Result<Vec<AlertId>, DbError> {
    store::due(tx, now, TRIED_AT_ONCE)
}

/// How many alerts have no case: for a banner and a metric, a number without persons.
pub fn unanswered_count(tx: &mut dyn Tx) -> Result<usize, DbError> {
    store::count(tx)
}

/// Whose alerts they are, the oldest first, once for each of the first [`limits::ROWS_PER_STATEMENT`]: to say which city
/// is to act, never who.
pub fn unanswered_persons(tx: &mut dyn Tx) -> Result<Vec<PersonId>, WatchError> {
    Ok(store::persons(tx, limits::ROWS_PER_STATEMENT)?)
}

/// The alerts without a case that this actor may see, oldest first, at most [`limits::LIST_ROWS`].
pub fn unanswered(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Shown<Vec<Alert>>, WatchError> {
    let (within, values) = access::scope(ctx, Act::SeeAlert)?.filter("a.person_id", 1);
    let alerts = store::list(tx, &within, values, limits::LIST_ROWS)?;
    crate::alert::known_of(ctx, tx, alerts)
}
