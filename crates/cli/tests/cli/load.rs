//! `load run` against a service with the one layer.

use std::path::Path;

use axum::extract::Path as Segment;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use plimsoll::Plimsoll;
use serde_json::Value;

use crate::common::{code, err, out, run};

/// Addresses of a service under load, and of its metrics.
struct Service {
    url: String,
    metrics: String,
    // Its threads end with it.
    _runtime: tokio::runtime::Runtime,
}

fn service() -> Service {
    let plimsoll = Plimsoll::builder("shop")
        .env(Vec::new)
        .telemetry(|telemetry| telemetry.log_output(std::io::sink()))
        .build()
        .unwrap();
    let item = |Segment(id): Segment<u32>| async move {
        if id == 500 {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(format!("item {id}"))
    };
    let app = Router::new()
        .route("/items/{id}", get(item))
        .layer(plimsoll.layer());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listen = |router: Router| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await });
            format!("http://{address}")
        })
    };
    Service {
        url: listen(app),
        metrics: format!("{}/metrics", listen(plimsoll.status_router())),
        _runtime: runtime,
    }
}

fn slo(folder: &Path) -> String {
    let path = folder.join("slo.yaml");
    let text = plimsoll_slo::EXAMPLE
        .replace("requests_total", "plimsoll_requests_total")
        .replace("0.999", "0.9");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn one_address_is_loaded_and_the_verdict_is_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let slo = slo(folder.path());
    let service = service();
    for (id, route, exit, verdict) in [
        ("7", Some("/items/{id}"), 0, "PASS"),
        ("500", Some("/items/{id}"), 1, "FAIL"),
        // Client and service tell of different routes.
        ("7", None, 4, "INVALID"),
    ] {
        let url = format!("{}/items/{id}", service.url);
        let mut arguments = vec!["load", "run", "--url", &url, "--metrics", &service.metrics];
        arguments.extend([
            "--slo", &slo, "--rate", "100", "--for", "1s", "--quiet", "--format", "json",
        ]);
        if let Some(route) = route {
            arguments.extend(["--route", route]);
        }
        let output = run(&arguments);
        assert_eq!(code(&output), exit, "{}{}", out(&output), err(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verdict"], verdict);
    }
}

#[test]
fn what_cannot_be_loaded_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let slo = slo(folder.path());
    for (url, slo, told) in [
        ("http://127.0.0.1:1/", slo.as_str(), "Connection refused"),
        ("https://127.0.0.1/", &slo, "is not an http address"),
        ("http://127.0.0.1:1/", "no/such.yaml", "cannot be read"),
    ] {
        let output = run(&[
            "load",
            "run",
            "--url",
            url,
            "--metrics",
            "http://127.0.0.1:1/metrics",
            "--slo",
            slo,
        ]);
        assert_eq!(code(&output), 2, "{}", err(&output));
        assert!(err(&output).contains(told), "{told}: {}", err(&output));
    }
}
