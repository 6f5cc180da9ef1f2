//! People at their desks for the `week` bench: of every role some, each walking from page to page by the links it finds
//! and holding a live line, a shift at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::bench::http::{Line, all_of_role, enter};

/// As the start page names them, with the live line that their first page holds.
const ROLES: &[(&str, &str)] = &[
    ("コールセンター", "cases"),
    ("ケアマネジャー", "notebook"),
    ("医師", "notebook"),
    ("訪問看護師", "notebook"),
    ("家族", "family"),
    ("本人", "family"),
    ("市 高齢福祉", "cases"),
    ("地域包括支援センター", "cases"),
    ("事務局", "register"),
    ("監査", "notebook"),
    ("薬剤師", "notebook"),
    ("訪問介護員", "notebook"),
];
/// Of each role so many.
const EACH: usize = 2;
/// A look a second at each desk.
const BETWEEN: Duration = Duration::from_secs(1);
/// By the town's clock; then they go home and others come.
const SHIFT: Duration = Duration::from_secs(8 * 3600);

/// What they all did, counted.
#[derive(Default)]
pub struct Done {
    pages: AtomicU64,
    refused: AtomicU64,
    shifts: AtomicU64,
    woken: AtomicU64,
    broken: AtomicU64,
}

impl Done {
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    pub fn words(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!(
            "{} pages in {} shifts, {} other answers, {} broken lines, {} words on live lines",
            self.pages(),
            of(&self.shifts),
            of(&self.refused),
            of(&self.broken),
            of(&self.woken)
        )
    }
}

/// All desks, on a thread of their own.
pub struct Desks {
    closed: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Desks {
    pub fn open(port: u16, speed: u16, done: Arc<Done>) -> Result<Desks> {
        let closed = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let people = runtime.block_on(people(port))?;
        let shift = SHIFT / u32::from(speed);
        let over = closed.clone();
        let thread = std::thread::spawn(move || {
            for (n, (account, channel)) in people.into_iter().enumerate() {
                runtime.spawn(sit(port, account, channel, n as u64, shift, done.clone()));
            }
            runtime.block_on(async {
                while !over.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(100)).await;
                }
            });
            Ok(())
        });
        Ok(Desks { closed, thread })
    }

    pub fn close(self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| bail!("the desks panicked"))
    }
}

/// Accounts of the start page, with their channel.
async fn people(port: u16) -> Result<Vec<(String, &'static str)>> {
    let mut line = Line::open(port).await?;
    let mut found = Vec::new();
    for (role, channel) in ROLES {
        let accounts = all_of_role(&mut line, port, role).await?;
        found.extend(accounts.into_iter().take(EACH).map(|account| (account, *channel)));
    }
    Ok(found)
}

/// One desk, shift after shift.
async fn sit(port: u16, account: String, channel: &'static str, seed: u64, shift: Duration, done: Arc<Done>) {
    let mut draw = Draw(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed + 1));
    // They do not all come in the same moment.
    sleep(BETWEEN * (seed as u32) / 8).await;
    loop {
        let until = Instant::now() + shift;
        if work(port, &account, channel, until, &mut draw, &done).await.is_err() {
            done.broken.fetch_add(1, Ordering::Relaxed);
        }
        sleep(BETWEEN).await;
    }
}

async fn work(
    port: u16,
    account: &str,
    channel: &str,
    until: Instant,
    draw: &mut Draw,
    done: &Arc<Done>,
) -> Result<()> {
    let mut line = Line::open(port).await?;
    let asker = enter(&mut line, port, account).await?;
    done.shifts.fetch_add(1, Ordering::Relaxed);
    let mut live = tokio::task::JoinSet::new();
    live.spawn(listen(port, asker.get(&format!("/live/{channel}")), done.clone()));
    let mut at = "/".to_owned();
    while Instant::now() < until {
        let answer = line.ask(&asker.get(&at)).await?;
        at = match answer.status {
            200 => {
                done.pages.fetch_add(1, Ordering::Relaxed);
                let links = links(answer.body);
                if links.is_empty() || draw.below(8) == 0 { "/".into() } else { links[draw.below(links.len())].clone() }
            }
            302..=303 => location(answer.head).unwrap_or("/").to_owned(),
            _ => {
                done.refused.fetch_add(1, Ordering::Relaxed);
                "/".into()
            }
        };
        sleep(BETWEEN).await;
    }
    Ok(())
}

/// Hears the live line until it ends; it is dialled again in the next shift.
async fn listen(port: u16, request: Vec<u8>, done: Arc<Done>) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&request).await?;
    let mut heard = vec![0; 4096];
    loop {
        let bytes = stream.read(&mut heard).await?;
        if bytes == 0 {
            return Ok(());
        }
        let words = heard[..bytes].windows(14).filter(|w| w == b"event: changed").count();
        done.woken.fetch_add(words as u64, Ordering::Relaxed);
    }
}

/// Where a page leads, without what leads out of it.
fn links(page: &str) -> Vec<String> {
    let found = page.split("<a ").skip(1).filter_map(|rest| {
        let tag = rest.split_once('>')?.0;
        let to = tag.split_once("href=\"/")?.1.split_once('"')?.0;
        let leads_out = ["demo", "l/", "assets", "live"].iter().any(|out| to.starts_with(out));
        (!leads_out && !to.contains("&amp;") && !to.contains(".csv")).then(|| format!("/{to}"))
    });
    found.collect()
}

fn location(head: &str) -> Option<&str> {
    head.lines().find_map(|line| line.strip_prefix("location: "))
}

/// xorshift64: the walk only has to be no pattern of ours.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
