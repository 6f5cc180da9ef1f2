//! 同意: with whom is shared, and what cannot be read.

use super::*;

#[test]
fn with_whom_is_shared_is_asked_in_words_and_read_on_the_page() {
    let region = Region::new();
    let (office, base) = (region.administrator(), format!("/register/{}/consents", region.s.person));
    region.get(&office, &base).is(200).shows("共有先：一括（すべての事業所）");
    let form = region.get(&office, &format!("{base}/new?scope=care_sharing"));
    form.is(200).well_formed().hides("checked").shows("これから加わる事業所も含みます").hides("個人個別");
    form.shows("例：令和8年4月1日、2026-04-01");
    let clinic = region.s.clinic.to_string();
    let given = [
        ("scope", "care_sharing"),
        ("state", "given"),
        ("manner", "office_list"),
        ("explained_by", "計画 見本"),
        ("obtained_by", "written"),
        ("obtained_on", "きのう"),
        ("explained_on", "昭和12年1月1日"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
    ];
    let wrong = region.post(&office, &base, &given);
    wrong.is(422).well_formed().shows("取得日：日付を読み取れません").shows("共有先の事業所を一つ以上選んでください");
    wrong.shows("説明日がご本人の生年月日より前になっています");
    let given = with(&given, &[("obtained_on", "2026-11-22"), ("explained_on", ""), ("office", &clinic)]);
    region.step(&office, &base, &given).well_formed().shows("共有先：施設リスト（みほん内科）");
}

// shows: 5.4.3 a consent that cannot be read denies, stands in its list with its scope, and lets a refusal through
#[test]
fn a_consent_that_cannot_be_read_denies_and_lets_a_refusal_through() {
    let region = Region::new();
    let (office, person) = (region.administrator(), region.s.person);
    let base = format!("/register/{person}/consents");
    let sql = "UPDATE people_consent SET state = '???', signer_relation = '!!' WHERE person_id = $1";
    region.test.db.write_blocking(move |tx| tx.tell(sql, &[person.into()])).unwrap();
    let team = format!("/register/{person}/team");
    region.get(&office, &team).is(200).well_formed().shows("同意の記録を読み取れません").hides("職員を加える");
    let joins = [("staff", region.s.doctor.to_string()), ("part", "doctor".to_owned())];
    let joins = joins.each_ref().map(|(n, v)| (*n, v.as_str()));
    region.post(&office, &team, &joins).is(409).shows("同意の記録を読み取れないため");
    region.get(&region.resident(), "/me").is(200).shows("読み取れない記録が");
    region.get(&office, &format!("/homes/{}/devices", region.s.home)).is(200);
    let list = region.get(&office, &base);
    list.is(200).well_formed().shows("読み取れない同意の記録があります").hides("同意の記録はまだありません");
    let counted = |words: &str| list.body.matches(words).count();
    let son = (counted("まだ同意をいただいていないため"), counted("未取得"));
    assert_eq!(son, (2, 2), "of the son alone it is known that nobody has asked");
    let form = region.get(&office, &format!("{base}/new?scope=care_sharing"));
    form.is(200).shows("読み取れない同意の記録があります");
    let given = [
        ("scope", "care_sharing"),
        ("state", "given"),
        ("manner", "blanket"),
        ("explained_by", "計画 見本"),
        ("obtained_by", "written"),
        ("obtained_on", "2026-11-22"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
    ];
    region.post(&office, &base, &given).is(409).shows("断りの記録かもしれない").shows("システム管理者に連絡");
    let own = region.doctor();
    let no = with(&given, &[("state", "opted_out"), ("manner", ""), ("explained_by", "")]);
    region.step(&office, &base, &no).well_formed().shows("拒否申出").shows("読み取れません");
    assert_eq!(consent(&region, ConsentScope::CareSharing), ConsentState::OptedOut);
    region.get(&own, &format!("/people/{person}")).is(403);
    region.get(&office, &team).is(200).shows("「拒否申出」です");
}
