//! One's own messages, and those that reached nobody.

use base::{MessageId, Redacted};
use household::{Browser, Region};
use notify::{DeliveryOutcome, LinkPurpose, LinkSeed, NewMessage, Recipient, Topic, Way};
use people::testing::system;
use uuid::Uuid;
use watch::Rule;

/// Sends a message about the sample's resident.
fn send(r: &Region, to: Uuid, topic: Topic, link: Option<LinkPurpose>, ways: &[Way]) -> MessageId {
    let (ctx, person) = (system(r.now(), r.request()), r.s.person);
    let mail = Some(Redacted::new("dareka@example.jp".to_owned()));
    let new = NewMessage {
        to: Recipient { id: to, mail, phone: None },
        person: Some(person),
        topic,
        ways: ways.to_vec(),
        link,
    };
    r.test.db.write_blocking(move |tx| notify::send(&ctx, tx, &new)).expect("is written")
}

/// Carries the queue out once; every mail ends as given.
fn carried(r: &Region, outcome: DeliveryOutcome) {
    let contexts = (system(r.now(), r.request()), system(r.now(), r.request()));
    let done = r.test.db.write_blocking(move |tx| {
        for delivery in notify::due(&contexts.0, tx, &LinkSeed::from_bytes([9; 32]), 50)? {
            notify::record_outcome(&contexts.1, tx, &delivery, outcome)?;
        }
        Ok::<_, db::DbError>(())
    });
    done.expect("is carried");
}

fn unread_in_menu(r: &Region, who: &Browser) -> Option<String> {
    let page = r.get(who, "/account");
    let menu = page.body.split("href=\"/messages\"").nth(1).and_then(|m| m.split("</a>").next()).map(str::to_owned)?;
    menu.split("class=\"count\">").nth(1).and_then(|c| c.split('<').next()).map(str::to_owned)
}

#[test]
fn what_was_sent_to_me_is_listed_and_opening_it_is_its_receipt() {
    let r = Region::new();
    let manager = r.care_manager();
    r.get(&manager, "/messages").is(200).shows("通知はありません").well_formed();
    assert_eq!(unread_in_menu(&r, &manager), None);
    let case = r.alert(Rule::Inactivity);
    let id = send(
        &r,
        r.s.care_manager.0,
        Topic::CaseOverdue,
        Some(LinkPurpose::OpenCase { case }),
        &[Way::Screen, Way::Mail],
    );
    carried(&r, DeliveryOutcome::Refused { why: "mail_refused" });
    assert_eq!(unread_in_menu(&r, &manager).as_deref(), Some("1件"));
    r.get(&manager, "/messages/count").is(200).shows("1件");
    let page = r.get(&manager, "/messages");
    page.is(200).well_formed().shows("対応の期限を過ぎた案件があります").shows("未読").shows("髙橋 みほん");
    page.shows("メール：送信できず").shows("断られました").hides("dareka@example.jp");
    let looks = r.audited();
    let look = looks.iter().rfind(|row| row.action == "look.messages").expect("is recorded");
    assert_eq!(look.persons, [r.s.person]);

    let opened = r.post(&manager, &format!("/messages/{id}/reading"), &[]);
    opened.is(303);
    assert_eq!(opened.location, format!("/cases/{case}"));
    r.get(&manager, &opened.location).is(200);
    r.get(&manager, "/messages").shows("既読").hides("未読").shows(&format!("href=\"/cases/{case}\""));
    assert_eq!(unread_in_menu(&r, &manager), None);
    r.get(&manager, "/messages/count").is(200).hides("件");
    let receipts = r.test.db.read_blocking(move |tx| notify::receipts(tx, id)).expect("receipts");
    let screen = receipts.iter().find(|r| r.way == Way::Screen).expect("the screen's");
    assert_eq!(screen.state, notify::AttemptState::Read);
    assert_eq!(r.count_audited("notify.mark_read"), 1);
}

#[test]
fn a_strangers_message_is_neither_listed_nor_opened() {
    let r = Region::new();
    let id = send(&r, r.s.care_manager.0, Topic::NoteWaiting, None, &[Way::Screen]);
    let doctor = r.doctor();
    r.get(&doctor, "/messages").is(200).shows("通知はありません");
    r.post(&doctor, &format!("/messages/{id}/reading"), &[]).is(409).shows("見つかりません");
    assert_eq!(unread_in_menu(&r, &doctor), None);
}

