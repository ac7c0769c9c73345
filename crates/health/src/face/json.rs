//! `application/health+json` (draft-inadarei-api-health-check-06).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::response;
use crate::evidence::Status;
use crate::health::{Health, Probe, Row};
use crate::history::Transition;

#[derive(Serialize)]
struct Document<'a> {
    status: &'static str,
    checks: BTreeMap<String, [Entry<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    component_type: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
}

/// Liveness and readiness in one document.
pub(super) fn answer(health: &Health, detail: bool) -> Response<Bytes> {
    let mut rows = health.rows(Probe::Live);
    rows.extend(health.rows(Probe::Ready));
    let worst = rows.iter().map(|row| row.status).max();
    let worst = worst.unwrap_or(Status::Pass);
    let checks = rows
        .iter()
        .map(|row| (key(row), [entry(health, row, detail)]));
    let document = Document {
        status: worst.as_str(),
        checks: checks.collect(),
    };
    let status = match worst {
        Status::Fail => StatusCode::SERVICE_UNAVAILABLE,
        Status::Pass | Status::Warn => StatusCode::OK,
    };
    written(status, "application/health+json", &document)
}

#[derive(Serialize)]
struct Ring<'a> {
    /// Transitions before these, which are no longer kept.
    forgotten: u64,
    transitions: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    time: Option<String>,
    name: &'a str,
    from: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn of(one: &'a Transition) -> Self {
        Self {
            time: stamp(one.at),
            name: &one.name,
            from: one.from.map_or("unknown", Status::as_str),
            to: one.to.as_str(),
            why: one.why.as_deref(),
        }
    }
}

/// The last transitions, oldest first.
pub(super) fn history(health: &Health) -> Response<Bytes> {
    let (transitions, forgotten) = health.history();
    let ring = Ring {
        forgotten,
        transitions: transitions.iter().map(Change::of).collect(),
    };
    written(StatusCode::OK, "application/json", &ring)
}

/// RFC 3339 with milliseconds.
fn stamp(at: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(at).ok()?;
    Some(format!("{time:.3}"))
}

fn written(status: StatusCode, kind: &'static str, document: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(document) {
        Ok(json) => response(status, kind, json.into()),
        Err(error) => response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            error.to_string().into(),
        ),
    }
}

/// `component:measurement`, or the component alone where nothing is measured.
fn key(row: &Row<'_>) -> String {
    match row.run {
        Some(_) => format!("{}:responseTime", row.name),
        None => row.name.clone().into_owned(),
    }
}

fn entry<'a>(health: &Health, row: &'a Row<'_>, detail: bool) -> Entry<'a> {
    let took = |(_, took)| Duration::from_nanos(took).as_secs_f64() * 1_000.0;
    let time = |(taken, _)| stamp(health.0.clock.wall(taken));
    Entry {
        component_type: if row.run.is_some() {
            "component"
        } else {
            "system"
        },
        status: row.status.as_str(),
        observed_value: row.run.map(took),
        observed_unit: row.run.map(|_| "ms"),
        time: row.run.and_then(time),
        output: row.told(detail),
    }
}
