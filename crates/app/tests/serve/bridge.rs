//! A stock Mosquitto bridge with QoS 2 (F06), in front of a program that is killed while it brings what it kept.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Span;
use db::{DbError, params};
use town::equip::serial;

use crate::harness::{Place, Town, ago, free_port, now, until};

/// Messages of one door, so many seconds apart that it is no chattering one.
const MESSAGES: i64 = 90;
/// So many are published at once, and in the middle of them the program dies.
const PIECE: usize = 30;
/// So many a stock bridge sends before it has their PUBREC.
const IN_FLIGHT: usize = 20;
const APART_MS: i64 = 4_000;
const KEPT_MS: i64 = 2 * 3600 * 1000;
const STORED: &str = "SELECT r.occurred_at FROM watch_reading r JOIN watch_device d ON d.no = r.device_no
    WHERE d.serial = $1 AND r.code IN (1, 2) ORDER BY r.occurred_at";

/// A program of Mosquitto. Without it the story cannot run: it says so, and fails in CI.
fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "install mosquitto and mosquitto-clients");
        eprintln!("NOT RUN: the story of a bridge needs {name} (install mosquitto and mosquitto-clients)");
    }
    found
}

/// The wire from the bridge to the program. While it is deaf, the bridge hears nothing but that it is let in.
struct Wire {
    address: SocketAddr,
    deaf: Arc<AtomicBool>,
}

impl Wire {
    fn to(program: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let wire = Wire { address: listener.local_addr().expect("its address"), deaf: Arc::default() };
        let deaf = wire.deaf.clone();
        // Ends with the process.
        std::thread::spawn(move || {
            for bridge in listener.incoming().flatten() {
                let Ok(program) = TcpStream::connect(program) else { continue };
                let ends = || (bridge.try_clone().expect("its end"), program.try_clone().expect("its end"));
                let (upwards, downwards, deaf) = (ends(), ends(), deaf.clone());
                std::thread::spawn(move || carry(upwards.0, upwards.1, |_| true));
                std::thread::spawn(move || carry(downwards.1, downwards.0, |n| n == 0 || !deaf.load(Ordering::SeqCst)));
            }
        });
        wire
    }
}

/// Carries what comes in, where the number of the piece allows it, until one side has closed.
fn carry(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(usize) -> bool) {
    let mut piece = [0; 4096];
    for n in 0.. {
        match from.read(&mut piece) {
            Ok(length @ 1..) if !passes(n) || to.write_all(&piece[..length]).is_ok() => {}
            _ => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The home's broker. Dropping it ends it.
struct Broker {
    process: Child,
    port: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Broker {
    fn begin(program: &Path, place: &Place, town: &Town, wire: &Wire) -> Broker {
        let port = free_port();
        let (name, secret) = town.credential(0);
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n\
             connection tsunagari\naddress {}\nremote_username {name}\nremote_password {secret}\n\
             remote_clientid {name}\ncleansession false\nrestart_timeout 1\ntopic zigbee2mqtt/# out 2\n",
            wire.address
        );
        let file = place.folder.path().join("mosquitto.conf");
        std::fs::write(&file, text).expect("a configuration");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Broker { process: command.spawn().expect("the broker starts"), port };
        until("the broker listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        broker
    }

    /// Publishes each line with QoS 2.
    fn publish(&self, client: &Path, topic: &str, lines: &str) {
        let mut command = Command::new(client);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "2", "-l", "-t", topic]);
        let mut client = command.stdin(Stdio::piped()).spawn().expect("a client");
        client.stdin.take().expect("its way in").write_all(lines.as_bytes()).expect("it takes them");
        assert!(client.wait().expect("it ends").success());
    }
}

// shows: 6.2.6 what a stock bridge brings with QoS 2 is stored exactly once, though the program dies between commit and PUBREC
#[test]
fn what_a_bridge_brings_with_quality_2_is_stored_once_whenever_the_program_dies() {
    let (Some(broker), Some(client)) = (program("mosquitto"), program("mosquitto_pub")) else { return };
    let place = Place::new();
    let town = Town::settle(&place, 7, 1, ago(Span::hours(3)));
    let mut serving = place.serve();
    let wire = Wire::to(place.mqtt);
    let broker = Broker::begin(&broker, &place, &town, &wire);
    let fridge = serial(town.homes[0].resident, "fridge");
    let began_ms = now().0 / 1000 - KEPT_MS;
    let times: Vec<i64> = (0..MESSAGES).map(|n| began_ms + n * APART_MS).collect();
    let line = |(n, ms): (usize, &i64)| format!("{{\"contact\":{},\"last_seen\":{ms}}}\n", n % 2 == 1);
    let stored = || -> Vec<i64> {
        let fridge = fridge.clone();
        place.look(move |tx| {
            let rows = tx.query(STORED, params![&fridge])?;
            rows.iter().map(|row| Ok(row.get::<i64>(0)? / 1000)).collect::<Result<_, DbError>>()
        })
    };
    let topic = format!("zigbee2mqtt/{fridge}");
    let lines: Vec<String> = times.iter().enumerate().map(line).collect();
    for (n, piece) in lines.chunks(PIECE).enumerate() {
        wire.deaf.store(true, Ordering::SeqCst);
        broker.publish(&client, &topic, &piece.concat());
        // How many are sent before it dies is the bridge's: answers to the piece before may have fallen on deaf ears too.
        until("something in flight is stored", || stored().len() > n * PIECE);
        serving.kill();
        wire.deaf.store(false, Ordering::SeqCst);
        serving = place.serve();
        until("the rest is stored", || stored().len() >= (n + 1) * PIECE);
    }
    assert!(serving.stop(), "it ends well when asked to");
    assert_eq!(stored(), times, "each message once");
    let again = place.look(|tx| tx.scalar::<i64>("SELECT CAST(SUM(duplicates) AS BIGINT) FROM watch_device", &[]));
    // What was counted since the home was saved goes with the program; what followed its last death is saved at its end.
    assert!((1..=(times.len() / PIECE * IN_FLIGHT) as i64).contains(&again), "said again, and known: {again}");
}
