//! Every call that begins ends once, however it ends.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use proptest::prelude::*;
use tower::Layer as _;
use tower::service_fn;
use tower_service::Service as _;

use crate::Telemetry;

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answer(u16),
    Fail(io::ErrorKind),
    DropUnpolled,
    DropPending,
    Panic,
    Stream(Stream),
    /// A gRPC answer without a body.
    TrailersOnly(u16),
}

/// What becomes of the body of a gRPC call.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Trailers(u16),
    Ends,
    Breaks,
    IsDropped,
}

struct Script(Option<Stream>);

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match self.0.take() {
            Some(Stream::Trailers(code)) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", code.into());
                Some(Ok(Frame::trailers(trailers)))
            }
            Some(Stream::Breaks) => Some(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Stream::Ends | Stream::IsDropped) | None => None,
        })
    }
}

fn run(telemetry: &Telemetry, fate: Fate) {
    let inner = service_fn(move |_: Request<()>| {
        let answer = move |status: u16| {
            let mut response = Response::new(Script(None));
            *response.status_mut() = status.try_into().unwrap();
            response
        };
        let grpc = move |stream| {
            let mut response = Response::new(Script(stream));
            let kind = http::HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", kind);
            response
        };
        async move {
            match fate {
                Fate::Answer(status) => Ok(answer(status)),
                Fate::Fail(kind) => Err(io::Error::from(kind)),
                Fate::DropUnpolled | Fate::DropPending => pending().await,
                Fate::Panic => panic!("in a client"),
                Fate::Stream(stream) => Ok(grpc(Some(stream))),
                Fate::TrailersOnly(code) => {
                    let mut response = grpc(None);
                    response.headers_mut().insert("grpc-status", code.into());
                    Ok(response)
                }
            }
        }
    });
    let mut client = telemetry.client().layer(inner);
    let mut request = Request::get("http://host:81/p.S/M");
    if matches!(fate, Fate::Stream(_) | Fate::TrailersOnly(_)) {
        request = request.header("content-type", "application/grpc");
    }
    let call = client.call(request.body(()).unwrap());
    if matches!(fate, Fate::DropUnpolled) {
        return;
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut call = Box::pin(call);
    let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
    if let Ok(Poll::Ready(Ok(response))) = polled {
        let mut body = pin!(response.into_body());
        if matches!(fate, Fate::Stream(Stream::IsDropped)) {
            return;
        }
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut context) {}
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    let kinds = [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::TimedOut,
        io::ErrorKind::Other,
    ];
    let stream = prop_oneof![
        (0..17_u16).prop_map(Stream::Trailers),
        Just(Stream::Ends),
        Just(Stream::Breaks),
        Just(Stream::IsDropped),
    ];
    prop_oneof![
        (200..600_u16).prop_map(Fate::Answer),
        prop::sample::select(kinds.to_vec()).prop_map(Fate::Fail),
        Just(Fate::DropUnpolled),
        Just(Fate::DropPending),
        Just(Fate::Panic),
        stream.prop_map(Fate::Stream),
        (0..17_u16).prop_map(Fate::TrailersOnly),
    ]
}

fn telemetry() -> Telemetry {
    let builder = Telemetry::builder("s").env([]);
    builder.log_output(io::sink()).build().unwrap()
}

fn sum(page: &str, start: &str) -> usize {
    let lines = page.lines().filter(|line| line.starts_with(start));
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
    lines.map(value).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_call_that_begins_ends_once(fates in prop::collection::vec(fate(), 0..64)) {
        let telemetry = telemetry();
        let grpc = |fate: &&Fate| matches!(fate, Fate::Stream(_) | Fate::TrailersOnly(_));
        for fate in &fates {
            run(&telemetry, *fate);
        }
        let page = telemetry.render();
        let rpc = fates.iter().filter(grpc).count();
        let http = fates.len() - rpc;
        prop_assert_eq!(sum(&page, "http_client_request_duration_seconds_count"), http, "{}", page);
        prop_assert_eq!(sum(&page, "rpc_client_duration_seconds_count"), rpc, "{}", page);
        prop_assert_eq!(sum(&page, "http_client_active_requests"), 0, "{}", page);
    }
}

#[test]
fn each_end_has_its_labels() {
    for (fate, labels) in [
        (Fate::Answer(204), vec!["code=\"204\""]),
        (
            Fate::Answer(404),
            vec!["code=\"404\"", "error_type=\"404\""],
        ),
        (
            Fate::Fail(io::ErrorKind::ConnectionRefused),
            vec!["code=\"0\"", "error_type=\"connection_refused\""],
        ),
        (Fate::DropPending, vec!["error_type=\"cancelled\""]),
        (Fate::Panic, vec!["error_type=\"_OTHER\""]),
        (
            Fate::Stream(Stream::Trailers(5)),
            vec!["rpc_service=\"p.S\"", "rpc_method=\"M\"", "code=\"5\""],
        ),
        (Fate::Stream(Stream::Ends), vec!["code=\"2\""]),
        (
            Fate::Stream(Stream::IsDropped),
            vec!["code=\"1\"", "error_type=\"cancelled\""],
        ),
        (
            Fate::Stream(Stream::Breaks),
            vec!["code=\"2\"", "error_type=\"body\""],
        ),
        (Fate::TrailersOnly(14), vec!["code=\"14\""]),
    ] {
        let telemetry = telemetry();
        run(&telemetry, fate);
        let page = telemetry.render();
        let mut counts = page.lines().filter(|line| {
            line.contains("_duration_seconds_count{") && line.contains("server_address")
        });
        let line = counts.next().unwrap_or_else(|| panic!("{page}"));
        for label in labels {
            assert!(line.contains(label), "{fate:?}: {label} not in {line}");
        }
        assert!(
            line.contains("server_address=\"host\",server_port=\"81\""),
            "{line}"
        );
        assert!(line.ends_with(" 1"), "{line}");
    }
}

#[test]
fn nothing_is_done_where_telemetry_is_suppressed() {
    let telemetry = telemetry();
    let _quiet = opentelemetry::Context::enter_telemetry_suppressed_scope();
    run(&telemetry, Fate::Answer(200));
    assert!(
        !telemetry
            .render()
            .contains("http_client_request_duration_seconds_count")
    );
}

#[test]
fn a_client_that_fails_with_a_box_is_read_through_it() {
    type BoxError = Box<dyn std::error::Error + Send + Sync>;
    let telemetry = telemetry();
    let inner = service_fn(|_: Request<()>| {
        let elapsed: BoxError = Box::new(io::Error::from(io::ErrorKind::TimedOut));
        ready(Err::<Response<Script>, BoxError>(elapsed))
    });
    let mut client = telemetry.client().boxed_errors().layer(inner);
    let mut call = pin!(client.call(Request::new(())));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_ready());
    let page = telemetry.render();
    assert!(page.contains("server_address=\"unknown\""), "{page}");
    assert!(page.contains("error_type=\"timeout\""), "{page}");
}

