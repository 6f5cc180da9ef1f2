//! A telephone gateway asks whether all is well: it reads the sentence, takes a key, hangs up, answers twice and late.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use notify::{AttemptId, Delivery, DeliveryOutcome, LinkSeed};
use serde_json::json;
use watch::{Asked, Changes};

use super::*;
use crate::message_gateway::Desk;
use crate::reports;

const TOKEN: &str = "a-token-that-the-gateway-alone-knows";

struct Gateway {
    h: House,
    router: Router,
    postman: Postman,
    alert: AlertId,
}

impl Gateway {
    /// A home that is asked by telephone; the watch has just asked.
    fn new() -> Gateway {
        let h = House::new();
        let (ctx, home) = (h.ctx(Role::System, Uuid::nil()), h.s.home);
        let asked = Changes { asked: Some(Asked::Call), ..Changes::default() };
        h.test.db.write_blocking(move |tx| watch::set_home(&ctx, tx, home, &asked)).expect("is set");
        let desk = Desk::new(h.test.db.clone(), h.clock.clone(), &TOKEN.to_owned().into());
        let router = reports::routes(desk.clone()).merge(crate::calls::routes(desk));
        let mut postman = h.postman();
        h.told_by(&mut postman);
        let alert = h.notice();
        h.told_by(&mut postman);
        Gateway { h, router, postman, alert }
    }

    /// The calls that the gateway is asked to make now; it takes them all.
    fn calls(&self) -> Vec<Delivery> {
        let ctx = self.h.ctx(Role::System, Uuid::nil());
        let calls = self.h.test.db.write_blocking(move |tx| {
            let due = notify::due(&ctx, tx, &LinkSeed::from_bytes([7; 32]), 9)?;
            for call in due.iter().filter(|d| d.way == Way::Phone) {
                notify::record_outcome(&ctx, tx, call, DeliveryOutcome::Accepted)?;
            }
            Ok::<_, DbError>(due)
        });
        calls.expect("the queue").into_iter().filter(|d| d.way == Way::Phone).collect()
    }

    fn report(&self, call: AttemptId, report: &str, key: Option<&str>) {
        use tower::ServiceExt;
        let body = json!({ "reference": call.to_string(), "report": report, "key": key }).to_string();
        let request = Request::post(reports::PATH)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .expect("a request");
        let answer = self.h.runtime.block_on(self.router.clone().oneshot(request)).expect("an answer");
        assert_eq!(answer.status(), 204);
    }

    /// Somebody telephones and presses a key; what is read out.
    fn called(&self, from: &str, say: &str, until: Option<&str>) -> (u16, String) {
        use tower::ServiceExt;
        let body = json!({ "from": from, "say": say, "until": until }).to_string();
        let request = Request::post(crate::calls::PATH)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .expect("a request");
        self.h.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 9999).await.expect("a body");
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }

    fn absences(&self) -> Vec<watch::Absence> {
        let (ctx, home) = (self.h.ctx(Role::Resident, self.h.s.person.0), self.h.s.home);
        let own = Ctx::new(ctx.actor.clone(), Purpose::OwnView, ctx.now, ctx.request);
        let all = self.h.test.db.read_blocking(move |tx| watch::absences(&own, tx, home)).expect("absences");
        all.into_value().into_iter().filter(|a| a.cancelled_at.is_none()).collect()
    }

    fn state(&self) -> AlertState {
        let (ctx, alert) = (self.h.ctx(Role::System, Uuid::nil()), self.alert);
        self.h.test.db.read_blocking(move |tx| watch::alert(&ctx, tx, alert)).expect("the question").state
    }

    /// The rules of the alerts that stand, and how many cases are open.
    fn taken_up(&self) -> (Vec<String>, i64) {
        let read = self.h.test.db.read_blocking(|tx| {
            let sql = "SELECT rule FROM watch_alert WHERE level = 'alert' AND state = 'standing' ORDER BY raised_at";
            let rules = tx.query(sql, &[])?.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
            Ok::<_, DbError>((rules, tx.scalar("SELECT COUNT(*) FROM response_case WHERE closed_at IS NULL", &[])?))
        });
        read.expect("alerts")
    }
}

// shows: 6.3.1 a call reads a sentence and takes a key: all is well ends the question
#[test]
fn a_resident_with_a_landline_presses_one() {
    let g = Gateway::new();
    let calls = g.calls();
    let [call] = calls.as_slice() else { panic!("one call: {calls:?}") };
    assert!(call.address.expose().starts_with("0561"), "a landline");
    let text = notify::compose(call.topic, call.way, None).body;
    assert!(text.contains("お変わりなければ1を") && text.contains("体調が悪いときは3を"), "{text}");
    g.report(call.attempt, "read", Some("1"));
    assert_eq!((g.state(), g.taken_up()), (AlertState::Answered, (vec![], 0)));
    g.report(call.attempt, "read", Some("1"));
    g.h.pass(Span::minutes(20));
    assert!(g.calls().is_empty(), "whoever answered is not called again");
}

