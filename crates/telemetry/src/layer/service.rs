use std::any::Any;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use plimsoll_core::Seat;
use plimsoll_core::body::{is_grpc_type, panic_text};
use plimsoll_core::ids::{Ids, RequestId, SpanId, TraceId};
#[cfg(feature = "axum")]
use plimsoll_core::intern;
use plimsoll_core::outcome::method_label;
use plimsoll_core::peer::PeerAddr;
use plimsoll_core::record::{Ending, Grpc, Open};
use plimsoll_core::{Agent, ObservedBody, Sink as _, current};
use tower_service::Service;

use super::ResponseFuture;
use super::sent::{self, Sent};
use crate::instance::Instance;
use crate::pool;
use crate::traces::Start;

/// Makes one record of each request; see [`crate::Telemetry::layer`].
#[derive(Debug, Clone)]
pub struct Observe<S> {
    inner: S,
    instance: Arc<Instance>,
    seat: Option<Seat>,
}

impl<S> Observe<S> {
    pub(crate) fn new(inner: S, instance: Arc<Instance>, seat: Option<Seat>) -> Self {
        Self {
            inner,
            instance,
            seat,
        }
    }

    /// The service within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, Q, B> Service<Request<Q>> for Observe<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    Q: Body,
    B: Body,
{
    type Response = Response<ObservedBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        if current::is_set() {
            // A second layer by mistake: the outer one has the record.
            self.instance.note_second_layer();
            return ResponseFuture::new(Some(self.inner.call(request)), None, true);
        }
        let mut open = begin(&self.instance, &request);
        if let Some(record) = open.record() {
            record.seat = self.seat;
        }
        if self.seat.is_some() {
            // What is inside of a whole stack catches panics. One of the stack's
            // own parts ends the record as it drops it.
            let future = {
                let _entered = open.enter();
                self.inner.call(request)
            };
            return ResponseFuture::new(Some(future), Some(open), true);
        }
        let mut future = None;
        let called = {
            let _entered = open.enter();
            catch_unwind(AssertUnwindSafe(|| future = Some(self.inner.call(request))))
        };
        match called {
            Ok(()) => ResponseFuture::new(future, Some(open), false),
            Err(panic) => panicked(&mut open, panic),
        }
    }
}

/// Ends the record of a request whose service panicked with nothing inside to
/// answer for it, and lets the panic go on.
pub(super) fn panicked(open: &mut Open, panic: Box<dyn Any + Send>) -> ! {
    if let Some(record) = open.record() {
        record.cause = Some(panic_text(panic.as_ref()).into());
    }
    open.finish(Ending::Panic);
    resume_unwind(panic)
}

/// The record of a request at its call.
fn begin<Q: Body>(instance: &Arc<Instance>, request: &Request<Q>) -> Open {
    let started = instance.now();
    let headers = request.headers();
    let sent = Sent::of(headers);
    let peer = peer(request);
    let trusted = peer.is_some_and(|peer| instance.trust().includes(peer));
    let ids = Ids {
        trace_id: TraceId::default(),
        span_id: SpanId::default(),
        sampled: false,
        request_id: request_id(&sent),
    };
    let mut record = pool::take(ids, started);
    record.instance = instance.levels.id;
    record.trusted = trusted;
    record.method = method_label(request.method());
    record.route = route(request);
    record.path.push_str(request.uri().path());
    record.client = peer.map(|peer| instance.trust().client(peer, headers));
    record.bytes_in = sent.content_length.and_then(sent::length).unwrap_or(0);
    if let Some(agent) = sent.user_agent {
        record.agent = Agent::of(agent.as_bytes());
    }
    if sent.content_type.is_some_and(is_grpc_type) {
        // UNKNOWN until headers or trailers say more.
        record.grpc_status = Some(2);
        let timeout = sent.grpc_timeout.and_then(plimsoll_core::deadline::grpc);
        record.grpc = Some(Box::new(Grpc {
            timeout,
            ..Grpc::default()
        }));
    }
    if !instance.shown.is_empty() {
        record.shown = instance.shown.of(headers, request.uri().query());
    }
    let stranger = instance.spans().begin(
        &mut record,
        &Start {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers,
            sent: &sent,
            peer,
            trusted,
            lean: instance.lean,
        },
    );
    if let Some(warning) = stranger {
        instance.warn(warning);
    }
    record.in_flight = instance.begin(record.method, record.route);
    Open::new(record, Arc::clone(instance) as _)
}

fn request_id(sent: &Sent<'_>) -> RequestId {
    let theirs = sent.request_id;
    let theirs = theirs.and_then(|value| RequestId::parse(value.as_bytes()));
    theirs.unwrap_or_else(RequestId::random)
}

fn peer<Q>(request: &Request<Q>) -> Option<IpAddr> {
    let extensions = request.extensions();
    if let Some(PeerAddr(peer)) = extensions.get() {
        return Some(peer.ip());
    }
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) =
        extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>()
    {
        return Some(peer.ip());
    }
    None
}

fn route<Q>(request: &Request<Q>) -> &'static str {
    #[cfg(feature = "axum")]
    if let Some(route) = request.extensions().get::<axum::extract::MatchedPath>() {
        return intern::intern(route.as_str());
    }
    let template = request.extensions().get::<crate::Route>();
    template.map_or(plimsoll_core::names::value::UNMATCHED, |route| route.0)
}
