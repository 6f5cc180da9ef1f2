//! The line to a PostgreSQL server. It knows which lines are safe (TLS whose name and issuer are checked, or one that
//! never leaves this machine) and refuses to open any other: the client's own `prefer` would fall back to plain text
//! without a word.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::limits::SERVER_SILENCE;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::DbError;
use crate::postgres_line::{Line, NoLine};
use crate::postgres_silence::Silence;

/// How long to wait until sent bytes are taken, unless the URL says otherwise.
const LINE_WAIT: Duration = Duration::from_secs(30);

/// Why an address is not used; shown to whoever wrote it. It quotes nothing, for the address may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AddressRefusal {
    #[error(
        "PostgreSQL の接続先を読めません。host=… dbname=… user=… の形か postgres://… の形で書いてください(認証局の証明書は sslrootcert ではなく ca に書きます。sslmode に使えるのは require だけです)"
    )]
    Unreadable,
    #[error(
        "sslmode=prefer は使えません(断りなく平文に切り替わるため)。sslmode=require と書くか、sslmode を省いてください。相手の名前と発行者は常に確かめます"
    )]
    Prefer,
    #[error(
        "この機械の外にある PostgreSQL へは TLS なしで接続できません。sslmode=disable を消し、サーバー側で ssl = on としてください"
    )]
    PlainAbroad,
}

/// An address that is safe to use, as the client's own parser read it.
#[derive(Debug)]
pub(crate) struct Address {
    config: Config,
    encrypted: bool,
}

impl Address {
    /// Encrypted wherever a byte could leave this machine, and on it where the address or a given `ca` asks for it.
    pub(crate) fn parse(url: &str, ca: Option<&Path>) -> Result<Address, AddressRefusal> {
        let mut config: Config = url.parse().map_err(|_| AddressRefusal::Unreadable)?;
        let stays = stays_here(&config);
        let encrypted = match config.get_ssl_mode() {
            // What the client takes for nothing said.
            SslMode::Prefer if url.contains("sslmode") => return Err(AddressRefusal::Prefer),
            SslMode::Prefer => ca.is_some() || !stays,
            SslMode::Disable if !stays || ca.is_some() => return Err(AddressRefusal::PlainAbroad),
            SslMode::Disable => false,
            _ => true,
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        // A password is proven to the holder of this very certificate, and never told: not even to one that another
        // issuer could have been made to sign. A pooler that ends TLS itself needs `channel_binding=disable`.
        if encrypted && config.get_channel_binding() != ChannelBinding::Disable {
            config.channel_binding(ChannelBinding::Require);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(SERVER_SILENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(LINE_WAIT).keepalives_idle(LINE_WAIT);
        }
        Ok(Address { config, encrypted })
    }

    /// As whom it speaks, where the address says it.
    pub(crate) fn role(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// What may be shown of it: where to, as whom, and how. Made of what was read, so that no spelling of a secret is
    /// carried along.
    pub(crate) fn shown(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let hosts: Vec<String> = hosts.chain(self.config.get_hostaddrs().iter().map(IpAddr::to_string)).collect();
        let ports: Vec<String> = self.config.get_ports().iter().map(u16::to_string).collect();
        let how = if self.encrypted { "TLS" } else { "この機械の中" };
        let name = self.config.get_dbname().unwrap_or_default();
        let user = self.config.get_user().unwrap_or_default();
        format!("host={} port={} dbname={name} user={user} ({how})", hosts.join(","), ports.join(","))
    }
}

/// Where the server is, and whose word for it is believed.
pub(crate) struct Server<'a> {
    url: &'a str,
    ca: Option<&'a Path>,
    silence: Silence,
}

impl<'a> Server<'a> {
    pub(crate) fn at(url: &'a str, ca: &'a Option<PathBuf>) -> Server<'a> {
        Server { url, ca: ca.as_deref(), silence: Silence::default() }
    }

    /// Its lines end when it falls silent.
    pub(crate) fn heeding(self, silence: &Silence) -> Server<'a> {
        Server { silence: silence.clone(), ..self }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.silence.is_watched()
    }

