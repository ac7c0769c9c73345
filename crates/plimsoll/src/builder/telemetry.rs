//! What an operator may set of telemetry.

use plimsoll_core::Keep;
use plimsoll_core::settings::{self, Settings};
use plimsoll_telemetry::{Builder, Format, Ownership};

/// Telemetry as the settings want it. `rust_log` is the filter of a service
/// whose operator named no other.
pub(super) fn apply(
    mut telemetry: Builder,
    settings: &Settings,
    rust_log: Option<String>,
) -> Builder {
    if let Some(filter) = settings.get("log").map(str::to_owned).or(rust_log) {
        telemetry = telemetry.log_filter(filter);
    }
    if let Some(lines) = settings.get("log_callsite") {
        // Found to be a number or `off`.
        telemetry = telemetry.log_callsite(lines.parse::<u32>().ok());
    }
    if let Some(share) = settings.parse("log_success_sample") {
        telemetry = telemetry.log_success_sample(share);
    }
    match settings.get("log_format") {
        Some("json") => telemetry = telemetry.format(Format::Json),
        Some("pretty") => telemetry = telemetry.format(Format::Pretty),
        _ => {}
    }
    if let Some(filter) = settings.get("trace_filter") {
        telemetry = telemetry.trace_filter(filter);
    }
    if let Some(switch) = settings.get("flight") {
        telemetry = telemetry.flight(switch == "on");
    }
    if let Some(targets) = settings.get("flight_targets") {
        telemetry = telemetry.flight_targets(targets);
    }
    let triggers = settings.get("flight_triggers").map(Keep::list);
    if let Some(Ok(triggers)) = triggers {
        telemetry = telemetry.flight_triggers(triggers);
    }
    if let Some(bytes) = settings.parse("flight_bytes") {
        telemetry = telemetry.flight_bytes(bytes);
    }
    if let Some(lines) = settings.parse("flight_lines") {
        telemetry = telemetry.flight_lines(lines);
    }
    if let Some(names) = settings.get("log_headers") {
        telemetry = telemetry.log_headers(names);
    }
    if let Some(names) = settings.get("log_query") {
        telemetry = telemetry.log_query(names);
    }
    if let Some(file) = settings.get("errors_seen") {
        telemetry = telemetry.errors_seen(file);
    }
    if let Some(of) = settings.parse::<Ownership>("logs") {
        telemetry = telemetry.logs(of);
    }
    if let Some(of) = settings.parse::<Ownership>("metrics") {
        telemetry = telemetry.metrics(of);
    }
    if let Some(of) = settings.parse::<Ownership>("traces") {
        telemetry = telemetry.traces(of);
    }
    if let Some(of) = settings.parse::<Ownership>("sentry") {
        telemetry = telemetry.sentry(of);
    }
    if let Some(lean) = settings.parse("lean") {
        telemetry = telemetry.lean(lean);
    }
    if let Some(ratio) = settings.parse("sample_ratio") {
        telemetry = match settings.source("sample_ratio") {
            Some(settings::Source::Env) => telemetry.operator_sample_ratio(ratio),
            _ => telemetry.sample_ratio(ratio),
        };
    }
    if let Some(keep) = settings.parse("keep") {
        telemetry = telemetry.keep_failures(keep);
    }
    if let Some(most) = settings.parse("metrics_series") {
        telemetry = telemetry.metrics_series(most);
    }
    if let Some(most) = settings.parse("metrics_series_per_metric") {
        telemetry = telemetry.metrics_series_per_metric(most);
    }
    if let Some(on) = settings.parse("metrics_sizes") {
        telemetry = telemetry.metrics_sizes(on);
    }
    for alias in settings::list(settings.get("aliases").unwrap_or("")) {
        if let Ok(alias) = alias.parse() {
            telemetry = telemetry.metrics_alias(alias);
        }
    }
    telemetry
}
