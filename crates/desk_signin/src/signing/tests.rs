use household::{Answer, Browser, Region};
use signin::second_factor::code_at;

const PASSWORD: &str = "あさがお-1234-ひるがお";

/// The one-time code that the office's page shows.
#[track_caller]
fn code_of(answer: &Answer) -> String {
    let text = answer.body.split("class=\"secret\">").nth(1).unwrap_or_else(|| panic!("no code:\n{}", answer.body));
    text.split("</").next().unwrap_or_default().replace("<wbr>", "")
}

/// Posts a form of the page at `from` with the authenticator's code that the page of an invented administrator holds.
fn confirmed(region: &Region, office: &Browser, from: &str, url: &str, fields: &[(&str, &str)]) -> Answer {
    let page = region.get(office, from);
    let code = page.body.split("name=\"totp\"").nth(1).and_then(|r| r.split("value=\"").nth(1));
    let code = code.and_then(|r| r.split('"').next()).unwrap_or_default();
    region.post(office, url, &[fields, &[("totp", code)]].concat())
}

/// The authenticator's secret, typed off the page.
#[track_caller]
fn secret_of(answer: &Answer) -> [u8; 20] {
    let groups =
        answer.body.split("<code>").filter_map(|r| r.split('<').next()).find(|t| t.len() == 39).expect("a secret");
    let mut bits = String::new();
    for letter in groups.chars().filter(|c| *c != ' ') {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("base 32");
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap())
        .collect();
    bytes.try_into().expect("20 bytes")
}

fn totp(region: &Region, secret: &[u8; 20]) -> String {
    code_at(secret, region.now()).expect("a code")
}

/// Signs in with password and authenticator.
fn sign_in(region: &Region, login: &str, password: &str, second: &[(&str, &str)]) -> (Browser, Answer) {
    let mut browser = region.nobody();
    let first = region.post(&browser, "/signin", &[("login", login), ("password", password)]);
    browser.keep(&first);
    let second = region.post(&browser, "/signin/second", second);
    browser.keep(&second);
    (browser, second)
}

#[test]
fn from_the_offices_code_to_the_own_desk() {
    let region = Region::new();
    let office = region.administrator();
    let new = format!("/accounts/new/staff/{}", region.s.nurse);
    region.get(&office, &new).is(200).well_formed().shows("看護 見本");
    region.post(&office, &new, &[("login", "か")]).is(422).shows("ログイン名は、半角").shows("value=\"か\"");
    let issued = confirmed(&region, &office, &new, &new, &[("login", "Kango.Mihon")]);
    issued.is(200).shows("一度だけ表示されます").shows("kango.mihon");
    region.post(&office, &new, &[("login", "other")]).is(409).shows("既にあります");
    let code = code_of(&issued);

    let nobody = region.nobody();
    region.get(&nobody, "/enrol").is(200).well_formed();
    let opened = region.post(&nobody, "/enrol", &[("code", &code.to_lowercase())]);
    opened.is(200).well_formed().shows("看護 見本").shows("<svg");
    let secret = secret_of(&opened);
    let now = totp(&region, &secret);
    let finish = |password: &str, again: &str, totp: &str| {
        region.post(
            &nobody,
            "/enrol/factors",
            &[("code", &code), ("password", password), ("again", again), ("totp", totp)],
        )
    };
    finish(PASSWORD, "ちがう", &now).is(422).shows("一致しません").hides(PASSWORD);
    finish("short", "short", &now).is(422).shows("8文字以上");
    let wrong = finish(PASSWORD, PASSWORD, "000000");
    wrong.is(422).shows("コードが違います").well_formed();
    assert_eq!(secret_of(&wrong), secret, "the same secret is shown again");
    let done = finish(PASSWORD, PASSWORD, &now);
    done.is(200).shows("予備コード（10個）");
    let recovery =
        done.body.split("<li><code>").nth(1).and_then(|r| r.split("</").next()).expect("a code").replace("<wbr>", "");
    finish(PASSWORD, PASSWORD, &now).is(422).shows("このコードでは設定を始められません");

    region.wait(1);
    let (mut own, entered) = sign_in(&region, "kango.mihon", PASSWORD, &[("code", &totp(&region, &secret))]);
    entered.is(303);
    assert_eq!(entered.location, "/today");
    region.get(&own, "/account").is(200).well_formed().shows("この端末").shows("kango.mihon");
    let (second, entered) = sign_in(&region, "kango.mihon", PASSWORD, &[("recovery", &recovery)]);
    entered.is(303);
    let (_, again) = sign_in(&region, "kango.mihon", PASSWORD, &[("recovery", &recovery)]);
    again.is(422).shows("コードが違います");
    region.step(&own, "/account/sessions/others/end", &[]);
    assert_eq!(region.get(&second, "/account").location, "/signin", "the other terminal is out");

    // Somebody who presses a link in a mail signs in with both steps and stands before what it is about.
    region.wait(1);
    let note = base::NoteId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0077));
    let purpose = notify::LinkPurpose::OpenNote { note };
    let link = format!("/l/{}", region.link_sent(region.s.nurse.0, notify::Topic::NoteWaiting, purpose));
    let mut bearer = region.nobody();
    bearer.keep(region.post(&bearer, &link, &[]).is(303));
    bearer.keep(&region.post(&bearer, "/signin", &[("login", "kango.mihon"), ("password", PASSWORD)]));
    let led = region.post(&bearer, "/signin/second", &[("code", &totp(&region, &secret))]);
    led.is(303);
    assert_eq!(led.location, format!("/notes/{note}"));
    region.step(&own, "/account/sessions/others/end", &[]);

    let changed = |current: &str, new: &str| {
        region.post(&own, "/account/password", &[("current", current), ("password", new), ("again", new)])
    };
    changed("ちがう", "べつの-5678-パスワード").is(422).shows("ログイン名").shows("サインイン中の端末");
    changed(PASSWORD, "べつの-5678-パスワード").is(200).shows("パスワードを変更しました");
    region.wait(1);
    let codes = region.post(&own, "/account/recovery-codes", &[("totp", &totp(&region, &secret))]);
    codes.is(200).shows("予備コード（10個）").hides(&recovery);

    let account = format!("/accounts/{}", region.s.nurse);
    let reissued = confirmed(&region, &office, &account, &format!("{account}/reissue"), &[]);
    reissued.is(200).shows("一度だけ表示されます");
    assert_ne!(code_of(&reissued), code);
    let out = region.get(&own, "/account");
    own.keep(&out);
    assert_eq!(out.location, "/signin", "what opened the account before opens it no more");
}

