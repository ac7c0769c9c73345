//! From a failed request to the page that tells of it.

use http::{Request, header};
use plimsoll::errors::{Catalog, explain};
use plimsoll_testkit::http::ask;
use serde_json::Value;

use crate::client::raw;
use crate::service::Service;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_type_of_a_problem_opens_its_page_and_its_ref_is_explained() {
    let service = Service::start(&[]);
    let address = service.address("service").await;
    let control = service.address("control").await;
    let get = |path: &str, accept: &str| {
        let request = Request::get(path).header(header::ACCEPT, accept);
        ask(address, request.body("").unwrap())
    };
    let failed = get("/v1/cards/crd_9999999", "*/*").await;
    assert_eq!(failed.status(), 404);
    let problem: Value = serde_json::from_slice(failed.body()).unwrap();
    let leads_to = problem["type"].as_str().unwrap();
    assert_eq!(leads_to, "/errors/CARD-1002");

    let page = get(leads_to, "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(page.status(), 200);
    assert_eq!(
        page.headers()[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    let text = String::from_utf8(page.body().to_vec()).unwrap();
    assert!(text.contains("<h1>Card not found</h1>"), "{text}");
    assert!(
        !text.contains("last four digits"),
        "the support desk's voice: {text}"
    );
    let json: Value = serde_json::from_slice(get(leads_to, "*/*").await.body()).unwrap();
    assert_eq!(
        (&json["code"], json.get("operator")),
        (&problem["code"], None)
    );
    let list = get("/errors", "text/html").await;
    let list = String::from_utf8(list.body().to_vec()).unwrap();
    assert!(list.contains("href=\"errors/CARD-1002\""), "{list}");

    let unknown = get("/errors/CARD-9999", "text/html").await;
    assert_eq!(unknown.status(), 404);
    let unknown: Value = serde_json::from_slice(unknown.body()).unwrap();
    assert_eq!(unknown["code"], "PLM-1001");
    let head = format!("HEAD {leads_to} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let head = raw(address, head.as_bytes()).await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );

    // What the client reads out, against the catalog of the running service.
    let request = Request::get("/errors.json").body("").unwrap();
    let catalog = ask(control, request).await;
    let catalog = std::str::from_utf8(catalog.body()).unwrap();
    let catalog = Catalog::from_json(catalog).unwrap();
    let quoted = problem["ref"].as_str().unwrap().to_lowercase();
    let told = explain(&catalog, &quoted.replace('-', " ")).unwrap();
    let trace = problem["trace_id"].as_str().unwrap();
    assert!(
        told.contains("Card not found") && told.contains("last four digits"),
        "{told}"
    );
    assert!(told.contains(&trace[24..]), "{told}");
    let mistyped = quoted.replacen("1002", "1003", 1);
    let caught = explain(&catalog, &mistyped).unwrap_err().to_string();
    assert!(caught.contains("check character"), "{caught}");
}
