//! A visit on a telephone: who is asked, who is not, what a refusal and the end take away.

use audit::Outcome;
use base::{CaseId, VisitId};
use household::{Browser, Region};
use watch::Rule;

/// A case with a visit asked of somebody; gives the visit.
pub fn asked(r: &Region, operator: &Browser, visitor: &str) -> (CaseId, VisitId) {
    let case = r.alert(Rule::Inactivity);
    r.step(operator, &format!("/cases/{case}/taking"), &[]);
    let page = r.step(operator, &format!("/cases/{case}/visits"), &[("visitor", visitor), ("note-visit", "")]);
    let visit = page.body.split("/visits/").find_map(|rest| rest.split('/').next()?.parse().ok());
    (case, visit.expect("the visit is on the case's page"))
}

#[test]
fn a_relative_without_the_notebook_goes_and_reports() {
    let r = Region::new();
    let (operator, daughter) = (r.operator(), r.relative(r.s.daughter));
    r.get(&daughter, "/visits").is(200).shows("いま訪問の依頼はありません").well_formed();
    let (case, visit) = asked(&r, &operator, &format!("contact:{}", r.s.daughter));
    let at = |rest: &str| format!("/visits/{visit}{rest}");
    r.get(&daughter, "/visits").shows("見本町一丁目1-2").well_formed();
    let page = r.get(&daughter, &at(""));
    page.is(200).shows("キーボックス").shows("猫").shows("向かいます").hides("医師に相談").well_formed();
    let (address, person) = (page.body.find("1-2"), page.body.find("person-name"));
    assert!(address < person, "the address comes first");
    r.step(&daughter, &at("/acceptance"), &[]).shows("承諾");
    r.step(&daughter, &at("/departure"), &[]).shows("着きました");
    r.post(&daughter, &at("/report"), &[("text", "書きかけ")]).is(422).shows("様子を選んでください").shows("書きかけ");
    r.step(&daughter, &at("/report"), &[("condition", "well"), ("text", "寝ていました")])
        .shows("報告しました")
        .shows("引き継ぎます")
        .hides("解消する")
        .well_formed();
    r.get(&operator, &format!("/cases/{case}")).shows("寝ていました").shows("訪問確認・無事");
    r.post(&operator, &format!("/cases/{case}/closure"), &[("cause", "visit_saw_well")]).is(303);
    r.get(&daughter, &at("")).is(403).hides("髙橋");
}

#[test]
fn who_declines_does_not_see_the_person_any_more() {
    let r = Region::new();
    let operator = r.operator();
    let centre = r.support_centre();
    let (case, visit) = asked(&r, &operator, &format!("office:{}", r.s.support_centre));
    r.get(&centre, &format!("/visits/{visit}")).is(200).shows("髙橋");
    r.step(&centre, &format!("/visits/{visit}/refusal"), &[("reason", "全員出払っています")])
        .shows("いま訪問の依頼はありません");
    r.get(&centre, &format!("/visits/{visit}")).is(403).hides("髙橋");
    r.get(&operator, &format!("/cases/{case}")).shows("全員出払っています").shows("訪問を依頼する");
}

// shows: 5.3.4 the page of a visit that is open when its right ends says so, and its reader is not accused
#[test]
fn an_open_visit_says_what_went_on_without_it_and_ends_with_the_case() {
    let r = Region::new();
    let operator = r.operator();
    let (centre, colleague) = (r.support_centre(), r.second_support_officer());
    let (case, visit) = asked(&r, &operator, &format!("office:{}", r.s.support_centre));
    let page = r.get(&centre, &format!("/visits/{visit}"));
    let part = format!("/visits/{visit}/fragment?seen=requested");
    page.is(200).shows(&part).shows("/live/notebook").well_formed();
    r.get(&centre, &part).is(200).hides("新しい動きがあります").hides("髙橋");
    r.step(&colleague, &format!("/visits/{visit}/departure"), &[]);
    r.get(&centre, &part).is(200).shows("向かっています").shows("新しい動きがあります");

    r.step(&colleague, &format!("/visits/{visit}/report"), &[("condition", "well"), ("text", "")]);
    r.post(&operator, &format!("/cases/{case}/closure"), &[("cause", "visit_saw_well")]).is(303);
    let refused = |r: &Region| r.audited().iter().filter(|row| row.outcome == Outcome::Refused).count();
    let before = refused(&r);
    let told = r.get(&centre, &part);
    told.is(200).hides("髙橋");
    assert_eq!(told.headers.get("hx-redirect").and_then(|to| to.to_str().ok()), Some("/ended"));
    assert_eq!(refused(&r), before, "nobody is accused of a look");
}

