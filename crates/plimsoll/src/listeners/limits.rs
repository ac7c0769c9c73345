//! The limits as they stand: quotas, modes, decisions, candidates, findings.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plimsoll_core::Mode;
use plimsoll_ratelimit::{Limiter, PolicyReport};
use serde_json::{Map, Value, json};

use super::control::refuse_other_types;
use crate::Plimsoll;

pub(super) async fn tell(State(plimsoll): State<Plimsoll>) -> Json<Value> {
    Json(told(&plimsoll))
}

fn told(plimsoll: &Plimsoll) -> Value {
    let limiters = plimsoll.0.limiters();
    let policies: Vec<_> = limiters.iter().flat_map(Limiter::report).map(row).collect();
    let mut findings = Map::new();
    for found in limiters.iter().flat_map(Limiter::findings) {
        let (code, text) = (found.finding.code(), found.finding.text());
        findings.insert(code.into(), json!({ "count": found.count, "text": text }));
    }
    json!({ "policies": policies, "findings": findings })
}

fn row(report: PolicyReport) -> Value {
    let counts = |counts: Vec<(&str, u64)>| {
        let pairs = counts
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count.into()));
        Value::Object(pairs.collect())
    };
    let candidate = report.candidate.map(
        |(quota, agreements)| json!({ "quota": quota.to_string(), "requests": counts(agreements) }),
    );
    let refused = report
        .refused
        .into_iter()
        .map(|row| json!({ "key": row.key, "count": row.count, "error": row.error }));
    json!({
        "policy": report.policy,
        "quota": report.quota.to_string(),
        "planned_keys": report.planned_keys,
        "mode": report.mode.as_str(),
        "decisions": counts(report.decisions),
        "coarsened": report.coarsened,
        "candidate": candidate,
        "most_refused": refused.collect::<Vec<_>>(),
    })
}

/// Takes `{"per-client": "observe"}`; all of it or none.
pub(super) async fn change(
    State(plimsoll): State<Plimsoll>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = refuse_other_types(&headers) {
        return refused;
    }
    let limiters = plimsoll.0.limiters();
    let names: Vec<_> = limiters
        .iter()
        .flat_map(Limiter::report)
        .map(|row| row.policy)
        .collect();
    match read(&body, &names) {
        Ok(modes) => {
            for (policy, mode) in modes {
                for limiter in &limiters {
                    limiter.set_mode(&policy, mode);
                }
                tracing::warn!(policy, mode = mode.as_str(), "mode of a limit changed");
            }
            Json(told(&plimsoll)).into_response()
        }
        Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault}\n")).into_response(),
    }
}

fn read(body: &[u8], names: &[&str]) -> Result<Vec<(String, Mode)>, String> {
    let example = r#"send for example {"per-client":"observe"}"#;
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("{error}; {example}"))?;
    let one = |(policy, mode): (String, Value)| {
        if !names.contains(&policy.as_str()) {
            return Err(format!(
                "no limit is named {policy:?}; there are {}",
                names.join(", ")
            ));
        }
        let mode = mode
            .as_str()
            .ok_or_else(|| format!("{policy}: {example}"))?;
        let mode = mode.parse().map_err(|error| format!("{policy}: {error}"))?;
        Ok((policy, mode))
    };
    sent.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_taken_for_limits_that_there_are() {
        let names = ["per-client", "by-key"];
        let read = |body: &str| read(body.as_bytes(), &names);
        let one = vec![("by-key".to_owned(), Mode::Off)];
        assert_eq!(read(r#"{"by-key":"off"}"#), Ok(one));
        for (wrong, part) in [
            (r#"{"by-key":"off","x":"off"}"#, "per-client, by-key"),
            (r#"{"by-key":"on"}"#, "observe"),
            (r#"{"by-key":1}"#, "send for example"),
            ("[]", "send for example"),
        ] {
            assert!(read(wrong).unwrap_err().contains(part), "{wrong}");
        }
    }
}
