use axum::http::Method;
use base::Role;
use household::{Answer, Browser, Region};
use people::testing::RESIDENT_FIELDS;
use people::{ConsentScope, ConsentState, StaffState};

use super::doors;

#[path = "tests_accounts.rs"]
mod accounts;
#[path = "tests_consents.rs"]
mod consents;

/// The fields of a form with some changed; an empty value takes a field away.
fn with<'a>(fields: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let changed = |name: &str| changes.iter().any(|(n, _)| *n == name);
    let mut all: Vec<_> = fields.iter().filter(|(n, _)| !changed(n)).copied().collect();
    all.extend(changes.iter().filter(|(_, v)| !v.is_empty()));
    all
}

/// What stands in a hidden or visible input of the page.
#[track_caller]
fn field(answer: &Answer, name: &str) -> String {
    let at = answer.body.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}:\n{}", answer.body));
    let value = answer.body[at..].split("value=\"").nth(1).expect("a value");
    value.split('"').next().unwrap_or_default().to_owned()
}

fn contacts(region: &Region) -> Vec<people::Contact> {
    let ctx = people::testing::system(region.now(), 77);
    let person = region.s.person;
    region.test.db.read_blocking(move |tx| people::contacts(&ctx, tx, person)).unwrap().into_value()
}

fn consent(region: &Region, scope: ConsentScope) -> ConsentState {
    let person = region.s.person;
    region.test.db.read_blocking(move |tx| people::consent_state(tx, person, scope)).unwrap()
}

#[test]
fn every_door_refuses_whom_it_is_not_for_and_records_it() {
    let region = Region::new();
    let others = [region.operator(), region.doctor(), region.relative(region.s.daughter), region.support_centre()];
    let stranger = region.nobody();
    for door in doors() {
        let path = door.path.replace("{subject}", "staff");
        let path: Vec<_> =
            path.split('/').map(|p| if p.starts_with('{') { "00000000000000000000000000000001" } else { p }).collect();
        let path = path.join("/");
        let knock = |who: &Browser| match door.method {
            Method::GET => region.get(who, &path),
            _ => region.post(who, &path, &[("q", "x")]),
        };
        assert_eq!(knock(&stranger).location, "/signin", "{path}");
        for who in &others {
            let before = region.count_audited(door.path);
            assert_eq!(knock(who).status.as_u16(), 403, "{path} as {:?}", who.role);
            assert_eq!(region.count_audited(door.path), before + 1, "{path} as {:?}", who.role);
        }
    }
}

#[test]
fn the_register_lists_and_finds_within_reach_and_keeps_the_query_out_of_addresses() {
    let region = Region::new();
    let office = region.administrator();
    region.get(&office, "/register").is(200).well_formed().shows("髙橋").shows("新しい対象者を登録");
    region.post(&office, "/register/search", &[("q", "ﾀｶﾊｼ")]).is(200).shows("髙橋").shows("value=\"ﾀｶﾊｼ\"");
    region.post(&office, "/register/search", &[("q", "いない方")]).is(200).shows("当てはまる方は見つかりません");
    let no_day = region.post(&office, "/register/search", &[("q", "昭和20年2月30日")]);
    no_day.is(200).shows("<span class=\"whole\">2月30日</span>はその年の暦にありません");
    region.post(&office, "/register/search", &[("q", "・")]).is(200).shows("記号だけでは探せません").hides("髙橋");
    for signs in ["%", "_", "* ｡", "🍊"] {
        region.post(&office, "/register/search", &[("q", signs)]).is(200).shows("記号だけでは探せません");
    }
    let to_come = region.post(&office, "/register/search", &[("q", "令和99年1月1日")]);
    to_come.is(200).shows("令和99年<span class=\"whole\">1月1日</span>は未来の日付です");
    region.post(&office, "/register/search", &[("q", "\u{3164}")]).is(200).shows("髙橋");
    let looked = region.audited();
    let looked: Vec<_> = looked.iter().filter(|r| r.action == "look.register").collect();
    assert_eq!(looked.len(), 11);
    assert_eq!(looked[0].persons, [region.s.person]);
    let city = region.city();
    region.get(&city, "/register").is(200).hides("新しい対象者を登録");
    let page = region.get(&city, &format!("/register/{}", region.s.person));
    page.is(200).shows("この役割には表示されません").hides("キーボックス").hides("訂正する");
}

