//! A region on a PostgreSQL server over TLS, and everybody who would like to stand between the two. Runs where the
//! tests run on PostgreSQL.

mod server;

use std::path::{Path, PathBuf};

use db::{Db, DbConfig, DbError, Migration, Rights};

use crate::server::{Authority, Server, address, overhear, relay};

const TABLES: &[Migration] = &[Migration { name: "test/001", sql: "CREATE TABLE tally (n BIGINT NOT NULL)" }];
const HERE: &str = "127.0.0.1";
/// What a client says first when it wants TLS (PostgreSQL's protocol, SSLRequest).
const WISH_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

fn not_here() -> bool {
    !db::testing::on_postgres()
}

fn open(url: String, ca: Option<PathBuf>) -> Result<Db, DbError> {
    Db::open(DbConfig::Postgres { url, ca, rights: Rights::Owner }, &[TABLES])
}

#[track_caller]
fn refused(url: String, ca: &Path, why: &str) {
    let said = open(url, Some(ca.to_owned())).map(drop).expect_err("it must be refused").to_string();
    assert!(said.contains(why), "{said}");
    assert!(!said.contains(server::PASSWORD), "{said}");
}

// shows: 5.5.5 PostgreSQL over TLS, a given CA, SCRAM with channel binding
#[test]
fn every_line_of_a_region_to_its_server_is_encrypted_and_bound_to_its_certificate() {
    if not_here() {
        return;
    }
    let authority = Authority::new("ours");
    let server = Server::start(&authority, HERE);
    let ca = authority.file(server.folder.path(), "ca.pem");
    let db = open(server.address("region"), Some(ca)).expect("the region opens");
    db.write_blocking(|tx| tx.execute("INSERT INTO tally (n) VALUES (1)", &[]).map(drop)).expect("it writes");
    let lines = "SELECT CAST(COUNT(*) AS BIGINT), CAST(SUM(CASE WHEN ssl THEN 1 ELSE 0 END) AS BIGINT)
        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'region' AND client_addr IS NOT NULL";
    let (all, encrypted): (i64, i64) = db
        .read_blocking(move |tx| {
            let row = tx.first(lines, &[])?.ok_or(DbError::NoRow)?;
            Ok::<_, DbError>((row.get(0)?, row.get(1)?))
        })
        .expect("it reads");
    assert!(all >= 2, "the writer and the readers: {all}");
    assert_eq!(all, encrypted);
}

// shows: 5.5.5 PostgreSQL over TLS: name and issuer always checked
#[test]
fn a_server_of_another_name_or_another_authority_is_told_nothing() {
    if not_here() {
        return;
    }
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let named = Server::start(&authority, "db.example");
    let folder = named.folder.path();
    let [ca, foreign] = [(&authority, "ca.pem"), (&other, "other.pem")].map(|(a, name)| a.file(folder, name));
    refused(named.address("region"), &ca, "not valid for name");
    let rightly_named = named.address("region").replace("host=127.0.0.1", "host=db.example hostaddr=127.0.0.1");
    refused(rightly_named.clone(), &foreign, "UnknownIssuer");
    let machine = open(rightly_named.clone(), None).map(drop).expect_err("the machine does not know it either");
    assert!(matches!(machine, DbError::Gone(_) | DbError::Engine(_)), "{machine}");
    refused(rightly_named.clone(), Path::new("/nowhere/ca.pem"), "/nowhere/ca.pem");
    open(rightly_named, Some(ca)).expect("under its name and its authority it is believed");
}

// shows: 5.5.5 PostgreSQL: never a fall back to plain text without a word
#[test]
fn a_man_in_the_middle_who_says_that_there_is_no_tls_hears_nothing_more() {
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = authority.file(folder.path(), "ca.pem");
    let (port, heard) = overhear(b'N');
    refused(address(port, "region"), &ca, "server does not support TLS");
    assert_eq!(heard.join().expect("what was heard"), WISH_FOR_TLS);
}

// shows: 5.5.5 PostgreSQL: SCRAM with channel binding
#[test]
fn a_password_is_proven_to_the_server_itself_and_told_to_nobody() {
    if not_here() {
        return;
    }
    let authority = Authority::new("ours");
    let server = Server::start(&authority, HERE);
    let ca = authority.file(server.folder.path(), "ca.pem");
    for weak in ["old", "plain"] {
        refused(server.address(weak), &ca, "channel binding");
    }
    // Somebody to whom the authority gave a certificate of the same name.
    let between = relay(&authority, HERE, server.port);
    refused(address(between, "relayed"), &ca, "channel binding");
    open(server.address("relayed"), Some(ca.clone())).expect("without anybody between, the same role comes in");
    // Who knows why may do without, such as before a pooler that ends TLS itself.
    let without = format!("{} channel_binding=disable", server.address("plain"));
    open(without, Some(ca)).expect("it was asked for");
}
