//! The one place where a failure becomes a response and is noted on the record.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, request, response};
use plimsoll_core::body::is_grpc_type;
use plimsoll_core::ids::Ids;
use plimsoll_core::{Outcome, Refusal, current};

use crate::layer::Style;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::public::{CAUSE_CHARS, one_line};
use crate::{Fault, PlmCode, Retry, grpc};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Headers that speak of a body which is being replaced.
const OF_THE_OLD_BODY: [HeaderName; 9] = [
    header::ACCEPT_RANGES,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRANSFER_ENCODING,
];

/// What of the request decides how it is answered. Every success carries it
/// along, so it is small.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// No body is sent back.
    pub(crate) head: bool,
    /// Whether axum's router had a route for it.
    #[cfg(feature = "axum")]
    pub(crate) matched: bool,
    /// What few requests have.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Clone, Default)]
struct Rare {
    /// The content type of a gRPC call.
    grpc: Option<HeaderValue>,
    /// The whole head, for a mapper.
    parts: Option<request::Parts>,
}

impl Asked {
    /// `kind`: the content type, where it is worth looking for gRPC's.
    pub(crate) fn of<B>(
        style: &Style,
        request: &Request<B>,
        kind: Option<&HeaderValue>,
        noted: Option<Noted>,
    ) -> Self {
        let kind = kind.filter(|kind| is_grpc_type(kind));
        let rare = (kind.is_some() || style.has_mapper()).then(|| {
            Box::new(Rare {
                grpc: kind.cloned(),
                parts: style.has_mapper().then(|| copied(request)),
            })
        });
        #[cfg(not(feature = "axum"))]
        let _ = noted;
        Self {
            head: *request.method() == Method::HEAD,
            #[cfg(feature = "axum")]
            matched: noted.map_or_else(|| matched(request), |noted| noted.matched),
            rare,
        }
    }

    /// The content type of a gRPC call.
    fn grpc(&self) -> Option<&HeaderValue> {
        self.rare.as_ref()?.grpc.as_ref()
    }

    fn parts(&self) -> Option<&request::Parts> {
        self.rare.as_ref()?.parts.as_ref()
    }
}

/// What the record of our own stack has read of a request already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted {
    pub(crate) grpc: bool,
    #[cfg(feature = "axum")]
    pub(crate) matched: bool,
    /// The declared length of the body.
    pub(crate) bytes: u64,
}

#[cfg(feature = "axum")]
fn matched<B>(request: &Request<B>) -> bool {
    let extensions = request.extensions();
    extensions.get::<axum::extract::MatchedPath>().is_some()
}

/// The head of a request without its extensions.
fn copied<B>(request: &Request<B>) -> request::Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method.clone_from(request.method());
    parts.uri.clone_from(request.uri());
    parts.version = request.version();
    parts.headers.clone_from(request.headers());
    parts
}

/// A failure and how the request ended by it.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    /// `None` where the status tells it: a foreign layer's failure.
    outcome: Option<Outcome>,
    refusal: Option<Refusal>,
}

impl Failure {
    pub(crate) fn plm(code: PlmCode) -> Self {
        Self {
            fault: Fault::new(code),
            outcome: Some(code.outcome()),
            refusal: None,
        }
    }

    /// A failure of which a foreign layer said nothing but the status. What an
    /// SLO counts stays what it would be without the shape.
    pub(crate) fn foreign(status: StatusCode) -> Self {
        let mut fault = Fault::new(PlmCode::of_status(status.as_u16()));
        fault.status = Some(status.as_u16());
        Self {
            fault,
            outcome: None,
            refusal: None,
        }
    }

    pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let mut failure = Self::plm(PlmCode::Panicked);
        failure.fault = failure
            .fault
            .with_cause(plimsoll_core::body::panic_text(panic));
        failure
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let mut failure = Self::plm(refusal.into());
        failure.refusal = Some(refusal);
        failure.fault.retry_after = match refusal {
            Refusal::Quota { retry_after, .. }
            | Refusal::Concurrency { retry_after }
            | Refusal::Shed { retry_after }
            | Refusal::Deadline { retry_after } => Some(retry_after),
            _ => None,
        };
        failure
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let outcome = Some(fault.code.outcome());
        Self {
            fault,
            outcome,
            refusal: None,
        }
    }
}

/// What an inner layer made of a failure already: for whom, and the reference.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) ids: Option<Ids>,
    pub(crate) reference: Option<Box<str>>,
}

