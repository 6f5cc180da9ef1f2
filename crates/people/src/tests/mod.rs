//! The register as its clerks, the care team, the call centre and the family meet it.

mod answers;
mod doors;
mod finding;
mod many;
mod register;
mod relations;

use std::sync::atomic::{AtomicU32, Ordering};

use access::{Act, Grant, Ground};
use base::wareki::Date;
use base::{Actor, ContactId, Ctx, Instant, OfficeId, PersonId, Purpose, RequestId, Role, Span, StaffId};
use db::Tx;
use db::testing::{TestDb, fresh};
use uuid::Uuid;

use crate::testing::{Sample, acting, form, line, sample, system};
use crate::*;

fn morning() -> Instant {
    Instant::parse("2026-11-22T09:00").unwrap()
}

fn today() -> Date {
    Date::of(morning())
}

/// A region with the sample household, and who acts in it. Every act comes a second after the one before.
struct Region {
    db: TestDb,
    s: Sample,
    acts: AtomicU32,
}

impl Region {
    fn new() -> Region {
        let db = fresh(testing::MIGRATIONS);
        let s = db.db.write_blocking(|tx| sample(&system(morning(), 1), tx)).unwrap();
        Region { db, s, acts: AtomicU32::new(2) }
    }

    fn next(&self) -> (Instant, u128) {
        let n = self.acts.fetch_add(1, Ordering::Relaxed);
        (morning() + Span::seconds(i64::from(n)), u128::from(n))
    }

    fn staff(&self, role: Role, staff: StaffId, office: OfficeId, purpose: Purpose) -> Ctx {
        let (now, request) = self.next();
        acting(role, staff, office, purpose, now, request)
    }

    fn clerk(&self) -> Ctx {
        self.staff(Role::Administrator, self.s.administrator, self.s.city, Purpose::Registration)
    }

    fn doctor(&self) -> Ctx {
        self.staff(Role::Doctor, self.s.doctor, self.s.clinic, Purpose::Care)
    }

    fn nurse(&self) -> Ctx {
        self.staff(Role::Nurse, self.s.nurse, self.s.nursing, Purpose::Care)
    }

    fn operator(&self) -> Ctx {
        self.staff(Role::Operator, self.s.operator, self.s.call_centre, Purpose::WatchResponse)
    }

    fn city_officer(&self) -> Ctx {
        self.staff(Role::CityOfficer, self.s.city_officer, self.s.city, Purpose::CityDuty)
    }

    fn relative(&self, contact: ContactId) -> Ctx {
        let (now, request) = self.next();
        let actor = Actor {
            role: Role::Family,
            id: contact.0,
            office: None,
            person: Some(self.s.person),
            device: "test".into(),
        };
        Ctx::new(actor, Purpose::FamilyView, now, RequestId(Uuid::from_u128(request)))
    }

    fn system(&self) -> Ctx {
        let (now, request) = self.next();
        system(now, request)
    }

    /// Runs a verb as `ctx`.
    fn write<T, F>(&self, ctx: Ctx, f: F) -> Result<T, PeopleError>
    where
        T: Send + 'static,
        F: Fn(&Ctx, &mut dyn Tx) -> Result<T, PeopleError> + Send + 'static,
    {
        self.db.db.write_blocking(move |tx| f(&ctx.clone(), tx))
    }

    fn read<T, F>(&self, ctx: Ctx, f: F) -> Result<T, PeopleError>
    where
        T: Send + 'static,
        F: Fn(&Ctx, &mut dyn Tx) -> Result<T, PeopleError> + Send + 'static,
    {
        self.db.db.read_blocking(move |tx| f(&ctx, tx))
    }

    fn may(&self, ctx: Ctx, act: Act) -> bool {
        let person = self.s.person;
        self.read(ctx, move |ctx, tx| Ok(access::may(ctx, tx, act, person))).unwrap()
    }

    fn register(&self, fields: &[(&str, &str)]) -> Result<PersonId, PeopleError> {
        let new = NewResident::parse(&form(fields), today()).unwrap();
        self.write(self.clerk(), move |ctx, tx| register_resident(ctx, tx, &new))
    }

    /// The topics of all events so far that begin with `topic`.
    fn events(&self, topic: &'static str) -> Vec<serde_json::Value> {
        let events = self.db.db.read_blocking(|tx| db::outbox::after(tx, 0, 10_000)).unwrap();
        let wanted = events.iter().filter(|e| e.topic == topic);
        wanted.map(|e| serde_json::from_str(&e.body).unwrap()).collect()
    }

    fn actions(&self) -> Vec<String> {
        let rows = self.db.db.read_blocking(|tx| audit::newest(tx, 10_000)).unwrap();
        rows.into_iter().map(|r| r.action).collect()
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, PeopleError>) -> PeopleRefusal {
    match result {
        Err(PeopleError::Refused(refusal)) => refusal,
        other => panic!("a rule should have refused: {other:?}"),
    }
}

fn is_denied<T>(result: Result<T, PeopleError>) -> bool {
    use access::AccessError::{Denied, NotInCharge};
    matches!(result, Err(PeopleError::Access(Denied { .. } | NotInCharge { .. })))
}

/// The sample's form with some fields changed; a changed field replaces all of its values.
fn changed<'a>(base: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = base.iter().filter(|(field, _)| !changes.iter().any(|(f, _)| f == field));
    kept.chain(changes).copied().filter(|(_, value)| !value.is_empty()).collect()
}

fn because(seen: i64, reason: &str) -> Revision {
    Revision { seen, reason: line(reason) }
}
