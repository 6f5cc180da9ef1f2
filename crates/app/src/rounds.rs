//! What the program does by itself, round after round: events to screens and devices, limits of cases, messages on
//! their way, signed heads, the heartbeat, the hourly emergency list. Each round survives its own failure and says so
//! in the log; none keeps state that a restart would lose.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base::{Actor, Clock, Ctx, Instant, Purpose, Span};
use db::{Db, DbError, outbox};
use futures_util::FutureExt;
use page::site::{Site, new_request};
use tokio::time::{MissedTickBehavior, interval};
use watch::live::OnAlert;

use crate::postman;

/// How long events stay in the outbox; every listener reads within seconds.
const OUTBOX_KEPT: Span = Span::hours(24);

/// The circumstances of the program's own acts.
pub fn system(part: &str, clock: &Clock) -> Ctx {
    Ctx::new(Actor::system(part), Purpose::Operation, clock(), new_request())
}

/// Hands every committed event to `take`, in order, starting after what was committed when this began, in batches and
/// as `prepare` reads them. Where that fails nobody is told until it goes again.
pub async fn dispatch<T: Send + 'static>(
    db: Db,
    prepare: fn(&mut dyn db::Tx, &[outbox::Event]) -> Result<T, DbError>,
    take: impl Fn(T) + Send + 'static,
) -> Result<(), DbError> {
    let mut committed = db.committed();
    let mut seq = db.read(outbox::last_seq).await?;
    loop {
        committed.mark_unchanged();
        loop {
            let read = db.read(move |tx| {
                let events = outbox::after(tx, seq, 500)?;
                let Some(last) = events.last().map(|event| event.seq) else { return Ok(None) };
                Ok::<_, DbError>(Some((last, prepare(tx, &events)?)))
            });
            match read.await {
                Ok(Some((last, prepared))) => {
                    seq = last;
                    take(prepared);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    break;
                }
            }
        }
        // A second at most, should a wake-up ever be missed.
        let _ = tokio::time::timeout(Duration::from_secs(1), committed.changed()).await;
    }
}

/// Runs `round` every `every`, for as long as the program runs.
pub async fn repeat<F, R>(name: &'static str, every: Duration, round: F)
where
    F: Fn() -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match AssertUnwindSafe(round()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(round = name, error = %format!("{error:#}"), "a round failed"),
            Err(_) => tracing::error!(round = name, "a round panicked"),
        }
    }
}

/// Places in the index by person that one command files where nobody else waits.
pub const FILED_AT_ONCE: usize = 400;

/// Files audit rows by person, behind everybody else.
pub async fn index_audit(db: &Db) -> anyhow::Result<()> {
    Ok(db.in_slices("audit index", audit::index_persons).await?)
}

/// Forgets what nobody needs any more, ends consents whose day has come, lets the watch's limit follow what the region
/// measured, and files anew what an earlier version folded in its own way. What fails of it keeps nothing else from being
/// done.
pub async fn tidy(db: &Db, clock: &Clock) -> anyhow::Result<()> {
    let now = clock();
    let (sessions, consents) = (system("tidying", clock), system("tidying", clock));
    let parts = [
        tidy_outbox(db, now).await.map_err(anyhow::Error::from),
        db.write_bulk("sessions", move |tx| signin::tidy(&sessions, tx)).await.map(drop).map_err(Into::into),
        db.write_bulk("messages", move |tx| notify::tidy(tx, now)).await.map(drop).map_err(Into::into),
        expire_consents(db, consents).await,
        adapt_limit(db, system("watch", clock)).await,
        db.in_slices("search keys", people::file_anew).await.map_err(Into::into),
    ];
    parts.into_iter().collect()
}

/// A few at a time, until a round ends none.
async fn expire_consents(db: &Db, ctx: Ctx) -> anyhow::Result<()> {
    loop {
        let ctx = Ctx::new(ctx.actor.clone(), ctx.purpose, ctx.now, new_request());
        if db.write_bulk("consents", move |tx| people::expire_consents(&ctx, tx)).await? == 0 {
            return Ok(());
        }
    }
}

/// Once a week. What there is to measure is read beside people, and written in one row.
async fn adapt_limit(db: &Db, ctx: Ctx) -> anyhow::Result<()> {
    let now = ctx.now;
    if let Some(measured) = db.read(move |tx| watch::measure(tx, now)).await? {
        db.write_bulk("limit of the watch", move |tx| watch::adapt(&ctx, tx, &measured)).await?;
    }
    Ok(())
}

