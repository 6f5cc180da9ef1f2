//! A region from nothing to its first sign-in: configuration, the administrator's account, the one-time code, password
//! and authenticator, and the desk.

use base::Span;
use db::params;

use crate::client::Client;
use crate::doors::refused;
use crate::harness::{Place, now};

const LOGIN: &str = "jimu1";
const PASSWORD: &str = "春のうららの 2026";

fn create(place: &Place, login: &str) -> std::process::Output {
    place.run(&["admin", "create", "--login", login, "--name", "事務 太郎", "--kana", "ジム タロウ"])
}

/// Makes the first administrator; gives the one-time code.
fn administrator(place: &Place) -> String {
    let output = create(place, LOGIN);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("/enrol"), "{said}");
    let code = said.split("一度だけ): ").nth(1).and_then(|rest| rest.lines().next()).expect("the code").trim();
    code.to_owned()
}

/// The first administrator, through every page from the code to the desk. The program must be at work.
pub fn signed_in(place: &Place, code: &str) -> Client {
    let mut client = place.client();
    let page = client.post("/enrol", &[("code", code)]).expect("an answer");
    assert_eq!(page.status, 200, "{}", page.body);
    let secret = page.body.split("secret=").nth(1).expect("the secret of the authenticator");
    let base32: String = secret.chars().take_while(char::is_ascii_alphanumeric).collect();
    let secret = totp_rs::Secret::try_from_base32(base32).expect("base32");
    let secret: [u8; 20] = secret.as_ref().try_into().expect("20 bytes");
    // A code is good for its own half minute and the ones beside it, and none is good twice: the next one is for later.
    let shown = |later: i64| signin::second_factor::code_at(&secret, now() + Span::seconds(later)).expect("a code");
    let factors = |totp: &str| {
        let fields = [("code", code), ("login", LOGIN), ("password", PASSWORD), ("again", PASSWORD), ("totp", totp)];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let post = |client: &mut Client, path: &str, fields: &[(String, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        client.post(path, &fields).expect("an answer")
    };
    let wrong = post(&mut client, "/enrol/factors", &factors("000000"));
    assert!(wrong.status == 422 || shown(0) == "000000", "{}", wrong.body);
    let done = post(&mut client, "/enrol/factors", &factors(&shown(0)));
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.body.contains("予備コード"), "{}", done.body);

    let password = client.post("/signin", &[("login", LOGIN), ("password", PASSWORD)]).expect("an answer");
    assert_eq!(password.status, 200, "{}", password.body);
    let second = client.post("/signin/second", &[("code", &shown(30))]).expect("an answer");
    assert_eq!((second.status, second.location.as_str()), (303, "/register"), "{}", second.body);
    client
}

/// A region with its first administrator at the desk.
pub fn opened(place: &Place) -> (crate::harness::Serving, Client) {
    let code = administrator(place);
    let serving = place.serve();
    let client = signed_in(place, &code);
    (serving, client)
}

pub fn count(place: &Place, table: &'static str) -> i64 {
    place.look(move |tx| tx.scalar(&format!("SELECT COUNT(*) FROM {table}"), &[]))
}

#[test]
fn from_nothing_to_the_first_desk() {
    let place = Place::new();
    let code = administrator(&place);
    let _serving = place.serve();
    let mut stranger = place.client();
    assert_eq!(stranger.get("/").expect("an answer").location, "/signin");
    assert_eq!(stranger.get("/register").expect("an answer").location, "/signin");
    assert_eq!(stranger.get("/demo").expect("an answer").status, 404, "nobody becomes anybody here");

    let mut administrator = signed_in(&place, &code);
    let desk = administrator.get("/register").expect("an answer");
    assert!(desk.status == 200 && desk.body.contains("事務 太郎"), "{}", desk.body);
    // The code opened once; the password alone opens nothing.
    assert_eq!(stranger.post("/enrol", &[("code", &code)]).expect("an answer").status, 422);
    let first = stranger.post("/signin", &[("login", LOGIN), ("password", PASSWORD)]).expect("an answer");
    assert_eq!(first.status, 200);
    assert_eq!(stranger.get("/register").expect("an answer").location, "/signin");
    assert_eq!(administrator.post("/signout", &[]).expect("an answer").status, 303);
    assert_eq!(administrator.get("/register").expect("an answer").location, "/signin");
    place.must_run(&["audit", "verify"]);
}

// shows: 5.5.1 the machine's own commands are the way out where no second administrator is, and are recorded as such
#[test]
fn whoever_runs_the_machine_suspends_and_reissues_and_sees_what_waits() {
    let place = Place::new();
    administrator(&place);
    assert!(place.must_run(&["admin", "requests"]).contains("ありません"));
    assert!(place.must_run(&["admin", "reissue", "--login", LOGIN]).contains("初回設定コード"));
    place.must_run(&["admin", "suspend", "--login", LOGIN]);
    let refused = |arguments: &[&str], words: &str| {
        let output = place.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{said}");
    };
    refused(&["admin", "reissue", "--login", LOGIN], "停止中");
    refused(&["admin", "suspend", "--login", "nobody"], "見つかりません");
    refused(&["admin", "approve", "00000000-0000-0000-0000-000000000001"], "一覧を開き直して");
    let done = "SELECT COUNT(*) FROM audit_row WHERE action IN
        ('signin.create_administrator', 'signin.reissue_account', 'signin.suspend_account')";
    assert_eq!(place.look(|tx| tx.scalar::<i64>(done, &[])), 3);
    place.must_run(&["audit", "verify"]);
}

#[test]
fn a_second_account_of_the_same_name_is_refused_and_leaves_nothing_behind() {
    let place = Place::new();
    administrator(&place);
    let before = ["people_office", "people_staff", "signin_account"].map(|table| count(&place, table));
    assert_eq!(before, [1, 1, 1]);
    let again = create(&place, LOGIN);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && again.stdout.is_empty(), "{said}");
    assert!(said.contains("ログイン名"), "{said}");
    assert_eq!(["people_office", "people_staff", "signin_account"].map(|table| count(&place, table)), before);
    assert!(create(&place, "jimu2").status.success(), "another name is another administrator");
    assert_eq!(count(&place, "people_office"), 1, "of the same office");
}

