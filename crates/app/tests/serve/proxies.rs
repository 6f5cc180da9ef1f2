//! Behind the proxies that regions have, each as Debian ships it and with the site that `docs/operations.md` shows: a
//! desk signs in, its live line hears at once what happens and stays while nothing does, gateways post, and whoever
//! guesses is one visitor.

mod servers;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use base::{Span, limits};
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use servers::{Kind, NAME, Proxy};
use town::equip::{BUTTON, serial};

use crate::client::Client;
use crate::harness::{Place, Serving, Town, ago};
use crate::raw::{self, Reply};
use crate::tls::{self, Issued};

/// What happens reaches a screen within this time. A machine that does much else may hold one up; a proxy that gathers
/// holds up all.
const AT_ONCE: Duration = Duration::from_secs(2);
const DESK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));
const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 4));
/// More than one address may fail before it has to wait.
const MANY: usize = 40;
/// Pages that somebody goes through in a row, each with a live line.
const PAGES: usize = 2 * limits::LIVE_SCREENS_PER_SESSION;

// shows: 6.2.9 nginx as Debian ships it, with the site of the page: live lines, forms, gateways, addresses
#[test]
fn behind_nginx_a_desk_hears_at_once_and_stays() {
    let Some(program) = Kind::Nginx.installed("behind_nginx_a_desk_hears_at_once_and_stays") else { return };
    Region::behind(Kind::Nginx, &program).at_work();
}

// shows: 6.2.9 Apache as Debian ships it, with the site of the page: live lines, forms, gateways, addresses
#[test]
fn behind_apache_a_desk_hears_at_once_and_stays() {
    let Some(program) = Kind::Apache.installed("behind_apache_a_desk_hears_at_once_and_stays") else { return };
    Region::behind(Kind::Apache, &program).at_work();
}

// shows: 6.2.9 HAProxy as Debian ships it, with the site of the page: live lines, forms, gateways, addresses
#[test]
fn behind_haproxy_a_desk_hears_at_once_and_stays() {
    let Some(program) = Kind::HaProxy.installed("behind_haproxy_a_desk_hears_at_once_and_stays") else { return };
    Region::behind(Kind::HaProxy, &program).at_work();
}

// shows: 6.2.9 the heartbeat is far below what each of them waits for
#[test]
fn a_live_line_is_heard_of_well_within_the_patience_of_every_proxy() {
    for kind in [Kind::Nginx, Kind::Apache, Kind::HaProxy] {
        if kind.installed("a_live_line_is_heard_of_well_within_the_patience_of_every_proxy").is_some() {
            assert!(limits::LIVE_HEARTBEAT * 4 < Duration::from_secs(kind.usual_patience()), "{kind:?}");
        }
    }
}

// shows: 6.2.9 photos fit through nginx, which alone of the three takes little by itself
#[test]
fn the_site_of_nginx_takes_a_visits_photos() {
    let site = Kind::Nginx.site();
    let megabytes = site.split_once("client_max_body_size ").and_then(|(_, rest)| rest.split_once("m;"));
    let megabytes: usize = megabytes.and_then(|(n, _)| n.parse().ok()).expect("it says how much");
    assert!(megabytes << 20 > limits::PHOTO_FORM_BYTES && limits::PHOTO_FORM_BYTES > limits::READING_POST_BYTES);
}

/// A region and the proxy before it; what runs ends before its folder goes.
struct Region {
    proxy: Proxy,
    _serving: Serving,
    _place: Place,
    town: Town,
    issued: Issued,
}

impl Region {
    fn behind(kind: Kind, program: &std::path::Path) -> Region {
        let issued = Issued::new();
        let place = Place::bare();
        issued.install(place.folder.path());
        let pem = |name: &str| std::fs::read_to_string(place.folder.path().join(name)).expect("it was put there");
        tls::put(place.folder.path(), "both.pem", &(pem("chain.pem") + &pem("key.pem")));
        place.configure(&format!("public_url = \"https://{NAME}\"\ntrusted_proxies = [\"127.0.0.1\"]"), "", "", "");
        let town = Town::settle(&place, 1, 2, ago(Span::hours(3)));
        let serving = place.serve();
        let proxy = Proxy::start(kind, program, &place);
        Region { proxy, _serving: serving, _place: place, town, issued }
    }

