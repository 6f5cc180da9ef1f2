//! The notebook as its readers use it: a consultation and its answer, receipts, who may and who may not.

use base::{CaseId, NoteId};
use household::{Browser, Region};
use watch::Rule;

/// The id behind the first link to a note on a page.
fn note_on(page: &str) -> NoteId {
    page.split("/notes/").find_map(|rest| rest.get(..32)?.parse().ok()).expect("a note is on the page")
}

fn write(r: &Region, who: &Browser, fields: &[(&str, &str)]) -> household::Answer {
    r.post(who, &format!("/people/{}/notes", r.s.person), fields)
}

/// A note of the ordinary kind to the whole team.
fn plain<'a>(subject: &'a str, body: &'a str, reply_by: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("kind", "plain"),
        ("subject", subject),
        ("body", body),
        ("to", "team"),
        ("importance", "normal"),
        ("visibility", "team"),
        ("reply_by", reply_by),
    ]
}

/// A case worked until the doctor is asked.
fn consulted(r: &Region) -> CaseId {
    let (manager, doctor) = (r.care_manager(), r.s.doctor);
    let case = r.alert(Rule::Inactivity);
    let actor = people::testing::acting(
        manager.role,
        r.s.care_manager,
        r.s.care_office,
        base::Purpose::Care,
        r.now(),
        r.request(),
    );
    r.test
        .db
        .write_blocking(move |tx| {
            let ctx = actor.clone();
            let to = response::Visitor::Staff(base::StaffId(ctx.actor.id));
            response::take(&ctx, tx, case)?;
            let visit = response::request_visit(&ctx, tx, case, to, base::Redacted::default())?;
            let found = response::VisitReport {
                condition: response::Condition::Unwell,
                text: base::Redacted::new("微熱があり、食事が進みません。".to_owned()),
            };
            response::report_visit(&ctx, tx, visit.id, found)?;
            let question = base::Redacted::new("微熱があります。受診が必要でしょうか。".to_owned());
            response::consult(&ctx, tx, case, doctor, question)
        })
        .expect("the doctor is asked");
    case
}

#[test]
fn a_consultation_is_answered_in_three_touches_and_moves_its_case_on() {
    let r = Region::new();
    let case = consulted(&r);
    let doctor = r.doctor();
    let day = r.get(&doctor, "/today");
    day.is(200).shows("返事を待たれている（1件）").shows("見守りの医療相談").shows("あと").well_formed();
    let note = note_on(&day.body);
    let page = r.get(&doctor, &format!("/notes/{note}"));
    page.is(200).shows("受診が必要でしょうか").shows("往診します。").shows("救急受診してください。").well_formed();
    r.step(&doctor, &format!("/notes/{note}/replies"), &[("phrase", "往診します。"), ("body", "15時ごろ伺います。")])
        .shows("往診します。")
        .shows("15時ごろ伺います。")
        .well_formed();
    r.get(&doctor, "/today").shows("返事を待たれている（0件）");
    let answered = r.test.db.read_blocking(move |tx| {
        let ctx = people::testing::system(base::Instant(0), 1);
        response::find_case(&ctx, tx, case)
    });
    let state = answered.expect("the case").state;
    assert!(matches!(state, response::State::Consultation { answered: true, .. }), "{state:?}");
    for action in ["look.today", "look.note", "care.mark_read", "care.reply"] {
        assert!(r.count_audited(action) > 0, "{action}");
    }
}

#[test]
fn who_opened_a_note_has_read_it_and_nobody_else_has() {
    let r = Region::new();
    let (manager, nurse) = (r.care_manager(), r.nurse());
    let fields = [
        ("kind", "message"),
        ("subject", "訪問の曜日"),
        ("body", "来週から\n火曜日に変わります。"),
        ("to", "team"),
        ("importance", "important"),
        ("visibility", "team"),
        ("reply_by", ""),
    ];
    write(&r, &manager, &fields).is(303);
    let person = format!("/people/{}", r.s.person);
    let page = r.get(&nurse, &person);
    page.is(200).shows("未読が1件").shows("訪問の曜日").shows("開いて読む").hides("火曜日に変わります").well_formed();
    let note = note_on(&page.body);
    r.get(&manager, &person).shows("まだ誰も読んでいません").shows("来週から<br>火曜日");
    r.get(&nurse, &format!("/notes/{note}")).is(200).shows("火曜日に変わります");
    r.get(&manager, &person).shows("既読：看護 見本");
    r.step(&nurse, &format!("/notes/{note}/reactions"), &[("kind", "understood")]).shows("了解（看護 見本）");
    r.get(&nurse, &person).hides("未読が").shows("火曜日に変わります").well_formed();
    r.get(&nurse, "/today").shows("新しい記事（0件）");
}

#[test]
fn a_note_with_letters_that_no_server_holds_is_kept_without_them() {
    let r = Region::new();
    let (manager, nurse) = (r.care_manager(), r.nurse());
    let fields = plain("\u{0}貼り付けた件名", "一行目\u{0}\n二行目\u{1b}", "");
    write(&r, &manager, &fields).is(303);
    let page = r.get(&nurse, &format!("/people/{}", r.s.person));
    page.is(200).shows("貼り付けた件名");
    r.get(&manager, &format!("/people/{}", r.s.person)).shows("一行目<br>二行目");
    r.post(&nurse, "/people/search", &[("q", "\u{0}みほん")]).is(200);
}