/// Forgets old events, but none that the postman has yet to tell.
pub async fn tidy_outbox(db: &Db, now: Instant) -> Result<(), DbError> {
    let prune = move |tx: &mut dyn db::Tx, limit: usize| {
        let untold = postman::oldest_untold(tx)?;
        let before = untold.map_or(now - OUTBOX_KEPT, |at| at.min(now - OUTBOX_KEPT));
        Ok(outbox::prune(tx, before, limit)? == limit as u64)
    };
    db.in_slices("outbox", prune).await
}

/// Tells the next in line of every case whose limit is over. Gives how many cases are past their limit.
pub async fn escalate(site: &Site, clock: &Clock) -> anyhow::Result<usize> {
    let now = clock();
    let (overdue, wake) = site
        .db()
        .read(move |tx| Ok::<_, response::ResponseError>((response::overdue_count(tx, now)?, response::next_wake(tx)?)))
        .await?;
    if wake.is_some_and(|at| at <= now) {
        let ctx = system("escalation", clock);
        site.db().write(move |tx| response::escalate_due(&ctx.clone(), tx)).await?;
    }
    Ok(overdue)
}

/// Tries again to open the cases of alerts that have none, each in a command of its own. Gives how many are left,
/// and the cities whose they are.
pub async fn answer_again(site: &Site, clock: &Clock, on_alert: &Arc<OnAlert>) -> anyhow::Result<(usize, String)> {
    let now = clock();
    let due = site.db().read(move |tx| watch::unanswered_due(tx, now)).await?;
    for alert in due {
        let (on_alert, request) = (on_alert.clone(), new_request());
        let again = move |tx: &mut dyn db::Tx| watch::take_up_again(request, now, tx, alert, &*on_alert);
        match site.db().write(again).await {
            Ok(true) => tracing::warn!("the case of a stored alert was opened later"),
            Ok(false) => metrics::counter!("watch_alerts_tried_again_total").increment(1),
            Err(error) => tracing::error!(%error, "an alert without a case could not be tried again"),
        }
    }
    let left = site.db().read(watch::unanswered_count).await?;
    metrics::gauge!("watch_alerts_without_case").set(left as f64);
    if left == 0 {
        return Ok((0, String::new()));
    }
    let cities = site.db().read(|tx| {
        let persons = watch::unanswered_persons(tx).unwrap_or_default();
        people::cities_of(tx, &persons)
    });
    let cities = cities.await;
    // Where the register cannot be read, the number is told all the same.
    let cities = cities.unwrap_or_default().into_iter().map(|it| it.city).collect::<Vec<_>>().join("、");
    Ok((left, cities))
}

/// Tells somebody outside that the program lives; their alarm rings when this stops. Such an address is a password: who
/// knows it can keep the alarm silent, so no error repeats it.
pub async fn heartbeat(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let answer = client.get(url).timeout(Duration::from_secs(10)).send().await;
    answer.and_then(reqwest::Response::error_for_status).map_err(reqwest::Error::without_url)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    // shows: 6.4.4 the program measures its region by itself, once a week
    #[test]
    fn the_region_is_measured_once_a_week() {
        let test = db::testing::fresh(web::MIGRATIONS);
        let begun = Instant::parse("2026-11-22T10:00").expect("a moment");
        let settled = test.db.write_blocking(move |tx| {
            let home = people::testing::sample(&people::testing::system(begun, 1), tx)?;
            watch::begin_contract(&people::testing::system(begun, 2), tx, home.home, home.person)
        });
        settled.expect("a contract");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let measured = |days: i64| {
            let clock: Clock = std::sync::Arc::new(move || begun + Span::days(days));
            runtime.block_on(tidy(&test.db, &clock)).expect("is tidied");
            let known = test.db.read_blocking(move |tx| watch::adaptation(tx, begun)).expect("reads");
            known.lately.map(|lately| (lately.until - begun).as_seconds() / 86_400)
        };
        let until = [None, Some(30), Some(30), Some(30), Some(37), Some(37)];
        assert_eq!([10, 31, 31, 36, 38, 39].map(measured), until, "whole days after the first one");
    }

    #[test]
    fn a_round_begins_at_once_comes_again_and_survives_its_own_failure() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (began, rounds) = (std::time::Instant::now(), AtomicUsize::new(0));
        let round = || async {
            match rounds.fetch_add(1, Ordering::Relaxed) {
                3 => std::future::pending().await,
                2 => panic!("round 2 panics"),
                n => anyhow::bail!("round {n} fails"),
            }
        };
        let every = Duration::from_millis(20);
        let four = async {
            tokio::select! {
                () = repeat("test", every, round) => {}
                () = async { while rounds.load(Ordering::Relaxed) < 4 { tokio::time::sleep(every / 4).await } } => {}
            }
        };
        // A timer belongs to the runtime that it is made in.
        let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), four).await });
        assert!(ended.is_ok(), "the fourth round never came");
        assert!(began.elapsed() >= every * 3, "rounds keep their distance");
    }
}
