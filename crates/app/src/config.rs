//! The one configuration file. Unknown keys are refused, so that a typing error is not a silent default;
//! `tsunagari config show` prints what is in force.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base::Role;
use db::{DbConfig, Rights};
use notify::{GatewayConfig, SmtpConfig};
use serde::{Deserialize, Serialize};

mod opening;
mod show;
mod wire;

pub use opening::{BRIEFLY, open, open_for_reading, require_there};

use crate::{rights, secrets};

/// Letters of a report token at least: what 128 random bits take in base 64 and in hexadecimal digits lies above.
const REPORT_TOKEN: usize = 20;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The region's name as pages show it.
    #[serde(default = "region_name")]
    pub region: String,
    pub database: Database,
    #[serde(default)]
    pub web: Web,
    #[serde(default)]
    pub mqtt: Mqtt,
    #[serde(default)]
    pub operations: Operations,
    /// A mail server for messages.
    #[serde(default)]
    pub mail: Option<SmtpConfig>,
    /// The gateway for SMS and telephone, described in `docs/gateway.md`.
    #[serde(default)]
    pub messages: Option<GatewayConfig>,
    #[serde(default)]
    pub backup: Backup,
    #[serde(default)]
    pub secrets: Secrets,
    /// A folder of Cedar policies to use instead of the built-in ones.
    #[serde(default)]
    pub policies: Option<PathBuf>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A file for the embedded database, …
    #[serde(default)]
    pub sqlite: Option<PathBuf>,
    /// … or a PostgreSQL address (`host=… dbname=… user=…`), as the role under which the program runs: not the owner of
    /// the tables, whose address `tsunagari migrate` alone is given.
    #[serde(default)]
    pub postgres: Option<String>,
    /// The authority that vouches for the PostgreSQL server (PEM), and no other; without it, those the machine trusts.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    pub listen: SocketAddr,
    /// Further host names under which the site may be asked for, beside that of `public_url`; with the port where it is
    /// not the default one.
    pub hosts: Vec<String>,
    pub tls: Option<Tls>,
    /// Addresses of proxies that end TLS for us. Without `tls` only these are answered, and only on this machine.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where people find the site, and where links in messages lead: `https://tsunagari.example.jp`.
    pub public_url: String,
    /// Certificates of the region's own authority, for those desks and roles that shall need one.
    pub client_certificates: Option<ClientCertificates>,
    /// Whether browsers shall take every name below that of `public_url` for one that speaks TLS only.
    pub hsts_subdomains: bool,
}

impl Default for Web {
    fn default() -> Web {
        Web {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            hosts: vec![],
            tls: None,
            trusted_proxies: vec![],
            public_url: "https://localhost:8443".into(),
            client_certificates: None,
            hsts_subdomains: false,
        }
    }
}

/// Who must show a certificate, and which are good.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// The authority that signs them (PEM); no other is believed.
    pub ca: PathBuf,
    /// Desks by their names: no page of theirs opens without one.
    #[serde(default)]
    pub desks: Vec<String>,
    /// Whoever is signed in in one of these roles opens no page without one.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Those that are no longer good: revocation lists in PEM, or SHA-256 fingerprints, one a line.
    #[serde(default)]
    pub revoked: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    pub enabled: bool,
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
}

impl Default for Mqtt {
    fn default() -> Mqtt {
        Mqtt { enabled: true, listen: SocketAddr::from(([127, 0, 0, 1], 1883)), tls: None }
    }
}

/// For whom backups are encrypted.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// age recipients (`age1…`). With these a scheduled backup needs no passphrase, and the machine that makes it holds
    /// nothing that opens it.
    pub recipients: Vec<String>,
}

/// The keys of what is sealed in the database.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// Their file, made at the first start. Without it, systemd's credential `secrets.key` or a file in the operations
    /// folder.
    pub key: Option<PathBuf>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// `/healthz`, `/readyz`, `/metrics`.
    pub listen: SocketAddr,
    /// A folder outside the database for signed audit heads, the signing key and the emergency list.
    pub folder: PathBuf,
    /// Asked every minute, so that somebody outside notices when this program stops.
    pub heartbeat_url: Option<String>,
    /// The age recipient (`age1…`) for whom the hourly emergency list is encrypted.
    pub emergency_recipient: Option<String>,
}

