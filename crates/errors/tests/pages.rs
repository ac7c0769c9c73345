//! The pages that `type` points to.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use axum::Router;
use http::Request;
use plimsoll_errors::{Catalog, ErrorsLayer};
use support::{Answer, SECRET, TestCode, empty, request, send};

fn app() -> Router {
    let catalog = Catalog::of(&[TestCode::ALL]).unwrap();
    catalog.router().layer(ErrorsLayer::new())
}

async fn open(path: &str, accept: &str) -> Answer {
    let request: Request<_> = request("GET", path)
        .header("accept", accept)
        .body(empty())
        .unwrap();
    send(app(), request).await
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_gets_json_both_in_the_clients_voice() {
    let page = open("/errors/TEST-1001", "text/html,*/*;q=0.8").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("Card not found") && text.contains("No card has this id."));
    assert!(
        !text.contains("Ask for the number."),
        "the support desk's voice"
    );

    let json = open("/errors/test-1001", "*/*").await;
    assert_eq!(json.header("vary"), Some("accept"));
    let read: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(read["code"], "TEST-1001");
    assert_eq!(read.get("support"), None);
}

#[tokio::test]
async fn the_list_has_the_services_codes_and_plimsolls_own() {
    let list = open("/errors", "*/*").await;
    let read: serde_json::Value = serde_json::from_slice(&list.body).unwrap();
    let codes: Vec<_> = read["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| &code["code"])
        .collect();
    assert!(codes.contains(&&"TEST-2001".into()) && codes.contains(&&"PLM-5001".into()));
}

#[tokio::test]
async fn an_unknown_code_is_a_coded_404() {
    let answer = open(
        &format!("/errors/{}", SECRET.replace([':', '/', '@'], "-")),
        "*/*",
    )
    .await;
    assert_eq!(answer.problem()["code"], "PLM-1001");
}
