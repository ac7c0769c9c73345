//! axum's own failures, told from the application's.
//!
//! axum 0.8 leaves no mark on them, so they are known by what they are: an
//! empty 404 where no route matched, an empty 405, or a text that axum's
//! extractors write for just that status. The texts are those of
//! `axum::extract::rejection`; the table test in `tests/axum_failures.rs`
//! drives all but the one of multipart (not in our features), so that another
//! wording in a later axum fails a test here before it reaches a client.

mod told;
mod words;

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use plimsoll_core::Blame;

use crate::answer::Failure;
use crate::layer::route;
use crate::public::{DETAIL_CHARS, one_line};
use crate::{PlmCode, PublicText};

/// How a text of axum's begins, for which status, and what it means. A text
/// that ends in a colon and a space is followed by the details.
#[rustfmt::skip]
const TEXTS: [(u16, &str, PlmCode); 19] = [
    (400, "Failed to parse the request body as JSON: ", PlmCode::MalformedJson),
    (422, "Failed to deserialize the JSON body into the target type: ", PlmCode::JsonMismatch),
    (415, "Expected request with `Content-Type: application/json`", PlmCode::UnsupportedMediaType),
    (415, "Form requests must have `Content-Type: application/x-www-form-urlencoded`", PlmCode::UnsupportedMediaType),
    (400, "Failed to deserialize form: ", PlmCode::InvalidForm),
    (422, "Failed to deserialize form body: ", PlmCode::FormMismatch),
    (400, "Failed to deserialize query string: ", PlmCode::InvalidQuery),
    (400, "Invalid URL: ", PlmCode::InvalidPath),
    (400, "Invalid UTF-8 in `", PlmCode::InvalidPath),
    (413, "Failed to buffer the request body: ", PlmCode::BodyTooLarge),
    (400, "Failed to buffer the request body: ", PlmCode::BodyUnreadable),
    (400, "Request body didn't contain valid UTF-8: ", PlmCode::BodyNotUtf8),
    (400, "Invalid `boundary` for `multipart/form-data` request", PlmCode::InvalidMultipart),
    (500, "Missing request extension: ", PlmCode::Miswired),
    (500, "No paths parameters found for matched route", PlmCode::Miswired),
    (500, "Wrong number of path arguments for `Path`. Expected ", PlmCode::Miswired),
    (500, "Unsupported type `", PlmCode::Miswired),
    (500, "No matched path found", PlmCode::Miswired),
    (500, "The matched route is not nested", PlmCode::Miswired),
];

/// The failure that this response of axum's tells, if it is one. `matched`:
/// whether the router had a route. The response stays whole.
pub(crate) fn find<B: 'static>(
    response: &mut Response<B>,
    matched: bool,
    context: &mut Context<'_>,
) -> Option<Failure> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let bare = kind.is_none();
    let plain = kind.map(HeaderValue::as_bytes) == Some(b"text/plain; charset=utf-8");
    let body: &mut dyn Any = response.body_mut();
    let body: &mut Body = body.downcast_mut()?;
    if bare && body.is_end_stream() {
        return match status {
            StatusCode::NOT_FOUND if !matched => Some(Failure::plm(PlmCode::RouteNotFound)),
            StatusCode::METHOD_NOT_ALLOWED => Some(Failure::plm(PlmCode::MethodNotAllowed)),
            _ => None,
        };
    }
    if plain && TEXTS.iter().any(|text| text.0 == status) {
        let text = peek(body, context)?;
        return read(status.as_u16(), std::str::from_utf8(&text).ok()?);
    }
    None
}

