//! A lean reader of pages: one kept connection, requests written as bytes, answers searched and thrown away. It shares
//! the machine with what it measures, so it does nothing else.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a head; the site's are far below.
const HEAD_LIMIT: usize = 16 * 1024;

/// The session's cookie in a demonstration.
const SESSION: &str = "tsunagari_demo=";

pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the line's own buffer.
pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a str,
    pub body: &'a str,
}

impl Line {
    pub async fn open(port: u16) -> Result<Line> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Line { stream, buffer: Vec::with_capacity(128 * 1024) })
    }

    /// Writes a whole request and reads the whole answer to it.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(self.buffer.len() < HEAD_LIMIT, "an answer without an end of its head");
        };
        let length = content_length(&self.buffer[..head])?;
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        let (head, body) = self.buffer.split_at(head);
        let head = std::str::from_utf8(head)?;
        let status = head.get(9..12).and_then(|code| code.parse().ok()).context("an answer without a status")?;
        Ok(Answer { status, head, body: std::str::from_utf8(body)? })
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the site closed the connection");
        }
        Ok(())
    }
}

impl Answer<'_> {
    /// The body, if this is a page.
    pub fn page(&self) -> Result<&str> {
        ensure!(self.status == 200, "an answer with status {}: {}", self.status, self.body);
        Ok(self.body)
    }
}

/// Whoever asks: the site's port, and the cookie of a session once there is one.
#[derive(Clone)]
pub struct Asker {
    pub port: u16,
    pub cookie: String,
}

impl Asker {
    pub fn get(&self, path: &str) -> Vec<u8> {
        let Asker { port, cookie } = self;
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n").into_bytes()
    }

    /// A form, as a page of the site itself would send it.
    pub fn post(&self, path: &str, form: &str) -> Vec<u8> {
        let Asker { port, cookie } = self;
        format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
        .into_bytes()
    }
}

/// Becomes somebody of the demo town: a real session behind the start page's own button.
pub async fn enter(line: &mut Line, port: u16, account: &str) -> Result<Asker> {
    let nobody = Asker { port, cookie: String::new() };
    let answer = line.ask(&nobody.post(&format!("/demo/enter/{account}"), "")).await?;
    let cookies = answer.head.lines().filter_map(|line| line.split_once(": ")).map(|(_, value)| value);
    let cookie = cookies.filter(|value| value.starts_with(SESSION)).find_map(|value| value.split(';').next());
    let cookie = cookie.with_context(|| format!("no session for {account}: status {}", answer.status))?;
    Ok(Asker { port, cookie: cookie.to_owned() })
}

/// The first account of a role, as the start page names the role.
pub async fn first_of_role(line: &mut Line, port: u16, role: &str) -> Result<String> {
    Ok(all_of_role(line, port, role).await?.swap_remove(0))
}

/// The accounts of a role on the start page, one at least.
pub async fn all_of_role(line: &mut Line, port: u16, role: &str) -> Result<Vec<String>> {
    let nobody = Asker { port, cookie: String::new() };
    let answer = line.ask(&nobody.get("/demo")).await?;
    let list = answer.page()?.split_once(&format!("<h3>{role}</h3>")).map(|(_, rest)| rest);
    let list = list.and_then(|rest| rest.split("<h3>").next()).with_context(|| format!("no {role}"))?;
    let accounts = list.split("/demo/enter/").skip(1).filter_map(|rest| rest.split('"').next());
    let accounts: Vec<String> = accounts.map(str::to_owned).collect();
    ensure!(!accounts.is_empty(), "no {role}");
    Ok(accounts)
}

/// What stands between two marks, the first time.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map(|(found, _)| found)
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let line =
        head.lines().find(|line| line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case("content-length:")));
    Ok(line.context("an answer without a length")?[15..].trim().parse()?)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
