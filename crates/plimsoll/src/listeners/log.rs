//! `/log` of the control listener: what is logged, recorded and sampled, changed
//! for a while. What was configured returns by itself.
//!
//! `GET` tells what holds. `PUT /log?ttl=10m` with `{"log": "info,card_service=debug"}`
//! changes it for 10 minutes (default 15 minutes, at most 24 hours); a key left
//! out is as configured. `DELETE` ends a change. Every change and its end is a
//! log line, whatever the levels.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plimsoll_telemetry::{Directives, Keep};
use serde_json::{Map, Value, json};

use super::control::refuse_other_types;
use crate::{PeerAddr, Plimsoll};

/// How long a change holds unless told otherwise.
const TTL: Duration = Duration::from_mins(15);

/// How long a change may hold.
const TTL_MAX: Duration = Duration::from_hours(24);

const EXAMPLE: &str = r#"send for example {"log":"info,card_service=debug"} to /log?ttl=10m; keys are log, flight, flight_triggers, sample_ratio"#;

pub(super) async fn tell(State(plimsoll): State<Plimsoll>) -> Json<Value> {
    Json(told(&plimsoll))
}

pub(super) async fn change(
    State(plimsoll): State<Plimsoll>,
    peer: Option<Extension<PeerAddr>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = refuse_other_types(&headers) {
        return refused;
    }
    let telemetry = plimsoll.telemetry();
    let asked = ttl(query.as_deref())
        .and_then(|ttl| Ok((ttl, read(&body, &telemetry.levels().configured)?)));
    let set = asked.and_then(|(ttl, directives)| {
        possible(&plimsoll, &directives)?;
        let set = telemetry.set_levels(directives, ttl, &name(peer));
        set.map_err(|error| format!("{}: {error}", error.setting))
    });
    match set {
        Ok(()) => {
            revert_in_time(&plimsoll);
            Json(told(&plimsoll)).into_response()
        }
        Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault}\n")).into_response(),
    }
}

pub(super) async fn revert(
    State(plimsoll): State<Plimsoll>,
    peer: Option<Extension<PeerAddr>>,
) -> Json<Value> {
    plimsoll.telemetry().revert_levels(&name(peer));
    Json(told(&plimsoll))
}

fn name(peer: Option<Extension<PeerAddr>>) -> String {
    let peer: Option<SocketAddr> = peer.map(|Extension(PeerAddr(peer))| peer);
    peer.map_or_else(|| "unknown peer".into(), |peer| peer.to_string())
}

/// Ends the change on time although nobody asks. One timer is enough: each
/// change replaces the one before, and with it its end.
fn revert_in_time(plimsoll: &Plimsoll) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        // Polled by no runtime of tokio's: the next one who asks ends it.
        return;
    };
    let shared = Arc::downgrade(&plimsoll.0);
    let timer = runtime.spawn(async move {
        loop {
            let left = shared.upgrade().and_then(|shared| {
                let (_, left) = shared.telemetry.levels().change?;
                Some(left)
            });
            let Some(left) = left else { return };
            tokio::time::sleep(left).await;
        }
    });
    let earlier = plimsoll.0.revert.lock();
    let earlier = earlier
        .unwrap_or_else(PoisonError::into_inner)
        .replace(timer.abort_handle());
    if let Some(earlier) = earlier {
        earlier.abort();
    }
}

fn told(plimsoll: &Plimsoll) -> Value {
    let levels = plimsoll.telemetry().levels();
    let mut told = json!({
        "current": shown(&levels.current),
        "configured": shown(&levels.configured),
    });
    if let Some((change, left)) = levels.change {
        let until = SystemTime::now() + left;
        told["until"] = humantime::format_rfc3339_seconds(until).to_string().into();
        told["left_seconds"] = left.as_secs().into();
        told["by"] = change.by.into();
    }
    told
}

fn shown(directives: &Directives) -> Value {
    let triggers: Vec<_> = directives
        .triggers
        .iter()
        .map(|keep| keep.as_str())
        .collect();
    json!({
        "log": directives.log,
        "flight": directives.flight.as_deref().unwrap_or("off"),
        "flight_triggers": if triggers.is_empty() { "none".into() } else { triggers.join(",") },
        "sample_ratio": directives.sample_ratio,
    })
}

fn ttl(query: Option<&str>) -> Result<Duration, String> {
    let mut ttl = TTL;
    for pair in query
        .unwrap_or("")
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let ("ttl", text) = pair.split_once('=').unwrap_or((pair, "")) else {
            return Err(format!(
                "{pair:?} in the query: only ttl is known; {EXAMPLE}"
            ));
        };
        ttl = humantime::parse_duration(text)
            .map_err(|error| format!("ttl {text:?}: {error}; write for example ttl=10m"))?;
        if ttl.is_zero() || ttl > TTL_MAX {
            return Err(format!("ttl {text:?}: write more than 0s and at most 24h"));
        }
    }
    Ok(ttl)
}

/// Takes what is sent over what is configured; all of it or nothing.
fn read(body: &[u8], configured: &Directives) -> Result<Directives, String> {
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("{error}; {EXAMPLE}"))?;
    if sent.is_empty() {
        return Err(format!("nothing is changed; {EXAMPLE}"));
    }
    let mut directives = configured.clone();
    for (key, value) in sent {
        match (key.as_str(), value) {
            ("log", Value::String(log)) => directives.log = log,
            ("flight", Value::String(targets)) => {
                directives.flight = (targets != "off").then_some(targets);
            }
            ("flight_triggers", Value::String(triggers)) => {
                let triggers = Keep::list(&triggers);
                directives.triggers = triggers.map_err(|error| format!("{key}: {error}"))?;
            }
            ("sample_ratio", Value::Number(ratio)) => {
                let ratio = ratio.as_f64().filter(|ratio| (0.0..=1.0).contains(ratio));
                let ratio = ratio.ok_or_else(|| format!("{key}: write a number from 0 to 1"))?;
                directives.sample_ratio = Some(ratio);
            }
            (_, value) => return Err(format!("{key}: {value} cannot be set; {EXAMPLE}")),
        }
    }
    Ok(directives)
}

/// Refuses what would have no effect.
fn possible(plimsoll: &Plimsoll, directives: &Directives) -> Result<(), String> {
    let telemetry = plimsoll.telemetry();
    if directives.flight.is_some() && !telemetry.records_flights() {
        return Err("flight: the logs are not our own, so nothing can be recorded".into());
    }
    if directives.sample_ratio.is_some() && !telemetry.samples_traces() {
        return Err(
            "sample_ratio: no spans are exported by us, so there is nothing to sample".into(),
        );
    }
    Ok(())
}
