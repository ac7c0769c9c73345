//! `application/health+json` (draft-inadarei-api-health-check-06).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::response;
use crate::evidence::Status;
use crate::health::{Health, Probe, Row};

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
    match serde_json::to_vec(&document) {
        Ok(json) => response(status, "application/health+json", json.into()),
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
    let time = |(taken, _)| {
        let wall = health.0.clock.wall(taken);
        jiff::Timestamp::try_from(wall)
            .ok()
            .map(|time| format!("{time:.3}"))
    };
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
