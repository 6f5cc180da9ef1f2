//! What the watch says becomes messages, once, also after the program was down.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base::{Actor, Purpose, RequestId, Role, Span};
use db::testing::{TestDb, fresh};
use notify::AttemptState;
use people::testing::{Sample, sample};

use super::*;

struct House {
    s: Sample,
    runtime: tokio::runtime::Runtime,
    clock: Clock,
    now: Arc<AtomicI64>,
    requests: AtomicU64,
    test: TestDb,
}

impl House {
    fn new() -> House {
        let test = fresh(web::MIGRATIONS);
        let start = Instant::parse("2026-11-22T10:00").expect("a moment");
        let s = test.db.write_blocking(move |tx| {
            let s = sample(&people::testing::system(start, 1), tx)?;
            watch::begin_contract(&people::testing::system(start, 2), tx, s.home, s.person)?;
            Ok::<_, Problem>(s)
        });
        let now = Arc::new(AtomicI64::new(start.0));
        let ticking = now.clone();
        let clock: Clock = Arc::new(move || Instant(ticking.load(Ordering::Relaxed)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        House { s: s.expect("the sample moves in"), runtime, clock, now, requests: AtomicU64::new(100), test }
    }

    fn ctx(&self, role: Role, id: Uuid) -> Ctx {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        let actor = match role {
            Role::System => Actor::system("test"),
            _ => Actor { role, id, office: None, person: Some(self.s.person), device: "test".into() },
        };
        Ctx::new(actor, Purpose::FamilyView, (self.clock)(), RequestId(Uuid::from_u128(u128::from(n) << 64)))
    }

    fn pass(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::Relaxed);
    }

    fn postman(&self) -> Postman {
        Postman::new(self.test.db.clone(), self.clock.clone())
    }

    /// Until there is nothing more to tell.
    fn told_by(&self, postman: &mut Postman) {
        self.runtime.block_on(async { while postman.round().await.expect("a round") {} });
    }

    /// The watch asks gently, as its station writes it.
    fn notice(&self) -> AlertId {
        let (ctx, s) = (self.ctx(Role::System, Uuid::nil()), self.s);
        let written = self.test.db.write_blocking(move |tx| {
            let alert = ctx.id::<AlertId>();
            let sql = "INSERT INTO watch_alert (id, home_no, home_id, person_id, level, rule, due_at, raised_at,
                reason, state)
                SELECT $1, no, $2, $3, 'notice', 'inactivity', $4, $5, '静かです。', 'standing' FROM watch_home
                WHERE home_id = $6";
            tx.execute(sql, db::params![alert, s.home, s.person, ctx.now, ctx.now, s.home])?;
            let (home, person) = (s.home, s.person);
            let (level, rule) = (watch::Level::Notice, watch::Rule::Inactivity);
            outbox::push(tx, ctx.now, &watch::Event::AlertRaised { alert, home, person, level, rule })?;
            Ok::<_, DbError>(alert)
        });
        written.expect("is written")
    }

    fn push(&self, event: watch::Event) {
        let now = (self.clock)();
        self.test.db.write_blocking(move |tx| outbox::push(tx, now, &event)).expect("is pushed");
    }

    /// What lies in the outbox and nobody can read.
    fn spoil(&self) {
        let sql = "UPDATE db_outbox SET body = '{}' WHERE seq = (SELECT MAX(seq) FROM db_outbox)";
        self.test.db.write_blocking(move |tx| tx.tell(sql, &[])).expect("is spoiled");
    }

    fn answer(&self, alert: AlertId) {
        let ctx = self.ctx(Role::Resident, self.s.person.0);
        let ctx = Ctx::new(ctx.actor.clone(), Purpose::OwnView, ctx.now, ctx.request);
        let reply = watch::Reply::on_page(&ctx, watch::Answer::Well);
        let answered = move |tx: &mut dyn db::Tx| response::answer_notice(&ctx, tx, alert, &reply);
        self.test.db.write_blocking(answered).expect("is answered");
    }

    fn inbox(&self, of: Uuid) -> Vec<notify::InboxItem> {
        let ctx = self.ctx(Role::Family, of);
        let mut items = self.test.db.read_blocking(move |tx| notify::inbox(&ctx, tx)).expect("an inbox");
        items.reverse();
        items
    }

    fn topics(&self, of: Uuid) -> Vec<Topic> {
        self.inbox(of).iter().map(|m| m.topic).collect()
    }
}

