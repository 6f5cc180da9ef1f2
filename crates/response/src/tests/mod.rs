//! The desk, the tablet and the telephone, on a fresh database with one fictional household.

mod leaving;
mod lists;
mod photos;
mod stories;
mod timers;
mod unreadable;

use std::cell::Cell;

use access::Act;
use base::{Actor, AlertId, CaseId, ContactId, Ctx, Instant, Purpose, Redacted, RequestId, Role, Span, StaffId};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx};
use people::testing::{Sample, acting, sample, system};
use uuid::Uuid;
use watch::{Alert, AlertState, Level, Rule};

use crate::*;

/// A region with its clock and the people of the sample.
pub struct Region {
    pub test: TestDb,
    pub s: Sample,
    requests: Cell<u128>,
    minute: Cell<i64>,
}

pub fn words(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

pub fn start() -> Instant {
    Instant::parse("2026-11-22T10:00").unwrap()
}

impl Region {
    pub fn new() -> Region {
        let test = Region::empty();
        let s = test
            .db
            .write_blocking(|tx| {
                let s = sample(&system(start() - Span::days(1), 1), tx)?;
                watch::begin_contract(&system(start() - Span::days(1), 2), tx, s.home, s.person)?;
                Ok::<_, ResponseError>(s)
            })
            .unwrap();
        Region { test, s, requests: Cell::new(1000), minute: Cell::new(0) }
    }

    /// A region in which nobody lives yet.
    pub fn empty() -> TestDb {
        let own = [care::MIGRATIONS, watch::MIGRATIONS, notify::MIGRATIONS, MIGRATIONS];
        fresh(&[people::testing::MIGRATIONS, &own].concat())
    }

    /// Lets time pass.
    pub fn wait(&self, minutes: i64) -> &Region {
        self.minute.set(self.minute.get() + minutes);
        self
    }

    pub fn now(&self) -> Instant {
        start() + Span::minutes(self.minute.get())
    }

    fn request(&self) -> u128 {
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }

    pub fn program(&self) -> Ctx {
        system(self.now(), self.request())
    }

    pub fn operator(&self) -> Ctx {
        self.at_desk(self.s.operator)
    }

    pub fn second_operator(&self) -> Ctx {
        self.at_desk(self.s.second_operator)
    }

    fn at_desk(&self, staff: StaffId) -> Ctx {
        acting(Role::Operator, staff, self.s.call_centre, Purpose::WatchResponse, self.now(), self.request())
    }

    pub fn care_manager(&self) -> Ctx {
        acting(Role::CareManager, self.s.care_manager, self.s.care_office, Purpose::Care, self.now(), self.request())
    }

    pub fn doctor(&self) -> Ctx {
        acting(Role::Doctor, self.s.doctor, self.s.clinic, Purpose::Care, self.now(), self.request())
    }

    pub fn city(&self) -> Ctx {
        acting(Role::CityOfficer, self.s.city_officer, self.s.city, Purpose::CityDuty, self.now(), self.request())
    }

    pub fn support_centre(&self) -> Ctx {
        let (staff, office) = (self.s.support_officer, self.s.support_centre);
        acting(Role::SupportCentre, staff, office, Purpose::WatchResponse, self.now(), self.request())
    }

    pub fn second_support_officer(&self) -> Ctx {
        let (staff, office) = (self.s.second_support_officer, self.s.support_centre);
        acting(Role::SupportCentre, staff, office, Purpose::WatchResponse, self.now(), self.request())
    }

    pub fn relative(&self, contact: ContactId) -> Ctx {
        let actor = Actor {
            role: Role::Family,
            id: contact.0,
            office: None,
            person: Some(self.s.person),
            device: "test".into(),
        };
        Ctx::new(actor, Purpose::FamilyView, self.now(), RequestId(Uuid::from_u128(self.request())))
    }

    pub fn write<T: Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl Fn(&Ctx, &mut dyn Tx) -> Result<T, ResponseError> + Send + 'static,
    ) -> Result<T, ResponseError> {
        self.test.db.write_blocking(move |tx| f(&ctx.clone(), tx))
    }

    pub fn read<T: Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl FnOnce(&Ctx, &mut dyn Tx) -> Result<T, ResponseError> + Send + 'static,
    ) -> Result<T, ResponseError> {
        self.test.db.read_blocking(move |tx| f(&ctx, tx))
    }

    /// The watch speaks: an alert of the sample's home, now.
    pub fn alert(&self, rule: Rule) -> Case {
        let ctx = self.program();
        let alert = Alert {
            id: ctx.id::<AlertId>(),
            home: self.s.home,
            person: self.s.person,
            level: Level::Alert,
            rule,
            device: None,
            due_at: self.now(),
            raised_at: self.now(),
            reason: "いつもは7時半ごろまでに冷蔵庫が開きますが、10時の時点でまだ開いていません。".into(),
            state: AlertState::Standing,
            sign_at: None,
            ended_at: None,
            cause: None,
            answer: None,
        };
        self.write(ctx, move |c, tx| {
            known_to_watch(tx, &alert)?;
            open_case(c, tx, &alert)
        })
        .unwrap()
        .expect("an alert opens a case")
    }

    pub fn take(&self, case: CaseId) -> Case {
        self.write(self.operator(), move |c, tx| take(c, tx, case)).unwrap()
    }

    pub fn call(&self, case: CaseId, to: Callee, outcome: CallOutcome) -> Case {
        let call = NewCall { to, outcome, note: words("") };
        self.write(self.operator(), move |c, tx| record_call(c, tx, case, call.clone())).unwrap()
    }

    pub fn close_as(&self, ctx: Ctx, case: CaseId, cause: Cause) -> Result<Case, ResponseError> {
        self.write(ctx, move |c, tx| close(c, tx, case, cause, words("")))
    }

    /// A case that an operator took and ended by one call.
    pub fn answered_case(&self) -> Case {
        let case = self.alert(Rule::Inactivity);
        self.wait(1).take(case.id);
        self.wait(1).call(case.id, Callee::Resident, CallOutcome::Well);
        self.close_as(self.wait(1).operator(), case.id, Cause::AnsweredWell).unwrap()
    }

    pub fn may_see(&self, ctx: Ctx) -> bool {
        let person = self.s.person;
        self.test.db.read_blocking(move |tx| Ok::<_, DbError>(access::may(&ctx, tx, Act::SeeIdentity, person))).unwrap()
    }

    pub fn topics(&self) -> Vec<String> {
        let events = self.test.db.read_blocking(|tx| db::outbox::after(tx, 0, 10_000)).unwrap();
        events.into_iter().map(|e| e.topic).filter(|t| t.starts_with("response.")).collect()
    }
}

/// The row that the watch writes in the same transaction; only its station makes alerts, so the test writes it.
fn known_to_watch(tx: &mut dyn Tx, a: &Alert) -> Result<(), DbError> {
    let sql = "INSERT INTO watch_alert (id, home_no, home_id, person_id, level, rule, due_at, raised_at, reason, state)
        SELECT $1, no, $2, $3, $4, $5, $6, $7, $8, 'standing' FROM watch_home WHERE home_id = $9";
    let (level, rule) = (a.level.key(), a.rule.key());
    tx.tell(sql, db::params![a.id, a.home, a.person, level, rule, a.due_at, a.raised_at, &a.reason, a.home])
}

pub fn refusal<T: std::fmt::Debug>(result: Result<T, ResponseError>) -> Refusal {
    match result {
        Err(ResponseError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub fn denied<T>(result: Result<T, ResponseError>) -> bool {
    use care::CareError as C;
    use people::PeopleError as P;
    let Err(error) = result else { return false };
    matches!(error, ResponseError::Access(_) | ResponseError::People(P::Access(_)) | ResponseError::Care(C::Access(_)))
}
