//! Every name that leaves a process, spelled once: metrics, labels, log keys.
//!
//! The middleware writes them, the SLO rules and dashboards read them. They are
//! a numbered contract: [`CONTRACT`] is exported on `plimsoll_build_info` and
//! grows by one when a name changes its meaning or goes away.

/// Version of the contract; exported as the label `contract` of [`BUILD_INFO`].
pub const CONTRACT: &str = "1";

/// Histogram, seconds, call to end of body. Labels: method, route, status, and
/// error type where there is one. OpenTelemetry HTTP semantic conventions.
pub const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
/// Gauge: requests between call and end of body. Label: method.
pub const ACTIVE_REQUESTS: &str = "http_server_active_requests";
/// Histogram, seconds, call to response head (or to giving up without one), of
/// the requests that count for an SLO. Labels: method, route.
pub const TIME_TO_HEAD: &str = "plimsoll_time_to_head_seconds";
/// Histogram, seconds, outgoing call to response head or failure. Labels: method,
/// server address, server port, status, and error type where there is one.
/// OpenTelemetry HTTP semantic conventions.
pub const CLIENT_REQUEST_DURATION: &str = "http_client_request_duration_seconds";
/// Gauge: outgoing calls that are under way. Labels: method, server address, server port.
pub const CLIENT_ACTIVE_REQUESTS: &str = "http_client_active_requests";
/// Histogram, seconds, outgoing gRPC call to its status. Labels: RPC system,
/// service, method and status code, server address, server port, and error type
/// where there is one. OpenTelemetry RPC semantic conventions.
pub const RPC_CLIENT_DURATION: &str = "rpc_client_duration_seconds";
/// Counter: finished requests. Labels: method, route, outcome, error code, blame, slo.
pub const REQUESTS: &str = "plimsoll_requests_total";
/// Counter: requests whose call began. No labels.
pub const REQUESTS_STARTED: &str = "plimsoll_requests_started_total";
/// Histogram, seconds, call to trailers of a gRPC call. Labels: system, service,
/// method, status code. OpenTelemetry RPC semantic conventions.
pub const RPC_DURATION: &str = "rpc_server_duration_seconds";
/// Histogram, bytes that the request declares; off by default. Labels: method, route, status.
pub const REQUEST_BODY: &str = "http_server_request_body_size_bytes";
/// Histogram, bytes of the response body; off by default. Labels: method, route, status.
pub const RESPONSE_BODY: &str = "http_server_response_body_size_bytes";
/// Gauge: series of requests and of the application's own metrics.
pub const METRICS_SERIES: &str = "plimsoll_metrics_series";
/// Gauge: the budget of [`METRICS_SERIES`].
pub const METRICS_SERIES_LIMIT: &str = "plimsoll_metrics_series_limit";
/// Counter: label sets that found no room and were folded. Label: metric.
pub const METRICS_FOLDED: &str = "plimsoll_metrics_folded_total";
/// Counter: registrations of a name that is ours, of another kind, or one too many.
pub const METRICS_REFUSED: &str = "plimsoll_metrics_refused_total";
/// Counter: label values that were cut.
pub const METRICS_CUT: &str = "plimsoll_metrics_cut_values_total";
/// Gauge: families left off the page because their name stood already.
pub const METRICS_REPEATED: &str = "plimsoll_metrics_repeated_families";
/// Counter: what each signal made. Label: signal.
pub const TELEMETRY_PRODUCED: &str = "plimsoll_telemetry_produced_total";
/// Counter: what each signal handed to its sink. Label: signal.
pub const TELEMETRY_DELIVERED: &str = "plimsoll_telemetry_delivered_total";
/// Counter: bytes that each signal handed to its sink. Label: signal.
pub const TELEMETRY_BYTES: &str = "plimsoll_telemetry_bytes_total";
/// Counter: what each signal lost. Labels: signal, reason.
pub const TELEMETRY_DROPPED: &str = "plimsoll_telemetry_dropped_total";
/// Gauge: what each signal still holds. Label: signal.
pub const TELEMETRY_PENDING: &str = "plimsoll_telemetry_pending";
/// Gauge: what waits in a signal's queue: bytes of lines, spans, events. Label: signal.
pub const TELEMETRY_QUEUE_DEPTH: &str = "plimsoll_telemetry_queue_depth";
/// Gauge: what may wait in a signal's queue. Label: signal.
pub const TELEMETRY_QUEUE_CAPACITY: &str = "plimsoll_telemetry_queue_capacity";
/// Counter: writes or exports. Labels: signal, result (`success`, `failure`).
pub const TELEMETRY_EXPORTS: &str = "plimsoll_telemetry_exports_total";
/// Counter, seconds spent in writes or exports. Label: signal.
pub const TELEMETRY_EXPORT_SECONDS: &str = "plimsoll_telemetry_export_seconds_total";
/// Gauge, seconds the last write or export took. Label: signal.
pub const TELEMETRY_LAST_EXPORT: &str = "plimsoll_telemetry_last_export_seconds";
/// Gauge, seconds since the last success, or since the start while there is
/// none. Label: signal.
pub const TELEMETRY_LAST_SUCCESS: &str = "plimsoll_telemetry_last_success_age_seconds";
/// Gauge: failures since the last success. Label: signal.
pub const TELEMETRY_FAILURES: &str = "plimsoll_telemetry_consecutive_failures";
/// Counter: exports that were sent once more. Label: signal.
pub const TELEMETRY_RETRIES: &str = "plimsoll_telemetry_retries_total";
/// Counter: spans exported for how their request ended although the sampler had
/// said no. Label: reason.
pub const SPANS_KEPT: &str = "plimsoll_spans_kept_total";
/// Counter: quiet events of kept requests that were written.
pub const FLIGHT_EVENTS: &str = "plimsoll_flight_events_total";
/// Counter: quiet events of kept requests that were not written. Label: reason.
pub const FLIGHT_LEFT_OUT: &str = "plimsoll_flight_left_out_total";
/// Counter: trace contexts of untrusted callers, linked and not adopted. Labels:
/// range, and the setting that would adopt them.
pub const CONTEXTS_LINKED: &str = "plimsoll_trace_contexts_linked_total";
/// Counter: members of trusted callers' `tracestate` and `baggage` that were
/// malformed or over the limits. Label: header.
pub const CONTEXT_MEMBERS_DROPPED: &str = "plimsoll_trace_context_members_dropped_total";
/// Counter: faults in Plimsoll's own configuration. Label: setting.
pub const CONFIG_WARNINGS: &str = "plimsoll_config_warnings_total";
/// Counter: connections that ended before a request reached the layer. Label: reason.
pub const CONNECTION_ERRORS: &str = "plimsoll_connection_errors_total";
/// Counter: decisions of a limit. Labels: policy, decision.
pub const RATELIMIT_DECISIONS: &str = "plimsoll_ratelimit_decisions_total";
/// Counter: requests that a candidate quota was tried on. Labels: policy, agreement
/// (`both_allow`, `both_deny`, `newly_denied`, `newly_freed`).
pub const RATELIMIT_CANDIDATE: &str = "plimsoll_ratelimit_candidate_total";
/// Counter: decisions on cells that several keys shared for want of room. Label: policy.
pub const RATELIMIT_COARSENED: &str = "plimsoll_ratelimit_coarsened_total";
/// Gauge: cells over `burst + ⌊W / T⌋` that may pass of one key of a local limit,
/// because cores take them in advance. Label: policy.
pub const RATELIMIT_AHEAD: &str = "plimsoll_ratelimit_ahead_cells";
/// Counter: misconfigurations of limits met. Label: finding (`LIM-001` and on).
pub const RATELIMIT_FINDINGS: &str = "plimsoll_ratelimit_findings_total";
/// Counter: who decided the requests of a shared limit. Labels: policy, source.
pub const RATELIMIT_SOURCES: &str = "plimsoll_ratelimit_sources_total";
/// Gauge: cells over its quota that all processes together may admit of a
/// shared limit in any stretch of time, while its store is in order. Label: policy.
pub const RATELIMIT_OVERSHOOT: &str = "plimsoll_ratelimit_overshoot_cells";
/// Gauge: 1 while the store of the shared limits is in order, 0 while outage
/// policies hold.
pub const RATELIMIT_STORE_UP: &str = "plimsoll_ratelimit_store_up";
/// Gauge: processes that share the store, as last known.
pub const RATELIMIT_STORE_NODES: &str = "plimsoll_ratelimit_store_nodes";
/// Counter: round trips to the store.
pub const RATELIMIT_STORE_TRIPS: &str = "plimsoll_ratelimit_store_trips_total";
/// Counter, seconds that they took.
pub const RATELIMIT_STORE_SECONDS: &str = "plimsoll_ratelimit_store_seconds_total";
/// Counter: steps that they carried.
pub const RATELIMIT_STORE_CALLS: &str = "plimsoll_ratelimit_store_calls_total";
/// Counter: steps without an answer. Label: reason.
pub const RATELIMIT_STORE_FAILURES: &str = "plimsoll_ratelimit_store_failures_total";
/// Counter: attempts to find the store in order.
pub const RATELIMIT_STORE_PROBES: &str = "plimsoll_ratelimit_store_probes_total";
/// Gauge: keys with cells that were admitted without the store and are still to be debited.
pub const RATELIMIT_DEBTS: &str = "plimsoll_ratelimit_debts";
/// Counter: cells so admitted that will not be debited, for want of room.
pub const RATELIMIT_DEBTS_FORGIVEN: &str = "plimsoll_ratelimit_debts_forgiven_total";
/// Counter: cells of shared limits that requests took which did not pass after
/// all. Label: result (`given` back, `lost`).
pub const RATELIMIT_REFUNDS: &str = "plimsoll_ratelimit_refunds_total";
/// Gauge: permits of the concurrency limit that are taken.
pub const CONCURRENCY_IN_USE: &str = "plimsoll_concurrency_in_use";
/// Gauge: a request of the level passes while fewer permits are taken. Label: criticality.
pub const CONCURRENCY_ROOM: &str = "plimsoll_concurrency_room";
/// Counter: requests refused for lack of capacity, or that would have been.
/// Labels: reason, criticality, mode.
pub const SHED: &str = "plimsoll_shed_total";
/// Gauge: how hard the process is pressed by what runs out, 0 to 1. Label: resource.
pub const PRESSURE: &str = "plimsoll_pressure";
/// Gauge: the share of its memory limit that the process uses.
pub const MEMORY_USED: &str = "plimsoll_memory_limit_used_ratio";
/// Counter: what happened to calls that keep to their servers' limits. Label: result.
pub const CLIENT_PACING: &str = "plimsoll_client_pacing_total";
/// Counter: what a part did or would have done. Labels: part, mode, route.
pub const ROLLOUT: &str = "plimsoll_rollout_total";
/// Counter: causes left off request lines for coming too fast. Label: error code.
pub const LOG_CAUSES_SUPPRESSED: &str = "plimsoll_log_causes_suppressed_total";
/// Counter: failures of foreign layers that kept their own body although the shape
/// was for all. Label: reason (`body`, `passthrough`).
pub const UNSHAPED: &str = "plimsoll_unshaped_total";
/// Counter: panics of the mapper that turns our shape into a service's own.
pub const MAPPER_PANICS: &str = "plimsoll_error_mapper_panics_total";
/// Gauge, of a check itself: 1 passing, 0.5 wavering or old, 0 failing. Labels:
/// check, effect (what its failure does).
pub const CHECK_STATUS: &str = "plimsoll_health_check_status";
/// Gauge, seconds since a check's evidence was taken. Label: check.
pub const CHECK_AGE: &str = "plimsoll_health_check_age_seconds";
/// Gauge, seconds the last run of a check took. Label: check.
pub const CHECK_DURATION: &str = "plimsoll_health_check_duration_seconds";
/// Counter: how often a check changed between failing and not. Label: check.
pub const CHECK_FLAPS: &str = "plimsoll_health_check_flaps_total";
/// Gauge: 1 while a probe answers 200, else 0. Label: probe (`livez`, `readyz`,
/// `startupz`).
pub const HEALTH_PROBE: &str = "plimsoll_health_probe";
/// Gauge: steps of starting up that are not done.
pub const STARTUP_PENDING: &str = "plimsoll_health_startup_pending";
/// Gauge: 1 while the service drains, else 0.
pub const DRAINING: &str = "plimsoll_draining";
/// Gauge: requests and upgraded connections that a drain would wait for.
pub const DRAIN_IN_FLIGHT: &str = "plimsoll_drain_in_flight";
/// Gauge: upgraded connections among them.
pub const DRAIN_UPGRADED: &str = "plimsoll_drain_upgraded";
/// Counter: requests refused after the drain deadline.
pub const DRAIN_REFUSED: &str = "plimsoll_drain_refused_total";
/// Gauge: streams of gRPC's health `Watch` that are open.
pub const HEALTH_WATCHES: &str = "plimsoll_health_watches";
/// Counter: streams of gRPC's health `Watch` that found no room.
pub const HEALTH_WATCHES_REFUSED: &str = "plimsoll_health_watches_refused_total";
/// Gauge, 1: version and name contract of the library.
pub const BUILD_INFO: &str = "plimsoll_build_info";
/// Gauge, 1: the resource, with label `service_name`.
pub const TARGET_INFO: &str = "target_info";
/// Counter, seconds of CPU time of the process.
pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
/// Gauge, bytes.
pub const PROCESS_RESIDENT: &str = "process_resident_memory_bytes";
/// Gauge, bytes.
pub const PROCESS_VIRTUAL: &str = "process_virtual_memory_bytes";
/// Gauge.
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
/// Gauge; absent where there is no limit.
pub const PROCESS_MAX_FDS: &str = "process_max_fds";
/// Gauge.
pub const PROCESS_THREADS: &str = "process_threads";
/// Gauge: worker threads of the runtime that serves.
pub const RUNTIME_WORKERS: &str = "plimsoll_runtime_workers";
/// Gauge: its tasks that are alive.
pub const RUNTIME_TASKS: &str = "plimsoll_runtime_tasks";
/// Gauge: its tasks that wait in the queue of all workers.
pub const RUNTIME_QUEUE: &str = "plimsoll_runtime_queue_depth";
/// Gauge, seconds that it comes late to what is due.
pub const RUNTIME_DELAY: &str = "plimsoll_runtime_delay_seconds";
/// Counter, seconds that its workers were busy.
pub const RUNTIME_BUSY: &str = "plimsoll_runtime_busy_seconds_total";
/// Counter: how often its workers had nothing to do.
pub const RUNTIME_PARKS: &str = "plimsoll_runtime_parks_total";
/// Gauge, seconds for which one of its workers has been blocked; 0 while none is.
pub const RUNTIME_STALL: &str = "plimsoll_runtime_stall_seconds";
/// Gauge, seconds since the Unix epoch at which the process started.
pub const PROCESS_START: &str = "process_start_time_seconds";

