//! Stories of messages that arrive, and of those that do not.

mod reports;
mod superseded;

use std::sync::{Arc, Mutex};

use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use base::{Actor, AlertId, Ctx, Instant, MessageId, OfficeId, PersonId, Purpose, Redacted, RequestId, Role, Span};
use base64::Engine as _;
use db::testing::{TestDb, fresh};
use db::{DbError, Tx, outbox};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::rules::*;
use crate::*;

struct Region {
    region: TestDb,
    now: Instant,
    count: u128,
}

const PERSON: PersonId = PersonId(Uuid::from_u128(77));
const ALERT: AlertId = AlertId(Uuid::from_u128(88));

impl Region {
    fn new() -> Region {
        let region = fresh(&[audit::MIGRATIONS, access::MIGRATIONS, MIGRATIONS]);
        Region { region, now: Instant::parse("2026-11-22T08:00").unwrap(), count: 0 }
    }

    fn pass(&mut self, span: Span) {
        self.now = self.now + span;
    }

    fn ctx(&mut self, actor: Actor) -> Ctx {
        self.count += 1;
        Ctx::new(actor, Purpose::WatchResponse, self.now, RequestId(Uuid::from_u128(self.count)))
    }

    fn write<T, E>(
        &mut self,
        actor: Actor,
        f: impl Fn(&Ctx, &mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let ctx = self.ctx(actor);
        self.region.db.write_blocking(move |tx| f(&ctx, tx))
    }

    fn read<T: Send + 'static>(&self, f: impl FnOnce(&mut dyn Tx) -> T + Send + 'static) -> T {
        self.region.db.read_blocking(move |tx| Ok::<_, DbError>(f(tx))).unwrap()
    }

    fn send(&mut self, ways: &[Way]) -> MessageId {
        let new = message(ways);
        self.write(Actor::system("watch"), move |ctx, tx| send(ctx, tx, &new)).unwrap()
    }

    fn due(&mut self) -> Vec<Delivery> {
        let seed = LinkSeed::from_bytes([self.count as u8; 32]);
        self.write(Actor::system("notify"), move |ctx, tx| due(ctx, tx, &seed, IN_FLIGHT)).unwrap()
    }

    fn outcome(&mut self, delivery: &Delivery, outcome: DeliveryOutcome) {
        let delivery = delivery.clone();
        self.write(Actor::system("notify"), move |ctx, tx| record_outcome(ctx, tx, &delivery, outcome)).unwrap()
    }

    fn states(&self, id: MessageId) -> Vec<(Way, AttemptState)> {
        let receipts = self.read(move |tx| receipts(tx, id)).unwrap();
        receipts.into_iter().map(|r| (r.way, r.state)).collect()
    }

    fn topics(&self) -> Vec<String> {
        self.read(|tx| outbox::after(tx, 0, 100)).unwrap().into_iter().map(|e| e.topic).collect()
    }

    fn use_link(&mut self, token: &Redacted<String>) -> Result<LinkUse, NotifyError> {
        let hash = LinkHash::of(token.expose());
        self.write(Actor::system("link"), move |ctx, tx| use_link(ctx, tx, &hash))
    }

    fn peek(&self, token: &Redacted<String>) -> LinkPeek {
        let (hash, now) = (LinkHash::of(token.expose()), self.now);
        self.read(move |tx| peek_link(tx, &hash, now)).unwrap()
    }
}

fn message(ways: &[Way]) -> NewMessage {
    NewMessage {
        to: Recipient {
            id: recipient().id,
            mail: Some("kazoku@example.jp".to_owned().into()),
            phone: Some("090-0000-1234".to_owned().into()),
        },
        person: Some(PERSON),
        topic: Topic::NoticeAsked,
        ways: ways.to_vec(),
        link: Some(LinkPurpose::AnswerNotice { alert: ALERT }),
    }
}

fn recipient() -> Actor {
    Actor { role: Role::Family, id: Uuid::from_u128(5), office: None, person: Some(PERSON), device: "test".into() }
}

fn operator() -> Actor {
    let office = Some(OfficeId(Uuid::from_u128(900)));
    Actor { role: Role::Operator, id: Uuid::from_u128(6), office, person: None, device: "test".into() }
}

const DOWN: DeliveryOutcome = DeliveryOutcome::Failed { why: "mail_server" };

