//! A region that gives certificates of its own to the devices of some desks: without a good one they open no page of
//! these desks, whoever is signed in, and everybody else notices nothing.

use std::path::Path;
use std::sync::Arc;

use base::{Span, hex};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::doors::refused;
use crate::harness::{Place, Town, ago, until};
use crate::tls::{Issued, put};

const FILES: &str = "[web.tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";

/// Who signs what the devices show.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as a device holds them.
struct Card {
    der: CertificateDer<'static>,
    key: Vec<u8>,
    serial: SerialNumber,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    fn card(&self, serial: u64, until: i32) -> Card {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["desk-1".to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(until, 1, 1);
        params.serial_number = Some(SerialNumber::from(serial));
        let der = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        Card { der, key: key.serialize_der(), serial: SerialNumber::from(serial) }
    }

    fn revokes(&self, cards: &[&Card]) -> String {
        let revoked = |card: &&Card| RevokedCertParams {
            serial_number: card.serial.clone(),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: cards.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("its text")
    }
}

impl Card {
    fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }
}

fn device(issued: &Issued, card: Option<&Card>, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(issued.der.clone()).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("versions")
        .with_root_certificates(roots);
    match card {
        None => builder.with_no_client_auth(),
        Some(card) => {
            let key = PrivateKeyDer::try_from(card.key.clone()).expect("a key");
            builder.with_client_auth_cert(vec![card.der.clone()], key).expect("a certificate")
        }
    }
}

/// A browser on this device, signed in as the one before it.
fn browser(place: &Place, device: &ClientConfig, like: Option<&Client>) -> Client {
    let device = device.clone();
    let mut client = Client::with(format!("https://{}", place.web), |b| b.tls_backend_preconfigured(device));
    client.cookies = like.map_or_else(Default::default, |other| other.cookies.clone());
    client
}

/// A region over TLS with these lines about certificates, and a file of what is revoked.
fn region(issued: &Issued, authority: &Authority, wanted: &str) -> Place {
    let place = Place::bare();
    issued.install(place.folder.path());
    put(place.folder.path(), "desk-ca.pem", &authority.pem);
    put(place.folder.path(), "revoked", "# nobody yet\n");
    configure(&place, wanted);
    place
}

fn configure(place: &Place, wanted: &str) {
    let section = format!("{FILES}[web.client_certificates]\nca = \"desk-ca.pem\"\nrevoked = \"revoked\"\n{wanted}");
    place.configure(&section, "", "", "");
}

#[track_caller]
fn turned_away(client: &mut Client, path: &str, why: &str) {
    let answer = client.get(path).expect("an answer");
    assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    for words in ["端末の証明書が必要です", why, "事務局に発行を依頼"] {
        assert!(answer.body.contains(words), "{path}: {words}: {}", answer.body);
    }
}

#[track_caller]
fn opens(client: &mut Client, path: &str) {
    let answer = client.get(path).expect("an answer");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
}

fn log(place: &Place) -> String {
    std::fs::read_to_string(place.operations_folder().join("security-log.jsonl")).unwrap_or_default()
}

// shows: 5.5.11 client certificates by desk: with, without, foreign, expired, revoked; other desks unaffected
#[test]
fn a_desk_that_wants_a_certificate_opens_with_a_good_one_only_and_the_others_ask_for_none() {
    let (issued, ours, theirs) = (Issued::new(), Authority::new(), Authority::new());
    let place = region(&issued, &ours, "desks = [\"response\"]");
    let town = Town::settle(&place, 3, 1, ago(Span::hours(1)));
    let serving = place.serve();
    let (good, old, foreign) = (ours.card(1, 2090), ours.card(2, 2020), theirs.card(1, 2090));

    let mut without = browser(&place, &device(&issued, None, &TLS13), None);
    turned_away(&mut without, "/cases", "証明書が届いていません");
    until("the security log has it", || log(&place).contains("\"what\":\"certificate_missing\""));
    town.operator.sign_in(&mut without);
    turned_away(&mut without, "/cases", "証明書が届いていません");
    let lie = without.post("/cases/00000000-0000-0000-0000-000000000001/taking", &[]).expect("an answer");
    assert_eq!(lie.status, 403, "before any handler: {}", lie.body);
    opens(&mut without, "/messages");

    for (card, why) in [(&old, "期限が切れているか"), (&foreign, "この地域のものではありません")]
    {
        let mut client = browser(&place, &device(&issued, Some(card), &TLS13), Some(&without));
        turned_away(&mut client, "/cases", why);
        opens(&mut client, "/messages");
        let row = place.look(|tx| Ok(audit::newest(tx, 20)?.into_iter().map(|row| row.ground).collect::<Vec<_>>()));
        assert!(row.iter().any(|ground| ground.contains(&card.fingerprint())), "{row:?}");
    }
    let mut at_work = Vec::new();
    for version in [&TLS12, &TLS13] {
        let device = device(&issued, Some(&good), version);
        // The second line takes the first one's session of TLS up again.
        for _ in 0..2 {
            let mut client = browser(&place, &device, Some(&without));
            opens(&mut client, "/cases");
            at_work.push(client);
        }
        at_work.push(browser(&place, &device, Some(&without)));
    }

    put(place.folder.path(), "revoked", "zz\n");
    until("the log says so", || serving.words().contains("the new list of revoked certificates cannot be used"));
    at_work.iter_mut().for_each(|client| opens(client, "/cases"));
    let with_colons: Vec<String> =
        good.fingerprint().as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_uppercase()).collect();
    put(place.folder.path(), "revoked", &format!("# lost in a taxi\n{}\n", with_colons.join(":")));
    until("it is revoked", || at_work[0].get("/cases").is_ok_and(|answer| answer.status == 403));
    at_work.iter_mut().for_each(|client| turned_away(client, "/cases", "使えなくされています"));
    opens(&mut browser(&place, &device(&issued, Some(&ours.card(3, 2090)), &TLS13), Some(&without)), "/cases");
}

