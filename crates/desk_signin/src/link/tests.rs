//! A link in a message: nameless, one button, once, until it expires; never an alert.

use base::{AlertId, CaseId, Redacted};
use household::Region;
use notify::{LinkPurpose, Topic};
use watch::Rule;

/// The token of a message that was sent to the daughter.
fn sent(r: &Region, topic: Topic, link: LinkPurpose) -> String {
    r.link_sent(r.s.daughter.0, topic, link)
}

fn asked(r: &Region) -> (AlertId, String) {
    let alert = r.notice(Rule::Inactivity);
    (alert, format!("/l/{}", sent(r, Topic::NoticeAsked, LinkPurpose::AnswerNotice { alert })))
}

fn state_of(r: &Region, alert: AlertId) -> String {
    let sql = "SELECT state FROM watch_alert WHERE id = $1";
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

// shows: 6.3.1 the case says who asked for a call and how, and whoever asked is called first
#[test]
fn a_relative_who_asks_for_a_call_is_the_one_who_is_called() {
    let r = Region::new();
    let (_, link) = asked(&r);
    r.post(&r.nobody(), &link, &[("answer", "call_me")]).is(200).shows("コールセンターからお電話します");
    let operator = r.operator();
    r.get(&operator, "/cases").shows("ご家族（長女）から「電話がほしい」とお返事がありました（メール・SMSの画面）");
    let sql = "SELECT id FROM response_case WHERE rule = 'call_wanted'";
    let case: CaseId = r.test.db.read_blocking(move |tx| tx.scalar(sql, &[])).expect("a case");
    r.step(&operator, &format!("/cases/{case}/taking"), &[])
        .shows("お返事をくださった方に電話してください")
        .shows("長女 山田 むすめさんに電話");
    let fields = [("to", r.s.daughter.to_string()), ("outcome", "well".to_owned()), ("note", String::new())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
    r.step(&operator, &format!("/cases/{case}/calls"), &fields).shows("本人の用件に対応した");
    let home = format!("/homes/{}", r.s.home);
    r.get(&r.care_manager(), &home).shows("お返事あり：ご家族（長女）から「電話がほしい」（メール・SMSの画面）");
    r.post(&operator, &format!("/cases/{case}/closure"), &[("cause", "request_settled")]).is(303);
}

#[test]
fn a_relative_is_told_that_it_is_not_they_who_are_asked_about() {
    let r = Region::new();
    let (alert, link) = asked(&r);
    let page = r.get(&r.nobody(), &link);
    page.is(200).shows("ご家族は、お変わりありませんか").shows("あなたご自身のことではありません").hides("髙橋");
    r.post(&r.nobody(), &link, &[("answer", "call_me")]).is(200).shows("コールセンターからお電話します");
    let own = r.link_sent(r.s.person.0, Topic::NoticeAsked, LinkPurpose::AnswerNotice { alert });
    let page = r.get(&r.nobody(), &format!("/l/{own}"));
    page.is(200).shows("お変わりありませんか").hides("ご家族");
}

#[test]
fn a_link_that_does_nothing_says_why_and_whom_to_call() {
    let r = Region::new();
    let (_, link) = asked(&r);
    let nobody = r.nobody();
    r.get(&nobody, "/l/nothing").shows("リンクが正しくありません").hides("操作は必要ありません").hides("tel:");
    r.number_of_the_call_centre("0561-00-0001");
    r.get(&nobody, "/l/nothing").shows("tel:0561000001").well_formed();
    r.post(&nobody, &link, &[]).is(200);
    r.get(&nobody, &link).shows("操作は必要ありません").shows("tel:0561000001");
    let (_, late) = asked(&r);
    r.wait(60 * 24 * 60);
    r.get(&nobody, &late).shows("期限が過ぎています").hides("操作は必要ありません").shows("tel:0561000001");
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
    let sql = "SELECT id FROM watch_alert WHERE level = 'alert'";
    let alert: AlertId = r.test.db.read_blocking(move |tx| tx.scalar(sql, &[])).expect("the alert");
    let wrong = format!("/l/{}", sent(&r, Topic::NoticeAsked, LinkPurpose::AnswerNotice { alert }));
    r.post(&r.nobody(), &wrong, &[]).is(200).shows("コールセンターが対応中");
    assert_eq!(state_of(&r, alert), "standing");
    let open = format!("/l/{}", sent(&r, Topic::AlertRaised, LinkPurpose::OpenCase { case }));
    r.get(&r.nobody(), &open).is(200).shows("サインインして開く").hides("髙橋");
}

/// A visit is asked of the son; the link in his message.
fn visit_asked(r: &Region) -> (base::VisitId, String) {
    let (case, operator) = (r.alert(Rule::Inactivity), r.operator());
    r.post(&operator, &format!("/cases/{case}/taking"), &[]).is(303);
    let (who, son) = (r.acting_operator(), r.s.son);
    let visit = r.test.db.write_blocking(move |tx| {
        response::request_visit(&who.clone(), tx, case, response::Visitor::Contact(son), Redacted::new(String::new()))
    });
    let visit = visit.expect("is asked").id;
    let link = LinkPurpose::VisitRequest { visit };
    (visit, format!("/l/{}", r.link_sent(r.s.son.0, Topic::VisitRequested, link)))
}

fn outcomes_of_links(r: &Region) -> Vec<audit::Outcome> {
    r.audited().iter().filter(|row| row.action == "notify.use_link").map(|row| row.outcome).collect()
}

#[test]
fn who_is_signed_in_opens_what_the_message_is_about() {
    let r = Region::new();
    let (visit, link) = visit_asked(&r);
    let son = r.relative(r.s.son);
    r.get(&son, &link).is(200).shows("開く").hides("サインインして開く").hides("髙橋");
    let opened = r.post(&son, &link, &[]);
    opened.is(303);
    assert_eq!(opened.location, format!("/visits/{visit}"));
    assert_eq!(opened.referrer_policy, "no-referrer");
    r.get(&son, &opened.location).is(200);
    r.post(&son, &link, &[]).is(200).shows("既に使用されています");
    let rows = r.audited();
    let used = rows.iter().find(|row| row.action == "notify.use_link").expect("is recorded");
    assert_eq!((used.role, used.persons.as_slice()), (base::Role::Family, &[r.s.person][..]));
}

#[test]
fn who_is_not_signed_in_signs_in_and_is_led_there() {
    let r = Region::new();
    let (visit, link) = visit_asked(&r);
    let mut browser = r.nobody();
    let first = r.post(&browser, &link, &[]);
    first.is(303);
    assert_eq!(first.location, "/demo");
    browser.keep(&first);
    assert!(outcomes_of_links(&r).is_empty(), "pressing it signed out spends nothing");
    r.get(&browser, "/demo").is(200).shows("お知らせを開きます");
    r.get(&browser, "/signin").is(200).shows("お知らせの画面に進みます").well_formed();
    // He has an account.
    r.relative(r.s.son);
    let entered = r.post(&browser, &format!("/demo/enter/{}", r.s.son), &[]);
    entered.is(303);
    browser.keep(&entered);
    assert_eq!(entered.location, format!("/visits/{visit}"));
    r.get(&browser, &entered.location).is(200);
    assert_eq!(outcomes_of_links(&r), [audit::Outcome::Done]);
    let again = r.post(&browser, &format!("/demo/enter/{}", r.s.son), &[]);
    assert_eq!(again.location, "/family", "what was remembered is forgotten");
}

#[test]
fn a_stranger_opens_nothing_and_leaves_the_link_to_its_recipient() {
    let r = Region::new();
    let (visit, link) = visit_asked(&r);
    let daughter = r.relative(r.s.daughter);
    r.post(&daughter, &link, &[]).is(200).shows("ほかの方へのお知らせです").hides("髙橋").hides(&visit.to_string());
    let mut browser = r.nobody();
    let first = r.post(&browser, &link, &[]);
    browser.keep(&first);
    let entered = r.post(&browser, &format!("/demo/enter/{}", r.s.daughter), &[]);
    assert_eq!(entered.location, "/family", "a stranger is led to their own first page");
    assert!(outcomes_of_links(&r).iter().all(|o| *o == audit::Outcome::Refused));
    assert_eq!(r.post(&r.relative(r.s.son), &link, &[]).location, format!("/visits/{visit}"));
}

#[test]
fn what_is_remembered_is_a_link_of_ours_or_nothing() {
    let r = Region::new();
    let mut browser = r.nobody();
    let unknown = r.post(&browser, "/l/https:%2F%2Fevil.example", &[]);
    unknown.is(200).shows("このリンクは無効です");
    browser.keep(&unknown);
    for forged in ["//evil.example/", "https://evil.example", "/cases"] {
        let mut forger = r.nobody();
        forger.brings(&format!("tsunagari_link={forged}"));
        r.relative(r.s.son);
        assert_eq!(r.post(&forger, &format!("/demo/enter/{}", r.s.son), &[]).location, "/family");
    }
    // A button that acts without a name is never pressed by a sign-in.
    let (alert, link) = asked(&r);
    let mut bearer = r.nobody();
    bearer.brings(&format!("tsunagari_link={}", link.trim_start_matches("/l/")));
    r.relative(r.s.daughter);
    assert_eq!(r.post(&bearer, &format!("/demo/enter/{}", r.s.daughter), &[]).location, "/family");
    assert_eq!(state_of(&r, alert), "standing");
    // Over its time it leads nowhere either.
    let (_, link) = visit_asked(&r);
    let mut late = r.nobody();
    let first = r.post(&late, &link, &[]);
    late.keep(&first);
    r.wait(25 * 60);
    assert_eq!(r.post(&late, &format!("/demo/enter/{}", r.s.son), &[]).location, "/family");
}