#[test]
fn a_mail_server_that_is_down_is_asked_four_times_then_the_sms_goes_out_within_a_minute() {
    let mut region = Region::new();
    let began = region.now;
    let id = region.send(&[Way::Mail, Way::Sms, Way::Phone]);
    for wait in [2, 5, 10] {
        let due = region.due();
        assert_eq!(due.iter().map(|d| d.way).collect::<Vec<_>>(), [Way::Mail]);
        assert!(region.due().is_empty(), "what is leased is not leased again");
        region.outcome(&due[0], DOWN);
        region.pass(Span::seconds(wait - 1));
        assert!(region.due().is_empty());
        region.pass(Span::seconds(1));
    }
    let last = region.due().remove(0);
    assert_eq!(last.tries, 4);
    region.outcome(&last, DOWN);
    let sms = region.due().remove(0);
    assert_eq!((sms.way, sms.address.expose().as_str()), (Way::Sms, "090-0000-1234"));
    assert!(region.now - began <= NEXT_WAY_WITHIN);
    region.outcome(&sms, DeliveryOutcome::Sent);
    use AttemptState::{Failed, Sent, Waiting};
    assert_eq!(region.states(id), [(Way::Mail, Failed), (Way::Sms, Sent), (Way::Phone, Waiting)]);
    assert!(region.due().is_empty());
    assert!(!region.topics().contains(&"notify.undeliverable".to_owned()));
}

#[test]
fn a_runner_that_dies_loses_its_try_and_not_the_message() {
    let mut region = Region::new();
    let began = region.now;
    region.send(&[Way::Mail, Way::Sms]);
    let dead = region.due().remove(0);
    let mut seen = vec![dead.tries];
    let mut way = dead.way;
    while way == Way::Mail {
        region.pass(Span::seconds(1));
        assert!(region.now - (began + LEASE) <= NEXT_WAY_WITHIN);
        if let Some(next) = region.due().pop() {
            way = next.way;
            seen.push(next.tries);
        }
    }
    assert!(seen.len() >= 3, "{seen:?}");
    region.outcome(&dead, DOWN);
    assert!(region.due().is_empty(), "an outcome that comes after its lease changes nothing");
}

#[test]
fn somebody_without_address_or_a_queue_that_is_full_ends_on_the_same_list() {
    let mut region = Region::new();
    let mut nobody = message(&[Way::Mail, Way::Sms]);
    nobody.to = Recipient::on_screen(Uuid::from_u128(5));
    region.write(Actor::system("watch"), move |ctx, tx| send(ctx, tx, &nobody)).unwrap();
    assert_eq!(region.topics(), ["notify.undeliverable"]);
    assert!(region.due().is_empty());

    let mut only_phone = message(&[Way::Mail, Way::Sms]);
    only_phone.to.mail = None;
    region.write(Actor::system("watch"), move |ctx, tx| send(ctx, tx, &only_phone)).unwrap();
    assert_eq!(region.due().remove(0).way, Way::Sms, "a way without address is passed over");

    region
        .write(Actor::system("test"), |_, tx| {
            let head = "INSERT INTO notify_attempt (id, message_id, way, rank, state, urgency, address, tries, due_at, leased)";
            let row = |n: usize| {
                let id = Uuid::from_u128(1_000_000 + n as u128);
                db::params![id, id, "mail", 0i64, "queued", 1i64, "", 0i64, i64::MAX, 0i64].to_vec()
            };
            tx.insert_rows(head, 10, &(0..QUEUE).map(row).collect::<Vec<_>>(), "")
        })
        .unwrap();
    region.send(&[Way::Mail]);
    assert_eq!(region.topics(), ["notify.undeliverable", "notify.undeliverable"]);
}

