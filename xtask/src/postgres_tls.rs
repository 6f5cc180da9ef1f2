//! What makes a PostgreSQL server one that a region would speak to: a certificate of an authority of its own, and rules
//! that let the region's role in over TLS with its password and in no other way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

pub const ROLE: &str = "region";
/// Owns the tables where the program's own role may not.
pub const OWNER: &str = "region_owner";
/// It opens a server that lives as long as one run, on this machine only.
pub const PASSWORD: &str = "of-one-run";
const RULES: &str = "local all all trust\nhostssl all region,region_owner 127.0.0.1/32 scram-sha-256\n";

/// Writes certificates and rules into the server's folders, as its own where it runs as somebody else.
pub fn equip(folder: &Path, data: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    let mut params = CertificateParams::new(vec![])?;
    params.distinguished_name.push(DnType::CommonName, "bench");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    fs::write(authority(folder), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let (certificate_file, key_file) = (folder.join("server.pem"), folder.join("server.key"));
    fs::write(&certificate_file, certificate.pem())?;
    fs::write(&key_file, key.serialize_pem())?;
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600))?;
    fs::write(data.join("pg_hba.conf"), RULES)?;
    if let Some((user, group)) = owner {
        chown(&certificate_file, Some(user), Some(group))?;
        chown(&key_file, Some(user), Some(group))?;
    }
    Ok(())
}

pub fn authority(folder: &Path) -> PathBuf {
    folder.join("authority.pem")
}

pub fn settings(folder: &Path) -> [String; 3] {
    let file = |name: &str| folder.join(name).display().to_string();
    [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.pem")),
        format!("ssl_key_file={}", file("server.key")),
    ]
}

pub fn address(port: u16, role: &str, database: &str) -> String {
    format!("host=127.0.0.1 port={port} user={role} password={PASSWORD} dbname={database} sslmode=require")
}
