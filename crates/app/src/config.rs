//! The one configuration file. Unknown keys are refused, so that a typing error is not a silent default;
//! `tsunagari config show` prints what is in force.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use db::{Db, DbConfig, DbError};
use notify::{GatewayConfig, SmtpConfig};
use serde::{Deserialize, Serialize};

/// Letters of a report token at least: what 128 random bits take in base 64 and in hexadecimal digits lies above.
const REPORT_TOKEN: usize = 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
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
    #[serde(default, serialize_with = "shown_mail")]
    pub mail: Option<SmtpConfig>,
    /// The gateway for SMS and telephone, described in `docs/gateway.md`.
    #[serde(default, serialize_with = "shown_gateway")]
    pub messages: Option<GatewayConfig>,
    /// A folder of Cedar policies to use instead of the built-in ones.
    #[serde(default)]
    pub policies: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A file for the embedded database, …
    #[serde(default)]
    pub sqlite: Option<PathBuf>,
    /// … or a PostgreSQL address (`host=… dbname=… user=…`).
    #[serde(default, serialize_with = "shown_address")]
    pub postgres: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    pub listen: SocketAddr,
    /// Host names under which the site may be asked for; with the port where it is not the default one.
    pub hosts: Vec<String>,
    pub tls: Option<Tls>,
    /// Addresses of proxies that end TLS for us; only from these is a plain connection accepted.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where links in messages lead: `https://tsunagari.example.jp`.
    pub public_url: String,
}

impl Default for Web {
    fn default() -> Web {
        Web {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            hosts: vec![],
            tls: None,
            trusted_proxies: vec![],
            public_url: "https://localhost:8443".into(),
        }
    }
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

#[derive(Clone, Debug, Serialize, Deserialize)]
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

/// Which database, never the password: neither as a word of its own nor within a URL.
fn shown_address<S: serde::Serializer>(address: &Option<String>, s: S) -> Result<S::Ok, S::Error> {
    let Some(address) = address else { return s.serialize_none() };
    let hide = |word: &str| match (word.split_once("://"), word.rsplit_once('@')) {
        _ if word.starts_with("password=") => "password=…".to_owned(),
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => word.to_owned(),
    };
    let words: Vec<String> = address.split_whitespace().map(hide).collect();
    s.serialize_some(&words.join(" "))
}

/// Which server, never the password.
fn shown_mail<S: serde::Serializer>(mail: &Option<SmtpConfig>, s: S) -> Result<S::Ok, S::Error> {
    match mail {
        Some(mail) => s.serialize_some(&format!("{}:{}, from {}", mail.host, mail.port, mail.from)),
        None => s.serialize_none(),
    }
}

/// Which addresses, never the token.
fn shown_gateway<S: serde::Serializer>(gateway: &Option<GatewayConfig>, s: S) -> Result<S::Ok, S::Error> {
    match gateway {
        Some(g) => {
            let shown = |url: &Option<String>| url.clone().unwrap_or_else(|| "none".into());
            let reports = if g.report_token.is_some() { "reports awaited" } else { "no reports" };
            s.serialize_some(&format!("sms {}, phone {}, {reports}", shown(&g.sms_url), shown(&g.phone_url)))
        }
        None => s.serialize_none(),
    }
}

/// How long a command that somebody types waits for another one that is about to end.
pub const BRIEFLY: Duration = Duration::from_secs(3);

/// Opens as the one who writes and, where it is of an older version, brings forward. Waits this long for another writer.
pub fn open(database: DbConfig, wait: Duration) -> anyhow::Result<Db> {
    Db::open_within(wait, database, web::MIGRATIONS).map_err(|error| match error {
        DbError::Occupied => anyhow::Error::new(error).context(
            "ほかの tsunagari(serve や demo)がこのデータベースに書き込んでいます。何も変更していません。そちらを止めてから、もう一度実行してください",
        ),
        DbError::Newer(_) => anyhow::Error::new(error).context(
            "このデータベースは新しい版の tsunagari で使われています。何も変更していません。新しい版で起動してください",
        ),
        other => other.into(),
    })
}

impl Config {
    pub fn load(file: &Path) -> anyhow::Result<Config> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("設定ファイル {} を読めません", file.display()))?;
        let config =
            Config::parse(&text).with_context(|| format!("設定ファイル {} に誤りがあります", file.display()))?;
        Ok(config)
    }

    fn parse(text: &str) -> anyhow::Result<Config> {
        let config: Config = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    pub fn db(&self) -> anyhow::Result<DbConfig> {
        match (&self.database.sqlite, &self.database.postgres) {
            (Some(file), None) => Ok(DbConfig::sqlite(file)),
            (None, Some(url)) => Ok(DbConfig::Postgres { url: url.clone() }),
            _ => bail!("[database] には sqlite か postgres のどちらか一つを書いてください"),
        }
    }

    /// The database as the one who writes to it.
    pub fn open(&self, wait: Duration) -> anyhow::Result<Db> {
        open(self.db()?, wait)
    }

    /// What no default can mend: two engines, or a site that would speak plainly to the world.
    fn check(&self) -> anyhow::Result<()> {
        self.db()?;
        if self.web.tls.is_none() && self.web.trusted_proxies.is_empty() {
            bail!("[web] には tls (certificate と key) か trusted_proxies のどちらかが必要です");
        }
        if self.mqtt.enabled && self.mqtt.tls.is_none() && !self.mqtt.listen.ip().is_loopback() {
            bail!("[mqtt] をループバック以外で待ち受けるには tls が必要です");
        }
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
        Ok(())
    }

    /// The whole configuration in force, defaults included, secrets hidden.
    pub fn show(&self) -> anyhow::Result<String> {
        Ok(toml::to_string_pretty(self)?)
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
        let error = Config::parse(&format!("{LEAST}\n[mqtt]\nlisen = \"127.0.0.1:1\"")).unwrap_err().to_string();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn what_would_be_unsafe_is_refused() {
        for (text, word) in [
            ("[database]\n[web]\ntrusted_proxies = [\"127.0.0.1\"]", "database"),
            ("[database]\nsqlite = \"a\"\npostgres = \"b\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]", "database"),
            ("[database]\nsqlite = \"a\"", "tls"),
            (&format!("{LEAST}[mqtt]\nlisten = \"0.0.0.0:1883\""), "mqtt"),
            (&format!("{LEAST}[messages]\ntoken = \"a\"\nreport_token = \"short\""), "report_token"),
            (
                &format!(
                    "{LEAST}[messages]\ntoken = \"the-same-for-both-ways\"\nreport_token = \"the-same-for-both-ways\""
                ),
                "report_token",
            ),
        ] {
            let error = format!("{:?}", Config::parse(text).unwrap_err());
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = format!(
            "{LEAST}[mail]\nhost = \"m\"\nport = 587\ntls = \"starttls\"\nfrom = \"a@b.example\"\nuser = \"u\"\npassword = \"geheim\"\n[messages]\nsms_url = \"https://s.example\"\ntoken = \"geheim\"\nreport_token = \"geheim-geheim-geheim\""
        );
        let shown = Config::parse(&text).unwrap().show().unwrap();
        assert!(!shown.contains("geheim"), "{shown}");
        for address in ["host=db password=geheim dbname=t", "postgres://u:geheim@db/t"] {
            let text = format!("[database]\npostgres = \"{address}\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]");
            let shown = Config::parse(&text).unwrap().show().unwrap();
            assert!(!shown.contains("geheim") && shown.contains("db"), "{shown}");
        }
    }
}
