//! What a connection owes: requests from their call to the end of their
//! answers, and bytes that its client has not taken.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};

/// One connection, as its task, its requests and its socket see it.
#[derive(Debug, Default)]
pub(super) struct Wire {
    asked: AtomicBool,
    http2: AtomicBool,
    /// Requests whose answers have not ended.
    in_flight: AtomicUsize,
    /// Whether the socket took less than it was given.
    full: AtomicBool,
}

impl Wire {
    /// Counts a request until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>, http2: bool) -> Asked {
        self.asked.store(true, Ordering::Relaxed);
        if http2 {
            self.http2.store(true, Ordering::Relaxed);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Asked(Arc::clone(self))
    }

    /// Whether any request has come.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether a request has come by HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Whether somebody may be waiting for an answer. After the end of an answer
    /// on HTTP/2 some of it can still wait for the client's window, unseen: the
    /// connection owes until it ends by itself.
    pub(super) fn owes(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
            || self.full.load(Ordering::Relaxed)
            || self.is_http2()
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Asked(Arc<Wire>);

impl Asked {
    /// Lasts as long as the answer.
    pub(super) fn until_sent(self, body: Body) -> Answer {
        Answer { body, _asked: self }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    _asked: Asked,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_owes_from_the_call_to_the_end_of_the_answer_and_of_its_bytes() {
        let wire = Arc::<Wire>::default();
        assert!(!wire.owes() && !wire.was_asked());
        let answer = wire.enter(false).until_sent(Body::from("card"));
        assert!(wire.owes() && wire.was_asked());
        wire.set_full(true);
        drop(answer);
        assert!(wire.owes());
        wire.set_full(false);
        assert!(!wire.owes());
        drop(wire.enter(true));
        assert!(wire.owes(), "some may wait for the client's window");
    }
}
