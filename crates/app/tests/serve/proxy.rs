//! Behind a proxy that ends TLS: only addresses that the configuration trusts are answered plainly, and only their word
//! on where a visitor comes from is believed.

use std::net::{IpAddr, SocketAddr};

use rustls::version::TLS13;

use crate::harness::{Place, Town, ago};
use crate::raw::{self, Reply};
use crate::{doors, tls};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
/// More than one address may fail before it has to wait.
const MANY: usize = 40;

#[test]
fn without_tls_and_without_a_trusted_proxy_it_does_not_start() {
    let place = Place::bare();
    place.configure("", "", "", "");
    let said = doors::refused(place.program(&["serve"]));
    assert!(said.contains("tls") && said.contains("trusted_proxies"), "{said}");
}

#[test]
fn a_stranger_is_not_answered_plainly_whatever_it_says_of_itself() {
    let place = Place::bare();
    place.configure("trusted_proxies = [\"127.0.0.2\"]", "", "", "");
    let _serving = place.serve();
    let mut lies =
        vec!["", "X-Forwarded-For: 127.0.0.2", "X-Forwarded-Proto: https", "Forwarded: for=127.0.0.2;proto=https"];
    lies.push("X-Real-IP: 127.0.0.2");
    for lie in lies {
        let lie = if lie.is_empty() { String::new() } else { format!("\r\n{lie}") };
        for head in ["GET / HTTP/1.1", "GET /signin HTTP/1.1", "POST /ingest/v1/readings HTTP/1.1"] {
            let answer = raw::ask(&mut raw::line_from(HERE, place.web), place.web, &format!("{head}{lie}"), b"");
            assert_eq!(answer.status, 403, "{head}{lie}: {}", answer.body);
        }
    }
    let page = raw::ask(&mut raw::line_from(PROXY, place.web), place.web, "GET /signin HTTP/1.1", b"");
    assert_eq!(page.status, 200, "{}", page.body);
}

/// A code that opens nothing, tried by whoever the headers say.
fn wrong_code(line: &mut (impl std::io::Read + std::io::Write), to: SocketAddr, headers: &str) -> Reply {
    raw::ask(line, to, &format!("{}{headers}", raw::form("/enrol")), b"code=XXXX-XXXX-XXXX-XXXX")
}

#[test]
fn the_proxys_word_on_the_visitors_address_is_believed_and_the_visitors_own_is_not() {
    let place = Place::new();
    let _serving = place.serve();
    let from = |headers: &str| wrong_code(&mut raw::line_from(HERE, place.web), place.web, headers).status;
    let told = |address: &str| format!("\r\nX-Forwarded-For: {address}");
    assert_eq!(from(&told("203.0.113.9")), 422);
    assert!((0..MANY).any(|_| from(&told("203.0.113.9")) == 429), "an address that tries many codes has to wait");
    assert_eq!(from(&told("203.0.113.10")), 422, "its neighbour does not");
    // What the visitor wrote itself stands before the proxy's word: in the same header, or in one of its own.
    assert_eq!(from(&told("198.51.100.7, 203.0.113.9")), 429);
    assert_eq!(from(&format!("{}{}", told("198.51.100.7"), told("203.0.113.9"))), 429);
    assert_eq!(from(&format!("{}{}", told("203.0.113.9"), told("198.51.100.7"))), 422);
}

#[test]
fn over_tls_of_its_own_a_strangers_word_is_not_believed() {
    let issued = tls::Issued::new();
    let place = tls::place_with(&issued, "trusted_proxies = [\"127.0.0.2\"]");
    let _serving = place.serve();
    let from = |address: IpAddr, told: usize| {
        let mut line = tls::line(raw::line_from(address, place.web), &[&issued], &[&TLS13]).expect("a handshake");
        wrong_code(&mut line, place.web, &format!("\r\nX-Forwarded-For: 203.0.113.{told}")).status
    };
    assert!((0..MANY).any(|n| from(HERE, n) == 429), "whatever it says of itself, it is one visitor");
    // The proxy's visitors are as many as it says.
    assert!((0..MANY).all(|n| from(PROXY, n) == 422));
}

#[test]
fn what_a_browser_keeps_of_us_is_bound_to_this_host_and_to_tls() {
    let place = Place::new();
    let town = Town::settle(&place, 1, 2, ago(base::Span::hours(3)));
    let _serving = place.serve();
    let mut operator = place.client();
    town.operator.sign_in(&mut operator);
    assert!(operator.set.len() >= 3, "{:?}", operator.set);
    for cookie in &operator.set {
        let (pair, rest) = cookie.split_once(';').expect("attributes");
        assert!(pair.starts_with("__Host-tsunagari"), "{pair}");
        let attributes: Vec<&str> = rest.split(';').map(str::trim).collect();
        for wanted in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(attributes.contains(&wanted), "{wanted}: {rest}");
        }
        assert!(!attributes.iter().any(|a| a.starts_with("Domain")), "{rest}");
    }
}
