//! The card service under the test kit's conformance suites.

use axum::Router;
use axum::http::Method;
use card_service::codes;
use plimsoll::{Ownership, Plimsoll};
use plimsoll_testkit::suite::Suite;

use crate::common::{Service, url};

/// The service as it is served, and its database, which must be in no answer.
async fn served() -> (Router, Suite, Service) {
    let service = Service::start().await;
    let builder = Plimsoll::builder("card-service").signals(Ownership::Off);
    let plimsoll = builder.env(Vec::new).build().unwrap();
    let pages = plimsoll.error_pages(&codes::catalog().unwrap());
    let app = service.router.clone().merge(pages).layer(plimsoll.layer());
    let suite = Suite::new()
        .route(Method::GET, "/v1/accounts/{id}/overview")
        .route(Method::GET, "/v1/accounts/{id}/cards")
        .route(Method::GET, "/v1/cards/{id}")
        .route(Method::POST, "/v1/cards/{id}/activation")
        .route(Method::POST, "/v1/transactions")
        .secret(&url(&service.folder));
    (app, suite, service)
}

#[tokio::test]
async fn every_failure_has_the_shape_and_its_type_leads_to_a_page() {
    let (app, suite, _service) = served().await;
    let report = suite.shape(app).await;
    report.assert();
    assert!(report.failures() > 80, "{report}");
}

#[tokio::test]
async fn no_failure_repeats_what_was_sent_or_tells_what_is_inside() {
    let (app, suite, _service) = served().await;
    suite.redaction(app).await.assert();
}

#[tokio::test]
async fn without_the_layer_the_suite_fails() {
    let (_, suite, service) = served().await;
    let report = suite.shape(service.router.clone()).await;
    let told = report.to_string();
    assert!(told.contains("is no problem"), "{told}");
    assert!(told.contains("apply the layer last"), "{told}");
}