#[test]
fn a_wrong_form_keeps_what_was_typed_and_says_what_is_wrong_beside_each_field() {
    let region = Region::new();
    let office = region.administrator();
    region.get(&office, "/register/new").is(200).well_formed();
    let wrong = with(
        RESIDENT_FIELDS,
        &[("birth", "昭和99年13月40日"), ("kana", "漢字"), ("contact_name", "山田 むすこ"), ("contact_phone", "123")],
    );
    let answer = region.post(&office, "/register", &wrong);
    answer.is(422).well_formed().shows("value=\"昭和99年13月40日\"").shows("髙橋 みほん").shows("value=\"123\"");
    answer.shows("id=\"birth-error\"").shows("id=\"kana-error\"").shows("id=\"contact_phone-error\"");
    answer.shows("href=\"#contact_relation\"").shows("入力内容をご確認ください");
    assert_eq!(region.count_audited("people.register_resident"), 1, "only the sample");
}

#[test]
fn a_resident_home_and_first_contact_are_registered_by_one_form_after_the_warning() {
    let region = Region::new();
    let office = region.administrator();
    let fields = with(
        RESIDENT_FIELDS,
        &[
            ("name", "高橋 べつひと"),
            ("contact_name", "高橋 まご"),
            ("contact_relation", "grandchild"),
            ("contact_phone", "090-0000-0009"),
            ("contact_source", "oneself"),
        ],
    );
    let warned = region.post(&office, "/register", &fields);
    warned.is(422).shows("同じ方がすでに登録されていませんか").shows("髙橋 みほん").shows("高橋 べつひと");
    let look = region.audited().into_iter().rfind(|r| r.action == "look.duplicates").unwrap();
    assert_eq!(look.persons, [region.s.person], "whoever is shown stands in the record");
    let page = region.step(&office, "/register", &with(&fields, &[("not_duplicate", "yes")]));
    page.well_formed().shows("べつひと").shows("昭和13年（1938年）4月1日").shows("玄関右のキーボックス");
    let before_tab = page.body.split("/contacts\"").next().unwrap();
    let person = before_tab.rsplit('/').next().unwrap().to_owned();
    region
        .get(&office, &format!("/register/{person}/contacts"))
        .is(200)
        .shows("高橋 まご")
        .shows("（孫")
        .shows("090-0000-0009");
}

#[test]
fn a_correction_needs_its_reason_and_the_version_that_was_seen() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}", region.s.person));
    let form = region.get(&office, &format!("{base}/edit"));
    form.is(200).well_formed().shows("髙橋 みほん").shows("昭和13年4月1日");
    let version = field(&form, "version");
    let fields = with(RESIDENT_FIELDS, &[("household", "with_family"), ("version", &version)]);
    region.post(&office, &base, &fields).is(422).shows("変更の理由を入力してください").shows("id=\"reason-error\"");
    let fields = with(&fields, &[("reason", "長女と同居を始めた")]);
    region.step(&office, &base, &fields).shows("同居");
    let late = with(&fields, &[("risk_notes", "犬がいる")]);
    region.post(&office, &base, &late).is(409).shows("ほかの方が先に").shows("犬がいる");
    let history = region.get(&office, &format!("{base}/history"));
    history.is(200).shows("長女と同居を始めた").shows("世帯区分：独居 → 同居");
    region.get(&office, &format!("{base}/home/edit")).is(200).well_formed();
    region.get(&office, &format!("{base}/move")).is(200).well_formed();
    region.get(&office, &format!("{base}/life")).is(200).well_formed();
    region.step(&office, &format!("{base}/confirmation"), &[("source", "family")]).shows("出どころ：家族");
}

#[test]
fn moving_away_needs_a_reason_and_closes_the_record() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}", region.s.person));
    let life = [("life", "moved_out"), ("since", "令和8年11月20日")];
    region
        .post(&office, &format!("{base}/life"), &life)
        .is(422)
        .shows("変更の理由を入力してください")
        .shows("令和8年11月20日");
    region
        .post(&office, &format!("{base}/life"), &with(&life, &[("since", "きのう")]))
        .is(422)
        .shows("日付を読み取れません");
    region.step(&office, &format!("{base}/life"), &with(&life, &[("reason", "長男宅へ")])).shows("転出");
    assert_eq!(consent(&region, ConsentScope::Watch), ConsentState::Expired);
    region
        .get(&office, &format!("{base}/team"))
        .shows("情報共有の同意がありません")
        .shows("ケアチームの職員はまだいません");
}

