//! What a gRPC client reads of a failure, read by tonic and not by us.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::Request;
use plimsoll_core::Record;
use plimsoll_errors::{ErrorsLayer, Fault, FieldFault, PlmCode, Public, PublicText, public};
use proptest::prelude::*;
use support::{Recording, SECRET, TestCode};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::ServiceExt;

async fn fails(layer: ErrorsLayer, fault: Fault) -> (Status, ErrorDetails, Record) {
    let recording = Recording::default();
    let app = Router::new()
        .route("/test.Cards/Get", post(async move || Err::<(), _>(fault)))
        .layer(layer)
        .layer(recording.clone());
    let request = Request::post("/test.Cards/Get").header("content-type", "application/grpc");
    let request = request.body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let status = Status::from_header_map(answer.headers()).unwrap();
    let details = status.check_error_details().unwrap();
    (status, details, recording.only())
}

#[tokio::test]
async fn a_grpc_client_reads_reason_domain_ids_and_when_to_retry() {
    let fault = Fault::new(TestCode::StoreDown).with_cause(SECRET);
    let (status, details, record) = fails(ErrorsLayer::new().domain("cards"), fault).await;
    assert_eq!(status.code(), Code::Unavailable);
    let info = details.error_info().unwrap();
    assert_eq!((&*info.reason, &*info.domain), ("STORE_DOWN", "cards"));
    let said = |key: &str| info.metadata[key].as_str();
    assert_eq!((said("code"), said("retry")), ("TEST-2001", "after"));
    assert_eq!(said("ref"), record.reference.as_deref().unwrap());
    assert_eq!(said("request_id"), record.ids.request_id.as_str());
    assert_eq!(said("trace_id"), record.ids.trace_id.to_string());
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(wait.as_millis(), 1_500);
    assert!(
        status
            .message()
            .starts_with("Try again in a moment. [TEST-2001-")
    );
    assert!(!format!("{status:?}").contains("hunter2"));
}

#[tokio::test]
async fn wrong_fields_are_told_as_a_bad_request_and_no_retry_is_promised() {
    let mut fault = Fault::new(PlmCode::JsonMismatch);
    fault.fields = vec![FieldFault {
        pointer: "/amount/minor".into(),
        detail: "must be more than 0".into(),
    }];
    let (status, details, _) = fails(ErrorsLayer::new(), fault).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(details.error_info().unwrap().domain, "PLM");
    assert!(details.retry_info().is_none());
    let fields = &details.bad_request().unwrap().field_violations;
    assert_eq!(fields[0].field, "/amount/minor");
    assert_eq!(fields[0].description, "must be more than 0");
}

/// A text by way of a type that says it is public.
fn public(text: &str) -> PublicText {
    struct Shown<'a>(&'a str);
    impl std::fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Public for Shown<'_> {}
    let shown = Shown(text);
    public!("{shown}")
}

#[tokio::test]
async fn however_many_fields_are_wrong_the_headers_stay_under_8_kib() {
    let mut fault = Fault::new(PlmCode::JsonMismatch).with_detail(public(&"%".repeat(5_000)));
    let field = FieldFault {
        pointer: public(&"/é".repeat(300)),
        detail: public(&"ü".repeat(3_000)),
    };
    fault.fields = vec![field; 1_000];
    let (status, details, _) = fails(ErrorsLayer::new(), fault).await;
    let fields = &details.bad_request().unwrap().field_violations;
    assert!(!fields.is_empty());
    let all = status.message().len() * 3 + status.details().len() * 4 / 3;
    assert!(all < 8_000, "{all}");
}

proptest! {
    #[test]
    fn whatever_is_told_reads_back(
        detail in "\\PC{0,60}",
        fields in proptest::collection::vec(("\\PC{0,20}", "\\PC{0,20}"), 0..4),
        millis in 0_u64..10_000_000,
    ) {
        let wait = std::time::Duration::from_millis(millis);
        let mut fault = Fault::new(TestCode::CardNotFound).with_retry_after(wait);
        fault = fault.with_detail(public(&detail));
        fault.fields = fields.into_iter().map(|(pointer, detail)| FieldFault {
            pointer: public(&pointer),
            detail: public(&detail),
        }).collect();
        let count = fault.fields.len();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (status, details, _) = runtime.block_on(fails(ErrorsLayer::new(), fault));
        prop_assert_eq!(status.code(), Code::NotFound);
        prop_assert_eq!(details.retry_info().unwrap().retry_delay, Some(wait));
        let told = details.bad_request().map_or(0, |it| it.field_violations.len());
        prop_assert_eq!(told, count);
    }
}
