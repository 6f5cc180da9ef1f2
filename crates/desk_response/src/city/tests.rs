//! What the city sees and sets: overdue cases, the script and the limits, the review.

use household::Region;
use page::site::Warning;
use watch::Rule;

#[test]
fn a_case_that_nobody_takes_stands_on_the_citys_list() {
    let r = Region::new();
    let city = r.city();
    r.get(&city, "/overdue").is(200).shows("期限を過ぎた案件はありません").well_formed();
    let case = r.alert(Rule::Inactivity);
    r.get(&city, "/overdue").hides("髙橋");
    r.wait(4);
    r.get(&city, "/overdue")
        .shows("髙橋 みほん")
        .shows("コールセンターに電話")
        .hides(&format!("/cases/{case}\""))
        .well_formed();
    // Told one after the other until the city is: then it may open the case.
    for _ in 0..6 {
        r.wait(11).escalate();
    }
    // An hour later the old session has ended by itself.
    let city = r.city();
    r.get(&city, "/overdue").shows(&format!("/cases/{case}\""));
    r.get(&city, &format!("/cases/{case}")).is(200).shows("受け付ける").well_formed();
    r.get(&r.operator(), "/overdue").is(200).shows("髙橋");
    for who in [r.doctor(), r.administrator(), r.relative(r.s.daughter)] {
        r.get(&who, "/overdue").is(403).hides("髙橋");
    }
}

#[test]
fn the_citys_script_is_what_the_operator_reads() {
    let r = Region::new();
    let (city, operator) = (r.city(), r.operator());
    let page = r.get(&city, "/watch-script");
    page.is(200).shows("お体の具合").well_formed();
    let mut fields: Vec<(String, String)> = Vec::new();
    for part in page.body.split("<input ").skip(1) {
        let value =
            |name: &str| part.split(&format!("{name}=\"")).nth(1).and_then(|v| v.split('"').next()).unwrap_or("");
        if value("type") == "text" {
            fields.push((value("name").to_owned(), value("value").to_owned()));
        }
    }
    let form = |changes: &[(&str, &str)]| -> Vec<(String, String)> {
        let kept = fields.iter().filter(|(f, _)| !changes.iter().any(|(c, _)| c == f)).cloned();
        kept.chain(changes.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned()))).collect()
    };
    let post = |who, changes: &[(&str, &str)]| {
        let form = form(changes);
        let pairs: Vec<(&str, &str)> = form.iter().map(|(f, v)| (f.as_str(), v.as_str())).collect();
        r.post(who, "/watch-script", &pairs)
    };
    post(&city, &[("script", "朝ごはんは食べましたか"), ("take", "0")])
        .is(422)
        .shows("朝ごはん")
        .shows("検知から受付まで")
        .well_formed();
    post(&city, &[("script", "朝ごはんは食べましたか"), ("take", "1.5")]).is(303);
    r.get(&city, "/watch-script?done=saved").shows("保存しました").shows("朝ごはん").shows("value=\"1.5\"");
    let case = r.alert(Rule::Inactivity);
    r.get(&operator, &format!("/cases/{case}")).shows("朝ごはんは食べましたか");
    post(&operator, &[("script", "x")]).is(403);
    assert_eq!(r.count_audited("response.set_settings"), 1);
}

#[test]
fn a_closed_case_waits_for_its_review_and_names_nobody() {
    let r = Region::new();
    let (operator, city) = (r.operator(), r.city());
    let case = r.alert(Rule::Inactivity);
    let at = |rest: &str| format!("/cases/{case}{rest}");
    r.step(&operator, &at("/taking"), &[]);
    r.step(&operator, &at("/calls"), &[("to", "resident"), ("outcome", "well"), ("note", "")]).shows("本人応答・無事");
    r.post(&operator, &at("/closure"), &[("cause", "answered_well"), ("closing", "寝坊")]).is(303);
    r.get(&city, "/reviews").is(200).shows("本人応答・無事").hides("髙橋").well_formed();
    r.post(&operator, &at("/review"), &[("note", "覚え書き")]).is(422).shows("理由を選んでください").shows("覚え書き");
    let fields = [("false_alarm", "late_riser"), ("note", "覚え書き"), ("proposal", "")];
    r.step(&operator, &at("/review"), &fields).shows("振り返りを待つ案件はありません");
    r.post(&city, &at("/review"), &fields).is(409).shows("記録済み");
    r.get(&r.doctor(), "/reviews").is(403);
}

