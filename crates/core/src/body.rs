//! The one body wrapper of the stack: carries the record and what the request
//! holds to the end of the body.

use std::any::Any;
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
    /// A panic in the drop of the inner body goes no further either.
    ///
    /// "Complete" means handed to the server, not acknowledged by the client.
    #[derive(Debug)]
    pub struct ObservedBody<B: Body> {
        // Empty only once it is dropped.
        #[pin]
        inner: Option<B>,
        open: Option<Open>,
        left: Option<u64>,
    }

    impl<B: Body> PinnedDrop for ObservedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let at_end = this.inner.as_ref().get_ref().as_ref().is_none_or(B::is_end_stream);
            let Some(open) = this.open else {
                let _ = contained(|| this.inner.set(None));
                return;
            };
            if *this.left == Some(0) || at_end {
                open.finish(Ending::Complete);
                let _ = contained(|| this.inner.set(None));
                return;
            }
            let dropped = {
                let _entered = open.enter();
                contained(|| this.inner.set(None))
            };
            let ending = match dropped {
                Ok(()) => Ending::Dropped,
                Err(panic) => panicked(open, panic.as_ref()),
            };
            open.finish(ending);
        }
    }
}

/// Catches a panic. Its message went to the process's panic hook.
fn contained<T>(act: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(act))
}

fn panicked(open: &mut Open, panic: &(dyn Any + Send)) -> Ending {
    if let Some(record) = open.record() {
        record.cause = Some(panic_text(panic).into());
    }
    Ending::Panic
}

impl<B: Body> ObservedBody<B> {
    /// Watches `inner` for the request of `open`; with `None` the body passes
    /// unwatched (the record ended with the head: HEAD, 204, 304, 1xx).
    pub fn new(inner: B, open: Option<Open>) -> Self {
        let left = inner.size_hint().exact();
        Self {
            inner: Some(inner),
            open,
            left,
        }
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
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(open) = this.open.as_mut() else {
            let polled = ready!(inner.poll_frame(context));
            return Poll::Ready(polled.map(|frame| frame.map_err(Into::into)));
        };
        // Outside: `catch_unwind` copies what it gives several times.
        let mut polled = Poll::Pending;
        let caught = {
            let _entered = open.enter();
            let inner = inner.as_mut();
            contained(|| polled = inner.poll_frame(context))
        };
        let (answer, ending) = match caught.map(|()| polled) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(None)) => (None, Some(ended(open, *this.left))),
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                note(&frame, open, this.left);
                let last = frame.is_trailers() || inner.is_end_stream();
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
                let ending = panicked(open, panic.as_ref());
                // It may panic once more as it goes.
                let _ = contained(|| this.inner.set(None));
                (Some(Err(PANICKED.into())), Some(ending))
            }
        };
        if let Some(ending) = ending {
            open.finish(ending);
            *this.open = None;
        }
        Poll::Ready(answer)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.as_ref();
        inner.map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}

/// How a body ended that says it is over: one that declared more cannot be sent
/// whole.
fn ended(open: &mut Open, left: Option<u64>) -> Ending {
    let Some(missing) = left.filter(|left| *left > 0) else {
        return Ending::Complete;
    };
    if let Some(record) = open.record() {
        let cause = format!("the body ended {missing} bytes short of its declared length");
        record.cause.get_or_insert_with(|| cause.into());
    }
    Ending::BodyError
}

/// Counts a frame's bytes and reads the gRPC status of trailers.
fn note<D: Buf>(frame: &Frame<D>, open: &mut Open, left: &mut Option<u64>) {
    let Some(record) = open.record() else { return };
    if let Some(data) = frame.data_ref() {
        let bytes = data.remaining() as u64;
        record.bytes_out += bytes;
        if let Some(grpc) = &mut record.grpc {
            grpc.sent.follow(data);
        }
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
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
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
