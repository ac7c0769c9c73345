use plimsoll::{Check, Plimsoll};

use crate::support::{ask, get, instance, raw, serve, status};

#[tokio::test]
async fn the_status_listener_tells_and_changes_nothing() {
    let check = Check::new("database", async || {
        Err::<(), _>("postgres://user:pass@db is away")
    });
    let (plimsoll, _) = instance(|builder| builder.readiness(check));
    let status_address = serve(plimsoll.status_router()).await;
    assert_eq!(status(&get(status_address, "/livez").await), 200);
    let ready = get(status_address, "/readyz?verbose").await;
    assert_eq!(status(&ready), 503, "{ready}");
    assert!(
        ready.contains("[-]database") && !ready.contains("pass"),
        "{ready}"
    );
    let page = get(status_address, "/metrics").await;
    assert!(
        page.contains("text/plain; version=0.0.4; charset=utf-8"),
        "{page:.300}"
    );
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        for path in ["/rollout", "/metrics", "/ledger", "/faults"] {
            let answer = ask(status_address, method, path).await;
            assert!(
                matches!(status(&answer), 404 | 405),
                "{method} {path}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn with_a_token_nobody_else_comes_into_control() {
    let (plimsoll, _) = instance(|builder| builder.control_token("s3cret"));
    let control = serve(plimsoll.control_router()).await;
    for (header, code) in [
        ("x-none: 1", 401),
        ("authorization: Bearer wrong1", 401),
        ("authorization: Basic s3cret", 401),
        ("authorization: Bearer s3cret", 200),
    ] {
        let request = format!(
            "GET /rollout HTTP/1.1\r\nhost: control.example\r\n{header}\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(status(&raw(control, &request).await), code, "{header}");
    }
}

#[tokio::test]
async fn an_open_control_listener_is_refused_with_what_to_do() {
    let (plimsoll, _) = instance(|builder| builder.control("0.0.0.0:0".parse().ok()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = plimsoll
        .serve(listener, axum::Router::new())
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("PLIMSOLL_CONTROL_TOKEN"),
        "{error}"
    );
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (plimsoll, _) = instance(|builder| builder.status(taken.local_addr().ok()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = plimsoll
        .serve(listener, axum::Router::new())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("PLIMSOLL_STATUS"), "{error}");
}

#[test]
fn a_handle_can_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Plimsoll>();
}