#[test]
fn a_client_that_cannot_fail_is_no_special_case() {
    let telemetry = telemetry();
    let inner =
        service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Script(None)))));
    let mut client = telemetry.client().server("cards", 7).layer(inner);
    let mut call = pin!(client.call(Request::new(())));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_ready());
    assert!(
        telemetry
            .render()
            .contains("server_address=\"cards\",server_port=\"7\"")
    );
}

#[test]
fn what_a_call_carries_is_chosen_by_otel_propagators() {
    use opentelemetry::baggage::BaggageExt as _;
    use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    let ids = SpanContext::new(7.into(), 8.into(), TraceFlags::SAMPLED, false, state);
    let context = opentelemetry::Context::new().with_remote_span_context(ids);
    let context = context.with_baggage([opentelemetry::KeyValue::new("tenant", "a b")]);
    let _here = context.attach();
    for (propagators, expected) in [
        ("", &["baggage", "traceparent", "tracestate"][..]),
        ("tracecontext", &["traceparent", "tracestate"]),
        ("baggage", &["baggage"]),
        ("none", &[]),
    ] {
        let builder = Telemetry::builder("s").log_output(io::sink());
        let set = ("OTEL_PROPAGATORS".to_owned(), propagators.to_owned());
        let telemetry = builder.env([set]).build().unwrap();
        let mut headers = HeaderMap::new();
        telemetry.client().inject(&mut headers);
        let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{propagators}");
        if headers.len() == 3 {
            assert_eq!(headers["baggage"], "tenant=a%20b");
            assert_eq!(headers["tracestate"], "vendor=1");
            let parent = format!("00-{:032x}-{:016x}-01", 7, 8);
            assert_eq!(headers["traceparent"], parent);
        }
    }
}
