//! Takes connections from a listening socket and lets in whom the room lets in. It neither spins nor stands still where
//! the machine has no descriptor left: the longest silent stranger goes, and whoever knocks is told at once.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::{Place, Room};

/// How long the kernel goes on for a client from which no acknowledgement comes.
const DEAD: Duration = Duration::from_secs(60);
/// Between two tries where descriptors have run out.
const BREATH: Duration = Duration::from_millis(50);

pub struct Accepting {
    listener: TcpListener,
    room: Room,
    trusted: Arc<[IpAddr]>,
    /// A descriptor to give up where there is no other.
    spare: Option<File>,
}

impl Accepting {
    /// `trusted`: proxies, whose connections are bounded in all only.
    pub fn new(listener: TcpListener, room: Room, trusted: Arc<[IpAddr]>) -> Accepting {
        Accepting { listener, room, trusted, spare: spare() }
    }

    /// The next connection that is let in. May be dropped at any time.
    pub async fn next(&mut self) -> (TcpStream, SocketAddr, Place) {
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.make_room(&error).await;
                    continue;
                }
            };
            let entered = match self.trusted.contains(&peer.ip().to_canonical()) {
                true => self.room.enter_trusted(),
                false => self.room.enter(peer.ip()),
            };
            // Whoever is refused is counted already, and the socket closes.
            if let Ok(place) = entered {
                prepare(&stream);
                return (stream, peer, place);
            }
        }
    }

    async fn make_room(&mut self, error: &std::io::Error) {
        // A client that went away before we looked is no trouble of ours.
        if matches!(error.kind(), std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset) {
            return;
        }
        self.room.count_refused("descriptors");
        self.room.relieve();
        if self.spare.take().is_some() {
            tracing::warn!(%error, "a connection could not be accepted");
            let _ = timeout(BREATH, self.listener.accept()).await;
        }
        sleep(BREATH).await;
        self.spare = spare();
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn prepare(stream: &TcpStream) {
    // Small answers that somebody waits for.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, DEAD.as_millis() as u32);
}
