//! Events that leave with the commit that caused them. A body holds ids and closed words only, as JSON; never a name
//! or a number. Which events there are is each capability's own list ([`events!`](crate::events)); nothing else can be
//! pushed, and whoever listens reads them as that type.

use base::Instant;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{DbError, Tx, params};

/// One event as it is stored, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub seq: i64,
    pub at: Instant,
    pub topic: String,
    pub body: String,
}

/// An event on its way into the outbox, made from a capability's own event.
#[derive(Clone, Debug)]
pub struct News {
    topic: &'static str,
    body: Json,
}

const PUSH: &str = "INSERT INTO db_outbox (seq, at, topic, body)
    SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM db_outbox";
const AFTER: &str = "SELECT seq, at, topic, body FROM db_outbox WHERE seq > $1 ORDER BY seq LIMIT $2";
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM db_outbox";
/// The newest row always stays, so that sequence numbers never start again.
const PRUNE: &str = "DELETE FROM db_outbox WHERE seq IN (SELECT seq FROM db_outbox
    WHERE at < $1 AND seq < (SELECT MAX(seq) FROM db_outbox) ORDER BY seq LIMIT $2)";

pub fn push(tx: &mut dyn Tx, at: Instant, news: impl Into<News>) -> Result<(), DbError> {
    let News { topic, body } = news.into();
    tx.tell(PUSH, params![at, topic, body.to_string()])?;
    tx.announce();
    Ok(())
}

/// The events after `seq`, oldest first, at most `limit`.
pub fn after(tx: &mut dyn Tx, seq: i64, limit: usize) -> Result<Vec<Event>, DbError> {
    let rows = tx.query(AFTER, params![seq, limit])?;
    rows.iter().map(|r| Ok(Event { seq: r.get(0)?, at: r.get(1)?, topic: r.get(2)?, body: r.get(3)? })).collect()
}

pub fn last_seq(tx: &mut dyn Tx) -> Result<i64, DbError> {
    tx.scalar(LAST, &[])
}

/// Forgets the oldest events of before that moment, at most `limit`; every listener reads within seconds.
pub fn prune(tx: &mut dyn Tx, before: Instant, limit: usize) -> Result<u64, DbError> {
    tx.execute(PRUNE, params![before, limit])
}

impl News {
    /// For [`events!`](crate::events) alone: `check-source` finds any other caller.
    #[doc(hidden)]
    pub fn listed(topic: &'static str, fields: &[(&'static str, Json)]) -> News {
        let body = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        News { topic, body: Json::Object(body) }
    }
}

/// An id or a word as the body holds it.
#[doc(hidden)]
pub fn field(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// A stored event as its capability's type. One that cannot be read holds up nobody; the log tells of it.
#[doc(hidden)]
pub fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    let text = format!(r#"{{"topic":"{}","body":{}}}"#, event.topic, event.body);
    match serde_json::from_str(&text) {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::error!(topic = %event.topic, seq = event.seq, %error, "an event cannot be read");
            None
        }
    }
}

/// Declares what one capability tells the rest of the house:
/// `events! { /// … Event { HomeChanged = "watch.home_changed" { home: HomeId }; } }`. A topic stays readable for as
/// long as the outbox keeps rows of a former version: a field that is added later is an `Option`. The crate that calls
/// it depends on `serde`.
#[macro_export]
macro_rules! events {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $topic:literal { $($field:ident: $type:ty),* $(,)? };)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
        #[serde(tag = "topic", content = "body")]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $topic)] $variant { $($field: $type),* },)+
        }

        impl $name {
            pub const TOPICS: &'static [&'static str] = &[$($topic),+];

            /// This capability's event in a row of the outbox; `None` for another's, and for one that cannot be read.
            pub fn of(event: &$crate::outbox::Event) -> Option<$name> {
                if $name::TOPICS.contains(&event.topic.as_str()) { $crate::outbox::read(event) } else { None }
            }
        }

        impl From<&$name> for $crate::outbox::News {
            fn from(event: &$name) -> $crate::outbox::News {
                match event {
                    $($name::$variant { $($field),* } => $crate::outbox::News::listed(
                        $topic,
                        &[$((stringify!($field), $crate::outbox::field($field))),*],
                    ),)+
                }
            }
        }
    };
}