#[test]
fn contacts_are_added_moved_and_taken_out_with_what_they_saw() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}/contacts", region.s.person));
    region.get(&office, &format!("{base}/new")).is(200).well_formed();
    region.post(&office, &base, &[("name", "近所 みほん")]).is(422).shows("続柄を選んでください").shows("近所 みほん");
    region.step(&office, &base, &[("name", "近所 みほん"), ("relation", "neighbour"), ("phone", "0561-00-7777")]);
    let mut order: Vec<String> = contacts(&region).iter().map(|c| c.id.to_string()).collect();
    order.rotate_right(1);
    region.step(&office, &format!("{base}/order"), &[("order", &order.join(" "))]).shows("近所 みほん");
    assert_eq!(contacts(&region)[0].name.expose(), "近所 みほん");
    region.post(&office, &format!("{base}/order"), &[("order", &order[0])]).is(409).shows("連絡先の並び");

    let nobody = uuid::Uuid::from_u128(0xDEAD);
    region.get(&office, &format!("{base}/{nobody}")).is(403).hides("髙橋");
    let last = region.audited().pop().unwrap();
    assert_eq!((last.action.as_str(), last.outcome), ("look.register_contacts", audit::Outcome::Refused));

    let relative = region.relative(region.s.daughter);
    let one = format!("{base}/{}", region.s.daughter);
    let form = region.get(&office, &one);
    form.is(200).well_formed().shows("山田 むすめ").shows("musume@example.jp");
    let version = field(&form, "version");
    let removal = [("version", version.as_str()), ("reason", "ご本人の申し出")];
    let without = region.post(&office, &format!("{one}/removal"), &removal);
    without.is(422).well_formed().shows("確認コードを入力してください").shows("value=\"ご本人の申し出\"");
    let code = field(&without, "totp");
    region.step(&office, &format!("{one}/removal"), &with(&removal, &[("totp", &code)])).hides("山田 むすめ");
    assert_eq!(consent(&region, ConsentScope::FamilyAlerts(region.s.daughter)), ConsentState::Expired);
    assert_eq!(region.get(&relative, "/account").location, "/signin", "her account opens nothing any more");
}

#[test]
fn a_consent_says_what_it_does_is_withdrawn_at_once_and_given_anew() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}/consents", region.s.person));
    let list = region.get(&office, &base);
    list.is(200)
        .well_formed()
        .shows("見守りセンサーの設置とデータ利用")
        .shows("家族への開示（アラートと結果）：山田 むすめ");
    let ctx = people::testing::system(region.now(), 78);
    let person = region.s.person;
    let all = region.test.db.read_blocking(move |tx| people::consents(&ctx, tx, person)).unwrap();
    let watch = all.iter().find(|c| c.scope == ConsentScope::Watch).unwrap().id;
    let page = format!("{base}/{watch}/withdrawal");
    let asks = region.get(&office, &page);
    asks.is(200).shows("検知の受け取りをその場で止めます").shows("取り消せません").hides("<details class=\"guarded\"");
    let other = format!("/register/{}/consents/{watch}/withdrawal", uuid::Uuid::from_u128(9));
    region.post(&office, &other, &[("withdrawn_by", "髙橋 みほん")]).is(403);
    assert_eq!(consent(&region, ConsentScope::Watch), ConsentState::Given, "the address names somebody else");
    region.post(&office, &page, &[("withdrawn_by", "<script>")]).is(422).shows("数字や記号は使えません");
    region.post(&office, &page, &[("reason", "x")]).is(422).shows("撤回を申し出た方を入力してください");
    region.step(&office, &page, &[("withdrawn_by", "髙橋 みほん")]).shows("撤回");
    assert_eq!(consent(&region, ConsentScope::Watch), ConsentState::Withdrawn);
    assert_eq!(consent(&region, ConsentScope::FamilyWatch(region.s.daughter)), ConsentState::Expired);

    let form = region.get(&office, &format!("{base}/new?scope=watch"));
    form.is(200).well_formed().shows("同意すると").hides("value=\"given\" checked");
    let looks = |outcome| {
        let mut rows = region.audited();
        rows.retain(|r| r.action == "look.register_consents" && r.outcome == outcome);
        rows.len()
    };
    let (seen, refused) = (looks(audit::Outcome::Done), looks(audit::Outcome::Refused));
    let nobody = uuid::Uuid::from_u128(0xDEAD);
    for asked in ["?scope=nothing".to_owned(), String::new(), format!("?scope=family_watch&contact={nobody}")] {
        region.get(&office, &format!("{base}/new{asked}")).is(403).hides("髙橋");
    }
    region.get(&office, &format!("{base}/{nobody}/withdrawal")).is(403).hides("髙橋");
    assert_eq!(looks(audit::Outcome::Done), seen, "a page that was not shown is no look");
    assert_eq!(looks(audit::Outcome::Refused), refused + 4);
    let given = [
        ("scope", "watch"),
        ("state", "given"),
        ("obtained_by", "written"),
        ("obtained_on", "2026-11-22"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
    ];
    form.hides("条例により不要").hides("根拠となる条文").hides("令和8年11月22日");
    region.post(&office, &base, &given).is(422).shows("説明した方を入力してください").shows("value=\"髙橋 みほん\"");
    region.step(&office, &base, &with(&given, &[("explained_by", "計画 見本")]));
    assert_eq!(consent(&region, ConsentScope::Watch), ConsentState::Given);
    let noted = [("scope", "watch"), ("state", "no_answer")];
    region.post(&office, &base, &noted).is(409).shows("「同意」の記録があります。「未回答」では置き換わりません");
    assert_eq!(consent(&region, ConsentScope::Watch), ConsentState::Given);
    region.get(&office, &format!("{base}/new?scope=roster")).is(200).shows("条例により不要").shows("根拠となる条文");
}

