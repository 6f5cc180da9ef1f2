//! What leaves this machine leaves it encrypted, or the program does not start. Each refusal says what to type.

use anyhow::{Context, bail};
use page::site::{Mqtt, Reach};
use reqwest::Url;

use super::{ClientCertificates, Config, Web};

impl Config {
    pub(super) fn check_wire(&self) -> anyhow::Result<()> {
        self.db()?.check().context("[database] postgres")?;
        if self.database.ca.is_some() && self.database.postgres.is_none() {
            bail!("[database] の ca は postgres と一緒に使うものです。消してください");
        }
        self.web.check()?;
        if self.mqtt.enabled && self.mqtt.tls.is_none() && !self.mqtt.listen.ip().is_loopback() {
            bail!("[mqtt] をループバック以外で待ち受けるには tls が必要です");
        }
        if let Some(mail) = &self.mail {
            notify::check_mail(mail)?;
        }
        if let Some(gateway) = &self.messages {
            notify::check_gateway(gateway)?;
        }
        if let Some(text) = &self.operations.heartbeat_url {
            // The address is a secret of its own and is not quoted.
            let url = Url::parse(text).ok().context("[operations] の heartbeat_url が URL になっていません")?;
            if !is_private(&url) {
                bail!(
                    "[operations] の heartbeat_url は https:// で始めてください(http:// はこの機械の中でだけ使えます)"
                );
            }
        }
        Ok(())
    }
}

impl Config {
    /// Where gateways find this program. Behind a proxy, or listening on this machine alone, it does not know under
    /// which name and port its broker is reached from outside.
    pub fn reach(&self) -> anyhow::Result<Reach> {
        let hidden = self.mqtt.listen.ip().is_loopback() || !self.web.trusted_proxies.is_empty();
        let mqtt = if !self.mqtt.enabled {
            Mqtt::Off
        } else if hidden {
            Mqtt::Hidden
        } else {
            let url = Url::parse(self.web.address()).context("[web] public_url")?;
            let host = url.host_str().context("[web] public_url")?;
            Mqtt::At { address: format!("{host}:{}", self.mqtt.listen.port()), tls: self.mqtt.tls.is_some() }
        };
        Ok(Reach { pages: self.web.address().to_owned(), mqtt })
    }
}

impl Web {
    fn check(&self) -> anyhow::Result<()> {
        if self.tls.is_none() && self.trusted_proxies.is_empty() {
            bail!("[web] には tls (certificate と key) か trusted_proxies のどちらかが必要です");
        }
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            bail!(
                "[web] をループバック以外で待ち受けるには tls (certificate と key) が必要です(プロキシから先も平文にはできません)。同じ機械のプロキシだけなら listen = \"127.0.0.1:8443\" と書いてください"
            );
        }
        if let Some(wanted) = &self.client_certificates {
            self.check_certificates(wanted)?;
        }
        self.authority().map(drop)
    }

    /// What a proxy says of its client's certificate is never believed, so that there is no use for one behind it.
    fn check_certificates(&self, wanted: &ClientCertificates) -> anyhow::Result<()> {
        if self.tls.is_none() || !self.trusted_proxies.is_empty() {
            bail!(
                "[web.client_certificates] は、tsunagari が自分で TLS を終端するときにだけ使えます。プロキシの後ろでは端末の証明書が届かず、プロキシの申告は信用しません。tls を書いて trusted_proxies を消す(プロキシは TCP のまま中継する)か、client_certificates を消してください"
            );
        }
        let known: Vec<&str> = web::router::DESKS.iter().map(|(name, _)| *name).collect();
        if let Some(unknown) = wanted.desks.iter().find(|desk| !known.contains(&desk.as_str())) {
            bail!(
                "[web.client_certificates] desks の「{unknown}」という窓口はありません。あるのは {} です",
                known.join(" ")
            );
        }
        if wanted.desks.is_empty() && wanted.roles.is_empty() {
            bail!("[web.client_certificates] には desks か roles を書いてください(例 desks = [\"response\"])");
        }
        Ok(())
    }

    /// The host of `public_url`, with the port where it is not the default one: the first name of the site.
    fn authority(&self) -> anyhow::Result<String> {
        let wrong = "[web] の public_url は https://tsunagari.example.jp のように、https:// と名前(必要ならポート)だけで書いてください";
        let url = Url::parse(&self.public_url).ok().context(wrong)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        match url.host_str() {
            Some(host) if url.scheme() == "https" && bare && nobody => {
                Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
            }
            _ => bail!(wrong),
        }
    }

    /// Every name under which the site may be asked for.
    pub fn known_hosts(&self) -> anyhow::Result<Vec<String>> {
        let mut hosts = vec![self.authority()?];
        hosts.extend(self.hosts.iter().cloned());
        Ok(hosts)
    }

    /// The address before a path of ours.
    pub fn address(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
}

