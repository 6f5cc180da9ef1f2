//! What everybody who waits on a line to a server must know of it: whether it is silent, whether the writer gets anything
//! done there, and whether people wait.

use std::sync::Arc;
use std::time::Duration;

use base::limits::SERVER_SILENCE;
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Known {
    silent: bool,
    unwritten: bool,
    people_wait: bool,
}

/// Of a file, and where nobody watches over a server, nothing is known.
#[derive(Clone, Default)]
pub(crate) struct Silence(Option<(Arc<watch::Sender<Known>>, watch::Receiver<Known>)>);

impl Silence {
    /// Of a server that somebody watches over.
    pub(crate) fn watched() -> Silence {
        let (tell, told) = watch::channel(Known::default());
        Silence(Some((Arc::new(tell), told)))
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    /// Comes back once the server is silent; at once where it is already.
    pub(crate) async fn begins(&mut self) {
        if let Some((_, known)) = &mut self.0
            && known.wait_for(|known| known.silent).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// How long what people wait for may take; for as long as nobody does, any time.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.0.as_ref().is_some_and(|(_, known)| known.borrow().people_wait).then_some(SERVER_SILENCE)
    }

    pub(crate) fn people_wait(&self) {
        self.tell(|known| known.people_wait = true);
    }

    /// Whether that is news.
    pub(crate) fn tell_silent(&self, silent: bool) -> bool {
        self.tell(|known| known.silent = silent)
    }

    pub(crate) fn tell_unwritten(&self, unwritten: bool) -> bool {
        self.tell(|known| known.unwritten = unwritten)
    }

    fn tell(&self, change: impl FnOnce(&mut Known)) -> bool {
        let Some((tell, _)) = &self.0 else { return false };
        tell.send_if_modified(|known| {
            let before = *known;
            change(known);
            *known != before
        })
    }

    pub(crate) fn away(&self) -> Away {
        Away(self.0.as_ref().map(|(_, known)| known.clone()))
    }
}

/// Whether the database is away: its server is silent, cannot be reached, or nothing that is written comes to an end. A
/// file never is.
pub struct Away(Option<watch::Receiver<Known>>);

impl Away {
    /// Comes back once it is so, or no longer; at once where it is already.
    pub async fn becomes(&mut self, away: bool) {
        let known = match &mut self.0 {
            Some(known) => known.wait_for(|known| (known.silent || known.unwritten) == away).await.is_ok(),
            None => !away,
        };
        if !known {
            std::future::pending().await
        }
    }
}
