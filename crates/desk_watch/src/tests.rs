//! A home under watch: who sees its days, how its devices are registered, what region and home may set.

use base::DeviceId;
use household::Region;
use watch::Rule;

/// What stands between two pieces of a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let rest = page.split(before).nth(1).unwrap_or_else(|| panic!("{before} is not on the page"));
    rest.split(after).next().unwrap_or_default()
}

#[test]
fn the_team_sees_the_home_and_the_office_does_not() {
    let r = Region::new();
    r.alert(Rule::Inactivity);
    let home = format!("/homes/{}", r.s.home);
    let page = r.get(&r.nurse(), &home);
    page.is(200).shows("直近24時間").shows("7日間").shows("誤報").shows("髙橋").shows("動きがない").well_formed();
    r.get(&r.operator(), &home).is(200);
    r.get(&r.relative(r.s.daughter), &home).is(200).shows("7日間").hides("誤報").well_formed();
    for who in [r.city(), r.support_centre(), r.administrator(), r.relative(r.s.son)] {
        r.get(&who, &home).is(403).hides("髙橋");
    }
    let looks: Vec<_> = r.audited().into_iter().filter(|row| row.action == "look.home").collect();
    let shown = looks.iter().filter(|row| row.outcome == audit::Outcome::Done);
    assert_eq!(
        shown.map(|row| row.ground.as_str()).collect::<Vec<_>>(),
        ["care_team", "case", "family_watch family_alerts"]
    );
}

#[test]
fn a_gateway_shows_its_credential_once_and_devices_get_their_places() {
    let r = Region::new();
    let keeper = r.administrator();
    let devices = format!("/homes/{}/devices", r.s.home);
    r.get(&keeper, &devices).is(200).shows("見守りの契約").shows("ゲートウェイを登録する").well_formed();
    r.post(&keeper, &format!("/homes/{}/gateways", r.s.home), &[("name", "日本語"), ("carrier", "")])
        .is(422)
        .shows("半角の英数字")
        .shows("日本語");
    let once = r.post(&keeper, &format!("/homes/{}/gateways", r.s.home), &[("name", "gw-0001"), ("carrier", "見本光")]);
    once.is(200).shows("この画面でだけ表示されます").shows("gw-0001");
    let secret = between(&once.body, "パスワード・トークン</dt><dd><code>", "</code>").to_owned();
    let bytes = base::unhex::<32>(&secret).expect("64 digits");
    let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(bytes).into();
    let gateway = r.test.db.read_blocking(move |tx| watch::authenticate(tx, "gw-0001", hash)).expect("reads");
    let gateway = gateway.expect("the credential opens").to_string();
    r.get(&keeper, &devices).shows("gw-0001").hides(&secret).well_formed();
    let new = [("gateway", gateway.as_str()), ("serial", "0x01"), ("kind", "fridge"), ("place", "台所"), ("back", "")];
    r.get(&keeper, &devices).shows("<option value=\"\">選んでください</option>").hides("selected");
    let unsaid = [("gateway", gateway.as_str()), ("serial", "0x01"), ("kind", ""), ("place", "台所"), ("back", "")];
    r.post(&keeper, "/devices", &unsaid).is(422).shows("種類を選んでから登録してください");
    for who in [&keeper, &r.city()] {
        let all = r.get(who, "/gateways/all");
        all.is(200).shows("gw-0001").shows("見本光").shows("髙橋").shows("一度も通信がない").well_formed();
        assert_eq!(
            r.audited().pop().map(|row| (row.action, row.persons)),
            Some(("look.gateways".into(), vec![r.s.person]))
        );
    }
    r.get(&r.operator(), "/gateways/all").is(403);
    let page = r.step(&keeper, "/devices", &new);
    page.shows("台所").shows("冷蔵庫の開閉");
    r.post(&keeper, "/devices", &new).is(409).shows("すでに登録されています");
    let device: DeviceId =
        page.body.split("href=\"/devices/").nth(1).and_then(|t| t.get(..32)?.parse().ok()).expect("it");
    let at = |rest: &str| format!("/devices/{device}{rest}");
    r.get(&keeper, &at("")).is(200).shows("取り付け確認を始める").shows("重複").well_formed();
    r.post(&keeper, &at("/walk-test"), &[("minutes", "900")]).is(422).shows("1分から240分");
    r.step(&keeper, &at("/walk-test"), &[("minutes", "30")]).shows("取り付け確認中です");
    r.step(&keeper, &at("/walk-test-end"), &[]).shows("取り付け確認を始める");
    r.step(&keeper, &at("/retirement"), &[]).shows("取り外し済み");
    let home = r.s.home.to_string();
    let again = r.post(&keeper, &format!("/gateways/{gateway}/credential"), &[("home", &home)]);
    again.is(200).shows("この画面でだけ表示されます").hides(&secret);
    let old = r.test.db.read_blocking(move |tx| watch::authenticate(tx, "gw-0001", hash)).expect("reads");
    assert_eq!(old, None, "the old credential ended at once");
    r.step(&keeper, &format!("/gateways/{gateway}/revocation"), &[("home", &home)]).shows("ゲートウェイを登録する");
    for who in [r.nurse(), r.city(), r.operator(), r.relative(r.s.daughter)] {
        r.get(&who, &devices).is(403).hides("髙橋");
        r.post(&who, "/devices", &new).is(403);
        r.post(&who, &format!("/gateways/{gateway}/credential"), &[("home", &home)]).is(403);
    }
}

