//! TLS as the program speaks it: from certificate files, versions 1.3 and 1.2 only, and a renewed certificate without a
//! restart.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Span;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::harness::{Place, Town, ago, until};
use crate::raw;

/// A certificate for this machine that vouches for itself, and its key.
pub struct Issued {
    pub der: CertificateDer<'static>,
    certificate: String,
    key: String,
}

impl Issued {
    pub fn new() -> Issued {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let der = made.cert.der().clone();
        Issued { der, certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Puts both files where the configuration looks for them, each in one go.
    pub fn install(&self, folder: &Path) {
        put(folder, "chain.pem", &self.certificate);
        put(folder, "key.pem", &self.key);
    }
}

pub fn put(folder: &Path, name: &str, text: &str) {
    let part = folder.join(format!("{name}.part"));
    std::fs::write(&part, text).expect("the file is written");
    std::fs::rename(part, folder.join(name)).expect("the file takes its place");
}

/// A region that speaks TLS on both ways in; `web` adds lines to its section.
pub fn place_with(issued: &Issued, web: &str) -> Place {
    let place = Place::bare();
    issued.install(place.folder.path());
    let files = "certificate = \"chain.pem\"\nkey = \"key.pem\"";
    place.configure(&format!("{web}\n[web.tls]\n{files}"), &format!("[mqtt.tls]\n{files}"), "", "");
    place
}

/// A line to the program that trusts these certificates only and has shaken hands, or why it has not.
pub fn line(
    socket: TcpStream,
    trusted: &[&Issued],
    versions: &[&'static SupportedProtocolVersion],
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    line_speaking(socket, trusted, versions, "http/1.1")
}

/// The same, for this protocol within.
pub fn line_speaking(
    socket: TcpStream,
    trusted: &[&Issued],
    versions: &[&'static SupportedProtocolVersion],
    protocol: &str,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let mut roots = RootCertStore::empty();
    for issued in trusted {
        roots.add(issued.der.clone()).map_err(|e| e.to_string())?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("127.0.0.1").map_err(|e| e.to_string())?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
    let mut line = StreamOwned::new(connection, socket);
    while line.conn.is_handshaking() {
        line.conn.complete_io(&mut line.sock).map_err(|e| e.to_string())?;
    }
    Ok(line)
}

fn dial(to: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(to).expect("the program listens");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    socket
}

/// The certificate that is served at this moment.
fn served(to: SocketAddr, trusted: &[&Issued]) -> CertificateDer<'static> {
    let line = line(dial(to), trusted, &[&TLS13, &TLS12]).expect("a handshake");
    line.conn.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

#[test]
fn pages_and_readings_come_over_tls_of_the_two_versions_that_are_safe() {
    let issued = Issued::new();
    let place = place_with(&issued, "");
    let town = Town::settle(&place, 1, 2, ago(Span::hours(3)));
    let _serving = place.serve();
    for (version, spoken) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let mut pages = line(dial(place.web), &[&issued], &[version]).expect("a handshake");
        assert_eq!(pages.conn.protocol_version(), Some(spoken));
        let page = raw::ask(&mut pages, place.web, "GET /signin HTTP/1.1", b"");
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("ログイン名"), "{}", page.body);
        let mut gateway = line(dial(place.mqtt), &[&issued], &[version]).expect("a handshake");
        assert_eq!(gateway.conn.protocol_version(), Some(spoken));
        publish(&mut gateway, &town.credential(0));
    }
    for to in [place.web, place.mqtt] {
        // The same greeting twice, but for its version: what is refused is the version.
        assert_eq!(greet(to, [3, 3])[0], HANDSHAKE, "TLS 1.2");
        let refusal = greet(to, [3, 2]);
        assert_eq!((refusal[0], &refusal[3..]), (ALERT, &[0, 2, FATAL, PROTOCOL_VERSION][..]), "TLS 1.1");
    }
    let plain = TcpStream::connect(place.web).map(|mut line| {
        let _ = line.write_all(format!("GET /signin HTTP/1.1\r\nHost: {}\r\n\r\n", place.web).as_bytes());
        let mut heard = Vec::new();
        let _ = line.read_to_end(&mut heard);
        heard
    });
    assert!(!plain.expect("a line").starts_with(b"HTTP"), "plain text is not answered");
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not() {
    let [first, second, third] = [Issued::new(), Issued::new(), Issued::new()];
    let place = place_with(&first, "");
    let mut serving = place.serve();
    let all = [&first, &second, &third];
    let now_serves = |issued: &Issued| {
        until("the certificate is served", || [place.web, place.mqtt].iter().all(|to| served(*to, &all) == issued.der))
    };
    now_serves(&first);
    second.install(place.folder.path());
    now_serves(&second);

    let complaint = "the new certificate cannot be used; the old one stays";
    let complaints = |words: &str| words.matches(complaint).count();
    put(place.folder.path(), "chain.pem", "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n");
    // Pages and readings have a look each, and the log says the same once.
    until("the log says so", || complaints(&serving.words()) >= 1);
    now_serves(&second);
    put(place.folder.path(), "chain.pem", &third.certificate);
    until("a key that does not fit is told too", || complaints(&serving.words()) >= 2);
    now_serves(&second);
    put(place.folder.path(), "key.pem", &third.key);
    now_serves(&third);
    assert!(serving.is_running());
}

#[test]
fn a_certificate_that_cannot_be_read_stops_the_start_and_is_named() {
    let issued = Issued::new();
    let place = place_with(&issued, "");
    put(place.folder.path(), "chain.pem", "nothing");
    let said = crate::doors::refused(place.program(&["serve"]));
    assert!(said.contains("chain.pem") && said.contains("証明書"), "{said}");
}

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const FATAL: u8 = 2;
const PROTOCOL_VERSION: u8 = 70;

/// The first bytes that come back to a greeting of this version, as old clients send it: without a list of versions.
fn greet(to: SocketAddr, version: [u8; 2]) -> [u8; 7] {
    // ECDHE with AES-GCM for what a server of today needs, and the suites of the older version.
    let suites = [0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x09, 0xC0, 0x13, 0x00, 0x2F];
    let groups = [0, 10, 0, 6, 0, 4, 0, 0x1D, 0, 0x17];
    let points = [0, 11, 0, 2, 1, 0];
    let signatures = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    let mut hello = version.to_vec();
    hello.extend([0x5A; 32]);
    hello.extend([0, 0, suites.len() as u8]);
    hello.extend(suites);
    hello.extend([1, 0, 0, (groups.len() + points.len() + signatures.len()) as u8]);
    hello.extend(groups.iter().chain(&points).chain(&signatures));
    let mut record = vec![HANDSHAKE, 3, 1, 0, (hello.len() + 4) as u8, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    let mut line = dial(to);
    line.write_all(&record).expect("the greeting is sent");
    let mut heard = [0; 7];
    line.read_exact(&mut heard).expect("an answer");
    heard
}

/// CONNECT and PUBLISH with QoS 1, as MQTT 3.1.1 has them, up to the acknowledgement.
pub fn publish(line: &mut (impl Read + Write), (name, secret): &(String, String)) {
    let field = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let connect = [&[0, 4][..], b"MQTT", &[4, 0xC2, 0, 60], &field("over-tls"), &field(name), &field(secret)].concat();
    let payload = r#"[{"kind":"heartbeat"}]"#;
    let publish = [&field("tsunagari/v1/readings")[..], &[0, 1], payload.as_bytes()].concat();
    for (kind, body, answer) in [(0x10, connect, [0x20, 2, 0, 0]), (0x32, publish, [0x40, 2, 0, 1])] {
        assert!(body.len() < 16_384, "two bytes of length");
        let length = [(body.len() % 128) as u8 | 0x80, (body.len() / 128) as u8];
        line.write_all(&[&[kind][..], &length, &body].concat()).expect("it is sent");
        let mut heard = [0; 4];
        line.read_exact(&mut heard).expect("an answer");
        assert_eq!(heard, answer);
    }
}
