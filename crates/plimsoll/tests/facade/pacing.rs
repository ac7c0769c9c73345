//! Both halves over real sockets: a limit, and a client that keeps to it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plimsoll::{Limit, Quota};
use tokio::task::JoinSet;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::support::{instance, metric, serve};

type Http = Client<HttpConnector, Full<Bytes>>;

/// What sixty requests of four tasks were answered with.
async fn sixty<S, B, E>(address: SocketAddr, client: S) -> Vec<StatusCode>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>, Error = E, Future: Send>
        + Clone
        + Send
        + 'static,
    E: std::fmt::Debug,
{
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..15 {
                let request = Request::get(format!("http://{address}/"));
                let request = request.body(Full::default()).unwrap();
                let answer = client.clone().oneshot(request).await;
                seen.push(answer.map(|answer| answer.status()).unwrap());
            }
            seen
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_client_that_paces_itself_sees_no_429_and_one_that_does_not_sees_many() {
    // What is not paced is done long before the two seconds that all of it takes.
    for paced in [true, false] {
        let quota = Quota::per_second(20).burst(20);
        let (plimsoll, _) = instance(|builder| builder.limit(Limit::per_client().quota(quota)));
        let app = Router::new().route("/", on_get(|| async {}));
        let address = serve(app.layer(plimsoll.layer())).await;
        let http: Http = Client::builder(TokioExecutor::new()).build_http();
        let seen = if paced {
            let layer = plimsoll.pacing().patience(Duration::from_secs(30));
            sixty(address, layer.layer(plimsoll.client().layer(http))).await
        } else {
            sixty(address, http).await
        };
        let denied = seen.iter().filter(|status| status.as_u16() == 429).count();
        assert_eq!(denied == 0, paced, "{seen:?}");
        let page = plimsoll.telemetry().render();
        let waited = metric(
            &page,
            "plimsoll_client_pacing_total",
            &["result=\"waited\""],
        );
        assert_eq!(waited > 0.0, paced, "{page}");
    }
}

/// Answers in time of forty callers that wait three tenths of a second, by rounds.
async fn impatient<S, B>(address: SocketAddr, client: S) -> Vec<usize>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>, Error: Send, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Send,
{
    let mut rounds = Vec::new();
    for _ in 0..12 {
        let mut tasks = JoinSet::new();
        for _ in 0..40 {
            let request = Request::get(format!("http://{address}/"));
            let call = client
                .clone()
                .oneshot(request.body(Full::default()).unwrap());
            tasks.spawn(async move {
                let answer = tokio::time::timeout(Duration::from_millis(300), call).await;
                matches!(answer, Ok(Ok(answer)) if answer.status() == 200)
            });
        }
        let answered = tasks.join_all().await;
        rounds.push(answered.into_iter().filter(|answered| *answered).count());
    }
    rounds
}

#[tokio::test]
async fn callers_that_give_up_leave_the_rate_to_those_that_come_after() {
    let quota = Quota::per_second(50).burst(20);
    let (plimsoll, _) = instance(|builder| builder.limit(Limit::per_client().quota(quota)));
    let app = Router::new().route("/", on_get(|| async {}));
    let address = serve(app.layer(plimsoll.layer())).await;
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let rounds = impatient(address, plimsoll.pacing().layer(http)).await;
    // Nothing left is told as nothing for a second, which is less than five rounds.
    let late: usize = rounds[6..].iter().sum();
    assert!(late >= 10, "{rounds:?}");
}