/// Everything of the page that is not the moment, the nonce or what was typed.
fn told(answer: &Answer, typed: &str) -> String {
    let body = answer.body.replace(typed, "…");
    let mut plain = String::new();
    for (n, part) in body.split("nonce=\"").enumerate() {
        plain.push_str(if n == 0 { part } else { part.split_once('"').map_or(part, |(_, rest)| rest) });
    }
    format!("{} {plain}", answer.status)
}

#[test]
fn nobody_learns_whether_an_account_or_a_code_exists() {
    let region = Region::new();
    let (office, nobody) = (region.administrator(), region.nobody());
    let new = format!("/accounts/new/staff/{}", region.s.nurse);
    let code = code_of(&confirmed(&region, &office, &new, &new, &[("login", "kango.mihon")]));
    let never = "0000-0000-0000-0000";
    region.post(&office, &format!("/accounts/{}/suspension", region.s.nurse), &[]).is(303);
    let (spent, unknown) =
        (region.post(&nobody, "/enrol", &[("code", &code)]), region.post(&nobody, "/enrol", &[("code", never)]));
    assert_eq!(told(&spent, &code), told(&unknown, never));
    let attempt = |login: &str| region.post(&nobody, "/signin", &[("login", login), ("password", PASSWORD)]);
    assert_eq!(told(&attempt("kango.mihon"), "kango.mihon"), told(&attempt("nobody.here"), "nobody.here"));
    let finish = |code: &str| {
        region.post(
            &nobody,
            "/enrol/factors",
            &[("code", code), ("password", PASSWORD), ("again", PASSWORD), ("totp", "123456")],
        )
    };
    assert_eq!(told(&finish(&code), &code), told(&finish(never), never));
}

#[test]
fn guessing_codes_is_held_back() {
    let region = Region::new();
    let nobody = region.nobody();
    let guess = |n: usize| region.post(&nobody, "/enrol", &[("code", &format!("0000-0000-0000-{n:04}"))]);
    let held = (0..60).map(guess).find(|a| a.status.as_u16() == 429).expect("held back");
    held.shows("まで受け付けられません").well_formed();
}

#[test]
fn a_reissue_is_not_for_ones_own_account() {
    let region = Region::new();
    let office = region.administrator();
    region
        .post(&office, &format!("/accounts/{}/reissue", region.s.administrator), &[])
        .is(409)
        .shows("別の事務局担当者");
    region.get(&office, "/accounts").is(200).well_formed().shows("事務局");
    region.post(&office, "/accounts/search", &[("q", "いない")]).is(200).shows("当てはまる利用者は見つかりません");
    region.post(&office, "/accounts/search", &[("q", "・")]).is(200).shows("当てはまる利用者は見つかりません");
    region.post(&office, "/accounts/search", &[("q", "administrator")]).is(200).shows("利用中");
}

#[test]
fn in_the_demonstration_one_becomes_anybody_with_one_click() {
    let region = Region::new();
    let operator = region.operator();
    let mut nobody = region.nobody();
    assert_eq!(region.get(&nobody, "/").location, "/demo");
    let page = region.get(&nobody, "/demo");
    page.is(200).well_formed().shows("どなたとして見ますか").shows("コールセンター").shows("見本市コールセンター");
    let entering = format!("/demo/enter/{}", region.s.operator);
    page.shows(&entering);
    let entered = region.post(&nobody, &entering, &[]);
    entered.is(303);
    nobody.keep(&entered);
    assert_eq!(entered.location, "/cases");
    region.get(&nobody, "/account").is(200).shows("デモの利用者にはパスワードがありません");
    region.get(&operator, "/account").is(200);
    let mut other = nobody.clone();
    let care = region.care_manager();
    region.get(&care, "/account").is(200);
    let switched = region.post(&other, &format!("/demo/enter/{}", region.s.care_manager), &[]);
    other.keep(&switched);
    assert_eq!(switched.location, "/today");
    assert_eq!(region.get(&nobody, "/account").location, "/signin", "whom one was is signed out");
}