    fn at_work(&self) {
        let mut operator = self.browser();
        self.town.operator.sign_in(&mut operator);
        self.forms_are_ours();
        let mut lines = [Live::over_http1(self, &operator), Live::over_http2(self, &operator)];
        for line in &mut lines {
            line.hears("retry:");
        }
        let first = self.press(0, &mut lines);
        // Nothing happens for longer than the proxy waits.
        for line in &mut lines {
            line.hears("event: alive");
            line.hears("event: alive");
        }
        let second = self.press(1, &mut lines);
        eprintln!("presses were heard of after {first:?} and {second:?}");
        assert!(first.min(second) < AT_ONCE, "{first:?}, {second:?}");
        drop(lines);
        self.pages_in_a_row(&operator);
        self.whoever_guesses_is_one_visitor();
        self.what_is_too_large_is_said_by_us();

        let mut line = Live::over_http1(self, &operator);
        line.hears("retry:");
        assert_eq!(operator.post("/signout", &[]).expect("an answer").status, 303);
        line.hears("\r\n0\r\n\r\n");
    }

    /// Each page left its line behind, of which a proxy need not take notice before it has something to say on it.
    fn pages_in_a_row(&self, operator: &Client) {
        let mut line = Live::over_http2(self, operator);
        line.hears("retry:");
        for page in 1..PAGES {
            let left = frame(RESET, 0, 2 * page as u32 - 1, &8_u32.to_be_bytes());
            let next = Live::request(operator, 2 * page as u32 + 1);
            line.line.write_all(&[left, next].concat()).expect("the next page asks");
            line.hears("retry:");
        }
        drop(line);
        for page in 0..PAGES {
            let mut line = Live::over_http1(self, operator);
            line.hears("retry:");
            assert!(line.heard.starts_with("HTTP/1.1 200"), "page {page}: {}", line.heard);
            assert!(!line.heard.to_ascii_lowercase().contains("content-encoding"), "{}", line.heard);
        }
    }

    /// A browser that trusts the region's certificate and calls it by its name.
    fn browser(&self) -> Client {
        let named = HeaderMap::from_iter([(HOST, HeaderValue::from_static(NAME))]);
        let config = self.trusting();
        Client::with(format!("https://{}", self.proxy.address), |b| {
            // A line that rested may have been closed by the proxy meanwhile; this browser would only find out by asking.
            b.default_headers(named).local_address(DESK).tls_backend_preconfigured(config).pool_max_idle_per_host(0)
        })
    }

    fn trusting(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issued.der.clone()).expect("a certificate");
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn line(&self, from: IpAddr, protocol: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let socket = raw::line_from(from, self.proxy.address);
        tls::line_speaking(socket, &[&self.issued], &[&TLS13], protocol).expect("a handshake")
    }

    fn ask(&self, from: IpAddr, head: &str, body: &[u8]) -> Reply {
        raw::ask(&mut self.line(from, "http/1.1"), NAME, head, body)
    }

    /// A form of an older browser, which says where it comes from by `Origin` only.
    fn forms_are_ours(&self) {
        let form = raw::form("/signin");
        let older = form.split_once("\r\nSec-Fetch-Site").expect("the header").0;
        for (origin, expected) in [(format!("https://{NAME}"), 422), ("https://elsewhere.example".to_owned(), 403)] {
            let answer = self.ask(DESK, &format!("{older}\r\nOrigin: {origin}"), b"login=nobody&password=nothing");
            assert_eq!(answer.status, expected, "{origin}: {}", answer.body);
        }
    }

