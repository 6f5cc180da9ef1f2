//! The configuration in force as `config show` prints it: made of what was read, value by value, so that a secret
//! cannot come along in whatever spelling it was written.

use std::path::Path;

use notify::{GatewayConfig, SmtpConfig, SmtpTls};
use reqwest::Url;
use serde::Serialize;

use super::{Backup, Config, Mqtt, Web};
use crate::secrets;

#[derive(Serialize)]
struct Shown<'a> {
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<String>,
    database: ShownDatabase<'a>,
    web: &'a Web,
    mqtt: &'a Mqtt,
    operations: ShownOperations<'a>,
    backup: &'a Backup,
    secrets: ShownSecrets,
}

#[derive(Serialize)]
struct ShownSecrets {
    key: std::path::PathBuf,
}

#[derive(Serialize)]
struct ShownDatabase<'a> {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<&'a Path>,
}

#[derive(Serialize)]
struct ShownOperations<'a> {
    listen: std::net::SocketAddr,
    folder: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emergency_recipient: Option<&'a str>,
}

impl Config {
    /// The whole configuration in force, defaults included, secrets left out.
    pub fn show(&self) -> anyhow::Result<String> {
        let shown = Shown {
            region: &self.region,
            policies: self.policies.as_deref(),
            mail: self.mail.as_ref().map(mail),
            messages: self.messages.as_ref().map(gateway),
            database: ShownDatabase { at: self.db()?.shown(), ca: self.database.ca.as_deref() },
            web: &self.web,
            mqtt: &self.mqtt,
            operations: ShownOperations {
                listen: self.operations.listen,
                folder: &self.operations.folder,
                heartbeat: self.operations.heartbeat_url.as_deref().map(site),
                emergency_recipient: self.operations.emergency_recipient.as_deref(),
            },
            backup: &self.backup,
            secrets: ShownSecrets { key: secrets::Place::of(self).file().clone() },
        };
        Ok(toml::to_string_pretty(&shown)?)
    }
}

fn mail(mail: &SmtpConfig) -> String {
    let tls = match mail.tls {
        SmtpTls::Tls => "tls",
        SmtpTls::Starttls => "starttls",
        SmtpTls::None => "none",
    };
    let user = if mail.user.is_some() { "with a user" } else { "without a user" };
    format!("{}:{} ({tls}, {user}), from {}", mail.host, mail.port, mail.from)
}

fn gateway(g: &GatewayConfig) -> String {
    let shown = |url: &Option<String>| url.as_deref().map_or_else(|| "none".into(), site);
    let reports = if g.report_token.is_some() { "reports awaited" } else { "no reports" };
    format!("sms {}, phone {}, {reports}", shown(&g.sms_url), shown(&g.phone_url))
}

/// Where an address leads; its path and question often are the secret.
fn site(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A region whose every secret is this one, in one of the spellings that are understood.
    fn written(secret: &str, spelling: usize) -> String {
        let address = match spelling % 7 {
            0 => format!("host=db.internal password={secret} dbname=t"),
            1 => format!("host=db.internal password = '{secret}' dbname=t"),
            2 => format!("dbname=t  password='{secret}'host=db.internal"),
            3 => format!("postgres://u:{secret}@db.internal/t"),
            4 => format!("postgresql://db.internal/t?user=u&password={secret}"),
            5 => format!("postgres://u:%2F{secret}@db.internal:5433/t?application_name=x"),
            _ => format!("host=db.internal options='-c x={secret}' password={secret} user=u"),
        };
        let heartbeat = match spelling % 3 {
            0 => format!("https://w.example/{secret}"),
            1 => format!("https://w.example/p?key={secret}#{secret}"),
            _ => format!("https://u:{secret}@w.example/p"),
        };
        format!(
            "[database]\npostgres = \"{address}\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [operations]\nheartbeat_url = \"{heartbeat}\"\n\
             [mail]\nhost = \"m.example\"\nport = 587\ntls = \"starttls\"\nfrom = \"a@b.example\"\n\
             user = \"{secret}\"\npassword = \"{secret}\"\n\
             [messages]\nsms_url = \"https://{secret}@s.example/{secret}\"\nphone_url = \"{heartbeat}\"\n\
             token = \"{secret}\"\nreport_token = \"{secret}{secret}\"\n"
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        // shows: 5.5.12 config show prints from what was read, secrets never
        #[test]
        fn no_secret_is_shown_however_it_was_spelt(tail in "[A-Za-z0-9_.~-]{12,30}", spelling in 0usize..21) {
            let secret = format!("Geheim{tail}");
            let config = Config::parse(&written(&secret, spelling)).expect("a configuration");
            let shown = config.show().expect("it is shown");
            prop_assert!(!shown.contains(&tail), "{}", shown);
            for known in ["db.internal", "w.example", "m.example", "s.example"] {
                prop_assert!(shown.contains(known), "{}", shown);
            }
        }
    }

    #[test]
    fn an_error_names_the_line_and_does_not_quote_it() {
        let text = "[database]\nsqlite = \"r.db\"\n[mail]\npassword = \"Geheim\" typo\n";
        let said = format!("{:#}", Config::parse(text).err().expect("an error"));
        assert!(said.contains("4行目") && !said.contains("Geheim"), "{said}");
    }
}
