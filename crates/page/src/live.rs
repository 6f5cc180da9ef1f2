//! Live screens: after a commit, the topics of its events go to the screens that listen. An event carries a topic
//! only; the page fetches its fragment, and that look is checked and recorded like any other.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use base::{Actor, limits};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::problem::Problem;

/// The hub between the outbox and the screens.
#[derive(Clone)]
pub struct Live {
    events: broadcast::Sender<Told>,
    listening: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Told {
    topic: Arc<str>,
    /// For the screens of this recipient alone: something about their messages changed.
    recipient: Option<Uuid>,
}

/// What a desk listens for: the beginnings of topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// The call centre's queue and cases.
    Cases,
    /// Visits, notes and answers.
    Notebook,
    /// Alerts about one's own relative.
    Family,
    /// Devices, lines and registration.
    Register,
}

impl Channel {
    pub fn parse(text: &str) -> Option<Channel> {
        match text {
            "cases" => Some(Channel::Cases),
            "notebook" => Some(Channel::Notebook),
            "family" => Some(Channel::Family),
            "register" => Some(Channel::Register),
            _ => None,
        }
    }

    fn hears(self, topic: &str) -> bool {
        let prefixes: &[&str] = match self {
            Channel::Cases => &["response.", "watch.alert"],
            Channel::Notebook => &["care.", "response."],
            Channel::Family => &["response.", "watch."],
            Channel::Register => &["watch.", "people."],
        };
        prefixes.iter().any(|p| topic.starts_with(p))
    }
}

impl Live {
    pub fn new() -> Live {
        Live { events: broadcast::channel(1024).0, listening: Arc::new(AtomicUsize::new(0)) }
    }

    /// Tells every listening screen of a committed event.
    pub fn publish(&self, topic: &str) {
        // Nobody listening is no error.
        let _ = self.events.send(Told { topic: Arc::from(topic), recipient: None });
    }

    /// Tells the screens of one reader, or of an office, that their messages changed; nobody else's screen stirs.
    pub fn publish_to(&self, recipient: Uuid) {
        let _ = self.events.send(Told { topic: Arc::from("messages"), recipient: Some(recipient) });
    }

    /// A stream for one screen: `changed` for what its channel hears, `messages` for what came to its reader; a heartbeat every 10 s lets the page notice a lost line.
    pub fn listen(
        &self,
        channel: Channel,
        reader: &Actor,
    ) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
        let seat = Seat::take(&self.listening)?;
        let events = self.events.subscribe();
        let own = [reader.id, reader.office.map_or(reader.id, |o| o.0)];
        let stream = unfold((events, seat), move |(mut events, seat)| async move {
            loop {
                let topic = match events.recv().await {
                    Ok(Told { recipient: Some(to), topic }) if own.contains(&to) => {
                        return Some((Ok(Event::default().event("messages").data(&*topic)), (events, seat)));
                    }
                    Ok(Told { recipient: None, topic }) if channel.hears(&topic) => topic,
                    Ok(_) => continue,
                    // A screen that fell behind is told that something changed; it fetches the present state anyway.
                    Err(broadcast::error::RecvError::Lagged(_)) => Arc::from("behind"),
                    Err(broadcast::error::RecvError::Closed) => return None,
                };
                let event = Event::default().event("changed").data(&*topic);
                return Some((Ok(event), (events, seat)));
            }
        });
        let alive = KeepAlive::new().interval(Duration::from_secs(10)).event(Event::default().event("alive").data("-"));
        Ok(Sse::new(stream).keep_alive(alive))
    }
}

impl Default for Live {
    fn default() -> Self {
        Live::new()
    }
}

/// One listening screen; gives its place back when the connection ends.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(listening: &Arc<AtomicUsize>) -> Result<Seat, Problem> {
        if listening.fetch_add(1, Ordering::Relaxed) >= limits::LIVE_SCREENS {
            listening.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::Busy);
        }
        Ok(Seat(listening.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use base::{OfficeId, Role};
    use futures_util::StreamExt;

    use super::*;

    #[test]
    fn only_the_readers_own_screens_are_told_of_a_message() {
        let (own, office, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let reader = Actor {
            role: Role::Nurse,
            id: own,
            office: Some(OfficeId(office)),
            person: None,
            device: "test".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _inside = runtime.enter();
        let live = Live::new();
        let screen = live.listen(Channel::Notebook, &reader).expect("a seat").into_response();
        live.publish_to(other);
        live.publish("watch.alert_raised");
        live.publish_to(own);
        live.publish_to(office);
        live.publish("care.note_written");
        let mut told = screen.into_body().into_data_stream();
        let heard: Vec<String> = runtime.block_on(async {
            let mut heard = Vec::new();
            while heard.len() < 3 {
                let frame = told.next().await.expect("goes on").expect("is read");
                heard.push(String::from_utf8_lossy(&frame).lines().next().unwrap_or_default().to_owned());
            }
            heard
        });
        assert_eq!(heard, ["event: messages", "event: messages", "event: changed"]);
    }
}