#[test]
fn a_question_goes_to_the_resident_and_to_the_relatives_who_may_know() {
    let h = House::new();
    let mut postman = h.postman();
    h.told_by(&mut postman);
    let alert = h.notice();
    h.told_by(&mut postman);
    for of in [h.s.person.0, h.s.daughter.0] {
        let items = h.inbox(of);
        assert_eq!(items.iter().map(|m| m.topic).collect::<Vec<_>>(), [Topic::NoticeAsked]);
        assert_eq!(items[0].purpose, Some(LinkPurpose::AnswerNotice { alert }));
    }
    assert!(h.topics(h.s.son.0).is_empty(), "the son was given no consent");
    let message = h.inbox(h.s.person.0)[0].message;
    let ways = h.test.db.read_blocking(move |tx| notify::receipts(tx, message)).expect("receipts");
    let ways: Vec<_> = ways.iter().map(|r| (r.way, r.state)).collect();
    assert_eq!(ways, [(Way::Sms, AttemptState::Queued), (Way::Screen, AttemptState::Sent)], "no mail is known");
}

#[test]
fn what_happened_while_the_program_was_down_is_told_once() {
    let h = House::new();
    h.notice();
    let mut first = h.postman();
    h.told_by(&mut first);
    assert!(h.topics(h.s.person.0).is_empty(), "the first start of all tells nothing of before");
    drop(first);
    h.notice();
    h.pass(Span::hours(2));
    let mut second = h.postman();
    h.told_by(&mut second);
    assert_eq!(h.topics(h.s.person.0), [Topic::NoticeAsked]);
    h.told_by(&mut second);
    h.told_by(&mut h.postman());
    assert_eq!(h.topics(h.s.person.0).len(), 1, "and not again after another start");
}

#[test]
fn a_question_that_was_answered_meanwhile_is_not_asked() {
    let h = House::new();
    h.told_by(&mut h.postman());
    let alert = h.notice();
    h.answer(alert);
    h.told_by(&mut h.postman());
    assert!(h.topics(h.s.person.0).is_empty() && h.topics(h.s.daughter.0).is_empty());
}

#[test]
fn an_absence_by_a_relative_is_told_to_the_resident_and_the_care_manager() {
    let h = House::new();
    let mut postman = h.postman();
    h.told_by(&mut postman);
    let (ctx, home) = (h.ctx(Role::Family, h.s.daughter.0), h.s.home);
    let enter = |ctx: Ctx, days: i64| {
        let from = ctx.now + Span::days(days);
        let new =
            watch::NewAbsence { reason: watch::AbsenceReason::Trip, from, until: from + Span::days(1), weekly: None };
        h.test.db.write_blocking(move |tx| watch::enter_absence(&ctx, tx, home, new)).expect("is entered").id
    };
    enter(ctx, 1);
    let taken_back = enter(h.ctx(Role::Family, h.s.daughter.0), 5);
    let ctx = h.ctx(Role::Family, h.s.daughter.0);
    h.test.db.write_blocking(move |tx| watch::cancel_absence(&ctx, tx, taken_back)).expect("is taken back");
    h.told_by(&mut postman);
    assert_eq!(h.topics(h.s.person.0), [Topic::AbsenceEntered], "what was taken back is not told");
    assert_eq!(h.topics(h.s.care_manager.0), [Topic::AbsenceEntered]);
    assert!(h.topics(h.s.daughter.0).is_empty());
}

#[test]
fn a_line_that_is_back_is_not_told_and_what_cannot_be_told_holds_up_nothing() {
    let h = House::new();
    let mut postman = h.postman();
    h.told_by(&mut postman);
    h.push(watch::Event::LineFault { fault: Uuid::from_u128(7), person: None });
    let (alert, home, person) = (AlertId(Uuid::from_u128(8)), h.s.home, PersonId(Uuid::from_u128(9)));
    let (level, rule) = (watch::Level::Notice, watch::Rule::Inactivity);
    let of_nobody = watch::Event::AlertRaised { alert, home, person, level, rule };
    h.push(of_nobody.clone());
    h.push(of_nobody);
    h.spoil();
    h.notice();
    h.told_by(&mut postman);
    assert_eq!(h.topics(h.s.person.0), [Topic::NoticeAsked]);
}

#[test]
fn a_line_that_stays_silent_is_told_to_the_office() {
    let h = House::new();
    let (ctx, now) = (h.ctx(Role::System, Uuid::nil()), (h.clock)());
    let association = h.test.db.write_blocking(move |tx| {
        let facts = crate::serve::association(&people::testing::line("見本ネットワーク事務局"));
        Ok::<_, Problem>(people::register_office(&ctx, tx, &facts)?)
    });
    let association = association.expect("is registered").0;
    let mut postman = h.postman();
    h.told_by(&mut postman);
    let fault = Uuid::from_u128(77);
    let silent = h.test.db.write_blocking(move |tx| {
        let sql = "INSERT INTO watch_line_fault (id, home_no, gateway_no, began_at, noticed_at)
            SELECT $1, no, 1, $2, $3 FROM watch_home";
        tx.execute(sql, db::params![fault, now, now])?;
        outbox::push(tx, now, &watch::Event::LineFault { fault, person: None })
    });
    silent.expect("falls silent");
    h.told_by(&mut postman);
    assert_eq!(h.topics(association), [Topic::GatewaySilent]);
}

