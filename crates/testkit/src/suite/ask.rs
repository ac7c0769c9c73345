//! One request to a service in this process.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use tower_service::Service;

use super::RequestBody;
use crate::wait::PATIENCE;

/// The whole answer, or why there is none.
pub(super) async fn ask<S, B>(
    app: &S,
    request: Request<RequestBody>,
) -> Result<Response<Bytes>, String>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let whole = async {
        let mut app = app.clone();
        let ready = poll_fn(|context| app.poll_ready(context)).await;
        ready.map_err(|error| format!("the service is not ready: {error:?}"))?;
        let call = catch_unwind(AssertUnwindSafe(|| app.call(request)));
        let mut call = pin!(call.map_err(|panic| panicked(panic.as_ref()))?);
        let answer = poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
            match polled {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(panicked(panic.as_ref()))),
            }
        });
        let answer = answer.await?;
        let answer = answer.map_err(|error| format!("the service returned an error: {error:?}"))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| format!("the body broke off: {error:?}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    let answered = timeout(PATIENCE, whole).await;
    answered.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "a panic came out of the service: {}",
        text.unwrap_or("of an unknown type")
    )
}
