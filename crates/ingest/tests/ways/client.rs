//! An MQTT client that says exactly what a test wants it to say, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::station::PASSWORD;

pub struct Client<S = TcpStream> {
    stream: S,
    pub level: u8,
}

#[derive(Clone)]
pub struct Connect<'a> {
    pub level: u8,
    pub client: &'a str,
    pub user: &'a str,
    pub password: &'a str,
    pub clean: bool,
    pub keep_alive: u16,
    pub will: Option<(&'a str, &'a str)>,
}

pub const V3: Connect =
    Connect { level: 4, client: "hub", user: "gw-1", password: PASSWORD, clean: true, keep_alive: 60, will: None };
pub const V5: Connect = Connect { level: 5, ..V3 };

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        out.push(digit | if length > 0 { 0x80 } else { 0 });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

impl Connect<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = vec![];
        text(&mut body, "MQTT");
        let will = if self.will.is_some() { 0x04 } else { 0 };
        body.extend_from_slice(&[self.level, 0xc0 | will | if self.clean { 2 } else { 0 }]);
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        let v5 = self.level & 0x7f == 5;
        body.extend(v5.then_some(0));
        text(&mut body, self.client);
        if let Some((topic, message)) = self.will {
            body.extend(v5.then_some(0));
            text(&mut body, topic);
            text(&mut body, message);
        }
        text(&mut body, self.user);
        text(&mut body, self.password);
        packet(0x10, &body)
    }
}

/// A PUBLISH; `id` 0 is QoS 0.
pub fn publish(level: u8, topic: &str, payload: &[u8], id: u16) -> Vec<u8> {
    publish_with(level, if id == 0 { 0x30 } else { 0x32 }, topic, payload, id)
}

pub fn publish_with(level: u8, first: u8, topic: &str, payload: &[u8], id: u16) -> Vec<u8> {
    let mut body = vec![];
    text(&mut body, topic);
    if id != 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.extend((level == 5).then_some(0));
    body.extend_from_slice(payload);
    packet(first, &body)
}

/// One own reading whose place in the stream can be seen in its value.
pub fn reading(n: u16) -> Vec<u8> {
    format!(r#"{{"device":"thermometer","kind":"temperature","value":{}}}"#, f32::from(n) / 1000.0).into_bytes()
}

impl Client {
    pub async fn dial(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).await.unwrap(), 4)
    }

    /// Connects and expects to be let in.
    pub async fn connect(address: SocketAddr, connect: Connect<'_>) -> Client {
        let mut client = Client::dial(address).await;
        let connack = client.try_connect(&connect).await.expect("a CONNACK");
        assert_eq!((connack[0], connack[3]), (0x20, 0), "not let in: {connack:?}");
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn over(stream: S, level: u8) -> Client<S> {
        Client { stream, level }
    }

    /// Connects and gives back the whole CONNACK; `None` where the line was closed without one.
    pub async fn try_connect(&mut self, connect: &Connect<'_>) -> Option<Vec<u8>> {
        self.level = connect.level & 0x7f;
        self.send(&connect.bytes()).await;
        self.receive().await
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub async fn publish(&mut self, topic: &str, payload: &[u8], id: u16) {
        let bytes = publish(self.level, topic, payload, id);
        self.send(&bytes).await;
    }

    /// The next whole packet; `None` where the line was closed.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        let reading = async {
            let mut whole = vec![self.stream.read_u8().await.ok()?];
            let mut length = 0;
            for shift in [0, 7, 14, 21] {
                let digit = self.stream.read_u8().await.ok()?;
                whole.push(digit);
                length |= usize::from(digit & 0x7f) << shift;
                if digit & 0x80 == 0 {
                    break;
                }
            }
            let start = whole.len();
            whole.resize(start + length, 0);
            self.stream.read_exact(&mut whole[start..]).await.ok()?;
            Some(whole)
        };
        timeout(Duration::from_secs(20), reading).await.expect("nothing came for 20 s")
    }

    pub async fn expect_puback(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        assert_eq!(self.receive().await, Some(vec![0x40, 2, high, low]), "PUBACK of {id}");
    }

    /// A ping and its answer: proves that nothing else was on its way to us before.
    pub async fn expect_silence(&mut self) {
        self.send(&[0xc0, 0]).await;
        assert_eq!(self.receive().await, Some(vec![0xd0, 0]), "something came before the answer to the ping");
    }

    /// Reads on until the line is closed, whatever is said before.
    pub async fn until_closed(&mut self) {
        while self.receive().await.is_some() {}
    }

    pub async fn expect_closed(&mut self) {
        assert_eq!(self.receive().await, None, "expected the line to be closed");
    }
}
