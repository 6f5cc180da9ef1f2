//! What stands before every door: the host asked for, where a form came from, who is signed in, and the headers that
//! keep a browser from running or framing what is not ours.

use admission::Caller;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::Role;
use base64::Engine;

use crate::components::{Trouble, error_page};
use crate::frame::{self, Frame};
use crate::layout;
use crate::problem::{Problem, ProblemPage};
use crate::site::{Site, random};
use crate::visitor::{self, Asks, Greet, Visitor, session_token};

/// The nonce of one answer; scripts of the page carry it.
#[derive(Clone)]
pub struct Nonce(pub String);

pub async fn guard(State((site, greet)): State<(Site, Greet)>, mut request: Request, next: Next) -> Response {
    let Some(host) = host_of(&request).filter(|host| site.knows_host(host)) else {
        return (StatusCode::MISDIRECTED_REQUEST, "unknown host").into_response();
    };
    let scheme = if site.is_demo() { "http" } else { "https" };
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !same_origin(request.headers(), scheme, &host) {
        return (StatusCode::FORBIDDEN, "cross-origin request").into_response();
    }
    let nonce = base64::engine::general_purpose::STANDARD_NO_PAD.encode(random::<16>());
    request.extensions_mut().insert(Nonce(nonce.clone()));
    let path = request.uri().path().to_owned();
    let renewal = layout::renewal(request.uri().query());
    // A page shows what it read after its session was found to stand; a form does something.
    let may_recall = request.method() == Method::GET;
    let asked = Asked {
        address: request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
        sent: !may_recall,
        from: (!may_recall).then(|| page_before(request.headers(), &host)).flatten(),
        has_session: session_token(request.headers(), site.cookie_name()).is_some(),
    };
    let identified = visitor::identify(&site, greet, request.headers(), may_recall).await;
    let (visitor, response) = match identified {
        Ok(mut visitor) => {
            if let Some(visitor) = &mut visitor {
                visitor.path = path.as_str().into();
                if renewal.is_some() {
                    visitor.asks = Asks::Page;
                }
                if let Some(caller) = request.extensions().get::<Caller>() {
                    caller.know(visitor.session.id.0.as_u128());
                }
                request.extensions_mut().insert(visitor.clone());
            }
            answered(&site, visitor, next, request).await
        }
        Err(problem) => (None, problem.into_response()),
    };
    let mut response = with_page(response, &site, visitor, &nonce, &asked);
    if let Some(seconds) = renewal.filter(|_| response.status() == StatusCode::OK) {
        response.headers_mut().insert(header::REFRESH, HeaderValue::from(seconds));
    }
    secured(response, &nonce)
}

/// The answer, and whom it is for. Nothing that was made for a remembered session leaves before that is known to stand.
async fn answered(site: &Site, visitor: Option<Visitor>, next: Next, request: Request) -> (Option<Visitor>, Response) {
    let response = next.run(request).await;
    let Some(visitor) = visitor else { return (None, response) };
    match visitor.proven(site).await {
        // A page of a problem shows whose it is.
        Ok(()) if response.extensions().get::<ProblemPage>().is_some() && !visitor.stands_still(site).await => {
            (None, response)
        }
        Ok(()) => (Some(visitor), response),
        // The door found out before its handler, which knew of nobody.
        Err(_) if visitor.was_withdrawn() => (None, response),
        Err(problem) => (None, problem.into_response()),
    }
}

/// What the page of a problem knows of the request that met it.
struct Asked {
    /// With what was searched for.
    address: String,
    /// A form.
    sent: bool,
    /// The page of the form, as far as the browser says it and it is one of ours.
    from: Option<String>,
    has_session: bool,
}

impl Asked {
    fn path(&self) -> &str {
        self.address.split('?').next().unwrap_or("/")
    }

    /// Where to go from the page of a problem. Whose session it is may be what could not be looked up.
    fn way(&self, trouble: Trouble, role: Option<Role>) -> (&str, &'static str) {
        let ours = is_ours(&self.address);
        match role {
            _ if trouble.passes() && !self.sent && ours => (&self.address, "もう一度開く"),
            None if !self.has_session => ("/", "サインインへ"),
            _ if self.sent && trouble.may_be_sent_again() && self.from.is_some() => {
                (self.from.as_deref().unwrap_or("/"), "前の画面へ戻る")
            }
            role => (frame::home(role), "はじめのページへ"),
        }
    }
}

