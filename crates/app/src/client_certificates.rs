//! Certificates of a region's own authority, which its desks may ask for: what was shown is known after the handshake,
//! whether it is good is judged at each request, so that one that was revoked, or whose time is over, is worth nothing
//! from then on, on connections that stand and on sessions of TLS that are taken up again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use admission::Caller;
use anyhow::{Context, bail};
use base::{Instant, hex, unhex};
use page::certificate::{Demand, Presented};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use sha2::{Digest, Sha256};

use crate::config::ClientCertificates;
use crate::tls;

const CRL: &str = "-----BEGIN X509 CRL-----";

/// Whose certificates are good, and which of them no longer are.
#[derive(Debug)]
pub struct Authority {
    roots: Arc<RootCertStore>,
    revoked: Option<PathBuf>,
    now: RwLock<Arc<Standing>>,
}

/// As the files were when they were last read.
#[derive(Debug)]
struct Standing {
    verifier: Arc<dyn ClientCertVerifier>,
    fingerprints: BTreeSet<[u8; 32]>,
}

impl Authority {
    /// Reads the authority's certificate, which a restart alone reads again, and what is revoked, which is read again
    /// within 5 s when it changes. Must be called within a runtime.
    pub fn open(files: &ClientCertificates) -> anyhow::Result<Arc<Authority>> {
        let mut roots = RootCertStore::empty();
        let unreadable = || format!("認証局の証明書 {} を読めません", files.ca.display());
        for certificate in CertificateDer::pem_file_iter(&files.ca).with_context(unreadable)? {
            roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
        }
        if roots.is_empty() {
            bail!("認証局の証明書 {} に証明書がありません", files.ca.display());
        }
        let (roots, revoked) = (Arc::new(roots), files.revoked.clone());
        let now = RwLock::new(Arc::new(standing(&roots, revoked.as_deref())?));
        let authority = Arc::new(Authority { roots, revoked, now });
        if let Some(file) = &authority.revoked {
            let (files, kept) = (vec![file.clone()], authority.clone());
            tokio::spawn(tls::watch(files, "list of revoked certificates", move || kept.read_again()));
        }
        Ok(authority)
    }

    fn read_again(&self) -> anyhow::Result<()> {
        let fresh = Arc::new(standing(&self.roots, self.revoked.as_deref())?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// For the handshake: asks for a certificate, and lets whoever has none, or not a good one, go on to be told so.
    pub fn asking(&self) -> Arc<dyn ClientCertVerifier> {
        let verifier = self.standing().verifier.clone();
        Arc::new(Asking { subjects: self.roots.subjects(), verifier })
    }

    pub fn demand(self: Arc<Authority>, wanted: &ClientCertificates) -> Demand {
        let judge = move |caller: &Caller, now: Instant| self.judge(caller.certificates(), now);
        Demand { desks: wanted.desks.clone(), roles: wanted.roles.clone(), judge: Arc::new(judge) }
    }

    fn standing(&self) -> Arc<Standing> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, chain: &[CertificateDer<'static>], now: Instant) -> (Presented, Option<String>) {
        let Some((own, between)) = chain.split_first() else { return (Presented::Missing, None) };
        let standing = self.standing();
        let fingerprint: [u8; 32] = Sha256::digest(own).into();
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let shown = match standing.verifier.verify_client_cert(own, between, moment) {
            _ if standing.fingerprints.contains(&fingerprint) => Presented::Revoked,
            Ok(_) => Presented::Good,
            Err(Error::InvalidCertificate(why)) => match why {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Presented::Expired,
                CertificateError::Revoked => Presented::Revoked,
                _ => Presented::Foreign,
            },
            Err(_) => Presented::Foreign,
        };
        (shown, Some(hex(&fingerprint)))
    }
}

/// A file of revocation lists in PEM, or of fingerprints: SHA-256 in hexadecimal digits, with or without colons, one a
/// line, `#` before what is for people.
fn standing(roots: &Arc<RootCertStore>, revoked: Option<&Path>) -> anyhow::Result<Standing> {
    let (mut lists, mut fingerprints) = (vec![], BTreeSet::new());
    if let Some(file) = revoked {
        let text = std::fs::read_to_string(file).with_context(|| format!("{} を読めません", file.display()))?;
        if text.contains(CRL) {
            let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text.as_bytes()).collect();
            lists = read.with_context(|| format!("失効リスト {} を読めません", file.display()))?;
        } else {
            for (n, line) in text.lines().enumerate() {
                let digits: String = line.split('#').next().unwrap_or("").replace(':', "").trim().to_lowercase();
                if !digits.is_empty() {
                    let fingerprint = unhex(&digits).with_context(|| {
                        format!("{} の{}行目が SHA-256 の指紋(16進64桁)ではありません", file.display(), n + 1)
                    })?;
                    fingerprints.insert(fingerprint);
                }
            }
        }
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
        .with_crls(lists)
        .only_check_end_entity_revocation()
        .build()
        .context("認証局の証明書か失効リストを使えません")?;
    Ok(Standing { verifier, fingerprints })
}

/// Takes whatever is shown together with the proof that its key is there; [`Authority::judge`] says what it is worth. A
/// handshake that fails would tell a person nothing, and would refuse the desks that ask for none.
#[derive(Debug)]
struct Asking {
    subjects: Vec<DistinguishedName>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
