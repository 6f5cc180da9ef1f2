//! Stories of coming in and being kept out.

use std::net::IpAddr;
use std::sync::Arc;

use base::{AccountId, Ctx, Instant, OfficeId, Purpose, RequestId, Role, SessionId, Span};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx, marks};
use proptest::prelude::*;
use uuid::Uuid;

use crate::rules::*;
use crate::*;

#[path = "tests_keeping.rs"]
mod keeping;
#[path = "tests_two.rs"]
mod two;

const PASSWORD: &str = "mikan-no-ki";

/// A region with its clock, in which every command is a request of its own.
struct Region {
    region: TestDb,
    now: Instant,
    count: u128,
    strangers: Arc<Strangers>,
}

/// An enrolled account, with what its owner holds.
struct Owner {
    id: AccountId,
    login: &'static str,
    totp: [u8; 20],
    recovery: Vec<Code>,
}

impl Region {
    fn new() -> Region {
        let region = fresh(&[people::testing::MIGRATIONS, &[MIGRATIONS]].concat());
        let strangers = Arc::new(Strangers::new([7; 32]));
        Region { region, now: Instant::parse("2026-11-22T08:00").unwrap(), count: 0, strangers }
    }

    fn pass(&mut self, span: Span) {
        self.now = self.now + span;
    }

    fn ctx_as(&mut self, actor: base::Actor) -> Ctx {
        self.count += 1;
        let purpose = if actor.role == Role::Administrator { Purpose::Registration } else { Purpose::Operation };
        Ctx::new(actor, purpose, self.now, RequestId(Uuid::from_u128(self.count)))
    }

