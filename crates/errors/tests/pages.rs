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
use http::{Request, StatusCode};
use plimsoll_errors::{Catalog, ErrorsLayer};
use support::{Answer, SECRET, TestCode, empty, request, send};

fn app() -> Router {
    let catalog = Catalog::of(&[TestCode::ALL]).unwrap();
    catalog.router().layer(ErrorsLayer::new())
}

async fn open(path: &str, accept: &str) -> Answer {
    ask("GET", path, &[("accept", accept)]).await
}

async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request: Request<_> = request.body(empty()).unwrap();
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

#[tokio::test]
async fn the_list_is_a_page_for_a_browser_with_a_link_to_each_code() {
    let page = open("/errors", "text/html").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("href=\"errors/TEST-1001\""), "{text}");
    assert!(page.header("content-security-policy").is_some());
}

#[tokio::test]
async fn pages_are_cached_and_asked_for_again_by_their_tag() {
    for path in ["/errors", "/errors/TEST-1001"] {
        let first = open(path, "text/html").await;
        assert_eq!(first.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(first.header("vary"), Some("accept"));
        let tag = first.header("etag").unwrap();
        let html = ("accept", "text/html");
        for known in [tag, &format!("\"other\", W/{tag}"), "*"] {
            let again = ask("GET", path, &[html, ("if-none-match", known)]).await;
            assert_eq!(
                (again.head.status, again.body.len()),
                (StatusCode::NOT_MODIFIED, 0)
            );
            assert_eq!(again.header("etag"), Some(tag));
        }
        // The other form is another page.
        let json = ask("GET", path, &[("if-none-match", tag)]).await;
        assert_eq!(json.head.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    for path in ["/errors", "/errors/TEST-1001"] {
        let get = open(path, "text/html").await;
        let head = ask("HEAD", path, &[("accept", "text/html")]).await;
        assert_eq!((head.head.status, head.body.len()), (StatusCode::OK, 0));
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
        let length = get.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
    }
}