#[test]
fn somebody_joins_the_team_and_leaves_it() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}/team", region.s.person));
    region.get(&office, &base).is(200).well_formed().shows("主治医").shows("みほん内科");
    let choose = region.get(&office, &format!("{base}/new?office={}", region.s.clinic));
    choose.is(200).well_formed().shows("医師 見本");
    let (clinic, doctor) = (region.s.clinic.to_string(), region.s.doctor.to_string());
    let fields = [("office", clinic.as_str()), ("staff", &doctor), ("part", "nurse")];
    region.post(&office, &base, &fields).is(422).shows("この職員の職種では担当できません");
    region
        .post(&office, &base, &[("office", &clinic)])
        .is(422)
        .shows("職員を選んでください")
        .shows("役割を選んでください");
    region.step(&office, &base, &with(&fields, &[("part", "doctor")])).shows("連携医");
    let ctx = people::testing::system(region.now(), 79);
    let person = region.s.person;
    let members = region.test.db.read_blocking(move |tx| people::team(&ctx, tx, person)).unwrap();
    let own = region.doctor();
    region.get(&own, &format!("/people/{person}")).is(200);
    for member in members.iter().filter(|m| m.staff == region.s.doctor) {
        region.step(&office, &format!("{base}/{}/end", member.membership.simple()), &[]);
    }
    region.get(&own, &format!("/people/{person}")).is(403);
}