#[test]
fn who_registers_a_gateway_reads_where_it_connects() {
    use page::site::{Mqtt, Reach};
    let new = [("name", "gw-0001"), ("carrier", "見本光")];
    let r = Region::new();
    let post = |r: &Region| r.post(&r.administrator(), &format!("/homes/{}/gateways", r.s.home), &new);
    post(&r).is(200).shows("事務局の設定（[mqtt] listen）をご確認ください");
    let r = Region::new();
    let mqtt = Mqtt::At { address: "mihon.example.jp:8883".into(), tls: true };
    r.site.is_reached_at(Reach { pages: "https://mihon.example.jp".into(), mqtt });
    let once = post(&r);
    once.is(200).shows("mihon.example.jp:8883").shows("POST https://mihon.example.jp/ingest/v1/readings").well_formed();
}

#[test]
fn the_devices_of_a_home_say_which_of_them_is_in_doubt() {
    let r = Region::new();
    let (keeper, home) = (r.administrator(), r.s.home);
    r.post(&keeper, &format!("/homes/{home}/gateways"), &[("name", "gw-0001"), ("carrier", "")]).is(200);
    let gateways = "SELECT id FROM watch_gateway WHERE name = 'gw-0001'";
    let gateway: base::GatewayId = r.test.db.read_blocking(move |tx| tx.scalar(gateways, &[])).expect("the gateway");
    let gateway = gateway.to_string();
    let new = [("gateway", gateway.as_str()), ("serial", "0x01"), ("kind", "motion"), ("place", "浴室"), ("back", "")];
    r.post(&keeper, "/devices", &new).is(303);
    let pages = [(&keeper, format!("/homes/{home}/devices")), (&r.nurse(), format!("/homes/{home}"))];
    for (who, page) in &pages {
        r.get(who, page).is(200).shows("浴室").hides("故障の疑い");
    }
    let now = r.now();
    let stuck = "UPDATE watch_device SET fault = 'never_ends', fault_at = $1, battery = 76";
    r.test.db.write_blocking(move |tx| tx.execute(stuck, db::params![now])).expect("is doubted");
    for (who, page) in &pages {
        r.get(who, page).is(200).shows("故障の疑い").shows("検知したまま終わりません").well_formed();
    }
}

