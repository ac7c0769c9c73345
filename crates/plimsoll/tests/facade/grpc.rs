use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{self, Poll};

use bytes::{Buf, BufMut, Bytes};
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
use plimsoll::{Key, Limit, Plimsoll, Quota};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tower::Layer as _;

use crate::support::{instance, metric};

/// Messages are bytes as they come: no code is generated.
#[derive(Clone, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Answers with the status that the message names.
struct Get;

impl UnaryService<Bytes> for Get {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;
    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(match &request.get_ref()[..] {
            b"missing" => Err(Status::not_found("no such card")),
            b"broken" => Err(Status::internal("broken")),
            b"panic" => panic!("in a gRPC handler"),
            _ => Ok(Response::new(Bytes::from_static(b"a card"))),
        })
    }
}

#[derive(Clone)]
struct Cards;

impl NamedService for Cards {
    const NAME: &'static str = "test.Cards";
}

impl tower::Service<http::Request<Body>> for Cards {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;
    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/test.Cards/Get" => Grpc::new(Plain).unary(Get, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

async fn start(plimsoll: &Plimsoll) -> Channel {
    let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().layer(plimsoll.layer()).add_service(Cards);
    tokio::spawn(server.serve_with_incoming(incoming));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    channel.connect().await.unwrap()
}

async fn call(channel: &Channel, path: &'static str, message: &'static str) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = Request::new(Bytes::from_static(message.as_bytes()));
    let answer = client
        .unary(request, http::uri::PathAndQuery::from_static(path), Plain)
        .await;
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn a_tonic_service_is_counted_by_its_grpc_status() {
    let (plimsoll, lines) = instance(|builder| builder);
    let channel = start(&plimsoll).await;
    let get = "/test.Cards/Get";
    for (index, (path, message, code, outcome, slo, route)) in [
        (get, "one", Code::Ok, "success", "good", get),
        (
            get,
            "missing",
            Code::NotFound,
            "client_error",
            "excluded",
            get,
        ),
        (get, "broken", Code::Internal, "fault", "bad", get),
        (get, "panic", Code::Internal, "panic", "bad", get),
        (
            "/test.Cards/Scan",
            "",
            Code::Unimplemented,
            "client_error",
            "excluded",
            "unmatched",
        ),
        (
            "/other.Service/Get",
            "",
            Code::Unimplemented,
            "client_error",
            "excluded",
            "unmatched",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            call(&channel, path, message).await,
            code,
            "{path} {message}"
        );
        let line = lines.requests(index + 1).await.pop().unwrap();
        assert_eq!(line["grpc_status"], i32::from(code), "{line}");
        assert_eq!(line["status"], 200, "{line}");
        assert_eq!(
            (&line["outcome"], &line["slo"]),
            (&outcome.into(), &slo.into()),
            "{line}"
        );
        assert_eq!(line["route"], route, "{line}");
    }
    let page = plimsoll.telemetry().render();
    let bad = metric(&page, "plimsoll_requests_total", &[get, "slo=\"bad\""]);
    assert_eq!(bad as u64, 2, "{page}");
    for (service, method, code, count) in [
        ("test.Cards", "Get", 0, 1),
        ("test.Cards", "Get", 5, 1),
        ("test.Cards", "Get", 13, 2),
        ("_OTHER", "_OTHER", 12, 2),
    ] {
        let labels = [
            format!("rpc_service=\"{service}\""),
            format!("rpc_method=\"{method}\""),
            format!("rpc_grpc_status_code=\"{code}\""),
        ];
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let found = metric(&page, "rpc_server_duration_seconds_count", &labels);
        assert_eq!(found as u64, count, "{labels:?} in {page}");
    }
    assert!(plimsoll.telemetry().report().holds());
}

#[tokio::test]
async fn a_refused_grpc_call_is_resource_exhausted() {
    let quota = Quota::per_hour(1).burst(1);
    let limit = Limit::by(|_| Some(Key::Number(1)))
        .named("all")
        .quota(quota);
    let (plimsoll, lines) = instance(|builder| builder.limit(limit));
    let channel = start(&plimsoll).await;
    assert_eq!(call(&channel, "/test.Cards/Get", "one").await, Code::Ok);
    assert_eq!(
        call(&channel, "/test.Cards/Get", "two").await,
        Code::ResourceExhausted
    );
    let line = lines.requests(2).await.pop().unwrap();
    assert_eq!(
        (&line["outcome"], &line["slo"]),
        (&"refused".into(), &"excluded".into()),
        "{line}"
    );
}

#[tokio::test]
async fn a_tonic_client_in_the_client_layer_is_counted_by_its_grpc_status_and_carries_the_trace() {
    let (server, lines) = instance(|builder| builder);
    let channel = start(&server).await;
    let (caller, _) = instance(|builder| {
        let nobody = "http://127.0.0.1:9/v1/traces";
        builder.telemetry(|it| it.otlp(nobody))
    });
    let layer = caller.client().server("cards.internal", 50_051);
    for (message, code) in [("one", Code::Ok), ("broken", Code::Internal)] {
        let mut client = tonic::client::Grpc::new(layer.layer(channel.clone()));
        client.ready().await.unwrap();
        let request = Request::new(Bytes::from_static(message.as_bytes()));
        let path = http::uri::PathAndQuery::from_static("/test.Cards/Get");
        let job = SpanContext::new(
            0x7e57.into(),
            7.into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let around = Context::new().with_remote_span_context(job);
        let call = client.unary(request, path, Plain).with_context(around);
        let answer = call.await;
        assert_eq!(answer.map_or_else(|it| it.code(), |_| Code::Ok), code);
        let page = caller.telemetry().render();
        let code = format!("rpc_grpc_status_code=\"{}\"", i32::from(code));
        let labels = [
            "server_address=\"cards.internal\"",
            "server_port=\"50051\"",
            "rpc_system=\"grpc\"",
            "rpc_service=\"test.Cards\"",
            "rpc_method=\"Get\"",
            &code,
        ];
        let count = metric(&page, "rpc_client_duration_seconds_count", &labels);
        assert_eq!(count as u64, 1, "{page}");
    }
    for line in lines.requests(2).await {
        // tonic's server does not tell the layer its peer, so it is a stranger.
        assert_eq!(
            line["linked_trace_id"],
            format!("{:032x}", 0x7e57),
            "{line}"
        );
    }
    let page = caller.telemetry().render();
    let active = metric(&page, "http_client_active_requests", &[]);
    assert_eq!(active as u64, 0, "{page}");
}
