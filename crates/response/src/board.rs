//! Figures without persons: the wallboard of a day, and how each rule did over a while.

use base::wareki::Date;
use base::{Ctx, Instant, Span};
use db::{Tx, params};
use watch::{Cause, Rule};

use crate::{Refusal, ResponseError};

/// Marks of the wallboard: the shares of alerts to be taken within 60 s and within 180 s, as asked for by the region; the
/// usual ones of British alarm receiving centres (TSA) [to verify].
pub const MARK_60: f64 = 0.975;
pub const MARK_180: f64 = 0.99;
/// Cases that one evaluation reads at most.
const KPI_CASES: usize = 20_000;

/// A day at the call centre.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wallboard {
    /// Untaken now.
    pub waiting: usize,
    /// Since when the one waits that waits longest.
    pub waiting_since: Option<Instant>,
    pub open: usize,
    pub overdue: usize,
    /// Held by the one who asks.
    pub mine: usize,
    /// Cases of the day.
    pub opened: usize,
    pub closed: usize,
    /// Of the cases of the day that are taken or older than 60 s; `None` where there was none.
    pub within_60: Option<f64>,
    /// The same for 180 s.
    pub within_180: Option<f64>,
}

const NOW: &str = "SELECT
    COALESCE(CAST(SUM(CASE WHEN holder_id IS NULL THEN 1 ELSE 0 END) AS BIGINT), 0), COUNT(*),
    COALESCE(CAST(SUM(CASE WHEN due_at <= $1 THEN 1 ELSE 0 END) AS BIGINT), 0),
    COALESCE(CAST(SUM(CASE WHEN holder_id = $2 THEN 1 ELSE 0 END) AS BIGINT), 0),
    MIN(CASE WHEN holder_id IS NULL THEN opened_at END)
    FROM response_case WHERE closed_at IS NULL";
const OF_DAY: &str = "SELECT opened_at, taken_at, closed_at FROM response_case
    WHERE opened_at >= $1 AND opened_at < $2 ORDER BY opened_at LIMIT $3";

pub fn wallboard(ctx: &Ctx, tx: &mut dyn Tx, day: Date) -> Result<Wallboard, ResponseError> {
    may_see(ctx)?;
    let (from, until) = (Instant::from_wall_day(i64::from(day.0)), Instant::from_wall_day(i64::from(day.0) + 1));
    tx.ahead(&[&|tx| drop(tx.query(OF_DAY, params![from, until, KPI_CASES]))]);
    let row = tx.first(NOW, params![ctx.now, ctx.actor.id])?.ok_or(db::DbError::NoRow)?;
    let mut times: Vec<(Instant, Option<Instant>)> = Vec::new();
    let mut closed = 0;
    for r in tx.query(OF_DAY, params![from, until, KPI_CASES])? {
        times.push((r.get(0)?, r.get(1)?));
        closed += usize::from(r.get::<Option<Instant>>(2)?.is_some());
    }
    Ok(Wallboard {
        waiting: row.get(0)?,
        waiting_since: row.get(4)?,
        open: row.get(1)?,
        overdue: row.get(2)?,
        mine: row.get(3)?,
        opened: times.len(),
        closed,
        within_60: share_taken(&times, Span::seconds(60), ctx.now),
        within_180: share_taken(&times, Span::seconds(180), ctx.now),
    })
}

/// The share taken within `mark` among those taken or past it: who still waits within the mark counts neither way.
pub fn share_taken(times: &[(Instant, Option<Instant>)], mark: Span, now: Instant) -> Option<f64> {
    let in_time = |(opened, taken): &&(Instant, Option<Instant>)| taken.is_some_and(|t| t - *opened <= mark);
    let good = times.iter().filter(in_time).count();
    let decided = times.iter().filter(|(opened, taken)| taken.is_some() || now - *opened > mark).count();
    (decided > 0).then(|| good as f64 / decided as f64)
}

/// How the alerts of one rule ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RuleKpi {
    pub rule: Rule,
    pub cases: usize,
    pub open: usize,
    /// 応答時間: median from alert to taking.
    pub median_taken: Option<Span>,
    pub within_60: Option<f64>,
    /// 一次解決率: of the closed, those that the call to the resident ended.
    pub first_contact: Option<f64>,
    /// 誤報率: of the closed whose truth is known, those where nobody needed help.
    pub false_alarms: Option<f64>,
    /// 解消まで: median from alert to closure.
    pub median_closed: Option<Span>,
}

const OF_RULES: &str = "SELECT rule, opened_at, taken_at, closed_at, cause FROM response_case
    WHERE opened_at >= $1 AND opened_at < $2 ORDER BY opened_at LIMIT $3";

/// Figures by rule of the cases opened from one day to another, both included; rules without cases are left out.
pub fn kpis(ctx: &Ctx, tx: &mut dyn Tx, from: Date, to: Date) -> Result<Vec<RuleKpi>, ResponseError> {
    may_see(ctx)?;
    let (from, until) = (Instant::from_wall_day(i64::from(from.0)), Instant::from_wall_day(i64::from(to.0) + 1));
    let mut ended = Vec::new();
    for r in tx.query(OF_RULES, params![from, until, KPI_CASES])? {
        ended.push(Ended {
            rule: r.word(0, Rule::from_key)?,
            opened: r.get(1)?,
            taken: r.get(2)?,
            closed: r.get(3)?,
            cause: r.get::<Option<String>>(4)?.and_then(|c| Cause::from_key(&c)),
        });
    }
    let of_rule = |rule: &Rule| {
        let mine: Vec<&Ended> = ended.iter().filter(|e| e.rule == *rule).collect();
        (!mine.is_empty()).then(|| kpi(*rule, &mine, ctx.now))
    };
    Ok(Rule::ALL.iter().filter_map(of_rule).collect())
}

struct Ended {
    rule: Rule,
    opened: Instant,
    taken: Option<Instant>,
    closed: Option<Instant>,
    cause: Option<Cause>,
}

fn kpi(rule: Rule, cases: &[&Ended], now: Instant) -> RuleKpi {
    let times: Vec<(Instant, Option<Instant>)> = cases.iter().map(|e| (e.opened, e.taken)).collect();
    let causes: Vec<Cause> = cases.iter().filter_map(|e| e.cause).collect();
    let known: Vec<bool> = causes.iter().filter_map(|c| rule.was_false(*c)).collect();
    RuleKpi {
        rule,
        cases: cases.len(),
        open: cases.iter().filter(|e| e.closed.is_none()).count(),
        median_taken: median(cases.iter().filter_map(|e| e.taken.map(|t| t - e.opened)).collect()),
        within_60: share_taken(&times, Span::seconds(60), now),
        first_contact: share(
            causes.iter().filter(|c| matches!(c, Cause::AnsweredWell | Cause::RequestSettled)).count(),
            causes.len(),
        ),
        false_alarms: share(known.iter().filter(|f| **f).count(), known.len()),
        median_closed: median(cases.iter().filter_map(|e| e.closed.map(|t| t - e.opened)).collect()),
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The lower of the two middle values for an even count.
fn median(mut spans: Vec<Span>) -> Option<Span> {
    spans.sort_unstable();
    spans.get(spans.len().checked_sub(1)? / 2).copied()
}

fn may_see(ctx: &Ctx) -> Result<(), Refusal> {
    access::charge(ctx, access::Charge::SeeBoard).map(drop).map_err(|_| Refusal::NotYourBoard)
}