#[test]
fn the_watch_begins_with_consent_and_ends_with_a_reason() {
    let r = Region::new();
    let keeper = r.administrator();
    let at = |rest: &str| format!("/homes/{}{rest}", r.s.home);
    r.post(&keeper, &at("/contract-end"), &[("reason", "")]).is(422).shows("終了の理由");
    r.step(&keeper, &at("/contract-end"), &[("reason", "施設に入所")]).shows("見守りを始める");
    r.get(&r.nurse(), &at("")).is(409).shows("見守りは行われていません");
    r.get(&r.relative(r.s.daughter), "/family").is(200).hides("きょうの様子");
    r.get(&r.resident(), "/me").is(200).shows("見守りは行われていません");
    let person = r.s.person.to_string();
    r.step(&keeper, &at("/contracts"), &[("person", &person)]).shows("見守りを終了する");
    r.post(&keeper, &at("/contracts"), &[("person", &person)]).is(409).shows("すでに始まっています");
}

#[test]
fn region_and_home_are_set_by_office_and_city_alone() {
    let r = Region::new();
    let city = r.city();
    let home = format!("/homes/{}/watch-settings", r.s.home);
    r.get(&city, "/watch-settings").is(200).shows("30日に1回").well_formed();
    let set = |hours: &'static str, hot: &'static str| [("cap_hours", hours), ("hot_notice", hot), ("hot_alert", hot)];
    r.post(&city, "/watch-settings", &set("25", "")).is(422).shows("2から24時間").shows("value=\"25\"");
    r.post(&city, "/watch-settings", &set("あ", "")).is(422).shows("整数で入力してください");
    r.post(&city, "/watch-settings", &[("hot_notice", "30")]).is(422).shows("両方を入力");
    r.step(&city, "/watch-settings", &set("12", "30")).shows("value=\"12\"");
    r.get(&city, &home).is(200).shows("空欄のとき：12時間").well_formed();
    r.step(&city, &home, &[("fixed_hours", "8"), ("night_from", "22:00"), ("night_until", "06:00")])
        .shows("value=\"8\"");
    let id = r.s.home;
    let settings = r.test.db.read_blocking(move |tx| watch::settings_of(tx, id)).expect("reads");
    assert_eq!(settings.rhythm.fixed, Some(base::Span::hours(8)));
    assert_eq!((settings.rhythm.cap, settings.night), (base::Span::hours(12), (22 * 60, 6 * 60)));
    let trial = format!("{home}/trial");
    r.post(&city, &trial, &set("10", "")).is(200).shows("まだ試せません").shows("value=\"10\"").well_formed();
    r.post(&city, "/watch-settings/trial", &set("10", "")).is(200).shows("まだ試せません").well_formed();
    r.post(&city, &trial, &set("25", "")).is(422).shows("2から24時間");
    r.get(&city, &home).hides("value=\"10\"");
    for who in [r.nurse(), r.operator(), r.support_centre(), r.resident()] {
        r.post(&who, &trial, &set("10", "")).is(403);
        r.get(&who, &home).is(403);
        r.post(&who, "/watch-settings", &set("10", "")).is(403);
    }
}

// shows: 6.3.2 a daily hour at which nobody would be asked is refused beside its field, and the team sees how the person is asked
#[test]
fn a_daily_hour_needs_a_way_to_ask_and_the_team_sees_it() {
    let r = Region::new();
    let (keeper, city) = (r.administrator(), r.city());
    let home = format!("/homes/{}/watch-settings", r.s.home);
    r.get(&r.nurse(), &format!("/homes/{}", r.s.home)).shows("ご本人への確認：尋ねない</p>");
    let at = |hour: &'static str, asked: &'static str| [("daily", hour), ("asked", asked)];
    let refused = r.post(&keeper, &home, &at("10:00", ""));
    refused.is(422).shows("「電話」か「メール・SMS」を選んでください").shows("href=\"#asked\"").well_formed();
    r.post(&keeper, &format!("{home}/trial"), &at("10:00", "off")).is(422).shows("選んでください");
    r.post(&keeper, &home, &at("23:30", "call")).is(422).shows("尋ねない時間").shows("href=\"#daily\"");
    r.step(&keeper, &home, &at("10:00", "call")).shows("保存しました").shows("value=\"10:00\"");
    r.get(&r.nurse(), &format!("/homes/{}", r.s.home))
        .shows("自動音声の電話で尋ねる（毎日10:00と、動きがないとき）。尋ねない時間は")
        .hides("この住まいの見守りの設定");
    // What the region sets must leave that hour.
    let quiet = [("quiet_from", "09:00"), ("quiet_until", "11:00")];
    r.post(&city, "/watch-settings", &quiet).is(409).shows("住まいのうち1軒で").shows("href=\"#quiet_from\"");
    for who in [&keeper, &city] {
        r.get(who, &format!("/register/{}", r.s.person)).is(200).shows(&format!("href=\"{home}\""));
    }
    r.get(&r.nurse(), &home).is(403);
}

