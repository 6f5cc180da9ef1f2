//! Strangers cost nothing: one address holds as many half requests as it likes, slow readers read nothing, streams are
//! opened and thrown away; everybody else is served meanwhile, by a program with 1,024 descriptors.

mod besieger;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Span;
use besieger::{Besieger, Siege};
use rustls::version::TLS13;

use crate::client::Client;
use crate::harness::{Place, Serving, Town, ago, until};
use crate::tls::{self, Issued};
use crate::{doors, raw};

const DESCRIPTORS: u32 = 1_024;
const HALF_REQUESTS: usize = 1_500;
const BESIEGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 66));
/// Within this time of its last byte a half request is gone.
const GONE: Duration = Duration::from_secs(30);

fn neighbour(n: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, 2 + n])
}

/// A page to somebody new from this address.
#[track_caller]
fn must_get_a_page(place: &Place, issued: &Issued, from: IpAddr) {
    let mut line = tls::line(raw::line_from(from, place.web), &[issued], &[&TLS13]).expect("a handshake");
    let page = raw::ask(&mut line, place.web, "GET /signin HTTP/1.1", b"");
    assert_eq!(page.status, 200, "{}", page.body);
}

#[track_caller]
fn must_be_ready(place: &Place) {
    let ready = raw::plainly(place.operations, "GET /readyz HTTP/1.1", b"");
    assert_eq!(ready.status, 200, "{}", ready.body);
}

/// A signed-in browser at this address.
fn desk(place: &Place, issued: &Issued, town: &Town, from: IpAddr) -> Client {
    let certificate = reqwest::Certificate::from_der(&issued.der).expect("a certificate");
    let mut client = Client::with(format!("https://{}", place.web), |builder| {
        builder.local_address(from).tls_certs_only([certificate])
    });
    town.operator.sign_in(&mut client);
    // With the first page after it the connection is known.
    assert_eq!(client.get("/cases").expect("a page").status, 200);
    client
}

/// The same session from a browser that has no connection yet.
fn again(place: &Place, issued: &Issued, desk: &Client, from: IpAddr) -> Client {
    let certificate = reqwest::Certificate::from_der(&issued.der).expect("a certificate");
    let mut client = Client::with(format!("https://{}", place.web), |builder| {
        builder.local_address(from).tls_certs_only([certificate])
    });
    client.cookies = desk.cookies.clone();
    client
}

fn descriptors(serving: &Serving) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", serving.id())).map_or(0, Iterator::count)
}

/// Connections to this address that the program still holds, as the system counts them: it may open other descriptors
/// meanwhile, those of its database.
fn held(address: SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the system's table of connections");
    let local = format!(":{:04X}", address.port());
    let stands = |line: &&str| {
        let mut columns = line.split_whitespace();
        // Established, or ended by the other side alone.
        columns.nth(1).is_some_and(|at| at.ends_with(&local)) && matches!(columns.nth(1), Some("01" | "08"))
    };
    table.lines().filter(stands).count()
}

// shows: 5.7.1 1,500 half requests against the real program
// shows: 5.1.3 while one address holds 1,500 half requests, others get pages, gateways connect, /readyz answers
// shows: 5.1.3 within 30 s of the last byte a half request is gone
// shows: 5.1.3 a signed-in desk of the very address under siege is served
#[test]
fn under_a_siege_from_one_address_everybody_else_is_served() {
    let (_, own) = admission::raise();
    assert!(own >= 4_096, "this test itself holds more than 1,500 connections");
    let issued = Arc::new(Issued::new());
    let place = tls::place_with(&issued, "");
    let town = Town::settle(&place, 1, 2, ago(Span::hours(3)));
    let mut serving = place.serve_within(DESCRIPTORS);
    let mut at_the_desk = desk(&place, &issued, &town, BESIEGER);
    let (from, issue) = (BESIEGER, issued.clone());
    let siege = Siege { from, web: place.web, mqtt: place.mqtt, issued: issue, held: HALF_REQUESTS };
    let besieger = Besieger::begin(siege);
    until("the siege stands", || besieger.made() >= HALF_REQUESTS);
    let mut slowest = Duration::ZERO;
    for n in 0..12 {
        let began = Instant::now();
        must_get_a_page(&place, &issued, neighbour(n));
        let socket = raw::line_from(neighbour(n + 20), place.mqtt);
        let mut gateway = tls::line(socket, &[&issued], &[&TLS13]).expect("a handshake");
        tls::publish(&mut gateway, &town.credential(usize::from(n) % 2));
        must_be_ready(&place);
        // A desk whose connection stood before the siege.
        assert_eq!(at_the_desk.get("/cases").expect("an answer").status, 200);
        slowest = slowest.max(began.elapsed());
        // And one that comes new from the besieger's address: its browser tries again where it was pushed out.
        let mut anew = again(&place, &issued, &at_the_desk, BESIEGER);
        until("a desk of the besieged address is served", || anew.get("/cases").is_ok_and(|page| page.status == 200));
        assert!(descriptors(&serving) < DESCRIPTORS as usize - 64, "{} descriptors", descriptors(&serving));
    }
    let made = besieger.made();
    let lasted = besieger.lift();
    eprintln!("{made} half requests, the last gone after {lasted:?}; one round of the others took {slowest:?} at most");
    assert!(lasted < GONE, "a half request stayed for {lasted:?}");
    assert!(serving.is_running() && serving.stop());
}