/// A problem becomes a page here, where the visitor and the nonce are known.
fn with_page(response: Response, site: &Site, visitor: Option<Visitor>, nonce: &str, asked: &Asked) -> Response {
    let Some(ProblemPage { problem, reference }) = response.extensions().get::<ProblemPage>().cloned() else {
        return response;
    };
    let role = visitor.as_ref().map(Visitor::role);
    let frame = Frame::new(site, visitor, Nonce(nonce.to_owned()), asked.path());
    let (trouble, detail) = problem.words();
    let way = asked.way(trouble, role);
    let body = frame.page(trouble.title()).body(error_page(trouble, detail, &reference, asked.sent, way));
    let (parts, _) = response.into_parts();
    let mut page = (parts.status, body).into_response();
    page.headers_mut()
        .extend(parts.headers.into_iter().filter(|(name, _)| name.as_ref() == Some(&header::RETRY_AFTER)));
    page
}

/// The host asked for; none where a request names two, of which a proxy may have believed the other.
fn host_of<B>(request: &axum::http::Request<B>) -> Option<String> {
    let mut named: Vec<&str> = request.uri().authority().map(|a| a.as_str()).into_iter().collect();
    for header in request.headers().get_all(header::HOST) {
        named.push(header.to_str().ok()?);
    }
    let host = named.pop().unwrap_or_default();
    named.iter().all(|other| other.eq_ignore_ascii_case(host)).then(|| host.to_owned())
}

/// The page from which a form came.
fn page_before(headers: &HeaderMap, host: &str) -> Option<String> {
    let (_, rest) = headers.get(header::REFERER)?.to_str().ok()?.split_once("://")?;
    let path = rest.find('/')?;
    let (by, path) = rest.split_at(path);
    (by.eq_ignore_ascii_case(host) && is_ours(path)).then(|| path.to_owned())
}

/// What begins with two strokes would lead to another house.
fn is_ours(address: &str) -> bool {
    address.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']))
}

/// A form must come from our own page: by `Sec-Fetch-Site` where the browser sends it, else by `Origin`. Neither is
/// sent by old browsers on same-origin forms; then `Referer` decides, and nothing at all is refused.
fn same_origin(headers: &HeaderMap, scheme: &str, host: &str) -> bool {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(header::ORIGIN).filter(|o| *o != "null").or(text(header::REFERER));
    let parts = origin.and_then(|o| o.split_once("://")).map(|(by, rest)| (by, rest.split('/').next().unwrap_or(rest)));
    parts.is_some_and(|(by, authority)| by == scheme && authority.eq_ignore_ascii_case(host))
}

fn secured(mut response: Response, nonce: &str) -> Response {
    let headers = response.headers_mut();
    let policy = layout::content_policy(nonce);
    let mut set = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(header::HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    response
}

/// A page of ours for an address that leads nowhere.
pub async fn nowhere() -> Response {
    Problem::Nowhere.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_form_from_elsewhere_is_refused() {
        let host = "tsunagari.example:8080";
        for (given, ours) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://tsunagari.example:8080")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://tsunagari.example:8080")], true),
            (&[("origin", "https://tsunagari.example:8080")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("referer", "http://tsunagari.example:8080/cases")], true),
            (&[("referer", "http://tsunagari.example:8080.evil.example/")], false),
            (&[], false),
        ] {
            assert_eq!(same_origin(&headers(given), "http", host), ours, "{given:?}");
        }
    }

    #[test]
    fn the_page_of_a_form_is_one_of_ours_or_none() {
        let host = "tsunagari.example:8080";
        for (referer, page) in [
            ("http://tsunagari.example:8080/visits/7?day=2", Some("/visits/7?day=2")),
            ("https://Tsunagari.example:8080/", Some("/")),
            ("http://tsunagari.example:8080", None),
            ("http://tsunagari.example:8080//evil.example/", None),
            ("http://tsunagari.example:8080/\\\\evil.example/", None),
            ("http://tsunagari.example:8080.evil.example/visits", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(page_before(&headers(&[("referer", referer)]), host).as_deref(), page, "{referer}");
        }
    }

    #[test]
    fn a_request_that_names_two_hosts_names_none() {
        let ours = "tsunagari.example";
        for (address, hosts, host) in [
            ("/cases", &[ours][..], Some(ours)),
            ("/cases", &["Tsunagari.example", ours], Some(ours)),
            ("/cases", &[ours, "evil.example"], None),
            ("/cases", &["evil.example", ours], None),
            ("https://tsunagari.example/cases", &[], Some(ours)),
            ("https://tsunagari.example/cases", &[ours], Some(ours)),
            ("https://evil.example/cases", &[ours], None),
            ("/cases", &[], Some("")),
        ] {
            let asking = hosts.iter().fold(axum::http::Request::get(address), |r, host| r.header(header::HOST, *host));
            assert_eq!(host_of(&asking.body(()).unwrap()).as_deref(), host, "{address} {hosts:?}");
        }
    }
}
