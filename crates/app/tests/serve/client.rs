//! A small browser: keeps its cookies, says where its forms come from, follows nothing by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};

pub struct Client {
    base: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    pub cookies: BTreeMap<String, String>,
    /// Every cookie that was ever set, with its attributes.
    pub set: Vec<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Empty where the answer leads nowhere.
    pub location: String,
    pub body: String,
}

impl Client {
    /// `base`: scheme, host and port.
    pub fn new(base: String) -> Client {
        Client::with(base, |builder| builder)
    }

    /// As [`Client::new`]; `set` may add a certificate to trust, or a name to find at an address.
    pub fn with(base: String, set: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Client {
        // A second call in one process finds the same provider installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(1);
        let http = set(builder).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Client { base, http, runtime, cookies: BTreeMap::new(), set: Vec::new() }
    }

    pub fn get(&mut self, path: &str) -> reqwest::Result<Answer> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.ask(request)
    }

    /// Posts a form as one of our own pages would.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> reqwest::Result<Answer> {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.ask(request)
    }

    fn ask(&mut self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let (answer, set) = self.runtime.block_on(async {
            let response = request.send().await?;
            let head = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let (status, location) = (response.status().as_u16(), head(LOCATION));
            let set: Vec<String> = response
                .headers()
                .get_all(SET_COOKIE)
                .iter()
                .filter_map(|v| v.to_str().ok().map(str::to_owned))
                .collect();
            Ok::<_, reqwest::Error>((Answer { status, location, body: response.text().await? }, set))
        })?;
        for (name, value) in set.iter().filter_map(|line| line.split(';').next()?.split_once('=')) {
            match value {
                "" => self.cookies.remove(name),
                _ => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        self.set.extend(set);
        Ok(answer)
    }
}
