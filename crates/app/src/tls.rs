//! TLS from certificate files, read again when they change, so that a renewal needs no restart.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// How often the files are looked at: their times only, until these change.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Reloading {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Reloading {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().ok().map(|key| key.clone())
    }
}

/// TLS 1.3 and 1.2, with the certificate as it is in the files at the moment of each handshake (5 s later at most).
/// Must be called within a runtime; a broken new certificate is logged and the old one kept.
pub fn server_config(files: &Tls) -> anyhow::Result<Arc<ServerConfig>> {
    let resolver = Arc::new(Reloading { current: RwLock::new(Arc::new(read(files)?)) });
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(resolver.clone());
    tokio::spawn(watch(files.clone(), resolver));
    Ok(Arc::new(config))
}

async fn watch(files: Tls, resolver: Arc<Reloading>) {
    let mut served = changed_at(&files);
    let mut refused = None;
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        let now = changed_at(&files);
        if now == served {
            continue;
        }
        match read(&files) {
            Ok(key) => {
                if let Ok(mut current) = resolver.current.write() {
                    *current = Arc::new(key);
                }
                (served, refused) = (now, None);
                tracing::info!("the certificate was read again");
            }
            // Tried again at each look, because rights may be mended without the file's time changing; said once.
            Err(error) if refused != Some(now) => {
                refused = Some(now);
                tracing::error!(error = %format!("{error:#}"), "the new certificate cannot be used; the old one stays")
            }
            Err(_) => {}
        }
    }
}

fn changed_at(files: &Tls) -> [Option<SystemTime>; 2] {
    let modified = |file: &PathBuf| std::fs::metadata(file).and_then(|m| m.modified()).ok();
    [modified(&files.certificate), modified(&files.key)]
}

fn read(files: &Tls) -> anyhow::Result<CertifiedKey> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("証明書 {} を読めません", files.certificate.display()))?;
    if chain.is_empty() {
        bail!("証明書 {} に証明書がありません", files.certificate.display());
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("秘密鍵 {} を読めません", files.key.display()))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).context("証明書と秘密鍵が対になっていません")
}
