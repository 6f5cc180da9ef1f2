//! A telephone gateway asks whether all is well: it reads the sentence, takes a key, hangs up, answers twice and late.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use notify::{AttemptId, Delivery, DeliveryOutcome, LinkSeed};
use serde_json::json;
use watch::{Asked, Changes};

use super::*;
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
        let router = reports::routes(h.test.db.clone(), h.clock.clone(), &TOKEN.to_owned().into());
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
