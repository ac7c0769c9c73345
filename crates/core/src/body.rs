//! The one body wrapper of the stack: carries the record and what the request
//! holds to the end of the body.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::record::{Ending, Open};

/// What a body fails with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The message of the error with which a body ends that panicked.
pub const PANICKED: &str = "the response body panicked";

pin_project! {
    /// A response body that finishes its request's record exactly once: at its
    /// last frame, at an error, at a panic (which ends the body with an error
    /// and leaves the connection's other streams alone), or when it is dropped.
    ///
    /// "Complete" means handed to the server, not acknowledged by the client.
    #[derive(Debug)]
    pub struct ObservedBody<B: Body> {
        #[pin]
        inner: B,
        open: Option<Open>,
        left: Option<u64>,
    }

    impl<B: Body> PinnedDrop for ObservedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(open) = this.open {
                let whole = *this.left == Some(0) || this.inner.is_end_stream();
                open.finish(if whole { Ending::Complete } else { Ending::Dropped });
            }
        }
    }
}

impl<B: Body> ObservedBody<B> {
    /// Watches `inner` for the request of `open`; with `None` the body passes
    /// unwatched (the record ended with the head: HEAD, 204, 304, 1xx).
    pub fn new(inner: B, open: Option<Open>) -> Self {
        let left = inner.size_hint().exact();
        Self { inner, open, left }
    }

    /// The length that the head declares, asked for if the body doesn't know
    /// its own: a server stops at it and drops the body.
    #[must_use]
    pub fn declared(mut self, length: impl FnOnce() -> Option<u64>) -> Self {
        self.left = self.left.or_else(length);
        self
    }
}

impl<B> Body for ObservedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(open) = this.open.as_mut() else {
            let polled = ready!(this.inner.poll_frame(context));
            return Poll::Ready(polled.map(|frame| frame.map_err(Into::into)));
        };
        let polled = {
            let _entered = open.enter();
            let inner = this.inner.as_mut();
            catch_unwind(AssertUnwindSafe(|| inner.poll_frame(context)))
        };
        let (answer, ending) = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(None)) => (None, Some(Ending::Complete)),
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                note(&frame, open, this.left);
                let last = frame.is_trailers() || this.inner.is_end_stream();
                (Some(Ok(frame)), last.then_some(Ending::Complete))
            }
            Ok(Poll::Ready(Some(Err(error)))) => {
                let error = error.into();
                if let Some(record) = open.record() {
                    record.cause.get_or_insert_with(|| error.to_string().into());
                }
                (Some(Err(error)), Some(Ending::BodyError))
            }
            Err(panic) => {
                if let Some(record) = open.record() {
                    record.cause = Some(panic_text(panic.as_ref()).into());
                }
                (Some(Err(PANICKED.into())), Some(Ending::Panic))
            }
        };
        if let Some(ending) = ending {
            open.finish(ending);
            *this.open = None;
        }
        Poll::Ready(answer)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Counts a frame's bytes and reads the gRPC status of trailers.
fn note<D: Buf>(frame: &Frame<D>, open: &mut Open, left: &mut Option<u64>) {
    let Some(record) = open.record() else { return };
    if let Some(data) = frame.data_ref() {
        let bytes = data.remaining() as u64;
        record.bytes_out += bytes;
        *left = left.map(|left| left.saturating_sub(bytes));
    } else if let Some(trailers) = frame.trailers_ref() {
        record.grpc_status = grpc_status(trailers).or(record.grpc_status);
    }
}

/// Whether a message is gRPC by its content type. gRPC-Web is not: its status
/// stands in the body.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(is_grpc_type)
}

/// Whether a content type is gRPC's; see [`is_grpc`].
pub fn is_grpc_type(kind: &HeaderValue) -> bool {
    let rest = kind.as_bytes().strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The value of `grpc-status` in headers or trailers.
pub fn grpc_status(headers: &HeaderMap) -> Option<u16> {
    let value = headers.get("grpc-status")?;
    value.to_str().ok()?.parse().ok()
}

/// What a caught panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::{Record, Sink, fresh_ids};
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Kept(Mutex<Vec<(Outcome, u64)>>);

    impl Sink for Kept {
        fn now(&self) -> u64 {
            5
        }
        fn finish(&self, record: Box<Record>) {
            let outcome = record.outcome.expect("settled");
            self.0.lock().unwrap().push((outcome, record.bytes_out));
        }
    }

    enum Step {
        Data(&'static str),
        Trailers,
        Fail,
        Panic,
    }

    struct Script(VecDeque<Step>);

    impl Body for Script {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(match self.0.pop_front() {
                None => None,
                Some(Step::Data(text)) => Some(Ok(Frame::data(Bytes::from(text)))),
                Some(Step::Trailers) => {
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", 13.into());
                    Some(Ok(Frame::trailers(trailers)))
                }
                Some(Step::Fail) => Some(Err("disk".into())),
                Some(Step::Panic) => panic!("in the body"),
            })
        }
    }

    fn open(sink: &Arc<Kept>) -> Open {
        let mut record = Record::new(fresh_ids(false), 0);
        record.status = 200;
        record.head = Some(1);
        Open::new(Box::new(record), Arc::clone(sink) as _)
    }

    async fn outcome_of(steps: Vec<Step>, polls: usize) -> Vec<(Outcome, u64)> {
        let sink = Arc::new(Kept::default());
        let mut body = ObservedBody::new(Script(steps.into()), Some(open(&sink)));
        for _ in 0..polls {
            let _ = body.frame().await;
        }
        drop(body);
        let kept = sink.0.lock().unwrap();
        kept.clone()
    }

    #[tokio::test]
    async fn every_way_to_end_finishes_the_record_exactly_once() {
        use Step::{Data, Fail, Panic, Trailers};
        for (steps, polls, expected) in [
            (vec![Data("ab"), Data("c")], 9, (Outcome::Success, 3)),
            (
                vec![Data("ab"), Data("c")],
                1,
                (Outcome::ClientGoneMidBody, 2),
            ),
            (vec![], 0, (Outcome::ClientGoneMidBody, 0)),
            (vec![Data("ab"), Fail], 9, (Outcome::BodyError, 2)),
            (vec![Data("ab"), Panic], 2, (Outcome::Panic, 2)),
            (vec![Data("ab"), Trailers], 2, (Outcome::Fault, 2)),
        ] {
            assert_eq!(outcome_of(steps, polls).await, [expected]);
        }
    }

    #[tokio::test]
    async fn a_body_that_knows_its_end_may_be_dropped_after_its_last_frame() {
        let sink = Arc::new(Kept::default());
        let mut body = ObservedBody::new(Full::new(Bytes::from("abc")), Some(open(&sink)));
        let _ = body.frame().await;
        drop(body);
        let empty = ObservedBody::new(Full::new(Bytes::new()), Some(open(&sink)));
        drop(empty);
        let kept = sink.0.lock().unwrap();
        assert_eq!(*kept, [(Outcome::Success, 3), (Outcome::Success, 0)]);
    }

    #[tokio::test]
    async fn an_unwatched_body_passes_as_it_is() {
        let steps = VecDeque::from([Step::Data("one")]);
        let body: UnsyncBoxBody<Bytes, BoxError> =
            ObservedBody::new(Script(steps), None).boxed_unsync();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one");
    }
}