    fn write<T, E>(
        &mut self,
        actor: base::Actor,
        f: impl Fn(&Ctx, &mut dyn Tx, &Secrets) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let ctx = self.ctx_as(actor);
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&self.count.to_be_bytes());
        let secrets = Secrets::from_seed(seed);
        self.region.db.write_blocking(move |tx| f(&ctx, tx, &secrets))
    }

    fn read<T: Send + 'static>(&self, f: impl FnOnce(&mut dyn Tx) -> T + Send + 'static) -> T {
        self.region.db.read_blocking(move |tx| Ok::<_, DbError>(f(tx))).unwrap()
    }

    fn create(&mut self, id: u128, login: &'static str, role: Role) -> Result<Code, SigninError> {
        let new = account(id, login, role);
        let issued = self.write(visitor(), move |ctx, tx, secrets| create_account(ctx, tx, &new, secrets))?;
        let Settled::Done(code) = issued else { panic!("the program needs no second administrator") };
        Ok(code)
    }

    /// An administrator at the desk, who showed the second factor just now.
    fn office(&mut self) -> base::Actor {
        let (id, now) = (SessionId(Uuid::from_u128(0x0FF1CE)), self.now);
        let sql = "INSERT INTO signin_session
            (id, token_hash, account_id, device, started_at, last_seen_at, idle, ends_at, second_at)
            VALUES ($1, $2, $3, 'office', $4, $4, 0, $4, $4)
            ON CONFLICT (id) DO UPDATE SET second_at = excluded.second_at";
        let actor = base::Actor { device: id.to_string(), ..administrator(9) };
        let account = actor.id;
        let shown = self.write(visitor(), move |_, tx, _| tx.execute(sql, db::params![id, [1u8; 32], account, now]));
        assert_eq!(shown.unwrap(), 1);
        actor
    }

    fn by_office<T, E>(
        &mut self,
        f: impl Fn(&Ctx, &mut dyn Tx, &Secrets) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let office = self.office();
        self.write(office, f)
    }

    fn begin_enrolment(&mut self, typed: &str) -> EnrolmentAnswer {
        let code = CodeHash::of(typed);
        self.write(visitor(), move |ctx, tx, s| begin_enrolment(ctx, tx, &code, "つながり", s)).unwrap()
    }

    fn finish_enrolment(&mut self, typed: &str, password: &str, login: &str, totp: &str) -> FinishAnswer {
        let code = CodeHash::of(typed);
        let password = NewPassword::parse(password, &OwnWords::of([login])).unwrap();
        let hash = hash_password(&password, &mut Memory::default()).unwrap();
        let totp = totp.to_owned();
        self.write(visitor(), move |ctx, tx, s| finish_enrolment(ctx, tx, &code, &hash, &totp, s)).unwrap()
    }

    /// From an administrator's code to an account that can sign in.
    fn enrol(&mut self, id: u128, login: &'static str, code: &Code) -> Owner {
        let EnrolmentAnswer::Open(view) = self.begin_enrolment(code.expose()) else { panic!("the code opens") };
        let totp = scanned(&view.setup);
        let shown = second_factor::code_at(&totp, self.now).unwrap();
        let FinishAnswer::Done { recovery } = self.finish_enrolment(code.expose(), PASSWORD, login, &shown) else {
            panic!("the code of the authenticator is right")
        };
        self.pass(Span::minutes(1));
        Owner { id: AccountId(Uuid::from_u128(id)), login, totp, recovery }
    }

    fn member(&mut self, id: u128, login: &'static str, role: Role) -> Owner {
        let code = self.create(id, login, role).unwrap();
        self.enrol(id, login, &code)
    }

    fn begin(&mut self, login: &str, from: u8, device: Option<TokenHash>) -> PasswordStep {
        let (login, strangers, now) = (login.to_owned(), self.strangers.clone(), self.now);
        let typed = login.clone();
        let knocked = self.read(move |tx| knock(tx, &strangers, &typed, &address(from), now)).unwrap();
        if let Some(step) = knocked {
            return step;
        }
        let step = self.write(visitor(), move |ctx, tx, _| begin_signin(ctx, tx, &login, device.as_ref())).unwrap();
        if let PasswordStep::Wait { .. } = step {
            self.strangers.take_back(&ThrottleKey::address(&address(from)));
        }
        step
    }

    fn password(
        &mut self,
        login: &str,
        typed: &str,
        from: u8,
        device: Option<TokenHash>,
    ) -> Result<PasswordAnswer, Instant> {
        let attempt = match self.begin(login, from, device) {
            PasswordStep::Compare(attempt) => attempt,
            PasswordStep::Wait { until } => return Err(until),
        };
        let proof = verify_password(typed, attempt.stored_hash(), &mut Memory::default());
        if !attempt.is_known() {
            return Ok(PasswordAnswer::Wrong);
        }
        let answer = self.write(visitor(), move |ctx, tx, s| finish_password(ctx, tx, &attempt, &proof, s)).unwrap();
        if let PasswordAnswer::Next { .. } = answer {
            self.strangers.take_back(&ThrottleKey::address(&address(from)));
        }
        Ok(answer)
    }

    fn pending(&mut self, owner: &Owner) -> TokenHash {
        match self.password(owner.login, PASSWORD, 1, None) {
            Ok(PasswordAnswer::Next { pending }) => pending.hash(),
            other => panic!("the password opens: {other:?}"),
        }
    }

    fn second(&mut self, pending: TokenHash, factor: SecondFactor) -> SecondAnswer {
        self.write(visitor(), move |ctx, tx, s| finish_second(ctx, tx, &pending, &factor, "Windows・Chrome", s))
            .unwrap()
    }

    fn enter(&mut self, owner: &Owner) -> Entered {
        let pending = self.pending(owner);
        let code = second_factor::code_at(&owner.totp, self.now).unwrap();
        let SecondAnswer::Entered(entered) = self.second(pending, SecondFactor::Totp(code)) else {
            panic!("both are right")
        };
        self.pass(Span::seconds(31));
        *entered
    }

    fn session(&self, token: &Token) -> Option<Session> {
        let (hash, now) = (token.hash(), self.now);
        self.read(move |tx| session(tx, &hash, now)).unwrap()
    }

    fn actions(&self) -> Vec<String> {
        let rows = self.read(|tx| audit::newest(tx, 500)).unwrap();
        rows.iter().rev().map(|r| format!("{} {} {}", r.action, r.ground, r.outcome.key())).collect()
    }
}

