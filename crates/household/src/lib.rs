//! A site over a fresh fictional household, visited through its router as a browser without a script would: cookies,
//! forms, redirects. For the tests of the desks.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base::{AlertId, CaseId, ContactId, Instant, OfficeId, Redacted, Role, Span, StaffId};
use db::testing::{TestDb, fresh};
use db::{DbError, Tx};
use futures_util::StreamExt;
use notify::{LinkPurpose, LinkSeed, NewMessage, Recipient, Topic, Way};
use page::site::{Mode, Site};
use people::testing::{Sample, sample, system};
use signin::{LoginName, NewAccount, Secrets, SigninError};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tower::ServiceExt;
use uuid::Uuid;
use watch::{Alert, AlertState, Level, Rule};
use web::MIGRATIONS;
use web::router::router;

pub const REASON: &str = "いつもは7時半ごろまでに冷蔵庫が開きますが、10時の時点でまだ開いていません。";
const HOST: &str = "127.0.0.1:8080";

/// A region with its clock, its people and their cookies.
pub struct Region {
    pub s: Sample,
    pub site: Site,
    router: Router,
    clock: Arc<AtomicI64>,
    requests: AtomicI64,
    runtime: tokio::runtime::Runtime,
    // Cleared away last.
    pub test: TestDb,
}

/// Somebody signed in.
#[derive(Clone)]
pub struct Browser {
    cookie: String,
    pub role: Role,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub referrer_policy: String,
    pub headers: axum::http::HeaderMap,
    pub body: String,
    /// `name=value` of what the browser was told to keep.
    cookies: Vec<String>,
}

impl Browser {
    /// With a cookie of its own making.
    pub fn brings(&mut self, cookie: &str) {
        self.cookie = cookie.to_owned();
    }

    /// Keeps the cookies of an answer, as a browser does; one that was emptied is gone.
    pub fn keep(&mut self, answer: &Answer) {
        for kept in &answer.cookies {
            let name = kept.split('=').next();
            let mut cookies: Vec<&str> = self.cookie.split("; ").filter(|c| !c.is_empty()).collect();
            cookies.retain(|c| c.split('=').next() != name);
            if !kept.ends_with('=') {
                cookies.push(kept);
            }
            self.cookie = cookies.join("; ");
        }
    }
}

impl Answer {
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Answer {
        assert!(self.body.contains(words), "「{words}」 is not on the page ({}):\n{}", self.status, self.body);
        self
    }

    #[track_caller]
    pub fn hides(&self, words: &str) -> &Answer {
        assert!(!self.body.contains(words), "「{words}」 is on the page:\n{}", self.body);
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Answer {
        assert_eq!(self.status.as_u16(), status, "{}\n{}", self.location, self.body);
        self
    }

    /// Every id on the page stands once, and every label finds its field.
    #[track_caller]
    pub fn well_formed(&self) -> &Answer {
        let ids: Vec<&str> = self.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "the id {id} stands twice");
        }
        for wanted in self.body.split("<label class=\"field-label\" for=\"").skip(1) {
            let wanted = wanted.split('"').next().unwrap_or_default();
            assert!(ids.contains(&wanted), "a label looks for {wanted}");
        }
        self
    }
}

fn start() -> Instant {
    Instant::parse("2026-11-22T10:00").expect("a moment")
}

impl Default for Region {
    fn default() -> Region {
        Region::new()
    }
}