#[test]
fn an_event_that_is_still_to_be_told_is_not_pruned() {
    let h = House::new();
    h.told_by(&mut h.postman());
    let untold = |h: &House| h.test.db.read_blocking(oldest_untold).expect("the outbox");
    let at = (h.clock)();
    h.notice();
    h.pass(Span::days(2));
    assert_eq!(untold(&h), Some(at));
    h.runtime.block_on(crate::rounds::tidy_outbox(&h.test.db, (h.clock)())).expect("is tidied");
    h.told_by(&mut h.postman());
    assert_eq!(h.topics(h.s.person.0), [Topic::NoticeAsked]);
    assert_eq!(untold(&h).filter(|t| *t == at), None);
}

/// As the program runs it: woken by the commit.
#[test]
fn a_running_postman_is_woken_by_the_commit() {
    let h = House::new();
    let running = h.runtime.spawn(run(h.test.db.clone(), h.clock.clone()));
    let db = h.test.db.clone();
    let begun = async {
        while db.read(|tx| marks::get(tx, TOLD)).await.expect("the mark").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    h.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), begun).await.expect("begins") });
    h.notice();
    let (ctx, db) = (h.ctx(Role::Family, h.s.daughter.0), h.test.db.clone());
    let arrived = async {
        loop {
            let ctx = Ctx::new(ctx.actor.clone(), ctx.purpose, ctx.now, ctx.request);
            if !db.read(move |tx| notify::inbox(&ctx, tx)).await.expect("an inbox").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    h.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), arrived).await.expect("arrives") });
    running.abort();
}

// shows: 5.5.1 the owner of an account gets a message of what somebody else did to it, without a link
#[test]
fn the_owner_of_an_account_is_told_what_somebody_else_did_to_it() {
    let h = House::new();
    let mut postman = h.postman();
    h.told_by(&mut postman);
    let (now, account) = ((h.clock)(), AccountId(h.s.nurse.0));
    for change in [AccountChange::Reissued, AccountChange::Suspended, AccountChange::Reinstated] {
        let event = signin::Event::AccountChanged { account, change };
        h.test.db.write_blocking(move |tx| outbox::push(tx, now, &event)).expect("is pushed");
    }
    h.told_by(&mut postman);
    let told = h.inbox(account.0);
    let mut topics: Vec<Topic> = told.iter().map(|m| m.topic).collect();
    topics.sort_unstable_by_key(|topic| topic.key());
    assert_eq!(topics, [Topic::AccountReinstated, Topic::AccountReissued, Topic::AccountSuspended]);
    assert!(told.iter().all(|m| m.purpose.is_none()));
    assert!(h.topics(h.s.operator.0).is_empty(), "nobody else is");
}

// shows: 5.5.1 the other administrators are told that something waits for them, and whoever asked what became of it
#[test]
fn whom_a_request_waits_for_is_told_and_whoever_asked_learns_what_became_of_it() {
    let h = House::new();
    let mut postman = h.postman();
    h.told_by(&mut postman);
    // One works here by the register, two were made by whoever runs the machine.
    let [asker, other, about] =
        [AccountId(h.s.administrator.0), AccountId(Uuid::from_u128(0xA1)), AccountId(Uuid::from_u128(0xA2))];
    let made: Vec<signin::NewAccount> = [(asker, "jimu1"), (other, "jimu2"), (about, "jimu3")]
        .into_iter()
        .map(|(id, login)| signin::NewAccount {
            id,
            login: signin::LoginName::parse(login).expect("a login name"),
            role: Role::Administrator,
            office: None,
            person: None,
            display_name: "見本 事務".to_owned().into(),
        })
        .collect();
    let ctx = h.ctx(Role::System, Uuid::nil());
    let written = h.test.db.write_blocking(move |tx| {
        marks::set(tx, marks::FICTIONAL, "town")?;
        signin::create_fictional_accounts(&ctx, tx, &made)
    });
    written.expect("accounts");
    let tell = |postman: &mut Postman, change| {
        let now = (h.clock)();
        let event = signin::Event::RequestChanged { account: about, asked_by: asker, change };
        h.test.db.write_blocking(move |tx| outbox::push(tx, now, &event)).expect("is pushed");
        h.told_by(postman);
    };
    tell(&mut postman, RequestChange::Asked);
    assert_eq!(h.topics(other.0), [Topic::AccountRequestWaits]);
    assert!(h.topics(asker.0).is_empty() && h.topics(about.0).is_empty());
    for change in [RequestChange::Declined, RequestChange::Ended, RequestChange::Approved] {
        tell(&mut postman, change);
    }
    use Topic::{AccountRequestApproved, AccountRequestDeclined, AccountRequestEnded};
    let mut told = h.topics(asker.0);
    told.sort_unstable_by_key(|topic| topic.key());
    assert_eq!(told, [AccountRequestApproved, AccountRequestDeclined, AccountRequestEnded]);
    assert_eq!(h.topics(other.0).len(), 1);
}

#[path = "question_tests.rs"]
mod question;
