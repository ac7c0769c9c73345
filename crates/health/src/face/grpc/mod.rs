//! `grpc.health.v1`: the same state for gRPC clients, load balancers and
//! kubelets.
//!
//! The whole server is `""`, ready or not; [`Health::grpc_service`] makes the
//! names of services known; `livez`, `readyz` and `startupz` are the probes.
//! `Watch` tells SERVICE_UNKNOWN of a name that is not known and goes on, as the
//! protocol wants; while draining everything but the other two probes is
//! NOT_SERVING, and every `Watch` ends. The messages are written by hand, so
//! that nobody pays for a gRPC library who has none.
//! <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>

mod body;
mod code;
mod services;
#[cfg(test)]
mod tests;
mod watch;
mod wire;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use tower_service::Service;

use crate::health::Health;
use code::{Code, STATUS};
use services::Seat;
use watch::Watch;
use wire::{MAX_REQUEST, Unreadable};

pub use body::GrpcBody;
pub(crate) use services::Services;
pub use services::{GrpcService, GrpcServiceError};

/// The path of the service's methods: a server hands on what is below it.
pub const GRPC_PATH: &str = "/grpc.health.v1.Health/";

/// Answers `Check`, `List` and `Watch`, for any HTTP/2 server.
///
/// ```
/// use plimsoll_health::Health;
/// use plimsoll_health::face::grpc::GrpcHealth;
///
/// let health = Health::builder().build()?;
/// let cards = health.grpc_service("cards.v1.Cards")?;
/// cards.serving(false);
/// let service = GrpcHealth::new(health);
/// # let _ = service;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct GrpcHealth(Health);

impl GrpcHealth {
    /// Tells of this health.
    pub fn new(health: Health) -> Self {
        Self(health)
    }

    async fn answer<B: Body>(self, request: Request<B>) -> Response<GrpcBody> {
        let (head, body) = request.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE);
        if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            let mut response = Response::new(GrpcBody::empty());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        let method = head.uri.path().strip_prefix(GRPC_PATH);
        let body = match read(body).await {
            Ok(body) => body,
            Err(code) => return failed(code),
        };
        let name = match wire::service(&body) {
            Ok(name) => name,
            Err(Unreadable::Compressed) => return failed(Code::Unimplemented),
            Err(Unreadable::Malformed) => return failed(Code::InvalidArgument),
        };
        let body = match method {
            Some("Check") => match self.0.serving(name) {
                Some(serving) => GrpcBody::one(serving.message()),
                None => return failed(Code::NotFound),
            },
            Some("List") => {
                let all = self.0.all_serving();
                let all = all.iter().map(|(name, serving)| (name.as_str(), *serving));
                GrpcBody::one(wire::list(all))
            }
            Some("Watch") => match Seat::take(&self.0) {
                Some(seat) => GrpcBody::watch(Watch {
                    name: name.into(),
                    last: None,
                    _seat: seat,
                    health: self.0,
                }),
                None => return failed(Code::ResourceExhausted),
            },
            _ => return failed(Code::Unimplemented),
        };
        response(body)
    }
}

impl<B> Service<Request<B>> for GrpcHealth
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<GrpcBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async { Ok(service.answer(request).await) })
    }
}

/// The whole request, up to its bound.
async fn read<B: Body>(body: B) -> Result<Bytes, Code> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        let Ok(frame) = frame else {
            return Err(Code::Unavailable);
        };
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.remaining() > MAX_REQUEST {
            return Err(Code::ResourceExhausted);
        }
        while data.has_remaining() {
            let piece = data.chunk();
            bytes.extend_from_slice(piece);
            let length = piece.len();
            data.advance(length);
        }
    }
    Ok(bytes.into())
}

fn response(body: GrpcBody) -> Response<GrpcBody> {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn failed(code: Code) -> Response<GrpcBody> {
    let mut response = response(GrpcBody::empty());
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(code as u16));
    response
}
