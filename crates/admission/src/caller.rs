//! What a handler learns of whoever calls, and how it tells that it knows them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use rustls::pki_types::CertificateDer;

use crate::line::Line;
use crate::{Place, Room};

/// In the extensions of every request that came through [`crate::http`].
#[derive(Clone)]
pub struct Caller {
    pub(crate) exchange: Arc<Exchange>,
}

impl Caller {
    /// The client's address: a trusted proxy's word, else the connection's other end.
    pub fn address(&self) -> IpAddr {
        self.exchange.address
    }

    /// Whether it came from an address that the configuration trusts as a proxy.
    pub fn is_trusted(&self) -> bool {
        self.exchange.trusted
    }

    /// The certificates shown in the handshake, the caller's own first; their key was proven to be there, and nothing
    /// else of them. None on a proxy's connection: what it shows is not the client's.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        if self.exchange.trusted { &[] } else { self.exchange.line.showed() }
    }

    /// The request carried a living session or a gateway's credential; `who` is the same number for the same one.
    pub fn know(&self, who: u128) {
        if let Some(place) = &self.exchange.place {
            place.know(who);
        }
        // A proxy's connection carries many.
        if !self.exchange.trusted {
            self.exchange.line.place.know(who);
        }
    }
}

/// One request and its answer, from the head to the last byte.
pub(crate) struct Exchange {
    pub line: Arc<Line>,
    /// `None` on a connection whose owner is known.
    pub place: Option<Place>,
    address: IpAddr,
    trusted: bool,
    working: AtomicBool,
}

impl Exchange {
    pub(crate) fn begin(line: Arc<Line>, place: Option<Place>, address: IpAddr, trusted: bool, http2: bool) -> Self {
        line.begin(http2);
        Exchange { line, place, address, trusted, working: false.into() }
    }

    /// The request has wholly arrived: from now on it waits for us.
    pub(crate) fn arrived(&self) {
        if !self.working.swap(true, Ordering::Relaxed) {
            self.work(true);
        }
    }

    /// The answer is there: from now on we wait for the client again.
    pub(crate) fn answered(&self) {
        if self.working.swap(false, Ordering::Relaxed) {
            self.work(false);
        }
    }

    /// Whether somebody on this connection or in this request is known.
    pub(crate) fn is_known(&self) -> bool {
        self.line.place.is_known() && !self.trusted || self.place.as_ref().is_some_and(Place::is_known)
    }

    fn work(&self, begins: bool) {
        self.line.place.work(begins);
        if let Some(place) = &self.place {
            place.work(begins);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.answered();
        self.line.end();
    }
}

/// What a trusted proxy says of the client. Its own word is the last: some append to the client's header, others add one
/// of their own below it.
pub(crate) fn told(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// A place for a request, where it needs one. A proxy that says nothing of a client asks for itself.
pub(crate) fn seat(
    requests: &Room,
    line: &Line,
    told: Option<IpAddr>,
    peer: IpAddr,
    trusted: bool,
) -> Result<Option<Place>, crate::Refusal> {
    match (trusted, told) {
        (true, None) => requests.enter_trusted().map(Some),
        (true, Some(client)) => requests.enter(client).map(Some),
        (false, _) if line.place.is_known() => Ok(None),
        (false, _) => requests.enter(peer).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_proxys_own_word_is_the_last() {
        for (lines, expected) in [
            (&["203.0.113.9"][..], Some("203.0.113.9")),
            (&["198.51.100.7, 203.0.113.9"], Some("203.0.113.9")),
            (&["198.51.100.7", "203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9, "], None),
            (&["unknown"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            assert_eq!(told(&headers), expected.map(|ip| ip.parse().unwrap()), "{lines:?}");
        }
    }
}