fn address(n: u8) -> Address {
    Address::of(IpAddr::from([203, 0, 113, n]))
}

fn account(id: u128, login: &str, role: Role) -> NewAccount {
    NewAccount {
        id: AccountId(Uuid::from_u128(id)),
        login: LoginName::parse(login).unwrap(),
        role,
        office: Some(OfficeId(Uuid::from_u128(900))),
        person: None,
        display_name: "見本 花子".to_owned().into(),
    }
}

/// What an authenticator reads from the text under the picture.
fn scanned(setup: &TotpSetup) -> [u8; 20] {
    let secret = totp_rs::Secret::try_from_base32(setup.text.expose().replace(' ', "")).unwrap();
    secret.as_ref().try_into().unwrap()
}

fn administrator(id: u128) -> base::Actor {
    base::Actor {
        role: Role::Administrator,
        id: Uuid::from_u128(id),
        office: None,
        person: None,
        device: "test".into(),
    }
}

#[test]
fn an_account_from_its_creation_to_its_first_session() {
    let mut region = Region::new();
    let code = region.create(1, "hanako", Role::Nurse).unwrap();
    let typed = code.expose().to_lowercase().replace('-', " ");
    let owner = region.enrol(1, "hanako", &code);
    assert_eq!(owner.recovery.len(), RECOVERY_CODES);
    assert!(matches!(region.begin_enrolment(&typed), EnrolmentAnswer::Unknown), "a code opens once");

    let entered = region.enter(&owner);
    let found = region.session(&entered.token).unwrap();
    assert_eq!((found.actor.role, found.actor.id), (Role::Nurse, owner.id.0));
    assert_eq!(found.actor.office, Some(OfficeId(Uuid::from_u128(900))));
    assert_eq!(found.device, "Windows・Chrome");
    let expected = [
        "signin.create_account duty done",
        "signin.begin_enrolment enrolment_code done",
        "signin.finish_enrolment enrolment_code done",
        "signin.password password done",
        "signin.enter totp done",
    ];
    assert_eq!(region.actions(), expected);
}

#[test]
fn an_enrolment_code_lives_three_days_and_ten_wrong_codes() {
    let mut region = Region::new();
    let late = region.create(1, "late", Role::Nurse).unwrap();
    region.pass(ENROLMENT_VALID);
    assert!(matches!(region.begin_enrolment(late.expose()), EnrolmentAnswer::Unknown));

    let guessed = region.create(2, "guessed", Role::Nurse).unwrap();
    let EnrolmentAnswer::Open(view) = region.begin_enrolment(guessed.expose()) else { panic!() };
    let right = second_factor::code_at(&scanned(&view.setup), region.now).unwrap();
    let wrong = second_factor::code_at(&scanned(&view.setup), region.now + Span::hours(1)).unwrap();
    for _ in 1..ENROLMENT_TRIES {
        let answer = region.finish_enrolment(guessed.expose(), PASSWORD, "guessed", &wrong);
        assert!(matches!(answer, FinishAnswer::WrongCode));
    }
    assert!(matches!(region.finish_enrolment(guessed.expose(), PASSWORD, "guessed", &wrong), FinishAnswer::Unknown));
    assert!(matches!(region.finish_enrolment(guessed.expose(), PASSWORD, "guessed", &right), FinishAnswer::Unknown));
}

