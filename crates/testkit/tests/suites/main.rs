//! The suites pass on a service with the layer and fail, by name, on what is wrong
//! with one without.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a failure is the answer"
)]

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{Json, Path, Query};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{Method, Request, StatusCode};
use plimsoll::Plimsoll;
use plimsoll::errors::{Catalog, Fault};
use plimsoll_testkit::suite::{Report, RequestBody, Suite, redaction_suite, shape_suite};

const SECRET: &str = "tok_live_51H";

fn routes() -> Router {
    Router::new()
        .route(
            "/cards/{id}",
            get(async |_: Path<u64>, _: Query<Vec<(String, u8)>>| "a card"),
        )
        .route(
            "/cards/{id}/limit",
            post(async |_: Path<u64>, _: Json<u32>| "set"),
        )
        .route("/panics", get(async || panic!("{SECRET}") as ()))
        .route("/uncoded", get(async || uncoded()))
}

fn uncoded() -> Result<(), Fault> {
    Err(Fault::uncoded(&std::io::Error::other(SECRET)))
}

fn suite() -> Suite {
    Suite::new()
        .route(Method::GET, "/cards/{id}")
        .route(Method::POST, "/cards/{id}/limit")
        .route(Method::GET, "/panics")
        .route(Method::GET, "/uncoded")
        .secret(SECRET)
}

fn layered(routes: Router) -> Router {
    let plimsoll = Plimsoll::builder("suites").env(Vec::new).build().unwrap();
    let pages = plimsoll.error_pages(&Catalog::of(&[]).unwrap());
    routes.merge(pages).layer(plimsoll.layer())
}

fn told(report: &Report) -> String {
    report.to_string()
}

#[tokio::test]
async fn a_service_with_the_layer_passes_both() {
    let report = suite().shape(layered(routes())).await;
    report.assert();
    assert!(report.failures() > 60, "{report}");
    let report = suite().redaction(layered(routes())).await;
    report.assert();
    assert!(report.failures() > 60, "{report}");
    shape_suite(layered(Router::new())).await.assert();
    redaction_suite(layered(Router::new())).await.assert();
}

#[tokio::test]
async fn a_router_without_the_layer_fails_and_is_told_where_and_how_to_mend_it() {
    let bare = routes().route("/leaks", get(async || leak()));
    let suite = suite().route(Method::GET, "/leaks");
    let report = suite.shape(bare.clone()).await;
    for part in [
        "GET /no-such-path/",
        "(no such path): status 404",
        "is no problem",
        "apply the layer last",
        "a panic came out of the service: tok_live_51H",
        "a gRPC call failed with HTTP 404",
    ] {
        assert!(told(&report).contains(part), "{part}: {report}");
    }
    let report = suite.redaction(bare).await;
    for part in [
        "(a bad parameter): the answer repeats a value that was sent",
        "the answer has the secret number 1",
        "the answer has the address of a database",
        "`Display` and sources are logged",
    ] {
        assert!(told(&report).contains(part), "{part}: {report}");
    }
    assert!(!told(&report).contains(SECRET), "{report}");
}

fn leak() -> Response {
    let words = format!("postgres://db refused {SECRET}");
    (StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
}

#[tokio::test]
async fn pages_that_are_not_served_are_a_fault() {
    let plimsoll = Plimsoll::builder("suites").env(Vec::new).build().unwrap();
    let report = shape_suite(Router::new().layer(plimsoll.layer())).await;
    assert!(
        told(&report).contains("which the service does not serve"),
        "{report}"
    );
    assert!(told(&report).contains("error_pages"), "{report}");
}

#[tokio::test]
async fn a_format_of_the_services_own_is_left_alone_where_it_is_named() {
    let app = || layered(routes().route("/v0", get(async || (StatusCode::CONFLICT, "old"))));
    let named = suite().route(Method::GET, "/v0");
    assert!(!named.shape(app()).await.faults().is_empty());
    let report = named.own_format("/v0").shape(app()).await;
    // A wrong method there is axum's failure and has the shape, but need not.
    report.assert();
}

#[tokio::test]
async fn a_service_that_never_fails_shows_nothing_and_does_not_pass() {
    let fine = tower::service_fn(async |_: Request<RequestBody>| -> Result<_, Infallible> {
        Ok(Response::new(Body::empty()))
    });
    let report = shape_suite(fine).await;
    assert!(report.faults().is_empty());
    let failed = std::panic::catch_unwind(|| report.assert());
    assert!(failed.is_err(), "no data is not a pass");
}
