//! Gateways as they send: MQTT 3.1.1, QoS 1, one reading a publish, each reading another moment of another device.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOPIC: &[u8] = b"tsunagari/v1/readings";
/// Flats of a gateway, as the region's maker settles them.
const FLATS: usize = 50;

pub struct Flood {
    pub port: u16,
    pub connections: usize,
    pub in_flight: usize,
    pub time: Duration,
}

/// What came of it, all connections together.
#[derive(Default)]
pub struct Sent {
    pub acknowledged: u64,
    pub presses: u64,
    /// How long each publish waited for its acknowledgement, in microseconds, the shortest first.
    waits: Vec<u32>,
}

impl Sent {
    /// Within this time so many of all publishes were acknowledged; `share` lies between 0 and 1.
    pub fn waited(&self, share: f64) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        let micros = self.waits.get((last as f64 * share).round() as usize).copied().unwrap_or(0);
        Duration::from_micros(u64::from(micros))
    }
}

impl Flood {
    pub fn run(&self) -> Result<Sent> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut lines = Vec::new();
            for house in 0..self.connections {
                lines.push(Line::open(self.port, house).await?);
            }
            let until = Instant::now() + self.time;
            let mut running = tokio::task::JoinSet::new();
            for line in lines {
                running.spawn(line.publish(self.in_flight, until));
            }
            let mut sent = Sent::default();
            while let Some(one) = running.join_next().await {
                let one = one??;
                sent.acknowledged += one.acknowledged;
                sent.presses += one.presses;
                sent.waits.extend(one.waits);
            }
            sent.waits.sort_unstable();
            Ok(sent)
        })
    }
}

/// One gateway's connection.
struct Line {
    stream: TcpStream,
    house: usize,
    made: usize,
    /// When each publish that waits for its acknowledgement was sent.
    open: VecDeque<Instant>,
    out: Vec<u8>,
    sent: Sent,
}

impl Line {
    async fn open(port: u16, house: usize) -> Result<Line> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut secret = [0_u8; 32];
        secret[..8].copy_from_slice(&(house as u64).to_le_bytes());
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut body = b"\x00\x04MQTT\x04\xc2\x00\x3c".to_vec();
        for field in [format!("bench-{house}"), format!("house-{house}"), secret] {
            body.extend((field.len() as u16).to_be_bytes());
            body.extend(field.bytes());
        }
        stream.write_all(&[0x10, body.len() as u8]).await?;
        stream.write_all(&body).await?;
        let mut answer = [0_u8; 4];
        stream.read_exact(&mut answer).await?;
        ensure!(answer[3] == 0, "house {house} is refused: {answer:?}");
        let (open, out, sent) = (VecDeque::new(), Vec::new(), Sent::default());
        Ok(Line { stream, house, made: 0, open, out, sent })
    }

    async fn publish(mut self, in_flight: usize, until: Instant) -> Result<Sent> {
        let mut input = [0_u8; 1024];
        let mut read = 0;
        loop {
            let now = Instant::now();
            while now < until && self.open.len() < in_flight {
                self.add_publish()?;
                self.open.push_back(now);
            }
            if self.open.is_empty() {
                return Ok(self.sent);
            }
            self.stream.write_all(&self.out).await?;
            self.out.clear();
            let more = self.stream.read(&mut input[read..]).await?;
            ensure!(more > 0, "the line of house {} was closed", self.house);
            read += more;
            let now = Instant::now();
            for answer in input[..read].chunks_exact(4) {
                ensure!(answer[0] == 0x40, "house {} got no PUBACK but {answer:?}", self.house);
                if let Some(at) = self.open.pop_front() {
                    self.sent.waits.push(u32::try_from((now - at).as_micros()).unwrap_or(u32::MAX));
                    self.sent.acknowledged += 1;
                }
            }
            let whole = read - read % 4;
            input.copy_within(whole..read, 0);
            read -= whole;
        }
    }

    /// Doors open and close, somebody moves, it grows warm; now and then a button is pressed.
    fn add_publish(&mut self) -> Result<()> {
        let (n, flat) = (self.made, self.made % FLATS);
        self.made += 1;
        let at = UNIX_EPOCH.elapsed()?.as_millis();
        let said = match (n / FLATS % 4, (n / FLATS / 4).is_multiple_of(2)) {
            (0, true) => r#"fridge","kind":"contact","value":"open""#,
            (0, false) => r#"fridge","kind":"contact","value":"closed""#,
            (1, _) => r#"motion","kind":"motion","value":true"#,
            (2, true) => r#"entrance","kind":"contact","value":"open""#,
            (2, false) => r#"entrance","kind":"contact","value":"closed""#,
            (_, true) => r#"air","kind":"temperature","value":21.5"#,
            (_, false) => r#"air","kind":"temperature","value":22.5"#,
        };
        // Every second house has one press, each at another time, in one of the flats that have a button.
        let pressed = self.house.is_multiple_of(2) && n == (10 + self.house) * FLATS + self.house % 10;
        let said = if pressed { self.press() } else { said };
        let mut body = Vec::with_capacity(128);
        write!(body, r#"{{"at":{at},"device":"{flat}-{said}}}"#)?;
        let id = (n % 65_535 + 1) as u16;
        let length = 2 + TOPIC.len() + 2 + body.len();
        self.out.extend([0x32, length as u8 & 0x7f | 0x80, (length >> 7) as u8, 0, TOPIC.len() as u8]);
        self.out.extend(TOPIC);
        self.out.extend(id.to_be_bytes());
        self.out.extend(body);
        Ok(())
    }

    fn press(&mut self) -> &'static str {
        self.sent.presses += 1;
        r#"button","kind":"button""#
    }
}