#[test]
fn a_secret_somebody_peeked_at_opens_nothing_after_the_owner_opened_the_page() {
    let mut region = Region::new();
    let code = region.create(1, "hanako", Role::Nurse).unwrap();
    let EnrolmentAnswer::Open(peeked) = region.begin_enrolment(code.expose()) else { panic!() };
    let EnrolmentAnswer::Open(own) = region.begin_enrolment(code.expose()) else { panic!() };
    assert_ne!(scanned(&peeked.setup), scanned(&own.setup));
    let hash = CodeHash::of(code.expose());
    let now = region.now;
    let again = region.read(move |tx| enrolment(tx, &hash, "つながり", now)).unwrap().unwrap();
    assert_eq!(scanned(&again.setup), scanned(&own.setup));
    let shown = second_factor::code_at(&scanned(&peeked.setup), region.now).unwrap();
    assert!(matches!(region.finish_enrolment(code.expose(), PASSWORD, "hanako", &shown), FinishAnswer::WrongCode));
}

#[test]
fn nobody_learns_whether_an_account_exists() {
    let mut region = Region::new();
    region.member(1, "hanako", Role::Nurse);
    region.create(2, "invited", Role::Nurse).unwrap();
    let gone = region.member(3, "gone", Role::Nurse);
    region.by_office(move |ctx, tx, _| suspend_account(ctx, tx, gone.id)).unwrap();
    let names = ["hanako", "invited", "gone", "nobody", "!!", ""];
    let parameters = |hash: &PasswordHash| hash.0.expose().rsplitn(3, '$').nth(2).unwrap().to_owned();
    for (n, name) in names.into_iter().enumerate() {
        let from = 50 + n as u8;
        let mut answers = Vec::new();
        for _ in 0..7 {
            match region.begin(name, from, None) {
                PasswordStep::Compare(attempt) => {
                    assert_eq!(
                        parameters(attempt.stored_hash()),
                        "$argon2id$v=19$m=19456,t=2,p=1",
                        "the same work for {name}"
                    );
                    let proof = verify_password("wrong-password-1", attempt.stored_hash(), &mut Memory::default());
                    let answer =
                        region.write(visitor(), move |ctx, tx, s| finish_password(ctx, tx, &attempt, &proof, s));
                    assert!(matches!(answer.unwrap(), PasswordAnswer::Wrong));
                    answers.push(0);
                }
                PasswordStep::Wait { until } => answers.push((until - region.now).as_seconds()),
            }
        }
        assert_eq!(answers, [0, 0, 0, 0, 0, 60, 60], "for {name}");
    }
}

#[test]
fn failures_double_the_wait_and_the_right_password_forgets_them() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    for _ in 0..5 {
        assert!(matches!(region.password("ｈａｎａｋｏ", "wrong-1", 1, None), Ok(PasswordAnswer::Wrong)));
    }
    assert_eq!(
        region.password("hanako", PASSWORD, 2, None).unwrap_err(),
        region.now + Span::minutes(1),
        "even the right one waits"
    );
    region.pass(Span::minutes(1));
    assert!(matches!(region.password("HANAKO", "wrong-1", 1, None), Ok(PasswordAnswer::Wrong)));
    assert_eq!(region.password("hanako", PASSWORD, 1, None).unwrap_err(), region.now + Span::minutes(2));
    region.pass(Span::minutes(2));
    region.enter(&owner);
    for _ in 0..4 {
        assert!(matches!(region.password("hanako", "wrong-1", 1, None), Ok(PasswordAnswer::Wrong)));
    }
    region.enter(&owner);
}

#[test]
fn guesses_at_the_same_moment_count_as_many() {
    let mut region = Region::new();
    region.member(1, "hanako", Role::Nurse);
    let begun: Vec<PasswordStep> = (0..8).map(|_| region.begin("hanako", 1, None)).collect();
    assert_eq!(begun.iter().filter(|s| matches!(s, PasswordStep::Compare(_))).count(), 5);
}

