use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{self, Entry};
use http::{Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use plimsoll_core::body::{grpc_status, is_grpc};
use plimsoll_core::record::{Ending, Open};
use plimsoll_core::{ObservedBody, Outcome, value};

use super::sent::{REQUEST_ID, length as length_of};
use super::service::panicked;

pin_project! {
    /// The future of [`super::Observe`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Empty only once it is dropped.
        #[pin]
        inner: Option<F>,
        open: Option<Open>,
        // Whether the inner future catches panics.
        contained: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(open) = this.open {
                // What is said as the future goes is said by this request.
                let _entered = open.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: Option<F>, open: Option<Open>, contained: bool) -> Self {
        Self {
            inner,
            open,
            contained,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ObservedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else {
            return Poll::Pending;
        };
        let Some(open) = this.open.as_mut() else {
            let answer = std::task::ready!(inner.poll(context));
            return Poll::Ready(
                answer.map(|answer| answer.map(|body| ObservedBody::new(body, None))),
            );
        };
        let mut polled = Poll::Pending;
        let caught = {
            let _entered = open.enter();
            let inner = inner.as_mut();
            if *this.contained {
                polled = inner.poll(context);
                Ok(())
            } else {
                catch_unwind(AssertUnwindSafe(|| polled = inner.poll(context)))
            }
        };
        if let Err(panic) = caught {
            panicked(open, panic);
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(answered(response, this.open.take()))),
            Poll::Ready(Err(error)) => {
                if let Some(record) = open.record() {
                    record.outcome.get_or_insert(Outcome::Fault);
                }
                open.finish(Ending::Complete);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Notes the head, and lets the body carry the record to its end unless the
/// protocol has none: then a server drops the body unpolled.
fn answered<B: Body>(mut response: Response<B>, open: Option<Open>) -> Response<ObservedBody<B>> {
    let Some(mut open) = open else {
        return response.map(|body| ObservedBody::new(body, None));
    };
    open.head();
    let mut bodiless = bodiless(response.status());
    if let Some(record) = open.record() {
        record.status = response.status().as_u16();
        if record.grpc_status.is_some() {
            // Whatever the request said, an answer in another type is plain HTTP.
            let is_grpc = is_grpc(response.headers());
            let status = grpc_status(response.headers()).or(record.grpc_status);
            record.grpc_status = status.filter(|_| is_grpc);
        }
        bodiless |= record.method == Method::HEAD.as_str();
        let id = record.ids.request_id;
        if let Entry::Vacant(free) = response.headers_mut().entry(REQUEST_ID)
            && let Some(id) = value::header(id.as_bytes())
        {
            free.insert(id);
        }
    }
    if bodiless {
        open.finish(Ending::Complete);
        return response.map(|body| ObservedBody::new(body, None));
    }
    let (head, body) = response.into_parts();
    let body = ObservedBody::new(body, Some(open)).declared(|| {
        let length = head.headers.get(header::CONTENT_LENGTH);
        length.and_then(length_of)
    });
    Response::from_parts(head, body)
}

/// RFC 9110, section 6.4.1: no content after 1xx, 204 and 304.
fn bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}
