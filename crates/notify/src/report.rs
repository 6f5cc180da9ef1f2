//! What a gateway tells later about an attempt it had accepted. A report may come twice, late, or before the answer that
//! accepted the attempt.

use base::Ctx;
use db::{DbError, Tx};

use crate::rules::REPORTED;
use crate::{AttemptId, AttemptState, LinkPurpose, LinkUse, Way, carry, store};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GatewayReport {
    /// The SMS is on the telephone; whether anybody saw it is not known.
    Delivered,
    /// The call was answered and heard, the SMS was opened.
    Read,
    /// Nobody answered, the number does not exist.
    Failed,
}

impl GatewayReport {
    pub fn from_key(key: &str) -> Option<GatewayReport> {
        match key {
            "delivered" => Some(GatewayReport::Delivered),
            "read" => Some(GatewayReport::Read),
            "failed" => Some(GatewayReport::Failed),
            _ => None,
        }
    }
}

/// Who was asked by this call, and by what message: only a question takes a key.
pub fn question_of(tx: &mut dyn Tx, attempt: AttemptId) -> Result<Option<LinkUse>, DbError> {
    let Some(row) = store::attempt(tx, attempt)?.filter(|row| row.way == Way::Phone) else { return Ok(None) };
    let asked = store::asked(tx, row.message)?;
    Ok(asked.filter(|asked| matches!(asked.purpose, LinkPurpose::AnswerNotice { .. })))
}

/// What a report came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reported {
    Noted,
    /// Nothing new: the same was reported before, or the message was read meanwhile.
    Known,
    /// No attempt by SMS or telephone has this reference; those of old messages are forgotten.
    Unknown,
}

/// Stores a report. After a failed one the next way is queued at once; none is taken for a message that was read.
pub fn record_report(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    attempt: AttemptId,
    report: GatewayReport,
) -> Result<Reported, DbError> {
    let Some(row) = store::attempt(tx, attempt)? else { return Ok(Reported::Unknown) };
    // What was never handed to the gateway cannot be reported by it.
    if !matches!(row.way, Way::Sms | Way::Phone) || row.tries == 0 {
        return Ok(Reported::Unknown);
    }
    use AttemptState::{Failed, Queued, Read, Sent};
    match (report, row.state) {
        (GatewayReport::Read, Queued | Sent | Failed) => {
            store::read(tx, row.message, ctx.now)?;
            store::set_attempt_read(tx, row.id, ctx.now)?;
            carry::receipt(ctx, tx, &row, "read")?;
        }
        (GatewayReport::Delivered, Queued | Failed) => {
            store::set_sent(tx, row.id, row.message, ctx.now, None)?;
            carry::receipt(ctx, tx, &row, "delivered")?;
        }
        (GatewayReport::Delivered, Sent) if row.report_awaited => {
            store::forget_report(tx, row.id)?;
            carry::receipt(ctx, tx, &row, "delivered")?;
        }
        (GatewayReport::Failed, Queued | Sent) if !store::is_read(tx, row.message)? => {
            carry::failed(ctx, tx, &row, REPORTED, false)?;
        }
        (_, Read | Queued | Sent | Failed | AttemptState::Waiting | AttemptState::Unneeded) => {
            return Ok(Reported::Known);
        }
    }
    Ok(Reported::Noted)
}
