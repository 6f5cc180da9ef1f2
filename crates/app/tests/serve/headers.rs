//! Security headers stand on every answer: on pages and assets, and on each kind of refusal.

use std::net::IpAddr;

use crate::harness::Place;
use crate::raw::{self, Reply};

const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 9));

#[track_caller]
fn carries_them(what: &str, reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{what}: {reply:?}");
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
        "strict-transport-security: max-age=31536000; includesubdomains",
        "cache-control: ",
    ] {
        assert!(reply.says(header), "{what}: {header} is missing: {reply:?}");
    }
}

// shows: 5.5.10 security headers on every answer, refusals and assets too
#[test]
fn every_answer_carries_the_headers_whoever_gives_it() {
    let place = Place::bare();
    let token = "[messages]\ntoken = \"a-token\"\nreport_token = \"another-token-of-the-region\"";
    place.configure("trusted_proxies = [\"127.0.0.1\"]\nhsts_subdomains = true", "", "", token);
    std::fs::set_permissions(place.config(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("rights");
    let _serving = place.serve();
    let plainly = |head: &str| raw::plainly(place.web, head, b"");
    let page = plainly("GET /signin HTTP/1.1");
    let asset = page.body.split("/assets/").nth(1).and_then(|rest| rest.split('"').next()).expect("an asset");
    carries_them("an asset", &plainly(&format!("GET /assets/{asset} HTTP/1.1")), 200);
    carries_them("a page", &page, 200);
    carries_them("an address that leads nowhere", &plainly("GET /nowhere HTTP/1.1"), 404);
    carries_them("an asset that is not there", &plainly("GET /assets/nothing.css HTTP/1.1"), 404);
    carries_them("a method that is not taken", &plainly("PUT /signin HTTP/1.1\r\nSec-Fetch-Site: same-origin"), 405);
    carries_them("a form from elsewhere", &plainly("POST /signin HTTP/1.1\r\nSec-Fetch-Site: cross-site"), 403);
    carries_them("a reading without a credential", &plainly("POST /ingest/v1/readings HTTP/1.1"), 401);
    let host = "GET /signin HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned();
    carries_them("another host", &raw::as_it_stands(place.web, host.as_bytes()), 421);
    let stranger = raw::ask(&mut raw::line_from(STRANGER, place.web), place.web, "GET /signin HTTP/1.1", b"");
    carries_them("somebody who is no proxy", &stranger, 403);
}