// shows: 5.5.11 client certificates by role, revoked by the authority's own list
#[test]
fn a_role_that_needs_a_certificate_opens_nothing_without_one_but_the_way_out() {
    let (issued, ours) = (Issued::new(), Authority::new());
    let place = region(&issued, &ours, "roles = [\"operator\"]");
    let town = Town::settle(&place, 3, 1, ago(Span::hours(1)));
    let (good, lost) = (ours.card(1, 2090), ours.card(2, 2090));
    put(place.folder.path(), "revoked", &ours.revokes(&[&lost]));
    let _serving = place.serve();
    let mut with = browser(&place, &device(&issued, Some(&good), &TLS13), None);
    town.operator.sign_in(&mut with);
    let mut revoked = browser(&place, &device(&issued, Some(&lost), &TLS13), Some(&with));
    let mut without = browser(&place, &device(&issued, None, &TLS13), Some(&with));
    for path in ["/cases", "/messages"] {
        opens(&mut with, path);
        turned_away(&mut without, path, "証明書が届いていません");
        turned_away(&mut revoked, path, "使えなくされています");
    }
    turned_away(&mut without, "/live/cases", "証明書が届いていません");
    put(place.folder.path(), "revoked", &ours.revokes(&[&lost, &good]));
    until("the list is read again", || with.get("/cases").is_ok_and(|answer| answer.status == 403));
    assert_eq!(without.post("/signout", &[]).expect("an answer").status, 303);
}

// shows: 5.5.11 behind a proxy a certificate means nothing, and the program says so at the start
#[test]
fn what_could_not_be_kept_is_refused_at_the_start() {
    let (issued, ours) = (Issued::new(), Authority::new());
    let place = region(&issued, &ours, "desks = [\"response\"]");
    let said = |place: &Place| refused(place.program(&["serve"]));
    let section = |web: &str, wanted: &str| {
        place.configure(&format!("{web}\n[web.client_certificates]\nca = \"desk-ca.pem\"\n{wanted}"), "", "", "");
        said(&place)
    };
    let behind = section(&format!("trusted_proxies = [\"127.0.0.1\"]\n{FILES}"), "desks = [\"response\"]");
    assert!(behind.contains("プロキシの申告は信用しません"), "{behind}");
    let behind = section("trusted_proxies = [\"127.0.0.1\"]", "desks = [\"response\"]");
    assert!(behind.contains("プロキシの申告は信用しません"), "{behind}");
    let unknown = section(FILES, "desks = [\"call_centre\"]");
    assert!(unknown.contains("call_centre") && unknown.contains("response"), "{unknown}");
    assert!(section(FILES, "").contains("desks か roles"));
    assert!(section(FILES, "roles = [\"operater\"]").contains("roles"));

    configure(&place, "desks = [\"response\"]");
    for (name, text) in [("revoked", "not a fingerprint"), ("desk-ca.pem", "nothing")] {
        let before = std::fs::read_to_string(Path::new(place.folder.path()).join(name)).expect("a file");
        put(place.folder.path(), name, text);
        assert!(said(&place).contains(name), "{name}");
        put(place.folder.path(), name, &before);
    }
    place.serve();
}
