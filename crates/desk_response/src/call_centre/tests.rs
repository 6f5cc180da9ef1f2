//! The desk as a browser without a script sees it: from the alert to the end, two operators at one case, closed doors.

use base::CaseId;
use household::{Answer, Browser, REASON, Region};
use watch::Rule;

fn call(r: &Region, who: &Browser, case: CaseId, to: &str, outcome: &str) -> Answer {
    r.step(who, &format!("/cases/{case}/calls"), &[("to", to), ("outcome", outcome), ("note", "")])
}

#[test]
fn from_the_alert_to_the_doctors_answer_and_the_end() {
    let r = Region::new();
    let (operator, manager) = (r.operator(), r.care_manager());
    r.get(&operator, "/cases").is(200).shows("いま対応が必要な方はいません").well_formed();

    let case = r.alert(Rule::Inactivity);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.get(&operator, "/cases").shows("髙橋 みほん").shows("data-alarm").shows(REASON).shows("担当なし").well_formed();
    r.get(&operator, &at(""))
        .shows("受け付ける")
        .shows("耳が遠い")
        .shows("キーボックス")
        .hides("本人に電話")
        .well_formed();
    r.wait(1);
    r.step(&operator, &at("/taking"), &[])
        .shows("本人に電話")
        .shows("tel:0561001234")
        .shows("応答・無事")
        .well_formed();
    for outcome in ["not_there", "voicemail"] {
        call(&r, &operator, case, "resident", outcome).shows("少し間をおいてください").well_formed();
        r.wait(5);
    }
    call(&r, &operator, case, "resident", "busy").shows("長女 山田 むすめさんに電話").shows("tel:09000000002");
    let (daughter, son) = (r.s.daughter.to_string(), r.s.son.to_string());
    call(&r, &operator, case, &daughter, "not_there").shows("長男 髙橋 むすこさんに電話");
    call(&r, &operator, case, &son, "unsure").shows("訪問を依頼する方").well_formed();

    let visitor = format!("staff:{}", r.s.care_manager);
    let fields = [("visitor", visitor.as_str()), ("note-visit", "在宅か確かめてください")];
    r.step(&operator, &at("/visits"), &fields).shows("依頼中").shows("計画 見本").well_formed();

    let list = r.get(&manager, "/visits");
    list.is(200).shows("見本町一丁目1-2").shows("返事の期限").well_formed();
    let visit = list.body.split("/visits/").find_map(|rest| rest.split('"').next()?.parse::<base::VisitId>().ok());
    let visit = format!("/visits/{}", visit.expect("a link to the visit"));
    r.get(&manager, &visit)
        .shows("向かいます")
        .shows("在宅か確かめてください")
        .shows("119番で伝えること")
        .well_formed();
    r.step(&manager, &format!("{visit}/departure"), &[]).shows("着きました");
    r.wait(10);
    r.step(&manager, &format!("{visit}/arrival"), &[]).shows("様子を報告する");
    let report = [("condition", "unwell"), ("text", "熱があり、ふらつく。")];
    r.step(&manager, &format!("{visit}/report"), &report)
        .shows("医師に相談する")
        .shows("熱があり、ふらつく")
        .well_formed();
    r.get(&operator, &at("")).shows("体調不良です").hides("医師に相談する").well_formed();

    let (doctor_id, visit_id) = (r.s.doctor.to_string(), visit.rsplit('/').next().expect("an id").to_owned());
    let question = [("doctor", doctor_id.as_str()), ("question", "受診が必要でしょうか。"), ("visit", &visit_id)];
    r.step(&manager, &at("/consultations"), &question).shows("医師の回答を待っています");
    let early = r.post(&manager, &at("/closure"), &[("cause", "unwell"), ("closing", "書きかけのまとめ")]);
    early.is(409).shows("医師の回答を待っています");
    r.wait(15);
    let doctor = r.doctor();
    r.get(&doctor, &at("")).shows("回答を記録する").well_formed();
    r.step(&doctor, &at("/answers"), &[("answer", "午後に往診します。")]);
    r.wait(5);
    let fields = [("cause", "unwell"), ("closing", "往診で確認。")];
    r.get(&manager, &at("")).shows("解消する").well_formed();
    r.step(&manager, &at("/closure"), &fields).shows("この案件は解消済みです").shows("往診で確認。").well_formed();

    r.get(&operator, &at("")).is(403).hides("髙橋");
    r.get(&operator, "/cases").shows("いま対応が必要な方はいません");
}

#[test]
fn every_look_leaves_one_row_that_names_everybody_on_the_page() {
    let r = Region::new();
    let (operator, later, last) = (r.operator(), r.operator(), r.operator());
    let case = r.alert(Rule::Inactivity);
    let before = r.audited().len();
    // The parts that an open page fetches by itself are looks where no page is open.
    for (who, path) in [
        (&operator, "/cases".to_owned()),
        (&operator, format!("/cases/{case}")),
        (&operator, format!("/cases/{case}/fragment?seen=0")),
        (&later, format!("/cases/{case}/fragment?seen=0")),
        (&last, "/cases/aside".into()),
    ] {
        r.get(who, &path).is(200);
    }
    let rows = r.audited();
    let looks: Vec<_> = rows[before..].iter().map(|row| (row.action.as_str(), row.persons.clone())).collect();
    let named = |action| (action, vec![r.s.person]);
    assert_eq!(looks, [named("look.queue"), named("look.case"), named("look.case_part"), named("look.queue")]);
    r.step(&operator, &format!("/cases/{case}/taking"), &[]);
    assert_eq!((r.count_audited("response.take"), r.count_audited("look.case")), (1, 2));
}