#[test]
fn an_office_and_its_staff_are_registered_and_a_suspended_one_is_out_at_once() {
    let region = Region::new();
    let office = region.administrator();
    region.get(&office, "/offices").is(200).well_formed().shows("みほん内科");
    region.get(&office, "/offices?kind=pharmacy").is(200).hides("みほん内科").shows("まだ登録されていません");
    region
        .post(&office, "/offices", &[("name", "見本市 介護課"), ("kind", "city_elderly")])
        .is(422)
        .shows("市の部署と民生委員には市区町村コードが必要です")
        .shows("見本市 介護課");
    let unplaced = [("name", "見本地区 民生委員児童委員協議会"), ("kind", "commissioners")];
    region.post(&office, "/offices", &unplaced).is(422).shows("市の部署と民生委員には市区町村コードが必要です");
    let page =
        region.step(&office, "/offices", &[("name", "みほん薬局"), ("kind", "pharmacy"), ("phone", "0561-00-4444")]);
    page.shows("みほん薬局").shows("0561-00-4444");
    let base = page.body.split("href=\"/offices/").find_map(|r| r.split_once("/staff/new")).unwrap().0.to_owned();
    let again = [("name", "ﾐﾎﾝ薬局"), ("kind", "pharmacy"), ("city_code", "99999")];
    region.post(&office, "/offices", &again).is(422).shows("この市区町村コードはありません");
    region.post(&office, "/offices", &again[..2]).is(409).shows("同じ名前・種別の事業所がすでに登録されています");
    region.get(&office, &format!("/offices/{base}/staff/new")).is(200).well_formed();
    let staff = [("name", "薬剤 見本"), ("kana", "やくざい みほん"), ("role", "operator"), ("active", "yes")];
    region.post(&office, &format!("/offices/{base}/staff"), &staff).is(422).shows("この職種区分は").shows("薬剤 見本");
    let fields = with(&staff, &[("role", "pharmacist")]);
    let page = region.step(&office, &format!("/offices/{base}/staff"), &fields);
    page.well_formed().shows("ヤクザイ ミホン").shows("まだサインインできません");

    let own = region.doctor();
    region.get(&own, "/account").is(200);
    let state = format!("/staff/{}/state", region.s.doctor);
    region.post(&office, &state, &[("state", "suspended")]).is(422).shows("理由");
    let without = region.post(&office, &state, &[("state", "suspended"), ("reason", "長期の休み")]);
    without.is(422).well_formed().shows("確認コードを入力してください").shows("value=\"長期の休み\"");
    let code = field(&without, "totp");
    region.step(&office, &state, &[("state", "suspended"), ("reason", "長期の休み"), ("totp", &code)]).shows("停止");
    assert_eq!(region.get(&own, "/account").location, "/signin");
    region.step(&office, &state, &[("state", "active")]).shows("有効");
    let doctor = region.s.doctor;
    let found = region.test.db.read_blocking(move |tx| people::staff(tx, doctor)).unwrap();
    assert_eq!(found.state, StaffState::Active);
    let edit = region.get(&office, &format!("/staff/{doctor}/edit"));
    let version = field(&edit, "version");
    let fields = [("name", "医師 新姓"), ("kana", "イシ シンセイ"), ("version", &version), ("reason", "改姓")];
    region.step(&office, &format!("/staff/{doctor}"), &fields).shows("医師 新姓");
    region.get(&office, &format!("/accounts/{doctor}")).is(200).shows("医師 新姓");
}

#[test]
fn an_auditor_sees_who_looked_and_not_what() {
    let region = Region::new();
    let (care, auditor) = (region.care_manager(), region.auditor());
    region.get(&care, &format!("/people/{}", region.s.person)).is(200);
    region.test.db.write_blocking(|tx| audit::index_persons(tx, 10_000)).unwrap();
    let all = region.get(&auditor, "/audit");
    all.is(200).well_formed().shows("計画 見本").shows("診療・介護").shows("みほんケアプラン").hides("髙橋 みほん");
    let found = region.post(&auditor, "/audit/search", &[("q", "タカハシ")]);
    found.is(200).shows("髙橋");
    let about = region.get(&auditor, &format!("/audit/persons/{}", region.s.person));
    about.is(200).shows("計画 見本").shows("ケアチーム").hides("ゆっくり話す").hides("0561-00-1234");
    let last = region.audited().into_iter().rfind(|r| r.action == "look.audit_person").unwrap();
    assert_eq!((last.role, last.persons), (Role::Auditor, vec![region.s.person]));
    region.get(&auditor, "/audit?before=3").is(200).shows("最新に戻ります");
}

#[test]
fn an_address_that_names_nobody_leads_nowhere() {
    let region = Region::new();
    let office = region.administrator();
    for path in
        ["/register/x", "/register/x/contacts/y", "/staff/x", "/offices/x", "/accounts/x", "/accounts/new/cat/1"]
    {
        region.get(&office, path).is(403);
    }
}

#[test]
fn an_address_that_can_name_nobody_is_answered_as_one_that_names_nobody_and_leaves_no_row() {
    let region = Region::new();
    let office = region.administrator();
    let unknown = region.get(&office, &format!("/register/{}", uuid::Uuid::from_u128(9)));
    let before = region.audited().len();
    for path in ["/register/xyz", "/register/xyz/contacts", "/staff/1", "/accounts/x", "/offices/%E3%81%82"] {
        let answer = region.get(&office, path);
        answer.is(unknown.status.as_u16()).well_formed().shows("すでにありません");
    }
    assert_eq!(region.audited().len(), before);
}
