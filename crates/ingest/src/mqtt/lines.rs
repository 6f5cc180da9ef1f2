//! Which connections of which gateway are open, and how one is told to end. It knows no packet.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{GatewayId, limits};
use tokio::sync::oneshot;

use super::once::Unreleased;

/// Client ids per gateway whose session is remembered.
const SESSIONS_PER_GATEWAY: usize = 16;

/// Why a connection is ended from our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Farewell {
    /// The same client connected again.
    TakenOver,
    /// The gateway has more connections than it may, and this is the oldest.
    Crowded,
    /// The gateway's credential was revoked or rotated.
    Revoked,
    /// The program stops.
    Stopping,
}

/// The open connections by gateway.
#[derive(Default, Debug)]
pub(super) struct Lines(Mutex<Table>);

#[derive(Default, Debug)]
struct Table {
    gateways: HashMap<GatewayId, Entry>,
    open: usize,
    next: u64,
    stopping: bool,
}

#[derive(Default, Debug)]
struct Entry {
    lines: Vec<Line>,
    /// Clients that asked for a session to be kept. We deliver nothing, so it holds only what of QoS 2 is not released;
    /// but a client of MQTT 5 that is told "no session" must throw away what it still had to send.
    sessions: VecDeque<(String, Kept)>,
}

/// The session of one client. Whose line it is holds the lock: the next line of the client begins when the one before
/// knows what of it was stored.
pub(super) type Kept = Arc<tokio::sync::Mutex<Unreleased>>;

#[derive(Debug)]
struct Line {
    number: u64,
    client: String,
    farewell: oneshot::Sender<Farewell>,
}

/// One connection's place in the table; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Ticket {
    lines: Arc<Lines>,
    gateway: GatewayId,
    number: u64,
    /// A session of this client was kept.
    pub session_present: bool,
    pub session: Kept,
    pub farewell: oneshot::Receiver<Farewell>,
}

impl Lines {
    fn table(&self) -> MutexGuard<'_, Table> {
        // No code path panics while it holds the table, and a half-done entry would only be a stale line.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection; an older one of the same client ends. Client ids are the gateway's own: nobody takes over
    /// another gateway's connection by guessing its client id.
    pub(super) fn enter(self: &Arc<Self>, gateway: GatewayId, client: &str, clean: bool) -> Ticket {
        let (farewell, heard) = oneshot::channel();
        let mut table = self.table();
        table.next += 1;
        table.open += 1;
        let number = table.next;
        let stopping = table.stopping;
        let entry = table.gateways.entry(gateway).or_default();
        if let Some(at) = entry.lines.iter().position(|line| line.client == client) {
            let _ = entry.lines.swap_remove(at).farewell.send(Farewell::TakenOver);
        }
        if entry.lines.len() >= limits::MQTT_LINES_PER_GATEWAY {
            let _ = entry.lines.remove(0).farewell.send(Farewell::Crowded);
        }
        let known = entry.sessions.iter().position(|(name, _)| name == client);
        let session_present = !clean && known.is_some();
        let session = known.and_then(|at| entry.sessions.remove(at)).map(|(_, kept)| kept);
        let session = session.filter(|_| !clean).unwrap_or_default();
        if !clean {
            entry.sessions.truncate(SESSIONS_PER_GATEWAY - 1);
            entry.sessions.push_front((client.to_owned(), session.clone()));
        }
        if stopping {
            let _ = farewell.send(Farewell::Stopping);
        } else {
            entry.lines.push(Line { number, client: client.to_owned(), farewell });
        }
        drop(table);
        Ticket { lines: self.clone(), gateway, number, session_present, session, farewell: heard }
    }

    /// Tells `then` whether the gateway has a connection. No other can enter meanwhile, so that a lost line is never
    /// told after the next one is up.
    pub(super) fn see(&self, gateway: GatewayId, then: impl FnOnce(bool)) {
        let table = self.table();
        then(table.gateways.get(&gateway).is_some_and(|entry| !entry.lines.is_empty()));
    }

    /// Ends every connection of one gateway.
    pub(super) fn dismiss(&self, gateway: GatewayId) {
        let lines = self.table().gateways.get_mut(&gateway).map(|entry| std::mem::take(&mut entry.lines));
        for line in lines.into_iter().flatten() {
            let _ = line.farewell.send(Farewell::Revoked);
        }
    }

    /// Ends every connection and those still to come.
    pub(super) fn dismiss_all(&self) {
        let mut table = self.table();
        table.stopping = true;
        for line in table.gateways.values_mut().flat_map(|entry| entry.lines.drain(..)) {
            let _ = line.farewell.send(Farewell::Stopping);
        }
    }

    /// Connections that signed in and did not end yet.
    pub(super) fn open(&self) -> usize {
        self.table().open
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.lines.table();
        table.open -= 1;
        let Some(entry) = table.gateways.get_mut(&self.gateway) else { return };
        entry.lines.retain(|line| line.number != self.number);
        if entry.lines.is_empty() && entry.sessions.is_empty() {
            table.gateways.remove(&self.gateway);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(n: u128) -> GatewayId {
        GatewayId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn the_same_client_takes_over_and_another_gateways_client_does_not() {
        let lines = Arc::new(Lines::default());
        let mut first = lines.enter(gateway(1), "hub", true);
        let mut foreign = lines.enter(gateway(2), "hub", true);
        let mut again = lines.enter(gateway(1), "hub", true);
        assert_eq!(first.farewell.try_recv(), Ok(Farewell::TakenOver));
        assert!(foreign.farewell.try_recv().is_err() && again.farewell.try_recv().is_err());
        drop(first);
        lines.see(gateway(1), |here| assert!(here, "by its second connection"));
        drop(again);
        lines.see(gateway(1), |here| assert!(!here));
        assert_eq!(lines.open(), 1);
        lines.dismiss(gateway(2));
        assert_eq!(foreign.farewell.try_recv(), Ok(Farewell::Revoked));
        drop(foreign);
        assert_eq!(lines.open(), 0);
    }

    #[test]
    fn a_session_is_remembered_until_a_clean_start() {
        let lines = Arc::new(Lines::default());
        let present = |clean| lines.enter(gateway(1), "hub", clean).session_present;
        assert_eq!([present(false), present(false), present(true), present(false)], [false, true, false, false]);
    }

    #[test]
    fn whoever_comes_while_we_stop_is_told_so() {
        let lines = Arc::new(Lines::default());
        let mut early = lines.enter(gateway(1), "a", true);
        lines.dismiss_all();
        let mut late = lines.enter(gateway(1), "b", true);
        assert_eq!(early.farewell.try_recv(), Ok(Farewell::Stopping));
        assert_eq!(late.farewell.try_recv(), Ok(Farewell::Stopping));
    }
}