/// Encrypted, or within this machine.
fn is_private(url: &Url) -> bool {
    let here = url.host_str().is_some_and(|host| {
        let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    });
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[database]\nsqlite = \"region.db\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    const MAIL: &str = "[mail]\nport = 25\nfrom = \"a@b.example\"\n";

    fn refusal(text: &str) -> Option<String> {
        Config::parse(text).err().map(|error| format!("{error:#}"))
    }

    // shows: 5.5.6 SMTP and the heartbeat: plain text off this machine is refused, with what to type
    #[test]
    fn what_leaves_this_machine_in_the_clear_is_refused_with_what_to_type() {
        let with = |section: &str| format!("{LEAST}{section}");
        let on =
            |address: &str| format!("[database]\npostgres = \"{address}\"\n[web]\ntrusted_proxies = [\"127.0.0.1\"]");
        for (text, advice) in [
            (on("host=db.internal sslmode=disable"), "ssl = on"),
            (on("host=db.internal sslmode=prefer"), "sslmode=require"),
            (on("postgres://u:p@db.internal/t?sslmode=prefer"), "sslmode=require"),
            (with(&format!("{MAIL}host = \"mail.example\"\ntls = \"none\"")), "tls = \"starttls\""),
            (with("[messages]\ntoken = \"t\"\nsms_url = \"http://sms.example/\""), "https://"),
            (with("[messages]\ntoken = \"t\"\nphone_url = \"http://10.0.0.9/\""), "https://"),
            (with("[operations]\nheartbeat_url = \"http://watcher.example/p\""), "https://"),
            (with("[operations]\nheartbeat_url = \"ftp://127.0.0.1/p\""), "https://"),
            (with("public_url = \"http://tsunagari.example\""), "https://"),
            (with("public_url = \"https://u:p@tsunagari.example\""), "https://"),
            (with("public_url = \"https://tsunagari.example/path\""), "https://"),
            (with("listen = \"0.0.0.0:443\""), "listen = \"127.0.0.1:8443\""),
        ] {
            let said = refusal(&text).unwrap_or_default();
            assert!(said.contains(advice), "{text}: {said}");
        }
        for text in [
            on("host=db.internal"),
            on("host=/run/postgresql"),
            with(&format!("{MAIL}host = \"localhost\"\ntls = \"none\"")),
            with(&format!("{MAIL}host = \"mail.example\"\ntls = \"starttls\"")),
            with("[messages]\ntoken = \"t\"\nsms_url = \"https://sms.example/\""),
            with("[operations]\nheartbeat_url = \"http://[::1]:9/p\""),
            with("[operations]\nheartbeat_url = \"https://watcher.example/p\""),
            with("public_url = \"https://tsunagari.example/\""),
        ] {
            assert_eq!(refusal(&text), None, "{text}");
        }
    }

    // shows: 5.5.10 hosts comes from public_url
    #[test]
    fn the_site_answers_under_the_name_that_its_links_carry() {
        let config =
            Config::parse(&format!("{LEAST}public_url = \"https://a.example:8443/\"\nhosts = [\"b.example\"]"));
        let web = config.unwrap().web;
        assert_eq!(web.known_hosts().unwrap(), ["a.example:8443", "b.example"]);
        assert_eq!(web.address(), "https://a.example:8443");
    }

    #[test]
    fn a_gateway_is_told_where_the_broker_is_or_that_it_is_not_known() {
        let tls = "tls = { certificate = \"c.pem\", key = \"k.pem\" }";
        let mqtt = |web: &str, mqtt: &str| {
            let public = "public_url = \"https://a.example:8443/\"";
            let text = format!("[database]\nsqlite = \"a.db\"\n[web]\n{web}\n{public}\n[mqtt]\n{mqtt}\n");
            Config::parse(&text).expect("is good").reach().expect("is known").mqtt
        };
        let open = format!("listen = \"0.0.0.0:8883\"\n{tls}");
        assert_eq!(mqtt(tls, &open), Mqtt::At { address: "a.example:8883".into(), tls: true });
        assert_eq!(mqtt(tls, ""), Mqtt::Hidden, "on this machine alone: something stands before it");
        assert_eq!(mqtt("trusted_proxies = [\"127.0.0.1\"]", &open), Mqtt::Hidden);
        assert_eq!(mqtt(tls, "enabled = false"), Mqtt::Off);
    }
}
