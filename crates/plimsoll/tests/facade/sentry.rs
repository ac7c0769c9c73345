use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use http::StatusCode;

use crate::support::{get, instance, serve};

/// Takes envelopes and hands on their texts.
fn sink() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!("http://key@{}/42", listener.local_addr().unwrap());
    let (sender, envelopes) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut text = String::new();
            let mut bytes = [0; 4_096];
            let whole = |text: &str| {
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.to_ascii_lowercase();
                let length = length
                    .split("content-length: ")
                    .nth(1)?
                    .lines()
                    .next()?
                    .parse()
                    .ok()?;
                (body.len() >= length).then_some(())
            };
            while whole(&text).is_none() {
                match stream.read(&mut bytes) {
                    Ok(read) if read > 0 => text += &String::from_utf8_lossy(&bytes[..read]),
                    _ => break,
                }
            }
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = sender.send(text);
        }
    });
    (dsn, envelopes)
}

#[tokio::test]
async fn a_failure_of_ours_is_one_event_with_its_ids_and_nothing_else_is() {
    let (dsn, envelopes) = sink();
    let (plimsoll, lines) =
        instance(|builder| builder.telemetry(|telemetry| telemetry.sentry_dsn(dsn)));
    let app = Router::new()
        .route("/ok", on_get(async || "ok"))
        .route("/theirs", on_get(async || StatusCode::BAD_REQUEST))
        .route(
            "/ours",
            on_get(async || -> StatusCode { panic!("token=s3cret") }),
        );
    let address = serve(app.layer(plimsoll.layer())).await;
    for path in ["/ok", "/theirs", "/ours"] {
        get(address, path).await;
    }
    let line = lines.requests(3).await.pop().unwrap();
    let shut = tokio::task::spawn_blocking(move || plimsoll.shutdown(Duration::from_secs(10)));
    assert!(shut.await.unwrap().holds());
    let envelope = envelopes.recv_timeout(Duration::from_secs(10)).unwrap();
    for tag in [
        "trace_id",
        "request_id",
        "code",
        "route",
        "outcome",
        "blame",
    ] {
        let part = format!("\"{tag}\":{}", line[tag]);
        assert!(envelope.contains(&part), "{part} not in {envelope}");
    }
    assert!(!envelope.contains("s3cret"), "{envelope}");
    assert!(envelopes.try_recv().is_err(), "one failure, one event");
}
