//! Gateways of the demo town that speak as fast as they are told: MQTT 3.1.1 by hand, QoS 1, many publishes on their way
//! at a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

const TOPIC: &str = "tsunagari/v1/readings";
/// The seed of the demo town unless it is told another; with the home it makes the credential (`town::equip`).
const SEED: u64 = 1;
const TICK: Duration = Duration::from_millis(40);

/// One gateway's line.
pub struct Gateway {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    packet: u16,
}

impl Gateway {
    pub async fn connect(port: u16, home: usize) -> Result<Gateway> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let name = format!("demo-gw-{home:04}");
        let credential = Sha256::digest(format!("fictional gateway {SEED} {home}"));
        let password: String = credential.iter().map(|byte| format!("{byte:02x}")).collect();
        // Protocol name and level 4; user name, password and clean session; keep-alive of 120 s.
        let mut body = b"\x00\x04MQTT\x04\xc2\x00\x78".to_vec();
        for text in [&format!("bench-{home}"), &name, &password] {
            body.extend(u16::try_from(text.len())?.to_be_bytes());
            body.extend(text.as_bytes());
        }
        writer.write_all(&packet(0x10, &body)).await?;
        let mut answer = [0; 4];
        reader.read_exact(&mut answer).await?;
        ensure!(answer[0] == 0x20 && answer[3] == 0, "gateway {name} is refused: {answer:?}");
        Ok(Gateway { reader, writer, packet: 0 })
    }

    pub async fn publish(&mut self, payload: &str) -> Result<()> {
        let bytes = publish(&mut self.packet, payload);
        Ok(self.writer.write_all(&bytes).await?)
    }

    /// Waits for one PUBACK.
    pub async fn acknowledged(&mut self) -> Result<()> {
        let mut answer = [0; 4];
        self.reader.read_exact(&mut answer).await?;
        ensure!(answer[0] == 0x40, "no acknowledgement: {answer:?}");
        Ok(())
    }
}

fn publish(id: &mut u16, payload: &str) -> Vec<u8> {
    *id = id.checked_add(1).unwrap_or(1);
    let mut body = (TOPIC.len() as u16).to_be_bytes().to_vec();
    body.extend(TOPIC.as_bytes());
    body.extend(id.to_be_bytes());
    body.extend(payload.as_bytes());
    packet(0x32, &body)
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 0x80 } else { 0 };
        bytes.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// What a load came to.
pub struct Load {
    pub acknowledged: u64,
    /// Acknowledged readings a second.
    pub rate: f64,
}

impl Load {
    /// `per_second` distinct readings over as many gateways as `connections`, from the home `first` on.
    pub async fn run(port: u16, first: usize, connections: usize, per_second: usize, time: Duration) -> Result<Load> {
        let mut gateways = Vec::new();
        for home in first..first + connections {
            gateways.push((home, Gateway::connect(port, home).await?));
        }
        let began = Instant::now();
        let mut speaking = JoinSet::new();
        for (home, gateway) in gateways {
            let quota = per_second as f64 / connections as f64;
            speaking.spawn(speak(home, gateway, quota, began, time));
        }
        let mut acknowledged = 0;
        while let Some(spoken) = speaking.join_next().await {
            acknowledged += spoken??;
        }
        Ok(Load { acknowledged, rate: acknowledged as f64 / time.as_secs_f64() })
    }
}

/// One gateway at `quota` readings a second; gives how many were acknowledged.
async fn speak(home: usize, gateway: Gateway, quota: f64, began: Instant, time: Duration) -> Result<u64> {
    let Gateway { mut reader, mut writer, mut packet } = gateway;
    let hear = tokio::spawn(async move {
        let (mut bytes, mut buffer) = (0_u64, [0; 4096]);
        loop {
            match reader.read(&mut buffer).await? {
                0 => return Ok::<u64, std::io::Error>(bytes / 4),
                n => bytes += n as u64,
            }
        }
    });
    let mut sent = 0_u64;
    let mut ticks = tokio::time::interval(TICK);
    while began.elapsed() < time {
        ticks.tick().await;
        let wanted = (began.elapsed().as_secs_f64() * quota) as u64;
        let mut bytes = Vec::new();
        for n in sent..wanted {
            bytes.extend(publish(&mut packet, &reading(home, n)));
        }
        sent = wanted;
        writer.write_all(&bytes).await?;
    }
    // Everything is acknowledged before the line is closed.
    tokio::time::sleep(Duration::from_millis(500)).await;
    writer.write_all(&[0xe0, 0]).await?;
    let heard = hear.await??;
    if heard < sent {
        bail!("gateway {home}: {heard} of {sent} readings were acknowledged");
    }
    Ok(heard)
}

/// Climate and movement by turns, no two alike: without a time of its own each happens when it arrives.
fn reading(home: usize, n: u64) -> String {
    match n % 5 {
        0 => format!(r#"{{"device":"demo-{home:04}-living","kind":"motion","value":true}}"#),
        1 | 2 => format!(r#"{{"device":"demo-{home:04}-climate","kind":"humidity","value":{}}}"#, 45 + n % 10),
        _ => format!(r#"{{"device":"demo-{home:04}-climate","kind":"temperature","value":{}}}"#, 20 + n % 4),
    }
}
