//! A browser without a script: a cookie, forms, and what came back.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt;

use crate::Region;

pub const HOST: &str = "127.0.0.1:8080";
/// Pages are shorter.
const MOST_BYTES: usize = 8 << 20;

/// Somebody signed in, or, with an empty cookie, nobody.
#[derive(Clone)]
pub struct Browser {
    pub(crate) cookie: String,
}

impl Browser {
    pub fn nobody() -> Browser {
        Browser { cookie: String::new() }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    /// Empty for a stream that does not end.
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn is(&self, status: u16) -> &Answer {
        assert_eq!(self.status.as_u16(), status, "{}\n{}", self.location, self.body);
        self
    }

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
}

impl Region {
    pub fn get(&self, who: &Browser, path: &str) -> Answer {
        self.ask(who, Request::get(path), Some("same-origin"), String::new())
    }

    pub fn post(&self, who: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.ask(who, form(path), Some("same-origin"), body)
    }

    /// A form on this page of ours, as a browser says it.
    pub fn post_on(&self, page: &str, who: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.ask(who, form(path).header(header::REFERER, format!("http://{HOST}{page}")), Some("same-origin"), body)
    }

    /// A form on a page of somebody else's, in the browser of somebody signed in here.
    pub fn post_from_elsewhere(&self, who: &Browser, path: &str, site: Option<&str>) -> Answer {
        self.ask(who, form(path), site, String::new())
    }

    /// Posts and follows the answer to the next page.
    #[track_caller]
    pub fn step(&self, who: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(who, path, fields);
        answer.is(303);
        let next = self.get(who, &answer.location);
        next.is(200);
        next
    }

    fn ask(&self, who: &Browser, request: axum::http::request::Builder, site: Option<&str>, body: String) -> Answer {
        let request = request.header(header::HOST, HOST).header(header::COOKIE, &who.cookie);
        let request = match site {
            Some(site) => request.header("sec-fetch-site", site),
            None => request,
        };
        let request = request.body(Body::from(body)).expect("a request");
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status();
            let head = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let (location, kind) = (head(header::LOCATION), head(header::CONTENT_TYPE));
            if kind.starts_with("text/event-stream") {
                return Answer { status, location, body: String::new() };
            }
            let bytes = axum::body::to_bytes(response.into_body(), MOST_BYTES).await.expect("a body");
            Answer { status, location, body: String::from_utf8_lossy(&bytes).into_owned() }
        })
    }
}

fn form(path: &str) -> axum::http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}