#[test]
fn two_operators_are_never_on_one_case_by_accident() {
    let r = Region::new();
    let (first, second) = (r.operator(), r.second_operator());
    let case = r.alert(Rule::Inactivity);
    let taking = format!("/cases/{case}/taking");
    r.step(&first, &taking, &[]);
    r.post(&second, &taking, &[]).is(409).shows("受付 一郎さんが担当しています").shows("担当を替わる");
    r.get(&second, &format!("/cases/{case}")).shows("受付 一郎さんが担当しています").hides("応答・無事").well_formed();
    let call = [("to", "resident"), ("outcome", "well"), ("note", "元気とのこと")];
    r.post(&second, &format!("/cases/{case}/calls"), &call).is(409).shows("受付 一郎さん");
    let takeover = format!("/cases/{case}/takeover");
    r.post(&second, &takeover, &[("reason", " ")]).is(422).shows("担当を替わる理由を入力してください");
    r.step(&second, &takeover, &[("reason", "一郎さんは休憩中のため")]).shows("本人に電話").shows("休憩中");
    let to = r.s.operator.to_string();
    r.step(&second, &format!("/cases/{case}/handover"), &[("to", &to), ("note-handover", "続きを頼みます")])
        .shows("受付 一郎さんが担当しています");
    let refused: Vec<_> = r.audited().into_iter().filter(|row| row.outcome == audit::Outcome::Refused).collect();
    assert_eq!(refused.len(), 2, "the two refused commands, each with its row: {refused:?}");
}

#[test]
fn a_form_that_does_not_go_keeps_what_was_typed() {
    let r = Region::new();
    let operator = r.operator();
    let case = r.alert(Rule::Inactivity);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]);
    r.post(&operator, &at("/visits"), &[("visitor", "staff:x"), ("note-visit", "雨なので急いで")])
        .is(422)
        .shows("訪問を依頼する方を選んでください")
        .shows("雨なので急いで")
        .well_formed();
    r.post(&operator, &at("/ambulance"), &[("at", "25:00"), ("by", "長女")]).is(422).shows("10:42").shows("長女");
    r.post(&operator, &at("/closure"), &[("cause", "answered_well")]).is(409).shows("まだ確かめられていません");
    let long = "あ".repeat(4001);
    r.post(&operator, &at("/calls"), &[("to", "resident"), ("outcome", "well"), ("note", &long)])
        .is(422)
        .shows("4000文字");
    r.get(&operator, &at("")).shows("本人に電話");
    r.get(&operator, "/cases/7").is(403);
}

#[test]
fn an_ill_resident_ends_with_the_ambulance() {
    let r = Region::new();
    let operator = r.operator();
    let case = r.alert(Rule::Button);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]).shows("呼び出しボタン");
    call(&r, &operator, case, "resident", "unwell").shows("体調不良です").shows("tel:119").well_formed();
    let fields = [("at", ""), ("by", "コールセンター"), ("note-ambulance", "胸が痛い")];
    r.step(&operator, &at("/ambulance"), &fields).shows("コールセンターが119番に通報").well_formed();
    let closed = r.post(&operator, &at("/closure"), &[("cause", "ambulance"), ("closing", "市民病院へ搬送")]);
    closed.is(303);
    assert_eq!(closed.location, "/cases?done=closed");
    r.get(&operator, &closed.location).shows("案件を解消しました").well_formed();
}

#[test]
fn the_red_chip_says_what_is_urgent_and_a_silence_is_no_request() {
    let r = Region::new();
    let operator = r.operator();
    let case = r.alert(Rule::Inactivity);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]);
    call(&r, &operator, case, "resident", "well").hides("本人の用件に対応した");
    r.post(&operator, &at("/closure"), &[("cause", "request_settled")]).is(422);
    assert_eq!(r.alert(Rule::FeelsUnwell), case);
    r.get(&operator, &at("")).shows("体調が悪い").hides("呼び出しボタン").shows("本人の用件に対応した");
    r.get(&operator, "/cases").shows("急ぎの呼び出し").hides("呼び出しボタン");
    r.post(&operator, &at("/closure"), &[("cause", "request_settled")]).is(303);
    r.alert(Rule::FeelsUnwell);
    r.get(&operator, "/cases").shows("体調が悪い").hides("呼び出しボタン");
}

