//! What a relative and the resident see: what was consented to, while it is, and not a word more.

use base::{Instant, PersonId};
use household::{REASON, Region};
use people::{ConsentScope, Withdrawal};
use watch::Rule;

fn withdraw(r: &Region, scope: ConsentScope) {
    let (ctx, person): (_, PersonId) = (people::testing::system(r.now(), r.request()), r.s.person);
    r.test
        .db
        .write_blocking(move |tx| {
            let ctx = ctx.clone();
            let all = people::consents(&ctx, tx, person)?;
            let stands = all.iter().find(|c| c.scope == scope && c.state.allows()).expect("was given");
            let by = Withdrawal { by: people::testing::line("髙橋 みほん"), reason: people::testing::line("") };
            people::withdraw_consent(&ctx, tx, person, stands.id, &by)
        })
        .expect("is withdrawn");
}

#[test]
fn the_relative_follows_an_alert_to_its_end() {
    let r = Region::new();
    let (daughter, operator) = (r.relative(r.s.daughter), r.operator());
    r.get(&daughter, "/family").is(200).shows("いま対応中のアラートはありません").shows("髙橋").well_formed();
    let case = r.alert(Rule::Inactivity);
    r.get(&daughter, "/family").shows("アラートがありました").shows(REASON).shows("確認を始めるところです");
    r.step(&operator, &format!("/cases/{case}/taking"), &[]);
    r.get(&daughter, "/family/now").is(200).shows("電話で確認しています").shows("受付").hides("<html");
    assert_eq!(r.count_audited("look.family"), 2, "what the open page fetched by itself is no look");
}

#[test]
fn nothing_is_shown_that_was_not_consented_to() {
    let r = Region::new();
    r.alert(Rule::Inactivity);
    // Of the two children only the daughter was named in a consent.
    let son = r.relative(r.s.son);
    let page = r.get(&son, "/family");
    page.is(200)
        .shows("いま、ご覧いただける情報はありません")
        .hides("髙橋")
        .hides(REASON)
        .hides("/homes/")
        .well_formed();
    let seen: Vec<_> = r.audited().into_iter().filter(|row| row.action == "look.family").collect();
    assert!(seen.iter().all(|row| row.persons.is_empty()), "nobody was shown");
    for path in [format!("/homes/{}", r.s.home), format!("/homes/{}/absences", r.s.home)] {
        r.get(&son, &path).is(403).hides("髙橋");
    }
}

#[test]
fn a_withdrawn_consent_takes_the_view_away_at_once() {
    let r = Region::new();
    r.alert(Rule::Inactivity);
    let daughter = r.relative(r.s.daughter);
    r.get(&daughter, "/family").shows("きょうの様子").shows(REASON);
    withdraw(&r, ConsentScope::FamilyWatch(r.s.daughter));
    r.get(&daughter, "/family").shows(REASON).hides("きょうの様子");
    r.get(&daughter, &format!("/homes/{}", r.s.home)).is(403);
    withdraw(&r, ConsentScope::FamilyAlerts(r.s.daughter));
    r.get(&daughter, "/family").is(200).shows("ご覧いただける情報はありません").hides(REASON).hides("髙橋");
    let absence = [("reason", "outing"), ("from", "2026-11-22T10:30"), ("until", "2026-11-22T18:00")];
    r.post(&daughter, &format!("/homes/{}/absences", r.s.home), &absence).is(403);
}

#[test]
fn a_question_is_answered_with_one_touch_but_never_an_alert() {
    let r = Region::new();
    let daughter = r.relative(r.s.daughter);
    let notice = r.notice(Rule::Inactivity);
    let asked = r.get(&daughter, "/family");
    asked.shows("髙橋 みほん さんは、お変わりありませんか").shows("あなたご自身のことではありません").well_formed();
    r.get(&r.resident(), "/me").shows("お変わりありませんか").hides("あなたご自身");
    r.step(&daughter, &format!("/notices/{notice}/answer"), &[]).hides("お変わりありませんか");
    r.post(&daughter, &format!("/notices/{notice}/answer"), &[]).is(409).shows("すでに対応済み");
    let asked_again = r.notice(Rule::TooHot);
    for who in [r.relative(r.s.son), r.operator(), r.doctor()] {
        r.post(&who, &format!("/notices/{asked_again}/answer"), &[]).is(403);
    }
    r.step(&r.resident(), &format!("/notices/{asked_again}/answer"), &[]).hides("お変わりありませんか");
    r.alert(Rule::Button);
    let sql = "SELECT id FROM watch_alert WHERE level = 'alert'";
    let alert: base::AlertId = r.test.db.read_blocking(move |tx| tx.scalar(sql, &[])).expect("the alert");
    r.post(&daughter, &format!("/notices/{alert}/answer"), &[]).is(409).shows("コールセンターが対応中");
}

#[test]
fn an_open_alert_comes_first_and_says_whom_to_call() {
    let r = Region::new();
    r.number_of_the_call_centre("0561-00-0001");
    r.get(&r.resident(), "/me").hides("tel:0561000001");
    r.alert(Rule::Inactivity);
    let page = r.get(&r.resident(), "/me");
    page.is(200).shows("お電話でお知らせください").well_formed();
    let at = |words: &str| page.body.find(words).unwrap_or_else(|| panic!("{words} is not on the page"));
    assert!(at("アラートがありました") < at("tel:0561000001") && at("tel:0561000001") < at("きょうの様子"));
    assert_eq!(page.body.matches("アラートがありました").count(), 1);
}

