//! What a request's headers say that the record wants to know.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries the request id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers that are read of every request, found in one walk: most requests
/// have few headers and of these hardly any, so that a look-up each costs more.
/// Of a header with several lines the first counts; two `traceparent`s are none
/// (W3C trace context, section 3.2).
#[derive(Debug, Default)]
pub(crate) struct Sent<'a> {
    pub(crate) traceparent: Option<&'a HeaderValue>,
    pub(crate) tracestate: Option<&'a HeaderValue>,
    pub(crate) baggage: Option<&'a HeaderValue>,
    pub(super) request_id: Option<&'a HeaderValue>,
    pub(crate) user_agent: Option<&'a HeaderValue>,
    pub(super) content_length: Option<&'a HeaderValue>,
    pub(super) content_type: Option<&'a HeaderValue>,
    pub(super) grpc_timeout: Option<&'a HeaderValue>,
}

impl<'a> Sent<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut sent = Self::default();
        let mut parents = 0;
        for (name, value) in headers {
            let name = name.as_str();
            let place = match (name.len(), name) {
                (11, "traceparent") => {
                    parents += 1;
                    &mut sent.traceparent
                }
                (10, "tracestate") => &mut sent.tracestate,
                (7, "baggage") => &mut sent.baggage,
                (12, "x-request-id") => &mut sent.request_id,
                (10, "user-agent") => &mut sent.user_agent,
                (14, "content-length") => &mut sent.content_length,
                (12, "content-type") => &mut sent.content_type,
                (12, "grpc-timeout") => &mut sent.grpc_timeout,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        sent.traceparent = sent.traceparent.filter(|_| parents == 1);
        sent
    }
}

/// The number that a `Content-Length` says.
pub(super) fn length(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_header_counts() {
        let mut headers = HeaderMap::new();
        headers.append("x-request-id", HeaderValue::from_static("one"));
        headers.append("x-request-id", HeaderValue::from_static("two"));
        headers.append("content-length", HeaderValue::from_static("12"));
        let sent = Sent::of(&headers);
        assert_eq!(sent.request_id.unwrap(), "one");
        assert_eq!(sent.content_length.and_then(length), Some(12));
        assert!(sent.traceparent.is_none());
        for (lines, counts) in [(1, true), (2, false)] {
            let line = HeaderValue::from_static("00-1-1-01");
            headers.append("traceparent", line);
            let found = Sent::of(&headers).traceparent;
            assert_eq!(found.is_some(), counts, "{lines}");
        }
    }
}
