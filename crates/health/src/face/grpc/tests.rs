use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use plimsoll_core::Clock;
use tower::ServiceExt;

use super::wire::Told;
use super::{GrpcHealth, GrpcServiceError, MAX_REQUEST};
use crate::Health;

fn health() -> Health {
    let (clock, _) = Clock::manual();
    Health::builder().clock(clock).build().unwrap()
}

fn request(method: &str, name: &str) -> Request<Full<Bytes>> {
    let mut message = vec![0, 0, 0, 0, name.len() as u8 + 2, 0x0a, name.len() as u8];
    message.extend(name.bytes());
    let request = Request::post(format!("/grpc.health.v1.Health/{method}"));
    let request = request.header("content-type", "application/grpc+proto");
    request.body(Full::from(message)).unwrap()
}

/// The status code, and the message if there is one.
async fn ask(health: &Health, request: Request<Full<Bytes>>) -> (u8, Bytes) {
    let service = GrpcHealth::new(health.clone());
    let answer = service.oneshot(request).await.unwrap();
    let early = answer.headers().get("grpc-status").cloned();
    let body = answer.into_body().collect().await.unwrap();
    let late = body.trailers().and_then(|map| map.get("grpc-status"));
    let status = early.as_ref().or(late).unwrap();
    let status = status.to_str().unwrap().parse().unwrap();
    (status, body.to_bytes())
}

#[tokio::test]
async fn what_is_no_proper_call_is_told_so_by_its_status() {
    let health = health();
    assert_eq!(ask(&health, request("Check", "none")).await.0, 5);
    assert_eq!(ask(&health, request("Reset", "")).await.0, 12);
    let with = |bytes: &[u8]| request("Check", "").map(|_| Full::from(bytes.to_vec()));
    for (body, status) in [
        (&b"\0\0\0\0\x09"[..], 3),
        (b"\x01\0\0\0\0", 12),
        (&[0; MAX_REQUEST + 1], 8),
    ] {
        assert_eq!(ask(&health, with(body)).await.0, status);
    }
    let mut plain = request("Check", "");
    plain.headers_mut().remove("content-type");
    let answer = GrpcHealth::new(health).oneshot(plain).await.unwrap();
    assert_eq!(answer.status(), 415);
}

#[tokio::test]
async fn the_list_has_every_name_and_a_service_can_stand_back() {
    let health = health();
    let cards = health.grpc_service("cards.v1.Cards").unwrap();
    cards.serving(false);
    let (status, list) = ask(&health, request("List", "")).await;
    assert_eq!(status, 0);
    let list = String::from_utf8_lossy(&list).into_owned();
    for name in ["livez", "readyz", "startupz", "cards.v1.Cards"] {
        assert!(list.contains(name), "{list}");
    }
    assert_eq!(health.serving("cards.v1.Cards"), Some(Told::NotServing));
    assert_eq!(health.serving(""), Some(Told::Serving));
}

#[test]
fn names_are_bounded() {
    let health = health();
    for bad in ["", "livez", &"n".repeat(257)] {
        let refused = health.grpc_service(bad).unwrap_err();
        assert_eq!(refused, GrpcServiceError::Name, "{bad}");
    }
    for number in 0..256 {
        health.grpc_service(&format!("service{number}")).unwrap();
    }
    let refused = health.grpc_service("more").unwrap_err();
    assert_eq!(refused, GrpcServiceError::TooMany);
    assert!(health.grpc_service("service0").is_ok(), "found again");
}

#[tokio::test(start_paused = true)]
async fn a_stream_costs_a_place_until_it_is_dropped_and_too_many_are_counted() {
    let health = health();
    let mut open = Vec::new();
    for _ in 0..1_024 {
        let service = GrpcHealth::new(health.clone());
        open.push(service.oneshot(request("Watch", "")).await.unwrap());
    }
    assert_eq!(ask(&health, request("Watch", "")).await.0, 8);
    assert_eq!((health.watches(), health.watches_refused()), (1_024, 1));
    drop(open);
    assert_eq!(health.watches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_every_stream_and_ends_it() {
    let health = health();
    let service = GrpcHealth::new(health.clone());
    let answer = service.oneshot(request("Watch", "")).await.unwrap();
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, Told::Serving.message());
    health.drain().begin(Duration::from_secs(9));
    let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(second, Told::NotServing.message());
    let last = body.frame().await.unwrap().unwrap();
    assert_eq!(last.trailers_ref().unwrap()["grpc-status"], "14");
    assert!(body.frame().await.is_none());
    assert_eq!(health.serving("livez"), Some(Told::Serving));
}
