//! A fictional region: the town's register, homes with sensors, a clock that only the story moves, and the site.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::wareki::Date;
use base::{Actor, Ctx, Instant, OfficeId, PersonId, Purpose, RequestId, Role, Span, StaffId};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx};
use ingest::station::{Conf, Station};
use ingest::{Delivery, DeliveryError, Receipt};
use page::site::{Mode, Site};
use signin::{Secrets, SigninError};
use tokio::sync::oneshot;
use town::equip::{BUTTON, Equipped, equip, serial};
use town::plan::{Plan, Size, plan};
use town::settle::{Register, settle};
use uuid::Uuid;
use watch::Arrival;
use web::MIGRATIONS;

use crate::browser::{Browser, HOST};

/// A moment in a story.
#[track_caller]
pub fn at(text: &str) -> Instant {
    Instant::parse(text).expect("a moment")
}

pub struct Region {
    pub plan: &'static Plan,
    pub register: Register,
    /// Homes with sensors, by the number of their resident in the plan.
    pub homes: Vec<Equipped>,
    pub site: Site,
    pub(crate) router: axum::Router,
    pub(crate) runtime: tokio::runtime::Runtime,
    clock: Arc<AtomicI64>,
    requests: AtomicI64,
    // Cleared away last.
    pub test: TestDb,
}

impl Region {
    /// A town of this size from this seed, settled half a year before `now`, its sensors hung up at `now`.
    pub fn new(seed: u64, size: Size, now: Instant) -> Region {
        Region::on(fresh(MIGRATIONS), seed, size, now)
    }

    /// The same on a fresh database of its own kind.
    pub fn on(test: TestDb, seed: u64, size: Size, now: Instant) -> Region {
        let plan: &'static Plan = Box::leak(Box::new(plan(seed, size, Date::of(now))));
        let register = settle(&test.db, plan, now, &|_, _| {}).expect("the town moves in");
        let homes = equip(&test.db, plan, &register, now, &|_, _| {}).expect("the sensors are hung up");
        let clock = Arc::new(AtomicI64::new(now.0));
        let ticking = clock.clone();
        let site = Site::new(
            test.db.clone(),
            Arc::new(move || Instant(ticking.load(Ordering::Relaxed))),
            Mode::Demo,
            vec![HOST.to_owned()],
            "見本地域".to_owned(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let router = web::router::router(&site);
        Region { plan, register, homes, site, router, runtime, clock, requests: AtomicI64::new(1), test }
    }

    pub fn now(&self) -> Instant {
        Instant(self.clock.load(Ordering::Relaxed))
    }

    pub fn set_now(&self, now: Instant) {
        self.clock.store(now.0, Ordering::Relaxed);
    }

    pub fn wait(&self, span: Span) {
        self.set_now(self.now() + span);
    }

    /// A number for each act, so that no two draw the same ids.
    pub(crate) fn request(&self) -> u128 {
        (0x5709 << 112) | self.requests.fetch_add(1, Ordering::Relaxed) as u128
    }

    /// The program itself.
    pub fn program(&self) -> Ctx {
        self.ctx(Actor::system("story"), Purpose::Operation)
    }

    pub fn ctx(&self, actor: Actor, purpose: Purpose) -> Ctx {
        Ctx::new(actor, purpose, self.now(), RequestId(Uuid::from_u128(self.request())))
    }

    /// The `n`th member of staff with this role.
    pub fn staff_of(&self, role: Role, n: usize) -> (StaffId, OfficeId) {
        let of_role: Vec<usize> = (0..self.plan.staff.len()).filter(|i| self.plan.staff[*i].role == role).collect();
        self.staff_numbered(of_role[n % of_role.len()])
    }

    /// A member of staff by number in the plan.
    pub fn staff_numbered(&self, n: usize) -> (StaffId, OfficeId) {
        (self.register.staff[n], self.register.offices[self.plan.staff[n].office])
    }

    /// A member of staff at work.
    pub fn acting(&self, role: Role, (staff, office): (StaffId, OfficeId), purpose: Purpose) -> Ctx {
        let actor = Actor { role, id: staff.0, office: Some(office), person: None, device: "story".into() };
        self.ctx(actor, purpose)
    }

    /// A resident with the watch's own page.
    pub fn resident(&self, person: PersonId) -> Ctx {
        let actor =
            Actor { role: Role::Resident, id: person.0, office: None, person: Some(person), device: "story".into() };
        self.ctx(actor, Purpose::OwnView)
    }

    /// A relative of this resident with an account.
    pub fn relative(&self, contact: Uuid, of: PersonId) -> Ctx {
        let actor = Actor { role: Role::Family, id: contact, office: None, person: Some(of), device: "story".into() };
        self.ctx(actor, Purpose::FamilyView)
    }

    pub fn write<T: Send + 'static, E: From<DbError> + Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl Fn(&Ctx, &mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.test.db.write_blocking(move |tx| f(&ctx.clone(), tx))
    }

    pub fn read<T: Send + 'static, E: From<DbError> + Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl FnOnce(&Ctx, &mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.test.db.read_blocking(move |tx| f(&ctx, tx))
    }