#[test]
fn what_is_in_force_is_shown_without_secrets_and_can_be_used_as_it_is_shown() {
    let place = Place::bare();
    let mail = "[mail]\nhost = \"mail.example\"\nport = 587\ntls = \"starttls\"\nfrom = \"a@b.example\"\nuser = \"u\"\n\
                password = \"himitsu\"";
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", "", mail);
    let shown = place.must_run(&["config", "show"]);
    for words in ["public_url = \"https://localhost:8443\"", "enabled = true", "mail.example", &place.web.to_string()] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("himitsu"), "{shown}");
}

#[test]
fn a_typing_error_is_named_by_every_command_and_nothing_is_begun() {
    let place = Place::bare();
    for (web, mqtt, operations, sections, named) in [
        ("trusted_proxys = [\"127.0.0.1\"]", "", "", "", "trusted_proxys"),
        ("trusted_proxies = [\"127.0.0.1\"]", "enabeld = false", "", "", "enabeld"),
        ("trusted_proxies = [\"127.0.0.1\"]", "", "heartbeat = \"x\"", "", "heartbeat"),
        ("trusted_proxies = [\"127.0.0.1\"]", "", "", "[mial]\nhost = \"m\"", "mial"),
        ("trusted_proxies = [\"localhost\"]", "", "", "", "trusted_proxies"),
    ] {
        place.configure(web, mqtt, operations, sections);
        for arguments in [&["serve"][..], &["config", "show"], &["audit", "verify"]] {
            let said = refused(place.program(arguments));
            assert!(said.contains(named) && said.contains("region.toml"), "{arguments:?} {named}: {said}");
        }
    }
    assert!(!place.folder.path().join("region.db").exists() && !place.operations_folder().exists());
}

#[test]
fn a_fictional_town_takes_no_administrator_whom_serve_would_not_let_in() {
    let place = Place::new();
    place.tamper(|tx| db::marks::set(tx, db::marks::FICTIONAL, "town").map(|()| 1));
    let said =
        refused(place.program(&["admin", "create", "--login", LOGIN, "--name", "事務 太郎", "--kana", "ジム タロウ"]));
    assert!(said.contains("架空の町"), "{said}");
    assert_eq!(count(&place, "people_staff"), 0);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let newer = "INSERT INTO migration (name, text_length, applied_at) VALUES ($1, 1, 0)";
    place.tamper(|tx| tx.execute(newer, params!["people/999"]));
    let before = count(&place, "migration");
    let create = &["admin", "create", "--login", LOGIN, "--name", "事務 太郎", "--kana", "ジム タロウ"][..];
    for arguments in [&["serve"][..], create] {
        let said = refused(place.program(arguments));
        assert!(said.contains("people/999") && said.contains("新しい版"), "{said}");
    }
    assert_eq!((count(&place, "migration"), count(&place, "people_staff")), (before, 0));
}
