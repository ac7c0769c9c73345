//! A request from any bytes: as much as the crate `http` can build.

use std::io;

use arbitrary::Arbitrary;
use axum::body::Body;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// What the fuzzer chooses.
#[derive(Debug, Arbitrary)]
pub struct Input<'a> {
    pub(crate) all: bool,
    verb: Verb<'a>,
    place: Place<'a>,
    query: Option<&'a str>,
    headers: Vec<Field<'a>>,
    sent: Sent<'a>,
}

#[derive(Debug, Arbitrary)]
enum Verb<'a> {
    Get,
    Post,
    Head,
    Options,
    Connect,
    Any(&'a [u8]),
}

/// Known places first, so that extractors are reached; then anything.
#[derive(Debug, Arbitrary)]
enum Place<'a> {
    Known(u8),
    Path(&'a str),
    Any(&'a [u8]),
}

const KNOWN: [&str; 11] = [
    "/json",
    "/form",
    "/query",
    "/text",
    "/bytes",
    "/extension",
    "/get",
    "/panic",
    "/coded",
    "/own",
    "/foreign",
];

#[derive(Debug, Arbitrary)]
enum Field<'a> {
    Json,
    Form,
    Grpc(&'a str),
    Length(u64),
    Accept(&'a [u8]),
    RequestId(&'a [u8]),
    TraceParent(&'a [u8]),
    ContentType(&'a [u8]),
    Any { name: &'a [u8], value: &'a [u8] },
}

impl Field<'_> {
    fn pair(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, value): (&[u8], Vec<u8>) = match self {
            Self::Json => (b"content-type", b"application/json".into()),
            Self::Form => (b"content-type", b"application/x-www-form-urlencoded".into()),
            Self::Grpc(rest) => (b"content-type", format!("application/grpc{rest}").into()),
            Self::Length(bytes) => (b"content-length", bytes.to_string().into()),
            Self::Accept(value) => (b"accept", (*value).into()),
            Self::RequestId(value) => (b"x-request-id", (*value).into()),
            Self::TraceParent(value) => (b"traceparent", (*value).into()),
            Self::ContentType(value) => (b"content-type", (*value).into()),
            Self::Any { name, value } => (name, (*value).into()),
        };
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, HeaderValue::from_bytes(&value).ok()?))
    }
}

#[derive(Debug, Arbitrary)]
enum Sent<'a> {
    Whole(&'a [u8]),
    Frames(Vec<&'a [u8]>),
    BreaksOff(&'a [u8]),
}

impl Input<'_> {
    /// The request, if there can be one.
    pub(crate) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::new(self.body());
        *request.method_mut() = self.method()?;
        *request.uri_mut() = self.uri()?;
        for field in &self.headers {
            if let Some((name, value)) = field.pair() {
                request.headers_mut().append(name, value);
            }
        }
        Some(request)
    }

    fn method(&self) -> Option<Method> {
        Some(match self.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Head => Method::HEAD,
            Verb::Options => Method::OPTIONS,
            Verb::Connect => Method::CONNECT,
            Verb::Any(bytes) => Method::from_bytes(bytes).ok()?,
        })
    }

    fn uri(&self) -> Option<Uri> {
        let query = self
            .query
            .map_or(String::new(), |query| format!("?{query}"));
        match self.place {
            Place::Known(at) => {
                let path = KNOWN[usize::from(at) % KNOWN.len()];
                format!("{path}{query}").parse().ok()
            }
            Place::Path(last) => format!("/path/{last}{query}").parse().ok(),
            Place::Any(bytes) => Uri::try_from(bytes).ok(),
        }
    }

    fn body(&self) -> Body {
        let frames = |frames: Vec<io::Result<Vec<u8>>>| Body::from_stream(stream::iter(frames));
        match &self.sent {
            Sent::Whole(bytes) => Body::from(bytes.to_vec()),
            Sent::Frames(all) => frames(all.iter().map(|frame| Ok(frame.to_vec())).collect()),
            Sent::BreaksOff(first) => frames(vec![
                Ok(first.to_vec()),
                Err(io::ErrorKind::ConnectionReset.into()),
            ]),
        }
    }
}