impl Default for Operations {
    fn default() -> Operations {
        Operations {
            listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            folder: PathBuf::from("operations"),
            heartbeat_url: None,
            emergency_recipient: None,
        }
    }
}

fn region_name() -> String {
    "つながり".into()
}

/// An error by its line and the key on it. Its own text quotes the whole line, and a secret may stand there.
fn named(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let key = text.lines().nth(number).and_then(|line| line.split_once('=')).map_or("", |(key, _)| key.trim());
    let is_key = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let key = if is_key { key } else { "" };
    anyhow::anyhow!("{}行目 {key}: {}", number + 1, in_japanese(error.message()))
}

/// What is wrong with a key, as the parser says it in English. What it quotes of a value is left out.
fn in_japanese(message: &str) -> String {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    match message.split_once(' ').map_or(message, |(first, _)| first) {
        "missing" => format!("{quoted} がありません"),
        "unknown" => {
            let known = message.split_once("expected ").map_or("", |(_, known)| known.trim_start_matches("one of "));
            format!("{quoted} という項目はありません(書けるもの: {})", known.replace('`', ""))
        }
        "duplicate" => format!("{quoted} が二度書かれています"),
        "invalid" if message.starts_with("invalid type") || message.starts_with("invalid value") => {
            "値の書き方が違います(引用符、数、true・false、一覧の [ ] を確かめてください)".to_owned()
        }
        _ => format!("TOML として読めません({message})"),
    }
}

impl Config {
    /// Reads the file, and refuses where others on this machine could read it or what it names.
    pub fn load(file: &Path) -> anyhow::Result<Config> {
        let config = Config::read(file)?;
        rights::require_private(&config.private_files(file))?;
        Ok(config)
    }