    pub(crate) fn connect(&self) -> Result<Line, DbError> {
        Ok(self.open()?)
    }

    pub(crate) fn open(&self) -> Result<Line, NoLine> {
        let line = Address::parse(self.url, self.ca).map_err(|refusal| DbError::Engine(refusal.to_string()))?;
        // The client's own limit ends where the server has taken the connection and not answered yet.
        let each = line.config.get_connect_timeout().copied().unwrap_or(SERVER_SILENCE);
        let within = each * u32::try_from(line.config.get_hosts().len()).map_or(1, |hosts| hosts.max(1));
        match line.encrypted {
            true => Line::open(&line.config, MakeRustlsConnect::new(trusting(self.ca)?), within, &self.silence),
            false => Line::open(&line.config, NoTls, within, &self.silence),
        }
    }
}

/// Where the bytes go: to the numeric addresses where there are any, else to the hosts.
fn stays_here(config: &Config) -> bool {
    let numeric = config.get_hostaddrs();
    if !numeric.is_empty() {
        return numeric.iter().all(|ip| ip.to_canonical().is_loopback());
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        }
    })
}

/// TLS 1.3 and 1.2 that trusts this file only, or what the machine trusts. Read at each connection, so that a renewed
/// authority needs no restart.
fn trusting(ca: Option<&Path>) -> Result<ClientConfig, DbError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let unreadable = || DbError::Engine(format!("認証局の証明書 {} を読めません", file.display()));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unreadable())? {
                roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(DbError::Engine(
            "信頼できる認証局がありません。[database] に ca = \"/…/ca.pem\" と書いてください".into(),
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| DbError::Engine(e.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: 5.5.5 PostgreSQL over TLS, never `prefer`; without TLS only a socket or loopback
    #[test]
    fn a_line_that_leaves_this_machine_is_encrypted_whatever_the_address_says() {
        for (address, encrypted) in [
            ("host=db.internal dbname=t", Ok(true)),
            ("host=db.internal sslmode=require", Ok(true)),
            ("postgres://u:p@db.internal/t", Ok(true)),
            ("host=192.0.2.7", Ok(true)),
            ("host=127.0.0.1", Ok(false)),
            ("host=::1", Ok(false)),
            ("host=localhost", Ok(false)),
            ("host=/run/postgresql", Ok(false)),
            ("host=127.0.0.1 sslmode=disable", Ok(false)),
            ("host=127.0.0.1 sslmode=require", Ok(true)),
            ("host=127.0.0.1,db.internal", Ok(true)),
            ("host=localhost hostaddr=192.0.2.7", Ok(true)),
            ("host=db.internal hostaddr=127.0.0.1", Ok(false)),
            ("host=localhost.example", Ok(true)),
            ("host=db.internal sslmode=disable", Err(AddressRefusal::PlainAbroad)),
            ("postgres://u:p@db.internal/t?sslmode=disable", Err(AddressRefusal::PlainAbroad)),
            ("host=db.internal sslmode=prefer", Err(AddressRefusal::Prefer)),
            ("host=127.0.0.1 sslmode=prefer", Err(AddressRefusal::Prefer)),
            ("postgres://u:p@db.internal/t?sslmode=prefer", Err(AddressRefusal::Prefer)),
            ("host=db.internal sslmode=verify-full", Err(AddressRefusal::Unreadable)),
            ("host=db.internal sslrootcert=/ca.pem", Err(AddressRefusal::Unreadable)),
        ] {
            assert_eq!(Address::parse(address, None).map(|line| line.encrypted), encrypted, "{address}");
        }
        let ca = Some(Path::new("/ca.pem"));
        assert!(Address::parse("host=127.0.0.1", ca).unwrap().encrypted);
        assert_eq!(Address::parse("host=127.0.0.1 sslmode=disable", ca).unwrap_err(), AddressRefusal::PlainAbroad);
    }
}