// shows: 5.5.2 signing in ends the session it came from
#[test]
fn signing_in_ends_the_session_it_came_from() {
    let region = Region::new();
    let office = region.administrator();
    let new = format!("/accounts/new/staff/{}", region.s.nurse);
    let code = code_of(&confirmed(&region, &office, &new, &new, &[("login", "kango.mihon")]));
    let nobody = region.nobody();
    let secret = secret_of(&region.post(&nobody, "/enrol", &[("code", &code)]));
    let shown = totp(&region, &secret);
    let fields = [("code", code.as_str()), ("password", PASSWORD), ("again", PASSWORD), ("totp", &shown)];
    region.post(&nobody, "/enrol/factors", &fields).is(200);
    region.wait(1);
    let former = region.operator();
    let mut browser = former.clone();
    let first = region.post(&browser, "/signin", &[("login", "kango.mihon"), ("password", PASSWORD)]);
    browser.keep(&first);
    region.get(&former, "/account").is(200);
    let shown = totp(&region, &secret);
    browser.keep(region.post(&browser, "/signin/second", &[("code", &shown)]).is(303));
    assert_eq!(region.get(&former, "/account").location, "/signin", "whoever was here before is out");
    region.get(&browser, "/account").is(200).shows("kango.mihon");
}

// shows: 5.5.2 a session that ended a moment ago shows nothing more, whoever remembers it
#[test]
fn a_session_that_was_remembered_and_has_ended_shows_nothing_and_leaves_no_look() {
    const ENDS: [&str; 2] = ["DELETE FROM signin_session", "UPDATE signin_account SET state = 'suspended'"];
    for sql in ENDS {
        let region = Region::new();
        let nurse = region.nurse();
        for path in ["/today", "/people", "/today"] {
            region.get(&nurse, path).is(200).shows("みほん訪問看護");
        }
        let looks = region.audited().len();
        region.test.db.write_blocking(move |tx| tx.tell(sql, &[])).unwrap();
        for path in ["/today", "/people", "/no/such/page", "/account", "/visits/fragment"] {
            let answer = region.get(&nurse, path);
            assert_ne!(answer.status, 200, "{sql}: {path}");
            answer.hides("髙橋").hides("みほん訪問看護");
        }
        assert_eq!(region.get(&nurse, "/today").location, "/signin", "{sql}");
        assert_eq!(region.audited().len(), looks, "{sql}: nobody looked");
        region.get(&nurse, "/signin").is(200).hides("みほん訪問看護");
    }
}

#[test]
fn whoever_works_for_another_office_now_is_shown_nothing_in_the_name_of_the_former_one() {
    let region = Region::new();
    let nurse = region.nurse();
    for _ in 0..2 {
        region.get(&nurse, "/today").is(200).shows("みほん訪問看護");
    }
    let clinic = region.s.clinic;
    let moves = "UPDATE signin_account SET office_id = $1";
    region.test.db.write_blocking(move |tx| tx.tell(moves, &[clinic.into()])).unwrap();
    region.get(&nurse, "/today").is(303).hides("みほん訪問看護");
    region.get(&nurse, "/today").is(200).hides("みほん訪問看護").shows("みほん内科");
}

// shows: 5.5.2 a form whose session ended while it arrived does nothing and shows nothing
#[test]
fn a_form_that_arrives_after_its_session_ended_does_nothing_and_shows_nobody() {
    let note = [("kind", "report"), ("subject", "書きかけの件名"), ("body", "本文"), ("to", "team")];
    let person = Region::new().s.person;
    let forms: [(String, &[(&str, &str)]); 4] = [
        (format!("/people/{person}/notes"), &note),
        (format!("/people/{person}/notes"), &[("kind", ""), ("subject", "書きかけの件名")]),
        ("/people/search".into(), &[("q", "髙橋")]),
        ("/people/search".into(), &[("q", "\u{0}")]),
    ];
    for (path, fields) in forms {
        let region = Region::new();
        let nurse = region.nurse();
        let path = path.replace(&person.to_string(), &region.s.person.to_string());
        let db = region.test.db.clone();
        let end = move || db.write_blocking(|tx| tx.tell("DELETE FROM signin_session", &[])).unwrap();
        let answer = region.post_slowly(&nurse, &path, fields, end);
        assert_ne!(answer.status, 200, "{path}");
        answer.hides("髙橋").hides("みほん訪問看護");
        let done = region
            .audited()
            .into_iter()
            .any(|row| row.action == "care.write_note" && row.outcome == audit::Outcome::Done);
        assert!(!done, "{path}");
        assert_eq!(region.count_audited("look.people_search"), 0, "{path}");
    }
}