#[test]
fn an_absence_is_entered_told_and_taken_back() {
    let r = Region::new();
    let daughter = r.relative(r.s.daughter);
    let at = format!("/homes/{}/absences", r.s.home);
    r.get(&daughter, &at).is(200).shows("出かける日時").hides("デイサービス").well_formed();
    let never = [("reason", "trip"), ("from", "2026-11-22T10:30"), ("until", "2026-11-31T18:00")];
    r.post(&daughter, &at, &never).is(422).shows("11月31日</span>はその年の暦にありません").shows("2026-11-31T18:00");
    let long = [("reason", "trip"), ("from", "2026-11-22T10:30"), ("until", "2027-11-30T18:00")];
    r.post(&daughter, &at, &long).is(422).shows("14日まで");
    let trip = [("reason", "trip"), ("from", "２０２６／１１／２２　１０：３０"), ("until", "令和8年11月24日 午後6時")];
    r.step(&daughter, &at, &trip).shows("旅行・帰省").shows("（火）18:00");
    let page = r.get(&r.resident(), &at);
    page.is(200).shows("入力：家族");
    let id = page.body.split("/absences/").find_map(|rest| rest.get(..32)?.parse::<base::AbsenceId>().ok());
    let id = id.expect("one is listed");
    r.step(&r.resident(), &format!("/absences/{id}/cancellation"), &[]).shows("予定はありません");
    let topics: Vec<String> = r
        .test
        .db
        .read_blocking(|tx| db::outbox::after(tx, 0, 1000))
        .expect("events")
        .into_iter()
        .map(|e| e.topic)
        .collect();
    assert!(topics.iter().any(|t| t == "watch.absence_by_family"), "resident and care manager are told");
}

/// An alert of the home, worked to its end, of which the call found out this cause.
fn ended(r: &Region, rule: Rule, cause: &str) {
    let (case, operator) = (r.alert(rule), r.operator());
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]);
    r.step(&operator, &at("/calls"), &[("to", "resident"), ("outcome", "well"), ("note", "")]);
    r.post(&operator, &at("/closure"), &[("cause", cause), ("closing", "")]).is(303);
}

// shows: 6.4.1 family and resident are asked to announce the next absence, until they did, or a month has passed
#[test]
fn the_family_is_asked_for_the_next_absence() {
    const ASKS: &str = "次のお出かけは、前もってお知らせください";
    let r = Region::new();
    let daughter = r.relative(r.s.daughter);
    ended(&r, Rule::Inactivity, "answered_well");
    ended(&r, Rule::Button, "was_out");
    r.get(&daughter, "/family").is(200).hides(ASKS);
    r.get(&r.resident(), "/me").is(200).hides(ASKS);
    r.wait(30);
    ended(&r, Rule::Inactivity, "was_out");
    r.wait(30);
    let page = r.get(&daughter, "/family");
    page.is(200).shows(ASKS).shows("30分前").shows("ご不在の間のもの").shows("出かけます・予定を変える").well_formed();
    r.get(&r.resident(), "/me").is(200).shows(ASKS).well_formed();
    r.get(&r.relative(r.s.son), "/family").is(200).hides(ASKS);
    let trip = [("reason", "trip"), ("from", "2026-11-25T10:30"), ("until", "2026-11-27T18:00")];
    r.step(&daughter, &format!("/homes/{}/absences", r.s.home), &trip).shows("旅行・帰省");
    r.get(&daughter, "/family").shows("旅行・帰省").hides(ASKS);
    r.get(&r.resident(), "/me").hides(ASKS);

    let r = Region::new();
    ended(&r, Rule::InactivityFixed, "unknown_absence");
    r.get(&r.relative(r.s.daughter), "/family").shows(ASKS);
    r.wait(31 * 24 * 60);
    r.get(&r.relative(r.s.daughter), "/family").is(200).shows("入院・不在登録漏れ").hides(ASKS);
}

#[test]
fn the_resident_sees_who_looked_and_what_was_agreed() {
    let r = Region::new();
    let (me, nurse) = (r.resident(), r.nurse());
    r.get(&nurse, &format!("/people/{}", r.s.person)).is(200);
    r.get(&nurse, &format!("/people/{}", r.s.person)).is(200);
    r.test.db.write_blocking(|tx| audit::index_persons(tx, 1000).map(drop)).expect("is filed");
    let page = r.get(&me, "/me");
    page.is(200).shows("きょうの動きはまだありません").shows("出かけます").shows("山田 むすめ");
    page.shows("見守りセンサーの設置とデータ利用").shows("家族への開示").well_formed();
    r.get(&me, "/me/looks")
        .is(200)
        .shows("看護 見本")
        .shows("みほん訪問看護")
        .shows("診療・介護")
        .shows("2回")
        .well_formed();
    for who in [r.nurse(), r.relative(r.s.daughter), r.administrator()] {
        r.get(&who, "/me").is(403).hides("髙橋");
        r.get(&who, "/me/looks").is(403);
    }
}

#[test]
fn a_month_is_over_and_old_looks_are_not_shown() {
    let r = Region::new();
    r.get(&r.nurse(), &format!("/people/{}", r.s.person)).is(200);
    r.test.db.write_blocking(|tx| audit::index_persons(tx, 1000).map(drop)).expect("is filed");
    r.wait(32 * 24 * 60);
    assert!(r.now() > Instant::parse("2026-12-23T00:00").expect("a moment"));
    r.get(&r.resident(), "/me/looks").is(200).hides("看護 見本").shows("見た人はいません");
}