    /// Reads the file and nothing else: for showing it.
    pub fn read(file: &Path) -> anyhow::Result<Config> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("設定ファイル {} を読めません", file.display()))?;
        let config =
            Config::parse(&text).with_context(|| format!("設定ファイル {} に誤りがあります", file.display()))?;
        Ok(config)
    }

    fn parse(text: &str) -> anyhow::Result<Config> {
        let config: Config = toml::from_str(text).map_err(|e| named(text, &e))?;
        config.check()?;
        Ok(config)
    }

    pub fn db(&self) -> anyhow::Result<DbConfig> {
        match (&self.database.sqlite, &self.database.postgres) {
            (Some(file), None) => Ok(DbConfig::sqlite(file)),
            (None, Some(url)) => {
                let (url, ca) = (url.clone(), self.database.ca.clone());
                Ok(DbConfig::Postgres { url, ca, rights: Rights::Narrow })
            }
            _ => bail!("[database] には sqlite か postgres のどちらか一つを書いてください"),
        }
    }

    /// What no default can mend: two engines, tokens that could be guessed, one address for two kinds of people.
    fn check(&self) -> anyhow::Result<()> {
        self.check_wire()?;
        let report = self.messages.as_ref().and_then(|m| m.report_token.as_ref().map(|r| (m, r)));
        if let Some((messages, token)) = report {
            let known = token.expose() == messages.token.expose();
            if known || token.expose().chars().count() < REPORT_TOKEN || token.expose().contains(char::is_whitespace) {
                bail!("[messages] の report_token は、token とは別の、空白のない{REPORT_TOKEN}文字以上にしてください");
            }
        }
        if !self.operations.listen.ip().is_loopback() && self.operations.listen.ip() == self.web.listen.ip() {
            bail!("[operations] の listen は利用者向けとは別のアドレスにしてください");
        }
        crate::backup::recipients(&self.backup.recipients).context("[backup] recipients")?;
        Ok(())
    }

    /// Every file of the region that is for nobody else: those that are not there yet are made so.
    fn private_files(&self, config: &Path) -> Vec<PathBuf> {
        let mut files = vec![self.operations.folder.clone()];
        let postgres = self.database.postgres.is_some();
        if postgres || self.mail.is_some() || self.messages.is_some() || self.operations.heartbeat_url.is_some() {
            files.push(config.to_owned());
        }
        if let Some(database) = &self.database.sqlite {
            let beside = |end: &str| {
                let mut name = database.clone().into_os_string();
                name.push(end);
                PathBuf::from(name)
            };
            files.extend(["", "-wal", "-shm"].map(beside));
            // Its folder too: whoever may write there puts another database in its place.
            let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
            files.push(folder.unwrap_or(Path::new(".")).to_owned());
        }
        let names = [crate::heads::HEAD_KEY, crate::heads::HEADS, crate::emergency::FILE];
        files.extend(names.map(|name| self.operations.folder.join(name)));
        let security_log = [crate::security_log::FILE, crate::security_log::FORMER, crate::security_log::KEY];
        files.extend(security_log.map(|name| self.operations.folder.join(name)));
        files.push(secrets::Place::of(self).file().clone());
        files.extend([&self.web.tls, &self.mqtt.tls].into_iter().flatten().map(|tls| tls.key.clone()));
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[database]\nsqlite = \"region.db\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]\n";

    #[test]
    fn the_least_configuration_is_enough_and_is_shown_whole() {
        let shown = Config::parse(LEAST).unwrap().show().unwrap();
        assert!(shown.contains("listen = \"127.0.0.1:8443\"") && shown.contains("[mqtt]"), "{shown}");
    }

    #[test]
    fn a_typing_error_is_named() {
        let error = Config::parse(&format!("{LEAST}\n[mqtt]\nlisen = \"127.0.0.1:1\"")).err().unwrap().to_string();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_missing_or_mistyped_field_is_told_in_japanese_and_no_value_is_repeated() {
        let told = |text: &str| format!("{:#}", Config::parse(text).err().unwrap());
        assert_eq!(told("region = \"x\""), "1行目 region: database がありません");
        assert!(told(&format!("{LEAST}[web.tls]\nkey = \"k\"")).ends_with("certificate がありません"));
        let unknown = told(&format!("{LEAST}[mqtt]\nlisen = 1"));
        assert!(unknown.contains("lisen という項目はありません(書けるもの: enabled, listen, tls)"), "{unknown}");
        let mistyped = told(&format!("{LEAST}[messages]\ntoken = \"t\"\nsms_url = [\"geheim\"]"));
        assert!(mistyped.contains("値の書き方が違います") && !mistyped.contains("geheim"), "{mistyped}");
        assert!(told(&format!("{LEAST}region = ")).contains("TOML として読めません"));
    }

    #[test]
    fn a_folder_in_which_others_may_put_another_database_is_refused_as_its_files_are() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let at = folder.path().display();
        let file = folder.path().join("region.toml");
        let text = LEAST.replace("region.db", &format!("{at}/region.db"));
        std::fs::write(&file, format!("{text}[operations]\nfolder = \"{at}/operations\"\n")).unwrap();
        open(0o755);
        let said = format!("{:#}", Config::load(&file).err().unwrap());
        assert!(said.contains(&format!("chmod 700 '{at}'")), "{said}");
        open(0o711);
        Config::load(&file).unwrap();
    }

    #[test]
    fn what_would_be_unsafe_is_refused() {
        for (text, word) in [
            ("[database]\n[web]\ntrusted_proxies = [\"127.0.0.1\"]", "database"),
            ("[database]\nsqlite = \"a\"\npostgres = \"b\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]", "database"),
            ("[database]\nsqlite = \"a\"", "tls"),
            ("[database]\nsqlite = \"a\"\n[web]\nlisten = \"10.0.0.4:80\"\ntrusted_proxies = [\"10.0.0.5\"]", "tls"),
            (&format!("{LEAST}[mqtt]\nlisten = \"0.0.0.0:1883\""), "mqtt"),
            (&format!("{LEAST}[messages]\ntoken = \"a\"\nreport_token = \"short\""), "report_token"),
            (
                &format!(
                    "{LEAST}[messages]\ntoken = \"the-same-for-both-ways\"\nreport_token = \"the-same-for-both-ways\""
                ),
                "report_token",
            ),
        ] {
            let error = format!("{:?}", Config::parse(text).err().unwrap());
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
