//! What every answer carries, whoever gives it: pages, assets, ways in for readings and reports, and the refusals that
//! come before any of them. It is the outermost layer, and what a page says more exactly stays.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;

const ALWAYS: [(HeaderName, &str); 7] = [
    // For what is no page: it runs nothing and stands in no frame.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Whether a browser shall come back by TLS only, for a year: to this name, or to every name below it too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strict {
    /// A demonstration on loopback has no TLS.
    No,
    ThisName,
    Below,
}

pub fn on_every_answer(router: Router, strict: Strict) -> Router {
    router.layer(middleware::from_fn_with_state(strict, harden))
}

async fn harden(State(strict): State<Strict>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    complete(response.headers_mut(), strict);
    response
}

fn complete(headers: &mut HeaderMap, strict: Strict) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let strictly = match strict {
        Strict::No => return,
        Strict::ThisName => "max-age=31536000",
        Strict::Below => "max-age=31536000; includeSubDomains",
    };
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(strictly));
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.5.10 HSTS with subdomains where the configuration says so
    #[test]
    fn a_page_keeps_what_it_says_itself_and_only_the_configuration_binds_other_names() {
        let of = |strict| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("a page's own"));
            complete(&mut headers, strict);
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "a page's own");
            assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
            headers.get(header::STRICT_TRANSPORT_SECURITY).map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(of(Strict::No), None);
        assert_eq!(of(Strict::ThisName).unwrap(), "max-age=31536000");
        assert_eq!(of(Strict::Below).unwrap(), "max-age=31536000; includeSubDomains");
    }
}
