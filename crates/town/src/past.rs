//! The call centre of the past: what the watch told in the month that is played was answered, called, closed and looked
//! back on, so that the town begins its present with a record and not with a heap of old alarms.

use base::{Actor, Ctx, HomeId, Instant, OfficeId, Purpose, Redacted, RequestId, Role, Span, StaffId};
use db::{Db, Tx};
use response::{CallOutcome, Callee, FalseAlarmReason, NewCall, Review};
use uuid::Uuid;
use watch::Cause;

use crate::TownError;

/// The operator who worked them all.
#[derive(Clone, Copy, Debug)]
pub struct PastOperator {
    pub staff: StaffId,
    pub office: OfficeId,
}

/// Old enough to have been worked; what is younger stays for whoever watches.
const WORKED_AFTER: Span = Span::minutes(5);

impl PastOperator {
    /// The first operator of the call centre.
    pub fn of(tx: &mut dyn Tx) -> Result<Option<PastOperator>, TownError> {
        let Some(office) = people::call_centre(tx)? else { return Ok(None) };
        let staff = people::staff_of_office(tx, office)?;
        Ok(staff.iter().find(|s| s.role == Role::Operator).map(|s| PastOperator { staff: s.id, office }))
    }

    fn ctx(self, seed: u64, n: u64, now: Instant) -> Ctx {
        let actor = Actor {
            role: Role::Operator,
            id: self.staff.0,
            office: Some(self.office),
            person: None,
            device: "town".into(),
        };
        let request = Uuid::from_u128((u128::from(seed) << 64) ^ (8 << 48) ^ u128::from(n));
        Ctx::new(actor, Purpose::WatchResponse, now, RequestId(request))
    }
}

/// Works every open case that is old enough at `at`, and gives the homes whose watch is to be armed anew. `count` makes
/// each act's ids its own.
pub fn work_off(
    db: &Db,
    seed: u64,
    operator: PastOperator,
    at: Instant,
    count: &mut u64,
) -> Result<Vec<HomeId>, TownError> {
    let listing = operator.ctx(seed, *count, at);
    let rows = db.read_blocking(move |tx| response::queue(&listing, tx))?.into_value().rows;
    // What somebody has taken is theirs, also when the town is started again.
    let left = |case: &response::Case| case.opened_at + WORKED_AFTER <= at && case.holder.is_none();
    let old: Vec<_> = rows.into_iter().map(|row| row.case).filter(left).collect();
    let mut homes = Vec::with_capacity(old.len());
    for case in old {
        *count += 1;
        let n = *count;
        let begun = case.opened_at;
        homes.push(case.home);
        db.write_blocking(move |tx| {
            let act = |step: u64, after: i64| operator.ctx(seed, n * 8 + step, begun + Span::seconds(after));
            response::take(&act(1, 25 + (n % 40) as i64), tx, case.id)?;
            let call = NewCall { to: Callee::Resident, outcome: CallOutcome::Well, note: Redacted::default() };
            response::record_call(&act(2, 120), tx, case.id, call)?;
            response::close(
                &act(3, 150),
                tx,
                case.id,
                Cause::AnsweredWell,
                Redacted::new("お変わりありませんでした。".into()),
            )?;
            let review = Review {
                false_alarm: Some(FalseAlarmReason::ALL[n as usize % FalseAlarmReason::ALL.len()]),
                note: Redacted::default(),
                proposal: Redacted::default(),
            };
            response::review(&act(4, 170), tx, case.id, review).map(drop)
        })?;
    }
    Ok(homes)
}