#[test]
fn what_a_rule_refuses_stands_beside_its_field_and_what_was_typed_stays() {
    let r = Region::new();
    let manager = r.care_manager();
    r.get(&manager, &format!("/people/{}/notes/new", r.s.person)).is(200).shows("医師 見本").well_formed();
    let fields = plain("書きかけの件名", "", "");
    write(&r, &manager, &fields).is(422).shows("本文を入力してください").shows("書きかけの件名").well_formed();
    let past = plain("件名", "本文", "2020-01-01T10:00");
    write(&r, &manager, &past).is(422).shows("これから先の日時");
    let never = past.map(|(f, v)| if f == "reply_by" { (f, "2026-02-31T10:00") } else { (f, v) });
    write(&r, &manager, &never).is(422).shows("2月31日</span>はその年の暦にありません").shows("2026-02-31T10:00");
    assert_eq!(
        r.count_audited("care.write_note"),
        2,
        "refusals of the rule are recorded, a date that is none never came that far"
    );
}

#[test]
fn only_the_author_corrects_and_every_version_stays() {
    let r = Region::new();
    let (manager, nurse) = (r.care_manager(), r.nurse());
    let fields = plain("体温", "36.5度", "");
    write(&r, &manager, &fields).is(303);
    let note = note_on(&r.get(&manager, &format!("/people/{}", r.s.person)).body);
    let at = |rest: &str| format!("/notes/{note}{rest}");
    let change =
        [("subject", "体温"), ("body", "37.5度"), ("importance", "normal"), ("reply_by", ""), ("reason", "転記の誤り")];
    r.post(&nurse, &at("/corrections"), &change).is(409).shows("記事を書いた方だけ");
    r.step(&manager, &at("/corrections"), &change).shows("37.5度").shows("前の版を見る");
    r.get(&nurse, &at("/versions")).is(200).shows("36.5度").shows("37.5度").shows("転記の誤り");
    r.post(&manager, &at("/withdrawal"), &[("reason", "")]).is(422).shows("理由を入力してください");
    r.step(&manager, &at("/withdrawal"), &[("reason", "別の方の記録でした")]).shows("取消").hides("返信を送る");
}

#[test]
fn the_notebook_is_the_teams_alone() {
    let r = Region::new();
    let manager = r.care_manager();
    let fields = plain("内輪の話", "本文", "");
    write(&r, &manager, &fields).is(303);
    let person = format!("/people/{}", r.s.person);
    let note = note_on(&r.get(&manager, &person).body);
    for who in [r.operator(), r.city(), r.administrator(), r.relative(r.s.daughter), r.resident()] {
        r.get(&who, &format!("/notes/{note}")).is(403).hides("内輪の話").hides("髙橋");
        r.get(&who, "/today").is(403);
        write(&r, &who, &fields).is(403);
        r.post(&who, &format!("/notes/{note}/replies"), &[("body", "割り込み")]).is(403);
    }
    r.get(&r.city(), &person).is(200).shows("髙橋").hides("内輪の話").hides("医療の要約").well_formed();
    for who in [r.operator(), r.administrator(), r.relative(r.s.daughter)] {
        r.get(&who, &person).is(403).hides("髙橋");
    }
    // Somebody of the same profession outside the team.
    let stranger = r.staff(base::Role::Doctor, base::StaffId(uuid::Uuid::from_u128(99)), r.s.nursing);
    r.get(&stranger, &person).is(403).hides("髙橋");
    r.get(&stranger, &format!("/notes/{note}")).is(403).hides("内輪の話");
    r.get(&stranger, "/people").is(200).hides("髙橋").shows("担当の方はまだいません");
}

#[test]
fn people_are_found_by_post_and_the_list_is_in_the_audit() {
    let r = Region::new();
    let nurse = r.nurse();
    r.get(&nurse, "/people").is(200).shows("髙橋").well_formed();
    r.post(&nurse, "/people/search", &[("q", "高橋")]).is(200).shows("髙橋").shows("value=\"高橋\"");
    r.post(&nurse, "/people/search", &[("q", "存在しない")]).is(200).hides("髙橋").shows("見つかりませんでした");
    let looks: Vec<_> = r.audited().into_iter().filter(|row| row.action == "look.people").collect();
    let named = looks.iter().filter(|row| row.persons == [r.s.person]).count();
    assert_eq!((looks.len(), named), (3, 2));
    r.get(&nurse, "/people/nothing-at-all").is(403).shows("このページは開けません");
}

#[test]
fn a_pharmacist_has_a_day_too_though_never_sent_to_a_door() {
    let r = Region::new();
    let pharmacist = r.staff(base::Role::Pharmacist, base::StaffId(uuid::Uuid::from_u128(98)), r.s.nursing);
    r.get(&pharmacist, "/today").is(200).shows("頼まれている訪問はありません").well_formed();
}

#[test]
fn who_waits_at_a_door_comes_before_what_is_to_be_read() {
    let r = Region::new();
    let (case, manager) = (r.alert(Rule::Inactivity), r.care_manager());
    let resting = r.get(&manager, "/today").body;
    let at = |page: &str, id: &str| page.find(&format!("id=\"{id}\"")).expect(id);
    assert!(at(&resting, "waiting") < at(&resting, "visits"), "nobody waits: what is to be answered comes first");
    let operator = r.operator();
    r.post(&operator, &format!("/cases/{case}/taking"), &[]).is(303);
    let whom = format!("staff:{}", r.s.care_manager);
    r.post(&operator, &format!("/cases/{case}/visits"), &[("visitor", &whom)]).is(303);
    let asked = r.get(&manager, "/today").shows("訪問する方（1件）").well_formed().body.clone();
    assert!(at(&asked, "visits") < at(&asked, "waiting"));
}