// shows: 6.3.1 who does not answer, hangs up, or lets a machine answer is called once more; then nobody is
#[test]
fn who_presses_nothing_is_called_again_and_no_third_time() {
    for (report, key) in [("failed", None), ("read", None), ("delivered", None), ("read", Some("9"))] {
        let g = Gateway::new();
        let first = g.calls().remove(0);
        g.report(first.attempt, report, key);
        assert!(g.calls().is_empty(), "not at once");
        g.h.pass(Span::minutes(12));
        let second = g.calls().remove(0);
        assert_ne!(second.attempt, first.attempt);
        g.report(second.attempt, report, key);
        g.h.pass(Span::minutes(12));
        assert!(g.calls().is_empty(), "{report}");
        assert_eq!(g.state(), AlertState::Standing, "only the watch makes an alert of it");
    }
}

// shows: 6.3.1 who wants a call or feels unwell has a case at once, also where the answer comes twice or late
#[test]
fn two_and_three_open_a_case_at_once() {
    for (key, rule) in [("2", "call_wanted"), ("3", "feels_unwell")] {
        let g = Gateway::new();
        let call = g.calls().remove(0);
        g.report(call.attempt, "read", Some(key));
        assert_eq!((g.state(), g.taken_up()), (AlertState::Answered, (vec![rule.to_owned()], 1)));
        g.report(call.attempt, "read", Some(key));
        assert_eq!(g.taken_up(), (vec![rule.to_owned()], 1), "a gateway may report twice");
        let sql = "SELECT reason FROM response_case";
        let reason: String = g.h.test.db.read_blocking(|tx| tx.scalar(sql, &[])).expect("a reason");
        assert!(reason.contains("本人から「") && reason.contains("（電話のキー）"), "{reason}");
    }
    // The daughter said by her message that all is well; her mother presses 3 in the call that was under way.
    let g = Gateway::new();
    let call = g.calls().remove(0);
    g.h.answer(g.alert);
    g.report(call.attempt, "read", Some("3"));
    assert_eq!(g.taken_up(), (vec!["feels_unwell".to_owned()], 1));
}

#[test]
fn a_question_answered_while_the_program_was_down_is_not_asked() {
    let mut g = Gateway::new();
    g.h.answer(g.alert);
    g.calls();
    let answered = g.h.notice();
    g.h.answer(answered);
    g.h.told_by(&mut g.postman);
    assert!(g.calls().is_empty());
}

// shows: 6.3.3 the person calls and presses a key to go out and to be back
#[test]
fn a_resident_says_by_telephone_that_she_goes_out_and_is_back() {
    let mut g = Gateway::new();
    let own = g.calls().remove(0).address.expose().clone();
    let international = format!("+81{}", own.trim_start_matches('0').replace('-', ""));
    let (status, text) = g.called(&international, "out_tomorrow", None);
    assert!(status == 200 && text.contains("あしたいっぱい、"), "{status} {text}");
    let alert = g.alert;
    let asked = "SELECT state FROM watch_alert WHERE id = $1";
    let state = g.h.test.db.read_blocking(move |tx| tx.scalar::<String>(asked, &[alert.into()])).expect("an alert");
    assert_eq!(state, "answered", "who calls while being asked has answered");
    let until: Vec<_> = g.absences().iter().map(|a| a.until).collect();
    assert_eq!(until, [Instant::parse("2026-11-24T00:00").expect("a moment")]);
    let told = g.h.topics(g.h.s.person.0).len();
    g.h.told_by(&mut g.postman);
    assert_eq!(g.h.topics(g.h.s.person.0).len(), told + 1, "whoever called, the person learns of it");
    let (status, text) = g.called(&own, "back", None);
    assert!(status == 200 && text.contains("再開"), "{status} {text}");
    assert!(g.absences().is_empty());
    let (status, text) = g.called(&own, "back", None);
    assert!(status == 200 && text.contains("登録はありませんでした"), "a number alone puts off no silence: {text}");
    let (status, text) = g.called(&own, "out_until", Some("2026-11-28"));
    assert!(status == 200 && text.contains("11月28日"), "{status} {text}");
    assert_eq!(g.called(&own, "out_until", None).0, 422, "who is known is not told that they are not");
    let (status, text) = g.called(&own, "out_until", Some("2027-02-28"));
    assert!(status == 409 && text.contains("14日"), "{status} {text}");
    for (from, say) in [("0561-00-9999", "out_today"), ("anonymous", "out_today"), ("", "back")] {
        let (status, text) = g.called(from, say, None);
        assert!(status == 404 && text.contains("確かめられませんでした"), "{status} {text}");
    }
    assert_eq!(g.called(&own, "hello", None).0, 400);
    // The daughter's number stands in the register too, and is not the resident's.
    let daughter = g.h.s.daughter.0;
    let reach = g.h.test.db.read_blocking(move |tx| people::reach(tx, daughter)).expect("read").expect("a contact");
    assert_eq!(g.called(reach.phones[0].redacted().expose(), "out_today", None).0, 404);
    // Who is not asked by telephone is not known by a number.
    let (ctx, home) = (g.h.ctx(Role::System, Uuid::nil()), g.h.s.home);
    let off = Changes { asked: Some(Asked::Off), ..Changes::default() };
    g.h.test.db.write_blocking(move |tx| watch::set_home(&ctx, tx, home, &off)).expect("is set");
    assert_eq!(g.called(&own, "out_today", None).0, 404);
}