#[test]
fn what_was_saved_is_said_and_a_number_out_of_range_is_marked() {
    let r = Region::new();
    let city = r.city();
    let page = "/watch-settings";
    r.get(&city, page).is(200).hides("保存しました");
    r.step(&city, page, &[("cap_hours", "12")]).shows("保存しました").shows("すべての住まいに");
    for (field, label) in [("notice_days", "誤った通知"), ("question_days", "不要だった質問")] {
        let wrong = r.post(&city, page, &[(field, "0")]);
        wrong.is(422).shows(&format!("{label}の目安は1から3650日")).shows(&format!("href=\"#{field}\""));
        wrong.shows("誤ったアラートの実績と調整").well_formed();
    }
    r.post(&city, &format!("{page}/trial"), &[("cap_hours", "10")]).is(200).shows("誤ったアラートの実績と調整");
    for form in [page.to_owned(), format!("/homes/{}/watch-settings", r.s.home)] {
        r.get(&city, &format!("{form}/trial")).is(200).shows(&format!("action=\"{form}\"")).hides("保存しました");
    }
}

// shows: 6.4.1 a home's page shows which alarms an announced absence would have prevented, and no other
#[test]
fn a_homes_page_shows_which_alarms_an_announced_absence_would_have_prevented() {
    let r = Region::new();
    let home = format!("/homes/{}", r.s.home);
    let ended = |rule: Rule, cause: &str| {
        let (case, operator) = (r.alert(rule), r.operator());
        let at = |rest: &str| format!("/cases/{case}{rest}");
        r.step(&operator, &at("/taking"), &[]);
        r.step(&operator, &at("/calls"), &[("to", "resident"), ("outcome", "well"), ("note", "")]);
        r.post(&operator, &at("/closure"), &[("cause", cause), ("closing", "")]).is(303);
        r.wait(60);
    };
    ended(Rule::Inactivity, "answered_well");
    ended(Rule::Button, "was_out");
    r.get(&r.nurse(), &home).is(200).hides("防げたアラート");
    ended(Rule::Inactivity, "was_out");
    ended(Rule::InactivityFixed, "unknown_absence");
    for who in [r.nurse(), r.relative(r.s.daughter), r.resident()] {
        let page = r.get(&who, &home);
        page.is(200)
            .shows("不在の予定が登録されていれば防げたアラートが2件あります（")
            .shows("外出していた")
            .well_formed();
        let named = between(&page.body, "防げたアラートが2件あります（", "）。");
        assert!(named.contains("12:00") && named.contains("13:00") && !named.contains("11:00"), "{named}");
        page.shows("不在の予定</span>");
    }
}

