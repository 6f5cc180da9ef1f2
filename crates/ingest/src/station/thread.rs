//! The thread around the station: waits for deliveries, signals or the next timer, never longer than a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base::{Instant, limits};
use tokio::sync::mpsc;

use super::{Signal, Station};
use crate::{Clock, Delivery};

/// Signals taken in with one step.
const SIGNALS: usize = 1024;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How the station is, for `/readyz`.
#[derive(Default, Debug)]
pub struct Board {
    /// Microseconds UTC of the last step that ended.
    pub stepped_at: AtomicU64,
    pub stored: AtomicU64,
    pub alerts: AtomicU64,
    pub stopped: AtomicBool,
}

/// Runs the station on the calling thread until every sender of deliveries is gone; then saves and ends. To be given a
/// thread of its own, never a runtime's worker.
pub fn run(
    mut station: Station,
    mut deliveries: mpsc::Receiver<Delivery>,
    mut signals: mpsc::Receiver<Signal>,
    clock: &Clock,
    board: &Arc<Board>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (mut brought, mut told) = (Vec::new(), Vec::new());
    let mut measured = Instant(i64::MIN);
    loop {
        let wait = station.next_moment().map_or(LONGEST_WAIT, |at| until(at, clock()));
        let open = runtime.block_on(gather(&mut deliveries, &mut signals, &mut brought, &mut told, wait));
        let now = clock();
        let step = station.step(now, std::mem::take(&mut brought), &told);
        told.clear();
        board.stored.fetch_add(step.stored, Ordering::Relaxed);
        board.alerts.fetch_add(step.alerts, Ordering::Relaxed);
        board.stepped_at.store(u64::try_from(now.0).unwrap_or(0), Ordering::Relaxed);
        if now - measured > base::Span::minutes(1) {
            measured = now;
            metrics::gauge!("watch_homes").set(station.live().homes() as f64);
            metrics::gauge!("watch_bytes_per_home").set(station.live().bytes_per_home() as f64);
        }
        if !open {
            station.finish(clock());
            board.stopped.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if step.failed > 0 {
            // The database is in trouble: what is retried at once would only make it worse.
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Waits for the first delivery or signal, then takes what else waits, a commit's worth. `false`: no sender is left.
async fn gather(
    deliveries: &mut mpsc::Receiver<Delivery>,
    signals: &mut mpsc::Receiver<Signal>,
    brought: &mut Vec<Delivery>,
    told: &mut Vec<Signal>,
    wait: Duration,
) -> bool {
    let listening = !signals.is_closed() || !signals.is_empty();
    tokio::select! {
        first = deliveries.recv() => match first {
            Some(delivery) => brought.push(delivery),
            None => return false,
        },
        Some(signal) = signals.recv(), if listening => told.push(signal),
        () = tokio::time::sleep(wait) => {}
    }
    let mut readings: usize = brought.iter().map(|d| d.arrivals.len()).sum();
    while readings < limits::READINGS_PER_COMMIT {
        let Ok(delivery) = deliveries.try_recv() else { break };
        readings += delivery.arrivals.len().max(1);
        brought.push(delivery);
    }
    while told.len() < SIGNALS {
        let Ok(signal) = signals.try_recv() else { break };
        told.push(signal);
    }
    true
}

fn until(at: Instant, now: Instant) -> Duration {
    let micros = u64::try_from((at - now).0).unwrap_or(0);
    Duration::from_micros(micros).min(LONGEST_WAIT)
}
