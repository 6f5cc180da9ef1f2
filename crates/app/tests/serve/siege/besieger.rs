//! Half requests of every kind from one address, held and, where they are ended, made anew: so many and no more.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::version::TLS13;
use rustls::{ClientConnection, StreamOwned};

use crate::harness::PATIENCE;
use crate::raw;
use crate::tls::{self, Issued};

/// Connections made in all, those that take the place of ended ones included.
const MOST: usize = 6_000;
/// Made anew in one round.
const ANEW: usize = 50;
const ROUND: Duration = Duration::from_millis(50);
/// Between two bytes of one that sends a byte now and then.
const DRIP: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Siege {
    pub from: IpAddr,
    pub web: SocketAddr,
    pub mqtt: SocketAddr,
    pub issued: Arc<Issued>,
    pub held: usize,
}

pub struct Besieger {
    made: Arc<AtomicUsize>,
    lifted: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

struct Half {
    line: Line,
    drips: bool,
    last_byte: Instant,
    /// From the last byte to its end.
    lasted: Option<Duration>,
}

impl Besieger {
    pub fn begin(siege: Siege) -> Besieger {
        let (made, lifted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, heard) = (made.clone(), lifted.clone());
        let thread = std::thread::spawn(move || besiege(&siege, &counted, &heard));
        Besieger { made, lifted, thread }
    }

    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Sends nothing more and waits until the other side has ended every half request; gives the longest time from a
    /// last byte to an end.
    pub fn lift(self) -> Duration {
        self.lifted.store(true, Ordering::Relaxed);
        self.thread.join().expect("the besieger goes home")
    }
}

fn besiege(siege: &Siege, made: &AtomicUsize, lifted: &AtomicBool) -> Duration {
    let mut halves: Vec<Half> = Vec::new();
    let mut longest = Duration::ZERO;
    while !lifted.load(Ordering::Relaxed) {
        for half in &mut halves {
            half.look();
            if half.drips && half.lasted.is_none() && half.last_byte.elapsed() >= DRIP {
                half.drip();
            }
        }
        longest = halves.iter().filter_map(|half| half.lasted).fold(longest, Duration::max);
        halves.retain(|half| half.lasted.is_none());
        let number = made.load(Ordering::Relaxed);
        let wanted = if number < siege.held { siege.held } else { ANEW };
        for number in number..(number + wanted.min(siege.held - halves.len())).min(MOST) {
            halves.extend(half(siege, number));
            made.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(ROUND);
    }
    let deadline = Instant::now() + PATIENCE;
    while halves.iter().any(|half| half.lasted.is_none()) {
        assert!(Instant::now() < deadline, "half requests stay");
        halves.iter_mut().for_each(Half::look);
        std::thread::sleep(ROUND);
    }
    halves.iter().filter_map(|half| half.lasted).fold(longest, Duration::max)
}

/// The n-th half request; `None` where it was ended before it was half.
fn half(siege: &Siege, number: usize) -> Option<Half> {
    let to = if number % 5 < 3 { siege.web } else { siege.mqtt };
    let mut socket = raw::line_from(siege.from, to);
    let whole_handshake = number.is_multiple_of(4);
    let line = if whole_handshake {
        let mut line = tls::line(socket, &[&siege.issued], &[&TLS13]).ok()?;
        let head = match (to == siege.mqtt, number % 8) {
            // CONNECT, its length, and no more.
            (true, _) => b"\x10\x20\x00\x04MQ".to_vec(),
            (false, 0) => b"GET /signin HTTP/1.1\r\nHost: x\r\nX-Half".to_vec(),
            _ => format!("{}\r\nHost: {to}\r\nContent-Length: 90\r\n\r\nlogin=", raw::form("/signin")).into_bytes(),
        };
        line.write_all(&head).ok()?;
        line.sock.set_nonblocking(true).expect("a line that does not wait");
        Line::Tls(Box::new(line))
    } else {
        // Nothing at all, or a part of a greeting.
        if number.is_multiple_of(2) {
            socket.write_all(&[22, 3, 1, 2]).ok()?;
        }
        socket.set_nonblocking(true).expect("a line that does not wait");
        Line::Plain(socket)
    };
    Some(Half { line, drips: number.is_multiple_of(3), last_byte: Instant::now(), lasted: None })
}

impl Half {
    fn socket(&mut self) -> &mut TcpStream {
        match &mut self.line {
            Line::Plain(socket) => socket,
            Line::Tls(line) => &mut line.sock,
        }
    }

    /// Whether the other side has ended it.
    fn look(&mut self) {
        if self.lasted.is_some() {
            return;
        }
        let mut heard = [0; 4096];
        let ended = loop {
            match self.socket().read(&mut heard) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        if ended {
            self.lasted = Some(self.last_byte.elapsed());
        }
    }

    fn drip(&mut self) {
        let sent = match &mut self.line {
            Line::Plain(socket) => socket.write_all(&[0]),
            Line::Tls(line) => line.write_all(b"a").and_then(|()| line.flush()),
        };
        // Where it fails, the next look finds the end.
        if sent.is_ok() {
            self.last_byte = Instant::now();
        }
    }
}