    /// The gateway of a home posts that its button was pressed, and nothing else happens. Gives how long the lines
    /// waited for the word after that was acknowledged.
    fn press(&self, home: usize, lines: &mut [Live]) -> Duration {
        let (_, secret) = self.town.credential(home);
        let device = serial(self.town.homes[home].resident, BUTTON);
        let head = format!(
            "POST /ingest/v1/readings HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {secret}"
        );
        let body = format!(r#"{{"device": "{device}", "kind": "button"}}"#);
        let answer = self.ask(DESK, &head, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let began = Clock::now();
        for line in lines {
            line.hears("event: changed");
        }
        began.elapsed()
    }

    /// Whatever it says of itself; and its neighbour need not wait.
    fn whoever_guesses_is_one_visitor(&self) {
        let guess = |from: IpAddr, told: usize| {
            let head = format!("{}\r\nX-Forwarded-For: 203.0.113.{told}", raw::form("/enrol"));
            self.ask(from, &head, b"code=XXXX-XXXX-XXXX-XXXX").status
        };
        assert_eq!(guess(GUESSER, 0), 422);
        assert!((1..MANY).any(|told| guess(GUESSER, told) == 429), "an address that tries many codes has to wait");
        assert_eq!(guess(DESK, 0), 422, "its neighbour does not");
    }

    fn what_is_too_large_is_said_by_us(&self) {
        let mut body = b"login=jimu1&password=".to_vec();
        body.resize(5 << 20, b'a');
        let answer = self.ask(DESK, &raw::form("/signin"), &body);
        assert_eq!(answer.status, 413, "{}", answer.body);
        assert!(answer.body.contains("送信内容が大きすぎます"), "{}", answer.body);
    }
}

/// A live line through the proxy, and what was heard on it and not looked for yet, as it stands on the line: neither
/// HTTP changes the words.
struct Live {
    line: StreamOwned<ClientConnection, TcpStream>,
    heard: String,
}

const LIVE: &str = "/live/cases";

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

impl Live {
    fn over_http1(region: &Region, browser: &Client) -> Live {
        let mut head = format!("GET {LIVE} HTTP/1.1\r\nHost: {NAME}\r\nAccept-Encoding: gzip, br\r\n");
        for (name, value) in &browser.cookies {
            let before = if head.contains("Cookie: ") { "; " } else { "Cookie: " };
            write!(head, "{before}{name}={value}").expect("a string");
        }
        head.push_str("\r\n\r\n");
        Live::open(region.line(DESK, "http/1.1"), head.as_bytes())
    }

    fn over_http2(region: &Region, browser: &Client) -> Live {
        let greeting = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        Live::open(region.line(DESK, "h2"), &[greeting, Live::request(browser, 1)].concat())
    }

    /// In HTTP/2, without Huffman's code: GET, https, and literals.
    fn request(browser: &Client, stream: u32) -> Vec<u8> {
        let text = |text: &str| {
            let length = u8::try_from(text.len()).ok().filter(|n| *n < 127).expect("a short text");
            [&[length], text.as_bytes()].concat()
        };
        let mut head = [&[0x82, 0x87, 0x04][..], &text(LIVE), &[0x01], &text(NAME)].concat();
        head.extend([&[0x0f, 1][..], &text("gzip, br")].concat());
        for (name, value) in &browser.cookies {
            head.extend([&[0x0f, 17][..], &text(&format!("{name}={value}"))].concat());
        }
        frame(HEADERS, 0b101, stream, &head)
    }

    fn open(mut line: StreamOwned<ClientConnection, TcpStream>, request: &[u8]) -> Live {
        line.write_all(request).expect("the request is sent");
        Live { line, heard: String::new() }
    }

    /// Reads until these words come, which are then heard.
    #[track_caller]
    fn hears(&mut self, words: &str) {
        let mut piece = [0; 4096];
        let end = loop {
            if let Some(at) = self.heard.find(words) {
                break at + words.len();
            }
            let read = self.line.read(&mut piece).unwrap_or_else(|e| panic!("{words}: {e} after {:?}", self.heard));
            assert!(read > 0, "{words}: the line ended after {:?}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&piece[..read]));
        };
        // The head of the first answer stays to be looked at.
        if !self.heard.starts_with("HTTP/") || words != "retry:" {
            self.heard.drain(..end);
        }
    }
}
