//! A real server over TCP, a client, and a record around each request.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file includes it and uses a part"
)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use bytes::Bytes;
use http::{Request, Response, request, response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use plimsoll_core::intern::intern;
use plimsoll_core::record::fresh_ids;
use plimsoll_core::{Ending, Open, Record, Sink};
use plimsoll_errors::catalog;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service};

/// Planted in every source error and panic; must reach no client.
pub const SECRET: &str = "postgres://root:hunter2@10.0.0.7/cards";

catalog! {
    /// Codes of the service under test.
    pub enum TestCode: "TEST" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never, title: "Card not found",
            client: "No card has this id.", support: "Ask for the number.", operator: "Nothing.",
        },
        2001 StoreDown {
            status: 503, blame: Dependency, retry: After(Duration::from_millis(1_500)),
            title: "Store unavailable", client: "Try again in a moment.",
            support: "Known.", operator: "Look at the store.",
        },
    }
}

/// A stand-in for telemetry: a record is current during each poll, and is kept
/// when the head is ready.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<Record>>>);

impl Recording {
    /// The record of the only request that was made.
    pub fn only(&self) -> Record {
        let mut records = self.0.lock().unwrap();
        assert_eq!(records.len(), 1, "one record");
        records.pop().unwrap()
    }
}

impl Sink for Recording {
    fn now(&self) -> u64 {
        1
    }
    fn finish(&self, record: Box<Record>) {
        self.0.lock().unwrap().push(*record);
    }
}

impl<S> Layer<S> for Recording {
    type Service = Recorded<S>;
    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded {
            inner,
            to: self.clone(),
        }
    }
}

#[derive(Clone)]
pub struct Recorded<S> {
    inner: S,
    to: Recording,
}

impl<S, B> Service<Request<Body>> for Recorded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RecordedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut record = Record::new(fresh_ids(true), 0);
        if let Some(path) = request.extensions().get::<MatchedPath>() {
            record.route = intern(path.as_str());
        }
        let mut open = Open::new(Box::new(record), Arc::new(self.to.clone()));
        let entered = open.enter();
        let inner = Box::pin(self.inner.call(request));
        drop(entered);
        RecordedFuture { inner, open }
    }
}

pub struct RecordedFuture<F> {
    inner: Pin<Box<F>>,
    open: Open,
}

impl<F, B, E> Future for RecordedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let polled = {
            let _entered = this.open.enter();
            this.inner.as_mut().poll(context)
        };
        let answer = ready!(polled);
        if let (Ok(response), Some(record)) = (&answer, this.open.record()) {
            record.status = response.status().as_u16();
        }
        this.open.head();
        this.open.finish(Ending::Complete);
        Poll::Ready(answer)
    }
}

/// What came back over the wire.
#[derive(Debug)]
pub struct Answer {
    pub head: response::Parts,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        Some(self.head.headers.get(name)?.to_str().unwrap())
    }

    /// The body as a problem; fails if it is none or not whole.
    pub fn problem(&self) -> serde_json::Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.head.status.as_u16());
        for key in ["type", "title", "code", "reason", "detail", "retry"] {
            assert!(problem.get(key).is_some(), "{key} in {problem}");
        }
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
        problem
    }
}

/// Serves `app` on a free port and sends it one request.
pub async fn send(app: Router, request: Request<Full<Bytes>>) -> Answer {
    let (parts, body) = request.into_parts();
    send_body(app, parts, body).await
}

/// As [`send`], with any body, for instance one of unknown length.
pub async fn send_body<B>(app: Router, parts: request::Parts, body: B) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    // Ends with the sender, by itself or with an error that the answer shows first.
    let connection = tokio::spawn(connection);
    let mut request = Request::from_parts(parts, Box::pin(body));
    let host = address.to_string().parse().unwrap();
    request.headers_mut().insert("host", host);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    drop(sender);
    let _ = connection.await.unwrap();
    server.abort();
    Answer { head, body }
}

/// A request of this method and path.
pub fn request(method: &str, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path)
}

/// An empty body.
pub fn empty() -> Full<Bytes> {
    Full::default()
}
