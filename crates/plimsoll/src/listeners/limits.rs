//! The limits as they stand: quotas, modes, decisions, candidates, findings.

use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plimsoll_core::Mode;
use plimsoll_ratelimit::limiter::RefusedKey;
use plimsoll_ratelimit::{Limiter, PolicyReport, Quota};
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
    for found in crate::limits::findings(&limiters) {
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
    let keys = |rows: Vec<RefusedKey>| {
        let row =
            |row: RefusedKey| json!({ "key": row.key, "count": row.count, "error": row.error });
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    let newly_denied = keys(report.newly_denied);
    let candidate = report.candidate.map(|(quota, agreements)| {
        json!({
            "quota": quota.to_string(),
            "requests": counts(agreements),
            "newly_denied": newly_denied,
        })
    });
    json!({
        "policy": report.policy,
        "quota": report.quota.to_string(),
        "planned_keys": report.planned_keys,
        "mode": report.mode.as_str(),
        "decisions": counts(report.decisions),
        "coarsened": report.coarsened,
        "ahead": report.ahead,
        "candidate": candidate,
        "most_refused": keys(report.refused),
        "refused_missed": report.refused_missed,
    })
}

/// What is to change of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wanted {
    mode: Option<Mode>,
    quota: Option<Quota>,
}

/// Takes `{"per-client": "observe"}` or `{"per-client": {"quota": "100/s burst 200"}}`;
/// all of it or none.
pub(super) async fn change(
    State(plimsoll): State<Plimsoll>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = refuse_other_types(&headers) {
        return refused;
    }
    let limiters = plimsoll.0.limiters();
    match apply(&limiters, &body) {
        Ok(()) => Json(told(&plimsoll)).into_response(),
        Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault}\n")).into_response(),
    }
}

fn apply(limiters: &[Limiter], body: &[u8]) -> Result<(), String> {
    let reports: Vec<_> = limiters.iter().map(Limiter::report).collect();
    let names: Vec<_> = reports.iter().flatten().map(|row| row.policy).collect();
    let wanted = read(body, &names)?;
    let of = |policy: &str| {
        let has = |(_, rows): &(&Limiter, &Vec<PolicyReport>)| {
            rows.iter().any(|row| row.policy == policy)
        };
        let mut pairs = limiters.iter().zip(&reports);
        pairs.find(has).map(|(limiter, _)| limiter)
    };
    for (policy, wanted) in &wanted {
        if let (Some(quota), Some(limiter)) = (wanted.quota, of(policy)) {
            let checked = limiter.check_quota(policy, quota);
            checked.map_err(|error| error.to_string())?;
        }
    }
    for (policy, wanted) in wanted {
        let Some(limiter) = of(&policy) else { continue };
        if let Some(quota) = wanted.quota {
            let changed = limiter.set_quota(&policy, quota);
            changed.map_err(|error| error.to_string())?;
            tracing::warn!(policy, quota = %quota, "quota of a limit changed");
        }
        if let Some(mode) = wanted.mode {
            limiter.set_mode(&policy, mode);
            tracing::warn!(policy, mode = mode.as_str(), "mode of a limit changed");
        }
    }
    Ok(())
}

fn read(body: &[u8], names: &[&str]) -> Result<Vec<(String, Wanted)>, String> {
    let example = r#"send for example {"per-client":"observe"} or {"per-client":{"quota":"100/s burst 200"}}"#;
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("{error}; {example}"))?;
    let one = |(policy, wanted): (String, Value)| {
        if !names.contains(&policy.as_str()) {
            return Err(format!(
                "no limit is named {policy:?}; there are {}",
                names.join(", ")
            ));
        }
        let members = match wanted {
            Value::Object(members) => members,
            mode => Map::from_iter([("mode".to_owned(), mode)]),
        };
        let mut wanted = Wanted::default();
        for (member, value) in &members {
            let text = value.as_str();
            let text = text.ok_or_else(|| format!("{policy}: {example}"))?;
            match member.as_str() {
                "mode" => wanted.mode = Some(parsed(&policy, text)?),
                "quota" => wanted.quota = Some(parsed(&policy, text)?),
                other => return Err(format!("{policy}: {other:?} is no member; {example}")),
            }
        }
        Ok((policy, wanted))
    };
    sent.into_iter().map(one).collect()
}

fn parsed<T>(policy: &str, text: &str) -> Result<T, String>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error| format!("{policy}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_quotas_are_taken_for_limits_that_there_are() {
        let names = ["per-client", "by-key"];
        let read = |body: &str| read(body.as_bytes(), &names);
        let off = Wanted {
            mode: Some(Mode::Off),
            ..Wanted::default()
        };
        let one = |wanted| Ok(vec![("by-key".to_owned(), wanted)]);
        assert_eq!(read(r#"{"by-key":"off"}"#), one(off));
        let quota = Some(Quota::per_second(9).burst(2));
        let both = Wanted { quota, ..off };
        let sent = r#"{"by-key":{"mode":"off","quota":"9/s burst 2"}}"#;
        assert_eq!(read(sent), one(both));
        for (wrong, part) in [
            (r#"{"by-key":"off","x":"off"}"#, "per-client, by-key"),
            (r#"{"by-key":"on"}"#, "observe"),
            (r#"{"by-key":1}"#, "send for example"),
            (r#"{"by-key":{"quota":"9"}}"#, "is no quota"),
            (r#"{"by-key":{"burst":"9"}}"#, "is no member"),
            ("[]", "send for example"),
        ] {
            assert!(read(wrong).unwrap_err().contains(part), "{wrong}");
        }
    }
}
