//! A service that fails in every way; what must stay inside is planted in each.

use std::convert::Infallible;
use std::fmt;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Form, Json, Path, Query, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use http::{StatusCode, header};
use plimsoll::errors::{Code, Coded, Fault, Passthrough, PlmCode};

/// A database's address, a path and a token: in every source error, in no answer.
pub(super) const PLANTED: [&str; 3] = [
    "postgres://cards:hunter2@db.internal/cards",
    "/srv/cards/secret.toml",
    "tok_live_51Hplanted",
];

pub(super) fn planted() -> String {
    PLANTED.join(" ")
}

plimsoll::catalog! {
    /// Codes of the service under test.
    pub(super) enum ShopCode: "SHOP" {
        1001 CardNotFound {
            status: 404, blame: Client, retry: Never, title: "Card not found",
            client: "No card has this id.", support: "Ask for the number.", operator: "Nothing.",
        },
        2001 StoreDown {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(2)),
            title: "Store unavailable", client: "Try again in a moment.",
            support: "Known.", operator: "Look at the store.",
        },
    }
}

/// An error whose source says what nobody outside may know.
#[derive(Debug)]
struct Inner(std::io::Error, &'static Code);

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("while reading a card")
    }
}

impl std::error::Error for Inner {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Coded for Inner {
    fn code(&self) -> &'static Code {
        self.1
    }
}

fn failing(code: &'static Code) -> Fault {
    Inner(std::io::Error::other(planted()), code).into()
}

fn coded(code: &'static Code) -> Result<(), Fault> {
    Err(failing(code))
}

async fn uncoded() -> Result<(), Fault> {
    Err(Fault::uncoded(&std::io::Error::other(planted())))
}

/// A type whose name must not be told either.
#[derive(Clone)]
struct SecretPool;

#[derive(serde::Deserialize)]
struct Card {
    #[serde(rename = "number")]
    _number: u32,
}

/// Panics before there is a future.
fn panicking(_: http::Request<Body>) -> std::future::Ready<Result<Response, Infallible>> {
    panic!("{}", planted())
}

/// Who has no token is sent away, as an authentication layer would.
async fn auth(request: Request, next: Next) -> Response {
    let said = request.headers().get(header::AUTHORIZATION);
    match said.map(http::HeaderValue::as_bytes) {
        Some(b"Bearer good") => next.run(request).await,
        Some(_) => failing(PlmCode::Forbidden.code()).into_response(),
        None => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"cards\"")];
            (challenge, failing(PlmCode::Unauthenticated.code())).into_response()
        }
    }
}

/// As a layer for idempotency keys would answer.
async fn keyed(request: Request) -> Result<(), Fault> {
    let key = request.headers().get("idempotency-key");
    Err(failing(match key.map(http::HeaderValue::as_bytes) {
        None => PlmCode::IdempotencyKeyMissing.code(),
        Some(b"running") => PlmCode::IdempotencyKeyInUse.code(),
        Some(_) => PlmCode::IdempotencyKeyReused.code(),
    }))
}

pub(super) fn router() -> Router {
    let guarded = Router::new().route("/guarded", get(async || "ok"));
    let bad_gateway = StatusCode::BAD_GATEWAY;
    Router::new()
        .route("/fine", get(async || "ok"))
        .route("/limited", get(async || "ok"))
        .route("/hangs", get(std::future::pending::<()>))
        .route("/json", post(async |_: Json<Card>| ()))
        .route("/form", any(async |_: Form<Card>| ()))
        .route("/query", get(async |_: Query<Card>| ()))
        .route("/path/{id}", get(async |_: Path<u32>| ()))
        .route("/bytes", post(async |_: Bytes| ()))
        .route("/text", post(async |_: String| ()))
        .route("/extension", get(async |_: Extension<SecretPool>| ()))
        .route("/panic", get(async || panic!("{}", planted()) as ()))
        .route_service("/panic-in-call", tower::service_fn(panicking))
        .route("/store", get(async || coded(ShopCode::StoreDown.code())))
        .route("/card", get(async || coded(ShopCode::CardNotFound.code())))
        .route("/uncoded", get(uncoded))
        .route("/keyed", post(keyed))
        .merge(guarded.route_layer(from_fn(auth)))
        .route(
            "/own",
            get(async || own(Json(serde_json::json!({ "own": 1 })))),
        )
        .route("/foreign", get(async move || (bad_gateway, planted())))
        .route("/empty", get(async || StatusCode::NOT_FOUND))
        .route(
            "/passed",
            get(async move || (bad_gateway, Extension(Passthrough), "origin")),
        )
        .layer(DefaultBodyLimit::max(512))
}

fn own(body: impl IntoResponse) -> Response {
    (StatusCode::CONFLICT, body).into_response()
}