/// The labels.
pub mod label {
    /// `GET`, `POST`, ... or `_OTHER`.
    pub const METHOD: &str = "http_request_method";
    /// The bounded route template, or [`super::value::UNMATCHED`].
    pub const ROUTE: &str = "http_route";
    /// Three digits, or `0` when no head was sent.
    pub const STATUS: &str = "http_response_status_code";
    /// Why a request failed, from a closed list; absent on success.
    pub const ERROR_TYPE: &str = "error_type";
    /// Host that a call goes to, or [`super::value::OVERFLOW`].
    pub const SERVER_ADDRESS: &str = "server_address";
    /// Port that a call goes to.
    pub const SERVER_PORT: &str = "server_port";
    /// [`crate::Outcome`].
    pub const OUTCOME: &str = "outcome";
    /// A code of a catalog, or empty.
    pub const ERROR_CODE: &str = "error_code";
    /// [`crate::Blame`], or empty.
    pub const BLAME: &str = "blame";
    /// [`crate::Slo`]: `good`, `bad` or `excluded`.
    pub const SLO: &str = "slo";
    /// `logs`, `traces`, `metrics`, `sentry`.
    pub const SIGNAL: &str = "signal";
    /// Why something was lost or closed.
    pub const REASON: &str = "reason";
    /// `livez`, `readyz` or `startupz`.
    pub const PROBE: &str = "probe";
    /// What a check's failure does: `liveness`, `readiness`, `routes` (only those
    /// that need it), or `none`.
    pub const EFFECT: &str = "effect";
    /// What runs out: memory or runtime.
    pub const RESOURCE: &str = "resource";
    /// `success` or `failure`; of [`super::CLIENT_PACING`] what happened.
    pub const RESULT: &str = "result";
    /// Name of a limit.
    pub const POLICY: &str = "policy";
    /// What a limit decided.
    pub const DECISION: &str = "decision";
    /// [`crate::Criticality`].
    pub const CRITICALITY: &str = "criticality";
    /// How a candidate quota and the live one agree.
    pub const AGREEMENT: &str = "agreement";
    /// Code of a misconfiguration.
    pub const FINDING: &str = "finding";
    /// Who decided: the store of shared limits, or what stood in for it.
    pub const SOURCE: &str = "source";
    /// Name of a health check.
    pub const CHECK: &str = "check";
    /// A part that can change an answer: `limit`, `concurrency`, `timeout`, `shape`, `drain`, `need`.
    pub const PART: &str = "part";
    /// `observe` or `enforce`.
    pub const MODE: &str = "mode";
    /// Where a peer is: a CIDR, `loopback`, `public_v4`, `public_v6` or `unknown`.
    pub const RANGE: &str = "range";
    /// Name of a request header.
    pub const HEADER: &str = "header";
    /// Name of a setting.
    pub const SETTING: &str = "setting";
    /// Name of a metric.
    pub const METRIC: &str = "metric";
    /// `grpc`.
    pub const RPC_SYSTEM: &str = "rpc_system";
    /// Full name of a service, or [`super::value::OTHER`].
    pub const RPC_SERVICE: &str = "rpc_service";
    /// Name of a method that exists, or [`super::value::OTHER`].
    pub const RPC_METHOD: &str = "rpc_method";
    /// Number of the gRPC status.
    pub const RPC_STATUS: &str = "rpc_grpc_status_code";
    /// OpenTelemetry's `service.name`.
    pub const SERVICE_NAME: &str = "service_name";
}

