//! One outgoing call, ended exactly once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use plimsoll_core::body::{grpc_status, is_grpc};
use plimsoll_core::ids::SpanId;
use plimsoll_core::names::value;
use plimsoll_core::outcome::method_label;
use plimsoll_core::record::grpc_blame;
use plimsoll_core::{Blame, Sink as _, current};

use super::error::ErrorType;
use super::layer::Shared;
use super::series::{HttpLabels, Place, RpcLabels};
use super::{Resend, UrlTemplate, target};
use crate::layer::REQUEST_ID;
use crate::logs::access;
use crate::traces::{self, CallEnd, CallSpan, CallStart};

/// A call under way. Dropping it says that it was given up.
pub(super) struct Call {
    shared: Arc<Shared>,
    method: &'static str,
    /// Service and method.
    rpc: Option<(Box<str>, Box<str>)>,
    started: u64,
    /// `None` when metrics are off.
    place: Option<Place>,
    span: Option<CallSpan>,
    /// The request whose record counts the call.
    request: Option<SpanId>,
    status: u16,
    open: bool,
}

/// gRPC status codes for ends without one.
const CANCELLED: u16 = 1;
const UNKNOWN: u16 = 2;
const DEADLINE_EXCEEDED: u16 = 4;
const UNAVAILABLE: u16 = 14;

impl Call {
    /// Begins a call and adds to the request what it carries. `None` where
    /// telemetry is suppressed.
    pub(super) fn begin<Q>(shared: &Arc<Shared>, request: &mut Request<Q>) -> Option<Self> {
        if traces::suppressed() {
            return None;
        }
        let instance = &*shared.instance;
        let started = instance.now();
        let method = method_label(request.method());
        let headers = request.headers();
        let server = match &shared.server {
            Some((address, port)) => (&**address, *port),
            None => target::server(request.uri(), headers),
        };
        let place = instance
            .calls()
            .map(|calls| calls.begin(server.0, server.1));
        let rpc = is_grpc(headers).then(|| {
            let (service, method) = target::rpc(access::shortened(request.uri().path()));
            (service.into(), method.into())
        });
        let may_know = target::is_listed(server.0, &shared.request_id_to);
        let outgoing = instance
            .spans()
            .call(|| start(request, method, server, rpc.clone()));
        let id = current::ids()
            .filter(|_| may_know)
            .map(|ids| ids.request_id);
        let headers = request.headers_mut();
        let span =
            outgoing.and_then(|call| call.inject(instance.spans(), headers, shared.overwrite));
        let replace = shared.overwrite || !headers.contains_key(&REQUEST_ID);
        if let Some(id) = id.filter(|_| replace)
            && let Ok(id) = HeaderValue::from_str(id.as_str())
        {
            headers.insert(REQUEST_ID, id);
        }
        let request = current::with(|record| {
            record.calls.begin(started);
            record.ids.span_id
        });
        Some(Self {
            shared: Arc::clone(shared),
            method,
            rpc,
            started,
            place,
            span,
            request,
            status: 0,
            open: true,
        })
    }

    /// Notes the head. Gives the call back when its end stands in the body.
    pub(super) fn answered<B>(mut self, response: &Response<B>) -> Option<Self> {
        self.status = response.status().as_u16();
        if self.rpc.is_none() {
            let error = match self.status {
                400.. => ErrorType::Status,
                _ => ErrorType::None,
            };
            self.end(None, error);
            return None;
        }
        let status = grpc_status(response.headers());
        if status.is_none() && self.status == 200 && is_grpc(response.headers()) {
            return Some(self);
        }
        self.ended(status);
        None
    }

    /// A gRPC call ends with this status; without one nobody knows.
    pub(super) fn ended(mut self, grpc: Option<u16>) {
        self.end(Some(grpc.unwrap_or(UNKNOWN)), ErrorType::None);
    }

    /// There is no whole answer.
    pub(super) fn failed(mut self, error: ErrorType) {
        self.end(None, error);
    }

    fn end(&mut self, grpc: Option<u16>, error: ErrorType) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let instance = &*self.shared.instance;
        let ended = instance.now();
        let grpc = self.rpc.is_some().then(|| grpc.unwrap_or(code_of(error)));
        let failed = match (grpc, error) {
            (_, ErrorType::None) if grpc.is_none() => false,
            (Some(code), _) => grpc_blame(code).is_some_and(|blame| blame != Blame::Client),
            (None, ErrorType::Status) => self.status >= 500,
            (None, _) => true,
        };
        if let Some(of) = self.request {
            current::with(|record| {
                if record.ids.span_id == of {
                    record.calls.end(ended, failed);
                }
            });
        }
        let took = Duration::from_nanos(ended.saturating_sub(self.started));
        self.shared.feeds.tell(!failed, took);
        let seconds = took.as_secs_f64();
        if let (Some(calls), Some(place)) = (instance.calls(), self.place) {
            match (&self.rpc, grpc) {
                (Some((service, method)), Some(status)) => calls.rpc(
                    RpcLabels {
                        place,
                        service,
                        method,
                        status,
                        error,
                    },
                    seconds,
                ),
                _ => calls.http(
                    HttpLabels {
                        place,
                        method: self.method,
                        status: self.status,
                        error,
                    },
                    seconds,
                ),
            }
        }
        if let Some(span) = self.span.take() {
            let end = CallEnd {
                started: instance.clock.wall(self.started),
                ended: instance.clock.wall(ended),
                status: self.status,
                grpc,
                error: error.as_str(),
            };
            instance.guarded(|| span.end(instance.spans(), &end));
        }
    }
}

fn start<Q>(
    request: &Request<Q>,
    method: &'static str,
    server: (&str, u16),
    rpc: Option<(Box<str>, Box<str>)>,
) -> CallStart {
    let extensions = request.extensions();
    let original = || access::shortened(request.method().as_str()).into();
    CallStart {
        method,
        original: (method == value::OTHER).then(original),
        template: extensions.get::<UrlTemplate>().map(|template| template.0),
        server: server.0.into(),
        port: server.1,
        url: target::url(request.uri(), server),
        resend: extensions.get::<Resend>().map_or(0, |resend| resend.0),
        rpc,
    }
}

/// The gRPC status that stands for a failure of the transport, as gRPC's
/// `doc/statuscodes.md` has it for what a library makes by itself.
const fn code_of(error: ErrorType) -> u16 {
    match error {
        ErrorType::Cancelled => CANCELLED,
        ErrorType::Timeout => DEADLINE_EXCEEDED,
        ErrorType::Refused | ErrorType::Reset | ErrorType::Unreachable | ErrorType::Dns => {
            UNAVAILABLE
        }
        _ => UNKNOWN,
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let error = if std::thread::panicking() {
            ErrorType::Other
        } else {
            ErrorType::Cancelled
        };
        self.end(None, error);
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}
