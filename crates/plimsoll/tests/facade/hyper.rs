use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use plimsoll::{Limit, Quota, Route};
use tokio::net::TcpListener;
use tower::{Layer, ServiceBuilder};

use crate::support::{get, instance, metric, status};

#[tokio::test]
async fn the_layer_stands_around_a_plain_hyper_service() {
    let quota = Quota::per_hour(1).burst(2);
    let (plimsoll, lines) = instance(|builder| {
        builder.limit(
            Limit::by(|_| Some(plimsoll::Key::Number(1)))
                .named("all")
                .quota(quota),
        )
    });
    let inner = tower::service_fn(async |request: Request<Incoming>| {
        assert!(request.uri().path() != "/panic", "on purpose");
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("plain"))))
    });
    // Without a router the service says itself which template it is.
    let service = ServiceBuilder::new()
        .map_request(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Route("/plain"));
            request
        })
        .service(plimsoll.layer().layer(inner));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    for (path, code, outcome) in [
        ("/", 200, "success"),
        ("/panic", 500, "panic"),
        ("/", 429, "refused"),
    ] {
        let answer = get(address, path).await;
        assert_eq!(status(&answer), code, "{answer}");
        let limited = answer.contains("ratelimit: ");
        assert!(limited || outcome == "panic", "{answer}");
        if code != 200 {
            assert!(answer.contains("application/problem+json"), "{answer}");
        }
        let count = metric(
            &plimsoll.telemetry().render(),
            "plimsoll_requests_total",
            &[outcome, "/plain"],
        );
        assert_eq!(count as u64, 1, "{outcome}");
    }
    let lines = lines.requests(3).await;
    assert_eq!(lines[2]["slo"], "excluded", "{}", lines[2]);
    assert_eq!(lines[2]["decision"], "deny");
}
