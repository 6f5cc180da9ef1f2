//! The two bodies of an exchange: the request's, which must come at a pace, and the answer's, which must be taken.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::caller::Exchange;
use crate::deadlines::Deadlines;
use crate::room::millis;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request's body ends before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the request gave way to another one of its address")]
    GaveWay,
}

/// A request's body on its way in.
pub struct Paced {
    inner: Incoming,
    exchange: Arc<Exchange>,
    deadlines: Deadlines,
    began: Instant,
    heard: Instant,
    timer: Pin<Box<Sleep>>,
    gives_way: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    over: bool,
}

impl Paced {
    pub(crate) fn new(inner: Incoming, exchange: Arc<Exchange>, deadlines: Deadlines) -> Paced {
        let (now, waiting) = (Instant::now(), exchange.clone());
        let gives_way = Box::pin(async move {
            match &waiting.place {
                Some(place) => place.gives_way().await,
                None => std::future::pending().await,
            }
        });
        let timer = Box::pin(sleep_until(now + deadlines.body.pause));
        let over = inner.is_end_stream();
        if over {
            exchange.arrived();
        }
        Paced { inner, exchange, deadlines, began: now, heard: now, timer, gives_way, over }
    }

    /// Until when the next piece must have come; later for whoever became known meanwhile.
    fn ends_at(&self) -> Instant {
        let known = self.exchange.is_known();
        let pace = if known { self.deadlines.body_of_known } else { self.deadlines.body };
        (self.heard + pace.pause).min(self.began + pace.total)
    }

    fn broken(&mut self, why: Broken) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.over = true;
        if why == Broken::TooSlow {
            self.exchange.line.place.room().count_refused("late_body");
        }
        Poll::Ready(Some(Err(why.into())))
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.heard = Instant::now();
            if let Some(place) = &self.exchange.place {
                place.heard();
            }
            self.over = !matches!(frame, Some(Ok(_))) || self.inner.is_end_stream();
            if self.over {
                self.exchange.arrived();
            }
            // A body in small pieces that never pauses has its end too.
            if !self.over && Instant::now() >= self.ends_at() {
                return self.broken(Broken::TooSlow);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        if self.gives_way.as_mut().poll(cx).is_ready() {
            return self.broken(Broken::GaveWay);
        }
        loop {
            let ends_at = self.ends_at();
            if self.timer.deadline() != ends_at {
                self.timer.as_mut().reset(ends_at);
            }
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= self.ends_at() {
                return self.broken(Broken::TooSlow);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body on its way out. The exchange ends with it.
pub struct Taken {
    inner: UnsyncBoxBody<Bytes, BoxError>,
    exchange: Arc<Exchange>,
    /// When the last piece was taken, while no further one is asked for.
    moment: Arc<AtomicU64>,
}

impl Taken {
    pub(crate) fn new(inner: UnsyncBoxBody<Bytes, BoxError>, exchange: Arc<Exchange>) -> Taken {
        let moment = exchange.line.watch_answer();
        if !inner.is_end_stream() {
            // A client of HTTP/2 with a closed window never lets us ask for the first piece.
            moment.store(millis(), Ordering::Relaxed);
        }
        Taken { inner, exchange, moment }
    }
}

impl Body for Taken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.moment.store(0, Ordering::Relaxed);
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        // Also after the last piece: over HTTP/2 it waits in our memory until the client opens its window.
        self.moment.store(millis(), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.exchange.line.forget_answer(&self.moment);
    }
}
