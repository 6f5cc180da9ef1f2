//! Carrying the queue out: leasing what is due, recording what became of it, taking the next way.

use std::sync::Arc;

use audit::{Basis, Means};
use base::{Ctx, Instant, Redacted};
use db::{Db, DbError, Tx};
use tokio::task::JoinSet;

use crate::rules::AfterFailure;
use crate::store::{self, AttemptRow};
use crate::verbs::Verb;
use crate::{Adapters, AttemptState, Delivery, DeliveryOutcome, LinkHash, LinkSeed, deliver, rules, send};

/// Leases up to `limit` attempts that are due, urgent ones first, and makes a fresh link for each. Attempts whose
/// runner died, and those of which no report came in time, are counted as failed first.
pub fn due(ctx: &Ctx, tx: &mut dyn Tx, seed: &LinkSeed, limit: usize) -> Result<Vec<Delivery>, DbError> {
    for lost in store::lost(tx, ctx.now, limit)? {
        failed(ctx, tx, &lost, "lost", true)?;
    }
    for silent in store::unreported(tx, ctx.now, limit)? {
        failed(ctx, tx, &silent, "no_report", false)?;
    }
    let mut deliveries = Vec::new();
    for row in store::due(tx, ctx.now, limit)? {
        store::lease(tx, row.id, ctx.now + rules::LEASE)?;
        let link = match row.has_link {
            true => {
                let token = seed.token(row.id);
                store::insert_link(tx, &LinkHash::of(&token), row.message, row.id)?;
                Some(Redacted::new(token))
            }
            false => None,
        };
        let (attempt, message, way, topic) = (row.id, row.message, row.way, row.topic);
        deliveries.push(Delivery {
            attempt,
            message,
            way,
            topic,
            address: row.address.into(),
            link,
            tries: row.tries + 1,
        });
    }
    Ok(deliveries)
}

/// Stores the receipt of one try; a failed one is queued again or the next way is taken.
pub fn record_outcome(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    delivery: &Delivery,
    outcome: DeliveryOutcome,
) -> Result<(), DbError> {
    let Some(row) = store::attempt(tx, delivery.attempt)? else { return Ok(()) };
    let went_out = matches!(outcome, DeliveryOutcome::Sent | DeliveryOutcome::Accepted);
    match outcome {
        // The gateway's report was faster than its answer, and knows more.
        _ if went_out && row.error.as_deref() == Some(rules::REPORTED) => Ok(()),
        // Even late it is the truth: the message went out.
        _ if went_out && !matches!(row.state, AttemptState::Sent | AttemptState::Read) => {
            let awaited = outcome == DeliveryOutcome::Accepted && !store::is_read(tx, row.message)?;
            let report_by = awaited.then(|| ctx.now + rules::report_within(row.topic));
            store::set_sent(tx, row.id, row.message, ctx.now, report_by)?;
            receipt(ctx, tx, &row, "sent")
        }
        // The outcome of a try whose lease was over, and which was counted then.
        _ if row.state != AttemptState::Queued || row.tries != delivery.tries || !row.leased => Ok(()),
        DeliveryOutcome::Failed { why } => failed(ctx, tx, &row, why, true),
        DeliveryOutcome::Refused { why } => failed(ctx, tx, &row, why, false),
        DeliveryOutcome::Sent | DeliveryOutcome::Accepted => Ok(()),
    }
}

/// Carries the queue out until the process ends: wakes with each commit that announced something and once a second.
/// `ctx` makes the circumstances of one command: now, a fresh request, the program itself as actor.
pub async fn run(db: Db, adapters: Arc<Adapters>, ctx: impl Fn() -> Ctx + Send + Sync + 'static) {
    let mut committed = db.committed();
    let mut under_way: JoinSet<()> = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let room = rules::IN_FLIGHT.saturating_sub(under_way.len());
        for delivery in take(&db, ctx(), room).await {
            under_way.spawn(carry(db.clone(), adapters.clone(), ctx(), delivery));
        }
        let wait = std::time::Duration::from_secs(1);
        tokio::select! {
            // A writer that is gone announces nothing more: the second still paces the loop.
            () = async { if committed.changed().await.is_err() { std::future::pending().await } } => {}
            () = tokio::time::sleep(wait) => {}
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// What is due, at most `room`; asks a reader first, so that an idle queue costs no commit.
async fn take(db: &Db, ctx: Ctx, room: usize) -> Vec<Delivery> {
    let now = ctx.now;
    let any = room > 0 && db.read(move |tx| store::anything_due(tx, now)).await.unwrap_or(true);
    if !any {
        return Vec::new();
    }
    let Ok(seed) = LinkSeed::draw() else {
        tracing::error!("no randomness for links; nothing is sent");
        return Vec::new();
    };
    match db.write(move |tx| due(&ctx, tx, &seed, room)).await {
        Ok(deliveries) => deliveries,
        Err(error) => {
            tracing::warn!(%error, "the queue of messages could not be read");
            Vec::new()
        }
    }
}

async fn carry(db: Db, adapters: Arc<Adapters>, ctx: Ctx, delivery: Delivery) {
    let began = std::time::Instant::now();
    let outcome = deliver(&adapters, &delivery).await;
    let (way, attempt, tries) = (delivery.way.key(), delivery.attempt, delivery.tries);
    tracing::info!(way, %attempt, tries, outcome = ?outcome, "delivery");
    let took = base::Span::millis(i64::try_from(began.elapsed().as_millis()).unwrap_or(0));
    let later: Instant = ctx.now + took;
    let ctx = Ctx::new(ctx.actor.clone(), ctx.purpose, later, ctx.request);
    if let Err(error) = db.write(move |tx| record_outcome(&ctx, tx, &delivery, outcome)).await {
        tracing::warn!(%error, way, "an outcome could not be stored; its lease will end");
    }
}

/// One failure: another try of the same way, or the next, or nobody is left to ask.
pub(crate) fn failed(ctx: &Ctx, tx: &mut dyn Tx, row: &AttemptRow, why: &str, again: bool) -> Result<(), DbError> {
    let first = row.first_failed_at.unwrap_or(ctx.now);
    let after = if again { rules::after_failure(row.tries, first, ctx.now) } else { AfterFailure::NextWay };
    if let AfterFailure::RetryAt(at) = after {
        return store::set_retry(tx, row.id, at, first, why);
    }
    store::set_failed(tx, row.id, ctx.now, first, why)?;
    receipt(ctx, tx, row, "failed")?;
    if !store::take_next_way(tx, row.message, Some(row.way), ctx.now)? {
        send::undeliverable(ctx, tx, row.message, row.topic)?;
    }
    tx.announce();
    Ok(())
}

pub(crate) fn receipt(ctx: &Ctx, tx: &mut dyn Tx, row: &AttemptRow, word: &str) -> Result<(), DbError> {
    let (_, person) = store::whom(tx, row.message)?;
    let items = format!("{} {word}", row.way.key());
    audit::done(ctx, tx, Verb::Receipt, Basis::Means(Means::Program, person), &items).map(drop)
}
