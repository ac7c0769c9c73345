//! Bare failures of layers and handlers that know nothing of the shape.

use std::task::Context;

use http::{HeaderValue, Response, header};
use http_body::Body;

use crate::answer::{Asked, Failure};
use crate::layer::{Passthrough, Shape, Style, Unshaped};

/// The failure that this response is, if it may take the shape.
pub(crate) fn find<B: Body + 'static>(
    style: &Style,
    asked: &Asked,
    response: &mut Response<B>,
    context: &mut Context<'_>,
) -> Option<Failure> {
    if style.shape != Shape::All {
        return None;
    }
    if response.extensions().get::<Passthrough>().is_some() {
        style.counts.unshaped(Unshaped::Passthrough);
        return None;
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    let text = kind.is_some_and(is_text);
    // The answer to HEAD has no body, and its content type tells of the one that GET has.
    let empty = is_empty(response.body()) && !(asked.head && kind.is_some());
    if !(text || empty) {
        style.counts.unshaped(Unshaped::Body);
        return None;
    }
    let mut failure = Failure::foreign(response.status());
    if let Some(text) = words(response, context) {
        failure.fault = failure.fault.with_cause(text);
    }
    Some(failure)
}

/// Whether nothing will come of this body.
pub(crate) fn is_empty<B: Body>(body: &B) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

fn is_text(kind: &HeaderValue) -> bool {
    let kind = kind.as_bytes();
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or(kind);
    essence.trim_ascii().eq_ignore_ascii_case(b"text/plain")
}

/// What the body says, for the log, as far as it is there at once.
#[cfg(feature = "axum")]
fn words<B: 'static>(response: &mut Response<B>, context: &mut Context<'_>) -> Option<String> {
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let text = crate::rejection::text(response.body_mut(), context)?;
    String::from_utf8(text.into())
        .ok()
        .filter(|text| !text.is_empty())
}

#[cfg(not(feature = "axum"))]
fn words<B>(_: &mut Response<B>, _: &mut Context<'_>) -> Option<String> {
    None
}