/// What a text means for a status.
fn read(status: u16, text: &str) -> Option<Failure> {
    let row = TEXTS.iter().find(|(of, begin, _)| {
        let open = begin.ends_with([' ', '`']);
        *of == status
            && if open {
                text.starts_with(begin)
            } else {
                text == *begin
            }
    });
    let (_, begin, code) = row?;
    let mut failure = Failure::plm(*code);
    let details = text.strip_prefix(begin).filter(|_| begin.ends_with(": "));
    let (cause, details) = match details.map(|details| without_values(*code, details)) {
        Some(details) => (format!("{begin}{details}"), Some(details)),
        None => (text.to_owned(), None),
    };
    if failure.fault.code.blame == Blame::Client {
        failure.fault.detail =
            details.map(|text| PublicText::cleared(one_line(&text, DETAIL_CHARS)));
    }
    failure.fault = failure.fault.with_cause(cause);
    Some(failure)
}

/// The details of a text without the values that the client sent. The codes that
/// are not named have none in their texts.
fn without_values(code: PlmCode, details: &str) -> String {
    match code {
        PlmCode::MalformedJson
        | PlmCode::JsonMismatch
        | PlmCode::InvalidForm
        | PlmCode::FormMismatch
        | PlmCode::InvalidQuery => told::by_serde(details),
        PlmCode::InvalidPath => told::by_path(details, route()),
        _ => details.to_owned(),
    }
}

/// The whole body, if it is axum's and there at once in one piece; it stays whole.
pub(crate) fn text<B: 'static>(body: &mut B, context: &mut Context<'_>) -> Option<Bytes> {
    let body: &mut dyn Any = body;
    peek(body.downcast_mut()?, context)
}

/// The whole body, if it is there at once in one piece; put back in any case.
fn peek(body: &mut Body, context: &mut Context<'_>) -> Option<Bytes> {
    let size = body.size_hint().exact()?;
    let Poll::Ready(first) = Pin::new(&mut *body).poll_frame(context) else {
        return None;
    };
    let text = match &first {
        Some(Ok(frame)) => frame.data_ref().cloned(),
        _ => None,
    };
    let rest = std::mem::take(body);
    *body = Body::new(PutBack { first, rest });
    text.filter(|text| text.len() as u64 == size)
}

/// A body whose first frame has been looked at.
struct PutBack {
    first: Option<Result<Frame<Bytes>, axum::Error>>,
    rest: Body,
}

impl http_body::Body for PutBack {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let data = self
            .first
            .as_ref()
            .and_then(|first| first.as_ref().ok()?.data_ref());
        let Some(data) = data else { return rest };
        let mut whole = SizeHint::new();
        whole.set_lower(rest.lower() + data.len() as u64);
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper + data.len() as u64);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn a_text_counts_only_for_its_status_and_only_whole() {
        let code = |status, text: &str| read(status, text).map(|failure| failure.fault.code.id);
        let boundary = "Invalid `boundary` for `multipart/form-data` request";
        assert_eq!(code(400, boundary), Some("PLM-1013"));
        assert_eq!(code(500, boundary), None);
        assert_eq!(code(400, &format!("{boundary}!")), None);
        assert_eq!(code(400, "Failed to parse the request body as JSON"), None);
    }

    #[test]
    fn a_server_fault_of_the_wiring_tells_the_client_nothing_of_it() {
        let failure = read(500, "Missing request extension: Pool<Db> was not found").unwrap();
        assert_eq!(failure.fault.detail, None);
        assert!(failure.fault.cause.unwrap().contains("Pool<Db>"));
    }

    #[tokio::test]
    async fn a_body_that_was_looked_at_is_as_before() {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut whole = Body::from("abc");
        assert_eq!(peek(&mut whole, &mut context).unwrap(), "abc");
        assert_eq!(whole.size_hint().exact(), Some(3));
        assert!(!whole.is_end_stream());
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "abc");

        let chunks = ["ab", "c"].map(Ok::<_, std::io::Error>);
        let mut chunks = Body::from_stream(futures_util::stream::iter(chunks));
        assert_eq!(peek(&mut chunks, &mut context), None);
        assert_eq!(chunks.collect().await.unwrap().to_bytes(), "abc");
    }
}