#[test]
fn a_name_is_shown_only_to_whom_the_person_is_open() {
    let r = Region::new();
    let (operator, case) = (r.operator(), r.alert(Rule::Inactivity));
    let link = Some(LinkPurpose::OpenCase { case });
    send(&r, r.s.call_centre.0, Topic::CaseOverdue, link, &[Way::Screen]);
    r.get(&operator, "/messages").is(200).shows("事業所あて").shows("髙橋 みほん");
    r.post(&operator, &format!("/cases/{case}/taking"), &[]).is(303);
    let call = [("to", "resident"), ("outcome", "well")];
    r.post(&operator, &format!("/cases/{case}/calls"), &call).is(303);
    r.post(&operator, &format!("/cases/{case}/closure"), &[("cause", "answered_well")]).is(303);
    let after = r.get(&operator, "/messages");
    after.is(200).hides("髙橋").shows("既読にする").hides(&format!("href=\"/cases/{case}\""));
    let looks = r.audited();
    let look = looks.iter().rfind(|row| row.action == "look.messages").expect("is recorded");
    assert!(look.persons.is_empty());
    // The son was given no consent; a question to him names nobody.
    send(&r, r.s.son.0, Topic::AlertRaised, link, &[Way::Screen]);
    r.get(&r.relative(r.s.son), "/messages").is(200).shows("アラートが発生しました").hides("髙橋");
    r.get(&r.relative(r.s.daughter), "/messages").is(200).shows("対応が終了しました").shows("髙橋 みほん");
}

#[test]
fn what_reached_nobody_waits_for_whoever_can_call() {
    let r = Region::new();
    let (city, office) = (r.city(), r.administrator());
    for who in [&city, &office] {
        r.get(who, "/messages/undelivered").is(200).shows("届かなかった通知はありません").well_formed();
    }
    let case = r.alert(Rule::Inactivity);
    carried(&r, DeliveryOutcome::Sent);
    let link = Some(LinkPurpose::OpenCase { case });
    let id = send(&r, r.s.son.0, Topic::VisitRequested, link, &[Way::Screen, Way::Sms, Way::Mail]);
    send(&r, r.s.doctor.0, Topic::ConsultationAsked, None, &[Way::Mail]);
    send(&r, r.s.person.0, Topic::NoticeAsked, None, &[Way::Sms]);
    carried(&r, DeliveryOutcome::Refused { why: "mail_refused" });
    for who in [&city, &office, &r.operator()] {
        let page = r.get(who, "/messages/undelivered");
        page.is(200).well_formed().shows("訪問の依頼があります").shows("長男").shows("SMS：連絡先が登録されていません");
        page.shows("メール：相手のメールサーバーに受け取りを断られました").shows("電話で訪問を依頼してください");
        page.shows("医師（").shows("ご本人").shows("3件").hides("dareka@example.jp");
    }
    let looks = r.audited();
    let look = looks.iter().rfind(|row| row.action == "look.undelivered").expect("is recorded");
    assert_eq!(look.persons, [r.s.person]);
    r.get(&r.care_manager(), "/messages/undelivered").is(403);
    r.step(&city, &format!("/messages/{id}/settlement"), &[]).hides("訪問の依頼があります");
    r.post(&office, &format!("/messages/{id}/settlement"), &[]).is(409).shows("すでに対応済み");
    assert_eq!(r.count_audited("notify.settle_undeliverable"), 2);
}

#[test]
fn the_call_centre_sees_no_one_whose_case_is_not_open() {
    let r = Region::new();
    let id = send(&r, r.s.person.0, Topic::NoticeAsked, None, &[Way::Sms]);
    let operator = r.operator();
    r.get(&operator, "/messages/undelivered").is(200).shows("届かなかった通知はありません");
    r.post(&operator, &format!("/messages/{id}/settlement"), &[]).is(409).shows("見つかりません");
    r.get(&r.city(), "/messages/undelivered").is(200).shows("髙橋 みほん").shows("0561-00-1234");
}