// shows: 6.4.4 the region's page says what was asked, what was measured, how silence is judged and why
#[test]
fn the_regions_page_says_how_silence_is_judged_and_why() {
    const MEASURED: &str =
        "INSERT INTO watch_adaptation (until_at, from_at, home_days, expected, false_alarms, percent)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let r = Region::new();
    let (city, home) = (r.city(), format!("/homes/{}", r.s.home));
    let page = r.get(&city, "/watch-settings");
    page.is(200)
        .shows("30日に1回まで")
        .shows("見守りを始めて30日たつとまとめます")
        .shows("目安のとおりに判定しています");
    page.well_formed();
    r.get(&r.nurse(), &home).hides("判定を少し");
    let measured = |days_ago: i64, false_alarms: i64, percent: i64| {
        let until = r.now() - base::Span::days(days_ago);
        let row = db::params![until, until - base::Span::days(7), 210.0, 7.0, false_alarms, percent].to_vec();
        r.test.db.write_blocking(move |tx| tx.execute(MEASURED, &row)).expect("was measured");
    };
    measured(120, 70, 300);
    measured(9, 12, 145);
    measured(2, 9, 150);
    let page = r.get(&city, "/watch-settings");
    page.shows("この地域の実績：過去16日").shows("で21件（のべ420日、1軒につき20日に1回）").well_formed();
    page.shows("誤ったアラートは目安より多いため、判定を少し遅くしています（目安の日数を1.5倍として判定）");
    r.get(&r.nurse(), &home).is(200).shows("判定を少し遅くしています");
    r.get(&r.relative(r.s.daughter), &home).is(200).hides("判定を少し");
    measured(1, 0, 80);
    let page = r.get(&city, "/watch-settings");
    page.shows("目安より少ないため、判定を少し早くしています（目安の日数を0.8倍として判定）");
    let held = r.step(&city, "/watch-settings", &[("adapts", "off")]);
    held.shows("調整しない設定です。目安のとおりに判定しています。").hides("判定を少し");
    r.get(&r.nurse(), &home).is(200).hides("判定を少し");
    r.get(&city, &format!("{home}/watch-settings")).is(200).shows("地域の設定のとおり（しない）");
    r.step(&city, "/watch-settings", &[("fixed_hours", "24")]).shows("決められた時間で知らせる設定のため");
}

// shows: 6.2.6 why nothing gets through stands on the gateway's page and beside the fault, with what to do
#[test]
fn a_line_that_never_gets_through_says_why() {
    const FAULT: &str = "INSERT INTO watch_line_fault (id, home_no, gateway_no, began_at, noticed_at, cause)
        SELECT id, home_no, no, registered_at, registered_at, 'rival' FROM watch_gateway";
    let r = Region::new();
    let keeper = r.administrator();
    let new = [("name", "gw-0001"), ("carrier", "見本光")];
    r.post(&keeper, &format!("/homes/{}/gateways", r.s.home), &new).is(200);
    let devices = format!("/homes/{}/devices", r.s.home);
    r.get(&keeper, &devices).is(200).hides("通知が届いていません");
    r.test.db.write_blocking(|tx| tx.execute(FAULT, &[])).expect("a fault");
    for page in [&devices, "/lines", "/lines/list"] {
        let page = r.get(&keeper, page);
        page.is(200)
            .shows("接続はできますが、通知が届いていません")
            .shows("機器が2台あり")
            .shows("2台目を別のゲートウェイ");
    }
    r.get(&r.city(), "/gateways/all").is(200).shows("通信断").shows("機器が2台あり").well_formed();
}

// shows: 6.2.4 a clock that is wrong stands on the gateway's page, with since when it is corrected and what to do, and last on the care list
#[test]
fn a_gateway_whose_clock_is_wrong_says_by_how_much() {
    let r = Region::new();
    let keeper = r.administrator();
    let new = [("name", "gw-0001"), ("carrier", "見本光")];
    r.post(&keeper, &format!("/homes/{}/gateways", r.s.home), &new).is(200);
    let devices = format!("/homes/{}/devices", r.s.home);
    r.get(&keeper, &devices).is(200).hides("時刻がずれています");
    r.get(&keeper, "/gateways").is(200).hides("時刻のずれ");
    // As the watch keeps it: slow by 1,200 seconds, nothing before, since then; the rest is how it was learned.
    let since = base::Instant::parse("2026-11-22T08:30").expect("a time");
    let clock = [&1200i32.to_le_bytes()[..], &[0; 4], &since.0.to_le_bytes(), &[0; 41]].concat();
    let set = "UPDATE watch_gateway SET clock = $1";
    r.test.db.write_blocking(move |tx| tx.execute(set, &[clock.clone().into()])).expect("a clock");
    r.get(&keeper, &devices)
        .is(200)
        .shows("時計が20分遅れています")
        .shows("8:30から、検知の時刻を補正")
        .shows("時計・タイムゾーンの設定を確認してください")
        .well_formed();
    let list = r.get(&keeper, "/gateways");
    list.is(200).shows("時計が20分遅れています（補正中）").well_formed();
    let [first, last] = ["動きを知る機器がない", "時刻のずれ"].map(|words| list.body.find(words));
    assert!(first < last, "the watch goes on: others come first");
    r.get(&r.city(), "/gateways/all").is(200).shows("時計が20分遅れています").well_formed();
}

