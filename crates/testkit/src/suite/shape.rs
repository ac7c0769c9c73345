//! Whether a failure has the shape.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header};
use serde_json::Value;

use super::report::Report;
use super::requests::Case;

const PROBLEM: &str = "application/problem+json";
const SHAPE: &str =
    "return a `Fault` or a coded error, apply the layer last, or set shape = \"all\"";
const LAYER: &str = "an inner layer writes over what the errors layer says: apply the layer last";

/// What of the request the judge must know.
pub(super) struct Asked {
    pub(super) path: String,
    head: bool,
    grpc: bool,
}

impl Asked {
    pub(super) fn of(case: &Case) -> Self {
        let request = &case.request;
        Self {
            path: request.uri().path().into(),
            head: request.method() == Method::HEAD,
            grpc: said(request.headers(), "content-type") == "application/grpc",
        }
    }
}

/// A header's text; empty when it is not there.
fn said<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or("")
}

fn grpc_status(answer: &Response<Bytes>) -> &str {
    said(answer.headers(), "grpc-status")
}

pub(super) fn is_failure(asked: &Asked, answer: &Response<Bytes>) -> bool {
    let grpc = asked.grpc && !matches!(grpc_status(answer), "" | "0");
    grpc || answer.status().as_u16() >= 400
}

pub(super) fn judge(place: &str, asked: &Asked, answer: &Response<Bytes>, report: &mut Report) {
    if asked.head {
        report.want(answer.body().is_empty(), place, || {
            ("the answer to HEAD has a body".into(), LAYER)
        });
    }
    if asked.grpc {
        return grpc(place, answer, report);
    }
    let status = answer.status();
    let headers = answer.headers();
    let kind = said(headers, "content-type");
    if kind != PROBLEM {
        let body = String::from_utf8_lossy(answer.body())
            .chars()
            .take(80)
            .collect::<String>();
        let what =
            format!("status {status} with content type {kind:?} and body {body:?} is no problem");
        report.want(false, place, || (what, SHAPE));
        return;
    }
    report.want(said(headers, "cache-control") == "no-store", place, || {
        (
            "Cache-Control is not no-store: a cache may keep the failure".into(),
            LAYER,
        )
    });
    if status == StatusCode::METHOD_NOT_ALLOWED {
        report.want(headers.contains_key(header::ALLOW), place, || {
            (
                "a 405 without Allow".into(),
                "send Allow with the methods that the path takes",
            )
        });
    }
    if status == StatusCode::UNAUTHORIZED {
        report.want(
            headers.contains_key(header::WWW_AUTHENTICATE),
            place,
            || {
                (
                    "a 401 without WWW-Authenticate".into(),
                    "send it with the `Fault`: `([(WWW_AUTHENTICATE, ..)], fault)`",
                )
            },
        );
    }
    if !asked.head {
        members(place, answer, report);
    }
}

fn members(place: &str, answer: &Response<Bytes>, report: &mut Report) {
    let Ok(problem) = serde_json::from_slice::<Value>(answer.body()) else {
        report.want(false, place, || ("the body is no JSON".into(), SHAPE));
        return;
    };
    let text = |key: &str| problem[key].as_str().unwrap_or("");
    for key in ["type", "title", "code", "reason", "detail"] {
        report.want(!text(key).is_empty(), place, || {
            (format!("no {key}"), SHAPE)
        });
    }
    for key in ["request_id", "trace_id", "instance", "ref"] {
        report.want(!text(key).is_empty(), place, || {
            (
                format!("no {key}"),
                "put telemetry's layer outside the errors layer; `Plimsoll::layer` does",
            )
        });
    }
    let status = answer.status().as_u16();
    report.want(problem["status"] == status, place, || {
        (
            format!(
                "`status` is {} and the answer's is {status}",
                problem["status"]
            ),
            LAYER,
        )
    });
    let code = text("code");
    report.want(is_code(code), place, || {
        (
            format!("{code:?} is no code"),
            "declare it with `catalog!`: PREFIX-1234",
        )
    });
    report.want(text("type").ends_with(&format!("/{code}")), place, || {
        (
            format!("`type` {:?} does not end in the code", text("type")),
            SHAPE,
        )
    });
    report.want(text("ref").starts_with(code), place, || {
        (
            format!("`ref` {:?} does not begin with the code", text("ref")),
            SHAPE,
        )
    });
    let id = said(answer.headers(), "x-request-id");
    report.want(id.is_empty() || id == text("request_id"), place, || {
        (
            format!(
                "`request_id` is {:?} and the header says {id:?}",
                text("request_id")
            ),
            LAYER,
        )
    });
    let waits = problem["retry"]["policy"] == "after";
    report.want(problem["retry"]["policy"].is_string(), place, || {
        ("no retry policy".into(), SHAPE)
    });
    report.want(
        !waits || answer.headers().contains_key(header::RETRY_AFTER),
        place,
        || {
            (
                "`retry` says after, and there is no Retry-After".into(),
                LAYER,
            )
        },
    );
}

fn grpc(place: &str, answer: &Response<Bytes>, report: &mut Report) {
    let (status, kind) = (answer.status(), said(answer.headers(), "content-type"));
    let trailers_only = status == StatusCode::OK && kind.starts_with("application/grpc");
    report.want(trailers_only, place, || {
        (
            format!("a gRPC call failed with HTTP {status} and content type {kind:?}"),
            SHAPE,
        )
    });
    report.want(!grpc_status(answer).is_empty(), place, || {
        ("no grpc-status".into(), SHAPE)
    });
    let details = answer.headers().contains_key("grpc-status-details-bin");
    report.want(!trailers_only || details, place, || {
        ("no grpc-status-details-bin".into(), SHAPE)
    });
}

fn is_code(code: &str) -> bool {
    code.split_once('-').is_some_and(|(prefix, number)| {
        (2..=8).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 4
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Where the page of the code is, if the service itself should have it.
pub(super) fn relative_type(answer: &Response<Bytes>) -> Option<String> {
    let problem: Value = serde_json::from_slice(answer.body()).ok()?;
    let page = problem["type"].as_str()?;
    page.starts_with('/').then(|| page.to_owned())
}
