use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use crate::client::{raw, send};
use crate::service::Service;

/// The sum over all reasons.
fn connection_errors(page: &str) -> u64 {
    let of = "plimsoll_connection_errors_total{";
    page.lines()
        .filter(|line| line.starts_with(of))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_accepts_the_page_after_every_kind_of_answer() {
    let service = Service::start(&[]);
    let address = service.address("service").await;
    let status = service.address("status").await;
    for (method, path, sent, code) in [
        ("GET", "/v1/accounts/acc_0000001/overview", "", 200),
        ("GET", "/v1/accounts/acc_0000001/cards", "", 200),
        ("GET", "/v1/cards/crd_0000001", "", 200),
        ("GET", "/v1/cards/crd_9999999", "", 404),
        ("POST", "/v1/cards/crd_0000007/activation", "", 200),
        ("POST", "/v1/transactions", "{", 400),
        ("POST", "/v1/transactions", "{}", 422),
        ("GET", "/errors/CARD-1002", "", 200),
        ("DELETE", "/v1/transactions", "", 405),
        ("GET", "/%ff%fe", "", 404),
    ] {
        let answer = send(address, method, path, sent).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{method} {path}: {answer}"
        );
    }
    let page = send(status, "GET", "/metrics", "").await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("promtool: {error}; install Debian's `prometheus` with `make tools`")
        });
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(body(&page).as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let ready = send(status, "GET", "/readyz?verbose", "").await;
    assert!(body(&ready).contains("[+]database ok"), "{ready}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hyper_refuses_is_counted_and_harms_nobody() {
    let service = Service::start(&[]);
    let address = service.address("service").await;
    let status = service.address("status").await;
    let long = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx-request-id: {}\r\n\r\n",
        "a".repeat(600_000)
    );
    let many = (0..200)
        .map(|number| format!("x-{number}: 1"))
        .collect::<Vec<_>>();
    let many = many.join("\r\n");
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n\r\n");
    for (sent, answers) in [
        (&b"\x16\x03\x01 no HTTP at all\r\n\r\n"[..], ["400", "400"]),
        (
            "GET /caf\u{e9}\u{0} HTTP/1.1\r\nhost: x\r\n\r\n".as_bytes(),
            ["400", "400"],
        ),
        (long.as_bytes(), ["431", "400"]),
        (many.as_bytes(), ["431", "400"]),
    ] {
        let answer = raw(address, sent).await;
        let code = answer.split(' ').nth(1).unwrap_or("");
        assert!(answers.contains(&code), "{answer}");
    }
    // The count follows the answer.
    let counted =
        async { while connection_errors(&send(status, "GET", "/metrics", "").await) != 4 {} };
    timeout(Duration::from_secs(30), counted).await.unwrap();
    let answer = send(address, "GET", "/v1/cards/crd_0000001", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_too_large_or_of_another_kind_are_coded_problems() {
    let service = Service::start(&[]);
    let address = service.address("service").await;
    let head = "POST /v1/transactions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let declared =
        format!("{head}content-type: application/json\r\ncontent-length: 99999999\r\n\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 3 << 20, "1".repeat(3 << 20));
    let chunked = format!(
        "{head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    let kind = format!("{head}content-type: text/plain\r\ncontent-length: 2\r\n\r\n{{}}");
    for (sent, code) in [(declared, 413), (chunked, 413), (kind, 415)] {
        let answer = raw(address, sent.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{answer:.400}"
        );
        assert!(answer.contains("application/problem+json"), "{answer:.400}");
        assert!(answer.contains("\"code\":\"PLM-"), "{answer:.400}");
    }
}