#[test]
fn a_link_acts_once_and_only_until_it_expires() {
    let mut region = Region::new();
    let id = region.send(&[Way::Mail, Way::Sms]);
    let mail = region.due().remove(0);
    let token = mail.link.clone().unwrap();
    region.outcome(&mail, DeliveryOutcome::Sent);
    for _ in 0..3 {
        let LinkPeek::Open { purpose, .. } = region.peek(&token) else { panic!("looking does not spend it") };
        assert_eq!(purpose, LinkPurpose::AnswerNotice { alert: ALERT });
    }
    let used = region.use_link(&token).unwrap();
    assert_eq!((used.message, used.recipient, used.person), (id, recipient().id, Some(PERSON)));
    assert_eq!((used.actor().role, used.actor().person), (Role::Link, Some(PERSON)));
    assert!(matches!(region.use_link(&token), Err(NotifyError::Refused(NotifyRefusal::LinkUsed))));
    assert_eq!(region.peek(&token), LinkPeek::Used);
    assert_eq!(region.states(id), [(Way::Mail, AttemptState::Read), (Way::Sms, AttemptState::Unneeded)]);

    region.send(&[Way::Mail]);
    let late = region.due().remove(0).link.unwrap();
    region.pass(link_valid(Topic::NoticeAsked));
    assert_eq!(region.peek(&late), LinkPeek::Expired);
    assert!(matches!(region.use_link(&late), Err(NotifyError::Refused(NotifyRefusal::LinkExpired))));
    let wrong = Redacted::new("x".repeat(43));
    assert_eq!(region.peek(&wrong), LinkPeek::Unknown);
    assert!(matches!(region.use_link(&wrong), Err(NotifyError::Refused(NotifyRefusal::LinkUnknown))));
}

#[test]
fn a_link_is_not_spent_when_what_it_asks_for_is_refused() {
    let mut region = Region::new();
    region.send(&[Way::Mail]);
    let token = region.due().remove(0).link.unwrap();
    let hash = LinkHash::of(token.expose());
    let refused: Result<(), NotifyError> = region.write(Actor::system("link"), move |ctx, tx| {
        use_link(ctx, tx, &hash)?;
        Err(NotifyRefusal::NotForYou.into())
    });
    assert!(refused.is_err());
    assert!(region.use_link(&token).is_ok());
}

/// The answer to a first try may be lost: both mails arrived, and the link of either is good, once.
#[test]
fn the_links_of_two_tries_are_one_link() {
    let mut region = Region::new();
    region.send(&[Way::Mail]);
    let first = region.due().remove(0);
    region.outcome(&first, DeliveryOutcome::Failed { why: "timeout" });
    region.pass(Span::seconds(2));
    let second = region.due().remove(0);
    assert_ne!(first.link, second.link);
    region.use_link(&first.link.unwrap()).unwrap();
    assert!(matches!(region.use_link(&second.link.unwrap()), Err(NotifyError::Refused(NotifyRefusal::LinkUsed))));
}

#[test]
fn what_is_read_on_the_screen_is_not_sent_after_its_reader() {
    let mut region = Region::new();
    let id = region.send(&[Way::Screen, Way::Mail, Way::Sms]);
    let ctx = region.ctx(recipient());
    let listed = region.read(move |tx| (inbox(&ctx, tx).unwrap(), unread(tx, &ctx.actor).unwrap()));
    assert_eq!((listed.0.len(), listed.1), (1, 1));
    assert_eq!(listed.0[0].purpose, Some(LinkPurpose::AnswerNotice { alert: ALERT }));
    let stranger = Actor { id: Uuid::from_u128(9), ..recipient() };
    let theirs = region.write(stranger, move |ctx, tx| mark_read(ctx, tx, id));
    assert!(matches!(theirs, Err(NotifyError::Refused(NotifyRefusal::MessageUnknown))));
    region.write(recipient(), move |ctx, tx| mark_read(ctx, tx, id)).unwrap();
    assert!(region.due().is_empty());
    use AttemptState::{Read, Unneeded};
    assert_eq!(region.states(id), [(Way::Mail, Unneeded), (Way::Sms, Unneeded), (Way::Screen, Read)]);
    let ctx = region.ctx(recipient());
    assert_eq!(region.read(move |tx| unread(tx, &ctx.actor)).unwrap(), 0);
}

#[test]
fn a_message_to_an_office_is_read_by_whoever_is_on_duty() {
    let mut region = Region::new();
    let office = operator().office.unwrap().0;
    let mut new = message(&[Way::Screen]);
    new.to = Recipient::on_screen(office);
    let id = region.write(Actor::system("response"), move |ctx, tx| send(ctx, tx, &new)).unwrap();
    let ctx = region.ctx(operator());
    assert_eq!(region.read(move |tx| inbox(&ctx, tx)).unwrap()[0].message, id);
    region.write(operator(), move |ctx, tx| mark_read(ctx, tx, id)).unwrap();
}