#[test]
fn the_keepers_lists_say_what_waits() {
    let r = Region::new();
    let keeper = r.administrator();
    r.get(&keeper, "/gateways").is(200).shows("ゲートウェイがない").shows("髙橋").well_formed();
    r.get(&keeper, "/devices").is(200).shows("未登録の機器はありません").well_formed();
    for who in [r.administrator(), r.city()] {
        r.get(&who, "/lines").is(200).shows("通信断の住まいはありません").well_formed();
        r.get(&who, "/lines/list").is(200).hides("<html");
    }
    r.get(&r.nurse(), "/lines").is(403);
    r.get(&r.city(), "/gateways").is(403);
}

// shows: 6.4.2 a power company's table of yesterday stands on the home's page, changes no alert, and a bad one names its line
#[test]
fn a_power_companys_table_is_for_looking_back() {
    let r = Region::new();
    let keeper = r.administrator();
    let once = r.post(&keeper, &format!("/homes/{}/gateways", r.s.home), &[("name", "gw-0001"), ("carrier", "見本光")]);
    let secret = between(&once.body, "パスワード・トークン</dt><dd><code>", "</code>").to_owned();
    let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(base::unhex::<32>(&secret).expect("64 digits")).into();
    let gateway = r.test.db.read_blocking(move |tx| watch::authenticate(tx, "gw-0001", hash)).expect("reads");
    let gateway = gateway.expect("the credential opens").to_string();
    let new =
        [("gateway", gateway.as_str()), ("serial", "meter"), ("kind", "power"), ("place", "分電盤"), ("back", "")];
    let page = r.step(&keeper, "/devices", &new);
    let device: DeviceId =
        page.body.split("href=\"/devices/").nth(1).and_then(|t| t.get(..32)?.parse().ok()).expect("it");
    let home = format!("/homes/{}", r.s.home);
    r.get(&r.nurse(), &home).is(200).shows("分電盤の電気の記録はまだありません").well_formed();
    let path = format!("/devices/{device}/half-hours");
    let send = |who, table: &[u8]| r.send(who, &path, &[], &[("table", "kwh.csv", table)]);
    // 「年月日」 as Shift_JIS writes it.
    let mut table = b"\x94N\x8c\x8e\x93\xfa\r\n2026/11/21".to_vec();
    (0..48).for_each(|n| table.extend(format!(",0.{:02}", n + 10).as_bytes()));
    r.get(&keeper, &format!("/devices/{device}")).is(200).shows("電力会社の30分ごとの記録").well_formed();
    let told = send(&keeper, &table);
    // The watch began at ten o'clock of that day.
    told.is(200).shows("30分ごとの記録を28件取り込みました").shows("20件は、見守りを始める前").well_formed();
    send(&keeper, &table).is(200).shows("記録を0件取り込みました").shows("28件は、すでに記録がある");
    let shown = r.get(&r.nurse(), &home);
    shown.is(200).shows("分電盤の電気（24時間）").shows("これまでアラートも通知もありません").well_formed();
    assert_eq!(r.test.db.read_blocking(watch::readings_stored).expect("a count"), 0);
    table.extend(b"\r\n2026/11/22,1.0");
    send(&keeper, &table).is(422).shows("3行目：1日分の値が48個").well_formed();
    send(&r.nurse(), &table).is(403);
    let entered = r.audited().into_iter().filter(|row| row.action == "watch.enter_half_hours");
    assert_eq!(entered.filter(|row| row.outcome == audit::Outcome::Done).count(), 2);
}
