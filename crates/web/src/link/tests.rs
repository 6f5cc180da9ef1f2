//! A link in a message: nameless, one button, once, until it expires; never an alert.

use base::{AlertId, CaseId, Redacted};
use notify::{LinkPurpose, LinkSeed, NewMessage, Recipient, Topic, Way};
use watch::Rule;

use crate::testing::Region;

/// The token of a message that was sent to the daughter.
fn sent(r: &Region, topic: Topic, link: LinkPurpose) -> String {
    let (sending, carrying) =
        (people::testing::system(r.now(), r.request()), people::testing::system(r.now(), r.request()));
    let to = Recipient { id: r.s.daughter.0, mail: Some(Redacted::new("musume@example.jp".to_owned())), phone: None };
    let new = NewMessage { to, person: Some(r.s.person), topic, ways: vec![Way::Mail], link: Some(link) };
    let delivery = r.test.db.write_blocking(move |tx| {
        let id = notify::send(&sending.clone(), tx, &new)?;
        let due = notify::due(&carrying.clone(), tx, &LinkSeed::from_bytes([7; 32]), 10)?;
        // The case itself may have sent messages as well.
        Ok::<_, notify::NotifyError>(due.into_iter().find(|d| d.message == id))
    });
    let delivery = delivery.expect("is sent").expect("is due");
    delivery.link.expect("has a link").expose().clone()
}

fn asked(r: &Region) -> (AlertId, String) {
    let alert = r.notice(Rule::Inactivity);
    (alert, format!("/l/{}", sent(r, Topic::NoticeAsked, LinkPurpose::AnswerNotice { alert })))
}

fn state_of(r: &Region, alert: AlertId) -> String {
    let sql = "SELECT state FROM alert WHERE id = $1";
    r.test.db.read_blocking(move |tx| tx.scalar(sql, db::params![alert])).expect("the alert")
}

#[test]
fn the_page_names_nobody_and_only_the_button_acts_once() {
    let r = Region::new();
    let (alert, link) = asked(&r);
    let nobody = r.nobody();
    for _ in 0..2 {
        let page = r.get(&nobody, &link);
        page.is(200).shows("お変わりありませんか").shows("大丈夫です").hides("髙橋").hides("みほん").well_formed();
        assert_eq!(page.referrer_policy, "no-referrer");
    }
    assert_eq!(state_of(&r, alert), "standing", "looking changes nothing");
    let thanks = r.post(&nobody, &link, &[]);
    thanks.is(200).shows("「大丈夫です」をお受けしました").hides("髙橋");
    assert_eq!(thanks.referrer_policy, "no-referrer");
    assert_eq!(state_of(&r, alert), "answered");
    r.post(&nobody, &link, &[]).is(200).shows("既に使用されています");
    r.get(&nobody, &link).shows("既に使用されています").hides("大丈夫です</span>");
    let rows = r.audited();
    let used = rows.iter().filter(|row| row.action == "notify.use_link");
    let outcomes: Vec<_> = used.map(|row| row.outcome).collect();
    assert_eq!(outcomes, [audit::Outcome::Done, audit::Outcome::Refused]);
    let answered = rows.iter().find(|row| row.action == "watch.answer_notice").expect("is recorded");
    assert_eq!((answered.role, answered.persons.as_slice()), (base::Role::Link, &[r.s.person][..]));
}

#[test]
fn an_old_a_wrong_and_a_late_link_are_told_politely() {
    let r = Region::new();
    let (alert, link) = asked(&r);
    let nobody = r.nobody();
    r.get(&nobody, "/l/nothing").is(200).shows("このリンクは無効です");
    r.post(&nobody, "/l/nothing", &[]).is(200).shows("このリンクは無効です");
    r.wait(60 * 24 * 60);
    r.get(&nobody, &link).is(200).shows("有効期限が過ぎています");
    r.post(&nobody, &link, &[]).is(200).shows("有効期限が過ぎています");
    assert_eq!(state_of(&r, alert), "standing");
}

#[test]
fn who_is_signed_in_sees_no_name_either_and_an_alert_is_not_ended_by_a_link() {
    let r = Region::new();
    let (_, link) = asked(&r);
    r.get(&r.relative(r.s.daughter), &link).is(200).hides("髙橋").hides("サインアウト");
    let case: CaseId = r.alert(Rule::Button);
    let sql = "SELECT id FROM alert WHERE level = 'alert'";
    let alert: AlertId = r.test.db.read_blocking(move |tx| tx.scalar(sql, &[])).expect("the alert");
    let wrong = format!("/l/{}", sent(&r, Topic::NoticeAsked, LinkPurpose::AnswerNotice { alert }));
    r.post(&r.nobody(), &wrong, &[]).is(200).shows("コールセンターが対応中");
    assert_eq!(state_of(&r, alert), "standing");
    let open = format!("/l/{}", sent(&r, Topic::AlertRaised, LinkPurpose::OpenCase { case }));
    r.get(&r.nobody(), &open).is(200).shows("サインインして開く").hides("髙橋");
    let answer = r.post(&r.nobody(), &open, &[]);
    answer.is(303);
    assert_eq!(answer.location, "/signin");
}