/// Names of the crate `axum-prometheus` 0.10, written when they are asked for.
pub mod axum_prometheus {
    /// Counter. Labels: method, status, endpoint.
    pub const TOTAL: &str = "axum_http_requests_total";
    /// Histogram, seconds, call to response head. Labels: method, status, endpoint.
    pub const DURATION: &str = "axum_http_requests_duration_seconds";
    /// Gauge. Labels: method, endpoint.
    pub const PENDING: &str = "axum_http_requests_pending";
    /// A known method, else empty.
    pub const METHOD: &str = "method";
    /// HTTP status.
    pub const STATUS: &str = "status";
    /// The route template.
    pub const ENDPOINT: &str = "endpoint";
    /// Upper bounds in seconds that are ours but not its own.
    pub const NO_BUCKETS: [f64; 3] = [0.075, 0.75, 7.5];
}

/// Label values with a meaning of their own.
pub mod value {
    /// Route of a request that matched none.
    pub const UNMATCHED: &str = "unmatched";
    /// Method that is not in the semantic conventions' list.
    pub const OTHER: &str = "_OTHER";
    /// Decision of a limit that lets a request pass.
    pub const ALLOW: &str = "allow";
    /// Decision of a limit that refuses a request.
    pub const DENY: &str = "deny";
    /// Decision of a limit that would refuse a request if it might.
    pub const OBSERVED: &str = "observed";
    /// Decision of a limit that would refuse a request of a proxy nobody named.
    pub const OBSERVED_UNNAMED_PROXY: &str = "observed_unnamed_proxy";
    /// A limit that finds nobody to count a request for.
    pub const NO_KEY: &str = "no_key";
    /// Series into which everything over the budget is folded.
    pub const OVERFLOW: &str = "overflow";
    /// The code of a panic: Plimsoll's own, as its catalog has it.
    pub const CODE_PANICKED: &str = "PLM-5001";
    /// The code of an answer whose body broke off on our side.
    pub const CODE_BODY_BROKEN: &str = "PLM-5004";
}

