//! What messages tell the rest of the house, with the commit in which it happened.

use base::{MessageId, PersonId};
use uuid::Uuid;

use crate::Topic;

db::events! {
    Event {
        /// Something about the messages of this reader or office changed: their screens count anew.
        Screen = "notify.screen" { message: MessageId, recipient: Uuid };
        /// No way is left.
        Undeliverable = "notify.undeliverable" {
            message: MessageId, recipient: Uuid, person: Option<PersonId>, topic: Topic,
        };
    }
}