#[test]
fn a_door_that_stays_shut_goes_to_key_holder_and_police() {
    let r = Region::new();
    let operator = r.operator();
    let case = r.alert(Rule::Inactivity);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]);
    let office = format!("office:{}", r.s.support_centre);
    let page = r.step(&operator, &at("/visits"), &[("visitor", &office)]);
    let visit = page.body.split("/visits/").find_map(|rest| rest.split('/').next()?.parse::<base::VisitId>().ok());
    let visit = visit.expect("the visit is on the page");
    r.step(
        &operator,
        &format!("/visits/{visit}/report"),
        &[("condition", "no_answer"), ("text-0", "呼んでも返事なし")],
    )
    .shows("鍵保管者 髙橋 むすこ")
    .shows("tel:110")
    .well_formed();
    r.step(&operator, &at("/help"), &[("help", "police"), ("note-help", "")]).shows("警察").well_formed();
    r.step(&operator, &at("/help-reports"), &[("condition", "well"), ("note-found", "就寝中でした")]).shows("解消する");
}

#[test]
fn a_caller_is_found_by_the_number_and_nobody_else_is() {
    let r = Region::new();
    let operator = r.operator();
    r.get(&operator, "/incoming").is(200).shows("電話番号").well_formed();
    r.post(&operator, "/incoming", &[("number", "090-0000-0002")]).is(200).shows("48時間以内にはありません");
    let case = r.alert(Rule::Inactivity);
    r.post(&operator, "/incoming", &[("number", "電話")]).is(422).shows("数字とハイフン").shows("電話");
    r.post(&operator, "/incoming", &[("number", "０９０－００００－０００２")])
        .is(200)
        .shows("長女 山田 むすめ")
        .shows("髙橋 みほん")
        .well_formed();
    let fields = [("number", "090-0000-0002"), ("outcome", "well"), ("note-0", "旅行中とのこと")];
    r.step(&operator, &format!("/cases/{case}/incoming-calls"), &fields)
        .shows("長女から 応答・無事")
        .shows("旅行中とのこと");
    let rows = r.audited();
    let searches: Vec<_> = rows.iter().filter(|row| row.action == "look.caller").map(|row| row.persons.len()).collect();
    assert_eq!(searches, [0, 1]);
}

#[test]
fn a_part_that_is_swapped_says_when_something_new_happened() {
    let r = Region::new();
    let (first, second) = (r.operator(), r.second_operator());
    let case = r.alert(Rule::Inactivity);
    let page = r.get(&second, &format!("/cases/{case}"));
    let part = page.body.split("hx-get=\"").filter_map(|p| p.split('"').next()).find(|p| p.contains("/fragment?seen="));
    let part = part.expect("a live part").to_owned();
    r.get(&second, &part).is(200).hides("新しい動きがあります").shows("hx-swap-oob");
    r.step(&first, &format!("/cases/{case}/taking"), &[]);
    r.get(&second, &part).is(200).shows("新しい動きがあります").shows("受付 一郎").hides("<form");
}

#[test]
fn the_desk_is_closed_to_everybody_else() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity);
    let others = [r.nurse(), r.city(), r.support_centre(), r.administrator(), r.relative(r.s.daughter)];
    for who in &others {
        for path in ["/cases", "/cases/fragment", "/incoming"] {
            r.get(who, path).is(403).hides("髙橋");
        }
        r.post(who, "/incoming", &[("number", "090-0000-0002")]).is(403);
    }
    // Those who can meet a case meet only what was opened to them.
    for who in [r.city(), r.support_centre(), r.administrator(), r.relative(r.s.daughter)] {
        r.get(&who, &format!("/cases/{case}")).is(403).hides("髙橋");
        r.post(&who, &format!("/cases/{case}/taking"), &[]).is(403).hides("髙橋");
    }
    r.get(&r.nurse(), &format!("/cases/{case}")).is(200).shows("髙橋");
    let refused = r.audited().into_iter().filter(|row| row.outcome == audit::Outcome::Refused).count();
    assert_eq!(refused, others.len() * 4 + 8);
}

#[test]
fn the_wallboard_counts_and_names_nobody() {
    let r = Region::new();
    let (operator, city) = (r.operator(), r.city());
    let quiet = r.get(&city, "/wallboard");
    quiet.is(200).shows("is-wall").shows("待ちなし").shows("超過なし").shows("まだ計算できません").well_formed();
    quiet.shows("<span data-clock>10:00</span>").shows("id=\"line-lost\"").shows("every 15s");
    let case = r.alert(Rule::Inactivity);
    r.get(&city, "/wallboard").shows("受付してください").hides("60秒超え");
    r.wait(2);
    r.get(&city, "/wallboard").shows("60秒超え・すぐ受付").shows("最長 ").hides("待ちなし");
    r.step(&operator, &format!("/cases/{case}/taking"), &[]);
    let taken = r.get(&city, "/wallboard");
    taken.shows("180秒以内の受付").shows("100%").shows("目標達成").shows("0%").shows("目標未達").shows("待ちなし");
    taken.hides("髙橋").well_formed();
    r.get(&city, "/wallboard/fragment").is(200).shows("id=\"board\"").hides("data-clock").hides("髙橋");
    r.get(&r.doctor(), "/wallboard").is(403);
}
