//! TLS from certificate files, read again when they change, so that a renewal needs no restart.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::danger::ClientCertVerifier;
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

/// TLS 1.3 and 1.2, with the certificate as it is in the files at the moment of each handshake (5 s later at most); the
/// other end is asked for one of its own where `asking` is there. Must be called within a runtime; a broken new
/// certificate is logged and the old one kept.
pub fn server_config(files: &Tls, asking: Option<Arc<dyn ClientCertVerifier>>) -> anyhow::Result<Arc<ServerConfig>> {
    let resolver = Arc::new(Reloading { current: RwLock::new(Arc::new(read(files)?)) });
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match asking {
        Some(asking) => builder.with_client_cert_verifier(asking),
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_cert_resolver(resolver.clone());
    let (files, both) = (files.clone(), vec![files.certificate.clone(), files.key.clone()]);
    let take = move || {
        let key = read(&files)?;
        *resolver.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        Ok(())
    };
    tokio::spawn(watch(both, "certificate", take));
    Ok(Arc::new(config))
}

/// Takes files anew whenever one of them changes; what cannot be used is logged, and what was before stays.
pub async fn watch(files: Vec<PathBuf>, what: &'static str, take: impl Fn() -> anyhow::Result<()>) {
    let mut served = changed_at(&files);
    let mut refused = None;
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        let now = changed_at(&files);
        if now == served {
            continue;
        }
        match take() {
            Ok(()) => {
                (served, refused) = (now, None);
                tracing::info!("the {what} was read again");
            }
            // Tried again at each look, because rights may be mended without the file's time changing; said once.
            Err(error) if refused.as_ref() != Some(&now) => {
                refused = Some(now);
                tracing::error!(error = %format!("{error:#}"), "the new {what} cannot be used; the old one stays")
            }
            Err(_) => {}
        }
    }
}

fn changed_at(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| std::fs::metadata(file).and_then(|m| m.modified()).ok()).collect()
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
