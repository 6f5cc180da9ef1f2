//! One HTTP connection as its deadlines see it: when something came in, what is under way, what waits to be read. It
//! knows bytes and moments, no request's meaning.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Place;
use crate::deadlines::Seen;
use crate::room::millis;

/// Moments are milliseconds of [`millis`]; 0 is none.
pub(crate) struct Line {
    pub place: Place,
    began: AtomicU64,
    used: AtomicBool,
    http2: AtomicBool,
    under_way: AtomicUsize,
    idle_since: AtomicU64,
    /// The first byte since nothing is under way.
    begun: AtomicU64,
    /// Since when the socket takes nothing.
    unwritten: AtomicU64,
    /// For each answer under way, when its last piece was taken from us and no further one was asked for.
    answers: Mutex<Vec<Arc<AtomicU64>>>,
    /// The chain of certificates that the other end showed in the handshake.
    showed: OnceLock<Vec<CertificateDer<'static>>>,
}

impl Line {
    pub(crate) fn new(place: Place) -> Arc<Line> {
        let now = millis();
        Arc::new(Line {
            place,
            began: now.into(),
            used: false.into(),
            http2: false.into(),
            under_way: 0.into(),
            idle_since: now.into(),
            begun: 0.into(),
            unwritten: 0.into(),
            answers: Mutex::default(),
            showed: OnceLock::new(),
        })
    }

    /// The handshake is over: what came in so far was not a request's.
    pub(crate) fn shook_hands(&self) {
        let now = millis();
        self.began.store(now, Relaxed);
        self.idle_since.store(now, Relaxed);
        self.begun.store(0, Relaxed);
    }

    pub(crate) fn shows(&self, chain: &[CertificateDer<'_>]) {
        let _ = self.showed.set(chain.iter().map(|one| one.clone().into_owned()).collect());
    }

    pub(crate) fn showed(&self) -> &[CertificateDer<'static>] {
        self.showed.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn begin(&self, http2: bool) {
        self.http2.store(http2, Relaxed);
        self.used.store(true, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        self.begun.store(0, Relaxed);
    }

    pub(crate) fn end(&self) {
        self.idle_since.store(millis(), Relaxed);
        self.under_way.fetch_sub(1, Relaxed);
    }

    /// An answer's own moment, see `answers`.
    pub(crate) fn watch_answer(&self) -> Arc<AtomicU64> {
        let moment = Arc::new(AtomicU64::new(0));
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(moment.clone());
        moment
    }

    pub(crate) fn forget_answer(&self, moment: &Arc<AtomicU64>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, moment));
    }

    pub(crate) fn seen(&self) -> Seen {
        let now = millis();
        let since = |moment: u64| Duration::from_millis(now.saturating_sub(moment));
        let some = |moment: u64| (moment != 0).then(|| since(moment));
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let unasked = answers.iter().filter_map(|moment| some(moment.load(Relaxed))).max();
        drop(answers);
        Seen {
            known: self.place.is_known(),
            age: since(self.began.load(Relaxed)),
            used: self.used.load(Relaxed),
            under_way: self.under_way.load(Relaxed),
            idle: since(self.idle_since.load(Relaxed)),
            // HTTP/2 has frames of its own between requests.
            begun: some(self.begun.load(Relaxed)).filter(|_| !self.http2.load(Relaxed)),
            unread: unasked.max(some(self.unwritten.load(Relaxed))),
        }
    }

    fn heard(&self) {
        self.place.heard();
        if self.under_way.load(Relaxed) == 0 && self.begun.load(Relaxed) == 0 {
            self.begun.store(millis(), Relaxed);
        }
    }

    fn wrote(&self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Ready(_) => self.unwritten.store(0, Relaxed),
            Poll::Pending if self.unwritten.load(Relaxed) == 0 => self.unwritten.store(millis(), Relaxed),
            Poll::Pending => {}
        }
    }
}

/// A socket that tells its line what it sees.
pub(crate) struct Watched<S> {
    stream: S,
    line: Arc<Line>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, line: Arc<Line>) -> Watched<S> {
        Watched { stream, line }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.line.heard();
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.line.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.line.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
