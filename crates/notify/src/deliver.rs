//! The adapters: SMTP, an HTTP gateway for SMS and telephone, and a folder that stands in for both in the demo.
//! Runs outside any transaction; what a server answers is reduced to a word of ours.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Redacted;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde::Deserialize;
use thiserror::Error;

use crate::{Delivery, DeliveryOutcome, Text, Topic, Way, compose, rules};

/// How the line to the mail server is kept secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS from the first byte (port 465).
    Tls,
    /// A plain greeting, then TLS or nothing (port 587).
    Starttls,
    /// None: for a relay on the same machine only.
    None,
}

/// A mail server, as the configuration names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: Option<String>,
    pub password: Option<Redacted<String>>,
    /// `つながり <no-reply@example.jp>`
    pub from: String,
}

/// A gateway for SMS and telephone; see `docs/gateway.md`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    pub sms_url: Option<String>,
    pub phone_url: Option<String>,
    pub token: Redacted<String>,
    /// With this the gateway reports what became of what it accepted; without it, accepted counts as sent.
    #[serde(default)]
    pub report_token: Option<Redacted<String>>,
}

#[derive(Debug, Error)]
pub enum AdapterError {
    #[error("the sender's address is not one: from")]
    From,
    #[error(
        "[mail] tls = \"none\" は、この機械の中の中継サーバー(host = \"localhost\" など)でだけ使えます。外へ送るときは tls = \"starttls\"(587番)か tls = \"tls\"(465番)と書いてください"
    )]
    PlainMail,
    #[error("user and password belong together")]
    HalfCredentials,
    #[error("TLS could not be set up for this host")]
    Tls,
    #[error("[messages] の sms_url と phone_url は https:// で始めてください(http:// はこの機械の中でだけ使えます)")]
    PlainGateway,
    #[error("[messages] の sms_url か phone_url が URL になっていません")]
    GatewayAddress,
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
    #[error("the folder for messages cannot be written: {0}")]
    Folder(std::io::Error),
}

/// The ways out of the house. A way without an adapter refuses, so that the next is taken at once.
pub struct Adapters {
    mail: Mail,
    gateway: Gateway,
    /// The address before a link's token: `https://…/links/`.
    link_base: String,
}

enum Mail {
    None,
    Smtp { transport: AsyncSmtpTransport<Tokio1Executor>, from: Mailbox },
    Folder { folder: PathBuf, from: Mailbox },
}

enum Gateway {
    None,
    Http { client: reqwest::Client, config: GatewayConfig },
    Folder(PathBuf),
}

impl Adapters {
    /// Needs a rustls provider installed as the process's default when a gateway is given.
    pub fn new(
        smtp: Option<&SmtpConfig>,
        gateway: Option<&GatewayConfig>,
        link_base: &str,
    ) -> Result<Adapters, AdapterError> {
        let mail = match smtp {
            None => Mail::None,
            Some(config) => Mail::Smtp {
                transport: smtp_transport(config)?,
                from: config.from.parse().map_err(|_| AdapterError::From)?,
            },
        };
        let gateway = match gateway {
            None => Gateway::None,
            Some(config) => Gateway::Http { client: client(config)?, config: config.clone() },
        };
        Ok(Adapters { mail, gateway, link_base: link_base.to_owned() })
    }

    /// Everything into a folder that can be looked at: mails as `.eml`, SMS and telephone texts as `.txt`.
    pub fn folder(folder: &Path, link_base: &str) -> Result<Adapters, AdapterError> {
        std::fs::create_dir_all(folder).map_err(AdapterError::Folder)?;
        let from = "つながり <tsunagari@example.jp>".parse().map_err(|_| AdapterError::From)?;
        Ok(Adapters {
            mail: Mail::Folder { folder: folder.to_owned(), from },
            gateway: Gateway::Folder(folder.to_owned()),
            link_base: link_base.to_owned(),
        })
    }
}

/// Delivers one attempt, within [`rules::DELIVERY_TIMEOUT`].
pub async fn deliver(adapters: &Adapters, delivery: &Delivery) -> DeliveryOutcome {
    let limit = Duration::from_micros(u64::try_from(rules::DELIVERY_TIMEOUT.0).unwrap_or(0));
    let link = delivery.link.as_ref().map(|token| format!("{}{}", adapters.link_base, token.expose()));
    let text = compose(delivery.topic, delivery.way, link.as_deref());
    let sending = async {
        match delivery.way {
            Way::Screen => DeliveryOutcome::Sent,
            Way::Mail => by_mail(&adapters.mail, delivery, &text).await,
            Way::Sms | Way::Phone => by_gateway(&adapters.gateway, delivery, &text).await,
        }
    };
    tokio::time::timeout(limit, sending).await.unwrap_or(DeliveryOutcome::Failed { why: "timeout" })
}

