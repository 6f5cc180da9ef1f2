//! A way to the server under test on which nothing passes for a while, as if the server were paused or packets swallowed:
//! connections are taken, bytes as well, and nothing is answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio_postgres::config::Host;

use super::{TestDb, copy, open};
use crate::{DbConfig, Migration};

#[derive(Clone)]
pub struct Way {
    pub config: DbConfig,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

/// A fresh database with these migrations behind such a way; a file has none.
pub fn fresh_behind_a_way(migrations: &[&[Migration]]) -> Option<(TestDb, Way)> {
    super::server()?;
    let (config, folder) = copy(migrations).expect("a database server for tests");
    let way = Way::to(&config)?;
    Some((open((way.config.clone(), folder), migrations), way))
}

impl Way {
    /// To the server of this database.
    pub fn to(config: &DbConfig) -> Option<Way> {
        let DbConfig::Postgres { url, ca, rights } = config else { return None };
        let address: tokio_postgres::Config = url.parse().expect("an address");
        let Some(Host::Tcp(host)) = address.get_hosts().first() else { panic!("a server by TCP") };
        let server = (host.clone(), address.get_ports().first().copied().unwrap_or(5432));
        let door = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = door.local_addr().expect("its number").port();
        let words = url.split_whitespace().filter(|word| !word.starts_with("host=") && !word.starts_with("port="));
        let words = [format!("host=127.0.0.1 port={port}")].into_iter().chain(words.map(str::to_owned));
        let url = words.collect::<Vec<_>>().join(" ");
        let gate = Arc::new(Gate::default());
        let own = gate.clone();
        std::thread::spawn(move || {
            for line in door.incoming().flatten() {
                own.pass();
                // Where the server is gone, so is the line.
                let Ok(onward) = TcpStream::connect((server.0.as_str(), server.1)) else { continue };
                carry(&line, &onward, &own);
                carry(&onward, &line, &own);
            }
        });
        Some(Way { config: DbConfig::Postgres { url, ca: ca.clone(), rights: *rights }, gate })
    }

    pub fn shut(&self) {
        *self.gate.shut() = true;
    }

    pub fn is_shut(&self) -> bool {
        *self.gate.shut()
    }

    /// What was on its way goes on.
    pub fn open(&self) {
        *self.gate.shut() = false;
        self.gate.opened.notify_all();
    }
}

impl Gate {
    fn shut(&self) -> MutexGuard<'_, bool> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.shut(), |shut| *shut));
    }
}

fn carry(from: &TcpStream, to: &TcpStream, gate: &Arc<Gate>) {
    let (Ok(mut from), Ok(mut to), gate) = (from.try_clone(), to.try_clone(), gate.clone()) else { return };
    std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            gate.pass();
            if read == 0 || to.write_all(&bytes[..read]).is_err() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    });
}