/// Upper bounds in seconds of every duration histogram: the advice of
/// OpenTelemetry's HTTP semantic conventions for `http.server.request.duration`.
pub const SECONDS_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Upper bounds in bytes of every size histogram: powers of four from 256 B to 16 MiB.
pub const BYTES_BUCKETS: [f64; 9] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
];

/// Keys of log lines. Those of a request's line come first, in the order in
/// which they stand; `crates/telemetry/schema/log-line.schema.json` has their types.
pub mod key {
    /// RFC 3339, UTC, microseconds.
    pub const TIME: &str = "time";
    /// `INFO`, `WARN`, `ERROR`; an event's also `DEBUG`, `TRACE`.
    pub const LEVEL: &str = "level";
    /// `plimsoll::access` for the request's own line, else the event's target.
    pub const TARGET: &str = "target";
    /// The text.
    pub const MESSAGE: &str = "message";
    /// OpenTelemetry's `service.name`.
    pub const SERVICE: &str = "service";
    /// Thirty-two lower-case hexadecimal digits.
    pub const TRACE_ID: &str = "trace_id";
    /// Sixteen lower-case hexadecimal digits.
    pub const SPAN_ID: &str = "span_id";
    /// The validated or generated request id.
    pub const REQUEST_ID: &str = "request_id";
    /// `true` on an event that was written only because its request ended badly.
    pub const FLIGHT: &str = "flight";
    /// As [`super::label::METHOD`].
    pub const METHOD: &str = "method";
    /// As [`super::label::ROUTE`].
    pub const ROUTE: &str = "route";
    /// The path as the client sent it, without the query, bounded.
    pub const PATH: &str = "path";
    /// HTTP status; 0 when no head was sent.
    pub const STATUS: &str = "status";
    /// [`crate::Outcome`].
    pub const OUTCOME: &str = "outcome";
    /// Code of a catalog.
    pub const CODE: &str = "code";
    /// [`crate::Blame`].
    pub const BLAME: &str = "blame";
    /// [`crate::Slo`].
    pub const SLO: &str = "slo";
    /// How many requests the line stands for, where lines of successes are sampled.
    pub const WEIGHT: &str = "weight";
    /// Service of a gRPC method that exists, else `_OTHER`.
    pub const RPC_SERVICE: &str = "rpc_service";
    /// A gRPC method that exists, else `_OTHER`.
    pub const RPC_METHOD: &str = "rpc_method";
    /// gRPC status code.
    pub const GRPC_STATUS: &str = "grpc_status";
    /// What the caller's `grpc-timeout` gave the call, milliseconds.
    pub const GRPC_TIMEOUT_MS: &str = "grpc_timeout_ms";
    /// Messages of the response body.
    pub const GRPC_SENT: &str = "grpc_sent";
    /// The support reference that the client was shown.
    pub const REF: &str = "ref";
    /// The failure's source chain or panic message, bounded.
    pub const CAUSE: &str = "cause";
    /// [`crate::Keep`]: why the request's details were kept.
    pub const KEEP: &str = "keep";
    /// Call to end of body, milliseconds.
    pub const DURATION_MS: &str = "duration_ms";
    /// Call to head, or to giving up without one, milliseconds.
    pub const HEAD_MS: &str = "head_ms";
    /// Declared length of the request body.
    pub const BYTES_IN: &str = "bytes_in";
    /// Data bytes of the response body handed on.
    pub const BYTES_OUT: &str = "bytes_out";
    /// Requests in flight at the call, itself included.
    pub const IN_FLIGHT: &str = "in_flight";
    /// Outgoing calls that the request made; absent without any, like the next two.
    pub const CALLS: &str = "calls";
    /// Those of them that failed.
    pub const CALLS_FAILED: &str = "calls_failed";
    /// Time in which at least one of them was under way, milliseconds.
    pub const CALLS_MS: &str = "calls_ms";
    /// Whether the request's span is recorded.
    pub const SAMPLED: &str = "sampled";
    /// [`crate::Agent`].
    pub const AGENT: &str = "agent";
    /// Whom the limits count.
    pub const CLIENT: &str = "client";
    /// Name of the tightest limit.
    pub const LIMIT: &str = "limit";
    /// What it decided.
    pub const DECISION: &str = "decision";
    /// How long a refused client was told to wait, milliseconds.
    pub const RETRY_AFTER_MS: &str = "retry_after_ms";
    /// [`crate::Criticality`], when somebody said it.
    pub const CRITICALITY: &str = "criticality";
    /// Trace of a caller that was not trusted.
    pub const LINKED_TRACE_ID: &str = "linked_trace_id";

    /// Before the name of an event's field that has a name of the line itself.
    pub const FIELD_PREFIX: &str = "field.";
    /// How many lines of a callsite were not written for coming too fast.
    pub const SUPPRESSED: &str = "suppressed";
    /// Target of that callsite.
    pub const CALLSITE: &str = "callsite";
    /// File and line of that callsite.
    pub const CALLSITE_FILE: &str = "callsite_file";
    /// How many lines were lost since the last such line.
    pub const LOST: &str = "lost";
}