#[test]
fn a_stranger_does_not_lock_an_operator_out_of_the_desk() {
    let mut region = Region::new();
    let owner = region.member(1, "desk1", Role::Operator);
    let device = region.enter(&owner).device.hash();
    for _ in 0..5 {
        let _ = region.password("desk1", "wrong-1", 66, None);
    }
    assert!(region.password("desk1", PASSWORD, 1, None).is_err());
    assert!(matches!(region.password("desk1", PASSWORD, 1, Some(device)), Ok(PasswordAnswer::Next { .. })));
    for _ in 0..5 {
        let _ = region.password("desk1", "wrong-1", 1, Some(device));
    }
    assert!(region.password("desk1", PASSWORD, 1, Some(device)).is_err(), "the known device has its own limit");
}

#[test]
fn an_address_that_tries_many_names_is_stopped() {
    let mut region = Region::new();
    region.member(1, "hanako", Role::Nurse);
    for n in 0..ADDRESS_ALLOWANCE.failures {
        assert!(region.password(&format!("name{n}"), "wrong-1", 7, None).is_ok());
    }
    assert!(region.password("hanako", PASSWORD, 7, None).is_err());
    assert!(matches!(region.password("hanako", PASSWORD, 8, None), Ok(PasswordAnswer::Next { .. })));
    let told = region.actions().iter().filter(|a| a.ends_with("refused")).count();
    assert_eq!(told, 0, "of strangers nothing is written here");
}

// shows: 5.1.4 failures of unknown names leave nothing durable, and those of a known account are held back after a restart
#[test]
fn a_stranger_leaves_no_row_and_a_known_account_remembers_its_failures_over_a_restart() {
    let mut region = Region::new();
    region.member(1, "hanako", Role::Nurse);
    let rows = |region: &Region| {
        let tables = ["signin_throttle", "signin_pending", "audit_row", "db_outbox"];
        region.read(move |tx| tables.map(|t| tx.scalar::<i64>(&format!("SELECT COUNT(*) FROM {t}"), &[]).unwrap()))
    };
    let before = rows(&region);
    for n in 0..200u8 {
        let _ = region.begin(&format!("name{n}"), n, None);
        assert!(matches!(region.begin_enrolment(&format!("0000-{n}")), EnrolmentAnswer::Unknown));
        let token = TokenHash::of(&format!("{n}"));
        assert!(matches!(region.second(token, SecondFactor::Totp("123456".into())), SecondAnswer::Expired));
    }
    assert_eq!(rows(&region), before);

    for _ in 0..5 {
        assert!(matches!(region.password("hanako", "wrong-1", 201, None), Ok(PasswordAnswer::Wrong)));
    }
    region.strangers = Arc::new(Strangers::new([8; 32]));
    assert!(region.password("hanako", PASSWORD, 202, None).is_err(), "what memory forgot the database knows");
    assert_eq!(region.actions().iter().filter(|a| *a == "signin.password wrong refused").count(), 5);
}

#[test]
fn who_has_the_password_alone_fills_no_chain() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    for _ in 0..50 {
        region.pending(&owner);
    }
    let told = region.actions().iter().filter(|a| *a == "signin.password password done").count();
    assert_eq!(told, PENDING_PER_ACCOUNT);
}

#[test]
fn a_code_of_the_authenticator_opens_once_and_a_recovery_code_once() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let code = second_factor::code_at(&owner.totp, region.now).unwrap();
    let (first, second, third) = (region.pending(&owner), region.pending(&owner), region.pending(&owner));
    assert!(matches!(region.second(first, SecondFactor::Totp(code.clone())), SecondAnswer::Entered(_)));
    assert!(
        matches!(region.second(first, SecondFactor::Totp(code.clone())), SecondAnswer::Expired),
        "a pending token opens once"
    );
    assert!(matches!(region.second(second, SecondFactor::Totp(code)), SecondAnswer::Wrong), "a code is not replayed");
    let recovery = owner.recovery[3].expose().to_owned();
    assert!(matches!(region.second(second, SecondFactor::Recovery(recovery.clone())), SecondAnswer::Entered(_)));
    assert!(matches!(region.second(third, SecondFactor::Recovery(recovery)), SecondAnswer::Wrong));
    let actor = administrator(1);
    let ctx = region.ctx_as(actor);
    assert_eq!(region.read(move |tx| recovery_codes_left(&ctx, tx)).unwrap(), RECOVERY_CODES - 1);
}