/// The proxy of this machine hands on a request of the client at `told`.
fn handed_on(place: &Place, told: &str, head: &str) -> TcpStream {
    let mut line = raw::line_from(IpAddr::from([127, 0, 0, 1]), place.web);
    let head = format!("{head}\r\nHost: {}\r\nX-Forwarded-For: {told}\r\nConnection: close\r\n", place.web);
    line.write_all(head.as_bytes()).expect("it is sent");
    line
}

// shows: 5.7.1 half posts behind a proxy against the real program
// shows: 5.1.1 behind a trusted proxy the bound is by the address the proxy tells, never against the proxy itself
#[test]
fn behind_a_proxy_one_visitors_half_posts_stand_in_nobody_elses_way() {
    let place = Place::new();
    let mut serving = place.serve_within(DESCRIPTORS);
    let mut held: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut line = handed_on(&place, "203.0.113.9", &format!("{}\r\nContent-Length: 90", raw::form("/signin")));
            line.write_all(b"\r\nlogin=").expect("it is sent");
            line
        })
        .collect();
    for n in 10..40 {
        let mut line = handed_on(&place, &format!("203.0.113.{n}"), "GET /signin HTTP/1.1");
        line.write_all(b"\r\n").expect("it is sent");
        let mut page = String::new();
        line.read_to_string(&mut page).expect("an answer");
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        must_be_ready(&place);
    }
    for line in &mut held {
        let mut heard = Vec::new();
        // Some are told why, some are cut: each is ended.
        let _ = line.set_read_timeout(Some(GONE));
        let ended = line.read_to_end(&mut heard);
        assert!(!ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "a half post stays");
    }
    assert!(serving.stop());
}

/// The beginning of a conversation over HTTP/2: what we take (`window`: how much of each answer), and requests.
fn frames(window: u32, host: SocketAddr, streams: std::ops::Range<u32>, reset: bool) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat()));
    let host = host.to_string();
    // GET, https, and two literals: the path and the host.
    let path = "/signin";
    let head = [&[0x82, 0x87, 0x04, path.len() as u8][..], path.as_bytes(), &[0x01, host.len() as u8], host.as_bytes()];
    let head = head.concat();
    for stream in streams.map(|n| 2 * n + 1) {
        bytes.extend(frame(1, 0b101, stream, &head));
        if reset {
            bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
        }
    }
    bytes
}

// shows: 5.7.1 streams and slow readers against the real program
// shows: 5.1.1 slow readers and HTTP/2: streams opened and reset, answers that nobody takes
#[test]
fn streams_thrown_away_and_answers_not_taken_cost_nothing() {
    let issued = Issued::new();
    let place = tls::place_with(&issued, "");
    let mut serving = place.serve_within(DESCRIPTORS);
    let dial = |protocol| {
        let socket = raw::line_from(BESIEGER, place.web);
        socket.set_write_timeout(Some(Duration::from_secs(20))).expect("a limit");
        tls::line_speaking(socket, &[&issued], &[&TLS13], protocol).expect("a handshake")
    };
    for _ in 0..4 {
        // It may be told to go in the middle of it.
        let _ = dial("h2").write_all(&frames(65_535, place.web, 0..20_000, true));
        must_get_a_page(&place, &issued, neighbour(1));
    }
    let before = held(place.web);
    let mut unread = Vec::new();
    for _ in 0..10 {
        let mut line = dial("h2");
        line.write_all(&frames(0, place.web, 0..50, false)).expect("it is sent");
        unread.push(line);
        let mut line = dial("http/1.1");
        let get = format!("GET /signin HTTP/1.1\r\nHost: {}\r\n\r\n", place.web);
        line.write_all(get.repeat(400).as_bytes()).expect("it is sent");
        unread.push(line);
    }
    assert!(held(place.web) > before, "they are held at first");
    let since = Instant::now();
    must_get_a_page(&place, &issued, neighbour(1));
    must_be_ready(&place);
    // Nothing is read here either: the other side is found to have ended by what the system says of its connections.
    until("nobody waits for those who do not read", || held(place.web) <= before);
    eprintln!("{} lines gone after {:?}", unread.len(), since.elapsed());
    assert!(since.elapsed() < GONE + Duration::from_secs(5));
    assert!(serving.stop());
}

// shows: 5.1.2 a machine with too few descriptors is told what to type
#[test]
fn with_too_few_descriptors_it_does_not_start_and_says_what_to_do() {
    let place = Place::new();
    let said = doors::refused(place.program_within(300, &["serve"]));
    assert!(said.contains("300") && said.contains("ulimit -n") && said.contains("LimitNOFILE"), "{said}");
}