async fn by_mail(mail: &Mail, delivery: &Delivery, text: &Text) -> DeliveryOutcome {
    let from = match mail {
        Mail::None => return DeliveryOutcome::Refused { why: "not_set_up" },
        Mail::Smtp { from, .. } | Mail::Folder { from, .. } => from,
    };
    let Ok(to) = delivery.address.expose().parse::<lettre::Address>() else {
        return DeliveryOutcome::Refused { why: "address" };
    };
    let built = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(text.subject)
        .header(ContentType::TEXT_PLAIN)
        .message_id(Some(format!("<{}.{}@tsunagari.invalid>", delivery.attempt, delivery.tries)))
        .body(Body::new_with_encoding(text.body.clone(), ContentTransferEncoding::Base64).unwrap_or_else(Body::new));
    let Ok(message) = built else { return DeliveryOutcome::Refused { why: "message" } };
    match mail {
        Mail::None => DeliveryOutcome::Refused { why: "not_set_up" },
        Mail::Smtp { transport, .. } => match transport.send(message).await {
            Ok(_) => DeliveryOutcome::Sent,
            Err(e) if e.is_permanent() => DeliveryOutcome::Refused { why: "mail_refused" },
            Err(_) => DeliveryOutcome::Failed { why: "mail_server" },
        },
        Mail::Folder { folder, .. } => write(folder, delivery, "eml", &message.formatted()).await,
    }
}

async fn by_gateway(gateway: &Gateway, delivery: &Delivery, text: &Text) -> DeliveryOutcome {
    let to = delivery.address.expose();
    let (client, config) = match gateway {
        Gateway::None => return DeliveryOutcome::Refused { why: "not_set_up" },
        Gateway::Folder(folder) => {
            let file = format!("To: {to}\nWay: {}\n\n{}\n", delivery.way.key(), text.body);
            return write(folder, delivery, "txt", file.as_bytes()).await;
        }
        Gateway::Http { client, config } => (client, config),
    };
    let url = if delivery.way == Way::Sms { &config.sms_url } else { &config.phone_url };
    let Some(url) = url else { return DeliveryOutcome::Refused { why: "not_set_up" } };
    let mut body = serde_json::json!({ "to": to, "text": text.body, "reference": delivery.attempt.to_string() });
    if (delivery.topic, delivery.way) == (Topic::NoticeAsked, Way::Phone) {
        body["keys"] = serde_json::json!(["1", "2", "3"]);
    }
    match client.post(url).bearer_auth(config.token.expose()).json(&body).send().await {
        Err(_) => DeliveryOutcome::Failed { why: "gateway_unreachable" },
        Ok(answer) => match answer.status().as_u16() {
            200..=299 if config.report_token.is_some() => DeliveryOutcome::Accepted,
            200..=299 => DeliveryOutcome::Sent,
            // Our own credential is wrong or too much was asked: another try, then another way.
            401 | 403 | 408 | 425 | 429 => DeliveryOutcome::Failed { why: "gateway_busy" },
            400..=499 => DeliveryOutcome::Refused { why: "gateway_refused" },
            _ => DeliveryOutcome::Failed { why: "gateway_error" },
        },
    }
}

async fn write(folder: &Path, delivery: &Delivery, kind: &str, content: &[u8]) -> DeliveryOutcome {
    let name = format!("{}-{}-{}.{kind}", delivery.attempt, delivery.way.key(), delivery.tries);
    match tokio::fs::write(folder.join(name), content).await {
        Ok(()) => DeliveryOutcome::Sent,
        Err(_) => DeliveryOutcome::Failed { why: "folder" },
    }
}

fn smtp_transport(config: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, AdapterError> {
    check_mail(config)?;
    let parameters = || TlsParameters::new(config.host.clone()).map_err(|_| AdapterError::Tls);
    let tls = match config.tls {
        SmtpTls::Tls => Tls::Wrapper(parameters()?),
        SmtpTls::Starttls => Tls::Required(parameters()?),
        SmtpTls::None => Tls::None,
    };
    let timeout = Duration::from_micros(u64::try_from(rules::DELIVERY_TIMEOUT.0).unwrap_or(0));
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
        .port(config.port)
        .tls(tls)
        .timeout(Some(timeout));
    match (&config.user, &config.password) {
        (None, None) => Ok(builder.build()),
        (Some(user), Some(password)) => {
            Ok(builder.credentials(Credentials::new(user.clone(), password.expose().clone())).build())
        }
        _ => Err(AdapterError::HalfCredentials),
    }
}

/// What is refused when a configuration is read, before anything is opened: addresses and names of persons would cross
/// the network in the clear, with or without a password beside them.
pub fn check_mail(config: &SmtpConfig) -> Result<(), AdapterError> {
    match config.tls {
        SmtpTls::None if !is_here(&config.host) => Err(AdapterError::PlainMail),
        _ => Ok(()),
    }
}

/// As [`check_mail`], of the gateway.
pub fn check_gateway(config: &GatewayConfig) -> Result<(), AdapterError> {
    for url in [&config.sms_url, &config.phone_url].into_iter().flatten() {
        let parsed = reqwest::Url::parse(url).map_err(|_| AdapterError::GatewayAddress)?;
        if parsed.scheme() != "https" && !parsed.host_str().is_some_and(is_here) {
            return Err(AdapterError::PlainGateway);
        }
    }
    Ok(())
}

fn client(config: &GatewayConfig) -> Result<reqwest::Client, AdapterError> {
    check_gateway(config)?;
    let limit = Duration::from_micros(u64::try_from(rules::DELIVERY_TIMEOUT.0).unwrap_or(0));
    reqwest::Client::builder()
        .timeout(limit)
        // A redirect would carry number and credential to a host nobody configured.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| AdapterError::Client(e.to_string()))
}

fn is_here(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
