//! QoS 2: which publishes of a client were stored and are not released yet, so that none is stored twice.
//!
//! A client keeps a packet id for one message until it was told PUBCOMP, and says the message again with DUP while it
//! does not know that we have it. Some lose their memory, keep their name and begin anew with id 1: an id alone is no
//! proof that the message is known. What is no repetition beyond doubt is taken for new.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use base::limits;

use super::frame::{Head, Violation};

/// The publishes of one client's session that wait for their PUBREL.
#[derive(Default, Debug)]
pub(super) struct Unreleased(BTreeMap<u16, Held>);

#[derive(Debug)]
struct Held {
    /// Of topic and payload.
    content: u64,
    /// The station has committed it: PUBREC went out, or will.
    stored: bool,
}

/// What a publish of QoS 2 is to us.
#[derive(PartialEq, Debug)]
pub(super) enum Known {
    New,
    /// Said again, and on its way to the station: its PUBREC comes after the commit.
    Waiting,
    Stored,
}

impl Unreleased {
    /// Notes a publish that came in.
    pub(super) fn receive(&mut self, id: u16, head: &Head, payload: &[u8]) -> Result<Known, Violation> {
        let mut hasher = DefaultHasher::new();
        (head.topic, payload).hash(&mut hasher);
        let content = hasher.finish();
        if let Some(held) = self.0.get(&id).filter(|held| head.again && held.content == content) {
            return Ok(if held.stored { Known::Stored } else { Known::Waiting });
        }
        if self.0.len() >= limits::MQTT_UNRELEASED {
            return Err(Violation::ReceiveMaximumExceeded);
        }
        self.0.insert(id, Held { content, stored: false });
        Ok(Known::New)
    }

    /// It is on disk.
    pub(super) fn stored(&mut self, id: u16) {
        if let Some(held) = self.0.get_mut(&id) {
            held.stored = true;
        }
    }

    /// The client knows that we have it; whether we knew of it. Who releases what we have not acknowledged breaks the
    /// protocol.
    pub(super) fn release(&mut self, id: u16) -> Result<bool, Violation> {
        if self.0.get(&id).is_some_and(|held| !held.stored) {
            return Err(Violation::ProtocolError);
        }
        Ok(self.0.remove(&id).is_some())
    }

    /// The line ended, and of these nobody will say that they were stored.
    pub(super) fn forget_waiting(&mut self) {
        self.0.retain(|_, held| held.stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(again: bool) -> Head<'static> {
        Head { topic: "zigbee2mqtt/living", retained: false, again, id: Some(1), once: true, length: 0 }
    }

    #[test]
    fn only_what_was_said_before_is_a_repetition() {
        let mut known = Unreleased::default();
        assert_eq!(known.receive(1, &head(false), b"a"), Ok(Known::New));
        assert_eq!(known.receive(1, &head(true), b"a"), Ok(Known::Waiting));
        assert_eq!(known.release(1), Err(Violation::ProtocolError));
        known.stored(1);
        assert_eq!(known.receive(1, &head(true), b"a"), Ok(Known::Stored));
        assert_eq!(known.receive(1, &head(true), b"b"), Ok(Known::New), "a client that forgot, and then lost its line");
        known.stored(1);
        assert_eq!(known.receive(1, &head(false), b"b"), Ok(Known::New), "a client that forgot");
        known.forget_waiting();
        assert_eq!(known.receive(1, &head(true), b"b"), Ok(Known::New), "nobody said that it was stored");
        known.stored(1);
        assert_eq!((known.release(1), known.release(1)), (Ok(true), Ok(false)));
    }

    #[test]
    fn a_client_that_releases_nothing_is_bounded() {
        let mut known = Unreleased::default();
        for id in 1..=limits::MQTT_UNRELEASED as u16 {
            assert_eq!(known.receive(id, &head(false), b"a"), Ok(Known::New));
            known.stored(id);
        }
        assert_eq!(known.receive(u16::MAX, &head(false), b"a"), Err(Violation::ReceiveMaximumExceeded));
        assert_eq!(known.receive(1, &head(true), b"a"), Ok(Known::Stored));
    }
}