// shows: 5.3.7 in the office that was asked, a visit is whose who goes
#[test]
fn a_colleague_reads_who_goes_and_goes_instead_by_one_touch() {
    let r = Region::new();
    let operator = r.operator();
    let (centre, colleague) = (r.support_centre(), r.second_support_officer());
    let (case, visit) = asked(&r, &operator, &format!("office:{}", r.s.support_centre));
    let at = |rest: &str| format!("/visits/{visit}{rest}");
    r.step(&centre, &at("/departure"), &[]).shows("着きました");
    r.get(&colleague, "/visits").is(200).shows("包括 見本さんが引き受けています").well_formed();
    let page = r.get(&colleague, &at(""));
    page.is(200).shows("包括 見本さんが引き受けています").shows("代わりに向かいます").hides("辞退").hides("着きました");
    page.hides("ご本人の様子を押すと").well_formed();
    for step in ["/arrival", "/refusal", "/acceptance"] {
        r.post(&colleague, &at(step), &[("reason", "出払っています")]).is(409).shows("包括 見本さんが引き受けています");
    }
    r.get(&operator, &format!("/cases/{case}")).shows("包括 見本さん").shows("向かっています");

    r.post(&colleague, &at("/departure"), &[]).is(409).shows("代わりに向かいます");
    r.step(&colleague, &at("/substitution"), &[]).shows("着きました");
    let part = at("/fragment?seen=on_the_way");
    let told = r.get(&centre, &part);
    told.is(200)
        .shows("新しい動きがあります")
        .shows("包括 二郎さんが代わりに向かっています")
        .shows("報告は引き受けた方が行います");
    // The blue button of the page that is open goes with it: it would be refused.
    told.shows("class=\"action-bar\" id=\"visit-touch\" hx-swap-oob=\"true\"")
        .shows("代わりに向かいます")
        .hides("着きました");
    told.shows("id=\"visit-report\" hx-swap-oob").hides("ご本人の様子を押すと");
    r.get(&colleague, &part).is(200).hides("新しい動きがあります");
    r.get(&operator, &format!("/cases/{case}")).shows("包括 見本さんの代わりに").shows("包括 二郎さん");
}

#[test]
fn a_visit_belongs_to_whom_it_was_asked_of() {
    let r = Region::new();
    let operator = r.operator();
    let (_, visit) = asked(&r, &operator, &format!("contact:{}", r.s.son));
    for who in [r.relative(r.s.daughter), r.support_centre(), r.city(), r.administrator()] {
        r.get(&who, &format!("/visits/{visit}")).is(403).hides("髙橋");
        r.post(&who, &format!("/visits/{visit}/arrival"), &[]).is(403);
    }
    r.get(&operator, "/visits").is(403);
    assert_eq!(r.count_audited("look.visit"), 2, "the two who have a visitor's door, each refused and recorded");
}

#[test]
fn an_ambulance_called_at_the_door_is_recorded_and_leads_back() {
    let r = Region::new();
    let operator = r.operator();
    let manager = r.care_manager();
    let (case, visit) = asked(&r, &operator, &format!("staff:{}", r.s.care_manager));
    let id = visit.to_string();
    let fields = [("at", ""), ("by", "ケアマネジャー"), ("note-ambulance", "玄関で倒れていた"), ("visit", &id)];
    let done = r.post(&manager, &format!("/cases/{case}/ambulance"), &fields);
    done.is(303);
    assert_eq!(done.location, format!("/visits/{visit}"));
    r.get(&manager, &done.location).is(200).shows("玄関で倒れていた").well_formed();
}
