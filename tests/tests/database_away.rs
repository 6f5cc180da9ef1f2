//! A server is away for seconds: it is begun anew, or a cable is pulled. Who reads is told to wait, who wrote is told the
//! truth about what became of it, and nobody is sent to sign in.

use std::time::{Duration, Instant as Clock};

use base::{Role, Span};
use db::testing::{on_postgres, take_away};
use stories::{Region, at};
use town::plan::Size;

#[test]
fn while_the_database_is_away_nobody_is_sent_away_and_nothing_is_said_to_be_recorded() {
    if !on_postgres() {
        eprintln!("skipped: an embedded database is never away");
        return;
    }
    let region = Region::new(11, Size { residents: 12, staff: 10 }, at("2026-10-05T09:00"));
    region.wait(Span::days(1));
    region.press(0);
    let operator = region.enter_as(region.staff_of(Role::Operator, 0).0.0);
    let list = region.get(&operator, "/cases");
    let case =
        list.is(200).body.split("href=\"/cases/").nth(1).and_then(|rest| rest.split('"').next()).expect("a case");
    let page = format!("/cases/{case}");
    region.get(&operator, &page).is(200);

    take_away(region.test.db.config(), true);
    for address in ["/cases", &page, "/people?q=%E3%81%82"] {
        let answer = region.get(&operator, address);
        answer.is(503).shows("1分ほど待って").shows("もう一度開く").shows(&format!("href=\"{address}\""));
        answer.hides("サインインへ").hides("記録はされていません");
    }
    // Not even a house of somebody else's can be linked to from here.
    region.get(&operator, "//evil.example/cases").hides("href=\"//evil.example");
    let sent = region.post(&operator, &format!("{page}/taking"), &[]);
    sent.is(503).shows("記録はされていません").shows("お急ぎのときは、電話で").hides("サインインへ");

    take_away(region.test.db.config(), false);
    let deadline = Clock::now() + Duration::from_secs(20);
    while region.get(&operator, "/cases").status != 200 {
        assert!(Clock::now() < deadline, "it does not come back");
    }
    region.get(&operator, &page).is(200);
    while region.post(&operator, &format!("{page}/taking"), &[]).status == 503 {
        assert!(Clock::now() < deadline, "nothing can be written");
    }
}