#[test]
fn an_auditor_of_the_office_reads_none_of_its_messages_away() {
    let mut region = Region::new();
    let auditor = || Actor { role: Role::Auditor, id: Uuid::from_u128(7), ..operator() };
    let mut new = message(&[Way::Screen]);
    new.to = Recipient::on_screen(operator().office.unwrap().0);
    let id = region.write(Actor::system("response"), move |ctx, tx| send(ctx, tx, &new)).unwrap();
    let ctx = region.ctx(auditor());
    let listed = region.read(move |tx| (messages(&ctx, tx).unwrap().1, unread(tx, &ctx.actor).unwrap()));
    assert_eq!(listed, (0, 0));
    let read = region.write(auditor(), move |ctx, tx| mark_read(ctx, tx, id));
    assert!(matches!(read, Err(NotifyError::Refused(NotifyRefusal::MessageUnknown))));
    let ctx = region.ctx(operator());
    assert_eq!(region.read(move |tx| unread(tx, &ctx.actor)).unwrap(), 1, "it waits for whoever is on duty");
    let mut own = message(&[Way::Screen]);
    own.to = Recipient::on_screen(auditor().id);
    let own = region.write(Actor::system("signin"), move |ctx, tx| send(ctx, tx, &own)).unwrap();
    region.write(auditor(), move |ctx, tx| mark_read(ctx, tx, own)).unwrap();
}

#[test]
fn an_urgent_message_overtakes_and_nothing_keeps_an_address_it_does_not_need() {
    let mut region = Region::new();
    let mut slow = message(&[Way::Mail]);
    slow.topic = Topic::NoteWaiting;
    region.write(Actor::system("care"), move |ctx, tx| send(ctx, tx, &slow)).unwrap();
    region.pass(Span::seconds(1));
    region.send(&[Way::Mail, Way::Sms]);
    let due = region.due();
    assert_eq!(due.iter().map(|d| d.topic).collect::<Vec<_>>(), [Topic::NoticeAsked, Topic::NoteWaiting]);
    for delivery in &due {
        region.outcome(delivery, DeliveryOutcome::Sent);
    }
    region.pass(KEEP_ADDRESSES);
    region.pass(Span::seconds(1));
    let now = region.now;
    assert_eq!(region.write(Actor::system("job"), move |_, tx| tidy(tx, now)).unwrap(), 0);
    let kept: i64 =
        region.read(|tx| tx.scalar("SELECT COUNT(*) FROM notify_attempt WHERE address <> ''", &[])).unwrap();
    assert_eq!(kept, 0);
    region.pass(KEEP);
    let now = region.now;
    assert_eq!(region.write(Actor::system("job"), move |_, tx| tidy(tx, now)).unwrap(), 2);
    let links: i64 = region.read(|tx| tx.scalar("SELECT COUNT(*) FROM notify_link", &[])).unwrap();
    assert_eq!(links, 0);
}

#[test]
fn texts_say_nothing_but_that_somebody_should_look() {
    let link = "https://tsunagari.example.jp/links/AAAA";
    let mut bodies = Vec::new();
    for topic in Topic::ALL {
        for way in [Way::Mail, Way::Sms, Way::Phone] {
            let text = compose(*topic, way, Some(link));
            assert_eq!(text.subject, "【つながり】ご確認のお願い");
            assert!(text.body.starts_with("つながりからのお知らせです。"));
            assert_eq!(text.body.contains(link), way != Way::Phone);
            bodies.push(text.body);
            let asks = (*topic, way) == (Topic::NoticeAsked, Way::Phone);
            let next = if asks { "1を、" } else { "つながりの画面" };
            assert!(compose(*topic, way, None).body.contains(next), "{topic:?}");
        }
    }
    let all = bodies.join("");
    for word in ["様", "さん", "ご家族", "お母", "アラート", "見守り", "病", "救急", "転倒", "認知症"]
    {
        assert!(!all.contains(word), "{word}");
    }
    let delivery = format!("{:?}", message(&[Way::Mail]));
    assert!(!delivery.contains("kazoku") && !delivery.contains("090-"));
}

// The adapters, against real sockets and a real folder.

type Got = Arc<Mutex<Vec<(String, serde_json::Value)>>>;

/// A gateway that gives these answers, one after the other, and notes what it was asked.
async fn gateway(answers: Vec<u16>) -> (String, Got) {
    let got = Got::default();
    let state = (got.clone(), Arc::new(Mutex::new(answers.into_iter())));
    let take = |State((got, answers)): State<(Got, Arc<Mutex<std::vec::IntoIter<u16>>>)>,
                headers: HeaderMap,
                Json(body): Json<serde_json::Value>| async move {
        let bearer = headers.get("authorization").unwrap().to_str().unwrap().to_owned();
        got.lock().unwrap().push((bearer, body));
        StatusCode::from_u16(answers.lock().unwrap().next().unwrap_or(500)).unwrap()
    };
    let app = axum::Router::new().route("/sms", axum::routing::post(take)).with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, got)
}

