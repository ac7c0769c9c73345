//! Everything that changes things, and the details that are for operators only.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use plimsoll_core::{Mode, Part};
use serde_json::{Map, Value, json};
use std::sync::PoisonError;

use super::{limits, log};
use crate::Plimsoll;

pub(crate) fn router(plimsoll: Plimsoll) -> Router {
    let shared = &*plimsoll.0;
    let own = shared
        .control_routes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Router::new()
        .route(
            "/",
            get(async || "/rollout (GET, PUT)\n/limits (GET, PUT)\n/log (GET, PUT, DELETE)\n/health\n/health/history\n/ledger\n/series\n/errors.json\n"),
        )
        .route("/rollout", get(rollout).put(change))
        .route("/limits", get(limits::tell).put(limits::change))
        .route("/log", get(log::tell).put(log::change).delete(log::revert))
        .route("/ledger", get(ledger))
        .route("/series", get(series))
        .route("/errors.json", get(catalog))
        .fallback(probe)
        .with_state(plimsoll.clone())
        .merge(own)
        .layer(middleware::from_fn_with_state(plimsoll, admit))
}

/// With a token configured, only its bearer may come in.
async fn admit(State(plimsoll): State<Plimsoll>, request: Request, next: Next) -> Response {
    let Some(token) = &plimsoll.0.control_token else {
        // A page in a browser can name us by a host of its own (DNS rebinding).
        if is_loopback(&request) {
            return next.run(request).await;
        }
        let why = "without a token only a loopback address may be asked for\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    };
    let sent = request.headers().get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if sent.is_some_and(|sent| same(sent, token.expose().as_bytes())) {
        return next.run(request).await;
    }
    let mut denied = (StatusCode::UNAUTHORIZED, "a bearer token is needed\n").into_response();
    let challenge = HeaderValue::from_static("Bearer");
    denied
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    denied
}

/// Whether the request names us as the loopback.
fn is_loopback(request: &Request) -> bool {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| request.uri().host()) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Compares without telling by its time how much was right.
fn same(one: &[u8], two: &[u8]) -> bool {
    let differ = one
        .iter()
        .zip(two)
        .fold(0, |differ, (one, two)| differ | (one ^ two));
    one.len() == two.len() && differ == 0
}

/// The catalog in every voice, as `plimsoll errors` reads it.
async fn catalog(State(plimsoll): State<Plimsoll>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, plimsoll.0.catalog.text()).into_response()
}

async fn rollout(State(plimsoll): State<Plimsoll>) -> Json<Value> {
    Json(told(&plimsoll))
}

fn told(plimsoll: &Plimsoll) -> Value {
    let rollout = plimsoll.rollout();
    let modes: Map<_, _> = Part::ALL
        .into_iter()
        .map(|part| (part.as_str().to_owned(), rollout.mode(part).as_str().into()))
        .collect();
    let counts: Vec<_> = rollout
        .counts()
        .into_iter()
        .map(|row| {
            json!({
                "part": row.part.as_str(),
                "mode": row.mode,
                "route": row.route,
                "count": row.count,
            })
        })
        .collect();
    json!({ "modes": modes, "counts": counts })
}

/// Takes `{"limit": "observe", "timeout": "off"}`, or `{"all": "enforce"}`; all of it or none.
async fn change(State(plimsoll): State<Plimsoll>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = refuse_other_types(&headers) {
        return refused;
    }
    match read(&body) {
        Ok(modes) => {
            for (part, mode) in modes {
                plimsoll.rollout().set(part, mode);
                tracing::warn!(part = part.as_str(), mode = mode.as_str(), "mode changed");
            }
            Json(told(&plimsoll)).into_response()
        }
        Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault}\n")).into_response(),
    }
}

/// A page in an operator's browser can send types other than JSON without asking.
pub(super) fn refuse_other_types(headers: &HeaderMap) -> Option<Response> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return None;
    }
    let why = "send application/json\n";
    Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response())
}

fn read(body: &[u8]) -> Result<Vec<(Part, Mode)>, String> {
    let example = r#"send for example {"limit":"observe"} or {"all":"enforce"}"#;
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("{error}; {example}"))?;
    let mut modes = Vec::new();
    for (part, mode) in sent {
        let mode = mode.as_str().ok_or_else(|| format!("{part}: {example}"))?;
        let mode: Mode = mode.parse().map_err(|error| format!("{part}: {error}"))?;
        if part == "all" {
            modes.extend(Part::ALL.map(|part| (part, mode)));
        } else {
            modes.push((part.parse().map_err(|error| format!("{error}"))?, mode));
        }
    }
    Ok(modes)
}

async fn ledger(State(plimsoll): State<Plimsoll>) -> Response {
    let report = plimsoll.telemetry().report().to_string();
    ([(header::CONTENT_TYPE, "application/json")], report).into_response()
}

/// The metrics with the most series, and the label that makes them.
async fn series(State(plimsoll): State<Plimsoll>) -> Json<Value> {
    let largest = plimsoll.telemetry().largest_metrics();
    let rows = largest.into_iter().map(|one| {
        json!({
            "metric": one.metric,
            "series": one.series,
            "label_sets": one.label_sets,
            "label": one.label,
            "values": one.values,
            "folded": one.folded,
        })
    });
    Json(json!({ "largest": rows.collect::<Vec<_>>() }))
}

async fn probe(State(plimsoll): State<Plimsoll>, request: Request) -> Response {
    let uri = request.uri();
    match plimsoll.health().answer(uri.path(), uri.query(), true) {
        Some(answer) => answer.map(Body::from),
        None => (StatusCode::NOT_FOUND, "not here; / lists what is\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_taken_whole_or_not_at_all() {
        assert_eq!(
            read(br#"{"limit":"off"}"#),
            Ok(vec![(Part::Limit, Mode::Off)])
        );
        assert_eq!(
            read(br#"{"all":"observe"}"#).unwrap().len(),
            Part::ALL.len()
        );
        for bad in [
            &b"{"[..],
            br#"{"limit":1}"#,
            br#"{"limit":"on"}"#,
            br#"{"limits":"off"}"#,
        ] {
            assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn only_loopback_names_are_ours_without_a_token() {
        for (host, ours) in [
            ("localhost:8082", true),
            ("127.0.0.1:8082", true),
            ("127.9.9.9", true),
            ("[::1]:8082", true),
            ("evil.example:8082", false),
            ("localhost.evil.example", false),
            ("10.0.0.1:8082", false),
        ] {
            let request = Request::builder()
                .header(header::HOST, host)
                .body(Body::empty());
            assert_eq!(is_loopback(&request.unwrap()), ours, "{host}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        for wrong in [&b"ab"[..], b"abcd", b"abd", b""] {
            assert!(!same(wrong, b"abc"));
        }
    }
}
