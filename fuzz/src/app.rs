//! A service with every way to fail that needs no other service.

use std::io;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Form, Json, Path, Query};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Extension, Router};
use http::StatusCode;
use plimsoll::errors::{Code, Coded, Fault, Shape};
use plimsoll::{Plimsoll, catalog};
use serde::Deserialize;

/// The message of every panic of a handler.
pub(crate) const PLANTED: &str = "postgres://root:hunter2@10.0.0.7/cards";

/// What the application answers itself.
pub(crate) const OWN: &str = r#"{"own":1}"#;
/// What a layer that knows nothing of the shape answers.
pub(crate) const FOREIGN: &str = "no origin";

catalog! {
    /// Codes of the service that is fuzzed.
    pub(crate) enum FuzzCode: "FUZZ" {
        1001 NoCard {
            status: 404, blame: Client, retry: Never, title: "No card",
            client: "No card has this id.", support: "Ask for the number.", operator: "Nothing.",
        },
        2001 StoreDown {
            status: 503, blame: Dependency, retry: After(Duration::from_millis(1_500)),
            title: "Store unavailable", client: "Try again in a moment.",
            support: "Known.", operator: "Look at the store.",
        },
    }
}

#[derive(Debug)]
struct StoreError(String);

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PLANTED} refused {}", self.0)
    }
}

impl std::error::Error for StoreError {}

impl Coded for StoreError {
    fn code(&self) -> &'static Code {
        if self.0.len() % 2 == 0 {
            FuzzCode::NoCard.code()
        } else {
            FuzzCode::StoreDown.code()
        }
    }
}

#[derive(Deserialize)]
struct Card {
    #[serde(rename = "number")]
    _number: u32,
    #[serde(rename = "tags", default)]
    _tags: Vec<String>,
}

#[derive(Clone)]
struct Absent;

fn routes() -> Router {
    Router::new()
        .route("/json", any(async |_: Json<Card>| ()))
        .route("/form", any(async |_: Form<Card>| ()))
        .route("/query", any(async |_: Query<Card>| ()))
        .route("/path/{id}", any(async |_: Path<u8>| ()))
        .route("/text", any(async |_: String| ()))
        .route("/bytes", any(async |_: Bytes| ()))
        .route("/extension", any(async |_: Extension<Absent>| ()))
        .route("/get", axum::routing::get(async || ()))
        .route(
            "/panic",
            any(async || -> () { std::panic::panic_any(PLANTED) }),
        )
        .route(
            "/coded",
            any(async |text: String| Err::<(), Fault>(StoreError(text).into())),
        )
        .route(
            "/own",
            any(async || {
                (
                    StatusCode::CONFLICT,
                    [("content-type", "application/json")],
                    OWN,
                )
            }),
        )
        .route(
            "/foreign",
            any(async || (StatusCode::BAD_GATEWAY, FOREIGN).into_response()),
        )
        .layer(DefaultBodyLimit::max(64))
}

/// The service, once for each shape.
pub(crate) struct Apps {
    ours: Router,
    all: Router,
}

impl Apps {
    pub(crate) fn new() -> Self {
        let app = |shape| {
            let plimsoll = Plimsoll::builder("fuzz")
                .env(Vec::new)
                .errors(|errors| errors.shape(shape).body_limit(Some(256)))
                .telemetry(|telemetry| telemetry.log_output(io::sink()))
                .build();
            // Faults in settings are warnings and none are made here.
            let plimsoll = plimsoll.expect("an instance");
            routes().layer(plimsoll.layer()).with_state(())
        };
        Self {
            ours: app(Shape::Ours),
            all: app(Shape::All),
        }
    }

    pub(crate) fn of(&self, all: bool) -> &Router {
        if all { &self.all } else { &self.ours }
    }
}