impl Region {
    pub fn new() -> Region {
        let test = fresh(MIGRATIONS);
        let s = test.db.write_blocking(settle).expect("the sample moves in");
        let clock = Arc::new(AtomicI64::new(start().0));
        let ticking = clock.clone();
        let site = Site::new(
            test.db.clone(),
            Arc::new(move || Instant(ticking.load(Ordering::Relaxed))),
            Mode::Demo,
            vec![HOST.to_owned()],
            "見本市".to_owned(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Region { s, router: router(&site), site, clock, requests: AtomicI64::new(10_000), runtime, test }
    }

    /// The token of the link in a mail about the sample's resident.
    pub fn link_sent(&self, to: Uuid, topic: Topic, link: LinkPurpose) -> String {
        let (sending, carrying) = (system(self.now(), self.request()), system(self.now(), self.request()));
        let to = Recipient { id: to, mail: Some(Redacted::new("dareka@example.jp".to_owned())), phone: None };
        let new = NewMessage { to, person: Some(self.s.person), topic, ways: vec![Way::Mail], link: Some(link) };
        let delivery = self.test.db.write_blocking(move |tx| {
            let id = notify::send(&sending.clone(), tx, &new)?;
            let due = notify::due(&carrying.clone(), tx, &LinkSeed::from_bytes([7; 32]), 10)?;
            // The case itself may have sent messages as well.
            Ok::<_, notify::NotifyError>(due.into_iter().find(|d| d.message == id))
        });
        delivery.expect("is sent").expect("is due").link.expect("has a link").expose().clone()
    }

    /// Enters a telephone number of the region's call centre.
    pub fn number_of_the_call_centre(&self, number: &str) {
        let (ctx, office) = (system(self.now(), self.request()), self.s.call_centre);
        let name = people::testing::line("見本市コールセンター");
        let mut facts = people::OfficeFacts::named(name, people::OfficeKind::CallCentre);
        facts.phone = Some(people::PhoneNumber::parse(number).expect("a number"));
        let revised = self.test.db.write_blocking(move |tx| {
            let seen = people::office(tx, office)?.version;
            let revision = people::Revision { seen, reason: people::testing::line("番号が決まった") };
            people::revise_office(&ctx.clone(), tx, office, &facts, &revision)
        });
        revised.expect("is revised");
    }

    /// Lets time pass.
    pub fn wait(&self, minutes: i64) -> &Region {
        self.clock.fetch_add(Span::minutes(minutes).0, Ordering::Relaxed);
        self
    }

    pub fn now(&self) -> Instant {
        Instant(self.clock.load(Ordering::Relaxed))
    }

    pub fn request(&self) -> u128 {
        self.requests.fetch_add(1, Ordering::Relaxed) as u128
    }

    pub fn staff(&self, role: Role, staff: StaffId, office: OfficeId) -> Browser {
        self.browser(role, staff.0, Some(office))
    }

    pub fn operator(&self) -> Browser {
        self.staff(Role::Operator, self.s.operator, self.s.call_centre)
    }

    pub fn second_operator(&self) -> Browser {
        self.staff(Role::Operator, self.s.second_operator, self.s.call_centre)
    }

    pub fn care_manager(&self) -> Browser {
        self.staff(Role::CareManager, self.s.care_manager, self.s.care_office)
    }

    pub fn doctor(&self) -> Browser {
        self.staff(Role::Doctor, self.s.doctor, self.s.clinic)
    }

    pub fn nurse(&self) -> Browser {
        self.staff(Role::Nurse, self.s.nurse, self.s.nursing)
    }

    pub fn city(&self) -> Browser {
        self.staff(Role::CityOfficer, self.s.city_officer, self.s.city)
    }

    pub fn support_centre(&self) -> Browser {
        self.staff(Role::SupportCentre, self.s.support_officer, self.s.support_centre)
    }

    pub fn second_support_officer(&self) -> Browser {
        self.staff(Role::SupportCentre, self.s.second_support_officer, self.s.support_centre)
    }

    pub fn administrator(&self) -> Browser {
        self.staff(Role::Administrator, self.s.administrator, self.s.city)
    }

    pub fn auditor(&self) -> Browser {
        self.browser(Role::Auditor, Uuid::from_u128(0xA0D1), Some(self.s.city))
    }

    pub fn relative(&self, contact: ContactId) -> Browser {
        self.browser(Role::Family, contact.0, None)
    }

    pub fn resident(&self) -> Browser {
        self.browser(Role::Resident, self.s.person.0, None)
    }

    /// Somebody who never signed in: the bearer of a link.
    pub fn nobody(&self) -> Browser {
        Browser { cookie: String::new(), role: Role::Link }
    }

    fn browser(&self, role: Role, id: Uuid, office: Option<OfficeId>) -> Browser {
        let (ctx, number, person) = (system(self.now(), self.request()), self.request(), self.s.person);
        let token = self.test.db.write_blocking(move |tx| {
            let login = LoginName::parse(&format!("{}-{number}", role.key().replace('_', "-")))?;
            let person = (role == Role::Family).then_some(person);
            let name = Redacted::new(role.ja().to_owned());
            let new = NewAccount { id: id.into(), login, role, office, person, display_name: name };
            if signin::find_account(tx, id.into()).is_err() {
                signin::create_fictional_accounts(&ctx, tx, &[new])?;
            }
            let mut seed = [0; 32];
            seed[..16].copy_from_slice(&number.to_be_bytes());
            let entered = signin::enter_as(&ctx, tx, id.into(), "test", &Secrets::from_seed(seed))?;
            Ok::<_, SigninError>(entered.token.expose().to_owned())
        });
        Browser { cookie: format!("{}={}", self.site.cookie_name(), token.expect("signs in")), role }
    }

    /// The operator's circumstances, for a step that is not the test's subject.
    pub fn acting_operator(&self) -> base::Ctx {
        let (staff, office) = (self.s.operator, self.s.call_centre);
        let (now, request) = (self.now(), self.request());
        people::testing::acting(Role::Operator, staff, office, base::Purpose::WatchResponse, now, request)
    }

    pub fn get(&self, who: &Browser, path: &str) -> Answer {
        self.ask(who, Request::get(path), Body::empty())
    }

    pub fn post(&self, who: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(who, request, Body::from(body))
    }

    /// Posts a form of which the end comes only after something else has happened.
    pub fn post_slowly(
        &self,
        who: &Browser,
        path: &str,
        fields: &[(&str, &str)],
        meanwhile: impl FnOnce() + Send + 'static,
    ) -> Answer {
        let body = serde_urlencoded::to_string(fields).expect("a form").into_bytes();
        let (head, end) = body.split_at(body.len() / 2);
        let (head, end, mut meanwhile) = (head.to_vec(), end.to_vec(), Some(meanwhile));
        let pieces = futures_util::stream::iter([head, end]).enumerate().then(move |(n, piece)| {
            let happens = if n == 1 { meanwhile.take() } else { None };
            async move {
                if let Some(happens) = happens {
                    std::thread::spawn(happens).join().expect("it happens");
                }
                Ok::<_, std::io::Error>(piece)
            }
        });
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(who, request, Body::from_stream(pieces))
    }

    /// Posts a form with files, as a browser does: the words, then each file by its field, name and bytes.
    pub fn send(&self, who: &Browser, path: &str, words: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Answer {
        const EDGE: &str = "----edge-of-a-part";
        let mut body = Vec::new();
        for (field, text) in words {
            let part = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{text}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (field, name, bytes) in files {
            let head = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\nContent-Type: image/jpeg\r\n\r\n");
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{EDGE}--\r\n").as_bytes());
        let request = Request::post(path).header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={EDGE}"));
        // In pieces with a pause between them, as it comes over a line.
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = body.chunks(64 * 1024).map(|c| Ok(c.to_vec())).collect();
        let arriving = futures_util::stream::iter(pieces).then(|piece| async {
            tokio::task::yield_now().await;
            piece
        });
        self.ask(who, request, Body::from_stream(arriving))
    }

    /// Begins to post a form with files and never goes on; gives the answer, which must come without it.
    pub fn begin_sending(&self, who: &Browser, path: &str) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        self.ask(who, request, Body::from_stream(never))
    }

    /// Posts and follows the answer to the next page, as a browser does.
    #[track_caller]
    pub fn step(&self, who: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(who, path, fields);
        answer.is(303);
        let next = self.get(who, &answer.location);
        next.is(200);
        next
    }

    fn ask(&self, who: &Browser, request: axum::http::request::Builder, body: Body) -> Answer {
        let request = request
            .header(header::HOST, HOST)
            .header(header::COOKIE, &who.cookie)
            .header("sec-fetch-site", "same-origin")
            .body(body)
            .expect("a request");
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status();
            let head = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let (location, referrer_policy) = (head(header::LOCATION), head(header::REFERRER_POLICY));
            let headers = response.headers().clone();
            let cookies = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
            let cookies = cookies.filter_map(|c| c.split(';').next().map(str::to_owned)).collect();
            let bytes = axum::body::to_bytes(response.into_body(), 4 << 20).await.expect("a body");
            let body = String::from_utf8_lossy(&bytes).into_owned();
            Answer { status, location, referrer_policy, headers, body, cookies }
        })
    }

    /// The watch speaks: an alert of the sample's home, now.
    pub fn alert(&self, rule: Rule) -> CaseId {
        let (ctx, alert) = self.spoken(Level::Alert, rule);
        let case = self.test.db.write_blocking(move |tx| {
            known_to_watch(tx, &alert)?;
            response::open_case(&ctx.clone(), tx, &alert)
        });
        case.expect("opens").expect("an alert opens a case").id
    }

    /// The watch asks gently: a notice, which is no case.
    pub fn notice(&self, rule: Rule) -> AlertId {
        let (_, alert) = self.spoken(Level::Notice, rule);
        let id = alert.id;
        self.test.db.write_blocking(move |tx| known_to_watch(tx, &alert)).expect("is stored");
        id
    }

    /// The watch speaks, and nobody could open a case.
    pub fn alert_without_case(&self, rule: Rule) {
        let (_, alert) = self.spoken(Level::Alert, rule);
        let sql = "INSERT INTO watch_unanswered (alert_id, since, tries, again_at) VALUES ($1, $2, 1, $2)";
        let stored = self.test.db.write_blocking(move |tx| {
            known_to_watch(tx, &alert)?;
            tx.tell(sql, db::params![alert.id, alert.raised_at])
        });
        stored.expect("is stored");
    }

    fn spoken(&self, level: Level, rule: Rule) -> (base::Ctx, Alert) {
        let ctx = system(self.now(), self.request());
        let alert = Alert {
            id: ctx.id::<AlertId>(),
            home: self.s.home,
            person: self.s.person,
            level,
            rule,
            device: None,
            due_at: self.now(),
            raised_at: self.now(),
            reason: REASON.to_owned(),
            state: AlertState::Standing,
            sign_at: None,
            ended_at: None,
            cause: None,
            answer: None,
        };
        (ctx, alert)
    }

    /// The timers run: whoever is next in line is told of what is over.
    pub fn escalate(&self) {
        let ctx = system(self.now(), self.request());
        self.test.db.write_blocking(move |tx| response::escalate_due(&ctx.clone(), tx).map(drop)).expect("escalates");
    }

    /// The counts of pages that are closed by now are recorded.
    pub fn close_pages(&self) {
        self.runtime.block_on(page::renewals::record_closed(&self.site, false)).expect("the counts are recorded");
    }

    /// The actions of the audit chain, oldest first, with who they were about.
    pub fn audited(&self) -> Vec<audit::Recorded> {
        let mut rows = self.test.db.read_blocking(|tx| audit::newest(tx, 10_000)).expect("the chain");
        rows.reverse();
        rows
    }

    pub fn count_audited(&self, action: &str) -> usize {
        self.audited().iter().filter(|r| r.action == action).count()
    }
}

fn settle(tx: &mut dyn Tx) -> Result<Sample, response::ResponseError> {
    let yesterday = start() - Span::days(1);
    db::marks::set(tx, db::marks::FICTIONAL, "1")?;
    let s = sample(&system(yesterday, 1), tx)?;
    watch::begin_contract(&system(yesterday, 2), tx, s.home, s.person)?;
    Ok(s)
}

/// The row that the watch writes in the same transaction; only its station makes alerts, so the test writes it.
fn known_to_watch(tx: &mut dyn Tx, a: &Alert) -> Result<(), DbError> {
    let sql = "INSERT INTO watch_alert (id, home_no, home_id, person_id, level, rule, due_at, raised_at, reason, state)
        SELECT $1, no, $2, $3, $4, $5, $6, $7, $8, 'standing' FROM watch_home WHERE home_id = $9";
    let (level, rule) = (a.level.key(), a.rule.key());
    tx.tell(sql, db::params![a.id, a.home, a.person, level, rule, a.due_at, a.raised_at, &a.reason, a.home])
}
