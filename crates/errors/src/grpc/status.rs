//! `google.rpc.Status` with its details, as `grpc-status-details-bin` carries it.
//!
//! The messages are those of googleapis' `google/rpc/{status,error_details}.proto`
//! and protobuf's `any.proto` and `duration.proto`; the numbers are their fields'.

use http::HeaderValue;

use super::wire::{Message, base64};
use crate::Problem;

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// Most bytes of wrong fields: gRPC clients take 8 KiB of headers by default.
const FIELDS_BYTES: usize = 3_072;

/// The value of `grpc-status-details-bin`.
pub(crate) fn details(problem: &Problem, domain: &str, message: &str) -> Option<HeaderValue> {
    let mut status = Message::with_capacity(512);
    status.number(1, problem.grpc.number().into());
    status.text(2, message);
    status.message(3, &any(ERROR_INFO, &error_info(problem, domain)));
    if let Some(wait) = problem.retry_after {
        let mut duration = Message::with_capacity(16);
        duration.number(1, wait.as_secs());
        duration.number(2, wait.subsec_nanos().into());
        let mut info = Message::with_capacity(20);
        info.message(1, &duration);
        status.message(3, &any(RETRY_INFO, &info));
    }
    if !problem.fields.is_empty() {
        status.message(3, &any(BAD_REQUEST, &bad_request(problem)));
    }
    // Base64 is always a header value.
    HeaderValue::try_from(base64(status.bytes())).ok()
}

fn any(url: &str, message: &Message) -> Message {
    let mut any = Message::with_capacity(url.len() + message.bytes().len() + 8);
    any.text(1, url);
    any.message(2, message);
    any
}

fn error_info(problem: &Problem, domain: &str) -> Message {
    let code = problem.code;
    let mut info = Message::with_capacity(256);
    info.text(1, code.reason);
    info.text(
        2,
        if domain.is_empty() {
            code.prefix
        } else {
            domain
        },
    );
    let mut metadata = |key: &str, value: &str| {
        let mut entry = Message::with_capacity(key.len() + value.len() + 4);
        entry.text(1, key);
        entry.text(2, value);
        info.message(3, &entry);
    };
    metadata("code", code.id);
    metadata("retry", code.retry.as_str());
    if let Some(ids) = &problem.ids {
        metadata("request_id", ids.request_id.as_str());
        metadata("trace_id", &ids.trace_id.to_string());
    }
    if let Some(reference) = &problem.reference {
        metadata("ref", reference);
    }
    info
}

/// As many wrong fields as fit.
fn bad_request(problem: &Problem) -> Message {
    let mut all = Message::with_capacity(128);
    for field in &problem.fields {
        let mut one = Message::with_capacity(64);
        one.text(1, field.pointer.as_str());
        one.text(2, field.detail.as_str());
        if all.bytes().len() + one.bytes().len() > FIELDS_BYTES {
            break;
        }
        all.message(1, &one);
    }
    all
}
