//! Requests as their bytes stand: from another address, with headers that a browser does not send, or more than is
//! taken.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// What came back, as it stood on the line.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    /// Whether the head holds these words.
    pub fn says(&self, words: &str) -> bool {
        self.head.to_ascii_lowercase().contains(words)
    }
}

/// A line to `to` that comes from `from`, an address of this machine: all of 127.0.0.0/8 are.
pub fn line_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let line = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(to).await?.into_std()
    });
    let line = line.expect("the program listens");
    line.set_nonblocking(false).expect("a line that waits");
    line.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    line
}

/// One request and its reply. `head` ends without an empty line; the host and the end of the line are added.
pub fn ask(line: &mut (impl Read + Write), host: impl Display, head: &str, body: &[u8]) -> Reply {
    let head = format!("{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    line.write_all(head.as_bytes()).expect("the head is sent");
    line.write_all(body).expect("the body is sent");
    let mut bytes = Vec::new();
    // A TLS line may end without a farewell.
    if let Err(error) = line.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty(), "no reply: {error}");
    }
    reply(&bytes)
}

/// One plain request from this machine.
pub fn plainly(to: SocketAddr, head: &str, body: &[u8]) -> Reply {
    ask(&mut line_from(IpAddr::from([127, 0, 0, 1]), to), to, head, body)
}

/// One request exactly as given, which must ask for the end of the line itself.
pub fn as_it_stands(to: SocketAddr, request: &[u8]) -> Reply {
    let mut line = line_from(IpAddr::from([127, 0, 0, 1]), to);
    line.write_all(request).expect("it is sent");
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).expect("a reply");
    reply(&bytes)
}

/// The head of a posted form of our own.
pub fn form(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin")
}

fn reply(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    Reply { status: status.unwrap_or_else(|| panic!("no reply: {text}")), head: head.into(), body: body.into() }
}
