//! The watcher is watched: the sign of life for somebody outside, the list on paper, the operations address; and nobody
//! of the region stands in its logs or figures.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use base::{AlertId, CaseId, Span};
use db::params;
use people::testing::RESIDENT_FIELDS;
use uuid::Uuid;

use crate::harness::{Place, Town, ago, now, until};
use crate::{first_account, raw};

/// Somebody outside who is asked by HTTP and keeps the first line of each question.
struct Outside {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Outside {
    fn listen(status: &'static str) -> Outside {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(line);
                let mut first = String::new();
                let _ = reader.read_line(&mut first);
                let mut rest = String::new();
                while reader.read_line(&mut rest).is_ok_and(|n| n > 2) {
                    rest.clear();
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = reader.get_mut().write_all(answer.as_bytes());
                kept.lock().expect("never poisoned").push(first.trim().to_owned());
            }
        });
        Outside { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("never poisoned").clone()
    }
}

fn with_operations(lines: &str) -> Place {
    let place = Place::bare();
    place.configure("trusted_proxies = [\"127.0.0.1\"]", "", lines, "");
    place
}

#[test]
fn somebody_outside_is_told_that_the_program_lives() {
    let outside = Outside::listen("200 OK");
    let place = with_operations(&format!("heartbeat_url = \"http://{}/ping/himitsu-8841\"", outside.address));
    let serving = place.serve();
    until("the first sign comes at once", || !outside.asked().is_empty());
    assert_eq!(outside.asked()[0], "GET /ping/himitsu-8841 HTTP/1.1");
    assert!(!serving.words().contains("himitsu-8841"));
}

#[test]
fn an_outside_that_does_not_take_the_sign_is_told_in_the_log_without_its_secret_address() {
    let outside = Outside::listen("500 Internal Server Error");
    let place = with_operations(&format!("heartbeat_url = \"http://{}/ping/himitsu-8841\"", outside.address));
    let mut serving = place.serve();
    until("the log says so", || serving.words().contains("\"round\":\"heartbeat\""));
    assert!(!serving.words().contains("himitsu-8841"), "{}", serving.words());
    assert!(serving.is_running() && raw::plainly(place.web, "GET /signin HTTP/1.1", b"").status == 200);
}