// shows: 5.4.2 an alert without a case stands on the city's list and on everybody's banner until it has one
#[test]
fn an_alert_without_a_case_stands_on_the_citys_list_and_on_the_banner_of_all_who_are_on_duty() {
    let r = Region::new();
    r.alert_without_case(Rule::Button);
    let city = r.city();
    r.get(&city, "/overdue")
        .is(200)
        .shows("案件を開けないアラート")
        .shows("髙橋 みほん")
        .shows("tel:0561001234")
        .shows("本人に電話し")
        .hides("期限を過ぎた案件はありません")
        .well_formed();
    r.site.warn(vec![Warning::WithoutCase { count: 1, cities: "見本市".into() }]);
    for (who, page) in [(city, "/overdue"), (r.operator(), "/cases"), (r.support_centre(), "/overdue")] {
        r.get(&who, page).shows("案件を開けないアラートが1件（見本市）あります").shows("data-alarm");
    }
    let phone = "UPDATE people_office SET phone = '0561820000' WHERE kind = 'city_elderly'";
    r.test.db.write_blocking(|tx| tx.tell(phone, &[])).unwrap();
    // Whose it is stands on the city's page; the call centre reads which city to call.
    r.get(&r.operator(), "/overdue")
        .hides("髙橋")
        .shows("担当に電話し")
        .shows("愛知県瀬戸市 1件（見本市 高齢福祉課）")
        .shows("tel:0561820000")
        .well_formed();
    r.get(&r.operator(), "/cases")
        .shows("案件を開けないアラートがあります")
        .shows("tel:0561820000")
        .hides("対応が必要な方はいません")
        .well_formed();
}

// shows: 5.4.3 what cannot be read is shown as 「読み取れない案件」 with its person and goes to the city
#[test]
fn a_case_that_cannot_be_read_is_on_the_operators_and_the_citys_screen_with_its_person() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity);
    let damage = "UPDATE response_case SET state = '{\"v\":99}' WHERE id = $1";
    r.test.db.write_blocking(move |tx| tx.tell(damage, &[case.into()])).unwrap();
    for (who, page) in [(r.operator(), "/cases"), (r.city(), "/overdue")] {
        r.get(&who, page).is(200).shows("読み取れない案件").shows("髙橋 みほん").well_formed();
    }
    let number = case.to_string();
    r.get(&r.city(), "/overdue").shows("読み取れない記録").shows(&number).hides("response_case").well_formed();

    // It is the business of the city where the person lives, and only a number to the others.
    let clinic = r.s.clinic;
    let moves = move |tx: &mut dyn db::Tx| {
        tx.tell("UPDATE people_home SET city = '隣市', city_code = '23226'", &[])?;
        tx.tell("UPDATE access_person_city SET city = '23226'", &[])?;
        let office = "INSERT INTO access_office_city (office_id, city, answers) VALUES ($1, '23226', TRUE)";
        tx.tell(office, &[clinic.into()])
    };
    r.test.db.write_blocking(moves).unwrap();
    let elsewhere = r.get(&r.city(), "/overdue");
    elsewhere.is(200).shows("ほかの市の方の読み取れない記録").shows("隣市 1件").well_formed();
    elsewhere.hides("髙橋").hides(&number);
}

// shows: 5.4.3 whoever opens what cannot be read gets a number that the log knows
#[test]
fn the_page_of_a_case_that_cannot_be_read_names_a_number_to_ask_with() {
    let r = Region::new();
    let case = r.alert(Rule::Inactivity);
    let damage = "UPDATE response_case SET state = '{\"v\":99}' WHERE id = $1";
    r.test.db.write_blocking(move |tx| tx.tell(damage, &[case.into()])).unwrap();
    let page = r.get(&r.operator(), &format!("/cases/{case}"));
    page.is(500).shows("お問い合わせ番号").well_formed();
    let number = page.body.split("お問い合わせ番号 <code>").nth(1).and_then(|rest| rest.split('<').next());
    let number: Vec<&str> = number.expect("a number").split('-').collect();
    assert!(number.len() == 2 && number.iter().all(|half| u16::from_str_radix(half, 16).is_ok()), "{number:?}");
}