    /// Somebody with an account signs in, without the two steps: the database is marked fictional.
    pub fn enter_as(&self, account: Uuid) -> Browser {
        let (ctx, number) = (self.ctx(signin::visitor(), Purpose::Operation), self.request());
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&number.to_be_bytes());
        let token = self.write(ctx, move |ctx, tx| {
            let entered = signin::enter_as(ctx, tx, account.into(), "story", &Secrets::from_seed(seed))?;
            Ok::<_, SigninError>(entered.token.expose().to_owned())
        });
        Browser { cookie: format!("{}={}", self.site.cookie_name(), token.expect("signs in")) }
    }

    /// How many rows the audit chain has.
    pub fn audit_rows(&self) -> i64 {
        self.test.db.read_blocking(|tx| audit::head(tx).map(|(seq, _)| seq)).expect("the chain")
    }

    /// The rows after `seq`, oldest first.
    pub fn audited_since(&self, seq: i64) -> Vec<audit::Recorded> {
        let more = usize::try_from(self.audit_rows() - seq).unwrap_or(0);
        let mut rows = self.test.db.read_blocking(move |tx| audit::newest(tx, more)).expect("the chain");
        rows.reverse();
        rows
    }

    /// A station over this region, as the program starts one. `salt` differs with each start.
    pub fn station(&self, salt: u128, sleep_after: Span) -> Station {
        let conf = Conf { sleep_after, ..Conf::new(salt << 64) };
        Station::open(self.test.db.clone(), Arc::new(on_alert), conf, self.now()).expect("the station opens")
    }
}

impl Region {
    /// Somebody presses the button of a home, and the station stores it.
    pub fn press(&self, home: usize) {
        let pressed = Arrival {
            gateway: self.homes[home].gateway,
            serial: serial(self.homes[home].resident, BUTTON),
            signal: watch::Signal::Button,
            occurred_at: Some(self.now()),
            received_at: self.now(),
            retained: false,
        };
        let (delivered, mut answer) = delivery(vec![pressed]);
        // A station of its own for each press, with ids of its own.
        let salt = self.request() & u128::from(u32::MAX);
        self.station(77 + salt, Span::minutes(10)).step(self.now(), vec![delivered], &[]);
        answer.try_recv().expect("answered").expect("stored");
    }
}

/// An alert of the call centre's level opens its case in the commit that stores it, as in the program.
pub fn on_alert(ctx: &Ctx, tx: &mut dyn Tx, alert: &watch::Alert) -> Result<(), DbError> {
    match response::open_case(ctx, tx, alert) {
        Ok(_) => Ok(()),
        Err(response::ResponseError::Db(error)) => Err(error),
        Err(other) => Err(DbError::Engine(other.to_string())),
    }
}

/// What one gateway sends in one go, and where its answer will be.
pub fn delivery(arrivals: Vec<Arrival>) -> (Delivery, oneshot::Receiver<Result<Receipt, DeliveryError>>) {
    let (done, answer) = oneshot::channel();
    (Delivery { gateway: arrivals[0].gateway, arrivals, malformed: Vec::new(), done }, answer)
}