/// Whether a problem made by an inner layer can go out as it is.
pub(crate) fn is_told(style: &Style, asked: &Asked, told: &Told) -> bool {
    style.is_plain() && asked.grpc().is_none() && told.ids == current::ids()
}

/// Notes a failure on the current record, if there is one.
pub(crate) fn note(asked: &Asked, failure: Failure, reference: Option<Box<str>>) {
    let Failure { fault, outcome, .. } = failure;
    current::with(|record| {
        if let Some(outcome) = outcome {
            record.fail(outcome, fault.code.blame, fault.code.slo);
        }
        record.code = Some(fault.code.id);
        record.reference = reference;
        if asked.grpc().is_some() {
            record.grpc_status = Some(fault.grpc().number());
        }
        // The field is public, so it may have been set without a bound.
        let is_long = |cause: &str| cause.len() > CAUSE_CHARS || cause.contains(char::is_control);
        record.cause = fault.cause.map(|cause| {
            if is_long(&cause) {
                one_line(&cause, CAUSE_CHARS).into()
            } else {
                cause
            }
        });
    });
}

/// Answers with a failure in place of `before`, of which status and body go and
/// everything else that is not about the body stays (`Allow`, `RateLimit`,
/// `WWW-Authenticate`, ...).
pub(crate) fn render(
    style: &Style,
    asked: &Asked,
    failure: Failure,
    mut before: response::Parts,
) -> Response<Bytes> {
    let mut problem = Problem::of(&failure.fault, current::ids());
    problem.refusal = failure.refusal;
    problem.types = style.types;
    note(asked, failure, problem.reference.clone());
    for name in OF_THE_OLD_BODY {
        before.headers.remove(name);
    }
    let answer = match asked.grpc() {
        Some(kind) => trailers_only(&problem, &style.domain, kind.clone()),
        None => match style.mapped(&problem, asked.parts()) {
            Some(mapped) => mapped,
            None => whole(&problem, style.base()),
        },
    };
    let (after, mut body) = answer.into_parts();
    before.status = after.status;
    merge(&mut before.headers, after.headers);
    before.extensions.extend(after.extensions);
    if asked.head {
        let length = HeaderValue::from(body.len());
        before.headers.insert(header::CONTENT_LENGTH, length);
        body = Bytes::new();
    }
    Response::from_parts(before, body)
}

/// A problem as a response of its own.
pub(crate) fn whole(problem: &Problem, base: &str) -> Response<Bytes> {
    let mut response = Response::new(problem.to_bytes(base));
    let status = StatusCode::from_u16(problem.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// gRPC's answer without messages: everything in the headers of an HTTP 200.
fn trailers_only(problem: &Problem, domain: &str, kind: HeaderValue) -> Response<Bytes> {
    let mut text = problem.detail.to_string();
    if let Some(reference) = &problem.reference {
        text = format!("{text} [{reference}]");
    }
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(GRPC_STATUS, problem.grpc.number().into());
    // Percent-encoded, hence always a header value.
    if let Ok(encoded) = HeaderValue::try_from(grpc::message(&text)) {
        headers.insert(GRPC_MESSAGE, encoded);
    }
    if let Some(pushback) = pushback(problem) {
        headers.insert(GRPC_PUSHBACK, pushback);
    }
    if let Some(details) = grpc::details(problem, domain, &text) {
        headers.insert(GRPC_DETAILS, details);
    }
    response
}

/// When gRPC's own retries may come: the milliseconds that the details say too. A
/// negative number forbids them (gRPC proposal A6, "Pushback").
fn pushback(problem: &Problem) -> Option<HeaderValue> {
    match (problem.retry_after, problem.refusal) {
        (Some(wait), _) => {
            let millis = wait.as_nanos().div_ceil(1_000_000);
            i64::try_from(millis).ok().map(HeaderValue::from)
        }
        (None, Some(_)) if problem.code.retry == Retry::Never => Some(HeaderValue::from(-1)),
        _ => None,
    }
}

/// Ours replace what stood there, but for a `Retry-After` of an inner layer,
/// which knows better.
fn merge(before: &mut HeaderMap, after: HeaderMap) {
    let retry_after = before.remove(header::RETRY_AFTER);
    before.extend(after);
    if let Some(wait) = retry_after {
        before.insert(header::RETRY_AFTER, wait);
    }
}
