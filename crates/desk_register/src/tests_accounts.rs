//! Stories of somebody else's account: a code asked in the same form, and a second administrator.

use super::*;
use base::StaffId;
use uuid::Uuid;

fn colleague(region: &Region) -> Browser {
    region.staff(Role::Administrator, StaffId(Uuid::from_u128(0xAD2)), region.s.city)
}

fn done(region: &Region, action: &str) -> bool {
    region.audited().iter().any(|r| r.action == action && r.outcome == audit::Outcome::Done)
}

// shows: 5.5.1 an account is created, suspended, opened again and issued anew with a code typed in the same form; what was typed stays
#[test]
fn a_clerk_shows_the_authenticator_before_somebody_elses_account_changes() {
    let region = Region::new();
    let (office, doctor) = (region.administrator(), region.s.doctor);
    let url = format!("/accounts/new/staff/{doctor}");
    let form = region.get(&office, &url);
    form.is(200).well_formed().shows("あなたの確認コード");
    let without = region.post(&office, &url, &[("login", "isha.mihon")]);
    without.is(422).well_formed().shows("確認コードを入力してください").shows("value=\"isha.mihon\"");
    let wrong = region.post(&office, &url, &[("login", "isha.mihon"), ("totp", "000000")]);
    wrong.is(422).shows("確認コードが違います").shows("value=\"isha.mihon\"");
    assert_eq!(region.count_audited("signin.show_second"), 1, "the guess stands in the record");
    let code = field(&wrong, "totp");
    let malformed = region.post(&office, &url, &[("login", "!"), ("totp", &code)]);
    malformed.is(422).shows("ログイン名は");
    region.post(&office, &url, &[("login", "isha.mihon"), ("totp", &code)]).is(200).shows("初回設定コード");

    let account = format!("/accounts/{doctor}");
    region.get(&office, &account).is(200).well_formed().shows("入力済み");
    region.step(&office, &format!("{account}/suspension"), &[]).shows("停止中");
    region.wait(5);
    let without = region.post(&office, &format!("{account}/reinstatement"), &[]);
    without.is(422).well_formed().shows("確認コードを入力してください").shows("停止中");
    let code = field(&without, "totp");
    region.step(&office, &format!("{account}/reinstatement"), &[("totp", &code)]).shows("登録待ち");
    region.wait(5);
    let without = region.post(&office, &format!("{account}/reissue"), &[]);
    without.is(422).well_formed().shows("<details class=\"guarded\" open>");
    let code = field(&without, "totp");
    region.post(&office, &format!("{account}/reissue"), &[("totp", &code)]).is(200).shows("初回設定コード");
}

// shows: 5.5.1 guesses at the code are bounded on the page too
#[test]
fn whoever_guesses_on_the_page_must_wait() {
    let region = Region::new();
    let office = region.administrator();
    let url = format!("/accounts/new/staff/{}", region.s.doctor);
    let guess = [("login", "isha.mihon"), ("totp", "000000")];
    for _ in 0..5 {
        region.post(&office, &url, &guess).is(422).shows("確認コードが違います");
    }
    let code = field(&region.get(&office, &url), "totp");
    let right = [("login", "isha.mihon"), ("totp", &code)];
    region.post(&office, &url, &right).is(422).shows("受け付けられません").shows("value=\"isha.mihon\"");
}