fn adapters(smtp: Option<SmtpConfig>, sms_url: Option<String>) -> Adapters {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gateway = sms_url.map(|url| GatewayConfig {
        sms_url: Some(url),
        phone_url: None,
        token: "secret".to_owned().into(),
        report_token: None,
    });
    Adapters::new(smtp.as_ref(), gateway.as_ref(), "https://tsunagari.example.jp/links/").unwrap()
}

fn delivery(way: Way, address: &str) -> Delivery {
    Delivery {
        attempt: AttemptId(Uuid::from_u128(1)),
        message: MessageId(Uuid::from_u128(2)),
        way,
        topic: Topic::VisitRequested,
        address: address.to_owned().into(),
        link: Some("TOKEN".to_owned().into()),
        tries: 1,
    }
}

#[tokio::test]
async fn an_sms_goes_to_the_gateway_as_documented() {
    let (url, got) = gateway(vec![202, 503, 429, 422, 302]).await;
    let adapters = adapters(None, Some(url));
    let sms = delivery(Way::Sms, "090-0000-1234");
    assert_eq!(deliver(&adapters, &sms).await, DeliveryOutcome::Sent);
    assert_eq!(deliver(&adapters, &sms).await, DeliveryOutcome::Failed { why: "gateway_error" });
    assert_eq!(deliver(&adapters, &sms).await, DeliveryOutcome::Failed { why: "gateway_busy" });
    assert_eq!(deliver(&adapters, &sms).await, DeliveryOutcome::Refused { why: "gateway_refused" });
    assert_eq!(deliver(&adapters, &sms).await, DeliveryOutcome::Failed { why: "gateway_error" });
    let phone = delivery(Way::Phone, "090-0000-1234");
    assert_eq!(deliver(&adapters, &phone).await, DeliveryOutcome::Refused { why: "not_set_up" });
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 5);
    assert_eq!(got[0].0, "Bearer secret");
    let expected = serde_json::json!({
        "to": "090-0000-1234",
        "text": "つながりからのお知らせです。お願いがあります。内容のご確認をお願いします。\nhttps://tsunagari.example.jp/links/TOKEN",
        "reference": "00000000000000000000000000000001",
    });
    assert_eq!(got[0].1, expected);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    drop(listener);
    let adapters = adapters(None, Some(url));
    let outcome = deliver(&adapters, &delivery(Way::Sms, "090-0000-1234")).await;
    assert_eq!(outcome, DeliveryOutcome::Failed { why: "gateway_unreachable" });
}

/// A mail server that answers RCPT with this code; gives what it was sent.
async fn mail_server(rcpt: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handle = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (read, mut write) = socket.into_split();
        let (mut lines, mut heard, mut data) = (BufReader::new(read).lines(), String::new(), false);
        write.write_all(b"220 test ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            let answer = match (data, line.split(' ').next().unwrap_or_default()) {
                (true, ".") => {
                    data = false;
                    "250 queued"
                }
                (true, _) => continue,
                (false, "RCPT") => rcpt,
                (false, "DATA") => {
                    data = true;
                    "354 go on"
                }
                (false, "QUIT") => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            if line.starts_with("QUIT") || heard.ends_with("\n.\n") {
                break;
            }
        }
        heard
    });
    (port, handle)
}

fn smtp(port: u16) -> SmtpConfig {
    let from = "つながり <no-reply@example.jp>".to_owned();
    SmtpConfig { host: "127.0.0.1".into(), port, tls: SmtpTls::None, user: None, password: None, from }
}

#[tokio::test]
async fn a_mail_goes_out_by_smtp() {
    let (port, server) = mail_server("250 ok").await;
    let adapters = adapters(Some(smtp(port)), None);
    assert_eq!(deliver(&adapters, &delivery(Way::Mail, "kazoku@example.jp")).await, DeliveryOutcome::Sent);
    let heard = server.await.unwrap();
    assert!(heard.contains("RCPT TO:<kazoku@example.jp>"));
    assert!(body(&heard).contains("https://tsunagari.example.jp/links/TOKEN"), "{heard}");
    let broken = deliver(&adapters, &delivery(Way::Mail, "no address")).await;
    assert_eq!(broken, DeliveryOutcome::Refused { why: "address" });
}

