//! What committed events mean for the screens, on a household with its case.

use access::Knower;
use base::Instant;
use db::outbox;
use household::Region;
use page::live::{Channel, Whom};
use watch::Rule;
use web::news::{News, happened, news};

fn row(topic: &str, body: &str) -> outbox::Event {
    outbox::Event { seq: 1, at: Instant(1), topic: topic.to_owned(), body: body.to_owned() }
}

// shows: 5.6.2 topics and bodies already stored stay readable
#[test]
fn what_a_former_version_left_in_the_outbox_is_still_understood() {
    let (dashed, plain) = ("00000000-0000-0000-0000-000000000007", "00000000000000000000000000000007");
    for (topic, body) in [
        ("watch.alert_changed", format!(r#"{{"alert":"{dashed}"}}"#)),
        ("watch.line_fault", format!(r#"{{"fault":"{dashed}"}}"#)),
        ("watch.home_changed", format!(r#"{{"home":"{dashed}"}}"#)),
        ("watch.region_changed", "{}".to_owned()),
        ("care.note_read", format!(r#"{{"note":"{plain}","person":"{plain}","case":null}}"#)),
        ("response.taken", format!(r#"{{"case":"{plain}","person":"{plain}","home":"{plain}","step":"taken"}}"#)),
        ("notify.screen", format!(r#"{{"message":"{dashed}","recipient":"{dashed}"}}"#)),
        (
            "people.consent_withdrawn",
            format!(
                r#"{{"consent":"{dashed}","person":"{dashed}","scope":"watch","contact":null,"state":"withdrawn"}}"#
            ),
        ),
    ] {
        assert!(happened(&row(topic, &body)).is_some(), "{topic}");
    }
    assert_eq!(signin::Event::of(&row("signin.ended", &format!(r#"{{"account":"{dashed}"}}"#))).into_iter().count(), 1);
    assert_eq!(happened(&row("watch.alert_raised", r#"{"level":"notice"}"#)), None, "what cannot be read stirs nobody");
    assert_eq!(happened(&row("nobody.said", "{}")), None);
}

/// The events since `seq`, and what they mean.
fn told(r: &Region, seq: i64) -> News {
    r.test
        .db
        .read_blocking(move |tx| {
            let events = outbox::after(tx, seq, 1000)?;
            news(tx, &events)
        })
        .expect("is read")
}

// shows: 5.6.3 live events carry the person, and who knows them is read once
#[test]
fn a_case_is_told_to_those_who_may_know_of_it_and_its_end_to_those_who_knew_until_then() {
    let r = Region::new();
    let last = |r: &Region| r.test.db.read_blocking(outbox::last_seq).expect("the outbox");
    let ground_of = |knowers: &[Knower], holder| {
        let mut grounds: Vec<_> = knowers.iter().filter(|k| k.holder == holder).map(|k| k.ground.key()).collect();
        grounds.sort_unstable();
        grounds.dedup();
        grounds
    };
    let before = last(&r);
    let case = r.alert(Rule::Inactivity);
    let (happened, knowers) = told(&r, before);
    assert!(happened.iter().any(|h| h.whom == Whom::InNeed(r.s.person) && h.channels.contains(&Channel::Cases)));
    assert!(knowers.iter().all(|k| k.person == r.s.person));
    assert!(ground_of(&knowers, r.s.daughter.0).contains(&"family_alerts"));
    let centre = r.acting_operator().actor.office.expect("an office").0;
    assert_eq!(ground_of(&knowers, centre), ["case"]);

    let operator = r.operator();
    r.wait(1);
    r.step(&operator, &format!("/cases/{case}/taking"), &[]);
    let call = [("to", "resident"), ("outcome", "well"), ("note", "元気とのこと")];
    r.step(&operator, &format!("/cases/{case}/calls"), &call);
    r.wait(1);
    let before = last(&r);
    let fields = [("cause", "answered_well"), ("closing", "元気とのこと。")];
    r.post(&operator, &format!("/cases/{case}/closure"), &fields).is(303);
    let (happened, knowers) = told(&r, before);
    assert!(!happened.is_empty(), "the case was closed");
    assert_eq!(ground_of(&knowers, centre), ["case", "review"], "whose screen would else show it open");
    r.wait(1);
    let later = r.test.db.read_blocking({
        let (person, now) = (r.s.person, r.now());
        move |tx| access::knowers(tx, &[person], now)
    });
    assert_eq!(ground_of(&later.expect("is read"), centre), ["review"], "to look back at, and no more");
}