// shows: 5.5.1 what one administrator asks for an administrator's account waits on the list until another one agrees or declines
#[test]
fn an_administrators_account_is_asked_for_by_one_and_agreed_to_by_another() {
    let region = Region::new();
    let (one, two) = (region.administrator(), colleague(&region));
    let fields = [("name", "事務 二郎"), ("kana", "ジム ジロウ"), ("role", "administrator"), ("active", "yes")];
    let hired = region.post(&one, &format!("/offices/{}/staff", region.s.city), &fields);
    hired.is(303);
    let third = hired.location.trim_start_matches("/staff/").to_owned();
    let url = format!("/accounts/new/staff/{third}");
    let form = region.get(&one, &url);
    form.shows("ほかの事務局担当者が承認した後");
    let asked = [("login", "jimu3"), ("totp", &field(&form, "totp"))];
    region.post(&one, &url, &asked).is(200).well_formed().shows("承認を待っています").hides("初回設定コード");
    region.get(&one, &format!("/accounts/{third}")).is(403);

    region.get(&one, "/accounts").is(200).well_formed().shows("あなたの依頼です").shows("取り下げる");
    let list = region.get(&two, "/accounts");
    list.is(200).well_formed().shows("事務 二郎").shows("利用者の登録").shows("承認しない");
    let approval = list.body.split("action=\"").filter_map(|r| r.split('"').next()).find(|u| u.ends_with("/approval"));
    let approval = approval.expect("a form").to_owned();
    region.post(&one, &approval, &[]).is(409).shows("ご自身の依頼");
    let without = region.post(&two, &approval, &[]);
    without.is(422).well_formed().shows("確認コードを入力してください");
    let code = field(&without, "totp");
    region.post(&two, &approval, &[("totp", &code)]).is(200).shows("初回設定コード").shows("jimu3");
    region.post(&two, &approval, &[]).is(409).shows("一覧を開き直して");
    assert!(done(&region, "signin.ask_for_account") && done(&region, "signin.approve_request"));

    // The register is no way around: neither its state nor a request that was declined.
    let leave = [("state", "retired"), ("reason", "退職")];
    region.post(&one, &format!("/staff/{third}/state"), &leave).is(409).shows("先に「利用者」の画面で停止を依頼し");
    region.post(&one, &format!("/accounts/{third}/suspension"), &[]).is(200).shows("承認を待っています");
    // The account's own page says so too, and asks for nothing else meanwhile.
    let page = region.get(&one, &format!("/accounts/{third}"));
    page.is(200).shows("あなたの依頼です").shows("取り下げる").hides("再発行する").well_formed();
    region.get(&two, &format!("/accounts/{third}")).shows("承認しない").hides("再発行する").well_formed();
    let again = region.post(&one, &format!("/accounts/{third}/suspension"), &[]);
    again.is(409).shows("承認を待っている手続きがあります").shows("画面を開き直して").hides("送り直して");
    let list = region.get(&two, "/accounts");
    let refusal = list.body.split("action=\"").filter_map(|r| r.split('"').next()).find(|u| u.ends_with("/refusal"));
    let after = region.step(&two, refusal.expect("a form"), &[]);
    after.well_formed().hides("承認を待っている手続き").shows("承認しませんでした").hides("あなたの依頼の結果");
    // Whoever asked reads which one it was.
    region.get(&one, "/accounts").is(200).well_formed().shows("あなたの依頼の結果").shows("停止").shows("却下");
    assert!(done(&region, "signin.decline_request"));
    region.get(&two, &format!("/accounts/{third}")).is(200).shows("登録待ち");
}

#[test]
fn whoever_takes_a_request_back_is_told_so_and_finds_no_result_of_it() {
    let region = Region::new();
    let one = region.administrator();
    region.auditor();
    let account = format!("/accounts/{}", Uuid::from_u128(0xA0D1));
    let code = field(&region.get(&one, &account), "totp");
    region.post(&one, &format!("{account}/suspension"), &[("totp", &code)]).is(200).shows("承認を待っています");
    let list = region.get(&one, "/accounts");
    let refusal = list.body.split("action=\"").filter_map(|r| r.split('"').next()).find(|u| u.ends_with("/refusal"));
    let after = region.step(&one, refusal.expect("a form"), &[]);
    after.shows("依頼を取り下げました").hides("あなたの依頼の結果").well_formed();
}

#[test]
fn the_auditor_reads_whose_account_an_act_touched() {
    let region = Region::new();
    let (office, auditor, doctor) = (region.administrator(), region.auditor(), region.s.doctor);
    let url = format!("/accounts/new/staff/{doctor}");
    let code = field(&region.get(&office, &url), "totp");
    region.post(&office, &url, &[("login", "isha.mihon"), ("totp", &code)]).is(200);
    region.get(&auditor, "/audit").is(200).shows("対象の利用者").shows("ログイン名 isha.mihon").well_formed();
    // A relative's account says whose relative they are: the look is one at that resident.
    let url = format!("/accounts/new/contact/{}", region.s.son);
    region.post(&office, &url, &[("login", "musuko.mihon")]).is(200);
    region.get(&auditor, "/audit").is(200).shows("ログイン名 musuko.mihon");
    let look = region.audited().into_iter().rfind(|r| r.action == "look.audit").unwrap();
    assert!(look.persons.contains(&region.s.person));
}