#[tokio::test]
async fn a_mail_server_says_never_or_not_now() {
    for (answer, expected) in [
        ("550 no such user kazoku@example.jp", DeliveryOutcome::Refused { why: "mail_refused" }),
        ("451 later", DeliveryOutcome::Failed { why: "mail_server" }),
    ] {
        let (port, _server) = mail_server(answer).await;
        let adapters = adapters(Some(smtp(port)), None);
        assert_eq!(deliver(&adapters, &delivery(Way::Mail, "kazoku@example.jp")).await, expected);
    }
}

#[test]
fn credentials_do_not_cross_the_network_in_the_clear() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let password: Option<Redacted<String>> = Some("p".to_owned().into());
    let open =
        SmtpConfig { host: "mail.example.jp".into(), user: Some("u".into()), password: password.clone(), ..smtp(25) };
    let base = "https://tsunagari.example.jp/links/";
    assert!(matches!(Adapters::new(Some(&open), None, base), Err(AdapterError::PlainMail)));
    let half = SmtpConfig { user: None, password, ..smtp(25) };
    assert!(matches!(Adapters::new(Some(&half), None, base), Err(AdapterError::HalfCredentials)));
    let tls = SmtpConfig { tls: SmtpTls::Starttls, ..open };
    assert!(Adapters::new(Some(&tls), None, base).is_ok());
    let url = Some("http://gateway.example.jp/sms".to_owned());
    let plain = GatewayConfig { sms_url: url, phone_url: None, token: "t".to_owned().into(), report_token: None };
    assert!(matches!(Adapters::new(None, Some(&plain), base), Err(AdapterError::PlainGateway)));
}

/// The whole way, as the demo runs it: sent in one transaction, found a moment later as a file, its receipt stored.
#[test]
fn the_queue_is_carried_into_the_folder() {
    // PostgreSQL's client is opened outside any runtime.
    let region = fresh(&[audit::MIGRATIONS, access::MIGRATIONS, MIGRATIONS]);
    tokio::runtime::Runtime::new().unwrap().block_on(carried_into_a_folder(region.db.clone()));
}

async fn carried_into_a_folder(db: db::Db) {
    let folder = tempfile::tempdir().unwrap();
    let adapters = Arc::new(Adapters::folder(folder.path(), "http://127.0.0.1:8080/links/").unwrap());
    let count = std::sync::atomic::AtomicU64::new(1);
    let start = Instant::parse("2026-11-22T08:00").unwrap();
    let ctx = move || {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let request = RequestId(Uuid::from_u128(u128::from(n) << 64));
        Ctx::new(Actor::system("notify"), Purpose::Operation, start + Span::millis(n as i64), request)
    };
    let runner = tokio::spawn(run(db.clone(), adapters, ctx));
    let mut committed = db.committed();
    let first = Ctx::new(Actor::system("watch"), Purpose::WatchResponse, start, RequestId(Uuid::from_u128(1)));
    let new = message(&[Way::Mail, Way::Sms]);
    let id = db.write(move |tx| send(&first, tx, &new)).await.unwrap();
    let sent = async {
        loop {
            let receipts = db.read(move |tx| receipts(tx, id)).await.unwrap();
            if receipts[0].state == AttemptState::Sent {
                return;
            }
            // A receipt announces nothing; the folder is looked at again with the runner's next round.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), committed.changed()).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), sent).await.expect("the mail is sent");
    runner.abort();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].extension().unwrap(), "eml");
    let mail = std::fs::read_to_string(&files[0]).unwrap();
    assert!(mail.contains("To: kazoku@example.jp"));
    let text = body(&mail);
    let token = text.split("/links/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let hash = LinkHash::of(&token);
    let peek = db.read(move |tx| peek_link(tx, &hash, start)).await.unwrap();
    assert!(matches!(peek, LinkPeek::Open { .. }), "the link in the mail opens: {text}");
}

/// The text of a mail with one part, as base 64 or as it is.
fn body(mail: &str) -> String {
    let mail = mail.replace("\r\n", "\n");
    let at = mail.find("Content-Transfer-Encoding").unwrap();
    let (head, body) = mail[at..].split_once("\n\n").unwrap();
    let body = body.split("\n.\n").next().unwrap();
    if !head.contains("base64") {
        return body.to_owned();
    }
    let joined: String = body.split_whitespace().collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(joined).unwrap()).unwrap()
}