#[test]
fn the_second_step_ends_after_five_minutes_and_after_five_wrong_codes() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let pending = region.pending(&owner);
    region.pass(PENDING_VALID);
    let code = second_factor::code_at(&owner.totp, region.now).unwrap();
    assert!(matches!(region.second(pending, SecondFactor::Totp(code)), SecondAnswer::Expired));

    let pending = region.pending(&owner);
    for _ in 1..PENDING_TRIES {
        assert!(matches!(region.second(pending, SecondFactor::Totp("12345".into())), SecondAnswer::Wrong));
    }
    assert!(matches!(region.second(pending, SecondFactor::Totp("12345".into())), SecondAnswer::Expired));
    let pending = region.pending(&owner);
    let code = second_factor::code_at(&owner.totp, region.now).unwrap();
    let answer = region.second(pending, SecondFactor::Totp(code.clone()));
    assert!(matches!(answer, SecondAnswer::Wait { .. }), "a new password step buys no new guesses: {answer:?}");
}

#[test]
fn sessions_end_by_idleness_by_age_and_by_hand() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let idle = region.enter(&owner);
    region.pass(Span::minutes(29));
    assert!(region.session(&idle.token).unwrap().wants_touch(region.now));
    let id = idle.session.id;
    region.write(idle.session.actor.clone(), move |ctx, tx, _| touch(ctx, tx, id)).unwrap();
    region.pass(Span::minutes(29));
    assert!(region.session(&idle.token).is_some(), "a request keeps it");
    region.pass(Span::minutes(1));
    assert!(region.session(&idle.token).is_none(), "half an hour without a request ends it");

    let old = region.enter(&owner);
    let id = old.session.id;
    for _ in 0..24 {
        assert!(region.session(&old.token).is_some());
        region.pass(Span::minutes(29));
        region.write(old.session.actor.clone(), move |ctx, tx, _| touch(ctx, tx, id)).unwrap();
    }
    region.pass(Span::minutes(29));
    assert!(region.session(&old.token).is_none(), "twelve hours end it whatever comes");
    assert_eq!(region.write(visitor(), |ctx, tx, _| tidy(ctx, tx)).unwrap(), 2);
    assert_eq!(region.actions().iter().filter(|a| *a == "signin.expire_session time done").count(), 2);

    let (a, b, c) = (region.enter(&owner), region.enter(&owner), region.enter(&owner));
    let other = region.member(2, "taro", Role::Doctor);
    let stranger = region.enter(&other);
    let id = a.session.id;
    let theirs = region.write(stranger.session.actor.clone(), move |ctx, tx, _| end_session(ctx, tx, id));
    assert!(matches!(theirs, Err(SigninError::Refused(SigninRefusal::SessionUnknown))), "only one's own");
    let own = a.session.actor.clone();
    region.write(own.clone(), move |ctx, tx, _| end_session(ctx, tx, id)).unwrap();
    assert!(region.session(&a.token).is_none());
    let ctx = region.ctx_as(own.clone());
    assert_eq!(region.read(move |tx| own_sessions(&ctx, tx)).unwrap().len(), 2);
    let keep = c.session.id;
    assert_eq!(region.write(own, move |ctx, tx, _| end_others(ctx, tx, keep)).unwrap(), 1);
    assert!(region.session(&b.token).is_none() && region.session(&c.token).is_some());
    assert!(region.session(&stranger.token).is_some());
}

#[test]
fn the_oldest_session_makes_room_for_the_newest() {
    let mut region = Region::new();
    let owner = region.member(1, "desk1", Role::Operator);
    let first = region.enter(&owner);
    for _ in 0..SESSIONS_PER_ACCOUNT {
        region.enter(&owner);
    }
    assert!(region.session(&first.token).is_none());
    assert!(region.actions().contains(&"signin.end_oldest limit done".to_owned()));
}