/// The resident of this home presses the button; gives the case once it is there.
fn press(place: &Place, town: &Town, home: usize) -> CaseId {
    let (_, secret) = town.credential(home);
    let resident = town.homes[home].resident;
    let button = town::equip::serial(resident, town::equip::BUTTON);
    let body = format!(r#"[{{"device":"{button}","kind":"button","value":"press"}}]"#);
    let head = format!(
        "POST /ingest/v1/readings HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {secret}"
    );
    let answer = raw::plainly(place.web, &head, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let person = town.homes[home].settled.person;
    let mut case = None;
    until("a case is open", || {
        case = place.look(move |tx| {
            let open = "SELECT id FROM response_case WHERE person_id = $1 AND closed_at IS NULL";
            tx.first(open, params![person])?.map(|row| row.get(0)).transpose()
        });
        case.is_some()
    });
    case.expect("a case")
}

/// The gentle question stands at this home: a notice, which is no case.
fn ask_gently(place: &Place, town: &Town, home: usize) {
    let (settled, at) = (town.homes[home].settled, now());
    let notice =
        "INSERT INTO watch_alert (id, home_no, home_id, person_id, level, rule, due_at, raised_at, reason, state)
        SELECT $1, no, $2, $3, 'notice', 'inactivity', $4, $5, $6, 'standing' FROM watch_home WHERE home_id = $7";
    let stored = place.open().write_blocking(move |tx| {
        let (id, reason) = (AlertId(Uuid::from_u128(77)), "いつもより冷蔵庫が開くのが遅いようです。");
        tx.execute(notice, params![id, settled.home, settled.person, at, at, reason, settled.home])
    });
    assert_eq!(stored.expect("a notice"), 1);
}

fn read_list(place: &Place, identity: &age::x25519::Identity) -> Option<String> {
    let sealed = std::fs::read(place.operations_folder().join("emergency-list.html.age")).ok()?;
    let decryptor = age::Decryptor::new(sealed.as_slice()).expect("an age file");
    let mut page = String::new();
    let mut plain = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).expect("for this key");
    plain.read_to_string(&mut page).expect("the whole list");
    Some(page)
}

#[test]
fn the_list_on_paper_holds_whom_to_look_after_and_whom_to_call() {
    let identity = age::x25519::Identity::generate();
    let place = with_operations(&format!("emergency_recipient = \"{}\"", identity.to_public()));
    let town = Town::settle(&place, 11, 4, ago(Span::hours(3)));
    let mut serving = place.serve();
    press(&place, &town, 1);
    assert!(serving.stop(), "it ends well");
    ask_gently(&place, &town, 2);
    // The list is written at the start, and every hour after it.
    let _serving = place.serve();
    let resident = |home: usize| &town.plan.residents[town.homes[home].resident];
    let in_trouble = [resident(1), resident(2)];
    let name = |r: &town::plan::ResidentPlan| r.name.kanji.replace('　', " ");
    let mut page = String::new();
    until("the list is written", || {
        page = read_list(&place, &identity).unwrap_or_default();
        in_trouble.iter().all(|r| page.contains(&name(r)))
    });
    for someone in in_trouble {
        assert!(page.contains(&someone.address.line) && page.contains(someone.address.town), "{page}");
        let phones = someone.phones.iter().chain(someone.contacts.iter().map(|c| &c.phone));
        for phone in phones {
            assert!(page.contains(phone.as_str()), "{phone}: {page}");
        }
        for contact in &someone.contacts {
            assert!(page.contains(&contact.name.kanji.replace('　', " ")), "{page}");
        }
    }
    assert!(page.contains("いつもより冷蔵庫が開くのが遅いようです。"), "{page}");
    assert!(!page.contains(&name(resident(0))), "nobody else stands on it");
    let looked = place.look(|tx| audit::newest(tx, 200));
    // Of some more is shown than of others: a row for each, of the same moment.
    let mut looked = looked.into_iter().filter(|row| row.action == "look.emergency_list").peekable();
    let at = looked.peek().expect("a look is a row").at;
    let listed: BTreeSet<_> = looked.take_while(|row| row.at == at).flat_map(|row| row.persons).collect();
    assert_eq!(listed, [1, 2].map(|home| town.homes[home].settled.person).into());
}

#[test]
fn health_and_figures_are_told_on_an_address_of_their_own() {
    let place = Place::new();
    let _serving = place.serve();
    let ask = |to: SocketAddr, path: &str| raw::plainly(to, &format!("GET {path} HTTP/1.1"), b"");
    for (path, words) in [("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "")] {
        let told = ask(place.operations, path);
        assert!(told.status == 200 && told.body.contains(words), "{path}: {}", told.body);
        assert_eq!(ask(place.web, path).status, 404, "{path} is not told to visitors");
    }
    for path in ["/", "/signin", "/cases", "/ingest/v1/readings"] {
        assert_eq!(ask(place.operations, path).status, 404, "{path} is not told to watchers");
    }
}

/// A day at two desks: somebody is registered, searched and mistyped, a button is pressed, the operator calls and notes.
/// Gives what was typed.
fn a_small_story(place: &Place, town: &Town, office: &mut crate::client::Client) -> Vec<String> {
    let fields = |changed: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> {
        let kept = RESIDENT_FIELDS.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        kept.chain(changed).copied().collect()
    };
    let contact =
        [("contact_name", "山田 むすこ"), ("contact_phone", "090-0000-0077"), ("contact_relation", "eldest_son")];
    let registered = office.post("/register", &fields(&contact)).expect("an answer");
    assert_eq!(registered.status, 303, "{}", registered.body);
    assert_eq!(office.get(&registered.location).expect("an answer").status, 200);
    let wrong = office.post("/register", &fields(&[("birth", "昭和99年13月40日"), ("email", "髙橋@まちがい")]));
    assert_eq!(wrong.expect("an answer").status, 422);
    assert_eq!(office.post("/register/search", &[("q", "髙橋 みほん")]).expect("an answer").status, 200);
    assert_eq!(office.get("/register?q=髙橋みほん").expect("an answer").status, 200);
    assert_eq!(office.get("/nowhere/髙橋みほん").expect("an answer").status, 404);
    assert_eq!(office.post("/signin", &[("login", "himitsu.login")]).expect("an answer").status, 422);

    let case = press(place, town, 0);
    let mut operator = place.client();
    town.operator.sign_in(&mut operator);
    let at = |part: &str| format!("/cases/{case}{part}");
    for path in ["/cases".to_owned(), at("")] {
        assert_eq!(operator.get(&path).expect("an answer").status, 200, "{path}");
    }
    assert_eq!(operator.post(&at("/taking"), &[]).expect("an answer").status, 303);
    let call = [("to", "resident"), ("outcome", "not_there"), ("note", "隣の見本さんは留守とのこと")];
    assert_eq!(operator.post(&at("/calls"), &call).expect("an answer").status, 303);
    let long = "ながいおはなし".repeat(1000);
    assert_eq!(
        operator
            .post(&at("/calls"), &[("to", "resident"), ("outcome", "?"), ("note", &long)])
            .expect("an answer")
            .status,
        422
    );
    assert_eq!(operator.post("/incoming", &[("number", "0561-00-1234")]).expect("an answer").status, 200);
    assert_eq!(office.get(&at("")).expect("an answer").status, 403, "the office sees no case");

    let garbled = r#"[{"device":"himitsu-device","kind":"bogus"}, "himitsu-payload"]"#;
    let (_, secret) = town.credential(0);
    let head = format!(
        "POST /ingest/v1/readings HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {secret}"
    );
    assert_eq!(raw::plainly(place.web, &head, garbled.as_bytes()).status, 422);
    let mut typed: Vec<String> = RESIDENT_FIELDS
        .iter()
        .filter(|(name, _)| ["name", "kana", "phone", "risk_notes", "postal", "town", "entry_note"].contains(name))
        .map(|(_, value)| (*value).to_owned())
        .collect();
    let more = [
        "髙橋",
        "みほん",
        "山田 むすこ",
        "090-0000-0077",
        "昭和99年",
        "himitsu",
        "見本さんは留守",
        "ながいおはなし",
        "0561001234",
    ];
    typed.extend(more.map(str::to_owned));
    typed.extend(operator.cookies.values().chain(office.cookies.values()).cloned());
    typed.push(secret);
    typed
}

#[test]
fn nobody_of_the_region_stands_in_its_logs_or_figures() {
    let place = Place::new();
    let town = Town::settle(&place, 11, 4, ago(Span::hours(3)));
    let (serving, mut office) = first_account::opened(&place);
    let mut private: BTreeSet<String> = a_small_story(&place, &town, &mut office).into_iter().collect();
    for resident in &town.plan.residents {
        let address = &resident.address;
        private.extend([&resident.name.kanji, &resident.name.kana, &address.line].into_iter().cloned());
        private.insert(format!("{}{}", address.town, address.line));
        private.extend(resident.phones.iter().cloned());
        private.extend(
            resident.contacts.iter().flat_map(|c| [c.name.kanji.clone(), c.name.kana.clone(), c.phone.clone()]),
        );
    }
    private.extend(town.plan.staff.iter().flat_map(|s| [s.name.kanji.clone(), s.name.kana.clone()]));
    private.extend(["事務 太郎".to_owned(), town.operator.login.clone(), "jimu1".to_owned()]);
    // Names are written with and without their blank, telephone numbers with and without their hyphens.
    let bare = |text: &String| text.replace([' ', '　', '-'], "");
    let spaced = |text: &String| text.replace('　', " ");
    let private: BTreeSet<String> = private.iter().flat_map(|text| [text.clone(), bare(text), spaced(text)]).collect();
    let private: Vec<&String> = private.iter().filter(|text| text.chars().count() > 2).collect();
    assert!(private.len() > 100, "{}", private.len());

    let figures = raw::plainly(place.operations, "GET /metrics HTTP/1.1", b"").body;
    assert!(figures.contains("ingest_http_posts_total"), "{figures}");
    let words = serving.words();
    assert!(words.contains("the site answers"), "{words}");
    for (what, text) in [("the log", &words), ("the figures", &figures)] {
        let leaked: Vec<_> = private.iter().filter(|secret| text.contains(secret.as_str())).collect();
        assert!(leaked.is_empty(), "{what} holds {leaked:?}:\n{text}");
    }
    // The log is for machines: one JSON object a line.
    let unread = words.lines().find(|line| serde_json::from_str::<serde_json::Value>(line).is_err());
    assert_eq!(unread, None);
}
